# The rows that a feed writes, as C sees them; POSTING and CHANGE are their dtypes.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

# One position's share of a booking. The amounts are money but for the last, and sum to zero without it; debit is positive.
cdef struct Posting:
    uint64_t seq
    uint64_t engine_ns
    uint64_t[14] amounts    # cost, cash, fee, pnl, income, equity, units; 128-bit, low word first
    uint32_t position
    uint32_t execution      # root
    uint32_t day            # days since 2000-01-01, as the next two: on which it was booked
    uint32_t trade_day      # of the trade that it is about
    uint32_t value_day
    uint32_t correction

# A trade that appeared, changed or is gone.
cdef struct Change:
    uint64_t seq
    uint64_t engine_ns
    uint64_t transact_ns
    uint64_t order_id
    int64_t qty
    int64_t px
    uint32_t execution      # root
    uint32_t row            # execution in force, or the last that was
    uint32_t instrument
    uint32_t position       # 0: no posting
    uint32_t day
    uint32_t trade_day
    uint32_t value_day
    uint16_t account
    uint16_t strategy
    uint16_t venue
    uint8_t side
    uint8_t kind            # LedgerEventKind: FILL, CORRECT, BUST
    uint8_t result          # LedgerResult; 0: nothing to book, the instrument is not known
    char[3] pad
    char[40] exec_id
    char[32] venue_order_id
