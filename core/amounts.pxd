# Amounts: price times quantity in 10^-4 of the firm's currency, without a division where orders are checked.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ringfence.ipc.records cimport Instrument

cdef extern from *:
    """
    #ifndef RF_AMOUNTS
    #define RF_AMOUNTS
    #include <stdint.h>
    /* ceil(px * qty * factor / 2^shift) for px, qty >= 0; 0 in *out and 0 returned when it does not fit in 63 bits or there is no factor. */
    static inline int rf_amount(int64_t px, int64_t qty, uint32_t factor, uint8_t shift, int64_t *out) {
        unsigned __int128 n = (unsigned __int128)(uint64_t)px * (uint64_t)qty;
        *out = 0;
        if (factor == 0 || n >> 96)
            return 0;
        n *= factor;
        if (shift > 126) {
            *out = n != 0;
            return 1;
        }
        n = (n + (((unsigned __int128)1 << shift) - 1)) >> shift;
        if (n >> 63)
            return 0;
        *out = (int64_t)n;
        return 1;
    }
    #endif
    """
    int rf_amount(int64_t px, int64_t qty, uint32_t factor, uint8_t shift, int64_t *out) noexcept nogil

# Set the instrument's factor and shift for a rate (10^-9 of the firm's currency); 0 when it has none or it cannot be held.
cdef int set_factor(Instrument *instrument, int64_t rate) noexcept nogil

# Amount of a quantity at a price, both positive; an inverse contract's does not depend on the price. 0: no rate, or it does not fit.
cdef inline int amount_of(const Instrument *instrument, int64_t px, int64_t qty, int64_t *out) noexcept nogil:
    return rf_amount(1 if instrument.inverse else px, qty, instrument.amount_factor, instrument.amount_shift, out)
