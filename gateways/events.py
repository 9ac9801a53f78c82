"""What the strategy client hands to its user: events and order handles. Plain values; the rings are strategy.pyx's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from ringfence.gateways.strategy import Strategy
    from ringfence.gateways.tables import OrderView

LOST = "LOST"
TERMINAL = frozenset(("FILLED", "DONE_FOR_DAY", "CANCELED", "REJECTED", "CALCULATED", "EXPIRED", "DENIED"))
"""The engine's (``core/transitions.py``), which a gateway does not import."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one order.

    ``kind`` is a name of EventKind (ACCEPTED, DENIED, ACK, FILL, CANCELED, ...), or ``LOST``: ``lost`` events were dropped because this
    strategy did not poll in time; look at ``Strategy.order`` and ``position`` for the truth. Amounts are integers in the instrument's
    scale and may be given back to ``buy``, ``sell`` and ``replace`` as they are. ``reason`` names the DenyReason of a DENIED; one with
    an empty ``side`` refused a cancel or replace, the order is as it was. ``venue_code`` is the venue's reject reason, None when absent.
    """

    kind: str
    client_id: int = 0
    order_id: int = 0
    symbol: str = ""
    side: str = ""
    ord_status: str = ""
    qty: int = 0
    px: int = 0
    cum_qty: int = 0
    leaves_qty: int = 0
    last_qty: int = 0
    last_px: int = 0
    net_qty: int = 0
    reason: str = ""
    venue_code: int | None = None
    engine_ns: int = 0
    output_seq: int = 0
    lost: int = 0

    @classmethod
    def loss(cls, count: int, output_seq: int) -> Event:
        """Build the event that tells of ``count`` dropped ones, the last of which was ``output_seq``."""
        return cls(LOST, output_seq=output_seq, lost=count)

    @property
    def done(self) -> bool:
        """The order is in a terminal state; a refused request about it (DENIED without side) ends nothing."""
        return self.ord_status in TERMINAL and (self.kind != "DENIED" or bool(self.side))


class OrderRef:
    """Handle of one order: what ``buy`` and ``sell`` return. It holds no state; ``state`` looks into the engine's table."""

    __slots__ = ("_strategy", "client_id", "symbol")

    def __init__(self, strategy: Strategy, client_id: int, symbol: str) -> None:
        self._strategy, self.client_id, self.symbol = strategy, client_id, symbol

    def cancel(self) -> None:
        """Ask to cancel it."""
        self._strategy.cancel(self)

    def replace(self, qty: int | str | Decimal, px: int | str | Decimal | None = None, *, stop_px: int | str | Decimal | None = None) -> None:
        """Ask to change it; ``qty`` is the new total."""
        self._strategy.replace(self, qty, px, stop_px=stop_px)

    @property
    def state(self) -> OrderView | None:
        """The engine's row, or None while it has not taken the intent."""
        return self._strategy.order(self)

    def __index__(self) -> int:
        return self.client_id

    def __eq__(self, other: object) -> bool:
        return self.client_id == (other.client_id if isinstance(other, OrderRef) else other)

    def __hash__(self) -> int:
        return hash(self.client_id)

    def __repr__(self) -> str:
        return f"<order {self.client_id} {self.symbol}>"
