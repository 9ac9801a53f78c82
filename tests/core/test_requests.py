"""Requests in flight: any number an order, each sent at once and answered on its own (S7, S17, S20, D16), and status requests (S16)."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.ipc.schema import ENUMS

Machine = Any


def accepted(m: Machine) -> Machine:
    m.new(1)
    m.event("ACK", 1, venue_order_id="V1")
    return m


def quiet(m: Machine) -> None:
    assert m.breaks() == []
    assert m.replayed().tables() == m.tables()


def test_d16_when_a_second_replace_is_asked_in_flight_both_complete_in_order(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=8000)
    m.replace(qty=7000)
    assert m.commands[0]["orig_cl_ord_id"].decode() == m.cl_ord_id(1, 1)
    assert (int(m.order()["pending_count"]), int(m.order()["replace_revision"]), int(m.order()["pending_qty"])) == (2, 2, 7000)
    m.event("REPLACED", 1, 1)
    assert m.state_of() == ("PENDING_REPLACE", 8000, 0, 8000)
    m.event("REPLACED", 1, 2)
    assert m.state_of() == ("NEW", 7000, 0, 7000)
    quiet(m)


def test_d16_when_the_second_is_granted_before_the_first_is_told_the_first_changes_nothing(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=8000)
    m.replace(qty=7000)
    m.event("REPLACED", 1, 2)
    assert m.state_of() == ("PENDING_REPLACE", 7000, 0, 7000)
    m.event("REPLACED", 1, 1)
    assert m.state_of() == ("NEW", 7000, 0, 7000)
    quiet(m)


def test_s7_when_many_requests_are_in_flight_each_ends_on_its_own_and_gives_its_row_back(machine: Machine) -> None:
    m = accepted(machine)
    for qty in (8000, 7000, 6000):
        m.replace(qty=qty)
    m.cancel()
    m.cancel()
    assert int(m.status["requests_pending"]) == 5
    m.event("CANCEL_REJECT", 1, 2, cxl_rej_response_to=2)
    m.event("CANCEL_REJECT", 1, 5, cxl_rej_response_to=1)
    m.event("REPLACED", 1, 1)
    assert m.state_of() == ("PENDING_CANCEL", 8000, 0, 8000)
    m.event("CANCEL_REJECT", 1, 4, cxl_rej_response_to=1)
    assert m.state_of() == ("PENDING_REPLACE", 8000, 0, 8000)
    m.event("REPLACED", 1, 3)
    assert m.state_of() == ("NEW", 6000, 0, 6000)
    assert (int(m.status["requests_pending"]), int(m.status["request_count"])) == (0, 5)
    m.replace(qty=5000)
    assert int(m.status["request_count"]) == 5
    quiet(m)


def test_s7_when_the_order_is_canceled_nothing_is_in_flight_any_more(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=7000)
    m.cancel()
    m.event("CANCELED", 1)
    assert (m.state_of(), int(m.order()["pending_count"])) == (("CANCELED", 10000, 0, 0), 0)
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=2, ord_status="CANCELED", text_code=1)
    assert m.state_of() == ("CANCELED", 10000, 0, 0)
    quiet(m)


@pytest.mark.parametrize("acked", [False, True])
def test_s16_when_a_status_request_is_not_answered_in_time_it_is_a_break_once_and_nothing_ends(machine: Machine, acked: bool) -> None:
    m = machine
    m.new(1)
    if acked:
        m.event("ACK", 1)
    before = m.state_of()[0] if acked else "UNKNOWN"
    m.event("SESSION_DOWN")
    m.timer(29)
    assert m.breaks() == []
    m.event("SESSION_UP")
    m.timer(0 if acked else 1)
    m.timer(29)
    assert m.breaks() == [] if acked else ["UNKNOWN_OUTCOME"]
    m.timer(2)
    m.timer(60)
    assert m.breaks() == ["UNKNOWN_OUTCOME"]
    assert (m.state_of()[0], int(m.order()["flags"]) & 1) == (before, int(acked))
    assert m.replayed().tables() == m.tables()


# ---- what nobody asked for, and what answers nothing ---------------------------------------------------------------------


def test_r13_when_the_live_version_is_replaced_unasked_the_terms_are_taken_with_a_break(machine: Machine) -> None:
    m = accepted(machine)
    m.event("REPLACED", 1, qty=10000, px=100)
    assert m.breaks() == []
    m.event("REPLACED", 1, qty=12000, px=101)
    assert (m.state_of(), int(m.order()["px"])) == (("NEW", 12000, 0, 12000), 101)
    assert m.breaks() == ["UNEXPECTED_TRANSITION"]
    m.event("REPLACED", 1, qty=9000, flags=1)
    assert m.state_of() == ("NEW", 12000, 0, 12000)
    assert m.replayed().tables() == m.tables()


def test_s18_when_an_execution_mismatches_nothing_else_of_its_report_counts(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(100, exec_id="A", transact_ns=5)
    m.event("SESSION_DOWN")
    before = bytes(m.order().tobytes())
    m.fill(200, exec_id="A", venue_order_id="V9", text="other", transact_ns=9, text_code=3)
    assert m.breaks() == ["EXECUTION_MISMATCH"]
    after = m.order().copy()
    assert int(after["flags"]) & ~4 == flags_of(before)
    assert (bytes(after["venue_order_id"]), bytes(after["text"]), int(after["transact_ns"]), int(after["venue_code"])) == (b"V1", b"", 5, 0)
    m.fill(300, exec_id="B", venue_order_id="V9")
    assert (bytes(m.order()["venue_order_id"]), int(m.order()["flags"]) & 1) == (b"V9", 0)


def flags_of(row: bytes) -> int:
    from ringfence.ipc.schema import RECORDS

    return row[RECORDS["Order"].offsets["flags"]]


@pytest.mark.parametrize("up", [False, True])
def test_s6_when_unknown_to_the_venue_is_no_answer_to_our_request_the_order_stays_unknown(machine: Machine, up: bool) -> None:
    m = machine
    m.new(1)
    m.event("SESSION_DOWN")
    if up:
        m.event("SESSION_UP")
        m.timer(31)
    m.event("STATUS", 1, ord_status="REJECTED", text_code=6)
    assert m.state_of()[0] == ("REJECTED" if up else "UNKNOWN")


def test_requests_when_the_order_ends_otherwise_the_strategy_hears_that_they_are_over(machine: Machine) -> None:
    """A replace in flight when an IOC rest is cancelled: without a word of its end its strategy would wait for ever, since the venue need not answer."""
    m = machine
    m.new(1)
    m.event("ACK", 1, venue_order_id="V1")
    m.replace(1, qty=20000)
    m.replace(1, qty=30000)
    m.event("CANCELED", 1, 0)
    assert m.told() == ["CANCEL_REJECTED", "CANCEL_REJECTED", "CANCELED"]
    assert [ENUMS["DenyReason"].by_value[int(e["reason"])] for e in m.events] == ["ORDER_DONE", "ORDER_DONE", "NONE"]
    assert {ENUMS["OrdStatus"].by_value[int(e["ord_status"])] for e in m.events} == {"CANCELED"}
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=2, text_code=1)
    assert (m.told(), m.breaks(), m.state_of()) == ([], [], ("CANCELED", 10000, 0, 0))
