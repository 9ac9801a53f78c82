"""One running instance, attached read-only: which regions it has, who is alive, and the header line that tops every screen.

Data flow: ``Instance`` maps regions of one instance read-only; the other modules of this package turn them into rows; ``tools.render`` prints those.
Nothing here writes, locks or stops a writer. A row is copied twice and taken only when both copies agree (``settled``), since the engine
does not wait for readers; a row still moving after ``TRIES`` copies is returned marked stale, which the renderer shows as ``~``.

An instance is opened anew for every frame of a watch: its regions may have been replaced by a restart meanwhile, and mapping them costs microseconds.
What can fail: no region of that name (``NotRunning``), another build's layout (``NotRunning``, naming both hashes). A region that is merely absent (a
gateway not started yet) is no error: its figures are unknown.
"""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import Any, Self

import numpy as np

from ringfence import __version__
from ringfence.ipc import regions
from ringfence.ipc.errors import IpcError, LayoutMismatch, RegionMissing
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import CONSTANTS, ENUMS, LAYOUT_VERSION
from ringfence.ipc.segment import Segment
from ringfence.tools import render
from ringfence.tools.errors import NotRunning

HEARTBEAT_MAX_NS = 1_000_000_000  # an older heartbeat heads the screen with STALE
RESTRICTIONS = {value: name.removeprefix("RESTRICT_").lower() for name, (value, _) in CONSTANTS.items() if name.startswith("RESTRICT_")}
TRIES = 16


def settled(rows: Any) -> tuple[Any, Any]:
    """Return ``(copy, moving)``: a copy of each row of which two readings agreed, and a mask of the rows that never stood still.

    Parameters
    ----------
    rows : ndarray
        One-dimensional structured view of shared memory, contiguous.
    """
    raw = rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
    taken = raw.copy()
    moving = np.ones(len(rows), dtype=bool)
    for _ in range(TRIES):
        again = raw[moving]
        differs = (again != taken[moving]).any(axis=1)
        taken[moving] = again
        moving[np.flatnonzero(moving)] = differs
        if not moving.any():
            break
    return taken.reshape(-1).view(rows.dtype), moving


def settled_at(rows: Any, indices: Any) -> tuple[Any, Any]:
    """``settled`` for the rows at ``indices`` only."""
    taken = rows[indices]
    moving = np.zeros(len(indices), dtype=bool)
    for _ in range(TRIES):
        again = rows[indices]
        moving = np.array([a.tobytes() != b.tobytes() for a, b in zip(again, taken, strict=True)], dtype=bool)
        taken = again
        if not moving.any():
            break
    return taken, moving


def label(value: Any) -> str:
    """Return a text field of a record as str; what is no printable ASCII becomes ``·``: a venue's text must not move a terminal's cursor."""
    return "".join(chr(c) if 32 <= c < 127 else "·" for c in bytes(value).rstrip(b"\0"))


def named(enum: str, value: Any) -> str | None:
    """Return the name of an enum's value; None for 0 (unset), ``?N`` for one that this build does not know."""
    number = int(value)
    return ENUMS[enum].by_value.get(number, f"?{number}") if number else None


def age(now_ns: int, then_ns: Any) -> int | None:
    """Return how long ago [ns] ``then_ns`` was; None when it is 0 (never). Clocks of two processes may differ by microseconds: never negative."""
    return max(0, now_ns - int(then_ns)) if int(then_ns) else None


def live_instances() -> list[str]:
    """Return the instances that have at least one region with a live writer."""
    return sorted({r.instance for r in regions.list_regions() if r.alive and r.ready})


def choose(name: str | None) -> str:
    """Return the instance to look at: ``name``, else ``$RINGFENCE_INSTANCE``, else the only live one.

    Raises
    ------
    NotRunning
        If there is none, or more than one and no name was given.
    """
    wanted = name or os.environ.get("RINGFENCE_INSTANCE")
    if wanted:
        return wanted
    live = live_instances()
    if len(live) == 1:
        return live[0]
    if live:
        raise NotRunning(f"{len(live)} instances are running ({', '.join(live)}); say which: --instance NAME or RINGFENCE_INSTANCE=NAME")
    raise NotRunning("no instance is running on this host; start one: ringfence up CONFIG.toml (or try: ringfence demo)")


class Instance:
    """Read-only attachments to the regions of one instance, made on first use.

    Parameters
    ----------
    name : str
        Instance name.

    Raises
    ------
    NotRunning
        If it has no regions, or they were made by a build with another layout.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.now_ns = time.time_ns()
        try:
            self.found = {r.name: r for r in regions.list_regions(name)}
        except ValueError as e:
            raise NotRunning(str(e)) from e
        if not any(r.ready for r in self.found.values()):
            others = ", ".join(live_instances())
            raise NotRunning(
                f"instance {name!r} is not running: no region of it in /dev/shm"
                + (f" (running: {others})" if others else "; start it: ringfence up CONFIG.toml")
            )
        self._segments: dict[str, Segment] = {}
        self._metrics: dict[str, Metrics] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        for segment in self._segments.values():
            segment.close()
        for metrics in self._metrics.values():
            metrics.close()
        self._segments.clear()
        self._metrics.clear()

    def renew(self) -> None:
        """Take another look at the same regions: ages count from now."""
        self.now_ns = time.time_ns()

    def region(self, name: str) -> Segment | None:
        """Return the region ``name``, attached read-only; None when there is none (yet).

        Raises
        ------
        NotRunning
            If it has another layout, or is not a region of ours.
        """
        if name not in self._segments:
            if name not in self.found:
                return None
            try:
                self._segments[name] = Segment.attach(self.name, name)
            except RegionMissing:
                return None
            except LayoutMismatch as e:
                raise NotRunning(f"{e}; look at it with the build that runs it") from e
            except IpcError as e:
                raise NotRunning(str(e)) from e
        return self._segments[name]

    def rows(self, region: str, record: str) -> Any:
        """Return the view of the first section of ``region`` that holds ``record``; None when region or section is absent."""
        segment = self.region(region)
        if segment is None:
            return None
        section = next((s.name for s in segment.sections if s.record == record), None)
        return None if section is None else segment.section(section)

    def table(self, name: str) -> Any:
        """Return the engine's table ``name`` (row 0 unused); None while there is no state."""
        segment = self.region("state")
        return None if segment is None else segment.section(name)

    def metrics(self, component: str) -> Metrics | None:
        """Return the counters and histograms of ``component``; None when it has none."""
        if component not in self._metrics:
            if f"metrics.{component}" not in self.found:
                return None
            try:
                self._metrics[component] = Metrics.attach(self.name, component)
            except RegionMissing:
                return None
            except IpcError as e:
                raise NotRunning(str(e)) from e
        return self._metrics[component]

    def metric_components(self) -> list[str]:
        return sorted(n.removeprefix("metrics.") for n in self.found if n.startswith("metrics."))

    @property
    def alive(self) -> bool:
        """Whether any writer of its regions lives."""
        return any(r.alive and r.ready for r in self.found.values())

    def heartbeat_age(self, *names: str) -> int | None:
        """Return the age [ns] of the newest heartbeat in the regions ``names``; None when none beats."""
        beats = [int(s.superblock["heartbeat_ns"]) for n in names if (s := self.region(n)) is not None]
        return age(self.now_ns, max(beats, default=0))

    @property
    def engine_age(self) -> int | None:
        """Age [ns] of the engine's heartbeat; None before its first."""
        return self.heartbeat_age("state", "metrics.engine", "to.sidecar")

    @property
    def stale_ns(self) -> int | None:
        """Age of the engine's heartbeat when it is older than ``HEARTBEAT_MAX_NS``, else None."""
        beat = self.engine_age
        return beat if beat is not None and beat > HEARTBEAT_MAX_NS else None

    @property
    def status(self) -> Any:
        """The supervisor's InstanceStatus row, or None."""
        rows = self.rows("instance", "InstanceStatus")
        return None if rows is None else rows[-1]

    @property
    def started_ns(self) -> int:
        """When the supervisor started [ns]; now, when there is none."""
        status = self.status
        return int(status["started_ns"]) if status is not None and int(status["started_ns"]) else self.now_ns

    @property
    def mode(self) -> str:
        status = self.status
        return (named("Mode", status["mode"]) or "") if status is not None else ""

    @property
    def data_dir(self) -> str | None:
        status = self.status
        return (label(status["data_dir"]) or None) if status is not None else None

    @property
    def engine(self) -> Any:
        """A settled copy of EngineStatus, or None while there is no state."""
        rows = self.table("engine")
        return None if rows is None else settled(rows[1:2])[0][0]

    @property
    def restrictions(self) -> list[str]:
        """Why new risk is restricted now (RESTRICT_* of the engine's status), in words; empty when it is not."""
        engine = self.engine
        bits = int(engine["restrictions"]) if engine is not None else 0
        return [words for bit, words in RESTRICTIONS.items() if bits & bit]

    def header(self, options: render.Options) -> str:
        """Return the line that tops every screen."""
        status, engine, beat = self.status, self.engine, self.engine_age
        up = age(self.now_ns, status["started_ns"]) if status is not None else None
        parts = [
            f"ringfence {self.name}",
            self.mode,
            f"v{__version__} abi {LAYOUT_VERSION}",
            f"up {render.duration(up) if up is not None else '-'}",
            f"hb {render.duration(beat) if beat is not None else '-'}",
            f"seq {int(engine['seq']):,}" if engine is not None else "seq -",
            render.clock_time(self.now_ns, local=options.local, full=True),
            f"▲ new risk is restricted: {', '.join(self.restrictions)}" if self.restrictions else "",
        ]
        return "  ".join(p for p in parts if p)

    def frame(self, view: render.View, rows: list[render.Row], options: render.Options, footer: list[str] | None = None) -> render.Frame:
        """Return ``rows`` as a frame of this moment, filtered and sorted."""
        chosen = render.choose(view, rows, options)
        return render.Frame(view, chosen, self.name, self.now_ns, self.header(options), self.mode, self.stale_ns, footer or [])
