"""The stop flag: set by signals also while compiled code runs, and wakes a waiter."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CHILD = """
import sys
from ringfence.ipc import stop
stop.install()
assert not stop.requested()
print("ready", flush=True)
assert stop.wait(60) and stop.requested()
stop.clear()
assert not stop.requested() and not stop.wait(0.01)
stop.request()
assert stop.wait(60)
print("stopped in order", flush=True)
"""


@pytest.mark.parametrize("number", [15, 2])
def test_stop_when_signal_comes_sets_the_flag_and_wakes_the_waiter(number: int) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(number)
        assert child.stdout.read() == "stopped in order\n"
    assert child.returncode == 0
