"""kill -9 of one process under load: the supervisor starts it again, nothing is lost, nothing is sent or booked twice."""

from __future__ import annotations

import pytest
from instance_under_load import Ledger, Load, asked_of, assert_equal_books, assert_nothing_left, settle
from running_instance import Running

from .harness import Trader

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
    # An order that waited for its durability until its cancel stood behind it is not sent any more.
    denied = {"engine": ("STALE",), "gw.sim": ("SESSION_DOWN",), "sidecar": ("SESSION_DOWN",)}[component]
    assert_equal_books(running, load, denied=denied, tolerated=("UNKNOWN_OUTCOME",) if component == "gw.sim" else ())


def test_engine_when_a_strategy_died_while_it_was_dead_takes_what_that_had_published(running: Running) -> None:
    running.add("[supervisor]\nrestart_wait_ms = 1000\n")
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    trader = Trader(running, "s1", 1)
    try:
        running.until("load", lambda: int(running.engine_row()["intents"]) > 5)
        pid = running.kill("engine")
        before = trader.ledger.read_text().count("n ")
        running.until("intents that no engine takes", lambda: trader.ledger.read_text().count("n ") > before + 5)
    finally:
        trader.kill()
    running.wait_restarted("engine", pid)
    running.wait_session_up()
    running.until("its detach", lambda: "s1" not in running.status()["strategies"])
    written = Ledger(trader.ledger)
    settle(running, written)
    assert_nothing_left(running)
    written.decide(asked_of(running))
    written.lost += 1  # it read no more events
    assert_equal_books(running, written, denied=("STALE",))
