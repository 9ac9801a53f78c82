"""The supervisor: brings an instance up from one configuration file, keeps it up, takes it down in order.

    ringfence up ──▶ lock, clear up after the dead, region `instance`, control agent ──▶ sidecar, engine, gateways, feed ──▶ strategies
                                 one selector: pidfds, signals, control socket, ticks

One process, one loop, no threads; what it waits for is a descriptor or the next tick. It is not in the hot path: when it dies the instance
trades on, and the next ``up`` stops what is left and recovers. ``DATA/run/lock`` keeps a second one out; ``DATA/run/epoch`` is raised and
synced before every engine start; a start that would count anew what must go on is refused (history.py).

Dead regions: the rings between engine, sidecar and gateways hold what was not yet taken and are kept for their successors; the rest is
removed. After the start nothing is left that no process of this instance took up. A child that dies is started again within bounds
(children.py); when engine or sidecar cannot be, the instance is taken down with their exit code. Stopping: strategies, gateways, feed,
engine, sidecar; each group has a bound, then SIGKILL. All regions are removed then, unless frames or reports are left in a ring, or a kill word
is set: those stay for the next ``up``.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import select
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ringfence.ipc import failpoint, regions
from ringfence.ipc.errors import IpcError
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.segment import Segment
from ringfence.tools import config as configuration
from ringfence.tools import history, kill_words, leftovers
from ringfence.tools.children import Child
from ringfence.tools.config import Config
from ringfence.tools.control import ControlAgent
from ringfence.tools.errors import Refused, TimedOut, ToolError
from ringfence.tools.instance_region import InstanceRegion
from ringfence.tools.specs import expected_regions, plans, strategy_plans

TICK_S = 0.05
WAITING_TICK_S = 0.005
START_S = 600.0
KILL_WAIT_S = 5.0
LOOK_S = 1.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What ``ringfence up`` was allowed to begin anew (history.py)."""

    new_history: bool = False
    new_sessions: tuple[str, ...] = ()


class BreaksWatch:
    """Says once when a break found no row in the engine's table: from then on only the first and the newest are kept. By the engine's own metric."""

    def __init__(self, instance: str, say: Say, log: logging.Logger) -> None:
        self.instance, self.say, self.log = instance, say, log
        self.told = False
        self.next_s = 0.0

    def look(self, now: float) -> None:
        """Once in ``LOOK_S``; without metrics at another time."""
        if self.told or now < self.next_s:
            return
        self.next_s = now + LOOK_S
        try:
            metrics = Metrics.attach(self.instance, "engine")
        except IpcError:
            return
        lost = metrics.counters().get("breaks_without_row", 0)
        metrics.close()
        if not lost:
            return
        self.told = True
        what = f"PAGE: {lost} breaks have no row in the engine's table: the first and the newest are kept, none is decided by"
        self.log.critical("%s; look at ringfence breaks, find out what venue or program goes on raising them", what)
        self.say(f"✖ {what}; see ringfence breaks")


class Supervisor:
    """One instance from start to end; ``say`` gets lines for people."""

    def __init__(self, config: Config, say: Say, log: logging.Logger, options: Options) -> None:
        self.config, self.say, self.log, self.options = config, say, log, options
        self.instance = config.instance.name
        self.selector = selectors.DefaultSelector()
        self.stopping = ""
        self.exit_code = 0
        self.ready = False
        self.children: list[Child] = []
        self.region: InstanceRegion | None = None
        self.kill: Segment | None = None
        self.agent: ControlAgent | None = None
        self.breaks = BreaksWatch(self.instance, say, log)
        self._dirs()
        self.lock = _take_lock(config)
        self._signals()

    # ---- start

    def run(self, ready: Callable[[], None]) -> int:
        """Bring up, watch until stopped, take down; the exit code."""
        try:
            self._bring_up()
            until = time.monotonic() + START_S
            while not self.stopping:
                self._turn()
                if not self.ready and self._engine_runs():
                    self._become_ready(ready)
                elif not self.ready and time.monotonic() > until:
                    self._fail(5, f"the engine did not get ready within {START_S:g} s; see {self.config.log_dir}/engine.log")
        finally:
            self.stop()
        return self.exit_code

    def _dirs(self) -> None:
        data = self.config.instance.data_dir
        for directory in (data, self.config.run_dir, self.config.log_dir, self.config.journal_dir, data / "sessions"):
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)

    def _signals(self) -> None:
        """SIGTERM, SIGINT and SIGHUP wake the selector and ask to stop."""
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
        self._wake = (reader, writer)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda n, _: self.request_stop(signal.Signals(n).name))
        self.selector.register(reader, selectors.EVENT_READ, lambda: reader.recv(64))

    def _bring_up(self) -> None:
        removed = leftovers.clear_up(self.config, self.say)
        if removed:
            self.log.info("removed regions of a dead instance: %s", ", ".join(removed))
        history.check(self.config, self.say, self.options.new_history, self.options.new_sessions)
        epoch = self._next_epoch()
        copy = self.config.run_dir / "config.toml"
        copy.write_bytes(self.config.source.read_bytes())
        policy, logs = self.config.supervisor, self.config.log_dir
        own = [Child(p, policy, logs, None) for p in plans(self.config, epoch, copy)]
        self.children = [*own, *(Child(p, policy, logs, self.config.source.parent) for p in strategy_plans(self.config))]
        self.kill = kill_words.take_region(self.instance, epoch, self.log)
        if kill_words.any_set(self.kill):
            self.say("▲ a kill word is set: no new orders until it is cleared")
        self.region = InstanceRegion(self.config, epoch, self.children)
        self.agent = ControlAgent(self.config, epoch, self.selector, report=self._report, stop=self.request_stop, log=self.log)
        for child in self.children:
            if child.plan.role != "STRATEGY":
                self._start(child, epoch)
        self.region.refresh()

    def _next_epoch(self) -> int:
        """Raise the instance epoch; durable before anybody uses it."""
        path = self.config.run_dir / "epoch"
        epoch = self._epoch() + 1
        history.write_durably(path, f"{epoch}\n", lambda: failpoint.reached("U1"))
        failpoint.reached("U2")
        return epoch

    def _epoch(self) -> int:
        """The epoch on disk; 0 when there is none: the engine then goes on from the journal's, which ``_follow_engine`` writes here."""
        path = self.config.run_dir / "epoch"
        try:
            return int(path.read_text())
        except FileNotFoundError:
            return 0
        except ValueError as e:
            raise Refused(f"{path} holds no number ({e}): remove it, the engine goes on from the journal's epoch") from e

    def _follow_engine(self) -> None:
        """An epoch file that was lost or restored from an old copy catches up with the engine, which counts on from the journal."""
        with Segment.attach(self.instance, "state") as state:
            epoch = int(state.section("engine")[1]["epoch"])
        if epoch > self._epoch():
            self.log.warning("the epoch file said %d, the journal leads to %d", self._epoch(), epoch)
            history.write_durably(self.config.run_dir / "epoch", f"{epoch}\n")
            if self.region is not None:
                self.region.set_epoch(epoch)

    def _start(self, child: Child, epoch: int) -> None:
        """Start a child, the engine with its channel."""
        if child.plan.spec:
            path = self.config.run_dir / f"{child.plan.name}.json"
            path.write_text(json.dumps({**child.plan.spec, "epoch": epoch}, indent=1) + "\n")
        try:
            if child.plan.role == "ENGINE" and self.agent is not None:
                with self.agent.engine_starting() as channel:
                    child.start(["--channel", str(channel.fileno())], [channel.fileno()])
            else:
                child.start()
        except OSError as e:
            child.exit_code, child.given_up = 1, True
            self.say(f"✖ {child.plan.name}: cannot start {child.plan.command[0]}: {e.strerror}")
            return
        self.log.info("started %s as process %d", child.plan.name, child.pid)
        self.selector.register(child.pidfd, selectors.EVENT_READ, lambda: self._child_ended(child))

    def _engine_runs(self) -> bool:
        return self.region is not None and any(c.plan.role == "ENGINE" and self.region.state_of(c) == "RUNNING" for c in self.children)

    def _become_ready(self, ready: Callable[[], None]) -> None:
        """The engine runs: take strategies, remove what nobody took up, tell the one who waits."""
        self.ready = True
        history.note(self.config)
        self._follow_engine()
        if self.agent is not None:
            self.agent.engine_runs = True
        for child in self.children:
            if child.plan.role == "STRATEGY" and not child.running and not child.given_up:
                self._start(child, 0)
        removed = regions.unlink_stale(self.instance, expected_regions(self.config))
        if removed:
            self.log.info("removed regions that nobody took up: %s", ", ".join(removed))
        if self.region is not None:
            self.region.say("RUNNING")
            self.region.refresh()
            for refused in [*self.region.refused, *(r for c in self.children for r in c.refusals())]:
                self.say(f"▲ not granted: {refused}")
        self.say(f"● {self.instance} is running ({self.config.instance.mode}); data in {self.config.instance.data_dir}")
        ready()

    # ---- loop

    def _turn(self) -> None:
        """Wait for an event or a tick; then everything that is due."""
        waiting = self.agent is not None and self.agent.waiting
        for key, _ in self.selector.select(WAITING_TICK_S if waiting else TICK_S):
            key.data()
        now = time.monotonic()
        for child in self.children:
            if child.due and now >= child.due and not self.stopping:
                self._restart(child)
        if self.agent is not None:
            self.agent.engine_runs = self._engine_runs()
            self.agent.tick()
        if self.region is not None:
            self.region.refresh()
        self.breaks.look(now)

    def _child_ended(self, child: Child) -> None:
        self.selector.unregister(child.pidfd)
        child.ended()
        if child.plan.role == "ENGINE" and self.agent is not None:
            self.agent.engine_stopped()
        if self.stopping:
            return
        reason = child.reason()
        child.note = f"exit code {child.exit_code}"
        if child.plan_restart():
            self.log.warning("%s; starting it again", reason)
            self.say(f"▲ {reason}; starting it again")
            return
        if child.too_often:
            self._give_up(child)
        if child.plan.essential:
            self._fail(child.exit_code if child.exit_code > 0 else 1, reason)
        elif child.exit_code:
            self.log.error("%s; not started again", reason)
            self.say(f"✖ {reason}; not started again")
        else:
            self.log.info("%s ended", child.plan.name)

    def _give_up(self, child: Child) -> None:
        """Say what a person must be woken for: a process that dies as soon as it is started."""
        policy = self.config.supervisor
        what = f"PAGE: {child.plan.name} died more than {policy.restarts_max} times within {policy.restart_window_s} s and stays down"
        then = "the instance is taken down" if child.plan.essential else "the rest of the instance runs on"
        self.log.critical("%s; %s; look at %s, then ringfence down and ringfence up", what, then, child.log_path)
        self.say(f"✖ {what}; {then}")

    def _restart(self, child: Child) -> None:
        """Start a dead child again; an engine gets a new epoch first."""
        epoch = self._epoch()
        if child.plan.role == "ENGINE":
            epoch = self._next_epoch()
            if self.region is not None:
                self.region.set_epoch(epoch)
        failpoint.reached("U4")
        self._start(child, epoch)

    def _fail(self, code: int, reason: str) -> None:
        self.exit_code = code
        self.log.error("%s", reason)
        self.say(f"✖ {reason}")
        self.request_stop(reason)

    def _report(self) -> dict[str, Any]:
        rows = [
            {
                "name": c.plan.name,
                "pid": c.pid,
                "state": self.region.state_of(c) if self.region else "STOPPED",
                "restarts": c.restarts,
                "exit_code": c.exit_code,
            }
            for c in self.children
        ]
        state = "STOPPING" if self.stopping else "RUNNING" if self.ready else "STARTING"
        return {"instance": self.instance, "pid": os.getpid(), "state": state, "data_dir": str(self.config.instance.data_dir), "components": rows}

    def request_stop(self, reason: str) -> None:
        """Ask the loop to end; safe from a signal handler, and more than once."""
        self.stopping = self.stopping or reason

    # ---- stop

    def stop(self) -> None:
        """Take everything down in order; safe to call again."""
        if self.region is None and not self.children:
            self._let_go()
            return
        self.stopping = self.stopping or "stop"
        self.log.info("stopping: %s", self.stopping)
        if self.agent is not None:
            self.agent.engine_runs = False  # no strategy may attach any more
        if self.region is not None:
            self.region.say("STOPPING")
        for order in sorted({c.plan.order for c in self.children}):
            failpoint.reached("U7")
            self._stop_group([c for c in self.children if c.plan.order == order])
        kept = leftovers.unread_pairs(self.instance)
        if self.agent is not None:
            self.agent.close()
            self.agent.mine.unlink()
            self.agent = None
        if self.region is not None:
            self.region.say("STOPPED")
            if not kept:
                self.region.segment.unlink()
            self.region.close()
            self.region = None
        regions.unlink_stale(self.instance, kept | self._let_go_of_words())
        self.children = []
        if kept:
            self.say(f"▲ not everything was taken: {', '.join(sorted(kept))} are kept, recover with ringfence up {self.config.source}")
        else:
            self.say(f"○ {self.instance} is down")
        self._let_go()

    def _let_go_of_words(self) -> set[str]:
        """Remove the kill words; those that are set outlive a clean stop, so that no restart releases a kill."""
        if self.kill is None:
            return set()
        region, self.kill = self.kill, None
        if kill_words.any_set(region):
            self.say("▲ a kill word is set and stays so: the next start sends no new orders until it is cleared")
            region.close()
            return {kill_words.REGION}
        region.unlink()
        region.close()
        return set()

    def _stop_group(self, group: list[Child]) -> None:
        """SIGTERM, wait bounded, SIGKILL."""
        for child in group:
            child.due = 0.0
            child.signal(signal.SIGTERM)
        until = time.monotonic() + max(c.plan.stop_s for c in group)
        while any(c.running for c in group) and time.monotonic() < until:
            self._collect(min(TICK_S, max(0.0, until - time.monotonic())))
        for child in (c for c in group if c.running):
            self.log.error("%s did not end within %g s: killing it", child.plan.name, child.plan.stop_s)
            self.say(f"▲ {child.plan.name} did not end in time and was killed")
            child.signal(signal.SIGKILL)
        until = time.monotonic() + KILL_WAIT_S
        while any(c.running for c in group) and time.monotonic() < until:
            self._collect(TICK_S)

    def _collect(self, timeout_s: float) -> None:
        """Take the exits that come within ``timeout_s``; the control socket is served and the heartbeat goes on.

        A strategy that ends now is detached like at any other time: its open orders follow its policy, its own goodbye is answered.
        """
        for key, _ in self.selector.select(timeout_s):
            key.data()
        if self.agent is not None:
            self.agent.tick()
        if self.region is not None:
            self.region.refresh()

    def _let_go(self) -> None:
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1
            signal.set_wakeup_fd(-1)
            for end in self._wake:
                end.close()
            self.selector.close()


def _take_lock(config: Config) -> int:
    """Hold ``DATA/run/lock`` for the life of the supervisor.

    Raises
    ------
    Refused
        If another supervisor holds it, or another data directory's supervisor has this instance name.
    """
    path = config.run_dir / "lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(fd, 64, 0).decode(errors="replace").strip() or "unknown"
        os.close(fd)
        raise Refused(f"instance {config.instance.name} is already running (process {holder}) on {config.instance.data_dir}; see ringfence status") from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    try:
        leftovers.refuse_live(config)
    except ToolError:
        os.close(fd)
        raise
    return fd


def up(path: Path | str, detach: bool = False, say: Say = print, options: Options = Options()) -> int:
    """Bring an instance up; in the foreground until it is stopped, or ``detach`` once it runs.

    Returns
    -------
    int
        Exit code: 0 after a clean stop (or, detached, when it runs), else of what failed.

    Raises
    ------
    ConfigError
        If the file is wrong.
    Refused
        If the instance is already running, or its files do not allow it to go on (history.py).
    """
    config = configuration.load(path)
    if detach:
        return _detach(config, say, options)
    return _foreground(config, say, lambda: None, options)


def _foreground(config: Config, say: Say, ready: Callable[[], None], options: Options) -> int:
    log = logging.getLogger("ringfence.supervisor")
    supervisor = Supervisor(config, say, log, options)
    handler = logging.FileHandler(config.log_dir / "supervisor.log")
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ supervisor %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(logging.INFO)
    try:
        return supervisor.run(ready)
    except IpcError as e:
        say(f"✖ {e}")
        return 3
    finally:
        log.handlers.clear()
        handler.close()


def _detach(config: Config, say: Say, options: Options) -> int:
    """Run a supervisor in a session of its own; return when it runs, or with its failure."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    command = [sys.executable, "-m", "ringfence.tools.supervisor", str(config.source), str(writer), json.dumps(asdict(options))]
    log_dir = config.log_dir
    log_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    streams = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, str(log_dir / "supervisor.out"), append, 0o640)]
    os.posix_spawn(sys.executable, command, os.environ, file_actions=[*streams, (os.POSIX_SPAWN_DUP2, 1, 2)], setsid=True)
    os.close(writer)
    text = b""
    until = time.monotonic() + START_S
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
            piece = pipe.read(65536)
            if not piece:
                break
            text += piece
            if b'"ready"' in text or b'"failed"' in text:
                break
        else:
            raise TimedOut(f"instance {config.instance.name} is not ready after {START_S:g} s; see {log_dir}")
    code = 1
    for line in text.decode().splitlines():
        message = json.loads(line)
        if "say" in message:
            say(message["say"])
        code = int(message.get("ready", message.get("failed", code)))
    return code


def main() -> int:
    """Entry of the detached supervisor: ``CONFIG FD OPTIONS``; reports on FD until the instance runs."""
    config, fd, given = configuration.load(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    options = Options(bool(given["new_history"]), tuple(given["new_sessions"]))
    open_fd = [fd]

    def tell(message: dict[str, Any]) -> None:
        if open_fd:
            os.write(open_fd[0], json.dumps(message).encode() + b"\n")

    def ready() -> None:
        tell({"ready": 0})
        os.close(open_fd.pop())

    try:
        code = _foreground(config, lambda line: tell({"say": line}) if open_fd else print(line, flush=True), ready, options)
    except ToolError as e:
        tell({"say": f"✖ {e}"})
        code = e.exit_code
    tell({"failed": code})
    return code


if __name__ == "__main__":
    sys.exit(main())
