# Integer arithmetic that cannot wrap. 128-bit values are pairs (lo unsigned, hi signed), as the tables hold them, so that no
# compiler type crosses a module border. Every function that can overflow returns 1 when it did its work and 0 when the result
# does not fit; then it has changed nothing. Rounding is half-even, once. No floats.
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from *:
    """
    #ifndef RF_FIXED_H
    #define RF_FIXED_H
    #include <stdint.h>
    typedef __int128 rf_wide_t;
    typedef unsigned __int128 rf_uwide_t;

    static inline rf_wide_t rf_wide_join(uint64_t lo, int64_t hi) { return (rf_wide_t)(((rf_uwide_t)(uint64_t)hi << 64) | lo); }
    static inline void rf_wide_split(rf_wide_t v, uint64_t *lo, int64_t *hi) { *lo = (uint64_t)v; *hi = (int64_t)((rf_uwide_t)v >> 64); }

    static inline int rf_add(int64_t a, int64_t b, int64_t *out) { return !__builtin_add_overflow(a, b, out); }
    static inline int rf_sub(int64_t a, int64_t b, int64_t *out) { return !__builtin_sub_overflow(a, b, out); }

    static inline int rf_wide_add(uint64_t *lo, int64_t *hi, uint64_t blo, int64_t bhi) {
        rf_wide_t sum;
        if (__builtin_add_overflow(rf_wide_join(*lo, *hi), rf_wide_join(blo, bhi), &sum)) return 0;
        rf_wide_split(sum, lo, hi);
        return 1;
    }

    static inline int rf_wide_sub(uint64_t *lo, int64_t *hi, uint64_t blo, int64_t bhi) {
        rf_wide_t difference;
        if (__builtin_sub_overflow(rf_wide_join(*lo, *hi), rf_wide_join(blo, bhi), &difference)) return 0;
        rf_wide_split(difference, lo, hi);
        return 1;
    }

    /* (hi:lo) += a * b; the product of two 64-bit integers always fits in 128 bits. */
    static inline int rf_wide_add_product(uint64_t *lo, int64_t *hi, int64_t a, int64_t b) {
        rf_wide_t sum;
        if (__builtin_add_overflow(rf_wide_join(*lo, *hi), (rf_wide_t)a * b, &sum)) return 0;
        rf_wide_split(sum, lo, hi);
        return 1;
    }

    /* out = value * k / n, half-even, for 0 <= k <= n and n > 0. value * k needs 192 bits, its parts do not:
     * value = q*n + r gives q*k + r*k/n, where |q*k| <= |value| and |r*k| < 2^126. */
    static inline void rf_wide_share(uint64_t lo, int64_t hi, int64_t k, int64_t n, uint64_t *out_lo, int64_t *out_hi) {
        rf_wide_t value = rf_wide_join(lo, hi), whole = value / n * k, rest = value % n * k;
        rf_wide_t result = whole + rest / n, left = rest % n;
        rf_uwide_t twice = (rf_uwide_t)(left < 0 ? -left : left) * 2;
        if (twice > (rf_uwide_t)n || (twice == (rf_uwide_t)n && (result & 1))) result += left < 0 ? -1 : 1;
        rf_wide_split(result, out_lo, out_hi);
    }

    /* 1 when a * b fits in 64 bits. */
    static inline int rf_product_fits(int64_t a, int64_t b) {
        int64_t product;
        return !__builtin_mul_overflow(a, b, &product);
    }

    /* 1 when a * b == c * d, in 128 bits. */
    static inline int rf_products_equal(int64_t a, int64_t b, int64_t c, int64_t d) { return (rf_wide_t)a * b == (rf_wide_t)c * d; }

    enum { RF_RESCALE_OVERFLOW = 0, RF_RESCALE_EXACT = 1, RF_RESCALE_INEXACT = 2 };

    static inline int rf_rescale(int64_t mantissa, uint32_t digits, uint32_t wanted, int64_t *out) {
        uint32_t steps = digits > wanted ? digits - wanted : wanted - digits;
        rf_wide_t power = 1, quotient, left;
        if (digits == wanted || mantissa == 0) {
            *out = mantissa;
            return RF_RESCALE_EXACT;
        }
        if (digits < wanted) {
            int64_t value = mantissa;
            if (steps > 18) return RF_RESCALE_OVERFLOW;
            while (steps--)
                if (__builtin_mul_overflow(value, (int64_t)10, &value)) return RF_RESCALE_OVERFLOW;
            *out = value;
            return RF_RESCALE_EXACT;
        }
        if (steps > 19) { /* below a half of the smallest unit, whatever the mantissa */
            *out = 0;
            return RF_RESCALE_INEXACT;
        }
        while (steps--) power *= 10;
        quotient = mantissa / power;
        left = mantissa % power;
        if (left == 0) {
            *out = (int64_t)quotient;
            return RF_RESCALE_EXACT;
        }
        left = (left < 0 ? -left : left) * 2;
        if (left > power || (left == power && (quotient & 1))) quotient += mantissa < 0 ? -1 : 1;
        *out = (int64_t)quotient;
        return RF_RESCALE_INEXACT;
    }
    #endif
    """
    enum:
        RF_RESCALE_OVERFLOW
        RF_RESCALE_EXACT
        RF_RESCALE_INEXACT

    int rf_add(int64_t a, int64_t b, int64_t *out) noexcept nogil
    int rf_sub(int64_t a, int64_t b, int64_t *out) noexcept nogil
    int rf_wide_add(uint64_t *lo, int64_t *hi, uint64_t blo, int64_t bhi) noexcept nogil
    int rf_wide_sub(uint64_t *lo, int64_t *hi, uint64_t blo, int64_t bhi) noexcept nogil
    int rf_wide_add_product(uint64_t *lo, int64_t *hi, int64_t a, int64_t b) noexcept nogil
    void rf_wide_share(uint64_t lo, int64_t hi, int64_t k, int64_t n, uint64_t *out_lo, int64_t *out_hi) noexcept nogil
    int rf_product_fits(int64_t a, int64_t b) noexcept nogil
    int rf_products_equal(int64_t a, int64_t b, int64_t c, int64_t d) noexcept nogil
    int rf_rescale(int64_t mantissa, uint32_t digits, uint32_t wanted, int64_t *out) noexcept nogil
