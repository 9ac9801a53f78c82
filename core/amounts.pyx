"""Amounts: what an order or position is worth in 10^-4 of the firm's currency, which is what limits on money are counted in.

``px x qty`` is in the instrument's own scale of its quote currency. The step to the firm's is ``multiplier x rate x 10^4 / 10^(digits + 9)``, kept in the
instrument's row as a 63-bit mantissa, rounded down, and a shift, so that a check multiplies and shifts: no division, no float. The result is rounded up:
a whole number of units is exact, everything else the next unit above.

What can fail: no rate, a factor too large to hold, an amount above 63 bits; each is 0, and the caller denies (NO_RATE, OVERFLOW).
Rejected: amounts in each instrument's quote currency (a firm limit would need a division or a float at every check).
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from ringfence.ipc.records cimport RF_AMOUNT_DIGITS, Instrument

cdef extern from *:
    """
    /* multiplier * rate / 10^power as mantissa (63 bits, rounded down) and shift. 0: it is none, or not below 2^63. */
    static int rf_factor(uint64_t multiplier, uint64_t rate, int power, uint64_t *mantissa, uint32_t *shift) {
        unsigned __int128 n;
        uint32_t s = 0;
        *mantissa = *shift = 0;
        if (multiplier == 0 || rate == 0)
            return 0;
        for (; power > 0 && rate % 10 == 0; power--) rate /= 10;
        for (; power > 0 && multiplier % 10 == 0; power--) multiplier /= 10;
        n = (unsigned __int128)multiplier * rate;
        for (; power < 0; power++) {
            if (n >> 123) return 0;
            n *= 10;
        }
        for (; power > 0; power--) {
            while (!(n >> 127)) {
                n <<= 1;
                s++;
            }
            n /= 10;
        }
        while (n >> 63) {
            if (s == 0) return 0;
            n >>= 1;
            s--;
        }
        if (s > 191) return 0;
        *mantissa = (uint64_t)n;
        *shift = s;
        return 1;
    }
    """
    int rf_factor(unsigned long long multiplier, unsigned long long rate, int power, uint64_t *mantissa, uint32_t *shift) noexcept nogil

cdef enum:
    RATE_DIGITS = 9


cdef int set_factor(Instrument *instrument, int64_t rate) noexcept nogil:
    cdef int power = instrument.qty_digits + RATE_DIGITS - <int>RF_AMOUNT_DIGITS
    cdef uint64_t mantissa
    cdef uint32_t shift
    cdef unsigned long long multiplier = instrument.multiplier if instrument.multiplier > 0 else 1
    if not instrument.inverse:
        power += instrument.price_digits
    if rate <= 0 or not rf_factor(multiplier, rate, power, &mantissa, &shift):
        instrument.amount_factor = 0
        instrument.amount_shift = 0
        return 0
    instrument.amount_factor = mantissa
    instrument.amount_shift = <unsigned char>shift
    return 1
