# The ledger's way in.
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from ringfence.core.lots cimport LedgerTables
from ringfence.ipc.records cimport RF_LEDGER_EVENT_KIND_CONVERSION, RF_LEDGER_EVENT_KIND_DEPOSIT, RF_LEDGER_EVENT_KIND_WITHDRAWAL, LedgerEvent

# Whether a kind of event moves money of an account and has no position.
cdef inline int moves_cash(uint8_t kind) noexcept nogil:
    return kind == RF_LEDGER_EVENT_KIND_DEPOSIT or kind == RF_LEDGER_EVENT_KIND_WITHDRAWAL or kind == RF_LEDGER_EVENT_KIND_CONVERSION


# Book one event and answer a LedgerResult; rows and links of the event are filled in here. Where legs and closings are wanted, those of this
# booking replace the ones before (with `keep`, legs are those of all bookings since the caller set touched_count and refusal_count to 0).
# O(1) and O(lots touched); a bust or correction walks the position's events since its checkpoint.
cdef int book(LedgerTables *t, const LedgerEvent *source) noexcept nogil
# Set the method of a position, made if need be; only when flat.
cdef int set_method(LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument, int method) noexcept nogil
