"""Journals for the ledger's store: random trades with busts, corrections, repetitions and suspense, and what they come to, added up the slow way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from journal_by_hand import START_NS, STEP_NS, JournalByHand, record, value

from ringfence.core.state import Limits

LIMITS = Limits(orders=512, executions=2048, positions=16, breaks=2048, instruments=4, accounts=4, venues=4, strategies=4, routes=4)
PX = Decimal("0.0001")


@dataclass
class Trade:
    side: int
    qty: int
    px: int
    alive: bool = True


@dataclass
class Journal(JournalByHand):
    """A journal and the trades in it; ``states`` has (sequence, quantity, cash) of mm1 after each event that changed them."""

    data: Path
    trades: dict[str, Trade] = field(default_factory=dict)
    states: list[tuple[int, int, Decimal]] = field(default_factory=list)
    instrument: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        JournalByHand.__init__(self, self.data, LIMITS, **self.instrument)
        self.orders = 0
        self.number = 0

    def order(self, side: str, qty: int = 10**9) -> int:
        self.orders += 1
        self.new(100 + self.orders, side, qty, 11000)
        return self.orders

    def trade(self, order: int, side: str, qty: int, px: int) -> str:
        self.number += 1
        name = f"X{self.number}"
        self.fill(order, qty, px, name)
        self.trades[name] = Trade(1 if side == "BUY" else -1, qty, px)
        self.note()
        return name

    def bust(self, order: int, name: str) -> None:
        self.number += 1
        self.event("BUST", order, exec_id=f"B{self.number}", exec_ref_id=name)
        self.trades[name].alive = False
        self.note()

    def correct(self, order: int, name: str, qty: int, px: int) -> str:
        self.number += 1
        new = f"C{self.number}"
        self.event("CORRECT", order, last_qty=qty, last_px=px, exec_id=new, exec_ref_id=name)
        old = self.trades[name]
        self.trades[new] = Trade(old.side, qty, px)
        old.alive = False
        self.note()
        return new

    def figures(self) -> tuple[int, Decimal]:
        alive = [t for t in self.trades.values() if t.alive]
        return sum(t.side * t.qty for t in alive), -sum((t.side * t.qty * t.px * PX for t in alive), Decimal(0))

    def note(self) -> None:
        self.states.append((self.seq, *self.figures()))

    def engine_ns(self, seq: int) -> int:
        return START_NS + seq * STEP_NS

    def next_day(self, day: int) -> None:
        self.control("ROLL_DAY", day=day)


def random_journal(data: Path, seed: int, events: int = 150) -> Journal:
    """Trades of two orders at random, one in five events a bust, a correction or a repetition, also of fills that have not come yet."""
    print(f"seed {seed}")
    r, made = random.Random(seed), Journal(data)
    orders = {"BUY": made.order("BUY"), "SELL": made.order("SELL")}
    live: list[tuple[str, str]] = []
    for _ in range(events):
        side = r.choice(("BUY", "SELL"))
        what = r.random()
        if what < 0.7 or not live:
            live.append((side, made.trade(orders[side], side, r.randint(1, 1000), r.randint(10000, 12000))))
        elif what < 0.78:
            side, name = live.pop(r.randrange(len(live)))
            made.bust(orders[side], name)
        elif what < 0.9:
            at = r.randrange(len(live))
            side, name = live[at]
            live[at] = (side, made.correct(orders[side], name, r.randint(1, 1000), r.randint(10000, 12000)))
        elif what < 0.95:
            side, name = r.choice(live)
            if name.startswith("X"):
                made.fill(orders[side], made.trades[name].qty, made.trades[name].px, name)
        else:
            made.number += 1
            name, before = f"X{made.number}", r.choice(("BUST", "CORRECT"))
            qty, px = r.randint(1, 1000), r.randint(10000, 12000)
            if before == "BUST":
                made.event("BUST", orders[side], exec_id=f"H{made.number}", exec_ref_id=name)
            else:
                made.event("CORRECT", orders[side], last_qty=qty + 1, last_px=px + 1, exec_id=f"H{made.number}", exec_ref_id=name)
                made.trades[f"H{made.number}"] = Trade(1 if side == "BUY" else -1, qty + 1, px + 1)
            made.fill(orders[side], qty, px, name)
            made.note()
        if r.random() < 0.1:
            made.mark(10990 + r.randint(0, 20), 11011 + r.randint(0, 20))
    return made


def suspense(made: Journal) -> Iterator[int]:
    """A fill of an order that nobody sent goes to suspense, then to mm1; yields the sequence after each."""
    made.event("FILL", last_qty=70, last_px=11050, exec_id="S1", symbol="EUR/USD", side=value("Side", "BUY"), venue_order_id="V9")
    yield made.seq
    row = int(made.replayer.state.table("engine")[1]["execution_count"])
    made.control("ASSIGN_EXECUTION", record("OrderAction", execution=row, strategy=1), operator_name="ops")
    made.trades["S1"] = Trade(1, 70, 11050)
    made.note()
    yield made.seq
