"""Where the engine's outputs go: filled in place in the slot of the peer's ring, or kept, or counted. Every output takes the next ``output_seq`` of its
destination, which is part of the state, so the numbers are the same in a replay, where outputs are counted only. Commands also carry when they went out, for
latency accounting: no part of the state, 0 in a replay. A gateway whose ring is full gets the rest through its queue, in order; ``core/engine.pyx`` journals
that it is stalled before it takes another input, and a stalled gateway gets cancels only, so the queue of ``State.open_queue`` is never full (``dropped``
counts it all the same and the engine stops on it). A strategy whose ring is full loses the event; the jump in ``output_seq`` says how many.

Memory: rings belong to the links, queues are private to the process. Nothing here blocks or allocates.
Rejected: an intermediate list of outputs copied to the rings after apply (a second copy of 256 bytes a command).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.core.clordid cimport encode
from ringfence.core.dedupe cimport find_position
from ringfence.core.state cimport EngineState, Port
from ringfence.ipc.clock cimport rf_clock_now
from ringfence.ipc.records cimport (
    RF_COMMAND_KIND_DONT_KNOW, RF_COMMAND_KIND_MASS_CANCEL, RF_EVENT_KIND_DENIED, RF_DURABILITY_ASYNC, RF_ORD_STATUS_DENIED, RF_SIDE_MAX,
    Account, EngineStatus, Execution, Instrument, Intent, Order, OrderCommand, Strategy, StrategyEvent, Venue,
)
from ringfence.ipc.ring cimport rf_ring_claim, rf_ring_publish

cdef uint64_t FIRST_MASS_CANCEL_ID = (1 << 35) - 1

cdef enum:
    PORT_COUNTED = 1
    PORT_RING = 2
    PORT_QUEUE = 3


cdef unsigned char *open_slot(EngineState *s, Port *port, uint64_t output_seq) noexcept nogil:
    """Return where to write the output numbered ``output_seq``; the caller fills it and closes."""
    cdef int result
    cdef void *slot
    port.opened = PORT_COUNTED
    if output_seq <= port.emit_above:
        return s.scratch
    if port.ring != NULL and port.queue_first == port.queue_next:
        slot = rf_ring_claim(port.ring, 0, &result)
        if slot != NULL:
            port.opened = PORT_RING
            return <unsigned char*>slot
    if port.queue != NULL and port.queue_next - port.queue_first <= port.queue_mask:
        port.opened = PORT_QUEUE
        s.overflowed += 1
        return port.queue + (port.queue_next & port.queue_mask) * port.slot_bytes
    if port.queue != NULL or port.ring != NULL:
        port.dropped += 1
        s.overflowed += 1
    return s.scratch


cdef inline void close_slot(Port *port) noexcept nogil:
    if port.opened == PORT_RING:
        rf_ring_publish(port.ring, 1)
        port.sent += 1
    elif port.opened == PORT_QUEUE:
        port.queue_next += 1
        port.queued += 1


cdef inline void close_command(Port *port, OrderCommand *c) noexcept nogil:
    """Stamp a filled command and publish it. The stamp is of this moment, also for one that is queued, and no part of the state."""
    c.out_ns = rf_clock_now(port.clock) if port.clock != NULL else 0
    close_slot(port)


cdef int drain(Port *port) noexcept nogil:
    cdef int result
    cdef void *slot
    while port.queue_first != port.queue_next:
        if port.ring == NULL:
            return 0
        slot = rf_ring_claim(port.ring, 0, &result)
        if slot == NULL:
            return 0
        memcpy(<unsigned char*>slot + 8, port.queue + (port.queue_first & port.queue_mask) * port.slot_bytes + 8, port.slot_bytes - 8)
        rf_ring_publish(port.ring, 1)
        port.sent += 1
        port.queue_first += 1
    return 1


cdef void emit_command(
    EngineState *s, const Order *o, uint8_t kind, uint32_t revision, uint32_t orig_revision, int64_t px, int64_t stop_px, int64_t qty,
) noexcept nogil:
    cdef Venue *venue = &s.venues[o.venue]
    cdef const Instrument *instrument = &s.instruments[o.instrument]
    cdef const Account *account = &s.accounts[o.account]
    cdef EngineStatus *e = s.engine
    cdef Port *port = &s.gateways[o.venue]
    cdef OrderCommand *c
    venue.output_seq += 1
    c = <OrderCommand*>open_slot(s, port, venue.output_seq)
    if port.opened == PORT_COUNTED:
        return
    c.output_seq = venue.output_seq
    c.journal_seq = e.seq
    c.order_id = o.order_id
    c.px = px
    c.stop_px = stop_px
    c.qty = qty
    c.display_qty = o.display_qty if o.display_qty <= qty else 0
    c.expire_ns = o.expire_ns
    c.engine_ns = e.engine_ns
    c.intent_ns = s.intent_ns
    c.origin_ns = s.origin_ns
    c.revision = revision
    c.kind = kind
    c.side = o.side
    c.ord_type = o.ord_type
    c.time_in_force = o.time_in_force
    c.px_digits = instrument.price_digits
    c.qty_digits = instrument.qty_digits
    c.durability = account.durability if account.durability > venue.durability else venue.durability
    if c.durability == 0:
        c.durability = <uint8_t>RF_DURABILITY_ASYNC
    c.strategy = o.strategy
    c.venue = o.venue
    encode(c.cl_ord_id, e.prefix, o.day_code, o.order_id, revision)
    c.instructions = o.instructions
    memset(c.exec_id, 0, sizeof(c.exec_id))
    c.dk_reason = 0
    memset(c.pad_0, 0, sizeof(c.pad_0))
    if orig_revision == revision:
        memset(c.orig_cl_ord_id, 0, sizeof(c.orig_cl_ord_id))
    else:
        encode(c.orig_cl_ord_id, e.prefix, o.day_code, o.order_id, orig_revision)
    memcpy(c.venue_order_id, o.venue_order_id, 32)
    memcpy(c.symbol, instrument.symbol, 24)
    memcpy(c.account_code, account.code, 24)
    close_command(port, c)


cdef OrderCommand *open_command(EngineState *s, uint16_t row, uint8_t kind) noexcept nogil:
    """A zeroed command of no order with its head filled in; NULL when it is only counted."""
    cdef Venue *venue = &s.venues[row]
    cdef Port *port = &s.gateways[row]
    cdef OrderCommand *c
    venue.output_seq += 1
    c = <OrderCommand*>open_slot(s, port, venue.output_seq)
    if port.opened == PORT_COUNTED:
        return NULL
    memset(<char*>c + 8, 0, sizeof(OrderCommand) - 8)
    c.output_seq = venue.output_seq
    c.journal_seq = s.engine.seq
    c.engine_ns = s.engine.engine_ns
    c.kind = kind
    c.venue = row
    c.durability = venue.durability if venue.durability else <uint8_t>RF_DURABILITY_ASYNC
    return c


cdef void emit_mass_cancel(EngineState *s, uint16_t venue, uint32_t instrument) noexcept nogil:
    cdef OrderCommand *c = open_command(s, venue, RF_COMMAND_KIND_MASS_CANCEL)
    cdef uint64_t order_id = FIRST_MASS_CANCEL_ID - s.engine.mass_cancels
    s.engine.mass_cancels += 1
    if c == NULL:
        return
    encode(c.cl_ord_id, s.engine.prefix, s.engine.day_code, order_id, 0)
    if instrument:
        memcpy(c.symbol, s.instruments[instrument].symbol, 24)
    close_command(&s.gateways[venue], c)


cdef void emit_dont_know(EngineState *s, const Execution *x, uint8_t reason) noexcept nogil:
    cdef OrderCommand *c = open_command(s, x.venue, RF_COMMAND_KIND_DONT_KNOW)
    cdef const Instrument *instrument = &s.instruments[x.instrument]
    if c == NULL:
        return
    c.order_id = x.order_id
    c.qty = s.orders[x.order_id].qty if x.order_id else 0
    c.display_qty = x.last_qty
    c.px = x.last_px
    c.px_digits = instrument.price_digits
    c.qty_digits = instrument.qty_digits
    c.side = x.side
    c.strategy = x.strategy
    c.dk_reason = reason
    memcpy(c.exec_id, x.exec_id, 40)
    memcpy(c.venue_order_id, x.venue_order_id, 32)
    memcpy(c.symbol, instrument.symbol, 24)
    memcpy(c.account_code, s.accounts[x.account].code, 24)
    close_command(&s.gateways[x.venue], c)


cdef void emit_event(EngineState *s, const Order *o, uint8_t kind, uint8_t reason, int64_t last_px, int64_t last_qty) noexcept nogil:
    cdef Strategy *strategy = &s.strategies[o.strategy]
    cdef Port *port = &s.strategy_ports[o.strategy]
    cdef StrategyEvent *v
    strategy.output_seq += 1
    v = <StrategyEvent*>open_slot(s, port, strategy.output_seq)
    if port.opened == PORT_COUNTED:
        return
    v.output_seq = strategy.output_seq
    v.journal_seq = s.engine.seq
    v.client_id = o.client_id
    v.order_id = o.order_id
    v.last_px = last_px
    v.last_qty = last_qty
    v.cum_qty = o.cum_qty
    v.leaves_qty = o.leaves_qty
    v.px = o.px
    v.qty = o.qty
    v.engine_ns = s.engine.engine_ns
    v.net_qty = s.positions[find_position(s, o.account, o.strategy, o.instrument)].net_qty
    v.instrument = o.instrument
    v.account = o.account
    v.kind = kind
    v.ord_status = o.ord_status
    v.side = o.side
    v.reason = reason
    v.venue_code = o.venue_code
    memset(v.pad_0, 0, sizeof(v.pad_0))
    close_slot(port)


cdef void emit_denial(EngineState *s, uint16_t strategy_row, const Intent *intent, uint8_t reason) noexcept nogil:
    cdef Strategy *strategy = &s.strategies[strategy_row]
    cdef Port *port = &s.strategy_ports[strategy_row]
    cdef StrategyEvent *v
    strategy.output_seq += 1
    v = <StrategyEvent*>open_slot(s, port, strategy.output_seq)
    if port.opened == PORT_COUNTED:
        return
    memset(<char*>v + 8, 0, sizeof(StrategyEvent) - 8)
    v.output_seq = strategy.output_seq
    v.journal_seq = s.engine.seq
    v.client_id = intent.client_id
    v.px = intent.px
    v.qty = intent.qty
    v.engine_ns = s.engine.engine_ns
    v.instrument = intent.instrument
    v.account = intent.account
    v.kind = RF_EVENT_KIND_DENIED
    v.ord_status = RF_ORD_STATUS_DENIED
    v.side = intent.side if intent.side <= RF_SIDE_MAX else 0
    v.reason = reason
    close_slot(port)
