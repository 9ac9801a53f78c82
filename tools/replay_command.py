"""What ``ringfence replay`` does with its flags: one replay, a record of hashes, a comparison, the life of one order.

    flags ──▶ replay.replay | replay_diff | views.journal.life ──▶ lines or one JSON object; progress on stderr when it is a terminal

Exit 0: it holds; 7: a checkpoint, a frame or a hash differs, or the files are damaged; the rest as everywhere. A snapshot only saves time: what is wrong with
one is said and an older one, or the whole journal, is taken.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringfence.core.replay import Replayer
from ringfence.core.state import State
from ringfence.tools import replay_diff, snapshot
from ringfence.tools.errors import UsageError
from ringfence.tools.journal import JournalFrame, JournalReader
from ringfence.tools.replay import END, ReplayResult, replay
from ringfence.tools.replay_diff import FirstDifference
from ringfence.tools.snapshot import SnapshotUnusable
from ringfence.tools.views import journal as pictures
from ringfence.tools.views.instance import named

DIFFERENT = 7
ROWS_SHOWN = 20


def run(args: argparse.Namespace) -> int:
    """Replay as the flags say; the exit code."""
    directory = pictures.directory(args.dir, None)
    until_ns = nanoseconds(args.at) if args.at else END
    until = END if args.until is None else args.until
    as_json = args.options.output in {"json", "ndjson"}
    if args.diff is not None:
        return _compare(args, directory, as_json)
    if args.record_hashes is not None:
        return _record(args, directory, until, as_json)
    begin = _begin_with_snapshot(directory, until, until_ns) if args.from_snapshot else None
    with Progress(directory, until, as_json) as progress:
        result = replay(directory, args.verify, progress.frames, until=until, until_ns=until_ns, begin=begin)
    _print(result, begin is not None, as_json)
    return 0


def nanoseconds(text: str) -> int:
    """An ISO time as ns since 1970; UTC when it names no zone. To the nanosecond, which ``datetime`` cannot hold.

    Raises
    ------
    UsageError
        If it is none.
    """
    whole, _, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    try:
        moment = datetime.fromisoformat(whole + rest[len(digits) :])
    except ValueError as e:
        raise UsageError(f"--at was {text!r}; allowed: an ISO time such as 2026-01-02T14:02:11.031Z") from e
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + int(digits[:9].ljust(9, "0") or 0)


class Progress:
    """One line on stderr, when that is a terminal and the output is for people."""

    def __init__(self, directory: Path, until: int, as_json: bool) -> None:
        self.shown = sys.stderr.isatty() and not as_json
        self.began = time.perf_counter()
        segments = JournalReader(directory).segments() if self.shown else []
        self.last = min(until, segments[-1].last_seq) if segments else 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def frames(self, count: int, seq: int) -> None:
        if self.shown:
            part = f"{100 * seq / self.last:3.0f} %  " if self.last else ""
            rate = count / max(1e-9, time.perf_counter() - self.began)
            print(f"\r\033[K  {part}{count:,} frames, sequence {seq:,}, {rate:,.0f} frames/s", end="", file=sys.stderr, flush=True)

    def sequence(self, seq: int) -> None:
        self.frames(seq, seq)


def _begin_with_snapshot(directory: Path, until: int, until_ns: int) -> Callable[[], Replayer] | None:
    """How to begin with the newest snapshot that is not later than what is asked for; None when there is none."""
    place = directory.parent / "snapshots"
    for seq in snapshot.newest_snapshot_seqs(place):
        try:
            header = snapshot.read_header(snapshot.snapshot_path(place, seq))
            if header.seq <= until and header.engine_ns <= until_ns:
                replayer = snapshot.load(header, State.in_memory(header.limits))
                return lambda: replayer
        except SnapshotUnusable as e:
            print(f"▲ {e}", file=sys.stderr)
    return None


def _print(result: ReplayResult, from_snapshot: bool, as_json: bool) -> None:
    if as_json:
        torn = {"segment": result.torn.segment, "offset": str(result.torn.offset), "seq": str(result.torn.seq)} if result.torn else None
        head = {"schema": "rf.replay/1", "ts_ns": str(time.time_ns()), "directory": str(result.directory)}
        body = {"frames": result.frames, "frames_per_s": round(result.frames_per_s), "seconds": round(result.seconds, 6), "segments": result.segments}
        state = {"seq": str(result.seq), "state_hash": f"{result.state_hash:016x}", "checkpoints_verified": result.checkpoints_verified, "torn": torn}
        print(json.dumps({**head, **body, **state, "other_logic": result.other_logic, "from_snapshot": from_snapshot}))
        return
    if result.torn:
        print(f"▲ {result.torn.error()}; the {result.frames:,} frames before it were replayed")
    if result.other_logic:
        print(f"▲ {result.other_logic} checkpoints are of another logic version than this build's: not compared")
    rate = f"{result.frames_per_s:,.0f} frames/s"
    begun = "after a snapshot, " if from_snapshot else ""
    print(f"● {begun}{result.frames:,} frames in {result.segments} segments, {result.bytes:,} bytes, {result.seconds:.2f} s, {rate}")
    print(f"  sequence {result.seq:,}, state hash {result.state_hash:016x}, {result.checkpoints_verified} checkpoints hold")


def _record(args: argparse.Namespace, directory: Path, until: int, as_json: bool) -> int:
    file = Path(args.record_hashes)
    with Progress(directory, until, as_json) as progress:
        count = replay_diff.record_hashes(directory, file, args.every, args.first, until, progress.sequence)
    if as_json:
        print(json.dumps({"schema": "rf.replay_hashes/1", "ts_ns": str(time.time_ns()), "directory": str(directory), "file": str(file), "hashes": count}))
    else:
        print(f"● {count:,} state hashes written to {file}; compare: ringfence replay {directory} --diff {file}")
    return 0


def _compare(args: argparse.Namespace, directory: Path, as_json: bool) -> int:
    other = Path(args.diff)
    with Progress(directory, END, as_json) as progress:
        if other.is_dir():
            found = replay_diff.journals(directory, pictures.directory(args.diff, None), words, progress.sequence)
        else:
            found = replay_diff.against_hashes(directory, other, words, progress.sequence)
    if as_json:
        head = {"schema": "rf.replay_diff/1", "ts_ns": str(time.time_ns()), "directory": str(directory), "other": str(other), "equal": found is None}
        print(json.dumps(head | ({"difference": _as_json(found)} if found else {})))
    elif found is None:
        print(f"● {directory} and {other} are equal")
    else:
        _print_difference(found, directory, other)
    return DIFFERENT if found else 0


def _as_json(d: FirstDifference) -> dict[str, Any]:
    return {"seq": str(d.seq), "what": d.what, "ours": d.ours, "theirs": d.theirs, "equal_until": str(d.equal_until), "rows": d.rows}


def _print_difference(d: FirstDifference, directory: Path, other: Path) -> None:
    print(f"✖ sequence {d.seq:,}: the first {d.what} that differs; equal up to {d.equal_until:,}")
    print(f"  {directory}: {d.ours}")
    print(f"  {other}: {d.theirs}")
    for row in d.rows[:ROWS_SHOWN]:
        one, two = [k for k in row if k not in {"table", "row", "field"}]
        print(f"  {row['table']}[{row['row']}].{row['field']}  {one} {row[one]}  {two} {row[two]}")
    if len(d.rows) > ROWS_SHOWN:
        print(f"  and {len(d.rows) - ROWS_SHOWN} more fields; all with --json")
    if d.what == "hash" and not other.is_dir() and d.seq > d.equal_until + 1:
        flags = f"--record-hashes FILE --every 1 --from {d.equal_until + 1} --until {d.seq}"
        print(f"  the very frame: in the other build, ringfence replay {directory} {flags}; then --diff FILE")


def words(frame: JournalFrame) -> str:
    """A frame in one line."""
    kind = named("FrameKind", frame.head["kind"])
    event, key, detail = pictures.describe(kind, frame.payload)
    return " ".join(x for x in (kind, event if event != kind else None, key, detail) if x)
