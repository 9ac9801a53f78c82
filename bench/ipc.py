"""Python to Python: 64-byte messages between two processes, through our ring and through what Python programs use otherwise.

    ours (Link.send, Link.receive) │ multiprocessing.Queue, Pipe │ posix_ipc message queues │ pyzmq PUSH/PULL over ipc:// │ iceoryx2 publish-subscribe

All carry the same 64 bytes with a number in them that the receiver verifies; both processes are pinned; rounds are interleaved, medians count. Closed loop:
one side sends as fast as the channel takes it (throughput), or waits for each answer (round trip). Who waits gives its core away (``sched_yield``) where the
interface lets it, else it waits as the peer waits. Peers that are not installed are named with the command that installs them.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from ringfence.bench.floor import ping
from ringfence.bench.harness import Options, Report, Row, interleave, parse, show
from ringfence.bench.host import PeerMissing, two_cores
from ringfence.bench.ring import SLOTS, timed
from ringfence.ipc.host import pin
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

BYTES = 64
MESSAGES, MESSAGES_QUICK = 40_000, 200
TRIPS_SHARE = 4  # of the messages, one in so many for round trips
_PAD = bytes(BYTES - 8)
_FORK = multiprocessing.get_context("fork")
_ROLE = ENUMS["Role"].by_name["VENUE"]
serial = 0


class Channel(Protocol):
    """One side's end, both ways."""

    def send(self, n: int) -> None: ...
    def receive(self) -> int: ...


Open = Callable[[bool], Channel]  # the parent's end, or the child's; called in the process that uses it


class _Ours:
    def __init__(self, link: Link) -> None:
        self.link, self.row = link, np.zeros(1, dtype("QuoteTick"))

    def send(self, n: int) -> None:
        self.row["bid"] = n
        while self.link.depth >= SLOTS:
            os.sched_yield()
        self.link.send(self.row.tobytes())

    def receive(self) -> int:
        while (record := self.link.receive()) is None:
            os.sched_yield()
        return int(record["bid"])


class _Calls:
    """A channel of two functions on bytes."""

    def __init__(self, put: Callable[[bytes], Any], get: Callable[[], bytes]) -> None:
        self.put, self.get = put, get

    def send(self, n: int) -> None:
        self.put(n.to_bytes(8, "little") + _PAD)

    def receive(self) -> int:
        return int.from_bytes(self.get()[:8], "little")


@contextlib.contextmanager
def ours() -> Iterator[Open]:
    """Two regions, a ring each way."""
    global serial
    serial += 1
    instance = f"ipc{os.getpid()}x{serial}"
    segments = [Segment.create(instance, name, link_sections("QuoteTick", SLOTS), role=_ROLE, epoch=1) for name in ("to.b", "from.b")]
    try:
        yield lambda parent: _Ours(Link(segments[not parent], Segment.attach(instance, "from.b" if parent else "to.b")))
    finally:
        for segment in segments:
            segment.unlink()


@contextlib.contextmanager
def queue() -> Iterator[Open]:
    """multiprocessing.Queue: a pipe, a lock and a feeder thread."""
    to, back = _FORK.Queue(SLOTS), _FORK.Queue(SLOTS)
    yield lambda parent: _Calls((to if parent else back).put, (back if parent else to).get)


@contextlib.contextmanager
def pipe() -> Iterator[Open]:
    """multiprocessing.Pipe."""
    mine, theirs = _FORK.Pipe()
    yield lambda parent: _Calls((mine if parent else theirs).send_bytes, (mine if parent else theirs).recv_bytes)
    mine.close()
    theirs.close()


@contextlib.contextmanager
def posix_queue() -> Iterator[Open]:
    """POSIX message queues: a system call a message, at most 10 of them unless the host allows more."""
    import posix_ipc

    global serial
    serial += 1
    names = [f"/rf-bench-{os.getpid()}-{serial}-{way}" for way in "ab"]
    queues = [posix_ipc.MessageQueue(name, posix_ipc.O_CREX, max_messages=10, max_message_size=BYTES) for name in names]
    try:
        yield lambda parent: _Calls(queues[not parent].send, lambda: queues[parent].receive()[0])
    finally:
        for q in queues:
            q.unlink()
            q.close()


@contextlib.contextmanager
def zmq_sockets() -> Iterator[Open]:
    """PUSH and PULL sockets each way over ipc://; contexts are made after the fork, as pyzmq asks."""
    try:
        import zmq
    except ImportError as e:
        raise PeerMissing(f"pyzmq: {e}; pip install pyzmq") from e
    with tempfile.TemporaryDirectory(prefix="rf-zmq-") as folder:

        def make(parent: bool) -> Channel:
            context = zmq.Context()
            out, inbound = context.socket(zmq.PUSH), context.socket(zmq.PULL)
            for socket in (out, inbound):
                socket.set_hwm(SLOTS)
            out.bind(f"ipc://{folder}/{int(parent)}")
            inbound.connect(f"ipc://{folder}/{int(not parent)}")
            return _Calls(out.send, inbound.recv)

        yield make


class _Words(ctypes.Structure):
    _fields_ = [("words", ctypes.c_uint64 * (BYTES // 8))]


class _Iceoryx:
    def __init__(self, iox: Any, name: str, parent: bool) -> None:
        iox.set_log_level_from_env_or(iox.LogLevel.Error)
        self.node = iox.NodeBuilder.new().create(iox.ServiceType.Ipc)
        self.services = [
            self.node.service_builder(iox.ServiceName.new(f"{name}/{way}"))
            .publish_subscribe(_Words)
            .subscriber_max_buffer_size(SLOTS)
            .enable_safe_overflow(False)
            .open_or_create()
            for way in "ab"
        ]
        self.publisher = self.services[not parent].publisher_builder().backpressure_strategy(iox.BackpressureStrategy.RetryUntilDelivered).create()
        self.subscriber = self.services[parent].subscriber_builder().buffer_size(SLOTS).create()
        self.words = _Words()

    def send(self, n: int) -> None:
        self.words.words[0] = n
        self.publisher.send_copy(self.words)

    def receive(self) -> int:
        while (sample := self.subscriber.receive()) is None:
            os.sched_yield()
        return int(sample.payload().contents.words[0])


@contextlib.contextmanager
def iceoryx() -> Iterator[Open]:
    """iceoryx2 publish-subscribe: shared memory without copies in C; from Python a ctypes structure is copied in. Without overflow: the sender waits."""
    try:
        import iceoryx2
    except ImportError as e:
        raise PeerMissing(f"iceoryx2: {e}; pip install iceoryx2") from e
    global serial
    serial += 1
    name = f"rf-bench-{os.getpid()}-{serial}"
    yield lambda parent: _Iceoryx(iceoryx2, name, parent)


OURS = "ours"
CHANNELS: dict[str, Callable[[], contextlib.AbstractContextManager[Open]]] = {
    OURS: ours,
    "multiprocessing.Queue": queue,
    "multiprocessing.Pipe": pipe,
    "posix_ipc.MessageQueue": posix_queue,
    "pyzmq PUSH/PULL": zmq_sockets,
    "iceoryx2": iceoryx,
}


def play(channel: Channel, side: str, count: int) -> None:
    """Run one side: ``produce``, ``consume``, ``ping`` or ``pong``.

    Raises
    ------
    RuntimeError
        If a message does not arrive in its turn.
    """
    for n in range(count):
        if side in ("produce", "ping"):
            channel.send(n)
        if side != "produce" and (got := channel.receive()) != n:
            raise RuntimeError(f"message {n} arrived as {got}")
        if side == "pong":
            channel.send(n)


def measure(make: Callable[[], contextlib.AbstractContextManager[Open]], parent: str, child: str, count: int, cores: tuple[int, int]) -> dict[str, float]:
    """Two processes over a fresh channel. A message first goes each way, so that connecting is not timed."""
    with make() as opened:

        def other(ready: Any) -> None:
            pin(cores[1])
            end = opened(False)
            ready.set()
            play(end, "pong", 1)
            play(end, child, count)
            play(end, "pong", 1)

        mine: list[Channel] = []

        def side() -> None:
            mine.append(opened(True))
            play(mine[0], "ping", 1)
            play(mine[0], parent, count)
            play(mine[0], "ping", 1)

        return timed(other, side, count, cores[0])


def rows_of(found: dict[str, dict[str, float]]) -> list[Row]:
    """A row for each peer and metric; missing peers have none of theirs."""
    rows = []
    for peer in [name for name in CHANNELS if name != OURS]:
        for what, metric, key in (("one way", "messages/s", "messages_per_s"), ("there and back", "ns round trip", "round_trip_ns")):
            theirs = found[f"{peer} {what}"][key] if f"{peer} {what}" in found else None
            rows.append(Row(f"Python to Python, {what}", peer, metric, found[f"{OURS} {what}"][key], theirs))
    return rows


def available(options: Options, cores: tuple[int, int]) -> tuple[dict[str, Callable[[], dict[str, float]]], list[str]]:
    """The measures of ours and of every peer that is here, and a note for each that is not."""
    measures: dict[str, Callable[[], dict[str, float]]] = {}
    notes: list[str] = []
    count = MESSAGES_QUICK if options.quick else MESSAGES
    for name, make in CHANNELS.items():
        try:
            with make():
                pass
        except (PeerMissing, OSError) as e:
            notes.append(f"{name} was not measured: {e}")
            continue
        measures[f"{name} one way"] = partial(measure, make, "produce", "consume", count, cores)
        measures[f"{name} there and back"] = partial(measure, make, "ping", "pong", count // TRIPS_SHARE, cores)
    return measures, notes


def main(argv: Sequence[str]) -> int:
    """Measure and print; 0 when every message was verified."""
    options = parse("ipc", argv, __doc__, rounds=5)
    measures, notes = available(options, two_cores())
    found = interleave(measures, options.rounds, ping)
    notes += [found.note, "closed loop; every message verified"]
    return show(Report("ipc", {}, rows_of(found), notes), options)
