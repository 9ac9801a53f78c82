"""Lots of the ledger: allocation, order and what goes first, in a pool that is never grown.

    lot pool (one table) ── free rows: a list through ``next``, then rows never used
                         └─ per position: ``first_lot`` .. ``last_lot`` through ``next`` and ``prev``, in sequence order (rule 4: never by timestamp)
                                          ``heap``: pairing heap through ``child`` and ``sibling``, for HIFO and HIFO_MINGAIN only

FIFO takes the first, LIFO the last, HIFO the root: O(1) to open (a lot that comes by transfer walks to its place), O(1) per lot closed, O(log n) amortized
per lot of HIFO. The memory is the caller's (``LedgerTables``); nothing is allocated. Ranks are 128-bit unit values; ties go to the lowest sequence.

What can fail: the pool is full. Then dust is merged: in the position with the most lots, neighbours (in sequence order) that together hold the least become
one, at the older one's place, a sixteenth of its lots at once, so that a full pool costs a walk over the lots now and then, not at every fill; quantity and
cost are summed, so nothing is lost, and ``merged_lots`` counts it. A pool with more rows than there are positions always has such a pair. Rejected: an array
per position (must be moved when it grows); a sorted list for HIFO (O(n) to open).
"""

from libc.stdint cimport uint32_t
from libc.string cimport memset

from ringfence.core.wide cimport rf_wide_abs, rf_wide_load, rf_wide_store, wide_t
from ringfence.ipc.records cimport RF_LEDGER_METHOD_HIFO_MINGAIN, RF_LEDGER_POSITION_MERGED, LedgerPosition, Lot


cdef wide_t rank_of(const LedgerPosition *p, wide_t unit_value, int is_short) noexcept nogil:
    if is_short and p.method == RF_LEDGER_METHOD_HIFO_MINGAIN:
        return -unit_value
    return unit_value


cdef inline int goes_before(const Lot *a, const Lot *b) noexcept nogil:
    cdef wide_t left = rf_wide_load(a.rank), right = rf_wide_load(b.rank)
    return left > right or (left == right and a.seq < b.seq)


cdef inline uint32_t meld(LedgerTables *t, uint32_t a, uint32_t b) noexcept nogil:
    """Join two heaps; a root's sibling is 0."""
    cdef uint32_t swap
    if a == 0:
        return b
    if b == 0:
        return a
    if goes_before(&t.lots[b], &t.lots[a]):
        swap = a
        a = b
        b = swap
    t.lots[b].sibling = t.lots[a].child
    t.lots[a].child = b
    return a


cdef uint32_t without_root(LedgerTables *t, uint32_t root) noexcept nogil:
    """The heap of a root's children: joined in pairs from the left, then together from the right."""
    cdef uint32_t at = t.lots[root].child, pairs = 0, first, second, after, heap = 0
    while at:
        first = at
        second = t.lots[first].sibling
        after = 0
        if second:
            after = t.lots[second].sibling
            t.lots[second].sibling = 0
        t.lots[first].sibling = 0
        first = meld(t, first, second)
        t.lots[first].sibling = pairs
        pairs = first
        at = after
    while pairs:
        first = pairs
        pairs = t.lots[first].sibling
        t.lots[first].sibling = 0
        heap = meld(t, heap, first)
    return heap


cdef void rebuild_heap(LedgerTables *t, uint32_t position) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[position]
    cdef uint32_t row = p.first_lot
    p.heap = 0
    if not by_rank(p):
        return
    while row:
        t.lots[row].child = 0
        t.lots[row].sibling = 0
        p.heap = meld(t, p.heap, row)
        row = t.lots[row].next


cdef void free_row(LedgerTables *t, uint32_t row) noexcept nogil:
    memset(&t.lots[row], 0, sizeof(Lot))
    t.lots[row].next = t.head.free_lot
    t.head.free_lot = row
    t.head.open_lots -= 1


cdef void unlink_lot(LedgerTables *t, LedgerPosition *p, uint32_t row) noexcept nogil:
    cdef Lot *lot = &t.lots[row]
    if lot.prev:
        t.lots[lot.prev].next = lot.next
    else:
        p.first_lot = lot.next
    if lot.next:
        t.lots[lot.next].prev = lot.prev
    else:
        p.last_lot = lot.prev
    p.lot_count -= 1


cdef void remove_lot(LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[position]
    if p.heap:
        p.heap = without_root(t, p.heap)
    unlink_lot(t, p, row)
    free_row(t, row)


cdef void remove_lots(LedgerTables *t, uint32_t position) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[position]
    cdef uint32_t row
    while p.first_lot:
        row = p.first_lot
        p.first_lot = t.lots[row].next
        free_row(t, row)
    p.last_lot = 0
    p.heap = 0
    p.lot_count = 0


cdef inline wide_t size_with_next(const LedgerTables *t, uint32_t row) noexcept nogil:
    return rf_wide_abs(rf_wide_load(t.lots[row].qty)) + rf_wide_abs(rf_wide_load(t.lots[t.lots[row].next].qty))


cdef void merge_next(LedgerTables *t, LedgerPosition *p, uint32_t row) noexcept nogil:
    """Make one lot of this and the next, at this one's place."""
    cdef Lot *older = &t.lots[row]
    cdef uint32_t after = older.next
    cdef Lot *newer = &t.lots[after]
    rf_wide_store(older.qty, rf_wide_load(older.qty) + rf_wide_load(newer.qty))
    rf_wide_store(older.cost, rf_wide_load(older.cost) + rf_wide_load(newer.cost))
    rf_wide_store(older.cost_base, rf_wide_load(older.cost_base) + rf_wide_load(newer.cost_base))
    if rf_wide_load(newer.rank) > rf_wide_load(older.rank):
        rf_wide_store(older.rank, rf_wide_load(newer.rank))
    unlink_lot(t, p, after)
    free_row(t, after)
    t.head.merged_lots += 1


cdef void merge_dust(LedgerTables *t, uint32_t position) noexcept nogil:
    """Merge a sixteenth of the lots of a position that has two or more: walks that take pairs up to a size, which doubles from that of the least pair."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef uint32_t row = p.first_lot, left = p.lot_count // 16 if p.lot_count >= 16 else 1
    cdef wide_t size, limit = size_with_next(t, row)
    while t.lots[row].next:
        size = size_with_next(t, row)
        if size < limit:
            limit = size
        row = t.lots[row].next
    while left:
        row = p.first_lot
        while left and t.lots[row].next:
            if size_with_next(t, row) <= limit:
                merge_next(t, p, row)
                left -= 1
            else:
                row = t.lots[row].next
        limit += limit if limit else 1
    rebuild_heap(t, position)
    p.flags |= RF_LEDGER_POSITION_MERGED


cdef uint32_t most_lots(const LedgerTables *t) noexcept nogil:
    """The position with the most lots (of several the first), 0 when none has two."""
    cdef uint32_t row, best = 0, most = 1
    for row in range(1, t.head.position_count + 1):
        if t.positions[row].lot_count > most:
            most = t.positions[row].lot_count
            best = row
    return best


cdef int make_room(LedgerTables *t) noexcept nogil:
    cdef uint32_t row = most_lots(t)
    if row:
        merge_dust(t, row)
    return row != 0


cdef uint32_t new_lot(LedgerTables *t) noexcept nogil:
    cdef uint32_t row
    if spare_lots(t) == 0 and not make_room(t):
        return 0
    row = t.head.free_lot
    if row:
        t.head.free_lot = t.lots[row].next
        t.lots[row].next = 0
    else:
        t.head.lot_count += 1
        row = t.head.lot_count
    t.head.open_lots += 1
    return row


cdef void insert_lot(LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[position]
    cdef Lot *lot = &t.lots[row]
    cdef uint32_t before = p.last_lot
    while before and t.lots[before].seq > lot.seq:
        before = t.lots[before].prev
    lot.position = position
    lot.prev = before
    if before:
        lot.next = t.lots[before].next
        t.lots[before].next = row
    else:
        lot.next = p.first_lot
        p.first_lot = row
    if lot.next:
        t.lots[lot.next].prev = row
    else:
        p.last_lot = row
    p.lot_count += 1
    if by_rank(p):
        p.heap = meld(t, p.heap, row)
