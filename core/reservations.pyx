"""Reservations: the sums of open orders and positions in the scopes that they belong to.

    new order ──take_up──▶ all of its share and its message, in one pass over its scopes
    settle(order) ──reserve──▶ working amounts, open quantities, open orders      what an order may still trade, at the worst of its prices
    book, recompute, mark ──revalue──▶ long, short, net, profit, margin, spent    what a position is worth at the reference price, and cost
    ledger_events.book ──weigh_booked──▶ equity                                   cash and positions (``equity``), for FREE_MARGIN
    credit ──count_trade──▶ turnover, short sales of the day

Exposure is reserved when an order is accepted and given back by facts only: an order whose fate is unknown keeps what it holds. An order's share is in its own
row (``reserved_qty``, ``reserved_amount``, at ``reserved_px``), a position's in its (``value``, ``profit``), so each change adds the difference, what changes
nothing costs a comparison, and the sums need no walk. In the scope of a currency a purchase of the pair is one of its base and a sale of its quote currency.
``recount`` makes all of them anew, and is what the tests hold the sums against (I8). Nothing is counted before the first limit is set (``counting``): an
instance without limits does not pay for them.

A market order's price is the far touch when it was accepted. An inverse contract's amount does not depend on the price, and its profit is not counted.
Sums that would overflow saturate: 63 bits of 10^-4 of a currency are more than any firm has, and a saturated sum refuses everything.
What has no amount (no rate, no price, or it does not fit) adds 0 to the sums and 1 to ``unvalued`` of its scopes, which then refuse what does not reduce
(NO_RATE); a trade without an amount is in no turnover, and its scopes' TURNOVER refuses for the day.
CREDIT counts what long positions cost or are worth, whichever is more: money that is spent does not come back because prices fell.
Written by the engine alone. Nothing here fails.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.amounts cimport RF_AMOUNT_MOST, amount_of, rf_scaled_words
from ringfence.core.audit cimport audit_scope
from ringfence.core.dedupe cimport find_position
from ringfence.core.equity cimport equity_of, weigh_all_cash
from ringfence.core.margin cimport margin_of, margin_row, rf_ppm
from ringfence.core.scopes cimport (
    RF_UNCOUNTED, RF_UNTOLD, RF_UNVALUED, count_unvalued_of, renew_scope_sets, rf_saturate, scope_of, scope_set_of, scopes_of, scopes_of_order, set_state,
    store_limit,
)
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_CONTROL_KIND_KILL, RF_CONTROL_KIND_RELEASE, RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_EVENT_KIND_NAME_LOT, RF_RISK_RULE_DAILY_LOSS, RF_RISK_RULE_FREE_MARGIN,
    RF_RISK_RULE_MARGIN_RATE, RF_RISK_RULE_MAX,
    RF_RISK_RULE_MESSAGE_RATE, RF_RISK_RULE_NEW_RATE, RF_RISK_RULE_REPLACE_RATE, RF_SCOPE_STATE_OPEN, RF_SCOPE_STATE_REDUCING, RF_SIDE_BUY,
    RF_SIDE_SELL_SHORT, Instrument, LedgerEvent, LedgerPosition, LimitChange, Order, Position, Scope, ScopeSet,
)

from ringfence.core.rules import RULES
from ringfence.ipc.schema import ENUMS

SCOPE_KIND = ENUMS["ScopeKind"].by_name

cdef extern from *:
    """
    #ifndef RF_GAIN
    #define RF_GAIN
    #include <stdint.h>
    /* realized + net * px - cost of a position in px x qty, as a whole number of units: size and sign; 0: it does not fit. */
    static inline int rf_gain(uint64_t rlo, int64_t rhi, uint64_t clo, int64_t chi, int64_t net, int64_t px, uint64_t *lo, uint64_t *hi) {
        __int128 realized = (__int128)(((unsigned __int128)(uint64_t)rhi << 64) | rlo), cost = (__int128)(((unsigned __int128)(uint64_t)chi << 64) | clo);
        __int128 gain;
        unsigned __int128 size;
        if (__builtin_add_overflow(realized, (__int128)net * px, &gain) || __builtin_sub_overflow(gain, cost, &gain)) return 0;
        size = gain < 0 ? -(unsigned __int128)gain : (unsigned __int128)gain;
        *lo = (uint64_t)size;
        *hi = (uint64_t)(size >> 64);
        return gain < 0 ? -1 : 1;
    }
    #endif
    """
    int rf_gain(uint64_t rlo, int64_t rhi, uint64_t clo, int64_t chi, int64_t net, int64_t px, uint64_t *lo, uint64_t *hi) noexcept nogil

cdef enum:
    CLOCKS = 1 << RF_RISK_RULE_NEW_RATE | 1 << RF_RISK_RULE_REPLACE_RATE | 1 << RF_RISK_RULE_MESSAGE_RATE

cdef uint32_t[64] SETTABLE    # by RiskRule: bit 1 << ScopeKind where it may be set
cdef int64_t[64] MOST         # by RiskRule: the highest value it may have, so that products of rates and bursts fit


def _load():
    """Fill the C array from the rule table; called once at import."""
    memset(SETTABLE, 0, sizeof(SETTABLE))
    for rule in RULES.values():
        MOST[<int>rule.number] = {"count": 10**9, "per_s": 10**9, "ppm": 10**9, "choice": 3}.get(rule.unit, 2**62)
        for kind in rule.scopes:
            SETTABLE[<int>rule.number] |= <uint32_t>1 << <int>SCOPE_KIND[kind]


_load()


# ---- open orders ----------------------------------------------------------------------------------------------------------------

cdef int64_t open_qty(const EngineState *s, const Order *o) noexcept nogil:
    cdef uint32_t row = o.first_request if o.replace_revision else 0
    cdef int64_t most = o.leaves_qty
    while row:
        if s.requests[row].qty - o.cum_qty > most:
            most = s.requests[row].qty - o.cum_qty
        row = s.requests[row].next
    return most


cdef int64_t worst_px(const EngineState *s, const Order *o) noexcept nogil:
    """The highest of its prices, of those that replaces in flight ask for, and of the market: what costs most, what a sale is most worth."""
    cdef uint32_t row = o.first_request if o.replace_revision else 0
    cdef int64_t px = o.px if o.px > o.stop_px else o.stop_px
    if o.market_px > px:
        px = o.market_px
    while row:
        if s.requests[row].px > px:
            px = s.requests[row].px
        if s.requests[row].stop_px > px:
            px = s.requests[row].stop_px
        row = s.requests[row].next
    return px


cdef void count_unvalued(EngineState *s, const ScopeSet *scopes, int more) noexcept nogil:
    """One order or position more, or one less, whose amount cannot be told."""
    cdef int i
    for i in range(scopes.all_rows):
        count_unvalued_of(&s.scopes[scopes.rows[i]], more)


cdef inline int64_t *working_of(Scope *scope, int buys) noexcept nogil:
    return &scope.working_buy if buys else &scope.working_sell


cdef void hold(EngineState *s, const ScopeSet *scopes, Order *o, int64_t qty, int64_t amount, int open_now) noexcept nogil:
    """Bring what every scope of the order counts for it to these figures."""
    cdef int64_t more_qty = qty - o.reserved_qty, more = amount - o.reserved_amount
    cdef int64_t margin = rf_ppm(amount, scopes.margin_ppm) - rf_ppm(o.reserved_amount, scopes.margin_ppm)
    cdef int i, buys = o.side == RF_SIDE_BUY
    cdef uint32_t orders = <uint32_t>open_now - o.counted
    cdef int unvalued = qty != 0 and amount == 0
    cdef Scope *scope
    if unvalued != o.unvalued:
        count_unvalued(s, scopes, unvalued - o.unvalued)
        o.unvalued = <uint8_t>unvalued
    for i in range(scopes.row_count):
        scope = &s.scopes[scopes.rows[i]]
        rf_saturate(working_of(scope, buys), more)
        scope.open_orders += orders
    for i in range(scopes.margin_rows):
        rf_saturate(&s.scopes[scopes.rows[i]].margin, margin)
    for i in range(scopes.qty_row, scopes.row_count):
        scope = &s.scopes[scopes.rows[i]]
        rf_saturate(&scope.buy_qty if buys else &scope.sell_qty, more_qty)
    for i in range(scopes.row_count, scopes.all_rows):
        rf_saturate(working_of(&s.scopes[scopes.rows[i]], buys != (i == scopes.sold_row)), more)
    if o.side == RF_SIDE_SELL_SHORT and scopes.account_pair:
        rf_saturate(&s.scopes[scopes.rows[scopes.account_pair]].short_working, more_qty)
    o.reserved_qty = qty
    o.reserved_amount = amount
    o.counted = open_now


cdef void send_replace(EngineState *s, const ScopeSet *scopes) noexcept nogil:
    cdef uint64_t now = s.engine.engine_ns
    cdef int i
    cdef Scope *scope
    for i in range(scopes.row_count):
        scope = &s.scopes[scopes.rows[i]]
        scope.messages += 1
        if scope.limited & CLOCKS:
            advance_clock(&scope.message_tat, scope.message_interval, now)
            advance_clock(&scope.replace_tat, scope.replace_interval, now)


cdef void take_up(EngineState *s, const ScopeSet *belongs, Order *o, int64_t amount, int64_t margin) noexcept nogil:
    cdef Scope *scopes = s.scopes
    cdef int i, buys = o.side == RF_SIDE_BUY, n = belongs.row_count
    cdef int64_t qty = o.qty
    cdef uint64_t now = s.engine.engine_ns
    cdef Scope *scope
    for i in range(n):
        scope = &scopes[belongs.rows[i]]
        working_of(scope, buys)[0] += amount
        scope.open_orders += 1
        scope.messages += 1
        if scope.limited & CLOCKS:
            advance_clock(&scope.message_tat, scope.message_interval, now)
            advance_clock(&scope.new_tat, scope.new_interval, now)
    for i in range(belongs.qty_row, n):
        scope = &scopes[belongs.rows[i]]
        rf_saturate(&scope.buy_qty if buys else &scope.sell_qty, qty)
    if margin:
        for i in range(belongs.margin_rows):
            scopes[belongs.rows[i]].margin += margin
    for i in range(n, belongs.all_rows):
        working_of(&scopes[belongs.rows[i]], buys != (i == belongs.sold_row))[0] += amount
    if o.side == RF_SIDE_SELL_SHORT:
        rf_saturate(&scopes[belongs.rows[belongs.account_pair]].short_working, qty)
    o.reserved_qty = qty
    o.reserved_amount = amount
    o.counted = 1
    if amount == 0:
        count_unvalued(s, belongs, 1)
        o.unvalued = 1
    put_in_level(s, o, keenest_of(o))
    better_bound(s, o, keenest_of(o))


cdef inline int64_t keenest_of(const Order *o) noexcept nogil:
    return o.px if o.px or o.side != RF_SIDE_BUY else INT64_MAX


cdef inline void put_in_level(EngineState *s, Order *o, int64_t px) noexcept nogil:
    cdef Instrument *i = &s.instruments[o.instrument]
    cdef int buys = o.side == RF_SIDE_BUY
    cdef uint32_t first = i.first_buy if buys else i.first_sell, row = <uint32_t>o.order_id
    o.prev_level = 0
    o.next_level = first
    if first:
        s.orders[first].prev_level = row
    elif buys:
        i.best_buy = px
    else:
        i.best_sell = px
    if buys:
        i.first_buy = row
    else:
        i.first_sell = row


cdef inline void better_bound(EngineState *s, const Order *o, int64_t px) noexcept nogil:
    cdef Instrument *i = &s.instruments[o.instrument]
    if o.side == RF_SIDE_BUY:
        i.best_buy = px if px > i.best_buy else i.best_buy
    else:
        i.best_sell = px if px < i.best_sell else i.best_sell


cdef void level(EngineState *s, Order *o, int listed_now) noexcept nogil:
    """Keep the list of open orders of the instrument and side, and a bound of its best price: what an own order could trade with."""
    cdef Instrument *i = &s.instruments[o.instrument]
    cdef uint32_t *first = &i.first_buy if o.side == RF_SIDE_BUY else &i.first_sell
    cdef int listed = o.prev_level != 0 or first[0] == o.order_id
    cdef int64_t px
    if listed_now:
        px = keenest_px(s, o)
        if not listed:
            put_in_level(s, o, px)
        better_bound(s, o, px)
    elif listed:
        if o.next_level:
            s.orders[o.next_level].prev_level = o.prev_level
        if o.prev_level:
            s.orders[o.prev_level].next_level = o.next_level
        else:
            first[0] = o.next_level
        o.prev_level = 0
        o.next_level = 0


cdef int64_t keenest_px(const EngineState *s, const Order *o) noexcept nogil:
    cdef uint32_t row = o.first_request if o.replace_revision else 0
    cdef int64_t px = keenest_of(o), asked
    while row:
        asked = s.requests[row].px
        if asked and (asked > px if o.side == RF_SIDE_BUY else asked < px):
            px = asked
        row = s.requests[row].next
    return px


cdef void rehold(EngineState *s, Order *o, int64_t qty, int64_t px, int open_now) noexcept nogil:
    cdef const Instrument *i = &s.instruments[o.instrument]
    cdef int64_t amount = 0
    cdef ScopeSet spare
    if qty and (px > 0 or i.inverse) and (not amount_of(i, px, qty, &amount) or amount > RF_AMOUNT_MOST):
        amount = 0
    hold(s, scopes_of_order(s, o, &spare), o, qty, amount, open_now)
    o.reserved_px = px


cdef void reserve_anew(EngineState *s, Order *o, int open_now) noexcept nogil:
    cdef int64_t qty = open_qty(s, o) if open_now else 0
    cdef int64_t px = worst_px(s, o) if qty else o.reserved_px
    if o.counted != <uint32_t>open_now or qty != o.reserved_qty or px != o.reserved_px:
        rehold(s, o, qty, px, open_now)
    level(s, o, open_now)


cdef void reserve(EngineState *s, Order *o, int open_now) noexcept nogil:
    cdef int64_t qty = o.leaves_qty if open_now else 0, px = o.px if o.px > o.stop_px else o.stop_px
    if o.market_px > px:
        px = o.market_px
    if o.replace_revision or o.counted != <uint32_t>open_now or qty != o.reserved_qty or (qty and px != o.reserved_px):
        reserve_anew(s, o, open_now)


# ---- positions --------------------------------------------------------------------------------------------------------------------

cdef void look_for_loss(EngineState *s, Scope *scope) noexcept nogil:
    """A scope that has lost what it may lose in a day only reduces, until the next day or an operator."""
    cdef int64_t most = scope.limits[<int>RF_RISK_RULE_DAILY_LOSS]
    if most and scope.state == RF_SCOPE_STATE_OPEN and scope.profit < -most:
        audit_scope(s, RF_CONTROL_KIND_KILL, scope, RF_SCOPE_STATE_OPEN, RF_SCOPE_STATE_REDUCING)
        set_state(scope, RF_SCOPE_STATE_REDUCING)


cdef inline int64_t size_of(int64_t value) noexcept nogil:
    return value if value > 0 else -value


cdef void weigh(
    EngineState *s, Position *p, int64_t value, int64_t spent, int64_t profit, int64_t equity, uint32_t unvalued, int judged,
) noexcept nogil:
    """Bring what the scopes count of a position from what its row says to these figures and to its quantity; ``judged``: their losses too."""
    cdef ScopeSet spare
    cdef const ScopeSet *scopes
    cdef int64_t was_long = p.value if p.value > 0 else 0, is_long = value if value > 0 else 0
    cdef int64_t more_long = is_long - was_long, more_short = (is_long - value) - (was_long - p.value)
    cdef int64_t more_profit = profit - p.profit, more_net = p.net_qty - p.counted_qty, margin
    cdef Scope *scope
    cdef int i
    if p.scope_set == 0:
        p.scope_set = scope_set_of(s, p.strategy, p.account, 0, p.instrument)
    if p.scope_set:
        scopes = &s.scope_sets[p.scope_set]
    else:
        scopes = scopes_of(s, p.strategy, p.account, 0, p.instrument, &spare)
    if unvalued != p.unvalued:
        count_unvalued(s, scopes, <int>unvalued - <int>p.unvalued)
        p.unvalued = unvalued
    margin = margin_of(s, p.margin_rate, size_of(value), scopes.margin_ppm) - margin_of(s, p.margin_rate, size_of(p.value), scopes.margin_ppm)
    for i in range(scopes.row_count):
        scope = &s.scopes[scopes.rows[i]]
        rf_saturate(&scope.long_amount, more_long)
        rf_saturate(&scope.short_amount, more_short)
        rf_saturate(&scope.profit, more_profit)
        if i < scopes.margin_rows:
            rf_saturate(&scope.margin, margin)
            rf_saturate(&scope.spent, spent - p.spent)
            rf_saturate(&scope.equity, equity - p.equity)
        if i >= scopes.qty_row:
            rf_saturate(&scope.net_qty, more_net)
        if judged:
            look_for_loss(s, scope)
    for i in range(scopes.row_count, scopes.all_rows):
        scope = &s.scopes[scopes.rows[i]]
        rf_saturate(&scope.long_amount, more_short if i == scopes.sold_row else more_long)
        rf_saturate(&scope.short_amount, more_long if i == scopes.sold_row else more_short)
    p.counted_qty = p.net_qty
    p.value = value
    p.spent = spent
    p.profit = profit
    p.equity = equity


cdef void enter(EngineState *s, Position *p, uint64_t row) noexcept nogil:
    """A position that is counted for the first time: its place in the instrument's list, and its row of the margin schedule."""
    cdef Instrument *i = &s.instruments[p.instrument]
    p.margin_rate = margin_row(s, p.account, p.instrument)
    p.next_of_instrument = i.first_position
    i.first_position = <uint32_t>row
    p.counted = 1


cdef int gain_of(const Position *p, const Instrument *i, int64_t px, int64_t *out) noexcept nogil:
    """Realized and unrealized, each rounded away from zero by less than a unit; 0 for an inverse contract. Returned is whether it can be told."""
    cdef uint64_t lo = 0, hi = 0
    cdef int sign = 1 if i.inverse else rf_gain(p.realized_lo, p.realized_hi, p.cost_lo, p.cost_hi, p.net_qty, px, &lo, &hi)
    out[0] = 0
    if i.inverse or (sign and lo == 0 and hi == 0):
        return 1
    if sign == 0 or (px == 0 and p.net_qty) or not rf_scaled_words(lo, hi, i.amount_factor, i.amount_shift, out) or out[0] > RF_AMOUNT_MOST:
        return 0
    out[0] *= sign
    return 1


cdef int spent_on(const Position *p, const Instrument *i, int64_t value, int64_t *out) noexcept nogil:
    """What a long position cost, or is worth when that is more; an inverse contract's cost is not kept. Returned is whether it can be told."""
    cdef int64_t cost
    out[0] = value
    if i.inverse or p.cost_hi < 0:
        return 1
    if not rf_scaled_words(p.cost_lo, <uint64_t>p.cost_hi, i.amount_factor, i.amount_shift, &cost) or cost > RF_AMOUNT_MOST:
        return 0
    if cost > value:
        out[0] = cost
    return 1


cdef inline int64_t px_of(const EngineState *s, const Position *p) noexcept nogil:
    """The reference price, else that of its last trade; 0: none."""
    cdef int64_t px = reference_px(s, p.instrument)
    if px <= 0:
        px = p.last_px
    return px if px > 0 else 0


cdef void value_position(EngineState *s, uint64_t row, int judged, int booked) noexcept nogil:
    """``booked``: the ledger has what the position has; else its equity stays, and follows the booking."""
    cdef Position *p = &s.positions[row]
    cdef const Instrument *i = &s.instruments[p.instrument]
    cdef int64_t px = px_of(s, p), size = size_of(p.net_qty), value = 0, spent = 0, profit, equity = p.equity
    cdef uint32_t unvalued = 0
    if not p.counted:
        enter(s, p, row)
    if size and not ((px or i.inverse) and amount_of(i, px, size, &value) and value <= RF_AMOUNT_MOST):
        value = 0
        unvalued = 1
    if p.net_qty > 0 and not spent_on(p, i, value, &spent):
        unvalued = 1
    if not gain_of(p, i, px, &profit):
        unvalued = 1
        profit = p.day_profit
    if s.engine.weighing and booked and not equity_of(s, p, px, &equity):
        unvalued = 1
    weigh(s, p, value if p.net_qty > 0 else -value, spent, profit, equity, unvalued, judged)


cdef void revalue(EngineState *s, uint64_t row) noexcept nogil:
    value_position(s, row, 1, 1)


cdef void revalue_traded(EngineState *s, uint64_t row) noexcept nogil:
    value_position(s, row, 1, 0)


cdef void revalue_unjudged(EngineState *s, uint64_t row) noexcept nogil:
    value_position(s, row, 0, 1)


cdef void keep_day_profit(EngineState *s, uint64_t row) noexcept nogil:
    cdef Position *p = &s.positions[row]
    cdef int64_t gain
    if gain_of(p, &s.instruments[p.instrument], px_of(s, p), &gain):
        rf_saturate(&p.day_profit, gain - p.profit)
        p.profit = gain


cdef void revalue_instrument(EngineState *s, uint32_t instrument) noexcept nogil:
    cdef uint32_t row = s.instruments[instrument].first_position
    while row:
        revalue(s, row)
        row = s.positions[row].next_of_instrument


cdef void weigh_position(EngineState *s, uint64_t row) noexcept nogil:
    """Bring the equity of its scopes up to date; the rest of it too where something of it could not be told."""
    cdef Position *p = &s.positions[row]
    cdef const ScopeSet *scopes = &s.scope_sets[p.scope_set]
    cdef int64_t equity
    cdef int i
    if row == 0:
        return
    if not p.counted or p.unvalued or p.scope_set == 0 or not equity_of(s, p, px_of(s, p), &equity):
        value_position(s, row, 0, 1)
        return
    for i in range(scopes.margin_rows):
        rf_saturate(&s.scopes[scopes.rows[i]].equity, equity - p.equity)
    p.equity = equity


cdef inline void weigh_owner(EngineState *s, uint32_t position) noexcept nogil:
    cdef const LedgerPosition *p = &s.ledger.positions[position]
    weigh_position(s, find_position(s, p.account, p.strategy, p.instrument) if position else 0)


cdef void weigh_booked(EngineState *s, const LedgerEvent *source) noexcept nogil:
    """What a booking touched: its positions, and where it changed an earlier one all that were computed again with it."""
    cdef const LedgerEvent *e = &s.ledger.events[s.ledger.head.event_count]
    cdef uint32_t position
    if not s.engine.weighing:
        return
    if source.kind == RF_LEDGER_EVENT_KIND_FILL:
        weigh_position(s, find_position(s, source.account, source.strategy, source.instrument))
        return
    if e.root == 0 and e.kind != RF_LEDGER_EVENT_KIND_NAME_LOT:
        weigh_owner(s, e.position)
        weigh_owner(s, e.other_position)
        return
    position = s.ledger.events[e.root].position if e.root else e.position
    while position:
        weigh_owner(s, position)
        position = s.ledger.positions[position].next_of_family


cdef inline int traded_amount(const EngineState *s, uint32_t instrument, int64_t px, int64_t qty, int64_t *out) noexcept nogil:
    out[0] = 0
    return px != 0 and amount_of(&s.instruments[instrument], px if px > 0 else -px, qty, out)


cdef void tally(EngineState *s, const ScopeSet *scopes, uint8_t side, int64_t qty, int64_t amount, int told) noexcept nogil:
    """Add to what the day counts of trades; ``told`` is 0 when the amount cannot be."""
    cdef Scope *scope
    cdef int i
    if side == RF_SIDE_SELL_SHORT and scopes.account_pair:
        rf_saturate(&s.scopes[scopes.rows[scopes.account_pair]].short_qty, qty)
    for i in range(scopes.row_count):
        scope = &s.scopes[scopes.rows[i]]
        rf_saturate(&scope.turnover, amount)
        if not told:
            scope.limited |= RF_UNCOUNTED


cdef inline const ScopeSet *scopes_of_trade(
    EngineState *s, Order *o, uint16_t account, uint16_t strategy, uint16_t venue, uint32_t instrument, ScopeSet *spare,
) noexcept nogil:
    if o != NULL and o.account == account and o.instrument == instrument and o.venue == venue:
        return scopes_of_order(s, o, spare)
    return scopes_of(s, strategy, account, venue, instrument, spare)


cdef void count_trade(
    EngineState *s, Order *o, uint16_t account, uint16_t strategy, uint16_t venue, uint32_t instrument, uint8_t side, int64_t qty, int64_t px,
) noexcept nogil:
    cdef ScopeSet spare
    cdef const ScopeSet *scopes = scopes_of_trade(s, o, account, strategy, venue, instrument, &spare)
    cdef int64_t amount
    cdef int told = traded_amount(s, instrument, px, qty, &amount)
    tally(s, scopes, side, qty, amount, told)


cdef void count_correction(
    EngineState *s, Order *o, uint16_t account, uint16_t strategy, uint16_t venue, uint32_t instrument, uint8_t side, int64_t was_qty, int64_t was_px,
    int64_t qty, int64_t px,
) noexcept nogil:
    cdef ScopeSet spare
    cdef const ScopeSet *scopes = scopes_of_trade(s, o, account, strategy, venue, instrument, &spare)
    cdef int64_t amount, was
    cdef int told = traded_amount(s, instrument, px, qty, &amount)
    traded_amount(s, instrument, was_px, was_qty, &was)
    tally(s, scopes, side, qty - was_qty if qty > was_qty else 0, amount - was if amount > was else 0, told)


cdef void uncount_suspense(EngineState *s, uint16_t account, uint16_t venue, uint32_t instrument, uint8_t side, int64_t qty, int64_t px) noexcept nogil:
    cdef ScopeSet spare
    cdef const ScopeSet *scopes = scopes_of(s, 0, account, venue, instrument, &spare)
    cdef int64_t amount
    cdef int64_t *sum
    cdef int i
    amount_of(&s.instruments[instrument], px if px > 0 else -px, qty, &amount)
    if side == RF_SIDE_SELL_SHORT and scopes.account_pair:
        sum = &s.scopes[scopes.rows[scopes.account_pair]].short_qty
        sum[0] -= qty if qty < sum[0] else sum[0]
    for i in range(scopes.row_count):
        sum = &s.scopes[scopes.rows[i]].turnover
        sum[0] -= amount if amount < sum[0] else sum[0]


cdef void count_message(EngineState *s, Order *o) noexcept nogil:
    cdef ScopeSet spare
    cdef const ScopeSet *scopes = scopes_of_order(s, o, &spare)
    cdef Scope *scope
    cdef int i
    for i in range(scopes.row_count):
        scope = &s.scopes[scopes.rows[i]]
        scope.messages += 1
        advance_clock(&scope.message_tat, scope.message_interval, s.engine.engine_ns)


# ---- everything ---------------------------------------------------------------------------------------------------------------------

cdef void forget_sums(EngineState *s) noexcept nogil:
    cdef uint32_t i
    cdef uint64_t row
    cdef Scope *scope
    for i in range(1, s.engine.scope_count + 1):
        scope = &s.scopes[i]
        scope.open_orders = 0
        scope.working_buy = 0
        scope.working_sell = 0
        scope.long_amount = 0
        scope.short_amount = 0
        scope.profit = 0
        scope.net_qty = 0
        scope.buy_qty = 0
        scope.sell_qty = 0
        scope.short_working = 0
        scope.margin = 0
        scope.spent = 0
        scope.equity = 0
        scope.unvalued = 0
        scope.untold = 0
        scope.limited &= ~(RF_UNVALUED | RF_UNTOLD)
    for i in range(1, s.engine.instrument_count + 1):
        s.instruments[i].first_buy = 0
        s.instruments[i].first_sell = 0
    for row in range(1, s.engine.order_count + 1):
        s.orders[row].reserved_qty = 0
        s.orders[row].reserved_amount = 0
        s.orders[row].counted = 0
        s.orders[row].unvalued = 0
        s.orders[row].next_level = 0
        s.orders[row].prev_level = 0
    for row in range(1, s.engine.position_count + 1):
        s.positions[row].counted_qty = 0
        s.positions[row].value = 0
        s.positions[row].spent = 0
        s.positions[row].equity = 0
        s.positions[row].margin_rate = margin_row(s, s.positions[row].account, s.positions[row].instrument)
        s.positions[row].unvalued = 0
        s.positions[row].profit = s.positions[row].day_profit


cdef void recount(EngineState *s) noexcept nogil:
    cdef uint32_t strategy
    cdef uint64_t row
    cdef Order *o
    forget_sums(s)
    renew_scope_sets(s)
    for strategy in range(1, s.engine.strategy_count + 1):
        row = s.strategies[strategy].first_open
        while row:
            o = &s.orders[row]
            reserve(s, o, 1)
            row = o.next_open
    for row in range(1, s.engine.position_count + 1):
        revalue(s, row)
    weigh_all_cash(s)


cdef void begin_day(EngineState *s) noexcept nogil:
    cdef uint32_t i
    cdef uint64_t row
    cdef Position *p
    cdef int64_t gain
    for row in range(1, s.engine.position_count + 1):
        p = &s.positions[row]
        if not s.engine.counting and gain_of(p, &s.instruments[p.instrument], px_of(s, p), &gain):
            p.profit = gain  # limits that are set later in the day judge the profit of this day alone
        p.day_profit = p.profit
    for i in range(1, s.engine.scope_count + 1):
        s.scopes[i].turnover = 0
        s.scopes[i].profit = 0
        s.scopes[i].short_qty = 0
        s.scopes[i].messages = 0
        s.scopes[i].limited &= ~RF_UNCOUNTED
        if s.scopes[i].state == RF_SCOPE_STATE_REDUCING:
            audit_scope(s, RF_CONTROL_KIND_RELEASE, &s.scopes[i], RF_SCOPE_STATE_REDUCING, RF_SCOPE_STATE_OPEN)
            set_state(&s.scopes[i], RF_SCOPE_STATE_OPEN)


cdef int set_limit(EngineState *s, const LimitChange *change) noexcept nogil:
    cdef uint32_t row
    if change.rule == 0 or change.rule > RF_RISK_RULE_MAX or change.value < 0 or change.value > MOST[change.rule]:
        return 0
    if not SETTABLE[change.rule] >> change.kind & 1:
        return 0
    row = scope_of(s, change.kind, change.a, change.b)
    if row == 0:
        return 0
    store_limit(&s.scopes[row], change.rule, change.value)
    if not s.engine.counting or change.rule == RF_RISK_RULE_MARGIN_RATE or (change.rule == RF_RISK_RULE_FREE_MARGIN and not s.engine.weighing):
        s.engine.counting = 1
        s.engine.weighing |= change.rule == RF_RISK_RULE_FREE_MARGIN
        recount(s)
    look_for_loss(s, &s.scopes[row])
    return 1
