"""The simulated venue without a wire: OrderCommands in, VenueEvents out, over the matching books of ``gateways/venue``.

    engine ──OrderCommand──▶ take ──▶ Book (price, then time; gateways/venue/book.py) ──▶ VenueEvents
    ticks ───────────────▶ quote ──▶ the same book                                   ──▶ VenueEvents

It answers as the simulated venue behind a FIX 4.2 session does (gateways/venue/exchange.py), with the amounts as the integers that they are: a test holds
the two together, command by command. One thing is more than that venue does, because every real one does it: a DAY order ends with the trading day, a GTD
order at its time. Rejected: the gateway and a socket pair in between, as the simulation has them. Encoding and parsing would be most of
a run's time, decide nothing that a backtest asks about, and have their own tests. Sizes and refusals come from two seeded streams, so that one setting does
not shift the draws of another. Owns its orders and books; no clock: the time comes with each call. Nothing fails: what cannot be is refused as a venue does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from heapq import heappop, heappush
from random import Random
from typing import Any

import numpy as np

from ringfence.backtest.latency import NEVER
from ringfence.gateways.venue.book import BUY, QUOTE, SELL, Book, BookOrder, Dropped, Outcome, Tif, Trade
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS

PPM = 1_000_000
COMMISSION_DIGITS = 12
COMM_ABSOLUTE = 3
Event = Any
"""One VenueEvent record."""

_KIND = ENUMS["VenueEventKind"].by_name
_COMMAND = ENUMS["CommandKind"].by_name
_STATUS = ENUMS["OrdStatus"].by_name
_SIDE = ENUMS["Side"].by_name
_TYPE = ENUMS["OrdType"].by_name
_TIF_ROW = ENUMS["TimeInForce"].by_name
_DAY, _GTD = _TIF_ROW["DAY"], _TIF_ROW["GTD"]
_TIFS = {_DAY: Tif.REST, _TIF_ROW["GTC"]: Tif.REST, _GTD: Tif.REST, _TIF_ROW["IOC"]: Tif.IOC, _TIF_ROW["FOK"]: Tif.FOK}
_SIDES = {_SIDE["BUY"]: BUY, _SIDE["SELL"]: SELL, _SIDE["SELL_SHORT"]: SELL}
_PRICED = (_TYPE["LIMIT"], _TYPE["STOP_LIMIT"])
_STOPS = (_TYPE["STOP"], _TYPE["STOP_LIMIT"])
_TERMINAL = frozenset(_STATUS[n] for n in ("FILLED", "CANCELED", "REJECTED", "EXPIRED"))
_OPEN = (_STATUS["NEW"], _STATUS["PARTIALLY_FILLED"])
_NEW_REPORT, _STATUS_REPORT = 1, 4  # ExecTransType(20) plus one
_AMOUNTS = sum(CONSTANTS[f"PRESENT_{n}"][0] for n in ("QTY", "LEAVES_QTY", "CUM_QTY", "AVG_PX"))
_PX, _LAST = CONSTANTS["PRESENT_PX"][0], CONSTANTS["PRESENT_LAST_PX"][0] | CONSTANTS["PRESENT_LAST_QTY"][0]
_COMMISSION = CONSTANTS["PRESENT_COMMISSION"][0]
# OrdRejReason(103) and CxlRejReason(102)
_BROKER_OPTION, _UNKNOWN_SYMBOL, _UNKNOWN_ORDER_STATUS, _DUPLICATE_ORDER = 0, 1, 5, 6
_TOO_LATE, _UNKNOWN_ORDER, _BROKER_REFUSES = 0, 1, 2


@dataclass(frozen=True)
class Market:
    """What the venue is like.

    Attributes
    ----------
    level_qty : (int, int)
        Size that a quote shows on each side, drawn from this range [instrument scale]; a tick that tells its sizes shows those.
    clip : int
        Largest quantity of one trade, 0: no limit; what is larger becomes several fills.
    commission_ppm : int
        Of the value of each fill, in the quote currency; a negative one is a rebate.
    reject_ppm : int
        Of new orders that it refuses for no reason.

    Raises
    ------
    ValueError
        If a value cannot be.
    """

    level_qty: tuple[int, int] = (1_000_000, 1_000_000)
    clip: int = 0
    commission_ppm: int = 0
    reject_ppm: int = 0

    def __post_init__(self) -> None:
        least, most = self.level_qty
        if not 0 < least <= most:
            raise ValueError(f"market level_qty was {self.level_qty}; allowed: from 1, the smaller first")
        if self.clip < 0 or not 0 <= self.reject_ppm <= PPM or not -PPM <= self.commission_ppm <= PPM:
            raise ValueError(
                f"market: clip {self.clip} is 0 or more, reject_ppm {self.reject_ppm} 0 to {PPM}, commission_ppm {self.commission_ppm} within {PPM}"
            )


@dataclass(slots=True)
class _Order:
    """One order at the venue; ``chain`` has every accepted ClOrdID, the live one last."""

    number: int
    terms: Event  # the command that made it: ids, scales, side, type
    qty: int
    px: int | None
    stop_px: int | None
    tif: Tif
    chain: list[bytes] = field(default_factory=list)
    cum: int = 0
    notional: int = 0
    status: int = _STATUS["PENDING_NEW"]

    @property
    def leaves(self) -> int:
        return 0 if self.status in _TERMINAL else self.qty - self.cum


class _Refusal(ValueError):
    def __init__(self, reason: int, text: str) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


class Venue:
    """All orders of one venue.

    Parameters
    ----------
    symbols : mapping
        Row of each instrument that is traded there, by symbol.
    seed : int
        Of sizes and refusals.
    """

    def __init__(self, row: int, symbols: Mapping[bytes, int], market: Market, seed: int) -> None:
        self.row, self.market = row, market
        self.orders: list[_Order] = []
        self._books = {symbol: Book(market.clip) for symbol in symbols}
        self._book_of = {instrument: self._books[symbol] for symbol, instrument in symbols.items()}
        self._ids: dict[bytes, _Order] = {}
        self._used: set[bytes] = set()
        self._size_draws = Random(f"{seed}/{row}/sizes")
        self._reject_draws = Random(f"{seed}/{row}/rejects")
        self._execs = self._messages = 0
        self._expiries: list[tuple[int, int]] = []  # heap of (time, order number)
        self._blank = np.zeros(1, dtype("VenueEvent"))

    # ---- inputs

    def take(self, command: Any, now_ns: int) -> list[Event]:
        """Carry out one command; returns what the venue says of it, in order.

        Parameters
        ----------
        command : record OrderCommand
        now_ns : int
            When it arrives [ns].
        """
        kind = int(command["kind"])
        if kind == _COMMAND["NEW"]:
            return self._new(command, now_ns)
        if kind in (_COMMAND["CANCEL"], _COMMAND["REPLACE"]):
            return self._change(command, now_ns)
        if kind == _COMMAND["STATUS"]:
            return [self._told(command, now_ns)]
        if kind == _COMMAND["MASS_CANCEL"]:
            return self._mass_cancel(command, now_ns)
        return []  # DONT_KNOW asks for no answer

    def quote(self, instrument: int, bid: int, ask: int, bid_qty: int, ask_qty: int, now_ns: int) -> list[Event]:
        """Take a new top of book; returns the reports of what it traded and triggered. A size of 0 is drawn."""
        least, most = self.market.level_qty
        if not bid_qty:
            bid_qty = self._size_draws.randint(least, most)
        if not ask_qty:
            ask_qty = self._size_draws.randint(least, most)
        outcomes = self._book_of[instrument].quote(bid, bid_qty, ask, ask_qty)
        return self._outcomes(outcomes, now_ns) if outcomes else []

    @property
    def next_expiry_ns(self) -> int:
        """When the next GTD order may be due [ns]; NEVER: there is none."""
        return self._expiries[0][0] if self._expiries else NEVER

    def expire(self, now_ns: int) -> list[Event]:
        """End the GTD orders that are due."""
        out = []
        while self._expiries and self._expiries[0][0] <= now_ns:
            order = self.orders[heappop(self._expiries)[1] - 1]
            if order.status in _OPEN:
                out.append(self._end(order, now_ns))
        return out

    def end_day(self, now_ns: int) -> list[Event]:
        """End the DAY orders, oldest first."""
        return [self._end(order, now_ns) for order in self.orders if order.status in _OPEN and int(order.terms["time_in_force"]) == _DAY]

    def _end(self, order: _Order, now_ns: int) -> Event:
        self._books[bytes(order.terms["symbol"])].cancel(order.number)
        order.status = _STATUS["EXPIRED"]
        return self._report(order, _KIND["EXPIRED"], now_ns)

    def session(self, *, up: bool, now_ns: int) -> Event:
        """Return the event of a session that logged on, or went."""
        return self._event(_KIND["SESSION_UP" if up else "SESSION_DOWN"], now_ns)

    # ---- new orders

    def _new(self, c: Any, now_ns: int) -> list[Event]:
        name = bytes(c["cl_ord_id"])
        if name in self._used:
            return [self._refused(c, _Refusal(_DUPLICATE_ORDER, "ClOrdID was used before"), self._ids.get(name), now_ns)]
        self._used.add(name)
        try:
            order = self._order_of(c, name)
        except _Refusal as refusal:
            return [self._refused(c, refusal, None, now_ns)]
        self.orders.append(order)
        self._ids[name] = order
        if self._reject_draws.randrange(PPM) < self.market.reject_ppm:
            order.status = _STATUS["REJECTED"]
            report = self._report(order, _KIND["REJECTED"], now_ns)
            report["text_code"], report["text"] = _BROKER_OPTION + 1, b"refused by the venue's reject rule"
            return [report]
        order.status = _STATUS["NEW"]
        if int(c["time_in_force"]) == _GTD:
            heappush(self._expiries, (int(c["expire_ns"]), order.number))
        outcomes = self._books[bytes(c["symbol"])].add(
            BookOrder(order.number, _SIDES[int(c["side"])], order.qty, order.px, order.stop_px, order.tif),
        )
        return [self._report(order, _KIND["ACK"], now_ns), *self._outcomes(outcomes, now_ns)]

    def _order_of(self, c: Any, name: bytes) -> _Order:
        if bytes(c["symbol"]) not in self._books:
            raise _Refusal(_UNKNOWN_SYMBOL, f"symbol {bytes(c['symbol']).decode()} is not traded here")
        side, tif, ord_type = int(c["side"]), int(c["time_in_force"]), int(c["ord_type"])
        for value, allowed, tag in ((side, _SIDES, "Side(54)"), (tif, _TIFS, "TimeInForce(59)"), (ord_type, _TYPE.values(), "OrdType(40)")):
            if value not in allowed:
                raise _Refusal(_BROKER_OPTION, f"{tag} is not offered")
        px = _above_0(int(c["px"]), "Price(44)") if ord_type in _PRICED else None
        stop_px = _above_0(int(c["stop_px"]), "StopPx(99)") if ord_type in _STOPS else None
        return _Order(len(self.orders) + 1, c, _above_0(int(c["qty"]), "OrderQty(38)"), px, stop_px, _TIFS[tif], [name])

    # ---- cancel, replace, status

    def _change(self, c: Any, now_ns: int) -> list[Event]:
        name, base = bytes(c["cl_ord_id"]), bytes(c["orig_cl_ord_id"])
        order = self._ids.get(base)
        duplicate = name in self._used
        self._used.add(name)
        try:
            if order is None or duplicate:
                reason = _BROKER_REFUSES if duplicate else _UNKNOWN_ORDER
                raise _Refusal(reason, "ClOrdID was used before" if duplicate else "no such order")
            self._ids[name] = order
            if order.chain[-1] != base:
                raise _Refusal(_UNKNOWN_ORDER, "OrigClOrdID is not the live version")
            if order.status in _TERMINAL:
                raise _Refusal(_TOO_LATE, "too late: the order is done")
            if int(c["kind"]) == _COMMAND["REPLACE"]:
                return self._replace(order, c, name, now_ns)
            return [self._cancel(order, name, base, now_ns)]
        except _Refusal as refusal:
            return [self._cancel_reject(c, order, refusal, now_ns)]

    def _cancel(self, order: _Order, name: bytes, base: bytes, now_ns: int) -> Event:
        self._books[bytes(order.terms["symbol"])].cancel(order.number)
        order.status = _STATUS["CANCELED"]
        order.chain.append(name)
        return self._report(order, _KIND["CANCELED"], now_ns, base=base)

    def _replace(self, order: _Order, c: Any, name: bytes, now_ns: int) -> list[Event]:
        qty = _above_0(int(c["qty"]), "OrderQty(38)")
        px = _above_0(int(c["px"]), "Price(44)") if c["px"] and order.px is not None else order.px
        stop_px = _above_0(int(c["stop_px"]), "StopPx(99)") if c["stop_px"] and order.stop_px is not None else order.stop_px
        book, base = self._books[bytes(order.terms["symbol"])], order.chain[-1]
        order.chain.append(name)
        if qty <= order.cum:
            book.cancel(order.number)
            order.qty, order.status = order.cum, _STATUS["FILLED"]
            return [self._report(order, _KIND["REPLACED"], now_ns, base=base, status=_STATUS["REPLACED"])]
        live = book.order(order.number)
        waiting = live is not None and live.stop_px is not None
        order.qty, order.px, order.stop_px = qty, px, stop_px
        outcomes = book.replace(order.number, qty - order.cum, px, stop_px if waiting else None)
        shown = _STATUS["REPLACED"] if order.status == _STATUS["NEW"] else order.status
        return [self._report(order, _KIND["REPLACED"], now_ns, base=base, status=shown), *self._outcomes(outcomes, now_ns)]

    def _told(self, c: Any, now_ns: int) -> Event:
        """The answer to a status request."""
        order = self._ids.get(bytes(c["cl_ord_id"]))
        if order is None:
            event = self._refused(c, _Refusal(_UNKNOWN_ORDER_STATUS, "no such order"), None, now_ns)
        else:
            event = self._report(order, _KIND["STATUS"], now_ns, base=order.chain[-2] if len(order.chain) > 1 else b"")
        event["kind"], event["exec_trans_type"] = _KIND["STATUS"], _STATUS_REPORT
        return event

    def _mass_cancel(self, c: Any, now_ns: int) -> list[Event]:
        symbol = bytes(c["symbol"])
        out = []
        for order in self.orders:
            if order.status in _OPEN and symbol in (b"", bytes(order.terms["symbol"])):
                self._books[bytes(order.terms["symbol"])].cancel(order.number)
                order.status = _STATUS["CANCELED"]
                out.append(self._report(order, _KIND["CANCELED"], now_ns))
        done = self._event(_KIND["MASS_CANCEL_REPORT"], now_ns)
        done["cl_ord_id"], done["symbol"], done["mass_cancel_response"] = c["cl_ord_id"], symbol, ord("1" if symbol else "7")
        return [*out, done]

    # ---- what the book did

    def _outcomes(self, outcomes: list[Outcome], now_ns: int) -> list[Event]:
        events: list[Event] = []
        for outcome in outcomes:
            if isinstance(outcome, Trade):
                exec_id = self._next_exec_id()
                events += [self._fill(self.orders[n - 1], exec_id, outcome, now_ns) for n in (outcome.maker, outcome.taker) if n != QUOTE]
            elif isinstance(outcome, Dropped):
                order = self.orders[outcome.order_id - 1]
                order.status = _STATUS["CANCELED"]
                event = self._report(order, _KIND["CANCELED"], now_ns)
                event["text"] = b"not filled at once; the rest may not stay"
                events.append(event)
            else:
                self.orders[outcome.order_id - 1].stop_px = None
        return events

    def _fill(self, order: _Order, exec_id: bytes, trade: Trade, now_ns: int) -> Event:
        order.cum += trade.qty
        order.notional += trade.qty * trade.px
        order.status = _STATUS["FILLED" if order.cum == order.qty else "PARTIALLY_FILLED"]
        event = self._report(order, _KIND["FILL"], now_ns, exec_id=exec_id)
        event["last_px"], event["last_qty"] = trade.px, trade.qty
        event["last_px_digits"], event["last_qty_digits"] = order.terms["px_digits"], order.terms["qty_digits"]
        event["present"] |= _LAST
        if self.market.commission_ppm:
            self._charge(event, order, trade)
        return event

    def _charge(self, event: Event, order: _Order, trade: Trade) -> None:
        """Commission in all, of the quote currency, half-even to 12 decimals."""
        digits = int(order.terms["px_digits"]) + int(order.terms["qty_digits"]) + 6
        exact = Decimal(trade.qty * trade.px * self.market.commission_ppm).scaleb(-digits)
        text = format(exact.quantize(Decimal(1).scaleb(-COMMISSION_DIGITS), ROUND_HALF_EVEN).normalize(), "f")
        whole, _, rest = text.partition(".")
        event["commission"], event["comm_digits"], event["comm_type"] = int(whole + rest), len(rest), COMM_ABSOLUTE
        event["present"] |= _COMMISSION

    # ---- events

    def _next_exec_id(self) -> bytes:
        self._execs += 1
        return b"1-%06d" % self._execs

    def _event(self, kind: int, now_ns: int) -> Event:
        event = self._blank.copy()[0]
        self._messages += 1
        event["kind"], event["venue"], event["msg_seq_num"], event["transact_ns"] = kind, self.row, self._messages, now_ns
        return event

    def _report(self, order: _Order, kind: int, now_ns: int, *, base: bytes = b"", exec_id: bytes = b"", status: int = 0) -> Event:
        event, terms = self._event(kind, now_ns), order.terms
        px_digits, qty_digits = terms["px_digits"], terms["qty_digits"]
        event["exec_trans_type"], event["ord_status"], event["present"] = _NEW_REPORT, status or order.status, _AMOUNTS
        event["qty"], event["leaves_qty"], event["cum_qty"] = order.qty, order.leaves, order.cum
        event["qty_digits"] = event["leaves_qty_digits"] = event["cum_qty_digits"] = qty_digits
        if order.cum:
            event["avg_px"], event["avg_px_digits"] = (order.notional * 20_000 + order.cum) // (2 * order.cum), px_digits + 4
        if order.px is not None:
            event["px"], event["px_digits"] = order.px, px_digits
            event["present"] |= _PX
        event["side"], event["symbol"], event["venue_order_id"] = terms["side"], terms["symbol"], b"V%08d" % order.number
        event["cl_ord_id"], event["orig_cl_ord_id"], event["exec_id"] = order.chain[-1], base, exec_id or self._next_exec_id()
        return event

    def _refused(self, c: Any, refusal: _Refusal, known: _Order | None, now_ns: int) -> Event:
        """A new order that is not taken: of a ClOrdID that is in use, with the live order's amounts."""
        if known is not None:
            event = self._report(known, _KIND["REJECTED"], now_ns)
            event["cl_ord_id"] = c["cl_ord_id"]
        else:
            event = self._event(_KIND["REJECTED"], now_ns)
            event["exec_trans_type"], event["ord_status"], event["present"] = _NEW_REPORT, _STATUS["REJECTED"], _AMOUNTS
            event["cl_ord_id"], event["symbol"], event["side"] = c["cl_ord_id"], c["symbol"], c["side"]
            event["venue_order_id"], event["exec_id"] = b"NONE", self._next_exec_id()
            event["qty"], event["qty_digits"] = c["qty"], c["qty_digits"]
        event["text_code"], event["text"] = refusal.reason + 1, refusal.text.encode()[:64]
        return event

    def _cancel_reject(self, c: Any, order: _Order | None, refusal: _Refusal, now_ns: int) -> Event:
        event = self._event(_KIND["CANCEL_REJECT"], now_ns)
        event["cl_ord_id"], event["orig_cl_ord_id"] = c["cl_ord_id"], c["orig_cl_ord_id"]
        event["venue_order_id"] = b"V%08d" % order.number if order is not None else b"NONE"
        event["ord_status"] = order.status if order is not None else _STATUS["REJECTED"]
        event["cxl_rej_response_to"] = 1 if int(c["kind"]) == _COMMAND["CANCEL"] else 2
        event["text_code"], event["text"] = refusal.reason + 1, refusal.text.encode()[:64]
        return event


def _above_0(value: int, tag: str) -> int:
    if value <= 0:
        raise _Refusal(_BROKER_OPTION, f"{tag}={value} must be above 0")
    return value
