"""POSTING and CHANGE records as rows of PostgreSQL's binary COPY format.

    arrays of ledger_rows.pyx ──postings_rows, executions_rows──▶ bytes for COPY ... FROM STDIN (FORMAT BINARY)

A row is a count of fields, then each field's length and bytes, big-endian. A numeric is digits of base 10,000 with a weight; zeros at its end are left
out, so that 18 decimals cost nothing where they are not used. Text that is not ASCII goes as ``?``: a venue may send any byte, and a database refuses what is
not UTF-8. One C loop without the interpreter; nothing can fail but the memory for the result. Rejected: text format, which the server parses at half the speed.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stddef cimport size_t
from libc.stdint cimport uint64_t

from ringfence.tools.ledger_rows cimport AMOUNTS_COUNT, Change, Posting

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    static inline char *rf_copy_16(char *at, uint16_t v) { v = __builtin_bswap16(v); memcpy(at, &v, 2); return at + 2; }
    static inline char *rf_copy_32(char *at, uint32_t v) { v = __builtin_bswap32(v); memcpy(at, &v, 4); return at + 4; }
    static inline char *rf_copy_int4(char *at, uint32_t v) { return rf_copy_32(rf_copy_32(at, 4), v); }
    static inline char *rf_copy_int8(char *at, uint64_t v) {
        at = rf_copy_32(at, 8);
        v = __builtin_bswap64(v);
        memcpy(at, &v, 8);
        return at + 8;
    }

    static inline char *rf_copy_text(char *at, const char *text, size_t room) {
        size_t n = strnlen(text, room), k;
        at = rf_copy_32(at, (uint32_t)n);
        for (k = 0; k < n; k++) at[k] = (unsigned char)text[k] < 128 ? text[k] : '?';
        return at + n;
    }

    /* Four base-10,000 digits of a number below 10^16, into digits[0..3]. */
    static inline void rf_copy_digits(uint64_t v, uint16_t *digits) {
        uint32_t high = (uint32_t)(v / 100000000), low = (uint32_t)(v % 100000000);
        digits[0] = (uint16_t)(high / 10000);
        digits[1] = (uint16_t)(high % 10000);
        digits[2] = (uint16_t)(low / 10000);
        digits[3] = (uint16_t)(low % 10000);
    }

    static inline char *rf_copy_numeric(char *at, const uint64_t *figure) {
        const uint64_t unit = 10000000000000000ull; /* 10^16 */
        unsigned __int128 v = ((unsigned __int128)figure[1] << 64) | figure[0];
        uint16_t digits[12], sign = 0;
        int first = 0, last = 12, k;
        if ((int64_t)figure[1] < 0) {
            v = -v;
            sign = 0x4000;
        }
        if (v == 0) return rf_copy_16(rf_copy_16(rf_copy_16(rf_copy_16(rf_copy_32(at, 8), 0), 0), 0), 0);
        if (v >> 64) {
            rf_copy_digits((uint64_t)(v % unit), digits + 8);
            v /= unit;
        } else {
            rf_copy_digits((uint64_t)v % unit, digits + 8);
            v = (uint64_t)v / unit;
        }
        if (v >> 64) {
            rf_copy_digits((uint64_t)(v % unit), digits + 4);
            v /= unit;
        } else {
            rf_copy_digits((uint64_t)v % unit, digits + 4);
            v = (uint64_t)v / unit;
        }
        rf_copy_digits((uint64_t)v, digits);
        while (digits[first] == 0) first++;
        while (digits[last - 1] == 0) last--;
        at = rf_copy_32(at, (uint32_t)(8 + 2 * (last - first)));
        at = rf_copy_16(at, (uint16_t)(last - first));
        at = rf_copy_16(at, (uint16_t)(11 - first));
        at = rf_copy_16(rf_copy_16(at, sign), 0);
        for (k = first; k < last; k++) at = rf_copy_16(at, digits[k]);
        return at;
    }
    """
    char *rf_copy_16(char *at, unsigned int v) noexcept nogil
    char *rf_copy_int4(char *at, unsigned int v) noexcept nogil
    char *rf_copy_int8(char *at, uint64_t v) noexcept nogil
    char *rf_copy_text(char *at, const char *text, size_t room) noexcept nogil
    char *rf_copy_numeric(char *at, const uint64_t *figure) noexcept nogil

cdef enum:
    POSTING_FIELDS = 9 + AMOUNTS_COUNT
    POSTING_BYTES_MAX = 2 + 2 * 12 + 7 * 8 + AMOUNTS_COUNT * 36    # fields of 8 and 4 bytes, and numerics of 12 digits, with their lengths
    CHANGE_FIELDS = 25
    CHANGE_BYTES_MAX = 2 + 6 * 12 + 2 * 36 + 14 * 8 + 12 + 44 + 36

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""What begins a COPY."""
TRAILER = b"\xff\xff"
"""What ends it."""


def postings_rows(postings, uint64_t first, uint64_t end):
    """Return the rows ``first`` to ``end`` of an array of POSTING, fields in the order of ``POSTING_COLUMNS``."""
    cdef const Posting[::1] rows = postings
    cdef const Posting *p
    cdef uint64_t i
    cdef int k
    cdef char *at
    cdef char *begin
    if first > end or end > <uint64_t>rows.shape[0]:
        raise IndexError(f"rows {first}:{end} are outside of the {rows.shape[0]}")
    out = bytearray((end - first) * POSTING_BYTES_MAX)
    at = begin = PyByteArray_AS_STRING(out)
    with nogil:
        for i in range(first, end):
            p = &rows[i]
            at = rf_copy_16(at, POSTING_FIELDS)
            at = rf_copy_int8(at, p.seq)
            at = rf_copy_int8(at, p.engine_ns)
            at = rf_copy_int4(at, p.position)
            at = rf_copy_int4(at, p.execution)
            at = rf_copy_int4(at, p.day)
            at = rf_copy_int4(at, p.value_day)
            at = rf_copy_int4(at, p.correction)
            at = rf_copy_int4(at, p.venue)
            at = rf_copy_int4(at, <unsigned int>p.base_unknown)
            for k in range(AMOUNTS_COUNT):
                at = rf_copy_numeric(at, &p.amounts[2 * k])
    return memoryview(out)[: at - begin]


def executions_rows(changes, uint64_t first, uint64_t end):
    """Return the rows ``first`` to ``end`` of an array of CHANGE, fields in the order of ``EXECUTION_COLUMNS``."""
    cdef const Change[::1] rows = changes
    cdef const Change *c
    cdef uint64_t i
    cdef char *at
    cdef char *begin
    if first > end or end > <uint64_t>rows.shape[0]:
        raise IndexError(f"rows {first}:{end} are outside of the {rows.shape[0]}")
    out = bytearray((end - first) * CHANGE_BYTES_MAX)
    at = begin = PyByteArray_AS_STRING(out)
    with nogil:
        for i in range(first, end):
            c = &rows[i]
            at = rf_copy_16(at, CHANGE_FIELDS)
            at = rf_copy_int8(at, c.seq)
            at = rf_copy_int8(at, c.engine_ns)
            at = rf_copy_int8(at, c.transact_ns)
            at = rf_copy_int8(at, c.order_id)
            at = rf_copy_int8(at, <uint64_t>c.qty)
            at = rf_copy_int8(at, <uint64_t>c.px)
            at = rf_copy_numeric(at, c.amount)
            at = rf_copy_numeric(at, c.fee)
            at = rf_copy_int4(at, c.execution)
            at = rf_copy_int4(at, c.row)
            at = rf_copy_int4(at, c.instrument)
            at = rf_copy_int4(at, c.position)
            at = rf_copy_int4(at, c.day)
            at = rf_copy_int4(at, c.trade_day)
            at = rf_copy_int4(at, c.value_day)
            at = rf_copy_int4(at, c.account)
            at = rf_copy_int4(at, c.strategy)
            at = rf_copy_int4(at, c.venue)
            at = rf_copy_int4(at, c.side)
            at = rf_copy_int4(at, c.kind)
            at = rf_copy_int4(at, c.result)
            at = rf_copy_int4(at, c.fee_kind)
            at = rf_copy_text(at, c.fee_currency, 8)
            at = rf_copy_text(at, c.exec_id, 40)
            at = rf_copy_text(at, c.venue_order_id, 32)
    return memoryview(out)[: at - begin]
