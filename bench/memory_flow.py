"""A flow for the memory benchmark: intents without end that need no new table row, and now and then an order, which the next one of them cancels.

Rows of orders and executions are never given back within a journal, so ten million orders would measure the tables' sizes. A ``cancel_all`` is an input like
any other (ring, journal, apply, checkpoint, replay) and takes no row. Ends on SIGTERM.
"""

from __future__ import annotations

import argparse
import signal
import sys

from ringfence.strategy import RingFull, Strategy

BATCH = 64


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.bench.memory_flow", description="A strategy with many intents and few orders")
    parser.add_argument("--name", required=True)
    parser.add_argument("--instance", required=True)
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--px", required=True, help="a price far from the touch, decimal text")
    parser.add_argument("--order-every", type=int, default=400, help="intents per order (default 400)")
    args = parser.parse_args(argv)
    with Strategy.attach(args.name, args.instance) as s:
        signal.signal(signal.SIGTERM, lambda *_: s.stop())
        sent = next_order = 0
        while not s.stopping:
            try:
                if sent >= next_order:
                    s.buy(args.symbol, "1000", args.px)
                    next_order = sent + args.order_every
                for _ in range(BATCH):
                    s.cancel_all()
                    sent += 1
            except RingFull:
                next(iter(s.events(timeout=0.0005)), None)
            while s.poll() is not None:
                continue
    return 0


if __name__ == "__main__":
    sys.exit(main())
