# What strategies ask, validated and turned into orders and requests.
from libc.stdint cimport uint16_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Intent

# `strategy` is the row of the ring that the intent came from, never a field of the intent.
cdef void apply_intent(EngineState *s, uint16_t strategy, const Intent *intent) noexcept nogil
