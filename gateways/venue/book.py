"""Price-time matching of orders against a quote stream and against each other. Pure: no clock, no I/O, no randomness, integers only.

Data flow: the exchange (exchange.py) feeds orders and quotes in; every call returns what happened, in order, as a list of ``Outcome``.

The quote stream is modelled as one anonymous order per side. A new quote replaces both: first it trades, as an aggressor, against
resting orders that it crosses (at their price), then what is left of its displayed size rests. At one price, time decides: an order that
rested before the quote came to that price trades first. A quote that repeats its price keeps its place and shows its full size again.
The two anonymous orders never trade with each other, so a crossed quote is harmless.

Rules: best price, then time of arrival; the maker's price is the trade price; market orders and IOC take what is there and the rest is
dropped; FOK takes all or nothing; stops wait until the opposite side of the quote reaches their price, then trade in order of arrival. Rejected: modelling
hidden depth behind the quote; the tick files have none, and invented depth would make fills that no one can check.
Failure: a caller's mistake (order id twice, no such order, quantity not above 0) raises ``BookError`` and changes nothing.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

BUY, SELL = 1, 2
QUOTE = 0
"""Order id of the anonymous orders that stand for the quote stream."""


class BookError(ValueError):
    """The caller asked for something that cannot be; the book is unchanged."""


class Tif(Enum):
    """How long an order may rest. ``REST`` is Day and GTC: the book has no calendar."""

    REST = 1
    IOC = 2
    FOK = 3


class Trade(NamedTuple):
    """``qty`` traded at the maker's price ``px``; either id may be ``QUOTE``, never both."""

    maker: int
    taker: int
    px: int
    qty: int


class Triggered(NamedTuple):
    """A stop order reached its price and entered the book as market or limit."""

    order_id: int


class Dropped(NamedTuple):
    """The rest of an order that may not rest (market, IOC, FOK) left the book."""

    order_id: int
    leaves: int


Outcome = Trade | Triggered | Dropped


@dataclass(slots=True)
class BookOrder:
    """One order: ``px`` None is market; ``stop_px`` None is not a stop. ``leaves`` is what still may trade."""

    order_id: int
    side: int
    leaves: int
    px: int | None
    stop_px: int | None = None
    tif: Tif = Tif.REST
    arrival: int = 0


@dataclass(slots=True)
class _Side:
    """Resting orders of one side: price levels in time order; ``prices`` sorted so that the best is last."""

    sign: int  # +1: higher is better (bids), -1: lower is better (asks)
    levels: dict[int, OrderedDict[int, BookOrder]] = field(default_factory=dict)
    prices: list[int] = field(default_factory=list)

    def add(self, order: BookOrder, px: int) -> None:
        if px not in self.levels:
            self.levels[px] = OrderedDict()
            insort(self.prices, px, key=lambda p: p * self.sign)
        self.levels[px][order.order_id] = order

    def remove(self, order: BookOrder, px: int) -> None:
        level = self.levels[px]
        del level[order.order_id]
        if not level:
            del self.levels[px]
            del self.prices[bisect_left(self.prices, px * self.sign, key=lambda p: p * self.sign)]

    def best(self) -> BookOrder | None:
        return next(iter(self.levels[self.prices[-1]].values())) if self.prices else None


class Book:
    """The book of one symbol.

    Parameters
    ----------
    clip : int
        Largest quantity of one trade; 0: no limit. A larger match becomes several trades at one price, so that counterparties see
        partial fills even in a thick book.
    """

    def __init__(self, clip: int = 0) -> None:
        self.clip = clip
        self._arrivals = 0
        self._bids, self._asks = _Side(+1), _Side(-1)
        self._orders: dict[int, BookOrder] = {}
        self._stops: dict[int, BookOrder] = {}
        self._quote: dict[int, BookOrder] = {}

    # ---- what callers ask

    def order(self, order_id: int) -> BookOrder | None:
        """Return the live order, resting or waiting for its stop price, or None."""
        return self._orders.get(order_id) or self._stops.get(order_id)

    def displayed(self, side: int) -> tuple[int, int]:
        """Return (price, remaining size) of the quote on ``side``; (0, 0) before the first quote and when nothing is left of it."""
        quote = self._quote.get(side)
        return (quote.px or 0, quote.leaves) if quote else (0, 0)

    def levels(self, side: int, depth: int) -> list[tuple[int, int]]:
        """Return the best ``depth`` price levels of a side, the best first, orders and quote together: price, quantity."""
        resting = self._side(side)
        sizes = {px: sum(order.leaves for order in resting.levels[px].values()) for px in resting.prices[-depth:]}
        px, leaves = self.displayed(side)
        if leaves:
            sizes[px] = sizes.get(px, 0) + leaves
        best = sorted(sizes, key=lambda p: -p * resting.sign)[:depth]
        return [(px, sizes[px]) for px in best]

    # ---- inputs

    def quote(self, bid: int, bid_qty: int, ask: int, ask_qty: int) -> list[Outcome]:
        """Replace the quote; returns the trades and triggered stops that follow."""
        out: list[Outcome] = []
        for side, px, qty in ((BUY, bid, bid_qty), (SELL, ask, ask_qty)):
            old = self._quote.get(side)
            if old is not None and old.px == px:
                old.leaves = qty
                arrival = old.arrival
            else:
                arrival = self._next_arrival()
            self._quote[side] = BookOrder(QUOTE, side, qty, px, arrival=arrival)
        for side in (BUY, SELL):
            self._match(self._quote[side], out)
        self._trigger(out)
        return out

    def add(self, order: BookOrder) -> list[Outcome]:
        """Enter an order; returns its trades in order, then its ``Dropped`` when a rest may not stay."""
        if order.leaves <= 0:
            raise BookError(f"order {order.order_id}: quantity {order.leaves} must be above 0")
        if order.order_id == QUOTE or self.order(order.order_id):
            raise BookError(f"order id {order.order_id} is in use")
        if order.side not in (BUY, SELL):
            raise BookError(f"order {order.order_id}: side {order.side} is neither 1 (buy) nor 2 (sell)")
        order.arrival = self._next_arrival()
        out: list[Outcome] = []
        if order.stop_px is not None:
            self._stops[order.order_id] = order
            self._trigger(out)
        else:
            self._enter(order, out)
        return out

    def cancel(self, order_id: int) -> int:
        """Take an order out; returns the quantity that was still open."""
        return self._take_out(order_id).leaves

    def replace(self, order_id: int, leaves: int, px: int | None, stop_px: int | None = None) -> list[Outcome]:
        """Change an order. Less quantity at the same price keeps its place in time; anything else goes to the back and may trade."""
        if leaves <= 0:
            raise BookError(f"order {order_id}: replaced quantity {leaves} must be above 0; cancel it instead")
        old = self.order(order_id)
        if old is None:
            raise BookError(f"no live order {order_id}")
        if (old.px, old.stop_px) == (px, stop_px) and leaves <= old.leaves:
            old.leaves = leaves
            return []
        self._take_out(order_id)
        return self.add(BookOrder(order_id, old.side, leaves, px, stop_px, old.tif))

    # ---- matching

    def _next_arrival(self) -> int:
        self._arrivals += 1
        return self._arrivals

    def _side(self, side: int) -> _Side:
        return self._bids if side == BUY else self._asks

    def _take_out(self, order_id: int) -> BookOrder:
        order = self._stops.pop(order_id, None)
        if order is not None:
            return order
        order = self._orders.pop(order_id, None)
        if order is None or order.px is None:
            raise BookError(f"no live order {order_id}")
        self._side(order.side).remove(order, order.px)
        return order

    def _maker(self, taker: BookOrder) -> tuple[BookOrder, int] | None:
        """Best order opposite to the taker that its price allows, and its price: by price, then time; the quote competes like any other."""
        opposite = SELL if taker.side == BUY else BUY
        side = self._side(opposite)
        resting = side.best()
        quote = self._quote.get(opposite) if taker.order_id != QUOTE else None
        found = [o for o in (resting, quote) if o is not None and o.leaves and o.px is not None]
        best = min(found, key=lambda o: (-(o.px or 0) * side.sign, o.arrival), default=None)
        if best is None or best.px is None or (taker.px is not None and best.px * side.sign < taker.px * side.sign):
            return None
        return best, best.px

    def _match(self, taker: BookOrder, out: list[Outcome]) -> None:
        while taker.leaves and (found := self._maker(taker)) is not None:
            maker, px = found
            qty = min(taker.leaves, maker.leaves, self.clip or taker.leaves)
            maker.leaves -= qty
            taker.leaves -= qty
            out.append(Trade(maker.order_id, taker.order_id, px, qty))
            if not maker.leaves and maker.order_id != QUOTE:
                del self._orders[maker.order_id]
                self._side(maker.side).remove(maker, px)

    def _available(self, taker: BookOrder) -> int:
        """Quantity that the taker could trade now."""
        opposite = SELL if taker.side == BUY else BUY
        side = self._side(opposite)
        total = 0
        quote = self._quote.get(opposite)
        if quote is not None and quote.px is not None and (taker.px is None or quote.px * side.sign >= taker.px * side.sign):
            total += quote.leaves
        for px in reversed(side.prices):
            if taker.px is not None and px * side.sign < taker.px * side.sign:
                break
            total += sum(order.leaves for order in side.levels[px].values())
        return total

    def _enter(self, order: BookOrder, out: list[Outcome]) -> None:
        if order.tif is not Tif.FOK or self._available(order) >= order.leaves:
            self._match(order, out)
        if not order.leaves:
            return
        if order.px is None or order.tif is not Tif.REST:
            out.append(Dropped(order.order_id, order.leaves))
            return
        self._orders[order.order_id] = order
        self._side(order.side).add(order, order.px)

    def _trigger(self, out: list[Outcome]) -> None:
        """Release stops whose price the quote has reached, in order of arrival: a buy at an ask of stop_px or above, a sell at a bid or below.

        One pass is enough: only quotes move these prices, the released orders' own trades do not.
        """
        bid, ask = self._quote.get(BUY), self._quote.get(SELL)
        for order in [*self._stops.values()]:
            seen = ask if order.side == BUY else bid
            stop = order.stop_px
            if stop is None or seen is None or seen.px is None or (seen.px < stop if order.side == BUY else seen.px > stop):
                continue
            del self._stops[order.order_id]
            order.stop_px, order.arrival = None, self._next_arrival()
            out.append(Triggered(order.order_id))
            self._enter(order, out)
