"""How a strategy process joins a running instance: control socket, sealed memfd, regions, clock.

    1. region `instance`  ─▶ data directory ─▶ DATA/run/control.sock
    2. {"op": "attach", "strategy": NAME, "pid": PID}  ─▶  {"ok": true, "strategy": ROW, "epoch": E, "slots": N} + memfd
    3. map the memfd (what this strategy writes) and `to.strat.NAME` (what the engine writes to it)
    4. wait until the engine has put E into its `mark`: from then on both rings start at position 0

The supervisor checks who asks (SO_PEERCRED) and that no other live process has the strategy; its refusal is ``StrategyRefused`` with its own
words. Every wait here is bounded. Nothing is left behind when a step fails: descriptors are closed, the supervisor sees the process go.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringfence.gateways.errors import GatewayError
from ringfence.ipc.clock import Clock
from ringfence.ipc.errors import IpcError, PeerRefused, RegionMissing
from ringfence.ipc.handover import receive, send_segment
from ringfence.ipc.link import link_sections
from ringfence.ipc.regions import instances, list_regions, owner_alive
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

INSTANCE_VARIABLE = "RINGFENCE_INSTANCE"
POLL_S = 0.001
REFUSED = 4
"""The control agent's code for "may not"; any other is "not now"."""
_STOPPED = (ENUMS["ProcessState"].by_name["STOPPED"], ENUMS["ProcessState"].by_name["FAILED"])


class InstanceNotRunning(GatewayError):
    """No such instance runs here, or it is not far enough up to take a strategy."""


class InstanceStopped(GatewayError):
    """The instance ended, or its engine is dead for longer than a restart takes."""


class StrategyRefused(GatewayError):
    """The instance does not let this process be that strategy; the message says why."""


@dataclass
class Attachment:
    """Everything that joins one strategy process to the instance.

    Attributes
    ----------
    market : Segment or None
        The feed's market data (ipc/broadcast), read-only; None without a feed.
    readers : Segment or None
        ``market.readers``, where the strategy writes its own row: row ``strategy``, nothing else.
    """

    instance: str
    name: str
    strategy: int
    epoch: int
    intents: Segment
    events: Segment
    state: Segment
    market: Segment | None
    readers: Segment | None
    status: Segment
    clock: Clock
    socket_path: Path


def find_instance(name: str | None) -> str:
    """Return the instance to join: the one named, else that of ``RINGFENCE_INSTANCE``, else the only one on this host.

    Raises
    ------
    InstanceNotRunning
        If none runs, or several do and none is named.
    """
    if name or os.environ.get(INSTANCE_VARIABLE):
        return name or os.environ[INSTANCE_VARIABLE]
    running = instances()
    if len(running) == 1:
        return running[0]
    if running:
        raise InstanceNotRunning(f"several instances run here ({', '.join(running)}); name one: attach(..., instance=NAME) or set {INSTANCE_VARIABLE}")
    raise InstanceNotRunning("no instance runs on this host; start one with: ringfence up CONFIG.toml")


def section_of(segment: Segment, record: str) -> Any:
    """Return the rows of the first section that holds ``record``."""
    for spec in segment.sections:
        if spec.record == record:
            return segment.section(spec.name)
    raise KeyError(f"region {segment.name!r} has no section of {record}")


def _region(instance: str, name: str) -> Segment:
    try:
        return Segment.attach(instance, name)
    except RegionMissing as e:
        raise InstanceNotRunning(f"instance {instance!r} has no region {name!r}: it is not running, or not yet up; see ringfence status ({e})") from e


def request(socket_path: Path, payload: dict[str, Any], timeout: float) -> tuple[dict[str, Any], list[int]]:
    """Ask the control agent; returns its answer and the descriptors that came with it.

    Raises
    ------
    InstanceNotRunning
        If nobody answers there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        try:
            sock.connect(str(socket_path))
            send_segment(sock, payload)
            return receive(sock)
        except (OSError, PeerRefused) as e:
            raise InstanceNotRunning(f"the control socket {socket_path} does not answer ({e}); is the supervisor running?") from e


def attach(name: str, instance: str | None, timeout: float) -> Attachment:
    """Join the instance as strategy ``name``; see the module's text for the steps.

    Raises
    ------
    StrategyRefused
        If the control agent refuses: unknown strategy, another uid, or a live process has it.
    InstanceNotRunning
        If there is no such instance, or it does not answer within ``timeout`` seconds.
    """
    instance = find_instance(instance)
    status = _region(instance, "instance")
    if not owner_alive(status.superblock):
        raise InstanceNotRunning(f"instance {instance!r} is dead: its supervisor is gone; bring it back with ringfence up")
    socket_path = Path(section_of(status, "InstanceStatus")[1]["data_dir"].decode()) / "run" / "control.sock"
    state = _region(instance, "state")
    answer, fds = request(socket_path, {"op": "attach", "strategy": name, "pid": os.getpid()}, timeout)
    try:
        if not answer.get("ok"):
            kind = StrategyRefused if answer.get("code") == REFUSED else InstanceNotRunning
            raise kind(str(answer.get("error", f"strategy {name}: refused without a reason")))
        if len(fds) != 1:
            raise StrategyRefused(f"strategy {name!r}: the control agent sent {len(fds)} descriptors, one is due")
        intents = Segment.attach_memfd(fds[0], link_sections("Intent", int(answer["slots"])), writable=True)
    finally:
        for fd in fds:
            os.close(fd)
    events = _wait_for_engine(instance, name, int(answer["epoch"]), timeout)
    clock = Clock.attach(status)
    market, readers = _market(instance)
    return Attachment(instance, name, int(answer["strategy"]), int(answer["epoch"]), intents, events, state, market, readers, status, clock, socket_path)


def _market(instance: str) -> tuple[Segment | None, Segment | None]:
    """Return the feed's region ``market`` and, where this process may write it, ``market.readers``; None for what is not there."""
    try:
        market = Segment.attach(instance, "market")
    except RegionMissing:
        return None, None
    try:
        return market, Segment.attach(instance, "market.readers", writable=True)
    except IpcError:  # of another user: then no replay waits for this reader, and nobody sees how far it is
        return market, None


def _wait_for_engine(instance: str, name: str, epoch: int, timeout: float) -> Segment:
    """Wait until the engine reads the new ring: it stores the ring's epoch into the mark of ``to.strat.NAME``."""
    until = time.monotonic() + timeout
    events: Segment | None = None
    while time.monotonic() < until:
        try:
            events = events or Segment.attach(instance, f"to.strat.{name}")
            if int(events.section("mark")[0]["position"]) == epoch:
                return events
        except RegionMissing:
            events = None
        time.sleep(POLL_S)
    raise InstanceNotRunning(f"the engine did not take the ring of strategy {name!r} within {timeout} s; see ringfence status")


def still_there(a: Attachment, their_mark: int, dead_since_ns: int, now_ns: int, grace_s: float) -> int:
    """Return since when the engine is dead, 0 when it lives; to be asked at intervals, with the answer before.

    Parameters
    ----------
    their_mark : int
        Epoch of the intent ring that the engine reads.
    grace_s : float
        How long a dead engine may take to come back.

    Raises
    ------
    InstanceStopped
        If the instance ended, took the strategy away, or its engine stays dead.
    """
    if their_mark != a.epoch:
        raise InstanceStopped(f"strategy {a.name!r} was detached: its ring epoch {a.epoch} was replaced by {their_mark}; attach again")
    engine = a.state.superblock
    if int(engine["process_state"]) in _STOPPED:
        raise InstanceStopped(f"the engine of instance {a.instance!r} has stopped")
    if owner_alive(engine):
        return 0
    if not any(r.name == "state" for r in list_regions(a.instance)):
        raise InstanceStopped(f"instance {a.instance!r} was taken down")
    dead_since_ns = dead_since_ns or now_ns
    if now_ns - dead_since_ns > int(grace_s * 1e9):
        raise InstanceStopped(f"the engine of instance {a.instance!r} is dead for {grace_s:g} s; bring it back with ringfence up")
    return dead_since_ns
