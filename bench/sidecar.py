"""What a running sidecar costs the engine: the time from an input taken to applied and published, with the sidecar at work and with it stopped.

The instance and its flow are those of ``hot_path``. The sidecar is stopped (SIGSTOP) and continued in turn, a window each, and the engine's own ``apply``
histogram is read at both ends of every window; a stopped one writes nothing to disk, and the journal ring holds what the engine writes meanwhile. The
first moments after a change, when the sidecar catches up, belong to no window. Goal: the median differs by less than 5 %.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ringfence.bench.harness import Report, Row, interleave, parse, show
from ringfence.bench.hot_path import start, wait_for_traffic
from ringfence.ipc.histogram import Histogram
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.segment import Segment
from ringfence.tools.demo import Demo

SETTLE_S = 0.3
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0}


def main(argv: Sequence[str]) -> int:
    """Measure and print; 0."""
    options = parse("sidecar", argv, __doc__, rounds=10)
    seconds = 0.2 if options.quick else 2.0

    def patient(values: dict[str, Any]) -> None:
        values.setdefault("journal", {}).update(reduce_ms=60_000, halt_ms=120_000)

    with tempfile.TemporaryDirectory(prefix="rf-bench-sidecar-") as directory:
        demo = Demo(Path(directory), "benchsidecar")
        try:
            start(demo, patient)
            wait_for_traffic(demo)
            with Segment.attach(demo.name, "from.sidecar") as region:
                pid = int(region.superblock["writer_pid"])
            metrics = Metrics.attach(demo.name, "engine")

            def window(number: int) -> dict[str, float]:
                os.kill(pid, number)
                time.sleep(SETTLE_S)
                before = metrics.histograms()["apply"]
                time.sleep(seconds)  # the measured interval itself
                found: Histogram = metrics.histograms()["apply"] - before
                return {name: float(found.percentile(p)) for name, p in PERCENTILES.items()}

            runs = {"running": lambda: window(signal.SIGCONT), "stopped": lambda: window(signal.SIGSTOP)}
            try:
                found = interleave(runs, options.rounds)
            finally:
                os.kill(pid, signal.SIGCONT)
        finally:
            demo.stop()
    rows = [Row(f"apply, {name}", "sidecar stopped", "ns", found["running"][name], found["stopped"][name]) for name in PERCENTILES]
    return show(Report("sidecar", {}, rows, ["goal: a ratio below 1.05 at p50"]), options)
