# Entries that name the lots of a close (SPEC).
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport LedgerEntry, LedgerEvent

# Whether a name can be, as far as it is seen without trying it: a LedgerResult. The rest is the ledger's to judge (core/ledger_names.pyx).
cdef int judge_name(const EngineState *s, const LedgerEntry *entry) noexcept nogil
# Fill in what an event of a name has beyond other entries.
cdef void name_of(const EngineState *s, const LedgerEntry *entry, LedgerEvent *e) noexcept nogil
# Book it with its row of picks; a LedgerResult, all but BOOKED changed nothing.
cdef int enter_name(EngineState *s, const LedgerEntry *entry, const LedgerEvent *e) noexcept nogil
