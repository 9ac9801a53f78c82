# Reservations: what open orders and positions take up of their scopes' limits. Sums are kept from the first limit on (EngineStatus.counting).
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Instrument, LedgerEvent, LimitChange, Order, Scope, ScopeSet

# The most that may still trade of an order: LeavesQty, or that of a replace in flight when it asks for more; 0 when it is over.
cdef int64_t open_qty(const EngineState *s, const Order *o) noexcept nogil
# The highest price of an order and of its replaces in flight: what its amount is reserved at.
cdef int64_t worst_px(const EngineState *s, const Order *o) noexcept nogil
# Bring the order's scopes up to date after any change of it. Called by settle alone.
cdef void reserve(EngineState *s, Order *o, int open_now) noexcept nogil
# A new order takes its share of all of its scopes, and their message clocks move on. The checks have seen that no sum of amounts can overflow.
cdef void take_up(EngineState *s, const ScopeSet *scopes, Order *o, int64_t amount, int64_t margin) noexcept nogil
# A replace goes out: its scopes' message clocks move on.
cdef void send_replace(EngineState *s, const ScopeSet *scopes) noexcept nogil
# Bring a position's scopes up to date after a trade, a correction or a mark.
cdef void revalue(EngineState *s, uint64_t position) noexcept nogil
# The same, but no scope is judged by its loss: more positions change in this input, or their prices are still those of before.
cdef void revalue_unjudged(EngineState *s, uint64_t row) noexcept nogil
# The same of a position that has just traded: what it adds to equity stays, until weigh_booked says that the ledger has the trade.
cdef void revalue_traded(EngineState *s, uint64_t row) noexcept nogil
# The last booking of the ledger, made from `source`, changed what positions add to equity; of a fill also one that the ledger refused.
cdef void weigh_booked(EngineState *s, const LedgerEvent *source) noexcept nogil
# Let what an entry changed of a position's gain be no profit or loss of this day; before it is revalued.
cdef void keep_day_profit(EngineState *s, uint64_t row) noexcept nogil
# Every position of an instrument, after a mark.
cdef void revalue_instrument(EngineState *s, uint32_t instrument) noexcept nogil
# Count a trade into the day's turnover (and short sales) of its scopes; o: of which order, NULL when it is of none of ours.
cdef void count_trade(
    EngineState *s, Order *o, uint16_t account, uint16_t strategy, uint16_t venue, uint32_t instrument, uint8_t side, int64_t qty, int64_t px,
) noexcept nogil
# The same of a trade that is corrected: what it is more than it was. A correction downwards gives nothing back, like a bust.
cdef void count_correction(
    EngineState *s, Order *o, uint16_t account, uint16_t strategy, uint16_t venue, uint32_t instrument, uint8_t side, int64_t was_qty, int64_t was_px,
    int64_t qty, int64_t px,
) noexcept nogil
# Take back what the day counted of a trade in suspense, before it is counted for its owner; never below 0: the day may have rolled since.
cdef void uncount_suspense(EngineState *s, uint16_t account, uint16_t venue, uint32_t instrument, uint8_t side, int64_t qty, int64_t px) noexcept nogil
# The price of an order, or of a replace in flight, that would trade first: the highest of a buy, the lowest of a sale; without a limit any price.
cdef int64_t keenest_px(const EngineState *s, const Order *o) noexcept nogil
# A cancel goes out, or an order of the engine's own: counted in its scopes, never refused.
cdef void count_message(EngineState *s, Order *o) noexcept nogil
# A scope that has lost what it may lose in a day only reduces from now on.
cdef void look_for_loss(EngineState *s, Scope *scope) noexcept nogil
# GCRA: one more message moves the theoretical arrival time on; interval 0: no rate is set.
cdef inline void advance_clock(uint64_t *arrival, uint64_t interval, uint64_t now) noexcept nogil:
    if interval:
        arrival[0] = (arrival[0] if arrival[0] > now else now) + interval

# Every sum from scratch: at the first limit, and after a change of rates, instruments, accounts or strategies.
cdef void recount(EngineState *s) noexcept nogil
# A trading day begins: counts of the day are 0, profit counts from here, a scope that was only REDUCING is open.
cdef void begin_day(EngineState *s) noexcept nogil
# Whether the last mark had both sides, and an ask of at most twice the bid: stub quotes say nothing of the price.
cdef inline int has_quote(const Instrument *i) noexcept nogil:
    return i.bid > 0 and i.ask > 0 and i.ask - i.bid <= i.bid

# Price that a position is valued at and collars may measure from: the middle of bid and ask, else the last trade that is known; 0: none.
cdef inline int64_t reference_px(const EngineState *s, uint32_t instrument) noexcept nogil:
    cdef const Instrument *i = &s.instruments[instrument]
    if has_quote(i):
        return (i.bid >> 1) + (i.ask >> 1) + (i.bid & i.ask & 1)
    return i.last

# Apply a limit or setting that was agreed; 0: the scope, the rule or the value cannot be, or the scope table is full.
cdef int set_limit(EngineState *s, const LimitChange *change) noexcept nogil
