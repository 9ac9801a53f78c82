"""Compiled code against the C headers: the same rings, broadcast, sequence lock, CRC32C and clock, in both directions, and the same answers to garbage."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from ringfence.ipc.broadcast import Listener, Publisher, market_sections
from ringfence.ipc.clock import Clock
from ringfence.ipc.errors import RingGarbage
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment

numba = pytest.importorskip("numba", reason="numba is not installed: pip install 'ringfence[numba]'")
from ringfence.ipc import njit as nb  # noqa: E402

ROLE = ENUMS["Role"].by_name
SLOTS = 8
BUSY = CONSTANTS["TICK_BUSY"][0]


def address(array: Any) -> int:
    return int(array.ctypes.data)


def ring_of(slots: Any, head: Any, tail: Any) -> Any:
    """An rf_ring_t at position 0."""
    ring = np.zeros(10, "u8")
    ring[:5] = address(slots), address(head), address(tail), len(slots) - 1, slots.itemsize
    ring[9] = min(8, len(slots))
    return ring


@numba.njit(**nb.OPTIONS)
def take(ring: int, to: int) -> int:
    r = nb.ring_at(ring)
    result = nb.ring_take(r, to, 128)
    nb.ring_release(r)
    return result


@numba.njit(**nb.OPTIONS)
def put(ring: int, value: int) -> int:
    r = nb.ring_at(ring)
    slot, result = nb.ring_claim(r)
    if slot != 0:
        nb.store_plain(slot + 8, value)
        nb.ring_publish(r)
    return result


@numba.njit(**nb.OPTIONS)
def take_many(ring: int, to: int, count: int) -> int:
    """Take ``count`` slots; how many were not the next number."""
    r = nb.ring_at(ring)
    wrong = 0
    for i in range(count):
        while nb.ring_take(r, to, 128) != 1:
            nb.ring_release(r)
            nb.pause()
        if nb.load_plain(to + 8) != i:
            wrong += 1
        if r.pending >= 4:
            nb.ring_release(r)
    nb.ring_release(r)
    return wrong


@numba.njit(**nb.OPTIONS)
def put_many(ring: int, count: int) -> int:
    r = nb.ring_at(ring)
    for i in range(count):
        slot, result = nb.ring_claim(r)
        while slot == 0:
            if result == 4:
                return 4
            nb.pause()
            slot, result = nb.ring_claim(r)
        nb.store_plain(slot + 8, i)
        nb.ring_publish(r)
    nb.ring_settle(r)
    return 1


@numba.njit(**nb.OPTIONS)
def take_tick(broadcast: int, to: int) -> tuple[int, int]:
    return nb.broadcast_take(nb.broadcast_at(broadcast), to)


@numba.njit(**nb.OPTIONS)
def now(clock: int) -> int:
    return nb.clock_now(nb.clock_at(clock))


@pytest.fixture
def sides() -> Any:
    ours = Segment.create_memfd("a", link_sections("Intent", SLOTS), role=ROLE["STRATEGY"], epoch=1)
    theirs = Segment.create_memfd("b", link_sections("StrategyEvent", SLOTS), role=ROLE["ENGINE"], epoch=1)
    return ours, theirs, Link(theirs, ours, trusted=False)


def test_ring_when_compiled_code_produces_the_c_ring_takes_the_same(sides: Any) -> None:
    ours, theirs, link = sides
    ring = ring_of(ours.section("slots"), ours.section("head")["position"], theirs.section("tail")["position"])
    sent, got = itertools.count(), itertools.count()
    for _ in range(5):
        results = [put(address(ring), next(sent)) for _ in range(SLOTS)]
        assert results == [nb.OK] * SLOTS
        assert put(address(ring), 0) == nb.FULL
        for _ in range(SLOTS):
            assert int(link.receive()["client_id"]) == next(got)
        assert link.receive() is None
    theirs.section("tail")["position"] = 1 << 40
    for n in range(SLOTS + 1):
        result = put(address(ring), n)
    assert result == nb.GARBAGE


def test_ring_when_compiled_code_consumes_it_takes_what_c_put(sides: Any) -> None:
    ours, theirs, link = sides
    ring = ring_of(theirs.section("slots"), theirs.section("head")["position"], ours.section("tail")["position"])
    copy, event = np.zeros(1, dtype("StrategyEvent")), np.zeros(1, dtype("StrategyEvent"))
    assert take(address(ring), address(copy)) == nb.EMPTY
    for n in range(3 * SLOTS):
        event["client_id"], event["px"] = n, -n
        link.send(event)
        assert take(address(ring), address(copy)) == nb.OK
        assert (int(copy[0]["client_id"]), int(copy[0]["px"])) == (n, -n)
    assert take(address(ring), address(copy)) == nb.EMPTY


@pytest.mark.parametrize("word", [1, 2, 9, 10, 17, 18, 25, 26, (1 << 64) - 1, 1 << 63])
def test_ring_when_a_sequence_word_is_anything_compiled_code_says_what_c_says(sides: Any, word: int) -> None:
    ours, theirs, _ = sides
    slots = theirs.section("slots")
    ring = ring_of(slots, theirs.section("head")["position"], ours.section("tail")["position"])
    ring[5] = 17  # the next position
    slots["slot_seq"][17 % SLOTS] = word
    ours.section("tail")["position"] = 17
    theirs.section("head")["position"] = 0
    expected = nb.OK if word == 18 else nb.EMPTY if word == 10 else nb.GARBAGE
    assert take(address(ring), address(np.zeros(128, "u1"))) == expected
    if expected == nb.GARBAGE:
        with pytest.raises(RingGarbage):
            Link(ours, theirs, trusted=False).receive()


def test_ring_when_two_processes_share_it_every_message_arrives_in_order(instance: str) -> None:
    """Producer: compiled code of another process; consumer: compiled code here."""
    count = 200_000
    theirs = Segment.create(instance, "from", link_sections("StrategyEvent", 64), role=ROLE["ENGINE"], epoch=1)
    mine = Segment.create(instance, "to", link_sections(None), role=ROLE["ENGINE"], epoch=1)
    program = f"""
import sys
sys.path[:0] = {sys.path!r}
from ringfence.ipc.segment import Segment
from test_njit import address, put_many, ring_of
a = Segment.attach({instance!r}, "from", writable=True, shared=True)
b = Segment.attach({instance!r}, "to")
ring = ring_of(a.section("slots"), a.section("head")["position"], b.section("tail")["position"])
sys.exit(put_many(address(ring), {count}) - 1)
"""
    sender = subprocess.Popen([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(sys.modules[__name__].__file__)!r}.rpartition('/')[0])\n{program}"])
    ring = ring_of(theirs.section("slots"), theirs.section("head")["position"], mine.section("tail")["position"])
    try:
        assert take_many(address(ring), address(np.zeros(128, "u1")), count) == 0
        assert sender.wait(30) == 0
    finally:
        sender.kill()
        sender.wait()
    assert int(theirs.section("head")[0]["position"]) == count


def broadcast_of(market: Segment) -> Any:
    ring = np.zeros(5, "u8")
    ring[:3] = address(market.section("ticks")), address(market.section("head")["position"]), len(market.section("ticks")) - 1
    return ring


def test_broadcast_when_the_reader_is_slow_compiled_code_loses_exactly_what_c_loses() -> None:
    market = Segment.create_memfd("market", market_sections(16, 4), role=ROLE["FEED"], epoch=1)
    publisher, listener, ring, copy = Publisher(market), Listener(market, 0), broadcast_of(market), np.zeros(1, dtype("QuoteTick"))
    rng = np.random.default_rng(3)
    for burst in rng.integers(0, 60, 100):
        for _ in range(int(burst)):
            publisher.quote(1, publisher.position + 1, publisher.position + 2)
        while (expected := listener.take()) is not None:
            result = nb.LOST
            while result == nb.LOST:
                result, _ = take_tick(address(ring), address(copy))
            assert result == nb.OK
            assert copy.tobytes() == expected.tobytes()
        assert take_tick(address(ring), address(copy))[0] == nb.EMPTY
        assert int(ring[4]) == listener.lost
    assert listener.lost


@pytest.mark.parametrize(
    ("word", "expected"),
    [(0, nb.GARBAGE), (5, nb.EMPTY), (21, nb.OK), (21 | BUSY, nb.EMPTY), (5 | BUSY, nb.EMPTY), (37, nb.LOST), (38, nb.GARBAGE), (20, nb.GARBAGE)],
)
def test_broadcast_when_a_word_is_anything_compiled_code_says_what_the_header_says(word: int, expected: int) -> None:
    market = Segment.create_memfd("market", market_sections(16, 4), role=ROLE["FEED"], epoch=1)
    ring = broadcast_of(market)
    ring[3] = 20
    market.section("ticks")["slot_seq"][4] = word
    assert take_tick(address(ring), address(np.zeros(64, "u1")))[0] == expected


def test_crc32c_when_compiled_is_that_of_the_standard() -> None:
    data = np.frombuffer(b"123456789" + bytes(range(120)), "u1").copy()
    assert nb.crc32c(0, address(data), 9) == nb.crc32c_table(0, address(data), 9) == 0xE3069283  # RFC 3720, B.4
    for n in range(117):
        assert nb.crc32c(5, address(data), n) == nb.crc32c_table(5, address(data), n)


@pytest.mark.parametrize("use_counter", [True, False])
def test_clock_when_compiled_is_between_two_looks_at_the_c_clock(instance: str, use_counter: bool) -> None:
    clock = Clock.calibrate(0.002, use_counter=use_counter)
    region = Segment.create(instance, "instance", [("clock", "ClockCalibration", 2)], role=ROLE["SUPERVISOR"], epoch=1)
    clock.publish(region)
    row = region.section("clock")[1]
    own = np.zeros(5, "u8")
    own[:3] = row["base_tsc"], row["base_ns"], row["mult"]
    own[4] = int(row["shift"]) | int(row["source"]) << 32
    before = clock.now_ns()
    assert before - 1_000 <= now(address(own)) <= clock.now_ns() + 1_000
    own[3] = 1 << 62
    assert now(address(own)) == 1 << 62  # never back


def test_seqlock_when_it_is_being_written_compiled_code_gives_up() -> None:
    row, copy = np.zeros(1, dtype("Quote")), np.zeros(1, dtype("Quote"))
    row["version"], row["bid"] = 2, 7
    assert nb.seqlock_copy(address(row), address(copy), 128, 3)
    assert copy.tobytes() == row.tobytes()
    row["version"] = 3
    assert not nb.seqlock_copy(address(row), address(copy), 128, 3)


def test_code_when_it_polls_loads_in_the_loop_and_calls_nothing_of_python() -> None:
    take_many(address(np.zeros(10, "u8")), 0, 0)
    (llvm,) = take_many.inspect_llvm().values()
    bodies = re.findall(r"^define [^\n]*@(\S+?)\([^\n]*\{\n(.*?)^\}", llvm, re.MULTILINE | re.DOTALL)
    (body,) = [text for name, text in bodies if "take_many" in name and "cpython" not in name and "cfunc" not in name]
    assert not re.findall(r"call [^\n]*@(?:Py|NRT_|numba_)\w*", body)
    blocks = re.split(r"^([\w.]+):[^\n]*\n", body, flags=re.MULTILINE)
    loop = [text for name, text in zip(blocks[1::2], blocks[2::2], strict=True) if "load atomic" in text and "acquire" in text]
    assert loop and any("br " in text for text in loop), "the sequence word is loaded in a block that the loop comes back to"
