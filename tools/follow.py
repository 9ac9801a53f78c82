"""Follow a journal while it is being written: runs of good frames in order, as they appear in its files.

    DATA/journal/*.rfj (sidecar writes) ──pread of what is new──▶ frames.scan ──▶ Chunk

Reads only, holds nothing that the writer waits for, and never goes back: each byte is read once, but for a frame that was still in the making. A frame that
is not whole yet looks torn; it is read again at the next call. Damage of another kind does not move: it is believed after ``TRIES`` looks in a row.

A segment that has been closed may be compressed before we come to it: then it is expanded into memory.

What can fail: ``JournalCorrupt`` with segment, offset and sequence; OSError of the disk. Owns one descriptor. A tail that the sidecar cuts after its own crash
was never handed out, since only whole frames are.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ringfence.tools import frames
from ringfence.tools.errors import JournalCorrupt
from ringfence.tools.frames import ScanState
from ringfence.tools.journal import Chunk
from ringfence.tools.segments import HEADER_BYTES, SegmentInfo, load, read_header, segment_indexes, segment_path, stored_path

PIECE_BYTES = 1 << 20
TRIES = 50


class JournalFollower:
    """Frames of ``directory`` that are later than ``after``, call by call.

    Parameters
    ----------
    directory : Path
        ``DATA/journal``; it may still be empty.
    after : int
        Sequence of the last frame that the caller has; 0: none.
    """

    def __init__(self, directory: Path, after: int = 0) -> None:
        self.directory, self.after = directory, after
        self.info: SegmentInfo | None = None
        self._fd = -1
        self._whole: memoryview | None = None  # a compressed segment, expanded
        self._at = 0  # in the file, first byte not read yet
        self._next = 1  # sequence expected there
        self._epoch = 0
        self._looks = 0  # at the same damage

    def read(self) -> Chunk | None:
        """Return the next run of frames, or None when there is nothing new."""
        while (info := self._segment()) is not None:
            piece = self._piece()
            found = frames.scan(piece, 0, self._next, self._epoch, whole_tail=False)
            if not found.frames:
                if self._roll(info, found):
                    continue
                return None
            self._looks = 0
            chunk = Chunk(info, piece, 0, found.offset, self._next, found.frames, found.last_epoch)
            self._at += found.offset
            self._next, self._epoch = found.last_seq + 1, found.last_epoch
            if found.last_seq > self.after:
                return self._later(chunk)
        return None

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _segment(self) -> SegmentInfo | None:
        """The segment that is open; at first the one that holds the first frame asked for, when there is one."""
        if self.info is not None:
            return self.info
        chosen = None
        for index in segment_indexes(self.directory):
            info = self._header(index)
            if chosen is not None and info.first_seq > self.after + 1:
                break
            chosen = info
        if chosen is not None:
            self._open(chosen)
        return chosen

    def _header(self, index: int) -> SegmentInfo:
        path = segment_path(self.directory, index)
        info = read_header(path, load(path, HEADER_BYTES))
        if isinstance(info, str):
            raise JournalCorrupt(f"header: {info}", index, path, 0, self._next)
        return info

    def _open(self, info: SegmentInfo) -> None:
        self.close()
        self._whole = None
        try:
            self._fd = os.open(info.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._whole = load(info.path)
        self.info, self._at, self._next, self._looks = info, HEADER_BYTES, info.first_seq, 0

    def _piece(self) -> memoryview:
        if self._whole is not None:
            return self._whole[self._at : self._at + PIECE_BYTES]
        buffer = bytearray(PIECE_BYTES)
        n = os.preadv(self._fd, [buffer], self._at)
        return memoryview(buffer)[: n & ~7]

    def _roll(self, info: SegmentInfo, found: frames.Scan) -> bool:
        """Nothing whole is at our place: go on in the next segment, or wait, or raise when it is damage."""
        rolled = stored_path(segment_path(self.directory, info.index + 1)).exists()
        if rolled and found.state == ScanState.CLEAN:
            following = self._header(info.index + 1)
            if following.first_seq == self._next:
                self._open(following)
                return True
        if found.state == ScanState.CLEAN and not rolled:
            return False
        if found.state == ScanState.TORN and not rolled:
            return False  # in the making, or the end of a sidecar that died: its successor cuts it
        self._looks += 1
        if self._looks >= TRIES:
            detail = f"{ScanState(found.state).name.lower()}: no frame {self._next} here, and it does not come"
            raise JournalCorrupt(detail, info.index, info.path, self._at, self._next)
        return False

    def _later(self, chunk: Chunk) -> Chunk:
        """Without the frames that the caller has."""
        skipped = self.after + 1 - chunk.first_seq
        if skipped <= 0:
            return chunk
        numbers = np.empty(chunk.frames, np.uint64)
        frames.offsets(chunk.buffer, 0, chunk.end, numbers)
        return chunk._replace(start=int(numbers[skipped]), first_seq=self.after + 1, frames=chunk.frames - skipped)
