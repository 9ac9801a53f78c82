"""Proposals, approvals, overrides, kills, definitions and strategies' states, in any order and by anybody, against the oracle's model of them after every step.

The model (``tools/simulation/oracle_authority``) is lists and dictionaries, written from the documentation; what is compared is limits, kills, proposals with
what they will give back, strategies' states, open orders and their requests. A snapshot is taken and loaded in the middle; at the end a replay is the same.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from tests.core.conftest import Machine

from ringfence.core.state import Limits, State
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools import snapshot
from ringfence.tools.simulation.oracle import Oracle

HEAD = 64
ROWS = Limits(
    orders=256,
    executions=256,
    positions=16,
    breaks=1024,
    instruments=4,
    accounts=4,
    venues=2,
    strategies=4,
    routes=4,
    brokers=4,
    desks=4,
    proposals=7,
    lots=512,
    scopes=64,
)
ROLES = {1000: "ADMIN", 1001: "RISK", 1002: "RISK", 1003: "TRADER", 1004: "VIEWER", 1005: "HALTED"}
UIDS = st.sampled_from([1001, 1002, 1001, 1002, 1003, *ROLES, 1999])
CANCEL, FLATTEN = CONSTANTS["KILL_CANCEL"][0], CONSTANTS["KILL_FLATTEN"][0]
PLACES = {
    "MAX_QTY": [("FIRM", 0, 0), ("STRATEGY", 1, 0), ("INSTRUMENT", 1, 0), ("ACCOUNT", 9, 0)],
    "OPEN_ORDERS": [("FIRM", 0, 0), ("VENUE", 1, 0), ("ACCOUNT_INSTRUMENT", 1, 1)],
    "CANCEL_RESERVE": [("FIRM", 0, 0)],  # lower is looser
    "MAX_POSITION": [("INSTRUMENT", 1, 0), ("FIRM", 0, 0)],  # not settable at the firm
}
OF_ORDER = [("FIRM", 0, 0), ("ACCOUNT", 1, 0), ("VENUE", 1, 0), ("STRATEGY", 1, 0), ("STRATEGY", 2, 0), ("INSTRUMENT", 1, 0), ("STRATEGY_INSTRUMENT", 1, 1)]
KILLED = [*OF_ORDER, ("DESK", 3, 0)]  # the last is of nothing
STATUSES = ("ENABLED", "REDUCE_ONLY", "CANCEL_ONLY", "DISABLED")
SECONDS = st.sampled_from((0, 0, 1, 5, 60, 840, 899, 900))


class Authority(RuleBasedStateMachine):
    """Operators at work."""

    def __init__(self) -> None:
        super().__init__()
        self.m = Machine(ROWS)
        self.oracle = Oracle()
        self.told = 0
        self.client = 0

    @initialize()
    def operators(self) -> None:
        self.m.currency()
        for row, (uid, role) in enumerate(ROLES.items(), 1):
            self.operator(row, uid, "RISK" if role == "HALTED" else role, 2 if role == "HALTED" else 1)
        for name, value in (("MAX_QTY", 50_000), ("OPEN_ORDERS", 40), ("CANCEL_RESERVE", 1), ("MAX_POSITION", 90_000)):
            for kind, a, b in PLACES[name]:
                self.m.limit(name, value, kind, a, b, operator_uid=1000, operator_name="config")

    def operator(self, row: int, uid: int, role: str, status: int) -> None:
        body = self.m.record("Operator", id=row, name=f"op{uid}", uid=uid, role=ENUMS["OperatorRole"].by_name[role], status=status)
        self.m.control("DEFINE_OPERATOR", body=body)

    # ---- what people do

    @rule(
        uid=UIDS,
        name=st.sampled_from(list(PLACES)),
        at=st.integers(0, 3),
        value=st.sampled_from((0, 1, 2, 5_000, 20_000, 60_000, 100_000, 10**10)),
        lasts=SECONDS,
    )
    def set_limit(self, uid: int, name: str, at: int, value: int, lasts: int) -> None:
        kind, a, b = PLACES[name][at % len(PLACES[name])]
        self.m.limit(name, value, kind, a, b, operator_uid=uid, expires_ns=self.m.now + lasts * 10**9 if lasts else 0)

    @rule(uid=UIDS, strategy=st.integers(1, 3), status=st.sampled_from(STATUSES))
    def set_strategy(self, uid: int, strategy: int, status: str) -> None:
        self.m.control("SET_STRATEGY", strategy=strategy, status=ENUMS["StrategyStatus"].by_name[status], operator_uid=uid)

    @rule(uid=UIDS, scope=st.sampled_from(KILLED), options=st.sampled_from((0, CANCEL, CANCEL, FLATTEN, CANCEL | FLATTEN, 8)))
    def kill(self, uid: int, scope: tuple[str, int, int], options: int) -> None:
        self.m.kill(*scope, options, operator_uid=uid)

    @rule(venue=st.integers(0, 2))
    def kill_word(self, venue: int) -> None:
        self.m.observe("KILL_WORD", peer=venue, value=1)

    @rule(uid=UIDS, scope=st.sampled_from(KILLED))
    def release(self, uid: int, scope: tuple[str, int, int]) -> None:
        self.m.kill(*scope, what="RELEASE", operator_uid=uid)

    @rule(uid=UIDS, what=st.sampled_from(("APPROVE", "APPROVE", "APPROVE", "WITHDRAW")), back=st.integers(0, 6))
    def decide(self, uid: int, what: str, back: int) -> None:
        """Of one of the last proposals, decided or not."""
        self.m.control(what, body=self.m.record("Decision", proposal=max(int(self.m.status["proposals"]) - back, 0)), operator_uid=uid)

    @precondition(lambda self: int(self.m.status["pending_proposals"]) > 0)
    @rule(uid=st.sampled_from((1001, 1002, 1000)), at=st.integers(0, 5))
    def approve_what_waits(self, uid: int, at: int) -> None:
        waiting = [int(p["id"]) for p in self.m.table("proposals") if int(p["state"]) == ENUMS["ProposalState"].by_name["PENDING"]]
        self.m.control("APPROVE", body=self.m.record("Decision", proposal=waiting[at % len(waiting)]), operator_uid=uid)

    @precondition(lambda self: int(self.m.status["killed_scopes"]) > 0)
    @rule(uid=st.sampled_from((1001, 1002)), at=st.integers(0, 5))
    def release_what_is_killed(self, uid: int, at: int) -> None:
        killed = [r for r in self.m.table("scopes") if int(r["state"]) == ENUMS["ScopeState"].by_name["KILLED"]]
        scope = killed[at % len(killed)]
        self.m.kill(ENUMS["ScopeKind"].by_value[int(scope["kind"])], int(scope["a"]), int(scope["b"]), what="RELEASE", operator_uid=uid)

    @rule(uid=UIDS, kind=st.sampled_from(("HALT", "DIVERGENCE", "RESUME", "RESUME")))
    def halt_or_resume(self, uid: int, kind: str) -> None:
        self.m.control(kind, operator_uid=uid)

    @rule(uid=UIDS, ahead=st.integers(0, 40), early=st.sampled_from((0, 0, 1, 26, 70)), start=st.booleans())
    def begin_a_day(self, uid: int, ahead: int, early: int, start: bool) -> None:
        """The schedule says that the day begins so many hours before its date in UTC; time stands far before all of them, or is at one."""
        day = int(self.m.status["day"])
        date = datetime.strptime(str(day), "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=ahead)
        begins_ns = (int(date.timestamp()) - early * 3600) * 10**9
        if early == 1:
            self.m.now = max(self.m.now, begins_ns - 3600 * 10**9)
        fields = {"day": int(date.strftime("%Y%m%d")), "operator_uid": uid}
        if start:
            self.m.control("START", body=self.m.record("TableRows", day_begins_ns=begins_ns), prefix="RF", epoch=1, **fields)
        else:
            self.m.control("ROLL_DAY", body=self.m.record("DayStart", begins_ns=begins_ns, day=fields["day"]), **fields)

    @rule(uid=UIDS, status=st.sampled_from(("CANCELED", "FILLED", "NEW", "REPLACED")), doubt=st.booleans())
    def say_how_an_order_ended(self, uid: int, status: str, doubt: bool) -> None:
        if doubt:
            self.m.event("SESSION_DOWN")
        rows = [int(o["order_id"]) for o in self.m.table("orders") if int(o["order_id"])]
        body = self.m.record("OrderAction", order_id=rows[-1] if rows else 0, ord_status=ENUMS["OrdStatus"].by_name[status])
        self.m.control("RESOLVE_ORDER", body=body, operator_uid=uid)
        if doubt:
            self.m.event("SESSION_UP")

    @rule(who=st.integers(1, 5), role=st.sampled_from(("RISK", "TRADER")), status=st.integers(1, 2))
    def change_an_operator(self, who: int, role: str, status: int) -> None:
        self.operator(who + 1, list(ROLES)[who], role, status)

    @rule(
        uid=UIDS,
        status=st.sampled_from((1, 1, 1, 2)),
        qty_max=st.sampled_from((0, 10**6, 10**12)),
        margin=st.integers(0, 2),
        name=st.sampled_from(("config", "somebody")),
    )
    def define_an_instrument(self, uid: int, status: int, qty_max: int, margin: int, name: str) -> None:
        values = {"tick": 1, "lot": 1, "qty_max": qty_max, "multiplier": 1, "price_digits": 2, "status": status, "margin_ppm": margin}
        body = self.m.record("Instrument", id=1, symbol="EURUSD", base="EUR", quote="USD", **values)
        self.m.control("DEFINE_INSTRUMENT", body=body, operator_uid=uid, operator_name=name)

    @rule(uid=UIDS, row=st.integers(1, 3), status=st.sampled_from((1, 4)), age=st.sampled_from((0, 10**10, 10**11)))
    def define_a_strategy(self, uid: int, row: int, status: int, age: int) -> None:
        body = self.m.record("Strategy", id=row, name=f"s{row}", status=status, max_age_ns=age)
        self.m.control("DEFINE_STRATEGY", body=body, operator_uid=uid, operator_name="somebody")

    @rule(uid=UIDS, status=st.sampled_from((1, 1, 1, 2)), code=st.sampled_from(("ACC1", "ACC2")))
    def define_an_account(self, uid: int, status: int, code: str) -> None:
        body = self.m.record("Account", id=1, name="main", code=code, status=status)
        self.m.control("DEFINE_ACCOUNT", body=body, operator_uid=uid, operator_name="somebody")

    # ---- what happens meanwhile

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.m.timer(seconds)

    @rule(strategy=st.integers(1, 2), kind=st.sampled_from(("STRATEGY_SILENT", "STRATEGY_POISONED")))
    def strategy_fails(self, strategy: int, kind: str) -> None:
        self.m.observe(kind, peer=strategy, value=10**10)

    @rule(strategy=st.integers(1, 2))
    def strategy_comes_back(self, strategy: int) -> None:
        self.m.control("STRATEGY_ATTACH", strategy=strategy, epoch=7, pid=1)

    @rule(strategy=st.integers(1, 2), qty=st.sampled_from((1, 6_000, 30_000)), side=st.integers(1, 2), fills=st.booleans())
    def order(self, strategy: int, qty: int, side: int, fills: bool) -> None:
        self.client += 1
        self.m.new(self.client, strategy=strategy, qty=qty, side=side)
        if self.m.told() == ["ACCEPTED"]:
            row = int(self.m.status["order_count"])
            self.m.event("ACK", row, venue_order_id=f"V{row}")
            if fills:
                self.m.fill(qty, order=row, exec_id=f"E{row}", cum_qty=qty)

    @precondition(lambda self: int(self.m.status["requests_pending"]) > 0)
    @rule(granted=st.booleans())
    def cancel_is_answered(self, granted: bool) -> None:
        orders = self.m.table("orders")
        waiting = next((o for o in orders if int(o["cancel_revision"])), None)
        if waiting is not None:
            row, revision = int(waiting["order_id"]), int(waiting["cancel_revision"])
            self.m.event("CANCELED" if granted else "CANCEL_REJECT", row, revision, **({} if granted else {"text_code": 3}))

    @rule()
    def snapshot_and_restore(self) -> None:
        """The engine ends; its successor goes on from a snapshot."""
        with tempfile.TemporaryDirectory() as directory:
            path = snapshot.write(Path(directory), self.m.replayer, "model")
            header = snapshot.read_header(path)
            self.m.replayer = snapshot.load(header, State.in_memory(header.limits), emit_above={1: 0})
        self.m.replayer.state.open_queue(1, strategy=True)
        self.m.replayer.state.open_queue(2, strategy=True)

    # ---- what must hold

    @invariant()
    def is_the_model(self) -> None:
        for at in self.m.offsets[self.told :]:
            length = int.from_bytes(self.m.journal[at : at + 4], "little")
            self.oracle.frame(bytes(self.m.journal[at : at + HEAD]), bytes(self.m.journal[at + HEAD : at + length]))
        self.told = len(self.m.offsets)
        found = self.oracle.check_all(self.m.replayer.state)
        assert not found, "\n".join(map(str, found))

    def teardown(self) -> None:
        other = self.m.replayed()
        assert other.replayer.state_hash() == self.m.replayer.state_hash()


def test_authority_when_anybody_commands_anything_in_any_order_is_as_the_model() -> None:
    run_state_machine_as_test(Authority, settings=settings(max_examples=60, stateful_step_count=60, deadline=None))
