# The trading day: which one it is, when the next may begin, and what begins with it.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.core.state cimport EngineState

cdef int valid_day(uint32_t yyyymmdd) noexcept nogil
# The first day of a journal.
cdef void set_day(EngineState *s, uint32_t day) noexcept nogil
# 1 when the day is later than the one it is, and not too far ahead.
cdef int can_roll(const EngineState *s, uint32_t day) noexcept nogil
# 1 when the schedule has the day begun by now.
cdef int is_due(const EngineState *s, uint32_t day) noexcept nogil
# When the schedule has a day begin: later than known at once, earlier only when `agreed`.
cdef void learn_schedule(EngineState *s, uint32_t day, uint64_t begins_ns, int agreed) noexcept nogil
# Begin it.
cdef void roll_day(EngineState *s, uint32_t day) noexcept nogil
