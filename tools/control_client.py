"""Talk to an instance's control agent: one JSON line there, one back. Used by the command line; strategies have their own.

    command ──{"op": ...}──▶ DATA/run/control.sock ──▶ ControlAgent (control.py)

The data directory comes from the region ``instance``. Every wait is bounded. No answer after the request was sent means that the outcome is
unknown (exit code 6), not that it failed; nobody there means that nothing happened (exit code 3).
"""

from __future__ import annotations

import os
import select
import socket
import time
from pathlib import Path
from typing import Any

from ringfence.ipc.errors import IpcError, PeerRefused, RegionMissing
from ringfence.ipc.handover import receive, send_segment
from ringfence.ipc.regions import list_regions, owner_alive
from ringfence.ipc.segment import Segment
from ringfence.tools.control import control_path
from ringfence.tools.errors import (
    BearerRefused,
    NotRunning,
    NumberSpent,
    OtherInstance,
    OutcomeUnknown,
    Refused,
    SignatureExpired,
    SignatureWrong,
    SignerUnknown,
    SignerWithoutKey,
    TimedOut,
    ToolError,
    UsageError,
)

TIMEOUT_S = 10.0
DOWN_TIMEOUT_S = 60.0
_SIGNED = (BearerRefused, NumberSpent, OtherInstance, SignatureExpired, SignatureWrong, SignerUnknown, SignerWithoutKey)
_BY_CODE: dict[int, type[ToolError]] = {e.exit_code: e for e in (UsageError, NotRunning, Refused, TimedOut, OutcomeUnknown, *_SIGNED)}


def data_dir(instance: str) -> Path:
    """Data directory of a running instance.

    Raises
    ------
    NotRunning
        If it does not run, or was made by another build.
    """
    try:
        with Segment.attach(instance, "instance") as region:
            if not owner_alive(region.superblock):
                pid = int(region.superblock["writer_pid"])
                raise NotRunning(f"instance {instance}: its supervisor (process {pid}) is dead; recover with ringfence up CONFIG.toml")
            return Path(bytes(region.section("status")[1]["data_dir"]).decode())
    except RegionMissing as e:
        raise NotRunning(f"instance {instance} is not running; start it with ringfence up CONFIG.toml") from e
    except IpcError as e:
        raise NotRunning(str(e)) from e


def request(instance: str, payload: dict[str, Any], timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Send one request and return the answer.

    Raises
    ------
    NotRunning
        If nobody listens.
    OutcomeUnknown
        If the request was sent and no answer came.
    ToolError
        What the agent answered, with its exit code.
    """
    path = control_path(data_dir(instance))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        try:
            sock.connect(str(path))
            send_segment(sock, payload)
        except PermissionError as e:
            raise Refused(f"{path}: {e.strerror}; run it as the user who started the instance") from e
        except OSError as e:
            raise NotRunning(f"{path}: nobody answers ({e.strerror or e}); see ringfence status") from e
        try:
            answer, fds = receive(sock)
        except (OSError, PeerRefused) as e:
            if payload.get("op") == "status":  # it changes nothing
                raise NotRunning(f"{path}: no answer ({e}); see ringfence status") from e
            raise OutcomeUnknown(f"{payload.get('op')}: sent, and no answer within {timeout_s:g} s ({e}); see ringfence status") from e
    for fd in fds:
        os.close(fd)
    if not answer.get("ok"):
        raise _BY_CODE.get(int(answer.get("code", 1)), ToolError)(str(answer.get("error", "refused without a reason")))
    return answer


def status(instance: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """What the supervisor says of the instance: state, epoch, components, attached strategies."""
    return request(instance, {"op": "status"}, timeout_s)


def checkpoint(instance: str, reason: str = "asked for", timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Have the engine journal its state hash."""
    return request(instance, {"op": "checkpoint", "reason": reason}, timeout_s)


def roll_day(instance: str, day: int, reason: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Begin a trading day [YYYYMMDD; 0: the one that the clock says]; journaled with who and why."""
    return request(instance, {"op": "roll_day", "day": day, "reason": reason}, timeout_s)


def set_strategy(instance: str, strategy: str, new_status: str, reason: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Change a strategy's status: enabled, reduce_only, cancel_only or disabled; journaled with who and why."""
    return request(instance, {"op": "set_strategy", "strategy": strategy, "status": new_status, "reason": reason}, timeout_s)


def operate(instance: str, op: str, reason: str, timeout_s: float = TIMEOUT_S, **fields: Any) -> dict[str, Any]:
    """An operator's action (``operator_actions``, ``authority``), journaled with who and why; the answer says what became of it."""
    return request(instance, {"op": op, "reason": reason, **{k: v for k, v in fields.items() if v is not None}}, timeout_s)


def submit(instance: str, envelope: dict[str, Any], timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Bring a signed command (``signed.Envelope.as_json``); the answer is that of the command. SignedRefused says why it was not believed."""
    return request(instance, {"op": "submit", "envelope": envelope}, timeout_s)


def down(instance: str, reason: str = "ringfence down", timeout_s: float = DOWN_TIMEOUT_S) -> list[str]:
    """Stop an instance and wait until its supervisor has ended; return the regions that are left (after a failed drain).

    Raises
    ------
    TimedOut
        If it still runs after ``timeout_s`` seconds.
    """
    end = time.monotonic() + timeout_s
    pid = int(status(instance, min(TIMEOUT_S, timeout_s))["pid"])
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return [r.name for r in list_regions(instance)]
    try:
        request(instance, {"op": "down", "reason": reason}, min(TIMEOUT_S, timeout_s))
        if not select.select([pidfd], [], [], max(0.0, end - time.monotonic()))[0]:
            raise TimedOut(f"instance {instance} is still stopping after {timeout_s:g} s; see ringfence status and its logs")
    finally:
        os.close(pidfd)
    return [r.name for r in list_regions(instance)]
