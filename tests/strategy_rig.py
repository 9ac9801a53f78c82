"""The engine's and the feed's side of one strategy, all in this process: tables, both rings, a market data ring."""

from __future__ import annotations

from typing import Any

import numpy as np

from ringfence.gateways.attach import Attachment
from ringfence.ipc.clock import Clock
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

ROLE = ENUMS["Role"].by_name
KIND = ENUMS["EventKind"].by_name
TICK = ENUMS["TickKind"].by_name
STATE = ENUMS["ProcessState"].by_name
ROW, EPOCH = 1, 7
SYMBOLS = (("EUR/USD", 5, 5, 1_000), ("USD/JPY", 3, 1, 1))
START_NS = 1_700_000_000_000_000_000


class Rig:
    """A clock that stands, an engine that does what the test says."""

    def __init__(self, *, slots: int = 64, tick_slots: int = 64, clock: Clock | None = None) -> None:
        self.clock = clock or Clock.manual(START_NS)
        tables = [("engine", "EngineStatus", 2), ("instruments", "Instrument", 8), ("accounts", "Account", 4), ("strategies", "Strategy", 4)]
        tables += [("orders", "Order", 64), ("positions", "Position", 16), ("parameters", "Parameter", 8)]
        self.state = Segment.create_memfd("state", tables, role=ROLE["ENGINE"], epoch=1)
        self.events = Segment.create_memfd("to.strat.s1", link_sections("StrategyEvent", slots), role=ROLE["ENGINE"], epoch=1)
        self.intents = Segment.create_memfd("from.strat.s1", link_sections("Intent", slots), role=ROLE["STRATEGY"], epoch=EPOCH)
        self.market = Segment.create_memfd(
            "market", [("head", "RingCursor", 1), ("ticks", "QuoteTick", tick_slots), ("quotes", "Quote", 8)], role=ROLE["FEED"], epoch=1
        )
        self.link = Link(self.events, self.intents, trusted=False, fresh=True)
        self.link.set_mark(EPOCH)
        engine = self.state.section("engine")[1]
        for row, (symbol, digits, tick, lot) in enumerate(SYMBOLS, 1):
            r = self.state.section("instruments")[row]
            r["symbol"], r["id"], r["price_digits"], r["tick"], r["lot"], r["status"] = symbol.encode(), row, digits, tick, lot, 1
        self.state.section("accounts")[1]["name"] = b"main"
        engine["instrument_count"], engine["account_count"], engine["strategy_count"] = len(SYMBOLS), 1, 1
        self.state.set_state(STATE["RUNNING"])
        where = (self.intents, self.events, self.state, self.market, None, self.state, self.clock, None)
        self.attachment = Attachment("rig", "s1", ROW, EPOCH, *where)  # type: ignore[arg-type]

    @property
    def engine(self) -> Any:
        return self.state.section("engine")[1]

    def advance(self, ns: int) -> None:
        self.clock.set(self.clock.now_ns() + ns)

    def tick(self, kind: str | int = "QUOTE", record: str = "QuoteTick", **fields: int) -> int:
        """Publish one tick; its position."""
        head, ticks = self.market.section("head")[0], self.market.section("ticks")
        at = int(head["position"])
        slot = np.zeros(1, dtype(record))
        for name, value in {"instrument": 1, "kind": TICK.get(kind, kind), "published_ns": self.clock.now_ns(), **fields}.items():
            slot[name] = value
        slot["slot_seq"] = at + 1
        ticks[at % len(ticks) : at % len(ticks) + 1] = slot.view(dtype("QuoteTick"))
        head["position"] = at + 1
        return at

    def quote(self, bid: int, ask: int, **fields: int) -> int:
        return self.tick(bid=bid, ask=ask, **fields)

    def latest(self, instrument: int, bid: int, *, writing: bool = False) -> None:
        """Note a top of book as the feed does; ``writing``: it is not done yet."""
        row = self.market.section("quotes")[instrument]
        row["version"] |= 1
        row["bid"], row["ask"], row["last"], row["flags"], row["published_ns"] = bid, bid + 2, 9, 0, self.clock.now_ns()
        row["instrument"] = instrument
        row["version"] += int(not writing)

    def emit(self, kind: str, deliver: bool = True, **fields: int) -> None:
        """Count one output, as the engine does, and put it into the ring unless it is to be dropped."""
        strategy = self.state.section("strategies")[ROW]
        strategy["output_seq"] += 1
        event = np.zeros(1, dtype("StrategyEvent"))
        for name, value in {"output_seq": int(strategy["output_seq"]), "kind": KIND[kind], "instrument": 1, "account": 1, **fields}.items():
            event[name] = value
        if deliver:
            self.link.send(event)

    def intents_out(self) -> list[Any]:
        """Take every intent that the strategy has published."""
        found = []
        while (intent := self.link.receive()) is not None:
            found.append(intent)
        return found

    def set_parameter(self, name: str, value: int, digits: int = 0, writing: bool = False) -> None:
        """As the engine does: `begun` first, then the value, `changes` last; ``writing``: it is not that far yet."""
        table = self.state.section("parameters")
        for row in range(1, int(self.engine["parameter_count"]) + 1):
            if table[row]["name"] == name.encode() and table[row]["strategy"] == ROW:
                break
        else:
            row = int(self.engine["parameter_count"]) + 1
            table[row]["name"], table[row]["strategy"] = name.encode(), ROW
        table[row]["begun"] = (int(table[row]["changes"]) + 1) & 0xFFFFFFFF
        table[row]["value"], table[row]["digits"] = value, digits
        table[row]["changes"] += int(not writing)
        self.engine["parameter_count"] = max(row, int(self.engine["parameter_count"]))

    def close(self) -> None:
        for segment in (self.state, self.events, self.intents, self.market):
            segment.close()
