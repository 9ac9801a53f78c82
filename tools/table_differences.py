"""Two sets of the engine's tables, field by field: what a state hash that differs is about.

    {table: used rows} of one, of the other ──▶ [{table, row, field, both values}]

Used by the shadow (engine's region against its own tables) and by ``ringfence replay --diff`` (two replays). Pure functions over copies; the first
``FIELDS_MAX`` differences are listed, the tables themselves are kept by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

FIELDS_MAX = 1000
COUNTS = {
    "engine": "",
    "instruments": "instrument_count",
    "ledger_instruments": "instrument_count",
    "accounts": "account_count",
    "venues": "venue_count",
    "strategies": "strategy_count",
    "routes": "route_count",
    "brokers": "broker_count",
    "desks": "desk_count",
    "currencies": "currency_count",
    "permissions": "permission_count",
    "operators": "operator_count",
    "proposals": "proposal_count",
    "scopes": "scope_count",
    "scope_sets": "scope_set_count",
    "cash": "cash_count",
    "calendars": "currency_count",
    "value_dates": "value_date_count",
    "margin_rates": "margin_rate_count",
    "parameters": "parameter_count",
    "orders": "order_count",
    "requests": "request_count",
    "executions": "execution_count",
    "positions": "position_count",
    "breaks": "break_count",
}
LEDGER_COUNTS = {
    "ledger": "",
    "ledger_positions": "position_count",
    "lots": "lot_count",
    "ledger_events": "event_count",
    "ledger_picks": "pick_count",
    "ledger_checkpoints": "checkpoint_count",
}


def used_tables(table: Callable[[str], Any]) -> dict[str, Any]:
    """Copies of the used rows of every table; ``table`` gives one by its name, row 0 included."""
    out = {}
    for head, counts in (("engine", COUNTS), ("ledger", LEDGER_COUNTS)):
        status = table(head)[1].copy()
        for name, count in counts.items():
            rows = table(name)
            out[name] = rows[1 : (min(int(status[count]), len(rows) - 1) if count else 1) + 1].copy()
    return out


def differences(one: dict[str, Any], other: dict[str, Any], names: tuple[str, str] = ("engine", "shadow")) -> list[dict[str, Any]]:
    """Return the fields that differ, as ``{table, row, field, names[0]: value, names[1]: value}``; of a row that only one has the field is ""."""
    out: list[dict[str, Any]] = []
    for table, mine in one.items():
        theirs = other[table]
        both = min(len(mine), len(theirs))
        width = mine.dtype.itemsize
        rows = (mine[:both].view(np.uint8).reshape(both, width) != theirs[:both].view(np.uint8).reshape(both, width)).any(axis=1)
        for row in np.flatnonzero(rows).tolist():
            out += [
                {"table": table, "row": row + 1, "field": field, names[0]: text(mine[row][field]), names[1]: text(theirs[row][field])}
                for field in mine.dtype.names
                if mine[row][field].tobytes() != theirs[row][field].tobytes()
            ]
            if len(out) >= FIELDS_MAX:
                return out[:FIELDS_MAX]
        for row in range(both, max(len(mine), len(theirs))):
            has = [len(mine) > row, len(theirs) > row]
            out.append({"table": table, "row": row + 1, "field": "", **{n: "used" if h else "not used" for n, h in zip(names, has, strict=True)}})
    return out[:FIELDS_MAX]


def text(value: Any) -> str:
    """A field's value as text; integers in full."""
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode("latin-1")
    return str(value.tolist() if hasattr(value, "tolist") else value)
