# The broadcast ring of broadcast.h and the market data region of market.h for Cython: cimport them, the functions inline. Contracts and bounds are in the
# headers. Own a Publisher or a Listener as long as you use its structs: it keeps the region mapped.
from libc.stdint cimport uint64_t

from ringfence.ipc.records cimport Quote, QuoteTick, RingCursor
from ringfence.ipc.segment cimport Segment

cdef extern from "broadcast.h" nogil:
    enum:
        RF_BROADCAST_LOST
        RF_BROADCAST_SLOT_BYTES

    ctypedef struct rf_broadcast_t:
        unsigned char *slots
        uint64_t *head
        uint64_t mask
        uint64_t position
        uint64_t lost

    void rf_broadcast_open(rf_broadcast_t *b, void *slots, uint64_t *head, uint64_t capacity, uint64_t position) noexcept
    uint64_t *rf_broadcast_slot(const rf_broadcast_t *b, uint64_t position) noexcept
    void *rf_broadcast_claim(rf_broadcast_t *b) noexcept
    void rf_broadcast_publish(rf_broadcast_t *b) noexcept
    void rf_broadcast_resume(rf_broadcast_t *b, void *slots, uint64_t *head, uint64_t capacity) noexcept
    int rf_broadcast_take(rf_broadcast_t *b, void *copy, uint64_t n, uint64_t *lost) noexcept
    uint64_t rf_broadcast_newest(const uint64_t *head) noexcept

cdef extern from "market.h" nogil:
    ctypedef struct rf_market_t:
        rf_broadcast_t ring
        Quote *quotes
        uint64_t rows

    void rf_market_resume(rf_market_t *m, void *slots, uint64_t *head, uint64_t capacity, Quote *quotes, uint64_t rows) noexcept
    uint64_t rf_market_publish(rf_market_t *m, const QuoteTick *tick) noexcept


cdef class Publisher:
    cdef rf_market_t market
    cdef readonly Segment segment


cdef class Listener:
    cdef rf_broadcast_t ring
    cdef readonly Segment segment
    cdef readonly Segment readers
    cdef RingCursor *cursor  # own row of the readers' region, NULL without one
    cdef void _settle(self) noexcept nogil
