"""What a kill has not reached yet: open orders of a scope, and, when it flattens, positions that are not flat, with what keeps them open.

Data flow: a place (kind and rows of a scope) and the engine's tables -> order ids, positions in words. Reads only. The tables are those of the engine: when
it hangs or is dead they stay as they were, and whoever shows them says so.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.rule_values import Place, scope_text
from ringfence.tools.views.instance import label, named
from ringfence.tools.views.tables import TERMINAL

_KIND = ENUMS["ScopeKind"].by_value
_KILLED = ENUMS["ScopeState"].by_name["KILLED"]
_FLATTEN: int = CONSTANTS["KILL_FLATTEN"][0]
_FOUND_NOTHING = (0, ENUMS["DenyReason"].by_name["NONE"])


def _within(state: Any, rows: Any, place: Place) -> Any:
    """Which rows of a table with account, strategy and instrument (orders: venue too) belong to a scope."""
    kind, a, b = _KIND[place[0]], place[1], place[2]
    if kind in ("ACCOUNT", "VENUE", "STRATEGY", "INSTRUMENT"):
        return rows[kind.lower()] == a
    if kind == "BROKER":
        return state.section("accounts")["broker"][rows["account"]] == a
    if kind == "DESK":
        return (state.section("strategies")["desk_row"][rows["strategy"]] == a) & (rows["strategy"] > 0)
    if kind == "CURRENCY":
        instruments = state.section("instruments")
        return (instruments["base_currency"][rows["instrument"]] == a) | (instruments["quote_currency"][rows["instrument"]] == a)
    if kind.endswith("_INSTRUMENT"):
        return (rows[kind.removesuffix("_INSTRUMENT").lower()] == a) & (rows["instrument"] == b)
    return rows["instrument"] >= 0


def open_orders(state: Any, place: Place) -> list[int]:
    """Order ids of a scope that the venue has not confirmed as over."""
    orders = state.section("orders")[1 : int(state.section("engine")[1]["order_count"]) + 1]
    mine = (orders["order_id"] > 0) & _within(state, orders, place)
    mine &= ~np.isin(orders["ord_status"], [*TERMINAL])
    return [int(n) for n in orders["order_id"][mine]]


def not_flat(state: Any, place: Place) -> list[str]:
    """Positions of a scope that are not flat, in words, each with the reason why the last try to close it sent nothing; a venue has none."""
    if _KIND[place[0]] == "VENUE":
        return []
    positions = state.section("positions")[1 : int(state.section("engine")[1]["position_count"]) + 1]
    return [_position_text(state, p) for p in positions[(positions["net_qty"] != 0) & _within(state, positions, place)]]


def _position_text(state: Any, p: Any) -> str:
    strategy, instrument = int(p["strategy"]), state.section("instruments")[int(p["instrument"])]
    owner = label(state.section("strategies")[strategy]["name"]) if strategy else "suspense"
    reason = named("DenyReason", p["flatten_reason"]) if int(p["flatten_reason"]) not in _FOUND_NOTHING else ""
    if not strategy:
        reason = "ringfence assign: nothing closes what is in suspense"
    what = f"{owner} {label(state.section('accounts')[int(p['account'])]['name'])} {label(instrument['symbol'])}"
    return f"{what} {Decimal(int(p['net_qty'])).scaleb(-int(instrument['qty_digits'])):f}" + (f" ({reason})" if reason else "")


def is_killed(state: Any, place: Place) -> bool:
    """Whether the engine has killed the scope."""
    return any((int(s["kind"]), int(s["a"]), int(s["b"])) == place and int(s["state"]) == _KILLED for s in _scopes(state))


def unflattened(state: Any, names: Any) -> list[str]:
    """For every kill in force that flattens: its scope and the positions that are not flat, in words."""
    out = []
    for s in _scopes(state):
        if int(s["state"]) == _KILLED and int(s["kill_options"]) & _FLATTEN:
            place = int(s["kind"]), int(s["a"]), int(s["b"])
            left = not_flat(state, place)
            out += [f"{scope_text(*place, names)}: not flat yet: {', '.join(left)}"] if left else []
    return out


def _scopes(state: Any) -> Any:
    return state.section("scopes")[1 : int(state.section("engine")[1]["scope_count"]) + 1]
