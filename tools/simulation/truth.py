"""A compact model beside the engine: what the journal says was asked, what the venue says is true, what the wire carried.

    frames ──▶ intents by terms, positions of every source      wire ──▶ ClOrdIDs, each matched to one journaled intent
    venue ──▶ trades, busts, corrections ──▶ cum of each order, position of each (account, strategy, instrument)

It knows nothing of the engine's rules: an order belongs to the strategy whose intent has its terms, a position is the sum of the venue's live trades. After
a step only the rows that the step's frames name are looked at; ``check_all`` reads every table. Amounts are Python integers.
"""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ringfence.core import transitions
from ringfence.core.clordid import decode_cl_ord_id
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.tools.simulation.invariants import Violation
from ringfence.tools.simulation.setup import PREFIX, Shape

if TYPE_CHECKING:
    from ringfence.tools.simulation.venue import Trade, VenueOrder

Head = tuple[int, ...]
Rows = Callable[[str], Any]
HEAD_BYTES = RECORDS["FileFrame"].size
_KIND = ENUMS["FrameKind"].by_name
INTENT, EVENT, CONTROL = _KIND["INTENT"], _KIND["VENUE_EVENT"], _KIND["CONTROL"]
_NEW = ENUMS["IntentKind"].by_name["NEW"]
_STATUS = ENUMS["OrdStatus"].by_name
TERMINAL = frozenset(_STATUS[n] for n in transitions.TERMINAL)
WORKING = frozenset(_STATUS[n] for n in ("NEW", "PARTIALLY_FILLED", "PENDING_NEW", "PENDING_CANCEL", "PENDING_REPLACE"))
BOOKED = CONSTANTS["EXECUTION_BOOKED"][0]
_INTENT = RECORDS["Intent"].offsets
_EVENT = RECORDS["VenueEvent"].offsets
_ORDER = RECORDS["Order"].offsets
_ORDER_BYTES = RECORDS["Order"].size
_WIRE_TYPE = {1: "1", 2: "2", 3: "3", 4: "4"}
_WIRE_TIF = {1: "0", 2: "1", 3: "2", 4: "3", 5: "4", 6: "5", 7: "6"}
_WIRE_SIDE = {1: "1", 2: "2", 5: "5"}
_FILL_KINDS = frozenset(ENUMS["VenueEventKind"].by_name[n] for n in ("BUST", "CORRECT"))


@dataclass
class Asked:
    """A journaled intent for a new order."""

    seq: int
    strategy: int
    account: int
    instrument: int
    durability: str


class Truth:
    """The model of one run."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.problems: list[Violation] = []
        self.asked: dict[tuple[object, ...], list[Asked]] = defaultdict(list)
        self.sent: dict[str, Asked] = {}  # by ClOrdID of the new order
        self.requests: set[str] = set()
        self.forgiven: set[str] = set()  # on the wire before a host crash: the engine may not know them, their trades are then in suspense
        self.trades: list[Trade] = []
        self.owner: dict[int, Asked] = {}  # id of a VenueOrder
        self.taken: dict[tuple[int, int], tuple[int, int]] = {}  # (kind, source): source epoch, position
        self.seq = 0
        self.touched: dict[int, bool] = {}  # order ids of the step's frames; whether cum may fall
        self.cum: dict[int, int] = {}
        self.intents = 0
        self.durable: Callable[[], int] = lambda: 0

    # ---- what the journal says

    def frame(self, head: Head, frame: bytes) -> None:
        """One published frame."""
        _, _, seq, _, position, epoch, source, kind, _, _ = head
        if seq != self.seq + 1:
            self.problems.append(Violation("I10", f"sequence {seq} follows {self.seq}"))
        self.seq = seq
        if kind == INTENT:
            self._in_order(kind, source, epoch, position, seq, fresh=True)
            self._intent(source, seq, frame)
        elif kind == EVENT:
            self._in_order(kind, source, 0, position, seq, fresh=False)
            self._event(frame)
        elif kind == CONTROL and epoch:
            self._in_order(kind, source, 0, position, seq, fresh=False)

    def _in_order(self, kind: int, source: int, epoch: int, position: int, seq: int, *, fresh: bool) -> None:
        """Each slot of a ring is journaled once, in order: nothing lost, nothing twice. A strategy's new ring begins at 1."""
        last = self.taken.get((kind, source))
        self.taken[kind, source] = epoch, position
        wanted = last[1] + 1 if last and last[0] == epoch else 1 if fresh or last is None else position
        if position != wanted:
            what = "intent" if kind == INTENT else "venue event" if kind == EVENT else "command"
            self.problems.append(Violation("ONCE", f"{what} of source {source}, ring position {position} at sequence {seq}; {wanted} was due"))

    def _intent(self, strategy: int, seq: int, frame: bytes) -> None:
        self.intents += 1
        at = HEAD_BYTES
        if frame[at + _INTENT["kind"]] != _NEW:
            return
        px, _stop, qty = struct.unpack_from("<qqq", frame, at + _INTENT["px"])
        instrument, account = struct.unpack_from("<IH", frame, at + _INTENT["instrument"])
        _, side, ord_type, tif = frame[at + _INTENT["kind"] : at + _INTENT["kind"] + 4]
        if 0 < instrument <= len(self.shape.instruments) and 0 < account <= len(self.shape.accounts):
            asked = Asked(seq, strategy, account, instrument, self.shape.accounts[account - 1])
            self.asked[self._key(instrument, account, side, ord_type, tif, px, qty)].append(asked)

    def _key(self, instrument: int, account: int, side: int, ord_type: int, tif: int, px: int, qty: int) -> tuple[object, ...]:
        symbol, name = self.shape.instruments[instrument - 1], f"acc{account}"
        return symbol, name, _WIRE_SIDE.get(side), _WIRE_TYPE.get(ord_type), _WIRE_TIF.get(tif), px if ord_type == 2 else 0, qty

    def _event(self, frame: bytes) -> None:
        at = HEAD_BYTES + _EVENT["cl_ord_id"]
        text = frame[at : at + 24].rstrip(b"\0").decode("latin-1")
        decoded = decode_cl_ord_id(text, PREFIX) if text else None
        if decoded is not None:
            falls = frame[HEAD_BYTES + _EVENT["kind"]] in _FILL_KINDS
            self.touched[decoded[1]] = falls or self.touched.get(decoded[1], False)

    def lost_frames(self, after: int) -> None:
        """The host lost what was not durable: it never happened, but for what is on the wire already."""
        self.seq = after
        self.forgiven |= self.sent.keys()
        self.problems += [
            Violation("DURABLE", f"order {text} is on the wire, its intent {a.seq} is lost (account durability local)")
            for text, a in self.sent.items()
            if a.seq > after and a.durability == "local"
        ]
        self.taken.clear()
        for rows in self.asked.values():
            rows[:] = [a for a in rows if a.seq <= after]
        self.cum.clear()

    # ---- what the wire carried

    def wire(self, venue: int, message: dict[int, str], made: Asked | None = None) -> None:
        """A message that the venue's end received; ``made`` when it is an order that no strategy asked for, but a kill that flattens."""
        kind = message[35]
        if kind not in "DFG":
            return
        cl_ord_id = message[11]
        if kind != "D" and message.get(43) == "Y":
            return  # the session sends a request again when it is asked to; a new order never
        if cl_ord_id in self.sent or cl_ord_id in self.requests:
            self.problems.append(Violation("I1", f"ClOrdID {cl_ord_id} left twice (35={kind})"))
        if kind != "D":
            self.requests.add(cl_ord_id)  # a gateway's own cancels too
            return
        px = round(float(message[44]) * 100_000) if 44 in message else 0
        key = (message[55], message.get(1, ""), message[54], message[40], message.get(59, "0"), px, int(message[38]))
        rows = [made] if made is not None else self.asked.get(key)
        if not rows:
            self.problems.append(Violation("I2", f"order {cl_ord_id} on the wire has no journaled intent with its terms {key}"))
            return
        asked = rows.pop(0)
        self.sent[cl_ord_id] = asked
        if asked.durability == "local" and asked.seq > self.durable():
            self.problems.append(Violation("I2", f"order {cl_ord_id} left although sequence {asked.seq} was not durable (account durability local)"))

    # ---- what is true at the venue

    def executed(self, venue: int, trade: Trade) -> None:
        self.trades.append(trade)

    # ---- checks

    def check_step(self, rows: Rows | None) -> list[Violation]:
        """After a turn: problems seen on the way, and the orders that its frames name (``rows``: the engine's tables, None while it is dead)."""
        if self.touched:
            if rows is not None:
                self._check_rows(memoryview(rows("orders").view(np.uint8)), int(rows("engine")[1]["order_count"]))
            self.touched.clear()
        return self.problems

    def _check_rows(self, rows: memoryview, count: int) -> None:
        for order_id, falls in self.touched.items():
            if not 0 < order_id <= count:
                continue
            at = order_id * _ORDER_BYTES
            qty, cum, leaves = struct.unpack_from("<qqq", rows, at + _ORDER["qty"])
            status = rows[at + _ORDER["ord_status"]]
            before = self.cum.get(order_id, 0)
            self.cum[order_id] = cum
            if cum < before and not falls:
                self.problems.append(Violation("I4", f"order {order_id}: cum fell from {before} to {cum} without a bust or correction"))
            if status in WORKING and leaves != max(0, qty - cum):
                self.problems.append(Violation("I3", f"order {order_id}, status {status}: cum {cum} + leaves {leaves} is not qty {qty}"))
            if status in TERMINAL and leaves:
                self.problems.append(Violation("I9", f"order {order_id} has ended (status {status}) and still has leaves {leaves}"))

    def check_all(self, rows: Rows, *, quiescent: bool, trades: bool = True) -> list[Violation]:
        """Every table against each other; at quiescence also against the venue."""
        status = rows("engine")[1]
        orders = rows("orders")[1 : int(status["order_count"]) + 1]
        orders = orders[orders["order_id"] != 0]  # rows stay empty where the journal lost its end
        executions = rows("executions")[1 : int(status["execution_count"]) + 1]
        found = self._check_booked(orders, executions, rows("positions")[1 : int(status["position_count"]) + 1])
        terminal = np.isin(orders["ord_status"], sorted(TERMINAL))
        if (bad := orders[terminal & (orders["leaves_qty"] != 0)]).size:
            found.append(Violation("I9", f"order {int(bad[0]['order_id'])} has ended and still has leaves {int(bad[0]['leaves_qty'])}"))
        return found + (self._check_truth(rows, orders) if quiescent and trades else [])

    def _check_booked(self, orders: Any, executions: Any, positions: Any) -> list[Violation]:
        """Executions in force against the orders' cum and against the positions; no execution in force twice."""
        live = executions[executions["state"] == BOOKED]
        cum: Counter[int] = Counter()
        net: Counter[tuple[int, int, int]] = Counter()
        seen: set[tuple[int, int, bytes, int]] = set()
        found = []
        columns = zip(*(live[n].tolist() for n in ("order_id", "last_qty", "account", "strategy", "instrument", "side", "exec_id", "venue")), strict=True)
        for order_id, qty, account, strategy, instrument, side, exec_id, venue in columns:
            cum[order_id] += qty
            net[account, strategy, instrument] += qty if side == 1 else -qty
            if (venue, order_id, exec_id, side) in seen:
                found.append(Violation("I5", f"execution {exec_id.decode()} of order {order_id} is booked twice"))
            seen.add((venue, order_id, exec_id, side))
        for order_id, booked in zip(orders["order_id"].tolist(), orders["cum_qty"].tolist(), strict=True):
            if booked != cum[order_id]:
                found.append(Violation("I5", f"order {order_id}: cum {booked}, its executions in force sum to {cum[order_id]}"))
        fields = ("account", "strategy", "instrument", "bought_qty", "sold_qty")  # what entries of the ledger make of the net quantity, the oracle knows
        have = {(a, s, i): bought - sold for a, s, i, bought, sold in zip(*(positions[n].tolist() for n in fields), strict=True)}
        for key in have.keys() | net.keys():
            if have.get(key, 0) != net[key]:
                found.append(Violation("I6", f"position (account, strategy, instrument) {key}: {have.get(key, 0)}, its executions sum to {net[key]}"))
        return found

    def _check_truth(self, rows: Rows, orders: Any) -> list[Violation]:
        """Orders and positions are the venue's."""
        found = []
        net: Counter[tuple[int, int, int]] = Counter()
        cum: Counter[int] = Counter()
        have = {int(o["order_id"]): (int(o["cum_qty"]), int(o["ord_status"])) for o in orders}
        for trade in self.trades:
            cl_ord_id = trade.order.cl_ord_id
            asked = self.sent.get(cl_ord_id)
            if asked is None or not trade.live or (cl_ord_id in self.forgiven and order_id_of(trade.order) not in have):
                continue
            net[asked.account, asked.strategy, asked.instrument] += trade.qty if trade.order.side == "1" else -trade.qty
            cum[order_id_of(trade.order)] += trade.qty
        for order_id, qty in cum.items():
            if have.get(order_id, (0, 0))[0] != qty:
                found.append(Violation("TRUTH", f"order {order_id}: cum {have.get(order_id, (0, 0))[0]}, the venue has {qty}"))
        status = rows("engine")[1]
        for p in rows("positions")[1 : int(status["position_count"]) + 1]:
            if not int(p["strategy"]):
                continue  # suspense
            key = (int(p["account"]), int(p["strategy"]), int(p["instrument"]))
            if (traded := int(p["bought_qty"]) - int(p["sold_qty"])) != net[key]:
                found.append(Violation("TRUTH", f"position {key}: traded {traded}, the venue's trades sum to {net[key]}"))
        return found


def order_id_of(order: VenueOrder) -> int:
    """Our number of an order, from the ClOrdID under which it came."""
    decoded = decode_cl_ord_id(order.cl_ord_id, PREFIX)
    return decoded[1] if decoded else 0
