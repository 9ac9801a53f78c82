"""Delays on the way: nothing overtakes, and a seed repeats them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.backtest.latency import NEVER, Delay, Latency


@settings(deadline=None)
@given(st.lists(st.integers(0, 1_000)), st.integers(0, 500), st.integers(0, 500), st.integers(0, 99))
def test_delay_when_things_are_sent_they_come_in_order_and_within_the_jitter(gaps: list[int], fixed: int, jitter: int, seed: int) -> None:
    way = Delay[int](fixed, jitter, Random(seed))
    sent = [sum(gaps[: k + 1]) for k in range(len(gaps))]
    for number, at in enumerate(sent):
        way.send(number, at)
    last = 0
    for number, at in enumerate(sent):
        due = way.due_ns
        assert max(last, at + fixed) <= due <= max(last, at + fixed + jitter)
        assert way.take() == number
        last = due
    assert way.due_ns == NEVER


def test_delay_when_the_seed_is_the_same_so_are_the_delays() -> None:
    def dues(seed: int) -> list[int]:
        way, out = Delay[int](10, 1_000, Random(seed)), []
        for number in range(20):
            way.send(number, number * 10_000)
            out.append(way.due_ns)
            way.take()
        return out

    assert dues(1) == dues(1) != dues(2)


@pytest.mark.parametrize("wrong", [{"order_ns": -1}, {"strategy_ns": 0}, {"jitter_ns": 1.5}, {"feed_ns": 1 << 60}])
def test_latency_when_a_delay_cannot_be_it_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Latency(**wrong)
