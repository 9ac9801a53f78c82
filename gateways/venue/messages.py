"""What goes in and out of the venue: requests and reports as plain data, with the wire's own codes.

Amounts are decimal text: whether they fit the symbol's scale is the venue's to say, and nothing is rounded on the way. wire.py is the only other
file that knows FIX; the record keeps both kinds as the list of their values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

# OrdStatus(39) and ExecType(150) on the wire
NEW, PARTIAL, FILLED, CANCELED, REPLACED, PENDING_CANCEL, REJECTED = "0", "1", "2", "4", "5", "6", "8"
PENDING_NEW, EXPIRED, PENDING_REPLACE = "A", "C", "E"
TERMINAL = frozenset((FILLED, CANCELED, REJECTED, EXPIRED))
STATUS = "3"  # ExecTransType(20)
ABSOLUTE = "3"  # CommType(13)
# OrdRejReason(103), CxlRejReason(102)
BROKER_OPTION, UNKNOWN_SYMBOL, UNKNOWN_ORDER_STATUS, DUPLICATE_ORDER = 0, 1, 5, 6
TOO_LATE, UNKNOWN_ORDER, BROKER_REFUSES = 0, 1, 2
UNKNOWN_SECURITY = 1
"""MassCancelRejectReason(532)."""
MARKET, LIMIT, STOP, STOP_LIMIT = "1", "2", "3", "4"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """35=D. Amounts are still text: whether they fit the symbol's scale is the venue's to say."""

    cl_ord_id: str
    symbol: str
    side: str
    ord_type: str
    qty: str
    px: str = ""
    stop_px: str = ""
    tif: str = "0"
    account: str = ""
    poss_resend: bool = False


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """35=F."""

    cl_ord_id: str
    orig_cl_ord_id: str
    symbol: str = ""
    side: str = ""


@dataclass(frozen=True, slots=True)
class ReplaceRequest:
    """35=G; empty text leaves a price as it is."""

    cl_ord_id: str
    orig_cl_ord_id: str
    qty: str
    px: str = ""
    stop_px: str = ""
    symbol: str = ""
    side: str = ""


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """35=H."""

    cl_ord_id: str
    order_id: str = ""
    symbol: str = ""
    side: str = ""


@dataclass(frozen=True, slots=True)
class MassCancelRequest:
    """35=q: every open order, or those of one symbol when it is given."""

    cl_ord_id: str
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class MassStatusRequest:
    """35=AF: the state of every open order; ``cl_ord_id`` is MassStatusReqID(584)."""

    cl_ord_id: str


Request = NewOrder | CancelRequest | ReplaceRequest | StatusRequest | MassCancelRequest | MassStatusRequest


@dataclass(frozen=True, slots=True)
class ExecReport:
    """35=8. Amounts are text; ``last_px``, ``last_qty`` and ``commission`` (in all, of the quote currency) are empty but for fills."""

    order_id: str
    cl_ord_id: str
    exec_id: str
    exec_trans_type: str
    exec_type: str
    ord_status: str
    symbol: str
    side: str
    qty: str
    leaves_qty: str
    cum_qty: str
    avg_px: str
    orig_cl_ord_id: str = ""
    account: str = ""
    ord_type: str = ""
    tif: str = ""
    px: str = ""
    stop_px: str = ""
    last_qty: str = ""
    last_px: str = ""
    commission: str = ""
    reject_reason: int | None = None
    text: str = ""
    mass_status_id: str = ""


@dataclass(frozen=True, slots=True)
class CancelReject:
    """35=9."""

    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    ord_status: str
    response_to: str
    reason: int
    text: str


@dataclass(frozen=True, slots=True)
class MassCancelReport:
    """35=r: ``response`` is MassCancelResponse(531), "0" a refusal for ``reason``; each canceled order has a report of its own before it."""

    order_id: str
    cl_ord_id: str
    request_type: str
    response: str
    affected: int
    symbol: str
    reason: int | None
    text: str


Report = ExecReport | CancelReject | MassCancelReport
REPORTS: dict[int, type[Report]] = {len(c.__slots__): c for c in (ExecReport, CancelReject, MassCancelReport)}  # type: ignore[attr-defined]
REQUESTS: dict[str, type[Request]] = {c.__name__: c for c in (NewOrder, CancelRequest, ReplaceRequest, StatusRequest, MassCancelRequest, MassStatusRequest)}
PENDING = (PENDING_NEW, PENDING_CANCEL, PENDING_REPLACE)
AnyReport = TypeVar("AnyReport", ExecReport, CancelReject, MassCancelReport)


def report_key(report: Report) -> tuple[str, str]:
    """What tells a report from every other: (ExecID, ClOrdID), with an empty ExecID for what has none. Two legs of a trade share an ExecID."""
    return (report.exec_id if isinstance(report, ExecReport) else "", report.cl_ord_id)
