"""The instance's time: a calibrated CPU counter, or clock_gettime where the counter cannot be trusted.

    supervisor   Clock.calibrate() ──publish──▶ region `instance`, section `clock` (sequence lock)
    the others   Clock.attach(segment) ◀──refresh── the same parameters, so that all processes agree to the nanosecond
    simulator    Clock.manual(ns), set(ns)      a rate of 0: base_ns is the time

The rate is measured against CLOCK_MONOTONIC, which is slewed and never stepped; the offset against CLOCK_REALTIME. The baseline of the
rate grows with every recalibrate, so its error falls from a few ppm (20 ms) to nothing that matters. A wall clock that is
stepped back stalls our time until it catches up: rf_clock_now never goes back (clock.h).
Rejected: clock_gettime everywhere (20 to 60 ns each, and a system call on hosts whose vDSO has none), and calibrating per
process (two processes would disagree by microseconds, which is what latency figures are made of).
"""

import time

from libc.string cimport memset
from libc.stdint cimport uint64_t

from ringfence.ipc.records cimport ClockCalibration
from ringfence.ipc.seqlock cimport rf_seqlock_copy, rf_seqlock_read_begin, rf_seqlock_write_begin, rf_seqlock_write_end
from ringfence.ipc.segment cimport Segment

from ringfence.ipc.errors import IpcError, LayoutMismatch

cdef extern from "time.h" nogil:
    int CLOCK_REALTIME
    int CLOCK_MONOTONIC

cdef enum:
    SHIFT = 32
    SAMPLES = 64
    TRIES = 100000

WINDOW_S = 0.02


def counter_trusted() -> bool:
    """Say whether the CPU's counter runs at one rate, also in deep sleep: a condition for using it as a clock."""
    if not RF_CLOCK_HAS_COUNTER:
        return False
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("flags"):
                return {"constant_tsc", "nonstop_tsc"} <= set(line.split())
    return True  # aarch64 lists no such flags: the generic timer is constant by architecture


cdef int clock_follow(rf_clock_t *c, const ClockCalibration *shared, uint64_t *version, uint64_t *error_ns, unsigned tries) noexcept nogil:
    cdef ClockCalibration copy
    if shared == NULL or (version[0] and rf_seqlock_read_begin(&shared.version) == version[0]):
        return 0
    if not rf_seqlock_copy(shared, &copy, sizeof(copy), tries) or (copy.source != RF_CLOCK_TSC and copy.source != RF_CLOCK_GETTIME):
        return -1
    version[0] = copy.version
    c.base_tsc, c.base_ns, c.mult = copy.base_tsc, copy.base_ns, copy.mult
    c.shift, c.source = copy.shift, copy.source
    error_ns[0] = copy.error_ns
    return 1


cdef class Clock:
    """Nanoseconds of CLOCK_REALTIME, never going back. Made by ``calibrate`` or ``attach``; one object per thread."""

    def __cinit__(self):
        memset(&self.c, 0, sizeof(self.c))
        self._shared = NULL

    @staticmethod
    def calibrate(double window_s=WINDOW_S, *, bint use_counter=True) -> Clock:
        """Measure the counter's rate over ``window_s`` [s] and return a clock of its own.

        ``use_counter=False``, or a counter that cannot be trusted, gives a clock that reads clock_gettime.
        """
        cdef Clock self = Clock.__new__(Clock)
        if not use_counter or not counter_trusted():
            self.c.source = RF_CLOCK_GETTIME
            return self
        cdef uint64_t width
        rf_clock_sample(CLOCK_MONOTONIC, SAMPLES, &self._anchor_counter, &self._anchor_ns, &width)
        self.c.source = RF_CLOCK_TSC
        self.c.shift = SHIFT
        time.sleep(window_s)
        self.recalibrate()
        return self

    @staticmethod
    def attach(Segment segment not None) -> Clock:
        """Return a clock that follows what the supervisor publishes in section ``clock`` of region ``instance``.

        Raises
        ------
        IpcError
            If nothing is published there yet, or its writer died while writing.
        """
        cdef Clock self = Clock.__new__(Clock)
        self._segment = segment
        self._shared = _row(segment)
        self.refresh()
        return self

    @staticmethod
    def manual(uint64_t now_ns) -> Clock:
        """Return a clock that stands at ``now_ns`` until ``set`` moves it: a rate of 0, so that nothing on the hot path asks which kind it is."""
        cdef Clock self = Clock.__new__(Clock)
        self.c.source = RF_CLOCK_TSC
        self.c.base_ns = now_ns
        return self

    @property
    def moves(self) -> bool:
        """False for a manual clock."""
        return self.c.source != RF_CLOCK_TSC or self.c.mult != 0

    def set(self, uint64_t now_ns) -> None:
        """Move a manual clock; its reader never sees less than it saw before."""
        if self.c.source != RF_CLOCK_TSC or self.c.mult:
            raise IpcError("only a manual clock can be set: this one runs by itself")
        self.c.base_ns = now_ns

    def recalibrate(self) -> None:
        """Measure rate and offset again, over the whole time since the first calibration. For the clock's owner."""
        if self._shared != NULL:
            raise IpcError("this clock follows the supervisor's calibration: call refresh; only its owner recalibrates")
        if self.c.source != RF_CLOCK_TSC or not self._anchor_ns:
            return
        cdef uint64_t counter, ns, width
        rf_clock_sample(CLOCK_MONOTONIC, SAMPLES, &counter, &ns, &width)
        ticks, elapsed = counter - self._anchor_counter, ns - self._anchor_ns
        if counter <= self._anchor_counter or ns <= self._anchor_ns:
            raise IpcError("the CPU's counter does not advance; set the kernel's clocksource and use clock_gettime")
        self.c.mult = (<object>elapsed << SHIFT) // ticks
        rf_clock_sample(CLOCK_REALTIME, SAMPLES, &self.c.base_tsc, &self.c.base_ns, &width)
        self.error_ns = (<object>width * self.c.mult >> SHIFT) // 2 + 1

    def publish(self, Segment segment not None) -> None:
        """Store the calibration for the other processes (row 1 of section ``clock``)."""
        if not segment.writable:
            raise PermissionError(f"segment {segment.name!r} is attached read-only; only the supervisor publishes the clock")
        cdef ClockCalibration *row = _row(segment)
        rf_seqlock_write_begin(&row.version)
        row.base_tsc = self.c.base_tsc
        row.base_ns = self.c.base_ns
        row.mult = self.c.mult
        row.shift = self.c.shift
        row.source = self.c.source
        row.error_ns = self.error_ns
        rf_seqlock_write_end(&row.version)

    def refresh(self) -> bool:
        """Take over a newer calibration; say whether there was one. Cheap enough for every few milliseconds."""
        cdef int taken = clock_follow(&self.c, self._shared, &self._version, &self.error_ns, TRIES)
        if taken < 0:
            raise IpcError(f"section 'clock' of region {self._segment.name!r} holds no calibration: is the supervisor running?")
        return taken == 1

    def now_ns(self) -> int:
        """Return the time [ns since 1970]; never less than the answer before."""
        return rf_clock_now(&self.c)

    @property
    def source(self) -> str:
        """``TSC`` or ``CLOCK_GETTIME``."""
        return "TSC" if self.c.source == RF_CLOCK_TSC else "CLOCK_GETTIME"


cdef ClockCalibration *_row(Segment segment) except NULL:
    """Row 1 of section `clock`."""
    if ("clock", "ClockCalibration", 2) not in segment.sections:
        raise LayoutMismatch(f"region {segment.name!r} needs a section ('clock', 'ClockCalibration', 2): row 1 is the calibration")
    return <ClockCalibration *>segment.section_ptr("clock") + 1
