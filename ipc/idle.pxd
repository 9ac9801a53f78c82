# Idle strategies of idle.h for Cython; ringfence.ipc.host.Idle has the same numbers.
from libc.stdint cimport uint32_t

cdef extern from "idle.h" nogil:
    enum:
        RF_IDLE_SPIN
        RF_IDLE_YIELD
        RF_IDLE_BACKOFF

    ctypedef struct rf_idle_t:
        int kind
        uint32_t turns
        uint32_t sleep_ns
        uint32_t sleep_ns_max

    void rf_idle_open(rf_idle_t *i, int kind) noexcept
    void rf_cpu_relax() noexcept
    void rf_idle(rf_idle_t *i, int work) noexcept
