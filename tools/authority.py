"""Commands about limits, kills, approvals, strategies and ledger entries: what an operator asks as a Control record, and what became of it.

    request (JSON) + the engine's tables ──names to rows, text to units──▶ Control record ──▶ from.control ──▶ engine (core/authority.pyx judges)
    tables after the engine took it ──outcome──▶ applied, proposed (waits for a second operator) or refused

Whoever asks is the uid that the kernel names; who is no operator in the engine's table is refused here already. What can be seen to be wrong is refused with
a message that says what is allowed; the engine judges again. Pure functions over records; the control agent publishes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ringfence.core.authority import ROLES
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import definitions, ledger_entry, ledger_method, parameters
from ringfence.tools.errors import Refused, UsageError
from ringfence.tools.kill_words import Word
from ringfence.tools.rule_values import TABLES, Names, find_rule, parse_duration, parse_scope, parse_value

Request = dict[str, Any]
_ROLE = ENUMS["OperatorRole"].by_value
_RANK = ENUMS["OperatorRole"].by_name
_KIND = ENUMS["ScopeKind"].by_name
_KILLED = ENUMS["ScopeState"].by_name["KILLED"]
_PENDING = ENUMS["ProposalState"].by_name["PENDING"]
_SETTABLE = ("ENABLED", "REDUCE_ONLY", "CANCEL_ONLY", "DISABLED")
_NAME_FIELD = {"instruments": "symbol", "currencies": "code"}
_COUNT = {
    "brokers": "broker_count",
    "accounts": "account_count",
    "venues": "venue_count",
    "desks": "desk_count",
    "strategies": "strategy_count",
    "instruments": "instrument_count",
    "currencies": "currency_count",
}


def names_in(state: Segment) -> Names:
    """Rows of every object by its name."""
    engine = state.section("engine")[1]
    out: dict[str, dict[str, int]] = {}
    for table in TABLES.values():
        rows = state.section(table)[: int(engine[_COUNT[table]]) + 1]
        out[table] = {bytes(r[_NAME_FIELD.get(table, "name")]).decode("ascii", "replace"): k for k, r in enumerate(rows) if k}
    return out


def role_of(state: Segment, uid: int) -> str:
    """Role of an operator, "" when the uid is none; while no operator is defined everybody is an ADMIN."""
    count = int(state.section("engine")[1]["operator_count"])
    if not count:
        return "ADMIN"
    for row in state.section("operators")[1 : count + 1]:
        if int(row["uid"]) == uid and int(row["id"]) and int(row["status"]) == ENUMS["Status"].by_name["ACTIVE"]:
            return _ROLE.get(int(row["role"]), "")
    return ""


def may_set_word(op: str, role: str) -> bool:
    """Whether an operation of this role is a kill that the out-of-band word may be set for: nobody judges that one again."""
    return op == "kill" and bool(role) and _RANK[role] >= _RANK[ROLES["KILL"]]


def build(op: str, request: Request, state: Segment, uid: int) -> Any:
    """Return the command of an operator's request.

    Raises
    ------
    UsageError
        A value is not allowed, or names nothing.
    Refused
        The uid is no operator of the instance.
    """
    if not role_of(state, uid):
        raise Refused(f"{op}: uid {uid} ({definitions.user_name(uid)}) is no operator of this instance; [[operator]] in the configuration names them")
    reason = str(request.get("reason", ""))
    if not reason.strip():
        raise UsageError("a reason is needed: it is journaled with the command")
    try:
        kind, fields = _BUILDERS[op](request, state)
    except ValueError as e:
        raise UsageError(str(e)) from e
    return definitions.command(kind, reason, **fields)


def outcome(state: Segment, record: Any, uid: int, before: int) -> dict[str, Any]:
    """What became of a command that the engine took without refusing it: applied, or proposed with its id and how long it waits.

    ``before`` is ``EngineStatus.proposals`` before it was published.
    """
    engine = state.section("engine")[1]
    rows = state.section("proposals")[1 : int(engine["proposal_count"]) + 1]
    for row in rows:
        if int(row["id"]) > before and int(row["proposer"]) == uid and int(row["kind"]) == int(record["kind"]) and int(row["state"]) == _PENDING:
            return {"outcome": "proposed", "proposal": int(row["id"]), "expires_ns": str(int(row["expires_ns"]))}
    return {"outcome": "applied"}


def words_in_force(state: Segment, words: list[Word]) -> dict[str, int]:
    """Venues ("" for the firm) whose out-of-band word is set and whose scope the engine has killed for it, and since when the word is set [ns since 1970]."""
    killed = _killed_of_words(state)
    return {w.venue: w.set_ns for w in words if w.killed and killed.get(w.venue)}


def released_words(state: Segment, words: list[Word], in_force: dict[str, int]) -> list[str]:
    """Venues whose word was ``in_force`` before a command, is the same still, and whose scope the engine has open now.

    A word that was set since, or that the engine had not seen when the command was given, is nobody's to clear: who set it may know nothing of the release.
    """
    killed = _killed_of_words(state)
    return [w.venue for w in words if w.killed and in_force.get(w.venue) == w.set_ns and killed.get(w.venue) is False]


def _killed_of_words(state: Segment) -> dict[str, bool]:
    """Whether the engine has killed the scope of each word."""
    rows = state.section("scopes")[1 : int(state.section("engine")[1]["scope_count"]) + 1]
    places = {(_KIND["FIRM"], 0): ""} | {(_KIND["VENUE"], row): name for name, row in names_in(state)["venues"].items()}
    return {places[place]: int(r["state"]) == _KILLED for r in rows if (place := (int(r["kind"]), int(r["a"]))) in places}


# ---- the commands -------------------------------------------------------------------------------------------------------------


def _scope(request: Request, state: Segment) -> tuple[int, int, int]:
    return parse_scope(str(request.get("scope", "")), names_in(state))


def _kill(request: Request, state: Segment) -> tuple[str, Request]:
    body = np.zeros(1, dtype("KillOrder"))
    body[0]["kind"], body[0]["a"], body[0]["b"] = _scope(request, state)
    if request.get("flatten") and int(body[0]["kind"]) == _KIND["VENUE"]:
        raise ValueError("flatten: positions are of no venue; flatten the firm, an account, a strategy or an instrument")
    body[0]["options"] = CONSTANTS["KILL_CANCEL"][0] | (CONSTANTS["KILL_FLATTEN"][0] if request.get("flatten") else 0)
    return "KILL", {"body": body[0]}


def _release(request: Request, state: Segment) -> tuple[str, Request]:
    body = np.zeros(1, dtype("KillOrder"))
    body[0]["kind"], body[0]["a"], body[0]["b"] = _scope(request, state)
    return "RELEASE", {"body": body[0]}


def _limit(request: Request, state: Segment) -> tuple[str, Request]:
    kind, a, b = _scope(request, state)
    rule = find_rule(str(request.get("rule", "")), kind)
    digits = _digits(state, rule.unit, kind, a, b)
    body = np.zeros(1, dtype("LimitChange"))
    body[0]["kind"], body[0]["a"], body[0]["b"], body[0]["rule"] = kind, a, b, rule.number
    body[0]["value"] = parse_value(rule, str(request.get("value", "")), digits)
    if request.get("for"):
        body[0]["expires_ns"] = time.time_ns() + parse_duration(str(request["for"]))
    return ("SET_LOCATE" if rule.name == "SHORT_SALE" else "SET_LIMIT"), {"body": body[0]}


def _digits(state: Segment, unit: str, kind: int, a: int, b: int) -> int:
    """Decimals of a quantity at a scope: those of its instrument, else those that all instruments have."""
    if unit != "qty":
        return 0
    rows = state.section("instruments")
    if kind == ENUMS["ScopeKind"].by_name["INSTRUMENT"]:
        return int(rows[a]["qty_digits"])
    if b:
        return int(rows[b]["qty_digits"])
    found = {int(r["qty_digits"]) for r in rows[1 : int(state.section("engine")[1]["instrument_count"]) + 1]}
    if len(found) > 1:
        raise ValueError("instruments count quantities in different decimals; set this limit at an instrument, or a pair with one")
    return found.pop() if found else 0


def _set_strategy(request: Request, state: Segment) -> tuple[str, Request]:
    known, name = names_in(state)["strategies"], str(request.get("strategy"))
    if name not in known:
        raise Refused(f"no strategy {name!r} is configured; there are {', '.join(known) or 'none'}")
    status = str(request.get("status")).upper()
    if status not in _SETTABLE:
        raise UsageError(f"status was {request.get('status')!r}; allowed: {', '.join(_SETTABLE).lower()}")
    return "SET_STRATEGY", {"strategy": known[name], "status": ENUMS["StrategyStatus"].by_name[status]}


def _decision(kind: str) -> Callable[[Request, Segment], tuple[str, Request]]:
    def build_decision(request: Request, _state: Segment) -> tuple[str, Request]:
        number = request.get("proposal")
        if isinstance(number, bool) or not isinstance(number, int) or number <= 0:
            raise ValueError(f"proposal was {number!r}; give its number (ringfence proposals)")
        body = np.zeros(1, dtype("Decision"))
        body[0]["proposal"] = number
        return kind, {"body": body[0]}

    return build_decision


def _book_entry(request: Request, state: Segment) -> tuple[str, Request]:
    return "BOOK_ENTRY", {"body": ledger_entry.build(request, names_in(state), state.section)}


def _set_method(request: Request, state: Segment) -> tuple[str, Request]:
    return "SET_METHOD", {"body": ledger_method.build(request, names_in(state))}


def _set_parameter(request: Request, state: Segment) -> tuple[str, Request]:
    return "SET_PARAMETER", {"body": parameters.build(request, names_in(state))}


_BUILDERS: dict[str, Callable[[Request, Segment], tuple[str, Request]]] = {
    "kill": _kill,
    "release": _release,
    "set_limit": _limit,
    "approve": _decision("APPROVE"),
    "withdraw": _decision("WITHDRAW"),
    "set_strategy": _set_strategy,
    "book_entry": _book_entry,
    "set_method": _set_method,
    "set_parameter": _set_parameter,
}
OPERATIONS = tuple(_BUILDERS)
