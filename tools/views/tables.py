"""Orders, fills and positions of a running instance, from the engine's tables in region ``state``.

Data flow: engine tables (read-only views) -> settled copies -> rows. Prices and quantities become Decimals by their instrument's digits; AvgPx, unit
cost and PnL are exact quotients of 128-bit sums, rounded only for the screen; where the ledger has the position they are the ledger's, by its method, with
fees (``views.books``). Whatever the tables do not hold yet (liquidity, drop copy) is None, never 0.
Unrealized PnL values a position at its mark (``tools.marks``), as the ledger's store does.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any, Protocol

import numpy as np

from ringfence.core import transitions
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools import ledger_state
from ringfence.tools.marks import Mark, mark_of
from ringfence.tools.render import Column, Row, View
from ringfence.tools.views import books
from ringfence.tools.views.instance import age, label, named, settled, settled_at

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_EXACT = Context(prec=60)
TERMINAL = frozenset(ENUMS["OrdStatus"].by_name[n] for n in transitions.TERMINAL)
_FLAGS = (("ORDER_UNVERIFIED", "unverified"), ("ORDER_OVERFILLED", "overfilled"), ("ORDER_BREAK", "break"))
_EXECUTION = {value: name.removeprefix("EXECUTION_") for name, (value, _) in CONSTANTS.items() if name.startswith("EXECUTION_")}

ORDERS = View(
    "orders",
    (
        Column("id", "ID", "id"),
        Column("clord", "CLORD"),
        Column("account", "ACCT"),
        Column("strategy", "STRAT"),
        Column("symbol", "SYM"),
        Column("side", "SIDE"),
        Column("type", "TYPE"),
        Column("tif", "TIF"),
        Column("px", "PX", "px"),
        Column("qty", "QTY", "qty"),
        Column("cum", "CUM", "qty"),
        Column("leaves", "LEAVES", "qty"),
        Column("state", "STATE"),
        Column("venue_id", "VENUE_ID"),
        Column("age", "AGE", "ns"),
        Column("flags", "FLAGS"),
        Column("client_id", "CLIENT_ID", "id", wide=True),
        Column("avg_px", "AVG_PX", "px", wide=True),
        Column("venue", "VENUE", wide=True),
        Column("created_ns", "CREATED", "time", wide=True),
        Column("updated_seq", "UPDATED_SEQ", "id", wide=True),
        Column("reason", "REASON", wide=True),
        Column("text", "TEXT", wide=True),
    ),
    ("id",),
)
FILLS = View(
    "fills",
    (
        Column("seq", "SEQ", "id"),
        Column("time_ns", "TIME", "time"),
        Column("exec_id", "EXEC_ID"),
        Column("id", "ID", "id"),
        Column("symbol", "SYM"),
        Column("side", "SIDE"),
        Column("qty", "QTY", "qty"),
        Column("px", "PX", "px"),
        Column("fee", "FEE", "money"),
        Column("liq", "LIQ"),
        Column("venue", "VENUE"),
        Column("dc", "DC"),
        Column("account", "ACCT", wide=True),
        Column("strategy", "STRAT", wide=True),
        Column("state", "STATE", wide=True),
        Column("execution", "EXECUTION", "id", wide=True),
        Column("transact_ns", "TRANSACT", "time", wide=True),
    ),
    ("seq", "exec_id"),
)
POSITIONS = View(
    "positions",
    (
        Column("account", "ACCT"),
        Column("strategy", "STRAT"),
        Column("symbol", "SYM"),
        Column("net", "NET", "qty"),
        Column("avg", "AVG", "px"),
        Column("mark", "MARK", "px"),
        Column("upnl", "UPNL", "money"),
        Column("rpnl", "RPNL", "money"),
        Column("ccy", "CCY"),
        Column("fees", "FEES", "money"),
        Column("exposure", "EXPOSURE", "money"),
        Column("limit_pct", "LIMIT%", "pct"),
        Column("method", "METHOD"),
        Column("age", "AGE", "ns"),
        Column("fills", "FILLS", "count", wide=True),
        Column("bought", "BOUGHT", "qty", wide=True),
        Column("sold", "SOLD", "qty", wide=True),
        Column("held", "HELD", "qty", wide=True),
        Column("funding", "FUNDING", "money", wide=True),
        Column("income", "INCOME", "money", wide=True),
        Column("lots", "LOTS", "count", wide=True),
        Column("mark_from", "MARK_FROM", wide=True),
    ),
    ("account", "strategy", "symbol"),
)
BREAKS = View(
    "breaks",
    (
        Column("seq", "SEQ", "id"),
        Column("time_ns", "TIME", "time"),
        Column("kind", "KIND"),
        Column("venue", "VENUE"),
        Column("id", "ID", "id"),
        Column("clord", "CLORD"),
        Column("exec_id", "EXEC_ID"),
        Column("ours", "OURS", "id"),
        Column("theirs", "THEIRS", "id"),
        Column("text", "TEXT"),
    ),
    ("seq", "kind", "id"),
)


def base32(value: int, width: int) -> str:
    """Return ``value`` in base 32 (0-9A-V), ``width`` digits."""
    return "".join(DIGITS[value >> 5 * i & 31] for i in reversed(range(width)))


def cl_ord_id(prefix: str, day_code: int, order_id: int, revision: int) -> str:
    """Return ClOrdID(11) of an order's revision as the engine derives it (docs/architecture.md)."""
    return f"{prefix:.2}{base32(day_code, 3)}-{base32(order_id, 7)}-{base32(revision, 2)}"


def order_of(cl_ord_id_text: str) -> int | None:
    """Return the order id inside a ClOrdID; None when it is not one of ours."""
    parts = cl_ord_id_text.upper().split("-")
    if [len(p) for p in parts] != [5, 7, 2] or not set(parts[1]) <= set(DIGITS):
        return None
    return int(parts[1], 32)


def scaled(value: Any, digits: int) -> Decimal:
    """Return the integer ``value`` times 10^-digits, exactly."""
    return Decimal(int(value)).scaleb(-digits, _EXACT)


def wide(low: Any, high: Any) -> int:
    """Return a signed 128-bit figure from its two words."""
    return (int(high) << 64) + int(low)


class Tables(Protocol):
    """Whatever has the engine's tables: a running instance, or the state of a replay."""

    def table(self, name: str, /) -> Any: ...


class Source(Tables, Protocol):
    """Tables, their scalars and the moment at which they are looked at."""

    now_ns: int

    @property
    def engine(self) -> Any: ...


class Replayed:
    """The state that a replay ended with, seen like a running instance's, at the time of its last input."""

    def __init__(self, state: Tables) -> None:
        self.table = state.table
        self.engine = state.table("engine")[1]
        self.now_ns = int(self.engine["engine_ns"])


class Names:
    """Names and scales of the configuration tables, read once per frame."""

    def __init__(self, tables: Tables) -> None:
        self._tables = {n: tables.table(n) for n in ("instruments", "accounts", "strategies", "venues", "routes")}

    def _row(self, table: str, row: Any) -> Any:
        rows = self._tables[table]
        return rows[int(row)] if rows is not None and 0 < int(row) < len(rows) else None

    def _name(self, table: str, row: Any, field: str = "name") -> str | None:
        found = self._row(table, row)
        return (label(found[field]) or None) if found is not None else None

    def account(self, row: Any) -> str | None:
        return self._name("accounts", row)

    def strategy(self, row: Any) -> str | None:
        return self._name("strategies", row)

    def venue(self, row: Any) -> str | None:
        return self._name("venues", row)

    def route(self, row: Any) -> str | None:
        return self._name("routes", row)

    def instrument(self, row: Any) -> Any:
        return self._row("instruments", row)

    def symbol(self, row: Any) -> str | None:
        return self._name("instruments", row, "symbol")

    def settlement(self, row: Any) -> str | None:
        """The currency that an instrument is settled in: the base of an inverse one, else the quote."""
        found = self.instrument(row)
        return (label(found["base" if found["inverse"] else "quote"]) or None) if found is not None else None

    def digits(self, row: Any) -> tuple[int, int]:
        """Return ``(price_digits, qty_digits)`` of an instrument, 0 and 0 when it is unknown."""
        found = self.instrument(row)
        return (int(found["price_digits"]), int(found["qty_digits"])) if found is not None else (0, 0)


def orders(source: Source, *, every: bool = False, order_id: int | None = None) -> list[Row]:
    """Return open orders, all with ``every``, or the one named by ``order_id``; oldest first."""
    table, engine = source.table("orders"), source.engine
    if table is None or engine is None:
        return []
    used = min(int(engine["order_count"]) + 1, len(table))
    if every:
        rows, moving = settled(table[1:used])
    elif order_id is not None:
        rows, moving = settled(table[order_id : order_id + 1] if 0 < order_id < used else table[:0])
    else:
        rows, moving = settled_at(table, np.flatnonzero(~np.isin(table["ord_status"][:used], [0, *TERMINAL])))
    names, prefix = Names(source), label(engine["prefix"])
    return [_order(source, names, prefix, r) | ({"stale": True} if m else {}) for r, m in zip(rows, moving, strict=True) if r["order_id"]]


def _order(source: Source, names: Names, prefix: str, r: Any) -> Row:
    price_digits, qty_digits = names.digits(r["instrument"])
    limit = ENUMS["OrdType"].by_value.get(int(r["ord_type"])) in {"LIMIT", "STOP_LIMIT"}
    cum = int(r["cum_qty"])
    flags = [word for name, word in _FLAGS if int(r["flags"]) & CONSTANTS[name][0]]
    reason = named("DenyReason", r["deny_reason"])
    return {
        "id": int(r["order_id"]),
        "clord": cl_ord_id(prefix, int(r["day_code"]), int(r["order_id"]), int(r["live_revision"])),
        "account": names.account(r["account"]),
        "strategy": names.strategy(r["strategy"]),
        "symbol": names.symbol(r["instrument"]),
        "side": named("Side", r["side"]),
        "type": named("OrdType", r["ord_type"]),
        "tif": named("TimeInForce", r["time_in_force"]),
        "px": scaled(r["px"], price_digits) if limit else None,
        "qty": scaled(r["qty"], qty_digits),
        "cum": scaled(cum, qty_digits),
        "leaves": scaled(r["leaves_qty"], qty_digits),
        "state": named("OrdStatus", r["ord_status"]),
        "venue_id": label(r["venue_order_id"]) or None,
        "age": age(source.now_ns, r["created_ns"]),
        "flags": ",".join(flags) or None,
        "client_id": int(r["client_id"]),
        "avg_px": average(wide(r["notional_lo"], r["notional_hi"]), cum, price_digits) if cum else None,
        "venue": names.venue(r["venue"]),
        "created_ns": int(r["created_ns"]) or None,
        "updated_seq": int(r["updated_seq"]) or None,
        "reason": reason if reason != "NONE" else None,
        "text": label(r["text"]) or None,
    }


def average(total: int, qty: int, price_digits: int) -> Decimal:
    """Return ``total / qty`` (both scaled integers) as a price with two digits more than the instrument's, half even."""
    exact = _EXACT.divide(Decimal(total), Decimal(qty)).scaleb(-price_digits, _EXACT)
    return exact.quantize(Decimal(1).scaleb(-price_digits - 2), context=_EXACT)


def fills(source: Source, count: int | None = None) -> list[Row]:
    """Return booked executions, oldest first; only the last ``count`` when given."""
    table, engine = source.table("executions"), source.engine
    if table is None or engine is None:
        return []
    used = min(int(engine["execution_count"]) + 1, len(table))
    first = max(1, used - count) if count is not None else 1
    rows, moving = settled(table[first:used])
    names = Names(source)
    fees = books.fees_of(source, first, used)
    out = []
    for r, unsettled in zip(rows, moving, strict=True):
        price_digits, qty_digits = names.digits(r["instrument"])
        state = _EXECUTION.get(int(r["state"]))
        row: Row = {
            "seq": int(r["booked_seq"]),
            "time_ns": int(r["engine_ns"]) or None,
            "exec_id": label(r["exec_id"]),
            "id": int(r["order_id"]) or None,
            "symbol": names.symbol(r["instrument"]),
            "side": named("Side", r["side"]),
            "qty": scaled(r["last_qty"], qty_digits),
            "px": scaled(r["last_px"], price_digits),
            "fee": fees.get(int(r["id"])),
            "liq": None,
            "venue": names.venue(r["venue"]),
            "dc": None,
            "account": names.account(r["account"]),
            "strategy": names.strategy(r["strategy"]),
            "state": state,
            "execution": int(r["id"]) or None,
            "transact_ns": int(r["transact_ns"]) or None,
        }
        out.append(row | ({"stale": True} if unsettled else {}))
    return out


def positions(source: Source) -> list[Row]:
    """Return every position that ever traded, with PnL at the instrument's last mark."""
    table, engine = source.table("positions"), source.engine
    if table is None or engine is None:
        return []
    rows, moving = settled(table[1 : min(int(engine["position_count"]) + 1, len(table))])
    names = Names(source)
    held, instruments = books.held(source), source.table("ledger_instruments")
    out = []
    for r, unsettled in zip(rows, moving, strict=True):
        p, instrument = held.get((int(r["account"]), int(r["strategy"]), int(r["instrument"]))), names.instrument(r["instrument"])
        mark = mark_of(instrument, int(r["net_qty"]) if p is None else ledger_state.wide(p[1]["qty"])) if instrument is not None else None
        row = _position(source, names, r, mark)
        if p is not None:
            row |= books.figures(instruments[int(r["instrument"])], p[1], mark)
        out.append(row | ({"stale": True} if unsettled or (p is not None and p[2]) else {}))
    return out


def lots(source: Source) -> list[Row]:
    """Open lots of the ledger, by position and age."""
    return books.lots(source, Names(source)) if source.table("ledger") is not None else []


def _position(source: Source, names: Names, r: Any, mark: Mark | None) -> Row:
    """A row by average cost."""
    price_digits, qty_digits = names.digits(r["instrument"])
    instrument, net, cost = names.instrument(r["instrument"]), int(r["net_qty"]), wide(r["cost_lo"], r["cost_hi"])
    multiplier = int(instrument["multiplier"]) or 1 if instrument is not None else 1
    marked_ns = 0 if instrument is None or mark is None else int(instrument["last_ns" if mark.source == "LAST" else "mark_ns"])
    money = price_digits + qty_digits
    px = mark.decimal(price_digits) if mark is not None else None
    held = scaled(net, qty_digits)
    return {
        "account": names.account(r["account"]),
        "strategy": names.strategy(r["strategy"]) or "(suspense)",
        "symbol": names.symbol(r["instrument"]),
        "net": held,
        "avg": average(cost, net, price_digits) if net else None,
        "mark": px,
        "upnl": _EXACT.multiply(_EXACT.subtract(_EXACT.multiply(held, px), scaled(cost, money)), multiplier) if px is not None else None if net else Decimal(0),
        "rpnl": scaled(wide(r["realized_lo"], r["realized_hi"]) * multiplier, money),
        "ccy": names.settlement(r["instrument"]),
        "fees": None,
        "exposure": _EXACT.multiply(_EXACT.multiply(abs(held), px), multiplier) if px is not None else None,
        "limit_pct": None,
        "method": "WAC",
        "age": age(source.now_ns, marked_ns) if marked_ns else None,
        "fills": int(r["fills"]),
        "bought": scaled(r["bought_qty"], qty_digits),
        "sold": scaled(r["sold_qty"], qty_digits),
        "mark_from": mark.text if mark is not None else None,
    }


def breaks(source: Source) -> list[Row]:
    """Return the breaks that the table holds, oldest first: when it is full the first and the newest (the engine counts all)."""
    table, engine = source.table("breaks"), source.engine
    if table is None or engine is None:
        return []
    rows, _ = settled(table[1 : min(int(engine["break_count"]) + 1, len(table))])
    names = Names(source)
    return [
        {
            "seq": int(r["seq"]),
            "time_ns": int(r["engine_ns"]) or None,
            "kind": named("BreakKind", r["kind"]),
            "venue": names.venue(r["venue"]),
            "id": int(r["order_id"]) or None,
            "clord": label(r["cl_ord_id"]) or None,
            "exec_id": label(r["exec_id"]) or None,
            "ours": int(r["ours"]),
            "theirs": int(r["theirs"]),
            "text": label(r["text"]) or None,
        }
        for r in rows[rows["seq"].argsort(kind="stable")]
    ]


def breaks_without_row(source: Source) -> int:
    """How many breaks the table has no room for: it keeps the first and the newest."""
    table, engine = source.table("breaks"), source.engine
    return 0 if table is None or engine is None else max(0, int(engine["break_count"]) - (len(table) - 1))


def breaks_full_text(lost: int) -> str:
    """What to say, and do, when breaks have no row."""
    return f"✖ the table of breaks is full: {lost} between the first and the newest have no row, the journal has their events (ringfence journal dump)"
