"""Research to live: the same class, configuration file and ticks through real processes ask for the same orders as the backtest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_instance import Running

from ringfence import backtest
from ringfence.ipc.schema import ENUMS
from ringfence.journal import Reader

NEW = ENUMS["IntentKind"].by_name["NEW"]
SAME = ("client_id", "instrument", "side", "ord_type", "time_in_force", "qty", "px")
TICKS = 1_500
STRATEGY = f"""
import ringfence


@ringfence.strategy(nopython=True)
class Follower:
    symbols = ("EUR/USD",)
    seen: int = 0
    last: int = 0

    def on_quote(self, quote):
        self.seen += 1
        moved = quote.bid - self.last
        self.last = quote.bid
        if self.seen % 3 == 0 and moved > 0:
            self.buy(quote.instrument, 100 + self.seen, quote.bid - moved)
        elif moved < 0 and self.seen % 5 == 0:
            self.sell(quote.instrument, 100 + self.seen, quote.bid, 4)
        if self.seen == {TICKS}:
            self.stop()
"""
FEED = """
[feed]
speed = "follow"
loop = false
[[feed.ticks]]
instrument = "EUR/USD"
file = "package:eurusd_ticks.csv"
format = "histdata"
"""


@pytest.fixture
def running(tmp_path: Path, instance: str) -> Iterator[Running]:
    made = Running(tmp_path, instance)
    made.change("intents = 256", "intents = 2048")  # none is refused because the ring is full: the orders depend on ticks alone
    made.add(FEED)
    yield made
    made.close()


def asked(intents: Any) -> list[tuple[int, ...]]:
    return [tuple(int(i[n]) for n in SAME) for i in intents if int(i["kind"]) == NEW]


@pytest.mark.timeout(180)
def test_live_when_the_same_ticks_go_through_processes_the_orders_are_those_of_the_backtest(running: Running, tmp_path: Path) -> None:
    file = tmp_path / "follower.py"
    file.write_text(STRATEGY)
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    command = [sys.executable, "-m", "ringfence.tools.cli", "run", f"{file}:Follower", "--name", "s1", "--instance", running.name, "--mode", "python"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr + running.logs()
    running.down()
    names: dict[str, Any] = {"__name__": "follower"}
    exec(compile(STRATEGY, str(file), "exec"), names)
    ticks = {"EUR/USD": backtest.read_ticks("package:eurusd_ticks.csv", "histdata", 6)}
    result = backtest.run(names["Follower"], ticks, mode="python", config=running.config, name="s1")
    live = asked(Reader(running.data / "journal").records("INTENT").payloads)
    assert live == asked(result.intents)
    assert len(live) > 200
    day = backtest.read_day(running.data / "journal", "s1")
    assert asked(day.intents) == live
    assert len(day.orders) == len(result.orders)
