# Compiled replay of ticks into the market data ring.
from libc.stdint cimport int64_t, uint64_t

from ringfence.ipc.broadcast cimport Publisher
from ringfence.ipc.clock cimport Clock
from ringfence.ipc.records cimport QuoteTick

cdef struct tape_t:
    const QuoteTick *slots
    uint64_t count
    uint64_t at
    uint64_t lap_ns   # tape time before this lap
    uint64_t span_ns  # of one lap


cdef class Player:
    cdef Publisher publisher
    cdef Clock clock
    cdef tape_t *tapes
    cdef int64_t tape_count
    cdef list arrays          # own the slots
    cdef uint64_t start_ns
    cdef uint64_t numerator   # speed; 0: each tick is due at once
    cdef uint64_t denominator
    cdef bint loop
    cdef uint64_t _due(self, const tape_t *tape) noexcept nogil
    cdef tape_t *_next(self) noexcept nogil
