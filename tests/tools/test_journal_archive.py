"""Compression and retention: the same history, whatever dies in between, and nothing removed that a snapshot does not cover."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ringfence.tools.defects import Defect, DefectKind
from ringfence.tools.errors import JournalCorrupt, JournalRetired
from ringfence.tools.journal import JournalReader
from ringfence.tools.journal_archive import DAY_NS, Outcome, Rules, archive, covered_seq
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.segments import ANCHOR_NAME, read_anchor, segment_path

WriteJournal = Callable[..., Path]
EVERYTHING = 1 << 62
COMPRESS = Rules(compress=True)
LARGE = Rules(keep_bytes=1)


class Died(Exception):
    """The process ended here."""


def content(directory: Path, first: int | None = None) -> bytes:
    reader = JournalReader(directory)
    return b"".join(bytes(c.buffer[c.start : c.end]) for c in reader.chunks(first or reader.first_seq) if not isinstance(c, Defect))


def go_on(directory: Path, journal_frames: Callable[..., bytes], count: int = 30) -> None:
    with JournalWriter(directory, "test", segment_bytes=4096) as writer:
        data, at = journal_frames(writer.next_seq, count), 0
        while at < len(data):
            at = writer.append(data, at, len(data))
        writer.sync()


def test_archive_when_compressing_keeps_every_byte_and_the_writer_goes_on(write_journal: WriteJournal, journal_frames: Callable[..., bytes]) -> None:
    directory = write_journal(60)
    before, count = content(directory), len(JournalReader(directory).segments())
    hashes = [hashlib.sha256(segment_path(directory, k).read_bytes()).digest() for k in range(1, count)]
    assert archive(directory, COMPRESS, 0, 0) == Outcome(tuple(range(1, count)), ())
    assert [p.name for p in sorted(directory.glob("*.rfj"))] == [f"{count:010d}.rfj"]
    assert [s.previous_sha256 for s in JournalReader(directory).verify().segments][1:] == hashes
    assert content(directory) == before
    assert [int(f.head["seq"]) for f in JournalReader(directory).frames(17)] == list(range(17, 61))
    go_on(directory, journal_frames)
    result = JournalReader(directory).verify()
    assert (result.frames, result.defects) == (90, ())
    assert archive(directory, COMPRESS, 0, 0).removed == ()


@pytest.mark.parametrize("rules", [COMPRESS, LARGE, Rules(True, 0, 1)])
def test_archive_when_killed_before_any_step_loses_nothing_and_the_next_run_ends_it(
    write_journal: WriteJournal, journal_frames: Callable[..., bytes], rules: Rules
) -> None:
    for deadly in range(1, 40):
        directory = write_journal(40, name=f"journal{deadly}")
        whole, steps = content(directory), 0

        def step(_name: str, deadly: int = deadly) -> None:
            nonlocal steps
            steps += 1
            if steps == deadly:
                raise Died

        try:
            archive(directory, rules, EVERYTHING, 0, step)
        except Died:
            assert whole.endswith(content(directory))
            assert JournalReader(directory).verify().defects == ()
            archive(directory, rules, EVERYTHING, 0)
        else:
            assert deadly > 4
            break
        assert not list(directory.glob("*.new*"))
        go_on(directory, journal_frames)
        assert (JournalReader(directory).verify().last_seq, JournalReader(directory).verify().defects) == (70, ())
    else:
        pytest.fail("the run has more steps than the test kills")


def test_archive_when_retiring_stops_at_what_snapshots_cover(write_journal: WriteJournal) -> None:
    directory = write_journal(60)
    segments = JournalReader(directory).segments()
    snapshots = directory.parent / "snapshots"
    snapshots.mkdir()
    assert archive(directory, LARGE, covered_seq(snapshots), 0).removed == ()
    for seq in (segments[2].last_seq, 60):
        (snapshots / f"{seq}.rfs").write_bytes(b"")
    (snapshots / "99.rfs.new").write_bytes(b"")
    covered = covered_seq(snapshots)
    assert covered == segments[2].last_seq
    digest = hashlib.sha256(segments[2].path.read_bytes()).hexdigest()
    assert archive(directory, LARGE, covered, 0).removed == (1, 2, 3)
    anchor = read_anchor(directory)
    assert (anchor.index, anchor.last_seq, anchor.sha256) == (3, covered, digest)
    reader = JournalReader(directory)
    assert (reader.first_seq, reader.verify().frames, reader.verify().defects) == (covered + 1, 60 - covered, ())
    with pytest.raises(JournalRetired, match=f"frames 1 to {covered} were removed"):
        next(reader.chunks())
    assert next(reader.frames(covered + 1)).head["seq"] == covered + 1


def test_archive_when_retiring_by_age_keeps_what_closed_later(write_journal: WriteJournal) -> None:
    directory = write_journal(60)
    segments = JournalReader(directory).segments()
    assert archive(directory, Rules(keep_days=2), EVERYTHING, segments[1].created_ns + 2 * DAY_NS).removed == ()
    assert archive(directory, Rules(keep_days=2), EVERYTHING, segments[1].created_ns + 2 * DAY_NS + 1).removed == (1,)


def test_archive_when_a_size_is_allowed_keeps_that_much(write_journal: WriteJournal) -> None:
    directory = write_journal(60)
    count = len(JournalReader(directory).segments())
    assert len(archive(directory, Rules(keep_bytes=2 * 4096), EVERYTHING, 0).removed) == count - 2


@pytest.mark.parametrize("rules", [COMPRESS, LARGE])
def test_archive_when_a_segment_is_not_what_was_recorded_leaves_it(write_journal: WriteJournal, rules: Rules) -> None:
    directory = write_journal(40)
    path = segment_path(directory, 1)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalCorrupt, match="left as it is"):
        archive(directory, rules, EVERYTHING, 0)
    assert path.read_bytes() == bytes(data)
    assert not (directory / ANCHOR_NAME).exists()


def test_compressed_segment_when_any_byte_is_flipped_is_refused_or_the_same(write_journal: WriteJournal) -> None:
    directory = write_journal(40)
    before = content(directory)
    archive(directory, COMPRESS, 0, 0)
    path = segment_path(directory, 2).with_name("0000000002.rfj.zst")
    data, refused = bytearray(path.read_bytes()), 0
    for at in range(len(data)):
        data[at] ^= 0x10
        path.write_bytes(data)
        data[at] ^= 0x10
        defects = JournalReader(directory).verify().defects
        refused += bool(defects)
        if not defects:
            assert content(directory) == before, at
        else:
            assert {d.segment for d in defects} <= {2, 3}, at
            assert DefectKind.TORN not in {d.kind for d in defects}, at
    assert refused > len(data) - 8
    path.write_bytes(data[:-5])
    with pytest.raises(JournalCorrupt, match="compressed file is damaged"):
        content(directory)


def test_writer_when_its_newest_segment_was_torn_and_the_one_before_is_compressed_goes_on(
    write_journal: WriteJournal, journal_frames: Callable[..., bytes]
) -> None:
    directory = write_journal(40)
    last = JournalReader(directory).segments()[-1]
    archive(directory, COMPRESS, 0, 0)
    last.path.write_bytes(bytes(4096))
    with JournalWriter(directory, "test", segment_bytes=4096) as writer:
        assert (writer.next_seq, writer.index) == (last.first_seq, last.index)
    go_on(directory, journal_frames)
    assert JournalReader(directory).verify().defects == ()


def test_journal_when_all_but_the_anchor_is_gone_is_refused(write_journal: WriteJournal) -> None:
    directory = write_journal(40)
    archive(directory, LARGE, EVERYTHING, 0)
    last = JournalReader(directory).segments()[-1].index
    segment_path(directory, last).unlink()
    with pytest.raises(JournalCorrupt, match="all before it were retired"):
        JournalWriter(directory, "test")


@pytest.mark.parametrize("change", ["last_seq", "cut", "sha256"])
def test_anchor_when_damaged_refuses_to_guess(write_journal: WriteJournal, change: str) -> None:
    directory = write_journal(40)
    archive(directory, LARGE, EVERYTHING, 0)
    path = directory / ANCHOR_NAME
    fields = json.loads(path.read_text())
    if change == "cut":
        path.write_text(path.read_text()[:30])
    else:
        path.write_text(json.dumps({**fields, change: 5 if change == "last_seq" else "00" * 32}, sort_keys=True) + "\n")
    with pytest.raises(JournalCorrupt, match="which segments were removed"):
        JournalReader(directory).verify()
