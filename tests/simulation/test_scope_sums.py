"""The simulator's look at reserved exposure: right after any life of an order, and it finds each figure that is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringfence.ipc.schema import ENUMS
from ringfence.tools.scenario_actions import do
from ringfence.tools.scenario_config import setup
from ringfence.tools.scenario_file import parse
from ringfence.tools.scenario_machine import Machine
from ringfence.tools.simulation import scope_sums

LINES: list[dict[str, Any]] = [
    {"config": {"limits": [{"scope": "firm", "rule": "OPEN_ORDERS", "value": "100"}], "strategies": ["s1", "s2"]}},
    {"intent": {"client_id": 1, "op": "new", "side": "buy", "qty": "100", "price": "1.00", "type": "limit", "tif": "day"}},
    {"venue": "35=8|20=0|150=0|39=0|11=@1|37=V1|17=A1|54=1|38=100|14=0|151=100"},
    {"intent": {"op": "replace", "target": 1, "qty": "150"}},
    {"venue": "35=8|20=0|150=1|39=1|11=@1.0|37=V1|17=E1|54=1|38=100|32=30|31=1.00|14=30|151=70"},
    {"intent": {"client_id": 2, "op": "new", "side": "sell", "qty": "40", "price": "1.10", "type": "limit", "tif": "day", "strategy": "s2"}},
    {"intent": {"client_id": 3, "op": "new", "side": "sell", "qty": "10", "price": "1.10", "type": "limit", "tif": "day"}},
    {"venue": "35=8|20=0|150=8|39=8|11=@3|37=V3|17=A3|54=2|38=10|14=0|151=0"},
]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    scenario = parse("x", "\n".join(map(json.dumps, LINES)).encode())
    made = Machine(setup(scenario), tmp_path)
    for step in scenario.steps:
        do(made, step)
        assert scope_sums.check(made.replayer.state) == [], f"after line {step.line}"
    yield made
    made.close()


def test_sums_when_a_replace_in_flight_asks_for_more_is_that(machine: Machine) -> None:
    assert int(machine.table("orders")[1]["reserved_qty"]) == 120


def pair_row(machine: Machine) -> int:
    """Row of the scope of account 1 and instrument 1."""
    rows = machine.table("scopes")
    pair = ENUMS["ScopeKind"].by_name["ACCOUNT_INSTRUMENT"]
    return next(k for k, row in enumerate(rows) if (int(row["kind"]), int(row["a"]), int(row["b"])) == (pair, 1, 1))


@pytest.mark.parametrize(
    ("spoil", "invariant", "text"),
    [
        (lambda m: m.table("orders")[1].__setitem__("reserved_qty", 119), "I8", "order 1 holds 119, it may trade 120"),
        (lambda m: m.table("orders")[3].__setitem__("reserved_qty", 10), "I9", "order 3 is over and holds 10"),
        (lambda m: m.table("scopes")[1].__setitem__("open_orders", 3), "I8", "open_orders is 3, its orders and positions make 2"),
        (
            lambda m: m.table("scopes")[pair_row(m)].__setitem__("sell_qty", 41),
            "I8",
            "sell_qty is 41, its orders and positions make 40",
        ),
    ],
)
def test_sums_when_a_figure_is_wrong_is_found(machine: Machine, spoil: Callable[[Machine], None], invariant: str, text: str) -> None:
    spoil(machine)
    found = scope_sums.check(machine.replayer.state)
    assert [v.invariant for v in found] == [invariant]
    assert text in found[0].text
