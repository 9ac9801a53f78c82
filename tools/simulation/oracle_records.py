"""Records as plain tuples: the bytes of journal frames and table rows, read with precompiled ``struct`` formats.

    bytes ──Picker(record, fields)──▶ tuple of integers and bytes, in the order of ``fields``

Offsets come from ``ipc/schema.py``, which is the file format, and from nowhere else: no numpy scalar, no engine code. Owns nothing. What can fail: a name that
the schema does not have (KeyError at import). Rejected: ``numpy`` record access (two microseconds a field, an event has thirty).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Any

from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS, Record

_CODES = {"u8": "B", "i8": "b", "u16": "H", "u32": "I", "i32": "i", "u64": "Q", "i64": "q"}
BIT = {name: value for name, (value, _) in CONSTANTS.items()}


def number(enum: str, name: str) -> int:
    return ENUMS[enum].by_name[name]


def picker(record: str, *names: str) -> Struct:
    """Return a Struct that unpacks these fields of a record, which must be named in their order of offset; an array is as many values."""
    known: Record = RECORDS[record]
    types = {f.name: f for f in known.fields}
    text, at = "<", 0
    for name in names:
        offset, field = known.offsets[name], types[name]
        if offset < at:
            raise ValueError(f"{record}.{name} lies before the field named ahead of it; name fields in order of offset")
        text += f"{offset - at}x" if offset > at else ""
        element, _, count = field.type.partition("[")
        text += f"{field.size}s" if field.is_text else count.rstrip("]") + _CODES[element]
        at = offset + field.size
    return Struct(text)


def in_order(record: str, wanted: set[str]) -> tuple[str, ...]:
    return tuple(f.name for f in RECORDS[record].fields if f.name in wanted)


def text_of(raw: bytes) -> bytes:
    """The text of a NUL-padded field."""
    return raw.partition(b"\0")[0]


HEAD = picker("FileFrame", "seq", "engine_ns", "source_position", "source_epoch", "source", "kind", "payload_bytes", "instance_epoch")

INTENT_FIELDS = (
    *("client_id", "px", "stop_px", "qty", "display_qty", "expire_ns", "created_ns", "instrument", "account", "route"),
    *("kind", "side", "ord_type", "time_in_force", "instructions", "epoch"),
)
INTENT = picker("Intent", *INTENT_FIELDS)

EVENT_FIELDS = (
    *("last_px", "last_qty", "cum_qty", "qty", "px", "transact_ns", "flags", "present", "text_code", "kind", "ord_status", "side"),
    *("last_px_digits", "last_qty_digits", "cum_qty_digits", "qty_digits", "px_digits", "mass_cancel_response"),
    *("cl_ord_id", "orig_cl_ord_id", "exec_id", "exec_ref_id", "venue_order_id", "symbol"),
)
EVENT = picker("VenueEvent", *EVENT_FIELDS)

CONTROL = picker("Control", "operator_uid", "kind", "status", "strategy", "epoch", "day", "operator_name", "prefix", "body")
ACTION = picker("OrderAction", "order_id", "execution", "instrument", "venue", "strategy", "ord_status")
ENTRY_FIELDS = ("reference", "qty", "px", "amount", "ratio_num", "ratio_den", "instrument", "account", "strategy", "other", "other_strategy")
ENTRY = picker("LedgerEntry", *ENTRY_FIELDS, "kind", "amount_digits")
METHOD_CHANGE = picker("MethodChange", "instrument", "account", "strategy", "method")
KILL_ORDER = picker("KillOrder", "a", "b", "kind", "options")
LIMIT = picker("LimitChange", "value", "expires_ns", "a", "b", "kind", "rule")
PERMISSION = picker("PermissionChange", "value", "permission", "part", "grant")
DECISION = picker("Decision", "proposal")
HOLIDAYS = Struct("<15IHBB")  # HolidayChange: days, currency, count, is_holiday
DAY_START = picker("DayStart", "begins_ns", "day")
DAY_BEGINS = picker("TableRows", "day_begins_ns")
OPERATOR = picker("Operator", "uid", "id", "role", "status")
OBSERVATION = picker("Observation", "value", "peer", "kind")
INSTRUMENT = picker("Instrument", "symbol", "tick", "lot", "qty_min", "qty_max", "id", "price_digits", "qty_digits", "status")
ACCOUNT = picker("Account", "id", "status", "durability")
VENUE = picker("Venue", "id", "status", "durability", "ord_types", "time_in_forces", "instructions")
STRATEGY = picker("Strategy", "max_age_ns", "id", "status", "cancel_on_detach")
ROUTE = picker("Route", "instrument", "account", "venue", "id", "status")
CHECKPOINT = picker("Checkpoint", "state_hash", "first_row", "rows", "logic")

# What is compared of the engine's tables.
ORDER_FIELDS = in_order(
    "Order",
    {
        *("order_id", "client_id", "px", "stop_px", "qty", "cum_qty", "leaves_qty", "notional_lo", "notional_hi", "created_seq", "instrument", "account"),
        *("strategy", "venue", "revision", "live_revision", "cancel_revision", "replace_revision", "pending_count", "side", "ord_type", "time_in_force"),
        *("ord_status", "base_status", "flags"),
    },
)
ORDER = picker("Order", *ORDER_FIELDS)
POSITION_FIELDS = in_order(
    "Position",
    {
        *("net_qty", "bought_qty", "sold_qty", "cost_lo", "cost_hi", "realized_lo", "realized_hi", "traded_lo", "traded_hi", "fills"),
        *("instrument", "account", "strategy"),
    },
)
POSITION = picker("Position", *POSITION_FIELDS)
ENGINE_FIELDS = (
    *("seq", "order_count", "execution_count", "position_count", "break_count", "open_orders", "intents", "denies", "duplicates", "fills"),
    *("duplicate_fills", "day", "requests_pending", "restrictions"),
)
ENGINE = picker("EngineStatus", *ENGINE_FIELDS)
BREAK = picker("Break", "seq", "order_id", "kind")
SIZE = {name: RECORDS[name].size for name in ("Order", "Position", "EngineStatus", "Strategy", "Break", "Execution", "CashBalance")}
CASH = picker("CashBalance", "entries", "base_unknown", "account", "currency")
CASH_SUMS = Struct("<" + "Qq" * 4)
"""Entered, entered_base, paid, paid_base, which a CashBalance begins with: low words, high words."""
EXECUTION = picker("Execution", "id", "order_id", "last_px", "last_qty", "exec_id", "venue", "side", "state")


@dataclass(frozen=True, slots=True)
class Tables:
    """The bytes of an engine's tables, looked up once for a state."""

    engine: memoryview
    orders: memoryview
    positions: memoryview
    breaks: memoryview
    executions: memoryview
    cash: memoryview
    rows: dict[str, int]


def tables_of(state: Any) -> Tables:
    """Bind the tables of a ``core.state.State``; views of live memory, nothing is copied."""
    names = ("engine", "orders", "positions", "breaks", "executions", "cash")
    found = {name: state.table(name) for name in names}
    views = {name: memoryview(table.view("u1").reshape(-1)) for name, table in found.items()}
    return Tables(**views, rows={name: len(table) for name, table in found.items()})
