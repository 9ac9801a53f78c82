"""Lots that are named after the close: how SPEC works where executions come from venues, which name none (rule 5).

    close under SPEC, not clear ──▶ ledger_events.book: its row is HELD at its place, no figure has it (where ``hold_unnamed``)
    NAME_LOT ──▶ book_name: all names of the close, and this one, on trial ──recompute from the close on──▶ they add up: it is booked, at its own place
                                                                                              │             too few: they wait
                                                                                              └──▶ wrong: AMBIGUOUS, nothing has changed
    bust of a NAME_LOT ──▶ take_name_back: what is left is tried again; where it does not add up the close is HELD, or clear without names

A name is an event of its own, with one row of ``picks``, so it has an identity, a bust and a place in the journal. What a close is booked with is a copy: one
run of picks, taken when the names add up; so a recomputation needs nothing but the close's row. Rows of picks are never given back: a close of n lots takes 2n.
What can fail: the table of picks is full (NO_ROW), a name that cannot be (AMBIGUOUS, BAD_EVENT), a figure that does not fit. Written by the engine alone.
Rejected: guessing the oldest lot (rule 5), and a close that is booked where it was named, not where it was traded (rule 4).
"""

from libc.stdint cimport uint32_t
from libc.string cimport memset

from ringfence.core.ledger_index cimport find_event, in_force
from ringfence.core.ledger_recompute cimport after_event, link_event, next_event, recompute, stamp_family
from ringfence.core.ledger_trades cimport NAMED, SHORT_OF_NAMES
from ringfence.core.lots cimport LedgerTables
from ringfence.core.wide cimport rf_wide_is_figure, rf_wide_load, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_EVENT_KIND_NAME_LOT, RF_LEDGER_EVENT_STATE_BOOKED, RF_LEDGER_EVENT_STATE_BUSTED, RF_LEDGER_EVENT_STATE_HELD,
    RF_LEDGER_METHOD_SPEC, RF_LEDGER_RESULT_AMBIGUOUS, RF_LEDGER_RESULT_BAD_EVENT, RF_LEDGER_RESULT_BOOKED, RF_LEDGER_RESULT_NO_ROW, LedgerEvent,
    LedgerPick,
)


cdef int is_unnamed(const LedgerTables *t, uint32_t row) noexcept nogil:
    return t.events[row].kind == RF_LEDGER_EVENT_KIND_FILL and t.events[row].state == RF_LEDGER_EVENT_STATE_HELD


cdef int add_name(LedgerTables *t, uint32_t first, uint32_t *count, const LedgerPick *name) noexcept nogil:
    """Put a name behind the ``count`` rows from ``first`` on, or to that of the same lot; 0: there is no row."""
    cdef uint32_t i
    cdef wide_t total
    for i in range(first, first + count[0]):
        if t.picks[i].key == name.key:
            total = rf_wide_load(t.picks[i].qty) + rf_wide_load(name.qty)
            if rf_wide_is_figure(total):
                rf_wide_store(t.picks[i].qty, total)
            return rf_wide_is_figure(total)
    if first + count[0] >= t.head.pick_rows:
        return 0
    t.picks[first + count[0]] = name[0]
    count[0] += 1
    return 1


cdef int names_of(LedgerTables *t, uint32_t close, uint32_t first, uint32_t *count) noexcept nogil:
    """Collect what stands of a close's names, in the order in which they came, into rows from ``first`` on."""
    cdef uint32_t position = t.events[close].position, at = next_event(t, position, close)
    count[0] = 0
    while at:
        if (
            t.events[at].kind == RF_LEDGER_EVENT_KIND_NAME_LOT and t.events[at].state == RF_LEDGER_EVENT_STATE_BOOKED
            and t.events[at].ref_key == t.events[close].key and not add_name(t, first, count, &t.picks[t.events[at].first_pick])
        ):
            return 0
        at = next_event(t, position, at)
    return 1


cdef int try_names(LedgerTables *t, uint32_t close, uint32_t first, uint32_t count) noexcept nogil:
    """Let a close have these names and book it, and what follows, once more; a LedgerResult."""
    cdef LedgerEvent *e = <LedgerEvent*>in_force(t, close)
    e.first_pick = first if count else 0
    e.pick_count = count
    return recompute(t, t.events[close].position, t.events[close].other_position, close)


cdef void drop_names(LedgerTables *t, uint32_t first, uint32_t count) noexcept nogil:
    memset(&t.picks[first], 0, count * sizeof(LedgerPick))


cdef int book_name(LedgerTables *t, uint32_t row) noexcept nogil:
    cdef LedgerEvent *e = &t.events[row]
    cdef uint32_t close = find_event(t, e.ref_key), first = t.head.pick_count + 1, count = 0, was_first, was_count
    cdef int result
    if close == 0 or t.events[close].kind != RF_LEDGER_EVENT_KIND_FILL or e.pick_count != 1 or t.events[close].state == RF_LEDGER_EVENT_STATE_BUSTED:
        return RF_LEDGER_RESULT_BAD_EVENT
    if t.positions[t.events[close].position].method != RF_LEDGER_METHOD_SPEC:
        return RF_LEDGER_RESULT_BAD_EVENT
    was_first = in_force(t, close).first_pick
    was_count = in_force(t, close).pick_count
    if not names_of(t, close, first, &count) or not add_name(t, first, &count, &t.picks[e.first_pick]):
        drop_names(t, first, count)
        return RF_LEDGER_RESULT_NO_ROW
    t.watched = close
    t.verdict = 0
    result = try_names(t, close, first, count)
    t.watched = 0
    if result != RF_LEDGER_RESULT_BOOKED or t.verdict != NAMED:
        try_names(t, close, was_first, was_count)
        drop_names(t, first, count)
        if result == RF_LEDGER_RESULT_BOOKED and t.verdict != SHORT_OF_NAMES:
            result = RF_LEDGER_RESULT_AMBIGUOUS
        if result != RF_LEDGER_RESULT_BOOKED:
            return result
    else:
        t.head.pick_count += count
    e.position = t.events[close].position
    e.state = RF_LEDGER_EVENT_STATE_BOOKED
    t.head.event_count = row
    link_event(t, row, e.position, 0)
    after_event(t, e.position, row, e.seq)
    stamp_family(t, e.position, e.seq)
    return RF_LEDGER_RESULT_BOOKED


cdef int take_name_back(LedgerTables *t, uint32_t row) noexcept nogil:
    cdef uint32_t close = find_event(t, t.events[row].ref_key), first = t.head.pick_count + 1, count = 0, was_first, was_count
    cdef int result = RF_LEDGER_RESULT_BOOKED, adds_up = 0
    was_first = in_force(t, close).first_pick
    was_count = in_force(t, close).pick_count
    if was_count == 0 or t.events[close].state == RF_LEDGER_EVENT_STATE_BUSTED:
        return RF_LEDGER_RESULT_BOOKED
    if names_of(t, close, first, &count) and count:
        t.watched = close
        t.verdict = 0
        result = try_names(t, close, first, count)
        t.watched = 0
        adds_up = result == RF_LEDGER_RESULT_BOOKED and t.verdict == NAMED
    if adds_up:
        t.head.pick_count += count
        return RF_LEDGER_RESULT_BOOKED
    drop_names(t, first, count)
    result = try_names(t, close, 0, 0)
    if result != RF_LEDGER_RESULT_BOOKED:
        try_names(t, close, was_first, was_count)
    return result
