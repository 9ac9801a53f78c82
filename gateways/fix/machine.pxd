# The FIX session for Cython: bytes and time in, bytes and events out. Free functions over session_t; one owner, one thread; nothing blocks.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.gateways.fix.reading cimport read_header
from ringfence.gateways.fix.state cimport session_t
from ringfence.gateways.fix.timers cimport session_tick

cdef void session_connected(session_t *s, uint64_t now_ns) noexcept nogil
cdef void session_disconnected(session_t *s) noexcept nogil
cdef void session_logout(session_t *s, const char *text, uint64_t now_ns) noexcept nogil
# Both numbers to 1: at once while down; while up by a Logon with ResetSeqNumFlag(141)=Y. 0: not now (resend or reset under way), or the store fails.
cdef int session_reset(session_t *s, uint64_t now_ns) noexcept nogil
# Room for incoming bytes (may be 0 while an event is on offer), and how many of them were filled.
cdef unsigned char *session_space(session_t *s, uint32_t *n) noexcept nogil
cdef void session_filled(session_t *s, uint32_t n) noexcept nogil
# Work on what came in until there is something for the owner: an EVENT_*, the same one until it is accepted.
cdef int session_poll(session_t *s, uint64_t now_ns) noexcept nogil
# The owner has dealt with the event on offer; an application message's number is stored as taken now, not before.
cdef void session_accept(session_t *s) noexcept nogil
