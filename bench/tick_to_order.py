"""Tick to order: a tick in shared memory, a numba strategy, the engine with every check and its journal, FIX bytes at ``send()``; open loop, at fixed rates.

    feed ─▶ strategy ─▶ engine ─▶ gateway ─▶ TCP to a sink that keeps every byte    (tick_loops.pyx; strategy, engine and gateway are the real ones)

Ticks are due at fixed times, whatever the rest does; every time is counted from when a tick was due, so a part that is held up delays all that follow and
that shows (no coordinated omission). The same number of orders a second is sent at each rate: an order for every N-th tick. Stages come from the histograms
that every instance keeps (docs/latency.md); the first tenth of a run is left out.

With two cores four processes cannot each have their own, so there are layouts: in "two processes" the engine has a core and all else takes turns on the other,
which makes two cross-core hops from strategy to wire, and the floor is a cache line that goes there and back between the same cores in the same run; "tick
apart" and "command apart" put the two other hops between cores; "a process each" is four processes that share two cores by ``sched_yield``. Where parts share a
process they share no memory but the rings that they would have anyway.

Verified: every tick's content and number, the journal's numbers, and of the bytes that the venue got every message's length, checksum and MsgSeqNum, and each
order's ClOrdID, price and side: as many as the strategy sent. Anything wrong ends the run. Rejected: a venue that answers (a fifth process on two cores),
rounds over several runs (a run is 50,000 orders: percentiles come from those).
A tick's stamp is its due time, also where a stage says "tick": what a late feed costs is in every span that begins with one.
"""

from __future__ import annotations

import logging
import mmap
import multiprocessing
import os
import re
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.bench.checks import ALONE, SETTINGS
from ringfence.bench.engine import EPOCH, configure, row, set_limits
from ringfence.bench.harness import Options, Report, Row, parse, show
from ringfence.bench.host import PeerMissing, compile_native, run_native, two_cores
from ringfence.bench.tick_loops import HISTOGRAMS as OWN_HISTOGRAMS
from ringfence.bench.tick_loops import Path as TickPath
from ringfence.bench.tick_strategy import compiled
from ringfence.core.counters import COUNTERS, HISTOGRAMS
from ringfence.core.engine import Engine
from ringfence.core.state import Limits, State, state_sections
from ringfence.gateways.attach import Attachment
from ringfence.gateways.fix.gateway import Gateway
from ringfence.gateways.fix.spec import GatewaySpec
from ringfence.ipc.broadcast import market_sections
from ringfence.ipc.clock import Clock
from ringfence.ipc.histogram import Histogram
from ringfence.ipc.host import Idle, pin
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import kill_words

RATES = (10_000, 100_000, 500_000)
ORDERS_PER_S = 10_000
SECONDS, SECONDS_QUICK = 5.0, 0.1
WARM = 0.1  # of the ticks, left out
SETTLE_S = 10.0
TICK_SLOTS, RING_SLOTS = 65536, 16384
WORDS = ("go", "stop", "ticks", "frames", "faults", "ready")
RECORD_AT = 1024  # of the strategy, in the shared mapping
STAGES = {  # name -> (whose histogram, its name)
    "due→tick": ("bench", "due_tick"),
    "due→intent": ("engine", "tick_intent"),
    "intent→accept": ("engine", "intent_accept"),
    "accept→out": ("engine", "accept_out"),
    "out→take": ("gateway", "out_take"),
    "take→encoded": ("gateway", "take_encoded"),
    "encoded→wire": ("gateway", "encoded_wire"),
    "intent→wire": ("gateway", "intent_wire"),
    "due→wire": ("gateway", "tick_wire"),
}
PERCENTILES = {"p50 ns": 50.0, "p99 ns": 99.0, "p99.9 ns": 99.9}
LAYOUTS: dict[str, tuple[tuple[frozenset[str], int], ...]] = {  # processes: their parts, and which of the two cores
    "two processes": ((frozenset({"feed", "strategy", "gateway", "sidecar"}), 0), (frozenset({"engine"}), 1)),
    "tick apart": ((frozenset({"feed", "engine", "gateway", "sidecar"}), 0), (frozenset({"strategy"}), 1)),
    "command apart": ((frozenset({"feed", "strategy", "engine", "sidecar"}), 0), (frozenset({"gateway"}), 1)),
    "a process each": ((frozenset({"feed", "sidecar"}), 0), (frozenset({"strategy"}), 1), (frozenset({"engine"}), 0), (frozenset({"gateway"}), 1)),
}
_ROLES = ENUMS["Role"].by_name
_FORK = multiprocessing.get_context("fork")
_MESSAGE = re.compile(rb"8=FIX\.4\.2\x019=(\d+)\x01")


@dataclass(frozen=True)
class Run:
    """What one run found: histograms [ns] by stage, orders that the venue verified."""

    stages: dict[str, Histogram]
    orders: int


class Firm:
    """An instance of its own: an engine with every limit set, a gateway with its session, a strategy's and a sidecar's links, a market data ring."""

    def __init__(self, folder: Path, port: int, orders: int) -> None:
        self.instance = f"ticks{os.getpid()}"
        self.segments: list[Segment] = []
        try:
            self._open(folder, port, orders)
        except BaseException:
            self.close()
            raise

    def _open(self, folder: Path, port: int, orders: int) -> None:
        log = logging.getLogger("ringfence.bench")
        own = self.region("instance", [("status", "InstanceStatus", 2), ("components", "Component", 2), ("clock", "ClockCalibration", 2)])
        Clock.calibrate().publish(own)
        self.clock = Clock.attach(own)
        self.words = kill_words.take_region(self.instance, EPOCH, log)
        self.segments.append(self.words)
        self.metrics = {"engine": self.counted("engine", COUNTERS, HISTOGRAMS), "bench": self.counted("bench", (), OWN_HISTOGRAMS)}
        to_gateway = self.region("to.gw.v", link_sections("OrderCommand", RING_SLOTS))
        self.gateway = Gateway(_spec(self.instance, folder, port))
        self.metrics["gateway"] = self.gateway.metrics
        self.segments += [self.gateway.mine, self.gateway.metrics.segment]
        journal, self.sidecar = self.link("sidecar", "JournalSlot", None)
        control, supervisor = self.link("control", None, "Control")
        feed, marks = self.link("feed", None, "Mark")
        limits = Limits(orders=orders + 64, executions=64, positions=16, breaks=16)
        tables = self.region("state", state_sections(limits))
        self.market = self.region("market", market_sections(TICK_SLOTS, limits.instruments + 1))
        state = State.in_segment(tables)
        self.engine = Engine(state, self.clock, self.metrics["engine"], journal=journal, control=control, feed=feed, timer_ns=0)
        events = self.region("to.strat.bench", link_sections("StrategyEvent", RING_SLOTS))
        intents = self.region("from.strat.bench", link_sections("Intent", RING_SLOTS))
        configure(supervisor)
        set_limits(supervisor, [f"{name}@1" for name in (*ALONE, *SETTINGS)])
        marks.send(row("Mark", instrument=1, bid=9999, ask=10001, last=10000))
        while self.engine.poll():
            while self.sidecar.receive() is not None:
                pass
        self.engine.set_gateway(1, Link(to_gateway, self.gateway.mine), 0)
        self.engine.set_strategy(1, Link(events, intents))
        for region in (tables, self.market):
            region.set_state(ENUMS["ProcessState"].by_name["RUNNING"])
        self.attachment = Attachment(self.instance, "bench", 1, EPOCH, intents, events, tables, self.market, None, own, self.clock, folder)

    def region(self, name: str, sections: Any) -> Segment:
        segment = Segment.create(self.instance, name, sections, role=_ROLES["ENGINE"], epoch=EPOCH)
        self.segments.append(segment)
        return segment

    def counted(self, component: str, counters: Any, histograms: Any) -> Metrics:
        made = Metrics.create(self.instance, component, counters, histograms, role=_ROLES["ENGINE"], epoch=EPOCH)
        self.segments.append(made.segment)
        return made

    def link(self, peer: str, out: str | None, back: str | None) -> tuple[Link, Link]:
        to = self.region(f"to.{peer}", link_sections(out, RING_SLOTS if out else 0))
        back_end = self.region(f"from.{peer}", link_sections(back, RING_SLOTS if back else 0))
        return Link(to, back_end), Link(back_end, to)

    def stages(self) -> dict[str, Histogram]:
        """Read the histograms of the path."""
        found = {owner: metrics.histograms() for owner, metrics in self.metrics.items()}
        return {stage: found[owner][name] for stage, (owner, name) in STAGES.items()}

    def close(self) -> None:
        for segment in self.segments:
            segment.unlink()


def _spec(instance: str, folder: Path, port: int) -> GatewaySpec:
    session = {"sender_comp_id": "FIRM", "target_comp_id": "VENUE", "heartbeat_s": 60}
    names = {"instance": instance, "component": "gw.v", "venue": "v", "venue_id": 1, "epoch": EPOCH, "addresses": (f"127.0.0.1:{port}",)}
    return GatewaySpec(**names, session=session, store=str(folder / "firm.store"), ring_slots=RING_SLOTS, idle="spin")  # type: ignore[arg-type]


def run(folder: Path, layout: str, rate: int, seconds: float, cores: tuple[int, int]) -> Run:
    """Run one layout at one rate of ticks [1/s].

    Raises
    ------
    RuntimeError
        If a message was lost, wrong or late by more than ``SETTLE_S``, or a process ended early.
    """
    count, every = int(rate * seconds), max(1, rate // ORDERS_PER_S)
    orders = -(-count // every)
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    words = np.frombuffer(memory, np.uint64, len(WORDS))
    listener = socket.create_server(("127.0.0.1", 0))
    kept = folder / f"{layout}-{rate}.fix".replace(" ", "-")
    firm = Firm(folder, listener.getsockname()[1], orders)
    processes: list[BaseProcess] = []
    try:
        strategy, turn = compiled(firm.attachment, memoryview(memory)[RECORD_AT:], every)
        path = TickPath(
            np.frombuffer(memory, np.uint8),
            *(firm.clock, firm.metrics["bench"], firm.market, firm.engine, firm.gateway, firm.sidecar),
            turn=turn.address,
            record=strategy.record.ctypes.data,
            interval_ns=10**9 // rate,
            count=count,
        )
        processes.append(_FORK.Process(target=_sink, args=(listener, kept), daemon=True))
        processes[-1].start()
        if not firm.gateway.begin():
            raise RuntimeError("the gateway was asked to stop before it began")
        shared = len(LAYOUTS[layout]) > len({core for _, core in LAYOUTS[layout]}) or cores[0] == cores[1]
        idle = int(Idle.YIELD if shared else Idle.SPIN)
        for number, (parts, core) in enumerate(LAYOUTS[layout]):
            processes.append(_FORK.Process(target=_turn, args=(path, parts, idle, 1 << number, cores[core]), daemon=True))
            processes[-1].start()
        before = _drive(firm, words, strategy.record[0], processes, count, orders)
        after = firm.stages()
    finally:
        words[WORDS.index("stop")] = 1
        listener.close()
        for process in reversed(processes):
            process.join(SETTLE_S)
            if process.is_alive():
                process.kill()
                process.join()
        firm.close()
    if bad := [p.exitcode for p in processes if p.exitcode]:
        raise RuntimeError(f"{layout} at {rate}: processes ended with {bad}")
    state, gaps = strategy.state(), int(words[WORDS.index("faults")])
    if gaps or state["faults"] or state["seen"] != count or state["sent"] != orders:
        raise RuntimeError(f"{layout} at {rate}: {gaps} gaps in the journal, the strategy has {state}; {count} ticks and {orders} orders were due")
    verify(kept.read_bytes(), orders)
    kept.unlink()
    (folder / "firm.store").unlink()
    return Run({stage: after[stage] - before[stage] for stage in STAGES}, orders)


def _turn(path: TickPath, parts: frozenset[str], idle: int, process: int, core: int) -> None:
    pin(core)
    path.run(parts, idle, process)


def _drive(firm: Firm, words: Any, state: Any, processes: Sequence[BaseProcess], count: int, orders: int) -> dict[str, Histogram]:
    """Let the ticks begin once the session is up, wait for the last order at the wire; return the reading after the warm-up."""
    up = ENUMS["SessionState"].by_name["UP"]
    sent = firm.gateway.metrics.counters

    def until(what: str, holds: Any, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline or any(p.exitcode is not None for p in processes):
                raise RuntimeError(
                    f"{what} did not come; {dict(zip(WORDS, map(int, words), strict=True))}, strategy {state}, orders sent: {sent()['orders_sent']}"
                )
            time.sleep(0.002)

    until("the session", lambda: sent()["session_state"] == up and int(firm.engine.state.table("venues")[1]["session_ups"]) == 1, SETTLE_S)
    words[WORDS.index("go")] = 1
    until("the warm-up", lambda: words[WORDS.index("ticks")] >= WARM * count, SETTLE_S)
    before = firm.stages()
    until("the last tick", lambda: words[WORDS.index("ticks")] == count, SECONDS * SETTLE_S)
    until("the last order", lambda: sent()["orders_sent"] == orders, SETTLE_S)
    until("the last tick at the strategy", lambda: state["seen"] == count, SETTLE_S)  # it lies behind that of the last order
    return before


# ---- the venue's end ----------------------------------------------------------------------------------------------------------


def _sink(listener: socket.socket, keep: Path) -> None:
    """Log the session on, then keep what comes, waking seldom: it shares the cores with what is measured."""
    listener.settimeout(SETTLE_S)
    peer, _ = listener.accept()
    peer.settimeout(SETTLE_S)
    head = b""
    while b"\x0110=" not in head:
        head += peer.recv(4096)
    now = datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S")
    body = f"35=A\x0134=1\x0149=VENUE\x0156=FIRM\x0152={now}\x0198=0\x01108=60\x01".encode()
    text = b"8=FIX.4.2\x019=%d\x01%s" % (len(body), body)
    peer.sendall(b"%s10=%03d\x01" % (text, sum(text) & 255))
    peer.settimeout(None)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 << 18)
    with keep.open("wb") as file:
        while chunk := peer.recv(1 << 20):
            file.write(chunk)


def verify(raw: bytes, orders: int) -> None:
    """Check every message that the venue got: length, checksum, MsgSeqNum, and of new orders ClOrdID, side and price.

    Raises
    ------
    RuntimeError
        At the first that is wrong, or when there are not ``orders`` new orders.
    """
    at, seq, found, ids = 0, 2, 0, set()
    while at < len(raw):
        head = _MESSAGE.match(raw, at)
        end = head.end() + int(head[1]) + 7 if head else at
        message = raw[at:end]
        if head is None or message[-7:-4] != b"10=" or int(message[-4:-1]) != sum(message[:-7]) & 255:
            raise RuntimeError(f"byte {at} of what the venue got begins no whole message: {raw[at : at + 80]!r}")
        fields = dict(f.split(b"=", 1) for f in message[:-1].split(b"\x01"))
        if int(fields[b"34"]) != seq:
            raise RuntimeError(f"MsgSeqNum {fields[b'34']!r} came where {seq} was due")
        if fields[b"35"] == b"D":
            found += 1
            ids.add(fields[b"11"])
            px = 9900 + (found & 63) + (0 if found & 1 else 100)  # as tick_strategy.py has it
            if (fields[b"54"], fields[b"44"], fields[b"38"]) != (b"1" if found & 1 else b"2", b"%d.%05d" % divmod(px, 10**5), b"10"):
                raise RuntimeError(f"order {found} arrived as {message!r}")
        at, seq = end, seq + 1
    if found != orders or len(ids) != orders:
        raise RuntimeError(f"the venue got {found} orders with {len(ids)} ClOrdIDs, {orders} were sent")


# ---- the report -------------------------------------------------------------------------------------------------------------


def floor_ns(options: Options, cores: tuple[int, int]) -> dict[str, float]:
    """Return the round trip [ns] of a cache line between the cores, two cross-core hops: bare, and with its 64 bytes filled and verified."""
    trips = 2_000 if options.quick else 500_000
    line = compile_native("pingpong.c")
    return {
        "two_hops_ns": run_native(line, "round_trip", trips, *cores)["round_trip_ns"],
        "two_hops_filled_ns": run_native(line, "round_trip", trips, *cores, 2)["round_trip_ns"],
    }


def rows_of(layout: str, rate: int, found: Run, floor: float | None) -> list[Row]:
    """Return a row for each stage and percentile; the whole from the strategy on beside the floor."""
    rows = []
    for stage, h in found.stages.items():
        for metric, p in PERCENTILES.items():
            compared = floor if stage in ("intent→wire", "due→wire") and p == 50.0 else None
            rows.append(Row(f"{layout}, {rate:,} ticks/s, {stage}", "floor: two cross-core hops" if compared else "-", metric, h.percentile(p), compared))
    return rows


def main(argv: Sequence[str]) -> int:
    """Measure and print; 0 when every message was verified."""
    options = parse("tick_to_order", argv, __doc__, rounds=1)
    cores = two_cores()
    notes = [
        f"open loop: {ORDERS_PER_S:,} orders a second at every rate, an order for every N-th tick; times from when the tick was due",
        *(f"{name}: " + "; ".join(f"core {cores[core]} {' + '.join(sorted(parts))}" for parts, core in layout) for name, layout in LAYOUTS.items()),
        "the sink (the venue) is not pinned and wakes once for 256 KiB",
    ]
    try:
        floor = floor_ns(options, cores)
    except PeerMissing as e:
        floor = {}
        notes.append(f"no floor: {e}")
    rows: list[Row] = []
    orders = 0
    seconds = SECONDS_QUICK if options.quick else SECONDS
    with tempfile.TemporaryDirectory(prefix="rf-ticks-") as folder:
        for layout in LAYOUTS:
            for rate in RATES[:2] if options.quick else RATES:
                found = run(Path(folder), layout, rate, seconds, cores)
                orders += found.orders
                rows += rows_of(layout, rate, found, floor.get("two_hops_ns"))
    notes.append(f"{orders:,} orders verified at the venue's end")
    return show(Report("tick_to_order", floor, rows, notes), options)
