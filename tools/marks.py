"""The mark of a position: the one price at which reports value it, by its instrument's setting (``mark`` of ``[[instrument]]``, MarkSide).

    bid, ask, last of the instrument + sign of the position ──mark_of──▶ Mark: price, where it is from, what was asked for ──▶ every report and screen

What the setting asks for, when it is there; else the next of: last trade (LAST: the mid), then the only side that there is; then the mark says what it stands
in for. The store's views say the same in SQL (view ``marked_figures`` of tools/ledger_schema/0003_views.sql), which tests hold against this. What the risk
checks value at is not this: they take the worse side (docs/controls.md). Pure; nothing fails: without any price there is no mark, never 0.
"""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from ringfence.ipc.schema import ENUMS

_SIDE = ENUMS["MarkSide"].by_value
_EXACT = Context(prec=60)


class Mark(NamedTuple):
    """A price at an instrument's scale, twice, so that a mid is a whole number; ``source`` and ``wanted`` are MID, BID, ASK or LAST."""

    px_twice: int
    source: str
    wanted: str

    @property
    def px(self) -> Fraction:
        """The price at the instrument's scale."""
        return Fraction(self.px_twice, 2)

    @property
    def text(self) -> str:
        """Where it is from, and what it stands in for."""
        return self.source if self.source == self.wanted else f"{self.source} for {self.wanted}"

    def decimal(self, price_digits: int) -> Decimal:
        """The price; with a digit more than the instrument's where it is between two."""
        if self.px_twice % 2:
            return Decimal(5 * self.px_twice).scaleb(-price_digits - 1, _EXACT)
        return Decimal(self.px_twice // 2).scaleb(-price_digits, _EXACT)


def mark_of(instrument: Any, qty: int) -> Mark | None:
    """The mark of a position.

    Parameters
    ----------
    instrument : mapping
        ``bid``, ``ask``, ``last`` [instrument scale; 0: there is none] and ``mark_side`` (MarkSide; 0: MID): a row of ``instruments``.
    qty : int
        What is held; only its sign matters, and only for SIDE.

    Returns
    -------
    Mark or None
        None when there is no price.
    """
    bid, ask, last = (int(instrument[name]) for name in ("bid", "ask", "last"))
    side = _SIDE.get(int(instrument["mark_side"]), "MID")
    wanted = ("BID" if qty > 0 else "ASK") if side == "SIDE" else side
    found = {"BID": 2 * bid, "ASK": 2 * ask, "LAST": 2 * last, "MID": bid + ask if bid and ask else 0}
    order = (wanted, "MID", "BID", "ASK") if wanted == "LAST" else (wanted, "LAST", "BID", "ASK")
    return next((Mark(found[source], source, wanted) for source in order if found[source]), None)
