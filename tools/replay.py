"""Replay a journal into a fresh state: the same ``apply`` as live, and every checkpoint's hash compared on the way.

    DATA/journal/*.rfj ──JournalReader──▶ chunks of good frames ──core.replay.Replayer──▶ state, hash

Nothing but the files is needed: configuration is in the journal as row images, table sizes in the body of START. It ends at the end, at a
sequence or at an engine time; it may begin with a snapshot. Memory: a private copy of every table and one segment at a time. A torn tail is
reported and the rest is used. Anything else that is wrong with the files raises JournalCorrupt with segment, offset and sequence, and a checkpoint
with another hash raises ReplayDiffers with the same: both are exit code 7.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Callable, Iterator
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
TABLES = tuple(f.name for f in RECORDS["TableRows"].fields if not f.is_pad and f.name != "day_begins_ns")


END = (1 << 64) - 1


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
    other_logic: int  # checkpoints of another logic version: not comparable
    torn: Defect | None
    replayer: Replayer

    @property
    def frames_per_s(self) -> float:
        return self.frames / self.seconds if self.seconds else 0.0


Progress = Callable[[int, int], None]


def replay(
    directory: Path | str,
    verify: bool = True,
    progress: Progress | None = None,
    *,
    until: int = END,
    until_ns: int = END,
    begin: Callable[[], Replayer] | None = None,
) -> ReplayResult:
    """Replay the journal in ``directory``.

    Parameters
    ----------
    verify : bool
        Also check the SHA-256 chain of the segments. Frames and checkpoints are checked in any case.
    progress : callable, optional
        Called with (frames applied, sequence reached) after every segment.
    until, until_ns : int
        Last sequence, and latest engine time, to apply.
    begin : callable, optional
        Makes the replayer to go on from (a loaded snapshot's), instead of an empty one.

    Raises
    ------
    JournalCorrupt
        At a defect that is not a torn tail; ReplayDiffers at a checkpoint with another hash.
    JournalError
        If there is no such journal, or it does not begin with START.
    """
    reader = JournalReader(directory)
    limits: Limits | None = None
    if begin is not None:
        return _replay_from(reader, begin(), verify, progress, until, until_ns)
    while True:
        found = _replay(reader, limits, verify, progress, until, until_ns)
        if isinstance(found, ReplayResult):
            return found
        limits = found


def _replay(reader: JournalReader, limits: Limits | None, verify: bool, progress: Progress | None, until: int, until_ns: int) -> ReplayResult | Limits:
    """One pass; returns Limits when a later START has larger tables than those begun with."""
    found = Found(reader.directory)
    replayer: Replayer | None = None
    for item in reader.chunks(chain=verify):
        if isinstance(item, Defect):
            found.torn = item
            continue
        chunk = cut(item, until, until_ns)
        if (wanted := limits_in(chunk)) and (limits is None or any(getattr(wanted, t) > getattr(limits, t) for t in TABLES)):
            if replayer is not None:
                return wanted
            limits = wanted
        if replayer is None and chunk.frames:
            if limits is None:
                raise JournalError(f"{item.segment.path}: the journal does not begin with START; this is not the first segment of an instance")
            replayer = Replayer(limits)
        if replayer is not None:
            found.apply(replayer, chunk, progress)
        if chunk.frames < item.frames:
            break
    return found.result(replayer or Replayer(limits or Limits()))


def _replay_from(reader: JournalReader, replayer: Replayer, verify: bool, progress: Progress | None, until: int, until_ns: int) -> ReplayResult:
    """Go on from a loaded state; its tables have the sizes of its START."""
    found = Found(reader.directory)
    for item in reader.chunks(replayer.seq + 1, chain=verify):
        if isinstance(item, Defect):
            found.torn = item
            continue
        chunk = cut(later(item, replayer.seq), until, until_ns)
        found.apply(replayer, chunk, progress)
        if chunk.end < item.end:
            break
    return found.result(replayer)


class Found:
    """What a replay has counted so far."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.began = time.perf_counter()
        self.frames = self.bytes = self.segments = 0
        self.torn: Defect | None = None

    def apply(self, replayer: Replayer, chunk: Chunk, progress: Progress | None) -> None:
        apply_chunk(replayer, chunk)
        self.frames += chunk.frames
        self.bytes += chunk.end - chunk.start
        self.segments += 1
        if progress:
            progress(self.frames, replayer.seq)

    def result(self, replayer: Replayer) -> ReplayResult:
        seconds = time.perf_counter() - self.began
        seq, state_hash = replayer.seq, replayer.state_hash()
        return ReplayResult(
            self.directory, self.frames, self.bytes, self.segments, seconds, seq, state_hash, replayer.checkpoints, replayer.other_logic, self.torn, replayer
        )


def later(chunk: Chunk, seq: int) -> Chunk:
    """The frames of a chunk after a sequence."""
    skipped = min(chunk.frames, max(0, seq + 1 - chunk.first_seq))
    if not skipped:
        return chunk
    start = _offsets(chunk)[skipped] if skipped < chunk.frames else chunk.end
    return chunk._replace(start=start, first_seq=chunk.first_seq + skipped, frames=chunk.frames - skipped)


def cut(chunk: Chunk, until: int, until_ns: int = END) -> Chunk:
    """The frames of a chunk up to a sequence and an engine time."""
    keep = min(chunk.frames, max(0, until + 1 - chunk.first_seq))
    if keep == chunk.frames and until_ns == END:
        return chunk
    at = _offsets(chunk)
    if until_ns != END:
        keep = min(keep, bisect.bisect_right(at, until_ns, key=lambda offset: int(np.frombuffer(chunk.buffer, dtype("FileFrame"), 1, offset)[0]["engine_ns"])))
    return chunk._replace(end=at[keep], frames=keep) if keep < chunk.frames else chunk


def stops(reader: JournalReader, limits: Limits, every: int, first: int = 1, until: int = END) -> Iterator[Replayer]:
    """Replay from an empty state and yield the replayer after each sequence from ``first`` on that is a multiple of ``every``, and at the end.

    Raises
    ------
    JournalCorrupt, ReplayDiffers
        As ``replay``.
    """
    replayer = Replayer(limits)
    for item in reader.chunks(chain=False):
        if isinstance(item, Defect):
            break
        chunk = cut(item, until)
        at = [*_offsets(chunk), chunk.end]
        done = 0
        while done < chunk.frames:
            wanted = max(first, replayer.seq + 1)
            step = min(chunk.frames - done, -(-wanted // every) * every - replayer.seq)
            apply_chunk(replayer, chunk._replace(start=at[done], end=at[done + step], first_seq=chunk.first_seq + done, frames=step))
            done += step
            if replayer.seq >= first and replayer.seq % every == 0:
                yield replayer
        if chunk.frames < item.frames:
            break
    if replayer.seq % every:
        yield replayer


def journal_limits(reader: JournalReader, until: int = END) -> Limits:
    """Table sizes that hold the whole journal: the largest of its STARTs.

    Raises
    ------
    JournalError
        If it does not begin with START.
    """
    found: list[Limits] = []
    for item in reader.chunks(chain=False):
        if isinstance(item, Chunk) and item.first_seq <= until and (limits := limits_in(item)):
            found.append(limits)
    if not found:
        raise JournalError(f"{reader.directory}: there is no START; this is not the first segment of an instance")
    return Limits(**{t: max(getattr(limits, t) for limits in found) for t in TABLES})


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


def _offsets(chunk: Chunk, kind: str = "") -> list[int]:
    numbers = np.empty(chunk.frames, np.uint64)
    n = frames.offsets(chunk.buffer, chunk.start, chunk.end, numbers, _KIND[kind] if kind else 0)
    return [int(at) for at in numbers[:n]]


def _offset_of(chunk: Chunk, seq: int) -> int:
    at = _offsets(chunk)
    k = seq - chunk.first_seq
    return at[k] if 0 <= k < len(at) else chunk.end
