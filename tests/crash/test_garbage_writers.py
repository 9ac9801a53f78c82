"""A strategy that writes whatever it likes into its ring: the engine lives on, takes only what was one whole valid slot, and serves the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from instance_under_load import INTENT, UNSETTLED, Load
from running_instance import Running
from tests.crash.garbage_writer import qty_of

from ringfence.ipc.regions import list_regions
from ringfence.ipc.schema import ENUMS
from ringfence.tools.journal import JournalReader

WRITER = Path(__file__).resolve().parent / "garbage_writer.py"
POISONED, ENABLED = (ENUMS["StrategyStatus"].by_name[n] for n in ("POISONED", "ENABLED"))
NEW, CANCEL_ALL = (ENUMS["IntentKind"].by_name[n] for n in ("NEW", "CANCEL_ALL"))
HOSTILE, HONEST = 1, 2  # rows of s1 and s2
Hostile = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def hostile(running: Running) -> Iterator[Hostile]:
    """Start a garbage writer of a kind as s1, in a process group of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(kind: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(WRITER), running.name, "s1", kind, "7"]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, start_new_session=True)
        started.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        return child

    yield start
    for child in started:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def status_of(running: Running, row: int) -> int:
    return int(running.sections("state", "strategies")[row]["status"])


def orders_of(running: Running, row: int) -> list[Any]:
    return [o for o in running.orders() if int(o["strategy"]) == row]


def assert_the_other_is_served(running: Running, first: int) -> None:
    """40 orders and cancels of s2, answered and settled while the writer goes on."""
    load = Load(running, "s2", first=first)
    load.step(40)

    def settled() -> bool:
        mine = [o for o in orders_of(running, HONEST) if int(o["client_id"]) >= first]
        return len(mine) + len(load.denied) == 40 and not any(int(o["pending_count"]) or int(o["ord_status"]) in UNSETTLED for o in mine)

    running.until("the other strategy's orders", lambda: (load.read(), settled())[1])
    assert load.denied == {}, "the honest strategy was denied"
    assert load.lost == 0
    load.close()


def assert_only_whole_slots(running: Running) -> int:
    """Every intent of the hostile strategy in the journal is one that it published whole, and once; return how many."""
    taken: list[int] = []
    count = 0
    for frame in JournalReader(running.data / "journal").frames():
        if int(frame.head["kind"]) != INTENT or int(frame.head["source"]) != HOSTILE:
            continue
        count += 1
        intent = frame.payload
        if int(intent["kind"]) == NEW:
            assert int(intent["qty"]) == qty_of(int(intent["client_id"])), intent
            taken.append(int(intent["client_id"]))
        else:
            assert int(intent["kind"]) == CANCEL_ALL, intent
    assert taken == sorted(set(taken)), "an intent was taken twice or out of order"
    return count


def start(running: Running) -> int:
    """With tables that a flood does not fill: what full ones deny is another test's. The journal ring is small: a flood may fill its share of it only."""
    running.change("orders = 8192", "orders = 131072")
    running.change("commands = 1024", "commands = 16384")
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    return running.note_pids()["engine"]


def finish(running: Running, engine: int) -> int:
    assert running.note_pids()["engine"] == engine, "the engine died"
    running.down()
    assert running.replay().torn is None
    assert list_regions(running.name) == []
    return assert_only_whole_slots(running)


@pytest.mark.parametrize("kind", ["random_bytes", "hole", "mutate"])
def test_writer_when_it_writes_garbage_its_ring_is_quarantined_and_no_other(running: Running, hostile: Hostile, kind: str) -> None:
    engine = start(running)
    hostile(kind)
    running.until("the quarantine", lambda: status_of(running, HOSTILE) == POISONED)
    assert_the_other_is_served(running, 1000)
    assert status_of(running, HONEST) == ENABLED
    finish(running, engine)


def test_writer_when_only_its_head_lies_its_slots_count(running: Running, hostile: Hostile) -> None:
    engine = start(running)
    hostile("heads")
    running.until("its orders", lambda: len(orders_of(running, HOSTILE)) > 100)
    assert_the_other_is_served(running, 1000)
    assert status_of(running, HOSTILE) == ENABLED
    assert finish(running, engine) > 100


def test_writer_when_it_stops_mid_slot_that_slot_never_existed(running: Running, hostile: Hostile) -> None:
    engine = start(running)
    child = hostile("half")
    assert child.stdout is not None
    assert child.stdout.readline() == "stopped\n"
    running.until("its whole orders", lambda: len(orders_of(running, HOSTILE)) == 5)
    assert_the_other_is_served(running, 1000)
    assert (len(orders_of(running, HOSTILE)), status_of(running, HOSTILE)) == (5, ENABLED)
    assert finish(running, engine) == 5


def test_writer_when_it_floods_the_others_are_served(running: Running, hostile: Hostile) -> None:
    engine = start(running)
    hostile("flood")
    before = int(running.engine_row()["intents"])
    running.until("a flood", lambda: int(running.engine_row()["intents"]) > before + 2000)
    assert_the_other_is_served(running, 1000)
    assert finish(running, engine) > 2000
