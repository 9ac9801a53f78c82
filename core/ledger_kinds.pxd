# What each kind of event does.
from libc.stdint cimport uint32_t

from ringfence.core.lots cimport LedgerTables
from ringfence.ipc.records cimport LedgerEvent

# The content in force of an event: its own, or that of its newest correction.
cdef const LedgerEvent *in_force(const LedgerTables *t, uint32_t row) noexcept nogil
# The same as apply for a FILL, which is most of all events.
cdef int apply_fill(LedgerTables *t, uint32_t row) noexcept nogil
# Do what the event in a row says to its positions; a LedgerResult.
cdef int apply(LedgerTables *t, uint32_t row) noexcept nogil
