"""The sidecar as a real process: what the engine publishes is on disk once, whatever is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from engine_side import EngineSide, assert_journal_is

from ringfence.ipc.errors import RingFull
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import frames
from ringfence.tools.journal import JournalReader
from ringfence.tools.segments import HEADER_BYTES, segment_path

STATE = ENUMS["ProcessState"].by_name
Slots = Callable[..., np.ndarray]


def test_sidecar_when_frames_arrive_persists_them_and_gives_slots_back(engine: Callable[..., EngineSide], journal_slots: Slots, tmp_path: Path) -> None:
    side = engine(slots=64)
    process = side.start()
    slots = journal_slots(1, 1000)
    side.send(slots)
    side.wait_persisted(1000)
    side.until(lambda: side.connect().depth == 0)
    counters = Metrics.attach(side.instance, "sidecar").counters()
    assert (counters["frames"], counters["persisted"], counters["suspect"]) == (1000, 1000, 0)
    side.region.set_state(STATE["STOPPED"])
    process.terminate()
    assert process.wait(30) == 0, side.log
    assert_journal_is(tmp_path / "journal", slots)


@pytest.mark.parametrize("commit", ["fdatasync", "direct"])
def test_sidecar_when_killed_mid_stream_loses_and_repeats_nothing(engine: Callable[..., EngineSide], journal_slots: Slots, tmp_path: Path, commit: str) -> None:
    side = engine(slots=128, commit=commit)
    slots = journal_slots(1, 3000)
    process = side.start()
    for k in range(10):
        side.send(slots[k * 300 : k * 300 + 250])
        process.send_signal(signal.SIGKILL)
        process.wait()
        process = side.start()
        side.send(slots[k * 300 + 250 : k * 300 + 300])
    side.wait_persisted(3000)
    side.region.set_state(STATE["STOPPED"])
    process.terminate()
    assert process.wait(30) == 0, side.log
    assert_journal_is(tmp_path / "journal", slots)


def test_sidecar_when_engine_is_stopped_drains_the_ring_first(engine: Callable[..., EngineSide], journal_slots: Slots, tmp_path: Path) -> None:
    side = engine(slots=1024)
    process = side.start()
    side.connect()
    side.until(lambda: "continues at sequence 1" in side.log)
    process.send_signal(signal.SIGSTOP)
    slots = journal_slots(1, 900)
    side.send(slots)
    side.region.set_state(STATE["STOPPED"])
    process.terminate()
    process.send_signal(signal.SIGCONT)
    assert process.wait(30) == 0, side.log
    assert_journal_is(tmp_path / "journal", slots)


def test_sidecar_when_tail_is_torn_says_so_and_goes_on(engine: Callable[..., EngineSide], journal_slots: Slots, tmp_path: Path) -> None:
    side = engine()
    process = side.start()
    slots = journal_slots(1, 20)
    side.send(slots[:10])
    side.wait_persisted(10)
    process.kill()
    process.wait()
    used = JournalReader(tmp_path / "journal").segments()[-1].used_bytes
    with open(segment_path(tmp_path / "journal", 1), "r+b") as file:
        file.seek(used)
        file.write(frames.encode(slots[10:11])[:70])
    side.start()
    side.send(slots[10:])
    side.wait_persisted(20)
    assert "cut a torn tail" in side.log
    assert_journal_is(tmp_path / "journal", slots)


def test_sidecar_when_journal_is_corrupt_exits_7_and_names_the_place(engine: Callable[..., EngineSide], journal_slots: Slots, tmp_path: Path) -> None:
    side = engine()
    process = side.start()
    side.send(journal_slots(1, 10))
    side.wait_persisted(10)
    process.kill()
    process.wait()
    with open(segment_path(tmp_path / "journal", 1), "r+b") as file:
        file.seek(HEADER_BYTES + 20)
        file.write(b"\xff\xff")
    assert side.start().wait(30) == 7
    assert f"segment 1, offset {HEADER_BYTES}, sequence 1: corrupt" in side.log


def test_sidecar_when_journal_files_are_gone_refuses_the_ring(engine: Callable[..., EngineSide], journal_slots: Slots, tmp_path: Path) -> None:
    side = engine()
    process = side.start()
    side.send(journal_slots(1, 10))
    side.wait_persisted(10)
    process.kill()
    process.wait()
    segment_path(tmp_path / "journal", 1).unlink()
    side.send(journal_slots(11, 5))
    assert side.start().wait(30) == 1
    assert "do not continue the journal, which calls for 1" in side.log


def test_sidecar_when_slot_is_garbage_stops_and_says_so(engine: Callable[..., EngineSide], journal_slots: Slots) -> None:
    side = engine()
    process = side.start()
    slots = journal_slots(1, 2)
    slots.view(np.uint8).reshape(2, -1)[1, 38] = 200
    side.send(slots)
    assert process.wait(30) == 3
    assert "frame 2 has a kind or payload size that cannot be" in side.log


def test_sidecar_when_file_size_is_limited_keeps_the_ring_and_resumes(engine: Callable[..., EngineSide], journal_slots: Slots, tmp_path: Path) -> None:
    import resource

    side = engine(slots=64, segment_bytes=8192)
    process = side.start()
    slots = journal_slots(1, 200)
    side.send(slots[:10])
    side.wait_persisted(10)
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, hard))
    link = side.connect()
    sent = 10
    full = False
    end = time.monotonic() + 20
    while not full and time.monotonic() < end:
        try:
            link.send(slots[sent])
            sent += 1
        except RingFull:
            full = Metrics.attach(side.instance, "sidecar").counters()["full"] > 0
            time.sleep(0.002)
    assert full
    assert process.poll() is None
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (soft, hard))
    side.send(slots[sent:])
    side.wait_persisted(200)
    assert "goes on by itself" in side.log
    assert_journal_is(tmp_path / "journal", slots)


def test_sidecar_when_a_sync_fails_is_suspect_for_good(engine: Callable[..., EngineSide], journal_slots: Slots, tmp_path: Path) -> None:
    side = engine()
    code = (
        "import errno, sys; from ringfence.tools import segments, sidecar\n"
        "true_sync, calls = segments.Disk.sync, []\n"
        "def sync(self, fd):\n"
        "    calls.append(fd)\n"
        "    if len(calls) == 4: raise OSError(errno.EIO, 'Input/output error')\n"
        "    true_sync(self, fd)\n"
        "segments.Disk.sync = sync\n"
        "sys.exit(sidecar.main(['--spec', sys.argv[1]]))"
    )
    with (tmp_path / "sidecar.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-c", code, str(side.spec)], stderr=log)
    side.processes.append(process)
    slots = journal_slots(1, 40)
    side.send(slots[:5])
    side.wait_persisted(5)
    suspect = Metrics.attach(side.instance, "sidecar")
    for k in range(5, 40):  # each frame in a sync of its own, so that there is a fourth one
        side.send(slots[k : k + 1])
        side.until(lambda k=k: side.connect().their_mark > k or suspect.counters()["suspect"])
    assert suspect.counters()["suspect"] == 1
    persisted = side.connect().their_mark
    assert 5 <= persisted < 40
    assert process.poll() is None
    assert int(Segment.attach(side.instance, "from.sidecar").superblock["process_state"]) == STATE["FAILED"]
    assert f"the journal is suspect from sequence {persisted + 1} on" in side.log
    assert side.connect().depth >= 40 - persisted
    process.terminate()
    assert process.wait(30) == 1
    assert side.start().wait(30) == 4
    assert "then remove" in side.log.splitlines()[-1]
    (tmp_path / "journal" / "SUSPECT").unlink()
    side.start()
    side.wait_persisted(40)
    assert_journal_is(tmp_path / "journal", slots)


def test_sidecar_when_commit_is_auto_says_what_it_measured_and_chose(engine: Callable[..., EngineSide], journal_slots: Slots, tmp_path: Path) -> None:
    side = engine(commit="auto")
    side.start()
    side.send(journal_slots(1, 20))
    side.wait_persisted(20)
    side.until(lambda: Metrics.attach(side.instance, "sidecar").counters()["fdatasync_ns"] > 0)
    found = Metrics.attach(side.instance, "sidecar").counters()
    assert f"journal commits with {'direct' if found['direct'] else 'fdatasync'}: " in side.log
    assert_journal_is(tmp_path / "journal", journal_slots(1, 20))


def test_sidecar_when_compressing_and_retiring_does_both_to_closed_segments(engine: Callable[..., EngineSide], journal_slots: Slots, tmp_path: Path) -> None:
    side = engine(segment_bytes=8192, compress=True, keep_bytes=1)
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "40.rfs").write_bytes(b"")
    side.start()
    slots = journal_slots(1, 200)
    side.send(slots)
    side.wait_persisted(200)
    reader = JournalReader(tmp_path / "journal")
    side.until(lambda: len(list((tmp_path / "journal").glob("*.rfj"))) == 1)
    assert 1 < reader.first_seq <= 41
    result = reader.verify()
    assert (result.last_seq, result.defects) == (200, ())
    assert all(s.path.name.endswith(".rfj.zst") for s in reader.segments()[:-1])
    side.until(lambda: "segments compressed" in side.log)
