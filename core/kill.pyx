"""Kill switches: a scope that takes no risk until two operators release it, and the end of what it has open.

    KILL command, KILL_WORD observation, STRATEGY_SILENT, too many rejects ──▶ scope KILLED ──▶ check_limits refuses; cancels pass
                                                                         └──▶ one cancel an open order of the scope, now and by the timer until none is left
                                                                         └──▶ KILL_FLATTEN: one market order a position, now and by the timer until it is flat

A kill never waits: one operator, one input. What could not be cancelled at once (a session that is down, a gateway that does not keep pace, an order whose
cancel was refused) is asked for again by the timer's sweep, at most once a second an order and less often with every eighth request, so that the revisions of
an order outlast any night, until the order is over: the proof is the list of the scope's open orders, which empties. A silent strategy's orders likewise. An
order of the engine's own has a client_id with FLATTEN_CLIENT_ID in its high word; it passes kills, takes the first route that can, a killed venue's when
there is no other, and is at most qty_max large. It never turns a position round: what open orders may still close is left to them, also while they are being
cancelled. What was not filled is tried again by the timer after a second, then two, four, up to LONGEST_S, since each order takes a row; a trade of the
position begins that anew. What found no way (no route, a session that is down, no message left) took no row and is looked at every second;
``Position.flatten_reason`` says what was in the way. Positions are of no venue, so a venue's kill cannot flatten, and what is in suspense has no strategy to
close it for. What venues answer to the engine's own orders counts in no scope's REJECT_LIMIT.
The pace is engine time. While that stands still (the host's clock was set back behind the journal), every TICKS_STOOD-th timer frame takes its place.
Written by the engine alone. What can fail: a scope that cannot be, or a full scope table: 0, and the command changes nothing.
Rejected: flattening with limit orders (they may rest in a market that is gone), a kill that waits for a second operator.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.audit cimport audit_scope, audit_strategy
from ringfence.core.orders cimport cancel_awaited, create_order, is_engines, may_cancel, request_cancel, request_room, settle
from ringfence.core.ports cimport emit_command, emit_event
from ringfence.core.proposals cimport withdraw_within
from ringfence.core.reservations cimport count_message, look_for_loss, open_qty, recount
from ringfence.core.routes cimport Skips, pick_route, took_route
from ringfence.core.scopes cimport known_scope, scope_of, scopes_of, scopes_of_order, set_state, within
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_COMMAND_KIND_NEW, RF_CONTROL_KIND_KILL, RF_DENY_REASON_KILLED, RF_DENY_REASON_MESSAGE_RATE, RF_DENY_REASON_NONE,
    RF_DENY_REASON_ORDERS_FULL, RF_EVENT_KIND_ACCEPTED,
    RF_FLATTEN_CLIENT_ID, RF_INTENT_KIND_NEW, RF_KILL_CANCEL, RF_KILL_FLATTEN,
    RF_ORD_TYPE_MARKET, RF_RISK_RULE_REJECT_LIMIT, RF_SCOPE_KIND_FIRM, RF_SCOPE_KIND_VENUE,
    RF_SCOPE_STATE_KILLED, RF_SCOPE_STATE_OPEN, RF_SESSION_STATE_UP, RF_SIDE_BUY, RF_SIDE_SELL, RF_STRATEGY_STATUS_CANCEL_ONLY, RF_STRATEGY_STATUS_ENABLED,
    RF_STRATEGY_STATUS_REDUCE_ONLY, RF_TIME_IN_FORCE_IOC, Intent, KillOrder, Order, Position, Scope, ScopeSet,
)

cdef enum:
    AGAIN_NS = 1000000000    # what was refused or could not be asked for is tried again after so long
    TICKS_STOOD = 16         # timer frames without a step of engine time that stand for so long
    LONGEST_S = 4096         # between two orders that flatten one position


cdef int belongs(const EngineState *s, uint32_t scope, const Order *o) noexcept nogil:
    return within(s, s.scopes[scope].kind, s.scopes[scope].a, s.scopes[scope].b, o.account, o.strategy, o.venue, o.instrument)


cdef inline int has_position(const EngineState *s, uint32_t scope, const Position *p) noexcept nogil:
    return within(s, s.scopes[scope].kind, s.scopes[scope].a, s.scopes[scope].b, p.account, p.strategy, 0, p.instrument)


# ---- orders ---------------------------------------------------------------------------------------------------------------------

cdef void cancel_one(EngineState *s, Order *o) noexcept nogil:
    """Ask for it, when somebody is there to answer; else the sweep does. Of what is filled and waits only for an old answer nothing may trade any more."""
    if o.leaves_qty == 0 and o.replace_revision == 0:
        return
    if s.venues[o.venue].session_state == RF_SESSION_STATE_UP and not cancel_awaited(s, o) and request_room(s, o, 1) and may_cancel(s, o):
        request_cancel(s, o)


cdef inline int is_due(const EngineState *s, uint64_t since_ns, uint32_t times) noexcept nogil:
    """``times`` AGAIN_NS have passed, or so many timer frames while engine time stands still."""
    if s.engine.engine_ns - since_ns >= <uint64_t>AGAIN_NS * times:
        return 1
    return s.engine.sweep_stood != 0 and s.engine.sweep_stood % (TICKS_STOOD * times) == 0


cdef void cancel_within(EngineState *s, uint32_t scope) noexcept nogil:
    cdef uint32_t strategy, row
    cdef Order *o
    for strategy in range(1, s.engine.strategy_count + 1):
        row = s.strategies[strategy].first_open
        while row:
            o = &s.orders[row]
            row = o.next_open
            if belongs(s, scope, o):
                cancel_one(s, o)


cdef int killed_with_cancel(EngineState *s, Order *o) noexcept nogil:
    cdef ScopeSet spare
    cdef const ScopeSet *scopes = scopes_of_order(s, o, &spare)
    cdef int i
    for i in range(scopes.all_rows):
        if s.scopes[scopes.rows[i]].state == RF_SCOPE_STATE_KILLED and s.scopes[scopes.rows[i]].kill_options & RF_KILL_CANCEL:
            return 1
    return 0


cdef void sweep_orders(EngineState *s) noexcept nogil:
    cdef uint32_t strategy, row
    cdef Order *o
    for strategy in range(1, s.engine.strategy_count + 1):
        if s.engine.killed_scopes == 0 and not s.strategies[strategy].silent:
            continue
        row = s.strategies[strategy].first_open
        while row:
            o = &s.orders[row]
            row = o.next_open
            if is_due(s, o.updated_ns, 1 + (o.revision >> 3)) and (s.strategies[strategy].silent or killed_with_cancel(s, o)):
                cancel_one(s, o)


cdef int killed_with_flatten(EngineState *s, const Position *p) noexcept nogil:
    cdef ScopeSet spare
    cdef const ScopeSet *scopes = scopes_of(s, p.strategy, p.account, 0, p.instrument, &spare)
    cdef int i
    for i in range(scopes.all_rows):
        if s.scopes[scopes.rows[i]].state == RF_SCOPE_STATE_KILLED and s.scopes[scopes.rows[i]].kill_options & RF_KILL_FLATTEN:
            return 1
    return 0


cdef void sweep_positions(EngineState *s) noexcept nogil:
    """Once a second at most: a look costs a pass over the positions."""
    cdef uint64_t row
    cdef Position *p
    if s.engine.killed_scopes == 0 or not is_due(s, s.engine.flatten_ns, 1):
        return
    s.engine.flatten_ns = s.engine.engine_ns
    for row in range(1, s.engine.position_count + 1):
        p = &s.positions[row]
        if p.net_qty and p.strategy and killed_with_flatten(s, p):
            flatten_one(s, p, 0)


cdef void sweep_kills(EngineState *s) noexcept nogil:
    s.engine.sweep_stood = s.engine.sweep_stood + 1 if s.engine.engine_ns == s.engine.sweep_ns else 0
    s.engine.sweep_ns = s.engine.engine_ns
    sweep_orders(s)
    sweep_positions(s)


# ---- positions --------------------------------------------------------------------------------------------------------------------

cdef int64_t still_closing(const EngineState *s, const Position *p) noexcept nogil:
    """What open orders of the position's strategy, its earlier flattening included, may still close of it."""
    cdef uint32_t row = s.strategies[p.strategy].first_open
    cdef int64_t qty = 0
    cdef const Order *o
    while row:
        o = &s.orders[row]
        row = o.next_open
        if o.instrument == p.instrument and o.account == p.account and (o.side == RF_SIDE_BUY) == (p.net_qty < 0):
            qty += open_qty(s, o)
    return qty


cdef void name_flatten(const EngineState *s, const Position *p, int64_t qty, Intent *intent) noexcept nogil:
    """The market order that closes so much of a position."""
    memset(intent, 0, sizeof(Intent))
    intent.kind = RF_INTENT_KIND_NEW
    intent.instrument = p.instrument
    intent.account = p.account
    intent.side = RF_SIDE_SELL if p.net_qty > 0 else RF_SIDE_BUY
    intent.qty = qty
    intent.ord_type = RF_ORD_TYPE_MARKET
    intent.time_in_force = RF_TIME_IN_FORCE_IOC
    intent.client_id = <uint64_t>RF_FLATTEN_CLIENT_ID << 32 | (s.engine.flatten_orders + 1)


cdef uint8_t send_flatten(EngineState *s, const Position *p, int64_t qty) noexcept nogil:
    """Make the order and send it; else why it cannot be now."""
    cdef Intent intent
    cdef Skips skips
    cdef uint16_t route, account, venue
    cdef uint8_t reason
    cdef Order *o
    name_flatten(s, p, qty, &intent)
    reason = pick_route(s, p.strategy, &intent, &route, &account, &venue, &skips)
    if reason != RF_DENY_REASON_NONE:
        return reason
    if skips.blocked and not skips.killed:  # one that is killed and could not else has no message left
        return skips.blocked if skips.blocked != RF_DENY_REASON_KILLED else RF_DENY_REASON_MESSAGE_RATE
    if skips.blocked:  # every route that could is a killed venue's, which is no hindrance here
        route = skips.killed
        venue = s.routes[route].venue
        skips.count -= 1
        skips.reason = skips.reason if skips.count else 0
    o = create_order(s, p.strategy, &intent, account, route, venue)
    if o == NULL:
        return RF_DENY_REASON_ORDERS_FULL
    s.engine.flatten_orders += 1
    if s.engine.counting:
        count_message(s, o)
    o.market_px = p.last_px
    o.reserved_px = p.last_px
    took_route(s, &skips, o)
    settle(s, o)
    emit_command(s, o, RF_COMMAND_KIND_NEW, 0, 0, 0, 0, o.qty)
    emit_event(s, o, RF_EVENT_KIND_ACCEPTED, RF_DENY_REASON_NONE, 0, 0)
    return RF_DENY_REASON_NONE


cdef inline uint32_t patience(const Position *p) noexcept nogil:
    """Seconds from the last order that flattens it to the next."""
    cdef uint32_t doublings = p.flatten_tries - 1
    return <uint32_t>1 << doublings if doublings < 12 else LONGEST_S


cdef void flatten_one(EngineState *s, Position *p, int now) noexcept nogil:
    """Close what no open order closes already; ``now`` without regard to the last try."""
    cdef int64_t qty, most = s.instruments[p.instrument].qty_max
    if not now and p.flatten_tries and not is_due(s, p.flatten_ns, patience(p)):
        return
    qty = (p.net_qty if p.net_qty > 0 else -p.net_qty) - still_closing(s, p)
    if qty <= 0:
        return
    p.flatten_reason = send_flatten(s, p, most if most and qty > most else qty)
    if p.flatten_reason == RF_DENY_REASON_NONE:
        p.flatten_ns = s.engine.engine_ns
        p.flatten_tries += 1


cdef void flatten(EngineState *s, uint32_t scope) noexcept nogil:
    cdef uint64_t row
    cdef Position *p
    for row in range(1, s.engine.position_count + 1):
        p = &s.positions[row]
        if p.net_qty and p.strategy and has_position(s, scope, p):
            flatten_one(s, p, 1)


cdef void forget_tries(EngineState *s, uint32_t scope) noexcept nogil:
    """The kill is released: a later one begins anew."""
    cdef uint64_t row
    cdef Position *p
    for row in range(1, s.engine.position_count + 1):
        p = &s.positions[row]
        if has_position(s, scope, p):
            p.flatten_ns = 0
            p.flatten_tries = 0
            p.flatten_reason = 0


# ---- the switch -------------------------------------------------------------------------------------------------------------------

cdef void strike(EngineState *s, uint32_t row, uint8_t options, uint32_t uid) noexcept nogil:
    cdef Scope *scope = &s.scopes[row]
    withdraw_within(s, scope.kind, scope.a, scope.b, uid)
    if scope.state != RF_SCOPE_STATE_KILLED:
        s.engine.killed_scopes += 1
        scope.kill_seq = s.engine.seq
    set_state(scope, RF_SCOPE_STATE_KILLED)
    scope.kill_options |= options
    if not s.engine.counting:
        s.engine.counting = 1
        recount(s)
    if options & RF_KILL_CANCEL:
        cancel_within(s, row)
    if options & RF_KILL_FLATTEN:
        flatten(s, row)


cdef int kill(EngineState *s, const KillOrder *k, uint32_t uid) noexcept nogil:
    cdef uint32_t row
    if k.options & ~(RF_KILL_CANCEL | RF_KILL_FLATTEN) or (k.kind == RF_SCOPE_KIND_VENUE and k.options & RF_KILL_FLATTEN):
        return 0
    row = scope_of(s, k.kind, k.a, k.b)
    if row == 0:
        return 0
    strike(s, row, k.options, uid)
    return 1


cdef int64_t held_back(const EngineState *s, const KillOrder *k) noexcept nogil:
    cdef const Scope *scope = &s.scopes[known_scope(s, k.kind, k.a, k.b)]
    return <int64_t>(scope.kill_seq << 8 | scope.state) if scope.id and scope.state != RF_SCOPE_STATE_OPEN else 0


cdef int release(EngineState *s, const KillOrder *k) noexcept nogil:
    cdef Scope *scope = &s.scopes[known_scope(s, k.kind, k.a, k.b)]
    cdef uint8_t before = scope.state
    if not held_back(s, k):
        return 0
    if scope.kill_options & RF_KILL_FLATTEN:
        forget_tries(s, scope.id)
    set_state(scope, RF_SCOPE_STATE_OPEN)
    scope.kill_options = 0
    scope.kill_seq = 0
    scope.rejects = 0
    if before == RF_SCOPE_STATE_KILLED:
        s.engine.killed_scopes -= 1
        look_for_loss(s, scope)  # agreed was that the kill ends, not that more may be lost
    return 1


cdef void kill_by_word(EngineState *s, uint16_t venue) noexcept nogil:
    cdef uint32_t row = scope_of(s, RF_SCOPE_KIND_VENUE if venue else RF_SCOPE_KIND_FIRM, venue, 0)
    if row:
        strike(s, row, RF_KILL_CANCEL, 0)


cdef void silence(EngineState *s, uint16_t strategy) noexcept nogil:
    cdef uint8_t before = s.strategies[strategy].status
    cdef uint32_t row
    cdef Order *o
    if s.strategies[strategy].status == RF_STRATEGY_STATUS_ENABLED or s.strategies[strategy].status == RF_STRATEGY_STATUS_REDUCE_ONLY:
        s.strategies[strategy].status = RF_STRATEGY_STATUS_CANCEL_ONLY
    s.strategies[strategy].silent = 1
    audit_strategy(s, strategy, before, s.strategies[strategy].status)
    row = s.strategies[strategy].first_open
    while row:
        o = &s.orders[row]
        row = o.next_open
        cancel_one(s, o)


cdef void note_reject(EngineState *s, Order *o) noexcept nogil:
    cdef ScopeSet spare
    cdef const ScopeSet *scopes = scopes_of_order(s, o, &spare)
    cdef Scope *scope
    cdef int64_t most
    cdef int i
    if is_engines(o.client_id):
        return
    for i in range(scopes.row_count):
        scope = &s.scopes[scopes.rows[i]]
        scope.rejects += 1
        most = scope.limits[<int>RF_RISK_RULE_REJECT_LIMIT]
        if most and scope.rejects >= most and scope.state != RF_SCOPE_STATE_KILLED:
            audit_scope(s, RF_CONTROL_KIND_KILL, scope, scope.state, RF_SCOPE_STATE_KILLED)
            strike(s, scopes.rows[i], RF_KILL_CANCEL, 0)


cdef void note_ack(EngineState *s, Order *o) noexcept nogil:
    cdef ScopeSet spare
    cdef const ScopeSet *scopes = scopes_of_order(s, o, &spare)
    cdef int i
    if is_engines(o.client_id):
        return
    for i in range(scopes.row_count):
        s.scopes[scopes.rows[i]].rejects = 0


cdef void cancel_after_disconnect(EngineState *s, uint16_t venue) noexcept nogil:
    if s.venues[venue].cancel_on_disconnect and s.venues[venue].scope:
        cancel_within(s, s.venues[venue].scope)
