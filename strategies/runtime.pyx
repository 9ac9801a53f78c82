"""The struct under a strategy (``runtime.h``), the Python object that owns it, and the turn of a strategy in plain Python.

    attachment (regions, rings, clock) ──▶ Runtime ──address──▶ compiled.py (numba: the same functions on the same struct)
                                              └── turn(callbacks) ──▶ methods of a plain class, with Quote, Trade ... below as arguments

A Runtime keeps mapped what its struct points to and owns the private arrays. One thread uses it; ``request_stop`` alone may come from another thread or from a
signal handler. ``settle`` leaves both rings so that another client (``gateways.strategy``) can go on with them.
Amounts are integers in the instrument's scale. Each callback gets an object of its own, so a strategy may keep it.
What fails: garbage in a ring raises RingGarbage; what ``check`` says of the instance is InstanceStopped.
"""

import os
import time

import numpy as np

from libc.stdint cimport int64_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset

from ringfence.ipc.broadcast cimport rf_broadcast_newest, rf_broadcast_open
from ringfence.ipc.idle cimport rf_idle_open
from ringfence.ipc.link cimport Link
from ringfence.ipc.records cimport (
    RF_FLATTEN_CLIENT_ID, RF_ORD_TYPE_LIMIT, RF_ORD_TYPE_MARKET, RF_SIDE_BUY, RF_SIDE_SELL, RF_TIME_IN_FORCE_DAY, RF_TIME_IN_FORCE_IOC, BookDelta,
    EngineStatus, Parameter, Position, Quote as LatestQuote, QuoteTick, RingCursor, Strategy, StrategyEvent, Superblock,
    TradeTick,
)
from ringfence.ipc.ring cimport rf_ring_release, rf_ring_settle
from ringfence.ipc.segment cimport Segment

from ringfence.gateways.attach import still_there
from ringfence.gateways.tables import Tables, UnstableRow
from ringfence.ipc.errors import RingGarbage
from ringfence.strategies.latest import TopOfBook

cdef extern from *:
    void store_release "__atomic_store_n" (uint64_t *word, uint64_t value, int order) nogil
    int RELEASE "__ATOMIC_RELEASE"

cdef extern from "Python.h":
    object PyNumber_Index(object number)

cdef uint64_t FOREVER = 0xFFFFFFFFFFFFFFFF
CHECK_S = 0.05

CALLBACKS = {
    "on_quote": RF_TAKEN_QUOTE,
    "on_trade": RF_TAKEN_TRADE,
    "on_book": RF_TAKEN_BOOK,
    "on_reset": RF_TAKEN_RESET,
    "on_fill": RF_TAKEN_FILL,
    "on_reject": RF_TAKEN_REJECT,
    "on_event": RF_TAKEN_EVENT,
    "on_timer": RF_TAKEN_TIMER,
    "on_lost": RF_TAKEN_LOST_TICKS,
}
"""Methods of a strategy that the runtime calls, by what was taken."""
LOST_TICKS, LOST_EVENTS = RF_TAKEN_LOST_TICKS, RF_TAKEN_LOST_EVENTS
PARAMETERS_MAX = RF_WATCHED_MAX


cdef class Quote:
    """Top of book of one instrument; a copy of one slot. 0 in a price: nobody bids, or offers."""

    cdef QuoteTick r

    @property
    def instrument(self) -> int: return self.r.instrument
    @property
    def bid(self) -> int: return self.r.bid
    @property
    def ask(self) -> int: return self.r.ask
    @property
    def bid_qty(self) -> int: return self.r.bid_qty
    @property
    def ask_qty(self) -> int: return self.r.ask_qty
    @property
    def flags(self) -> int: return self.r.flags
    @property
    def kind(self) -> int: return self.r.kind
    @property
    def published_ns(self) -> int: return self.r.published_ns
    @property
    def source_ns(self) -> int: return self.r.source_ns


cdef class Trade:
    """A trade of the market, not ours."""

    cdef TradeTick r

    @property
    def instrument(self) -> int: return self.r.instrument
    @property
    def px(self) -> int: return self.r.px
    @property
    def qty(self) -> int: return self.r.qty
    @property
    def side(self) -> int: return self.r.side
    @property
    def flags(self) -> int: return self.r.flags
    @property
    def kind(self) -> int: return self.r.kind
    @property
    def published_ns(self) -> int: return self.r.published_ns
    @property
    def source_ns(self) -> int: return self.r.source_ns


cdef class BookChange:
    """One level of the book after a change."""

    cdef BookDelta r

    @property
    def instrument(self) -> int: return self.r.instrument
    @property
    def px(self) -> int: return self.r.px
    @property
    def qty(self) -> int: return self.r.qty
    @property
    def side(self) -> int: return self.r.side
    @property
    def action(self) -> int: return self.r.action
    @property
    def flags(self) -> int: return self.r.flags
    @property
    def kind(self) -> int: return self.r.kind
    @property
    def published_ns(self) -> int: return self.r.published_ns
    @property
    def source_ns(self) -> int: return self.r.source_ns


cdef class OrderEvent:
    """What happened to an order; fields as in record StrategyEvent. ``done``: the order is over."""

    cdef StrategyEvent r

    @property
    def instrument(self) -> int: return self.r.instrument
    @property
    def kind(self) -> int: return self.r.kind
    @property
    def client_id(self) -> int: return self.r.client_id
    @property
    def order_id(self) -> int: return self.r.order_id
    @property
    def side(self) -> int: return self.r.side
    @property
    def ord_status(self) -> int: return self.r.ord_status
    @property
    def reason(self) -> int: return self.r.reason
    @property
    def venue_code(self) -> int: return self.r.venue_code
    @property
    def account(self) -> int: return self.r.account
    @property
    def px(self) -> int: return self.r.px
    @property
    def qty(self) -> int: return self.r.qty
    @property
    def cum_qty(self) -> int: return self.r.cum_qty
    @property
    def leaves_qty(self) -> int: return self.r.leaves_qty
    @property
    def last_px(self) -> int: return self.r.last_px
    @property
    def last_qty(self) -> int: return self.r.last_qty
    @property
    def net_qty(self) -> int: return self.r.net_qty
    @property
    def engine_ns(self) -> int: return self.r.engine_ns
    @property
    def output_seq(self) -> int: return self.r.output_seq
    @property
    def journal_seq(self) -> int: return self.r.journal_seq
    @property
    def done(self) -> bool: return bool(rf_event_done(&self.r))


cdef class Runtime:
    """Rings, clock, positions and parameters of one attached strategy.

    Parameters
    ----------
    attachment : Attachment
        Of ``gateways.attach``, or made by a backtest over private memory.
    symbols : tuple of str
        Instruments whose ticks are wanted; empty: all.
    idle : int
        What a loop does when there is nothing: a number of ``ipc.host.Idle``.

    Raises
    ------
    KeyError
        If a symbol is none of the instance's instruments.
    UnstableRow
        If the engine is being started again; try again.
    """

    def __cinit__(self, attachment, symbols=(), *, int idle=3):
        memset(&self.r, 0, sizeof(self.r))
        self.attachment = attachment
        self.link = Link(attachment.intents, attachment.events)
        self.clock = attachment.clock
        self.r.intents, self.r.events = self.link.outbound, self.link.inbound
        self.r.clock = &self.clock.c
        self.r.calibration, self.r.calibration_version = self.clock._shared, self.clock._version
        self.r.heartbeat = (<Segment?>attachment.intents).heartbeat_word()
        self.r.epoch, self.r.strategy = attachment.epoch, attachment.strategy
        self.r.idle = <uint64_t><uintptr_t>&rf_runtime_idle
        self.r.unseen_output_seq = FOREVER
        rf_idle_open(&self.r.idling, idle)
        self._open_tables()
        self._choose(symbols)
        self._open_market()
        self.appliers = []
        self.engine_grace_s = 10.0

    cdef object _open_tables(self):
        cdef Segment state = self.attachment.state
        sections = {spec.name: spec.count for spec in state.sections}
        self.tables = Tables(state)
        self.tables.life()
        self.r.life = <const Superblock *>state.base
        self.r.engine = <const EngineStatus *>state.section_ptr("engine") + 1
        self.r.own = <const Strategy *>state.section_ptr("strategies") + self.r.strategy
        self.r.positions, self.r.position_rows = <const Position *>state.section_ptr("positions"), sections["positions"]
        if "parameters" in sections:
            self.r.parameters, self.r.parameter_rows = <const Parameter *>state.section_ptr("parameters"), sections["parameters"]
        self.r.instruments, self.r.accounts = sections["instruments"], sections["accounts"]
        self.r.last_output_seq = self.r.own.output_seq
        taken = self.tables.orders["client_id"][self.tables.strategy_orders(self.r.strategy)]
        taken = taken[taken >> 32 & RF_FLATTEN_CLIENT_ID == 0]
        self.r.next_client_id = max((int(taken.max()) if len(taken) else 0) + 1, (self.attachment.epoch << 32) + 1)

    cdef object _choose(self, symbols):
        """The private arrays, by instrument row."""
        rows = self.r.instruments
        cdef unsigned char[::1] wanted
        cdef int64_t[::1] ticks, lots, net, net_of_account
        self.arrays = {
            "wanted": np.zeros(rows, "u1"), "ticks": np.zeros(rows, "i8"), "lots": np.zeros(rows, "i8"), "net": np.zeros(rows, "i8"),
            "net_of_account": np.zeros(rows * self.r.accounts, "i8"),
        }
        wanted, ticks, lots, net = self.arrays["wanted"], self.arrays["ticks"], self.arrays["lots"], self.arrays["net"]
        net_of_account = self.arrays["net_of_account"]
        self.instruments = {}
        for info in self.tables.instruments():
            self.instruments[info.symbol] = info.id
            ticks[info.id], lots[info.id] = info.tick, info.lot
        for symbol in symbols or self.instruments:
            wanted[self.tables.instrument(symbol).id] = 1
        self.r.wanted, self.r.tick_sizes, self.r.lot_sizes, self.r.net_qty = &wanted[0], &ticks[0], &lots[0], &net[0]
        self.r.net_of_account = &net_of_account[0]
        if not rf_runtime_read_positions(&self.r):
            raise UnstableRow("the engine is being started again: its positions are not complete yet; try again")

    cdef object _open_market(self):
        cdef Segment market = self.attachment.market, readers = self.attachment.readers
        cdef RingCursor *mine
        if market is None:
            return
        counts = {spec.name: spec.count for spec in market.sections}
        cdef uint64_t *head = <uint64_t *>market.section_ptr("head")
        rf_broadcast_open(&self.r.market, market.section_ptr("ticks"), head, counts["ticks"], rf_broadcast_newest(head))
        if "quotes" in counts:
            self.r.quotes, self.r.quote_rows = <const LatestQuote *>market.section_ptr("quotes"), counts["quotes"]
        if readers is None or not readers.writable or self.r.strategy >= readers.section("readers").shape[0]:
            return
        mine = <RingCursor *>readers.section_ptr("readers") + self.r.strategy
        store_release(&mine.position, self.r.market.position, RELEASE)
        store_release(&mine.condition, os.getpid(), RELEASE)  # the feed waits for this process from now on, when it plays at the speed of its readers
        self.r.read_mark = &mine.position

    # ---- what the loops share

    @property
    def address(self) -> int:
        """Of the struct; stays as long as this object."""
        return <uintptr_t>&self.r

    def watch(self, list names, list appliers) -> None:
        """Declare parameters: their names, and what to call with (value, digits) when the table changes; it returns False for a value that it refuses.

        Raises
        ------
        ValueError
            If there are more than ``PARAMETERS_MAX``, or a name has more than 31 bytes.
        """
        if len(names) > RF_WATCHED_MAX:
            raise ValueError(f"{len(names)} parameters are declared; at most {RF_WATCHED_MAX} are allowed")
        cdef bytes raw
        for at, name in enumerate(names):
            raw = name.encode("ascii")
            if len(raw) > 31:
                raise ValueError(f"parameter {name!r} has {len(raw)} bytes; at most 31 are allowed")
            memset(&self.r.watched[at], 0, sizeof(rf_watched_t))
            memcpy(self.r.watched[at].name, <const char *>raw, len(raw))
        self.r.watched_count = len(names)
        self.appliers = appliers
        rf_runtime_read_parameters(&self.r)

    def place(self, int at, uint64_t offset, bint is_float) -> None:
        """Tell compiled code where in its record the parameter number ``at`` is."""
        self.r.watched[at].offset, self.r.watched[at].is_float = offset, is_float

    def apply_parameters(self) -> int:
        """Hand on what has changed in the table; returns how many parameters."""
        cdef uint64_t at
        cdef int applied = 0
        for at in range(self.r.watched_count):
            if self.r.watched[at].changed:
                self.r.watched[at].changed = 0
                applied += 1
                if not self.appliers[at](self.r.watched[at].value, self.r.watched[at].digits):
                    self.r.parameters_refused += 1
        return applied

    def turn(self, callbacks) -> int:
        """One turn of a strategy in Python.

        Parameters
        ----------
        callbacks : list
            By what was taken (``CALLBACKS``): a method, or None.

        Returns
        -------
        int
            Ticks, events and timers worked on; 0: there was nothing.

        Raises
        ------
        RingGarbage
            If a ring holds what cannot be.
        """
        cdef uint64_t work = 0, now = 0
        cdef int kind, n
        for n in range(RF_RUNTIME_BATCH):
            kind = rf_runtime_take_tick(&self.r)
            if kind == RF_TAKEN_NOTHING:
                break
            work += 1
            self._dispatch(callbacks, kind, 0)
            if self.r.stop:
                break
        self.r.origin_ns = 0
        for n in range(RF_RUNTIME_BATCH):
            if self.r.stop:
                break
            kind = rf_runtime_take_event(&self.r)
            if kind == RF_TAKEN_NOTHING:
                break
            work += 1
            self._dispatch(callbacks, kind, 0)
        kind = rf_runtime_attend(&self.r, work, &now)
        self.apply_parameters()
        if kind != RF_TAKEN_NOTHING:
            work += 1
            self._dispatch(callbacks, kind, now)
        return work

    cdef object _dispatch(self, list callbacks, int kind, uint64_t now):
        if kind == RF_TAKEN_GARBAGE:
            where = f"events at {self.r.events.position}, ticks at {self.r.market.position}"
            raise RingGarbage(f"strategy {self.attachment.name!r}: a ring holds garbage ({where})")
        if kind == RF_TAKEN_SKIPPED:
            return
        callback = callbacks[RF_TAKEN_LOST_TICKS if kind == RF_TAKEN_LOST_EVENTS else kind]
        if callback is None:
            return
        self.r.callback = kind
        if kind == RF_TAKEN_QUOTE or kind == RF_TAKEN_RESET:
            callback(quote_of(&self.r.tick))
        elif kind == RF_TAKEN_TRADE:
            callback(trade_of(&self.r.tick))
        elif kind == RF_TAKEN_BOOK:
            callback(book_of(&self.r.tick))
        elif kind == RF_TAKEN_TIMER:
            callback(now)
        elif kind == RF_TAKEN_LOST_TICKS or kind == RF_TAKEN_LOST_EVENTS:
            callback(kind, self.r.lost)
        else:
            callback(event_of(&self.r.event))
        self.r.callback = 0

    def idle(self, int64_t work) -> None:
        """Wait as the instance's idle setting says, when a turn did no work."""
        with nogil:
            rf_runtime_idle(&self.r, work)

    def check(self) -> None:
        """Raise InstanceStopped when the instance ended, took the strategy away, or its engine stays dead; to be asked every ``CHECK_S``."""
        self.dead_since_ns = still_there(self.attachment, self.link.their_mark, self.dead_since_ns, time.monotonic_ns(), self.engine_grace_s)

    def request_stop(self) -> None:
        """End the loop after the callback that runs; also from another thread or a signal handler."""
        store_release(&self.r.stop, 1, RELEASE)

    def settle(self) -> None:
        """Give back what was taken and make the ring's head exact, for the client that goes on."""
        rf_ring_release(&self.r.events)
        rf_ring_settle(&self.r.intents)
        if self.r.read_mark != NULL:  # nobody waits for this reader any more
            store_release(&(<RingCursor *>self.r.read_mark).condition, 0, RELEASE)

    # ---- what a strategy may do

    def buy(self, instrument, qty, px, tif=RF_TIME_IN_FORCE_DAY, account=0, instructions=0, expire_ns=0) -> int:
        """Ask for a limit order to buy; its client_id, or 0 when the intent ring is full.

        Raises
        ------
        TypeError
            If an amount is no integer.
        OverflowError
            If one does not fit in 64 bits.
        """
        return self._limit(RF_SIDE_BUY, instrument, qty, px, tif, account, instructions, expire_ns)

    def sell(self, instrument, qty, px, tif=RF_TIME_IN_FORCE_DAY, account=0, instructions=0, expire_ns=0) -> int:
        """Ask for a limit order to sell; as ``buy``."""
        return self._limit(RF_SIDE_SELL, instrument, qty, px, tif, account, instructions, expire_ns)

    cdef object _limit(self, int side, instrument, qty, px, tif, account, instructions, expire_ns):
        return rf_runtime_send(
            &self.r, side, whole(instrument), whole(qty), whole(px), RF_ORD_TYPE_LIMIT, whole(tif), whole(account), whole(instructions),
            <uint64_t>whole(expire_ns),
        )

    def market(self, side, instrument, qty, tif=RF_TIME_IN_FORCE_IOC, account=0) -> int:
        """Ask for a market order; as ``buy``."""
        return rf_runtime_send(&self.r, whole(side), whole(instrument), whole(qty), 0, RF_ORD_TYPE_MARKET, whole(tif), whole(account), 0, 0)

    def cancel(self, client_id) -> bool:
        """Ask to cancel an order; False when the intent ring is full."""
        return bool(rf_runtime_cancel(&self.r, <uint64_t>whole(client_id)))

    def replace(self, client_id, qty, px) -> bool:
        """Ask to change an order: new total quantity, and price (0: as it is); False when the intent ring is full."""
        return bool(rf_runtime_replace(&self.r, <uint64_t>whole(client_id), whole(qty), whole(px)))

    def cancel_all(self, instrument=0) -> bool:
        """Ask to cancel every open order (of one instrument); False when the intent ring is full."""
        return bool(rf_runtime_cancel_all(&self.r, whole(instrument)))

    def position(self, instrument) -> int:
        """Net quantity over all accounts, as of the last event taken."""
        return rf_runtime_position(&self.r, whole(instrument))

    def tick(self, instrument) -> int:
        """Smallest step of the price."""
        return rf_runtime_tick_size(&self.r, whole(instrument))

    def quote(self, instrument) -> TopOfBook:
        """The latest top of book of an instrument, also of one whose ticks are not wanted; all 0 when there is none."""
        cdef int64_t row = whole(instrument)
        cdef LatestQuote q = rf_runtime_quote(&self.r, row)
        if not q.published_ns:
            return TopOfBook(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        return TopOfBook(row, q.bid, q.ask, q.bid_qty, q.ask_qty, q.last, q.last_qty, q.flags, q.published_ns, q.source_ns)

    def open_orders(self) -> int:
        """Open orders of this strategy, as the engine counts them now."""
        return rf_runtime_open_orders(&self.r)

    def now(self) -> int:
        """The instance's time [ns]."""
        return rf_runtime_now(&self.r)

    def timer(self, interval_ns) -> None:
        """Have ``on_timer`` called every ``interval_ns``; 0 or less: no more."""
        rf_runtime_set_timer(&self.r, whole(interval_ns))

    @property
    def next_timer_ns(self) -> int:
        """When the timer is due [ns]; 0 when there is none: virtual time goes on there."""
        return self.r.timer_due_ns if self.r.timer_every_ns else 0

    @property
    def stopping(self) -> bool:
        return bool(self.r.stop)

    @property
    def garbage(self) -> bool:
        return bool(self.r.garbage)

    @property
    def callback(self) -> str:
        """Name of the method that runs, or that raised; empty between callbacks."""
        cdef uint64_t kind = RF_TAKEN_LOST_TICKS if self.r.callback == RF_TAKEN_LOST_EVENTS else self.r.callback
        return next((name for name, taken in CALLBACKS.items() if taken == kind), "")

    def counters(self) -> dict:
        """What was counted since the start."""
        return {
            "turns": self.r.turns, "ticks": self.r.ticks, "ticks_lost": self.r.ticks_lost, "events": self.r.events_taken, "events_lost": self.r.events_lost,
            "sent": self.r.sent, "refused": self.r.refused, "parameters_refused": self.r.parameters_refused, "market_position": self.r.market.position,
        }


cdef int64_t whole(object number) except? -1:
    """An integer of any kind as 64 bits."""
    if type(number) is int:
        return number
    try:
        return PyNumber_Index(number)
    except TypeError:
        raise TypeError(f"amounts are integers in the instrument's scale; {number!r} was given: use int(...), // or round") from None


cdef Quote quote_of(const QuoteTick *r):
    cdef Quote made = Quote.__new__(Quote)
    made.r = r[0]
    return made


cdef Trade trade_of(const QuoteTick *r):
    cdef Trade made = Trade.__new__(Trade)
    memcpy(&made.r, r, sizeof(made.r))
    return made


cdef BookChange book_of(const QuoteTick *r):
    cdef BookChange made = BookChange.__new__(BookChange)
    memcpy(&made.r, r, sizeof(made.r))
    return made


cdef OrderEvent event_of(const StrategyEvent *r):
    cdef OrderEvent made = OrderEvent.__new__(OrderEvent)
    made.r = r[0]
    return made


cdef tuple offsets_of(rf_runtime_t *r):
    cdef char *at = <char *>r
    return (
        ("stop", <char *>&r.stop - at), ("clock", <char *>&r.clock - at), ("origin_ns", <char *>&r.origin_ns - at),
        ("next_client_id", <char *>&r.next_client_id - at), ("heartbeat", <char *>&r.heartbeat - at), ("read_mark", <char *>&r.read_mark - at),
        ("wanted", <char *>&r.wanted - at), ("net_qty", <char *>&r.net_qty - at), ("net_of_account", <char *>&r.net_of_account - at),
        ("instruments", <char *>&r.instruments - at), ("accounts", <char *>&r.accounts - at), ("tick_sizes", <char *>&r.tick_sizes - at),
        ("last_output_seq", <char *>&r.last_output_seq - at), ("unseen_output_seq", <char *>&r.unseen_output_seq - at),
        ("timer_every_ns", <char *>&r.timer_every_ns - at), ("timer_due_ns", <char *>&r.timer_due_ns - at), ("attend_due_ns", <char *>&r.attend_due_ns - at),
        ("loss_check_due_ns", <char *>&r.loss_check_due_ns - at), ("lost", <char *>&r.lost - at), ("life", <char *>&r.life - at),
        ("engine", <char *>&r.engine - at), ("own", <char *>&r.own - at), ("positions", <char *>&r.positions - at),
        ("position_rows", <char *>&r.position_rows - at), ("parameters", <char *>&r.parameters - at), ("parameter_rows", <char *>&r.parameter_rows - at),
        ("parameters_known", <char *>&r.parameters_known - at), ("quotes", <char *>&r.quotes - at), ("quote_rows", <char *>&r.quote_rows - at),
        ("positions_due", <char *>&r.positions_due - at), ("watched_count", <char *>&r.watched_count - at),
        ("calibration", <char *>&r.calibration - at), ("calibration_version", <char *>&r.calibration_version - at), ("idle", <char *>&r.idle - at),
        ("callback", <char *>&r.callback - at), ("garbage", <char *>&r.garbage - at), ("turns", <char *>&r.turns - at), ("ticks", <char *>&r.ticks - at),
        ("ticks_lost", <char *>&r.ticks_lost - at), ("events_taken", <char *>&r.events_taken - at), ("events_lost", <char *>&r.events_lost - at),
        ("sent", <char *>&r.sent - at), ("refused", <char *>&r.refused - at), ("parameters_refused", <char *>&r.parameters_refused - at),
    )


cdef tuple parts_of(rf_runtime_t *r):
    cdef char *at = <char *>r
    return (
        ("market", <char *>&r.market - at), ("events", <char *>&r.events - at), ("intents", <char *>&r.intents - at), ("tick", <char *>&r.tick - at),
        ("event", <char *>&r.event - at), ("watched", <char *>&r.watched[0] - at), ("epoch", <char *>&r.epoch - at), ("strategy", <char *>&r.strategy - at),
        ("idle_turns", <char *>&r.idling.turns - at), ("idle_sleep_ns", <char *>&r.idling.sleep_ns - at),
    )


def layout() -> dict:
    """Return the offsets of the struct by name, for code that is compiled elsewhere: ``words`` (64 bits), ``parts`` and ``watched`` (one parameter)."""
    cdef rf_runtime_t *r = NULL
    cdef rf_watched_t *w = NULL
    watched = (
        ("row", <size_t>&w.row), ("changes", <size_t>&w.changes), ("value", <size_t>&w.value), ("digits", <size_t>&w.digits), ("offset", <size_t>&w.offset),
        ("changed", <size_t>&w.changed), ("is_float", <size_t>&w.is_float),
    )
    return {"words": dict(offsets_of(r)), "parts": dict(parts_of(r)), "watched": dict(watched), "watched_bytes": sizeof(rf_watched_t)}
