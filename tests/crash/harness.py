#!/usr/bin/env python3
"""Kill processes of a real instance under load, at random times, and count what was lost or doubled: nothing.

    python tests/crash/harness.py --kills 200 --seed 1 [--all-at-once 0.1] [--stop 0.15] [--durability local] [--keep DIRECTORY]

    venue ◀── gateway ◀── engine ◀── two strategy processes, orders resting all the time        SIGKILL and SIGSTOP from here
                  journal, tables, ledgers of the strategies, the venue's own record ──compared at the end, and with a cold replay

Everything is a process of its own: simulated venue, supervisor, sidecar, engine, gateway, strategies. The seed chooses whom, when and how; the
processes' own timing is the machine's, so a seed repeats the plan and not the run. Processes of the instance are started again by the supervisor,
the supervisor by ``ringfence up``, strategies from here. With ``--all-at-once`` a share of the kills takes every process, with ``--stop`` a share
stops one for a while (SIGSTOP, SIGCONT) instead; after a kill another process may be killed while the first recovers.

Exit code 0, or 7 with the seed, the difference and the directory (which is kept) when something does not agree.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from instance_under_load import Ledger, asked_of, assert_equal_books, settle
from running_instance import Running

from ringfence.ipc.errors import IpcError
from ringfence.ipc.regions import list_regions
from ringfence.tools.errors import ToolError
from ringfence.tools.ledger_store import FILE_NAME, open_store
from ringfence.tools.ledger_verify import verify
from ringfence.tools.replay import replay

TRADER = Path(__file__).with_name("strategy_process.py")
STRATEGIES = ("s1", "s2")
CHILDREN = ("engine", "gw.sim", "sidecar", "shadow", "ledger")
DENIED = ("STALE", "SESSION_DOWN", "JOURNAL_PRESSURE", "JOURNAL_LATE", "TRADING_HALTED", "GATEWAY_STALLED", "STRATEGY_STALLED")
BREAKS = ("UNKNOWN_OUTCOME",)
FIRST_OF_A_LIFE = 100_000
PAUSE_MS = 2
CONFIG = """
[supervisor]
restarts_max = 1000000
restart_wait_ms = 10
restart_wait_max_ms = 100
[ledger]
"""


@dataclass
class Plan:
    """What the command line says."""

    kills: int = 20
    seed: int = 1
    all_at_once: float = 0.1
    stop: float = 0.15
    second: float = 0.3
    durability: str = "async"


@dataclass
class Tally:
    """What happened."""

    kills: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    all_at_once: int = 0
    in_recovery: int = 0
    open_orders: list[int] = field(default_factory=list)
    recovery_s: list[float] = field(default_factory=list)
    gone_with_ring: int = 0
    doubted: int = 0


class Trader:
    """One life of a strategy process. ``ring_lost``: its ring died with the supervisor, and with it what no engine had taken."""

    def __init__(self, running: Running, name: str, life: int) -> None:
        self.name, self.ledger, self.ring_lost, self.killed = name, running.directory / f"{name}.{life}.ledger", False, False
        self.ledger.touch()
        command = [sys.executable, str(TRADER), running.name, name, str(self.ledger), str(life * FIRST_OF_A_LIFE), "0", str(PAUSE_MS)]
        with (running.directory / "traders.log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        self.killed = True
        self.process.kill()
        self.process.wait()


class Harness:
    """One run."""

    def __init__(self, directory: Path, name: str, plan: Plan) -> None:
        self.plan, self.chance, self.tally = plan, random.Random(plan.seed), Tally()
        self.running = Running(directory, name, plan.durability, shadow=True)
        self.running.add(CONFIG)
        self.running.change("enabled = true", "enabled = true\nsnapshot_every_s = 2")
        for old, new in (("orders = 8192", "orders = 65536"), ("executions = 8192", "executions = 65536"), ("breaks = 256", "breaks = 16384")):
            self.running.change(old, new)
        for strategy in STRATEGIES:
            self.running.change(f'name = "{strategy}"', f'name = "{strategy}"\ncancel_on_detach = false')
        self.lives = 0
        self.traders: dict[str, Trader] = {}
        self.past: list[Trader] = []

    # ---- life

    def up(self) -> None:
        assert self.running.up() == 0, self.running.logs()

    def tend(self) -> None:
        """Start the strategies that do not run."""
        for name in STRATEGIES:
            trader = self.traders.get(name)
            if trader is None or not trader.alive:
                if trader is not None:
                    assert trader.killed or trader.process.returncode == 3, (self.running.directory / "traders.log").read_text()[-2000:]
                    self.past.append(trader)
                self.lives += 1
                self.traders[name] = Trader(self.running, name, self.lives)

    def orders_at_work(self) -> int:
        """Open orders, by the engine's table."""
        try:
            return int((self.running.orders()["leaves_qty"] > 0).sum())
        except (IpcError, ValueError):
            return 0

    def wait_for_load(self) -> None:
        """Everybody runs, and orders rest at the venue."""
        self.running.until("all components", self.all_run)
        self.running.wait_session_up()
        self.tend()
        taken = int(self.running.engine_row()["intents"])
        self.running.until("load", lambda: int(self.running.engine_row()["intents"]) > taken + 2 and self.orders_at_work() > 0)

    def all_run(self) -> bool:
        self.tend()
        status = self.running.status()
        return all(c["state"] == "RUNNING" for c in status["components"]) and set(status["strategies"]) == set(STRATEGIES)

    # ---- death

    def run(self) -> None:
        """The whole run; AssertionError when something is lost or doubled."""
        self.running.start_venue()
        self.up()
        self.wait_for_load()
        done = 0
        while done < self.plan.kills:
            time.sleep(self.chance.random() * 0.08)  # how long it lives, not for something to happen
            self.tally.open_orders.append(self.orders_at_work())
            began = time.monotonic()
            done += self.strike()
            self.wait_for_load()
            self.tally.recovery_s.append(time.monotonic() - began)
            show(f"{done}/{self.plan.kills} kills, {self.tally.open_orders[-1]} orders open at the last one")
        self.compare()

    def strike(self) -> int:
        """One blow, perhaps a second one while the first recovers; how many processes' deaths it counts as."""
        luck = self.chance.random()
        if luck < self.plan.all_at_once:
            self.kill_all()
            return 1
        victim = self.chance.choice([*CHILDREN, *CHILDREN, *STRATEGIES, "supervisor"])
        if luck < self.plan.all_at_once + self.plan.stop and victim != "supervisor":
            self.stop(victim)
            return 0
        self.kill(victim)
        if victim == "supervisor" or self.chance.random() >= self.plan.second:
            return 1
        time.sleep(self.chance.random() * 0.3)
        second = self.chance.choice([c for c in (*CHILDREN, *STRATEGIES) if c != victim])
        if self.kill(second, must=False):
            self.tally.in_recovery += 1
            return 2
        return 1

    def kill(self, victim: str, must: bool = True) -> bool:
        if victim in STRATEGIES:
            if not self.traders[victim].alive:
                return False
            self.traders[victim].kill()
        else:
            if not must and not self.running.note_pids()[victim]:
                return False  # it is not started yet
            os.kill(self.pid_of(victim), signal.SIGKILL)
        self.tally.kills[victim] += 1
        if victim == "supervisor":
            self.running.until("death", lambda: not any(r.alive for r in list_regions(self.running.name) if r.name == "instance"))
            self.bury_rings()
            self.up()
        return True

    def pid_of(self, victim: str) -> int:
        """Pid of a component as soon as it has one: a death that the supervisor has only just seen leaves 0, and a signal to 0 is one to ourselves."""
        return self.running.until(f"a process of {victim}", lambda: self.running.note_pids()[victim])

    def kill_all(self) -> None:
        pids = self.running.note_pids()
        for pid in (pids["supervisor"], *(p for n, p in pids.items() if p and n != "supervisor")):
            os.kill(pid, signal.SIGKILL)
        self.bury_rings()
        self.tally.all_at_once += 1
        self.running.until("death of all", lambda: not any(r.alive for r in list_regions(self.running.name)))
        self.up()

    def bury_rings(self) -> None:
        """The supervisor is dead: no engine to come can get the rings of the strategies, which end here too."""
        for trader in self.traders.values():
            trader.ring_lost = True
            trader.kill()

    def stop(self, victim: str) -> None:
        pid = self.traders[victim].process.pid if victim in STRATEGIES else self.pid_of(victim)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.chance.random() * 0.4)  # how long it stands still
        os.kill(pid, signal.SIGCONT)
        self.tally.stops[victim] += 1

    # ---- the end

    def compare_ledger(self) -> None:
        """The database has everything that the journal has, once."""
        with closing(open_store(str(self.running.data / FILE_NAME))) as store:
            found = verify(self.running.data / "journal", store)
        assert (found.differences, found.last_seq) == ([], found.journal_seq), self.running.logs()

    def compare(self) -> None:
        """Let everything come to rest; then venue, engine, strategies, journal and a cold replay must say the same."""
        for trader in self.traders.values():
            trader.process.terminate()
        for trader in self.traders.values():
            assert trader.process.wait(60) == 0, (self.running.directory / "traders.log").read_text()[-2000:]
        self.running.wait_session_up()
        settle(self.running)
        self.running.until("empty rings", self.orders_at_rest)
        lives = [*self.past, *self.traders.values()]
        ledgers = [Ledger(t.ledger) for t in lives]
        left = self.running.down()
        assert left == [], f"regions are left: {left}"
        self.compare_ledger()
        asked = asked_of(self.running)
        for trader, ledger in zip(lives, ledgers, strict=True):
            self.tally.doubted += len(ledger.doubted)
            ledger.decide(asked)
            if trader.killed:
                ledger.lost += 1  # what it did not read any more is in the tables
        missing = sum((ledger.wanted() for ledger in ledgers), Counter[tuple[int, int]]()) - asked
        self.tally.gone_with_ring = sum(ledger.forget(missing) for t, ledger in zip(lives, ledgers, strict=True) if t.ring_lost)
        assert_equal_books(self.running, *ledgers, denied=DENIED, tolerated=BREAKS)
        self.ledgers = ledgers
        self.check_hashes()

    def orders_at_rest(self) -> bool:
        before = int(self.running.engine_row()["intents"])
        settle(self.running)
        return int(self.running.engine_row()["intents"]) == before

    def check_hashes(self) -> None:
        """The hash that the last engine logged, of a cold replay, and of a second one."""
        said = [line for line in (self.running.data / "logs" / "engine.log").read_text().splitlines() if "stopped at sequence" in line][-1]
        cold = [replay(self.running.data / "journal") for _ in range(2)]
        assert {r.state_hash for r in cold} == {int(said.rpartition(" ")[2], 16)}, f"engine: {said}; replay: {[f'{r.state_hash:016x}' for r in cold]}"
        self.replayed = cold[0]

    def summary(self) -> str:
        """What people read."""
        t, record, result = self.tally, self.running.record(), self.replayed
        counts = result.replayer.state.table("engine")[1]
        kills = ", ".join(f"{n} {c}" for n, c in sorted(t.kills.items()))
        stops = ", ".join(f"{n} {c}" for n, c in sorted(t.stops.items())) or "none"
        sent, canceled = (sum(len(x) for x in part) for part in ([ledger.sent for ledger in self.ledgers], [ledger.canceled for ledger in self.ledgers]))
        times = sorted(t.recovery_s)
        return "\n".join(
            [
                f"seed {self.plan.seed}, durability {self.plan.durability}: {sum(t.kills.values())} processes killed ({kills})",
                f"  besides: everything at once {t.all_at_once} times, {t.in_recovery} kills inside a recovery, stopped for a while: {stops}",
                f"  open orders at each blow: {min(t.open_orders)} to {max(t.open_orders)}, on average {sum(t.open_orders) / len(t.open_orders):.0f}",
                f"  until everybody worked again: median {times[len(times) // 2]:.2f} s, longest {times[-1]:.2f} s",
                f"  {sent} orders and {canceled} cancels asked for; {len(record.orders)} orders and {len(record.fills)} fills at the venue",
                f"  {t.doubted} intents were being written when their strategy died, {t.gone_with_ring} went with a ring that died with the supervisor",
                f"  {int(counts['duplicate_fills'])} reports came twice, booked once; {result.frames} frames, {result.checkpoints_verified} checkpoints",
                f"  lost 0, duplicated 0; state hash of engine and two cold replays {result.state_hash:016x}",
            ]
        )

    def close(self) -> None:
        for trader in self.traders.values():
            if trader.alive:
                trader.kill()
        self.running.close()


def show(line: str) -> None:
    """Progress, for a person who watches."""
    if sys.stderr.isatty():
        print(f"\r{line}", end="", file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="kill processes of an instance under load and compare its books with the venue's")
    parser.add_argument("--kills", type=int, default=200, help="how many processes to kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all-at-once", type=float, default=0.1, metavar="P", help="share of blows that kill every process")
    parser.add_argument("--stop", type=float, default=0.15, metavar="P", help="share of blows that only stop one for a while")
    parser.add_argument("--durability", choices=("async", "local"), default="async")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="use this directory and leave it")
    args = parser.parse_args(argv)
    directory = args.keep or Path(tempfile.mkdtemp(prefix="rf-harness-"))
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        parser.error(f"--keep {directory}: not empty; a run needs a directory of its own")
    plan = Plan(args.kills, args.seed, args.all_at_once, args.stop, durability=args.durability)
    harness = Harness(directory, f"h{os.getpid()}", plan)
    try:
        harness.run()
        print(harness.summary())
    except (AssertionError, ToolError):
        print(
            f"{traceback.format_exc()}\nFAILED: seed {args.seed}; repeat: {sys.argv[0]} --kills {args.kills} --seed {args.seed}; files are in {directory}",
            file=sys.stderr,
        )
        return 7
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        harness.close()
    if not args.keep:
        shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
