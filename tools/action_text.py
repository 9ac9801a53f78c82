"""Commands about the instance, orders, executions and processes in words: restrictions, the trading day, the end of an order, whose an execution is.

    kind, strategy, body ──tables as they are──▶ (what, before, after)      for ``change_text``, which has the words of limits, kills, grants and definitions

Pure; whoever calls owns the tables. A command that names what cannot be has an empty ``before``; nothing is raised for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools import ledger_entry, ledger_method, parameters

Tables = Callable[[str], Any]
Words = tuple[str, str, str]
_PEOPLE = {"OPERATOR": CONSTANTS["RESTRICT_OPERATOR"][0], "DIVERGENCE": CONSTANTS["RESTRICT_DIVERGENCE"][0]}
_ORDER = ENUMS["OrdStatus"].by_value
_ASSIGNED = CONSTANTS["EXECUTION_ASSIGNED"][0]


def name_of(table: Tables, rows: str, column: str, row: int) -> str:
    """Name of an object, its row when it has none."""
    found = table(rows)
    return (bytes(found[row][column]).decode("ascii", "replace") if 0 < row < len(found) else "") or f"#{row}"


def _record(record: str, body: bytes) -> Any:
    return np.frombuffer(body.ljust(dtype(record).itemsize, b"\0"), dtype(record), 1)[0]


def _restrictions(bits: int) -> str:
    held = [name for name, bit in _PEOPLE.items() if bits & bit]
    return f"halted: {' '.join(held)}" if held else "taken"


def _risk(kind: str) -> Callable[[Tables, int, bytes, int], Words]:
    def words(table: Tables, _strategy: int, _body: bytes, _day: int) -> Words:
        now = int(table("engine")[1]["restrictions"])
        lifted, bit = now & ~sum(_PEOPLE.values()), _PEOPLE["DIVERGENCE" if kind == "DIVERGENCE" else "OPERATOR"]
        return "new risk", _restrictions(now), _restrictions(lifted if kind == "RESUME" else now | bit)

    return words


def _day(table: Tables, _strategy: int, body: bytes, day: int) -> Words:
    return "trading day", str(int(table("engine")[1]["day"])), str(day or int(_record("DayStart", body)["day"]))


def _resolve(table: Tables, _strategy: int, body: bytes, _day: int) -> Words:
    a, orders = _record("OrderAction", body), table("orders")
    order = int(a["order_id"])
    before = _ORDER.get(int(orders[order]["ord_status"]), "") if 0 < order < len(orders) else ""
    return f"order {order}", before, _ORDER.get(int(a["ord_status"]), str(int(a["ord_status"])))


def _assign(table: Tables, _strategy: int, body: bytes, _day: int) -> Words:
    a, executions = _record("OrderAction", body), table("executions")
    row = int(a["execution"])
    after = f"order {int(a['order_id'])}" if int(a["order_id"]) else f"strategy:{name_of(table, 'strategies', 'name', int(a['strategy']))}"
    return f"execution {row}", _held_by(table, executions[row]) if 0 < row < len(executions) and int(executions[row]["id"]) else "", after


def _held_by(table: Tables, x: Any) -> str:
    while int(x["state"]) == _ASSIGNED and int(x["assigned_to"]):
        x = table("executions")[int(x["assigned_to"])]
    if int(x["order_id"]):
        return f"order {int(x['order_id'])}"
    return f"strategy:{name_of(table, 'strategies', 'name', int(x['strategy']))}" if int(x["strategy"]) else "suspense"


def _dont_know(_table: Tables, _strategy: int, body: bytes, _day: int) -> Words:
    a = _record("OrderAction", body)
    return f"execution {int(a['execution'])}", "", f"refused to its venue, code {chr(int(a['dk_reason']) or 63)}"


def _mass_cancel(table: Tables, _strategy: int, body: bytes, _day: int) -> Words:
    a = _record("OrderAction", body)
    symbol = f" in {name_of(table, 'instruments', 'symbol', int(a['instrument']))}" if int(a["instrument"]) else ""
    return f"open orders at venue:{name_of(table, 'venues', 'name', int(a['venue']))}{symbol}", "", "cancel asked for"


def _skip(table: Tables, _strategy: int, body: bytes, _day: int) -> Words:
    a = _record("OrderAction", body)
    venue = int(a["venue"])
    before = int(table("venues")[venue]["output_seq"]) if 0 < venue < len(table("venues")) else 0
    return f"outputs of venue:{name_of(table, 'venues', 'name', venue)}", str(before), str(before + int(a["order_id"]))


def _process(after: str) -> Callable[[Tables, int, bytes, int], Words]:
    def words(table: Tables, strategy: int, _body: bytes, _day: int) -> Words:
        rows = table("strategies")
        known = 0 < strategy < len(rows)
        now = ("attached" if int(rows[strategy]["attached"]) else "detached") if known else ""
        return f"process of strategy:{name_of(table, 'strategies', 'name', strategy)}", now, after

    return words


def _holidays(table: Tables, _strategy: int, body: bytes, _day: int) -> Words:
    h = _record("HolidayChange", body)
    days = " ".join(f"{str(int(d))[:4]}-{str(int(d))[4:6]}-{str(int(d))[6:]}" for d in h["days"][: int(h["count"])])
    settles, not_so = f"settles on {days}", f"does not settle on {days}"
    return (f"currency {name_of(table, 'currencies', 'code', int(h['currency']))}", *((settles, not_so) if int(h["is_holiday"]) else (not_so, settles)))


ACTIONS: dict[str, Callable[[Tables, int, bytes, int], Words]] = {
    "HALT": _risk("HALT"),
    "RESUME": _risk("RESUME"),
    "DIVERGENCE": _risk("DIVERGENCE"),
    "START": _day,
    "ROLL_DAY": _day,
    "RESOLVE_ORDER": _resolve,
    "ASSIGN_EXECUTION": _assign,
    "DONT_KNOW": _dont_know,
    "MASS_CANCEL": _mass_cancel,
    "SKIP_OUTPUTS": _skip,
    "BOOK_ENTRY": lambda table, _strategy, body, _day: ledger_entry.describe(table, body),
    "SET_METHOD": lambda table, _strategy, body, _day: ledger_method.describe(table, body),
    "SET_PARAMETER": lambda table, _strategy, body, _day: parameters.describe(table, body),
    "DEFINE_HOLIDAYS": _holidays,
    "STRATEGY_ATTACH": _process("attached"),
    "STRATEGY_DETACH": _process("detached"),
}
"""Kind of a command to its words: tables, strategy and body of the command, and its day."""
