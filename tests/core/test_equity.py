"""Equity and FREE_MARGIN: random lives of two accounts against a slow model in fractions, the rule at its limit and beyond, withdrawals, missing rates.

The model knows trades, fees, entries and balances as they were told and values them anew at every step; the engine keeps differences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS

from .test_entries import entry

DOLLAR = 10_000
KIND = ENUMS["InstrumentKind"].by_name
METHOD = ENUMS["LedgerMethod"].by_name
LIMITS = Limits(orders=128, executions=512, positions=16, breaks=256, instruments=8, accounts=4, venues=2, strategies=4, routes=4, lots=128, scopes=64)
RATES = {1: Fraction(1), 2: Fraction(5, 4), 3: Fraction(40_000)}  # USD, the firm's; EUR; BTC
QUOTE = {1: 1, 2: 2, 3: 1, 4: 3}  # settlement currency of each instrument
MARGINED, INVERSE = (3, 4), 4
SYMBOL = {1: "EURUSD", 2: "SAP", 3: "ESZ", 4: "BTCUSD"}
CODES = {1: "USD", 2: "EUR", 3: "BTC"}
SKIPPED = 4  # POSITION_SKIPPED of core/ledger_recompute
MULTIPLIER = {1: 1, 2: 1, 3: 5, 4: 100}


# ---- the world -----------------------------------------------------------------------------------------------------------------------


def firm(make_machine: Callable[..., Any]) -> Any:
    """Two accounts of one broker, a spot pair, an equity in EUR, a linear and an inverse perpetual, all with two price digits and whole quantities."""
    m = make_machine(LIMITS)
    for row, rate in RATES.items():
        m.currency(CODES[row], row, int(rate * 10**9))
    m.control("DEFINE_BROKER", body=m.record("Broker", id=1, name="broker", status=1))
    for row, method in ((1, "FIFO"), (2, "WAC")):
        body = m.record("Account", id=row, name=f"a{row}", code=f"ACC{row}", status=1, broker=1, method=METHOD[method])
        m.control("DEFINE_ACCOUNT", body=body)
    define(m, 1, "FX_SPOT", "EUR", "USD")
    define(m, 2, "EQUITY", "", "EUR")
    define(m, 3, "PERPETUAL", "", "USD")
    define(m, 4, "PERPETUAL", "BTC", "USD", inverse=1)
    m.control("DEFINE_ROUTE", body=m.record("Route", id=2, account=2, venue=1, status=1))
    for instrument in SYMBOL:
        m.mark(100, 100, instrument=instrument)
    return m


def define(m: Any, row: int, kind: str, base: str, quote: str, **fields: int) -> None:
    values = {"tick": 1, "lot": 1, "qty_max": 10**12, "multiplier": MULTIPLIER[row], "price_digits": 2, "status": 1, "kind": KIND[kind]} | fields
    m.control("DEFINE_INSTRUMENT", body=m.record("Instrument", id=row, symbol=SYMBOL[row], base=base, quote=quote, **values))


def equity(m: Any, kind: str = "ACCOUNT", a: int = 1) -> int:
    return int(m.scope(kind, a)["equity"])


@dataclass
class Fact:
    """What was told: a trade, an entry with a position, or money."""

    account: int
    strategy: int = 0
    instrument: int = 0
    qty: int = 0
    px: int = 0
    cash: dict[int, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    reference: str = ""
    busted: bool = False


class Model:
    """Facts, marks and rates; equity is worked out from nothing else."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.marks = dict.fromkeys(SYMBOL, 100)
        self.rates = dict(RATES)

    def value(self, instrument: int, qty: int, px: int) -> Fraction:
        """Worth of a quantity at a price in its settlement currency; of an inverse contract with the sign of a debt."""
        if instrument == INVERSE:
            return -Fraction(qty * MULTIPLIER[instrument] * 100, px)
        return Fraction(qty * px * MULTIPLIER[instrument], 100)

    def held(self, account: int, strategy: int, instrument: int) -> int:
        of = (account, strategy, instrument)
        return sum(f.qty for f in self.facts if not f.busted and (f.account, f.strategy, f.instrument) == of)

    def equity(self, account: int) -> Fraction:
        total = Fraction(0)
        for f in self.facts:
            if f.busted or f.account != account:
                continue
            total += sum((amount * self.rates[currency] for currency, amount in f.cash.items()), Fraction(0))
            if f.qty:
                moved = Fraction(0) if f.px < 0 else self.value(f.instrument, f.qty, f.px)
                total += (self.value(f.instrument, f.qty, self.marks[f.instrument]) - moved) * self.rates[QUOTE[f.instrument]]
        return total * DOLLAR


# ---- random lives --------------------------------------------------------------------------------------------------------------------

ACCOUNT, STRATEGY, INSTRUMENT = st.integers(1, 2), st.integers(1, 2), st.integers(1, 4)
SIZE, PX, REF = st.sampled_from([-7, -4, -3, 2, 5, 8]), st.integers(80, 125), st.integers(0, 40)
FILL = st.tuples(st.just("fill"), ACCOUNT, STRATEGY, INSTRUMENT, SIZE, PX, st.sampled_from([None, 0, 1, 3]), st.integers(1, 3))
STEPS = st.lists(
    st.one_of(
        FILL,
        FILL,
        FILL,
        st.tuples(st.just("mark"), INSTRUMENT, PX),
        st.tuples(st.just("rate"), st.integers(2, 3), st.integers(1, 4 * 10**10)),
        st.tuples(st.just("money"), ACCOUNT, st.sampled_from(["DEPOSIT", "WITHDRAWAL", "CONVERSION"]), st.integers(1, 3), st.integers(1, 500_000)),
        st.tuples(st.just("income"), ACCOUNT, STRATEGY, INSTRUMENT, st.sampled_from(["FUNDING", "DIVIDEND", "INTEREST"]), st.integers(-900, 900).filter(bool)),
        st.tuples(st.just("transfer"), ACCOUNT, STRATEGY, st.integers(1, 2), st.integers(1, 9)),
        st.tuples(st.just("cross"), ACCOUNT, STRATEGY, INSTRUMENT, st.integers(1, 9), PX),
        st.tuples(st.just("bust"), REF),
        st.tuples(st.just("correct"), REF, st.integers(1, 9), PX),
        st.tuples(st.just("day"), st.integers(0, 3)),
    ),
    min_size=4,
    max_size=30,
)


class Life:
    """A machine and the model of it, told the same."""

    def __init__(self, m: Any) -> None:
        self.m, self.model, self.newest, self.orders = m, Model(), {}, {}
        self.days, self.over = 0, False
        m.limit("FREE_MARGIN", 10**9)
        m.limit("MARGIN_RATE", 1)
        for account in (1, 2):
            self.money(account, "DEPOSIT", 1, 10**13)

    def step(self, what: str, *said: Any) -> None:
        getattr(self, what)(*said)
        if (self.m.table("ledger_positions")["flags"] & SKIPPED).any():  # a transfer of what was busted since: no model knows what then happened
            self.over = True
            return
        found = {account: equity(self.m, a=account) for account in (1, 2)}
        rows = int(self.m.status["position_count"]) + int(self.m.status["cash_count"])
        for account, value in found.items():
            assert abs(value - self.model.equity(account)) <= Fraction(51, 100) * rows, f"account {account} after {what} {said}"
        assert equity(self.m, "BROKER") == equity(self.m, "FIRM", 0) == sum(found.values())
        assert int(self.m.scope("FIRM")["unvalued"]) == int(self.m.scope("FIRM")["untold"]) == 0

    def take(self, fact: Fact, kind: str, **fields: Any) -> bool:
        fact.reference = f"R{len(self.model.facts)}"
        if entry(self.m, kind, fact.reference, account=fact.account, **fields):
            return False
        self.model.facts.append(fact)
        return True

    def fill(self, account: int, strategy: int, instrument: int, size: int, px: int, fee: int | None, currency: int) -> None:
        n = int(self.m.status["order_count"]) + 1
        if n >= LIMITS.orders:
            return
        side = 1 if size > 0 else 2
        self.m.new(n, account=account, strategy=strategy, instrument=instrument, qty=abs(size), px=px, side=side)
        assert self.m.told()[-1] == "ACCEPTED"
        paid = {} if fee is None else {"commission": fee, "comm_digits": 2, "comm_type": 3, "comm_currency": CODES[currency]}
        self.m.fill(abs(size), px=px, exec_id=f"E{n}", order=n, symbol=SYMBOL[instrument], side=side, **paid)
        fact = Fact(account, strategy, instrument, size, px)
        fact.cash[currency] -= Fraction(fee or 0, 100)
        self.newest[id(fact)], self.orders[id(fact)] = f"E{n}", n
        self.model.facts.append(fact)

    def mark(self, instrument: int, px: int) -> None:
        self.m.mark(px, px, instrument=instrument)
        self.model.marks[instrument] = px

    def rate(self, currency: int, rate: int) -> None:
        self.m.currency(CODES[currency], currency, rate)
        self.model.rates[currency] = Fraction(rate, 10**9)

    def money(self, account: int, kind: str, currency: int, cents: int) -> None:
        fact, other = Fact(account), currency % 3 + 1
        if kind == "CONVERSION":
            fact.cash[other] += Fraction(cents, 200)
            extra = {"qty": cents * 50, "other_strategy": other, "amount_digits": 4, "amount": cents * 100}
        else:
            extra = {"amount_digits": 2, "amount": cents}
        fact.cash[currency] += Fraction(cents if kind == "DEPOSIT" else -cents, 100)
        self.take(fact, kind, other=currency, strategy=0, instrument=0, **extra)

    def income(self, account: int, strategy: int, instrument: int, kind: str, cents: int) -> None:
        fact = Fact(account)
        fact.cash[QUOTE[instrument]] += Fraction(cents, 100)
        self.take(fact, kind, strategy=strategy, instrument=instrument, amount=cents, amount_digits=2)

    def transfer(self, account: int, strategy: int, instrument: int, qty: int) -> None:
        """To the other account: units, and no money; what comes back by a bust of it is both."""
        held = self.model.held(account, strategy, instrument)
        out, into = (Fact(a, strategy, instrument, s * (qty if held > 0 else -qty), -1) for a, s in ((account, -1), (3 - account, 1)))
        if self.take(out, "TRANSFER", strategy=strategy, instrument=instrument, qty=qty, other=3 - account, other_strategy=strategy):
            self.beside(out, into)

    def cross(self, account: int, strategy: int, instrument: int, qty: int, px: int) -> None:
        """A trade of two strategies, by one entry."""
        sold, bought = Fact(account, strategy, instrument, -qty, px), Fact(account, 3 - strategy, instrument, qty, px)
        if self.take(sold, "CROSS", strategy=strategy, instrument=instrument, qty=qty, px=px, other_strategy=3 - strategy):
            self.beside(sold, bought)

    def beside(self, first: Fact, second: Fact) -> None:
        """The second half of an entry, which goes with the first."""
        second.reference = f"with {first.reference}"
        self.model.facts.append(second)

    def bust(self, n: int) -> None:
        at = n % len(self.model.facts)
        fact = self.model.facts[max(at, 2)] if len(self.model.facts) > 2 else Fact(1, busted=True)  # the first two are what both accounts live on
        at = max(at, 2)
        if fact.busted or fact.reference.startswith("with"):
            return
        if fact.reference:
            if entry(self.m, "BUST", fact.reference):
                return
            fact.busted = True
            for other in self.model.facts[at + 1 : at + 2]:
                other.busted |= other.reference == f"with {fact.reference}"
            return
        before = int(self.m.status["break_count"])
        self.m.event("BUST", self.orders[id(fact)], exec_id=f"B{self.m.seq}", exec_ref_id=self.newest[id(fact)])
        fact.busted = int(self.m.status["break_count"]) == before

    def correct(self, n: int, qty: int, px: int) -> None:
        fact = self.model.facts[n % len(self.model.facts)]
        if fact.busted or fact.reference:
            return
        newest, before = f"C{self.m.seq}", int(self.m.status["break_count"])
        qty = min(qty, int(self.m.order(self.orders[id(fact)])["qty"]))  # more than the order asked for is a break besides
        self.m.event("CORRECT", self.orders[id(fact)], exec_id=newest, exec_ref_id=self.newest[id(fact)], last_qty=qty, last_px=px)
        if int(self.m.status["break_count"]) == before:
            self.newest[id(fact)], fact.qty, fact.px = newest, qty if fact.qty > 0 else -qty, px

    def day(self, n: int) -> None:
        self.days += 1
        self.m.control("ROLL_DAY", day=20260105 + self.days % 20)


def sums(m: Any) -> list[tuple[int, int, int]]:
    return [(int(r["equity"]), int(r["margin"]), int(r["unvalued"]), int(r["untold"])) for r in m.table("scopes")[1 : int(m.status["scope_count"]) + 1]]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_equity_when_anything_happens_is_cash_and_positions_at_the_price(make_machine: Callable[..., Any], steps: list[Any]) -> None:
    life = Life(firm(make_machine))
    for step in steps:
        if not life.over:
            life.step(*step)
    before = sums(life.m)
    life.m.control("DEFINE_BROKER", body=life.m.record("Broker", id=1, name="broker", status=1))
    assert sums(life.m) == before, "a recount from scratch gives other sums"
    assert life.m.replayed().replayer.state.state_hash() == life.m.replayer.state.state_hash()


def test_equity_when_the_first_limit_comes_late_is_that_of_all_before(make_machine: Callable[..., Any]) -> None:
    m = firm(make_machine)
    entry(m, "DEPOSIT", "D1", strategy=0, instrument=0, other=2, amount=100, amount_digits=0)
    m.limit("GROSS_EXPOSURE", 10**15)
    m.new(1, qty=10, px=100)
    m.fill(10, px=100, commission=3, comm_digits=2, comm_type=3)
    assert [r[0] for r in sums(m)] == [0] * len(sums(m)), "without the rule nothing of it is counted"
    m.limit("FREE_MARGIN", 10**6, "ACCOUNT", 1)
    assert equity(m) == equity(m, "FIRM", 0) == 125 * DOLLAR - 300
    m.mark(110, 110)
    assert equity(m) == 126 * DOLLAR - 300


def test_equity_of_suspense_is_its_accounts(make_machine: Callable[..., Any]) -> None:
    m = firm(make_machine)
    m.limit("FREE_MARGIN", 10**6)
    m.event("FILL", cl_ord_id="not ours", last_qty=10, last_px=90, exec_id="S1", symbol="EURUSD", side=1)
    assert equity(m) == DOLLAR


def test_equity_of_a_daily_settled_future_is_the_same_before_and_after_its_settlement(make_machine: Callable[..., Any]) -> None:
    m = firm(make_machine)
    define(m, 3, "FUTURE", "", "USD", daily=1)
    entry(m, "DEPOSIT", "D1", strategy=0, instrument=0, other=1, amount=1000, amount_digits=0)
    m.limit("FREE_MARGIN", 10**9)
    m.new(1, instrument=3, qty=10, px=100)
    m.fill(10, px=100, symbol="ESZ")
    m.mark(110, 110, instrument=3)
    assert equity(m) == 1005 * DOLLAR
    assert entry(m, "SETTLE", "S1", instrument=3, px=110) == ""
    assert equity(m) == 1005 * DOLLAR
    m.mark(105, 105, instrument=3)
    assert equity(m) == 1005 * DOLLAR - 25_000
    m.new(2, instrument=3, qty=10, px=100, side=2)
    m.fill(10, px=104, order=2, exec_id="E2", symbol="ESZ", side=2)
    assert equity(m) == 1002 * DOLLAR, "a close is paid at the next settlement, and is there already"


# ---- the rule --------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def m(make_machine: Callable[..., Any]) -> Any:
    """An account with 100 dollars; margin is 10 % of everything."""
    m = firm(make_machine)
    entry(m, "DEPOSIT", "D1", strategy=0, instrument=0, other=1, amount=100, amount_digits=0)
    m.limit("MARGIN_RATE", 100_000)
    return m


def asked(m: Any, qty: int, side: int = 1, **fields: Any) -> str:
    """Ask for an order; "" or the reason why not."""
    m.new(int(m.status["intents"]) + 1, qty=qty, side=side, **({"px": 100} | fields))
    return "" if m.told()[-1] == "ACCEPTED" else m.deny()


SCOPES = [("FIRM", 0), ("BROKER", 1), ("ACCOUNT", 1)]


@pytest.mark.parametrize("scope", SCOPES)
def test_order_at_the_limit_passes_and_beyond_is_refused(m: Any, scope: tuple[str, int]) -> None:
    m.limit("FREE_MARGIN", 500_000, *scope)  # margin may be half of equity
    assert asked(m, 501) == "MARGIN"
    assert asked(m, 300) == ""
    assert asked(m, 201) == "MARGIN"
    assert asked(m, 200) == ""
    assert asked(m, 1) == "MARGIN"
    hits = m.scope(*scope)["hits"]
    assert (int(hits[ENUMS["RiskRule"].by_name["FREE_MARGIN"]]), int(hits[ENUMS["RiskRule"].by_name["MARGIN"]])) == (3, 0)


def test_refusal_when_both_rules_refuse_is_of_the_amount(m: Any) -> None:
    m.limit("FREE_MARGIN", 10_000)
    m.limit("MARGIN", 10)
    assert asked(m, 100) == "MARGIN"
    hits = m.scope()["hits"]
    assert (int(hits[ENUMS["RiskRule"].by_name["FREE_MARGIN"]]), int(hits[ENUMS["RiskRule"].by_name["MARGIN"]])) == (0, 1)


def test_order_when_equity_is_gone_only_reduces(m: Any) -> None:
    m.limit("FREE_MARGIN", 10**9)
    assert asked(m, 1000) == ""
    m.fill(1000, px=100, order=1)
    m.mark(90, 90)
    assert equity(m) == 0
    assert asked(m, 1) == "MARGIN"
    assert asked(m, 1, instrument=2) == "MARGIN"
    m.mark(80, 80)
    assert equity(m) == -100 * DOLLAR
    assert asked(m, 1, px=80) == "MARGIN"
    assert asked(m, 1000, side=2, px=80) == "", "an exit is always possible"
    assert asked(m, 1, side=2, px=80) == "MARGIN"


def test_cash_account_buys_no_more_than_it_has(m: Any) -> None:
    """Margin of 100 % and a share of 100 %."""
    m.limit("MARGIN_RATE", 10**6)
    m.limit("FREE_MARGIN", 10**6)
    assert asked(m, 101) == "MARGIN"
    assert asked(m, 60) == ""
    assert asked(m, 41) == "MARGIN"
    m.fill(60, px=100, order=1)
    assert asked(m, 41) == "MARGIN"
    assert asked(m, 40) == ""
    m.event("CANCELED", 2)
    assert asked(m, 60, side=2) == ""
    m.fill(60, px=100, order=3, exec_id="E2", side=2)
    assert asked(m, 100) == ""


def test_order_when_rates_move_equity_is_judged_by_the_rate_of_now(m: Any) -> None:
    m.limit("FREE_MARGIN", 10**6, "ACCOUNT", 1)
    entry(m, "DEPOSIT", "D2", strategy=0, instrument=0, other=2, amount=80, amount_digits=0)
    assert equity(m) == 200 * DOLLAR
    m.currency("EUR", 2, 5 * 10**8)
    assert equity(m) == 140 * DOLLAR
    assert asked(m, 1401) == "MARGIN"
    assert asked(m, 1400) == ""


def rated(m: Any, rate: int, who: str = "owner") -> str:
    """One operator gives EUR another rate; what became of it."""
    proposals, body = int(m.status["proposals"]), m.table("currencies")[2].copy()
    body["rate"] = rate
    m.control("DEFINE_CURRENCY", body=body, operator_uid=1000, operator_name=who)
    return "proposed" if int(m.status["proposals"]) > proposals else "done"


def two_operators(m: Any) -> None:
    for row, role in ((1, "ADMIN"), (2, "RISK")):
        body = m.record("Operator", id=row, name=f"o{row}", uid=999 + row, role=ENUMS["OperatorRole"].by_name[role], status=1)
        m.control("DEFINE_OPERATOR", body=body)


def test_rate_that_rises_takes_two_where_equity_is_judged(m: Any) -> None:
    """More equity is more room for orders; without FREE_MARGIN a higher rate only makes amounts larger."""
    entry(m, "DEPOSIT", "D2", strategy=0, instrument=0, other=2, amount=80, amount_digits=0)
    two_operators(m)
    assert asked(m, 1) == ""
    assert rated(m, 2 * 10**9) == "done"
    m.limit("FREE_MARGIN", 10**6, "ACCOUNT", 1, operator_uid=1000, operator_name="owner")
    assert equity(m) == 260 * DOLLAR
    assert rated(m, 3 * 10**9) == "proposed"
    assert rated(m, 10**9) == "proposed", "amounts get smaller"
    assert equity(m) == 260 * DOLLAR
    assert rated(m, 0) == "done", "what has no rate passes nothing"
    assert rated(m, 3 * 10**9) == "proposed"
    m.control("APPROVE", body=m.record("Decision", proposal=3), operator_uid=1001)
    assert equity(m) == 340 * DOLLAR


def test_rates_of_the_first_configuration_and_marks_are_free_where_equity_is_judged(m: Any) -> None:
    m.limit("FREE_MARGIN", 10**6)
    two_operators(m)
    assert rated(m, 7 * 10**9, "config") == "done", "nobody has traded yet"
    assert asked(m, 100) == ""
    m.fill(100, px=100, order=1)
    m.mark(200, 200)
    assert equity(m) == 200 * DOLLAR


@pytest.mark.parametrize("what", ["cash", "position"])
def test_order_when_a_rate_is_missing_is_refused_until_there_is_one(m: Any, what: str) -> None:
    m.limit("FREE_MARGIN", 10**6)
    if what == "cash":
        entry(m, "DEPOSIT", "D2", strategy=0, instrument=0, other=2, amount=1, amount_digits=0)
    else:  # flat again, but for what it earned
        assert asked(m, 1, instrument=2) == asked(m, 1, side=2, instrument=2) == ""
        m.fill(1, px=100, order=1, symbol="SAP")
        m.fill(1, px=102, order=2, exec_id="E2", symbol="SAP", side=2)
    assert asked(m, 1) == ""
    m.currency("EUR", 2, 0)
    field = "untold" if what == "cash" else "unvalued"
    assert int(m.scope()[field]) == int(m.scope("ACCOUNT", 1)[field]) == 1
    assert asked(m, 1) == "NO_RATE"
    m.currency("EUR", 2, 10**9)
    assert int(m.scope()[field]) == 0
    assert asked(m, 1) == ""


@pytest.mark.parametrize("rule", ["GROSS_EXPOSURE", "NET_EXPOSURE", "CREDIT", "MARGIN", "DAILY_LOSS"])
def test_balance_without_a_rate_stops_no_limit_but_free_margin(m: Any, rule: str) -> None:
    """Of the other limits none rests on money, and one account's balance is not another's business."""
    m.limit(rule, 10**12)
    m.limit("FREE_MARGIN", 10**6, "ACCOUNT", 2)
    m.currency("EUR", 2, 0)
    entry(m, "DEPOSIT", "D2", account=2, strategy=0, instrument=0, other=2, amount=1, amount_digits=0)
    entry(m, "DEPOSIT", "D3", account=2, strategy=0, instrument=0, other=1, amount=100, amount_digits=0)
    assert (int(m.scope()["unvalued"]), int(m.scope()["untold"])) == (0, 1)
    assert asked(m, 1) == ""
    assert asked(m, 1, account=2) == "NO_RATE"
    assert entry(m, "WITHDRAWAL", "W1", account=2, strategy=0, instrument=0, other=1, amount=1, amount_digits=0) == "NO_MARGIN"
    m.currency("EUR", 2, 10**9)
    assert int(m.scope()["untold"]) == 0
    assert asked(m, 1, account=2) == ""


def test_replace_that_needs_more_margin_than_there_is_is_refused(m: Any) -> None:
    m.limit("FREE_MARGIN", 10**6)
    assert asked(m, 1000) == ""
    m.event("ACK", 1)
    m.replace(int(m.order()["client_id"]), qty=1001, px=100)
    assert m.told()[-1] == "REPLACE_DENIED" if "REPLACE_DENIED" in ENUMS["EventKind"].by_name else m.sent() == []
    m.replace(int(m.order()["client_id"]), qty=900, px=100)
    assert m.sent() == ["REPLACE"]


def test_share_of_an_equity_beyond_64_bits_does_not_overflow(m: Any) -> None:
    m.limit("FREE_MARGIN", 10**9)
    for n in range(2, 8):
        entry(m, "DEPOSIT", f"D{n}", strategy=0, instrument=0, other=1, amount=5 * 10**12, amount_digits=0)
    assert equity(m) == (30 * 10**12 + 100) * DOLLAR
    assert asked(m, 10**12) == ""


def test_deposit_that_does_not_fit_is_unvalued(m: Any) -> None:
    m.limit("FREE_MARGIN", 10**6)
    entry(m, "DEPOSIT", "D2", strategy=0, instrument=0, other=3, amount=10**15, amount_digits=0)
    assert (equity(m), int(m.scope()["untold"])) == (100 * DOLLAR, 1)
    assert asked(m, 1) == "NO_RATE"


# ---- withdrawals ------------------------------------------------------------------------------------------------------------------------


def withdrawn(m: Any, dollars: int, reference: str = "", currency: int = 1, **control: Any) -> str:
    reference = reference or f"W{m.seq}"
    return entry(m, "WITHDRAWAL", reference, strategy=0, instrument=0, other=currency, amount=dollars, amount_digits=0, **control)


@pytest.mark.parametrize("scope", SCOPES)
def test_withdrawal_at_the_limit_passes_and_beyond_is_refused(m: Any, scope: tuple[str, int]) -> None:
    m.limit("FREE_MARGIN", 500_000, *scope)
    assert asked(m, 100) == ""
    assert withdrawn(m, 81) == "NO_MARGIN"
    assert withdrawn(m, 80) == ""
    assert withdrawn(m, 1) == "NO_MARGIN"
    m.event("CANCELED", 1)
    assert withdrawn(m, 21) == "NO_MARGIN", "no debt, even where nothing needs margin"
    assert withdrawn(m, 20) == ""


def test_withdrawal_without_the_rule_may_leave_a_debt(m: Any) -> None:
    assert withdrawn(m, 500) == ""
    m.limit("FREE_MARGIN", 10**6, "ACCOUNT", 2)
    assert withdrawn(m, 500) == "", "another account's limit"


def test_withdrawal_when_its_worth_is_not_known_is_refused(m: Any) -> None:
    m.limit("FREE_MARGIN", 10**6, "ACCOUNT", 1)
    m.currency("EUR", 2, 0)
    assert withdrawn(m, 1, currency=2) == "NO_MARGIN"
    assert withdrawn(m, 1) == ""


def test_withdrawal_is_judged_again_when_it_is_booked(m: Any) -> None:
    for k, uid in enumerate((1001, 1002), 1):
        body = m.record("Operator", id=k, name=f"o{k}", uid=uid, role=ENUMS["OperatorRole"].by_name["RISK"], status=1)
        m.control("DEFINE_OPERATOR", body=body)
    m.limit("FREE_MARGIN", 10**6, operator_uid=1001)
    assert withdrawn(m, 101, uid=1001) == "NO_MARGIN", "nobody approves what cannot be"
    assert int(m.status["proposals"]) == 0
    assert withdrawn(m, 60, uid=1001) == ""
    assert asked(m, 500) == ""
    m.control("APPROVE", body=m.record("Decision", proposal=1), operator_uid=1002)
    assert equity(m) == 100 * DOLLAR
    m.event("CANCELED", 1)
    m.control("APPROVE", body=m.record("Decision", proposal=1), operator_uid=1002)
    assert equity(m) == 40 * DOLLAR


def test_margin_of_a_rounded_order_is_rounded_up(m: Any) -> None:
    m.limit("MARGIN_RATE", 333_333)
    m.limit("FREE_MARGIN", 10**6)
    assert asked(m, 7, px=101) == ""
    assert int(m.scope()["margin"]) == ceil(Fraction(7 * 101 * 100 * 333_333, 10**6))
