/* FIX tag=value, parsed and written in place: no allocation, no copy, no system call.
 *
 * In:  bytes ──rf_fix_parse──▶ rf_fix_message_t, an array of (tag, offset, length) into the caller's bytes
 *              ──rf_fix_uint, _decimal, _timestamp──▶ integers
 * Out: values ──rf_fix_put_*──▶ the caller's buffer; the body is written first, rf_fix_finish writes 8= and 9= backwards
 *              into the room reserved before it and the checksum behind it: BodyLength(9) is known by then, nothing moves.
 *
 * Whose memory: the caller's on both ways. A parsed message is valid as long as its bytes stay where they are.
 * Failure: RF_FIX_INCOMPLETE wants more bytes; RF_FIX_GARBLED says how many bytes to skip to where a message may begin.
 * Nothing reads beyond the n bytes given. A writer that runs out of room sets `failed` and writes nothing more.
 * Rejected: one hash lookup per tag (20 fields are scanned faster than hashed); a partial checksum kept per template (adding sixteen
 * bytes a step costs some 10 steps a message, less than the bookkeeping); a zero-padded BodyLength (some counterparties refuse it).
 */
#ifndef RF_FIX_CODEC_H
#define RF_FIX_CODEC_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum rf_fix_result { RF_FIX_OK = 1, RF_FIX_INCOMPLETE = 2, RF_FIX_GARBLED = 3 };

enum {
    RF_FIX_SOH = 1,
    RF_FIX_FIELDS_MAX = 1024,  /* of one message; more are not indexed and set RF_FIX_MORE_FIELDS */
    RF_FIX_MESSAGE_MAX = 65536, /* bytes of one message; a BodyLength beyond is garbled, so that nobody waits for it */
    RF_FIX_RESERVE = 32,       /* bytes before a body: 8=FIXT.1.1|9=65536| */
    RF_FIX_MORE_FIELDS = 1     /* message flag */
};

/* MsgType(35) as rf_fix_message_t packs it. */
enum rf_fix_msg_type {
    RF_FIX_HEARTBEAT = '0',
    RF_FIX_TEST_REQUEST = '1',
    RF_FIX_RESEND_REQUEST = '2',
    RF_FIX_REJECT = '3',
    RF_FIX_SEQUENCE_RESET = '4',
    RF_FIX_LOGOUT = '5',
    RF_FIX_EXECUTION_REPORT = '8',
    RF_FIX_CANCEL_REJECT = '9',
    RF_FIX_LOGON = 'A',
    RF_FIX_NEW_ORDER = 'D',
    RF_FIX_CANCEL_REQUEST = 'F',
    RF_FIX_REPLACE_REQUEST = 'G',
    RF_FIX_STATUS_REQUEST = 'H',
    RF_FIX_BUSINESS_REJECT = 'j'
};

typedef struct {
    uint32_t tag;
    uint32_t at; /* offset of the value from the message's first byte */
    uint32_t len;
} rf_fix_field_t;

typedef struct {
    const unsigned char *bytes;
    uint32_t length; /* of the whole message */
    uint32_t count;  /* fields, 8 9 35 and 10 included */
    uint32_t flags;
    uint32_t msg_type; /* characters of MsgType(35), first in the low byte; 0 when longer than four */
    rf_fix_field_t fields[RF_FIX_FIELDS_MAX];
} rf_fix_message_t;

/* ---- framing ---------------------------------------------------------------------------------------------------- */

/* Sum of bytes modulo 256: sixteen a step where the CPU has SSE2, else eight (even and odd bytes add up in 16-bit lanes, which hold 128 steps). */
static inline uint32_t rf_fix_checksum(const unsigned char *p, size_t n) {
    uint64_t sum = 0;
#ifdef __SSE2__
    __m128i lanes = _mm_setzero_si128();
    for (; n >= 16; n -= 16, p += 16) lanes = _mm_add_epi64(lanes, _mm_sad_epu8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_setzero_si128()));
    sum = (uint64_t)(uint32_t)_mm_cvtsi128_si32(lanes) + (uint32_t)_mm_cvtsi128_si32(_mm_unpackhi_epi64(lanes, lanes));
#endif
    const uint64_t even = 0x00FF00FF00FF00FFull;
    while (n >= 8) {
        uint64_t pairs = 0, word;
        size_t steps = n / 8 < 128 ? n / 8 : 128;
        n -= steps * 8;
        for (; steps; steps--, p += 8) {
            memcpy(&word, p, 8);
            pairs += (word & even) + ((word >> 8) & even);
        }
        sum += (pairs & 0xFFFF) + ((pairs >> 16) & 0xFFFF) + ((pairs >> 32) & 0xFFFF) + (pairs >> 48);
    }
    for (; n; n--) sum += *p++;
    return (uint32_t)(sum & 0xFF);
}

/* Bytes to skip so that the rest begins with `8=FIX` or with what may become it. At least `from`. */
static inline size_t rf_fix_resync(const unsigned char *p, size_t n, size_t from) {
    static const char mark[] = "8=FIX";
    for (size_t i = from; i < n; i++) {
        size_t k = n - i < 5 ? n - i : 5;
        if (p[i] == '8' && !memcmp(p + i, mark, k)) return i;
    }
    return n;
}

/* Find the end of the message that begins at p. OK: *size is its length. GARBLED: *size bytes may be skipped. */
static inline int rf_fix_frame(const unsigned char *p, size_t n, size_t *size) {
    static const char mark[] = "8=FIX";
    size_t i, body = 0, k = n < 5 ? n : 5;
    *size = 0;
    if (!n) return RF_FIX_INCOMPLETE;
    if (memcmp(p, mark, k)) goto garbled;
    for (i = 5; i < n && p[i] != RF_FIX_SOH; i++)
        if (i >= 12) goto garbled;
    if (i + 3 >= n) { /* not even 9=N */
        if (i + 1 < n && p[i + 1] != '9') goto garbled;
        if (i + 2 < n && p[i + 2] != '=') goto garbled;
        return RF_FIX_INCOMPLETE;
    }
    if (p[i + 1] != '9' || p[i + 2] != '=') goto garbled;
    for (i += 3; i < n && p[i] != RF_FIX_SOH; i++) {
        if ((unsigned)(p[i] - '0') > 9 || body >= RF_FIX_MESSAGE_MAX) goto garbled;
        body = body * 10 + (p[i] - '0');
    }
    if (body >= RF_FIX_MESSAGE_MAX - 64) goto garbled;
    if (i >= n) return RF_FIX_INCOMPLETE;
    i++;
    if (body < 5) goto garbled; /* 35=X| */
    if (n - i < body + 7) return RF_FIX_INCOMPLETE;
    i += body;
    if (p[i - 1] != RF_FIX_SOH || p[i] != '1' || p[i + 1] != '0' || p[i + 2] != '=' || p[i + 6] != RF_FIX_SOH) {
        *size = rf_fix_resync(p, n, i); /* the body that BodyLength claims goes with it: nothing inside is a message */
        return RF_FIX_GARBLED;
    }
    *size = i + 7;
    return RF_FIX_OK;
garbled:
    *size = rf_fix_resync(p, n, 1);
    return RF_FIX_GARBLED;
}

/* ---- fields ----------------------------------------------------------------------------------------------------- */

/* The length field that must stand before a data field (whose value may hold SOH), or 0 for any other tag. */
static inline uint32_t rf_fix_length_tag(uint32_t tag) {
    switch (tag) {
    case 89: return 93;
    case 91: case 96: case 213: case 349: case 351: case 353: case 355: case 357: case 359: case 361: case 363: case 365: case 446: return tag - 1;
    default: return 0;
    }
}

/* Decimal digits only. 0 when empty, not a digit, or beyond 18 digits. */
static inline int rf_fix_uint(const unsigned char *p, uint32_t n, uint64_t *out) {
    uint64_t v = 0;
    if (!n || n > 18) return 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t c = (uint32_t)p[i] - '0';
        if (c > 9) return 0;
        v = v * 10 + c;
    }
    *out = v;
    return 1;
}

/* First SOH at or after q; there is one before `end`. Sixteen bytes a step where the CPU has SSE2: most values need one. */
static inline const unsigned char *rf_fix_soh(const unsigned char *q, const unsigned char *end) {
#ifdef __SSE2__
    const __m128i soh = _mm_set1_epi8(RF_FIX_SOH);
    for (; end - q >= 16; q += 16) {
        int found = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)q), soh));
        if (found) return q + __builtin_ctz((unsigned)found);
    }
#endif
    (void)end;
    while (*q != RF_FIX_SOH) q++;
    return q;
}

/* Split a framed message (rf_fix_frame said OK) into fields. GARBLED: a tag or data length is wrong, or the first three are not 8, 9, 35.
 * A tag of 0 or below is a number (-1 as its two's complement): it is validation that refuses it. */
static inline int rf_fix_split(const unsigned char *p, size_t size, rf_fix_message_t *m) {
    const unsigned char *q = p, *end = p + size, *trailer = end - 7;
    rf_fix_field_t *f = m->fields, *last = m->fields + RF_FIX_FIELDS_MAX;
    m->bytes = p;
    m->length = (uint32_t)size;
    m->flags = 0;
    while (q < end) { /* q <= trailer: the byte before it is SOH */
        const unsigned char *start = q;
        uint32_t tag, a = (uint32_t)q[0] - '0', b = (uint32_t)q[1] - '0';
        if (q[2] == '=' && a - 1 < 9 && b < 10) { /* most tags have two digits */
            tag = a * 10 + b;
            q += 2;
        } else if (q[3] == '=' && a - 1 < 9 && b < 10 && (uint32_t)q[2] - '0' < 10) {
            tag = a * 100 + b * 10 + ((uint32_t)q[2] - '0');
            q += 3;
        } else {
            uint32_t minus = *q == '-', digit = (uint32_t)*(q += minus) - '0';
            if (digit > 9 || (!digit && q[1] != '=')) return RF_FIX_GARBLED; /* no leading zero */
            tag = digit;
            while ((digit = (uint32_t)*++q - '0') <= 9) tag = tag * 10 + digit; /* ends at the last SOH at the latest */
            if (*q != '=' || q - start > 9) return RF_FIX_GARBLED;
            if (minus) tag = 0 - tag;
        }
        start = ++q;
        uint32_t length_tag = tag - 89 <= 446 - 89 ? rf_fix_length_tag(tag) : 0;
        if (length_tag && f > m->fields && f[-1].tag == length_tag) {
            uint64_t n;
            if (!rf_fix_uint(p + f[-1].at, f[-1].len, &n)) return RF_FIX_GARBLED;
            if (q >= trailer || n >= (uint64_t)(trailer - q) || q[n] != RF_FIX_SOH) return RF_FIX_GARBLED;
            q += n;
        } else {
            q = rf_fix_soh(q, end);
        }
        if (f == last) {
            m->flags |= RF_FIX_MORE_FIELDS;
        } else {
            f->tag = tag;
            f->at = (uint32_t)(start - p);
            f->len = (uint32_t)(q - start);
            f++;
        }
        q++;
    }
    m->count = (uint32_t)(f - m->fields);
    if (m->count < 4 || m->fields[2].tag != 35 || !m->fields[2].len) return RF_FIX_GARBLED;
    m->msg_type = 0;
    if (m->fields[2].len <= 4)
        for (uint32_t i = m->fields[2].len; i; i--) m->msg_type = m->msg_type << 8 | p[m->fields[2].at + i - 1];
    return RF_FIX_OK;
}

/* Frame, checksum, fields. *size: bytes of the message when OK, bytes to skip when GARBLED, 0 when INCOMPLETE. */
static inline int rf_fix_parse(const unsigned char *p, size_t n, rf_fix_message_t *m, size_t *size) {
    int state = rf_fix_frame(p, n, size);
    if (state != RF_FIX_OK) return state;
    const unsigned char *t = p + *size - 4; /* nnn| */
    uint32_t a = (uint32_t)t[0] - '0', b = (uint32_t)t[1] - '0', c = (uint32_t)t[2] - '0';
    if (a > 9 || b > 9 || c > 9 || a * 100 + b * 10 + c != rf_fix_checksum(p, *size - 7)) return RF_FIX_GARBLED;
    return rf_fix_split(p, *size, m);
}

/* Index of the first field with this tag, or -1. */
static inline int rf_fix_find(const rf_fix_message_t *m, uint32_t tag) {
    for (uint32_t i = 0; i < m->count; i++)
        if (m->fields[i].tag == tag) return (int)i;
    return -1;
}

/* ---- typed values ----------------------------------------------------------------------------------------------- */

/* Exact decimal: value = mantissa * 10^-digits, zeros at the end of the fraction dropped, so equal numbers have equal forms.
 * 0 when it is no FIX float (sign other than '-', exponent, no digit) or does not fit in 18 digits. */
static inline int rf_fix_decimal(const unsigned char *p, uint32_t n, int64_t *mantissa, uint8_t *digits) {
    const uint64_t limit = 1000000000000000000ull; /* 10^18 */
    uint64_t v = 0;
    uint32_t i, c = 0, scale = 0, zeros = 0;
    uint32_t sign = n && p[0] == '-';
    for (i = sign; i < n && (c = (uint32_t)p[i] - '0') <= 9; i++)
        if ((v = v * 10 + c) >= limit) return 0;
    uint32_t whole = i - sign;
    if (i < n) {
        if (p[i] != '.' || (whole == 0 && i + 1 == n)) return 0;
        for (i++; i < n; i++) {
            c = (uint32_t)p[i] - '0';
            if (c > 9) return 0;
            if (!c) { /* counts only when another digit follows */
                zeros++;
                continue;
            }
            scale += zeros + 1;
            if (scale > 18) return 0;
            for (; zeros; zeros--)
                if ((v *= 10) >= limit) return 0;
            if ((v = v * 10 + c) >= limit) return 0;
        }
    } else if (!whole) {
        return 0;
    }
    *mantissa = sign ? -(int64_t)v : (int64_t)v;
    *digits = (uint8_t)scale;
    return 1;
}

/* Days since 1970-01-01 of a proleptic Gregorian date (years from March, so that the leap day is last). */
static inline int64_t rf_fix_days(uint32_t year, uint32_t month, uint32_t day) {
    uint32_t y = month <= 2 ? year - 1 : year, era = y / 400, yoe = y % 400;
    uint32_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (int64_t)era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static inline int rf_fix_month_days(uint32_t year, uint32_t month) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && year % 4 == 0 && (year % 100 || year % 400 == 0) ? 29 : days[month - 1];
}

/* Eight characters as digits: pair i (i 0 to 6) of the result holds 10 * digit i + digit i+1 in byte i. `ignore`: bytes that are no digits. 0: a byte is none. */
static inline int rf_fix_pairs(const unsigned char *p, uint64_t ignore, uint64_t *pairs) {
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) word |= (uint64_t)p[i] << (8 * i); /* one load where bytes are little-endian */
    word = (word ^ 0x3030303030303030ull) & ~ignore;
    *pairs = word * 10 + (word >> 8);
    return !((word | (word + 0x0606060606060606ull)) & 0xF0F0F0F0F0F0F0F0ull);
}

static inline uint32_t rf_fix_pair(uint64_t pairs, int i) { return (uint32_t)(pairs >> (8 * i)) & 0xFF; }

/* UTCTimestamp YYYYMMDD-HH:MM:SS[.f{1,9}] to ns since 1970; a leap second is the first of the next minute. Years 1970 to 2500. */
static inline int rf_fix_timestamp(const unsigned char *p, uint32_t n, uint64_t *ns) {
    uint64_t date, clock, fraction = 0, unit = 1000000000;
    if (n < 17 || n > 27 || n == 18 || p[8] != '-' || p[11] != ':' || p[14] != ':') return 0;
    if (!rf_fix_pairs(p, 0, &date) || !rf_fix_pairs(p + 9, 0x0000FF0000FF0000ull, &clock)) return 0;
    uint32_t year = rf_fix_pair(date, 0) * 100 + rf_fix_pair(date, 2), month = rf_fix_pair(date, 4), day = rf_fix_pair(date, 6);
    uint32_t hour = rf_fix_pair(clock, 0), minute = rf_fix_pair(clock, 3), second = rf_fix_pair(clock, 6);
    if (year < 1970 || year > 2500 || month - 1 > 11 || !day || (int)day > rf_fix_month_days(year, month)) return 0;
    if (hour > 23 || minute > 59 || second > 60) return 0;
    if (n > 17) {
        if (p[17] != '.') return 0;
        for (uint32_t i = 18; i < n; i++) {
            uint32_t c = (uint32_t)p[i] - '0';
            if (c > 9) return 0;
            unit /= 10;
            fraction += c * unit;
        }
    }
    *ns = ((uint64_t)rf_fix_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * 1000000000ull + fraction;
    return 1;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned char *buffer; /* RF_FIX_RESERVE bytes of room, then the body */
    uint32_t at;           /* next byte */
    uint32_t capacity;
    uint32_t failed; /* 1: something did not fit or could not be written; the message must not be used */
} rf_fix_writer_t;

typedef struct {
    uint64_t second; /* of `text`, since 1970 */
    unsigned char text[24]; /* YYYYMMDD-HH:MM:SS */
} rf_fix_stamp_t;        /* one per session: the text changes once a second */

static inline void rf_fix_open(rf_fix_writer_t *w, unsigned char *buffer, uint32_t capacity) {
    w->buffer = buffer;
    w->at = RF_FIX_RESERVE;
    w->capacity = capacity;
    w->failed = capacity < 2 * RF_FIX_RESERVE;
}

/* memcpy without a call for the lengths that values have: two moves that may overlap. */
static inline void rf_fix_copy(unsigned char *to, const unsigned char *from, uint32_t n) {
    if (__builtin_constant_p(n) || n > 32) {
        memcpy(to, from, n);
    } else if (n >= 16) {
        memcpy(to, from, 16);
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else if (n) {
        to[0] = from[0];
        to[n >> 1] = from[n >> 1];
        to[n - 1] = from[n - 1];
    }
}

/* Room for n bytes, or `failed`. */
static inline int rf_fix_fits(rf_fix_writer_t *w, uint32_t n) {
    if (__builtin_expect(w->failed || w->capacity - w->at < n + 8u || n > RF_FIX_MESSAGE_MAX, 0)) { /* 8: the trailer always fits */
        w->failed = 1;
        return 0;
    }
    return 1;
}

static inline void rf_fix_put(rf_fix_writer_t *w, const void *bytes, uint32_t n) {
    if (!rf_fix_fits(w, n)) return;
    rf_fix_copy(w->buffer + w->at, (const unsigned char *)bytes, n);
    w->at += n;
}

/* Characters before the first NUL, at most `max`; nothing is read beyond `max`. */
static inline uint32_t rf_fix_text_length(const char *text, uint32_t max) {
    uint32_t n = 0;
#ifdef __SSE2__
    for (; max - n >= 16; n += 16) {
        int nul = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(text + n)), _mm_setzero_si128()));
        if (nul) return n + (uint32_t)__builtin_ctz((unsigned)nul);
    }
#endif
    while (n < max && text[n]) n++;
    return n;
}

/* A NUL-padded text of at most `max` bytes. */
static inline void rf_fix_put_text(rf_fix_writer_t *w, const char *text, uint32_t max) { rf_fix_put(w, text, rf_fix_text_length(text, max)); }

static inline void rf_fix_put_byte(rf_fix_writer_t *w, unsigned char c) { rf_fix_put(w, &c, 1); }

/* Decimal digits of v so that they end before `end`, two a step, at least one; where they begin. */
static inline unsigned char *rf_fix_digits(unsigned char *end, uint64_t v) {
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869"
        "707172737475767778798081828384858687888990919293949596979899";
    while (v >= 100) {
        uint64_t rest = v / 100;
        memcpy(end -= 2, pairs + 2 * (v - rest * 100), 2);
        v = rest;
    }
    if (v >= 10) {
        memcpy(end -= 2, pairs + 2 * v, 2);
        return end;
    }
    *--end = (unsigned char)('0' + v);
    return end;
}

static inline void rf_fix_put_uint(rf_fix_writer_t *w, uint64_t v) {
    unsigned char text[20], *p = rf_fix_digits(text + 20, v);
    rf_fix_put(w, p, (uint32_t)(text + 20 - p));
}

/* mantissa * 10^-digits with exactly `digits` places (none: no point). digits up to 18. */
static inline void rf_fix_put_decimal(rf_fix_writer_t *w, int64_t mantissa, uint32_t digits) {
    unsigned char text[24], *p = text + 24;
    uint64_t v = mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;
    if (digits > 18) {
        w->failed = 1;
        return;
    }
    for (uint32_t i = 0; i < digits; i++, v /= 10) *--p = (unsigned char)('0' + v % 10);
    if (digits) *--p = '.';
    p = rf_fix_digits(p, v);
    if (mantissa < 0) *--p = '-';
    rf_fix_put(w, p, (uint32_t)(text + 24 - p));
}

static inline void rf_fix_two(unsigned char *p, uint32_t v) {
    p[0] = (unsigned char)('0' + v / 10);
    p[1] = (unsigned char)('0' + v % 10);
}

static inline void rf_fix_stamp_second(rf_fix_stamp_t *s, uint64_t second) {
    uint64_t days = second / 86400, z = days + 719468;
    uint32_t rest = (uint32_t)(second % 86400), era = (uint32_t)(z / 146097), doe = (uint32_t)(z % 146097);
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    uint32_t month = mp < 10 ? mp + 3 : mp - 9, year = era * 400 + yoe + (month <= 2);
    rf_fix_two(s->text, year / 100 % 100);
    rf_fix_two(s->text + 2, year % 100);
    rf_fix_two(s->text + 4, month);
    rf_fix_two(s->text + 6, doy - (153 * mp + 2) / 5 + 1);
    s->text[8] = '-';
    rf_fix_two(s->text + 9, rest / 3600);
    s->text[11] = ':';
    rf_fix_two(s->text + 12, rest / 60 % 60);
    s->text[14] = ':';
    rf_fix_two(s->text + 15, rest % 60);
    s->second = second;
}

/* UTCTimestamp of ns since 1970 with `places` decimals of the second: 0, 3, 6 or 9. */
static inline void rf_fix_put_timestamp(rf_fix_writer_t *w, rf_fix_stamp_t *s, uint64_t ns, uint32_t places) {
    uint64_t second = ns / 1000000000;
    uint32_t rest = (uint32_t)(ns - second * 1000000000), n = places ? 18 + places : 17;
    if (s->second != second || !s->text[0]) rf_fix_stamp_second(s, second);
    if (!rf_fix_fits(w, n)) return;
    unsigned char *p = w->buffer + w->at;
    memcpy(p, s->text, 17);
    w->at += n;
    if (!places) return;
    p[17] = '.';
    rest /= places == 3 ? 1000000 : places == 6 ? 1000 : 1;
    for (uint32_t i = places; i; i--, rest /= 10) p[17 + i] = (unsigned char)('0' + rest % 10);
}

/* Close the message: `8=BEGIN|` (given) and `9=N|` go before the body, `10=nnn|` behind. Bytes of the message and where it starts, or 0. */
static inline uint32_t rf_fix_finish(rf_fix_writer_t *w, const unsigned char *begin, uint32_t begin_len, unsigned char **start) {
    uint32_t body = w->at - RF_FIX_RESERVE, v = body, sum;
    unsigned char *p = w->buffer + RF_FIX_RESERVE, *t = w->buffer + w->at;
    if (w->failed || begin_len > 16 || body >= RF_FIX_MESSAGE_MAX - 64) return 0;
    *--p = RF_FIX_SOH;
    p = rf_fix_digits(p, v);
    *--p = '=';
    *--p = '9';
    p -= begin_len;
    rf_fix_copy(p, begin, begin_len);
    sum = rf_fix_checksum(p, (size_t)(t - p));
    t[0] = '1';
    t[1] = '0';
    t[2] = '=';
    t[3] = (unsigned char)('0' + sum / 100);
    t[4] = (unsigned char)('0' + sum / 10 % 10);
    t[5] = (unsigned char)('0' + sum % 10);
    t[6] = RF_FIX_SOH;
    *start = p;
    return (uint32_t)(t + 7 - p);
}
#endif
