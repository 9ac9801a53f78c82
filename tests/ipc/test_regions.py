"""Regions by name: the dead are removed, the living never."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ringfence.ipc import regions
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

ROLE = ENUMS["Role"].by_name["ENGINE"]
DYING_WRITER = """
import os, signal, sys
from ringfence.ipc.segment import Segment
for name in sys.argv[2:]:
    Segment.create(sys.argv[1], name, [("counters", "Counter", 3)], role=2, epoch=7)
os.kill(os.getpid(), signal.SIGKILL)
"""


def die_as_writer(instance: str, *names: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", DYING_WRITER, instance, *names], env=environment, check=False, timeout=60).returncode == -9


def test_unlink_stale_when_writers_are_dead_and_alive_removes_only_the_dead(instance: str) -> None:
    Segment.create(instance, "live", [("counters", "Counter", 1)], role=ROLE, epoch=1)
    die_as_writer(instance, "dead.a", "dead.b", "dead.kept")
    assert [(r.name, r.alive) for r in regions.list_regions(instance)] == [("dead.a", False), ("dead.b", False), ("dead.kept", False), ("live", True)]
    assert instance in regions.instances()
    assert regions.unlink_stale(instance, keep=["dead.kept"]) == ["dead.a", "dead.b"]
    assert [r.name for r in regions.list_regions(instance)] == ["dead.kept", "live"]
    assert not regions.unlink_dead(instance, "live")


def test_unlink_stale_when_another_instance_shares_the_prefix_leaves_it(instance: str) -> None:
    die_as_writer(instance, "x")
    assert regions.unlink_stale(instance[:-1] + "_") == []
    assert regions.unlink_stale(instance) == ["x"]


def test_region_when_its_creator_died_before_naming_itself_is_removed(instance: str) -> None:
    (regions.SHM_DIR / f"rf.{instance}.half").write_bytes(b"")
    assert regions.unlink_stale(instance) == ["half"]


def test_region_when_being_made_is_locked_and_kept(instance: str) -> None:
    path = regions.SHM_DIR / f"rf.{instance}.half"
    path.write_bytes(b"")
    fd = os.open(path, os.O_RDWR)
    try:
        assert regions.try_lock(fd)
        assert regions.unlink_stale(instance) == []
        assert regions.list_regions(instance)[0].alive
    finally:
        os.close(fd)


def test_owner_alive_when_pid_is_reused_says_dead() -> None:
    ticks = regions.process_start_ticks(os.getpid())
    assert regions.owner_alive({"writer_pid": os.getpid(), "writer_start_ticks": ticks})
    assert not regions.owner_alive({"writer_pid": os.getpid(), "writer_start_ticks": (ticks or 0) + 1})
    assert not regions.owner_alive({"writer_pid": 0, "writer_start_ticks": ticks})


def test_process_start_ticks_when_process_is_a_zombie_says_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert regions.process_start_ticks(child.pid) is None


@pytest.mark.parametrize(("instance_name", "name"), [("a.b", "x"), ("", "x"), ("a", ""), ("a", "../x")])
def test_shm_name_when_a_part_is_not_allowed_is_refused(instance_name: str, name: str) -> None:
    with pytest.raises(ValueError, match="allowed are"):
        regions.shm_name(instance_name, name)
