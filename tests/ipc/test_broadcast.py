"""The broadcast ring and the market data region: order, exact losses, late joiners, a producer that dies at any store, and words that cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.ipc.broadcast import READERS_ROWS, Listener, Publisher, market_sections, reader_sections
from ringfence.ipc.errors import RingGarbage
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment

ROLE = ENUMS["Role"].by_name["FEED"]
STALE, CROSSED, GAP, MORE = (CONSTANTS[f"TICK_{n}"][0] for n in ("STALE", "CROSSED", "GAP", "MORE"))
BUSY = CONSTANTS["TICK_BUSY"][0]
SLOTS = 16
KEPT = SLOTS - 1 - SLOTS // 4
"""Slots that a reader still gets after it was overrun: one is being written, a quarter of a lap is left to the producer."""


def region(slots: int = SLOTS, rows: int = 4) -> Segment:
    return Segment.create_memfd("market", market_sections(slots, rows), role=ROLE, epoch=1)


def row(segment: Segment, instrument: int = 1) -> dict[str, int]:
    record = segment.section("quotes")[instrument]
    return {name: int(record[name]) for name in record.dtype.names if not name.startswith("pad")}


@settings(deadline=None, max_examples=80)
@given(steps=st.lists(st.one_of(st.integers(1, 40).map(lambda n: ("publish", n)), st.integers(1, 40).map(lambda n: ("take", n))), max_size=30))
def test_listener_when_it_falls_behind_loses_exactly_what_was_overwritten(steps: list[tuple[str, int]]) -> None:
    segment = region()
    publisher, listener = Publisher(segment), Listener(segment)
    published, at, lost = 0, 0, 0
    for step, n in steps:
        for _ in range(n):
            if step == "publish":
                assert publisher.quote(1, published + 1, published + 2) == published
                published += 1
                continue
            if published - at > SLOTS:  # overrun: on with what will stay for a quarter of a lap
                lost, at = lost + published - KEPT - at, published - KEPT
            got = listener.take()
            assert (None if got is None else int(got["bid"])) == (at + 1 if at < published else None)
            at += at < published
            assert (listener.lost, listener.position, listener.waiting) == (lost, at, published - at)


def test_listener_when_it_joins_late_begins_behind_the_newest_and_the_row_has_the_rest() -> None:
    segment = region()
    publisher = Publisher(segment)
    for n in range(40):
        publisher.quote(1 + n % 2, n + 1, n + 2)
    late = Listener(segment)
    assert (late.position, late.take(), row(segment, 2)["bid"], row(segment, 2)["position"]) == (40, None, 40, 40)
    publisher.trade(2, 77, 5, side=1)
    trade = late.take()
    assert (trade.dtype.names[3], int(trade["px"]), int(trade["instrument"])) == ("px", 77, 2)


def test_listener_when_it_begins_where_slots_are_gone_counts_them() -> None:
    segment = region()
    publisher = Publisher(segment)
    for n in range(100):
        publisher.quote(1, n + 1, n + 2)
    listener = Listener(segment, 0)
    assert int(listener.take()["bid"]) == 100 - KEPT + 1
    assert listener.lost == 100 - KEPT


def test_publisher_when_slots_are_of_every_kind_keeps_the_row_of_the_instrument() -> None:
    segment = region()
    publisher, listener = Publisher(segment), Listener(segment)
    publisher.quote(1, 10, 12, bid_qty=3, ask_qty=4, source_ns=5, published_ns=6, flags=MORE)
    expected = dict(bid=10, ask=12, bid_qty=3, ask_qty=4, source_ns=5, published_ns=6, count=1, instrument=1, flags=0, gaps=0, last=0, position=1)
    assert {k: v for k, v in row(segment).items() if k in expected} == expected
    publisher.trade(1, 11, 2, source_ns=7)
    publisher.book(1, 1, 1, 10, 9, flags=GAP)
    assert [row(segment)[n] for n in ("bid", "last", "last_qty", "last_source_ns", "gaps", "position", "count")] == [10, 11, 2, 7, 1, 3, 1]
    publisher.quote(1, 13, 12)
    assert row(segment)["flags"] == CROSSED
    publisher.quote(1, 13, 12, flags=STALE)
    assert (row(segment)["flags"], row(segment)["count"]) == (STALE | CROSSED, 2), "to go stale is no new quote"
    publisher.quote(1, 0, 12)
    assert row(segment)["flags"] == 0, "a side that nobody quotes crosses nothing"
    publisher.reset(1)
    assert [row(segment)[n] for n in ("bid", "ask", "flags", "last")] == [0, 0, STALE, 11]
    kinds = [ENUMS["TickKind"].by_value[int(listener.take()["kind"])] for _ in range(7)]
    assert kinds == ["QUOTE", "TRADE", "BOOK", "QUOTE", "QUOTE", "QUOTE", "RESET"]


def test_publisher_when_it_publishes_an_array_does_what_it_does_one_by_one() -> None:
    one, all_ = region(), region()
    slots = np.zeros(50, dtype("QuoteTick"))
    slots["kind"], slots["instrument"], slots["bid"], slots["ask"] = 1, np.arange(50) % 5, np.arange(50) + 1, np.arange(50) + 2
    assert Publisher(all_).publish_all(slots) == 10, "instrument 4 has no row"
    publisher = Publisher(one)
    for slot in slots[slots["instrument"] < 4]:
        publisher.publish(slot)
    for name in ("head", "ticks", "quotes"):
        assert one.section(name).tobytes() == all_.section(name).tobytes()


@pytest.mark.parametrize(("kind", "instrument"), [(0, 1), (5, 1), (1, 4), (1, 2**32 - 1)])
def test_publisher_when_a_slot_cannot_be_refuses_it(kind: int, instrument: int) -> None:
    slot = np.zeros(1, dtype("QuoteTick"))
    slot["kind"], slot["instrument"] = kind, instrument
    segment = region()
    with pytest.raises(ValueError, match=f"kind {kind} of instrument {instrument} is not published"):
        Publisher(segment).publish(slot)
    with pytest.raises(ValueError, match="64 bytes, 63 were given"):
        Publisher(segment).publish(b"x" * 63)
    assert int(segment.section("head")[0]["position"]) == 0


def test_publisher_when_its_predecessor_died_inside_a_row_mends_it() -> None:
    segment = region()
    Publisher(segment).quote(1, 10, 11)
    record = segment.section("quotes")[1]
    record["version"], record["position"] = int(record["version"]) + 1, 2  # the slot was never published
    again = Publisher(segment)
    assert (again.position, row(segment)["position"], row(segment)["version"] % 2) == (1, 1, 0)
    left = row(segment)
    assert [left[n] for n in ("bid", "ask", "flags", "count", "instrument")] == [0, 0, STALE, 1, 1], "some of it may be of the quote that was never published"


@pytest.mark.parametrize("word", [2**63 - 1, 7, 17 | BUSY, 2, 35])
def test_listener_when_a_sequence_word_cannot_be_raises_garbage(word: int) -> None:
    segment = region()
    publisher = Publisher(segment)
    for n in range(17):
        publisher.quote(1, n + 1, n + 2)
    listener = Listener(segment, 17)
    segment.section("ticks")["slot_seq"][1] = word  # due is 18; 2 is of a lap ago, 18 | BUSY is being written
    if word == 2:
        assert listener.take() is None
        return
    with pytest.raises(RingGarbage, match=f"position 17 has sequence word {word}"):
        listener.take()


@pytest.mark.parametrize("kind", [0, 9, 255])
def test_listener_when_a_kind_cannot_be_raises_garbage(kind: int) -> None:
    segment = region()
    listener = Listener(segment)
    Publisher(segment).quote(1, 1, 2)
    segment.section("ticks")["kind"][0] = kind
    for _ in range(2):
        with pytest.raises(RingGarbage, match=f"position 0 has sequence word 1, kind {kind};"):
            listener.take()
    assert listener.position == 0


def test_listener_when_a_slot_is_being_written_waits_for_it() -> None:
    segment = region()
    listener = Listener(segment)
    segment.section("ticks")["slot_seq"][0] = 1 | BUSY
    assert listener.take() is None


def test_listener_when_it_has_a_row_of_the_readers_shows_how_far_it_is() -> None:
    segment = region()
    readers = Segment.create_memfd("readers", reader_sections(), role=ROLE, epoch=1)
    publisher = Publisher(segment)
    publisher.quote(1, 1, 2)
    listener = Listener(segment, 0, readers=readers, row=3)
    cursor = readers.section("readers")[3]
    assert (int(cursor["position"]), int(cursor["condition"])) == (0, os.getpid())
    listener.take()
    assert int(cursor["position"]) == 1
    listener.close()
    assert int(cursor["condition"]) == 0
    with pytest.raises(IndexError, match=f"has no row {READERS_ROWS}"):
        Listener(segment, readers=readers, row=READERS_ROWS)
    other = Segment.create_memfd("other", [("readers", "QuoteTick", READERS_ROWS)], role=ROLE, epoch=1)
    with pytest.raises(KeyError, match="no cursors of readers"):
        Listener(segment, readers=other, row=READERS_ROWS - 1)


def test_region_when_it_is_no_market_data_region_is_refused() -> None:
    other = Segment.create_memfd("other", [("head", "RingCursor", 1), ("ticks", "Quote", 16)], role=ROLE, epoch=1)
    with pytest.raises(ValueError, match="slots are Quote"):
        Listener(other)
    with pytest.raises(KeyError, match="no market data ring"):
        Publisher(Segment.create_memfd("other", reader_sections(), role=ROLE, epoch=1))
    with pytest.raises(PermissionError, match="read-only"):
        Publisher(Segment.attach_memfd(region().fd, market_sections(SLOTS, 4), writable=False))
    for slots in (8, 24):
        with pytest.raises(ValueError, match="powers of two from 16"):
            market_sections(slots, 4)


# ---- threads and processes

PLAIN: tuple[str, ...] = ()
ADDRESS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
THREAD = ("-fsanitize=thread", "-Wno-tsan", "-fno-builtin-memcpy")
"""As in test_ring_native.py; the copy of a slot must be a call that the sanitizer sees."""
CANNOT_TRACE = 77
"""Exit code of the driver."""
Drive = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Drive:
    """Run broadcast_driver.c, compiled once for each set of flags; skip where that cannot be, and say why."""
    folder = tmp_path_factory.mktemp("driver")
    here = Path(__file__).resolve().parent
    programs: dict[tuple[str, ...], Path] = {}

    def act(flags: tuple[str, ...], *arguments: object) -> subprocess.CompletedProcess[str]:
        if flags not in programs:
            program = folder / f"driver{len(programs)}"
            command = ["gcc", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-O2", "-g", *flags, f"-I{here.parent.parent / 'ipc'}", "-pthread"]
            try:
                built = subprocess.run([*command, str(here / "native" / "broadcast_driver.c"), "-o", str(program)], capture_output=True, text=True, check=False)
            except FileNotFoundError:
                pytest.skip("no C compiler on this host: apt-get install gcc")
            if flags and "cannot find" in built.stderr:
                pytest.skip(f"{flags[0]} is not installed on this host: {built.stderr[-200:]}")
            assert built.returncode == 0, built.stderr
            programs[flags] = program
        done = subprocess.run([str(programs[flags]), *map(str, arguments)], capture_output=True, text=True, timeout=110, check=False)
        if done.returncode == CANNOT_TRACE:
            pytest.skip("this host lets no process trace its child: allow ptrace")
        return done

    return act


def output(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr[-3000:] or f"exit {done.returncode}"
    return done.stdout


def test_market_when_the_producer_dies_before_any_store_nothing_is_lost_or_twice(drive: Drive) -> None:
    assert output(drive(ADDRESS, "deaths", 16, 40)) == "200 worlds\n"


def test_market_when_the_producer_is_killed_at_any_instruction_the_row_is_whole_or_void(drive: Drive) -> None:
    assert int(output(drive(PLAIN, "killed", 16, 40)).removesuffix(" worlds\n")) > 50


@pytest.mark.parametrize("more", [1, 12, 16, 17, 100])
def test_broadcast_when_a_reader_is_lapped_at_any_instruction_it_counts_exactly(drive: Drive, more: int) -> None:
    assert int(output(drive(PLAIN, "lapped", 16, more)).removesuffix(" worlds\n")) > 15


def test_broadcast_when_three_readers_race_a_producer_each_knows_what_it_lost(drive: Drive) -> None:
    assert output(drive(PLAIN, "race", 64, 300_000, 50)).endswith("lost\n")
    assert output(drive(PLAIN, "race", 4096, 300_000, 500)).endswith("lost\n")


def test_broadcast_when_the_producer_waits_for_its_readers_is_clean_under_thread_sanitizer(drive: Drive) -> None:
    assert output(drive(THREAD, "paced", 64, 20_000)) == "0 0 0 lost\n"


def test_broadcast_when_its_stores_are_relaxed_thread_sanitizer_says_so(drive: Drive) -> None:
    done = drive((*THREAD, "-DBROKEN"), "paced", 64, 10_000)
    assert done.returncode == 66, done.stdout
    assert "ThreadSanitizer: data race" in done.stderr
    assert "rf_broadcast_take" in done.stderr


READER = """
import random, sys
from ringfence.ipc.broadcast import Listener
from ringfence.ipc.segment import Segment
listener, end, pace = Listener(Segment.attach(sys.argv[1], "market"), 0), int(sys.argv[2]), random.Random(sys.argv[3])
print("ready", flush=True)
taken = last = 0
while listener.position < end:
    tick = listener.take()
    if tick is None:
        continue
    assert int(tick["slot_seq"]) == listener.position == int(tick["bid"]) == int(tick["source_ns"]), tick
    assert int(tick["slot_seq"]) > last
    last, taken = listener.position, taken + 1
    if pace.random() < 0.001:
        for _ in range(pace.randrange(100_000)):
            pass
assert taken + listener.lost == end, (taken, listener.lost)
print("verified", flush=True)
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_broadcast_when_a_reader_process_stumbles_it_counts_exactly(instance: str, seed: int) -> None:
    total = 200_000
    segment = Segment.create(instance, "market", market_sections(256, 4), role=ROLE, epoch=1)
    slots = np.zeros(total, dtype("QuoteTick"))
    slots["kind"], slots["instrument"], slots["bid"], slots["source_ns"] = 1, 1, np.arange(1, total + 1), np.arange(1, total + 1)
    publisher, rng = Publisher(segment), np.random.default_rng(seed)
    command = [sys.executable, "-c", READER, instance, str(total), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        while publisher.position < total:
            at = publisher.position
            assert publisher.publish_all(slots[at : at + int(rng.integers(1, 400))]) == 0
        assert child.stdout.read() == "verified\n"
    assert child.returncode == 0
