"""Direct writes leave the same bytes as the page cache does, and the faster way is chosen by measurement."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.tools import journal_commit
from ringfence.tools.errors import JournalFull, JournalSuspect
from ringfence.tools.journal import JournalReader
from ringfence.tools.journal_commit import choose
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.segments import BLOCK_BYTES, Disk, segment_path

Frames = Callable[..., bytes]


@pytest.fixture(autouse=True)
def direct_is_possible(tmp_path: Path) -> None:
    """Skip where the file system of the test refuses O_DIRECT."""
    (tmp_path / "probe").write_bytes(b"")
    try:
        os.close(os.open(tmp_path / "probe", os.O_RDWR | os.O_DIRECT))
    except OSError:
        pytest.skip("the file system of the temporary directory refuses O_DIRECT")
    (tmp_path / "probe").unlink()


class DirectDisk(Disk):
    """Answers direct write number ``at`` with an error or after ``takes`` bytes."""

    def __init__(self, at: int = 0, code: int = 0, takes: int = 0, forever: bool = False) -> None:
        self.at, self.code, self.takes, self.forever, self.calls = at, code, takes, forever, 0

    def write_direct(self, fd: int, data: memoryview, offset: int) -> int:
        self.calls += 1
        if self.calls == self.at or (self.forever and self.calls > self.at > 0):
            if self.code:
                raise OSError(self.code, os.strerror(self.code))
            if self.takes < BLOCK_BYTES:
                return self.takes
            return super().write_direct(fd, data[: self.takes // BLOCK_BYTES * BLOCK_BYTES], offset)
        return super().write_direct(fd, data, offset)


def append_parts(writer: JournalWriter, data: bytes, ends: list[int]) -> None:
    at = 0
    for end in [*ends, len(data)]:
        while at < end:
            at = writer.append(data, at, end)


def ends_of(data: bytes) -> list[int]:
    ends, at = [], 0
    while at < len(data):
        at += int.from_bytes(data[at : at + 4], "little")
        ends.append(at)
    return ends


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(picks=st.sets(st.integers(0, 119)), reopen=st.booleans())
def test_direct_writer_when_batches_are_of_any_size_leaves_the_bytes_of_the_other_way(
    tmp_path_factory: pytest.TempPathFactory, journal_frames: Frames, picks: set[int], reopen: bool
) -> None:
    data = journal_frames(1, 120)
    ends = [e for k, e in enumerate(ends_of(data)) if k in picks]
    found = {}
    for mode in ("fdatasync", "direct"):
        directory = tmp_path_factory.mktemp(mode)
        with JournalWriter(directory, "test", segment_bytes=8192, commit=mode) as writer:
            append_parts(writer, data, ends)
            assert writer.sync() == 120
        if reopen:
            with JournalWriter(directory, "test", segment_bytes=8192, commit=mode) as writer:
                assert writer.repaired is None
                append_parts(writer, journal_frames(121, 30), [])
        result = JournalReader(directory).verify()
        assert (result.frames, result.defects) == (150 if reopen else 120, ())
        found[mode] = [bytes(c.buffer[c.start : c.end]) for c in JournalReader(directory).chunks()]  # type: ignore[union-attr]
    assert found["direct"] == found["fdatasync"]


def test_direct_writer_when_batches_are_large_is_durable_at_once_and_chains(tmp_path: Path, journal_frames: Frames) -> None:
    data = journal_frames(1, 12_000)
    with JournalWriter(tmp_path, "test", segment_bytes=1 << 21, commit="direct", disk=(disk := DirectDisk())) as writer:
        at = 0
        while at < len(data):
            at = writer.append(data, at, len(data))
            assert writer.synced_seq == writer.next_seq - 1
    assert disk.calls < 12
    segments = JournalReader(tmp_path).verify().segments
    assert segments[1].previous_sha256 == hashlib.sha256(segment_path(tmp_path, 1).read_bytes()).digest()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_direct_writer_when_disk_is_full_takes_the_same_append_later(tmp_path: Path, journal_frames: Frames, code: int) -> None:
    data = journal_frames(1, 20)
    with JournalWriter(tmp_path, "test", commit="direct", disk=DirectDisk(1, code)) as writer:
        with pytest.raises(JournalFull, match="goes on by itself"):
            writer.append(data, 0, len(data))
        assert (writer.next_seq, writer.synced_seq) == (1, 0)
        append_parts(writer, data, [])
    assert JournalReader(tmp_path).verify().frames == 20


@pytest.mark.parametrize("takes", [0, 1, 512, 4096, 9000])
def test_direct_writer_when_a_write_is_short_writes_the_rest(tmp_path: Path, journal_frames: Frames, takes: int) -> None:
    data = journal_frames(1, 100)
    with JournalWriter(tmp_path, "test", commit="direct", disk=DirectDisk(1, 0, takes)) as writer:
        append_parts(writer, data, [])
    assert JournalReader(tmp_path).verify().frames == 100


@pytest.mark.parametrize(("code", "takes"), [(errno.EIO, 0), (0, 1)])
def test_direct_writer_when_a_write_fails_is_suspect_for_ever(tmp_path: Path, journal_frames: Frames, code: int, takes: int) -> None:
    data = journal_frames(1, 20)
    disk = DirectDisk(1, code, takes, forever=True)
    with JournalWriter(tmp_path, "test", commit="direct", disk=disk) as writer:
        with pytest.raises(JournalSuspect):
            writer.append(data, 0, len(data))
        calls = disk.calls
        with pytest.raises(JournalSuspect):
            writer.append(data, 0, len(data))
        assert disk.calls == calls
    assert (tmp_path / "SUSPECT").exists()


@pytest.mark.parametrize(("direct_ns", "fdatasync_ns", "mode"), [(5, 9, "direct"), (9, 5, "fdatasync")])
def test_choose_when_measured_takes_the_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direct_ns: int, fdatasync_ns: int, mode: str) -> None:
    monkeypatch.setattr(journal_commit, "_median", lambda _d, flags, _s: direct_ns if flags else fdatasync_ns)
    found = choose(tmp_path, "auto")
    assert (found.mode, found.direct_ns, found.fdatasync_ns) == (mode, direct_ns, fdatasync_ns)


def test_choose_when_really_measured_leaves_nothing_and_says_both(tmp_path: Path) -> None:
    found = choose(tmp_path / "journal", "auto")
    assert found.direct_ns > 0 < found.fdatasync_ns
    assert "O_DIRECT|O_DSYNC" in found.why
    assert list((tmp_path / "journal").iterdir()) == []


def test_choose_when_direct_is_refused_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(journal_commit, "_median", refuse)
    for wanted in ("auto", "direct"):
        assert choose(tmp_path, wanted) == journal_commit.Choice("fdatasync", 0, 0, f"O_DIRECT cannot be used in {tmp_path}: Invalid argument")
    assert choose(tmp_path, "fdatasync").mode == "fdatasync"
