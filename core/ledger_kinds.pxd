# What each kind of event does.
from libc.stdint cimport uint32_t

from ringfence.core.lots cimport LedgerTables

# Do what the event in a row says to its positions; a LedgerResult.
cdef int apply(LedgerTables *t, uint32_t row) noexcept nogil
