"""What the host grants a process: a core of its own, locked memory, real-time priority, an idle strategy.

Each request returns ``Granted`` or ``Refused`` with the command that would grant it; nothing here raises for a refusal, because a
process works without any of it, only slower. ``ringfence doctor`` and the status view print what was refused.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

_CAP_IPC_LOCK = 14
_MCL_CURRENT, _MCL_FUTURE = 1, 2
_POLLING_PROCESSES = 4  # engine, one gateway, two strategies: with fewer cores than these and one to spare, they must share
_PAGE_KIB = 1024


class Idle(IntEnum):
    """What a polling loop does when a turn finds nothing; the numbers of idle.h."""

    SPIN = 1
    YIELD = 2
    BACKOFF = 3


@dataclass(frozen=True)
class Granted:
    """The host did what was asked."""

    what: str

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True)
class Refused:
    """The host did not; ``fix`` is the command that would make it."""

    what: str
    reason: str
    fix: str

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}; grant: {self.fix}"


def cores() -> list[int]:
    """Return the cores that this process may run on."""
    return sorted(os.sched_getaffinity(0))


def default_idle() -> Idle:
    """Pick the idle strategy: spin only where every polling process can have a core and one is left for the rest."""
    count = len(cores())
    if count > _POLLING_PROCESSES:
        return Idle.SPIN
    return Idle.YIELD if count == _POLLING_PROCESSES else Idle.BACKOFF


def pin(core: int) -> Granted | Refused:
    """Run this process on ``core`` only; a negative number asks for nothing and is granted."""
    if core < 0:
        return Granted("pin: not asked for")
    what = f"pin to core {core}"
    try:
        os.sched_setaffinity(0, {core})
    except OSError as e:
        allowed = ",".join(str(c) for c in cores())
        return Refused(what, f"{e.strerror} (allowed: {allowed})", f"choose [cores] from {allowed}, or: taskset -cp {core} {os.getpid()}")
    return Granted(what)


def lock_memory() -> Granted | Refused:
    """Keep all present and future pages of this process in memory (mlockall).

    Not even tried under a limit: MCL_FUTURE would succeed now and make a later mapping fail.
    """
    what = "lock memory"
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    fix = f"setcap cap_ipc_lock=ep {os.path.realpath(sys.executable)}   (or: ulimit -l unlimited)"
    if limit != resource.RLIM_INFINITY and not _has_capability(_CAP_IPC_LOCK):
        return Refused(what, f"the limit is {limit // _PAGE_KIB} KiB", fix)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE):
        return Refused(what, os.strerror(ctypes.get_errno()), fix)
    return Granted(what)


def realtime(priority: int) -> Granted | Refused:
    """Run under SCHED_FIFO at ``priority`` (1 to 99); 0 asks for nothing and is granted."""
    if priority == 0:
        return Granted("real-time priority: not asked for")
    what = f"SCHED_FIFO {priority}"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError as e:
        return Refused(what, e.strerror or str(e), f"setcap cap_sys_nice=ep {os.path.realpath(sys.executable)}   (or: ulimit -r {priority})")
    return Granted(what)


def _has_capability(bit: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> bit & 1)
    return False
