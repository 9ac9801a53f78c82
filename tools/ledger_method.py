"""The cost method of one position as people write it, and in words: ``ringfence ledger method``, ``proposals``, ``audit``.

    request (JSON) + names ──▶ MethodChange ──▶ SET_METHOD (core/methods.pyx judges)      MethodChange + tables as they are ──▶ (what, before, after)

What can fail: ``ValueError`` that says what is allowed. Pure; whoever calls owns the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS
from ringfence.tools.rule_values import Names

Request = dict[str, Any]
Tables = Callable[[str], Any]
_METHOD = ENUMS["LedgerMethod"]
ACCOUNTS = "account"
METHODS = (*(name.lower() for name in _METHOD.by_name), ACCOUNTS)
"""What may be asked for; the last gives a position back to its account's method."""
_TABLES = {"account": "accounts", "strategy": "strategies", "symbol": "instruments"}


def build(request: Request, names: Names) -> Any:
    """Return the MethodChange that a request asks for.

    Raises
    ------
    ValueError
        A value is not allowed or names nothing; the message says what is.
    """
    body = np.zeros(1, dtype("MethodChange"))[0]
    for key, table in _TABLES.items():
        known, name = names[table], request.get(key)
        if name not in known:
            raise ValueError(f"{key} was {name!r}; there are {', '.join(known) or 'none'}")
        body["instrument" if key == "symbol" else key] = known[str(name)]
    method = str(request.get("method", "")).lower()
    if method not in METHODS:
        raise ValueError(f"method was {request.get('method')!r}; allowed: {', '.join(METHODS)}")
    body["method"] = 0 if method == ACCOUNTS else _METHOD.by_name[method.upper()]
    return body


def describe(table: Tables, body: bytes) -> tuple[str, str, str]:
    """Whose method, what it is now, and what it becomes."""
    c = np.frombuffer(body.ljust(dtype("MethodChange").itemsize, b"\0"), dtype("MethodChange"), 1)[0]
    owner = int(c["account"]), int(c["strategy"]), int(c["instrument"])
    accounts, strategies, instruments = table("accounts"), table("strategies"), table("instruments")
    if not all(0 < row < len(rows) for row, rows in zip(owner, (accounts, strategies, instruments), strict=True)):
        return "method of a position", "", ""
    names = (accounts[owner[0]]["name"], strategies[owner[1]]["name"], instruments[owner[2]]["symbol"])
    rows = table("ledger_positions")
    found = rows[(rows["account"] == owner[0]) & (rows["strategy"] == owner[1]) & (rows["instrument"] == owner[2])]
    accounts_own = _METHOD.by_value.get(int(accounts[owner[0]]["method"]), "WAC")
    before = int(found[0]["own_method"]) if len(found) else 0
    what = f"method of {'/'.join(bytes(name).decode('ascii', 'replace') for name in names)}"
    return what, _said(before, accounts_own), _said(int(c["method"]), accounts_own)


def _said(method: int, accounts_own: str) -> str:
    return _METHOD.by_value.get(method, str(method)) if method else f"{accounts_own}, its account's"
