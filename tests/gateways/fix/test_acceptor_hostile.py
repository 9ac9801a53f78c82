"""Peers that keep silent, vanish, flood, never read, never finish, or talk nonsense: nobody else waits, and memory stays bounded.

Driven in process with a clock that stands still unless a test moves it; the sockets are real. Where memory is measured the acceptor is a process of its own.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.gateways.fix.acceptor_process import AcceptorProcess, Counterparty, order

from ringfence.gateways.fix import acceptor as module
from ringfence.gateways.fix.acceptor import Acceptor, Line, listen
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.echo import Echo

SECOND = 1_000_000_000
GROWTH_KIB_MAX = 32 * 1024
"""Memory that a hostile peer may cost: its session's buffers and what its store maps."""


class Standing:
    """An acceptor of two sessions whose clock the test moves."""

    def __init__(self, folder: Path) -> None:
        self.now = time.time_ns()
        self.closing_since = 0
        self.events: list[tuple[str, str, str]] = []
        listener = listen("127.0.0.1", 0)
        self.port = int(listener.getsockname()[1])
        configs = [SessionConfig("ISLD", name, "acceptor", "FIX.4.2") for name in ("TW42", "OTHER")]
        sessions = [(c, Echo(lambda _kind: {})) for c in configs]
        self.acceptor = Acceptor(sessions, folder, listener, clock=self.clock, log=lambda *event: self.events.append(event))
        self.line, self.other = self.acceptor.lines.values()

    def clock(self) -> int:
        return self.now + (time.monotonic_ns() - self.closing_since if self.closing_since else 0)

    def close(self) -> None:
        """End it, from now on by the real clock: closing waits for answers a bounded time."""
        self.closing_since = time.monotonic_ns()
        self.acceptor.close()

    def turn(self, until: Callable[[], object], *each: Callable[[], object]) -> None:
        """Turn until the condition holds."""
        end = time.monotonic() + 15
        while not until():
            assert time.monotonic() < end, f"did not happen; events: {self.events[-5:]}"
            self.acceptor.turn(1_000_000)
            for do in each:
                do()

    def pass_time(self, seconds: float) -> None:
        """Move the clock in steps of a tick, turning at each."""
        for _ in range(round(seconds * 10)):
            self.now += SECOND // 10
            self.acceptor.turn(0)

    def logon(self, sender: str = "TW42", heartbeat_s: int = 30) -> Counterparty:
        peer = Counterparty(self.port, sender=sender)
        peer.send("A", (98, 0), (108, heartbeat_s))
        line = self.line if sender == "TW42" else self.other
        self.turn(lambda: line.session.state == "up")
        peer.expect("A")
        return peer

    def round_trip(self, peer: Counterparty, line: Line) -> None:
        """The other session still gets its answer."""
        peer.send("D", *order())
        before = line.session.next_in
        self.turn(lambda: line.session.next_in > before)
        while dict(peer.receive())[35] != b"D":
            """A heartbeat or test request."""


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Standing]:
    made = Standing(tmp_path)
    yield made
    made.close()


def test_acceptor_when_a_peer_is_silent_for_seconds_it_is_asked_then_disconnected(standing: Standing) -> None:
    peer = standing.logon(heartbeat_s=1)
    standing.pass_time(1.3)
    kinds = [dict(peer.receive())[35] for _ in range(2)]
    assert kinds == [b"0", b"1"], "a heartbeat after 1 s, a TestRequest after 1.2 s"
    assert standing.line.session.state == "up"
    standing.pass_time(1.3)
    assert standing.line.conn is None
    assert peer.ended() == b"", "nothing is sent while a TestRequest is outstanding"
    peer.close()


def test_acceptor_when_a_peer_vanishes_without_fin_the_session_is_free_again(standing: Standing) -> None:
    """A half-open connection: nothing is read any more, nothing is said, no FIN comes."""
    gone = standing.logon(heartbeat_s=1)
    standing.pass_time(2.6)
    assert standing.line.conn is None
    again = Counterparty(standing.port)
    again.send("A", (98, 0), (108, 30), seq=2)
    standing.turn(lambda: standing.line.session.state == "up")
    again.close()
    gone.close()


def test_acceptor_when_a_peer_sends_and_reads_nothing_it_is_held_back_then_disconnected(standing: Standing) -> None:
    peer, other = standing.logon(), standing.logon("OTHER")
    peer.sock.setblocking(False)
    message_body = (*order(), (58, "x" * 4000))
    sent, pending = 0, b""

    def push() -> None:
        nonlocal sent, pending
        with contextlib.suppress(BlockingIOError):
            for _ in range(50):
                pending = pending or peer.message("D", *message_body)
                n = peer.sock.send(pending)
                sent, pending = sent + n, pending[n:]

    last = [-1, 0]

    def stuck() -> bool:
        last[:] = [sent, last[1] + 1 if last[0] == sent else 0]
        return last[1] > 50

    standing.turn(stuck, push)
    conn = standing.line.conn
    assert conn is not None
    assert len(conn.unread) <= module.READ_BYTES
    assert len(conn.unsent) <= module.READ_BYTES
    assert sent < 64 << 20, "the peer was read from although it does not read"
    standing.round_trip(other, standing.other)
    standing.pass_time(29)
    standing.round_trip(other, standing.other)
    standing.pass_time(32)
    assert standing.line.conn is None
    assert any("has read nothing for" in text for _, _, text in standing.events)
    peer.close()
    other.close()


def test_acceptor_when_the_first_message_comes_byte_by_byte_it_is_closed_at_the_logon_limit(standing: Standing) -> None:
    other = standing.logon("OTHER")
    slow = Counterparty(standing.port)
    logon = slow.message("A", (98, 0), (108, 30))
    for byte in logon[:-1]:
        with contextlib.suppress(OSError):
            slow.sock.send(bytes([byte]))
        standing.pass_time(0.1)
    standing.pass_time(10)
    assert not standing.acceptor.waiting
    assert slow.ended() == b""
    standing.round_trip(other, standing.other)
    slow.close()
    other.close()


def test_acceptor_when_connections_stay_mute_the_oldest_goes_and_a_real_peer_gets_in(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 8)
    mute = [socket.create_connection(("127.0.0.1", standing.port)) for _ in range(40)]
    standing.turn(lambda: standing.acceptor.refusals >= 32)
    assert len(standing.acceptor.waiting) == 8
    standing.logon().close()
    refused = [e for e in standing.events if e[0] == "refused"]
    assert len(refused) < 20, "a flood of connections floods the log"
    for sock in mute:
        sock.close()


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 1000, b"8=FIX.4.2\x019=x\x01", b"8=FIX.4.2\x019=99999999\x01"])
def test_acceptor_when_the_first_bytes_are_no_message_it_closes_without_a_byte(standing: Standing, garbage: bytes) -> None:
    peer = Counterparty(standing.port)
    peer.sock.sendall(garbage)
    standing.turn(lambda: standing.acceptor.refusals)
    assert peer.ended() == b""
    peer.close()


def test_acceptor_when_garbage_never_ends_after_logon_the_peer_is_timed_out(standing: Standing) -> None:
    peer, other = standing.logon(heartbeat_s=1), standing.logon("OTHER")
    peer.sock.setblocking(False)
    for _ in range(26):
        with contextlib.suppress(OSError):
            peer.sock.send(b"8=FIX.4.2\x019=12\x01nonsense 8=" * 2000)
        standing.pass_time(0.1)
    standing.turn(lambda: standing.line.conn is None, lambda: standing.pass_time(0.1))
    standing.round_trip(other, standing.other)
    peer.close()
    other.close()


def test_acceptor_when_a_message_cannot_be_answered_only_its_session_ends(standing: Standing) -> None:
    """It has more fields than are indexed."""
    other = standing.logon("OTHER")
    peer = standing.logon()
    peer.send("D", *order(), *((5000 + k, "x") for k in range(2000)))
    standing.turn(lambda: standing.line.conn is None)
    assert any(event == "error" and "more than 1024 fields" in text for event, _, text in standing.events)
    standing.round_trip(other, standing.other)
    peer.close()
    other.close()


def test_acceptor_when_an_echo_is_longer_than_a_message_may_be_only_its_session_ends(standing: Standing) -> None:
    """Its time has millis and its number more digits than those of the longest order that is let in."""
    other = standing.logon("OTHER")
    peer = standing.logon()
    for _ in range(10):
        standing.line.session.send_app(b"B", b"58=x\x01", standing.now)
    peer.sock.sendall(peer.message("D", *order(), (58, "x" * (65_496 - len(peer.message("D", *order(), (58, ""), seq=2)) - 2)), seq=2))
    standing.turn(lambda: standing.line.conn is None)
    assert any(event == "error" and "cannot store a message" in text for event, _, text in standing.events)
    standing.round_trip(other, standing.other)
    peer.close()
    other.close()


def test_acceptor_when_a_connection_cannot_be_made_secure_the_loop_goes_on(standing: Standing) -> None:
    other = standing.logon("OTHER")

    def exhausted(_sock: socket.socket, _log: Callable[[str], None]) -> socket.socket:
        raise OSError(24, "Too many open files")

    standing.acceptor.secure = exhausted
    late = Counterparty(standing.port)
    standing.turn(lambda: any("Too many open files" in text for _, _, text in standing.events))
    assert late.ended() == b""
    standing.round_trip(other, standing.other)
    late.close()
    other.close()


def test_acceptor_when_a_flooding_peer_reconnects_its_old_connection_makes_room(standing: Standing) -> None:
    """The bytes before the end are not all read yet when the new connection comes."""
    peer = standing.logon()
    peer.sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            peer.sock.send(peer.message("D", *order()))
    peer.close()
    again = Counterparty(standing.port)
    again.send("A", (98, 0), (108, 30), seq=100_000)
    standing.turn(lambda: any("is back from" in text for _, _, text in standing.events) and standing.line.session.state == "up")
    again.close()


@pytest.fixture(scope="module")
def process() -> Iterator[AcceptorProcess]:
    made = AcceptorProcess(
        "--sender-comp-id", "ISLD", *(f for name in ("orders", "garbage", "gap", "OTHER") for f in ("--target-comp-id", name)), "--reset-on-logon"
    )
    yield made
    assert made.stop()[0] == 0


def pour(peer: Counterparty, make: Callable[[], bytes], stop: threading.Event) -> threading.Thread:
    """Send without reading until told to stop."""

    def run() -> None:
        peer.sock.settimeout(0.2)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                peer.sock.sendall(make())

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def nonsense() -> bytes:
    return bytes(range(256)) * 64


@pytest.mark.parametrize("kind", ["orders", "garbage", "gap"])
def test_acceptor_when_a_peer_floods_another_is_served_and_memory_stays(process: AcceptorProcess, kind: str) -> None:
    stop = threading.Event()
    # each flood has a session of its own: the end of a connection arrives behind what it poured
    with Counterparty(process.port, sender=kind) as flooding, Counterparty(process.port, sender="OTHER") as other:
        other.logon()
        flooding.logon()
        before = process.resident_kib()
        if kind == "gap":
            flooding.seq = 1_000_000
        body = order()
        make = nonsense if kind == "garbage" else lambda: b"".join(flooding.message("D", *body) for _ in range(100))
        thread = pour(flooding, make, stop)
        try:
            for number in range(30):
                other.send("D", *order(cl_ord_id=f"id{number}"))
                assert other.expect("D")[11] == b"id%d" % number
        finally:
            stop.set()
            thread.join()
        grown = process.resident_kib() - before
        assert grown < GROWTH_KIB_MAX, f"{grown} KiB more after a flood of {kind}"
