"""The ring against a deque: full, empty, wrap-around near 2^32 and 2^63, and every kind of garbage."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.ipc.errors import RingFull, RingGarbage
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections, published
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

ROLE = ENUMS["Role"].by_name["ENGINE"]
STARTS = [0, 2**32 - 3, 2**63 - 3]


class Ring:
    """A link in anonymous memory, its ring set to begin at ``start``."""

    def __init__(self, capacity: int, start: int = 0, *, trusted: bool = True) -> None:
        self.to = Segment.create_memfd("to", link_sections("Quote", capacity), role=ROLE, epoch=1)
        self.back = Segment.create_memfd("back", link_sections(None), role=ROLE, epoch=1)
        self.trusted = trusted
        if start:
            positions = np.arange(start, start + capacity, dtype=np.uint64)
            self.words()[(positions % np.uint64(capacity)).astype(np.int64)] = positions + np.uint64(1) - np.uint64(capacity)
            self.cursor("head", start)
            self.cursor("tail", start)
        self.sender = Link(self.to, self.back, trusted=trusted)
        self.receiver = Link(self.back, self.to, trusted=trusted)

    def words(self) -> np.ndarray:
        return self.to.section("slots")["version"]

    def cursor(self, name: str, value: int) -> None:
        (self.to if name == "head" else self.back).section(name)["position"][0] = value

    def close(self) -> None:
        self.to.close()
        self.back.close()


def quote(bid: int) -> np.ndarray:
    row = np.zeros(1, dtype("Quote"))
    row["bid"] = bid
    return row


@settings(deadline=None, max_examples=60)
@given(capacity=st.sampled_from([1, 2, 8]), start=st.sampled_from(STARTS), sends=st.lists(st.booleans(), max_size=120))
def test_ring_when_sent_and_received_at_will_behaves_as_a_bounded_deque(capacity: int, start: int, sends: list[bool]) -> None:
    ring, model = Ring(capacity, start), deque[int]()
    for n, send in enumerate(sends):
        if send and len(model) == capacity:
            with pytest.raises(RingFull):
                ring.sender.send(quote(n))
        elif send:
            ring.sender.send(quote(n))
            model.append(n)
        else:
            got = ring.receiver.receive()
            assert (None if got is None else int(got["bid"])) == (model.popleft() if model else None)
        assert (ring.sender.depth, ring.receiver.waiting) == (len(model), len(model))
    assert published(ring.to) == ring.sender.outbound_position
    ring.close()


@pytest.mark.parametrize("word", [2**64 - 1, 17, 12345])
def test_ring_when_sequence_word_cannot_be_raises_garbage(word: int) -> None:
    ring = Ring(8)
    ring.words()[0] = word
    with pytest.raises(RingGarbage, match=f"sequence word {word}"):
        ring.receiver.receive()


def test_ring_when_slot_is_zeroed_after_the_first_lap_raises_garbage() -> None:
    ring = Ring(4)
    for n in range(6):
        ring.sender.send(quote(n))
        ring.receiver.receive()
    ring.words()[:] = 0
    with pytest.raises(RingGarbage):
        ring.receiver.receive()


@pytest.mark.parametrize("tail", [2, 9, 2**64 - 1])
def test_ring_when_tail_goes_back_or_ahead_of_head_raises_garbage(tail: int) -> None:
    ring = Ring(4)
    for n in range(8):
        ring.sender.send(quote(n))
        ring.receiver.receive()
    ring.cursor("tail", tail)
    with pytest.raises(RingGarbage, match=f"is {tail}"):
        for n in range(5):
            ring.sender.send(quote(n))


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_link_when_head_lags_at_death_continues_after_the_published_slots(lag: int) -> None:
    ring = Ring(8)
    for n in range(5):
        ring.sender.send(quote(n))
    ring.cursor("head", 5 - lag)
    ring.to.section("slots")["bid"][5] = 99  # claimed and filled, never published
    again = Link(ring.to, ring.back)
    assert (again.outbound_position, published(ring.to)) == (5, 5)
    again.send(quote(5))
    assert [int(ring.receiver.receive()["bid"]) for _ in range(6)] == list(range(6))


def test_link_when_receiver_restarts_continues_at_its_tail() -> None:
    ring = Ring(8)
    for n in range(5):
        ring.sender.send(quote(n))
    assert [int(ring.receiver.receive()["bid"]) for _ in range(2)] == [0, 1]
    again = Link(ring.back, ring.to)
    assert int(again.receive()["bid"]) == 2


def test_link_when_regions_are_of_different_lives_is_refused() -> None:
    ring = Ring(8)
    ring.cursor("tail", 3)
    with pytest.raises(RingGarbage, match="different lives"):
        Link(ring.back, ring.to)
    with pytest.raises(RingGarbage, match="different lives"):
        Link(ring.to, ring.back)


def test_link_when_made_fresh_begins_at_zero_again() -> None:
    ring = Ring(4)
    for n in range(6):
        ring.sender.send(quote(n))
        ring.receiver.receive()
    new_peer = Segment.create_memfd("back", link_sections(None), role=ROLE, epoch=2)
    sender, receiver = Link(ring.to, new_peer, fresh=True), Link(new_peer, ring.to)
    assert receiver.receive() is None
    sender.send(quote(42))
    assert int(receiver.receive()["bid"]) == 42


def test_link_when_untrusted_does_not_look_at_head() -> None:
    ring = Ring(8, trusted=False)
    ring.sender.send(quote(1))
    ring.cursor("head", 2**64 - 1)
    assert int(Link(ring.back, ring.to, trusted=False).receive()["bid"]) == 1


def test_link_when_side_is_read_only_or_slot_has_wrong_size_says_so() -> None:
    ring = Ring(4)
    read_only = Segment.attach_memfd(ring.to.fd, link_sections("Quote", 4), writable=False)
    with pytest.raises(ValueError, match="read-only"):
        Link(read_only, ring.back)
    with pytest.raises(ValueError, match="128 bytes, 3 were given"):
        ring.sender.send(b"abc")


@pytest.mark.parametrize("slots", [0, 3, 12])
def test_link_sections_when_slots_are_no_power_of_two_are_refused(slots: int) -> None:
    with pytest.raises(ValueError, match="powers of two"):
        link_sections("Quote", slots)


CONSUMER = """
import sys
from ringfence.bench.ring_loops import run
from ringfence.ipc.link import Link
from ringfence.ipc.segment import Segment
instance, count = sys.argv[1], int(sys.argv[2])
mine = Segment.attach(instance, "from.t", writable=True)
print("ready", flush=True)
run(Link(mine, Segment.attach(instance, "to.t")), "consume", count, 3)
print("verified", flush=True)
"""


def test_ring_when_a_million_messages_cross_processes_all_arrive_whole(instance: str) -> None:
    from ringfence.bench.ring_loops import run

    count = 1_000_000
    to = Segment.create(instance, "to.t", link_sections("Quote", 1024), role=ROLE, epoch=1)
    Segment.create(instance, "from.t", link_sections(None), role=ROLE, epoch=1)
    command = [sys.executable, "-c", CONSUMER, instance, str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        run(Link(to, Segment.attach(instance, "from.t")), "produce", count, 3)
        assert child.stdout.read() == "verified\n"
    assert child.returncode == 0
    assert int(to.section("head")["position"][0]) == count
