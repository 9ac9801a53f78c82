# Limits by scope: what an order or a replace must pass once its terms, its route and its venue are in order.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport RF_FIRM_SCOPE, RF_RISK_RULE_SELF_MATCH, RF_SIDE_BUY, Instrument, Intent, Order, ScopeSet

# One order as its limits see it.
ctypedef struct Asked:
    uint16_t strategy
    uint16_t account
    uint16_t venue
    uint32_t instrument
    uint8_t side
    uint8_t ord_type
    int64_t px               # limit price, 0 when it has none
    int64_t reach_px         # limit or stop price, whichever is further on the harmful side of the market; 0: it has neither
    int64_t market_px        # far touch of a sale (its limit is the least that it takes) or of an order without limit price, else 0
    int64_t worst_px         # price behind the amount: the highest of its prices and market_px
    int64_t qty              # of the whole order that may still trade
    int64_t whole_qty        # that one order has: of a replace that enlarges what has traded too
    int64_t whole_amount     # of whole_qty at worst_px
    int64_t more_qty         # beyond what is reserved for it already
    int64_t amount           # of qty at worst_px
    int64_t more_amount      # beyond what is reserved for it already
    uint64_t content
    int replaces             # a replace of an order that is open
    int reducing             # 1: it only shrinks the position; -1: not looked at yet
    const Order *order       # of a replace
    uint64_t passed          # bit 1 << RiskRule of every limit that it passed
    uint64_t rules           # of the limits that could refuse it
    uint64_t unusual         # bits of a scope's limits that need a look of their own: its state, and amounts that cannot be told
    int64_t margin           # of more_amount
    int64_t mid_px           # reference price, 0: none
    int64_t away_px          # how far reach_px is on its harmful side
    uint64_t mark_age        # of mid_px [ns]
    uint32_t scope_set       # row in scope_sets
    const ScopeSet *scopes

# Fill in what a new intent or a replace asks for.
cdef void ask_new(const EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, const Intent *i, Asked *a) noexcept nogil
cdef void ask_replace(const EngineState *s, const Order *o, int64_t qty, int64_t px, int64_t stop_px, Asked *a) noexcept nogil
# What the market would give a sale or an order without limit price: the far touch, the last trade where there is none; 0 for any other.
cdef int64_t market_px(const EngineState *s, uint32_t instrument, uint8_t side, int64_t px) noexcept nogil
# NONE, or why not; a refusal is counted in the scope that refused. Nothing is spent.
cdef uint8_t check_limits(EngineState *s, Asked *a) noexcept nogil
# Count a refusal by one of the rules that have no scope, in the firm's.
cdef void count_refusal(EngineState *s, uint8_t reason) noexcept nogil
# The same for one that may trade with own orders by the bound of their prices: they are looked at one by one.
cdef int meets_own(EngineState *s, const Asked *a) noexcept nogil
cdef inline int crosses(const Asked *a, int64_t px) noexcept nogil:
    return a.px == 0 or (a.px >= px if a.side == RF_SIDE_BUY else a.px <= px)

# Own orders that a new one would trade with, cancelled by SELF_MATCH's action; 0 when the new one may go.
cdef inline int self_match(EngineState *s, const Asked *a) noexcept nogil:
    cdef const Instrument *i = &s.instruments[a.instrument]
    if s.scopes[<int>RF_FIRM_SCOPE].limits[<int>RF_RISK_RULE_SELF_MATCH] == 0:
        return 0
    if a.side == RF_SIDE_BUY:
        return i.first_sell != 0 and crosses(a, i.best_sell) and meets_own(s, a)
    return i.first_buy != 0 and crosses(a, i.best_buy) and meets_own(s, a)

# An order was executed in full: repeated executions of one content are counted.
cdef void note_full_execution(EngineState *s, const Order *o) noexcept nogil
# 1 when the trade, after all open orders of its direction, would still only shrink the position.
cdef int reduces(
    const EngineState *s, uint16_t strategy, uint16_t account, uint32_t instrument, uint8_t side, int64_t qty, const Order *besides,
) noexcept nogil
