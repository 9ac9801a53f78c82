"""One FIX session over one non-blocking socket, for peers that need no engine: market data, on either side.

    socket ──▶ session (sequence numbers, heartbeats, dictionary) ──▶ ``turn`` returns whole application messages
    ``send`` ──▶ session ──▶ socket

The owner connects or accepts, waits for the socket (``wants_write`` says when also for room) and calls ``turn`` at least ten times a second.
An application message is accepted when ``turn`` hands it over: what is done with market data need not survive a crash.
What can fail: the peer (the session answers) and the store; at worst the connection is dropped, and ``sock`` is None.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix.session import Session

TICK_NS = 100_000_000
READ_BYTES = 65_536
READS_MAX = 16
"""Reads of one turn: a peer that never stops does not keep its owner from its other work."""


class Connection:
    """The session and, while there is one, its socket.

    Parameters
    ----------
    session : Session
        Its store is the owner's.
    log : callable
        Takes one line for the operator.
    """

    def __init__(self, session: Session, log: Callable[[str], None]) -> None:
        self.session, self.log = session, log
        self.sock: socket.socket | None = None
        self.missed: set[int] = set()
        """Places in what the last ``turn`` returned before which something of the peer's was not taken: numbers that jumped, messages that were rejected."""
        self._missed = 0
        self._unsent = b""
        self._tick_ns = 0

    @property
    def up(self) -> bool:
        """Whether the session is logged on."""
        return self.sock is not None and self.session.state == "up"

    @property
    def wants_write(self) -> bool:
        """Whether bytes wait for room in the socket."""
        return bool(self._unsent)

    def open(self, sock: socket.socket, now_ns: int) -> None:
        """Take a connected socket, or the plain end of a TLS relay; an initiator logs on."""
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:  # the plain end of a TLS relay, which sees to it itself
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self._unsent, self._tick_ns = sock, b"", 0
        self.session.connected(now_ns)
        self._write(now_ns)

    def turn(self, now_ns: int) -> list[bytes]:
        """Read, keep the session alive, write; returns the application messages that came, in order."""
        messages: list[bytes] = []
        self.missed.clear()
        for _ in range(READS_MAX):
            if not self._read(now_ns, messages):
                break
        if self.sock is not None and now_ns >= self._tick_ns:
            self._tick_ns = now_ns + TICK_NS
            self.session.tick(now_ns)
            self._take(b"", now_ns, messages)
        self._note_missed(len(messages))
        self._write(now_ns)
        for note in self.session.take_notes():
            self.log(note)
        return messages

    def send(self, kind: bytes, body: bytes, now_ns: int) -> bool:
        """Send one application message; False when not logged on, when the peer does not read, or when it cannot be stored, which ends the connection."""
        if not self.up:
            return False
        try:
            return bool(self.session.send_app(kind, body, now_ns))
        except SessionError as e:
            self.log(str(e))
            self.drop(now_ns)
            return False

    def flush(self, now_ns: int) -> None:
        """Hand to the socket what was sent since ``turn``."""
        self._write(now_ns)

    def logout(self, text: str, now_ns: int) -> None:
        """Say goodbye, without waiting for the answer, and close."""
        if self.up:
            self.session.logout(text.encode("ascii"), now_ns)
            self._write(now_ns)
        self.drop(now_ns)

    def drop(self, now_ns: int) -> None:
        """Close the socket, if there is one."""
        if self.sock is not None:
            self.sock.close()
            self.sock, self._unsent = None, b""
            self.session.disconnected(now_ns)
            self.session.take_events(now_ns)
            self.session.take_output()

    def _read(self, now_ns: int, messages: list[bytes]) -> bool:
        if self.sock is None:
            return False
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return False
        except OSError as e:
            self.log(f"connection lost: {e.strerror}")
            data = b""
        if not data:
            self.drop(now_ns)
            return False
        self._take(data, now_ns, messages)
        return True

    def _take(self, data: bytes, now_ns: int, messages: list[bytes]) -> None:
        """Feed bytes to the session and collect what it offers, until both are used up."""
        while self.sock is not None:
            event = self.session.peek(now_ns)
            if event is None:
                took = self.session.received(data, now_ns) if data else 0
                data = data[took:]
                if not took:
                    return
                continue
            match event:
                case ("disconnect",):
                    self._write(now_ns)
                    self.drop(now_ns)
                    return
                case ("app", bytes() as message, *_):
                    self._note_missed(len(messages))
                    messages.append(message)
            self.session.accepted()

    def _note_missed(self, place: int) -> None:
        counters = self.session.counters
        if (missed := counters["gaps"] + counters["rejects_sent"]) != self._missed:
            self._missed = missed
            self.missed.add(place)

    def _write(self, now_ns: int) -> None:
        if self.sock is None:
            return
        try:
            while data := self._unsent or self.session.take_output():
                self._unsent = data
                self._unsent = data[self.sock.send(data) :]
        except BlockingIOError:
            return
        except OSError as e:
            self.log(f"connection lost: {e.strerror}")
            self.drop(now_ns)
