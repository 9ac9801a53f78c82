"""A journal of a firm with two brokers, accounts, desks, strategies and venues, three instruments and currencies, and rates that move."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from journal_by_hand import EPOCH, START_NS, record, value
from ledger_journal import Journal

from ringfence.ipc.schema import CONSTANTS

EUR_USD, USD_JPY, BTC = 1, 2, 3
ROUTES = {(1, 1): 1, (2, 1): 2, (1, 2): 3, (2, 2): 4}
"""By account and venue."""
PX = {EUR_USD: (11_000, 4), USD_JPY: (145_000, 3), BTC: (300_000, 1)}


@dataclass
class Made:
    """An execution that was reported: its order, venue and instrument."""

    order: int
    venue: int
    instrument: int
    exec_id: str


@dataclass
class Firm(Journal):
    """Whoever trades names account, strategy and venue; orders are made once for each and never end."""

    reported: list[Made] = field(default_factory=list)
    made_orders: dict[tuple[int, int, int, int, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for row, (code, rate) in enumerate([("USD", 10**9), ("JPY", 6_900_000)], 1):
            self.rate(row, code, rate)
        for row, name in ((1, "alpha"), (2, "beta")):
            self.control("DEFINE_BROKER", record("Broker", id=row, name=name, status=1))
            self.control("DEFINE_DESK", record("Desk", id=row, name=f"desk{row}", status=1))
        self.control("DEFINE_ACCOUNT", record("Account", id=1, name="main", code="ACC1", status=1, broker=1, method=value("LedgerMethod", "FIFO")))
        self.control("DEFINE_ACCOUNT", record("Account", id=2, name="other", code="ACC2", status=1, broker=2))
        self.control("DEFINE_VENUE", record("Venue", id=2, name="ecn", status=1, durability=1))
        self.control("DEFINE_STRATEGY", record("Strategy", id=1, name="mm1", desk="desk1", desk_row=1, status=1))
        self.control("DEFINE_STRATEGY", record("Strategy", id=2, name="mm2", desk="desk2", desk_row=2, status=1))
        self.control("STRATEGY_ATTACH", strategy=2, epoch=EPOCH, pid=1)
        rows = {"tick": 1, "lot": 1, "qty_max": 10**12, "multiplier": 1, "status": 1}
        self.control("DEFINE_INSTRUMENT", record("Instrument", id=2, symbol="USD/JPY", base="USD", quote="JPY", price_digits=3, **rows))
        perpetual = {"kind": value("InstrumentKind", "PERPETUAL"), "inverse": 1}
        self.control("DEFINE_INSTRUMENT", record("Instrument", id=3, symbol="BTC-PERP", base="BTC", quote="USD", price_digits=1, **perpetual, **rows))
        for (account, venue), row in ROUTES.items():
            self.control("DEFINE_ROUTE", record("Route", id=row, account=account, venue=venue, status=1))
        self.frame("VENUE_EVENT", record("VenueEvent", venue=2, kind=value("VenueEventKind", "SESSION_UP")), source=2)

    def rate(self, row: int, code: str, rate: int) -> None:
        self.control("DEFINE_CURRENCY", record("Currency", id=row, code=code, rate=rate, is_firm=row == 1, status=1))

    def mark_of(self, instrument: int, bid: int, ask: int) -> None:
        self.frame("MARK", record("Mark", bid=bid, ask=ask, instrument=instrument))

    def order_of(self, instrument: int, account: int, strategy: int, venue: int, side: str) -> int:
        key = (instrument, account, strategy, venue, side)
        if key not in self.made_orders:
            route = ROUTES[account, venue]
            terms = {"instrument": instrument, "account": account, "route": route, "side": value("Side", side), "ord_type": 2, "time_in_force": 1}
            amounts = {
                "client_id": 1000 + len(self.made_orders),
                "qty": 10**9,
                "px": PX[instrument][0],
                "epoch": EPOCH,
                "created_ns": START_NS + self.seq * 1000 + 1,
            }
            self.frame("INTENT", record("Intent", kind=value("IntentKind", "NEW"), **terms, **amounts), source=strategy)
            self.made_orders[key] = int(self.replayer.state.table("engine")[1]["order_count"])
        return self.made_orders[key]

    def report(self, kind: str, about: Made, exec_id: str, **fields: object) -> None:
        digits = {"last_px_digits": PX[about.instrument][1]} if "last_px" in fields else {}
        present = sum(CONSTANTS[f"PRESENT_{n.upper()}"][0] for n in ("last_px", "last_qty", "commission") if n in fields)
        values = {"venue": about.venue, "kind": value("VenueEventKind", kind), "cl_ord_id": self.cl_ord_id(about.order), "exec_id": exec_id, "present": present}
        self.frame("VENUE_EVENT", record("VenueEvent", **values, **digits, **fields), source=about.venue)

    def deal(self, instrument: int, account: int, strategy: int, venue: int, side: str, qty: int, px: int, **fee: object) -> Made:
        self.number += 1
        made = Made(self.order_of(instrument, account, strategy, venue, side), venue, instrument, f"D{self.number}")
        self.report("FILL", made, made.exec_id, last_qty=qty, last_px=px, **fee)
        self.reported.append(made)
        return made

    def entry(self, kind: str, reference: str, **fields: object) -> None:
        body = record("LedgerEntry", reference=reference, kind=value("LedgerEventKind", kind), **{"account": 1, "strategy": 1, "instrument": 1, **fields})
        self.control("BOOK_ENTRY", body, operator_name="ops")


def firm(data: Path, seed: int, events: int = 80, *, btc_rate: bool = True, only_funding: bool = False) -> Firm:
    """Trades, fees, busts, corrections, entries, marks and moving rates at random."""
    print(f"seed {seed}")
    r, made = random.Random(seed), Firm(data)
    if btc_rate:
        made.rate(3, "BTC", 30_000_000_000_000)
    for n in range(events):
        what = r.random()
        if what < 0.6 or not made.reported:
            instrument = r.choice((EUR_USD, USD_JPY, BTC))
            px = PX[instrument][0] * r.randint(90, 110) // 100
            fee = {"commission": r.randint(-5, 50), "comm_type": 3, "comm_digits": 4} if r.random() < 0.5 else {}
            if fee and instrument == EUR_USD and r.random() < 0.5:
                fee["comm_currency"] = r.choice(("JPY", "EUR", "USD"))
            made.deal(instrument, r.choice((1, 2)), r.choice((1, 2)), r.choice((1, 2)), r.choice(("BUY", "SELL")), r.randint(1, 1000), px, **fee)
        elif what < 0.68:
            gone = made.reported.pop(r.randrange(len(made.reported)))
            made.report("BUST", gone, f"B{n}", exec_ref_id=gone.exec_id)
        elif what < 0.76:
            old = made.reported.pop(r.randrange(len(made.reported)))
            px = PX[old.instrument][0] * r.randint(90, 110) // 100
            made.report("CORRECT", old, f"C{n}", exec_ref_id=old.exec_id, last_qty=r.randint(1, 1000), last_px=px)
            made.reported.append(Made(old.order, old.venue, old.instrument, f"C{n}"))
        elif what < 0.84:
            made.rate(2, "JPY", r.randint(6_000_000, 8_000_000))
        elif what < 0.92:
            instrument = r.choice((EUR_USD, USD_JPY, BTC))
            px = PX[instrument][0] * r.randint(90, 110) // 100
            made.mark_of(instrument, px, px + r.randint(1, 9))
        else:
            kind, fields = r.choice([("FUNDING", {"amount": r.randint(-99, 99), "amount_digits": 2}), ("DIVIDEND", {"px": 3}), ("TRANSFER", {"qty": 1})])
            if only_funding and kind != "FUNDING":
                continue
            if kind == "TRANSFER":
                fields |= {"other": 2, "other_strategy": 2}
            made.entry(kind, f"E{n}", **fields)
    for instrument, (px, _) in PX.items():
        made.mark_of(instrument, px, px + 3)
    return made
