"""The kill switch of a whole instance, while its processes live, stand still, are killed and come back; at the end all books agree."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import command_line
import pytest
from instance_under_load import Load, assert_equal_books, settle
from running_instance import Running

from ringfence.ipc.metrics import Metrics
from ringfence.ipc.regions import SHM_DIR, list_regions
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import control_client, kill_words
from ringfence.tools.journal import JournalReader

from .failpoints import MATRIX, Point
from .test_failpoints import STOP_S, SUPERVISOR, process_state

ORDERS = 200
DENIED = ("SESSION_DOWN", "KILLED", "STALE", "STRATEGY_DISABLED")
BREAKS = ("UNKNOWN_OUTCOME",)
OBSERVATION = ENUMS["FrameKind"].by_name["OBSERVATION"]
KILL_WORD = ENUMS["ObservationKind"].by_name["KILL_WORD"]


@pytest.fixture
def load(running: Running) -> Load:
    """An instance with open orders of which nothing is in flight."""
    return started(running)


def started(running: Running) -> Load:
    running.change("venue_events = 256", "venue_events = 2048")
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    made = Load(running)
    rest(made, ORDERS)
    running.until("open orders", lambda: open_at_venue(running) == ORDERS)
    settle(running, made)
    return made


def rest(load: Load, count: int) -> None:
    """Orders far from the market."""
    for _ in range(count):
        client_id = load.next
        load._patiently(lambda i=client_id: load.strategy.buy("EUR/USD", 1000, "0.5", client_id=i))
        load.sent.append(client_id)
        load.next += 1
        load.read()


def kill(running: Running, venue: str | None = None) -> None:
    kill_words.set_word(running.name, venue, "a test", os.getuid())


def clear(running: Running, venue: str | None = None) -> None:
    kill_words.clear_word(running.name, venue, "a test", os.getuid())


def open_at_venue(running: Running) -> int:
    return sum(int(o.leaves_qty) > 0 for o in running.record().orders.values())


def gateway(running: Running) -> dict[str, int]:
    metrics = Metrics.attach(running.name, "gw.sim")
    found = dict(metrics.counters())
    metrics.close()
    return found


def stop(running: Running, component: str) -> int:
    pid = running.note_pids()[component]
    os.kill(pid, signal.SIGSTOP)
    return pid


def observed(running: Running) -> list[tuple[int, int]]:
    """Peer and value of the KILL_WORD frames in the journal."""
    frames = [f for f in JournalReader(running.data / "journal").frames() if int(f.head["kind"]) == OBSERVATION]
    return [(int(f.payload["peer"]), int(f.payload["value"])) for f in frames if int(f.payload["kind"]) == KILL_WORD]


def assert_all_agree(running: Running, *loads: Load) -> None:
    running.until("the engine's view", lambda: int(running.engine_row()["open_orders"]) == 0)
    settle(running, *loads)
    control_client.checkpoint(running.name)
    for load in loads:
        if not load.strategy.closed:
            load.close()
    running.until("the journal", lambda: int(running.sections("from.sidecar", "mark")[0]["position"]) >= int(running.engine_row()["seq"]))
    assert open_at_venue(running) == 0
    assert_equal_books(running, *loads, denied=DENIED, tolerated=BREAKS)


@pytest.mark.parametrize("venue", [None, "sim"], ids=["firm", "venue"])
def test_instance_when_a_kill_word_is_set_sends_no_order_and_cancels_all(running: Running, load: Load, venue: str | None) -> None:
    kill(running, venue)
    running.until("all cancels", lambda: open_at_venue(running) == 0)
    orders_sent = gateway(running)["orders_sent"]
    rest(load, 20)
    assert_all_agree(running, load)
    assert gateway(running)["orders_sent"] == orders_sent
    assert len(load.denied) == 20
    assert observed(running) == [(1 if venue else 0, 1)]
    (word,) = [w for w in kill_words.read_words(running.name) if w.venue == (venue or "")]
    assert (word.killed, word.uid, word.reason) == (True, os.getuid(), "a test")


def test_instance_when_the_engine_stands_still_the_gateway_blocks_and_cancels(running: Running, load: Load) -> None:
    gateway_pid = stop(running, "gw.sim")
    rest(load, 30)
    running.until("commands in the ring", lambda: int(running.engine_row()["order_count"]) == ORDERS + 30)
    engine_pid = stop(running, "engine")
    kill(running)
    os.kill(gateway_pid, signal.SIGCONT)
    running.until("all cancels, without the engine", lambda: open_at_venue(running) == 0)
    assert len(running.record().orders) == ORDERS, "none of the thirty that waited has left"
    assert int(running.engine_row()["open_orders"]) > 0, "the engine knows of nothing"
    os.kill(engine_pid, signal.SIGCONT)
    assert_all_agree(running, load)
    assert observed(running) == [(0, 1)]


def test_instance_when_the_gateway_is_killed_and_the_word_set_meanwhile_its_successor_obeys_first(running: Running, load: Load) -> None:
    gateway_pid = stop(running, "gw.sim")
    rest(load, 30)
    running.until("commands in the ring", lambda: int(running.engine_row()["order_count"]) == ORDERS + 30)
    engine_pid = stop(running, "engine")
    kill(running)
    os.kill(gateway_pid, signal.SIGKILL)
    running.until("all cancels, without the engine", lambda: open_at_venue(running) == 0)
    assert len(running.record().orders) == ORDERS
    os.kill(engine_pid, signal.SIGCONT)
    running.wait_session_up()
    assert_all_agree(running, load)
    assert gateway(running)["kill_cancels"] >= ORDERS


def test_instance_when_the_engine_is_killed_with_the_word_set_stays_killed(running: Running, load: Load) -> None:
    kill(running)
    pid = running.kill("engine")
    running.until("all cancels", lambda: open_at_venue(running) == 0)
    running.wait_restarted("engine", pid)
    running.wait_session_up()
    rest(load, 10)
    assert_all_agree(running, load)
    assert observed(running)[-1] == (0, 1)


def test_instance_when_the_supervisor_dies_the_next_one_keeps_the_words(running: Running, load: Load) -> None:
    kill(running)
    running.until("all cancels", lambda: open_at_venue(running) == 0)
    running.kill("supervisor")
    load.close()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    assert kill_words.read_words(running.name)[0].killed
    again = Load(running, first=50_000)
    rest(again, 5)
    assert_all_agree(running, again, load)
    assert len(again.denied) == 5


def test_instance_when_taken_down_with_a_word_set_comes_up_killed_until_it_is_cleared(running: Running, load: Load) -> None:
    kill(running, "sim")
    running.until("all cancels", lambda: int(running.engine_row()["open_orders"]) == 0)
    settle(running, load)
    load.close()
    running.down()
    assert [r.name for r in list_regions(running.name)] == ["kill"]
    assert running.up() == 0, running.logs()
    assert any("kill word is set" in line for line in running.said)
    running.wait_session_up()
    running.until("the gauge", lambda: gateway(running)["killed"] == 1)
    clear(running, "sim")
    running.until("the gauge", lambda: gateway(running)["killed"] == 0)
    running.until("the observation", lambda: observed(running)[-1] == (1, 0))
    running.down()
    assert list_regions(running.name) == []


def command(running: Running, *words: str) -> str:
    done = command_line.run(running.name, *words)
    assert done.returncode == 0, done.stdout + done.stderr + running.logs()
    return done.stdout


def test_instance_when_killed_by_command_shows_the_proof_and_one_operator_cannot_release_it(running: Running, load: Load) -> None:
    assert "no order of it is open" in command(running, "kill", "venue:sim", "--reason", "a test")
    assert open_at_venue(running) == 0
    assert [w.killed for w in kill_words.read_words(running.name)] == [False, True]
    command(running, "resume", "venue:sim", "--reason", "a test")
    assert [w.killed for w in kill_words.read_words(running.name)] == [False, True]
    rest(load, 5)
    running.until("five refusals", lambda: (load.read(), len(load.denied) == 5)[1])
    assert set(load.denied.values()) == {"KILLED"}
    assert_all_agree(running, load)


def test_instance_when_killed_to_flatten_closes_its_positions_too(running: Running, load: Load) -> None:
    load.step(9)
    settle(running, load)
    running.until("a position", lambda: sum(running.record().positions().values()) > 0)  # acknowledged may be all that an order is yet
    command(running, "kill", "firm", "--flatten", "--reason", "a test")
    assert open_at_venue(running) == 0
    running.until("a flat position", lambda: sum(running.record().positions().values()) == 0)
    with Segment.attach(running.name, "state") as state:
        running.until("a flat book", lambda: not state.section("positions")["net_qty"].any())


def test_kill_region_when_made_is_for_its_group_and_nobody_else(running: Running, load: Load) -> None:
    mode: Any = (SHM_DIR / f"rf.{running.name}.kill").stat().st_mode
    assert mode & 0o777 == 0o660
    assert [(w.venue, w.killed) for w in kill_words.read_words(running.name)] == [("", False), ("sim", False)]
    load.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("point", "action"), [(p, a) for p in MATRIX if p.by == "word" for a in p.actions], ids=lambda v: v.id if isinstance(v, Point) else v)
def test_gateway_when_it_stops_inside_the_kill_switch_cancels_each_order_once(
    tmp_path: Path, instance: str, failpoint_build: Path, point: Point, action: str
) -> None:
    running = Running(tmp_path, instance, failpoints=failpoint_build)
    try:
        running.add(SUPERVISOR)
        running.arm("")
        load = started(running)
        running.arm(f"{point.id}:{point.nth}:{action}")
        engine_pid = stop(running, "engine")  # its own cancels would take orders away from the gateway
        kill(running)
        pid = running.until(point.where, lambda: running.hit(point.id))
        if action == "stop":
            running.until("SIGSTOP", lambda: process_state(pid) == "T")
            time.sleep(STOP_S)  # for how long it stands still, not for something to happen
            os.kill(pid, signal.SIGCONT)
        else:
            running.wait_restarted("gw.sim", pid)
        running.until("all cancels", lambda: open_at_venue(running) == 0)
        os.kill(engine_pid, signal.SIGCONT)
        assert_all_agree(running, load)
        sent = re.findall(rb"\x0111=(\S{14}VV\S{3})\x01", (running.data / "sessions" / "sim.store").read_bytes())
        assert len(sent) == len(set(sent)), "no ClOrdID twice"
        assert len({one[:16] for one in sent}) == ORDERS
    finally:
        running.close()
