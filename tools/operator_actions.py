"""An operator's actions as control commands: cancel everything, say how an order ended, take an execution out of suspense, refuse one, halt and resume.

    request (JSON) + the engine's tables ──checks, names to rows──▶ Control record with an OrderAction ──▶ from.control

The shadow speaks here too: ``divergence`` halts new risk with the two hashes that differ (a Checkpoint instead of the OrderAction).

What can be seen to be wrong is refused here with a message that says why. The engine checks again when it applies the command (core/actions.pyx), since
its state may have moved on: ``refused_by_engine`` finds that in the engine's status. Pure functions over records; the control agent publishes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import definitions
from ringfence.tools.errors import Refused, UsageError

Request = dict[str, Any]
ENDS = ("canceled", "rejected", "expired", "done_for_day", "filled", "new")
DK_REASONS = {
    "A": "unknown symbol",
    "B": "wrong side",
    "C": "quantity exceeds order",
    "D": "no matching order",
    "E": "price exceeds limit",
    "F": "calculation",
    "Z": "other",
}
REQUESTS: int = 64 * dtype("EngineStatus")["refused"].shape[0]
"""Of so many of the last request ids the engine knows whether it refused them."""
_STATUS = ENUMS["OrdStatus"].by_name
_BOOKED = CONSTANTS["EXECUTION_BOOKED"][0]
_UNVERIFIED = CONSTANTS["ORDER_UNVERIFIED"][0]


def build(op: str, request: Request, state: Segment) -> Any:
    """Return the command of an operator's request.

    Parameters
    ----------
    op : str
        One of ``OPERATIONS``.
    request : dict
        As the client sent it; nothing of it is trusted.
    state : Segment
        The engine's region, for looking only.

    Raises
    ------
    UsageError, Refused
        A value is not allowed, or names nothing that fits.
    """
    reason = str(request.get("reason", ""))
    if not reason.strip():
        raise UsageError("a reason is needed: it is journaled with the command")
    kind, fields = _BUILDERS[op](request, state)
    body = np.zeros(1, dtype("Checkpoint" if kind == "DIVERGENCE" else "OrderAction"))
    for name, value in fields.items():
        body[0][name] = value
    return definitions.command(kind, reason, body=body[0])


def refused_by_engine(state: Segment, request_id: int) -> bool:
    """Whether the engine found that the command with this id cannot be; known of the last ``REQUESTS`` ids, whatever the table of breaks has room for."""
    words = state.section("engine")[1]["refused"]
    return bool(int(words[request_id % REQUESTS // 64]) >> request_id % 64 & 1)


# ---- names to rows -----------------------------------------------------------------------------------------------------


def _number(request: Request, key: str, what: str) -> int:
    value = request.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise UsageError(f"{key} was {value!r}; allowed: {what}")
    return value


def _row_of(state: Segment, table: str, count: str, column: str, name: object) -> int:
    used = state.section(table)[1 : int(state.section("engine")[1][count]) + 1]
    names = [bytes(v).decode("ascii", "replace") for v in used[column]]
    if name not in names:
        raise Refused(f"no {column} {name!r} in {table}; there are {', '.join(names) or 'none'}")
    return names.index(str(name)) + 1


def _order(state: Segment, order_id: int) -> Any:
    if order_id > int(state.section("engine")[1]["order_count"]):
        raise Refused(f"there is no order {order_id}; see ringfence orders --all")
    return state.section("orders")[order_id].copy()


def _execution(request: Request, state: Segment) -> Any:
    """The execution that a row number or an ExecID names; of several with one ExecID the row must be given."""
    named = request.get("execution")
    used = state.section("executions")[1 : int(state.section("engine")[1]["execution_count"]) + 1]
    if isinstance(named, int) and not isinstance(named, bool):
        if not 0 < named <= len(used):
            raise Refused(f"there is no execution {named}; see ringfence fills")
        return used[named - 1].copy()
    found = [int(row["id"]) for row in used if bytes(row["exec_id"]).decode("latin-1") == named and int(row["state"]) == _BOOKED]
    if len(found) != 1:
        several = f"several executions have ExecID {named!r}: name one by its id ({', '.join(map(str, found))})" if found else f"no booked execution {named!r}"
        raise Refused(f"{several}; see ringfence fills")
    return used[found[0] - 1].copy()


# ---- the actions -------------------------------------------------------------------------------------------------------


def _mass_cancel(request: Request, state: Segment) -> tuple[str, Request]:
    fields = {"venue": _row_of(state, "venues", "venue_count", "name", request.get("venue"))}
    if request.get("symbol"):
        fields["instrument"] = _row_of(state, "instruments", "instrument_count", "symbol", request["symbol"])
    return "MASS_CANCEL", fields


def _resolve(request: Request, state: Segment) -> tuple[str, Request]:
    status = str(request.get("status")).lower()
    if status not in ENDS:
        raise UsageError(f"status was {request.get('status')!r}; allowed: {', '.join(ENDS)}")
    order = _order(state, _number(request, "order", "an order id"))
    if int(order["base_status"]) != _STATUS["UNKNOWN"] and not int(order["flags"]) & _UNVERIFIED:
        shown = ENUMS["OrdStatus"].by_value.get(int(order["ord_status"]), "?")
        raise Refused(f"order {int(order['order_id'])} is {shown} and not in doubt: only an Unknown or unverified order is resolved by hand")
    return "RESOLVE_ORDER", {"order_id": int(order["order_id"]), "ord_status": _STATUS[status.upper()]}


def _assign(request: Request, state: Segment) -> tuple[str, Request]:
    x = _execution(request, state)
    if int(x["strategy"]) or int(x["order_id"]) or int(x["state"]) != _BOOKED:
        raise Refused(f"execution {int(x['id'])} is not in suspense; see ringfence fills")
    if (request.get("order") is None) == (request.get("strategy") is None):
        raise UsageError("assign needs an order or a strategy, not both")
    fields: Request = {"execution": int(x["id"])}
    if request.get("strategy") is not None:
        return "ASSIGN_EXECUTION", fields | {"strategy": _row_of(state, "strategies", "strategy_count", "name", request["strategy"])}
    order = _order(state, _number(request, "order", "an order id"))
    if any(int(order[n]) != int(x[n]) for n in ("instrument", "venue")) or (int(order["side"]) == 1) != (int(x["side"]) == 1):
        raise Refused(f"execution {int(x['id'])} has another instrument, side or venue than order {int(order['order_id'])}")
    return "ASSIGN_EXECUTION", fields | {"order_id": int(order["order_id"])}


def _dont_know(request: Request, state: Segment) -> tuple[str, Request]:
    code = str(request.get("dk_reason")).upper()
    if code not in DK_REASONS:
        raise UsageError(f"dk_reason was {request.get('dk_reason')!r}; allowed: {', '.join(f'{c} ({text})' for c, text in DK_REASONS.items())}")
    x = _execution(request, state)
    if not int(x["instrument"]):
        raise Refused(f"execution {int(x['id'])} names no instrument of ours: its DontKnowTrade cannot be written")
    return "DONT_KNOW", {"execution": int(x["id"]), "dk_reason": ord(code)}


def _divergence(request: Request, _state: Segment) -> tuple[str, Request]:
    fields = {"state_hash": "shadow_hash", "inputs": "inputs", "first_row": "first_row", "rows": "rows"}
    for key in fields.values():
        value = request.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << (32 if key == "rows" else 64):
            raise UsageError(f"{key} was {value!r}; allowed: a number that a Checkpoint holds")
    return "DIVERGENCE", {"logic": CONSTANTS["LOGIC_VERSION"][0]} | {name: request[key] for name, key in fields.items()}


_BUILDERS: dict[str, Callable[[Request, Segment], tuple[str, Request]]] = {
    "mass_cancel": _mass_cancel,
    "resolve": _resolve,
    "assign": _assign,
    "dont_know": _dont_know,
    "halt": lambda _request, _state: ("HALT", {}),
    "resume": lambda _request, _state: ("RESUME", {}),
    "divergence": _divergence,
}
OPERATIONS = tuple(_BUILDERS)
