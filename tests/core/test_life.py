"""The engine against the oracle, driven by hypothesis: every kind of input in any order, with everything compared after each.

The orders are the bundle: requests and reports name any version of any of them. Reports may be late, repeated, contradictory and about executions that
never were; sessions, gateways, strategies, operators and days come and go between them. What fails shrinks to the shortest series of inputs.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ringfence.core.state import Limits
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.ledger_state import disagreements
from ringfence.tools.simulation.oracle import Oracle

Machine = Any
LIMITS = Limits(orders=24, executions=160, positions=8, breaks=400, instruments=4, accounts=4, venues=2, strategies=4, routes=4, lots=12, scopes=64)
HEAD = 64
QTY, PX = st.integers(1, 20), st.integers(95, 105)
ROW, IDS = st.integers(1, 2), st.sampled_from([f"E{i}" for i in range(1, 7)])
STATUSES = ["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "EXPIRED", "DONE_FOR_DAY", "PENDING_NEW", "PENDING_CANCEL"]
PLAIN = ["ACK", "PENDING_NEW", "PENDING_CANCEL", "PENDING_REPLACE", "EXPIRED", "DONE_FOR_DAY", "STOPPED", "SUSPENDED", "CALCULATED"]
ANSWERS = ["CANCELED", "REPLACED", "CANCEL_REJECT", "REJECTED", "BUSINESS_REJECT", "NOT_SENT"]
PEERS = ["GATEWAY_STALLED", "GATEWAY_READY", "STRATEGY_STALLED", "STRATEGY_READY", "JOURNAL_PRESSURE", "JOURNAL_CLEAR"]
FEE_IN = st.sampled_from(["", "USD", "EUR", "JPY"])
CODES = st.sampled_from([0, 1, 2, 7])
FLAGS = st.sampled_from([0, 0, 0, CONSTANTS["VENUE_EVENT_POSS_DUP"][0], CONSTANTS["VENUE_EVENT_POSS_RESEND"][0]])


SPEC = ENUMS["LedgerMethod"].by_name["SPEC"]
REFERENCE = st.sampled_from(["R1", "R2", "R3", "R4"])
ENTRIES = st.sampled_from(
    [
        *[("TRANSFER", {"qty": qty, "other": 1}) for qty in (1, 5, 12)],
        *[("SPLIT", {"ratio_num": new, "ratio_den": old}) for new, old in ((2, 1), (1, 2), (2, 3))],
        *[("SPLIT", {"ratio_num": 3, "ratio_den": 2, "qty": 4, "px": px}) for px in (97, 104)],
        *[("REWARD", {"qty": 3, "px": px}) for px in (0, 99)],
        *[(kind, {"px": px}) for kind in ("EXPIRE", "SETTLE", "RETURN_OF_CAPITAL", "DIVIDEND") for px in (0, 98)],
        *[(kind, {"amount": 3, "amount_digits": 1}) for kind in ("FUNDING", "INTEREST")],
    ]
)


class Life(RuleBasedStateMachine):
    """One engine, its journal told to the oracle frame by frame."""

    orders = Bundle("orders")
    make_machine: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.m: Machine = type(self).make_machine(LIMITS)
        self.oracle = Oracle()
        self.told = 0
        self.clients = 0
        self.day = 20260102

    # ---- strategies

    @rule(target=orders, strategy=ROW, side=st.sampled_from([1, 2, 5]), qty=QTY, px=PX, tif=st.sampled_from([1, 2]))
    def new(self, strategy: int, side: int, qty: int, px: int, tif: int) -> tuple[int, int]:
        self.clients += 1
        self.m.new(self.clients, strategy=strategy, side=side, qty=qty, px=px, time_in_force=tif)
        return self.clients, strategy

    @rule(order=orders, qty=QTY)
    def again(self, order: tuple[int, int], qty: int) -> None:
        self.m.new(order[0], strategy=order[1], qty=qty)

    @rule(order=orders)
    def cancel(self, order: tuple[int, int]) -> None:
        self.m.cancel(order[0], strategy=order[1])

    @rule(order=orders, qty=QTY, px=st.sampled_from([0, 99, 103]))
    def replace(self, order: tuple[int, int], qty: int, px: int) -> None:
        self.m.replace(order[0], qty=qty, px=px, strategy=order[1])

    @rule(strategy=ROW)
    def cancel_all(self, strategy: int) -> None:
        self.m.intent("CANCEL_ALL", 0, strategy=strategy)

    @rule(strategy=ROW, kind=st.sampled_from(["STRATEGY_DETACH", "STRATEGY_ATTACH"]))
    def process(self, strategy: int, kind: str) -> None:
        self.m.control(kind, strategy=strategy, epoch=7, pid=1)

    # ---- venue

    def row(self, order: tuple[int, int]) -> int:
        """The row of an order of the bundle, 0 when it was refused."""
        rows = self.m.table("orders")[1 : int(self.m.status["order_count"]) + 1]
        return next((int(o["order_id"]) for o in rows if (int(o["client_id"]), int(o["strategy"])) == order), 0)

    def report(self, kind: str, order: tuple[int, int], back: int, **fields: Any) -> None:
        row = self.row(order)
        if row:
            revision = max(int(self.m.order(row)["revision"]) - back, 0)
            late = {"transact_ns": self.m.now - 5000} if fields.get("flags") else {"transact_ns": self.m.now}
            self.m.event(kind, row, revision, **(late | fields))

    @rule(order=orders, back=st.integers(0, 2), kind=st.sampled_from(PLAIN), flags=FLAGS)
    def plain(self, order: tuple[int, int], back: int, kind: str, flags: int) -> None:
        self.report(kind, order, back, flags=flags)

    @rule(order=orders, back=st.integers(0, 2), kind=st.sampled_from(ANSWERS), code=CODES, flags=FLAGS, status=st.sampled_from(["", "REJECTED", "NEW"]))
    def answer(self, order: tuple[int, int], back: int, kind: str, code: int, flags: int, status: str) -> None:
        self.report(kind, order, back, text_code=code, flags=flags, **({"ord_status": status} if status else {}))

    @rule(order=orders, back=st.integers(0, 1), kind=st.sampled_from(["REPLACED", "RESTATED"]), qty=QTY, px=PX, cum=st.integers(0, 20))
    def terms(self, order: tuple[int, int], back: int, kind: str, qty: int, px: int, cum: int) -> None:
        self.report(kind, order, back, qty=qty, px=px, cum_qty=cum)

    @rule(order=orders, back=st.integers(0, 1), status=st.sampled_from(STATUSES), cum=st.integers(0, 20), flags=FLAGS)
    def status(self, order: tuple[int, int], back: int, status: str, cum: int, flags: int) -> None:
        self.report("STATUS", order, back, ord_status=status, cum_qty=cum, flags=flags)

    @rule(order=orders, back=st.integers(0, 1), exec_id=IDS, qty=QTY, px=PX, cum=st.integers(0, 40), flags=FLAGS)
    def fill(self, order: tuple[int, int], back: int, exec_id: str, qty: int, px: int, cum: int, flags: int) -> None:
        self.report("FILL", order, back, exec_id=exec_id, last_qty=qty, last_px=px, cum_qty=cum, flags=flags)

    @rule(order=orders, exec_id=IDS, qty=QTY, px=PX, paid=st.integers(-30, 30), digits=st.integers(0, 2), code=FEE_IN, kind=st.integers(0, 4))
    def charged(self, order: tuple[int, int], exec_id: str, qty: int, px: int, paid: int, digits: int, code: str, kind: int) -> None:
        fee = {"commission": paid, "comm_digits": digits, "comm_currency": code, "comm_type": kind}
        self.report("FILL", order, 0, exec_id=exec_id, last_qty=qty, last_px=px, **fee)

    @rule(order=orders, exec_id=IDS)
    def bust(self, order: tuple[int, int], exec_id: str) -> None:
        self.report("BUST", order, 0, exec_id=f"B{exec_id}", exec_ref_id=exec_id)

    @rule(order=orders, ref=IDS, exec_id=IDS, qty=QTY, px=PX)
    def correct(self, order: tuple[int, int], ref: str, exec_id: str, qty: int, px: int) -> None:
        if ref != exec_id:
            self.report("CORRECT", order, 0, exec_id=exec_id, exec_ref_id=ref, last_qty=qty, last_px=px)

    @rule(exec_id=IDS, qty=QTY, px=PX, side=st.sampled_from([1, 2]), order_id=st.sampled_from(["", "V1", "V2"]))
    def phoned(self, exec_id: str, qty: int, px: int, side: int, order_id: str) -> None:
        self.m.event("FILL", exec_id=exec_id, last_qty=qty, last_px=px, side=side, symbol="EURUSD", venue_order_id=order_id)

    @rule(order=orders, order_id=st.sampled_from(["V1", "V2"]))
    def named(self, order: tuple[int, int], order_id: str) -> None:
        self.report("ACK", order, 0, venue_order_id=order_id)

    @rule(up=st.booleans())
    def session(self, up: bool) -> None:
        self.m.event("SESSION_UP" if up else "SESSION_DOWN")

    # ---- the instance

    @rule(kind=st.sampled_from(PEERS))
    def peer(self, kind: str) -> None:
        self.m.observe(kind, peer=1)

    @rule(bits=st.sampled_from([0, 1, 2, 8]))
    def health(self, bits: int) -> None:
        self.m.observe("JOURNAL_HEALTH", value=bits)

    @rule(kind=st.sampled_from(["HALT", "RESUME"]))
    def halt(self, kind: str) -> None:
        self.m.control(kind)

    @rule(strategy=ROW, status=st.sampled_from(["ENABLED", "REDUCE_ONLY", "CANCEL_ONLY"]))
    def restrict(self, strategy: int, status: str) -> None:
        self.m.control("SET_STRATEGY", strategy=strategy, status=ENUMS["StrategyStatus"].by_name[status])

    @rule(seconds=st.sampled_from([1, 40]))
    def timer(self, seconds: int) -> None:
        self.m.timer(seconds)

    @rule(method=st.integers(0, 5))
    def method(self, method: int) -> None:
        self.m.control("DEFINE_ACCOUNT", body=self.m.record("Account", id=1, name="main", code="ACC1", status=1, method=method))

    @rule(rate=st.sampled_from([10**9, 1_234_567_891]))
    def rates(self, rate: int) -> None:
        self.m.currency("USD", 1, 10**9)
        self.m.currency("EUR", 2, rate + 1)

    @rule()
    def roll_day(self) -> None:
        self.day += self.day % 100 < 28
        self.m.control("ROLL_DAY", day=self.day)

    def action(self, kind: str, **fields: Any) -> None:
        self.m.control(kind, body=self.m.record("OrderAction", **fields))

    @rule(order=orders, status=st.sampled_from(STATUSES[:7]))
    def resolve(self, order: tuple[int, int], status: str) -> None:
        self.action("RESOLVE_ORDER", order_id=self.row(order), ord_status=ENUMS["OrdStatus"].by_name[status])

    @rule(order=orders, back=st.integers(0, 3), strategy=ROW, to_order=st.booleans())
    def assign(self, order: tuple[int, int], back: int, strategy: int, to_order: bool) -> None:
        execution = max(int(self.m.status["execution_count"]) - back, 0)
        self.action("ASSIGN_EXECUTION", execution=execution, **({"order_id": self.row(order)} if to_order else {"strategy": strategy}))

    def entry(self, kind: str, reference: str, **fields: Any) -> None:
        body = self.m.record("LedgerEntry", kind=ENUMS["LedgerEventKind"].by_name[kind], reference=reference, **fields)
        self.m.control("BOOK_ENTRY", body=body)

    @rule()
    def mass_cancel(self) -> None:
        self.action("MASS_CANCEL", venue=1)

    @rule(count=st.integers(0, 3), ahead=st.integers(-2, 5))
    def skip_outputs(self, count: int, ahead: int) -> None:
        self.action("SKIP_OUTPUTS", venue=1, order_id=count, execution=max(int(self.m.status["order_count"]) + ahead, 0))

    # ---- what must hold

    @invariant()
    def agree(self) -> None:
        for at in self.m.offsets[self.told :]:
            frame = bytes(self.m.journal[at : at + HEAD + 448])
            size = int.from_bytes(frame[:4], "little")
            self.oracle.frame(frame[:HEAD], frame[HEAD:size])
        self.told = len(self.m.offsets)
        found = self.oracle.check_step(self.m.replayer.state)
        assert not found, "\n".join(map(str, found))

    @invariant()
    def books(self) -> None:
        assert not (found := disagreements(self.m.replayer.state.table)), "\n".join(found)

    def teardown(self) -> None:
        found = self.oracle.check_all(self.m.replayer.state)
        assert not found, "\n".join(map(str, found))
        assert self.m.replayed().replayer.state_hash() == self.m.replayer.state_hash()


class LifeWithEntries(Life):
    """The same with entries of the ledger. No fee is in what is traded: it would leave the ledger less than the oracle's positions to move."""

    @rule(strategy=ROW, reference=REFERENCE, entry=ENTRIES)
    def book(self, strategy: int, reference: str, entry: tuple[str, dict[str, int]]) -> None:
        kind, fields = entry
        more = {"other_strategy": 3 - strategy} if kind == "TRANSFER" else {}
        self.entry(kind, reference, account=1, strategy=strategy, instrument=1, **fields, **more)

    @rule(reference=REFERENCE)
    def take_back(self, reference: str) -> None:
        self.entry("BUST", reference)

    @rule(order=Life.orders, exec_id=IDS, qty=QTY, px=PX, paid=st.integers(-30, 30), code=st.sampled_from(["", "USD", "JPY"]))
    def charged(self, order: tuple[int, int], exec_id: str, qty: int, px: int, paid: int, code: str) -> None:
        fee = {"commission": paid, "comm_digits": 1, "comm_currency": code, "comm_type": 3}
        self.report("FILL", order, 0, exec_id=exec_id, last_qty=qty, last_px=px, **fee)


class LifeUnderSpec(Life):
    """Closes that wait for the names of their lots, which come, are taken back and wait again; what is traded settles two days later."""

    def __init__(self) -> None:
        super().__init__()
        self.m.instrument(kind=ENUMS["InstrumentKind"].by_name["FX_SPOT"], settle_days=2)
        self.m.control("DEFINE_ACCOUNT", body=self.m.record("Account", id=1, name="main", code="ACC1", status=1, method=SPEC))

    @rule(method=st.sampled_from([1, 2, 4, SPEC, SPEC, SPEC]))
    def method(self, method: int) -> None:
        super().method(method)

    @rule(strategy=ROW, reference=REFERENCE, close=st.integers(1, 12), lot=st.integers(1, 12), qty=QTY)
    def name(self, strategy: int, reference: str, close: int, lot: int, qty: int) -> None:
        self.entry("NAME_LOT", reference, account=1, strategy=strategy, instrument=1, ratio_num=close, ratio_den=lot, qty=qty)

    @rule(reference=REFERENCE)
    def take_back(self, reference: str) -> None:
        self.entry("BUST", reference)


@pytest.mark.parametrize("life", [Life, LifeWithEntries, LifeUnderSpec])
def test_engine_when_anything_happens_in_any_order_agrees_with_the_oracle(make_machine: Any, life: type[Life]) -> None:
    one = type("LifeOfOneEngine", (life,), {"make_machine": staticmethod(make_machine)})
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(one, settings=settings(max_examples=EXAMPLES, stateful_step_count=50, deadline=None, suppress_health_check=checks))


EXAMPLES = 120
