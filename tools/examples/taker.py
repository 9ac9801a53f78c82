"""A taker: crosses the spread with immediate-or-cancel orders, against its inventory more often than with it.

Run by ``ringfence demo``; by hand: ``python -m ringfence.tools.examples.taker --strategy mm2``. Directions and sizes come from a seeded generator: it is
no alpha, it is flow. Now and then it rests an order away from the market and cancels it, so that cancels of live orders are exercised too.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence

from ringfence.strategy import InstanceStopped, OrderRef, RingFull, Strategy
from ringfence.tools.examples.maker import attach, leave

PAUSE_S = (0.004, 0.030)
REST_EVERY = 8


class Taker:
    """Sends up to ``clip`` units at a time; beyond ``limit`` only towards flat."""

    def __init__(self, strategy: Strategy, symbols: Sequence[str], clip: int, limit: int, seed: int) -> None:
        self.strategy, self.symbols, self.clip, self.limit = strategy, symbols, clip, limit
        self.draw = random.Random(seed)  # noqa: S311, flow that repeats
        self.resting: list[OrderRef] = []
        self.net = {s: strategy.position(s).net_qty for s in symbols}

    def act(self) -> None:
        """Send one order, or cancel the one that rests."""
        symbol = self.draw.choice(self.symbols)
        best = self.strategy.quote(symbol)
        if best is None or best.stale or best.crossed:
            return
        net = self.net[symbol]
        buy = self.draw.random() < 0.5 - 0.5 * max(-1.0, min(1.0, net / self.limit))
        qty = self.draw.randint(1, 10) * self.clip // 10
        if self.resting:
            self.resting.pop().cancel()
        elif self.draw.randrange(REST_EVERY) == 0:
            spread = max(best.ask - best.bid, 1)
            px = best.bid - 5 * spread if buy else best.ask + 5 * spread
            self.resting.append(self.strategy.send("BUY" if buy else "SELL", symbol, qty, px))
        else:
            self.strategy.send("BUY" if buy else "SELL", symbol, qty, best.ask if buy else best.bid, tif="IOC", origin_ns=best.published_ns)

    def run(self) -> None:
        """Act, listen, repeat until asked to stop; then cancel what rests."""
        while not self.strategy.stopping:
            for event in self.strategy.events(timeout=self.draw.uniform(*PAUSE_S)):
                if event.kind == "FILL":
                    self.net[event.symbol] = event.net_qty
                if event.done:
                    self.resting = [r for r in self.resting if r.client_id != event.client_id]
            try:
                self.act()
            except RingFull:
                continue  # the engine is behind: this wish is dropped, the next is as good
        leave(self.strategy)


def main(argv: Sequence[str] | None = None) -> int:
    strategy, args = attach(argv, "Cross the spread at random, against the inventory.")
    with strategy:
        try:
            Taker(strategy, args.symbols, args.clip, args.limit, args.seed).run()
        except InstanceStopped as e:
            print(f"taker: {e}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
