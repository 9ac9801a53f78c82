"""What the session reads in a parsed message: its header, single values, and whether it is of this session.

In: the fields of ``session_t.message``. Out: ``session_t.header`` and plain values. Nothing here changes a session or can fail: an absent or wrong
field is a value of its own. Rejected: a table of all header fields by tag (the session needs eight).
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp

from ringfence.gateways.fix.codec cimport rf_fix_field_t, rf_fix_find, rf_fix_message_t, rf_fix_timestamp, rf_fix_uint
from ringfence.gateways.fix.state cimport header_t, session_t


cdef extern from *:
    """
    /* 34, 43, 49, 52, 56, 97 and 122; the fields of the body cost a test or two each. */
    static inline int rf_in_header(uint32_t tag) {
        return tag < 64 ? (0x112080400000000ull >> tag & 1) : tag == 97 || tag == 122;
    }
    """
    int rf_in_header(uint32_t tag) noexcept nogil


cdef void read_header(const rf_fix_message_t *m, header_t *h) noexcept nogil:
    """The header fields that the session needs; the first of each tag counts."""
    cdef uint32_t i, tag
    cdef const rf_fix_field_t *f
    h.begin = 0
    h.seq_at = h.sender = h.target = h.sending = h.orig_sending = -1
    h.poss_dup = h.poss_resend = h.seq_valid = h.invalid = 0
    h.seq = h.sending_ns = 0
    for i in range(3, m.count):
        f = &m.fields[i]
        tag = f.tag
        if not rf_in_header(tag):
            continue
        if tag == 34:
            if h.seq_at < 0:
                h.seq_at = i
                h.seq_valid = rf_fix_uint(m.bytes + f.at, f.len, &h.seq)
        elif tag == 49:
            if h.sender < 0:
                h.sender = i
        elif tag == 56:
            if h.target < 0:
                h.target = i
        elif tag == 52:
            if h.sending < 0:
                h.sending = i
                if not rf_fix_timestamp(m.bytes + f.at, f.len, &h.sending_ns):
                    h.sending_ns = 0
        elif tag == 43:
            h.poss_dup = f.len == 1 and m.bytes[f.at] == b"Y"[0]
        elif tag == 97:
            h.poss_resend = f.len == 1 and m.bytes[f.at] == b"Y"[0]
        elif tag == 122:
            if h.orig_sending < 0:
                h.orig_sending = i


cdef int number_of(const rf_fix_message_t *m, uint32_t tag, uint64_t *value) noexcept nogil:
    cdef int i = rf_fix_find(m, tag)
    return i >= 0 and rf_fix_uint(m.bytes + m.fields[i].at, m.fields[i].len, value)


cdef int is_yes(const rf_fix_message_t *m, uint32_t tag) noexcept nogil:
    cdef int i = rf_fix_find(m, tag)
    return i >= 0 and m.fields[i].len == 1 and m.bytes[m.fields[i].at] == b"Y"[0]


cdef int value_is(const rf_fix_message_t *m, int at, const unsigned char *value, uint32_t n) noexcept nogil:
    return at >= 0 and m.fields[at].len == n and memcmp(m.bytes + m.fields[at].at, value, n) == 0


cdef int begin_is_ours(const session_t *s) noexcept nogil:
    return value_is(&s.message, 0, s.begin + 2, s.begin_len - 3)


cdef int comp_ids_are_ours(const session_t *s) noexcept nogil:
    return value_is(&s.message, s.header.sender, s.target, s.target_len) and value_is(&s.message, s.header.target, s.sender, s.sender_len)


cdef int sent_in_time(const session_t *s, uint64_t now_ns) noexcept nogil:
    cdef uint64_t sent = s.header.sending_ns
    if not s.check_latency:
        return 1
    return (now_ns - sent if now_ns > sent else sent - now_ns) <= s.latency_ns_max
