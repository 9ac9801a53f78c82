# The engine's ledger: what executions do to it. Figures are those of docs/ledger.md.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Instrument, LedgerEvent, Order, VenueEvent

# 1 when the ledger can value an instrument defined so: its scales fit, and nothing is booked in it by another scale.
cdef int can_value(const EngineState *s, const Instrument *image) noexcept nogil
# Let the ledger value an instrument as its row says now; currencies that came later included.
cdef void keep_valuation(EngineState *s, const Instrument *row) noexcept nogil

# An event of this kind now, at the rate of the moment; what it says is the caller's to fill in.
cdef void begin(const EngineState *s, uint8_t kind, uint32_t instrument, LedgerEvent *e) noexcept nogil

# The ledger's event for an execution; of a correction that it refused, that of what was to be corrected. 0: it has none of them.
cdef uint32_t event_of(const EngineState *s, uint64_t row) noexcept nogil
# The cost method that a position takes at a trade now, if it is flat: its account's.
cdef uint8_t follow_method(EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil
# Book an execution of this row (0: none, the table is full) with the commission of its report; what is refused is a break.
cdef void book_execution(
    EngineState *s, Order *order, const VenueEvent *event, uint64_t row, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t signed_qty,
    int64_t px,
) noexcept nogil
# Let what `row` (0: none) says stand in the place of the execution in row `named`.
cdef void book_correction(
    EngineState *s, Order *order, const VenueEvent *event, uint64_t named, uint64_t row, int64_t signed_qty, int64_t px,
) noexcept nogil
# Let the execution in row `named` never have happened.
cdef void book_bust(EngineState *s, Order *order, const VenueEvent *event, uint64_t named) noexcept nogil
# Book what was in row `named`, in suspense, for its owner instead, under the row that stands for it now; with its commission.
cdef void book_assignment(
    EngineState *s, Order *order, const VenueEvent *event, uint64_t named, uint64_t row, uint16_t account, uint16_t strategy, int64_t signed_qty, int64_t px,
) noexcept nogil
