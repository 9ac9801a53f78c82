"""Journal frames to what the ledger's store keeps: postings and executions, as arrays of records.

    frames ──Replayer.step──▶ the engine's executions ──what changed──▶ core's Ledger ──legs──▶ postings
                                                                └──────────────────────────▶ executions

The figures come from the journal alone: frames are applied by the engine's own code, so duplicates, suspense, busts, corrections and assignments are judged as
they were live. What is booked is the trade in force of each root, an execution that corrects none: it appears (FILL), changes (CORRECT), or is gone (BUST).
A trade's identity is its row, so no digest can collide. A posting is one position's share of a booking with all its legs in one row: the row sums to zero, and
a store checks it so. Memory: the caller's arrays, and one small row an execution. What can fail: ReplayError and StateMismatch of the replayer, LedgerError
when a table of the ledger is full; the object is of no use then. What the ledger refuses otherwise is an execution with that result and without a posting.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

import numpy as np

from ringfence.core.calendar cimport days_since_2000
from ringfence.core.ledger cimport Ledger
from ringfence.core.ledger_events cimport book, set_method
from ringfence.core.ledger_index cimport find_event, find_position
from ringfence.core.lots cimport LedgerTables
from ringfence.core.replay cimport STEP_OK, Replayer
from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport rf_wide_from, rf_wide_load, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_CONTROL_KIND_ASSIGN_EXECUTION, RF_EXECUTION_BOOKED, RF_EXECUTION_HELD, RF_FRAME_KIND_CONTROL, RF_FRAME_KIND_VENUE_EVENT,
    RF_LEDGER_EVENT_KIND_BUST, RF_LEDGER_EVENT_KIND_CORRECT, RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_GIVEN_FEE, RF_LEDGER_GIVEN_PX, RF_LEDGER_GIVEN_QTY,
    RF_LEDGER_LEG_ACCOUNT_EQUITY, RF_LEDGER_LEG_ACCOUNT_FEE, RF_LEDGER_LEG_ACCOUNT_INCOME, RF_LEDGER_LEG_ACCOUNT_PNL, RF_LEDGER_LEG_ACCOUNT_VENUE,
    RF_LEDGER_RESULT_BOOKED, RF_LEDGER_RESULT_NO_ROW, RF_SIDE_BUY, RF_VENUE_EVENT_KIND_BUST, RF_VENUE_EVENT_KIND_CORRECT,
    Control, Execution, FileFrame, LedgerEvent, LedgerLeg, VenueEvent,
)

from ringfence.core.errors import CoreError
from ringfence.core.ledger import LedgerError

cdef enum:
    SPARE = 64          # rows that one frame needs at most: it changes two trades, each of one position
    LEDGER_STEPS = 16
    SATURDAY = 5
    TO_MONDAY = 5       # 2000-01-01 was a Saturday
    SUM_LEGS = 6        # money; the rest is units
    FIGURE_BYTES = 256  # of LedgerPosition, from its first field on; instrument, account and strategy follow

ROOM = SPARE
"""Rows that ``apply`` keeps free: it stops when so many, or fewer, are left."""

STEPS = LEDGER_STEPS
"""Bookings that one journal sequence has room for; the ledger's own sequence is that of the journal times this, plus the number of the booking."""

# What of a root is booked.
cdef struct Known:
    int64_t qty
    int64_t px
    uint32_t trade_day
    uint32_t value_day
    uint8_t booked
    uint8_t seen
    char[6] pad

AMOUNTS = ("cost", "cash", "fee", "pnl", "income", "equity", "units")
"""The legs of a posting, in the order of its amounts."""

POSTING = np.dtype(
    [("seq", "<u8"), ("engine_ns", "<u8"), ("amounts", "<u8", (14,)), ("position", "<u4"), ("execution", "<u4"), ("day", "<u4"), ("trade_day", "<u4"),
     ("value_day", "<u4"), ("correction", "<u4")]
)
"""A posting; ``amounts`` are 128-bit, low word first; days since 2000-01-01."""

CHANGE = np.dtype(
    [("seq", "<u8"), ("engine_ns", "<u8"), ("transact_ns", "<u8"), ("order_id", "<u8"), ("qty", "<i8"), ("px", "<i8"), ("execution", "<u4"), ("row", "<u4"),
     ("instrument", "<u4"), ("position", "<u4"), ("day", "<u4"), ("trade_day", "<u4"), ("value_day", "<u4"), ("account", "<u2"), ("strategy", "<u2"),
     ("venue", "<u2"), ("side", "u1"), ("kind", "u1"), ("result", "u1"), ("pad", "S3"), ("exec_id", "S40"), ("venue_order_id", "S32")]
)
"""A trade that appeared, changed or is gone."""

if POSTING.itemsize != sizeof(Posting) or CHANGE.itemsize != sizeof(Change):
    raise CoreError("ledger_feed: its dtypes and structs differ; compile it anew")


cdef uint32_t value_day(uint32_t trade_day, uint32_t settle_days) noexcept nogil:
    """So many days of Monday to Friday later."""
    cdef uint32_t day = trade_day, left = settle_days
    while left:
        day += 1
        if (day + TO_MONDAY) % 7 < SATURDAY:
            left -= 1
    return day


cdef void take_terms(const LedgerTables *engine, uint32_t row, LedgerEvent *e) noexcept nogil:
    """Commission and rate of a trade as the engine's ledger has them: what a report said, judged at the rates of its moment."""
    cdef const LedgerEvent *told = &engine.events[find_event(engine, row)]
    e.fx = told.fx
    e.fx_digits = told.fx_digits
    e.fee_kind = told.fee_kind
    rf_wide_store(e.fee, rf_wide_load(told.fee))
    rf_wide_store(e.fee_px, rf_wide_load(told.fee_px))
    e.given |= told.given & RF_LEDGER_GIVEN_FEE


cdef class Feed:
    """A replay and a ledger behind it.

    Parameters
    ----------
    replayer : Replayer
        Empty.
    ledger : Ledger
        Empty, with room for every execution; instruments are defined when ``apply`` asks for them.
    by_account : bool
        Positions have the cost method that the engine's ledger has for them, not the ledger's own.
    """

    cdef readonly Replayer replayer
    cdef readonly Ledger ledger
    cdef readonly uint32_t wanted      # instrument that is to be defined before apply goes on; 0: none
    cdef readonly uint64_t refused     # bookings that the ledger refused
    cdef int by_account
    cdef object known_rows
    cdef Known[::1] known
    cdef uint64_t seen_rows            # executions looked at
    cdef int unsettled                 # the last frame's changes are not all booked
    cdef int everywhere                # they may be in any row
    cdef uint32_t bookings             # of the last frame
    cdef uint64_t last_seq

    def __init__(self, Replayer replayer not None, Ledger ledger not None, *, by_account=False):
        dtype = np.dtype([("qty", "<i8"), ("px", "<i8"), ("trade_day", "<u4"), ("value_day", "<u4"), ("booked", "u1"), ("seen", "u1"), ("pad", "S6")])
        if dtype.itemsize != sizeof(Known):
            raise CoreError("ledger_feed: its dtypes and structs differ; compile it anew")
        self.replayer = replayer
        self.ledger = ledger
        self.by_account = by_account
        self.known_rows = np.zeros(replayer.state.c.execution_rows, dtype)
        self.known = self.known_rows

    cdef int say(self, uint32_t root, uint32_t row, int kind, Posting *postings, uint64_t *posting_count, Change *change) noexcept nogil:
        """Book one change and write its rows; the ledger's result."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef const Execution *x = &s.executions[row]
        cdef Known *known = &self.known[root]
        cdef LedgerTables *t = &self.ledger.c
        cdef LedgerEvent e
        cdef int result = 0
        memset(change, 0, sizeof(Change))
        change.seq = s.engine.seq
        change.engine_ns = s.engine.engine_ns
        change.transact_ns = x.transact_ns
        change.order_id = x.order_id
        change.qty = x.last_qty
        change.px = x.last_px
        change.execution = root
        change.row = row
        change.instrument = x.instrument
        change.day = days_since_2000(s.engine.day)
        change.trade_day = known.trade_day
        change.value_day = known.value_day
        change.account = x.account
        change.strategy = x.strategy
        change.venue = x.venue
        change.side = x.side
        change.kind = <uint8_t>kind
        memcpy(change.exec_id, x.exec_id, 40)
        memcpy(change.venue_order_id, x.venue_order_id, 32)
        if x.instrument == 0:
            return 0
        memset(&e, 0, sizeof(e))
        e.kind = <uint8_t>kind
        e.seq = s.engine.seq * LEDGER_STEPS + self.bookings
        e.engine_ns = s.engine.engine_ns
        e.method = <uint8_t>self.method_of(x)
        e.account = x.account
        e.strategy = x.strategy
        e.instrument = x.instrument
        if kind == RF_LEDGER_EVENT_KIND_FILL:
            e.key = root
        else:
            e.ref_key = root
            e.given = RF_LEDGER_GIVEN_QTY | RF_LEDGER_GIVEN_PX
        rf_wide_store(e.qty, rf_wide_from(x.last_qty if x.side == RF_SIDE_BUY else -x.last_qty))
        rf_wide_store(e.px, rf_wide_from(x.last_px))
        if kind != RF_LEDGER_EVENT_KIND_BUST:
            take_terms(&s.ledger, row, &e)
        result = book(t, &e)
        self.bookings += 1
        change.result = <uint8_t>result
        if result == RF_LEDGER_RESULT_BOOKED:
            self.fold(change, postings, posting_count)
        return result

    cdef int method_of(self, const Execution *x) noexcept nogil:
        """The cost method of an execution's position; by account it follows the engine's, which changes only while the position is flat."""
        cdef const LedgerTables *engine = &self.replayer.state.c.ledger
        cdef LedgerTables *t = &self.ledger.c
        cdef uint32_t mine, theirs
        if not self.by_account:
            return self.ledger.method
        theirs = find_position(engine, x.account, x.strategy, x.instrument)
        mine = find_position(t, x.account, x.strategy, x.instrument)
        if theirs == 0:
            return self.ledger.method
        if mine and t.positions[mine].method != engine.positions[theirs].method:
            set_method(t, x.account, x.strategy, x.instrument, engine.positions[theirs].method)
        return engine.positions[theirs].method

    cdef void fold(self, Change *change, Posting *postings, uint64_t *posting_count) noexcept nogil:
        """The legs of the last booking, by position."""
        cdef const LedgerTables *t = &self.ledger.c
        cdef const LedgerLeg *leg
        cdef Posting *p = NULL
        cdef uint32_t i, at
        for i in range(t.leg_count):
            leg = &t.legs[i]
            if p == NULL or p.position != leg.position:
                p = &postings[posting_count[0]]
                posting_count[0] += 1
                memset(p, 0, sizeof(Posting))
                p.seq = change.seq
                p.engine_ns = change.engine_ns
                p.position = leg.position
                p.execution = change.execution
                p.day = change.day
                p.trade_day = change.trade_day
                p.value_day = change.value_day
                p.correction = leg.correction
            change.position = leg.position
            if leg.units:
                if leg.leg_account == RF_LEDGER_LEG_ACCOUNT_EQUITY:
                    continue
                at = 6
            elif leg.leg_account == RF_LEDGER_LEG_ACCOUNT_VENUE:
                at = 1
            elif leg.leg_account == RF_LEDGER_LEG_ACCOUNT_FEE:
                at = 2
            elif leg.leg_account == RF_LEDGER_LEG_ACCOUNT_PNL:
                at = 3
            elif leg.leg_account == RF_LEDGER_LEG_ACCOUNT_INCOME:
                at = 4
            elif leg.leg_account == RF_LEDGER_LEG_ACCOUNT_EQUITY:
                at = 5
            else:
                at = 0
            p.amounts[2 * at] = leg.amount[0]
            p.amounts[2 * at + 1] = leg.amount[1]

    cdef int settle(self, uint32_t root, Posting *postings, uint64_t *posting_count, Change *changes, uint64_t *change_count) noexcept nogil:
        """Book what is new of one root: 1, or 0 when its instrument is not defined, or -1 when a table of the ledger is full."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef const Execution *x = &s.executions[root]
        cdef Known *known = &self.known[root]
        cdef uint32_t row = root, day
        cdef int kind, result
        if x.corrects or x.state == RF_EXECUTION_HELD:
            return 1
        while s.executions[row].corrected_by:
            row = s.executions[row].corrected_by
        x = &s.executions[row]
        if x.state == RF_EXECUTION_BOOKED:
            if known.booked and known.qty == x.last_qty and known.px == x.last_px:
                return 1
            kind = RF_LEDGER_EVENT_KIND_CORRECT if known.booked else RF_LEDGER_EVENT_KIND_FILL
        elif known.booked:
            kind = RF_LEDGER_EVENT_KIND_BUST
        else:
            return 1
        if x.instrument and not self.ledger.c.instruments[x.instrument].defined:
            self.wanted = x.instrument
            return 0
        if not known.seen:
            day = days_since_2000(s.engine.day)
            known.seen = 1
            known.trade_day = day
            known.value_day = value_day(day, s.instruments[x.instrument].settle_days)
        result = self.say(root, row, kind, postings, posting_count, &changes[change_count[0]])
        change_count[0] += 1
        if result == RF_LEDGER_RESULT_NO_ROW:
            return -1
        if result != RF_LEDGER_RESULT_BOOKED and result != 0:
            self.refused += 1
            return 1
        known.booked = kind != RF_LEDGER_EVENT_KIND_BUST
        known.qty = x.last_qty
        known.px = x.last_px
        return 1

    cdef int settle_frame(self, Posting *postings, uint64_t *posting_count, Change *changes, uint64_t *change_count, uint64_t room) noexcept nogil:
        """Book what the last frame changed; as ``settle``, or -2 when it changed more than there is room for."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef uint64_t root, count = s.engine.execution_count
        cdef int result
        for root in range(1 if self.everywhere else self.seen_rows + 1, count + 1):
            if change_count[0] >= room or posting_count[0] >= room:
                return -2
            result = self.settle(<uint32_t>root, postings, posting_count, changes, change_count)
            if result != 1:
                return result
        self.seen_rows = count
        self.unsettled = 0
        self.everywhere = 0
        self.bookings = 0
        return 1

    def figures(self):
        """Return the keys and figures of every position as bytes: equal for equal books, whatever the tables around them look like."""
        cdef const LedgerTables *t = &self.ledger.c
        cdef uint32_t row, count = t.head.position_count
        out = bytearray(count * (FIGURE_BYTES + 8))
        cdef unsigned char[::1] view = out
        for row in range(1, count + 1):
            memcpy(&view[(row - 1) * (FIGURE_BYTES + 8)], t.positions[row].qty, FIGURE_BYTES)
            memcpy(&view[(row - 1) * (FIGURE_BYTES + 8) + FIGURE_BYTES], &t.positions[row].instrument, 8)
        return out

    def apply(self, const unsigned char[::1] buffer not None, uint64_t start, uint64_t end, postings, uint64_t posting_count, changes, uint64_t change_count):
        """Apply the file frames in ``buffer[start:end]`` and write what they booked behind the rows that the arrays have.

        It ends early when an array is nearly full, or when an instrument is to be defined first (``wanted``): then call it again from where it ended.

        Parameters
        ----------
        postings, changes : ndarray of POSTING, ndarray of CHANGE
            Of the same length, above 64.

        Returns
        -------
        (int, int, int)
            Where it ended, and how many rows the arrays have.

        Raises
        ------
        ReplayError, StateMismatch
            At a frame that cannot be applied.
        LedgerError
            When a table of the ledger is full.
        """
        cdef Posting[::1] posting_rows = postings
        cdef Change[::1] change_rows = changes
        cdef uint64_t room = min(postings.shape[0], changes.shape[0]), at = start, length
        cdef const FileFrame *frame
        cdef const char *payload
        cdef int result = STEP_OK, settled = 1
        cdef EngineState *s = &self.replayer.state.c
        if end > <uint64_t>buffer.shape[0] or start > end:
            raise CoreError(f"frames {start}:{end} are outside of the buffer of {buffer.shape[0]} bytes")
        if room <= SPARE:
            raise CoreError(f"the arrays have {room} rows; give more than {SPARE}")
        self.wanted = 0
        with nogil:
            if self.unsettled:
                settled = self.settle_frame(&posting_rows[0], &posting_count, &change_rows[0], &change_count, room)
            while settled == 1 and at < end and posting_count + SPARE < room and change_count + SPARE < room:
                frame = <const FileFrame*>&buffer[at]
                length = frame.length if end - at >= sizeof(FileFrame) else 0
                if length < sizeof(FileFrame) or length > end - at or length & 7:
                    length = 0
                result = self.replayer.step(frame, length)
                if result != STEP_OK:
                    break
                at += length
                payload = <const char*>frame + sizeof(FileFrame)
                if frame.kind == RF_FRAME_KIND_VENUE_EVENT:
                    self.everywhere = (
                        (<const VenueEvent*>payload).kind == RF_VENUE_EVENT_KIND_BUST or (<const VenueEvent*>payload).kind == RF_VENUE_EVENT_KIND_CORRECT
                    )
                else:
                    self.everywhere = frame.kind == RF_FRAME_KIND_CONTROL and (<const Control*>payload).kind == RF_CONTROL_KIND_ASSIGN_EXECUTION
                if self.everywhere or s.engine.execution_count != self.seen_rows:
                    self.unsettled = 1
                    settled = self.settle_frame(&posting_rows[0], &posting_count, &change_rows[0], &change_count, room)
        if result != STEP_OK:
            self.replayer.raise_problem(result)
        if settled == -1:
            raise LedgerError("NO_ROW", f"booking of sequence {self.replayer.seq}")
        if settled == -2:
            raise CoreError(f"sequence {self.replayer.seq} changed more than {SPARE} trades: that cannot be; please report it with the journal")
        return at, posting_count, change_count


def balanced(postings, uint64_t count):
    """Return whether the money of each of the first ``count`` postings sums to zero."""
    cdef const Posting[::1] rows = postings
    cdef uint64_t i
    cdef int k
    cdef wide_t total
    for i in range(count):
        total = rf_wide_from(0)
        for k in range(SUM_LEGS):
            total = total + rf_wide_load(&rows[i].amounts[2 * k])
        if total != 0:
            return False
    return True
