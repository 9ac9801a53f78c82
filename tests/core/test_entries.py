"""Entries of the ledger as commands: what they book, what they refuse and change nothing for, who must agree, what a bust of one leaves.

The machine's instrument has two price digits, no quantity digits and multiplier 1, so a price of 100 is 1.00 and money is 10^-18.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS
from ringfence.tools.ledger_state import by_owner, disagreements, wide

CENT = 10**16
KIND = ENUMS["LedgerEventKind"].by_name
RESULT = ENUMS["LedgerResult"].by_value
STATE = ENUMS["ProposalState"].by_value
RISK_A, RISK_B, TRADER = 1001, 1002, 1003


def entry(m: Any, kind: str, reference: str = "R1", *, uid: int = 0, **fields: Any) -> str:
    """Command an entry of account 1, strategy 1, instrument 1; "" when it was taken, else why the ledger refused it."""
    before = int(m.status["break_count"])
    where = {} if kind == "BUST" else {"account": 1, "strategy": 1, "instrument": 1}
    body = m.record("LedgerEntry", kind=KIND[kind], reference=reference, **(where | fields))
    m.control("BOOK_ENTRY", body=body, operator_uid=uid, operator_name="ops", reason="statement")
    return refusal(m, before)


def refusal(m: Any, before: int) -> str:
    found = m.table("breaks")[before + 1 : int(m.status["break_count"]) + 1]
    names = [ENUMS["BreakKind"].by_value[int(b["kind"])] for b in found]
    why = [RESULT[int(b["theirs"])] for b, name in zip(found, names, strict=True) if name == "LEDGER_REFUSED"]
    assert not why or names[-1] == "BAD_CONTROL"
    return why[0] if why else ("BAD_CONTROL" if names else "")


def position(m: Any, strategy: int = 1, instrument: int = 1, account: int = 1) -> Any:
    return by_owner(m.table)[account, strategy, instrument]


def money(m: Any, *names: str, strategy: int = 1, instrument: int = 1) -> tuple[float, ...]:
    """Figures of a ledger position in hundredths of the settlement currency."""
    return tuple(wide(position(m, strategy, instrument)[name]) / CENT for name in names)


def net(m: Any, strategy: int = 1, instrument: int = 1) -> tuple[int, int, int]:
    """Quantity, cost and realized of a position of the risk checks; the ledger must have the same quantity."""
    found = m.position(strategy, 1, instrument)
    assert wide(position(m, strategy, instrument)["qty"]) == found["net_qty"]
    return found["net_qty"], found["cost"], found["realized"]


def traded(m: Any, *trades: tuple[int, int], strategy: int = 1, instrument: int = 1) -> Any:
    """Orders that are filled at once: signed quantity, price."""
    for size, px in trades:
        n = int(m.status["order_count"]) + 1
        m.new(n, strategy=strategy, instrument=instrument, qty=abs(size), px=px, side=1 if size > 0 else 2)
        m.fill(abs(size), px=px, exec_id=f"E{n}", order=n)
    return m


def frozen(m: Any) -> dict[str, bytes]:
    """All that an entry which is refused must leave as it was: every table but counts of the engine, breaks, and how the ledger recomputes."""
    kept = {name: data for name, data in m.tables().items() if name not in ("engine", "breaks", "ledger", "ledger_positions", "ledger_checkpoints")}
    figures = [name for name in m.table("ledger_positions").dtype.names if name not in ("stamp", "next_of_family", "since_checkpoint", "checkpoint")]
    return kept | {"figures": b"".join(m.table("ledger_positions")[name].tobytes() for name in figures)}


@pytest.fixture
def m(machine: Any) -> Any:
    """Two positions: ten of strategy 1 at 1.00, and one of strategy 2."""
    return traded(traded(machine, (10, 100)), (1, 100), strategy=2)


def same_as_replay(m: Any) -> None:
    assert disagreements(m.table) == []
    assert m.replayed().replayer.state.state_hash() == m.replayer.state.state_hash()


# ---- kinds that move money only -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields", "figure", "cents"),
    [
        ("FUNDING", {"amount": -1250, "amount_digits": 3}, "funding", -125),
        ("INTEREST", {"amount": 7, "amount_digits": 0}, "income", 700),
        ("DIVIDEND", {"px": 5}, "income", 50),
        ("DIVIDEND", {"amount": 12, "amount_digits": 2}, "income", 12),
    ],
)
def test_money_is_booked_to_its_figure_and_no_other(m: Any, kind: str, fields: dict[str, int], figure: str, cents: int) -> None:
    before = m.position()
    assert entry(m, kind, **fields) == ""
    others = {"funding", "income", "settled"} - {figure}
    assert money(m, figure) == (cents,)
    assert [money(m, name) for name in others] == [(0,)] * 2
    assert m.position() == before, "the position of the risk checks has no such figure"
    same_as_replay(m)


FUTURE = {"kind": ENUMS["InstrumentKind"].by_name["FUTURE"], "daily": 1}


def test_settle_is_refused_where_cash_does_not_move_by_it(m: Any) -> None:
    assert entry(m, "SETTLE", px=130) == "BAD_EVENT"
    assert money(m, "settled") == (0,)


def cash(m: Any) -> int:
    """What the ledger says came to the account, in hundredths: of a future with daily settlement what was settled, less fees."""
    return sum(wide(position(m)[name]) for name in ("settled", "funding", "income")) // CENT - wide(position(m)["fees"]) // CENT


def test_settlements_pay_the_variation_margin_of_rule_12(machine: Any) -> None:
    """Position at the last settlement by the difference of the prices, and each fill since by its distance from the new one."""
    m = machine
    m.instrument(**FUTURE, multiplier=50)
    held, before, paid = 0, 0, 0
    days = [([(2, 500_000)], 501_000), ([(-1, 502_000), (4, 500_500)], 499_000), ([], 499_700), ([(-9, 500_000)], 500_100), ([(4, 499_000)], 498_000)]
    for day, (fills, px) in enumerate(days):
        traded(m, *fills)
        due = 50 * (held * (px - before) + sum(q * (px - p) for q, p in fills))
        held, before, paid = held + sum(q for q, _ in fills), px, paid + due
        assert entry(m, "SETTLE", f"S{day}", px=px) == ""
        assert (cash(m), money(m, "settled")) == (paid, (paid,))
    assert held == 0
    same_as_replay(m)


def test_expiry_pays_what_was_not_settled_yet(machine: Any) -> None:
    m = machine
    m.instrument(**FUTURE)
    traded(m, (3, 100))
    entry(m, "SETTLE", "S1", px=110)
    traded(m, (-1, 120))
    assert money(m, "settled") == (30,), "a close pays nothing before the next settlement"
    assert entry(m, "EXPIRE", "X1", px=105) == ""
    assert money(m, "settled", "realized") == (30, 30)
    assert entry(m, "BUST", "X1") == ""
    assert money(m, "settled") == (30,)
    traded(m, (-2, 106))
    assert entry(m, "EXPIRE", "X2", px=99) == "", "flat: what the last close left is paid"
    assert money(m, "settled") == (32,)
    same_as_replay(m)


def test_return_of_capital_takes_cost_off_in_both(m: Any) -> None:
    assert entry(m, "RETURN_OF_CAPITAL", px=30) == ""
    assert money(m, "cost", "flow") == (700, 700)
    assert net(m) == (10, 700, 0)
    same_as_replay(m)


def test_short_pays_the_dividend(machine: Any) -> None:
    m = traded(machine, (-10, 100))
    assert entry(m, "DIVIDEND", px=5) == ""
    assert money(m, "income") == (-50,)


def test_rate_is_that_of_the_moment(machine: Any) -> None:
    m = machine
    m.currency("EUR", 2)
    m.currency("USD", 1, rate=8 * 10**8)
    traded(m, (10, 100))
    m.currency("USD", 1, rate=5 * 10**8)
    assert entry(m, "FUNDING", amount=100, amount_digits=2) == ""
    assert money(m, "income_base") == (50,)


# ---- a network fee in kind -----------------------------------------------------------------------------------------------------------


def test_network_fee_of_a_transfer_is_disposed_at_its_price_and_valued_as_a_fee(m: Any) -> None:
    before = wide(position(m)["flow"])
    assert entry(m, "TRANSFER", qty=4, other=1, other_strategy=2, amount=10, amount_digits=1, px=130) == ""
    assert (net(m), net(m, 2)) == ((5, 500, 30), (5, 500, 0))
    assert money(m, "cost", "realized", "fees") == (500, 30, 130)
    assert wide(position(m)["flow"]) - before == -130 * CENT, "the units bring their price, which the fee takes: no cash moves"
    same_as_replay(m)
    assert entry(m, "BUST", "R1") == ""
    assert (net(m), net(m, 2)) == ((10, 1000, 0), (1, 100, 0))
    assert money(m, "fees") == (0,)
    same_as_replay(m)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"qty": 9, "amount": 2, "px": 130}, "NOT_HELD"),
        ({"qty": 4, "amount": 5, "amount_digits": 1, "px": 130}, "BAD_EVENT"),  # half a unit
        ({"qty": 4, "amount": 1}, "BAD_EVENT"),
        ({"qty": 4, "px": 130}, "BAD_EVENT"),
        ({"qty": 4, "amount": -1, "px": 130}, "BAD_EVENT"),
        ({"qty": 4, "amount": 2**62, "px": 130}, "NOT_HELD"),
    ],
)
def test_network_fee_that_cannot_be_is_refused(m: Any, fields: dict[str, int], why: str) -> None:
    before = frozen(m)
    assert entry(m, "TRANSFER", other=1, other_strategy=2, **fields) == why
    assert frozen(m) == before


def test_network_fee_of_a_short_or_a_future_is_refused(machine: Any) -> None:
    m = traded(machine, (-10, 100))
    assert entry(m, "TRANSFER", qty=4, other=1, other_strategy=2, amount=1, px=130) == "NOT_HELD"
    m.instrument(2, "FUT", **FUTURE)
    traded(m, (10, 100), instrument=2)
    assert entry(m, "TRANSFER", "R2", instrument=2, qty=4, other=1, other_strategy=2, amount=1, px=130) == "BAD_EVENT"


# ---- kinds that change quantities ---------------------------------------------------------------------------------------------------


def test_transfer_moves_lots_with_their_cost_and_place(machine: Any) -> None:
    m = machine
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, method=ENUMS["LedgerMethod"].by_name["FIFO"]))
    traded(m, (10, 100), (10, 140))
    assert entry(m, "TRANSFER", qty=15, other=1, other_strategy=2) == ""
    assert (money(m, "cost", "realized"), money(m, "cost", "realized", strategy=2)) == ((700, 0), (1700, 0))
    assert (net(m), net(m, 2)) == ((5, 600, 0), (15, 1800, 0)), "the risk checks' position has average cost"
    same_as_replay(m)


def test_transfer_to_a_new_position_makes_its_row(machine: Any) -> None:
    m = traded(machine, (10, 100))
    assert m.position(2) is None
    assert entry(m, "TRANSFER", qty=10, other=1, other_strategy=2) == ""
    assert (net(m), net(m, 2)) == ((0, 0, 0), (10, 1000, 0))
    same_as_replay(m)


def test_transfer_of_a_short_moves_its_cost(machine: Any) -> None:
    m = traded(machine, (-10, 100))
    assert entry(m, "TRANSFER", qty=4, other=1, other_strategy=2) == ""
    assert (net(m), net(m, 2)) == ((-6, -600, 0), (-4, -400, 0))
    same_as_replay(m)


def test_split_keeps_cost_and_sells_the_fraction_in_lieu(m: Any) -> None:
    assert entry(m, "SPLIT", ratio_num=3, ratio_den=2) == ""
    assert net(m) == (15, 1000, 0)
    assert entry(m, "SPLIT", "R2", ratio_num=1, ratio_den=1, qty=10, px=80) == ""
    assert net(m)[0] == 10, "five of fifteen are below the unit of ten"
    assert net(m)[1:] == (667, 400 - 333)
    same_as_replay(m)


def test_split_that_leaves_nothing_loses_the_cost(m: Any) -> None:
    assert entry(m, "SPLIT", ratio_num=1, ratio_den=100) == ""
    assert net(m) == (0, 0, -1000)
    same_as_replay(m)


def test_reward_is_income_and_a_lot_at_its_price(m: Any) -> None:
    assert entry(m, "REWARD", qty=2, px=90) == ""
    assert money(m, "cost", "income") == (1180, 180)
    assert net(m) == (12, 1180, 0)
    assert m.position()["traded"] == 1000, "nothing was traded"
    same_as_replay(m)


def test_expiry_closes_all_at_its_price(m: Any) -> None:
    assert entry(m, "EXPIRE", px=0) == ""
    assert net(m) == (0, 0, -1000)
    same_as_replay(m)


def test_spin_off_leaves_a_part_of_the_cost(m: Any) -> None:
    m.instrument(2, "NEWUSD")
    assert entry(m, "SPIN_OFF", ratio_num=1, ratio_den=2, other=2, amount=25, amount_digits=2) == ""
    assert (net(m), net(m, 1, 2)) == ((10, 750, 0), (5, 250, 0))
    same_as_replay(m)


def test_scopes_count_what_an_entry_changed(m: Any) -> None:
    m.currency()
    m.mark(100, 100)
    m.limit("MAX_POSITION", 1000, "STRATEGY_INSTRUMENT", 2, 1)
    m.limit("NET_EXPOSURE", 10**9, "STRATEGY", 2)
    assert entry(m, "TRANSFER", qty=10, other=1, other_strategy=2) == ""
    assert [int(m.scope("STRATEGY_INSTRUMENT", n, 1)["net_qty"]) for n in (1, 2)] == [0, 11]
    assert [int(m.scope("STRATEGY", n)["long_amount"]) for n in (1, 2)] == [0, 11 * 10**4]


# ---- identity -----------------------------------------------------------------------------------------------------------------------


def test_same_reference_is_booked_once(m: Any) -> None:
    assert entry(m, "FUNDING", amount=5) == ""
    assert entry(m, "FUNDING", amount=5) == "DUPLICATE"
    assert entry(m, "FUNDING", amount=6) == "CONFLICT"
    assert money(m, "funding") == (500,)
    assert entry(m, "FUNDING", "R2", amount=6) == ""
    assert money(m, "funding") == (1100,)


def test_reference_is_never_that_of_an_execution(m: Any) -> None:
    """An execution's identity is its row: a reference whose text is that number is another."""
    assert entry(m, "FUNDING", "1", amount=5) == ""
    assert entry(m, "BUST", "2") == "BAD_EVENT", "execution 2 is there, but is no entry"


def test_bust_leaves_what_would_be_without_the_entry(m: Any) -> None:
    entry(m, "TRANSFER", qty=6, other=1, other_strategy=2)
    entry(m, "SPLIT", "R2", ratio_num=2, ratio_den=1)
    assert (net(m), net(m, 2)) == ((8, 400, 0), (7, 700, 0))
    assert entry(m, "BUST", "R1") == ""
    assert (net(m), net(m, 2)) == ((20, 1000, 0), (1, 100, 0))
    same_as_replay(m)
    assert entry(m, "BUST", "R1") == "DUPLICATE"
    assert entry(m, "TRANSFER", qty=6, other=1, other_strategy=2) == "DUPLICATE", "its reference is used up"
    assert entry(m, "BUST", "R2") == ""
    assert (net(m), net(m, 2)) == ((10, 1000, 0), (1, 100, 0))
    same_as_replay(m)


def test_bust_of_money_takes_it_back(m: Any) -> None:
    entry(m, "FUNDING", amount=5)
    assert entry(m, "BUST") == ""
    assert money(m, "funding") == (0,)
    same_as_replay(m)


# ---- busts and corrections of executions behind an entry ------------------------------------------------------------------------------


def test_bust_of_a_fill_before_a_split_leaves_what_a_replay_without_it_gives(machine: Any) -> None:
    m = traded(machine, (10, 100), (10, 120))
    entry(m, "SPLIT", ratio_num=3, ratio_den=1)
    traded(m, (-6, 50))
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert net(m) == (24, 960, 60)
    same_as_replay(m)


def test_correction_before_a_transfer_reaches_where_the_lots_went(m: Any) -> None:
    entry(m, "TRANSFER", qty=5, other=1, other_strategy=2)
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=10, last_px=110)
    assert (net(m), net(m, 2)) == ((5, 550, 0), (6, 650, 0))
    same_as_replay(m)


def test_transfer_that_a_bust_makes_impossible_is_left_out_in_both(machine: Any) -> None:
    m = traded(machine, (10, 100), (2, 100))
    entry(m, "TRANSFER", qty=8, other=1, other_strategy=2)
    traded(m, (-3, 100), strategy=2)
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert (net(m), net(m, 2)) == ((2, 200, 0), (-3, -300, 0))
    same_as_replay(m)


def test_bust_of_a_fill_after_the_entries_keeps_them(m: Any) -> None:
    entry(m, "SPLIT", ratio_num=2, ratio_den=1)
    traded(m, (4, 60))
    m.event("BUST", 3, exec_id="B1", exec_ref_id="E3")
    assert net(m) == (20, 1000, 0)
    same_as_replay(m)


# ---- what is refused changes nothing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields", "why"),
    [
        ("FILL", {"qty": 1, "px": 100}, "BAD_EVENT"),
        ("CORRECT", {}, "BAD_EVENT"),
        ("FUNDING", {}, "BAD_EVENT"),
        ("FUNDING", {"amount": 5, "px": 1}, "BAD_EVENT"),
        ("FUNDING", {"amount": 5, "amount_digits": 19}, "BAD_EVENT"),
        ("FUNDING", {"amount": 5, "reference": ""}, "BAD_EVENT"),
        ("FUNDING", {"amount": 5, "reference": "a b"}, "BAD_EVENT"),
        ("DIVIDEND", {"amount": 5, "px": 1}, "BAD_EVENT"),
        ("FUNDING", {"amount": 5, "strategy": 0}, "NO_INSTRUMENT"),
        ("FUNDING", {"amount": 5, "strategy": 9}, "NO_INSTRUMENT"),
        ("FUNDING", {"amount": 5, "account": 2}, "NO_INSTRUMENT"),
        ("FUNDING", {"amount": 5, "instrument": 3}, "NO_INSTRUMENT"),
        ("TRANSFER", {"qty": 11, "other": 1, "other_strategy": 2}, "NOT_HELD"),
        ("TRANSFER", {"qty": -1, "other": 1, "other_strategy": 2}, "BAD_EVENT"),
        ("TRANSFER", {"qty": 1, "other": 1, "other_strategy": 1}, "BAD_EVENT"),
        ("TRANSFER", {"qty": 1, "other": 1}, "BAD_EVENT"),
        ("SPLIT", {"ratio_num": 2}, "BAD_EVENT"),
        ("SPLIT", {"ratio_num": 2, "ratio_den": 1, "px": 5}, "BAD_EVENT"),
        ("SPLIT", {"ratio_num": 2**32 - 1, "ratio_den": 1, "strategy": 2}, "OVERFLOW"),
        ("REWARD", {"qty": 2**62, "px": 2**62}, "OVERFLOW"),
        ("SPIN_OFF", {"ratio_num": 1, "ratio_den": 1, "other": 1}, "BAD_EVENT"),
        ("BUST", {"reference": "none"}, "BAD_EVENT"),
        ("BUST", {"instrument": 1}, "BAD_EVENT"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason_and_changes_nothing(m: Any, kind: str, fields: dict[str, Any], why: str) -> None:
    if why == "OVERFLOW" and kind == "SPLIT":
        traded(m, (10**12, 1), strategy=2)
    before = frozen(m)
    assert entry(m, kind, **fields) == why
    assert frozen(m) == before


def test_sum_that_does_not_fit_is_refused(m: Any) -> None:
    found = [entry(m, "FUNDING", f"R{n}", amount=2**63 - 1) for n in range(5)]
    assert found == [""] * 4 + ["OVERFLOW"]
    assert wide(position(m)["funding"]) == 400 * (2**63 - 1) * CENT


def test_entry_needs_a_position(machine: Any) -> None:
    assert entry(machine, "FUNDING", amount=5) == "NOT_HELD"


def test_transfer_against_a_position_of_the_other_side_is_refused(machine: Any) -> None:
    m = traded(traded(machine, (10, 100)), (-5, 100), strategy=2)
    before = frozen(m)
    assert entry(m, "TRANSFER", qty=3, other=1, other_strategy=2) == "NOT_HELD"
    assert frozen(m) == before


def test_transfer_without_a_row_for_its_position_is_refused(make_machine: Callable[..., Any]) -> None:
    m = traded(make_machine(Limits(orders=64, executions=256, positions=1, breaks=64, instruments=4, accounts=4, venues=2, strategies=4, lots=512)), (10, 100))
    before = frozen(m)
    assert entry(m, "TRANSFER", qty=3, other=1, other_strategy=2) == "NO_ROW"
    assert frozen(m) == before


# ---- two people -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def governed(m: Any) -> Any:
    m.currency()
    for row, (uid, role) in enumerate({RISK_A: "RISK", RISK_B: "RISK", TRADER: "TRADER"}.items(), 1):
        body = m.record("Operator", id=row, name=f"op{row}", uid=uid, role=ENUMS["OperatorRole"].by_name[role], status=1)
        m.control("DEFINE_OPERATOR", body=body, operator_uid=RISK_A)
        while STATE.get(int(m.table("proposals")[int(m.status["proposal_count"])]["state"])) == "PENDING":
            approve(m, RISK_B if row > 2 else RISK_A)
    return m


def approve(m: Any, uid: int) -> str:
    before = int(m.status["break_count"])
    m.control("APPROVE", body=m.record("Decision", proposal=int(m.status["proposals"])), operator_uid=uid)
    return refusal(m, before)


def test_entry_waits_for_a_second_person(governed: Any) -> None:
    m = governed
    assert entry(m, "FUNDING", amount=5, uid=TRADER) == "BAD_CONTROL"
    assert entry(m, "FUNDING", amount=5, uid=RISK_A) == ""
    assert (money(m, "funding"), int(m.status["pending_proposals"])) == ((0,), 1)
    assert approve(m, RISK_A) == "BAD_CONTROL"
    before = int(m.status["audit_entries"])
    assert approve(m, RISK_B) == ""
    assert (money(m, "funding"), int(m.status["audit_entries"])) == ((500,), before + 1)
    same_as_replay(m)


def test_entry_that_cannot_be_is_not_proposed(governed: Any) -> None:
    assert entry(governed, "TRANSFER", qty=11, other=1, other_strategy=2, uid=RISK_A) == "NOT_HELD"
    assert int(governed.status["pending_proposals"]) == 0


def test_approval_when_the_reference_was_booked_meanwhile_does_not_count(governed: Any) -> None:
    m = governed
    entry(m, "FUNDING", amount=5, uid=RISK_A)
    first = int(m.status["proposals"])
    entry(m, "FUNDING", amount=6, uid=RISK_B)
    assert approve(m, RISK_A) == ""
    before = int(m.status["break_count"])
    m.control("APPROVE", body=m.record("Decision", proposal=first), operator_uid=RISK_B)
    assert refusal(m, before) == "BAD_CONTROL"
    assert money(m, "funding") == (600,)


def test_approval_when_the_units_are_gone_is_refused_with_the_reason(governed: Any) -> None:
    m = governed
    entry(m, "TRANSFER", qty=10, other=1, other_strategy=2, uid=RISK_A)
    traded(m, (-1, 100))
    assert approve(m, RISK_B) == "NOT_HELD"
    assert (net(m)[0], net(m, 2)[0]) == (9, 1)


def test_kill_of_the_firm_leaves_what_says_how_things_are(governed: Any) -> None:
    m = governed
    entry(m, "FUNDING", amount=5, uid=RISK_A)
    m.kill(operator_uid=TRADER)
    assert approve(m, RISK_B) == ""
    assert money(m, "funding") == (500,)


# ---- the loss of the day -----------------------------------------------------------------------------------------------------------


def losing(m: Any, *scopes: tuple[str, int]) -> Callable[[], list[tuple[str, int]]]:
    """Limits on the loss of a day that a cent exceeds; return a look at states and profits."""
    for kind, row in scopes:
        m.limit("DAILY_LOSS", 10, kind, row)
    state = ENUMS["ScopeState"].by_value
    return lambda: [(state[int(m.scope(kind, row)["state"])], int(m.scope(kind, row)["profit"])) for kind, row in scopes]


def test_transfer_makes_nobody_a_loss_of_the_day(machine: Any) -> None:
    """Yesterday's gain goes along with the units: not a loss of who gives, nor room to lose for who takes."""
    m = machine
    m.currency()
    traded(m, (100, 1000))
    m.mark(6000, 6000)
    m.control("ROLL_DAY", day=20260105)
    seen = losing(m, ("FIRM", 0), ("ACCOUNT", 1), ("STRATEGY", 1), ("STRATEGY", 2))
    assert entry(m, "TRANSFER", qty=100, other=1, other_strategy=2) == ""
    assert seen() == [("OPEN", 0)] * 4
    assert entry(m, "BUST") == ""
    assert seen() == [("OPEN", 0)] * 4
    same_as_replay(m)


def test_split_at_the_prices_of_before_is_no_loss(machine: Any) -> None:
    m = machine
    m.currency()
    traded(m, (100, 1000))
    m.mark(1000, 1000)
    seen = losing(m, ("FIRM", 0), ("STRATEGY", 1))
    assert entry(m, "SPLIT", ratio_num=1, ratio_den=10) == ""
    m.mark(10000, 10000)
    assert seen() == [("OPEN", 0)] * 2


def test_expiry_below_the_mark_is_a_loss_of_the_day(machine: Any) -> None:
    m = machine
    m.currency()
    traded(m, (100, 1000))
    m.mark(1000, 1000)
    seen = losing(m, ("STRATEGY", 1))
    assert entry(m, "EXPIRE") == ""
    assert [state for state, _ in seen()] == ["REDUCING"]


# ---- a full table of executions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields"), [("EXPIRE", {}), ("SPLIT", {"ratio_num": 2, "ratio_den": 1}), ("TRANSFER", {"qty": 100, "other": 1, "other_strategy": 3})]
)
def test_bust_behind_an_entry_when_the_table_is_full_to_the_last_row_is_exact(make_machine: Callable[..., Any], kind: str, fields: dict[str, int]) -> None:
    m = make_machine(Limits(orders=64, executions=16, positions=16, breaks=64, instruments=4, accounts=4, venues=2, strategies=4, routes=4, lots=512))
    m.currency()
    m.control("DEFINE_STRATEGY", body=m.record("Strategy", id=3, name="s3", status=1))
    traded(m, (100, 100))
    for n in range(15):
        traded(m, (1 if n % 2 == 0 else -1, 100), strategy=2)
    assert int(m.status["execution_count"]) == 16
    assert entry(m, kind, **fields) == ""
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert net(m)[0] == 0
    assert disagreements(m.table) == []
