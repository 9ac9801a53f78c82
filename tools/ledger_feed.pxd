# The rows that a feed writes, as C sees them; POSTING and CHANGE are their dtypes.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

# What one input did to one position. The amounts are money but for the last, and sum to zero without it; debit is positive.
cdef struct Posting:
    uint64_t seq
    uint64_t engine_ns
    uint64_t[14] amounts    # cost, cash, fee, pnl, income, equity, units; 128-bit, low word first
    uint32_t position
    uint32_t execution      # identity of what it is about, as in Change
    uint32_t day            # days since 2000-01-01, as the next one: on which it was booked
    uint32_t value_day
    uint32_t correction
    uint32_t pad

# A booking that appeared, changed or is gone, or that the ledger refused.
cdef struct Change:
    uint64_t seq
    uint64_t engine_ns
    uint64_t transact_ns
    uint64_t order_id
    int64_t qty
    int64_t px
    uint32_t execution      # its identity: row of the first execution of the chain, or WITHOUT_ROW | ...
    uint32_t row            # execution in force, or the last that was; 0: it has no row
    uint32_t instrument
    uint32_t position       # 0: no posting
    uint32_t day
    uint32_t trade_day
    uint32_t value_day
    uint16_t account
    uint16_t strategy
    uint16_t venue
    uint8_t side
    uint8_t kind            # LedgerEventKind
    uint8_t result          # LedgerResult; 0: the ledger was not asked (the instrument is not known, the position table is full)
    char[3] pad
    char[40] exec_id
    char[32] venue_order_id
