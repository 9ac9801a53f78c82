"""Four bugs that are planted in the test build: the simulator finds each, and only with the bug."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SEEDS = 200
EVENTS = 1500
BUGS = {  # the faults that show it, and the first seed that did: the search begins there
    "dedupe": ("duplicate_report,cut,poss_resend", 1),
    "cursor": ("kill_engine", 7),
    "apply_first": ("kill_engine", 19),
    "ack_first": ("kill_sidecar,slow_disk", 1),
}


@pytest.fixture(scope="module")
def build() -> Path:
    """The test build."""
    subprocess.run([ROOT / ".ci" / "failpoint-build"], check=True, timeout=1500)
    return ROOT / "build" / "failpoints"


def simulated(build: Path, seeds: str, classes: str, bug: str) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of a row of seeds that ends at the first failure."""
    env = os.environ | {"PYTHONPATH": str(build), "RF_PLANTED_BUG": bug}
    words = ["--seed", seeds, "--events", str(EVENTS), "--faults", classes, "--first", "--json"]
    done = subprocess.run([sys.executable, "-m", "ringfence.tools.cli", "simulate", *words], check=False, env=env, capture_output=True, text=True, timeout=900)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bug", BUGS)
def test_simulate_when_a_bug_is_planted_a_seed_finds_it_which_passes_without(build: Path, bug: str) -> None:
    classes, first = BUGS[bug]
    code, found = simulated(build, f"{first}..{first + SEEDS - 1}", classes, bug)
    assert code == 7, f"{bug} was not found within {SEEDS} seeds: {found['summary']}"
    seed = found["failures"][0]["plan"]["seed"]
    code, without = simulated(build, str(seed), classes, "")
    assert code == 0, f"seed {seed} breaks {without['failures']} also without the bug"
