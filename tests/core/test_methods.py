"""The cost method of one position: set by two people while it is flat, kept at every trade after, its account's again when taken back."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS
from ringfence.tools.ledger_state import by_owner, disagreements, wide

CENT = 10**16
METHOD = ENUMS["LedgerMethod"].by_name
RESULT = ENUMS["LedgerResult"].by_value
RISK_A, RISK_B, TRADER = 1001, 1002, 1003


def position(m: Any, strategy: int = 1) -> Any:
    return by_owner(m.table)[1, strategy, 1]


def change(m: Any, method: str, *, strategy: int = 1, uid: int = 0, **where: int) -> str:
    """Command a method ("": the account's) for a position of account 1 and instrument 1; "" when it was taken, else why not."""
    before = int(m.status["break_count"])
    owner = {"account": 1, "strategy": strategy, "instrument": 1} | where
    m.control("SET_METHOD", body=m.record("MethodChange", method=METHOD.get(method, 0), **owner), operator_uid=uid, operator_name="ops", reason="year end")
    breaks = m.table("breaks")[before + 1 : int(m.status["break_count"]) + 1]
    names = [ENUMS["BreakKind"].by_value[int(b["kind"])] for b in breaks]
    if names == ["LEDGER_REFUSED", "BAD_CONTROL"]:
        return RESULT[int(breaks[0]["theirs"])]
    return names[0] if names else ""


def traded(m: Any, *trades: tuple[int, int], strategy: int = 1) -> Any:
    for size, px in trades:
        n = int(m.status["order_count"]) + 1
        m.new(n, strategy=strategy, qty=abs(size), px=px, side=1 if size > 0 else 2)
        m.fill(abs(size), px=px, exec_id=f"E{n}", order=n)
    return m


def same_as_replay(m: Any) -> None:
    assert disagreements(m.table) == []
    assert m.replayed().replayer.state.state_hash() == m.replayer.state.state_hash()


@pytest.mark.parametrize(("method", "realized", "cost"), [("WAC", 100, 1100), ("FIFO", 200, 1200), ("LIFO", 0, 1000), ("HIFO", 0, 1000)])
def test_position_that_never_traded_books_by_its_own_method_from_its_first_fill(machine: Any, method: str, realized: int, cost: int) -> None:
    assert change(machine, method) == ""
    m = traded(machine, (10, 100), (10, 120), (-10, 120))
    assert (wide(position(m)["realized"]) // CENT, wide(position(m)["cost"]) // CENT) == (realized, cost)
    traded(m, (5, 100), strategy=2)
    assert int(position(m, 2)["method"]) == METHOD["WAC"], "the other position of the account has the account's"
    same_as_replay(m)


def test_open_position_refuses_and_keeps_its_method(machine: Any) -> None:
    m = traded(machine, (10, 100))
    assert change(m, "LIFO") == "NOT_FLAT"
    assert (int(position(m)["method"]), int(position(m)["own_method"])) == (METHOD["WAC"], 0)
    traded(m, (-10, 100))
    assert change(m, "LIFO") == ""
    same_as_replay(m)


def test_own_method_outlives_a_change_of_the_account_and_is_taken_back(machine: Any) -> None:
    m = machine
    assert change(m, "LIFO") == ""
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, method=METHOD["FIFO"]))
    traded(m, (10, 100), (-10, 100), (10, 100))
    assert int(position(m)["method"]) == METHOD["LIFO"]
    assert change(m, "") == "NOT_FLAT"
    traded(m, (-10, 100))
    assert change(m, "") == ""
    assert (int(position(m)["method"]), int(position(m)["own_method"])) == (METHOD["FIFO"], 0)
    same_as_replay(m)


def test_bust_recomputes_by_the_method_of_now_and_keeps_it(machine: Any) -> None:
    assert change(machine, "FIFO") == ""
    m = traded(machine, (10, 100), (10, 120), (-10, 130))
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert (int(position(m)["method"]), int(position(m)["own_method"])) == (METHOD["FIFO"], METHOD["FIFO"])
    assert wide(position(m)["realized"]) // CENT == 100
    same_as_replay(m)


@pytest.mark.parametrize(
    ("where", "why"),
    [({"account": 9}, "NO_INSTRUMENT"), ({"strategy": 0}, "NO_INSTRUMENT"), ({"instrument": 0}, "NO_INSTRUMENT"), ({"instrument": 2**32 - 1}, "NO_INSTRUMENT")],
)
def test_what_names_nothing_is_refused(machine: Any, where: dict[str, int], why: str) -> None:
    assert change(machine, "FIFO", **where) == why
    body = machine.record("MethodChange", account=1, strategy=1, instrument=1, method=200)
    machine.control("SET_METHOD", body=body)
    assert machine.breaks()[-1] == "BAD_CONTROL"


def test_full_table_of_positions_refuses(make_machine: Any) -> None:
    m = make_machine(Limits(orders=64, executions=64, positions=1, breaks=8, instruments=2, accounts=2, venues=2, strategies=3, routes=2, lots=8))
    assert change(m, "FIFO") == ""
    assert change(m, "FIFO", strategy=2) == "NO_ROW"
    same_as_replay(m)


# ---- who must agree


@pytest.fixture
def governed(machine: Any) -> Any:
    m = machine
    for row, (uid, role) in enumerate([(RISK_A, 3), (RISK_B, 3), (TRADER, 2)], 1):
        m.control("DEFINE_OPERATOR", body=m.record("Operator", id=row, uid=uid, name=f"op{row}", role=role, status=1))
    return m


def decide(m: Any, uid: int) -> bool:
    before = int(m.status["break_count"])
    number = int(m.status["proposals"])
    m.control("APPROVE", body=m.record("Decision", proposal=number), operator_uid=uid, operator_name="ops", reason="seen")
    return int(m.status["break_count"]) == before


def test_two_must_agree_and_a_trader_may_not_ask(governed: Any) -> None:
    m = governed
    assert change(m, "FIFO", uid=TRADER) == "BAD_CONTROL"
    assert change(m, "FIFO", uid=RISK_A) == ""
    assert int(m.table("ledger")[1]["position_count"]) == 0, "it waits"
    assert not decide(m, RISK_A)
    assert decide(m, RISK_B)
    assert int(position(m)["own_method"]) == METHOD["FIFO"]
    same_as_replay(m)


def test_position_that_was_opened_while_it_waited_keeps_its_method(governed: Any) -> None:
    m = governed
    change(m, "FIFO", uid=RISK_A)
    traded(m, (10, 100))
    assert not decide(m, RISK_B)
    assert int(position(m)["own_method"]) == 0
    same_as_replay(m)


def test_method_that_was_changed_meanwhile_makes_the_approval_void(governed: Any) -> None:
    m = governed
    change(m, "FIFO", uid=RISK_A)
    change(m, "LIFO", uid=RISK_A)
    assert decide(m, RISK_B)
    m.control("APPROVE", body=m.record("Decision", proposal=int(m.status["proposals"]) - 1), operator_uid=RISK_B, operator_name="ops", reason="seen")
    assert m.breaks()[-1] == "BAD_CONTROL"
    assert int(position(m)["own_method"]) == METHOD["LIFO"]
