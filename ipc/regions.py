"""Names of shared-memory regions, who owns them, and removal of what dead processes left behind.

A region is the POSIX object ``/rf.INSTANCE.NAME``. Its superblock names the writer by pid *and* start time (field 22 of
/proc/PID/stat), since the kernel reuses pids; a zombie counts as dead: it will never write again.

Nothing here maps a region: superblocks are read with ``pread``, so a region that is truncated meanwhile gives a short
read and not a SIGBUS. Removal goes by name only, under the region's ``flock``. The creator holds that lock until its pid is
written and then checks that the name is still linked, so a region without a pid whose lock is free has lost its creator.
Rejected: age or heartbeat as a sign of death (a stopped or swapped writer is alive), and removal by pattern.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import posix_ipc  # type: ignore[import-not-found]

from ringfence.ipc.errors import IpcError
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, RECORDS

SHM_DIR = Path("/dev/shm")
PREFIX = "rf."
NAME_BYTES_MAX = 31
SUPERBLOCK_BYTES = RECORDS["Superblock"].size
_MAGIC: int = CONSTANTS["REGION_MAGIC"][0]
_INSTANCE = re.compile(r"[A-Za-z0-9_-]{1,31}")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,30}")


class Region(NamedTuple):
    """One region as found by name.

    ``alive`` is True while its writer lives, and also when the superblock may not be read: what cannot be judged is never
    taken for dead. ``ready`` is False until the creator has stored the magic.
    """

    instance: str
    name: str
    total_bytes: int
    alive: bool
    ready: bool
    writer_pid: int
    role: int
    epoch: int


def shm_name(instance: str, name: str) -> str:
    """Return the POSIX name ``/rf.INSTANCE.NAME``.

    Raises
    ------
    ValueError
        If a part is empty, longer than 31 characters or has other characters than letters, digits, ``_``, ``-`` (and ``.`` in ``name``).
    """
    if not _INSTANCE.fullmatch(instance):
        raise ValueError(f"instance name was {instance!r}; allowed are 1 to {NAME_BYTES_MAX} letters, digits, '_' and '-'")
    if not _NAME.fullmatch(name):
        raise ValueError(f"region name was {name!r}; allowed are 1 to {NAME_BYTES_MAX} letters, digits, '_', '-' and '.', not starting with '.'")
    return f"/{PREFIX}{instance}.{name}"


def process_start_ticks(pid: int) -> int | None:
    """Return the start time [clock ticks since boot] of a live process; None when there is none, or only its zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(b")") + 2 :].split()  # the command name may itself hold spaces and parentheses
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def owner_alive(superblock: Any) -> bool:
    """Say whether the writer named by a ``Superblock`` record is the very process that made (or adopted) the region."""
    pid, ticks = int(superblock["writer_pid"]), int(superblock["writer_start_ticks"])
    if pid == 0:
        return False
    now = process_start_ticks(pid)
    return now is not None and (ticks in {0, now})  # 0: an adopter is between two stores


def list_regions(instance: str | None = None) -> list[Region]:
    """Return the regions of ``instance`` (all instances when None), sorted by instance and name."""
    if instance is not None:
        shm_name(instance, "x")
    found = []
    for entry in SHM_DIR.iterdir() if SHM_DIR.is_dir() else ():
        owner, _, name = entry.name.removeprefix(PREFIX).partition(".")
        if entry.name.startswith(PREFIX) and name and (instance is None or owner == instance):
            region = _inspect(owner, name, entry)
            if region is not None:
                found.append(region)
    return sorted(found, key=lambda r: (r.instance, r.name))


def instances() -> list[str]:
    """Return the names of all instances that have a region, dead or alive."""
    return sorted({r.instance for r in list_regions()})


def unlink_stale(instance: str, keep: Iterable[str] = ()) -> list[str]:
    """Unlink the regions of ``instance`` whose writer is dead; never a live one, nor one named in ``keep``.

    Returns
    -------
    list of str
        Names (without the instance) that were removed.

    Raises
    ------
    IpcError
        If a dead region belongs to another user and may not be removed.
    """
    spared = set(keep)
    removed = []
    for region in list_regions(instance):
        if region.name in spared or region.alive:
            continue
        if unlink_dead(instance, region.name):
            removed.append(region.name)
    return removed


def unlink_dead(instance: str, name: str) -> bool:
    """Unlink one region if its writer is dead; say whether it was removed.

    Raises
    ------
    IpcError
        If it belongs to another user and may not be removed.
    """
    path = SHM_DIR / shm_name(instance, name)[1:]
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if not try_lock(fd) or os.fstat(fd).st_nlink == 0:  # being made or adopted at this moment, or gone already
            return False
        block = read_superblock(fd)
        if block is not None and owner_alive(block):
            return False
        posix_ipc.unlink_shared_memory(shm_name(instance, name))
    except posix_ipc.ExistentialError:
        return False
    except posix_ipc.PermissionsError as e:
        raise IpcError(f"region {path} is left by a dead process of another user; remove it as that user: rm {path}") from e
    finally:
        os.close(fd)
    return True


def read_superblock(fd: int) -> Any:
    """Return a copy of the superblock behind ``fd``, or None when the object is shorter than one."""
    raw = os.pread(fd, SUPERBLOCK_BYTES, 0)
    return np.frombuffer(raw, dtype("Superblock"))[0] if len(raw) == SUPERBLOCK_BYTES else None


def _inspect(instance: str, name: str, path: Path) -> Region | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:  # not ours to read: report it, take it for alive
        return Region(instance, name, 0, True, False, 0, 0, 0)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            return Region(instance, name, 0, True, False, 0, 0, 0)
        block = read_superblock(fd)
        if block is None or not block["writer_pid"]:
            return Region(instance, name, info.st_size, not try_lock(fd), False, 0, 0, 0)
        ready = int(block["magic"]) & 0xFFFFFFFF == _MAGIC
        return Region(instance, name, info.st_size, owner_alive(block), ready, int(block["writer_pid"]), int(block["role"]), int(block["epoch"]))
    finally:
        os.close(fd)


def try_lock(fd: int) -> bool:
    """Take the region's lock without waiting. Closing ``fd`` gives it back, unless the region was mapped through it: then unlock first."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
