# The ledger's inputs: booking an event, busts and corrections, the legs of the double entry.
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from ringfence.core.lots cimport LedgerTables
from ringfence.core.wide cimport wide_t
from ringfence.ipc.records cimport LedgerEvent, LedgerPosition

# Flags of LedgerPosition.flags beyond LEDGER_POSITION_MERGED.
cdef enum:
    POSITION_LINKED = 2          # events tie it to other positions: they are recomputed together
    POSITION_SKIPPED = 4         # a recomputation left an event out that no longer can be booked

# Book one event and answer a LedgerResult; the event's rows and links are filled in by the ledger. Where legs and closings are wanted, those of
# this booking replace the ones before. O(1) and O(lots touched); a bust or correction walks the position's events since its checkpoint.
cdef int book(LedgerTables *t, const LedgerEvent *e) noexcept nogil

# Row of the position, or 0.
cdef uint32_t find_position(const LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil
# Row of the event of this identity, or 0.
cdef uint32_t find_event(const LedgerTables *t, uint64_t key) noexcept nogil
# The content in force of a booked event.
cdef const LedgerEvent *in_force(const LedgerTables *t, uint32_t row) noexcept nogil
# Unrealized result at a price: 1, or 0 when it does not fit or there is no such value.
cdef int unrealized_at(const LedgerTables *t, uint32_t position, wide_t px, wide_t *out) noexcept nogil
# What the position's account has received in its settlement asset.
cdef wide_t cash_of(const LedgerTables *t, const LedgerPosition *p) noexcept nogil
# Set the method of a position, made if need be; only when flat.
cdef int set_method(LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument, int method) noexcept nogil
