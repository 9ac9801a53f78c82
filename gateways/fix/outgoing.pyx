"""Everything a FIX session sends: composed in one buffer, stored, then given to the output.

Order: the message is in the store (``store_append``) before a byte of it is in the output buffer, so what the peer may have seen is never
forgotten. The owner moves the output to the socket; a full output means that the peer does not read: application messages and
resends then wait (``has_room``), an administrative message that finds no room ends the connection.

Resending: administrative messages and orders past `order_max_age_s` become gap fills, one SequenceReset(4) a run; other application messages go out
again with PossDupFlag(43)=Y and OrigSendingTime(122). An order that the peer asks for again was never taken by it: one that is too old is offered to the
owner as NOT_SENT before its number is filled. Some peers ask again before they read the answer: an order sent behind that answer reaches a peer that expects
it by then, so the second request only has its numbers filled. A long resend is served in steps, as the output has room, so that its memory is
bounded and heartbeats pass.
Rejected: keeping orders for a later connection (a stale order is worse than a lost one).
"""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, memmove, strlen

from ringfence.gateways.fix.codec cimport (
    RF_FIX_OK,
    RF_FIX_SOH,
    rf_fix_find,
    rf_fix_finish,
    rf_fix_message_t,
    rf_fix_open,
    rf_fix_parse,
    rf_fix_put,
    rf_fix_put_byte,
    rf_fix_put_decimal,
    rf_fix_put_timestamp,
    rf_fix_put_uint,
    rf_fix_stamp_t,
    rf_fix_timestamp,
    rf_fix_writer_t,
)
cdef extern from "codec.h" nogil:
    void rf_fix_stamp_second(rf_fix_stamp_t *s, uint64_t second) noexcept

from ringfence.gateways.fix.state cimport EVENT_NOT_SENT, NOTE_BYTES, NOTES_MAX, OUT_BYTES, OUT_RESERVE, STATE_LOGGING_ON, session_t
from ringfence.gateways.fix.store cimport KIND_ADMIN, KIND_APP, KIND_ORDER, KIND_OUT_OF_BAND, store_append, store_find
from ringfence.ipc.failpoint cimport RF_FP

cdef enum:
    COMPOSE_BYTES = 65600  # RF_FIX_MESSAGE_MAX and the trailer

    REASONS_COUNT = 18

# what put_reverse_route reads and writes, ascending by what it writes
cdef uint32_t[6] ROUTE_FROM = [128, 129, 115, 116, 145, 144]
cdef uint32_t[6] ROUTE_TO = [115, 116, 128, 129, 144, 145]

# SessionRejectReason(373) texts, FIX 4.2 knows 0 to 11 (the field's de-facto spelling)
cdef const char *REASONS[18]
REASONS[:] = [
    b"Invalid tag number", b"Required tag missing", b"Tag not defined for this message type", b"Undefined Tag", b"Tag specified without a value",
    b"Value is incorrect (out of range) for this tag", b"Incorrect data format for value", b"Decryption problem", b"Signature problem",
    b"CompID problem", b"SendingTime accuracy problem", b"Invalid MsgType", b"XML validation error", b"Tag appears more than once",
    b"Tag specified out of required order", b"Repeating group fields out of order", b"Incorrect NumInGroup count for repeating group",
    b"Non Data value includes field delimiter",
]


cdef void note(session_t *s, const char *text, uint64_t a, uint64_t b) noexcept nogil:
    """Leave a line for the log; `text` may hold two %llu (%lld where a number may be below 0). The oldest goes when nobody reads them."""
    snprintf(s.notes + (s.notes_head % NOTES_MAX) * NOTE_BYTES, NOTE_BYTES, text, <unsigned long long> a, <unsigned long long> b)
    s.notes_head += 1
    if s.notes_head - s.notes_tail > NOTES_MAX:
        s.notes_tail = s.notes_head - NOTES_MAX


cdef inline uint32_t room(const session_t *s) noexcept nogil:
    return OUT_BYTES - (s.out_end - s.out_at)


cdef int has_room(const session_t *s) noexcept nogil:
    return room(s) > OUT_RESERVE


cdef int push(session_t *s, const unsigned char *bytes, uint32_t n) noexcept nogil:
    """Behind the output. 0 when there is no room."""
    if room(s) < n:
        return 0
    if OUT_BYTES - s.out_end < n:
        memmove(s.output, s.output + s.out_at, s.out_end - s.out_at)
        s.out_end -= s.out_at
        s.out_at = 0
    memcpy(s.output + s.out_end, bytes, n)
    s.out_end += n
    return 1


# ---- composing ----------------------------------------------------------------------------------------------------------

cdef void write_time(session_t *s, uint64_t now_ns) noexcept nogil:
    """SendingTime(52) into the prepared header: the second only when it is another one, the millis always."""
    cdef uint64_t second = now_ns // 1000000000
    cdef uint32_t millis = <uint32_t> (now_ns % 1000000000 // 1000000)
    cdef unsigned char *t = s.route + s.time_at
    if second != s.route_second:
        rf_fix_stamp_second(&s.stamp, second)
        memcpy(t, s.stamp.text, 17)
        s.route_second = second
    t[18] = <unsigned char> (48 + millis // 100)
    t[19] = <unsigned char> (48 + millis // 10 % 10)
    t[20] = <unsigned char> (48 + millis % 10)


cdef void put_front(session_t *s, const char *msg_type, uint32_t n, uint64_t seq, int poss_dup) noexcept nogil:
    """35, 34, and 43 when resent."""
    cdef rf_fix_writer_t *w = &s.writer
    rf_fix_open(w, s.frame, COMPOSE_BYTES)
    rf_fix_put(w, b"35=", 3)
    rf_fix_put(w, msg_type, n)
    rf_fix_put(w, b"\x0134=", 4)
    rf_fix_put_uint(w, seq)
    if poss_dup:
        rf_fix_put(w, b"\x0143=Y", 5)


cdef void header(session_t *s, const char *msg_type, uint32_t n, uint64_t seq, int poss_dup, uint64_t now_ns) noexcept nogil:
    """35, 34, 43 when resent, 49, 52, 56: ascending, as the field's engines write it."""
    write_time(s, now_ns)
    put_front(s, msg_type, n, seq, poss_dup)
    rf_fix_put(&s.writer, s.route, s.route_len)


cdef rf_fix_writer_t *compose(session_t *s, const char *msg_type, uint32_t n, uint64_t now_ns) noexcept nogil:
    header(s, msg_type, n, s.store.next_out, 0, now_ns)
    return &s.writer


cdef void header_around(session_t *s, const unsigned char *sub_id, uint32_t n, uint64_t now_ns) noexcept nogil:
    """49, SenderSubID(50) as `50=X|`, 52, 56; behind put_front."""
    cdef rf_fix_writer_t *w = &s.writer
    write_time(s, now_ns)
    rf_fix_put(w, s.route, s.time_at - 3)
    rf_fix_put(w, sub_id, n)
    rf_fix_put(w, s.route + s.time_at - 3, s.route_len - s.time_at + 3)


cdef rf_fix_writer_t *compose_with(session_t *s, const char *msg_type, uint32_t n, const unsigned char *fields, uint32_t fields_n,
                                   uint64_t now_ns) noexcept nogil:
    cdef uint32_t low = 0
    if fields_n > 3 and fields[0] == b"5"[0] and fields[1] == b"0"[0] and fields[2] == b"="[0]:
        while low < fields_n and fields[low] != RF_FIX_SOH:
            low += 1
        low += 1
    put_front(s, msg_type, n, s.store.next_out, 0)
    header_around(s, fields, low, now_ns)
    rf_fix_put(&s.writer, fields + low, fields_n - low)
    return &s.writer


cdef uint64_t commit(session_t *s, uint32_t kind, uint64_t output_seq, uint64_t now_ns) noexcept nogil:
    cdef unsigned char *start = NULL
    cdef uint32_t n = rf_fix_finish(&s.writer, s.begin, s.begin_len, &start)
    cdef uint64_t seq = s.store.next_out
    if not n or not store_append(s.store, kind, output_seq, start, n):
        if s.store.failed and not s.disconnect_due:
            note(s, b"session store cannot grow (errno %llu): nothing can be sent; free disk space and restart", s.store.failed, 0)
            s.disconnect_due = 1
        return 0
    if s.state < STATE_LOGGING_ON or (s.state == STATE_LOGGING_ON and kind != KIND_ADMIN):
        s.kept = 1
        return seq  # not logged on: kept for the peer's ResendRequest
    if push(s, start, n):
        s.last_out_ns = now_ns
        s.messages_out += 1
    elif not s.disconnect_due:
        note(s, b"the peer does not read: %llu bytes wait; disconnecting", s.out_end - s.out_at, 0)
        s.disconnect_due = 1
    return seq


cdef inline void put_number(rf_fix_writer_t *w, const char *tag, uint64_t v) noexcept nogil:
    rf_fix_put(w, tag, <uint32_t> strlen(tag))
    rf_fix_put_uint(w, v)
    rf_fix_put_byte(w, RF_FIX_SOH)


cdef inline void put_text(rf_fix_writer_t *w, const char *tag, const unsigned char *text, uint32_t n) noexcept nogil:
    rf_fix_put(w, tag, <uint32_t> strlen(tag))
    rf_fix_put(w, text, n)
    rf_fix_put_byte(w, RF_FIX_SOH)


cdef void send_logon(session_t *s, int reset, uint64_t next_in, uint64_t now_ns) noexcept nogil:
    """`next_in`: NextExpectedMsgSeqNum(789), left out when 0."""
    cdef rf_fix_writer_t *w = compose(s, b"A", 1, now_ns)
    rf_fix_put(w, b"98=0\x01", 5)
    put_number(w, b"108=", s.heartbeat_s)
    if reset:
        rf_fix_put(w, b"141=Y\x01", 6)
    if s.initiator and s.username_len:
        put_text(w, b"553=", s.username, s.username_len)
    if s.initiator and s.password_len:
        put_text(w, b"554=", s.password, s.password_len)
    if next_in:
        put_number(w, b"789=", next_in)
    commit(s, KIND_ADMIN, 0, now_ns)


cdef void send_heartbeat(session_t *s, const unsigned char *test_id, uint32_t n, uint64_t now_ns) noexcept nogil:
    cdef rf_fix_writer_t *w = compose(s, b"0", 1, now_ns)
    if n:
        rf_fix_put(w, b"112=", 4)
        rf_fix_put(w, test_id, n)
        rf_fix_put_byte(w, RF_FIX_SOH)
    commit(s, KIND_ADMIN, 0, now_ns)


cdef void send_test_request(session_t *s, uint64_t now_ns) noexcept nogil:
    rf_fix_put(compose(s, b"1", 1, now_ns), b"112=TEST\x01", 9)
    commit(s, KIND_ADMIN, 0, now_ns)
    s.test_outstanding = 1
    s.test_requests += 1


cdef void send_resend_request(session_t *s, uint64_t begin, uint64_t now_ns) noexcept nogil:
    """Ask for all that is missing, or for a chunk of it."""
    cdef rf_fix_writer_t *w = compose(s, b"2", 1, now_ns)
    cdef uint64_t end = 0
    if s.resend_chunk:
        end = begin + s.resend_chunk - 1
        end = end if end < s.gap_end else s.gap_end
    put_number(w, b"7=", begin)
    put_number(w, b"16=", end)
    commit(s, KIND_ADMIN, 0, now_ns)
    s.gap_asked = begin
    s.gap_to = end
    s.gap_asked_ns = now_ns


cdef void send_logout(session_t *s, const char *text, uint64_t now_ns) noexcept nogil:
    cdef rf_fix_writer_t *w = compose(s, b"5", 1, now_ns)
    if text[0]:
        rf_fix_put(w, b"58=", 3)
        rf_fix_put(w, text, <uint32_t> strlen(text))
        rf_fix_put_byte(w, RF_FIX_SOH)
    commit(s, KIND_ADMIN, 0, now_ns)
    s.sent_logout = 1
    s.logout_ns = now_ns


cdef void put_reverse_route(session_t *s) noexcept nogil:
    """Who the message under way was sent for is who the answer goes to: 115 and 128, 116 and 129, 144 and 145 change places."""
    cdef const rf_fix_message_t *m = &s.message
    cdef uint32_t i
    cdef int at
    for i in range(6):
        at = rf_fix_find(m, ROUTE_FROM[i])
        if at >= 0 and m.fields[at].len:
            rf_fix_put_uint(&s.writer, ROUTE_TO[i])
            rf_fix_put_byte(&s.writer, b"="[0])
            rf_fix_put(&s.writer, m.bytes + m.fields[at].at, m.fields[at].len)
            rf_fix_put_byte(&s.writer, RF_FIX_SOH)


cdef void send_reject(session_t *s, uint64_t ref_seq, uint32_t ref_tag, uint32_t reason, uint64_t now_ns) noexcept nogil:
    """Reject(3) of the message under way: 45, 58, 371, 372, 373. `ref_tag` 0: none, but for an invalid tag number, which may be 0 or below."""
    cdef rf_fix_writer_t *w = compose(s, b"3", 1, now_ns)
    cdef const rf_fix_message_t *m = &s.message
    put_reverse_route(s)
    put_number(w, b"45=", ref_seq)
    rf_fix_put(w, b"58=", 3)
    if reason < REASONS_COUNT:
        rf_fix_put(w, REASONS[reason], <uint32_t> strlen(REASONS[reason]))
    rf_fix_put_byte(w, RF_FIX_SOH)
    if ref_tag or reason == 0:
        rf_fix_put(w, b"371=", 4)
        rf_fix_put_decimal(w, <int32_t> ref_tag, 0)
        rf_fix_put_byte(w, RF_FIX_SOH)
    put_text(w, b"372=", m.bytes + m.fields[2].at, m.fields[2].len)
    if reason <= s.reason_max:
        put_number(w, b"373=", reason)
    commit(s, KIND_ADMIN, 0, now_ns)
    s.rejects_sent += 1


cdef void send_business_reject(session_t *s, uint32_t reason, uint64_t now_ns) noexcept nogil:
    """BusinessMessageReject(j) of the application message under way; 3: Unsupported Message Type."""
    cdef rf_fix_writer_t *w = compose(s, b"j", 1, now_ns)
    cdef const rf_fix_message_t *m = &s.message
    put_reverse_route(s)
    put_number(w, b"45=", s.header.seq)
    rf_fix_put(w, b"58=Unsupported Message Type\x01", 28)
    put_text(w, b"372=", m.bytes + m.fields[2].at, m.fields[2].len)
    put_number(w, b"380=", reason)
    commit(s, KIND_APP, 0, now_ns)
    s.rejects_sent += 1


# ---- resending ----------------------------------------------------------------------------------------------------------

cdef int resend_push(session_t *s, uint64_t now_ns) noexcept nogil:
    """Give the composed message to the output only: it keeps its old number and is not stored again."""
    cdef unsigned char *start = NULL
    cdef uint32_t n = rf_fix_finish(&s.writer, s.begin, s.begin_len, &start)
    if not n or not push(s, start, n):
        return 0
    s.last_out_ns = now_ns
    s.messages_out += 1
    return 1


cdef void put_orig_time(session_t *s, const unsigned char *text, uint32_t n, uint64_t now_ns) noexcept nogil:
    rf_fix_put(&s.writer, b"122=", 4)
    if n:
        rf_fix_put(&s.writer, text, n)
    else:
        rf_fix_put_timestamp(&s.writer, &s.stamp, now_ns, 3)
    rf_fix_put_byte(&s.writer, RF_FIX_SOH)


cdef void end_run(session_t *s, uint64_t next_seq, uint64_t now_ns) noexcept nogil:
    """One SequenceReset(4) with GapFillFlag(123)=Y for the run gathered so far."""
    if not s.run_start:
        return
    header(s, b"4", 1, s.run_start, 1, now_ns)
    put_orig_time(s, NULL, 0, now_ns)
    put_number(&s.writer, b"36=", next_seq)
    rf_fix_put(&s.writer, b"123=Y\x01", 6)
    resend_push(s, now_ns)
    s.run_start = 0


cdef int is_header(uint32_t tag) noexcept nogil:
    """Fields of the standard header that an application may have added."""
    return (tag == 50 or tag == 57 or tag == 90 or tag == 91 or tag == 97 or tag == 115 or tag == 116 or tag == 122 or tag == 128 or tag == 129
            or 142 <= tag <= 145 or tag == 212 or tag == 213 or tag == 347 or tag == 369 or tag == 370)


cdef inline int is_rewritten(uint32_t tag) noexcept nogil:
    return tag == 34 or tag == 43 or tag == 49 or tag == 52 or tag == 56 or tag == 122


cdef void put_field(session_t *s, const rf_fix_message_t *m, uint32_t i) noexcept nogil:
    rf_fix_put_uint(&s.writer, m.fields[i].tag)
    rf_fix_put_byte(&s.writer, b"="[0])
    rf_fix_put(&s.writer, m.bytes + m.fields[i].at, m.fields[i].len)
    rf_fix_put_byte(&s.writer, RF_FIX_SOH)


cdef int resend_one(session_t *s, const unsigned char *stored, uint32_t n, uint64_t seq, uint64_t now_ns) noexcept nogil:
    """Write a stored message again under its old number with 43=Y and 122, header ascending. 0: it cannot be read, fill its number."""
    cdef rf_fix_message_t *m = &s.resent_message
    cdef size_t size
    cdef uint32_t i, tag, from_at = 0, low = 0
    cdef int sending, told = 0
    memcpy(s.copy, stored, n)
    if rf_fix_parse(s.copy, n, m, &size) != RF_FIX_OK:
        return 0
    sending = rf_fix_find(m, 52)
    if sending < 0:
        return 0
    for i in range(3, m.count - 1):
        if m.fields[i].tag == 50:
            from_at = m.fields[i].at - 3
            low = m.fields[i].len + 4
            break
        if not is_rewritten(m.fields[i].tag):
            break
    put_front(s, <const char *> s.copy + m.fields[2].at, m.fields[2].len, seq, 1)
    header_around(s, s.copy + from_at, low, now_ns)
    for i in range(3, m.count - 1):
        tag = m.fields[i].tag
        if is_rewritten(tag) or (low and m.fields[i].at == from_at + 3):
            continue
        if not told and (tag > 122 or not is_header(tag)):
            put_orig_time(s, s.copy + m.fields[sending].at, m.fields[sending].len, now_ns)
            told = 1
        put_field(s, m, i)
    if not told:
        put_orig_time(s, s.copy + m.fields[sending].at, m.fields[sending].len, now_ns)
    s.resent += 1
    return resend_push(s, now_ns)


cdef int is_fresh(session_t *s, const unsigned char *stored, uint32_t n, uint64_t now_ns) noexcept nogil:
    """1 when a stored order may be sent again: its SendingTime(52) is not older than `order_max_age_s`."""
    cdef rf_fix_message_t *m = &s.resent_message
    cdef size_t size
    cdef uint64_t sent_ns = 0
    cdef int at
    if not s.order_ns_max or rf_fix_parse(stored, n, m, &size) != RF_FIX_OK:
        return 0
    at = rf_fix_find(m, 52)
    return at >= 0 and rf_fix_timestamp(m.bytes + m.fields[at].at, m.fields[at].len, &sent_ns) and now_ns <= sent_ns + s.order_ns_max


cdef int is_replace(session_t *s, const unsigned char *stored, uint32_t n) noexcept nogil:
    """1 when a stored message is an OrderCancelReplaceRequest(G); one that cannot be read is not resent anyway."""
    cdef rf_fix_message_t *m = &s.resent_message
    cdef size_t size
    if rf_fix_parse(stored, n, m, &size) != RF_FIX_OK:
        return 0
    return m.fields[2].len == 1 and m.bytes[m.fields[2].at] == b"G"[0]


cdef int serve_resend(session_t *s, uint64_t now_ns) noexcept nogil:
    cdef const unsigned char *stored
    cdef uint32_t kind = 0, n = 0
    cdef int risk
    cdef uint64_t output_seq = 0, seq
    while s.resend_next and has_room(s):
        seq = s.resend_next
        RF_FP(b"G9")
        if seq > s.resend_end:
            end_run(s, seq, now_ns)
            s.resend_next = 0
            if s.tell_from <= seq and seq > s.resent_to:  # an answer to a repeated request moves nobody
                s.resent_to = seq
            return 0
        stored = store_find(s.store, seq, &kind, &output_seq, &n)
        risk = stored != NULL and kind == KIND_ORDER
        if risk and not s.killed and s.resend_told != seq and is_fresh(s, stored, n, now_ns):
            kind = KIND_APP
            risk = 0
        elif stored != NULL and kind == KIND_APP and (s.killed or s.resend_told == seq):
            risk = is_replace(s, stored, n)
        if risk and seq >= s.tell_from and s.resend_told != seq:
            memcpy(s.copy, stored, n)
            s.event_bytes = n
            s.event_seq = seq
            s.resend_told = seq  # after accept we come back to the same number: told, now fill it
            s.event_output_seq = output_seq
            s.event = EVENT_NOT_SENT
            return 1
        if stored != NULL and not risk and (kind == KIND_APP or kind == KIND_OUT_OF_BAND):
            end_run(s, seq, now_ns)
            if resend_one(s, stored, n, seq, now_ns):
                s.resend_next = seq + 1
                continue
        if not s.run_start:
            s.run_start = seq
        s.resend_next = seq + 1
    return 0
