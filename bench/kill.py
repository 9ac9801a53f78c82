"""The kill switch of a live instance with many open orders: how soon new orders are blocked, cancels are on the wire, and nothing is open any more.

    demo instance, one strategy of ours ──N resting orders──▶ set_word ──▶ engine: KILL_WORD in the journal     gateway: cancels, reports
                                                                              engine_ns - set_ns                  its counters, polled

Four runs, each with an instance of its own: every process alive; the session limited to ``RATE`` messages/s; the engine stopped (SIGSTOP); engine
and gateway stopped with new orders in the ring between them, from the gateway's SIGCONT on. Each ends with proof: the venue's own record has no open
order, and when the engine goes on its table has none either. New orders are asked for while the word is set: none of them may reach the venue.

    python -m ringfence.bench kill --orders 10000
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringfence.bench.harness import Report, Row, parse, show
from ringfence.gateways.venue.record import read_record
from ringfence.ipc.errors import RingFull
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.strategy import InstanceNotRunning, Strategy
from ringfence.tools import control_client, kill_words
from ringfence.tools.demo import Demo
from ringfence.tools.journal import JournalReader

ORDERS = 10_000
QUICK_ORDERS = 300
RATE = 2_000
BURST = 200
RESERVE = 50
LATE_ORDERS = 20  # sent while the word is set
POLL_S = 0.0002
WAIT_S = 120.0
SYMBOL, PX = "EUR/USD", "0.500000"


@dataclass
class Bench:
    """A demo instance with ``orders`` resting orders."""

    demo: Demo
    strategy: Strategy
    orders: int

    def until(self, what: str, done: Callable[[], Any]) -> float:
        """Poll; seconds of the monotonic clock when it came about."""
        end = time.monotonic() + WAIT_S
        while not done():
            self.demo.check_alive()
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not happen within {WAIT_S:g} s: {self.demo.tail('up.log')}")
            time.sleep(POLL_S)
        return time.monotonic()

    def send(self, count: int) -> None:
        for _ in range(count):
            while True:
                while self.strategy.poll() is not None:
                    pass
                try:
                    self.strategy.buy(SYMBOL, 1000, PX)
                    break
                except RingFull:
                    time.sleep(POLL_S)

    def signal(self, component: str, number: int) -> float:
        """Send it; the time just before, since the one who is woken may run before we do."""
        pid = next(int(c["pid"]) for c in control_client.status(self.demo.name)["components"] if c["name"] == component)
        before = time.monotonic()
        os.kill(pid, number)
        return before

    def open_at_venue(self) -> int:
        return sum(int(o.leaves_qty) > 0 for o in read_record(self.demo.record).orders.values())


@contextmanager
def instance(orders: int, rate: int) -> Iterator[Bench]:
    """Bring a demo up, fill its book, take it down and remove what is left."""

    def adjust(values: dict[str, Any]) -> None:
        values["instance"]["idle"] = "backoff"
        values["rings"] |= {"venue_events": 65536, "commands": 32768}
        values["shadow"]["enabled"] = False
        for strategy in values["strategy"]:
            strategy.pop("command", None)
        if rate:
            values["venue"][0]["session"] |= {"messages_per_s": rate, "burst": BURST, "cancel_reserve": RESERVE}

    with tempfile.TemporaryDirectory(prefix="rf-kill-") as directory:
        demo = Demo(Path(directory), f"kill{os.getpid()}")
        try:
            demo.start(adjust)
            strategy = _attach(demo)
            bench = Bench(demo, strategy, orders)
            with Segment.attach(demo.name, "state") as state:
                engine = state.section("engine")
                bench.until("the session", lambda: int(state.section("venues")[1]["session_state"]) == ENUMS["SessionState"].by_name["UP"])
                while (missing := orders - int(engine[1]["open_orders"])) > 0:
                    bench.send(missing)
                    bench.until("all orders asked", lambda: strategy.in_flight == 0)
                    bench.until("their answers", lambda: not _unanswered(state))
                bench.orders = int(engine[1]["open_orders"])
            yield bench
            strategy.close()
        finally:
            demo.stop()
            demo.left_behind()  # the word is set at the end, so its region outlives the clean stop


def _attach(demo: Demo) -> Strategy:
    """Join once the supervisor says that the engine runs, which is a little after the engine does."""
    end = time.monotonic() + WAIT_S
    while True:
        try:
            return Strategy.attach("mm1", demo.name)
        except InstanceNotRunning:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def _unanswered(state: Segment) -> bool:
    rows = state.section("orders")[1 : int(state.section("engine")[1]["order_count"]) + 1]
    return bool((rows["ord_status"] == ENUMS["OrdStatus"].by_name["PENDING_NEW"]).any())


def _journaled_ns(bench: Bench) -> int:
    """Engine time of the KILL_WORD frame; 0 as long as the sidecar has not written it."""
    observation, kill_word = ENUMS["FrameKind"].by_name["OBSERVATION"], ENUMS["ObservationKind"].by_name["KILL_WORD"]
    for f in JournalReader(bench.demo.directory / "journal").frames():
        if int(f.head["kind"]) == observation and int(f.payload["kind"]) == kill_word:
            return int(f.head["engine_ns"])
    return 0


def measure(what: str, orders: int, rate: int = 0, stopped: Sequence[str] = ()) -> list[Row]:
    """One run; its rows."""
    with instance(orders, rate) as bench:
        gateway = Metrics.attach(bench.demo.name, "gw.sim")
        if rate:
            time.sleep(BURST / rate)  # until the budget is whole
        if "gw.sim" in stopped:
            bench.signal("gw.sim", signal.SIGSTOP)
            bench.send(LATE_ORDERS)
            bench.until("commands in the gateway's ring", lambda: bench.strategy.in_flight == 0)
        if "engine" in stopped:
            bench.signal("engine", signal.SIGSTOP)
        before, offset = gateway.counters(), time.time() - time.monotonic()
        kill_words.set_word(bench.demo.name, None, "bench", os.getuid())
        begin = 0.0
        if "gw.sim" in stopped:
            begin = bench.signal("gw.sim", signal.SIGCONT)
        first = bench.until("a cancel", lambda: gateway.counters()["commands_sent"] + gateway.counters()["kill_cancels"] > before["commands_sent"])
        if "gw.sim" not in stopped:
            bench.send(LATE_ORDERS)
        done = bench.until("the reports", lambda: gateway.counters()["events_out"] >= before["events_out"] + bench.orders)
        with Segment.attach(bench.demo.name, "state") as state:
            engine, begin_again = state.section("engine"), 0.0
            if "engine" in stopped:
                bench.until("no open order at the venue", lambda: bench.open_at_venue() == 0)
                begin_again = bench.signal("engine", signal.SIGCONT)
            empty = bench.until("no open order in the engine", lambda: int(engine[1]["open_orders"]) == 0)
            bench.until("an answer to every intent", lambda: bench.strategy.in_flight == 0)
            bench.until("their end", lambda: int(engine[1]["open_orders"]) == 0)
        bench.until("no open order at the venue", lambda: bench.open_at_venue() == 0)
        begin = begin or kill_words.read_words(bench.demo.name)[0].set_ns / 1e9 - offset
        after = gateway.counters()
        if after["orders_sent"] != before["orders_sent"]:
            raise RuntimeError(f"{after['orders_sent'] - before['orders_sent']} new orders left while the word was set")
        gateway.close()
        rows = [Row(what, "-", "open orders", bench.orders, None)]
        if not stopped:
            bench.until("the word in the journal", lambda: _journaled_ns(bench))
            rows.append(Row(what, "-", "word to journal, us", (_journaled_ns(bench) - kill_words.read_words(bench.demo.name)[0].set_ns) / 1e3, None))
        rows += [
            Row(what, "-", "first cancel out, ms", (first - begin) * 1e3, None),
            Row(what, "-", "all confirmed to the gateway, ms", (done - begin) * 1e3, None),
            Row(what, "-", "cancels of the gateway", after["kill_cancels"], None),
            Row(what, "-", "throttle allows, ms", max(0, after["kill_cancels"] - BURST) / rate * 1e3 if rate else 0.0, None),
            Row(what, "-", "engine's list empty, ms" + (" after its SIGCONT" if "engine" in stopped else ""), (empty - (begin_again or begin)) * 1e3, None),
        ]
        return rows


def main(argv: Sequence[str]) -> int:
    """Entry of ``python -m ringfence.bench kill``."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--orders", type=int, default=0)
    known, rest = own.parse_known_args(argv)
    options = parse("kill", rest, __doc__, rounds=1)
    orders = known.orders or (QUICK_ORDERS if options.quick else ORDERS)
    rows = measure("all alive", orders)
    rows += measure(f"at {RATE:,} messages/s", orders, RATE)
    rows += measure("engine stopped", orders, stopped=("engine",))
    rows += measure("engine and gateway stopped", orders, stopped=("gw.sim", "engine"))
    notes = ["no new order left while the word was set; at the end venue and engine have no open order", f"reports are polled every {POLL_S * 1e6:g} us"]
    return show(Report("kill", {}, rows, notes), options)
