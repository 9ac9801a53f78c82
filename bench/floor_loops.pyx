"""The smallest steps, alone: a reading of the clock, a record in a histogram, a message through a ring; and the gaps in which a spinning core does nothing.

Each step is called through a pointer, so that it stays a function that callgrind can name. One thread plays both ends: no transfer between cores is in it.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memset

from ringfence.ipc.broadcast cimport rf_broadcast_claim, rf_broadcast_open, rf_broadcast_publish, rf_broadcast_t, rf_broadcast_take

from ringfence.ipc.clock cimport Clock, rf_clock_now, rf_clock_t
from ringfence.ipc.link cimport Link
from ringfence.ipc.metrics cimport Metrics, rf_histogram_record, rf_histogram_record_span, rf_histogram_t
from ringfence.ipc.ring cimport RF_RING_OK, rf_ring_claim, rf_ring_publish, rf_ring_release, rf_ring_t, rf_ring_take
from ringfence.ipc.segment cimport Segment

cdef enum:
    MESSAGE = 64

cdef uint64_t readings, records, messages   # what the loops did: results that a compiler cannot leave out


cdef uint64_t step_clock(rf_clock_t *c) noexcept nogil:
    global readings
    readings += 1
    return rf_clock_now(c)


cdef void step_record(rf_histogram_t *h, uint64_t begin, uint64_t end) noexcept nogil:
    global records
    records += 1
    rf_histogram_record_span(h, begin, end)


cdef int step_ring(rf_ring_t *out, rf_ring_t *inbound) noexcept nogil:
    """A message of 64 bytes: claim, fill, publish, take, release."""
    global messages
    cdef int result
    cdef unsigned char copy[MESSAGE]
    cdef unsigned char *slot = <unsigned char*>rf_ring_claim(out, 0, &result)
    if slot == NULL:
        return 0
    memset(slot + 8, <int>(messages & 127), MESSAGE - 8)
    rf_ring_publish(out, 1)
    if rf_ring_take(inbound, copy, MESSAGE) != RF_RING_OK or copy[MESSAGE - 1] != (messages & 127):
        return 0
    rf_ring_release(inbound)
    messages += 1
    return 1


cdef int step_broadcast(rf_broadcast_t *out, rf_broadcast_t *reader) noexcept nogil:
    """A tick of 64 bytes: claim, fill, publish, take by one reader."""
    global messages
    cdef uint64_t lost = 0
    cdef unsigned char copy[MESSAGE]
    cdef unsigned char *slot = <unsigned char*>rf_broadcast_claim(out)
    memset(slot + 8, <int>(messages & 127), MESSAGE - 8)
    rf_broadcast_publish(out)
    if rf_broadcast_take(reader, copy, MESSAGE, &lost) != RF_RING_OK or copy[MESSAGE - 1] != (messages & 127):
        return 0
    messages += 1
    return 1


ctypedef int (*ring_step_t)(rf_ring_t *out, rf_ring_t *inbound) noexcept nogil
ctypedef int (*broadcast_step_t)(rf_broadcast_t *out, rf_broadcast_t *reader) noexcept nogil
ctypedef uint64_t (*clock_step_t)(rf_clock_t *c) noexcept nogil
ctypedef void (*record_step_t)(rf_histogram_t *h, uint64_t begin, uint64_t end) noexcept nogil
cdef clock_step_t[1] CLOCK
cdef record_step_t[1] RECORD
cdef ring_step_t[1] RING
cdef broadcast_step_t[1] BROADCAST
RING[0] = step_ring
BROADCAST[0] = step_broadcast
CLOCK[0] = step_clock
RECORD[0] = step_record


def clock_ns(Clock clock not None, uint64_t n):
    """Return nanoseconds of one reading of the clock, over ``n`` readings."""
    cdef uint64_t begin, i, end = 0
    cdef clock_step_t step = CLOCK[0]
    begin = rf_clock_now(&clock.c)
    with nogil:
        for i in range(n):
            end = step(&clock.c)
    return (end - begin) / <double>n


def record_ns(Clock clock not None, Metrics metrics not None, str name, uint64_t n):
    """Return nanoseconds of one record in histogram ``name``, over ``n`` spans of different sizes."""
    cdef rf_histogram_t h
    cdef uint64_t begin, i
    cdef record_step_t step = RECORD[0]
    metrics.histogram(name, &h)
    begin = rf_clock_now(&clock.c)
    with nogil:
        for i in range(n):
            step(&h, 1, 100 + (i & 1023) * 7)
    return (rf_clock_now(&clock.c) - begin) / <double>n


def hiccups(Clock clock not None, Metrics metrics not None, str name, uint64_t for_ns):
    """Read the clock without end for ``for_ns`` and record each gap between two readings: what the core did not give this thread."""
    cdef rf_histogram_t h
    cdef uint64_t now, last = rf_clock_now(&clock.c)
    cdef uint64_t end = last + for_ns
    metrics.histogram(name, &h)
    with nogil:
        while last < end:
            now = rf_clock_now(&clock.c)
            rf_histogram_record(&h, now - last)
            last = now


def ring_ns(Clock clock not None, Link sender not None, Link reader not None, uint64_t n):
    """Return nanoseconds of one message through a ring whose two ends are in this thread, over ``n`` messages, each verified.

    Raises
    ------
    RuntimeError
        If one did not come, or wrong.
    """
    cdef uint64_t begin = rf_clock_now(&clock.c), _i
    cdef int whole = 1
    cdef ring_step_t step = RING[0]
    with nogil:
        for _i in range(n):
            whole &= step(&sender.outbound, &reader.inbound)
    if not whole:
        raise RuntimeError("a message did not come through the ring, or came wrong")
    return (rf_clock_now(&clock.c) - begin) / <double>n


def broadcast_ns(Clock clock not None, Segment market not None, uint64_t n):
    """Return nanoseconds of one tick through a broadcast ring (sections ``head``, ``ticks``) to one reader in this thread, as ``ring_ns``."""
    cdef rf_broadcast_t out, reader
    cdef uint64_t begin, _i
    cdef int whole = 1
    cdef broadcast_step_t step = BROADCAST[0]
    slots = next(s.count for s in market.sections if s.name == "ticks")
    rf_broadcast_open(&out, market.section_ptr("ticks"), <uint64_t*>market.section_ptr("head"), slots, 0)
    rf_broadcast_open(&reader, market.section_ptr("ticks"), <uint64_t*>market.section_ptr("head"), slots, 0)
    begin = rf_clock_now(&clock.c)
    with nogil:
        for _i in range(n):
            whole &= step(&out, &reader)
    if not whole:
        raise RuntimeError("a tick did not come through the broadcast ring, or came wrong")
    return (rf_clock_now(&clock.c) - begin) / <double>n
