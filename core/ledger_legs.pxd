# Figures that are derived, and the legs of the double entry.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.core.lots cimport LedgerTables
from ringfence.core.wide cimport wide_t
from ringfence.ipc.records cimport LedgerPosition

# Unrealized result at a price: 1, or 0 when it does not fit or there is no such value.
cdef int unrealized_at(const LedgerTables *t, uint32_t position, wide_t px, wide_t *out) noexcept nogil
# What the position's account has received in its settlement asset.
cdef wide_t cash_of(const LedgerTables *t, const LedgerPosition *p) noexcept nogil
# Remember the figures of a position, once per booking, before it changes them.
cdef void touch(LedgerTables *t, uint32_t position) noexcept nogil
# Write the legs of all touched positions.
cdef void say_legs(LedgerTables *t, uint64_t seq, int correction) noexcept nogil
