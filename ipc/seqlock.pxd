# Sequence lock of seqlock.h for Cython.
from libc.stdint cimport uint64_t

cdef extern from "seqlock.h" nogil:
    void rf_seqlock_write_begin(uint64_t *version) noexcept
    void rf_seqlock_write_end(uint64_t *version) noexcept
    uint64_t rf_seqlock_read_begin(const uint64_t *version) noexcept
    int rf_seqlock_read_valid(const uint64_t *version, uint64_t begun) noexcept
    int rf_seqlock_copy(const void *record, void *copy, size_t n, unsigned tries) noexcept
