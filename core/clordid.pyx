"""ClOrdID(11) of an order's revisions: written for a command, read back from a report by arithmetic.

``PREFIX DAY - ORDER - REV``: two characters of instance prefix, three of day code (days since 2000-01-01), seven of order id and two of revision, all base 32
with the digits ``0-9A-V``; behind revision ``VV``, that of a gateway's own cancels, three more number the round. Unique while the prefix is unique among
instances that share a session, and reproducible by replay: nothing in it comes from a clock or a counter outside the journaled state.

What can fail: any other text decodes to 0 and is handled as an order that is not ours (S3). Rejected: a lookup table of
live ClOrdIDs (a cache miss per report and one more thing to recover); base 36 or 64 (no shift arithmetic; not every venue takes lower case).
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from datetime import date

from ringfence.ipc.schema import CONSTANTS

cdef extern from "clordid.h" nogil:
    enum:
        LENGTH "RF_CLORDID_BYTES"
        OUT_OF_BAND "RF_CLORDID_OUT_OF_BAND"
        ROUND_DIGITS "RF_CLORDID_ROUND_DIGITS"
    void rf_base32_put(char *at, int digits, uint64_t value) noexcept
    void rf_clordid_put(char *out24, const char *prefix, uint32_t day_code, uint64_t order_id, uint32_t revision) noexcept
    int rf_clordid_get(const char *text24, const char *prefix, uint32_t *day_code, uint64_t *order_id, uint32_t *revision) noexcept

if <int>OUT_OF_BAND != CONSTANTS["REVISION_OUT_OF_BAND"][0]:
    raise ValueError("clordid.h and ipc/schema.py disagree about REVISION_OUT_OF_BAND; set both to the last revision")


cdef void encode(char *out24, const char *prefix, uint32_t day_code, uint64_t order_id, uint32_t revision) noexcept nogil:
    rf_clordid_put(out24, prefix, day_code, order_id, revision)


cdef int decode(const char *text24, const char *prefix, uint32_t *day_code, uint64_t *order_id, uint32_t *revision) noexcept nogil:
    return rf_clordid_get(text24, prefix, day_code, order_id, revision)


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


def encode_out_of_band(str prefix, uint32_t day_code, uint64_t order_id, uint32_t number):
    """Return the ClOrdID(11) of a gateway's own cancel of an order, in its round of cancels of this number.

    Raises
    ------
    ValueError
        If the prefix is not two characters or a number has too many digits.
    """
    cdef char digits[ROUND_DIGITS]
    if number >= 1 << 5 * ROUND_DIGITS:
        raise ValueError(f"no ClOrdID for round {number}")
    rf_base32_put(digits, ROUND_DIGITS, number)
    return encode_cl_ord_id(prefix, day_code, order_id, OUT_OF_BAND) + (<bytes>digits[:ROUND_DIGITS]).decode()


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
