"""A command of an operator in words: what it is about, what holds of that now, and what it asks for. For ``ringfence proposals`` and ``ringfence audit``.

    kind, strategy, status, body ──tables as they are──▶ Change(what, before, after)

Limits are texts in their rule's unit, grants "granted" or "", kills and strategies their state, definitions the fields that would change. Pure; whoever
calls owns the tables. A command that names what cannot be has an empty ``before``; nothing is raised for it, since a journal holds refused commands too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ringfence.core.rules import RULES
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.tools import margin_schedule
from ringfence.tools.action_text import ACTIONS, name_of
from ringfence.tools.rule_values import Place, scope_text, value_text

Tables = Callable[[str], Any]
BODY_BYTES = RECORDS["Control"].size - RECORDS["Control"].offsets["body"]
SCOPED = {"SET_LIMIT": "LimitChange", "SET_LOCATE": "LimitChange", "KILL": "KillOrder", "RELEASE": "KillOrder"}
NAMED = dict.fromkeys(("brokers", "accounts", "venues", "desks", "strategies"), "name") | {"instruments": "symbol", "currencies": "code"}
DEFINED = {
    "DEFINE_INSTRUMENT": ("Instrument", "instruments", "symbol"),
    "DEFINE_ACCOUNT": ("Account", "accounts", "name"),
    "DEFINE_VENUE": ("Venue", "venues", "name"),
    "DEFINE_STRATEGY": ("Strategy", "strategies", "name"),
    "DEFINE_ROUTE": ("Route", "routes", "name"),
    "DEFINE_CURRENCY": ("Currency", "currencies", "code"),
    "DEFINE_BROKER": ("Broker", "brokers", "name"),
    "DEFINE_DESK": ("Desk", "desks", "name"),
    "DEFINE_OPERATOR": ("Operator", "operators", "name"),
    "DEFINE_MARGIN": ("MarginRate", "margin_rates", ""),
}
"""Record and table of each definition, and the field that names a row, "" when what it is about does."""
_PRICES = ("bid", "ask", "last", "mark_ns", "last_ns", "marks_refused", "best_buy", "best_sell", "first_buy", "first_sell", "first_position")
_COUNTS = ("output_seq", "epoch", "intents", "denies", "orders", "fills", "open_orders", "repeated_count")
_ENGINE_KEEPS = {
    "Instrument": ("scope", "base_currency", "quote_currency", "amount_shift", "amount_factor", "value_day", *_PRICES),
    "Account": ("scope",),
    "Venue": ("scope", "output_seq", "events", "session_ups", "session_downs", "session_state", "changed_ns", "stalled", "stalled_seq"),
    "Strategy": (
        "scope",
        "pid",
        "attached",
        "stalled",
        "first_open",
        "last_open",
        "silent",
        "unapproved",
        "first_permission",
        "repeated_digest",
        "repeats",
        *_COUNTS,
    ),
    "Route": ("chosen", "skipped"),
    "Currency": ("scope", "changed_ns"),
    "Broker": ("scope",),
    "Desk": ("scope",),
    "Operator": ("last_request", "role_max"),
    "MarginRate": ("highest_ppm",),
}
"""Fields of a row that the engine keeps, whatever an image of it says."""
_SETS = {"STRATEGY": ("strategies", "name"), "ACCOUNT": ("accounts", "name"), "VENUE": ("venues", "name"), "INSTRUMENT": ("instruments", "symbol")}
_WORDS = {"ORD_TYPE": "OrdType", "TIME_IN_FORCE": "TimeInForce"}
_BITS = {"ACCOUNT": "accounts", "VENUE": "venues", "INSTRUMENT": "instruments", "ORD_TYPE": "ord_types", "TIME_IN_FORCE": "time_in_forces"}
_RULE = {rule.number: rule for rule in RULES.values()}
_KIND, _SCOPE_STATE, _STRATEGY = (ENUMS[e].by_value for e in ("ControlKind", "ScopeState", "StrategyStatus"))


@dataclass(frozen=True)
class Change:
    """``before`` and ``after`` are texts, "" when there is nothing to say."""

    what: str
    before: str = ""
    after: str = ""


def describe(table: Tables, kind: int, strategy: int, status: int, body: bytes, day: int = 0) -> Change:
    """Say what a command is about.

    Parameters
    ----------
    table : callable
        Name of one of the engine's tables to its rows.
    kind : int
        ControlKind.
    strategy, status : int
        Of the command.
    body : bytes
        Its body, 256 bytes.
    day : int
        Of START and ROLL_DAY; 0: the body has it.
    """
    name = _KIND.get(kind, "?")
    if name in SCOPED:
        return _scoped(table, name, _record(SCOPED[name], body))
    if name in DEFINED:
        return _definition(table, name, body)
    if name == "SET_STRATEGY":
        rows = table("strategies")
        if 0 < strategy < len(rows):
            return Change(of_strategy(table, strategy), _STRATEGY.get(int(rows[strategy]["status"]), ""), _STRATEGY.get(status, ""))
    if name in ("APPROVE", "WITHDRAW"):
        return _decision(table, int(_record("Decision", body)["proposal"]))
    if name == "SET_PERMISSION":
        return _permission(table, _record("PermissionChange", body))
    return Change(*ACTIONS[name](table, strategy, body, day)) if name in ACTIONS else Change("")


def _permission(table: Tables, c: Any) -> Change:
    """One element of a grant, and whose the grant is: what is granted is granted to those."""
    row, value, part = int(c["permission"]), int(c["value"]), ENUMS["PermissionPart"].by_value.get(int(c["part"]), "?")
    rows, everything = table("permissions"), value == CONSTANTS["ANY"][0]
    grant = rows[row] if 0 < row < len(rows) and int(rows[row]["id"]) else None
    owner = f", {_owner(table, int(grant['strategy']))}" if grant is not None and part != "STRATEGY" else ""
    name = _text(c["name"]) if part == "STRATEGY" else _text(grant["name"]) if grant is not None else ""
    element = "any" if everything else _element(table, part, value)
    held = "granted" if grant is not None and _holds(grant, part, 0 if everything else value) else ""
    what = f"permission {row}{f' ({name}{owner})' if name else ''}: {part}{f' {element}' if element else ''}"
    return Change(what, held, "granted" if int(c["grant"]) else "")


def _owner(table: Tables, strategy: int) -> str:
    return of_strategy(table, strategy) if strategy else "every strategy"


def _element(table: Tables, part: str, value: int) -> str:
    if part in _SETS:
        rows, column = _SETS[part]
        return f"{part.lower()}:{name_of(table, rows, column, value)}"
    return ENUMS[_WORDS[part]].by_value.get(value, str(value)) if part in _WORDS else ""


def _holds(grant: Any, part: str, element: int) -> bool:
    """Whether the grant has this very element."""
    if part == "STRATEGY":
        return int(grant["strategy"]) == element
    if part == "SHORT":
        return bool(int(grant["flags"]) & CONSTANTS["GRANT_SHORT"][0])
    if part in _WORDS:
        return bool(int(grant[_BITS[part]]) >> element & 1)
    return part in _BITS and element < 64 * len(grant[_BITS[part]]) and bool(int(grant[_BITS[part]][element // 64]) >> element % 64 & 1)


def _record(name: str, body: bytes) -> Any:
    return np.frombuffer(body.ljust(RECORDS[name].size, b"\0"), dtype(name), 1)[0]


def _text(raw: Any) -> str:
    return bytes(raw).decode("ascii", "replace")


def _scoped(table: Tables, kind: str, body: Any) -> Change:
    place = int(body["kind"]), int(body["a"]), int(body["b"])
    scopes = table("scopes")[1 : int(table("engine")[1]["scope_count"]) + 1]
    row = next((r for r in scopes if (int(r["kind"]), int(r["a"]), int(r["b"])) == place), None)
    text = of_scope(table, place)
    if kind in ("KILL", "RELEASE"):
        return Change(text, _SCOPE_STATE.get(int(row["state"]), "?") if row is not None else "OPEN", "KILLED" if kind == "KILL" else "OPEN")
    rule = _RULE.get(int(body["rule"]))
    if rule is None:
        return Change(f"rule {int(body['rule'])} of {text}")
    now, digits = int(row["limits"][rule.number]) if row is not None else 0, quantity_digits(table, place)
    return Change(f"{rule.name} of {text}", value_text(rule, now, digits), value_text(rule, int(body["value"]), digits))


def of_scope(table: Tables, place: Place) -> str:
    """The text of a scope."""
    return scope_text(*place, {t: [_text(r) or None for r in table(t)[column]] for t, column in NAMED.items()})


def of_strategy(table: Tables, strategy: int) -> str:
    """The text of a strategy, as its status is commanded."""
    return f"strategy:{name_of(table, 'strategies', 'name', strategy)}"


def quantity_digits(table: Tables, place: Place) -> int:
    """Decimals of a scope's quantities: its instrument's, else those of the first, which all share when such a limit is set."""
    kind, rows = ENUMS["ScopeKind"].by_value.get(place[0], ""), table("instruments")
    row = place[2] if kind.endswith("_INSTRUMENT") else place[1] if kind == "INSTRUMENT" else 1
    return int(rows[row]["qty_digits"]) if row < len(rows) else 0


def _decision(table: Tables, proposal: int) -> Change:
    rows = table("proposals")[1 : int(table("engine")[1]["proposal_count"]) + 1]
    row = next((r for r in rows if int(r["id"]) == proposal), None)
    if row is None:
        return Change(f"proposal {proposal}")
    asked = of_proposal(table, row)
    return Change(f"proposal {proposal}: {asked.what}", asked.before, asked.after)


def of_proposal(table: Tables, row: Any) -> Change:
    """What a row of ``proposals`` asks for."""
    at = RECORDS["Proposal"].offsets["body"]
    return describe(table, int(row["kind"]), int(row["strategy"]), int(row["status"]), row.tobytes()[at : at + BODY_BYTES])


def _definition(table: Tables, kind: str, body: bytes) -> Change:
    record, name, key = DEFINED[kind]
    image, rows = _record(record, body), table(name)
    word = kind.removeprefix("DEFINE_").lower()
    what = f"{word} {_text(image[key]) if key else margin_schedule.about(image, lambda *named: name_of(table, *named))}"
    if not 0 < int(image["id"]) < len(rows):
        return Change(what)
    row = rows[int(image["id"])]
    known = bool(int(row["id"]))
    fields = [f for f in RECORDS[record].fields if f.name not in ("id", *_ENGINE_KEEPS[record]) and not f.name.startswith("pad_")]
    differ = [f for f in fields if np.any(row[f.name] != image[f.name]) and not (known and word == "strategy" and f.name == "status")]
    before = " ".join(f"{f.name}={_value(f, row[f.name])}" for f in differ) if known else ""
    return Change(what, before, " ".join(f"{f.name}={_value(f, image[f.name])}" for f in differ))


def _value(field: Any, value: Any) -> str:
    if isinstance(value, np.ndarray):
        return ",".join(str(int(v)) for v in value)
    if isinstance(value, bytes):
        return value.hex() if field.name == "public_key" else _text(value)
    return ENUMS[field.enum].by_value.get(int(value), str(int(value))) if field.enum else str(int(value))
