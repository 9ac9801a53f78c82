# The rows that a feed writes, as C sees them; POSTING and CHANGE are their dtypes.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport wide_t
from ringfence.ipc.records cimport LedgerLeg, LedgerPosition

cdef enum:
    AMOUNTS_COUNT = 16
    LEGS_COUNT = 7          # of them in money: they sum to zero
    CASH_SUMS_BYTES = 64    # of CashBalance: its sums come first

# What one input did to one position: its legs (debit is positive), units, and differences of figures that are no legs.
cdef struct Posting:
    uint64_t seq
    uint64_t engine_ns
    uint64_t[32] amounts    # as AMOUNTS in ledger_rows.pyx names them; 128-bit, low word first
    uint32_t position
    uint32_t execution      # identity of what it is about, as in Change
    uint32_t day            # days since 2000-01-01, as the next one: on which it was booked
    uint32_t value_day
    uint32_t correction
    uint32_t venue          # 0: no venue took part, or it is not known
    int32_t base_unknown    # 1: from here on the figures in the firm's currency lack a rate; -1: not any more
    uint32_t pad

# A booking that appeared, changed or is gone, or that the ledger refused.
cdef struct Change:
    uint64_t seq
    uint64_t engine_ns
    uint64_t transact_ns
    uint64_t order_id
    int64_t qty
    int64_t px
    uint64_t[2] amount      # of what is no trade: received is positive, money scale
    uint64_t[2] fee         # by fee_kind: money, or units of what is traded
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
    uint8_t fee_kind        # LedgerFee; 0: no fee
    char[2] pad
    char[8] fee_currency    # as the report named it; empty: it did not; of what moves cash, the currency that it moves
    char[40] exec_id
    char[32] venue_order_id

# Which amount of a posting a leg is; -1 for the contra of units, which is understood.
cdef int column_of(const LedgerLeg *leg) noexcept nogil
# Write an amount; whether it is one.
cdef int put(Posting *p, int at, wide_t amount) noexcept nogil
# Fill in what no leg says; whether there is anything.
cdef int say_figures(Posting *p, const LedgerPosition *now, const LedgerPosition *was) noexcept nogil
# Append what changed in the balances since they were noted, and note them (`known`: table cash as it was then; days since 2000-01-01).
cdef void note_balances(const EngineState *s, uint8_t[::1] known, uint32_t execution, uint32_t value_day, list moves)

# Figures, keys and methods of every position, and the balances, as a bytearray.
cdef object bytes_of_books(const EngineState *s)
