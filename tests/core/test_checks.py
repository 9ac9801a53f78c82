"""Limits by scope: each at the limit and one step beyond, in every kind of scope, and what a refusal leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.core.rules import RULES
from ringfence.ipc.schema import CONSTANTS, ENUMS

BIT = {name: value for name, (value, _) in CONSTANTS.items()}
FUTURE = ENUMS["InstrumentKind"].by_name["FUTURE"]
SECOND = 1_000_000_000
DOLLAR = 10 ** BIT["AMOUNT_DIGITS"]
OBJECTS = {"FIRM": (0, 0), "BROKER": (1, 0), "ACCOUNT": (1, 0), "VENUE": (1, 0), "DESK": (1, 0), "STRATEGY": (1, 0), "INSTRUMENT": (1, 0)}
PAIRS = {"ACCOUNT_INSTRUMENT": (1, 1), "STRATEGY_INSTRUMENT": (1, 1)}
SCOPES = OBJECTS | PAIRS | {"CURRENCY": (1, 0)}  # the instrument is quoted in it, and has no base currency here


@pytest.fixture
def m(machine: Any) -> Any:
    """The usual machine with a broker, a desk, the firm's currency, and a mark of 99 to 101 (prices have two digits: 0.99 to 1.01)."""
    machine.currency()
    machine.control("DEFINE_BROKER", body=machine.record("Broker", id=1, name="pb", status=1))
    machine.control("DEFINE_DESK", body=machine.record("Desk", id=1, name="fx", status=1))
    machine.control("DEFINE_ACCOUNT", body=machine.record("Account", id=1, name="main", code="ACC1", broker=1, status=1))
    machine.control("DEFINE_STRATEGY", body=machine.record("Strategy", id=1, name="s1", desk_row=1, status=1))
    machine.mark(99, 101, last=100)
    return machine


def reason_of(m: Any) -> str:
    return ENUMS["DenyReason"].by_value[int(m.events[-1]["reason"])]


def each(rule: str) -> list[tuple[str, int, int]]:
    return [(kind, *SCOPES[kind]) for kind in RULES[rule].scopes]


def refused(m: Any, reason: str, rule: str, scope: tuple[str, int, int]) -> None:
    """The last intent was refused for this, and the scope that refused says so."""
    assert m.deny() == reason
    row = m.scope(*scope)
    number = ENUMS["RiskRule"].by_name[rule]
    assert (int(row["last_rule"]), int(row["hits"][number]), int(row["last_hit_ns"])) == (number, 1, int(m.status["engine_ns"]))


@pytest.mark.parametrize("scope", each("MAX_QTY"))
def test_max_qty(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("MAX_QTY", 500, *scope)
    m.new(1, qty=500)
    assert reason_of(m) == "NONE"
    m.new(2, qty=501)
    refused(m, "MAX_QTY", "MAX_QTY", scope)


@pytest.mark.parametrize("scope", each("MAX_NOTIONAL"))
def test_max_notional(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("MAX_NOTIONAL", 500 * DOLLAR, *scope)
    m.new(1, qty=500, px=100)
    assert reason_of(m) == "NONE"
    m.new(2, qty=500, px=101)
    refused(m, "MAX_NOTIONAL", "MAX_NOTIONAL", scope)
    m.new(3, qty=495, px=0, ord_type=1)  # a market order at the far touch: 1.01
    assert reason_of(m) == "NONE"
    m.new(4, qty=496, px=0, ord_type=1)
    assert m.deny() == "MAX_NOTIONAL"


def test_amounts_when_there_is_no_rate_or_no_reference_are_refused_not_guessed(m: Any) -> None:
    m.limit("MAX_NOTIONAL", 10**9 * DOLLAR)
    terms = {"symbol": "USDJPY", "base": "USD", "quote": "JPY", "tick": 1, "lot": 1, "qty_max": 10**9, "multiplier": 1, "status": 1}
    m.control("DEFINE_INSTRUMENT", body=m.record("Instrument", id=2, **terms))
    m.new(1, instrument=2, qty=1)
    refused(m, "NO_RATE", "MAX_NOTIONAL", ("FIRM", 0, 0))
    m.currency("JPY", 2, 6_700_000)
    m.new(2, instrument=2, qty=1)
    assert reason_of(m) == "NONE"
    m.new(3, instrument=2, qty=1, px=0, ord_type=1)
    assert m.deny() == "NO_REFERENCE"


@pytest.mark.parametrize("scope", each("COLLAR"))
def test_collar(m: Any, scope: tuple[str, int, int]) -> None:
    m.mark(9_990, 10_010, last=10_050)
    m.limit("COLLAR", 20_000, *scope)  # 2 % of the middle, 100.00
    m.new(1, px=10_200, qty=1)
    assert reason_of(m) == "NONE"
    m.new(2, px=10_201, qty=1)
    refused(m, "COLLAR", "COLLAR", scope)
    m.new(3, side=2, px=9_800, qty=1)
    assert reason_of(m) == "NONE"
    m.new(4, side=2, px=9_799, qty=1)
    assert m.deny() == "COLLAR"
    m.new(5, px=1, qty=1)
    assert reason_of(m) == "NONE", "a buy far below the market does no harm"


@pytest.mark.parametrize(("choice", "reference"), [("COLLAR_LAST", 10_050), ("COLLAR_MID", 10_000), ("COLLAR_FAR", 10_010)])
def test_collar_when_it_measures_from_another_price(m: Any, choice: str, reference: int) -> None:
    m.mark(9_990, 10_010, last=10_050)
    m.limit("COLLAR", 10_000)
    m.limit("COLLAR_REFERENCE", BIT[choice])
    m.new(1, px=reference + reference // 100, qty=1)
    assert reason_of(m) == "NONE"
    m.new(2, px=reference + reference // 100 + 1, qty=1)
    assert m.deny() == "COLLAR"


@pytest.mark.parametrize("scope", each("REFERENCE_AGE"))
def test_reference_age(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("REFERENCE_AGE", SECOND, *scope)
    m.mark(99, 101)
    m.now += SECOND - 1000
    m.new(1)
    assert reason_of(m) == "NONE"
    m.new(2)
    refused(m, "NO_REFERENCE", "REFERENCE_AGE", scope)


@pytest.mark.parametrize("scope", each("CREDIT"))
def test_credit(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("CREDIT", 1000 * DOLLAR, *scope)
    m.new(1, qty=600)
    m.fill(600)
    m.new(2, qty=400)
    assert reason_of(m) == "NONE"
    m.new(3, qty=1)
    refused(m, "CREDIT", "CREDIT", scope)
    m.new(4, side=2, qty=5000)
    assert reason_of(m) == "NONE"


@pytest.mark.parametrize("scope", each("MARGIN"))
def test_margin(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("MARGIN", 100 * DOLLAR, *scope)
    m.limit("MARGIN_RATE", 100_000)  # 10 %
    m.new(1, qty=1000)
    assert reason_of(m) == "NONE"
    m.new(2, qty=1)
    refused(m, "MARGIN", "MARGIN", scope)


@pytest.mark.parametrize("scope", each("MAX_POSITION"))
def test_max_position(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("MAX_POSITION", 1000, *scope)
    m.new(1, qty=700)
    m.fill(700)
    m.new(2, qty=300)
    assert reason_of(m) == "NONE"
    m.new(3, qty=1)
    refused(m, "MAX_POSITION", "MAX_POSITION", scope)
    m.new(4, side=2, qty=1700)
    assert reason_of(m) == "NONE"
    m.new(5, side=2, qty=1)
    assert m.deny() == "MAX_POSITION"


@pytest.mark.parametrize("scope", [s for s in each("NET_EXPOSURE") if s[0] != "VENUE"])
def test_net_exposure(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("NET_EXPOSURE", 1000 * DOLLAR, *scope)
    m.new(1, qty=700)
    m.fill(700)
    m.new(2, qty=300)
    assert reason_of(m) == "NONE"
    m.new(3, qty=1)
    refused(m, "NET_EXPOSURE", "NET_EXPOSURE", scope)
    m.new(4, side=2, qty=700)
    assert reason_of(m) == "NONE", "an exit is always possible"


@pytest.mark.parametrize("scope", each("GROSS_EXPOSURE"))
def test_gross_exposure(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("GROSS_EXPOSURE", 1000 * DOLLAR, *scope)
    m.new(1, qty=700)
    m.new(2, side=2, qty=300)
    assert reason_of(m) == "NONE"
    m.new(3, side=2, qty=1)
    refused(m, "GROSS_EXPOSURE", "GROSS_EXPOSURE", scope)


@pytest.mark.parametrize("scope", each("OPEN_ORDERS"))
def test_open_orders(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("OPEN_ORDERS", 2, *scope)
    m.new(1)
    m.new(2)
    assert reason_of(m) == "NONE"
    m.new(3)
    refused(m, "OPEN_ORDERS", "OPEN_ORDERS", scope)
    m.event("ACK", 1)
    m.replace(1, qty=5)
    assert m.sent() == ["REPLACE"], "a replace makes no more of them"
    m.event("REJECTED", 2)
    m.new(4)
    assert reason_of(m) == "NONE"


@pytest.mark.parametrize("scope", [s for s in each("TURNOVER") if s[0] != "VENUE"])
def test_turnover(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("TURNOVER", 1000 * DOLLAR, *scope)
    m.new(1, qty=600)
    m.fill(600)
    m.new(2, side=2, qty=400)
    assert reason_of(m) == "NONE"
    m.new(3, qty=1)
    refused(m, "TURNOVER", "TURNOVER", scope)
    m.event("REJECTED", 2)
    m.control("ROLL_DAY", day=20260105)
    m.new(4, qty=1000)
    assert reason_of(m) == "NONE"


@pytest.mark.parametrize("scope", [s for s in each("DAILY_LOSS") if s[0] != "VENUE"])
def test_daily_loss(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("DAILY_LOSS", 100 * DOLLAR, *scope)
    m.new(1, qty=1000)
    m.fill(1000)
    m.mark(89, 91)  # 1,000 bought at 1.00 are worth 0.90: lost 100.00
    m.new(2, qty=1)
    assert reason_of(m) == "NONE"
    m.mark(88, 90)
    assert int(m.scope(*scope)["state"]) == ENUMS["ScopeState"].by_name["REDUCING"]
    m.new(3, qty=1)
    assert m.deny() == "LOSS"
    m.new(4, side=2, qty=1000)
    assert reason_of(m) == "NONE", "what only reduces passes"
    m.mark(199, 201)
    m.new(5, qty=1)
    assert m.deny() == "LOSS", "it stays so until the next day, or an operator"
    m.control("ROLL_DAY", day=20260105)
    m.new(6, qty=1)
    assert reason_of(m) == "NONE"


@pytest.mark.parametrize("scope", each("NEW_RATE"))
def test_new_rate(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("NEW_RATE", 10, *scope)
    m.limit("NEW_BURST", 3, *scope)
    for k in range(3):
        m.new(k + 1)
        assert reason_of(m) == "NONE"
    m.new(4)
    refused(m, "NEW_RATE", "NEW_RATE", scope)
    m.now += SECOND // 10
    m.new(5)
    assert reason_of(m) == "NONE"
    m.new(6)
    assert m.deny() == "NEW_RATE"


@pytest.mark.parametrize("scope", each("REPLACE_RATE"))
def test_replace_rate(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("REPLACE_RATE", 1, *scope)
    m.new(1)
    m.event("ACK", 1)
    m.replace(1, qty=9000)
    assert m.sent() == ["REPLACE"]
    m.replace(1, qty=8000)
    refused(m, "REPLACE_RATE", "REPLACE_RATE", scope)


@pytest.mark.parametrize("scope", each("MESSAGE_RATE"))
def test_message_rate(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("MESSAGE_RATE", 1, *scope)
    m.limit("MESSAGE_BURST", 4, *scope)
    m.limit("CANCEL_RESERVE", 2, *scope)
    m.new(1)
    m.new(2)
    assert reason_of(m) == "NONE"
    m.new(3)
    if scope[0] == "VENUE":
        assert m.deny() == "MESSAGE_RATE"  # its route cannot take it: counted as the firm's refusal
    else:
        refused(m, "MESSAGE_RATE", "MESSAGE_RATE", scope)
    for k in (1, 2):
        m.cancel(k)
        assert m.sent() == ["CANCEL"], "a cancel is counted, never refused"
    m.now += 2 * SECOND
    m.new(4)
    assert m.deny() == "MESSAGE_RATE", "what cancels used is gone"
    m.now += SECOND
    m.new(5)
    assert reason_of(m) == "NONE"


@pytest.mark.parametrize("scope", each("DUPLICATE_CONTENT"))
def test_duplicate_content(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("DUPLICATE_CONTENT", SECOND, *scope)
    m.new(1)
    m.new(2, qty=9)
    assert reason_of(m) == "NONE"
    m.now += SECOND - 10_000
    m.new(3)
    refused(m, "DUPLICATE_CONTENT", "DUPLICATE_CONTENT", scope)
    m.now += 10_000
    m.new(4)
    assert reason_of(m) == "NONE"


@pytest.mark.parametrize("scope", each("REPEATED_EXECUTION"))
def test_repeated_execution(m: Any, scope: tuple[str, int, int]) -> None:
    m.limit("REPEATED_EXECUTION", 2, *scope)
    for k in (1, 2):
        m.new(k, qty=5)
        m.fill(5, order=k, exec_id=f"E{k}")
    m.new(3, qty=5)
    refused(m, "REPEATED_EXECUTION", "REPEATED_EXECUTION", scope)
    m.new(4, qty=6)
    assert m.deny() == "STRATEGY_DISABLED"
    m.control("SET_STRATEGY", strategy=1, status=ENUMS["StrategyStatus"].by_name["ENABLED"])
    m.new(5, qty=5)
    assert reason_of(m) == "NONE"


def test_repeated_execution_when_another_content_comes_between_counts_anew(m: Any) -> None:
    m.limit("REPEATED_EXECUTION", 2)
    for k, qty in enumerate((5, 6, 5, 6, 5), 1):
        m.new(k, qty=qty)
        assert reason_of(m) == "NONE"
        m.fill(qty, order=k, exec_id=f"E{k}")


@pytest.mark.parametrize(
    ("action", "sent", "reason"),
    [
        ("SELF_MATCH_REJECT", [], "SELF_MATCH"),
        ("SELF_MATCH_CANCEL_RESTING", ["CANCEL", "NEW"], "NONE"),
        ("SELF_MATCH_CANCEL_BOTH", ["CANCEL"], "SELF_MATCH"),
    ],
)
def test_self_match(m: Any, action: str, sent: list[str], reason: str) -> None:
    m.limit("SELF_MATCH", BIT[action])
    m.new(1, side=2, px=105, strategy=2)
    m.event("ACK", 1)
    m.new(2, px=104)
    assert m.sent() == ["NEW"]
    m.new(3, px=105)
    refused_it = reason != "NONE"
    mine = [e for e in m.events if int(e["client_id"]) == 3]
    assert (m.sent(), ENUMS["DenyReason"].by_value[int(mine[-1]["reason"])]) == (sent, reason)
    assert int(m.status["order_count"]) == (2 if refused_it else 3)
    assert int(m.scope()["hits"][ENUMS["RiskRule"].by_name["SELF_MATCH"]]) == refused_it


def test_self_match_when_the_resting_order_has_gone_or_moved_away_lets_pass(m: Any) -> None:
    m.limit("SELF_MATCH", BIT["SELF_MATCH_REJECT"])
    m.new(1, side=2, px=105)
    m.event("ACK", 1)
    m.replace(1, qty=10000, px=110)
    m.new(2, px=107)
    assert m.deny() == "SELF_MATCH", "the old price rests until the venue says otherwise"
    m.event("REPLACED", 1, 1, px=110, qty=10000, ord_status="NEW")
    m.new(3, px=109)
    assert reason_of(m) == "NONE"
    m.new(4, px=110)
    assert m.deny() == "SELF_MATCH"
    m.event("CANCELED", 1, 1)
    m.new(5, px=110)
    assert reason_of(m) == "NONE"


def test_short_sale_when_located_passes_up_to_it(m: Any) -> None:
    m.instrument(locate_required=1)
    m.new(1, side=5, qty=1)
    assert m.deny() == "NO_LOCATE"
    body = m.record("LimitChange", rule=ENUMS["RiskRule"].by_name["SHORT_SALE"], value=100, kind=ENUMS["ScopeKind"].by_name["ACCOUNT_INSTRUMENT"], a=1, b=1)
    m.control("SET_LOCATE", body=body)
    m.new(2, side=5, qty=60)
    m.fill(60, side=5)
    m.new(3, side=5, qty=40)
    assert reason_of(m) == "NONE"
    m.new(4, side=5, qty=1)
    refused(m, "NO_LOCATE", "SHORT_SALE", ("ACCOUNT_INSTRUMENT", 1, 1))
    m.new(5, side=2, qty=1)
    assert reason_of(m) == "NONE"


@pytest.mark.parametrize(
    ("instrument", "intent", "reason", "rule"),
    [
        ({"restricted": 1}, {}, "RESTRICTED", "RESTRICTED_LIST"),
        ({"last_day": 20260102, "kind": FUTURE}, {}, "NONE", ""),
        ({"last_day": 20260101, "kind": FUTURE}, {}, "EXPIRED_DATE", "GTD_DATE"),
        ({}, {"time_in_force": 7, "expire_ns": 1_001 * SECOND}, "NONE", ""),
        ({}, {"time_in_force": 7, "expire_ns": 1_000 * SECOND}, "EXPIRED_DATE", "GTD_DATE"),
        ({"band_px": [1000, 0, 0], "band_tick": [5, 0, 0]}, {"px": 999}, "NONE", ""),
        ({"band_px": [1000, 0, 0], "band_tick": [5, 0, 0]}, {"px": 1005}, "NONE", ""),
        ({"band_px": [1000, 0, 0], "band_tick": [5, 0, 0]}, {"px": 1001}, "BAD_PRICE", "TICK"),
        ({}, {"instructions": BIT["INSTRUCTION_REDUCE_ONLY"]}, "REDUCE_ONLY", "KILL_SWITCH"),
    ],
)
def test_order_rules(m: Any, instrument: dict[str, Any], intent: dict[str, int], reason: str, rule: str) -> None:
    m.instrument(**instrument)
    m.new(1, qty=1, **intent)
    assert reason_of(m) == reason
    if rule:
        assert int(m.scope()["hits"][ENUMS["RiskRule"].by_name[rule]]) == 1


def test_reduce_only_when_it_shrinks_the_position_passes_and_its_replace_too(m: Any) -> None:
    m.new(1, qty=10)
    m.fill(10)
    only = BIT["INSTRUCTION_REDUCE_ONLY"]
    m.new(2, side=2, qty=10, instructions=only)
    assert reason_of(m) == "NONE"
    m.event("ACK", 2)
    m.replace(2, qty=11)
    assert m.deny() == "REDUCE_ONLY"
    m.replace(2, qty=9)
    assert m.sent() == ["REPLACE"]


def test_replace_when_it_asks_for_more_is_held_against_the_limits_by_what_it_adds(m: Any) -> None:
    m.limit("MAX_POSITION", 1000, "STRATEGY_INSTRUMENT", 1, 1)
    m.new(1, qty=800)
    m.event("ACK", 1)
    m.replace(1, qty=1000)
    assert m.sent() == ["REPLACE"]
    m.replace(1, qty=1001)
    assert m.deny() == "MAX_POSITION"
    m.event("REPLACED", 1, 1, qty=1000, ord_status="NEW")
    m.replace(1, qty=1)
    assert m.sent() == ["REPLACE"]


@pytest.mark.parametrize(
    ("terms", "change", "reason"),
    [
        ({}, lambda m: m.instrument(last_day=20260102, kind=FUTURE), "NONE"),
        ({}, lambda m: m.instrument(last_day=20260101, kind=FUTURE), "EXPIRED_DATE"),
        ({"time_in_force": 7, "expire_ns": 1_060 * SECOND}, lambda m: m.timer(59), "NONE"),
        ({"time_in_force": 7, "expire_ns": 1_060 * SECOND}, lambda m: m.timer(60), "EXPIRED_DATE"),
        ({}, lambda m: m.control("DEFINE_VENUE", body=m.record("Venue", id=1, name="sim", status=1, durability=1, ord_types=1 << 1)), "NOT_SUPPORTED"),
    ],
    ids=["last day", "after it", "before its time is over", "after that", "a type that the venue has no more"],
)
def test_replace_when_its_order_could_not_be_sent_any_more_is_refused_and_a_cancel_passes(m: Any, terms: dict[str, int], change: Any, reason: str) -> None:
    m.new(1, **terms)
    m.event("ACK", 1)
    change(m)
    m.replace(1, qty=20000)
    if reason == "NONE":
        assert m.sent() == ["REPLACE"]
    else:
        assert m.deny() == reason
    m.cancel(1)
    assert m.sent() == ["CANCEL"]


def test_order_when_accepted_names_the_checks_that_it_passed(m: Any) -> None:
    m.limit("MAX_QTY", 10**6)
    m.limit("COLLAR", 10**6, "STRATEGY", 1)
    m.new(1)
    passed = {name for name, number in ENUMS["RiskRule"].by_name.items() if int(m.order()["checks"]) >> number & 1}
    assert {"MAX_QTY", "COLLAR", "KILL_SWITCH", "PERMISSION", "TICK", "SESSION_STATE"} <= passed
    assert not {"MARGIN", "NEW_RATE", "NEW_BURST"} & passed


@pytest.mark.parametrize(("kind", "a", "b"), [("FIRM", 1, 0), ("ACCOUNT", 9, 0), ("ACCOUNT", 1, 1), ("ACCOUNT_INSTRUMENT", 1, 9), ("STRATEGY", 0, 0)])
def test_set_limit_when_the_scope_cannot_be_changes_nothing(m: Any, kind: str, a: int, b: int) -> None:
    before = m.table("scopes").tobytes()
    m.limit("MAX_QTY", 5, kind, a, b)
    assert (m.breaks()[-1:], m.table("scopes").tobytes()) == (["BAD_CONTROL"], before)


def test_set_limit_when_the_rule_has_no_such_scope_or_the_value_is_negative_is_refused(m: Any) -> None:
    m.limit("MAX_POSITION", 5, "ACCOUNT", 1)
    m.limit("TICK", 5)
    m.limit("MAX_QTY", -1)
    assert m.breaks() == ["BAD_CONTROL"] * 3


def test_pairs_when_the_scope_table_is_full_are_denied(make_machine: Any) -> None:
    from ringfence.core.state import Limits

    m = make_machine(Limits(orders=64, executions=256, positions=16, breaks=64, instruments=4, accounts=4, venues=2, strategies=4, routes=4, scopes=6))
    m.limit("MAX_QTY", 10**9)
    m.new(1)
    assert m.deny() == "SCOPES_FULL"
    assert int(m.status["order_count"]) == 0
