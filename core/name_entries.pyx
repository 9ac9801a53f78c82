"""Entries NAME_LOT: an operator says from which lot a close under SPEC took its units, since no venue does.

    LedgerEntry (rows of two executions, a quantity) ──judge_name──▶ name_of: the close's identity, one pick ──enter_name──▶ ledger_events.book

Both executions are named by their rows, and stand for what is in force of them: a corrected fill has the identity of its first report. The entry names the
position too, which must be the close's, so that a mistyped row is refused and not booked elsewhere. Lots that came by entries (a reward) have no execution and
cannot be named; a close of all, or of the only lot, needs no name. Written by the engine alone. What can fail is a LedgerResult.
"""

from libc.stdint cimport uint32_t
from libc.string cimport memset

from ringfence.core.bookkeeping cimport event_of
from ringfence.core.ledger_events cimport book
from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport rf_wide_from, rf_wide_store
from ringfence.ipc.records cimport (
    RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_EVENT_STATE_BUSTED, RF_LEDGER_METHOD_SPEC, RF_LEDGER_RESULT_BAD_EVENT, RF_LEDGER_RESULT_BOOKED,
    RF_LEDGER_RESULT_NO_ROW, LedgerEntry, LedgerEvent, LedgerPick, LedgerPosition,
)


cdef uint32_t fill_of(const EngineState *s, uint32_t execution) noexcept nogil:
    """The ledger's first event for an execution that stands; 0: it has none."""
    cdef uint32_t row = event_of(s, execution) if execution <= s.engine.execution_count else 0
    if s.ledger.events[row].root:
        row = s.ledger.events[row].root
    if s.ledger.events[row].kind != RF_LEDGER_EVENT_KIND_FILL or s.ledger.events[row].state == RF_LEDGER_EVENT_STATE_BUSTED:
        return 0
    return row


cdef int judge_name(const EngineState *s, const LedgerEntry *entry) noexcept nogil:
    cdef uint32_t close = fill_of(s, entry.ratio_num), lot = fill_of(s, entry.ratio_den)
    cdef const LedgerPosition *p = &s.ledger.positions[s.ledger.events[close].position]
    if close == 0 or lot == 0 or close == lot or p.method != RF_LEDGER_METHOD_SPEC:
        return RF_LEDGER_RESULT_BAD_EVENT
    if p.account != entry.account or p.strategy != entry.strategy or p.instrument != entry.instrument:
        return RF_LEDGER_RESULT_BAD_EVENT
    return RF_LEDGER_RESULT_BOOKED if s.ledger.head.pick_count + 1 < s.ledger.head.pick_rows else RF_LEDGER_RESULT_NO_ROW


cdef void name_of(const EngineState *s, const LedgerEntry *entry, LedgerEvent *e) noexcept nogil:
    e.ref_key = s.ledger.events[fill_of(s, entry.ratio_num)].key
    e.value_day = s.ledger.events[fill_of(s, entry.ratio_num)].value_day
    e.first_pick = s.ledger.head.pick_count + 1
    e.pick_count = 1


cdef int enter_name(EngineState *s, const LedgerEntry *entry, const LedgerEvent *e) noexcept nogil:
    cdef LedgerPick *name = &s.ledger.picks[e.first_pick]
    cdef int result
    name.key = s.ledger.events[fill_of(s, entry.ratio_den)].key
    rf_wide_store(name.qty, rf_wide_from(entry.qty))
    s.ledger.head.pick_count += 1
    result = book(&s.ledger, e)
    if result != RF_LEDGER_RESULT_BOOKED:
        s.ledger.head.pick_count -= 1
        memset(name, 0, sizeof(LedgerPick))
    return result
