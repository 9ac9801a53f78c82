# Entries of money: deposits, withdrawals, conversions. They have no position.
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport LedgerEntry, LedgerEvent

# Whether it can be booked, a LedgerResult, and the event that it makes (all but its identity).
cdef int cash_event_of(const EngineState *s, const LedgerEntry *entry, LedgerEvent *e) noexcept nogil
# Whether what a booked event did can be taken out again: a LedgerResult.
cdef int can_take_back(const EngineState *s, const LedgerEvent *e) noexcept nogil
# Bring an event into the balances, or (taken_back) out of them: what the two above have allowed.
cdef void move_cash(EngineState *s, const LedgerEvent *e, int taken_back) noexcept nogil
