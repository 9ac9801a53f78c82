"""Routes: from an intent to an account and a venue; rows in order, the first that fits and can take it now.

A row fits by instrument, account, strategy, side, quantity and time of the UTC day; 0 means any. It can take the order when its account is active, the
venue's profile has the order's type, time in force and instructions, its session is up and keeps pace, no kill switch of the venue is on and the venue's
message budget is not used up. One that fits and cannot is skipped, counted, and noted on the order: a fallback never changes what the order asks.
When none that fits can take it, the last of them is given all the same: the checks then refuse it with their own reason and count it where limits are shown.
Cancels and replaces stay with their order's venue and never come here.

    intent ──▶ misfit? ──▶ blocked? ──▶ (route, account, venue), Skips ──▶ Order.routes_skipped, Route.chosen

The table is in the state region, written by the engine alone from DEFINE_ROUTE commands. What can fail: NO_ROUTE or UNKNOWN_ACCOUNT, both denials.
A scan of a few rows of two cache lines each; rejected: an index (its upkeep costs more than it saves below some hundred routes).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.rates cimport has_message
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_DENY_REASON_GATEWAY_STALLED, RF_DENY_REASON_KILLED, RF_DENY_REASON_MESSAGE_RATE, RF_DENY_REASON_NO_ROUTE, RF_DENY_REASON_NONE,
    RF_DENY_REASON_NOT_SUPPORTED, RF_DENY_REASON_SESSION_DOWN, RF_DENY_REASON_UNKNOWN_ACCOUNT, RF_INSTRUCTION_POST_ONLY, RF_RISK_RULE_CANCEL_RESERVE,
    RF_RISK_RULE_MESSAGE_BURST, RF_SCOPE_STATE_KILLED, RF_SESSION_STATE_UP, RF_SIDE_SELL, RF_SIDE_SELL_SHORT, RF_STATUS_ACTIVE, Intent, Order, Route,
    Scope, Venue,
)

cdef enum:
    SECOND_NS = 1000000000
    DAY_S = 86400


cdef inline int in_time(const EngineState *s, const Route *r) noexcept nogil:
    """Constants as divisors: the compiler multiplies."""
    cdef uint32_t now
    if r.from_s == r.until_s:
        return 1
    now = <uint32_t>(s.engine.engine_ns // SECOND_NS % DAY_S)
    if r.from_s < r.until_s:
        return r.from_s <= now < r.until_s
    return now >= r.from_s or now < r.until_s


cdef int misfit(const EngineState *s, uint16_t route, uint16_t strategy, const Intent *intent) noexcept nogil:
    cdef const Route *r = &s.routes[route]
    if r.status != RF_STATUS_ACTIVE or r.venue == 0 or r.venue > s.engine.venue_count or s.venues[r.venue].status != RF_STATUS_ACTIVE:
        return MISFIT_HALTED
    if r.instrument and r.instrument != intent.instrument:
        return MISFIT_INSTRUMENT
    if r.account and intent.account and r.account != intent.account:
        return MISFIT_ACCOUNT
    if r.strategy and r.strategy != strategy:
        return MISFIT_STRATEGY
    if r.side and r.side != intent.side and not (r.side == RF_SIDE_SELL and intent.side == RF_SIDE_SELL_SHORT):
        return MISFIT_SIDE
    if intent.qty < r.qty_min or (r.qty_max and intent.qty > r.qty_max):
        return MISFIT_QTY
    return MISFIT_NONE if in_time(s, r) else MISFIT_TIME


cdef inline int supports(const Venue *v, const Intent *i) noexcept nogil:
    return (
        (v.ord_types == 0 or v.ord_types >> (i.ord_type & 31) & 1)
        and (v.time_in_forces == 0 or v.time_in_forces >> (i.time_in_force & 31) & 1)
        and not i.instructions & RF_INSTRUCTION_POST_ONLY & ~v.instructions
    )


cdef inline int has_budget(const EngineState *s, const Scope *scope) noexcept nogil:
    """What MESSAGE_RATE of the venue would say: a route that it would refuse is skipped. A clock that is not ahead fits, unless room is kept for cancels."""
    cdef uint64_t now = s.engine.engine_ns
    if scope.message_interval == 0 or (scope.message_tat <= now and scope.limits[<int>RF_RISK_RULE_CANCEL_RESERVE] == 0):
        return 1
    return has_message(
        scope.message_tat, now, scope.message_interval, scope.limits[<int>RF_RISK_RULE_MESSAGE_BURST], scope.limits[<int>RF_RISK_RULE_CANCEL_RESERVE],
    )


cdef uint8_t hindered(const EngineState *s, uint16_t route, const Intent *intent) noexcept nogil:
    """NONE, or what is in the way beside a kill."""
    cdef const Venue *v = &s.venues[s.routes[route].venue]
    cdef uint16_t account = intent.account if intent.account else s.routes[route].account
    if account == 0 or account > s.engine.account_count or s.accounts[account].status != RF_STATUS_ACTIVE:
        return RF_DENY_REASON_UNKNOWN_ACCOUNT
    if not supports(v, intent):
        return RF_DENY_REASON_NOT_SUPPORTED
    if v.session_state != RF_SESSION_STATE_UP:
        return RF_DENY_REASON_SESSION_DOWN
    if v.stalled:
        return RF_DENY_REASON_GATEWAY_STALLED
    return RF_DENY_REASON_NONE if v.scope == 0 or has_budget(s, &s.scopes[v.scope]) else RF_DENY_REASON_MESSAGE_RATE


cdef uint8_t blocked(const EngineState *s, uint16_t route, const Intent *intent) noexcept nogil:
    cdef uint8_t reason = hindered(s, route, intent)
    cdef uint32_t scope = s.venues[s.routes[route].venue].scope
    if scope and s.scopes[scope].state == RF_SCOPE_STATE_KILLED and (reason == RF_DENY_REASON_NONE or reason == RF_DENY_REASON_MESSAGE_RATE):
        return RF_DENY_REASON_KILLED
    return reason


cdef uint8_t pick_route(
    EngineState *s, uint16_t strategy, const Intent *intent, uint16_t *route, uint16_t *account, uint16_t *venue, Skips *skips,
) noexcept nogil:
    cdef uint32_t i, first = 1, last = s.engine.route_count
    cdef uint16_t found = 0
    cdef uint8_t reason
    skips.count = 0
    skips.reason = 0
    skips.blocked = 0
    skips.killed = 0
    if intent.account > s.engine.account_count:
        return RF_DENY_REASON_UNKNOWN_ACCOUNT
    if intent.route > s.engine.route_count:
        return RF_DENY_REASON_NO_ROUTE
    if intent.route:
        first = intent.route
        last = intent.route
    for i in range(first, last + 1):
        if misfit(s, <uint16_t>i, strategy, intent) != MISFIT_NONE:
            continue
        reason = blocked(s, <uint16_t>i, intent)
        found = <uint16_t>i
        skips.blocked = 0
        if reason == RF_DENY_REASON_NONE:
            break
        if reason == RF_DENY_REASON_KILLED and skips.killed == 0 and hindered(s, <uint16_t>i, intent) == RF_DENY_REASON_NONE:
            skips.killed = <uint16_t>i
        s.routes[i].skipped += 1
        skips.count += 1
        skips.reason = reason
        skips.blocked = reason
    if found == 0:
        return RF_DENY_REASON_NO_ROUTE
    if skips.blocked == RF_DENY_REASON_UNKNOWN_ACCOUNT:
        return RF_DENY_REASON_UNKNOWN_ACCOUNT
    route[0] = found
    account[0] = intent.account if intent.account else s.routes[found].account
    venue[0] = s.routes[found].venue
    return RF_DENY_REASON_NONE


cdef void took_route(EngineState *s, const Skips *skips, Order *o) noexcept nogil:
    o.routes_skipped = skips.count
    o.skip_reason = skips.reason
    s.routes[o.route].chosen += 1
