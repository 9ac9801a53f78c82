# Positions by account, strategy and instrument; events by identity.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.dedupe cimport mix
from ringfence.core.lots cimport LedgerTables
from ringfence.ipc.records cimport LedgerEvent

# In a word of by_key: the row is of the first bust or correction that waits for the identity, not of the event that has it.
cdef enum:
    WAITS = 0x80000000

# The slot of a position in by_position, or the free one where it would be. The three fields lie side by side in a position: one word compares them.
cdef inline uint32_t position_slot(const LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil:
    cdef uint64_t identity = instrument | <uint64_t>account << 32 | <uint64_t>strategy << 48
    cdef uint32_t mask = t.head.slots - 1, slot = <uint32_t>(mix(identity, 1) >> 7) & mask, row = t.by_position[slot]
    while row != 0 and (<const uint64_t *>&t.positions[row].instrument)[0] != identity:
        slot = (slot + 1) & mask
        row = t.by_position[slot]
    return slot

# The slot of an identity in by_key: of the event that has it, or the first that waits for it, or a free one.
cdef inline uint32_t key_slot(const LedgerTables *t, uint64_t key) noexcept nogil:
    cdef uint32_t mask = t.head.slots - 1, slot = <uint32_t>(mix(key, 1) >> 7) & mask, word = t.by_key[slot]
    while word != 0 and (t.events[word & ~WAITS].ref_key if word & WAITS else t.events[word].key) != key:
        slot = (slot + 1) & mask
        word = t.by_key[slot]
    return slot

# Row of the position, or 0.
cdef uint32_t find_position(const LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil
# Row of the event of this identity, or 0.
cdef uint32_t find_event(const LedgerTables *t, uint64_t key) noexcept nogil
# Enter a position, which is not there, with this method; its row, 0: the table is full.
cdef uint32_t add_position(LedgerTables *t, uint32_t slot, uint16_t account, uint16_t strategy, uint32_t instrument, uint8_t method) noexcept nogil
# Row of the position, made if need be with this method; 0: the table is full.
cdef inline uint32_t find_or_add(LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument, uint8_t method) noexcept nogil:
    cdef uint32_t slot = position_slot(t, account, strategy, instrument), row = t.by_position[slot]
    return row if row else add_position(t, slot, account, strategy, instrument, method)
# The content in force of an event: its own, or that of its newest correction.
cdef inline const LedgerEvent *in_force(const LedgerTables *t, uint32_t row) noexcept nogil:
    return &t.events[t.events[row].newest if t.events[row].newest else row]
# Take back the positions above a row, which must be the last that were made.
cdef void drop_positions_above(LedgerTables *t, uint32_t count) noexcept nogil
