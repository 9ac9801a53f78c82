"""The engine's ledger on the screen: unit cost, PnL and fees of positions by their method, and open lots, from region ``state``.

Data flow: ledger tables (read-only views) -> settled copies -> figures of a position (``tables.positions`` adds them to its rows), rows of lots.
Figures are exact decimals with 18 places, without zeros beyond the instrument's own; a unit cost that does not terminate has two digits more than a price.
A lot that is read while the engine closes it may be missing or shown twice: ``stale`` rows say that the position moved meanwhile.
"""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from ringfence.ipc.schema import ENUMS
from ringfence.tools.ledger_state import MONEY_DIGITS, lots_of, terms_of, unit_cost, value, wide
from ringfence.tools.marks import Mark, mark_of
from ringfence.tools.render import Column, Row, View
from ringfence.tools.views.instance import named, settled

_EXACT = Context(prec=80)
_FEE = ENUMS["LedgerFee"].by_name
Owner = tuple[int, int, int]

LOTS = View(
    "lots",
    (
        Column("account", "ACCT"),
        Column("strategy", "STRAT"),
        Column("symbol", "SYM"),
        Column("seq", "SEQ", "id"),
        Column("qty", "QTY", "qty"),
        Column("px", "PX", "px"),
        Column("cost", "COST", "money"),
        Column("upnl", "UPNL", "money"),
        Column("ccy", "CCY"),
        Column("method", "METHOD"),
        Column("execution", "EXECUTION", "id", wide=True),
        Column("position", "POSITION", "id", wide=True),
    ),
    ("position", "seq", "execution"),
)


def amount(raw: int, least: int) -> Decimal:
    """A figure of the ledger, exactly, without zeros beyond ``least`` decimals."""
    digits = MONEY_DIGITS
    while digits > least and raw % 10 == 0:
        raw, digits = raw // 10, digits - 1
    return Decimal(raw).scaleb(-digits, _EXACT)


def held(source: Any) -> dict[Owner, tuple[int, Any, bool]]:
    """Row, settled copy and whether it moved, of each position of the ledger, by account, strategy and instrument."""
    head, table = source.table("ledger"), source.table("ledger_positions")
    if head is None or table is None:
        return {}
    rows, moving = settled(table[1 : min(int(head[1]["position_count"]) + 1, len(table))])
    owners = zip(rows["account"].tolist(), rows["strategy"].tolist(), rows["instrument"].tolist(), strict=True)
    return {owner: (row, p, bool(m)) for row, (owner, p, m) in enumerate(zip(owners, rows, moving, strict=True), 1)}


def figures(instrument: Any, position: Any, mark: Mark | None) -> Row:
    """Columns of a position that the ledger knows."""
    qty, cost = wide(position["qty"]), wide(position["cost"])
    least = min(int(instrument["px_digits"]) + int(instrument["qty_digits"]), MONEY_DIGITS)
    upnl: Decimal | None = Decimal(0) if qty == 0 else None
    if mark is not None and qty:
        upnl = amount(round(value(instrument, qty, mark.px)) - cost, least)
    return {
        "held": Decimal(qty).scaleb(-int(instrument["qty_digits"]), _EXACT),  # net, less fees paid in what is traded
        "avg": unit_cost(terms_of(instrument), qty, cost),
        "upnl": upnl,
        "rpnl": amount(wide(position["realized"]), least),
        "fees": amount(wide(position["fees"]), least),
        "method": named("LedgerMethod", position["method"]),
        "funding": amount(wide(position["funding"]), least),
        "income": amount(wide(position["income"]), least),
        "lots": int(position["lot_count"]),
    }


def lots(source: Any, names: Any) -> list[Row]:
    """Open lots of every position, oldest first within one."""
    instruments = source.table("ledger_instruments")
    out: list[Row] = []
    for (account, strategy, row), (number, p, moving) in held(source).items():
        i, symbol = instruments[row], names.instrument(row)
        least = min(int(i["px_digits"]) + int(i["qty_digits"]), MONEY_DIGITS)
        events = source.table("ledger_events")
        for lot in lots_of(source.table, p):
            qty, cost = wide(lot["qty"]), wide(lot["cost"])
            mark = mark_of(symbol, qty) if symbol is not None else None
            upnl = amount(round(value(i, qty, mark.px)) - cost, least) if mark is not None else None
            line: Row = {
                "account": names.account(account),
                "strategy": names.strategy(strategy) or "(suspense)",
                "symbol": names.symbol(row),
                "seq": int(lot["seq"]),
                "qty": Decimal(qty).scaleb(-int(i["qty_digits"]), _EXACT),
                "px": unit_cost(terms_of(i), qty, cost),
                "cost": amount(cost, least),
                "upnl": upnl,
                "ccy": names.settlement(row),
                "method": named("LedgerMethod", p["method"]),
                "execution": int(events[int(lot["event"])]["key"]) or None,
                "position": number,
            }
            out.append(line | ({"stale": True} if moving else {}))
    return out


def fees_of(source: Any, first: int, used: int) -> dict[int, Decimal]:
    """Commission of executions in rows ``first`` to ``used`` - 1, in their settlement currency; of a corrected one that of its own report."""
    head, table, instruments = source.table("ledger"), source.table("ledger_events"), source.table("ledger_instruments")
    if head is None or table is None:
        return {}
    events = table[: min(int(head[1]["event_count"]) + 1, len(table))]
    out = {}
    for at in np.flatnonzero((events["key"] >= first) & (events["key"] < used) & (events["fee_kind"] != 0)).tolist():
        e = events[at]
        i, fee = instruments[int(e["instrument"])], wide(e["fee"])
        if int(e["fee_kind"]) == _FEE["BASE"]:
            fee = round(value(i, fee, Fraction(wide(e["px"]))))
        out[int(e["key"])] = amount(fee, min(int(i["px_digits"]) + int(i["qty_digits"]), MONEY_DIGITS))
    return out
