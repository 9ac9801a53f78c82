# Numbers that strategies read while they run and that operators change. docs/operations.md, Live parameters.
from libc.stdint cimport int64_t, uint32_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport ParameterChange

# Set it, in a row of its own when it is new; 0: it cannot be, and nothing has changed.
cdef int set_parameter(EngineState *s, const ParameterChange *c) noexcept nogil
# The row of a strategy's parameter, 0 when it has none.
cdef uint32_t parameter_row(const EngineState *s, const ParameterChange *c) noexcept nogil
# What it is now, 0 when it is not: the number that a change replaces.
cdef int64_t parameter_now(const EngineState *s, const ParameterChange *c) noexcept nogil
