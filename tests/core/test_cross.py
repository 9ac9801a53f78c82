"""Crosses between strategies of an account: both trade, no venue takes part, and a bust takes both back.

The machine's instrument has two price digits, no quantity digits and multiplier 1, so a price of 100 is 1.00.
"""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.ipc.schema import ENUMS
from ringfence.tools.ledger_state import used, wide

from .test_entries import entry, frozen, money, net, same_as_replay, traded

METHOD = ENUMS["LedgerMethod"].by_name


@pytest.fixture
def m(machine: Any) -> Any:
    """Strategy 1 holds ten at 1.00, strategy 2 is short four at 1.20."""
    return traded(traded(machine, (10, 100)), (-4, 120), strategy=2)


def cross(m: Any, reference: str = "R1", **fields: Any) -> str:
    return entry(m, "CROSS", reference, **({"qty": 6, "px": 130, "other_strategy": 2} | fields))


def test_both_trade_at_the_price_and_the_account_is_as_before(m: Any) -> None:
    before = sum(wide(p["flow"]) for p in used(m.table, "ledger_positions", "position_count")[1:])
    assert cross(m) == ""
    assert (money(m, "cost", "realized", "fees"), money(m, "cost", "realized", "fees", strategy=2)) == ((400, 180, 0), (260, -40, 0))
    assert (net(m), net(m, 2)) == ((4, 400, 180), (2, 260, -40))
    assert sum(wide(p["flow"]) for p in used(m.table, "ledger_positions", "position_count")[1:]) == before
    same_as_replay(m)


def test_it_is_no_turnover(m: Any) -> None:
    m.currency()
    m.limit("TURNOVER", 10**9)
    before = m.position(), int(m.scope()["turnover"])
    assert cross(m) == ""
    after = m.position()
    assert [after[name] for name in ("bought_qty", "sold_qty", "fills")] == [before[0][name] for name in ("bought_qty", "sold_qty", "fills")]
    assert int(m.scope()["turnover"]) == before[1]


def test_bust_takes_both_back(m: Any) -> None:
    figures = ("qty", "cost", "realized", "flow", "cost_base", "realized_base")
    before = [[wide(p[name]) for name in figures] for p in used(m.table, "ledger_positions", "position_count")[1:]], net(m), net(m, 2)
    assert cross(m) == ""
    traded(m, (2, 90))
    m.event("BUST", 3, exec_id="B1", exec_ref_id="E3")
    assert entry(m, "BUST") == ""
    assert ([[wide(p[name]) for name in figures] for p in used(m.table, "ledger_positions", "position_count")[1:]], net(m), net(m, 2)) == before
    assert entry(m, "BUST") == "DUPLICATE"
    assert cross(m) == "DUPLICATE"
    assert cross(m, qty=1) == "CONFLICT"
    same_as_replay(m)


def test_bust_of_a_fill_behind_it_leaves_what_a_replay_without_it_gives(m: Any) -> None:
    assert cross(m) == ""
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert (net(m), net(m, 2)) == ((-6, -780, 0), (2, 260, -40)), "strategy 1 was short then; strategy 2 is not touched"
    same_as_replay(m)


def test_who_holds_nothing_sells_short_and_a_new_position_is_made(machine: Any) -> None:
    m = traded(machine, (10, 100), (-10, 100))
    assert cross(m) == ""
    assert (net(m), net(m, 2)) == ((-6, -780, 0), (6, 780, 0))
    same_as_replay(m)


def test_positions_are_not_tied_by_it(m: Any) -> None:
    assert cross(m) == ""
    assert [int(p["flags"]) for p in used(m.table, "ledger_positions", "position_count")[1:]] == [0, 0], "a bust of one recomputes that one"


def test_new_position_has_the_accounts_method(machine: Any) -> None:
    m = machine
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, method=METHOD["LIFO"]))
    traded(m, (10, 100))
    assert cross(m) == ""
    assert [int(p["method"]) for p in used(m.table, "ledger_positions", "position_count")[1:]] == [METHOD["LIFO"]] * 2


def test_under_spec_it_takes_the_oldest_lots(machine: Any) -> None:
    m = machine
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, method=METHOD["SPEC"]))
    traded(m, (10, 100), (10, 140))
    assert cross(m, qty=5) == ""
    assert (money(m, "cost", "realized"), net(m)[0]) == ((1900, 150), 15)
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert (money(m, "cost", "realized"), net(m)[0]) == ((700, -50), 5)
    same_as_replay(m)


def test_transfer_to_a_new_position_is_wac_where_the_account_says_nothing(machine: Any) -> None:
    m = traded(machine, (10, 100))
    assert entry(m, "TRANSFER", qty=5, other=1, other_strategy=2) == ""
    assert [int(p["method"]) for p in used(m.table, "ledger_positions", "position_count")[1:]] == [METHOD["WAC"]] * 2


def test_loss_of_the_day_is_judged_for_both_together(m: Any) -> None:
    m.currency()
    m.mark(100, 100)
    m.limit("DAILY_LOSS", 1_0000, "STRATEGY", 1)
    m.limit("DAILY_LOSS", 1_0000, "ACCOUNT", 1)
    state = ENUMS["ScopeState"].by_value
    assert cross(m, qty=10, px=10) == ""
    assert state[int(m.scope("STRATEGY", 1)["state"])] == "REDUCING", "it sold ten for 0.10 that are worth 1.00"
    assert state[int(m.scope("ACCOUNT", 1)["state"])] == "OPEN", "what the one lost the other has"
    same_as_replay(m)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"qty": 0}, "BAD_EVENT"),
        ({"qty": -1}, "BAD_EVENT"),
        ({"other_strategy": 1}, "BAD_EVENT"),
        ({"other_strategy": 0}, "BAD_EVENT"),
        ({"other_strategy": 9}, "NO_INSTRUMENT"),
        ({"other": 1}, "BAD_EVENT"),
        ({"amount": 1}, "BAD_EVENT"),
        ({"strategy": 0}, "NO_INSTRUMENT"),
        ({"instrument": 7}, "NO_INSTRUMENT"),
        ({"qty": 2**63 - 1, "px": 2**63 - 1}, "OVERFLOW"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(m: Any, fields: dict[str, int], why: str) -> None:
    before = frozen(m)
    assert cross(m, **fields) == why
    assert frozen(m) == before


def test_position_that_is_not_there_cannot_sell(machine: Any) -> None:
    assert cross(machine) == "NOT_HELD"


def test_full_table_of_events_takes_none_of_the_two(make_machine: Any) -> None:
    from ringfence.core.state import Limits

    m = traded(make_machine(Limits(instruments=8, accounts=2, venues=4, strategies=4, orders=32, executions=4, positions=8, breaks=64)), (10, 100))
    room = len(m.table("ledger_events")) - 1 - int(m.table("ledger")[1]["event_count"])
    for number in range(room - 1):
        assert entry(m, "FUNDING", f"F{number}", amount=1) == ""
    before = frozen(m)
    assert cross(m) == "NO_ROW", "one row is left, and it needs two"
    assert frozen(m) == before
    assert entry(m, "FUNDING", "last", amount=1) == ""
