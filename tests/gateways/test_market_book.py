"""The market data book against a slow, obvious model, and the entries that make it ask for a snapshot."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.gateways import market_book
from ringfence.gateways.market_book import BUY, CHANGE, DELETE, NEW, SELL, MarketBook

step = st.tuples(
    st.sampled_from([NEW, CHANGE, DELETE]), st.sampled_from([BUY, SELL]), st.integers(1, 6), st.integers(0, 9), st.sampled_from([b"", b"a", b"b", b"c"])
)


@settings(deadline=None, max_examples=200)
@given(depth=st.integers(2, 4), steps=st.lists(step, max_size=40))
def test_book_when_entries_come_and_go_shows_the_best_levels_and_tells_each_change(depth: int, steps: list[tuple[int, int, int, int, bytes]]) -> None:
    book = MarketBook(depth)
    entries: dict[object, tuple[int, int, int]] = {}
    seen: dict[tuple[int, int], int] = {}
    for action, side, px, qty, entry_id in steps:
        key: object = entry_id or (side, px)
        plain = (side, px)
        if action == DELETE:
            target = key if key in entries else plain
            expected = target in entries
            entries.pop(target, None)
        else:
            expected = action == NEW or key in entries or plain in entries
            if expected:
                if entry_id:
                    entries.pop(plain, None)
                entries[key] = (side, px, qty)
        assert book.apply(action, side, px, qty, entry_id) == expected
        for told_side, told_action, told_px, told_qty in book.changes():
            before = (told_side, told_px) in seen
            assert before == (told_action != NEW)
            if told_action == DELETE:
                del seen[told_side, told_px]
            else:
                seen[told_side, told_px] = told_qty
        for side_, sign in ((BUY, -1), (SELL, 1)):
            sums: dict[int, int] = {}
            for s, p, q in entries.values():
                if s == side_:
                    sums[p] = sums.get(p, 0) + q
            best = sorted(sums.items(), key=lambda level: sign * level[0])[:depth]
            assert book.levels(side_) == best
            assert book.top(side_) == (best[0] if best else (0, 0))
            assert sorted((p, q) for (s, p), q in seen.items() if s == side_) == sorted(best)


def test_book_when_only_the_top_is_kept_a_new_one_replaces_it() -> None:
    book = MarketBook(1)
    for px in (10, 12, 11):
        assert book.apply(NEW, BUY, px, 5)
    assert book.top(BUY) == (11, 5)


def test_book_when_an_entry_is_named_by_its_id_or_by_the_one_it_replaces_finds_it() -> None:
    book = MarketBook(5)
    book.apply(NEW, BUY, 10, 5, b"a")
    assert book.apply(CHANGE, 0, None, 7, b"a") and book.top(BUY) == (10, 7)
    assert book.apply(NEW, BUY, 11, 1, b"b", ref_id=b"a") and book.levels(BUY) == [(11, 1)]
    assert book.replaces(BUY, b"b", b"") and book.apply(DELETE, 0, None, 0, b"b") and book.top(BUY) == (0, 0)
    assert not book.apply(DELETE, 0, None, 0, b"b")
    assert not book.apply(CHANGE, 0, 10, 5, b"z")


def test_book_when_an_entry_is_named_by_its_former_id_alone_finds_it() -> None:
    book = MarketBook(5)
    book.apply(NEW, BUY, 10, 5, b"a")
    assert book.apply(CHANGE, BUY, 11, 6, b"b", ref_id=b"a") and book.levels(BUY) == [(11, 6)]
    assert book.apply(CHANGE, 0, None, 7, ref_id=b"b") and book.levels(BUY) == [(11, 7)]
    assert book.apply(DELETE, BUY, 11, 0, ref_id=b"b") and book.levels(BUY) == []
    assert not book.apply(CHANGE, BUY, 11, 6, b"d", ref_id=b"c")


def test_book_when_a_change_tells_no_quantity_keeps_it() -> None:
    book = MarketBook(5)
    book.apply(NEW, BUY, 10, 5, b"a")
    book.apply(NEW, SELL, 12, 6)
    assert book.apply(CHANGE, BUY, 11, None, b"a") and book.top(BUY) == (11, 5)
    assert book.apply(CHANGE, SELL, 12, None) and book.top(SELL) == (12, 6)
    assert book.apply(CHANGE, SELL, 12, 0) and book.top(SELL) == (12, 0)


def test_book_when_only_the_top_is_kept_takes_a_deep_snapshot_and_deletes_in_any_order() -> None:
    book = MarketBook(1)
    for px in (12, 11, 10):
        assert book.apply(NEW, BUY, px, px, snapshot=True)
    assert book.top(BUY) == (12, 12), "the best of the snapshot, not the last"
    assert book.apply(NEW, BUY, 9, 5) and book.top(BUY) == (9, 5)
    assert book.apply(NEW, BUY, 8, 5) and book.apply(DELETE, BUY, 9, 0) and book.top(BUY) == (8, 5), "the new top came before the delete of the old one"
    assert not book.apply(DELETE, BUY, 7, 0), "of a price that was not the top"
    assert book.apply(DELETE, BUY, None, None) and book.top(BUY) == (0, 0)


def test_book_when_there_are_too_many_entries_says_so() -> None:
    book = MarketBook(2)
    assert all(book.apply(NEW, BUY, px, 1) for px in range(1, market_book.ENTRIES_MAX + 1))
    assert not book.apply(NEW, BUY, market_book.ENTRIES_MAX + 1, 1)
