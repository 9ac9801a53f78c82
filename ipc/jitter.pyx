"""How long the host keeps a core from its program: a loop that does nothing but read the time-stamp counter, and what it missed.

    counter ──difference to the last reading──▶ histogram of gaps (log buckets of metrics.h)      gap at or above the threshold ──▶ when, how long

The loop makes no system call, touches no memory but its own (touched before), and holds no lock, so every gap beyond a few dozen nanoseconds is somebody
else's: an interrupt, another process, the hypervisor, the firmware. What it is called from pins it (``ringfence jitter``). Ticks become nanoseconds by the
calibrated clock of ``clock.h``, so no other source of time disturbs the loop. Where there is no counter that can be trusted each reading is a call of
clock_gettime, and the floor is that much higher. Ends by itself, or when the process is asked to stop (``ipc/stop``). What can fail: figures that are no times.
"""

from libc.stdint cimport uint64_t, uintptr_t
from libc.string cimport memset

import numpy as np

from ringfence.ipc.clock cimport Clock, rf_clock_now, rf_clock_t
from ringfence.ipc.metrics cimport RF_HISTOGRAM_BUCKETS, rf_histogram_record, rf_histogram_t
from ringfence.ipc.records cimport HistogramHeader
from ringfence.ipc.stop cimport rf_stop_requested

from typing import NamedTuple

from ringfence.ipc.histogram import Histogram

cdef enum:
    KEPT_GAPS = 4096

KEPT = KEPT_GAPS


class Hiccups(NamedTuple):
    """What was heard.

    Attributes
    ----------
    gaps : Histogram
        Time between readings [ns], every one of them.
    over : list of (at_ns, gap_ns)
        The first ``KEPT`` gaps at or above the threshold: since the beginning, and how long.
    over_count, lost_ns : int
        How many there were, and their sum [ns].
    ran_ns : int
        From the first reading to the last [ns].
    stopped : bool
        It was asked to stop before its time.
    """

    gaps: Histogram
    over: list[tuple[int, int]]
    over_count: int
    lost_ns: int
    ran_ns: int
    stopped: bool


cdef struct Heard:
    uint64_t over_count
    uint64_t lost_ns
    uint64_t ran_ns
    int stopped


cdef void run(rf_clock_t *clock, rf_histogram_t *gaps, uint64_t *over, uint64_t for_ns, uint64_t threshold_ns, Heard *heard) noexcept nogil:
    """``over`` holds KEPT_GAPS pairs."""
    cdef uint64_t begun = rf_clock_now(clock), last = begun, now, gap
    while last - begun < for_ns:
        if rf_stop_requested():
            heard.stopped = 1
            break
        now = rf_clock_now(clock)
        gap = now - last
        rf_histogram_record(gaps, gap)
        if gap >= threshold_ns:
            if heard.over_count < KEPT_GAPS:
                over[2 * heard.over_count] = last - begun
                over[2 * heard.over_count + 1] = gap
            heard.over_count += 1
            heard.lost_ns += gap
            now = rf_clock_now(clock)  # keeping it is ours, not the host's
        last = now
    heard.ran_ns = last - begun


def listen(double seconds, uint64_t threshold_ns):
    """Listen on the core that this thread is on.

    Parameters
    ----------
    seconds : float
        How long.
    threshold_ns : int
        From which length on a gap is kept one by one [ns].

    Raises
    ------
    ValueError
        If one of them is not above 0.
    """
    cdef Clock clock
    cdef rf_histogram_t gaps
    cdef HistogramHeader header
    cdef uint64_t for_ns
    cdef uint64_t *over
    cdef Heard heard
    if not 0 < seconds < 1e9 or threshold_ns == 0:
        raise ValueError(f"seconds was {seconds:g}, threshold_ns {threshold_ns}; both are above 0")
    for_ns = <uint64_t>(seconds * 1e9)
    clock = Clock.calibrate()
    counts, kept = np.empty(RF_HISTOGRAM_BUCKETS, np.uint64), np.empty((KEPT_GAPS, 2), np.uint64)
    counts.fill(0)
    kept.fill(0)  # its pages are there before the loop begins
    memset(&header, 0, sizeof(header))
    memset(&heard, 0, sizeof(heard))
    gaps.header = &header
    gaps.buckets = <uint64_t*><uintptr_t>counts.ctypes.data
    over = <uint64_t*><uintptr_t>kept.ctypes.data
    with nogil:
        run(&clock.c, &gaps, over, for_ns, threshold_ns, &heard)
    histogram = Histogram.from_counts(counts, int(header.sum), int(header.max), int(header.min))
    kept = kept[: min(heard.over_count, <uint64_t>KEPT_GAPS)]
    return Hiccups(histogram, [(int(at), int(gap)) for at, gap in kept], heard.over_count, heard.lost_ns, heard.ran_ns, bool(heard.stopped))
