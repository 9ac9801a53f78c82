"""Margin and equity of accounts, and of each position, from the engine's tables.

Data flow: tables ``scopes``, ``positions``, ``margin_rates``, ``scope_sets`` (read-only views) -> settled copies -> rows. Equity and margin of an account are
the sums that FREE_MARGIN compares; margin of positions is worked out from their rows, that of orders is the rest. Amounts are Decimals of the firm's currency.
What the engine does not count yet is None, never 0: margin before the first limit, equity before the first FREE_MARGIN limit.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ringfence.core.rules import RULES
from ringfence.ipc.schema import ENUMS
from ringfence.tools import margin_schedule
from ringfence.tools.margin_schedule import AMOUNT_DIGITS
from ringfence.tools.render import Column, Row, View
from ringfence.tools.views.instance import settled
from ringfence.tools.views.risk import names_by_row
from ringfence.tools.views.tables import Source

MARGIN = View(
    "margin",
    (
        Column("health", "", "glyph"),
        Column("account", "ACCT"),
        Column("equity", "EQUITY", "money"),
        Column("of_positions", "POSITIONS", "money"),
        Column("of_orders", "ORDERS", "money"),
        Column("margin", "MARGIN", "money"),
        Column("free", "FREE", "money"),
        Column("use_pct", "USE%", "pct"),
        Column("limit", "LIMIT"),
        Column("unvalued", "UNVALUED", "count"),
        Column("broker", "BROKER", wide=True),
        Column("hits", "HITS", "count", wide=True),
    ),
    ("account",),
)
POSITIONS = View(
    "margin_positions",
    (
        Column("account", "ACCT"),
        Column("strategy", "STRAT"),
        Column("symbol", "SYM"),
        Column("amount", "AMOUNT", "money"),
        Column("row", "ROW", "id"),
        Column("about", "ABOUT"),
        Column("rates", "RATES"),
        Column("margin", "MARGIN", "money"),
        Column("equity", "EQUITY", "money", wide=True),
    ),
    ("account", "strategy", "symbol"),
)
_ACCOUNT, _BROKER, _FIRM = (ENUMS["ScopeKind"].by_name[name] for name in ("ACCOUNT", "BROKER", "FIRM"))
_FREE = RULES["FREE_MARGIN"].number
_WARN_PCT = 80
_WIDER = "wider"


def _money(amount: int) -> Decimal:
    return Decimal(amount).scaleb(-AMOUNT_DIGITS)


def _name(names: dict[str, list[str | None]], table: str, row: int) -> str:
    rows = names[table]
    return (rows[row] if 0 < row < len(rows) else None) or f"#{row}"


def _position_margin(source: Source, p: Any) -> tuple[int, int, str, str]:
    """Margin of a position, its row of the schedule (0: none), what that is about, and its rates."""
    schedule, sets, names = source.table("margin_rates"), source.table("scope_sets"), names_by_row(source)
    amount, row = abs(int(p["value"])), int(p["margin_rate"])
    if row and schedule is not None and row < len(schedule):
        rate = schedule[row]
        words = margin_schedule.about(rate, lambda table, _column, at: _name(names, table, at))
        return margin_schedule.margin_of(rate, amount), row, words, margin_schedule.rates_text(rate)
    at = int(p["scope_set"])
    ppm = int(sets[at]["margin_ppm"]) if sets is not None and at < len(sets) else 0
    return -(-amount * ppm // 10**6), 0, "MARGIN_RATE or the instrument's", margin_schedule.share_text(ppm)


def _held(source: Source) -> list[Any]:
    table, engine = source.table("positions"), source.engine
    if table is None or engine is None:
        return []
    rows, _ = settled(table[1 : min(int(engine["position_count"]) + 1, len(table))])
    return [p for p in rows if int(p["counted"])]


def accounts(source: Source) -> list[Row]:
    """Return a row per account."""
    table, engine, scopes = source.table("accounts"), source.engine, source.table("scopes")
    if table is None or engine is None or scopes is None:
        return []
    names, counting, weighing = names_by_row(source), bool(int(engine["counting"])), bool(int(engine["weighing"]))
    sums, _ = settled(scopes[1 : min(int(engine["scope_count"]) + 1, len(scopes))])
    of_account = {int(s["a"]): s for s in sums if int(s["kind"]) == _ACCOUNT}
    around = {(int(s["kind"]), int(s["a"])): s for s in sums if int(s["kind"]) in (_BROKER, _FIRM) and int(s["limits"][_FREE])}
    of_positions: dict[int, int] = {}
    for p in _held(source):
        of_positions[int(p["account"])] = of_positions.get(int(p["account"]), 0) + _position_margin(source, p)[0]
    out: list[Row] = []
    for a in table[1 : int(engine["account_count"]) + 1]:
        name, s = _name(names, "accounts", int(a["id"])), of_account.get(int(a["id"]))
        if s is None:
            continue
        margin, positions = int(s["margin"]), of_positions.get(int(a["id"]), 0)
        equity = int(s["equity"]) if weighing else None
        share, unvalued = int(s["limits"][_FREE]), int(s["unvalued"]) + int(s["untold"])
        wider = [w for key in ((_BROKER, int(a["broker"])), (_FIRM, 0)) if (w := around.get(key)) is not None]
        out.append(
            {
                "health": _worst(_health(s, weighing), *(_health(w, weighing) for w in wider)),
                "account": name,
                "equity": None if equity is None else _money(equity),
                "of_positions": _money(positions) if counting else None,
                "of_orders": _money(margin - positions) if counting else None,
                "margin": _money(margin) if counting else None,
                "free": None if equity is None else _money(equity - margin),
                "use_pct": 100 * margin / equity if equity and equity > 0 else None,
                "limit": margin_schedule.share_text(share) if share else _WIDER if wider else None,
                "unvalued": unvalued,
                "broker": _name(names, "brokers", int(a["broker"])) if int(a["broker"]) else None,
                "hits": int(s["hits"][_FREE]),
            }
        )
    return out


def _health(scope: Any, weighing: bool) -> str:
    """Of one scope, as FREE_MARGIN judges the next order in it: without equity nothing passes a limit, whatever its share."""
    if not weighing:
        return "idle"
    margin, equity, share = int(scope["margin"]), int(scope["equity"]), int(scope["limits"][_FREE])
    if (equity <= 0 and (share or margin > 0)) or (share and margin * 10**6 > equity * share):
        return "bad"
    return "warn" if int(scope["unvalued"]) + int(scope["untold"]) or (share and margin * 10**8 > equity * share * _WARN_PCT) else "ok"


def _worst(*health: str) -> str:
    return max(health, key=("ok", "idle", "warn", "bad").index)


def positions(source: Source) -> list[Row]:
    """Return a row per position that is open."""
    names = names_by_row(source)
    engine = source.engine
    weighing = engine is not None and bool(int(engine["weighing"]))
    out: list[Row] = []
    for p in _held(source):
        if int(p["net_qty"]) == 0:
            continue
        margin, row, about, rates = _position_margin(source, p)
        out.append(
            {
                "account": _name(names, "accounts", int(p["account"])),
                "strategy": _name(names, "strategies", int(p["strategy"])) if int(p["strategy"]) else "suspense",
                "symbol": _name(names, "instruments", int(p["instrument"])),
                "amount": None if int(p["unvalued"]) and not int(p["value"]) else _money(int(p["value"])),
                "row": row or None,
                "about": about,
                "rates": rates,
                "margin": _money(margin),
                "equity": _money(int(p["equity"])) if weighing else None,
            }
        )
    return out


def notes(source: Source) -> list[str]:
    """What the figures leave out, in words."""
    engine = source.engine
    if engine is None:
        return []
    if not int(engine["counting"]):
        return ["○ nothing is counted before the first limit is set: [[limit]] in the configuration, or ringfence limits set"]
    if not int(engine["weighing"]):
        return ["○ equity is counted from the first FREE_MARGIN limit on: ringfence limits set FREE_MARGIN account:NAME 100% --reason TEXT"]
    return []
