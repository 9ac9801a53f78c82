"""Positions, lots and fees on the screen as the engine's ledger has them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from journal_by_hand import JournalByHand, record

from ringfence.ipc.schema import ENUMS
from ringfence.tools.views import cash, tables

FEE = {"commission": 25, "comm_digits": 1, "comm_type": 3, "comm_currency": "USD"}


@pytest.fixture
def journal(tmp_path: Path) -> JournalByHand:
    """Bought 100 at 1.1 and 100 at 1.2, sold 50 at 1.3 for a commission of 2.5, first in first out; marked 1.25 to 1.26, so at 1.255."""
    j = JournalByHand(tmp_path)
    fifo = ENUMS["LedgerMethod"].by_name["FIFO"]
    j.control("DEFINE_ACCOUNT", record("Account", id=1, name="main", code="ACC1", status=1, method=fifo))
    for n, (side, qty, px, fee) in enumerate([("BUY", 100, 11000, {}), ("BUY", 100, 12000, {}), ("SELL", 50, 13000, FEE)], 1):
        j.new(n, side, qty, px)
        j.fill(n, qty, px, f"E{n}", **fee)
    j.mark(12500, 12600)
    return j


def source(j: JournalByHand) -> Any:
    return tables.Replayed(j.replayer.state)


def test_positions_show_cost_and_pnl_by_the_accounts_method(journal: JournalByHand) -> None:
    (row,) = tables.positions(source(journal))
    assert (row["net"], row["avg"], row["method"], row["lots"]) == (Decimal(150), Decimal("1.166667"), "FIFO", 2)
    assert (row["rpnl"], row["upnl"], row["fees"], row["ccy"]) == (Decimal(10), Decimal("13.25"), Decimal("2.5"), "USD")


def test_lots_are_listed_oldest_first_with_what_they_cost(journal: JournalByHand) -> None:
    rows = tables.lots(source(journal))
    assert [(r["qty"], r["px"], r["cost"], r["upnl"]) for r in rows] == [
        (Decimal(50), Decimal("1.1"), Decimal(55), Decimal("7.75")),
        (Decimal(100), Decimal("1.2"), Decimal(120), Decimal("5.5")),
    ]
    assert [(r["account"], r["strategy"], r["symbol"], r["method"], r["execution"]) for r in rows] == [
        ("main", "mm1", "EUR/USD", "FIFO", 1),
        ("main", "mm1", "EUR/USD", "FIFO", 2),
    ]


def test_lots_have_no_unrealized_without_a_mark(tmp_path: Path) -> None:
    j = JournalByHand(tmp_path)
    j.new(1, "SELL", 100, 11000)
    j.fill(1, 100, 11000, "E1")
    assert [(r["qty"], r["cost"], r["upnl"]) for r in tables.lots(source(j))] == [(Decimal(-100), Decimal(-110), None)]


def test_fills_show_their_commission(journal: JournalByHand) -> None:
    assert [r["fee"] for r in tables.fills(source(journal))] == [None, None, Decimal("2.5")]
    assert [r["fee"] for r in tables.fills(source(journal), 1)] == [Decimal("2.5")]


def test_fee_in_what_is_traded_is_shown_at_its_value(tmp_path: Path) -> None:
    j = JournalByHand(tmp_path)
    j.new(1, "BUY", 100, 12000)
    j.fill(1, 100, 12000, "E1", commission=2, comm_type=3, comm_currency="EUR")
    assert [(r["fee"], r["qty"]) for r in tables.fills(source(j))] == [(Decimal("2.4"), Decimal(100))]
    (row,) = tables.positions(source(j))
    assert (row["net"], row["held"], row["fees"]) == (Decimal(100), Decimal(98), Decimal("2.4"))


def test_cash_shows_each_balance_with_its_worth_and_the_lines_of_the_account(tmp_path: Path) -> None:
    """EUR/USD of a firm that counts in CHF: 1,000 USD came at 0.80, 110 paid for 100 EUR, then the rate is 0.90 and the price 1.20."""
    j = JournalByHand(tmp_path)
    for row, (code, rate) in enumerate([("CHF", 10**9), ("USD", 800_000_000), ("JPY", 0)], 1):
        j.control("DEFINE_CURRENCY", record("Currency", id=row, code=code, rate=rate, is_firm=rate == 10**9, status=1))
    for reference, currency, amount in (("D1", 2, 1000), ("D2", 3, 5)):
        body = {"kind": ENUMS["LedgerEventKind"].by_name["DEPOSIT"], "reference": reference, "account": 1, "amount": amount, "other": currency}
        j.control("BOOK_ENTRY", record("LedgerEntry", **body), operator_name="ops", reason="statement")
    j.new(1, "BUY", 100, 11000)
    j.fill(1, 100, 11000, "E1")
    j.control("DEFINE_CURRENCY", record("Currency", id=2, code="USD", rate=900_000_000, status=1))
    assert cash.in_words(cash.lines(source(j))) == ["main: price ?, fx on positions ?, fx on cash ? CHF"], "no mark, and JPY has no rate"
    j.mark(11900, 12100)
    usd, jpy = cash.cash(source(j))
    assert [usd[name] for name in ("account", "currency", "entered", "positions", "fees", "balance")] == ["main", "USD", 1000, -110, 0, 890]
    assert [usd[name] for name in ("base_currency", "worth", "fx_on_cash", "base_known")] == ["CHF", 801, 89, 1]
    assert [jpy[name] for name in ("currency", "balance", "worth", "fx_on_cash", "base_known")] == ["JPY", 5, None, None, 0]
    (lines,) = cash.lines(source(j))
    assert [lines[name] for name in ("price", "fx_on_positions", "fx_on_cash")] == [9, 11, None], "10 USD at 0.90, and 110 USD that cost 0.80"
