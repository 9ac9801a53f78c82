"""Python's view of the engine's integer arithmetic (``fixed.pxd``), so that tools and tests compute with the very same code.

The C functions are inline in ``fixed.pxd``; nothing here is on the hot path. An overflow raises ``OverflowError`` and a
value that does not fit its argument type is refused by the conversion, so no result is ever wrapped. Rounding is half-even.
Rejected: ``decimal`` or floats for money anywhere in ``core``; Fractions in tools would be right but not the same code.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

_WORD = 1 << 64


def wide(uint64_t lo, int64_t hi):
    """Return the 128-bit integer of a table's ``*_lo`` and ``*_hi`` pair."""
    return int(hi) * _WORD + int(lo)


def add_product(total, int64_t a, int64_t b):
    """Return ``total + a * b`` in 128 bits.

    Raises
    ------
    OverflowError
        If the sum needs more than 128 bits.
    """
    cdef uint64_t lo = total % _WORD
    cdef int64_t hi = total // _WORD
    if not rf_wide_add_product(&lo, &hi, a, b):
        raise OverflowError(f"{total} + {a} * {b} does not fit in 128 bits")
    return wide(lo, hi)


def share(value, int64_t k, int64_t n):
    """Return ``value * k / n`` rounded half-even, ``0 <= k <= n``: the cost that leaves with ``k`` of ``n`` units.

    Raises
    ------
    ValueError
        If ``k`` is not in ``0..n`` or ``n`` is not positive.
    """
    if n <= 0 or k < 0 or k > n:
        raise ValueError(f"share of {k} in {n}: k must be in 0..n and n positive")
    cdef uint64_t lo = value % _WORD
    cdef int64_t hi = value // _WORD
    rf_wide_share(lo, hi, k, n, &lo, &hi)
    return wide(lo, hi)


def rescale(int64_t mantissa, uint32_t digits, uint32_t wanted):
    """Return ``(value, exact)``: ``mantissa * 10**-digits`` in units of ``10**-wanted``, rounded half-even.

    Raises
    ------
    OverflowError
        If the value does not fit in 64 bits.
    """
    cdef int64_t out = 0
    cdef int result = rf_rescale(mantissa, digits, wanted, &out)
    if result == RF_RESCALE_OVERFLOW:
        raise OverflowError(f"{mantissa}e-{digits} does not fit in 64 bits with {wanted} digits")
    return out, result == RF_RESCALE_EXACT
