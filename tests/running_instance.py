"""A whole instance of real processes for a test: simulated venue, supervisor and its children, on an ephemeral port and tiny tables."""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ringfence.gateways.data import data_file
from ringfence.gateways.venue.record import VenueRecord, read_record
from ringfence.ipc.errors import RegionMissing
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.regions import list_regions, unlink_stale
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import control_client, supervisor
from ringfence.tools.replay import ReplayResult, replay

T = TypeVar("T")
PLAN_BYTES = 4096  # RF_PLAN_BYTES of ipc/failpoint.h
CONFIG = """
[instance]
name = "{name}"
data_dir = "data"
mode = "demo"
prefix = "T1"
idle = "backoff"
durability = "{durability}"
timer_ms = 50
[rings]
journal = 1024
commands = 1024
venue_events = 256
intents = 256
strategy_events = 1024
control = 64
[limits]
orders = 8192
executions = 8192
positions = 64
breaks = 256
[journal]
segment_mib = 1
reduce_ms = 10000
halt_ms = 30000
[shadow]
enabled = {shadow}
[[instrument]]
symbol = "EUR/USD"
base = "EUR"
quote = "USD"
price_digits = 6
qty_digits = 0
tick = "0.000001"
lot = "1"
qty_min = "1"
qty_max = "1000000"
[[account]]
name = "main"
currency = "USD"
[[venue]]
name = "sim"
[venue.session]
sender_comp_id = "RINGFENCE"
target_comp_id = "SIM"
host = "127.0.0.1"
port = {port}
heartbeat_s = 5
reconnect_min_s = 0.05
reconnect_max_s = 0.5
[[strategy]]
name = "s1"
[[strategy]]
name = "s2"
[[route]]
account = "main"
venue = "sim"
"""


class Running:
    """One instance in ``directory``; ``close`` ends every process and proves that shared memory is empty."""

    def __init__(self, directory: Path, name: str, durability: str = "async", failpoints: Path | None = None, shadow: bool = False) -> None:
        self.directory, self.name = directory, name
        self.generation = 0  # of the plan
        self.failpoints = failpoints  # directory of the test build (.ci/failpoint-build); None: the normal one
        self.config = directory / "instance.toml"
        self.data = directory / "data"
        self.record_path = directory / "venue.record"
        self.venue: subprocess.Popen[str] | None = None
        self.said: list[str] = []
        self.pids: set[int] = set()
        self.port = self.free_port()
        self.config.write_text(CONFIG.format(name=name, port=self.port, durability=durability, shadow=str(shadow).lower()))

    def copy(self, directory: Path) -> Running:
        """This instance as it was stopped, of the same name and port, in another directory; the venue with its files too. One runs at a time."""
        shutil.copytree(self.directory, directory, dirs_exist_ok=True)
        made = Running(directory, self.name, failpoints=self.failpoints)
        made.port = self.port
        made.config.write_text(self.config.read_text())
        return made

    @staticmethod
    def free_port() -> int:
        """A port that nobody has, below those that the system gives away: none of them is taken, or connected to itself, while a venue is started again."""
        first_given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        while True:
            port = random.randrange(10_000, max(first_given, 20_000))
            with contextlib.suppress(OSError), socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
                return port

    def add(self, text: str) -> None:
        self.config.write_text(self.config.read_text() + text)

    def change(self, old: str, new: str) -> None:
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def start_venue(self) -> None:
        command = [sys.executable, "-m", "ringfence.gateways.venue", "--port", str(self.port), "--sender-comp-id", "SIM", "--target-comp-id", "RINGFENCE"]
        quotes = ["--symbol", "EUR/USD:6", "--ticks", f"EUR/USD={data_file('eurusd_ticks.csv')}:histdata", "--speed", "10", "--level-qty", "100000000"]
        files = ["--store", str(self.directory / "venue.store"), "--record", str(self.record_path)]
        log = (self.directory / "venue.log").open("a")
        self.venue = subprocess.Popen([*command, *quotes, *files], stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.venue.stdout is not None
        line = self.venue.stdout.readline()
        assert line.startswith("listening"), (self.directory / "venue.log").read_text()

    def up(self, options: supervisor.Options | None = None) -> int:
        """Bring it up detached; the exit code."""
        chosen = options or supervisor.Options()
        code = self._up_with_failpoints() if self.failpoints else supervisor.up(self.config, True, self.said.append, chosen)
        if code == 0:
            self.note_pids()
        return code

    def environment(self) -> dict[str, str]:
        """Of the processes of the test build; the plan that they follow is in ``directory/failpoints``."""
        assert self.failpoints is not None
        return {**os.environ, "PYTHONPATH": str(self.failpoints), "RF_FAILPOINT_DIR": str(self.directory / "failpoints")}

    def _up_with_failpoints(self) -> int:
        command = [sys.executable, "-m", "ringfence.tools.cli", "up", str(self.config), "--detach"]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=60, check=False)
        self.said += (done.stdout + done.stderr).splitlines()
        return done.returncode

    def arm(self, plan: str) -> None:
        """Have the processes of the test build follow another plan (``ID:N:ACTION``, see ``ipc/failpoint.h``); "" for none."""
        directory = self.directory / "failpoints"
        directory.mkdir(exist_ok=True)
        for hit in directory.iterdir():
            if hit.name != "plan":
                hit.unlink()
        file = directory / "plan"
        if not file.exists():
            file.write_bytes(bytes(PLAN_BYTES))
        with file.open("r+b") as plan_file, mmap.mmap(plan_file.fileno(), PLAN_BYTES) as mapped:
            mapped[:8] = bytes(8)
            mapped[8:] = plan.encode().ljust(PLAN_BYTES - 8, b"\0")
            self.generation += 1
            if plan:
                mapped[:8] = struct.pack("<Q", self.generation)

    def hit(self, point: str) -> int:
        """Pid of the process that has reached a point of the plan; 0 while none has."""
        try:
            text = (self.directory / "failpoints" / point).read_text()
        except FileNotFoundError:
            return 0
        return int(text) if text.endswith("\n") else 0

    def status(self) -> dict[str, Any]:
        return control_client.status(self.name)

    def note_pids(self) -> dict[str, int]:
        """Pids by component, supervisor included; remembered for ``close``."""
        status = self.status()
        pids = {str(c["name"]): int(c["pid"]) for c in status["components"]} | {"supervisor": int(status["pid"])}
        self.pids |= {p for p in pids.values() if p}
        return pids

    def kill(self, component: str) -> int:
        """SIGKILL a component; its pid."""
        pid = self.note_pids()[component]
        assert pid > 0, f"{component} is not running; logs:\n{self.logs()}"
        os.kill(pid, signal.SIGKILL)
        return pid

    def down(self) -> list[str]:
        return control_client.down(self.name)

    def until(self, what: str, probe: Callable[[], T], timeout_s: float = 30.0) -> T:
        """Poll until ``probe`` returns something true."""
        end = time.monotonic() + timeout_s
        while not (found := probe()):
            assert time.monotonic() < end, f"{what} did not happen; logs:\n{self.logs()}"
            time.sleep(0.005)
        return found

    def wait_session_up(self) -> None:
        """By the engine's word and the gateway's: tables that a journal gave back say what was so before."""
        up = ENUMS["SessionState"].by_name["UP"]

        def both() -> bool:
            try:
                gateway = Metrics.attach(self.name, "gw.sim").counters()
            except RegionMissing:
                return False
            return gateway["session_state"] == up == self.venue_row()["session_state"]

        self.until("session up", both)

    def wait_restarted(self, component: str, old_pid: int) -> None:
        def running() -> bool:
            row = next(c for c in self.status()["components"] if c["name"] == component)
            return row["pid"] not in (0, old_pid) and row["state"] == "RUNNING"

        self.until(f"restart of {component}", running)
        self.note_pids()

    def venue_row(self) -> Any:
        with Segment.attach(self.name, "state") as state:
            return state.section("venues")[1].copy()

    def engine_row(self) -> Any:
        with Segment.attach(self.name, "state") as state:
            return state.section("engine")[1].copy()

    def orders(self) -> np.ndarray[Any, Any]:
        with Segment.attach(self.name, "state") as state:
            return state.section("orders")[1 : int(state.section("engine")[1]["order_count"]) + 1].copy()

    def sections(self, region: str, section: str) -> np.ndarray[Any, Any]:
        with Segment.attach(self.name, region) as attached:
            return attached.section(section).copy()

    def record(self) -> VenueRecord:
        return read_record(self.record_path)

    def replay(self) -> ReplayResult:
        return replay(self.data / "journal")

    def logs(self) -> str:
        files = sorted((self.data / "logs").glob("*.log")) if (self.data / "logs").is_dir() else []
        return "\n".join([*self.said, *(f"== {f.name}\n{f.read_text()[-3000:]}" for f in files)])

    def _started(self) -> set[int]:
        """Pids of the live processes that a supervisor has started, those among them that own no region yet."""
        log = self.data / "logs" / "supervisor.log"
        named = {int(n) for n in re.findall(r" as process (\d+)", log.read_text())} if log.exists() else set()
        return {pid for pid in named if str(self.data).encode() in _command_line(pid)}

    def close(self) -> None:
        lock = self.data / "run" / "lock"
        if lock.exists() and (text := lock.read_text().strip()):
            self.pids.add(int(text))
        owners = {r.writer_pid for r in list_regions(self.name) if r.alive} | self._started()
        for pid in (self.pids & owners) | (owners - {os.getpid()}):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self.venue is not None:
            self.venue.kill()
            self.venue.wait()
            assert self.venue.stdout is not None
            self.venue.stdout.close()
        self.until("end of all processes", lambda: not any(r.alive for r in list_regions(self.name)))
        unlink_stale(self.name)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
