# Days of the Gregorian calendar from dates as YYYYMMDD, and the business days of a currency.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.ipc.records cimport Calendar

# Days since 2000-01-01; what the date is is the caller's to check.
cdef uint32_t days_since_2000(uint32_t yyyymmdd) noexcept nogil
# The date so many days after 2000-01-01.
cdef uint32_t date_of(uint32_t day) noexcept nogil
# Nanoseconds of CLOCK_REALTIME at which the date ends, in UTC.
cdef uint64_t end_of_day_ns(uint32_t yyyymmdd) noexcept nogil
# Whether a currency settles on a day (days since 2000-01-01): neither Saturday nor Sunday nor one of its holidays. A zeroed calendar has none.
cdef int is_business_day(const Calendar *c, uint32_t day) noexcept nogil
# The business day of a currency that comes `count` after a day, which may be none itself.
cdef uint32_t business_days_after(const Calendar *c, uint32_t day, uint32_t count) noexcept nogil
# Change one day; 0: it is no day that a calendar has.
cdef int mark_holiday(Calendar *c, uint32_t yyyymmdd, int is_holiday) noexcept nogil
# 1 when it is a date from 2000-01-01 on.
cdef int is_date(uint32_t yyyymmdd) noexcept nogil
# 1 when a calendar has this day.
cdef int has_day(uint32_t yyyymmdd) noexcept nogil
