"""Nothing in the state machine can differ between two runs: no clock, no randomness, no floats, no Python hashing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "core"
IMPURE = re.compile(r"\b(?:double|float|random|urandom|uuid\w*|perf_counter|monotonic|gettimeofday|clock_gettime|rf_clock_\w+|threading|id\(|hash\()")
STAMPS = {"ports.pyx": {"rf_clock_now"}, "state.pxd": {"rf_clock_t"}}  # out_ns of a command: in the ring, never in the state, 0 in a replay
LOOP = {"engine.pyx", "engine.pxd", "journaled.pxd"}  # read the clock and journal what they read

SCRIPT = """
import importlib.util, random, sys
spec = importlib.util.spec_from_file_location("machine", sys.argv[1])
machine = importlib.util.module_from_spec(spec)
spec.loader.exec_module(machine)
m, rng = machine.Machine(), random.Random(5)
for n in range(1, 60):
    m.new(n, side=rng.choice((1, 2)), qty=rng.randint(1, 9), px=rng.randint(90, 110), strategy=rng.choice((1, 2)))
    m.fill(rng.randint(1, 9), px=rng.randint(90, 110), exec_id=f"E{rng.randint(1, 40)}", order=rng.randint(1, n))
    m.cancel(rng.randint(1, n))
print(f"{m.replayer.state_hash():016x}")
"""


@pytest.mark.parametrize("path", sorted(p for p in CORE.iterdir() if p.suffix in {".pyx", ".pxd"} and p.name not in LOOP), ids=lambda p: p.name)
def test_state_machine_when_read_names_nothing_that_may_differ(path: Path) -> None:
    code = re.sub(r'""".*?"""|#[^\n]*', "", path.read_text(), flags=re.DOTALL)
    assert set(IMPURE.findall(code)) <= STAMPS.get(path.name, set())


def test_state_machine_when_run_in_two_processes_gives_one_hash() -> None:
    conftest = Path(__file__).with_name("conftest.py")
    found = set()
    for seed in ("0", "random"):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed}
        run = subprocess.run([sys.executable, "-c", SCRIPT, str(conftest)], capture_output=True, text=True, env=environment, check=True)
        found.add(run.stdout.strip())
    assert len(found) == 1, found
