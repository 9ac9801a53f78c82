"""The ledger's 128-bit arithmetic against Python's own integers and fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringfence.core import wide

MAX = 2**127 - 1
SIZES = st.integers(0, 127).flatmap(lambda bits: st.integers(-(2**bits), 2**bits - 1))
POSITIVE = st.integers(0, 126).flatmap(lambda bits: st.integers(1, 2**bits + 1).filter(lambda n: n <= MAX))


@given(SIZES, SIZES)
@example(-(2**127), -1)
@example(2**64, 2**63 - 1)
def test_product_when_it_fits_is_exact_and_else_refused(a: int, b: int) -> None:
    if -(2**127) <= a * b <= MAX:
        assert wide.product(a, b) == a * b
    else:
        with pytest.raises(OverflowError, match="does not fit"):
            wide.product(a, b)


@given(SIZES, SIZES, POSITIVE)
@example(2**126, 3, 6)
@example(MAX, MAX, MAX)
@example(-(2**126), 2**126 + 1, 2**126)
@example(5, 1, 2)
@example(7, 1, 2)
@example(-5, 1, 2)
@example(2**100 + 1, 2**100, 2**101)
def test_ratio_when_it_fits_is_rounded_half_even_and_else_refused(v: int, a: int, b: int) -> None:
    expected = round(Fraction(v * a, b))
    if abs(expected) <= MAX:
        assert wide.ratio(v, a, b) == expected
    elif abs(expected) > MAX + 1:
        with pytest.raises(OverflowError, match="does not fit"):
            wide.ratio(v, a, b)


@given(SIZES.filter(lambda v: v > -(2**127)), POSITIVE, st.integers(0, MAX))
@example(3, 2, 1)
@example(2**63, 3, 2)
@example(-(2**63), 2**62 + 1, 2**61)
@example(2**126 + 1, 2**100 + 1, 2**99)
@example(2**62 + 1, 6, 3)  # ties of what takes two short divisions: the whole decides which way, not its last part
@example(2**62 + 3, 6, 3)
@example(-(2**62) - 3, 6, 3)
@example(2**62 + 3, 2**62 + 5, 2**62 + 4)
def test_part_when_a_share_leaves_is_rounded_half_even_once(v: int, n: int, any_k: int) -> None:
    k = any_k % (n + 1)
    assert wide.part(v, k, n) == round(Fraction(v * k, n))


@pytest.mark.parametrize(("v", "fits"), [(2**125 - 1, True), (2**125, False), (-(2**125), True), (-(2**125) - 1, False), (0, True), (-1, True), (MAX, False)])
def test_figure_when_near_its_bound_is_told_apart(v: int, fits: bool) -> None:
    assert wide.is_figure(v) is fits


@pytest.mark.parametrize(("v", "k", "n"), [(1, 2, 1), (1, -1, 1), (1, 0, 0)])
def test_part_when_it_is_no_part_is_refused(v: int, k: int, n: int) -> None:
    with pytest.raises(ValueError, match="allowed: 0 to n"):
        wide.part(v, k, n)
