"""What a strategy may know: read-only views of the engine's tables and the feed's quotes, as plain Python values.

The engine writes region ``state`` and never waits for readers, so a row may change while it is copied. ``consistent`` copies a row until two
copies in a row are equal and the engine has applied nothing in between, a bounded number of times; an engine at full speed still leaves
microseconds between two changes of one row. Quotes have a real sequence lock (ipc/seqlock). Nothing here can write: the regions are mapped read-only.
Amounts are integers in the instrument's scale, as everywhere; ``InstrumentInfo`` turns text and Decimals into them and back, exactly, and refuses
what is off the tick or the lot with the step that would be right.

An engine that starts again empties the tables and fills them from the journal, in the same memory. What is read meanwhile is neither old nor new, so
every answer is given only when no engine came or went during it (``settled``); else ``UnstableRow``, which says to ask again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar

from ringfence.gateways.decimals import to_scaled, to_text
from ringfence.gateways.errors import GatewayError
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment
from ringfence.ipc.seqlock import read_consistent

P = ParamSpec("P")
R = TypeVar("R")
COPIES_MAX = 1_000
_QUOTE_NUMBERS = ("bid", "ask", "source_ns", "published_ns", "count", "bid_qty", "ask_qty", "last", "last_qty")
TICK_STALE, TICK_CROSSED = CONSTANTS["TICK_STALE"][0], CONSTANTS["TICK_CROSSED"][0]
_STATUS = ENUMS["OrdStatus"].by_value
_SIDE = ENUMS["Side"].by_value
_ACTIVE = ENUMS["Status"].by_name["ACTIVE"]
_REBUILDING = (ENUMS["ProcessState"].by_name["STARTING"], ENUMS["ProcessState"].by_name["RECOVERING"])


class UnstableRow(GatewayError):
    """The engine is being started again, or a row changed during every one of the allowed copies; try again."""


def settled(read: Callable[Concatenate[Tables, P], R]) -> Callable[Concatenate[Tables, P], R]:
    """Make a read of the tables answer only when the same engine was up before and after it.

    Raises
    ------
    UnstableRow
        If the engine is being started again; also in place of the KeyError that half-filled tables led to.
    """

    def answer(self: Tables, /, *args: P.args, **kwargs: P.kwargs) -> R:
        life = self.life()
        try:
            value = read(self, *args, **kwargs)
        except KeyError:
            self.same(life)
            raise
        self.same(life)
        return value

    return update_wrapper(answer, read)


@dataclass(frozen=True, slots=True)
class InstrumentInfo:
    """One instrument and its scales. ``tick`` and ``lot`` are the smallest steps, scaled."""

    id: int
    symbol: str
    price_digits: int
    qty_digits: int
    tick: int
    lot: int

    def px(self, value: int | str | Decimal, what: str = "px") -> int:
        """Return a price scaled by ``10**price_digits``; an int is taken as already scaled.

        Raises
        ------
        ValueError
            If it is finer than the scale or not a multiple of the tick.
        TypeError
            If it is a float.
        """
        return self._step(value, self.price_digits, self.tick, what, "tick")

    def qty(self, value: int | str | Decimal, what: str = "qty") -> int:
        """Return a quantity scaled by ``10**qty_digits``, as ``px`` does with the lot."""
        return self._step(value, self.qty_digits, self.lot, what, "lot")

    def _step(self, value: int | str | Decimal, digits: int, step: int, what: str, name: str) -> int:
        try:
            scaled = to_scaled(value, digits)
        except ValueError as e:
            raise ValueError(f"{self.symbol} {what}: {e} (the {name} is {to_text(step, digits)})") from e
        except TypeError as e:
            raise TypeError(f"{self.symbol} {what}: {e}") from e
        if step > 1 and scaled % step:
            raise ValueError(f"{self.symbol} {what}: {to_text(scaled, digits)} is not a multiple of the {name} {to_text(step, digits)}")
        return scaled

    def px_text(self, scaled: int) -> str:
        """Return a scaled price as decimal text."""
        return to_text(scaled, self.price_digits)

    def qty_text(self, scaled: int) -> str:
        """Return a scaled quantity as decimal text."""
        return to_text(scaled, self.qty_digits)


@dataclass(frozen=True, slots=True)
class QuoteView:
    """Top of book; prices and quantities scaled. A quantity of 0 was not told, ``last`` is 0 before the first trade."""

    symbol: str
    bid: int
    ask: int
    source_ns: int
    published_ns: int
    count: int
    stale: bool
    crossed: bool
    bid_qty: int = 0
    ask_qty: int = 0
    last: int = 0
    last_qty: int = 0


@dataclass(frozen=True, slots=True)
class PositionView:
    """A position of one strategy in one account and instrument.

    ``cost`` (of the open quantity) and ``realized`` are money: scaled by ``10**(price_digits + qty_digits)`` of the quote currency.
    """

    symbol: str
    account: str
    net_qty: int = 0
    bought_qty: int = 0
    sold_qty: int = 0
    cost: int = 0
    realized: int = 0
    last_px: int = 0
    fills: int = 0


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as the engine's table has it; ``status`` is the name of its OrdStatus."""

    client_id: int
    order_id: int
    symbol: str
    account: str
    side: str
    status: str
    qty: int
    cum_qty: int
    leaves_qty: int
    px: int
    stop_px: int
    pending_count: int
    venue_order_id: str
    text: str

    @property
    def is_open(self) -> bool:
        """Still able to trade, or a request on it is unanswered."""
        return self.leaves_qty > 0 or self.pending_count > 0


def wide(lo: Any, hi: Any) -> int:
    """Return a signed 128-bit number from its two words."""
    return (int(hi) << 64) | int(lo)


def name_of(raw: bytes) -> str:
    """Return a NUL-padded text field as str."""
    return raw.decode("ascii", "replace")


class Tables:
    """The engine's tables, looked up by name.

    Parameters
    ----------
    state : Segment
        Region ``state``, attached read-only.
    market : Segment, optional
        Region ``market`` of the feed.
    """

    def __init__(self, state: Segment, market: Segment | None = None) -> None:
        self._state = state
        self.engine = state.section("engine")
        self.strategies = state.section("strategies")
        self.orders = state.section("orders")
        self._instruments = state.section("instruments")
        self._accounts = state.section("accounts")
        self._positions = state.section("positions")
        self._quotes = market.section("quotes") if market is not None else None
        self._instrument_of: dict[str | int, InstrumentInfo] = {}  # by symbol and by row
        self._account_ids: dict[str, int] = {}

    def life(self) -> int:
        """Return the epoch of the engine whose tables these are.

        Raises
        ------
        UnstableRow
            If it is still filling them.
        """
        state, epoch = self._state.life()
        if state in _REBUILDING:
            raise UnstableRow("the engine is being started again: its tables are not complete yet; try again")
        return epoch

    def same(self, life: int) -> None:
        """Raise UnstableRow unless the engine is still that of ``life``."""
        if self.life() != life:
            raise UnstableRow("the engine was started again during the read; try again")

    def consistent(self, rows: Any, row: int) -> Any:
        """Copy one row that the engine may be writing.

        Raises
        ------
        UnstableRow
            If it was never twice the same.
        """
        status = self.engine[1]
        for _ in range(COPIES_MAX):
            seq = int(status["seq"])
            first, second = rows[row].copy(), rows[row].copy()
            if first.tobytes() == second.tobytes() and int(status["seq"]) == seq:
                return second
        raise UnstableRow(f"row {row} changed during each of {COPIES_MAX} copies; try again")

    # ---- names

    def learn(self) -> None:
        """Read the names and scales of all instruments and accounts: they stay for good, so orders go out while the engine starts again.

        Raises
        ------
        UnstableRow
            If the engine is being started again.
        """
        self._learn()
        self._learn_accounts()

    def instrument(self, key: str | int) -> InstrumentInfo:
        """Return an instrument by symbol or row.

        Raises
        ------
        KeyError
            If there is none; lists those that there are.
        UnstableRow
            If it came after ``learn`` and the engine is being started again.
        """
        if key not in self._instrument_of:
            self._learn()
        if key not in self._instrument_of:
            raise KeyError(f"no instrument {key!r}; there are {', '.join(i.symbol for i in self.instruments()) or 'none'}")
        return self._instrument_of[key]

    def instruments(self) -> list[InstrumentInfo]:
        """Return every active instrument."""
        self._learn()
        return [info for key, info in self._instrument_of.items() if key == info.id]

    @settled
    def _learn(self) -> None:
        found: dict[str | int, InstrumentInfo] = {}
        for row in range(1, int(self.engine[1]["instrument_count"]) + 1):
            r = self._instruments[row]
            if r["status"] == _ACTIVE:
                info = InstrumentInfo(row, name_of(r["symbol"]), int(r["price_digits"]), int(r["qty_digits"]), int(r["tick"]), int(r["lot"]))
                found[info.symbol] = found[row] = info
        self.life()
        self._instrument_of.update(found)

    def account(self, name: str | None) -> int:
        """Return the row of an account; 0 (the route decides) for None. Raises as ``instrument``."""
        if name is None:
            return 0
        if name not in self._account_ids:
            self._learn_accounts()
        if name not in self._account_ids:
            raise KeyError(f"no account {name!r}; there are {', '.join(self._account_ids) or 'none'}")
        return self._account_ids[name]

    @settled
    def _learn_accounts(self) -> None:
        found = {name_of(self._accounts[i]["name"]): i for i in range(1, int(self.engine[1]["account_count"]) + 1)}
        self.life()
        self._account_ids.update(found)

    def account_name(self, row: int) -> str:
        return name_of(self._accounts[row]["name"]) if row else ""

    # ---- state

    def quote(self, symbol: str) -> QuoteView | None:
        """Return the latest quote; None before the first, when the instance has no feed, or when one that died in the middle of it is not replaced yet."""
        info = self.instrument(symbol)
        if self._quotes is None or info.id >= len(self._quotes):
            return None
        try:
            q = read_consistent(self._quotes[info.id : info.id + 1])
        except TimeoutError:
            return None
        if not q["count"]:
            return None
        flags = int(q["flags"])
        numbers: dict[str, Any] = {name: int(q[name]) for name in _QUOTE_NUMBERS}
        return QuoteView(symbol, stale=bool(flags & TICK_STALE), crossed=bool(flags & TICK_CROSSED), **numbers)

    @settled
    def positions(self, strategy: int) -> list[PositionView]:
        """Return every position of a strategy, one per account and instrument."""
        count = int(self.engine[1]["position_count"])
        rows = (self._positions[1 : count + 1]["strategy"] == strategy).nonzero()[0] + 1
        return [self._position(self.consistent(self._positions, int(row))) for row in rows]

    def _position(self, r: Any) -> PositionView:
        return PositionView(
            symbol=self.instrument(int(r["instrument"])).symbol,
            account=self.account_name(int(r["account"])),
            net_qty=int(r["net_qty"]),
            bought_qty=int(r["bought_qty"]),
            sold_qty=int(r["sold_qty"]),
            cost=wide(r["cost_lo"], r["cost_hi"]),
            realized=wide(r["realized_lo"], r["realized_hi"]),
            last_px=int(r["last_px"]),
            fills=int(r["fills"]),
        )

    @settled
    def strategy_orders(self, strategy: int) -> Any:
        """Return the rows (order ids) of a strategy's orders, oldest first."""
        count = int(self.engine[1]["order_count"])
        return (self.orders[1 : count + 1]["strategy"] == strategy).nonzero()[0] + 1

    @settled
    def open_orders(self, strategy: int) -> list[OrderView]:
        """Return a strategy's open orders, oldest first."""
        rows = self.strategy_orders(strategy)
        rows = rows[(self.orders["leaves_qty"][rows] > 0) | (self.orders["pending_count"][rows] > 0)]
        return [view for view in (self.order(int(row)) for row in rows) if view.is_open]

    @settled
    def order_row(self, strategy: int, client_id: int) -> int:
        """Return the row of an order by its strategy and client_id; 0 when there is none. Scans the table."""
        count = int(self.engine[1]["order_count"])
        used = self.orders[1 : count + 1]
        found = ((used["strategy"] == strategy) & (used["client_id"] == client_id)).nonzero()[0]
        return int(found[0]) + 1 if len(found) else 0

    @settled
    def order(self, row: int) -> OrderView:
        """Return the order of a row."""
        r = self.consistent(self.orders, row)
        return OrderView(
            client_id=int(r["client_id"]),
            order_id=row,
            symbol=self.instrument(int(r["instrument"])).symbol,
            account=self.account_name(int(r["account"])),
            side=_SIDE.get(int(r["side"]), "?"),
            status=_STATUS.get(int(r["ord_status"]), "?"),
            qty=int(r["qty"]),
            cum_qty=int(r["cum_qty"]),
            leaves_qty=int(r["leaves_qty"]),
            px=int(r["px"]),
            stop_px=int(r["stop_px"]),
            pending_count=int(r["pending_count"]),
            venue_order_id=name_of(r["venue_order_id"]),
            text=name_of(r["text"]),
        )
