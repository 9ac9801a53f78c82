# The margin schedule: rates by account, broker, instrument, kind and currency, in steps of a position's size.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from ringfence.core.amounts cimport rf_amount  # its C is before ours
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport KillOrder, MarginRate

cdef extern from *:
    """
    #ifndef RF_PPM
    #define RF_PPM
    #include <stdint.h>
    /* ceil(amount * ppm / 10^6) for amount >= 0, by the reciprocal of 10^6 in 63 bits. */
    static inline int64_t rf_ppm(int64_t amount, uint32_t ppm) {
        int64_t out;
        return rf_scaled((unsigned __int128)(uint64_t)amount * ppm, 4835703278458516698ull, 82, &out) ? out : INT64_MAX;
    }
    #endif
    """
    int64_t rf_ppm(int64_t amount, uint32_t ppm) noexcept nogil

# Row of the schedule that a position or an order of these is margined by, 0: none. O(rows): for what is kept until the next definition.
cdef uint16_t margin_row(const EngineState *s, uint16_t account, uint32_t instrument) noexcept nogil
# Margin of an amount (>= 0) by a row: each part of it at the rate of its step, rounded up; INT64_MAX when that does not fit.
cdef int64_t margin_in_steps(const MarginRate *r, int64_t amount) noexcept nogil
# The same of a position's amount by its row of the schedule; row 0: all of it at `ppm`.
cdef inline int64_t margin_of(const EngineState *s, uint16_t row, int64_t amount, uint32_t ppm) noexcept nogil:
    return margin_in_steps(&s.margin_rates[row], amount) if row else rf_ppm(amount, ppm)

# Put an image into its row; 0: it cannot be, and nothing was changed.
cdef int define_margin(EngineState *s, const MarginRate *image) noexcept nogil
# 1 when the image, put into its row, could have anything need less margin than now.
cdef int lowers_margin(const EngineState *s, const MarginRate *image) noexcept nogil
# 1 when an instrument whose own rate changes could need less margin: one of 0 is none, and MARGIN_RATE of account, broker or firm holds.
cdef int lowers_own_rate(const EngineState *s, uint32_t before, uint32_t after) noexcept nogil
# The scope that an image is about; 0: it is about more than one.
cdef int margin_place(const MarginRate *image, KillOrder *place) noexcept nogil
