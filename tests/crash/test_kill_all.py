"""kill -9 of everything, or of the supervisor alone: ``up`` takes over what is left and recovers the same state."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from instance_under_load import INTENT, UNSETTLED, Load, assert_equal_books, assert_nothing_left, settle
from running_instance import Running

from ringfence.ipc.regions import list_regions, unlink_stale
from ringfence.ipc.schema import CONSTANTS, ENUMS, LAYOUT_HASH, RECORDS
from ringfence.ipc.segment import Segment
from ringfence.tools import control_client
from ringfence.tools.journal import JournalReader
from ringfence.tools.segments import segment_path


def kill_everything(running: Running) -> None:
    """The supervisor first, so that it starts nothing again."""
    pids = running.note_pids()
    for pid in (pids["supervisor"], *(p for name, p in pids.items() if p and name != "supervisor")):
        os.kill(pid, signal.SIGKILL)
    running.until("death of all", lambda: not any(r.alive for r in list_regions(running.name)))


def lose_the_last_intents(running: Running, count: int) -> int:
    """Zero the journal from the last intent but ``count`` on, as when these pages never reached the disk; the number of frames lost."""
    frames = list(JournalReader(running.data / "journal").frames())
    first = [f for f in frames if int(f.head["kind"]) == INTENT][-count]
    assert first.segment == frames[-1].segment
    with segment_path(running.data / "journal", first.segment).open("r+b") as file:
        file.seek(first.offset)
        file.write(bytes(frames[-1].offset + int(frames[-1].head["length"]) - first.offset))
    return int(frames[-1].head["seq"]) - int(first.head["seq"]) + 1


@pytest.mark.parametrize("durability", ["async", "local"])
def test_up_when_every_process_was_killed_recovers_the_same_books(running: Running, durability: str) -> None:
    running.change('durability = "async"', f'durability = "{durability}"')
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    loads: list[Load] = []
    for turn in range(3):
        loads.append(Load(running, first=1000 * (turn + 1)))
        loads[-1].step(30)
        asked = sum(len(load.sent) + len(load.canceled) for load in loads)
        running.until("the intents", lambda n=asked: int(running.engine_row()["intents"]) >= n)
        kill_everything(running)
        loads[-1].close()
        assert running.up() == 0, running.logs()
        assert all(r.alive for r in list_regions(running.name)), "a region of the dead instance is left"
        running.wait_session_up()
    settle(running, *loads)
    assert_nothing_left(running)
    assert_equal_books(running, *loads, tolerated=("UNKNOWN_OUTCOME",))


def test_up_when_only_the_supervisor_was_killed_takes_over(running: Running) -> None:
    running.change('name = "s2"', 'name = "s2"\ncommand = ["sleep", "60"]')
    running.change("enabled = false", "enabled = true")
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    load = Load(running)
    load.step(30)
    running.kill("supervisor")
    load.step(10)
    settle(running, load)
    load.close()
    running.said.clear()
    assert running.up() == 0, running.logs()
    assert sum("of a dead supervisor still runs: stopping it" in line for line in running.said) == 5, running.said
    assert {c["name"]: c["state"] for c in running.status()["components"]}["shadow"] in ("STARTING", "RUNNING", "RECOVERING"), running.logs()
    assert all(r.alive for r in list_regions(running.name))
    running.wait_session_up()
    assert_nothing_left(running)
    assert_equal_books(running, load)


def test_up_when_a_killed_instance_had_another_directory_is_refused(running: Running) -> None:
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    pids = running.note_pids()
    os.kill(pids["sidecar"], signal.SIGSTOP)
    load = Load(running)
    load.step(5)
    running.until("the intents", lambda: int(running.engine_row()["intents"]) >= 5)
    kill_everything(running)
    load.close()
    running.change('data_dir = "data"', 'data_dir = "other"')
    assert running.up() == 4
    assert any("left unread rings" in line and "recover it there first" in line for line in running.said), running.said
    running.change('data_dir = "other"', 'data_dir = "data"')
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    settle(running, load)
    assert_nothing_left(running)
    assert_equal_books(running, load, tolerated=("UNKNOWN_OUTCOME",))


def test_up_when_rings_have_another_layout_says_which(running: Running) -> None:
    assert running.up() == 0, running.logs()
    kill_everything(running)
    at = RECORDS["Superblock"].offsets["layout_hash"]
    path = Path("/dev/shm", f"rf.{running.name}.to.sidecar")
    with path.open("r+b") as file:
        file.seek(at)
        right = file.read(8)
        file.seek(at)
        file.write(b"\x11" * 8)
    assert running.up() == 3
    assert any(f"has layout 0x{'11' * 8}" in line and f"this build has {LAYOUT_HASH:#018x}" in line for line in running.said), running.said
    with path.open("r+b") as file:
        file.seek(at)
        file.write(right)
    running.until("end", lambda: not any(r.alive for r in list_regions(running.name)))
    assert running.up() == 0, running.logs()
    assert_nothing_left(running)


def test_up_when_shared_memory_is_gone_recovers_from_the_files(running: Running) -> None:
    """A reboot, as far as it can be played: every process and every region is lost, journal files and session stores are left."""
    running.change('durability = "async"', 'durability = "local"')
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    first = Load(running)
    first.step(30)
    settle(running, first)
    with Segment.attach(running.name, "from.sidecar") as region:
        seq = int(running.engine_row()["seq"])
        running.until("the sync", lambda: int(region.section("mark")[0]["position"]) >= seq)
    kill_everything(running)
    first.close()
    unlink_stale(running.name)
    assert list_regions(running.name) == []
    before = running.replay()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    assert len(running.orders()) == int(before.replayer.state.table("engine")[1]["order_count"])
    second = Load(running, first=5000)
    second.step(30)
    settle(running, first, second)
    assert_nothing_left(running)
    assert_equal_books(running, first, second, tolerated=("UNKNOWN_OUTCOME",))


def test_up_when_the_journal_lost_its_end_skips_the_ids_and_halts(running: Running) -> None:
    """A host that died between two syncs: the gateway's store has commands that the journal does not know. None of their ids may come twice."""
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    first = Load(running)
    first.step(30)
    settle(running, first)
    kill_everything(running)
    first.close()
    unlink_stale(running.name)
    lost = lose_the_last_intents(running, 6)
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    with Segment.attach(running.name, "state") as state:
        status = state.section("engine")[1]
        assert int(status["restrictions"]) == CONSTANTS["RESTRICT_OPERATOR"][0]
        assert "OUTPUTS_LOST" in {ENUMS["BreakKind"].by_value[int(b["kind"])] for b in state.section("breaks")[1:] if int(b["kind"])}
    second = Load(running, first=5000)
    second.step(2)
    running.until("two denials", lambda: second.read() is None and len(second.denied) == 2)
    assert set(second.denied.values()) == {"TRADING_HALTED"}
    control_client.operate(running.name, "resume", "looked at the venue")
    second.step(10)

    def at_rest() -> bool:  # the synced answers that this test took away come from nobody: only orders made since can be
        mine = [o for o in running.orders() if int(o["client_id"]) >= 5002]
        return len(mine) == 10 and not any(int(o["pending_count"]) or int(o["ord_status"]) in UNSETTLED for o in mine)

    running.until("ten orders at rest", at_rest)
    second.close()
    assert_nothing_left(running, since=5000)
    chains = [name for order in running.record().orders.values() for name in order.cl_ord_ids]
    assert len(chains) == len(set(chains)), "a ClOrdID reached the venue twice"
    assert lost > 0
    assert running.replay().torn is None


def test_up_when_it_was_down_numbers_its_commands_beyond_those_of_before(running: Running) -> None:
    """What an earlier run refused is still in the journal's breaks, by number: an answer must not be mistaken for that of now."""
    running.start_venue()
    numbers = []
    for _ in range(2):
        assert running.up() == 0, running.logs()
        numbers.append(control_client.operate(running.name, "halt", "a test")["request_id"])
        assert running.down() == []
    assert numbers[1] > numbers[0] + 1_000_000
