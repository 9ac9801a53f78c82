"""Numbers at the edge of the ledger: text to exact fractions, scaled integers to exact decimals.

    "1234.5", "p/q" ──parse──▶ Fraction ──scaled──▶ int (core) ──▶ Amount(raw, digits, natural) ──text──▶ "1234.5", or 15 significant digits

The ledger carries money at ``digits`` decimals, far beyond what prices times quantities need (``natural``); only a share of a cost is ever rounded there, by
less than one unit each time. So a value that terminates shows as one with a row of zeros in front of the last ``GUARD`` digits; it is printed exactly. What
does not terminate is rounded half-even, once, to 15 significant digits. No floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

SIGNIFICANT = 15
GUARD = 4
ZEROS = 3
"""Digits of a sum that roundings may have touched, and zeros before them that say that the value ends there."""


def parse(text: object) -> Fraction:
    """Return the exact value of ``"1.5"``, ``"3/7"``, ``"3:2"`` or an int.

    Raises
    ------
    ValueError
        If it is a float or no number.
    """
    if isinstance(text, bool) or not isinstance(text, (str, int)):
        raise ValueError('a number as a string, such as "1.5" or "1/3"')
    try:
        return Fraction(text.replace(":", "/").replace("_", "") if isinstance(text, str) else text)
    except (ValueError, ZeroDivisionError):
        raise ValueError('a number as a string, such as "1.5" or "1/3"') from None


def half_even(value: Fraction) -> int:
    """Return the nearest integer, the even one of two."""
    return round(value)


def decimals(value: Fraction) -> int | None:
    """Return how many decimals it takes to write a value exactly, None when it does not terminate."""
    rest, digits = value.denominator, 0
    twos = fives = 0
    while rest % 2 == 0:
        rest //= 2
        twos += 1
    while rest % 5 == 0:
        rest //= 5
        fives += 1
    digits = max(twos, fives)
    return digits if rest == 1 else None


def fixed(raw: int, digits: int) -> str:
    """Return ``raw * 10**-digits`` without zeros at its end."""
    sign, size = ("-" if raw < 0 else ""), abs(raw)
    whole, part = divmod(size, 10**digits)
    tail = f"{part:0{digits}d}".rstrip("0") if digits else ""
    return f"{sign}{whole}{'.' + tail if tail else ''}"


def significant(value: Fraction, count: int = SIGNIFICANT) -> str:
    """Return a value rounded half-even to this many significant digits, in plain notation."""
    if value == 0:
        return "0"
    size = abs(value)
    exponent = len(str(size.numerator)) - len(str(size.denominator))
    exponent += 1 if size >= Fraction(10) ** exponent else 0
    digits = count - exponent
    raw = half_even(value * Fraction(10) ** digits)
    return fixed(raw, digits) if digits >= 0 else str(raw * 10**-digits)


def exact(value: Fraction) -> str:
    """Return an exact value: the decimal when it terminates, else 15 significant digits."""
    digits = decimals(value)
    return significant(value) if digits is None else fixed(int(value * 10**digits), digits)


@dataclass(frozen=True)
class Amount:
    """A figure of the ledger: ``raw * 10**-digits``, where products of prices and quantities need ``natural`` decimals."""

    raw: int
    digits: int
    natural: int

    @property
    def value(self) -> Fraction:
        return Fraction(self.raw, 10**self.digits)

    def __add__(self, other: Amount) -> Amount:
        digits = max(self.digits, other.digits)
        raw = self.raw * 10 ** (digits - self.digits) + other.raw * 10 ** (digits - other.digits)
        return Amount(raw, digits, max(self.natural, other.natural))

    def __neg__(self) -> Amount:
        return Amount(-self.raw, self.digits, self.natural)

    def __sub__(self, other: Amount) -> Amount:
        return self + -other

    def ends_at(self) -> int | None:
        """The value without the digits that roundings may have touched, at ``digits - GUARD`` decimals; None when it does not end there."""
        kept = half_even(Fraction(self.raw, 10**GUARD))
        return kept if self.digits > GUARD and kept % 10**ZEROS == 0 else None

    @property
    def on_grid(self) -> bool:
        """Whether it is, without any rounding, what products of prices and quantities give."""
        spare = self.digits - self.natural
        return spare < ZEROS or self.raw % 10**spare == 0

    def text(self) -> str:
        if self.on_grid:
            return fixed(self.raw, self.digits)
        kept = self.ends_at()
        return significant(self.value) if kept is None else fixed(kept, self.digits - GUARD)

    def over(self, divisor: Fraction) -> str:
        """Return this divided by an exact value: exact when both terminate, else 15 significant digits."""
        return self._quotient(self.value / divisor)

    def under(self, dividend: Fraction) -> str:
        """Return an exact value divided by this."""
        return self._quotient(dividend / self.value)

    def _quotient(self, quotient: Fraction) -> str:
        return exact(quotient) if self.on_grid else self._rounded(quotient)

    def _rounded(self, quotient: Fraction) -> str:
        """A quotient of a figure that may be off by a few units: a short decimal when it is one within that, else 15 significant digits."""
        sure = len(str(abs(self.raw))) - GUARD
        short = significant(quotient, max(sure, SIGNIFICANT))
        ends = len(short.replace("-", "").replace(".", "").strip("0")) <= sure - ZEROS
        return short if ends else significant(quotient)
