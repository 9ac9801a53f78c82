# The sidecar's end of the journal ring.
from libc.stdint cimport uint64_t

from ringfence.ipc.link cimport Link

ctypedef struct rf_batch_t:
    uint64_t bytes
    uint64_t frames
    uint64_t skipped
    uint64_t next_seq
    uint64_t found   # the sequence that cannot be
    int state        # rf_ring_result, or one of journal_ring.pyx


cdef class JournalRing:
    cdef Link link
    cdef readonly object next_seq  # sequence of the next frame to be taken, 0 before the first

    cdef str _explain(self, rf_batch_t *b)
