# Composing, storing and resending of outgoing messages. Every function belongs to the session's one thread.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.gateways.fix.codec cimport rf_fix_writer_t
from ringfence.gateways.fix.state cimport session_t

cdef void note(session_t *s, const char *text, uint64_t a, uint64_t b) noexcept nogil
# 1 when an application message may be sent: there is room behind what the peer has not read yet.
cdef int has_room(const session_t *s) noexcept nogil
# Begin a message under the next number; the caller writes the body into what it returns and commits.
cdef rf_fix_writer_t *compose(session_t *s, const char *msg_type, uint32_t n, uint64_t now_ns) noexcept nogil
# The same with further header fields, `tag=value SOH`, ascending by tag: SenderSubID(50) and those above 56.
cdef rf_fix_writer_t *compose_with(session_t *s, const char *msg_type, uint32_t n, const unsigned char *fields, uint32_t fields_n,
                                   uint64_t now_ns) noexcept nogil
# Store the composed message, then give it to the output when logged on. Its MsgSeqNum, or 0: nothing was stored and nothing will be sent.
cdef uint64_t commit(session_t *s, uint32_t kind, uint64_t output_seq, uint64_t now_ns) noexcept nogil

cdef void send_logon(session_t *s, int reset, uint64_t next_in, uint64_t now_ns) noexcept nogil
cdef void send_heartbeat(session_t *s, const unsigned char *test_id, uint32_t n, uint64_t now_ns) noexcept nogil
cdef void send_test_request(session_t *s, uint64_t now_ns) noexcept nogil
cdef void send_resend_request(session_t *s, uint64_t begin, uint64_t now_ns) noexcept nogil
cdef void send_logout(session_t *s, const char *text, uint64_t now_ns) noexcept nogil
cdef void send_reject(session_t *s, uint64_t ref_seq, uint32_t ref_tag, uint32_t reason, uint64_t now_ns) noexcept nogil
cdef void send_business_reject(session_t *s, uint32_t reason, uint64_t now_ns) noexcept nogil
# Serve the ResendRequest under way as far as the output has room. 1 when an EVENT_NOT_SENT is on offer.
cdef int serve_resend(session_t *s, uint64_t now_ns) noexcept nogil
