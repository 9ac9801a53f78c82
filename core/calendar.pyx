"""The calendar: days and moments of dates that are written YYYYMMDD, as trading days and last days of contracts are, and the business days of currencies.

Pure functions of integers and of a calendar that the caller owns; they divide, and so stay off the path of an order but for one that is good till a date and of
an instrument that ends. A calendar is a bitmap of 4,096 days from CALENDAR_BEGINS on; before and behind them only weekends are known. What can fail: nothing; a
date that is none gives a number that means nothing. Rejected: time zones here (a roll's is resolved before it is journaled), other weekends than Saturday and
Sunday (a currency that keeps Fridays has them among its holidays), and lists of holidays to search.
"""

from libc.stdint cimport uint32_t, uint64_t

from ringfence.ipc.records cimport RF_CALENDAR_BEGINS, Calendar

cdef enum:
    DAYS_TO_2000 = 10957     # from 1970-01-01
    DAY_NS = 86400000000000
    TO_MONDAY = 5            # 2000-01-01 was a Saturday
    SATURDAY = 5
    CALENDAR_DAYS = 4096
    DAYS_TO_MARCH = 730425   # from 0000-03-01 to 2000-01-01
    DAYS_OF_ERA = 146097     # 400 years
    FIRST_DATE = 20000101
    LAST_DATE = 99991231

cdef uint32_t BEGINS = days_since_2000(RF_CALENDAR_BEGINS)


cdef uint32_t days_since_2000(uint32_t yyyymmdd) noexcept nogil:
    """Count days to a Gregorian date; months run from March, so that the leap day is a year's last."""
    cdef uint32_t year = yyyymmdd // 10000, month = yyyymmdd // 100 % 100, day = yyyymmdd % 100
    if month < 3:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 730426


cdef uint32_t date_of(uint32_t day) noexcept nogil:
    """The way back: 400 years are always as many days, and so are five months from March or August on."""
    cdef uint32_t days = day + DAYS_TO_MARCH, era = days // DAYS_OF_ERA, in_era = days % DAYS_OF_ERA
    cdef uint32_t year = (in_era - in_era // 1460 + in_era // 36524 - in_era // 146096) // 365
    cdef uint32_t in_year = in_era - (365 * year + year // 4 - year // 100), month = (5 * in_year + 2) // 153
    cdef uint32_t of_month = in_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return (year + 400 * era + (month < 3)) * 10000 + month * 100 + of_month


cdef uint64_t end_of_day_ns(uint32_t yyyymmdd) noexcept nogil:
    return (<uint64_t>days_since_2000(yyyymmdd) + DAYS_TO_2000 + 1) * <uint64_t>DAY_NS


cdef int is_business_day(const Calendar *c, uint32_t day) noexcept nogil:
    cdef uint32_t n = day - BEGINS  # a day before wraps around, and is not below
    return (day + TO_MONDAY) % 7 < SATURDAY and not (n < CALENDAR_DAYS and c.holidays[n // 64] >> (n % 64) & 1)


cdef uint32_t business_days_after(const Calendar *c, uint32_t day, uint32_t count) noexcept nogil:
    while count:
        day += 1
        count -= is_business_day(c, day)
    return day


cdef int is_date(uint32_t yyyymmdd) noexcept nogil:
    return FIRST_DATE <= yyyymmdd <= LAST_DATE and date_of(days_since_2000(yyyymmdd)) == yyyymmdd


cdef int has_day(uint32_t yyyymmdd) noexcept nogil:
    cdef uint32_t day = days_since_2000(yyyymmdd)
    return yyyymmdd >= <uint32_t>RF_CALENDAR_BEGINS and day - BEGINS < CALENDAR_DAYS and date_of(day) == yyyymmdd


cdef int mark_holiday(Calendar *c, uint32_t yyyymmdd, int is_holiday) noexcept nogil:
    cdef uint32_t n = days_since_2000(yyyymmdd) - BEGINS
    cdef uint64_t bit = <uint64_t>1 << (n % 64)
    if not has_day(yyyymmdd):
        return 0
    c.holidays[n // 64] = c.holidays[n // 64] | bit if is_holiday else c.holidays[n // 64] & ~bit
    return 1
