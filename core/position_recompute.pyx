"""Positions computed again, after a bust or correction of an execution or the bust of an entry (S11).

    executions of the position, by row ──┐
                                         ├─ in the order of their sequences ──▶ trade, apply_entry on copies (``trials``) ──all fit──▶ positions
    its entries, by row of ledger_events ┘                                                                       └──one does not──▶ nothing changes

A bust is not a reversing trade: the position is what it would be had the execution never been, a corrected one in its original place, an entry in its own. Both
tables rise with the journal sequence, so merging them by it is the order in which they were booked. Transfers and spin-offs tie positions: these are computed
together. An entry that was right when it came may be impossible now (a transfer of what was busted): it is left out, as the ledger leaves it out. The ledger
judges by its own quantity, so after fees in kind, which only it has, the two can differ there. A position that no entry has changed walks its own executions
since figures that were kept (position_history.pyx); once an entry ties positions both tables are walked from the first event on (10 ms at 60,000 executions).

Only when that table overflowed, so that fills were booked without a row, a reversing trade keeps the quantity right, and a break says so. Written by the engine
alone; ``trials`` is memory of its own, as many rows as there are positions. What can fail: an overflow, and nothing changes.
Rejected: taking quantities from the ledger's positions (the ledger may have refused an execution that the position has).
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.dedupe cimport find_position
from ringfence.core.fixed cimport rf_add, rf_sub
from ringfence.core.ledger_index cimport find_position as find_ledger_position
from ringfence.core.ledger_recompute cimport family_of, next_event
from ringfence.core.position_history cimport forget, from_executions, keep, trade_again
from ringfence.core.positions cimport (
    BOOK_NO_ROW, BOOK_OVERFLOW, BOOK_REVERSED, BOOKED, apply_entry, changes_position, stamp, stamp_unjudged, take_over, trade,
)
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_EXECUTION_HELD, RF_LEDGER_EVENT_KIND_CROSS, RF_LEDGER_EVENT_KIND_TRANSFER, RF_LEDGER_EVENT_STATE_BOOKED, Execution, LedgerEvent, LedgerPosition,
    Position,
)


cdef int has_entries(const EngineState *s, uint32_t ledger_row) noexcept nogil:
    cdef uint32_t at = s.ledger.positions[ledger_row].first_event if ledger_row else 0
    while at:
        if changes_position(s.ledger.events[at].kind):
            return 1
        at = next_event(&s.ledger, ledger_row, at)
    return 0


# ---- positions that entries have changed ------------------------------------------------------------------------------------------

cdef inline Position *trial_of(const EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil:
    """The copy of a position of the family; NULL when it is of another."""
    cdef uint32_t row = find_ledger_position(&s.ledger, account, strategy, instrument)
    if row == 0 or s.ledger.positions[row].stamp != s.ledger.head.stamp:
        return NULL
    return &s.trials[find_position(s, account, strategy, instrument)]


cdef int enter_again(const EngineState *s, const LedgerEvent *e) noexcept nogil:
    """An entry on the copies; what it can no longer do is left out."""
    cdef const LedgerPosition *p = &s.ledger.positions[e.position]
    cdef const LedgerPosition *q = &s.ledger.positions[e.other_position]
    cdef Position *trial = trial_of(s, p.account, p.strategy, p.instrument)
    cdef Position *other = trial_of(s, q.account, q.strategy, q.instrument) if e.other_position else trial
    cdef Position one, two
    cdef int result
    if trial == NULL or other == NULL:
        return 1
    one = trial[0]
    two = other[0]
    result = apply_entry(e, &one, &two)
    if result == BOOKED:
        if other != trial:
            other[0] = two
        trial[0] = one
    return result != BOOK_OVERFLOW


cdef int from_both(EngineState *s, uint32_t ledger_row, uint32_t other_row, uint32_t busted) noexcept nogil:
    """Compute the copies of all positions that entries tie to these two: executions and entries by their sequences, without the entry in row ``busted``."""
    cdef uint32_t at = family_of(&s.ledger, ledger_row, other_row), event = 0, last = s.ledger.head.event_count
    cdef int is_cross = s.ledger.events[busted].kind == RF_LEDGER_EVENT_KIND_CROSS  # two rows, the second behind the first
    cdef uint64_t i
    cdef const LedgerPosition *p
    cdef const Execution *x
    cdef Position *trial
    while at:
        p = &s.ledger.positions[at]
        forget(s, find_position(s, p.account, p.strategy, p.instrument))
        memset(&s.trials[find_position(s, p.account, p.strategy, p.instrument)], 0, sizeof(Position))
        at = p.next_of_family
    for i in range(1, s.engine.execution_count + 2):
        x = &s.executions[i] if i <= s.engine.execution_count else NULL
        while event < last and (x == NULL or s.ledger.events[event + 1].seq < x.booked_seq):
            event += 1
            if event == busted or (is_cross and event == busted + 1):
                continue
            if s.ledger.events[event].state != RF_LEDGER_EVENT_STATE_BOOKED or not changes_position(s.ledger.events[event].kind):
                continue
            if not enter_again(s, &s.ledger.events[event]):
                return 0
        if x == NULL or x.corrects or x.state == RF_EXECUTION_HELD or x.instrument == 0:
            continue
        trial = trial_of(s, x.account, x.strategy, x.instrument)
        if trial != NULL and not trade_again(trial, s, i):
            return 0
    return 1


cdef void keep_family(EngineState *s, int moved) noexcept nogil:
    """Take over the copies, then judge losses: not between two positions of which one has what the other had."""
    cdef uint32_t at
    cdef uint64_t row
    cdef const LedgerPosition *p
    for at in range(1, s.ledger.head.position_count + 1):
        p = &s.ledger.positions[at]
        if p.stamp == s.ledger.head.stamp:
            row = find_position(s, p.account, p.strategy, p.instrument)
            if row:
                take_over(&s.positions[row], &s.trials[row])
                stamp_unjudged(s, row, moved)
    for at in range(1, s.ledger.head.position_count + 1):
        p = &s.ledger.positions[at]
        row = find_position(s, p.account, p.strategy, p.instrument) if p.stamp == s.ledger.head.stamp else 0
        if row:
            stamp(s, row)


cdef inline uint32_t other_of(const EngineState *s, uint32_t row) noexcept nogil:
    """The second position of an entry; the two of a cross are not tied, each has a row of it."""
    if s.ledger.events[row].kind == RF_LEDGER_EVENT_KIND_CROSS:
        return s.ledger.events[row + 1].position
    return s.ledger.events[row].other_position


cdef int try_without(EngineState *s, uint32_t busted) noexcept nogil:
    cdef const LedgerEvent *e = &s.ledger.events[busted]
    return not changes_position(e.kind) or from_both(s, e.position, other_of(s, busted), busted)


cdef void hold_without(EngineState *s, uint32_t busted) noexcept nogil:
    if changes_position(s.ledger.events[busted].kind):
        family_of(&s.ledger, s.ledger.events[busted].position, other_of(s, busted))  # the ledger has stamped others since
        keep_family(s, s.ledger.events[busted].kind == RF_LEDGER_EVENT_KIND_TRANSFER)


# ---- a bust or correction of an execution -----------------------------------------------------------------------------------------

cdef int reverse(Position *p, int64_t out_qty, int64_t out_px, int64_t in_qty, int64_t in_px) noexcept nogil:
    cdef Position trial = p[0]
    if not trade(&trial, -out_qty, out_px) or (in_qty != 0 and not trade(&trial, in_qty, in_px)):
        return BOOK_OVERFLOW
    p[0] = trial
    return BOOK_REVERSED


cdef int was_all_walked(const Position *p, const Position *trial, int64_t out_qty, int64_t in_qty) noexcept nogil:
    """Whether every fill of a position has a row: what was traded, which entries leave alone, is what it was with this change."""
    cdef int64_t before, after
    if not rf_sub(p.bought_qty, p.sold_qty, &before) or not rf_sub(before, out_qty, &before) or not rf_add(before, in_qty, &before):
        return 0
    return rf_sub(trial.bought_qty, trial.sold_qty, &after) and after == before


cdef int recompute(
    EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, uint64_t changed, int64_t out_qty, int64_t out_px, int64_t in_qty, int64_t in_px,
) noexcept nogil:
    cdef uint64_t row = find_position(s, account, strategy, instrument)
    cdef uint32_t ledger_row = find_ledger_position(&s.ledger, account, strategy, instrument)
    cdef int tied = has_entries(s, ledger_row), result
    cdef Position *trial = &s.trials[row]
    if row == 0:
        return BOOK_NO_ROW
    if not (from_both(s, ledger_row, 0, 0) if tied else from_executions(s, row, changed, trial)):
        return BOOK_OVERFLOW
    if s.engine.execution_count + 1 >= s.execution_rows:
        if not was_all_walked(&s.positions[row], trial, out_qty, in_qty):
            result = reverse(&s.positions[row], out_qty, out_px, in_qty, in_px)
            stamp(s, row)
            return result
    if tied:
        keep_family(s, 0)
        return BOOKED
    take_over(&s.positions[row], trial)
    keep(s, row)
    stamp(s, row)
    return BOOKED
