"""Journal bytes for the tests of the tools: slots as the engine would put them into the journal ring, and whole journal directories."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_side import EngineSide

from ringfence.ipc.layout import dtype
from ringfence.ipc.regions import list_regions
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.tools import frames
from ringfence.tools.journal_writer import JournalWriter

PAYLOAD = {"INTENT": "Intent", "VENUE_EVENT": "VenueEvent", "CONTROL": "Control", "MARK": "Mark", "TIMER": "Timer", "OBSERVATION": "Observation"}
MIX = ("TIMER", "INTENT", "MARK", "VENUE_EVENT", "OBSERVATION", "CONTROL")


def make_slots(first_seq: int, count: int, kinds: tuple[str, ...] = MIX, epoch: int = 1, seed: int = 7) -> np.ndarray:
    """``count`` JournalSlot records with dense sequences and random payload bytes."""
    random = np.random.default_rng([seed, first_seq])
    slots = np.zeros(count, dtype("JournalSlot"))
    heads = slots.view(np.uint8).reshape(count, RECORDS["JournalSlot"].size)
    for k in range(count):
        seq = first_seq + k
        kind = kinds[seq % len(kinds)]
        head = np.zeros(1, dtype("Frame"))
        size = RECORDS[PAYLOAD[kind]].size
        row = head[0]
        row["slot_seq"], row["seq"], row["engine_ns"] = seq, seq, 1_700_000_000_000_000_000 + seq
        row["source_position"], row["source_epoch"], row["source"] = seq, epoch, 3
        row["kind"], row["payload_bytes"], row["instance_epoch"] = ENUMS["FrameKind"].by_name[kind], size, epoch
        heads[k, :64] = head.view(np.uint8)
        heads[k, 64 : 64 + size] = random.integers(0, 256, size, dtype=np.uint8)
    return slots


def make_frames(first_seq: int, count: int, **options: object) -> bytes:
    return frames.encode(make_slots(first_seq, count, **options))  # type: ignore[arg-type]


@pytest.fixture
def journal_frames() -> Callable[..., bytes]:
    """``journal_frames(first_seq, count, epoch=1)``: file frames."""
    return make_frames


@pytest.fixture
def journal_slots() -> Callable[..., np.ndarray]:
    """``journal_slots(first_seq, count, epoch=1)``: journal ring slots."""
    return make_slots


@pytest.fixture
def write_journal(tmp_path: Path) -> Callable[..., Path]:
    """``write_journal(count, segment_bytes)``: a closed journal of ``count`` frames; returns its directory."""

    def write(count: int, segment_bytes: int = 4096, name: str = "journal") -> Path:
        directory = tmp_path / name
        with JournalWriter(directory, "test", segment_bytes=segment_bytes) as writer:
            data = make_frames(1, count)
            at = 0
            while at < len(data):
                at = writer.append(data, at, len(data))
            writer.sync()
        return directory

    return write


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Callable[..., EngineSide]]:
    made: list[EngineSide] = []

    def make(slots: int = 256, **options: Any) -> EngineSide:
        made.append(EngineSide(tmp_path, f"t{os.getpid()}s{len(made)}", slots, **options))
        return made[-1]

    yield make
    for side in made:
        side.close()
        assert list_regions(side.instance) == []
