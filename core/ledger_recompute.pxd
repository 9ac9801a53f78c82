# Chains, checkpoints, recomputation.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from ringfence.core.lots cimport LedgerTables
from ringfence.ipc.records cimport RF_LEDGER_CHECKPOINT_EVENTS, LedgerEvent, LedgerPosition

# Flags of LedgerPosition.flags beyond LEDGER_POSITION_MERGED.
cdef enum:
    POSITION_LINKED = 2          # events tie it to other positions: they are recomputed together
    POSITION_SKIPPED = 4         # a recomputation left an event out that no longer can be booked
    POSITION_UNNAMED = 8         # a close of it waits for the names of its lots

# The event that follows one in the chain of a position.
cdef inline uint32_t next_event(const LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil:
    cdef const LedgerEvent *e = &t.events[row]
    return e.next_of_position if e.position == position else e.next_of_other

# Stamp (head.stamp) and list (next_of_family) the positions that events tie to these two, the second may be 0; return the first.
cdef uint32_t family_of(LedgerTables *t, uint32_t position, uint32_t other) noexcept nogil
# Set the state of an event and count it in head.held while it is a fill that waits for names.
cdef void set_state(LedgerTables *t, uint32_t row, uint8_t state) noexcept nogil
# Put an event at its place, by row, among those of a position.
cdef void chain(LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil
# Put an event that was just booked behind those of its positions; other may be 0.
cdef inline void link_event(LedgerTables *t, uint32_t row, uint32_t position, uint32_t other) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[position]
    cdef LedgerEvent *last = &t.events[p.last_event]
    if last.position == position:  # row 0, of a position without events, has none
        last.next_of_position = row
        p.last_event = row
    else:
        chain(t, position, row)
    if other:
        chain(t, other, row)
        p.flags |= POSITION_LINKED
        t.positions[other].flags |= POSITION_LINKED

# Keep a position, which has at most one lot, as it is after an event.
cdef void save_checkpoint(LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil
# Stamp a position after an event; now and then, save a checkpoint.
cdef inline void after_event(LedgerTables *t, uint32_t position, uint32_t row, uint64_t seq) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[position]
    p.updated_seq = seq
    p.since_checkpoint += 1
    if p.since_checkpoint >= RF_LEDGER_CHECKPOINT_EVENTS and p.lot_count <= 1 and not p.flags & POSITION_LINKED:
        save_checkpoint(t, position, row)

# Book the events of one or two positions (other may be 0), and of those tied to them, once more; row `changed` is the first that differs.
# OVERFLOW when a figure did not fit: undo the change and recompute; else BOOKED.
cdef int recompute(LedgerTables *t, uint32_t position, uint32_t other, uint32_t changed) noexcept nogil
# Say that the positions which were just recomputed with this one have changed at a sequence.
cdef void stamp_family(LedgerTables *t, uint32_t position, uint64_t seq) noexcept nogil
