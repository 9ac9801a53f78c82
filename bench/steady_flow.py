"""A steady flow for measurements: one strategy that sends a resting order and its cancel again and again at a fixed rate.

The orders rest far from the touch, so every pair is four messages through the engine: new, its ack, cancel, its answer.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time

from ringfence.strategy import RingFull, Strategy


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.bench.steady_flow", description="A strategy with a fixed rate of new and cancel")
    parser.add_argument("--name", required=True)
    parser.add_argument("--instance", required=True)
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--px", required=True, help="a price far from the touch, decimal text")
    parser.add_argument("--rate", type=float, default=500.0, help="pairs per second (default 500)")
    args = parser.parse_args(argv)
    with Strategy.attach(args.name, args.instance) as s:
        signal.signal(signal.SIGTERM, lambda *_: s.stop())
        begin, sent = time.monotonic(), 0
        while not s.stopping:
            due = int((time.monotonic() - begin) * args.rate)
            try:
                for _ in range(due - sent):
                    s.buy(args.symbol, "1000", args.px).cancel()
                    sent += 1
            except RingFull:
                continue
            for _ in s.events(timeout=0.001):
                pass
        s.cancel_and_wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
