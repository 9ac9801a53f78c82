"""Replay a journal into a fresh state: the same ``apply`` as live, and every checkpoint's hash compared on the way.

    DATA/journal/*.rfj ──JournalReader──▶ chunks of good frames ──core.replay.Replayer──▶ state, hash

Nothing but the files is needed: configuration is in the journal as row images, table sizes in the body of START. Memory: a private copy of
every table and one segment at a time. A torn tail is reported and the rest is used. Anything else that is wrong with the files raises
JournalCorrupt with segment, offset and sequence, and a checkpoint with another hash raises ReplayDiffers with the same: both are exit code 7.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.core.errors import ReplayError, StateMismatch
from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.tools import frames
from ringfence.tools.defects import Defect
from ringfence.tools.errors import JournalCorrupt, JournalError
from ringfence.tools.journal import Chunk, JournalReader

_KIND = ENUMS["FrameKind"].by_name
_START = ENUMS["ControlKind"].by_name["START"]
_HEAD_BYTES = RECORDS["FileFrame"].size
_BODY_AT = RECORDS["Control"].offsets["body"]
TABLES = tuple(f.name for f in RECORDS["TableRows"].fields if not f.is_pad)


class ReplayDiffers(JournalCorrupt):
    """A checkpoint in the journal holds another state hash than the replay: code or journal differ from the live run."""


@dataclass(frozen=True)
class ReplayResult:
    """What a replay found; ``replayer`` holds the state."""

    directory: Path
    frames: int
    bytes: int
    segments: int
    seconds: float
    seq: int
    state_hash: int
    checkpoints_verified: int
    torn: Defect | None
    replayer: Replayer

    @property
    def frames_per_s(self) -> float:
        return self.frames / self.seconds if self.seconds else 0.0


Progress = Callable[[int, int], None]


def replay(directory: Path | str, verify: bool = True, progress: Progress | None = None) -> ReplayResult:
    """Replay the journal in ``directory``.

    Parameters
    ----------
    verify : bool
        Also check the SHA-256 chain of the segments. Frames and checkpoints are checked in any case.
    progress : callable, optional
        Called with (frames applied, sequence reached) after every segment.

    Raises
    ------
    JournalCorrupt
        At a defect that is not a torn tail; ReplayDiffers at a checkpoint with another hash.
    JournalError
        If there is no such journal, or it does not begin with START.
    """
    reader = JournalReader(directory)
    limits: Limits | None = None
    while True:
        found = _replay(reader, limits, verify, progress)
        if isinstance(found, ReplayResult):
            return found
        limits = found


def _replay(reader: JournalReader, limits: Limits | None, verify: bool, progress: Progress | None) -> ReplayResult | Limits:
    """One pass; returns Limits when a later START has larger tables than those begun with."""
    begin = time.perf_counter()
    count = checkpoints = size = segments = 0
    torn: Defect | None = None
    replayer: Replayer | None = None
    for item in reader.chunks(chain=verify):
        if isinstance(item, Defect):
            torn = item
            continue
        if (wanted := limits_in(item)) and (limits is None or any(getattr(wanted, t) > getattr(limits, t) for t in TABLES)):
            if replayer is not None:
                return wanted
            limits = wanted
        if replayer is None and item.frames:
            if limits is None:
                raise JournalError(f"{item.segment.path}: the journal does not begin with START; this is not the first segment of an instance")
            replayer = Replayer(limits)
        if replayer is not None:
            apply_chunk(replayer, item)
        count += item.frames
        size += item.end - item.start
        segments += 1
        checkpoints += frame_count(item, "CHECKPOINT")
        if progress:
            progress(count, item.first_seq + item.frames - 1)
    replayer = replayer or Replayer(limits or Limits())
    seconds = time.perf_counter() - begin
    return ReplayResult(reader.directory, count, size, segments, seconds, replayer.seq, replayer.state_hash(), checkpoints, torn, replayer)


def apply_chunk(replayer: Replayer, chunk: Chunk) -> None:
    """Apply a chunk's frames.

    Raises
    ------
    ReplayDiffers
        At a checkpoint with another hash.
    JournalCorrupt
        At a frame that the state cannot take.
    """
    try:
        replayer.apply_buffer(chunk.buffer, chunk.start, chunk.end)
    except ReplayError as e:
        seq = replayer.seq + 1
        kind = ReplayDiffers if isinstance(e, StateMismatch) else JournalCorrupt
        raise kind(str(e), chunk.segment.index, chunk.segment.path, _offset_of(chunk, seq), seq) from e


def limits_in(chunk: Chunk) -> Limits | None:
    """Table sizes of the last START in a chunk; None when it has none."""
    found: Limits | None = None
    for at in _offsets(chunk, "CONTROL"):
        control = np.frombuffer(chunk.buffer, dtype("Control"), 1, at + _HEAD_BYTES)[0]
        if int(control["kind"]) == _START:
            found = rows_to_limits(np.frombuffer(chunk.buffer, dtype("TableRows"), 1, at + _HEAD_BYTES + _BODY_AT)[0])
    return found


def rows_to_limits(rows: Any) -> Limits:
    """A TableRows record as Limits; the default sizes when it is empty."""
    return Limits(**{name: int(rows[name]) for name in TABLES}) if int(rows["orders"]) else Limits()


def frame_count(chunk: Chunk, kind: str) -> int:
    return len(_offsets(chunk, kind))


def _offsets(chunk: Chunk, kind: str = "") -> list[int]:
    numbers = np.empty(chunk.frames, np.uint64)
    n = frames.offsets(chunk.buffer, chunk.start, chunk.end, numbers, _KIND[kind] if kind else 0)
    return [int(at) for at in numbers[:n]]


def _offset_of(chunk: Chunk, seq: int) -> int:
    at = _offsets(chunk)
    k = seq - chunk.first_seq
    return at[k] if 0 <= k < len(at) else chunk.end


def command(directory: Path | str, verify: bool = True, as_json: bool = False) -> int:
    """Replay and print; what ``ringfence replay DIR`` does.

    Raises
    ------
    JournalError
        As ``replay``; the exit code is the error's.
    """
    result = replay(directory, verify, _progress if sys.stderr.isatty() and not as_json else None)
    if sys.stderr.isatty() and not as_json:
        print("\r\033[K", end="", file=sys.stderr)
    if as_json:
        torn = {"segment": result.torn.segment, "offset": str(result.torn.offset), "seq": str(result.torn.seq)} if result.torn else None
        head = {"schema": "rf.replay/1", "ts_ns": str(time.time_ns()), "directory": str(result.directory)}
        body = {"frames": result.frames, "frames_per_s": round(result.frames_per_s), "seconds": round(result.seconds, 6), "segments": result.segments}
        state = {"seq": str(result.seq), "state_hash": f"{result.state_hash:016x}", "checkpoints_verified": result.checkpoints_verified, "torn": torn}
        print(json.dumps({**head, **body, **state}))
        return 0
    if result.torn:
        print(f"▲ {result.torn.error()}; the {result.frames:,} frames before it were replayed")
    rate = f"{result.frames_per_s:,.0f} frames/s"
    print(f"● {result.frames:,} frames in {result.segments} segments, {result.bytes:,} bytes, {result.seconds:.2f} s, {rate}")
    print(f"  sequence {result.seq:,}, state hash {result.state_hash:016x}, {result.checkpoints_verified} checkpoints hold")
    return 0


def _progress(count: int, seq: int) -> None:
    print(f"\r  {count:,} frames, sequence {seq:,}", end="", file=sys.stderr, flush=True)
