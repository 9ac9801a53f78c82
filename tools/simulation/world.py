"""One run: a scheduler over the processes of a simulated host, faults at their event numbers, checks after every step.

    heap of (virtual time, tie-break from the seed, actor) ──▶ one turn of one process ──▶ what it journaled, sent, booked ──▶ Watch, Oracle
                                                     faults: kill, tear, stall, break the disk, the wire or a clock

An event is one turn of one actor. Nothing here reads a real clock, and every draw comes from a stream named after the seed, so a run is a function of
(seed, events, faults). A violation ends the run; the report has what is needed to see it again.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from random import Random

import numpy as np

from ringfence.core.errors import CoreError
from ringfence.gateways.errors import GatewayError
from ringfence.gateways.strategy import InstanceStopped
from ringfence.ipc.errors import RingGarbage
from ringfence.ipc.link import published
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools import definitions
from ringfence.tools.errors import JournalSuspect, ToolError
from ringfence.tools.journal_writer import SUSPECT_NAME
from ringfence.tools.simulation import deaths, tear
from ringfence.tools.simulation.disk import Armed, ProcessDied
from ringfence.tools.simulation.faults import MS, Fault, S
from ringfence.tools.simulation.host import Host
from ringfence.tools.simulation.invariants import Violation
from ringfence.tools.simulation.judges import Judges
from ringfence.tools.simulation.kills import Switches
from ringfence.tools.simulation.operators import Operators
from ringfence.tools.simulation.setup import START_NS, US, Shape
from ringfence.tools.simulation.strategies import Driver
from ringfence.tools.simulation.venue import Market
from ringfence.tools.simulation.watch import Watch

SETTLE_EVENTS_MAX = 60_000
CHECK_EVERY = 500
RESTART_NS = (5 * MS, 400 * MS)
OPERATOR_NS = 2 * S
CLOCK_MENDED_NS = 300 * MS
RESUME_NS = 150 * MS
_FIRM, _VENUE = (ENUMS["ScopeKind"].by_name[name] for name in ("FIRM", "VENUE"))
_KILL_CANCEL, _KILL_FLATTEN = CONSTANTS["KILL_CANCEL"][0], CONSTANTS["KILL_FLATTEN"][0]
_ENABLED = ENUMS["StrategyStatus"].by_name["ENABLED"]
_HALTED = CONSTANTS["RESTRICT_OPERATOR"][0]


class Broken(Exception):
    """The run ends here."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.text)
        self.violation = violation


class World:
    """One seed's run."""

    def __init__(self, shape: Shape, faults: list[Fault]) -> None:
        self.shape, self.faults = shape, list(faults)
        self.now = START_NS
        self.event = 0
        self.draw = Random(f"{shape.seed}/world")
        self.fired: Counter[str] = Counter()
        self.oracle = Judges(shape)
        self.markets = [Market(row, begin, US, Random(f"{shape.seed}/venue{row}"), self.oracle, shape.heartbeat_s) for row, begin in enumerate(shape.venues, 1)]
        self.host = Host(shape, self.markets)
        self.host.now = self.now
        self.watch = Watch(self.host, self.oracle)
        self.switches = Switches(self.host)
        self.operators = Operators(self.host)
        self.oracle.durable(lambda: self.watch.durable)
        self.drivers: dict[int, Driver | None] = dict.fromkeys(range(1, shape.strategies + 1))
        self.attaching: set[int] = set()
        self.doomed: dict[int, int] = {}  # strategies that wrote garbage, and when their process ends
        self.due: dict[str, int] = {}  # process: not started again before
        self.stalled: dict[str, int] = {}
        self.frozen: dict[str, tuple[int, int]] = {}
        self.tear: dict[str, Fault] = {}
        self.dying: dict[str, Fault] = {}  # the same, for real
        self.disk_full_until = self.disk_slow_until = 0
        self.calm = self.idle = False  # strategies wind down; they only listen
        self.halted = False  # at some time, by a command or after a host crash
        self.idle_turns = 0
        self.day = 0
        self.actors: dict[str, Callable[[], int]] = {"sidecar": self._sidecar, "engine": self._engine, "operator": self._operator}
        for row in range(1, len(self.markets) + 1):
            self.actors[f"gw{row}"] = lambda row=row: self._obeying(row)  # type: ignore[misc]
            self.actors[f"venue{row}"] = lambda row=row: self.markets[row - 1].step(self.now)  # type: ignore[misc]
        for row in range(1, shape.strategies + 1):
            self.actors[f"s{row}"] = lambda row=row: self._strategy(row)  # type: ignore[misc]
        self.heap = [(self.now + k, 0, name) for k, name in enumerate(self.actors)]
        heapq.heapify(self.heap)

    # ---- the scheduler

    def run(self, events: int) -> None:
        """The events of the run, then what must hold once faults have stopped.

        Raises
        ------
        Broken
            At the first violation.
        """
        self._trade(events)
        self._settle()

    def _trade(self, events: int) -> None:
        """The events with their faults."""
        pending = self.faults[::-1]
        while self.event < events:
            while pending and pending[-1].at <= self.event:
                self._strike(pending.pop())
            self._turn()
            if self.event % CHECK_EVERY == 0:
                self._check(self.oracle.check_all(self.watch.state(), quiescent=False))

    def _turn(self) -> int:
        at, _, name = heapq.heappop(self.heap)
        self.now = self.host.now = max(self.now, at)
        self.event += 1
        try:
            work = 0 if self.stalled.get(name, 0) > self.now else self.actors[name]()
        except ProcessDied:
            if self.host.sidecar is not None:
                self.watch.persisted(self.host.sidecar)
            self._kill(name)
            work = 1
        if self.watch.changed or self.watch.problems:
            self.watch.changed = False
            engine = self.host.engine
            self._check(self.watch.problems or self.oracle.check_step(engine.state if engine is not None else None))
        least = self.shape.busy_ns if work else self.shape.idle_ns
        delay = 1 + int(least * (0.5 + self.draw.random()))
        heapq.heappush(self.heap, (self.now + delay, self.draw.getrandbits(32), name))
        return 0 if name == "sidecar" else work  # timer frames keep it at work for ever

    def _check(self, violations: list[Violation]) -> None:
        if violations:
            raise Broken(violations[0])

    def _broken(self, invariant: str, text: str) -> Broken:
        return Broken(Violation(invariant, text))

    def _clock(self, name: str) -> int:
        """What the process's clock says."""
        until, value = self.frozen.get(name, (0, 0))
        return value if self.now < until else self.host.clock_of(name)

    # ---- processes

    def _sidecar(self) -> int:
        host = self.host
        if self.disk_full_until and self.now >= self.disk_full_until:
            self.disk_full_until, host.disk.full = 0, False
        if host.sidecar is None:
            if not self._may_start("sidecar") or host.engine_process is None:
                return 0
            try:
                host.start_sidecar()
            except JournalSuspect:
                self._mend_journal()
                return 0
            except ToolError as e:
                if host.disk.full or host.disk.armed:
                    self._restart_later("sidecar")
                    return 0
                raise self._broken("I10", f"the sidecar does not start again: {e}") from e
            self.watch.persisted(host.sidecar)  # type: ignore[arg-type]
        assert host.sidecar is not None
        if self.now < self.disk_slow_until and self.draw.random() < 0.9:
            return 0
        images = tear.SidecarImages(host.sidecar) if "sidecar" in self.tear else None
        try:
            frames = host.sidecar.turn()
        except JournalSuspect as e:
            host.sidecar.give_up(str(e))
            self.due["journal"] = self.now + OPERATOR_NS
            self.stalled["sidecar"] = self.due["journal"]
            return 0
        self.watch.persisted(host.sidecar)
        if images is not None:
            fault = self.tear.pop("sidecar")
            self._kill("sidecar")
            images.restore(Random(fault.amount))
        return frames

    def _engine(self) -> int:
        host = self.host
        if host.engine is None:
            return self._recover()
        assert host.engine_process is not None
        host.engine_process.clock.set(self._clock("engine"))
        if self._dies_inside("engine"):
            return self._die_inside("engine", host.engine.poll, deaths.ENGINE)
        images = tear.EngineImages(host.engine_process) if "engine" in self.tear else None
        work = host.engine.poll()
        left = host.engine.left
        if left == "attach":
            host.engine_process.attach(host.engine)
        elif left:
            raise self._broken("LOST", "a gateway's queue overran: commands were lost")
        if images is not None:
            fault = self.tear.pop("engine")
            images.cut(Random(fault.amount))
            self._kill("engine")
        self.watch.look(self.event, self.now)
        return work

    def _recover(self) -> int:
        host = self.host
        if not self._may_start("engine"):
            return 0
        if host.engine_process is None:
            host.make_engine_process()
            self.watch.attach()
        if host.sidecar is None or len(host.gateways) < len(self.markets) or not self.watch.drained(host.sidecar):
            return 0
        host.engine_process.clock.set(self._clock("engine"))  # type: ignore[union-attr]
        try:
            host.recover_engine()
        except (CoreError, ToolError, RingGarbage) as e:
            raise self._broken("RECOVERY", f"the engine does not come back: {type(e).__name__}: {e}") from e
        self._check(self.watch.recovered(host.engine_process.recovered))  # type: ignore[union-attr]
        self.watch.look(self.event, self.now)
        self.day = self.day or int(host.engine.state.table("engine")[1]["day"])  # type: ignore[union-attr]
        return 1

    def _gateway(self, row: int) -> int:
        host, name = self.host, f"gw{row}"
        gateway = host.gateways.get(row)
        if gateway is None:
            if not self._may_start(name) or host.engine_process is None:
                return 0
            try:
                host.start_gateway(row)
            except GatewayError as e:
                raise self._broken("RECOVERY", f"gateway {row} does not start again: {e}") from e
            gateway = host.gateways[row]
        gateway.clock.set(self._clock(name))
        if self._dies_inside(name):
            return self._die_inside(name, gateway.poll, deaths.GATEWAY)
        images = tear.GatewayImages(gateway, self.markets[row - 1].wire) if name in self.tear else None
        work, code = gateway.poll()
        if images is not None:
            fault = self.tear.pop(name)
            self._kill(name)
            images.restore(Random(fault.amount))
        elif code is not None:
            raise self._broken("RECOVERY", f"gateway {row} ended with exit code {code}")
        elif gateway.session.stopped:
            raise self._broken("SESSION", f"session of venue {row} stopped for an operator: {gateway.session.state}")
        return work

    def _obeying(self, row: int) -> int:
        """A gateway's turn, and whether it kept to its kill word."""
        self.switches.before_turn(row)
        work = self._gateway(row)
        self._check(self.switches.after_turn(row))
        return work

    def _strategy(self, row: int) -> int:
        host, name = self.host, f"s{row}"
        driver = self.drivers[row]
        if driver is not None:
            driver.client.attachment.clock.set(self._clock(name))
            try:
                return driver.step()
            except (InstanceStopped, RingGarbage):
                self._kill(name)
                return 1
        if row in self.doomed or host.engine is None or not self._may_start(name) or self.stalled.get("engine", 0) > self.now:
            return 0
        if row not in self.attaching:
            if host.unpublished or not host.publish_rest():
                return 0
            host.begin_attach(row)
            self.attaching.add(row)
            return 1
        client = host.finish_attach(row)
        if client is None:
            return 0
        self.attaching.discard(row)
        driver = self.drivers[row] = Driver(row, self.shape, client, Random(f"{self.shape.seed}/s{row}/{host.ring_epochs[row]}"))
        driver.quiet, driver.idle = self.calm, self.idle
        return 1

    def _operator(self) -> int:
        """The supervisor's and the people's share: commands that waited, a journal that is suspect."""
        self.host.publish_rest()
        for row in [r for r, at in self.doomed.items() if at <= self.now]:
            del self.doomed[row]
            self._kill(f"s{row}")
        self._resume()
        self.switches.step(self.now)
        self.operators.step(self.now)
        for name in [n for n, at in self.due.items() if n.startswith("clock/") and at <= self.now]:
            del self.due[name]
            self._mend_clock(name.removeprefix("clock/"))
        if self.due.get("journal", 0) and self.now >= self.due["journal"]:
            self.due["journal"] = 0
            self._mend_journal()
        return 0

    def _resume(self) -> None:
        """Trading that was halted, by an operator or because the journal lost its end, is resumed after a look."""
        engine = self.host.engine
        if not self.halted or engine is None or not int(engine.state.table("engine")[1]["restrictions"]) & _HALTED:
            return
        if not self.due.get("resume"):
            self.due["resume"] = self.now + RESUME_NS
        elif self.now >= self.due["resume"]:
            self.due["resume"] = 0
            if not self.operators.waits_to_resume():
                self.host.publish(definitions.command("RESUME", "simulated"))

    def _mend_clock(self, name: str) -> None:
        """The process's clock is right again; one that was ahead stands until then, so its process is started anew by whoever mends the clock."""
        ahead = self.host.offset.pop(name, 0) > 0
        if ahead:
            self._kill(name)

    def _may_start(self, name: str) -> bool:
        return self.due.get(name, 0) <= self.now

    def _restart_later(self, name: str) -> None:
        self.due[name] = self.now + self.draw.randint(*RESTART_NS)

    # ---- ends

    def _kill(self, name: str) -> None:
        """SIGKILL."""
        host = self.host
        self.frozen.pop(name, None)
        self.stalled.pop(name, None)
        self.tear.pop(name, None)
        self.dying.pop(name, None)
        if name == "engine":
            host.kill_engine()
        elif name == "sidecar":
            host.kill_sidecar()
        elif name.startswith("gw"):
            host.kill_gateway(int(name[2:]))
        elif name.startswith("s"):
            row = int(name[1:])
            self.drivers[row] = None
            self.attaching.discard(row)
            self.doomed.pop(row, None)
            host.end_strategy(row)
        self._restart_later(name)

    def _dies_inside(self, name: str) -> bool:
        """In the test build three of four torn turns end at a failpoint of the code itself, as soon as there is something to do."""
        return name in self.dying and self.host.input_waits(name)

    def _die_inside(self, name: str, turn: Callable[[], object], points: tuple[str, ...]) -> int:
        fault = self.dying.pop(name)
        point = deaths.die_in(turn, points, Random(fault.amount), self.host.root)
        self.fired[f"at_{point}" if point else "at_end_of_turn"] += 1
        self._kill(name)
        self.watch.look(self.event, self.now)
        return 1

    def _processes(self) -> list[str]:
        return [n for n in self.actors if not n.startswith("venue") and n != "operator"]

    def _mend_journal(self) -> None:
        """An operator stops the instance, looks at the disk, removes the mark of suspicion and starts again; what the kernel dropped is gone."""
        for name in self._processes():
            self._kill(name)
        self.host.disk.mend()
        (self.host.config.journal_dir / SUSPECT_NAME).unlink(missing_ok=True)
        self.fired["operator_mended_journal"] += 1

    def _crash(self, fault: Fault) -> None:
        """The host loses power."""
        self.halted = True
        host = self.host
        draw = Random(fault.amount)
        for name in self._processes():
            self._kill(name)
        for market in self.markets:
            market.cut()
        host.lose_memory()
        host.unpublished.clear()
        host.crash_disk(draw, ordered=True)
        host.boot_memory()
        self.watch.crashed()
        self.switches.lost_memory()
        self.attaching.clear()

    # ---- faults

    def _strike(self, fault: Fault) -> None:
        self.fired[fault.kind] += 1
        _STRIKES[fault.kind](self, fault)

    def _settle(self) -> None:
        """Faults stop, everything starts again, and within a bounded time the instance is as if nothing had been."""
        self.calm = True
        self.host.disk.mend()
        self.disk_full_until = self.disk_slow_until = 0
        self.stalled.clear()
        self.frozen.clear()
        self.tear.clear()
        self.dying.clear()
        ahead = max([0, self.oracle.oracle.model.now - self.now, *self.host.offset.values()])  # the journal may hold a time that no clock has any more
        self.host.offset.clear()
        if self.due.get("journal", 0):
            self._mend_journal()
        for name in self._processes():
            self._kill(name)
        self.now = self.host.now = self.now + ahead + S
        for market in self.markets:
            market.calm, market.wire.refusing, market.frozen_until = True, 0, 0
            market.cut()
        if self.switches.struck:
            self._prove_kill()
        for _ in range(SETTLE_EVENTS_MAX):
            busy = self._turn()
            self.idle_turns = 0 if busy else self.idle_turns + 1
            if self.idle_turns > 40 * len(self.actors) and self._is_quiet():
                break
        self._check(self.watch.liveness(self.drivers, self.markets))
        self._check(self.oracle.check_all(self.watch.state(), quiescent=True))
        for _ in range(1000):
            if self.host.sidecar is None or self.watch.drained(self.host.sidecar):
                break
            self.now = self.host.now = self.now + 10 * MS
            self.host.sidecar.turn()
        self._check(self.watch.cold_replay())

    def _prove_kill(self) -> None:
        """The firm is killed: its proof list empties without the strategies' help; two operators release it, and orders are taken again."""
        self.switches.hold = True
        self._mode(quiet=True, idle=True)
        self.switches.set_word(0)
        self.switches.command((_FIRM, 0, 0), _KILL_CANCEL)
        self._until(
            lambda: self._answering() and (_FIRM, 0, 0) in self.switches.killed() and not self.switches.proof(lossy=self.oracle.lossy),
            "the proof list does not empty",
        )
        self.switches.hold = False
        self._until(lambda: self._answering() and not self.switches.killed() and not self.switches.words, "the kills are not released")
        before = self._orders()
        self._mode(quiet=False, idle=False)
        self._until(lambda: self._answering() and (self._orders() > before or not self._may_trade()), "nothing is traded after the release")
        self._mode(quiet=True, idle=False)

    def _mode(self, *, quiet: bool, idle: bool) -> None:
        """What strategies do, those too that are started later."""
        self.calm, self.idle = quiet, idle
        for driver in self.drivers.values():
            if driver is not None:
                driver.quiet, driver.idle = quiet, idle

    def _orders(self) -> int:
        return int(self.host.engine.state.table("engine")[1]["order_count"])  # type: ignore[union-attr]

    def _may_trade(self) -> bool:
        """Some strategy may still ask for new orders (one that wrote garbage may not), the engine's time is not ahead, where all intents are old, and
        nothing is limited.
        """
        table = self.host.engine.state.table  # type: ignore[union-attr]
        ahead = max(int(table("engine")[1][name]) for name in ("engine_ns", "started_ns")) > self.now
        return bool((table("strategies")["status"] == _ENABLED).any()) and not (ahead or self.oracle.oracle.model.limits)

    def _until(self, done: Callable[[], bool], text: str) -> None:
        for _ in range(SETTLE_EVENTS_MAX):
            if done():
                return
            self._turn()
        rest = f": open are orders {self.switches.proof()[:9]}, killed {self.switches.killed()}" if self.host.engine is not None else ""
        raise self._broken("LIVENESS", text + rest)

    def _answering(self) -> bool:
        return self.host.engine is not None and self.host.sidecar is not None

    def _is_quiet(self) -> bool:
        up = self.host.engine is not None and self.host.sidecar is not None and all(d is not None for d in self.drivers.values())
        return up and not self.watch.liveness(self.drivers, self.markets)


# ---- what each class of fault does

Strike = Callable[[World, Fault], None]


def _kill_process(name: str) -> Strike:
    """Every second time inside a turn (torn), else between two."""

    def strike(w: World, f: Fault) -> None:
        process = name + f.target
        running = {"engine": w.host.engine, "sidecar": w.host.sidecar}.get(name, w.host.gateways.get(int(f.target or 0)))
        if running is None:
            return
        if f.amount & 1 and name != "s":
            real = deaths.possible() and name != "sidecar" and f.amount & 6
            (w.dying if real else w.tear)[process] = f
        else:
            w._kill(process)

    return strike


def _kill_all(w: World, _f: Fault) -> None:
    for name in w._processes():
        w._kill(name)


def _arm_disk(call: str, **values: int | bool) -> Strike:
    def strike(w: World, f: Fault) -> None:
        w.host.disk.fail(Armed(call, kept=f.amount if "error" not in values else 0, **values))  # type: ignore[arg-type]

    return strike


def _arm_venue(kind: str) -> Strike:
    def strike(w: World, f: Fault) -> None:
        w.markets[int(f.target) - 1].armed[kind] += 1

    return strike


def _no_space(w: World, f: Fault) -> None:
    w.host.disk.full = True
    w.disk_full_until = w.now + f.amount


def _slow_disk(w: World, f: Fault) -> None:
    w.disk_slow_until = w.now + f.amount


def _stall(w: World, f: Fault) -> None:
    w.stalled[f.target] = w.now + f.amount


def _cut(w: World, f: Fault) -> None:
    w.markets[int(f.target) - 1].cut()


def _cut_in_message(w: World, f: Fault) -> None:
    w.markets[int(f.target) - 1].wire.swallow = f.amount


def _refuse(w: World, f: Fault) -> None:
    w.markets[int(f.target) - 1].wire.refusing = f.amount
    w.markets[int(f.target) - 1].cut()


def _slow_venue(w: World, f: Fault) -> None:
    w.markets[int(f.target) - 1].frozen_until = w.now + f.amount


def _clock_jump(w: World, f: Fault) -> None:
    w.host.offset[f.target] = w.host.offset.get(f.target, 0) + f.amount
    w.due[f"clock/{f.target}"] = w.now + CLOCK_MENDED_NS


def _clock_back(w: World, f: Fault) -> None:
    w.host.offset[f.target] = w.host.offset.get(f.target, 0) - f.amount


def _clock_frozen(w: World, f: Fault) -> None:
    w.frozen[f.target] = (w.now + f.amount, w.host.clock_of(f.target))


def _roll_day(w: World, _f: Fault) -> None:
    if w.day:
        w.day += 1
        w.host.publish(definitions.roll_day(w.day, "simulated"))


def _halt(w: World, _f: Fault) -> None:
    w.halted = True
    w.host.publish(definitions.command("HALT", "simulated"))


def _set_limit(w: World, f: Fault) -> None:
    w.operators.set_limit(Random(f.amount))


def _set_strategy(w: World, f: Fault) -> None:
    w.operators.set_strategy(int(f.target), Random(f.amount))


def _set_parameter(w: World, f: Fault) -> None:
    w.operators.set_parameter(int(f.target), Random(f.amount))


def _book_entry(w: World, f: Fault) -> None:
    w.operators.book_entry(Random(f.amount))


def _kill_scope(w: World, f: Fault) -> None:
    draw = Random(f.amount)
    w.switches.command(draw.choice(w.switches.choice), draw.choice((0, _KILL_CANCEL, _KILL_CANCEL, _KILL_FLATTEN, _KILL_CANCEL | _KILL_FLATTEN)))


def _kill_word(w: World, f: Fault) -> None:
    draw = Random(f.amount)
    venue = draw.randrange(len(w.markets) + 1)
    w.switches.set_word(venue)
    if draw.random() < 0.5:  # as the command of the same name does
        w.switches.command((_VENUE, venue, 0) if venue else (_FIRM, 0, 0), _KILL_CANCEL)


def _garbage(w: World, f: Fault) -> None:
    """A hostile strategy writes noise into its own ring: over slots, over its head, or a slot with a right sequence word and a wrong checksum."""
    row, draw = int(f.target), Random(f.amount)
    driver = w.drivers[row]
    if driver is None:
        return
    ring = driver.client.attachment.intents
    slots = ring.section("slots")
    raw = slots.view(np.uint8).reshape(len(slots), -1)
    way = draw.randrange(3)
    if way == 0:
        for k in range(len(slots)):
            raw[k] = np.frombuffer(draw.randbytes(raw.shape[1]), np.uint8)
    elif way == 1:
        ring.section("head")[0]["position"] = draw.getrandbits(63)
        raw[draw.randrange(len(slots)), :8] = np.frombuffer(draw.randbytes(8), np.uint8)
    else:
        position = published(ring)
        raw[position % len(slots)] = np.frombuffer(draw.randbytes(raw.shape[1]), np.uint8)
        slots[position % len(slots)]["slot_seq"] = position + 1
    w.drivers[row] = None
    w.doomed[row] = w.now + 50 * MS


_STRIKES: dict[str, Strike] = {
    "kill_engine": _kill_process("engine"),
    "kill_gateway": _kill_process("gw"),
    "kill_sidecar": _kill_process("sidecar"),
    "kill_strategy": lambda w, f: w._kill(f"s{f.target}") if w.drivers[int(f.target)] else None,
    "kill_all": _kill_all,
    "host_crash": lambda w, f: w._crash(f),
    "short_write": _arm_disk("write"),
    "die_in_write": _arm_disk("write", dies=True),
    "die_after_sync": _arm_disk("sync", dies=True),
    "no_space": _no_space,
    "write_error": _arm_disk("write", error=5),
    "sync_error": _arm_disk("sync", error=5),
    "slow_disk": _slow_disk,
    "stall": _stall,
    "cut": _cut,
    "cut_in_message": _cut_in_message,
    "half_message": _arm_venue("half_message"),
    "refuse_connection": _refuse,
    "slow_venue": _slow_venue,
    "duplicate_report": _arm_venue("duplicate_report"),
    "poss_resend": _arm_venue("poss_resend"),
    "late_report": _arm_venue("late_report"),
    "fill_before_ack": _arm_venue("fill_before_ack"),
    "fill_after_cancel": _arm_venue("fill_after_cancel"),
    "unsolicited_cancel": _arm_venue("unsolicited_cancel"),
    "bust": _arm_venue("bust"),
    "correct": _arm_venue("correct"),
    "clock_jump": _clock_jump,
    "clock_back": _clock_back,
    "clock_frozen": _clock_frozen,
    "roll_day": _roll_day,
    "halt": _halt,
    "set_limit": _set_limit,
    "book_entry": _book_entry,
    "set_strategy": _set_strategy,
    "set_parameter": _set_parameter,
    "kill_scope": _kill_scope,
    "kill_word": _kill_word,
    "garbage": _garbage,
}
