"""``runtime.h`` for numba: the same functions, in the same order, on the same struct. tests/strategies/test_modes.py holds the two against each other.

Offsets of the struct come from the compiled C (``runtime.layout``), so there is one declaration of it. All numbers are int64 (``ipc/njit``).
What is polled is loaded with acquire; the struct itself is private to the thread.
Cold work that needs the system (sleeping between turns) is a call of the C function.
"""

from __future__ import annotations

from typing import Any

import numba
from numba.extending import register_model

from ringfence.ipc.njit import (
    BROADCAST,
    EMPTY,
    GARBAGE,
    INLINE,
    LOST,
    OK,
    OPTIONS,
    RING,
    Pointer,
    PointerModel,
    address_of,
    below,
    broadcast_take,
    clock_at,
    clock_now,
    crc32c,
    fence_acquire,
    load32_acquire,
    load32_relaxed,
    load_acquire,
    load_byte,
    load_plain,
    load_relaxed,
    pointer_to,
    record,
    ring_claim,
    ring_poll,
    ring_publish,
    ring_release,
    ring_settle,
    ring_take,
    seqlock_copy,
    store_float,
    store_plain,
    store_release,
    zero_words,
)
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.strategies import runtime
from ringfence.strategies.latest import TopOfBook
from ringfence.strategies.runtime import CALLBACKS

_LAYOUT = runtime.layout()
_PARTS = _LAYOUT["parts"]
BATCH, COPIES_MAX, ATTEND_NS, LOSS_CHECK_NS, ATTEND_TURNS, TIMER_NS_MAX = 16, 1_000, 1_000_000, 50_000_000, 256, 1 << 61
NOTHING, QUOTE, TRADE, BOOK, RESET = 0, *(CALLBACKS[f"on_{n}"] for n in ("quote", "trade", "book", "reset"))
FILL, REJECT, EVENT, TIMER = (CALLBACKS[f"on_{n}"] for n in ("fill", "reject", "event", "timer"))
LOST_TICKS, LOST_EVENTS = runtime.LOST_TICKS, runtime.LOST_EVENTS
SKIPPED, BROKEN = 11, 12

STRUCT = Pointer(
    "rf_runtime_t",
    (
        *((name, offset, "u8", 0) for name, offset in _LAYOUT["words"].items()),
        *((name, _PARTS[name], kind, 0) for name, kind in (("market", BROADCAST), ("events", RING), ("intents", RING))),
        *((name, _PARTS[name], "u4", 0) for name in ("epoch", "strategy", "idle_turns", "idle_sleep_ns")),
    ),
)
WATCHED = Pointer("rf_watched_t", tuple((name, offset, "u8", 0) for name, offset in _LAYOUT["watched"].items()))


class EventPointer(Pointer):
    """A StrategyEvent with ``done``."""


register_model(EventPointer)(PointerModel)

EVENT_RECORD = EventPointer("OrderEvent", record("StrategyEvent")._identity[1])
QUOTE_RECORD, TRADE_RECORD, BOOK_RECORD, INTENT = record("QuoteTick"), record("TradeTick"), record("BookDelta"), record("Intent")
runtime_at, watched_at, intent_at = pointer_to(STRUCT), pointer_to(WATCHED), pointer_to(INTENT)
quote_at, trade_at, book_at, event_at = (pointer_to(k) for k in (QUOTE_RECORD, TRADE_RECORD, BOOK_RECORD, EVENT_RECORD))
position_at, parameter_at, strategy_at = (pointer_to(record(n)) for n in ("Position", "Parameter", "Strategy"))
calibration_at, latest_at = (pointer_to(record(n)) for n in ("ClockCalibration", "Quote"))

TICK_AT, EVENT_AT, WATCHED_AT, WATCHED_BYTES = _PARTS["tick"], _PARTS["event"], _PARTS["watched"], _LAYOUT["watched_bytes"]
STOP_AT = _LAYOUT["words"]["stop"]
_AT = {name: r.offsets for name, r in RECORDS.items()}
LATEST_BYTES = RECORDS["Quote"].size
EVENT_BYTES, INTENT_BYTES = RECORDS["StrategyEvent"].size, RECORDS["Intent"].size
POSITION_BYTES, PARAMETER_BYTES = RECORDS["Position"].size, RECORDS["Parameter"].size
PROCESS_STATE_AT, EPOCH_AT = _AT["Superblock"]["process_state"], _AT["Superblock"]["epoch"]
POSITION_COUNT_AT, PARAMETER_COUNT_AT = _AT["EngineStatus"]["position_count"], _AT["EngineStatus"]["parameter_count"]
NET_QTY_AT, CHANGES_AT, NAME_AT, BEGUN_AT = _AT["Position"]["net_qty"], *(_AT["Parameter"][n] for n in ("changes", "name", "begun"))
OUTPUT_SEQ_AT, OPEN_ORDERS_AT = _AT["Strategy"]["output_seq"], _AT["Strategy"]["open_orders"]
_STATE, _EVENT, _KIND, _TYPE = (ENUMS[n].by_name for n in ("ProcessState", "EventKind", "IntentKind", "OrdType"))
STARTING, RECOVERING = _STATE["STARTING"], _STATE["RECOVERING"]
EVENT_FILL, EVENT_DENIED, EVENT_REJECTED, EVENT_CANCEL_REJECTED = (_EVENT[n] for n in ("FILL", "DENIED", "REJECTED", "CANCEL_REJECTED"))
NEW, CANCEL, REPLACE, CANCEL_ALL = (_KIND[n] for n in ("NEW", "CANCEL", "REPLACE", "CANCEL_ALL"))
LIMIT, MARKET = _TYPE["LIMIT"], _TYPE["MARKET"]
TICK_KINDS = max(ENUMS["TickKind"].by_value)
DIGITS_MAX = 12
OVER = sum(1 << ENUMS["OrdStatus"].by_name[n] for n in ("FILLED", "DONE_FOR_DAY", "CANCELED", "REJECTED", "CALCULATED", "EXPIRED", "DENIED"))
CLOCK_SOURCES = tuple(ENUMS["ClockSource"].by_value)
POWERS = tuple(10**n for n in range(DIGITS_MAX + 1))
FOREVER = -1
"""All bits set: no output_seq."""


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def rebuilding(r: Any) -> bool:
    state = load32_acquire(r.life + PROCESS_STATE_AT)
    return state == STARTING or state == RECOVERING  # noqa: PLR1714, numba would make a tuple


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def take_tick(r: Any) -> int:
    """rf_runtime_take_tick."""
    r.origin_ns = 0
    market = r.market
    if market.slots == 0:
        return NOTHING
    at = address_of(r) + TICK_AT
    result, lost = broadcast_take(market, at)
    if result == OK:
        tick = quote_at(at)
        if tick.instrument >= r.instruments or load_byte(r.wanted + tick.instrument) == 0 or tick.kind < 1 or tick.kind > TICK_KINDS:
            return SKIPPED
        r.ticks += 1
        r.origin_ns = tick.published_ns
        return tick.kind
    if result == EMPTY:
        return NOTHING
    if result == LOST:
        r.lost = lost
        r.ticks_lost += lost
        return LOST_TICKS
    r.garbage = 1
    return BROKEN


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def set_net(r: Any, account: int, instrument: int, net_qty: int) -> None:
    """rf_runtime_set_net."""
    if account >= r.accounts or instrument >= r.instruments:
        return
    of_account, total = r.net_of_account + 8 * (account * r.instruments + instrument), r.net_qty + 8 * instrument
    store_plain(total, load_plain(total) + net_qty - load_plain(of_account))
    store_plain(of_account, net_qty)


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def read_positions(r: Any) -> bool:
    """rf_runtime_read_positions."""
    if rebuilding(r):
        return False
    life, count = load_acquire(r.life + EPOCH_AT), load_acquire(r.engine + POSITION_COUNT_AT)
    if below(r.position_rows, count + 1):
        return False
    for row in range(1, count + 1):
        at = r.positions + row * POSITION_BYTES
        p = position_at(at)
        if p.strategy == r.strategy:
            set_net(r, p.account, p.instrument, load_relaxed(at + NET_QTY_AT))
    return not rebuilding(r) and load_acquire(r.life + EPOCH_AT) == life


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def lose_events(r: Any, count: int) -> int:
    """rf_runtime_lose_events."""
    r.lost = count
    r.events_lost += count
    r.positions_due = 0 if read_positions(r) else 1
    return LOST_EVENTS


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def take_event(r: Any) -> int:
    """rf_runtime_take_event."""
    ring, at = r.events, address_of(r) + EVENT_AT
    result = ring_take(ring, at, EVENT_BYTES)
    if result == EMPTY:
        return NOTHING
    if result != OK:
        r.garbage = 1
        return BROKEN
    e = event_at(at)
    if below(r.last_output_seq + 1, e.output_seq):
        lost = e.output_seq - r.last_output_seq - 1
        ring.position -= 1
        ring.pending -= 1
        r.last_output_seq = e.output_seq - 1
        return lose_events(r, lost)
    if below(r.last_output_seq, e.output_seq):
        r.last_output_seq = e.output_seq
    r.unseen_output_seq = FOREVER
    r.events_taken += 1
    if e.order_id != 0:
        set_net(r, e.account, e.instrument, e.net_qty)
    if e.kind == EVENT_FILL:
        return FILL
    return REJECT if e.kind == EVENT_DENIED or e.kind == EVENT_REJECTED or e.kind == EVENT_CANCEL_REJECTED else EVENT  # noqa: PLR1714


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def check_loss(r: Any) -> int:
    """rf_runtime_check_loss."""
    if rebuilding(r):
        return NOTHING
    emitted = load_acquire(r.own + OUTPUT_SEQ_AT)
    if below(r.last_output_seq, emitted) and emitted == r.unseen_output_seq and ring_poll(r.events) == EMPTY:
        lost = emitted - r.last_output_seq
        r.last_output_seq = emitted
        return lose_events(r, lost)
    r.unseen_output_seq = emitted
    return NOTHING


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def same_name(a: int, b: int) -> bool:
    for i in range(0, 32, 8):  # noqa: SIM110, numba has no all
        if load_plain(a + i) != load_plain(b + i):
            return False
    return True


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def read_parameter(r: Any, at: int, w: Any) -> int:
    """rf_runtime_read_parameter."""
    changes = load_acquire(at + CHANGES_AT)
    if changes == 0 or changes == w.changes:  # noqa: PLR1714
        return 0
    value, digits = load_relaxed(at), parameter_at(at).digits
    fence_acquire()
    if load32_relaxed(at + BEGUN_AT) != changes & 0xFFFFFFFF or digits > DIGITS_MAX or rebuilding(r):
        return 0
    w.value = value
    w.digits = digits
    w.changes = changes
    w.changed = 1
    return 1


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def read_parameters(r: Any) -> int:
    """rf_runtime_read_parameters."""
    if r.parameters == 0 or r.watched_count == 0 or rebuilding(r):
        return 0
    count, changed = load32_acquire(r.engine + PARAMETER_COUNT_AT), 0
    if count + 1 > r.parameter_rows:
        return 0
    first = address_of(r) + WATCHED_AT
    for row in range(r.parameters_known + 1, count + 1):
        p = r.parameters + row * PARAMETER_BYTES
        for i in range(r.watched_count):
            if parameter_at(p).strategy == r.strategy and same_name(p + NAME_AT, first + i * WATCHED_BYTES):
                watched_at(first + i * WATCHED_BYTES).row = row
    r.parameters_known = count
    for i in range(r.watched_count):
        w = watched_at(first + i * WATCHED_BYTES)
        if w.row == 0 or w.row > count:
            continue
        changed += read_parameter(r, r.parameters + w.row * PARAMETER_BYTES, w)
    return changed


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def apply_parameters(r: Any, state: int) -> None:
    """Write what has changed into the state record; a fraction for an int is refused and counted."""
    for i in range(r.watched_count):
        w = watched_at(address_of(r) + WATCHED_AT + i * WATCHED_BYTES)
        if w.changed == 0:
            continue
        w.changed = 0
        power = POWERS[w.digits]
        if w.is_float != 0:
            store_float(state + w.offset, w.value / power)
        elif w.value % power == 0:
            store_plain(state + w.offset, w.value // power)
        else:
            r.parameters_refused += 1


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def follow_clock(r: Any, scratch: int) -> None:
    """rf_runtime_follow_clock; ``scratch`` is 64 bytes of private memory."""
    if r.calibration == 0 or load_acquire(r.calibration) == r.calibration_version:
        return
    if not seqlock_copy(r.calibration, scratch, 64, COPIES_MAX):
        return
    c, clock = calibration_at(scratch), clock_at(r.clock)
    if c.source not in CLOCK_SOURCES:
        return
    r.calibration_version = c.version
    clock.base_tsc = c.base_tsc
    clock.base_ns = c.base_ns
    clock.mult = c.mult
    clock.shift = c.shift
    clock.source = c.source


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def attend_slowly(r: Any, now: int, state: int) -> None:
    """What is due once in a millisecond. The tick in hand has been worked on: its place is the scratch."""
    r.attend_due_ns = now + ATTEND_NS
    follow_clock(r, address_of(r) + TICK_AT)
    read_parameters(r)
    apply_parameters(r, state)
    if r.positions_due != 0 and read_positions(r):
        r.positions_due = 0


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def attend(r: Any, work: int, state: int) -> tuple[int, int]:
    """rf_runtime_attend, parameters applied; (what is due, the time)."""
    r.origin_ns = 0
    r.turns += 1
    ring_release(r.events)
    if r.read_mark != 0 and work != 0:
        store_release(r.read_mark, r.market.position)
    now = clock_now(clock_at(r.clock))
    store_release(r.heartbeat, now)
    if work == 0:
        ring_settle(r.intents)
    if now >= r.attend_due_ns or r.turns % ATTEND_TURNS == 0:
        attend_slowly(r, now, state)
    if r.timer_every_ns != 0 and now >= r.timer_due_ns:
        r.timer_due_ns += r.timer_every_ns
        if r.timer_due_ns <= now:
            r.timer_due_ns = now + r.timer_every_ns
        return TIMER, now
    if now < r.loss_check_due_ns:
        return NOTHING, now
    r.loss_check_due_ns = now + LOSS_CHECK_NS
    return check_loss(r), now


# ---- intents -------------------------------------------------------------------------------------------------------------


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def narrow(value: int, most: int) -> int:
    """rf_runtime_narrow."""
    return most if value < 0 or value > most else value


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def begin(r: Any, kind: int) -> int:
    """rf_runtime_begin: address of the slot, 0 when there is none."""
    slot, result = ring_claim(r.intents)
    if slot == 0:
        r.refused += 1
        if result == GARBAGE:
            r.garbage = 1
        return 0
    zero_words(slot + 8, INTENT_BYTES - 8)
    i = intent_at(slot)
    i.kind = kind
    i.created_ns = clock_now(clock_at(r.clock))
    i.origin_ns = r.origin_ns
    i.epoch = r.epoch
    return slot


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def publish(r: Any, slot: int) -> None:
    """rf_runtime_publish."""
    intent_at(slot).crc = crc32c(0, slot + 8, INTENT_BYTES - 12)
    ring_publish(r.intents)
    r.sent += 1


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def send(r: Any, side: int, instrument: int, qty: int, px: int, ord_type: int, tif: int, account: int, instructions: int, expire: int) -> int:
    """rf_runtime_send."""
    slot = begin(r, NEW)
    if slot == 0:
        return 0
    client_id = r.next_client_id
    r.next_client_id = client_id + 1
    i = intent_at(slot)
    i.client_id = client_id
    i.side = narrow(side, 0xFF)
    i.ord_type = ord_type
    i.time_in_force = narrow(tif, 0xFF)
    i.instrument = narrow(instrument, 0xFFFFFFFF)
    i.account = narrow(account, 0xFFFF)
    i.instructions = narrow(instructions, 0xFFFFFFFF)
    i.expire_ns = expire
    i.qty = qty
    i.px = px
    publish(r, slot)
    return client_id


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def change(r: Any, kind: int, client_id: int, instrument: int, qty: int, px: int) -> bool:
    """rf_runtime_cancel, rf_runtime_replace and rf_runtime_cancel_all: what they do not name is 0."""
    slot = begin(r, kind)
    if slot == 0:
        return False
    i = intent_at(slot)
    i.client_id = client_id
    i.instrument = narrow(instrument, 0xFFFFFFFF)
    i.qty = qty
    i.px = px
    publish(r, slot)
    return True


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def word_of(rows: int, count: int, row: int) -> int:
    """Element of a private array by instrument row; 0 outside."""
    return load_plain(rows + 8 * row) if not below(row, 0) and below(row, count) else 0


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def set_timer(r: Any, every_ns: int) -> None:
    """rf_runtime_set_timer."""
    r.timer_every_ns = 0 if every_ns <= 0 else min(every_ns, TIMER_NS_MAX)
    r.timer_due_ns = clock_now(clock_at(r.clock)) + r.timer_every_ns


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def quote(r: Any, instrument: int) -> TopOfBook:
    """rf_runtime_quote. The row is read where it is: its sequence word says whether that was one quote whole."""
    if instrument >= 0 and below(instrument, r.quote_rows):
        at = r.quotes + instrument * LATEST_BYTES
        q = latest_at(at)
        for _ in range(COPIES_MAX):
            begun = load_acquire(at)
            if begun & 1:
                continue
            found = TopOfBook(instrument, q.bid, q.ask, q.bid_qty, q.ask_qty, q.last, q.last_qty, q.flags, q.published_ns, q.source_ns)
            fence_acquire()
            if load_relaxed(at) == begun:
                if found.published_ns != 0:
                    return found
                break
    return TopOfBook(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
