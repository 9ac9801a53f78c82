"""Venue events: find the order, move it by the state table, resolve its requests, tell its strategy.

    apply_venue_event ─▶ session_up / session_down           doubt marks and status requests (S15, S16)
                      ├▶ executions.apply_fill / bust / correct
                      ├▶ resolve_request                      cancel reject, business reject, not sent (S7, R8)
                      ├▶ replaced / restated / canceled ...   the state table, core/transitions.py
                      └▶ status                               resolves doubt only (S19)

A report that names none of our orders creates none (R12): it is a break, and a fill goes to suspense. A report about a superseded revision ends nothing (S20);
one that is older than what is known never takes a status back (S8). Every report but a PossDup answers for its order and clears its doubt mark.
Amounts of a report are used only when the message carried them (``present``). What contradicts us is a break, never an exception.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy

from ringfence.core.actions cimport mass_cancel_refused, mass_cancel_report
from ringfence.core.breaks cimport raise_break
from ringfence.core.dedupe cimport add_venue_order_id, copy_text
from ringfence.core.executions cimport apply_bust, apply_correct, apply_fill, contradicts
from ringfence.core.fixed cimport RF_RESCALE_OVERFLOW, rf_products_equal, rf_rescale
from ringfence.core.kill cimport cancel_after_disconnect, note_ack, note_reject
from ringfence.core.orders cimport (
    BY_QUANTITY, KEEP, advance, end_cancels, end_request, find_request, has_order_id, is_terminal, match_order, request_status, settle,
)
from ringfence.core.ports cimport emit_event
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_BREAK_KIND_BUSINESS_REJECT, RF_BREAK_KIND_MISSED_EXECUTION, RF_BREAK_KIND_OVERFLOW, RF_BREAK_KIND_UNEXPECTED_TRANSITION,
    RF_BREAK_KIND_UNKNOWN_ORDER, RF_DENY_REASON_NONE, RF_DENY_REASON_SESSION_DOWN, RF_EVENT_KIND_ACK,
    RF_EVENT_KIND_CANCEL_REJECTED, RF_EVENT_KIND_CANCELED, RF_EVENT_KIND_DENIED, RF_EVENT_KIND_DONE_FOR_DAY, RF_EVENT_KIND_EXPIRED,
    RF_EVENT_KIND_PENDING, RF_EVENT_KIND_REJECTED, RF_EVENT_KIND_REPLACED, RF_EVENT_KIND_RESTATED, RF_EVENT_KIND_UNKNOWN,
    RF_ORD_STATUS_CALCULATED, RF_ORD_STATUS_CANCELED, RF_ORD_STATUS_DENIED, RF_ORD_STATUS_DONE_FOR_DAY, RF_ORD_STATUS_EXPIRED,
    RF_ORD_STATUS_FILLED, RF_ORD_STATUS_PENDING_NEW, RF_ORD_STATUS_REJECTED, RF_ORD_STATUS_STOPPED, RF_ORD_STATUS_SUSPENDED,
    RF_ORD_STATUS_UNKNOWN, RF_ORDER_STATUS_ASKED, RF_ORDER_UNKNOWN_REPORTED, RF_ORDER_UNVERIFIED, RF_PRESENT_CUM_QTY, RF_PRESENT_PX, RF_PRESENT_QTY,
    RF_REQUEST_KIND_CANCEL, RF_REQUEST_KIND_REPLACE, RF_REVISION_OUT_OF_BAND, RF_SESSION_STATE_DOWN, RF_SESSION_STATE_UP, RF_VENUE_EVENT_KIND_ACK,
    RF_VENUE_EVENT_KIND_BUSINESS_REJECT, RF_VENUE_EVENT_KIND_BUST,
    RF_VENUE_EVENT_KIND_CALCULATED, RF_VENUE_EVENT_KIND_CANCEL_REJECT, RF_VENUE_EVENT_KIND_CANCELED, RF_VENUE_EVENT_KIND_CORRECT,
    RF_VENUE_EVENT_KIND_DONE_FOR_DAY, RF_VENUE_EVENT_KIND_EXPIRED, RF_VENUE_EVENT_KIND_FILL, RF_VENUE_EVENT_KIND_MASS_CANCEL_REPORT,
    RF_VENUE_EVENT_KIND_NOT_SENT,
    RF_VENUE_EVENT_KIND_PENDING_CANCEL, RF_VENUE_EVENT_KIND_PENDING_NEW, RF_VENUE_EVENT_KIND_PENDING_REPLACE, RF_VENUE_EVENT_KIND_REJECTED,
    RF_VENUE_EVENT_KIND_REPLACED, RF_VENUE_EVENT_KIND_RESTATED, RF_VENUE_EVENT_KIND_SESSION_DOWN, RF_VENUE_EVENT_KIND_SESSION_UP,
    RF_VENUE_EVENT_KIND_STATUS, RF_VENUE_EVENT_KIND_STOPPED, RF_VENUE_EVENT_KIND_SUSPENDED, RF_VENUE_EVENT_POSS_DUP,
    RF_VENUE_EVENT_POSS_RESEND,
    Order, Request, Venue, VenueEvent,
)

cdef enum:
    CODE_DUPLICATE_ORDER = 7          # OrdRejReason(103)=6 plus 1
    CODE_TOO_LATE = 1                 # CxlRejReason(102)=0 plus 1
    CODE_UNKNOWN_ORDER = 2            # CxlRejReason(102)=1 plus 1


# ---- sessions ---------------------------------------------------------------------------------------------------------------

cdef void ask_for_status(EngineState *s, uint16_t venue, int all_open) noexcept nogil:
    cdef uint32_t strategy, row
    cdef Order *o
    for strategy in range(1, s.engine.strategy_count + 1):
        row = s.strategies[strategy].first_open
        while row:
            o = &s.orders[row]
            row = o.next_open
            if o.venue == venue and (all_open or o.base_status == RF_ORD_STATUS_UNKNOWN or o.flags & RF_ORDER_UNVERIFIED):
                request_status(s, o)


cdef void make_unknown(EngineState *s, const VenueEvent *event, Order *o) noexcept nogil:
    o.base_status = RF_ORD_STATUS_UNKNOWN
    o.flags &= <uint8_t>~RF_ORDER_UNKNOWN_REPORTED
    settle(s, o)
    emit_event(s, o, RF_EVENT_KIND_UNKNOWN, RF_DENY_REASON_NONE, 0, 0)


cdef void doubt_open_orders(EngineState *s, const VenueEvent *event) noexcept nogil:
    """A send that was not acknowledged has an unknown outcome (S6); what was acknowledged is unverified until the venue answers (S15)."""
    cdef uint32_t strategy, row
    cdef Order *o
    for strategy in range(1, s.engine.strategy_count + 1):
        row = s.strategies[strategy].first_open
        while row:
            o = &s.orders[row]
            row = o.next_open
            if o.venue != event.venue:
                continue
            o.flags &= <uint8_t>~RF_ORDER_STATUS_ASKED
            if o.base_status == RF_ORD_STATUS_PENDING_NEW and o.acked_ns == 0:
                make_unknown(s, event, o)
            elif o.base_status != RF_ORD_STATUS_UNKNOWN:
                o.flags |= <uint8_t>RF_ORDER_UNVERIFIED


cdef void session(EngineState *s, const VenueEvent *event, int up) noexcept nogil:
    cdef Venue *venue = &s.venues[event.venue]
    if venue.session_state == RF_SESSION_STATE_UP:
        venue.session_downs += 1
        doubt_open_orders(s, event)
    venue.changed_ns = s.engine.engine_ns
    venue.session_state = RF_SESSION_STATE_UP if up else RF_SESSION_STATE_DOWN
    if up:
        venue.session_ups += 1
        ask_for_status(s, event.venue, 1)
        cancel_after_disconnect(s, event.venue)


# ---- requests ---------------------------------------------------------------------------------------------------------------

cdef void refuse_order(EngineState *s, const VenueEvent *event, Order *o, uint8_t status, uint8_t told, uint8_t reason) noexcept nogil:
    """The new order itself was refused, or provably never left."""
    o.base_status = status
    o.deny_reason = reason
    settle(s, o)
    emit_event(s, o, told, reason, 0, 0)


cdef int end_request_of(EngineState *s, const VenueEvent *event, Order *o, uint32_t revision, uint8_t reason) noexcept nogil:
    """Resolve the request in flight that the revision names as refused; 0 when none has it."""
    cdef Request *r = find_request(s, o, revision)
    if r == NULL:
        return 0
    end_request(s, o, r)
    settle(s, o)
    emit_event(s, o, RF_EVENT_KIND_CANCEL_REJECTED, reason, 0, 0)
    return 1


cdef void cancel_reject(EngineState *s, const VenueEvent *event, Order *o, uint32_t revision) noexcept nogil:
    if not end_request_of(s, event, o, revision, RF_DENY_REASON_NONE):
        return
    if is_terminal(o.base_status):
        return
    if event.text_code == CODE_UNKNOWN_ORDER or event.text_code == CODE_TOO_LATE:
        o.flags |= <uint8_t>RF_ORDER_UNVERIFIED  # it contradicts what we know: the answer may end the order (R8)
        request_status(s, o)


cdef void count_reject(EngineState *s, Order *o) noexcept nogil:
    s.engine.rejects += 1
    if s.engine.counting:
        note_reject(s, o)


cdef void business_reject(EngineState *s, const VenueEvent *event, Order *o, uint32_t revision) noexcept nogil:
    if end_request_of(s, event, o, revision, RF_DENY_REASON_NONE):
        return
    if revision == 0 and o.base_status == RF_ORD_STATUS_PENDING_NEW:
        refuse_order(s, event, o, RF_ORD_STATUS_REJECTED, RF_EVENT_KIND_REJECTED, RF_DENY_REASON_NONE)
        count_reject(s, o)
    else:
        raise_break(s, RF_BREAK_KIND_BUSINESS_REJECT, o, event, o.base_status, event.text_code)


cdef void not_sent(EngineState *s, const VenueEvent *event, Order *o, uint32_t revision) noexcept nogil:
    if end_request_of(s, event, o, revision, RF_DENY_REASON_SESSION_DOWN):
        return
    if revision == 0 and o.cum_qty == 0 and (o.base_status == RF_ORD_STATUS_PENDING_NEW or o.base_status == RF_ORD_STATUS_UNKNOWN):
        refuse_order(s, event, o, RF_ORD_STATUS_DENIED, RF_EVENT_KIND_DENIED, RF_DENY_REASON_SESSION_DOWN)


# ---- reports ---------------------------------------------------------------------------------------------------------------

cdef int take_amount(
    EngineState *s, const VenueEvent *event, Order *o, uint32_t bit, int64_t mantissa, uint8_t digits, uint8_t wanted, int64_t *out,
) noexcept nogil:
    """Set ``out`` when the message carried the amount and it fits; it is an amount that the venue only tells, so rounding is no break."""
    cdef int64_t value
    if not event.present & bit:
        return 0
    if rf_rescale(mantissa, digits, wanted, &value) == RF_RESCALE_OVERFLOW:
        raise_break(s, RF_BREAK_KIND_OVERFLOW, o, event, out[0], mantissa)
        return 0
    out[0] = value
    return 1


cdef void take_terms(EngineState *s, const VenueEvent *event, Order *o) noexcept nogil:
    """Price and OrderQty as the venue now has them."""
    cdef uint8_t px_digits = s.instruments[o.instrument].price_digits, qty_digits = s.instruments[o.instrument].qty_digits
    cdef int64_t px = 0, qty = 0
    if take_amount(s, event, o, RF_PRESENT_PX, event.px, event.px_digits, px_digits, &px) and px != 0:
        o.px = px
    if take_amount(s, event, o, RF_PRESENT_QTY, event.qty, event.qty_digits, qty_digits, &qty) and qty > 0:
        o.qty = qty


cdef void replaced_unasked(EngineState *s, const VenueEvent *event, Order *o) noexcept nogil:
    """A Replaced of the live version that nobody asked for: other terms are a fact and a break; the same ones are a report that is sent again."""
    cdef int64_t px = o.px, qty = o.qty
    take_terms(s, event, o)
    if o.px == px and o.qty == qty:
        return
    raise_break(s, RF_BREAK_KIND_UNEXPECTED_TRANSITION, o, event, qty, o.qty)
    if o.qty < o.cum_qty:
        o.qty = o.cum_qty
    advance(s, o, event, RF_VENUE_EVENT_KIND_REPLACED, BY_QUANTITY)
    settle(s, o)
    emit_event(s, o, RF_EVENT_KIND_REPLACED, RF_DENY_REASON_NONE, 0, 0)


cdef void replaced(EngineState *s, const VenueEvent *event, Order *o, uint32_t revision, int stale) noexcept nogil:
    """The replacement is in force (R6). Down to or below CumQty it ends the order, with OrderQty = CumQty (S9)."""
    cdef Request *r = find_request(s, o, revision)
    if revision == RF_REVISION_OUT_OF_BAND:  # a gateway's own cancel: it replaces nothing
        raise_break(s, RF_BREAK_KIND_UNEXPECTED_TRANSITION, o, event, o.live_revision, revision)
        return
    if revision <= o.live_revision:
        if r != NULL:  # a later version was granted before this one was told
            end_request(s, o, r)
            settle(s, o)
        elif revision == o.live_revision and not stale and not event.flags & (RF_VENUE_EVENT_POSS_DUP | RF_VENUE_EVENT_POSS_RESEND):
            replaced_unasked(s, event, o)
        return
    if r != NULL and r.kind == RF_REQUEST_KIND_REPLACE:
        o.px = r.px
        o.stop_px = r.stop_px
        o.qty = r.qty
        end_request(s, o, r)
    else:
        raise_break(s, RF_BREAK_KIND_UNEXPECTED_TRANSITION, o, event, o.replace_revision, revision)
    take_terms(s, event, o)
    if o.qty < o.cum_qty:
        o.qty = o.cum_qty
    o.live_revision = <uint16_t>revision
    o.replaces += 1
    advance(s, o, event, RF_VENUE_EVENT_KIND_REPLACED, BY_QUANTITY)
    settle(s, o)
    emit_event(s, o, RF_EVENT_KIND_REPLACED, RF_DENY_REASON_NONE, 0, 0)


cdef void restated(EngineState *s, const VenueEvent *event, Order *o) noexcept nogil:
    """Changed without a request (R13). CumQty in OrderQty's ratio is a split: the order follows, notional and position do not move (S21)."""
    cdef int64_t qty_before = o.qty, cum = o.cum_qty
    take_terms(s, event, o)
    take_amount(s, event, o, RF_PRESENT_CUM_QTY, event.cum_qty, event.cum_qty_digits, s.instruments[o.instrument].qty_digits, &cum)
    if cum != o.cum_qty and o.cum_qty > 0 and o.qty != qty_before and rf_products_equal(o.qty, o.cum_qty, cum, qty_before):
        o.cum_qty = cum
    if o.qty < o.cum_qty:
        o.qty = o.cum_qty
    advance(s, o, event, RF_VENUE_EVENT_KIND_RESTATED, KEEP)
    settle(s, o)
    emit_event(s, o, RF_EVENT_KIND_RESTATED, RF_DENY_REASON_NONE, 0, 0)


cdef void rejected(EngineState *s, const VenueEvent *event, Order *o, uint32_t revision) noexcept nogil:
    """ExecType 8. A duplicate ClOrdID is refused without touching the live order (D22, R12); a replaced version does not end the live one (S20)."""
    cdef int of_order = event.ord_status == 0 or event.ord_status == RF_ORD_STATUS_REJECTED
    if (of_order or event.text_code != CODE_DUPLICATE_ORDER) and end_request_of(s, event, o, revision, RF_DENY_REASON_NONE):
        return
    if not of_order or revision < o.live_revision or revision == RF_REVISION_OUT_OF_BAND:
        return
    if event.text_code == CODE_DUPLICATE_ORDER:
        if o.base_status == RF_ORD_STATUS_PENDING_NEW:
            make_unknown(s, event, o)
            request_status(s, o)
        return
    simple(s, event, o, RF_VENUE_EVENT_KIND_REJECTED, RF_ORD_STATUS_REJECTED, RF_EVENT_KIND_REJECTED)
    count_reject(s, o)  # last: it may kill, and the order itself is over by then


cdef void canceled(EngineState *s, const VenueEvent *event, Order *o, uint32_t revision) noexcept nogil:
    """Solicited or not (R13). One that names a version replaced since ends nothing (S20), unless it answers the cancel in flight."""
    cdef const Request *r = find_request(s, o, revision)
    if revision < o.live_revision and (r == NULL or r.kind != RF_REQUEST_KIND_CANCEL):
        return
    end_cancels(s, o)
    simple(s, event, o, RF_VENUE_EVENT_KIND_CANCELED, RF_ORD_STATUS_CANCELED, RF_EVENT_KIND_CANCELED)


cdef void simple(EngineState *s, const VenueEvent *event, Order *o, uint8_t kind, uint8_t fact, uint8_t told) noexcept nogil:
    """An event that only moves the status. A strategy is told when something changed."""
    cdef uint8_t before = o.ord_status, base = o.base_status
    advance(s, o, event, kind, fact)
    settle(s, o)
    if o.ord_status != before or o.base_status != base or told == RF_EVENT_KIND_PENDING:
        emit_event(s, o, told, RF_DENY_REASON_NONE, 0, 0)


cdef uint8_t event_of_status(uint8_t ord_status) noexcept nogil:
    """The event that reports such a status; ACK for those that only say that the order works."""
    if ord_status == RF_ORD_STATUS_CANCELED:
        return RF_VENUE_EVENT_KIND_CANCELED
    if ord_status == RF_ORD_STATUS_REJECTED:
        return RF_VENUE_EVENT_KIND_REJECTED
    if ord_status == RF_ORD_STATUS_EXPIRED:
        return RF_VENUE_EVENT_KIND_EXPIRED
    if ord_status == RF_ORD_STATUS_DONE_FOR_DAY:
        return RF_VENUE_EVENT_KIND_DONE_FOR_DAY
    return RF_VENUE_EVENT_KIND_PENDING_NEW if ord_status == RF_ORD_STATUS_PENDING_NEW else RF_VENUE_EVENT_KIND_ACK


cdef uint8_t told_of(uint8_t kind) noexcept nogil:
    """The event that a strategy gets for a venue event which only moves the status."""
    if kind == RF_VENUE_EVENT_KIND_CANCELED:
        return RF_EVENT_KIND_CANCELED
    if kind == RF_VENUE_EVENT_KIND_REJECTED:
        return RF_EVENT_KIND_REJECTED
    if kind == RF_VENUE_EVENT_KIND_EXPIRED:
        return RF_EVENT_KIND_EXPIRED
    if kind == RF_VENUE_EVENT_KIND_DONE_FOR_DAY:
        return RF_EVENT_KIND_DONE_FOR_DAY
    return RF_EVENT_KIND_ACK if kind == RF_VENUE_EVENT_KIND_ACK else RF_EVENT_KIND_PENDING


cdef int asked_since_up(const EngineState *s, const Order *o) noexcept nogil:
    """1 when a status request went out after the session recovered: only its answer says that the venue does not know the order (S6)."""
    cdef const Venue *venue = &s.venues[o.venue]
    return venue.session_state == RF_SESSION_STATE_UP and o.asked_ns != 0 and o.asked_ns >= venue.changed_ns


cdef void status(EngineState *s, const VenueEvent *event, Order *o, uint32_t revision, int doubted) noexcept nogil:
    """An answer to a status request: books nothing, changes nothing but doubt (S19). Only an order in doubt takes an end from it (R2, S6)."""
    cdef uint8_t kind
    cdef int64_t theirs = o.cum_qty
    if not doubted or event.ord_status == 0:
        return
    if revision < o.live_revision and is_terminal(event.ord_status) and event.ord_status != RF_ORD_STATUS_FILLED:
        o.flags |= <uint8_t>RF_ORDER_UNVERIFIED  # that a replaced version ended says nothing of the live one (S20)
        return
    if event.ord_status == RF_ORD_STATUS_REJECTED and o.base_status == RF_ORD_STATUS_UNKNOWN and not asked_since_up(s, o):
        return  # no answer to a request of ours: from before the session went down
    if event.ord_status == RF_ORD_STATUS_REJECTED and o.base_status != RF_ORD_STATUS_UNKNOWN:
        raise_break(s, RF_BREAK_KIND_UNEXPECTED_TRANSITION, o, event, o.base_status, event.ord_status)
        return
    take_amount(s, event, o, RF_PRESENT_CUM_QTY, event.cum_qty, event.cum_qty_digits, s.instruments[o.instrument].qty_digits, &theirs)
    if theirs > o.cum_qty:
        raise_break(s, RF_BREAK_KIND_MISSED_EXECUTION, o, event, o.cum_qty, theirs)
    kind = event_of_status(event.ord_status)
    if is_terminal(event.ord_status) and event.ord_status != RF_ORD_STATUS_FILLED:
        end_cancels(s, o)
    if o.base_status == RF_ORD_STATUS_UNKNOWN or o.base_status == RF_ORD_STATUS_PENDING_NEW or kind != RF_VENUE_EVENT_KIND_ACK:
        simple(s, event, o, kind, KEEP, told_of(kind))


cdef int older(const VenueEvent *event, const Order *o) noexcept nogil:
    return event.transact_ns != 0 and event.transact_ns < o.transact_ns


cdef void note(EngineState *s, const VenueEvent *event, Order *o, int stale) noexcept nogil:
    """Keep what the report says about the order besides its state: OrderID, Text, reason, that the venue has answered. An older one adds only (S8)."""
    cdef char id32[32]
    if has_order_id(event) and (not stale or o.venue_order_id[0] == 0):
        copy_text(id32, event.venue_order_id, 32)
        if memcmp(id32, o.venue_order_id, 32) != 0:
            memcpy(o.venue_order_id, id32, 32)
            add_venue_order_id(s, o.venue, id32, o.order_id)
    if event.text[0] and not stale:
        copy_text(o.text, event.text, 64)
    if event.text_code and not stale:
        o.venue_code = <uint16_t>event.text_code
    if event.transact_ns > o.transact_ns:
        o.transact_ns = event.transact_ns


cdef inline void note_answer(const VenueEvent *event, Order *o) noexcept nogil:
    """The venue has answered for the order; what it sends again is from before."""
    if not event.flags & RF_VENUE_EVENT_POSS_DUP:
        o.flags &= <uint8_t>~(RF_ORDER_UNVERIFIED | RF_ORDER_STATUS_ASKED)


cdef inline int apply_trade_report(EngineState *s, const VenueEvent *event, Order *o) noexcept nogil:
    return apply_fill(s, event, o) if event.kind == RF_VENUE_EVENT_KIND_FILL else apply_correct(s, event, o)


cdef void trade(EngineState *s, const VenueEvent *event, Order *o, int stale) noexcept nogil:
    """A fill or correction. One that contradicts an execution that is booked leaves no trace on the order but its break (S18)."""
    cdef uint8_t doubt
    if o == NULL or contradicts(s, event, o):
        apply_trade_report(s, event, o)
        return
    doubt = o.flags & <uint8_t>(RF_ORDER_UNVERIFIED | RF_ORDER_STATUS_ASKED)
    note_answer(event, o)
    if apply_trade_report(s, event, o):
        note(s, event, o, stale)
    else:
        o.flags |= doubt


cdef int undone_since(const Order *o, uint8_t kind, int stale) noexcept nogil:
    """1 when a report that is sent again would take back what a later one said (S8)."""
    if kind == RF_VENUE_EVENT_KIND_ACK:
        return o.base_status == RF_ORD_STATUS_REJECTED
    return stale and (kind == RF_VENUE_EVENT_KIND_STATUS or kind == RF_VENUE_EVENT_KIND_DONE_FOR_DAY)


cdef void report(EngineState *s, const VenueEvent *event, Order *o, uint32_t revision, int stale, int doubted) noexcept nogil:
    cdef uint8_t kind = event.kind
    if event.flags & RF_VENUE_EVENT_POSS_DUP and undone_since(o, kind, stale):
        return
    if kind == RF_VENUE_EVENT_KIND_STATUS:
        status(s, event, o, revision, doubted)
    elif kind == RF_VENUE_EVENT_KIND_CANCEL_REJECT:
        cancel_reject(s, event, o, revision)
    elif kind == RF_VENUE_EVENT_KIND_REPLACED:
        replaced(s, event, o, revision, stale)
    elif kind == RF_VENUE_EVENT_KIND_REJECTED:
        rejected(s, event, o, revision)
    elif kind == RF_VENUE_EVENT_KIND_CANCELED:
        canceled(s, event, o, revision)
    elif kind == RF_VENUE_EVENT_KIND_BUSINESS_REJECT:
        business_reject(s, event, o, revision)
    elif kind == RF_VENUE_EVENT_KIND_NOT_SENT:
        not_sent(s, event, o, revision)
    elif kind == RF_VENUE_EVENT_KIND_PENDING_NEW or kind == RF_VENUE_EVENT_KIND_PENDING_CANCEL or kind == RF_VENUE_EVENT_KIND_PENDING_REPLACE:
        simple(s, event, o, kind, KEEP, RF_EVENT_KIND_PENDING)
    elif kind == RF_VENUE_EVENT_KIND_EXPIRED:
        simple(s, event, o, kind, RF_ORD_STATUS_EXPIRED, RF_EVENT_KIND_EXPIRED)
    elif kind == RF_VENUE_EVENT_KIND_DONE_FOR_DAY:
        simple(s, event, o, kind, RF_ORD_STATUS_DONE_FOR_DAY, RF_EVENT_KIND_DONE_FOR_DAY)
    elif stale and o.base_status != RF_ORD_STATUS_PENDING_NEW and o.base_status != RF_ORD_STATUS_UNKNOWN:
        return
    elif kind == RF_VENUE_EVENT_KIND_ACK:
        simple(s, event, o, kind, BY_QUANTITY, RF_EVENT_KIND_ACK)
    elif kind == RF_VENUE_EVENT_KIND_RESTATED:
        restated(s, event, o)
    elif kind == RF_VENUE_EVENT_KIND_STOPPED:
        simple(s, event, o, kind, RF_ORD_STATUS_STOPPED, RF_EVENT_KIND_PENDING)
    elif kind == RF_VENUE_EVENT_KIND_SUSPENDED:
        simple(s, event, o, kind, RF_ORD_STATUS_SUSPENDED, RF_EVENT_KIND_PENDING)
    elif kind == RF_VENUE_EVENT_KIND_CALCULATED:
        simple(s, event, o, kind, RF_ORD_STATUS_CALCULATED, RF_EVENT_KIND_PENDING)
    else:
        raise_break(s, RF_BREAK_KIND_UNEXPECTED_TRANSITION, o, event, o.base_status, kind)


cdef inline int is_phoned(const VenueEvent *event) noexcept nogil:
    """1 when it reports the life of an order that was given by phone: no ClOrdID, an OrderID that is not ours (D18). Only its fills concern us (S21)."""
    return (
        event.kind < RF_VENUE_EVENT_KIND_CANCEL_REJECT and event.cl_ord_id[0] == 0 and event.orig_cl_ord_id[0] == 0 and event.venue_order_id[0] != 0
    )


cdef void unmatched(EngineState *s, const VenueEvent *event) noexcept nogil:
    if event.kind == RF_VENUE_EVENT_KIND_MASS_CANCEL_REPORT:
        mass_cancel_report(s, event)
    elif event.kind == RF_VENUE_EVENT_KIND_BUSINESS_REJECT or event.kind == RF_VENUE_EVENT_KIND_NOT_SENT:
        if not mass_cancel_refused(s, event):
            raise_break(s, RF_BREAK_KIND_BUSINESS_REJECT, NULL, event, 0, event.text_code)
    elif event.kind != RF_VENUE_EVENT_KIND_STATUS and event.kind != RF_VENUE_EVENT_KIND_REJECTED and not is_phoned(event):
        raise_break(s, RF_BREAK_KIND_UNKNOWN_ORDER, NULL, event, 0, event.kind)


cdef inline int answers_order(const VenueEvent *event) noexcept nogil:
    """1 when the report proves that the venue has the order; a reject of a request or a rejected status does not, it may say that the order is unknown."""
    cdef uint8_t kind = event.kind
    if kind == RF_VENUE_EVENT_KIND_STATUS and event.ord_status == RF_ORD_STATUS_REJECTED:
        return 0
    return kind != RF_VENUE_EVENT_KIND_NOT_SENT and kind != RF_VENUE_EVENT_KIND_CANCEL_REJECT and kind != RF_VENUE_EVENT_KIND_BUSINESS_REJECT


cdef void apply_venue_event(EngineState *s, const VenueEvent *event) noexcept nogil:
    cdef uint8_t kind = event.kind
    cdef uint32_t revision = 0
    cdef Order *o
    cdef int stale, doubted
    if event.venue == 0 or event.venue > s.engine.venue_count:
        raise_break(s, RF_BREAK_KIND_UNKNOWN_ORDER, NULL, event, 0, event.kind)
        return
    s.intent_ns = 0
    s.origin_ns = 0
    s.engine.venue_events += 1
    s.venues[event.venue].events += 1
    if kind == RF_VENUE_EVENT_KIND_SESSION_UP or kind == RF_VENUE_EVENT_KIND_SESSION_DOWN:
        session(s, event, kind == RF_VENUE_EVENT_KIND_SESSION_UP)
        return
    o = match_order(s, event, &revision) if kind != RF_VENUE_EVENT_KIND_MASS_CANCEL_REPORT else NULL
    stale = 0
    doubted = 0
    if o != NULL:
        stale = older(event, o)
        doubted = o.base_status == RF_ORD_STATUS_UNKNOWN or (o.flags & RF_ORDER_UNVERIFIED) != 0
    if kind == RF_VENUE_EVENT_KIND_FILL or kind == RF_VENUE_EVENT_KIND_CORRECT:
        trade(s, event, o, stale)
        return
    if o != NULL and kind != RF_VENUE_EVENT_KIND_NOT_SENT and not contradicts(s, event, o):
        note_answer(event, o)
        note(s, event, o, stale)
        if s.engine.counting and kind == RF_VENUE_EVENT_KIND_ACK:
            note_ack(s, o)
    if kind == RF_VENUE_EVENT_KIND_BUST:
        apply_bust(s, event, o)
    elif o == NULL:
        unmatched(s, event)
    else:
        if o.acked_ns == 0 and answers_order(event):
            o.acked_ns = s.engine.engine_ns
        report(s, event, o, revision, stale, doubted)
