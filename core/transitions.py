"""The order state table, as data: (base status, venue event) -> new base status, with the rule that says so.

The *base* status is the order's own, under any pending cancel or replace (FIX shows the highest precedence, R5; we keep both and
derive the shown one). ``core/orders.pyx`` loads ``TABLE`` into a C array at import; the matrices D1 to D37 are those of FIX 4.2
Appendix D, R and S rows are this project's order rules (docs/order_rules.md). What has no row is applied as a fact where quantities do not
forbid it, and raises the break UNEXPECTED_TRANSITION (S22): the specification does not forbid what it does not list.

Results that are not a status: ``KEEP`` leaves it; ``BY_QUANTITY`` derives New, PartiallyFilled or Filled from CumQty and
OrderQty; ``FILLED_OR_KEEP`` is Filled when CumQty reaches OrderQty and else leaves it. Pending statuses are never a base:
requests in flight are counted apart (S7). Rejected: one table over shown statuses, which doubles its size and loses what a reject restores.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.ipc.schema import ENUMS

KEEP, BY_QUANTITY, FILLED_OR_KEEP = 253, 254, 255

_S = ENUMS["OrdStatus"].by_name
_E = ENUMS["VenueEventKind"].by_name

# Statuses that an order has of its own, in the order of its life.
BASE = (
    "PENDING_NEW",
    "NEW",
    "PARTIALLY_FILLED",
    "FILLED",
    "DONE_FOR_DAY",
    "CANCELED",
    "STOPPED",
    "REJECTED",
    "SUSPENDED",
    "CALCULATED",
    "EXPIRED",
    "UNKNOWN",
    "DENIED",
)
TERMINAL = ("FILLED", "DONE_FOR_DAY", "CANCELED", "REJECTED", "CALCULATED", "EXPIRED", "DENIED")
LIVE = tuple(s for s in BASE if s not in TERMINAL)
SENT = tuple(s for s in BASE if s != "DENIED")


@dataclass(frozen=True)
class Row:
    """``status`` under ``event`` becomes ``result`` (an OrdStatus or one of the three results above); ``rules`` says by what authority."""

    status: str
    event: str
    result: int
    rules: str


def _rows(event: str, *cases: tuple[tuple[str, ...], int | str, str]) -> list[Row]:
    return [Row(s, event, _S[to] if isinstance(to, str) else to, rules) for statuses, to, rules in cases for s in statuses]


ROWS: tuple[Row, ...] = (
    *_rows(
        "ACK",
        (("PENDING_NEW",), BY_QUANTITY, "D1 D2 D3; a fill may have come before (S1)"),
        (("UNKNOWN",), BY_QUANTITY, "S6: a later ack is accepted"),
        (("SUSPENDED",), BY_QUANTITY, "trading resumes: New after Suspended"),
        (("NEW", "PARTIALLY_FILLED", "STOPPED"), KEEP, "S8: a re-sent ack never regresses; D37"),
        (("FILLED", "CANCELED", "DONE_FOR_DAY", "EXPIRED", "CALCULATED"), KEEP, "S8 R10: an ack that comes late"),
    ),
    *_rows(
        "PENDING_NEW",
        (("PENDING_NEW",), KEEP, "39=A before New"),
        (("UNKNOWN",), "PENDING_NEW", "S6: the venue has it"),
        (tuple(s for s in SENT if s not in ("PENDING_NEW", "UNKNOWN")), KEEP, "S8: late"),
    ),
    *_rows(
        "REJECTED",
        (("PENDING_NEW", "NEW"), "REJECTED", "D1; R12: a reject after New is legal"),
        (("UNKNOWN",), "REJECTED", "S6; D24: the venue does not know it"),
        (("STOPPED", "SUSPENDED"), "REJECTED", "R12"),
        (("REJECTED",), KEEP, "S8: again"),
    ),
    *_rows(
        "FILL",
        (("PENDING_NEW", "NEW", "PARTIALLY_FILLED"), BY_QUANTITY, "D1; before the ack: S1"),
        (("UNKNOWN",), BY_QUANTITY, "S6: a later fill is accepted"),
        (("FILLED",), BY_QUANTITY, "S4: overfill, booked in full"),
        (("CANCELED", "EXPIRED", "REJECTED", "DONE_FOR_DAY"), FILLED_OR_KEEP, "S17 D35 R11: late fill on a terminal order"),
        (("SUSPENDED", "STOPPED", "CALCULATED"), FILLED_OR_KEEP, "R5 D37: precedence over PartiallyFilled"),
    ),
    *_rows(
        "BUST",
        (("PENDING_NEW", "NEW", "PARTIALLY_FILLED", "FILLED", "UNKNOWN"), BY_QUANTITY, "D34 D36 R18"),
        (("CANCELED", "EXPIRED", "REJECTED", "DONE_FOR_DAY", "SUSPENDED", "STOPPED", "CALCULATED"), KEEP, "D35 R11: the status stays"),
    ),
    *_rows(
        "CORRECT",
        (("PENDING_NEW", "NEW", "PARTIALLY_FILLED", "FILLED", "UNKNOWN"), BY_QUANTITY, "D34 D36"),
        (("CANCELED", "EXPIRED", "REJECTED", "DONE_FOR_DAY", "SUSPENDED", "STOPPED", "CALCULATED"), KEEP, "D35 R11: the status stays"),
    ),
    *_rows(
        "PENDING_CANCEL",
        (tuple(s for s in SENT if s != "UNKNOWN"), KEEP, "D3 D4 D5: the request is kept apart (S7)"),
        (("UNKNOWN",), BY_QUANTITY, "S6: the venue has it"),
    ),
    *_rows(
        "CANCELED",
        (("PENDING_NEW", "NEW", "PARTIALLY_FILLED"), "CANCELED", "D3 D4 D19 D32 D33 R13"),
        (("UNKNOWN",), "CANCELED", "S6"),
        (("SUSPENDED", "STOPPED"), "CANCELED", "R13"),
        (("DONE_FOR_DAY",), "CANCELED", "D29"),
        (("CANCELED",), KEEP, "S8: again"),
    ),
    *_rows(
        "PENDING_REPLACE",
        (tuple(s for s in SENT if s != "UNKNOWN"), KEEP, "D6 D7 D13: the request is kept apart (S7)"),
        (("UNKNOWN",), BY_QUANTITY, "S6: the venue has it"),
    ),
    *_rows(
        "REPLACED",
        (("PENDING_NEW", "NEW", "PARTIALLY_FILLED"), BY_QUANTITY, "D6 D7 D10 D11 D12 D13 S9 S17"),
        (("FILLED",), BY_QUANTITY, "D8: a replace reopens a filled order"),
        (("DONE_FOR_DAY",), BY_QUANTITY, "D30"),
        (("UNKNOWN",), BY_QUANTITY, "S6"),
        (("SUSPENDED", "STOPPED"), KEEP, "R5: precedence over Replaced"),
    ),
    *_rows(
        "RESTATED",
        (("PENDING_NEW", "NEW", "PARTIALLY_FILLED", "FILLED"), BY_QUANTITY, "D20 D21 D28 R13"),
        (("DONE_FOR_DAY",), BY_QUANTITY, "D27: a GT order is back the next day"),
        (("UNKNOWN",), BY_QUANTITY, "S6"),
        (("SUSPENDED", "STOPPED"), KEEP, "R5"),
        (("CANCELED", "EXPIRED"), KEEP, "R11: booked, and still done"),
    ),
    *_rows(
        "DONE_FOR_DAY",
        (("PENDING_NEW", "NEW", "PARTIALLY_FILLED", "UNKNOWN", "SUSPENDED", "STOPPED"), "DONE_FOR_DAY", "D2 R18"),
        (("FILLED", "DONE_FOR_DAY"), KEEP, "D2: the day's end of an order that is done"),
    ),
    *_rows(
        "EXPIRED",
        (("PENDING_NEW", "NEW", "PARTIALLY_FILLED", "UNKNOWN", "SUSPENDED", "STOPPED", "DONE_FOR_DAY"), "EXPIRED", "R11: time in force ended"),
        (("EXPIRED",), KEEP, "S8: again"),
    ),
    *_rows(
        "STOPPED",
        (("PENDING_NEW", "NEW", "PARTIALLY_FILLED", "UNKNOWN"), "STOPPED", "D37: a guarantee, not a fill (S19)"),
        (("STOPPED",), KEEP, "D37"),
    ),
    *_rows(
        "SUSPENDED",
        (("PENDING_NEW", "NEW", "PARTIALLY_FILLED", "UNKNOWN", "STOPPED"), "SUSPENDED", "39=9"),
        (("SUSPENDED",), KEEP, "S8: again"),
    ),
    *_rows(
        "CALCULATED",
        (("NEW", "PARTIALLY_FILLED", "DONE_FOR_DAY", "FILLED"), "CALCULATED", "39=B after the day: R5"),
        (("CALCULATED",), KEEP, "S8: again"),
    ),
)

# Events that the table does not steer: STATUS resolves doubt only (S19), a CANCEL_REJECT or BUSINESS_REJECT resolves its
# request (S7, R8), NOT_SENT ends what never left, sessions touch doubt marks only (S15).
OUTSIDE = ("STATUS", "CANCEL_REJECT", "BUSINESS_REJECT", "SESSION_UP", "SESSION_DOWN", "NOT_SENT", "MASS_CANCEL_REPORT")


def lookup() -> list[tuple[int, int, int]]:
    """Return ``(status, event, result)`` of every row as numbers, sorted; what the engine loads.

    Raises
    ------
    ValueError
        If two rows share a status and an event, or an event has no rows and is not in ``OUTSIDE``.
    """
    out: dict[tuple[int, int], int] = {}
    for row in ROWS:
        key = (_S[row.status], _E[row.event])
        if key in out:
            raise ValueError(f"state table: {row.status} under {row.event} has two rows; remove one")
        out[key] = row.result
    missing = set(_E) - {row.event for row in ROWS} - set(OUTSIDE)
    if missing:
        raise ValueError(f"state table: no rows for {sorted(missing)}")
    return [(s, e, result) for (s, e), result in sorted(out.items())]
