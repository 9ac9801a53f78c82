# What allows more: whether a change of a limit, of a strategy's status or of an order in doubt takes a second operator.
from libc.stdint cimport int64_t, uint8_t, uint16_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport LimitChange, Strategy

# The value of a limit now, 0 when it is not set.
cdef int64_t limit_now(const EngineState *s, const LimitChange *change) noexcept nogil
# 1 when the limit that `place` names, going from `before` to `after`, allows more.
cdef int limit_loosens(const EngineState *s, const LimitChange *place, int64_t before, int64_t after) noexcept nogil
# The strategy's status and why it is held back beside it, as one number.
cdef int64_t held_status(const EngineState *s, uint16_t strategy) noexcept nogil
# 1 when REPEATED_EXECUTION of one of its scopes would disable the strategy.
cdef int repeats_itself(const EngineState *s, const Strategy *row) noexcept nogil
# 1 when another operator must agree before this strategy is set free.
cdef int frees_strategy(const EngineState *s, uint16_t strategy, uint8_t status) noexcept nogil
