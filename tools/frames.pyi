from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

FRAME_HEAD_BYTES: int
FRAME_BYTES_MAX: int

class ScanState(IntEnum):
    CLEAN = 1
    TORN = 2
    CORRUPT = 3
    SEQUENCE = 4
    EPOCH = 5

class Scan:
    """Outcome of one walk over frames.

    Attributes
    ----------
    state : ScanState
        CLEAN: the rest is zero, or there is none. TORN: a bad or cut frame and no valid one after it. CORRUPT: a bad frame with a valid one
        after it. SEQUENCE, EPOCH: a valid frame out of order.
    offset : int
        First byte after the last good frame [bytes]; where the defect is.
    frames : int
        Good frames.
    last_seq, last_epoch : int
        Of the last good frame; ``next_seq - 1`` and ``epoch`` when there was none.
    found : int
        SEQUENCE: the sequence found; EPOCH: the epoch found; CORRUPT: offset of the next valid frame.
    """

    state: ScanState
    offset: int
    frames: int
    last_seq: int
    last_epoch: int
    found: int

def crc32c(buffer: Buffer, crc: int = 0) -> int:
    """Continue the CRC32C (Castagnoli) ``crc`` over ``buffer``; start with 0."""

def scan(buffer: Buffer, start: int, next_seq: int, epoch: int = 0, whole_tail: bool = True, end: int | None = None) -> Scan:
    """Walk the frames of ``buffer`` from byte ``start`` (a multiple of 8) to ``end``.

    Parameters
    ----------
    next_seq : int
        Journal sequence that the first frame must have.
    epoch : int
        Instance epoch below which a frame is out of order.
    whole_tail : bool
        Read everything after the last frame and tell zeros from damage; False stops at the first zero length word (cheap, for following a live file).

    Raises
    ------
    ValueError
        If ``start`` or ``end`` is not inside the buffer.

    Notes
    -----
    O(bytes), without the interpreter lock.
    """

def find(buffer: Buffer, start: int) -> int:
    """Return the offset of the first valid frame at or after ``start`` (a multiple of 8, above 0), or 0 when there is none."""

def offsets(buffer: Buffer, start: int, end: int, numbers: npt.NDArray[np.uint64], kind: int = 0) -> int:
    """Write the byte offset of each frame of a range that ``scan`` accepted into ``numbers``, as far as it reaches; return how many.

    Parameters
    ----------
    kind : int
        Only frames of this FrameKind; 0: all.

    Raises
    ------
    ValueError
        If the range does not hold whole frames.
    """

def gather(buffer: Buffer, numbers: npt.NDArray[np.uint64], skip: int, out: npt.NDArray[Any]) -> None:
    """Copy records of one size, each ``skip`` bytes behind an offset in ``numbers``, to the rows of ``out``, in one C loop.

    Raises
    ------
    ValueError
        If a record is not inside the buffer, or ``out`` has not a row for each offset.
    """

def fit(buffer: Buffer, start: int, end: int, room: int) -> tuple[int, int, int]:
    """Return ``(bytes, frames, last_seq)`` of the whole frames from ``start`` that fit in ``room`` bytes.

    Raises
    ------
    ValueError
        If the range does not hold whole frames.
    """

def encode(slots: Buffer) -> bytes:
    """Return the file frames of an array of ``JournalSlot`` records.

    Raises
    ------
    ValueError
        If the buffer is not whole slots, or a slot has a kind, payload size or sequence that cannot be.
    """
