"""Intents: every field of the copied slot is checked, then an order or a request is made, or a denial with its reason goes back.

The intent is a copy in the journal slot; nothing of it is trusted but its bytes being stable (the loop checked sequence and CRC). The strategy is
the row of its ring. A client_id seen before answers with that order's state (S14). New risk (NEW, REPLACE) needs an enabled strategy, a
session that is up, a gateway and journal that keep pace and a fresh intent (S12); cancels pass in every state (S13).

    apply_intent ─▶ new_order / replace / cancel / cancel_all ─▶ orders.request_* ─▶ ports
                └▶ deny(reason): DenyReason NONE is 1, so a check that forgets to answer can never mean accepted

Bounds: constant, but for REDUCE_ONLY (walks the strategy's open orders) and CANCEL_ALL (one command an open order).
Rejected: trusting the client library to have validated (any process of that uid can write the ring).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.calendar cimport end_of_day_ns
from ringfence.core.checks cimport (
    Asked, ask_new, ask_replace, check_limits, count_refusal, market_px, reduces, self_match,
)
from ringfence.core.dedupe cimport find_client_id, find_position, put_content
from ringfence.core.orders cimport (
    cancel_open, create_order, is_engines, is_terminal, may_cancel, request_cancel, request_replace, request_room, settle, terms_hash,
)
from ringfence.core.permissions cimport permitted
from ringfence.core.ports cimport emit_command, emit_denial, emit_event
from ringfence.core.positions cimport trade_fits
from ringfence.core.reservations cimport send_replace, take_up, worst_px
from ringfence.core.routes cimport Skips, pick_route, took_route
from ringfence.core.scopes cimport known_scope
from ringfence.core.state cimport EngineState
from ringfence.ipc.failpoint cimport RF_FP
from ringfence.ipc.records cimport (
    RF_COMMAND_KIND_NEW, RF_DENY_REASON_BAD_CLIENT_ID, RF_DENY_REASON_BAD_KIND, RF_DENY_REASON_BAD_ORD_TYPE, RF_DENY_REASON_BAD_PRICE, RF_DENY_REASON_BAD_QTY,
    RF_DENY_REASON_BAD_SIDE, RF_DENY_REASON_BAD_TIME_IN_FORCE, RF_DENY_REASON_DUPLICATE_TERMS, RF_DENY_REASON_EXECUTIONS_FULL, RF_DENY_REASON_EXPIRED_DATE,
    RF_DENY_REASON_GATEWAY_STALLED, RF_DENY_REASON_INCONSISTENT, RF_DENY_REASON_JOURNAL_LATE, RF_DENY_REASON_JOURNAL_PRESSURE, RF_DENY_REASON_NONE,
    RF_DENY_REASON_NOT_PERMITTED, RF_DENY_REASON_NOT_SUPPORTED, RF_DENY_REASON_NO_LOCATE, RF_DENY_REASON_NO_ROUTE, RF_DENY_REASON_ORDERS_FULL,
    RF_DENY_REASON_ORDER_DONE, RF_DENY_REASON_ORDER_UNKNOWN, RF_DENY_REASON_OVERFLOW, RF_DENY_REASON_REDUCE_ONLY, RF_DENY_REASON_REQUEST_PENDING,
    RF_DENY_REASON_RESTRICTED, RF_DENY_REASON_SCOPES_FULL, RF_DENY_REASON_SELF_MATCH, RF_DENY_REASON_SESSION_DOWN, RF_DENY_REASON_STALE,
    RF_DENY_REASON_STRATEGY_DISABLED, RF_DENY_REASON_STRATEGY_STALLED, RF_DENY_REASON_TOO_MANY_REVISIONS, RF_DENY_REASON_TRADING_HALTED,
    RF_DENY_REASON_UNKNOWN_ACCOUNT, RF_DENY_REASON_UNKNOWN_INSTRUMENT, RF_DENY_REASON_UNKNOWN_ORDER, RF_EVENT_KIND_ACCEPTED, RF_EVENT_KIND_DUPLICATE,
    RF_INSTRUCTION_POST_ONLY, RF_INSTRUCTION_REDUCE_ONLY, RF_INTENT_KIND_CANCEL, RF_INTENT_KIND_CANCEL_ALL, RF_INTENT_KIND_NEW,
    RF_INTENT_KIND_REPLACE, RF_ORDER_UNVERIFIED, RF_ORD_STATUS_FILLED, RF_ORD_STATUS_UNKNOWN, RF_ORD_TYPE_LIMIT, RF_ORD_TYPE_MARKET, RF_ORD_TYPE_STOP,
    RF_ORD_TYPE_STOP_LIMIT, RF_RESTRICT_JOURNAL_SLOW, RF_REVISIONS_MAX, RF_RISK_RULE_CONSISTENCY, RF_RISK_RULE_GTD_DATE, RF_RISK_RULE_INSTRUMENT_ACTIVE,
    RF_RISK_RULE_LOT, RF_RISK_RULE_PERMISSION, RF_RISK_RULE_QTY_RANGE, RF_RISK_RULE_RESTRICTED_LIST, RF_RISK_RULE_SESSION_STATE, RF_RISK_RULE_SHORT_SALE,
    RF_RISK_RULE_STALE_INTENT, RF_RISK_RULE_SUPPORTED, RF_RISK_RULE_TICK, RF_SCOPE_KIND_ACCOUNT_INSTRUMENT, RF_SESSION_STATE_UP, RF_SIDE_BUY, RF_SIDE_SELL,
    RF_SIDE_SELL_SHORT, RF_STATUS_ACTIVE, RF_STRATEGY_STATUS_ENABLED, RF_STRATEGY_STATUS_REDUCE_ONLY, RF_TIME_IN_FORCE_FOK, RF_TIME_IN_FORCE_GTD,
    RF_TIME_IN_FORCE_IOC, RF_TIME_IN_FORCE_MAX, Instrument, Intent, Order, Strategy, Venue,
)

# Rules that every order has passed, whatever limits there are.
cdef uint64_t ALWAYS_CHECKED = (
    1 << RF_RISK_RULE_PERMISSION | 1 << RF_RISK_RULE_INSTRUMENT_ACTIVE | 1 << RF_RISK_RULE_SESSION_STATE | 1 << RF_RISK_RULE_STALE_INTENT
    | 1 << RF_RISK_RULE_SUPPORTED | 1 << RF_RISK_RULE_CONSISTENCY | 1 << RF_RISK_RULE_GTD_DATE | 1 << RF_RISK_RULE_TICK | 1 << RF_RISK_RULE_LOT
    | 1 << RF_RISK_RULE_QTY_RANGE | 1 << RF_RISK_RULE_RESTRICTED_LIST
)

cdef enum:
    REVISIONS_FOR_CANCELS = 64    # of the chain, kept free of replaces: an order can always be cancelled
    FUTURE_NS = 1000000000        # an intent stamped further ahead than this has a clock that says nothing about its age


cdef void deny(EngineState *s, uint16_t strategy, const Intent *i, uint8_t reason) noexcept nogil:
    s.engine.denies += 1
    s.strategies[strategy].denies += 1
    emit_denial(s, strategy, i, reason)


# ---- checks: each returns NONE or the reason -------------------------------------------------------------------------------

cdef uint8_t check_epoch(const EngineState *s, const Strategy *strategy, const Intent *i) noexcept nogil:
    if not strategy.attached:
        return RF_DENY_REASON_STRATEGY_DISABLED
    return RF_DENY_REASON_NONE if i.epoch == <uint32_t>strategy.epoch else RF_DENY_REASON_STALE


cdef uint8_t check_fresh(const EngineState *s, const Strategy *strategy, const Intent *i) noexcept nogil:
    cdef uint64_t now = s.engine.engine_ns
    if i.created_ns and i.created_ns < s.engine.started_ns:
        return RF_DENY_REASON_STALE
    if strategy.max_age_ns == 0:
        return RF_DENY_REASON_NONE
    if i.created_ns == 0 or i.created_ns > now + FUTURE_NS:
        return RF_DENY_REASON_STALE
    return RF_DENY_REASON_STALE if now > i.created_ns and now - i.created_ns > strategy.max_age_ns else RF_DENY_REASON_NONE


cdef uint8_t check_risk_allowed(const EngineState *s, const Strategy *strategy) noexcept nogil:
    if strategy.status != RF_STRATEGY_STATUS_ENABLED and strategy.status != RF_STRATEGY_STATUS_REDUCE_ONLY:
        return RF_DENY_REASON_STRATEGY_DISABLED
    if strategy.stalled:
        return RF_DENY_REASON_STRATEGY_STALLED
    if s.engine.journal_pressure | s.engine.restrictions == 0:
        return RF_DENY_REASON_NONE
    if s.engine.restrictions & ~RF_RESTRICT_JOURNAL_SLOW:
        return RF_DENY_REASON_TRADING_HALTED
    return RF_DENY_REASON_JOURNAL_PRESSURE if s.engine.journal_pressure else RF_DENY_REASON_NONE


cdef inline uint8_t why_only_reducing(const Strategy *strategy) noexcept nogil:
    return RF_DENY_REASON_STRATEGY_DISABLED if strategy.status == RF_STRATEGY_STATUS_REDUCE_ONLY else RF_DENY_REASON_JOURNAL_LATE


cdef uint8_t check_venue(const EngineState *s, uint16_t venue) noexcept nogil:
    if s.venues[venue].session_state != RF_SESSION_STATE_UP:
        return RF_DENY_REASON_SESSION_DOWN
    return RF_DENY_REASON_GATEWAY_STALLED if s.venues[venue].stalled else RF_DENY_REASON_NONE


cdef uint8_t check_supported(const EngineState *s, uint16_t venue, const Intent *i) noexcept nogil:
    """What the venue's profile does not map cannot be sent: it is refused here, never sent as something else."""
    cdef const Venue *v = &s.venues[venue]
    if v.ord_types and not v.ord_types >> i.ord_type & 1:
        return RF_DENY_REASON_NOT_SUPPORTED
    if v.time_in_forces and not v.time_in_forces >> i.time_in_force & 1:
        return RF_DENY_REASON_NOT_SUPPORTED
    if i.instructions & ~(v.instructions & RF_INSTRUCTION_POST_ONLY | RF_INSTRUCTION_REDUCE_ONLY):  # its other bits are not an order's
        return RF_DENY_REASON_NOT_SUPPORTED
    if i.instructions & RF_INSTRUCTION_POST_ONLY and (i.ord_type != RF_ORD_TYPE_LIMIT or i.time_in_force == RF_TIME_IN_FORCE_IOC
                                                      or i.time_in_force == RF_TIME_IN_FORCE_FOK):
        return RF_DENY_REASON_INCONSISTENT
    return RF_DENY_REASON_NONE


cdef inline int on_tick(const Instrument *instrument, int64_t px) noexcept nogil:
    """On the tick of the band that the price is in."""
    cdef int64_t tick = instrument.tick
    cdef int i
    if px <= 0:
        return 0
    for i in range(3):
        if instrument.band_px[i] == 0 or px < instrument.band_px[i]:
            break
        tick = instrument.band_tick[i]
    return tick <= 1 or px % tick == 0


cdef uint8_t check_listed(const EngineState *s, uint32_t row, uint8_t time_in_force, uint64_t expire_ns) noexcept nogil:
    """The restricted list, and the last day that a good-till-date order may live."""
    cdef const Instrument *instrument = &s.instruments[row]
    if instrument.restricted:
        return RF_DENY_REASON_RESTRICTED
    if time_in_force == RF_TIME_IN_FORCE_GTD and expire_ns <= s.engine.engine_ns:
        return RF_DENY_REASON_EXPIRED_DATE
    if instrument.last_day == 0:
        return RF_DENY_REASON_NONE
    if instrument.last_day < s.engine.day or (time_in_force == RF_TIME_IN_FORCE_GTD and expire_ns > end_of_day_ns(instrument.last_day)):
        return RF_DENY_REASON_EXPIRED_DATE
    return RF_DENY_REASON_NONE


cdef inline uint8_t check_locate(EngineState *s, uint16_t account, uint32_t instrument, uint8_t side) noexcept nogil:
    if s.instruments[instrument].locate_required and side == RF_SIDE_SELL_SHORT and not has_locate(s, account, instrument):
        count_refusal(s, RF_DENY_REASON_NO_LOCATE)
        return RF_DENY_REASON_NO_LOCATE
    return RF_DENY_REASON_NONE


cdef inline uint8_t check_counted(EngineState *s, Asked *a) noexcept nogil:
    """The limits of every scope of the order, and own orders that it would trade with."""
    cdef uint8_t reason = check_limits(s, a)
    return RF_DENY_REASON_SELF_MATCH if reason == RF_DENY_REASON_NONE and self_match(s, a) else reason


cdef inline int has_locate(const EngineState *s, uint16_t account, uint32_t instrument) noexcept nogil:
    cdef uint32_t row = known_scope(s, RF_SCOPE_KIND_ACCOUNT_INSTRUMENT, account, instrument)
    return row != 0 and s.scopes[row].limits[<int>RF_RISK_RULE_SHORT_SALE] > 0


cdef uint8_t check_price(const Instrument *instrument, uint8_t ord_type, int64_t px, int64_t stop_px) noexcept nogil:
    cdef int limited = ord_type == RF_ORD_TYPE_LIMIT or ord_type == RF_ORD_TYPE_STOP_LIMIT
    cdef int stopped = ord_type == RF_ORD_TYPE_STOP or ord_type == RF_ORD_TYPE_STOP_LIMIT
    if not limited and not stopped and ord_type != RF_ORD_TYPE_MARKET:
        return RF_DENY_REASON_BAD_ORD_TYPE
    if (px != 0 and not limited) or (stop_px != 0 and not stopped):
        return RF_DENY_REASON_BAD_ORD_TYPE
    if (limited and not on_tick(instrument, px)) or (stopped and not on_tick(instrument, stop_px)):
        return RF_DENY_REASON_BAD_PRICE
    return RF_DENY_REASON_NONE


cdef uint8_t check_qty(const Instrument *instrument, int64_t qty, int64_t display_qty) noexcept nogil:
    if qty <= 0 or qty < instrument.qty_min or (instrument.qty_max and qty > instrument.qty_max):
        return RF_DENY_REASON_BAD_QTY
    if display_qty < 0 or display_qty > qty:
        return RF_DENY_REASON_BAD_QTY
    if instrument.lot > 1 and (qty % instrument.lot or display_qty % instrument.lot):
        return RF_DENY_REASON_BAD_QTY
    return RF_DENY_REASON_NONE


cdef uint8_t check_terms(const EngineState *s, const Intent *i) noexcept nogil:
    cdef const Instrument *instrument
    cdef uint8_t reason
    if i.instrument == 0 or i.instrument > s.engine.instrument_count or s.instruments[i.instrument].status != RF_STATUS_ACTIVE:
        return RF_DENY_REASON_UNKNOWN_INSTRUMENT
    instrument = &s.instruments[i.instrument]
    if i.side != RF_SIDE_BUY and i.side != RF_SIDE_SELL and i.side != RF_SIDE_SELL_SHORT:
        return RF_DENY_REASON_BAD_SIDE
    reason = check_price(instrument, i.ord_type, i.px, i.stop_px)
    if reason != RF_DENY_REASON_NONE:
        return reason
    if i.time_in_force == 0 or i.time_in_force > RF_TIME_IN_FORCE_MAX or (i.time_in_force == RF_TIME_IN_FORCE_GTD and i.expire_ns == 0):
        return RF_DENY_REASON_BAD_TIME_IN_FORCE
    return check_qty(instrument, i.qty, i.display_qty)


cdef uint8_t check_tables(EngineState *s, uint16_t strategy, uint16_t account, uint32_t instrument) noexcept nogil:
    """Room for the order and what it trades: a fill that finds no row is in no position, and so in no sum."""
    if s.engine.order_count + 1 >= s.order_rows:
        return RF_DENY_REASON_ORDERS_FULL
    if s.engine.execution_count + s.execution_rows / 16 + 1 >= s.execution_rows:
        return RF_DENY_REASON_EXECUTIONS_FULL
    if s.engine.position_count + s.position_rows // 16 + 1 >= s.position_rows and not find_position(s, account, strategy, instrument):
        s.engine.scopes_full += 1
        return RF_DENY_REASON_SCOPES_FULL
    return RF_DENY_REASON_NONE


cdef inline int64_t higher(int64_t px, int64_t stop_px) noexcept nogil:
    return px if px > stop_px else stop_px


cdef uint8_t check_arithmetic(
    const EngineState *s, uint16_t strategy, uint16_t account, uint32_t instrument, uint8_t side, int64_t qty, int64_t px,
) noexcept nogil:
    return RF_DENY_REASON_NONE if trade_fits(s, account, strategy, instrument, qty if side == RF_SIDE_BUY else -qty, px) else RF_DENY_REASON_OVERFLOW


# ---- the four kinds ------------------------------------------------------------------------------------------------------

cdef uint8_t new_order(EngineState *s, uint16_t row, const Intent *i) noexcept nogil:
    cdef Strategy *strategy = &s.strategies[row]
    cdef uint16_t route = 0, account = 0, venue = 0
    cdef Skips skips
    cdef uint64_t existing
    cdef uint8_t reason
    cdef Order *o
    cdef Asked asked
    if i.client_id == 0 or is_engines(i.client_id):
        return RF_DENY_REASON_BAD_CLIENT_ID
    existing = find_client_id(s, row, i.client_id)
    if existing:
        if s.orders[existing].terms_hash != terms_hash(i):
            return RF_DENY_REASON_DUPLICATE_TERMS
        s.engine.duplicates += 1
        emit_event(s, &s.orders[existing], RF_EVENT_KIND_DUPLICATE, RF_DENY_REASON_NONE, 0, 0)
        return RF_DENY_REASON_NONE
    reason = check_risk_allowed(s, strategy)
    if reason == RF_DENY_REASON_NONE:
        reason = check_fresh(s, strategy, i)
    if reason == RF_DENY_REASON_NONE:
        reason = check_terms(s, i)
    if reason == RF_DENY_REASON_NONE:
        reason = pick_route(s, row, i, &route, &account, &venue, &skips)
    if reason == RF_DENY_REASON_NONE:
        reason = check_supported(s, venue, i)
    if reason == RF_DENY_REASON_NONE:
        reason = check_venue(s, venue)
    if reason == RF_DENY_REASON_NONE and not permitted(s, row, account, venue, i):
        reason = RF_DENY_REASON_NOT_PERMITTED
    if reason == RF_DENY_REASON_NONE:
        reason = check_listed(s, i.instrument, i.time_in_force, i.expire_ns)
    if reason == RF_DENY_REASON_NONE:
        reason = check_tables(s, row, account, i.instrument)
    if reason == RF_DENY_REASON_NONE:
        reason = check_arithmetic(s, row, account, i.instrument, i.side, i.qty, higher(i.px, i.stop_px))
    if reason == RF_DENY_REASON_NONE and (strategy.status == RF_STRATEGY_STATUS_REDUCE_ONLY or s.engine.restrictions):
        if not reduces(s, row, account, i.instrument, i.side, i.qty, NULL):
            reason = why_only_reducing(strategy)
    if reason == RF_DENY_REASON_NONE and skips.blocked:  # what blocks a route is refused by a check; should one miss it, nothing is sent all the same
        reason = skips.blocked
    if reason == RF_DENY_REASON_NONE and i.instructions & RF_INSTRUCTION_REDUCE_ONLY:
        if not reduces(s, row, account, i.instrument, i.side, i.qty, NULL):
            reason = RF_DENY_REASON_REDUCE_ONLY
    if reason != RF_DENY_REASON_NONE:
        count_refusal(s, reason)
        return reason
    reason = check_locate(s, account, i.instrument, i.side)
    if reason == RF_DENY_REASON_NONE and s.engine.counting:
        ask_new(s, row, account, venue, i, &asked)
        reason = check_counted(s, &asked)
    if reason != RF_DENY_REASON_NONE:
        return reason
    o = create_order(s, row, i, account, route, venue)
    if o == NULL:
        return RF_DENY_REASON_ORDERS_FULL
    took_route(s, &skips, o)
    o.checks = ALWAYS_CHECKED
    if not s.engine.counting:
        o.market_px = market_px(s, i.instrument, i.side, i.px)
        o.reserved_px = worst_px(s, o)
    else:
        o.checks |= asked.passed
        o.market_px = asked.market_px
        o.reserved_px = asked.worst_px
        o.content_digest = asked.content
        o.scope_set = asked.scope_set
        take_up(s, asked.scopes, o, asked.amount, asked.margin)
        put_content(s, asked.content, o.order_id)
    settle(s, o)
    RF_FP(b"E6")
    emit_command(s, o, RF_COMMAND_KIND_NEW, 0, 0, o.px, o.stop_px, o.qty)
    emit_event(s, o, RF_EVENT_KIND_ACCEPTED, RF_DENY_REASON_NONE, 0, 0)
    return RF_DENY_REASON_NONE


cdef Order *target(EngineState *s, uint16_t row, const Intent *i) noexcept nogil:
    cdef uint64_t order = find_client_id(s, row, i.client_id)
    return &s.orders[order] if order else NULL


cdef uint8_t cancel(EngineState *s, uint16_t row, const Intent *i) noexcept nogil:
    cdef Order *o = target(s, row, i)
    if o == NULL:
        return RF_DENY_REASON_UNKNOWN_ORDER if i.client_id else RF_DENY_REASON_BAD_CLIENT_ID
    if is_terminal(o.ord_status):
        return RF_DENY_REASON_ORDER_DONE
    if not request_room(s, o, 1):
        return RF_DENY_REASON_REQUEST_PENDING if o.cancel_revision else RF_DENY_REASON_TOO_MANY_REVISIONS
    if not may_cancel(s, o):
        return RF_DENY_REASON_GATEWAY_STALLED
    request_cancel(s, o)
    return RF_DENY_REASON_NONE


cdef uint8_t check_unchanged(const Order *o, const Intent *i) noexcept nogil:
    """A replace may leave side, type, time in force and instrument 0; naming another is refused, not ignored."""
    if i.side and i.side != o.side:
        return RF_DENY_REASON_BAD_SIDE
    if i.ord_type and i.ord_type != o.ord_type:
        return RF_DENY_REASON_BAD_ORD_TYPE
    if i.time_in_force and i.time_in_force != o.time_in_force:
        return RF_DENY_REASON_BAD_TIME_IN_FORCE
    return RF_DENY_REASON_NONE if i.instrument == 0 or i.instrument == o.instrument else RF_DENY_REASON_UNKNOWN_INSTRUMENT


cdef uint8_t check_replaceable(const EngineState *s, const Order *o, const Intent *i) noexcept nogil:
    if is_terminal(o.ord_status) and (o.ord_status != RF_ORD_STATUS_FILLED or i.qty <= o.cum_qty):
        return RF_DENY_REASON_ORDER_DONE
    if o.base_status == RF_ORD_STATUS_UNKNOWN or o.flags & RF_ORDER_UNVERIFIED:
        return RF_DENY_REASON_ORDER_UNKNOWN
    if o.revision >= RF_REVISIONS_MAX - REVISIONS_FOR_CANCELS:
        return RF_DENY_REASON_TOO_MANY_REVISIONS
    return check_unchanged(o, i) if request_room(s, o, 0) else RF_DENY_REASON_REQUEST_PENDING


cdef uint8_t check_active(const EngineState *s, const Order *o) noexcept nogil:
    """What an operator halts takes no new risk by a replace either, nor what could not be sent any more as a new order."""
    if s.instruments[o.instrument].status != RF_STATUS_ACTIVE:
        return RF_DENY_REASON_UNKNOWN_INSTRUMENT
    if s.accounts[o.account].status != RF_STATUS_ACTIVE:
        return RF_DENY_REASON_UNKNOWN_ACCOUNT
    if s.venues[o.venue].status != RF_STATUS_ACTIVE or s.routes[o.route].status != RF_STATUS_ACTIVE:
        return RF_DENY_REASON_NO_ROUTE
    return check_listed(s, o.instrument, o.time_in_force, o.expire_ns)


cdef uint8_t check_still(const EngineState *s, const Order *o) noexcept nogil:
    """A grant that was taken away stops replaces of what it once allowed, and so does a venue that has the order's type no more."""
    cdef Intent terms
    cdef uint8_t reason
    terms.instrument = o.instrument
    terms.side = o.side
    terms.ord_type = o.ord_type
    terms.time_in_force = o.time_in_force
    terms.instructions = o.instructions
    reason = check_supported(s, o.venue, &terms)
    if reason == RF_DENY_REASON_NONE and not permitted(s, o.strategy, o.account, o.venue, &terms):
        return RF_DENY_REASON_NOT_PERMITTED
    return reason


cdef uint8_t replace(EngineState *s, uint16_t row, const Intent *i) noexcept nogil:
    """Ask for new total quantity and prices; a price of 0 keeps the order's."""
    cdef Strategy *strategy = &s.strategies[row]
    cdef Order *o = target(s, row, i)
    cdef uint8_t reason
    cdef int64_t px, stop_px
    cdef Asked asked
    if o == NULL:
        return RF_DENY_REASON_UNKNOWN_ORDER if i.client_id else RF_DENY_REASON_BAD_CLIENT_ID
    px = i.px if i.px else o.px
    stop_px = i.stop_px if i.stop_px else o.stop_px
    reason = check_replaceable(s, o, i)
    if reason == RF_DENY_REASON_NONE:
        reason = check_risk_allowed(s, strategy)
    if reason == RF_DENY_REASON_NONE:
        reason = check_fresh(s, strategy, i)
    if reason == RF_DENY_REASON_NONE:
        reason = check_active(s, o)
    if reason == RF_DENY_REASON_NONE:
        reason = check_price(&s.instruments[o.instrument], o.ord_type, px, stop_px)
    if reason == RF_DENY_REASON_NONE:
        reason = check_qty(&s.instruments[o.instrument], i.qty, o.display_qty if o.display_qty < i.qty else 0)
    if reason == RF_DENY_REASON_NONE:
        reason = check_venue(s, o.venue)
    if reason == RF_DENY_REASON_NONE:
        reason = check_arithmetic(s, row, o.account, o.instrument, o.side, i.qty, higher(px, stop_px))
    if reason == RF_DENY_REASON_NONE and (strategy.status == RF_STRATEGY_STATUS_REDUCE_ONLY or s.engine.restrictions):
        if i.qty > o.cum_qty and not reduces(s, row, o.account, o.instrument, o.side, i.qty - o.cum_qty, o):
            reason = why_only_reducing(strategy)
    if reason == RF_DENY_REASON_NONE:
        reason = check_still(s, o)
    if reason == RF_DENY_REASON_NONE and o.instructions & RF_INSTRUCTION_REDUCE_ONLY:
        if i.qty > o.cum_qty and not reduces(s, row, o.account, o.instrument, o.side, i.qty - o.cum_qty, o):
            reason = RF_DENY_REASON_REDUCE_ONLY
    if reason != RF_DENY_REASON_NONE:
        count_refusal(s, reason)
        return reason
    reason = check_locate(s, o.account, o.instrument, o.side)
    if reason == RF_DENY_REASON_NONE and s.engine.counting:
        ask_replace(s, o, i.qty, px, stop_px, &asked)
        reason = check_counted(s, &asked)
    if reason == RF_DENY_REASON_NONE:
        if s.engine.counting:
            send_replace(s, asked.scopes)
            o.market_px = asked.market_px
            o.checks |= asked.passed
        request_replace(s, o, px, stop_px, i.qty)
    return reason


cdef void apply_intent(EngineState *s, uint16_t strategy, const Intent *i) noexcept nogil:
    cdef uint8_t reason
    if strategy == 0 or strategy > s.engine.strategy_count:
        s.engine.denies += 1
        return
    s.intent_ns = i.created_ns
    s.origin_ns = i.origin_ns
    s.engine.intents += 1
    s.strategies[strategy].intents += 1
    reason = check_epoch(s, &s.strategies[strategy], i)
    if reason == RF_DENY_REASON_NONE:
        if i.kind == RF_INTENT_KIND_NEW:
            reason = new_order(s, strategy, i)
        elif i.kind == RF_INTENT_KIND_CANCEL:
            reason = cancel(s, strategy, i)
        elif i.kind == RF_INTENT_KIND_REPLACE:
            reason = replace(s, strategy, i)
        elif i.kind == RF_INTENT_KIND_CANCEL_ALL:
            if cancel_open(s, strategy, i.instrument, i.account, 0) != 0:
                reason = RF_DENY_REASON_GATEWAY_STALLED
        else:
            reason = RF_DENY_REASON_BAD_KIND
    if reason != RF_DENY_REASON_NONE:
        deny(s, strategy, i, reason)
