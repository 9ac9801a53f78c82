# Days of the Gregorian calendar from dates as YYYYMMDD.
from libc.stdint cimport uint32_t, uint64_t

# Days since 2000-01-01; what the date is is the caller's to check.
cdef uint32_t days_since_2000(uint32_t yyyymmdd) noexcept nogil
# Nanoseconds of CLOCK_REALTIME at which the date ends, in UTC.
cdef uint64_t end_of_day_ns(uint32_t yyyymmdd) noexcept nogil
