/* Sequence lock: one writer publishes a small record, any number of readers copy it without stopping the writer.
 *
 * The record's first word is its version: odd while it is being written. The writer never waits; a reader tries again when the
 * version was odd or changed under its copy. A writer that dies inside leaves the version odd: readers give up after a
 * bounded number of tries, and the writer that takes over begins from there.
 */
#ifndef RF_SEQLOCK_H
#define RF_SEQLOCK_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Begin: the version becomes odd before any byte of the record changes. */
static inline void rf_seqlock_write_begin(uint64_t *version) {
    uint64_t v = __atomic_load_n(version, __ATOMIC_RELAXED);
    __atomic_store_n(version, v | 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

/* End: every byte of the record is visible before the version becomes even. */
static inline void rf_seqlock_write_end(uint64_t *version) {
    uint64_t v = __atomic_load_n(version, __ATOMIC_RELAXED);
    __atomic_store_n(version, v + 1, __ATOMIC_RELEASE);
}

/* Version to compare with later; odd: being written, do not copy. */
static inline uint64_t rf_seqlock_read_begin(const uint64_t *version) { return __atomic_load_n(version, __ATOMIC_ACQUIRE); }

/* True when what was copied since read_begin is one whole record. */
static inline int rf_seqlock_read_valid(const uint64_t *version, uint64_t begun) {
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return !(begun & 1) && __atomic_load_n(version, __ATOMIC_RELAXED) == begun;
}

/* Copy a record of n bytes whose first word is its version. 1: whole; 0: still being written after `tries`. */
static inline int rf_seqlock_copy(const void *record, void *copy, size_t n, unsigned tries) {
    const uint64_t *version = (const uint64_t *)record;
    while (tries--) {
        uint64_t begun = rf_seqlock_read_begin(version);
        if (begun & 1) continue;
        memcpy(copy, record, n);
        if (rf_seqlock_read_valid(version, begun)) return 1;
    }
    return 0;
}
#endif
