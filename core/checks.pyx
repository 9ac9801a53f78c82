"""Limits by scope: rules 14 to 32 of core/rules.py, the kill switch and the states of scopes.

    Asked ──▶ for each scope of the order: state, then the limits whose bit is set in ``limited`` ──▶ NONE or the first refusal, counted in that scope

The order's own terms, route and venue were judged before (``intents``). A check reads the scope's sums, which ``reservations`` keeps, and compares; the amount
of the order is worked out once. Amount limits let pass what only reduces the strategy's position: an exit must always be possible. Rates are GCRA: a scope
keeps the theoretical arrival time of the next message and refuses what would move it further ahead of now than the burst allows; nothing is spent
before all scopes have agreed (``reservations``: take_up, send_replace).

Prices are held against a reference: a buy above it, a sale below it, by more than COLLAR millionths, is refused; the other way does no harm. A stop price is
a price that the order will trade at, and held like a limit. A market order needs a reference that is there and fresh. Each reference has an age of its own:
a quote says nothing of the last trade. Without a quote that can be a price (``has_quote``) the last trade is the reference of mid and far touch too.
Comparisons are products of 64-bit numbers in 128 bits: no division.
FREE_MARGIN holds margin against what its accounts have (``equity``): an account of nothing or less only reduces.
An amount that cannot be told (no rate, no price, or something else in the scope has none) never passes a limit on amounts.

Own orders: every open order of the other side is looked at. A stop order counts from its limit (none: any price), but for one that is asleep: the market is
known, by a quote or trade younger than FRESH_NS, and short of its stop price, and what is asked would trade before it triggers.
Reads everything, writes hits of scopes. Nothing here fails but by refusing.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.audit cimport audit_strategy
from ringfence.core.amounts cimport RF_AMOUNT_MOST, amount_of
from ringfence.core.dedupe cimport find_content, find_position, mix
from ringfence.core.orders cimport is_terminal, may_cancel, request_cancel, request_room
from ringfence.core.rates cimport conforms, has_message
from ringfence.core.equity cimport rf_lacks_equity
from ringfence.core.margin cimport rf_ppm
from ringfence.core.reservations cimport has_quote, keenest_px, open_qty, reference_px, worst_px
from ringfence.core.scopes cimport RF_UNCOUNTED, RF_UNTOLD, RF_UNVALUED, scope_set_of
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_COLLAR_LAST, RF_DENY_REASON_COLLAR, RF_DENY_REASON_CREDIT, RF_DENY_REASON_DUPLICATE_CONTENT, RF_DENY_REASON_GROSS_EXPOSURE, RF_DENY_REASON_KILLED,
    RF_DENY_REASON_LOSS, RF_DENY_REASON_MARGIN, RF_DENY_REASON_MAX_NOTIONAL, RF_DENY_REASON_MAX_POSITION, RF_DENY_REASON_MAX_QTY, RF_DENY_REASON_MESSAGE_RATE,
    RF_DENY_REASON_NET_EXPOSURE, RF_DENY_REASON_NEW_RATE, RF_DENY_REASON_NONE, RF_DENY_REASON_NO_LOCATE, RF_DENY_REASON_NO_RATE, RF_DENY_REASON_NO_REFERENCE,
    RF_DENY_REASON_OPEN_ORDERS, RF_DENY_REASON_OVERFLOW, RF_DENY_REASON_REPEATED_EXECUTION, RF_DENY_REASON_REPLACE_RATE, RF_DENY_REASON_SCOPES_FULL,
    RF_DENY_REASON_SELF_MATCH, RF_DENY_REASON_TURNOVER, RF_FIRM_SCOPE, RF_ORD_TYPE_STOP, RF_ORD_TYPE_STOP_LIMIT, RF_RISK_RULES, RF_RISK_RULE_CANCEL_RESERVE,
    RF_RISK_RULE_COLLAR, RF_RISK_RULE_COLLAR_REFERENCE, RF_RISK_RULE_CREDIT, RF_RISK_RULE_DAILY_LOSS, RF_RISK_RULE_DUPLICATE_CONTENT, RF_RISK_RULE_FREE_MARGIN,
    RF_RISK_RULE_GROSS_EXPOSURE, RF_RISK_RULE_KILL_SWITCH, RF_RISK_RULE_MARGIN, RF_RISK_RULE_MAX_NOTIONAL, RF_RISK_RULE_MAX_POSITION, RF_RISK_RULE_MAX_QTY,
    RF_RISK_RULE_MESSAGE_BURST, RF_RISK_RULE_MESSAGE_RATE, RF_RISK_RULE_NET_EXPOSURE, RF_RISK_RULE_NEW_BURST, RF_RISK_RULE_NEW_RATE, RF_RISK_RULE_OPEN_ORDERS,
    RF_RISK_RULE_REFERENCE_AGE, RF_RISK_RULE_REPEATED_EXECUTION, RF_RISK_RULE_REPLACE_BURST, RF_RISK_RULE_REPLACE_RATE, RF_RISK_RULE_SELF_MATCH,
    RF_RISK_RULE_SHORT_SALE, RF_RISK_RULE_TURNOVER, RF_SCOPE_STATE_KILLED, RF_SCOPE_STATE_OPEN, RF_SELF_MATCH_CANCEL_BOTH, RF_SELF_MATCH_CANCEL_RESTING,
    RF_SIDE_BUY, RF_SIDE_SELL_SHORT, RF_STRATEGY_STATUS_DISABLED, Instrument, Intent, Order, Scope, Strategy,
)

from ringfence.core.rules import CHECKS
from ringfence.ipc.schema import ENUMS

cdef extern from *:
    """
    /* a * b > c * d for numbers >= 0, in 128 bits */
    static inline int rf_products_above(int64_t a, int64_t b, int64_t c, int64_t d) {
        return (unsigned __int128)(uint64_t)a * (uint64_t)b > (unsigned __int128)(uint64_t)c * (uint64_t)d;
    }
    /* a + b, INT64_MAX when that does not fit */
    static inline int64_t rf_sum(int64_t a, int64_t b) {
        int64_t sum;
        return __builtin_add_overflow(a, b, &sum) ? (a > 0 ? INT64_MAX : INT64_MIN) : sum;
    }
    """
    int rf_products_above(int64_t a, int64_t b, int64_t c, int64_t d) noexcept nogil
    int64_t rf_sum(int64_t a, int64_t b) noexcept nogil
    const int64_t RF_INT64_MAX "INT64_MAX"

cdef enum:
    MILLION = 1000000

cdef uint64_t FRESH_NS = 10000000000    # ten marks of a feed by its default

cdef extern from *:
    const uint64_t NO_MARK "UINT64_MAX"

cdef uint8_t[256] RULE_OF     # by DenyReason: the rule that it is a refusal of, 0 when it is none
cdef enum:
    SHORTS = 1ULL << RF_RISK_RULE_SHORT_SALE
    QTY = 1ULL << RF_RISK_RULE_MAX_QTY
    NOTIONAL = 1ULL << RF_RISK_RULE_MAX_NOTIONAL
    PRICES = 1ULL << RF_RISK_RULE_COLLAR | 1ULL << RF_RISK_RULE_REFERENCE_AGE
    CREDIT = 1ULL << RF_RISK_RULE_CREDIT
    MARGIN = 1ULL << RF_RISK_RULE_MARGIN
    FREE = 1ULL << RF_RISK_RULE_FREE_MARGIN
    POSITION = 1ULL << RF_RISK_RULE_MAX_POSITION
    NET = 1ULL << RF_RISK_RULE_NET_EXPOSURE
    GROSS = 1ULL << RF_RISK_RULE_GROSS_EXPOSURE
    EXPOSURES = CREDIT | MARGIN | FREE | NET | GROSS
    OPENS = 1ULL << RF_RISK_RULE_OPEN_ORDERS
    TURNOVER = 1ULL << RF_RISK_RULE_TURNOVER
    SIZES = EXPOSURES | NOTIONAL | TURNOVER
    AMOUNTS = SIZES | 1ULL << RF_RISK_RULE_DAILY_LOSS
    VALUES = EXPOSURES | 1ULL << RF_RISK_RULE_DAILY_LOSS   # of what is there already
    NEWS = 1ULL << RF_RISK_RULE_NEW_RATE
    REPLACES = 1ULL << RF_RISK_RULE_REPLACE_RATE
    MESSAGES = 1ULL << RF_RISK_RULE_MESSAGE_RATE
    DUPLICATE = 1ULL << RF_RISK_RULE_DUPLICATE_CONTENT
    REPEATED = 1ULL << RF_RISK_RULE_REPEATED_EXECUTION
    CONTENTS = DUPLICATE | REPEATED
    FLOWS = NEWS | REPLACES | MESSAGES | CONTENTS
cdef uint64_t LIMITS = (<uint64_t>2 << RF_RISK_RULES) - 2    # without settings


def _load():
    """Fill the C array from the rule table; called once at import. Of several rules with one reason the first is meant."""
    memset(RULE_OF, 0, sizeof(RULE_OF))
    for rule in reversed(CHECKS):
        for reason in rule.reasons:
            RULE_OF[<int>ENUMS["DenyReason"].by_name[reason]] = rule.number


_load()


# ---- what is asked --------------------------------------------------------------------------------------------------------------

cdef inline int64_t far_touch(const EngineState *s, uint32_t instrument, uint8_t side) noexcept nogil:
    cdef const Instrument *i = &s.instruments[instrument]
    cdef int64_t px = i.ask if side == RF_SIDE_BUY else i.bid
    return px if px > 0 else i.last


cdef int64_t market_px(const EngineState *s, uint32_t instrument, uint8_t side, int64_t px) noexcept nogil:
    return far_touch(s, instrument, side) if px == 0 or side != RF_SIDE_BUY else 0


cdef inline int64_t reach_of(uint8_t side, int64_t px, int64_t stop_px) noexcept nogil:
    if stop_px == 0 or px == 0:
        return px | stop_px
    return px if (px > stop_px) == (side == RF_SIDE_BUY) else stop_px


cdef inline int64_t highest(int64_t a, int64_t b, int64_t c) noexcept nogil:
    return (a if a > c else c) if a > b else (b if b > c else c)


cdef inline uint64_t content_of(const Asked *a, int64_t stop_px, int64_t qty) noexcept nogil:
    cdef uint64_t who = <uint64_t>a.strategy << 48 | <uint64_t>a.account << 32 | <uint64_t>a.instrument << 8 | <uint64_t>a.side << 4 | a.ord_type
    return mix(mix(mix(mix(6, who), <uint64_t>a.px), <uint64_t>stop_px), <uint64_t>qty)


cdef inline int64_t amount_asked(const EngineState *s, uint32_t instrument, int64_t px, int64_t qty) noexcept nogil:
    """0 when there is no rate; the highest there is when it does not fit, which check_limits refuses."""
    cdef int64_t amount
    if not amount_of(&s.instruments[instrument], px, qty, &amount) and s.instruments[instrument].amount_factor:
        return RF_INT64_MAX
    return amount


cdef void ask_new(const EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, const Intent *i, Asked *a) noexcept nogil:
    a.strategy = strategy
    a.account = account
    a.venue = venue
    a.instrument = i.instrument
    a.side = i.side
    a.ord_type = i.ord_type
    a.px = i.px
    a.reach_px = reach_of(i.side, i.px, i.stop_px)
    a.market_px = market_px(s, i.instrument, i.side, i.px)
    a.worst_px = highest(i.px, i.stop_px, a.market_px)
    a.qty = i.qty
    a.more_qty = i.qty
    a.amount = amount_asked(s, i.instrument, a.worst_px, i.qty)
    a.whole_qty = i.qty
    a.whole_amount = a.amount
    a.more_amount = a.amount
    a.rules = rules_of(i.side, REPLACES)
    a.content = content_of(a, i.stop_px, i.qty)
    a.replaces = 0
    a.reducing = -1
    a.order = NULL
    a.passed = 0


cdef void ask_replace(const EngineState *s, const Order *o, int64_t qty, int64_t px, int64_t stop_px, Asked *a) noexcept nogil:
    cdef int64_t most_px = 0, held, market
    a.strategy = o.strategy
    a.account = o.account
    a.venue = o.venue
    a.instrument = o.instrument
    a.side = o.side
    a.ord_type = o.ord_type
    a.px = px
    a.reach_px = reach_of(o.side, px, stop_px)
    a.qty = qty - o.cum_qty if qty > o.cum_qty else 0
    a.more_qty = a.qty - o.reserved_qty if a.qty > o.reserved_qty else 0
    a.market_px = o.market_px
    if a.more_qty or px != o.px or stop_px != o.stop_px:  # what it may trade at once it does at the market of now
        market = market_px(s, o.instrument, o.side, px)
        if market > a.market_px:
            a.market_px = market
    a.worst_px = highest(px, stop_px, a.market_px)
    a.amount = amount_asked(s, o.instrument, a.worst_px, a.qty)
    a.whole_qty = qty if a.more_qty else a.qty
    a.whole_amount = amount_asked(s, o.instrument, a.worst_px, a.whole_qty) if a.more_qty and o.cum_qty else a.amount
    if o.reserved_qty:  # what it will hold until the venue has answered: the most of all quantities at the worst of all prices
        most_px = worst_px(s, o)
    held = amount_asked(s, o.instrument, most_px if most_px > a.worst_px else a.worst_px, a.qty if a.more_qty else o.reserved_qty)
    a.more_amount = held - o.reserved_amount if held > o.reserved_amount else 0
    a.rules = rules_of(o.side, NEWS | CONTENTS)
    a.content = content_of(a, stop_px, qty)
    a.replaces = not is_terminal(o.ord_status)
    a.reducing = -1
    a.order = o
    a.passed = 0


cdef int reduces(
    const EngineState *s, uint16_t strategy, uint16_t account, uint32_t instrument, uint8_t side, int64_t qty, const Order *besides,
) noexcept nogil:
    cdef int64_t room = s.positions[find_position(s, account, strategy, instrument)].net_qty
    cdef uint32_t row = s.strategies[strategy].first_open
    cdef const Order *o
    if side == RF_SIDE_BUY:
        room = -room
    while row and room > 0:
        o = &s.orders[row]
        row = o.next_open
        if o != besides and o.instrument == instrument and o.account == account and (o.side == RF_SIDE_BUY) == (side == RF_SIDE_BUY):
            room -= open_qty(s, o)
    return qty <= room


cdef inline int only_reduces(const EngineState *s, Asked *a) noexcept nogil:
    if a.reducing < 0:
        a.reducing = reduces(s, a.strategy, a.account, a.instrument, a.side, a.qty, a.order)
    return a.reducing


# ---- the rules ------------------------------------------------------------------------------------------------------------------

cdef inline int64_t beyond(uint8_t side, int64_t px, int64_t reference) noexcept nogil:
    """How far a limit price is on the harmful side of its reference."""
    return px - reference if side == RF_SIDE_BUY else reference - px


cdef inline uint64_t age_of(const EngineState *s, uint64_t since) noexcept nogil:
    return s.engine.engine_ns - since if since else NO_MARK


cdef inline int too_old(const Scope *scope, uint64_t age) noexcept nogil:
    cdef uint64_t most = <uint64_t>scope.limits[<int>RF_RISK_RULE_REFERENCE_AGE]
    return age > (most if most else NO_MARK - 1)


cdef uint8_t check_other_price(const EngineState *s, const Scope *scope, const Asked *a) noexcept nogil:
    """REFERENCE_AGE and COLLAR from the last trade or the far touch."""
    cdef const Instrument *i = &s.instruments[a.instrument]
    cdef int64_t px = 0, most = scope.limits[<int>RF_RISK_RULE_COLLAR], away
    cdef uint64_t since = i.mark_ns
    if scope.limits[<int>RF_RISK_RULE_COLLAR_REFERENCE] != RF_COLLAR_LAST and has_quote(i):
        px = i.ask if a.side == RF_SIDE_BUY else i.bid
    if px <= 0:
        px = i.last
        since = i.last_ns
    if px <= 0 or too_old(scope, age_of(s, since)):
        return RF_DENY_REASON_NO_REFERENCE
    away = beyond(a.side, a.reach_px, px)
    return RF_DENY_REASON_COLLAR if most and a.reach_px and away > 0 and rf_products_above(away, MILLION, px, most) else RF_DENY_REASON_NONE


cdef inline uint8_t check_price(const EngineState *s, const Scope *scope, const Asked *a) noexcept nogil:
    """REFERENCE_AGE and COLLAR."""
    cdef int64_t most = scope.limits[<int>RF_RISK_RULE_COLLAR]
    if scope.limits[<int>RF_RISK_RULE_COLLAR_REFERENCE] & 1:  # COLLAR_LAST and COLLAR_FAR
        return check_other_price(s, scope, a)
    if a.mid_px <= 0 or too_old(scope, a.mark_age):
        return RF_DENY_REASON_NO_REFERENCE
    if a.away_px > 0 and most and rf_products_above(a.away_px, MILLION, a.mid_px, most):
        return RF_DENY_REASON_COLLAR
    return RF_DENY_REASON_NONE


cdef inline uint8_t excess_amount(const Scope *scope, const Asked *a, uint64_t limited, int buys) noexcept nogil:
    """NET_EXPOSURE, GROSS_EXPOSURE: the side that the order makes worse, with all that works there."""
    cdef int64_t sum
    if limited & NET:
        sum = scope.long_amount - scope.short_amount
        sum = sum + scope.working_buy if buys else scope.working_sell - sum
        if sum + a.more_amount > scope.limits[<int>RF_RISK_RULE_NET_EXPOSURE]:
            return RF_DENY_REASON_NET_EXPOSURE
    if limited & GROSS:
        sum = scope.long_amount + scope.short_amount + scope.working_buy + scope.working_sell
        if sum + a.more_amount > scope.limits[<int>RF_RISK_RULE_GROSS_EXPOSURE]:
            return RF_DENY_REASON_GROSS_EXPOSURE
    return RF_DENY_REASON_NONE


cdef inline uint8_t excess(const Scope *scope, const Asked *a, uint64_t limited) noexcept nogil:
    """CREDIT, MARGIN, FREE_MARGIN, MAX_POSITION, then exposure."""
    cdef int64_t qty
    if limited & CREDIT and scope.spent + scope.working_buy + a.more_amount > scope.limits[<int>RF_RISK_RULE_CREDIT]:
        return RF_DENY_REASON_CREDIT
    if limited & MARGIN and scope.margin + a.margin > scope.limits[<int>RF_RISK_RULE_MARGIN]:
        return RF_DENY_REASON_MARGIN
    if limited & FREE and rf_lacks_equity(scope.margin + a.margin, scope.equity, scope.limits[<int>RF_RISK_RULE_FREE_MARGIN]):
        return RF_DENY_REASON_MARGIN
    if limited & POSITION:
        qty = rf_sum(scope.net_qty, scope.buy_qty) if a.side == RF_SIDE_BUY else rf_sum(-scope.net_qty, scope.sell_qty)
        if rf_sum(qty, a.more_qty) > scope.limits[<int>RF_RISK_RULE_MAX_POSITION]:
            return RF_DENY_REASON_MAX_POSITION
    return excess_amount(scope, a, limited, a.side == RF_SIDE_BUY)


cdef uint8_t check_content(const EngineState *s, const Scope *scope, const Asked *a, uint64_t limited) noexcept nogil:
    """DUPLICATE_CONTENT, REPEATED_EXECUTION."""
    cdef const Strategy *strategy
    cdef uint64_t before
    if limited & DUPLICATE:
        before = find_content(s, a.content)
        if before and s.engine.engine_ns - s.orders[before].created_ns < <uint64_t>scope.limits[<int>RF_RISK_RULE_DUPLICATE_CONTENT]:
            return RF_DENY_REASON_DUPLICATE_CONTENT
    if limited & REPEATED:
        strategy = &s.strategies[a.strategy]
        if strategy.repeated_digest == a.content and strategy.repeated_count >= scope.limits[<int>RF_RISK_RULE_REPEATED_EXECUTION]:
            return RF_DENY_REASON_REPEATED_EXECUTION
    return RF_DENY_REASON_NONE


cdef inline uint8_t check_flow(const EngineState *s, const Scope *scope, const Asked *a, uint64_t limited) noexcept nogil:
    """NEW_RATE, REPLACE_RATE, MESSAGE_RATE, then content."""
    cdef const int64_t *most = <const int64_t*>scope.limits
    cdef uint64_t now = s.engine.engine_ns
    if limited & NEWS and scope.new_tat > now and not conforms(scope.new_tat - now, scope.new_interval, most[<int>RF_RISK_RULE_NEW_BURST], 0):
        return RF_DENY_REASON_NEW_RATE
    if limited & REPLACES and scope.replace_tat > now:
        if not conforms(scope.replace_tat - now, scope.replace_interval, most[<int>RF_RISK_RULE_REPLACE_BURST], 0):
            return RF_DENY_REASON_REPLACE_RATE
    if limited & MESSAGES and (scope.message_tat > now or most[<int>RF_RISK_RULE_CANCEL_RESERVE]):
        if not has_message(
            scope.message_tat, now, scope.message_interval, most[<int>RF_RISK_RULE_MESSAGE_BURST], most[<int>RF_RISK_RULE_CANCEL_RESERVE],
        ):
            return RF_DENY_REASON_MESSAGE_RATE
    return check_content(s, scope, a, limited) if limited & CONTENTS else RF_DENY_REASON_NONE


cdef uint8_t check_unusual(const EngineState *s, const Scope *scope, Asked *a, uint64_t limited) noexcept nogil:
    """The scope's state, then amounts that cannot be told: of the order, of what is in the scope, of what it traded today."""
    if scope.state == RF_SCOPE_STATE_KILLED:
        return RF_DENY_REASON_KILLED
    if scope.state != RF_SCOPE_STATE_OPEN and not only_reduces(s, a):
        return RF_DENY_REASON_LOSS
    if limited & AMOUNTS and s.instruments[a.instrument].amount_factor == 0:
        return RF_DENY_REASON_NO_RATE
    if limited & SIZES and a.worst_px == 0:
        return RF_DENY_REASON_NO_REFERENCE
    if limited & RF_UNCOUNTED and limited & TURNOVER:
        return RF_DENY_REASON_NO_RATE
    if not (limited & RF_UNVALUED and limited & VALUES) and not (limited & RF_UNTOLD and limited & FREE):
        return RF_DENY_REASON_NONE
    return RF_DENY_REASON_NONE if only_reduces(s, a) else RF_DENY_REASON_NO_RATE


cdef void look_at_amounts(const Instrument *instrument, Asked *a) noexcept nogil:
    """The limits that an order without an amount cannot pass."""
    a.unusual |= AMOUNTS if instrument.amount_factor == 0 else SIZES


cdef inline uint64_t rules_of(uint8_t side, uint64_t spared) noexcept nogil:
    """The limits that could refuse an order, without the spared ones: a sale spends no credit, and only a short sale needs a locate."""
    if side == RF_SIDE_BUY:
        return ~(SHORTS | spared)
    return ~(CREDIT | spared) if side == RF_SIDE_SELL_SHORT else ~(CREDIT | SHORTS | spared)


cdef void spare_replace(Asked *a) noexcept nogil:
    """What a replace asks no more of, it makes nothing worse in."""
    if a.more_qty == 0:
        a.rules &= ~SHORTS
    if not a.replaces:
        return
    a.rules &= ~OPENS
    if a.more_qty == 0:
        a.rules &= ~POSITION
    if a.more_amount == 0 and (not a.unusual & TURNOVER or (a.more_qty == 0 and a.worst_px <= a.order.reserved_px)):
        a.rules &= ~(EXPOSURES | TURNOVER | RF_UNVALUED)


cdef inline uint8_t check_scope(const EngineState *s, const Scope *scope, Asked *a, uint64_t limited) noexcept nogil:
    cdef const int64_t *most = <const int64_t*>scope.limits
    cdef uint8_t reason
    if limited & SHORTS and rf_sum(rf_sum(scope.short_qty, scope.short_working), a.more_qty) > most[<int>RF_RISK_RULE_SHORT_SALE]:
        return RF_DENY_REASON_NO_LOCATE
    if limited & QTY and a.whole_qty > most[<int>RF_RISK_RULE_MAX_QTY]:
        return RF_DENY_REASON_MAX_QTY
    if limited & NOTIONAL and a.whole_amount > most[<int>RF_RISK_RULE_MAX_NOTIONAL]:
        return RF_DENY_REASON_MAX_NOTIONAL
    if limited & PRICES:
        reason = check_price(s, scope, a)
        if reason != RF_DENY_REASON_NONE:
            return reason
    if limited & (EXPOSURES | POSITION):
        reason = excess(scope, a, limited)
        if reason != RF_DENY_REASON_NONE and not only_reduces(s, a):
            return reason
    if limited & OPENS and scope.open_orders >= most[<int>RF_RISK_RULE_OPEN_ORDERS]:
        return RF_DENY_REASON_OPEN_ORDERS
    if limited & TURNOVER and scope.turnover + scope.working_buy + scope.working_sell + a.more_amount > most[<int>RF_RISK_RULE_TURNOVER]:
        return RF_DENY_REASON_TURNOVER
    return check_flow(s, scope, a, limited) if limited & FLOWS else RF_DENY_REASON_NONE


cdef void refuse(EngineState *s, Scope *scope, uint8_t reason, uint8_t rule) noexcept nogil:
    scope.hits[rule] += 1
    scope.last_rule = rule
    scope.last_hit_ns = s.engine.engine_ns


cdef void count_refusal(EngineState *s, uint8_t reason) noexcept nogil:
    if s.engine.scope_count and RULE_OF[reason]:
        refuse(s, &s.scopes[<int>RF_FIRM_SCOPE], reason, RULE_OF[reason])


cdef inline int holds(const Scope *firm, const Asked *a) noexcept nogil:
    """Whether every sum and the order are so far below 63 bits that no addition can leave them: each scope's sums are parts of the firm's."""
    cdef int64_t bits = firm.working_buy | firm.working_sell | firm.long_amount | firm.short_amount | firm.turnover | firm.margin | firm.spent
    return <uint64_t>(bits | a.amount | a.more_amount | a.margin) <= <uint64_t>RF_AMOUNT_MOST


cdef uint8_t check_money(const EngineState *s, const Scope *scope, Asked *a, uint64_t limited, int sold) noexcept nogil:
    """The scope of a currency: it is bought as the order buys, or sold for it."""
    cdef uint8_t reason = excess_amount(scope, a, limited, (a.side == RF_SIDE_BUY) != sold)
    return RF_DENY_REASON_NONE if reason == RF_DENY_REASON_NONE or only_reduces(s, a) else reason


cdef uint8_t rule_of(const Scope *scope, const Asked *a, uint8_t reason) noexcept nogil:
    """The rule that refused: two answer MARGIN, and the amount is looked at before the share."""
    cdef int64_t most = scope.limits[<int>RF_RISK_RULE_MARGIN]
    if reason == RF_DENY_REASON_MARGIN and (most == 0 or scope.margin + a.margin <= most):
        return RF_RISK_RULE_FREE_MARGIN
    return RULE_OF[reason]


cdef uint8_t turn_down(EngineState *s, Scope *scope, const Asked *a, uint8_t reason) noexcept nogil:
    refuse(s, scope, reason, rule_of(scope, a, reason))
    if reason == RF_DENY_REASON_REPEATED_EXECUTION:
        audit_strategy(s, a.strategy, s.strategies[a.strategy].status, RF_STRATEGY_STATUS_DISABLED)
        s.strategies[a.strategy].status = RF_STRATEGY_STATUS_DISABLED
        s.strategies[a.strategy].repeats = 1
    return reason


cdef uint8_t check_limits(EngineState *s, Asked *a) noexcept nogil:
    cdef const Instrument *instrument = &s.instruments[a.instrument]
    cdef Scope *scopes = s.scopes
    cdef const ScopeSet *belongs
    cdef Scope *scope
    cdef uint64_t passed = <uint64_t>1 << RF_RISK_RULE_KILL_SWITCH, limited
    cdef uint8_t reason = RF_DENY_REASON_NONE
    cdef int i, rows, all_rows
    a.scope_set = a.order.scope_set if a.order != NULL else 0
    if a.scope_set == 0:
        a.scope_set = scope_set_of(s, a.strategy, a.account, a.venue, a.instrument)
    if a.scope_set == 0:
        s.engine.scopes_full += 1
        return RF_DENY_REASON_SCOPES_FULL
    belongs = &s.scope_sets[a.scope_set]
    a.margin = rf_ppm(a.more_amount, belongs.margin_ppm) if belongs.margin_ppm else 0
    if not holds(&scopes[<int>RF_FIRM_SCOPE], a):
        return RF_DENY_REASON_OVERFLOW
    rows = belongs.row_count
    all_rows = belongs.all_rows
    a.scopes = belongs
    a.unusual = RF_UNVALUED | RF_UNCOUNTED | RF_UNTOLD | 1
    if instrument.amount_factor == 0 or a.worst_px == 0:
        look_at_amounts(instrument, a)
    if a.order != NULL:
        spare_replace(a)
    a.mid_px = reference_px(s, a.instrument)
    a.mark_age = age_of(s, instrument.mark_ns if has_quote(instrument) else instrument.last_ns)
    a.away_px = beyond(a.side, a.reach_px, a.mid_px) if a.reach_px else 0
    for i in range(all_rows):
        scope = &scopes[belongs.rows[i]]
        if scope.limited:
            passed |= scope.limited
            limited = scope.limited & a.rules
            if limited & a.unusual:
                reason = check_unusual(s, scope, a, limited)
            if reason == RF_DENY_REASON_NONE:
                reason = check_scope(s, scope, a, limited) if i < rows else check_money(s, scope, a, limited, i == belongs.sold_row)
            if reason != RF_DENY_REASON_NONE:
                return turn_down(s, scope, a, reason)
    a.passed = passed & LIMITS
    return RF_DENY_REASON_NONE


# ---- own orders -----------------------------------------------------------------------------------------------------------------

cdef int64_t first_stop_px(const EngineState *s, const Order *o) noexcept nogil:
    """The stop price of an order, or of a replace in flight, that would trigger first."""
    cdef uint32_t row = o.first_request if o.replace_revision else 0
    cdef int64_t px = o.stop_px, asked
    while row:
        asked = s.requests[row].stop_px
        if asked and (asked < px if o.side == RF_SIDE_BUY else asked > px):
            px = asked
        row = s.requests[row].next
    return px


cdef int is_fresh(const EngineState *s, const Asked *a, int64_t quoted) noexcept nogil:
    """1 when the quote (0: there is none) or the last trade is so young that the market is still about there."""
    cdef const Instrument *i = &s.instruments[a.instrument]
    cdef uint64_t age = age_of(s, i.mark_ns) if quoted else NO_MARK
    cdef uint64_t traded = age_of(s, i.last_ns) if i.last else NO_MARK
    return age <= FRESH_NS or traded <= FRESH_NS


cdef int asleep(const EngineState *s, const Asked *a, const Order *o) noexcept nogil:
    """A stop order that has not triggered yet, and would not before what is asked has traded."""
    cdef const Instrument *i = &s.instruments[a.instrument]
    cdef int64_t px = i.last, stop_px
    if o.ord_type != RF_ORD_TYPE_STOP and o.ord_type != RF_ORD_TYPE_STOP_LIMIT:
        return 0
    if not is_fresh(s, a, i.ask if o.side == RF_SIDE_BUY else i.bid):
        return 0
    stop_px = first_stop_px(s, o)
    if o.side == RF_SIDE_BUY:
        px = i.ask if i.ask > px else px
        return 0 < px < stop_px and (a.px == 0 or a.px < stop_px)
    if i.bid and (i.bid < px or px == 0):
        px = i.bid
    return px > stop_px and (a.px == 0 or a.px > stop_px)


cdef int meets_own(EngineState *s, const Asked *a) noexcept nogil:
    """The order may cross an own one: look at each that is open on the other side."""
    cdef int64_t action = s.scopes[<int>RF_FIRM_SCOPE].limits[<int>RF_RISK_RULE_SELF_MATCH]
    cdef Instrument *i = &s.instruments[a.instrument]
    cdef uint32_t row = i.first_sell if a.side == RF_SIDE_BUY else i.first_buy, after
    cdef int64_t best = RF_INT64_MAX if a.side == RF_SIDE_BUY else 0, px
    cdef int met = 0, stays = 0
    cdef Order *o
    while row:
        o = &s.orders[row]
        after = o.next_level
        px = keenest_px(s, o)
        if px < best if a.side == RF_SIDE_BUY else px > best:
            best = px
        if o.venue == a.venue and crosses(a, px) and not asleep(s, a, o):
            met = 1
            if action == RF_SELF_MATCH_CANCEL_RESTING or action == RF_SELF_MATCH_CANCEL_BOTH:
                if not o.cancel_revision:
                    if request_room(s, o, 1) and may_cancel(s, o):
                        request_cancel(s, o)
                    else:
                        stays = 1
        row = after
    if not met:  # the bound was too good: now it is exact
        if a.side == RF_SIDE_BUY:
            i.best_sell = best
        else:
            i.best_buy = best
        return 0
    if action == RF_SELF_MATCH_CANCEL_RESTING and not stays:
        return 0
    refuse(s, &s.scopes[<int>RF_FIRM_SCOPE], RF_DENY_REASON_SELF_MATCH, RULE_OF[<int>RF_DENY_REASON_SELF_MATCH])
    return 1


cdef void note_full_execution(EngineState *s, const Order *o) noexcept nogil:
    if o.content_digest == 0:  # it was asked before anything was counted
        return
    if o.content_digest == s.strategies[o.strategy].repeated_digest:
        s.strategies[o.strategy].repeated_count += 1
        return
    s.strategies[o.strategy].repeated_digest = o.content_digest
    s.strategies[o.strategy].repeated_count = 1
