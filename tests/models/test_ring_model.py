"""ring.pml searched in full by Spin: no fault under any memory model, and each planted fault is found where it must be."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).resolve().parent / "ring.pml"
SEQUENTIAL, TOTAL_STORE_ORDER, REORDERED = "-DMEMORY=0", "-DMEMORY=1", "-DMEMORY=2"
DEPTH_MAX = 20_000


def search(directory: Path, *defines: str) -> str:
    """Generate, compile and run the verifier; its report."""
    for program, package in (("spin", "spin"), ("gcc", "gcc")):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on this host: apt-get install {package}")
    made = subprocess.run(["spin", "-a", *defines, str(MODEL)], cwd=directory, capture_output=True, text=True, check=False)
    assert made.returncode == 0 and (directory / "pan.c").exists(), made.stdout + made.stderr
    subprocess.run(["gcc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=directory, check=True)
    return subprocess.run(["./pan", f"-m{DEPTH_MAX}"], cwd=directory, capture_output=True, text=True, timeout=100, check=False).stdout


def errors(report: str) -> int:
    found = re.search(r"errors: (\d+)", report)
    assert found, report
    return int(found[1])


def assert_searched_in_full(report: str, states_min: int) -> None:
    assert errors(report) == 0, report
    assert not re.search(r"not completed|truncat|max search depth too small|out of memory|partial", report.replace("Partial Order Reduction", "")), report
    states = re.search(r"(\d+) states, stored", report)
    assert states and int(states[1]) >= states_min, report
    # what no path reached would be a part of the model that was not proven: only the proctypes that never end may be unreached at their end
    for process in ("producer", "consumer"):
        section = report.split(f"unreached in proctype {process}\n")[1].split("unreached")[0]
        assert "(0 of " in section, section


@pytest.mark.parametrize("memory", [SEQUENTIAL, TOTAL_STORE_ORDER, REORDERED], ids=["sequential", "tso", "reordered"])
@pytest.mark.parametrize(("cap", "items"), [(1, 3), (2, 5)])
def test_model_when_either_side_dies_at_any_step_nothing_is_lost_or_twice(tmp_path: Path, memory: str, cap: int, items: int) -> None:
    report = search(tmp_path, memory, f"-DCAP={cap}", f"-DITEMS={items}")
    assert_searched_in_full(report, states_min=5_000)


@pytest.mark.parametrize("memory", [SEQUENTIAL, TOTAL_STORE_ORDER], ids=["sequential", "tso"])
def test_model_when_stores_are_plain_passes_where_stores_keep_their_order(tmp_path: Path, memory: str) -> None:
    assert_searched_in_full(search(tmp_path, "-DPLAIN", memory), states_min=50_000)


@pytest.mark.parametrize(
    ("defines", "says"),
    [
        (("-DPLAIN", REORDERED), "assertion violated (left=="),
        (("-DLAG_LATE", SEQUENTIAL), "assertion violated (position==issued)"),
        (("-DHEAD_FIRST", SEQUENTIAL), "assertion violated (position==issued)"),
        (("-DDEAF", SEQUENTIAL), "invalid end state"),
    ],
    ids=["plain stores reordered", "head behind a batch", "head before the word", "room not given back"],
)
def test_model_when_a_fault_is_planted_it_is_found(tmp_path: Path, defines: tuple[str, ...], says: str) -> None:
    report = search(tmp_path, *defines)
    assert errors(report) == 1
    assert says in report
