"""Recorded ticks that are columns already: numpy files and Parquet, into the same ``Ticks`` that the text formats give.

    numpy      t.npy    structured array of quotes: ns, bid, ask and, if it has them, bid_qty, ask_qty
               t.npz    ``quotes`` as above, ``trades``: ns, px and, if it has them, qty, side (1 buy, 2 sell: who took); either may be absent
    parquet    columns ns, bid, ask, bid_qty, ask_qty, px, qty, side; a row with bid and ask is a quote, one with px a trade (extra ``parquet``)

Integers are scaled already. Decimals and floats are amounts: each must be a multiple of the instrument's step, a float to within a millionth of a step or,
where floats lie farther apart than that, to within what a float of that size can tell (at most 2^48 steps). One that is not is refused, not rounded, since the
file then has finer prices than the instrument. ``ns`` may be any timestamp type; one without a zone is UTC.
What can fail: a file that cannot be read, a column that is missing, of no such type, or has what no market says; always TickError with the file's name.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from decimal import Decimal, localcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from ringfence.gateways.ticks import TickError, Ticks

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUOTE, TRADE = ("ns", "bid", "ask"), ("ns", "px")
MORE = {QUOTE: ("bid_qty", "ask_qty"), TRADE: ("qty", "side")}
STEP_ERROR_MAX = 1e-6
FLOAT_ERROR_MAX = 2.0**-52
"""Of a float that is the nearest to a decimal and is multiplied once, relative to it."""
DECIMAL_DIGITS = 100
"""More than any column has."""
INT64_MAX, FLOAT_STEPS_MAX = 2**63 - 1, 2.0**48
Columns = Mapping[str, Any]


def read_numpy(path: Path, digits: int, qty_digits: int) -> Ticks:
    """Read ``.npy`` or ``.npz``; see the module's text. Raises TickError."""
    try:
        loaded = np.load(path, allow_pickle=False)
        tables = {name: loaded[name] for name in loaded.files} if hasattr(loaded, "files") else {"quotes": loaded}
    except OSError as e:
        raise TickError(f"{path}: cannot read: {e.strerror or e}") from e
    except (ValueError, EOFError, KeyError, BadZipFile, zlib.error, RuntimeError, MemoryError) as e:  # what its zip and header say
        raise TickError(f"{path}: no numpy file: {e}") from e
    found: dict[str, Columns] = {}
    for name, table in tables.items():
        if name not in ("quotes", "trades") or table.ndim != 1 or not table.dtype.names:
            raise TickError(f"{path}: {name!r} is {table.dtype} of {table.ndim} dimensions; there may be quotes and trades, structured arrays of one")
        found[name] = {column: table[column] for column in table.dtype.names}
    return _ticks(path, found.get("quotes", {}), found.get("trades", {}), digits, qty_digits)


def read_parquet(path: Path, digits: int, qty_digits: int) -> Ticks:
    """Read a Parquet file; see the module's text. Raises TickError, also when the extra is not installed."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as e:
        raise TickError(f"{path}: Parquet needs the extra: pip install 'ringfence[parquet]'") from e
    try:
        table = parquet.read_table(path)
    except OSError as e:
        raise TickError(f"{path}: cannot read: {e.strerror or e}") from e
    except ArrowException as e:
        raise TickError(f"{path}: no Parquet file: {e}") from e
    columns = {name: table.column(name) for name in table.column_names}
    quotes, trades = (_whole_rows(path, columns, needed) for needed in (QUOTE, TRADE))
    return _ticks(path, quotes, trades, digits, qty_digits)


def _whole_rows(path: Path, columns: Columns, needed: tuple[str, ...]) -> Columns:
    """Return the rows in which every needed column has a value, of the columns that belong to it; nothing else of the file is looked at."""
    if not set(needed) <= set(columns):
        return {}
    keep = np.logical_and.reduce([columns[name].is_valid().to_numpy() for name in needed])
    return {name: _array(path, name, columns[name].filter(keep)) for name in (*needed, *MORE[needed]) if name in columns}


def _array(path: Path, name: str, column: Any) -> NDArray[Any]:
    """A column of Arrow as numpy: timestamps as int64 nanoseconds, decimals as objects, missing numbers as 0."""
    from pyarrow import ArrowException, ArrowNotImplementedError, ArrowTypeError

    try:
        return _plain(column)
    except (ArrowException, ArrowTypeError, ArrowNotImplementedError, ValueError, TypeError) as e:
        raise TickError(f"{path}: column {name}: {e}") from e


def _plain(column: Any) -> NDArray[Any]:
    from pyarrow import int64, timestamp, types

    if types.is_timestamp(column.type):
        column = column.cast(timestamp("ns", column.type.tz)).cast(int64())
    if types.is_decimal(column.type):
        return np.array([value if value is not None else Decimal(0) for value in column.to_pylist()], dtype=object)
    return np.asarray(column.fill_null(0).to_numpy() if column.null_count else column.to_numpy())


def _ticks(path: Path, quotes: Columns, trades: Columns, digits: int, qty_digits: int) -> Ticks:
    for columns, needed in ((quotes, QUOTE), (trades, TRADE)):
        if columns and not set(needed) <= set(columns):
            raise TickError(f"{path}: columns are {', '.join(columns)}; needed are {', '.join(needed)}")
    scales = {"ns": 0, "bid": digits, "ask": digits, "px": digits, "bid_qty": qty_digits, "ask_qty": qty_digits, "qty": qty_digits, "side": 0}
    q, t = ({n: _scaled(path, n, c[n], s) for n, s in scales.items() if n in c} for c in (quotes, trades))
    ns, trade_ns = (c.get("ns", np.zeros(0, np.int64)) for c in (q, t))
    if not len(ns) + len(trade_ns):
        raise TickError(f"{path}: no ticks in it")
    if (np.diff(ns) < 0).any() or (np.diff(trade_ns) < 0).any():
        raise TickError(f"{path}: time runs backwards; sort the file first")
    bid, ask, bid_qty, ask_qty = (q.get(name, np.zeros_like(ns)) for name in ("bid", "ask", "bid_qty", "ask_qty"))
    px, qty, side = (t.get(name, np.zeros_like(trade_ns)) for name in ("px", "qty", "side"))
    ticks = Ticks(path, digits, ns, bid, ask, bid_qty, ask_qty, trade_ns, px, qty, side)
    amounts = (ticks.bid, ticks.ask, ticks.bid_qty, ticks.ask_qty, ticks.trade_px - 1, ticks.trade_qty, ticks.trade_side)
    if any((amount < 0).any() for amount in amounts) or (ticks.trade_side > 2).any():
        raise TickError(f"{path}: a price or quantity is below 0, a trade without a price, or a side is none of 0, 1 and 2")
    return ticks


def _scaled(path: Path, name: str, column: NDArray[Any], digits: int) -> NDArray[np.int64]:
    """Return a column as scaled integers, exactly."""
    if column.ndim != 1:
        raise TickError(f"{path}: column {name} has {column.shape[1]} numbers in each row; it must have one")
    if column.dtype.kind == "M":
        whole = column.astype("datetime64[ns]")
        _check(path, name, column, (whole == column) & (whole.astype(np.int64) >= 0), "is no time from 1970 to 2262")  # NaT is not equal to itself
        return whole.astype(np.int64)
    if column.dtype.kind in "iu":
        least = 0 if name == "ns" else -INT64_MAX
        fits = column <= np.uint64(INT64_MAX) if column.dtype.kind == "u" else column >= least
        _check(path, name, column, fits, "is no time from 1970 to 2262" if name == "ns" else "does not fit in 64 bits")
        return np.ascontiguousarray(column, dtype=np.int64)
    exact = column.dtype.kind == "O" and all(isinstance(value, Decimal) and value.is_finite() for value in column)
    if name == "ns" or not (exact or column.dtype.kind == "f"):
        raise TickError(f"{path}: column {name} is {column.dtype}; it must be integers, {'timestamps' if name == 'ns' else 'decimals or floats'}")
    return (_of_decimals if exact else _of_floats)(path, name, column, digits)


def _of_decimals(path: Path, name: str, column: NDArray[Any], digits: int) -> NDArray[np.int64]:
    with localcontext(prec=DECIMAL_DIGITS):
        steps = [value.scaleb(digits) for value in column]
    whole = [int(value) for value in steps]
    fits = np.array([value == n and abs(n) <= INT64_MAX for value, n in zip(steps, whole, strict=True)], dtype=bool)
    _check(path, name, column, fits, f"is finer than {digits} decimals, or does not fit in 64 bits")
    return np.array(whole, dtype=np.int64)


def _of_floats(path: Path, name: str, column: NDArray[Any], digits: int) -> NDArray[np.int64]:
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number is refused below
        steps = column.astype(np.float64) * 10.0**digits
        whole = np.rint(steps)
        size = np.abs(whole)
        fits = (np.abs(steps - whole) <= np.maximum(STEP_ERROR_MAX, size * FLOAT_ERROR_MAX)) & (size <= FLOAT_STEPS_MAX)
    _check(path, name, column, fits, f"is finer than {digits} decimals, or no number, or more than a float can tell exactly")
    return whole.astype(np.int64)


def _check(path: Path, name: str, column: NDArray[Any], fits: NDArray[np.bool_], wrong: str) -> None:
    if (rows := np.flatnonzero(~fits)).size:
        raise TickError(f"{path}: row {int(rows[0]) + 1}: {name} {column[rows[0]]} {wrong}")
