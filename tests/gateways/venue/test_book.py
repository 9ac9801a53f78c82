"""The matching book against a slow model that scans every order for every match."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.gateways.venue.book import BUY, QUOTE, SELL, Book, BookError, BookOrder, Dropped, Outcome, Tif, Trade, Triggered


@dataclass
class Slow:
    order_id: int
    side: int
    leaves: int
    px: int | None
    stop_px: int | None
    tif: Tif
    arrival: int


class SlowBook:
    """The same rules, said once more in the plainest way: one list, one min() per trade."""

    def __init__(self, clip: int) -> None:
        self.clip, self.now = clip, 0
        self.orders: list[Slow] = []

    def tick(self) -> int:
        self.now += 1
        return self.now

    def makers(self, taker: Slow) -> list[Slow]:
        better = 1 if taker.side == BUY else -1
        found = [
            o
            for o in self.orders
            if o.side != taker.side
            and o.stop_px is None
            and o.leaves
            and not (o.order_id == QUOTE and taker.order_id == QUOTE)
            and (taker.px is None or o.px * better <= taker.px * better)
        ]
        return sorted(found, key=lambda o: (o.px * better, o.arrival))

    def match(self, taker: Slow, out: list[Outcome]) -> None:
        while taker.leaves and (makers := self.makers(taker)):
            maker = makers[0]
            qty = min([taker.leaves, maker.leaves] + ([self.clip] if self.clip else []))
            maker.leaves -= qty
            taker.leaves -= qty
            out.append(Trade(maker.order_id, taker.order_id, maker.px, qty))
        self.orders = [o for o in self.orders if o.leaves or o.order_id == QUOTE]

    def enter(self, order: Slow, out: list[Outcome]) -> None:
        if order.tif is not Tif.FOK or sum(m.leaves for m in self.makers(order)) >= order.leaves:
            self.match(order, out)
        if order.leaves and (order.px is None or order.tif is not Tif.REST):
            out.append(Dropped(order.order_id, order.leaves))
        elif order.leaves:
            self.orders.append(order)

    def release(self, out: list[Outcome]) -> None:
        for order in sorted((o for o in self.orders if o.stop_px is not None), key=lambda o: o.arrival):
            seen = [q.px for q in self.orders if q.order_id == QUOTE and q.side != order.side]
            if seen and (seen[0] >= order.stop_px if order.side == BUY else seen[0] <= order.stop_px):
                self.orders.remove(order)
                order.stop_px, order.arrival = None, self.tick()
                out.append(Triggered(order.order_id))
                self.enter(order, out)

    def quote(self, bid: int, bid_qty: int, ask: int, ask_qty: int) -> list[Outcome]:
        out: list[Outcome] = []
        for side, px, qty in ((BUY, bid, bid_qty), (SELL, ask, ask_qty)):
            old = [o for o in self.orders if o.order_id == QUOTE and o.side == side]
            arrival = old[0].arrival if old and old[0].px == px else self.tick()
            self.orders = [o for o in self.orders if o not in old]
            self.orders.append(Slow(QUOTE, side, qty, px, None, Tif.REST, arrival))
        for side in (BUY, SELL):
            self.match(next(o for o in self.orders if o.order_id == QUOTE and o.side == side), out)
        self.release(out)
        return out

    def add(self, order_id: int, side: int, leaves: int, px: int | None, stop_px: int | None, tif: Tif) -> list[Outcome]:
        out: list[Outcome] = []
        order = Slow(order_id, side, leaves, px, stop_px, tif, self.tick())
        if stop_px is None:
            self.enter(order, out)
        else:
            self.orders.append(order)
            self.release(out)
        return out

    def cancel(self, order_id: int) -> int:
        order = next(o for o in self.orders if o.order_id == order_id)
        self.orders.remove(order)
        return order.leaves

    def replace(self, order_id: int, leaves: int, px: int | None, stop_px: int | None) -> list[Outcome]:
        order = next(o for o in self.orders if o.order_id == order_id)
        if (order.px, order.stop_px) == (px, stop_px) and leaves <= order.leaves:
            order.leaves = leaves
            return []
        self.orders.remove(order)
        return self.add(order_id, order.side, leaves, px, stop_px, order.tif)


PX = st.integers(95, 105)
QTY = st.integers(1, 40)
STEP = st.one_of(
    st.tuples(st.just("quote"), PX, QTY, PX, QTY),
    st.tuples(st.just("add"), st.sampled_from((BUY, SELL)), QTY, st.none() | PX, st.none() | PX, st.sampled_from(Tif)),
    st.tuples(st.just("cancel"), st.integers(0, 1000)),
    st.tuples(st.just("replace"), st.integers(0, 1000), QTY, PX, PX),
)


def live_ids(slow: SlowBook) -> list[int]:
    return sorted(o.order_id for o in slow.orders if o.order_id != QUOTE)


@given(st.lists(STEP, max_size=60), st.sampled_from((0, 1, 7)))
@settings(deadline=None, max_examples=300)
def test_book_when_driven_at_random_agrees_with_the_slow_model(steps: list[tuple], clip: int) -> None:
    book, slow, used = Book(clip), SlowBook(clip), 0
    for kind, *args in steps:
        if kind == "quote":
            assert book.quote(*args) == slow.quote(*args)
        elif kind == "add":
            used += 1
            assert book.add(BookOrder(used, *args)) == slow.add(used, *args)
        elif ids := live_ids(slow):
            target = ids[args[0] % len(ids)]
            old = next(o for o in slow.orders if o.order_id == target)
            if kind == "cancel":
                assert book.cancel(target) == slow.cancel(target)
            else:
                px = None if old.px is None else args[2]
                stop_px = None if old.stop_px is None else args[3]
                assert book.replace(target, args[1], px, stop_px) == slow.replace(target, args[1], px, stop_px)
        for order in slow.orders:
            if order.order_id != QUOTE:
                mine = book.order(order.order_id)
                assert mine is not None and (mine.leaves, mine.px, mine.stop_px, mine.arrival) == (order.leaves, order.px, order.stop_px, order.arrival)
        assert all(book.order(n) is None for n in range(1, used + 1) if n not in live_ids(slow))


def limit(order_id: int, side: int, qty: int, px: int | None, tif: Tif = Tif.REST) -> BookOrder:
    return BookOrder(order_id, side, qty, px, tif=tif)


def test_add_when_two_rest_at_one_price_trades_the_earlier_first() -> None:
    book = Book()
    book.add(limit(1, SELL, 5, 100))
    book.add(limit(2, SELL, 5, 100))
    book.add(limit(3, SELL, 5, 99))
    assert book.add(limit(4, BUY, 12, 100)) == [Trade(3, 4, 99, 5), Trade(1, 4, 100, 5), Trade(2, 4, 100, 2)]


def test_quote_when_it_crosses_a_resting_order_trades_at_the_resting_price() -> None:
    book = Book()
    book.quote(98, 10, 102, 10)
    book.add(limit(1, BUY, 25, 100))
    assert book.quote(97, 10, 99, 10) == [Trade(1, QUOTE, 100, 10)]
    assert book.displayed(SELL) == (99, 0)


def test_quote_when_it_repeats_shows_its_full_size_again() -> None:
    book = Book()
    book.quote(98, 10, 102, 10)
    book.add(limit(1, BUY, 25, 102))
    assert book.order(1).leaves == 15
    assert book.quote(98, 10, 102, 10) == [Trade(1, QUOTE, 102, 10)]


def test_replace_when_quantity_falls_keeps_its_place_and_when_it_rises_loses_it() -> None:
    book = Book()
    book.add(limit(1, SELL, 5, 100))
    book.add(limit(2, SELL, 5, 100))
    book.replace(1, 3, 100)
    assert book.add(limit(3, BUY, 1, 100)) == [Trade(1, 3, 100, 1)]
    book.replace(1, 4, 100)
    assert book.add(limit(4, BUY, 1, 100)) == [Trade(2, 4, 100, 1)]


def test_add_when_fill_or_kill_cannot_fill_whole_trades_nothing() -> None:
    book = Book()
    book.quote(98, 10, 102, 10)
    book.add(limit(1, SELL, 4, 101))
    assert book.add(limit(2, BUY, 15, 102, Tif.FOK)) == [Dropped(2, 15)]
    assert book.add(limit(3, BUY, 14, 102, Tif.FOK)) == [Trade(1, 3, 101, 4), Trade(QUOTE, 3, 102, 10)]


def test_stop_when_the_quote_reaches_it_becomes_a_market_order() -> None:
    book = Book()
    book.quote(98, 10, 102, 10)
    assert book.add(BookOrder(1, BUY, 15, None, stop_px=104)) == []
    assert book.quote(100, 10, 103, 10) == []
    assert book.quote(102, 10, 104, 10) == [Triggered(1), Trade(QUOTE, 1, 104, 10), Dropped(1, 5)]


@pytest.mark.parametrize(
    ("order", "message"),
    [(limit(1, BUY, 0, 100), "above 0"), (limit(7, BUY, 1, 100), "in use"), (limit(QUOTE, BUY, 1, 100), "in use"), (limit(1, 3, 1, 100), "side 3")],
)
def test_add_when_the_order_cannot_be_refuses_and_changes_nothing(order: BookOrder, message: str) -> None:
    book = Book()
    book.add(limit(7, SELL, 1, 101))
    with pytest.raises(BookError, match=message):
        book.add(order)
    assert book.order(7).leaves == 1 and book.order(1) is None


def test_cancel_when_the_order_is_not_there_says_so() -> None:
    with pytest.raises(BookError, match="no live order 5"):
        Book().cancel(5)
