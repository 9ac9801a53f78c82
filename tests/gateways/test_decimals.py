"""Decimal text and scaled integers: exact both ways, or refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.gateways.decimals import INT64_MAX, text_to_scaled, to_scaled, to_text


@given(st.integers(-INT64_MAX, INT64_MAX), st.integers(0, 12))
def test_to_text_when_read_back_is_the_same_number(scaled: int, digits: int) -> None:
    text = to_text(scaled, digits)
    assert text_to_scaled(text, digits) == scaled
    assert Decimal(text).scaleb(digits) == scaled


@given(st.decimals(-10_000_000, 10_000_000, places=6), st.integers(0, 8))
def test_to_scaled_when_given_a_decimal_is_exact_or_refuses(value: Decimal, digits: int) -> None:
    exact = value.scaleb(digits)
    if exact == int(exact):
        assert to_scaled(value, digits) == int(exact)
    else:
        with pytest.raises(ValueError, match="finer than"):
            to_scaled(value, digits)


@pytest.mark.parametrize("text", ["", ".", "-", "1e5", "1,000", " 1", "0x1", "inf", "nan", "1.2.3", "١"])
def test_text_to_scaled_when_it_is_no_plain_decimal_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal"):
        text_to_scaled(text, 2)


@pytest.mark.parametrize("value", [1.5, True, None, b"1"])
def test_to_scaled_when_the_type_is_not_exact_refuses(value: object) -> None:
    with pytest.raises(TypeError, match=r"pass text or a Decimal"):
        to_scaled(value, 2)


def test_to_scaled_when_it_does_not_fit_refuses() -> None:
    for value in (INT64_MAX + 1, str(INT64_MAX + 1), Decimal("9e30")):
        with pytest.raises(ValueError, match="does not fit in 64 bits"):
            to_scaled(value, 0)
