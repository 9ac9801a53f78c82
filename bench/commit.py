"""Commits, one after another: our journal writer against NATS JetStream's synchronous publish, the same bytes at the same durability.

Ours is the writer that the sidecar uses, called in this process: a frame appended, and durable in the way that the sidecar measures as the faster, before
the next. JetStream is a server with a file store on the same file system: a message published over TCP on this host, its acknowledgement awaited, before the
next, by a client that does nothing else (the protocol's text straight into a socket). So the ratio is of an embedded log to a log behind a socket, which is
the choice that a firm has.

Durability: JetStream acknowledges from the page cache and syncs every two minutes, unless its ``sync_interval`` is ``always``, which servers before 2.10 do not
know; then there is no row of synced commits of theirs, and the note says so. Synced commits one after another are the disk's on both sides: what a firm has
beyond that is the group that shares one sync (``bench journal``). Verified: acknowledgements count up by one, the stream holds every message, our
segments are read back.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ringfence.bench import peers
from ringfence.bench.floor import ping
from ringfence.bench.harness import Report, Row, interleave, parse, show
from ringfence.bench.host import PeerMissing
from ringfence.bench.journal import make_batches
from ringfence.tools.journal import JournalReader
from ringfence.tools.journal_commit import choose
from ringfence.tools.journal_writer import JournalWriter

COMMITS, COMMITS_QUICK = 2_000, 30
START_S = 10.0
GOAL = 5
PEER = "NATS JetStream"


class Client:
    """A NATS connection that asks and waits."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), START_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()  # INFO
        self.socket.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB inbox 1\r\nPING\r\n')
        while self.lines.readline() != b"PONG\r\n":
            pass

    def ask(self, subject: bytes, payload: bytes) -> dict[str, Any]:
        """Publish with a reply subject and return the answer.

        Raises
        ------
        RuntimeError
            If the server refuses.
        """
        self.socket.sendall(b"PUB %s inbox %d\r\n%s\r\n" % (subject, len(payload), payload))
        while not (line := self.lines.readline()).startswith(b"MSG"):
            if line.startswith(b"-ERR") or not line:
                raise RuntimeError(f"{PEER} answered {line!r}")
            if line == b"PING\r\n":
                self.socket.sendall(b"PONG\r\n")
        answer: dict[str, Any] = json.loads(self.lines.read(int(line.split()[-1]) + 2))
        if "error" in answer:
            raise RuntimeError(f"{PEER} refuses: {answer['error']}")
        return answer

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


@contextlib.contextmanager
def server(folder: Path, *, synced: bool) -> Iterator[int]:
    """A server with a file store in ``folder``, on a free port, which is yielded.

    Raises
    ------
    PeerMissing
        If there is none, or it does not know ``sync_interval``.
    """
    program = peers.program("nats-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    store = folder / "store"
    sync = "sync_interval: always" if synced else ""
    configuration = folder / "nats.conf"
    configuration.write_text(f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{store}"\n{sync} }}\n')
    with (folder / "nats.log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(configuration)], stdout=log, stderr=log)
    try:
        _await(process, port, folder / "nats.log")
        yield port
    finally:
        process.terminate()
        process.wait(START_S)


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise PeerMissing(f"{PEER} does not start so: {log.read_text().strip()[-200:]}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        time.sleep(0.02)


def theirs(scratch: Path, messages: list[bytes], *, synced: bool) -> dict[str, float]:
    """Publish every message and await its acknowledgement."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    with server(folder, synced=synced) as port:
        client = Client(port)
        client.ask(b"$JS.API.STREAM.CREATE.bench", json.dumps({"name": "bench", "subjects": ["journal"], "storage": "file"}).encode())
        begin = time.perf_counter_ns()
        for seq, message in enumerate(messages, 1):
            if client.ask(b"journal", message)["seq"] != seq:
                raise RuntimeError(f"{PEER} acknowledged another message than number {seq}")
        elapsed = time.perf_counter_ns() - begin
        held = client.ask(b"$JS.API.STREAM.INFO.bench", b"")["state"]["messages"]
        client.close()
    shutil.rmtree(folder)
    if held != len(messages):
        raise RuntimeError(f"{PEER} holds {held} of {len(messages)} messages")
    return {"commits/s": len(messages) * 1e9 / elapsed}


def ours(scratch: Path, messages: list[bytes], *, synced: bool) -> dict[str, float]:
    """Append every message with the sidecar's writer, durable before the next when ``synced``."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    mode = choose(folder, "auto").mode if synced else "fdatasync"  # direct has no page cache
    with JournalWriter(folder, "bench", commit=mode) as writer:
        begin = time.perf_counter_ns()
        for message in messages:
            if writer.append(message, 0, len(message)) != len(message):
                raise RuntimeError("a frame did not fit in the segment")
            if synced:
                writer.sync()
        elapsed = time.perf_counter_ns() - begin
    held = sum(1 for _ in JournalReader(folder).frames())
    shutil.rmtree(folder)
    if held != len(messages):
        raise RuntimeError(f"our journal holds {held} of {len(messages)} frames")
    return {"commits/s": len(messages) * 1e9 / elapsed}


def main(argv: Sequence[str]) -> int:
    """Measure and print; 0 when every message is there."""
    options = parse("commit", argv, __doc__, rounds=5)
    messages = make_batches(1, COMMITS_QUICK if options.quick else COMMITS)
    scratch = Path(tempfile.mkdtemp(prefix="ringfence-bench-", dir="."))
    notes = [f"closed loop, {len(messages[0])} bytes a message; goal {GOAL}x at the same durability"]
    runs, rows = {}, []
    names = {False: "in the page cache (survives the process)", True: "on disk"}
    try:
        for synced, name in names.items():
            runs[f"ours {name}"] = partial(ours, scratch, messages, synced=synced)
            try:
                theirs(scratch, messages[:2], synced=synced)
            except PeerMissing as e:
                notes.append(f"{name}: {e}")
                continue
            runs[f"theirs {name}"] = partial(theirs, scratch, messages, synced=synced)
        found = interleave(runs, options.rounds, ping)
    finally:
        shutil.rmtree(scratch)
    for name in names.values():
        other = found[f"theirs {name}"]["commits/s"] if f"theirs {name}" in found else None
        rows.append(Row(name, PEER, "commits/s", found[f"ours {name}"]["commits/s"], other))
    return show(Report("commit", {}, rows, [*notes, found.note]), options)
