# 128-bit integers of the ledger. Tables hold them as u64[2], low word first; code holds them as wide_t, which Cython takes for a long long and
# C for an __int128: never convert one to Python or to a narrower type but through these functions. A function that can overflow returns 1 when
# it did its work and 0 when the result does not fit (|result| < 2^127); then `out` is unchanged. Rounding is half-even, once.
from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    #ifndef RF_WIDE_H
    #define RF_WIDE_H
    #include <stdint.h>
    typedef __int128 rf_wide_t;
    typedef unsigned __int128 rf_uwide_t;

    static inline rf_wide_t rf_wide_load(const uint64_t *from) { return (rf_wide_t)(((rf_uwide_t)from[1] << 64) | from[0]); }
    static inline void rf_wide_store(uint64_t *to, rf_wide_t v) { to[0] = (uint64_t)v; to[1] = (uint64_t)((rf_uwide_t)v >> 64); }
    static inline rf_wide_t rf_wide_from(int64_t v) { return v; }
    static inline int rf_wide_narrow(rf_wide_t v, int64_t *out) { *out = (int64_t)v; return (rf_wide_t)*out == v; }
    static inline rf_wide_t rf_wide_abs(rf_wide_t v) { return v < 0 ? (rf_wide_t)-(rf_uwide_t)v : v; }

    /* 1 when one of two numbers, neither of them 0, is negative and the other is not. */
    static inline int rf_wide_opposed(rf_wide_t a, rf_wide_t b) { return ((int64_t)(a >> 64) ^ (int64_t)(b >> 64)) < 0; }

    /* -2^125 <= v < 2^125: what every figure keeps to, so that sums of a few never overflow. */
    static inline int rf_wide_is_figure(rf_wide_t v) { return (uint64_t)(v >> 64) + ((uint64_t)1 << 61) < ((uint64_t)1 << 62); }

    /* The same of two at once. */
    static inline int rf_wide_are_figures(rf_wide_t a, rf_wide_t b) {
        uint64_t half = (uint64_t)1 << 61;
        return (((uint64_t)(a >> 64) + half) | ((uint64_t)(b >> 64) + half)) >> 62 == 0;
    }

    static inline int rf_wide_sum(rf_wide_t a, rf_wide_t b, rf_wide_t *out) {
        rf_wide_t sum;
        if (__builtin_add_overflow(a, b, &sum)) return 0;
        *out = sum;
        return 1;
    }

    static inline int rf_wide_difference(rf_wide_t a, rf_wide_t b, rf_wide_t *out) {
        rf_wide_t difference;
        if (__builtin_sub_overflow(a, b, &difference)) return 0;
        *out = difference;
        return 1;
    }

    static inline int rf_wide_product(rf_wide_t a, rf_wide_t b, rf_wide_t *out) {
        rf_wide_t product;
        if (a == (int64_t)a && b == (int64_t)b) { /* the usual case, and it cannot overflow */
            *out = (rf_wide_t)(int64_t)a * (int64_t)b;
            return 1;
        }
        if (__builtin_mul_overflow(a, b, &product)) return 0;
        *out = product;
        return 1;
    }

    /* a / b half-even, b > 0. */
    static inline rf_wide_t rf_wide_quotient(rf_wide_t a, rf_wide_t b) {
        rf_wide_t quotient = a / b, left = a - quotient * b;
        rf_uwide_t rest = (rf_uwide_t)(left < 0 ? -left : left), gap = (rf_uwide_t)b - rest;
        if (rest > gap || (rest == gap && (quotient & 1))) quotient += left < 0 ? -1 : 1;
        return quotient;
    }

    /* The same of numbers of 64 bits. */
    static inline int64_t rf_wide_short_quotient(int64_t a, int64_t b) {
        int64_t quotient = a / b, left = a % b;
        uint64_t twice = 2 * (uint64_t)(left < 0 ? -left : left);
        if (twice > (uint64_t)b || (twice == (uint64_t)b && (quotient & 1))) quotient += left < 0 ? -1 : 1;
        return quotient;
    }

    /* high:low / n with high < n, one bit at a time: only what needs more than 128 bits in between comes here. */
    static inline rf_uwide_t rf_wide_long_division(rf_uwide_t high, rf_uwide_t low, rf_uwide_t n, rf_uwide_t *left) {
        rf_uwide_t quotient = 0;
        int bit;
        for (bit = 127; bit >= 0; bit--) {
            rf_uwide_t carry = high >> 127;
            high = (high << 1) | ((low >> bit) & 1);
            if (carry || high >= n) {
                high -= n;
                quotient |= (rf_uwide_t)1 << bit;
            }
        }
        *left = high;
        return quotient;
    }

    /* What is rare and long stays out of line, so that what is short can be inlined where it is used. */
    #define RF_WIDE_RARE __attribute__((noinline, cold, unused))

    /* out = v * a / b, half-even, for a product of up to 256 bits; b > 0. */
    static RF_WIDE_RARE int rf_wide_long_ratio(rf_wide_t v, rf_wide_t a, rf_wide_t b, rf_wide_t *out) {
        rf_uwide_t x = (rf_uwide_t)rf_wide_abs(v), y = (rf_uwide_t)rf_wide_abs(a), low, high, middle, quotient, left, gap, n = (rf_uwide_t)b;
        low = (rf_uwide_t)(uint64_t)x * (uint64_t)y;
        middle = (rf_uwide_t)(uint64_t)x * (uint64_t)(y >> 64) + (uint64_t)(low >> 64);
        high = (rf_uwide_t)(uint64_t)(x >> 64) * (uint64_t)(y >> 64) + (middle >> 64);
        middle = (rf_uwide_t)(uint64_t)middle + (rf_uwide_t)(uint64_t)(x >> 64) * (uint64_t)y;
        high += middle >> 64;
        low = (middle << 64) | (uint64_t)low;
        if (high >= n) return 0;
        quotient = rf_wide_long_division(high, low, n, &left);
        gap = n - left;
        if (left > gap || (left == gap && (quotient & 1))) quotient++;
        if (quotient >> 127) return 0;
        *out = (v < 0) != (a < 0) ? -(rf_wide_t)quotient : (rf_wide_t)quotient;
        return 1;
    }

    /* out = v * a / b, half-even; b > 0. */
    static inline int rf_wide_ratio(rf_wide_t v, rf_wide_t a, rf_wide_t b, rf_wide_t *out) {
        rf_wide_t product;
        if (b <= 0) return 0;
        if (__builtin_mul_overflow(v, a, &product)) return rf_wide_long_ratio(v, a, b, out);
        *out = rf_wide_quotient(product, b);
        return 1;
    }

    /* v * k / n, half-even, for 0 <= k < n: cannot overflow. */
    static RF_WIDE_RARE rf_wide_t rf_wide_long_part(rf_wide_t v, rf_wide_t k, rf_wide_t n) {
        rf_wide_t whole, rest, result = 0, left;
        rf_uwide_t twice;
        int64_t product;
        if (n != (int64_t)n) {
            rf_wide_ratio(v, k, n, &result);
            return result;
        }
        if (v == (int64_t)v && !__builtin_mul_overflow((int64_t)v % (int64_t)n, (int64_t)k, &product)) { /* two short divisions for long ones */
            result = (rf_wide_t)((int64_t)v / (int64_t)n) * k + product / (int64_t)n;
            left = product % (int64_t)n;
        } else {
            whole = v / n; /* v = whole * n + rest; rest * k needs at most 126 bits */
            rest = (v - whole * n) * k;
            result = rest / n;
            left = rest - result * n;
            result += whole * k;
        }
        twice = 2 * (rf_uwide_t)(left < 0 ? -left : left);
        if (twice > (rf_uwide_t)n || (twice == (rf_uwide_t)n && (result & 1))) result += left < 0 ? -1 : 1;
        return result;
    }

    /* v * k / n, half-even, for 0 <= k < n: cannot overflow. */
    static inline rf_wide_t rf_wide_partial(rf_wide_t v, rf_wide_t k, rf_wide_t n) {
        int64_t product;
        if (v != (int64_t)v || n != (int64_t)n || __builtin_mul_overflow((int64_t)v, (int64_t)k, &product)) return rf_wide_long_part(v, k, n);
        return rf_wide_short_quotient(product, (int64_t)n);
    }

    /* The same, and all of it for k = n. */
    static inline rf_wide_t rf_wide_part(rf_wide_t v, rf_wide_t k, rf_wide_t n) { return k == n ? v : rf_wide_partial(v, k, n); }
    #endif
    """
    ctypedef long long wide_t "rf_wide_t"

    wide_t rf_wide_load(const uint64_t *source) noexcept nogil
    void rf_wide_store(uint64_t *to, wide_t v) noexcept nogil
    wide_t rf_wide_from(int64_t v) noexcept nogil
    # 1 when it fits in 64 bits.
    int rf_wide_narrow(wide_t v, int64_t *out) noexcept nogil
    wide_t rf_wide_abs(wide_t v) noexcept nogil
    # Whether one of two numbers, neither of them 0, is negative and the other is not.
    int rf_wide_opposed(wide_t a, wide_t b) noexcept nogil
    # Whether -2^125 <= v < 2^125.
    int rf_wide_is_figure(wide_t v) noexcept nogil
    int rf_wide_are_figures(wide_t a, wide_t b) noexcept nogil
    int rf_wide_sum(wide_t a, wide_t b, wide_t *out) noexcept nogil
    int rf_wide_difference(wide_t a, wide_t b, wide_t *out) noexcept nogil
    int rf_wide_product(wide_t a, wide_t b, wide_t *out) noexcept nogil
    # a / b, b > 0.
    wide_t rf_wide_quotient(wide_t a, wide_t b) noexcept nogil
    # v * a / b with 256 bits in between; 0 also when b is not above zero.
    int rf_wide_ratio(wide_t v, wide_t a, wide_t b, wide_t *out) noexcept nogil
    # v * k / n for 0 <= k < n.
    wide_t rf_wide_partial(wide_t v, wide_t k, wide_t n) noexcept nogil
    # v * k / n for 0 <= k <= n and n > 0.
    wide_t rf_wide_part(wide_t v, wide_t k, wide_t n) noexcept nogil
