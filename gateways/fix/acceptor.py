"""A FIX acceptor: many sessions behind one listening socket, one thread that sleeps in ``select``.

    socket ──▶ first message ──(8, 49, 56)──▶ its session ──peek──▶ application ──send_app──▶ session ──▶ socket

Who a connection belongs to is known from its first message. A connection whose first bytes are no message, name no session of ours, name one that has a
connection, or stay away for ``logon_s_max``, is closed without a byte; so is what the session itself refuses (no Logon, SendingTime too far off).

Nothing that a peer does makes another wait or memory grow: at most ``WAITING_MAX`` connections wait for their first message, each with at most one message of
bytes; a session takes at most ``MESSAGES_PER_TURN`` messages a turn; what is read is one buffer, what is written is one chunk, and a peer that does not read
stops being read from (its message stays on offer in the session until the answer fits) and is disconnected when nothing moves for ``stall_s``.
An incoming message is accepted by the session only after the application's answer is in the store: answered once, whatever dies in between.
Rejected: a thread per session (the order of events would be the scheduler's) and asyncio (one more layer between bytes and session).
"""

from __future__ import annotations

import re
import select
import selectors
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ringfence.gateways.errors import GatewayError, SessionError
from ringfence.gateways.fix.codec import MESSAGE_BYTES_MAX, frame
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.dictionary import Dictionary
from ringfence.gateways.fix.schedule import Schedule
from ringfence.gateways.fix.session import Session, identify
from ringfence.gateways.fix.store import MessageStore

TICK_NS = 100_000_000
SECOND_NS = 1_000_000_000
READ_BYTES = 65_536
MESSAGES_PER_TURN = 64
WAITING_MAX = 256
"""Connections that may wait for their first message; one more closes the oldest."""
STALL_S = 60
LINGER_NS = 1_000_000_000
"""How long a closed session's last bytes may take to leave."""

TRAILER = re.compile(rb"\x0110=[0-9]{3}\x01$")
"""The end of a message: a first message that has it and yet is not whole says a wrong BodyLength(9)."""

Key = tuple[bytes, bytes, bytes]
Answer = tuple[bytes, bytes, bytes]
"""MsgType(35), further header fields, body; fields are ``tag=value`` with SOH behind each."""


class Application(Protocol):
    """What answers the messages of one session. It is called again with the same message when the answer did not fit."""

    def answer(self, message: bytes, poss_dup: bool) -> Answer | None:
        """Return what to send, or None; changes nothing that ``answered`` should."""

    def answered(self, message: bytes) -> None:
        """The answer of ``message`` (or its absence) is final."""

    def disconnected(self) -> None:
        """The session logged out or lost its connection."""


@dataclass(eq=False)
class Connection:
    """A socket and what is on its way: at most one buffer in, one chunk out."""

    sock: socket.socket
    peer: str
    since_ns: int
    unread: bytes = b""
    unsent: bytes = b""
    moved_ns: int = 0
    ended: bool = False
    line: Line | None = None
    events: int = selectors.EVENT_READ


@dataclass(eq=False)
class Line:
    """One configured session and its connection, if any."""

    config: SessionConfig
    session: Session
    store: MessageStore
    application: Application
    schedule: Schedule | None = None
    conn: Connection | None = None
    busy: bool = False

    @property
    def name(self) -> str:
        return self.config.identity

    def opens(self, now: int) -> bool:
        """Whether the schedule has a window open; numbers of an older window start anew, and the session will end with this one."""
        if self.schedule is None:
            return True
        if not self.schedule.in_session(now):
            return False
        if self.schedule.reset_due(self.store.reset_ns, now):
            self.session.reset_numbers(now)
        self.session.session_ends_ns = self.schedule.window_end(now)
        return True


def key_of(config: SessionConfig) -> Key:
    """BeginString(8), SenderCompID(49) and TargetCompID(56) that the counterparty's messages carry."""
    return config.begin_string.encode(), config.target_comp_id.encode(), config.sender_comp_id.encode()


def store_name(config: SessionConfig) -> str:
    """File name of a session's store: its identity, with what a file name should not hold as %XX."""
    parts = (config.begin_string, config.sender_comp_id, config.target_comp_id)
    return "-".join("".join(c if c.isalnum() or c in "._" else f"%{ord(c):02X}" for c in part) for part in parts) + ".store"


class Acceptor:
    """Sessions behind a listening socket, driven by ``turn``.

    Parameters
    ----------
    sessions : iterable of (SessionConfig, Application)
    folder : Path
        Directory of the message stores, one file per session; it exists.
    listener : socket
        From ``listen``; closed by ``close``.
    dictionary : callable
        Gives what a BeginString(8)'s messages are checked against; None: no checks.
    schedule : Schedule, optional
        When the sessions are open; always when None.
    clock : callable
        Nanoseconds of CLOCK_REALTIME; a parameter so that tests can stand still.
    log : callable
        Takes an event's name, the session or peer, and a text for the operator.
    secure : callable, optional
        Makes a plain socket of an accepted one (TLS); gets a callable for the reason of a failed handshake.
    """

    def __init__(
        self,
        sessions: Iterable[tuple[SessionConfig, Application]],
        folder: Path,
        listener: socket.socket,
        *,
        dictionary: Callable[[str], Dictionary | None] = lambda _begin_string: None,
        schedule: Schedule | None = None,
        clock: Callable[[], int],
        log: Callable[[str, str, str], None],
        secure: Callable[[socket.socket, Callable[[str], None]], socket.socket] | None = None,
        stall_s: int = STALL_S,
    ) -> None:
        self.clock, self.log, self.secure, self.stall_ns = clock, log, secure, stall_s * SECOND_NS
        self.listener: socket.socket | None = listener
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ)
        self.waiting: list[Connection] = []
        self.lines: dict[Key, Line] = {}
        self.logon_ns = 0
        self.tick_ns = 0
        self.refusals = 0
        for config, application in sessions:
            if key_of(config) in self.lines:
                raise SessionError(f"session {config.identity} is named twice")
            store = MessageStore(folder / store_name(config), config.identity)
            self.lines[key_of(config)] = Line(config, Session(config, store, dictionary(config.begin_string)), store, application, schedule)
            self.logon_ns = max(self.logon_ns, config.logon_s_max * SECOND_NS)

    # ---- the loop

    def turn(self, longest_ns: int = TICK_NS) -> None:
        """Wait until something can be done, at most ``longest_ns``, and do one bounded round of it."""
        busy = any(line.busy for line in self.lines.values())
        due = max(0, min(longest_ns, self.tick_ns - self.clock()))
        for key, events in self.selector.select(0 if busy else due / 1e9):
            if isinstance(key.data, Connection):
                self._ready(key.data, events)
            elif self.listener is not None:
                self._accept(self.listener)
        now = self.clock()
        if now >= self.tick_ns or now < self.tick_ns - TICK_NS:  # the second: the clock was set back
            self.tick_ns = now + TICK_NS
            self._tick(now)
        for line in self.lines.values():
            if line.busy:
                self._serve(line, now)

    def close(self, reason: bytes = b"") -> None:
        """Log every session out, wait a bounded time for the answers, close everything."""
        self._stop_listening()
        for conn in list(self.waiting):
            self._close(conn)
        now = self.clock()
        for line in self.lines.values():
            if line.conn is not None:
                line.session.logout(reason, now)
                self._serve(line, now)
        end = now + max((line.config.logout_s_max for line in self.lines.values()), default=0) * SECOND_NS + LINGER_NS
        while any(line.conn is not None for line in self.lines.values()) and self.clock() < end:
            self.turn()
        for line in self.lines.values():
            self._drop(line, self.clock())
            line.store.close()
        self.selector.close()

    def _stop_listening(self) -> None:
        if self.listener is not None:
            self.selector.unregister(self.listener)
            self.listener.close()
            self.listener = None

    def _tick(self, now: int) -> None:
        for late in [c for c in self.waiting if now > c.since_ns + self.logon_ns]:
            self._refuse(late, "no Logon in time")
        for line in self.lines.values():
            conn = line.conn
            if conn is None:
                continue
            if conn.unsent and now > conn.moved_ns + self.stall_ns:
                self.log("disconnect", line.name, f"the peer has read nothing for {self.stall_ns // SECOND_NS} s: disconnecting")
                self._drop(line, now)
                continue
            line.session.tick(now)
            line.busy = True

    # ---- connections without a session yet

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, address = listener.accept()
        except BlockingIOError:
            return
        except OSError as e:  # the peer is gone again, or this process has no descriptor left: the loop goes on
            self._note_refusal(f"connection not accepted: {e.strerror}", "listener")
            if self.waiting:
                self._refuse(self.waiting[0], "no descriptor left")
            return
        peer = f"{address[0]}:{address[1]}"
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.secure is not None:
                sock = self.secure(sock, lambda reason: self.log("tls", peer, reason))
                sock.setblocking(False)
        except (OSError, RuntimeError, GatewayError) as e:  # no descriptor, thread or certificate for it: the loop goes on
            sock.close()
            self._note_refusal(f"connection closed: {e}", peer)
            return
        if len(self.waiting) >= WAITING_MAX:
            self._refuse(self.waiting[0], f"{WAITING_MAX} newer connections wait too")
        conn = Connection(sock, peer, self.clock())
        self.waiting.append(conn)
        self.selector.register(sock, selectors.EVENT_READ, conn)

    def _ready(self, conn: Connection, events: int) -> None:
        if conn.sock.fileno() < 0:
            return  # closed earlier in this round
        line = conn.line
        if line is None:
            self._read_first(conn)
            return
        if events & selectors.EVENT_READ and not conn.unread and not conn.ended:
            conn.unread = self._receive(conn)
        line.busy = True

    def _receive(self, conn: Connection) -> bytes:
        """Return what has arrived; nothing more will when it is empty and ``ended`` is set."""
        try:
            data = conn.sock.recv(READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as e:
            self.log("disconnect", conn.line.name if conn.line else conn.peer, f"connection lost: {e.strerror}")
            data = b""
        conn.ended = not data
        return data

    def _read_first(self, conn: Connection) -> None:
        conn.unread += self._receive(conn)
        if conn.ended:
            self._close(conn)
            return
        state, _size = frame(conn.unread)
        if state == "incomplete" and len(conn.unread) < MESSAGE_BYTES_MAX and not TRAILER.search(conn.unread):
            return
        if state != "complete":
            self._refuse(conn, "the first bytes are no FIX message")
            return
        key = identify(conn.unread)
        if key is None:
            self._refuse(conn, "the first message is garbled")
            return
        line = self.lines.get(key)
        now = self.clock()
        if line is not None and line.conn is not None and has_hung_up(line.conn.sock):
            self.log("disconnect", line.name, f"connection from {line.conn.peer} has ended, and the peer is back from {conn.peer}")
            self._drop(line, now)  # what it sent last and was not taken comes again
        if line is None:
            begin, sender, target = (v.decode("latin-1") for v in key)
            self._refuse(conn, f"no session for BeginString(8) {begin!r}, SenderCompID(49) {sender!r}, TargetCompID(56) {target!r}")
        elif line.conn is not None:
            self._refuse(conn, f"{line.name} has a connection already, from {line.conn.peer}")
        elif not line.opens(now):
            self._refuse(conn, f"{line.name} is outside its schedule")
        else:
            self.waiting.remove(conn)
            conn.line, line.conn, conn.moved_ns, line.busy = line, conn, now, True
            line.session.connected(now)

    def _refuse(self, conn: Connection, why: str) -> None:
        self._note_refusal(f"connection closed: {why}", conn.peer)
        self._close(conn)

    def _note_refusal(self, text: str, peer: str) -> None:
        """Log it; a flood of connections is logged at 16, 32, 64 ... only."""
        self.refusals += 1
        if self.refusals < 16 or self.refusals & (self.refusals - 1) == 0:
            self.log("refused", peer, text if self.refusals < 16 else f"{text} ({self.refusals} refused so far)")

    def _close(self, conn: Connection) -> None:
        if conn in self.waiting:
            self.waiting.remove(conn)
        if conn.events:
            self.selector.unregister(conn.sock)
        conn.sock.close()

    # ---- sessions

    def _serve(self, line: Line, now: int) -> None:
        """Take what the session offers, feed it what was read, write what it has; a bounded amount."""
        line.busy = False
        conn = line.conn
        if conn is None:
            return
        finished = False
        for _ in range(MESSAGES_PER_TURN):
            event = line.session.peek(now)
            if event is None:
                took = line.session.received(conn.unread, now) if conn.unread else 0
                if not took:
                    break
                conn.unread = conn.unread[took:]
            elif event[0] == "disconnect":
                finished = True
                break
            else:
                try:
                    if not self._event(line, event, now):
                        break  # the answer does not fit: the same message again when bytes have left
                except GatewayError as e:  # it can never be answered; the other sessions go on
                    self.log("error", line.name, f"{e}; disconnecting")
                    finished = True
                    break
        else:
            line.busy = True
        self._notes(line)
        alive = self._write(conn, line, now)
        if not alive or finished or (conn.ended and not conn.unread and not line.busy):
            self._drop(line, now)
            return
        self._watch(conn)

    def _event(self, line: Line, event: tuple[Any, ...], now: int) -> bool:
        """Deal with one event; False when it must be offered again."""
        kind = event[0]
        if kind == "app":
            message = bytes(event[1])
            answer = line.application.answer(message, bool(event[3]))
            if answer is not None and not send(line.session, answer, now):
                return False
            line.application.answered(message)
        elif kind in ("up", "down"):
            self.log("logon" if kind == "up" else "logout", line.name, f"next out {line.session.next_out}, next in {line.session.next_in}")
        line.session.accepted()
        return True

    def _notes(self, line: Line) -> None:
        for note in line.session.take_notes():
            self.log("note", line.name, note)

    def _write(self, conn: Connection, line: Line, now: int) -> bool:
        """Write as much as the socket takes; False when the connection is gone. What left makes room: the session is asked again."""
        try:
            while data := conn.unsent or line.session.take_output(READ_BYTES):
                if not conn.unsent:
                    conn.unsent, conn.moved_ns = data, now
                sent = conn.sock.send(data)
                conn.unsent, conn.moved_ns = data[sent:], now
                line.busy = True
        except BlockingIOError:
            return True
        except OSError as e:
            self.log("disconnect", line.name, f"connection lost: {e.strerror}")
            return False
        return True

    def _watch(self, conn: Connection) -> None:
        """Ask to be woken for reading only when the last bytes are taken, for writing only when some wait."""
        reading = not conn.unread and not conn.ended
        wanted = selectors.EVENT_READ * reading | selectors.EVENT_WRITE * bool(conn.unsent)
        if wanted == conn.events:
            return
        if not wanted:
            self.selector.unregister(conn.sock)
        elif not conn.events:
            self.selector.register(conn.sock, wanted, conn)
        else:
            self.selector.modify(conn.sock, wanted, conn)
        conn.events = wanted

    def _drop(self, line: Line, now: int) -> None:
        conn = line.conn
        if conn is None:
            return
        self._notes(line)
        line.conn = conn.line = None
        line.busy = False
        self._close(conn)
        line.session.disconnected(now)
        line.application.disconnected()
        while (event := line.session.peek(now)) is not None and self._event(line, event, now):
            """The ``down`` event."""


def has_hung_up(sock: socket.socket) -> bool:
    """Whether the peer has ended the connection, also when bytes before that are unread still."""
    probe = select.poll()
    probe.register(sock, select.POLLRDHUP)
    return bool(probe.poll(0))


def send(session: Session, answer: Answer, now: int) -> bool:
    """Send an application's answer; False when it must be offered again because the peer does not read."""
    msg_type, header, body = answer
    return session.send_app(msg_type, body, now, header=header) > 0


def listen(host: str, port: int) -> socket.socket:
    """Return a non-blocking listening socket; port 0 takes a free one.

    Raises
    ------
    GatewayError
        If the address cannot be listened on, for instance because the port is in use.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(128)
    except (OSError, OverflowError) as e:
        sock.close()
        why = e.strerror if isinstance(e, OSError) else str(e)
        raise GatewayError(f"cannot listen on {host}:{port}: {why}; stop what uses the port, or choose another (0 takes a free one)") from e
    sock.setblocking(False)
    return sock
