"""Loops of ``bench broadcast``: one producer, any number of readers, every tick verified, every loss counted."""

from libc.stdint cimport uint64_t

from ringfence.ipc.broadcast cimport RF_BROADCAST_LOST, rf_broadcast_claim, rf_broadcast_open, rf_broadcast_publish, rf_broadcast_t, rf_broadcast_take
from ringfence.ipc.clock cimport Clock, rf_clock_now
from ringfence.ipc.idle cimport rf_idle, rf_idle_open, rf_idle_t
from ringfence.ipc.records cimport QuoteTick
from ringfence.ipc.ring cimport RF_RING_OK, RF_RING_EMPTY
from ringfence.ipc.segment cimport Segment


cdef int open_ring(rf_broadcast_t *ring, Segment market) except -1:
    slots = next(s.count for s in market.sections if s.name == "ticks")
    rf_broadcast_open(ring, market.section_ptr("ticks"), <uint64_t*>market.section_ptr("head"), slots, 0)
    return 0


def publish(Segment market not None, Clock clock not None, uint64_t count, uint64_t interval_ns) -> float:
    """Publish ``count`` ticks, each at its time (``interval_ns`` apart, 0: without end); return the nanoseconds that it took."""
    cdef rf_broadcast_t out
    cdef uint64_t n, begin
    cdef QuoteTick *t
    open_ring(&out, market)
    begin = rf_clock_now(&clock.c)
    with nogil:
        for n in range(count):
            while interval_ns and rf_clock_now(&clock.c) < begin + n * interval_ns:
                pass
            t = <QuoteTick*>rf_broadcast_claim(&out)
            t.bid, t.ask, t.bid_qty, t.ask_qty = <long long>n, <long long>n + 1, <long long>n + 2, <long long>n + 3
            t.instrument = 1
            rf_broadcast_publish(&out)
    return rf_clock_now(&clock.c) - begin


def read(Segment market not None, uint64_t count, int idle_kind) -> tuple[int, int]:
    """Take ticks until the last of ``count`` is taken or lost; return how many were taken and how many lost.

    Raises
    ------
    RuntimeError
        If one is torn or out of its turn.
    """
    cdef rf_broadcast_t ring
    cdef rf_idle_t idle
    cdef QuoteTick t
    cdef uint64_t taken = 0, lost = 0, n
    cdef int state, whole = 1
    open_ring(&ring, market)
    rf_idle_open(&idle, idle_kind)
    with nogil:
        while ring.position < count and whole:
            n = ring.position
            state = rf_broadcast_take(&ring, &t, sizeof(QuoteTick), &lost)
            if state == RF_RING_OK:
                whole = t.bid == <long long>n and t.ask == t.bid + 1 and t.bid_qty == t.bid + 2 and t.ask_qty == t.bid + 3
                taken += 1
            elif state != RF_RING_EMPTY and state != RF_BROADCAST_LOST:
                whole = 0
            rf_idle(&idle, state == RF_RING_OK)
    if not whole:
        raise RuntimeError(f"tick {n} was torn or out of its turn")
    return taken, ring.lost
