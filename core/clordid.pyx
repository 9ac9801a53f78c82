"""ClOrdID(11) of an order's revisions: written for a command, read back from a report by arithmetic.

``PREFIX DAY - ORDER - REV``: two characters of instance prefix, three of day code (days since 2000-01-01), seven of order id
and two of revision, all base 32 with the digits ``0-9A-V``. Unique while the prefix is unique among instances that share a
session, and reproducible by replay: nothing in it comes from a clock or a counter outside the journaled state.

What can fail: any other text decodes to 0 and is handled as an order that is not ours (S3). Rejected: a lookup table of
live ClOrdIDs (a cache miss per report and one more thing to recover); base 36 or 64 (no shift arithmetic; not every venue takes lower case).
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from datetime import date

cdef extern from *:
    """
    /* Written as one expression a digit, so that the compiler unrolls; -1 for what is no digit. */
    static inline int64_t rf_base32_value(unsigned char c) {
        unsigned decimal = (unsigned)c - '0', letter = (unsigned)c - 'A';
        return decimal < 10u ? (int64_t)decimal : letter < 22u ? (int64_t)letter + 10 : -1;
    }
    /* Negative when any character is no digit. */
    static inline int64_t rf_base32_get(const char *at, int digits) {
        int64_t value = 0, wrong = 0;
        for (int i = 0; i < digits; i++) {
            int64_t digit = rf_base32_value((unsigned char)at[i]);
            wrong |= digit;
            value = (int64_t)((uint64_t)value << 5 | ((uint64_t)digit & 31));
        }
        return wrong < 0 ? -1 : value;
    }
    """
    int64_t rf_base32_get(const char *at, int digits) noexcept nogil

cdef extern from "clordid.h" nogil:
    enum:
        DAY_AT "RF_CLORDID_DAY_AT"
        ORDER_AT "RF_CLORDID_ORDER_AT"
        REVISION_AT "RF_CLORDID_REVISION_AT"
        LENGTH "RF_CLORDID_BYTES"
    void rf_clordid_put(char *out24, const char *prefix, uint32_t day_code, uint64_t order_id, uint32_t revision) noexcept


cdef void encode(char *out24, const char *prefix, uint32_t day_code, uint64_t order_id, uint32_t revision) noexcept nogil:
    rf_clordid_put(out24, prefix, day_code, order_id, revision)


cdef int decode(const char *text24, const char *prefix, uint32_t *day_code, uint64_t *order_id, uint32_t *revision) noexcept nogil:
    cdef int64_t day, order, rev
    if text24[0] == 0 or text24[0] != prefix[0] or text24[1] != prefix[1] or text24[5] != 45 or text24[13] != 45 or text24[LENGTH] != 0:
        return 0
    day = rf_base32_get(text24 + DAY_AT, 3)
    order = rf_base32_get(text24 + ORDER_AT, 7)
    rev = rf_base32_get(text24 + REVISION_AT, 2)
    if (day | order | rev) < 0:
        return 0
    day_code[0] = <uint32_t>day
    order_id[0] = <uint64_t>order
    revision[0] = <uint32_t>rev
    return 1


def day_code(int yyyymmdd):
    """Return days since 2000-01-01 of a trading day written as ``YYYYMMDD``.

    Raises
    ------
    ValueError
        If it is no date, or outside 2000 to 2089 (the code has 15 bits).
    """
    code = (date(yyyymmdd // 10000, yyyymmdd // 100 % 100, yyyymmdd % 100) - date(2000, 1, 1)).days
    if not 0 <= code < 1 << 15:
        raise ValueError(f"trading day {yyyymmdd} was outside 2000-01-01 to 2089-09-17")
    return code


def encode_cl_ord_id(str prefix, uint32_t day_code, uint64_t order_id, uint32_t revision):
    """Return the ClOrdID(11) of one revision of an order.

    Raises
    ------
    ValueError
        If the prefix is not two characters or a number has too many digits.
    """
    if len(prefix) != 2 or not prefix.isascii() or day_code >= 1 << 15 or order_id >= 1 << 35 or revision >= 1 << 10:
        raise ValueError(f"no ClOrdID for prefix {prefix!r}, day code {day_code}, order {order_id}, revision {revision}")
    cdef char out[24]
    cdef bytes raw = prefix.encode()
    encode(out, raw, day_code, order_id, revision)
    return (<bytes>out[:LENGTH]).decode()


def decode_cl_ord_id(str text, str prefix):
    """Return ``(day_code, order_id, revision)``, or None when the text is no ClOrdID of this prefix."""
    cdef char padded[24]
    cdef bytes raw = text.encode(errors="replace")[:24]
    cdef bytes ours = prefix.encode()
    cdef int i, n = len(raw)
    memset(padded, 0, 24)
    for i in range(n):
        padded[i] = raw[i]
    cdef uint32_t day = 0, revision = 0
    cdef uint64_t order_id = 0
    if len(ours) < 2 or not decode(padded, ours, &day, &order_id, &revision):
        return None
    return day, order_id, revision
