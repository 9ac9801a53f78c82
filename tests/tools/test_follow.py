"""Following a journal that is being written: every frame once and in order, whatever of it is there at a look; damage has a place."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_by_hand import JournalByHand

from ringfence.ipc.layout import dtype
from ringfence.tools import frames
from ringfence.tools.errors import JournalCorrupt
from ringfence.tools.follow import TRIES, JournalFollower
from ringfence.tools.journal import Chunk
from ringfence.tools.journal_archive import Rules, archive
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.segments import HEADER_BYTES, SEGMENT_BYTES_MIN, segment_path


def encoded(count: int) -> bytes:
    """File frames of a small journal with ``count`` marks at its end."""
    made = JournalByHand(Path("unused"))
    for k in range(count):
        made.mark(10_000 + k, 10_002 + k)
    return frames.encode(np.frombuffer(b"".join(made._slots), dtype("JournalSlot")))


FRAMES = encoded(300)
OFFSETS = np.empty(1000, np.uint64)
COUNT = frames.offsets(FRAMES, 0, len(FRAMES), OFFSETS)


def sequences(chunk: Chunk | None) -> list[int]:
    if chunk is None:
        return []
    numbers = np.empty(chunk.frames, np.uint64)
    assert frames.offsets(chunk.buffer, chunk.start, chunk.end, numbers) == chunk.frames
    return [int(np.frombuffer(chunk.buffer, dtype("FileFrame"), 1, int(at))[0]["seq"]) for at in numbers]


def drain(follower: JournalFollower) -> list[int]:
    out: list[int] = []
    while chunk := follower.read():
        found = sequences(chunk)
        assert chunk.first_seq == found[0]
        out += found
    return out


@settings(max_examples=25, deadline=None)
@given(ends=st.lists(st.integers(1, COUNT), max_size=8), after=st.integers(0, COUNT + 5))
def test_read_while_the_writer_writes_and_rolls_gives_each_frame_once(tmp_path_factory: pytest.TempPathFactory, ends: list[int], after: int) -> None:
    directory = tmp_path_factory.mktemp("journal")
    follower, found = JournalFollower(directory, after), []
    assert follower.read() is None
    at = 0
    with JournalWriter(directory, "byhand", segment_bytes=SEGMENT_BYTES_MIN) as writer:
        for end in sorted({*ends, COUNT}):
            until = int(OFFSETS[end]) if end < COUNT else len(FRAMES)
            while at < until:
                at += writer.append(FRAMES, at, until) - at
            found += drain(follower)
    follower.close()
    assert found == list(range(after + 1, COUNT + 1))
    assert segment_path(directory, 2).exists()


def test_read_when_a_frame_is_half_there_waits_for_the_rest(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    with JournalWriter(whole, "byhand", segment_bytes=1 << 20) as writer:
        writer.append(FRAMES, 0, len(FRAMES))
        writer.sync()
    bytes_of = segment_path(whole, 1).read_bytes()
    directory = tmp_path / "journal"
    directory.mkdir()
    growing = segment_path(directory, 1)
    first, second = HEADER_BYTES + int(OFFSETS[40]), HEADER_BYTES + int(OFFSETS[41])
    second = first + len(bytes_of[first:second].rstrip(b"\0"))  # zeros at its end are there before they are written
    growing.write_bytes(bytes_of[:first])
    follower = JournalFollower(directory)
    assert drain(follower) == list(range(1, 41))
    for cut in range(first, second):
        with growing.open("r+b") as file:
            file.write(bytes_of[:cut] + bytes(64))
        assert drain(follower) == []
    growing.write_bytes(bytes_of)
    assert drain(follower) == list(range(41, COUNT + 1))
    follower.close()


@pytest.mark.parametrize("seen", [0, 1, 100])
def test_read_when_segments_were_compressed_before_it_came_to_them_reads_on(tmp_path: Path, seen: int) -> None:
    with JournalWriter(tmp_path, "byhand", segment_bytes=SEGMENT_BYTES_MIN) as writer:
        at, end = 0, int(OFFSETS[seen]) if seen else 0
        follower = JournalFollower(tmp_path)
        while at < end:
            at = writer.append(FRAMES, at, end)
        found = drain(follower)
        while at < len(FRAMES):
            at = writer.append(FRAMES, at, len(FRAMES))
    assert archive(tmp_path, Rules(compress=True), 0, 0).compressed
    assert found + drain(follower) == list(range(1, COUNT + 1))
    follower.close()


def test_read_when_a_byte_changed_gives_what_is_before_it_then_refuses(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, "byhand", segment_bytes=1 << 20) as writer:
        writer.append(FRAMES, 0, len(FRAMES))
        writer.sync()
    path = segment_path(tmp_path, 1)
    data = bytearray(path.read_bytes())
    data[HEADER_BYTES + int(OFFSETS[100]) + 30] ^= 1
    path.write_bytes(data)
    follower = JournalFollower(tmp_path)
    assert drain(follower) == list(range(1, 101))
    with pytest.raises(JournalCorrupt, match="sequence 101"):
        for _ in range(TRIES):
            follower.read()
    follower.close()


def test_read_when_the_next_segment_begins_elsewhere_refuses(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, "byhand", segment_bytes=SEGMENT_BYTES_MIN) as writer:
        at = 0
        while at < len(FRAMES):
            at = writer.append(FRAMES, at, len(FRAMES))
    shutil.copy(segment_path(tmp_path, 3), segment_path(tmp_path, 2))
    follower = JournalFollower(tmp_path)
    drain(follower)
    with pytest.raises(JournalCorrupt, match="segment 1"):
        for _ in range(TRIES):
            follower.read()
    follower.close()
