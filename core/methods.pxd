# The cost method of one position, set by operators. docs/ledger.md, Methods.
from libc.stdint cimport int64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport MethodChange

# 1 when it could be set now; else a break LEDGER_REFUSED says why not.
cdef int can_set_method(EngineState *s, const MethodChange *c) noexcept nogil
# Set it; 0: it cannot be, a break says why, and nothing has changed.
cdef int set_own_method(EngineState *s, const MethodChange *c) noexcept nogil
# The position's own method as it is now, 0: its account's.
cdef int64_t own_method(const EngineState *s, const MethodChange *c) noexcept nogil
