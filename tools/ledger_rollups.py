"""Sums of many positions by account, strategy, instrument, broker, venue, desk or currency: of a store by its views, of a running engine by its tables.

    Store ──views, GROUP BY──▶ rows ──┐
    views/pnl.py: Part of each position ──summed──▶ rows ──┴──▶ View of the same names

A sum is of what is in one currency: there is a row for each currency of a group. In the firm's currency there is one row for each group; it is unknown, never
0, when a rate or a mark is missing for any position in it, and ``unknown`` counts the positions without a rate. By venue a position counts with what was traded
at each: its realized profit is that of the trades that closed it there; ``-`` is what no venue took part in. Figures are whole numbers until they are printed.
What can fail: what the store fails with.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from ringfence.tools.ledger_store import Store
from ringfence.tools.render import Column, Row, View
from ringfence.tools.views.books import amount

KEYS = ("account", "strategy", "instrument", "broker", "venue", "desk", "currency")
FIGURES = ("realized", "unrealized", "fees", "funding", "income", "total")
BASE_FIGURES = (
    *("realized_base", "realized_price", "realized_fx", "unrealized_base", "unrealized_price", "unrealized_fx"),
    *("fees_base", "income_base", "fx_on_cash", "total_base"),
)
HELD_FIGURES = ("cost", "realized", "fees", "funding", "income", "cash")
_GROUP = (Column("group", "GROUP"), Column("currency", "CCY"), Column("positions", "POSITIONS", "count"))
_UNKNOWN = Column("unknown", "UNKNOWN", "count")


def _money(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, name.upper(), "money") for name in names)


PNL = View("ledger_pnl_by", (*_GROUP, *_money(*FIGURES)), ("group", "currency"))
PNL_BASE = View("ledger_pnl_base_by", (*_GROUP, *_money(*BASE_FIGURES), _UNKNOWN), ("group",))
POSITIONS = View("ledger_positions_by", (*_GROUP, *_money(*HELD_FIGURES)), ("group", "currency"))
EXPOSURE = View(
    "ledger_exposure_by",
    (Column("group", "GROUP"), Column("asset", "ASSET"), Column("amount", "AMOUNT", "px"), Column("amount_base", "AMOUNT_BASE", "money")),
    ("group", "asset"),
)


class Part(NamedTuple):
    """A position, or what it did at a venue: who it belongs to, by KEYS, and its figures as whole numbers of 18 digits; None is not known."""

    names: dict[str, str]
    figures: dict[str, int | None]
    base_currency: str | None
    base_known: bool


def summed(parts: Iterable[Part], by: str, *, base: bool) -> list[Row]:
    """Return the rows that ``pnl`` gives for a store, of parts that somebody read."""
    groups: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        groups.setdefault((part.names[by], (part.base_currency or "-") if base else part.names["currency"]), []).append(part)
    rows = []
    for (group, currency), members in sorted(groups.items()):
        row: Row = {"group": group, "currency": currency, "positions": len(members)}
        for name in BASE_FIGURES if base else FIGURES:
            values = [m.figures[name] for m in members]
            known = [v for v in values if v is not None]
            row[name] = amount(sum(known), 0) if len(known) == len(values) else None
        rows.append(row | ({"unknown": sum(not m.base_known for m in members)} if base else {}))
    return rows


def pnl(store: Store, by: str, *, base: bool) -> list[Row]:
    """Return profit and loss by a key of KEYS, in each currency, or in the firm's."""
    figures = BASE_FIGURES if base else FIGURES
    currency = "coalesce(base_currency, '-')" if base else "currency"
    sums = ", ".join(_sum(name, {"total": "result"}.get(name, name), unknown=base) for name in figures)
    sql = f"""
        SELECT {by} AS {_quoted("group")}, {currency} AS currency, count(*) AS positions, {sums}, sum(1 - base_known) AS unknown
        FROM valued_parts WHERE part = '{_part(by)}' GROUP BY {by}, {currency}, money_digits ORDER BY 1, 2"""
    return _read(store, sql, figures)


def positions(store: Store, by: str) -> list[Row]:
    """Return cost, cash and what came of positions by a key of KEYS, in each currency; ``positions`` counts those that are open."""
    sums = ", ".join(_sum(name, name) for name in HELD_FIGURES)
    sql = f"""
        SELECT {by} AS {_quoted("group")}, currency, sum(CASE WHEN exact_is_zero(qty) THEN 0 ELSE 1 END) AS positions, {sums}
        FROM named_parts WHERE part = '{_part(by)}' GROUP BY {by}, currency, money_digits ORDER BY 1, 2"""
    return _read(store, sql, HELD_FIGURES)


def exposure(store: Store, by: str) -> list[Row]:
    """Return what is held of each asset by a key of KEYS, and in the firm's currency where the asset has a rate."""
    key = "asset" if by == "currency" else by
    sql = f"""
        SELECT e.{key} AS {_quoted("group")}, e.asset, exact_decimal(exact_sum(e.amount), e.money_digits) AS amount,
               exact_decimal(exact_div(exact_mul(exact_sum(e.amount), max(r.rate)), 1000000000), e.money_digits) AS amount_base
        FROM named_exposure e LEFT JOIN rates_now r ON r.currency = e.asset AND r.rate > 0
        GROUP BY e.{key}, e.asset, e.money_digits ORDER BY 1, 2"""
    return [row for row in _read(store, sql, ("amount", "amount_base")) if row["amount"]]


def _part(by: str) -> str:
    return "venue" if by == "venue" else "whole"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _sum(name: str, column: str, *, unknown: bool = False) -> str:
    """A sum as a decimal; unknown when a value is, or, in the firm's currency, a rate."""
    known = f"count({column}) = count(*)" + (" AND sum(base_unknown) = 0" if unknown else "")
    return f"exact_decimal(CASE WHEN {known} THEN exact_sum({column}) END, money_digits) AS {name}"


def _read(store: Store, sql: str, names: Iterable[str]) -> list[Row]:
    rows: list[Row] = store.query(sql)
    for row in rows:
        row |= {name: None if (value := row[name]) is None else Decimal(str(value)) for name in names} | _whole(row)
    return sorted(rows, key=lambda row: (row["group"], row.get("currency") or row["asset"]))


def _whole(row: dict[str, Any]) -> dict[str, int]:
    return {name: int(row[name]) for name in ("positions", "unknown") if name in row}
