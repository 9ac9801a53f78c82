# Kill switches: scopes that take no risk until they are released, and what ends their orders and positions.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport KillOrder, Order

# Kill a scope, in the name of an operator, and withdraw what waits to loosen it; 0: it cannot be (a venue has no positions to flatten), or the scope table
# is full. Cancels that could not be asked for are asked again by the timer (see sweep_kills).
cdef int kill(EngineState *s, const KillOrder *k, uint32_t uid) noexcept nogil
# What holds a scope back, as one number that another kill, or another cause, changes; 0: nothing does.
cdef int64_t held_back(const EngineState *s, const KillOrder *k) noexcept nogil
# Lift a kill that two operators agreed to lift; 0: there is none.
cdef int release(EngineState *s, const KillOrder *k) noexcept nogil
# The out-of-band word of a venue (0: the firm's) was found set.
cdef void kill_by_word(EngineState *s, uint16_t venue) noexcept nogil
# A strategy whose heartbeat is too old: cancels only, its open orders are cancelled.
cdef void silence(EngineState *s, uint16_t strategy) noexcept nogil
# The venue refused an order, or took one: a scope that has had too many refusals in a row is killed. Orders of the engine's own do not count.
cdef void note_reject(EngineState *s, Order *o) noexcept nogil
cdef void note_ack(EngineState *s, Order *o) noexcept nogil
# A venue's session has come back: with cancel_on_disconnect its open orders are cancelled.
cdef void cancel_after_disconnect(EngineState *s, uint16_t venue) noexcept nogil
# 1 when the order belongs to the scope.
cdef int belongs(const EngineState *s, uint32_t scope, const Order *o) noexcept nogil
# Open orders of a killed scope or a silent strategy that await no cancel are asked for again, and positions that a kill has yet to close; by the timer.
cdef void sweep_kills(EngineState *s) noexcept nogil
