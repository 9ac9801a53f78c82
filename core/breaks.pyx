"""Breaks: facts from outside that contradict the engine's state.

A break never stops anything: what can be booked has been booked when it is raised (S1), and the row tells an operator what did not fit.
The table is in the state region, written by the engine alone; ``break_count`` goes on counting when it is full. The first rows are kept, because the first
contradiction explains the later ones; the last quarter of the rows goes round then, so that the newest are seen too. Nothing is decided by a row: which
commands were refused is in EngineStatus (``refused``). Rejected: a ring that overwrites the oldest, a table that stands still when it is full.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset

from ringfence.core.dedupe cimport copy_text
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport RF_ORDER_BREAK, Break, Order, VenueEvent


cdef void raise_break(EngineState *s, uint8_t kind, Order *order, const VenueEvent *event, int64_t ours, int64_t theirs) noexcept nogil:
    cdef uint64_t row = s.engine.break_count + 1, newest
    cdef Break *b
    s.engine.break_count = row
    if order != NULL:
        order.flags |= <uint8_t>RF_ORDER_BREAK
    if row >= s.break_rows:
        newest = (s.break_rows + 2) // 4
        row = s.break_rows - newest + (row - s.break_rows) % newest
    b = &s.breaks[row]
    memset(b, 0, sizeof(Break))
    b.seq = s.engine.seq
    b.engine_ns = s.engine.engine_ns
    b.order_id = 0 if order == NULL else order.order_id
    b.venue = 0 if order == NULL else order.venue
    b.ours = ours
    b.theirs = theirs
    b.kind = kind
    if event != NULL:
        b.venue = event.venue
        copy_text(b.exec_id, event.exec_id, 40)
        copy_text(b.cl_ord_id, event.cl_ord_id, 24)
        copy_text(b.text, event.text, 64)


cdef void raise_daily(EngineState *s, uint8_t kind, Order *order, const VenueEvent *event, int64_t ours) noexcept nogil:
    cdef uint64_t row, rows = s.engine.break_count + 1 if s.engine.break_count + 1 < s.break_rows else s.break_rows
    for row in range(1, rows):
        if s.breaks[row].kind == kind and s.breaks[row].theirs == s.engine.day:
            return
    raise_break(s, kind, order, event, ours, s.engine.day)
