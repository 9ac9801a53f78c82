"""The venue's order handling: ClOrdID chains, statuses and reports over the matching books. No I/O and no clock: time comes with each call.

Data flow: the acceptor hands in decoded requests; ``receive`` registers one and returns the reports due at once plus a ``Work`` that the
acceptor runs when the venue's latency has passed. Reports are plain data; wire.py turns them into FIX. Every report is written to the
record, together with the change that it is about, before it is returned: the record never knows less than the counterparty.

Behaviour follows the FIX 4.2 order state matrices: fills during a pending request carry the old ClOrdID and OrdStatus 6 or E; a replace to
CumQty or below ends Filled with OrderQty = CumQty; an unfilled IOC or FOK is acknowledged, then canceled; a duplicate ClOrdID is rejected
with the live order's status and leaves it alone. Both legs of a match between two of our orders carry one ExecID, as venues do.
Same seed, same calls in the same order: same reports, byte for byte. Rejected: one generator for everything; adding a draw to one behaviour would
then shift every other.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import astuple, replace
from decimal import Decimal
from functools import partial
from typing import Any

from ringfence.gateways.decimals import text_to_scaled, to_text
from ringfence.gateways.venue.book import BUY, QUOTE, SELL, Book, Dropped, Outcome, Trade, Triggered
from ringfence.gateways.venue.messages import (
    BROKER_OPTION,
    BROKER_REFUSES,
    CANCELED,
    DUPLICATE_ORDER,
    EXPIRED,
    FILLED,
    NEW,
    PARTIAL,
    PENDING,
    PENDING_CANCEL,
    PENDING_NEW,
    PENDING_REPLACE,
    REJECTED,
    REPLACED,
    REPORTS,
    REQUESTS,
    STATUS,
    TERMINAL,
    TOO_LATE,
    UNKNOWN_ORDER,
    UNKNOWN_ORDER_STATUS,
    UNKNOWN_SECURITY,
    AnyReport,
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
    report_key,
)
from ringfence.gateways.venue.orders import Refusal, VenueOrder, amount, book_entry, image, order_of, restored_order
from ringfence.gateways.venue.record import RecordWriter, VenueRecord, status_key
from ringfence.gateways.venue.spec import PPM, VenueSpec

Work = Callable[[int], list[Report]]
TRADES_MAX = 1_000
"""Trades that are kept for market data."""
COMMISSION_STEP = Decimal(1).scaleb(-12)


class Exchange:
    """All orders of the venue. ``trades``: the last ones (symbol, price, quantity), ``trade_count`` of all, for market data.

    Parameters
    ----------
    spec : VenueSpec
        Symbols, seed and behaviour.
    record : RecordWriter
        Gets every change before its report is returned.
    restored : VenueRecord, optional
        What an earlier process of this venue recorded; call ``resume`` next.
    """

    def __init__(self, spec: VenueSpec, record: RecordWriter, restored: VenueRecord | None = None, now_ns: int = 0) -> None:
        self.spec = spec
        self.record = record
        self.orders: dict[int, VenueOrder] = {}
        self.fills = 0
        self.trades: deque[tuple[str, int, int]] = deque(maxlen=TRADES_MAX)
        self.trade_count = 0
        self._ids: dict[str, VenueOrder] = {}
        self._used: set[str] = set()
        self._books = {s.symbol: Book(s.clip) for s in spec.symbols}
        self._reject_draws = random.Random(f"{spec.seed}/rejects")  # noqa: S311, a simulation must repeat
        self._size_draws = random.Random(f"{spec.seed}/sizes")  # noqa: S311
        self._execs = 0
        self._run = restored.runs + 1 if restored else 1
        self.record.write("start", run=self._run, ts_ns=now_ns)
        self.record.flush()
        if restored:
            self._restore(restored)

    # ---- inputs

    def receive(self, request: Request, now_ns: int) -> tuple[list[Report], Work]:
        """Register a request; returns what to report at once (pending acknowledgements, when configured) and the work due after the latency."""
        self.record.write("request", kind=type(request).__name__, values=astuple(request), ts_ns=now_ns)
        return self._recorded(*self._receive(request, now_ns))

    def knows(self, request: Request) -> bool:
        """Whether the request was received before: a resent one (PossDupFlag) is then nothing new."""
        return not isinstance(request, StatusRequest | MassStatusRequest) and request.cl_ord_id in self._used

    def resume(self, record: VenueRecord, now_ns: int) -> tuple[list[Report], list[Work]]:
        """Go on where an earlier process of this venue died: its open orders enter the books again, in their old order of arrival, and the requests
        that it received and did not answer are taken up. Returns what to report at once, and the work for the requests."""
        reports: list[Report] = []
        open_orders = [o for o in record.orders.values() if o.leaves_qty and o.status in (NEW, PARTIAL)]
        for recorded in sorted(open_orders, key=lambda o: (not o.raw["arrival"], int(o.raw["arrival"]))):  # 0: it was about to trade, not resting
            order = self.orders[int(recorded.order_id[1:])]
            reports += self._outcomes(self._books[order.spec.symbol].add(book_entry(order)), now_ns)
        works: list[Work] = []
        for kind, values in record.requests.values():
            more, work = self._recorded(*self._receive(REQUESTS[kind](*values), now_ns))
            reports += more
            works.append(work)
        self.record.flush()
        return reports, works

    def _recorded(self, reports: list[Report], work: Work) -> tuple[list[Report], Work]:
        """Put on record what was done so far, and see to it that the work will be."""

        def recorded_work(now_ns: int) -> list[Report]:
            out = work(now_ns)
            self.record.flush()
            return out

        self.record.flush()
        return reports, recorded_work

    def _receive(self, request: Request, now_ns: int) -> tuple[list[Report], Work]:
        if isinstance(request, NewOrder):
            return self._receive_new(request, now_ns)
        if isinstance(request, StatusRequest):
            return [], partial(self._status, request)
        if isinstance(request, MassStatusRequest):
            return [], partial(self._mass_status, request)
        if isinstance(request, MassCancelRequest):
            self._used.add(request.cl_ord_id)
            return [], partial(self._mass_cancel, request)
        kind = PENDING_CANCEL if isinstance(request, CancelRequest) else PENDING_REPLACE
        order = self._ids.get(request.orig_cl_ord_id)
        duplicate = request.cl_ord_id in self._used
        self._used.add(request.cl_ord_id)
        if order is None or duplicate:
            text = f"ClOrdID {request.cl_ord_id} was used before" if duplicate else f"no order {request.orig_cl_ord_id}"
            refusal = Refusal(BROKER_REFUSES if duplicate else UNKNOWN_ORDER, text)
            return [], lambda _now: [self._cancel_reject(request, order, refusal)]
        self._ids[request.cl_ord_id] = order
        reports: list[Report] = []
        if order.state not in TERMINAL:
            order.pending.append((request.cl_ord_id, kind))
            if self.spec.pending_acks:
                reports.append(self._out("report", self._report(order, kind, cl_ord_id=request.cl_ord_id, orig=request.orig_cl_ord_id)))
        return reports, partial(self._change, order, request)

    def book(self, symbol: str) -> Book:
        """Return the book of a symbol."""
        return self._books[symbol]

    def quote(self, symbol: str, bid: int, ask: int, now_ns: int) -> list[Report]:
        """Take a new top of book; returns the reports of what it traded and triggered."""
        least, most = self.spec.by_symbol[symbol].level_qty
        sizes = [self._size_draws.randint(least, most) for _ in (BUY, SELL)]
        reports = self._outcomes(self._books[symbol].quote(bid, sizes[0], ask, sizes[1]), now_ns)
        self.record.flush()
        return reports

    def finish(self, now_ns: int) -> None:
        """Write the last line of the record."""
        self.record.write("end", orders=len(self.orders), fills=self.fills, ts_ns=now_ns)
        self.record.flush()

    def unreported(self, record: VenueRecord, reported: set[tuple[str, str]]) -> list[Report]:
        """Return the reports that the last process of this venue recorded and did not get out: it died in between.

        ``reported`` has (ExecID, ClOrdID) of every message that was stored for sending, with an empty ExecID for cancel rejects.
        """
        written: list[Report] = [REPORTS.get(len(values), ExecReport)(*values) for values in record.reports]
        missed = [report for report in written if report_key(report) not in reported]
        for report in missed:
            self._note("report", report)
        self.record.flush()
        return missed

    # ---- new orders

    def _receive_new(self, request: NewOrder, now_ns: int) -> tuple[list[Report], Work]:
        if request.cl_ord_id in self._used:
            if request.poss_resend:
                return [], partial(self._status, StatusRequest(request.cl_ord_id, "", request.symbol, request.side))
            return [], partial(self._refuse_duplicate, request)
        self._used.add(request.cl_ord_id)
        try:
            order = order_of(request, next(reversed(self.orders), 0) + 1, self.spec.by_symbol)
        except Refusal as e:
            refusal = e
            return [], lambda now: [self._refuse_unbooked(request, refusal)]
        self.orders[order.number] = self._ids[request.cl_ord_id] = order
        reports: list[Report] = [self._out("report", self._report(order, PENDING_NEW))] if self.spec.pending_acks else []
        return reports, partial(self._accept, order)

    def _accept(self, order: VenueOrder, now_ns: int) -> list[Report]:
        if self._reject_draws.randrange(PPM) < self.spec.reject_ppm:
            order.state = REJECTED
            return [self._changed(order, self._report(order, REJECTED, reason=BROKER_OPTION, text="refused by the venue's reject rule"), now_ns)]
        order.state = NEW
        book = self._books[order.spec.symbol]
        outcomes = book.add(book_entry(order))
        return [self._changed(order, self._report(order, NEW), now_ns), *self._outcomes(outcomes, now_ns)]

    def _refuse_duplicate(self, request: NewOrder, _now_ns: int) -> list[Report]:
        order = self._ids.get(request.cl_ord_id)
        refusal = Refusal(DUPLICATE_ORDER, f"ClOrdID {request.cl_ord_id} was used before")
        if order is None:
            return [self._refuse_unbooked(request, refusal)]
        return [self._out("report", self._report(order, REJECTED, cl_ord_id=request.cl_ord_id, reason=DUPLICATE_ORDER, text=refusal.text))]

    def _refuse_unbooked(self, request: NewOrder, refusal: Refusal) -> Report:
        return self._out("report", self._refusal(request, refusal))

    def _refusal(self, request: NewOrder, refusal: Refusal) -> ExecReport:
        return ExecReport(
            order_id="NONE",
            cl_ord_id=request.cl_ord_id,
            exec_id=self._next_exec_id(),
            exec_trans_type="0",
            exec_type=REJECTED,
            ord_status=REJECTED,
            symbol=request.symbol,
            side=request.side,
            qty=request.qty,
            leaves_qty="0",
            cum_qty="0",
            avg_px="0",
            account=request.account,
            reject_reason=refusal.reason,
            text=refusal.text,
        )

    # ---- cancel, replace, status

    def _change(self, order: VenueOrder, request: CancelRequest | ReplaceRequest, now_ns: int) -> list[Report]:
        order.pending = [p for p in order.pending if p[0] != request.cl_ord_id]
        try:
            if order.chain[-1] != request.orig_cl_ord_id:
                raise Refusal(UNKNOWN_ORDER, f"OrigClOrdID {request.orig_cl_ord_id} is not the live version, {order.chain[-1]} is")
            if order.state in TERMINAL:
                raise Refusal(TOO_LATE, "too late: the order is done")
            if isinstance(request, CancelRequest):
                return self._cancel(order, request, now_ns)
            return self._replace(order, request, now_ns)
        except Refusal as refusal:
            return [self._cancel_reject(request, order, refusal)]

    def _cancel(self, order: VenueOrder, request: CancelRequest, now_ns: int) -> list[Report]:
        self._books[order.spec.symbol].cancel(order.number)
        order.state = CANCELED
        order.chain.append(request.cl_ord_id)
        return [self._changed(order, self._report(order, CANCELED, orig=request.orig_cl_ord_id), now_ns)]

    def _replace(self, order: VenueOrder, request: ReplaceRequest, now_ns: int) -> list[Report]:
        spec, book = order.spec, self._books[order.spec.symbol]
        qty = amount(request.qty, spec.qty_digits, "OrderQty(38)")
        px = amount(request.px, spec.price_digits, "Price(44)") if request.px and order.px is not None else order.px
        stop_px = amount(request.stop_px, spec.price_digits, "StopPx(99)") if request.stop_px and order.stop_px is not None else order.stop_px
        order.chain.append(request.cl_ord_id)
        if qty <= order.cum:
            book.cancel(order.number)
            order.qty, order.state = order.cum, FILLED
            return [self._changed(order, self._report(order, REPLACED, orig=request.orig_cl_ord_id), now_ns)]
        live = book.order(order.number)
        waiting = live is not None and live.stop_px is not None
        order.qty, order.px, order.stop_px = qty, px, stop_px
        outcomes = book.replace(order.number, qty - order.cum, px, stop_px if waiting else None)
        shown = REPLACED if order.status == NEW else order.status
        report = self._report(order, REPLACED, orig=request.orig_cl_ord_id, status=shown)
        return [self._changed(order, report, now_ns), *self._outcomes(outcomes, now_ns)]

    def _status(self, request: StatusRequest, _now_ns: int) -> list[Report]:
        order = self._ids.get(request.cl_ord_id)
        if order is None and request.order_id[:1] == "V" and request.order_id[1:].isdigit():
            order = self.orders.get(int(request.order_id[1:]))
        answers = status_key(request.cl_ord_id)
        if order is None:
            refusal = Refusal(UNKNOWN_ORDER_STATUS, f"no order {request.cl_ord_id}")
            report = self._refusal(NewOrder(request.cl_ord_id, request.symbol, request.side, "", "0"), refusal)
        else:
            report = self._report(order, order.status, orig=order.chain[-2] if len(order.chain) > 1 else "")
        return [self._out("report", replace(report, exec_trans_type=STATUS), answers=answers)]

    def _mass_status(self, request: MassStatusRequest, _now_ns: int) -> list[Report]:
        reports: list[Report] = []
        answers = status_key(request.cl_ord_id)
        for order in self._open_orders():
            report = replace(self._report(order, order.status), exec_trans_type=STATUS, mass_status_id=request.cl_ord_id)
            reports.append(self._out("report", report, answers=answers))
        if not reports:
            refusal = self._refusal(NewOrder("", next(iter(self.spec.by_symbol)), "1", "", "0"), Refusal(UNKNOWN_ORDER_STATUS, "no open orders"))
            reports.append(self._out("report", replace(refusal, exec_trans_type=STATUS, mass_status_id=request.cl_ord_id), answers=answers))
        return reports

    def _mass_cancel(self, request: MassCancelRequest, now_ns: int) -> list[Report]:
        """Cancel on its own what is open; each report carries the order's live ClOrdID, since no request names it."""
        reports: list[Report] = []
        if request.symbol and request.symbol not in self.spec.by_symbol:
            text = f"symbol {request.symbol} is not traded here"
            return [self._out("report", MassCancelReport("NONE", request.cl_ord_id, "1", "0", 0, request.symbol, UNKNOWN_SECURITY, text))]
        for order in self._open_orders():
            if request.symbol in ("", order.spec.symbol):
                self._books[order.spec.symbol].cancel(order.number)
                order.state = CANCELED
                reports.append(self._changed(order, self._report(order, CANCELED, text="mass cancel"), now_ns))
        scope = "1" if request.symbol else "7"
        reports.append(self._out("report", MassCancelReport(f"M{request.cl_ord_id}", request.cl_ord_id, scope, scope, len(reports), request.symbol, None, "")))
        return reports

    def _open_orders(self) -> list[VenueOrder]:
        return [order for order in self.orders.values() if order.state in (NEW, PARTIAL)]

    # ---- what the book did

    def _outcomes(self, outcomes: list[Outcome], now_ns: int) -> list[Report]:
        reports: list[Report] = []
        for outcome in outcomes:
            if isinstance(outcome, Trade):
                exec_id = self._next_exec_id()
                legs = [n for n in (outcome.maker, outcome.taker) if n != QUOTE]
                self.trades.append((self.orders[legs[0]].spec.symbol, outcome.px, outcome.qty))
                self.trade_count += 1
                reports += [self._fill(self.orders[n], exec_id, outcome, now_ns) for n in legs]
            elif isinstance(outcome, Triggered):
                order = self.orders[outcome.order_id]
                order.stop_px = None
                self.record.write("order", **self._image(order, now_ns))
            elif isinstance(outcome, Dropped):
                order = self.orders[outcome.order_id]
                order.state = EXPIRED if self.spec.ioc_rest == "expired" else CANCELED
                reports.append(self._changed(order, self._report(order, order.state, text="not filled at once; the rest may not stay"), now_ns))
        return reports

    def _fill(self, order: VenueOrder, exec_id: str, trade: Trade, now_ns: int) -> Report:
        order.cum += trade.qty
        order.notional += trade.qty * trade.px
        order.state = FILLED if order.cum == order.qty else PARTIAL
        self.fills += 1
        spec = order.spec
        qty, px = to_text(trade.qty, spec.qty_digits), to_text(trade.px, spec.price_digits)
        report = self._report(order, order.state, exec_id=exec_id, last=(qty, px))
        return self._out(
            "fill",
            report,
            exec_id=exec_id,
            order_id=order.order_id,
            cl_ord_id=order.chain[-1],
            account=order.account,
            symbol=spec.symbol,
            side=order.side,
            qty=qty,
            px=px,
            cum_qty=report.cum_qty,
            leaves_qty=report.leaves_qty,
            status=order.state,
            ts_ns=now_ns,
        )

    # ---- reports

    def _next_exec_id(self) -> str:
        self._execs += 1
        return f"{self._run}-{self._execs:06d}"

    def _report(
        self,
        order: VenueOrder,
        exec_type: str,
        *,
        cl_ord_id: str = "",
        orig: str = "",
        exec_id: str = "",
        status: str = "",
        last: tuple[str, str] = ("", ""),
        reason: int | None = None,
        text: str = "",
    ) -> ExecReport:
        spec = order.spec
        return ExecReport(
            order_id=order.order_id,
            cl_ord_id=cl_ord_id or order.chain[-1],
            exec_id=exec_id or self._next_exec_id(),
            exec_trans_type="0",
            exec_type=exec_type,
            ord_status=status or order.status,
            symbol=spec.symbol,
            side=order.side,
            qty=to_text(order.qty, spec.qty_digits),
            leaves_qty=to_text(order.leaves, spec.qty_digits),
            cum_qty=to_text(order.cum, spec.qty_digits),
            avg_px=order.average(),
            orig_cl_ord_id=orig,
            account=order.account,
            ord_type=order.ord_type,
            tif=order.tif,
            px=to_text(order.px, spec.price_digits) if order.px is not None else "",
            stop_px=to_text(order.stop_px, spec.price_digits) if order.stop_px is not None else "",
            last_qty=last[0],
            last_px=last[1],
            commission=self._commission(*last),
            reject_reason=reason,
            text=text,
        )

    def _commission(self, qty: str, px: str) -> str:
        """Commission on a fill, half-even to 12 decimals; empty where there is none."""
        if not qty or not self.spec.commission_ppm:
            return ""
        exact = Decimal(qty) * Decimal(px) * self.spec.commission_ppm / PPM
        return format(exact.quantize(COMMISSION_STEP).normalize(), "f")

    def _cancel_reject(self, request: CancelRequest | ReplaceRequest, order: VenueOrder | None, refusal: Refusal) -> Report:
        report = CancelReject(
            order_id=order.order_id if order else "NONE",
            cl_ord_id=request.cl_ord_id,
            orig_cl_ord_id=request.orig_cl_ord_id,
            ord_status=order.status if order else REJECTED,
            response_to="1" if isinstance(request, CancelRequest) else "2",
            reason=refusal.reason,
            text=refusal.text,
        )
        return self._out("report", report)

    # ---- the record

    def _out(self, line: str, report: AnyReport, **values: Any) -> AnyReport:
        """Record a report, with the change that it is about, and return it."""
        self._note(line, report, **values)
        return report

    def _note(self, line: str, report: Report, *, answers: str = "", **values: Any) -> None:
        """Record a report, and that it ``answers`` a request: by default that of its ClOrdID, unless it only says that the request is pending."""
        if not answers and not (isinstance(report, ExecReport) and report.exec_type in PENDING):
            answers = report.cl_ord_id
        self.record.write(line, **values, report=astuple(report), answers=answers)

    def _changed(self, order: VenueOrder, report: ExecReport, now_ns: int) -> ExecReport:
        """Record the whole order, with the report of its change."""
        return self._out("order", report, **self._image(order, now_ns))

    def _image(self, order: VenueOrder, now_ns: int) -> dict[str, Any]:
        live = self._books[order.spec.symbol].order(order.number)
        return {**image(order), "arrival": live.arrival if live else 0, "ts_ns": now_ns}

    def _restore(self, record: VenueRecord) -> None:
        for recorded in record.orders.values():
            order = restored_order(recorded, self.spec.by_symbol)
            self.orders[order.number] = order
            self._ids.update(dict.fromkeys(order.chain, order))
        self._used.update(record.used - record.requests.keys())
        for fill in record.fills:
            order = self.orders[int(fill.order_id[1:])]
            order.notional += text_to_scaled(str(fill.qty), order.spec.qty_digits) * text_to_scaled(str(fill.px), order.spec.price_digits)
        self.fills = len(record.fills)
