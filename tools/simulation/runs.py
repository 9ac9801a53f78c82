"""Many runs: one seed each, in this process or in workers, with a record of every one.

    Plan (seed, events, classes or schedule) ──run──▶ Outcome ──▶ one JSON line of the record, a report of each failure, totals

A run is a function of its plan; ``trace`` (a checksum over all journaled bytes) is how two of them are compared. Workers are processes, so that a run that
takes its process with it (a crash in native code) costs that worker: its seeds are run again one by one, and the one that does it is a failure like any other.
The record is appended and flushed after each run, so a long row of seeds goes on where it was stopped; seeds that it has with the same events and
classes are not run again. Rejected: threads (one interpreter lock), a time limit per run in the scheduler (virtual time has none to hit).
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ringfence.core.errors import CoreError
from ringfence.gateways.errors import GatewayError
from ringfence.ipc.errors import IpcError
from ringfence.tools.errors import ToolError, UsageError
from ringfence.tools.simulation import faults
from ringfence.tools.simulation.setup import START_NS, draw_shape
from ringfence.tools.simulation.world import Broken, World

RUNS_PER_WORKER = 100  # then a fresh process: what a run leaks cannot fill a night's memory
CRASH = "CRASH"
OURS = (IpcError, CoreError, GatewayError, ToolError)
DIED = "DIED"


@dataclass(frozen=True)
class Plan:
    """What a run is a function of. ``schedule`` (the texts of faults) goes before what the seed would draw from ``classes``."""

    seed: int
    events: int
    classes: str = "all"
    schedule: tuple[str, ...] | None = None

    def faults(self) -> list[faults.Fault]:
        """The schedule of this run."""
        if self.schedule is not None:
            return sorted(faults.Fault.parse(text) for text in self.schedule)
        return faults.draw_faults(draw_shape(self.seed, ""), self.events, faults.names(self.classes))

    def command(self) -> str:
        """One line that does this run again."""
        chosen = f"--faults {self.classes}" if self.schedule is None else f"--schedule '{','.join(self.schedule)}'"
        return f"ringfence simulate --seed {self.seed} --events {self.events} {chosen}"


@dataclass(frozen=True)
class Outcome:
    """How a run ended: ``invariant`` is empty when all held."""

    plan: Plan
    invariant: str = ""
    text: str = ""
    event: int = 0
    virtual_ns: int = 0
    trace: str = ""
    frames: int = 0
    orders: int = 0
    trades: int = 0
    recoveries: int = 0
    seconds: float = 0.0
    fired: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.invariant

    def as_json(self) -> dict[str, Any]:
        """One line of the record."""
        return asdict(self)

    @staticmethod
    def from_json(line: str) -> Outcome:
        """The inverse.

        Raises
        ------
        ValueError, KeyError, TypeError
            If the line is not of this form.
        """
        values = json.loads(line)
        plan = values.pop("plan")
        schedule = plan.pop("schedule")
        return Outcome(Plan(**plan, schedule=None if schedule is None else tuple(schedule)), **values)


def run(plan: Plan) -> Outcome:
    """One run, from an empty host to rest. Whatever a process raises that the world does not expect is a failure too."""
    begin = time.process_time()
    world = World(draw_shape(plan.seed, f"sim{os.getpid()}"), plan.faults())
    try:
        invariant, text = _ended(world, plan.events)
        return Outcome(
            plan,
            invariant,
            text,
            event=world.event,
            virtual_ns=world.now - START_NS,
            trace=f"{world.watch.trace:08x}",
            frames=len(world.watch.frames),
            orders=len(world.oracle.sent),
            trades=sum(len(market.trades) for market in world.markets),
            recoveries=world.watch.recoveries,
            seconds=round(time.process_time() - begin, 3),
            fired=dict(sorted(world.fired.items())),
        )
    finally:
        world.host.close()


def _ended(world: World, events: int) -> tuple[str, str]:
    """Run; return the invariant that broke and its text, both empty when none did."""
    try:
        world.run(events)
    except Broken as e:
        return e.violation.invariant, e.violation.text
    except (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, AssertionError, AttributeError, OSError, *OURS) as e:
        return CRASH, _where(e)
    return "", ""


def _where(e: BaseException) -> str:
    """The error, and the last places of ours that it went through."""
    frames = traceback.extract_tb(e.__traceback__)[-4:]
    return f"{type(e).__name__}: {e} (" + " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames)) + ")"


# ---- many


def run_all(plans: Iterable[Plan], jobs: int) -> Iterator[Outcome]:
    """Yield the outcome of each plan as it comes; with one job in this process and in order."""
    if jobs == 1:
        yield from map(_quiet(run), plans)
        return
    left = iter(plans)
    lost: list[Plan] = []
    while True:
        with _workers(jobs) as pool:
            try:
                yield from _drain(pool, left, jobs, lost)
            except BrokenProcessPool:
                pass  # the plans in flight are in ``lost``
        if not lost:
            return
        while lost:
            yield _alone(lost.pop())


def _quiet(function: Callable[[Plan], Outcome]) -> Callable[[Plan], Outcome]:
    """Without the log of the processes: in a simulation their errors are what is wanted."""

    def quiet(plan: Plan) -> Outcome:
        logging.disable(logging.CRITICAL)
        try:
            return function(plan)
        finally:
            logging.disable(logging.NOTSET)

    return quiet


def _drain(pool: ProcessPoolExecutor, left: Iterator[Plan], jobs: int, lost: list[Plan]) -> Iterator[Outcome]:
    """Keep ``jobs`` runs going; ``lost`` are those whose worker died."""
    waiting: dict[Future[Outcome], Plan] = {}
    try:
        while True:
            while len(waiting) < jobs and (plan := next(left, None)) is not None:
                waiting[pool.submit(run, plan)] = plan
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                outcome = future.result()
                del waiting[future]
                yield outcome
    except BrokenProcessPool:
        lost.extend(waiting.values())
        raise


def _alone(plan: Plan) -> Outcome:
    """A run in a worker of its own."""
    with _workers(1) as pool:
        try:
            return pool.submit(run, plan).result()
        except BrokenProcessPool:
            return Outcome(plan, DIED, "the process that ran it died: a crash in native code")


def _workers(jobs: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_worker, max_tasks_per_child=RUNS_PER_WORKER)


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends a row of runs; a run ends by itself and leaves nothing behind
    logging.disable(logging.CRITICAL)


# ---- the record


def recorded(path: Path, events: int, classes: str) -> dict[int, Outcome]:
    """What the record has of these events and classes, by seed. A half last line, of a process that was killed, is cut off.

    Raises
    ------
    UsageError
        If the file is something else.
    """
    if not path.exists():
        return {}
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole)
    found = {}
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            outcome = Outcome.from_json(line)
        except (ValueError, KeyError, TypeError) as e:
            raise UsageError(f"{path}:{number} is not a run of simulate ({e}); name another file with --record") from e
        if (outcome.plan.events, outcome.plan.classes, outcome.plan.schedule) == (events, classes, None):
            found[outcome.plan.seed] = outcome
    return found


def append(path: Path, outcome: Outcome) -> None:
    """Add one run to the record."""
    with path.open("a") as f:
        f.write(json.dumps(outcome.as_json()) + "\n")


@dataclass
class Totals:
    """Sums over runs."""

    runs: int = 0
    events: int = 0
    virtual_ns: int = 0
    frames: int = 0
    orders: int = 0
    trades: int = 0
    recoveries: int = 0
    seconds: float = 0.0
    fired: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.runs += 1
        self.events += outcome.event
        for name in ("virtual_ns", "frames", "orders", "trades", "recoveries", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(outcome, name))
        self.fired.update(outcome.fired)
        if not outcome.ok:
            self.failed[outcome.invariant] += 1

    def as_json(self) -> dict[str, Any]:
        """The summary; fault classes that never fired are in it with 0."""
        values = {k: v for k, v in self.__dict__.items() if k not in {"fired", "failed"}}
        fired = {kind: self.fired.get(kind, 0) for kind in sorted(faults.KINDS.keys() | self.fired.keys())}
        return values | {"seconds": round(self.seconds, 1), "failed": dict(self.failed), "fired": fired}
