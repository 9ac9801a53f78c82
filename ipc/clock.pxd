# Time for hot loops: rf_clock_now(&clock.c). One Clock per thread that asks.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.ipc.records cimport ClockCalibration
from ringfence.ipc.segment cimport Segment

cdef extern from "clock.h" nogil:
    enum:
        RF_CLOCK_TSC
        RF_CLOCK_GETTIME
        RF_CLOCK_HAS_COUNTER

    ctypedef struct rf_clock_t:
        uint64_t base_tsc
        uint64_t base_ns
        uint64_t mult
        uint64_t last
        uint32_t shift
        uint32_t source

    ctypedef int clockid_t
    uint64_t rf_clock_counter() noexcept
    uint64_t rf_clock_system(clockid_t id) noexcept
    uint64_t rf_clock_convert(const rf_clock_t *c, uint64_t counter) noexcept
    uint64_t rf_clock_now(rf_clock_t *c) noexcept
    void rf_clock_sample(clockid_t id, int tries, uint64_t *counter, uint64_t *ns, uint64_t *width) noexcept

# For loops without Python: take over a newer calibration of `shared`. 1: taken, 0: nothing new, -1: none could be read within `tries`.
cdef int clock_follow(rf_clock_t *c, const ClockCalibration *shared, uint64_t *version, uint64_t *error_ns, unsigned tries) noexcept nogil

cdef class Clock:
    cdef rf_clock_t c
    cdef readonly uint64_t error_ns
    cdef const ClockCalibration *_shared  # where refresh reads; NULL for a clock of its own
    cdef Segment _segment                 # keeps _shared mapped
    cdef uint64_t _version
    cdef uint64_t _anchor_counter         # start of the baseline that the rate is measured over
    cdef uint64_t _anchor_ns
