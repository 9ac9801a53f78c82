"""The shadow process: the same engine code over the same journal, a little later; proves the live engine right and writes the snapshots.

    DATA/journal ──JournalFollower──▶ Replayer (tables of its own) ──every checkpoint: same hash?──▶ DATA/snapshots
                                              └─ no ─▶ control DIVERGENCE (engine: no new risk) ─▶ DATA/divergence/SEQ ─▶ waits for an operator

It is in nobody's way: lowest priority, reads files that are there anyhow, and when it dies it goes on from its own last snapshot. The engine does not know
of it. What it costs is a second set of tables and the processor time of one replay.

A different hash means that the engine and this process do not compute the same from the same inputs: memory was damaged, or the code depends on something
that is not in the journal. Neither is known to be right, so nothing is repaired: new risk is halted by a journaled command, both tables are kept with the
rows in which they differ, no snapshot is written any more. After ``ringfence resume`` it begins again from its last snapshot, which is older than the
difference; one that was raised once is not raised again by a restart.

What can fail: JournalCorrupt of the reader (exit 7, not started again); the control socket may be away, then it is tried again until it answers; a
snapshot that cannot be written is logged and tried at the next time. Rejected: comparing with the live tables on the fly (they are always further),
fixing the shadow's tables by the engine's (it would follow the error).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.core.errors import StateMismatch
from ringfence.core.replay import Replayer
from ringfence.core.state import Limits, State
from ringfence.ipc import stop
from ringfence.ipc.errors import IpcError, RegionMissing
from ringfence.ipc.layout import dtype
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.ipc.segment import Segment
from ringfence.tools import control_client, frames, snapshot
from ringfence.tools.errors import ToolError
from ringfence.tools.follow import JournalFollower
from ringfence.tools.journal import Chunk
from ringfence.tools.process import read_spec, run
from ringfence.tools.recovery import recover
from ringfence.tools.replay import ReplayDiffers, apply_chunk
from ringfence.tools.snapshot import SnapshotUnusable
from ringfence.tools.table_differences import differences, used_tables

NICE = 10
POLL_S = 0.02
TELL_AGAIN_S = 1.0
COMPARE_S = 3.0
DURABLE_WAIT_S = 2.0
LIVE_POLL_S = 0.25
COUNTERS = {
    "sequence": "last journal sequence applied",
    "behind": "frames that the engine has journaled and this process has not applied",
    "verified": "checkpoints with the engine's hash",
    "unverified": "checkpoints of another logic version, which say nothing",
    "snapshots": "snapshots written",
    "snapshot_seq": "sequence of the last one",
    "snapshot_failures": "snapshots that could not be written",
    "divergences": "checkpoints with another hash",
}
_STATE = ENUMS["ProcessState"].by_name
_ROLE = ENUMS["Role"].by_name["SHADOW"]
_CHECKPOINT = ENUMS["FrameKind"].by_name["CHECKPOINT"]
_HEAD_BYTES = RECORDS["FileFrame"].size
_LOGIC_AT = RECORDS["Checkpoint"].offsets["logic"]
_DIVERGED = CONSTANTS["RESTRICT_DIVERGENCE"][0]


@dataclass(frozen=True)
class Difference:
    """One checkpoint with another hash; ``rows`` 0: of everything."""

    seq: int
    engine_hash: int
    shadow_hash: int
    inputs: int
    first_row: int
    rows: int


@dataclass
class Divergence:
    """A difference and what was done about it."""

    difference: Difference
    directory: Path  # of both tables
    former: bool  # a former run raised it: it is not raised again
    told: bool
    kept: bool
    tell_at: float
    compare_until: float
    halted: bool = False  # the journal has our DIVERGENCE


class Shadow:
    """One shadow; ``spec`` has instance, epoch, limits, journal_dir, snapshot_dir, divergence_dir, snapshot_every_s, keep."""

    def __init__(self, spec: dict[str, Any], log: logging.Logger) -> None:
        self.spec, self.log = spec, log
        self.instance = str(spec["instance"])
        self.journal_dir, self.snapshot_dir, self.divergence_dir = (Path(spec[n]) for n in ("journal_dir", "snapshot_dir", "divergence_dir"))
        self.metrics = Metrics.create(self.instance, "shadow", COUNTERS, (), role=_ROLE, epoch=int(spec["epoch"]))
        self.divergence: Divergence | None = None
        self.snapshot_due = time.monotonic() + spec["snapshot_every_s"]
        self.snapshot_seq = 0
        self.live_due = 0.0
        self.replayer: Replayer
        self.follower: JournalFollower

    def run(self) -> int:
        """Follow until stopped; the exit code."""
        self.begin()
        while True:
            stopping = stop.requested()
            moved = self.turn()
            if stopping and not moved:
                break
            if not moved:
                stop.wait(POLL_S)
        if self.divergence is None and self.durable_seq() >= self.replayer.seq:
            self.write_snapshot()
        self.say("STOPPED")
        return 0

    def begin(self) -> None:
        """Take up the state of the last snapshot and what the journal has since."""
        self.say("RECOVERING")
        begin = time.monotonic()
        self.divergence = None
        limits = Limits(**self.spec["limits"])
        state = State.in_memory(limits, touched=True)
        try:
            self.replayer, _ = recover(self.journal_dir, state, {}, self.beat, snapshots=self.snapshot_dir, instance=self.instance, live=True)
        except ReplayDiffers as e:
            self.log.error("a checkpoint differs after the last snapshot, comparing the journal from its beginning: %s", e)
            self.replayer = Replayer(state=State.in_memory(limits, touched=True))
        self.follower = JournalFollower(self.journal_dir, self.replayer.seq)
        self.snapshot_seq = max(snapshot.newest_snapshot_seqs(self.snapshot_dir), default=0)
        self.metrics.set("snapshot_seq", self.snapshot_seq)
        self.publish()
        self.log.info("follows from sequence %d, reached in %.3f s", self.replayer.seq, time.monotonic() - begin)
        self.say("RUNNING")

    def turn(self) -> bool:
        """Apply what is new, see to snapshot or divergence; whether anything was new."""
        due = self.divergence is None and time.monotonic() >= self.snapshot_due
        chunk = None if due else self.follower.read()
        if chunk is not None:
            self.apply(chunk)
        if self.divergence is not None:
            self.see_to(self.divergence)
        elif due:
            self.snapshot_when_durable()
        if time.monotonic() >= self.live_due:
            self.publish()
        self.beat()
        return chunk is not None

    def apply(self, chunk: Chunk) -> None:
        """Apply a run of frames; after a divergence without comparing, to catch up with the engine's tables."""
        if self.divergence is not None:
            chunk = unverified(chunk)
        try:
            apply_chunk(self.replayer, chunk)
        except ReplayDiffers as e:
            self.diverged(chunk, e)

    # ---- divergence

    def diverged(self, chunk: Chunk, error: ReplayDiffers) -> None:
        """Raise it, then go on with the rest of the chunk unverified."""
        mismatch = error.__cause__
        if not isinstance(mismatch, StateMismatch):
            raise error
        at = self.replayer.skip(chunk.buffer, chunk.start, chunk.end)
        c = np.frombuffer(chunk.buffer, dtype("Checkpoint"), 1, at + _HEAD_BYTES)[0]
        difference = Difference(mismatch.seq, mismatch.expected, mismatch.found, int(c["inputs"]), int(c["first_row"]), int(c["rows"]))
        directory = self.divergence_dir / f"{mismatch.seq:020d}"
        former = directory.exists()
        self.divergence = Divergence(difference, directory, former, former, former, 0.0, time.monotonic() + COMPARE_S)
        self.metrics.add("divergences")
        self.say("FAILED")
        where = f"rows {difference.first_row} to {difference.first_row + difference.rows - 1}" if difference.rows else "every row"
        text = "divergence: at sequence %d the engine has state hash %016x, the shadow %016x (%s); new risk is halted, snapshots stop; see %s"
        self.log.critical(text, mismatch.seq, mismatch.expected, mismatch.found, where, directory)
        left = chunk.first_seq + chunk.frames - mismatch.seq
        apply_chunk(self.replayer, unverified(chunk._replace(start=at, first_seq=mismatch.seq, frames=left)))

    def see_to(self, d: Divergence) -> None:
        """Tell the engine, keep both tables, and wait for the operator's resume."""
        restricted = bool(int(self.replayer.state.table("engine")[1]["restrictions"]) & _DIVERGED)
        resumed, d.halted = d.halted and not restricted, restricted
        if not d.told:
            self.tell(d)
        elif not d.kept:
            self.keep(d)
        elif resumed and not d.former:
            self.log.warning("an operator resumed: beginning again from the last snapshot")
            self.follower.close()
            self.begin()

    def tell(self, d: Divergence) -> None:
        if time.monotonic() < d.tell_at:
            return
        d.tell_at = time.monotonic() + TELL_AGAIN_S
        try:
            control_client.request(self.instance, {"op": "divergence", "reason": f"shadow differs at sequence {d.difference.seq}", **asdict(d.difference)})
        except (ToolError, OSError) as e:
            self.log.error("the engine is not told yet, trying again: %s", e)
            return
        d.told = True

    def keep(self, d: Divergence) -> None:
        """Keep both tables: at the same sequence when the engine stands still for a moment, else as they are."""
        live = live_tables(self.instance)
        exact = live is not None and int(live["engine"][0]["seq"]) == self.replayer.seq
        if not exact and time.monotonic() < d.compare_until:
            return
        mine = used_tables(self.replayer.state.table)
        rows = differences(live, mine) if live is not None else []
        fresh = d.directory.with_suffix(".new")
        fresh.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(fresh / "shadow.npz", allow_pickle=False, **mine)
        if live is not None:
            np.savez_compressed(fresh / "engine.npz", allow_pickle=False, **live)
        hashes = {"engine_hash": f"{d.difference.engine_hash:016x}", "shadow_hash": f"{d.difference.shadow_hash:016x}"}
        report = asdict(d.difference) | hashes | {"compared_at": self.replayer.seq, "exact": exact, "rows_differing": rows}
        (fresh / "report.json").write_text(json.dumps(report, indent=1) + "\n")
        fresh.rename(d.directory)
        d.kept = True
        shown = "; ".join(f"{r['table']}[{r['row']}].{r['field']}: engine {r['engine']}, shadow {r['shadow']}" for r in rows[:3])
        self.log.critical("%d fields differ at sequence %d%s: %s", len(rows), self.replayer.seq, "" if exact else " or moved on meanwhile", shown or "none")

    # ---- snapshots and what others see

    def snapshot_when_durable(self) -> None:
        """Hold still until the disk has what was applied: a snapshot must not know more than the journal after a crash of the host."""
        if self.durable_seq() >= self.replayer.seq:
            self.write_snapshot()
        elif time.monotonic() >= self.snapshot_due + DURABLE_WAIT_S:
            self.snapshot_due = time.monotonic() + self.spec["snapshot_every_s"]
            self.log.warning("no snapshot: the journal was not synced up to sequence %d within %g s", self.replayer.seq, DURABLE_WAIT_S)

    def durable_seq(self) -> int:
        """What the sidecar has synced; 0 when it is not there."""
        try:
            with Segment.attach(self.instance, "from.sidecar") as region:
                return int(region.section("mark")[0]["position"])
        except (RegionMissing, IpcError):
            return 0

    def write_snapshot(self) -> None:
        """Write one when anything was applied since the last."""
        self.snapshot_due = time.monotonic() + self.spec["snapshot_every_s"]
        if self.replayer.seq == self.snapshot_seq:
            return
        begin = time.monotonic()
        try:
            path = snapshot.write(self.snapshot_dir, self.replayer, self.instance, self.spec["keep"])
        except (OSError, SnapshotUnusable) as e:
            self.metrics.add("snapshot_failures")
            self.log.error("no snapshot at sequence %d, the older ones stay: %s", self.replayer.seq, e)
            return
        self.snapshot_seq = self.replayer.seq
        self.metrics.add("snapshots")
        self.metrics.set("snapshot_seq", self.snapshot_seq)
        self.log.info("snapshot %s: %d bytes in %.3f s", path.name, path.stat().st_size, time.monotonic() - begin)

    def publish(self) -> None:
        self.live_due = time.monotonic() + LIVE_POLL_S
        try:
            with Segment.attach(self.instance, "state") as region:
                live = int(region.section("engine")[1]["seq"])
        except (RegionMissing, IpcError):
            live = self.replayer.seq  # it is being started
        self.metrics.set("sequence", self.replayer.seq)
        self.metrics.set("behind", max(0, live - self.replayer.seq))
        self.metrics.set("verified", self.replayer.checkpoints)
        self.metrics.set("unverified", self.replayer.other_logic)

    def say(self, state: str) -> None:
        self.beat()
        self.metrics.segment.set_state(_STATE[state])

    def beat(self) -> None:
        self.metrics.segment.heartbeat(time.time_ns())

    def close(self) -> None:
        self.follower.close()
        self.metrics.close()


def unverified(chunk: Chunk) -> Chunk:
    """A copy of a chunk whose checkpoints are of no known logic: applied, and compared with nothing."""
    buffer = bytearray(chunk.buffer[chunk.start : chunk.end])
    numbers = np.empty(chunk.frames, np.uint64)
    count = frames.offsets(buffer, 0, len(buffer), numbers, _CHECKPOINT)
    for at in numbers[:count].tolist():
        buffer[at + _HEAD_BYTES + _LOGIC_AT : at + _HEAD_BYTES + _LOGIC_AT + 4] = b"\xff" * 4
    return chunk._replace(buffer=memoryview(buffer), start=0, end=len(buffer))


def live_tables(instance: str) -> dict[str, Any] | None:
    """The used rows of the engine's tables, copied while it stood still; None when it moved meanwhile, or is not there."""
    try:
        with Segment.attach(instance, "state") as region:
            before = int(region.section("engine")[1]["seq"])
            tables = used_tables(region.section)
            return tables if int(region.section("engine")[1]["seq"]) == before else None
    except (RegionMissing, IpcError):
        return None


def main(argv: Sequence[str] | None = None) -> int:
    """Entry of ``python -m ringfence.tools.shadow --spec FILE``."""

    def body(log: logging.Logger) -> int:
        spec = read_spec(argv, "follow the journal with a second engine, compare, write snapshots")
        os.nice(NICE)
        return Shadow(spec, log).run()

    return run("shadow", body)


if __name__ == "__main__":
    sys.exit(main())
