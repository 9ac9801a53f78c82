"""Kills of random processes at random moments, two within one recovery among them; a failing seed is in the test's name."""

from __future__ import annotations

import random
import time

import pytest
from instance_under_load import Load, assert_equal_books, assert_nothing_left, settle
from running_instance import Running

ROUNDS = 7
KILLS_OF_ONE_MAX = 5  # the supervisor's own bound


@pytest.mark.parametrize("seed", [1, 4])
def test_instance_when_random_processes_are_killed_keeps_its_books(running: Running, seed: int) -> None:
    chance = random.Random(seed)
    left = dict.fromkeys(("engine", "gw.sim", "sidecar"), KILLS_OF_ONE_MAX)
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    load = Load(running)
    for _ in range(ROUNDS):
        load.step(chance.randrange(40))
        time.sleep(chance.random() * 0.05)
        first = chance.choice([name for name in left if left[name]])
        left[first] -= 1
        pid = running.kill(first)
        load.step(chance.randrange(10))
        time.sleep(chance.random() * 0.02)
        others = [name for name in left if left[name] and name != first]
        if others and chance.random() < 0.4:
            second = chance.choice(others)
            left[second] -= 1
            running.wait_restarted(second, running.kill(second))
        running.wait_restarted(first, pid)
        load.step(chance.randrange(10))
        running.wait_session_up()
    settle(running, load)
    load.close()
    assert_nothing_left(running)
    assert_equal_books(running, load, denied=("STALE", "SESSION_DOWN"), tolerated=("UNKNOWN_OUTCOME",))
