"""A FIX session as a state machine without I/O and clock: bytes and time in, bytes and events out; initiator and acceptor.

    received ──▶ input ──parse──▶ checks ──▶ event on offer ──accept──▶ next_in stored
                    │ number too high: ResendRequest, the message is held until its turn
    send ──▶ store ──▶ output ──▶ the owner writes it to the connection

An application message is *offered*: ``poll`` gives the same event until ``accept``, and only then is its number stored as taken.
A full ring towards the engine so becomes a socket that is not read; a process killed in between gets the message again (PossDupFlag).

Behaviour is that of the field's engines (docs/fix.md): garbled messages are ignored and consume no number; a ResendRequest is served and a Logout answered
whatever their number; one ResendRequest a gap, to infinity; TestRequest after 1.2 heartbeat intervals of silence, the end after 2.4.
Memory is bounded: input, output, held messages and notes are fixed; a message that finds no room behind a gap is dropped and asked for again.
What can fail: the peer (every case ends in a Reject, a Logout or EVENT_DISCONNECT and a note for the log), the store (disconnect, nothing is sent).
Rejected: callbacks (the owner decides when it takes an event), a thread per session, floats for timers.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, memmove

from ringfence.gateways.fix.codec cimport (
    RF_FIX_BUSINESS_REJECT,
    RF_FIX_CANCEL_REJECT,
    RF_FIX_EXECUTION_REPORT,
    RF_FIX_GARBLED,
    RF_FIX_HEARTBEAT,
    RF_FIX_INCOMPLETE,
    RF_FIX_LOGON,
    RF_FIX_LOGOUT,
    RF_FIX_REJECT,
    RF_FIX_RESEND_REQUEST,
    RF_FIX_SEQUENCE_RESET,
    RF_FIX_TEST_REQUEST,
    rf_fix_find,
    rf_fix_message_t,
    rf_fix_parse,
    rf_fix_timestamp,
)
from ringfence.gateways.fix.dictionary cimport rf_fix_validate
from ringfence.gateways.fix.outgoing cimport note, send_heartbeat, send_logon, send_logout, send_reject, send_resend_request, serve_resend
from ringfence.gateways.fix.reading cimport begin_is_ours, comp_ids_are_ours, is_yes, number_of, read_header, sent_in_time, value_is
from ringfence.gateways.fix.state cimport (
    EVENT_APP,
    EVENT_DISCONNECT,
    EVENT_DOWN,
    EVENT_NONE,
    EVENT_UP,
    HELD_BYTES,
    HELD_MAX,
    IN_BYTES,
    STATE_DOWN,
    STATE_LOGGING_ON,
    STATE_LOGGING_OUT,
    STATE_UP,
    header_t,
    session_t,
)
from ringfence.gateways.fix.store cimport store_reset, store_set_next_in
from ringfence.ipc.failpoint cimport RF_FP

cdef uint64_t SECOND = 1000000000

# SessionRejectReason(373)
cdef enum:
    REQUIRED_TAG_MISSING = 1
    NO_VALUE = 4
    VALUE_WRONG = 5
    FORMAT_WRONG = 6
    COMP_ID_PROBLEM = 9
    SENDING_TIME_PROBLEM = 10
    INVALID_MSG_TYPE = 11


# ---- sequence numbers ---------------------------------------------------------------------------------------------------

cdef void take_number(session_t *s) noexcept nogil:
    """The message under way is dealt with; its number is used up when it was the expected one."""
    if s.header.seq == s.store.next_in:
        store_set_next_in(s.store, s.store.next_in + 1)


cdef void end_session(session_t *s, const char *text, uint64_t now_ns) noexcept nogil:
    """Logout with a text, then disconnect without waiting for the answer."""
    send_logout(s, text, now_ns)
    s.disconnect_due = 1


cdef void too_low(session_t *s, uint64_t now_ns) noexcept nogil:
    cdef char text[96]
    snprintf(text, 96, b"MsgSeqNum too low, expecting %llu but received %llu", <unsigned long long> s.store.next_in, <unsigned long long> s.header.seq)
    note(s, b"MsgSeqNum too low, expecting %llu but received %llu: the two sides do not agree; logged out, an operator must look",
         s.store.next_in, s.header.seq)
    s.refused = 1
    s.stopped = s.stopped or s.stop_on_too_low
    end_session(s, text, now_ns)


cdef void reject(session_t *s, uint32_t tag, uint32_t reason, uint64_t now_ns) noexcept nogil:
    """Reject(3) of the message under way. The field's engines name no tag with reasons that the message as a whole is at fault for."""
    cdef int of_message = reason == COMP_ID_PROBLEM or reason == SENDING_TIME_PROBLEM or reason == INVALID_MSG_TYPE
    if of_message:
        tag = 0 if not s.strict else 35 if reason == INVALID_MSG_TYPE else tag
    send_reject(s, s.header.seq, tag, reason, now_ns)
    if s.disconnect_on_error and not s.sent_logout:
        end_session(s, b"", now_ns)


cdef int is_report(const session_t *s) noexcept nogil:
    """Reports tell of money: a wrong field never makes us throw one away. 114: OrderMassCancelReport(r), which 4.2 does not have."""
    cdef uint32_t kind = s.message.msg_type
    if kind == 114:
        return s.fault.reason != INVALID_MSG_TYPE
    return kind == RF_FIX_EXECUTION_REPORT or kind == RF_FIX_CANCEL_REJECT or kind == RF_FIX_BUSINESS_REJECT or kind == RF_FIX_REJECT


cdef inline uint64_t signed(uint32_t tag) noexcept nogil:
    """A tag for %lld in a note: one below 0 is kept as its two's complement."""
    return <uint64_t> <int64_t> <int32_t> tag


cdef void flag(session_t *s, uint32_t tag, uint32_t reason) noexcept nogil:
    """Note a report's fault and let it pass."""
    s.fault.tag = tag
    s.fault.reason = reason
    s.header.invalid = 1
    note(s, b"a report is delivered although tag %lld has fault %llu (SessionRejectReason)", signed(tag), reason)


cdef void duplicate(session_t *s, uint64_t now_ns) noexcept nogil:
    """A number seen before, with PossDupFlag: dropped, but its OrigSendingTime must make sense (not asked of SequenceReset)."""
    cdef const rf_fix_message_t *m = &s.message
    cdef int at = s.header.orig_sending
    cdef uint64_t orig = 0
    s.duplicates += 1
    if m.msg_type == RF_FIX_SEQUENCE_RESET or m.msg_type == RF_FIX_REJECT:
        return
    if at < 0:
        reject(s, 122, REQUIRED_TAG_MISSING, now_ns)
    elif rf_fix_timestamp(m.bytes + m.fields[at].at, m.fields[at].len, &orig) and orig > s.header.sending_ns:
        reject(s, 122, SENDING_TIME_PROBLEM, now_ns)
        end_session(s, b"", now_ns)


cdef void hold(session_t *s) noexcept nogil:
    """Keep a message that came too early. No room: it is dropped; the gap fill brings it again."""
    cdef uint32_t n = s.message.length
    if s.drop_too_high or s.held_count == HELD_MAX or HELD_BYTES - s.held_used < n:
        if s.resend_chunk and s.header.seq > s.gap_end and s.gap_end >= s.store.next_in:
            s.gap_end = s.header.seq  # the chunks must reach it
        return
    memcpy(s.held_bytes + s.held_used, s.message.bytes, n)
    s.held[s.held_count].seq = s.header.seq
    s.held[s.held_count].at = s.held_used
    s.held[s.held_count].n = n
    s.held_used += n
    s.held_count += 1


cdef void gap(session_t *s, uint64_t now_ns) noexcept nogil:
    """A number above the expected one: ask once for all that is missing, again only for a hole in what is being resent."""
    cdef int asked = s.gap_end >= s.store.next_in and s.gap_asked != 0
    cdef int hole = asked and s.header.poss_dup and s.gap_asked != s.store.next_in
    if not asked:
        s.gap_end = s.header.seq - 1
        s.gaps += 1
        note(s, b"MsgSeqNum too high, expecting %llu but received %llu: ResendRequest", s.store.next_in, s.header.seq)
    if not asked and s.next_expected and s.message.msg_type == RF_FIX_LOGON:  # our Logon says it in 789; asked for when nothing comes
        s.gap_asked = s.store.next_in
        s.gap_asked_ns = now_ns
    elif not asked or hole:
        send_resend_request(s, s.store.next_in, now_ns)


# ---- messages of the session --------------------------------------------------------------------------------------------

cdef void refuse_logon(session_t *s, const char *text, int speak, uint64_t now_ns) noexcept nogil:
    """End before the session is up; with a Logout that says why, or without a byte."""
    note(s, text, 0, 0)
    s.refused = 1
    s.stopped = s.stopped or s.stop_on_refused_logon
    if speak:
        send_logout(s, text, now_ns)
    s.disconnect_due = 1


cdef int logon_is_welcome(session_t *s, uint64_t now_ns) noexcept nogil:
    """Checks of a connection's first Logon, before it may change a number. 0: it was refused."""
    cdef uint64_t interval = 0, method = 0
    if not s.initiator:
        if not number_of(&s.message, 108, &interval) or interval > 86400:
            refuse_logon(s, b"Logon without a valid HeartBtInt(108): connection closed", 0, now_ns)
            return 0
        s.heartbeat_s = interval
    if rf_fix_find(&s.message, 98) >= 0 and not (number_of(&s.message, 98, &method) and method == 0):
        refuse_logon(s, b"EncryptMethod(98) is not supported, use 0", s.strict, now_ns)
        return 0
    if not s.initiator and (s.username_len or s.password_len):
        if not (value_is(&s.message, rf_fix_find(&s.message, 553), s.username, s.username_len) or not s.username_len) or not (
                value_is(&s.message, rf_fix_find(&s.message, 554), s.password, s.password_len) or not s.password_len):
            refuse_logon(s, b"Invalid Username(553) or Password(554)", not s.strict, now_ns)
            return 0
    return 1


cdef int reset_numbers(session_t *s, uint64_t next_in, uint64_t now_ns) noexcept nogil:
    note(s, b"sequence numbers reset (next out was %llu, next in %llu)", s.store.next_out, s.store.next_in)
    forget_gap(s)
    forget_resend(s)
    return store_reset(s.store, 1, next_in, now_ns)


cdef uint64_t expected_next(const session_t *s) noexcept nogil:
    """NextExpectedMsgSeqNum(789) of our Logon: behind theirs when that is in order. 0: not said."""
    if not s.next_expected:
        return 0
    return s.store.next_in + (1 if not s.initiator and s.header.seq == s.store.next_in else 0)


cdef int resend_what_is_lacking(session_t *s, uint64_t sent_before, uint64_t now_ns) noexcept nogil:
    """Obey NextExpectedMsgSeqNum(789) of their Logon; `sent_before`: our next number when they wrote it. 0: they expect more than there is."""
    cdef uint64_t wanted = 0
    cdef char text[128]
    if not s.next_expected or not number_of(&s.message, 789, &wanted):
        return 1
    if wanted > sent_before:
        snprintf(text, 128, b"NextExpectedMsgSeqNum(789) too high, expecting %llu but received %llu", <unsigned long long> sent_before,
                 <unsigned long long> wanted)
        refuse_logon(s, text, 1, now_ns)
        return 0
    if wanted and wanted < sent_before:
        note(s, b"NextExpectedMsgSeqNum(789): resending %llu to %llu", wanted, sent_before - 1)
        start_resend(s, wanted, sent_before - 1)
    return 1


cdef void on_logon(session_t *s, uint64_t now_ns) noexcept nogil:
    """The first Logon of a connection, or one more in a session that is up."""
    cdef int reset = is_yes(&s.message, 141), first = s.state == STATE_LOGGING_ON, answer
    cdef uint64_t sent_before
    if first and not logon_is_welcome(s, now_ns):
        return
    if reset and s.sent_reset:
        if s.store.next_in != 1:  # theirs start anew with this message; until now the old ones counted
            store_set_next_in(s.store, 1)
            forget_gap(s)
    elif reset or (not s.initiator and s.reset_on_logon and first):
        if not reset_numbers(s, 1, now_ns):
            s.disconnect_due = 1
            return
    if s.header.seq < s.store.next_in:
        if not s.header.poss_dup:
            too_low(s, now_ns)
        return
    sent_before = s.store.next_out
    answer = not s.initiator and not (reset and s.sent_reset) or (reset and not s.sent_reset)
    if not resend_what_is_lacking(s, sent_before, now_ns):
        return
    RF_FP(b"G8")
    if first:
        s.state = STATE_UP
        s.was_up = 1
        s.failures = 0
        s.last_in_ns = now_ns
    if answer:
        send_logon(s, reset, expected_next(s), now_ns)
    elif first and s.kept:  # a number behind that of our Logon: the peer sees the gap now, not with our next heartbeat
        send_heartbeat(s, NULL, 0, now_ns)
    s.sent_reset = 0
    s.highest_in = s.header.seq
    if s.header.seq > s.store.next_in:
        hold(s)
        gap(s, now_ns)
    take_number(s)


cdef void start_resend(session_t *s, uint64_t begin, uint64_t end) noexcept nogil:
    cdef uint64_t tell_from = begin if begin >= s.resent_to else <uint64_t> -1  # asked before it read our answer: nothing sent behind that is lost
    if s.resend_next:  # one under way: serve the union, its messages are only repeated
        begin = begin if begin < s.resend_next else s.resend_next
        end = end if end > s.resend_end else s.resend_end
        tell_from = tell_from if tell_from < s.tell_from else s.tell_from
        s.run_start = 0
    s.resend_next = begin
    s.tell_from = tell_from
    s.resend_end = end
    s.resend_told = 0


cdef int wrong_number(session_t *s, uint32_t tag, uint64_t *value, uint64_t now_ns) noexcept nogil:
    """1: the message lacks a number in `tag`; it is rejected and used up."""
    if number_of(&s.message, tag, value):
        return 0
    reject(s, tag, REQUIRED_TAG_MISSING if rf_fix_find(&s.message, tag) < 0 else VALUE_WRONG, now_ns)
    take_number(s)
    return 1


cdef void on_resend_request(session_t *s, uint64_t now_ns) noexcept nogil:
    cdef uint64_t begin = 0, end = 0, last = s.store.next_out - 1
    if wrong_number(s, 7, &begin, now_ns) or wrong_number(s, 16, &end, now_ns):
        return
    if not begin:
        reject(s, 7, VALUE_WRONG, now_ns)
        take_number(s)
        return
    if end == 0 or end > last:
        end = last
    if begin <= end:
        note(s, b"ResendRequest for %llu to %llu", begin, end)
        start_resend(s, begin, end)
    if s.header.seq > s.store.next_in:
        hold(s)  # served by now; its number still has its turn
        if s.strict:
            gap(s, now_ns)
    take_number(s)


cdef void on_sequence_reset(session_t *s, uint64_t now_ns) noexcept nogil:
    """Gap fill (its number is checked) or reset (it is not): 36 says what comes next."""
    cdef uint64_t next_in = 0
    cdef int fill = is_yes(&s.message, 123)
    if wrong_number(s, 36, &next_in, now_ns):
        return
    if next_in > s.store.next_in:
        if next_in > s.store.next_in + 1 and s.gap_end < s.store.next_in:  # nobody asked: what had these numbers never comes
            s.gaps += 1
        if not fill:
            note(s, b"SequenceReset: next expected MsgSeqNum is %llu, was %llu", next_in, s.store.next_in)
        store_set_next_in(s.store, next_in)
    elif next_in < s.store.next_in or (fill and s.strict):
        reject(s, 36 if s.strict else 0, VALUE_WRONG, now_ns)


cdef void on_logout(session_t *s, uint64_t now_ns) noexcept nogil:
    cdef int at = rf_fix_find(&s.message, 58)
    cdef char text[160]
    cdef uint32_t i, n = 0
    memcpy(text, b"Logout received: ", 17)
    if at >= 0:
        n = s.message.fields[at].len if s.message.fields[at].len < 140 else 140
    for i in range(n):
        text[17 + i] = <char> s.message.bytes[s.message.fields[at].at + i]
        if text[17 + i] < 32 or text[17 + i] == 37:  # control characters and %: the note is a format
            text[17 + i] = 46
    text[17 + n] = 0
    note(s, text, 0, 0)
    if s.state == STATE_LOGGING_ON:
        s.refused = 1
        s.stopped = s.stopped or s.stop_on_refused_logon
    s.logged_out = 1
    if not s.sent_logout and not (s.state == STATE_LOGGING_ON and s.strict):
        send_logout(s, b"", now_ns)
    take_number(s)
    s.state = STATE_LOGGING_OUT
    s.disconnect_due = 1


cdef void on_test_request(session_t *s, uint64_t now_ns) noexcept nogil:
    cdef int at = rf_fix_find(&s.message, 112)
    if at < 0:
        reject(s, 112, REQUIRED_TAG_MISSING, now_ns)
    else:
        send_heartbeat(s, s.message.bytes + s.message.fields[at].at, s.message.fields[at].len, now_ns)


# ---- dispatch -----------------------------------------------------------------------------------------------------------

cdef void forget_gap(session_t *s) noexcept nogil:
    s.gap_end = s.gap_asked = s.gap_to = 0
    s.held_first = s.held_count = s.held_used = 0


cdef void forget_resend(session_t *s) noexcept nogil:
    s.resend_next = s.run_start = s.resend_told = s.resent_to = 0


cdef void first_message(session_t *s, uint64_t now_ns) noexcept nogil:
    """Before the Logon: anything wrong closes the connection without a byte."""
    cdef uint32_t kind = s.message.msg_type
    if s.header.seq_valid and s.dictionary != NULL and begin_is_ours(s) and not rf_fix_validate(s.dictionary, s.checks, &s.message, &s.fault):
        note(s, b"first message has a wrong field: tag %lld, SessionRejectReason %llu; connection closed", signed(s.fault.tag), s.fault.reason)
    elif not begin_is_ours(s) or not comp_ids_are_ours(s):
        note(s, b"first message has another BeginString(8), SenderCompID(49) or TargetCompID(56) than configured: connection closed", 0, 0)
    elif not s.header.seq or not s.header.sending_ns or not sent_in_time(s, now_ns):
        note(s, b"first message has no MsgSeqNum(34), or a SendingTime(52) too far from our clock: connection closed", 0, 0)
    elif kind == RF_FIX_LOGON:
        on_logon(s, now_ns)
        return
    elif kind == RF_FIX_LOGOUT and s.initiator:
        on_logout(s, now_ns)
        return
    else:
        note(s, b"first message is not a Logon: connection closed", 0, 0)
    s.disconnect_due = 1


cdef int fields_are_good(session_t *s, uint64_t now_ns) noexcept nogil:
    """The dictionary's checks. 0: the message was rejected."""
    if s.dictionary == NULL or rf_fix_validate(s.dictionary, s.checks, &s.message, &s.fault):
        return 1
    if is_report(s):
        flag(s, s.fault.tag, s.fault.reason)
        return 1
    note(s, b"message rejected: tag %lld, SessionRejectReason %llu", signed(s.fault.tag), s.fault.reason)
    reject(s, s.fault.tag, s.fault.reason, now_ns)
    take_number(s)
    return 0


cdef int ours_to_read(session_t *s, uint64_t now_ns) noexcept nogil:
    """BeginString and MsgSeqNum, without which nothing can be said about a message. 0: the session ends."""
    if not begin_is_ours(s):
        note(s, b"Incorrect BeginString: logged out", 0, 0)
        end_session(s, b"Incorrect BeginString", now_ns)
        return 0
    if not s.header.seq_valid:
        note(s, b"message without a valid MsgSeqNum(34): logged out", 0, 0)
        end_session(s, b"Required tag missing", now_ns)
        return 0
    return 1


cdef int header_is_good(session_t *s, uint64_t now_ns) noexcept nogil:
    """Who sent it to whom, and when. 0: the message is dealt with."""
    cdef header_t *h = &s.header
    cdef rf_fix_message_t *m = &s.message
    cdef uint32_t tag = 0, reason = 0
    if h.sender < 0 or h.target < 0 or h.sending < 0:
        tag = 49 if h.sender < 0 else 56 if h.target < 0 else 52
        reason = REQUIRED_TAG_MISSING
    elif not m.fields[h.sender].len or not m.fields[h.target].len or not m.fields[h.sending].len:
        tag = 49 if not m.fields[h.sender].len else 56 if not m.fields[h.target].len else 52
        reason = NO_VALUE
    elif not h.sending_ns:
        tag = 52
        reason = FORMAT_WRONG
    if tag and is_report(s):
        if not h.invalid:
            flag(s, tag, reason)
        return 1
    if tag:
        reject(s, tag, reason, now_ns)
    elif not sent_in_time(s, now_ns):
        note(s, b"SendingTime accuracy problem: more than %llu s from our clock; logged out", s.latency_ns_max // SECOND, 0)
        reject(s, 52, SENDING_TIME_PROBLEM, now_ns)
        end_session(s, b"", now_ns)
    elif not comp_ids_are_ours(s):
        note(s, b"CompID problem: a message of another session; logged out", 0, 0)
        reject(s, 49 if not value_is(m, h.sender, s.target, s.target_len) else 56, COMP_ID_PROBLEM, now_ns)
        end_session(s, b"", now_ns)
    else:
        return 1
    if not is_report(s):  # a report's number stays due: it comes again with the next connection
        take_number(s)
    return 0


cdef int waits_its_turn(const session_t *s) noexcept nogil:
    """1: the number is too high, and the message is not one that is dealt with whatever its number."""
    cdef uint32_t kind = s.message.msg_type
    if s.header.seq <= s.store.next_in or kind == RF_FIX_LOGON or kind == RF_FIX_RESEND_REQUEST:
        return 0
    if kind == RF_FIX_LOGOUT:
        return s.strict
    return kind != RF_FIX_SEQUENCE_RESET or is_yes(&s.message, 123)


cdef int original_time_is_good(session_t *s, uint64_t now_ns) noexcept nogil:
    """Strict: a PossDup in its turn must carry OrigSendingTime(122) too. 0: it was rejected."""
    cdef int at = s.header.orig_sending
    cdef uint64_t orig = 0
    if not s.strict or not s.header.poss_dup or s.message.msg_type == RF_FIX_SEQUENCE_RESET or is_report(s):
        return 1
    if at < 0:
        reject(s, 122, REQUIRED_TAG_MISSING, now_ns)
    elif rf_fix_timestamp(s.message.bytes + s.message.fields[at].at, s.message.fields[at].len, &orig) and orig > s.header.sending_ns:
        reject(s, 122, SENDING_TIME_PROBLEM, now_ns)
        end_session(s, b"", now_ns)
    else:
        return 1
    take_number(s)
    return 0


cdef void dispatch(session_t *s, int held, uint64_t now_ns) noexcept nogil:
    """One whole message. Leaves EVENT_APP on offer, or has dealt with it."""
    cdef uint32_t kind = s.message.msg_type
    read_header(&s.message, &s.header)
    s.fault.tag = s.fault.reason = 0
    if s.state == STATE_LOGGING_ON:
        first_message(s, now_ns)
        return
    if held and (kind == RF_FIX_LOGON or kind == RF_FIX_RESEND_REQUEST):  # answered when they came; only their number counts now
        take_number(s)
        return
    if not held and not ours_to_read(s, now_ns):
        return
    if not waits_its_turn(s) and not fields_are_good(s, now_ns):
        s.last_in_ns = now_ns
        return
    if not held:
        if not header_is_good(s, now_ns):
            return
        s.last_in_ns = now_ns
        s.test_outstanding = 0
        if s.header.seq > s.highest_in:
            s.highest_in = s.header.seq
    if waits_its_turn(s):
        hold(s)
        gap(s, now_ns)
    else:
        in_turn(s, held, now_ns)


cdef void in_turn(session_t *s, int held, uint64_t now_ns) noexcept nogil:
    """A message that is not too early, its fields checked."""
    cdef uint32_t kind = s.message.msg_type
    cdef int any_number = kind == RF_FIX_LOGON or kind == RF_FIX_RESEND_REQUEST or (kind == RF_FIX_LOGOUT and not s.strict)
    if kind == RF_FIX_SEQUENCE_RESET and not is_yes(&s.message, 123):
        any_number = 1
    if not any_number and s.header.seq < s.store.next_in:
        if s.header.poss_dup:
            duplicate(s, now_ns)
        else:
            too_low(s, now_ns)
    elif s.header.seq == s.store.next_in and not original_time_is_good(s, now_ns):
        return
    elif kind == RF_FIX_LOGON:
        on_logon(s, now_ns)
    elif kind == RF_FIX_RESEND_REQUEST:
        on_resend_request(s, now_ns)
    elif kind == RF_FIX_LOGOUT:
        on_logout(s, now_ns)
    elif kind == RF_FIX_SEQUENCE_RESET:
        on_sequence_reset(s, now_ns)
    elif kind == RF_FIX_HEARTBEAT:
        take_number(s)
    elif kind == RF_FIX_TEST_REQUEST:
        on_test_request(s, now_ns)
        take_number(s)
    else:
        s.event = EVENT_APP
        s.event_held = held
        s.event_seq = s.header.seq


cdef int next_held(session_t *s, uint64_t now_ns) noexcept nogil:
    """Work on the held message whose turn it is. 0 when there is none."""
    cdef uint32_t i
    cdef size_t size
    for i in range(s.held_first, s.held_count):
        if s.held[i].seq != s.store.next_in:
            continue
        rf_fix_parse(s.held_bytes + s.held[i].at, s.held[i].n, &s.message, &size)
        s.held[i].seq = 0
        dispatch(s, 1, now_ns)
        return 1
    while s.held_first < s.held_count and s.held[s.held_first].seq < s.store.next_in:
        s.held_first += 1
    if s.held_first == s.held_count:
        s.held_first = s.held_count = s.held_used = 0
    return 0


cdef int next_input(session_t *s, uint64_t now_ns) noexcept nogil:
    """Work on the next message in the input. 0 when there is no whole one."""
    cdef size_t size = 0
    cdef int found = rf_fix_parse(s.input + s.in_at, s.in_end - s.in_at, &s.message, &size)
    if found == RF_FIX_INCOMPLETE:
        if s.in_at:
            memmove(s.input, s.input + s.in_at, s.in_end - s.in_at)
            s.in_end -= s.in_at
            s.in_at = 0
        return 0
    if found == RF_FIX_GARBLED:
        s.in_at += <uint32_t> size
        s.garbled += 1
        if s.garbled & (s.garbled - 1) == 0:  # 1, 2, 4, 8 ...: a flood of noise does not flood the log
            note(s, b"garbled bytes ignored (%llu), %llu times so far", size, s.garbled)
        if s.state == STATE_LOGGING_ON and not s.initiator:
            note(s, b"first bytes are no FIX message: connection closed", 0, 0)
            s.disconnect_due = 1
        return 1
    s.in_at += s.message.length
    s.messages_in += 1
    dispatch(s, 0, now_ns)
    return 1


# ---- the machine --------------------------------------------------------------------------------------------------------

cdef void session_connected(session_t *s, uint64_t now_ns) noexcept nogil:
    s.in_at = s.in_end = s.out_at = s.out_end = 0
    s.disconnect_due = s.sent_reset = s.sent_logout = s.test_outstanding = s.refused = s.stopped = s.logged_out = s.was_up = 0
    forget_gap(s)
    forget_resend(s)
    s.event = EVENT_NONE
    s.kept = 0
    s.state = STATE_LOGGING_ON
    s.connected_ns = s.last_in_ns = s.last_out_ns = s.now_ns = now_ns
    if s.initiator:
        if s.reset_on_logon:
            store_reset(s.store, 1, 1, now_ns)
            s.sent_reset = 1
        send_logon(s, s.reset_on_logon, s.store.next_in if s.next_expected else 0, now_ns)


cdef void session_disconnected(session_t *s) noexcept nogil:
    if s.state >= STATE_LOGGING_ON:
        if not s.was_up:
            s.failures += 1
            if s.failures_max and s.failures >= s.failures_max:
                note(s, b"%llu connections in a row ended before the session was up: an operator must look", s.failures, 0)
                s.stopped = 1
        if s.was_up and (s.reset_on_disconnect or (s.reset_on_logout and s.logged_out)):
            reset_numbers(s, 1, s.now_ns)
    s.state = STATE_DOWN
    s.in_at = s.in_end = s.out_at = s.out_end = 0
    s.disconnect_due = 0
    forget_gap(s)
    forget_resend(s)
    s.event = EVENT_NONE  # what was on offer was not taken; the peer sends it again
    s.down_due = s.down_due or s.announced
    s.announced = 0


cdef void session_logout(session_t *s, const char *text, uint64_t now_ns) noexcept nogil:
    if s.state == STATE_UP:
        send_logout(s, text, now_ns)
        s.state = STATE_LOGGING_OUT
    elif s.state == STATE_LOGGING_ON:
        s.disconnect_due = 1


cdef int session_reset(session_t *s, uint64_t now_ns) noexcept nogil:
    if s.state == STATE_DOWN:
        return reset_numbers(s, 1, now_ns)
    if s.state != STATE_UP or s.resend_next or s.sent_reset:
        return 0
    # theirs count on until their Logon answers: what is on its way to us is not lost
    if not store_reset(s.store, 1, s.store.next_in, now_ns):
        return 0
    s.sent_reset = 1
    s.gap_asked_ns = now_ns
    forget_resend(s)
    send_logon(s, 1, 1 if s.next_expected else 0, now_ns)
    return 1


cdef unsigned char *session_space(session_t *s, uint32_t *n) noexcept nogil:
    if s.in_end == IN_BYTES and s.in_at and s.event == EVENT_NONE:
        memmove(s.input, s.input + s.in_at, s.in_end - s.in_at)
        s.in_end -= s.in_at
        s.in_at = 0
    n[0] = IN_BYTES - s.in_end
    return s.input + s.in_end


cdef void session_filled(session_t *s, uint32_t n) noexcept nogil:
    s.in_end += n


cdef int session_poll(session_t *s, uint64_t now_ns) noexcept nogil:
    s.now_ns = now_ns
    while True:
        if s.event != EVENT_NONE:
            return s.event
        if s.down_due:
            s.event = EVENT_DOWN
        elif s.disconnect_due:
            s.event = EVENT_DISCONNECT
        elif s.state < STATE_LOGGING_ON:
            return EVENT_NONE
        elif s.state == STATE_UP and not s.announced and s.gap_end < s.store.next_in:
            s.announced = 1
            s.event = EVENT_UP
        elif s.resend_next and serve_resend(s, now_ns):
            continue
        elif s.held_count and next_held(s, now_ns):
            continue
        elif s.gap_to and s.gap_to < s.store.next_in <= s.gap_end:
            send_resend_request(s, s.store.next_in, now_ns)  # the next chunk
        elif not next_input(s, now_ns):
            return EVENT_NONE


cdef void session_accept(session_t *s) noexcept nogil:
    if s.event == EVENT_APP:
        store_set_next_in(s.store, s.event_seq + 1)
    elif s.event == EVENT_DOWN:
        s.down_due = 0
    elif s.event == EVENT_DISCONNECT:
        return  # stays until disconnected
    s.event = EVENT_NONE
