# Entries: ledger events that are no executions, commanded by people.
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport LedgerEntry

# The identity in the ledger of what a reference names, apart from those of executions.
cdef uint64_t key_of(const LedgerEntry *entry) noexcept nogil
# 1 when account, strategy and instrument exist and the ledger can value the instrument.
cdef int is_of_known(const EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil
# What is booked under its reference: row of ledger_events, negative when it was busted, 0: nothing. What an approval may not find changed.
cdef int64_t entry_state(const EngineState *s, const LedgerEntry *entry) noexcept nogil
# 1 when it could be booked now; else the break LEDGER_REFUSED says why.
cdef int can_book_entry(EngineState *s, const LedgerEntry *entry) noexcept nogil
# Book it, into ledger and positions: 1; or nothing has changed, and the break LEDGER_REFUSED says why.
cdef int book_entry(EngineState *s, const LedgerEntry *entry) noexcept nogil
