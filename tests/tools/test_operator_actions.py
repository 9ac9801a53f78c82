"""An operator's requests as control commands: names to rows, what is refused before it is published, what the engine then does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ringfence.ipc.schema import CONSTANTS
from ringfence.tools import operator_actions
from ringfence.tools.errors import Refused, ToolError, UsageError
from ringfence.tools.scenario_actions import do
from ringfence.tools.scenario_config import setup
from ringfence.tools.scenario_file import parse
from ringfence.tools.scenario_machine import Machine

LINES = b"""
{"intent": {"client_id": 1, "op": "new", "side": "buy", "qty": 100, "price": 10}}
{"intent": {"client_id": 2, "op": "new", "side": "sell", "qty": 100, "price": 12}}
{"venue": "35=8|20=0|150=0|39=0|11=@1|37=V1|17=A1|55=EURUSD|54=1|14=0|151=100"}
{"venue": "35=8|20=0|150=1|39=1|11=@1|37=V1|17=E1|55=EURUSD|54=1|32=10|31=10|14=10|151=90"}
{"venue": "35=8|20=0|150=1|39=1|11=NOBODY|37=V9|17=X1|55=EURUSD|54=1|32=25|31=11|14=25|151=0"}
{"venue": "35=8|20=0|150=1|39=1|11=NOBODY|37=V8|17=X2|55=NOSUCH|54=1|32=25|31=11|14=25|151=0"}
{"session": "down"}
"""


class Tables:
    """The engine's region as ``operator_actions`` reads it."""

    def __init__(self, machine: Machine) -> None:
        self.section = machine.table


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Order 1 filled by 10 and unverified, order 2 Unknown, one execution in suspense (row 2), one of no instrument of ours (row 3)."""
    scenario = parse("x.ndjson", LINES)
    made = Machine(setup(scenario), tmp_path)
    for step in scenario.steps:
        do(made, step)
    yield made
    made.close()


def act(machine: Machine, op: str, **request: Any) -> list[str]:
    """Build the command, apply it, return the names of the breaks that it raised."""
    before = len(machine.breaks())
    command = operator_actions.build(op, {"reason": "a test"} | request, Tables(machine))  # type: ignore[arg-type]
    assert bytes(command["reason"]) == b"a test"
    command["request_id"] = 77
    machine.frame("CONTROL", command)
    assert operator_actions.refused_by_engine(Tables(machine), 77) == ("bad_control" in machine.breaks()[before:])  # type: ignore[arg-type]
    return machine.breaks()[before:]


def status(machine: Machine, client: int) -> int:
    order = machine.order(1, client)
    assert order is not None
    return int(order["ord_status"])


def test_resolve_ends_an_unknown_order(machine: Machine) -> None:
    assert act(machine, "resolve", order=2, status="canceled") == []
    assert status(machine, 2) == 6
    with pytest.raises(Refused, match="order 2 is CANCELED and not in doubt"):
        act(machine, "resolve", order=2, status="canceled")


@pytest.mark.parametrize("execution", [2, "X1"])
def test_assign_moves_an_execution_to_an_order(machine: Machine, execution: int | str) -> None:
    assert act(machine, "assign", execution=execution, order=1) == []
    order = machine.order(1, 1)
    assert order is not None
    assert int(order["cum_qty"]) == 35
    with pytest.raises(Refused, match="is not in suspense"):
        act(machine, "assign", execution=2, order=1)


def test_assign_moves_an_execution_to_a_strategy(machine: Machine) -> None:
    assert act(machine, "assign", execution="X1", strategy="s1") == []
    assert [int(p["net_qty"]) for p in machine.table("positions")[1:4] if int(p["strategy"]) == 1] == [35]


def test_dont_know_and_mass_cancel_become_commands(machine: Machine) -> None:
    machine.connect(machine.links[0])
    del machine.sent[:]
    assert act(machine, "dont_know", execution="X1", dk_reason="d") == []
    assert act(machine, "mass_cancel", venue="venue", symbol="EURUSD") == []
    machine.pump()
    assert [dict(s.fields)[35] for s in machine.sent] == ["Q", "F", "F"]


def test_what_the_engine_refuses_is_seen(machine: Machine) -> None:
    command = operator_actions.build("resolve", {"order": 2, "status": "new", "reason": "x"}, Tables(machine))  # type: ignore[arg-type]
    machine.frame("CONTROL", command)
    command["request_id"] = 5
    machine.frame("CONTROL", command)
    assert operator_actions.refused_by_engine(Tables(machine), 5)  # type: ignore[arg-type]
    assert not operator_actions.refused_by_engine(Tables(machine), 4)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("op", "request_", "error", "said"),
    [
        ("resolve", {"order": 2, "status": "canceled", "reason": " "}, UsageError, "a reason is needed"),
        ("resolve", {"order": 2, "status": "unknown"}, UsageError, "status was 'unknown'; allowed: canceled"),
        ("resolve", {"order": "2", "status": "new"}, UsageError, "order was '2'"),
        ("resolve", {"order": True, "status": "new"}, UsageError, "order was True"),
        ("resolve", {"order": 9, "status": "new"}, Refused, "there is no order 9"),
        ("assign", {"execution": "X1"}, UsageError, "an order or a strategy, not both"),
        ("assign", {"execution": "X1", "order": 1, "strategy": "s1"}, UsageError, "not both"),
        ("assign", {"execution": "X1", "order": 2}, Refused, "another instrument, side or venue than order 2"),
        ("assign", {"execution": "X1", "strategy": "s9"}, Refused, "no name 's9' in strategies; there are s1"),
        ("assign", {"execution": "E1", "strategy": "s1"}, Refused, "execution 1 is not in suspense"),
        ("assign", {"execution": "nope", "strategy": "s1"}, Refused, "no booked execution 'nope'"),
        ("assign", {"execution": 9, "strategy": "s1"}, Refused, "there is no execution 9"),
        ("assign", {"execution": None, "strategy": "s1"}, Refused, "no booked execution None"),
        ("dont_know", {"execution": "X1", "dk_reason": "Q"}, UsageError, "dk_reason was 'Q'; allowed: A"),
        ("dont_know", {"execution": "X2", "dk_reason": "A"}, Refused, "names no instrument of ours"),
        ("mass_cancel", {"venue": "nowhere"}, Refused, "no name 'nowhere' in venues; there are venue"),
        ("mass_cancel", {"venue": "venue", "symbol": "XAU"}, Refused, "no symbol 'XAU' in instruments; there are EURUSD"),
        ("mass_cancel", {}, Refused, "no name None in venues"),
    ],
)
def test_request_when_it_cannot_be_is_refused_and_says_why(machine: Machine, op: str, request_: dict[str, Any], error: type[ToolError], said: str) -> None:
    with pytest.raises(error, match=said.replace("(", r"\(")):
        act(machine, op, **request_)


def test_divergence_halts_with_the_shadows_hash_and_resume_lifts_it_and_a_halt(machine: Machine) -> None:
    found = {"shadow_hash": (1 << 64) - 1, "inputs": 7, "first_row": 257, "rows": 256}
    assert act(machine, "divergence", **found) == ["divergence"]
    assert int(machine.table("engine")[1]["restrictions"]) == CONSTANTS["RESTRICT_DIVERGENCE"][0]
    assert act(machine, "halt") == []
    assert int(machine.table("engine")[1]["restrictions"]) == CONSTANTS["RESTRICT_DIVERGENCE"][0] | CONSTANTS["RESTRICT_OPERATOR"][0]
    assert act(machine, "resume") == []
    assert int(machine.table("engine")[1]["restrictions"]) == 0


@pytest.mark.parametrize(("key", "value"), [("shadow_hash", 1 << 64), ("inputs", -1), ("rows", 1 << 32), ("first_row", None), ("rows", True), ("inputs", "7")])
def test_divergence_when_a_number_does_not_fit_its_record_is_refused(machine: Machine, key: str, value: object) -> None:
    found: dict[str, Any] = {"shadow_hash": 1, "inputs": 7, "first_row": 0, "rows": 0, key: value}
    with pytest.raises(UsageError, match=f"{key} was"):
        act(machine, "divergence", **found)


@pytest.mark.parametrize("op", ["halt", "resume", "divergence"])
def test_halt_and_resume_when_no_reason_is_given_are_refused(machine: Machine, op: str) -> None:
    with pytest.raises(UsageError, match="a reason is needed"):
        act(machine, op, reason=" ")
