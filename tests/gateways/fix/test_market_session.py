"""The feed's market data session: against the simulated venue over loopback, and against a peer that says anything."""

from __future__ import annotations

import dataclasses
import re
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.gateways.errors import GatewayError
from ringfence.gateways.feed_spec import SessionSpec, SubscriptionSpec
from ringfence.gateways.fix import market_data as md
from ringfence.gateways.fix import tls
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.connection import Connection
from ringfence.gateways.fix.market_session import COUNTERS, RESYNC_NS, MarketSession
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore
from ringfence.gateways.venue.acceptor import listen
from ringfence.gateways.venue.exchange import Exchange
from ringfence.gateways.venue.market_desk import MarketDesk
from ringfence.gateways.venue.messages import NewOrder
from ringfence.gateways.venue.record import RecordWriter
from ringfence.gateways.venue.spec import MarketDataSpec, venue_spec
from ringfence.ipc.broadcast import Listener, Publisher, market_sections
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment

ROLE = ENUMS["Role"].by_name["FEED"]
KIND = ENUMS["TickKind"].by_value
SNAPSHOT, GAP, MORE, STALE, CROSSED = (CONSTANTS[f"TICK_{n}"][0] for n in ("SNAPSHOT", "GAP", "MORE", "STALE", "CROSSED"))
EUR, JPY = "EUR/USD", "USD/JPY"
WAIT_S = 20
VERSIONS = ("FIX.4.2", "FIX.4.4")


class World:
    """The session on a region of its own, and whatever serves it, both driven by ``until``; time is real but can be moved ahead."""

    def __init__(self, folder: Path, port: int, version: str, serve: Callable[[int], None], depth: int = 3, **more: Any) -> None:
        self.segment = Segment.create_memfd("market", market_sections(1024, 4), role=ROLE, epoch=1)
        self.listener = Listener(self.segment)
        self.counts = dict.fromkeys(COUNTERS, 0)
        self.log: list[str] = []
        instruments = (SubscriptionSpec(EUR, 1, 5), SubscriptionSpec(JPY, 2, 3))
        spec = SessionSpec(
            "md", "127.0.0.1", port, "RF", "MD", instruments, version, depth=depth, reconnect_min_ns=10_000_000, store=folder / "feed.store", **more
        )
        self.session = MarketSession(spec, Publisher(self.segment), self.count, self.log.append)
        self.serve, self.ahead = serve, 0

    def count(self, name: str, n: int) -> None:
        self.counts[name] += n

    def now(self) -> int:
        return time.time_ns() + self.ahead

    def until(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + WAIT_S
        while not (found := condition()):
            assert time.monotonic() < end, self.log
            self.session.turn(self.now())
            self.serve(self.now())
        return found

    def take(self) -> list[tuple[Any, ...]]:
        """What the ring has new: instrument, kind, what matters of the kind, flags."""
        out: list[tuple[Any, ...]] = []
        for slot in iter(self.listener.take, None):
            kind = KIND[int(slot["kind"])]
            names = {"QUOTE": ("bid", "bid_qty", "ask", "ask_qty"), "TRADE": ("px", "qty"), "BOOK": ("side", "action", "px", "qty"), "RESET": ()}[kind]
            out.append((int(slot["instrument"]), kind, tuple(int(slot[n]) for n in names), int(slot["flags"])))
        return out

    def row(self, instrument: int = 1) -> Any:
        return self.segment.section("quotes")[instrument]


# ---- the simulated venue


@pytest.fixture(params=VERSIONS)
def venue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, Exchange]]:
    version = request.param
    symbols = [{"symbol": EUR, "price_digits": 5, "level_qty": 1_000}, {"symbol": "GBP/USD", "price_digits": 5}]
    spec = venue_spec({"port": 0, "sender_comp_id": "S", "target_comp_id": "T", "symbols": symbols, "quotes": {"instance": "none"}}, tmp_path)
    exchange = Exchange(spec, RecordWriter(None))
    desk = MarketDesk(MarketDataSpec(0, "MD", "RF", version), exchange, listen("127.0.0.1", 0), tmp_path / "desk.store", lambda _line: None)

    def serve(now: int) -> None:
        desk.accept(now)
        desk.turn(now)

    world = World(tmp_path, desk.listener.getsockname()[1], version, serve)
    yield world, exchange
    world.session.close(world.now())
    desk.close(world.now())


def test_session_when_the_venue_quotes_publishes_its_book_and_trades(venue: tuple[World, Exchange]) -> None:
    world, exchange = venue
    exchange.quote(EUR, 112_120, 112_130, 1)
    world.until(lambda: world.row()["count"])
    assert world.take() == [
        (1, "BOOK", (1, 1, 112_120, 1_000), SNAPSHOT | MORE),
        (1, "BOOK", (2, 1, 112_130, 1_000), SNAPSHOT | MORE),
        (1, "QUOTE", (112_120, 1_000, 112_130, 1_000), SNAPSHOT),
    ]
    assert any(f"{JPY} is refused: reason 0 no symbol" in line for line in world.log) and world.counts["md_rejected"] == 1
    _, work = exchange.receive(NewOrder("c1", EUR, "1", "2", "400", "1.12130"), 2)
    work(2)
    _, work = exchange.receive(NewOrder("c2", EUR, "1", "2", "300", "1.12125"), 3)
    work(3)
    world.until(lambda: int(world.row()["bid"]) == 112_125)
    assert sorted(world.take(), key=lambda t: t[1]) == [
        (1, "BOOK", (1, 1, 112_125, 300), MORE),
        (1, "BOOK", (2, 2, 112_130, 600), MORE),
        (1, "QUOTE", (112_125, 300, 112_130, 600), 0),
        (1, "TRADE", (112_130, 400), 0),
    ]
    assert (int(world.row()["last"]), int(world.row()["last_qty"])) == (112_130, 400)


def test_session_when_the_connection_is_lost_says_reset_and_comes_back_with_a_snapshot(venue: tuple[World, Exchange]) -> None:
    world, exchange = venue
    exchange.quote(EUR, 112_120, 112_130, 1)
    world.until(lambda: world.row()["count"])
    world.take()
    assert world.session.connection.sock is not None
    world.session.connection.sock.shutdown(socket.SHUT_RDWR)
    world.until(lambda: int(world.row()["flags"]) & STALE)
    assert world.take() == [(1, "RESET", (), 0)] and int(world.row()["bid"]) == 0
    world.ahead += 60_000_000_000  # past any wait
    world.until(lambda: int(world.row()["bid"]))
    assert world.take()[-1] == (1, "QUOTE", (112_120, 1_000, 112_130, 1_000), SNAPSHOT)
    assert (world.counts["md_connects"], int(world.row()["gaps"])) == (2, 0)


@pytest.mark.parametrize("seed", [1])
def test_session_when_the_venue_trades_at_random_has_the_book_that_the_venue_has(venue: tuple[World, Exchange], seed: int) -> None:
    import random

    world, exchange = venue
    draws = random.Random(seed)
    exchange.quote(EUR, 112_120, 112_130, 1)
    world.until(lambda: world.row()["count"])
    for n in range(60):
        if draws.random() < 0.4:
            bid = draws.randrange(112_100, 112_140)
            exchange.quote(EUR, bid, bid + draws.randrange(1, 12), n)
        else:
            px = f"1.{draws.randrange(12_100, 12_150)}"
            exchange.receive(NewOrder(f"c{n}", EUR, draws.choice("12"), "2", str(draws.randrange(1, 900)), px), n)[1](n)
        if n % 7 == 0:
            book = exchange.book(EUR)
            tops = [book.levels(side, 1)[:1] or [(0, 0)] for side in (1, 2)]
            world.until(
                lambda tops=tops: [(int(world.row()[p]), int(world.row()[q])) for p, q in (("bid", "bid_qty"), ("ask", "ask_qty"))] == [t[0] for t in tops]
            )
            kept = world.session._subscribed[0].book
            assert [kept.levels(side) for side in (1, 2)] == [book.levels(side, 3) for side in (1, 2)]
    seen: dict[tuple[int, int], int] = {}
    for instrument, kind, values, _flags in world.take():
        if kind == "BOOK" and instrument == 1:
            side, action, px, qty = values
            assert ((side, px) in seen) == (action != 1)
            seen.pop((side, px), None)
            if action != 3:
                seen[side, px] = qty
    assert sorted(seen.items()) == sorted(((side, px), qty) for side in (1, 2) for px, qty in world.session._subscribed[0].book.levels(side))


# ---- a peer that says anything


class Peer:
    """An acceptor that logs on and sends what it is told."""

    def __init__(self, folder: Path, version: str = "FIX.4.4", secure: tls.TlsConfig | None = None, **more: Any) -> None:
        self.listener, self.secure = listen("127.0.0.1", 0), secure
        config = SessionConfig("MD", "RF", "acceptor", version, reset_on_logon=True, **more)
        self.store = MessageStore(folder / "peer.store", config.identity)
        self.log: list[str] = []
        self.connection = Connection(Session(config, self.store), self.log.append)
        self.requests: dict[str, bytes] = {}  # of the subscription that stands, by symbol
        self.asked = 0

    def serve(self, now: int) -> None:
        if self.connection.sock is None:
            try:
                sock = self.listener.accept()[0]
            except BlockingIOError:
                return
            self.connection.open(tls.server(sock, self.secure) if self.secure else sock, now)
        for message in self.connection.turn(now):
            if (request := md.decode_request(message)) is not None and request.subscription == md.SUBSCRIBE:
                self.asked += 1
                self.requests[request.symbols[0].decode()] = request.request_id
        self.connection.flush(now)

    def send(self, kind: bytes, text: str) -> None:
        assert self.connection.send(kind, text.replace("|", "\x01").encode("latin-1"), time.time_ns())

    def snapshot(self, *entries: str, symbol: str = EUR) -> None:
        self.send(b"W", f"262={self.requests[symbol].decode()}|55={symbol}|268={len(entries)}|" + "".join(entries))

    def close(self) -> None:
        self.connection.drop(time.time_ns())
        self.listener.close()
        self.store.close()

    def refresh(self, *entries: str, symbol: str = EUR) -> None:
        self.send(b"X", f"262={self.requests[symbol].decode()}|268={len(entries)}|" + "".join(entries))


BID, ASK = "269=0|270=1.1|271=5|", "269=1|270=1.2|271=6|"


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[tuple[World, Peer]]:
    peer = Peer(tmp_path)
    world = World(tmp_path, peer.listener.getsockname()[1], "FIX.4.4", peer.serve)
    world.until(lambda: len(peer.requests) == 2)
    yield world, peer
    world.session.close(world.now())
    peer.close()


def test_session_when_a_change_is_of_an_unknown_entry_says_gap_and_asks_again(hostile: tuple[World, Peer]) -> None:
    world, peer = hostile
    peer.snapshot(BID, ASK)
    world.until(lambda: world.row()["count"] == 1)
    world.take()
    before = peer.requests[EUR]
    peer.refresh("279=2|269=0|278=x|55=EUR/USD|")
    world.until(lambda: world.counts["md_resyncs"])
    assert world.take() == [(1, "RESET", (), GAP)] and int(world.row()["gaps"]) == 1
    peer.refresh("279=0|269=0|55=EUR/USD|270=1.15|271=1|")  # before the snapshot, or of the old request: not read
    world.ahead += RESYNC_NS
    world.until(lambda: peer.requests[EUR] != before)
    assert world.take() == []
    peer.snapshot(BID)
    world.until(lambda: world.row()["count"] == 2)
    assert world.take()[-1] == (1, "QUOTE", (110_000, 5, 0, 0), SNAPSHOT)


def test_session_when_entries_cannot_be_counts_and_drops_them(hostile: tuple[World, Peer]) -> None:
    world, peer = hostile
    peer.snapshot(
        BID, ASK, "269=0|270=-1|271=5|", "269=1|270=0|271=5|", "269=0|270=1.123456|271=5|", "269=0|270=1.05|271=-5|", "269=2|270=0|271=1|", "269=4|270=1|"
    )
    world.until(lambda: world.row()["count"] == 1)
    assert (world.counts["md_dropped"], world.counts["md_resyncs"]) == (5, 0)
    assert world.take()[-1] == (1, "QUOTE", (110_000, 5, 120_000, 6), SNAPSHOT)
    peer.refresh("279=0|269=0|55=GBP/USD|270=1.15|271=1|", "279=0|269=0|55=EUR/USD|270=1.11|271=1|")
    world.until(lambda: int(world.row()["bid"]) == 111_000)
    assert world.counts["md_dropped"] == 6
    peer.send(b"X", "262=nobody|268=1|279=0|269=0|55=EUR/USD|270=1.19|271=1|")
    peer.send(b"W", f"262={peer.requests[EUR].decode()}|55=GBP/USD|268=1|{BID}")
    world.until(lambda: world.counts["md_dropped"] == 8)
    assert int(world.row()["bid"]) == 111_000


def test_session_when_the_book_crosses_flags_it_and_counts(hostile: tuple[World, Peer]) -> None:
    world, peer = hostile
    peer.snapshot("269=0|270=1.3|271=5|", ASK)
    world.until(lambda: world.row()["count"] == 1)
    assert (world.counts["md_crossed"], int(world.row()["flags"])) == (1, CROSSED | SNAPSHOT)
    peer.refresh("279=2|269=0|55=EUR/USD|270=1.3|")
    world.until(lambda: world.row()["count"] == 2)
    assert (int(world.row()["bid"]), int(world.row()["flags"])) == (0, 0)


def test_session_when_numbers_jump_voids_every_book_and_asks_again(hostile: tuple[World, Peer]) -> None:
    world, peer = hostile
    peer.snapshot(BID, ASK)
    world.until(lambda: world.row()["count"] == 1)
    world.take()
    asked = peer.asked
    lose_one(peer)
    peer.refresh("279=0|269=0|55=EUR/USD|270=1.16|271=1|")
    world.until(lambda: world.counts["md_resyncs"])
    assert [t for t in world.take() if t[1] == "RESET"] == [(1, "RESET", (), GAP), (2, "RESET", (), GAP)]
    world.ahead += RESYNC_NS
    world.until(lambda: peer.asked == asked + 2)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (b"W", "262=r|268=1|269=0|"),
        (b"X", "262=r|268=3|279=0|269=0|"),
        (b"X", "262=r|268=1|279=9|269=0|55=EUR/USD|"),
        (b"W", "262=r|55=EUR/USD|268=1|270=1.1|269=0|"),
        (b"Y", "58=no id|"),
        (b"W", "262=r|55=EUR/USD|268=99999|269=0|270=x|"),
        (b"W", "262=r|55=EUR/USD|268=400|" + "269=0|270=1|271=1|" * 400),
    ],
)
def test_session_when_a_message_is_malformed_rejects_it_and_goes_on(hostile: tuple[World, Peer], kind: bytes, text: str) -> None:
    world, peer = hostile
    peer.send(kind, text)
    world.until(lambda: world.counts["md_resyncs"] == 2)  # it may have been a change of any book
    asked = peer.asked
    world.ahead += RESYNC_NS
    world.until(lambda: peer.asked == asked + 2)
    peer.snapshot(BID, ASK)
    world.until(lambda: world.row()["count"] == 1)
    assert world.session.connection.up and int(world.row()["bid"]) == 110_000


def lose_one(peer: Peer) -> None:
    """The next message takes its number and does not arrive."""
    assert peer.connection.sock is not None
    sock, peer.connection.sock = peer.connection.sock, None
    peer.connection.session.send_app(b"X", b"262=r\x01268=1\x01279=0\x01269=0\x0155=EUR/USD\x01270=1.15\x01", time.time_ns())
    peer.connection.session.take_output()
    peer.connection.sock = sock


def test_session_when_a_message_between_two_changes_is_rejected_does_not_use_the_second(hostile: tuple[World, Peer]) -> None:
    """All three are read in one turn: what comes behind the hole must not be published before the hole is told."""
    world, peer = hostile
    peer.snapshot(BID, ASK)
    world.until(lambda: world.row()["count"] == 1)
    world.take()
    peer.refresh("279=0|269=0|55=EUR/USD|270=1.11|271=1|")
    peer.send(b"X", "262=r|268=3|279=0|269=0|")
    peer.refresh("279=0|269=0|55=EUR/USD|270=1.15|271=1|")
    peer.connection.flush(time.time_ns())
    arrived(world, 3)
    world.until(lambda: world.counts["md_resyncs"])
    assert [t[1:3] for t in world.take() if t[0] == 1] == [("BOOK", (1, 1, 111_000, 1)), ("QUOTE", (111_000, 1, 120_000, 6)), ("RESET", ())]


def arrived(world: World, n: int) -> None:
    """Wait until so many messages lie in the socket, so that one turn reads them all."""
    sock, end = world.session.connection.sock, time.monotonic() + WAIT_S
    assert sock is not None
    while time.monotonic() < end:
        select.select([sock], [], [], WAIT_S)
        if sock.recv(1 << 16, socket.MSG_PEEK).count(b"\x0110=") >= n:
            return
    raise AssertionError(f"{n} messages did not arrive")


def test_session_when_a_snapshot_of_the_old_request_comes_behind_a_gap_drops_it(hostile: tuple[World, Peer]) -> None:
    world, peer = hostile
    peer.snapshot(BID, ASK)
    world.until(lambda: world.row()["count"] == 1)
    lose_one(peer)
    peer.snapshot("269=0|270=1.15|271=5|", ASK)  # goes on in the old subscription
    world.until(lambda: world.counts["md_resyncs"])
    world.until(lambda: world.counts["md_dropped"])
    assert (int(world.row()["bid"]), int(world.row()["flags"])) == (0, STALE)


def test_session_when_numbers_are_reset_upwards_unasked_voids_every_book(hostile: tuple[World, Peer]) -> None:
    world, peer = hostile
    peer.snapshot(BID, ASK)
    world.until(lambda: world.row()["count"] == 1)
    peer.send(b"4", f"36={peer.connection.session.next_out + 5}|")
    world.until(lambda: world.counts["md_resyncs"] == 2)
    assert (int(world.row()["bid"]), int(world.row()["gaps"])) == (0, 1)


@pytest.mark.parametrize("again", ["snapshot", "refresh"])
def test_session_when_the_venue_says_the_same_again_the_quote_is_fresh(hostile: tuple[World, Peer], again: str) -> None:
    world, peer = hostile
    peer.snapshot(BID, ASK)
    world.until(lambda: world.row()["count"] == 1)
    world.session.publisher.quote(1, 110_000, 120_000, bid_qty=5, ask_qty=6, flags=STALE)  # what the feed does when nothing came for long
    if again == "snapshot":
        peer.snapshot(BID, ASK)
    else:
        peer.refresh("279=1|269=0|55=EUR/USD|270=1.1|271=5|")
    world.until(lambda: world.row()["count"] == 2)
    assert not int(world.row()["flags"]) & STALE and [int(world.row()[n]) for n in ("bid", "ask", "ask_qty")] == [110_000, 120_000, 6]


def test_session_when_only_a_trade_comes_says_nothing_of_the_quote(hostile: tuple[World, Peer]) -> None:
    world, peer = hostile
    peer.snapshot(BID, ASK)
    world.until(lambda: world.row()["count"] == 1)
    peer.refresh("279=0|269=2|55=EUR/USD|270=1.15|271=1|")
    world.until(lambda: int(world.row()["last"]) == 115_000)
    assert int(world.row()["count"]) == 1


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [(b"Y", "262={}|281=1|58=gone|", "reason 1 gone"), (b"j", "372=V|379={}|380=3|58=not here|", "reason 3 not here")],
)
def test_session_when_the_venue_ends_a_subscription_its_book_is_void(hostile: tuple[World, Peer], kind: bytes, text: str, said: str) -> None:
    world, peer = hostile
    peer.snapshot(BID, ASK)
    world.until(lambda: world.row()["count"] == 1)
    world.take()
    peer.send(kind, text.format(peer.requests[EUR].decode()))
    world.until(lambda: world.counts["md_rejected"])
    assert world.take() == [(1, "RESET", (), 0)] and any(f"{EUR} is refused: {said}" in line for line in world.log)


def test_session_when_it_is_closed_voids_its_books(hostile: tuple[World, Peer]) -> None:
    world, peer = hostile
    peer.snapshot(BID, ASK)
    world.until(lambda: world.row()["count"] == 1)
    world.take()
    world.session.close(world.now())
    assert world.take() == [(1, "RESET", (), 0)]


def test_session_when_its_connection_breaks_while_it_writes_voids_before_it_connects_again(hostile: tuple[World, Peer]) -> None:
    world, peer = hostile
    peer.snapshot(BID, ASK)
    world.until(lambda: world.row()["count"] == 1)
    world.take()
    world.session.connection.drop(world.now())  # as ``flush`` does at the end of a turn
    world.session._retry_ns = 0
    world.session.turn(world.now())
    assert world.take() == [(1, "RESET", (), 0)] and not world.session._was_up


def test_session_when_only_the_top_is_kept_and_a_new_one_cannot_be_read_does_not_keep_the_old(tmp_path: Path) -> None:
    peer = Peer(tmp_path)
    world = World(tmp_path, peer.listener.getsockname()[1], "FIX.4.4", peer.serve, depth=1)
    try:
        world.until(lambda: len(peer.requests) == 2)
        peer.snapshot(BID, ASK, "269=0|270=1.09|271=5|", "269=0|270=1.123456|271=5|")
        world.until(lambda: world.row()["count"] == 1)
        assert (int(world.row()["bid"]), world.counts["md_dropped"], world.counts["md_resyncs"]) == (110_000, 1, 0)
        peer.refresh("279=0|269=0|55=EUR/USD|270=1.123456|271=1|")
        world.until(lambda: world.counts["md_dropped"] == 2)
        assert (int(world.row()["bid"]), int(world.row()["flags"]), world.counts["md_resyncs"]) == (0, STALE, 1)
    finally:
        world.session.close(world.now())
        peer.close()


def secret(folder: Path, text: str = "hush") -> Path:
    path = folder / "password"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def test_session_when_the_venue_wants_tls_and_a_password_has_both(tmp_path: Path, certificates: Path) -> None:
    theirs = tls.TlsConfig(certificate=str(certificates / "server.pem"), key=str(certificates / "server.key"), ca_file=str(certificates / "ca.pem"))
    ours = tls.TlsConfig(ca_file=str(certificates / "ca.pem"), certificate=str(certificates / "client.pem"), key=str(certificates / "client.key"))
    peer = Peer(tmp_path, secure=theirs, username="quant", password="hush")
    more = {"username": "quant", "password_file": str(secret(tmp_path)), "tls": ours}
    world = World(tmp_path, peer.listener.getsockname()[1], "FIX.4.4", peer.serve, **more)
    try:
        world.until(lambda: len(peer.requests) == 2)
        peer.snapshot(BID, ASK)
        world.until(lambda: world.row()["count"] == 1)
        assert int(world.row()["bid"]) == 110_000
        peer.connection.drop(time.time_ns())
        world.until(lambda: int(world.row()["flags"]) & STALE)
        world.ahead += 60_000_000_000
        peer.requests.clear()
        world.until(lambda: len(peer.requests) == 2)
        assert not any("hush" in line for line in (*world.log, *peer.log))
    finally:
        world.session.close(world.now())
        peer.close()


@pytest.mark.parametrize(
    ("more", "said"),
    [({"password_env": "RF_TEST_MD"}, "logged off|Logout received|refused"), ({"tls": "other-ca.pem"}, "TLS: the certificate of 127.0.0.1 was refused")],
)
def test_session_when_password_or_authority_is_wrong_says_so_and_never_comes_up(
    tmp_path: Path, certificates: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], said: str
) -> None:
    monkeypatch.setenv("RF_TEST_MD", "wrong")
    secure = tls.TlsConfig(certificate=str(certificates / "server.pem"), key=str(certificates / "server.key")) if "tls" in more else None
    if secure:
        more = {"tls": tls.TlsConfig(ca_file=str(certificates / more["tls"]))}
    peer = Peer(tmp_path, secure=secure, **({} if secure else {"username": "quant", "password": "hush"}))
    world = World(tmp_path, peer.listener.getsockname()[1], "FIX.4.4", peer.serve, **({} if secure else {"username": "quant"}), **more)
    try:
        world.until(lambda: any(re.search(said, line) for line in world.log))
        assert world.counts["md_connects"] == 0 and not peer.requests
    finally:
        world.session.close(world.now())
        peer.close()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"password_file": "none"}, "password_file none: cannot be read"),
        ({"username": "quant", "password_env": "RF_TEST_NONE"}, "the environment has no RF_TEST_NONE"),
        ({"tls": tls.TlsConfig(ca_file=__file__)}, "TLS: CA file .* it must be PEM"),
    ],
)
def test_session_when_a_secret_or_certificate_cannot_be_used_does_not_start(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(GatewayError, match=said):
        World(tmp_path, 1, "FIX.4.4", lambda _now: None, **more)


def test_session_when_a_host_has_several_addresses_tries_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer(tmp_path)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: refused
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", s.getsockname()) for s in (reserved, peer.listener)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
        world = World(tmp_path, 1, "FIX.4.4", peer.serve)
        try:
            world.until(lambda: len(peer.requests) == 2)
        finally:
            world.session.close(world.now())
            peer.close()


def test_session_when_a_host_name_cannot_be_says_so_and_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path, 1, "FIX.4.4", lambda _now: None)
    world.session.spec = dataclasses.replace(world.session.spec, host="a..b")
    world.until(lambda: world.log)
    assert "a..b" in world.log[0]
    world.session.close(world.now())


def test_session_when_nobody_listens_tries_again_after_waits_that_double(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: refused
        world = World(tmp_path, reserved.getsockname()[1], "FIX.4.4", lambda _now: None)
        for _ in range(3):
            before = len(world.log)
            world.until(lambda before=before: len(world.log) > before)
            world.ahead += 10_000_000_000
        assert [line.rsplit(" ", 2)[1] for line in world.log] == ["0.0", "0.0", "0.0"] or all("refused" in line for line in world.log)
        assert world.session._wait_ns == 80_000_000
        world.session.close(world.now())


TEXTS = st.sampled_from(
    [
        b"",
        b"1.1",
        b"1.2",
        b"1.15",
        b"-1",
        b"0",
        b"1.123456",
        b"nan",
        b"1e9",
        b"99999999999999999999",
        b"46116860184273.87903",
        b"4611686018427387903",
        b"5",
        b"\xff",
    ]
)
IDS = st.sampled_from([b"", b"a", b"b"])
ENTRIES = st.builds(
    md.Entry, st.sampled_from([b"0", b"1", b"2", b"9", b""]), st.sampled_from([b"0", b"1", b"2", b"4", b""]), st.sampled_from([b"", EUR.encode(), b"GBP/USD"]),
    IDS, IDS, TEXTS, TEXTS, st.just(7),
)  # fmt: skip
UPDATES = st.builds(md.Refresh, st.sampled_from([b"r1", b"r1", b"r2", b""]), st.booleans(), st.just(EUR.encode()), st.lists(ENTRIES, max_size=6).map(tuple))


@pytest.mark.parametrize("depth", [1, 3])
def test_session_when_updates_say_anything_the_row_is_the_top_of_the_book(tmp_path: Path, depth: int) -> None:
    world = World(tmp_path, 1, "FIX.4.4", lambda _now: None, depth)
    session, subscribed = world.session, world.session._subscribed[0]
    session._by_request[b"r1"] = subscribed

    @settings(deadline=None, max_examples=60)
    @given(updates=st.lists(UPDATES, max_size=12))
    def check(updates: list[md.Refresh]) -> None:
        session._void(subscribed, 1, GAP)
        for update in updates:
            session._update(update, 1)
            if not subscribed.whole:
                assert [int(world.row()[n]) for n in ("bid", "ask")] == [0, 0]
                continue
            (bid, bid_qty), (ask, ask_qty) = (subscribed.book.top(side) for side in (1, 2))
            assert [int(world.row()[n]) for n in ("bid", "bid_qty", "ask", "ask_qty")] == [bid, bid_qty, ask, ask_qty]
            assert bool(int(world.row()["flags"]) & CROSSED) == (bid > ask > 0)

    check()
    session.close(1)
