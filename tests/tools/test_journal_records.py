"""The public reader: record arrays are exactly the frames, of plain, compressed and growing journals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ringfence.ipc.schema import ENUMS
from ringfence.journal import JournalCorrupt, JournalRetired, Reader
from ringfence.tools import cli, frames
from ringfence.tools.journal import JournalReader
from ringfence.tools.journal_archive import Rules, archive
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.segments import segment_path

WriteJournal = Callable[..., Path]
KINDS = ("INTENT", "VENUE_EVENT", "CONTROL", "MARK", "TIMER", "OBSERVATION", "CHECKPOINT")


def one_by_one(directory: Path, kind: str, first: int) -> list[tuple[bytes, bytes]]:
    number = ENUMS["FrameKind"].by_name[kind]
    return [(f.head.tobytes(), f.payload.tobytes()) for f in JournalReader(directory).frames(first) if int(f.head["kind"]) == number]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compressed", [False, True])
def test_records_when_read_from_anywhere_are_the_frames_of_that_kind(write_journal: WriteJournal, kind: str, compressed: bool) -> None:
    directory = write_journal(60)
    if compressed:
        archive(directory, Rules(compress=True), 0, 0)
    reader = Reader(directory)
    assert (reader.first_seq, reader.last_seq) == (1, 60)
    for first in (0, 1, 2, 23, 59, 60, 61):
        found = reader.records(kind, first)
        assert [(h.tobytes(), p.tobytes()) for h, p in zip(found.heads, found.payloads, strict=True)] == one_by_one(directory, kind, first or 1)
        assert found.payloads.flags["C_CONTIGUOUS"]


def test_records_when_kind_is_unknown_names_those_there_are(write_journal: WriteJournal) -> None:
    with pytest.raises(ValueError, match="kind was 'FILL'; allowed: INTENT"):
        Reader(write_journal(5)).records("FILL")


def test_records_when_retired_begin_at_the_anchor(write_journal: WriteJournal) -> None:
    directory = write_journal(60)
    archive(directory, Rules(keep_bytes=1), 1 << 62, 0)
    reader = Reader(directory)
    first = reader.first_seq
    assert first > 1
    assert sum(len(reader.records(kind).heads) for kind in KINDS) == 60 - first + 1
    with pytest.raises(JournalRetired):
        reader.records("INTENT", 1)
    with pytest.raises(JournalRetired, match=f"the first there is: {first}"):
        reader.follow(1)
    assert int(reader.follow().poll()[0].head["seq"]) == first


def test_gather_when_a_record_is_outside_refuses(journal_frames: Callable[..., bytes]) -> None:
    data, out = journal_frames(1, 1), np.empty(1, np.uint64)
    frames.gather(data, np.array([len(data) - 8], np.uint64), 0, out)
    for at, skip in ((len(data) - 7, 0), (len(data) - 8, 1), (1 << 63, 0), (0, len(data))):
        with pytest.raises(ValueError, match="outside a buffer"):
            frames.gather(data, np.array([at], np.uint64), skip, out)
    with pytest.raises(ValueError, match="not the same for each"):
        frames.gather(data, np.array([0, 8, 16], np.uint64), 0, out)


@pytest.mark.parametrize("compressing", [False, True])
def test_follow_when_a_writer_is_at_work_yields_every_frame_once(tmp_path: Path, journal_frames: Callable[..., bytes], compressing: bool) -> None:
    directory, done = tmp_path / "journal", threading.Event()
    data = journal_frames(1, 2000)
    writer = JournalWriter(directory, "test", segment_bytes=16384)

    def work() -> None:
        at = 0
        while at < len(data):
            end = at
            for _ in range(7):
                end += int.from_bytes(data[end : end + 4], "little") if end < len(data) else 0
            while at < end:
                at = writer.append(data, at, end)
            if compressing and writer.index % 5 == 0:
                archive(directory, Rules(compress=True), 0, 0)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    follower, seen = Reader(directory).follow(5), list[int]()
    while not (done.is_set() and follower.at_end):
        seen += [int(f.head["seq"]) for f in follower.poll()]
    thread.join()
    writer.close()
    seen += [int(f.head["seq"]) for f in follower.poll()]
    assert seen == list(range(5, 2001))


def test_follow_when_a_frame_is_damaged_refuses_with_its_place(write_journal: WriteJournal) -> None:
    directory = write_journal(40)
    frame = next(f for f in JournalReader(directory).frames(9))
    with open(segment_path(directory, frame.segment), "r+b") as file:
        file.seek(frame.offset + 70)
        file.write(b"\xff\xfe\xfd")
    follower, seen = Reader(directory).follow(), list[int]()
    with pytest.raises(JournalCorrupt) as e:
        while not follower.at_end:
            seen += [int(f.head["seq"]) for f in follower.poll()]
    assert (e.value.segment, e.value.offset, e.value.seq, seen) == (frame.segment, frame.offset, 9, list(range(1, 9)))


def test_tail_when_asked_for_lines_prints_the_last_frames(write_journal: WriteJournal, capsys: pytest.CaptureFixture[str]) -> None:
    directory = write_journal(60)
    assert cli.main(("journal", "tail", str(directory), "--lines", "12", "--json")) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [r["seq"] for r in rows] == [str(n) for n in range(49, 61)]
    assert cli.main(("journal", "tail", str(directory), "--lines", "2")) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["SEQ", "59", "60"]


def test_tail_when_following_prints_what_is_written_later(write_journal: WriteJournal, journal_frames: Callable[..., bytes]) -> None:
    directory = write_journal(20)
    command = [sys.executable, "-m", "ringfence.tools.cli", "journal", "tail", str(directory), "-f", "--lines", "1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["seq"] == "20"
            with JournalWriter(directory, "test", segment_bytes=4096) as writer:
                data, at = journal_frames(21, 30), 0
                while at < len(data):
                    at = writer.append(data, at, len(data))
            assert [json.loads(process.stdout.readline())["seq"] for _ in range(30)] == [str(n) for n in range(21, 51)]
        finally:
            process.terminate()
