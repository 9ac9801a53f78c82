"""Executions: identity, busts and corrections, and everything that must be booked whatever the order's state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringfence.core.state import Limits

Machine = Any


def accepted(m: Machine, qty: int = 10000, n: int = 1, **fields: Any) -> Machine:
    m.new(n, qty=qty, **fields)
    m.event("ACK", n, venue_order_id=f"V{n}")
    return m


def same_after_replay(m: Machine) -> None:
    assert m.replayed().tables() == m.tables()


def test_s1_when_the_fill_comes_before_the_ack_it_is_booked(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.fill(3000)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 3000, 7000)
    m.event("ACK", 1)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 3000, 7000)
    assert m.breaks() == []


@pytest.mark.parametrize("end", ["CANCELED", "EXPIRED", "REJECTED", "DONE_FOR_DAY"])
@pytest.mark.parametrize(("qty", "filled"), [(4000, False), (10000, True)])
def test_s17_when_a_late_fill_meets_a_terminal_order_it_is_booked(machine: Machine, end: str, qty: int, filled: bool) -> None:
    m = accepted(machine)
    m.event(end, 1)
    m.fill(qty)
    assert m.state_of() == ("FILLED" if filled else end, 10000, qty, 0)
    assert m.position()["net_qty"] == qty
    assert m.breaks() == []
    same_after_replay(m)


def test_s1_when_an_order_that_was_never_sent_fills_it_is_booked_with_a_break(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("NOT_SENT", 1)
    assert m.state_of()[0] == "DENIED"
    m.fill(100)
    assert m.state_of() == ("DENIED", 10000, 100, 0)
    assert m.breaks() == ["UNEXPECTED_TRANSITION"]
    assert m.position()["net_qty"] == 100


def test_s2_when_an_execution_comes_again_it_is_booked_once(machine: Machine) -> None:
    m = accepted(machine)
    for flags in (0, 1, 2, 3):
        m.fill(1000, flags=flags)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 1000, 9000)
    assert int(m.status["duplicate_fills"]) == 3
    assert m.breaks() == []
    same_after_replay(m)


@pytest.mark.parametrize(("qty", "px"), [(1001, 100), (1000, 101)])
def test_s2_when_the_same_identity_has_other_content_it_is_a_break_and_the_rest_is_ignored(machine: Machine, qty: int, px: int) -> None:
    m = accepted(machine)
    m.fill(1000)
    m.fill(qty, px=px, cum_qty=9999)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 1000, 9000)
    assert m.breaks() == ["EXECUTION_MISMATCH"]
    same_after_replay(m)


def test_s2_when_one_exec_id_is_on_both_legs_of_a_self_match_both_are_booked(machine: Machine) -> None:
    m = accepted(machine)
    accepted(m, n=2, side=2)
    m.fill(1000, order=1)
    m.fill(1000, order=2)
    assert (m.state_of(1)[2], m.state_of(2)[2]) == (1000, 1000)
    assert m.position()["net_qty"] == 0
    assert m.breaks() == []


def test_s2_when_the_fill_names_another_revision_it_is_the_same_execution(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(qty=9000)
    m.event("REPLACED", 1, 1)
    m.fill(1000, rev=0)
    m.fill(1000, rev=1)
    assert m.state_of()[2] == 1000


@pytest.mark.parametrize("symbol", ["EURUSD", "NOSUCH"])
def test_s3_when_a_fill_names_no_order_it_goes_to_suspense_once(machine: Machine, symbol: str) -> None:
    m = machine
    for _ in range(2):
        m.event("FILL", cl_ord_id="FOREIGN", symbol=symbol, side=2, last_qty=700, last_px=100, exec_id="X1", venue_order_id="O9")
    assert m.breaks() == ["UNKNOWN_ORDER"]
    assert int(m.status["execution_count"]) == 1
    position = m.position(strategy=0)
    assert (position["net_qty"] if position else None) == (-700 if symbol == "EURUSD" else None)
    same_after_replay(m)


def test_s3_when_unknown_orders_share_an_exec_id_the_order_id_tells_them_apart(machine: Machine) -> None:
    m = machine
    for order_id in ("O1", "O2"):
        m.event("FILL", symbol="EURUSD", side=1, last_qty=700, last_px=100, exec_id="X1", venue_order_id=order_id)
    assert m.position(strategy=0)["net_qty"] == 1400


@pytest.mark.parametrize("fields", [{"side": 2}, {"symbol": "USDJPY"}])
def test_mismatch_when_the_report_names_another_side_or_symbol_the_order_is_untouched(machine: Machine, fields: dict[str, Any]) -> None:
    m = accepted(machine)
    m.instrument(2, "USDJPY")
    m.fill(500, **fields)
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    assert m.breaks() == ["INSTRUMENT_MISMATCH"]
    assert m.position(strategy=0, instrument=2 if "symbol" in fields else 1)["net_qty"] == (500 if "symbol" in fields else -500)


def test_mismatch_when_a_short_sale_is_reported_as_a_sale_it_is_no_mismatch(machine: Machine) -> None:
    m = accepted(machine, side=5)
    m.fill(500, side=2, symbol="EURUSD")
    assert m.position()["net_qty"] == -500
    assert m.breaks() == []


def test_s4_when_overfilled_it_is_booked_in_full_with_a_break(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(9000, exec_id="A")
    m.fill(2000, exec_id="B")
    assert m.state_of() == ("FILLED", 10000, 11000, 0)
    assert m.breaks() == ["OVERFILL"]
    assert m.position()["net_qty"] == 11000
    assert int(m.order()["flags"]) & 2
    same_after_replay(m)


def test_s5_when_cum_qty_jumped_a_break_asks_for_status(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="B", cum_qty=3000)
    assert m.breaks() == ["MISSED_EXECUTION"]
    assert m.sent() == ["STATUS"]
    m.fill(2000, exec_id="A", cum_qty=2000)
    assert m.breaks() == ["MISSED_EXECUTION", "STALE_REPORT"]
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 3000, 7000)
    same_after_replay(m)


@pytest.mark.parametrize("fields", [{"last_qty": 0, "last_px": 100}, {"last_px": 100}, {}])
def test_s18_when_nothing_traded_nothing_is_booked_and_the_exec_id_is_not_used_up(machine: Machine, fields: dict[str, int]) -> None:
    m = accepted(machine)
    m.event("FILL", 1, exec_id="E1", **fields)
    assert int(m.status["execution_count"]) == 0
    m.fill(1000, exec_id="E1")
    assert m.state_of()[2] == 1000
    assert m.breaks() == []


@pytest.mark.parametrize("fields", [{"exec_id": ""}, {"exec_id": "A" * 40, "flags": 8}])
def test_s18_when_the_exec_id_is_missing_or_cut_the_fill_is_booked_once_by_its_content(machine: Machine, fields: dict[str, Any]) -> None:
    m = accepted(machine)
    for cum in (1000, 1000, 2000):
        m.fill(1000, cum_qty=cum, transact_ns=5, **fields)
    assert m.state_of()[2] == 2000
    assert int(m.status["duplicate_fills"]) == 1
    assert m.breaks() == []


def test_fill_when_an_exec_id_is_40_characters_it_is_compared_whole(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(100, exec_id="A" * 39 + "B")
    m.fill(100, exec_id="A" * 39 + "C")
    assert m.state_of()[2] == 200


def test_fill_when_it_is_finer_than_the_instrument_it_is_rounded_with_a_break(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, px=100125, last_px_digits=5)
    assert int(m.order()["last_px"]) == 100
    assert m.breaks() == ["INEXACT"]


def test_fill_when_its_price_is_missing_the_orders_stands_in_with_a_break(machine: Machine) -> None:
    m = accepted(machine)
    m.event("FILL", 1, last_qty=100, exec_id="E")
    assert m.position()["cost"] == 100 * 100
    assert m.breaks() == ["INEXACT"]


@pytest.mark.parametrize("fields", [{"last_px_digits": 0, "px": 2**62}, {"qty": 2**62, "px": 1, "last_qty_digits": 0}])
def test_fill_when_the_amount_does_not_fit_nothing_is_booked_but_a_break(machine: Machine, fields: dict[str, int]) -> None:
    machine.instrument(1, qty_digits=5)
    m = accepted(machine)
    m.fill(fields.get("qty", 10), px=fields["px"], last_px_digits=fields.get("last_px_digits", 2))
    assert m.breaks() == ["OVERFLOW"]
    assert int(m.status["execution_count"]) == 0


def test_fill_when_cum_qty_would_overflow_nothing_is_booked_but_a_break(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(2**63 - 1, exec_id="A")
    m.fill(1, exec_id="B")
    assert m.breaks() == ["OVERFILL", "OVERFLOW"]
    assert m.state_of()[2] == 2**63 - 1
    same_after_replay(m)


def test_fill_when_it_is_negative_it_is_refused_with_a_break(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(-5)
    assert m.breaks() == ["UNEXPECTED_TRANSITION"]
    assert m.state_of()[2] == 0


def test_fill_when_the_execution_table_is_full_is_booked_and_said(make_machine: Callable[..., Machine]) -> None:
    m = accepted(make_machine(Limits(orders=4, executions=4, positions=4, breaks=8, instruments=2, accounts=2, venues=2, strategies=3, routes=2)))
    for n in range(5):
        m.fill(100, exec_id=f"E{n}")
    assert m.state_of()[2] == 500
    assert m.position()["net_qty"] == 500
    assert m.breaks() == ["EXECUTIONS_FULL"]
    same_after_replay(m)


def test_fill_when_the_position_table_is_full_the_order_has_it_and_a_break_says_so(make_machine: Callable[..., Machine]) -> None:
    m = make_machine(Limits(orders=8, executions=64, positions=1, breaks=8, instruments=4, accounts=2, venues=2, strategies=3, routes=2))
    m.instrument(2, "USDJPY")
    accepted(m)
    accepted(m, n=2, instrument=2)
    m.fill(100, order=1)
    m.fill(100, order=2)
    assert m.state_of(2)[2] == 100
    assert m.breaks() == ["TABLE_FULL"]


# ---- busts and corrections ---------------------------------------------------------------------------------------------------


def bust(m: Machine, ref: str, order: int = 1, **fields: Any) -> None:
    m.event("BUST", order, exec_id="B-" + ref, exec_ref_id=ref, **fields)


def correct(m: Machine, ref: str, exec_id: str, qty: int, px: int, order: int = 1, **fields: Any) -> None:
    m.event("CORRECT", order, exec_id=exec_id, exec_ref_id=ref, last_qty=qty, last_px=px, **fields)


def avg_px(m: Machine) -> float:
    o = m.order()
    return (int(o["notional_hi"]) * 2**64 + int(o["notional_lo"])) / int(o["cum_qty"])


def test_d34_when_a_filled_order_is_busted_and_corrected_in_chains(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, px=100, exec_id="A")
    m.fill(9000, px=110, exec_id="C")
    assert m.state_of() == ("FILLED", 10000, 10000, 0)
    assert avg_px(m) == 109
    bust(m, "A")
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 9000, 1000)
    assert avg_px(m) == 110
    correct(m, "C", "D", 9000, 100)
    assert avg_px(m) == 100
    correct(m, "D", "F", 9000, 120)
    correct(m, "F", "H", 8000, 120)
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 8000, 2000)
    assert avg_px(m) == 120
    assert (m.position()["net_qty"], m.position()["cost"]) == (8000, 8000 * 120)
    assert m.breaks() == []
    same_after_replay(m)


def test_d35_when_a_cancelled_order_is_busted_and_filled_anew_its_status_stays(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(5000, exec_id="A")
    m.event("CANCELED", 1)
    bust(m, "A")
    assert m.state_of() == ("CANCELED", 10000, 0, 0)
    m.fill(4000, exec_id="A2")
    assert m.state_of() == ("CANCELED", 10000, 4000, 0)
    assert m.breaks() == []
    same_after_replay(m)


def test_s11_when_the_chain_is_busted_by_its_first_name_the_survivor_goes(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="A")
    correct(m, "A", "B", 900, 105)
    bust(m, "A")
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    assert m.position()["net_qty"] == 0
    same_after_replay(m)


def test_s11_when_busted_twice_the_second_is_a_duplicate(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="A")
    m.fill(500, exec_id="B")
    bust(m, "A")
    bust(m, "A")
    assert m.state_of()[2] == 500
    assert int(m.status["duplicate_fills"]) == 1
    assert m.breaks() == []


def test_s11_when_corrected_twice_with_one_id_the_second_is_a_duplicate(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="A")
    for _ in range(2):
        correct(m, "A", "B", 900, 105)
    assert m.state_of()[2] == 900
    assert m.breaks() == []


def test_r2_when_a_busted_execution_is_corrected_it_is_refused(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="A")
    bust(m, "A")
    correct(m, "A", "B", 900, 105)
    assert m.breaks() == ["UNKNOWN_EXEC_REF"]
    assert m.state_of()[2] == 0


def test_r2_when_a_correction_was_refused_its_exec_id_is_free_for_another(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(1000, exec_id="A")
    m.fill(1000, exec_id="D")
    bust(m, "A")
    correct(m, "A", "B", 900, 105)
    correct(m, "D", "B", 800, 104)
    assert (m.state_of()[2], m.breaks()) == (800, ["UNKNOWN_EXEC_REF"])
    same_after_replay(m)


def test_s11_when_the_bust_comes_first_it_is_held_for_its_fill(machine: Machine) -> None:
    m = accepted(machine)
    bust(m, "A")
    assert m.breaks() == ["UNKNOWN_EXEC_REF"]
    bust(m, "A")
    m.fill(1000, exec_id="A")
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    m.fill(1000, exec_id="A")
    assert m.state_of()[2] == 0
    assert m.position() is None
    m.fill(300, exec_id="B")
    assert m.state_of()[2] == 300
    same_after_replay(m)


def test_s11_when_the_correction_comes_first_its_figures_are_booked_with_the_fill(machine: Machine) -> None:
    m = accepted(machine)
    correct(m, "A", "B", 900, 105)
    assert m.state_of()[2] == 0
    m.fill(1000, exec_id="A")
    assert m.state_of() == ("PARTIALLY_FILLED", 10000, 900, 9100)
    assert (m.position()["net_qty"], m.position()["cost"]) == (900, 900 * 105)
    bust(m, "B")
    assert m.state_of()[2] == 0
    assert m.position()["cost"] == 0
    same_after_replay(m)


def test_s11_when_a_held_correction_is_busted_before_its_fill_nothing_is_booked(machine: Machine) -> None:
    m = accepted(machine)
    correct(m, "A", "B", 900, 105)
    correct(m, "B", "C", 800, 106)
    bust(m, "C")
    m.fill(1000, exec_id="A")
    assert m.state_of()[2] == 0
    same_after_replay(m)


def test_s11_when_held_corrections_chain_the_last_is_booked(machine: Machine) -> None:
    m = accepted(machine)
    correct(m, "A", "B", 900, 105)
    correct(m, "B", "C", 800, 106)
    m.fill(1000, exec_id="A")
    assert m.state_of()[2] == 800
    assert m.position()["cost"] == 800 * 106
    same_after_replay(m)


def test_s11_when_a_trade_in_the_middle_is_busted_the_position_is_that_of_the_others(machine: Machine) -> None:
    """A reversing trade would realize against the average of today; the rule is the state without the busted fill."""
    m = accepted(machine)
    accepted(m, n=2, side=2)
    m.fill(10, px=100, exec_id="A", order=1)
    m.fill(10, px=200, exec_id="B", order=1)
    m.fill(10, px=300, exec_id="C", order=2)
    assert m.position()["realized"] == 10 * 300 - 10 * 150
    bust(m, "B")
    assert (m.position()["net_qty"], m.position()["cost"], m.position()["realized"]) == (0, 0, 10 * 300 - 10 * 100)
    same_after_replay(m)


def test_s11_when_a_suspense_fill_is_busted_suspense_is_empty_again(machine: Machine) -> None:
    m = machine
    fields = {"cl_ord_id": "", "venue_order_id": "PH", "symbol": "EURUSD", "side": 1}
    m.event("FILL", exec_id="P1", last_qty=500, last_px=100, **fields)
    m.event("BUST", exec_id="P2", exec_ref_id="P1", **fields)
    assert m.position(strategy=0)["net_qty"] == 0
    assert m.breaks() == ["UNKNOWN_ORDER"]
    same_after_replay(m)


@pytest.mark.parametrize("correct", [False, True])
def test_s11_when_the_table_had_no_row_for_some_fills_a_bust_keeps_them_in_the_position(make_machine: Callable[..., Machine], correct: bool) -> None:
    m = make_machine(Limits(orders=4, executions=8, positions=4, breaks=64, instruments=2, accounts=2, venues=2, strategies=3, routes=2))
    m.new(1, qty=1000)
    for n in range(12):
        m.fill(1, exec_id=f"E{n}")
    if correct:
        m.event("CORRECT", 1, exec_ref_id="E3", exec_id="C1", last_qty=3, last_px=110)
    else:
        m.event("BUST", 1, exec_ref_id="E3", exec_id="B1")
    left = 14 if correct else 11
    assert m.state_of()[2] == left
    assert m.position()["net_qty"] == left
    assert m.position()["cost"] == (100 * 11 + 330 if correct else 100 * 11)
    assert m.breaks()[-1] == "EXECUTIONS_FULL"
    assert m.replayed().tables() == m.tables()


def test_s11_when_a_suspense_bust_names_no_symbol_the_position_follows(machine: Machine) -> None:
    m = machine
    m.event("FILL", last_qty=100, last_px=100, exec_id="A", venue_order_id="X", symbol="EURUSD")
    m.event("BUST", exec_ref_id="A", exec_id="B", venue_order_id="X")
    assert m.position(strategy=0)["net_qty"] == 0


@pytest.mark.parametrize("correct_first", [False, True])
def test_s11_when_a_suspense_correction_names_no_symbol_the_fill_stands_with_a_break(machine: Machine, correct_first: bool) -> None:
    m = machine
    fill = {"last_qty": 100, "last_px": 100, "exec_id": "A", "venue_order_id": "X", "symbol": "EURUSD"}
    correct = {"last_qty": 7000, "last_px": 1, "exec_id": "B", "exec_ref_id": "A", "venue_order_id": "X"}
    for kind, fields in [("CORRECT", correct), ("FILL", fill)] if correct_first else [("FILL", fill), ("CORRECT", correct)]:
        m.event(kind, **fields)
    assert m.position(strategy=0)["net_qty"] == 100
    assert m.breaks()[-1] == "INSTRUMENT_MISMATCH"
    m.event("FILL", **fill)
    assert m.position(strategy=0)["net_qty"] == 100


def test_d28_when_a_trade_from_before_a_reverse_split_is_busted_cum_qty_is_not_negative(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(4000, exec_id="A")
    m.fill(4000, exec_id="B")
    m.event("RESTATED", 1, qty=1000, cum_qty=800)
    m.event("BUST", 1, exec_ref_id="A", exec_id="X")
    assert m.state_of() == ("NEW", 1000, 0, 1000)
    assert m.breaks() == ["UNEXPECTED_TRANSITION"]
    assert m.position()["net_qty"] == 4000


# ---- a correction that comes after what names it ------------------------------------------------------------------------------


def test_s11_when_the_bust_of_a_correction_comes_before_it_nothing_survives(machine: Machine) -> None:
    """Fill E1, then the bust of C1, then C1 which corrects E1: the venue has nothing left (found by a simulation of late reports)."""
    m = machine
    m.new(1, qty=10)
    m.fill(10, 100, "E1")
    m.event("BUST", 1, exec_id="B1", exec_ref_id="C1")
    assert m.state_of() == ("FILLED", 10, 10, 0)
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=10, last_px=103)
    assert m.state_of() == ("NEW", 10, 0, 10)
    assert (m.position() or {})["net_qty"] == 0
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=10, last_px=103)  # told again
    m.event("BUST", 1, exec_id="B1", exec_ref_id="C1")
    assert (m.state_of()[2], m.breaks()) == (0, ["UNKNOWN_EXEC_REF"])
    assert m.replayed().tables() == m.tables()


def test_s11_when_the_correction_of_a_correction_comes_before_it_the_last_survives(machine: Machine) -> None:
    m = machine
    m.new(1, qty=10)
    m.fill(6, 100, "E1")
    m.event("CORRECT", 1, exec_id="C2", exec_ref_id="C1", last_qty=4, last_px=102)
    assert m.state_of()[2] == 6
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=5, last_px=101)
    assert m.state_of() == ("PARTIALLY_FILLED", 10, 4, 6)
    assert (m.position() or {})["net_qty"] == 4
    assert int(m.order()["notional_lo"]) == 408
    m.event("BUST", 1, exec_id="B", exec_ref_id="E1")  # the chain is followed to what survives
    assert (m.state_of()[2], (m.position() or {})["net_qty"], m.breaks()) == (0, 0, ["UNKNOWN_EXEC_REF"])


def test_s11_when_corrections_and_their_fill_come_backwards_the_last_survives(machine: Machine) -> None:
    m = machine
    m.new(1, qty=10)
    m.event("CORRECT", 1, exec_id="C2", exec_ref_id="C1", last_qty=4, last_px=102)
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=5, last_px=101)
    assert m.state_of()[2] == 0
    m.fill(6, 100, "E1")
    assert (m.state_of()[2], (m.position() or {})["net_qty"]) == (4, 4)
    assert m.replayed().tables() == m.tables()


def test_s11_when_corrections_name_each_other_nothing_is_booked_and_nothing_hangs(machine: Machine) -> None:
    m = machine
    m.new(1, qty=10)
    m.event("CORRECT", 1, exec_id="C2", exec_ref_id="C1", last_qty=4, last_px=102)
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="C2", last_qty=5, last_px=101)
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="C1", last_qty=5, last_px=101)
    assert m.state_of()[2] == 0
    assert set(m.breaks()) == {"UNKNOWN_EXEC_REF"}
