"""Every limit at every kind of scope where it may be set: what is asked passes at the limit and is refused one beyond it, and the refusal is counted there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from limit_world import BUY, OF_ORDER, RULE, SELL, SHORT, WORLD, accepted, amount, furnish, limit, part, profit, scope

from ringfence.core.rules import RULES
from ringfence.ipc.schema import ENUMS

Machine = Any
SECOND = 1_000_000_000
DENY = ENUMS["DenyReason"].by_name
MARGIN_PPM = 100_000
REJECT, CANCEL_RESTING, CANCEL_BOTH = 1, 2, 3


def held(m: Machine) -> None:
    """Long 10 at 100, a buy of 20 at 100 and a sale of 5 at 120 working; marked at 110."""
    m.new(1, side=BUY, px=100, qty=10)
    m.fill(10, px=100, order=1)
    m.new(2, side=BUY, px=100, qty=20)
    m.new(3, side=SELL, px=120, qty=5)
    m.mark(110, 110)


def sold(m: Machine) -> None:
    """Short 10 at 100, a sale of 20 at 100 working; marked at 90."""
    m.new(1, side=SELL, px=100, qty=10)
    m.fill(10, px=100, order=1)
    m.new(2, side=SELL, px=100, qty=20)
    m.mark(90, 90)


def short(m: Machine) -> None:
    m.new(1, side=SHORT, px=100, qty=20)
    m.fill(5, px=100, order=1)


def lost(m: Machine) -> None:
    m.new(1, side=BUY, px=100, qty=10)
    m.fill(10, px=100, order=1)
    m.mark(91, 91)


def nothing(m: Machine) -> None:
    m.mark(1000, 1000)


def touch(m: Machine) -> None:
    m.mark(999, 1002)


@dataclass(frozen=True)
class Case:
    """``need``: the lowest limit under which ``ask`` passes after ``before``."""

    rule: str
    reason: str
    before: Callable[[Machine], None]
    ask: dict[str, int]
    need: Callable[[Machine], int]


BUY_30 = {"side": BUY, "px": 110, "qty": 30}
SELL_40 = {"side": SELL, "px": 110, "qty": 40}
CASES = (
    Case("SHORT_SALE", "NO_LOCATE", short, {"side": SHORT, "px": 100, "qty": 30}, lambda m: 5 + 15 + 30),
    Case("MAX_QTY", "MAX_QTY", nothing, BUY_30, lambda m: 30),
    Case("MAX_NOTIONAL", "MAX_NOTIONAL", nothing, BUY_30, lambda m: amount(m, 110, 30)),
    Case("MAX_NOTIONAL", "MAX_NOTIONAL", touch, {"side": BUY, "px": 0, "ord_type": 1, "qty": 30}, lambda m: amount(m, 1002, 30)),
    Case("MAX_NOTIONAL", "MAX_NOTIONAL", touch, {"side": SELL, "px": 0, "ord_type": 1, "qty": 30}, lambda m: amount(m, 999, 30)),
    Case("MAX_NOTIONAL", "MAX_NOTIONAL", nothing, {"ord_type": 3, "px": 0, "stop_px": 1030, "qty": 3}, lambda m: amount(m, 1030, 3)),
    Case("MAX_NOTIONAL", "MAX_NOTIONAL", touch, {"ord_type": 3, "px": 0, "stop_px": 1, "qty": 3}, lambda m: amount(m, 1002, 3)),  # it triggers at once
    Case("MAX_NOTIONAL", "MAX_NOTIONAL", touch, {"side": SELL, "px": 1, "qty": 3}, lambda m: amount(m, 999, 3)),  # it trades at the bid
    Case("NET_EXPOSURE", "NET_EXPOSURE", touch, {"side": SELL, "px": 1, "qty": 3}, lambda m: amount(m, 999, 3)),
    Case("GROSS_EXPOSURE", "GROSS_EXPOSURE", touch, {"side": SELL, "px": 1, "qty": 3}, lambda m: amount(m, 999, 3)),
    Case("TURNOVER", "TURNOVER", touch, {"side": SELL, "px": 1, "qty": 3}, lambda m: amount(m, 999, 3)),
    Case("REFERENCE_AGE", "NO_REFERENCE", nothing, BUY_30, lambda m: 2000),
    Case("COLLAR", "COLLAR", nothing, {"side": BUY, "px": 1013, "qty": 1}, lambda m: 13_000),
    Case("COLLAR", "COLLAR", nothing, {"side": SELL, "px": 987, "qty": 1}, lambda m: 13_000),
    Case("CREDIT", "CREDIT", held, BUY_30, lambda m: amount(m, 110, 10) + amount(m, 100, 20) + amount(m, 110, 30)),
    Case(
        "MARGIN",
        "MARGIN",
        held,
        BUY_30,
        lambda m: sum(part(amount(m, px, qty), MARGIN_PPM) for px, qty in ((110, 10), (100, 20), (120, 5), (110, 30))),
    ),
    Case("MAX_POSITION", "MAX_POSITION", held, BUY_30, lambda m: 10 + 20 + 30),
    Case("MAX_POSITION", "MAX_POSITION", sold, SELL_40, lambda m: 10 + 20 + 40),
    Case("NET_EXPOSURE", "NET_EXPOSURE", held, BUY_30, lambda m: amount(m, 110, 10) + amount(m, 100, 20) + amount(m, 110, 30)),
    Case("NET_EXPOSURE", "NET_EXPOSURE", sold, SELL_40, lambda m: amount(m, 90, 10) + amount(m, 100, 20) + amount(m, 110, 40)),
    Case(
        "GROSS_EXPOSURE",
        "GROSS_EXPOSURE",
        held,
        BUY_30,
        lambda m: amount(m, 110, 10) + amount(m, 100, 20) + amount(m, 120, 5) + amount(m, 110, 30),
    ),
    Case("OPEN_ORDERS", "OPEN_ORDERS", held, BUY_30, lambda m: 3),
    Case("TURNOVER", "TURNOVER", held, BUY_30, lambda m: amount(m, 100, 10) + amount(m, 100, 20) + amount(m, 120, 5) + amount(m, 110, 30)),
    Case("DAILY_LOSS", "LOSS", lost, BUY_30, lambda m: -profit(m, -90)),
)


@pytest.mark.parametrize(("case", "kind"), [pytest.param(c, k, id=f"{c.rule}-{n}-{k}") for n, c in enumerate(CASES) for k in RULES[c.rule].scopes])
def test_new_when_at_a_limit_passes_and_one_beyond_is_refused(make_machine: Callable[..., Machine], case: Case, kind: str) -> None:
    for short_by in (0, 1):
        m = furnish(make_machine(WORLD))
        limit(m, "FIRM", "MARGIN_RATE", MARGIN_PPM)
        case.before(m)
        limit(m, kind, case.rule, case.need(m) - short_by)
        m.new(9, **case.ask)
        row = scope(m, kind)
        if short_by == 0:
            assert accepted(m), f"{case.rule} of {kind} was refused at its limit: {m.deny()}"
            assert int(row["hits"].sum()) == 0
            assert int(m.order(int(m.status["order_count"]))["checks"]) >> RULE[case.rule] & 1, "the check was not noted in the order"
            continue
        assert m.deny() == case.reason
        assert m.commands == []
        assert int(row["hits"][RULE[case.rule]]) == 1
        assert (int(row["last_rule"]), int(row["last_hit_ns"])) == (RULE[case.rule], m.now)
        assert m.replayed().tables() == m.tables()


@pytest.mark.parametrize("rule", [r.name for r in RULES.values() if r.group in ("order", "account", "flow") and r.scopes])
def test_limit_when_the_kind_of_scope_is_not_the_rules_is_refused(make_machine: Callable[..., Machine], rule: str) -> None:
    m = furnish(make_machine(WORLD))
    for kind in set(OF_ORDER) - set(RULES[rule].scopes):
        with pytest.raises(AssertionError, match="was refused"):
            limit(m, kind, rule, 1)


@pytest.mark.parametrize(
    ("rule", "value"), [("NEW_RATE", -1), ("NEW_BURST", 10**9 + 1), ("MARGIN_RATE", 2**33), ("COLLAR_REFERENCE", 4), ("MAX_NOTIONAL", 2**62 + 1)]
)
def test_limit_when_its_value_cannot_be_is_refused(make_machine: Callable[..., Machine], rule: str, value: int) -> None:
    m = furnish(make_machine(WORLD))
    with pytest.raises(AssertionError, match="was refused"):
        limit(m, "FIRM", rule, value)


@pytest.mark.parametrize("kind", list(OF_ORDER))
@pytest.mark.parametrize("rule", ["MAX_NOTIONAL", "CREDIT", "MARGIN", "NET_EXPOSURE", "GROSS_EXPOSURE", "TURNOVER", "DAILY_LOSS"])
def test_new_when_a_limit_of_amounts_has_no_rate_is_refused(make_machine: Callable[..., Machine], rule: str, kind: str) -> None:
    if kind not in RULES[rule].scopes:
        return
    m = furnish(make_machine(WORLD), rate=0)
    m.new(1)
    assert accepted(m)
    limit(m, kind, rule, 2**60)
    m.new(2)
    assert m.deny() == "NO_RATE"


def test_new_when_its_amount_leaves_63_bits_is_refused(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "MAX_NOTIONAL", 2**62)
    m.new(1, px=2**40, qty=10**12)
    assert m.deny() == "OVERFLOW"


@pytest.mark.parametrize(("choice", "px", "passes"), [(1, 1101, False), (1, 1100, True), (2, 1211, False), (2, 1210, True), (3, 1321, False), (3, 1320, True)])
def test_collar_when_it_measures_from_last_mid_or_far_touch(make_machine: Callable[..., Machine], choice: int, px: int, passes: bool) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "COLLAR", 100_000)
    limit(m, "FIRM", "COLLAR_REFERENCE", choice)
    m.frame("MARK", m.record("Mark", bid=1000, ask=1200, last=1000, instrument=1))
    m.new(1, side=BUY, px=px, qty=1)
    assert accepted(m) == passes


def test_collar_when_there_is_no_mark_refuses(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "COLLAR", 100_000)
    m.new(1)
    assert m.deny() == "NO_REFERENCE"


def test_new_when_no_grant_covers_it_is_refused_and_counted_in_the_firm(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    part = ENUMS["PermissionPart"].by_name["STRATEGY"]
    m.control("SET_PERMISSION", body=m.record("PermissionChange", permission=1, part=part, value=1, grant=1, name="empty"))
    m.new(1)
    assert m.deny() == "NOT_PERMITTED"
    assert int(scope(m, "FIRM")["hits"][RULE["PERMISSION"]]) == 1


def at(m: Machine, ns: int) -> None:
    """The next frame has this engine time."""
    m.now = ns - 1000


@pytest.mark.parametrize("kind", RULES["NEW_RATE"].scopes)
@pytest.mark.parametrize("rule", ["NEW", "REPLACE", "MESSAGE"])
def test_rate_when_the_burst_is_spent_waits_for_one_interval(make_machine: Callable[..., Machine], rule: str, kind: str) -> None:
    for early in (0, 1):
        m = furnish(make_machine(WORLD))
        m.new(1, qty=100)
        limit(m, kind, f"{rule}_RATE", 1000)
        limit(m, kind, f"{rule}_BURST", 2)

        def ask(n: int, m: Machine = m) -> None:
            if rule == "REPLACE":
                m.replace(1, qty=100 + n)
            else:
                m.new(10 + n)

        begin = m.now + 10 * SECOND
        at(m, begin)
        ask(1)
        ask(2)
        assert accepted(m)
        ask(3)
        assert m.deny() == f"{rule}_RATE"
        at(m, begin + SECOND // 1000 - early)
        ask(4)
        assert accepted(m) != bool(early)
        where = "FIRM" if (rule, kind) == ("MESSAGE", "VENUE") else kind  # the choice of a route passes over a venue that is out of budget
        assert int(scope(m, where)["hits"][RULE[f"{rule}_RATE"]]) == 1 + early


def test_message_rate_when_a_reserve_is_kept_only_cancels_may_use_it(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "VENUE", "MESSAGE_RATE", 1)
    limit(m, "VENUE", "MESSAGE_BURST", 3)
    limit(m, "VENUE", "CANCEL_RESERVE", 1)
    m.new(1)
    m.new(2)
    assert accepted(m)
    m.new(3)
    assert m.deny() == "MESSAGE_RATE"
    for order in (1, 2):
        m.cancel(order)
        assert m.sent() == ["CANCEL"], "a cancel was refused"
    assert int(scope(m, "VENUE")["messages"]) == 4
    m.now += 3 * SECOND - 10_000
    m.new(4)
    assert m.deny() == "MESSAGE_RATE", "the cancel that went beyond the burst was not counted"


@pytest.mark.parametrize("kind", RULES["DUPLICATE_CONTENT"].scopes)
def test_duplicate_content_when_asked_again_within_its_time_is_refused(make_machine: Callable[..., Machine], kind: str) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, kind, "DUPLICATE_CONTENT", SECOND)
    m.new(1)
    begin = m.now
    m.new(2, qty=9999)
    assert accepted(m), "another quantity was taken for the same content"
    at(m, begin + SECOND - 1)
    m.new(3)
    assert m.deny() == "DUPLICATE_CONTENT"
    at(m, begin + SECOND)
    m.new(4)
    assert accepted(m)


@pytest.mark.parametrize("kind", RULES["REPEATED_EXECUTION"].scopes)
def test_repeated_execution_when_one_content_was_filled_too_often_disables_the_strategy(make_machine: Callable[..., Machine], kind: str) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, kind, "REPEATED_EXECUTION", 3)
    for n in (1, 2, 3):
        m.new(n, qty=10)
        assert accepted(m)
        m.fill(10, order=n, exec_id=f"E{n}")
    m.new(4, qty=11)
    assert accepted(m), "other content was refused"
    m.new(5, qty=10)
    assert m.deny() == "REPEATED_EXECUTION"
    m.new(6, qty=12)
    assert m.deny() == "STRATEGY_DISABLED"


@pytest.mark.parametrize(("action", "passes", "cancels"), [(REJECT, False, False), (CANCEL_RESTING, True, True), (CANCEL_BOTH, False, True)])
def test_self_match_when_another_strategy_rests_at_the_price_acts_as_told(
    make_machine: Callable[..., Machine], action: int, passes: bool, cancels: bool
) -> None:
    for side, other, crossing, harmless in ((BUY, SELL, 100, 99), (SELL, BUY, 100, 101)):
        m = furnish(make_machine(WORLD))
        limit(m, "FIRM", "SELF_MATCH", action)
        m.new(1, strategy=2, side=other, px=100, qty=10)
        m.new(1, side=side, px=harmless, qty=10)
        assert accepted(m)
        assert m.sent() == ["NEW"]
        m.new(2, side=side, px=crossing, qty=10)
        assert m.sent() == ["CANCEL"] * cancels + ["NEW"] * passes
        if not passes:
            assert DENY["SELF_MATCH"] in [int(e["reason"]) for e in m.events]
            assert int(scope(m, "FIRM")["hits"][RULE["SELF_MATCH"]]) == 1


def test_self_match_when_the_best_of_several_is_gone_measures_from_the_next(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "SELF_MATCH", REJECT)
    m.new(1, strategy=2, side=SELL, px=100, qty=10)
    m.new(2, strategy=2, side=SELL, px=110, qty=10)
    m.event("CANCELED", 1)
    m.new(1, side=BUY, px=109, qty=10)
    assert accepted(m)
    m.new(2, side=BUY, px=110, qty=10)
    assert m.deny() == "SELF_MATCH"


def test_limit_when_an_order_only_reduces_the_position_passes(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    held(m)
    for rule in ("CREDIT", "NET_EXPOSURE", "GROSS_EXPOSURE"):
        limit(m, "ACCOUNT", rule, 1)
    limit(m, "INSTRUMENT", "MAX_POSITION", 1)
    m.new(9, side=SELL, px=110, qty=5)
    assert accepted(m)
    m.new(10, side=BUY, px=110, qty=1)
    assert m.deny() == "CREDIT"


def test_daily_loss_when_it_was_passed_only_reducing_passes_until_the_next_day(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "STRATEGY", "DAILY_LOSS", amount(m, 1, 80))
    lost(m)
    m.mark(100, 100)
    m.new(8, side=BUY, px=100, qty=1)
    assert m.deny() == "LOSS", "a mark that came back opened the scope again"
    m.new(9, side=SELL, px=91, qty=10)
    assert accepted(m)
    m.mark(91, 91)
    m.control("ROLL_DAY", day=20260105)
    m.new(10, side=BUY, px=100, qty=1)
    assert accepted(m), "yesterday's loss counted today"


def test_daily_loss_when_the_limit_is_the_first_of_the_day_forgets_the_days_before(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    lost(m)
    m.control("ROLL_DAY", day=20260105)
    limit(m, "FIRM", "DAILY_LOSS", 1)
    m.new(9, side=BUY, px=91, qty=1)
    assert accepted(m), "a loss of yesterday counted today"


@pytest.mark.parametrize("first_qty", [10, 100])
def test_replace_when_it_asks_for_more_reserves_the_worst_of_both_until_answered(make_machine: Callable[..., Machine], first_qty: int) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "CREDIT", 2**59)
    m.new(1, side=BUY, px=100, qty=first_qty)
    m.event("ACK", 1)
    m.replace(1, qty=50, px=300)
    most = max(first_qty, 50)
    assert int(scope(m, "FIRM")["working_buy"]) == amount(m, 300, most)
    m.event("REPLACED", 1, 1, px=300, px_digits=2, qty=50)
    assert int(scope(m, "FIRM")["working_buy"]) == amount(m, 300, 50)


def test_replace_when_the_worst_of_both_is_beyond_the_limit_is_refused(make_machine: Callable[..., Machine]) -> None:
    for short_by in (0, 1):
        m = furnish(make_machine(WORLD))
        m.new(1, side=BUY, px=100, qty=100)
        m.event("ACK", 1)
        limit(m, "ACCOUNT", "CREDIT", amount(m, 300, 100) - short_by)
        m.replace(1, qty=50, px=300)
        assert (m.sent() == ["REPLACE"]) != bool(short_by), "the reservation until the answer went past the limit"


def test_replace_when_the_scope_is_beyond_its_limit_may_still_ask_for_less(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    m.new(1, side=BUY, px=100, qty=100)
    m.event("ACK", 1)
    for rule in ("CREDIT", "NET_EXPOSURE", "GROSS_EXPOSURE", "TURNOVER"):
        limit(m, "ACCOUNT", rule, 1)
    limit(m, "INSTRUMENT", "MAX_POSITION", 1)
    m.replace(1, qty=50, px=90)
    assert m.sent() == ["REPLACE"]


def test_replace_when_it_enlarges_a_market_order_counts_at_the_market_of_now(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "MAX_NOTIONAL", amount(m, 100, 200))
    m.mark(100, 100)
    m.new(1, side=BUY, ord_type=1, px=0, qty=100)
    m.event("ACK", 1)
    m.mark(10_000, 10_000)
    m.replace(1, qty=199)
    assert m.deny() == "MAX_NOTIONAL"


def test_margin_when_it_cannot_be_told_in_63_bits_is_refused(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "MARGIN_RATE", 10**9)
    m.mark(100, 100)
    m.new(1, side=BUY, px=100, qty=10**11)
    before = int(scope(m, "FIRM")["margin"])
    m.new(2, side=BUY, px=100, qty=10**12)
    assert before >= 0
    assert int(scope(m, "FIRM")["margin"]) >= before
    m.new(3, side=BUY, px=10**6, qty=10**12)
    assert m.deny() == "OVERFLOW"


def test_turnover_when_an_execution_is_assigned_from_suspense_counts_for_its_owner_and_once_for_the_firm(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "STRATEGY", "TURNOVER", amount(m, 100, 150))
    m.new(1, side=BUY, px=100, qty=100)
    m.event("ACK", 1)
    m.event("FILL", last_qty=100, last_px=100, exec_id="X1", venue_order_id="V9", symbol="EURUSD", side=BUY)
    before = int(scope(m, "FIRM")["turnover"])
    m.control("ASSIGN_EXECUTION", body=m.record("OrderAction", execution=1, order_id=1))
    assert m.state_of(1)[0] == "FILLED"
    assert int(scope(m, "STRATEGY")["turnover"]) == amount(m, 100, 100) == int(scope(m, "FIRM")["turnover"])
    assert before in (0, amount(m, 100, 100))
    m.new(2, side=BUY, px=100, qty=100)
    assert m.deny() == "TURNOVER"


@pytest.mark.parametrize(("rule", "most"), [("MAX_QTY", lambda m: 150), ("MAX_NOTIONAL", lambda m: amount(m, 100, 150))])
def test_replace_when_it_enlarges_an_order_that_traded_is_judged_with_what_has_traded(make_machine: Callable[..., Machine], rule: str, most: Any) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", rule, most(m))
    m.new(1, side=BUY, px=100, qty=100)
    m.event("ACK", 1)
    m.fill(90, px=100, order=1, cum_qty=90)
    m.replace(1, qty=151, px=100)
    assert m.deny() == rule
    m.replace(1, qty=150, px=100)
    assert accepted(m)
