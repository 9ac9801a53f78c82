"""The kill matrix: every point of ``failpoints.py``, killed and stopped, in an instance of the test build under load.

One instance serves many rows: the plan is rewritten while it runs (``Running.arm``). After each row, when the victim is back, the books of venue,
engine, strategies and journal are compared and the journal is replayed. A row that failed leaves its instance to nobody.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance_under_load import Ledger, Load, asked_of, assert_equal_books, settle
from running_instance import Running

from ringfence.gateways.fix.store import MessageStore
from ringfence.strategy import InstanceNotRunning, InstanceStopped, Strategy
from ringfence.tools import control_client
from ringfence.tools.errors import ToolError

from .failpoints import DISK_ERROR, MATRIX, NO_SPACE, Point

ROOT = Path(__file__).resolve().parents[2]
TRADER = Path(__file__).with_name("strategy_process.py")
CASES = [(p, action) for p in sorted(MATRIX, key=lambda p: p.by == "roll") for action in p.actions]  # last: the journal that rows after it would replay
DENIED = ("STALE", "SESSION_DOWN", "JOURNAL_PRESSURE", "JOURNAL_LATE", "TRADING_HALTED", "GATEWAY_STALLED", "STRATEGY_STALLED")  # may pass, never last
BREAKS = ("UNKNOWN_OUTCOME",)
ELSEWHERE = ("store", "word")  # rows that a test of their own serves: below, and in test_kill_switch.py
STOP_S = 0.05
IDS_OF_A_LIFE = 1_000_000  # client ids for each strategy process or attach: more than it can send in any row
PACE_S = 0.02
SUPERVISOR = """
[supervisor]
restarts_max = 1000000
restart_wait_ms = 10
restart_wait_max_ms = 50
"""
_names = itertools.count(1)
_ids = itertools.count(1)


class Matrix:
    """One instance and those who load it."""

    def __init__(self, directory: Path, build: Path, commit: str) -> None:
        self.running, self.commit = Running(directory, f"t{os.getpid()}k{next(_names)}", failpoints=build, shadow=True), commit
        self.running.add(SUPERVISOR)
        self.running.change("enabled = true", "enabled = true\nsnapshot_every_s = 1")
        self.running.change("orders = 8192", "orders = 32768")  # for all rows of the matrix, however long each takes
        self.running.change("executions = 8192", "executions = 32768")
        self.running.change("journal = 1024", "journal = 8192")  # where the sidecar is dead, all intents of a row are still taken, not only cancels
        self.running.change("segment_mib = 1", f'segment_mib = 1\ncommit = "{commit}"')
        self.running.arm("")
        self.running.start_venue()
        assert self.running.up() == 0, self.running.logs()
        self.running.wait_session_up()
        self.loads: list[Load | Ledger] = []
        self.load = self.new_load()

    def new_load(self) -> Load:
        made = Load(self.running, first=next(_ids) * IDS_OF_A_LIFE)
        self.loads.append(made)
        return made

    # ---- a row

    def run(self, point: Point, action: str) -> None:
        self.running.arm(f"{point.first},{point.id}:{point.nth}:{action}".lstrip(","))
        getattr(self, f"by_{point.by.split()[0]}")(point, action)
        self.running.arm("")
        self.running.wait_session_up()
        self.load.step(3)
        settle(self.running, *self.loads)
        control_client.checkpoint(self.running.name)
        self.load.read()
        self.running.until("the journal", lambda: self.persisted() >= int(self.running.engine_row()["seq"]))
        assert_equal_books(self.running, *self.loads, denied=DENIED, tolerated=BREAKS)

    def persisted(self) -> int:
        return int(self.running.sections("from.sidecar", "mark")[0]["position"])

    def reached(self, point: Point) -> int:
        return self.running.until(f"{point.id} ({point.where})", lambda: self.running.hit(point.id))

    def afterwards(self, point: Point, action: str, pid: int) -> None:
        """The victim is dead: its successor is awaited; or stopped: it goes on after a while, during which the others work."""
        if action == NO_SPACE:
            return
        if action == DISK_ERROR:
            self.suspect()
        elif action == "stop":
            self.running.until("SIGSTOP", lambda: process_state(pid) == "T")
            if point.process != "supervisor":
                self.load.step(2)
            time.sleep(STOP_S)  # for how long it stands still, not for something to happen
            os.kill(pid, signal.SIGCONT)
        elif point.process == "supervisor":
            self.running.until("death", lambda: process_state(pid) in "ZX")
            self.again()
        else:
            self.running.wait_restarted(point.process, pid)

    def suspect(self) -> None:
        """A write or a sync failed: nothing is written any more and no start either, until an operator has looked; the ring kept the rest."""
        marker = self.running.data / "journal" / "SUSPECT"
        self.running.until("SUSPECT", marker.exists)
        self.load.step(2)
        self.running.until("the intents", lambda: self.load.strategy.in_flight == 0)
        assert "from.sidecar" in self.running.down()
        assert self.running.up() != 0
        marker.unlink()
        self.again()

    def again(self) -> None:
        """``up`` once more, and a strategy attached anew."""
        with contextlib.suppress(InstanceStopped):
            self.load.read()
        self.load.strategy.close()
        assert self.running.up() == 0, self.running.logs()
        self.running.wait_session_up()
        self.load = self.new_load()

    # ---- stimuli

    def by_load(self, point: Point, action: str) -> None:
        self.until_hit(point, 3, 30)
        self.afterwards(point, action, self.reached(point))

    def by_roll(self, point: Point, action: str) -> None:
        self.until_hit(point, 60, 60)
        self.afterwards(point, action, self.reached(point))

    def until_hit(self, point: Point, count: int, timeout_s: float, pace_s: float = 0.0) -> None:
        """Orders in small groups, each taken before the next, until the point was reached, or the one that leads there."""
        end = time.monotonic() + timeout_s
        led_by = point.first.partition(":")[0] or point.id
        while not self.running.hit(point.id) and not self.running.hit(led_by) and time.monotonic() < end:
            self.load.step(count)
            self.running.until("the group", lambda: self.running.hit(point.id) or self.load.strategy.in_flight == 0)
            self.load.read()
            time.sleep(pace_s)  # how fast it trades, not for something to happen: rows after this one replay it all

    def by_snapshot(self, point: Point, action: str) -> None:
        """The shadow writes one a second while something happens; what it has not finished is not there for the next, which is."""
        directory = self.running.data / "snapshots"
        self.until_hit(point, 3, 30, PACE_S)
        finished = max((p.name for p in directory.glob("*.rfs")), default="")
        self.afterwards(point, action, self.reached(point))
        self.load.step(3)
        self.running.until("a newer snapshot", lambda: max((p.name for p in directory.glob("*.rfs")), default="") > finished)

    def by_sweep(self, point: Point, action: str) -> None:
        self.load.step(9)
        self.load.sweep()
        self.afterwards(point, action, self.reached(point))

    def by_kill(self, point: Point, action: str) -> None:
        if point.process == "supervisor":
            settle(self.running, *self.loads)
        self.running.kill(point.by.split()[1])
        self.afterwards(point, action, self.reached(point))

    def by_operator(self, point: Point, action: str) -> None:
        self.aside(lambda: control_client.set_strategy(self.running.name, "s2", "enabled", "a test"), point, action)

    def by_operate(self, point: Point, action: str) -> None:
        self.load.step(3)
        settle(self.running, *self.loads)
        self.aside(lambda: control_client.operate(self.running.name, "mass_cancel", "a test", venue="sim"), point, action)

    def by_attach(self, point: Point, action: str) -> None:
        settle(self.running, *self.loads)
        self.aside(lambda: Strategy.attach("s2", self.running.name).close(), point, action)

    def aside(self, ask: object, point: Point, action: str) -> None:
        """Ask in a thread while the one who answers is killed or stopped; whoever asked is answered or sees the connection end."""
        asking = threading.Thread(target=lambda: quietly(ask))
        asking.start()
        self.afterwards(point, action, self.reached(point))
        asking.join(30)
        assert not asking.is_alive(), "who asked was left waiting"

    def by_up(self, point: Point, action: str) -> None:
        settle(self.running, *self.loads)
        self.load.close()
        self.running.arm("")
        assert self.running.down() == []
        epoch = int((self.running.data / "run" / "epoch").read_text())
        self.running.arm(f"{point.id}:{point.nth}:{action}")
        assert self.running.up() != 0
        self.afterwards(point, action, self.reached(point))
        assert int(self.running.engine_row()["epoch"]) > epoch

    def by_down(self, point: Point, action: str) -> None:
        settle(self.running, *self.loads)
        with contextlib.suppress(ToolError):
            self.running.down()
        self.afterwards(point, action, self.reached(point))

    def by_strategy(self, point: Point, action: str) -> None:
        """A strategy process of the test build: what it was about to send exists or not, as the row says."""
        ledger = self.running.directory / f"{point.id}.{action}.ledger"
        with trader(self.running, ledger, next(_ids) * IDS_OF_A_LIFE, 12) as process:
            pid = self.reached(point)
            assert pid == process.pid
            if action == "stop":
                self.afterwards(point, action, pid)
                self.running.until("the whole load", lambda: ledger.read_text().count("n ") == 12)
                process.terminate()
            assert process.wait(30) == (0 if action == "stop" else -signal.SIGKILL)
        self.running.until("its detach", lambda: "s2" not in self.running.status()["strategies"])
        written = Ledger(ledger)
        settle(self.running, *self.loads, written)
        assert len(written.doubted) == (1 if action == "kill" and point.id != "S5" else 0)
        self.running.until("the journal", lambda: self.persisted() >= int(self.running.engine_row()["seq"]))
        existed = written.decide(asked_of(self.running))
        assert bool(existed) == (action == "kill" and point.id == "S4"), "S1 to S3: it never existed; S4: it was taken"
        if action == "kill":
            written.lost += 1  # what it did not read any more is in the tables
        self.loads.append(written)


def quietly(ask: object) -> None:
    assert callable(ask)
    with contextlib.suppress(ToolError, InstanceNotRunning):
        ask()


def process_state(pid: int) -> str:
    """R, S, T ... of /proc; X when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


@contextlib.contextmanager
def trader(running: Running, ledger: Path, first: int, count: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, str(TRADER), running.name, "s2", str(ledger), str(first), str(count), "1"]
    with (running.directory / "trader.log").open("ab") as log:
        process = subprocess.Popen(command, env=running.environment(), stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def holder() -> Iterator[list[Matrix]]:
    """The instance that serves the rows; empty when the last one failed."""
    held: list[Matrix] = []
    yield held
    for matrix in held:
        matrix.load.close()
        matrix.running.close()


@pytest.fixture
def matrix(holder: list[Matrix], failpoint_build: Path, tmp_path: Path, point: Point) -> Iterator[Matrix]:
    made = next((m for m in holder if m.commit == point.commit), None)
    if made is None:
        made = Matrix(tmp_path, failpoint_build, point.commit)
    else:
        holder.remove(made)
    yield made
    if made not in holder:  # the row failed
        made.running.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("point", "action"), [c for c in CASES if c[0].by not in ELSEWHERE], ids=lambda v: v.id if isinstance(v, Point) else v)
def test_instance_when_a_process_stops_at_a_point_keeps_its_books(matrix: Matrix, holder: list[Matrix], point: Point, action: str) -> None:
    matrix.run(point, action)
    holder.append(matrix)


def test_store_when_killed_inside_a_reset_has_both_numbers_new(tmp_path: Path, failpoint_build: Path) -> None:
    """G10: the record of the reset is whole, the header has the old numbers: opening finishes it."""
    path = tmp_path / "sim.store"
    with contextlib.closing(MessageStore(path, "FIX.4.2:A->B")) as store:
        store.append(b"x")
        store.set_next_in(9)
    code = f"from ringfence.gateways.fix.store import MessageStore\nMessageStore({str(path)!r}, 'FIX.4.2:A->B').reset(1, 1, 5)"
    environment = {**os.environ, "PYTHONPATH": str(failpoint_build), "RF_FAILPOINT": "G10:1:kill", "RF_FAILPOINT_DIR": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == -signal.SIGKILL
    with contextlib.closing(MessageStore(path, "FIX.4.2:A->B")) as store:
        assert (store.next_out, store.next_in) == (1, 1)


CALL = re.compile(r'(?:RF_FP\(b?|reached\()"([A-Z]\d+)"\)')


def test_matrix_when_the_source_is_read_has_one_row_for_each_point_and_one_point_for_each_row() -> None:
    found: Counter[str] = Counter()
    for folder in ("core", "ipc", "gateways", "tools"):
        for path in (ROOT / folder).rglob("*.p*"):
            if path.suffix in {".py", ".pyx", ".pxd"} and not path.stem.startswith("failpoint"):
                found.update(CALL.findall(path.read_text()))
    assert found == Counter(p.id for p in MATRIX), "every id once in the source and once in the table"
