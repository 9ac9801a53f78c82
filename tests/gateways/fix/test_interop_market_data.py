"""Market data against QuickFIX, both ways and in both versions: the feed's session with its acceptor, the venue's desk with its initiator.

QuickFIX checks what it gets against the data dictionaries of its wheel, and rejects what does not pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.gateways.fix.peer import until

from ringfence.gateways.venue.acceptor import listen
from ringfence.gateways.venue.exchange import Exchange
from ringfence.gateways.venue.market_desk import MarketDesk
from ringfence.gateways.venue.messages import NewOrder
from ringfence.gateways.venue.record import RecordWriter
from ringfence.gateways.venue.spec import MarketDataSpec, venue_spec

pytest.importorskip("quickfix")

from tests.gateways.fix.test_interop import QuickFix, free_port
from tests.gateways.fix.test_market_session import EUR, JPY, MORE, RESYNC_NS, SNAPSHOT, VERSIONS, World


class Quoter:
    """QuickFIX as a venue: what it was asked, by symbol, and answers to it."""

    def __init__(self, folder: Path, version: str) -> None:
        self.quickfix = QuickFix(folder, "acceptor", free_port(), "MD", "RF", version)

    def poll(self, _now: int) -> None:
        self.quickfix.poll()

    def requests(self, kind: bytes = b"1") -> dict[str, str]:
        """MDReqID of the newest V of each symbol; ``kind`` is its SubscriptionRequestType."""
        return {m[55].decode(): m[262].decode() for m in self.quickfix.received if m[35] == b"V" and m[263] == kind}

    def send(self, kind: str, fields: list[tuple[int, str]], first: int = 0, groups: list[list[tuple[int, str]]] | None = None) -> None:
        self.quickfix.ask(send=[kind, fields, [[268, first, group] for group in groups or []]])

    def rejects(self) -> list[dict[int, bytes]]:
        return [m for m in self.quickfix.received if m[35] in (b"3", b"j")]


@pytest.mark.parametrize("version", VERSIONS)
def test_feed_when_the_venue_is_quickfix_has_its_book_trades_and_refusals(tmp_path: Path, version: str) -> None:
    quoter = Quoter(tmp_path, version)
    world = World(tmp_path, quoter.quickfix.port, version, quoter.poll)
    try:
        asked = world.until(lambda: quoter.requests() if len(quoter.requests()) == 2 else None)
        quoter.send("Y", [(262, asked[JPY]), (281, "0"), (58, "no such symbol")])
        entries = [[(269, "0"), (270, "1.1"), (271, "5")], [(269, "1"), (270, "1.2"), (271, "6")]]
        quoter.send("W", [(262, asked[EUR]), (55, EUR)], 269, entries)
        world.until(lambda: world.row()["count"] == 1)
        assert world.take()[-1] == (1, "QUOTE", (110_000, 5, 120_000, 6), SNAPSHOT)
        changes = [
            [(279, "0"), (269, "0"), (55, EUR), (270, "1.11"), (271, "7")],
            [(279, "1"), (269, "1"), (55, EUR), (270, "1.2"), (271, "3")],
            [(279, "2"), (269, "0"), (55, EUR), (270, "1.1")],
            [(279, "0"), (269, "2"), (55, EUR), (270, "1.15"), (271, "2")],
        ]
        quoter.send("X", [(262, asked[EUR])], 279, changes)
        world.until(lambda: world.row()["count"] == 2)
        assert world.take() == [
            (1, "TRADE", (115_000, 2), 0),
            (1, "BOOK", (1, 3, 110_000, 0), MORE),
            (1, "BOOK", (1, 1, 111_000, 7), MORE),
            (1, "BOOK", (2, 2, 120_000, 3), MORE),
            (1, "QUOTE", (111_000, 7, 120_000, 3), 0),
        ]
        world.until(lambda: any(f"{JPY} is refused: reason 0 no such symbol" in line for line in world.log))
        quoter.send("X", [(262, asked[EUR])], 279, [[(279, "2"), (269, "0"), (278, "x"), (55, EUR), (270, "1.0")]])  # of an entry that nobody knows
        world.until(lambda: world.counts["md_resyncs"])
        world.ahead += RESYNC_NS
        world.until(lambda: quoter.requests(b"2").get(EUR) == asked[EUR] and quoter.requests()[EUR] != asked[EUR])
        assert quoter.rejects() == [] and world.counts["md_dropped"] == 0
        world.session.close(world.now())
        until(lambda: not quoter.quickfix.state()[2], what="logout at QuickFIX")
    finally:
        world.session.close(world.now())
        quoter.quickfix.stop()


def request(request_id: str, symbol: str, depth: str = "3", update: str = "1") -> list[Any]:
    kinds = [[267, 269, [(269, kind)]] for kind in "012"]
    return ["V", [(262, request_id), (263, "1"), (264, depth), (265, update)], [*kinds, [146, 55, [(55, symbol)]]]]


@pytest.mark.parametrize("version", VERSIONS)
def test_venue_when_the_client_is_quickfix_its_snapshots_updates_and_refusals_pass(tmp_path: Path, version: str) -> None:
    symbols = [{"symbol": EUR, "price_digits": 5, "level_qty": 1_000}]
    spec = venue_spec({"port": 0, "sender_comp_id": "S", "target_comp_id": "T", "symbols": symbols, "quotes": {"instance": "none"}}, tmp_path)
    exchange = Exchange(spec, RecordWriter(None))
    log: list[str] = []
    desk = MarketDesk(MarketDataSpec(0, "MD", "RF", version), exchange, listen("127.0.0.1", 0), tmp_path / "desk.store", log.append)
    client = QuickFix(tmp_path, "initiator", desk.listener.getsockname()[1], "RF", "MD", version)

    def serve() -> None:
        desk.accept(time.time_ns())
        desk.turn(time.time_ns())
        client.poll()

    def received(kind: bytes, n: int = 1) -> Callable[[], list[dict[int, bytes]]]:
        return lambda: found if len(found := [m for m in client.received if m[35] == kind]) >= n else []

    try:
        exchange.quote(EUR, 112_120, 112_130, 1)
        until(lambda: client.logons, serve, what="logon of QuickFIX")
        client.ask(send=request("r1", EUR))
        snapshot = until(received(b"W"), serve, what="the snapshot")[0]
        assert (snapshot[262], snapshot[55], snapshot[268]) == (b"r1", EUR.encode(), b"2")
        exchange.receive(NewOrder("c1", EUR, "1", "2", "400", "1.12130"), 2)[1](2)
        exchange.quote(EUR, 112_125, 112_135, 3)
        until(received(b"X"), serve, what="an update")
        client.ask(send=request("r2", "GBP/USD"))
        client.ask(send=request("r3", EUR, update="0"))
        refused = until(received(b"Y", 2), serve, what="the refusals")
        assert [(m[262], m[281]) for m in refused] == [(b"r2", b"0"), (b"r3", b"6")]
        client.ask(send=["V", [(262, "r1"), (263, "2"), (264, "3")], request("r1", EUR)[2]])
        until(lambda: not desk._subscriptions, serve, what="the end of the subscription")
        assert client.state()[2] and [m for m in client.received if m[35] in (b"3", b"j")] == []
        session = desk.connection.session
        assert (session.counters["rejects_sent"], session.counters["gaps"]) == (0, 0) and not any("reject" in line.lower() for line in log), log
        until(lambda: client.state()[:2] == (session.next_in, session.next_out), serve, what="equal numbers")
    finally:
        client.stop()
        desk.close(time.time_ns())
