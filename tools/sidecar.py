"""The sidecar process: drains the journal ring to segment files and says how far they are durable.

    to.sidecar (engine) ──take──▶ buffer ──append──▶ page cache ──fdatasync──▶ disk
                  from.sidecar: mark = highest sequence synced, then tail = slots given back

It may block: for the disk, never for a peer. The engine does not wait for it; while the disk is slow the ring fills and the engine refuses
new risk in steps (docs/architecture.md). With durability ``async`` a sync happens at least every ``sync_ms`` while there is new data, with
``local`` after every batch; what arrives meanwhile is the next group.

It tells the engine what it cannot see (``condition`` of its mark): FULL while there is no space, or less than ``reserve_bytes``, SUSPECT for good. Both halt
new risk at once; how late the disk is, the engine sees by the mark itself, also when this process hangs.

Dying: slots are given back only after their sync, so a restarted sidecar finds them in the ring again, skips those that are on disk and goes
on. No space: the batch is tried again, the ring keeps the rest. A failed write or sync: the journal is suspect, nothing is written any more,
the process stays up in state FAILED and keeps the ring until people stop it. SIGTERM: drain until the engine has stopped and the ring is
empty, sync, exit 0; exit 5 when the engine goes on for longer than ``drain_s``.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ringfence.ipc import failpoint, stop
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.regions import owner_alive
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools import journal_archive
from ringfence.tools.errors import JournalFull, JournalSuspect
from ringfence.tools.journal_commit import choose
from ringfence.tools.journal_ring import JournalRing
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.process import attach_when_there, claim_core, idle_kind, read_spec, run, take_region
from ringfence.tools.segments import Disk

BATCH_BYTES = 1 << 20
HEARTBEAT_NS = 50_000_000
FULL_RETRY_S = 0.1
SPACE_LOOK_NS = 1_000_000_000
ARCHIVE_LOOK_S = 600.0
STOPPING_POLL_S = 0.001
ENGINE_WAIT_S = 60.0
COUNTERS = {
    "frames": "frames written",
    "bytes": "bytes written",
    "syncs": "fdatasync calls",
    "skipped": "frames found on disk already after a restart",
    "persisted": "highest sequence covered by a sync",
    "segments": "index of the current segment",
    "full": "appends refused for want of space",
    "suspect": "1 after a write or sync failed",
    "direct": "1 when writes are O_DIRECT|O_DSYNC, 0 with fdatasync",
    "fdatasync_ns": "median of an fdatasync write when this sidecar started; 0: not measured [ns]",
    "direct_ns": "median of an O_DIRECT|O_DSYNC write when this sidecar started; 0: not measured [ns]",
}
HISTOGRAMS = ("sync", "batch_frames")
_STATE = ENUMS["ProcessState"].by_name
_FULL, _SUSPECT = (CONSTANTS[f"RESTRICT_JOURNAL_{name}"][0] for name in ("FULL", "SUSPECT"))


class Sidecar:
    """One sidecar; ``spec`` has instance, epoch, journal_dir, segment_bytes, sync_ms, reserve_bytes, idle, core, drain_s.

    ``disk`` and ``now`` (monotonic [ns]) are what the simulator puts in the place of the host's.
    """

    def __init__(self, spec: dict[str, Any], log: logging.Logger, *, disk: Disk | None = None, now: Callable[[], int] = time.monotonic_ns) -> None:
        self.log, self.now = log, now
        self.disk = disk or Disk()
        instance, epoch, role = spec["instance"], spec["epoch"], ENUMS["Role"].by_name["SIDECAR"]
        self.sync_ns = 0 if spec.get("commit") == "direct" else spec["sync_ms"] * 1_000_000  # direct: what was written is durable
        self.drain_s = spec["drain_s"]
        self.idle = idle_kind(spec["idle"])
        self.writer = JournalWriter(
            Path(spec["journal_dir"]), instance, segment_bytes=spec["segment_bytes"], disk=self.disk, commit=spec.get("commit", "fdatasync")
        )
        if self.writer.repaired:
            log.warning("cut a torn tail, its bytes are in .rfj.broken: %s", self.writer.repaired.error())
        self.mine, adopted = take_region(instance, "from.sidecar", link_sections(None), role=role, epoch=epoch)
        self.metrics = Metrics.create(instance, "sidecar", COUNTERS, HISTOGRAMS, role=role, epoch=epoch)
        self.mine.section("mark")[0]["position"] = self.writer.synced_seq
        self._beat()
        log.info("journal %s continues at sequence %d%s", self.writer.directory, self.writer.next_seq, ", ring taken up again" if adopted else "")
        self.theirs = attach_when_there(instance, "to.sidecar", ENGINE_WAIT_S)
        self.link = Link(self.mine, self.theirs)
        self.ring = JournalRing(self.link)
        self.buffer = bytearray(BATCH_BYTES)
        self.rest = (0, 0)  # of the buffer: bytes that the disk has not taken yet
        self.wait_ns = HEARTBEAT_NS  # for the first frame of a batch
        self.unsynced_since = 0
        self.stop_since = 0
        self.reserve_bytes = spec["reserve_bytes"]
        self.space_due = 0
        self.rules = journal_archive.Rules(spec.get("compress", False), spec.get("keep_days", 0), spec.get("keep_bytes", 0))
        self.archive: subprocess.Popen[bytes] | None = None
        self.archive_due, self.archived = 0.0, 0
        self._look_at_space()
        self._set_gauges()

    def run(self) -> int:
        """Drain until stopped; return the exit code."""
        self.say("RUNNING")
        try:
            while (code := self._finished()) is None:
                self.turn()
                if self.rest[0] < self.rest[1]:
                    time.sleep(FULL_RETRY_S)
        except JournalSuspect as e:
            return self._stay_suspect(str(e))
        finally:
            if self.archive is not None and self.archive.poll() is None:
                self.archive.kill()  # safe at any point
                self.archive.wait()
        self.say("STOPPED")
        return code

    def turn(self) -> int:
        """Take a batch, write it, sync when it is time; return how many frames were taken.

        Raises
        ------
        JournalSuspect
            If the disk failed: nothing is written any more.
        """
        frames = 0
        if self.rest[0] < self.rest[1]:
            self._write()
        else:
            frames = self._take()
        idle = not frames and self.rest[0] >= self.rest[1]
        now = self.now()
        if self.rest[0] >= self.rest[1] and self.unsynced_since and (now - self.unsynced_since >= self.sync_ns or (idle and stop.requested())):
            self._sync()
        elif idle and stop.requested():
            time.sleep(STOPPING_POLL_S)  # take() does not wait any more
        if now >= self.space_due and self.rest[0] >= self.rest[1]:
            self._look_at_space()
            self._start_archive()
        self._beat()
        return frames

    def _take(self) -> int:
        """The next batch from the ring to the disk, or to its first part that the disk takes."""
        wait = self.wait_ns
        if self.unsynced_since:
            wait = max(0, min(wait, self.unsynced_since + self.sync_ns - self.now()))
        size, frames, skipped = self.ring.take(self.buffer, self.writer.next_seq - 1, wait, self.idle)
        if skipped:
            self.metrics.add("skipped", skipped)
            if not frames:
                self.ring.release()  # all of them are synced: opening the journal did it
        if frames:
            self.rest = (0, size)
            self.unsynced_since = self.unsynced_since or self.now()
            self.metrics.add("frames", frames)
            self.metrics.add("bytes", size)
            self.metrics.record("batch_frames", frames)
            self._write()
        return frames

    def _look_at_space(self) -> None:
        """Say FULL before it is: the engine stops new risk while the frames of cancels and executions still find room."""
        self.space_due = self.now() + SPACE_LOOK_NS
        self._tell(_FULL if self.disk.free(self.writer.directory) < self.reserve_bytes else 0)

    def _start_archive(self) -> None:
        """Start a run over the closed segments when one has closed since the last run began, or ARCHIVE_LOOK_S ago it was not yet covered by a snapshot."""
        if self.archive is not None:
            if self.archive.poll() is None:
                return
            if self.archive.returncode:
                self.log.error("the archive run ended with %d: closed segments stay as they are", self.archive.returncode)
            self.archive = None
        now = time.monotonic()
        if self.rules and self.writer.index > 1 and (self.writer.index != self.archived or now >= self.archive_due):
            self.archived, self.archive_due = self.writer.index, now + ARCHIVE_LOOK_S
            self.archive = subprocess.Popen(journal_archive.command(self.writer.directory, self.rules))

    def _tell(self, condition: int) -> None:
        """Set the mark's condition, and log when it changes."""
        mark = self.mine.section("mark")[0]
        before = int(mark["condition"])
        if condition != before:
            mark["condition"] = condition
            if condition & _FULL:
                self.log.error("no space for the journal in %s (reserve %d bytes): new risk is halted", self.writer.directory, self.reserve_bytes)
            elif before & _FULL:
                self.log.info("there is space for the journal again")

    def _write(self) -> None:
        """Write the rest of the batch. No space: what fits is made durable, and the next turn tries again."""
        at, size = self.rest
        failpoint.reached("D1")
        try:
            while at < size:
                at = self.writer.append(self.buffer, at, size)
        except JournalFull as e:
            if self._stopping_for() > self.drain_s:
                raise
            if not int(self.mine.section("mark")[0]["condition"]) & _FULL:
                self.log.error("%s", e)
            self.metrics.add("full")
            self._tell(_FULL)
            self.link.set_mark(self.writer.sync())  # what was appended before; its slots are given back with the rest of the batch
        self.rest = (at, size)

    def _sync(self) -> None:
        begin = self.now()
        persisted = self.writer.sync()
        self.metrics.record("sync", self.now() - begin)
        self.metrics.add("syncs")
        failpoint.reached("D4")
        self.link.set_mark(persisted)
        failpoint.reached("D8")
        self.ring.release()
        self.unsynced_since = 0
        self._set_gauges()

    def _finished(self) -> int | None:
        """None while there is work; else the exit code."""
        if not stop.requested():
            return None
        asked_s = self._stopping_for()
        engine_gone = int(self.theirs.superblock["process_state"]) == _STATE["STOPPED"] or not owner_alive(self.theirs.superblock)
        if engine_gone and not self.ring.waiting and not self.unsynced_since and self.rest[0] >= self.rest[1]:
            return 0
        if asked_s > self.drain_s:
            self.log.error(
                "the engine is still running %g s after this sidecar was asked to stop; %d frames are left in the ring", self.drain_s, self.ring.waiting
            )
            return 5
        return None

    def _stopping_for(self) -> float:
        """Seconds since this process was asked to stop; 0 when it was not."""
        if stop.requested() and not self.stop_since:
            self.stop_since = self.now()
        return (self.now() - self.stop_since) / 1e9 if self.stop_since else 0.0

    def give_up(self, reason: str) -> None:
        """Say that the journal is suspect; nothing is written any more."""
        self.log.critical("%s", reason)
        self._tell(_SUSPECT)
        self.metrics.set("suspect", 1)
        self.say("FAILED")

    def _stay_suspect(self, reason: str) -> int:
        """Write no more; say so until stopped. The ring keeps what is not durable and the engine refuses new risk."""
        self.give_up(reason)
        while not stop.wait(HEARTBEAT_NS / 1e9):
            self._beat()
        return 1

    def _set_gauges(self) -> None:
        self.metrics.set("persisted", self.writer.synced_seq)
        self.metrics.set("segments", self.writer.index)

    def say(self, name: str) -> None:
        """Store a ``ProcessState`` where the others look."""
        for segment in (self.mine, self.metrics.segment):
            segment.set_state(_STATE[name])

    def _beat(self) -> None:
        now = time.time_ns()
        for segment in (self.mine, self.metrics.segment):
            segment.heartbeat(now)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry of ``python -m ringfence.tools.sidecar --spec FILE``."""

    def body(log: logging.Logger) -> int:
        spec = read_spec(argv, "drain the journal ring to segment files")
        claim_core(spec["core"], log)
        commit = choose(Path(spec["journal_dir"]), spec["commit"])
        log.info("journal commits with %s: %s", commit.mode, commit.why)
        sidecar = Sidecar({**spec, "commit": commit.mode}, log)
        for gauge, value in (("direct", commit.mode == "direct"), ("fdatasync_ns", commit.fdatasync_ns), ("direct_ns", commit.direct_ns)):
            sidecar.metrics.set(gauge, int(value))
        return sidecar.run()

    return run("sidecar", body)


if __name__ == "__main__":
    sys.exit(main())
