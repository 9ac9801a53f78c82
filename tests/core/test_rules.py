"""Order rules (S and R rows) that are about more than one matrix: reservation, sessions, precedence, identity over time.

The matrices D1 to D37 are in test_orders.py and test_executions.py; figures are OrderQty/CumQty/LeavesQty.
"""

from __future__ import annotations

from typing import Any

import pytest

Machine = Any


def accepted(m: Machine, qty: int = 10000, n: int = 1, **fields: Any) -> Machine:
    m.new(n, qty=qty, **fields)
    m.event("ACK", n, venue_order_id=f"V{n}")
    return m


def quiet(m: Machine) -> None:
    assert m.breaks() == []
    assert m.replayed().tables() == m.tables()


def orig(m: Machine) -> str:
    """OrigClOrdID(41) of the only command that the last input caused."""
    assert len(m.commands) == 1, f"commands were {m.sent()}"
    return bytes(m.commands[0]["orig_cl_ord_id"]).decode()


# ---- what is a fill (R1, R2, R5, S19)


@pytest.mark.parametrize(
    "kind",
    [
        "ACK",
        "PENDING_NEW",
        "PENDING_CANCEL",
        "PENDING_REPLACE",
        "CANCELED",
        "REPLACED",
        "RESTATED",
        "DONE_FOR_DAY",
        "EXPIRED",
        "STOPPED",
        "SUSPENDED",
        "STATUS",
    ],
)
def test_r1_when_last_shares_is_on_another_report_than_a_fill_it_is_not_booked(machine: Machine, kind: str) -> None:
    m = accepted(machine)
    m.event(kind, 1, last_qty=1000, last_px=100, exec_id="E9")
    assert int(m.order()["cum_qty"]) == 0
    assert int(m.status["execution_count"]) == 0
    assert m.position() is None
    m.fill(1000, exec_id="E9")
    assert int(m.order()["cum_qty"]) == 1000, "the ExecID of a report that is no fill is not used up"


def test_r2_when_a_busted_trade_is_booked_anew_it_comes_as_a_new_fill(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(4000, exec_id="A")
    m.event("BUST", 1, exec_id="B", exec_ref_id="A", cum_qty=0)
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    m.fill(4000, 101, exec_id="C", cum_qty=4000)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 4000, 6000)
    assert m.position()["net_qty"] == 4000
    quiet(m)


def test_r2_when_a_bust_names_a_bust_nothing_is_booked_back(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(4000, exec_id="A")
    m.event("BUST", 1, exec_id="B", exec_ref_id="A")
    m.event("BUST", 1, exec_id="C", exec_ref_id="B")
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    assert m.position()["net_qty"] == 0
    assert m.breaks() == ["UNKNOWN_EXEC_REF"]


def test_r3_when_a_correction_tells_the_cum_qty_of_now_it_is_no_break(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="A")
    m.fill(2000, exec_id="B")
    m.event("CORRECT", 1, exec_id="C", exec_ref_id="A", last_qty=500, last_px=101, cum_qty=2500)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 2500, 7500)
    quiet(m)


def test_r5_when_the_last_fill_is_reported_as_partial_the_quantities_say_filled(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(10000, ord_status="PARTIALLY_FILLED", leaves_qty=0, cum_qty=10000)
    assert m.state_of() == ("FILLED", 10000, 10000, 0)
    m.event("STATUS", 1, ord_status="FILLED", cum_qty=10000, leaves_qty=0)
    assert m.state_of() == ("FILLED", 10000, 10000, 0)
    quiet(m)


def test_s19_when_avg_px_is_not_ours_it_is_no_break(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, avg_px=9999, avg_px_digits=2, cum_qty=1000)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 1000, 9000)
    quiet(m)


# ---- figures (S5, S10, R11, R18)


def test_s10_when_prices_do_not_divide_the_notional_is_exact(machine: Machine) -> None:
    m = accepted(machine)
    for n, (qty, px) in enumerate(((1, 100), (1, 100), (1, 101), (7, 333))):
        m.fill(qty, px, exec_id=f"E{n}")
    o = m.order()
    assert (int(o["notional_hi"]) << 64) + int(o["notional_lo"]) == 100 + 100 + 101 + 7 * 333
    assert int(o["cum_qty"]) == 10
    quiet(m)


def test_s5_when_the_missed_fill_comes_after_the_later_one_both_are_booked(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="A", cum_qty=1000)
    m.fill(1000, exec_id="C", cum_qty=3000)
    assert m.breaks() == ["MISSED_EXECUTION"]
    assert m.sent() == ["STATUS"]
    m.fill(1000, exec_id="B", cum_qty=2000, flags=1)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 3000, 7000)
    assert m.position()["net_qty"] == 3000
    assert m.breaks() == ["MISSED_EXECUTION", "STALE_REPORT"]


def test_s5_when_the_jump_is_asked_about_twice_one_request_is_on_its_way(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="A", cum_qty=3000)
    assert m.sent() == ["STATUS"]
    m.event("STATUS", 1, ord_status="PARTIALLY_FILLED", cum_qty=3000)
    assert int(m.order()["cum_qty"]) == 1000, "an answer books nothing (S19)"


def test_r11_when_a_filled_order_is_busted_it_is_open_again(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(9000, exec_id="A")
    m.fill(1000, exec_id="B")
    assert int(m.table("strategies")[1]["open_orders"]) == 0
    m.event("BUST", 1, exec_id="C", exec_ref_id="B")
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 9000, 1000)
    assert int(m.table("strategies")[1]["open_orders"]) == 1
    m.cancel()
    assert m.sent() == ["CANCEL"]
    quiet(m)


def test_r18_d36_when_a_gt_orders_fills_of_both_days_are_corrected_the_sum_follows(machine: Machine) -> None:
    m = accepted(machine, time_in_force=2)
    m.fill(2000, exec_id="A")
    m.event("DONE_FOR_DAY", 1)
    assert m.state_of() == ("DONE_FOR_DAY", 10000, 2000, 0)
    m.start(20260105)
    m.event("RESTATED", 1, qty=10000, cum_qty=2000)
    m.fill(1000, exec_id="B", cum_qty=3000)
    m.event("CORRECT", 1, exec_id="C", exec_ref_id="A", last_qty=1500, last_px=100, cum_qty=2500)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 2500, 7500)
    m.event("CORRECT", 1, exec_id="D", exec_ref_id="B", last_qty=500, last_px=100, cum_qty=2000)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 2000, 8000)
    assert m.position()["net_qty"] == 2000
    quiet(m)


# ---- identity over time (S2, R9, D31)


def test_s2_when_two_sessions_use_one_exec_id_both_are_booked(machine: Machine) -> None:
    m = machine
    m.control("DEFINE_VENUE", body=m.record("Venue", id=2, name="other", status=1, durability=1))
    m.control("DEFINE_ROUTE", body=m.record("Route", id=2, account=1, venue=2, status=1))
    m.event("SESSION_UP", venue=2)
    accepted(m)
    m.new(2, route=2)
    m.event("ACK", 2, venue=2, venue_order_id="V1")
    m.fill(1000, exec_id="E1")
    m.fill(1000, exec_id="E1", order=2, venue=2)
    assert (int(m.order(1)["cum_qty"]), int(m.order(2)["cum_qty"])) == (1000, 1000)
    assert m.position()["net_qty"] == 2000
    assert m.breaks() == []


@pytest.mark.parametrize("flags", [0, 1, 2], ids=["plain", "PossDup", "PossResend"])
def test_r9_when_a_fill_comes_again_after_a_reconnect_and_a_new_day_it_is_booked_once(machine: Machine, flags: int) -> None:
    m = accepted(machine, time_in_force=2)
    m.fill(1000, exec_id="E1")
    m.event("SESSION_DOWN")
    m.start(20260105, epoch=2)
    m.event("SESSION_UP")
    m.fill(1000, exec_id="E1", flags=flags)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 1000, 9000)
    assert int(m.status["duplicate_fills"]) == 1
    assert m.position()["net_qty"] == 1000
    quiet(m)


def test_d31_when_the_ack_is_sent_again_as_poss_resend_the_order_is_one(machine: Machine) -> None:
    m = accepted(machine)
    m.event("STATUS", 1, ord_status="NEW", flags=2)
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    m.event("ACK", 1, flags=2)
    assert int(m.status["order_count"]) == 1
    quiet(m)


# ---- requests (S7, S20, R7, R8)


def test_s20_when_requests_in_flight_are_refused_the_next_falls_back_one_by_one(machine: Machine) -> None:
    m = accepted(machine)
    x, y, z = (m.cl_ord_id(1, rev) for rev in range(3))
    m.replace(qty=9000)
    assert orig(m) == x
    m.replace(qty=8000)
    assert orig(m) == y, "the request in flight before it"
    m.cancel()
    assert orig(m) == z
    m.event("CANCEL_REJECT", 1, 3, cxl_rej_response_to=1)
    m.event("CANCEL_REJECT", 1, 2, cxl_rej_response_to=2)
    m.replace(qty=7000)
    assert orig(m) == y, "Z was refused"
    m.event("CANCEL_REJECT", 1, 4, cxl_rej_response_to=2)
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=2)
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    m.cancel()
    assert orig(m) == x, "Y was refused too"
    quiet(m)


def test_s7_when_a_second_cancel_is_asked_it_goes_out_at_once_and_one_reject_leaves_the_other(machine: Machine) -> None:
    m = accepted(machine)
    m.cancel()
    m.cancel()
    assert m.sent() == ["CANCEL"]
    m.event("CANCEL_REJECT", 1, 2, cxl_rej_response_to=1, text_code=4)
    assert m.state_of() == ("PENDING_CANCEL", 10000, 0, 10000)
    m.event("CANCELED", 1, 1)
    assert m.state_of() == ("CANCELED", 10000, 0, 0)
    quiet(m)


def test_r5_when_a_cancel_and_a_replace_are_pending_pending_cancel_is_shown(machine: Machine) -> None:
    m = accepted(machine)
    m.cancel()
    m.replace(qty=9000)
    assert m.state_of()[0] == "PENDING_CANCEL"
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=1)
    assert m.state_of()[0] == "PENDING_REPLACE"
    m.event("REPLACED", 1, 2, qty=9000)
    assert m.state_of() == ("NEW", 9000, 0, 9000)
    quiet(m)


def test_r8_when_it_is_too_late_without_a_fill_the_venue_is_asked(machine: Machine) -> None:
    m = accepted(machine)
    m.cancel()
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=1, ord_status="NEW", text_code=1)
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    assert m.sent() == ["STATUS"]
    quiet(m)


def test_r8_when_the_reject_names_a_status_that_our_quantities_deny_they_win(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000)
    m.cancel()
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=1, ord_status="NEW", text_code=3)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 1000, 9000)
    quiet(m)


def test_r6_when_the_replace_is_pending_the_order_keeps_its_terms(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=12000, px=110)
    m.event("PENDING_REPLACE", 1, 1, qty=12000, px=110)
    assert (int(m.order()["qty"]), int(m.order()["px"])) == (10000, 100)
    m.event("REPLACED", 1, 1, qty=12000, px=110)
    assert (int(m.order()["qty"]), int(m.order()["px"])) == (12000, 110)
    quiet(m)


def test_r13_when_the_venue_reprices_the_order_follows(machine: Machine) -> None:
    m = accepted(machine)
    m.event("RESTATED", 1, px=99)
    assert int(m.order()["px"]) == 99
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    quiet(m)


# ---- Unknown, sessions (S6, S12, S14 to S16, R16, R17)


def unknown(m: Machine) -> Machine:
    m.new(1)
    m.event("SESSION_DOWN")
    assert m.state_of() == ("UNKNOWN", 10000, 0, 10000)
    return m


def test_s6_when_the_outcome_is_unknown_exposure_and_count_stay_reserved(machine: Machine) -> None:
    m = unknown(machine)
    assert int(m.table("strategies")[1]["open_orders"]) == 1
    assert int(m.order()["leaves_qty"]) == 10000
    m.event("SESSION_UP")
    assert m.sent() == ["STATUS"]
    m.timer(600)
    assert m.state_of() == ("UNKNOWN", 10000, 0, 10000)
    assert int(m.table("strategies")[1]["open_orders"]) == 1


def test_s6_when_the_client_id_of_an_unknown_order_is_used_again_nothing_is_sent(machine: Machine) -> None:
    m = unknown(machine)
    m.event("SESSION_UP")
    m.new(1)
    assert (m.sent(), m.told()) == ([], ["DUPLICATE"])
    m.new(1, qty=1)
    assert m.deny() == "DUPLICATE_TERMS"
    assert int(m.status["order_count"]) == 1


def test_s6_when_the_venue_knows_no_such_order_after_recovery_it_is_rejected(machine: Machine) -> None:
    m = unknown(machine)
    m.event("SESSION_UP")
    m.event("STATUS", 1, ord_status="REJECTED", text_code=6)
    assert m.state_of() == ("REJECTED", 10000, 0, 0)
    assert int(m.table("strategies")[1]["open_orders"]) == 0
    m.fill(10)
    assert m.position()["net_qty"] == 10, "a fill that comes all the same is booked (S1)"


@pytest.mark.parametrize("status", ["NEW", "PENDING_NEW"])
def test_r17_when_the_unknown_order_is_there_after_all_it_goes_on(machine: Machine, status: str) -> None:
    m = unknown(machine)
    m.event("SESSION_UP")
    m.event("STATUS", 1, ord_status=status, cum_qty=0)
    assert m.state_of() == (status, 10000, 0, 10000)
    m.fill(10000)
    assert m.state_of() == ("FILLED", 10000, 10000, 0)


def test_s16_when_the_session_is_back_every_open_order_is_asked_for_and_no_closed_one(machine: Machine) -> None:
    m = machine
    for n in (1, 2, 3, 4):
        accepted(m, n=n)
    m.fill(10000, exec_id="A", order=2)
    m.event("CANCELED", 3)
    m.new(5)
    m.event("SESSION_DOWN")
    assert [m.state_of(n)[0] for n in range(1, 6)] == ["NEW", "FILLED", "CANCELED", "NEW", "UNKNOWN"]
    m.event("SESSION_UP")
    assert m.sent() == ["STATUS"] * 3
    assert [int(c["order_id"]) for c in m.commands] == [1, 4, 5]


def test_s16_when_an_intent_came_while_the_session_was_down_it_is_not_sent_later(machine: Machine) -> None:
    m = machine
    m.event("SESSION_DOWN")
    m.new(1)
    assert m.deny() == "SESSION_DOWN"
    m.event("SESSION_UP")
    assert m.commands == []
    m.new(1)
    assert m.sent() == ["NEW"], "a denied intent used up no client_id"
    quiet(m)


def test_s16_when_an_order_is_unverified_replaces_wait_cancels_and_other_orders_pass(machine: Machine) -> None:
    m = accepted(machine)
    m.event("SESSION_DOWN")
    m.event("SESSION_UP")
    m.replace(qty=9000)
    assert m.deny() == "ORDER_UNKNOWN"
    m.new(2)
    assert m.sent() == ["NEW"]
    m.cancel()
    assert m.sent() == ["CANCEL"]
    m.event("STATUS", 1, ord_status="NEW", cum_qty=0)
    m.replace(qty=9000)
    assert m.sent() == ["REPLACE"]
    quiet(m)


@pytest.mark.parametrize("request_kind", ["cancel", "replace"])
def test_s15_when_the_session_dies_with_a_request_in_flight_the_status_stays(machine: Machine, request_kind: str) -> None:
    m = accepted(machine)
    if request_kind == "cancel":
        m.cancel()
    else:
        m.replace(qty=9000)
    before = m.state_of()
    m.event("SESSION_DOWN")
    m.event("SESSION_UP")
    assert m.state_of() == before
    assert int(m.order()["pending_count"]) == 1
    quiet(m)


def test_s14_when_the_client_id_of_a_closed_order_comes_again_it_is_answered_and_not_sent(machine: Machine) -> None:
    m = accepted(machine)
    m.event("CANCELED", 1)
    event = m.new(1)
    assert m.told() == ["DUPLICATE"]
    assert int(event["ord_status"]) == int(m.order()["ord_status"])
    assert m.commands == []
    quiet(m)


@pytest.mark.parametrize(
    "close",
    [
        lambda m: m.observe("JOURNAL_PRESSURE"),
        lambda m: m.observe("GATEWAY_STALLED", 1),
        lambda m: m.observe("STRATEGY_STALLED", 1),
        lambda m: m.control("SET_STRATEGY", strategy=1, status=4),
        lambda m: m.observe("STRATEGY_POISONED", 1),
        lambda m: m.event("SESSION_DOWN"),
    ],
    ids=["journal pressure", "gateway stalled", "strategy stalled", "disabled", "poisoned", "session down"],
)
def test_s13_when_new_risk_is_closed_executions_are_booked_all_the_same(machine: Machine, close: Any) -> None:
    m = accepted(machine)
    close(m)
    m.fill(4000, exec_id="A")
    m.event("BUST", 1, exec_id="B", exec_ref_id="A")
    m.fill(10000, exec_id="C")
    assert m.state_of() == ("FILLED", 10000, 10000, 0)
    assert m.position()["net_qty"] == 10000
    quiet(m)
