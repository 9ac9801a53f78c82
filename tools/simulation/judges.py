"""Those who judge a run, side by side: the oracle (every rule, field by field) and the small model of truth (whose order, which trades, in what order).

    frames, wire, the venue's truth ──▶ Oracle and Truth ──▶ violations

They share no code but the record layouts. What is forgotten at a host crash is forgotten in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ringfence.tools.simulation import scope_sums
from ringfence.tools.simulation.invariants import Violation
from ringfence.tools.simulation.oracle import Oracle, VenueTrade
from ringfence.tools.simulation.oracle_kills import flattens
from ringfence.tools.simulation.oracle_rules import reference
from ringfence.tools.simulation.setup import Shape
from ringfence.tools.simulation.truth import Asked, Truth
from ringfence.tools.simulation.venue import Trade

HEAD_BYTES = 64


class Judges:
    """Both, behind one face."""

    def __init__(self, shape: Shape) -> None:
        self.truth, self.oracle = Truth(shape), Oracle()
        self.fed = 0
        self.lossy = False  # a host crash took frames

    @property
    def sent(self) -> dict[str, Any]:
        """New orders on the wire, by ClOrdID."""
        return self.truth.sent

    def frame(self, head: tuple[int, ...], frame: bytes) -> None:
        self.truth.frame(head, frame)
        self.oracle.frame(frame, frame[HEAD_BYTES:])
        self.fed = head[2]

    def denied(self, seq: int, reason: int) -> None:
        self.oracle.denied(seq, reason)

    def wire(self, venue: int, message: dict[int, str]) -> None:
        self.truth.wire(venue, message, self._made(message.get(11, "")) if message[35] == "D" else None)
        if not (self.lossy and message.get(43) == "Y" and message[35] in "FG"):  # the session sends again what only its store remembers
            self.oracle.wire(venue, message)

    def _made(self, cl_ord_id: str) -> Asked | None:
        """The order of the engine's own that this is, by the oracle's model; None when a strategy asked for it."""
        m = self.oracle.model
        r = reference(cl_ord_id.encode("latin-1"), m.prefix)
        o = m.orders[r.order - 1] if r is not None and 0 < r.order <= len(m.orders) else None
        if o is None or not flattens(o):
            return None
        return Asked(o.created_seq, o.strategy, o.account, o.instrument, self.truth.shape.accounts[o.account - 1])

    def executed(self, venue: int, trade: Trade) -> None:
        self.truth.executed(venue, trade)
        self.oracle.executed(venue, _version(trade))

    def busted(self, venue: int, trade: Trade) -> None:
        self.oracle.busted(venue, trade.order.cl_ord_id, trade.exec_id)

    def corrected(self, venue: int, trade: Trade, reference: str) -> None:
        self.oracle.corrected(venue, reference, _version(trade))

    def lost_frames(self, after: int) -> None:
        self.truth.lost_frames(after)
        self.oracle.lost_frames(after)
        self.fed, self.lossy = after, True

    def durable(self, known: Callable[[], int]) -> None:
        """How far the journal was reported durable."""
        self.truth.durable = known

    def check_step(self, state: Any) -> list[Violation]:
        """After every turn; ``state`` None while the engine is dead."""
        found = self.truth.check_step(None if state is None else state.table)
        return found or ([] if state is None else self.oracle.check_step(state))

    def check_all(self, state: Any, *, quiescent: bool) -> list[Violation]:
        found = self.truth.check_all(state.table, quiescent=quiescent) or self.oracle.check_all(state, quiescent=quiescent)
        return found or scope_sums.check(state)


def _version(trade: Trade) -> VenueTrade:
    """The trade as it is now, for the oracle."""
    return VenueTrade(exec_id=trade.exec_id, cl_ord_id=trade.order.cl_ord_id, side=int(trade.order.side), qty=trade.qty, px=trade.px)
