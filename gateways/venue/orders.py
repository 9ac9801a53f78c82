"""One order of the venue: its state, how it is made from a request, and how it goes into the record and comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ringfence.gateways.decimals import text_to_scaled, to_text
from ringfence.gateways.venue.book import BUY, SELL, BookOrder, Tif
from ringfence.gateways.venue.messages import (
    BROKER_OPTION,
    CANCELED,
    EXPIRED,
    LIMIT,
    MARKET,
    PENDING_CANCEL,
    PENDING_NEW,
    PENDING_REPLACE,
    REJECTED,
    STOP,
    STOP_LIMIT,
    TERMINAL,
    UNKNOWN_SYMBOL,
    NewOrder,
)
from ringfence.gateways.venue.record import RecordedOrder, RecordError
from ringfence.gateways.venue.spec import SymbolSpec

TIF = {"0": Tif.REST, "1": Tif.REST, "3": Tif.IOC, "4": Tif.FOK}


@dataclass(slots=True)
class VenueOrder:
    """One order; amounts scaled by its symbol's digits. ``chain`` has every accepted ClOrdID, the live one last."""

    number: int
    spec: SymbolSpec
    chain: list[str]
    account: str
    side: str
    ord_type: str
    tif: str
    qty: int
    px: int | None
    stop_px: int | None
    cum: int = 0
    notional: int = 0
    state: str = PENDING_NEW
    pending: list[tuple[str, str]] = field(default_factory=list)

    @property
    def order_id(self) -> str:
        return f"V{self.number:08d}"

    @property
    def leaves(self) -> int:
        return 0 if self.state in TERMINAL else self.qty - self.cum

    @property
    def status(self) -> str:
        """OrdStatus(39) by precedence: pending requests win over fills, an order that is out wins over both."""
        if self.pending and self.state not in (CANCELED, REJECTED, EXPIRED):
            return PENDING_CANCEL if any(kind == PENDING_CANCEL for _, kind in self.pending) else PENDING_REPLACE
        return self.state

    def average(self) -> str:
        """AvgPx(6), four decimals finer than the symbol's prices, rounded half up: for display, as in FIX."""
        digits = self.spec.price_digits + 4
        return to_text((self.notional * 10_000 * 2 + self.cum) // (2 * self.cum), digits) if self.cum else to_text(0, self.spec.price_digits)


class Refusal(ValueError):
    """A request that the venue refuses: reason code and text for the report."""

    def __init__(self, reason: int, text: str) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


def amount(text: str, digits: int, name: str) -> int:
    """Return an amount of a request, scaled; raises Refusal when it is not exact or not above 0."""
    try:
        value = text_to_scaled(text, digits)
    except ValueError as e:
        raise Refusal(BROKER_OPTION, f"{name}: {e}") from e
    if value <= 0:
        raise Refusal(BROKER_OPTION, f"{name}={text} must be above 0")
    return value


def order_of(request: NewOrder, number: int, symbols: Mapping[str, SymbolSpec]) -> VenueOrder:
    """Return the order that a request asks for.

    Raises
    ------
    Refusal
        If the venue does not offer it.
    """
    spec = symbols.get(request.symbol)
    if spec is None:
        raise Refusal(UNKNOWN_SYMBOL, f"symbol {request.symbol} is not traded here; there are {', '.join(symbols)}")
    if request.side not in ("1", "2", "5"):
        raise Refusal(BROKER_OPTION, f"Side(54)={request.side} is not offered; use 1, 2 or 5")
    if request.tif not in TIF:
        raise Refusal(BROKER_OPTION, f"TimeInForce(59)={request.tif} is not offered; use {', '.join(TIF)}")
    if request.ord_type not in (MARKET, LIMIT, STOP, STOP_LIMIT):
        raise Refusal(BROKER_OPTION, f"OrdType(40)={request.ord_type} is not offered; use 1 to 4")
    px = amount(request.px, spec.price_digits, "Price(44)") if request.ord_type in (LIMIT, STOP_LIMIT) else None
    stop_px = amount(request.stop_px, spec.price_digits, "StopPx(99)") if request.ord_type in (STOP, STOP_LIMIT) else None
    qty = amount(request.qty, spec.qty_digits, "OrderQty(38)")
    return VenueOrder(number, spec, [request.cl_ord_id], request.account, request.side, request.ord_type, request.tif, qty, px, stop_px)


def book_entry(order: VenueOrder) -> BookOrder:
    """Return what the book gets: the open quantity."""
    side = BUY if order.side == "1" else SELL
    return BookOrder(order.number, side, order.leaves, order.px, order.stop_px, TIF[order.tif])


def image(order: VenueOrder) -> dict[str, Any]:
    """Return the order as it stands in the record."""
    spec = order.spec
    return {
        "order_id": order.order_id,
        "cl_ord_ids": order.chain,
        "account": order.account,
        "symbol": spec.symbol,
        "side": order.side,
        "ord_type": order.ord_type,
        "tif": order.tif,
        "qty": to_text(order.qty, spec.qty_digits),
        "cum_qty": to_text(order.cum, spec.qty_digits),
        "leaves_qty": to_text(order.leaves, spec.qty_digits),
        "px": None if order.px is None else to_text(order.px, spec.price_digits),
        "stop_px": None if order.stop_px is None else to_text(order.stop_px, spec.price_digits),
        "status": order.state,
    }


def restored_order(recorded: RecordedOrder, symbols: Mapping[str, SymbolSpec]) -> VenueOrder:
    """Return the order that ``image`` and later fills describe; its notional comes from the fills.

    Raises
    ------
    RecordError
        If its symbol is not traded any more.
    """
    raw, spec = recorded.raw, symbols.get(recorded.symbol)
    if spec is None:
        raise RecordError(f"the record has orders in {recorded.symbol}, which the specification does not list; add the symbol or use a new record")
    return VenueOrder(
        number=int(recorded.order_id[1:]),
        spec=spec,
        chain=list(recorded.cl_ord_ids),
        account=recorded.account,
        side=recorded.side,
        ord_type=raw["ord_type"],
        tif=raw["tif"],
        qty=text_to_scaled(raw["qty"], spec.qty_digits),
        px=None if raw["px"] is None else text_to_scaled(raw["px"], spec.price_digits),
        stop_px=None if raw["stop_px"] is None else text_to_scaled(raw["stop_px"], spec.price_digits),
        cum=text_to_scaled(str(recorded.cum_qty), spec.qty_digits),
        state=recorded.status,
    )
