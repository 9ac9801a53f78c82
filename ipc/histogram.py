"""A log-bucket latency histogram as read from shared memory: percentiles, merge, window.

The writer's side is metrics.h: 32 sub-buckets per power of two, relative error at most 1/32. A ``Histogram`` is a detached
copy of its counts. ``a + b`` merges two components; ``later - earlier`` is the window between two readings, whose largest and smallest
value are only known to their bucket. Counting goes by the buckets, so a reading taken during a write is consistent in itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SUB_BITS = 5
VALUE_BITS = 47
BUCKETS = (VALUE_BITS - SUB_BITS + 1) << SUB_BITS


def bucket_index(value: int) -> int:
    """Return the bucket of ``value`` [ns]; the same arithmetic as ``rf_histogram_index``."""
    if value >> VALUE_BITS:
        return BUCKETS - 1
    shift = max(value.bit_length() - 1, SUB_BITS) - SUB_BITS
    return (shift << SUB_BITS) + (value >> shift)


def bucket_bounds(index: int) -> tuple[int, int]:
    """Return the lowest and the highest value [ns] that count in bucket ``index``."""
    if index < 1 << (SUB_BITS + 1):
        return index, index
    shift = (index >> SUB_BITS) - 1
    low = (index - (shift << SUB_BITS)) << shift
    return low, low + (1 << shift) - 1


class Histogram:
    """Counts per bucket with sum, max and min [ns]; immutable."""

    def __init__(self, counts: np.ndarray[Any, np.dtype[np.uint64]], total: int, maximum: int, minimum: int) -> None:
        self._counts = counts
        self._cumulative = np.cumsum(counts)
        self.count = int(self._cumulative[-1])
        self.total = total
        self.max = maximum
        self.min = minimum

    @classmethod
    def from_counts(cls, counts: Any, total: int | None = None, maximum: int | None = None, minimum: int | None = None) -> Histogram:
        """Build from bucket counts; what is not given is taken from the buckets' bounds.

        Raises
        ------
        ValueError
            If there are not exactly ``BUCKETS`` counts.
        """
        array = np.array(counts, dtype=np.uint64)
        if array.shape != (BUCKETS,):
            raise ValueError(f"a histogram has {BUCKETS} buckets, {array.shape} were given")
        used = np.flatnonzero(array)
        if not len(used):
            return cls(array, 0, 0, 0)
        if total is None:
            total = sum(int(array[i]) * (sum(bucket_bounds(int(i))) // 2) for i in used)
        high, low = bucket_bounds(int(used[-1]))[1], bucket_bounds(int(used[0]))[0]
        return cls(array, total, high if maximum is None else maximum, low if minimum is None else minimum)

    @property
    def counts(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        """A copy of the counts per bucket."""
        return self._counts.copy()

    @property
    def mean(self) -> float:
        """Mean [ns]; 0 when empty."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, p: float) -> int:
        """Return the value [ns] that ``p`` percent of the records do not exceed, to 1/32 above; 0 when empty.

        Raises
        ------
        ValueError
            If ``p`` is not in 0 to 100.
        """
        if not 0 <= p <= 100:
            raise ValueError(f"percentile was {p}, allowed are 0 to 100")
        if not self.count:
            return 0
        rank = max(1, -int(-(p * self.count) // 100))
        index = int(np.searchsorted(self._cumulative, rank))
        return max(self.min, min(bucket_bounds(index)[1], self.max))

    def __add__(self, other: Histogram) -> Histogram:
        if not other.count or not self.count:
            return self if self.count else other
        return Histogram(self._counts + other._counts, self.total + other.total, max(self.max, other.max), min(self.min, other.min))

    def __sub__(self, earlier: Histogram) -> Histogram:
        if (self._counts < earlier._counts).any():
            raise ValueError("the histogram to subtract is not an earlier reading of this one: a count would be negative")
        window = self._counts - earlier._counts
        return Histogram.from_counts(window, self.total - earlier.total)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and bool((self._counts == other._counts).all())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Histogram count={self.count} p50={self.percentile(50)} p99={self.percentile(99)} max={self.max} ns>"
