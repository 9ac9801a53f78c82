"""The whole state table: every base status under every event, those without a row included."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.core import transitions
from ringfence.core.transitions import BASE, BY_QUANTITY, FILLED_OR_KEEP, KEEP, OUTSIDE, ROWS, TERMINAL
from ringfence.gateways import events
from ringfence.ipc.schema import ENUMS

Machine = Any
STATUS = ENUMS["OrdStatus"].by_value
EVENTS = sorted(e for e in ENUMS["VenueEventKind"].by_name if e not in OUTSIDE)
QTY, PART = 10000, 1000

# How an order comes to have each base status, with nothing in flight.
PATHS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "PENDING_NEW": [],
    "NEW": [("ACK", {})],
    "PARTIALLY_FILLED": [("FILL", {"last_qty": PART, "last_px": 100, "exec_id": "P"})],
    "FILLED": [("FILL", {"last_qty": QTY, "last_px": 100, "exec_id": "P"})],
    "DONE_FOR_DAY": [("DONE_FOR_DAY", {})],
    "CANCELED": [("CANCELED", {})],
    "STOPPED": [("STOPPED", {})],
    "REJECTED": [("REJECTED", {})],
    "SUSPENDED": [("SUSPENDED", {})],
    "CALCULATED": [("ACK", {}), ("CALCULATED", {})],
    "EXPIRED": [("EXPIRED", {})],
    "UNKNOWN": [("SESSION_DOWN", {})],
    "DENIED": [("NOT_SENT", {})],
}


def reach(m: Machine, status: str) -> None:
    m.new(1, qty=QTY)
    for event, fields in PATHS[status]:
        m.event(event, 0 if event == "SESSION_DOWN" else 1, **fields)
    assert STATUS[int(m.order()["base_status"])] == status


def by_quantity(cum: int) -> str:
    return "FILLED" if cum >= QTY else "PARTIALLY_FILLED" if cum else "NEW"


def send(m: Machine, event: str) -> int:
    """Send one event; return CumQty after it."""
    o = m.order()
    cum = int(o["cum_qty"])
    if event == "FILL":
        m.fill(PART, exec_id="N")
        return cum + PART
    if event in ("BUST", "CORRECT"):
        m.fill(PART, exec_id="R")
        if event == "BUST":
            m.event("BUST", 1, exec_id="X", exec_ref_id="R")
            return cum
        m.event("CORRECT", 1, exec_id="X", exec_ref_id="R", last_qty=PART - 1, last_px=100)
        return cum + PART - 1
    if event == "REPLACED":
        m.event("REPLACED", 1, int(o["revision"]) or 1)
        return cum
    m.event(event, 1)
    return cum


@pytest.mark.parametrize("event", [e for e in EVENTS if e not in ("BUST", "CORRECT", "REPLACED")])
@pytest.mark.parametrize("status", BASE)
def test_transition_when_an_event_meets_a_status_the_table_decides(machine: Machine, status: str, event: str) -> None:
    m = machine
    reach(m, status)
    before = m.breaks()
    cum = send(m, event)
    row = next((r for r in ROWS if r.status == status and r.event == event), None)
    found = STATUS[int(m.order()["base_status"])]
    new = [b for b in m.breaks()[len(before) :] if b != "OVERFILL"]
    if row is None:
        assert new == ["UNEXPECTED_TRANSITION"]
        return
    assert new == []
    if row.result == KEEP:
        assert found == status
    elif row.result == BY_QUANTITY:
        assert found == by_quantity(cum)
    elif row.result == FILLED_OR_KEEP:
        assert found == ("FILLED" if cum >= QTY else status)
    else:
        assert found == STATUS[row.result]
    invariants(m)


@pytest.mark.parametrize("event", ["BUST", "CORRECT"])
@pytest.mark.parametrize("status", [s for s in BASE if s not in ("DENIED", "FILLED")])
def test_transition_when_a_trade_is_taken_back_terminal_statuses_stay(machine: Machine, status: str, event: str) -> None:
    m = machine
    reach(m, status)
    cum = send(m, event)
    kept = status in (*TERMINAL, "SUSPENDED", "STOPPED")
    assert STATUS[int(m.order()["base_status"])] == (status if kept else by_quantity(cum))
    assert int(m.order()["cum_qty"]) == cum
    invariants(m)


@pytest.mark.parametrize("status", [s for s in BASE if s != "DENIED"])
def test_transition_when_a_replace_in_flight_is_accepted_the_table_decides(machine: Machine, status: str) -> None:
    m = machine
    m.new(1, qty=QTY)
    m.replace(1, qty=QTY)
    for event, fields in PATHS[status]:
        m.event(event, 0 if event == "SESSION_DOWN" else 1, **fields)
    before = len(m.breaks())
    m.event("REPLACED", 1, 1)
    row = next((r for r in ROWS if r.status == status and r.event == "REPLACED"), None)
    assert (m.breaks()[before:] == []) == (row is not None)
    expected = status if row is not None and row.result == KEEP else by_quantity(int(m.order()["cum_qty"]))
    assert STATUS[int(m.order()["base_status"])] == expected
    invariants(m)


def invariants(m: Machine) -> None:
    o = m.order()
    shown = STATUS[int(o["ord_status"])]
    cum, qty, leaves = int(o["cum_qty"]), int(o["qty"]), int(o["leaves_qty"])
    if shown in TERMINAL:
        assert leaves == 0
    else:
        assert leaves == max(qty - cum, 0)
    is_open = shown not in TERMINAL
    assert int(m.table("strategies")[1]["open_orders"]) == int(is_open) == int(m.status["open_orders"])
    assert (int(m.table("strategies")[1]["first_open"]) == 1) == is_open
    assert m.replayed().tables() == m.tables()


def test_lookup_when_loaded_holds_every_row_once() -> None:
    assert len(transitions.lookup()) == len(ROWS)


def test_lookup_when_two_rows_disagree_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "ROWS", (*ROWS, transitions.Row("NEW", "ACK", KEEP, "again")))
    with pytest.raises(ValueError, match="two rows"):
        transitions.lookup()


def test_lookup_when_an_event_is_forgotten_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "ROWS", tuple(r for r in ROWS if r.event != "EXPIRED"))
    with pytest.raises(ValueError, match="EXPIRED"):
        transitions.lookup()


def test_rows_when_read_each_names_its_authority() -> None:
    assert not [r for r in ROWS if not r.rules]


def test_terminal_when_a_client_asks_whether_its_order_is_done_is_the_engines_set() -> None:
    assert frozenset(TERMINAL) == events.TERMINAL
