# Names of lots that come after the close that they are for (SPEC in the engine).
from libc.stdint cimport uint32_t

from ringfence.core.lots cimport LedgerTables

# Book a name, in row `row`, which has one pick and ref_key: the close. A LedgerResult; all but BOOKED changed nothing.
cdef int book_name(LedgerTables *t, uint32_t row) noexcept nogil
# The name in row `row` was taken back: let its close have those that are left, when they add up, else none. BOOKED, or OVERFLOW: it was undone.
cdef int take_name_back(LedgerTables *t, uint32_t row) noexcept nogil
# Whether the event in a row is a close that waits for its names: it has its place, and no figure has it.
cdef int is_unnamed(const LedgerTables *t, uint32_t row) noexcept nogil
