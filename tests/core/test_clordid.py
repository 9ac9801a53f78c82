"""ClOrdIDs there and back."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.core.clordid import day_code, decode_cl_ord_id, encode_cl_ord_id, encode_out_of_band


@given(st.integers(0, 2**15 - 1), st.integers(0, 2**35 - 1), st.integers(0, 1023))
@settings(deadline=None, max_examples=300)
def test_cl_ord_id_when_encoded_decodes_to_the_same_numbers(day: int, order: int, revision: int) -> None:
    text = encode_cl_ord_id("RF", day, order, revision)
    assert len(text) == 16
    assert decode_cl_ord_id(text, "RF") == (day, order, revision)


@given(st.integers(0, 2**15 - 1), st.integers(0, 2**35 - 1), st.integers(0, 2**14 - 1))
@settings(deadline=None, max_examples=100)
def test_cl_ord_id_when_of_a_gateways_own_cancel_is_the_order_and_the_last_revision(day: int, order: int, number: int) -> None:
    text = encode_out_of_band("RF", day, order, number)
    assert (len(text), text[:16]) == (19, encode_cl_ord_id("RF", day, order, 1023))
    assert decode_cl_ord_id(text, "RF") == (day, order, 1023)
    assert encode_out_of_band("RF", day, order, number + 1) != text


@given(st.text(max_size=24))
@settings(deadline=None, max_examples=300)
def test_cl_ord_id_when_the_text_is_foreign_decodes_to_none_or_is_ours_exactly(text: str) -> None:
    found = decode_cl_ord_id(text, "RF")
    assert found is None or encode_cl_ord_id("RF", *found) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RF",
        "XX9IQ-0000A1F-00",
        "RF9IQ-0000A1F-0",
        "RF9IQ-0000A1F-000",
        "RF9IQ-0000a1F-00",
        "RF9IQ-0000A1W-00",
        "RF9IQ_0000A1F-00",
        "RF9IQ-0000A1F-00001",
        "RF9IQ-0000A1F-VV01",
        "RF9IQ-0000A1F-VV0001",
        "RF9IQ-0000A1F-VV00x",
    ],
)
def test_cl_ord_id_when_one_character_is_wrong_is_not_ours(text: str) -> None:
    assert decode_cl_ord_id(text, "RF") is None


@given(st.dates(date(2000, 1, 1), date(2088, 12, 31)))
@settings(deadline=None, max_examples=200)
def test_day_code_when_given_a_date_counts_days_since_2000(day: date) -> None:
    assert date(2000, 1, 1) + timedelta(days=day_code(day.year * 10000 + day.month * 100 + day.day)) == day


@pytest.mark.parametrize("bad", [19991231, 20261301, 20260230, 21000101])
def test_day_code_when_the_date_cannot_be_raises(bad: int) -> None:
    with pytest.raises(ValueError):
        day_code(bad)
