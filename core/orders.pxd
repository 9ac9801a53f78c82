# The order table: making, finding and settling orders. Callers have validated what they pass.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport RF_FLATTEN_CLIENT_ID, Intent, Order, Request, VenueEvent

cdef enum:
    KEEP = 253
    BY_QUANTITY = 254
    FILLED_OR_KEEP = 255

# Result of the state table for a base status and a venue event, 0 when it has no row.
cdef uint8_t transition(uint8_t base_status, uint8_t event_kind) noexcept nogil
cdef int is_terminal(uint8_t ord_status) noexcept nogil
# Move the base status by the table; without a row `fact` (a status or a result) is applied where quantities allow, and a break raised.
# Does not settle.
cdef void advance(EngineState *s, Order *o, const VenueEvent *event, uint8_t kind, uint8_t fact) noexcept nogil

# The row after the last one becomes an order, which the caller completes and settles; NULL when the table or its index is full.
cdef Order *create_order(EngineState *s, uint16_t strategy, const Intent *intent, uint16_t account, uint16_t route, uint16_t venue) noexcept nogil
cdef uint64_t terms_hash(const Intent *intent) noexcept nogil
# 1 when the client_id is one that the engine keeps for orders of its own, which flatten a position.
cdef inline int is_engines(uint64_t client_id) noexcept nogil:
    return (client_id >> 32 & RF_FLATTEN_CLIENT_ID) != 0

# Derive LeavesQty, the shown status and the open list from base status, quantities and requests in flight. After every change of those.
cdef void settle(EngineState *s, Order *o) noexcept nogil
# New, PartiallyFilled or Filled.
cdef uint8_t status_by_quantity(const Order *o) noexcept nogil

# Requests in flight: any number an order, each in a row of its own. request_* takes the next revision and sends; the caller has asked request_room.
cdef void request_cancel(EngineState *s, Order *o) noexcept nogil
cdef void request_replace(EngineState *s, Order *o, int64_t px, int64_t stop_px, int64_t qty) noexcept nogil
# 1 when there is a row for another request; a first cancel of an order always finds one.
cdef int request_room(const EngineState *s, const Order *o, int cancel) noexcept nogil
# The request in flight with this revision, NULL when there is none.
cdef Request *find_request(EngineState *s, const Order *o, uint32_t revision) noexcept nogil
# Resolve one, however it was answered; all cancels. The caller settles.
cdef void end_request(EngineState *s, Order *o, Request *r) noexcept nogil
cdef void end_cancels(EngineState *s, Order *o) noexcept nogil
# A status request, unless one is on its way, the session is down or the gateway is stalled.
cdef void request_status(EngineState *s, Order *o) noexcept nogil
# Raise REQUEST_UNANSWERED for each request that has become overdue, UNKNOWN_OUTCOME for a status request that has.
cdef void report_overdue(EngineState *s, Order *o) noexcept nogil
# 1 when a cancel is in flight whose answer is not overdue.
cdef int cancel_awaited(const EngineState *s, const Order *o) noexcept nogil
# Cancel every open order of a strategy that awaits no cancel; instrument, account and venue 0 mean any. Returns how many could not be asked for.
cdef uint64_t cancel_open(EngineState *s, uint16_t strategy, uint32_t instrument, uint16_t account, uint16_t venue) noexcept nogil
# 1 while the gateway may still be given cancels: bounds its queue while it is stalled.
cdef int may_cancel(const EngineState *s, const Order *o) noexcept nogil

# 1 when the report carries a whole OrderID: one that was cut names nothing, and NONE is FIX's word for no order (R8).
cdef int has_order_id(const VenueEvent *event) noexcept nogil
# The order and revision that a report names, by ClOrdID, OrigClOrdID or OrderID; NULL when it is none of ours.
cdef Order *match_order(EngineState *s, const VenueEvent *event, uint32_t *revision) noexcept nogil
