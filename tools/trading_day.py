"""The trading day of an instance: which one it is, and when the next begins.

    [instance] roll = "17:00 America/New_York"  ──▶ parse_roll ──▶ trading_day of a moment, moment of the next_roll

A trading day is named by a date, YYYYMMDD. It begins at the roll time of its time zone: with 00:00 that is the date itself, with a later time the day
that began in the evening has the next date's name, as in FX. Pure functions of the time given; who asks owns the clock. A local time that a change of
the clock skips is read as if the clock had not changed yet, of one that comes twice the first counts. What can fail: the text of a roll, when it is read.
Rejected: holidays and weekends (a session's schedule says when it trades; a trading day without trades is harmless).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NANO = 1_000_000_000
_TEXT = re.compile(r"([01]\d|2[0-3]):([0-5]\d) ([A-Za-z0-9_+/-]{1,40})")


@lru_cache(maxsize=16)
def parse_roll(text: str) -> tuple[time, ZoneInfo]:
    """Read ``HH:MM ZONE``: the time of day and the time zone.

    Raises
    ------
    ValueError
        If the text is not of that form or the zone is not known here.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not HH:MM ZONE")
    try:
        return time(int(match[1]), int(match[2])), ZoneInfo(match[3])
    except (ZoneInfoNotFoundError, OSError) as e:
        raise ValueError(f"no time zone {match[3]!r}") from e


def trading_day(roll: str, ns: int) -> int:
    """Trading day [YYYYMMDD] at a time [ns since 1970, UTC]."""
    at, zone = parse_roll(roll)
    local = datetime.fromtimestamp(ns // NANO, UTC).astimezone(zone)
    begun = at != time(0) and ns >= _moment(local, at, zone)
    return int((local.date() + timedelta(days=begun)).strftime("%Y%m%d"))


def begins(roll: str, day: int) -> int:
    """When a trading day [YYYYMMDD] begins [ns since 1970]."""
    at, zone = parse_roll(roll)
    name = date(day // 10_000, day // 100 % 100, day % 100)
    return int(datetime.combine(name - timedelta(days=at != time(0)), at, zone).timestamp()) * NANO


def next_roll(roll: str, ns: int) -> int:
    """When the next trading day begins [ns since 1970], after ``ns``."""
    at, zone = parse_roll(roll)
    local = datetime.fromtimestamp(ns // NANO, UTC).astimezone(zone)
    found = _moment(local, at, zone)
    return found if found > ns else _moment(local + timedelta(days=1), at, zone)


def _moment(local: datetime, at: time, zone: ZoneInfo) -> int:
    """The roll on the date of ``local``."""
    return int(datetime.combine(local.date(), at, zone).timestamp()) * NANO
