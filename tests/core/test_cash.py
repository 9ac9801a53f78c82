"""Balances of accounts: what deposits, withdrawals and conversions make of them, what busts take out, and what is refused and changes nothing.

Currencies 1 (the firm's), 2 (rate 0.80 of it at first) and 3 (no rate). Amounts are hundredths of a unit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ringfence.core.state import Limits
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.tools.ledger_state import used, wide

from .test_entries import KIND, entry, frozen, traded

CENT = 10**16


def cash(m: Any, account: int = 1) -> dict[int, Any]:
    """Rows of an account by currency, found as the engine finds them."""
    rows, found, at = m.table("cash"), {}, int(m.table("accounts")[account]["first_cash"])
    while at:
        found[int(rows[at]["currency"])] = rows[at]
        at = int(rows[at]["next_of_account"])
    return found


def sums(m: Any, currency: int) -> tuple[float, float, int, int]:
    """Entered and the same in the firm's currency, in hundredths, entries, and entries without a rate."""
    row = cash(m)[currency]
    return wide(row["entered"]) / CENT, wide(row["entered_base"]) / CENT, int(row["entries"]), int(row["base_unknown"])


def money(m: Any, kind: str, reference: str, amount: int, currency: int, /, **fields: Any) -> str:
    said = {"account": 1, "strategy": 0, "instrument": 0, "amount": amount, "amount_digits": 2, "other": currency}
    return entry(m, kind, reference, **(said | fields))


@pytest.fixture
def m(machine: Any) -> Any:
    machine.currency("GBP", 1)
    machine.currency("USD", 2, rate=8 * 10**8)
    machine.currency("JPY", 3, rate=0)
    return machine


def same_as_replay(m: Any) -> None:
    assert m.replayed().replayer.state.state_hash() == m.replayer.state.state_hash()


def test_deposits_and_withdrawals_add_up_in_both_currencies(m: Any) -> None:
    assert money(m, "DEPOSIT", "D1", 10_000, 2) == ""
    m.currency("USD", 2, rate=5 * 10**8)
    assert money(m, "WITHDRAWAL", "W1", 4_000, 2) == ""
    assert sums(m, 2) == (6_000, 10_000 * 0.8 - 4_000 * 0.5, 2, 0)
    assert money(m, "DEPOSIT", "D2", 700, 1) == ""
    assert sums(m, 1) == (700, 700, 1, 0)
    assert int(m.status["cash_count"]) == 2
    same_as_replay(m)


def test_withdrawal_may_leave_a_debt(m: Any) -> None:
    assert money(m, "WITHDRAWAL", "W1", 1, 1) == ""
    assert sums(m, 1)[:2] == (-1, -1)


def test_without_a_rate_there_is_no_figure_and_a_count(m: Any) -> None:
    assert money(m, "DEPOSIT", "D1", 500, 3) == ""
    assert sums(m, 3) == (500, 0, 1, 1)
    assert entry(m, "BUST", "D1") == ""
    assert sums(m, 3) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("sold", "bought", "worth"),
    [((1, 80), (2, 99), 80), ((2, 100), (1, 79), 79), ((2, 100), (3, 12_000), 80), ((3, 12_000), (2, 100), 80)],
    ids=["firm's currency sold", "firm's currency bought", "rate of what is sold", "rate of what is bought"],
)
def test_conversion_brings_both_sides_in_at_one_worth(m: Any, sold: tuple[int, int], bought: tuple[int, int], worth: int) -> None:
    assert money(m, "CONVERSION", "C1", sold[1], sold[0], qty=bought[1], other_strategy=bought[0]) == ""
    assert sums(m, sold[0]) == (-sold[1], -worth, 1, 0)
    assert sums(m, bought[0]) == (bought[1], worth, 1, 0)
    m.currency("USD", 2, rate=5 * 10**8)
    assert entry(m, "BUST", "C1") == ""
    assert [sums(m, currency) for currency in (sold[0], bought[0])] == [(0, 0, 0, 0)] * 2, "it leaves as it came, whatever the rate is now"
    same_as_replay(m)


@pytest.mark.parametrize(
    ("kind", "fields", "why"),
    [
        ("DEPOSIT", {"amount": 0}, "BAD_EVENT"),
        ("DEPOSIT", {"amount": -5}, "BAD_EVENT"),
        ("DEPOSIT", {"strategy": 1}, "BAD_EVENT"),
        ("DEPOSIT", {"instrument": 1}, "BAD_EVENT"),
        ("DEPOSIT", {"qty": 1}, "BAD_EVENT"),
        ("DEPOSIT", {"other_strategy": 1}, "BAD_EVENT"),
        ("DEPOSIT", {"amount_digits": 19}, "BAD_EVENT"),
        ("DEPOSIT", {"other": 0}, "BAD_EVENT"),
        ("DEPOSIT", {"other": 4}, "NO_INSTRUMENT"),
        ("DEPOSIT", {"account": 0}, "NO_INSTRUMENT"),
        ("DEPOSIT", {"account": 9}, "NO_INSTRUMENT"),
        ("WITHDRAWAL", {"amount": 2**63 - 1, "amount_digits": 0}, ""),
        ("CONVERSION", {"qty": 5, "other_strategy": 1}, "BAD_EVENT"),
        ("CONVERSION", {"qty": -5, "other_strategy": 2}, "BAD_EVENT"),
        ("CONVERSION", {"qty": 5, "other_strategy": 9}, "NO_INSTRUMENT"),
        ("CONVERSION", {"qty": 5}, "BAD_EVENT"),
        ("CONVERSION", {"other_strategy": 2}, "BAD_EVENT"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(m: Any, kind: str, fields: dict[str, int], why: str) -> None:
    before = frozen(m)
    assert money(m, kind, "R1", 100, 1, **fields) == why
    assert why == "" or frozen(m) == before


def test_same_reference_twice(m: Any) -> None:
    assert money(m, "DEPOSIT", "D1", 100, 1) == ""
    assert money(m, "DEPOSIT", "D1", 100, 1) == "DUPLICATE"
    assert money(m, "DEPOSIT", "D1", 200, 1) == "CONFLICT"
    assert entry(m, "BUST", "D1") == ""
    assert entry(m, "BUST", "D1") == "DUPLICATE"
    assert money(m, "DEPOSIT", "D1", 100, 1) == "DUPLICATE"
    assert sums(m, 1) == (0, 0, 0, 0)


def test_sum_beyond_125_bits_is_refused_also_of_a_bust(m: Any) -> None:
    most = {"amount_digits": 0}
    for n in range(4):
        assert money(m, "DEPOSIT", f"D{n}", 2**63 - 1, 1, **most) == ""
    assert money(m, "DEPOSIT", "D4", 2**63 - 1, 1, **most) == "OVERFLOW"
    assert money(m, "WITHDRAWAL", "W1", 2**63 - 1, 1, **most) == ""
    assert money(m, "DEPOSIT", "D5", 2**63 - 1, 1, **most) == ""
    before = frozen(m)
    assert entry(m, "BUST", "W1") == "OVERFLOW"
    assert frozen(m) == before


def test_full_table_refuses_a_new_currency_and_takes_the_others(make_machine: Any) -> None:
    m = make_machine(Limits(instruments=8, accounts=2, venues=4, strategies=4, currencies=40, orders=32, executions=64, positions=8, breaks=64))
    rows = len(m.table("cash")) - 1
    for currency in range(1, rows + 2):
        m.currency(f"C{currency}", currency)
    for currency in range(1, rows + 1):
        assert money(m, "DEPOSIT", f"D{currency}", 1, currency) == ""
    assert money(m, "DEPOSIT", "full", 1, rows + 1) == "NO_ROW"
    assert money(m, "CONVERSION", "half", 1, 1, qty=1, other_strategy=rows + 1) == "NO_ROW"
    assert money(m, "CONVERSION", "C1", 1, 1, qty=1, other_strategy=2) == ""
    assert len(cash(m)) == rows


def test_currency_in_which_something_is_held_keeps_its_code(m: Any) -> None:
    assert money(m, "DEPOSIT", "D1", 100, 2) == ""
    before = int(m.status["controls_refused"])
    m.currency("AUD", 2, rate=8 * 10**8)
    m.currency("NZD", 3, rate=8 * 10**8)
    assert int(m.status["controls_refused"]) == before + 1
    assert [bytes(m.table("currencies")[row]["code"]) for row in (2, 3)] == [b"USD", b"NZD"]


def test_bodies_of_random_bytes_are_booked_whole_or_not_at_all(m: Any) -> None:
    draw = np.random.default_rng(20261127)
    kinds = [KIND[name] for name in ("DEPOSIT", "WITHDRAWAL", "CONVERSION", "CROSS")]
    names = [name for name in dtype("LedgerEntry").names or () if name not in ("reference", "kind", "pad_0", "pad")]
    for number in range(3000):
        body = np.frombuffer(draw.bytes(RECORDS["LedgerEntry"].size), dtype("LedgerEntry")).copy()[0]
        body["kind"], body["reference"] = draw.choice(kinds), f"N{number}".encode()
        for name in names:
            if draw.random() < 0.85:  # what a body without random bytes has there
                body[name] = {"account": 1, "other": draw.integers(0, 4), "amount": 100, "amount_digits": 2}.get(name, 0)
        m.control("BOOK_ENTRY", body=body)
    sums: dict[int, list[int]] = {currency: [0, 0] for currency in (1, 2, 3)}
    events = used(m.table, "ledger_events", "event_count")[1:]
    for e in events:
        for currency, words, sign in ((int(e["other_instrument"]), e["amount"], 1), (int(e["other_account"]), e["qty"], -1)):
            if currency:
                sums[currency][0] += wide(words)
                sums[currency][1] += sign * wide(e["px"])
    assert len(events) > 20
    assert {c: [wide(row["entered"]), wide(row["entered_base"])] for c, row in cash(m).items()} == {c: s for c, s in sums.items() if c in cash(m)}
    assert not any(any(s) for c, s in sums.items() if c not in cash(m))
    same_as_replay(m)


# ---- fees in a third currency ---------------------------------------------------------------------------------------------------------


def paid(m: Any, currency: int, account: int = 1) -> tuple[float, float, int]:
    """Paid and its figure in the firm's currency, in hundredths, and entries."""
    row = cash(m, account)[currency]
    return wide(row["paid"]) / CENT, wide(row["paid_base"]) / CENT, int(row["entries"])


@pytest.fixture
def charged(m: Any) -> Any:
    """The instrument settles in currency 2; a fill of 10 at 1.00 for a commission of 5.00 in the firm's currency, 6.25 of currency 2."""
    m.instrument()
    m.new(1, qty=10)
    m.fill(10, exec_id="E1", commission=5, comm_type=3, comm_currency="GBP")
    return m


def test_fee_in_a_third_currency_is_paid_from_its_balance_and_its_worth_comes_to_the_other(charged: Any) -> None:
    assert paid(charged, 1) == (500, 500, 1)
    assert paid(charged, 2) == (0, -500, 0), "the trade's own balance did not pay it: what its position says is too much by that"
    same_as_replay(charged)


def test_bust_takes_the_fee_back(charged: Any) -> None:
    charged.currency("USD", 2, rate=5 * 10**8)
    charged.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert (paid(charged, 1), paid(charged, 2)) == ((0, 0, 0), (0, 0, 0))
    same_as_replay(charged)


def test_correction_keeps_the_fee_or_brings_another(charged: Any) -> None:
    charged.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=10, last_px=110)
    assert paid(charged, 1) == (500, 500, 1)
    charged.event("CORRECT", 1, exec_id="C2", exec_ref_id="C1", last_qty=10, last_px=110, commission=3, comm_type=3, comm_currency="GBP")
    assert (paid(charged, 1), paid(charged, 2)) == ((300, 300, 1), (0, -300, 0))
    charged.event("CORRECT", 1, exec_id="C3", exec_ref_id="C2", last_qty=10, last_px=110, commission=3, comm_type=3, comm_currency="USD")
    assert (paid(charged, 1), paid(charged, 2)) == ((0, 0, 0), (0, 0, 0)), "it settles in that currency: an expense of the position"
    same_as_replay(charged)


def test_assignment_moves_the_fee_to_whom_the_trade_belongs_and_a_bust_takes_it_out(m: Any) -> None:
    m.instrument()
    m.event("FILL", exec_id="P1", last_qty=10, last_px=100, side=1, symbol="EURUSD", commission=2, comm_type=3, comm_currency="GBP")
    m.control("ASSIGN_EXECUTION", body=m.record("OrderAction", execution=1, strategy=2))
    assert (paid(m, 1), paid(m, 2)) == ((200, 200, 1), (0, -200, 0))
    m.event("BUST", exec_id="B1", exec_ref_id="P1", side=1, symbol="EURUSD")
    assert (paid(m, 1), paid(m, 2)) == ((0, 0, 0), (0, 0, 0))
    same_as_replay(m)


def test_close_that_waits_for_its_lots_has_paid_its_fee(m: Any) -> None:
    m.instrument()
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, method=ENUMS["LedgerMethod"].by_name["SPEC"]))
    traded(m, (10, 100), (10, 120))
    m.new(3, qty=5, px=130, side=2)
    m.fill(5, px=130, exec_id="E3", order=3, commission=2, comm_type=3, comm_currency="GBP")
    assert m.breaks() == ["LEDGER_REFUSED"]
    assert (paid(m, 1), paid(m, 2)) == ((200, 200, 1), (0, -200, 0))
    assert entry(m, "NAME_LOT", "N1", qty=5, ratio_num=3, ratio_den=1) == ""
    assert (paid(m, 1), paid(m, 2)) == ((200, 200, 1), (0, -200, 0))
    m.event("BUST", 3, exec_id="B3", exec_ref_id="E3")
    assert (paid(m, 1), paid(m, 2)) == ((0, 0, 0), (0, 0, 0))
    same_as_replay(m)


def test_fee_for_which_there_is_no_row_is_an_expense_of_no_balance(make_machine: Any) -> None:
    m = make_machine(Limits(instruments=8, accounts=2, venues=4, strategies=4, currencies=40, orders=32, executions=64, positions=8, breaks=64))
    rows = len(m.table("cash")) - 1
    for currency in range(1, rows + 3):
        m.currency({1: "USD", 2: "EUR"}.get(currency, f"C{currency}"), currency)
    m.instrument()
    for currency in range(3, rows + 2):
        assert money(m, "DEPOSIT", f"D{currency}", 1, currency) == ""
    m.new(1, qty=10)
    m.fill(10, exec_id="E1", commission=5, comm_type=3, comm_currency=f"C{rows + 2}")
    assert m.breaks()[-1] == "FEE_UNVALUED"
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert len(cash(m)) == rows - 1, "nothing was put in, and nothing is taken out"
    same_as_replay(m)
