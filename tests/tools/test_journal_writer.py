"""Writing journals: rolls, reopening, and a disk that refuses the nth call."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ringfence.tools.defects import DefectKind
from ringfence.tools.errors import JournalCorrupt, JournalError, JournalFull, JournalLocked, JournalSuspect
from ringfence.tools.journal import JournalReader
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.segments import HEADER_BYTES, Disk, segment_path

Frames = Callable[..., bytes]


class FailingDisk(Disk):
    """Fails call number ``at`` of ``operation`` with ``code``, once or from then on; ``short`` makes that write take one byte."""

    def __init__(self, operation: str, at: int, code: int, forever: bool = False, short: bool = False) -> None:
        self.operation, self.at, self.code, self.forever, self.short = operation, at, code, forever, short
        self.calls = 0

    def _hit(self, operation: str) -> bool:
        if operation != self.operation:
            return False
        self.calls += 1
        return self.calls == self.at or (self.forever and self.calls > self.at)

    def allocate(self, fd: int, size: int) -> None:
        if self._hit("allocate"):
            raise OSError(self.code, os.strerror(self.code))
        super().allocate(fd, size)

    def write(self, fd: int, data: memoryview, offset: int) -> int:
        if self._hit("write"):
            if self.short:
                return super().write(fd, data[:1], offset)
            raise OSError(self.code, os.strerror(self.code))
        return super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        if self._hit("sync"):
            raise OSError(self.code, os.strerror(self.code))
        super().sync(fd)


def append_all(writer: JournalWriter, data: bytes) -> None:
    at = 0
    while at < len(data):
        at = writer.append(data, at, len(data))


def test_writer_when_segments_roll_chains_their_hashes(tmp_path: Path, journal_frames: Frames) -> None:
    with JournalWriter(tmp_path, "test", segment_bytes=4096) as writer:
        append_all(writer, journal_frames(1, 60))
        writer.sync()
    segments = JournalReader(tmp_path).verify().segments
    assert len(segments) > 3
    assert segments[0].previous_sha256 == bytes(32)
    for before, after in itertools.pairwise(segments):
        assert after.previous_sha256 == hashlib.sha256(before.path.read_bytes()).digest()
        assert before.path.stat().st_size == 4096


@pytest.mark.parametrize("count", [0, 1, 25, 60])
def test_writer_when_reopened_continues(tmp_path: Path, journal_frames: Frames, count: int) -> None:
    with JournalWriter(tmp_path, "test", segment_bytes=4096) as writer:
        append_all(writer, journal_frames(1, count))
    with JournalWriter(tmp_path, "test", segment_bytes=4096) as writer:
        assert (writer.next_seq, writer.synced_seq, writer.repaired) == (count + 1, count, None)
        append_all(writer, journal_frames(count + 1, 40, epoch=2))
        assert writer.sync() == count + 40
    result = JournalReader(tmp_path).verify()
    assert (result.frames, result.defects) == (count + 40, ())


def test_writer_when_tail_is_torn_at_any_byte_cuts_it_and_keeps_a_copy(tmp_path: Path, journal_frames: Frames) -> None:
    data = journal_frames(1, 3)
    last = journal_frames(4, 1)
    for cut in range(1, len(last)):
        directory = tmp_path / str(cut)
        with JournalWriter(directory, "test", segment_bytes=4096) as writer:
            append_all(writer, data)
        with open(segment_path(directory, 1), "r+b") as file:
            file.seek(HEADER_BYTES + len(data))
            file.write(last[:cut])
        with JournalWriter(directory, "test", segment_bytes=4096) as writer:
            assert writer.repaired is not None
            assert (writer.repaired.kind, writer.next_seq) == (DefectKind.TORN, 4)
            append_all(writer, last)
        broken = (directory / "0000000001.rfj.broken").read_bytes()
        assert broken == last[:cut].rstrip(b"\0")
        assert JournalReader(directory).verify().frames == 4


def test_writer_when_torn_twice_keeps_both_copies(tmp_path: Path, journal_frames: Frames) -> None:
    for word in (b"first", b"second"):
        with JournalWriter(tmp_path, "test", segment_bytes=4096):
            pass
        with open(segment_path(tmp_path, 1), "r+b") as file:
            file.seek(HEADER_BYTES)
            file.write(word)
    with JournalWriter(tmp_path, "test", segment_bytes=4096):
        pass
    assert (tmp_path / "0000000001.rfj.broken").read_bytes() == b"first"
    assert (tmp_path / "0000000001.rfj.broken.2").read_bytes() == b"second"


def test_writer_when_middle_is_damaged_refuses_and_changes_nothing(tmp_path: Path, journal_frames: Frames) -> None:
    with JournalWriter(tmp_path, "test", segment_bytes=4096) as writer:
        append_all(writer, journal_frames(1, 8))
    path = segment_path(tmp_path, 1)
    whole = bytearray(path.read_bytes())
    whole[HEADER_BYTES + 100] ^= 1
    path.write_bytes(whole)
    with pytest.raises(JournalCorrupt, match="damaged frame; a valid one follows"):
        JournalWriter(tmp_path, "test", segment_bytes=4096)
    assert path.read_bytes() == bytes(whole)
    assert not list(tmp_path.glob("*.broken"))


def test_writer_when_previous_segment_changed_refuses(tmp_path: Path, journal_frames: Frames) -> None:
    with JournalWriter(tmp_path, "test", segment_bytes=4096) as writer:
        append_all(writer, journal_frames(1, 20))
    with open(segment_path(tmp_path, 1), "r+b") as file:
        file.seek(400)
        file.write(b"x")
    with pytest.raises(JournalCorrupt, match="changed after it was closed"):
        JournalWriter(tmp_path, "test", segment_bytes=4096)


def test_writer_when_instance_is_another_refuses(tmp_path: Path) -> None:
    JournalWriter(tmp_path, "one", segment_bytes=4096).close()
    with pytest.raises(JournalCorrupt, match="this journal belongs to 'two'"):
        JournalWriter(tmp_path, "two", segment_bytes=4096)


def test_writer_when_another_holds_the_journal_is_refused(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, "test"), pytest.raises(JournalLocked, match="another process writes this journal"):
        JournalWriter(tmp_path, "test")


def test_writer_when_roll_was_interrupted_removes_the_leftover(tmp_path: Path, journal_frames: Frames) -> None:
    with JournalWriter(tmp_path, "test", segment_bytes=4096) as writer:
        append_all(writer, journal_frames(1, 5))
    (tmp_path / "0000000002.rfj.new").write_bytes(bytes(4096))
    with JournalWriter(tmp_path, "test", segment_bytes=4096) as writer:
        assert writer.next_seq == 6
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0000000001.rfj"]


def test_writer_when_newest_segment_lost_its_header_goes_back_one(tmp_path: Path, journal_frames: Frames) -> None:
    with JournalWriter(tmp_path, "test", segment_bytes=4096) as writer:
        append_all(writer, journal_frames(1, 5))
    segment_path(tmp_path, 2).write_bytes(bytes(4096))
    with JournalWriter(tmp_path, "test", segment_bytes=4096) as writer:
        assert writer.next_seq == 6
        assert writer.repaired is not None
        append_all(writer, journal_frames(6, 40))
    assert JournalReader(tmp_path).verify().frames == 45


def test_writer_when_frames_do_not_continue_raises(tmp_path: Path, journal_frames: Frames) -> None:
    with JournalWriter(tmp_path, "test") as writer, pytest.raises(JournalError, match="do not continue the journal, which calls for 1"):
        writer.append(data := journal_frames(2, 1), 0, len(data))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("operation", ["allocate", "write"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_writer_when_disk_is_full_once_takes_the_same_append_later(tmp_path: Path, journal_frames: Frames, code: int, operation: str, at: int) -> None:
    data, full = journal_frames(1, 60), 0
    disk = FailingDisk(operation, at, code)
    try:
        writer = JournalWriter(tmp_path, "test", segment_bytes=4096, disk=disk)
    except JournalFull:
        full += 1
        writer = JournalWriter(tmp_path, "test", segment_bytes=4096, disk=disk)
    with writer:
        start = 0
        while start < len(data):
            try:
                start = writer.append(data, start, len(data))
            except JournalFull as e:
                assert "goes on by itself" in str(e)
                full += 1
        writer.sync()
    assert full == 1
    result = JournalReader(tmp_path).verify()
    assert (result.frames, result.defects) == (60, ())


def test_writer_when_write_is_short_writes_the_rest(tmp_path: Path, journal_frames: Frames) -> None:
    disk = FailingDisk("write", 2, 0, forever=True, short=True)
    with JournalWriter(tmp_path, "test", segment_bytes=4096, disk=disk) as writer:
        append_all(writer, journal_frames(1, 2))
    assert JournalReader(tmp_path).verify().frames == 2


@pytest.mark.parametrize(("operation", "at"), [("write", 2), ("write", 3), ("sync", 2), ("sync", 3), ("allocate", 2)])
def test_writer_when_disk_fails_is_suspect_for_ever(tmp_path: Path, journal_frames: Frames, operation: str, at: int) -> None:
    disk = FailingDisk(operation, at, errno.EIO)
    data, start = journal_frames(1, 60), 0
    with JournalWriter(tmp_path, "test", segment_bytes=4096, disk=disk) as writer:
        with pytest.raises(JournalSuspect, match="Input/output error; the journal is suspect from sequence"):
            while start < len(data):
                start = writer.append(data, start, len(data))
                writer.sync()
        synced, calls = writer.synced_seq, disk.calls
        with pytest.raises(JournalSuspect):
            writer.sync()
        with pytest.raises(JournalSuspect):
            writer.append(data, start, len(data))
        assert (writer.synced_seq, disk.calls) == (synced, calls)
        assert writer.suspect


def test_writer_when_file_size_is_limited_reports_full(tmp_path: Path) -> None:
    code = (
        "import sys; from ringfence.tools.journal_writer import JournalWriter; from ringfence.tools.errors import JournalFull\n"
        "try: JournalWriter(sys.argv[1], 'test', segment_bytes=1 << 20)\n"
        "except JournalFull as e: print(e); sys.exit(9)"
    )
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))  # noqa: E731
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    assert "allocate segment" in done.stdout
    assert not list(tmp_path.iterdir())


def test_writer_when_segment_bytes_is_wrong_says_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="segment_bytes was 5000; allowed: a multiple of 4096"):
        JournalWriter(tmp_path, "test", segment_bytes=5000)
