"""What every benchmark shares: arguments, the machine's description, native peers, rounds, the table and the JSON object.

A benchmark measures ours and each peer in the same run, in interleaved rounds (ours, peer, ours, peer ...), so that a frequency change or
a noisy neighbour hits both; it reports medians. Peers that a host lacks are named with the reason and the command that installs them,
never silently left out. ``--quick`` runs with tiny input: the test suite uses it to keep benchmarks from rotting, its figures mean
nothing. Output is a table, or with ``--json`` exactly one object::

    {"bench": ..., "machine": {...}, "floor": {...}, "rows": [{"name", "peer", "metric", "ours", "theirs", "ratio"}]}
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

NATIVE = Path(__file__).resolve().parent / "native"
IPC = Path(__file__).resolve().parent.parent / "ipc"


class PeerMissing(Exception):
    """A peer cannot be measured on this host; the message names the reason and what installs it."""


@dataclass(frozen=True)
class Options:
    """Arguments that all benchmarks take."""

    as_json: bool
    quick: bool
    rounds: int


@dataclass(frozen=True)
class Row:
    """One comparison. ``ratio`` is ours / theirs: above 1 is good for a rate, below 1 for a time. None: the peer is missing."""

    name: str
    peer: str
    metric: str
    ours: float
    theirs: float | None
    ratio: float | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ratio", self.ours / self.theirs if self.theirs else None)


@dataclass(frozen=True)
class Report:
    """Everything that one benchmark found; ``floor`` is the physical limit that it measured in the same run."""

    bench: str
    floor: Mapping[str, float]
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def as_json(self) -> str:
        """Return the one JSON object."""
        rows = [asdict(row) for row in self.rows]
        return json.dumps({"bench": self.bench, "machine": machine(), "floor": dict(self.floor), "rows": rows, "notes": list(self.notes)}, indent=1)

    def as_table(self) -> str:
        """Return the table with ratios, the floor, the machine and the notes."""
        head = ("what", "peer", "metric", "ours", "theirs", "ratio")
        body = [(r.name, r.peer, r.metric, _figure(r.ours), _figure(r.theirs), "-" if r.ratio is None else f"{r.ratio:.2f}x") for r in self.rows]
        widths = [max(len(line[i]) for line in (head, *body)) for i in range(len(head))]
        lines = ["  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))) for line in (head, *body)]
        lines += ["", "floor    " + ", ".join(f"{k} {_figure(v)}" for k, v in self.floor.items())] if self.floor else [""]
        described = machine()
        lines.append("machine  " + ", ".join(f"{k} {v}" for k, v in described.items()))
        return "\n".join(lines + [f"note     {note}" for note in self.notes])


def parse(bench: str, argv: Sequence[str], doc: str | None, rounds: int = 7) -> Options:
    """Parse the arguments that all benchmarks take; exits with 2 on others."""
    parser = argparse.ArgumentParser(prog=f"python -m ringfence.bench {bench}", description=(doc or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--quick", action="store_true", help="tiny input: checks that the benchmark works, its figures mean nothing")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"interleaved rounds, the median counts (default {rounds})")
    arguments = parser.parse_args(argv)
    if arguments.rounds < 1:
        parser.error(f"--rounds was {arguments.rounds}, at least 1 is needed")
    return Options(arguments.json, arguments.quick, 1 if arguments.quick else arguments.rounds)


def show(report: Report, options: Options) -> int:
    """Print the report as asked; return the exit code."""
    print(report.as_json() if options.as_json else report.as_table())
    return 0


def interleave(measures: Mapping[str, Callable[[], Mapping[str, float]]], rounds: int) -> dict[str, dict[str, float]]:
    """Run every measure once per round, in turn, and return the median of each figure by measure."""
    found: dict[str, list[Mapping[str, float]]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
    return {name: {key: float(median(r[key] for r in results)) for key in results[0]} for name, results in found.items()}


def machine() -> dict[str, str | int]:
    """Describe the host as far as it decides figures."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "arch": platform.machine(),
        "kernel": platform.release(),
        "governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "isolated": _first_line("/sys/devices/system/cpu/isolated") or "none",
        "virtual": "yes" if "hypervisor" in _cpu_flags() else "no",
        "python": platform.python_version(),
        "compiler": _compiler_version(),
    }


def two_cores() -> tuple[int, int]:
    """Return two cores to pin a pair of processes to; the same core twice where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[min(1, len(available) - 1)]


def compile_native(source: str, *, flags: Iterable[str] = ("-O3",), install: str = "apt-get install g++") -> Path:
    """Compile ``bench/native/SOURCE`` (.c or .cpp) and return the program; kept in the user's cache until the source or a header changes.

    Raises
    ------
    PeerMissing
        If there is no compiler, or the source does not compile (a library is missing).
    """
    path = NATIVE / source
    compiler = shutil.which("g++" if path.suffix == ".cpp" else "gcc")
    if compiler is None:
        raise PeerMissing(f"{source}: no C compiler; {install}")
    parts = [path, *sorted(NATIVE.glob("*.h")), *sorted(IPC.glob("*.h"))]
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in parts) + " ".join([compiler, *flags]).encode()).hexdigest()[:16]
    cache = _cache_dir()
    program = cache / f"{path.stem}-{digest}"
    if not program.exists():
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            built = Path(scratch) / path.stem
            run = subprocess.run([compiler, *flags, "-g", f"-I{IPC}", "-o", built, path, "-pthread"], capture_output=True, text=True, check=False)
            if run.returncode:
                raise PeerMissing(f"{source} does not compile; {install}: {run.stderr.strip()[:400]}")
            built.replace(program)
    return program


def run_native(program: Path, *arguments: object) -> dict[str, float]:
    """Run a native driver; it prints one JSON object of figures and exits 0 only when every message was verified."""
    run = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120)
    if run.returncode:
        raise RuntimeError(f"{program.name} failed with {run.returncode}: {run.stderr.strip()}")
    return {key: float(value) for key, value in json.loads(run.stdout).items()}


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _cache_dir() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringfence-bench"
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError:
        base = Path(tempfile.mkdtemp(prefix="ringfence-bench-"))
    return base


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return "unknown"


def _cpu_field(name: str) -> str:
    for line in _first_line("/proc/cpuinfo").splitlines():
        if line.split(":")[0].strip() == name:
            return line.split(":", 1)[1].strip()
    return ""


def _cpu_model() -> str:
    return _cpu_field("model name") or platform.processor() or "unknown"


def _cpu_flags() -> list[str]:
    return _cpu_field("flags").split()


def _compiler_version() -> str:
    compiler = shutil.which("gcc")
    if compiler is None:
        return "none"
    return subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True, check=False).stdout.strip()
