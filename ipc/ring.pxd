# The ring of ring.h for Cython: cimport it, the functions inline. Contracts and bounds are in the header.
from libc.stdint cimport int64_t, uint64_t

cdef extern from "ring.h" nogil:
    enum:
        RF_RING_OK
        RF_RING_EMPTY
        RF_RING_FULL
        RF_RING_GARBAGE

    ctypedef struct rf_ring_t:
        unsigned char *slots
        uint64_t *head
        uint64_t *tail
        uint64_t mask
        uint64_t slot_bytes
        uint64_t position
        uint64_t remote
        uint64_t pending
        uint64_t settled
        uint64_t lag_max

    void rf_ring_open(rf_ring_t *r, void *slots, uint64_t *head, uint64_t *tail, uint64_t capacity, uint64_t slot_bytes, uint64_t position) noexcept
    unsigned char *rf_ring_slot(const rf_ring_t *r, uint64_t position) noexcept
    int64_t rf_ring_room(rf_ring_t *r, uint64_t want) noexcept
    void *rf_ring_claim(rf_ring_t *r, uint64_t ahead, int *result) noexcept
    void rf_ring_settle(rf_ring_t *r) noexcept
    void rf_ring_publish(rf_ring_t *r, uint64_t n) noexcept
    int rf_ring_poll(const rf_ring_t *r) noexcept
    const void *rf_ring_front(const rf_ring_t *r) noexcept
    void rf_ring_advance(rf_ring_t *r) noexcept
    void rf_ring_release(rf_ring_t *r) noexcept
    int rf_ring_take(rf_ring_t *r, void *copy, uint64_t n) noexcept
    uint64_t rf_ring_walk(const rf_ring_t *r, uint64_t position) noexcept
    int rf_ring_resume_producer(rf_ring_t *r, void *slots, uint64_t *head, uint64_t *tail, uint64_t capacity, uint64_t slot_bytes) noexcept
    int rf_ring_resume_consumer(rf_ring_t *r, void *slots, uint64_t *head, uint64_t *tail, uint64_t capacity, uint64_t slot_bytes) noexcept
    void rf_ring_skip_to(rf_ring_t *r, uint64_t position) noexcept
