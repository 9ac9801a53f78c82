"""The session's timers: time-outs of logon and logout, the schedule's end, gaps, heartbeats, test requests.

In: the time, from the owner. Out: messages through outgoing.pyx, or ``disconnect_due``. Limits are in ns, from the settings; silence counts in fifths
of the heartbeat interval, so that 1.2 and 2.4 intervals need no float. Cannot fail. Rejected: a timer wheel (one session has eight deadlines).
"""

from libc.stdint cimport uint64_t

from ringfence.gateways.fix.machine cimport session_logout
from ringfence.gateways.fix.outgoing cimport note, send_heartbeat, send_resend_request, send_test_request
from ringfence.gateways.fix.state cimport EVENT_NONE, STATE_LOGGING_ON, STATE_LOGGING_OUT, session_t
from ringfence.gateways.fix.store cimport store_reserve

cdef uint64_t SECOND = 1000000000


cdef void session_tick(session_t *s, uint64_t now_ns) noexcept nogil:
    """Timers; call it at least every tenth of a second. now_ns may stand still, it may not jump back far."""
    cdef uint64_t silence, beat = s.heartbeat_s * SECOND
    if s.state < STATE_LOGGING_ON or s.disconnect_due:
        return
    s.now_ns = now_ns
    store_reserve(s.store)
    if s.session_ends_ns and now_ns >= s.session_ends_ns and s.state != STATE_LOGGING_OUT:
        note(s, b"the session's window is over: logging out", 0, 0)
        session_logout(s, b"", now_ns)
        return
    if s.state == STATE_LOGGING_ON:
        if now_ns > s.connected_ns + s.logon_ns_max:
            note(s, b"no Logon within %llu s: disconnecting", s.logon_ns_max // SECOND, 0)
            s.disconnect_due = 1
        return
    if s.state == STATE_LOGGING_OUT:
        if now_ns > s.logout_ns + s.logout_ns_max:
            note(s, b"no Logout within %llu s: disconnecting", s.logout_ns_max // SECOND, 0)
            s.disconnect_due = 1
        return
    if s.gap_end >= s.store.next_in and now_ns > s.gap_asked_ns + (beat or 30 * SECOND):
        note(s, b"gap not filled from %llu on: ResendRequest again", s.store.next_in, 0)
        send_resend_request(s, s.store.next_in, now_ns)
    if not beat:
        return
    if s.event != EVENT_NONE:  # the owner does not take; the silence is ours
        s.last_in_ns = now_ns
    silence = now_ns - s.last_in_ns if now_ns > s.last_in_ns else 0
    if silence * 5 >= beat * 12:
        note(s, b"nothing heard for %llu ms: disconnecting", silence // 1000000, 0)
        s.disconnect_due = 1
    elif silence * 5 >= beat * 6:
        if not s.test_outstanding:
            send_test_request(s, now_ns)
    elif not s.test_outstanding and now_ns >= s.last_out_ns + beat:
        send_heartbeat(s, NULL, 0, now_ns)
