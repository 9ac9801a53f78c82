"""The sidecar's part in a backtest: every frame leaves the journal ring, is hashed, and what a result needs is kept.

    journal ring ──JournalRing.take──▶ file frames ──▶ digest of them all; intents kept; segment files, when a directory is given

The frames are the bytes that a live sidecar writes. The digest is BLAKE2b-128 over them in order: two runs that journaled the same have the same. Nothing
here decides anything; the ring is emptied often enough that the engine never sees pressure (``instance.py``). What can fail: the disk (JournalError), and an
existing journal in the directory, which is refused: a backtest does not go on where another ended.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ringfence.ipc.host import Idle
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link
from ringfence.ipc.schema import ENUMS
from ringfence.tools import frames
from ringfence.tools.errors import Refused
from ringfence.tools.journal_ring import JournalRing
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.segments import segment_indexes

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUFFER_BYTES = 1 << 20
SEGMENT_BYTES = 16 << 20
_INTENT = ENUMS["FrameKind"].by_name["INTENT"]
_HEAD, _PAYLOAD = dtype("FileFrame"), dtype("Intent")


class JournalTap:
    """The reading end of a journal ring.

    Parameters
    ----------
    directory : Path, optional
        Where segment files go; made when it does not exist.

    Attributes
    ----------
    frames : int
        Taken so far.

    Raises
    ------
    Refused
        If the directory holds a journal.
    """

    def __init__(self, link: Link, directory: Path | None, instance: str) -> None:
        if directory is not None and directory.is_dir() and segment_indexes(directory):
            raise Refused(f"{directory} holds a journal already; give a directory of its own to each backtest")
        self.frames = 0
        self._ring = JournalRing(link)
        self._buffer = bytearray(BUFFER_BYTES)
        self._digest = blake2b(digest_size=16)
        self._heads: list[NDArray[Any]] = []
        self._intents: list[NDArray[Any]] = []
        self._writer = JournalWriter(directory, instance, segment_bytes=SEGMENT_BYTES) if directory is not None else None

    def drain(self) -> None:
        """Take all that the ring holds."""
        while True:
            size, count, _ = self._ring.take(self._buffer, 0, 0, Idle.SPIN)
            if not count:
                return
            view = memoryview(self._buffer)[:size]
            self._digest.update(view)
            self._keep(count, size)
            if self._writer is not None:
                at = 0
                while at < size:
                    at = self._writer.append(self._buffer, at, size)
            self._ring.release()
            self.frames += count

    def _keep(self, count: int, size: int) -> None:
        at = np.empty(count, np.uint64)
        at = at[: frames.offsets(self._buffer, 0, size, at, _INTENT)]
        if not len(at):
            return
        heads, intents = np.empty(len(at), _HEAD), np.empty(len(at), _PAYLOAD)
        frames.gather(self._buffer, at, 0, heads)
        frames.gather(self._buffer, at, _HEAD.itemsize, intents)
        self._heads.append(heads)
        self._intents.append(intents)

    def intents(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return heads and payloads of every intent, row by row the same."""
        if not self._heads:
            return np.empty(0, _HEAD), np.empty(0, _PAYLOAD)
        return np.concatenate(self._heads), np.concatenate(self._intents)

    def digest(self) -> str:
        """Return the hash of every frame so far, as 32 hexadecimal digits."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """Sync and close the files."""
        if self._writer is not None:
            self._writer.sync()
            self._writer.close()
