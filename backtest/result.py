"""What a backtest came to, as numpy arrays: integers with their digits, and floats for plots on request.

    tables of the engine, journaled intents, strategy events, samples ──▶ Result ──▶ arrays, summary, npz, plot

Prices and quantities are in the instrument's scale (``digits``), PnL in PNL_DIGITS decimals of its currency: the ledger's 18 rounded half-even. All arrays
are copies: the instance is gone when there is a Result. The figures of PnL are those of ``ringfence ledger pnl`` at the marks of the sample's time
(tools/views/pnl.py). What can fail: a PnL beyond 9 x 10^10 (OverflowError), a plot without the extra (ExtraMissing), a file that cannot be written (OSError).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ringfence.gateways.decimals import to_text
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.ledger_state import MONEY_DIGITS, wide
from ringfence.tools.views.pnl import parts
from ringfence.tools.views.tables import Names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ringfence.core.state import State

PNL_DIGITS = 8
"""Decimals of the money columns of ``pnl``."""
_STEP: int = 10 ** (MONEY_DIGITS - PNL_DIGITS)
_BY_VENUE = "BY_VENUE"
_REASONS = ENUMS["DenyReason"].by_value | {ENUMS["DenyReason"].by_name["NONE"]: _BY_VENUE}
_BOOKED = CONSTANTS["EXECUTION_BOOKED"][0]
_REFUSALS = [ENUMS["EventKind"].by_name[name] for name in ("DENIED", "REJECTED", "CANCEL_REJECTED")]

FILL = np.dtype(
    [
        *[(n, "i8") for n in ("ns", "venue_ns", "seq", "order_id", "client_id", "px", "qty")],
        *[(n, "u4") for n in ("instrument", "account", "venue")],
        ("side", "u1"),
    ]
)
ORDER = np.dtype(
    [
        *[(n, "i8") for n in ("order_id", "client_id", "created_ns", "acked_ns", "updated_ns", "px", "stop_px", "qty", "cum_qty", "leaves_qty")],
        *[(n, "u4") for n in ("instrument", "account", "venue", "replaces")],
        *[(n, "u1") for n in ("side", "ord_type", "time_in_force", "ord_status")],
    ]
)
INTENT = np.dtype(
    [
        *[(n, "i8") for n in ("ns", "seq", "created_ns", "origin_ns", "client_id", "px", "stop_px", "qty")],
        *[(n, "u4") for n in ("instrument", "account")],
        *[(n, "u1") for n in ("kind", "side", "ord_type", "time_in_force")],
    ]
)
POSITION = np.dtype([*[(n, "i8") for n in ("net_qty", "bought_qty", "sold_qty", "fills")], *[(n, "u4") for n in ("instrument", "account")]])
PNL = np.dtype(
    [
        ("ns", "i8"),
        ("instrument", "u4"),
        ("account", "u4"),
        *[(n, "i8") for n in ("net_qty", "bid", "ask", "realized", "unrealized", "fees", "total")],
    ]
)


@dataclass(frozen=True)
class Result:
    """A backtest's outcome.

    Attributes
    ----------
    fills : ndarray of FILL
        ``ns`` is the engine's time, ``venue_ns`` the venue's; ``side`` 1 buys, 2 and 5 sell.
    orders : ndarray of ORDER
        As they stood at the end.
    intents : ndarray of INTENT
        What the strategy asked, as journaled.
    events : ndarray of StrategyEvent
        What the engine told it.
    positions : ndarray of POSITION
        At the end.
    pnl : ndarray of PNL
        The curve: at each sample a row for each position, and for each instrument of the tape without one. Money is in PNL_DIGITS decimals of
        ``currencies[instrument]``; ``total`` is after fees.
    digits : dict
        (price digits, quantity digits) by instrument row.
    symbols, currencies : dict
        Symbol and settlement currency by instrument row.
    state_hash : int
        Of the engine's tables at the end.
    journal_hash : str
        Of every journaled frame in order.
    summary : dict
        Counts and figures, ready for JSON.
    """

    fills: NDArray[Any]
    orders: NDArray[Any]
    intents: NDArray[Any]
    events: NDArray[Any]
    positions: NDArray[Any]
    pnl: NDArray[Any]
    digits: dict[int, tuple[int, int]]
    symbols: dict[int, str]
    currencies: dict[int, str]
    state_hash: int
    journal_hash: str
    summary: dict[str, Any]

    @property
    def hash(self) -> str:
        """State and journal in one: equal for equal runs."""
        return f"{self.state_hash:016x}-{self.journal_hash}"

    def row(self, symbol: str) -> int:
        """Return the instrument row of a symbol.

        Raises
        ------
        KeyError
            If it was not traded.
        """
        for row, name in self.symbols.items():
            if name == symbol:
                return row
        raise KeyError(f"there is no {symbol!r}; there are {', '.join(self.symbols.values())}")

    def price(self, scaled: Any, instrument: int) -> Any:
        """Return scaled prices of an instrument as floats, for plots and statistics; never for booking."""
        return np.asarray(scaled) / 10.0 ** self.digits[instrument][0]

    def curve(self, currency: str | None = None) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return times [ns] and total PnL as floats, summed over the positions of one currency (default: the only one).

        Raises
        ------
        ValueError
            If there are several currencies and none is named: sums of different money mean nothing.
        """
        found = sorted({self.currencies[int(row)] for row in np.unique(self.pnl["instrument"])})
        if currency is None:
            if len(found) > 1:
                raise ValueError(f"PnL is in {', '.join(found)}; name one")
            mine = np.ones(len(self.pnl), bool)
        else:
            rows = [row for row, code in self.currencies.items() if code == currency]
            mine = np.isin(self.pnl["instrument"], rows)
        times, at = np.unique(self.pnl["ns"][mine], return_inverse=True)
        totals = np.zeros(len(times), np.int64)
        np.add.at(totals, at, self.pnl["total"][mine])
        return times, totals / 10.0**PNL_DIGITS

    def to_npz(self, path: Path | str) -> None:
        """Write every array, and the summary as JSON text, to one compressed file that ``numpy.load`` reads."""
        arrays = {name: getattr(self, name) for name in ("fills", "orders", "intents", "events", "positions", "pnl")}
        names = {str(row): [symbol, self.currencies[row], *self.digits[row]] for row, symbol in self.symbols.items()}
        np.savez_compressed(path, **arrays, summary=json.dumps(self.summary | {"hash": self.hash, "instruments": names}))

    def plot(self, path: Path | str) -> None:
        """Draw prices with fills, position and PnL into a .png or .svg file.

        Raises
        ------
        ExtraMissing
            Without matplotlib: ``pip install 'ringfence[plot]'``.
        """
        from ringfence.backtest.plot import draw

        draw(self, Path(path))


class Samples:
    """The PnL curve as it grows: what the views show of a running instance, at the times when it is asked. The tables are views of the state's memory."""

    def __init__(self, state: State, strategy: int = 0, played: Collection[int] = ()) -> None:
        self._state, self._strategy, self._played = state, strategy, played
        self._tables: dict[str, Any] = {}
        self._rows: list[NDArray[Any]] = []
        self._ns = 0  # of the last

    @property
    def engine(self) -> Any:
        """Row of ``engine``, as views read it."""
        return self.table("engine")[1]

    def table(self, name: str) -> Any:
        """Rows of a table, as views read them."""
        if name not in self._tables:
            self._tables[name] = self._state.table(name)
        return self._tables[name]

    def take(self, ns: int) -> None:
        """Add a row for each position of the strategy, and one of account 0 for each instrument of the tape without any; of one time the last counts."""
        held = self.table("ledger_positions")[1 : int(self.table("ledger")[1]["position_count"]) + 1]
        mine = held["strategy"] == self._strategy
        flat = [i for i in self._played if i not in held["instrument"][mine]]
        rows = np.zeros(int(mine.sum()) + len(flat), PNL)
        rows["ns"], rows["instrument"] = ns, [*held["instrument"][mine].tolist(), *flat]
        for name in ("bid", "ask"):
            rows[name] = self.table("instruments")[name][rows["instrument"]]
        found = [part for part, is_mine in zip(parts(self, "account"), mine, strict=True) if is_mine]
        for row, owner, part in zip(rows, held[mine], found, strict=False):
            row["account"], row["net_qty"] = owner["account"], wide(owner["qty"])
            for name in ("realized", "unrealized", "fees", "total"):
                row[name] = _money(part.figures[name])
        if self._rows and ns == self._ns:
            self._rows.pop()
        self._ns = ns
        self._rows.append(rows)

    def curve(self) -> NDArray[Any]:
        """Return all rows."""
        return np.concatenate(self._rows) if self._rows else np.empty(0, PNL)


def _money(figure: int | None) -> int:
    """A figure of the ledger in PNL_DIGITS decimals, half-even; 0 when it cannot be told (there is no mark yet)."""
    if figure is None:
        return 0
    whole, rest = divmod(figure, _STEP)
    return whole + int(2 * rest > _STEP or (2 * rest == _STEP and whole % 2 == 1))


def collect(state: State, intents: tuple[NDArray[Any], NDArray[Any]], events: list[NDArray[Any]], pnl: NDArray[Any], strategy: int) -> dict[str, Any]:
    """Return the arrays of a Result from the tables of an engine that has come to rest, of one strategy."""
    engine = state.table("engine")[1]
    orders = state.table("orders")[: int(engine["order_count"]) + 1]
    executions = state.table("executions")[1 : int(engine["execution_count"]) + 1]
    executions = executions[(executions["state"] == _BOOKED) & (executions["strategy"] == strategy)]
    mine = orders[1:][orders["strategy"][1:] == strategy]
    positions = state.table("positions")[1 : int(engine["position_count"]) + 1]
    heads, payloads = intents
    renamed = {"ns": heads["engine_ns"], "seq": heads["seq"]}
    return {
        "fills": _columns(
            FILL,
            executions,
            ns=executions["engine_ns"],
            venue_ns=executions["transact_ns"],
            seq=executions["booked_seq"],
            client_id=orders["client_id"][executions["order_id"].astype(np.int64)],
            px=executions["last_px"],
            qty=executions["last_qty"],
        ),
        "orders": _columns(ORDER, mine),
        "intents": _columns(INTENT, payloads, **renamed),
        "events": np.concatenate(events) if events else np.empty(0, dtype("StrategyEvent")),
        "positions": _columns(POSITION, positions[positions["strategy"] == strategy]),
        "pnl": pnl,
    }


def _columns(shape: np.dtype[Any], rows: NDArray[Any], **given: Any) -> NDArray[Any]:
    """Rows of a table with the columns of ``shape``: those given, the others by their name."""
    out = np.zeros(len(rows), shape)
    for name in shape.names or ():
        out[name] = given[name] if name in given else rows[name]
    return out


def instruments(state: State) -> tuple[dict[int, tuple[int, int]], dict[int, str], dict[int, str]]:
    """Return digits, symbol and settlement currency by instrument row."""
    names = Names(Samples(state))  # type: ignore[arg-type]
    rows = range(1, int(state.table("engine")[1]["instrument_count"]) + 1)
    return {r: names.digits(r) for r in rows}, {r: names.symbol(r) or "" for r in rows}, {r: names.settlement(r) or "" for r in rows}


def summarise(arrays: dict[str, Any], tables: tuple[dict[int, tuple[int, int]], dict[int, str], dict[int, str]], state: State) -> dict[str, Any]:
    """Return counts and figures of a run, ready for JSON; amounts as decimal text."""
    digits, symbols, currencies = tables
    events, orders, pnl = arrays["events"], arrays["orders"], arrays["pnl"]
    refused = Counter(_REASONS.get(int(e["reason"]), _BY_VENUE) for e in events[np.isin(events["kind"], _REFUSALS)])
    last = pnl[pnl["ns"] == pnl["ns"][-1]] if len(pnl) else pnl
    totals: Counter[str] = Counter()
    for row in last:
        totals[currencies[int(row["instrument"])]] += int(row["total"])
    held = {symbols[int(p["instrument"])]: to_text(int(p["net_qty"]), digits[int(p["instrument"])][1]) for p in arrays["positions"]}
    return {
        "intents": len(arrays["intents"]),
        "orders": len(orders),
        "orders_open": int((orders["leaves_qty"] > 0).sum()),
        "fills": len(arrays["fills"]),
        "refused": dict(sorted(refused.items())),
        "breaks": int(state.table("engine")[1]["break_count"]),
        "positions": held,
        "pnl": {code: to_text(value, PNL_DIGITS) for code, value in sorted(totals.items())},
    }
