"""The control agent: the one who may command the engine, behind a Unix socket that knows who asks.

    client ──JSON line──▶ DATA/run/control.sock ──SO_PEERCRED──▶ ControlAgent ──Control records──▶ from.control ──▶ engine (journals them)
                                                      └──memfd──▶ engine's channel, then the strategy

Runs in the supervisor's loop; owns ``from.control``. Requests: ``attach`` and ``detach`` a strategy, ``checkpoint``, ``roll_day``, ``reload``, ``status``,
``down``, the operator's actions of ``operator_actions`` and ``authority``, and ``submit``: one of these, signed by an operator elsewhere (``signed``).
Identity is the kernel's word (pid and uid of the connection), never the request's; of a signed command it is the signature's.
A strategy gets a new sealed memfd with the next ring epoch; the engine gets the same memfd through its channel *before*
STRATEGY_ATTACH is published, so that the ring is there when the command
is applied. Each attached strategy is watched by pidfd; its end is published as STRATEGY_DETACH. Its ring is kept, and handed to every new engine, until
an engine has taken that: what the strategy published was asked, whoever died since. While a live process holds a strategy nobody else gets it.

A command is answered when the engine has taken it; when it does not within ``TAKE_S`` the answer is code 6: it is published and may still be
taken. A full control ring is refused at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringfence.ipc import failpoint
from ringfence.ipc.errors import IpcError, PeerRefused, RegionMissing, RingFull
from ringfence.ipc.handover import peer_identity, receive, send_segment
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import authority, definitions, kill_words, ledger_entry, operator_actions, reload, signed
from ringfence.tools.config import Config
from ringfence.tools.config_model import StrategyConfig
from ringfence.tools.errors import Refused, TimedOut, ToolError, UsageError
from ringfence.tools.trading_day import begins, next_roll, trading_day

SOCKET_NAME = "control.sock"
BACKLOG = 16
CONNECTIONS_MAX = 256
RECEIVE_S = 0.2
TAKE_S = 5.0
_ROLE = ENUMS["Role"].by_name


@dataclass
class Attached:
    """A strategy's process and its ring."""

    strategy: StrategyConfig
    pid: int
    pidfd: int
    epoch: int
    ring: Segment
    detach: Any = None  # its STRATEGY_DETACH, once it has ended
    detached_at: int = -1  # position of that in the control ring; -1: no room yet


@dataclass
class Waiting:
    """A published command whose taking is awaited."""

    client: socket.socket
    position: int
    until: float
    answer: dict[str, Any]
    checked: bool = False  # whether the engine may have found that it cannot be
    outcome: Callable[[Segment], dict[str, Any]] | None = None  # what the tables say became of it


class ControlAgent:
    """The agent; the supervisor's loop calls ``tick`` and the callbacks in the selector's keys.

    Parameters
    ----------
    config : Config
    epoch : int
        Of the instance.
    selector : selectors.BaseSelector
        Of the supervisor's loop; keys carry a callable.
    report : callable
        Returns the answer to ``status``.
    stop : callable
        Asks the supervisor to stop the instance.
    """

    def __init__(
        self,
        config: Config,
        epoch: int,
        selector: selectors.BaseSelector,
        *,
        report: Callable[[], dict[str, Any]],
        stop: Callable[[str], None],
        log: logging.Logger,
    ) -> None:
        self.config, self.selector, self.report, self.stop, self.log = config, selector, report, stop, log
        self.instance = config.instance.name
        self.by_name = {s.name: s for s in config.strategies}
        self.attached: dict[str, Attached] = {}
        self.epochs: dict[str, int] = {}  # of the last ring made for a strategy, taken or not
        self.waiting: list[Waiting] = []
        self.departed: list[Attached] = []  # ended, and no engine has taken their STRATEGY_DETACH yet
        self.clients: set[socket.socket] = set()
        self.request_id = epoch << 32  # ids of another supervisor's commands are still in the journal's breaks
        self.next_roll_ns = next_roll(config.instance.roll, time.time_ns())
        self.channel: socket.socket | None = None
        self.engine_runs = False
        self.link: Link | None = None
        self.mine = Segment.create(self.instance, "from.control", link_sections("Control", config.rings.control), role=_ROLE["SUPERVISOR"], epoch=epoch)
        self.mine.set_state(ENUMS["ProcessState"].by_name["RUNNING"])
        self.path = config.run_dir / SOCKET_NAME
        self.listener = self._listen()
        self.operations: dict[str, Callable[[socket.socket, dict[str, Any], int, int], None]] = {
            "attach": self._attach,
            "detach": self._give_back,
            "submit": self._submit,
            "checkpoint": self._checkpoint,
            "roll_day": self._roll_day,
            "reload": self._reload,
            "status": self._status,
            "down": self._down,
        }
        self.operations |= dict.fromkeys(operator_actions.OPERATIONS, self._operate) | dict.fromkeys(authority.OPERATIONS, self._govern)

    def _mode(self) -> int:
        """Of the socket; others than our own user may connect only when a strategy or an operator is another one (by group)."""
        shared = any(uid != os.getuid() for uid in [*(s.uid for s in self.config.strategies), *(o.uid for o in self.config.operators)])
        return 0o660 if shared else 0o600

    def _listen(self) -> socket.socket:
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        old = os.umask(0o777 & ~self._mode())
        try:
            listener.bind(str(self.path))
        finally:
            os.umask(old)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ, self._accept)
        return listener

    # ---- the engine's end

    def engine_starting(self) -> socket.socket:
        """Return the engine's end of a new channel, filled with the rings of the strategies that live, and of those whose end it has yet to take."""
        self.engine_stopped()
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.settimeout(RECEIVE_S)
        for attached in [*self.departed, *self.attached.values()]:
            self._hand_ring(attached)
        send_segment(self.channel, {"op": "ready"})
        return theirs

    def engine_stopped(self) -> None:
        self.engine_runs = False
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def _hand_ring(self, attached: Attached) -> None:
        if self.channel is None:
            raise TimedOut(f"the engine of {self.instance} is not running; try again (ringfence wait ready)")
        payload = {"op": "ring", "strategy": attached.strategy.id, "epoch": attached.epoch, "slots": self.config.rings.intents}
        send_segment(self.channel, payload, [attached.ring.fd])

    def _publish(self, record: Any, uid: int, proof: signed.Accepted | None = None) -> int:
        """Publish a command behind the detaches that wait for room; its position.

        Raises
        ------
        Refused
            If the control ring is full.
        ToolError
            If the engine has not made its side yet.
        """
        self._publish_detaches()
        return self._send(record, uid, proof)

    def _publish_detaches(self) -> None:
        for departed in self.departed:
            if departed.detached_at < 0:
                departed.detached_at = self._send(departed.detach, os.getuid())

    def _bury(self) -> None:
        """Close the rings of those whose end an engine has taken."""
        if self.departed and self.link is not None:
            taken = int(self.link.theirs.section("tail")[0]["position"])
            for departed in [d for d in self.departed if 0 <= d.detached_at < taken]:
                self.departed.remove(departed)
                departed.ring.close()

    def _send(self, record: Any, uid: int, proof: signed.Accepted | None = None) -> int:
        if self.link is None:
            try:
                self.link = Link(self.mine, Segment.attach(self.instance, "to.control"))
            except RegionMissing as e:
                raise TimedOut(f"the engine of {self.instance} is not up yet; try again (ringfence wait ready)") from e
        self.request_id += 1
        record["request_id"], record["operator_uid"] = self.request_id, uid
        record["operator_name"] = definitions.user_name(uid).encode()[:23]
        if proof is not None:
            proof.into(record)
        try:
            return self.link.send(record)
        except RingFull as e:
            raise Refused(f"the control ring is full: the engine does not take commands; see ringfence status ({e})") from e

    # ---- clients

    def _accept(self) -> None:
        try:
            client, _ = self.listener.accept()
        except BlockingIOError:
            return
        client.settimeout(RECEIVE_S)
        self.clients.add(client)
        if len(self.clients) > CONNECTIONS_MAX:
            self._answer(client, {"ok": False, "error": f"{CONNECTIONS_MAX} connections are open already; try again", "code": 4})
            return
        self.selector.register(client, selectors.EVENT_READ, lambda: self._serve(client))

    def _serve(self, client: socket.socket) -> None:
        """Read one request and answer it, or leave it waiting for the engine."""
        self.selector.unregister(client)
        try:
            pid, uid, _ = peer_identity(client)
            request, fds = receive(client)
            for fd in fds:
                os.close(fd)
            operation = self.operations.get(str(request.get("op")))
            if operation is None:
                raise UsageError(f"unknown op {request.get('op')!r}; known are {', '.join(self.operations)}")
            operation(client, request, pid, uid)
        except ToolError as e:
            self._answer(client, {"ok": False, "error": str(e), "code": e.exit_code})
        except ValueError as e:  # a value that no record can hold
            self._answer(client, {"ok": False, "error": f"the request cannot be read: {e}", "code": UsageError.exit_code})
        except (IpcError, OSError) as e:
            self._answer(client, {"ok": False, "error": str(e), "code": 4 if isinstance(e, PeerRefused) else 1})

    def _answer(self, client: socket.socket, payload: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
        """Send the one answer and hang up; a client that is gone is its own affair."""
        try:
            send_segment(client, payload, fds)
        except OSError as e:
            self.log.info("a client of the control socket went before its answer: %s", e)
        self.clients.discard(client)
        client.close()

    def _own_user(self, uid: int, what: str) -> None:
        if uid not in (0, os.getuid()):
            raise Refused(f"{what}: uid {uid} may not; run it as {definitions.user_name(os.getuid())} or root")

    def _await_taken(self, client: socket.socket, position: int, answer: dict[str, Any], *, checked: bool = False) -> None:
        self.waiting.append(Waiting(client, position, time.monotonic() + TAKE_S, answer, checked))

    # ---- operations

    def _attach(self, client: socket.socket, request: dict[str, Any], pid: int, uid: int) -> None:
        strategy = self._strategy(request)
        if uid != strategy.uid:
            raise Refused(f"strategy {strategy.name}: uid {uid} may not attach, configured is uid {strategy.uid} (key strategy.uid)")
        if not self.engine_runs:
            raise TimedOut(f"the engine of {self.instance} is not running yet; try again (ringfence wait ready)")
        held = self.attached.get(strategy.name)
        if held is not None and not self._gone(held):
            raise Refused(f"strategy {strategy.name}: process {held.pid} has it; stop that process first")
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError as e:
            raise Refused(f"strategy {strategy.name}: process {pid} has ended already") from e
        epoch = self._next_epoch(strategy)
        ring = Segment.create_memfd(f"strat.{strategy.name}", link_sections("Intent", self.config.rings.intents), role=_ROLE["STRATEGY"], epoch=epoch)
        attached = Attached(strategy, pid, pidfd, epoch, ring)
        if held is not None:
            self._detach(held)
        try:
            self._hand_ring(attached)
            failpoint.reached("U3")
            self._publish(definitions.command("STRATEGY_ATTACH", "attach", strategy=strategy.id, epoch=epoch, pid=pid), uid)
        except (ToolError, OSError):
            os.close(pidfd)
            ring.close()
            raise
        self.attached[strategy.name] = attached
        self.selector.register(pidfd, selectors.EVENT_READ, lambda: self._detach(attached))
        self.log.info("strategy %s: attached process %d with ring epoch %d", strategy.name, pid, epoch)
        answer = {"ok": True, "strategy": strategy.id, "epoch": epoch, "slots": self.config.rings.intents}
        failpoint.reached("U5")
        self._answer(client, answer, (ring.fd,))

    def _give_back(self, client: socket.socket, request: dict[str, Any], pid: int, _uid: int) -> None:
        """A strategy's process closes its client and lives on: it, or another, may attach again."""
        strategy = self._strategy(request)
        held = self.attached.get(strategy.name)
        if held is None or held.pid != pid or held.epoch != request.get("epoch"):
            raise Refused(f"strategy {strategy.name}: process {pid} does not hold it with ring epoch {request.get('epoch')}")
        self._detach(held, "its client closed")
        self._answer(client, {"ok": True})

    def _next_epoch(self, strategy: StrategyConfig) -> int:
        """One more than any ring epoch of this strategy so far, by the engine's table and by what was handed out."""
        with Segment.attach(self.instance, "state") as state:
            known = int(state.section("strategies")[strategy.id]["epoch"])
        self.epochs[strategy.name] = max(known, self.epochs.get(strategy.name, 0)) + 1
        return self.epochs[strategy.name]

    def _strategy(self, request: dict[str, Any]) -> StrategyConfig:
        name = str(request.get("strategy"))
        if name not in self.by_name:
            raise Refused(f"no strategy {name!r} is configured; there are {', '.join(self.by_name) or 'none'}")
        return self.by_name[name]

    @staticmethod
    def _gone(attached: Attached) -> bool:
        """Whether a strategy's process has ended, though its pidfd was not looked at yet."""
        with selectors.DefaultSelector() as selector:
            selector.register(attached.pidfd, selectors.EVENT_READ)
            return bool(selector.select(0))

    def _detach(self, attached: Attached, why: str = "its process ended") -> None:
        """A strategy has ended: say so to the engine, now or when it has room: it would leave the orders of the dead in the market."""
        if self.attached.get(attached.strategy.name) is attached:
            del self.attached[attached.strategy.name]
        if attached.pidfd >= 0:
            self.selector.unregister(attached.pidfd)
            os.close(attached.pidfd)
            attached.pidfd = -1
            attached.detach = definitions.command("STRATEGY_DETACH", why, strategy=attached.strategy.id, epoch=attached.epoch)
            self.departed.append(attached)
            try:
                self._publish_detaches()
            except ToolError as e:
                self.log.error("strategy %s: its end is not published yet: %s", attached.strategy.name, e)
            self.log.info("strategy %s: process %d detached: %s", attached.strategy.name, attached.pid, why)

    def _checkpoint(self, client: socket.socket, request: dict[str, Any], _pid: int, uid: int) -> None:
        self._own_user(uid, "checkpoint")
        position = self._publish(definitions.command("CHECKPOINT", str(request.get("reason", "asked for"))), uid)
        self._await_taken(client, position, {"ok": True, "request_id": self.request_id})

    def _roll_day(self, client: socket.socket, request: dict[str, Any], _pid: int, uid: int) -> None:
        """Begin a trading day by hand: the one given, or the one that the clock says; before its time a second operator must agree."""
        self._own_user(uid, "roll_day")
        reason = str(request.get("reason", ""))
        day, now = int(request.get("day") or trading_day(self.config.instance.roll, time.time_ns())), self._engine_day()
        if not reason.strip():
            raise UsageError("a reason is needed: it is journaled with the command")
        if day <= now:
            raise Refused(f"the trading day is {now} already; it only goes forward: give a later one (--day)")
        record = definitions.roll_day(day, reason, begins(self.config.instance.roll, day))
        with Segment.attach(self.instance, "state") as state:
            before = int(state.section("engine")[1]["proposals"])
        position = self._publish(record, uid)
        self.log.info("trading day %d is begun by uid %d: %s", day, uid, reason)
        self._await_taken(client, position, {"ok": True, "request_id": self.request_id, "day": day}, checked=True)
        self.waiting[-1].outcome = lambda state: authority.outcome(state, record, uid, before)

    def _reload(self, client: socket.socket, request: dict[str, Any], pid: int, uid: int) -> None:
        """Publish what a configuration file changes, all of it or nothing; a restarted engine then reads that file too."""
        if uid != os.getuid():
            raise Refused(f"reload: uid {uid} may not; it is configured by {definitions.user_name(os.getuid())}, whose name its changes bear")
        path = Path(str(request.get("config")))
        with Segment.attach(self.instance, "state") as state:
            config, commands = reload.prepare(self.config, path, state)
            before = int(state.section("engine")[1]["proposals"])
        room = min(self.config.rings.control - (self.link.depth if self.link is not None else 0), operator_actions.REQUESTS)
        if len(commands) > room:
            why = "the control ring has room for" if room < operator_actions.REQUESTS else "the engine tells what it refused of"
            raise Refused(f"{path} changes {len(commands)} things and {why} {room}: make it in steps, or raise rings.control")
        first = self.request_id + 1
        positions = [self._publish(command, uid) for command in commands]
        copy = self.config.run_dir / "config.toml"
        copy.with_suffix(".new").write_bytes(path.read_bytes())
        copy.with_suffix(".new").replace(copy)
        self.config = config
        self.by_name = {s.name: s for s in config.strategies}
        self.path.chmod(self._mode())
        self.log.info("reload of %s by uid %d, process %d: %d commands", path, uid, pid, len(commands))
        answer = {"ok": True, "changes": len(commands), "request_id": self.request_id}
        if positions:
            self._await_taken(client, positions[-1], answer)
            requests = range(first, self.request_id + 1)
            self.waiting[-1].outcome = lambda state: reload.outcome(state, requests, before)
        else:
            self._answer(client, answer | {"proposed": [], "refused": 0})

    def _engine_day(self) -> int:
        with Segment.attach(self.instance, "state") as state:
            return int(state.section("engine")[1]["day"])

    def _submit(self, client: socket.socket, request: dict[str, Any], pid: int, uid: int) -> None:
        """A signed command: its operator is who signed it, whoever brings it; role and four eyes hold for that one."""
        with Segment.attach(self.instance, "state") as state:
            proof = signed.accept(request.get("envelope"), self.instance, state, uid, time.time_ns())
        self.log.info("signed command of operator %s, number %d, brought by uid %d, process %d", proof.operator, int(proof.tail["number"]), uid, pid)
        run = self._operate if proof.request["op"] in operator_actions.OPERATIONS else self._govern
        run(client, proof.request, pid, proof.uid, proof)

    def _operate(self, client: socket.socket, request: dict[str, Any], pid: int, uid: int, proof: signed.Accepted | None = None) -> None:
        op = str(request["op"])
        if proof is None:
            self._own_user(uid, op)
        with Segment.attach(self.instance, "state") as state:
            record = operator_actions.build(op, request, state)
            before = int(state.section("engine")[1]["proposals"])
        position = self._publish(record, uid, proof)
        failpoint.reached("U6")
        self.log.info("%s by uid %d, process %d: %s", op, uid, pid, {k: v for k, v in request.items() if k != "op"})
        self._await_taken(client, position, {"ok": True, "request_id": self.request_id}, checked=True)
        self.waiting[-1].outcome = lambda state: authority.outcome(state, record, uid, before)

    def _govern(self, client: socket.socket, request: dict[str, Any], pid: int, uid: int, proof: signed.Accepted | None = None) -> None:
        """Limits, kills, approvals and strategies: the engine judges; a kill of the firm or a venue is in the out-of-band word before anything else.

        Not of one who may not kill: the engine refuses him, and the word asks nobody. Not one that flattens: a word forbids every new order, the engine's own
        too, and only the engine can flatten.
        """
        op = str(request["op"])
        with Segment.attach(self.instance, "state") as state:
            record, role = authority.build(op, request, state, uid), authority.role_of(state, uid)
            before = int(state.section("engine")[1]["proposals"])
            in_force = authority.words_in_force(state, kill_words.read_words(self.instance)) if op in ("release", "approve") else {}
        scope = str(request.get("scope", ""))
        if authority.may_set_word(op, role) and not request.get("flatten") and (scope == "firm" or scope.startswith("venue:")):
            try:
                kill_words.set_word(self.instance, scope.partition(":")[2] or None, str(request["reason"]), uid)
            except (IpcError, OSError) as e:  # the engine kills all the same
                self.log.critical("kill of %s by uid %d: the out-of-band word could not be set (%s); the command goes to the engine alone", scope, uid, e)
        position = self._publish(record, uid, proof)
        self.log.info("%s by uid %d, process %d: %s", op, uid, pid, {k: v for k, v in request.items() if k != "op"})
        self._await_taken(client, position, {"ok": True, "request_id": self.request_id}, checked=True)
        self.waiting[-1].outcome = lambda state: self._governed(state, record, uid, before, in_force)

    def _governed(self, state: Segment, record: Any, uid: int, before: int, in_force: dict[str, int]) -> dict[str, Any]:
        """What became of it; a word that was ``in_force`` and whose kill was released is cleared."""
        for venue in authority.released_words(state, kill_words.read_words(self.instance), in_force) if in_force else ():
            kill_words.clear_word(self.instance, venue or None, f"released, request {self.request_id}", uid, in_force[venue])
        return authority.outcome(state, record, uid, before)

    def _status(self, client: socket.socket, _request: dict[str, Any], _pid: int, uid: int) -> None:
        self._own_user(uid, "status")
        held = {name: {"pid": a.pid, "epoch": a.epoch} for name, a in self.attached.items()}
        self._answer(client, {"ok": True, **self.report(), "strategies": held})

    def _down(self, client: socket.socket, request: dict[str, Any], pid: int, uid: int) -> None:
        self._own_user(uid, "down")
        self._answer(client, {"ok": True, "pid": os.getpid()})
        self.stop(f"down by {definitions.user_name(uid)} (process {pid}): {request.get('reason', 'no reason given')}")

    # ---- the loop

    def tick(self) -> None:
        """Heartbeat, detaches that had no room, and answers to commands that the engine has taken or not."""
        self.mine.heartbeat(time.time_ns())
        with contextlib.suppress(ToolError):  # said when it ended; tried again at the next tick
            self._publish_detaches()
        self._bury()
        with contextlib.suppress(ToolError, IpcError):  # no room, or the engine is being restarted: tried again at the next tick
            self._roll_when_due()
        if not self.waiting or self.link is None:
            return
        taken = int(self.link.theirs.section("tail")[0]["position"])
        now = time.monotonic()
        for w in [w for w in self.waiting if w.position < taken or now >= w.until]:
            self.waiting.remove(w)
            unknown = {"ok": False, "error": "published, but not taken by the engine in time; it may still be: see ringfence status", "code": 6}
            self._answer(w.client, self._outcome(w) if w.position < taken else unknown)

    def _roll_when_due(self) -> None:
        """At the roll's time the engine is told of the new trading day; one that was down then learns it from its START."""
        now = time.time_ns()
        if self.config.instance.day or not self.engine_runs or now < self.next_roll_ns:
            return
        day = trading_day(self.config.instance.roll, now)
        if day > self._engine_day():
            self._publish(definitions.roll_day(day, "scheduled roll", begins(self.config.instance.roll, day)), os.getuid())
            self.log.info("trading day %d begins", day)
        self.next_roll_ns = next_roll(self.config.instance.roll, now)

    def _outcome(self, waiting: Waiting) -> dict[str, Any]:
        """The answer to a command that was taken: refused when the engine's state had moved on."""
        if not waiting.checked and waiting.outcome is None:
            return waiting.answer
        with Segment.attach(self.instance, "state") as state:
            if waiting.checked and operator_actions.refused_by_engine(state, int(waiting.answer["request_id"])):
                why = "the engine could not do it, or not all of it: its state has moved on, or a gateway takes no more; see ringfence breaks"
                why = ledger_entry.refusal(state.section("breaks"), int(waiting.answer["request_id"])) or why
                return {"ok": False, "error": why, "code": 4}
            return waiting.answer | (waiting.outcome(state) if waiting.outcome is not None else {})

    def close(self) -> None:
        """Close the socket and hang up on everybody."""
        self.selector.unregister(self.listener)
        self.listener.close()
        self.path.unlink(missing_ok=True)
        for client in list(self.clients):
            if client.fileno() in self.selector.get_map():
                self.selector.unregister(client)
            client.close()
        for attached in list(self.attached.values()):
            self.selector.unregister(attached.pidfd)
            os.close(attached.pidfd)
        for kept in [*self.departed, *self.attached.values()]:
            kept.ring.close()
        self.departed.clear()
        self.attached.clear()
        self.engine_stopped()
        self.mine.close()


def control_path(data_dir: Path) -> Path:
    return data_dir / "run" / SOCKET_NAME
