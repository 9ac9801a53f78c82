"""Tick files into numpy arrays: top-of-book quotes and trades, integers only.

    histdata   20200101 170000065,1.121200,1.121720,0          no header; US Eastern standard time all year (UTC-5), milliseconds
    truefx     2013-01-01 22:00:00.295000+00:00,86.655,86.728  header ``timestamp,bid,ask``; offset in the text, microseconds
    numpy, parquet                                             columns: see tick_columns.py

Data flow: file -> ``read`` -> ``Ticks`` -> the simulated venue; ``Ticks.slots`` -> the feed and backtests, as slots of the market data ring.
Prices become integers scaled by ``10**digits`` and must be exact; a file whose prices are finer than the instrument's scale is refused, not
rounded. Time may repeat but not fall. Every error names file and line. Rejected: pandas and float parsing (a tick of 1.12120 would
become 1.1211999...), and guessing the format from the bytes: a wrong guess shifts a whole day by five hours without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ringfence.gateways.decimals import text_to_scaled
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

HISTDATA_ZONE = timezone(timedelta(hours=-5), "EST")
KIND = ENUMS["TickKind"].by_name
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAP_GAP_NS = 1_000_000_000
"""Tape time between the last tick and the first of the next lap."""


class TickError(ValueError):
    """A tick file cannot be read; the message names file and line."""


def _none() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Ticks:
    """Quotes and trades of one instrument, each in time order.

    Attributes
    ----------
    ns, trade_ns : ndarray of int64
        The quotes' and the trades' own time, nanoseconds of UTC.
    bid, ask, trade_px : ndarray of int64
        Prices scaled by ``10**digits``; a bid or ask of 0: nobody quotes that side.
    bid_qty, ask_qty, trade_qty : ndarray of int64
        Quantities scaled by the instrument's digits; 0: not told.
    trade_side : ndarray of int64
        ``Side`` of who took liquidity; 0: not told.
    """

    path: Path
    digits: int
    ns: NDArray[np.int64]
    bid: NDArray[np.int64]
    ask: NDArray[np.int64]
    bid_qty: NDArray[np.int64] = field(default_factory=_none)
    ask_qty: NDArray[np.int64] = field(default_factory=_none)
    trade_ns: NDArray[np.int64] = field(default_factory=_none)
    trade_px: NDArray[np.int64] = field(default_factory=_none)
    trade_qty: NDArray[np.int64] = field(default_factory=_none)
    trade_side: NDArray[np.int64] = field(default_factory=_none)

    def __len__(self) -> int:
        return len(self.ns)

    def slots(self, instrument: int) -> NDArray[Any]:
        """Return all ticks as slots of the market data ring (QuoteTick; a trade is the same bytes read as TradeTick), in time order, quotes before trades.

        ``published_ns`` is left 0, for who publishes them.
        """
        out = np.zeros(len(self.ns) + len(self.trade_ns), dtype("QuoteTick"))
        quotes, trades = out[: len(self.ns)], out[len(self.ns) :].view(dtype("TradeTick"))
        quotes["kind"], quotes["source_ns"], quotes["bid"], quotes["ask"] = KIND["QUOTE"], self.ns, self.bid, self.ask
        if len(self.bid_qty):
            quotes["bid_qty"], quotes["ask_qty"] = self.bid_qty, self.ask_qty
        trades["kind"], trades["source_ns"], trades["px"], trades["qty"], trades["side"] = (
            KIND["TRADE"], self.trade_ns, self.trade_px, self.trade_qty, self.trade_side,
        )  # fmt: skip
        out["instrument"] = instrument
        return out[np.argsort(out["source_ns"], kind="stable")] if len(trades) else out


def _utc_ns(moment: datetime) -> int:
    """Exact: timedelta keeps days, seconds and microseconds as integers, a float timestamp would not."""
    since = moment - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def _histdata(fields: list[str]) -> tuple[int, str, str]:
    stamp, bid, ask, _volume = fields
    if len(stamp) != 18 or not stamp[9:].isdecimal():
        raise ValueError(f"time {stamp!r} is not YYYYMMDD HHMMSSmmm")
    moment = datetime.strptime(stamp[:15], "%Y%m%d %H%M%S").replace(tzinfo=HISTDATA_ZONE)
    return _utc_ns(moment) + int(stamp[15:]) * 1_000_000, bid, ask


def _truefx(fields: list[str]) -> tuple[int, str, str]:
    stamp, bid, ask = fields
    moment = datetime.fromisoformat(stamp)
    if moment.tzinfo is None:
        raise ValueError(f"time {stamp!r} has no UTC offset")
    return _utc_ns(moment), bid, ask


@dataclass(frozen=True)
class _Format:
    columns: int
    header: str
    parse: Callable[[list[str]], tuple[int, str, str]]


_TEXT = {"histdata": _Format(4, "", _histdata), "truefx": _Format(3, "timestamp,bid,ask", _truefx)}
FORMATS = (*_TEXT, "numpy", "parquet")


def _rows(path: Path, format_: _Format, digits: int) -> Iterator[tuple[int, int, int]]:
    last = 0
    with path.open(encoding="ascii", errors="replace", newline="") as file:
        for number, line in enumerate(file, 1):
            text = line.rstrip("\r\n")
            if number == 1 and format_.header:
                if text != format_.header:
                    raise TickError(f"{path}:1: header is {text!r}, expected {format_.header!r}")
                continue
            fields = text.split(",")
            if len(fields) != format_.columns:
                raise TickError(f"{path}:{number}: {len(fields)} columns, expected {format_.columns}: {text[:80]!r}")
            try:
                ns, bid, ask = format_.parse(fields)
                row = ns, text_to_scaled(bid, digits), text_to_scaled(ask, digits)
            except ValueError as e:
                raise TickError(f"{path}:{number}: {e}") from e
            if min(row[1:]) <= 0:
                raise TickError(f"{path}:{number}: bid {bid} and ask {ask} must be above 0")
            if ns < last:
                raise TickError(f"{path}:{number}: time runs backwards by {last - ns} ns; sort the file first")
            last = ns
            yield row


def read(path: Path | str, format: str, digits: int, qty_digits: int = 0) -> Ticks:
    """Read a tick file.

    Parameters
    ----------
    format : str
        One of FORMATS, the layout of the file; see the module's text.
    digits, qty_digits : int
        Price and quantity decimals of the instrument.

    Raises
    ------
    TickError
        If the file is missing, empty, in another format, or has a price finer than ``digits``; names file and line.
    """
    if format not in FORMATS:
        raise TickError(f"{path}: unknown tick format {format!r}; there are {', '.join(FORMATS)}")
    path = Path(path)
    if format not in _TEXT:
        from ringfence.gateways import tick_columns

        return {"numpy": tick_columns.read_numpy, "parquet": tick_columns.read_parquet}[format](path, digits, qty_digits)
    try:
        rows = np.array(list(_rows(path, _TEXT[format], digits)), dtype=np.int64)
    except OSError as e:
        raise TickError(f"{path}: cannot read: {e.strerror}") from e
    if not len(rows):
        raise TickError(f"{path}: no ticks in it")
    ns, bid, ask = (np.ascontiguousarray(column) for column in rows.T)
    return Ticks(path, digits, ns, bid, ask)


class Playback:
    """Ticks against the wall clock: when each is due, over and over when ``loop``.

    Parameters
    ----------
    speed : Fraction
        Tape seconds per second, above 0.
    loop : bool
        Start again after the last tick, one second of tape later.
    start_ns : int
        Wall time at which the first tick is due.
    """

    def __init__(self, ticks: Ticks, speed: Fraction, loop: bool, start_ns: int) -> None:
        self.ticks, self.speed, self.loop, self.start_ns = ticks, speed, loop, start_ns
        self._offsets = [int(ns) for ns in ticks.ns - ticks.ns[0]]
        self._next = 0
        self._lap_ns = 0

    @property
    def due_ns(self) -> int | None:
        """Wall time at which the next tick is due; None when the tape has ended."""
        if self._next == len(self._offsets):
            return None
        return self.start_ns + (self._lap_ns + self._offsets[self._next]) * self.speed.denominator // self.speed.numerator

    def take(self, now_ns: int) -> Iterator[int]:
        """Yield the index of each tick that is due, in order, and move past it."""
        while (due := self.due_ns) is not None and due <= now_ns:
            at = self._next
            self._next += 1
            if self._next == len(self._offsets) and self.loop:
                self._next = 0
                self._lap_ns += self._offsets[-1] + LAP_GAP_NS
            yield at
