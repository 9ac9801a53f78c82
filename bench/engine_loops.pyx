"""The benchmark's C loops around the engine's real step functions: ring slot to journal frame to tables to output rings.

One thread plays all parts, in batches: fill a ring, let the engine take it (this part is timed), then play the peers (release the journal,
take the commands and events). So the figures are the engine's own instructions and nanoseconds, without the transfer between cores, which
``bench ring`` measures. The steps are called through an array of pointers, so that each stays a function that callgrind can name.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.core.clordid cimport encode
from ringfence.core.engine cimport TAKEN, Engine, Loop, take_intent, take_venue_event
from ringfence.ipc.clock cimport rf_clock_now
from ringfence.ipc.crc32c cimport rf_crc32c
from ringfence.ipc.link cimport Link
from ringfence.ipc.records cimport (
    RF_INTENT_KIND_NEW, RF_ORD_TYPE_LIMIT, RF_PRESENT_CUM_QTY, RF_PRESENT_LAST_PX, RF_PRESENT_LAST_QTY, RF_SIDE_BUY, RF_SIDE_SELL,
    RF_TIME_IN_FORCE_DAY, RF_VENUE_EVENT_KIND_ACK, RF_VENUE_EVENT_KIND_FILL, Frame, Intent, VenueEvent,
)
from ringfence.ipc.ring cimport (
    RF_RING_OK, rf_ring_advance, rf_ring_claim, rf_ring_poll, rf_ring_publish, rf_ring_release, rf_ring_t, rf_ring_take,
)

cdef enum:
    BATCH = 64
    STEP_INTENT = 0
    STEP_ACK = 1
    STEP_FILL = 2
    STEP_COPY = 3

ctypedef int (*step_t)(Loop *l) noexcept nogil

cdef uint64_t taken_intents, taken_acks, taken_fills, taken_copies


cdef int step_intent(Loop *l) noexcept nogil:
    global taken_intents
    cdef int done = take_intent(l, 1) == TAKEN
    taken_intents += done
    return done


cdef int step_ack(Loop *l) noexcept nogil:
    global taken_acks
    cdef int done = take_venue_event(l, 1) == TAKEN
    taken_acks += done
    return done


cdef int step_fill(Loop *l) noexcept nogil:
    global taken_fills
    cdef int done = take_venue_event(l, 1) == TAKEN
    taken_fills += done
    return done


cdef int step_copy(Loop *l) noexcept nogil:
    """The least that taking an intent can cost: the slot copied into a journal slot, its CRC checked, a stamp, published."""
    global taken_copies
    cdef int result
    cdef rf_ring_t *ring = l.strategies[1].ring
    cdef Frame *frame = <Frame*>rf_ring_claim(l.journal, 0, &result)
    cdef Intent *intent = <Intent*>(<char*>frame + sizeof(Frame))
    if frame == NULL or rf_ring_take(ring, intent, sizeof(Intent)) != RF_RING_OK:
        return 0
    if intent.crc != rf_crc32c(0, <char*>intent + 8, sizeof(Intent) - 12):
        return 0
    frame.engine_ns = rf_clock_now(l.clock)
    rf_ring_publish(l.journal, 1)
    taken_copies += 1
    return 1


cdef step_t[4] STEPS
STEPS[STEP_INTENT] = step_intent
STEPS[STEP_ACK] = step_ack
STEPS[STEP_FILL] = step_fill
STEPS[STEP_COPY] = step_copy


cdef int put_intent(rf_ring_t *ring, uint64_t client_id, uint32_t epoch, uint64_t now, uint64_t origin) noexcept nogil:
    cdef int result
    cdef Intent *i = <Intent*>rf_ring_claim(ring, 0, &result)
    if i == NULL:
        return 0
    memset(<char*>i + 8, 0, sizeof(Intent) - 8)
    i.client_id = client_id
    i.px = 9900 + <long long>(client_id & 63) + (0 if client_id & 1 else 100)    # buys below sells: SELF_MATCH finds none that cross
    i.qty = 10
    i.created_ns = now
    i.origin_ns = origin
    i.instrument = 1
    i.kind = RF_INTENT_KIND_NEW
    i.side = RF_SIDE_BUY if client_id & 1 else RF_SIDE_SELL
    i.ord_type = RF_ORD_TYPE_LIMIT
    i.time_in_force = RF_TIME_IN_FORCE_DAY
    i.epoch = epoch
    i.crc = rf_crc32c(0, <char*>i + 8, sizeof(Intent) - 12)
    rf_ring_publish(ring, 1)
    return 1


cdef void put_number(char *at, uint64_t n) noexcept nogil:
    cdef int k
    for k in range(9, -1, -1):
        at[k] = <char>(48 + n % 10)
        n //= 10


cdef void put_event(rf_ring_t *ring, Loop *l, uint64_t order, int fill, uint64_t now) noexcept nogil:
    cdef int result
    cdef VenueEvent *e = <VenueEvent*>rf_ring_claim(ring, 0, &result)
    if e == NULL:
        return
    memset(<char*>e + 8, 0, sizeof(VenueEvent) - 8)
    e.kind = RF_VENUE_EVENT_KIND_FILL if fill else RF_VENUE_EVENT_KIND_ACK
    e.received_ns = now
    e.transact_ns = now
    encode(e.cl_ord_id, l.s.engine.prefix, l.s.engine.day_code, order, 0)
    memcpy(e.symbol, l.s.instruments[1].symbol, 24)
    e.venue_order_id[0] = 86
    put_number(e.venue_order_id + 1, order)
    if fill:
        e.side = l.s.orders[order].side
        e.last_px = 10000
        e.last_px_digits = 5
        e.last_qty = 10
        e.cum_qty = 10
        e.present = RF_PRESENT_LAST_PX | RF_PRESENT_LAST_QTY | RF_PRESENT_CUM_QTY
        e.exec_id[0] = 69
        put_number(e.exec_id + 1, order)
    rf_ring_publish(ring, 1)


cdef void swallow(rf_ring_t *ring) noexcept nogil:
    while rf_ring_poll(ring) == RF_RING_OK:
        rf_ring_advance(ring)
    rf_ring_release(ring)


def run(Engine engine not None, Link strategy not None, Link gateway not None, Link sidecar not None, str what, uint64_t n, uint64_t first=1):
    """Take ``n`` messages of one kind and return the nanoseconds that the engine spent on each, on average.

    Parameters
    ----------
    strategy, gateway, sidecar : Link
        The peers' ends of the engine's links.
    what : {"intent", "ack", "fill", "copy"}
        New intents with client_ids ``first`` on; acks and full fills of orders ``first`` on; "copy" takes intents without the engine.

    Raises
    ------
    RuntimeError
        If the engine did not take, or refused, any of them: the figure would be of something else.
    """
    cdef int kind = ("intent", "ack", "fill", "copy").index(what)
    cdef Loop *loop = &engine.l
    cdef uint64_t done = 0, spent = 0, begin, i, _i, batch
    cdef int whole = 1
    cdef step_t step = STEPS[kind]
    cdef uint64_t refused = loop.s.engine.denies + loop.s.engine.break_count
    if kind != STEP_INTENT and kind != STEP_COPY and first + n > loop.s.order_rows:
        raise RuntimeError(f"orders {first} to {first + n - 1} do not fit in a table of {loop.s.order_rows} rows")
    with nogil:
        while done < n and whole:
            batch = n - done if n - done < BATCH else BATCH
            begin = rf_clock_now(loop.clock)
            for i in range(batch):
                if kind == STEP_INTENT or kind == STEP_COPY:
                    put_intent(&strategy.outbound, first + done + i, loop.strategies[1].epoch, begin, 0)
                else:
                    put_event(&gateway.outbound, loop, first + done + i, kind == STEP_FILL, begin)
            begin = rf_clock_now(loop.clock)
            for _i in range(batch):
                whole &= step(loop)
            spent += rf_clock_now(loop.clock) - begin
            rf_ring_release(loop.strategies[1].ring)
            rf_ring_release(loop.gateways[1].ring)
            swallow(&sidecar.inbound)
            swallow(&gateway.inbound)
            swallow(&strategy.inbound)
            done += batch
    refused = loop.s.engine.denies + loop.s.engine.break_count - refused
    if not whole or refused:
        raise RuntimeError(f"the engine took {done} of {n} messages of kind {what!r} and refused {refused}; is a table full?")
    return <double>spent / <double>n
