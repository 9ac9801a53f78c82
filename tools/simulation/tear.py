"""A process killed inside a turn: the turn runs, and what it wrote behind a drawn point is taken back.

    images before the turn ──▶ turn ──▶ kill ──▶ memory as after the first k of the turn's stores

Every store to shared memory has one order (docs/architecture.md): the engine publishes a frame, then its outputs, then the next frame, and gives the
inputs back at the end of the turn; the gateway stores a message, then sends, and stores an incoming number after its event. So "killed after k stores"
is a prefix of that list, which can be made from the end state. Rejected: failpoints for this (they end the process that the simulator runs in).
"""

from __future__ import annotations

import os
from random import Random
from typing import Any

import numpy as np

from ringfence.gateways.fix.gateway import Gateway
from ringfence.ipc.link import published
from ringfence.ipc.segment import Segment
from ringfence.tools.engine_process import EngineProcess
from ringfence.tools.sidecar import Sidecar
from ringfence.tools.simulation.venue import Wire

HEAD_LAG_MAX = 8  # RF_RING_HEAD_LAG_MAX of ipc/ring.h
NEXT_IN_AT, PERSISTED_AT = 320, 576  # of a session store's header: each one word with its own check


class RingImage:
    """A ring region before a turn: where it stood and what its slots held."""

    def __init__(self, region: Segment) -> None:
        self.region = region
        self.slots = region.section("slots")
        self.before = self.slots.copy()
        self.head = int(region.section("head")[0]["position"])
        self.position = published(region)

    def fresh(self) -> list[Any]:
        """The slots published since."""
        return [self.slots[p % len(self.slots)] for p in range(self.position, published(self.region))]

    def keep(self, count: int) -> None:
        """Take back all but the first ``count`` of them."""
        end = published(self.region)
        for position in range(self.position + count, end):
            self.slots[position % len(self.slots)] = self.before[position % len(self.slots)]
        head = self.head
        for position in range(self.position + 1, self.position + count + 1):  # as rf_ring_publish stores it
            head = position if position - head >= min(HEAD_LAG_MAX, len(self.slots)) else head
        self.region.section("head")[0]["position"] = head


class EngineImages:
    """Everything an engine's turn can write that another process sees."""

    def __init__(self, process: EngineProcess) -> None:
        self.journal = RingImage(process.sidecar.mine)
        peers = [*process.gateways.values(), *process.strategies.values()]
        self.outputs = [RingImage(p.mine) for p in peers]
        self.tails = [(p.mine, int(p.mine.section("tail")[0]["position"])) for p in [process.control, *peers]]

    def cut(self, draw: Random) -> None:
        """Keep k frames of the turn and the outputs of the first k - 1, those of the last one in part; inputs are given back only at the end."""
        frames = self.journal.fresh()
        kept = draw.randrange(len(frames) + 1)
        if kept == len(frames) and draw.random() < 0.5:
            return  # after the last store of the turn
        last = int(frames[kept - 1]["seq"] if "seq" in frames[0].dtype.names else _seq(frames[kept - 1])) if kept else 0
        for ring in self.outputs:
            fresh = ring.fresh()
            before = sum(1 for slot in fresh if int(slot["journal_seq"]) < last)
            own = sum(1 for slot in fresh if int(slot["journal_seq"]) == last)
            ring.keep(before + (draw.randrange(own + 1) if own else 0) if kept or not frames else 0)
        self.journal.keep(kept)
        for region, tail in self.tails:
            region.section("tail")[0]["position"] = tail


def _seq(slot: Any) -> int:
    """Journal sequence of a JournalSlot: the second word of its frame."""
    return int(np.frombuffer(slot.tobytes(), np.uint64, 1, 8)[0])


class GatewayImages:
    """A gateway before a turn: its cursors, its stored incoming number, what lies on the wire."""

    def __init__(self, gateway: Gateway, wire: Wire) -> None:
        self.events, self.wire = RingImage(gateway.mine), wire
        self.tail = int(gateway.mine.section("tail")[0]["position"])
        self.mark = int(gateway.mine.section("mark")[0]["position"])
        self.store = str(gateway.store.path)
        with open(self.store, "rb") as f:
            self.next_in, self.persisted = (os.pread(f.fileno(), 8, at) for at in (NEXT_IN_AT, PERSISTED_AT))
        wire.absorb()

    def restore(self, draw: Random) -> None:
        """The incoming number not stored after its event (G7); the mark and the tail not stored after the message (G2 to G4); bytes not sent, or some."""
        if draw.random() < 0.5:
            with open(self.store, "r+b") as f:
                os.pwrite(f.fileno(), self.next_in, NEXT_IN_AT)
                os.pwrite(f.fileno(), self.persisted, PERSISTED_AT)  # follows the other, never ahead of it
        if draw.random() < 0.5:
            self.events.region = Segment.attach(self.events.region.instance, self.events.region.name, writable=True)
            self.events.region.section("tail")[0]["position"] = self.tail
            self.events.region.section("mark")[0]["position"] = self.mark
        if draw.random() < 0.7:
            self.wire.truncate(draw)


class SidecarImages:
    """A sidecar before a turn: its mark and its tail."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.instance, self.name = sidecar.mine.instance, sidecar.mine.name
        self.tail = int(sidecar.mine.section("tail")[0]["position"])
        self.mark = int(sidecar.mine.section("mark")[0]["position"])

    def restore(self, draw: Random) -> None:
        """Synced and not marked (D4), or marked and the slots not given back."""
        region = Segment.attach(self.instance, self.name, writable=True)
        region.section("tail")[0]["position"] = self.tail
        if draw.random() < 0.5:
            region.section("mark")[0]["position"] = self.mark
