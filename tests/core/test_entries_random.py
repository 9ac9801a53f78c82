"""Random lives of two accounts' worth of positions: fills, entries, and busts and corrections of both, against a machine that never had what was busted.

Whatever was busted or corrected on the way, ledger and positions must end as on a machine that was told the truth at once, in the same order; under every
method, and with one copy of the state replayed from the journal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS
from ringfence.tools.ledger_state import disagreements, used, wide

KIND = ENUMS["LedgerEventKind"].by_name
LIMITS = Limits(orders=64, executions=256, positions=8, breaks=256, instruments=4, accounts=4, venues=2, strategies=4, routes=4, lots=64)
WIDE = ("qty", "cost", "realized", "flow", "moved", "funding", "income", "settled", "cost_base", "realized_base", "moved_base")
STRATEGY, SIZE, PX = st.integers(1, 2), st.sampled_from([-7, -4, -3, 2, 5, 8]), st.integers(90, 110)
ENTRIES = st.one_of(
    st.tuples(st.just("TRANSFER"), st.fixed_dictionaries({"qty": st.integers(1, 9), "other": st.just(1)})),
    st.tuples(
        st.just("TRANSFER"),
        st.fixed_dictionaries({"qty": st.integers(1, 4), "other": st.just(1), "amount": st.integers(1, 2), "px": PX}),
    ),
    st.tuples(st.just("CROSS"), st.fixed_dictionaries({"qty": st.integers(1, 9), "px": PX})),
    st.tuples(st.just("SPLIT"), st.sampled_from([{"ratio_num": 2, "ratio_den": 1}, {"ratio_num": 1, "ratio_den": 2}, {"ratio_num": 3, "ratio_den": 2}])),
    st.tuples(st.just("SPLIT"), st.fixed_dictionaries({"ratio_num": st.just(2), "ratio_den": st.just(3), "qty": st.just(2), "px": PX})),
    st.tuples(st.just("SPIN_OFF"), st.fixed_dictionaries({"ratio_num": st.just(1), "ratio_den": st.just(2), "amount": st.integers(0, 10)})),
    st.tuples(st.just("REWARD"), st.fixed_dictionaries({"qty": st.integers(1, 4), "px": PX})),
    st.tuples(st.sampled_from(["EXPIRE", "SETTLE", "RETURN_OF_CAPITAL"]), st.fixed_dictionaries({"px": PX})),
    st.tuples(st.sampled_from(["FUNDING", "INTEREST", "DIVIDEND"]), st.fixed_dictionaries({"amount": st.integers(1, 99), "amount_digits": st.just(3)})),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), STRATEGY, SIZE, PX),
        st.tuples(st.just("fill"), STRATEGY, SIZE, PX),
        st.tuples(st.just("entry"), STRATEGY, ENTRIES),
        st.tuples(st.just("bust"), st.integers(0, 30)),
        st.tuples(st.just("correct"), st.integers(0, 30), st.integers(1, 9), PX),
    ),
    min_size=4,
    max_size=24,
)


@dataclass
class Fact:
    """A fill or an entry that was taken, as it is known now."""

    number: int
    strategy: int
    size: int = 0
    px: int = 0
    kind: str = ""
    fields: dict[str, int] = field(default_factory=dict)
    busted: bool = False
    newest: str = ""


class Told:
    """A machine, and the facts that it was told."""

    def __init__(self, make_machine: Callable[..., Any], method: str, terms: dict[str, int]) -> None:
        self.m = make_machine(LIMITS)
        m = self.m
        m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, method=ENUMS["LedgerMethod"].by_name[method]))
        m.instrument(settle_days=2, **terms)  # fills and entries are of different value dates
        m.instrument(2, "NEWUSD", settle_days=1, **terms)
        m.currency()
        for number, strategy in enumerate((1, 1, 2, 2), 91):  # an entry needs a position: both are there, and flat
            self.fill(Fact(number, strategy, 1 if number % 2 else -1, 100))

    def fill(self, fact: Fact) -> None:
        row = int(self.m.status["order_count"]) + 1
        self.m.new(fact.number, strategy=fact.strategy, qty=abs(fact.size), px=fact.px, side=1 if fact.size > 0 else 2)
        self.m.fill(abs(fact.size), px=fact.px, exec_id=f"E{fact.number}", order=row)

    def entry(self, fact: Fact, kind: str = "") -> bool:
        before = int(self.m.status["controls_refused"])
        where = {} if kind else {"account": 1, "strategy": fact.strategy, "instrument": 1} | fact.fields
        body = self.m.record("LedgerEntry", kind=KIND[kind or fact.kind], reference=f"R{fact.number}", **where)
        self.m.control("BOOK_ENTRY", body=body)
        return int(self.m.status["controls_refused"]) == before

    def figures(self) -> dict[Any, Any]:
        """Of every position, of both computations; one that never was is flat."""
        m, out = self.m, {}
        for p in used(m.table, "ledger_positions", "position_count")[1:]:
            out["ledger", int(p["strategy"]), int(p["instrument"])] = [wide(p[name]) for name in WIDE]
        for p in m.table("positions")[1 : int(m.status["position_count"]) + 1]:
            found = m.position(int(p["strategy"]), 1, int(p["instrument"]))
            out["position", int(p["strategy"]), int(p["instrument"])] = [found[name] for name in ("net_qty", "cost", "realized", "bought_qty", "sold_qty")]
        return {key: values for key, values in out.items() if any(values)}


def live(told: Told, steps: list[Any]) -> list[Fact]:
    facts: list[Fact] = []
    orders: dict[int, int] = {}
    for step in steps:
        number = len(facts) + 1
        if step[0] == "fill":
            fact = Fact(number, step[1], step[2], step[3], newest=f"E{number}")
            orders[number] = int(told.m.status["order_count"]) + 1
            told.fill(fact)
            facts.append(fact)
        elif step[0] == "entry":
            kind, fields = step[2]
            extra = {"TRANSFER": {"other_strategy": 3 - step[1]}, "CROSS": {"other_strategy": 3 - step[1]}, "SPIN_OFF": {"other": 2, "amount_digits": 1}}.get(
                kind, {}
            )
            fact = Fact(number, step[1], kind=kind, fields=fields | extra)
            if told.entry(fact):
                facts.append(fact)
        elif facts:
            fact = facts[step[1] % len(facts)]
            if fact.busted or (step[0] == "correct" and fact.kind):
                continue
            if step[0] == "correct":
                fact.size, fact.px = (step[2] if fact.size > 0 else -step[2]), step[3]
                newest = f"C{int(told.m.status['execution_count'])}"
                told.m.event("CORRECT", orders[fact.number], exec_id=newest, exec_ref_id=fact.newest, last_qty=step[2], last_px=step[3])
                fact.newest = newest
            elif fact.kind:
                fact.busted = told.entry(fact, "BUST")
                assert fact.busted
            else:
                fact.busted = True
                told.m.event("BUST", orders[fact.number], exec_id=f"B{fact.number}", exec_ref_id=fact.newest)
        assert not (found := disagreements(told.m.table)), "\n".join(found)
    return facts


SPOT: dict[str, int] = {}
DAILY = {"kind": ENUMS["InstrumentKind"].by_name["FUTURE"], "daily": 1}


@pytest.mark.parametrize("terms", [SPOT, DAILY], ids=["spot", "daily"])
@pytest.mark.parametrize("method", ["WAC", "FIFO", "LIFO", "HIFO", "HIFO_MINGAIN", "SPEC"])
def test_what_was_busted_or_corrected_leaves_the_state_of_a_machine_that_never_had_it(
    make_machine: Callable[..., Any], method: str, terms: dict[str, int]
) -> None:
    @settings(max_examples=EXAMPLES, deadline=None)
    @given(STEPS)
    def one(steps: list[Any]) -> None:
        told, truth = Told(make_machine, method, terms), Told(make_machine, method, terms)
        for fact in live(told, steps):
            if fact.busted:
                continue
            if fact.kind:
                truth.entry(fact)  # one that cannot be now was left out by the recomputation
            else:
                truth.fill(fact)
        assert told.figures() == truth.figures()
        assert told.m.replayed().replayer.state_hash() == told.m.replayer.state_hash()

    one()


EXAMPLES = 50
