"""The simulated host: shared memory, disk, the processes of one instance, and the supervisor's part of starting and ending them.

    Shape ──▶ config file ──▶ specs of tools.specs ──▶ Sidecar, EngineProcess, Gateway: the real classes, one turn at a time
    kill: the objects are dropped, their regions stay and name a dead writer        host crash: regions gone, unsynced pages lost

Everything that a process owns hangs on its object here, so that a kill is to forget it. Regions have a name of their own run and are removed at the end.
What can fail: whatever the processes raise at a start (JournalCorrupt, CoreError, GatewayError); the world decides whether that was due.
"""

from __future__ import annotations

import logging
import shutil
import socket
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from ringfence.core.engine import Engine
from ringfence.gateways.attach import Attachment
from ringfence.gateways.fix.gateway import Gateway
from ringfence.gateways.fix.spec import GatewaySpec
from ringfence.gateways.strategy import Strategy, UnstableRow
from ringfence.ipc.clock import Clock
from ringfence.ipc.errors import RingFull
from ringfence.ipc.handover import send_segment
from ringfence.ipc.link import Link, link_sections, published
from ringfence.ipc.regions import list_regions
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import config as configuration
from ringfence.tools import definitions, kill_words
from ringfence.tools.engine_process import EngineProcess
from ringfence.tools.journal_ring import JournalRing
from ringfence.tools.sidecar import Sidecar
from ringfence.tools.simulation.disk import SimulatedDisk
from ringfence.tools.simulation.setup import Shape, toml
from ringfence.tools.simulation.venue import Market, SimulatedConnector
from ringfence.tools.specs import plans

log = logging.getLogger("ringfence.simulation")
_ROLE = ENUMS["Role"].by_name
_SHM = Path("/dev/shm")


class Host:
    """Shared memory, disk, processes."""

    def __init__(self, shape: Shape, markets: list[Market]) -> None:
        self.shape, self.markets = shape, markets
        self.now = 0
        self.offset: dict[str, int] = {}  # of a process's clock
        self.root = Path(tempfile.mkdtemp(prefix="rf-sim-", dir=_SHM if _SHM.is_dir() else None))
        path = self.root / "instance.toml"
        path.write_text(toml(shape, str(self.root / "data")))
        self.config = configuration.load(path)
        self.disk = SimulatedDisk()
        self.plans = {p.name: p.spec for p in plans(self.config, 1, path)}
        self.plans["sidecar"] |= {"segment_bytes": shape.segment_bytes}
        self.config.journal_dir.mkdir(parents=True)
        self.epoch = 0
        self.ring_epochs = dict.fromkeys(range(1, shape.strategies + 1), 0)
        self.rings: dict[int, Segment] = {}
        self.clients: dict[int, Strategy | None] = {}
        self.unpublished: list[Any] = []
        self.engine_process: EngineProcess | None = None
        self.engine: Engine | None = None
        self.sidecar: Sidecar | None = None
        self.gateways: dict[int, Gateway] = {}
        self.channel: socket.socket | None = None
        self.engine_channel: socket.socket | None = None
        self.control_link: Link | None = None
        self.published = 0  # frames that left the observer
        self.boot_memory()

    # ---- memory

    def boot_memory(self) -> None:
        """The regions of the supervisor: instance (with the clock), kill words and the control ring."""
        self.epoch += 1
        self.instance = Segment.create(
            self.shape.name,
            "instance",
            [("status", "InstanceStatus", 2), ("components", "Component", 2), ("clock", "ClockCalibration", 2)],
            role=_ROLE["SUPERVISOR"],
            epoch=self.epoch,
        )
        Clock.manual(self.now or 1).publish(self.instance)
        self.kill = kill_words.take_region(self.shape.name, self.epoch, log)
        sections = link_sections("Control", self.config.rings.control)
        self.control = Segment.create(self.shape.name, "from.control", sections, role=_ROLE["SUPERVISOR"], epoch=self.epoch)
        self.control_link = None

    def lose_memory(self) -> None:
        """Every region is gone, and every descriptor with it."""
        for ring in self.rings.values():
            ring.close()
        self.rings.clear()
        self._remove_regions()

    def _remove_regions(self) -> None:
        for region in list_regions(self.shape.name):
            (_SHM / f"rf.{self.shape.name}.{region.name}").unlink(missing_ok=True)

    def close(self) -> None:
        """Remove what the run left."""
        for row in list(self.gateways):
            self.kill_gateway(row)
        self.kill_engine()
        self.kill_sidecar()
        self.lose_memory()
        shutil.rmtree(self.root, ignore_errors=True)

    def clock_of(self, process: str) -> int:
        return self.now + self.offset.get(process, 0)

    @staticmethod
    def _bury(*regions: Segment | None) -> None:
        """Let the regions name a writer that is dead: an adopter may have them."""
        for region in regions:
            if region is not None and not region.closed:
                region.superblock["writer_start_ticks"] = 1
                region.close()

    # ---- sidecar

    def start_sidecar(self) -> None:
        spec = self.plans["sidecar"] | {"epoch": self.epoch}
        self.sidecar = sidecar = Sidecar(spec, log, disk=self.disk, now=lambda: self.now)
        sidecar.wait_ns = 0
        sidecar.say("RUNNING")

    def kill_sidecar(self) -> None:
        if self.sidecar is not None:
            self._bury(self.sidecar.mine, self.sidecar.metrics.segment)
            self.sidecar.writer.close()
            self.sidecar = None

    # ---- gateways

    def start_gateway(self, row: int) -> None:
        spec = GatewaySpec(**self.plans[f"gw.v{row}"] | {"epoch": self.epoch})
        gateway = Gateway(spec)
        gateway.connector = SimulatedConnector(self.markets[row - 1].wire, spec.reconnect_min_s, spec.reconnect_max_s)
        gateway.begin()
        gateway.clock.set(self.clock_of(f"gw{row}"))
        self.gateways[row] = gateway

    def kill_gateway(self, row: int) -> None:
        gateway = self.gateways.pop(row, None)
        if gateway is not None:
            gateway.mine.superblock["writer_start_ticks"] = 1
            gateway.metrics.segment.superblock["writer_start_ticks"] = 1
            gateway.vanish()

    # ---- engine

    def make_engine_process(self) -> None:
        """The process is there and has made its regions; it has not recovered yet."""
        self.channel, self.engine_channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.settimeout(5)
        for row in sorted(self.rings):
            self.hand_ring(row)
        send_segment(self.channel, {"op": "ready"})
        self.engine_process = EngineProcess(self.plans["engine"] | {"epoch": self.epoch}, self.engine_channel, log)
        self.engine_process.clock.set(self.clock_of("engine"))

    def recover_engine(self) -> Engine:
        """Recover and configure; the engine is ready to turn."""
        assert self.engine_process is not None
        self.engine = self.engine_process.prepare()
        self.epoch = max(self.epoch, self.engine_process.epoch)
        return self.engine

    def kill_engine(self) -> None:
        process, self.engine_process, self.engine = self.engine_process, None, None
        if process is not None:
            peers = [process.sidecar, process.control, *process.gateways.values(), *process.strategies.values()]
            self._bury(*(p.mine for p in peers), process.state_region, process.metrics.segment, *(m.segment for m in process.stages.values()))
        for end in (self.channel, self.engine_channel):
            if end is not None:
                end.close()
        self.channel = self.engine_channel = None

    def input_waits(self, name: str) -> bool:
        """Whether there is an intent for the engine, or a command for a gateway."""
        process = self.engine_process
        if process is None:
            return False
        if name == "engine":
            return any(published(self.rings[row]) > _tail(process.strategies[row].mine) for row in self.rings)
        row = int(name[2:])
        return published(process.gateways[row].mine) > _tail(self.gateways[row].mine)

    # ---- strategies and operators

    def hand_ring(self, row: int) -> None:
        assert self.channel is not None
        payload = {"op": "ring", "strategy": row, "epoch": self.ring_epochs[row], "slots": self.config.rings.intents}
        send_segment(self.channel, payload, [self.rings[row].fd])

    def publish(self, record: Any) -> bool:
        """Put a command into the control ring, behind those that wait for room; whether all went."""
        self.unpublished.append(record)
        return self.publish_rest()

    def publish_rest(self) -> bool:
        if self.engine_process is None:
            return not self.unpublished
        if self.control_link is None:
            self.control_link = Link(self.control, Segment.attach(self.shape.name, "to.control"))
        try:
            while self.unpublished:
                self.control_link.send(self.unpublished[0])
                del self.unpublished[0]
        except RingFull:
            return False
        return True

    def begin_attach(self, row: int) -> None:
        """A strategy's process asks for its ring: the memfd goes to the engine, then the command."""
        self.ring_epochs[row] += 1
        sections = link_sections("Intent", self.config.rings.intents)
        self.rings[row] = Segment.create_memfd(f"strat.s{row}", sections, role=_ROLE["STRATEGY"], epoch=self.ring_epochs[row])
        self.hand_ring(row)
        self.publish(definitions.command("STRATEGY_ATTACH", "attach", strategy=row, epoch=self.ring_epochs[row], pid=1))

    def finish_attach(self, row: int) -> Strategy | None:
        """The client, once the engine reads the new ring."""
        events = Segment.attach(self.shape.name, f"to.strat.s{row}")
        if int(events.section("mark")[0]["position"]) != self.ring_epochs[row]:
            return None
        clock = Clock.attach(self.instance)
        clock.set(self.clock_of(f"s{row}"))
        intents = Segment.attach_memfd(self.rings[row].fd, link_sections("Intent", self.config.rings.intents), writable=True)
        state = Segment.attach(self.shape.name, "state")
        attachment = Attachment(self.shape.name, f"s{row}", row, self.ring_epochs[row], intents, events, state, None, None, self.instance, clock, None)  # type: ignore[arg-type]
        try:
            client = Strategy.of(attachment)
        except UnstableRow:
            return None
        client.engine_grace_s = 1e6
        self.clients[row] = client
        return client

    def end_strategy(self, row: int) -> None:
        """A strategy's process has ended: the engine is told."""
        self.clients[row] = None
        ring = self.rings.pop(row, None)
        if ring is not None:
            ring.close()
            self.publish(definitions.command("STRATEGY_DETACH", "its process ended", strategy=row, epoch=self.ring_epochs[row]))

    # ---- what is watched

    def observe(self) -> JournalRing:
        """A second reader of the journal ring, beside the sidecar, that gives nothing back."""
        mine = Segment.create_memfd("observer", link_sections(None), role=_ROLE["SIDECAR"], epoch=1)
        theirs = Segment.attach(self.shape.name, "to.sidecar")
        link = Link(mine, theirs)
        return JournalRing(link)

    def crash_disk(self, draw: Random, *, ordered: bool) -> int:
        return self.disk.crash(self.config.journal_dir, draw, ordered=ordered)

    def small_journal(self) -> Any:
        return replace(self.config.journal, segment_bytes=self.shape.segment_bytes)


def _tail(region: Segment) -> int:
    return int(region.section("tail")[0]["position"])
