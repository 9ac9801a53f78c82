"""One journal segment file: its name, its header, its bytes, and the system calls that make it. The format is docs/journal.md.

    JournalWriter ──Disk──▶ NNNNNNNNNN.rfj ──load──▶ JournalReader
                  journal_archive ──▶ NNNNNNNNNN.rfj.zst ──load──▶ the same bytes         RETIRED ──read_anchor──▶ where the row of files begins

``Disk`` is every system call of the writer in one place, so that a test can fail the nth one (ENOSPC, EIO, a short write) and a simulator
can keep the pages itself. Readers copy bytes with pread: a disk error is an exception then, not the SIGBUS of a mapped file. Rejected for that: mmap.
A compressed segment stands for its plain bytes: who asks for ``N.rfj`` gets them from ``N.rfj.zst`` when only that is there (also when it was
compressed between listing and opening). Fails with OSError, whose meaning is decided elsewhere, and with JournalCorrupt when a compressed
file or the anchor is damaged.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import zstandard

from ringfence.ipc import failpoint
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, LAYOUT_HASH, LAYOUT_VERSION, RECORDS
from ringfence.tools import frames
from ringfence.tools.errors import JournalCorrupt

SEGMENT_BYTES = 64 << 20
SEGMENT_BYTES_MIN = 4096
BLOCK_BYTES = 4096  # unit of O_DIRECT: buffer address, offset and length
SEGMENT_BYTES_MAX = 4096 << 20
COMPRESSED = ".zst"
ANCHOR_NAME = "RETIRED"
HUGE_FROM = 4 << 20
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


def stored_path(path: Path) -> Path:
    """Where the bytes of segment ``path`` are: there, or compressed beside it."""
    compressed = path.with_name(path.name + COMPRESSED)
    return compressed if not path.exists() and compressed.exists() else path


def segment_indexes(directory: Path) -> list[int]:
    """Indexes of the segments in ``directory``, plain or compressed, ascending, without those that were retired; [] when there is no such directory."""
    if not directory.is_dir():
        return []
    anchor = read_anchor(directory)
    names = {p.name.partition(".")[0] for pattern in ("*.rfj", f"*.rfj{COMPRESSED}") for p in directory.glob(pattern)}
    return sorted(index for index in (int(n) for n in names if n.isdigit()) if index > anchor.index)


@dataclass(frozen=True)
class Anchor:
    """The last segment that retention removed; the row of files begins after it. Index 0: nothing was removed."""

    index: int = 0
    last_seq: int = 0
    sha256: str = NO_DIGEST.hex()
    instance: str = ""

    def line(self) -> str:
        """Return the text of the file: one JSON object, its ``crc`` over the others."""
        fields = asdict(self)
        return json.dumps({**fields, "crc": frames.crc32c(json.dumps(fields, sort_keys=True).encode())}, sort_keys=True) + "\n"


def read_anchor(directory: Path) -> Anchor:
    """Return what ``RETIRED`` says.

    Raises
    ------
    JournalCorrupt
        If it is damaged: where the history begins is not known then.
    """
    path = directory / ANCHOR_NAME
    try:
        text = path.read_text()
    except FileNotFoundError:
        return Anchor()
    try:
        fields = json.loads(text)
        fields.pop("crc")
        anchor = Anchor(**fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        anchor = Anchor()
    if anchor.line() != text or anchor.index <= 0:
        raise JournalCorrupt("corrupt: it says which segments were removed; restore it from a copy", 0, path, 0, 0)
    return anchor


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
    """Copy a segment (its first ``size_max`` bytes) into memory, from its compressed file when that is what there is.

    Raises
    ------
    JournalCorrupt
        If the compressed file is damaged.
    """
    try:
        return _load_file(path, size_max)
    except FileNotFoundError:
        compressed = path.with_name(path.name + COMPRESSED)
        if not compressed.exists():
            raise
        try:
            return expand(_load_file(compressed, None), size_max)
        except zstandard.ZstdError as e:
            raise JournalCorrupt(f"corrupt: the compressed file is damaged ({e}): restore it from a copy", int(path.stem), compressed, 0, 0) from None


def expand(data: memoryview, size_max: int | None = None) -> memoryview:
    """Return the plain bytes of a compressed segment, or the first ``size_max``; ZstdError when it is damaged."""
    size = zstandard.get_frame_parameters(data).content_size
    if size > SEGMENT_BYTES_MAX:
        raise zstandard.ZstdError(f"it claims {size} bytes")
    if size_max is not None:
        with zstandard.ZstdDecompressor().stream_reader(data) as stream:
            return memoryview(bytearray(stream.read(min(size, size_max))))
    work = zstandard.ZstdDecompressor().decompressobj()
    plain = memoryview(bytearray(work.decompress(data)))
    if not work.eof or work.unused_data or len(plain) != size:
        raise zstandard.ZstdError(f"{len(plain)} of {size} bytes, or something behind them")
    return plain


def _load_file(path: Path, size_max: int | None) -> memoryview:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size if size_max is None else min(size_max, os.fstat(fd).st_size)
        buffer = _memory(size)
        at = 0
        while at < size:
            n = os.preadv(fd, [buffer[at:]], at)
            if n == 0:
                break
            at += n
        return buffer[:at]
    finally:
        os.close(fd)


def _memory(size: int) -> memoryview:
    """Zeroed bytes of our own; many of them in huge pages: touching 16,000 small ones takes longer than reading a segment into them."""
    if size < HUGE_FROM:
        return memoryview(bytearray(size))
    memory = mmap.mmap(-1, size)
    with contextlib.suppress(OSError):  # a kernel without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory)


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
