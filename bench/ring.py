"""Ring: throughput and round trip between two processes at 64 bytes.

The comparison that counts is native against native, under one driver (bench/native/driver.h): our ring.h, Boost.Lockfree's spsc_queue,
and a bare cache line as the floor; only the queue differs. Then ours as Cython processes use it (two regions, a Link each), and from
Python against ``multiprocessing.Queue``. Rounds are interleaved, medians count, both processes are pinned, every message is verified.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ringfence.bench.floor import ping
from ringfence.bench.harness import Options, Report, Row, interleave, parse, show
from ringfence.bench.host import PeerMissing, compile_native, run_native, two_cores
from ringfence.bench.ring_loops import run as run_loop
from ringfence.ipc.host import Idle, pin
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

SLOTS = 1024
BATCH = 32
BOOST = "Boost.Lockfree spsc_queue"
QUEUE = "multiprocessing.Queue"
_ROLE = ENUMS["Role"].by_name["VENUE"]
_FORK = multiprocessing.get_context("fork")


def main(argv: Sequence[str]) -> int:
    """Measure and print; the exit code is 0 when every message was verified."""
    options = parse("ring", argv, __doc__)
    return show(measure(options), options)


def measure(options: Options) -> Report:
    """Run all rounds and return the report."""
    native, trips, python = (20_032, 2_000, 500) if options.quick else (10_000_000, 500_000, 40_000)
    cores = two_cores()
    ours, line = compile_native("ours_ring.c"), compile_native("pingpong.c")
    measures: dict[str, Callable[[], dict[str, float]]] = {
        "floor": partial(run_native, line, "round_trip", trips, *cores),
        "floor 64": partial(run_native, line, "round_trip", trips, *cores, 2),
        "floor two": partial(run_native, line, "round_trip", trips // 3 * 3, *cores, 3),
    }
    notes = [
        "the floor is a bare cache line between the same cores; 'filled' writes and verifies its 64 bytes, which a message needs; 'one each way' has a line "
        "for each direction, as every pair of queues has"
    ]
    native_peers = [("ours", ours)]
    try:
        native_peers.append(("boost", compile_native("boost_ring.cpp", install="apt-get install g++ libboost-dev")))
    except PeerMissing as e:
        notes.append(f"{BOOST} was not measured: {e}")
    for name, program in native_peers:
        measures[f"{name} one"] = partial(run_native, program, "throughput", native, *cores)
        measures[f"{name} batch"] = partial(run_native, program, "throughput", native, *cores, BATCH)
        measures[f"{name} trip"] = partial(run_native, program, "round_trip", trips, *cores)
    measures["cython one"] = partial(_pair, run_loop, "produce", "consume", native, cores)
    measures["cython trip"] = partial(_pair, run_loop, "ping", "pong", trips, cores)
    try:
        from ringfence.bench.numba_loops import run as run_numba

        measures["numba one"] = partial(_region_pair, run_numba, "produce", "consume", native, cores)
        measures["numba trip"] = partial(_region_pair, run_numba, "ping", "pong", trips, cores)
    except ImportError as e:
        notes.append(f"numba was not measured: {e}")
    measures["python one"] = partial(_pair, _python_side, "produce", "consume", python, cores)
    measures["python trip"] = partial(_pair, _python_side, "ping", "pong", python // 4, cores)
    measures["queue one"] = partial(_queue_pair, "produce", "consume", python, cores)
    measures["queue trip"] = partial(_queue_pair, "ping", "pong", python // 4, cores)
    found = interleave(measures, options.rounds, ping)
    notes += [found.note, "closed loop: a side sends its next message when there is room, or when the answer has come"]
    if cores[0] == cores[1]:
        notes.append("one core only: both processes share it, so every figure is dominated by the scheduler")
    floor = {
        "cache_line_round_trip_ns": _trip(found["floor"]),
        "cache_line_filled_round_trip_ns": _trip(found["floor 64"]),
        "lines_one_each_way_round_trip_ns": _trip(found["floor two"]),
    }
    return Report("ring", floor, _rows(found), notes)


def _rows(found: dict[str, dict[str, float]]) -> list[Row]:
    rate, trip = "messages/s", "ns round trip"
    floor, filled = _trip(found["floor"]), _trip(found["floor 64"])

    def theirs(name: str, figure: Callable[[dict[str, float]], float]) -> float | None:
        return figure(found[name]) if name in found else None

    return [
        Row("native, one message at a time", BOOST, rate, _rate(found["ours one"]), theirs("boost one", _rate)),
        Row(f"native, batches of {BATCH}", BOOST, rate, _rate(found["ours batch"]), theirs("boost batch", _rate)),
        Row("native", BOOST, trip, _trip(found["ours trip"]), theirs("boost trip", _trip)),
        Row("native", "bare cache line", trip, _trip(found["ours trip"]), floor),
        Row("native", "bare cache line, filled", trip, _trip(found["ours trip"]), filled),
        Row("native", "bare cache lines, one each way, filled", trip, _trip(found["ours trip"]), _trip(found["floor two"])),
        Row("Cython over a Link", BOOST, rate, _rate(found["cython one"]), theirs("boost one", _rate)),
        Row("Cython over a Link", "bare cache line", trip, _trip(found["cython trip"]), floor),
        *(
            [
                Row("numba", "Cython over a Link", rate, _rate(found["numba one"]), _rate(found["cython one"])),
                Row("numba", "Cython over a Link", trip, _trip(found["numba trip"]), _trip(found["cython trip"])),
                Row("numba", "bare cache line", trip, _trip(found["numba trip"]), floor),
            ]
            if "numba one" in found
            else []
        ),
        Row("Python, Link.send and receive", QUEUE, rate, _rate(found["python one"]), _rate(found["queue one"])),
        Row("Python, Link.send and receive", QUEUE, trip, _trip(found["python trip"]), _trip(found["queue trip"])),
    ]


def _rate(figures: dict[str, float]) -> float:
    return figures["messages_per_s"]


def _trip(figures: dict[str, float]) -> float:
    return figures["round_trip_ns"]


def timed(child: Callable[[Any], None], parent: Callable[[], None], count: int, core: int) -> dict[str, float]:
    """Run both sides, this process pinned to ``core`` meanwhile; figures from the start of both to the end of both."""
    before = os.sched_getaffinity(0)
    ready = _FORK.Event()
    process = _FORK.Process(target=child, args=(ready,), daemon=True)
    process.start()
    pin(core)
    ready.wait(10)
    begin = time.perf_counter_ns()
    try:
        parent()
        process.join(60)
        elapsed = time.perf_counter_ns() - begin
    finally:
        os.sched_setaffinity(0, before)
        if process.is_alive():
            process.kill()
            process.join()
    if process.exitcode:
        raise RuntimeError(f"the receiving process ended with {process.exitcode}: a message was lost or wrong")
    return {"messages_per_s": count * 1e9 / elapsed, "round_trip_ns": elapsed / count}


def _pair(side: Callable[[Link, str, int, int], None], parent: str, child: str, count: int, cores: tuple[int, int]) -> dict[str, float]:
    """Two processes over two fresh regions; the child opens its own mappings by name."""
    instance = f"bench{os.getpid()}"
    idle = int(Idle.YIELD if cores[0] == cores[1] else Idle.SPIN)
    segments = [Segment.create(instance, name, link_sections("QuoteTick", SLOTS), role=_ROLE, epoch=1) for name in ("to.b", "from.b")]
    try:

        def other(ready: Any) -> None:
            pin(cores[1])
            link = Link(segments[1], Segment.attach(instance, "to.b"))
            ready.set()
            side(link, child, count, idle)

        mine = Link(segments[0], Segment.attach(instance, "from.b"))
        return timed(other, lambda: side(mine, parent, count, idle), count, cores[0])
    finally:
        for segment in segments:
            segment.unlink()


def _region_pair(side: Callable[[Segment, Segment, str, int], None], parent: str, child: str, count: int, cores: tuple[int, int]) -> dict[str, float]:
    """The same for a side that takes regions; it is compiled before the time begins, and the child has that from its parent."""
    instance = f"bench{os.getpid()}"
    segments = [Segment.create(instance, name, link_sections("QuoteTick", SLOTS), role=_ROLE, epoch=1) for name in ("to.b", "from.b")]
    try:
        side(segments[0], segments[1], parent, 0)

        def other(ready: Any) -> None:
            pin(cores[1])
            ready.set()
            side(segments[1], segments[0], child, count)

        return timed(other, lambda: side(segments[0], segments[1], parent, count), count, cores[0])
    finally:
        for segment in segments:
            segment.unlink()


def _python_side(link: Link, side: str, count: int, idle: int) -> None:
    row = np.zeros(1, dtype("QuoteTick"))
    for n in range(count):
        if side in ("consume", "pong"):
            _check(_receive(link), n)
        if side != "consume":
            row["bid"] = n
            _send(link, row.tobytes())
        if side == "ping":
            _check(_receive(link), n)


def _send(link: Link, raw: bytes) -> None:
    while link.depth >= SLOTS:
        os.sched_yield()
    link.send(raw)


def _receive(link: Link) -> int:
    while (record := link.receive()) is None:
        os.sched_yield()
    return int(record["bid"])


def _check(got: int, n: int) -> None:
    if got != n:
        raise RuntimeError(f"message {n} arrived as {got}")


def _queue_pair(parent: str, child: str, count: int, cores: tuple[int, int]) -> dict[str, float]:
    to: Any = _FORK.Queue(SLOTS)
    back: Any = _FORK.Queue(SLOTS)
    payload = bytes(56)

    def run(side: str, out: Any, inbound: Any) -> None:
        for n in range(count):
            if side in ("consume", "pong"):
                _check(int.from_bytes(inbound.get()[:8], "little"), n)
            if side != "consume":
                out.put(n.to_bytes(8, "little") + payload)
            if side == "ping":
                _check(int.from_bytes(inbound.get()[:8], "little"), n)

    def other(ready: Any) -> None:
        pin(cores[1])
        ready.set()
        run(child, back, to)

    return timed(other, lambda: run(parent, to, back), count, cores[0])
