"""Commands that start, stop and wait for an instance: ``up``, ``down``, ``wait``.

``down`` asks the supervisor, by a signal through a pidfd: a pid alone could be another process by the time the signal is sent. Stopping a LIVE instance
asks for its name first; without a terminal to ask on it is refused (exit 4) unless ``--yes`` says so. Each wait is bounded: exit 5 when it did not
happen in time, and the message says what was still missing.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from ringfence.ipc import regions
from ringfence.tools.errors import NotRunning, Refused, TimedOut, ToolError
from ringfence.tools.views import processes
from ringfence.tools.views.instance import Instance, choose

READY_S, STOP_S, POLL_S = 30.0, 30.0, 0.02


def up(args: argparse.Namespace) -> int:
    """Run an instance in the foreground, or with ``--detach`` start it, wait until it is ready and return."""
    from ringfence.tools import config, supervisor

    loaded = config.load(args.config)
    if not args.detach:
        return supervisor.run(loaded)
    loaded.log_dir.mkdir(parents=True, exist_ok=True)
    log = loaded.log_dir / "supervisor.log"
    with open(log, "ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "ringfence.tools.cli", "up", os.path.abspath(args.config)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )

    def alive() -> None:
        if child.poll() is not None:
            last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise ToolError(f"the supervisor ended with exit code {child.returncode}: {last[0]} (log: {log})")

    wait_ready(loaded.instance.name, args.timeout or READY_S, alive, sessions=False)
    if not args.options.quiet:
        print(f"● {loaded.instance.name} is up, supervisor {child.pid}, logs in {loaded.log_dir}; stop it: ringfence down --instance {loaded.instance.name}")
    return 0


def wait_ready(name: str, timeout: float, alive: Callable[[], None], *, sessions: bool) -> None:
    """Return when every component runs and, with ``sessions``, every session is logged on.

    Raises
    ------
    TimedOut
        After ``timeout`` seconds; names what is missing.
    """
    until = time.monotonic() + timeout
    missing = f"no instance {name!r}"
    while True:
        alive()
        try:
            with Instance(name) as instance:
                missing = _missing(instance, sessions)
        except NotRunning as e:
            missing = str(e)
        if not missing:
            return
        if time.monotonic() >= until:
            raise TimedOut(f"not ready after {timeout:g} s: {missing}")
        time.sleep(POLL_S)


def _missing(instance: Instance, sessions: bool) -> str:
    """Return what is not ready, in words; "" when all is."""
    rows = processes.status(instance)
    if not rows or instance.engine_age is None:
        return "the engine does not beat yet"
    down = [f"{r['component']} {r['state'] or 'unknown'}" for r in rows if r["health"] not in {"ok", "idle"}]
    if sessions:
        found = processes.sessions(instance)
        down += [f"session {r['session']} {r['state']}" for r in found if r["state"] != "UP"]
        if not found:
            down.append("no session configured yet")
    return ", ".join(down)


def wait(args: argparse.Namespace) -> int:
    """Return when the instance is ready; exit 5 when not in time, 3 when there is none at all."""
    name = choose(args.instance)
    wait_ready(name, args.timeout or READY_S, lambda: None, sessions=True)
    if not args.options.quiet:
        print(f"● {name} is ready")
    return 0


def down(args: argparse.Namespace) -> int:
    """Ask the supervisor to stop the instance and wait until it has."""
    name = choose(args.instance)
    with Instance(name) as instance:
        mode, region = instance.mode, instance.found.get("instance")
        block = instance.region("instance")
        if region is None or block is None or not region.alive:
            raise NotRunning(f"instance {name!r} has no supervisor to ask; recover it with ringfence up CONFIG.toml, then ringfence down")
        pid, ticks = region.writer_pid, int(block.superblock["writer_start_ticks"])
    _confirm(name, mode, args.yes)
    timeout = args.timeout or STOP_S
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError as e:
        raise NotRunning(f"the supervisor of {name!r} has just ended") from e
    try:
        if regions.process_start_ticks(pid) != ticks:
            raise NotRunning(f"the supervisor of {name!r} has just ended")
        try:
            signal.pidfd_send_signal(fd, signal.SIGTERM)
        except PermissionError as e:
            raise Refused(f"the supervisor of {name!r} (pid {pid}) belongs to another user; stop it as that user") from e
        if not select.select([fd], [], [], timeout)[0]:
            raise TimedOut(f"instance {name!r} did not stop within {timeout:g} s; it goes on stopping, look: rf status --instance {name}")
    finally:
        os.close(fd)
    left = [r.name for r in regions.list_regions(name)]
    if left:
        raise ToolError(
            f"instance {name!r} stopped but left regions {', '.join(left)}: it was not a clean stop, see its logs; ringfence up CONFIG.toml recovers"
        )
    if not args.options.quiet:
        print(f"● {name} stopped")
    return 0


def _confirm(name: str, mode: str, yes: bool) -> None:
    """Let a LIVE instance be stopped only by who types its name.

    Raises
    ------
    Refused
        If the answer is another, or there is no terminal to ask on.
    """
    if mode != "LIVE" or yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"instance {name!r} is LIVE and there is no terminal to confirm on; add --yes")
    if input(f"{name} is LIVE. Type its name to stop it: ").strip() != name:
        raise Refused("the name was not the instance's; nothing was done")
