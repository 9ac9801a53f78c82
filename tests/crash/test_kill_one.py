"""kill -9 of one process under load: the supervisor starts it again, nothing is lost, nothing is sent or booked twice."""

from __future__ import annotations

import pytest
from instance_under_load import Load, assert_equal_books, assert_nothing_left, settle
from running_instance import Running

KILLS = 3


@pytest.mark.parametrize("durability", ["async", "local"])
@pytest.mark.parametrize("component", ["sidecar", "gw.sim", "engine"])
def test_instance_when_a_process_is_killed_under_load_goes_on(running: Running, component: str, durability: str) -> None:
    running.change('durability = "async"', f'durability = "{durability}"')
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    load = Load(running)
    for _ in range(KILLS):
        load.step(20)
        pid = running.kill(component)
        load.step(5)
        running.wait_restarted(component, pid)
        running.wait_session_up()
        load.step(20)
    settle(running, load)
    load.close()
    assert_nothing_left(running)
    denied = {"engine": ("STALE",), "gw.sim": ("SESSION_DOWN",)}.get(component, ())
    assert_equal_books(running, load, denied=denied, tolerated=("UNKNOWN_OUTCOME",) if component == "gw.sim" else ())
