"""Runs of the simulator: what a seed fixes, what the record keeps, how a failing run is made small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.tools.commands import simulate
from ringfence.tools.errors import UsageError
from ringfence.tools.simulation import faults, runs
from ringfence.tools.simulation.runs import Outcome, Plan
from ringfence.tools.simulation.shrink import Shrinker

SEEDS = Path(__file__).parent / "seeds.txt"
EVENTS = 2000


def past() -> list[Plan]:
    """The runs that once found something: seed, events, classes, and why, one a line."""
    lines = [line.split(maxsplit=3) for line in SEEDS.read_text().splitlines() if line and not line.startswith("#")]
    return [Plan(int(seed), int(events), classes) for seed, events, classes, _ in lines]


@pytest.mark.parametrize("plan", past(), ids=lambda p: f"{p.seed}-{p.events}-{p.classes}")
def test_run_when_its_seed_once_found_something_all_holds(plan: Plan) -> None:
    outcome = runs.run(plan)
    assert outcome.ok, simulate.report(outcome)


@pytest.mark.parametrize("seed", range(9001, 9007))
def test_run_when_all_faults_are_drawn_all_holds(seed: int) -> None:
    outcome = runs.run(Plan(seed, EVENTS))
    assert outcome.ok, simulate.report(outcome)
    assert outcome.event >= EVENTS
    assert outcome.frames > 0


def test_run_when_it_is_without_faults_orders_are_filled_and_nothing_is_struck() -> None:
    outcome = runs.run(Plan(3, EVENTS, "none"))
    assert outcome.ok, simulate.report(outcome)
    assert outcome.orders > 0
    assert outcome.trades > 0
    assert outcome.fired == {}


def test_run_when_it_is_done_twice_every_byte_is_the_same() -> None:
    first, second = runs.run(Plan(11, EVENTS)), runs.run(Plan(11, EVENTS))
    assert replace(first, seconds=0) == replace(second, seconds=0)
    assert first.trace != runs.run(Plan(12, EVENTS)).trace


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_run_when_hashes_of_python_are_others_every_byte_is_the_same(hash_seed: str) -> None:
    code = f"from ringfence.tools.simulation.runs import Plan, run; print(run(Plan(11, {EVENTS})).trace)"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.split()[-1] == runs.run(Plan(11, EVENTS)).trace


# ---- the record


def outcome_of(seed: int, **values: object) -> Outcome:
    return Outcome(Plan(seed, 10), trace="00000001", fired={"cut": 1}, **values)  # type: ignore[arg-type]


def test_record_when_it_is_read_again_it_has_the_runs_of_these_events_and_classes(tmp_path: Path) -> None:
    path = tmp_path / "record"
    assert runs.recorded(path, 10, "all") == {}
    others = [Outcome(Plan(1, 11)), Outcome(Plan(2, 10, "cut")), Outcome(Plan(3, 10, "all", ("1:cut:1",)))]
    wanted = [outcome_of(4), outcome_of(5, invariant="I5", text="lost")]
    for outcome in [*others, *wanted]:
        runs.append(path, outcome)
    assert list(runs.recorded(path, 10, "all").values()) == wanted


def test_record_when_its_writer_was_killed_inside_a_line_the_half_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "record"
    runs.append(path, outcome_of(1))
    whole = path.read_text()
    path.write_text(whole + whole[: len(whole) // 2])
    assert runs.recorded(path, 10, "all") == {1: outcome_of(1)}
    assert path.read_text() == whole


@pytest.mark.parametrize("line", ["nonsense", "{}", '{"plan": {"seed": 1}}', "[]"])
def test_record_when_the_file_is_something_else_it_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "record"
    path.write_text(line + "\n")
    with pytest.raises(UsageError, match=r"record:1 .*--record"):
        runs.recorded(path, 10, "all")


def test_totals_when_a_class_never_fired_it_is_named_with_0() -> None:
    totals = runs.Totals()
    totals.add(outcome_of(1, event=10))
    totals.add(outcome_of(2, event=5, invariant="I5"))
    summary = totals.as_json()
    assert (summary["runs"], summary["events"], summary["failed"]) == (2, 15, {"I5": 1})
    assert summary["fired"]["cut"] == 2
    assert summary["fired"]["roll_day"] == 0


# ---- schedules

A_FAULT = st.builds(
    faults.Fault, st.integers(0, 10**6), st.sampled_from(sorted(faults.KINDS)), st.sampled_from(["", "1", "gw1", "engine"]), st.integers(-(10**13), 10**13)
)


@given(A_FAULT)
def test_fault_when_it_is_written_and_read_it_is_the_same(fault: faults.Fault) -> None:
    assert faults.Fault.parse(str(fault)) == fault


@given(st.integers(0, 10**9), st.integers(51, 20_000))
def test_schedule_when_it_is_drawn_again_it_is_the_same_and_within_the_run(seed: int, events: int) -> None:
    plan = Plan(seed, events)
    drawn = plan.faults()
    assert drawn == plan.faults() == replace(plan, schedule=tuple(map(str, drawn))).faults()
    assert all(0 <= f.at < events for f in drawn)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.data())
def test_shrink_when_some_faults_and_some_events_are_needed_only_they_are_left(count: int, data: st.DataObject) -> None:
    schedule = tuple(f"{10 * k}:cut:1" for k in range(count))
    needed = data.draw(st.sets(st.sampled_from(schedule), max_size=3))
    least = data.draw(st.integers(max([1, *(int(t.split(":")[0]) + 1 for t in needed)]), 1000))

    def run(plan: Plan) -> Outcome:
        broken = plan.events >= least and needed <= set(plan.schedule or ())
        return Outcome(plan, "I5" if broken else "", event=least if broken else plan.events)

    found = Shrinker(run(Plan(1, 1000, schedule=schedule)), run).shrink()
    assert (found.plan.events, set(found.plan.schedule or ())) == (least, needed)


def test_shrink_when_another_invariant_breaks_that_does_not_count() -> None:
    def run(plan: Plan) -> Outcome:
        return Outcome(plan, "I5" if len(plan.schedule or ()) == 2 else "I9", event=10)

    found = Shrinker(run(Plan(1, 10, schedule=("1:cut:1", "2:cut:1"))), run).shrink()
    assert found.invariant == "I5"
    assert len(found.plan.schedule or ()) == 2


# ---- the command


def simulated(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ringfence.tools.cli", "simulate", *words], check=False, capture_output=True, text=True, timeout=110)


def test_command_when_seeds_run_in_two_jobs_the_record_has_them_and_the_second_call_runs_none(tmp_path: Path) -> None:
    record = tmp_path / "record"
    words = ("--seed", "21..24", "--events", "400", "--jobs", "2", "--record", str(record), "--json")
    first, kept = simulated(*words), record.read_text()
    assert first.returncode == 0, first.stdout + first.stderr
    summary = json.loads(first.stdout)["summary"]
    assert (summary["runs"], summary["failed"]) == (4, {})
    assert sorted(json.loads(line)["plan"]["seed"] for line in kept.splitlines()) == [21, 22, 23, 24]
    second = simulated(*words)
    assert json.loads(second.stdout)["summary"] == summary
    assert record.read_text() == kept


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seed", "x"), "neither N nor A..B"),
        (("--seed", "5..4"), "A <= B"),
        (("--seed", "1", "--events", "0"), "--events"),
        (("--seed", "1", "--faults", "flood"), "no such fault: flood"),
        (("--seed", "1", "--schedule", "3:flood:1"), "no such fault: flood"),
        (("--seed", "1", "--schedule", "three"), "faults:"),
        (("--seed", "1..2", "--schedule", "3:cut:1"), "one seed"),
    ],
)
def test_command_when_an_argument_is_wrong_it_says_which_and_exits_2(words: tuple[str, ...], said: str) -> None:
    done = simulated(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_report_when_a_run_failed_its_command_is_the_same_run() -> None:
    plan = Plan(7, 300, schedule=("12:kill_engine::5", "20:cut:1"))
    text = simulate.report(Outcome(plan, "I5", "an execution was booked twice", event=33, virtual_ns=1_500_000))
    for part in ("seed 7", "I5", "event 33", "0.001500 s", "an execution was booked twice", "12:kill_engine::5 20:cut:1"):
        assert part in text
    assert "ringfence simulate --seed 7 --events 300 --schedule '12:kill_engine::5,20:cut:1'" in text
