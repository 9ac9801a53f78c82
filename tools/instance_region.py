"""Region ``instance``: what the supervisor tells everybody about the instance: its state, its processes, the time.

    supervisor ──▶ status (InstanceStatus, row 1), components (Component rows), clock (ClockCalibration, under a sequence lock)

Written by the supervisor's loop only; read by every process (clock), by strategies (data directory) and by the command line. The clock is
measured again and published every second. Component rows are in the order of starting; a row's state is what the process itself says in its own
region, taken only while that region's writer is the very child.
"""

from __future__ import annotations

import time

from ringfence.ipc.clock import Clock
from ringfence.ipc.errors import IpcError
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools.children import Child
from ringfence.tools.config import Config

CLOCK_S = 1.0
_ROLE = ENUMS["Role"].by_name
_STATE = ENUMS["ProcessState"].by_name
_DATA_DIR_BYTES = 199


class InstanceRegion:
    """The region and its writer."""

    def __init__(self, config: Config, epoch: int, children: list[Child]) -> None:
        name, role = config.instance.name, _ROLE["SUPERVISOR"]
        sections = [("status", "InstanceStatus", 2), ("components", "Component", len(children) + 1), ("clock", "ClockCalibration", 2)]
        self.segment = Segment.create(name, "instance", sections, role=role, epoch=epoch)
        self.refused = list(self.segment.refused)
        self.name = name
        self.children = children
        self.clock = Clock.calibrate()
        self.clock.publish(self.segment)
        self._clock_due = time.monotonic() + CLOCK_S
        self._seen: dict[str, Segment] = {}
        status = self.segment.section("status")[1]
        status["epoch"], status["started_ns"] = epoch, time.time_ns()
        status["mode"], status["data_dir"] = ENUMS["Mode"].by_name[config.instance.mode.upper()], str(config.instance.data_dir).encode()[:_DATA_DIR_BYTES]
        status["config_digest"] = config.digest
        self.say("STARTING")

    def say(self, state: str) -> None:
        """Set the instance's state."""
        self.segment.section("status")[1]["state"] = _STATE[state]
        self.segment.set_state(_STATE[state])

    def set_epoch(self, epoch: int) -> None:
        self.segment.section("status")[1]["epoch"] = epoch

    def refresh(self) -> None:
        """Heartbeat, clock and component rows."""
        if time.monotonic() >= self._clock_due:
            self.clock.recalibrate()
            self.clock.publish(self.segment)
            self._clock_due = time.monotonic() + CLOCK_S
        self.segment.heartbeat(self.clock.now_ns())
        rows = self.segment.section("components")
        for k, child in enumerate(self.children, 1):
            row = rows[k]
            row["name"], row["role"], row["core"] = child.plan.name.encode(), _ROLE[child.plan.role], child.plan.core
            row["pid"], row["start_ticks_lo"], row["started_ns"] = child.pid, child.start_ticks & 0xFFFFFFFF, child.started_ns
            row["restarts"], row["exit_code"], row["state"] = child.restarts, child.exit_code, _STATE[self.state_of(child)]
            row["note"] = child.note.encode("ascii", "replace")[:63]

    def state_of(self, child: Child) -> str:
        """What a child is doing, by its own word while it lives."""
        if not child.running:
            return "STOPPED" if child.exit_code == 0 and not child.due else "FAILED" if child.given_up else "STARTING"
        if not child.plan.region:
            return "RUNNING"
        region = self._region(child.plan.region, child.pid)
        value = int(region.superblock["process_state"]) if region is not None else 0
        return ENUMS["ProcessState"].by_value.get(value, "STARTING")

    def _region(self, name: str, pid: int) -> Segment | None:
        """The region ``name`` as long as process ``pid`` is its writer."""
        region = self._seen.get(name)
        if region is None or int(region.superblock["writer_pid"]) != pid:
            try:
                region = self._seen[name] = Segment.attach(self.name, name)
            except IpcError:
                return None
        return region if int(region.superblock["writer_pid"]) == pid else None

    def close(self) -> None:
        for region in self._seen.values():
            region.close()
        self._seen.clear()
        self.segment.close()
