"""Amounts: what an order or position is worth in 10^-4 of the firm's currency, which is what limits on money are counted in.

``px x qty`` is in the instrument's own scale of its quote currency. The step to the firm's is ``multiplier x rate x 10^4 / 10^(digits + 9)``, kept in the
instrument's row as a 31-bit mantissa, rounded up, and a shift, so that a check multiplies and shifts: no division, no float. Amounts are rounded up twice
(mantissa and result): never too low, and too high by at most 2^-30 of themselves and one unit.

What can fail: no rate, a factor too large to hold, an amount above 63 bits; each is 0, and the caller denies (NO_RATE, OVERFLOW).
Rejected: amounts in each instrument's quote currency (a firm limit would need a division or a float at every check).
"""

from libc.stdint cimport int64_t, uint32_t

from ringfence.ipc.records cimport RF_AMOUNT_DIGITS, Instrument

cdef extern from *:
    """
    /* multiplier * rate / 10^power as mantissa (31 bits, rounded up) and shift. 0: it is none, or not below 2^31. */
    static int rf_factor(uint64_t multiplier, uint64_t rate, int power, uint32_t *mantissa, uint32_t *shift) {
        unsigned __int128 n = (unsigned __int128)multiplier * rate;
        uint32_t s = 0;
        *mantissa = *shift = 0;
        if (n == 0)
            return 0;
        for (; power > 0; power--) {
            while (!(n >> 123)) {
                n <<= 1;
                s++;
            }
            n = n / 10 + 1;
        }
        while (n >> 31) {
            n = (n >> 1) + (n & 1);
            if (s == 0)
                return 0;
            s--;
        }
        if (s > 255)
            return 0;
        *mantissa = (uint32_t)n;
        *shift = s;
        return 1;
    }
    """
    int rf_factor(unsigned long long multiplier, unsigned long long rate, int power, uint32_t *mantissa, uint32_t *shift) noexcept nogil

cdef enum:
    RATE_DIGITS = 9


cdef int set_factor(Instrument *instrument, int64_t rate) noexcept nogil:
    cdef int power = instrument.qty_digits + RATE_DIGITS - <int>RF_AMOUNT_DIGITS
    cdef uint32_t mantissa, shift
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
