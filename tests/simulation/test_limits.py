"""Limits, grants and strategies' states in simulated runs: every refusal has the reject code that the rules give it, and rules that differ are seen."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringfence.core.rules import RULES
from ringfence.tools.commands import simulate
from ringfence.tools.simulation import oracle_authority, oracle_intents, oracle_limits, runs
from ringfence.tools.simulation.runs import Plan
from ringfence.tools.simulation.setup import draw_shape
from ringfence.tools.simulation.world import Broken, World

PEOPLE = "set_limit,set_strategy"
FAULTS = f"{PEOPLE},kill_scope,kill_engine,kill_gateway,host_crash,stall,cut,bust,correct,late_report,roll_day,clock_jump"
EVENTS = 2000
STRICT = [seed for seed in range(1, 60) if draw_shape(seed, "").strict]
DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "simulation.md"
CODES = {"NOT_PERMITTED", "MAX_QTY", "MAX_NOTIONAL", "MAX_POSITION", "OPEN_ORDERS", "TURNOVER", "NEW_RATE", "REPLACE_RATE", "MESSAGE_RATE", "STRATEGY_DISABLED"}


def worlds(seeds: list[int], classes: str) -> Iterator[World]:
    for seed in seeds:
        world = World(draw_shape(seed, f"simlimits{os.getpid()}"), Plan(seed, EVENTS, classes).faults())
        try:
            yield world
        finally:
            world.host.close()


@pytest.mark.parametrize("seed", STRICT[:8])
def test_run_when_limits_and_grants_refuse_amid_faults_all_holds(seed: int) -> None:
    outcome = runs.run(Plan(seed, EVENTS, FAULTS))
    assert outcome.ok, simulate.report(outcome)


def test_run_when_people_change_limits_every_rule_refuses_and_every_end_of_a_proposal_is_met() -> None:
    codes, ends = Counter[str](), Counter[tuple[str, str]]()
    for world in worlds(list(range(1, 26)), PEOPLE):
        world.run(EVENTS)
        m = world.oracle.oracle.model
        codes.update(m.reasons.values())
        ends.update((p.kind, p.state) for p in m.proposals)
    assert codes.keys() >= CODES, f"never refused: {sorted(CODES - codes.keys())}"
    assert {state for kind, state in ends if kind == "SET_LIMIT"} == {"PENDING", "APPROVED", "WITHDRAWN", "RUNNING", "EXPIRED"}


@pytest.mark.parametrize(
    ("module", "name", "other"),
    [
        (oracle_intents, "granted", lambda _rule: lambda *_: True),
        (oracle_intents, "refusal", lambda _rule: lambda *_: ""),
        (oracle_intents, "_only_reducing", lambda _rule: lambda *_: ""),
        (oracle_limits, "_too_fast", lambda _rule: lambda *_, **_k: ""),
        (oracle_limits, "amount", lambda rule: lambda m, i, px, qty: rule(m, i, px, qty) + 20_000_000),
        (oracle_limits, "open_of", lambda _rule: lambda *_: iter(())),
        (oracle_authority, "expire", lambda _rule: lambda *_: None),
        (oracle_authority, "_needs_two", lambda _rule: lambda *_: False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_run_when_a_rule_is_another_is_broken(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, other: Callable[[Any], Any]) -> None:
    """One rule of the oracle is made another, which to the comparison is the same as an engine that errs."""
    monkeypatch.setattr(module, name, other(getattr(module, name)))
    for world in worlds(list(range(1, 26)), PEOPLE):
        try:
            world.run(EVENTS)
        except Broken as e:
            assert e.violation.invariant in {"I2", "I14", "I20", "I21"}
            return
    pytest.fail(f"no seed noticed that {name} is another")


def test_docs_when_they_name_the_rules_that_the_oracle_covers_are_right() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)`.*\| (yes|no)\b", DOCS.read_text(), re.MULTILINE)
    assert dict(rows) == {name: "yes" if name in oracle_limits.COVERED else "no" for name in RULES}
