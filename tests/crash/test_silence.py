"""Who falls silent in a running instance: a strategy that stands still (dead-man's switch), a session that breaks (cancel on disconnect)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from instance_under_load import Ledger, Load, assert_equal_books, settle
from running_instance import Running

from ringfence.ipc.schema import ENUMS
from ringfence.tools import control_client
from ringfence.tools.journal import JournalReader

from .test_failpoints import process_state
from .test_kill_switch import open_at_venue, rest

TRADER = Path(__file__).with_name("strategy_process.py")
DEADMAN_MS = 1000
STATUS = ENUMS["StrategyStatus"].by_value
OBSERVATION = ENUMS["FrameKind"].by_name["OBSERVATION"]
SILENT = ENUMS["ObservationKind"].by_name["STRATEGY_SILENT"]


def start(running: Running) -> None:
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()


@contextmanager
def trader(running: Running, ledger: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Strategy s1 as a process of its own; it ends at the latest with the block."""
    words = [running.name, "s1", str(ledger), "1", "0", "2"]
    process = subprocess.Popen([sys.executable, str(TRADER), *words], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def strategy(running: Running, row: int = 1) -> Any:
    return running.sections("state", "strategies")[row]


def assert_books(running: Running, *loads: Load | Ledger, denied: tuple[str, ...] = ()) -> None:
    settle(running, *loads)
    control_client.checkpoint(running.name)
    running.until("the journal", lambda: int(running.sections("from.sidecar", "mark")[0]["position"]) >= int(running.engine_row()["seq"]))
    assert_equal_books(running, *loads, denied=denied)


def test_strategy_when_it_stands_still_is_cancelled_refused_and_the_journal_says_why(running: Running, tmp_path: Path) -> None:
    running.change('name = "s1"\n', f'name = "s1"\ndeadman_ms = {DEADMAN_MS}\n')
    start(running)
    other = Load(running, "s2", first=100_000)
    rest(other, 5)
    path = tmp_path / "ledger"
    with trader(running, path) as process:
        running.until("orders of both", lambda: int(strategy(running)["open_orders"]) >= 5 and open_at_venue(running) >= 10)
        assert STATUS[int(strategy(running)["status"])] == "ENABLED"
        process.send_signal(signal.SIGSTOP)
        running.until("that it stands still", lambda: process_state(process.pid) == "T")
        running.until("the end of its orders", lambda: int(strategy(running)["open_orders"]) == 0)
        assert open_at_venue(running) == 5, "the other strategy's orders stay"
        assert (STATUS[int(strategy(running)["status"])], int(strategy(running)["silent"])) == ("CANCEL_ONLY", 1)
        assert STATUS[int(strategy(running, 2)["status"])] == "ENABLED"
        made = int(strategy(running)["orders"])
        process.send_signal(signal.SIGCONT)
        running.until("a refusal", lambda: "STRATEGY_DISABLED" in path.read_text())
        assert int(strategy(running)["orders"]) == made, "nothing new of it is taken"
    ledger = Ledger(path)
    assert ledger.doubted == []
    rest(other, 1)
    other.read()
    assert_books(running, other, ledger, denied=("STRATEGY_DISABLED",))
    assert other.denied == {}
    frames = [f.payload for f in JournalReader(running.data / "journal").frames() if int(f.head["kind"]) == OBSERVATION]
    silences = [(int(p["peer"]), int(p["value"])) for p in frames if int(p["kind"]) == SILENT]
    assert [row for row, _ in silences] == [1]
    assert silences[0][1] > DEADMAN_MS * 1_000_000
    other.close()


@pytest.mark.parametrize("wanted", [True, False], ids=["cancels", "keeps"])
def test_session_when_it_breaks_cancels_what_is_open_only_where_the_venue_is_configured_so(running: Running, wanted: bool) -> None:
    running.change('[[venue]]\nname = "sim"\n', f'[[venue]]\nname = "sim"\ncancel_on_disconnect = {str(wanted).lower()}\n')
    start(running)
    load = Load(running)
    rest(load, 20)
    running.until("open orders", lambda: open_at_venue(running) == 20)
    settle(running, load)
    running.wait_restarted("gw.sim", running.kill("gw.sim"))
    running.wait_session_up()
    if wanted:
        running.until("the end of all orders", lambda: open_at_venue(running) == 0)
        running.until("the engine's view", lambda: int(running.engine_row()["open_orders"]) == 0)
    settle(running, load)
    assert open_at_venue(running) == (0 if wanted else 20)
    rest(load, 1)
    running.until("a new order", lambda: open_at_venue(running) == (1 if wanted else 21))
    load.read()
    assert load.denied == {}
    assert_books(running, load)
    load.close()
