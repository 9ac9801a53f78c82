"""Operator's actions: cancel everything at a venue, refuse an execution, say how an order in doubt ended, take an execution out of suspense.

Each is a control command with an OrderAction as its body, so it is journaled with who and why, and replays. A command that names what cannot be (no such
row, an order not in doubt, an execution of another instrument or side) changes nothing and raises BAD_CONTROL; so does a mass cancel that reached not all.

    MASS_CANCEL ──venue maps it──▶ one command (35=q) ──refused──▶ MASS_CANCEL_REJECTED and one cancel an order
                └─it does not────▶ one cancel an order
    ASSIGN_EXECUTION: the suspense row stays, ASSIGNED, so that the venue may repeat it; its new row is booked for the order or the strategy

Quantities are conserved: what leaves the suspense position arrives in the other one. Rejected: editing the row in place, which forgets under which identity
the venue reported it, and books its repetition a second time.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.core.bookkeeping cimport book_assignment
from ringfence.core.breaks cimport raise_break
from ringfence.core.clordid cimport decode
from ringfence.core.dedupe cimport add_execution, find_execution, find_position
from ringfence.core.executions cimport Trade, add_to_order, append, by_side, conclude, identify, instrument_of, recompute_position
from ringfence.core.orders cimport FILLED_OR_KEEP, cancel_open, end_cancels, settle, status_by_quantity
from ringfence.core.ports cimport FIRST_MASS_CANCEL_ID, emit_dont_know, emit_event, emit_mass_cancel
from ringfence.core.positions cimport book, trade_fits
from ringfence.core.reservations cimport count_trade, uncount_suspense
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_BREAK_KIND_EXECUTIONS_FULL, RF_BREAK_KIND_MASS_CANCEL_REJECTED, RF_BREAK_KIND_MISSED_EXECUTION, RF_CONTROL_KIND_ASSIGN_EXECUTION,
    RF_CONTROL_KIND_DONT_KNOW, RF_CONTROL_KIND_MASS_CANCEL, RF_CONTROL_KIND_RESOLVE_ORDER, RF_DENY_REASON_NONE, RF_EVENT_KIND_ACK, RF_EVENT_KIND_CANCELED,
    RF_EVENT_KIND_DONE_FOR_DAY, RF_EVENT_KIND_EXPIRED, RF_EVENT_KIND_FILL, RF_EVENT_KIND_REJECTED, RF_EVENT_KIND_RESTATED, RF_EXECUTION_ASSIGNED,
    RF_EXECUTION_BOOKED, RF_INSTRUCTION_MASS_CANCEL, RF_ORD_STATUS_CANCELED, RF_ORD_STATUS_DONE_FOR_DAY, RF_ORD_STATUS_EXPIRED, RF_ORD_STATUS_FILLED,
    RF_ORD_STATUS_NEW, RF_ORD_STATUS_REJECTED, RF_ORD_STATUS_UNKNOWN, RF_ORDER_STATUS_ASKED, RF_ORDER_UNVERIFIED, RF_SESSION_STATE_UP, RF_SIDE_BUY,
    RF_VENUE_EVENT_KIND_FILL, Execution, Order, OrderAction, Venue, VenueEvent,
)

cdef enum:
    REFUSED = 48    # MassCancelResponse(531): 0

cdef uint64_t OF_STRATEGY = <uint64_t>1 << 62    # order ids are lower


# ---- cancel everything ---------------------------------------------------------------------------------------------------

cdef int64_t cancel_each(EngineState *s, uint16_t venue, uint32_t instrument) noexcept nogil:
    """Cancel every open order of a venue; return how many could not be asked for."""
    cdef uint32_t strategy
    cdef uint64_t left = 0
    for strategy in range(1, s.engine.strategy_count + 1):
        left += cancel_open(s, <uint16_t>strategy, instrument, 0, venue)
    return <int64_t>left


cdef int mass_cancel(EngineState *s, const OrderAction *a) noexcept nogil:
    cdef const Venue *venue = &s.venues[a.venue]
    if a.venue == 0 or a.venue > s.engine.venue_count or a.instrument > s.engine.instrument_count:
        return 0
    if venue.instructions & RF_INSTRUCTION_MASS_CANCEL and venue.session_state == RF_SESSION_STATE_UP and not venue.stalled:
        emit_mass_cancel(s, a.venue, a.instrument)
        return 1
    return cancel_each(s, a.venue, a.instrument) == 0


cdef void refuse_mass_cancel(EngineState *s, const VenueEvent *event) noexcept nogil:
    """One cancel an order instead; a symbol that is not ours narrows nothing. The break has how many could not be asked for."""
    cdef int64_t left = cancel_each(s, event.venue, instrument_of(s, event.symbol))
    raise_break(s, RF_BREAK_KIND_MASS_CANCEL_REJECTED, NULL, event, left, event.text_code)


cdef void mass_cancel_report(EngineState *s, const VenueEvent *event) noexcept nogil:
    if event.mass_cancel_response == REFUSED:
        refuse_mass_cancel(s, event)


cdef int mass_cancel_refused(EngineState *s, const VenueEvent *event) noexcept nogil:
    cdef uint32_t day, revision
    cdef uint64_t order_id
    if not decode(event.cl_ord_id, s.engine.prefix, &day, &order_id, &revision) or order_id <= FIRST_MASS_CANCEL_ID - s.engine.mass_cancels:
        return 0
    refuse_mass_cancel(s, event)
    return 1


# ---- refuse an execution (R15) -------------------------------------------------------------------------------------------

cdef int dont_know(EngineState *s, const OrderAction *a) noexcept nogil:
    cdef const Execution *x = &s.executions[a.execution if a.execution <= s.engine.execution_count else 0]
    cdef int known = 65 <= a.dk_reason <= 70 or a.dk_reason == 90  # A to F, Z
    if x.id == 0 or not known or x.instrument == 0 or x.last_qty == 0:
        return 0
    emit_dont_know(s, x, a.dk_reason)
    return 1


# ---- an order in doubt (S6) ----------------------------------------------------------------------------------------------

cdef int told_of(int status) noexcept nogil:
    """The event that reports such an end; 0 when an operator cannot say it."""
    if status == RF_ORD_STATUS_CANCELED:
        return RF_EVENT_KIND_CANCELED
    if status == RF_ORD_STATUS_REJECTED:
        return RF_EVENT_KIND_REJECTED
    if status == RF_ORD_STATUS_EXPIRED:
        return RF_EVENT_KIND_EXPIRED
    if status == RF_ORD_STATUS_DONE_FOR_DAY:
        return RF_EVENT_KIND_DONE_FOR_DAY
    if status == RF_ORD_STATUS_FILLED:
        return RF_EVENT_KIND_RESTATED
    return RF_EVENT_KIND_ACK if status == RF_ORD_STATUS_NEW else 0


cdef int may_end(const Order *o, int status) noexcept nogil:
    return o.order_id != 0 and told_of(status) and (o.base_status == RF_ORD_STATUS_UNKNOWN or o.flags & RF_ORDER_UNVERIFIED)


cdef int resolve_order(EngineState *s, const OrderAction *a) noexcept nogil:
    cdef Order *o = &s.orders[a.order_id if a.order_id <= s.engine.order_count else 0]
    cdef int told = told_of(a.ord_status)
    if not may_end(o, a.ord_status):
        return 0
    if a.ord_status == RF_ORD_STATUS_FILLED and o.cum_qty < o.qty:
        raise_break(s, RF_BREAK_KIND_MISSED_EXECUTION, o, NULL, o.cum_qty, o.qty)
    o.base_status = status_by_quantity(o) if a.ord_status == RF_ORD_STATUS_NEW else a.ord_status
    o.flags &= <unsigned char>~(RF_ORDER_UNVERIFIED | RF_ORDER_STATUS_ASKED)
    if o.acked_ns == 0:
        o.acked_ns = s.engine.engine_ns
    if a.ord_status != RF_ORD_STATUS_NEW:
        end_cancels(s, o)
    settle(s, o)
    emit_event(s, o, <unsigned char>told, RF_DENY_REASON_NONE, 0, 0)
    return 1


# ---- out of suspense (S3, S21) -------------------------------------------------------------------------------------------

cdef Execution *in_suspense(EngineState *s, uint64_t row) noexcept nogil:
    """The surviving version of an execution that is booked to suspense, NULL when it is not, or names no instrument of ours."""
    cdef Execution *x
    if row == 0 or row > s.engine.execution_count:
        return NULL
    x = &s.executions[row]
    while x.corrected_by:
        x = &s.executions[x.corrected_by]
    return x if x.order_id == 0 and x.strategy == 0 and x.state == RF_EXECUTION_BOOKED and x.instrument else NULL


cdef int fits_order(const Order *o, const Execution *x) noexcept nogil:
    return o.order_id != 0 and o.instrument == x.instrument and o.venue == x.venue and (o.side == RF_SIDE_BUY) == (x.side == RF_SIDE_BUY)


cdef int has_room(const EngineState *s, const Trade *t) noexcept nogil:
    if s.engine.execution_count + 1 >= s.execution_rows or not trade_fits(s, t.account, t.strategy, t.instrument, by_side(t.side, t.qty), t.px):
        return 0
    return find_position(s, t.account, t.strategy, t.instrument) != 0 or s.engine.position_count + 1 < s.position_rows


cdef int64_t whose(uint64_t order_id, uint16_t strategy) noexcept nogil:
    return <int64_t>(order_id if order_id else OF_STRATEGY | strategy)


cdef int64_t assignment_of(const EngineState *s, uint64_t row) noexcept nogil:
    cdef const Execution *x
    if row == 0 or row > s.engine.execution_count:
        return 0
    x = &s.executions[row]
    while x.corrected_by or x.assigned_to:
        x = &s.executions[x.corrected_by if x.corrected_by else x.assigned_to]
    return whose(x.order_id, x.strategy) if x.order_id or x.strategy else -<int64_t>x.id


cdef int assign_execution(EngineState *s, const OrderAction *a) noexcept nogil:
    cdef Execution *x = in_suspense(s, a.execution)
    cdef Execution *moved
    cdef Order *o = NULL
    cdef Trade t, suspense
    cdef VenueEvent event
    if x == NULL or (a.order_id == 0) == (a.strategy == 0) or a.order_id > s.engine.order_count or a.strategy > s.engine.strategy_count:
        return 0
    if a.order_id:
        o = &s.orders[a.order_id]
        if not fits_order(o, x):
            return 0
    memset(&event, 0, sizeof(event))
    event.venue = x.venue
    event.side = x.side
    event.transact_ns = x.transact_ns
    memcpy(event.exec_id, x.exec_id, 40)
    memcpy(event.venue_order_id, x.venue_order_id, 32)
    t.order = NULL
    t.problem = 0
    t.side = x.side
    t.account = x.account
    t.strategy = 0
    t.instrument = x.instrument
    t.px = x.last_px
    t.qty = x.last_qty
    identify(&event, event.exec_id, &t)
    suspense = t
    t.order = o
    t.side = o.side if o != NULL else x.side  # a report that names the order has its side: SELL_SHORT is told as SELL by some
    t.account = o.account if o != NULL else x.account
    t.strategy = o.strategy if o != NULL else a.strategy
    identify(&event, event.exec_id, &t)
    if t.account == 0 or not has_room(s, &t) or (o != NULL and find_execution(s, &t.key, t.digest)):
        return 0
    if o != NULL and not add_to_order(o, t.qty, t.px):
        return 0
    x.state = RF_EXECUTION_ASSIGNED
    if not recompute_position(s, &event, &suspense, x.id, t.qty, t.px, 0, 0):
        x.state = RF_EXECUTION_BOOKED
        if o != NULL:
            add_to_order(o, -t.qty, t.px)
        return 0
    moved = append(s, &event, &t, RF_EXECUTION_BOOKED)
    if o != NULL and not add_execution(s, t.digest, moved.id):  # without an order the identity stays that of the suspense row
        raise_break(s, RF_BREAK_KIND_EXECUTIONS_FULL, o, &event, <int64_t>moved.id, t.qty)
    x.assigned_to = <uint32_t>moved.id
    book(s, t.account, t.strategy, t.instrument, by_side(t.side, t.qty), t.px)
    book_assignment(s, o, &event, x.id, moved.id, t.account, t.strategy, by_side(t.side, t.qty), t.px)
    if s.engine.counting and t.instrument:
        uncount_suspense(s, x.account, x.venue, x.instrument, x.side, t.qty, t.px)
        count_trade(s, o, t.account, t.strategy, x.venue, t.instrument, t.side, t.qty, t.px)
    s.strategies[t.strategy].fills += 1
    if o != NULL:
        o.last_px = t.px
        o.last_qty = t.qty
        conclude(s, &event, &t, RF_VENUE_EVENT_KIND_FILL, FILLED_OR_KEEP, RF_EVENT_KIND_FILL, t.px, t.qty)
    return 1


cdef int do_action(EngineState *s, uint8_t control_kind, const OrderAction *a) noexcept nogil:
    if control_kind == RF_CONTROL_KIND_MASS_CANCEL:
        return mass_cancel(s, a)
    if control_kind == RF_CONTROL_KIND_DONT_KNOW:
        return dont_know(s, a)
    if control_kind == RF_CONTROL_KIND_RESOLVE_ORDER:
        return resolve_order(s, a)
    return assign_execution(s, a) if control_kind == RF_CONTROL_KIND_ASSIGN_EXECUTION else 0


cdef int can_act(EngineState *s, uint8_t control_kind, const OrderAction *a) noexcept nogil:
    if control_kind == RF_CONTROL_KIND_ASSIGN_EXECUTION:
        return in_suspense(s, a.execution) != NULL
    return control_kind == RF_CONTROL_KIND_RESOLVE_ORDER and a.order_id <= s.engine.order_count and may_end(&s.orders[a.order_id], a.ord_status)
