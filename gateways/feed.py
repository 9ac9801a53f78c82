"""The feed: tick files and FIX sessions into region ``market``, and sampled marks to the engine. ``python -m ringfence.gateways.feed --spec FILE.json``

    tick files ───Player─────────▶ broadcast ring and latest quote of each instrument ──▶ strategies, simulated venue, views
    FIX sessions ─MarketSession──┘         └── every mark_every_ms ──Mark──▶ ring in `from.feed` ──▶ engine

Quotes are broadcast (ipc/broadcast): a reader sees each, or knows how many it missed; who comes late reads the latest. Marks are what the engine
journals for PnL; they are samples, so a mark that finds the ring full is dropped and counted, the next one carries the newer price, and a quote that is
stale or crossed is not sampled at all. A restarted feed takes up its own regions, says RESET of all that its predecessor told, and goes on
counting. The engine may come later than the feed: quotes flow at
once, marks from when ``to.feed`` is there.
Rejected: one Mark per tick (the journal would be mostly marks), and a busy loop: ticks are milliseconds apart.
Exit codes: 0 after a stop by signal, 1 when a region or file cannot be used, 2 for a wrong spec.
"""

from __future__ import annotations

import argparse
import logging
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.gateways.errors import GatewayError
from ringfence.gateways.feed_spec import FOLLOW, FeedSpec, feed_spec
from ringfence.gateways.fix import market_session
from ringfence.gateways.fix.market_session import MarketSession
from ringfence.gateways.keys import SpecError, load_json
from ringfence.gateways.playback import Player
from ringfence.gateways.ticks import TickError, read
from ringfence.ipc import host, stop
from ringfence.ipc.broadcast import Publisher, market_sections, reader_sections
from ringfence.ipc.clock import Clock
from ringfence.ipc.errors import IpcError, LayoutMismatch, RegionMissing, RingFull
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.regions import process_start_ticks, unlink_dead
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment

STALE, CROSSED, GAP = (CONSTANTS[f"TICK_{name}"][0] for name in ("STALE", "CROSSED", "GAP"))
COUNTERS = ("ticks", "marks", "marks_dropped", "marks_withheld", *market_session.COUNTERS)
WAIT_NS_MAX = 100_000_000
"""Longest sleep, and how late a stale quote may be flagged."""
TURN_TICKS = 4_096
"""Ticks that go out before the feed looks up: signals, heartbeat, marks."""
READERS_NS = 100_000
"""How often a feed that waits for its readers looks at them."""
ROLE = ENUMS["Role"].by_name["FEED"]
STATE = ENUMS["ProcessState"].by_name

log = logging.getLogger("ringfence.feed")


class Feed:
    """The feed's regions and tapes, driven by ``turn``.

    Parameters
    ----------
    clock : Clock
        The instance's.
    """

    def __init__(self, spec: FeedSpec, clock: Clock) -> None:
        self.spec, self.clock = spec, clock
        tapes = [read(t.file, t.format, t.price_digits, t.qty_digits).slots(t.instrument) for t in spec.tapes]
        self._instruments = spec.instruments
        self.market = _take(spec, "market", market_sections(spec.tick_slots, max(spec.rows, *(i + 1 for i in self._instruments))), replace=True)
        self.readers = _take(spec, "market.readers", reader_sections(), replace=True)
        self.marks = _take(spec, "from.feed", link_sections("Mark", spec.ring_slots), replace=False)
        self.metrics = Metrics.create(spec.instance, spec.component, COUNTERS, [], role=ROLE, epoch=spec.epoch)
        self._link: Link | None = None
        self._engine: Segment | None = None
        self.publisher = Publisher(self.market)
        self._rows, self._cursors = self.market.section("quotes"), self.readers.section("readers")
        now = clock.now_ns()
        for instrument in np.flatnonzero(self._rows["position"]):  # a predecessor's: nobody knows what was missed since, of any source, be it gone or not
            self.publisher.reset(int(instrument), published_ns=now, flags=GAP)
        speed = spec.speed if isinstance(spec.speed, Fraction) else None
        self._player = Player(self.publisher, clock, tapes, speed, spec.loop, now)
        self._published, self._marked_ns = self.publisher.position, dict.fromkeys(self._instruments, 0)
        self._due_ns = 0
        self._followed = {t.instrument for t in spec.tapes} if spec.speed == FOLLOW else set()
        self._sessions = [MarketSession(s, self.publisher, self.metrics.add, log.info) for s in spec.sessions]
        self.set_state("RUNNING")

    def turn(self) -> int:
        """Publish what is due and return how long nothing is [ns]."""
        self.clock.refresh()
        now = self.clock.now_ns()
        room = self._room()
        played = self._player.play(now, room)
        for session in self._sessions:
            session.turn(now)
        if now >= self._due_ns:
            self._look_after(now)
        self.metrics.add("ticks", self.publisher.position - self._published)
        self._published = self.publisher.position
        for segment in (self.market, self.readers, self.marks):
            segment.heartbeat(now)
        return self._wait_ns(now, room, played)

    def _room(self) -> int:
        """How many ticks may go out in this turn: all that are due, but at speed ``follow`` what every reader that has a row still has room for."""
        if self.spec.speed != FOLLOW:
            return TURN_TICKS
        rows = np.flatnonzero(self._cursors["condition"])
        behind = [self.publisher.position - int(self._cursors[row]["position"]) for row in rows if process_start_ticks(int(self._cursors[row]["condition"]))]
        return min(TURN_TICKS, max(0, self.publisher.capacity * 3 // 4 - max(behind))) if behind else 0

    def _wait_ns(self, now: int, room: int, played: int) -> int:
        due = self._player.due_ns
        if due is not None and room == 0:
            return READERS_NS
        if due is not None and (played == room or not isinstance(self.spec.speed, Fraction)):
            return 0
        return min(WAIT_NS_MAX, max(0, min(self._due_ns, self._due_ns if due is None else due) - now))

    def _look_after(self, now: int) -> None:
        """Judge every instrument's quote and take its mark when that is due."""
        for instrument in self._instruments:
            row = self._rows[instrument]  # written by this process alone
            if row["count"]:
                self._judge(row, now)
                if now - self._marked_ns[instrument] >= self.spec.mark_every_ns:
                    self._mark(row, now)
        self._due_ns = min([now + WAIT_NS_MAX, *(marked + self.spec.mark_every_ns for marked in self._marked_ns.values() if marked)])

    def _judge(self, row: Any, now: int) -> None:
        """Flag a quote that nothing has followed for too long; the next quote clears it. A replay that waits for its readers is not silent: they are slow."""
        if int(row["instrument"]) in self._followed and self._player.due_ns is not None:
            return
        if self.spec.stale_ns and not row["flags"] & STALE and now - int(row["published_ns"]) > self.spec.stale_ns:
            values = (int(row[name]) for name in ("instrument", "bid", "ask"))
            sizes = {name: int(row[name]) for name in ("bid_qty", "ask_qty", "source_ns")}
            self.publisher.quote(*values, **sizes, published_ns=now, flags=STALE)

    def _mark(self, row: Any, now: int) -> None:
        self._marked_ns[int(row["instrument"])] = now
        link = self._join()
        if link is None:
            return
        if row["flags"] & (STALE | CROSSED) or not (row["bid"] > 0 and row["ask"] > 0):
            self.metrics.add("marks_withheld")
            return
        mark = np.zeros(1, dtype("Mark"))
        for name in ("bid", "ask", "source_ns", "instrument"):
            mark[name] = row[name]
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

    def wait(self, ns: int) -> bool:
        """Wait until there is something to do, at most ``ns``; True when the process was asked to stop."""
        sockets = [s.sockets() for s in self._sessions]
        reads, writes = ([sock for pair in sockets for sock in pair[way]] for way in (0, 1))
        return stop.wait(ns / 1e9, reads, writes)

    def set_state(self, name: str) -> None:
        """Say in its regions what the feed is doing."""
        for segment in (self.market, self.readers, self.marks):
            segment.set_state(STATE[name])

    def close(self) -> None:
        """Log out of every session and give back what the process holds; the regions stay, for its successor."""
        for session in self._sessions:
            session.close(self.clock.now_ns())
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
    """Feed until SIGTERM or SIGINT."""
    stop.install()
    if not (pinned := host.pin(spec.core)):
        log.warning("%s", pinned)
    status = Segment.attach(spec.instance, "instance")
    feed = Feed(spec, Clock.attach(status))
    log.info("%d tick files at speed %s, %d sessions", len(spec.tapes), spec.speed, len(spec.sessions))
    try:
        while not feed.wait(feed.turn()):
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
    except (IpcError, TickError, GatewayError) as e:
        log.error("%s: %s", type(e).__name__, e)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
