# Contradictions: one row each, kept for an operator; the count goes on when the table is full, and the newest have the last quarter of it.
from libc.stdint cimport int64_t, uint8_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Order, VenueEvent

# `order` and `event` may be NULL.
cdef void raise_break(EngineState *s, uint8_t kind, Order *order, const VenueEvent *event, int64_t ours, int64_t theirs) noexcept nogil
# The same for what may go on all day: once a trading day, which is its `theirs`; again when the table has lost the first. Walks the table.
cdef void raise_daily(EngineState *s, uint8_t kind, Order *order, const VenueEvent *event, int64_t ours) noexcept nogil
