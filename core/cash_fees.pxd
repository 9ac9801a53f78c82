# Fees that trades pay in another currency than they settle in.
from libc.stdint cimport uint16_t, uint32_t

from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport wide_t
from ringfence.ipc.records cimport RF_LEDGER_FEE_ELSEWHERE, LedgerEvent, Order, VenueEvent

# What a trade pays so; currency 0: nothing.
ctypedef struct Payment:
    wide_t amount
    wide_t base              # its figure in the firm's currency, as the position's fees have it
    uint32_t row             # of the trade's first event
    uint16_t account
    uint16_t currency
    uint16_t settle          # what the trade settles in; 0: no currency
    int known                # 1: there is a base figure

# Whether an event may change what a trade pays so.
cdef inline int may_pay(const LedgerEvent *e) noexcept nogil:
    return e.ref_key != 0 or e.fee_kind == RF_LEDGER_FEE_ELSEWHERE

# What the trade pays now that an event, which is not booked yet, is about.
cdef void paid_before(const EngineState *s, const LedgerEvent *e, Payment *p) noexcept nogil
# The event is booked: bring the balances from what the trade paid to what it pays.
cdef void follow_payment(EngineState *s, Order *order, const VenueEvent *event, const Payment *before) noexcept nogil
