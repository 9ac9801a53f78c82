"""Python's view of the ledger's 128-bit arithmetic (``wide.pxd``), so that tests compute with the very same code.

The C functions are inline in ``wide.pxd``; nothing here is on the hot path. Rounding is half-even. A result that does not fit raises ``OverflowError``, and
so does an argument, so nothing is ever wrapped. Rejected: GMP or floats for the products (the widest needs 256 bits, for a moment).
"""

from libc.stdint cimport uint64_t

_WORD = 1 << 64


cdef wide_t load(object value) except? -1:
    cdef uint64_t words[2]
    if not -(1 << 127) <= value < 1 << 127:
        raise OverflowError(f"{value} does not fit in 128 bits")
    words[0] = value % _WORD
    words[1] = (value // _WORD) % _WORD
    return rf_wide_load(words)


cdef object say(wide_t value):
    cdef uint64_t words[2]
    rf_wide_store(words, value)
    whole = int(words[1]) * _WORD + int(words[0])
    return whole - (1 << 128) if whole >> 127 else whole


def product(a, b):
    """Return ``a * b``.

    Raises
    ------
    OverflowError
        If it needs more than 128 bits.
    """
    cdef wide_t out = 0
    if not rf_wide_product(load(a), load(b), &out):
        raise OverflowError(f"{a} * {b} does not fit in 128 bits")
    return say(out)


def ratio(v, a, b):
    """Return ``v * a / b`` rounded half-even, with 256 bits in between.

    Raises
    ------
    OverflowError
        If the result needs more than 128 bits.
    ValueError
        If ``b`` is not above zero.
    """
    cdef wide_t out = 0
    if b <= 0:
        raise ValueError(f"divisor was {b}; allowed: above zero")
    if not rf_wide_ratio(load(v), load(a), load(b), &out):
        raise OverflowError(f"{v} * {a} / {b} does not fit in 128 bits")
    return say(out)


def part(v, k, n):
    """Return ``v * k / n`` rounded half-even: the cost that leaves with ``k`` of ``n`` units.

    Raises
    ------
    ValueError
        If ``k`` is not in ``0..n`` or ``n`` is not above zero.
    """
    if n <= 0 or not 0 <= k <= n:
        raise ValueError(f"part {k} of {n}; allowed: 0 to n, n above zero")
    return say(rf_wide_part(load(v), load(k), load(n)))


def is_figure(v):
    """Return whether ``-2**125 <= v < 2**125``, what every figure of the ledger keeps to."""
    return bool(rf_wide_is_figure(load(v)))
