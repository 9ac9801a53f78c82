"""A running instance made by hand: real regions with known rows, so that every figure on a screen can be told in advance."""

from __future__ import annotations

import os
import time
from typing import Any

from ringfence.ipc.broadcast import market_sections, reader_sections
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import SectionSpec, Segment

S = 1_000_000_000
RING_SLOTS = 64


def value(enum: str, name: str) -> int:
    return ENUMS[enum].by_name[name]


class Synthetic:
    """Regions of one instance, written by this process: EUR/USD and USD/JPY, account acc1, strategies mm1 and mm2, venue sim."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.now = time.time_ns()
        self._open: list[Any] = []
        self.instance = self.make("instance", "SUPERVISOR", ("status", "InstanceStatus", 2), ("components", "Component", 9), ("clock", "ClockCalibration", 1))
        self.state = self.make(
            "state",
            "ENGINE",
            ("engine", "EngineStatus", 2),
            ("instruments", "Instrument", 8),
            ("accounts", "Account", 4),
            ("venues", "Venue", 4),
            ("strategies", "Strategy", 4),
            ("routes", "Route", 4),
            ("orders", "Order", 64),
            ("executions", "Execution", 64),
            ("positions", "Position", 16),
            ("breaks", "Break", 8),
            ("currencies", "Currency", 2),
            ("cash", "CashBalance", 8),
            ("operators", "Operator", 2),
            ("brokers", "Broker", 2),
            ("desks", "Desk", 2),
            ("permissions", "Permission", 4),
            ("scopes", "Scope", 8),
            ("scope_sets", "ScopeSet", 8),
            ("margin_rates", "MarginRate", 4),
            ("parameters", "Parameter", 4),
            ("ledger", "LedgerHead", 2),
            ("ledger_instruments", "LedgerInstrument", 8),
            ("ledger_positions", "LedgerPosition", 16),
            ("ledger_events", "LedgerEvent", 128),
            ("lots", "Lot", 64),
        )
        self.market = self.make("market", "FEED", *market_sections(16, 8))
        self.readers = self.make("market.readers", "FEED", *reader_sections())
        self.link("sidecar", "SIDECAR", down="JournalSlot", up=None)
        self.link("gw.sim", "GATEWAY", down="OrderCommand", up="VenueEvent")
        self.to_strategy = self.make("to.strat.mm1", "ENGINE", *self._cursors(), ("slots", "StrategyEvent", RING_SLOTS))
        self.engine_metrics = self.metrics(
            "engine", ["intents", "journal_full", "breaks_without_row"], ["intent_accept", "fill_position", "batch_frames"], "ENGINE"
        )
        self.gateway_metrics = self.metrics("gw.sim", ["session_state", "messages_in", "messages_out", "reconnects"], ["wire_ack"], "GATEWAY")
        self._fill_instance()
        self._fill_tables()
        self.beat()

    def make(self, region: str, role: str, *sections: tuple[str, str, int]) -> Segment:
        segment = Segment.create(self.name, region, [SectionSpec(*s) for s in sections], role=value("Role", role), epoch=1, lock=False)
        self._open.append(segment)
        return segment

    def metrics(self, component: str, counters: list[str], histograms: list[str], role: str) -> Metrics:
        made = Metrics.create(self.name, component, counters, histograms, role=value("Role", role), epoch=1)
        self._open.append(made)
        return made

    @staticmethod
    def _cursors() -> tuple[tuple[str, str, int], ...]:
        return (("head", "RingCursor", 1), ("tail", "RingCursor", 1), ("mark", "RingCursor", 1))

    def link(self, peer: str, role: str, down: str | None, up: str | None) -> None:
        for direction, record, writer in (("to", down, "ENGINE"), ("from", up, role)):
            slots = (("slots", record, RING_SLOTS),) if record else ()
            setattr(self, f"{direction}_{peer.split('.')[0]}", self.make(f"{direction}.{peer}", writer, *self._cursors(), *slots))

    def _fill_instance(self) -> None:
        status = self.instance.section("status")[1]
        status["epoch"], status["started_ns"] = 1, self.now - 3725 * S
        status["mode"], status["state"], status["data_dir"] = value("Mode", "DEMO"), value("ProcessState", "RUNNING"), b"/nowhere/data"
        names = (("engine", "ENGINE", 2), ("gw.sim", "GATEWAY", 3), ("sidecar", "SIDECAR", -1))
        for row, (name, role, core) in zip(self.instance.section("components")[1:], names, strict=False):
            row["name"], row["pid"], row["core"], row["restarts"] = name.encode(), os.getpid(), core, 1 if name == "gw.sim" else 0
            row["role"], row["state"], row["started_ns"] = value("Role", role), value("ProcessState", "RUNNING"), self.now - 3725 * S
        self.instance.set_state(value("ProcessState", "RUNNING"))

    def _fill_tables(self) -> None:
        t = self.state.section
        engine = t("engine")[1]
        engine["seq"], engine["prefix"], engine["day_code"] = 18_450_122, b"RF", 9821
        for row, (symbol, base, quote, digits, bid, ask) in enumerate(
            (("EURUSD", "EUR", "USD", 5, 108760, 108770), ("USDJPY", "USD", "JPY", 3, 145123, 145127)), 1
        ):
            r = t("instruments")[row]
            r["symbol"], r["base"], r["quote"], r["id"], r["price_digits"], r["qty_digits"] = symbol.encode(), base.encode(), quote.encode(), row, digits, 0
            r["multiplier"], r["bid"], r["ask"], r["mark_ns"] = 1, bid, ask, self.now
        t("accounts")[1]["name"] = b"acc1"
        for row, name in enumerate((b"mm1", b"mm2"), 1):
            t("strategies")[row]["name"], t("strategies")[row]["id"] = name, row
        venue = t("venues")[1]
        venue["name"], venue["session"], venue["id"], venue["session_state"] = b"sim", b"FIX.4.2:RF->SIM", 1, value("SessionState", "UP")
        venue["session_ups"], venue["changed_ns"], venue["durability"] = 1, self.now - 60 * S, 2
        self.order(1, "NEW", qty=1_000_000, cum=0, px=108765)
        self.order(2, "PARTIALLY_FILLED", qty=1_000_000, cum=400_000, px=108760, strategy=2, side="SELL")
        self.order(3, "FILLED", qty=500_000, cum=500_000, px=145125, instrument=2)
        self.fill(1, order=2, qty=400_000, px=108760, exec_id="E91", side="SELL", strategy=2)
        self.fill(2, order=3, qty=500_000, px=145125, exec_id="E92", instrument=2)
        self.position(1, net=-400_000, cost=-400_000 * 108760, realized=0, strategy=2)
        self.position(2, net=500_000, cost=500_000 * 145125, realized=1_234_500, instrument=2)

    def order(self, row: int, status: str, *, qty: int, cum: int, px: int, instrument: int = 1, strategy: int = 1, side: str = "BUY") -> None:
        r = self.state.section("orders")[row]
        r["order_id"], r["client_id"], r["instrument"], r["account"], r["strategy"], r["venue"] = row, 1000 + row, instrument, 1, strategy, 1
        r["px"], r["qty"], r["cum_qty"], r["leaves_qty"], r["day_code"] = px, qty, cum, qty - cum, 9821
        r["notional_lo"] = cum * px
        r["side"], r["ord_type"], r["time_in_force"] = value("Side", side), value("OrdType", "LIMIT"), value("TimeInForce", "DAY")
        r["ord_status"], r["deny_reason"], r["venue_order_id"] = value("OrdStatus", status), value("DenyReason", "NONE"), f"V{row}".encode()
        r["created_ns"], r["updated_seq"] = self.now - 90 * S, row
        self.state.section("engine")[1]["order_count"] = row

    def fill(self, row: int, *, order: int, qty: int, px: int, exec_id: str, instrument: int = 1, strategy: int = 1, side: str = "BUY") -> None:
        r = self.state.section("executions")[row]
        r["id"], r["order_id"], r["last_px"], r["last_qty"], r["exec_id"] = row, order, px, qty, exec_id.encode()
        r["instrument"], r["account"], r["strategy"], r["venue"], r["side"], r["state"] = instrument, 1, strategy, 1, value("Side", side), 1
        r["booked_seq"], r["engine_ns"] = 100 + row, self.now - row * S
        self.state.section("engine")[1]["execution_count"] = row

    def position(self, row: int, *, net: int, cost: int, realized: int, instrument: int = 1, strategy: int = 1) -> None:
        r = self.state.section("positions")[row]
        r["net_qty"], r["instrument"], r["account"], r["strategy"], r["fills"] = net, instrument, 1, strategy, 1
        for name, amount in (("cost", cost), ("realized", realized)):
            r[f"{name}_lo"], r[f"{name}_hi"] = amount & (1 << 64) - 1, amount >> 64
        r["bought_qty" if net > 0 else "sold_qty"] = abs(net)
        self.state.section("engine")[1]["position_count"] = row

    def beat(self, age_ns: int = 0) -> None:
        """Let every region's heartbeat be ``age_ns`` old."""
        for made in self._open:
            (made.segment if isinstance(made, Metrics) else made).heartbeat(time.time_ns() - age_ns)

    def close(self) -> None:
        for made in self._open:
            (made.segment if isinstance(made, Metrics) else made).unlink()
