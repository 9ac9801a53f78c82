"""What has no value is never worth 0: absurd marks are refused at the door, and where a position or an order cannot be valued, limits of amounts let
nothing pass but what reduces.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from limit_world import BUY, SELL, WORLD, accepted, amount, furnish, limit, profit, scope

from ringfence.tools.views.risk import doubts

Machine = Any
SECOND = 1_000_000_000
VALUED = ("CREDIT", "MARGIN", "NET_EXPOSURE", "GROSS_EXPOSURE", "DAILY_LOSS")
HUGE = 2**59  # no sum here comes near it


def usd(m: Machine, rate: int) -> None:
    m.control("DEFINE_CURRENCY", body=m.record("Currency", id=1, code="USD", rate=rate, is_firm=1, status=1))


def in_yen(m: Machine, rate: int) -> None:
    """The second instrument is quoted in another currency."""
    m.control("DEFINE_CURRENCY", body=m.record("Currency", id=3, code="JPY", rate=rate, status=1))
    terms = {"tick": 1, "lot": 1, "qty_max": 10**12, "multiplier": 1, "price_digits": 2, "status": 1}
    m.control("DEFINE_INSTRUMENT", body=m.record("Instrument", id=2, symbol="EURJPY", base="EUR", quote="JPY", **terms))


def instrument(m: Machine, row: int = 1) -> Any:
    return m.table("instruments")[row]


# ---- marks -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "absurd",
    [
        {"bid": 2**62, "ask": 2**62},
        {"bid": 2**62 + 1, "ask": 2**63 - 1},
        {"bid": 100, "ask": 2**61},
        {"bid": 90, "ask": 110, "last": 2**61},
        {"bid": -5, "ask": 110},
        {"bid": 90, "ask": -1},
        {"bid": 90, "ask": 110, "last": -1},
        {"bid": 111, "ask": 110},
    ],
)
def test_mark_when_it_cannot_be_is_refused_counted_and_the_old_one_kept(make_machine: Callable[..., Machine], absurd: dict[str, int]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "NET_EXPOSURE", HUGE)
    m.new(1, side=BUY, px=100, qty=10)
    m.fill(10, px=100, order=1)
    m.mark(100, 102, last=101)
    fields = ("bid", "ask", "last", "mark_ns", "last_ns")
    before = [int(instrument(m)[f]) for f in fields]
    m.frame("MARK", m.record("Mark", instrument=1, **absurd))
    assert [int(instrument(m)[f]) for f in fields] == before
    assert (int(instrument(m)["marks_refused"]), int(m.status["marks_refused"])) == (1, 1)
    assert int(scope(m, "FIRM")["long_amount"]) == amount(m, 101, 10)
    m.mark(110, 110)
    assert int(scope(m, "FIRM")["long_amount"]) == amount(m, 110, 10)
    assert m.replayed().tables() == m.tables()


def test_mark_when_there_is_no_rate_is_held_to_what_can_be_halved(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD), rate=0)
    m.mark(100, 2**62 + 1)
    assert int(m.status["marks_refused"]) == 1
    m.mark(2**62 - 1, 2**62)
    assert int(m.status["marks_refused"]) == 1


@pytest.mark.parametrize("quote", [{"bid": 0, "ask": 0}, {"bid": 100, "ask": 0}, {"bid": 100, "ask": 100}])
def test_mark_when_a_side_is_missing_or_the_market_is_locked_is_taken(make_machine: Callable[..., Machine], quote: dict[str, int]) -> None:
    m = furnish(make_machine(WORLD))
    m.mark(**quote)
    assert (int(m.status["marks_refused"]), int(instrument(m)["mark_ns"])) == (0, m.now)


def test_doubts_when_limits_cannot_judge_are_said_in_words(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    source = SimpleNamespace(table=m.table, engine=m.status)
    limit(m, "FIRM", "NET_EXPOSURE", HUGE)
    assert doubts(source) == []
    m.mark(100, 100)
    m.mark(-1, 100)
    usd(m, 0)
    limit(m, "FIRM", "NET_EXPOSURE", 0)
    m.new(1, px=100, qty=10)
    m.status["scopes_full"] = 3
    found = doubts(source)
    assert [text.split()[0] for text in found] == ["1", "1", "3"]
    assert "EURUSD" in found[1]


# ---- ages of references ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "passes"), [(1, False), (2, True), (3, True)])
def test_reference_age_when_only_the_quote_is_new_is_that_of_each_reference(make_machine: Callable[..., Machine], choice: int, passes: bool) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "COLLAR", 100_000)
    limit(m, "FIRM", "COLLAR_REFERENCE", choice)
    limit(m, "FIRM", "REFERENCE_AGE", SECOND)
    m.mark(100, 100, last=100)
    m.now += 2 * SECOND
    m.mark(100, 100)
    m.new(1, side=BUY, px=100, qty=1)
    assert accepted(m) == passes
    if not passes:
        assert m.deny() == "NO_REFERENCE"


@pytest.mark.parametrize("choice", [2, 3])
def test_reference_age_when_the_quote_is_gone_is_that_of_the_last_trade(make_machine: Callable[..., Machine], choice: int) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "COLLAR", 100_000)
    limit(m, "FIRM", "COLLAR_REFERENCE", choice)
    limit(m, "FIRM", "REFERENCE_AGE", SECOND)
    m.mark(100, 100, last=100)
    m.now += 2 * SECOND
    m.mark(0, 0)
    m.new(1, side=BUY, px=100, qty=1)
    assert m.deny() == "NO_REFERENCE"
    m.mark(0, 0, last=100)
    m.new(2, side=BUY, px=100, qty=1)
    assert accepted(m)


# ---- positions without a value ---------------------------------------------------------------------------------------------------


def unrated(m: Machine) -> Callable[[], None]:
    """Long 10 of an instrument whose currency has no rate; returns what gives it one."""
    in_yen(m, 0)
    m.new(1, side=BUY, px=100, qty=10, instrument=2)
    m.fill(10, px=100, order=1)
    return lambda: in_yen(m, 10**9)


def unheld(m: Machine) -> Callable[[], None]:
    """Long of a quantity whose amount leaves 63 bits at the mark; a busted trade mends it."""
    m.new(1, side=BUY, px=100, qty=10**12, instrument=2)
    m.fill(10**12, px=100, order=1)
    m.new(2, side=BUY, px=100, qty=10**12, instrument=2)
    m.fill(10**12, px=100, order=2, exec_id="E2")
    m.mark(2**50, 2**50, instrument=2)
    return lambda: m.mark(100, 100, instrument=2)


def unpriced(m: Machine) -> Callable[[], None]:
    """Long 10 by a trade that was told without a price."""
    m.new(1, side=BUY, px=0, ord_type=1, qty=10, instrument=2)
    m.event("FILL", 1, last_qty=10, exec_id="E1")
    return lambda: m.mark(100, 100, instrument=2)


def working(m: Machine) -> Callable[[], None]:
    """A market order that nothing says a price of."""
    m.new(1, side=BUY, px=0, ord_type=1, qty=10, instrument=2)
    return lambda: m.event("CANCELED", 1)


def realized(m: Machine) -> Callable[[], None]:
    """Flat, with a loss in a currency without a rate."""
    mend = unrated(m)
    m.new(2, side=SELL, px=90, qty=10, instrument=2)
    m.fill(10, px=90, order=2, exec_id="E2")
    return mend


@pytest.mark.parametrize("rule", VALUED)
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("begin", [unrated, unheld, unpriced, working, realized])
def test_new_when_something_of_its_scope_has_no_value_is_refused_until_it_has(
    make_machine: Callable[..., Machine], begin: Callable[[Machine], Callable[[], None]], first: bool, rule: str
) -> None:
    m = furnish(make_machine(WORLD))
    m.mark(100, 100)
    if first:  # the limit is there before; otherwise what is open already is counted when it comes
        limit(m, "FIRM", "MAX_QTY", 2**60)
    mend = begin(m)
    limit(m, "FIRM", rule, HUGE)
    m.new(9, side=BUY, px=100, qty=1)
    assert m.deny() == "NO_RATE"
    assert int(scope(m, "FIRM")["hits"].sum()) == 1
    mend()
    assert int(scope(m, "FIRM")["unvalued"]) == 0
    m.new(10, side=BUY, px=100, qty=1)
    assert accepted(m), m.deny()
    assert m.replayed().tables() == m.tables()


def test_new_when_it_only_reduces_passes_although_something_has_no_value(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    m.mark(100, 100)
    unrated(m)
    m.new(2, side=BUY, px=100, qty=10)
    m.fill(10, px=100, order=2, exec_id="E2")
    limit(m, "FIRM", "NET_EXPOSURE", HUGE)
    m.new(3, side=SELL, px=100, qty=10)
    assert accepted(m)


def test_new_when_a_value_is_beyond_what_sums_hold_may_still_reduce(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "NET_EXPOSURE", HUGE)
    m.new(1, side=BUY, px=100, qty=10**11)
    m.fill(10**11, px=100, order=1)
    m.mark(100_000, 100_000)
    assert amount(m, 100_000, 10**11) > 2**59
    m.new(2, side=BUY, px=100, qty=1)
    assert m.deny() == "NO_RATE"
    m.new(3, side=SELL, px=100, qty=10)
    assert accepted(m), "an exit must always be possible"


def test_new_when_what_has_no_value_is_of_other_scopes_passes(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    m.mark(100, 100)
    unrated(m)
    limit(m, "INSTRUMENT", "NET_EXPOSURE", HUGE)
    m.new(2, side=BUY, px=100, qty=10)
    assert accepted(m)
    limit(m, "CURRENCY", "NET_EXPOSURE", HUGE)  # EUR is bought by both
    m.new(3, side=BUY, px=100, qty=10)
    assert m.deny() == "NO_RATE"


def test_replace_when_something_has_no_value_may_ask_for_less_alone(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    m.mark(100, 100)
    m.new(2, side=BUY, px=100, qty=10)
    m.event("ACK", 1)
    limit(m, "FIRM", "NET_EXPOSURE", HUGE)
    limit(m, "FIRM", "DAILY_LOSS", HUGE)
    usd(m, 0)
    m.replace(2, qty=11)
    assert m.deny() == "NO_RATE"
    usd(m, 10**9)
    m.new(3, side=BUY, px=0, ord_type=1, qty=10, instrument=2)
    assert m.deny() == "NO_REFERENCE"
    m.replace(2, qty=9)
    assert m.sent() == ["REPLACE"]


def test_replace_when_there_is_no_rate_and_only_exposure_is_limited_is_refused(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    m.new(1, side=BUY, px=100, qty=10)
    m.event("ACK", 1)
    limit(m, "FIRM", "GROSS_EXPOSURE", HUGE)
    usd(m, 0)
    m.replace(1, qty=10**6)
    assert m.deny() == "NO_RATE"


def test_profit_when_it_cannot_be_told_is_not_one_that_hides_losses(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "DAILY_LOSS", amount(m, 1, 50))
    m.mark(100, 100)
    unheld(m)
    m.new(8, side=BUY, px=100, qty=10)
    assert m.deny() == "NO_RATE"
    assert int(scope(m, "FIRM")["profit"]) <= 0


def test_turnover_when_a_trade_has_no_rate_refuses_until_the_next_day(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "MAX_QTY", 2**60)
    mend = unrated(m)
    limit(m, "FIRM", "TURNOVER", HUGE)
    limit(m, "INSTRUMENT", "TURNOVER", HUGE)
    m.new(2, side=BUY, px=100, qty=1)
    assert m.deny() == "NO_RATE"
    assert int(scope(m, "FIRM")["hits"].sum()) == 1
    mend()
    m.new(3, side=BUY, px=100, qty=1)
    assert m.deny() == "NO_RATE", "what was traded is still not counted"
    m.control("ROLL_DAY", day=20260105)
    m.new(4, side=BUY, px=100, qty=1)
    assert accepted(m)
    assert m.replayed().tables() == m.tables()


def test_day_when_it_begins_without_a_value_forgets_no_loss(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "DAILY_LOSS", HUGE)
    m.new(1, side=BUY, px=100, qty=10)
    m.fill(10, px=100, order=1)
    m.mark(98, 98)
    usd(m, 0)
    m.control("ROLL_DAY", day=20260105)
    usd(m, 10**9)
    assert int(scope(m, "FIRM")["profit"]) == profit(m, -20), "a loss that could not be told when the day began is of no day"


@pytest.mark.parametrize("choice", [2, 3])
@pytest.mark.parametrize("quote", [{"bid": 1, "ask": 20_000_000}, {"bid": 90, "ask": 181}, {"bid": 0, "ask": 20_000_000}])
def test_collar_when_the_quote_is_a_stub_measures_from_the_last_trade(make_machine: Callable[..., Machine], choice: int, quote: dict[str, int]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "COLLAR", 100_000)
    limit(m, "FIRM", "COLLAR_REFERENCE", choice)
    m.frame("MARK", m.record("Mark", instrument=1, **quote))
    m.new(1, side=BUY, px=100, qty=1)
    assert m.deny() == "NO_REFERENCE"
    m.frame("MARK", m.record("Mark", instrument=1, last=100, **quote))
    m.new(2, side=BUY, px=111, qty=1)
    assert m.deny() == "COLLAR"
    m.new(3, side=BUY, px=110, qty=1)
    assert accepted(m)


def test_position_when_the_quote_is_a_stub_is_worth_the_last_trade(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "NET_EXPOSURE", HUGE)
    m.new(1, side=BUY, px=100, qty=10)
    m.fill(10, px=100, order=1)
    m.mark(90, 180, last=101)
    assert int(scope(m, "FIRM")["long_amount"]) == amount(m, 135, 10)
    m.mark(90, 182)
    assert int(scope(m, "FIRM")["long_amount"]) == amount(m, 101, 10)


def test_inverse_contract_when_nothing_says_its_price_has_its_amount_all_the_same(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    m.instrument(3, "BTCUSD", inverse=1, multiplier=100)
    m.new(1, side=BUY, px=0, ord_type=1, qty=30, instrument=3)
    m.event("FILL", 1, last_qty=10, exec_id="E1")
    limit(m, "FIRM", "GROSS_EXPOSURE", HUGE)
    row = scope(m, "FIRM")
    assert (int(row["long_amount"]), int(row["working_buy"]), int(row["unvalued"])) == (amount(m, 1, 10, 3), amount(m, 1, 20, 3), 0)
