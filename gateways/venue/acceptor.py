"""The venue's network side: one listening socket, one FIX session, one thread that sleeps in ``select``.

    socket ──▶ session ──peek──▶ wire.decode ──▶ exchange.receive ──▶ reports now
                                                       └── work ──(latency)──▶ reports later
    quotes ────────────────────▶ exchange.quote ──▶ reports
    reports ──▶ outbox ──▶ wire.body ──▶ session.send_app ──▶ socket

An incoming message is accepted by the session only after the exchange has it; while the counterparty does not read (the session's
output is full) reports wait in the outbox and no further message is taken, so memory stays bounded by what one quote can fill. Orders
outlive the connection: reports made while nobody is logged on are stored by the session and go out on its ResendRequest. A second
connection while one is up is closed at once.
Latency is drawn per message from the seed and never reorders: a message is due no earlier than the one before it. Rejected: threads and asyncio; a
venue whose order of events depends on a scheduler cannot repeat a run.
"""

from __future__ import annotations

import random
import re
import selectors
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ringfence.gateways.errors import GatewayError
from ringfence.gateways.fix.codec import parse
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore
from ringfence.gateways.venue.exchange import Exchange, Work
from ringfence.gateways.venue.market_desk import MarketDesk
from ringfence.gateways.venue.messages import Report
from ringfence.gateways.venue.quotes import QuoteSource
from ringfence.gateways.venue.record import VenueRecord
from ringfence.gateways.venue.spec import VenueSpec
from ringfence.gateways.venue.wire import Unserved, body, business_reject, decode

TICK_NS = 100_000_000
LOGOUT_NS = 3_000_000_000
READ_BYTES = 65_536
_KEY_TAGS = re.compile(rb"(?<=\x01)(11|17)=([^\x01]*)(?=\x01)")
OUTBOX_MAX = 10_000
"""Reports that may wait before incoming messages have to: one sweep of a thick book."""


class Acceptor:
    """One venue: sockets, session, exchange and quotes, driven by ``turn``.

    Parameters
    ----------
    store : Path
        The session's message store.
    listener : socket
        From ``listen``; closed by ``close``.
    clock : callable
        Nanoseconds of CLOCK_REALTIME; a parameter so that tests can stand still.
    log : callable
        Takes one line for the operator.
    desk : MarketDesk, optional
        Serves market data beside the orders; closed with the acceptor.
    """

    def __init__(
        self,
        spec: VenueSpec,
        exchange: Exchange,
        quotes: QuoteSource,
        store: Path,
        listener: socket.socket,
        *,
        clock: Callable[[], int],
        log: Callable[[str], None],
        desk: MarketDesk | None = None,
    ) -> None:
        self.spec, self.exchange, self.quotes, self.clock, self.log = spec, exchange, quotes, clock, log
        config = SessionConfig(spec.sender_comp_id, spec.target_comp_id, "acceptor", spec.begin_string, spec.heartbeat_s)
        self._listener = listener
        self._store = MessageStore(store, config.identity)
        self.session = Session(config, self._store)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._desk = desk
        self._desk_sock: socket.socket | None = None
        if desk is not None:
            self._selector.register(desk.listener, selectors.EVENT_READ)
        self._conn: socket.socket | None = None
        self._unread = b""
        self._unsent = b""
        self._work: deque[tuple[int, Work]] = deque()
        self._outbox: deque[Report | tuple[bytes, bytes]] = deque()
        self._latency = random.Random(f"{spec.seed}/latency")  # noqa: S311, a simulation must repeat
        self._tick_ns = 0

    def catch_up(self, record: VenueRecord) -> tuple[int, int]:
        """Go on where an earlier process died: queue what it reported on record only, take up what it did not answer; returns how many of each."""
        reported = set()
        for seq in range(1, self._store.next_out):
            if (found := self._store.find(seq)) is not None:
                tags = {m[1]: m[2].decode() for m in _KEY_TAGS.finditer(found[0])}
                reported.add((tags.get(b"17", ""), tags.get(b"11", "")))
        missed = self.exchange.unreported(record, reported)
        self._emit(missed)
        now = self.clock()
        reports, works = self.exchange.resume(record, now)
        self._emit(reports)
        self._work.extend((now, work) for work in works)
        return len(missed), len(works)

    # ---- the loop

    def turn(self, longest_ns: int = TICK_NS) -> None:
        """Wait until something is due, at most ``longest_ns``, and do all of it."""
        now = self.clock()
        due = self._work[0][0] - now if self._work else longest_ns
        wait = max(0, min(longest_ns, due, self.quotes.wait_ns(now)))
        for key, events in self._selector.select(wait / 1e9):
            if key.fileobj is self._listener:
                self._accept()
            elif self._desk is not None and key.fileobj is self._desk.listener:
                self._desk.accept(self.clock())
            elif key.fileobj is self._conn and events & selectors.EVENT_READ:
                self._read()
        now = self.clock()
        self._quote(now)
        self._run_work(now)
        self._take(now)
        if now >= self._tick_ns:
            self._tick_ns = now + TICK_NS
            self.session.tick(now)
            self._take(now)
        self._write(now)
        if self._desk is not None:
            self._serve_market_data(self._desk, now)

    def _serve_market_data(self, desk: MarketDesk, now: int) -> None:
        """After everything else of a turn: what changed in the books is told once. The desk's socket comes and goes in here, but for an accept."""
        desk.turn(now)
        sock = desk.connection.sock
        if sock is not self._desk_sock:
            if self._desk_sock is not None:
                self._selector.unregister(self._desk_sock)
            if sock is not None:
                self._selector.register(sock, selectors.EVENT_READ)
            self._desk_sock = sock
        if sock is not None:
            self._selector.modify(sock, selectors.EVENT_READ | selectors.EVENT_WRITE * desk.connection.wants_write)

    def close(self) -> None:
        """Do the accepted work that is still due, log out, and wait a bounded time for the answer."""
        while self._work:
            self._emit(self._work.popleft()[1](self.clock()))
        self._write(self.clock())
        end = self.clock() + LOGOUT_NS
        if self._conn is not None:
            self.session.logout(b"the venue closes", self.clock())
        while self._conn is not None and self.clock() < end:
            self.turn()
        self._drop(self.clock())
        if self._desk is not None:
            self._desk.close(self.clock())
        self._selector.close()
        self._listener.close()
        self._store.close()
        self.quotes.close()
        self.exchange.finish(self.clock())

    # ---- sockets

    def _accept(self) -> None:
        conn, peer = self._listener.accept()
        if self._conn is not None:
            self.log(f"connection from {peer[0]}:{peer[1]} refused: the session has one already")
            conn.close()
            return
        conn.setblocking(False)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._conn, self._unread, self._unsent = conn, b"", b""
        self._selector.register(conn, selectors.EVENT_READ)
        self.session.connected(self.clock())
        self.log(f"connection from {peer[0]}:{peer[1]}")

    def _read(self) -> None:
        if self._conn is None or self._unread:
            return
        try:
            data = self._conn.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as e:
            self.log(f"connection lost: {e.strerror}")
            data = b""
        if data:
            self._unread = data
        else:
            self._drop(self.clock())

    def _write(self, now: int) -> None:
        """Hand reports to the session and bytes to the socket, as far as both take them."""
        while self._outbox:
            item = self._outbox[0]
            kind, text = item if isinstance(item, tuple) else body(item, now, self.spec.begin_string)
            if not self.session.send_app(kind, text, now):
                break
            self._outbox.popleft()
        if self._conn is None:
            self.session.take_output()  # nobody to write to; what matters is in the store
            return
        try:
            while data := self._unsent or self.session.take_output():
                self._unsent = data[self._conn.send(data) :]
        except BlockingIOError:
            self._unsent = data
        except OSError as e:
            self.log(f"connection lost: {e.strerror}")
            self._drop(now)
            return
        wanted = selectors.EVENT_READ * (not self._unread) | selectors.EVENT_WRITE * bool(self._unsent)
        self._selector.modify(self._conn, wanted or selectors.EVENT_WRITE)

    def _drop(self, now: int) -> None:
        if self._conn is not None:
            self._selector.unregister(self._conn)
            self._conn.close()
            self._conn = None
            self.session.disconnected(now)
            self._unread = self._unsent = b""
            self._take(now)

    # ---- messages

    def _take(self, now: int) -> None:
        """Feed unread bytes to the session and deal with what it offers, unless too many reports wait."""
        while len(self._outbox) < OUTBOX_MAX:
            event = self.session.peek(now)
            if event is None:
                took = self.session.received(self._unread, now) if self._unread else 0
                self._unread = self._unread[took:]
                if not took:
                    break
                continue
            match event:
                case ("disconnect",):
                    self._write(now)
                    self._drop(now)
                    break
                case ("app", bytes() as message, int() as seq, poss_dup):
                    self._message(message, seq, bool(poss_dup), now)
            self.session.accepted()
        for note in self.session.take_notes():
            self.log(note)

    def _message(self, message: bytes, seq: int, poss_dup: bool, now: int) -> None:
        fields = parse(message)
        if (35, b"3") in fields:
            self.log(f"counterparty rejected a message: {message!r}")
            return
        try:
            request = decode(fields)
        except Unserved as e:
            self._outbox.append((b"j", business_reject(seq, e)))
            return
        if poss_dup and self.exchange.knows(request):
            return  # it was taken, and then the session's number was not stored
        reports, work = self.exchange.receive(request, now)
        self._emit(reports)
        due = now + self._latency.randint(*self.spec.latency_ns)
        self._work.append((max(due, self._work[-1][0]) if self._work else due, work))
        self._run_work(now)

    def _run_work(self, now: int) -> None:
        while self._work and self._work[0][0] <= now:
            self._emit(self._work.popleft()[1](now))

    def _quote(self, now: int) -> None:
        for symbol, bid, ask in self.quotes.take(now):
            self._run_work(now)
            self._emit(self.exchange.quote(symbol, bid, ask, now))

    def _emit(self, reports: list[Report]) -> None:
        self._outbox.extend(reports)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises
    ------
    GatewayError
        If the address cannot be listened on, for instance because the port is in use.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen()
    except OSError as e:
        sock.close()
        raise GatewayError(f"cannot listen on {host}:{port}: {e.strerror}; stop what uses the port, or choose another") from e
    sock.setblocking(False)
    return sock
