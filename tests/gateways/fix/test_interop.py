"""Against QuickFIX, the field's de-facto reference, over loopback: our gateway with its acceptor, our acceptor with its initiator.

QuickFIX runs in a process of its own with file stores; connections are cut from our side of a relay at a chosen number of bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateways.fix.peer import Engine, Venue, until

from ringfence.gateways.fix.codec import parse
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore

pytest.importorskip("quickfix")

PEER = Path(__file__).with_name("quickfix_peer.py")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class QuickFix:
    """A QuickFIX acceptor or initiator in a process of its own, and what it told so far."""

    def __init__(self, folder: Path, role: str, port: int, sender: str, target: str, begin: str = "FIX.4.2") -> None:
        self.port = port
        self.received: list[dict[int, bytes]] = []
        self.logons = 0
        self.answer: list[Any] | None = None
        self.started = False
        self.buffer = b""
        command = [sys.executable, str(PEER), role, str(folder), str(port), sender, target, begin]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        until(lambda: self.started, self.poll, what="the start of QuickFIX")

    def poll(self) -> None:
        """Take what the process wrote."""
        assert self.process.stdout is not None
        self.buffer += self.process.stdout.read() or b""
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            event = json.loads(line)
            if "message" in event:
                self.received.append(dict(parse(event["message"].encode("latin-1"))))
            self.logons = event.get("logon", self.logons)
            self.answer = event.get("numbers", self.answer)
            self.started = self.started or "started" in event

    def ask(self, **request: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def state(self) -> tuple[int, int, bool]:
        """Next MsgSeqNum out and in, and whether it is logged on."""
        self.answer = None
        self.ask(numbers=1)
        out, into, logged_on = until(lambda: self.answer, self.poll, what="an answer of QuickFIX")
        return out, into, logged_on

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


class Relay:
    """Forwards bytes between its clients and a port; cuts each connection after the next number of bytes in ``cuts`` (None: never)."""

    def __init__(self, port: int, cuts: list[int | None]) -> None:
        self.target, self.cuts = port, cuts
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.connections = 0
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self._forward(client, self.cuts[min(self.connections, len(self.cuts) - 1)])
                self.connections += 1

    def _forward(self, client: socket.socket, budget: int | None) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.target)) as server:
            pair = {client: server, server: client}
            for s in pair:
                s.settimeout(0.0005)
            while budget is None or budget > 0:
                for source, sink in pair.items():
                    try:
                        data = source.recv(4096)
                    except TimeoutError:
                        continue
                    if not data:
                        return
                    sink.sendall(data if budget is None else data[:budget])
                    budget = None if budget is None else max(0, budget - len(data))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def acceptor(tmp_path: Path) -> Iterator[QuickFix]:
    q = QuickFix(tmp_path, "acceptor", free_port(), "VENUE", "FIRM")
    yield q
    q.stop()


def test_gateway_when_venue_is_quickfix_order_is_filled_and_numbers_agree(instance: str, tmp_path: Path, acceptor: QuickFix) -> None:
    engine = Engine(instance, tmp_path, acceptor.port)
    try:
        engine.start()
        until(lambda: "SESSION_UP" in engine.kinds(), engine.poll, what="logon with QuickFIX")
        engine.command(px=10025)
        until(lambda: "FILL" in engine.kinds(), engine.poll, what="the fill")
        order = until(lambda: acceptor.received, acceptor.poll, what="the order at QuickFIX")[0]
        assert (order[35], order[11], order[38], order[44]) == (b"D", b"C1", b"100", b"100.25")
        fill = engine.events[-1]
        assert (fill["exec_id"], int(fill["last_qty"]), int(fill["last_px"]), int(fill["last_px_digits"])) == (b"E1", 100, 105, 1)
        assert engine.stop() == 0
        until(lambda: not acceptor.state()[2], what="logout at QuickFIX")
        store = MessageStore(engine.spec["store"])
        assert acceptor.state()[:2] == (store.next_in, store.next_out)
        store.close()
    finally:
        engine.close()


@pytest.mark.parametrize("seed", [42, 43])
def test_gateway_when_connections_to_quickfix_break_nothing_is_lost_or_doubled(instance: str, tmp_path: Path, acceptor: QuickFix, seed: int) -> None:
    rng = random.Random(seed)
    relay = Relay(acceptor.port, [*(rng.randrange(150, 3000) for _ in range(12)), None])
    engine = Engine(instance, tmp_path, relay.port)
    try:
        engine.start()
        for _ in range(60):
            engine.command()
            until(lambda: True, engine.poll)
            time.sleep(0.01)

        def answered() -> bool:
            done = {bytes(e["cl_ord_id"]) for e in engine.events if e["cl_ord_id"]}
            return len(done) == 60 and relay.connections >= 12

        until(answered, engine.poll, lambda: keep_busy(engine, relay), what="an answer to every order")
        acceptor.poll()
        received = [m[11] for m in acceptor.received if m[35] == b"D"]
        fills = [bytes(e["exec_id"]) for e in engine.events if e["exec_id"]]
        unsent = {bytes(e["cl_ord_id"]) for e, kind in zip(engine.events, engine.kinds(), strict=True) if kind == "NOT_SENT"}
        assert received, "no order ever reached the venue"
        assert len(received) == len(set(received)), "an order was taken twice by the venue"
        assert len(fills) == len(set(fills)) == len(received), "a fill was lost or delivered twice"
        assert not unsent & set(received), "an order was reported as not sent and traded"
    finally:
        engine.close()
        relay.close()


def keep_busy(engine: Engine, relay: Relay) -> None:
    """Traffic so that every byte budget is used up: a status request costs nothing and is answered by nobody."""
    if relay.connections < 12 and engine.link is not None and engine.link.depth < 8:
        engine.command("STATUS", cl_ord_id="C1")
        time.sleep(0.005)


def test_acceptor_when_initiator_is_quickfix_messages_pass_both_ways_over_reconnects(tmp_path: Path) -> None:
    venue = Venue(tmp_path)
    q = QuickFix(tmp_path, "initiator", venue.port, "FIRM", "VENUE")
    try:
        for round_number in range(1, 4):
            until(lambda n=round_number: q.logons == n and venue.logons == n, venue.pump, q.poll, what=f"logon {round_number}")  # type: ignore[misc]
            q.ask(send=["D", [[11, f"Q{round_number}"], [38, "5"], [54, "1"], [55, "ABC"]]])
            until(lambda n=round_number: len(venue.orders()) == n, venue.pump, what="the order")  # type: ignore[misc]
            venue.drop()
            venue.report(venue.orders()[-1], f"E{round_number}")
        until(lambda: len(q.received) == 3, venue.pump, q.poll, what="the reports sent while QuickFIX was away")
        assert [m[17] for m in q.received] == [b"E1", b"E2", b"E3"]
        assert [m[11] for m in venue.orders()] == [b"Q1", b"Q2", b"Q3"]
        until(lambda: q.state()[:2] == (venue.session.next_in, venue.session.next_out), venue.pump, what="equal numbers")
    finally:
        q.stop()
        venue.close()


def test_session_when_quickfix_asks_for_a_resend_it_understands_the_answer(tmp_path: Path, acceptor: QuickFix) -> None:
    """Our store knows messages that QuickFIX never got: administrative ones are filled, the rest arrives with PossDupFlag."""
    config = SessionConfig("FIRM", "VENUE")
    store = MessageStore(tmp_path / "firm.store", config.identity)
    session = Session(config, store)
    for name in ("a", "b"):
        session.send_app(b"B", f"148={name}\x0133=1\x0158=text\x01".encode(), time.time_ns())
    with socket.create_connection(("127.0.0.1", acceptor.port)) as sock:
        sock.settimeout(0.01)
        session.connected(time.time_ns())

        def turn() -> None:
            now = time.time_ns()
            sock.sendall(session.take_output())
            with contextlib.suppress(TimeoutError):
                session.received(sock.recv(65536), now)
            session.take_events(now)

        until(lambda: len(acceptor.received) == 2, turn, acceptor.poll, what="QuickFIX to have everything")
        assert [(m[148], m[43]) for m in acceptor.received] == [(b"a", b"Y"), (b"b", b"Y")]
        assert session.state == "up"
        until(lambda: acceptor.state()[1] == session.next_out, turn, what="equal numbers")
    store.close()
