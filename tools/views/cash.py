"""Balances of accounts on the screen, with what they are worth and the three lines of each account's result, from region ``state``.

    cash, ledger_positions, rates, marks (settled copies) ──cash_state──▶ rows of balances; price, fx on positions, fx on cash of each account

Figures are exact decimals with 18 places without the zeros at their end; what is worth or gained in the firm's currency is rounded half-even to those 18. What
lacks a rate or a mark is empty. A position that the engine books in while it is read may be a moment older or newer than the others: ask again.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from ringfence.tools.cash_state import UNIT, Balance, balances, fx_on_cash, rate, results
from ringfence.tools.ledger_state import used
from ringfence.tools.marks import mark_of
from ringfence.tools.render import Column, Row, View
from ringfence.tools.views.books import amount
from ringfence.tools.views.instance import label, settled

LINES = ("price", "fx_on_positions", "fx_on_cash")
CASH = View(
    "cash",
    (
        Column("account", "ACCT"),
        Column("currency", "CCY"),
        Column("entered", "ENTERED", "money"),
        Column("positions", "POSITIONS", "money"),
        Column("fees", "FEES", "money"),
        Column("balance", "BALANCE", "money"),
        Column("base_currency", "BASE_CCY"),
        Column("worth", "WORTH", "money"),
        Column("fx_on_cash", "FX_ON_CASH", "money"),
        Column("base_known", "BASE_KNOWN", "count", wide=True),
        Column("entries", "ENTRIES", "count", wide=True),
    ),
    ("account", "currency"),
)


class _Still:
    """Settled copies of the tables that balances are made of; a table that nobody writes while it is read would do as well."""

    def __init__(self, source: Any) -> None:
        self._source, self._kept = source, dict[str, Any]()

    def __call__(self, name: str) -> Any:
        if name not in self._kept:
            rows = used(self._source.table, name, "position_count") if name == "ledger_positions" else self._source.table(name)
            self._kept[name] = settled(rows)[0]
        return self._kept[name]


def _firm(table: Any) -> str:
    return next((label(c["code"]) for c in table("currencies") if c["is_firm"]), "")


def _figure(units: Fraction | None) -> Decimal | None:
    return None if units is None else amount(round(units * UNIT), 0)


def _row(table: Any, b: Balance) -> Row:
    gained, now = fx_on_cash(table, b), rate(table, b.currency)
    return {
        "account": label(table("accounts")[b.account]["name"]),
        "currency": label(table("currencies")[b.currency]["code"]),
        "entered": amount(b.entered, 0),
        "positions": amount(b.positions, 0),
        "fees": amount(b.paid, 0),
        "balance": amount(b.balance, 0),
        "base_currency": _firm(table),
        "worth": None if now is None else _figure(Fraction(b.balance, UNIT) * now),
        "fx_on_cash": _figure(gained),
        "base_known": int(gained is not None),
        "entries": b.entries,
    }


def cash(source: Any) -> list[Row]:
    """Return a row for each account and currency in which something moved."""
    if source.table("cash") is None:
        return []
    table = _Still(source)
    return [_row(table, b) for b in balances(table)]


def lines(source: Any) -> list[Row]:
    """Return price result, fx result of positions and fx result of cash of each account, in the firm's currency; None is unknown."""
    if source.table("cash") is None:
        return []
    table = _Still(source)

    def mark(instrument: int, qty: int) -> Fraction | None:
        found = mark_of(table("instruments")[instrument], qty)
        return None if found is None else found.px

    firm = _firm(table)
    return [
        {"account": label(table("accounts")[account]["name"]), "currency": firm, **{name: _figure(part) for name, part in zip(LINES, found, strict=True)}}
        for account, found in results(table, mark).items()
    ]


def in_words(rows: list[Row]) -> list[str]:
    """One line an account, rounded to cents; ``?`` is what is not known."""
    return [
        f"{row['account']}: "
        + ", ".join(f"{name.replace('_', ' ')} {'?' if row[name] is None else format(row[name], 'z,.2f')}" for name in LINES)
        + f" {row['currency']}"
        for row in rows
    ]
