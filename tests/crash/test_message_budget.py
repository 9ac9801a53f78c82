"""A whole instance whose session may send less than its strategy asks for: some orders are refused by fact, no cancel is, and all books agree."""

from __future__ import annotations

from instance_under_load import Load, assert_equal_books, settle
from running_instance import Running

from ringfence.ipc.metrics import Metrics
from ringfence.tools import control_client


def test_instance_when_more_is_asked_than_the_budget_allows_keeps_its_books(running: Running) -> None:
    running.change("reconnect_max_s = 0.5", "reconnect_max_s = 0.5\nmessages_per_s = 200\nburst = 20\ncancel_reserve = 10")
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    load = Load(running)
    load.step(150)
    settle(running, load)
    pid = running.kill("gw.sim")
    load.step(30)
    running.wait_restarted("gw.sim", pid)
    running.wait_session_up()
    load.step(30)
    load.sweep()
    settle(running, load)
    metrics = Metrics.attach(running.name, "gw.sim")
    assert metrics.counters()["throttled"] > 0
    metrics.close()
    control_client.checkpoint(running.name)
    load.close()
    running.until("the journal", lambda: int(running.sections("from.sidecar", "mark")[0]["position"]) >= int(running.engine_row()["seq"]))
    assert_equal_books(running, load, denied=("SESSION_DOWN",), tolerated=("UNKNOWN_OUTCOME",))
    assert 0 < len(load.denied) < len(load.sent)
