"""The ledger's indexes: positions by account, strategy and instrument; events by their identity.

Open addressing with linear probing over ``slots`` words that hold rows, never more than half full; every find compares the whole key. The slot of an
identity holds the event that has it, or, with WAITS, the first of the busts and corrections that wait for it. Nothing is ever removed but positions that a
refused event has made, which were the last to enter. The memory is the caller's; what can fail is a full table (row 0), never an index.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.lots cimport LedgerTables
from ringfence.ipc.records cimport RF_LEDGER_METHOD_FIFO, LedgerPosition


cdef uint32_t find_position(const LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil:
    return t.by_position[position_slot(t, account, strategy, instrument)]


cdef uint32_t find_event(const LedgerTables *t, uint64_t key) noexcept nogil:
    cdef uint32_t word = t.by_key[key_slot(t, key)] if key else 0
    return 0 if word & WAITS else word


cdef uint32_t add_position(LedgerTables *t, uint32_t slot, uint16_t account, uint16_t strategy, uint32_t instrument, uint8_t method) noexcept nogil:
    cdef uint32_t row = t.head.position_count + 1
    cdef LedgerPosition *p
    if row >= t.head.position_rows:
        return 0
    t.head.position_count = row
    t.by_position[slot] = row
    p = &t.positions[row]
    memset(p, 0, sizeof(LedgerPosition))
    p.instrument = instrument
    p.account = account
    p.strategy = strategy
    p.method = method if method else RF_LEDGER_METHOD_FIFO
    return row


cdef void drop_positions_above(LedgerTables *t, uint32_t count) noexcept nogil:
    """Take back the positions that a refused event has made; they were the last to enter the index."""
    cdef LedgerPosition *p
    while t.head.position_count > count:
        p = &t.positions[t.head.position_count]
        t.by_position[position_slot(t, p.account, p.strategy, p.instrument)] = 0
        memset(p, 0, sizeof(LedgerPosition))
        t.head.position_count -= 1
