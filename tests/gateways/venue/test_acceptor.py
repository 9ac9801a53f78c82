"""The venue as a process: FIX over a real socket, spoken by our session in the initiator's role."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ringfence.gateways.fix.codec import parse, timestamp_text
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore
from ringfence.gateways.venue.record import read_record

WAIT_S = 15
EUR = "EUR/USD"


class Client:
    """A FIX initiator on a blocking socket."""

    def __init__(self, port: int, store: Path, target: str = "SIM") -> None:
        config = SessionConfig("RF", target)
        self.store = MessageStore(store, config.identity)
        self.session = Session(config, self.store)
        self.sock = socket.create_connection(("127.0.0.1", port), WAIT_S)
        self.messages: list[dict[int, str]] = []
        self.seen: list[str] = []
        self.session.connected(time.time_ns())
        self.flush()

    def flush(self) -> None:
        while data := self.session.take_output():
            self.sock.sendall(data)

    def send(self, kind: bytes, **tags: Any) -> None:
        fields = {"t60": timestamp_text(time.time_ns()).decode(), **tags}
        body = b"".join(f"{name[1:]}={value}\x01".encode() for name, value in fields.items())
        assert self.session.send_app(kind, body, time.time_ns())
        self.flush()

    def new(self, cl_ord_id: str, qty: int, px: str, side: int = 1, tif: int = 0) -> None:
        self.send(b"D", t11=cl_ord_id, t1="ACC", t21=1, t55=EUR, t54=side, t38=qty, t40=2, t44=px, t59=tif)

    def until(self, done: Callable[[], object]) -> None:
        """Take messages until ``done`` says something true."""
        end = time.monotonic() + WAIT_S
        while not done():
            assert time.monotonic() < end, f"waited {WAIT_S} s; saw {self.seen}, messages {self.messages}"
            if select.select([self.sock], [], [], 0.1)[0]:
                data = self.sock.recv(65_536)
                if not data:
                    self.seen.append("closed")
                    self.session.disconnected(time.time_ns())
                    assert done(), f"connection closed early; saw {self.seen}, messages {self.messages}"
                    return
                assert self.session.received(data, time.time_ns()) == len(data)
            for event in self.session.take_events(time.time_ns()):
                self.seen.append(event[0])
                if event[0] == "app":
                    self.messages.append({tag: raw.decode() for tag, raw in parse(event[1])})
            self.flush()

    def of(self, cl_ord_id: str, *tags: int) -> list[tuple[str, ...]]:
        return [tuple(m.get(t, "") for t in tags) for m in self.messages if m.get(11) == cl_ord_id]

    def close(self) -> None:
        self.sock.close()
        self.store.close()


class Venue:
    """The process under test."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        ticks = folder / "t.csv"
        ticks.write_text("timestamp,bid,ask\n2020-01-01 00:00:00+00:00,1.10000,1.10010\n")
        spec = {
            "port": 0,
            "sender_comp_id": "SIM",
            "target_comp_id": "RF",
            "symbols": [{"symbol": EUR, "price_digits": 5, "level_qty": 1_000, "clip": 400}],
            "quotes": {"ticks": [{"symbol": EUR, "file": "t.csv", "format": "truefx"}], "loop": False},
            "store": "v.store",
            "record": "v.ndjson",
            **changes,
        }
        (folder / "spec.json").write_text(json.dumps(spec))
        self.process = self.start()
        line = self.process.stdout.readline()
        assert line.startswith("listening 127.0.0.1 "), line + self.process.stderr.read()
        self.port = int(line.split()[2])

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "ringfence.gateways.venue", "--spec", str(self.folder / "spec.json")]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Venue]]:
    venues: list[Venue] = []

    def make(**changes: Any) -> Venue:
        venues.append(Venue(tmp_path, **changes))
        return venues[-1]

    yield make
    for venue in venues:
        venue.close()


def test_venue_when_driven_over_a_socket_reports_and_records(start: Callable[..., Venue], tmp_path: Path) -> None:
    venue = start(pending_acks=True, latency_ms=[1, 2])
    client = Client(venue.port, tmp_path / "c.store")
    client.until(lambda: "up" in client.seen)
    client.new("A", 500, "1.10010")
    client.until(lambda: len(client.of("A", 39)) == 4)
    assert client.of("A", 150, 39, 38, 14, 151, 32, 31) == [
        ("A", "A", "500", "0", "500", "", ""),
        ("0", "0", "500", "0", "500", "", ""),
        ("1", "1", "500", "400", "100", "400", "1.10010"),
        ("2", "2", "500", "500", "0", "100", "1.10010"),
    ]
    client.new("B", 500, "1.09000")
    client.send(b"G", t11="C", t41="B", t21=1, t55=EUR, t54=1, t38=700, t40=2, t44="1.09010")
    client.send(b"F", t11="D", t41="C", t55=EUR, t54=1, t38=700)
    client.send(b"F", t11="E", t41="nothing", t55=EUR, t54=1, t38=1)
    client.send(b"H", t11="A", t55=EUR, t54=1)
    client.until(lambda: len(client.of("E", 39)) == 1 and len(client.of("A", 39)) == 5)
    assert client.of("C", 41, 150, 39, 38, 44) == [("B", "E", "E", "500", "1.09000"), ("B", "5", "6", "700", "1.09010")]
    assert client.of("D", 41, 150, 39, 151) == [("C", "6", "6", "500"), ("C", "4", "4", "0")]
    assert client.of("E", 35, 41, 39, 434, 102) == [("9", "nothing", "8", "1", "1")]
    assert client.of("A", 20, 150, 39, 14)[-1] == ("3", "2", "2", "500")
    assert venue.stop() == 0
    client.until(lambda: "closed" in client.seen or "disconnect" in client.seen)
    record = read_record(tmp_path / "v.ndjson")
    assert record.positions() == {("ACC", EUR): Decimal(500)}
    assert [o.status for o in record.orders.values()] == ["2", "4"]
    client.close()


def test_venue_when_a_message_cannot_be_served_answers_with_a_business_reject(start: Callable[..., Venue], tmp_path: Path) -> None:
    venue = start()
    client = Client(venue.port, tmp_path / "c.store")
    client.until(lambda: "up" in client.seen)
    client.send(b"Q", t37="X")
    client.send(b"D", t11="A", t21=1, t55=EUR, t54=1, t40=2, t38=5)
    client.until(lambda: len(client.messages) == 2)
    answers = [(m[35], m[45], m[372], m[380]) for m in client.messages]
    assert answers == [("j", "2", "Q", "3"), ("j", "3", "D", "5")]
    assert "Price(44) is required" in client.messages[1][58]
    client.close()


def test_venue_when_killed_and_restarted_remembers_orders_and_sequence_numbers(start: Callable[..., Venue], tmp_path: Path) -> None:
    venue = start()
    client = Client(venue.port, tmp_path / "c.store")
    client.until(lambda: "up" in client.seen)
    client.new("A", 500, "1.10010")
    client.new("B", 300, "1.09000")
    client.until(lambda: client.of("B", 39))
    venue.stop(signal.SIGKILL)
    client.close()
    again = start()
    client = Client(again.port, tmp_path / "c.store")
    client.until(lambda: "up" in client.seen)
    client.send(b"H", t11="A", t55=EUR, t54=1)
    client.send(b"H", t11="B", t55=EUR, t54=1)
    client.send(b"F", t11="C", t41="B", t55=EUR, t54=1)
    client.until(lambda: client.of("C", 39))
    assert client.of("A", 20, 39, 14) == [("3", "2", "500")]
    assert client.of("B", 20, 39, 151) == [("3", "0", "300")]
    assert client.of("C", 39) == [("4",)]
    assert again.stop() == 0
    client.close()


def test_venue_when_it_died_in_the_middle_sends_what_it_recorded_and_answers_what_it_took(start: Callable[..., Venue], tmp_path: Path) -> None:
    venue = start()
    client = Client(venue.port, tmp_path / "c.store")
    client.until(lambda: "up" in client.seen)
    client.new("A", 500, "1.10010")
    client.until(lambda: len(client.of("A", 39)) == 3)
    client.new("B", 500, "1.09000")
    client.until(lambda: client.of("B", 39))
    venue.stop(signal.SIGKILL)
    client.close()
    lines = (tmp_path / "v.ndjson").read_text().splitlines()
    order = next(json.loads(line) for line in lines if json.loads(line).get("cl_ord_ids") == ["B"])
    fill = {"type": "fill", "exec_id": "1-000099", "order_id": order["order_id"], "cl_ord_id": "B", "account": "ACC", "symbol": EUR, "side": "1"}
    fill |= {"qty": "200", "px": "1.09000", "cum_qty": "200", "leaves_qty": "300", "status": "1", "ts_ns": 1, "answers": "B"}
    fill["report"] = [order["order_id"], "B", "1-000099", "0", "1", "1", EUR, "1", "500", "300", "200", "1.09", "", "ACC", "2", "0", "1.09000", ""]
    fill["report"] += ["200", "1.09000", None, ""]
    request = {"type": "request", "kind": "NewOrder", "values": ["C", EUR, "1", "2", "50", "1.08000", "", "0", "ACC", False], "ts_ns": 1}
    with (tmp_path / "v.ndjson").open("a") as record:
        record.write(json.dumps(fill) + "\n" + json.dumps(request) + "\n")
    again = start()
    client = Client(again.port, tmp_path / "c.store")
    client.until(lambda: client.of("C", 39))
    assert client.of("C", 150, 39, 38) == [("0", "0", "50")]
    assert client.of("B", 17, 150, 39, 32, 31, 14, 151) == [("1-000099", "1", "1", "200", "1.09000", "200", "300")]
    assert client.of("A", 39) == []
    assert again.stop() == 0
    assert "3 orders, 1 reports to send, 1 requests to answer" in again.process.stderr.read()
    client.close()


def test_venue_when_fills_come_while_nobody_is_connected_sends_them_on_resend(start: Callable[..., Venue], tmp_path: Path) -> None:
    venue = start(latency_ms=300)
    client = Client(venue.port, tmp_path / "c.store")
    client.until(lambda: "up" in client.seen)
    client.new("A", 500, "1.10010")
    client.close()
    end = time.monotonic() + WAIT_S
    while len(read_record(tmp_path / "v.ndjson").fills) < 2:
        assert time.monotonic() < end, "the venue did not trade while nobody was connected"
        time.sleep(0.01)
    client = Client(venue.port, tmp_path / "c.store")
    client.until(lambda: len(client.of("A", 39)) == 3)
    assert client.of("A", 150, 43) == [("0", "Y"), ("1", "Y"), ("2", "Y")]
    assert venue.stop() == 0
    client.close()


def test_venue_when_a_second_client_connects_closes_it(start: Callable[..., Venue], tmp_path: Path) -> None:
    venue = start()
    client = Client(venue.port, tmp_path / "c.store")
    client.until(lambda: "up" in client.seen)
    with socket.create_connection(("127.0.0.1", venue.port), WAIT_S) as other:
        assert other.recv(100) == b""
    client.new("A", 500, "1.09000")
    client.until(lambda: client.of("A", 39))
    client.close()


def test_venue_when_the_comp_id_is_wrong_closes_without_a_word(start: Callable[..., Venue], tmp_path: Path) -> None:
    venue = start()
    client = Client(venue.port, tmp_path / "c.store", target="OTHER")
    client.until(lambda: "closed" in client.seen)
    assert client.messages == []
    client.close()


def test_venue_when_the_port_is_in_use_says_so_and_exits_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        flags = ["--port", str(port), "--sender-comp-id", "SIM", "--target-comp-id", "RF", "--symbol", "EUR/USD:5"]
        flags += ["--ticks", "EUR/USD=eurusd_ticks.csv:histdata", "--record", str(tmp_path / "r.ndjson")]
        done = subprocess.run([sys.executable, "-m", "ringfence.gateways.venue", *flags], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert not (tmp_path / "r.ndjson").exists()


def test_venue_when_asked_for_help_names_every_flag() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ringfence.gateways.venue", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.returncode == 0
    for flag in ("--spec", "--port", "--symbol", "--ticks", "--quotes", "--seed", "--latency-ms", "--reject-ppm", "--record", "--store", "--market-data-port"):
        assert flag in done.stdout
