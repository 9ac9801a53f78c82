"""A market maker: one bid and one offer per symbol, joined to the best quote and moved with it, smaller on the side it is long of.

Run by ``ringfence demo``; by hand: ``python -m ringfence.tools.examples.maker --strategy mm1``. It shows new, replace, cancel-all, partial fills and how a
strategy keeps its own view of its orders from events alone. SIGTERM ends it: it cancels what it has open, waits for the answers and leaves.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from ringfence.strategy import Event, InstanceStopped, OrderRef, RingFull, Strategy

SIDES = ("BUY", "SELL")
POLL_S = 0.002
LEAVE_S = 3.0


@dataclass
class Working:
    """One live order: what the venue has of it, and whether an answer is due."""

    ref: OrderRef
    px: int
    cum: int = 0
    waiting: bool = True


class Maker:
    """Quotes ``clip`` units on both sides of each symbol; stops adding to an inventory of ``limit``."""

    def __init__(self, strategy: Strategy, symbols: Sequence[str], clip: int, limit: int) -> None:
        self.strategy, self.symbols, self.clip, self.limit = strategy, symbols, clip, limit
        self.working: dict[tuple[str, str], Working] = {}
        self.net = {s: strategy.position(s).net_qty for s in symbols}

    def on_event(self, event: Event) -> None:
        """Bring the view of one order up to date."""
        if event.kind == "LOST":
            self._forget_closed()
            return
        key = next((k for k, w in self.working.items() if w.ref.client_id == event.client_id), None)
        if event.kind == "FILL":
            self.net[event.symbol] = event.net_qty
        if key is None:
            return
        order = self.working[key]
        order.cum = max(order.cum, event.cum_qty)
        if event.kind in {"ACK", "REPLACED", "CANCEL_REJECTED", "DENIED", "UNKNOWN"}:
            order.waiting = False
        if event.kind in {"ACK", "REPLACED"}:
            order.px = event.px
        if event.done:
            seen = order.ref.state if event.kind == "DENIED" else None  # a refused replace leaves the order as it was
            if seen is None or not seen.is_open:
                del self.working[key]

    def quote(self) -> None:
        """Put each side at the best price where it is not."""
        for symbol in self.symbols:
            best = self.strategy.quote(symbol)
            if best is None or best.stale or best.crossed:
                continue
            for side, px in zip(SIDES, (best.bid, best.ask), strict=True):
                self._place(symbol, side, px)

    def _place(self, symbol: str, side: str, px: int) -> None:
        order = self.working.get((symbol, side))
        long_of = self.net[symbol] if side == "BUY" else -self.net[symbol]
        if order is None:
            if long_of < self.limit:
                self.working[symbol, side] = Working(self.strategy.send(side, symbol, self.clip, px), px)
        elif not order.waiting and order.px != px:
            self.strategy.replace(order.ref, order.cum + self.clip, px)
            order.waiting = True

    def _forget_closed(self) -> None:
        """After lost events: the tables hold the truth."""
        for key, order in [*self.working.items()]:
            seen = order.ref.state
            if seen is None or not seen.is_open:
                del self.working[key]
            else:
                order.px, order.cum, order.waiting = seen.px, seen.cum_qty, seen.pending_count > 0

    def run(self) -> None:
        """Quote until asked to stop, then cancel everything and wait for the answers."""
        while not self.strategy.stopping:
            for event in self.strategy.events(timeout=POLL_S):
                self.on_event(event)
            try:
                self.quote()
            except RingFull:
                continue  # the engine is behind: the same wish is expressed again after the next events
        leave(self.strategy)


def leave(strategy: Strategy) -> None:
    """Cancel what is open and wait, at most ``LEAVE_S``, until the venue has answered for all of it."""
    strategy.stopping = False
    strategy.cancel_all()
    until = strategy.now_ns() + int(LEAVE_S * 1e9)
    while strategy.now_ns() < until and (strategy.in_flight or strategy.open_orders()):
        for _ in strategy.events(timeout=0.01):
            pass


def attach(argv: Sequence[str] | None, what: str) -> tuple[Strategy, argparse.Namespace]:
    """Parse the arguments that the examples share and attach; SIGTERM and SIGINT ask the strategy to stop."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--strategy", required=True, help="its name in the configuration")
    parser.add_argument("--instance", help="default: $RINGFENCE_INSTANCE, else the only one")
    parser.add_argument("--symbols", nargs="+", default=["EUR/USD", "USD/JPY"])
    parser.add_argument("--clip", type=int, default=100_000, help="units per order")
    parser.add_argument("--limit", type=int, default=1_000_000, help="largest inventory per symbol")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    strategy = Strategy.attach(args.strategy, args.instance)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: strategy.stop())
    return strategy, args


def main(argv: Sequence[str] | None = None) -> int:
    strategy, args = attach(argv, "Quote both sides of each symbol.")
    with strategy:
        try:
            Maker(strategy, args.symbols, args.clip, args.limit).run()
        except InstanceStopped as e:
            print(f"maker: {e}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
