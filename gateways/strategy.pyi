from collections.abc import Iterator
from decimal import Decimal
from types import TracebackType
from typing import Self

from ringfence.gateways.attach import Attachment
from ringfence.gateways.attach import InstanceNotRunning as InstanceNotRunning
from ringfence.gateways.attach import InstanceStopped as InstanceStopped
from ringfence.gateways.attach import StrategyRefused as StrategyRefused
from ringfence.gateways.events import Event as Event
from ringfence.gateways.events import OrderRef as OrderRef
from ringfence.gateways.tables import InstrumentInfo, OrderView, PositionView, QuoteView, Tables
from ringfence.gateways.tables import UnstableRow as UnstableRow
from ringfence.ipc.errors import RingFull as RingFull

__all__ = ["Event", "InstanceNotRunning", "InstanceStopped", "OrderRef", "RingFull", "Strategy", "StrategyRefused", "UnstableRow"]

_Amount = int | str | Decimal

class Strategy:
    attachment: Attachment
    tables: Tables
    events_lost: int
    stopping: bool
    closed: bool
    engine_grace_s: float
    @staticmethod
    def attach(name: str, instance: str | None = None, *, timeout: float = ...) -> Strategy: ...
    @staticmethod
    def of(attachment: Attachment) -> Strategy: ...
    def buy(
        self,
        symbol: str,
        qty: _Amount,
        px: _Amount | None = None,
        *,
        stop_px: _Amount | None = None,
        ord_type: str | None = None,
        tif: str = ...,
        account: str | None = None,
        client_id: int | None = None,
        display_qty: _Amount | None = None,
        post_only: bool = ...,
        expire_ns: int = ...,
        origin_ns: int = ...,
    ) -> OrderRef: ...
    def sell(
        self,
        symbol: str,
        qty: _Amount,
        px: _Amount | None = None,
        *,
        short: bool = ...,
        stop_px: _Amount | None = None,
        ord_type: str | None = None,
        tif: str = ...,
        account: str | None = None,
        client_id: int | None = None,
        display_qty: _Amount | None = None,
        post_only: bool = ...,
        expire_ns: int = ...,
        origin_ns: int = ...,
    ) -> OrderRef: ...
    def send(
        self,
        side: str,
        symbol: str,
        qty: _Amount,
        px: _Amount | None = None,
        *,
        stop_px: _Amount | None = None,
        ord_type: str | None = None,
        tif: str = ...,
        account: str | None = None,
        client_id: int | None = None,
        display_qty: _Amount | None = None,
        post_only: bool = ...,
        expire_ns: int = ...,
        origin_ns: int = ...,
    ) -> OrderRef: ...
    def cancel(self, order: OrderRef | int) -> None: ...
    def replace(self, order: OrderRef | int, qty: _Amount, px: _Amount | None = None, *, stop_px: _Amount | None = None, origin_ns: int = ...) -> None: ...
    def cancel_all(self, symbol: str | None = None) -> None: ...
    def poll(self) -> Event | None: ...
    def events(self, timeout: float | None = None) -> Iterator[Event]: ...
    def cancel_and_wait(self, timeout: float = ...) -> list[OrderView]: ...
    def stop(self) -> None: ...
    def check(self) -> None: ...
    def order(self, order: OrderRef | int) -> OrderView | None: ...
    def open_orders(self) -> list[OrderView]: ...
    def positions(self) -> list[PositionView]: ...
    def position(self, symbol: str, account: str | None = None) -> PositionView: ...
    def quote(self, symbol: str) -> QuoteView | None: ...
    def instrument(self, symbol: str) -> InstrumentInfo: ...
    @property
    def name(self) -> str: ...
    @property
    def in_flight(self) -> int: ...
    def now_ns(self) -> int: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
