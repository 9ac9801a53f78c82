"""The order table: one row an order through its whole ClOrdID chain, written by the engine alone.

An order has a *base* status and, apart from it, any number of cancels and replaces in flight, each in a row of ``requests``; ``settle`` derives from them
what others see (FIX shows the highest precedence, R5) and whether the order is on its strategy's list of open orders. Each request is sent at once and
answered on its own: a reject restores by forgetting one (S7, D16, D17). An order that is canceled, rejected or expired has none: what is answered later
finds nothing. Rows of ``requests`` are given back to a free list, which is part of the state; half of them are kept for first cancels (S13).

OrigClOrdID names the last version not known to be rejected: the newest replace in flight, else the live one (S20). Every ClOrdID is arithmetic over
(day, order, revision), so a report finds its order without a lookup; OrderID has an index, for phoned orders and foreign ClOrdIDs.
The state table is ``core/transitions.py``, loaded into a C array at import. What can fail: a full table or revision chain is a denial.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from ringfence.core.breaks cimport raise_break
from ringfence.core.clordid cimport decode
from ringfence.core.dedupe cimport add_client_id, copy_text, find_venue_order_id, mix
from ringfence.core.ports cimport emit_command, emit_event
from ringfence.core.reservations cimport count_message, reserve
from ringfence.core.state cimport EngineState
from ringfence.ipc.failpoint cimport RF_FP
from ringfence.ipc.records cimport (
    RF_BREAK_KIND_REQUEST_UNANSWERED, RF_BREAK_KIND_UNEXPECTED_TRANSITION, RF_BREAK_KIND_UNKNOWN_OUTCOME, RF_COMMAND_KIND_CANCEL,
    RF_COMMAND_KIND_REPLACE, RF_COMMAND_KIND_STATUS, RF_DENY_REASON_NONE, RF_DENY_REASON_ORDER_DONE, RF_EVENT_KIND_CANCEL_REJECTED, RF_EVENT_KIND_PENDING,
    RF_ORD_STATUS_CANCELED, RF_ORD_STATUS_DENIED, RF_ORD_STATUS_EXPIRED, RF_ORD_STATUS_FILLED,
    RF_ORD_STATUS_MAX, RF_ORD_STATUS_NEW, RF_ORD_STATUS_PARTIALLY_FILLED, RF_ORD_STATUS_PENDING_CANCEL, RF_ORD_STATUS_PENDING_NEW,
    RF_ORD_STATUS_PENDING_REPLACE, RF_ORD_STATUS_REJECTED, RF_ORD_STATUS_UNKNOWN, RF_ORDER_OVERDUE, RF_ORDER_STATUS_ASKED,
    RF_ORDER_UNKNOWN_REPORTED, RF_REQUEST_LIMIT_MS,
    RF_REQUEST_KIND_CANCEL, RF_REQUEST_KIND_REPLACE, RF_REVISIONS_MAX, RF_REVISION_OUT_OF_BAND,
    RF_SESSION_STATE_UP, RF_VENUE_EVENT_KIND_MAX, RF_VENUE_EVENT_TRUNCATED, Intent, Order, Request, Strategy, Venue, VenueEvent,
)

from ringfence.core import transitions
from ringfence.ipc.schema import ENUMS

cdef enum:
    STATUSES = 32
    EVENTS = 32
    REVISIONS_FOR_CANCELS = 64    # of the chain, kept free of replaces and repeated cancels: an order can always be cancelled

cdef uint8_t[STATUSES * EVENTS] TABLE


def _load():
    """Fill the C array from the state table; called once at import."""
    memset(TABLE, 0, sizeof(TABLE))
    if <int>RF_ORD_STATUS_MAX >= <int>STATUSES or <int>RF_VENUE_EVENT_KIND_MAX >= <int>EVENTS:
        raise ValueError("OrdStatus or VenueEventKind outgrew the state table's array; raise STATUSES and EVENTS in core/orders.pyx")
    for status, event, result in transitions.lookup():
        TABLE[<int>status * EVENTS + <int>event] = result


_load()

cdef uint64_t TERMINAL = sum(1 << ENUMS["OrdStatus"].by_name[status] for status in transitions.TERMINAL)

# Ends that a venue's answer to a request in flight cannot change any more: such an order has none.
cdef uint64_t OVER = 1 << RF_ORD_STATUS_CANCELED | 1 << RF_ORD_STATUS_REJECTED | 1 << RF_ORD_STATUS_EXPIRED | 1 << RF_ORD_STATUS_DENIED


cdef uint8_t transition(uint8_t base_status, uint8_t event_kind) noexcept nogil:
    return TABLE[(base_status & (STATUSES - 1)) * EVENTS + (event_kind & (EVENTS - 1))]


cdef int is_terminal(uint8_t ord_status) noexcept nogil:
    return (TERMINAL >> ord_status) & 1


cdef uint8_t status_by_quantity(const Order *o) noexcept nogil:
    if o.cum_qty >= o.qty:
        return RF_ORD_STATUS_FILLED
    return RF_ORD_STATUS_PARTIALLY_FILLED if o.cum_qty > 0 else RF_ORD_STATUS_NEW


cdef void advance(EngineState *s, Order *o, const VenueEvent *event, uint8_t kind, uint8_t fact) noexcept nogil:
    cdef uint8_t result = transition(o.base_status, kind)
    if result == 0:
        raise_break(s, RF_BREAK_KIND_UNEXPECTED_TRANSITION, o, event, o.base_status, kind)
        result = KEEP if o.base_status == RF_ORD_STATUS_FILLED and fact < KEEP else fact
    if result == BY_QUANTITY:
        result = status_by_quantity(o)
    elif result == FILLED_OR_KEEP:
        result = RF_ORD_STATUS_FILLED if o.cum_qty >= o.qty else KEEP
    if result != KEEP:
        o.base_status = result


# ---- open list: doubly linked through the rows, oldest first ------------------------------------------------------------

cdef inline int listed(const EngineState *s, const Order *o) noexcept nogil:
    return o.prev_open != 0 or s.strategies[o.strategy].first_open == o.order_id


cdef void enlist(EngineState *s, Order *o) noexcept nogil:
    cdef Strategy *strategy = &s.strategies[o.strategy]
    o.prev_open = strategy.last_open
    o.next_open = 0
    if strategy.last_open:
        s.orders[strategy.last_open].next_open = <uint32_t>o.order_id
    else:
        strategy.first_open = <uint32_t>o.order_id
    strategy.last_open = <uint32_t>o.order_id
    strategy.open_orders += 1
    s.engine.open_orders += 1


cdef void delist(EngineState *s, Order *o) noexcept nogil:
    cdef Strategy *strategy = &s.strategies[o.strategy]
    if o.prev_open:
        s.orders[o.prev_open].next_open = o.next_open
    else:
        strategy.first_open = o.next_open
    if o.next_open:
        s.orders[o.next_open].prev_open = o.prev_open
    else:
        strategy.last_open = o.prev_open
    o.prev_open = 0
    o.next_open = 0
    strategy.open_orders -= 1
    s.engine.open_orders -= 1


# ---- orders -----------------------------------------------------------------------------------------------------------

cdef uint64_t terms_hash(const Intent *i) noexcept nogil:
    cdef uint64_t h = mix(mix(mix(5, <uint64_t>i.px), <uint64_t>i.stop_px), <uint64_t>i.qty)
    h = mix(mix(mix(h, <uint64_t>i.display_qty), i.expire_ns), <uint64_t>i.instrument << 32 | <uint64_t>i.account << 16 | i.route)
    return mix(h, <uint64_t>i.instructions << 32 | <uint64_t>i.side << 16 | <uint64_t>i.ord_type << 8 | i.time_in_force)


cdef Order *create_order(EngineState *s, uint16_t strategy, const Intent *intent, uint16_t account, uint16_t route, uint16_t venue) noexcept nogil:
    cdef uint64_t row = s.engine.order_count + 1
    cdef Order *o
    if row >= s.order_rows or not add_client_id(s, strategy, intent.client_id, row):
        return NULL
    s.engine.order_count = row
    o = &s.orders[row]
    o.order_id = row
    o.client_id = intent.client_id
    o.px = intent.px
    o.stop_px = intent.stop_px
    o.qty = intent.qty
    o.display_qty = intent.display_qty
    o.expire_ns = intent.expire_ns
    o.created_ns = s.engine.engine_ns
    o.updated_ns = s.engine.engine_ns
    o.intent_ns = intent.created_ns
    o.created_seq = s.engine.seq
    o.terms_hash = terms_hash(intent)
    o.instrument = intent.instrument
    o.account = account
    o.strategy = strategy
    o.venue = venue
    o.route = route
    o.side = intent.side
    o.ord_type = intent.ord_type
    o.time_in_force = intent.time_in_force
    o.base_status = RF_ORD_STATUS_PENDING_NEW
    o.deny_reason = RF_DENY_REASON_NONE
    o.day_code = s.engine.day_code
    o.instructions = <uint8_t>intent.instructions
    s.strategies[strategy].orders += 1
    return o


cdef void settle(EngineState *s, Order *o) noexcept nogil:
    cdef uint8_t status = o.base_status
    cdef uint64_t updated_ns = s.engine.engine_ns
    cdef int open_now, was_open
    if o.first_request and (OVER >> status) & 1:
        give_up_requests(s, o)
    if is_terminal(status):
        o.leaves_qty = 0
    else:
        o.leaves_qty = o.qty - o.cum_qty if o.qty > o.cum_qty else 0
    if status == RF_ORD_STATUS_UNKNOWN:
        if o.ord_status == RF_ORD_STATUS_UNKNOWN:
            updated_ns = o.updated_ns  # requests do not make it less unknown: its limit runs from when it became so (S6)
    elif status == RF_ORD_STATUS_FILLED or not is_terminal(status):
        if o.cancel_revision:
            status = RF_ORD_STATUS_PENDING_CANCEL
        elif o.replace_revision:
            status = RF_ORD_STATUS_PENDING_REPLACE
    o.ord_status = status
    o.updated_seq = s.engine.seq
    o.updated_ns = updated_ns
    open_now = not is_terminal(status)
    was_open = listed(s, o)
    if open_now != was_open:
        if open_now:
            enlist(s, o)
        else:
            delist(s, o)
    if s.engine.counting:
        reserve(s, o, open_now)


# ---- requests in flight ----------------------------------------------------------------------------------------------------

cdef int may_cancel(const EngineState *s, const Order *o) noexcept nogil:
    cdef const Venue *venue = &s.venues[o.venue]
    return not venue.stalled or venue.output_seq - venue.stalled_seq < s.order_rows - 1


cdef int request_room(const EngineState *s, const Order *o, int cancel) noexcept nogil:
    """Half of the rows is for whatever comes, half for the first cancel of each order, of which there can be no more than orders (S13)."""
    if cancel and not o.cancel_revision:
        return o.revision < RF_REVISIONS_MAX
    return o.revision < RF_REVISIONS_MAX - REVISIONS_FOR_CANCELS and s.engine.requests_pending < s.order_rows - 1


cdef Request *append_request(EngineState *s, Order *o, uint8_t kind) noexcept nogil:
    """Take a row, the next revision and the latest version not known to be rejected as its base (S20). The table has room: request_room."""
    cdef uint32_t row = s.engine.free_request
    cdef Request *r
    if row:
        s.engine.free_request = s.requests[row].next
    else:
        s.engine.request_count += 1
        row = <uint32_t>s.engine.request_count
    s.engine.requests_pending += 1
    r = &s.requests[row]
    o.revision += 1
    r.order_id = o.order_id
    r.kind = kind
    r.revision = o.revision
    r.base_revision = o.replace_revision if o.replace_revision else o.live_revision
    r.requested_ns = s.engine.engine_ns
    r.next = 0
    if o.last_request:
        s.requests[o.last_request].next = row
    else:
        o.first_request = row
    o.last_request = row
    return r


cdef void summarize(EngineState *s, Order *o) noexcept nogil:
    """What the order's own row says of its requests: how many, and the newest of each kind."""
    cdef uint32_t row = o.first_request, count = 0
    cdef const Request *r
    o.cancel_revision = 0
    o.replace_revision = 0
    o.pending_base_revision = 0
    o.pending_px = 0
    o.pending_stop_px = 0
    o.pending_qty = 0
    o.requested_ns = 0
    o.flags &= <uint8_t>~RF_ORDER_OVERDUE
    while row:
        r = &s.requests[row]
        row = r.next
        count += 1
        o.requested_ns = r.requested_ns
        if r.overdue:
            o.flags |= <uint8_t>RF_ORDER_OVERDUE
        if r.kind == RF_REQUEST_KIND_CANCEL:
            o.cancel_revision = r.revision
            continue
        o.replace_revision = r.revision
        o.pending_base_revision = r.base_revision
        o.pending_px = r.px
        o.pending_stop_px = r.stop_px
        o.pending_qty = r.qty
    o.pending_count = <uint8_t>(count if count < 255 else 255)


cdef void request_cancel(EngineState *s, Order *o) noexcept nogil:
    cdef Request *r = append_request(s, o, RF_REQUEST_KIND_CANCEL)
    if s.engine.counting:
        count_message(s, o)
    summarize(s, o)
    settle(s, o)
    emit_command(s, o, RF_COMMAND_KIND_CANCEL, r.revision, r.base_revision, o.px, o.stop_px, o.qty)
    emit_event(s, o, RF_EVENT_KIND_PENDING, RF_DENY_REASON_NONE, 0, 0)


cdef void request_replace(EngineState *s, Order *o, int64_t px, int64_t stop_px, int64_t qty) noexcept nogil:
    cdef Request *r = append_request(s, o, RF_REQUEST_KIND_REPLACE)
    r.px = px
    r.stop_px = stop_px
    r.qty = qty
    summarize(s, o)
    settle(s, o)
    emit_command(s, o, RF_COMMAND_KIND_REPLACE, r.revision, r.base_revision, px, stop_px, qty)
    emit_event(s, o, RF_EVENT_KIND_PENDING, RF_DENY_REASON_NONE, 0, 0)


cdef Request *find_request(EngineState *s, const Order *o, uint32_t revision) noexcept nogil:
    cdef uint32_t row = o.first_request
    while row:
        if s.requests[row].revision == revision:
            return &s.requests[row]
        row = s.requests[row].next
    return NULL


cdef void unlink(EngineState *s, Order *o, uint32_t row, uint32_t before) noexcept nogil:
    """Take a row out of the order's list, ``before`` it being the one that points to it (0: the head), and give it back."""
    cdef uint32_t after = s.requests[row].next
    if before:
        s.requests[before].next = after
    else:
        o.first_request = after
    if o.last_request == row:
        o.last_request = before
    memset(&s.requests[row], 0, sizeof(Request))
    s.requests[row].next = s.engine.free_request
    s.engine.free_request = row
    s.engine.requests_pending -= 1


cdef void end_where(EngineState *s, Order *o, const Request *one, uint8_t kind) noexcept nogil:
    """End one request, or all of a kind, or all (kind 0)."""
    cdef uint32_t row = o.first_request, before = 0, after
    while row:
        after = s.requests[row].next
        if &s.requests[row] == one or (one == NULL and (kind == 0 or s.requests[row].kind == kind)):
            unlink(s, o, row, before)
        else:
            before = row
        row = after
    summarize(s, o)


cdef void end_request(EngineState *s, Order *o, Request *r) noexcept nogil:
    end_where(s, o, r, 0)


cdef void end_cancels(EngineState *s, Order *o) noexcept nogil:
    if o.cancel_revision:
        end_where(s, o, NULL, RF_REQUEST_KIND_CANCEL)


cdef void give_up_requests(EngineState *s, Order *o) noexcept nogil:
    """The order is over: what is still asked of it cannot be granted, and its strategy hears so now; a venue may or may not answer it later."""
    cdef uint64_t pending = s.engine.requests_pending
    end_where(s, o, NULL, 0)
    o.ord_status = o.base_status
    o.leaves_qty = 0
    for _ in range(pending - s.engine.requests_pending):
        emit_event(s, o, RF_EVENT_KIND_CANCEL_REJECTED, RF_DENY_REASON_ORDER_DONE, 0, 0)


cdef inline int is_overdue(const EngineState *s, uint64_t since_ns) noexcept nogil:
    return s.engine.engine_ns - since_ns >= <uint64_t>RF_REQUEST_LIMIT_MS * 1000000


cdef void report_overdue(EngineState *s, Order *o) noexcept nogil:
    cdef uint32_t row = o.first_request
    cdef Request *r
    cdef int doubtful = 0
    if o.flags & RF_ORDER_STATUS_ASKED and is_overdue(s, o.asked_ns):
        o.flags &= <uint8_t>~RF_ORDER_STATUS_ASKED  # said once; it may be asked for again
        doubtful = 1
    if o.base_status == RF_ORD_STATUS_UNKNOWN:  # also when its session stays down and nobody can be asked
        doubtful = not o.flags & RF_ORDER_UNKNOWN_REPORTED and (doubtful or is_overdue(s, o.updated_ns))
        if doubtful:
            o.flags |= <uint8_t>RF_ORDER_UNKNOWN_REPORTED
    if doubtful:
        raise_break(s, RF_BREAK_KIND_UNKNOWN_OUTCOME, o, NULL, o.leaves_qty, o.base_status)
    while row:
        r = &s.requests[row]
        row = r.next
        if r.overdue or not is_overdue(s, r.requested_ns):
            continue
        r.overdue = 1
        o.flags |= <uint8_t>RF_ORDER_OVERDUE
        raise_break(s, RF_BREAK_KIND_REQUEST_UNANSWERED, o, NULL, r.revision, r.base_revision)


cdef int cancel_awaited(const EngineState *s, const Order *o) noexcept nogil:
    cdef uint32_t row = o.first_request if o.cancel_revision else 0
    while row:
        if s.requests[row].kind == RF_REQUEST_KIND_CANCEL and not is_overdue(s, s.requests[row].requested_ns):
            return 1
        row = s.requests[row].next
    return 0


cdef void request_status(EngineState *s, Order *o) noexcept nogil:
    cdef const Venue *venue = &s.venues[o.venue]
    if o.flags & RF_ORDER_STATUS_ASKED or venue.stalled or venue.session_state != RF_SESSION_STATE_UP:
        return
    o.flags |= <uint8_t>RF_ORDER_STATUS_ASKED
    o.asked_ns = s.engine.engine_ns
    emit_command(s, o, RF_COMMAND_KIND_STATUS, o.live_revision, o.live_revision, o.px, o.stop_px, o.qty)


cdef uint64_t cancel_open(EngineState *s, uint16_t strategy, uint32_t instrument, uint16_t account, uint16_t venue) noexcept nogil:
    cdef uint32_t row = s.strategies[strategy].first_open
    cdef uint64_t left = 0
    cdef Order *o
    while row:
        o = &s.orders[row]
        row = o.next_open
        if (instrument and o.instrument != instrument) or (account and o.account != account) or (venue and o.venue != venue):
            continue
        if cancel_awaited(s, o):
            continue
        if not request_room(s, o, 1) or not may_cancel(s, o):
            left += 1
            continue
        RF_FP(b"E12")
        request_cancel(s, o)
    return left


# ---- reports -----------------------------------------------------------------------------------------------------------

cdef Order *match_cl_ord_id(EngineState *s, const VenueEvent *event, const char *text, uint32_t *revision) noexcept nogil:
    cdef uint32_t day
    cdef uint64_t order_id
    cdef Order *o
    if not decode(text, s.engine.prefix, &day, &order_id, revision):
        return NULL
    if order_id == 0 or order_id > s.engine.order_count:
        return NULL
    o = &s.orders[order_id]
    if o.day_code != day or o.venue != event.venue or (revision[0] > o.revision and revision[0] != RF_REVISION_OUT_OF_BAND):
        return NULL
    return o


cdef int has_order_id(const VenueEvent *event) noexcept nogil:
    cdef const char *text = <const char*>event.venue_order_id
    if text[0] == 0 or (text[31] != 0 and event.flags & RF_VENUE_EVENT_TRUNCATED):
        return 0
    return memcmp(text, b"NONE", 5) != 0


cdef Order *match_order(EngineState *s, const VenueEvent *event, uint32_t *revision) noexcept nogil:
    cdef Order *o = match_cl_ord_id(s, event, event.cl_ord_id, revision)
    cdef char id32[32]
    cdef uint64_t row
    if o != NULL:
        return o
    o = match_cl_ord_id(s, event, event.orig_cl_ord_id, revision)
    if o != NULL:
        revision[0] = o.live_revision
        return o
    if not has_order_id(event):
        return NULL
    copy_text(id32, event.venue_order_id, 32)
    row = find_venue_order_id(s, event.venue, id32)
    if row == 0:
        return NULL
    o = &s.orders[row]
    revision[0] = o.live_revision
    return o
