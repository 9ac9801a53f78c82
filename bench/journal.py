"""Journal writer: throughput and commit latency against a raw writer of the same sizes, and the way the sidecar would commit here.

Ours is ``JournalWriter.append`` and ``sync``: frames cut to preallocated segments of 64 MiB, hashed (SHA-256), durable after every batch. The peer is the
least that can do it: one preallocated file, the same bytes in the same batches, ``pwrite`` and ``fdatasync`` (or ``O_DIRECT|O_DSYNC``), nothing else. Rounds
are interleaved in one directory, medians count. Goal: 0.8 of the peer's MB/s.
"""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ringfence.bench.harness import Options, Report, Row, interleave, parse, show
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.tools import frames
from ringfence.tools.journal_commit import choose
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.segments import BLOCK_BYTES

BATCHES = {"1 frame": 1, "64 KiB": 170, "1 MiB": 2730}
MODES = ("fdatasync", "direct")


def main(argv: Sequence[str]) -> int:
    """Measure and print; 0."""
    options = parse("journal", argv, __doc__, rounds=5)
    return show(measure(options), options)


def measure(options: Options) -> Report:
    """Run all rounds in a directory of the current one's file system, and return the report."""
    scratch = Path(tempfile.mkdtemp(prefix="ringfence-bench-", dir="."))
    try:
        commit = choose(scratch, "auto")
        modes = MODES if commit.direct_ns else MODES[:1]
        writes = {"1 frame": 20, "64 KiB": 20, "1 MiB": 2} if options.quick else {"1 frame": 100, "64 KiB": 100, "1 MiB": 96}
        runs: dict[str, Any] = {}
        for name, count in BATCHES.items():
            batches = make_batches(count, writes[name])
            for mode in modes:
                runs[f"ours {mode} {name}"] = partial(ours, scratch, batches, mode)
                runs[f"raw {mode} {name}"] = partial(raw, scratch, batches, mode)
        found = interleave(runs, options.rounds)
    finally:
        shutil.rmtree(scratch)
    rows = [
        Row(f"batches of {name}, {mode}", "raw writer", metric, found[f"ours {mode} {name}"][metric], found[f"raw {mode} {name}"][metric])
        for name in BATCHES
        for mode in modes
        for metric in ("MB/s", "ms to commit")
    ]
    return Report(
        "journal", {"fdatasync_ns": commit.fdatasync_ns, "direct_ns": commit.direct_ns}, rows, [f"the sidecar takes {commit.mode} here: {commit.why}"]
    )


def make_batches(count: int, number: int) -> list[bytes]:
    """Return ``number`` batches of ``count`` venue events each, as file frames with dense sequences."""
    slots = np.zeros(count, dtype("JournalSlot"))
    rows = slots.view(np.uint8).reshape(count, -1)
    head = np.zeros(count, dtype("Frame"))
    size = RECORDS["VenueEvent"].size
    head["kind"], head["payload_bytes"], head["instance_epoch"] = ENUMS["FrameKind"].by_name["VENUE_EVENT"], size, 1
    rows[:, head.dtype.itemsize : head.dtype.itemsize + size] = np.random.default_rng(1).integers(0, 256, (count, size), dtype=np.uint8)
    out = []
    for k in range(number):
        head["seq"] = np.arange(k * count + 1, (k + 1) * count + 1)
        rows[:, : head.dtype.itemsize] = head.view(np.uint8).reshape(count, -1)
        out.append(frames.encode(slots.data))
    return out


def ours(scratch: Path, batches: list[bytes], mode: str) -> dict[str, float]:
    """Every batch through a fresh ``JournalWriter``, durable before the next; rolls are inside the time."""
    directory = Path(tempfile.mkdtemp(dir=scratch))
    took = list[int]()
    with JournalWriter(directory, "bench", commit=mode) as writer:
        for data in batches:
            begin = time.perf_counter_ns()
            at = 0
            while at < len(data):
                at = writer.append(data, at, len(data))
            writer.sync()
            took.append(time.perf_counter_ns() - begin)
    shutil.rmtree(directory)
    return figures(batches, took)


def raw(scratch: Path, batches: list[bytes], mode: str) -> dict[str, float]:
    """The same bytes into one preallocated file; direct writes are padded to whole blocks."""
    path = scratch / "raw"
    flags = os.O_DIRECT | os.O_DSYNC if mode == "direct" else 0
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | flags, 0o600)
    padded = -(-len(batches[0]) // BLOCK_BYTES) * BLOCK_BYTES
    os.posix_fallocate(fd, 0, padded * len(batches))
    os.fdatasync(fd)
    took, at = list[int](), 0
    with mmap.mmap(-1, padded) as block:
        for data in batches:
            begin = time.perf_counter_ns()
            if mode == "direct":
                block[: len(data)] = data
                at += os.pwrite(fd, block, at)
            else:
                at += os.pwrite(fd, data, at)
                os.fdatasync(fd)
            took.append(time.perf_counter_ns() - begin)
    os.close(fd)
    path.unlink()
    if at < sum(len(b) for b in batches):
        raise RuntimeError(f"the raw writer wrote {at} bytes: the disk has no space")
    return figures(batches, took)


def figures(batches: list[bytes], took: list[int]) -> dict[str, float]:
    return {"MB/s": sum(len(b) for b in batches) * 1e3 / sum(took), "ms to commit": median(took) / 1e6}
