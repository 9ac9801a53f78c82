# Reading a parsed message on behalf of a session.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.gateways.fix.codec cimport rf_fix_message_t
from ringfence.gateways.fix.state cimport header_t, session_t

# The header fields of a parsed message that a session needs.
cdef void read_header(const rf_fix_message_t *m, header_t *h) noexcept nogil
# 1 and the number in a field; 0 when it is absent or no number.
cdef int number_of(const rf_fix_message_t *m, uint32_t tag, uint64_t *value) noexcept nogil
cdef int is_yes(const rf_fix_message_t *m, uint32_t tag) noexcept nogil
# 1 when field number `at` (-1: absent) holds exactly these bytes.
cdef int value_is(const rf_fix_message_t *m, int at, const unsigned char *value, uint32_t n) noexcept nogil
cdef int begin_is_ours(const session_t *s) noexcept nogil
cdef int comp_ids_are_ours(const session_t *s) noexcept nogil
cdef int sent_in_time(const session_t *s, uint64_t now_ns) noexcept nogil
