"""Segments: what attach refuses, what views keep alive, what a seal prevents."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import numpy as np
import pytest

from ringfence.ipc.errors import IpcError, LayoutMismatch, RegionCorrupt, RegionExists, RegionMissing, RingGarbage
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.regions import SHM_DIR
from ringfence.ipc.schema import ENUMS, LAYOUT_HASH, RECORDS
from ringfence.ipc.segment import SectionSpec, Segment

ROLE = ENUMS["Role"].by_name["ENGINE"]
SECTIONS = [SectionSpec("counters", "Counter", 3), SectionSpec("slots", "Intent", 8)]

DYING_WRITER = """
import os, signal, sys
from ringfence.ipc.segment import Segment
segment = Segment.create(sys.argv[1], sys.argv[2], [("counters", "Counter", 3)], role=2, epoch=7)
segment.section("counters")["value"][1] = 77
os.kill(os.getpid(), signal.SIGKILL)
"""


def make(instance: str) -> Segment:
    return Segment.create(instance, "r", SECTIONS, role=ROLE, epoch=3)


def die_as_writer(instance: str, name: str) -> None:
    """Leave a region behind whose writer was killed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", DYING_WRITER, instance, name], env=environment, check=False, timeout=60)
    assert done.returncode == -9


def damage(instance: str, field: str, value: int) -> None:
    """Overwrite one superblock field of the region behind its writer's back."""
    path = SHM_DIR / f"rf.{instance}.r"
    with path.open("r+b") as f:
        f.seek(RECORDS["Superblock"].offsets[field])
        f.write(value.to_bytes(next(x.size for x in RECORDS["Superblock"].fields if x.name == field), "little"))


def test_segment_when_attached_shows_what_the_writer_stores(instance: str) -> None:
    writer = make(instance)
    reader = Segment.attach(instance, "r")
    writer.section("counters")["value"][2] = 5
    writer.heartbeat(123)
    writer.set_state(ENUMS["ProcessState"].by_name["RUNNING"])
    assert int(reader.section("counters")["value"][2]) == 5
    assert (int(reader.superblock["heartbeat_ns"]), int(reader.superblock["process_state"])) == (123, 3)
    assert (reader.sections, int(reader.superblock["epoch"]), reader.writable) == (tuple(SECTIONS), 3, False)


def test_segment_when_created_is_owner_only_writable_and_sections_are_aligned(instance: str) -> None:
    writer = make(instance)
    assert (SHM_DIR / f"rf.{instance}.r").stat().st_mode & 0o777 & ~0o640 == 0
    for spec in SECTIONS:
        assert writer.section(spec.name).ctypes.data % 128 == 0


def test_segment_when_attached_read_only_cannot_be_written(instance: str) -> None:
    make(instance)
    reader = Segment.attach(instance, "r")
    rows = reader.section("counters")
    with pytest.raises(ValueError, match="read-only"):
        rows["value"] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        rows.flags.writeable = True
    with pytest.raises(PermissionError, match="read-only"):
        reader.heartbeat(1)


def test_segment_when_closed_keeps_the_memory_of_its_views(instance: str) -> None:
    writer = make(instance)
    rows = writer.section("counters")
    rows["value"][1] = 9
    writer.close()
    writer.unlink()
    with pytest.raises(ValueError, match="closed"):
        writer.section("counters")
    del writer
    gc.collect()
    assert int(rows["value"][1]) == 9


def test_segment_when_name_is_taken_by_a_live_process_is_refused(instance: str) -> None:
    make(instance)
    with pytest.raises(RegionExists, match="alive"):
        make(instance)
    with pytest.raises(RegionExists, match="alive"):
        Segment.adopt(instance, "r", role=ROLE, epoch=4)


def test_segment_when_region_is_missing_says_so(instance: str) -> None:
    with pytest.raises(RegionMissing, match="is the instance running"):
        Segment.attach(instance, "r")


@pytest.mark.parametrize("name", ["", "a/b", "x" * 32, ".hidden", "a b"])
def test_segment_when_name_is_not_allowed_is_refused(instance: str, name: str) -> None:
    with pytest.raises(ValueError, match="allowed are"):
        Segment.attach(instance, name)


def test_segment_when_layout_is_stale_names_both_hashes(instance: str) -> None:
    make(instance)
    damage(instance, "layout_hash", 0x1234)
    with pytest.raises(LayoutMismatch, match=rf"0x0+1234.*{LAYOUT_HASH:#018x}"):
        Segment.attach(instance, "r")


@pytest.mark.parametrize(("field", "value"), [("magic", 99), ("total_bytes", 1), ("section_count", 0), ("section_count", 65)])
def test_segment_when_superblock_is_damaged_is_refused(instance: str, field: str, value: int) -> None:
    make(instance)
    damage(instance, field, value)
    with pytest.raises(RegionCorrupt):
        Segment.attach(instance, "r")


@pytest.mark.parametrize(("field", "value"), [("offset", 1 << 40), ("count", 1 << 31), ("stride", 8), ("offset", 128), ("record", 0)])
def test_segment_when_directory_leaves_the_region_is_refused(instance: str, field: str, value: int) -> None:
    make(instance)
    section = RECORDS["Section"]
    with (SHM_DIR / f"rf.{instance}.r").open("r+b") as f:
        f.seek(RECORDS["Superblock"].size + section.size + section.offsets[field])
        f.write(value.to_bytes(4 if field != "offset" else 8, "little"))
    with pytest.raises(RegionCorrupt, match="section"):
        Segment.attach(instance, "r")


def test_segment_when_others_may_write_it_is_refused(instance: str) -> None:
    make(instance)
    (SHM_DIR / f"rf.{instance}.r").chmod(0o666)
    with pytest.raises(RegionCorrupt, match="others could write"):
        Segment.attach(instance, "r")


def test_segment_when_never_finished_gives_up(instance: str) -> None:
    (SHM_DIR / f"rf.{instance}.r").write_bytes(bytes(4096))
    (SHM_DIR / f"rf.{instance}.r").chmod(0o640)
    with pytest.raises(RegionCorrupt, match="never finished"):
        Segment.attach(instance, "r")


def test_segment_when_writer_was_killed_is_adopted_with_its_contents(instance: str) -> None:
    die_as_writer(instance, "r")
    adopted = Segment.adopt(instance, "r", role=ROLE, epoch=8, sections=[("counters", "Counter", 3)])
    assert int(adopted.section("counters")["value"][1]) == 77
    assert (int(adopted.superblock["writer_pid"]), int(adopted.superblock["epoch"])) == (os.getpid(), 8)
    with pytest.raises(RegionExists):
        Segment.adopt(instance, "r", role=ROLE, epoch=9)


def test_segment_when_its_dead_writer_ran_never_shows_its_adopter_as_running(instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor takes a region's word as soon as its writer is the process that it started: of a killed engine it would be RUNNING."""
    die_as_writer(instance, "r")
    damage(instance, "process_state", ENUMS["ProcessState"].by_name["RUNNING"])
    seen = Segment.attach(instance, "r").superblock
    states: list[int] = []
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: (states.append(int(seen["process_state"])), pid)[1])
    with Segment.adopt(instance, "r", role=ROLE, epoch=8) as adopted:
        assert int(adopted.superblock["writer_pid"]) == pid
        adopted.unlink()
    assert set(states) == {ENUMS["ProcessState"].by_name["STARTING"]}


def test_segment_when_dead_writers_sections_differ_is_not_adopted(instance: str) -> None:
    die_as_writer(instance, "r")
    with pytest.raises(LayoutMismatch, match=r"wanted are counters\[4\]"):
        Segment.adopt(instance, "r", role=ROLE, epoch=8, sections=[("counters", "Counter", 4)])


def test_segment_when_unlinked_by_a_reader_of_a_live_writer_is_kept(instance: str) -> None:
    writer = make(instance)
    child = (
        "import sys\nfrom ringfence.ipc.segment import Segment\nfrom ringfence.ipc.errors import RegionExists\n"
        "try:\n    Segment.attach(sys.argv[1], 'r').unlink()\nexcept RegionExists:\n    print('kept')\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", child, instance], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "kept\n", done.stderr
    writer.unlink()
    assert not (SHM_DIR / f"rf.{instance}.r").exists()


def test_memfd_when_its_writer_truncates_it_is_refused_by_the_seal() -> None:
    memory = Segment.create_memfd("strat.x", link_sections("Intent", 8), role=ROLE, epoch=1)
    for size in (0, 1 << 20):
        with pytest.raises(PermissionError):
            os.ftruncate(memory.fd, size)


def test_memfd_when_a_hole_is_punched_makes_the_slot_invalid_and_does_not_crash() -> None:
    theirs = Segment.create_memfd("strat.x", link_sections("Intent", 8), role=ROLE, epoch=1)
    mine = Segment.create_memfd("to", link_sections(None), role=ROLE, epoch=1)
    engine_view = Segment.attach_memfd(theirs.fd, link_sections("Intent", 8), writable=False)
    engine, strategy = Link(mine, engine_view, trusted=False), Link(theirs, mine)
    for n in range(9):
        strategy.send(np.zeros(1, theirs.section("slots").dtype))
        assert int(engine.receive()["slot_seq"]) == n + 1
    strategy.send(np.zeros(1, theirs.section("slots").dtype))
    punch_hole(theirs.fd, theirs.total_bytes)
    with pytest.raises(RingGarbage):
        engine.receive()


def punch_hole(fd: int, size: int) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    punch_and_keep_size = 3
    assert libc.fallocate(fd, punch_and_keep_size, ctypes.c_long(0), ctypes.c_long(size)) == 0, os.strerror(ctypes.get_errno())


def test_memfd_when_not_sealed_or_of_other_size_is_refused() -> None:
    fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    with pytest.raises(RegionCorrupt, match="seals"):
        Segment.attach_memfd(fd, link_sections("Intent", 8), writable=False)
    os.close(fd)
    memory = Segment.create_memfd("x", link_sections("Intent", 8), role=ROLE, epoch=1)
    with pytest.raises(RegionCorrupt, match="sections need"):
        Segment.attach_memfd(memory.fd, link_sections("Intent", 4096), writable=False)


def test_memfd_when_its_directory_lies_keeps_the_callers_geometry() -> None:
    memory = Segment.create_memfd("x", link_sections("Intent", 8), role=ROLE, epoch=1)
    os.pwrite(memory.fd, b"\xff" * 256, 256)
    assert len(Segment.attach_memfd(memory.fd, link_sections("Intent", 8), writable=False).section("slots")) == 8


def test_segment_when_huge_pages_are_asked_for_works_and_reports_refusals(instance: str) -> None:
    segment = Segment.create(instance, "big", [("slots", "Intent", 65536)], role=ROLE, epoch=1, huge=True)
    segment.section("slots")["client_id"][-1] = 1
    assert all("grant:" in text for text in segment.refused)


def test_segment_when_memory_does_not_suffice_is_refused_and_leaves_no_name(instance: str) -> None:
    room = os.statvfs(SHM_DIR)
    rows = room.f_blocks * room.f_frsize // RECORDS["Order"].size + 1
    if rows >= 2**32:
        pytest.skip("/dev/shm is larger than one section can be")
    with pytest.raises(IpcError, match="grant: mount -o remount,size="):
        Segment.create(instance, "huge", [("orders", "Order", rows)], role=ROLE, epoch=1)
    assert not (SHM_DIR / f"rf.{instance}.huge").exists()
