# Amounts: price times quantity in 10^-4 of the firm's currency, without a division where orders are checked.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ringfence.ipc.records cimport Instrument

cdef extern from *:
    """
    #ifndef RF_AMOUNTS
    #define RF_AMOUNTS
    #include <stdint.h>
    #define RF_AMOUNT_MOST (((int64_t)1 << 59) - 1)    /* what an order and each sum of the firm may be: no addition of five leaves 63 bits */
    /* ceil(size * factor / 2^shift) for size below 2^96 and a shift below 192; 0 in *out and returned when it does not fit in 63 bits or there is no factor. */
    static inline int rf_scaled(unsigned __int128 size, uint64_t factor, uint8_t shift, int64_t *out) {
        unsigned __int128 low = (unsigned __int128)(uint64_t)size * factor, high, whole;
        uint64_t rest = (uint64_t)low, top = (uint64_t)(low >> 64);
        *out = 0;
        if (factor == 0 || size >> 96) return 0;
        if ((uint64_t)(size >> 64) == 0 && shift >> 6 == 1) {    /* most are: one multiplication, one shift */
            whole = top >> (shift & 63);
            rest |= top & (((uint64_t)1 << (shift & 63)) - 1);
            if ((uint64_t)whole >> 62) return 0;
            *out = (int64_t)whole + (rest != 0);
            return 1;
        }
        high = (unsigned __int128)(uint64_t)(size >> 64) * factor + top;
        if (shift >= 64) {
            whole = high >> (shift - 64);
            rest |= whole << (shift - 64) != high;
        } else {
            if (high >> 63) return 0;
            whole = shift ? high << (64 - shift) | rest >> shift : high << 63 << 1 | rest;
            rest = shift ? rest << (64 - shift) : 0;
        }
        if (whole >> 62) return 0;
        *out = (int64_t)whole + (rest != 0);
        return 1;
    }
    static inline int rf_amount(int64_t px, int64_t qty, uint64_t factor, uint8_t shift, int64_t *out) {
        return rf_scaled((unsigned __int128)(uint64_t)px * (uint64_t)qty, factor, shift, out);
    }
    /* The same of a size in two words. */
    static inline int rf_scaled_words(uint64_t lo, uint64_t hi, uint64_t factor, uint8_t shift, int64_t *out) {
        return rf_scaled((unsigned __int128)hi << 64 | lo, factor, shift, out);
    }
    #endif
    """
    const int64_t RF_AMOUNT_MOST
    int rf_scaled_words(uint64_t lo, uint64_t hi, uint64_t factor, uint8_t shift, int64_t *out) noexcept nogil
    int rf_amount(int64_t px, int64_t qty, uint64_t factor, uint8_t shift, int64_t *out) noexcept nogil

# Set the instrument's factor and shift for a rate (10^-9 of the firm's currency); 0 when it has none or it cannot be held.
cdef int set_factor(Instrument *instrument, int64_t rate) noexcept nogil

# Amount of a quantity at a price, both positive; an inverse contract's does not depend on the price. 0: no rate, or it does not fit.
cdef inline int amount_of(const Instrument *instrument, int64_t px, int64_t qty, int64_t *out) noexcept nogil:
    return rf_amount(1 if instrument.inverse else px, qty, instrument.amount_factor, instrument.amount_shift, out)
