"""Rule 8 in the engine: after busts and corrections every figure, lot, method and value date is that of a life that never had what was taken out.

Two machines: one trades and has its trades busted and corrected, in any order and on any day; the other is told only what stands, in the same places.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS
from ringfence.tools.ledger_state import by_owner, disagreements, lots_of, unnamed, wide

from .test_names import entry, figures, name, position, spec, traded, waiting
from .test_value_dates import define, ladder, roll, same_as_replay, trade, world

METHOD = ENUMS["LedgerMethod"].by_name
DAYS = (20240610, 20240611, 20240612, 20240613, 20240614, 20240617, 20240618)
LIMITS = Limits(orders=128, executions=512, positions=8, breaks=512, instruments=8, accounts=4, venues=2, strategies=4, routes=4, lots=256, scopes=64)


def account(m: Any, method: int) -> None:
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, method=method))


# ---- methods -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", ["SPEC", "LIFO", "WAC"])
def test_correction_of_a_round_that_is_over_is_by_its_own_method(machine: Any, later: str) -> None:
    """Under FIFO, flat; then another method and another round."""
    m = machine
    account(m, METHOD["FIFO"])
    traded(m, (10, 100), (10, 120), (-10, 150), (-10, 160))
    account(m, METHOD[later])
    traded(m, (1, 100))
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=10, last_px=101)
    assert (figures(m), waiting(m), m.breaks()) == ((1, 100, 890), [], [])
    assert int(position(m)["method"]) == METHOD[later]
    same_as_replay(m)


def test_bust_that_leaves_a_round_open_leaves_its_method(machine: Any) -> None:
    """Without the second close the position was never flat, and so took no other method."""
    m = machine
    account(m, METHOD["FIFO"])
    traded(m, (10, 100), (-10, 150))
    account(m, METHOD["LIFO"])
    traded(m, (10, 200), (-10, 210))
    m.event("BUST", 2, exec_id="B1", exec_ref_id="E2")
    assert int(position(m)["method"]) == METHOD["FIFO"]
    assert figures(m) == (10, 2000, 1100), "the oldest went"
    same_as_replay(m)


def test_method_of_its_own_stays_when_an_earlier_round_is_corrected(machine: Any) -> None:
    m = machine
    traded(m, (10, 100), (-10, 150))
    m.control("SET_METHOD", body=m.record("MethodChange", account=1, strategy=1, instrument=1, method=METHOD["HIFO"]))
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=10, last_px=101)
    assert int(position(m)["method"]) == METHOD["HIFO"]
    same_as_replay(m)


def test_position_that_a_bust_changed_says_when(machine: Any) -> None:
    m = traded(machine, (10, 100), (10, 120))
    before = int(position(m)["updated_seq"])
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert int(position(m)["updated_seq"]) == int(m.status["seq"]) > before
    m.event("CORRECT", 2, exec_id="C1", exec_ref_id="E2", last_qty=9, last_px=120)
    assert int(position(m)["updated_seq"]) == int(m.status["seq"])
    same_as_replay(m)


def test_tied_positions_that_a_bust_changed_say_when(machine: Any) -> None:
    m = traded(machine, (10, 100))
    assert entry(m, "TRANSFER", "T1", qty=4, other=1, other_strategy=2) == ""
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=12, last_px=90)
    rows = by_owner(m.table)
    assert [int(rows[1, strategy, 1]["updated_seq"]) for strategy in (1, 2)] == [int(m.status["seq"])] * 2


# ---- value dates ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def m(make_machine: Callable[..., Any]) -> Any:
    """EUR/USD under SPEC, two days: 10 and 5 bought on the 10th."""
    m = spec(world(make_machine, 20240610))
    define(m)
    trade(m, 10, 100)
    trade(m, 5, 100)
    return m


def test_close_that_becomes_clear_settles_on_its_own_day(m: Any) -> None:
    roll(m, 20240611)
    trade(m, -5, 110)
    roll(m, 20240612)
    trade(m, -4, 120)
    assert (waiting(m), ladder(m)) == ([3, 4], {0: (15, 1500)})
    assert name(m, "N1", 3, 2, 5) == ""
    assert (waiting(m), ladder(m)) == ([], {0: (15, 1500), 20240613: (-5, -550), 20240614: (-4, -480)})
    assert entry(m, "BUST", "N1") == "AMBIGUOUS"
    assert (waiting(m), ladder(m)) == ([3, 4], {0: (15, 1500)})
    same_as_replay(m)


def test_close_that_waits_again_is_out_of_its_own_day(m: Any) -> None:
    roll(m, 20240611)
    trade(m, -15, 100)
    assert ladder(m) == {20240612: (15, 1500), 20240613: (-15, -1500)}
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=12, last_px=100)
    assert (waiting(m), ladder(m)) == ([3], {20240612: (17, 1700)})
    same_as_replay(m)


def test_close_that_a_bust_makes_clear_settles_on_its_own_day(m: Any) -> None:
    roll(m, 20240611)
    trade(m, -5, 100)
    m.event("BUST", 2, exec_id="B1", exec_ref_id="E2")
    assert (waiting(m), ladder(m)) == ([], {20240612: (10, 1000), 20240613: (-5, -500)})
    same_as_replay(m)


def test_close_that_waits_and_is_corrected_is_in_no_day_until_it_is_clear(m: Any) -> None:
    roll(m, 20240611)
    trade(m, -5, 100)
    m.event("CORRECT", 3, exec_id="C1", exec_ref_id="E3", last_qty=6, last_px=100)
    assert (waiting(m), ladder(m)) == ([3], {20240612: (15, 1500)})
    m.event("CORRECT", 3, exec_id="C2", exec_ref_id="C1", last_qty=15, last_px=100)
    assert (waiting(m), ladder(m)) == ([], {20240612: (15, 1500), 20240613: (-15, -1500)})
    m.event("CORRECT", 3, exec_id="C3", exec_ref_id="C2", last_qty=7, last_px=100)
    m.event("BUST", 3, exec_id="B1", exec_ref_id="C3")
    m.event("BUST", 3, exec_id="B2", exec_ref_id="C3")
    assert (waiting(m), ladder(m)) == ([], {20240612: (15, 1500)})
    same_as_replay(m)


def test_effect_of_an_entry_is_settled_also_when_what_it_is_about_is_corrected(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610)
    define(m)
    trade(m, 10, 100)
    assert entry(m, "SPLIT", "S1", ratio_num=2, ratio_den=1) == ""
    assert ladder(m) == {0: (10, 0), 20240612: (10, 1000)}
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=12, last_px=100)
    assert ladder(m) == {0: (12, 0), 20240612: (12, 1200)}
    assert entry(m, "BUST", "S1") == ""
    assert ladder(m) == {20240612: (12, 1200)}
    same_as_replay(m)


def test_cross_that_is_busted_is_out_of_its_day_in_both_positions(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610)
    define(m)
    trade(m, 10, 100)
    assert entry(m, "CROSS", "X1", qty=4, px=105, other_strategy=2) == ""
    roll(m, 20240611)
    trade(m, 3, 100)
    assert (ladder(m), ladder(m, 2)) == ({20240612: (6, 580), 20240613: (3, 300)}, {20240612: (4, 420)})
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=11, last_px=100)
    assert entry(m, "BUST", "X1") == ""
    assert (ladder(m), ladder(m, 2)) == ({20240612: (11, 1100), 20240613: (3, 300)}, {})
    same_as_replay(m)


# ---- lives without what was taken out ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fact:
    """A trade as it stands; the identity that a bust names, and the order it is of."""

    strategy: int
    size: int
    px: int
    exec_id: str = ""
    order: int = 0


Step = tuple[Any, ...]
FILL = st.tuples(st.just("fill"), st.integers(1, 2), st.sampled_from([-7, -5, -3, 2, 5, 7]), st.integers(90, 110))
STEPS = st.lists(
    st.one_of(
        FILL,
        FILL,
        FILL,
        st.tuples(st.just("flat"), st.integers(1, 2), st.integers(90, 110)),
        st.tuples(st.just("bust"), st.integers(0, 30)),
        st.tuples(st.just("correct"), st.integers(0, 30), st.integers(1, 9), st.integers(90, 110)),
        st.tuples(st.just("method"), st.integers(1, 6)),
        st.tuples(st.just("roll")),
        st.tuples(st.just("split"), st.integers(1, 2)),
    ),
    min_size=4,
    max_size=30,
)


def tell(m: Any, step: Step | Fact, n: int) -> None:
    """What both machines are told alike."""
    if isinstance(step, Fact):
        trade(m, step.size, step.px, step.strategy)
    elif step[0] == "method":
        account(m, step[1])
    elif step[0] == "roll":
        today = DAYS.index(int(m.status["day"]))
        roll(m, DAYS[min(today + 1, len(DAYS) - 1)])
    else:
        entry(m, "SPLIT", f"S{n}", strategy=step[1], ratio_num=2, ratio_den=1)


def live(m: Any, steps: list[Step]) -> list[Step | Fact]:
    """Live through the steps; what stands of them in the end, in their places."""
    stands: list[Step | Fact] = []
    for n, step in enumerate(steps):
        facts = [k for k, x in enumerate(stands) if isinstance(x, Fact)]
        if step[0] == "flat":
            held = by_owner(m.table).get((1, step[1], 1))
            step = ("fill", step[1], -wide(held["qty"]) if held is not None else 0, step[2])
        if step[0] == "fill" and step[2]:
            order = trade(m, step[2], step[3], step[1])
            stands.append(Fact(step[1], step[2], step[3], f"E{order}", order))
        elif step[0] in ("bust", "correct") and facts:
            at = facts[step[1] % len(facts)]
            fact = stands[at]
            assert isinstance(fact, Fact)
            if fact.size and step[0] == "bust":
                m.event("BUST", fact.order, exec_id=f"B{n}", exec_ref_id=fact.exec_id)
                stands[at] = replace(fact, size=0)
            elif fact.size:
                m.event("CORRECT", fact.order, exec_id=f"C{n}", exec_ref_id=fact.exec_id, last_qty=step[2], last_px=step[3])
                stands[at] = replace(fact, exec_id=f"C{n}", size=step[2] if fact.size > 0 else -step[2], px=step[3])
        elif step[0] in ("method", "roll", "split"):
            tell(m, step, n)
            stands.append(step)
        assert not (found := disagreements(m.table)), "\n".join(found)
    return [x for x in stands if not isinstance(x, Fact) or x.size]


def state_of(m: Any, strategy: int) -> Any:
    """Figures, lots, value dates and how many closes wait; the method of what is open."""
    p = by_owner(m.table).get((1, strategy, 1))
    if p is None:
        return None
    waits = sum(1 for e in unnamed(m.table) if int(e["strategy"]) == strategy)
    lots = [(wide(lot["qty"]), wide(lot["cost"])) for lot in lots_of(m.table, p)]
    method = int(p["method"]) if lots or waits else 0
    return [wide(p[f]) for f in ("qty", "cost", "realized", "flow")], lots, ladder(m, strategy), waits, method


def test_life_with_busts_and_corrections_is_one_that_never_had_them(make_machine: Callable[..., Any]) -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.integers(1, 6), STEPS)
    def one(method: int, steps: list[Step]) -> None:
        pair = []
        for _ in range(2):
            m = world(make_machine, DAYS[0], LIMITS, closed={})
            account(m, method)
            define(m)
            for strategy in (1, 2):  # so that both positions are there, whatever is busted
                trade(m, 1, 100, strategy)
                trade(m, -1, 100, strategy)
            pair.append(m)
        stands = live(pair[0], steps)
        for n, step in enumerate(stands):
            tell(pair[1], step, n)
        for strategy in (1, 2):
            assert state_of(pair[0], strategy) == state_of(pair[1], strategy)
        same_as_replay(pair[0])

    one()
