from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ringfence.core.errors import CoreError

class Leg(NamedTuple):
    account: str
    asset: int
    amount: int
    digits: int
    units: bool
    position: int
    instrument: int
    acct: int
    strategy: int
    correction: bool

class Closing(NamedTuple):
    seq: int
    lot_seq: int
    lot_event: int
    qty: int
    realized: int
    position: int

class Booking(NamedTuple):
    result: str
    position: int
    legs: list[Leg]
    closings: list[Closing]

class OpenLot(NamedTuple):
    seq: int
    event: int
    qty: int
    cost: int
    cost_base: int

class Position(NamedTuple):
    row: int
    account: int
    strategy: int
    instrument: int
    method: str
    qty: int
    cost: int
    realized: int
    fees: int
    funding: int
    income: int
    cash: int
    flow: int
    moved: int
    settled: int
    cost_base: int
    realized_base: int
    realized_fx: int
    fees_base: int
    income_base: int
    base_known: bool
    merged: bool
    skipped: bool
    trades: int
    updated_seq: int
    fees_elsewhere: int

class Head(NamedTuple):
    positions: int
    lots: int
    events: int
    checkpoints: int
    held: int
    merged_lots: int
    inexact: int
    duplicates: int
    conflicts: int
    refused: int
    recomputed: int
    checkpoints_dropped: int
    last_seq: int

class LedgerError(CoreError):
    result: str
    def __init__(self, result: str, what: str) -> None: ...

@dataclass(frozen=True)
class Limits:
    instruments: int = ...
    positions: int = ...
    lots: int = ...
    events: int = ...
    picks: int = ...
    checkpoints: int = ...

def bytes_needed(limits: Limits) -> int: ...

class Ledger:
    limits: Limits
    method: int
    def __init__(self, memory: bytearray | memoryview, limits: Limits, *, method: str = ...) -> None: ...
    def define(
        self,
        instrument: int,
        *,
        qty_digits: int,
        px_digits: int,
        money_digits: int,
        multiplier: tuple[int, int] = ...,
        settle_asset: int,
        base_asset: int,
        inverse: bool = ...,
        margin: bool = ...,
        daily: bool = ...,
        cash: bool = ...,
    ) -> None: ...
    def book(
        self,
        kind: str,
        *,
        seq: int,
        account: int = ...,
        strategy: int = ...,
        instrument: int = ...,
        qty: int = ...,
        px: int = ...,
        amount: int | None = ...,
        fee: int = ...,
        fee_kind: str = ...,
        fee_px: int = ...,
        other_instrument: int = ...,
        other_account: int = ...,
        ratio: tuple[int, int] = ...,
        share: tuple[int, int] = ...,
        fx: int = ...,
        fx_digits: int = ...,
        key: int = ...,
        content: int = ...,
        ref_key: int = ...,
        given: str = ...,
        picks: Sequence[tuple[int, int]] = ...,
        engine_ns: int = ...,
        method: str = ...,
    ) -> Booking: ...
    def set_method(self, account: int, strategy: int, instrument: int, method: str) -> None: ...
    def find(self, account: int, strategy: int, instrument: int) -> Position | None: ...
    def position(self, row: int) -> Position: ...
    def positions(self) -> list[Position]: ...
    def lots(self, row: int) -> list[OpenLot]: ...
    def unrealized(self, row: int, px: int) -> int: ...
    def value(self, instrument: int, qty: int, px: int) -> int: ...
    def event_of(self, key: int) -> int: ...
    def survivors(self) -> list[tuple[int, int, int]]: ...
    def replay(self, other: Ledger) -> list[tuple[int, int, Booking | None]]: ...
    @property
    def head(self) -> Head: ...
    @property
    def state(self) -> bytes: ...
