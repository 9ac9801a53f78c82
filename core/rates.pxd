# Message rates: the generic cell rate algorithm (GCRA) on journaled time, integers only.
#
# A clock of a scope (new_tat, replace_tat, message_tat) is the theoretical arrival time [ns] of its next message at the rate; each message moves it on by one
# interval [ns] (core/reservations). A message conforms when the clock then is no further ahead of now than the burst allows, less what is kept for cancels.
from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    static inline int rf_conforms(uint64_t wait, uint64_t interval, int64_t burst, int64_t reserve) {
        if (burst < 1)
            burst = 1;
        return burst > reserve && wait + interval <= interval * (uint64_t)(burst - reserve);
    }
    """
    # 1 when one more message fits; `wait`: how far the clock is ahead of now [ns], `burst` and `reserve` in messages. A burst below 1 is 1.
    int conforms "rf_conforms"(uint64_t wait, uint64_t interval, int64_t burst, int64_t reserve) noexcept nogil

# The same for a clock and the time.
cdef inline int has_message(uint64_t tat, uint64_t now, uint64_t interval, int64_t burst, int64_t reserve) noexcept nogil:
    return conforms(tat - now if tat > now else 0, interval, burst, reserve)
