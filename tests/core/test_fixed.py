"""The engine's integers against Python's, which have no limits."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.core import fixed

I64 = st.integers(-(2**63), 2**63 - 1)
I128 = st.integers(-(2**127), 2**127 - 1)
POSITIVE = st.integers(1, 2**63 - 1)


def fits(value: int, bits: int) -> bool:
    return -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)


def half_even(value: Fraction) -> int:
    return round(value)


@given(I128, I64, I64)
@settings(deadline=None, max_examples=500)
def test_add_product_when_the_sum_fits_is_exact_and_else_raises(total: int, a: int, b: int) -> None:
    expected = total + a * b
    if fits(expected, 128):
        assert fixed.add_product(total, a, b) == expected
    else:
        with pytest.raises(OverflowError):
            fixed.add_product(total, a, b)


@given(I128, POSITIVE, st.data())
@settings(deadline=None, max_examples=500)
def test_share_when_k_of_n_leave_equals_the_fraction_rounded_half_even(value: int, n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    assert fixed.share(value, k, n) == half_even(Fraction(value * k, n))


@given(st.integers(-50, 50), st.integers(1, 8), st.data())
@settings(deadline=None, max_examples=500)
def test_share_when_numbers_are_small_meets_every_tie(value: int, n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    assert fixed.share(value, k, n) == half_even(Fraction(value * k, n))


@pytest.mark.parametrize(("k", "n"), [(-1, 2), (3, 2), (0, 0), (0, -1)])
def test_share_when_the_part_is_no_part_raises(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="k must be in"):
        fixed.share(10, k, n)


@given(I64, st.integers(0, 40), st.integers(0, 18))
@settings(deadline=None, max_examples=500)
def test_rescale_when_given_any_scale_equals_the_fraction_rounded_half_even(mantissa: int, digits: int, wanted: int) -> None:
    true = Fraction(mantissa) * Fraction(10) ** (wanted - digits)
    if fits(half_even(true), 64):
        assert fixed.rescale(mantissa, digits, wanted) == (half_even(true), true.denominator == 1)
    else:
        with pytest.raises(OverflowError):
            fixed.rescale(mantissa, digits, wanted)


@pytest.mark.parametrize(("mantissa", "digits", "expected"), [(25, 1, 2), (35, 1, 4), (-25, 1, -2), (-35, 1, -4), (26, 1, 3), (9 * 10**18, 19, 1), (5, 255, 0)])
def test_rescale_when_half_way_rounds_to_even(mantissa: int, digits: int, expected: int) -> None:
    assert fixed.rescale(mantissa, digits, 0) == (expected, False)


@given(I128)
@settings(deadline=None, max_examples=200)
def test_wide_when_split_in_words_comes_back(value: int) -> None:
    assert fixed.wide(value % 2**64, value >> 64) == value
