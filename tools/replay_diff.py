"""Where two histories part: two journals, or one journal and the state hashes that another build recorded from it.

    journal ─┬─ journals ──▶ first frame that differs, the rows of both tables after it
             ├─ record_hashes ──▶ HASHES.json: the state hash every N sequences
             └─ against_hashes ◀── HASHES.json of another build: the first hash that differs (the release gate)

Equal inputs must give equal states in every build of one logic version: that is the gate. Hashes of another logic version or record layout are not
comparable and are refused. Reads only; memory: one set of tables (two while rows are compared) and a segment of each journal.

What can fail: JournalCorrupt and JournalError of the readers; UsageError when the file of hashes is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ringfence import __version__
from ringfence.core.replay import Replayer
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS, LAYOUT_HASH
from ringfence.tools import frames
from ringfence.tools.errors import JournalCorrupt, JournalError, Refused, UsageError
from ringfence.tools.journal import PAYLOADS, Chunk, JournalFrame, JournalReader
from ringfence.tools.replay import END, journal_limits, later, replay, stops
from ringfence.tools.table_differences import differences, used_tables

SCHEMA = "rf.hashes/1"
LOGIC = CONSTANTS["LOGIC_VERSION"][0]
_CHECKPOINT = ENUMS["FrameKind"].by_name["CHECKPOINT"]
_HASH_ONLY = {"state_hash"}
Progress = Callable[[int], None]


@dataclass(frozen=True)
class FirstDifference:
    """``what``: ``frame`` (the inputs differ), ``hash`` (inputs are equal, a hash is not), ``end`` (one goes on); values in words."""

    seq: int
    what: str
    ours: str
    theirs: str
    equal_until: int
    rows: list[dict[str, Any]] = field(default_factory=list)


# ---- two journals ------------------------------------------------------------------------------------------------------


def journals(ours: Path, theirs: Path, describe: Callable[[JournalFrame], str], progress: Progress = lambda _seq: None) -> FirstDifference | None:
    """Return where two journals part; None when they are equal to the end.

    Parameters
    ----------
    describe : callable
        A frame in words.
    """
    readers = (JournalReader(ours), JournalReader(theirs))
    first = max(_first_seq(reader) for reader in readers)
    streams = [_runs(reader, first) for reader in readers]
    runs: list[Chunk | None] = [next(stream, None) for stream in streams]
    seq = first - 1
    while (a := runs[0]) is not None and (b := runs[1]) is not None:
        size = min(a.end - a.start, b.end - b.start)
        one, other = (np.frombuffer(c.buffer, np.uint8, size, c.start) for c in (a, b))
        unequal = np.flatnonzero(one != other)
        if len(unequal):
            at = _frame_at(a, a.start + int(unequal[0])) - a.start
            return _frame_difference(ours, theirs, _frame(a, a.start + at), _frame(b, b.start + at), describe)
        count = min(a.frames, b.frames)
        seq += count
        progress(seq)
        for k, c in enumerate((a, b)):
            left = c._replace(start=c.start + size, first_seq=c.first_seq + count, frames=c.frames - count)
            runs[k] = left if left.frames else next(streams[k], None)
    if runs[0] is runs[1] is None:
        return None
    says = [f"goes on with sequence {seq + 1}" if run is not None else f"ends with sequence {seq}" for run in runs]
    return FirstDifference(seq + 1, "end", says[0], says[1], seq)


def _first_seq(reader: JournalReader) -> int:
    segments = reader.segments()
    if not segments:
        raise JournalError(f"{reader.directory}: holds no segment to compare")
    return segments[0].first_seq


def _runs(reader: JournalReader, first: int) -> Iterator[Chunk]:
    for item in reader.chunks(first, chain=False):
        if isinstance(item, Chunk) and (chunk := later(item, first - 1)).frames:
            yield chunk


def _frame_at(chunk: Chunk, byte: int) -> int:
    """Offset of the frame that holds a byte of the buffer."""
    numbers = np.empty(chunk.frames, np.uint64)
    frames.offsets(chunk.buffer, chunk.start, chunk.end, numbers)
    return int(numbers[np.searchsorted(numbers, byte, side="right") - 1])


def _frame(chunk: Chunk, at: int) -> JournalFrame:
    head = np.frombuffer(chunk.buffer, dtype("FileFrame"), 1, at)[0]
    return JournalFrame(chunk.segment.index, at, head, np.frombuffer(chunk.buffer, PAYLOADS[int(head["kind"])], 1, at + head.dtype.itemsize)[0])


def _frame_difference(ours: Path, theirs: Path, a: JournalFrame, b: JournalFrame, describe: Callable[[JournalFrame], str]) -> FirstDifference:
    seq = int(a.head["seq"])
    if _same_but_hash(a, b):
        mine = replay(ours, verify=False, until=seq - 1).replayer.state
        rows = int(a.payload["rows"])
        here = mine.window_hash(int(a.payload["first_row"]), rows) if rows else mine.state_hash()
        said = [f"state hash {int(f.payload['state_hash']):016x}" + (" (so does this build)" if int(f.payload["state_hash"]) == here else "") for f in (a, b)]
        return FirstDifference(seq, "hash", said[0], said[1], seq - 1)
    fields = [f"{name} {_value(a, name)} ≠ {_value(b, name)}" for name in _unequal_fields(a, b)]
    said = [f"{describe(a)}{'  ' + ', '.join(fields) if fields else ''}", describe(b)]
    return FirstDifference(seq, "frame", said[0], said[1], seq - 1, _rows_after(ours, theirs, seq))


def _same_but_hash(a: JournalFrame, b: JournalFrame) -> bool:
    kinds = {int(f.head["kind"]) for f in (a, b)}
    return kinds == {_CHECKPOINT} and set(_unequal_fields(a, b)) <= _HASH_ONLY


def _unequal_fields(a: JournalFrame, b: JournalFrame) -> list[str]:
    """Fields of heads, and of payloads of one kind, that differ; what follows from the bytes (CRC) is left out."""
    out = [n for n in a.head.dtype.names if n not in {"crc", "length"} and a.head[n].tobytes() != b.head[n].tobytes()]
    if a.payload.dtype == b.payload.dtype:
        out += [n for n in a.payload.dtype.names if a.payload[n].tobytes() != b.payload[n].tobytes()]
    return out


def _value(frame: JournalFrame, name: str) -> str:
    row = frame.payload if name in frame.payload.dtype.names else frame.head
    return str(row[name])


def _rows_after(ours: Path, theirs: Path, seq: int) -> list[dict[str, Any]]:
    """The rows in which the tables of the two differ after a sequence; [] when one of them cannot be replayed so far."""
    try:
        tables = [used_tables(replay(path, verify=False, until=seq).replayer.state.table) for path in (ours, theirs)]
    except (JournalError, JournalCorrupt):
        return []
    return differences(tables[0], tables[1], ("ours", "theirs"))


# ---- hashes of another build -------------------------------------------------------------------------------------------


def record_hashes(directory: Path, file: Path, every: int, first: int = 1, until: int = END, progress: Progress = lambda _seq: None) -> int:
    """Write the state hash after every multiple of ``every`` from ``first`` on, and at the end; return how many there are."""
    reader = JournalReader(directory)
    found = []
    for replayer in stops(reader, journal_limits(reader, until), every, first, until):
        found.append([str(replayer.seq), f"{replayer.state_hash():016x}", f"{replayer.frame_crc:08x}"])
        progress(replayer.seq)
    head = {"schema": SCHEMA, "version": __version__, "logic": LOGIC, "layout": f"{LAYOUT_HASH:016x}", "every": every, "first": str(first)}
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(json.dumps({**head, "hashes": found}, indent=0) + "\n")
    fresh.rename(file)
    return len(found)


def against_hashes(directory: Path, file: Path, describe: Callable[[JournalFrame], str], progress: Progress = lambda _seq: None) -> FirstDifference | None:
    """Replay and compare with the hashes in ``file``; None when all hold.

    Raises
    ------
    UsageError
        If the file is no record of hashes.
    Refused
        If it is of another logic version or record layout.
    """
    recorded = _read_hashes(file)
    reader = JournalReader(directory)
    wanted = {int(seq): (value, crc) for seq, value, crc in recorded["hashes"]}
    last = max(wanted, default=0)
    equal_until = 0
    for replayer in stops(reader, journal_limits(reader, last), int(recorded["every"]), int(recorded["first"]), last):
        if replayer.seq not in wanted:
            continue
        value, crc = wanted.pop(replayer.seq)
        mine = (f"{replayer.state_hash():016x}", f"{replayer.frame_crc:08x}")
        if mine[1] != crc:
            return FirstDifference(replayer.seq, "frame", f"frame with CRC32C {mine[1]}", f"frame with CRC32C {crc}: of another journal", equal_until)
        if mine[0] != value:
            return _hash_difference(directory, replayer, mine[0], value, equal_until, describe)
        equal_until = replayer.seq
        progress(replayer.seq)
    if wanted:
        return FirstDifference(equal_until + 1, "end", f"ends with sequence {equal_until}", f"has hashes up to sequence {last}", equal_until)
    return None


def _hash_difference(directory: Path, replayer: Replayer, mine: str, theirs: str, equal_until: int, describe: Callable[[JournalFrame], str]) -> FirstDifference:
    """With the very frame known: what it is, and what it did here."""
    rows: list[dict[str, Any]] = []
    what = ""
    if replayer.seq == equal_until + 1 and equal_until:
        before = used_tables(replay(directory, verify=False, until=equal_until).replayer.state.table)
        rows = differences(before, used_tables(replayer.state.table), ("before", "after"))
        what = f" after {describe(next(JournalReader(directory).frames(replayer.seq)))}"
    return FirstDifference(replayer.seq, "hash", f"state hash {mine}{what}", f"state hash {theirs}", equal_until, rows)


def _read_hashes(file: Path) -> dict[str, Any]:
    try:
        recorded = json.loads(file.read_text())
    except ValueError as e:
        raise UsageError(f"{file}: no record of hashes ({e}); make one with ringfence replay DIR --record-hashes FILE") from e
    if not isinstance(recorded, dict) or recorded.get("schema") != SCHEMA:
        raise UsageError(f"{file}: no record of hashes ({SCHEMA}); make one with ringfence replay DIR --record-hashes FILE")
    if recorded["logic"] != LOGIC or recorded["layout"] != f"{LAYOUT_HASH:016x}":
        was = f"logic version {recorded['logic']}, layout {recorded['layout']}"
        raise Refused(f"{file}: recorded with {was}, this build has logic version {LOGIC}, layout {LAYOUT_HASH:016x}: hashes need not be equal")
    return recorded
