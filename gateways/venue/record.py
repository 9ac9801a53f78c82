"""The venue's own record of every order and fill: the truth that an instance is compared with.

One JSON object per line, handed to the kernel before the report about it goes out: what was reported survives ``kill -9`` of the venue.
(It is not forced to the disk: the loss of the host is not what a simulated venue has to survive.) Lines:

    {"type": "start", "run": 1, "ts_ns": ...}                 one per venue process; run makes ExecIDs unique over restarts
    {"type": "request", "kind": "NewOrder", "values": [...]}  a request, before it is acknowledged to the session
    {"type": "order", "order_id": "V00000001", ...}           the whole order, after every change but a fill
    {"type": "fill", "exec_id": "1-000017", ...}              one per leg of a trade, with the order's new cum_qty
    {"type": "report"}                                        a report that changed nothing (pending, status, reject)
    {"type": "end", "orders": N, "fills": M, "ts_ns": ...}    clean end

The report that a line causes is in the line itself, as ``report``: a change and its report are on record together or not at all. Amounts are decimal
text with the symbol's own decimals. A restarted venue reads its record back and goes on: unanswered requests are taken up, reports that
did not reach the session's store go out. A torn last line (the venue died inside a write) is dropped, a bad line anywhere else is an
error that names it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ringfence.gateways.errors import GatewayError


class RecordError(GatewayError):
    """A venue record cannot be read or written; names file and line."""


class RecordWriter:
    """Appends lines to a record; with ``path`` None it writes nothing.

    Lines wait for ``flush``, which hands all of them over in one system call: what one input did is on record together.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._fd = -1
        self._lines = bytearray()
        if path is not None:
            try:
                self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
                _cut_torn_line(self._fd)
            except OSError as e:
                raise RecordError(f"{path}: cannot open the record: {e.strerror}") from e

    def write(self, kind: str, /, **values: Any) -> None:
        """Add one line of this type."""
        if self._fd >= 0:
            self._lines += json.dumps({"type": kind, **values}, separators=(",", ":")).encode() + b"\n"

    def flush(self) -> None:
        """Hand the lines to the kernel, from where ``kill -9`` cannot take them back."""
        while self._lines:
            del self._lines[: os.write(self._fd, self._lines)]

    def close(self) -> None:
        if self._fd >= 0:
            self.flush()
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _cut_torn_line(fd: int) -> None:
    """Drop bytes after the last newline, so that the next line starts on its own."""
    size = os.fstat(fd).st_size
    end = size
    while end:
        start = max(0, end - 4_096)
        at = os.pread(fd, end - start, start).rfind(b"\n")
        if at >= 0:
            end = start + at + 1
            break
        end = start
    if end != size:
        os.ftruncate(fd, end)


def status_key(cl_ord_id: str) -> str:
    """Key of a status request: it carries the ClOrdID of the order that it asks about."""
    return f"status of {cl_ord_id}"


@dataclass(frozen=True)
class RecordedFill:
    """One leg of a trade, as the venue booked it; ``cum_qty``, ``leaves_qty`` and ``status`` are the order's after it."""

    exec_id: str
    order_id: str
    cl_ord_id: str
    account: str
    symbol: str
    side: str
    qty: Decimal
    px: Decimal
    cum_qty: Decimal
    leaves_qty: Decimal
    status: str


@dataclass
class RecordedOrder:
    """The last state of one order. ``cl_ord_ids`` is its chain, oldest first; ``status`` is the wire value of OrdStatus(39)."""

    order_id: str
    cl_ord_ids: list[str]
    account: str
    symbol: str
    side: str
    status: str
    qty: Decimal
    cum_qty: Decimal
    leaves_qty: Decimal
    px: Decimal | None
    raw: dict[str, Any]


@dataclass
class VenueRecord:
    """A record read back. ``requests`` (kind, values) have no answer yet; ``used`` are all ClOrdIDs ever received; ``reports`` are those of
    the last process, as they were written.
    """

    orders: dict[str, RecordedOrder] = field(default_factory=dict)
    fills: list[RecordedFill] = field(default_factory=list)
    requests: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    reports: list[list[Any]] = field(default_factory=list)
    runs: int = 0

    def by_cl_ord_id(self) -> dict[str, RecordedOrder]:
        """Every ClOrdID of every chain, to its order."""
        return {name: order for order in self.orders.values() for name in order.cl_ord_ids}

    def positions(self) -> dict[tuple[str, str], Decimal]:
        """(account, symbol) to the signed sum of fills."""
        out: dict[tuple[str, str], Decimal] = {}
        for fill in self.fills:
            key = (fill.account, fill.symbol)
            out[key] = out.get(key, Decimal(0)) + (fill.qty if fill.side == "1" else -fill.qty)
        return out


def _order(raw: dict[str, Any]) -> RecordedOrder:
    px = raw["px"]
    return RecordedOrder(
        raw["order_id"],
        list(raw["cl_ord_ids"]),
        raw["account"],
        raw["symbol"],
        raw["side"],
        raw["status"],
        Decimal(raw["qty"]),
        Decimal(raw["cum_qty"]),
        Decimal(raw["leaves_qty"]),
        None if px is None else Decimal(px),
        raw,
    )


def _fill(raw: dict[str, Any]) -> RecordedFill:
    return RecordedFill(
        exec_id=raw["exec_id"],
        order_id=raw["order_id"],
        cl_ord_id=raw["cl_ord_id"],
        account=raw["account"],
        symbol=raw["symbol"],
        side=raw["side"],
        qty=Decimal(raw["qty"]),
        px=Decimal(raw["px"]),
        cum_qty=Decimal(raw["cum_qty"]),
        leaves_qty=Decimal(raw["leaves_qty"]),
        status=raw["status"],
    )


def _apply(record: VenueRecord, raw: dict[str, Any]) -> None:
    kind = raw["type"]
    if kind == "start":
        record.runs = int(raw["run"])
        record.reports.clear()
    elif kind == "request":
        cl_ord_id = raw["values"][0]
        is_status = raw["kind"] in ("StatusRequest", "MassStatusRequest")
        record.requests[status_key(cl_ord_id) if is_status else cl_ord_id] = (raw["kind"], raw["values"])
        if not is_status:
            record.used.add(cl_ord_id)
    elif kind == "order":
        record.orders[raw["order_id"]] = _order(raw)
    elif kind == "fill":
        fill = _fill(raw)
        record.fills.append(fill)
        order = record.orders[fill.order_id]
        order.cum_qty, order.leaves_qty, order.status = fill.cum_qty, fill.leaves_qty, fill.status
    elif kind not in ("report", "end"):
        raise ValueError(f"unknown line type {kind!r}")
    if raw.get("report"):
        record.reports.append(raw["report"])
        if raw.get("answers"):
            record.requests.pop(raw["answers"], None)


def read_record(path: Path | str) -> VenueRecord:
    """Read a record file.

    Raises
    ------
    RecordError
        If it cannot be read, or a line other than a torn last one is not understood.
    """
    record = VenueRecord()
    try:
        lines = Path(path).read_bytes().split(b"\n")
    except OSError as e:
        raise RecordError(f"{path}: cannot read: {e.strerror}") from e
    for number, line in enumerate(lines[:-1], 1):  # what follows the last newline is empty, or torn
        try:
            _apply(record, json.loads(line))
        except (ValueError, KeyError, TypeError, ArithmeticError) as e:
            raise RecordError(f"{path}:{number}: {type(e).__name__}: {e}") from e
    return record
