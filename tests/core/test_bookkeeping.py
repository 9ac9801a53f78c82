"""The engine's ledger: what executions, their busts and corrections, commissions and assignments book. Figures are worked out by hand from docs/ledger.md.

The machine's instrument has two price digits, no quantity digits and multiplier 1, so a price of 100 is 1.00 and money is 10^-18.
"""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS
from ringfence.tools.ledger_state import by_owner, disagreements, lots_of, value, wide

CENT = 10**16
METHOD = ENUMS["LedgerMethod"].by_name
MONEY = ("cost", "realized", "flow", "fees", "fees_elsewhere")


def position(m: Any, strategy: int = 1, instrument: int = 1) -> Any:
    return by_owner(m.table)[1, strategy, instrument]


def money(m: Any, *names: str, strategy: int = 1) -> tuple[float, ...]:
    """Figures of a position in hundredths of the settlement currency."""
    return tuple(wide(position(m, strategy)[name]) / CENT for name in names)


def qty(m: Any, strategy: int = 1) -> int:
    return wide(position(m, strategy)["qty"])


def account(m: Any, method: str) -> None:
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, method=METHOD[method]))


def traded(m: Any, *trades: tuple[int, int], **fields: Any) -> Any:
    """Orders that are filled at once: signed quantity, price."""
    for n, (size, px) in enumerate(trades, int(m.status["order_count"]) + 1):
        m.new(n, qty=abs(size), px=px, side=1 if size > 0 else 2)
        m.fill(abs(size), px=px, exec_id=f"E{n}", order=n, **fields)
    return m


def test_fill_is_booked_with_cost_and_a_lot(machine: Any) -> None:
    m = traded(machine, (10, 100), (5, 130))
    assert (qty(m), money(m, "cost", "realized", "flow")) == (15, (1650, 0, 1650))
    assert [wide(lot["qty"]) for lot in lots_of(m.table, position(m))] == [15]
    assert disagreements(m.table) == []


@pytest.mark.parametrize(("method", "realized", "cost"), [("WAC", 100, 1100), ("FIFO", 200, 1200), ("LIFO", 0, 1000), ("HIFO", 0, 1000)])
def test_close_takes_lots_by_the_accounts_method(machine: Any, method: str, realized: int, cost: int) -> None:
    account(machine, method)
    m = traded(machine, (10, 100), (10, 120), (-10, 120))
    assert (qty(m), money(m, "realized", "cost")) == (10, (realized, cost))
    assert disagreements(m.table) == []


def test_method_of_an_open_position_stays_until_it_is_flat(machine: Any) -> None:
    m = traded(machine, (10, 100))
    account(m, "LIFO")
    assert int(position(m)["method"]) == METHOD["WAC"]
    traded(m, (-10, 100))
    assert int(position(m)["method"]) == METHOD["WAC"]
    traded(m, (-10, 100))
    assert int(position(m)["method"]) == METHOD["LIFO"]


def test_method_that_is_none_is_refused(machine: Any) -> None:
    machine.control("DEFINE_ACCOUNT", body=machine.record("Account", id=1, name="main", code="ACC1", status=1, method=max(METHOD.values()) + 1))
    assert machine.breaks() == ["BAD_CONTROL"]


def test_bust_leaves_what_a_replay_without_it_gives(machine: Any) -> None:
    account(machine, "FIFO")
    m = traded(machine, (10, 100), (10, 120), (-5, 130))
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert (qty(m), money(m, "cost", "realized")) == (5, (600, 50))
    assert disagreements(m.table) == []


def test_correction_takes_the_place_of_its_fill(machine: Any) -> None:
    account(machine, "FIFO")
    m = traded(machine, (10, 100), (10, 120), (-10, 130))
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=10, last_px=110)
    assert (qty(m), money(m, "cost", "realized")) == (10, (1200, 200))
    m.event("CORRECT", 1, exec_id="C2", exec_ref_id="C1", last_qty=10, last_px=115)
    assert money(m, "realized") == (150,)
    m.event("BUST", 1, exec_id="B1", exec_ref_id="C2")
    assert (qty(m), money(m, "cost", "realized")) == (0, (0, 100))
    assert disagreements(m.table) == []


def test_bust_before_its_fill_books_nothing(machine: Any) -> None:
    m = machine
    m.new(1, qty=10)
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    m.fill(10, exec_id="E1")
    assert int(m.table("ledger")[1]["position_count"]) == 0
    assert disagreements(m.table) == []


def test_correction_before_its_fill_books_the_corrected_one(machine: Any) -> None:
    m = machine
    m.new(1, qty=10)
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=8, last_px=110)
    m.fill(10, exec_id="E1")
    assert (qty(m), money(m, "cost")) == (8, (880,))
    m.event("BUST", 1, exec_id="B1", exec_ref_id="C1")
    assert qty(m) == 0
    assert disagreements(m.table) == []


# ---- commissions


@pytest.fixture
def charged(machine: Any) -> Any:
    """USD is the firm's currency, one EUR is 1.25 of it."""
    machine.currency("USD", 1, 10**9)
    machine.currency("EUR", 2, 1_250_000_000)
    machine.currency("GBP", 3, 0)
    return machine


@pytest.mark.parametrize(
    ("fee", "hundredths"),
    [
        ({"commission": 150, "comm_digits": 2, "comm_type": 3}, 150),
        ({"commission": 150, "comm_digits": 2, "comm_type": 3, "comm_currency": "USD"}, 150),
        ({"commission": -5, "comm_digits": 1, "comm_type": 3}, -50),
        ({"commission": 2, "comm_digits": 2, "comm_type": 1}, 20),
        ({"commission": 15, "comm_digits": 3, "comm_type": 2}, 15),  # 1.5 % of 10.00
    ],
)
def test_commission_in_the_settlement_currency_is_an_expense(charged: Any, fee: dict[str, Any], hundredths: int) -> None:
    m = traded(charged, (10, 100), **fee)
    assert (qty(m), money(m, "cost", "fees", "fees_elsewhere")) == (10, (1000, hundredths, 0))


def test_commission_in_what_is_traded_changes_the_quantity(charged: Any) -> None:
    m = traded(charged, (10, 100), commission=1, comm_type=3, comm_currency="EUR")
    assert (qty(m), money(m, "cost", "fees")) == (9, (900, 100))
    assert disagreements(m.table) == []
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert (qty(m), money(m, "cost", "fees")) == (0, (0, 0))
    assert disagreements(m.table) == []


def test_commission_finer_than_a_quantity_can_be_is_an_expense_at_the_price(charged: Any) -> None:
    m = traded(charged, (10, 100), commission=5, comm_digits=1, comm_type=3, comm_currency="EUR")
    assert (qty(m), money(m, "fees", "fees_elsewhere")) == (10, (50, 50))


def test_commission_in_what_is_traded_is_an_expense_where_a_unit_is_many_of_it(charged: Any) -> None:
    charged.instrument(1, multiplier=100)
    m = traded(charged, (10, 100), commission=1, comm_type=3, comm_currency="EUR")
    assert (qty(m), money(m, "cost", "fees", "fees_elsewhere")) == (10, (100000, 125, 125))


def test_commission_in_another_currency_is_an_expense_at_the_rates_of_the_moment(charged: Any) -> None:
    charged.currency("CHF", 4, 1_100_000_000)
    m = traded(charged, (10, 100), commission=2, comm_type=3, comm_currency="CHF")
    assert money(m, "fees", "fees_elsewhere") == (220, 220)


@pytest.mark.parametrize(
    "fee",
    [
        {"comm_currency": "GBP", "comm_type": 3},
        {"comm_currency": "XYZ", "comm_type": 3},
        {"comm_type": 9},
        {"comm_type": 0},
        {"comm_type": 3, "comm_digits": 200},
    ],
)
def test_commission_that_has_no_value_is_a_break_and_the_fill_is_booked(charged: Any, fee: dict[str, Any]) -> None:
    m = traded(charged, (10, 100), commission=2, **fee)
    assert (m.breaks(), qty(m), money(m, "cost", "fees")) == (["FEE_UNVALUED"], 10, (1000, 0))


def test_correction_without_a_commission_keeps_it_and_one_with_replaces_it(charged: Any) -> None:
    m = traded(charged, (10, 100), commission=2, comm_type=3)
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=10, last_px=110)
    assert money(m, "fees") == (200,)
    m.event("CORRECT", 1, exec_id="C2", exec_ref_id="C1", last_qty=10, last_px=110, commission=3, comm_type=3)
    assert money(m, "fees") == (300,)


def test_commission_that_could_not_be_read_is_a_break(charged: Any) -> None:
    m = charged
    m.new(1, qty=10, px=100)
    m.event("FILL", 1, exec_id="E1", last_qty=10, last_px=100, comm_type=3)
    assert (m.breaks(), qty(m), money(m, "fees")) == (["FEE_UNVALUED"], 10, (0,))


def test_correction_with_a_commission_of_no_value_keeps_the_old_one(charged: Any) -> None:
    m = traded(charged, (10, 100), commission=2, comm_type=3)
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=10, last_px=110, commission=3, comm_type=3, comm_currency="GBP")
    assert (m.breaks(), money(m, "fees")) == (["FEE_UNVALUED"], (200,))


# ---- the firm's currency


def test_figures_in_the_firms_currency_use_the_rate_of_each_event(charged: Any) -> None:
    m = charged
    m.control("DEFINE_INSTRUMENT", body=m.record("Instrument", id=2, symbol="X", base="X", quote="EUR", tick=1, lot=1, qty_max=10**9, price_digits=2, status=1))
    m.new(1, instrument=2, qty=10, px=100)
    m.fill(10, px=100)
    m.currency("EUR", 2, 2_000_000_000)
    m.new(2, instrument=2, qty=10, px=120, side=2)
    m.fill(10, px=120, exec_id="E2", order=2)
    p = position(m, instrument=2)
    assert (wide(p["realized"]), wide(p["realized_base"]), wide(p["realized_fx"])) == (200 * CENT, 1150 * CENT, 750 * CENT)  # 12.00 at 2 less 10.00 at 1.25
    assert not p["base_unknown"]


def test_figures_in_the_firms_currency_are_unknown_without_a_rate(machine: Any) -> None:
    assert position(traded(machine, (10, 100)))["base_unknown"]


def test_entry_without_a_rate_makes_the_figures_in_the_firms_currency_unknown(charged: Any) -> None:
    m = traded(charged, (10, 100))
    assert not position(m)["base_unknown"]
    m.currency("USD", 1, rate=0)
    body = m.record("LedgerEntry", kind=ENUMS["LedgerEventKind"].by_name["FUNDING"], reference="F1", account=1, strategy=1, instrument=1, amount=5)
    m.control("BOOK_ENTRY", body=body, operator_name="ops", reason="statement")
    assert position(m)["base_unknown"]


# ---- suspense, tables, instruments


def test_assignment_moves_the_fill_and_its_commission_out_of_suspense(charged: Any) -> None:
    m = charged
    m.event("FILL", exec_id="P1", last_qty=10, last_px=100, side=1, symbol="EURUSD", commission=2, comm_type=3)
    assert (qty(m, 0), money(m, "cost", "fees", strategy=0)) == (10, (1000, 200))
    m.control("ASSIGN_EXECUTION", body=m.record("OrderAction", execution=1, strategy=2))
    assert (qty(m, 0), money(m, "cost", "fees", strategy=0)) == (0, (0, 0))
    assert (qty(m, 2), money(m, "cost", "fees", strategy=2)) == (10, (1000, 200))
    m.event("BUST", exec_id="B1", exec_ref_id="P1", side=1, symbol="EURUSD")
    assert qty(m, 2) == 0
    assert disagreements(m.table) == []


def test_assignment_that_the_ledger_cannot_take_out_of_suspense_books_nothing_twice(machine: Any) -> None:
    """Without the first fill a figure of suspense would not fit, so the ledger keeps it there, and says so."""
    m = machine
    for n, side in enumerate((1, 2, 2, 1), 1):
        m.event("FILL", exec_id=f"P{n}", last_qty=2 * 10**11, last_px=10**10, side=side, symbol="EURUSD")
    before = m.breaks()
    m.control("ASSIGN_EXECUTION", body=m.record("OrderAction", execution=1, strategy=2))
    assert m.breaks() == [*before, "LEDGER_REFUSED"]
    assert (qty(m, 0), (1, 2, 1) in by_owner(m.table)) == (0, False)
    assert m.position(strategy=2)["net_qty"] == 2 * 10**11


@pytest.mark.parametrize(("px", "entered"), [(100, 11), (10_000, 11), (30_000, 11)])
def test_commission_whose_worth_does_not_fit_is_none_and_the_fill_is_booked(charged: Any, px: int, entered: int) -> None:
    """Finer than a quantity, in what is traded: its value is an expense, which is beyond a figure, or beyond 128 bits."""
    m = traded(charged, (10, 100))
    m.new(2, qty=1, px=px)
    m.fill(1, px=px, exec_id="E2", order=2, commission=9_200_000_000_000_000_001, comm_digits=1, comm_type=3, comm_currency="EUR")
    fits = px == 100
    assert (qty(m), "FEE_UNVALUED" in m.breaks(), "LEDGER_REFUSED" in m.breaks()) == (entered, not fits, False)
    event = m.table("ledger_events")[int(m.table("ledger")[1]["event_count"])]
    parts = [bool(event["fee_kind"]), bool(event["other_instrument"]), bool(wide(event["fee"])), bool(wide(event["fee_px"]))]
    assert parts == [fits] * 4, "a fee, or nothing of one"
    assert bool(int(m.status["cash_count"])) == fits


def test_commission_in_a_currency_without_a_rate_leaves_nothing_on_the_event(charged: Any) -> None:
    m = traded(charged, (10, 100), commission=5, comm_type=3, comm_currency="XAU")
    event = m.table("ledger_events")[1]
    assert (int(event["fee_kind"]), int(event["other_instrument"]), wide(event["fee_px"])) == (0, 0, 0)


def test_full_lot_pool_merges_dust_and_says_so_once_a_day(make_machine: Any) -> None:
    m = make_machine(Limits(orders=64, executions=64, positions=4, breaks=8, instruments=2, accounts=2, venues=2, strategies=3, routes=2, lots=5))
    account(m, "FIFO")
    traded(m, *[(1 + n, 100 + n) for n in range(8)])
    assert m.breaks() == ["LOTS_MERGED"]
    assert int(m.table("ledger")[1]["merged_lots"]) == 3
    m.control("ROLL_DAY", day=20260103)
    traded(m, (9, 110), (10, 111))
    assert m.breaks() == ["LOTS_MERGED"] * 2
    assert [int(b["theirs"]) for b in m.table("breaks")[1:3]] == [20260102, 20260103]
    assert disagreements(m.table) == []


def test_figure_that_does_not_fit_is_a_break_and_the_position_has_the_fill(machine: Any) -> None:
    m = machine
    m.instrument(1, qty_max=2**63 - 1, multiplier=10**12)
    traded(m, (2**62, 2**50))
    assert m.breaks() == ["LEDGER_REFUSED"]
    assert m.position()["net_qty"] == 2**62
    assert int(m.table("ledger")[1]["refused"]) == 1


def huge(m: Any) -> Any:
    """A fill that the ledger refuses: its value does not fit."""
    m.instrument(1, qty_max=2**63 - 1, multiplier=10**12)
    return traded(m, (2**62, 2**50))


def test_correction_brings_in_what_was_refused(machine: Any) -> None:
    m = huge(machine)
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=10, last_px=100)
    assert (qty(m), m.position()["net_qty"]) == (10, 10)
    m.event("BUST", 1, exec_id="B1", exec_ref_id="C1")
    assert qty(m) == 0
    assert disagreements(m.table) == []


def test_refused_correction_leaves_the_chain_to_the_next(machine: Any) -> None:
    m = machine
    m.instrument(1, qty_max=2**63 - 1, multiplier=10**12)
    traded(m, (10, 100))
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=2**62, last_px=2**50)
    assert "LEDGER_REFUSED" in m.breaks()
    m.event("CORRECT", 1, exec_id="C2", exec_ref_id="C1", last_qty=8, last_px=110)
    assert qty(m) == 8
    assert disagreements(m.table) == []
    m.event("BUST", 1, exec_id="B1", exec_ref_id="C2")
    assert qty(m) == 0
    assert disagreements(m.table) == []


def test_refused_execution_is_named_by_its_break(machine: Any) -> None:
    m = huge(machine)
    assert int(m.table("breaks")[1]["ours"]) == 1


FUTURE = {"kind": ENUMS["InstrumentKind"].by_name["FUTURE"]}
CHANGES = [{"multiplier": 10}, {"inverse": 1}, {"kind": ENUMS["InstrumentKind"].by_name["PERPETUAL"]}, FUTURE | {"daily": 1}]


def test_daily_settlement_is_of_futures_and_stays_once_booked(machine: Any) -> None:
    m = machine
    m.instrument(1, daily=1)
    assert m.breaks() == ["BAD_CONTROL"]
    m.instrument(1, **FUTURE)
    m.instrument(1, **FUTURE, daily=1)
    traded(m, (10, 100))
    m.instrument(1, **FUTURE)
    assert m.breaks() == ["BAD_CONTROL"] * 2
    assert int(m.table("instruments")[1]["daily"]) == 1


@pytest.mark.parametrize("change", CHANGES)
def test_valuation_of_a_booked_instrument_stays(machine: Any, change: dict[str, int]) -> None:
    m = traded(machine, (10, 100))
    before = m.table("ledger_instruments")[1].copy()
    m.instrument(1, **change)
    assert m.breaks() == ["BAD_CONTROL"]
    assert m.table("ledger_instruments")[1] == before


def test_inverse_contract_is_booked_in_its_base_currency(charged: Any) -> None:
    m = charged
    fields = {"tick": 1, "lot": 1, "qty_max": 10**9, "price_digits": 2, "status": 1, "multiplier": 100, "inverse": 1}
    m.control("DEFINE_INSTRUMENT", body=m.record("Instrument", id=2, symbol="XBT", base="EUR", quote="USD", kind=5, **fields))
    m.new(1, instrument=2, qty=10, px=5000)
    m.fill(10, px=5000)
    m.new(2, instrument=2, qty=10, px=8000, side=2)
    m.fill(10, px=8000, exec_id="E2", order=2)
    p = position(m, instrument=2)
    assert int(m.table("ledger_instruments")[2]["settle_asset"]) == 2
    assert wide(p["realized"]) == 10 * 100 * (10**18 // 50) - 10 * 100 * (10**18 // 80)


def test_unrealized_is_value_at_the_mark_less_cost(machine: Any) -> None:
    m = traded(machine, (10, 100))
    p = position(m)
    assert value(m.table("ledger_instruments")[1], qty(m), 103) - wide(p["cost"]) == 30 * CENT
