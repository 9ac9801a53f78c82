"""Tick files: the shipped ones read whole, and every defect is named with its line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ringfence.gateways.data import data_file
from ringfence.gateways.ticks import TickError, read
from ringfence.ipc.layout import dtype

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
        (HISTDATA, "csv", 5, r"unknown tick format 'csv'; there are histdata, truefx, numpy, parquet"),
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


# ---- columns

QUOTES = [("ns", "i8"), ("bid", "i8"), ("ask", "i8"), ("bid_qty", "i8"), ("ask_qty", "i8")]


def test_read_when_the_file_is_numpy_gives_its_quotes_and_trades_in_time_order(tmp_path: Path) -> None:
    quotes = np.array([(10, 100, 102, 5, 6), (30, 101, 103, 7, 8)], dtype=QUOTES)
    trades = np.array([(10, 1.02, 2.5, 1), (20, 1.01, 0.5, 2)], dtype=[("ns", "i8"), ("px", "f8"), ("qty", "f8"), ("side", "i8")])
    np.savez(tmp_path / "t.npz", quotes=quotes, trades=trades)
    slots = read(tmp_path / "t.npz", "numpy", 2, 1).slots(7)
    assert [(int(s["source_ns"]), int(s["kind"]), int(s["instrument"])) for s in slots] == [(10, 1, 7), (10, 2, 7), (20, 2, 7), (30, 1, 7)]
    trade = slots[1:2].view(dtype("TradeTick"))[0]
    assert [int(trade[n]) for n in ("px", "qty", "side")] == [102, 25, 1]
    assert [int(slots[3][n]) for n in ("bid", "ask", "bid_qty", "ask_qty")] == [101, 103, 7, 8]
    np.save(tmp_path / "t.npy", quotes[["ns", "bid", "ask"]])
    ticks = read(tmp_path / "t.npy", "numpy", 2)
    assert (list(ticks.bid), list(ticks.bid_qty)) == ([100, 101], [0, 0])


def test_read_when_the_shipped_file_is_saved_as_columns_gives_the_same_ticks(tmp_path: Path) -> None:
    told = read(data_file("eurusd_ticks.csv"), "histdata", 5)
    saved = np.zeros(len(told), dtype=[("ns", "datetime64[ns]"), ("bid", "f8"), ("ask", "f8")])
    saved["ns"], saved["bid"], saved["ask"] = told.ns.astype("datetime64[ns]"), told.bid / 1e5, told.ask / 1e5
    np.save(tmp_path / "t.npy", saved)
    parquet.write_table(pa.table({name: saved[name] for name in saved.dtype.names}), tmp_path / "t.parquet")
    for name, format_ in (("t.npy", "numpy"), ("t.parquet", "parquet")):
        assert read(tmp_path / name, format_, 5).slots(1).tobytes() == told.slots(1).tobytes()


def test_read_when_parquet_has_quotes_and_trades_in_one_table_tells_them_apart(tmp_path: Path) -> None:
    rows = {"ns": [1, 2, 3], "bid": [Decimal("1.10"), None, Decimal("1.12")], "ask": [Decimal("1.11"), None, Decimal("1.13")], "px": [None, 1.115, None]}
    parquet.write_table(pa.table(rows), tmp_path / "t.parquet")
    ticks = read(tmp_path / "t.parquet", "parquet", 3)
    assert (list(ticks.ns), list(ticks.bid), list(ticks.trade_ns), list(ticks.trade_px)) == ([1, 3], [1100, 1120], [2], [1115])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ns": [1], "bid": [1.123456], "ask": [1.2]}, r"row 1: bid 1\.123456 is finer than 5 decimals"),
        ({"ns": [1], "bid": [float("nan")], "ask": [1.2]}, r"row 1: bid nan is finer than 5 decimals, or no number"),
        ({"ns": [1], "bid": [1e12], "ask": [1.2]}, r"row 1: bid 1000000000000\.0 is finer"),
        ({"ns": [2, 1], "bid": [1, 1], "ask": [1, 1]}, r"time runs backwards"),
        ({"ns": [1], "bid": [-1], "ask": [1]}, r"a price or quantity is below 0"),
        ({"ns": [1], "ask": [1]}, r"columns are ns, ask; needed are ns, bid, ask"),
        ({"ns": [1.5], "bid": [1], "ask": [1]}, r"column ns is float64; it must be integers, timestamps"),
        ({"ns": [1], "bid": [b"x"], "ask": [1]}, r"column bid is \|S1; it must be integers, decimals or floats"),
    ],
)
def test_read_when_columns_are_wrong_says_which(tmp_path: Path, columns: dict[str, list[object]], message: str) -> None:
    arrays = {name: np.array(values) for name, values in columns.items()}
    table = np.zeros(len(arrays["ns"]), dtype=[(name, a.dtype) for name, a in arrays.items()])
    for name, array in arrays.items():
        table[name] = array
    np.save(tmp_path / "t.npy", table)
    with pytest.raises(TickError, match=message):
        read(tmp_path / "t.npy", "numpy", 5)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ns": np.array([5, "NaT"], "M8[ns]")}, r"row 2: ns NaT is no time from 1970 to 2262"),
        ({"ns": np.array(["NaT", 5], "M8[ns]")}, r"row 1: ns NaT is no time"),
        ({"ns": np.array(["2020", "9999"], "M8[s]")}, r"row 2: ns 9999-01-01T00:00:00 is no time from 1970 to 2262"),
        ({"ns": np.array([-5, 5])}, r"row 1: ns -5 is no time"),
        ({"ns": np.array([5, 2**64 - 1], "u8")}, r"row 2: ns 18446744073709551615 is no time"),
        ({"bid": np.array([5, 2**63 + 5], "u8")}, r"row 2: bid 9223372036854775813 does not fit in 64 bits"),
        ({"bid": np.array([1.1, 196123.45], "f4")}, r"row 1: bid 1\.1.* is finer than 5 decimals"),
        ({"bid": np.array([1.0, 12345678.123456])}, r"row 2: bid 12345678\.123456 is finer than 5 decimals"),
        ({"bid": np.array([1.0, np.inf])}, r"row 2: bid inf is finer than 5 decimals, or no number"),
        ({"bid": np.array([[1, 2], [3, 4]])}, r"column bid has 2 numbers in each row"),
        ({"bid": np.array([True, False])}, r"column bid is bool"),
    ],
)
def test_read_when_numbers_of_a_column_cannot_be_says_which(tmp_path: Path, columns: dict[str, np.ndarray], message: str) -> None:
    told = {"ns": np.array([1, 2]), "bid": np.array([1, 1]), "ask": np.array([2, 2]), **columns}
    table = np.zeros(2, dtype=[(name, a.dtype, a.shape[1:]) for name, a in told.items()])
    for name, array in told.items():
        table[name] = array
    np.save(tmp_path / "t.npy", table)
    with pytest.raises(TickError, match=message):
        read(tmp_path / "t.npy", "numpy", 5)


@settings(deadline=None, max_examples=100)
@given(
    values=st.lists(st.integers(1, 2**48 - 1), min_size=1, max_size=5),
    digits=st.integers(0, 9),
    finer=st.one_of(st.none(), st.integers(0, 4)),
    off=st.floats(0.3, 0.5),
)
def test_read_when_floats_are_whole_steps_is_exact_and_refuses_what_lies_between(
    tmp_path_factory: pytest.TempPathFactory, values: list[int], digits: int, finer: int | None, off: float
) -> None:
    """Against decimals: the float nearest to a whole number of steps is that number, at any size; one that is a third of a step away never is."""
    table = np.zeros(len(values), dtype=[("ns", "i8"), ("px", "f8")])
    table["px"] = [float(Decimal(v).scaleb(-digits)) for v in values]
    if finer is not None:
        at_ = finer % len(values)
        table["px"][at_] = float((Decimal(values[at_]) + Decimal(off)).scaleb(-digits))
    path = tmp_path_factory.mktemp("t") / "t.npz"
    np.savez(path, trades=table)
    if finer is None:
        assert list(read(path, "numpy", digits).trade_px) == values
    else:
        with pytest.raises(TickError, match=rf"is finer than {digits} decimals"):
            read(path, "numpy", digits)


def test_read_when_decimals_have_more_digits_than_python_counts_with_is_exact(tmp_path: Path) -> None:
    for text, fits in (("1.12120000000000000000000000000", True), ("1.12120000000000000000000000001", False)):
        column = pa.array([Decimal(text)], pa.decimal128(38, 29))
        parquet.write_table(pa.table({"ns": [1], "bid": column, "ask": column}), tmp_path / "t.parquet")
        if fits:
            assert list(read(tmp_path / "t.parquet", "parquet", 5).bid) == [112_120]
        else:
            with pytest.raises(TickError, match="finer than 5 decimals"):
                read(tmp_path / "t.parquet", "parquet", 5)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ns": pa.array(["9999-01-01"]).cast(pa.timestamp("s")), "bid": [1], "ask": [2]}, r"t.parquet: column ns: "),
        ({"ns": [1], "bid": [1], "ask": [2], "bid_qty": pa.array([None], pa.string())}, r"t.parquet: column bid_qty"),
        ({"ns": [1], "bid": [[1, 2]], "ask": [2]}, r"t.parquet: column bid"),
        ({"ns": pa.array([None], pa.timestamp("ns")), "bid": [1], "ask": [2]}, r"t.parquet: no ticks in it"),
    ],
)
def test_read_when_parquet_has_columns_that_cannot_be_says_which(tmp_path: Path, columns: dict[str, object], message: str) -> None:
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(TickError, match=message):
        read(tmp_path / "t.parquet", "parquet", 5)


@pytest.mark.parametrize("saved", [np.savez, np.savez_compressed])
def test_read_when_any_byte_of_a_numpy_file_is_wrong_never_breaks(tmp_path: Path, saved: Callable[..., None]) -> None:
    path = tmp_path / "t.npz"
    saved(path, quotes=np.array([(10, 100, 102, 5, 6), (30, 101, 103, 7, 8)], dtype=QUOTES))
    whole = path.read_bytes()
    for at_ in range(0, len(whole), 3):
        path.write_bytes(whole[:at_] + bytes([whole[at_] ^ 0x55]) + whole[at_ + 1 :])
        with contextlib.suppress(TickError):
            read(path, "numpy", 2)


def test_read_when_a_histdata_time_has_signs_in_it_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("20200101 170000-65,1.121200,1.121720,0\n")
    with pytest.raises(TickError, match=r"t.csv:1: time '20200101 170000-65' is not YYYYMMDD HHMMSSmmm"):
        read(file, "histdata", 5)


@pytest.mark.parametrize("name", ["t.npy", "t.npz"])
@pytest.mark.parametrize("format_", ["numpy", "parquet"])
def test_read_when_bytes_are_no_such_file_says_so(tmp_path: Path, name: str, format_: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 nothing of the kind")
    with pytest.raises(TickError, match=rf"{name}: (no numpy|no Parquet|cannot read|Parquet needs)"):
        read(tmp_path / name, format_, 5)
