# Outputs: commands to gateways and events to strategies, numbered densely per destination.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState, Port
from ringfence.ipc.records cimport Execution, Intent, Order

# A mass cancel's ClOrdID is that of an order that can never be: the highest number, and down from there.
cdef uint64_t FIRST_MASS_CANCEL_ID

# One command to the order's gateway, with the prices and quantity given (of the order, or of the replace asked for).
cdef void emit_command(
    EngineState *s, const Order *o, uint8_t kind, uint32_t revision, uint32_t orig_revision, int64_t px, int64_t stop_px, int64_t qty,
) noexcept nogil

# Cancel everything at a venue, or everything of one instrument (0: all).
cdef void emit_mass_cancel(EngineState *s, uint16_t venue, uint32_t instrument) noexcept nogil
# Refuse an execution; its amounts travel as display_qty (LastShares) and px (LastPx), qty is OrderQty or 0.
cdef void emit_dont_know(EngineState *s, const Execution *x, uint8_t reason) noexcept nogil

# One event to the order's strategy; last_px and last_qty are 0 but for trades.
cdef void emit_event(EngineState *s, const Order *o, uint8_t kind, uint8_t reason, int64_t last_px, int64_t last_qty) noexcept nogil

# DENIED for an intent that became no order.
cdef void emit_denial(EngineState *s, uint16_t strategy, const Intent *intent, uint8_t reason) noexcept nogil

# Move queued outputs into the ring while there is room; 1 when the queue is empty.
cdef int drain(Port *port) noexcept nogil
