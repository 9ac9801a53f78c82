"""The feed: quotes under a sequence lock, marks to the engine, flags, restart, and its spec."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.gateways.feed import READERS_NS, WAIT_NS_MAX, Feed
from ringfence.gateways.feed_spec import FeedSpec, TapeSpec, feed_spec
from ringfence.gateways.keys import SpecError
from ringfence.gateways.playback import Player
from ringfence.gateways.ticks import Playback, Ticks
from ringfence.ipc.broadcast import Listener, Publisher, market_sections
from ringfence.ipc.clock import Clock
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.ipc.seqlock import read_consistent

ROLE = ENUMS["Role"].by_name
WAIT_S = 15


def tape(folder: Path, rows: list[tuple[int, str, str]]) -> Path:
    """Write a tick file; times in milliseconds."""
    path = folder / "t.csv"
    lines = [f"2020-01-01 00:00:{ms // 1000:02d}.{ms % 1000:03d}+00:00,{bid},{ask}" for ms, bid, ask in rows]
    path.write_text("\n".join(["timestamp,bid,ask", *lines]) + "\n")
    return path


class StandingClock:
    """A clock that stands still until it is told: ``ns`` is the time."""

    def __init__(self) -> None:
        self.clock = Clock.manual(1_000_000_000_000)

    @property
    def ns(self) -> int:
        return self.clock.now_ns()

    @ns.setter
    def ns(self, value: int) -> None:
        self.clock.set(value)


Make = Callable[..., tuple[Feed, StandingClock]]


@pytest.fixture
def make(instance: str, tmp_path: Path) -> Iterator[Make]:
    feeds: list[Feed] = []

    def build(rows: list[tuple[int, str, str]], **changes: Any) -> tuple[Feed, StandingClock]:
        clock = StandingClock()
        tapes = (TapeSpec("EUR/USD", 2, 5, tape(tmp_path, rows), "truefx"),)
        told = {"loop": False, "mark_every_ns": 10_000_000, "stale_ns": 0, "ring_slots": 4, **changes}
        feeds.append(Feed(FeedSpec(instance, 1, tapes, **told), clock.clock))
        return feeds[-1], clock

    yield build
    for feed in feeds:
        for segment in (feed.market, feed.readers, feed.marks, feed.metrics.segment):
            segment.unlink()
        feed.close()


def quote(feed: Feed) -> Any:
    return read_consistent(feed.market.section("quotes")[2:3])


def brief(feed: Feed) -> tuple[int, ...]:
    q = quote(feed)
    return tuple(int(q[n]) for n in ("bid", "ask", "count", "flags"))


def test_feed_when_ticks_become_due_publishes_each(make: Make) -> None:
    feed, clock = make([(0, "1.1", "1.2"), (100, "1.10001", "1.2"), (100, "1.10002", "1.2"), (300, "1.1", "1.2")], speed=Fraction(2))
    assert feed.turn() <= 10_000_000
    assert brief(feed) == (110_000, 120_000, 1, 0)
    clock.ns += 49_999_999
    feed.turn()
    assert brief(feed)[2] == 1, "a tick 100 ms on the tape is due after 50 ms at twice the speed"
    clock.ns += 1
    feed.turn()
    assert brief(feed) == (110_002, 120_000, 3, 0)
    assert int(quote(feed)["published_ns"]) == clock.ns and int(quote(feed)["instrument"]) == 2


def test_feed_when_a_quote_crosses_or_goes_stale_flags_it_and_withholds_marks(make: Make, instance: str) -> None:
    feed, clock = make([(0, "1.3", "1.2"), (50, "1.1", "1.2")], stale_ns=40_000_000)
    with Segment.create(instance, "to.feed", link_sections(None), role=ROLE["ENGINE"], epoch=1) as engine_side:
        engine = Link(engine_side, feed.marks)
        feed.turn()
        assert brief(feed) == (130_000, 120_000, 1, 2)
        clock.ns += 50_000_000
        feed.turn()
        assert brief(feed) == (110_000, 120_000, 2, 0)
        clock.ns += 40_000_001
        feed.turn()
        assert brief(feed) == (110_000, 120_000, 2, 1)
        marks = []
        while (mark := engine.receive()) is not None:
            marks.append((int(mark["instrument"]), int(mark["bid"]), int(mark["ask"])))
        assert marks == [(2, 110_000, 120_000)]
        assert feed.metrics.counters()["marks_withheld"] == 2
        engine_side.unlink()


def test_feed_when_the_engine_does_not_read_drops_marks_and_goes_on(make: Make, instance: str) -> None:
    feed, clock = make([(i, f"1.1000{i}", "1.2") for i in range(8)])
    with Segment.create(instance, "to.feed", link_sections(None), role=ROLE["ENGINE"], epoch=1) as engine_side:
        for _ in range(7):
            feed.turn()
            clock.ns += 10_000_000
        counters = feed.metrics.counters()
        assert (counters["marks"], counters["marks_dropped"], counters["ticks"]) == (4, 3, 8)
        engine = Link(engine_side, feed.marks)
        assert engine.receive() is not None
        feed.turn()
        assert feed.metrics.counters()["marks"] == 5
        engine_side.unlink()


def test_feed_when_restarted_takes_up_its_regions_and_counts_on(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    feed, _ = make([(0, "1.1", "1.2")])
    feed.turn()
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    for segment in (feed.market, feed.readers, feed.marks, feed.metrics.segment):
        segment.superblock["writer_pid"] = int(child.stdout)
    feed.market.section("quotes")[2]["version"] += 1  # it died inside a write
    again, _ = make([(0, "1.3", "1.4")])
    again.turn()
    assert brief(again)[:3] == (130_000, 140_000, 2)
    assert int(quote(again)["gaps"]) == 1
    assert again.metrics.counters()["ticks"] == 2


def test_feed_when_its_predecessor_was_killed_says_reset_of_all_that_it_told_and_marks_nothing_of_it(make: Make, instance: str) -> None:
    """Also of an instrument that has no source any more: nobody would flag it."""
    feed, _ = make([(0, "1.1", "1.2")])
    feed.turn()
    feed.publisher.quote(1, 10, 11)
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    for segment in (feed.market, feed.readers, feed.marks, feed.metrics.segment):
        segment.superblock["writer_pid"] = int(child.stdout)
    listener = Listener(feed.market)
    again, _ = make([(1, "1.3", "1.4")])
    got = [(int(t["instrument"]), int(t["kind"]), int(t["flags"])) for t in iter(listener.take, None)]
    assert got == [(1, 4, 8), (2, 4, 8)], "RESET with TICK_GAP"
    rows = again.market.section("quotes")
    assert [(int(rows[i]["bid"]), int(rows[i]["flags"])) for i in (1, 2)] == [(0, 1), (0, 1)]
    assert again.metrics.counters()["ticks"] == 1, "a RESET of the start is no tick of a source"


@pytest.mark.parametrize("loop", [False, True])
def test_playback_when_the_tape_ends_stops_or_starts_again(loop: bool) -> None:
    ns = np.array([5, 5, 1_000_000_005], dtype=np.int64)
    ticks = Ticks(Path("x"), 5, ns, ns, ns)
    playback = Playback(ticks, Fraction(10), loop, 1_000)
    assert list(playback.take(999)) == []
    assert list(playback.take(1_000)) == [0, 1]
    assert playback.due_ns == 1_000 + 100_000_000
    end = 1_000 + 10_000_000_000
    taken = list(playback.take(end))
    assert taken[0] == 2
    if loop:
        assert len(taken) == 1 + 3 * 49 + 2, "a lap is 2 s of tape, 0.2 s at ten times the speed"
        assert playback.due_ns is not None and playback.due_ns > end
    else:
        assert taken == [2] and playback.due_ns is None


def test_feed_when_a_quote_goes_stale_tells_the_readers_of_the_ring(make: Make) -> None:
    feed, clock = make([(0, "1.1", "1.2")], stale_ns=40_000_000)
    listener = Listener(feed.market)
    feed.turn()
    clock.ns += 90_000_000
    feed.turn()
    feed.turn()
    first, second = listener.take(), listener.take()
    assert (int(first["flags"]), int(second["flags"]), int(second["bid"]), listener.take()) == (0, 1, 110_000, None)
    assert int(second["published_ns"]) == clock.ns > int(first["published_ns"])


def test_feed_when_at_speed_max_publishes_a_whole_tape_at_once(make: Make) -> None:
    feed, clock = make([(i, "1.1", "1.2") for i in range(200)], speed="max")
    assert feed.turn() == WAIT_NS_MAX or feed.publisher.position == 200
    assert brief(feed)[2] == 200 and int(quote(feed)["published_ns"]) == clock.ns


def test_feed_when_at_speed_follow_goes_as_far_as_its_slowest_reader(make: Make) -> None:
    feed, _ = make([(i, "1.1", "1.2") for i in range(200)], speed="follow", tick_slots=32)
    assert feed.turn() == READERS_NS and feed.publisher.position == 0, "nobody reads yet"
    slow, fast = (Listener(feed.market, 0, readers=feed.readers, row=row) for row in (1, 2))
    feed.turn()
    assert feed.publisher.position == 24, "three quarters of the ring"
    for _ in range(24):
        assert fast.take() is not None
    assert feed.turn() == READERS_NS and feed.publisher.position == 24
    assert slow.take() is not None
    feed.turn()
    assert feed.publisher.position == 25
    slow.close()
    while feed.publisher.position < 200:
        feed.turn()
        while fast.take() is not None:
            pass
    assert (fast.position, fast.lost) == (200, 0)


def test_feed_when_it_waits_for_its_readers_flags_nothing_as_stale_until_the_tape_has_ended(make: Make) -> None:
    """A strategy that compiles for longer than the limit gets the ticks of the tape and nothing else."""
    feed, clock = make([(i, "1.1", "1.2") for i in range(30)], speed="follow", tick_slots=32, stale_ns=40_000_000)
    reader = Listener(feed.market, 0, readers=feed.readers, row=1)
    feed.turn()
    clock.ns += 10_000_000_000
    feed.turn()
    assert (feed.publisher.position, brief(feed)[3]) == (24, 0)
    while feed.publisher.position < 30:
        assert reader.take() is not None
        feed.turn()
    clock.ns += 10_000_000_000
    feed.turn()
    assert (feed.publisher.position, brief(feed)[3]) == (31, 1)


def test_feed_when_a_reader_that_it_follows_dies_goes_on_without_it(make: Make) -> None:
    feed, _ = make([(i, "1.1", "1.2") for i in range(100)], speed="follow", tick_slots=32)
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    feed.readers.section("readers")[5]["condition"] = int(dead.stdout)
    alive = Listener(feed.market, 0, readers=feed.readers, row=1)
    while feed.publisher.position < 100:
        feed.turn()
        while alive.take() is not None:
            pass
    assert alive.lost == 0


@settings(deadline=None, max_examples=60)
@given(
    gaps=st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=12), min_size=1, max_size=3),
    speed=st.sampled_from([Fraction(1), Fraction(3), Fraction(5, 7), None]),
    loop=st.booleans(),
    steps=st.lists(st.integers(0, 60), min_size=1, max_size=12),
)
def test_player_when_time_passes_publishes_what_playback_of_each_tape_says(gaps: list[list[int]], speed: Fraction | None, loop: bool, steps: list[int]) -> None:
    """Against ``Playback``, tick by tick: the same ticks, in order of when they are due, then of the tapes."""
    tapes = []
    for gap in gaps:
        ns = np.cumsum(np.array(gap, dtype=np.int64)) * 10_000_000 + 5
        tapes.append(Ticks(Path("x"), 0, ns, np.arange(len(ns)) + 1, np.arange(len(ns)) + 2))
    segment = Segment.create_memfd("market", market_sections(4096, len(tapes) + 1), role=ROLE["FEED"], epoch=1)
    publisher, listener, clock = Publisher(segment), Listener(segment), Clock.manual(1_000)
    player = Player(publisher, clock, [t.slots(i + 1) for i, t in enumerate(tapes)], speed, loop and speed is not None, 1_000)
    models = [Playback(t, speed or Fraction(10**12), loop and speed is not None, 1_000) for t in tapes]
    for step in steps:
        clock.set(clock.now_ns() + step * 10_000_000)
        now, expected = clock.now_ns(), []
        while due := [(m.due_ns, i) for i, m in enumerate(models) if m.due_ns is not None and (speed is None or m.due_ns <= now)]:
            if speed is None:
                due = [(int(tapes[i].ns[m._next] - tapes[i].ns[0]), i) for i, m in enumerate(models) if m.due_ns is not None]
            _, i = min(due)
            expected.append((i + 1, next(iter(models[i].take(models[i].due_ns or 0))) + 1))
        assert player.play(now, 1_000_000) == len(expected)
        got = [(int(t["instrument"]), int(t["bid"])) for t in iter(listener.take, None)]
        assert got == expected
    if speed is not None:
        assert player.due_ns == min((m.due_ns for m in models if m.due_ns is not None), default=None)


def good(folder: Path) -> dict[str, Any]:
    ticks = {"symbol": "EUR/USD", "instrument": 1, "price_digits": 5, "file": "eurusd_ticks.csv", "format": "histdata"}
    return {"instance": "x", "epoch": 3, "ticks": [ticks], "speed": 1000.0, "loop": True, "mark_every_ms": 20, "idle": "backoff", "core": -1}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("instance", 5, r"feed\.instance: 5 is not allowed; it must be printable"),
        ("speed", 0, r"feed\.speed: 0 is not allowed; it must be above 0"),
        ("ring_slots", 3, r"feed\.ring_slots: 3 is not allowed; it must be a power of two"),
        ("tick_slots", 8, r"feed\.tick_slots: 8 is not allowed; it must be an integer from 16"),
        ("speed", "fast", r"feed\.speed: 'fast' is not allowed; it must be a number"),
        ("mark_every_ms", 0, r"feed\.mark_every_ms: 0 is not allowed; it must be an integer from 1"),
        ("ticks", [], r"feed\.ticks: \[\] is not allowed"),
        ("tick", 1, r"feed\.tick: unknown key"),
    ],
)
def test_feed_spec_when_a_value_is_wrong_names_it(tmp_path: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        feed_spec({**good(tmp_path), key: value}, tmp_path)


def test_feed_spec_when_an_instrument_comes_twice_is_refused(tmp_path: Path) -> None:
    raw = good(tmp_path)
    with pytest.raises(SpecError, match=r"feed\.ticks\[1\]\.instrument: 1 is not allowed"):
        feed_spec({**raw, "ticks": raw["ticks"] * 2}, tmp_path)


def test_feed_process_when_started_publishes_and_ends_on_sigterm(instance: str, tmp_path: Path) -> None:
    status = Segment.create(instance, "instance", [("clock", "ClockCalibration", 2)], role=ROLE["SUPERVISOR"], epoch=1)
    Clock.calibrate(0.002).publish(status)
    engine_side = Segment.create(instance, "to.feed", link_sections(None), role=ROLE["ENGINE"], epoch=1)
    spec = tmp_path / "feed.json"
    spec.write_text(json.dumps({**good(tmp_path), "instance": instance}))
    process = subprocess.Popen([sys.executable, "-m", "ringfence.gateways.feed", "--spec", str(spec)], stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + WAIT_S
        while not os.path.exists(f"/dev/shm/rf.{instance}.metrics.feed") or Metrics.attach(instance, "feed").counters()["marks"] < 3:
            assert time.monotonic() < end and process.poll() is None, process.stderr.read() if process.poll() is not None else "no marks"
            time.sleep(0.01)
        with Segment.attach(instance, "market") as market:
            q = read_consistent(market.section("quotes")[1:2])
            assert q["count"] > 0 and q["bid"] > 100_000
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
            assert int(market.superblock["process_state"]) == ENUMS["ProcessState"].by_name["STOPPED"]
    finally:
        process.kill()
        process.communicate()
        for name in ("market", "market.readers", "from.feed", "metrics.feed"):
            with Segment.attach(instance, name) as region:
                region.unlink()
        for segment in (status, engine_side):
            segment.unlink()
            segment.close()


def test_feed_process_when_the_instance_is_not_there_says_so(tmp_path: Path) -> None:
    spec = tmp_path / "feed.json"
    spec.write_text(json.dumps({**good(tmp_path), "instance": f"t{os.getpid()}none"}))
    done = subprocess.run([sys.executable, "-m", "ringfence.gateways.feed", "--spec", str(spec)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "RegionMissing" in done.stderr
