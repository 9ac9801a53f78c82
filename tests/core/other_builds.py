"""The same journal in other builds of the state machine: -O0 and -O3, gcc and clang, must give the same state after every frame (I11, I15).

    python tests/core/other_builds.py [--frames N] [--keep DIR]   about a minute; exit 0 all agree, 7 one differs, 2 nothing to build from

The C that the normal build left in build/cython is compiled again with other flags, into a copy of the package where only core's modules are replaced.
Each build replays one journal of random inputs in a process of its own and prints its state hash after every frame; the first line that differs names the
sequence. Not in the suite: it compiles core twice or more. What can fail: a compiler that is not there is left out, and said.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "build" / "cython" / "src" / "ringfence" / "core"
COMPILERS = ("gcc", "clang")
LEVELS = ("-O0", "-O3")
FLAGS = ("-std=gnu11", "-fno-strict-aliasing", "-fPIC", "-shared", "-w")
DIFFERENT, NOTHING = 7, 2
HEAD = 64

REPLAY = """
import sys
from ringfence.core import replay
from ringfence.core.state import Limits
data = open(sys.argv[1], "rb").read()
replayer = replay.Replayer(Limits(orders=4000, executions=20000, positions=64, breaks=4000, instruments=4, accounts=4, venues=2, strategies=4, routes=4))
print(replay.__file__, file=sys.stderr)
at = 0
while at < len(data):
    end = at + int.from_bytes(data[at : at + 4], "little")
    replayer.apply(data[at:end])
    at = end
    print(f"{replayer.seq} {replayer.state_hash():016x}")
"""


def record(frames: int, seed: int = 5) -> bytes:
    """A journal of random inputs, most of them about the newest orders; made by the normal build."""
    spec = importlib.util.spec_from_file_location("machine", Path(__file__).with_name("conftest.py"))
    if spec is None or spec.loader is None:
        raise FileNotFoundError(Path(__file__).with_name("conftest.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    from ringfence.core.state import Limits

    limits = Limits(orders=4000, executions=20000, positions=64, breaks=4000, instruments=4, accounts=4, venues=2, strategies=4, routes=4)
    m, rng = module.Machine(limits), random.Random(seed)
    for n in range(frames):
        step(m, rng, n)
    return bytes(m.journal)


def step(m: Any, rng: random.Random, n: int) -> None:
    last = int(m.status["order_count"])
    order, strategy = max(1, last - rng.randint(0, 20)), rng.choice((1, 2))
    kind = rng.random()
    if not last or kind < 0.15:
        m.new(n + 1, side=rng.choice((1, 2)), qty=rng.randint(1, 99), px=rng.randint(90, 110), strategy=strategy)
    elif kind < 0.6:
        m.fill(rng.randint(1, 9), px=rng.randint(90, 110), exec_id=f"E{rng.randint(1, 40)}", order=order)
    elif kind < 0.7:
        m.cancel(int(m.order(order)["client_id"]), strategy=int(m.order(order)["strategy"]))
    elif kind < 0.8:
        m.replace(int(m.order(order)["client_id"]), qty=rng.randint(1, 99), strategy=int(m.order(order)["strategy"]))
    elif kind < 0.84:
        m.event(
            rng.choice(("BUST", "CORRECT")),
            order,
            exec_id=f"B{n}",
            exec_ref_id=f"E{rng.randint(1, 40)}",
            last_qty=rng.randint(1, 9),
            last_px=rng.randint(90, 110),
        )
    elif kind < 0.86:
        m.timer(rng.choice((0, 31)))
    elif kind < 0.87:
        m.event(rng.choice(("SESSION_DOWN", "SESSION_UP")))
        m.event("SESSION_UP")
    else:
        m.event(
            rng.choice(("ACK", "CANCELED", "CANCEL_REJECT", "REPLACED", "EXPIRED", "REJECTED")), order, min(int(m.order(order)["revision"]), rng.randint(0, 2))
        )


def build(package: Path, compiler: str, level: str) -> Path:
    """Copy the package and compile core's modules into it; return what goes on PYTHONPATH."""
    (package / "ringfence").mkdir(parents=True)
    for item in (ROOT / "src" / "ringfence").iterdir():
        if item.name != "core":
            (package / "ringfence" / item.name).symlink_to(item.resolve())
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    core = package / "ringfence" / "core"
    shutil.copytree(ROOT / "core", core, ignore=shutil.ignore_patterns(f"*{suffix}", "__pycache__", "*.pyx", "*.pxd"))
    include = (sysconfig.get_path("include"), ROOT / "ipc", ROOT)
    for source in sorted(GENERATED.glob("*.c")):
        command = [compiler, *FLAGS, level, *(f"-I{i}" for i in include), str(source), "-o", str(core / f"{source.stem}{suffix}")]
        subprocess.run(command, check=True, cwd=ROOT)
    return package


def hashes(path: Path, journal: Path) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(path), "PYTHONHASHSEED": "random"}
    run = subprocess.run([sys.executable, "-c", REPLAY, str(journal)], capture_output=True, text=True, check=True, env=environment)
    if str(path) not in run.stderr:
        raise RuntimeError(f"the build in {path} was not the one that ran: {run.stderr.strip()}")
    return run.stdout.splitlines()


def main() -> int:
    parser = argparse.ArgumentParser(description="compare the state machine's builds over one journal")
    parser.add_argument("--frames", type=int, default=5000)
    parser.add_argument("--keep", type=Path, help="leave the builds in this directory")
    args = parser.parse_args()
    if not list(GENERATED.glob("*.c")):
        print(f"{GENERATED}: no generated C; run `python setup.py build_ext --inplace` first", file=sys.stderr)
        return NOTHING
    with tempfile.TemporaryDirectory(prefix="ringfence-builds-") as scratch:
        return compare(args.keep or Path(scratch), record(args.frames))


def compare(directory: Path, data: bytes) -> int:
    directory.mkdir(parents=True, exist_ok=True)
    journal = directory / "journal.frames"
    journal.write_bytes(data)
    found: dict[str, list[str]] = {}
    for compiler in COMPILERS:
        if shutil.which(compiler) is None:
            print(f"{compiler}: not installed, left out")
            continue
        for level in LEVELS:
            name = f"{compiler}{level}"
            found[name] = hashes(build(directory / name, compiler, level), journal)
            print(f"{name}: {len(found[name])} frames, last {found[name][-1]}", flush=True)
    (first, wanted), *others = found.items()
    status = 0
    for name, lines in others:
        different = next(((a, b) for a, b in zip(wanted, lines, strict=True) if a != b), None)
        if different:
            status = DIFFERENT
            print(f"✖ {name} differs from {first}: {different[1]} against {different[0]}")
    print("● every build has the same state after every frame" if not status else "✖ builds differ")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
