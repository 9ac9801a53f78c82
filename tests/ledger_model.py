"""A slow, obvious model of the ledger in exact fractions, written from the booking rules (docs/ledger.md), sharing nothing with the code.

Events are dictionaries with the arguments of ``Ledger.book`` and a ``kind``. The model keeps what came, resolves busts and corrections, and books what is left
from the start: there is no incremental state. Cash is summed by its own rules, so that the master identity says something.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Event = dict[str, Any]
Key = tuple[int, int]
INCOME = {"INTEREST", "DIVIDEND"}


@dataclass(frozen=True)
class Instrument:
    """How an instrument is valued; scales as in ``Ledger.define``."""

    row: int
    qty_digits: int = 0
    px_digits: int = 2
    multiplier: Fraction = Fraction(1)
    inverse: bool = False
    margin: bool = False
    daily: bool = False

    def value(self, qty: Fraction, px: Fraction) -> Fraction:
        return -qty * self.multiplier / px if self.inverse else qty * px * self.multiplier


@dataclass
class Lot:
    seq: int
    key: int
    qty: Fraction
    cost: Fraction
    rank: Fraction


@dataclass
class Held:
    """A position: its lots in sequence order and its sums."""

    lots: list[Lot] = field(default_factory=list)
    realized: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    funding: Fraction = Fraction(0)
    income: Fraction = Fraction(0)
    settled: Fraction = Fraction(0)
    cash: Fraction = Fraction(0)
    skipped: int = 0

    @property
    def qty(self) -> Fraction:
        return sum((lot.qty for lot in self.lots), Fraction(0))

    @property
    def cost(self) -> Fraction:
        return sum((lot.cost for lot in self.lots), Fraction(0))


class Refuse(Exception):
    """The event cannot be booked."""


class Book:
    """Positions after booking a list of events, by one method."""

    def __init__(self, method: str, instruments: list[Instrument], money_digits: int) -> None:
        self.method = method
        self.instruments = {i.row: i for i in instruments}
        self.unit = Fraction(1, 10**money_digits)
        self.positions: dict[Key, Held] = {}

    def held(self, account: int, instrument: int) -> Held:
        return self.positions.setdefault((account, instrument), Held())

    def order(self, lots: list[Lot]) -> list[Lot]:
        """The lots in the order in which a close takes them."""
        match self.method:
            case "LIFO":
                return lots[::-1]
            case "HIFO":
                return sorted(lots, key=lambda lot: (-lot.rank, lot.seq))
            case "HIFO_MINGAIN":
                return sorted(lots, key=lambda lot: (-lot.rank if lot.qty > 0 else lot.rank, lot.seq))
        return lots

    def take(self, p: Held, count: Fraction, picks: list[tuple[int, Fraction]] | None) -> list[tuple[Lot, Fraction, Fraction]]:
        """Take units (unsigned) out of lots: (lot, units, cost) of each part."""
        if picks:
            plan: list[tuple[Lot, Fraction]] = []
            for key, wanted in picks:
                qty = wanted
                for lot in [each for each in p.lots if each.key == key]:
                    plan.append((lot, min(qty, abs(lot.qty))))
                    qty -= plan[-1][1]
        else:
            plan, left = [], count
            for lot in self.order(p.lots):
                k = min(left, abs(lot.qty))
                if k:
                    plan.append((lot, k))
                left -= k
        parts = []
        for lot, k in [(lot, k) for lot, k in plan if k]:
            cost = lot.cost * k / abs(lot.qty)
            parts.append((lot, k, cost))
            lot.cost -= cost
            lot.qty -= k if lot.qty > 0 else -k
        p.lots = [lot for lot in p.lots if lot.qty]
        return parts

    def add(self, p: Held, lot: Lot) -> None:
        if self.method == "WAC" and p.lots:
            p.lots[0].qty += lot.qty
            p.lots[0].cost += lot.cost
            return
        p.lots.append(lot)
        p.lots.sort(key=lambda each: each.seq)

    def spec_allows(self, p: Held, closing: Fraction, picks: list[tuple[int, Fraction]]) -> bool:
        if not picks:
            return len(p.lots) == 1 or closing == abs(p.qty)
        by_key: dict[int, Fraction] = {}
        for lot in p.lots:
            by_key[lot.key] = by_key.get(lot.key, Fraction(0)) + abs(lot.qty)
        if len({key for key, _ in picks}) != len(picks) or any(not 0 < qty <= by_key.get(key, 0) for key, qty in picks):
            return False
        return sum(qty for _, qty in picks) == closing

    def trade(self, p: Held, i: Instrument, seq: int, key: int, qty: Fraction, px: Fraction, fee: Fraction = Fraction(0), picks: Any = ()) -> None:
        """Close, then open; ``fee`` goes into cost and proceeds."""
        held, unit = p.qty, i.value(Fraction(1), px)
        closing = min(abs(qty), abs(held)) if held * qty < 0 else Fraction(0)
        fee_closing = self.rounded(fee * closing / abs(qty))
        if closing:
            sign = 1 if qty > 0 else -1
            parts = self.take(p, closing, picks if self.method == "SPEC" else None)
            p.realized += -sign * closing * unit - sum(cost for _, _, cost in parts) - fee_closing
        opening = abs(qty) - closing
        if opening:
            signed = opening if qty > 0 else -opening
            cost = signed * unit + fee - fee_closing
            self.add(p, Lot(seq, key, signed, cost, cost / signed if fee else unit))

    def rounded(self, value: Fraction) -> Fraction:
        return round(value / self.unit) * self.unit

    def book(self, e: Event) -> None:
        """Book one event, with the content in force.

        Raises
        ------
        Refuse
            If it cannot be booked; then nothing has changed.
        """
        i = self.instruments[e["instrument"]]
        p = self.held(e.get("account", 0), i.row)
        qty, px = Fraction(e.get("qty", 0), 10**i.qty_digits), Fraction(e.get("px", 0), 10**i.px_digits)
        amount = None if e.get("amount") is None else e["amount"] * self.unit
        match e["kind"]:
            case "FILL":
                self.fill(e, p, i, qty, px)
            case "FUNDING":
                due = amount if amount is not None else -abs(1) * i.value(p.qty, px) * Fraction(*e["ratio"]) * (-1 if i.inverse else 1)
                p.funding += due
                p.cash += due
            case "INTEREST" | "DIVIDEND":
                due = amount if amount is not None else i.value(p.qty, px)
                p.income += due
                p.cash += due
            case "SPLIT":
                for lot in p.lots:
                    lot.qty *= Fraction(*e["ratio"])
                    lot.rank /= Fraction(*e["ratio"])
            case "RETURN_OF_CAPITAL":
                p.cash += i.value(p.qty, px)
                for lot in p.lots:
                    lot.cost -= i.value(lot.qty, px)
                    lot.rank -= i.value(Fraction(1), px)
            case "REWARD":
                self.trade(p, i, e["seq"], e["key"], qty, px)
                p.income += i.value(qty, px)
                if i.margin:
                    p.cash += i.value(qty, px)
            case "TRANSFER":
                self.transfer(e, p, i, qty)
            case "SPIN_OFF":
                self.spin_off(e, p, i)
            case "SETTLE":
                due = p.realized + i.value(p.qty, px) - p.cost - p.settled
                p.settled += due
            case "EXPIRE":
                if p.qty:
                    self.traded(p, i, -p.qty, px)
                    self.trade(p, i, e["seq"], e["key"], -p.qty, px)
                if i.daily:
                    p.settled = p.realized

    def traded(self, p: Held, i: Instrument, qty: Fraction, px: Fraction) -> None:
        """Cash of a trade in full; margined positions get what is realized, when the sums are compared."""
        if not i.margin:
            p.cash -= i.value(qty, px)

    def fill(self, e: Event, p: Held, i: Instrument, qty: Fraction, px: Fraction) -> None:
        kind, fee = e.get("fee_kind", ""), Fraction(0)
        booked = qty - (Fraction(e["fee"], 10**i.qty_digits) if kind == "BASE" else 0)
        if self.method == "SPEC" and not self.is_clear(p, booked, e):
            raise Refuse
        if kind in {"EXPENSE", "CAPITALIZE", "ELSEWHERE"}:
            fee = e["fee"] * self.unit
        elif kind == "BASE":
            units = Fraction(e["fee"], 10**i.qty_digits)
            fee = i.value(units, px)
        elif kind == "HELD":
            other = self.instruments[e["other_instrument"]]
            q, units, rate = self.held(e.get("account", 0), other.row), Fraction(e["fee"], 10**other.qty_digits), Fraction(e["fee_px"], 10**other.px_digits)
            fee = other.value(units, rate)
            self.traded(q, other, -units, rate)
            self.trade(q, other, e["seq"], e["key"], -units, rate)
        if booked:
            picks = [(key, Fraction(n, 10**i.qty_digits)) for key, n in e.get("picks", ())]
            self.trade(p, i, e["seq"], e["key"], booked, px, fee if kind == "CAPITALIZE" else Fraction(0), picks)
        self.traded(p, i, qty, px)
        if kind and kind != "CAPITALIZE":
            p.fees += fee
        if kind in {"EXPENSE", "HELD"} or (kind == "CAPITALIZE" and not i.margin):
            p.cash -= fee
        if kind == "BASE" and i.margin:
            p.cash -= fee

    def is_clear(self, p: Held, qty: Fraction, e: Event) -> bool:
        held = p.qty
        closing = min(abs(qty), abs(held)) if held * qty < 0 else Fraction(0)
        i = self.instruments[e["instrument"]]
        return not closing or self.spec_allows(p, closing, [(key, Fraction(n, 10**i.qty_digits)) for key, n in e.get("picks", ())])

    def transfer(self, e: Event, p: Held, i: Instrument, qty: Fraction) -> None:
        to = self.held(e["other_account"], i.row)
        sign = 1 if p.qty > 0 else -1
        if not 0 < qty <= abs(p.qty) or to.qty * sign < 0:
            raise Refuse
        rate, fee = Fraction(e.get("fee_px", 0), 10**i.px_digits), Fraction(e.get("fee", 0), 10**i.qty_digits)
        if fee and qty + fee > p.qty:
            raise Refuse
        for lot, k, cost in self.take(p, qty, None):
            self.add(to, Lot(lot.seq, lot.key, sign * k, cost, lot.rank))
        if fee:
            self.traded(p, i, -fee, rate)
            self.trade(p, i, e["seq"], e["key"], -fee, rate)
            p.fees += i.value(fee, rate)
            p.cash -= i.value(fee, rate)

    def spin_off(self, e: Event, p: Held, i: Instrument) -> None:
        child = self.instruments[e["other_instrument"]]
        c = self.held(e.get("account", 0), child.row)
        if c.qty * p.qty < 0:
            raise Refuse
        for lot in p.lots:
            cost = lot.cost * Fraction(*e["share"])
            units = lot.qty * Fraction(*e["ratio"]) * Fraction(10**i.qty_digits, 10**child.qty_digits)
            lot.cost -= cost
            self.add(c, Lot(lot.seq, lot.key, units, cost, cost / units))
            lot.rank = lot.cost / lot.qty

    def cash(self, account: int, instrument: int) -> Fraction:
        """What the account has received for a position."""
        p, i = self.held(account, instrument), self.instruments[instrument]
        return p.cash + (p.settled if i.daily else p.realized if i.margin else 0)


class Journal:
    """What came, in order of arrival; resolved and booked from the start each time that somebody looks."""

    def __init__(self, method: str, instruments: list[Instrument], money_digits: int) -> None:
        self.method, self.instruments, self.money_digits = method, instruments, money_digits
        self.events: list[Event] = []

    def surviving(self) -> list[Event]:
        """The events without busts and corrections, each with the content in force, in sequence order."""
        roots: dict[int, int] = {}
        content: dict[int, Event] = {}
        busted: set[int] = set()
        waiting: list[Event] = []

        def act(e: Event) -> None:
            root = roots[e["ref_key"]]
            if e.get("key"):
                roots[e["key"]] = root
            if e["kind"] == "BUST":
                busted.add(root)
            elif root not in busted:
                content[root] = correct(content[root], e)

        def settle(key: int) -> None:
            for e in [w for w in waiting if w["ref_key"] == key]:
                waiting.remove(e)
                act(e)
                settle(e["key"])

        for e in self.events:
            if e["kind"] in {"BUST", "CORRECT"}:
                if e["ref_key"] in roots:
                    act(e)
                    settle(e["key"])
                else:
                    waiting.append(e)
            else:
                roots[e["key"]] = e["key"]
                content[e["key"]] = e
                settle(e["key"])
        return sorted((c for key, c in content.items() if key not in busted), key=lambda c: c["seq"])

    def book(self) -> Book:
        """Book what survives; what can no longer be booked is left out."""
        book = Book(self.method, self.instruments, self.money_digits)
        for e in self.surviving():
            try:
                book.book(e)
            except Refuse:
                book.held(e.get("account", 0), e["instrument"]).skipped += 1
        return book


def correct(e: Event, c: Event) -> Event:
    """The content of an event after a correction."""
    names, out = set(c["given"].split("|")), dict(e)
    size = abs(c["qty"]) if "QTY" in names else abs(e["qty"])
    positive = c["qty"] >= 0 if "SIDE" in names else e["qty"] >= 0
    out["qty"] = size if positive else -size
    if "PX" in names:
        out["px"] = c["px"]
    if "FEE" in names:
        out |= {"fee": c["fee"], "fee_kind": c["fee_kind"]}
    return out
