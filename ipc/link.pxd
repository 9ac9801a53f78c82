# Both directions between the engine and one peer. Own a Link as long as you use its structs: it keeps both regions mapped.
from libc.stdint cimport uint64_t

from ringfence.ipc.ring cimport rf_ring_t
from ringfence.ipc.segment cimport Segment


cdef class Link:
    cdef rf_ring_t outbound              # valid when has_outbound: my slots, their tail
    cdef rf_ring_t inbound               # valid when has_inbound: their slots, my tail
    cdef uint64_t *my_mark               # store with release
    cdef const uint64_t *their_mark_word  # load with acquire (Python: Link.their_mark)
    cdef readonly bint has_outbound
    cdef readonly bint has_inbound
    cdef readonly bint trusted
    cdef readonly Segment mine
    cdef readonly Segment theirs
