"""An engine over real rings in shared memory, and the test at the other end of every link: strategies, a gateway, a sidecar, control and feed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from ringfence.core.counters import COUNTERS, HISTOGRAMS
from ringfence.core.engine import Engine
from ringfence.core.replay import Replayer
from ringfence.core.state import Limits, State, state_sections
from ringfence.ipc.clock import Clock
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

ENGINE, GATEWAY, STRATEGY, SUPERVISOR, SIDECAR, FEED = (ENUMS["Role"].by_name[n] for n in ("ENGINE", "GATEWAY", "STRATEGY", "SUPERVISOR", "SIDECAR", "FEED"))
LIMITS = Limits(orders=64, executions=256, positions=16, breaks=64, instruments=4, accounts=4, venues=2, strategies=4, routes=4, lots=512, scopes=64)
FRAME = {name: value for value, name in ENUMS["FrameKind"].by_value.items()}
serial = 0


def record(name: str, /, **values: Any) -> Any:
    row = np.zeros(1, dtype(name))
    for field, value in values.items():
        row[0][field] = value.encode() if isinstance(value, str) else value
    return row[0]


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Rig:
    """An engine with one gateway and two strategies, and the other end of every link."""

    def __init__(
        self, *, journal_slots: int = 256, order_slots: int = 16, event_slots: int = 64, intent_slots: int = 64, batch: int = 16, **engine: Any
    ) -> None:
        global serial
        serial += 1
        self.instance = f"t{os.getpid()}c{serial}"
        self.segments: list[Segment] = []
        self.stack: list[Any] = []
        self.frames: list[bytes] = []
        self.now = 0
        state_segment = self.region("state", state_sections(LIMITS), ENGINE)
        self.clock = Clock.calibrate(0.001)
        self.metrics = Metrics.create(self.instance, "engine", COUNTERS, HISTOGRAMS, role=ENGINE, epoch=1)
        self.segments.append(self.metrics.segment)
        journal, self.sidecar = self.link("sidecar", "JournalSlot", journal_slots, None, 0)
        control, self.control_link = self.link("control", None, 0, "Control", 64)
        feed, self.feed = self.link("feed", None, 0, "Mark", 64)
        self.state = State.in_segment(state_segment)
        self.engine = Engine(
            self.state, self.clock, self.metrics, journal=journal, control=control, feed=feed, batch=batch, idle=2, **{"timer_ns": 0, **engine}
        )
        self.gateway_link, self.gateway = self.link("gw.sim", "OrderCommand", order_slots, "VenueEvent", 64)
        self.engine.set_gateway(1, self.gateway_link, 0)
        self.strategies: dict[int, Link] = {}
        self.engine_links: dict[int, Link] = {}
        self.event_slots, self.intent_slots = event_slots, intent_slots

    def region(self, name: str, sections: Any, role: int) -> Segment:
        segment = Segment.create(self.instance, name, sections, role=role, epoch=1, lock=False)
        self.segments.append(segment)
        return segment

    def link(self, peer: str, out: str | None, out_slots: int, back: str | None, back_slots: int) -> tuple[Link, Link]:
        to = self.region(f"to.{peer}", link_sections(out, out_slots), ENGINE)
        fro = self.region(f"from.{peer}", link_sections(back, back_slots), GATEWAY)
        return Link(to, fro), Link(fro, to)

    def close(self) -> None:
        for segment in self.segments:
            segment.unlink()

    # ---- the peers

    def control(self, kind: str, body: Any = None, **fields: Any) -> None:
        values = {"kind": ENUMS["ControlKind"].by_name[kind]} | fields
        if body is not None:
            values["body"] = body.tobytes()
        self.control_link.send(record("Control", **values))

    def configure(self) -> Rig:
        self.control("START", day=20260102, prefix="RF", epoch=1)
        terms = {"tick": 1, "lot": 1, "qty_max": 10**12, "multiplier": 1, "price_digits": 2, "status": 1}
        self.control("DEFINE_INSTRUMENT", record("Instrument", id=1, symbol="EURUSD", **terms))
        self.control("DEFINE_ACCOUNT", record("Account", id=1, name="main", code="ACC1", status=1))
        self.control("DEFINE_VENUE", record("Venue", id=1, name="sim", status=1, durability=1))
        for row in (1, 2):
            self.control("DEFINE_STRATEGY", record("Strategy", id=row, name=f"s{row}", status=1, cancel_on_detach=row == 1))
        self.control("DEFINE_ROUTE", record("Route", id=1, account=1, venue=1, status=1))
        self.pump()
        for row in (1, 2):
            self.attach(row, 5)
        self.event("SESSION_UP")
        self.pump()
        return self

    def attach(self, row: int, epoch: int) -> None:
        self.control("STRATEGY_ATTACH", strategy=row, epoch=epoch, pid=os.getpid())
        self.pump()
        assert self.engine.attached_strategy == row
        to = self.region(f"to.strat.s{row}.{epoch}", link_sections("StrategyEvent", self.event_slots), ENGINE)
        ring = Segment.create_memfd(f"s{row}", link_sections("Intent", self.intent_slots), role=STRATEGY, epoch=epoch)
        self.stack.append(ring)
        self.strategies[row] = Link(ring, to)
        self.engine_links[row] = Link(to, ring, trusted=False)
        self.engine.set_strategy(row, self.engine_links[row])

    def intent(self, kind: str, client_id: int, strategy: int = 1, **fields: Any) -> None:
        self.strategies[strategy].send(self.sealed(kind, client_id, **fields))

    def sealed(self, kind: str, client_id: int, **fields: Any) -> bytes:
        values: dict[str, Any] = {"epoch": 5, "created_ns": self.clock.now_ns(), "kind": ENUMS["IntentKind"].by_name[kind], "client_id": client_id}
        if kind == "NEW":
            values |= {"instrument": 1, "side": 1, "ord_type": 2, "time_in_force": 1, "px": 100, "qty": 10}
        row = record("Intent", **(values | fields))
        row["crc"] = crc32c(row.tobytes()[8:124])
        return bytes(row.tobytes())

    def event(self, kind: str, cl_ord_id: bytes = b"", **fields: Any) -> None:
        fields = {"present": sum({"last_px": 1, "last_qty": 2, "cum_qty": 4}.get(n, 0) for n in fields)} | fields
        if "last_px" in fields:
            fields["last_px_digits"] = 2
        self.gateway.send(record("VenueEvent", kind=ENUMS["VenueEventKind"].by_name[kind], cl_ord_id=cl_ord_id, venue=9, **fields))

    def pump(self, *, read_journal: bool = True) -> int:
        """Turn the loop until it finds nothing; the sidecar reads what was journaled."""
        total = 0
        for _ in range(200):
            n = self.engine.poll()
            total += n
            read = self.read_journal() if read_journal else []
            if n == 0 and not read:
                break
        return total

    def read_journal(self) -> list[bytes]:
        new = []
        while (slot := self.sidecar.receive()) is not None:
            new.append(slot.tobytes())
        self.frames += new
        return new

    def kinds(self) -> list[str]:
        return [ENUMS["FrameKind"].by_value[int(np.frombuffer(f[:64], dtype("Frame"))[0]["kind"])] for f in self.frames]

    def observations(self) -> list[str]:
        out = []
        for f in self.frames:
            if np.frombuffer(f[:64], dtype("Frame"))[0]["kind"] == FRAME["OBSERVATION"]:
                out.append(ENUMS["ObservationKind"].by_value[int(np.frombuffer(f[64:128], dtype("Observation"))[0]["kind"])])
        return out

    def commands(self) -> list[Any]:
        return self.drain(self.gateway)

    def events(self, strategy: int = 1) -> list[Any]:
        return self.drain(self.strategies[strategy])

    @staticmethod
    def drain(link: Link) -> list[Any]:
        out = []
        while (slot := link.receive()) is not None:
            out.append(slot)
        return out

    def told(self, strategy: int = 1) -> list[str]:
        return [ENUMS["EventKind"].by_value[int(e["kind"])] for e in self.events(strategy)]

    def denied(self, strategy: int = 1) -> list[str]:
        return [ENUMS["DenyReason"].by_value[int(e["reason"])] for e in self.events(strategy) if int(e["kind"]) == ENUMS["EventKind"].by_name["DENIED"]]

    # ---- what must hold after everything

    def check_replay(self) -> Replayer:
        """The journal alone gives the same state, table by table."""
        self.read_journal()
        replayer = Replayer(LIMITS)
        for frame in self.frames:
            replayer.apply(frame)
        assert replayer.state_hash() == self.state.state_hash()
        for name, _, _ in state_sections(LIMITS):
            assert replayer.state.table(name).tobytes() == self.state.table(name).tobytes(), f"table {name} differs after replay"
        return replayer


def rigs(**sizes: int) -> Iterator[Rig]:
    made = Rig(**sizes)
    try:
        yield made.configure()
    finally:
        made.close()
