"""A journal directory whose unsynced bytes can be lost.

    JournalWriter ──write──▶ real file (in memory) + what was there before ──sync──▶ forgotten: durable
                                       host crash: every unsynced 4 KiB page is kept, dropped or scrambled by a draw

Writes go to real files, since the readers read files; durability is what is simulated. Errors are armed ahead (``fail``) and hit the next calls of
their kind. A process that dies inside a write is ``ProcessDied``, raised after some of its bytes.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from ringfence.tools.segments import Disk

PAGE = 4096
PLENTY = 1 << 40


class ProcessDied(BaseException):
    """SIGKILL inside a system call; nothing between there and the world may catch it."""


@dataclass
class Armed:
    """What the next calls do: ``error`` an errno, ``kept`` bytes that a torn write still takes, ``count`` calls."""

    call: str
    error: int = 0
    kept: int = 0
    count: int = 1
    dies: bool = False


@dataclass
class SimulatedDisk(Disk):
    """One directory's disk; it outlives the processes that write."""

    armed: list[Armed] = field(default_factory=list)
    full: bool = False
    lost_pages: int = 0
    unsynced: dict[int, dict[int, bytes]] = field(default_factory=dict)  # by inode: page number to its durable content

    def fail(self, armed: Armed) -> None:
        self.armed.append(armed)

    def mend(self) -> None:
        """Faults end: there is space, and no error waits any more."""
        self.armed.clear()
        self.full = False

    def free(self, directory: Path) -> int:
        return 0 if self.full else PLENTY

    def allocate(self, fd: int, size: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().allocate(fd, size)

    def write(self, fd: int, data: memoryview, offset: int) -> int:
        armed = self._armed("write")
        if armed is not None and armed.error:
            raise OSError(armed.error, os.strerror(armed.error))
        if armed is not None:
            data = data[: min(armed.kept, len(data))] if armed.dies or armed.kept else data[:1]
        self._remember(fd, offset, len(data))
        n = os.pwrite(fd, data, offset)
        if armed is not None and armed.dies:
            raise ProcessDied("inside a write")
        return n

    def sync(self, fd: int) -> None:
        armed = self._armed("sync")
        if armed is not None and armed.error:
            raise OSError(armed.error, os.strerror(armed.error))
        self.unsynced.pop(os.fstat(fd).st_ino, None)
        if armed is not None:
            raise ProcessDied("after a sync")

    def sync_directory(self, directory: Path) -> None:
        """Names are durable at once: what a lost rename does to a journal is tested with the writer."""

    def crash(self, directory: Path, draw: Random, *, ordered: bool) -> int:
        """The host loses its memory: unsynced pages fall back to their durable content, or not, or hold neither.

        ``ordered`` keeps a prefix of the pages, as a file system that writes in order does; else every page has its own fate. Returns pages lost.
        """
        lost = 0
        for path in sorted(directory.iterdir()):
            pages = self.unsynced.pop(path.stat().st_ino, None) if path.is_file() else None
            if not pages:
                continue
            kept = draw.randrange(len(pages) + 1)
            with path.open("r+b") as f:
                for rank, number in enumerate(sorted(pages)):
                    fate = "keep" if rank < kept else "scramble" if rank == kept and draw.random() < 0.5 else "drop"
                    if not ordered:
                        fate = draw.choice(("keep", "drop", "scramble"))
                    if fate != "keep":
                        lost += 1
                        f.seek(number * PAGE)
                        f.write(pages[number] if fate == "drop" else self._scrambled(pages[number], f, number, draw))
        self.unsynced.clear()
        self.lost_pages += lost
        return lost

    @staticmethod
    def _scrambled(durable: bytes, f: object, number: int, draw: Random) -> bytes:
        """Noise where the page was being changed; bytes that were durable stay."""
        now = os.pread(f.fileno(), PAGE, number * PAGE)  # type: ignore[attr-defined]
        start = next((i for i in range(min(len(now), len(durable))) if now[i] != durable[i]), len(durable))
        return durable[:start] + draw.randbytes(len(now) - start)

    def _armed(self, call: str) -> Armed | None:
        if self.full and call == "write":
            return Armed(call, errno.ENOSPC)
        for armed in self.armed:
            if armed.call == call:
                armed.count -= 1
                if armed.count <= 0:
                    self.armed.remove(armed)
                return armed
        return None

    def _remember(self, fd: int, offset: int, size: int) -> None:
        """Keep the durable content of the pages that a write changes, once until they are synced."""
        pages = self.unsynced.setdefault(os.fstat(fd).st_ino, {})
        for number in range(offset // PAGE, (offset + max(size, 1) - 1) // PAGE + 1):
            if number not in pages:
                pages[number] = os.pread(fd, PAGE, number * PAGE)
