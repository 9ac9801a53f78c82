"""The ledger against a slow model in fractions: random events of every kind and method, busts and corrections, limits of 128 bits."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import ledger_model as model
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.core.errors import CoreError
from ringfence.core.ledger import Booking, Ledger, LedgerError, Limits, bytes_needed

METHODS = ("WAC", "FIFO", "LIFO", "HIFO", "HIFO_MINGAIN", "SPEC")
MONEY = 20
LIMITS = Limits(instruments=8, positions=24, lots=400, events=40, picks=400, checkpoints=16)
SHARE, OTHER, FUTURE, INVERSE, DAILY = (
    model.Instrument(1, 2, 2),
    model.Instrument(2, 2, 2),
    model.Instrument(3, 0, 2, Fraction(1, 4), margin=True),
    model.Instrument(4, 0, 1, inverse=True, margin=True),
    model.Instrument(5, 0, 2, Fraction(50), margin=True, daily=True),
)
ALL = [SHARE, OTHER, FUTURE, INVERSE, DAILY]
SETTLE = {1: 1, 2: 1, 3: 1, 4: 2, 5: 1}
SEEDS = st.integers(0, 2**32)


def make(method: str = "FIFO", limits: Limits = LIMITS, instruments: list[Any] = ALL, money: int = MONEY) -> Ledger:
    ledger = Ledger(bytearray(bytes_needed(limits)), limits, method=method)
    for i in instruments:
        digits = 0
        while (i.multiplier * 10**digits).denominator != 1:
            digits += 1
        ledger.define(
            i.row,
            qty_digits=i.qty_digits,
            px_digits=i.px_digits,
            money_digits=money,
            multiplier=(int(i.multiplier * 10**digits), digits),
            settle_asset=SETTLE.get(i.row, 1),
            base_asset=10 + i.row,
            inverse=i.inverse,
            margin=i.margin,
            daily=i.daily,
        )
    return ledger


class Pair:
    """A ledger and the model, given the same events."""

    def __init__(self, method: str, seed: int) -> None:
        self.random = Random(seed)
        self.method = method
        self.ledger = make(method)
        self.journal = model.Journal(method, ALL, MONEY)
        self.seq = 0
        self.steps = 0

    def book(self, e: dict[str, Any]) -> Booking | None:
        """Book in both; None when the ledger refuses, and then nothing but its counter has changed."""
        self.seq += 1
        e["seq"] = self.seq
        before = self.ledger.positions()
        try:
            answer = self.ledger.book(**e)
        except LedgerError as error:
            assert error.result in {"AMBIGUOUS", "NOT_HELD", "BAD_EVENT"}, error
            kept = [p._replace(updated_seq=0) for p in before]
            assert [p._replace(updated_seq=0) for p in self.ledger.positions()] == kept
            return None
        self.journal.events.append(e)
        return answer

    def event(self, kind: str, **numbers: Any) -> dict[str, Any]:
        key = self.random.getrandbits(63) + 1
        return {"kind": kind, "account": self.random.randint(1, 2), "key": key, "content": key} | numbers

    def fill(self) -> dict[str, Any]:
        """A fill, often of a few lots that are open, so that closes, flips and flats happen."""
        r = self.random
        i = r.choice(ALL)
        e = self.event("FILL", instrument=i.row, qty=r.choice((1, -1)) * r.randint(1, 12) * 100 // (1 if i.qty_digits else 100), px=r.randint(1, 40) * 25)
        p = self.ledger.find(e["account"], 0, i.row)
        if p is not None and p.qty and r.random() < 0.3:
            e["qty"] = -p.qty
        if p is not None and self.method == "SPEC" and p.qty * e["qty"] < 0:
            e["picks"] = self.picks(p, min(abs(e["qty"]), abs(p.qty)))
        self.fee(e, i)
        return e

    def picks(self, p: Any, closing: int) -> list[tuple[int, int]]:
        lots = self.ledger.lots(p.row)
        keys = {row: key for key in [e["key"] for e in self.journal.events if e["kind"] not in {"BUST", "CORRECT"}] if (row := self.ledger.event_of(key))}
        self.random.shuffle(lots)
        found = []
        for lot in lots:
            k = min(closing, abs(lot.qty))
            if k:
                found.append((keys[lot.event], k))
            closing -= k
        return found if self.random.random() < 0.9 else found[1:]

    def fee(self, e: dict[str, Any], i: Any) -> None:
        r = self.random
        match r.randint(0, 8):
            case 0 | 1:
                e |= {"fee_kind": "EXPENSE", "fee": r.randint(-3, 90) * 10 ** (MONEY - 2)}
            case 2:
                e |= {"fee_kind": "CAPITALIZE", "fee": r.randint(1, 90) * 10 ** (MONEY - 2)}
            case 3 if i is SHARE or i is OTHER:
                e |= {"fee_kind": "BASE", "fee": r.randint(1, 9)}
            case 4 if i is SHARE:
                e |= {"fee_kind": "HELD", "fee": r.randint(1, 40), "fee_px": r.randint(1, 40) * 25, "other_instrument": OTHER.row}
            case 5:
                e |= {"fee_kind": "ELSEWHERE", "fee": r.randint(1, 90) * 10 ** (MONEY - 2)}

    def other(self) -> dict[str, Any]:
        r = self.random
        money = r.randint(-500, 500) * 10 ** (MONEY - 2)
        match r.randint(0, 9):
            case 0:
                return self.event("FUNDING", instrument=r.choice((FUTURE, INVERSE)).row, amount=money)
            case 1:
                return self.event("FUNDING", instrument=FUTURE.row, px=r.randint(1, 40) * 25, ratio=(r.randint(-5, 5), 10000))
            case 2:
                return self.event("INTEREST", instrument=SHARE.row, amount=money)
            case 3:
                return self.event("DIVIDEND", instrument=SHARE.row, px=r.randint(1, 90))
            case 4:
                return self.event("SPLIT", instrument=r.choice((SHARE, OTHER)).row, ratio=(2, 1))
            case 5:
                return self.event("RETURN_OF_CAPITAL", instrument=SHARE.row, px=r.randint(1, 50))
            case 6:
                return self.event("REWARD", instrument=r.choice((SHARE, OTHER)).row, qty=r.randint(1, 300), px=r.randint(0, 40) * 25)
            case 7:
                return self.event("SETTLE", instrument=DAILY.row, px=r.randint(1, 40) * 25)
            case 8:
                return self.event("SPIN_OFF", instrument=SHARE.row, other_instrument=OTHER.row, ratio=(3, 1), share=(r.randint(0, 7), 10))
        e = self.event("TRANSFER", instrument=r.choice((SHARE, OTHER, INVERSE)).row)
        e |= {"account": 1, "other_account": 2, "qty": r.randint(1, 800)}
        return e | ({"fee": r.randint(1, 20), "fee_px": 250} if e["instrument"] != INVERSE.row else {})

    def alteration(self) -> dict[str, Any]:
        """A bust or a correction of something that came or will come, of a fill or of a correction."""
        r = self.random
        known = [e for e in self.journal.events if e["kind"] in {"FILL", "CORRECT"}]
        ref = r.choice(known)["key"] if known and r.random() < 0.95 else r.getrandbits(62)
        e = self.event(r.choice(("BUST", "CORRECT")), ref_key=ref)
        del e["account"]
        if e["kind"] == "CORRECT":
            numbers = {"QTY": {"qty": r.randint(1, 12) * 100}, "PX": {"px": r.randint(1, 40) * 25}, "SIDE": {"qty": r.choice((1, -1))}}
            names = r.sample(sorted(numbers), r.randint(1, 2))
            if set(names) == {"QTY", "SIDE"}:
                names = ["QTY"]
            e["given"] = "|".join(names)
            for name in names:
                e |= numbers[name]
        return e

    def check(self, *, marks: bool = True) -> None:
        """Figures equal those of the model; conservation to the last unit; the master identity at any mark."""
        book = self.journal.book()
        self.steps += 1
        unit = Fraction(1, 10**MONEY)
        slack = unit * (4 * len(self.journal.events) + 4)
        for p in self.ledger.positions():
            i = book.instruments[p.instrument]
            h = book.held(p.account, p.instrument)
            assert p.cost - p.realized - p.moved == p.flow, "conservation"
            self.identity(p, i)
            assert Fraction(p.qty, 10**i.qty_digits) == h.qty
            assert p.qty or p.cost == 0, "flat means zero cost"
            for mine, theirs in ((p.cost, h.cost), (p.realized, h.realized), (p.fees, h.fees), (p.funding, h.funding), (p.income, h.income)):
                assert abs(mine * unit - theirs) <= slack, (p, h)
            assert abs(p.cash * unit - book.cash(p.account, p.instrument)) <= slack
            lots = self.ledger.lots(p.row)
            assert sum(lot.qty for lot in lots) == p.qty
            assert sum(lot.cost for lot in lots) == p.cost
            if self.method == "WAC":
                assert len(lots) <= 1
            else:
                assert [(lot.seq, Fraction(lot.qty, 10**i.qty_digits)) for lot in lots] == [(lot.seq, lot.qty) for lot in h.lots]
            assert p.skipped == bool(h.skipped)

    def identity(self, p: Any, i: Any) -> None:
        """The master identity at some marks, to the last unit: what came of a position is the cash that it moved and what it is worth."""
        for mark in (1, 777, 10**6):
            unrealized = self.ledger.unrealized(p.row, mark)
            result = p.realized - p.fees + p.funding + p.income + unrealized
            worth = self.ledger.value(p.instrument, p.qty, mark) - p.moved
            if i.margin:
                worth = unrealized + (p.realized - p.settled if i.daily else 0)
            assert result == p.cash - p.fees_elsewhere + worth

    def balances(self, answer: Booking) -> None:
        sums: dict[tuple[int, bool], int] = {}
        for leg in answer.legs:
            sums[leg.asset, leg.units] = sums.get((leg.asset, leg.units), 0) + leg.amount
        assert not any(sums.values()), answer.legs


@given(st.sampled_from(METHODS), SEEDS)
@settings(deadline=None, max_examples=100)
def test_ledger_when_random_events_are_booked_equals_the_model_after_each(method: str, seed: int) -> None:
    pair = Pair(method, seed)
    for _ in range(25):
        answer = pair.book(pair.fill() if pair.random.random() < 0.7 else pair.other())
        if answer is not None:
            pair.balances(answer)
        pair.check()


@given(st.sampled_from(METHODS), SEEDS)
@settings(deadline=None, max_examples=100)
def test_ledger_when_busts_and_corrections_come_equals_a_replay_without_them(method: str, seed: int) -> None:
    pair = Pair(method, seed)
    for _ in range(22):
        lot = pair.random.random()
        e = pair.fill() if lot < 0.6 else pair.alteration() if lot < 0.9 else pair.other()
        answer = pair.book(e)
        if answer is not None:
            pair.balances(answer)
            again = pair.ledger.book(**(e | {"seq": pair.seq + 1}))
            assert again.result == "DUPLICATE"
    pair.check()
    fresh = make(method)
    pair.ledger.replay(fresh)
    replayed = {(p.account, p.instrument): p for p in fresh.positions()}
    for p in pair.ledger.positions():
        other = replayed.get((p.account, p.instrument))
        mine = (p.qty, p.cost, p.realized, p.fees, p.funding, p.income, p.cash, p.flow, p.moved)
        theirs = (
            (0,) * 9 if other is None else (other.qty, other.cost, other.realized, other.fees, other.funding, other.income, other.cash, other.flow, other.moved)
        )
        assert mine == theirs


@given(SEEDS)
@settings(deadline=None, max_examples=40)
def test_ledger_when_a_bust_or_correction_comes_before_its_fill_the_order_does_not_matter(seed: int) -> None:
    r = Random(seed)
    pair = Pair("FIFO", seed)
    events = [pair.fill() | {"account": 1} for _ in range(8)]
    for e in events:
        e.pop("fee_kind", None)
    chain = [e["key"] for e in events]
    for _ in range(5):
        ref = r.choice(chain)
        kind = r.choice(("BUST", "CORRECT"))
        key = r.getrandbits(62) + 1
        events.append({"kind": kind, "key": key, "content": key, "ref_key": ref} | ({"given": "PX", "px": r.randint(1, 40) * 25} if kind == "CORRECT" else {}))
        if kind == "CORRECT":
            # Each correction names the newest of its chain, as a venue does, so that one order of events makes sense.
            chain[chain.index(ref)] = key
        else:
            chain.remove(ref)
    fills, rest = events[:8], events[8:]
    orders = [fills + rest, rest[::-1] + fills, [x for pair_ in zip(fills, rest + [None] * 3, strict=True) for x in pair_[::-1] if x]]
    results = []
    for order in orders:
        ledger = make("FIFO")
        for seq, e in enumerate(order, 1):
            ledger.book(**(e | {"seq": seq}))
        results.append([(p.instrument, p.qty, p.cost, p.realized, p.flow) for p in sorted(ledger.positions(), key=lambda p: p.instrument)])
        assert ledger.head.held == 0
    assert results[0] == results[1] == results[2]


@given(SEEDS)
@settings(deadline=None, max_examples=60)
def test_ledger_when_methods_differ_the_total_at_any_mark_does_not(seed: int) -> None:
    """Of every kind of event, busts and corrections: to the last unit for each position with the cost that moved to it, and without that over all of them."""
    pair = Pair("FIFO", seed)
    for _ in range(30):
        lot = pair.random.random()
        pair.book(pair.fill() if lot < 0.6 else pair.alteration() if lot < 0.75 else pair.other())
    each, together = set(), set()
    for method in METHODS[:5]:
        ledger = make(method)
        for e in pair.journal.events:
            ledger.book(**e)
        results = {}
        for p in ledger.positions():
            results[p.account, p.instrument] = p.realized - p.fees + p.funding + p.income + ledger.unrealized(p.row, 777), p.moved
        each.add(tuple(sorted((owner, result + moved) for owner, (result, moved) in results.items())))
        sums: dict[int, int] = {}
        for (_, instrument), (result, _) in results.items():
            sums[SETTLE.get(instrument, 1)] = sums.get(SETTLE.get(instrument, 1), 0) + result
        together.add(tuple(sorted(sums.items())))
    assert (len(each), len(together)) == (1, 1)


def figures(ledger: Ledger) -> list[tuple[int, ...]]:
    return [
        (p.account, p.instrument, p.qty, p.cost, p.realized, p.fees, p.cash, p.flow)
        for p in sorted(ledger.positions(), key=lambda p: (p.account, p.instrument))
    ]


@pytest.mark.parametrize("method", METHODS[:5])
def test_ledger_when_a_bust_reaches_behind_checkpoints_equals_a_replay_from_the_start(method: str) -> None:
    limits = Limits(instruments=1, positions=2, lots=1000, events=1200, picks=1, checkpoints=64)
    r = Random(7)
    ledger = make(method, limits, [SHARE])
    keys = []
    for seq in range(1, 901):
        held = ledger.find(1, 0, 1)
        flat = held is not None and held.qty and seq % 9 == 0
        ledger.book(
            "FILL",
            seq=seq,
            account=1,
            instrument=1,
            qty=-held.qty if flat and held else r.choice((100, -100, 300)),
            px=r.randint(100, 900),
            key=seq,
            content=seq,
        )
        keys.append(seq)
    assert ledger.head.checkpoints > 5
    for n in range(30):
        key = keys.pop(r.randrange(len(keys)))
        if n % 2:
            ledger.book("BUST", seq=901 + n, ref_key=key, key=5000 + n)
        else:
            ledger.book("CORRECT", seq=901 + n, ref_key=key, key=5000 + n, given="PX", px=r.randint(100, 900))
        fresh = make(method, limits, [SHARE])
        ledger.replay(fresh)
        assert figures(fresh) == figures(ledger)
        assert [lot._replace(event=0) for lot in fresh.lots(1)] == [lot._replace(event=0) for lot in ledger.lots(1)]
    assert ledger.head.recomputed < 30 * 900


def test_ledger_when_the_checkpoint_table_is_full_busts_are_still_exact() -> None:
    limits = Limits(instruments=1, positions=2, lots=10, events=1200, picks=1, checkpoints=2)
    ledger = make("WAC", limits, [SHARE])
    for seq in range(1, 801):
        ledger.book("FILL", seq=seq, account=1, instrument=1, qty=(100, 50, -120)[seq % 3], px=seq, key=seq, content=1)
    assert ledger.head.checkpoints_dropped
    ledger.book("BUST", seq=801, ref_key=400)
    fresh = make("WAC", limits, [SHARE])
    ledger.replay(fresh)
    assert figures(fresh) == figures(ledger)


@pytest.mark.parametrize("method", METHODS[1:5])
def test_ledger_when_the_lot_pool_is_full_dust_is_merged_and_nothing_is_lost(method: str) -> None:
    limits = Limits(instruments=1, positions=2, lots=6, events=600, picks=1, checkpoints=1)
    ledger = make(method, limits, [SHARE])
    wide = make(method, Limits(instruments=1, positions=2, lots=700, events=600, picks=1, checkpoints=1), [SHARE])
    for seq in range(1, 101):
        for each in (ledger, wide):
            each.book("FILL", seq=seq, account=1 + seq % 2, instrument=1, qty=seq, px=100 + seq * 7 % 50, key=seq, content=1)
    assert ledger.head.merged_lots == 94
    assert ledger.head.lots == 6
    for mine, other in zip(ledger.positions(), wide.positions(), strict=True):
        assert (mine.qty, mine.cost, mine.flow, mine.merged) == (other.qty, other.cost, other.flow, True)
        assert sum(lot.qty for lot in ledger.lots(mine.row)) == mine.qty
        assert sum(lot.cost for lot in ledger.lots(mine.row)) == mine.cost
    for seq, p in enumerate(ledger.positions(), 101):
        ledger.book("FILL", seq=seq, account=p.account, instrument=1, qty=-p.qty, px=123)
    assert all(p.qty == p.cost == 0 for p in ledger.positions())
    assert ledger.head.lots == 0


@pytest.mark.parametrize("spare", range(1, 7))
def test_ledger_when_a_spin_off_finds_the_lot_pool_full_dust_is_merged_first(spare: int) -> None:
    ledger = make("FIFO", Limits(instruments=2, positions=3, lots=6 + spare, events=20, picks=1, checkpoints=1), [SHARE, OTHER])
    for seq in range(1, 7):
        ledger.book("FILL", seq=seq, account=1, instrument=1, qty=seq, px=100 + seq, key=seq, content=1)
    cost = ledger.positions()[0].cost
    ledger.book("SPIN_OFF", seq=7, account=1, instrument=1, other_instrument=2, ratio=(3, 1), share=(1, 4))
    parent, child = ledger.positions()
    assert (parent.qty, child.qty, parent.cost + child.cost) == (21, 63, cost)
    for p in (parent, child):
        assert sum(lot.qty for lot in ledger.lots(p.row)) == p.qty
        assert sum(lot.cost for lot in ledger.lots(p.row)) == p.cost


def test_ledger_when_an_asset_has_18_decimals_and_amounts_are_10_billion_every_digit_is_kept() -> None:
    fine = model.Instrument(1, 18, 8)
    ledger = make("FIFO", LIMITS, [fine], money=26)
    quantity, price = 3_333_333_333_333_333_333_333_333, 300_012_345_678
    ledger.book("FILL", seq=1, instrument=1, qty=quantity, px=price)
    p = ledger.position(1)
    assert p.cost == quantity * price
    assert p.cost > 10**10 * 10**26
    ledger.book("FILL", seq=2, instrument=1, qty=-1, px=price + 1)
    ledger.book("FILL", seq=3, instrument=1, qty=-(quantity - 1), px=price + 1)
    p = ledger.position(1)
    assert (p.qty, p.cost, p.realized) == (0, 0, quantity)


@pytest.mark.parametrize(
    ("qty", "px", "result"),
    [(2**126, 1, "OVERFLOW"), (2**100, 2**40, "OVERFLOW"), (10**20, 10**10, "OVERFLOW"), (-(2**127), 1, "OVERFLOW"), (0, 100, "BAD_EVENT")],
)
def test_ledger_when_a_figure_would_not_fit_refuses_with_a_reason_and_changes_nothing(qty: int, px: int, result: str) -> None:
    ledger = make("FIFO", LIMITS, [model.Instrument(1, 0, 0)])
    ledger.book("FILL", seq=1, instrument=1, qty=5, px=3)
    before = figures(ledger)
    with pytest.raises(LedgerError, match=result) as refused:
        ledger.book("FILL", seq=2, instrument=1, qty=qty, px=px)
    assert "ledger event 2" in str(refused.value)
    assert figures(ledger) == before
    assert len(ledger.positions()) == 1
    with pytest.raises(LedgerError, match="OVERFLOW"):
        ledger.book("FILL", seq=2, account=9, instrument=1, qty=10**20, px=10**10)
    assert len(ledger.positions()) == 1


@pytest.mark.parametrize("kind", ["EXPENSE", "CAPITALIZE", "BASE", "HELD", "ELSEWHERE"])
@pytest.mark.parametrize("fee", [2**126, -(2**127), 2**125, 2**120])
def test_ledger_when_a_fee_would_not_fit_refuses_and_changes_nothing(kind: str, fee: int) -> None:
    ledger = make("FIFO", LIMITS, [model.Instrument(1, 0, 0), model.Instrument(2, 0, 0)])
    ledger.book("FILL", seq=1, instrument=1, qty=5, px=3)
    ledger.book("FILL", seq=2, instrument=2, qty=5, px=3)
    before = figures(ledger)
    with pytest.raises(LedgerError, match="OVERFLOW"):
        for seq in range(3, 80):
            ledger.book("FILL", seq=seq, instrument=1, qty=1, px=3, fee=fee, fee_kind=kind, fee_px=3, other_instrument=2)
            before = figures(ledger)
    assert figures(ledger) == before


def test_ledger_when_a_correction_would_overflow_is_refused_and_what_was_stays() -> None:
    ledger = make("FIFO", LIMITS, [SHARE])
    for seq in range(1, 6):
        ledger.book("FILL", seq=seq, instrument=1, qty=100 if seq % 2 else -50, px=500 + seq, key=seq, content=1)
    before = figures(ledger)
    with pytest.raises(LedgerError, match="OVERFLOW"):
        ledger.book("CORRECT", seq=6, ref_key=2, key=9, given="PX", px=10**25)
    assert figures(ledger) == before
    ledger.book("BUST", seq=6, ref_key=2)
    assert ledger.position(1).qty == 250


def test_ledger_when_the_same_identity_comes_twice_the_first_stands() -> None:
    ledger = make()
    ledger.book("FILL", seq=1, instrument=1, qty=5, px=300, key=7, content=1)
    assert ledger.book("FILL", seq=2, instrument=1, qty=5, px=300, key=7, content=1).result == "DUPLICATE"
    assert ledger.book("FILL", seq=2, instrument=1, qty=6, px=300, key=7, content=2).result == "CONFLICT"
    assert ledger.position(1).qty == 5
    assert (ledger.head.duplicates, ledger.head.conflicts) == (1, 1)


def test_ledger_when_a_bust_is_repeated_before_and_after_its_fill_acts_once() -> None:
    ledger = make()
    assert ledger.book("BUST", seq=1, ref_key=7, key=20, content=1).result == "HELD"
    assert ledger.book("BUST", seq=2, ref_key=7, key=20, content=1).result == "DUPLICATE"
    assert ledger.head.held == 1
    ledger.book("FILL", seq=3, instrument=1, qty=5, px=300, key=7, content=1)
    assert ledger.book("BUST", seq=4, ref_key=7, key=21, content=1).result == "BOOKED"
    assert (ledger.position(1).qty, ledger.head.held) == (0, 0)


def test_ledger_when_the_same_events_come_twice_all_bytes_are_equal() -> None:
    states = []
    for _ in range(2):
        pair = Pair("HIFO", 42)
        for _ in range(38):
            pair.book(pair.fill() if pair.random.random() < 0.6 else pair.alteration())
        states.append(pair.ledger.state)
    assert states[0] == states[1]


def test_ledger_when_memory_is_attached_again_goes_on_where_it_was() -> None:
    memory = bytearray(bytes_needed(LIMITS))
    first = Ledger(memory, LIMITS, method="FIFO")
    first.define(1, qty_digits=0, px_digits=2, money_digits=10, settle_asset=1, base_asset=2)
    first.book("FILL", seq=1, instrument=1, qty=5, px=300)
    second = Ledger(memory, LIMITS, method="FIFO")
    second.book("FILL", seq=2, instrument=1, qty=-2, px=400)
    assert first.position(1).qty == 3
    with pytest.raises(CoreError, match="other limits"):
        Ledger(memory, replace(LIMITS, lots=399), method="FIFO")


def test_ledger_when_the_method_changes_the_position_must_be_flat() -> None:
    ledger = make("FIFO")
    ledger.set_method(0, 0, 1, "LIFO")
    ledger.book("FILL", seq=1, instrument=1, qty=5, px=300)
    ledger.book("FILL", seq=2, instrument=1, qty=5, px=400)
    with pytest.raises(LedgerError, match="NOT_FLAT"):
        ledger.set_method(0, 0, 1, "WAC")
    ledger.book("FILL", seq=3, instrument=1, qty=-5, px=400)
    assert [lot.seq for lot in ledger.lots(1)] == [1]


def test_ledger_when_a_capitalized_fee_meets_a_flip_it_is_split_by_quantity_and_no_unit_is_lost() -> None:
    ledger = make("FIFO", LIMITS, [model.Instrument(1, 0, 0)], money=0)
    ledger.book("FILL", seq=1, instrument=1, qty=1, px=100)
    ledger.book("FILL", seq=2, instrument=1, qty=-3, px=100, fee=10, fee_kind="CAPITALIZE")
    p = ledger.position(1)
    assert (p.qty, p.realized, p.cost) == (-2, -3, -193)
    assert p.cost - p.realized == p.flow == 100 - 300 + 10


def test_ledger_when_rates_are_known_splits_what_is_realized_into_price_and_fx() -> None:
    ledger = make("FIFO", LIMITS, [model.Instrument(1, 0, 0)], money=6)
    ledger.book("FILL", seq=1, instrument=1, qty=100, px=10, fx=110, fx_digits=2)
    ledger.book("FILL", seq=2, instrument=1, qty=-100, px=12, fx=120, fx_digits=2)
    p = ledger.position(1)
    assert (p.realized_base, p.realized_base - p.realized_fx, p.realized_fx, p.cost_base) == (340 * 10**6, 240 * 10**6, 100 * 10**6, 0)
    assert p.base_known
    ledger.book("FILL", seq=3, instrument=1, qty=1, px=12)
    assert not ledger.position(1).base_known


CASH_WITHOUT_A_RATE = [("FUNDING", {"amount": 5}), ("INTEREST", {"amount": -5}), ("DIVIDEND", {"px": 3}), ("REWARD", {"qty": 1, "px": 12})]


@pytest.mark.parametrize(("kind", "fields"), CASH_WITHOUT_A_RATE)
def test_ledger_when_cash_comes_without_a_rate_the_figures_in_base_say_nothing(kind: str, fields: dict[str, int]) -> None:
    ledger = make("FIFO", LIMITS, [model.Instrument(1, 0, 0)], money=6)
    ledger.book("FILL", seq=1, key=1, instrument=1, qty=100, px=10, fx=110, fx_digits=2)
    ledger.book(kind, seq=2, key=2, instrument=1, fx=0, **fields)
    assert not ledger.position(1).base_known
    ledger.book("BUST", seq=3, ref_key=2)
    assert ledger.position(1).base_known, "a replay without it knows every rate"
    ledger.book(kind, seq=4, key=4, instrument=1, fx=110, fx_digits=2, **fields)
    assert ledger.position(1).base_known


@pytest.mark.parametrize("fee_kind", ["EXPENSE", "ELSEWHERE"])
def test_ledger_when_a_fee_has_no_rate_and_the_fill_is_refused_nothing_has_changed(fee_kind: str) -> None:
    ledger = make("FIFO", LIMITS, [model.Instrument(1, 0, 0)], money=6)
    ledger.book("FILL", seq=1, key=1, instrument=1, qty=1 << 101, px=10, fx=1, fx_digits=9)
    before = ledger.position(1)
    with pytest.raises(LedgerError, match="OVERFLOW"):
        ledger.book("FILL", seq=2, key=2, instrument=1, qty=1 << 101, px=10, fee=7, fee_kind=fee_kind)
    assert ledger.position(1) == before


def test_ledger_when_a_fee_without_a_rate_does_not_fit_the_figures_in_base_stay_known() -> None:
    ledger = make("WAC")
    ledger.book("FILL", seq=1, instrument=1, qty=10**6, px=10**4, fee=2**124, fee_kind="EXPENSE", fx=1)
    before = ledger.position(1)
    assert before.base_known
    with pytest.raises(LedgerError, match="OVERFLOW"):
        ledger.book("FILL", seq=2, instrument=1, qty=10**6, px=10**4, fee=2**124, fee_kind="EXPENSE")
    assert ledger.position(1) == before


def test_ledger_when_checkpoints_lie_between_a_missing_rate_is_not_forgotten() -> None:
    ledger = make("WAC", replace(LIMITS, events=300), [model.Instrument(1, 0, 0)], money=6)
    ledger.book("FUNDING", seq=1, key=1, instrument=1, amount=5)
    for seq in range(2, 200):
        ledger.book("FILL", seq=seq, key=seq, instrument=1, qty=1, px=10, fx=110, fx_digits=2)
    ledger.book("BUST", seq=200, ref_key=199)
    assert not ledger.position(1).base_known
    ledger.book("BUST", seq=201, ref_key=1)
    assert ledger.position(1).base_known


def test_ledger_when_cash_is_a_position_a_deposit_keeps_its_rate() -> None:
    ledger = Ledger(bytearray(bytes_needed(LIMITS)), LIMITS, method="WAC")
    ledger.define(1, qty_digits=2, px_digits=0, money_digits=8, settle_asset=1, base_asset=1, cash=True)
    answer = ledger.book("FILL", seq=1, account=3, instrument=1, qty=10_000, px=1, fx=11, fx_digits=1)
    assert [(leg.account, leg.amount) for leg in answer.legs] == [("VENUE", 100 * 10**8), ("EQUITY", -100 * 10**8)]
    ledger.book("FILL", seq=2, account=3, instrument=1, qty=-4_000, px=1, fx=12, fx_digits=1)
    p = ledger.position(1)
    assert (p.cash, p.cost_base, p.realized_base) == (60 * 10**8, 66 * 10**8, 4 * 10**8)


def test_ledger_when_an_event_left_out_lies_before_a_checkpoint_the_position_still_says_so() -> None:
    """A bust takes the lot that a close names; a later correction begins behind that."""
    ledger, key = make("SPEC", Limits(instruments=8, positions=2, lots=64, events=400, picks=16, checkpoints=16)), 0

    def fill(qty: int, px: int, **fields: Any) -> int:
        nonlocal key
        key += 1
        assert ledger.book("FILL", seq=key, key=key, account=1, strategy=1, instrument=3, qty=qty, px=px, **fields).result == "BOOKED"
        return key

    fill(10, 100)
    fill(10, 120)
    fill(-10, 150, picks=[(1, 10)])
    ledger.book("BUST", seq=4, ref_key=1, key=500)
    key = 4
    assert ledger.position(1).skipped
    fill(-10, 150)
    for _ in range(70):
        fill(1, 100)
        fill(-1, 101)
    fill(1, 100)
    last = fill(-1, 105)
    ledger.book("CORRECT", seq=last + 1, ref_key=last, key=501, px=106, given="PX")
    assert ledger.head.checkpoints and ledger.position(1).skipped
