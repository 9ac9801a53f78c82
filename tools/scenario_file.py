"""Scenario files: one JSON object a line, checked whole before anything runs.

    bytes ──JSON──▶ lines ──keys and values──▶ Step (line number, kind, value) ──▶ Scenario

Everything that can be known without running is checked here: JSON, unknown and repeated keys, the type of every value, names of statuses, breaks,
operations and types. What fails raises ``BadScenario`` with file, line and what is allowed. Expectations are described by ``scenario_expect``,
the first line by ``scenario_config``; docs/scenarios.md is the language's page.
Rejected: binary floats (figures are text or ``Decimal``), a JSON schema library (its messages name no line).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ringfence.ipc.schema import ENUMS
from ringfence.tools.errors import UsageError

Value = Any
Check = Callable[[Value], Value]
SUFFIX = ".ndjson"
KINDS = ("config", "intent", "venue", "session", "clock_ms", "operator", "observe", "expect")
DIGITS_MAX = 18
REFERENCE = re.compile(r"@(?:(?P<strategy>[^:@.]+):)?(?P<client>\d+)(?:\.(?P<link>\d+))?")


class BadScenario(UsageError):
    """A scenario file that cannot be run; names file, line and what is allowed."""

    def __init__(self, path: str, line: int, problem: str) -> None:
        self.path, self.line, self.problem = path, line, problem
        super().__init__(f"{path}:{line}: {problem}")


class Wrong(ValueError):
    """A value or key that is not allowed; the reader adds file and line."""


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


# ---- lines -------------------------------------------------------------------------------------------------------------

SIDES = {"buy": "BUY", "sell": "SELL", "sell_short": "SELL_SHORT", "short": "SELL_SHORT"}
TYPES = {n.lower(): n for n in ENUMS["OrdType"].by_name}
TIFS = {n.lower(): n for n in ENUMS["TimeInForce"].by_name}
OPS = {n.lower(): n for n in ENUMS["IntentKind"].by_name}
TERMINAL = {n.lower(): n for n in ("CANCELED", "REJECTED", "EXPIRED", "DONE_FOR_DAY", "FILLED", "NEW")}
OBSERVATIONS = {n.lower(): n for n in ENUMS["ObservationKind"].by_name}
STRATEGY_STATUS = {n.lower(): n for n in ENUMS["StrategyStatus"].by_name}
INTENT: dict[str, Check] = {
    "client_id": integer,
    "target": integer,
    "op": one_of(OPS, "op"),
    "side": one_of(SIDES, "side"),
    "qty": number,
    "price": number,
    "stop_price": number,
    "display_qty": number,
    "type": one_of(TYPES, "type"),
    "tif": one_of(TIFS, "tif"),
    "expire": timestamp,
    "post_only": boolean,
    "age_ms": integer,
    "instrument": text,
    "symbol": text,
    "account": text,
    "strategy": text,
    "route": text,
}
OPERATOR: dict[str, Check] = {
    "mass_cancel": boolean,
    "instrument": text,
    "dont_know": text,
    "reason": text,
    "resolve": integer,
    "status": text,
    "assign": text,
    "order": integer,
    "strategy": text,
    "client_strategy": text,
}
OBSERVE: dict[str, Check] = {"kind": one_of(OBSERVATIONS, "kind"), "strategy": text}


def check_intent(value: Value) -> Value:
    out = keys(value, INTENT, "intent")
    if "op" not in out:
        raise Wrong(f"intent needs op: {', '.join(OPS)}")
    if out["op"] == "NEW":
        for key in ("client_id", "side", "qty"):
            if key not in out:
                raise Wrong(f"intent with op new needs {key}")
        if "target" in out:
            raise Wrong("intent with op new has no target; it is a new order")
    elif out["op"] in ("CANCEL", "REPLACE") and "target" not in out:
        if "client_id" not in out:
            raise Wrong(f"intent with op {out['op'].lower()} needs target, the client_id of the order")
        out["target"] = out.pop("client_id")
    elif out["op"] == "CANCEL_ALL" and "target" in out:
        raise Wrong("intent with op cancel_all has no target; name instrument or account to narrow it")
    if "symbol" in out:
        if out.get("instrument", out["symbol"]) != out["symbol"]:
            raise Wrong("intent names instrument and symbol, which are one thing")
        out["instrument"] = out.pop("symbol")
    return out


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


def check_venue(value: Value) -> Value:
    fields = check_body(value)
    kinds = [content for tag, content in fields if tag == 35]
    if len(kinds) != 1 or not kinds[0]:
        raise Wrong("a venue's message needs MsgType once: 35=8 (ExecutionReport), 35=9 (OrderCancelReject), 35=3, 35=j ...")
    return fields


def check_operator(value: Value) -> Value:
    out = keys(value, OPERATOR, "operator")
    actions = [a for a in ("mass_cancel", "dont_know", "resolve", "assign") if a in out]
    if not actions and {"strategy", "status"} <= out.keys():
        actions = ["set_strategy"]
        out["status"] = one_of(STRATEGY_STATUS, "status")(out["status"])
    elif actions == ["resolve"]:
        out["status"] = one_of(TERMINAL, "status")(out.get("status"))
    if len(actions) != 1:
        raise Wrong("operator needs one of mass_cancel, dont_know, resolve, assign, or strategy with status")
    if actions == ["dont_know"] and len(out.get("reason", "")) != 1:
        raise Wrong("operator.dont_know needs reason, one character of DKReason(127): A, B, C, D, E or Z")
    return out | {"action": actions[0]}


def check_references(fields: list[tuple[int, str]], known: set[int]) -> None:
    """Refuse an ``@N`` whose client_id no intent before it has; whether something was sent for it is known only when it runs."""
    for _, content in fields:
        match = REFERENCE.fullmatch(content)
        if match and int(match["client"]) not in known:
            raise Wrong(f"{content}: no intent before this line has client_id {match['client']}")


def _clock(value: Value) -> int:
    ms = integer(value)
    if ms > 400 * 86_400_000:
        raise Wrong(f"clock_ms {ms} is more than 400 days")
    return ms


def _session(value: Value) -> str:
    return str(one_of({"up": "up", "down": "down"}, "session")(value))


def _observe(value: Value) -> Value:
    out = keys({"kind": value} if isinstance(value, str) else value, OBSERVE, "observe")
    if "kind" not in out:
        raise Wrong(f"observe needs kind: {', '.join(OBSERVATIONS)}")
    return out


def _members(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    out = dict(pairs)
    if len(out) != len(pairs):
        names = [k for k, _ in pairs]
        raise Wrong(f"key {next(k for k in names if names.count(k) > 1)!r} stands twice in one object")
    return out


def _no_constant(name: str) -> Value:
    raise Wrong(f"{name} is no JSON number")


def objects(path: str, data: bytes) -> Iterator[tuple[int, dict[str, Value]]]:
    """Yield line number and object of every line that is not blank."""
    for line, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not raw.strip():
            continue
        try:
            value = json.loads(raw, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_members)
        except json.JSONDecodeError as e:
            raise BadScenario(path, line, f"no JSON object at column {e.colno}: {e.msg}") from None
        except (Wrong, UnicodeDecodeError, RecursionError, ValueError) as e:
            raise BadScenario(path, line, str(e)) from None
        if not isinstance(value, dict):
            raise BadScenario(path, line, "a line is one JSON object")
        yield line, value


def read(path: Path, name: str = "") -> Scenario:
    """Read and check one file.

    Raises
    ------
    BadScenario
        It cannot be read, or a line is not as docs/scenarios.md has it.
    """
    name = name or str(path)
    try:
        data = path.read_bytes()
    except OSError as e:
        raise BadScenario(name, 0, f"cannot be read: {e.strerror or e}") from None
    return parse(name, data)


def parse(name: str, data: bytes) -> Scenario:
    """Check the bytes of a scenario; see ``read``."""
    from ringfence.tools.scenario_config import check_config
    from ringfence.tools.scenario_expect import check_expect

    checks: dict[str, Check] = {
        "config": check_config,
        "intent": check_intent,
        "venue": check_venue,
        "session": _session,
        "clock_ms": _clock,
        "operator": check_operator,
        "observe": _observe,
        "expect": check_expect,
    }
    out = Scenario(name)
    known: set[int] = set()
    for line, value in objects(name, data):
        kinds = [k for k in KINDS if k in value]
        extra = {"comment"} | ({"at"} if kinds and kinds[0] in ("venue", "session", "operator", "observe") else set())
        extra |= {"lost"} if kinds == ["session"] else set()
        unknown = sorted(value.keys() - set(KINDS) - extra)
        try:
            if unknown:
                raise Wrong(f"unknown key {unknown[0]!r}; a line has one of {', '.join(KINDS)}, and may have comment")
            if not kinds and "comment" in value:
                continue
            if len(kinds) != 1:
                raise Wrong(f"a line has exactly one of {', '.join(KINDS)}, this one has {', '.join(kinds) or 'none'}")
            kind = kinds[0]
            checked = checks[kind](value[kind])
            if kind == "intent":
                known |= {checked[k] for k in ("client_id", "target") if k in checked}
            check_references(checked if kind == "venue" else checked.get("sent", []) if kind == "expect" else [], known)
            at, lost = text(value.get("at", "")), integer(value.get("lost", 0))
            if kind != "config":
                out.steps.append(Step(line, kind, checked, at, lost))
            elif out.steps or out.config_line:
                raise Wrong("config stands once, before everything else")
            else:
                out.config, out.config_line = checked, line
        except Wrong as e:
            raise BadScenario(name, line, str(e)) from None
    return out
