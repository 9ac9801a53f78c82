"""An acceptor on the QuickFIX engine: the counterparty that this project did not write.

    python quickfix_acceptor.py --port 0 --seed 7 --record FILE.json --store DIR [--begin-string FIX.4.4]

Session layer: QuickFIX (PyPI ``quickfix``), FIX 4.2 or 4.4. Application layer: this file, deliberately with no code of ringfence: it acknowledges, fills in
parts, fills, cancels, replaces and rejects by a seeded rule, and keeps its own record of orders, executions and positions. It prints ``listening HOST
PORT`` when it is ready, writes the record (one JSON object) on SIGUSR1 and on SIGTERM, and exits 0 after SIGTERM.

The rule, per request, from one seeded generator:
  new      5 % rejected; else acknowledged, then filled whole in 1 to 4 parts (40 %), in part (30 %), not at all (27 %), or canceled by us (3 %)
  cancel   80 % canceled; 10 % filled first, then refused as too late; 10 % refused
  replace  80 % accepted, half of those after a fill on the old version, a third filled a little afterwards; 20 % refused
Some fills (3 %) are sent a second time as a new message with PossResend(97)=Y: the same execution, which must not be booked again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import sys
import threading
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import quickfix as fix

SOH = "\x01"
TERMINAL = ("2", "4", "8")
TICK = Decimal("0.00001")


@dataclass
class Order:
    """One order as this acceptor sees it; ``chain`` has every accepted ClOrdID, ``version`` is that of the last accepted new order or replace."""

    order_id: str
    chain: list[str]
    account: str
    symbol: str
    side: str
    qty: Decimal
    px: Decimal | None
    status: str = "0"
    cum: Decimal = Decimal(0)
    notional: Decimal = Decimal(0)
    version: str = ""

    @property
    def leaves(self) -> Decimal:
        return Decimal(0) if self.status in TERMINAL else self.qty - self.cum


@dataclass
class Ledger:
    """Everything that happened, in this acceptor's own words."""

    orders: list[Order] = field(default_factory=list)
    executions: list[dict[str, str]] = field(default_factory=list)
    by_id: dict[str, Order] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def positions(self) -> list[dict[str, str]]:
        totals: dict[tuple[str, str], dict[str, Decimal]] = {}
        for e in self.executions:
            row = totals.setdefault((e["account"], e["symbol"]), {"bought": Decimal(0), "sold": Decimal(0), "traded": Decimal(0)})
            row["bought" if e["side"] == "1" else "sold"] += Decimal(e["qty"])
            row["traded"] += Decimal(e["qty"]) * Decimal(e["px"])
        return [
            {"account": account, "symbol": symbol, "net": str(row["bought"] - row["sold"]), **{k: str(v) for k, v in row.items()}}
            for (account, symbol), row in sorted(totals.items())
        ]

    def as_json(self) -> dict[str, Any]:
        orders = [
            {
                "order_id": o.order_id,
                "chain": o.chain,
                "version": o.version,
                "account": o.account,
                "symbol": o.symbol,
                "side": o.side,
                "status": o.status,
                "qty": str(o.qty),
                "cum": str(o.cum),
                "leaves": str(o.leaves),
                "px": None if o.px is None else str(o.px),
                "notional": str(o.notional),
            }
            for o in self.orders
        ]
        return {"orders": orders, "executions": self.executions, "positions": self.positions(), "counts": self.counts}


class Venue(fix.Application):  # type: ignore[misc, no-any-unimported]
    """QuickFIX calls this from its one socket thread."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.draws = random.Random(seed)
        self.ledger = Ledger()
        self.lock = threading.Lock()
        self.execs = 0
        self.used: set[str] = set()

    def onCreate(self, session_id: Any) -> None: ...
    def onLogon(self, session_id: Any) -> None: ...
    def onLogout(self, session_id: Any) -> None: ...
    def toAdmin(self, message: Any, session_id: Any) -> None: ...
    def fromAdmin(self, message: Any, session_id: Any) -> None: ...
    def toApp(self, message: Any, session_id: Any) -> None: ...

    def fromApp(self, message: Any, session_id: Any) -> None:
        tags = dict(part.split("=", 1) for part in message.toString().split(SOH) if part)
        with self.lock:
            self.ledger.count("in " + tags["35"])
            handler = {"D": self.new, "F": self.cancel, "G": self.replace, "H": self.status}[tags["35"]]
            handler(tags, session_id)

    # ---- requests

    def new(self, t: dict[str, str], to: Any) -> None:
        if t["11"] in self.used:
            self.ledger.count("duplicate ClOrdID")
            return
        self.used.add(t["11"])
        px = Decimal(t["44"]) if "44" in t else None
        order = Order(f"QF{len(self.ledger.orders) + 1}", [t["11"]], t.get("1", ""), t["55"], t["54"], Decimal(t["38"]), px, version=t["11"])
        self.ledger.orders.append(order)
        self.ledger.by_id[t["11"]] = order
        draw = self.draws.randrange(100)
        if draw < 5:
            order.status = "8"
            self.report(order, "8", to, {"103": "0", "58": "rejected by the rule"})
            return
        self.report(order, "0", to)
        if t.get("59") in ("3", "4") and draw >= 45:
            self.unsolicited_cancel(order, to)
        elif draw < 45:
            self.fill(order, order.qty, self.draws.randint(1, 4), to)
        elif draw < 75:
            self.fill(order, self.part(order.qty), self.draws.randint(1, 3), to)
        elif draw >= 97:
            self.unsolicited_cancel(order, to)

    def cancel(self, t: dict[str, str], to: Any) -> None:
        order = self.target(t, "1", to)
        if order is None:
            return
        draw = self.draws.randrange(10)
        if draw < 8:
            order.status = "4"
            self.adopt(order, t["11"])
            self.report(order, "4", to, {"41": t["41"]})
        elif draw == 8:
            self.fill(order, order.leaves, 1, to)
            self.refuse(t, order, "1", "0", to)
        else:
            self.refuse(t, order, "1", "2", to)

    def replace(self, t: dict[str, str], to: Any) -> None:
        order = self.target(t, "2", to)
        if order is None:
            return
        draw = self.draws.randrange(10)
        if draw >= 8:
            self.refuse(t, order, "2", "2", to)
            return
        if draw < 4 and order.leaves > 1:
            self.fill(order, self.part(order.leaves), 1, to)  # on the old version, the request still pending
        self.adopt(order, t["11"])
        order.version = t["11"]
        order.qty = max(Decimal(t["38"]), order.cum)
        order.px = Decimal(t["44"]) if "44" in t else order.px
        order.status = "2" if order.qty == order.cum else "1" if order.cum else "0"
        self.report(order, "5", to, {"41": t["41"]}, status="5" if order.status == "0" else order.status)
        if draw < 3 and order.leaves > 1:
            self.fill(order, self.part(order.leaves), 1, to)

    def status(self, t: dict[str, str], to: Any) -> None:
        order = self.ledger.by_id.get(t["11"])
        if order is not None:
            self.report(order, order.status, to, {"11": t["11"]}, trans_type="3")
            return
        self.send(
            "8",
            {"37": "NONE", "11": t["11"], "17": self.exec_id(), "20": "3", "150": "8", "39": "8", "55": t["55"], "54": t["54"]}
            | {"38": "0", "151": "0", "14": "0", "6": "0", "103": "5"},
            to,
        )

    def target(self, t: dict[str, str], response_to: str, to: Any) -> Order | None:
        """The live order that a request names; refuses the request when there is none."""
        order = self.ledger.by_id.get(t["41"])
        self.used.add(t["11"])
        if order is None or order.chain[-1] != t["41"]:
            self.refuse(t, order, response_to, "1", to)
        elif order.status in TERMINAL:
            self.refuse(t, order, response_to, "0", to)
        else:
            return order
        return None

    # ---- what happens to orders

    def part(self, qty: Decimal) -> Decimal:
        """A whole part of a quantity, at least 1 and less than all."""
        return Decimal(self.draws.randint(1, max(1, int(qty) - 1)))

    def adopt(self, order: Order, cl_ord_id: str) -> None:
        order.chain.append(cl_ord_id)
        self.ledger.by_id[cl_ord_id] = order

    def unsolicited_cancel(self, order: Order, to: Any) -> None:
        order.status = "4"
        self.report(order, "4", to, {"58": "canceled by the venue"})

    def fill(self, order: Order, total: Decimal, parts: int, to: Any) -> None:
        for i in range(parts, 0, -1):
            if not total:
                return
            qty = total if i == 1 else min(total, max(Decimal(1), total // i))
            total -= qty
            better = TICK * self.draws.randint(0, 3)
            px = Decimal("1.12000") if order.px is None else order.px - better if order.side == "1" else order.px + better
            order.cum += qty
            order.notional += qty * px
            order.status = "2" if order.cum == order.qty else "1"
            exec_id = self.exec_id()
            names = {"exec_id": exec_id, "order_id": order.order_id, "cl_ord_id": order.chain[-1], "account": order.account, "symbol": order.symbol}
            self.ledger.executions.append({**names, "side": order.side, "qty": str(qty), "px": str(px)})
            amounts = {"32": str(qty), "31": str(px)}
            self.report(order, order.status, to, amounts, exec_id=exec_id)
            if self.draws.randrange(100) < 3:
                self.ledger.count("resent fills")
                self.report(order, order.status, to, amounts, exec_id=exec_id, poss_resend=True)

    # ---- messages

    def exec_id(self) -> str:
        self.execs += 1
        return f"X{self.execs}"

    def report(
        self,
        order: Order,
        exec_type: str,
        to: Any,
        more: dict[str, str] | None = None,
        *,
        status: str = "",
        trans_type: str = "0",
        exec_id: str = "",
        poss_resend: bool = False,
    ) -> None:
        average = (order.notional / order.cum).quantize(Decimal("0.0000001")) if order.cum else Decimal(0)
        tags = {"37": order.order_id, "11": order.chain[-1], "17": exec_id or self.exec_id(), "20": trans_type, "150": exec_type}
        tags |= {"39": status or order.status, "1": order.account, "55": order.symbol, "54": order.side, "38": str(order.qty)}
        tags |= {"44": str(order.px)} if order.px is not None else {}
        tags |= {"151": str(order.leaves), "14": str(order.cum), "6": str(average), **(more or {})}
        self.ledger.count("out 8 " + ("status" if trans_type == "3" else exec_type))
        self.send("8", tags, to, poss_resend)

    def refuse(self, t: dict[str, str], order: Order | None, response_to: str, reason: str, to: Any) -> None:
        self.ledger.count(f"out 9 {reason}")
        names = {"37": order.order_id if order else "NONE", "11": t["11"], "41": t["41"], "39": order.status if order else "8"}
        self.send("9", {**names, "434": response_to, "102": reason}, to)

    @staticmethod
    def send(kind: str, tags: dict[str, str], to: Any, poss_resend: bool = False) -> None:
        if kind == "8" and to.toString().startswith("FIX.4.4"):
            tags = in_44(tags)
        message = fix.Message()
        message.getHeader().setField(fix.StringField(35, kind))
        if poss_resend:
            message.getHeader().setField(fix.StringField(97, "Y"))
        for tag, value in tags.items():
            if value:
                message.setField(fix.StringField(int(tag), value))
        message.setField(fix.TransactTime())
        fix.Session.sendToTarget(message, to)


def in_44(tags: dict[str, str]) -> dict[str, str]:
    """A report in the words of FIX 4.4: no ExecTransType, trades are F, answers to status requests I, no OrdStatus Replaced."""
    exec_type = "I" if tags["20"] == "3" else "F" if tags["150"] in ("1", "2") else tags["150"]
    return {tag: value for tag, value in tags.items() if tag != "20"} | {"150": exec_type, "39": "0" if tags["39"] == "5" else tags["39"]}


SETTINGS = """[DEFAULT]
ConnectionType=acceptor
FileStorePath={store}
StartTime=00:00:00
EndTime=00:00:00
UseDataDictionary=N
HeartBtInt=30
ResetOnLogon=N
SocketNodelay=Y
[SESSION]
BeginString={begin_string}
SenderCompID={sender}
TargetCompID={target}
SocketAcceptPort={port}
SocketAcceptHost=127.0.0.1
"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def main() -> int:
    parser = argparse.ArgumentParser(description="A seeded acceptor on QuickFIX that keeps its own record")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--begin-string", choices=("FIX.4.2", "FIX.4.4"), default="FIX.4.2")
    parser.add_argument("--sender", default="QF")
    parser.add_argument("--target", default="RINGFENCE")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--record", type=Path, required=True)
    args = parser.parse_args()
    stops = {signal.SIGUSR1, signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # before QuickFIX makes its thread, which inherits the mask
    args.store.mkdir(parents=True, exist_ok=True)
    port = args.port or free_port()
    file = args.store / "acceptor.cfg"
    file.write_text(SETTINGS.format(store=args.store, begin_string=args.begin_string, sender=args.sender, target=args.target, port=port))
    venue = Venue(args.seed)
    settings = fix.SessionSettings(str(file))
    acceptor = fix.SocketAcceptor(venue, fix.FileStoreFactory(settings), settings)
    acceptor.start()
    print(f"listening 127.0.0.1 {port}", flush=True)
    while True:
        number = signal.sigwait(stops)
        if number != signal.SIGUSR1:
            acceptor.stop()
        with venue.lock:
            text = json.dumps(venue.ledger.as_json())
        part = args.record.with_suffix(".part")
        part.write_text(text)
        os.replace(part, args.record)
        if number != signal.SIGUSR1:
            return 0


if __name__ == "__main__":
    sys.exit(main())
