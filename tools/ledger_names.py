"""Names of the lots of a close under SPEC: the entry as people write it, in words, and which closes wait for theirs.

    request: rows of two executions, a quantity ──▶ LedgerEntry (NAME_LOT)        tables of the engine ──▶ rows of ``ringfence ledger unnamed``

An execution's row is the column EXECUTION of ``ringfence fills -o wide`` and ``lots``. Pure; whoever calls owns the tables. What can fail: ``ValueError`` that
says what is allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

from ringfence.gateways.decimals import text_to_scaled
from ringfence.ipc.schema import ENUMS
from ringfence.tools.ledger_numbers import fixed
from ringfence.tools.ledger_state import unnamed, used, wide
from ringfence.tools.render import Column, Row, View

Request = dict[str, Any]
Tables = Callable[[str], Any]
_KINDS, _STATES = ENUMS["LedgerEventKind"].by_name, ENUMS["LedgerEventState"].by_name
_EXACT = Context(prec=60)

UNNAMED = View(
    "ledger_unnamed",
    (
        Column("execution", "EXECUTION", "id"),
        Column("seq", "SEQ", "id"),
        Column("account", "ACCT"),
        Column("strategy", "STRAT"),
        Column("symbol", "SYM"),
        Column("side", "SIDE"),
        Column("qty", "QTY", "qty"),
        Column("px", "PX", "px"),
        Column("named", "NAMED", "qty"),
        Column("exec_id", "EXEC_ID"),
    ),
    ("execution",),
)


def build(request: Request, table: Tables) -> dict[str, int]:
    """Return the fields of a NAME_LOT's LedgerEntry; the position is the close's.

    Raises
    ------
    ValueError
        If a row is none of the execution table, or the quantity none of the instrument.
    """
    close, lot = (_row(table, request, key) for key in ("execution", "lot"))
    x = table("executions")[close]
    try:
        qty = text_to_scaled(str(request.get("qty", "")), int(table("instruments")[int(x["instrument"])]["qty_digits"]))
    except ValueError as e:
        raise ValueError(f"qty: {e}") from e
    owner = {name: int(x[name]) for name in ("account", "strategy", "instrument")}
    return owner | {"qty": qty, "ratio_num": close, "ratio_den": lot}


def _row(table: Tables, request: Request, key: str) -> int:
    text, count = str(request.get(key, "")), int(table("engine")[1]["execution_count"])
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= count):
        raise ValueError(f"{key} was {request.get(key)!r}; give the row of an execution, 1 to {count} (ringfence fills -o wide, column EXECUTION)")
    return int(text)


def asked(e: Any, instrument: Any) -> str:
    """What a name says: how much of the close is from which fill."""
    return f"{fixed(int(e['qty']), int(instrument['qty_digits']))} of execution {int(e['ratio_num'])} from the lot of execution {int(e['ratio_den'])}"


def rows(table: Tables, names: Any) -> list[Row]:
    """Closes that wait for names, oldest first, with how much of each is named already."""
    events, executions = used(table, "ledger_events", "event_count"), table("executions")
    given = events[(events["kind"] == _KINDS["NAME_LOT"]) & (events["state"] == _STATES["BOOKED"])]
    out: list[Row] = []
    for close in unnamed(table):
        now = events[int(close["newest"])] if int(close["newest"]) else close
        price_digits, qty_digits = names.digits(close["instrument"])
        row, qty = int(close["key"]), wide(now["qty"])
        known = 0 < row <= int(table("engine")[1]["execution_count"])
        named = sum(wide(n["qty"]) for n in given[given["ref_key"] == close["key"]])
        out.append(
            {
                "execution": row or None,
                "seq": int(close["seq"]),
                "account": names.account(close["account"]),
                "strategy": names.strategy(close["strategy"]) or "(suspense)",
                "symbol": names.symbol(close["instrument"]),
                "side": "BUY" if qty > 0 else "SELL",
                "qty": Decimal(abs(qty)).scaleb(-qty_digits, _EXACT),
                "px": Decimal(wide(now["px"])).scaleb(-price_digits, _EXACT),
                "named": Decimal(named).scaleb(-qty_digits, _EXACT),
                "exec_id": bytes(executions[row]["exec_id"]).decode("ascii", "replace") if known else None,
            }
        )
    return out
