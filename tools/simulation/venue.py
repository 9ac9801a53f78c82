"""The simulated venue: a connection that can break anywhere, a FIX session, and a market with its own truth.

    gateway ══socket pair══ Wire ──messages──▶ Market (orders, executions) ──reports──▶ Counterparty (numbers, resends) ──▶ Wire

The market decides by its own draws and never looks at our side: what it holds of orders, executions, busts and corrections is the truth that the oracle
compares with. Chaos (``Chaos`` counts, armed by faults) changes what is told and when, never what is true. The session survives every cut, as a venue's does.
"""

from __future__ import annotations

import socket
from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from ringfence.tools.scenario_venue import Counterparty, Fields, encode, fix_time

FIX44 = "FIX.4.4"
NONE, NEW, PARTIAL, FILLED, CANCELED, REJECTED, EXPIRED = "", "0", "1", "2", "4", "8", "C"
LIVE = (NEW, PARTIAL)
PRICE_DIGITS = 5


@dataclass
class Trade:
    """One execution as the venue has it."""

    exec_id: str
    order: VenueOrder
    qty: int
    px: int
    live: bool = True
    corrections: int = 0

    @property
    def first_id(self) -> str:
        return self.exec_id


@dataclass
class VenueOrder:
    """One order as the venue has it; ``chain`` are the ClOrdIDs under which it lived."""

    number: int
    cl_ord_id: str
    symbol: str
    side: str
    qty: int
    px: str
    account: str
    tif: str
    status: str = NONE
    cum: int = 0
    chain: list[str] = field(default_factory=list)
    requests: deque[dict[int, str]] = field(default_factory=deque)
    told: bool = False  # the venue has said that it has it

    @property
    def order_id(self) -> str:
        return f"V{self.number}"

    @property
    def leaves(self) -> int:
        return max(0, self.qty - self.cum) if self.status in LIVE or self.status == NONE else 0


class Listener(Protocol):
    """Who is told of the truth (the oracle)."""

    def wire(self, venue: int, message: dict[int, str]) -> None: ...
    def executed(self, venue: int, trade: Trade) -> None: ...
    def busted(self, venue: int, trade: Trade) -> None: ...
    def corrected(self, venue: int, trade: Trade) -> None: ...


class Wire:
    """Our socket end of the one connection, or none; bytes that are half here, half there."""

    def __init__(self) -> None:
        self.sock: socket.socket | None = None
        self.raw = b""
        self.unsent = b""
        self.refusing = 0  # so many connection attempts fail
        self.swallow = -1  # bytes that still arrive before the connection is cut; -1: no cut is due

    def open(self) -> socket.socket:
        """A gateway connects: its end of the pair.

        Raises
        ------
        ConnectionRefusedError
            While the venue is away.
        """
        if self.refusing:
            self.refusing -= 1
            raise ConnectionRefusedError(111, "Connection refused")
        self.drop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self.sock = ours
        return theirs

    def drop(self) -> None:
        """Cut: what is in flight either way is gone."""
        if self.sock is not None:
            self.sock.close()
        self.sock, self.raw, self.unsent, self.swallow = None, b"", b"", -1

    def read(self) -> tuple[list[bytes], bool]:
        """Whole messages that arrived, and whether the connection has ended."""
        if self.sock is None:
            return [], False
        ended = False
        try:
            data = self.sock.recv(1 << 16)
            ended = not data
        except BlockingIOError:
            data = b""
        except OSError:
            data, ended = b"", True
        if self.swallow >= 0 and data:
            data, ended = data[: self.swallow], True
        self.raw += data
        out = []
        while True:
            end = self.raw.find(b"\x0110=")
            if end < 0 or len(self.raw) < end + 8:
                break
            out.append(self.raw[: end + 8])
            self.raw = self.raw[end + 8 :]
        return out, ended

    def absorb(self) -> None:
        """Take in what has been sent so far: from here on ``truncate`` can tell it from what comes."""
        if self.sock is not None:
            try:
                self.raw += self.sock.recv(1 << 16)
            except OSError:
                return

    def truncate(self, draw: Random) -> None:
        """Of what was sent since ``absorb`` only some bytes ever were; then the connection is gone."""
        if self.sock is None:
            return
        try:
            data = self.sock.recv(1 << 16)
        except OSError:
            data = b""
        self.raw += data[: draw.randrange(len(data) + 1)]

    def write(self, data: bytes) -> bool:
        """Send, what does not fit later; False when the peer is gone."""
        self.unsent += data
        if self.sock is None or not self.unsent:
            return self.sock is not None
        try:
            n = self.sock.send(self.unsent)
        except BlockingIOError:
            n = 0
        except OSError:
            return False
        self.unsent = self.unsent[n:]
        return True


class SimulatedConnector:
    """Stands for ``gateways.fix.transport.Connector``: same back-off, another network."""

    def __init__(self, wire: Wire, least_s: float, most_s: float) -> None:
        self.wire, self.least_s, self.most_s, self.backoff_s = wire, least_s, most_s, least_s
        self.address = "venue"

    def open(self) -> socket.socket:
        return self.wire.open()

    def failed(self) -> float:
        wait, self.backoff_s = self.backoff_s, min(self.backoff_s * 2, self.most_s)
        return wait

    def lost(self) -> float:
        self.backoff_s = min(self.least_s * 2, self.most_s)
        return self.least_s

    def refused(self) -> float:
        self.backoff_s = self.most_s
        return self.most_s


class Market:
    """Orders and executions of one venue, and what it says of them."""

    def __init__(self, row: int, begin_string: str, target: str, draw: Random, listener: Listener, heartbeat_s: int) -> None:
        self.row, self.draw, self.listener, self.begin_string = row, draw, listener, begin_string
        self.is44 = begin_string == FIX44
        self.session = Counterparty(begin_string, f"VENUE{row}", target, heartbeat_s)
        self.wire = Wire()
        self.orders: list[VenueOrder] = []
        self.by_id: dict[str, VenueOrder] = {}
        self.trades: list[Trade] = []
        self.active: list[VenueOrder] = []  # not told of yet, live, or with a request to answer
        self.armed: Counter[str] = Counter()
        self.fired: Counter[str] = Counter()
        self.late: list[tuple[int, Fields]] = []  # told later: (when, report)
        self.calm = False
        self.frozen_until = 0
        self._execs = 0
        self._reports = 0

    # ---- a turn

    def step(self, now: int) -> int:
        """Read, decide, answer; how much there was to do."""
        if now < self.frozen_until:
            return 0
        messages, ended = self.wire.read()
        for raw in messages:
            self._take(raw, now)
        if ended:
            self._disconnected()
        work = len(messages) + self._decide(now) + self._tell_late(now)
        self.session.beat(now)
        return work + self._flush()

    def _flush(self) -> int:
        box = self.session.outbox
        n = len(box)
        if n and self.wire.sock is not None:
            data = b"".join(encode(self.begin_string, m) for m in box)
            box.clear()
            if self._fires("half_message"):
                self.wire.write(data[: self.draw.randrange(len(data))])
                self.cut()
                return n
            if not self.wire.write(data):
                self._disconnected()
        elif self.wire.unsent:
            self.wire.write(b"")
        if self.session.closed and not self.wire.unsent:
            self._disconnected()
        return n

    def cut(self) -> None:
        """The connection breaks."""
        self._disconnected()

    def _disconnected(self) -> None:
        self.wire.drop()
        self.session.logged_on = self.session.closed = False
        self.session.outbox.clear()

    def _fires(self, kind: str) -> bool:
        if self.armed[kind] <= 0 or self.calm:
            return False
        self.armed[kind] -= 1
        self.fired[kind] += 1
        return True

    # ---- what comes in

    def _take(self, raw: bytes, now: int) -> None:
        fields = [(int(tag), value) for tag, _, value in (f.partition("=") for f in raw.decode("latin-1").split("\x01")[:-1])]
        message = dict(fields)
        self.listener.wire(self.row, message)
        kind, due = message[35], self.session.next_in
        if kind == "A":
            self.session.connected()
        self.session.take(fields, now)
        if int(message[34]) != due:
            return  # seen before, or behind a gap that is asked for
        if kind == "D":
            self._new(message, now)
        elif kind in "FG":
            self._request(message, now)
        elif kind == "H":
            self._status(message, now)
        elif kind == "AF":
            self._mass_status(message, now)

    def _new(self, m: dict[int, str], now: int) -> None:
        if m[11] in self.by_id:
            self._say({17: self._next("R"), 150: REJECTED, 39: REJECTED, 11: m[11], 37: "NONE", 103: "6"}, m, now)
            return
        order = VenueOrder(len(self.orders) + 1, m[11], m[55], m[54], int(m[38]), m.get(44, ""), m.get(1, ""), m.get(59, "0"), chain=[m[11]])
        self.orders.append(order)
        self.by_id[m[11]] = order
        self.active.append(order)

    def _request(self, m: dict[int, str], now: int) -> None:
        order = self.by_id.get(m[41])
        if order is None or m[11] in self.by_id:
            self.session.send([(35, "9"), (37, "NONE"), (11, m[11]), (41, m[41]), (39, REJECTED), (434, "1" if m[35] == "F" else "2"), (102, "1")], now)
            return
        self.by_id[m[11]] = order
        order.requests.append(m)
        if order not in self.active:
            self.active.append(order)

    def _status(self, m: dict[int, str], now: int) -> None:
        order = self.by_id.get(m[11])
        if order is None:
            self._say({17: self._next("S"), 20: "3", 150: REJECTED if not self.is44 else "I", 39: REJECTED, 37: "NONE", 11: m[11], 103: "5"}, m, now)
            return
        order.told = True
        if order.status == NONE:
            order.status = NEW
        self._report(order, order.status, now, status=True)

    def _mass_status(self, m: dict[int, str], now: int) -> None:
        said = False
        for order in self.active:
            if order.status in LIVE:
                self._report(order, order.status, now, status=True, mass=m[584])
                said = True
        if not said:
            fields = {17: self._next("S"), 150: "I", 39: REJECTED, 37: "NONE", 584: m[584], 103: "5"}
            self._say(fields, {55: m.get(55, "EURUSD"), 54: "1", 38: "0"}, now)

    # ---- what the market does

    def _decide(self, now: int) -> int:
        """One or two of the things that can happen next."""
        if not self.active:
            return self._after_the_fact(now)
        draw = self.draw
        n = len(self.active) if self.calm else 1 + (draw.random() < 0.5)
        for order in [self.active[draw.randrange(len(self.active))] for _ in range(n)] if not self.calm else list(self.active):
            self._act(order, now)
        if len(self.active) > 64 or self.calm or draw.random() < 0.1:
            self.active = [o for o in self.active if o.requests or o.status in LIVE or o.status == NONE]
        self._after_the_fact(now)
        return 0 if self.calm else n

    def _act(self, order: VenueOrder, now: int) -> None:
        draw = self.draw
        if order.status == NONE:
            if draw.random() < 0.06 and not self.calm:
                order.status = REJECTED
                order.told = True
                self._report(order, REJECTED, now, extra={103: "0"})
                return
            order.status = NEW
            if self._fires("fill_before_ack"):
                self._fill(order, now)
                if order.status in LIVE:
                    self._report(order, NEW, now)
            else:
                self._report(order, NEW, now)
            order.told = True
        elif order.requests:
            self._answer(order, order.requests.popleft(), now)
        elif order.status in LIVE and not self.calm:
            if self._fires("unsolicited_cancel"):
                order.status = CANCELED
                self._report(order, CANCELED, now)
            elif draw.random() < 0.35:
                self._fill(order, now)

    def _answer(self, order: VenueOrder, m: dict[int, str], now: int) -> None:
        kind = m[35]
        if order.status not in LIVE or (not self.calm and self.draw.random() < 0.1) or m[41] != order.chain[-1]:
            reason = "0" if order.status not in LIVE else "2" if m[41] == order.chain[-1] else "1"
            fields = [(35, "9"), (37, order.order_id), (11, m[11]), (41, m[41]), (39, order.status or NEW)]
            self.session.send([*fields, (434, "1" if kind == "F" else "2"), (102, reason)], now)
            return
        if not self.calm and self.draw.random() < 0.2:
            pending = "6" if kind == "F" else "E"
            self._report(order, pending, now, cl_ord_id=m[11], orig=m[41], ord_status=pending)
            order.requests.appendleft(m | {41: m[41]})
            m[41] = m[41]
            if self.draw.random() < 0.5:
                return
            order.requests.popleft()
        if kind == "F":
            order.status = CANCELED
            order.chain.append(m[11])
            self._report(order, CANCELED, now, orig=m[41])
            if self._fires("fill_after_cancel") and order.qty > order.cum:
                self._fill(order, now, late=True)
            return
        order.chain.append(m[11])
        order.qty = int(m[38])
        order.px = m.get(44, order.px)
        if order.qty <= order.cum:
            order.qty, order.status = order.cum, FILLED
        self._report(order, "5", now, orig=m[41], ord_status=order.status)

    def _fill(self, order: VenueOrder, now: int, *, late: bool = False) -> None:
        open_qty = order.qty - order.cum
        if open_qty <= 0:
            return
        qty = open_qty if self.draw.random() < 0.4 else 1 + self.draw.randrange(open_qty)
        px = round(float(order.px) * 10**PRICE_DIGITS) if order.px else 108_000 + self.draw.randrange(1000)
        trade = Trade(self._next("E"), order, qty, px)
        order.cum += qty
        if not late:
            order.status = FILLED if order.cum >= order.qty else PARTIAL
        self.trades.append(trade)
        self.listener.executed(self.row, trade)
        kind = "F" if self.is44 else (FILLED if order.cum >= order.qty else PARTIAL)
        extra = {31: price_text(px), 32: str(qty)}
        self._report(order, kind, now, exec_id=trade.exec_id, ord_status=order.status, extra=extra)

    def _after_the_fact(self, now: int) -> int:
        """Busts and corrections of older executions."""
        n = 0
        for kind in ("bust", "correct"):
            if self.armed[kind] > 0 and self.trades and not self.calm:
                trade = self.trades[self.draw.randrange(max(0, len(self.trades) - 50), len(self.trades))]
                if trade.live and self._fires(kind):
                    (self._bust if kind == "bust" else self._correct)(trade, now)
                    n += 1
        return n

    def _bust(self, trade: Trade, now: int) -> None:
        order = trade.order
        trade.live = False
        order.cum -= trade.qty
        if order.status in (FILLED, PARTIAL):
            order.status = PARTIAL if order.cum else NEW
            if order not in self.active:
                self.active.append(order)
        self.listener.busted(self.row, trade)
        extra = {19: trade.exec_id, 31: price_text(trade.px), 32: str(trade.qty)}
        kind = "H" if self.is44 else order.status
        self._report(order, kind, now, exec_id=self._next("B"), trans="1", ord_status=order.status, extra=extra)

    def _correct(self, trade: Trade, now: int) -> None:
        order = trade.order
        reference = trade.exec_id
        trade.px += self.draw.randrange(1, 20)
        trade.exec_id = self._next("C")
        trade.corrections += 1
        self.listener.corrected(self.row, trade)
        extra = {19: reference, 31: price_text(trade.px), 32: str(trade.qty)}
        kind = "G" if self.is44 else order.status
        self._report(order, kind, now, exec_id=trade.exec_id, trans="2", ord_status=order.status, extra=extra)

    # ---- what it says

    def _next(self, letter: str) -> str:
        self._execs += 1
        return f"{letter}{self.row}-{self._execs}"

    def _report(
        self,
        order: VenueOrder,
        exec_type: str,
        now: int,
        *,
        exec_id: str = "",
        trans: str = "0",
        ord_status: str = "",
        cl_ord_id: str = "",
        orig: str = "",
        status: bool = False,
        mass: str = "",
        extra: dict[int, str] | None = None,
    ) -> None:
        shown = ord_status or (order.status if exec_type in "56EI" or status else exec_type)
        fields = {17: exec_id or self._next("R"), 20: "3" if status else trans, 150: "I" if status and self.is44 else exec_type, 39: shown or NEW}
        fields |= {37: order.order_id, 11: cl_ord_id or order.chain[-1]}
        if orig:
            fields[41] = orig
        elif status and len(order.chain) > 1:
            fields[41] = order.chain[-2]
        if mass:
            fields[584] = mass
        fields |= {38: str(order.qty), 14: str(order.cum), 151: str(order.leaves), 6: "0"}
        if order.px:
            fields[44] = order.px
        self._say(fields | (extra or {}), {55: order.symbol, 54: order.side, 1: order.account}, now)

    def _say(self, fields: dict[int, str], of: dict[int, str], now: int) -> None:
        if self.is44:
            fields.pop(20, None)
        full = {55: of[55], 54: of[54], 38: of.get(38, "0"), 14: "0", 151: "0", 6: "0"} | fields
        if of.get(1):
            full[1] = of[1]
        report: Fields = [(35, "8"), *full.items(), (60, fix_time(now))]
        if self._fires("late_report"):
            self.late.append((now + self.draw.randrange(1_000_000, 500_000_000), report))
            return
        self.session.send(report, now)
        if self._fires("duplicate_report"):
            self.session.send(report, now)
        if self._fires("poss_resend"):
            self.session.send([*report, (97, "Y")], now)

    def _tell_late(self, now: int) -> int:
        if not self.late:
            return 0
        due = [r for r in self.late if r[0] <= now or self.calm]
        self.late = [r for r in self.late if not (r[0] <= now or self.calm)]
        for _, report in due:
            self.session.send(report, now)
        return len(due)


def price_text(px: int) -> str:
    """A scaled price as the wire has it."""
    return f"{px // 10**PRICE_DIGITS}.{px % 10**PRICE_DIGITS:0{PRICE_DIGITS}d}"
