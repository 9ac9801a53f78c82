"""Rows to text: values, choice, and every output format, on rows known in advance."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.tools import render
from ringfence.tools.errors import UsageError
from ringfence.tools.render import Column, Frame, Options, View

VIEW = View(
    "things",
    (
        Column("health", "", "glyph"),
        Column("id", "ID", "id"),
        Column("symbol", "SYM"),
        Column("px", "PX", "px"),
        Column("qty", "QTY", "qty"),
        Column("n", "N", "count"),
        Column("age", "AGE", "ns"),
        Column("seen_ns", "SEEN", "time", wide=True),
    ),
    ("id",),
)
BIG = 2**64 - 1
SEEN = 1_600_000_000_123_456_789
ROWS: list[dict[str, Any]] = [
    {"health": "ok", "id": BIG, "symbol": "EURUSD", "px": Decimal("1.08760"), "qty": Decimal(1000000), "n": 12, "age": 840, "seen_ns": SEEN},
    {"health": "bad", "id": 7, "symbol": None, "px": None, "qty": Decimal("0.5"), "n": None, "age": None, "seen_ns": None, "stale": True},
]


def frame(rows: list[dict[str, Any]] = ROWS, **settings_: Any) -> Frame:
    return Frame(VIEW, rows, "ld4", 1_600_000_000_000_000_001, **settings_)


@pytest.mark.parametrize(
    ("ns", "expected"),
    [
        (0, "0ns"),
        (999, "999ns"),
        (1_000, "1.0us"),
        (2_849, "2.8us"),
        (14_000, "14us"),
        (999_499, "999us"),
        (999_600, "1.0ms"),
        (4_200_000_000, "4.2s"),
        (59_900_000_000, "60s"),
        (60_000_000_000, "1m00s"),
        (185_000_000_000, "3m05s"),
        (24_072_000_000_000, "06:41:12"),
    ],
)
def test_duration_when_units_are_auto_picks_the_unit(ns: int, expected: str) -> None:
    assert render.duration(ns) == expected


def test_duration_when_units_are_given_keeps_them() -> None:
    assert (render.duration(1_234_567, "ns"), render.duration(1_234_567, "us")) == ("1,234,567ns", "1,234.6us")


def test_table_when_values_are_unknown_shows_dashes_never_zero() -> None:
    lines = render.table(frame(), Options()).splitlines()
    assert lines == [
        "  ID                    SYM     PX       QTY        N   AGE",
        "● 18446744073709551615  EURUSD  1.08760  1,000,000  12  840ns",
        "✖ ~7                     -       -        0.5        -   -",
    ]


def test_table_when_wide_shows_the_wide_columns_and_whole_times() -> None:
    text = render.table(frame(), Options(output="wide"))
    assert "SEEN" in text
    assert "2020-09-13T12:26:40.123Z" in text


def test_table_when_the_engine_is_silent_begins_with_stale() -> None:
    lines = render.table(frame(stale_ns=4_200_000_000, header="ringfence ld4  LIVE", mode="LIVE"), Options()).splitlines()
    assert lines[0].startswith("STALE 4.2s")
    assert lines[1] == "ringfence ld4  LIVE"


def test_table_when_headers_are_off_prints_rows_only() -> None:
    assert len(render.table(frame(header="h", footer=["f"]), Options(header=False)).splitlines()) == len(ROWS)


def test_table_when_coloured_marks_what_changed_since_the_frame_before() -> None:
    later = [{**ROWS[0], "n": 13}, ROWS[1]]
    text = render.table(frame(later), Options(colour=True), before=frame())
    assert "\x1b[1m13\x1b[0m" in text
    assert "\x1b[1m1.08760" not in text
    assert "\x1b[32m●\x1b[0m" in text


def test_json_when_rendered_keeps_the_envelope_and_gives_big_numbers_as_strings() -> None:
    found = json.loads(render.render(frame(), Options(output="json")))
    assert {k: found[k] for k in ("schema", "ts_ns", "instance", "stale")} == {
        "schema": "rf.things/1",
        "ts_ns": "1600000000000000001",
        "instance": "ld4",
        "stale": False,
    }
    assert found["rows"][0] == {
        "health": "ok",
        "id": "18446744073709551615",
        "symbol": "EURUSD",
        "px": "1.08760",
        "qty": "1000000",
        "n": 12,
        "age": "840",
        "seen_ns": "1600000000123456789",
    }
    assert (found["rows"][1]["px"], found["rows"][1]["n"], found["rows"][1]["stale"]) == (None, None, True)


def test_json_when_watching_is_one_object_per_line() -> None:
    assert "\n" not in render.render(frame(), Options(output="json"), watching=True)


def test_csv_when_rendered_has_every_column_and_empty_unknowns() -> None:
    lines = render.render(frame(), Options(output="csv")).splitlines()
    assert lines[0] == "health,id,symbol,px,qty,n,age,seen_ns"
    assert lines[2] == "bad,7,,,0.5,,,"


def test_prom_when_rendered_leaves_unknowns_out_and_labels_with_the_key() -> None:
    text = render.render(frame(), Options(output="prom"))
    assert 'rf_things_px{instance="ld4",id="18446744073709551615"} 1.08760' in text
    assert 'rf_things_age_ns{instance="ld4",id="18446744073709551615"} 840' in text
    assert 'rf_things_n{instance="ld4",id="7"}' not in text


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        *[("SYM=eurusd", [BIG]), ("id<10", [7]), ("qty>=0.5", [BIG, 7]), ("QTY > 1,000", [BIG])],
        *[("sym~^EUR", [BIG]), ("sym!=EURUSD", [7]), ("n=0", []), ("n<99;id=7", [])],
    ],
)
def test_choose_when_filtered_keeps_what_fits_and_unknown_fits_nothing(expression: str, ids: list[int]) -> None:
    assert [r["id"] for r in render.choose(VIEW, ROWS, Options(filter=expression))] == ids


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(filter="colour=red"), "no column 'colour'"),
        (Options(filter="n"), "not understood"),
        (Options(filter="sym~["), "not a regular expression"),
        (Options(sort="colour"), "columns: "),
        (Options(select=(("account", "a"),)), "--account does not apply to things"),
    ],
)
def test_choose_when_asked_for_what_is_not_there_names_it(options: Options, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        render.choose(VIEW, ROWS, options)


def test_choose_when_sorted_descending_puts_unknown_last() -> None:
    assert [r["n"] for r in render.choose(VIEW, [*ROWS, {**ROWS[0], "n": 99}], Options(sort="-N"))] == [99, 12, None]


@given(st.integers(min_value=-(10**18), max_value=10**18), st.integers(min_value=0, max_value=12))
@settings(deadline=None, max_examples=100)
def test_plain_when_a_price_is_given_its_digits_come_back_exactly(mantissa: int, digits: int) -> None:
    value = Decimal(mantissa).scaleb(-digits)
    shown = render.plain(Column("px", "PX", "px"), value)
    assert (Decimal(shown), "E" in shown) == (value, False)
