# Outputs: commands to gateways and events to strategies, numbered densely per destination.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState, Port
from ringfence.ipc.records cimport Intent, Order

# One command to the order's gateway, with the prices and quantity given (of the order, or of the replace asked for).
cdef void emit_command(
    EngineState *s, const Order *o, uint8_t kind, uint32_t revision, uint32_t orig_revision, int64_t px, int64_t stop_px, int64_t qty,
) noexcept nogil

# One event to the order's strategy; last_px and last_qty are 0 but for trades.
cdef void emit_event(EngineState *s, const Order *o, uint8_t kind, uint8_t reason, int64_t last_px, int64_t last_qty) noexcept nogil

# DENIED for an intent that became no order.
cdef void emit_denial(EngineState *s, uint16_t strategy, const Intent *intent, uint8_t reason) noexcept nogil

# Move queued outputs into the ring while there is room; 1 when the queue is empty.
cdef int drain(Port *port) noexcept nogil
