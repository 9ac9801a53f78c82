"""A venue for tests: an acceptor over loopback that runs our own session, and the engine's side of a gateway's link.

Neither reads a clock of its own for decisions: a test drives both from one thread with ``Venue.pump`` until a condition holds (bounded).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.gateways.fix.codec import parse
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.regions import list_regions, unlink_stale
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import kill_words

KIND = ENUMS["VenueEventKind"].by_name
COMMAND = ENUMS["CommandKind"].by_name
ROOT = Path(__file__).resolve().parents[3]
WAIT_S = 20.0


def until(condition: Callable[[], Any], *steps: Callable[[], object], what: str = "the condition") -> Any:
    """Call ``steps`` and ``condition`` until the latter is true; fail after ``WAIT_S``."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        for step in steps:
            step()
        if value := condition():
            return value
        time.sleep(0.001)
    raise AssertionError(f"{what} did not come about within {WAIT_S} s")


class Venue:
    """Listens, accepts one connection at a time, keeps every application message with the order it came in."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.config = SessionConfig("VENUE", "FIRM", role="acceptor", **settings)
        self.store = MessageStore(folder / "venue.store", self.config.identity)
        self.session = Session(self.config, self.store)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port: int = self.listener.getsockname()[1]
        self.sock: socket.socket | None = None
        self.messages: list[dict[int, bytes]] = []
        self.unsent = b""
        self.logons = 0
        self.reading = True

    def pump(self) -> None:
        """One turn: accept, read, deal with events, write."""
        now = time.time_ns()
        if self.sock is None:
            with contextlib.suppress(BlockingIOError):
                self.sock, _ = self.listener.accept()
                self.sock.setblocking(False)
                self.session.connected(now)
            return
        if self.reading:
            self._read(now)
        if self.sock is None:
            return
        self.session.tick(now)
        for event in self.session.take_events(now):
            if event[0] == "app":
                self.messages.append(dict(parse(event[1])))
            elif event[0] == "up":
                self.logons += 1
            elif event[0] == "disconnect":
                self._write()
                self.drop()
                return
        self._write()

    def _read(self, now: int) -> None:
        assert self.sock is not None
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.drop()
            return
        while data:
            data = data[self.session.received(data, now) :]
            for event in self.session.take_events(now) if data else ():
                if event[0] == "app":
                    self.messages.append(dict(parse(event[1])))

    def _write(self) -> None:
        assert self.sock is not None
        self.unsent += self.session.take_output()
        with contextlib.suppress(BlockingIOError, ConnectionError):
            self.unsent = self.unsent[self.sock.send(self.unsent) :] if self.unsent else b""

    def drop(self) -> None:
        """Close the connection without a word."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None
        self.unsent = b""
        self.session.disconnected(time.time_ns())
        self.session.take_events(time.time_ns())

    def report(self, order: dict[int, bytes], exec_id: str, exec_type: str = "0", status: str = "0", last: int = 0, cum: int = 0) -> None:
        """Send an ExecutionReport about an order."""
        quantity = int(order[38])
        body = [(6, "10"), (11, order[11].decode()), (14, cum), (17, exec_id), (20, 0), (31, "10"), (32, last), (37, "V" + order[11].decode())]
        body += [(38, quantity), (39, status), (54, order[54].decode()), (55, order[55].decode()), (150, exec_type), (151, quantity - cum)]
        self.session.send_app(b"8", b"".join(f"{tag}={value}\x01".encode() for tag, value in body), time.time_ns())

    def orders(self) -> list[dict[int, bytes]]:
        """New orders that arrived."""
        return [m for m in self.messages if m[35] == b"D"]

    def close(self) -> None:
        """Give everything back."""
        self.drop()
        self.listener.close()
        self.store.close()


class Engine:
    """The engine's side of one gateway link, and the gateway process itself."""

    def __init__(self, instance: str, folder: Path, port: int, session: dict[str, Any] | None = None, **spec: Any) -> None:
        self.instance = instance
        self.folder = folder
        self.words = kill_words.take_region(instance, 1, logging.getLogger("test"))
        self.to = Segment.create(instance, "to.gw.v", link_sections("OrderCommand", 64), role=ENUMS["Role"].by_name["ENGINE"], epoch=1)
        self.spec = {
            "instance": instance, "component": "gw.v", "venue": "v", "venue_id": 3, "epoch": 1, "addresses": [f"127.0.0.1:{port}"],
            "session": {"sender_comp_id": "FIRM", "target_comp_id": "VENUE", "heartbeat_s": 30, **(session or {})}, "store": str(folder / "firm.store"),
            "reconnect_min_s": 0.02, "reconnect_max_s": 0.1, "idle": "backoff", "ring_slots": 64, **spec,
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None
        self.link: Link | None = None
        self.events: list[Any] = []
        self.output_seq = 0

    def start(self) -> None:
        """Start the gateway process and join its region."""
        path = self.folder / "spec.json"
        path.write_text(json.dumps(self.spec))
        with (self.folder / "gateway.log").open("ab") as log:
            env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
            command = [sys.executable, "-m", "ringfence.gateways.fix", "--spec", str(path)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=env)
        if self.link is None:
            until(lambda: "from.gw.v" in [r.name for r in list_regions(self.instance)], what="the gateway's region")
            self.link = Link(self.to, Segment.attach(self.instance, "from.gw.v"))

    def poll(self) -> None:
        """Take events, at most as many as there are."""
        assert self.link is not None
        while (event := self.link.receive()) is not None:
            self.events.append(np.array(event).reshape(-1)[0])

    def command(self, kind: str = "NEW", cl_ord_id: str = "", **fields: Any) -> None:
        """Put a command into the ring; a limit order to buy 100 by default."""
        assert self.link is not None
        self.output_seq += 1
        c = np.zeros(1, dtype("OrderCommand"))[0]
        values = {
            "kind": COMMAND[kind], "side": 1, "ord_type": 2, "time_in_force": 1, "px": 1000, "px_digits": 2, "qty": 100, "durability": 1,
            "symbol": b"ABC", "account_code": b"ACC", "cl_ord_id": (cl_ord_id or f"C{self.output_seq}").encode(), "output_seq": self.output_seq,
            "journal_seq": self.output_seq, "engine_ns": time.time_ns(), "intent_ns": time.time_ns(), **fields,
        }  # fmt: skip
        for name, value in values.items():
            c[name] = value
        self.link.send(c)

    def kinds(self) -> list[str]:
        """Kinds of the events so far."""
        return [ENUMS["VenueEventKind"].by_value[int(e["kind"])] for e in self.events]

    def log(self) -> str:
        """What the gateway wrote."""
        return (self.folder / "gateway.log").read_text()

    def kill(self) -> None:
        """SIGKILL, and wait."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def close(self) -> None:
        """End the process, remove the regions."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if self.link is not None:
            self.link.theirs.close()
        for region in (self.to, self.words):
            region.unlink()
            region.close()
        unlink_stale(self.instance)
