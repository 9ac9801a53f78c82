# Chains of executions and of events of the ledger.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.core.lots cimport LedgerTables
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport LedgerEvent

# The execution that a chain of corrections begins with.
cdef uint32_t first_of(const EngineState *s, uint32_t row) noexcept nogil
# The execution that a chain of corrections ends with.
cdef uint32_t in_force_of(const EngineState *s, uint32_t row) noexcept nogil
# Whether an operator assigned a trade out of suspense, and this is its row there.
cdef int is_assigned(const EngineState *s, uint32_t row, uint64_t to) noexcept nogil
# Whether an event is a bust or correction of another.
cdef int refers(const LedgerEvent *e) noexcept nogil
# Whether an event, or what it refers to, names a position.
cdef int is_about(const LedgerTables *t, uint32_t row, uint32_t position) noexcept nogil
