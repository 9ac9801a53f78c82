# Overrides: limits that end by themselves, in layers above the value that stays.
from libc.stdint cimport int64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport LimitChange, Proposal

# The time of an override is over: its layer is taken out.
cdef void end_override(EngineState *s, Proposal *p) noexcept nogil
# A limit was changed for good from `before` to the value that it has now: by two, which ends its overrides, or tighter, which bounds them.
cdef void changed_for_good(EngineState *s, const LimitChange *change, int64_t before) noexcept nogil
