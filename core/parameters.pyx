"""Live parameters: numbers that a strategy reads while it runs, and that its operators or the configuration set.

    SET_PARAMETER ──authority: one person of role TRADER──▶ set_parameter ──▶ row of ``parameters`` ──read-only mapping──▶ the strategy's process

A row belongs to a strategy and a name, is taken when the name is first set, and stays. The engine does not know what a strategy declares: a name that no
strategy reads is kept all the same, since it may be set before the strategy is started. Of a row, ``configured`` is what a configuration last set, so that a
start sets a configured value again only when the file has another one than before, and what operators have set since stays (docs/configuration.md).

Readers are other processes and run at the same time: ``begun`` is stored first, then value and digits, then ``changes`` (release), as a sequence lock whose
two words end up alike. A reader that finds ``changes`` and ``begun`` alike before and after it has copied the row has one change whole; the writer waits for
nobody. Written by the engine alone, in region ``state``. What can fail: an unknown strategy, a name that is no ASCII identifier, too many digits, a full
table; the caller raises BAD_CONTROL. Rejected: parameters in the strategy's own file (neither journaled nor replayed), a bound for each parameter (the risk
rules bound what a strategy may do, whatever it was told).
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport RF_PARAMETER_DIGITS_MAX, Parameter, ParameterChange

cdef extern from *:
    """
    /* Every reader sees `begun` before it can see any byte of the value. */
    static inline void rf_parameter_begin(rf_parameter_t *p) {
        __atomic_store_n(&p->begun, (uint32_t)(p->changes + 1), __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_RELEASE);
    }
    static inline void rf_parameter_end(rf_parameter_t *p) { __atomic_store_n(&p->changes, p->changes + 1, __ATOMIC_RELEASE); }
    static inline void rf_parameter_count(uint32_t *count, uint32_t rows) { __atomic_store_n(count, rows, __ATOMIC_RELEASE); }
    """
    void rf_parameter_begin(Parameter *p) noexcept nogil
    void rf_parameter_end(Parameter *p) noexcept nogil
    void rf_parameter_count(uint32_t *count, uint32_t rows) noexcept nogil

cdef enum:
    NAME_BYTES = 32


cdef inline int begins_name(char c) noexcept nogil:
    return c == b"_" or b"a" <= c <= b"z" or b"A" <= c <= b"Z"


cdef int is_name(const char *name) noexcept nogil:
    """An ASCII identifier of 1 to 31 characters, and zeros behind it."""
    cdef int i = 1
    if not begins_name(name[0]):
        return 0
    while i < NAME_BYTES and (begins_name(name[i]) or b"0" <= name[i] <= b"9"):
        i += 1
    if i == NAME_BYTES:
        return 0
    while i < NAME_BYTES and name[i] == 0:
        i += 1
    return i == NAME_BYTES


cdef uint32_t parameter_row(const EngineState *s, const ParameterChange *c) noexcept nogil:
    cdef uint32_t row
    for row in range(1, s.engine.parameter_count + 1):
        if s.parameters[row].strategy == c.strategy and memcmp(s.parameters[row].name, c.name, NAME_BYTES) == 0:
            return row
    return 0


cdef int64_t parameter_now(const EngineState *s, const ParameterChange *c) noexcept nogil:
    return s.parameters[parameter_row(s, c)].value  # row 0 is never written


cdef int set_parameter(EngineState *s, const ParameterChange *c) noexcept nogil:
    cdef uint32_t row
    cdef Parameter *p
    if c.strategy == 0 or c.strategy > s.engine.strategy_count or s.strategies[c.strategy].id == 0:
        return 0
    if c.digits > RF_PARAMETER_DIGITS_MAX or c.is_configured > 1 or not is_name(c.name):
        return 0
    row = parameter_row(s, c)
    if row == 0 and s.engine.parameter_count + 1 >= s.parameter_rows:
        return 0
    p = &s.parameters[row if row else s.engine.parameter_count + 1]
    if row == 0:
        p.strategy = c.strategy
        memcpy(p.name, c.name, NAME_BYTES)
    rf_parameter_begin(p)
    p.value = c.value
    p.digits = c.digits
    if c.is_configured:
        p.configured = c.value
        p.configured_digits = <uint8_t>(c.digits + 1)
    rf_parameter_end(p)
    if row == 0:
        rf_parameter_count(&s.engine.parameter_count, s.engine.parameter_count + 1)
    return 1
