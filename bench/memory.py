"""Memory of every process of a real instance over millions of events (I18): what is resident, how many mappings and files, and whether any of it grows.

    demo instance, its strategies replaced by memory_flow ──journal sequence──▶ a sample every 1/20 of the events
    /proc/PID/status, maps, fd of each component          ──────────────────▶ table, and the slope after the first quarter

Resident memory has two parts that mean different things. *Private* (RssAnon) is what the process allocated: it must be flat. *Mapped* (RssShmem + RssFile) is
regions, session store and code as far as they were touched: it is bounded by their sizes, and grows until a table is filled once; a session store grows with
every message sent, by design. The ledger's writer is left out: at low priority it comes behind this flow, and the tables that it replays into, of fixed size
but private, become resident only as it gets there. Rejected: VmSize (reserved is not used) and one total (a leak would hide behind the first touches of a
table).

    python -m ringfence.bench memory --events 10000000

Exit 1 when the private part of any process grows faster than ``GROWTH_MAX`` bytes a million events and goes on to, or its mappings or open files do.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ringfence.bench.host import machine
from ringfence.ipc.segment import Segment
from ringfence.tools import control_client
from ringfence.tools.demo import Demo

FLOW = (("mm1", "EUR/USD", "0.900000"), ("mm2", "USD/JPY", "60.000"))
SAMPLES = 20
WARM_SHARE = 0.25
GROWTH_MAX = 256 * 1024  # bytes of private memory a million events
GROWTH_SEEN = 512 * 1024  # less than this in all is the allocator's, whatever the slope over a short run says
RISE = 64 * 1024  # between two samples
RISES_MIN = 4  # a leak goes on; a larger batch than ever before (the disk was slow once) is one step
POLL_S = 0.01
STALL_S = 30.0


@dataclass(frozen=True)
class Sample:
    """What one process held after so many events."""

    events: int
    private: int  # bytes
    mapped: int  # bytes
    maps: int
    files: int


@dataclass(frozen=True)
class Finding:
    """One process over the run: the sample after the warm-up, the last one, and the slope between."""

    process: str
    first: Sample
    last: Sample
    slope: float  # bytes of private memory a million events
    rises: int  # steps from one sample to the next with more than RISE bytes of private memory
    kept_private: tuple[int, int]  # least private memory in the first and in the last quarter: what a snapshot holds while it is written is no leak
    kept_files: tuple[int, int]  # fewest open files, likewise: a file that is read just now is no leak

    @property
    def grows(self) -> list[str]:
        """What of it is not flat."""
        found = []
        if self.slope > GROWTH_MAX and self.kept_private[1] - self.kept_private[0] > GROWTH_SEEN and self.rises >= RISES_MIN:
            found.append(f"private memory by {self.slope / 1024:.0f} KiB a million events")
        if self.last.maps > self.first.maps + 2:  # the allocator may split or join an arena
            found.append(f"mappings from {self.first.maps} to {self.last.maps}")
        if self.kept_files[1] > self.kept_files[0] + (self.process == "shadow"):  # it reads one segment all the time when it lags
            found.append(f"open files from {self.kept_files[0]} to {self.kept_files[1]}")
        return found


def sample(pid: int, events: int) -> Sample:
    """Read one process now."""
    proc = Path(f"/proc/{pid}")
    values = {}
    for line in (proc / "status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.startswith("Rss"):
            values[name] = int(value.split()[0]) * 1024
    return Sample(
        events,
        values["RssAnon"],
        values["RssFile"] + values["RssShmem"],
        len((proc / "maps").read_text().splitlines()),
        len(list((proc / "fd").iterdir())),
    )


def slope(samples: Sequence[Sample]) -> float:
    """Least squares of private bytes over events, for a million events."""
    n = len(samples)
    mean_x = sum(s.events for s in samples) / n
    mean_y = sum(s.private for s in samples) / n
    spread = sum((s.events - mean_x) ** 2 for s in samples)
    return 1e6 * sum((s.events - mean_x) * (s.private - mean_y) for s in samples) / spread if spread else 0.0


def findings(series: dict[str, list[Sample]]) -> list[Finding]:
    """One row a process, over what came after the warm-up."""
    rows = []
    for process, samples in series.items():
        steady = [s for s in samples if s.events >= samples[-1].events * WARM_SHARE]
        rises = sum(b.private - a.private > RISE for a, b in pairwise(steady))
        quarter = max(1, len(steady) // 4)
        ends = steady[:quarter], steady[-quarter:]
        private, files = [min(s.private for s in part) for part in ends], [min(s.files for s in part) for part in ends]
        rows.append(Finding(process, steady[0], steady[-1], slope(steady), rises, (private[0], private[1]), (files[0], files[1])))
    return rows


def _start(demo: Demo, events: int) -> None:
    def adjust(values: dict[str, Any]) -> None:
        values["instance"]["idle"] = "backoff"
        values["ledger"]["enabled"] = False
        values.setdefault("limits", {})["orders"] = max(16384, events // 150)
        for strategy, (name, symbol, px) in zip(values["strategy"], FLOW, strict=True):
            what = ["--name", name, "--instance", demo.name, "--symbol", symbol, "--px", px]
            strategy["command"] = [sys.executable, "-m", "ringfence.bench.memory_flow", *what]

    demo.start(adjust)


def _pids(demo: Demo) -> dict[str, int]:
    """Components by name; asked for once, since every question is a connection of the supervisor's, and a process that is replaced is an error."""
    status = control_client.status(demo.name)
    pids = {str(c["name"]): int(c["pid"]) for c in status["components"] if int(c["pid"])}
    return {"supervisor": int(status["pid"]), **pids}


def _wait_for_orders(demo: Demo) -> None:
    """Return when every strategy has an order in the table: all have mapped what they need."""
    until = time.monotonic() + STALL_S
    with Segment.attach(demo.name, "state") as state:
        orders, engine = state.section("orders"), state.section("engine")
        while set(range(1, len(FLOW) + 1)) - set(orders["strategy"][1 : int(engine[1]["order_count"]) + 1].tolist()):
            demo.check_alive()
            if time.monotonic() > until:
                raise TimeoutError(f"not every strategy sent an order within {STALL_S:g} s: {demo.tail('up.log')}")
            time.sleep(POLL_S)


def _observe(demo: Demo, events: int) -> tuple[dict[str, list[Sample]], float]:
    """Sample all processes at even steps of the journal sequence; return the series and the seconds."""
    _wait_for_orders(demo)
    pids = _pids(demo)
    series: dict[str, list[Sample]] = {process: [] for process in pids}
    started = time.monotonic()
    with Segment.attach(demo.name, "state") as state:
        engine = state.section("engine")
        begin, step = int(engine[1]["seq"]), max(1, events // SAMPLES)
        due, last_moved, last_seq = 0, started, begin
        while due <= events:
            demo.check_alive()
            seq, now = int(engine[1]["seq"]), time.monotonic()
            if seq != last_seq:
                last_seq, last_moved = seq, now
            if now - last_moved > STALL_S:
                raise TimeoutError(f"no event for {STALL_S:g} s at journal sequence {seq}: {demo.tail('up.log')}")
            if seq - begin < due:
                time.sleep(POLL_S)
                continue
            for process, pid in pids.items():
                series[process].append(sample(pid, seq - begin))
            if sys.stderr.isatty():
                print(f"\r{seq - begin:,} of {events:,} events", end="", file=sys.stderr, flush=True)
            due += step
    return series, time.monotonic() - started


def _table(rows: Sequence[Finding], events: int, seconds: float) -> str:
    head = ("process", "private then", "now", "KiB / M events", "mapped then", "now", "maps", "files", "verdict")
    body = [
        (
            r.process, f"{r.first.private / 2**20:.1f} MiB", f"{r.last.private / 2**20:.1f}", f"{r.slope / 1024:.0f}", f"{r.first.mapped / 2**20:.1f} MiB",
            f"{r.last.mapped / 2**20:.1f}", f"{r.first.maps} {r.last.maps}", f"{r.first.files} {r.last.files}", "; ".join(r.grows) or "flat",
        )
        for r in rows
    ]  # fmt: skip
    widths = [max(len(line[i]) for line in (head, *body)) for i in range(len(head))]
    lines = ["  ".join(c.ljust(w) if i in (0, 8) else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))) for line in (head, *body)]
    lines += ["", f"{events:,} events in {seconds:.0f} s; 'then' is after {WARM_SHARE:.0%} of them"]
    return "\n".join([*lines, "machine  " + ", ".join(f"{k} {v}" for k, v in machine().items())])


def main(argv: Sequence[str]) -> int:
    """Measure and print; 1 when something grows."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.bench memory", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=10_000_000, help="journal frames to watch (default 10000000; 200 bytes of disk each)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    args = parser.parse_args(argv)
    if args.events < 1:
        parser.error(f"--events was {args.events}, at least 1 is needed")
    with tempfile.TemporaryDirectory(prefix="rf-memory-") as directory:
        demo = Demo(Path(directory), f"memory{os.getpid()}")
        try:
            _start(demo, args.events)
            series, seconds = _observe(demo, args.events)
        finally:
            demo.stop()
    rows = findings(series)
    if args.json:
        shown = [{"process": r.process, "first": vars(r.first), "last": vars(r.last), "slope": r.slope, "grows": r.grows} for r in rows]
        print(json.dumps({"bench": "memory", "machine": machine(), "events": args.events, "seconds": seconds, "rows": shown}, indent=1))
    else:
        print(_table(rows, args.events, seconds))
    return 1 if any(r.grows for r in rows) else 0
