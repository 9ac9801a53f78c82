"""What a dead instance left: its processes and its regions, and which of them the next one needs.

    /dev/shm/rf.INSTANCE.* ──who lives?──▶ orphans: stop them ──▶ rings with unread slots: keep, the rest: remove

A region's writer is known by pid and start time, so nothing here touches a process that merely got an old pid. Orphans are children of a
supervisor that was killed; they are stopped in the order of a clean stop, since a new engine must not meet a live old one. The rings between
engine and sidecar, and between engine and gateways, are kept: they hold journal frames that are not on disk and reports that no engine has
taken; kill words are kept too (kill_words.py). Everything else can be rebuilt.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

from ringfence.ipc import regions
from ringfence.ipc.errors import IpcError, RegionMissing
from ringfence.ipc.regions import Region
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import kill_words
from ringfence.tools.config import Config
from ringfence.tools.errors import Refused

ORPHAN_STOP_S = 10.0
_ROLE = ENUMS["Role"].by_name
_STOP_ORDER = (_ROLE["STRATEGY"], _ROLE["GATEWAY"], _ROLE["FEED"], _ROLE["ENGINE"], _ROLE["SIDECAR"], _ROLE["SHADOW"], _ROLE["LEDGER"])


def refuse_live(config: Config) -> None:
    """Refuse to start beside a live supervisor of the same instance name.

    Raises
    ------
    Refused
        If there is one.
    """
    for region in regions.list_regions(config.instance.name):
        if region.name == "instance" and region.alive:
            raise Refused(
                f"an instance named {config.instance.name} is already running (process {region.writer_pid}); "
                "stop it with ringfence down, or give this one another name (key instance.name)"
            )


def clear_up(config: Config, say: Callable[[str], None]) -> list[str]:
    """Stop orphans and remove what is not needed any more; names of the regions removed.

    Raises
    ------
    Refused
        If the rings belong to another data directory and still hold something, or an orphan cannot be stopped.
    """
    instance = config.instance.name
    found = regions.list_regions(instance)
    if not found:
        return []
    _stop_orphans(instance, found, say)
    keep = _pairs(instance)
    other = _other_data_dir(config)
    if other is not None:
        unread = unread_pairs(instance)
        if unread and other.exists():
            names = ", ".join(sorted(unread))
            raise Refused(
                f"instance {instance} last ran on {other} and left unread rings ({names}): recover it there first, "
                f"or drop what they hold: rm /dev/shm/{regions.PREFIX}{instance}.*"
            )
        keep = set()
    return regions.unlink_stale(instance, keep | {kill_words.REGION})


def _stop_orphans(instance: str, found: list[Region], say: Callable[[str], None]) -> None:
    started = _started(instance)
    for role in _STOP_ORDER:
        pids = {r.writer_pid for r in found if r.alive and r.role == role and r.writer_pid} | {p for p, r in started.items() if r == role}
        for pid in sorted(pids):
            say(f"▲ process {pid} ({ENUMS['Role'].by_value[role].lower()}) of a dead supervisor still runs: stopping it")
            _stop(instance, pid)


def _started(instance: str) -> dict[int, int]:
    """Pid to role of the live processes that the dead supervisor had started; strategies own no region by which to find them."""
    try:
        with Segment.attach(instance, "instance") as region:
            rows = region.section("components").copy()
    except (IpcError, KeyError):
        return {}
    return {int(r["pid"]): int(r["role"]) for r in rows if int(r["pid"]) and _same_process(int(r["pid"]), int(r["start_ticks_lo"]))}


def _same_process(pid: int, start_ticks_lo: int) -> bool:
    ticks = regions.process_start_ticks(pid)
    return ticks is not None and ticks & 0xFFFFFFFF == start_ticks_lo


def _stop(instance: str, pid: int) -> None:
    """SIGTERM, then SIGKILL, by pidfd and only while it is still the very process that was found."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if pid not in _started(instance) and not any(r.alive and r.writer_pid == pid for r in regions.list_regions(instance)):
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                signal.pidfd_send_signal(pidfd, number)
            except ProcessLookupError:
                return
            if select.select([pidfd], [], [], ORPHAN_STOP_S)[0]:
                return
    finally:
        os.close(pidfd)
    raise Refused(f"process {pid} of a former run of {instance} does not end; see: ps -p {pid}")


def _pairs(instance: str) -> set[str]:
    """Rings worth keeping: both halves of the sidecar's and the gateways' links are there."""
    names = {r.name for r in regions.list_regions(instance)}
    peers = {n.partition(".")[2] for n in names if n.startswith("to.") and f"from.{n.partition('.')[2]}" in names}
    return {f"{side}.{p}" for p in peers if p == "sidecar" or p.startswith("gw.") for side in ("to", "from")}


def unread_pairs(instance: str) -> set[str]:
    """Pairs of which the half towards the sidecar, or from a gateway, holds slots that nobody has taken."""
    out: set[str] = set()
    kept = _pairs(instance)
    for peer in {name.partition(".")[2] for name in kept}:
        writer, reader = (f"to.{peer}", f"from.{peer}") if peer == "sidecar" else (f"from.{peer}", f"to.{peer}")
        if _unread(instance, writer, reader):
            out |= {writer, reader}
    return out | {n for n in kept if out and n.endswith(".sidecar")}


def _unread(instance: str, writer: str, reader: str) -> bool:
    """Whether the next slot after the reader's tail is published; what cannot be read counts as unread."""
    try:
        with Segment.attach(instance, writer) as slots_of, Segment.attach(instance, reader) as tail_of:
            slots = slots_of.section("slots")
            tail = int(tail_of.section("tail")[0]["position"])
            return int(slots[tail % len(slots)][slots.dtype.names[0]]) == tail + 1
    except RegionMissing:
        return False
    except (IpcError, KeyError):
        return True


def _other_data_dir(config: Config) -> Path | None:
    """The data directory of the dead instance, when it is not this configuration's."""
    try:
        with Segment.attach(config.instance.name, "instance") as region:
            path = Path(bytes(region.section("status")[1]["data_dir"]).decode())
    except (IpcError, KeyError):
        return None
    return path if path != config.instance.data_dir else None
