"""The order state change matrices of FIX 4.2 Appendix D (D rows) and the order rules (S rows), figure by figure.

Figures are OrderQty/CumQty/LeavesQty. Rows that the specification knows must raise no break (S22).
"""

from __future__ import annotations

from typing import Any

import pytest

Machine = Any


def accepted(m: Machine, qty: int = 10000, **fields: Any) -> Machine:
    m.new(1, qty=qty, **fields)
    m.event("ACK", 1, venue_order_id="V1")
    assert m.state_of() == ("NEW", qty, 0, qty)
    return m


def quiet(m: Machine) -> None:
    assert m.breaks() == []
    assert m.replayed().tables() == m.tables()


def test_d1_when_filled_in_parts_ends_filled(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(2000, exec_id="A")
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 2000, 8000)
    m.fill(1000, exec_id="B")
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 3000, 7000)
    m.fill(7000, exec_id="C", cum_qty=10000)
    assert m.state_of() == ("FILLED", 10000, 10000, 0)
    quiet(m)


@pytest.mark.parametrize("acked", [False, True])
def test_d1_when_rejected_before_or_after_new_is_rejected(machine: Machine, acked: bool) -> None:
    m = machine
    m.new(1)
    if acked:
        m.event("ACK", 1)
    m.event("REJECTED", 1, text_code=1, text="no")
    assert m.state_of() == ("REJECTED", 10000, 0, 0)
    assert m.told() == ["REJECTED"]
    quiet(m)


def test_d2_when_done_for_day_leaves_nothing(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(3000)
    m.event("DONE_FOR_DAY", 1)
    assert m.state_of() == ("DONE_FOR_DAY", 10000, 3000, 0)
    quiet(m)


def test_d3_when_cancelled_unfilled(machine: Machine) -> None:
    m = accepted(machine)
    m.cancel()
    assert m.sent() == ["CANCEL"]
    assert m.state_of() == ("PENDING_CANCEL", 10000, 0, 10000)
    m.event("PENDING_CANCEL", 1, 1)
    assert m.state_of() == ("PENDING_CANCEL", 10000, 0, 10000)
    m.event("CANCELED", 1, 1)
    assert m.state_of() == ("CANCELED", 10000, 0, 0)
    quiet(m)


def test_d3_when_the_cancel_is_rejected_returns_to_new(machine: Machine) -> None:
    m = accepted(machine)
    m.cancel()
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=1, text_code=3)
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    assert m.told() == ["CANCEL_REJECTED"]
    quiet(m)


def test_d4_when_filled_while_the_cancel_is_pending_stays_pending(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(5000, exec_id="A")
    m.cancel()
    m.fill(1000, exec_id="B", ord_status="PENDING_CANCEL")
    assert m.state_of() == ("PENDING_CANCEL", 10000, 6000, 4000)
    m.event("CANCELED", 1, 1)
    assert m.state_of() == ("CANCELED", 10000, 6000, 0)
    quiet(m)


def test_d5_when_filled_before_the_cancel_was_accepted_ends_filled(machine: Machine) -> None:
    m = accepted(machine)
    m.cancel()
    m.fill(10000, ord_status="PENDING_CANCEL", leaves_qty=0)
    assert m.state_of() == ("PENDING_CANCEL", 10000, 10000, 0)
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=1, ord_status="FILLED", text_code=1)
    assert m.state_of() == ("FILLED", 10000, 10000, 0)
    quiet(m)


def test_d6_when_replaced_up_unfilled_fills_follow_on_the_new_id(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=11000)
    assert m.state_of() == ("PENDING_REPLACE", 10000, 0, 10000)
    m.event("PENDING_REPLACE", 1, 1)
    m.event("REPLACED", 1, 1, qty=11000)
    assert m.state_of() == ("NEW", 11000, 0, 11000)
    m.fill(1000, rev=1)
    assert m.state_of() == ("PARTIALLY_FILLED", 11000, 1000, 10000)
    quiet(m)


def test_d7_when_filled_while_the_replace_is_pending(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="A")
    m.replace(qty=12000)
    m.fill(100, exec_id="B", ord_status="PENDING_REPLACE", cum_qty=1100)
    assert m.state_of() == ("PENDING_REPLACE", 10000, 1100, 8900)
    m.event("REPLACED", 1, 1, qty=12000)
    assert m.state_of() == ("PARTIALLY_FILLED", 12000, 1100, 10900)
    quiet(m)


def test_d8_when_a_filled_order_is_replaced_up_reopens(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(10000)
    assert m.state_of()[0] == "FILLED"
    m.replace(qty=12000)
    assert m.sent() == ["REPLACE"]
    m.event("REPLACED", 1, 1, qty=12000)
    assert m.state_of() == ("PARTIALLY_FILLED", 12000, 10000, 2000)
    assert int(m.table("strategies")[1]["open_orders"]) == 1
    quiet(m)


def test_d9_when_a_price_replace_crosses_with_the_fill_stays_filled(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=10000, px=110)
    m.fill(10000)
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=2, ord_status="FILLED", text_code=1)
    assert m.state_of() == ("FILLED", 10000, 10000, 0)
    assert int(m.order()["px"]) == 100
    quiet(m)


def test_d10_when_replaced_down_above_cum(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="A")
    m.replace(qty=8000)
    m.fill(600, exec_id="B")
    m.event("REPLACED", 1, 1, qty=8000)
    assert m.state_of() == ("PARTIALLY_FILLED", 8000, 1600, 6400)
    m.fill(6400, exec_id="C", rev=1)
    assert m.state_of() == ("FILLED", 8000, 8000, 0)
    quiet(m)


@pytest.mark.parametrize(("asked", "cum"), [(7000, 7000), (7000, 8000)])
def test_d11_d12_when_replaced_down_to_or_below_cum_ends_filled(machine: Machine, asked: int, cum: int) -> None:
    m = accepted(machine)
    m.replace(qty=asked)
    m.fill(cum)
    m.event("REPLACED", 1, 1, qty=cum)
    assert m.state_of() == ("FILLED", cum, cum, 0)
    quiet(m)


def test_d12_when_the_venue_does_not_tell_the_amended_quantity_it_is_cum(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=7000)
    m.fill(8000)
    m.event("REPLACED", 1, 1)
    assert m.state_of() == ("FILLED", 8000, 8000, 0)
    quiet(m)


def test_d13_when_replaced_twice_each_names_the_one_before(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="A")
    m.replace(qty=12000)
    assert m.commands[0]["orig_cl_ord_id"].decode() == m.cl_ord_id(1, 0)
    m.event("REPLACED", 1, 1)
    m.replace(qty=6000)
    assert m.commands[0]["orig_cl_ord_id"].decode() == m.cl_ord_id(1, 1)
    m.fill(2500, exec_id="B", rev=1)
    m.event("REPLACED", 1, 2)
    assert m.state_of() == ("PARTIALLY_FILLED", 6000, 3500, 2500)
    quiet(m)


@pytest.mark.parametrize("pending_first", [False, True])
def test_d14_d15_when_the_replace_was_rejected_the_next_names_the_live_version(machine: Machine, pending_first: bool) -> None:
    m = accepted(machine)
    m.replace(qty=12000)
    if pending_first:
        m.event("PENDING_REPLACE", 1, 1)
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=2)
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    m.replace(qty=13000)
    assert m.commands[0]["orig_cl_ord_id"].decode() == m.cl_ord_id(1, 0)
    assert m.commands[0]["cl_ord_id"].decode() == m.cl_ord_id(1, 2)
    quiet(m)


def test_d16_when_a_cancel_is_chained_on_a_replace_in_flight_it_names_it_and_each_resolves(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=7000)
    m.cancel()
    assert m.commands[0]["orig_cl_ord_id"].decode() == m.cl_ord_id(1, 1)
    assert m.state_of()[0] == "PENDING_CANCEL"
    m.event("REPLACED", 1, 1)
    assert m.state_of() == ("PENDING_CANCEL", 7000, 0, 7000)
    m.event("CANCELED", 1, 2)
    assert m.state_of() == ("CANCELED", 7000, 0, 0)
    assert int(m.order()["pending_count"]) == 0
    quiet(m)


def test_d17_when_the_chained_request_is_rejected_the_first_stays_pending(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=7000)
    m.cancel()
    m.event("CANCEL_REJECT", 1, 2, cxl_rej_response_to=1, ord_status="PENDING_REPLACE", text_code=4)
    assert m.state_of() == ("PENDING_REPLACE", 10000, 0, 10000)
    m.event("REPLACED", 1, 1)
    assert m.state_of() == ("NEW", 7000, 0, 7000)
    quiet(m)


def test_d18_when_a_phoned_order_fills_it_goes_to_suspense(machine: Machine) -> None:
    m = machine
    m.event("FILL", cl_ord_id="", venue_order_id="PHONE", exec_id="P1", side=1, symbol="EURUSD", last_qty=500, last_px=100)
    assert m.breaks() == ["UNKNOWN_ORDER"]
    assert m.position(strategy=0)["net_qty"] == 500
    assert int(m.status["order_count"]) == 0


def test_d19_when_cancelled_unsolicited(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000)
    m.event("CANCELED", 1)
    assert m.state_of() == ("CANCELED", 10000, 1000, 0)
    assert m.told() == ["CANCELED"]
    quiet(m)


def test_d20_when_restated_up_unsolicited(machine: Machine) -> None:
    m = accepted(machine)
    m.event("RESTATED", 1, qty=11000, cum_qty=0, leaves_qty=11000)
    assert m.state_of() == ("NEW", 11000, 0, 11000)
    m.fill(1000)
    m.event("RESTATED", 1, qty=12000)
    assert m.state_of() == ("PARTIALLY_FILLED", 12000, 1000, 11000)
    quiet(m)


def test_d21_when_partly_declined_later_fills_the_rest(machine: Machine) -> None:
    m = accepted(machine)
    m.event("RESTATED", 1, qty=9000)
    assert m.state_of() == ("NEW", 9000, 0, 9000)
    m.fill(9000)
    assert m.state_of() == ("FILLED", 9000, 9000, 0)
    quiet(m)


def test_d22_when_a_duplicate_cl_ord_id_is_refused_the_live_order_is_untouched(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000)
    m.event("REJECTED", 1, ord_status="PARTIALLY_FILLED", text_code=7)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 1000, 9000)
    m.event("REJECTED", 1, ord_status="REJECTED", text_code=7)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 1000, 9000)
    quiet(m)


def test_d23_when_a_duplicate_of_a_verbal_order_is_refused_it_is_rejected(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("REJECTED", 1, ord_status="REJECTED", text_code=8)
    assert m.state_of()[0] == "REJECTED"
    quiet(m)


@pytest.mark.parametrize("kind", ["STATUS", "REJECTED"])
def test_d24_when_the_status_of_an_unknown_order_is_rejected_none_is_created(machine: Machine, kind: str) -> None:
    m = machine
    m.event(kind, cl_ord_id="XX000-0000001-00", ord_status="REJECTED", text_code=6)
    assert int(m.status["order_count"]) == 0
    quiet(m)


def test_d25_d26_when_status_reports_come_through_life_nothing_is_booked(machine: Machine) -> None:
    m = accepted(machine)
    m.event("STATUS", 1, ord_status="NEW", last_qty=500, last_px=100, exec_id="0", cum_qty=0)
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    m.fill(2000)
    m.event("STATUS", 1, ord_status="PARTIALLY_FILLED", cum_qty=9999)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 2000, 8000)
    assert int(m.status["execution_count"]) == 1
    quiet(m)


def test_d27_d29_when_a_gt_order_is_back_the_next_day_and_then_cancelled(machine: Machine) -> None:
    m = accepted(machine, time_in_force=2)
    m.fill(2000)
    m.event("DONE_FOR_DAY", 1)
    m.start(day=20260105)
    m.event("RESTATED", 1, qty=10000, cum_qty=2000, leaves_qty=8000)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 2000, 8000)
    m.cancel()
    assert m.commands[0]["orig_cl_ord_id"].decode() == m.cl_ord_id(1, 0), "the chain keeps the day of its creation"
    m.event("CANCELED", 1, 1)
    assert m.state_of() == ("CANCELED", 10000, 2000, 0)
    quiet(m)


def test_d29_when_cancelled_overnight(machine: Machine) -> None:
    m = accepted(machine, time_in_force=2)
    m.event("DONE_FOR_DAY", 1)
    m.event("CANCELED", 1)
    assert m.state_of()[0] == "CANCELED"
    quiet(m)


def test_d30_when_a_gt_order_is_replaced_the_next_day(machine: Machine) -> None:
    m = accepted(machine, time_in_force=2)
    m.fill(2000)
    m.event("DONE_FOR_DAY", 1)
    m.event("RESTATED", 1, qty=10000)
    m.replace(qty=15000)
    m.event("REPLACED", 1, 1)
    assert m.state_of() == ("PARTIALLY_FILLED", 15000, 2000, 13000)
    quiet(m)


def test_d28_when_split_the_order_follows_and_the_position_does_not_move(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(2000, px=5000)
    m.event("RESTATED", 1, qty=20000, cum_qty=4000, leaves_qty=16000)
    assert m.state_of() == ("PARTIALLY_FILLED", 20000, 4000, 16000)
    assert m.position()["net_qty"] == 2000
    assert int(m.order()["notional_lo"]) == 2000 * 5000, "AvgPx halves: the same notional over twice the quantity"
    quiet(m)


@pytest.mark.parametrize("cum", [0, 1000])
def test_d32_d33_when_ioc_or_fok_is_not_filled_the_rest_is_cancelled(machine: Machine, cum: int) -> None:
    m = accepted(machine, time_in_force=4)
    if cum:
        m.fill(cum)
    m.event("CANCELED", 1)
    assert m.state_of() == ("CANCELED", 10000, cum, 0)
    quiet(m)


def test_d37_when_stopped_the_guarantee_is_no_fill_and_the_status_stays(machine: Machine) -> None:
    m = accepted(machine)
    m.event("STOPPED", 1, last_qty=1000, last_px=100, exec_id="S1", cum_qty=0, ord_status="STOPPED")
    assert m.state_of() == ("STOPPED", 10000, 0, 10000)
    assert m.position() is None
    m.fill(1000, exec_id="S2", ord_status="STOPPED")
    assert m.state_of() == ("STOPPED", 10000, 1000, 9000)
    quiet(m)


# ---- S rules about status ------------------------------------------------------------------------------------------------


def test_s8_when_an_ack_is_re_sent_after_a_fill_the_status_stays(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(10)
    m.event("ACK", 1, flags=1)
    assert m.state_of()[0] == "PARTIALLY_FILLED"
    quiet(m)


def test_s8_when_an_older_restatement_arrives_it_changes_nothing(machine: Machine) -> None:
    m = accepted(machine)
    m.event("RESTATED", 1, qty=9000, transact_ns=2000)
    m.event("RESTATED", 1, qty=10000, transact_ns=1000, flags=1)
    assert m.state_of() == ("NEW", 9000, 0, 9000)
    quiet(m)


def test_s7_when_both_requests_are_in_flight_each_resolves_on_its_own(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000)
    m.replace(qty=9000)
    m.cancel()
    assert int(m.order()["pending_count"]) == 2
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=2)
    assert m.state_of() == ("PENDING_CANCEL", 10000, 1000, 9000)
    m.event("CANCEL_REJECT", 1, 2, cxl_rej_response_to=1)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 1000, 9000)
    quiet(m)


def test_s7_when_a_cancel_reject_comes_twice_the_second_changes_nothing(machine: Machine) -> None:
    m = accepted(machine)
    m.cancel()
    m.event("CANCEL_REJECT", 1, 1)
    m.event("CANCEL_REJECT", 1, 1, flags=1)
    assert m.events == []
    assert m.state_of()[0] == "NEW"
    quiet(m)


def test_s17_when_a_request_is_not_answered_in_time_it_stays_pending_with_one_break(machine: Machine) -> None:
    m = accepted(machine)
    m.cancel()
    m.timer(29)
    assert m.breaks() == []
    m.timer(2)
    m.timer(60)
    assert m.breaks() == ["REQUEST_UNANSWERED"]
    assert m.state_of()[0] == "PENDING_CANCEL"
    m.event("CANCEL_REJECT", 1, 1)
    assert m.state_of()[0] == "NEW"


def test_s20_when_a_replaced_version_is_cancelled_or_rejected_the_live_one_goes_on(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=9000)
    m.event("REPLACED", 1, 1)
    m.event("CANCELED", 1, 0)
    assert m.state_of() == ("NEW", 9000, 0, 9000)
    m.event("REJECTED", 1, 0)
    assert m.state_of() == ("NEW", 9000, 0, 9000)
    quiet(m)


def test_s22_when_no_row_fits_the_fact_is_applied_and_a_break_raised(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(10)
    m.event("REJECTED", 1)
    assert m.state_of() == ("REJECTED", 10000, 10, 0)
    assert m.breaks() == ["UNEXPECTED_TRANSITION"]


def test_s22_when_a_filled_order_is_reported_cancelled_quantity_wins(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(10000)
    m.event("CANCELED", 1)
    assert m.state_of() == ("FILLED", 10000, 10000, 0)
    assert m.breaks() == ["UNEXPECTED_TRANSITION"]


def test_r13_when_the_order_id_changes_the_next_request_names_the_new_one(machine: Machine) -> None:
    m = accepted(machine)
    m.event("RESTATED", 1, venue_order_id="V2")
    m.cancel()
    assert bytes(m.commands[0]["venue_order_id"]) == b"V2"
    m.event("CANCELED", cl_ord_id="", venue_order_id="V2")
    assert m.state_of()[0] == "CANCELED"
    quiet(m)


def test_match_when_only_orig_cl_ord_id_is_ours_the_order_is_found(machine: Machine) -> None:
    m = accepted(machine)
    m.event("CANCELED", cl_ord_id="THEIRS", orig_cl_ord_id=m.cl_ord_id(1, 0))
    assert m.state_of()[0] == "CANCELED"
    quiet(m)


@pytest.mark.parametrize("text", ["RF000-0000001-00", "RF98Q-0000009-00", "RF98Q-0000001-05", "ZZ98Q-0000001-00"])
def test_match_when_the_id_was_never_ours_the_report_changes_no_order(machine: Machine, text: str) -> None:
    m = accepted(machine)
    m.event("CANCELED", cl_ord_id=text)
    assert m.state_of()[0] == "NEW"
    assert m.breaks() == ["UNKNOWN_ORDER"]


# ---- sessions and unknown outcomes (S6, S15, S16) ----------------------------------------------------------------------------


def test_s6_when_the_session_dies_before_the_ack_the_outcome_is_unknown(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("SESSION_DOWN")
    assert m.state_of() == ("UNKNOWN", 10000, 0, 10000)
    assert m.told() == ["UNKNOWN"]
    assert m.breaks() == []
    assert int(m.table("strategies")[1]["open_orders"]) == 1
    m.replace(qty=5)
    assert m.deny() == "ORDER_UNKNOWN"
    m.new(1)
    assert m.told() == ["DUPLICATE"]


@pytest.mark.parametrize(
    ("event", "fields", "status"),
    [
        ("ACK", {}, "NEW"),
        ("PENDING_NEW", {}, "PENDING_NEW"),
        ("REJECTED", {}, "REJECTED"),
        ("CANCELED", {}, "CANCELED"),
        ("FILL", {"last_qty": 10, "last_px": 100, "exec_id": "E"}, "PARTIALLY_FILLED"),
        ("STATUS", {"ord_status": "NEW"}, "NEW"),
        ("STATUS", {"ord_status": "REJECTED", "text_code": 6}, "REJECTED"),
        ("STATUS", {"ord_status": "CANCELED"}, "CANCELED"),
        ("STATUS", {"ord_status": "PENDING_NEW"}, "PENDING_NEW"),
        ("NOT_SENT", {}, "DENIED"),
    ],
)
def test_s6_when_the_venue_answers_the_unknown_order_is_resolved(machine: Machine, event: str, fields: dict[str, Any], status: str) -> None:
    m = machine
    m.new(1)
    m.event("SESSION_DOWN")
    m.event("SESSION_UP")
    assert m.sent() == ["STATUS"]
    m.event(event, 1, **fields)
    assert m.state_of()[0] == status
    assert m.breaks() == []
    m.timer(31)
    assert m.breaks() == []


def test_s15_when_the_session_dies_an_acknowledged_order_is_unverified_until_answered(machine: Machine) -> None:
    m = accepted(machine)
    m.event("SESSION_DOWN")
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    assert int(m.order()["flags"]) & 1
    m.event("SESSION_UP")
    assert m.sent() == ["STATUS"]
    m.replace(qty=5)
    assert m.deny() == "ORDER_UNKNOWN"
    m.event("ACK", 1, flags=1)
    assert int(m.order()["flags"]) & 1, "a PossDup is no answer"
    m.event("STATUS", 1, ord_status="NEW")
    assert not int(m.order()["flags"]) & 1
    m.replace(qty=5)
    assert m.sent() == ["REPLACE"]
    quiet(m)


def test_s16_when_the_order_was_acknowledged_as_pending_new_it_is_unverified_and_not_unknown(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("PENDING_NEW", 1)
    m.event("SESSION_DOWN")
    assert m.state_of()[0] == "PENDING_NEW"
    assert int(m.order()["flags"]) & 1
    m.event("SESSION_UP")
    m.event("STATUS", 1, ord_status="NEW")
    assert m.state_of()[0] == "NEW"
    quiet(m)


def test_s17_when_an_order_ended_its_open_request_raises_no_break(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=5)
    m.event("CANCELED", 1)
    m.timer(60)
    assert m.state_of()[0] == "CANCELED"
    quiet(m)


def test_s15_when_the_status_shows_an_end_that_we_missed_it_is_taken(machine: Machine) -> None:
    m = accepted(machine)
    m.event("SESSION_DOWN")
    m.event("SESSION_UP")
    m.event("STATUS", 1, ord_status="CANCELED", cum_qty=0)
    assert m.state_of() == ("CANCELED", 10000, 0, 0)
    quiet(m)


def test_s15_when_the_status_shows_fills_that_we_missed_a_break_says_so(machine: Machine) -> None:
    m = accepted(machine)
    m.event("SESSION_DOWN")
    m.event("SESSION_UP")
    m.event("STATUS", 1, ord_status="PARTIALLY_FILLED", cum_qty=500)
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    assert m.breaks() == ["MISSED_EXECUTION"]


def test_s16_when_the_session_comes_up_without_having_gone_down_it_counts_as_both(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("SESSION_UP")
    assert m.state_of()[0] == "UNKNOWN"
    assert m.sent() == ["STATUS"]


def test_s16_when_the_session_is_down_new_is_denied_and_cancels_pass(machine: Machine) -> None:
    m = accepted(machine)
    m.event("SESSION_DOWN")
    m.new(2)
    assert m.deny() == "SESSION_DOWN"
    m.cancel()
    assert m.sent() == ["CANCEL"]


def test_not_sent_when_a_request_never_left_it_is_resolved(machine: Machine) -> None:
    m = accepted(machine)
    m.cancel()
    m.event("NOT_SENT", 1, 1)
    assert m.state_of()[0] == "NEW"
    assert m.told() == ["CANCEL_REJECTED"]
    quiet(m)


@pytest.mark.parametrize("rev", [0, 1])
def test_business_reject_when_it_names_our_message_refuses_that(machine: Machine, rev: int) -> None:
    m = machine
    m.new(1)
    if rev:
        m.event("ACK", 1)
        m.cancel()
    m.event("BUSINESS_REJECT", 1, rev, text_code=4)
    assert m.state_of()[0] == ("NEW" if rev else "REJECTED")
    quiet(m)


def test_business_reject_when_it_answers_a_status_request_the_order_lives(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("SESSION_DOWN")
    m.event("SESSION_UP")
    m.event("BUSINESS_REJECT", 1, 0, text_code=4)
    assert m.state_of()[0] == "UNKNOWN"
    assert m.breaks() == ["BUSINESS_REJECT"]


def test_cancel_all_when_asked_cancels_what_is_open_and_of_that_instrument(machine: Machine) -> None:
    m = machine
    m.instrument(2, "USDJPY")
    for n in (1, 2, 3):
        m.new(n, instrument=1 if n < 3 else 2)
    m.event("CANCELED", 1)
    m.intent("CANCEL_ALL", 0, instrument=1)
    assert [int(c["order_id"]) for c in m.commands] == [2]
    m.intent("CANCEL_ALL", 0)
    assert [int(c["order_id"]) for c in m.commands] == [3]
    m.intent("CANCEL_ALL", 0)
    assert m.commands == []
    quiet(m)


def test_open_list_when_orders_end_in_any_order_the_links_hold(machine: Machine) -> None:
    m = machine
    for n in range(1, 7):
        m.new(n)
    for n in (3, 1, 6, 4):
        m.event("CANCELED", n)
    s, orders = m.table("strategies")[1], m.table("orders")
    assert (int(s["first_open"]), int(s["last_open"]), int(s["open_orders"])) == (2, 5, 2)
    assert (int(orders[2]["next_open"]), int(orders[5]["prev_open"])) == (5, 2)
    quiet(m)


def test_unknown_order_when_its_strategy_keeps_asking_is_reported_in_time(machine: Machine) -> None:
    """S6: the limit runs from when the order became Unknown, not from the last request on it."""
    m = machine
    m.new(1)
    m.event("SESSION_DOWN")
    for _ in range(4):
        m.timer(9)
        m.cancel(1)
        m.event("NOT_SENT", 1, int(m.order()["revision"]))
    assert m.breaks().count("UNKNOWN_OUTCOME") == 1
