"""How a journal makes its writes durable: measured on the disk it will write to, when the sidecar starts.

    scratch file in the journal directory ──a few small writes each way──▶ medians ──▶ "fdatasync" or "direct"

``fdatasync``: write to the page cache, then one sync for the group. ``direct``: one ``O_DIRECT|O_DSYNC`` write of whole blocks per group, durable when it
returns. Which is faster depends on the disk, its cache and the file system, so it is not guessed. The scratch file is preallocated like a segment, its name
does not end like one's, and it is removed. Nothing here can stop a start: a file system that refuses O_DIRECT (tmpfs) or any error of the scratch file
means ``fdatasync``, and the reason is said; real trouble shows again at the first segment, where it is judged.
"""

from __future__ import annotations

import mmap
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ringfence.tools.segments import BLOCK_BYTES

WRITES_MIN = 3
WRITES_MAX = 25
BUDGET_NS = 75_000_000  # for each way
SCRATCH_NAME = "commit.scratch"
SCRATCH_BYTES = 1 << 20


@dataclass(frozen=True)
class Choice:
    """The way to commit, with the medians it was chosen by [ns] (0: not measured) and a sentence for the log."""

    mode: str
    fdatasync_ns: int
    direct_ns: int
    why: str


def choose(directory: Path, wanted: str) -> Choice:
    """Return how to commit in ``directory``, which is made when missing; ``wanted`` other than "auto" is taken as it is where the disk can."""
    if wanted == "fdatasync":
        return Choice("fdatasync", 0, 0, "as configured")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        direct_ns = _median(directory, os.O_DIRECT | os.O_DSYNC, lambda _fd: None)
    except OSError as e:
        return Choice("fdatasync", 0, 0, f"O_DIRECT cannot be used in {directory}: {e.strerror}")
    if wanted == "direct":
        return Choice("direct", 0, direct_ns, f"as configured; a write takes {direct_ns / 1e6:.3f} ms")
    try:
        fdatasync_ns = _median(directory, 0, os.fdatasync)
    except OSError as e:
        return Choice("fdatasync", 0, direct_ns, f"could not be measured in {directory}: {e.strerror}")
    mode = "direct" if direct_ns < fdatasync_ns else "fdatasync"
    return Choice(mode, fdatasync_ns, direct_ns, f"measured: fdatasync {fdatasync_ns / 1e6:.3f} ms, O_DIRECT|O_DSYNC {direct_ns / 1e6:.3f} ms")


def _median(directory: Path, flags: int, sync: Callable[[int], None]) -> int:
    """Median time of one durable block [ns]; stops after BUDGET_NS, but not before WRITES_MIN writes."""
    path = directory / SCRATCH_NAME
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | flags, 0o600)
    try:
        os.posix_fallocate(fd, 0, SCRATCH_BYTES)
        os.fdatasync(fd)
        took = list[int]()
        with mmap.mmap(-1, BLOCK_BYTES) as block:
            block.write(b"\x5a" * BLOCK_BYTES)
            begin = time.monotonic_ns()
            while len(took) < WRITES_MIN or (len(took) < WRITES_MAX and time.monotonic_ns() - begin < BUDGET_NS):
                at = time.monotonic_ns()
                os.pwrite(fd, block, len(took) * BLOCK_BYTES)
                sync(fd)
                took.append(time.monotonic_ns() - at)
        return int(statistics.median(took))
    finally:
        os.close(fd)
        path.unlink(missing_ok=True)
