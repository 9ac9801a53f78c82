"""What measuring costs and what the host takes: a reading of the clock, a record in a histogram, the gaps in which a spinning core does nothing."""

from libc.stdint cimport uint64_t

from ringfence.ipc.clock cimport Clock, rf_clock_now, rf_clock_t
from ringfence.ipc.metrics cimport Metrics, rf_histogram_record, rf_histogram_record_span, rf_histogram_t

cdef uint64_t readings, records   # what the loops did: results that a compiler cannot leave out


cdef uint64_t step_clock(rf_clock_t *c) noexcept nogil:
    global readings
    readings += 1
    return rf_clock_now(c)


cdef void step_record(rf_histogram_t *h, uint64_t begin, uint64_t end) noexcept nogil:
    global records
    records += 1
    rf_histogram_record_span(h, begin, end)


ctypedef uint64_t (*clock_step_t)(rf_clock_t *c) noexcept nogil
ctypedef void (*record_step_t)(rf_histogram_t *h, uint64_t begin, uint64_t end) noexcept nogil
cdef clock_step_t[1] CLOCK   # called through a pointer, so that each stays a function that callgrind can name
cdef record_step_t[1] RECORD
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
