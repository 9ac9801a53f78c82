"""Histograms against a sorted list: percentiles to 1/32, merge, window; and the C arithmetic against Python's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.ipc.histogram import BUCKETS, VALUE_BITS, Histogram, bucket_bounds, bucket_index
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import ENUMS

ROLE = ENUMS["Role"].by_name["ENGINE"]
values = st.lists(st.integers(0, 2**VALUE_BITS - 1) | st.integers(0, 200), min_size=1, max_size=60)


def histogram(numbers: list[int]) -> Histogram:
    counts = [0] * BUCKETS
    for n in numbers:
        counts[bucket_index(n)] += 1
    return Histogram.from_counts(counts, sum(numbers), max(numbers), min(numbers))


def test_buckets_when_walked_cover_every_value_once() -> None:
    expected = 0
    for index in range(BUCKETS):
        low, high = bucket_bounds(index)
        assert low == expected
        assert (bucket_index(low), bucket_index(high)) == (index, index)
        assert (high - low) * 32 <= low or high == low
        expected = high + 1
    assert expected == 2**VALUE_BITS


@settings(deadline=None, max_examples=200)
@given(values, st.integers(0, 100))
def test_percentile_when_compared_with_sorting_is_at_most_a_32nd_above(numbers: list[int], p: int) -> None:
    exact = sorted(numbers)[max(1, -(-p * len(numbers) // 100)) - 1]
    assert exact <= histogram(numbers).percentile(p) <= exact + exact // 32


@settings(deadline=None, max_examples=60)
@given(values, values)
def test_histogram_when_merged_and_windowed_gives_the_parts_back(first: list[int], second: list[int]) -> None:
    both = histogram(first) + histogram(second)
    assert (both, both.total, both.max, both.min) == (histogram(first + second), sum(first + second), max(first + second), min(first + second))
    window = both - histogram(first)
    assert (window, window.count, window.total) == (histogram(second), len(second), sum(second))


def test_histogram_when_the_later_reading_is_subtracted_is_refused() -> None:
    with pytest.raises(ValueError, match="earlier reading"):
        histogram([1]) - histogram([1, 2])


def test_histogram_when_empty_is_all_zero() -> None:
    empty = Histogram.from_counts([0] * BUCKETS)
    assert (empty.count, empty.percentile(99), empty.mean, empty.max) == (0, 0, 0.0, 0)


@pytest.mark.parametrize("p", [-1, 101])
def test_percentile_when_out_of_range_is_refused(p: int) -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        histogram([1]).percentile(p)


def test_record_when_done_in_c_counts_in_the_bucket_that_python_names(instance: str) -> None:
    numbers = sorted({n + d for k in range(VALUE_BITS) for n in (1 << k, 33 << k) for d in (-1, 0, 1)} | {2**63, 2**64 - 1})
    metrics = Metrics.create(instance, "m", [], ["h"], role=ROLE, epoch=1)
    for n in numbers:
        metrics.record("h", n)
    found = metrics.histograms()["h"]
    assert found == Histogram.from_counts(histogram(numbers).counts)
    assert (found.count, found.max, found.min) == (len(numbers), 2**64 - 1, 0)
