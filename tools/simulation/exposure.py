"""Reserved exposure of a simulated run against its open orders, from scratch: what each may still trade, summed by object, is what the scopes hold (I8, I9).

    tables of the engine ──▶ open orders and their requests in flight ──sums──▶ compared with orders and scopes ──▶ [Violation]

Slow and obvious: a walk over every order. Looks only while the engine counts (a limit is set). Nothing here fails.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation.invariants import Violation

_STATUS = ENUMS["OrdStatus"].by_name
_DONE = frozenset(_STATUS[n] for n in ("FILLED", "DONE_FOR_DAY", "CANCELED", "REJECTED", "EXPIRED", "DENIED"))
_REPLACE = ENUMS["RequestKind"].by_name["REPLACE"]
_BUY = ENUMS["Side"].by_name["BUY"]


def may_trade(order: Any, requests: Any) -> int:
    """The most that an open order may still trade: LeavesQty, or that of a replace in flight that asks for more [instrument scale]."""
    most, row = int(order["leaves_qty"]), int(order["first_request"])
    while row:
        if int(requests[row]["kind"]) == _REPLACE:
            most = max(most, int(requests[row]["qty"]) - int(order["cum_qty"]))
        row = int(requests[row]["next"])
    return most


def check(state: Any) -> list[Violation]:
    """Return what orders and scopes hold otherwise than the open orders say."""
    engine = state.table("engine")[1]
    if not int(engine["counting"]):
        return []
    seq, requests, scopes = int(engine["seq"]), state.table("requests"), state.table("scopes")
    found, held, count = list[Violation](), Counter[tuple[int, bool]](), Counter[int]()
    for order in state.table("orders")[1 : int(engine["order_count"]) + 1]:
        if not int(order["order_id"]):
            continue
        done = int(order["ord_status"]) in _DONE
        expected = 0 if done else may_trade(order, requests)
        if int(order["reserved_qty"]) != expected:
            name = "I9" if done else "I8"
            found.append(Violation(name, f"order {int(order['order_id'])} reserves {int(order['reserved_qty'])}, it may trade {expected}", seq))
        if not done:
            instrument = int(state.table("instruments")[int(order["instrument"])]["scope"])
            for scope in (instrument, int(order["account_pair"]), int(order["strategy_pair"])):
                held[scope, int(order["side"]) == _BUY] += expected
            count[1] += 1
            count[int(state.table("strategies")[int(order["strategy"])]["scope"])] += 1
    for row in range(1, int(engine["scope_count"]) + 1):
        kind = ENUMS["ScopeKind"].by_value[int(scopes[row]["kind"])]
        for buy, field in ((True, "buy_qty"), (False, "sell_qty")):
            if kind.endswith("INSTRUMENT") and int(scopes[row][field]) != held[row, buy]:
                found.append(Violation("I8", f"scope {row} holds {field} {int(scopes[row][field])}, its orders may trade {held[row, buy]}", seq))
        if kind in ("FIRM", "STRATEGY") and int(scopes[row]["open_orders"]) != count[row]:
            found.append(Violation("I8", f"scope {row} counts {int(scopes[row]['open_orders'])} open orders, there are {count[row]}", seq))
    return found
