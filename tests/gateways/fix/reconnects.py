"""Against QuickFIX over a line that breaks: ``python -m tests.gateways.fix.reconnects --reconnects 1000 --seed 1`` (both roles, FIX 4.2 and 4.4).

Between the two sides stands a relay that ends each connection after a random number of bytes, anywhere in a message, until there were ``--reconnects`` such
ends. Orders go one way and answers the other all the time. At the end each order must have been applied exactly once by the acceptor, each answer exactly once
by the initiator, and the sequence numbers of both sides must be equal. Prints one line for each combination; exit 1 when one does not hold.

QuickFIX reconnects once a second at most, so as the initiator it runs ``SESSIONS`` sessions at once, all against one acceptor of ours.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ringfence.gateways.fix.acceptor import Acceptor, Answer, listen
from ringfence.gateways.fix.codec import parse
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.echo import Echo
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore

PEER = Path(__file__).with_name("quickfix_peer.py")
SESSIONS = 24
OUTSTANDING_MAX = 8
HEARTBEAT_S = 5
"""As in quickfix_peer.py: a message that was lost behind the last one is missed by then."""
STALL_S = 90
"""No cut and no message for so long: something hangs."""


class Cutter:
    """Forwards between its clients and a port; ends each connection after a random number of bytes while cuts are left."""

    def __init__(self, port: int, cuts: int, rng: random.Random) -> None:
        self.port_behind, self.left, self.cuts, self.rng = port, cuts, 0, rng
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.budgets: dict[socket.socket, list[int]] = {}
        self.others: dict[socket.socket, socket.socket] = {}
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.stopped.is_set():
            for key, _ in self.selector.select(0.1):
                sock = key.fileobj
                if sock is self.listener:
                    self._accept()
                elif isinstance(sock, socket.socket) and sock in self.others:
                    self._forward(sock)

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.port_behind))
        except OSError:
            client.close()
            return
        budget = [self.rng.choice((self.rng.randrange(1, 200), self.rng.randrange(200, 1500), self.rng.randrange(1000, 8000)))]
        for one, other in ((client, server), (server, client)):
            self.others[one], self.budgets[one] = other, budget
            self.selector.register(one, selectors.EVENT_READ)

    def _forward(self, sock: socket.socket) -> None:
        budget = self.budgets[sock]
        try:
            data = sock.recv(4096)
            part = data[: budget[0]] if self.left > 0 else data
            self.others[sock].sendall(part)
        except OSError:
            data = part = b""
        budget[0] -= len(part)
        cut = self.left > 0 and budget[0] <= 0
        if cut:
            self.left -= 1
            self.cuts += 1
        if cut or not data:
            for end in (sock, self.others[sock]):
                self.selector.unregister(end)
                del self.others[end], self.budgets[end]
                end.close()

    def close(self) -> None:
        self.stopped.set()
        self.thread.join()
        for sock in [*self.others, self.listener]:
            sock.close()
        self.selector.close()


class Peer:
    """QuickFIX in a process of its own."""

    def __init__(self, folder: Path, role: str, port: int, sender: str, target: str, begin: str, sessions: int = 1) -> None:
        self.applied: Counter[tuple[str, bytes]] = Counter()
        self.answers: dict[str, list[Any]] = {}
        self.started = False
        command = [sys.executable, str(PEER), role, str(folder), str(port), sender, target, begin, str(sessions)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.buffer = b""
        self.asked = ""
        wait_for(lambda: self.started, self.poll)

    def poll(self) -> None:
        assert self.process.stdout is not None
        self.buffer += self.process.stdout.read() or b""
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            event = json.loads(line)
            if "message" in event:
                fields = dict(parse(event["message"].encode("latin-1")))
                self.applied[fields[56].decode(), fields[35] + b" " + fields.get(11, b"")] += 1
            self.started = self.started or "started" in event
            if "numbers" in event:
                self.answers[self.asked] = event["numbers"]

    def ask(self, **request: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def numbers(self, session: str, *each: Any) -> list[int]:
        """Next MsgSeqNum out and in."""
        self.answers.pop(session, None)
        self.asked = session
        self.ask(numbers=1, session=session)
        wait_for(lambda: session in self.answers, self.poll, *each)
        return list(self.answers[session][:2])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def wait_for(condition: Any, *each: Any) -> None:
    """Do ``each`` until the condition holds; an error when it takes ``STALL_S``."""
    end = time.monotonic() + STALL_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing happened for {STALL_S} s")
        for do in each:
            do()
        time.sleep(0.0005)


def body(cl_ord_id: str) -> list[tuple[int, str]]:
    moment = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
    return [(11, cl_ord_id), (21, "1"), (38, "100"), (40, "1"), (54, "1"), (55, "ABC"), (60, moment)]


class Initiator:
    """Our session as the initiator; connects again as soon as the connection is gone."""

    def __init__(self, folder: Path, port: int, begin: str) -> None:
        self.config = SessionConfig("FIRM", "VENUE", "initiator", begin, HEARTBEAT_S)
        self.store = MessageStore(folder / "firm.store", self.config.identity)
        self.session = Session(self.config, self.store)
        self.port = port
        self.sock: socket.socket | None = None
        self.unread = self.unsent = b""
        self.sent = 0
        self.applied: Counter[bytes] = Counter()

    def turn(self, sending: bool) -> None:
        """One bounded round: connect, send an order, write, read, take events, tick."""
        now = time.time_ns()
        if self.sock is None:
            try:
                self.sock = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                return
            self.sock.setblocking(False)
            self.unread = self.unsent = b""
            self.session.connected(now)
        if sending and self.session.state in ("up", "down") and self.sent - len(self.applied) < OUTSTANDING_MAX:
            text = b"".join(b"%d=%s\x01" % (t, v.encode()) for t, v in body(f"C{self.sent + 1}"))
            self.sent += bool(self.session.send_app(b"D", text, now))
        try:
            self._transfer(now)
        except ConnectionError:
            self._drop(now)

    def _transfer(self, now: int) -> None:
        assert self.sock is not None
        with contextlib.suppress(BlockingIOError):
            while data := self.unsent or self.session.take_output():
                self.unsent = data
                self.unsent = data[self.sock.send(data) :]
        with contextlib.suppress(BlockingIOError):
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionResetError
            self.unread += data
        self.unread = self.unread[self.session.received(self.unread, now) :]
        self.session.tick(now)
        for event in self.session.take_events(now):
            if event[0] == "app":
                fields = dict(parse(event[1]))
                self.applied[fields[35] + b" " + fields.get(11, b"")] += 1
            elif event[0] == "disconnect":
                raise ConnectionResetError

    def _drop(self, now: int) -> None:
        assert self.sock is not None
        self.sock.close()
        self.sock = None
        self.session.disconnected(now)
        self.session.take_events(now)

    def close(self) -> None:
        if self.sock is not None:
            self._drop(time.time_ns())
        self.store.close()


def twice_or_lost(what: str, applied: Counter[Any], expected: set[Any]) -> list[str]:
    """Return what is wrong, in words."""
    lost, unknown = expected - set(applied), set(applied) - expected
    twice = [k for k, n in applied.items() if n > 1]
    return [
        f"{what}: {len(found)} {how}, such as {sorted(found)[:3]}" for how, found in (("lost", lost), ("applied twice", twice), ("unknown", unknown)) if found
    ]


def as_initiator(begin: str, reconnects: int, seed: int, folder: Path) -> tuple[list[str], int]:
    """Our initiator against QuickFIX's acceptor; returns what is wrong, and how many orders there were."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = int(s.getsockname()[1])
    peer = Peer(folder, "acceptor", port, "VENUE", "FIRM", begin)
    cutter = Cutter(port, reconnects, random.Random(f"{seed}/initiator/{begin}"))
    ours = Initiator(folder, cutter.port, begin)
    try:
        last, since = (-1, -1), time.monotonic()
        while cutter.left > 0 or len(ours.applied) < ours.sent:
            ours.turn(cutter.left > 0)
            peer.poll()
            if (cutter.cuts, len(ours.applied)) != last:
                last, since = (cutter.cuts, len(ours.applied)), time.monotonic()
            elif time.monotonic() > since + STALL_S:
                return [f"stuck after {cutter.cuts} cuts: {len(ours.applied)} of {ours.sent} orders answered"], ours.sent
        wrong = twice_or_lost("QuickFIX", peer.applied, {("VENUE", b"D C%d" % n) for n in range(1, ours.sent + 1)})
        wrong += twice_or_lost("ours", ours.applied, {b"8 C%d" % n for n in range(1, ours.sent + 1)})
        agreed = agree(lambda: peer.numbers("VENUE", lambda: ours.turn(False)), ours.session)
        return wrong + agreed, ours.sent
    finally:
        ours.close()
        cutter.close()
        peer.stop()


def agree(theirs: Callable[[], list[int]], ours: Session) -> list[str]:
    """Compare numbers until they agree, for some heartbeats; returns what is wrong."""
    end = time.monotonic() + 4 * HEARTBEAT_S
    while (found := theirs()) != [ours.next_in, ours.next_out]:
        if time.monotonic() > end:
            return [f"{ours.config.identity}: sequence numbers differ: QuickFIX {found}, ours in and out {[ours.next_in, ours.next_out]}"]
    return []


class Recording(Echo):
    """The echo application, counting what it takes."""

    def __init__(self) -> None:
        super().__init__(lambda _kind: {})
        self.applied: Counter[bytes] = Counter()

    def answer(self, message: bytes, poss_dup: bool) -> Answer | None:
        return super().answer(message, poss_dup)

    def answered(self, message: bytes) -> None:
        super().answered(message)
        fields = dict(parse(message))
        self.applied[fields[35] + b" " + fields.get(11, b"")] += 1


def as_acceptor(begin: str, reconnects: int, seed: int, folder: Path, sessions: int = SESSIONS) -> tuple[list[str], int]:
    """QuickFIX's initiator, many sessions, against our acceptor; returns what is wrong, and how many orders there were."""
    names = ["FIRM"] if sessions == 1 else [f"FIRM{n}" for n in range(1, sessions + 1)]
    applications = {name: Recording() for name in names}
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    configs = [SessionConfig("VENUE", name, "acceptor", begin) for name in names]
    acceptor = Acceptor([(c, applications[c.target_comp_id]) for c in configs], folder, listener, clock=time.time_ns, log=lambda *_event: None)
    cutter = Cutter(port, reconnects, random.Random(f"{seed}/acceptor/{begin}"))
    peer = Peer(folder, "initiator", cutter.port, "FIRM", "VENUE", begin, sessions)
    sent: Counter[str] = Counter()
    try:
        last, since = (-1, -1), time.monotonic()
        while cutter.left > 0 or len(peer.applied) < sent.total():
            back = Counter(name for name, _ in peer.applied)
            for name in names if cutter.left > 0 else ():
                if sent[name] - back[name] < OUTSTANDING_MAX:
                    sent[name] += 1
                    peer.ask(send=["D", body(f"{name}-{sent[name]}")], session=name)
            acceptor.turn(2_000_000)
            peer.poll()
            if (cutter.cuts, len(peer.applied)) != last:
                last, since = (cutter.cuts, len(peer.applied)), time.monotonic()
            elif time.monotonic() > since + STALL_S:
                return [f"stuck after {cutter.cuts} cuts: {len(peer.applied)} of {sent.total()} orders came back"], sent.total()
        wrong = []
        for name, line in zip(names, acceptor.lines.values(), strict=True):
            expected = {b"D %s-%d" % (name.encode(), n) for n in range(1, sent[name] + 1)}
            wrong += twice_or_lost(f"ours, {name}", applications[name].applied, expected)
            wrong += twice_or_lost(f"QuickFIX, {name}", Counter({k[1]: n for k, n in peer.applied.items() if k[0] == name}), expected)
            wrong += agree(lambda name=name: peer.numbers(name, lambda: acceptor.turn(2_000_000)), line.session)  # type: ignore[misc]
        return wrong, sent.total()
    finally:
        peer.stop()
        acceptor.close()
        cutter.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reconnects", type=int, default=1000, help="for each combination of role and version (default 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--role", choices=("initiator", "acceptor"), help="ours; default both")
    parser.add_argument("--begin-string", choices=("FIX.4.2", "FIX.4.4"), help="default both")
    arguments = parser.parse_args()
    failed = 0
    for role, run in (("initiator", as_initiator), ("acceptor", as_acceptor)):
        for begin in ("FIX.4.2", "FIX.4.4"):
            if arguments.role not in (None, role) or arguments.begin_string not in (None, begin):
                continue
            start = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                wrong, orders = run(begin, arguments.reconnects, arguments.seed, Path(folder))
            took = time.monotonic() - start
            outcome = "\n  ".join(["FAILED", *wrong]) if wrong else "nothing lost, nothing twice, numbers equal"
            print(f"{begin} {role}, seed {arguments.seed}: {arguments.reconnects} reconnects, {orders} orders in {took:.1f} s: {outcome}", flush=True)
            failed += bool(wrong)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
