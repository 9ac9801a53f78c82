# Journaled commands, observations, marks and timer ticks.
from libc.stdint cimport uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Control, Mark, Observation, Timer

cdef void apply_control(EngineState *s, const Control *c) noexcept nogil
cdef void apply_observation(EngineState *s, const Observation *o) noexcept nogil
cdef void apply_mark(EngineState *s, const Mark *m) noexcept nogil
cdef void apply_timer(EngineState *s, const Timer *t) noexcept nogil
