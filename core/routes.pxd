# Which venue and account an intent goes to.
from libc.stdint cimport uint8_t, uint16_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Intent

# NONE with the three rows set, or why there is no way.
cdef uint8_t pick_route(const EngineState *s, const Intent *intent, uint16_t *route, uint16_t *account, uint16_t *venue) noexcept nogil
