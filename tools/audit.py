"""Audit a recorded journal: replay it through the engine's code and hold every step against the independent oracle.

    DATA/journal/*.rfj ──JournalReader──▶ frame ─┬─▶ core.replay.Replayer ─▶ tables ─┐
                                                └─▶ Oracle (its own model) ─────────┴─▶ violations of I1 to I22

A replay shows that the code does the same again; an audit asks whether what it does is right. The wire and the venue's own books are not in a journal, so
I1, I13, I19 and the venue's side of I5 and I6 are not seen here, nor the reject codes of I20; the density of the journal and of every source ring is. The whole
history is needed, from START on.

What fails: JournalCorrupt and JournalError as a replay; a violation is a result (exit 7), not an error. Memory: the tables, the oracle's model and its copy
of every frame. Rejected: trusting recorded checkpoints instead of tables (a hash says that something differs, not what).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ringfence.core.errors import ReplayError, StateMismatch
from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.tools.defects import Defect
from ringfence.tools.errors import JournalCorrupt, JournalError
from ringfence.tools.journal import Chunk, JournalReader
from ringfence.tools.replay import TABLES, ReplayDiffers, limits_in
from ringfence.tools.simulation.invariants import BY_NAME, Violation
from ringfence.tools.simulation.oracle import Oracle

DIFFERENT = 7
HEAD_BYTES = 64
SHOWN_MAX = 20
PROGRESS_EVERY = 20_000

Progress = Callable[[int, int], None]


@dataclass
class Audit:
    """What an audit found; ``violations`` is empty when all holds."""

    directory: Path
    frames: int = 0
    seq: int = 0
    seconds: float = 0.0
    state_hash: int = 0
    torn: Defect | None = None
    violations: list[Violation] = field(default_factory=list)
    uncovered: list[str] = field(default_factory=list)  # controls that were in force and that the oracle does not follow


def audit(directory: Path | str, progress: Progress | None = None) -> Audit:
    """Audit the journal in ``directory``; ends at the first frame after which an invariant does not hold, with all that does not hold then.

    Raises
    ------
    JournalCorrupt
        At a defect that is not a torn tail, or a frame that the state cannot take; ReplayDiffers at a checkpoint with another hash.
    JournalError
        If there is no such journal, or it does not begin with START.
    """
    reader = JournalReader(directory)
    found = Audit(reader.directory)
    begin = time.perf_counter()
    replayer, oracle = Replayer(history_limits(reader)), Oracle()
    for item in reader.chunks():
        if isinstance(item, Defect):
            found.torn = item
        elif not _chunk(item, replayer, oracle, found, progress):
            break
    found.violations += [v for v in oracle.check_all(replayer.state) if v not in found.violations]
    found.uncovered = oracle.uncovered()
    found.seq, found.state_hash, found.seconds = replayer.seq, replayer.state_hash(), time.perf_counter() - begin
    return found


def _chunk(chunk: Chunk, replayer: Replayer, oracle: Oracle, found: Audit, progress: Progress | None) -> bool:
    """Take the frames of one segment; False at a violation."""
    at = chunk.start
    while at < chunk.end:
        end = at + (int.from_bytes(chunk.buffer[at : at + 4], "little") + 7 & ~7)
        frame = bytes(chunk.buffer[at:end])
        try:
            replayer.apply_buffer(chunk.buffer, at, end)
        except ReplayError as e:
            kind = ReplayDiffers if isinstance(e, StateMismatch) else JournalCorrupt
            raise kind(str(e), chunk.segment.index, chunk.segment.path, at, replayer.seq + 1) from e
        oracle.frame(frame[:HEAD_BYTES], frame[HEAD_BYTES:])
        found.violations = oracle.check_step(replayer.state)
        found.frames += 1
        at = end
        if found.violations:
            return False
        if progress and found.frames % PROGRESS_EVERY == 0:
            progress(found.frames, replayer.seq)
    return True


def history_limits(reader: JournalReader) -> Limits:
    """The largest table sizes that a START of the journal asks for, as a replay ends up with."""
    sizes: dict[str, int] = {}
    for item in reader.chunks(chain=False):
        wanted = None if isinstance(item, Defect) else limits_in(item)
        if wanted is not None:
            sizes = {name: max(sizes.get(name, 0), getattr(wanted, name)) for name in TABLES}
    if not sizes:
        raise JournalError(f"{reader.directory}: the journal does not begin with START; an audit needs the history from its first segment on")
    return Limits(**sizes)


def command(directory: Path | str, as_json: bool = False) -> int:
    """Audit and print; what ``ringfence journal audit DIR`` does. Exit 0, or 7 when an invariant does not hold.

    Raises
    ------
    JournalError
        As ``audit``; the exit code is the error's.
    """
    shown = sys.stderr.isatty() and not as_json
    result = audit(directory, _progress if shown else None)
    if shown:
        print("\r\033[K", end="", file=sys.stderr)
    if as_json:
        head = {"schema": "rf.journal_audit/1", "ts_ns": str(time.time_ns()), "directory": str(result.directory), "ok": not result.violations}
        body = {"frames": result.frames, "seq": str(result.seq), "state_hash": f"{result.state_hash:016x}", "seconds": round(result.seconds, 6)}
        rows = [{"invariant": v.invariant, "rule": BY_NAME[v.invariant].text, "seq": str(v.seq), "found": v.text} for v in result.violations]
        print(json.dumps({**head, **body, "torn": str(result.torn.error()) if result.torn else None, "uncovered": result.uncovered, "rows": rows}))
        return DIFFERENT if result.violations else 0
    if result.torn:
        print(f"▲ {result.torn.error()}; the {result.frames:,} frames before it were audited")
    if result.uncovered:
        print(f"▲ controls that this audit does not follow were in force, what they did shows as I2, I14 or I20: {', '.join(result.uncovered)}")
    for v in result.violations[:SHOWN_MAX]:
        print(f"✖ {v}")
    if not result.violations:
        print(f"● {result.frames:,} frames, sequence {result.seq:,}: every invariant that a journal shows holds, {result.seconds:.2f} s")
    return DIFFERENT if result.violations else 0


def _progress(count: int, seq: int) -> None:
    print(f"\r  {count:,} frames, sequence {seq:,}", end="", file=sys.stderr, flush=True)
