"""The C loop of ``bench orders``: quotes, a strategy that crosses the spread with each, the engine, a venue that matches; one thread, one message at a time.

    quote ─▶ strategy ──intent ring──▶ engine ──command ring──▶ venue
                ▲                      │   ▲                      │
                └────event ring────────┘   └──────event ring──────┘         journal ring ─▶ sidecar

The engine is the real one, and its rings are those of an instance. The venue holds one quote: a limit order that crosses it is acknowledged and fills at the
quote's price, as far as the quote's size goes, which the next quote shows anew; what does not cross would rest, and here it ends the run, as does anything
that the strategy did not hear of. No FIX on either side, as in the peer.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from ringfence.bench.engine_loops cimport put_number
from ringfence.core.engine cimport TAKEN, Engine, Loop, take_intent, take_venue_event
from ringfence.ipc.clock cimport rf_clock_now
from ringfence.ipc.crc32c cimport rf_crc32c
from ringfence.ipc.link cimport Link
from ringfence.ipc.records cimport (
    RF_COMMAND_KIND_NEW, RF_EVENT_KIND_FILL, RF_INTENT_KIND_NEW, RF_ORD_STATUS_FILLED, RF_ORD_TYPE_LIMIT, RF_PRESENT_CUM_QTY, RF_PRESENT_LAST_PX,
    RF_PRESENT_LAST_QTY, RF_SIDE_BUY, RF_SIDE_SELL, RF_TIME_IN_FORCE_DAY, RF_VENUE_EVENT_KIND_ACK, RF_VENUE_EVENT_KIND_FILL, Intent, OrderCommand,
    StrategyEvent, VenueEvent,
)
from ringfence.ipc.ring cimport (
    RF_RING_OK, rf_ring_advance, rf_ring_claim, rf_ring_front, rf_ring_poll, rf_ring_publish, rf_ring_release, rf_ring_t,
)

ctypedef struct Quote:
    long long bid
    long long ask
    long long bid_qty
    long long ask_qty


cdef int ask_for(rf_ring_t *ring, const Quote *q, uint64_t client_id, unsigned epoch, uint64_t now) noexcept nogil:
    """The strategy: buys at the ask and sells at the bid in turn, 1,000 each."""
    cdef int result
    cdef Intent *i = <Intent*>rf_ring_claim(ring, 0, &result)
    if i == NULL:
        return 0
    memset(<char*>i + 8, 0, sizeof(Intent) - 8)
    i.client_id = client_id
    i.side = RF_SIDE_BUY if client_id & 1 else RF_SIDE_SELL
    i.px = q.ask if client_id & 1 else q.bid
    i.qty = 1000
    i.created_ns = i.origin_ns = now
    i.instrument = 1
    i.kind = RF_INTENT_KIND_NEW
    i.ord_type = RF_ORD_TYPE_LIMIT
    i.time_in_force = RF_TIME_IN_FORCE_DAY
    i.epoch = epoch
    i.crc = rf_crc32c(0, <char*>i + 8, sizeof(Intent) - 12)
    rf_ring_publish(ring, 1)
    return 1


cdef VenueEvent *answer(rf_ring_t *out, const OrderCommand *c, unsigned char kind, uint64_t now) noexcept nogil:
    cdef int result
    cdef VenueEvent *e = <VenueEvent*>rf_ring_claim(out, 0, &result)
    if e == NULL:
        return NULL
    memset(<char*>e + 8, 0, sizeof(VenueEvent) - 8)
    e.kind = kind
    e.side = c.side
    e.received_ns = e.transact_ns = now
    memcpy(e.cl_ord_id, c.cl_ord_id, 24)
    memcpy(e.symbol, c.symbol, 24)
    e.venue_order_id[0] = 86
    put_number(e.venue_order_id + 1, c.order_id)
    return e


cdef int match(rf_ring_t *commands, rf_ring_t *out, Quote *q, uint64_t now) noexcept nogil:
    """The venue: take the command that is there, acknowledge it, and fill what the quote has. 1: the whole order."""
    cdef const OrderCommand *c
    cdef VenueEvent *e
    cdef long long px, qty
    cdef long long *shown
    if rf_ring_poll(commands) != RF_RING_OK:
        return 0
    c = <const OrderCommand*>rf_ring_front(commands)
    px, shown = (q.ask, &q.ask_qty) if c.side == RF_SIDE_BUY else (q.bid, &q.bid_qty)
    if c.kind != RF_COMMAND_KIND_NEW or (c.px < px if c.side == RF_SIDE_BUY else c.px > px):
        return 0
    if answer(out, c, RF_VENUE_EVENT_KIND_ACK, now) == NULL:
        return 0
    rf_ring_publish(out, 1)
    qty = min(c.qty, shown[0])
    shown[0] -= qty
    e = answer(out, c, RF_VENUE_EVENT_KIND_FILL, now)
    if e == NULL:
        return 0
    e.last_px, e.last_px_digits = px, c.px_digits
    e.last_qty = e.cum_qty = qty
    e.last_qty_digits = e.cum_qty_digits = c.qty_digits
    e.present = RF_PRESENT_LAST_PX | RF_PRESENT_LAST_QTY | RF_PRESENT_CUM_QTY
    e.exec_id[0] = 69
    put_number(e.exec_id + 1, c.order_id)
    rf_ring_publish(out, 1)
    qty = c.qty - qty
    rf_ring_advance(commands)
    rf_ring_release(commands)
    return qty == 0


cdef int hear(rf_ring_t *events, uint64_t client_id) noexcept nogil:
    """The strategy takes its events; 1 when the last says that the order is filled."""
    cdef int filled = 0
    cdef const StrategyEvent *e
    while rf_ring_poll(events) == RF_RING_OK:
        e = <const StrategyEvent*>rf_ring_front(events)
        filled = e.client_id == client_id and e.kind == RF_EVENT_KIND_FILL and e.ord_status == RF_ORD_STATUS_FILLED
        rf_ring_advance(events)
    rf_ring_release(events)
    return filled


def run(Engine engine not None, Link strategy not None, Link gateway not None, Link sidecar not None, uint64_t count) -> float:
    """Play ``count`` quotes, an order with each, and return the seconds that it took.

    Parameters
    ----------
    strategy, gateway, sidecar : Link
        The peers' ends of the engine's links.

    Raises
    ------
    RuntimeError
        At the first order that was not taken, not filled whole, or of which the strategy did not hear.
    """
    cdef Loop *loop = &engine.l
    cdef uint64_t n, begin, now
    cdef int whole = 1
    cdef Quote q
    begin = rf_clock_now(loop.clock)
    with nogil:
        for n in range(1, count + 1):
            now = rf_clock_now(loop.clock)
            q.bid, q.ask, q.bid_qty, q.ask_qty = 9999, 10009, 1000000, 1000000
            whole = ask_for(&strategy.outbound, &q, n, loop.strategies[1].epoch, now) and take_intent(loop, 1) == TAKEN
            rf_ring_release(loop.strategies[1].ring)
            whole = whole and match(&gateway.inbound, &gateway.outbound, &q, now)
            whole = whole and take_venue_event(loop, 1) == TAKEN and take_venue_event(loop, 1) == TAKEN
            rf_ring_release(loop.gateways[1].ring)
            whole = whole and hear(&strategy.inbound, n)
            while rf_ring_poll(&sidecar.inbound) == RF_RING_OK:
                rf_ring_advance(&sidecar.inbound)
            rf_ring_release(&sidecar.inbound)
            if not whole:
                break
        now = rf_clock_now(loop.clock)
    if not whole:
        raise RuntimeError(f"order {n} of {count} was not filled: {engine.l.s.engine.denies} denied, {engine.l.s.engine.break_count} breaks")
    return <double>(now - begin) / 1e9
