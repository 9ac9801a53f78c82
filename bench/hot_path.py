"""What the engine asks of the kernel under steady traffic: system calls (strace -c), page faults and context switches (perf stat), per message.

A whole instance runs as in ``ringfence demo``, but with ``idle = "spin"`` and a fixed flow of orders (steady_flow.py); the engine process is watched
from outside while the journal's frame counter says how many messages it took. The hot path promises none of the three per message; what is left, involuntary
switches, is the scheduler's: a host with fewer free cores than spinning processes. Needs strace and perf (Debian: strace, linux-perf); one
that is missing is named in its row. strace slows a traced process only when it makes a system call, so the rate under it is itself evidence.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ringfence.bench.harness import Report, Row, parse, show
from ringfence.bench.host import PeerMissing, two_cores
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.segment import Segment
from ringfence.tools.demo import Demo

FLOW = (("mm1", "EUR/USD", "0.900000"), ("mm2", "USD/JPY", "60.000"))
WARM_S = 5.0
PERF_EVENTS = ("page-faults", "context-switches")
HARDWARE_EVENTS = ("cycles", "instructions", "cache-misses", "branch-misses")  # where the kernel has counters: most virtual machines have none


def tool(name: str, package: str) -> str:
    """Return the path of a program; PeerMissing, naming its package, when it is not installed."""
    path = shutil.which(name)
    if path is None:
        raise PeerMissing(f"{name} is not installed; apt-get install {package}")
    return path


def _system_calls(pid: int, seconds: float) -> dict[str, float]:
    """Count by name what the process and its threads call within ``seconds``."""
    with tempfile.NamedTemporaryFile("r", prefix="rf-strace-") as table:
        tracer = subprocess.Popen([tool("strace", "strace"), "-c", "-f", "-p", str(pid), "-o", table.name], stderr=subprocess.DEVNULL)
        try:
            time.sleep(seconds)  # the measured interval itself
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
        lines = table.read().splitlines()
    found = {m[2]: float(m[1]) for line in lines if (m := re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line))}
    total = found.pop("total", 0.0)
    return {"all": total, **found}


def _perf(pid: int, seconds: float) -> dict[str, float]:
    """Count page faults, context switches and what hardware events there are within ``seconds``; voluntary switches, where it waited, apart."""
    waited = _voluntary_switches(pid)
    command = [tool("perf", "linux-perf"), "stat", "-x,", "-e", ",".join((*PERF_EVENTS, *HARDWARE_EVENTS)), "-p", str(pid), "--", "sleep", str(seconds)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 20)
    found = {}
    for line in run.stderr.splitlines():
        count, _, event, *_ = [*line.split(","), "", ""]
        if event.split(":")[0] in (*PERF_EVENTS, *HARDWARE_EVENTS) and count.isdigit():
            found[event.split(":")[0]] = float(count)
    if not found.keys() >= set(PERF_EVENTS):
        raise PeerMissing(f"perf cannot count here: {run.stderr.strip()[:200]}")
    found["of these, voluntary"] = float(_voluntary_switches(pid) - waited)
    return found


def _voluntary_switches(pid: int) -> int:
    """How often the process gave its core away by itself, so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def start(demo: Demo, further: Callable[[dict[str, Any]], None] = lambda _values: None) -> None:
    """Start a demo instance with spinning processes and the steady flow in place of its strategies; ``further`` may change its configuration too."""

    def adjust(values: dict[str, Any]) -> None:
        further(values)
        values["instance"]["idle"] = "spin"
        values["cores"] = {"engine": two_cores()[1]}
        for strategy, (name, symbol, px) in zip(values["strategy"], FLOW, strict=True):
            what = ["--name", name, "--instance", demo.name, "--symbol", symbol, "--px", px]
            strategy["command"] = [sys.executable, "-m", "ringfence.bench.steady_flow", *what]

    demo.start(adjust)


def _messages(demo: Demo, measure: Callable[[int, float], dict[str, float]], pid: int, seconds: float) -> tuple[dict[str, float], float]:
    """Run one measure and count the journal frames that the engine wrote meanwhile."""
    metrics = Metrics.attach(demo.name, "engine")
    before = metrics.counters()["frames"]
    found = measure(pid, seconds)
    return found, float(metrics.counters()["frames"] - before)


def wait_for_traffic(demo: Demo) -> int:
    """Let the flow warm up (every page of the tables in use is touched); return the engine's pid."""
    until = time.monotonic() + WARM_S
    while time.monotonic() < until:
        demo.check_alive()
        time.sleep(0.1)
    with Segment.attach(demo.name, "state") as state:
        return int(state.superblock["writer_pid"])


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    options = parse("hot_path", argv, __doc__, rounds=1)
    seconds = 1.0 if options.quick else 5.0
    rows: list[Row] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="rf-hot-path-") as directory:
        demo = Demo(Path(directory), "hotpath")
        try:
            start(demo)
            pid = wait_for_traffic(demo)
            for tool, measure in (("strace -c -f", _system_calls), ("perf stat", _perf)):
                try:
                    found, messages = _messages(demo, measure, pid, seconds)
                except PeerMissing as e:
                    notes.append(str(e))
                    continue
                if tool == "perf stat" and (lacking := [event for event in HARDWARE_EVENTS if event not in found]):
                    notes.append(f"this host counts no {', '.join(lacking)}")
                rows.append(Row(f"messages in {seconds:g} s", tool, "count", messages, None))
                for name, count in found.items():
                    rows.append(Row(name if name != "all" else "system calls", tool, "count", count, None))
                    rows.append(Row(name if name != "all" else "system calls", tool, "per 1,000 messages", 1000 * count / max(messages, 1.0), None))
        finally:
            demo.stop()
    return show(Report("hot_path", {}, rows, notes), options)
