"""The venue's market data session: what it refuses, what it tells a reader that does not read, and the feed that follows it, as processes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringfence.gateways.fix import market_data as md
from ringfence.gateways.fix.codec import parse
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.connection import Connection
from ringfence.gateways.fix.dictionary import load
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore
from ringfence.gateways.venue import market_desk
from ringfence.gateways.venue.acceptor import listen
from ringfence.gateways.venue.exchange import Exchange
from ringfence.gateways.venue.market_desk import MarketDesk
from ringfence.gateways.venue.record import RecordWriter
from ringfence.gateways.venue.spec import MarketDataSpec, venue_spec
from ringfence.ipc.clock import Clock
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment
from ringfence.ipc.seqlock import read_consistent

EUR = "EUR/USD"
WAIT_S = 20
STALE = CONSTANTS["TICK_STALE"][0]


class Client:
    """A logged-on client and the desk that it talks to."""

    def __init__(self, folder: Path) -> None:
        raw = {"port": 0, "sender_comp_id": "S", "target_comp_id": "T", "symbols": [{"symbol": EUR, "price_digits": 5}], "quotes": {"instance": "none"}}
        self.exchange = Exchange(venue_spec(raw, folder), RecordWriter(None))
        self.desk = MarketDesk(MarketDataSpec(0, "MD", "RF", "FIX.4.4"), self.exchange, listen("127.0.0.1", 0), folder / "desk.store", lambda _line: None)
        config = SessionConfig("RF", "MD", "initiator", "FIX.4.4", reset_on_logon=True)
        self.store = MessageStore(folder / "client.store", config.identity)
        self.connection = Connection(Session(config, self.store, load("FIX.4.4")), lambda _line: None)
        self.connection.open(socket.create_connection(self.desk.listener.getsockname()[:2]), time.time_ns())
        self.messages: list[bytes] = []
        self.until(lambda: self.connection.up)

    def until(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + WAIT_S
        while not (found := condition()):
            assert time.monotonic() < end, self.messages
            now = time.time_ns()
            self.desk.accept(now)
            self.desk.turn(now)
            self.messages += self.connection.turn(now)
            self.connection.flush(now)
        return found

    def ask(self, kind: bytes, text: str) -> dict[int, bytes]:
        """Send one message and return the fields of what comes back."""
        count = len(self.messages)
        assert self.connection.send(kind, text.replace("|", "\x01").encode(), time.time_ns())
        self.until(lambda: len(self.messages) > count)
        return dict(reversed(parse(self.messages[-1])))

    def close(self) -> None:
        self.connection.drop(0)
        self.desk.close(time.time_ns())
        self.store.close()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(tmp_path)
    yield made
    made.close()


GOOD = "262=r1|263=1|264=0|265=1|267=1|269=0|146=1|55=EUR/USD|"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD.replace("EUR/USD", "GBP/USD"), md.UNKNOWN_SYMBOL),
        (GOOD.replace("263=1", "263=2"), md.DUPLICATE_ID),
        (GOOD.replace("264=0", "264=-1"), md.BAD_DEPTH),
        (GOOD.replace("265=1", "265=0"), md.BAD_UPDATE),
        (GOOD.replace("265=1|", ""), md.BAD_UPDATE),
        (GOOD.replace("269=0", "269=4"), md.BAD_ENTRY),
        (GOOD.replace("146=1|55=EUR/USD|", "146=2|55=EUR/USD|55=EUR/USD|"), md.UNKNOWN_SYMBOL),
    ],
)
def test_desk_when_a_request_cannot_be_says_why(client: Client, text: str, reason: bytes) -> None:
    answer = client.ask(b"V", text)
    assert (answer[35], answer[262], answer[281]) == (b"Y", b"r1", reason)


def test_desk_when_asked_twice_under_one_id_refuses_the_second_and_serves_the_first(client: Client) -> None:
    assert client.ask(b"V", GOOD)[35] == b"W"
    assert client.ask(b"V", GOOD)[281] == md.DUPLICATE_ID
    client.exchange.quote(EUR, 110_000, 110_010, 1)
    client.until(lambda: b"\x0135=X\x01" in client.messages[-1])
    assert client.connection.send(b"V", GOOD.replace("263=1", "263=2").replace("|", "\x01").encode(), time.time_ns())
    assert client.ask(b"V", GOOD)[35] == b"W", "the id is free again"


def test_desk_when_there_are_too_many_subscriptions_refuses_more_until_one_ends(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_desk, "SUBSCRIPTIONS_MAX", 2)
    for n in (1, 2):
        assert client.ask(b"V", GOOD.replace("r1", f"r{n}"))[35] == b"W"
    assert client.ask(b"V", GOOD.replace("r1", "r3"))[281] == md.TOO_MANY
    client.connection.send(b"V", GOOD.replace("263=1", "263=2").replace("|", "\x01").encode(), time.time_ns())
    assert client.ask(b"V", GOOD.replace("r1", "r3"))[35] == b"W"


def test_desk_when_asked_for_a_snapshot_alone_sends_no_updates(client: Client) -> None:
    client.exchange.quote(EUR, 110_000, 110_010, 1)
    assert client.ask(b"V", GOOD.replace("263=1", "263=0"))[270] == b"1.10000"
    client.exchange.quote(EUR, 110_001, 110_010, 2)
    assert client.ask(b"D", "11=a|55=EUR/USD|54=1|60=20200101-00:00:00|38=1|40=1|")[35] == b"j", "orders are not taken here"
    assert [m for m in client.messages if b"\x0135=X\x01" in m] == []


def test_desk_when_its_reader_does_not_read_tells_it_all_later_in_one(client: Client) -> None:
    client.ask(b"V", GOOD)
    assert client.desk.connection.sock is not None and client.connection.sock is not None
    client.desk.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    client.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    now, n = time.time_ns(), 0
    while client.desk._subscriptions[0].told.keys() == {(md.BID, 110_000 + n)} or n == 0:  # until nothing fits any more
        n += 1
        client.exchange.quote(EUR, 110_000 + n, 120_000, n)
        client.desk.turn(now)
    client.exchange.quote(EUR, 105_000, 120_000, n)
    seen: dict[int | None, bool] = {}
    client.until(lambda: b"\x01270=1.05000\x01" in client.messages[-1])
    for message in client.messages:
        update = md.decode(message)
        assert isinstance(update, md.Refresh)
        for entry in update.entries:
            seen[md.scaled(entry.px, 5)] = entry.action != md.DELETE
    assert [px for px, there in seen.items() if there] == [105_000]


def test_desk_when_its_store_is_full_logs_out_and_takes_the_next_connection_with_an_empty_one(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.ask(b"V", GOOD)
    monkeypatch.setattr(market_desk, "STORE_BYTES_MAX", 4_096)
    client.exchange.quote(EUR, 110_000, 110_010, 1)
    client.until(lambda: client.connection.sock is None)
    monkeypatch.undo()
    client.connection.open(socket.create_connection(client.desk.listener.getsockname()[:2]), time.time_ns())
    client.until(lambda: client.connection.up)
    assert client.ask(b"V", GOOD)[34] == b"2"


def test_feed_when_its_venue_dies_and_comes_back_follows_it(instance: str, tmp_path: Path) -> None:
    role = ENUMS["Role"].by_name["SUPERVISOR"]
    status = Segment.create(instance, "instance", [("clock", "ClockCalibration", 2)], role=role, epoch=1)
    Clock.calibrate(0.002).publish(status)
    command = [sys.executable, "-m", "ringfence.gateways.venue", "--port", "0", "--symbol", "EUR/USD:6", "--speed", "1000", "--market-data-port"]

    running: list[subprocess.Popen[str]] = []

    def venue(port: int) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen([*command, str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        running.append(process)
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        return process, int(lines[1].split()[-1])

    first, port = venue(0)
    session = {"name": "md", "host": "127.0.0.1", "port": port, "sender_comp_id": "RINGFENCE", "target_comp_id": "SIMMD", "reconnect_min_ms": 20}
    session |= {"reconnect_max_ms": 100, "instruments": [{"symbol": EUR, "instrument": 1, "price_digits": 6}], "depth": 5}
    (tmp_path / "feed.json").write_text(json.dumps({"instance": instance, "epoch": 1, "ticks": [], "sessions": [session]}))
    feed = subprocess.Popen([sys.executable, "-m", "ringfence.gateways.feed", "--spec", str(tmp_path / "feed.json")], stderr=subprocess.PIPE, text=True)
    running.append(feed)
    try:
        market: Segment | None = None
        end = time.monotonic() + WAIT_S

        def until(condition: Callable[[Any], bool]) -> Any:
            nonlocal market
            while True:
                assert time.monotonic() < end and feed.poll() is None, feed.stderr.read() if feed.poll() is not None and feed.stderr else "too late"
                if market is None and Path(f"/dev/shm/rf.{instance}.market").exists():
                    market = Segment.attach(instance, "market")
                if market is not None and condition(row := read_consistent(market.section("quotes")[1:2])):
                    return row
                time.sleep(0.01)

        quote = until(lambda row: row["count"] > 3)
        assert 1_000_000 < quote["bid"] < quote["ask"] and quote["bid_qty"] == 1_000_000
        first.kill()
        first.wait()
        lost = until(lambda row: row["flags"] & STALE)
        assert (int(lost["bid"]), int(lost["ask"])) == (0, 0)
        second, _ = venue(port)
        until(lambda row: row["count"] > lost["count"] and not row["flags"] & STALE)
        feed.terminate()
        assert feed.wait(WAIT_S) == 0
        second.terminate()
        assert second.wait(WAIT_S) == 0
    finally:
        for process in running:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        for name in ("market", "market.readers", "from.feed", "metrics.feed"):
            with Segment.attach(instance, name) as region:
                region.unlink()
        status.unlink()
        status.close()
