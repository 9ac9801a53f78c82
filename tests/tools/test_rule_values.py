"""Scopes and limits in words: what is read is what is shown, and what is not said clearly is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.core.rules import RULES, Rule
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.rule_values import CHOICES, KIND, find_rule, parse_duration, parse_scope, parse_value, scope_text, value_text

NAMES = {
    "brokers": {"prime": 1},
    "accounts": {"main": 1, "hedge": 2},
    "venues": {"ecn": 1},
    "desks": {"fx": 1},
    "strategies": {"mm1": 1},
    "instruments": {"EUR/USD": 1, "BTC": 2},
}
BY_ROW = {table: [None, *rows] for table, rows in NAMES.items()}
LIMITED = [r for r in RULES.values() if r.scopes]


@pytest.mark.parametrize(
    ("text", "kind", "a", "b"),
    [
        ("firm", "FIRM", 0, 0),
        ("broker:prime", "BROKER", 1, 0),
        ("account:hedge", "ACCOUNT", 2, 0),
        ("venue:ecn", "VENUE", 1, 0),
        ("desk:fx", "DESK", 1, 0),
        ("strategy:mm1", "STRATEGY", 1, 0),
        ("instrument:EUR/USD", "INSTRUMENT", 1, 0),
        ("account:hedge/EUR/USD", "ACCOUNT_INSTRUMENT", 2, 1),
        ("strategy:mm1/BTC", "STRATEGY_INSTRUMENT", 1, 2),
    ],
)
def test_scope_when_read_is_what_is_shown(text: str, kind: str, a: int, b: int) -> None:
    assert parse_scope(text, NAMES) == (KIND[kind], a, b)
    assert scope_text(KIND[kind], a, b, BY_ROW) == text


@pytest.mark.parametrize("text", ["", "house", "firm:x", "account", "account:", "account:nobody", "account:main/GBP", "venue:ecn/BTC", "strategy:mm1/"])
def test_scope_when_it_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no scope|there is no"):
        parse_scope(text, NAMES)


@given(st.sampled_from(LIMITED), st.integers(1, 10**15), st.integers(0, 8))
def test_value_when_shown_is_read_as_the_same(rule: Rule, value: int, digits: int) -> None:
    if rule.unit == "choice":
        value = value % 3 + 1
    elif rule.unit == "per_s":
        value = value % 10**9 + 1
    assert parse_value(rule, value_text(rule, value, digits), digits) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MAX_NOTIONAL", "1e6"),
        ("MAX_NOTIONAL", "-5"),
        ("MAX_NOTIONAL", "1.00001"),
        ("MAX_NOTIONAL", "99999999999999999999"),
        ("REFERENCE_AGE", "5"),
        ("REFERENCE_AGE", "5 days"),
        ("REFERENCE_AGE", "0.1ns"),
        ("COLLAR", "2.5"),
        ("COLLAR", "2.50001%"),
        ("OPEN_ORDERS", "1.5"),
        ("NEW_RATE", "2000000000"),
        ("SELF_MATCH", "maybe"),
        ("MAX_QTY", "1.5"),
    ],
)
def test_value_when_it_is_not_of_the_rules_unit_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"is no value of {name}"):
        parse_value(RULES[name], text)


@pytest.mark.parametrize("rule", LIMITED, ids=lambda r: r.name)
def test_value_when_none_lifts_the_limit(rule: Rule) -> None:
    assert parse_value(rule, "none") == parse_value(rule, "0") == 0


def test_rule_when_it_may_not_be_set_at_a_scope_says_where_it_can() -> None:
    assert find_rule("max_position", KIND["INSTRUMENT"]).name == "MAX_POSITION"
    with pytest.raises(ValueError, match=r"MAX_POSITION cannot be set there; it can at instrument, account/instrument, strategy/instrument"):
        find_rule("MAX_POSITION", KIND["FIRM"])
    with pytest.raises(ValueError, match=r"is no rule that has a limit; there are SHORT_SALE"):
        find_rule("TICK", KIND["FIRM"])


def test_choices_when_listed_are_those_of_the_schema() -> None:
    for rule in RULES.values():
        assert (rule.unit == "choice") == (rule.name in CHOICES)
    assert {CONSTANTS[n][0] for n in CHOICES["SELF_MATCH"].values()} == {1, 2, 3}
    assert set(KIND) == set(ENUMS["ScopeKind"].by_name)


@pytest.mark.parametrize(("text", "ns"), [("5s", 5 * 10**9), ("1.5h", 5_400 * 10**9), ("250ms", 250_000_000), ("2 min", 120 * 10**9), ("7ns", 7)])
def test_duration_when_it_has_a_unit_is_exact(text: str, ns: int) -> None:
    assert parse_duration(text) == ns
