"""Reading journals: the recovery table of docs/journal.md, row by row and byte by byte."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ringfence.tools.defects import Defect, DefectKind
from ringfence.tools.errors import JournalCorrupt, JournalError
from ringfence.tools.journal import JournalReader
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.segments import HEADER_BYTES, segment_path

WriteJournal = Callable[..., Path]


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage made by a test does not move: look again at once."""
    monkeypatch.setattr("ringfence.tools.journal._SETTLE_S", 0)


def kinds(directory: Path) -> list[DefectKind]:
    return [d.kind for d in JournalReader(directory).verify().defects]


def test_reader_when_directory_is_missing_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no such journal directory"):
        JournalReader(tmp_path / "nothing")


def test_verify_when_journal_is_good_counts_all(write_journal: WriteJournal) -> None:
    directory = write_journal(50)
    result = JournalReader(directory).verify()
    assert (result.frames, result.last_seq, result.defects) == (50, 50, ())
    assert len(result.segments) > 2
    assert [s.index for s in result.segments] == list(range(1, len(result.segments) + 1))
    assert [s.first_seq for s in result.segments][1:] == [s.last_seq + 1 for s in result.segments][:-1]


def test_segments_when_journal_is_good_agrees_with_verify(write_journal: WriteJournal) -> None:
    reader = JournalReader(write_journal(50))
    assert [(s.index, s.first_seq, s.last_seq) for s in reader.segments()] == [(s.index, s.first_seq, s.last_seq) for s in reader.verify().segments]


@pytest.mark.parametrize("from_seq", [1, 2, 17, 49, 50, 51])
def test_frames_when_started_anywhere_yields_the_rest(write_journal: WriteJournal, from_seq: int) -> None:
    got = [(int(f.head["seq"]), int(f.head["engine_ns"]) % 1000) for f in JournalReader(write_journal(50)).frames(from_seq)]
    assert got == [(s, s) for s in range(from_seq, 51)]


def test_last_segment_when_truncated_at_every_byte_is_torn_or_shorter(write_journal: WriteJournal, tmp_path: Path) -> None:
    directory = write_journal(12, segment_bytes=8192)
    path = segment_path(directory, 1)
    whole = path.read_bytes()
    used = JournalReader(directory).segments()[0].used_bytes
    ends = [f.offset + int(f.head["length"]) for f in JournalReader(directory).frames()]
    for cut in range(used + 8):
        path.write_bytes(whole[:cut])
        result = JournalReader(directory).verify()
        good = sum(1 for end in ends if end <= cut)
        boundary = cut in (HEADER_BYTES, *ends) or cut > used
        last_end = HEADER_BYTES if good == 0 else ends[good - 1]
        torn = not boundary and (cut < HEADER_BYTES or any(whole[last_end:cut]))
        assert result.frames == good, cut
        assert [d.kind for d in result.defects] == ([DefectKind.TORN] if torn else []), cut


def test_last_segment_when_every_byte_is_flipped_is_never_passed_silently(write_journal: WriteJournal) -> None:
    directory = write_journal(8, segment_bytes=4096)
    path = segment_path(directory, 1)
    whole = bytearray(path.read_bytes())
    starts = [f.offset for f in JournalReader(directory).frames()]
    end = JournalReader(directory).segments()[0].used_bytes
    for at in range(len(whole)):
        whole[at] ^= 0x41
        path.write_bytes(whole)
        whole[at] ^= 0x41
        defects = JournalReader(directory).verify().defects
        assert len(defects) == 1, at
        defect = defects[0]
        if at < HEADER_BYTES:
            assert (defect.kind, defect.offset) == (DefectKind.HEADER, 0), at
        elif at >= starts[-1]:
            assert (defect.kind, defect.seq) == (DefectKind.TORN, 8 if at < end else 9), at
        else:
            k = max(i for i, s in enumerate(starts) if s <= at)
            assert (defect.kind, defect.segment, defect.offset, defect.seq) == (DefectKind.CORRUPT, 1, starts[k], k + 1), at
            with pytest.raises(JournalCorrupt) as e:
                list(JournalReader(directory).chunks())
            assert (e.value.segment, e.value.offset, e.value.seq) == (1, starts[k], k + 1)


def test_closed_segment_when_every_byte_is_flipped_is_refused(write_journal: WriteJournal) -> None:
    directory = write_journal(45, segment_bytes=4096)
    path = segment_path(directory, 2)
    whole = bytearray(path.read_bytes())
    for at in range(0, len(whole), 3):
        whole[at] ^= 0x10
        path.write_bytes(whole)
        whole[at] ^= 0x10
        with pytest.raises(JournalCorrupt) as e:
            list(JournalReader(directory).chunks())
        assert e.value.segment in (2, 3), at
        assert DefectKind.TORN not in kinds(directory), at


def test_closed_segment_when_a_byte_changes_with_its_crc_breaks_the_chain(write_journal: WriteJournal, journal_frames: Callable[..., bytes]) -> None:
    directory = write_journal(30, segment_bytes=4096)
    path = segment_path(directory, 1)
    whole = bytearray(path.read_bytes())
    forged = journal_frames(1, 1, seed=99)
    assert len(forged) == int.from_bytes(whole[HEADER_BYTES : HEADER_BYTES + 4], "little")
    whole[HEADER_BYTES : HEADER_BYTES + len(forged)] = forged
    path.write_bytes(whole)
    result = JournalReader(directory).verify()
    assert [(d.kind, d.segment) for d in result.defects] == [(DefectKind.CHAIN, 2)]
    assert result.frames == 30
    assert "was changed after it was closed" in result.defects[0].detail


def test_segments_when_two_are_swapped_are_refused(write_journal: WriteJournal) -> None:
    directory = write_journal(40)
    one, two, spare = segment_path(directory, 1), segment_path(directory, 2), directory / "spare"
    one.rename(spare)
    two.rename(one)
    spare.rename(two)
    assert DefectKind.HEADER in kinds(directory)
    with pytest.raises(JournalCorrupt, match="renamed or swapped"):
        list(JournalReader(directory).chunks())


@pytest.mark.parametrize("index", [1, 2])
def test_segment_when_deleted_is_missing(write_journal: WriteJournal, index: int) -> None:
    directory = write_journal(40)
    segment_path(directory, index).unlink()
    first = JournalReader(directory).verify().defects[0]
    assert (first.kind, first.segment) == (DefectKind.MISSING, index)


def test_segment_when_duplicated_under_the_next_name_is_refused(write_journal: WriteJournal) -> None:
    directory = write_journal(40)
    last = JournalReader(directory).segments()[-1].index
    shutil.copy(segment_path(directory, last), segment_path(directory, last + 1))
    assert kinds(directory)[0] is DefectKind.HEADER


def test_last_frame_of_a_closed_segment_when_zeroed_is_refused(write_journal: WriteJournal) -> None:
    directory = write_journal(40)
    last = [f for f in JournalReader(directory).frames() if f.segment == 1][-1]
    with open(segment_path(directory, 1), "r+b") as file:
        file.seek(last.offset)
        file.write(bytes(int(last.head["length"])))
    result = JournalReader(directory).verify()
    assert (result.defects[0].kind, result.defects[0].segment, result.defects[0].seq) == (DefectKind.SEQUENCE, 2, int(last.head["seq"]))


def test_segment_when_written_by_another_layout_names_both(write_journal: WriteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = write_journal(5)
    monkeypatch.setattr("ringfence.tools.defects.LAYOUT_HASH", 0x1234)
    with pytest.raises(JournalCorrupt, match=r"written with layout 0x[0-9a-f]{16}, this build has 0x0000000000001234"):
        list(JournalReader(directory).chunks())


def test_verify_when_two_places_are_damaged_reports_both(write_journal: WriteJournal) -> None:
    directory = write_journal(40)
    found = [f for f in JournalReader(directory).frames() if int(f.head["seq"]) in (2, 20)]
    for frame in found:
        with open(segment_path(directory, frame.segment), "r+b") as file:
            file.seek(frame.offset + 20)
            file.write(b"\xff\xfe")
    defects = [d for d in JournalReader(directory).verify().defects if d.kind is DefectKind.CORRUPT]
    assert [(d.segment, d.offset, d.seq) for d in defects] == [(f.segment, f.offset, int(f.head["seq"])) for f in found]


def test_reader_when_a_writer_is_at_work_sees_only_good_prefixes(tmp_path: Path, journal_frames: Callable[..., bytes]) -> None:
    directory, stop = tmp_path / "journal", threading.Event()
    data = journal_frames(1, 3000)
    writer = JournalWriter(directory, "test", segment_bytes=65536)

    def work() -> None:
        at = 0
        while at < len(data):
            end = at
            for _ in range(5):
                end += int.from_bytes(data[end : end + 4], "little") if end < len(data) else 0
            while at < end:
                at = writer.append(data, at, end)
        stop.set()

    thread = threading.Thread(target=work)
    thread.start()
    seen = 0
    while True:
        done = stop.is_set()
        seqs = [(item.first_seq, item.frames) for item in JournalReader(directory).chunks() if not isinstance(item, Defect)]
        last = sum(n for _, n in seqs)
        assert last >= seen
        seen = last
        if done:
            break
    thread.join()
    writer.close()
    assert seen == 3000


def test_reader_when_file_is_empty_calls_it_torn(write_journal: WriteJournal) -> None:
    directory = write_journal(5)
    os.truncate(segment_path(directory, 1), 0)
    assert kinds(directory) == [DefectKind.TORN]
