"""What every child process of an instance does first: read its spec, log, pin itself, take up its regions.

    supervisor ──spec FILE.json──▶ child ──log lines──▶ DATA/logs/COMPONENT.log

A child is started as ``python -m MODULE --spec FILE``; the spec is one JSON object, so that people can read what a process was told. A region
is adopted when a dead process of the same role left it (docs/architecture.md, "Starting, stopping, dying") and created otherwise. Waits are
bounded and end when the process is asked to stop. What the host refuses (pinning) is logged with the command that grants it, and is no error.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ringfence.ipc import host, stop
from ringfence.ipc.errors import IpcError, RegionMissing
from ringfence.ipc.segment import SectionSpec, Segment
from ringfence.tools.errors import TimedOut, ToolError, UsageError

T = TypeVar("T")
POLL_S = 0.002
IDLES = {"spin": host.Idle.SPIN, "yield": host.Idle.YIELD, "backoff": host.Idle.BACKOFF}


def read_spec(argv: Sequence[str] | None, what: str) -> dict[str, Any]:
    """Parse ``--spec FILE`` and return the JSON object in it.

    Raises
    ------
    UsageError
        If the file cannot be read or is not an object.
    """
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--spec", required=True, metavar="FILE", help="JSON written by the supervisor")
    path = Path(parser.parse_args(argv).spec)
    try:
        spec = json.loads(path.read_text())
    except (OSError, ValueError) as e:
        raise UsageError(f"--spec {path}: {e}; it is written by ringfence up") from e
    if not isinstance(spec, dict):
        raise UsageError(f"--spec {path}: holds no JSON object; it is written by ringfence up")
    return spec


def start_logging(component: str) -> logging.Logger:
    """Log to standard error, which the supervisor leads to the component's file; times are UTC."""
    formatter = logging.Formatter(f"%(asctime)s.%(msecs)03dZ {component} %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    log = logging.getLogger("ringfence")
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    return log


def run(component: str, body: Callable[[logging.Logger], int]) -> int:
    """Run a process's body; an expected error is one log line and its exit code."""
    log = start_logging(component)
    stop.install()
    try:
        code = body(log)
    except ToolError as e:
        log.error("%s", e)
        return e.exit_code
    except IpcError as e:
        log.error("%s: %s", type(e).__name__, e)
        return 3
    log.info("ended with exit code %d", code)
    return code


def claim_core(core: int, log: logging.Logger) -> None:
    granted = host.pin(core)
    if not granted:
        log.warning("refused: %s", granted)


def idle_kind(name: str) -> host.Idle:
    """The idle strategy of a spec; "auto" looks at the host."""
    return host.default_idle() if name == "auto" else IDLES[name]


def wait_for(what: str, timeout_s: float, probe: Callable[[], T | None], hint: str = "see ringfence status and the logs") -> T:
    """Poll ``probe`` until it returns something.

    Raises
    ------
    TimedOut
        After ``timeout_s`` seconds, or when this process is asked to stop.
    """
    until = time.monotonic() + timeout_s
    while (found := probe()) is None:
        if time.monotonic() >= until:
            raise TimedOut(f"{what}: nothing after {timeout_s:g} s; {hint}")
        if stop.wait(POLL_S):
            raise TimedOut(f"{what}: asked to stop while waiting")
    return found


def attach_when_there(instance: str, name: str, timeout_s: float) -> Segment:
    """Attach a peer's region read-only, waiting for it.

    Raises
    ------
    TimedOut
        If it is not there in time.
    """

    def probe() -> Segment | None:
        try:
            return Segment.attach(instance, name)
        except RegionMissing:
            return None

    return wait_for(f"region {name} of instance {instance}", timeout_s, probe, "its process did not start; see its log")


def take_region(instance: str, name: str, sections: Sequence[SectionSpec | tuple[str, str, int]], *, role: int, epoch: int) -> tuple[Segment, bool]:
    """Adopt the region that a dead process of this role left, or create it; say whether it was adopted."""
    try:
        return Segment.adopt(instance, name, role=role, epoch=epoch, sections=sections), True
    except RegionMissing:
        return Segment.create(instance, name, sections, role=role, epoch=epoch), False
