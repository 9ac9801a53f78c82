"""Read a journal as numpy records, also while it is being written: the public reader, ``ringfence.journal``.

    .rfj, .rfj.zst ──JournalReader.chunks──▶ checked bytes ──frames.offsets, frames.gather──▶ Records: heads and payloads, row by row the same frames
    last segment, from where it was left ──pread──▶ frames.scan ──▶ Follower.poll: the frames that are new

All frames were checked (CRC32C, order, place) before a record is handed out. One kind's frames lie between those of
others, so its records are gathered into one array by one C loop per segment: no Python object per frame. Reading never
disturbs the writer: files are only read, and nothing is locked.

What fails: JournalCorrupt as in journal.py; JournalRetired when a sequence was asked for that retention removed. A frame that is
half written is not there yet.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS
from ringfence.tools import frames
from ringfence.tools.defects import frame_defect
from ringfence.tools.errors import JournalCorrupt, JournalError, JournalRetired
from ringfence.tools.frames import Scan, ScanState
from ringfence.tools.journal import PAYLOADS, Chunk, JournalFrame, JournalReader
from ringfence.tools.segments import HEADER_BYTES, load, read_header, segment_indexes, segment_path, stored_path

PIECE_BYTES = 1 << 20
_KINDS = ENUMS["FrameKind"].by_name
_HEAD = dtype("FileFrame")
_SETTLE_S, _SETTLE_TRIES = 0.002, 25


class Records(NamedTuple):
    """Frames of one kind: row k of ``heads`` (FileFrame: seq, engine_ns, source ...) belongs to row k of ``payloads``."""

    heads: npt.NDArray[Any]
    payloads: npt.NDArray[Any]


class Reader:
    """The frames of a journal as numpy record arrays.

    Parameters
    ----------
    directory : Path or str
        ``DATA/journal``.

    Raises
    ------
    JournalError
        If there is no such directory.

    Examples
    --------
    >>> fills = Reader("data/journal").records("VENUE_EVENT")  # doctest: +SKIP
    >>> fills.payloads["last_qty"].sum(), fills.heads["seq"][-1]  # doctest: +SKIP
    """

    def __init__(self, directory: Path | str) -> None:
        self._reader = JournalReader(directory)

    @property
    def first_seq(self) -> int:
        """First sequence that is still there: 1, unless retention removed segments."""
        return self._reader.first_seq

    @property
    def last_seq(self) -> int:
        """Sequence of the last whole frame at this moment; 0 without one."""
        segments = self._reader.segments()
        return segments[-1].last_seq if segments else 0

    def records(self, kind: str, from_seq: int = 0) -> Records:
        """Return every frame of ``kind`` ("INTENT", "VENUE_EVENT", ...) from sequence ``from_seq`` on (0: the first there is), in order.

        Raises
        ------
        ValueError
            If there is no such kind; the message names those there are.
        JournalCorrupt
            At damage; a torn last frame is left out.
        JournalRetired
            If retention removed ``from_seq``.
        """
        found = list(self.batches(kind, from_seq))
        if not found:
            return Records(np.empty(0, _HEAD), np.empty(0, PAYLOADS[_number(kind)]))
        return Records(np.concatenate([r.heads for r in found]), np.concatenate([r.payloads for r in found]))

    def batches(self, kind: str, from_seq: int = 0) -> Iterator[Records]:
        """Yield the same segment by segment, for a journal that is larger than memory."""
        number = _number(kind)
        first = from_seq or self.first_seq
        for item in self._reader.chunks(first, chain=False):
            if isinstance(item, Chunk) and item.frames and (records := _records(item, number, first)) is not None:
                yield records

    def follow(self, from_seq: int = 0) -> Follower:
        """Return a reader of single frames that goes on with what is written later; 0 begins with the first frame there is."""
        return Follower(self._reader.directory, from_seq or self.first_seq)


def _number(kind: str) -> int:
    if kind not in _KINDS:
        raise ValueError(f"kind was {kind!r}; allowed: {', '.join(_KINDS)}")
    return _KINDS[kind]


def _records(chunk: Chunk, number: int, first: int) -> Records | None:
    """The frames of a kind in a chunk, from sequence ``first`` on; None when there is none."""
    at = np.empty(chunk.frames, np.uint64)
    at = at[: frames.offsets(chunk.buffer, chunk.start, chunk.end, at, number)]
    heads = np.empty(len(at), _HEAD)
    frames.gather(chunk.buffer, at, 0, heads)
    skip = int(np.searchsorted(heads["seq"], first))
    if skip >= len(at):
        return None
    payloads = np.empty(len(at) - skip, PAYLOADS[number])
    frames.gather(chunk.buffer, np.ascontiguousarray(at[skip:]), _HEAD.itemsize, payloads)
    return Records(heads[skip:], payloads)


class Follower:
    """Frames in order, one call of ``poll`` after the other, from a journal that grows.

    Parameters
    ----------
    directory : Path
        ``DATA/journal``.
    from_seq : int
        First sequence wanted; it may be one that is not written yet.

    Attributes
    ----------
    at_end : bool
        Whether the last ``poll`` took all there was.

    Raises
    ------
    JournalRetired
        If retention removed ``from_seq``.
    JournalError
        If there is no readable segment.
    """

    def __init__(self, directory: Path, from_seq: int) -> None:
        reader = JournalReader(directory)
        if from_seq < reader.first_seq:
            raise JournalRetired(f"{directory}: sequence {from_seq} was removed by retention; the first there is: {reader.first_seq}")
        self.directory, self.from_seq = directory, from_seq
        self.at_end = False
        segments = reader.segments()
        if not segments:
            raise JournalError(f"{directory}: no readable segment; run ringfence journal verify")
        self._info = max((s for s in segments if s.first_seq <= from_seq), key=lambda s: s.index, default=segments[0])
        self._at, self._next_seq, self._epoch = HEADER_BYTES, self._info.first_seq, 0

    def poll(self) -> list[JournalFrame]:
        """Return the next frames, at most PIECE_BYTES of them; [] when none is there now.

        Raises
        ------
        JournalCorrupt
            At damage that does not go away while the writer writes.
        """
        found = list[JournalFrame]()
        self.at_end = False
        while not found:
            buffer, scan = self._scan()
            if scan.frames:
                found = [f for f in self._frames(buffer, scan) if int(f.head["seq"]) >= self.from_seq]
                continue
            if not self._next_segment(scan):
                self.at_end = True
                break
        return found

    def _scan(self) -> tuple[memoryview, Scan]:
        """What is valid behind the place reached; damage is looked at again before it is believed."""
        for _ in range(_SETTLE_TRIES):
            buffer = self._piece()
            scan = frames.scan(buffer, 0, self._next_seq, self._epoch, whole_tail=False)
            if scan.frames or scan.state in (ScanState.CLEAN, ScanState.TORN):
                return buffer, scan
            time.sleep(_SETTLE_S)
        raise self._damage(scan)

    def _damage(self, scan: Scan) -> JournalCorrupt:
        error = frame_defect(self._info, scan, last=False).error()
        return JournalCorrupt(error.detail, error.segment, error.path, self._at + scan.offset, error.seq)

    def _piece(self) -> memoryview:
        path = segment_path(self.directory, self._info.index)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # compressed meanwhile
            return load(path)[self._at : self._at + PIECE_BYTES]
        try:
            return memoryview(os.pread(fd, PIECE_BYTES, self._at))
        finally:
            os.close(fd)

    def _frames(self, buffer: memoryview, scan: Scan) -> list[JournalFrame]:
        numbers = np.empty(scan.frames, np.uint64)
        frames.offsets(buffer, 0, scan.offset, numbers)
        out = []
        for at in numbers.tolist():
            head = np.frombuffer(buffer, _HEAD, 1, at)[0]
            payload = np.frombuffer(buffer, PAYLOADS[int(head["kind"])], 1, at + _HEAD.itemsize)[0]
            out.append(JournalFrame(self._info.index, self._at + at, head, payload))
        self._at += scan.offset
        self._next_seq, self._epoch = scan.last_seq + 1, scan.last_epoch
        return out

    def _next_segment(self, scan: Scan) -> bool:
        """Go to the next segment, whether there is one; this one was found used up by ``scan``, perhaps before the writer ended it."""
        after = [i for i in segment_indexes(self.directory) if i > self._info.index]
        if not after:
            return False
        again = frames.scan(self._piece(), 0, self._next_seq, self._epoch, whole_tail=False)
        if again.frames:
            return True
        if again.state != ScanState.CLEAN:
            raise self._damage(scan)
        path = segment_path(self.directory, after[0])
        info = read_header(path, load(path, HEADER_BYTES))
        if isinstance(info, str):
            raise JournalCorrupt(f"header: {info}", after[0], stored_path(path), 0, self._next_seq)
        if info.first_seq != self._next_seq:
            detail = f"sequence: begins with {info.first_seq}, the segment before it calls for {self._next_seq}"
            raise JournalCorrupt(detail, after[0], stored_path(path), 0, self._next_seq)
        self._info, self._at = info, HEADER_BYTES
        return True
