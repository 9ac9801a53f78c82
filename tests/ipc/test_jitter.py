"""A loop that listens on its core: every gap is counted, what is long is kept, and it ends when it is told to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ringfence.ipc import jitter, stop


@pytest.fixture(autouse=True)
def asked_nothing() -> Iterator[None]:
    stop.clear()
    yield
    stop.clear()


def test_listener_counts_every_gap_and_their_sum_is_the_time_it_ran() -> None:
    heard = jitter.listen(0.02, 1)
    assert not heard.stopped and heard.ran_ns >= 20_000_000
    assert heard.gaps.count == int(heard.gaps.counts.sum()) > 0
    assert 0 <= heard.lost_ns <= heard.ran_ns
    assert heard.over_count >= len(heard.over) == min(heard.over_count, jitter.KEPT), "nearly every gap is so long, and the first are kept"
    ends = [at + gap for at, gap in heard.over]
    assert all(at >= end for (at, _), end in zip(heard.over[1:], ends, strict=False)), "gaps come one after the other"
    assert max(gap for _, gap in heard.over) <= heard.gaps.max


def test_listener_when_no_gap_is_so_long_keeps_none() -> None:
    heard = jitter.listen(0.005, 1 << 60)
    assert (heard.over, heard.over_count, heard.lost_ns) == ([], 0, 0)


def test_listener_when_it_is_asked_to_stop_ends_at_once_and_says_so() -> None:
    stop.request()
    heard = jitter.listen(3600.0, 1000)
    assert heard.stopped and heard.ran_ns < 3600 * 10**9


@pytest.mark.parametrize(("seconds", "threshold"), [(0.0, 1), (-1.0, 1), (float("nan"), 1), (float("inf"), 1), (1.0, 0)])
def test_listener_when_a_figure_is_no_time_refuses(seconds: float, threshold: int) -> None:
    with pytest.raises(ValueError, match="both are above 0"):
        jitter.listen(seconds, threshold)
