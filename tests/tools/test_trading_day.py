"""Which trading day a moment has, and when the next begins: against a search minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.tools.trading_day import begins, next_roll, parse_roll, trading_day

NANO = 1_000_000_000
ROLLS = ("00:00 UTC", "17:00 America/New_York", "02:30 America/New_York", "00:00 Asia/Tokyo", "22:00 Europe/London")


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NANO


@pytest.mark.parametrize(
    ("roll", "at", "day", "begins"),
    [
        ("00:00 UTC", "2026-01-31T23:59:59", 20260131, "2026-02-01T00:00:00"),
        ("17:00 America/New_York", "2026-01-30T21:59:59", 20260130, "2026-01-30T22:00:00"),
        ("17:00 America/New_York", "2026-01-30T22:00:00", 20260131, "2026-01-31T22:00:00"),
        ("17:00 America/New_York", "2026-03-08T20:59:59", 20260308, "2026-03-08T21:00:00"),  # summer time has begun that morning
        ("02:30 America/New_York", "2026-03-08T07:29:59", 20260308, "2026-03-08T07:30:00"),  # 02:30 is skipped: 03:30 it is
        ("02:30 America/New_York", "2026-03-08T07:30:00", 20260309, "2026-03-09T06:30:00"),
    ],
)
def test_trading_day_when_it_rolls_has_the_next_name(roll: str, at: str, day: int, begins: str) -> None:
    assert (trading_day(roll, ns(at)), next_roll(roll, ns(at))) == (day, ns(begins))


@given(roll=st.sampled_from(ROLLS), at=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)))
def test_next_roll_when_it_comes_changes_the_day_by_one_and_nothing_before_does(roll: str, at: datetime) -> None:
    now = int(at.replace(tzinfo=UTC).timestamp()) * NANO
    next_ns = next_roll(roll, now)
    assert now < next_ns <= now + 25 * 3600 * NANO
    before, after = trading_day(roll, next_ns - NANO), trading_day(roll, next_ns)
    assert before == trading_day(roll, now)
    assert (begins(roll, before) <= now, begins(roll, after)) == (True, next_ns)
    name = datetime.strptime(str(before), "%Y%m%d") + timedelta(days=1)
    assert after == int(name.strftime("%Y%m%d"))


@pytest.mark.parametrize("text", ["", "17:00", "5:00 UTC", "24:00 UTC", "17:00 Nowhere/City", "17:00 America", "17:00 ../etc"])
def test_roll_when_it_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"HH:MM ZONE|no time zone"):
        parse_roll(text)


def test_roll_when_read_has_its_zone() -> None:
    assert parse_roll("17:00 America/New_York")[1] == ZoneInfo("America/New_York")
