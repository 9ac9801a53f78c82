# The executions of each position, and figures of a moment that most busts lie behind.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Position

cdef enum:
    KEPT_BEHIND = 1024   # executions between the figures that are kept and the newest one
    CHAINED_EACH = 4096  # rows that one timer chains at most

# Put up to `most` executions that are not in histories yet behind those of their positions; amortised O(1) an execution.
cdef void chain_executions(EngineState *s, uint64_t most) noexcept nogil
# Figures of a position from its surviving executions, into `trial`: from those that are kept when they lie before row `changed`, else from the first.
# 1, or 0 when one does not fit; nothing else changes until `keep`.
cdef int from_executions(EngineState *s, uint64_t position, uint64_t changed, Position *trial) noexcept nogil
# The walk before held: keep the figures that it passed.
cdef void keep(EngineState *s, uint64_t position) noexcept nogil
# Keep nothing: executions of the position changed otherwise.
cdef void forget(EngineState *s, uint64_t position) noexcept nogil
# Apply what survives of an execution, given by the first of its corrections.
cdef int trade_again(Position *trial, const EngineState *s, uint64_t row) noexcept nogil
