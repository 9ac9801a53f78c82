"""A machine for the core's tests: journal frames built by hand, applied through ``Replayer``, every frame kept for a replay.

``make_machine()`` gives one instrument (tick 1, lot 1, two price and no quantity digits), one account, one venue with its session up, two
strategies and a route; all outputs are kept, so a test can read the commands and events that an input caused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from engine_rig import Rig, rigs

from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS

SMALL = Limits(orders=64, executions=256, positions=16, breaks=64, instruments=4, accounts=4, venues=2, strategies=4, routes=4, lots=512, scopes=64)
BIT = {name: value for name, (value, _) in CONSTANTS.items()}
SECOND = 1_000_000_000


def enum(kind: str, name: str) -> int:
    return ENUMS[kind].by_name[name]


def record(name: str, /, **values: Any) -> Any:
    row = np.zeros(1, dtype(name))
    for field, value in values.items():
        row[0][field] = value.encode() if isinstance(value, str) else value
    return row[0]


class Machine:
    """A ``Replayer`` with words: every method applies one frame and returns the commands and events that it caused."""

    def __init__(self, limits: Limits = SMALL, *, configure: bool = True, day: int = 20260102, up: bool = True) -> None:
        self.limits = limits
        self.now = 1_000 * SECOND
        self.journal = bytearray()
        self.offsets: list[int] = []
        self.replayer = Replayer(limits, emit_above={1: 0})
        self.replayer.state.open_queue(1, strategy=True)
        self.replayer.state.open_queue(2, strategy=True)
        self.commands: list[Any] = []
        self.events: list[Any] = []
        if configure:
            self.start(day)
            self.instrument()
            self.control("DEFINE_ACCOUNT", body=record("Account", id=1, name="main", code="ACC1", status=1))
            self.control("DEFINE_VENUE", body=record("Venue", id=1, name="sim", status=1, durability=1))
            for row in (1, 2):
                self.control("DEFINE_STRATEGY", body=record("Strategy", id=row, name=f"s{row}", status=1))
                self.control("STRATEGY_ATTACH", strategy=row, epoch=7, pid=1)
            self.control("DEFINE_ROUTE", body=record("Route", id=1, account=1, venue=1, status=1))
            if up:
                self.event("SESSION_UP")

    record = staticmethod(record)

    # ---- frames

    def frame(self, kind: str, payload: Any, source: int = 0, position: int = 0, seq: int | None = None) -> None:
        self.now += 1000
        body = payload.tobytes()
        head = record(
            "FileFrame",
            length=64 + len(body),
            seq=self.seq + 1 if seq is None else seq,
            engine_ns=self.now,
            source_position=position,
            source_epoch=3,
            source=source,
            kind=enum("FrameKind", kind),
            payload_bytes=len(body),
        )
        data = head.tobytes() + body
        self.replayer.apply(data)
        self.offsets.append(len(self.journal))
        self.journal += data
        self.commands = list(self.replayer.state.take_queue(1))
        self.events = [e for row in (1, 2) for e in self.replayer.state.take_queue(row, strategy=True)]

    @property
    def seq(self) -> int:
        return self.replayer.seq

    def control(self, kind: str, body: Any = None, **fields: Any) -> None:
        if kind.startswith("DEFINE_"):
            fields = {"operator_name": "config"} | fields
        self.frame("CONTROL", record("Control", kind=enum("ControlKind", kind), **({} if body is None else {"body": body.tobytes()}), **fields))

    def start(self, day: int = 20260102, prefix: str = "RF", epoch: int = 1) -> None:
        self.control("START", day=day, prefix=prefix, epoch=epoch)

    def instrument(self, row: int = 1, symbol: str = "EURUSD", **fields: Any) -> None:
        values = {"tick": 1, "lot": 1, "qty_max": 10**12, "multiplier": 1, "price_digits": 2, "qty_digits": 0, "status": 1} | fields
        self.control("DEFINE_INSTRUMENT", body=record("Instrument", id=row, symbol=symbol, base="EUR", quote="USD", **values))

    def observe(self, kind: str, peer: int = 0, value: int = 0) -> None:
        self.frame("OBSERVATION", record("Observation", kind=enum("ObservationKind", kind), peer=peer, value=value))

    def timer(self, seconds: int = 0) -> None:
        self.now += seconds * SECOND
        self.frame("TIMER", record("Timer", now_ns=self.now))

    def mark(self, bid: int, ask: int, instrument: int = 1, last: int = 0) -> None:
        self.frame("MARK", record("Mark", bid=bid, ask=ask, instrument=instrument, last=last))

    # ---- scopes

    def currency(self, code: str = "USD", row: int = 1, rate: int = 10**9) -> None:
        self.control("DEFINE_CURRENCY", body=record("Currency", id=row, code=code, rate=rate, is_firm=rate == 10**9, status=1))

    def limit(self, rule: str, value: int, kind: str = "FIRM", a: int = 0, b: int = 0, **control: Any) -> None:
        """Set a limit; ``expires_ns`` and the fields of the command (operator_uid, operator_name) may be given."""
        body = record("LimitChange", rule=enum("RiskRule", rule), value=value, kind=enum("ScopeKind", kind), a=a, b=b, expires_ns=control.pop("expires_ns", 0))
        self.control("SET_LIMIT", body=body, **control)

    def kill(self, kind: str = "FIRM", a: int = 0, b: int = 0, options: int = 1, what: str = "KILL", **control: Any) -> None:
        self.control(what, body=record("KillOrder", kind=enum("ScopeKind", kind), a=a, b=b, options=options), **control)

    def scope(self, kind: str = "FIRM", a: int = 0, b: int = 0) -> Any:
        for row in self.table("scopes")[1 : int(self.status["scope_count"]) + 1]:
            if (int(row["kind"]), int(row["a"]), int(row["b"])) == (enum("ScopeKind", kind), a, b):
                return row
        raise AssertionError(f"no scope {kind} {a} {b}")

    def intent(self, what: str, client_id: int = 1, strategy: int = 1, **fields: Any) -> Any:
        values: dict[str, Any] = {"epoch": 7, "created_ns": self.now, "kind": enum("IntentKind", what)}
        if what == "NEW":
            values |= {"instrument": 1, "side": 1, "ord_type": 2, "time_in_force": 1, "px": 100, "qty": 10000}
        self.frame("INTENT", record("Intent", client_id=client_id, **(values | fields)), source=strategy)
        return self.events[-1] if self.events else None

    def new(self, client_id: int = 1, **fields: Any) -> Any:
        return self.intent("NEW", client_id, **fields)

    def cancel(self, client_id: int = 1, **fields: Any) -> Any:
        return self.intent("CANCEL", client_id, **fields)

    def replace(self, client_id: int = 1, qty: int = 10000, px: int = 0, **fields: Any) -> Any:
        return self.intent("REPLACE", client_id, qty=qty, px=px, **fields)

    def event(self, kind: str, order: int = 0, rev: int = 0, *, venue: int = 1, cl_ord_id: str | None = None, **fields: Any) -> None:
        """A venue event; ``px``, ``qty``, ``last_px``, ``last_qty``, ``cum_qty`` and ``leaves_qty`` set their presence bits themselves."""
        present = 0
        for name in ("last_px", "last_qty", "cum_qty", "leaves_qty", "qty", "px"):
            if name in fields:
                present |= BIT["PRESENT_" + name.upper()]
                if name.endswith("px"):
                    fields.setdefault(name + "_digits", 2)
        if "commission" in fields:
            present |= BIT["PRESENT_COMMISSION"]
        if cl_ord_id is None and order:
            cl_ord_id = self.cl_ord_id(order, rev)
        if isinstance(fields.get("ord_status"), str):
            fields["ord_status"] = enum("OrdStatus", fields["ord_status"])
        values = {"venue": venue, "present": present, "cl_ord_id": cl_ord_id or "", "kind": enum("VenueEventKind", kind)} | fields
        self.frame("VENUE_EVENT", record("VenueEvent", **values), source=venue)

    def fill(self, qty: int, px: int = 100, exec_id: str = "E1", order: int = 1, rev: int = 0, **fields: Any) -> None:
        self.event("FILL", order, rev, last_qty=qty, last_px=px, exec_id=exec_id, **fields)

    def cl_ord_id(self, order: int, rev: int = 0) -> str:
        from ringfence.core.clordid import encode_cl_ord_id

        return encode_cl_ord_id("RF", int(self.order(order)["day_code"] or self.status["day_code"]), order, rev)

    # ---- what there is

    def table(self, name: str) -> Any:
        return self.replayer.state.table(name)

    @property
    def status(self) -> Any:
        return self.table("engine")[1]

    def order(self, row: int = 1) -> Any:
        return self.table("orders")[row]

    def state_of(self, row: int = 1) -> tuple[str, int, int, int]:
        """OrdStatus and OrderQty/CumQty/LeavesQty, as the matrices write them."""
        o = self.order(row)
        return ENUMS["OrdStatus"].by_value[int(o["ord_status"])], int(o["qty"]), int(o["cum_qty"]), int(o["leaves_qty"])

    def breaks(self) -> list[str]:
        n = min(int(self.status["break_count"]), self.limits.breaks)
        return [ENUMS["BreakKind"].by_value[int(b["kind"])] for b in self.table("breaks")[1 : n + 1]]

    def position(self, strategy: int = 1, account: int = 1, instrument: int = 1) -> dict[str, int] | None:
        for p in self.table("positions")[1 : int(self.status["position_count"]) + 1]:
            if (int(p["strategy"]), int(p["account"]), int(p["instrument"])) == (strategy, account, instrument):
                out = {n: int(p[n]) for n in ("net_qty", "bought_qty", "sold_qty", "fills")}
                for n in ("cost", "realized", "traded"):
                    out[n] = (int(p[n + "_hi"]) << 64) + int(p[n + "_lo"])
                return out
        return None

    def deny(self) -> str:
        """The reason of the last event, which must be a denial."""
        assert self.events, "no event was emitted"
        last = self.events[-1]
        assert int(last["kind"]) == enum("EventKind", "DENIED"), f"event was {ENUMS['EventKind'].by_value[int(last['kind'])]}"
        return ENUMS["DenyReason"].by_value[int(last["reason"])]

    def told(self) -> list[str]:
        return [ENUMS["EventKind"].by_value[int(e["kind"])] for e in self.events]

    def sent(self) -> list[str]:
        return [ENUMS["CommandKind"].by_value[int(c["kind"])] for c in self.commands]

    def tables(self) -> dict[str, bytes]:
        names = ("engine", "instruments", "accounts", "venues", "strategies", "routes", "orders", "requests", "executions", "positions", "breaks")
        names = (*names, "brokers", "desks", "currencies", "permissions", "operators", "proposals", "scopes", "scope_sets")
        names = (
            *names,
            "ledger",
            "ledger_instruments",
            "ledger_positions",
            "lots",
            "ledger_events",
            "ledger_checkpoints",
            "by_ledger_position",
            "by_ledger_key",
        )
        names = (*names, "by_content", "by_scope", "by_scope_set", "calendars", "value_dates")
        return {name: self.table(name).tobytes() for name in (*names, "by_client_id", "by_execution", "by_position", "by_venue_order_id")}

    def replayed(self) -> Machine:
        """A machine with the same journal replayed through the buffer loop."""
        other = Machine(self.limits, configure=False)
        assert other.replayer.apply_buffer(bytes(self.journal), 0, len(self.journal)) == len(self.offsets)
        return other


@pytest.fixture
def make_machine() -> Callable[..., Machine]:
    return Machine


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def rig() -> Iterator[Rig]:
    yield from rigs()


@pytest.fixture
def make_rig() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(**sizes: int) -> Rig:
        made.append(Rig(**sizes))
        return made[0].configure()

    yield make
    made[0].close()
