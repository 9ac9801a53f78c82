"""Entries of the ledger in simulated runs: proposed by one operator, approved by another, amid deaths, busts and corrections; a rule that differs is seen."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ringfence.tools.commands import simulate
from ringfence.tools.simulation import oracle_cash, oracle_entries, runs
from ringfence.tools.simulation.runs import Plan
from ringfence.tools.simulation.setup import draw_shape
from ringfence.tools.simulation.world import Broken, World

FAULTS = "book_entry,set_strategy,kill_scope,kill_engine,kill_sidecar,host_crash,bust,correct,late_report,roll_day"
ENTRIES = "book_entry,bust,correct"
EVENTS = 2000


@pytest.mark.parametrize("seed", range(1, 9))
def test_run_when_entries_are_booked_amid_faults_all_holds(seed: int) -> None:
    outcome = runs.run(Plan(seed, EVENTS, FAULTS))
    assert outcome.ok, simulate.report(outcome)


def test_runs_when_entries_are_drawn_book_every_kind_and_take_some_back() -> None:
    kinds, busted, ends = Counter[str](), 0, Counter[str]()
    for seed in range(1, 31):
        world = World(draw_shape(seed, f"simentries{os.getpid()}"), Plan(seed, EVENTS, ENTRIES).faults())
        try:
            world.run(EVENTS)
        finally:
            world.host.close()
        entries = world.oracle.oracle.model.entries.values()
        kinds.update(e.kind for e in entries)
        busted += sum(e.busted for e in entries)
        ends.update(p.state for p in world.oracle.oracle.model.proposals if p.kind == "BOOK_ENTRY")
    assert kinds.keys() >= {"DIVIDEND", "EXPIRE", "FUNDING", "RETURN_OF_CAPITAL", "REWARD", "SETTLE", "SPLIT", "TRANSFER"}, kinds
    assert kinds.keys() >= {"CONVERSION", "CROSS", "DEPOSIT", "WITHDRAWAL"}, kinds
    assert busted
    assert {"APPROVED", "WITHDRAWN"} <= ends.keys(), ends


def test_run_when_a_rule_of_balances_is_another_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = oracle_cash.moves
    monkeypatch.setattr(oracle_cash, "moves", lambda m, e: rule(m, e)[:1])  # what a conversion buys is lost
    for seed in range(1, 26):
        world = World(draw_shape(seed, f"simentries{os.getpid()}"), Plan(seed, EVENTS, ENTRIES).faults())
        try:
            world.run(EVENTS)
        except Broken as e:
            assert e.violation.invariant == "I22"
            return
        finally:
            world.host.close()
    raise AssertionError("no run was broken")


@pytest.mark.parametrize(
    ("name", "other"),
    [("effect", lambda rule: lambda e, one, two: rule(e, one, two) and (one, two)), ("can_be", lambda _rule: lambda *_: False)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_run_when_a_rule_of_entries_is_another_is_broken(monkeypatch: pytest.MonkeyPatch, name: str, other: Callable[[Any], Any]) -> None:
    monkeypatch.setattr(oracle_entries, name, other(getattr(oracle_entries, name)))
    for seed in range(1, 26):
        world = World(draw_shape(seed, f"simentries{os.getpid()}"), Plan(seed, EVENTS, ENTRIES).faults())
        try:
            world.run(EVENTS)
        except Broken as e:
            assert e.violation.invariant in {"I6", "I7", "I14", "I21"}
            return
        finally:
            world.host.close()
    pytest.fail(f"no seed noticed that {name} is another")
