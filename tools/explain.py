"""A dry run of an intent: which routes fit, which one takes it, which checks would refuse it. Nothing of the instance is touched.

    live tables ──copied──▶ State in memory ──the engine's own code──▶ order or denial; then what refused is lifted in the copy, and again

The intent is applied by the same ``apply`` as the engine's, so that this cannot say otherwise than the engine would. To see all refusals and not only the
first, what refused is lifted (a limit, a kill, a missing grant) and the intent is tried once more, at most once a rule; a refusal of the intent's own terms
ends it.
What can fail: UsageError for text that is no intent; TimedOut when the tables do not stand still for a copy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ringfence.core import explain
from ringfence.core.replay import Replayer
from ringfence.core.rules import RULES
from ringfence.core.state import Limits, State
from ringfence.gateways.decimals import text_to_scaled
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.errors import TimedOut, UsageError
from ringfence.tools.rule_values import scope_text
from ringfence.tools.views.instance import label
from ringfence.tools.views.risk import names_by_row, passed

FORM = "SIDE QTY SYMBOL [@ PRICE] strategy=NAME [type= stop= tif= account= route= post_only reduce_only]"
TRIES = 50
CLIENT_ID = (1 << 62) - 1
_WHOLE = ("instruments", "accounts", "venues", "strategies", "routes", "brokers", "desks", "currencies", "permissions", "operators")
_USED = ("scopes", "scope_sets", "orders", "requests", "positions")
_INDEXES = ("by_position", "by_content", "by_scope", "by_scope_set")  # a new order with a client_id of its own looks into no other
_DENIED = ENUMS["EventKind"].by_name["DENIED"]
_REASON = ENUMS["DenyReason"].by_value
_UP = ENUMS["SessionState"].by_name["UP"]


@dataclass
class Refusal:
    """One refusal: the reason, the rules that answer with it, the scopes whose limit it was."""

    reason: str
    rules: list[str]
    scopes: list[str]


@dataclass
class Answer:
    """What would become of an intent."""

    routes: list[dict[str, Any]]
    refusals: list[Refusal] = field(default_factory=list)
    accepted: bool = False
    passed: list[str] = field(default_factory=list)
    route: str | None = None
    account: str | None = None
    venue: str | None = None
    unlooked: bool = False  # checks behind the last refusal were not reached


def copy_of(table: Callable[[str], Any]) -> State:
    """A copy of what a new order is judged by, all of one moment; executions, breaks and the indexes of reports are left out.

    Raises
    ------
    TimedOut
        If the engine took an input during every try.
    """
    state = State.in_memory(Limits(**{name: len(table(name)) - 1 for name in Limits.__dataclass_fields__}))
    for _ in range(TRIES):  # the first touches every page, those after it copy in a fraction of the time
        before = int(table("engine")[1]["seq"])
        state.table("engine")[1] = table("engine")[1]
        for name in (*_WHOLE, *_INDEXES):
            state.table(name)[:] = table(name)
        for name in _USED:
            used = min(state.used_rows(name) + 1, len(table(name)))
            state.table(name)[:used] = table(name)[:used]
        if int(table("engine")[1]["seq"]) == before:
            return state
    raise TimedOut(f"the engine took an input during each of {TRIES} copies of its tables; try again when it is less busy")


def parse(text: str, state: State) -> tuple[int, Any]:
    """Return the strategy's row and the Intent of a text such as ``BUY 100000 EUR/USD @ 1.1215 tif=DAY strategy=mm1``.

    Raises
    ------
    UsageError
        If it is not of that form, or names what there is not.
    """
    match = re.fullmatch(r"\s*(\w+)\s+(\S+)\s+(\S+)(?:\s+@\s*(\S+))?((?:\s+\w+(?:=\S+)?)*)\s*", text)
    if not match:
        raise UsageError(f"the intent was {text!r}; allowed: {FORM}")
    side, qty, symbol, px, rest = match.groups()
    options = dict(w.partition("=")[::2] for w in rest.split())
    allowed = ("strategy", "type", "stop", "tif", "account", "route", "post_only", "reduce_only")
    if unknown := [k for k in options if k not in allowed]:
        raise UsageError(f"unknown word {unknown[0]!r} in the intent; allowed: {', '.join(allowed)}")
    instrument = _row(state, "instruments", "symbol", symbol)
    row = state.table("instruments")[instrument]
    out = np.zeros(1, dtype("Intent"))
    intent = out[0]
    intent["kind"], intent["client_id"], intent["instrument"] = ENUMS["IntentKind"].by_name["NEW"], CLIENT_ID, instrument
    intent["side"] = _word("Side", side)
    intent["qty"] = _figure("quantity", qty, int(row["qty_digits"]))
    intent["px"] = _figure("price", px, int(row["price_digits"])) if px else 0
    intent["stop_px"] = _figure("stop", options["stop"], int(row["price_digits"])) if options.get("stop") else 0
    usual = ("STOP_LIMIT" if px else "STOP") if options.get("stop") else ("LIMIT" if px else "MARKET")
    intent["ord_type"] = _word("OrdType", options.get("type") or usual)
    intent["time_in_force"] = _word("TimeInForce", options.get("tif") or "DAY")
    intent["account"] = _row(state, "accounts", "name", options["account"]) if options.get("account") else 0
    intent["route"] = _row(state, "routes", "name", options["route"]) if options.get("route") else 0
    intent["instructions"] = sum(CONSTANTS[f"INSTRUCTION_{w.upper()}"][0] for w in ("post_only", "reduce_only") if w in options)
    if not options.get("strategy"):
        raise UsageError("the intent needs strategy=NAME: grants, limits and routes depend on it")
    return _row(state, "strategies", "name", options["strategy"]), intent


def _word(enum: str, text: str) -> int:
    known = ENUMS[enum].by_name
    if text.upper() not in known:
        raise UsageError(f"{text!r} is no {enum}; allowed: {', '.join(known)}")
    return known[text.upper()]


def _figure(what: str, text: str, digits: int) -> int:
    try:
        return int(text_to_scaled(text.replace("_", ""), digits))
    except ValueError as e:
        raise UsageError(f"{what} was {text!r}; allowed: a decimal with at most {digits} decimals ({e})") from e


def _row(state: State, table: str, key: str, name: str) -> int:
    known = [label(r) for r in state.table(table)[key][1 : state.used_rows(table) + 1]]
    if name not in known:
        raise UsageError(f"there is no {name!r} in {table}; there are {', '.join(known) or 'none'}")
    return known.index(name) + 1


class _Source:
    """The copy, seen as the views see a running instance."""

    def __init__(self, state: State, now_ns: int) -> None:
        self.table, self.engine, self.now_ns = state.table, state.table("engine")[1], now_ns


def run(state: State, strategy: int, intent: Any, now_ns: int) -> Answer:
    """Say what would become of an intent now; ``state`` is a copy, and is used up."""
    names = names_by_row(_Source(state, now_ns))
    answer = Answer(_routes(state, strategy, intent, names, now_ns))
    row = state.table("strategies")[strategy]
    row["attached"] = 1  # the dry run stands for its process
    replayer = Replayer(state=state, sources={})
    state.open_queue(strategy, strategy=True)
    intent["created_ns"], intent["epoch"] = now_ns, int(row["epoch"]) & 0xFFFFFFFF
    for _ in range(len(RULES) + 1):
        counted = state.table("scopes")["hits"].copy()
        orders = state.used_rows("orders")
        _apply(replayer, strategy, intent, now_ns)
        if state.used_rows("orders") > orders:
            order = state.table("orders")[orders + 1]
            answer.accepted, answer.passed = not answer.refusals, passed(order["checks"])
            answer.route, answer.account = names["routes"][int(order["route"])], names["accounts"][int(order["account"])]
            answer.venue = names["venues"][int(order["venue"])]
            return answer
        denial = [e for e in state.take_queue(strategy, strategy=True) if int(e["kind"]) == _DENIED]
        reason = _REASON[int(denial[-1]["reason"])] if denial else "NONE"
        rules = [r.name for r in RULES.values() if reason in r.reasons]
        hit = np.flatnonzero((state.table("scopes")["hits"] != counted).any(axis=1))
        scopes = state.table("scopes")
        texts = [scope_text(int(scopes[k]["kind"]), int(scopes[k]["a"]), int(scopes[k]["b"]), names) for k in hit]
        exact = [r for r in rules if any(scopes[k]["hits"][RULES[r].number] != counted[k][RULES[r].number] for k in hit)]
        answer.refusals.append(Refusal(reason, exact or rules, texts if any(RULES[r].scopes for r in exact) else []))
        if not _lift(state, strategy, int(intent["instrument"]), reason, exact or rules):
            break
    answer.unlooked = True
    return answer


def _routes(state: State, strategy: int, intent: Any, names: dict[str, list[str | None]], now_ns: int) -> list[dict[str, Any]]:
    state.table("engine")[1]["engine_ns"] = max(now_ns, int(state.table("engine")[1]["engine_ns"]))  # the time of day that the intent would come at
    out: list[dict[str, Any]] = []
    for row in range(1, state.used_rows("routes") + 1):
        r = state.table("routes")[row]
        if int(intent["route"]) not in (0, row):
            why, reason = "not named", 0
        else:
            why, reason = explain.route(state, row, strategy, intent.tobytes())
        chosen = not why and not reason and not any(o["chosen"] == "yes" for o in out)
        out.append(
            {
                "route": names["routes"][row],
                "venue": names["venues"][int(r["venue"])],
                "account": names["accounts"][int(r["account"])] if int(r["account"]) else "*",
                "fits": "no" if why else "yes",
                "why": why or (_REASON[reason] if reason else None),
                "chosen": "yes" if chosen else "no",
            }
        )
    return out


def _apply(replayer: Replayer, strategy: int, intent: Any, now_ns: int) -> None:
    head = np.zeros(1, dtype("FileFrame"))
    engine = replayer.state.table("engine")[1]
    body = intent.tobytes()
    head[0]["length"], head[0]["seq"], head[0]["engine_ns"] = 64 + len(body), replayer.seq + 1, max(now_ns, int(engine["engine_ns"]))
    head[0]["source"], head[0]["kind"], head[0]["payload_bytes"] = strategy, ENUMS["FrameKind"].by_name["INTENT"], len(body)
    replayer.apply(head.tobytes() + body)


def _lift(state: State, strategy: int, instrument: int, reason: str, rules: list[str]) -> bool:
    """Take away, in the copy, what refused; False when it is the intent itself."""
    engine, scopes = state.table("engine")[1], state.table("scopes")
    venues, mine, traded = state.table("venues"), state.table("strategies")[strategy], state.table("instruments")[instrument]
    limited = [RULES[r] for r in rules if RULES[r].scopes]
    for rule in limited:
        scopes["limits"][:, rule.number] = 0
        scopes["limited"] &= ~np.uint64(1 << rule.number)
        if rule.unit == "per_s":
            scopes[f"{rule.name.removesuffix('_RATE').lower()}_interval"] = 0
    match reason:
        case "KILLED" | "LOSS" | "REDUCE_ONLY" | "STRATEGY_DISABLED" | "STRATEGY_STALLED":
            scopes["state"][scopes["state"] != 0] = ENUMS["ScopeState"].by_name["OPEN"]
            mine["status"], mine["stalled"] = ENUMS["StrategyStatus"].by_name["ENABLED"], 0
        case "TRADING_HALTED" | "JOURNAL_LATE" | "JOURNAL_PRESSURE":
            engine["restrictions"], engine["journal_pressure"] = 0, 0
        case "NOT_PERMITTED":
            engine["permission_count"] = 0
        case "SESSION_DOWN" | "GATEWAY_STALLED":
            venues["session_state"][1:], venues["stalled"] = _UP, 0
        case "NOT_SUPPORTED":
            venues["ord_types"], venues["time_in_forces"], venues["instructions"] = 0, 0, 0xFF
        case "RESTRICTED":
            traded["restricted"] = 0
        case "NO_LOCATE":
            traded["locate_required"] = 0
        case "UNKNOWN_INSTRUMENT":
            traded["status"] = ENUMS["Status"].by_name["ACTIVE"]
        case _:
            return bool(limited)
    return True
