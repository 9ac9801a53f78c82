"""I8 and I9 by the tables themselves: what every scope counts is what its open orders and positions are, added up anew.

    orders, requests, positions ──a loop over what is open──▶ sums by scope ──▶ held against the rows of scopes

Plain integers: open orders, open quantities by side, net quantity; where the engine counts equity, margin and equity by ``oracle_margin`` too (amounts
themselves have a slow model of their own in tests/core). Only of an instance that counts, which is one with a limit. Reads tables, writes and raises nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation import oracle_margin
from ringfence.tools.simulation.invariants import Violation
from ringfence.tools.simulation.oracle_rules import DONE

_KIND = ENUMS["ScopeKind"].by_name
_OVER = frozenset(ENUMS["OrdStatus"].by_name[s] for s in DONE)
_BUY = ENUMS["Side"].by_name["BUY"]
Scope = tuple[int, int, int]


def check(state: Any) -> list[Violation]:
    """Compare every scope of a ``core.state.State``; empty while the instance does not count."""
    engine = state.table("engine")[1]
    if not int(engine["counting"]):
        return []
    seq = int(engine["seq"])
    orders = state.table("orders")[1 : int(engine["order_count"]) + 1]
    wrong = [
        Violation("I9", f"order {o['order_id']} is over and holds {o['reserved_qty']}", seq)
        for o in orders
        if int(o["ord_status"]) in _OVER and int(o["reserved_qty"])
    ]
    for o in orders:
        if int(o["order_id"]) and int(o["ord_status"]) not in _OVER and int(o["reserved_qty"]) != (most := _open_qty(state, o)):
            wrong.append(Violation("I8", f"order {o['order_id']} holds {o['reserved_qty']}, it may trade {most}", seq))
    expected = _expected(state, orders, int(engine["position_count"]))
    for row in state.table("scopes")[1 : int(engine["scope_count"]) + 1]:
        scope = int(row["kind"]), int(row["a"]), int(row["b"])
        for name in ("open_orders", "buy_qty", "sell_qty", "net_qty"):
            ours = expected[scope, name]
            if int(row[name]) != ours:
                label = ENUMS["ScopeKind"].by_value[scope[0]]
                wrong.append(Violation("I8", f"scope {label} {scope[1]} {scope[2]}: {name} is {int(row[name])}, its orders and positions make {ours}", seq))
    return wrong + _money(state, [o for o in orders if int(o["order_id"]) and int(o["ord_status"]) not in _OVER])


def _money(state: Any, open_orders: list[Any]) -> list[Violation]:
    """Margin and equity of the firm, brokers and accounts, of an instance that counts equity; rates are those of the schedule and of instruments."""
    engine = state.table("engine")[1]
    if not int(engine["weighing"]):
        return []
    positions = state.table("positions")[1 : int(engine["position_count"]) + 1]
    expected = {"margin": oracle_margin.margins(state, open_orders, positions), "equity": oracle_margin.equities(state, positions)}
    expected["untold"] = oracle_margin.untold(state)
    wrong = []
    for row in state.table("scopes")[1 : int(engine["scope_count"]) + 1]:
        scope = int(row["kind"]), int(row["a"]), int(row["b"])
        for name, sums in expected.items():
            if int(row[name]) != sums.get(scope, 0):
                kind, made = ENUMS["ScopeKind"].by_value[scope[0]], sums.get(scope, 0)
                text = f"scope {kind} {scope[1]}: {name} is {int(row[name])}, its positions and balances make {made}"
                wrong.append(Violation("I8", text, int(engine["seq"])))
    return wrong


def _expected(state: Any, orders: Any, positions: int) -> dict[tuple[Scope, str], int]:
    out: dict[tuple[Scope, str], int] = defaultdict(int)
    for o in orders:
        if int(o["ord_status"]) in _OVER or not int(o["order_id"]):
            continue
        scopes, quantities = _scopes(state, int(o["strategy"]), int(o["account"]), int(o["instrument"]))
        for scope in [*scopes, *quantities, (_KIND["VENUE"], int(o["venue"]), 0)]:
            out[scope, "open_orders"] += 1
        for scope in quantities:
            out[scope, "buy_qty" if int(o["side"]) == _BUY else "sell_qty"] += _open_qty(state, o)
    for p in state.table("positions")[1 : positions + 1]:
        for scope in _scopes(state, int(p["strategy"]), int(p["account"]), int(p["instrument"]))[1]:
            out[scope, "net_qty"] += int(p["net_qty"])
    return out


def _scopes(state: Any, strategy: int, account: int, instrument: int) -> tuple[list[Scope], list[Scope]]:
    """Scopes of objects, and those that count quantities."""
    plain = [(_KIND["FIRM"], 0, 0), (_KIND["ACCOUNT"], account, 0)]
    by_quantity = [(_KIND["INSTRUMENT"], instrument, 0), (_KIND["ACCOUNT_INSTRUMENT"], account, instrument)]
    if broker := int(state.table("accounts")[account]["broker"]):
        plain.append((_KIND["BROKER"], broker, 0))
    if strategy:
        plain.append((_KIND["STRATEGY"], strategy, 0))
        by_quantity.append((_KIND["STRATEGY_INSTRUMENT"], strategy, instrument))
        if desk := int(state.table("strategies")[strategy]["desk_row"]):
            plain.append((_KIND["DESK"], desk, 0))
    return plain, by_quantity


def _open_qty(state: Any, o: Any) -> int:
    """The most that may still trade: LeavesQty, or that of a replace in flight when it asks for more."""
    most, row = int(o["leaves_qty"]), int(o["first_request"])
    while row:
        r = state.table("requests")[row]
        most, row = max(most, int(r["qty"]) - int(o["cum_qty"])), int(r["next"])
    return most
