"""Scopes and limits as people write them: ``account:main/EUR/USD``, ``1000000``, ``5s``, ``2.5%``, and back.

    text ──▶ (kind, a, b) of a Scope, integer of its rule's unit ──▶ text        used by configuration, commands, views and scenarios

Amounts have four decimals, quantities those of the scope's instrument (without one: of all instruments, which then must agree). Durations need a unit, shares
a percent sign: a bare number there is a mistake by a factor that nobody sees. What can fail: ``ValueError`` that says what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from ringfence.core.rules import RULES, Rule
from ringfence.gateways.decimals import text_to_scaled
from ringfence.ipc.schema import CONSTANTS, ENUMS

KIND = ENUMS["ScopeKind"].by_name
AMOUNT_DIGITS = CONSTANTS["AMOUNT_DIGITS"][0]
TABLES = {
    "broker": "brokers",
    "account": "accounts",
    "venue": "venues",
    "desk": "desks",
    "strategy": "strategies",
    "instrument": "instruments",
    "currency": "currencies",
}
SCOPE_ALLOWED = (
    "firm, broker:NAME, account:NAME, venue:NAME, desk:NAME, strategy:NAME, instrument:SYMBOL, currency:CODE, account:NAME/SYMBOL or strategy:NAME/SYMBOL"
)
CHOICES = {
    "SELF_MATCH": {"reject": "SELF_MATCH_REJECT", "cancel_resting": "SELF_MATCH_CANCEL_RESTING", "cancel_both": "SELF_MATCH_CANCEL_BOTH"},
    "COLLAR_REFERENCE": {"last": "COLLAR_LAST", "mid": "COLLAR_MID", "far": "COLLAR_FAR"},
}
_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "min": 60_000_000_000, "h": 3_600_000_000_000}
_TOP = (1 << 62) - 1

Names = Mapping[str, Mapping[str, int]]
"""Table (``accounts``) to name to row."""
Place = tuple[int, int, int]
"""ScopeKind and the rows of its object or pair."""


def parse_scope(text: str, names: Names) -> Place:
    """Return the scope that a text names.

    Raises
    ------
    ValueError
        If it is no scope, or names what there is not.
    """
    if text == "firm":
        return KIND["FIRM"], 0, 0
    word, colon, name = text.partition(":")
    if not colon or word not in TABLES:
        raise ValueError(f"{text!r} is no scope; write {SCOPE_ALLOWED}")
    if word in ("account", "strategy") and "/" in name:
        name, _, symbol = name.partition("/")
        return KIND[f"{word.upper()}_INSTRUMENT"], _row(names, word, name), _row(names, "instrument", symbol)
    return KIND[word.upper()], _row(names, word, name), 0


def _row(names: Names, word: str, name: str) -> int:
    known = names[TABLES[word]]
    if name not in known:
        raise ValueError(f"there is no {word} {name!r}; there are {', '.join(known) or 'none'}")
    return known[name]


def scope_text(kind: int, a: int, b: int, name_of: Mapping[str, Sequence[str | None]]) -> str:
    """The text of a scope; ``name_of`` has each table's names by row."""
    word = ENUMS["ScopeKind"].by_value.get(kind, "?").lower()
    if word == "firm":
        return "firm"
    first = word.removesuffix("_instrument") if word != "instrument" else word
    text = f"{first}:{_name(name_of, first, a)}"
    return f"{text}/{_name(name_of, 'instrument', b)}" if word.endswith("_instrument") else text


def _name(name_of: Mapping[str, Sequence[str | None]], word: str, row: int) -> str:
    rows = name_of.get(TABLES.get(word, ""), ())
    return (rows[row] if 0 <= row < len(rows) else None) or f"#{row}"


def find_rule(text: str, kind: int) -> Rule:
    """Return the rule of a name that may be set at a kind of scope.

    Raises
    ------
    ValueError
        If there is none, it has no limit of its own, or not there.
    """
    rule = RULES.get(text.upper())
    settable = [r.name for r in RULES.values() if r.scopes]
    if rule is None or not rule.scopes:
        raise ValueError(f"{text!r} is no rule that has a limit; there are {', '.join(settable)}")
    if ENUMS["ScopeKind"].by_value[kind] not in rule.scopes:
        raise ValueError(f"{rule.name} cannot be set there; it can at {', '.join(s.lower().replace('_', '/') for s in rule.scopes)}")
    return rule


def allowed_value(rule: Rule, digits: int = 0) -> str:
    """What a limit of the rule may be, for messages."""
    return {
        "qty": f'a quantity with at most {digits} decimals, such as "100"',
        "amount": f'an amount of the firm\'s currency with at most {AMOUNT_DIGITS} decimals, such as "1000000"',
        "ns": 'a duration with its unit (ns, us, ms, s, m, h), such as "5s"',
        "ppm": 'a share with a percent sign and at most 4 decimals, such as "2.5%"',
        "count": 'a whole number, such as "100"',
        "per_s": 'a whole number a second from 1 to 1000000000, such as "100" or "100/s"',
        "choice": "one of " + ", ".join(CHOICES.get(rule.name, {})),
    }[rule.unit]


def parse_value(rule: Rule, text: str, digits: int = 0) -> int:
    """Return a limit of a rule from text, in the rule's unit; ``none`` or 0 is no limit.

    Raises
    ------
    ValueError
        If it is not of the rule's unit.
    """
    text = text.strip()
    if text.lower() in ("none", "0"):
        return 0
    try:
        value = _parse(rule, text, digits)
    except (ValueError, KeyError):
        value = -1
    if not 0 < value <= _TOP:
        raise ValueError(f"{text!r} is no value of {rule.name}: {allowed_value(rule, digits)}")
    return value


def _parse(rule: Rule, text: str, digits: int) -> int:
    if rule.unit == "qty":
        return int(text_to_scaled(text, digits))
    if rule.unit == "amount":
        return int(text_to_scaled(text, AMOUNT_DIGITS))
    if rule.unit == "ns":
        return parse_duration(text)
    if rule.unit == "ppm":
        if not text.endswith("%"):
            raise ValueError(text)
        return int(text_to_scaled(text[:-1].strip(), 4))
    if rule.unit == "choice":
        return CONSTANTS[CHOICES[rule.name][text.lower()]][0]
    value = int(text.removesuffix("/s") if rule.unit == "per_s" else text)
    if rule.unit == "per_s" and value > 1_000_000_000:
        raise ValueError(text)
    return value


def parse_duration(text: str) -> int:
    """Nanoseconds of ``5s``, ``1.5h``, ``250ms``; a bare number is refused.

    Raises
    ------
    ValueError
        If it is no number with a unit, or finer than a nanosecond.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|min|h)", text.strip())
    if not match:
        raise ValueError(f'{text!r} is no duration; write a number with its unit (ns, us, ms, s, m, h), such as "5s"')
    exact = Fraction(match[1]) * _NS[match[2]]
    if exact.denominator != 1:
        raise ValueError(f"{text!r} is finer than a nanosecond")
    return int(exact)


def value_text(rule: Rule, value: int, digits: int = 0) -> str:
    """A limit or use of a rule as people write it; what ``parse_value`` reads."""
    if value == 0 and rule.unit in ("choice", ""):
        return "none"
    if rule.unit == "qty":
        return f"{Decimal(value).scaleb(-digits):f}"
    if rule.unit == "amount":
        exact = Decimal(value).scaleb(-AMOUNT_DIGITS)
        return f"{exact:f}" if value % 10**AMOUNT_DIGITS else f"{exact:.0f}"
    if rule.unit == "ppm":
        return f"{Decimal(value).scaleb(-4).normalize():f}%"
    if rule.unit == "ns":
        unit = next((u for u in ("h", "m", "s", "ms", "us") if value and value % _NS[u] == 0), "ns")
        return f"{value // _NS[unit]}{unit}"
    if rule.unit == "choice":
        return next((word for word, name in CHOICES[rule.name].items() if CONSTANTS[name][0] == value), str(value))
    return f"{value}/s" if rule.unit == "per_s" else str(value)
