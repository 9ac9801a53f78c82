"""Scenario files: one JSON object a line, checked whole before anything runs.

    bytes ──JSON──▶ lines ──keys and values──▶ Step (line number, kind, value) ──▶ Scenario

Everything that can be known without running is checked here: JSON, unknown and repeated keys, the type of every value, names of statuses, breaks,
operations and types, references to a client_id that nobody has. What fails raises ``BadScenario`` with file, line and what is allowed.
docs/scenarios.md is the language's page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from ringfence.tools.scenario_config import LIMIT, check_config
from ringfence.tools.scenario_expect import check_expect
from ringfence.tools.scenario_words import (
    OBSERVATIONS,
    OPS,
    REFERENCE,
    SIDES,
    STRATEGY_STATUS,
    TERMINAL,
    TIFS,
    TYPES,
    BadScenario,
    Check,
    Scenario,
    Step,
    Value,
    Wrong,
    boolean,
    check_body,
    integer,
    keys,
    number,
    one_of,
    text,
    timestamp,
)

SUFFIX = ".ndjson"
KINDS = ("config", "intent", "venue", "session", "clock_ms", "mark", "operator", "observe", "expect")
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
    "reduce_only": boolean,
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
    "limit": lambda value: keys(value, LIMIT, "limit"),
    "kill": text,
    "release": text,
}
MARK: dict[str, Check] = {"bid": number, "ask": number, "last": number, "instrument": text}
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


def check_venue(value: Value) -> Value:
    fields = check_body(value)
    kinds = [content for tag, content in fields if tag == 35]
    if len(kinds) != 1 or not kinds[0]:
        raise Wrong("a venue's message needs MsgType once: 35=8 (ExecutionReport), 35=9 (OrderCancelReject), 35=3, 35=j ...")
    return fields


def check_operator(value: Value) -> Value:
    out = keys(value, OPERATOR, "operator")
    actions: list[str] = [a for a in ("mass_cancel", "dont_know", "resolve", "assign", "limit", "kill", "release") if a in out]
    if not actions and {"strategy", "status"} <= out.keys():
        actions = ["set_strategy"]
        out["status"] = one_of(STRATEGY_STATUS, "status")(out["status"])
    elif actions == ["resolve"]:
        out["status"] = one_of(TERMINAL, "status")(out.get("status"))
    if len(actions) != 1:
        raise Wrong("operator needs one of mass_cancel, dont_know, resolve, assign, limit, kill, release, or strategy with status")
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
    checks: dict[str, Check] = {
        "config": check_config,
        "intent": check_intent,
        "venue": check_venue,
        "session": _session,
        "clock_ms": _clock,
        "operator": check_operator,
        "observe": _observe,
        "mark": lambda value: keys(value, MARK, "mark"),
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
