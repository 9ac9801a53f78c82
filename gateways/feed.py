"""The feed: tick files into region ``market``, and sampled marks to the engine. ``python -m ringfence.gateways.feed --spec FILE.json``

    tick files ──Playback──▶ broadcast ring and latest quote of each instrument ──▶ strategies, simulated venue, views
                                  └── every mark_every_ms ──Mark──▶ ring in `from.feed` ──▶ engine

Quotes are broadcast (ipc/broadcast): a reader sees each, or knows how many it missed; who comes late reads the latest. Marks are what the engine journals for PnL; they are samples, so a
mark that finds the ring full is dropped and counted, the next one carries the newer price, and a quote that is stale or crossed is not
sampled at all. A restarted feed takes up its own regions and goes on counting. The engine may come later than the feed: quotes flow at
once, marks from when ``to.feed`` is there.
Spec keys: instance, epoch, ticks [{symbol, instrument, price_digits, file, format}], speed, loop, mark_every_ms, stale_ms, ring_slots, tick_slots, rows, core, component, idle.
Rejected: one Mark per tick (the journal would be mostly marks), and a busy loop: ticks are milliseconds apart.
Exit codes: 0 after a stop by signal, 1 when a region or file cannot be used, 2 for a wrong spec.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.gateways.keys import Keys, SpecError, load_json, tick_file
from ringfence.gateways.ticks import FORMATS, Playback, TickError, Ticks, read
from ringfence.ipc import host
from ringfence.ipc.broadcast import TICKS_MIN, Publisher, market_sections, reader_sections
from ringfence.ipc.clock import Clock
from ringfence.ipc.errors import IpcError, LayoutMismatch, RegionMissing, RingFull
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.regions import unlink_dead
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment

STALE, CROSSED = (CONSTANTS[name][0] for name in ("TICK_STALE", "TICK_CROSSED"))
COUNTERS = ("quotes", "marks", "marks_dropped", "marks_withheld")
WAIT_NS_MAX = 100_000_000
ROLE = ENUMS["Role"].by_name["FEED"]
STATE = ENUMS["ProcessState"].by_name
STOP = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger("ringfence.feed")


@dataclass(frozen=True)
class TapeSpec:
    """One instrument and its tick file; ``instrument`` is the row in the engine's table and in ``quotes`` of region ``market``."""

    symbol: str
    instrument: int
    price_digits: int
    file: Path
    format: str


@dataclass(frozen=True)
class FeedSpec:
    """What a feed is told; times in nanoseconds. ``rows`` of the table of latest quotes: 0, just enough for the tapes."""

    instance: str
    epoch: int
    tapes: tuple[TapeSpec, ...]
    component: str = "feed"
    speed: Fraction = Fraction(1)
    loop: bool = True
    mark_every_ns: int = 1_000_000_000
    stale_ns: int = 5_000_000_000
    ring_slots: int = 1_024
    tick_slots: int = 65_536
    rows: int = 0
    core: int = -1


def feed_spec(raw: Any, folder: Path) -> FeedSpec:
    """Check a decoded JSON object.

    Raises
    ------
    SpecError
        Naming the key, its value and what is allowed.
    """
    keys = Keys(raw, "feed")
    tapes: list[TapeSpec] = []
    for item in keys.items("ticks"):
        tape = TapeSpec(
            item.text("symbol"),
            item.integer("instrument", 1, 1 << 20),
            item.integer("price_digits", 0, 12),
            tick_file(item, "file", folder),
            item.choice("format", tuple(FORMATS)),
        )
        item.done()
        if tape.instrument in (t.instrument for t in tapes):
            raise item.fail("instrument", "an instrument without a tick file so far")
        tapes.append(tape)
    speed = Fraction(keys.number("speed", Decimal(1)))
    if not speed:
        raise keys.fail("speed", "above 0")
    slots, tick_slots = keys.integer("ring_slots", 2, 1 << 20, 1_024), keys.integer("tick_slots", TICKS_MIN, 1 << 24, 65_536)
    for name, value in (("ring_slots", slots), ("tick_slots", tick_slots)):
        if value & (value - 1):
            raise keys.fail(name, "a power of two")
    spec = FeedSpec(
        instance=keys.text("instance"),
        epoch=keys.integer("epoch", 0, (1 << 63) - 1),
        tapes=tuple(tapes),
        component=keys.text("component", "feed"),
        speed=speed,
        loop=keys.flag("loop", True),
        mark_every_ns=keys.integer("mark_every_ms", 1, 3_600_000, 1_000) * 1_000_000,
        stale_ns=keys.integer("stale_ms", 0, 86_400_000, 5_000) * 1_000_000,
        ring_slots=slots,
        tick_slots=tick_slots,
        rows=keys.integer("rows", 0, 1 << 20, 0),
        core=keys.integer("core", -1, 4_095, -1),
    )
    keys.get("idle", "")  # every process is told; a feed that sleeps between ticks has no use for it
    keys.done()
    return spec


@dataclass
class _Tape:
    """One instrument being played."""

    spec: TapeSpec
    ticks: Ticks
    playback: Playback
    published_ns: int = 0
    marked_ns: int = 0
    flags: int = 0
    bid: int = 0
    ask: int = 0
    source_ns: int = 0


class Feed:
    """The feed's regions and tapes, driven by ``turn``.

    Parameters
    ----------
    clock : Clock
        The instance's.
    """

    def __init__(self, spec: FeedSpec, clock: Clock) -> None:
        self.spec, self.clock = spec, clock
        loaded = [(t, read(t.file, t.format, t.price_digits)) for t in spec.tapes]
        rows = max(spec.rows, *(t.instrument + 1 for t in spec.tapes))
        self.market = _take(spec, "market", market_sections(spec.tick_slots, rows), replace=True)
        self.readers = _take(spec, "market.readers", reader_sections(), replace=True)
        self.marks = _take(spec, "from.feed", link_sections("Mark", spec.ring_slots), replace=False)
        self.metrics = Metrics.create(spec.instance, spec.component, COUNTERS, [], role=ROLE, epoch=spec.epoch)
        self._link: Link | None = None
        self._engine: Segment | None = None
        self.publisher = Publisher(self.market)
        now = clock.now_ns()
        self._tapes = [_Tape(t, ticks, Playback(ticks, spec.speed, spec.loop, now)) for t, ticks in loaded]
        self.set_state("RUNNING")

    def turn(self) -> int:
        """Publish what is due and return how long nothing is [ns]."""
        self.clock.refresh()
        now = self.clock.now_ns()
        for tape in self._tapes:
            for at in tape.playback.take(now):
                self._publish(tape, int(tape.ticks.bid[at]), int(tape.ticks.ask[at]), int(tape.ticks.ns[at]), now)
            self._judge(tape, now)
            if now - tape.marked_ns >= self.spec.mark_every_ns and tape.published_ns:
                self._mark(tape, now)
        for segment in (self.market, self.readers, self.marks):
            segment.heartbeat(now)
        due = [d for t in self._tapes if (d := t.playback.due_ns) is not None]
        due += [t.marked_ns + self.spec.mark_every_ns for t in self._tapes]
        return min(WAIT_NS_MAX, max(0, min(due) - now))

    def _publish(self, tape: _Tape, bid: int, ask: int, source_ns: int, now: int) -> None:
        tape.flags = CROSSED if bid > ask else 0
        tape.bid, tape.ask, tape.source_ns, tape.published_ns = bid, ask, source_ns, now
        self.publisher.quote(tape.spec.instrument, bid, ask, source_ns=source_ns, published_ns=now, flags=tape.flags)
        self.metrics.add("quotes")

    def _judge(self, tape: _Tape, now: int) -> None:
        """Flag a quote that nothing has followed for too long; the next quote clears it."""
        if self.spec.stale_ns and tape.published_ns and not tape.flags & STALE and now - tape.published_ns > self.spec.stale_ns:
            tape.flags |= STALE
            self.publisher.quote(tape.spec.instrument, tape.bid, tape.ask, source_ns=tape.source_ns, published_ns=now, flags=tape.flags)

    def _mark(self, tape: _Tape, now: int) -> None:
        tape.marked_ns = now
        link = self._join()
        if link is None:
            return
        if tape.flags:
            self.metrics.add("marks_withheld")
            return
        mark = np.zeros(1, dtype("Mark"))
        mark["bid"], mark["ask"], mark["source_ns"], mark["instrument"] = tape.bid, tape.ask, tape.source_ns, tape.spec.instrument
        try:
            link.send(mark)
            self.metrics.add("marks")
        except RingFull:
            self.metrics.add("marks_dropped")

    def _join(self) -> Link | None:
        """The link to the engine, once its side is there."""
        if self._link is None:
            try:
                self._engine = Segment.attach(self.spec.instance, "to.feed")
            except RegionMissing:
                return None
            self._link = Link(self.marks, self._engine)
        return self._link

    def set_state(self, name: str) -> None:
        """Say in its regions what the feed is doing."""
        for segment in (self.market, self.readers, self.marks):
            segment.set_state(STATE[name])

    def close(self) -> None:
        """Give back what the process holds; the regions stay, for its successor."""
        self.metrics.close()
        for segment in (self.market, self.readers, self.marks, self._engine):
            if segment is not None:
                segment.close()


def _take(spec: FeedSpec, name: str, sections: list[Any], *, replace: bool) -> Segment:
    """Take up the region that a dead feed left, or make it. ``replace``: one of another shape holds nothing worth keeping."""
    try:
        return Segment.adopt(spec.instance, name, role=ROLE, epoch=spec.epoch, sections=sections)
    except LayoutMismatch:
        if not replace:
            raise
        unlink_dead(spec.instance, name)
    except RegionMissing:
        log.info("new region %s", name)
    return Segment.create(spec.instance, name, sections, role=ROLE, epoch=spec.epoch)


def run(spec: FeedSpec) -> None:
    """Feed until SIGTERM or SIGINT: blocked, and waited for between two ticks."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    if not (pinned := host.pin(spec.core)):
        log.warning("%s", pinned)
    status = Segment.attach(spec.instance, "instance")
    feed = Feed(spec, Clock.attach(status))
    log.info("%d instruments at %s times real time", len(spec.tapes), spec.speed)
    try:
        while signal.sigtimedwait(STOP, feed.turn() / 1e9) is None:
            continue
        feed.set_state("STOPPED")
    except BaseException as e:
        feed.set_state("FAILED")
        log.error("stopping: %s", e)
        raise
    finally:
        feed.close()
        status.close()


def main(argv: list[str] | None = None) -> int:
    """Run the feed of one instance; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.gateways.feed", description="Quotes and marks of one instance, from tick files")
    parser.add_argument("--spec", required=True, type=Path, metavar="FILE", help="JSON; its keys are in the module's text")
    path = parser.parse_args(argv).spec
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        spec = feed_spec(load_json(path), path.resolve().parent)
    except SpecError as e:
        log.error("%s", e)
        return 2
    try:
        run(spec)
    except (IpcError, TickError) as e:
        log.error("%s: %s", type(e).__name__, e)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
