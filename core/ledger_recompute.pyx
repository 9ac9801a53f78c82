"""Chains of events per position, checkpoints, and booking once more what follows one: how busts and corrections become exact (rule 8).

A bust is not a reversing trade: the state afterwards is that of a replay without it. Each position chains its events; a recomputation begins at the newest
checkpoint before the change and applies what follows once more, in sequence order. A checkpoint is a position with at most one lot (flat, a pool, one fill),
taken every LEDGER_CHECKPOINT_EVENTS events when there is such a moment. Positions tied by a transfer, a spin-off or a fee paid from lots are recomputed
together, from their first event.

A close of SPEC whose lots are not named, or not any more, is HELD at its place and comes in by itself when a recomputation finds its lots clear or named.
What can fail: an event that was right when it came can be impossible now (a transfer of what was busted, lots that are no more): it is left out, and the
position says so (POSITION_SKIPPED). A figure that no longer fits is told to the caller, who takes the change back. When the checkpoint table is full, later
recomputations walk further (counted). Rejected: whole-ledger snapshots (copying them costs more than the events that they save).
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.core.ledger_kinds cimport apply
from ringfence.core.ledger_legs cimport touch
from ringfence.core.lots cimport LedgerTables, insert_lot, new_lot, remove_lots
from ringfence.core.wide cimport rf_wide_load
from ringfence.ipc.records cimport (
    RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_EVENT_KIND_SPIN_OFF, RF_LEDGER_EVENT_KIND_TRANSFER, RF_LEDGER_EVENT_STATE_BOOKED,
    RF_LEDGER_EVENT_STATE_BUSTED, RF_LEDGER_EVENT_STATE_HELD, RF_LEDGER_POSITION_MERGED, RF_LEDGER_RESULT_AMBIGUOUS,
    RF_LEDGER_RESULT_BOOKED, RF_LEDGER_RESULT_OVERFLOW, LedgerCheckpoint, LedgerEvent, LedgerPosition, Lot,
)


cdef void set_state(LedgerTables *t, uint32_t row, uint8_t state) noexcept nogil:
    cdef LedgerEvent *e = &t.events[row]
    if e.kind == RF_LEDGER_EVENT_KIND_FILL:
        t.held_changes += (state == RF_LEDGER_EVENT_STATE_HELD) != (e.state == RF_LEDGER_EVENT_STATE_HELD)
        t.head.held += state == RF_LEDGER_EVENT_STATE_HELD
        t.head.held -= e.state == RF_LEDGER_EVENT_STATE_HELD
    e.state = state


cdef void chain(LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil:
    """Put an event at its place (by row, which rises with the sequence) among those of a position."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef uint32_t at = 0, after = 0
    if p.last_event == 0 or p.last_event < row:
        at = p.last_event
        p.last_event = row
    else:
        after = p.first_event
        while after and after < row:
            at = after
            after = next_event(t, position, at)
    if at == 0:
        p.first_event = row
    elif t.events[at].position == position:
        t.events[at].next_of_position = row
    else:
        t.events[at].next_of_other = row
    if t.events[row].position == position:
        t.events[row].next_of_position = after
    else:
        t.events[row].next_of_other = after


cdef void save_checkpoint(LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[position]
    cdef uint32_t at = t.head.free_checkpoint
    cdef LedgerCheckpoint *c
    p.since_checkpoint = 0
    if at:
        t.head.free_checkpoint = t.checkpoints[at].previous
    elif t.head.checkpoint_count + 1 < t.head.checkpoint_rows:
        t.head.checkpoint_count += 1
        at = t.head.checkpoint_count
    else:
        t.head.checkpoints_dropped += 1
        return
    c = &t.checkpoints[at]
    memset(c, 0, sizeof(LedgerCheckpoint))
    memcpy(c.position, p, sizeof(LedgerPosition))
    if p.first_lot:
        memcpy(c.lot, &t.lots[p.first_lot], sizeof(Lot))
    c.event = row
    c.previous = p.checkpoint
    p.checkpoint = at


cdef uint32_t go_back(LedgerTables *t, uint32_t position, uint32_t row, int alone) noexcept nogil:
    """Bring a position to its newest checkpoint before an event, or to nothing; return its next event."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef LedgerPosition now = p[0]
    cdef LedgerCheckpoint *c
    cdef uint32_t at, lot
    remove_lots(t, position)
    while p.checkpoint and (not alone or t.checkpoints[p.checkpoint].event >= row):
        at = p.checkpoint
        p.checkpoint = t.checkpoints[at].previous
        t.checkpoints[at].previous = t.head.free_checkpoint
        t.head.free_checkpoint = at
    now.checkpoint = p.checkpoint
    memset(p, 0, sizeof(LedgerPosition))
    at = now.first_event
    if now.checkpoint:
        c = &t.checkpoints[now.checkpoint]
        memcpy(p, c.position, sizeof(LedgerPosition))
        at = next_event(t, position, c.event)
        if p.lot_count:
            lot = new_lot(t)
            memcpy(&t.lots[lot], c.lot, sizeof(Lot))
            t.lots[lot].next = 0
            t.lots[lot].prev = 0
            t.lots[lot].child = 0
            t.lots[lot].sibling = 0
            p.first_lot = 0
            p.last_lot = 0
            p.heap = 0
            p.lot_count = 0
            insert_lot(t, position, lot)
        p.since_checkpoint = 0
    p.instrument = now.instrument
    p.account = now.account
    p.strategy = now.strategy
    if not (t.hold_unnamed and now.checkpoint):
        p.method = now.method
    p.own_method = now.own_method
    p.checkpoint = now.checkpoint
    p.first_event = now.first_event
    p.last_event = now.last_event
    p.first_date = now.first_date
    p.stamp = now.stamp
    p.next_of_family = now.next_of_family
    p.flags = (now.flags & POSITION_LINKED) | (p.flags & (POSITION_UNNAMED | POSITION_SKIPPED | RF_LEDGER_POSITION_MERGED))  # of what lies before it
    p.updated_seq = now.updated_seq
    p.mark_px[0] = now.mark_px[0]
    p.mark_px[1] = now.mark_px[1]
    p.marked_seq = now.marked_seq
    return at


cdef inline uint32_t join_family(LedgerTables *t, uint32_t last, uint32_t position) noexcept nogil:
    """Add a position, once, behind the last one of the family; return the last one."""
    if position == 0 or t.positions[position].stamp == t.head.stamp:
        return last
    t.positions[position].stamp = t.head.stamp
    t.positions[position].next_of_family = 0
    if last:
        t.positions[last].next_of_family = position
    return position


cdef uint32_t family_of(LedgerTables *t, uint32_t position, uint32_t other) noexcept nogil:
    cdef uint32_t last, at, row
    t.head.stamp += 1
    last = join_family(t, 0, position)
    last = join_family(t, last, other)
    at = position
    while at:
        row = t.positions[at].first_event if t.positions[at].flags & POSITION_LINKED else 0
        while row:
            last = join_family(t, last, t.events[row].position)
            last = join_family(t, last, t.events[row].other_position)
            row = next_event(t, at, row)
        at = t.positions[at].next_of_family
    return position


cdef void follow_its_method(LedgerTables *t, uint32_t row) noexcept nogil:
    """Let a flat position have the method that it took, or would have taken, at this event, so that rounds that are over are not judged by a later one."""
    cdef const LedgerEvent *e = &t.events[row]
    cdef int is_other = e.kind == RF_LEDGER_EVENT_KIND_TRANSFER or e.kind == RF_LEDGER_EVENT_KIND_SPIN_OFF
    cdef LedgerPosition *p = &t.positions[e.other_position if is_other else e.position]
    if e.method and rf_wide_load(p.qty) == 0 and not p.flags & POSITION_UNNAMED:
        p.method = e.method


cdef int book_anew(LedgerTables *t, uint32_t row) noexcept nogil:
    cdef LedgerEvent *e = &t.events[row]
    cdef int result
    if e.state == RF_LEDGER_EVENT_STATE_BUSTED:
        return RF_LEDGER_RESULT_BOOKED
    t.head.recomputed += 1
    if t.hold_unnamed:
        follow_its_method(t, row)
    result = apply(t, row)
    if t.hold_unnamed and e.kind == RF_LEDGER_EVENT_KIND_FILL:
        if result == RF_LEDGER_RESULT_AMBIGUOUS:
            set_state(t, row, RF_LEDGER_EVENT_STATE_HELD)
            t.positions[e.position].flags |= POSITION_UNNAMED
            return RF_LEDGER_RESULT_BOOKED
        set_state(t, row, RF_LEDGER_EVENT_STATE_BOOKED)
    if result != RF_LEDGER_RESULT_BOOKED:
        t.positions[e.position].flags |= POSITION_SKIPPED
    return result


cdef void keep_own_methods(LedgerTables *t, uint32_t position) noexcept nogil:
    """Flat positions have the method that an operator gave them, maybe since their last event."""
    cdef LedgerPosition *p
    while position:
        p = &t.positions[position]
        if p.own_method and rf_wide_load(p.qty) == 0 and not p.flags & POSITION_UNNAMED:
            p.method = p.own_method
        position = p.next_of_family


cdef int recompute(LedgerTables *t, uint32_t position, uint32_t other, uint32_t changed) noexcept nogil:
    """Book the events of these positions, and of those tied to them, once more: what follows their checkpoints before row ``changed``.

    OVERFLOW when a figure did not fit (the caller then undoes the change and recomputes), else BOOKED.
    """
    cdef uint32_t first = family_of(t, position, other), at = first, row = 0, last = t.head.event_count
    cdef int alone = t.positions[first].next_of_family == 0, result = RF_LEDGER_RESULT_BOOKED, was = t.replaying
    cdef uint64_t updated_seq = t.positions[first].updated_seq  # whoever changed something stamps it anew
    t.replaying = 1
    while at:
        touch(t, at)
        row = go_back(t, at, changed, alone)
        at = t.positions[at].next_of_family
    if alone:
        while row:
            if book_anew(t, row) == RF_LEDGER_RESULT_OVERFLOW:
                result = RF_LEDGER_RESULT_OVERFLOW
            after_event(t, first, row, updated_seq)
            row = next_event(t, first, row)
    else:
        for row in range(1, last + 1):
            if t.events[row].position and t.positions[t.events[row].position].stamp == t.head.stamp:
                if book_anew(t, row) == RF_LEDGER_RESULT_OVERFLOW:
                    result = RF_LEDGER_RESULT_OVERFLOW
    t.replaying = was
    keep_own_methods(t, first)
    return result


cdef void stamp_family(LedgerTables *t, uint32_t position, uint64_t seq) noexcept nogil:
    while position:
        if t.positions[position].updated_seq < seq:
            t.positions[position].updated_seq = seq
        position = t.positions[position].next_of_family
