"""``ringfence demo``: a whole instance on real ticks against a simulated venue, then proof that nothing was lost.

    demo ─┬─▶ venue    python -m ringfence.gateways.venue, ports reserved beforehand, writes its own record; EUR/USD as the instance's own feed quotes it,
          │            USD/JPY from a tick file of its own, told to the feed by a FIX market data session
          └─▶ ringfence up CONFIG ─▶ engine, gateway, sidecar, feed, two strategies (demo_strategies)

Data flow while it runs: the instance's regions, read-only, through ``tools.views``. At the end: stop the strategies, then the rest, and compare what is
left on disk: the journal is replayed and must give the state hash of the engine's last checkpoint, and positions, fills and quantities must equal the
venue's record. Exit 0 only if all of that holds and neither a process nor shared memory is left; 7 when something differs; 130 after Ctrl-C with everything
in order.

Both children are told to end should this process be killed (PR_SET_PDEATHSIG), and live in their own session, so that Ctrl-C reaches only us and the stop is
orderly. Rejected: running engine and gateway inside this process; it would show another system than the one that trades.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ringfence.ipc import regions
from ringfence.ipc.histogram import Histogram
from ringfence.tools import demo_checks, demo_screen
from ringfence.tools.commands.host import toml_lines
from ringfence.tools.errors import Refused, TimedOut, ToolError, UsageError
from ringfence.tools.ledger_store import FILE_NAME
from ringfence.tools.views import latency, market, processes
from ringfence.tools.views.instance import Instance

START_S = 20.0
STOP_S = 20.0
FRAME_S, POLL_S = 0.25, 0.03
SPEED = 1000.0
TAKER_SYMBOL = "USD/JPY"  # mm2, tools/demo_strategies.py; mm1 is tools/examples/maker.py, compiled where numba is installed
TAKER_FILE = "usdjpy_ticks.csv"
VENUE_RECORD = "venue.ndjson"
INTERRUPTED = 130
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Demo:
    """One run: its directory, its two child processes and what was last seen of the instance."""

    directory: Path
    name: str
    venue: subprocess.Popen[str] | None = None
    supervisor: subprocess.Popen[str] | None = None
    port: int = 0
    market_data_port: int = 0
    market_data: int = 0
    """Times that the feed logged on to the venue's market data, and was told something by it."""
    started: float = field(default_factory=time.monotonic)
    first_fill_s: float | None = None
    ready: bool = False
    stages: dict[str, Histogram] = field(default_factory=dict)
    pids: set[int] = field(default_factory=set)

    @property
    def config(self) -> Path:
        return self.directory / "demo.toml"

    @property
    def record(self) -> Path:
        return self.directory / VENUE_RECORD

    def _spawn(self, log: str, *command: str, pipe: bool = False) -> subprocess.Popen[str]:
        with open(self.directory / log, "ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else out,
                stderr=out,
                text=True,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509, this process has no threads
                env={**os.environ, "RINGFENCE_INSTANCE": self.name},
            )

    def start(self, adjust: Callable[[dict[str, Any]], None] = lambda _values: None) -> None:
        """Start venue and instance side by side and return when both work; ``adjust`` may change the configuration before it is written.

        Raises
        ------
        ToolError
            If one of them ends instead; with what it said.
        """
        self.reserve_port()
        instruments = self.write_config(adjust)
        self.start_instance()
        self.start_venue(instruments)
        self.wait_venue()
        self.wait_ready()
        self.ready = True

    def reserve_port(self) -> None:
        """Bind two free ports without listening, so that venue and instance can start side by side and nobody else gets them."""
        self._reserved = [socket.socket() for _ in range(2)]
        for sock in self._reserved:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", 0))
        self.port, self.market_data_port = (sock.getsockname()[1] for sock in self._reserved)

    def start_venue(self, symbols: list[dict[str, Any]]) -> None:
        """Start the simulated venue."""
        spec = {
            "port": self.port,
            "sender_comp_id": "SIM",
            "target_comp_id": "RINGFENCE",
            "seed": 7,
            "latency_ms": ["0.2", "1.5"],
            "reject_ppm": 5000,
            "commission_ppm": 2,
            "symbols": [
                {"symbol": s["symbol"], "price_digits": s["price_digits"], "instrument": row, "level_qty": [100_000, 400_000], "clip": 50_000}
                for row, s in enumerate(symbols, 1)
            ],
            "quotes": {
                "instance": self.name,
                "ticks": [{"symbol": TAKER_SYMBOL, "file": TAKER_FILE, "format": "truefx"}],
                "speed": SPEED,
            },
            "market_data": {"port": self.market_data_port, "sender_comp_id": "SIMMD", "target_comp_id": "RINGFENCE"},
            "store": "venue.store",
            "record": VENUE_RECORD,
        }
        (self.directory / "venue.json").write_text(json.dumps(spec, indent=2) + "\n")
        self.venue = self._spawn("venue.log", "ringfence.gateways.venue", "--spec", str(self.directory / "venue.json"), pipe=True)

    def wait_venue(self) -> None:
        """Return when the venue listens.

        Raises
        ------
        ToolError
            If it ends before.
        """
        words = self.venue.stdout.readline().split() if self.venue is not None and self.venue.stdout is not None else []
        for sock in self._reserved:
            sock.close()
        if words[:1] != ["listening"]:
            raise ToolError(f"the simulated venue did not start: {self.tail('venue.log')}")

    def write_config(self, adjust: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
        """Write ``demo.toml`` from the example; return its instruments."""
        text = resources.files("ringfence.tools.examples").joinpath("demo.toml").read_text()
        values: dict[str, Any] = tomllib.loads(text)
        instance = values["instance"]
        instance["name"], instance["data_dir"], instance["mode"] = self.name, ".", "demo"
        own = [t for t in values["feed"]["ticks"] if t["instrument"] != TAKER_SYMBOL]
        waits = {"reconnect_min_s": 0.05, "reconnect_max_s": 0.2}
        venue = {"host": "127.0.0.1", "port": self.market_data_port, "sender_comp_id": "RINGFENCE", "target_comp_id": "SIMMD"}
        market_data = {"name": "simmd", **venue, **waits, "symbols": [TAKER_SYMBOL], "depth": 5}
        values["feed"] |= {"speed": SPEED, "loop": True, "mark_ms": 100, "ticks": own, "session": [market_data]}
        for strategy in values["strategy"]:
            who = ["--name", strategy["name"], "--instance", self.name]
            if strategy["name"] == "mm1":
                maker = str(resources.files("ringfence.tools.examples").joinpath("maker.py"))
                strategy["command"] = [sys.executable, "-m", "ringfence.tools.cli", "run", maker, *who]
            else:
                strategy["command"] = [sys.executable, "-m", "ringfence.tools.demo_strategies", "taker", "--symbol", TAKER_SYMBOL, *who]
        session = values["venue"][0]["session"]
        session["host"], session["port"] = "127.0.0.1", self.port
        session |= waits
        adjust(values)
        head = ["# Written by ringfence demo; the simulated venue of that run is gone, so its port answers nobody.", ""]
        self.config.write_text("\n".join([*head, *toml_lines(values)]) + "\n")
        instruments: list[dict[str, Any]] = values["instrument"]
        return instruments

    def start_instance(self) -> None:
        """Start the supervisor."""
        self.supervisor = self._spawn("up.log", "ringfence.tools.cli", "up", str(self.config))

    def wait_ready(self) -> None:
        """Return when the engine beats.

        Raises
        ------
        ToolError
            If the supervisor ends first; with what it said.
        TimedOut
            After ``START_S``.
        """
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            self.check_alive()
            if any(r.name == "state" and r.ready for r in regions.list_regions(self.name)):
                with Instance(self.name) as instance:
                    if instance.engine_age is not None and instance.stale_ns is None:
                        return
            time.sleep(POLL_S)
        raise TimedOut(f"the instance was not ready after {START_S:g} s: {self.tail('up.log')}")

    def check_alive(self) -> None:
        for child, log in ((self.supervisor, "up.log"), (self.venue, "venue.log")):
            if child is not None and child.poll() is not None:
                raise ToolError(f"{log.removesuffix('.log')} ended with exit code {child.returncode}: {self.tail(log)}")

    def tail(self, log: str) -> str:
        path = self.directory / log
        lines = path.read_text(errors="replace").strip().splitlines()[-5:] if path.exists() else []
        return " | ".join(lines) or f"{path} is empty"

    def look(self, instance: Instance) -> None:
        """Remember what the summary needs and what is gone after the stop."""
        self.stages = latency.histograms(instance) or self.stages
        self.market_data = max(self.market_data, _market_data(instance))
        self.pids |= {int(r["pid"]) for r in processes.status(instance) if r["pid"]}

    def note_first_fill(self, instance: Instance) -> None:
        engine = instance.engine
        if self.first_fill_s is None and engine is not None and int(engine["fills"]):
            self.first_fill_s = time.monotonic() - self.started

    def stop(self) -> None:
        """Stop the instance, then the venue: each is asked, waited for, and killed only when it does not end."""
        for child in (self.supervisor, self.venue):
            if child is None:
                continue
            if child.poll() is None:
                child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if child.stdout is not None:
                child.stdout.close()

    def left_behind(self) -> list[str]:
        """Return regions and processes of this run that are still there, and remove the regions of dead ones."""
        alive = [f"process {pid}" for pid in sorted(self.pids) if regions.process_start_ticks(pid) is not None]
        left = [f"/dev/shm/rf.{self.name}.{r.name}" for r in regions.list_regions(self.name)]
        if left:
            regions.unlink_stale(self.name)
        return alive + left


def _market_data(instance: Instance) -> int:
    """Logons of the feed's market data session, 0 while nothing of it has reached the instrument's row."""
    told = [row for row in market.market(instance) if row["symbol"] == TAKER_SYMBOL and row["quotes"]]
    metrics = instance.metrics("feed") if told else None
    return int(metrics.counters()["md_connects"]) if metrics is not None else 0


def _watch(demo: Demo, seconds: float, screen: demo_screen.Screen) -> bool:
    """Show the running instance until the time is up; return True when interrupted by Ctrl-C."""
    due = time.monotonic()
    until = due + seconds
    try:
        while (left := until - time.monotonic()) > 0:
            demo.check_alive()
            with Instance(demo.name) as instance:
                demo.note_first_fill(instance)
                if time.monotonic() >= due:
                    demo.look(instance)
                    screen.show(instance, demo.started, seconds)
                    due += FRAME_S
            time.sleep(min(FRAME_S if demo.first_fill_s is not None else POLL_S, left))
        with Instance(demo.name) as instance:
            demo.look(instance)
    except KeyboardInterrupt:
        return True
    return False


def _run(demo: Demo, seconds: float, screen: demo_screen.Screen) -> bool:
    """Start, watch, stop; whatever happens in between, both children are stopped."""
    try:
        try:
            demo.start()
        except KeyboardInterrupt:
            return True
        with screen:
            return _watch(demo, seconds, screen)
    finally:
        screen.say("stopping")
        demo.stop()


def _directory(keep: str | None, stack: ExitStack) -> Path:
    """Return the directory of the run: ``keep``, which must not hold a journal yet, or a temporary one."""
    if keep is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rf-demo-")))
    path = Path(keep).resolve()
    if (path / "journal").exists():
        raise Refused(f"{path} holds a journal already; give a new directory, or remove it: rm -r {path}")
    path.mkdir(parents=True, exist_ok=True)
    return path


def run(args: argparse.Namespace) -> int:
    """Run the demo and its checks; see the module's text for the exit code."""
    if args.seconds < 1:
        raise UsageError(f"--for was {args.seconds:g}; allowed: 1 second or more")
    as_json = args.options.output in {"json", "ndjson"}
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # a service manager's stop is as orderly as Ctrl-C
    with ExitStack() as stack:
        demo = Demo(_directory(args.keep, stack), f"demo{os.getpid()}")
        screen = demo_screen.choose(args.options, silent=as_json or args.options.quiet, live=not args.check)
        screen.say(f"demo {demo.name}: venue, engine, gateway, sidecar, feed and two strategies for {args.seconds:g} s")
        compiled = "compiled by numba (the first start takes some seconds more)" if find_spec("numba") else "in plain Python, numba is not installed"
        screen.say(f"market maker mm1 runs {compiled}; taker mm2 in plain Python")
        interrupted = _run(demo, args.seconds, screen)
        left = demo.left_behind()
        if interrupted and not demo.ready:  # an engine that is stopped while it starts writes no checkpoint: there is nothing to compare
            screen.say(f"interrupted before the instance was ready; cleared up: {', '.join(left) or 'nothing'}")
            return INTERRUPTED
        screen.say("replaying the journal, comparing with the venue")
        outcome = demo_checks.check(demo.directory, demo.record, left, demo.directory / FILE_NAME)
        if not outcome.venue_fills and not interrupted:
            outcome.differences.append("nothing traded: the comparisons prove nothing")
        if not demo.market_data and not interrupted:
            outcome.differences.append("no market data came over FIX")
        summary = demo_checks.summary(outcome, demo.stages, demo.first_fill_s, args.seconds, args.keep)
        print(json.dumps(summary, ensure_ascii=False) if as_json else "\n".join(demo_checks.text(summary, args.options)))
    if not outcome.ok:
        return 7
    return INTERRUPTED if interrupted else 0
