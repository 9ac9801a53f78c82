"""What an operator does to orders and executions: mass cancel, DontKnowTrade, the end of an order in doubt, out of suspense."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.core.state import Limits
from ringfence.ipc.schema import CONSTANTS

Machine = Any
MASS_CANCEL = CONSTANTS["INSTRUCTION_MASS_CANCEL"][0]
ASSIGNED = CONSTANTS["EXECUTION_ASSIGNED"][0]


def act(m: Machine, kind: str, **fields: Any) -> None:
    m.control(kind, body=m.record("OrderAction", **fields), operator_name="op", reason="test")


def mapped(m: Machine) -> Machine:
    """The venue takes mass cancels."""
    m.control("DEFINE_VENUE", body=m.record("Venue", id=1, name="sim", status=1, durability=1, instructions=MASS_CANCEL))
    return m


def stranger(m: Machine, qty: int = 25, px: int = 110, exec_id: str = "X1", **fields: Any) -> None:
    m.event("FILL", last_qty=qty, last_px=px, exec_id=exec_id, venue_order_id="V9", symbol="EURUSD", side=1, **fields)


def held(m: Machine, strategy: int = 1) -> tuple[int, int]:
    p = m.position(strategy)
    return (p["net_qty"], p["cost"]) if p else (0, 0)


def replays(m: Machine) -> None:
    assert m.replayed().tables() == m.tables()


# ---- mass cancel -------------------------------------------------------------------------------------------------------


def test_mass_cancel_when_the_venue_maps_it_is_one_command_of_no_order(machine: Machine) -> None:
    m = mapped(machine)
    m.new(1)
    m.new(2, strategy=2)
    act(m, "MASS_CANCEL", venue=1)
    assert m.sent() == ["MASS_CANCEL"]
    first = bytes(m.commands[0]["cl_ord_id"])
    assert (int(m.commands[0]["order_id"]), bytes(m.commands[0]["symbol"])) == (0, b"")
    act(m, "MASS_CANCEL", venue=1, instrument=1)
    assert bytes(m.commands[0]["symbol"]) == b"EURUSD"
    assert bytes(m.commands[0]["cl_ord_id"]) != first
    assert m.state_of() == ("PENDING_NEW", 10000, 0, 10000)
    m.event("MASS_CANCEL_REPORT", cl_ord_id=first.decode(), mass_cancel_response=ord("7"))
    assert (m.sent(), m.breaks()) == ([], [])
    replays(m)


@pytest.mark.parametrize("answer", ["MASS_CANCEL_REPORT", "BUSINESS_REJECT", "NOT_SENT"])
def test_mass_cancel_when_it_is_refused_every_open_order_is_cancelled_on_its_own(machine: Machine, answer: str) -> None:
    m = mapped(machine)
    m.new(1)
    m.new(2, strategy=2)
    m.new(3)
    m.event("CANCELED", 3)
    act(m, "MASS_CANCEL", venue=1)
    cl_ord_id = bytes(m.commands[0]["cl_ord_id"]).decode()
    m.event(answer, cl_ord_id=cl_ord_id, mass_cancel_response=ord("0") if answer == "MASS_CANCEL_REPORT" else 0)
    assert m.sent() == ["CANCEL", "CANCEL"]
    assert m.breaks() == ["MASS_CANCEL_REJECTED"]
    replays(m)


@pytest.mark.parametrize("why", ["not mapped", "down", "stalled"])
def test_mass_cancel_when_no_message_can_go_every_open_order_is_cancelled_on_its_own(machine: Machine, why: str) -> None:
    m = machine if why == "not mapped" else mapped(machine)
    m.new(1)
    m.new(2, strategy=2)
    m.event("ACK", 1)
    m.event("ACK", 2)
    if why == "down":
        m.event("SESSION_DOWN")
    elif why == "stalled":
        m.observe("GATEWAY_STALLED", 1)
    act(m, "MASS_CANCEL", venue=1)
    assert m.sent() == ["CANCEL", "CANCEL"]
    assert m.breaks() == []


def test_mass_cancel_when_a_stalled_gateway_takes_no_more_says_so(make_machine: Any) -> None:
    m = make_machine(Limits(orders=4, executions=32, positions=4, breaks=8, instruments=2, accounts=2, venues=2, strategies=3, routes=2))
    m.new(1)
    m.observe("GATEWAY_STALLED", 1)
    for _ in range(4):
        act(m, "MASS_CANCEL", venue=1)
        assert (m.sent(), m.breaks()) == (["CANCEL"], [])
        m.event("CANCEL_REJECT", 1, int(m.order()["revision"]))
    act(m, "MASS_CANCEL", venue=1)
    assert (m.sent(), m.breaks()) == ([], ["BAD_CONTROL"])


def test_mass_cancel_when_it_names_an_instrument_others_stay(machine: Machine) -> None:
    m = machine
    m.instrument(2, "GBPUSD")
    m.new(1)
    m.new(2, instrument=2)
    act(m, "MASS_CANCEL", venue=1, instrument=2)
    assert [int(c["order_id"]) for c in m.commands] == [2]


# ---- DontKnowTrade -----------------------------------------------------------------------------------------------------


def test_dont_know_names_the_execution_and_books_nothing(machine: Machine) -> None:
    m = machine
    stranger(m)
    act(m, "DONT_KNOW", execution=1, dk_reason=ord("D"))
    assert m.sent() == ["DONT_KNOW"]
    c = m.commands[0]
    assert (bytes(c["exec_id"]), bytes(c["venue_order_id"]), bytes(c["symbol"])) == (b"X1", b"V9", b"EURUSD")
    assert (int(c["dk_reason"]), int(c["side"]), int(c["qty"]), int(c["display_qty"]), int(c["px"]), int(c["px_digits"])) == (ord("D"), 1, 0, 25, 110, 2)
    assert held(m, 0) == (25, 2750)
    replays(m)


def test_dont_know_of_an_execution_of_an_order_carries_its_quantity(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.fill(40)
    act(m, "DONT_KNOW", execution=1, dk_reason=ord("C"))
    assert (int(m.commands[0]["qty"]), int(m.commands[0]["display_qty"]), int(m.commands[0]["order_id"])) == (10000, 40, 1)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 40, 9960)


# ---- an order in doubt -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "shown", "told"),
    [
        ("CANCELED", "CANCELED", "CANCELED"),
        ("REJECTED", "REJECTED", "REJECTED"),
        ("EXPIRED", "EXPIRED", "EXPIRED"),
        ("DONE_FOR_DAY", "DONE_FOR_DAY", "DONE_FOR_DAY"),
        ("NEW", "NEW", "ACK"),
        ("FILLED", "FILLED", "RESTATED"),
    ],
)
def test_resolve_when_the_outcome_is_unknown_the_operators_word_counts(machine: Machine, status: str, shown: str, told: str) -> None:
    from ringfence.ipc.schema import ENUMS

    m = machine
    m.new(1)
    m.event("SESSION_DOWN")
    act(m, "RESOLVE_ORDER", order_id=1, ord_status=ENUMS["OrdStatus"].by_name[status])
    assert (m.state_of()[0], m.told()) == (shown, [told])
    assert m.breaks() == (["MISSED_EXECUTION"] if status == "FILLED" else [])
    m.fill(40)
    assert held(m) == (40, 4000)
    replays(m)


@pytest.mark.parametrize("ord_status", [0, 2, 3, 8, 15, 200])
def test_resolve_when_the_order_is_not_in_doubt_or_the_end_is_none_changes_nothing(machine: Machine, ord_status: int) -> None:
    m = machine
    m.new(1)
    if ord_status != 2:
        m.event("SESSION_DOWN")
    before = bytes(m.order().tobytes())
    act(m, "RESOLVE_ORDER", order_id=1, ord_status=ord_status)
    assert bytes(m.order().tobytes()) == before
    assert m.breaks() == ["BAD_CONTROL"]


# ---- out of suspense ---------------------------------------------------------------------------------------------------


def test_assign_to_an_order_moves_the_trade_with_its_cost(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("ACK", 1)
    stranger(m)
    stranger(m, 5, 100, "X2")
    act(m, "ASSIGN_EXECUTION", execution=1, order_id=1)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 25, 9975)
    assert (held(m), held(m, 0)) == ((25, 2750), (5, 500))
    assert m.told() == ["FILL"]
    assert int(m.table("executions")[1]["state"]) == ASSIGNED
    assert m.breaks() == ["UNKNOWN_ORDER", "UNKNOWN_ORDER"]
    replays(m)


def test_assign_to_a_strategy_needs_no_order(machine: Machine) -> None:
    m = machine
    stranger(m)
    act(m, "ASSIGN_EXECUTION", execution=1, strategy=2)
    assert (held(m, 2), held(m, 0)) == ((25, 2750), (0, 0))
    stranger(m)
    assert (held(m, 2), held(m, 0)) == ((25, 2750), (0, 0))
    replays(m)


@pytest.mark.parametrize("named", [False, True])
def test_assign_when_the_venue_repeats_the_execution_it_is_booked_once(machine: Machine, named: bool) -> None:
    m = machine
    m.new(1)
    stranger(m)
    act(m, "ASSIGN_EXECUTION", execution=1, order_id=1)
    if named:
        m.fill(25, px=110, exec_id="X1")
    else:
        stranger(m)
    assert (m.state_of()[2], held(m), held(m, 0)) == (25, (25, 2750), (0, 0))
    assert m.breaks() == ["UNKNOWN_ORDER"]
    replays(m)


def test_assign_to_a_short_sale_when_the_venue_repeats_it_by_name_books_it_once(machine: Machine) -> None:
    """The venue writes 54=2 for what was ordered as 54=5: the execution's identity is the order's side from then on."""
    m = machine
    m.new(1, side=5)
    m.event("ACK", 1)
    m.event("FILL", exec_id="X1", last_qty=25, last_px=110, side=2, symbol="EURUSD", venue_order_id="PHONE")
    act(m, "ASSIGN_EXECUTION", execution=1, order_id=1)
    assert m.state_of()[2] == 25
    m.fill(25, px=110, exec_id="X1")
    assert m.state_of()[2] == 25
    assert int(m.status["duplicate_fills"]) == 1
    replays(m)


@pytest.mark.parametrize("target", [{"order_id": 1}, {"strategy": 1}])
def test_assign_when_the_venue_busts_or_corrects_it_later_the_new_owner_is_changed(machine: Machine, target: dict[str, int]) -> None:
    m = machine
    m.new(1)
    stranger(m)
    act(m, "ASSIGN_EXECUTION", execution=1, **target)
    for _ in range(2):
        m.event("CORRECT", last_qty=20, last_px=100, exec_id="C1", exec_ref_id="X1", venue_order_id="V9", symbol="EURUSD", side=1)
        assert (held(m), held(m, 0)) == ((20, 2000), (0, 0))
    assert m.state_of()[2] == (20 if "order_id" in target else 0)
    m.event("BUST", exec_id="B1", exec_ref_id="X1", venue_order_id="V9", symbol="EURUSD", side=1)
    assert (m.state_of()[2], held(m), held(m, 0)) == (0, (0, 0), (0, 0))
    assert m.breaks() == ["UNKNOWN_ORDER"]
    replays(m)


def test_assign_when_it_overfills_the_order_says_so(machine: Machine) -> None:
    m = machine
    m.new(1, qty=20)
    stranger(m)
    act(m, "ASSIGN_EXECUTION", execution=1, order_id=1)
    assert m.state_of() == ("FILLED", 20, 25, 0)
    assert m.breaks() == ["UNKNOWN_ORDER", "OVERFILL"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("ASSIGN_EXECUTION", {"execution": 1}),
        ("ASSIGN_EXECUTION", {"execution": 1, "order_id": 1, "strategy": 1}),
        ("ASSIGN_EXECUTION", {"execution": 1, "order_id": 9}),
        ("ASSIGN_EXECUTION", {"execution": 1, "order_id": 2}),  # the other side
        ("ASSIGN_EXECUTION", {"execution": 1, "strategy": 9}),
        ("ASSIGN_EXECUTION", {"execution": 0, "strategy": 1}),
        ("ASSIGN_EXECUTION", {"execution": 9, "strategy": 1}),
        ("ASSIGN_EXECUTION", {"execution": 2, "strategy": 2}),  # of an order
        ("ASSIGN_EXECUTION", {"execution": 3, "strategy": 2}),  # of no instrument of ours
        ("DONT_KNOW", {"execution": 1, "dk_reason": ord("X")}),
        ("DONT_KNOW", {"execution": 9, "dk_reason": ord("D")}),
        ("DONT_KNOW", {"execution": 3, "dk_reason": ord("D")}),
        ("RESOLVE_ORDER", {"order_id": 9, "ord_status": 6}),
        ("MASS_CANCEL", {"venue": 0}),
        ("MASS_CANCEL", {"venue": 2}),
        ("MASS_CANCEL", {"venue": 1, "instrument": 9}),
    ],
)
def test_action_when_it_names_what_cannot_be_changes_nothing_and_says_so(machine: Machine, kind: str, fields: dict[str, int]) -> None:
    m = machine
    m.new(1)
    m.new(2, side=2)
    stranger(m)
    m.fill(10, exec_id="E2")
    m.event("FILL", last_qty=5, last_px=100, exec_id="X3", venue_order_id="V9", symbol="NOSUCH", side=1)
    before = {name: rows for name, rows in m.tables().items() if name not in ("engine", "breaks")}
    count = len(m.breaks())
    act(m, kind, **fields)
    assert {name: m.tables()[name] for name in before} == before
    assert m.breaks()[count:] == ["BAD_CONTROL"]
    assert m.sent() == []
