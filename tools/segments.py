"""One journal segment file: its name, its header, its bytes, and the system calls that make it. The format is docs/journal.md.

    JournalWriter ──Disk──▶ NNNNNNNNNN.rfj ──load──▶ JournalReader

``Disk`` is every system call of the writer in one place, so that a test can fail the nth one (ENOSPC, EIO, a short write) and a simulator
can keep the pages itself. Readers copy bytes with pread: a disk error is an exception then, not the SIGBUS of a mapped file. Rejected for that: mmap.
Fails with OSError only; what an errno means for the journal is decided in journal.py.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ringfence.ipc import failpoint
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, LAYOUT_HASH, LAYOUT_VERSION, RECORDS
from ringfence.tools import frames

SEGMENT_BYTES = 64 << 20
SEGMENT_BYTES_MIN = 4096
BLOCK_BYTES = 4096  # unit of O_DIRECT: buffer address, offset and length
HEADER_BYTES = RECORDS["SegmentHeader"].size
NO_DIGEST = bytes(32)
_MAGIC = CONSTANTS["SEGMENT_MAGIC"][0]
_CRC_AT = RECORDS["SegmentHeader"].offsets["crc"]


@dataclass(frozen=True)
class SegmentInfo:
    """One segment file; ``last_seq`` is ``first_seq - 1`` when it has no frame, ``used_bytes`` the end of the last frame."""

    index: int
    path: Path
    instance: str
    first_seq: int
    last_seq: int
    used_bytes: int
    file_bytes: int
    created_ns: int
    layout_hash: int
    previous_sha256: bytes


def segment_path(directory: Path, index: int) -> Path:
    return directory / f"{index:010d}.rfj"


def segment_indexes(directory: Path) -> list[int]:
    """Indexes of the segment files in ``directory``, ascending; [] when there is no such directory."""
    if not directory.is_dir():
        return []
    return sorted(int(p.stem) for p in directory.glob("*.rfj") if p.stem.isdigit())


def make_header(instance: str, index: int, first_seq: int, previous_sha256: bytes, created_ns: int) -> bytes:
    """Return the header of a new segment; ``previous_sha256`` is ``NO_DIGEST`` in the first."""
    header = np.zeros(1, dtype("SegmentHeader"))
    row = header[0]
    row["magic"], row["layout_version"], row["header_bytes"], row["layout_hash"] = _MAGIC, LAYOUT_VERSION, HEADER_BYTES, LAYOUT_HASH
    row["first_seq"], row["index"], row["created_ns"] = first_seq, index, created_ns
    row["instance"], row["previous_sha256"] = instance.encode("ascii"), previous_sha256
    row["crc"] = frames.crc32c(header.tobytes()[:_CRC_AT])
    return header.tobytes()


def read_header(path: Path, buffer: memoryview) -> SegmentInfo | str:
    """Return the header as a SegmentInfo without frames, or what is wrong with it."""
    if len(buffer) < HEADER_BYTES:
        return f"header cut: the file has {len(buffer)} of its {HEADER_BYTES} bytes"
    row = np.frombuffer(buffer, dtype("SegmentHeader"), 1)[0]
    if int(row["magic"]) != _MAGIC:
        return f"magic was 0x{int(row['magic']):016x}, a segment begins with 0x{_MAGIC:016x}"
    if int(row["crc"]) != frames.crc32c(buffer[:_CRC_AT]) or any(buffer[_CRC_AT + 4 : HEADER_BYTES]):
        return "CRC32C of the header does not hold"
    first = int(row["first_seq"])
    instance = bytes(row["instance"]).decode("ascii", "replace")
    digest = bytes(row["previous_sha256"]).ljust(32, b"\0")
    return SegmentInfo(int(row["index"]), path, instance, first, first - 1, HEADER_BYTES, len(buffer), int(row["created_ns"]), int(row["layout_hash"]), digest)


def load(path: Path, size_max: int | None = None) -> memoryview:
    """Copy a segment (its first ``size_max`` bytes) into memory."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size if size_max is None else min(size_max, os.fstat(fd).st_size)
        buffer = memoryview(bytearray(size))
        at = 0
        while at < size:
            n = os.preadv(fd, [buffer[at:]], at)
            if n == 0:
                break
            at += n
        return buffer[:at]
    finally:
        os.close(fd)


class Disk:
    """The system calls of a journal writer; each may raise OSError."""

    def open(self, path: Path, create: bool) -> int:
        """Open for reading and writing; ``create`` wants a new file."""
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if create else 0)
        return os.open(path, flags, 0o640)

    def allocate(self, fd: int, size: int) -> None:
        os.posix_fallocate(fd, 0, size)

    def write(self, fd: int, data: memoryview, offset: int) -> int:
        """Write some of ``data``; return how many bytes."""
        if failpoint.due("D2"):
            os.pwrite(fd, data[: len(data) // 2], offset)
        failpoint.reached("D2")
        return os.pwrite(fd, data, offset)

    def open_direct(self, path: Path) -> int:
        """Open an existing file so that a write of whole blocks is durable when it returns."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_DIRECT | os.O_DSYNC)

    def write_direct(self, fd: int, data: memoryview, offset: int) -> int:
        """Write some of ``data`` (whole blocks, aligned in memory and file) and make that durable; return how many bytes."""
        if failpoint.due("D9"):
            os.pwrite(fd, data[: len(data) // 2 // BLOCK_BYTES * BLOCK_BYTES], offset)
        failpoint.reached("D9")
        return os.pwrite(fd, data, offset)

    def free(self, directory: Path) -> int:
        """Bytes that may still be written there."""
        found = os.statvfs(directory)
        return found.f_bavail * found.f_frsize

    def sync(self, fd: int) -> None:
        failpoint.reached("D3")
        os.fdatasync(fd)

    def sync_directory(self, directory: Path) -> None:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, path: Path, to: Path) -> None:
        failpoint.reached("D5")
        path.rename(to)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def close(self, fd: int) -> None:
        os.close(fd)
