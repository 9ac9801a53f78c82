"""When a FIX session is open: daily or weekly windows in a time zone, as pure functions of the time.

    [start, end) each day, each day of ``days``, or once a week from ``start_day`` to ``end_day``; start == end: all day, or all week

A window that ends before it starts in local time reaches over midnight and belongs to the day on which it starts. Sequence numbers belong to one window: when a
store's were last reset before the current window began, they are due for a reset. Local times follow the zone's clock changes: a time that a change
skips counts from the moment of the change, one that comes twice means the first; windows never overlap.

Time goes in and out as ns since 1970 (UTC). Nothing here reads a clock. What can fail: settings, when the schedule is made.
Rejected: offsets from UTC (a venue opens at 17:00 in New York in summer and in winter), cron syntax (nobody can tell when it ends).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ringfence.gateways.errors import SessionError

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SECOND_NS = 1_000_000_000
Window = tuple[int, int]


@dataclass(frozen=True)
class Schedule:
    """Windows of a session.

    Parameters
    ----------
    time_zone : str
        IANA name, for example ``America/New_York``.
    start, end : str
        Local times ``HH:MM:SS``. Equal: no pause between windows.
    start_day, end_day : str
        Both: one window a week. Neither: one a day. Names are ``monday`` to ``sunday``.
    days : tuple of str
        Days on which a daily window starts; empty: every day.
    reset : bool
        Sequence numbers start at 1 in every window.

    Raises
    ------
    SessionError
        A value is not allowed; the message names it.
    """

    time_zone: str = "UTC"
    start: str = "00:00:00"
    end: str = "00:00:00"
    start_day: str = ""
    end_day: str = ""
    days: tuple[str, ...] = ()
    reset: bool = True

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise SessionError(f"time_zone was {self.time_zone!r}; use an IANA name such as America/New_York") from error
        for name in ("start", "end"):
            _clock(name, getattr(self, name))
        if bool(self.start_day) != bool(self.end_day):
            raise SessionError("start_day and end_day go together: a weekly session has both, a daily one neither")
        for name, day in (("start_day", self.start_day), ("end_day", self.end_day), *(("days", day) for day in self.days)):
            if (day and day not in DAYS) or (name == "days" and not day):
                raise SessionError(f"{name} was {day!r}; use one of {', '.join(DAYS)}")
        if self.start_day and self.days:
            raise SessionError("days belong to a daily session; leave them out beside start_day and end_day")

    def in_session(self, now_ns: int) -> bool:
        """True while a window is open."""
        return self._current(now_ns) is not None

    def window_start(self, now_ns: int) -> int:
        """Start [ns] of the window that is open, else of the next one."""
        return (self._current(now_ns) or self._next(now_ns))[0]

    def window_end(self, now_ns: int) -> int:
        """End [ns] of the window that is open, else of the next one."""
        return (self._current(now_ns) or self._next(now_ns))[1]

    def reset_due(self, numbers_ns: int, now_ns: int) -> bool:
        """True when sequence numbers that were last reset at ``numbers_ns`` belong to an older window than the one that is open."""
        current = self._current(now_ns)
        return self.reset and current is not None and numbers_ns < current[0]

    def _current(self, now_ns: int) -> Window | None:
        return next((w for w in self._windows(now_ns) if w[0] <= now_ns < w[1]), None)

    def _next(self, now_ns: int) -> Window:
        return next(w for w in self._windows(now_ns) if w[0] > now_ns)

    def _windows(self, now_ns: int) -> list[Window]:
        """Windows that start from nine days before to nine days after now, in order, none empty, none reaching into the next."""
        zone = ZoneInfo(self.time_zone)
        today = datetime.fromtimestamp(now_ns // SECOND_NS, zone).date()
        starts = (self.start_day,) if self.start_day else self.days or DAYS
        windows: list[Window] = []
        for offset in range(-9, 10):
            day = today + timedelta(offset)
            if DAYS[day.weekday()] not in starts:
                continue
            begin, finish = _instant(day, self.start, zone), _instant(day + timedelta(self._length_days()), self.end, zone)
            if windows and windows[-1][1] > begin:
                windows[-1] = windows[-1][0], begin
            if finish > begin:
                windows.append((begin, finish))
        return windows

    def _length_days(self) -> int:
        """Days from the start's date to the end's."""
        over = self.end <= self.start
        if not self.start_day:
            return int(over)
        days = (DAYS.index(self.end_day) - DAYS.index(self.start_day)) % 7
        return 7 if days == 0 and over else days


def _clock(name: str, text: str) -> time:
    try:
        if len(text) != 8:
            raise ValueError(text)
        return time.fromisoformat(text)
    except ValueError as error:
        raise SessionError(f"{name} was {text!r}; use a local time HH:MM:SS") from error


def _instant(day: date, text: str, zone: ZoneInfo) -> int:
    """Local time of a day as ns since 1970; a skipped one is the moment of the change, of a repeated one the first counts."""
    local = datetime.combine(day, time.fromisoformat(text), zone)
    utc = local.astimezone(UTC)
    if utc.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        # in the gap of a clock change: fold=1 reads it by the new offset, which is as far before the change as fold=0 is behind it
        early = local.replace(fold=1).astimezone(UTC)
        low, high = int(early.timestamp()), int(utc.timestamp())
        before = zone.utcoffset(datetime.fromtimestamp(low, zone))
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (middle, high) if zone.utcoffset(datetime.fromtimestamp(middle, zone)) == before else (low, middle)
        return high * SECOND_NS
    return int(utc.timestamp()) * SECOND_NS
