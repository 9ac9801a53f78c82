"""Books a case of an event file with the engine's own ledger and says what came of it.

    Case ──▶ Ledger (core): every event in order, busts and corrections as they come ──▶ timeline
                │
                └─replay──▶ a second ledger: what survives, without busts ──▶ closings, variation margin; its positions must equal those of the first
                └─replay──▶ a third one at the money digits of the file ──▶ rounded

Memory is allocated here, as much as the case needs, and handed to the ledgers. All arithmetic on positions is core's; here are only names, scales and sums.
What can fail: ``UsageError`` for what a file says wrongly, ``Refused`` for an event that the ledger refuses (the message names it and what to do).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ringfence.core.errors import CoreError
from ringfence.core.ledger import Booking, Ledger, LedgerError, Limits, Position, bytes_needed
from ringfence.tools.errors import Refused, UsageError
from ringfence.tools.ledger_case import CASH_KINDS, METHODS, MONEY_DIGITS_MAX, Case, Entry, Instrument, scaled
from ringfence.tools.ledger_numbers import Amount, decimals, exact

FX_MAX = 10**18
"""Mantissas of rates are 64-bit."""
POOL = "pool"
TRADES = frozenset({"FILL", "BUST", "CORRECT"})


@dataclass
class Booked:
    """A case in a ledger: the ledger, the case, and how rows are called."""

    case: Case
    ledger: Ledger
    accounts: dict[str, int]
    assets: dict[str, int]
    timeline: list[list[object]]
    conflicts: list[int]
    held: list[int]


def _limits(case: Case) -> Limits:
    accounts = {e.account for e in case.entries} | {e.to_account for e in case.entries}
    events = len(case.entries) + 1
    positions = (len(accounts) + 1) * (len(case.instruments) + 1)
    return Limits(
        instruments=len(case.instruments) + 1,
        positions=positions,
        lots=positions + events * (2 + len(accounts)) + 1,
        events=events,
        picks=sum(len(e.picks) for e in case.entries) + 1,
        checkpoints=events // 16 + 2,
    )


def _ledger(case: Case, method: str, assets: dict[str, int], *, rounded: bool = False) -> Ledger:
    limits = _limits(case)
    ledger = Ledger(bytearray(bytes_needed(limits)), limits, method=method)
    for i in case.instruments.values():
        mantissa = int(i.multiplier * 10**i.multiplier_digits)
        try:
            ledger.define(
                i.row,
                qty_digits=i.qty_digits,
                px_digits=i.px_digits,
                money_digits=i.money_dp if rounded else i.money_digits,
                multiplier=(mantissa, i.multiplier_digits),
                settle_asset=assets[i.settle],
                base_asset=assets[i.base],
                inverse=i.inverse,
                margin=i.margin,
                daily=i.daily,
            )
        except CoreError as error:
            raise UsageError(f"{case.source}: instrument {i.name}: {error}") from None
    return ledger


def _fx(case: Case, e: Entry) -> tuple[int, int]:
    """Rate of an event as mantissa and digits; (0, 0) when it is not known or nobody asks."""
    rate = e.fx
    if rate is None and e.instrument is not None and e.instrument.settle == case.reporting:
        rate = Fraction(1)
    if not case.reporting or rate is None:
        return 0, 0
    digits = 0
    while (rate * 10**digits).denominator != 1 and abs(rate) * 10 ** (digits + 1) < FX_MAX:
        digits += 1
    return scaled(rate, digits), digits


def _ratio(value: Fraction | None) -> tuple[int, int]:
    return (0, 0) if value is None else (value.numerator, value.denominator)


def _fee(e: Entry) -> dict[str, Any]:
    """A fee as the ledger takes it."""
    if e.fee is None or e.instrument is None:
        return {}
    i, fee = e.instrument, e.fee
    if fee.kind in {"EXPENSE", "CAPITALIZE"}:
        return {"fee_kind": fee.kind, "fee": scaled(fee.amount, i.money_digits)}
    if fee.kind == "ELSEWHERE":
        return {"fee_kind": fee.kind, "fee": scaled(fee.amount * (fee.rate or 0), i.money_digits)}
    held = fee.instrument or i
    numbers: dict[str, Any] = {"fee_kind": fee.kind, "fee": scaled(fee.amount, held.qty_digits)}
    if fee.rate is not None:
        numbers["fee_px"] = scaled(fee.rate, held.px_digits)
    if fee.kind == "HELD":
        numbers["other_instrument"] = held.row
    return numbers


def _book(booked: Booked, e: Entry, seq: int) -> Booking:
    """Book one event of a file."""
    case, i = booked.case, e.instrument
    numbers: dict[str, Any] = {"seq": seq, "key": case.identity(e), "content": case.content(e)}
    if e.kind in {"BUST", "CORRECT"}:
        numbers["ref_key"] = case.key_of(e.ref)
    if i is not None and e.kind != "BUST":
        fx, fx_digits = _fx(case, e)
        numbers |= {
            "instrument": i.row,
            "account": booked.accounts[e.account],
            "ratio": _ratio(e.ratio),
            "share": _ratio(e.share),
            "fx": fx,
            "fx_digits": fx_digits,
        }
        if e.qty is not None:
            numbers["qty"] = scaled(e.qty, i.qty_digits) * (-1 if e.side < 0 else 1)
        if e.px is not None:
            numbers["px"] = scaled(e.px, i.px_digits)
        if e.amount is not None:
            numbers["amount"] = scaled(e.amount, i.money_digits)
        if e.other is not None:
            numbers["other_instrument"] = e.other.row
        if e.to_account:
            numbers["other_account"] = booked.accounts[e.to_account]
        if e.kind == "SPLIT":
            numbers["qty"] = 10 ** (i.qty_digits - i.qty_dp)
        numbers["picks"] = [(case.key_of(name), scaled(qty, i.qty_digits)) for name, qty in e.picks]
        numbers |= _fee(e)
    if e.kind == "CORRECT":
        present = {"QTY": e.qty is not None, "SIDE": e.side != 0, "PX": e.px is not None, "FEE": e.fee is not None, "FX": e.fx is not None}
        present["PICKS"] = bool(e.picks)
        numbers["given"] = "|".join(name for name, there in present.items() if there)
        if e.qty is None:
            numbers["qty"] = e.side
    if e.kind in {"TRANSFER"}:
        numbers.pop("fee_kind", None)
    try:
        return booked.ledger.book(e.kind, **numbers)
    except LedgerError as error:
        where = f"{case.source}: event {e.seq} ({e.id}), {e.kind.lower().replace('_', ' ')}" + (f" of {i.name}" if i else "")
        raise Refused(f"{where} is refused: {str(error).partition(': ')[2]}") from None
    except OverflowError:
        raise Refused(f"{case.source}: event {e.seq} ({e.id}) is refused: a ratio or rate needs more than 64 bits; write it with fewer digits") from None


def book(case: Case, method: str) -> Booked:
    """Book all events of a case by a method.

    Raises
    ------
    Refused
        If the ledger refuses an event; the message names it.
    UsageError
        If there is no such method.
    """
    if method not in METHODS:
        raise UsageError(f"--method was {method!r}; allowed: {', '.join(METHODS)}")
    names = sorted({e.account for e in case.entries} | {e.to_account for e in case.entries if e.to_account})
    assets = {a: n for n, a in enumerate(sorted({i.settle for i in case.instruments.values()} | {i.base for i in case.instruments.values()}), 1)}
    booked = Booked(case, _ledger(case, method, assets), {name: n for n, name in enumerate(names, 1)}, assets, [], [], [])
    timed = _has_timeline(case)
    for at, e in enumerate(case.entries, 1):
        if e.kind in CASH_KINDS or e.kind == "MARK":
            continue
        answer = _book(booked, e, at)
        if answer.result == "CONFLICT":
            booked.conflicts.append(e.seq)
        if timed:
            booked.timeline.append([e.seq, *_line(booked)])
    booked.held = [e.seq for e in case.entries if e.kind in {"BUST", "CORRECT"} and booked.ledger.event_of(case.key_of(e.ref)) == 0]
    return booked


def _has_timeline(case: Case) -> bool:
    """Whether a case is about the trades of one position."""
    kinds, accounts = {e.kind for e in case.entries} - {"MARK"}, {e.account for e in case.entries if e.kind == "FILL"}
    return kinds <= TRADES and len(case.instruments) == 1 and len(accounts) <= 1 and not any(i.daily for i in case.instruments.values())


def _line(booked: Booked) -> list[object]:
    """Quantity, unit cost and realized of the one position of a case that has a timeline."""
    rows = booked.ledger.positions()
    if not rows:
        return ["0", None, "0"]
    p = rows[0]
    i = _instrument(booked, p)
    return [exact(Fraction(p.qty, 10**i.qty_digits)), _unit_cost(i, p.qty, p.cost), _money(i, p.realized).text()]


def _instrument(booked: Booked, p: Position) -> Instrument:
    return list(booked.case.instruments.values())[p.instrument - 1]


def _money(i: Instrument, raw: int) -> Amount:
    return Amount(raw, i.money_digits, max(i.natural, i.money_dp) if not i.inverse else i.money_dp)


def _unit_cost(i: Instrument, qty: int, cost: int) -> str | None:
    """Price that a quantity cost on average; None when flat or, of an inverse contract, without cost."""
    if qty == 0 or (i.inverse and cost == 0):
        return None
    units = Fraction(qty, 10**i.qty_digits) * i.multiplier
    amount = Amount(cost, i.money_digits, 0) if i.inverse else _money(i, cost)
    return amount.under(-units) if i.inverse else amount.over(units)


@dataclass
class Totals:
    """Sums over the positions of a case; None where a mark or rate is missing."""

    realized: Amount
    fees: Amount
    funding: Amount
    income: Amount
    unrealized: Amount | None


ZERO = Amount(0, 0, 0)


class Report:
    """The object that ``ringfence ledger book`` prints for one case and method."""

    def __init__(self, booked: Booked) -> None:
        self.booked, self.case = booked, booked.case
        self.ledger = booked.ledger
        self.account_names = {n: name for name, n in booked.accounts.items()}
        self.by_seq = {at: e for at, e in enumerate(self.case.entries, 1)}
        self.fees_known = True
        self.corrections = [e for e in self.case.entries if e.kind == "CORRECT"]
        method = booked.ledger.positions()[0].method if booked.ledger.positions() else METHODS[0]
        self.method = method
        self.again = _ledger(self.case, method, booked.assets)
        self.replayed = self.ledger.replay(self.again)
        self._compare()

    def _compare(self) -> None:
        """What busts and corrections left must be what a replay without them gives."""
        again = {(p.account, p.instrument): p for p in self.again.positions()}
        for p in self.ledger.positions():
            other = again.get((p.account, p.instrument))
            figures = (p.qty, p.cost, p.realized, p.fees, p.cash)
            if figures != ((other.qty, other.cost, other.realized, other.fees, other.cash) if other else (0, 0, 0, 0, 0)) and not p.skipped:
                raise Refused(f"{self.case.source}: position {p.row} after busts differs from a replay without them; this is a defect, report it with the file")

    def name(self, p: Position) -> str:
        return f"{self.account_names[p.account]}|{_instrument(self.booked, p).name}"

    def unrealized(self, p: Position) -> Amount | None:
        i = _instrument(self.booked, p)
        if p.qty == 0:
            return ZERO
        if i.name not in self.case.marks:
            return None
        try:
            return _money(i, self.ledger.unrealized(p.row, scaled(self.case.marks[i.name], i.px_digits)))
        except LedgerError as error:
            raise UsageError(f"{self.case.source}: marks.px: {i.name}: {error}") from None

    def position(self, p: Position) -> dict[str, Any]:
        """The figures of one position."""
        i = _instrument(self.booked, p)
        unrealized = self.unrealized(p)
        body: dict[str, Any] = {
            "qty": exact(Fraction(p.qty, 10**i.qty_digits)),
            "unit_cost": _unit_cost(i, p.qty, p.cost),
            "cost": _money(i, p.cost).text(),
            "realized_gross": _money(i, p.realized).text(),
            "lots": [self._lot(i, lot) for lot in self.ledger.lots(p.row)],
            "unrealized": None if unrealized is None else unrealized.text(),
        }
        return body | (self._base(p, i) if self.case.reporting else {})

    def _lot(self, i: Instrument, lot: Any) -> dict[str, Any]:
        pooled = self.method == "WAC"
        entry = self.by_seq[lot.seq]
        return {
            "id": POOL if pooled else entry.id,
            "qty": exact(Fraction(lot.qty, 10**i.qty_digits)),
            "px": _unit_cost(i, lot.qty, lot.cost),
            "seq": None if pooled else entry.seq,
        }

    def _base(self, p: Position, i: Instrument) -> dict[str, Any]:
        """Figures in the reporting currency; none when a rate was missing."""
        if not p.base_known:
            return dict.fromkeys(("realized_base", "realized_base_price_part", "realized_base_fx_part", "cost_base", "unrealized_base"))
        unrealized = self._unrealized_base(p, i)

        def amount(raw: int) -> Amount:
            return Amount(raw, i.money_digits, min(self._base_natural(i), i.money_digits))

        return {
            "realized_base": amount(p.realized_base).text(),
            "realized_base_price_part": amount(p.realized_base - p.realized_fx).text(),
            "realized_base_fx_part": amount(p.realized_fx).text(),
            "cost_base": amount(p.cost_base).text(),
            "unrealized_base": None if unrealized is None else amount(scaled(unrealized, i.money_digits)).text(),
        }

    def _base_natural(self, i: Instrument) -> int:
        """Decimals of a value of an instrument times a rate of the file."""
        rates = [e.fx for e in self.case.entries if e.fx is not None] + list(self.case.fx_marks.values())
        return i.natural + max([decimals(rate) or 0 for rate in rates], default=0)

    def _unrealized_base(self, p: Position, i: Instrument) -> Fraction | None:
        unrealized = self.unrealized(p)
        if p.qty == 0:
            return Fraction(0)
        if unrealized is None or i.settle not in self.case.fx_marks:
            return None
        value = Fraction(p.cost, 10**i.money_digits) + unrealized.value
        return value * self.case.fx_marks[i.settle] - Fraction(p.cost_base, 10**i.money_digits)

    def totals(self) -> Totals:
        total = Totals(ZERO, ZERO, ZERO, ZERO, ZERO)
        for p in self.ledger.positions():
            i, unrealized = _instrument(self.booked, p), self.unrealized(p)
            total.realized += _money(i, p.realized)
            total.fees += _money(i, p.fees)
            total.funding += _money(i, p.funding)
            total.income += _money(i, p.income)
            total.unrealized = None if total.unrealized is None or unrealized is None else total.unrealized + unrealized
        return total

    def fees(self) -> dict[str, Fraction]:
        """Amounts of fees by asset, of what survives."""
        sums: dict[str, Fraction] = {}
        for row, seq, in_force in self.ledger.survivors():
            if in_force == 0:
                continue
            e = self.by_seq[seq]
            fee = e.fee if in_force == row else self._corrected_fee(e)
            if fee is not None:
                sums[fee.asset] = sums.get(fee.asset, Fraction(0)) + fee.amount
                self.fees_known &= fee.kind != "ELSEWHERE" or fee.rate is not None
        return sums

    def _corrected_fee(self, e: Entry) -> Any:
        """The fee of a fill whose corrections may have changed it: that of the last correction that names one."""
        fee, identities = e.fee, {self.case.identity(e)}
        for c in self.corrections:
            if self.case.key_of(c.ref) in identities:
                identities.add(self.case.identity(c))
                fee = c.fee or fee
        return fee

    def cash(self, fees: dict[str, Fraction]) -> dict[str, str]:
        """Balances by asset: money, what is traded where that is money too, deposits, fees paid in assets without lots."""
        money: dict[str, Amount] = {}
        units: dict[str, Fraction] = {}
        paid_from_lots = set()
        for p in self.ledger.positions():
            i = _instrument(self.booked, p)
            money[i.settle] = money.get(i.settle, ZERO) + _money(i, p.cash)
            if i.moves_base:
                units[i.base] = units.get(i.base, Fraction(0)) + Fraction(p.qty, 10**i.qty_digits)
                paid_from_lots.add(i.base)
        for e in self.case.entries:
            for asset, amount in e.moves:
                units[asset] = units.get(asset, Fraction(0)) + amount
        for asset, amount in fees.items():
            if asset not in money and asset not in paid_from_lots:
                units[asset] = units.get(asset, Fraction(0)) - amount
        texts = {a: m.text() for a, m in money.items() if a not in units}
        for asset, value in units.items():
            texts[asset] = exact(value + money[asset].value) if asset in money and money[asset].on_grid else self._mixed(value, money.get(asset))
        return dict(sorted(texts.items()))

    @staticmethod
    def _mixed(value: Fraction, money: Amount | None) -> str:
        """Units and money of one asset together."""
        if money is None:
            return exact(value)
        return (money + Amount(scaled(value, money.digits), money.digits, 0)).text()

    def total_base(self) -> str | None:
        """All balances and positions at the marks, less deposits at their own rates, in the reporting currency."""
        total, marks = Fraction(0), self.case.fx_marks
        for p in self.ledger.positions():
            i, unrealized = _instrument(self.booked, p), self.unrealized(p)
            if unrealized is None or i.settle not in marks:
                return None
            local = Fraction(p.cash, 10**i.money_digits) + unrealized.value
            if i.daily:
                local += Fraction(p.realized - p.settled, 10**i.money_digits)
            elif not i.margin:
                local += Fraction(p.cost, 10**i.money_digits)
            total += local * marks[i.settle]
        for e in self.case.entries:
            for asset, amount in e.moves:
                # What is converted changes hands at the marks; deposits count at their own rate.
                rate = Fraction(0) if e.kind == "CONVERT" else Fraction(1) if asset == self.case.reporting and e.fx is None else e.fx
                if asset not in marks or rate is None:
                    return None
                total += amount * (marks[asset] - rate)
        digits = min((i.money_digits for i in self.case.instruments.values()), default=MONEY_DIGITS_MAX)
        natural = max((self._base_natural(i) for i in self.case.instruments.values()), default=0)
        return Amount(scaled(total, digits), digits, min(natural, digits)).text()

    def closed(self) -> list[list[object]]:
        """What each close took out of which lot."""
        lines: list[list[object]] = []
        for _, seq, answer in self.replayed:
            for c in answer.closings if answer is not None else ():
                i = _instrument(self.booked, self.again.position(c.position))
                lines.append([self.by_seq[seq].seq, self.by_seq[c.lot_seq].id, exact(Fraction(c.qty, 10**i.qty_digits)), _money(i, c.realized).text()])
        return lines

    def variation_margin(self) -> list[list[object]]:
        """What each settlement paid."""
        lines: list[list[object]] = []
        for _, seq, answer in self.replayed:
            e = self.by_seq[seq]
            if e.kind == "SETTLE" and answer is not None and e.instrument is not None and e.instrument.daily:
                paid = sum(leg.amount for leg in answer.legs if leg.account == "VENUE")
                lines.append([e.seq, _money(e.instrument, paid).text()])
        return lines

    def rounded(self) -> dict[str, Any] | None:
        """The same events with every cost and proceeds rounded to the money digits of the file."""
        coarse = _ledger(self.case, self.method, self.booked.assets, rounded=True)
        lines: list[list[object]] = []
        digits = next(iter(self.case.instruments.values())).money_dp
        for _, seq, answer in self.ledger.replay(coarse):
            if answer is None:
                return None
            if answer.closings:
                lines.append([self.by_seq[seq].seq, exact(Fraction(sum(c.realized for c in answer.closings), 10**digits))])
        realized = sum(p.realized for p in coarse.positions())
        cost = sum(p.cost for p in coarse.positions())
        return {
            "money_dp": digits,
            "realized_per_fill": lines,
            "realized": exact(Fraction(realized, 10**digits)),
            "remaining_cost": exact(Fraction(cost, 10**digits)),
        }

    def build(self) -> dict[str, Any]:
        """Return the whole report, amounts as text."""
        case, kinds = self.case, {e.kind for e in self.case.entries} - {"MARK"}
        totals, fees = self.totals(), self.fees()
        net = totals.realized - totals.fees + totals.funding + totals.income
        total = None if totals.unrealized is None else net + totals.unrealized
        report: dict[str, Any] = {
            "positions": {self.name(p): self.position(p) for p in self.ledger.positions()},
            "fees": {a: exact(v) for a, v in sorted(fees.items())},
            "fees_value": totals.fees.text() if self.fees_known else None,
        }
        if "FUNDING" in kinds:
            report["funding"] = totals.funding.text()
        if kinds & {"INTEREST", "DIVIDEND", "REWARD"}:
            report["income"] = totals.income.text()
        report |= {
            "cash": self.cash(fees),
            "realized_net": net.text() if self.fees_known else None,
            "unrealized": None if totals.unrealized is None else totals.unrealized.text(),
            "total_pnl": None if total is None or not self.fees_known else total.text(),
        }
        if case.reporting:
            report["total_base"] = self.total_base()
        margin = self.variation_margin()
        if margin:
            report["variation_margin"] = margin
        if _has_timeline(case):
            report["timeline"] = self.booked.timeline
        closed = self.closed() if self.method != "WAC" else []
        if closed:
            report["closed"] = closed
        if self._wants_rounded(kinds):
            rounded = self.rounded()
            if rounded is not None:
                report["rounded"] = rounded
        for name, found in (("conflicts", self.booked.conflicts), ("held", self.booked.held)):
            if found:
                report[name] = found
        return report

    def _wants_rounded(self, kinds: set[str]) -> bool:
        if "tags" in self.case.raw:
            return "rounding" in self.case.raw["tags"]
        plain = kinds <= TRADES and not any(e.fee for e in self.case.entries)
        return plain and len(self.case.instruments) == 1 and not any(i.inverse or i.daily for i in self.case.instruments.values())


def report(case: Case, method: str) -> dict[str, Any]:
    """Book a case by a method and return what ``ringfence ledger book`` prints.

    Raises
    ------
    Refused
        If the ledger refuses an event.
    UsageError
        If there is no such method.
    """
    return Report(book(case, method)).build()
