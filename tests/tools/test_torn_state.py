"""A journal cut at every byte of its last frames, and its closed history damaged at random: the state is that of the last whole frame, or it is refused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from journal_by_hand import LIMITS, JournalByHand

from ringfence.core.replay import Replayer
from ringfence.tools.journal import Chunk, JournalReader
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.segments import segment_path


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage made by a test does not move: look again at once."""
    monkeypatch.setattr("ringfence.tools.journal._SETTLE_S", 0)


def state_of(directory: Path) -> tuple[int, int]:
    """Last sequence and state hash of what the directory holds."""
    replayer = Replayer(LIMITS)
    for item in JournalReader(directory).chunks():
        if isinstance(item, Chunk):
            replayer.apply_buffer(item.buffer, item.start, item.end)
    return int(replayer.state.seq), replayer.state_hash()


def written(directory: Path) -> JournalByHand:
    made = JournalByHand(directory)
    made.new(41, "BUY", 1000, 11002)
    made.event("ACK", 1)
    made.fill(1, 400, 11002, "X1")
    made.mark(11000, 11002)
    made.fill(1, 600, 11001, "X2")
    made.write()
    return made


def test_state_when_the_last_frames_are_cut_at_any_byte_is_that_of_the_last_whole_frame(tmp_path: Path) -> None:
    made = written(tmp_path)
    path = segment_path(made.directory, 1)
    whole = path.read_bytes()
    ends = {int(f.head["seq"]): f.offset + int(f.head["length"]) for f in JournalReader(made.directory).frames()}
    hashes, replayer, start = dict[int, int](), Replayer(LIMITS), 256
    for seq, end in ends.items():
        replayer.apply_buffer(memoryview(whole), start, end)
        hashes[seq], start = replayer.state_hash(), end
    first = made.seq - 3
    for cut in range(ends[first], ends[made.seq] + 1):
        path.write_bytes(whole[:cut] + bytes(ends[made.seq] + 4096 - cut))
        expected = max(s for s, end in ends.items() if end <= cut or not any(whole[cut:end]))
        assert state_of(made.directory) == (expected, hashes[expected]), cut
        if cut % 16 == 0:  # the writer cuts exactly there too
            with JournalWriter(made.directory, "byhand", segment_bytes=8192) as writer:
                assert writer.next_seq == expected + 1, cut


def test_pages_when_damaged_at_random_are_never_passed_silently(tmp_path: Path, write_journal: object) -> None:
    directory = write_journal(400, segment_bytes=16384)  # type: ignore[operator]
    draw = random.Random(4)
    paths = [segment_path(directory, s.index) for s in JournalReader(directory).segments()[:-1]]
    assert len(paths) > 3
    for _ in range(40):
        kept = {}
        for path in draw.sample(paths, draw.randint(1, 3)):
            kept[path] = path.read_bytes()
            pages = bytearray(kept[path])
            page = draw.randrange(len(pages) // 4096) * 4096
            pages[page : page + 4096] = draw.choice((bytes(4096), draw.randbytes(4096), bytes(2048) + pages[page + 2048 : page + 4096]))
            path.write_bytes(pages)
        changed = {p for p, was in kept.items() if p.read_bytes() != was}
        defects = JournalReader(directory).verify().defects
        assert bool(defects) == bool(changed)
        assert {int(p.stem) for p in changed} <= {d.segment for d in defects} | {d.segment - 1 for d in defects}
        for path, was in kept.items():
            path.write_bytes(was)
    assert JournalReader(directory).verify().defects == ()
