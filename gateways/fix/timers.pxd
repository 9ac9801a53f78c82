# The session's timers; call it at least every tenth of a second.
from libc.stdint cimport uint64_t

from ringfence.gateways.fix.state cimport session_t

cdef void session_tick(session_t *s, uint64_t now_ns) noexcept nogil
