"""Recorded quotes of several instruments as one tape in time order, and as the slots that a strategy reads.

    {row: Ticks or array} ──merge──▶ Tape (columns, by time, then row) ──slots──▶ QuoteTick records, as bytes, a piece of the tape at a time

The records are made by numpy for a whole piece of the tape, so that a turn of the backtest copies 64 bytes and sets no field. Prices and sizes are
integers of the instrument's scale. A crossed quote is flagged as the feed flags it. What can fail: ``TapeError``, naming instrument and tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ringfence.gateways.data import data_file
from ringfence.gateways.ticks import TickError, Ticks, read
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGE = "package:"
CROSSED = CONSTANTS["TICK_CROSSED"][0]
_QUOTE = ENUMS["TickKind"].by_name["QUOTE"]
_COLUMNS = ("bid", "ask", "bid_qty", "ask_qty")


class TapeError(ValueError):
    """Ticks that cannot be played; the message names the instrument."""


def read_ticks(file: Path | str, format: str, digits: int, qty_digits: int = 0) -> Ticks:
    """Read a tick file, or with ``package:NAME`` one that comes with Ringfence.

    Parameters
    ----------
    format : str
        As ``ringfence.gateways.ticks.read``.
    digits, qty_digits : int
        Price and quantity decimals of the instrument.

    Raises
    ------
    TickError
        As ``ringfence.gateways.ticks.read``.
    """
    name = str(file)
    try:
        path = data_file(name.removeprefix(PACKAGE)) if name.startswith(PACKAGE) else Path(file)
    except FileNotFoundError as e:
        raise TickError(str(e)) from e
    return read(path, format, digits, qty_digits)


@dataclass(frozen=True)
class Tape:
    """Quotes in the order in which they are played; all columns are int64 and of one length.

    Attributes
    ----------
    ns : ndarray
        The quotes' own time [ns of UTC].
    instrument : ndarray
        Row of the engine's instrument table.
    bid, ask, bid_qty, ask_qty : ndarray
        Instrument scale; a size of 0 is not told.
    """

    ns: NDArray[np.int64]
    instrument: NDArray[np.int64]
    bid: NDArray[np.int64]
    ask: NDArray[np.int64]
    bid_qty: NDArray[np.int64]
    ask_qty: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ns)


def merge(sources: Mapping[int, Ticks | NDArray[Any]]) -> Tape:
    """Return the tape of ticks by instrument row. Of quotes with one time the lower row comes first, of one row the order that they have.

    Raises
    ------
    TapeError
        If there are none, a column is missing, a price is not above 0, or time falls.
    """
    columns = {row: _columns(row, ticks) for row, ticks in sorted(sources.items())}
    if not columns or not any(len(c["ns"]) for c in columns.values()):
        raise TapeError("there are no ticks to play")
    joined = {name: np.concatenate([c[name] for c in columns.values()]) for name in ("ns", *_COLUMNS)}
    joined["instrument"] = np.concatenate([np.full(len(c["ns"]), row, np.int64) for row, c in columns.items()])
    order = np.argsort(joined["ns"], kind="stable")
    return Tape(**{name: np.ascontiguousarray(column[order]) for name, column in joined.items()})


def between(tape: Tape, from_ns: int | None, to_ns: int | None) -> Tape:
    """Return the quotes from one time on and before another [ns]; None is no bound."""
    first = 0 if from_ns is None else int(np.searchsorted(tape.ns, from_ns))
    last = len(tape) if to_ns is None else int(np.searchsorted(tape.ns, to_ns))
    if first >= last:
        raise TapeError("there are no ticks between the two times")
    return Tape(**{name: getattr(tape, name)[first:last] for name in Tape.__dataclass_fields__})


def _columns(row: int, ticks: Ticks | NDArray[Any]) -> dict[str, NDArray[np.int64]]:
    def column(name: str) -> Any:
        if isinstance(ticks, np.ndarray):
            return ticks[name] if name in (ticks.dtype.names or ()) else None
        return getattr(ticks, name, None)

    out: dict[str, NDArray[np.int64]] = {}
    for name in ("ns", *_COLUMNS):
        found = column(name)
        if found is None and name in ("ns", "bid", "ask"):
            raise TapeError(f"ticks of instrument {row} have no column {name}; needed are ns, bid and ask")
        told = found is not None and (len(found) or not len(out.get("ns", ())))  # sizes may be left out
        out[name] = _integers(row, name, np.asarray(found)) if told else np.zeros(len(out["ns"]), np.int64)
    for name in ("bid", "ask"):
        if len(bad := np.flatnonzero(out[name] <= 0)):
            what = f"tick {bad[0]} has a {name} of {out[name][bad[0]]}"
            raise TapeError(f"ticks of instrument {row}: {what}; prices are above 0, a quote of one side alone is not played")
    for name in ("ns", "bid_qty", "ask_qty"):
        if len(bad := np.flatnonzero(out[name] < 0)):
            raise TapeError(f"ticks of instrument {row}: tick {bad[0]} has a {name} of {out[name][bad[0]]}; 0 or more is allowed")
    if len(bad := np.flatnonzero(np.diff(out["ns"]) < 0)):
        raise TapeError(f"ticks of instrument {row}: time falls at tick {bad[0] + 1}; sort them first")
    return out


def _integers(row: int, name: str, column: NDArray[Any]) -> NDArray[np.int64]:
    if column.dtype.kind not in "iu":
        raise TapeError(
            f"ticks of instrument {row}: column {name} is {column.dtype}; prices and sizes are integers in the instrument's scale, times nanoseconds"
        )
    if column.dtype.kind == "u" and len(column) and int(column.max()) >= 1 << 63:
        raise TapeError(f"ticks of instrument {row}: column {name} holds {int(column.max())}, which is beyond 63 bits")
    return column.astype(np.int64)


def slots(tape: Tape, first: int, last: int, delay_ns: int) -> memoryview:
    """Return the QuoteTick records of ticks ``first`` to ``last`` as bytes.

    Parameters
    ----------
    delay_ns : int
        From a quote's own time until it is published [ns].
    """
    part = slice(first, last)
    ticks = np.zeros(last - first, dtype("QuoteTick"))
    for name in ("instrument", *_COLUMNS):
        ticks[name] = getattr(tape, name)[part]
    ticks["source_ns"] = tape.ns[part]
    ticks["published_ns"] = tape.ns[part] + delay_ns
    ticks["flags"] = np.where(tape.bid[part] > tape.ask[part], CROSSED, 0)
    ticks["kind"] = _QUOTE
    return ticks.view(np.uint8).data
