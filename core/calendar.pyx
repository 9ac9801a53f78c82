"""The calendar: days and moments of dates that are written YYYYMMDD, as trading days and last days of contracts are.

Pure functions of integers; they divide, and so stay off the path of an order but for one that is good till a date and of an instrument that ends. What can
fail: nothing; a date that is none gives a number that means nothing. Rejected: time zones here (a roll's is resolved before it is journaled).
"""

from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    DAYS_TO_2000 = 10957     # from 1970-01-01
    DAY_NS = 86400000000000


cdef uint32_t days_since_2000(uint32_t yyyymmdd) noexcept nogil:
    """Count days to a Gregorian date; months run from March, so that the leap day is a year's last."""
    cdef uint32_t year = yyyymmdd // 10000, month = yyyymmdd // 100 % 100, day = yyyymmdd % 100
    if month < 3:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 730426


cdef uint64_t end_of_day_ns(uint32_t yyyymmdd) noexcept nogil:
    return (<uint64_t>days_since_2000(yyyymmdd) + DAYS_TO_2000 + 1) * <uint64_t>DAY_NS
