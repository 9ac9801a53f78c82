"""Journal frames to what the ledger's store keeps: postings and executions, as arrays of records.

    frames ──Replayer.step──▶ the engine's own ledger ──events, touched positions, legs, refusals of this input──▶ postings, executions

The figures are those of the engine: a replay applies the frames by the engine's code, and its ledger tells, by legs that are kept over one input, what that
did. There is no second booking here. A posting is what one input did to one position, with all its legs in one row: the row sums to zero, and a store checks it
so; beside them it has the differences of the figures that are no legs, in the firm's currency too. An execution row is an event of the ledger of any kind, or
what the ledger lacks: refused (with that result), or never asked for, because the instrument is not known or the position table is full (no result). A trade's
identity is the row of the first execution of its chain, so no digest can collide; what has no such row (the execution table is full, a booking that is no
trade) is WITHOUT_ROW and the row of its event, or a number of its own behind those.

Memory: the caller's arrays, scratch as large as the ledger's positions, and eight bytes an event. What can fail: ReplayError and StateMismatch of the replayer;
the object is of no use then.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

import numpy as np

from ringfence.core.calendar cimport days_since_2000
from ringfence.core.cash_fees cimport may_pay
from ringfence.core.ledger_events cimport moves_cash
from ringfence.core.ledger_index cimport find_event, in_force
from ringfence.core.ledger_legs cimport cash_of
from ringfence.core.ledger_names cimport is_unnamed
from ringfence.core.lots cimport LedgerRefusal, LedgerTables
from ringfence.core.proposals cimport find_proposal
from ringfence.core.replay cimport STEP_OK, Replayer
from ringfence.core.state cimport EngineState
from ringfence.core.value_dates cimport value_day_of
from ringfence.core.wide cimport rf_wide_load, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_CONTROL_KIND_APPROVE, RF_CONTROL_KIND_BOOK_ENTRY, RF_CONTROL_KIND_SET_METHOD, RF_EXECUTION_BOOKED, RF_FRAME_KIND_CONTROL, RF_FRAME_KIND_VENUE_EVENT,
    RF_LEDGER_EVENT_KIND_BUST, RF_LEDGER_EVENT_KIND_CORRECT, RF_LEDGER_EVENT_KIND_CROSS, RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_EVENT_KIND_NAME_LOT,
    RF_LEDGER_EVENT_STATE_BUSTED, RF_LEDGER_EVENT_STATE_HELD, RF_LEDGER_FEE_ELSEWHERE,
    RF_LEDGER_RESULT_BOOKED, RF_LEDGER_RESULT_HELD, RF_PRESENT_COMMISSION, RF_SIDE_BUY, RF_SIDE_SELL,
    RF_VENUE_EVENT_KIND_BUST, RF_VENUE_EVENT_KIND_CORRECT, RF_VENUE_EVENT_KIND_FILL, CashBalance, Control, Decision, Execution, FileFrame, LedgerEntry,
    LedgerEvent, LedgerLeg, LedgerPosition, Proposal, VenueEvent,
)

from ringfence.tools.ledger_rows cimport LEGS_COUNT, Change, Posting, bytes_of_books, column_of, note_balances, put, say_figures

from ringfence.core.errors import CoreError

cdef enum:
    SPARE = 64           # changes of one input beyond two a position
    LEGS = 8             # of a position
    NAMELESS = 1 << 30   # fits in a signed number of 32 bits
    NOT_ASKED = 0

WITHOUT_ROW = NAMELESS
"""The bit of an identity that names no row of the execution table."""

# When a booking was made and when it settles, by row of its event.
cdef struct Days:
    uint32_t trade
    uint32_t value

# A trade in the execution table that the ledger does not have, or not as it is in force.
cdef struct Loose:
    uint32_t execution   # identity
    uint32_t row         # in force
    Days days
    uint32_t absent      # 1: the ledger has nothing of it; 0: something that was corrected since


cdef uint32_t first_of(const EngineState *s, uint32_t row) noexcept nogil:
    """The execution that a chain of corrections begins with."""
    while s.executions[row].corrects:
        row = s.executions[row].corrects
    return row


cdef uint32_t in_force_of(const EngineState *s, uint32_t row) noexcept nogil:
    """The execution that a chain of corrections ends with."""
    while s.executions[row].corrected_by:
        row = s.executions[row].corrected_by
    return row


cdef int is_assigned(const EngineState *s, uint32_t row, uint64_t to) noexcept nogil:
    """Whether an operator assigned a trade out of suspense, and this is its row there."""
    return s.executions[in_force_of(s, row)].assigned_to == to


cdef uint32_t settles(const LedgerEvent *e, uint32_t otherwise) noexcept nogil:
    """The value date that the engine gave an event."""
    return days_since_2000(e.value_day) if e.value_day else otherwise


cdef inline int refers(const LedgerEvent *e) noexcept nogil:
    return e.kind == RF_LEDGER_EVENT_KIND_BUST or e.kind == RF_LEDGER_EVENT_KIND_CORRECT


cdef inline int is_about(const LedgerTables *t, uint32_t row, uint32_t position) noexcept nogil:
    """Whether an event, or what it refers to, names a position."""
    cdef const LedgerEvent *e = &t.events[t.events[row].root if t.events[row].root else row]
    return e.position == position or e.other_position == position


@cython.auto_pickle(False)
@cython.no_gc_clear
cdef class Feed:
    """A replay whose ledger tells what every input did.

    Parameters
    ----------
    replayer : Replayer
        Empty, and nobody else's.
    """

    cdef readonly Replayer replayer
    cdef readonly uint64_t room, change_room  # rows that the caller's arrays have more than are ever written at the beginning of an input
    cdef readonly bint balanced        # the legs of every position and input summed to zero, none was lost
    cdef readonly list methods         # (sequence, engine time, position, LedgerMethod) of every change of a cost method
    cdef readonly list cash_moves      # CASH_MOVE tuples, one for each balance and input that changed it; the caller takes them out
    cdef list scratch                  # what the pointers of the ledger's tables point to
    cdef object day_rows, loose_rows, method_rows, cash_rows
    cdef Days[::1] days                # by row of the event
    cdef Loose[::1] loose
    cdef uint8_t[::1] known_methods    # by position
    cdef uint8_t[::1] known_cash       # table cash as it was noted
    cdef int look_at_cash              # the last input may have changed a balance
    cdef uint32_t loose_count, position_count, nameless
    cdef object unnamed_rows
    cdef uint8_t[::1] unnamed          # by row of the event: 1: a close that waits for names
    cdef uint64_t unnamed_count, recomputed
    cdef int look_at_methods           # of the last input: positions may have another one than noted
    cdef uint64_t event_count, execution_count, fills
    cdef const LedgerEntry *entry      # that an operator booked by this input; NULL: none
    cdef Posting *postings             # the caller's, while apply runs
    cdef Change *changes
    cdef uint64_t posting_count, change_count, change_rows
    cdef uint32_t venue                # of the report that this input is; 0: it is none

    def __init__(self, Replayer replayer not None):
        cdef LedgerTables *t = &replayer.state.c.ledger
        cdef uint64_t positions = t.head.position_rows
        cdef unsigned char[::1] legs, before
        cdef unsigned char[::1] touched, refusals
        self.room = 2 * positions + SPARE
        self.change_room = self.room + t.head.event_rows  # one bust can make every later close wait for names
        if replayer.seq or self.replayer is not None:
            raise CoreError(f"a feed begins with an empty replay and once; this one was at sequence {replayer.seq}")
        if <uint64_t>replayer.state.c.execution_rows + t.head.event_rows >= NAMELESS:
            raise CoreError(f"{t.head.event_rows} events of the ledger are more than have an identity; lower limits.executions")
        days = np.dtype([("trade", "<u4"), ("value", "<u4")])
        loose = np.dtype([("execution", "<u4"), ("row", "<u4"), ("days", days), ("absent", "<u4")])
        if days.itemsize != sizeof(Days) or loose.itemsize != sizeof(Loose):
            raise CoreError("ledger_feed: its dtypes and structs differ; compile it anew")
        self.cash_rows = np.zeros(replayer.state.c.cash_rows * sizeof(CashBalance), "u1")
        self.known_cash = self.cash_rows
        self.cash_moves = []
        self.day_rows = np.zeros(t.head.event_rows, days)
        self.loose_rows = np.zeros(replayer.state.c.execution_rows, loose)
        self.method_rows = np.zeros(positions, "u1")
        self.unnamed_rows = np.zeros(t.head.event_rows, "u1")
        self.unnamed = self.unnamed_rows
        self.days, self.loose, self.known_methods = self.day_rows, self.loose_rows, self.method_rows
        legs, before = np.zeros(LEGS * positions * sizeof(LedgerLeg), "u1"), np.zeros(positions * sizeof(LedgerPosition), "u1")
        touched, refusals = np.zeros(positions * sizeof(uint32_t), "u1"), np.zeros(self.room * sizeof(LedgerRefusal), "u1")
        self.scratch = [legs, before, touched, refusals]
        self.methods = []
        self.balanced = True
        self.replayer = replayer
        t.legs = <LedgerLeg*>&legs[0]
        t.leg_rows = <uint32_t>(LEGS * positions)
        t.before = <LedgerPosition*>&before[0]
        t.touched = <uint32_t*>&touched[0]
        t.refusals = <LedgerRefusal*>&refusals[0]
        t.refusal_rows = <uint32_t>self.room
        t.keep = 1

    def __dealloc__(self):
        cdef LedgerTables *t
        if self.replayer is not None:  # its ledger must not write into the scratch any more
            t = &self.replayer.state.c.ledger
            t.legs = NULL
            t.before = NULL
            t.touched = NULL
            t.refusals = NULL
            t.keep = 0

    # ---- executions

    cdef Change *next_change(self, int kind, int result) noexcept nogil:
        """A row with what every row has; one beyond the last is written over, and its count says so."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef Change *c = &self.changes[self.change_count if self.change_count < self.change_rows else self.change_rows - 1]
        self.change_count += 1
        memset(c, 0, sizeof(Change))
        c.seq = s.engine.seq
        c.engine_ns = s.engine.engine_ns
        c.day = days_since_2000(s.engine.day)
        c.kind = <uint8_t>kind
        c.result = <uint8_t>result
        return c

    cdef void name_execution(self, Change *c, uint64_t row, const VenueEvent *event) noexcept nogil:
        """Fill in what the execution in a row says or, without one, the report."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef const Execution *x
        if row and row <= s.engine.execution_count:
            x = &s.executions[row]
            c.row = <uint32_t>row
            c.transact_ns = x.transact_ns
            c.order_id = x.order_id
            c.venue = x.venue
            c.side = x.side
            memcpy(c.exec_id, x.exec_id, 40)
            memcpy(c.venue_order_id, x.venue_order_id, 32)
        elif event != NULL:
            c.transact_ns = event.transact_ns
            c.venue = event.venue
            memcpy(c.exec_id, event.exec_id, 40)
            memcpy(c.venue_order_id, event.venue_order_id, 32)

    cdef void name_fee(self, Change *c, const VenueEvent *event) noexcept nogil:
        """What the report says that its commission is paid in."""
        if event != NULL and event.present & RF_PRESENT_COMMISSION:
            memcpy(c.fee_currency, event.comm_currency, sizeof(c.fee_currency))

    cdef void take_figures(self, Change *c, const LedgerEvent *e) noexcept nogil:
        cdef wide_t qty = rf_wide_load(e.qty)
        c.qty = <int64_t>(qty if qty >= 0 else -qty)
        c.px = <int64_t>rf_wide_load(e.px)
        c.instrument = e.instrument
        c.account = e.account
        c.strategy = e.strategy
        memcpy(c.amount, e.amount, sizeof(c.amount))
        memcpy(c.fee, e.fee, sizeof(c.fee))
        c.fee_kind = e.fee_kind
        if e.fee_kind == RF_LEDGER_FEE_ELSEWHERE:
            memcpy(c.fee_currency, self.replayer.state.c.currencies[e.other_instrument].code, sizeof(c.fee_currency))
        if moves_cash(e.kind):  # its price is a worth and its quantity money: they are in cash_moves
            c.qty = 0
            c.px = 0
            memcpy(c.fee_currency, self.replayer.state.c.currencies[e.other_instrument].code, sizeof(c.fee_currency))
            return
        if c.side == 0 and qty != 0 and (
            e.kind == RF_LEDGER_EVENT_KIND_FILL or e.kind == RF_LEDGER_EVENT_KIND_CORRECT or e.kind == RF_LEDGER_EVENT_KIND_CROSS
        ):
            c.side = RF_SIDE_BUY if qty > 0 else RF_SIDE_SELL

    cdef uint32_t identity_of(self, uint32_t root) noexcept nogil:
        """Identity of an event that refers to no other."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef const LedgerEvent *e = &s.ledger.events[root]
        if e.kind == RF_LEDGER_EVENT_KIND_FILL and e.key and e.key <= s.engine.execution_count:
            return first_of(s, <uint32_t>e.key)
        return NAMELESS | root

    cdef uint32_t new_identity(self) noexcept nogil:
        """For what has neither a row nor an event."""
        self.nameless += 1
        return NAMELESS | (self.replayer.state.c.ledger.head.event_rows + self.nameless)

    cdef Days days_of(self, uint32_t value_day) noexcept nogil:
        """Of a booking that is made now, when it settles being what the engine says."""
        cdef Days d
        d.trade = days_since_2000(self.replayer.state.c.engine.day)
        d.value = days_since_2000(value_day)
        return d

    cdef void say_event(self, uint32_t row, const VenueEvent *event) noexcept nogil:
        """A row for an event that the ledger has now."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef const LedgerTables *t = &s.ledger
        cdef const LedgerEvent *e = &t.events[row]
        cdef uint32_t root = e.root if e.root else row
        cdef const LedgerEvent *says = in_force(t, root) if e.kind == RF_LEDGER_EVENT_KIND_BUST and e.root else e
        cdef int waits = e.state == RF_LEDGER_EVENT_STATE_HELD or is_unnamed(t, root)
        cdef Change *c = self.next_change(e.kind, RF_LEDGER_RESULT_HELD if waits else RF_LEDGER_RESULT_BOOKED)
        cdef uint64_t named = says.key if says.key else t.events[root].key
        cdef uint64_t taken = t.events[row - 1].ref_key
        if root == row:
            self.days[row] = self.days_of(e.value_day)
            if e.key and t.events[row - 1].seq == e.seq and taken and taken <= s.engine.execution_count and is_assigned(s, <uint32_t>taken, e.key):
                self.days[row].trade = self.days[t.events[row - 1].root].trade  # busted in suspense, booked for its owner
        c.execution = self.identity_of(root)
        if root == row and self.loose_of(c.execution) != NULL:
            self.days[row].trade = self.loose_of(c.execution).days.trade  # corrected into what the ledger can book
        self.name_execution(c, named if c.execution < NAMELESS else 0, event)
        if self.entry != NULL:
            memcpy(c.exec_id, self.entry.reference, sizeof(self.entry.reference))
        self.take_figures(c, says)
        if says == e:
            self.name_fee(c, event)
        c.position = t.events[root].position
        c.trade_day = self.days[root].trade
        c.value_day = self.days[root].value

    cdef int is_told(self, uint32_t root) noexcept nogil:
        """Whether an event of this input is a close, or refers to it."""
        cdef const LedgerTables *t = &self.replayer.state.c.ledger
        cdef uint32_t row
        for row in range(self.event_count + 1, t.head.event_count + 1):
            if row == root or t.events[row].root == root:
                return 1
        return 0

    cdef void follow_unnamed(self) noexcept nogil:
        """A row for each close that waits for names since this input, or does so no more, where no event of the input says it."""
        cdef const LedgerTables *t = &self.replayer.state.c.ledger
        cdef const LedgerEvent *says
        cdef uint32_t row
        cdef int waits
        cdef Change *c
        for row in range(1, t.head.event_count + 1):
            waits = is_unnamed(t, row)
            if waits == self.unnamed[row]:
                continue
            self.unnamed[row] = waits
            if t.events[row].state == RF_LEDGER_EVENT_STATE_BUSTED or self.is_told(row):
                continue
            says = in_force(t, row)
            c = self.next_change(says.kind, RF_LEDGER_RESULT_HELD if waits else RF_LEDGER_RESULT_BOOKED)
            c.execution = self.identity_of(row)
            self.name_execution(c, says.key if c.execution < NAMELESS else 0, NULL)
            self.take_figures(c, says)
            c.position = t.events[row].position
            c.trade_day = self.days[row].trade
            c.value_day = self.days[row].value

    cdef void say_refusal(self, const LedgerRefusal *r, const VenueEvent *event) noexcept nogil:
        """A row for what the ledger refused."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef const LedgerTables *t = &s.ledger
        cdef uint32_t known = find_event(t, r.event.ref_key) if r.event.ref_key else 0
        cdef uint32_t root = t.events[known].root if t.events[known].root else known
        cdef Change *c = self.next_change(r.event.kind, r.result)
        cdef Loose *known_loose
        cdef Days d = self.days[root] if root else self.days_of(r.event.value_day)
        cdef int has_row = r.event.kind == RF_LEDGER_EVENT_KIND_FILL or r.event.kind == RF_LEDGER_EVENT_KIND_CORRECT
        has_row = has_row and r.event.key and r.event.key <= s.engine.execution_count
        if root:
            c.execution = self.identity_of(root)
        elif has_row:
            c.execution = first_of(s, <uint32_t>r.event.key)
        else:
            c.execution = self.new_identity()
        known_loose = self.loose_of(c.execution)
        if known_loose != NULL:
            d = known_loose.days
        self.name_execution(c, r.event.key if has_row else t.events[root].key, event)
        if self.entry != NULL:
            memcpy(c.exec_id, self.entry.reference, sizeof(self.entry.reference))
        self.take_figures(c, in_force(t, root) if root and r.event.kind == RF_LEDGER_EVENT_KIND_BUST else &r.event)
        self.name_fee(c, event)
        if root:
            c.account = t.events[root].account
            c.strategy = t.events[root].strategy
        c.trade_day = d.trade
        c.value_day = d.value
        if has_row and known_loose != NULL:
            known_loose.row = <uint32_t>r.event.key
        elif has_row:
            self.keep_loose(c.execution, <uint32_t>r.event.key, d, root == 0)

    cdef void keep_loose(self, uint32_t execution, uint32_t row, Days days, int absent) noexcept nogil:
        cdef Loose *trade = &self.loose[self.loose_count]
        self.loose_count += 1
        trade.execution = execution
        trade.row = row
        trade.days = days
        trade.absent = absent

    cdef void drop_loose(self, uint32_t i) noexcept nogil:
        self.loose_count -= 1
        self.loose[i] = self.loose[self.loose_count]

    cdef Loose *loose_of(self, uint32_t execution) noexcept nogil:
        """The trade of this identity that the ledger does not have, or not as it is in force; NULL: it has it."""
        cdef uint32_t i
        for i in range(self.loose_count):
            if self.loose[i].execution == execution:
                return &self.loose[i]
        return NULL

    cdef int is_loose(self, uint32_t row) noexcept nogil:
        cdef uint32_t i
        for i in range(self.loose_count):
            if self.loose[i].row == row:
                return 1
        return 0

    cdef void say_loose(self, const Loose *trade, int kind, int result) noexcept nogil:
        """A row about a trade that the ledger does not have."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef const Execution *x = &s.executions[trade.row]
        cdef Change *c = self.next_change(kind, result)
        c.execution = trade.execution
        self.name_execution(c, trade.row, NULL)
        c.qty = x.last_qty
        c.px = x.last_px
        c.instrument = x.instrument
        c.account = x.account
        c.strategy = x.strategy
        c.trade_day = trade.days.trade
        c.value_day = trade.days.value

    cdef int has_come_in(self, uint32_t execution) noexcept nogil:
        """Whether an event of this input is about a trade that the ledger did not have as it was in force: now it does, or it is gone from both."""
        cdef const LedgerTables *t = &self.replayer.state.c.ledger
        cdef uint32_t row
        for row in range(self.event_count + 1, t.head.event_count + 1):
            if self.identity_of(t.events[row].root if t.events[row].root else row) == execution:
                return 1
        return 0

    cdef int is_refused(self, uint32_t row) noexcept nogil:
        """Whether the ledger refused an execution in this input."""
        cdef const LedgerTables *t = &self.replayer.state.c.ledger
        cdef uint32_t i
        for i in range(min(t.refusal_count, t.refusal_rows)):
            if t.refusals[i].event.key == row:
                return 1
        return 0

    cdef void follow_loose(self) noexcept nogil:
        """What became of the trades that the ledger does not have: corrected ones that it still lacks, busted ones are gone from both."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef uint32_t i = 0, row
        cdef Loose *trade
        while i < self.loose_count:
            trade = &self.loose[i]
            row = in_force_of(s, trade.row)
            if self.has_come_in(trade.execution):
                self.drop_loose(i)  # the event says so
                continue
            if row != trade.row and self.is_refused(row):
                i += 1  # the refusal says so
                continue
            if row != trade.row and s.executions[row].state == RF_EXECUTION_BOOKED:
                trade.row = row
                self.say_loose(trade, RF_LEDGER_EVENT_KIND_CORRECT, NOT_ASKED)
            elif s.executions[row].state != RF_EXECUTION_BOOKED:
                self.say_loose(trade, RF_LEDGER_EVENT_KIND_BUST, RF_LEDGER_RESULT_BOOKED if trade.absent else NOT_ASKED)
                self.drop_loose(i)
                continue
            i += 1

    cdef void find_loose(self, int said) noexcept nogil:
        """Trades of new rows that the ledger was not asked to book; ``said``: there may be rows about some already."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef uint64_t first
        cdef uint32_t row
        for first in range(self.execution_count + 1, s.engine.execution_count + 1):
            row = in_force_of(s, <uint32_t>first)
            if s.executions[row].state != RF_EXECUTION_BOOKED or find_event(&s.ledger, row) or ((said or row != first) and self.is_loose(row)):
                continue
            self.keep_loose(first_of(s, row), row, self.days_of(value_day_of(s, s.executions[row].instrument)), 1)
            self.say_loose(&self.loose[self.loose_count - 1], RF_LEDGER_EVENT_KIND_FILL, NOT_ASKED)

    cdef void say_unkept(self, const VenueEvent *event) noexcept nogil:
        """A row for a fill that left no trace but in a count: the execution table is full and the ledger was not asked."""
        cdef Change *c = self.next_change(RF_LEDGER_EVENT_KIND_FILL, NOT_ASKED)
        c.execution = self.new_identity()
        self.name_execution(c, 0, event)
        c.qty = event.last_qty
        c.px = event.last_px
        c.side = event.side
        c.trade_day = c.day
        c.value_day = c.day

    # ---- postings

    cdef void say_postings(self) noexcept nogil:
        """What this input did to every position that it touched; the legs are in the order of those."""
        cdef const LedgerTables *t = &self.replayer.state.c.ledger
        cdef Posting *p
        cdef uint32_t i, row, leg = 0
        cdef int at, found
        cdef wide_t money, units
        if t.leg_count >= t.leg_rows:
            self.balanced = False
        for i in range(t.touched_count):
            row = t.touched[i]
            p = &self.postings[self.posting_count]
            memset(p, 0, sizeof(Posting))
            found = 0
            units = 0
            while leg < t.leg_count and t.legs[leg].position == row:
                found = 1
                at = column_of(&t.legs[leg])
                if at >= 0:
                    put(p, at, rf_wide_load(t.legs[leg].amount))
                if t.legs[leg].units:
                    units = units + rf_wide_load(t.legs[leg].amount)
                leg += 1
            if not say_figures(p, &t.positions[row], &t.before[i]) and not found:
                continue
            money = 0
            for at in range(LEGS_COUNT):
                money = money + rf_wide_load(&p.amounts[2 * at])
            if money != 0 or units != 0:
                self.balanced = False
            self.name_posting(p, row)
            self.posting_count += 1
        if leg != t.leg_count:
            self.balanced = False

    cdef void name_posting(self, Posting *p, uint32_t position) noexcept nogil:
        """What a posting is about, where and when."""
        cdef const EngineState *s = &self.replayer.state.c
        cdef const LedgerTables *t = &s.ledger
        cdef uint32_t row = self.event_about(position)
        p.seq = s.engine.seq
        p.engine_ns = s.engine.engine_ns
        p.position = position
        p.day = days_since_2000(s.engine.day)
        p.correction = refers(&t.events[row]) or t.events[row].kind == RF_LEDGER_EVENT_KIND_NAME_LOT
        if t.events[row].root:
            row = t.events[row].root
        if t.events[row].kind == RF_LEDGER_EVENT_KIND_NAME_LOT:
            row = find_event(t, t.events[row].ref_key)  # what it names is what changed
        p.execution = self.identity_of(row)
        p.value_day = self.days[row].value
        p.venue = s.executions[p.execution].venue if p.execution < NAMELESS else self.venue

    cdef uint32_t event_about(self, uint32_t position) noexcept nogil:
        """The last event of this input that names a position; the last of all when only a recomputation of others reached it."""
        cdef const LedgerTables *t = &self.replayer.state.c.ledger
        cdef uint32_t row = t.head.event_count
        if row - self.event_count > 1:
            while row > self.event_count and not is_about(t, row, position):
                row -= 1
        return row if row > self.event_count else t.head.event_count

    cdef void find_entry(self, const FileFrame *frame) noexcept nogil:
        """What an operator booked by this input: the command's body, or that of the proposal that it approves."""
        cdef const Control *c = <const Control*>(<const char*>frame + sizeof(FileFrame))
        cdef const Proposal *p
        self.entry = NULL
        if frame.kind != RF_FRAME_KIND_CONTROL:
            return
        if c.kind == RF_CONTROL_KIND_BOOK_ENTRY:
            self.entry = <const LedgerEntry*>c.body
        elif c.kind == RF_CONTROL_KIND_APPROVE:
            p = find_proposal(&self.replayer.state.c, (<const Decision*>c.body).proposal)
            if p != NULL and p.kind == RF_CONTROL_KIND_BOOK_ENTRY:
                self.entry = <const LedgerEntry*>p.body

    cdef void say_input(self, const FileFrame *frame) noexcept nogil:
        """Write the rows of the input that was just applied."""
        cdef EngineState *s = &self.replayer.state.c
        cdef LedgerTables *t = &s.ledger
        cdef const VenueEvent *event = NULL
        cdef uint64_t before = self.change_count, row
        cdef uint32_t i
        cdef int follows
        if frame.kind == RF_FRAME_KIND_VENUE_EVENT:
            event = <const VenueEvent*>(<const char*>frame + sizeof(FileFrame))
        self.venue = event.venue if event != NULL else 0
        self.find_entry(frame)
        for row in range(self.event_count + 1, t.head.event_count + 1):
            self.say_event(<uint32_t>row, event)
            self.look_at_cash |= may_pay(&t.events[row]) or moves_cash(t.events[row].kind)
        self.say_postings()
        follows = frame.kind == RF_FRAME_KIND_CONTROL or (
            event != NULL and (event.kind == RF_VENUE_EVENT_KIND_BUST or event.kind == RF_VENUE_EVENT_KIND_CORRECT)
        )
        if self.loose_count and follows:
            self.follow_loose()
        for i in range(min(t.refusal_count, t.refusal_rows)):
            self.say_refusal(&t.refusals[i], event)
        if s.engine.execution_count != self.execution_count:
            self.find_loose(follows or t.refusal_count != 0)
        if event != NULL and event.kind == RF_VENUE_EVENT_KIND_FILL and s.engine.fills != self.fills and self.change_count == before:
            self.say_unkept(event)
        if (t.head.held or self.unnamed_count) and (t.head.recomputed != self.recomputed or t.head.held != self.unnamed_count):
            self.follow_unnamed()
        self.unnamed_count = t.head.held
        self.recomputed = t.head.recomputed
        self.event_count = t.head.event_count
        self.execution_count = s.engine.execution_count
        self.fills = s.engine.fills
        self.look_at_methods = self.methods_changed()
        t.touched_count = 0
        t.leg_count = 0
        t.refusal_count = 0

    cdef int methods_changed(self) noexcept nogil:
        """Whether what was booked, or refused, may have given a position a method: a new one, or one that was flat."""
        cdef const LedgerTables *t = &self.replayer.state.c.ledger
        cdef uint32_t i
        if t.head.position_count != self.position_count or t.refusal_count:
            return 1
        for i in range(t.touched_count):
            if t.positions[t.touched[i]].method != self.known_methods[t.touched[i]]:
                return 1
        return 0

    cdef int sets_method(self, const FileFrame *frame) noexcept nogil:
        """Whether a command may have set the method of a position in which it booked nothing."""
        cdef const Control *c = <const Control*>(<const char*>frame + sizeof(FileFrame))
        return c.kind == RF_CONTROL_KIND_SET_METHOD or c.kind == RF_CONTROL_KIND_APPROVE

    cdef void note_methods(self):
        cdef const LedgerTables *t = &self.replayer.state.c.ledger
        cdef uint32_t row
        for row in range(1, t.head.position_count + 1):
            if t.positions[row].method != self.known_methods[row]:
                self.methods.append((self.replayer.seq, self.replayer.state.c.engine.engine_ns, row, t.positions[row].method))
                self.known_methods[row] = t.positions[row].method
        self.position_count = t.head.position_count
        self.look_at_methods = 0

    cdef void note_cash(self):
        """Note every balance that the last input changed."""
        cdef const LedgerTables *t = &self.replayer.state.c.ledger
        cdef uint32_t last = t.head.event_count, row = t.events[last].root if t.events[last].root else last
        note_balances(&self.replayer.state.c, self.known_cash, self.identity_of(row), self.days[row].value, self.cash_moves)
        self.look_at_cash = 0

    def figures(self):
        """Return the figures, keys and methods of every position and the balances as bytes: equal for equal books, whatever is around them."""
        return bytes_of_books(&self.replayer.state.c)

    def cash(self, uint32_t row):
        """Return what a position's account has received in its settlement asset [money scale].

        Raises
        ------
        IndexError
            If there is no such row.
        """
        cdef const LedgerTables *t = &self.replayer.state.c.ledger
        cdef uint64_t[2] words
        if not 0 < row <= t.head.position_count:
            raise IndexError(f"position {row} is not in 1..{t.head.position_count}")
        rf_wide_store(words, cash_of(t, &t.positions[row]))
        return int(words[0]) + (int(<int64_t>words[1]) << 64)

    def apply(self, const unsigned char[::1] buffer not None, uint64_t start, uint64_t end, postings, uint64_t posting_count, changes, uint64_t change_count):
        """Apply the file frames in ``buffer[start:end]`` and write what they booked behind the rows that the arrays have.

        It ends early when an array has no more rows left than that: then call it again, with empty ones, from where it ended.

        Parameters
        ----------
        postings, changes : ndarray of POSTING, ndarray of CHANGE
            Longer than ``room``, changes than ``change_room``.

        Returns
        -------
        (int, int, int)
            Where it ended, and how many rows the arrays have.

        Raises
        ------
        ReplayError, StateMismatch
            At a frame that cannot be applied.
        """
        cdef Posting[::1] posting_rows = postings
        cdef Change[::1] change_rows = changes
        cdef uint64_t at = start, length, posting_limit, change_limit
        cdef const FileFrame *frame
        cdef int result = STEP_OK
        cdef EngineState *s = &self.replayer.state.c
        if end > <uint64_t>buffer.shape[0] or start > end:
            raise CoreError(f"frames {start}:{end} are outside of the buffer of {buffer.shape[0]} bytes")
        if <uint64_t>posting_rows.shape[0] <= self.room or <uint64_t>change_rows.shape[0] <= self.change_room:
            raise CoreError(f"the arrays have {posting_rows.shape[0]} and {change_rows.shape[0]} rows; give more than {self.room} and {self.change_room}")
        self.postings, self.posting_count = &posting_rows[0], posting_count
        self.changes, self.change_count, self.change_rows = &change_rows[0], change_count, change_rows.shape[0]
        posting_limit = posting_rows.shape[0] - self.room
        change_limit = change_rows.shape[0] - self.change_room
        with nogil:
            while at < end and self.posting_count < posting_limit and self.change_count < change_limit:
                frame = <const FileFrame*>&buffer[at]
                length = frame.length if end - at >= sizeof(FileFrame) else 0
                if length < sizeof(FileFrame) or length > end - at or length & 7:
                    length = 0
                result = self.replayer.step(frame, length)
                if result != STEP_OK:
                    break
                at += length
                if (
                    s.ledger.head.event_count != self.event_count or s.engine.execution_count != self.execution_count or s.engine.fills != self.fills
                    or s.ledger.refusal_count or s.ledger.touched_count or self.loose_count
                ):
                    self.say_input(frame)
                if frame.kind == RF_FRAME_KIND_CONTROL and self.sets_method(frame):
                    self.look_at_methods = 1
                if self.look_at_methods:
                    with gil:
                        self.note_methods()
                if self.look_at_cash:
                    with gil:
                        self.note_cash()
        if result != STEP_OK:
            self.replayer.raise_problem(result)
        if self.change_count > self.change_rows or s.ledger.refusal_count > s.ledger.refusal_rows:
            raise CoreError(f"sequence {self.replayer.seq} changed more than {self.change_room} bookings: that cannot be; please report it with the journal")
        return at, self.posting_count, self.change_count
