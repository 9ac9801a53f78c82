# Positions by account, strategy and instrument; events by identity.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.lots cimport LedgerTables

# In a word of by_key: the row is of the first bust or correction that waits for the identity, not of the event that has it.
cdef enum:
    WAITS = 0x80000000

# The slot of a position in by_position, or the free one where it would be.
cdef uint32_t position_slot(const LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil
# The slot of an identity in by_key: of the event that has it, or the first that waits for it, or a free one.
cdef uint32_t key_slot(const LedgerTables *t, uint64_t key) noexcept nogil
# Row of the position, or 0.
cdef uint32_t find_position(const LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil
# Row of the event of this identity, or 0.
cdef uint32_t find_event(const LedgerTables *t, uint64_t key) noexcept nogil
# Row of the position, made if need be with this method; 0: the table is full.
cdef uint32_t find_or_add(LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument, uint8_t method) noexcept nogil
# Take back the positions above a row, which must be the last that were made.
cdef void drop_positions_above(LedgerTables *t, uint32_t count) noexcept nogil
