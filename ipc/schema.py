"""Every record that two processes share, declared once.

Data flow: this module is the source; everything else derives from it.

    schema.py ──tools/gen_records.py──▶ ipc/records.h    C structs with size and offset assertions
                                        ipc/records.pxd  the same for Cython
                                        docs/records.md  field, offset, unit, meaning, writer
    schema.py ──ipc/layout.py─────────▶ numpy dtypes, numba records, layout hash

Rules. Fixed-width integers and bytes only. Offsets are computed; implicit padding, a size that is not a multiple of 64
(ring slots, table rows) or a field declared twice raises ``SchemaError`` at import. Zero is never a valid enum value and never a valid
table id: an all-zero record is invalid by construction. Row 0 of every table is unused, so an id is its row number.
Prices and quantities are integers scaled by ``10**-price_digits`` and ``10**-qty_digits`` of their instrument, unless a
``*_digits`` field travels beside them. Money is the product: ``10**-(price_digits + qty_digits)`` of the quote currency, in 128 bits.
Times are nanoseconds of CLOCK_REALTIME.

Change a record by appending to it (turn padding into a field) and raise ``LAYOUT_VERSION``; the layout hash changes by itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

LAYOUT_VERSION = 3

SCALAR_BYTES = {"u8": 1, "i8": 1, "u16": 2, "u32": 4, "i32": 4, "u64": 8, "i64": 8}


class SchemaError(ValueError):
    """A declaration in this module is inconsistent."""


@dataclass(frozen=True)
class Field:
    """One field: ``type`` is a scalar of ``SCALAR_BYTES`` or ``char[n]`` (NUL-padded ASCII)."""

    name: str
    type: str
    doc: str = ""
    unit: str = ""
    enum: str = ""

    @cached_property
    def size(self) -> int:
        if self.type.startswith("char["):
            return int(self.type[5:-1])
        return SCALAR_BYTES[self.type]

    @property
    def is_text(self) -> bool:
        return self.type.startswith("char[")

    @property
    def is_pad(self) -> bool:
        return self.name.startswith("pad_")


@dataclass(frozen=True)
class Record:
    """A fixed layout. ``writer`` names the one process role that may write it."""

    name: str
    doc: str
    writer: str
    size: int
    fields: tuple[Field, ...]
    align: int = 64

    def __post_init__(self) -> None:
        seen: set[str] = set()
        at = 0
        for f in self.fields:
            if f.name in seen:
                raise SchemaError(f"{self.name}.{f.name}: declared twice; rename one")
            seen.add(f.name)
            align = 1 if f.is_text else f.size
            if at % align:
                raise SchemaError(f"{self.name}.{f.name}: offset {at} is not a multiple of {align}; add an explicit pad_ field before it")
            if f.enum and f.enum not in ENUMS:
                raise SchemaError(f"{self.name}.{f.name}: unknown enum {f.enum!r}")
            at += f.size
        if at != self.size:
            raise SchemaError(f"{self.name}: fields take {at} bytes, declared size is {self.size}; mend the padding")
        if self.size % self.align:
            raise SchemaError(f"{self.name}: size {self.size} is not a multiple of {self.align}")

    @cached_property
    def offsets(self) -> dict[str, int]:
        out, at = {}, 0
        for f in self.fields:
            out[f.name] = at
            at += f.size
        return out


@dataclass(frozen=True)
class Enum:
    """Named values; ``fix`` maps a name to the FIX 4.2 wire value where there is one."""

    name: str
    doc: str
    values: tuple[tuple[str, int, str], ...]

    def __post_init__(self) -> None:
        if any(v == 0 for _, v, _ in self.values):
            raise SchemaError(f"{self.name}: 0 is never a valid value, an all-zero record must be invalid")
        if len({v for _, v, _ in self.values}) != len(self.values):
            raise SchemaError(f"{self.name}: two names share a value")

    @cached_property
    def by_name(self) -> dict[str, int]:
        return {n: v for n, v, _ in self.values}

    @cached_property
    def by_value(self) -> dict[int, str]:
        return {v: n for n, v, _ in self.values}

    @property
    def max(self) -> int:
        return max(v for _, v, _ in self.values)


def _enum(name: str, doc: str, *names: str) -> Enum:
    """Number the names from 1; ``"NAME: meaning"`` carries its documentation."""
    values = []
    for i, text in enumerate(names, 1):
        label, _, meaning = text.partition(": ")
        values.append((label, i, meaning))
    return Enum(name, doc, tuple(values))


# ---------------------------------------------------------------------------------------------------------------- enums

_ENUMS = (
    Enum("Side", "FIX Side(54); the numbers are FIX's.", (("BUY", 1, "54=1"), ("SELL", 2, "54=2"), ("SELL_SHORT", 5, "54=5"))),
    Enum(
        "OrdType",
        "FIX OrdType(40); the numbers are FIX's.",
        (("MARKET", 1, "40=1"), ("LIMIT", 2, "40=2"), ("STOP", 3, "40=3"), ("STOP_LIMIT", 4, "40=4")),
    ),
    Enum(
        "TimeInForce",
        "FIX TimeInForce(59) plus one, since FIX's Day is 0.",
        (
            ("DAY", 1, "59=0"),
            ("GTC", 2, "59=1"),
            ("OPG", 3, "59=2"),
            ("IOC", 4, "59=3"),
            ("FOK", 5, "59=4"),
            ("GTX", 6, "59=5"),
            ("GTD", 7, "59=6"),
        ),
    ),
    _enum(
        "OrdStatus",
        "FIX OrdStatus(39), then two of ours: UNKNOWN (fate not known to us) and DENIED (refused by Ringfence, never sent).",
        "PENDING_NEW: 39=A, sent or about to be",
        "NEW: 39=0",
        "PARTIALLY_FILLED: 39=1",
        "FILLED: 39=2",
        "DONE_FOR_DAY: 39=3",
        "CANCELED: 39=4",
        "REPLACED: 39=5, a transient answer; the order's own status becomes NEW, PARTIALLY_FILLED or FILLED",
        "PENDING_CANCEL: 39=6",
        "STOPPED: 39=7",
        "REJECTED: 39=8, by the venue",
        "SUSPENDED: 39=9",
        "CALCULATED: 39=B",
        "EXPIRED: 39=C",
        "PENDING_REPLACE: 39=E",
        "UNKNOWN: sent, not acknowledged, and the session died",
        "DENIED: refused by Ringfence; never sent",
    ),
    _enum("IntentKind", "What a strategy asks.", "NEW", "CANCEL", "REPLACE", "CANCEL_ALL"),
    _enum(
        "CommandKind",
        "What the engine asks of a gateway.",
        "NEW",
        "CANCEL",
        "REPLACE",
        "STATUS",
        "MASS_CANCEL: everything of the session, or of one instrument (4.4 35=q)",
        "DONT_KNOW: an execution that is refused (35=Q)",
    ),
    _enum(
        "VenueEventKind",
        "What a venue (or its session) reported, FIX 4.2 and 4.4 normalised to one list.",
        "ACK: 150=0",
        "PENDING_NEW: 150=A",
        "REJECTED: 150=8",
        "FILL: 20=0 and 150=1 or 2; 4.4 150=F",
        "BUST: 20=1; 4.4 150=H",
        "CORRECT: 20=2; 4.4 150=G",
        "PENDING_CANCEL: 150=6",
        "CANCELED: 150=4",
        "PENDING_REPLACE: 150=E",
        "REPLACED: 150=5",
        "RESTATED: 150=D",
        "DONE_FOR_DAY: 150=3",
        "EXPIRED: 150=C",
        "STOPPED: 150=7",
        "SUSPENDED: 150=9",
        "CALCULATED: 150=B",
        "STATUS: 20=3; 4.4 150=I",
        "CANCEL_REJECT: 35=9",
        "BUSINESS_REJECT: 35=j, or 35=3 answering an application message",
        "SESSION_UP: logged on, gap fill complete",
        "SESSION_DOWN: connection lost or logged out",
        "NOT_SENT: the venue provably never received it",
        "MASS_CANCEL_REPORT: 35=r; text_code is MassCancelRejectReason(532) plus 1",
    ),
    _enum(
        "EventKind",
        "What the engine tells a strategy.",
        "ACCEPTED: the intent became an order and is on its way",
        "DENIED: refused by Ringfence, see reason",
        "DUPLICATE: client_id seen before; carries the existing order's state",
        "ACK: the venue has it (OrdStatus New)",
        "FILL: last_px and last_qty traded",
        "CANCELED",
        "REPLACED",
        "REJECTED: by the venue",
        "CANCEL_REJECTED: cancel or replace refused by the venue",
        "EXPIRED",
        "DONE_FOR_DAY",
        "RESTATED: changed by the venue without a request",
        "PENDING: PendingNew, PendingCancel, PendingReplace, Suspended, Stopped or Calculated; see ord_status",
        "UNKNOWN: outcome not known; exposure stays reserved",
        "BUST",
        "CORRECT",
    ),
    _enum(
        "DenyReason",
        "Why Ringfence refused an intent. NONE is 1: an error path that leaves 0 can never mean accepted.",
        "NONE: not refused",
        "BAD_KIND: intent kind is not one of IntentKind",
        "BAD_SIDE: side is not BUY, SELL or SELL_SHORT",
        "BAD_ORD_TYPE: type unknown, or not fit for the prices given",
        "BAD_TIME_IN_FORCE: time in force unknown, or GTD without expire time",
        "BAD_QTY: quantity not positive, not a multiple of the lot, or outside min and max",
        "BAD_PRICE: limit or stop price missing, not on the tick, or not positive where it must be",
        "BAD_CLIENT_ID: client_id is 0",
        "OVERFLOW: price times quantity, or a sum, does not fit",
        "UNKNOWN_INSTRUMENT: no such instrument, or not active",
        "UNKNOWN_ACCOUNT: no such account, or not active",
        "UNKNOWN_ORDER: target client_id names no order of this strategy",
        "NO_ROUTE: no route for this instrument and account",
        "STRATEGY_DISABLED: strategy unknown, detached or disabled",
        "SESSION_DOWN: the route's session is not logged on",
        "GATEWAY_STALLED: the route's gateway does not drain its ring",
        "STRATEGY_STALLED: this strategy does not drain its event ring",
        "JOURNAL_PRESSURE: the journal ring is close to full; new risk is refused",
        "ORDER_DONE: the target is in a terminal state",
        "ORDER_UNKNOWN: the target's outcome is unknown; only cancels pass",
        "DUPLICATE_TERMS: client_id seen before with other terms",
        "ORDERS_FULL: order table is full",
        "EXECUTIONS_FULL: execution table is nearly full",
        "STALE: older than the strategy's limit when read, or issued before recovery finished",
        "TOO_MANY_REVISIONS: the order's ClOrdID chain is used up",
        "REQUEST_PENDING: too many requests are in flight to take another",
        "NOT_SUPPORTED: the venue has no such order type, time in force or instruction",
        "JOURNAL_LATE: the journal is not durable in time; only what reduces a position passes",
        "TRADING_HALTED: the instance takes no new risk (restrictions of EngineStatus); cancels pass",
    ),
    _enum(
        "BreakKind",
        "Facts that contradict our state: booked where they can be, always raised. Names follow the order rules S1 to S22.",
        "UNKNOWN_ORDER: an execution names no order we know; booked to suspense",
        "OVERFILL: CumQty above OrderQty; booked in full",
        "EXECUTION_MISMATCH: same execution identity with other quantity or price; not booked",
        "MISSED_EXECUTION: the venue's CumQty jumped by more than LastShares",
        "STALE_REPORT: the venue's CumQty is below ours without bust or correct",
        "UNEXPECTED_TRANSITION: no row of the state table fits",
        "UNKNOWN_EXEC_REF: bust or correct of an execution we do not know",
        "INSTRUMENT_MISMATCH: report names another instrument or side than the order",
        "INEXACT: a price or quantity finer than the instrument's scale",
        "OVERFLOW: a figure does not fit in 64 or 128 bits",
        "EXECUTIONS_FULL: booked, but not remembered for dedupe",
        "BUSINESS_REJECT: the venue refused a message we cannot tie to a request",
        "UNKNOWN_OUTCOME: an order whose fate or state is in doubt was not cleared up in time (S6, S16)",
        "TABLE_FULL: a position or break row could not be made",
        "REQUEST_UNANSWERED: a cancel or replace was not answered in time; it stays pending (S17)",
        "BAD_CONTROL: a control command names a row or a value that cannot be and changed nothing, or a mass cancel reached not every order",
        "MASS_CANCEL_REJECTED: the venue refused a mass cancel; every open order is cancelled on its own instead",
        "DIVERGENCE: a shadow of the engine computed another state hash at the same sequence; trading is halted",
        "OUTPUTS_LOST: the journal lost its end, a gateway has sent what it does not know: ids were skipped and trading is halted",
    ),
    _enum(
        "FrameKind",
        "Type of a journal frame; all but CHECKPOINT are inputs.",
        "INTENT",
        "VENUE_EVENT",
        "CONTROL",
        "MARK",
        "TIMER",
        "OBSERVATION: what the engine saw of its peers (stalled, poisoned, pressure)",
        "CHECKPOINT: the state hash after the previous frame; checked by replay",
    ),
    _enum(
        "ControlKind",
        "Journaled commands; all configuration is one of these.",
        "START: engine start: epoch, trading day, ClOrdID prefix",
        "DEFINE_INSTRUMENT",
        "DEFINE_ACCOUNT",
        "DEFINE_VENUE",
        "DEFINE_STRATEGY",
        "DEFINE_ROUTE",
        "STRATEGY_ATTACH: a strategy process took its ring; body carries the ring epoch",
        "STRATEGY_DETACH: its process ended; open orders are cancelled when its policy says so",
        "CHECKPOINT: compute the state hash and journal it",
        "SET_STRATEGY: change a strategy's status",
        "MASS_CANCEL: cancel everything at a venue; body is an OrderAction",
        "DONT_KNOW: refuse an execution with DKReason(127) (R15); body is an OrderAction",
        "RESOLVE_ORDER: an operator says how an Unknown order ended (S6); body is an OrderAction",
        "ASSIGN_EXECUTION: move an execution from suspense to an order or a strategy (S3, S21); body is an OrderAction",
        "HALT: take no new risk (sets RESTRICT_OPERATOR)",
        "RESUME: lift RESTRICT_OPERATOR and RESTRICT_DIVERGENCE",
        "DIVERGENCE: the shadow found another state hash; body is a Checkpoint with the shadow's",
        "ROLL_DAY: a new trading day (field day) begins: DAY orders that are still open are asked for, all others are carried",
        "SKIP_OUTPUTS: a gateway has sent more than the journal knows: skip those ids, halt; body is an OrderAction (venue; order_id is the count)",
    ),
    _enum(
        "ObservationKind",
        "Journaled by the engine about its peers, so that decisions that depend on them replay.",
        "GATEWAY_STALLED",
        "GATEWAY_READY",
        "STRATEGY_STALLED",
        "STRATEGY_READY",
        "STRATEGY_POISONED: garbage in its ring; not read any more",
        "JOURNAL_PRESSURE",
        "JOURNAL_CLEAR",
        "JOURNAL_HEALTH: value holds the RESTRICT_JOURNAL_* bits that are now in force",
    ),
    _enum("StrategyStatus", "Whether a strategy may trade.", "ENABLED", "REDUCE_ONLY", "CANCEL_ONLY", "DISABLED", "POISONED"),
    _enum("Status", "Whether a table row is in use.", "ACTIVE", "HALTED"),
    _enum("SessionState", "State of a FIX session as the engine and the CLI see it.", "DOWN", "CONNECTING", "LOGGING_ON", "UP", "LOGGING_OUT"),
    _enum("Role", "Process roles of an instance.", "SUPERVISOR", "ENGINE", "GATEWAY", "SIDECAR", "STRATEGY", "FEED", "VENUE", "SHADOW"),
    _enum("ProcessState", "What a component says it is doing.", "STARTING", "RECOVERING", "RUNNING", "STOPPING", "STOPPED", "FAILED"),
    _enum("ClockSource", "Where time comes from.", "TSC", "CLOCK_GETTIME"),
    _enum("Mode", "What an instance trades against.", "LIVE", "PAPER", "DEMO"),
    _enum("RequestKind", "A pending request on an order; bits, so both may be pending.", "CANCEL", "REPLACE"),
)
ENUMS: dict[str, Enum] = {e.name: e for e in _ENUMS}

# -------------------------------------------------------------------------------------------------------------- records


def _pad(n: int, name: str = "pad_0") -> Field:
    return Field(name, f"char[{n}]" if n > 1 else "u8", "zero")


_SLOT = Field("slot_seq", "u64", "ring position + 1, stored last with release; 0 is never valid")

_RECORDS = (
    # ---- region headers
    Record(
        "Superblock",
        "First bytes of every region. Written once by the creator, but for the heartbeat.",
        "the region's one writer",
        256,
        (
            Field("magic", "u64", "0x31464752 ('RGF1') in the low half; stored last when the region is ready"),
            Field("layout_version", "u32"),
            Field("section_count", "u32"),
            Field("layout_hash", "u64", "over every record's fields, offsets and types"),
            Field("total_bytes", "u64", unit="bytes"),
            Field("epoch", "u64", "of the instance; a higher one supersedes"),
            Field("writer_pid", "u32"),
            Field("role", "u32", enum="Role"),
            Field("writer_start_ticks", "u64", "field 22 of /proc/PID/stat: tells a reused pid from the writer", "clock ticks"),
            Field("created_ns", "u64", unit="ns"),
            Field("instance", "char[32]"),
            Field("name", "char[32]", "region name without the instance"),
            _pad(8),
            Field("heartbeat_ns", "u64", "on its own cache line", "ns"),
            Field("process_state", "u32", enum="ProcessState"),
            Field("detail", "u32", "meaning by role"),
            _pad(104, "pad_1"),
        ),
    ),
    Record(
        "Section",
        "One named array in a region; the directory follows the superblock.",
        "the region's one writer",
        64,
        (
            Field("name", "char[24]"),
            Field("record", "char[24]", "record name in this schema"),
            Field("offset", "u64", unit="bytes"),
            Field("count", "u32", "rows, row 0 included"),
            Field("stride", "u32", unit="bytes"),
        ),
    ),
    Record(
        "RingCursor",
        "One cursor of a ring, alone on two cache lines.",
        "head: the producer; tail: the consumer",
        128,
        (
            Field("position", "u64", "slots published (head; lags by up to 8, link.published is exact) or released (tail) since the ring was made"),
            Field(
                "condition",
                "u64",
                "mark of the sidecar: RESTRICT_JOURNAL_FULL, RESTRICT_JOURNAL_SUSPECT; of a gateway: the last order_id in its store at its start",
            ),
            _pad(112),
        ),
    ),
    # ---- rings
    Record(
        "Intent",
        "What a strategy asks. Written into its intent ring.",
        "strategy",
        128,
        (
            _SLOT,
            Field("client_id", "u64", "the strategy's own id of the order; of the target when kind is CANCEL or REPLACE; not 0 but for CANCEL_ALL"),
            Field("px", "i64", "limit price; 0 for market and stop", "price ticks of the instrument's scale"),
            Field("stop_px", "i64", "trigger price of stop orders", "as px"),
            Field("qty", "i64", "OrderQty; new total on REPLACE", "instrument scale"),
            Field("display_qty", "i64", "0: all shown", "instrument scale"),
            Field("expire_ns", "u64", "GTD only", "ns"),
            Field("created_ns", "u64", "the strategy's clock; used for age only", "ns"),
            Field("origin_ns", "u64", "stamp of the tick that caused it, 0 when none; latency accounting only", "ns"),
            Field("instrument", "u32", "row in instruments; CANCEL_ALL: 0 means all"),
            Field("account", "u16", "row in accounts; 0: from the route"),
            Field("route", "u16", "row in routes; 0: first that fits"),
            Field("kind", "u8", enum="IntentKind"),
            Field("side", "u8", enum="Side"),
            Field("ord_type", "u8", enum="OrdType"),
            Field("time_in_force", "u8", enum="TimeInForce"),
            Field("instructions", "u32", "INSTRUCTION_* bits"),
            Field("epoch", "u32", "ring epoch; an old one is refused"),
            _pad(32),
            Field("crc", "u32", "CRC32C of bytes 8 to 124: a slot torn by a hostile or dying writer is seen"),
        ),
    ),
    Record(
        "OrderCommand",
        "What the engine asks of a gateway. Everything that the gateway needs is inside: it keeps no order state.",
        "engine",
        320,
        (
            _SLOT,
            Field("output_seq", "u64", "per gateway, dense, part of the state: taken once"),
            Field("journal_seq", "u64", "input that caused it; held until the durability counter covers it"),
            Field("order_id", "u64"),
            Field("px", "i64", unit="10^-px_digits"),
            Field("stop_px", "i64", unit="10^-px_digits"),
            Field("qty", "i64", unit="10^-qty_digits"),
            Field("display_qty", "i64", unit="10^-qty_digits"),
            Field("expire_ns", "u64", unit="ns"),
            Field("engine_ns", "u64", "engine time of the causing input", "ns"),
            Field("intent_ns", "u64", "the strategy's stamp, 0 when none", "ns"),
            Field("origin_ns", "u64", "the tick's stamp, 0 when none", "ns"),
            Field("revision", "u32", "of cl_ord_id in the order's chain"),
            Field("kind", "u8", enum="CommandKind"),
            Field("side", "u8", enum="Side"),
            Field("ord_type", "u8", enum="OrdType"),
            Field("time_in_force", "u8", enum="TimeInForce"),
            Field("px_digits", "u8"),
            Field("qty_digits", "u8"),
            Field("durability", "u8", "1 async, 2 local, 3 replicated"),
            Field("instructions", "u8", "INSTRUCTION_* bits"),
            Field("strategy", "u16"),
            Field("venue", "u16"),
            Field("cl_ord_id", "char[24]", "ClOrdID(11)"),
            Field("orig_cl_ord_id", "char[24]", "OrigClOrdID(41)"),
            Field("venue_order_id", "char[32]", "OrderID(37) when known"),
            Field("symbol", "char[24]", "Symbol(55)"),
            Field("account_code", "char[24]", "Account(1)"),
            Field("exec_id", "char[40]", "DONT_KNOW: ExecID(17) of the execution refused"),
            Field("dk_reason", "u8", "DONT_KNOW: DKReason(127), its character"),
            _pad(39),
        ),
    ),
    Record(
        "VenueEvent",
        "What a venue or its session reported, normalised, in the venue's own decimals (mantissa and digits: nothing is rounded on the way in).",
        "gateway",
        384,
        (
            _SLOT,
            Field("last_px", "i64", "LastPx(31)", "10^-last_px_digits"),
            Field("last_qty", "i64", "LastShares(32)", "10^-last_qty_digits"),
            Field("cum_qty", "i64", "CumQty(14)", "10^-cum_qty_digits"),
            Field("leaves_qty", "i64", "LeavesQty(151)", "10^-leaves_qty_digits"),
            Field("avg_px", "i64", "AvgPx(6), informational", "10^-avg_px_digits"),
            Field("qty", "i64", "OrderQty(38)", "10^-qty_digits"),
            Field("px", "i64", "Price(44)", "10^-px_digits"),
            Field("transact_ns", "u64", "TransactTime(60), 0 when absent", "ns"),
            Field("received_ns", "u64", "when its bytes were read from the socket", "ns"),
            Field("msg_seq_num", "u32", "MsgSeqNum(34)"),
            Field("flags", "u32", "VENUE_EVENT_* bits"),
            Field("present", "u32", "PRESENT_* bits: which amounts the message carried"),
            Field("text_code", "u32", "OrdRejReason(103), CxlRejReason(102), BusinessRejectReason(380) or SessionRejectReason(373), plus 1; 0 when absent"),
            Field("kind", "u8", enum="VenueEventKind"),
            Field("ord_status", "u8", "OrdStatus(39) as ours, 0 when absent", enum="OrdStatus"),
            Field("side", "u8", "0 when absent", enum="Side"),
            Field("exec_trans_type", "u8", "ExecTransType(20) + 1; 0 when absent"),
            Field("last_px_digits", "u8"),
            Field("last_qty_digits", "u8"),
            Field("cum_qty_digits", "u8"),
            Field("leaves_qty_digits", "u8"),
            Field("avg_px_digits", "u8"),
            Field("qty_digits", "u8"),
            Field("px_digits", "u8"),
            Field("cxl_rej_response_to", "u8", "434: 1 cancel, 2 replace, 0 absent"),
            Field("venue", "u16", "row in venues; the engine overwrites it with the link's own"),
            Field("mass_cancel_response", "u8", "MassCancelResponse(531), its character; 48 is a refusal; 0 absent"),
            _pad(1),
            Field("cl_ord_id", "char[24]", "ClOrdID(11)"),
            Field("orig_cl_ord_id", "char[24]", "OrigClOrdID(41)"),
            Field("exec_id", "char[40]", "ExecID(17)"),
            Field("exec_ref_id", "char[40]", "ExecRefID(19)"),
            Field("venue_order_id", "char[32]", "OrderID(37)"),
            Field("symbol", "char[24]", "Symbol(55)"),
            Field("text", "char[64]", "Text(58), cut"),
            _pad(24, "pad_1"),
        ),
    ),
    Record(
        "StrategyEvent",
        "What the engine tells a strategy about one of its orders.",
        "engine",
        128,
        (
            _SLOT,
            Field("output_seq", "u64", "per strategy, dense: a jump is the number of events lost to a full ring"),
            Field("journal_seq", "u64", "input that caused it"),
            Field("client_id", "u64"),
            Field("order_id", "u64", "0 when denied"),
            Field("last_px", "i64", unit="instrument scale"),
            Field("last_qty", "i64", unit="instrument scale"),
            Field("cum_qty", "i64", unit="instrument scale"),
            Field("leaves_qty", "i64", unit="instrument scale"),
            Field("px", "i64", unit="instrument scale"),
            Field("qty", "i64", unit="instrument scale"),
            Field("engine_ns", "u64", unit="ns"),
            Field("net_qty", "i64", "the strategy's position after it, same account and instrument", "instrument scale"),
            Field("instrument", "u32"),
            Field("account", "u16"),
            Field("kind", "u8", enum="EventKind"),
            Field("ord_status", "u8", enum="OrdStatus"),
            Field("side", "u8", enum="Side"),
            Field("reason", "u8", enum="DenyReason"),
            Field("venue_code", "u16", "the venue's reject reason plus 1, 0 when none"),
            _pad(12),
        ),
    ),
    Record(
        "Control",
        "A journaled command: who, why, what. The body is a table row image or a small record named by kind.",
        "supervisor (control agent)",
        384,
        (
            _SLOT,
            Field("request_id", "u64", "of the caller, answered through the status counters"),
            Field("operator_uid", "u32", "Unix identity from SO_PEERCRED"),
            Field("kind", "u8", enum="ControlKind"),
            Field("status", "u8", "SET_STRATEGY: StrategyStatus"),
            Field("strategy", "u16", "STRATEGY_*, SET_STRATEGY"),
            Field("epoch", "u64", "STRATEGY_ATTACH: ring epoch; START: instance epoch"),
            Field("day", "u32", "START, ROLL_DAY: trading day as YYYYMMDD"),
            Field("pid", "u32", "STRATEGY_ATTACH: the strategy's process"),
            Field("operator_name", "char[24]"),
            Field("reason", "char[56]"),
            Field("prefix", "char[8]", "START: ClOrdID prefix of the instance"),
            Field("body", "char[256]", "DEFINE_*: the row image, byte for byte; START: TableRows"),
        ),
    ),
    Record(
        "TableRows",
        "Body of a START command: rows of the engine's tables. A full table denies, so a replay needs the same sizes and takes them from here.",
        "engine process",
        64,
        (
            Field("orders", "u32"),
            Field("executions", "u32"),
            Field("positions", "u32"),
            Field("breaks", "u32"),
            Field("instruments", "u32"),
            Field("accounts", "u32"),
            Field("venues", "u32"),
            Field("strategies", "u32"),
            Field("routes", "u32"),
            _pad(28),
        ),
    ),
    Record(
        "OrderAction",
        "Body of an operator's command on an order or an execution; what a command does not use is zero.",
        "supervisor (control agent)",
        64,
        (
            Field("order_id", "u64", "row in orders"),
            Field("execution", "u64", "row in executions; SKIP_OUTPUTS: the last order_id that the gateway has sent"),
            Field("instrument", "u32", "MASS_CANCEL: 0 means all"),
            Field("venue", "u16", "MASS_CANCEL"),
            Field("strategy", "u16", "ASSIGN_EXECUTION: the strategy that gets it when no order does"),
            Field("ord_status", "u8", "RESOLVE_ORDER: CANCELED, REJECTED, EXPIRED, DONE_FOR_DAY, FILLED or NEW", enum="OrdStatus"),
            Field("dk_reason", "u8", "DONT_KNOW: DKReason(127), its character"),
            _pad(38),
        ),
    ),
    Record(
        "Mark",
        "A sampled price, journaled so that PnL and collars replay.",
        "feed",
        64,
        (
            _SLOT,
            Field("bid", "i64", unit="instrument scale"),
            Field("ask", "i64", unit="instrument scale"),
            Field("source_ns", "u64", "the quote's own time", "ns"),
            Field("instrument", "u32"),
            _pad(28),
        ),
    ),
    Record("Timer", "A tick of engine time, so that time passes in a replay.", "engine", 64, (_SLOT, Field("now_ns", "u64", unit="ns"), _pad(48))),
    Record(
        "Observation",
        "What the engine saw of a peer.",
        "engine",
        64,
        (
            _SLOT,
            Field("value", "u64", "GATEWAY_*, STRATEGY_*: output_seq at the moment; POISONED: ring position"),
            Field("peer", "u16", "venue or strategy row"),
            Field("kind", "u8", enum="ObservationKind"),
            _pad(45),
        ),
    ),
    Record(
        "Checkpoint",
        "State hash after the frame before it; of everything, or of a window of the long tables so that a running engine pays a bounded price.",
        "engine",
        64,
        (
            _SLOT,
            Field("state_hash", "u64"),
            Field("inputs", "u64", "inputs applied so far"),
            Field("first_row", "u64", "first row of the window in orders, requests, executions, positions and breaks"),
            Field("rows", "u32", "rows of the window; 0: the hash covers every used row"),
            Field("logic", "u32", "LOGIC_VERSION of the engine that wrote it: hashes of another one need not be equal"),
            _pad(24),
        ),
    ),
    Record(
        "Frame",
        "Head of a journal frame; the payload (one of the records above) follows. In the ring the first word is slot_seq, in a file it is the length and CRC.",
        "engine",
        64,
        (
            _SLOT,
            Field("seq", "u64", "journal sequence, dense from 1"),
            Field("engine_ns", "u64", "engine time, never falls", "ns"),
            Field("source_position", "u64", "position in the source ring, + 1"),
            Field("source_epoch", "u32", "epoch of the source ring"),
            Field("source", "u16", "peer row: strategy, venue, or 0 for control and engine"),
            Field("kind", "u16", enum="FrameKind"),
            Field("payload_bytes", "u32", unit="bytes"),
            Field("instance_epoch", "u32", "of the engine that wrote it"),
            _pad(16),
        ),
    ),
    Record(
        "JournalSlot",
        "Slot of the journal ring: a Frame and room for the largest payload.",
        "engine",
        448,
        (_SLOT, Field("head", "char[56]", "rest of the Frame"), Field("payload", "char[384]")),
    ),
    # ---- tables of the engine
    Record(
        "EngineStatus",
        "The engine's scalars: everything in its state that is not a table row. Row 1 only.",
        "engine",
        256,
        (
            Field("seq", "u64", "last journal sequence applied"),
            Field("engine_ns", "u64", "time of the last input", "ns"),
            Field("inputs", "u64", "inputs applied"),
            Field("epoch", "u64", "instance epoch"),
            Field("order_count", "u64", "rows of orders in use; the last order_id"),
            Field("execution_count", "u64", "rows of executions in use"),
            Field("position_count", "u64"),
            Field("break_count", "u64", "breaks raised; the table keeps the first"),
            Field("open_orders", "u64"),
            Field("intents", "u64"),
            Field("denies", "u64"),
            Field("duplicates", "u64", "client_id seen again"),
            Field("fills", "u64", "executions booked"),
            Field("duplicate_fills", "u64", "ExecID seen again, not booked"),
            Field("venue_events", "u64"),
            Field("rejects", "u64", "by venues"),
            Field("day", "u32", "trading day YYYYMMDD"),
            Field("journal_pressure", "u32", "1 while new risk is refused"),
            Field("instrument_count", "u32"),
            Field("account_count", "u32"),
            Field("venue_count", "u32"),
            Field("strategy_count", "u32"),
            Field("route_count", "u32"),
            Field("day_code", "u32", "days since 2000-01-01, part of ClOrdID"),
            Field("prefix", "char[8]", "ClOrdID prefix"),
            Field("swept", "u64", "order row at which the timer's sweep for unanswered requests goes on"),
            Field("started_ns", "u64", "engine time of the last START: intents issued before it are stale (S12)", "ns"),
            Field("request_count", "u64", "rows of requests ever used"),
            Field("requests_pending", "u32", "requests in flight"),
            Field("free_request", "u32", "head of the free rows of requests, 0 when none is"),
            Field("mass_cancels", "u32", "mass cancels sent; part of their ClOrdIDs"),
            Field("restrictions", "u32", "RESTRICT_* bits in force; 0: new risk is taken"),
            Field("rolls", "u32", "trading days that began while there was an older one"),
            _pad(44),
        ),
    ),
    Record(
        "Instrument",
        "What is traded.",
        "engine",
        256,
        (
            Field("symbol", "char[24]"),
            Field("base", "char[8]", "base currency or the asset"),
            Field("quote", "char[8]", "quote currency"),
            Field("tick", "i64", "smallest price step", "instrument scale"),
            Field("lot", "i64", "smallest quantity step", "instrument scale"),
            Field("qty_min", "i64", unit="instrument scale"),
            Field("qty_max", "i64", unit="instrument scale"),
            Field("multiplier", "i64", "contract multiplier; 1 for spot"),
            Field("bid", "i64", "last mark", "instrument scale"),
            Field("ask", "i64", "last mark", "instrument scale"),
            Field("mark_ns", "u64", "engine time of the last mark, 0 when none", "ns"),
            Field("id", "u32"),
            Field("price_digits", "u8"),
            Field("qty_digits", "u8"),
            Field("status", "u8", enum="Status"),
            _pad(1),
            _pad(144, "pad_1"),
        ),
    ),
    Record(
        "Account",
        "An account at a broker.",
        "engine",
        128,
        (
            Field("name", "char[24]"),
            Field("code", "char[24]", "Account(1) on the wire"),
            Field("currency", "char[8]", "base currency"),
            Field("id", "u16"),
            Field("status", "u8", enum="Status"),
            Field("durability", "u8", "1 async, 2 local, 3 replicated; 0: the instance's"),
            _pad(4),
            _pad(64, "pad_1"),
        ),
    ),
    Record(
        "Venue",
        "A venue and its order session (one gateway link each).",
        "engine",
        192,
        (
            Field("name", "char[24]"),
            Field("session", "char[32]", "BeginString:Sender->Target"),
            Field("output_seq", "u64", "last output to this gateway"),
            Field("events", "u64", "venue events applied"),
            Field("session_ups", "u64"),
            Field("session_downs", "u64"),
            Field("changed_ns", "u64", "engine time of the last session change", "ns"),
            Field("id", "u16"),
            Field("status", "u8", enum="Status"),
            Field("session_state", "u8", "UP or DOWN", enum="SessionState"),
            Field("stalled", "u8", "1 while its ring is not drained"),
            Field("durability", "u8", "default for its orders: 1 async, 2 local, 3 replicated"),
            _pad(2),
            Field("stalled_seq", "u64", "output_seq when it was last seen stalled; bounds what may be queued for it"),
            Field("ord_types", "u32", "bit 1 << OrdType that its profile maps; 0: all"),
            Field("time_in_forces", "u32", "bit 1 << TimeInForce that its profile maps; 0: all"),
            Field("instructions", "u32", "INSTRUCTION_* bits that its profile maps"),
            _pad(68, "pad_1"),
        ),
    ),
    Record(
        "Strategy",
        "A strategy and its rings.",
        "engine",
        192,
        (
            Field("name", "char[24]"),
            Field("desk", "char[24]"),
            Field("output_seq", "u64", "last event to this strategy"),
            Field("epoch", "u64", "ring epoch; older intents are refused"),
            Field("intents", "u64"),
            Field("denies", "u64"),
            Field("orders", "u64"),
            Field("fills", "u64"),
            Field("open_orders", "u64"),
            Field("max_age_ns", "u64", "older intents are refused; 0: no limit", "ns"),
            Field("uid", "u32", "Unix identity that may attach"),
            Field("pid", "u32", "0 when detached"),
            Field("id", "u16"),
            Field("status", "u8", enum="StrategyStatus"),
            Field("attached", "u8"),
            Field("stalled", "u8", "1 while its event ring is full"),
            Field("cancel_on_detach", "u8"),
            _pad(2),
            Field("first_open", "u32", "head of its list of open orders, oldest first"),
            Field("last_open", "u32"),
            _pad(56, "pad_1"),
        ),
    ),
    Record(
        "Route",
        "Instrument and account to venue; the first active row that fits is taken.",
        "engine",
        64,
        (
            Field("instrument", "u32", "0: any"),
            Field("account", "u16"),
            Field("venue", "u16"),
            Field("id", "u16"),
            Field("status", "u8", enum="Status"),
            _pad(1),
            Field("name", "char[24]"),
            _pad(28, "pad_1"),
        ),
    ),
    Record(
        "Order",
        "One order through its whole ClOrdID chain.",
        "engine",
        384,
        (
            Field("order_id", "u64", "its row; never reused"),
            Field("client_id", "u64"),
            Field("px", "i64", "of the live version", "instrument scale"),
            Field("stop_px", "i64", unit="instrument scale"),
            Field("qty", "i64", "OrderQty of the live version", "instrument scale"),
            Field("cum_qty", "i64", "over the whole chain", "instrument scale"),
            Field("leaves_qty", "i64", "0 when terminal", "instrument scale"),
            Field("notional_lo", "u64", "sum of LastPx*LastShares, low word of 128 bits: AvgPx is exact (S10)", "price x quantity scale"),
            Field("notional_hi", "i64", "high word"),
            Field("last_px", "i64", unit="instrument scale"),
            Field("last_qty", "i64", unit="instrument scale"),
            Field("display_qty", "i64", unit="instrument scale"),
            Field("pending_px", "i64", "of the newest replace in flight", "instrument scale"),
            Field("pending_stop_px", "i64", unit="instrument scale"),
            Field("pending_qty", "i64", unit="instrument scale"),
            Field("expire_ns", "u64", unit="ns"),
            Field("created_ns", "u64", "engine time", "ns"),
            Field("updated_ns", "u64", "engine time", "ns"),
            Field("acked_ns", "u64", "engine time of the first answer, 0 when none", "ns"),
            Field("intent_ns", "u64", "the strategy's stamp", "ns"),
            Field("created_seq", "u64", "journal sequence"),
            Field("updated_seq", "u64", "journal sequence"),
            Field("terms_hash", "u64", "of the new intent's terms: same client_id with other terms is refused (S14)"),
            Field("instrument", "u32"),
            Field("account", "u16"),
            Field("strategy", "u16"),
            Field("venue", "u16"),
            Field("route", "u16"),
            Field("revision", "u16", "last ClOrdID revision used"),
            Field("live_revision", "u16", "last accepted (S20)"),
            Field("cancel_revision", "u16", "revision of the newest cancel in flight, 0 when none"),
            Field("replace_revision", "u16", "revision of the newest replace in flight, 0 when none"),
            Field("pending_count", "u8", "requests in flight, as rows of requests; 255 means that many or more"),
            Field("side", "u8", enum="Side"),
            Field("ord_type", "u8", enum="OrdType"),
            Field("time_in_force", "u8", enum="TimeInForce"),
            Field("ord_status", "u8", enum="OrdStatus"),
            Field("base_status", "u8", "status under the pending requests, restored by a reject (S7)", enum="OrdStatus"),
            Field("deny_reason", "u8", enum="DenyReason"),
            Field("flags", "u8", "ORDER_* bits"),
            Field("venue_code", "u16", "last reject reason of the venue, plus 1"),
            Field("pending_base_revision", "u16", "revision that the newest replace in flight names as OrigClOrdID"),
            Field("replaces", "u16", "accepted replaces"),
            _pad(2),
            Field("next_open", "u32", "open orders of the strategy, doubly linked"),
            Field("prev_open", "u32"),
            Field("first_execution", "u32", "head of its chain in executions"),
            Field("last_execution", "u32"),
            Field("venue_order_id", "char[32]", "OrderID(37)"),
            Field("text", "char[64]", "last Text(58)"),
            Field("day_code", "u32", "trading day of its creation, part of every ClOrdID of its chain"),
            Field("transact_ns", "u64", "latest TransactTime(60) applied: an older report never regresses it (S8)", "ns"),
            Field("requested_ns", "u64", "engine time of the newest cancel or replace in flight, 0 when none is (S17)", "ns"),
            Field("instructions", "u8", "INSTRUCTION_* bits of the new intent"),
            _pad(3, "pad_1"),
            Field("first_request", "u32", "head of its requests in flight, oldest first; 0 when none is"),
            Field("last_request", "u32"),
            _pad(4, "pad_3"),
            Field("asked_ns", "u64", "engine time of the last status request (S16)", "ns"),
            _pad(8, "pad_4"),
        ),
    ),
    Record(
        "Request",
        "One cancel or replace in flight; a row that is free is zero but for next.",
        "engine",
        64,
        (
            Field("px", "i64", "replace: asked for", "instrument scale"),
            Field("stop_px", "i64", unit="instrument scale"),
            Field("qty", "i64", "replace: new total", "instrument scale"),
            Field("requested_ns", "u64", "engine time at which it was sent (S17)", "ns"),
            Field("order_id", "u64"),
            Field("next", "u32", "next of the same order, or next free row"),
            Field("revision", "u16", "of its ClOrdID"),
            Field("base_revision", "u16", "of its OrigClOrdID (S20)"),
            Field("kind", "u8", enum="RequestKind"),
            Field("overdue", "u8", "1 when it was reported as unanswered"),
            _pad(14),
        ),
    ),
    Record(
        "Execution",
        "One booked execution; the identity is (venue session, account, order, side, ExecID) (S2).",
        "engine",
        192,
        (
            Field("id", "u64", "its row"),
            Field("order_id", "u64", "0: suspense"),
            Field("last_px", "i64", unit="instrument scale"),
            Field("last_qty", "i64", unit="instrument scale"),
            Field("transact_ns", "u64", unit="ns"),
            Field("booked_seq", "u64", "journal sequence"),
            Field("engine_ns", "u64", unit="ns"),
            Field("exec_id", "char[40]"),
            Field("venue_order_id", "char[32]"),
            Field("instrument", "u32"),
            Field("next", "u32", "next of the same order"),
            Field("account", "u16"),
            Field("strategy", "u16"),
            Field("venue", "u16"),
            Field("side", "u8", enum="Side"),
            Field("state", "u8", "EXECUTION_*: 1 booked, 2 busted, 3 corrected, 4 held until the execution it refers to arrives (S11), 5 assigned (S3)"),
            Field("digest", "u64", "hash of the identity"),
            Field("corrects", "u32", "row that this one corrects, 0 when none"),
            Field("corrected_by", "u32", "row that corrects this one, 0 when none"),
            Field("assigned_to", "u32", "row that took its place when it left suspense, 0 when none"),
            _pad(28),
        ),
    ),
    Record(
        "Position",
        "Per account, strategy and instrument. State is (quantity, total cost); unit cost is derived.",
        "engine",
        192,
        (
            Field("net_qty", "i64", "signed", "instrument scale"),
            Field("bought_qty", "i64", unit="instrument scale"),
            Field("sold_qty", "i64", unit="instrument scale"),
            Field("cost_lo", "u64", "total cost of the open quantity, signed 128 bits", "price x quantity scale"),
            Field("cost_hi", "i64"),
            Field("realized_lo", "u64", "realized PnL in quote currency, signed 128 bits", "price x quantity scale"),
            Field("realized_hi", "i64"),
            Field("traded_lo", "u64", "sum of |LastPx|*LastShares, 128 bits", "price x quantity scale"),
            Field("traded_hi", "i64"),
            Field("last_px", "i64", unit="instrument scale"),
            Field("fills", "u64"),
            Field("updated_ns", "u64", unit="ns"),
            Field("updated_seq", "u64"),
            Field("instrument", "u32"),
            Field("account", "u16"),
            Field("strategy", "u16", "0: suspense"),
            _pad(80),
        ),
    ),
    Record(
        "Break",
        "A fact that contradicts our state.",
        "engine",
        192,
        (
            Field("seq", "u64", "journal sequence that raised it"),
            Field("engine_ns", "u64", unit="ns"),
            Field("order_id", "u64", "0 when unknown"),
            Field("ours", "i64"),
            Field("theirs", "i64"),
            Field("exec_id", "char[40]"),
            Field("cl_ord_id", "char[24]"),
            Field("text", "char[64]"),
            Field("venue", "u16"),
            Field("kind", "u8", enum="BreakKind"),
            _pad(21),
        ),
    ),
    Record(
        "HashSlot",
        "One slot of an open-addressing index: digest and row; row 0 is empty.",
        "engine",
        16,
        (Field("digest", "u64"), Field("row", "u64")),
        align=16,
    ),
    # ---- other regions
    Record(
        "Quote",
        "Latest top of book of one instrument, under a sequence lock.",
        "feed",
        64,
        (
            Field("version", "u64", "odd while being written"),
            Field("bid", "i64", unit="instrument scale"),
            Field("ask", "i64", unit="instrument scale"),
            Field("source_ns", "u64", "the quote's own time", "ns"),
            Field("published_ns", "u64", unit="ns"),
            Field("count", "u64", "quotes so far"),
            Field("instrument", "u32"),
            Field("flags", "u32", "1 stale, 2 crossed"),
            _pad(8),
        ),
    ),
    Record(
        "ClockCalibration",
        "ns = base_ns + ((tsc - base_tsc) * mult >> shift); republished by the supervisor under a sequence lock.",
        "supervisor",
        64,
        (
            Field("version", "u64", "odd while being written"),
            Field("base_tsc", "u64"),
            Field("base_ns", "u64", unit="ns"),
            Field("mult", "u64"),
            Field("error_ns", "u64", "bound of the last calibration", "ns"),
            Field("shift", "u32"),
            Field("source", "u32", enum="ClockSource"),
            _pad(16),
        ),
    ),
    Record(
        "Component",
        "One process of the instance.",
        "supervisor",
        192,
        (
            Field("name", "char[32]"),
            Field("note", "char[64]"),
            Field("started_ns", "u64", unit="ns"),
            Field("pid", "u32"),
            Field("start_ticks_lo", "u32"),
            Field("restarts", "u32"),
            Field("core", "i32", "-1: not pinned"),
            Field("role", "u32", enum="Role"),
            Field("state", "u32", enum="ProcessState"),
            Field("exit_code", "i32"),
            _pad(60),
        ),
    ),
    Record(
        "InstanceStatus",
        "The instance as its supervisor sees it. Row 1 only.",
        "supervisor",
        256,
        (
            Field("epoch", "u64"),
            Field("started_ns", "u64", unit="ns"),
            Field("mode", "u32", enum="Mode"),
            Field("state", "u32", enum="ProcessState"),
            Field("data_dir", "char[200]", "directory of journal, session stores, socket and logs"),
            Field("config_digest", "u64"),
            _pad(24),
        ),
    ),
    Record(
        "Counter",
        "A named, monotone or gauge, 64-bit value.",
        "its component",
        64,
        (Field("value", "u64"), Field("label", "char[48]"), Field("id", "u32"), _pad(4)),
    ),
    Record(
        "HistogramHeader",
        "A log-bucket histogram (HdrHistogram's bucketing, 2^5 sub-buckets: relative error at most 1/32); counts follow in their own section.",
        "its component",
        128,
        (
            Field("label", "char[48]"),
            Field("count", "u64"),
            Field("sum", "u64", unit="ns"),
            Field("max", "u64", unit="ns"),
            Field("min", "u64", unit="ns"),
            Field("first_bucket", "u32", "index of its first count in the section"),
            Field("bucket_count", "u32"),
            _pad(40),
        ),
    ),
    Record("Bucket", "One count of a histogram.", "its component", 8, (Field("count", "u64"),), align=8),
    # ---- files
    Record(
        "SegmentHeader",
        "First bytes of a journal segment file.",
        "sidecar",
        256,
        (
            Field("magic", "u64", "0x4C4A4652 ('RFJL')"),
            Field("layout_version", "u32"),
            Field("header_bytes", "u32", unit="bytes"),
            Field("layout_hash", "u64"),
            Field("first_seq", "u64"),
            Field("index", "u64", "1, 2, 3 ..."),
            Field("created_ns", "u64", unit="ns"),
            Field("instance", "char[32]"),
            Field("previous_sha256", "char[32]", "digest of the whole previous segment, zero in the first"),
            _pad(132),
            Field("crc", "u32", "CRC32C of the bytes before"),
            _pad(8, "pad_1"),
        ),
    ),
    Record(
        "FileFrame",
        "Head of a frame in a journal file: Frame with its first word replaced; the payload follows, padded to 8 bytes.",
        "sidecar",
        64,
        (
            Field("length", "u32", "of the whole frame", "bytes"),
            Field("crc", "u32", "CRC32C of the frame with this field zero"),
            Field("seq", "u64"),
            Field("engine_ns", "u64", unit="ns"),
            Field("source_position", "u64"),
            Field("source_epoch", "u32"),
            Field("source", "u16"),
            Field("kind", "u16", enum="FrameKind"),
            Field("payload_bytes", "u32"),
            Field("instance_epoch", "u32"),
            _pad(16),
        ),
    ),
)
RECORDS: dict[str, Record] = {r.name: r for r in _RECORDS}

# ------------------------------------------------------------------------------------------------------------- constants

CONSTANTS: dict[str, tuple[int, str]] = {
    "REGION_MAGIC": (0x31464752, "'RGF1'"),
    "SEGMENT_MAGIC": (0x4C4A4652, "'RFJL'"),
    "CACHE_LINE_PAIR": (128, "what one side writes never shares 128 bytes with what the other writes"),
    "JOURNAL_SLOT_BYTES": (448, "frame head and the largest payload"),
    "VENUE_EVENT_POSS_DUP": (1, "PossDupFlag(43)=Y"),
    "VENUE_EVENT_POSS_RESEND": (2, "PossResend(97)=Y"),
    "VENUE_EVENT_INVALID": (4, "a field failed validation; delivered all the same"),
    "VENUE_EVENT_TRUNCATED": (8, "an id was longer than its field: identity is not certain"),
    "PRESENT_LAST_PX": (1, "31"),
    "PRESENT_LAST_QTY": (2, "32"),
    "PRESENT_CUM_QTY": (4, "14"),
    "PRESENT_LEAVES_QTY": (8, "151"),
    "PRESENT_AVG_PX": (16, "6"),
    "PRESENT_QTY": (32, "38"),
    "PRESENT_PX": (64, "44"),
    "ORDER_UNVERIFIED": (1, "its session went down; the venue has not answered for it since (S15)"),
    "ORDER_OVERFILLED": (2, "CumQty above OrderQty"),
    "ORDER_BREAK": (4, "a break names it"),
    "ORDER_STATUS_ASKED": (8, "a status request is on its way"),
    "ORDER_OVERDUE": (16, "its request in flight was reported as unanswered"),
    "ORDER_UNKNOWN_REPORTED": (32, "a break says that its fate is not known; said once for each time that it becomes Unknown"),
    "EXECUTION_BOOKED": (1, ""),
    "EXECUTION_BUSTED": (2, ""),
    "EXECUTION_CORRECTED": (3, ""),
    "EXECUTION_HELD": (4, "not booked: waits for the execution that it busts or corrects"),
    "EXECUTION_ASSIGNED": (5, "taken out of suspense by an operator; assigned_to is booked in its place"),
    "INSTRUCTION_MASS_CANCEL": (256, "of a venue only: it takes one message that cancels everything (35=q)"),
    "INSTRUCTION_POST_ONLY": (1, "add liquidity or be refused; ExecInst(18)=6 unless the venue's profile says otherwise"),
    "REQUEST_LIMIT_MS": (30000, "a cancel or replace unanswered for this long raises a break"),
    "DURABILITY_ASYNC": (1, "in the journal ring"),
    "DURABILITY_LOCAL": (2, "fdatasync covers it"),
    "DURABILITY_REPLICATED": (3, "a standby has it"),
    "LOGIC_VERSION": (1, "raised when the same inputs lead to another state: replays of older journals are then compared by --diff, not by hash"),
    "RESTRICT_JOURNAL_SLOW": (1, "frames wait for their sync longer than journal.reduce_ms: only what reduces a position passes"),
    "RESTRICT_JOURNAL_LATE": (2, "frames wait for their sync longer than journal.halt_ms: no new risk"),
    "RESTRICT_JOURNAL_FULL": (4, "the disk has no space: no new risk"),
    "RESTRICT_JOURNAL_SUSPECT": (8, "a write or sync failed: no new risk until people have looked"),
    "RESTRICT_DIVERGENCE": (16, "the shadow differs: no new risk until an operator resumes"),
    "RESTRICT_OPERATOR": (32, "halted by an operator"),
    "REVISIONS_MAX": (1023, "ClOrdIDs of one order: two base-32 digits"),
    "VENUES_MAX": (64, "gateway links of one engine"),
    "STRATEGIES_MAX": (256, "strategy links of one engine"),
}


def layout_hash() -> int:
    """64-bit hash over every record's name, size, fields, offsets and types and every enum value; what attach compares."""
    text = [f"v{LAYOUT_VERSION}"]
    for r in _RECORDS:
        text.append(f"{r.name}:{r.size}")
        text += [f"{f.name}@{r.offsets[f.name]}:{f.type}" for f in r.fields]
    for e in _ENUMS:
        text += [f"{e.name}.{n}={v}" for n, v, _ in e.values]
    text += [f"{n}={v}" for n, (v, _) in CONSTANTS.items()]
    return int.from_bytes(hashlib.sha256("\n".join(text).encode()).digest()[:8], "little")


LAYOUT_HASH = layout_hash()
