"""The second incoming number: a fill whose journal frame the disk never got is asked for again after a loss of the host's memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateways.fix.peer import Engine, Venue, until

from ringfence.gateways.errors import StoreCorrupt
from ringfence.gateways.fix.store import MessageStore
from ringfence.ipc import regions
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

ROLE = ENUMS["Role"].by_name
PERSISTED_AT = 576


# ---- the number in the store ----------------------------------------------------------------------------------------------


def test_store_when_shared_memory_is_gone_goes_back_to_what_the_journal_has(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "s", "me")
    store.set_next_in(10)
    store.set_next_in_persisted(7)
    store.close()
    store = MessageStore(tmp_path / "s", "me")
    assert (store.next_in, store.next_in_persisted) == (10, 7)
    assert store.forget_unpersisted() == 3
    assert store.forget_unpersisted() == 0
    store.close()
    store = MessageStore(tmp_path / "s", "me")
    assert (store.next_in, store.next_in_persisted) == (7, 7)
    store.close()


def test_store_when_numbers_start_anew_the_second_one_does_too(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "s", "me")
    store.set_next_in(10)
    store.set_next_in_persisted(10)
    store.reset()
    assert (store.next_in, store.next_in_persisted) == (1, 1)
    with pytest.raises(ValueError, match="cannot be persisted"):
        store.set_next_in_persisted(2)
    store.close()


def test_store_when_it_is_of_an_older_version_believes_its_one_number(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "s", "me")
    store.set_next_in(10)
    store.close()
    data = bytearray((tmp_path / "s").read_bytes())
    data[PERSISTED_AT : PERSISTED_AT + 8] = bytes(8)
    (tmp_path / "s").write_bytes(data)
    store = MessageStore(tmp_path / "s", "me")
    assert store.next_in_persisted == 10
    store.close()
    data[PERSISTED_AT] = 9
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(StoreCorrupt, match="sequence number"):
        MessageStore(tmp_path / "s", "me")


@settings(deadline=None, max_examples=50)
@given(steps=st.lists(st.one_of(st.integers(1, 40), st.sampled_from(["persist", "reset", "reopen", "forget"])), max_size=30))
def test_store_whatever_happens_the_second_number_is_never_ahead(tmp_path_factory: pytest.TempPathFactory, steps: list[int | str]) -> None:
    path = tmp_path_factory.mktemp("store") / "s"
    store = MessageStore(path, "me")
    for step in steps:
        if isinstance(step, int):
            store.set_next_in(step)
        elif step == "persist":
            store.set_next_in_persisted(store.next_in)
        elif step == "reset":
            store.reset()
        elif step == "forget":
            store.forget_unpersisted()
        else:
            before = (store.next_in, store.next_in_persisted)
            store.close()
            store = MessageStore(path, "me")
            assert (store.next_in, store.next_in_persisted) == before
        assert 1 <= store.next_in_persisted <= store.next_in
    store.close()


# ---- the gateway between a venue and an engine whose journal is the test's ---------------------------------------------------


class Journal:
    """The engine's journal ring and the sidecar's mark, played by the test."""

    def __init__(self, instance: str) -> None:
        self.to = Segment.create(instance, "to.sidecar", link_sections("JournalSlot", 16), role=ROLE["ENGINE"], epoch=1)
        self.back = Segment.create(instance, "from.sidecar", link_sections(None), role=ROLE["SIDECAR"], epoch=1)
        self.engine, self.sidecar = Link(self.to, self.back), Link(self.back, self.to)
        self.seq = 100  # the journal is older than the ring

    def write(self) -> None:
        """One more frame."""
        self.seq += 1
        slot = np.zeros(1, dtype("JournalSlot"))
        slot[0]["head"] = int(self.seq).to_bytes(8, "little")
        self.engine.send(slot)
        self.sidecar.receive()

    def sync(self) -> None:
        self.sidecar.set_mark(self.seq)


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    v = Venue(tmp_path)
    yield v
    v.close()


class World:
    """A gateway process, a venue, and an engine that journals what it takes when it is told to."""

    def __init__(self, instance: str, folder: Path, venue: Venue) -> None:
        self.instance, self.folder, self.venue = instance, folder, venue
        self.begin()

    def begin(self) -> None:
        self.journal = Journal(self.instance)
        self.engine = Engine(self.instance, self.folder, self.venue.port)
        self.engine.start()
        until(lambda: "SESSION_UP" in self.engine.kinds(), self.turn, what="the session")

    def turn(self) -> None:
        """Take events and journal each."""
        self.venue.pump()
        before = len(self.engine.events)
        self.engine.poll()
        for _ in range(len(self.engine.events) - before):
            self.journal.write()

    def lose_the_host(self) -> None:
        """The process dies and every region is gone; the store file stays."""
        self.engine.kill()
        self.engine.to.close()
        for segment in (self.journal.to, self.journal.back):
            segment.close()
        self.venue.drop()
        for region in regions.list_regions(self.instance):
            (regions.SHM_DIR / f"{regions.PREFIX}{self.instance}.{region.name}").unlink()

    def stored(self) -> tuple[int, int]:
        """Both numbers as they are in the file now."""
        words = np.fromfile(self.folder / "firm.store", "<u8", 80)
        mask = np.uint64(0xFFFFFFFFFFFF)
        return int(words[40] & mask), int(words[PERSISTED_AT // 8] & mask)

    def fills(self) -> list[bytes]:
        return [bytes(e["exec_id"]) for e, kind in zip(self.engine.events, self.engine.kinds(), strict=True) if kind == "FILL"]


@pytest.fixture
def world(instance: str, tmp_path: Path, venue: Venue) -> Iterator[World]:
    w = World(instance, tmp_path, venue)
    yield w
    w.engine.close()
    for segment in (w.journal.to, w.journal.back):
        segment.unlink()
        segment.close()


def order_of(world: World) -> dict[int, bytes]:
    world.engine.command()
    until(world.venue.orders, world.turn, what="the order")
    return world.venue.orders()[0]


def test_gateway_when_the_host_dies_before_the_sync_the_fill_is_asked_for_again(world: World) -> None:
    order = order_of(world)
    world.venue.report(order, "E1", "1", "1", last=40, cum=40)
    until(lambda: world.fills() == [b"E1"], world.turn, what="the first fill")
    world.journal.sync()
    until(lambda: len(set(world.stored())) == 1, world.turn, what="the second number after a sync")
    first = world.stored()[1]
    world.venue.report(order, "E2", "2", "2", last=60, cum=100)
    until(lambda: world.fills() == [b"E1", b"E2"], world.turn, what="the second fill")  # journaled, never synced
    end = time.monotonic() + 0.2
    while time.monotonic() < end:  # many ticks of the gateway
        world.turn()
    assert world.stored() == (first + 1, first), "a number is not persisted before its frame is"
    world.lose_the_host()
    world.begin()
    until(lambda: world.fills() == [b"E2"], world.turn, what="the fill that the journal lost")
    resent = world.engine.events[world.engine.kinds().index("FILL")]
    assert int(resent["flags"]) & 1, "it carries PossDup"
    assert "the next expected is" in world.engine.log()


def test_gateway_when_the_engine_did_not_take_the_event_no_sync_counts(world: World) -> None:
    order = order_of(world)
    until(lambda: len(set(world.stored())) == 1, world.turn, world.journal.sync, what="equal numbers")
    first = world.stored()[1]
    world.venue.report(order, "E1", "2", "2", last=100, cum=100)
    until(lambda: world.stored()[0] == first + 1, world.venue.pump, what="the fill in the ring")
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        world.venue.pump()
        world.journal.write()  # others' frames, synced; ours is not among them
        world.journal.sync()
    assert world.stored() == (first + 1, first)
    world.lose_the_host()
    world.begin()
    until(lambda: world.fills() == [b"E1"], world.turn, what="the fill that nobody took")


def test_gateway_when_only_its_process_dies_nothing_is_asked_for_again(world: World) -> None:
    order = order_of(world)
    world.venue.report(order, "E1", "2", "2", last=100, cum=100)
    until(lambda: world.fills() == [b"E1"], world.turn, what="the fill")
    assert world.stored()[1] < world.stored()[0]
    world.engine.kill()
    world.venue.drop()
    ups = world.engine.kinds().count("SESSION_UP")
    world.engine.start()
    until(lambda: world.engine.kinds().count("SESSION_UP") > ups, world.turn, what="the session again")
    assert world.fills() == [b"E1"]


def test_gateway_when_stopped_cleanly_waits_for_the_journal_and_asks_for_nothing_at_the_next_start(world: World) -> None:
    order = order_of(world)
    world.venue.report(order, "E1", "2", "2", last=100, cum=100)
    until(lambda: world.fills() == [b"E1"], world.turn, what="the fill")
    process = world.engine.process
    assert process is not None
    process.terminate()
    until(lambda: process.poll() is not None, world.turn, world.journal.sync, what="the end of the process")
    assert process.returncode == 0
    assert len(set(world.stored())) == 1
