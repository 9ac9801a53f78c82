"""Loops over the market data ring: one producer, any number of readers, each in its own thread or process; what bench measures, verified.

Tick n carries n in every word of a QuoteTick; a reader checks each that it gets; taken and lost must add up to all. Waiting is the idle strategy ``spin``, or
``yield`` on a shared core (``RF_IDLE_*``). ``pace_ns`` above 0 publishes on a fixed schedule (open loop): a producer that is late catches up, and
``published_ns`` is the time meant.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from ringfence.ipc.broadcast cimport (
    RF_BROADCAST_LOST,
    Listener,
    Publisher,
    rf_broadcast_claim,
    rf_broadcast_publish,
    rf_broadcast_t,
    rf_broadcast_take,
    rf_market_publish,
)
from ringfence.ipc.clock cimport Clock, rf_clock_now
from ringfence.ipc.idle cimport rf_idle, rf_idle_open, rf_idle_t
from ringfence.ipc.records cimport RF_TICK_KIND_QUOTE, QuoteTick
from ringfence.ipc.ring cimport RF_RING_EMPTY, RF_RING_OK


cdef void _fill(QuoteTick *tick, uint64_t n) noexcept nogil:
    tick.source_ns = n
    tick.bid = tick.ask = tick.bid_qty = tick.ask_qty = <int64_t>n


def produce(Publisher publisher not None, Clock clock not None, uint64_t count, uint64_t pace_ns=0, bint rows=True, int idle_kind=1) -> int:
    """Publish ``count`` ticks of instrument 1, numbered by their positions; returns the time it took [ns].

    ``rows=False``: the ring alone, without the table of latest quotes.
    """
    cdef QuoteTick tick
    cdef QuoteTick *slot
    cdef rf_broadcast_t *ring = &publisher.market.ring
    cdef rf_idle_t idle
    cdef uint64_t i, begun = rf_clock_now(&clock.c), due = begun
    memset(&tick, 0, sizeof(tick))
    tick.instrument, tick.kind = 1, RF_TICK_KIND_QUOTE
    rf_idle_open(&idle, idle_kind)
    with nogil:
        for i in range(count):
            if pace_ns:
                while rf_clock_now(&clock.c) < due:
                    rf_idle(&idle, 0)
            tick.published_ns = due if pace_ns else i
            due += pace_ns
            _fill(&tick, ring.position)
            if rows:
                rf_market_publish(&publisher.market, &tick)
            else:
                slot = <QuoteTick *>rf_broadcast_claim(ring)
                tick.slot_seq = slot.slot_seq
                slot[0] = tick
                rf_broadcast_publish(ring)
    return rf_clock_now(&clock.c) - begun


def consume(Listener listener not None, uint64_t until, int idle_kind=1) -> tuple[int, int]:
    """Read up to position ``until``; returns how many ticks were taken and how many lost.

    Raises
    ------
    RuntimeError
        If a tick has wrong content, or the ring holds garbage.
    """
    cdef QuoteTick tick
    cdef rf_idle_t idle
    cdef rf_broadcast_t *ring = &listener.ring
    cdef uint64_t taken = 0, lost = 0, jump = 0, n, wrong = 0
    cdef int state = RF_RING_OK
    rf_idle_open(&idle, idle_kind)
    with nogil:
        while ring.position < until and not wrong:
            state = rf_broadcast_take(ring, &tick, sizeof(tick), &jump)
            if state == RF_RING_OK:
                n = ring.position - 1
                wrong = (tick.source_ns ^ n) | (<uint64_t>tick.bid ^ n) | (<uint64_t>tick.ask ^ n) | (<uint64_t>tick.bid_qty ^ n) | (<uint64_t>tick.ask_qty ^ n)
                taken += 1
            elif state == RF_BROADCAST_LOST:
                lost += jump
            elif state == RF_RING_EMPTY:
                rf_idle(&idle, 0)
            else:
                wrong = 1
    if wrong:
        raise RuntimeError(f"position {ring.position - 1}: wrong content or garbage (state {state})")
    return taken, lost
