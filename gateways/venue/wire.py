"""Requests out of FIX 4.2 and 4.4 fields, reports into bodies of either. The only file of the venue that knows tags.

Data flow: session -> parsed fields -> ``decode`` -> Request -> exchange -> Report -> ``body`` -> session. Amounts stay text on both ways, so
prices go out with exactly the symbol's decimals. A message that lacks a required tag or is of a type that is not served raises
``Unserved``, which carries the BusinessRejectReason(380) for the answer; nothing is guessed.

The exchange speaks FIX 4.2 (ExecTransType, ExecType 1 and 2, OrdStatus 5); in 4.4 a trade is ExecType F, an answer to a status request ExecType I, and a
replaced order shows its own OrdStatus.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from ringfence.gateways.errors import GatewayError
from ringfence.gateways.fix.codec import timestamp_text
from ringfence.gateways.venue.messages import (
    ABSOLUTE,
    FILLED,
    NEW,
    PARTIAL,
    REPLACED,
    STATUS,
    CancelReject,
    CancelRequest,
    ExecReport,
    MassCancelReport,
    MassCancelRequest,
    MassStatusRequest,
    NewOrder,
    ReplaceRequest,
    Report,
    Request,
    StatusRequest,
)

UNSUPPORTED_TYPE, MISSING_FIELD = 3, 5
"""BusinessRejectReason(380)."""
FIX44 = "FIX.4.4"

_NAMES = {
    11: "ClOrdID",
    21: "HandlInst",
    38: "OrderQty",
    40: "OrdType",
    41: "OrigClOrdID",
    44: "Price",
    54: "Side",
    55: "Symbol",
    99: "StopPx",
    530: "MassCancelRequestType",
    584: "MassStatusReqID",
}


class Unserved(GatewayError):
    """A message that the venue cannot serve; answered by BusinessMessageReject(35=j)."""

    def __init__(self, ref_msg_type: str, reason: int, text: str) -> None:
        super().__init__(text)
        self.ref_msg_type, self.reason, self.text = ref_msg_type, reason, text


def decode(fields: Iterable[tuple[int, bytes]]) -> Request:
    """Return the request in a message's fields (header included).

    Raises
    ------
    Unserved
        For another MsgType(35), or when a required tag is missing.
    """
    values = {tag: raw.decode("latin-1") for tag, raw in fields}
    kind = values.get(35, "")

    def need(tag: int) -> str:
        if not values.get(tag):
            raise Unserved(kind, MISSING_FIELD, f"{_NAMES[tag]}({tag}) is required")
        return values[tag]

    def may(tag: int) -> str:
        return values.get(tag, "")

    if kind == "D":
        ord_type = need(40)
        px = need(44) if ord_type in ("2", "4") else ""
        stop_px = need(99) if ord_type in ("3", "4") else ""
        return NewOrder(need(11), need(55), need(54), ord_type, need(38), px, stop_px, values.get(59, "0"), may(1), may(97) == "Y")
    if kind == "F":
        return CancelRequest(need(11), need(41), need(55), need(54))
    if kind == "G":
        return ReplaceRequest(need(11), need(41), need(38), may(44), may(99), need(55), need(54))
    if kind == "H":
        return StatusRequest(need(11), may(37), need(55), need(54))
    if values.get(8) == FIX44:
        if kind == "q":
            return MassCancelRequest(need(11), need(55) if need(530) == "1" else "")
        if kind == "AF":
            return MassStatusRequest(need(584))
    served = "D, F, G, H, q and AF" if values.get(8) == FIX44 else "D, F, G and H"
    raise Unserved(kind, UNSUPPORTED_TYPE, f"MsgType(35)={kind} is not served here; {served} are")


def _join(pairs: Iterable[tuple[int, str]]) -> bytes:
    return b"".join(b"%d=%s\x01" % (tag, value.encode("latin-1", "replace")) for tag, value in pairs if value)


def body(report: Report, now_ns: int, begin_string: str = "FIX.4.2") -> tuple[bytes, bytes]:
    """Return MsgType(35) and the body of a report; absent fields are left out."""
    moment = timestamp_text(now_ns).decode()
    if isinstance(report, CancelReject):
        return b"9", _join(
            (
                (37, report.order_id),
                (11, report.cl_ord_id),
                (41, report.orig_cl_ord_id),
                (39, report.ord_status),
                (60, moment),
                (434, report.response_to),
                (102, str(report.reason)),
                (58, report.text),
            )
        )
    if isinstance(report, MassCancelReport):
        return b"r", _join(
            (
                (37, report.order_id),
                (11, report.cl_ord_id),
                (530, report.request_type),
                (531, report.response),
                (532, "" if report.reason is None else str(report.reason)),
                (533, str(report.affected)),
                (55, report.symbol),
                (60, moment),
                (58, report.text),
            )
        )
    return b"8", _execution(_as_44(report) if begin_string == FIX44 else report, moment)


def _as_44(report: ExecReport) -> ExecReport:
    """The same report in the conventions of FIX 4.4."""
    exec_type = "I" if report.exec_trans_type == STATUS else "F" if report.exec_type in (PARTIAL, FILLED) else report.exec_type
    status = report.ord_status
    if status == REPLACED:
        status = NEW if Decimal(report.cum_qty) == 0 else PARTIAL if Decimal(report.leaves_qty) else FILLED
    return replace(report, exec_trans_type="", exec_type=exec_type, ord_status=status)


def _execution(report: ExecReport, moment: str) -> bytes:
    return _join(
        (
            (37, report.order_id),
            (11, report.cl_ord_id),
            (41, report.orig_cl_ord_id),
            (17, report.exec_id),
            (20, report.exec_trans_type),
            (150, report.exec_type),
            (39, report.ord_status),
            (1, report.account),
            (55, report.symbol),
            (54, report.side),
            (38, report.qty),
            (40, report.ord_type),
            (44, report.px),
            (99, report.stop_px),
            (59, report.tif),
            (32, report.last_qty),
            (31, report.last_px),
            (12, report.commission),
            (13, ABSOLUTE if report.commission else ""),
            (151, report.leaves_qty),
            (14, report.cum_qty),
            (6, report.avg_px),
            (60, moment),
            (103, "" if report.reject_reason is None else str(report.reject_reason)),
            (58, report.text),
            (584, report.mass_status_id),
        )
    )


def business_reject(ref_seq: int, unserved: Unserved) -> bytes:
    """Return the body of a BusinessMessageReject(35=j)."""
    return _join(((45, str(ref_seq)), (372, unserved.ref_msg_type), (380, str(unserved.reason)), (58, unserved.text)))
