# When trades settle, and what each position of the ledger traded by value date.
from libc.stdint cimport uint32_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport HolidayChange

# YYYYMMDD on which a trade of now in an instrument (a row, 0 too) settles.
cdef uint32_t value_day_of(const EngineState *s, uint32_t instrument) noexcept nogil
# After the ledger has booked an event: the sums by value date of every position that it changed become those of the positions again.
cdef void keep_dates(EngineState *s) noexcept nogil
# What has come due by the trading day that begins is settled.
cdef void settle_dates(EngineState *s) noexcept nogil
# Change the holidays of a currency; 0: they cannot be, and nothing was changed.
cdef int define_holidays(EngineState *s, const HolidayChange *change) noexcept nogil
