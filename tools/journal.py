"""Read journal segment files, and tell every defect apart. The format is docs/journal.md, writing is journal_writer.py.

    DATA/journal/NNNNNNNNNN.rfj ──load──▶ bytes ──frames.scan──▶ chunks of good frames, defects ──▶ replay, verify, the command line

Any number of processes read, also while the sidecar writes: a frame that is being written looks torn for a moment, so damage in the last segment
is looked at again before it is believed. Frames are handed out as numpy records over the bytes read, never copied one by one.

What fails: ``JournalCorrupt`` at anything but a torn tail, naming segment, offset and the sequence expected there; OSError from the disk.
``verify`` reports defects instead, and reads on behind them where it can.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS
from ringfence.tools import frames
from ringfence.tools.defects import Defect, DefectKind, frame_defect, place_defect
from ringfence.tools.errors import JournalCorrupt, JournalError, JournalRetired
from ringfence.tools.frames import Scan, ScanState
from ringfence.tools.segments import HEADER_BYTES, SegmentInfo, load, read_anchor, read_header, segment_indexes, segment_path, stored_path

DEFECTS_MAX = 1000
HASH_BESIDE_FROM = 1 << 20
_SETTLE_S = 0.002
_SETTLE_TRIES = 5
_FRAME = ENUMS["FrameKind"].by_name
PAYLOADS: dict[int, np.dtype[Any]] = {
    _FRAME[kind]: dtype(record)
    for kind, record in (
        ("INTENT", "Intent"),
        ("VENUE_EVENT", "VenueEvent"),
        ("CONTROL", "Control"),
        ("MARK", "Mark"),
        ("TIMER", "Timer"),
        ("OBSERVATION", "Observation"),
        ("CHECKPOINT", "Checkpoint"),
    )
}


class Chunk(NamedTuple):
    """Good frames: bytes ``start`` to ``end`` of ``buffer``, which holds the segment from its first byte."""

    segment: SegmentInfo
    buffer: memoryview
    start: int
    end: int
    first_seq: int
    frames: int
    last_epoch: int


class JournalFrame(NamedTuple):
    """One frame: where it is, its head (record FileFrame) and its payload (the record of its kind)."""

    segment: int
    offset: int
    head: Any
    payload: Any


@dataclass(frozen=True)
class Verification:
    """Outcome of reading every byte; ``torn`` is the torn tail when that is all there is."""

    segments: tuple[SegmentInfo, ...]
    frames: int
    last_seq: int
    defects: tuple[Defect, ...]

    @property
    def torn(self) -> Defect | None:
        return self.defects[0] if len(self.defects) == 1 and self.defects[0].kind is DefectKind.TORN else None

    @property
    def fatal(self) -> Defect | None:
        return next((d for d in self.defects if d.kind is not DefectKind.TORN), None)


def _read(path: Path, size_max: int | None = None) -> tuple[memoryview, SegmentInfo | str]:
    """Return a segment's bytes and its header, or what is wrong with it (no bytes when a compressed file is damaged)."""
    try:
        buffer = load(path, size_max)
    except JournalCorrupt as e:
        return memoryview(b""), str(e)
    return buffer, read_header(path, buffer)


class JournalReader:
    """Read a journal directory, also one that is being written.

    Parameters
    ----------
    directory : Path or str
        ``DATA/journal``.

    Raises
    ------
    JournalError
        If there is no such directory.
    """

    def __init__(self, directory: Path | str) -> None:
        self.directory = Path(directory)
        if not self.directory.is_dir():
            raise JournalError(f"{self.directory}: no such journal directory; give the one that holds the .rfj files")

    @property
    def first_seq(self) -> int:
        """First sequence that is still there: 1, unless retention removed segments."""
        return read_anchor(self.directory).last_seq + 1

    def segments(self) -> list[SegmentInfo]:
        """Describe every segment from headers, scanning only the last; damage is left to ``verify``."""
        out: list[SegmentInfo] = []
        indexes = segment_indexes(self.directory)
        for index in indexes:
            path = segment_path(self.directory, index)
            buffer, info = _read(path, None if index == indexes[-1] else HEADER_BYTES)
            if isinstance(info, str):
                continue
            if out:
                out[-1] = replace(out[-1], last_seq=info.first_seq - 1, used_bytes=out[-1].file_bytes)
            if index == indexes[-1]:
                found = frames.scan(buffer, HEADER_BYTES, info.first_seq, whole_tail=False)
                info = replace(info, last_seq=found.last_seq, used_bytes=found.offset)
            out.append(replace(info, path=stored_path(path), file_bytes=stored_path(path).stat().st_size))
        return out

    def verify(self) -> Verification:
        """Read every byte of every segment; hashes, frames, order and chain are all checked, and reading goes on after a defect where it can."""
        segments: dict[int, SegmentInfo] = {}
        defects: list[Defect] = []
        count, last = 0, 0
        for item in self._walk(self.first_seq, resume=True, chain=True):
            if isinstance(item, Defect):
                defects.append(item)
                if len(defects) >= DEFECTS_MAX:
                    break
            else:
                segments[item.segment.index] = item.segment
                count += item.frames
                last = max(last, item.first_seq + item.frames - 1)
        return Verification(tuple(segments.values()), count, last, tuple(defects))

    def chunks(self, from_seq: int = 1, chain: bool = True) -> Iterator[Chunk | Defect]:
        """Yield runs of good frames, oldest first, beginning with the segment that holds ``from_seq``.

        Parameters
        ----------
        chain : bool
            Also hash every segment and compare with its successor's header.

        Yields
        ------
        Chunk or Defect
            A torn tail comes as the last item, as a Defect of kind TORN.

        Raises
        ------
        JournalCorrupt
            At any other defect, after the good frames before it.
        JournalRetired
            If retention removed ``from_seq``; ``first_seq`` is what can be had.
        """
        if from_seq < self.first_seq:
            raise JournalRetired(
                f"{self.directory}: frames 1 to {self.first_seq - 1} were removed by retention (journal.keep_days, keep_mib); "
                f"begin at {self.first_seq}, or with a snapshot"
            )
        for item in self._walk(from_seq, resume=False, chain=chain):
            if isinstance(item, Defect) and item.kind is not DefectKind.TORN:
                raise item.error()
            yield item

    def frames(self, from_seq: int = 1) -> Iterator[JournalFrame]:
        """Yield every frame from sequence ``from_seq`` on, as views into the bytes read; stops at a torn tail.

        Raises
        ------
        JournalCorrupt
            At any defect but a torn tail.
        """
        head_type = dtype("FileFrame")
        for item in self.chunks(from_seq):
            if isinstance(item, Defect):
                return
            numbers = np.empty(item.frames, np.uint64)
            frames.offsets(item.buffer, item.start, item.end, numbers)
            for at in numbers[max(0, from_seq - item.first_seq) :].tolist():
                head = np.frombuffer(item.buffer, head_type, 1, at)[0]
                payload = np.frombuffer(item.buffer, PAYLOADS[int(head["kind"])], 1, at + head_type.itemsize)[0]
                yield JournalFrame(item.segment.index, at, head, payload)

    def _walk(self, from_seq: int, resume: bool, chain: bool) -> Iterator[Chunk | Defect]:
        indexes = segment_indexes(self.directory)
        start = self._first_needed(indexes, from_seq)
        anchor = read_anchor(self.directory)
        next_seq, epoch, instance, digest = anchor.last_seq + 1, 0, anchor.instance, bytes.fromhex(anchor.sha256)
        chained = start == 0
        if anchor.index and not indexes:
            path = segment_path(self.directory, anchor.index + 1)
            yield Defect(DefectKind.MISSING, anchor.index + 1, path, 0, next_seq, "missing, and all before it were retired: restore it from a copy")
        for k, index in enumerate(indexes[start:], start):
            path, last = segment_path(self.directory, index), k == len(indexes) - 1
            expected = indexes[k - 1] + 1 if k else anchor.index + 1
            if index != expected:
                detail = f"missing; the next is {path.name}: restore it from a copy"
                yield Defect(DefectKind.MISSING, expected, segment_path(self.directory, expected), 0, next_seq, detail)
                chained = False
            buffer, info = _read(path)
            if isinstance(info, str):
                torn = last and path.exists() and not frames.find(buffer, 8)
                yield Defect(DefectKind.TORN if torn else DefectKind.HEADER, index, stored_path(path), 0, next_seq, info)
                chained = False
                digest = b""
                continue
            if problem := place_defect(info, index, instance=instance, next_seq=next_seq if chained else 0, digest=digest if chained else b""):
                yield problem
                if problem.kind is DefectKind.LAYOUT:
                    return
            next_seq, instance, chained = info.first_seq, info.instance, True
            hashed = _hash_beside(buffer) if chain and not last else None
            for item in self._frames_of(info, buffer, epoch, last=last, resume=resume):
                yield item
                if isinstance(item, Chunk):
                    next_seq = item.first_seq + item.frames
                    epoch, buffer = item.last_epoch, item.buffer
            digest = hashed() if hashed else b""

    def _first_needed(self, indexes: list[int], from_seq: int) -> int:
        """Position of the segment that holds ``from_seq``; 0 unless the headers show a later one plainly."""
        start = 0
        for k, index in enumerate(indexes if from_seq > 1 else []):
            path = segment_path(self.directory, index)
            info = _read(path, HEADER_BYTES)[1]
            if isinstance(info, str) or info.first_seq > from_seq:
                break
            start = k
        return start

    def _frames_of(self, info: SegmentInfo, buffer: memoryview, epoch: int, *, last: bool, resume: bool) -> Iterator[Chunk | Defect]:
        at, next_seq = HEADER_BYTES, info.first_seq
        while True:
            found = frames.scan(buffer, at, next_seq, epoch)
            if last and found.state in (ScanState.TORN, ScanState.CORRUPT):
                buffer, found = self._settled(info.path, buffer, at, next_seq, epoch)
            info = replace(info, last_seq=found.last_seq, used_bytes=found.offset, file_bytes=len(buffer))
            yield Chunk(info, buffer, at, found.offset, next_seq, found.frames, found.last_epoch)
            if found.state == ScanState.CLEAN:
                return
            yield frame_defect(info, found, last)
            if not resume or found.state == ScanState.TORN:
                return
            at, next_seq, epoch = found.offset, found.last_seq + 1, found.last_epoch
            if found.state == ScanState.CORRUPT:
                at = found.found
                next_seq = int(np.frombuffer(buffer, dtype("FileFrame"), 1, at)[0]["seq"])
            elif found.state == ScanState.SEQUENCE:
                next_seq = found.found
            else:
                epoch = found.found

    @staticmethod
    def _settled(path: Path, buffer: memoryview, at: int, next_seq: int, epoch: int) -> tuple[memoryview, Scan]:
        """Read again while the file changes: a writer may be in the middle of this very frame, and damage does not move."""
        for _ in range(_SETTLE_TRIES):
            time.sleep(_SETTLE_S)
            again = load(path)
            same, buffer = again == buffer, again
            found = frames.scan(buffer, at, next_seq, epoch)
            if same or found.state == ScanState.CLEAN:
                break
        return buffer, found


def _hash_beside(buffer: memoryview) -> Callable[[], bytes]:
    """Begin the SHA-256 of a segment on another core, while its frames are used on this one; the function returned waits for it."""
    if len(buffer) < HASH_BESIDE_FROM:
        digest = hashlib.sha256(buffer).digest()
        return lambda: digest
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(hashlib.sha256(buffer).digest()), daemon=True)
    thread.start()

    def wait() -> bytes:
        thread.join()
        return found[0]

    return wait
