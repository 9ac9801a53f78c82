"""Tick files: the shipped ones read whole, and every defect is named with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ringfence.gateways.data import data_file
from ringfence.gateways.ticks import TickError, read

HISTDATA = "20200101 170000065,1.121200,1.121720,0\n20200101 170010447,1.121200,1.121920,0\n"
TRUEFX = "timestamp,bid,ask\n2013-01-01 22:00:00+00:00,86.655,86.728\n"


def at(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC)


def test_read_when_given_the_shipped_eurusd_file_returns_every_quote() -> None:
    ticks = read(data_file("eurusd_ticks.csv"), "histdata", 5)
    assert len(ticks) == 9_500
    assert (ticks.bid[0], ticks.ask[0]) == (112_120, 112_172)
    assert at(ticks.ns[0]) == datetime(2020, 1, 1, 22, 0, 0, tzinfo=UTC) and ticks.ns[0] % 1_000_000_000 == 65_000_000
    assert (ticks.ask > ticks.bid).all() and (np.diff(ticks.ns) >= 0).all()


def test_read_when_given_the_shipped_usdjpy_file_returns_every_quote() -> None:
    ticks = read(data_file("usdjpy_ticks.csv"), "truefx", 3)
    assert len(ticks) == 1_000
    assert (ticks.bid[0], ticks.ask[0]) == (86_655, 86_728)
    assert at(ticks.ns[0]) == datetime(2013, 1, 1, 22, 0, 0, tzinfo=UTC) and ticks.ns[0] % 1_000_000_000 == 295_000_000


def test_read_when_prices_have_more_zeros_than_the_scale_is_exact(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(TRUEFX)
    assert list(read(file, "truefx", 5).bid) == [8_665_500]


@pytest.mark.parametrize(
    ("text", "format_", "digits", "message"),
    [
        (HISTDATA, "histdata", 3, r"t.csv:1: 1\.121200 is finer than 3 decimals"),
        (HISTDATA + "20200101 170010447,1.1212,1.1219\n", "histdata", 5, r"t.csv:3: 3 columns, expected 4"),
        (HISTDATA + "20200101 170009447,1.1212,1.1219,0\n", "histdata", 5, r"t.csv:3: time runs backwards by 1000000000 ns"),
        (HISTDATA + "20200101 17001044,1.1212,1.1219,0\n", "histdata", 5, r"t.csv:3: time '20200101 17001044' is not"),
        (HISTDATA + "20200101 170010447,1.1212,nan,0\n", "histdata", 5, r"t.csv:3: 'nan' is not a plain decimal"),
        (HISTDATA + "20200101 170010447,-1.1212,1.12,0\n", "histdata", 5, r"t.csv:3: bid -1.1212 and ask 1.12 must be above 0"),
        (TRUEFX[10:], "truefx", 3, r"t.csv:1: header is 'bid,ask', expected 'timestamp,bid,ask'"),
        (TRUEFX + "2013-01-01 22:00:00.3,86.6,86.7\n", "truefx", 3, r"t.csv:3: time .* has no UTC offset"),
        (TRUEFX[:18], "truefx", 3, r"t.csv: no ticks in it"),
        (HISTDATA, "csv", 5, r"unknown tick format 'csv'; there are histdata, truefx"),
    ],
)
def test_read_when_the_file_is_wrong_names_file_and_line(tmp_path: Path, text: str, format_: str, digits: int, message: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(TickError, match=message):
        read(file, format_, digits)


def test_read_when_the_file_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(TickError, match=r"none\.csv: cannot read: No such file"):
        read(tmp_path / "none.csv", "truefx", 3)


def test_data_file_when_the_name_is_unknown_lists_what_there_is() -> None:
    with pytest.raises(FileNotFoundError, match=r"gold\.csv: no such data file; there are eurusd_ticks\.csv, usdjpy_ticks\.csv"):
        data_file("gold.csv")
