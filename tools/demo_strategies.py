"""Two small strategies for the demo, in plain Python on ``ringfence.strategy``; real ones look like this.

    python -m ringfence.tools.demo_strategies maker --name mm1 --symbol EUR/USD
    python -m ringfence.tools.demo_strategies taker --name mo1 --symbol EUR/USD

The maker quotes both sides of the touch and moves its orders when the touch moves; it leans its prices against its position and stops quoting the
side that would pass its limit. The taker watches the mid price: when it has moved far enough since the last trade it takes the touch in that
direction, immediate or cancel. Neither is meant to make money. Both end on SIGTERM: cancel everything, wait (bounded) until nothing is open, detach.
What can fail: a full intent ring (tried again on the next turn), a denied or rejected order (dropped, made anew from the next quote),
the instance going away (exit code 3), another process that has the strategy (exit code 4).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

from ringfence.strategy import InstanceNotRunning, InstanceStopped, OrderRef, QuoteView, RingFull, Strategy, StrategyRefused

TURN_S = 0.02
TENTH_OF_A_BASIS_POINT = 100_000


def make_market(s: Strategy, symbol: str, qty: int, limit: int) -> None:
    """Keep one order on each side of the touch; ``limit`` is the largest position either way."""
    info = s.instrument(symbol)
    working: dict[str, OrderRef] = {}
    prices: dict[str, int] = {}
    busy: set[int] = set()
    while not s.stopping:
        for event in s.events(timeout=TURN_S):
            if event.kind == "LOST":  # we were too slow for some events: the tables know
                busy.clear()
                working = {side: order for side, order in working.items() if still_open(order)}
            if event.kind != "PENDING":
                busy.discard(event.client_id)
            if event.done:
                working = {side: order for side, order in working.items() if order.client_id != event.client_id}
        quote = s.quote(symbol)
        if quote is None or not tradable(quote):
            continue
        net = s.position(symbol).net_qty
        lean = info.tick * (net // qty)
        try:
            for side, px, room in (("BUY", quote.bid - lean, limit - net), ("SELL", quote.ask - lean, limit + net)):
                px -= px % info.tick
                order = working.get(side)
                if order is None:
                    if room >= qty:
                        working[side], prices[side] = s.send(side, symbol, qty, px), px
                elif order.client_id not in busy and (room < qty or px != prices[side]):
                    busy.add(order.client_id)
                    if room < qty:
                        order.cancel()
                    else:
                        order.replace(qty, px)
                        prices[side] = px
        except RingFull:
            continue  # the engine is busy: the next turn starts from a newer quote


def tradable(quote: QuoteView) -> bool:
    """Both sides are there, and they are what the market says now."""
    return 0 < quote.bid < quote.ask and not quote.stale


def still_open(order: OrderRef) -> bool:
    """Open by the engine's table, or not there yet."""
    now = order.state
    return now is None or now.is_open


def follow(s: Strategy, symbol: str, qty: int, limit: int) -> None:
    """Trade in the direction in which the mid price has moved a tenth of a basis point since the last trade."""
    info = s.instrument(symbol)
    anchor = 0
    waiting: OrderRef | None = None
    while not s.stopping:
        for event in s.events(timeout=TURN_S):
            if waiting is not None and (not still_open(waiting) if event.kind == "LOST" else event.done and event.client_id == waiting.client_id):
                waiting = None
        quote = s.quote(symbol)
        if quote is None or not tradable(quote) or waiting is not None:
            continue
        mid = (quote.bid + quote.ask) // 2
        moved = mid - anchor
        if abs(moved) * TENTH_OF_A_BASIS_POINT < mid:
            continue
        net = s.position(symbol).net_qty
        side, px = ("BUY", quote.ask) if moved > 0 else ("SELL", quote.bid)
        if abs(net + (qty if side == "BUY" else -qty)) > limit:
            side, px = ("SELL", quote.bid) if net > 0 else ("BUY", quote.ask)  # full: give some back
        try:
            waiting, anchor = s.send(side, symbol, qty, px - px % info.tick, tif="IOC", origin_ns=quote.published_ns), mid
        except RingFull:
            continue


def main(argv: list[str] | None = None) -> int:
    """Run one strategy until SIGTERM or SIGINT; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.tools.demo_strategies", description="A demo strategy")
    parser.add_argument("kind", choices=("maker", "taker"))
    parser.add_argument("--name", default=os.environ.get("RINGFENCE_STRATEGY"), help="strategy of the configuration (default: RINGFENCE_STRATEGY)")
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--qty", default="100000", help="of one order, decimal text (default 100000)")
    parser.add_argument("--limit", default="1000000", help="largest position, decimal text (default 1000000)")
    parser.add_argument("--instance", help="default: RINGFENCE_INSTANCE, or the only one on this host")
    args = parser.parse_args(argv)
    if not args.name:
        parser.error("--name is missing, and RINGFENCE_STRATEGY is not set")
    try:
        with Strategy.attach(args.name, args.instance) as s:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: s.stop())
            info = s.instrument(args.symbol)
            run = make_market if args.kind == "maker" else follow
            run(s, args.symbol, info.qty(args.qty), info.qty(args.limit))
            for order in s.cancel_and_wait():
                sys.stderr.write(f"{args.name}: still open after the cancel: {order}\n")
    except (InstanceNotRunning, InstanceStopped, StrategyRefused) as e:
        sys.stderr.write(f"{args.name}: {e}\n")
        return 4 if isinstance(e, StrategyRefused) else 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
