# How far the incoming numbers of a session are in the journal on disk. Contracts here, whys in durable.pyx.
from libc.stdint cimport uint64_t

from ringfence.gateways.fix.store cimport store_t
from ringfence.ipc.ring cimport rf_ring_t

ctypedef struct durable_t:
    rf_ring_t journal   # the engine's journal ring, as an observer; slots NULL: not attached yet
    int state
    uint64_t position   # of the events ring: everything below next_in was published before it
    uint64_t next_in
    uint64_t lowered    # store_t.lowered at that time
    uint64_t seq        # a journal sequence at or above that of every event before position

# One look: moves at most one of its steps on. No system call. The caller's turn must be between two events.
cdef void durable_step(durable_t *d, store_t *s, const rf_ring_t *events, const uint64_t *persisted) noexcept nogil
# Watch a journal ring from here on.
cdef void durable_watch(durable_t *d, void *slots, uint64_t *head, uint64_t count, uint64_t slot_bytes) noexcept
