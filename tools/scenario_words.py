"""The words of a scenario: figures, names, times and FIX bodies, each with the check that reads it.

A check takes a JSON value and returns ours, or raises ``Wrong`` with what is allowed; ``keys`` does so for an object. What is read here knows no line
numbers: ``scenario_file`` adds them. Rejected: binary floats (figures are text or ``Decimal``), a JSON schema library (its messages name no line).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ringfence.ipc.schema import ENUMS
from ringfence.tools.errors import UsageError

Value = Any
Check = Callable[[Value], Value]
DIGITS_MAX = 18
REFERENCE = re.compile(r"@(?:(?P<strategy>[^:@.]+):)?(?P<client>\d+)(?:\.(?P<link>\d+))?")


class BadScenario(UsageError):
    """A scenario file that cannot be run; names file, line and what is allowed."""

    def __init__(self, path: str, line: int, problem: str) -> None:
        self.path, self.line, self.problem = path, line, problem
        super().__init__(f"{path}:{line}: {problem}")


class Wrong(ValueError):
    """A value or key that is not allowed; the reader adds file and line."""


class NoSuchName(Wrong):
    """A strategy, account, instrument or venue that the configuration does not have."""


@dataclass(frozen=True)
class Step:
    """One line that does or expects something."""

    line: int
    kind: str
    value: Value
    at: str = ""  # name of the venue; "" for the first
    lost: int = 0  # session down: how many of our last messages never arrived


@dataclass
class Scenario:
    """A file as read: ``config`` as it stands in its first line (``{}`` when there is none)."""

    path: str
    config: dict[str, Value] = field(default_factory=dict)
    config_line: int = 0
    steps: list[Step] = field(default_factory=list)


# ---- values ------------------------------------------------------------------------------------------------------------


def number(value: Value) -> Decimal:
    """Return a figure: JSON text or number; never through a binary float."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise Wrong(f'{value!r} is no figure; write "1.25" or 1.25')
    try:
        out = Decimal(value)
    except ArithmeticError:
        raise Wrong(f'{value!r} is no figure; write "1.25" or 1.25') from None
    if not out.is_finite() or abs(out) >= 10**18 or (out and out.adjusted() < -DIGITS_MAX):
        raise Wrong(f"{value!r} is out of range: 18 figures before and 18 behind the point")
    return out


def integer(value: Value) -> int:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise Wrong(f"{value!r} is no whole number from 0 to 2^64 - 1")
    return value


def text(value: Value) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise Wrong(f"{value!r} is no printable ASCII text")
    return value


def boolean(value: Value) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"{value!r} is neither true nor false")
    return value


def plain(name: str) -> str:
    """A name without case, spaces and underscores: PartiallyFilled, PARTIALLY_FILLED and partially filled are one."""
    return name.replace("_", "").replace(" ", "").lower()


def one_of(names: dict[str, Value], what: str) -> Check:
    """A check for one of ``names`` (their keys, any case), giving its value."""
    index = {plain(n): v for n, v in names.items()}

    def check(value: Value) -> Value:
        if not isinstance(value, str) or plain(value) not in index:
            raise Wrong(f"{what} {value!r} is not one of {', '.join(names)}")
        return index[plain(value)]

    return check


def timestamp(value: Value) -> int:
    """Nanoseconds of a FIX UTCTimestamp or an ISO 8601 time."""
    try:
        moment = datetime.fromisoformat(f"{text(value)[:8]}T{value[9:]}" if value[8:9] == "-" else value)
    except ValueError:
        raise Wrong(f"{value!r} is no time; write 20260102-21:00:00 or 2026-01-02T21:00:00Z") from None
    span = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (span.days * 86_400 + span.seconds) * 1_000_000_000 + span.microseconds * 1000


def keys(value: Value, allowed: dict[str, Check], where: str) -> dict[str, Value]:
    """Return ``value``'s checked members; an unknown key is an error that names those there are. ``comment`` may stand anywhere."""
    if not isinstance(value, dict):
        raise Wrong(f"{where} must be an object, was {value!r}")
    out = {}
    for key, member in value.items():
        if key == "comment":
            continue
        if key not in allowed:
            raise Wrong(f"unknown key {key!r} in {where}; allowed: {', '.join(sorted(allowed))}")
        try:
            out[key] = allowed[key](member)
        except Wrong as e:
            raise Wrong(f"{where}.{key}: {e}") from None
    return out


# ---- names -------------------------------------------------------------------------------------------------------------

SIDES = {"buy": "BUY", "sell": "SELL", "sell_short": "SELL_SHORT", "short": "SELL_SHORT"}
TYPES = {n.lower(): n for n in ENUMS["OrdType"].by_name}
TIFS = {n.lower(): n for n in ENUMS["TimeInForce"].by_name}
OPS = {n.lower(): n for n in ENUMS["IntentKind"].by_name}
TERMINAL = {n.lower(): n for n in ("CANCELED", "REJECTED", "EXPIRED", "DONE_FOR_DAY", "FILLED", "NEW")}
OBSERVATIONS = {n.lower(): n for n in ENUMS["ObservationKind"].by_name}
STRATEGY_STATUS = {n.lower(): n for n in ENUMS["StrategyStatus"].by_name}


def check_body(value: Value) -> list[tuple[int, str]]:
    """Split ``35=8|150=0|...`` (or with SOH) into tags and values, in order."""
    if not isinstance(value, str):
        raise Wrong(f"a FIX body is text such as 35=8|150=0, was {value!r}")
    out = []
    for part in value.replace("\x01", "|").split("|"):
        if not part:
            continue
        tag, equals, content = part.partition("=")
        if not tag.isdecimal() or not equals or int(tag) == 0 or len(tag) > 9:
            raise Wrong(f"{part!r} is no FIX field; write tag=value, separated by |")
        if not content.isascii():
            raise Wrong(f"{part!r} is not ASCII")
        out.append((int(tag), content))
    if not out:
        raise Wrong("the FIX body is empty")
    return out
