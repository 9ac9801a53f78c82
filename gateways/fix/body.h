/* Fields of an outgoing body and ids of an incoming one, without loops over characters and without a bounds check per field.
 *
 * Out: the caller has made sure of RF_BODY_MAX bytes of room; every rf_body_* writes at p, may write (not: leave) rubbish up to 40 bytes
 *      behind its field, and returns the field's end. Ids are NUL-padded texts of fixed width: copied whole, then measured eight bytes a step.
 * In:  rf_take_id copies exactly n bytes and says whether a NUL is among them.
 */
#ifndef RF_FIX_BODY_H
#define RF_FIX_BODY_H
#include <stdint.h>
#include <string.h>
#include "codec.h"

enum { RF_BODY_MAX = 1024 }; /* longest body of a command: 6 ids of at most 40, 4 amounts, 2 times, constants, prefixes */

/* A bit in every byte of the word that is zero; the lowest is exact. */
static inline uint64_t rf_zero_bytes(uint64_t word) { return (word - 0x0101010101010101ull) & ~word & 0x8080808080808080ull; }

/* Bytes of a NUL-padded text in `width` bytes, a multiple of 8. Bytes are little-endian, as everywhere in shared memory. */
static inline uint32_t rf_width(const char *text, uint32_t width) {
    for (uint32_t at = 0; at < width; at += 8) {
        uint64_t word, zero;
        memcpy(&word, text + at, 8);
        if ((zero = rf_zero_bytes(word))) return at + (uint32_t)__builtin_ctzll(zero) / 8;
    }
    return width;
}

/* A field whose prefix is a constant of n bytes and whose value is an id; SOH behind it. */
#define RF_BODY_ID(name, width)                                                                            \
    static inline unsigned char *name(unsigned char *p, const char *prefix, uint32_t n, const char *text) { \
        memcpy(p, prefix, n);                                                                              \
        p += n;                                                                                            \
        memcpy(p, text, width);                                                                            \
        p += rf_width(text, width);                                                                        \
        *p = RF_FIX_SOH;                                                                                   \
        return p + 1;                                                                                      \
    }
RF_BODY_ID(rf_body_id24, 24)
RF_BODY_ID(rf_body_id32, 32)
RF_BODY_ID(rf_body_id40, 40)

/* A field that is one constant. */
static inline unsigned char *rf_body_constant(unsigned char *p, const void *text, uint32_t n) {
    memcpy(p, text, n);
    return p + n;
}

/* TT=c */
static inline unsigned char *rf_body_code(unsigned char *p, const char *prefix, unsigned char code) {
    memcpy(p, prefix, 3);
    p[3] = code;
    p[4] = RF_FIX_SOH;
    return p + 5;
}

static const char rf_two_digits[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869"
    "707172737475767778798081828384858687888990919293949596979899";

/* mantissa * 10^-digits with exactly `digits` places; digits up to 18. */
static inline unsigned char *rf_body_amount(unsigned char *p, const char *prefix, uint32_t n, int64_t mantissa, uint32_t digits) {
    unsigned char text[24 + 24], *t = text + 24;
    uint64_t v = mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;
    memcpy(p, prefix, n);
    p += n;
    for (; digits >= 2; digits -= 2, v /= 100) memcpy(t -= 2, rf_two_digits + 2 * (v % 100), 2);
    if (digits) *--t = (unsigned char)('0' + v % 10), v /= 10;
    if (t != text + 24) *--t = '.';
    for (; v >= 100; v /= 100) memcpy(t -= 2, rf_two_digits + 2 * (v % 100), 2);
    if (v >= 10) memcpy(t -= 2, rf_two_digits + 2 * v, 2);
    else *--t = (unsigned char)('0' + v);
    if (mantissa < 0) *--t = '-';
    memcpy(p, t, 24); /* at most 21 characters count */
    p += text + 24 - t;
    *p = RF_FIX_SOH;
    return p + 1;
}

/* UTCTimestamp with `places` decimals: 0, 3, 6 or 9. */
static inline unsigned char *rf_body_time(unsigned char *p, const char *prefix, uint32_t n, rf_fix_stamp_t *stamp, uint64_t ns, uint32_t places) {
    uint64_t second = ns / 1000000000, rest = ns % 1000000000;
    uint32_t milli = (uint32_t)(rest / 1000000);
    if (stamp->second != second || !stamp->text[0]) rf_fix_stamp_second(stamp, second);
    memcpy(p, prefix, n);
    p += n;
    memcpy(p, stamp->text, 24);
    p += 17;
    if (places) {
        p[0] = '.';
        p[1] = (unsigned char)('0' + milli / 100);
        memcpy(p + 2, rf_two_digits + 2 * (milli % 100), 2);
        p += 4;
        for (uint32_t unit = 100000, done = 3; done < places; done++, unit /= 10) *p++ = (unsigned char)('0' + rest / unit % 10);
    }
    *p = RF_FIX_SOH;
    return p + 1;
}

/* YYYYMMDD, the UTC date. */
static inline unsigned char *rf_body_date(unsigned char *p, const char *prefix, uint32_t n, uint64_t ns) {
    rf_fix_stamp_t stamp;
    rf_fix_stamp_second(&stamp, ns / 1000000000);
    memcpy(p, prefix, n);
    memcpy(p + n, stamp.text, 8);
    p[n + 8] = RF_FIX_SOH;
    return p + n + 9;
}

/* Copy n bytes, n at most 64; returns not 0 when one of them is NUL. */
static inline uint64_t rf_take_id(char *to, const unsigned char *from, uint32_t n) {
    uint64_t word, zero = 0;
    if (n >= 8) {
        for (uint32_t at = 0; at + 8 <= n; at += 8) {
            memcpy(&word, from + at, 8);
            memcpy(to + at, &word, 8);
            zero |= rf_zero_bytes(word);
        }
        memcpy(&word, from + n - 8, 8);
        memcpy(to + n - 8, &word, 8);
        return zero | rf_zero_bytes(word);
    }
    for (uint32_t at = 0; at < n; at++) {
        to[at] = (char)from[at];
        zero |= !from[at];
    }
    return zero;
}
#endif
