"""A journal directory written frame by frame, with the state that an engine would have had: for tests of what reads journals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools import frames
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.views.tables import cl_ord_id

LIMITS = Limits(orders=64, executions=64, positions=16, breaks=16, instruments=4, accounts=4, venues=4, strategies=4, routes=4, lots=512, scopes=64)
EPOCH = 7
START_NS = 1_767_348_000_000_000_000
STEP_NS = 1_000


def value(enum: str, name: str) -> int:
    return ENUMS[enum].by_name[name]


def record(name: str, /, **values: Any) -> Any:
    row = np.zeros(1, dtype(name))
    for field, content in values.items():
        row[0][field] = content.encode() if isinstance(content, str) else content
    return row[0]


class JournalByHand:
    """One instrument EUR/USD (4 digits), account main (code ACC1), venue sim with its session up, strategy mm1 attached, one route."""

    def __init__(self, data: Path, limits: Limits = LIMITS, **instrument: Any) -> None:
        self.directory = data / "journal"
        self.replayer = Replayer(limits)
        self._slots: list[bytes] = []
        self._written = 0
        self._positions: dict[tuple[str, int], int] = {}
        self.seq = 0
        rows = record("TableRows", **{n: getattr(limits, n) for n in limits.__dataclass_fields__})
        self.control("START", rows, day=20260102, prefix="RF", epoch=1)
        sizes = {"tick": 1, "lot": 1, "qty_max": 10**12, "multiplier": 1, "price_digits": 4, "status": 1, "base": "EUR", "quote": "USD"} | instrument
        self.control("DEFINE_INSTRUMENT", record("Instrument", id=1, symbol="EUR/USD", **sizes))
        self.control("DEFINE_ACCOUNT", record("Account", id=1, name="main", code="ACC1", status=1))
        self.control("DEFINE_VENUE", record("Venue", id=1, name="sim", status=1, durability=1))
        self.control("DEFINE_STRATEGY", record("Strategy", id=1, name="mm1", status=1))
        self.control("STRATEGY_ATTACH", strategy=1, epoch=EPOCH, pid=1)
        self.control("DEFINE_ROUTE", record("Route", id=1, account=1, venue=1, status=1))
        self.event("SESSION_UP")

    def frame(self, kind: str, payload: Any, source: int = 0) -> None:
        """Journal one input and apply it."""
        self.seq += 1
        position = self._positions[kind, source] = self._positions.get((kind, source), 0) + 1
        body = payload.tobytes()
        head = {"seq": self.seq, "engine_ns": START_NS + self.seq * STEP_NS, "source_position": position, "source_epoch": EPOCH, "source": source}
        head |= {"kind": value("FrameKind", kind), "payload_bytes": len(body), "instance_epoch": 1}
        slot = record("Frame", slot_seq=self.seq, **head).tobytes() + body
        self._slots.append(slot.ljust(dtype("JournalSlot").itemsize, b"\0"))
        self.replayer.apply(slot)

    def control(self, kind: str, body: Any = None, **fields: Any) -> None:
        if kind.startswith("DEFINE_"):
            fields = {"operator_name": "config"} | fields
        self.frame("CONTROL", record("Control", kind=value("ControlKind", kind), **({"body": body.tobytes()} if body is not None else {}), **fields))

    def new(self, client_id: int, side: str, qty: int, px: int) -> None:
        terms = {"instrument": 1, "side": value("Side", side), "ord_type": 2, "time_in_force": 1, "qty": qty, "px": px}
        self.frame(
            "INTENT",
            record("Intent", kind=value("IntentKind", "NEW"), client_id=client_id, epoch=EPOCH, created_ns=START_NS + self.seq * STEP_NS + 1, **terms),
            source=1,
        )

    def event(self, kind: str, order: int = 0, **fields: Any) -> None:
        amounts = ("last_px", "last_qty", "cum_qty", "leaves_qty", "qty", "px", "commission")
        present = sum(CONSTANTS[f"PRESENT_{n.upper()}"][0] for n in amounts if n in fields)
        digits = {f"{n}_digits": 4 for n in ("last_px", "px") if n in fields}
        name = self.cl_ord_id(order) if order else ""
        values = (
            {"venue": 1, "present": present, "cl_ord_id": name, "kind": value("VenueEventKind", kind), "received_ns": START_NS + self.seq * STEP_NS + 1}
            | digits
            | fields
        )
        self.frame("VENUE_EVENT", record("VenueEvent", **values), source=1)

    def fill(self, order: int, qty: int, px: int, exec_id: str, **fields: Any) -> None:
        self.event("FILL", order, last_qty=qty, last_px=px, exec_id=exec_id, **fields)

    def mark(self, bid: int, ask: int, last: int = 0) -> None:
        self.frame("MARK", record("Mark", bid=bid, ask=ask, last=last, instrument=1))

    def checkpoint(self, state_hash: int | None = None) -> int:
        """Journal the state hash (the right one unless another is given) and return it; a wrong one is not applied here."""
        right = self.replayer.state_hash()
        given = right if state_hash is None else state_hash
        if given == right:
            self.frame("CHECKPOINT", record("Checkpoint", state_hash=given))
            return given
        applied, self.replayer = self.replayer, _Deaf()  # type: ignore[assignment]
        self.frame("CHECKPOINT", record("Checkpoint", state_hash=given))
        self.replayer = applied
        return given

    def cl_ord_id(self, order: int) -> str:
        table = self.replayer.state.table
        day = int(table("orders")[order]["day_code"] if order <= int(table("engine")[1]["order_count"]) else 0) or int(table("engine")[1]["day_code"])
        return cl_ord_id("RF", day, order, 0)

    def write(self, segment_bytes: int = 1 << 16) -> Path:
        """Write what is new into segment files; return the journal directory."""
        slots = np.frombuffer(b"".join(self._slots[self._written :]), dtype("JournalSlot"))
        data = frames.encode(slots)
        with JournalWriter(self.directory, "byhand", segment_bytes=segment_bytes) as writer:
            at = 0
            while at < len(data):
                at = writer.append(data, at, len(data))
            writer.sync()
        self._written = len(self._slots)
        return self.directory


class _Deaf:
    """Takes a frame and does nothing with it."""

    def apply(self, _frame: bytes) -> None: ...
