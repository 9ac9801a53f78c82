"""The host of a benchmark: its description, two cores to use, native drivers compiled for it, and peers that it lacks.

Native drivers (bench/native) are compiled once into the user's cache and run as programs of their own; each prints one JSON object of figures.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

NATIVE = Path(__file__).resolve().parent / "native"
IPC = Path(__file__).resolve().parent.parent / "ipc"


class PeerMissing(Exception):
    """A peer cannot be measured on this host; the message names the reason and what installs it."""


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
    cache = cache_dir()
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


def cache_dir() -> Path:
    """Return the folder where compiled drivers and the environment of peers are kept."""
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
