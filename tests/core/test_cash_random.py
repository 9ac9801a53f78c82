"""Balances and the three lines of the result against a slow model in fractions: random fills, fees in a third currency, entries that move money or cost,
busts and changing rates.

The model keeps facts with the rates of their moments and computes everything anew from those that were not busted: every flow of money with its worth then, and
positions by average cost. So busts, recomputations and base figures of the engine are held against a replay that never had what was taken back.
The firm's currency is GBP; instruments settle in USD: a spot pair, a perpetual, a future that is settled every day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS
from ringfence.tools.cash_state import UNIT, balances, results
from ringfence.tools.ledger_state import disagreements

EXAMPLES = 150
LIMITS = Limits(orders=64, executions=256, positions=16, breaks=256, instruments=4, accounts=4, venues=2, strategies=4, routes=4, lots=64, currencies=8)
KIND, INSTRUMENT_KIND = ENUMS["LedgerEventKind"].by_name, ENUMS["InstrumentKind"].by_name
GBP, USD, CHF = 1, 2, 3
CODES = {GBP: "GBP", USD: "USD", CHF: "CHF"}
SPOT, PERPETUAL, FUTURE = 1, 2, 3
TERMS: dict[int, dict[str, Any]] = {SPOT: {}, PERPETUAL: {"kind": INSTRUMENT_KIND["PERPETUAL"]}, FUTURE: {"kind": INSTRUMENT_KIND["FUTURE"], "daily": 1}}
NEAR = Fraction(1, 10**12)
"""The engine rounds shares of cost and products with rates, each by half of 10^-18; the model does not."""
Owner = tuple[int, int, int]
CENT = Fraction(1, 100)

AMOUNT, PX = st.integers(1, 5000), st.integers(90, 110)
RATE = st.sampled_from([500_000_000, 730_000_001, 800_000_000, 1_250_000_000, 1_111_111_111])
FEE = st.one_of(st.none(), st.tuples(st.sampled_from([USD, CHF]), st.integers(-20, 90).filter(bool)))
OWNER = st.tuples(st.integers(1, 2), st.sampled_from(list(TERMS)))
STEP = st.one_of(
    st.tuples(st.just("FILL"), OWNER, st.sampled_from([-7, -4, -3, 2, 5, 8]), PX, FEE),
    st.tuples(st.just("FILL"), OWNER, st.sampled_from([-7, -4, -3, 2, 5, 8]), PX, FEE),
    st.tuples(st.sampled_from(["DEPOSIT", "WITHDRAWAL"]), st.sampled_from(list(CODES)), AMOUNT),
    st.tuples(st.just("CONVERSION"), st.permutations(list(CODES)), AMOUNT, AMOUNT),
    st.tuples(st.just("CROSS"), OWNER, st.integers(1, 9), PX),
    st.tuples(st.just("FUNDING"), OWNER, AMOUNT),
    st.tuples(st.just("RETURN_OF_CAPITAL"), st.tuples(st.integers(1, 2), st.sampled_from([SPOT])), st.integers(1, 9)),
    st.tuples(st.just("TRANSFER"), OWNER, st.integers(1, 5)),
    st.tuples(st.just("SETTLE"), st.tuples(st.integers(1, 2), st.just(FUTURE)), PX),
    st.tuples(st.just("RATE"), st.sampled_from([USD, CHF]), RATE),
    st.tuples(st.just("BUST"), st.integers(0, 40)),
)


@dataclass
class Fact:
    what: str
    args: tuple[Any, ...]
    rates: dict[int, Fraction]
    exec_id: str = ""
    order: int = 0
    busted: bool = False


@dataclass
class Held:
    qty: int = 0
    cost: Fraction = Fraction(0)
    cost_base: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    settled: Fraction = Fraction(0)


@dataclass
class Truth:
    """What a list of facts comes to, computed from nothing."""

    flows: dict[tuple[int, int], list[tuple[Fraction, Fraction]]] = field(default_factory=lambda: defaultdict(list))
    held: dict[Owner, Held] = field(default_factory=lambda: defaultdict(Held))
    price: dict[int, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    fx: dict[int, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    entered: dict[int, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    moved: dict[int, Fraction] = field(default_factory=lambda: defaultdict(Fraction))

    def flow(self, account: int, currency: int, amount: Fraction, base: Fraction) -> None:
        self.flows[account, currency].append((amount, base))

    def trade(self, owner: Owner, size: int, px: Fraction, rate: Fraction) -> None:
        p, spot = self.held[owner], owner[2] == SPOT
        if spot:
            self.flow(owner[0], USD, -size * px, -size * px * rate)
        closing = 0
        if p.qty * size < 0:
            closing = min(abs(size), abs(p.qty)) * (1 if size > 0 else -1)
            out, out_base = (figure * abs(closing) / abs(p.qty) for figure in (p.cost, p.cost_base))
            gain = -closing * px - out
            p.qty, p.cost, p.cost_base, p.realized = p.qty + closing, p.cost - out, p.cost_base - out_base, p.realized + gain
            if spot:
                self.price[owner[0]] += gain * rate
                self.fx[owner[0]] += -closing * px * rate - out_base - gain * rate
            elif owner[2] == PERPETUAL:
                self.price[owner[0]] += gain * rate
                self.flow(owner[0], USD, gain, gain * rate)
        opening = size - closing
        p.qty, p.cost, p.cost_base = p.qty + opening, p.cost + opening * px, p.cost_base + opening * px * rate

    def transfer(self, owner: Owner, qty: int) -> None:
        one, other = self.held[owner], self.held[2, owner[1], owner[2]]
        moved = qty if one.qty > 0 else -qty
        if qty > abs(one.qty) or other.qty * moved < 0:
            return
        cost, base = (figure * qty / abs(one.qty) for figure in (one.cost, one.cost_base))
        one.qty, one.cost, one.cost_base = one.qty - moved, one.cost - cost, one.cost_base - base
        other.qty, other.cost, other.cost_base = other.qty + moved, other.cost + cost, other.cost_base + base
        if owner[2] == SPOT:
            self.moved[owner[0]] -= base
            self.moved[2] += base

    def take(self, f: Fact) -> None:
        rate = f.rates[USD]
        if f.what in ("DEPOSIT", "WITHDRAWAL"):
            amount = f.args[1] * CENT * (1 if f.what == "DEPOSIT" else -1)
            self.flow(1, f.args[0], amount, amount * f.rates[f.args[0]])
            self.entered[1] += amount * f.rates[f.args[0]]
            return
        if f.what == "CONVERSION":
            (sold, bought, _), out, got = f.args[0], f.args[1] * CENT, f.args[2] * CENT
            worth = got if bought == GBP else out * f.rates[sold]
            self.flow(1, sold, -out, -worth)
            self.flow(1, bought, got, worth)
            return
        owner: Owner = (1, *f.args[0])
        p = self.held[owner]
        if f.what == "FILL":
            self.trade(owner, f.args[1], f.args[2] * CENT, rate)
            if f.args[3]:
                currency, fee = f.args[3][0], f.args[3][1] * CENT
                self.flow(1, currency, -fee, -fee * f.rates[currency])
                self.price[1] -= fee * f.rates[currency]
        elif f.what == "CROSS":
            self.trade(owner, -f.args[1], f.args[2] * CENT, rate)
            self.trade((1, 3 - owner[1], owner[2]), f.args[1], f.args[2] * CENT, rate)
        elif f.what == "FUNDING":
            self.flow(1, USD, f.args[1] * CENT, f.args[1] * CENT * rate)
            self.price[1] += f.args[1] * CENT * rate
        elif f.what == "RETURN_OF_CAPITAL":
            paid = p.qty * f.args[1] * CENT
            p.cost, p.cost_base = p.cost - paid, p.cost_base - paid * rate
            self.flow(1, USD, paid, paid * rate)
        elif f.what == "TRANSFER":
            self.transfer(owner, f.args[1])
        elif f.what == "SETTLE":
            due = p.realized + p.qty * f.args[1] * CENT - p.cost
            self.flow(1, USD, due - p.settled, (due - p.settled) * rate)
            self.price[1] += (due - p.settled) * rate
            p.settled = due

    def lines(self, account: int, mark: Fraction, rates: dict[int, Fraction]) -> tuple[Fraction, Fraction, Fraction]:
        price, fx = self.price[account], self.fx[account]
        for (of, _, instrument), p in self.held.items():
            if of != account:
                continue
            open_gain = p.qty * mark - p.cost
            if instrument == FUTURE:
                open_gain += p.realized - p.settled
            price += open_gain * rates[USD]
            if instrument == SPOT:
                fx += p.cost * rates[USD] - p.cost_base
        cash = sum((a * rates[c] - b for (of, c), flows in self.flows.items() if of == account for a, b in flows), Fraction(0))
        return price, fx, cash

    def equity(self, account: int, mark: Fraction, rates: dict[int, Fraction]) -> Fraction:
        worth = sum((a * rates[c] for (of, c), flows in self.flows.items() if of == account for a, _ in flows), Fraction(0))
        for (of, _, instrument), p in self.held.items():
            if of == account:
                open_worth = p.qty * mark if instrument == SPOT else p.qty * mark - p.cost
                worth += (open_worth + (p.realized - p.settled if instrument == FUTURE else 0)) * rates[USD]
        return worth


class Told:
    """A machine, the facts that it was told, and the rates of now."""

    def __init__(self, make_machine: Callable[..., Any]) -> None:
        self.m = m = make_machine(LIMITS)
        m.control("DEFINE_ACCOUNT", body=m.record("Account", id=2, name="other", code="ACC2", status=1))
        self.rates: dict[int, Fraction] = {}
        for currency, rate in ((GBP, 10**9), (USD, 800_000_000), (CHF, 900_000_000)):
            self.rate(currency, rate)
        for row, terms in TERMS.items():
            m.instrument(row, f"X{row}USD", **terms)
        self.facts: list[Fact] = []
        for strategy in (1, 2):
            for instrument in TERMS:  # an entry needs a position: all are there, and flat
                for size in (1, -1):
                    self.tell(Fact("FILL", ((strategy, instrument), size, 100, None), dict(self.rates)))

    def rate(self, currency: int, rate: int) -> None:
        self.m.currency(CODES[currency], currency, rate)
        self.rates[currency] = Fraction(rate, 10**9)

    def tell(self, f: Fact) -> None:
        m, number = self.m, len(self.facts) + 1
        if f.what == "FILL":
            (strategy, instrument), size, px, fee = f.args
            f.order, f.exec_id = int(m.status["order_count"]) + 1, f"E{number}"
            m.new(number, strategy=strategy, instrument=instrument, qty=abs(size), px=px, side=1 if size > 0 else 2)
            said = {"commission": fee[1], "comm_digits": 2, "comm_type": 3, "comm_currency": CODES[fee[0]]} if fee else {}
            m.fill(abs(size), px=px, exec_id=f.exec_id, order=f.order, **said)
            self.facts.append(f)
        elif self.entry(f"R{number}", f.what, **self.fields(f)):
            f.exec_id = f"R{number}"
            self.facts.append(f)

    @staticmethod
    def fields(f: Fact) -> dict[str, int]:
        if f.what in ("DEPOSIT", "WITHDRAWAL"):
            return {"account": 1, "other": f.args[0], "amount": f.args[1], "amount_digits": 2}
        if f.what == "CONVERSION":
            sold, bought, _ = f.args[0]
            return {"account": 1, "other": sold, "other_strategy": bought, "amount": f.args[1], "qty": f.args[2], "amount_digits": 2}
        strategy, instrument = f.args[0]
        rest = {
            "CROSS": lambda: {"qty": f.args[1], "px": f.args[2], "other_strategy": 3 - strategy},
            "FUNDING": lambda: {"amount": f.args[1], "amount_digits": 2},
            "TRANSFER": lambda: {"qty": f.args[1], "other": 2, "other_strategy": strategy},
        }.get(f.what, lambda: {"px": f.args[1]})
        return {"account": 1, "strategy": strategy, "instrument": instrument} | rest()

    def entry(self, reference: str, kind: str, **fields: int) -> bool:
        before = int(self.m.status["controls_refused"])
        self.m.control("BOOK_ENTRY", body=self.m.record("LedgerEntry", kind=KIND[kind], reference=reference, **fields))
        return int(self.m.status["controls_refused"]) == before

    def bust(self, f: Fact) -> None:
        if f.busted:
            return
        f.busted = True
        if f.what == "FILL":
            self.m.event("BUST", f.order, exec_id=f"B{f.exec_id}", exec_ref_id=f.exec_id)
        else:
            assert self.entry(f.exec_id, "BUST")

    def truth(self) -> Truth:
        out = Truth()
        for f in self.facts:
            if not f.busted:
                out.take(f)
        return out


def near(found: Any, right: Fraction) -> bool:
    return found is not None and abs(Fraction(found) - right) < NEAR


def test_balances_and_lines_are_those_of_a_replay_in_fractions(make_machine: Callable[..., Any]) -> None:
    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.lists(STEP, min_size=3, max_size=25), PX)
    def one(steps: list[Any], px: int) -> None:
        told = Told(make_machine)
        for step in steps:
            if step[0] == "RATE":
                told.rate(step[1], step[2])
            elif step[0] == "BUST":
                told.bust(told.facts[step[1] % len(told.facts)])
            else:
                told.tell(Fact(step[0], step[1:], dict(told.rates)))
        table, truth, mark = told.m.table, told.truth(), px * CENT
        assert disagreements(table) == []
        for b in balances(table):
            assert near(Fraction(b.balance, UNIT), sum((a for a, _ in truth.flows[b.account, b.currency]), Fraction(0))), (b, CODES[b.currency])
            assert b.base is not None
            assert near(Fraction(b.base, UNIT), sum((base for _, base in truth.flows[b.account, b.currency]), Fraction(0))), (b, CODES[b.currency])
        found = results(table, lambda _instrument, _qty: Fraction(px))
        for account in found:
            right = truth.lines(account, mark, told.rates)
            assert all(near(mine, theirs) for mine, theirs in zip(found[account], right, strict=True)), (found[account], right)
            made = truth.equity(account, mark, told.rates) - truth.entered[account] - truth.moved[account]
            assert near(sum(part for part in found[account] if part is not None), made), "equity less deposits is the three lines"
        assert told.m.replayed().replayer.state_hash() == told.m.replayer.state_hash()

    one()


def test_missing_rate_gives_no_number(make_machine: Callable[..., Any]) -> None:
    told = Told(make_machine)
    told.tell(Fact("DEPOSIT", (CHF, 500), dict(told.rates)))
    told.tell(Fact("FILL", ((1, SPOT), 5, 100, None), dict(told.rates)))
    told.m.currency("CHF", CHF, 0)
    told.rates[CHF] = Fraction(0)
    assert results(told.m.table, lambda _instrument, _qty: Fraction(100))[1][2] is None, "there is no rate of now"
    told.m.currency("CHF", CHF, 900_000_000)
    lines = results(told.m.table, lambda _instrument, _qty: Fraction(100))[1]
    assert None not in lines
    assert results(told.m.table, lambda _instrument, _qty: None)[1][:2] == (None, None), "there is no mark"
    told.m.currency("USD", USD, 0)
    told.tell(Fact("FILL", ((1, SPOT), 5, 100, None), dict(told.rates)))
    told.m.currency("USD", USD, 800_000_000)
    lines = results(told.m.table, lambda _instrument, _qty: Fraction(100))[1]
    assert lines == (None, None, None), "there was none when it was bought"
