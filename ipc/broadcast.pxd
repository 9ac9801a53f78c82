# The broadcast ring of broadcast.h for Cython: cimport it, the functions inline. Contracts and bounds are in the header.
from libc.stdint cimport uint64_t

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
