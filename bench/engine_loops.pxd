# Messages that the benches' loops send to the engine.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.ipc.ring cimport rf_ring_t

# A limit order of 10 of instrument 1; odd client_ids buy, below where even ones sell. 0: the ring is full.
cdef int put_intent(rf_ring_t *ring, uint64_t client_id, uint32_t epoch, uint64_t now, uint64_t origin) noexcept nogil
