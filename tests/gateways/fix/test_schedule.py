"""Session windows: daily, weekly, over midnight, over clock changes; and when numbers are due for a reset."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix.schedule import Schedule

NEW_YORK_WEEK = Schedule("America/New_York", "17:00:00", "16:59:00", "sunday", "friday")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def window(schedule: Schedule, text: str) -> tuple[bool, int, int]:
    return schedule.in_session(at(text)), schedule.window_start(at(text)), schedule.window_end(at(text))


def test_daily_when_open_and_closed() -> None:
    schedule = Schedule("UTC", "08:00:00", "17:00:00")
    assert window(schedule, "2026-03-03T08:00:00") == (True, at("2026-03-03T08:00:00"), at("2026-03-03T17:00:00"))
    assert window(schedule, "2026-03-03T17:00:00") == (False, at("2026-03-04T08:00:00"), at("2026-03-04T17:00:00"))
    assert window(schedule, "2026-03-03T07:59:59")[:2] == (False, at("2026-03-03T08:00:00"))


def test_daily_when_start_is_end_has_no_pause() -> None:
    assert window(Schedule(), "2026-03-03T00:00:00") == (True, at("2026-03-03T00:00:00"), at("2026-03-04T00:00:00"))


def test_daily_when_over_midnight_belongs_to_the_day_it_starts() -> None:
    schedule = Schedule("UTC", "22:00:00", "21:00:00", days=("friday",))
    assert window(schedule, "2026-03-07T12:00:00") == (True, at("2026-03-06T22:00:00"), at("2026-03-07T21:00:00"))
    assert window(schedule, "2026-03-07T22:30:00")[:2] == (False, at("2026-03-13T22:00:00"))


@pytest.mark.parametrize(
    ("now", "is_open", "start"),
    [
        ("2026-03-08T20:59:59", False, "2026-03-08T21:00:00"),  # the clocks went forward that morning
        ("2026-03-08T21:00:00", True, "2026-03-08T21:00:00"),
        ("2026-03-01T22:00:00", True, "2026-03-01T22:00:00"),
        ("2026-03-06T21:58:59", True, "2026-03-01T22:00:00"),
        ("2026-03-06T21:59:00", False, "2026-03-08T21:00:00"),
        ("2026-11-01T22:00:00", True, "2026-11-01T22:00:00"),  # and back
    ],
)
def test_weekly_when_clocks_change_follows_the_local_time(now: str, is_open: bool, start: str) -> None:
    assert window(NEW_YORK_WEEK, now)[:2] == (is_open, at(start))


def test_daily_when_the_start_is_skipped_by_the_clock_begins_at_the_change() -> None:
    schedule = Schedule("America/New_York", "02:30:00", "02:00:00")
    assert schedule.window_start(at("2026-03-08T12:00:00")) == at("2026-03-08T07:00:00")


def test_daily_when_the_end_comes_twice_windows_do_not_overlap() -> None:
    schedule = Schedule("America/New_York", "01:30:00", "01:30:00")
    for hour in range(0, 24):
        now = at(f"2026-11-01T{hour:02d}:15:00")
        assert schedule.in_session(now)
        assert schedule.window_start(now) <= now < schedule.window_end(now)


def test_weekly_when_start_is_end_lasts_the_week() -> None:
    schedule = Schedule("UTC", "00:00:00", "00:00:00", "monday", "monday")
    assert window(schedule, "2026-03-08T23:59:59") == (True, at("2026-03-02T00:00:00"), at("2026-03-09T00:00:00"))


@pytest.mark.parametrize(
    ("numbers", "now", "due"),
    [
        ("2026-03-03T08:00:00", "2026-03-03T09:00:00", False),
        ("2026-03-02T09:00:00", "2026-03-03T09:00:00", True),
        ("2026-03-02T09:00:00", "2026-03-03T07:00:00", False),  # closed: nothing is due before the window opens
    ],
)
def test_reset_when_numbers_belong_to_an_older_window(numbers: str, now: str, due: bool) -> None:
    assert Schedule("UTC", "08:00:00", "17:00:00").reset_due(at(numbers), at(now)) is due
    assert not Schedule("UTC", "08:00:00", "17:00:00", reset=False).reset_due(at(numbers), at(now))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone was 'Mars/Olympus'"),
        ({"start": "8:00"}, "start was '8:00'"),
        ({"end": "25:00:00"}, "end was '25:00:00'"),
        ({"start_day": "sunday"}, "go together"),
        ({"start_day": "sunday", "end_day": "someday"}, "end_day was 'someday'"),
        ({"days": ("",)}, "days was ''"),
        ({"start_day": "sunday", "end_day": "friday", "days": ("monday",)}, "days belong to a daily session"),
    ],
)
def test_schedule_when_a_value_is_not_allowed_names_it(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SessionError, match=message):
        Schedule(**changes)
