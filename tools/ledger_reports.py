"""Rows of the ledger's views for the command line: positions, PnL, exposure, trial balance, lots, and every entry behind a position.

    Store (as of a moment) ──views──▶ rows ──render.View──▶ table, CSV, JSON

Figures come from the store as exact decimals and stay so; a table rounds money to two digits, CSV and JSON do not. Lots are not stored: they are what the
engine's ledger has after a replay of the journal. What can fail: UsageError for a position that does not exist, and what the store or the replay fails with.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

from ringfence.tools.errors import UsageError
from ringfence.tools.ledger_books import Books
from ringfence.tools.ledger_rollups import BASE_FIGURES
from ringfence.tools.ledger_state import MONEY_DIGITS, Terms, lots_of, terms_of, unit_cost, wide
from ringfence.tools.ledger_store import Moment, Store
from ringfence.tools.ledger_verify import rebuilt
from ringfence.tools.render import Column, Row, View
from ringfence.tools.replay import END

_BASE_OF_ENTRY = ("cost_base", "realized_base", "realized_fx", "fees_base", "income_base")
BASE_OF_POSITION = ("cost_base", "realized_base", "fees_base", "income_base")
_WHO = (Column("position", "ID", "id"), Column("account", "ACCT"), Column("strategy", "STRAT"), Column("symbol", "SYM"))
POSITIONS = View(
    "ledger_positions",
    (
        *_WHO,
        Column("method", "METHOD"),
        Column("qty", "QTY", "px"),
        Column("currency", "CCY"),
        Column("unit_cost", "UNIT_COST", "px"),
        Column("cost", "COST", "money"),
        Column("realized", "REALIZED", "money"),
        Column("fees", "FEES", "money"),
        Column("funding", "FUNDING", "money"),
        Column("income", "INCOME", "money"),
        Column("cash", "CASH", "money"),
        Column("postings", "POSTINGS", "count", wide=True),
        Column("updated_seq", "UPDATED_SEQ", "id", wide=True),
        *(Column(name, name.upper(), "money", wide=True) for name in BASE_OF_POSITION),
        Column("base_known", "BASE_KNOWN", "count", wide=True),
    ),
    ("position",),
)
PNL = View(
    "ledger_pnl",
    (
        *_WHO,
        Column("qty", "QTY", "px"),
        Column("mark", "MARK", "px"),
        Column("mark_from", "MARK_FROM", wide=True),
        Column("currency", "CCY"),
        Column("realized", "REALIZED", "money"),
        Column("unrealized", "UNREALIZED", "money"),
        Column("fees", "FEES", "money"),
        Column("funding", "FUNDING", "money"),
        Column("income", "INCOME", "money"),
        Column("total", "TOTAL", "money"),
        Column("updated_seq", "UPDATED_SEQ", "id", wide=True),
        Column("base_currency", "BASE_CCY", wide=True),
        *(Column(name, name.upper(), "money", wide=True) for name in BASE_FIGURES),
        Column("base_known", "BASE_KNOWN", "count", wide=True),
    ),
    ("position",),
)
PNL_BASE = View(
    "ledger_pnl_base",
    (
        *_WHO,
        Column("qty", "QTY", "px"),
        Column("base_currency", "BASE_CCY"),
        *(Column(name, name.upper(), "money") for name in BASE_FIGURES),
        Column("base_known", "BASE_KNOWN", "count"),
        Column("updated_seq", "UPDATED_SEQ", "id", wide=True),
    ),
    ("position",),
)
IDENTITY = View(
    "ledger_identity",
    (
        *_WHO,
        Column("currency", "CCY"),
        *(Column(name, name.upper(), "money", wide=True) for name in ("realized", "fees", "funding", "income", "unrealized")),
        *(
            Column(name, name.upper(), "money")
            for name in ("result", "cash", "position_at_mark", "fees_elsewhere", "difference", "equity", "equity_difference")
        ),
    ),
    ("position",),
)
EXPOSURE = View(
    "ledger_exposure",
    (Column("asset", "ASSET"), Column("value_day", "VALUE_DATE"), Column("account", "ACCT"), Column("strategy", "STRAT"), Column("amount", "AMOUNT", "px")),
    ("asset", "value_day", "account", "strategy"),
)
TRIAL_BALANCE = View(
    "ledger_trial_balance",
    (
        Column("asset", "ASSET"),
        Column("what", "WHAT"),
        Column("ledger_account", "ACCOUNT"),
        Column("debit", "DEBIT", "px"),
        Column("credit", "CREDIT", "px"),
    ),
    ("asset", "what", "ledger_account"),
)
LOTS = View(
    "ledger_lots",
    (
        *_WHO,
        Column("method", "METHOD"),
        Column("seq", "SEQ", "id"),
        Column("qty", "QTY", "px"),
        Column("unit_cost", "UNIT_COST", "px"),
        Column("cost", "COST", "money"),
        Column("currency", "CCY"),
    ),
    ("position", "seq"),
)
ENTRIES = View(
    "ledger_explain",
    (
        Column("seq", "SEQ", "id"),
        Column("time", "TIME"),
        Column("kind", "KIND"),
        Column("exec_id", "EXEC_ID"),
        Column("venue", "VENUE"),
        Column("side", "SIDE"),
        Column("px", "PX", "px"),
        Column("units", "UNITS", "px"),
        Column("cost", "COST", "money"),
        Column("cash", "CASH", "money"),
        Column("fee", "FEE", "money", wide=True),
        Column("funding", "FUNDING", "money", wide=True),
        Column("income", "INCOME", "money", wide=True),
        Column("realized", "REALIZED", "money"),
        Column("qty_after", "QTY_AFTER", "px"),
        Column("cost_after", "COST_AFTER", "money"),
        Column("realized_after", "REALIZED_AFTER", "money"),
        Column("order_id", "ORDER", "id", wide=True),
        Column("value_day", "VALUE_DATE", wide=True),
        *(Column(name, name.upper(), "money", wide=True) for name in _BASE_OF_ENTRY),
    ),
    ("seq",),
)
_TRADE = (
    Column("account", "ACCT"),
    Column("strategy", "STRAT"),
    Column("symbol", "SYM"),
    Column("venue", "VENUE"),
    Column("side", "SIDE"),
    Column("qty", "QTY", "px"),
    Column("px", "PX", "px"),
    Column("fee", "FEE", "px"),
    Column("fee_asset", "FEE_ASSET"),
    Column("exec_id", "EXEC_ID"),
    Column("value_day", "VALUE_DATE"),
    Column("fee_kind", "FEE_KIND", wide=True),
    Column("fee_currency", "FEE_CCY", wide=True),
    Column("broker", "BROKER", wide=True),
    Column("order_id", "ORDER", "id", wide=True),
    Column("trade_day", "TRADE_DATE", wide=True),
)
FILLS = View(
    "ledger_fills",
    (
        Column("execution", "ID", "id"),
        Column("status", "STATUS"),
        Column("result", "RESULT", wide=True),
        Column("engine_time", "TIME"),
        *_TRADE,
        Column("booked_seq", "BOOKED_SEQ", "id", wide=True),
        Column("changed_seq", "CHANGED_SEQ", "id", wide=True),
        Column("changes", "CHANGES", "count", wide=True),
    ),
    ("execution",),
)
HISTORY = View(
    "ledger_fill_history",
    (
        Column("seq", "SEQ", "id"),
        Column("engine_time", "TIME"),
        Column("execution", "ID", "id"),
        Column("kind", "KIND"),
        Column("result", "RESULT"),
        *_TRADE,
        Column("amount", "AMOUNT", "px"),
        Column("currency", "CCY", wide=True),
        Column("venue_order_id", "VENUE_ORDER", wide=True),
    ),
    ("seq", "execution"),
)
EXACT_DIGITS = 80
"""No sum of figures of 128 bits has more."""


def number(value: Any) -> Decimal | None:
    """A figure of either database as a Decimal; None stays unknown."""
    return None if value is None else Decimal(str(value))


def _rows(store: Store, sql: str, *numbers: str, **values: Any) -> list[Row]:
    rows = store.query(sql, **values)
    for row in rows:
        for name in numbers:
            row[name] = number(row[name])
        if "instrument" in row:
            row["symbol"] = row["instrument"]
        if "value_day" in row:
            row["value_day"] = str(row["value_day"])
    return rows


def positions(store: Store) -> list[Row]:
    """Return one row per position, flat ones too."""
    sql = """
        SELECT p.*, f.qty AS whole_qty, f.cost AS whole_cost, f.factor, f.divisor, f.px_digits, f.inverse
        FROM positions p JOIN named_figures f ON f.position = p.position ORDER BY p.position"""
    rows = _rows(store, sql, "qty", "cost", "realized", "fees", "funding", "income", "cash", *BASE_OF_POSITION)
    for row in rows:
        terms = Terms(int(row.pop("factor")), int(row.pop("divisor")), row.pop("px_digits"), bool(row.pop("inverse")))
        row["unit_cost"] = unit_cost(terms, int(row.pop("whole_qty")), int(row.pop("whole_cost")))
    return rows


def pnl(store: Store) -> list[Row]:
    """Return realized and unrealized PnL per position, in the firm's currency too; unknown without a mark, or a rate."""
    names = ("qty", "mark", "realized", "unrealized", "fees", "funding", "income", "total", *BASE_FIGURES)
    return _rows(store, "SELECT * FROM pnl ORDER BY position", *names)


def total_line(rows: list[Row]) -> str:
    """All positions in the firm's currency, in words; what is not known is said."""
    unknown = [str(row["position"]) for row in rows if row["total_base"] is None]
    if unknown:
        return f"▲ no total: a rate or a mark is missing for position {', '.join(unknown)}"
    with localcontext(prec=EXACT_DIGITS):
        sums = {name: sum((row[name] for row in rows), Decimal(0)) for name in BASE_FIGURES}
    parts = ", ".join(f"{name.removesuffix('_base').replace('_', ' ')} {sums[name]:f}" for name in BASE_FIGURES if name != "total_base")
    return f"total {sums['total_base']:f} {rows[0]['base_currency'] if rows else '-'}: {parts}"


def cash_line(rows: list[Row]) -> str:
    """What the money of all accounts, deposits and conversions too, gained by its rates since it came, in words."""
    if any(row["fx_on_cash"] is None for row in rows):
        return "▲ fx on the cash of accounts: a rate is missing (ringfence ledger cash)"
    with localcontext(prec=EXACT_DIGITS):
        gained = sum((row["fx_on_cash"] for row in rows), Decimal(0))
    return f"fx on the cash of accounts, with deposits and conversions: {gained:f} {rows[0]['base_currency'] if rows else '-'}"


def identity(store: Store) -> list[Row]:
    """Return both sides of the master identity per position, and what EQUITY has; two differences, which are 0."""
    names = tuple(c.key for c in IDENTITY.columns if c.kind == "money")
    return _rows(store, "SELECT * FROM identity ORDER BY position", *names)


def exposure(store: Store) -> list[Row]:
    """Return what is held by asset, value date, account and strategy."""
    sql = "SELECT * FROM exposure ORDER BY asset, value_day, account, strategy"
    return [row for row in _rows(store, sql, "amount") if row["amount"]]


def cash(store: Store) -> list[Row]:
    """Return what each account has in each currency: entered, what positions paid, fees; worth and fx result are unknown without a rate."""
    figures = ("entered", "positions", "fees", "balance", "worth", "fx_on_cash")
    return _rows(store, "SELECT * FROM cash ORDER BY account, currency", *figures)


def trial_balance(store: Store) -> tuple[list[Row], list[str]]:
    """Return balances of the ledger's accounts per asset, and what does not add up to zero."""
    rows = []
    for row in _rows(store, "SELECT * FROM trial_balance ORDER BY what, asset, ledger_account", "balance"):
        balance = row["balance"]
        rows.append({**row, "debit": balance if balance > 0 else None, "credit": -balance if balance < 0 else None})
    wrong = [r for r in _rows(store, "SELECT * FROM trial_balance_totals", "total") if r["total"]]
    return [r for r in rows if r["balance"]], [f"{r['asset']} ({r['what']}) adds up to {r['total']}, and must be 0" for r in wrong]


def fills(store: Store, *, history: bool) -> list[Row]:
    """Return each trade with what is in force of it, or every change of every trade."""
    rows = _rows(
        store,
        f"SELECT * FROM {'fill_history ORDER BY seq' if history else 'fills ORDER BY booked_seq'}, execution",
        "qty",
        "px",
        "fee",
        *(("amount",) if history else ()),
    )
    return [row | {"trade_day": str(row["trade_day"])} for row in rows]


def find_position(store: Store, text: str) -> Row:
    """Return a position by its number, or by ACCOUNT/STRATEGY/SYMBOL (the symbol may contain a slash).

    Raises
    ------
    UsageError
        If there is no such position; the message names those there are.
    """
    found = positions(store)
    for row in found:
        if text in {str(row["position"]), f"{row['account']}/{row['strategy']}/{row['symbol']}"}:
            return row
    known = ", ".join(f"{r['position']} {r['account']}/{r['strategy']}/{r['symbol']}" for r in found[:20])
    raise UsageError(f"position was {text!r}; the store has: {known or 'none'}")


def explain(store: Store, position: Row) -> list[Row]:
    """Return every entry behind the figures of a position, oldest first, with the figures after it; in the firm's currency while rates are known."""
    sql = """
        SELECT p.seq, at_time(p.engine_ns) AS time, h.kind, h.exec_id, h.venue, h.side, h.px, h.order_id, p.value_day,
               exact_decimal(p.units, i.qty_digits) AS units, exact_decimal(p.cost, i.money_digits) AS cost, exact_decimal(p.cash, i.money_digits) AS cash,
               exact_decimal(p.fee, i.money_digits) AS fee, exact_decimal(exact_neg(p.funding), i.money_digits) AS funding,
               exact_decimal(exact_neg(p.income), i.money_digits) AS income, exact_decimal(exact_neg(p.pnl), i.money_digits) AS realized,
               p.base_unknown, exact_decimal(p.cost_base, i.money_digits) AS cost_base, exact_decimal(p.realized_base, i.money_digits) AS realized_base,
               exact_decimal(p.realized_fx, i.money_digits) AS realized_fx, exact_decimal(p.fees_base, i.money_digits) AS fees_base,
               exact_decimal(p.income_base, i.money_digits) AS income_base
        FROM postings_now p
        JOIN position_keys k ON k.id = p.position
        JOIN valued i ON i.id = k.instrument
        LEFT JOIN fill_history h ON h.seq = p.seq AND h.execution = p.execution
        WHERE p.position = :position ORDER BY p.seq"""
    rows = _rows(store, sql, "px", "units", "cost", "cash", "fee", "funding", "income", "realized", *_BASE_OF_ENTRY, position=int(position["position"]))
    qty, cost, realized, unknown = Decimal(0), Decimal(0), Decimal(0), 0
    with localcontext(prec=EXACT_DIGITS):
        for row in rows:
            unknown += row.pop("base_unknown")
            row |= dict.fromkeys(_BASE_OF_ENTRY) if unknown else {}
            qty, cost, realized = qty + row["units"], cost + row["cost"], realized + row["realized"]
            row |= {"qty_after": qty, "cost_after": cost, "realized_after": realized}
    return rows


def lots(directory: Path, moment: Moment) -> list[Row]:
    """Return the open lots after a replay of the journal up to the moment's sequence or time; of WAC, each position's pool."""
    books = at_moment(directory, moment)
    table, rows = books.state.table, list[Row]()
    for number, p in enumerate(books.positions()[1:], 1):
        i, who = table("ledger_instruments")[int(p["instrument"])], books.describe(p)
        for lot in lots_of(table, p):
            qty, cost = wide(lot["qty"]), wide(lot["cost"])
            figures = {"qty": Decimal(f"{qty}e-{i['qty_digits']}"), "cost": Decimal(f"{cost}e-{MONEY_DIGITS}"), "unit_cost": unit_cost(terms_of(i), qty, cost)}
            rows.append({"position": number, **who, "seq": int(lot["seq"]), **figures})
    return rows


def at_moment(directory: Path, moment: Moment) -> Books:
    """Return the books of a journal as of a sequence or an engine time."""
    until, until_ns = (END if bound is None else bound for bound in (moment.seq, moment.ns))
    *_, (books, _) = rebuilt(directory, [], until=until, until_ns=until_ns)
    return books
