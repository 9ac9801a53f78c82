"""Append frames to journal segment files. The format is docs/journal.md, reading is journal.py.

    sidecar ──append──▶ page cache ──sync──▶ disk        full segment: sync, SHA-256 into the next header, next segment
    commit "direct":  ──append──▶ whole blocks ──O_DIRECT|O_DSYNC──▶ disk: durable when append returns, sync has nothing to do

With "direct" the last block of the journal is kept in memory, aligned, and written again with what follows it: the same bytes, so that a write
cut by a loss of power leaves the frames before it whole. The SHA-256 of large batches is computed by a thread, while this one waits for the disk.

One process writes, under an flock on the directory. A segment appears whole: it is preallocated and gets its header under another name, is synced and
then renamed, so a ``.rfj`` file without a header means damage. A segment is synced before its successor is made.

What fails: no space raises ``JournalFull``, nothing of the refused part was taken and the same call may be tried again. A write or sync
error raises ``JournalSuspect`` and this writer never writes again (the kernel may have dropped the dirty pages and would call the next sync
good), nor does the next one while the file ``SUSPECT`` is there. Opening cuts a torn tail after copying its bytes to ``.rfj.broken``, and
refuses any other damage. Rejected: O_APPEND, since a short write would leave a hole that a retry cannot fill in place.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ringfence.tools import frames
from ringfence.tools.defects import Defect, DefectKind, frame_defect, place_defect
from ringfence.tools.errors import JournalError, JournalFull, JournalLocked, JournalSuspect
from ringfence.tools.frames import ScanState
from ringfence.tools.segments import (
    BLOCK_BYTES,
    HEADER_BYTES,
    NO_DIGEST,
    SEGMENT_BYTES,
    SEGMENT_BYTES_MIN,
    Disk,
    SegmentInfo,
    load,
    make_header,
    read_anchor,
    read_header,
    segment_indexes,
    segment_path,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")
SUSPECT_NAME = "SUSPECT"
DIRECT_BYTES = (1 << 20) + 2 * BLOCK_BYTES  # largest direct write: a batch of the sidecar and the blocks that it begins and ends in
HASH_ASIDE_BYTES = 1 << 15  # hashing less is done before a thread has woken
HASH_BACKLOG = 4
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class JournalWriter:
    """Append frames to a journal directory; one per directory.

    Parameters
    ----------
    directory : Path or str
        Made when it does not exist.
    instance : str
        Goes into every header; another instance's journal is refused.
    segment_bytes : int
        Size of a new segment, a multiple of 4096 [bytes].
    disk : Disk
        The system calls.
    commit : str
        "fdatasync" or "direct" (journal_commit.py chooses).

    Attributes
    ----------
    next_seq : int
        Sequence that the next appended frame must have.
    synced_seq : int
        Highest sequence covered by a sync.
    repaired : Defect or None
        The torn tail that opening cut off.
    suspect : str
        Why this writer does not write any more; empty while all is well.

    Raises
    ------
    JournalLocked
        If another process has it open.
    JournalCorrupt
        If the last segment is damaged by more than a torn tail.
    JournalFull, JournalSuspect
        If the disk refuses.
    """

    def __init__(
        self, directory: Path | str, instance: str, *, segment_bytes: int = SEGMENT_BYTES, disk: Disk | None = None, commit: str = "fdatasync"
    ) -> None:
        if segment_bytes < SEGMENT_BYTES_MIN or segment_bytes % SEGMENT_BYTES_MIN:
            raise ValueError(f"segment_bytes was {segment_bytes}; allowed: a multiple of {SEGMENT_BYTES_MIN}")
        self.directory, self.instance, self.segment_bytes = Path(directory), instance, segment_bytes
        self.disk = disk or Disk()
        self.next_seq, self.synced_seq = 1, 0
        self.repaired: Defect | None = None
        self.suspect = ""
        self._fd, self._index, self._at, self._end = -1, 0, 0, 0
        self._digest = _Digest(b"")
        self._direct = -1
        self._blocks = mmap.mmap(-1, DIRECT_BYTES) if commit == "direct" else None
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened = False
        try:
            self._take_lock()
            self._open_last()
            opened = True
        finally:
            if not opened:
                self.close()

    def append(self, buffer: Buffer, start: int, end: int) -> int:
        """Write whole frames of ``buffer`` from byte ``start``, at most to the end of a segment; return where to go on.

        Raises
        ------
        JournalFull
            If there is no space: nothing was taken, the same call may be tried again.
        JournalSuspect
            If a write failed in another way, now or before.
        JournalError
            If the frames do not continue the journal (a mistake of the caller).
        """
        self._check()
        count, n, last = frames.fit(buffer, start, end, self._room)
        if n == 0:
            self._roll()
            count, n, last = frames.fit(buffer, start, end, self._room)
        if last != self.next_seq + n - 1:
            raise JournalError(f"{self.directory}: frames up to sequence {last} do not continue the journal, which calls for {self.next_seq}")
        data = memoryview(buffer)[start : start + count]
        if self._blocks is None:
            self._write(data, self._at, "write")
        else:
            self._write_blocks(self._blocks, data)
        self._digest.update(data)
        self._at += count
        self.next_seq += n
        if self._blocks is not None:
            self.synced_seq = self.next_seq - 1
        return start + count

    def sync(self) -> int:
        """Make everything appended durable; return the highest sequence covered.

        Raises
        ------
        JournalSuspect
            If the disk refuses. Never tried again: the kernel may have dropped the pages and would call the next sync good.
        """
        self._check()
        if self.synced_seq < self.next_seq - 1:
            self._attempt("fdatasync", lambda: self.disk.sync(self._fd), retryable=False)
            self.synced_seq = self.next_seq - 1
        return self.synced_seq

    @property
    def _room(self) -> int:
        """Bytes that one append may take."""
        room = self._end - self._at
        return room if self._blocks is None else min(room, DIRECT_BYTES - self._at % BLOCK_BYTES)

    @property
    def index(self) -> int:
        """Index of the segment being written."""
        return self._index

    def close(self) -> None:
        """Close without a sync; frames appended since the last one are in the page cache."""
        self._digest.close()
        for fd in (self._fd, self._direct, self._lock):
            if fd >= 0:
                os.close(fd)
        self._fd = self._direct = self._lock = -1

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalLocked(f"{self.directory}: another process writes this journal; stop it first (ringfence status)") from None

    def _check(self) -> None:
        if self.suspect:
            raise JournalSuspect(self.suspect)

    def _attempt(self, what: str, call: Callable[[], T], retryable: bool) -> T:
        try:
            return call()
        except OSError as e:
            path = segment_path(self.directory, self._index)
            if retryable and e.errno in _NO_SPACE:
                raise JournalFull(f"{path}: {what}: {e.strerror}; free space or raise the quota, it goes on by itself") from e
            raise self._suspect(f"{path}: {what}: {e.strerror}") from e

    def _suspect(self, what: str) -> JournalSuspect:
        """Stop writing for good, and leave a file that says so to the next writer: a restart must not pass for a cure."""
        since = f"the journal is suspect from sequence {self.synced_seq + 1} on"
        marker = self.directory / SUSPECT_NAME
        self.suspect = f"{what}; {since}: stop the instance, check the disk, run ringfence replay, then remove {marker}"
        try:
            marker.write_text(self.suspect + "\n")
        except OSError as e:
            self.suspect += f" (it could not be written: {e.strerror})"
        return JournalSuspect(self.suspect)

    def _write(self, data: memoryview, offset: int, what: str, fd: int = -1) -> None:
        fd = self._fd if fd < 0 else fd
        done = 0
        while done < len(data):
            n = self._attempt(what, lambda: self.disk.write(fd, data[done:], offset + done), retryable=True)  # noqa: B023
            if n <= 0:
                raise self._suspect(f"{segment_path(self.directory, self._index)}: {what} wrote {n} of {len(data) - done} bytes at {offset + done}")
            done += n

    def _write_blocks(self, blocks: mmap.mmap, data: memoryview) -> None:
        """Write ``data`` behind the kept part of the last block, durable at once; on return ``blocks`` begins with the last block again."""
        lead = self._at % BLOCK_BYTES
        size = -(-(lead + len(data)) // BLOCK_BYTES) * BLOCK_BYTES
        blocks[lead : lead + len(data)] = bytes(data)
        blocks[lead + len(data) : size] = bytes(size - lead - len(data))
        with memoryview(blocks) as view:
            done, stuck = 0, 0
            while done < size:
                part = view[done:size]
                try:
                    n = self._attempt("write", lambda: self.disk.write_direct(self._direct, part, self._at - lead + done), retryable=True)  # noqa: B023
                finally:
                    part.release()
                stuck = 0 if n >= BLOCK_BYTES else stuck + 1
                if stuck > 1:
                    raise self._suspect(f"{segment_path(self.directory, self._index)}: write wrote {n} of {size - done} bytes at {self._at - lead + done}")
                done += n - n % BLOCK_BYTES if n < size - done else n
        kept = (lead + len(data)) % BLOCK_BYTES
        blocks[0:kept] = blocks[size - BLOCK_BYTES : size - BLOCK_BYTES + kept]

    def _begin(self, index: int, at: int, end: int, path: Path, begun: memoryview) -> None:
        """Go on writing at ``at`` of a segment whose bytes up to there are ``begun``."""
        if self._blocks is not None:
            direct = self._attempt("open", lambda: self.disk.open_direct(path), retryable=False)
            if self._direct >= 0:
                self.disk.close(self._direct)
            self._direct = direct
            kept = at % BLOCK_BYTES
            self._blocks[0:kept] = bytes(begun[at - kept : at])
        self._index, self._at, self._end = index, at, end
        self._digest.close()
        self._digest = _Digest(begun)

    def _open_last(self) -> None:
        marker = self.directory / SUSPECT_NAME
        if marker.exists():
            raise JournalSuspect(marker.read_text().strip())
        for leftover in self.directory.glob("*.rfj.new"):
            self.disk.remove(leftover)
        indexes = segment_indexes(self.directory)
        anchor = read_anchor(self.directory)
        for there, due in zip(indexes, range(anchor.index + 1, anchor.index + 1 + len(indexes)), strict=True):
            if there != due:
                detail = f"missing; the next is {segment_path(self.directory, there).name}: restore it from a copy"
                raise Defect(DefectKind.MISSING, due, segment_path(self.directory, due), 0, 0, detail).error()
        while indexes:
            path = segment_path(self.directory, indexes[-1])
            buffer = load(path)
            info = read_header(path, buffer)
            if not isinstance(info, str):
                self._adopt(info, buffer, indexes)
                return
            defect = Defect(DefectKind.TORN, indexes[-1], path, 0, 0, info)
            if frames.find(buffer, 8):
                raise replace(defect, kind=DefectKind.HEADER).error()
            self._keep_broken(path, buffer)
            self._attempt("remove", lambda: self.disk.remove(path), retryable=False)  # noqa: B023
            self.repaired = defect
            indexes.pop()
        if anchor.index:
            path = segment_path(self.directory, anchor.index + 1)
            detail = "missing, and all before it were retired: restore it from a copy"
            raise Defect(DefectKind.MISSING, anchor.index + 1, path, 0, anchor.last_seq + 1, detail).error()
        self._create(1, NO_DIGEST)

    def _adopt(self, info: SegmentInfo, buffer: memoryview, indexes: list[int]) -> None:
        """Continue the last segment: check it and its link to the one before, cut a torn tail, sync what the page cache holds."""
        index, path, anchor = indexes[-1], info.path, read_anchor(self.directory)
        digest = hashlib.sha256(load(segment_path(self.directory, index - 1))).digest() if index - 1 in indexes else b""
        digest = bytes.fromhex(anchor.sha256) if anchor.index == index - 1 > 0 else digest
        if problem := place_defect(info, index, instance=self.instance, next_seq=0, digest=digest):
            raise problem.error()
        found = frames.scan(buffer, HEADER_BYTES, info.first_seq)
        if not path.exists():  # its successor was torn to nothing, and it is compressed already
            self.next_seq, self.synced_seq = found.last_seq + 1, found.last_seq
            self._create(index + 1, hashlib.sha256(buffer).digest())
            return
        if found.state != ScanState.CLEAN:
            defect = frame_defect(info, found, last=True)
            if defect.kind is not DefectKind.TORN:
                raise defect.error()
            self.repaired = defect
        self._index, self._at, self._end = index, found.offset, max(len(buffer), self.segment_bytes)
        self._fd = self._attempt("open", lambda: self.disk.open(path, create=False), retryable=False)
        if self.repaired:
            tail = buffer[found.offset :]
            self._keep_broken(path, tail)
            self._write(memoryview(bytes(len(tail))), found.offset, "cut the torn tail")
        if len(buffer) < self._end:
            self._attempt("allocate", lambda: self.disk.allocate(self._fd, self._end), retryable=True)
        self._attempt("fdatasync", lambda: self.disk.sync(self._fd), retryable=False)
        self.next_seq, self.synced_seq = found.last_seq + 1, found.last_seq
        self._begin(index, self._at, self._end, path, buffer[: found.offset])

    def _keep_broken(self, path: Path, tail: memoryview) -> None:
        """Copy the bytes that are about to be cut, up to the last one that is not zero, to the next free ``.broken`` name."""
        kept = bytes(tail).rstrip(b"\0")
        number = 1
        while (copy := path.with_name(f"{path.name}.broken" if number == 1 else f"{path.name}.broken.{number}")).exists():
            number += 1
        fd = self._attempt("keep the torn tail", lambda: self.disk.open(copy, create=True), retryable=True)
        try:
            self._write(memoryview(kept), 0, "keep the torn tail", fd)
            self._attempt("fdatasync", lambda: self.disk.sync(fd), retryable=False)
        finally:
            self.disk.close(fd)
        self._attempt("sync directory", lambda: self.disk.sync_directory(self.directory), retryable=False)

    def _roll(self) -> None:
        """Close the full segment (synced, its zero tail hashed) and begin the next."""
        self.sync()
        self._create(self._index + 1, self._digest.whole(self._end - self._at))

    def _create(self, index: int, previous_sha256: bytes) -> None:
        path = segment_path(self.directory, index)
        fresh = path.with_name(path.name + ".new")
        header = make_header(self.instance, index, self.next_seq, previous_sha256, time.time_ns())
        self._attempt("remove", lambda: self.disk.remove(fresh), retryable=False)
        fd = self._attempt("create segment", lambda: self.disk.open(fresh, create=True), retryable=True)
        try:
            self._attempt("allocate segment", lambda: self.disk.allocate(fd, self.segment_bytes), retryable=True)
            self._write(memoryview(header), 0, "write header", fd)
            self._attempt("fdatasync", lambda: self.disk.sync(fd), retryable=False)
            self._attempt("rename", lambda: self.disk.rename(fresh, path), retryable=True)
            self._attempt("sync directory", lambda: self.disk.sync_directory(self.directory), retryable=False)
        except JournalError:
            self.disk.close(fd)
            fresh.unlink(missing_ok=True)
            raise
        if self._fd >= 0:
            self.disk.close(self._fd)
        self._fd = fd
        self._begin(index, HEADER_BYTES, self.segment_bytes, path, memoryview(header))


class _Digest:
    """SHA-256 of a segment as it grows. A thread of its own takes large batches, at most HASH_BACKLOG behind; it dies with ``close``."""

    def __init__(self, begun: Buffer) -> None:
        self._sha256 = hashlib.sha256(begun)
        self._worker: ThreadPoolExecutor | None = None
        self._waiting: list[Future[None]] = []

    def update(self, data: memoryview) -> None:
        if len(data) < HASH_ASIDE_BYTES:
            self._catch_up(0)
            self._sha256.update(data)
            return
        self._catch_up(HASH_BACKLOG - 1)
        self._worker = self._worker or ThreadPoolExecutor(1, "sha256")
        self._waiting.append(self._worker.submit(self._sha256.update, bytes(data)))

    def whole(self, zeros: int) -> bytes:
        """Return the digest with ``zeros`` zero bytes at the end."""
        self._catch_up(0)
        digest = self._sha256.copy()
        digest.update(bytes(zeros))
        return digest.digest()

    def close(self) -> None:
        if self._worker is not None:
            self._worker.shutdown()
        self._worker = None

    def _catch_up(self, behind: int) -> None:
        while len(self._waiting) > behind:
            self._waiting.pop(0).result()
