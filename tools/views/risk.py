"""Limits and their use, grants, kills and proposals, from the engine's tables.

Data flow: tables ``scopes``, ``permissions``, ``proposals`` (read-only views) -> settled copies -> rows. Use is what the check of that rule would compare with
the limit before the next order; what the engine does not sum up (the size of one order, say) is None, never 0. Figures are text in the rule's unit.
"""

from __future__ import annotations

from typing import Any

from ringfence.core.rules import RULES, Rule
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.render import Column, Row, View
from ringfence.tools.rule_values import scope_text, value_text
from ringfence.tools.views.instance import age, label, named, settled
from ringfence.tools.views.tables import Source

RISK = View(
    "risk",
    (
        Column("health", "", "glyph"),
        Column("scope", "SCOPE"),
        Column("rule", "RULE"),
        Column("used", "USED"),
        Column("max", "MAX"),
        Column("use_pct", "USE%", "pct"),
        Column("hits", "HITS", "count"),
        Column("last_reject", "LAST_REJECT", "ns"),
        Column("state", "STATE"),
        Column("unit", "UNIT", wide=True),
        Column("number", "NUMBER", "count", wide=True),
    ),
    ("scope", "rule"),
)
PERMISSIONS = View(
    "permissions",
    (
        Column("id", "ID", "id"),
        Column("name", "NAME"),
        Column("strategy", "STRAT"),
        Column("accounts", "ACCOUNTS"),
        Column("venues", "VENUES"),
        Column("instruments", "INSTRUMENTS"),
        Column("ord_types", "TYPES"),
        Column("time_in_forces", "TIF"),
        Column("short", "SHORT"),
    ),
    ("id",),
)
_NAMED = dict.fromkeys(("brokers", "accounts", "venues", "desks", "strategies", "routes"), "name") | {"instruments": "symbol", "currencies": "code"}
_WARN_PCT, _FULL_PCT = 80, 100
_STATE = ENUMS["ScopeState"].by_name


def names_by_row(source: Source) -> dict[str, list[str | None]]:
    """Names of every table of objects, by row."""
    out = {}
    for table, field in _NAMED.items():
        rows = source.table(table)
        out[table] = [] if rows is None else [label(r) or None for r in rows[field]]
    return out


def used(rule: Rule, scope: Any, now_ns: int = 0) -> int | None:
    """What counts against a rule's limit at a scope, in the rule's unit; None: nothing is summed up for it.

    Parameters
    ----------
    scope : record Scope
    now_ns : int
        For rates: messages of the burst that are not earned back yet.
    """

    def of(name: str) -> int:
        return int(scope[name])

    match rule.name:
        case "SHORT_SALE":
            return of("short_qty") + of("short_working")
        case "CREDIT":
            return of("spent") + of("working_buy")
        case "MARGIN":
            return of("margin")
        case "FREE_MARGIN":
            equity, margin = of("equity"), of("margin")
            return -(-margin * 10**6 // equity) if equity > 0 else None if margin else 0
        case "MAX_POSITION":
            return max(abs(of("net_qty") + of("buy_qty")), abs(of("net_qty") - of("sell_qty")))
        case "NET_EXPOSURE":
            net = of("long_amount") - of("short_amount")
            return max(abs(net + of("working_buy")), abs(net - of("working_sell")))
        case "GROSS_EXPOSURE":
            return of("long_amount") + of("short_amount") + of("working_buy") + of("working_sell")
        case "OPEN_ORDERS":
            return of("open_orders")
        case "TURNOVER":
            return of("turnover") + of("working_buy") + of("working_sell")
        case "DAILY_LOSS":
            return max(0, -of("profit"))
        case "REJECT_LIMIT":
            return of("rejects")
        case "NEW_RATE" | "REPLACE_RATE" | "MESSAGE_RATE":
            word = rule.name.removesuffix("_RATE").lower()
            interval, ahead = of(f"{word}_interval"), of(f"{word}_tat") - now_ns
            return -(-max(0, ahead) // interval) if interval else None
    return None


def risk(source: Source, wanted: str | None = None) -> list[Row]:
    """Return one row per limit that is set, and one per scope that may not trade freely; ``wanted`` is one scope or a part of its name."""
    table, engine = source.table("scopes"), source.engine
    if table is None or engine is None:
        return []
    rows, _ = settled(table[1 : min(int(engine["scope_count"]) + 1, len(table))])
    names, instruments = names_by_row(source), source.table("instruments")
    out: list[Row] = []
    for s in rows:
        text = scope_text(int(s["kind"]), int(s["a"]), int(s["b"]), names)
        if wanted is not None and wanted not in text:
            continue
        digits = _digits(s, instruments)
        if int(s["state"]) != _STATE["OPEN"]:
            out.append(_row(source, s, text, RULES["KILL_SWITCH"], None, None))
        for rule in RULES.values():
            if rule.scopes and int(s["limited"]) >> rule.number & 1:
                out.append(_row(source, s, text, rule, int(s["limits"][rule.number]), digits))
    return out


def _digits(scope: Any, instruments: Any) -> int:
    """Decimals of a scope's quantities: its instrument's, else those of the first, which all share when such a limit is set."""
    kind = ENUMS["ScopeKind"].by_value.get(int(scope["kind"]), "")
    row = int(scope["b"]) if kind.endswith("_INSTRUMENT") else int(scope["a"]) if kind == "INSTRUMENT" else 1
    return int(instruments[row]["qty_digits"]) if instruments is not None and row < len(instruments) else 0


def _row(source: Source, s: Any, text: str, rule: Rule, limit: int | None, digits: int | None) -> Row:
    now = used(rule, s, source.now_ns) if limit is not None else None
    most = limit
    if rule.unit == "per_s" and limit is not None:
        most = int(s["limits"][RULES[rule.name.replace("_RATE", "_BURST")].number]) or 1
    pct = None if now is None or not most else 100 * now / most
    state = named("ScopeState", s["state"])
    gone = rule.name == "FREE_MARGIN" and now is None  # margin is held against an equity of nothing or less
    full = state == "KILLED" or gone or (pct is not None and pct > _FULL_PCT)
    health = "bad" if full else "warn" if state != "OPEN" or (pct or 0) >= _WARN_PCT else "ok"
    last = int(s["last_rule"]) == rule.number
    return {
        "health": health,
        "scope": text,
        "rule": rule.name,
        "used": None if now is None else (str(now) if rule.unit == "per_s" else value_text(rule, now, digits or 0)),
        "max": None if limit is None else value_text(rule, limit, digits or 0),
        "use_pct": pct,
        "hits": int(s["hits"][rule.number]),
        "last_reject": age(source.now_ns, s["last_hit_ns"]) if last else None,
        "state": state,
        "unit": rule.unit or None,
        "number": rule.number,
    }


def killed(source: Source) -> list[str]:
    """Scopes whose kill switch is on, and those that may only reduce, in words."""
    table, engine = source.table("scopes"), source.engine
    if table is None or engine is None:
        return []
    names = names_by_row(source)
    rows = table[1 : min(int(engine["scope_count"]) + 1, len(table))]
    return [
        f"{scope_text(int(s['kind']), int(s['a']), int(s['b']), names)} {(named('ScopeState', s['state']) or '?').lower()}"
        for s in rows
        if int(s["state"]) not in (0, _STATE["OPEN"])
    ]


def doubts(source: Source) -> list[str]:
    """What limits cannot judge, in words: positions and orders without an amount, marks that cannot be, pairs without a scope."""
    table, engine = source.table("scopes"), source.engine
    if table is None or engine is None:
        return []
    out = []
    if unvalued := int(table[CONSTANTS["FIRM_SCOPE"][0]]["unvalued"]):
        out.append(f"{unvalued} positions or open orders have no amount (no rate, no price, too large): limits of amounts pass only what reduces")
    if untold := int(table[CONSTANTS["FIRM_SCOPE"][0]]["untold"]):
        out.append(f"{untold} balances have no worth (no rate, too large): FREE_MARGIN passes only what reduces")
    if marks := int(engine["marks_refused"]):
        instruments = source.table("instruments")
        rows = [] if instruments is None else instruments[1 : int(engine["instrument_count"]) + 1]
        refused = [label(r["symbol"]) for r in rows if int(r["marks_refused"])]
        out.append(f"{marks} marks cannot be and were not taken ({', '.join(refused)}): look at the feed")
    if full := int(engine["scopes_full"]):
        out.append(f"{full} intents found no room for their scopes or position: raise limits.scopes or limits.positions")
    return out


def permissions(source: Source) -> list[Row]:
    """Return the grants, those that were emptied left out."""
    table, engine = source.table("permissions"), source.engine
    if table is None or engine is None:
        return []
    names = names_by_row(source)
    rows, _ = settled(table[1 : min(int(engine["permission_count"]) + 1, len(table))])
    out = []
    for p in rows:
        sets = {n: _set(p[n], lambda k, n=n: _at(names[n], k)) for n in ("accounts", "venues", "instruments")}  # type: ignore[misc]
        sets["ord_types"] = _set([p["ord_types"]], lambda k: named("OrdType", k))
        sets["time_in_forces"] = _set([p["time_in_forces"]], lambda k: named("TimeInForce", k))
        if all(sets.values()):
            strategy = int(p["strategy"])
            short = "yes" if int(p["flags"]) & CONSTANTS["GRANT_SHORT"][0] else "no"
            row: Row = {"id": int(p["id"]), "name": label(p["name"]) or None, "strategy": _at(names["strategies"], strategy) if strategy else "*"}
            out.append(row | sets | {"short": short})
    return out


def _at(rows: list[str | None], row: int) -> str | None:
    return rows[row] if row < len(rows) else None


def _set(words: Any, name: Any) -> str:
    """Names of a set's elements, ``*`` for any, "" for none."""
    width = 64 if len(words) > 1 else 32
    elements = [k * width + bit for k, word in enumerate(words) for bit in range(width) if int(word) >> bit & 1]
    return "*" if 0 in elements else ",".join(name(e) or f"#{e}" for e in elements)


def passed(checks: Any) -> list[str]:
    """Names of the rules whose bits are set in ``Order.checks``."""
    return [r.name for r in RULES.values() if int(checks) >> r.number & 1]
