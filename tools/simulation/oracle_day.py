"""The trading day by the rules: when it may begin, and what begins with it.

    START, ROLL_DAY ─▶ learn(): how long before the end of its date a day begins ─▶ is_due() ─▶ roll()

Written from docs/operations.md. Reads and writes the Model alone; nothing here fails.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation import oracle_records
from ringfence.tools.simulation.oracle_model import Model, ask_status
from ringfence.tools.simulation.oracle_rules import day_code, is_day

DAY = ENUMS["TimeInForce"].by_name["DAY"]
NANO = 1_000_000_000
LEAD_MAX = 62 * 3600
CLOCK_CHANGE = 3600
DAYS_AHEAD = 31


def body_of(day: int, begins_ns: int) -> bytes:
    """A DayStart."""
    return oracle_records.DAY_START.pack(begins_ns, day).ljust(256, b"\0")


def _ends_ns(day: int) -> int:
    """The end of a date, in UTC."""
    return int((datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=day_code(day) + 1)).timestamp()) * NANO


def can_begin(m: Model, day: int) -> bool:
    """Only forward, and at most a month at once."""
    return is_day(day) and m.day < day and day_code(day) - m.day_code <= DAYS_AHEAD


def is_due(m: Model, day: int) -> bool:
    """Whether the schedule has it begun; a clock change is let pass."""
    return m.day_lead_s != 0 and is_day(day) and m.now >= _ends_ns(day) - (m.day_lead_s + CLOCK_CHANGE) * NANO


def learn(m: Model, day: int, begins_ns: int, *, agreed: bool) -> None:
    """A later beginning than known counts at once, an earlier one when it is agreed to."""
    if not is_day(day) or not begins_ns or not 0 < _ends_ns(day) - begins_ns <= LEAD_MAX * NANO:
        return
    lead = (_ends_ns(day) - begins_ns) // NANO
    if agreed or lead < m.day_lead_s:
        m.day_lead_s = lead


def roll(m: Model, day: int) -> None:
    """Orders are carried as they are; an old DAY order that is still open is in doubt and asked for."""
    m.day, m.day_code = day, day_code(day)
    m.turnover.clear()
    for s in m.strategies.values():
        for o in s.open.values():
            if o.time_in_force == DAY and o.day < m.day_code:
                o.unverified = o.unverified or o.base != "UNKNOWN"
                ask_status(m, o)
                m.touched[o.row] = o
