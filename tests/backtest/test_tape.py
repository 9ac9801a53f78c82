"""Ticks of several instruments on one tape, and the slots that are made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.backtest.tape import TapeError, between, merge, slots
from ringfence.ipc.layout import dtype

COLUMNS = [("ns", "i8"), ("bid", "i8"), ("ask", "i8")]


def ticks(*rows: tuple[int, int, int]) -> Any:
    return np.array(list(rows), COLUMNS)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 20), max_size=12), min_size=1, max_size=3))
def test_merge_when_instruments_share_times_the_lower_row_comes_first(times: list[list[int]]) -> None:
    sources = {row: ticks(*((at, 100 + k, 200 + k) for k, at in enumerate(sorted(some)))) for row, some in enumerate(times, 1)}
    if not any(times):
        with pytest.raises(TapeError, match="no ticks"):
            merge(sources)
        return
    tape = merge(sources)
    expected = sorted((int(t["ns"]), row, k, int(t["bid"])) for row, some in sources.items() for k, t in enumerate(some))
    assert list(zip(tape.ns.tolist(), tape.instrument.tolist(), tape.bid.tolist(), strict=True)) == [(at, row, bid) for at, row, _, bid in expected]
    assert not tape.bid_qty.any()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (ticks((5, 1, 2), (4, 1, 2)), "time falls at tick 1"),
        (ticks((5, 0, 2)), "bid of 0"),
        (ticks((5, 1, -2)), "ask of -2"),
        (np.zeros(1, [("ns", "i8"), ("bid", "i8")]), "no column ask"),
    ],
)
def test_merge_when_ticks_cannot_be_played_it_says_which(source: Any, says: str) -> None:
    with pytest.raises(TapeError, match=says):
        merge({1: source})


def test_between_when_times_are_given_the_last_is_left_out() -> None:
    tape = merge({1: ticks((1, 5, 6), (2, 5, 6), (2, 7, 8), (3, 5, 6))})
    assert between(tape, 2, 3).bid.tolist() == [5, 7]
    assert len(between(tape, None, None)) == 4
    with pytest.raises(TapeError, match="between"):
        between(tape, 4, None)


@pytest.mark.parametrize("piece", [1, 2, 5])
def test_slots_when_a_tape_is_cut_into_pieces_they_are_what_a_feed_would_have_published(piece: int) -> None:
    tape = merge({1: ticks((10, 5, 6), (20, 9, 8), (30, 5, 7)), 2: ticks((15, 50, 60), (20, 51, 61))})
    made = [slots(tape, first, min(first + piece, 5), 100) for first in range(0, 5, piece)]
    got = np.concatenate([np.frombuffer(t, dtype("QuoteTick")) for t in made])
    assert got["instrument"].tolist() == [1, 2, 1, 2, 1]
    assert got["flags"].tolist() == [0, 0, 2, 0, 0]
    assert got["bid"].tolist() == [5, 50, 9, 51, 5]
    assert (got["published_ns"] - got["source_ns"]).tolist() == [100] * 5


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [("bid", 1.5, "column bid is float64"), ("bid", float("nan"), "column bid is float64"), ("bid_qty", -1, "bid_qty of -1"), ("ns", -5, "ns of -5")],
)
def test_tape_when_a_column_cannot_be_says_which(column: str, value: float, says: str) -> None:
    columns = {"ns": 1, "bid": 100, "ask": 101, "bid_qty": 0, "ask_qty": 0} | {column: value}
    made = np.array([tuple(columns.values())], [(name, "f8" if isinstance(v, float) else "i8") for name, v in columns.items()])
    with pytest.raises(TapeError, match=says):
        merge({1: made})
