"""The trading day: its name, its beginning, and the schedule that says when the next may begin.

    START, ROLL_DAY ──day, when the schedule has it begin──▶ day_lead_s ──is_due──▶ the instance or one person begins it; before its time it takes two

A day takes back what was used of the day's limits (turnover, loss, short sales), so it begins when its time has come and not when somebody likes. Time zones
and clock changes are resolved before the command is journaled; kept is how long before the end of its date, in UTC, a day begins. A clock change moves that
by an hour, which is let pass. A schedule that begins days earlier than the known one, or the first of an instance that has traded without, counts when two
have agreed to a day that began by it.
An absurd or missing beginning says nothing. Written by the engine alone; nothing here fails. Rejected: the name of the time zone in the state (its rules are
another file, which a replay would need).
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from ringfence.core.calendar cimport days_since_2000, end_of_day_ns
from ringfence.core.orders cimport request_status
from ringfence.core.reservations cimport begin_day
from ringfence.core.state cimport EngineState
from ringfence.core.value_dates cimport date_instruments, settle_dates
from ringfence.ipc.records cimport RF_ORD_STATUS_UNKNOWN, RF_ORDER_UNVERIFIED, RF_TIME_IN_FORCE_DAY, Order

cdef enum:
    DAYS_AHEAD = 31       # that a roll may be
    LEAD_S_MAX = 223200   # 00:00 in the eastmost zone, of the evening before: 62 hours before the end of the date in UTC
    CLOCK_CHANGE_S = 3600

cdef uint64_t SECOND_NS = 1000000000


cdef int valid_day(uint32_t yyyymmdd) noexcept nogil:
    return 2000 <= yyyymmdd // 10000 < 2089 and 1 <= yyyymmdd // 100 % 100 <= 12 and 1 <= yyyymmdd % 100 <= 31


cdef void set_day(EngineState *s, uint32_t day) noexcept nogil:
    s.engine.day = day
    s.engine.day_code = days_since_2000(day)
    date_instruments(s)


cdef int can_roll(const EngineState *s, uint32_t day) noexcept nogil:
    """Days only go forward: one typed wrong would expire every contract and stop the rolls for the life of the journal. START goes on after any pause."""
    return valid_day(day) and day > s.engine.day and days_since_2000(day) - s.engine.day_code <= DAYS_AHEAD


cdef int is_due(const EngineState *s, uint32_t day) noexcept nogil:
    if s.engine.day_lead_s == 0 or not valid_day(day):
        return 0
    return s.engine.engine_ns + (<uint64_t>s.engine.day_lead_s + CLOCK_CHANGE_S) * SECOND_NS >= end_of_day_ns(day)


cdef void learn_schedule(EngineState *s, uint32_t day, uint64_t begins_ns, int agreed) noexcept nogil:
    cdef uint64_t ends_ns = end_of_day_ns(day)
    cdef uint32_t lead
    if begins_ns == 0 or begins_ns >= ends_ns or ends_ns - begins_ns > LEAD_S_MAX * SECOND_NS:
        return
    lead = <uint32_t>((ends_ns - begins_ns) // SECOND_NS)
    if agreed or lead < s.engine.day_lead_s:
        s.engine.day_lead_s = lead


cdef void roll_day(EngineState *s, uint32_t day) noexcept nogil:
    """Counters of the day start at 0; order ids go on, so no ClOrdID comes twice.

    Orders are carried as they are. A DAY order that is still open should have ended at the venue; nobody assumes so: it is unverified and asked for.
    """
    cdef uint32_t row
    set_day(s, day)
    s.engine.rolls += 1
    begin_day(s)
    settle_dates(s)
    for row in range(1, s.engine.venue_count + 1):
        s.venues[row].events = 0
        s.venues[row].session_ups = 0
        s.venues[row].session_downs = 0
    for row in range(1, s.engine.strategy_count + 1):
        s.strategies[row].intents = 0
        s.strategies[row].denies = 0
        s.strategies[row].orders = 0
        s.strategies[row].fills = 0
        doubt_day_orders(s, s.strategies[row].first_open)


cdef void doubt_day_orders(EngineState *s, uint32_t row) noexcept nogil:
    """Of the open orders from this one on."""
    cdef Order *o
    while row:
        o = &s.orders[row]
        row = o.next_open
        if o.time_in_force == RF_TIME_IN_FORCE_DAY and o.day_code < s.engine.day_code:
            if o.base_status != RF_ORD_STATUS_UNKNOWN:
                o.flags |= <uint8_t>RF_ORDER_UNVERIFIED
            request_status(s, o)
