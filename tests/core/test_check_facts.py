"""Facts that move what limits count, after the order was judged: corrections, replaces into another market, falling prices, full tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from limit_world import BUY, SELL, SHORT, WORLD, accepted, amount, furnish, limit, scope

from ringfence.core.state import Limits
from ringfence.ipc.schema import CONSTANTS, ENUMS

Machine = Any
STOP = ENUMS["OrdType"].by_name["STOP"]


# ---- corrections -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("qty", "px", "traded"), [(10, 150, (10, 150)), (14, 100, (14, 100)), (10, 90, (10, 100)), (5, 100, (10, 100)), (20, 40, (10, 100))])
def test_turnover_when_an_execution_is_corrected_upwards_counts_the_difference(
    make_machine: Callable[..., Machine], qty: int, px: int, traded: tuple[int, int]
) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "STRATEGY", "TURNOVER", amount(m, 100, 10**6))
    m.new(1, side=BUY, px=100, qty=20)
    m.fill(10, px=100, order=1)
    m.event("CORRECT", 1, last_qty=qty, last_px=px, exec_id="E2", exec_ref_id="E1")
    for kind in ("FIRM", "STRATEGY", "ACCOUNT_INSTRUMENT", "VENUE"):
        assert int(scope(m, kind)["turnover"]) == amount(m, traded[1], traded[0]), kind
    assert m.replayed().tables() == m.tables()


def test_turnover_when_a_correction_comes_before_what_it_corrects_is_counted_once(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "STRATEGY", "TURNOVER", amount(m, 100, 10**6))
    m.new(1, side=BUY, px=100, qty=20)
    m.event("CORRECT", 1, last_qty=14, last_px=100, exec_id="E2", exec_ref_id="E1")
    m.fill(10, px=100, order=1)
    assert int(scope(m, "STRATEGY")["turnover"]) == amount(m, 100, 14)


def test_turnover_when_a_correction_of_a_correction_came_first_counts_the_difference(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "STRATEGY", "TURNOVER", amount(m, 100, 10**6))
    m.new(1, side=BUY, px=100, qty=20)
    m.fill(10, px=100, order=1)
    m.event("CORRECT", 1, last_qty=16, last_px=100, exec_id="E3", exec_ref_id="E2")
    m.event("CORRECT", 1, last_qty=14, last_px=100, exec_id="E2", exec_ref_id="E1")
    assert m.position()["net_qty"] == 16
    assert int(scope(m, "STRATEGY")["turnover"]) == amount(m, 100, 16)


def test_short_sales_when_one_is_corrected_upwards_take_up_more_of_what_was_located(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "ACCOUNT_INSTRUMENT", "SHORT_SALE", 20)
    m.new(1, side=SHORT, px=100, qty=10)
    m.fill(10, px=100, order=1)
    m.event("CORRECT", 1, last_qty=15, last_px=100, exec_id="E2", exec_ref_id="E1")
    assert int(scope(m, "ACCOUNT_INSTRUMENT")["short_qty"]) == 15
    m.new(2, side=SHORT, px=100, qty=6)
    assert m.deny() == "NO_LOCATE"


# ---- replaces --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["MAX_NOTIONAL", "GROSS_EXPOSURE", "TURNOVER"])
@pytest.mark.parametrize("change", [{"px": 50}, {"px": 119}])
def test_replace_when_it_brings_a_sale_to_a_market_that_rose_counts_at_the_market_of_now(
    make_machine: Callable[..., Machine], rule: str, change: dict[str, int]
) -> None:
    for short_by in (0, 1):
        m = furnish(make_machine(WORLD))
        m.mark(100, 100)
        m.new(1, side=SELL, px=120, qty=10)
        m.event("ACK", 1)
        m.mark(500, 500)
        limit(m, "FIRM", rule, amount(m, 500, 10) - short_by)
        m.replace(1, qty=10, **change)
        if short_by:
            assert m.deny() == rule
            continue
        assert accepted(m)
        assert int(scope(m, "FIRM")["working_sell"]) == amount(m, 500, 10)


def test_replace_when_it_moves_a_stop_to_where_it_triggers_counts_at_the_market_of_now(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    m.mark(100, 100)
    m.new(1, side=BUY, ord_type=STOP, stop_px=700, px=0, qty=10)
    m.event("ACK", 1)
    m.mark(500, 500)
    limit(m, "FIRM", "MAX_NOTIONAL", amount(m, 500, 10) - 1)
    m.replace(1, qty=10, stop_px=200)
    assert m.deny() == "MAX_NOTIONAL"


def test_replace_when_it_only_asks_for_less_is_not_held_to_a_market_that_rose(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    m.mark(100, 100)
    m.new(1, side=SELL, px=120, qty=10)
    m.event("ACK", 1)
    m.mark(500, 500)
    limit(m, "FIRM", "GROSS_EXPOSURE", 1)
    m.replace(1, qty=9)
    assert accepted(m)


# ---- credit ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["FIRM", "BROKER", "ACCOUNT"])
@pytest.mark.parametrize(("mark", "used"), [(60, 100), (100, 100), (140, 140)])
def test_credit_when_prices_move_is_the_higher_of_cost_and_worth(make_machine: Callable[..., Machine], kind: str, mark: int, used: int) -> None:
    for short_by in (0, 1):
        m = furnish(make_machine(WORLD))
        m.mark(100, 100)
        m.new(1, side=BUY, px=100, qty=10)
        m.fill(10, px=100, order=1)
        m.mark(mark, mark)
        limit(m, kind, "CREDIT", amount(m, used, 10) + amount(m, 100, 5) - short_by)
        assert int(scope(m, kind)["spent"]) == amount(m, used, 10)
        m.new(2, side=BUY, px=100, qty=5)
        assert accepted(m) == (not short_by)
        if short_by:
            assert m.deny() == "CREDIT"


def test_credit_when_a_position_shrinks_or_is_short_gives_back_what_it_cost(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "CREDIT", 2**59)
    m.mark(60, 60)
    m.new(1, side=BUY, px=100, qty=10)
    m.fill(10, px=100, order=1)
    m.new(2, side=SELL, px=60, qty=14)
    m.fill(4, px=60, order=2, exec_id="E2")
    assert int(scope(m, "FIRM")["spent"]) == amount(m, 100, 6)
    m.fill(10, px=60, order=2, exec_id="E3")
    assert int(scope(m, "FIRM")["spent"]) == 0
    assert m.replayed().tables() == m.tables()


# ---- full tables -----------------------------------------------------------------------------------------------------------------

FEW = Limits(orders=512, executions=2048, positions=32, breaks=64, instruments=4, accounts=4, venues=3, strategies=4, routes=8, scopes=16)


def test_new_when_scope_sets_run_out_before_scopes_is_refused_and_counted(make_machine: Callable[..., Machine]) -> None:
    """Every strategy in every account: their pairs with the instrument are 2 n scopes, the ways from one to the other n x n sets."""
    n = 20
    limits = Limits(orders=512, executions=64, positions=512, breaks=64, instruments=2, accounts=n, venues=1, strategies=n, routes=n, lots=1024, scopes=84)
    m = make_machine(limits)
    for row in range(2, n + 1):
        m.control("DEFINE_ACCOUNT", body=m.record("Account", id=row, name=f"a{row}", code=f"A{row}", status=1))
        m.control("DEFINE_STRATEGY", body=m.record("Strategy", id=row, name=f"s{row}", status=1))
        m.control("DEFINE_ROUTE", body=m.record("Route", id=row, account=row, venue=1, status=1))
        m.control("STRATEGY_ATTACH", strategy=row, epoch=7, pid=1)
    m.limit("OPEN_ORDERS", 1000)
    for k in range(n * n):
        m.new(k + 1, strategy=1 + k // n, account=1 + k % n, qty=1)
    sets = CONSTANTS["SETS_OF_SCOPE"][0] * limits.scopes
    assert int(m.status["scope_count"]) < limits.scopes
    assert (int(m.status["scope_set_count"]), int(m.status["order_count"]), int(m.status["scopes_full"])) == (sets, sets, n * n - sets)
    m.cancel(sets, strategy=1 + (sets - 1) // n)
    assert m.sent() == ["CANCEL"], "a cancel needs no room"
    assert m.replayed().tables() == m.tables()


def test_new_when_there_is_no_scope_left_for_its_pairs_is_refused_and_counted(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(FEW))
    limit(m, "FIRM", "NET_EXPOSURE", 2**59)
    full = [n for n in range(1, 9) if asked(m, n) == "SCOPES_FULL"]
    assert full, "the table never filled"
    assert int(m.status["scopes_full"]) == len(full)
    m.cancel(1, strategy=2)
    assert m.sent() == ["CANCEL"], "a cancel needs no room"
    assert m.replayed().tables() == m.tables()


def asked(m: Machine, n: int) -> str:
    """Ask for an order of one of the eight ways from a strategy to an instrument in an account; "" when it passed."""
    m.new(n, strategy=1 + n % 2, instrument=1 + n // 2 % 2, account=1 + n // 4 % 2, px=100, qty=1)
    return "" if accepted(m) else str(m.deny())


def test_new_when_there_is_no_room_for_another_position_is_refused(make_machine: Callable[..., Machine]) -> None:
    """What it trades could not be booked, and would be in no sum."""
    few = Limits(orders=512, executions=2048, positions=3, breaks=64, instruments=4, accounts=4, venues=3, strategies=4, routes=8)
    m = furnish(make_machine(few))
    for n in (1, 2):
        m.new(n, strategy=n, px=100, qty=1)
        m.fill(1, px=100, order=n, exec_id=f"E{n}")
    m.new(3, strategy=1, px=100, qty=1)
    assert accepted(m), "it has its position already"
    m.new(3, strategy=2, instrument=2, px=100, qty=1)
    assert accepted(m)
    m.fill(1, px=100, order=4, exec_id="E4", symbol="GBPUSD")
    m.new(4, strategy=1, instrument=2, px=100, qty=1)
    assert m.deny() == "SCOPES_FULL"
    assert int(m.status["scopes_full"]) == 1
    assert m.breaks() == []
