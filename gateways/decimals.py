"""Exact conversion between decimal text and scaled integers, for everything that is not on the hot path.

A scaled integer is ``value * 10**digits``: 1.12150 at 5 digits is 112150. Nothing here rounds: a value finer than the scale is an error,
since rounding a price or a quantity on the way in would change what was asked. Binary floats are refused outright: 1.1215 as a float is
not the number 1.1215, and deciding which decimal was meant is the caller's business. The FIX codec has its own, in C, for wire bytes.
"""

from __future__ import annotations

import re
from decimal import Decimal

INT64_MAX = (1 << 63) - 1
_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?", re.ASCII)


def text_to_scaled(text: str, digits: int) -> int:
    """Return ``text`` (plain decimal notation, no exponent) times ``10**digits``.

    Raises
    ------
    ValueError
        If it is not a plain decimal, is finer than ``digits`` decimals, or does not fit in 64 bits.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        raise ValueError(f"{text!r} is not a plain decimal number such as 1.1215")
    fraction = match[3] or ""
    if fraction[digits:].strip("0"):
        raise ValueError(f"{text} is finer than {digits} decimals; nothing is rounded here")
    scaled = int((match[2] or "0") + fraction[:digits].ljust(digits, "0"))
    if scaled > INT64_MAX:
        raise ValueError(f"{text} with {digits} decimals does not fit in 64 bits")
    return -scaled if match[1] == "-" else scaled


def to_scaled(value: int | str | Decimal, digits: int) -> int:
    """Return ``value`` as a scaled integer; an ``int`` is taken as it stands, already scaled.

    Raises
    ------
    TypeError
        If the value is a float (or a bool): its decimal meaning is not certain.
    ValueError
        If text or Decimal is not exactly representable at ``digits`` decimals, or does not fit in 64 bits.
    """
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise TypeError(f'{value!r} is a {type(value).__name__}; pass text or a Decimal ("1.1215"), or an int already scaled by 10**{digits}')
    if isinstance(value, int):
        if abs(value) > INT64_MAX:
            raise ValueError(f"{value} does not fit in 64 bits")
        return int(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a finite number")
        return text_to_scaled(format(value, "f"), digits)
    return text_to_scaled(value, digits)


def to_text(scaled: int, digits: int) -> str:
    """Return the scaled integer as decimal text with exactly ``digits`` decimals: (112150, 5) is ``1.12150``."""
    sign, figures = ("-" if scaled < 0 else ""), str(abs(scaled)).rjust(digits + 1, "0")
    return f"{sign}{figures[:-digits]}.{figures[-digits:]}" if digits else f"{sign}{figures}"
