"""The FIX session for Python: the simulated venue, tests and tools drive it; the gateway's loop uses machine.pyx directly.

Data flow: ``received`` bytes and ``tick`` time in; ``take_output`` bytes and ``take_events`` (or ``peek`` and ``accepted``) out. The object owns
the session's buffers; the store is the caller's. Nothing here reads a clock or a socket.

What can fail: the store (``SessionError`` from ``send_app``), and the peer, whose faults are events and notes, never exceptions.
"""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from ringfence.gateways.errors import SessionError

from ringfence.gateways.fix.codec cimport RF_FIX_OK, rf_fix_message_t, rf_fix_parse, rf_fix_put, rf_fix_writer_t
from ringfence.gateways.fix.dictionary cimport Dictionary
from ringfence.gateways.fix.machine cimport (
    session_accept,
    session_connected,
    session_disconnected,
    session_filled,
    session_logout,
    session_poll,
    session_reset,
    session_space,
    session_tick,
)
from ringfence.gateways.fix.outgoing cimport commit, compose_with, has_room
from ringfence.gateways.fix.reading cimport read_header
from ringfence.gateways.fix.state cimport (
    EVENT_APP,
    EVENT_DISCONNECT,
    EVENT_DOWN,
    EVENT_NONE,
    EVENT_NOT_SENT,
    EVENT_UP,
    HELD_BYTES,
    HELD_MAX,
    IN_BYTES,
    NOTE_BYTES,
    NOTES_MAX,
    OUT_BYTES,
    STATE_DOWN,
    STATE_LOGGING_ON,
    STATE_LOGGING_OUT,
    STATE_UP,
    header_t,
    held_t,
    session_t,
)
from ringfence.gateways.fix.store cimport KIND_APP, MessageStore

cdef enum:
    FRAME_BYTES = 65600  # the longest message and its trailer

cdef uint64_t SECOND = 1000000000

STATES = {STATE_DOWN: "down", 2: "connecting", STATE_LOGGING_ON: "logging_on", STATE_UP: "up", STATE_LOGGING_OUT: "logging_out"}


cdef class Session:
    """One FIX session; feed it bytes and time, take bytes and events.

    Parameters
    ----------
    config : SessionConfig
    store : MessageStore
        Sequence numbers and sent messages; owned by the caller, must outlive the session.
    dictionary : Dictionary, optional
        What incoming messages are checked against; None: their fields are not checked.
    """

    def __cinit__(self, config, MessageStore store not None, Dictionary dictionary=None):
        cdef session_t *s = &self.s
        memset(s, 0, sizeof(session_t))
        s.input = <unsigned char *> calloc(1, IN_BYTES)
        s.output = <unsigned char *> calloc(1, OUT_BYTES)
        s.held_bytes = <unsigned char *> calloc(1, HELD_BYTES)
        s.held = <held_t *> calloc(HELD_MAX, sizeof(held_t))
        s.frame = <unsigned char *> calloc(1, FRAME_BYTES)
        s.copy = <unsigned char *> calloc(1, FRAME_BYTES)
        if not (s.input and s.output and s.held_bytes and s.held and s.frame and s.copy):
            raise MemoryError
        self.store = store
        self.config = config
        s.store = &store.s
        s.state = STATE_DOWN
        s.initiator = config.role == "initiator"
        s.strict = config.profile == "strict"
        s.reset_on_logon = config.reset_on_logon
        s.reset_on_logout = config.reset_on_logout
        s.reset_on_disconnect = config.reset_on_disconnect
        s.next_expected = config.next_expected
        s.drop_too_high = config.too_high == "drop"
        s.resend_chunk = config.resend_chunk
        s.order_ns_max = config.order_max_age_s * SECOND
        s.disconnect_on_error = config.disconnect_on_error
        s.stop_on_too_low = config.on_too_low == "stop"
        s.stop_on_refused_logon = config.on_refused_logon == "stop"
        s.failures_max = config.failures_max
        s.checks = config.checks
        self.dictionary = dictionary
        if dictionary is not None:
            if dictionary.begin_string != config.begin_string:
                raise SessionError(f"dictionary is of {dictionary.begin_string}, the session of {config.begin_string}; load the session's version")
            s.dictionary = dictionary.c
        s.reason_max = 11 if config.begin_string == "FIX.4.2" else 18
        s.username_len = fill(s.username, config.username.encode("ascii"))
        s.password_len = fill(s.password, config.password.encode("ascii"))
        s.check_latency = config.check_latency
        s.heartbeat_s = config.heartbeat_s
        s.latency_ns_max = config.latency_s_max * SECOND
        s.logon_ns_max = config.logon_s_max * SECOND
        s.logout_ns_max = config.logout_s_max * SECOND
        self._set_identity(config.begin_string.encode("ascii"), config.sender_comp_id.encode("ascii"), config.target_comp_id.encode("ascii"))

    def _set_identity(self, bytes begin, bytes sender, bytes target):
        cdef session_t *s = &self.s
        s.begin_len = fill(s.begin, b"8=" + begin + b"\x01")
        s.sender_len = fill(s.sender, sender)
        s.target_len = fill(s.target, target)
        front = b"\x0149=" + sender + b"\x0152="
        s.time_at = len(front)
        s.route_len = fill(s.route, front + b"00000000-00:00:00.000\x0156=" + target + b"\x01")
        s.route_second = <uint64_t> -1

    def __dealloc__(self):
        free(self.s.input)
        free(self.s.output)
        free(self.s.held_bytes)
        free(self.s.held)
        free(self.s.frame)
        free(self.s.copy)

    @property
    def state(self) -> str:
        """``down``, ``logging_on``, ``up`` or ``logging_out``."""
        return STATES[self.s.state]

    @property
    def next_out(self) -> int:
        """Next MsgSeqNum(34) to send."""
        return self.s.store.next_out

    @property
    def next_in(self) -> int:
        """Next MsgSeqNum(34) expected."""
        return self.s.store.next_in

    @property
    def heartbeat_s(self) -> int:
        """HeartBtInt(108) in force [s]."""
        return self.s.heartbeat_s

    @property
    def refused(self) -> bool:
        """True when numbers did not agree: reconnecting will not help, an operator must look."""
        return bool(self.s.refused)

    @property
    def stopped(self) -> bool:
        """True when the settings want an operator to look before the next connection; the next ``connected`` forgets it."""
        return bool(self.s.stopped)

    @property
    def fault(self) -> tuple[int, int] | None:
        """``(tag, SessionRejectReason)`` of the report on offer when it failed a check and is delivered all the same."""
        return (<int32_t> self.s.fault.tag, self.s.fault.reason) if self.s.event == EVENT_APP and self.s.header.invalid else None

    @property
    def session_ends_ns(self) -> int:
        """When the session logs out by itself [ns since 1970], the end of its schedule's window; 0: never."""
        return self.s.session_ends_ns

    @session_ends_ns.setter
    def session_ends_ns(self, uint64_t ns):
        self.s.session_ends_ns = ns

    def reset_numbers(self, uint64_t now_ns) -> bool:
        """Both sequence numbers to 1: at once while down, by a Logon with ResetSeqNumFlag(141)=Y while up. False: not now, try again."""
        return bool(session_reset(&self.s, now_ns))

    @property
    def counters(self) -> dict[str, int]:
        """What happened since the session was made."""
        cdef session_t *s = &self.s
        return {
            "messages_in": s.messages_in, "messages_out": s.messages_out, "garbled": s.garbled, "duplicates": s.duplicates,
            "gaps": s.gaps, "rejects_sent": s.rejects_sent, "resent": s.resent,
        }

    def connected(self, uint64_t now_ns) -> None:
        """The transport is connected; an initiator logs on."""
        if self.s.state != STATE_DOWN:
            raise SessionError(f"connected while {self.state}; call disconnected first")
        session_connected(&self.s, now_ns)

    def disconnected(self, uint64_t now_ns=0) -> None:
        """The transport is gone: what was not taken will come again, a ``down`` event follows when the session was up."""
        session_disconnected(&self.s)

    def received(self, bytes data not None, uint64_t now_ns) -> int:
        """Take incoming bytes; return how many fit (the rest must be offered again after events are taken)."""
        cdef uint32_t n = 0, took
        cdef unsigned char *space = session_space(&self.s, &n)
        cdef const unsigned char *p = data
        if self.s.state == STATE_DOWN:
            return len(data)
        took = min(n, <uint32_t> len(data))
        memcpy(space, p, took)
        session_filled(&self.s, took)
        if self.s.event == EVENT_NONE:
            session_poll(&self.s, now_ns)
        return took

    def tick(self, uint64_t now_ns) -> None:
        """Timers: heartbeat, test request, time-outs."""
        session_tick(&self.s, now_ns)

    def send_app(self, bytes msg_type not None, bytes body not None, uint64_t now_ns, uint64_t output_seq=0, uint32_t kind=KIND_APP,
                 bytes header not None=b"") -> int:
        """Send an application message; ``body`` is ``tag=value`` with SOH behind each.

        ``header`` in the same form are further fields of the standard header, ascending by tag: SenderSubID(50), and those above 56.

        Not logged on: it is stored, takes its number and goes out when the peer asks for it.

        Returns
        -------
        int
            Its MsgSeqNum(34), or 0 when the peer does not read and the message must be offered again.

        Raises
        ------
        SessionError
            It cannot be stored, or ``body`` does not end with SOH.
        """
        cdef const char *kind_text = msg_type
        cdef const char *text = body
        cdef const char *more = header
        cdef rf_fix_writer_t *w
        cdef uint64_t seq
        if body and not body.endswith(b"\x01"):
            raise SessionError(f"body must end with SOH, was {bytes(body)!r:.80}")
        if header and not header.endswith(b"\x01"):
            raise SessionError(f"header must end with SOH, was {bytes(header)!r:.80}")
        if not has_room(&self.s):
            return 0
        w = compose_with(&self.s, kind_text, <uint32_t> len(msg_type), <const unsigned char *> more, <uint32_t> len(header), now_ns)
        rf_fix_put(w, text, <uint32_t> len(body))
        seq = commit(&self.s, kind, output_seq, now_ns)
        if not seq:
            raise SessionError(f"cannot store a message of {len(body)} body bytes in {self.store.path}: too long, or the disk is full")
        return seq

    def logout(self, bytes text not None=b"", uint64_t now_ns=0) -> None:
        """Begin a Logout; a ``disconnect`` event follows with the answer or after ``logout_s_max``."""
        session_logout(&self.s, text, now_ns)

    def take_output(self, uint32_t limit=OUT_BYTES) -> bytes:
        """Return, and forget, up to ``limit`` bytes for the transport."""
        cdef session_t *s = &self.s
        cdef uint32_t n = min(limit, s.out_end - s.out_at)
        cdef bytes out = (<const char *> s.output)[s.out_at:s.out_at + n]
        s.out_at += n
        return out

    def peek(self, uint64_t now_ns=0) -> tuple | None:
        """Return the event on offer, or None; the same one until ``accepted``.

        Events: ``("up",)``, ``("down",)``, ``("app", message, seq, poss_dup)`` (Reject(3) included), ``("not_sent", message, seq, output_seq)``,
        ``("disconnect",)`` (write the rest, close, call ``disconnected``).
        """
        cdef session_t *s = &self.s
        cdef int event = session_poll(s, now_ns or s.last_in_ns)
        if event == EVENT_APP:
            return "app", (<const char *> s.message.bytes)[:s.message.length], s.event_seq, bool(s.header.poss_dup)
        if event == EVENT_NOT_SENT:
            return "not_sent", (<const char *> s.copy)[:s.event_bytes], s.event_seq, s.event_output_seq
        return None if event == EVENT_NONE else ({EVENT_UP: "up", EVENT_DOWN: "down", EVENT_DISCONNECT: "disconnect"}[event],)

    def accepted(self) -> None:
        """The event on offer is dealt with; an application message's number is stored as taken."""
        session_accept(&self.s)

    def take_events(self, uint64_t now_ns=0) -> list:
        """Take every event there is, accepting each; ``disconnect`` is the last and stays until ``disconnected``."""
        events = []
        while (event := self.peek(now_ns)) is not None:
            events.append(event)
            if event[0] == "disconnect":
                break
            session_accept(&self.s)
        return events

    def take_notes(self) -> list[str]:
        """Return, and forget, what an operator should read (at most the last 16 lines)."""
        cdef session_t *s = &self.s
        out = []
        while s.notes_tail != s.notes_head:
            out.append((<const char *> s.notes + (s.notes_tail % NOTES_MAX) * NOTE_BYTES).decode("latin-1"))
            s.notes_tail += 1
        return out


cdef uint32_t fill(unsigned char *to, bytes text):
    cdef const char *p = text
    memcpy(to, p, len(text))
    return <uint32_t> len(text)


def identify(bytes data not None) -> tuple[bytes, bytes, bytes] | None:
    """Tell whose the first message of a connection is.

    Returns
    -------
    tuple of (bytes, bytes, bytes) or None
        BeginString(8), SenderCompID(49) and TargetCompID(56) as the message has them, empty when it lacks one; None when ``data`` does not begin with a
        whole message (more bytes are needed, or it is garbled: ``codec.frame`` tells).
    """
    cdef header_t h
    cdef rf_fix_message_t m
    cdef size_t size = 0
    cdef const char *p = data
    if rf_fix_parse(<const unsigned char *> p, len(data), &m, &size) != RF_FIX_OK:
        return None
    read_header(&m, &h)
    return tuple(b"" if at < 0 else data[m.fields[at].at:m.fields[at].at + m.fields[at].len] for at in (h.begin, h.sender, h.target))
