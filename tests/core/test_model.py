"""The engine against an independent model of orders and positions: plain Python integers, written from the rules, slow and obvious.

Hypothesis draws sequences of intents and venue events (fills before the ack and after the end, duplicates, overfills, busts, corrections, requests
answered in any order, sessions that die); after each input every order and every position is compared field by field, and at the end a replay
of the journal must give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS

Machine = Any
STATUS = ENUMS["OrdStatus"].by_value
DONE = {"FILLED", "CANCELED", "EXPIRED", "REJECTED", "DONE_FOR_DAY", "CALCULATED", "DENIED"}
LIMITS = Limits(orders=64, executions=512, positions=16, breaks=512, instruments=4, accounts=4, venues=2, strategies=4, routes=4, scopes=64)


@dataclass
class Trade:
    qty: int
    px: int
    alive: bool = True


@dataclass
class Order:
    """What the rules say about one order; statuses are FIX's names."""

    strategy: int
    side: int
    qty: int
    px: int
    base: str = "PENDING_NEW"
    revision: int = 0
    live: int = 0
    cancels: list[int] = field(default_factory=list)
    replaces: dict[int, tuple[int, int]] = field(default_factory=dict)
    unverified: bool = False
    acked: bool = False
    trades: dict[str, Trade] = field(default_factory=dict)
    current: dict[str, str] = field(default_factory=dict)  # ExecID -> name of the trade's first version
    content: dict[str, tuple[int, int]] = field(default_factory=dict)  # ExecID -> quantity and price as first reported

    @property
    def cancel(self) -> int:
        return self.cancels[-1] if self.cancels else 0

    @property
    def replace(self) -> int:
        return max(self.replaces, default=0)

    def end(self, status: str) -> None:
        """Canceled, rejected or expired: nothing is in flight any more."""
        self.base = status
        if status in ("CANCELED", "REJECTED", "EXPIRED"):
            self.cancels, self.replaces = [], {}

    @property
    def cum(self) -> int:
        return sum(t.qty for t in self.trades.values() if t.alive)

    @property
    def notional(self) -> int:
        return sum(t.qty * t.px for t in self.trades.values() if t.alive)

    @property
    def shown(self) -> str:
        if self.base in ("UNKNOWN", *(DONE - {"FILLED"})):
            return self.base
        return "PENDING_CANCEL" if self.cancel else "PENDING_REPLACE" if self.replace else self.base

    @property
    def leaves(self) -> int:
        return 0 if self.base in DONE else max(self.qty - self.cum, 0)

    def by_quantity(self) -> str:
        return "FILLED" if self.cum >= self.qty else "PARTIALLY_FILLED" if self.cum else "NEW"


class Model:
    """Orders by row, and the trades of each strategy in the order in which they were booked."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.booked: dict[int, list[tuple[int, Trade]]] = {1: [], 2: []}
        self.up = True

    # ---- positions: weighted average cost from scratch, exact rationals rounded half-even at each partial close (ledger rule 2)

    def position(self, strategy: int) -> tuple[int, int, int]:
        net, cost, realized = 0, 0, 0
        for side, trade in self.booked[strategy]:
            if not trade.alive:
                continue
            q = trade.qty if side == 1 else -trade.qty
            if net * q < 0:
                closing = q if abs(q) <= abs(net) else -net
                out = round(Fraction(cost * abs(closing), abs(net)))
                cost -= out
                realized += -closing * trade.px - out
                net += closing
                q -= closing
            net += q
            cost += q * trade.px
        return net, cost, realized

    # ---- intents

    def new(self, strategy: int, side: int, qty: int, px: int) -> None:
        if self.up:
            self.orders[len(self.orders) + 1] = Order(strategy, side, qty, px)

    def cancel(self, row: int) -> None:
        o = self.orders[row]
        if o.shown not in DONE:
            o.revision += 1
            o.cancels.append(o.revision)

    def replace_order(self, row: int, qty: int, px: int) -> None:
        o = self.orders[row]
        if (o.shown in DONE and not (o.shown == "FILLED" and qty > o.cum)) or o.base == "UNKNOWN" or o.unverified or not self.up:
            return
        o.revision += 1
        o.replaces[o.revision] = qty, px

    # ---- venue events

    def fill(self, row: int, exec_id: str, qty: int, px: int) -> None:
        o = self.orders[row]
        if self.seen(o, exec_id, qty, px):
            return
        o.trades[exec_id] = Trade(qty, px)
        o.current[exec_id] = exec_id
        self.booked[o.strategy].append((o.side, o.trades[exec_id]))
        self.settle_fill(o)

    @staticmethod
    def settle_fill(o: Order) -> None:
        if o.base in ("PENDING_NEW", "NEW", "PARTIALLY_FILLED", "UNKNOWN", "FILLED") or o.cum >= o.qty:
            o.base = o.by_quantity()

    def seen(self, o: Order, exec_id: str, qty: int, px: int) -> bool:
        """The report answers for the order, but for one that contradicts an execution that is known (a break)."""
        known = o.content.setdefault(exec_id, (qty, px))
        if known == (qty, px):
            self.answered(o)
        return exec_id in o.current or known != (qty, px)

    def bust(self, row: int, ref: str) -> None:
        o = self.orders[row]
        self.answered(o)
        trade = o.trades[o.current[ref]]
        if trade.alive:
            trade.alive = False
            self.settle_after_change(o)

    def correct(self, row: int, ref: str, exec_id: str, qty: int, px: int) -> None:
        o = self.orders[row]
        trade = o.trades[o.current[ref]]
        if self.seen(o, exec_id, qty, px):
            return
        if not trade.alive:
            del o.content[exec_id]  # what is refused is not known: the name is free for another report
            return
        o.current[exec_id] = o.current[ref]
        trade.qty, trade.px = qty, px
        self.settle_after_change(o)

    @staticmethod
    def settle_after_change(o: Order) -> None:
        if o.base in ("PENDING_NEW", "NEW", "PARTIALLY_FILLED", "FILLED", "UNKNOWN"):
            o.base = o.by_quantity()

    @staticmethod
    def answered(o: Order) -> None:
        o.unverified = False
        o.acked = True

    def ack(self, row: int) -> None:
        o = self.orders[row]
        self.answered(o)
        if o.base in ("PENDING_NEW", "UNKNOWN", "REJECTED", "DENIED"):
            o.base = o.by_quantity()

    def canceled(self, row: int, revision: int) -> None:
        o = self.orders[row]
        self.answered(o)
        if revision < o.live and revision not in o.cancels:
            return
        o.cancels = []
        if o.base != "FILLED":
            o.end("CANCELED")

    def ended(self, row: int, status: str) -> None:
        o = self.orders[row]
        self.answered(o)
        if o.base == "FILLED" or (status == "DONE_FOR_DAY" and o.base == "DONE_FOR_DAY"):
            return
        o.end(status)

    def replaced(self, row: int, revision: int) -> None:
        o = self.orders[row]
        self.answered(o)
        if revision <= o.live:
            o.replaces.pop(revision, None)
            return
        if revision in o.replaces:
            o.qty, o.px = o.replaces.pop(revision)
        o.qty = max(o.qty, o.cum)
        o.live = revision
        o.base = o.by_quantity()

    def cancel_reject(self, row: int, revision: int) -> None:
        o = self.orders[row]
        o.unverified = False  # that the venue knows the order it does not prove
        if revision in o.cancels:
            o.cancels.remove(revision)
        o.replaces.pop(revision, None)

    def session(self, up: bool) -> None:
        if self.up:
            for o in self.orders.values():
                if o.shown in DONE:
                    continue
                if o.base == "PENDING_NEW" and not o.acked:
                    o.base = "UNKNOWN"
                elif o.base != "UNKNOWN":
                    o.unverified = True
        self.up = up


def compare(m: Machine, model: Model) -> None:
    for row, o in model.orders.items():
        found = m.order(row)
        theirs = {
            "ord_status": STATUS[int(found["ord_status"])],
            "base": STATUS[int(found["base_status"])],
            "notional": (int(found["notional_hi"]) << 64) + int(found["notional_lo"]),
            "unverified": bool(int(found["flags"]) & 1),
        } | {name: int(found[name]) for name in ("qty", "px", "cum_qty", "leaves_qty", "revision", "live_revision", "cancel_revision", "replace_revision")}
        ours = {
            "ord_status": o.shown,
            "base": o.base,
            "notional": o.notional,
            "unverified": o.unverified,
            "qty": o.qty,
            "px": o.px,
            "cum_qty": o.cum,
            "leaves_qty": o.leaves,
            "revision": o.revision,
            "live_revision": o.live,
            "cancel_revision": o.cancel,
            "replace_revision": o.replace,
        }
        assert theirs == ours, f"order {row}"
    for strategy in (1, 2):
        p = m.position(strategy) or {"net_qty": 0, "cost": 0, "realized": 0}
        assert (p["net_qty"], p["cost"], p["realized"]) == model.position(strategy), f"position of strategy {strategy}"
    open_orders = sum(o.shown not in DONE for o in model.orders.values())
    assert int(m.status["open_orders"]) == open_orders


def listed(m: Machine, strategy: int) -> list[int]:
    rows, row = [], int(m.table("strategies")[strategy]["first_open"])
    while row:
        rows.append(row)
        assert len(rows) <= LIMITS.orders, "the open list has a loop"
        row = int(m.order(row)["next_open"])
    return rows


KINDS = ["new", "new", "cancel", "replace", "ack", "fill", "fill", "fill", "again", "bust", "correct"]
KINDS += ["canceled", "replaced", "cancel_reject", "ended", "session"]


def step(m: Machine, model: Model, draw: Any) -> None:  # one row a kind of input
    kind = draw(st.sampled_from(KINDS))
    if kind == "new" or not model.orders:
        strategy, side, qty, px = draw(st.sampled_from((1, 2))), draw(st.sampled_from((1, 2))), draw(st.integers(1, 20)), draw(st.integers(90, 110))
        model.new(strategy, side, qty, px)
        m.new(len(model.orders) if model.up else 1000, strategy=strategy, side=side, qty=qty, px=px)
        return
    row = draw(st.integers(1, len(model.orders)))
    o = model.orders[row]
    revision = draw(st.integers(0, o.revision))
    if kind == "cancel":
        model.cancel(row)
        m.cancel(row, strategy=o.strategy)
    elif kind == "replace":
        qty, px = draw(st.integers(1, 20)), draw(st.integers(90, 110))
        model.replace_order(row, qty, px)
        m.replace(row, qty=qty, px=px, strategy=o.strategy)
    elif kind == "ack":
        model.ack(row)
        m.event("ACK", row)
    elif kind == "fill":
        exec_id, qty, px = f"E{draw(st.integers(1, 10**6))}", draw(st.integers(1, 12)), draw(st.integers(90, 110))
        model.fill(row, exec_id, qty, px)
        m.fill(qty, px=px, exec_id=exec_id, order=row, rev=revision)
    elif kind == "session":
        up = draw(st.booleans())
        model.session(up)
        m.event("SESSION_UP" if up else "SESSION_DOWN")
    elif kind == "canceled":
        model.canceled(row, revision)
        m.event("CANCELED", row, revision)
    elif kind == "replaced":
        if not revision or revision in o.replaces or revision <= o.live:
            model.replaced(row, revision)
            m.event("REPLACED", row, revision)
    elif kind == "cancel_reject":
        model.cancel_reject(row, revision)
        m.event("CANCEL_REJECT", row, revision)
    elif kind == "ended":
        status = draw(st.sampled_from(("EXPIRED", "DONE_FOR_DAY")))
        model.ended(row, status)
        m.event(status, row)
    elif o.current:
        change(m, model, row, kind, draw)


def change(m: Machine, model: Model, row: int, kind: str, draw: Any) -> None:
    """Again, bust or correct one of the order's executions, by any name that its chain ever had."""
    o = model.orders[row]
    ref = draw(st.sampled_from(sorted(o.current)))
    if kind == "again":
        first = o.current[ref]
        if ref == first and not any(name != ref and of == first for name, of in o.current.items()):
            trade = o.trades[first]
            model.fill(row, ref, trade.qty, trade.px)
            m.fill(trade.qty, px=trade.px, exec_id=ref, order=row, flags=0)
    elif kind == "bust":
        model.bust(row, ref)
        m.event("BUST", row, exec_id=f"B{ref}", exec_ref_id=ref)
    else:
        exec_id, qty, px = f"C{draw(st.integers(1, 10**6))}", draw(st.integers(1, 12)), draw(st.integers(90, 110))
        model.correct(row, ref, exec_id, qty, px)
        m.event("CORRECT", row, exec_id=exec_id, exec_ref_id=ref, last_qty=qty, last_px=px)


@given(st.data())
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large])
def test_engine_when_inputs_come_in_any_order_equals_the_model(make_machine: Any, data: st.DataObject) -> None:
    m, model = make_machine(LIMITS), Model()
    for _ in range(data.draw(st.integers(1, 40), label="inputs")):
        step(m, model, data.draw)
        compare(m, model)
    for strategy in (1, 2):
        mine = {row for row, o in model.orders.items() if o.strategy == strategy and o.shown not in DONE}
        assert set(listed(m, strategy)) == mine
    again = m.replayed()
    assert again.replayer.state_hash() == m.replayer.state_hash()
    assert again.tables() == m.tables()
