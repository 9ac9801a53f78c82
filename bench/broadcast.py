"""The broadcast ring: one producer, three readers in processes of their own; what each reads, and what it loses, to the tick.

Without pause (overload) the producer laps readers that do not keep up: what a reader took and what it was told that it lost must add up to all ticks,
whatever the load, and no tick may be torn. At a steady rate nothing is lost as long as a reader is never away for longer than the ring is deep. Four
processes share the cores that there are, so readers wait by ``sched_yield``; on a host with four cores figures are better and nothing else changes.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from typing import Any

from ringfence.bench.broadcast_loops import consume, produce
from ringfence.bench.floor import ping
from ringfence.bench.harness import Report, Row, interleave, parse, show
from ringfence.bench.host import two_cores
from ringfence.ipc.broadcast import Listener, Publisher, market_sections
from ringfence.ipc.clock import Clock
from ringfence.ipc.host import Idle, pin
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

READERS = 3
SLOTS = 65536
RATES = (100_000, 1_000_000, 0)  # ticks a second; 0: without pause
SECONDS, SECONDS_QUICK = 1.0, 0.01
OVERLOAD, OVERLOAD_QUICK = 20_000_000, 200_000
_FORK = multiprocessing.get_context("fork")
serial = 0


def once(rate: int, count: int, cores: tuple[int, int]) -> dict[str, float]:
    """One run; figures of the producer and of all readers together.

    Raises
    ------
    RuntimeError
        If a reader's ticks taken and lost do not add up, or one was torn.
    """
    global serial
    serial += 1
    market = Segment.create(f"broadcast{os.getpid()}x{serial}", "market", market_sections(SLOTS, 0), role=ENUMS["Role"].by_name["FEED"], epoch=1)
    before = os.sched_getaffinity(0)
    queue = _FORK.SimpleQueue()

    def reader(ready: Any) -> None:
        pin(cores[1])
        ready.set()
        queue.put(consume(Listener(market, 0), count, int(Idle.YIELD)))

    try:
        processes = []
        for _ in range(READERS):
            ready = _FORK.Event()
            processes.append(_FORK.Process(target=reader, args=(ready,), daemon=True))
            processes[-1].start()
            ready.wait(10)
        pin(cores[0])
        elapsed = produce(Publisher(market), Clock.calibrate(0.001), count, 10**9 // rate if rate else 0, rows=False)
        for process in processes:
            process.join(60)
            if process.exitcode != 0:
                process.kill()
                raise RuntimeError(f"a reader ended with {process.exitcode}: a tick was torn, or it did not end")
        found = [queue.get() for _ in processes]
    finally:
        os.sched_setaffinity(0, before)
        market.unlink()
    if any(taken + lost != count for taken, lost in found):
        raise RuntimeError(f"of {count} ticks readers took and lost {found}: some went unnoticed")
    return {"published_per_s": count * 1e9 / elapsed, "taken": sum(t for t, _ in found) / READERS, "lost": sum(lost for _, lost in found) / READERS}


def main(argv: Sequence[str]) -> int:
    """Measure and print; 0 when every tick is accounted for."""
    options = parse("broadcast", argv, __doc__, rounds=3)
    cores = two_cores()
    counts = {rate: int(rate * (SECONDS_QUICK if options.quick else SECONDS)) or (OVERLOAD_QUICK if options.quick else OVERLOAD) for rate in RATES}
    found = interleave({str(rate): (lambda rate=rate: once(rate, counts[rate], cores)) for rate in RATES}, options.rounds, ping)  # type: ignore[misc]
    rows = []
    for rate in RATES:
        name = f"{rate:,} ticks/s, {READERS} readers" if rate else f"without pause, {READERS} readers"
        figures = found[str(rate)]
        rows.append(Row(name, "-", "published/s", figures["published_per_s"], None))
        rows.append(Row(name, f"of {counts[rate]:,}", "taken by a reader, mean", figures["taken"], None))
        rows.append(Row(name, f"of {counts[rate]:,}", "lost by a reader, mean", figures["lost"], None))
    notes = [found.note, f"core {cores[0]} the producer, core {cores[1]} the readers; taken and lost add up to all ticks in every round", f"{SLOTS:,} slots"]
    return show(Report("broadcast", {}, rows, notes), options)
