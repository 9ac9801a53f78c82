"""The order rules as data and arithmetic: written by hand from the rules, never from the engine.

``TABLE`` is the state table of docs/order-states.md in another notation (a test holds both against each other). Figures are Python integers, so
nothing wraps; that a figure must fit 64 or 128 bits is a rule like the others and checked where it applies.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from ringfence.ipc.schema import ENUMS

KEEP, BY_QUANTITY, FILLED_OR_KEEP = "keep", "by quantity", "filled or keep"
STATUS = ENUMS["OrdStatus"].by_value
STATUS_NUMBER = ENUMS["OrdStatus"].by_name
EVENT_NAME = ENUMS["VenueEventKind"].by_value

DONE = frozenset({"FILLED", "DONE_FOR_DAY", "CANCELED", "REJECTED", "CALCULATED", "EXPIRED", "DENIED"})
OVER = frozenset({"CANCELED", "REJECTED", "EXPIRED", "DENIED"})  # nothing is in flight after such an end
_OPEN = ("PENDING_NEW", "NEW", "PARTIALLY_FILLED")
_SENT = (*_OPEN, "FILLED", "DONE_FOR_DAY", "CANCELED", "STOPPED", "REJECTED", "SUSPENDED", "CALCULATED", "EXPIRED", "UNKNOWN")


def _row(*cases: tuple[tuple[str, ...], str]) -> dict[str, str]:
    return {status: result for statuses, result in cases for status in statuses}


def _but(*without: str) -> tuple[str, ...]:
    return tuple(s for s in _SENT if s not in without)


_QUANTITY_HELD = ("CANCELED", "EXPIRED", "REJECTED", "DONE_FOR_DAY", "SUSPENDED", "STOPPED", "CALCULATED")
_ASKED = _row((_but("UNKNOWN"), KEEP), (("UNKNOWN",), BY_QUANTITY))
_CHANGED = _row(((*_OPEN, "FILLED", "UNKNOWN"), BY_QUANTITY), (_QUANTITY_HELD, KEEP))

TABLE: dict[str, dict[str, str]] = {
    "ACK": _row(
        (("PENDING_NEW", "UNKNOWN", "SUSPENDED"), BY_QUANTITY),
        (("NEW", "PARTIALLY_FILLED", "STOPPED", "FILLED", "CANCELED", "DONE_FOR_DAY", "EXPIRED", "CALCULATED"), KEEP),
    ),
    "PENDING_NEW": _row((_but("UNKNOWN"), KEEP), (("UNKNOWN",), "PENDING_NEW")),
    "REJECTED": _row((("PENDING_NEW", "NEW", "UNKNOWN", "STOPPED", "SUSPENDED"), "REJECTED"), (("REJECTED",), KEEP)),
    "FILL": _row(((*_OPEN, "FILLED", "UNKNOWN"), BY_QUANTITY), (_QUANTITY_HELD, FILLED_OR_KEEP)),
    "BUST": _CHANGED,
    "CORRECT": _CHANGED,
    "PENDING_CANCEL": _ASKED,
    "PENDING_REPLACE": _ASKED,
    "CANCELED": _row(((*_OPEN, "UNKNOWN", "SUSPENDED", "STOPPED", "DONE_FOR_DAY"), "CANCELED"), (("CANCELED",), KEEP)),
    "REPLACED": _row(((*_OPEN, "FILLED", "DONE_FOR_DAY", "UNKNOWN"), BY_QUANTITY), (("SUSPENDED", "STOPPED"), KEEP)),
    "RESTATED": _row(((*_OPEN, "FILLED", "DONE_FOR_DAY", "UNKNOWN"), BY_QUANTITY), (("SUSPENDED", "STOPPED", "CANCELED", "EXPIRED"), KEEP)),
    "DONE_FOR_DAY": _row(((*_OPEN, "UNKNOWN", "SUSPENDED", "STOPPED"), "DONE_FOR_DAY"), (("FILLED", "DONE_FOR_DAY"), KEEP)),
    "EXPIRED": _row(((*_OPEN, "UNKNOWN", "SUSPENDED", "STOPPED", "DONE_FOR_DAY"), "EXPIRED"), (("EXPIRED",), KEEP)),
    "STOPPED": _row(((*_OPEN, "UNKNOWN"), "STOPPED"), (("STOPPED",), KEEP)),
    "SUSPENDED": _row(((*_OPEN, "UNKNOWN", "STOPPED"), "SUSPENDED"), (("SUSPENDED",), KEEP)),
    "CALCULATED": _row((("NEW", "PARTIALLY_FILLED", "DONE_FOR_DAY", "FILLED"), "CALCULATED"), (("CALCULATED",), KEEP)),
}


# ---- figures ----------------------------------------------------------------------------------------------------------------

INT64 = 1 << 63
INT128 = 1 << 127


def fits64(value: int) -> bool:
    return -INT64 <= value < INT64


def fits128(value: int) -> bool:
    return -INT128 <= value < INT128


def scaled(mantissa: int, digits: int, wanted: int) -> int | None:
    """``mantissa * 10**-digits`` in units of ``10**-wanted``, half to even; None when it does not fit in 64 bits."""
    if digits <= wanted:
        value = mantissa * 10 ** (wanted - digits)
    else:
        unit = 10 ** (digits - wanted)
        value, rest = divmod(mantissa, unit)
        if 2 * rest > unit or (2 * rest == unit and value & 1):
            value += 1
    return value if fits64(value) else None


def shared(total: int, part: int, whole: int) -> int:
    """``total * part / whole``, half to even (ledger rule: the cost that leaves with a part of a position)."""
    value, rest = divmod(total * part, whole)
    if 2 * rest > whole or (2 * rest == whole and value & 1):
        value += 1
    return value


# ---- ClOrdID -----------------------------------------------------------------------------------------------------------------


class Reference(NamedTuple):
    """What a ClOrdID of ours says: ``PREFIX DAY - ORDER - REV``, 2, 3, 7 and 2 characters, base 32 but for the prefix.

    Behind ``VV``, the revision of a gateway's own cancels, three more number their round.
    """

    day: int
    order: int
    revision: int


_DIGITS = {c: i for i, c in enumerate(b"0123456789ABCDEFGHIJKLMNOPQRSTUV")}


def _base32(raw: bytes) -> int:
    value = 0
    for c in raw:
        value = value * 32 + _DIGITS[c]
    return value


@lru_cache(maxsize=1 << 14)
def reference(text: bytes, prefix: bytes) -> Reference | None:
    """Read a ClOrdID; None when it is not one of this prefix."""
    if len(text) not in (16, 19) or text[:2] != prefix or text[5] != 45 or text[13] != 45:
        return None
    if len(text) == 19 and (text[14:16] != b"VV" or not all(c in _DIGITS for c in text[16:])):
        return None
    try:
        return Reference(_base32(text[2:5]), _base32(text[6:13]), _base32(text[14:16]))
    except KeyError:
        return None


def day_code(yyyymmdd: int) -> int:
    """Days since 2000-01-01. A day that a month does not have counts on from its first, as the date arithmetic of the format does."""
    first = date(yyyymmdd // 10000, yyyymmdd // 100 % 100, 1)
    return (first - date(2000, 1, 1)).days + yyyymmdd % 100 - 1


def is_day(yyyymmdd: int) -> bool:
    return 2000 <= yyyymmdd // 10000 < 2089 and 1 <= yyyymmdd // 100 % 100 <= 12 and 1 <= yyyymmdd % 100 <= 31
