"""Closed segments: compress them, and remove what retention lets go. The format is docs/journal.md.

    N.rfj ──zstd──▶ N.rfj.zst.new ──read back, SHA-256 as the next header says──▶ N.rfj.zst, N.rfj removed
    oldest, covered by every snapshot kept ──▶ RETIRED (index, last sequence, SHA-256) ──▶ removed

The last segment is never touched: it is the sidecar's. Before anything is removed its plain bytes must have the SHA-256 that the next segment's header
carries; one that has not is left where it is and said (JournalCorrupt, exit 7). Every step is synced before the next, so that a death at any point leaves the
plain file, or both files (the plain one counts), or the compressed one; and an anchor with files that it has retired already, which are
removed by the next run and read by nobody.

Runs as a process of its own, started by the sidecar when a segment has closed, of the idle scheduling class (which is also idle for the disk), and
syncs its output in small parts: a journal sync behind it waits for one part at most. A lock file keeps two of them apart. Rejected: a thread of the sidecar:
compression holds memory bandwidth and the interpreter; removing by age alone, since a journal without its snapshot cannot be replayed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import zstandard

from ringfence.tools.errors import JournalCorrupt, ToolError
from ringfence.tools.segments import (
    ANCHOR_NAME,
    COMPRESSED,
    HEADER_BYTES,
    Anchor,
    SegmentInfo,
    expand,
    load,
    read_anchor,
    read_header,
    segment_path,
    stored_path,
)
from ringfence.tools.segments import segment_indexes as indexes_of

LEVEL = 3
PART_BYTES = 1 << 18
LOCK_NAME = "ARCHIVE.lock"
DAY_NS = 86_400_000_000_000


@dataclass(frozen=True)
class Rules:
    """What to do with closed segments; 0 keeps all."""

    compress: bool = False
    keep_days: int = 0
    keep_bytes: int = 0

    def __bool__(self) -> bool:
        return self.compress or self.keep_days > 0 or self.keep_bytes > 0


@dataclass(frozen=True)
class Outcome:
    """What one run did: indexes of segments."""

    compressed: tuple[int, ...]
    removed: tuple[int, ...]


def covered_seq(snapshots: Path) -> int:
    """Return the sequence up to which every kept snapshot covers the journal; 0 without one. ``SEQ.rfs`` has that name only once it was verified."""
    return min((int(p.stem) for p in snapshots.glob("*.rfs") if p.stem.isdigit()), default=0)


def archive(directory: Path, rules: Rules, covered: int, now_ns: int, step: Callable[[str], None] = lambda _name: None) -> Outcome:
    """Remove and compress closed segments of ``directory`` as ``rules`` say.

    Parameters
    ----------
    covered : int
        Snapshots hold the state up to this sequence: nothing above it is removed.
    now_ns : int
        Wall clock [ns], for ages.
    step : callable
        Called before each step that changes a directory, with its name; a test dies there.

    Raises
    ------
    JournalCorrupt
        If a segment is not what its successor says it was.
    OSError
        From the disk; nothing is lost then.
    """
    lock = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return Outcome((), ())
        for leftover in (*directory.glob("*.new.tmp"), *directory.glob(f"*{COMPRESSED}.new")):
            leftover.unlink()
        _sweep(directory)
        removed = _retire(directory, rules, covered, now_ns, step)
        closed = indexes_of(directory)[:-1] if rules.compress else []
        compressed = tuple(index for index in closed if segment_path(directory, index).exists() and _compress(directory, index, step))
        return Outcome(compressed, removed)
    finally:
        os.close(lock)


def _compress(directory: Path, index: int, step: Callable[[str], None]) -> bool:
    path = segment_path(directory, index)
    plain = load(path)
    digest = _checked(directory, index, plain)
    target = path.with_name(path.name + COMPRESSED)
    fresh = target.with_name(target.name + ".new")
    data = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True, write_content_size=True).compress(plain)
    _write(fresh, data)
    if hashlib.sha256(expand(memoryview(fresh.read_bytes()))).digest() != digest:
        raise ToolError(f"{fresh}: what was read back is not what was written; check the disk")
    step("rename")
    fresh.rename(target)
    _sync_directory(directory)
    step("unlink")
    path.unlink()
    _sync_directory(directory)
    return True


def _retire(directory: Path, rules: Rules, covered: int, now_ns: int, step: Callable[[str], None]) -> tuple[int, ...]:
    """Remove the oldest segments while they are too old, or the journal too large, and snapshots cover them."""
    indexes = indexes_of(directory)
    total = sum(stored_path(segment_path(directory, i)).stat().st_size for i in indexes)
    removed = list[int]()
    for index in indexes[:-1]:
        after = _header(directory, index + 1)
        old = rules.keep_days > 0 and now_ns - after.created_ns > rules.keep_days * DAY_NS
        large = 0 < rules.keep_bytes < total
        if not (old or large) or after.first_seq - 1 > covered:
            break
        digest = _checked(directory, index, load(segment_path(directory, index)))
        fresh = directory / f"{ANCHOR_NAME}.new.tmp"
        _write(fresh, Anchor(index, after.first_seq - 1, digest.hex(), after.instance).line().encode())
        step("anchor")
        fresh.rename(directory / ANCHOR_NAME)
        _sync_directory(directory)
        step("remove")
        total -= stored_path(segment_path(directory, index)).stat().st_size
        _sweep(directory)
        removed.append(index)
    return tuple(removed)


def _sweep(directory: Path) -> None:
    """Remove the files of segments that the anchor has retired."""
    anchor = read_anchor(directory)
    for path in (*directory.glob("*.rfj"), *directory.glob(f"*.rfj{COMPRESSED}")):
        name = path.name.partition(".")[0]
        if name.isdigit() and int(name) <= anchor.index:
            path.unlink()
    _sync_directory(directory)


def _header(directory: Path, index: int) -> SegmentInfo:
    path = segment_path(directory, index)
    info = read_header(path, load(path, HEADER_BYTES))
    if isinstance(info, str):
        raise JournalCorrupt(f"header: {info}", index, path, 0, 0)
    return info


def _checked(directory: Path, index: int, plain: memoryview) -> bytes:
    """Return the SHA-256 of a segment that is what its successor says."""
    digest, after = hashlib.sha256(plain).digest(), _header(directory, index + 1)
    if digest != after.previous_sha256:
        detail = f"chain: SHA-256 is {digest.hex()}, the next segment recorded {after.previous_sha256.hex()}: left as it is; run ringfence journal verify"
        raise JournalCorrupt(detail, index, segment_path(directory, index), 0, _header(directory, index).first_seq)
    return digest


def _write(path: Path, data: bytes) -> None:
    """Write a new file, synced in small parts."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        with memoryview(data) as view:
            for start in range(0, len(data), PART_BYTES):
                at, end = start, min(len(data), start + PART_BYTES)
                while at < end:
                    at += os.write(fd, view[at:end])
                os.fdatasync(fd)
    finally:
        os.close(fd)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def command(journal_dir: Path, rules: Rules) -> list[str]:
    """The command line of one run."""
    module = [sys.executable, "-m", "ringfence.tools.journal_archive", str(journal_dir)]
    return [*module, "--keep-days", str(rules.keep_days), "--keep-bytes", str(rules.keep_bytes), *(["--compress"] if rules.compress else [])]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry of ``python -m ringfence.tools.journal_archive DIR``: one run, in the idle scheduling class."""
    parser = argparse.ArgumentParser(description="compress and retire closed journal segments")
    parser.add_argument("directory", type=Path, help="the journal directory; snapshots are in ../snapshots")
    parser.add_argument("--compress", action="store_true")
    parser.add_argument("--keep-days", type=int, default=0)
    parser.add_argument("--keep-bytes", type=int, default=0)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s archive: %(message)s")
    log = logging.getLogger("archive")
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        rules = Rules(args.compress, args.keep_days, args.keep_bytes)
        done = archive(args.directory, rules, covered_seq(args.directory.parent / "snapshots"), time.time_ns())
    except (ToolError, OSError) as e:
        log.error("%s", e)
        return getattr(e, "exit_code", 1)
    if done.compressed or done.removed:
        log.info("%s: segments compressed: %s; removed: %s", args.directory, list(done.compressed), list(done.removed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
