"""Entries of the ledger as people write them: text to a record without rounding, what a kind does not take, and the words of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from journal_by_hand import record

from ringfence.core.entries import FIELDS, key_of_reference
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS
from ringfence.tools import cli, ledger_entry
from ringfence.tools.change_text import Change, describe

NAMES = {"accounts": {"main": 1, "other": 2}, "strategies": {"mm1": 1, "mm2": 2}, "instruments": {"EUR/USD": 1, "NEW": 2}, "currencies": {"USD": 1, "EUR": 2}}
OF = {"account": "main", "strategy": "mm1", "symbol": "EUR/USD"}
KIND, BREAK, RESULT, STATE = (ENUMS[e].by_name for e in ("LedgerEventKind", "BreakKind", "LedgerResult", "LedgerEventState"))
TABLES = {
    "instruments": [record("Instrument", id=1, symbol="EUR/USD", quote="USD", price_digits=5, qty_digits=2), record("Instrument", id=2, symbol="NEW")],
    "accounts": [record("Account", id=1, name="main"), record("Account", id=2, name="other")],
    "strategies": [record("Strategy", id=1, name="mm1"), record("Strategy", id=2, name="mm2")],
    "currencies": [record("Currency", id=1, code="USD", is_firm=1), record("Currency", id=2, code="EUR")],
    "cash": [record("CashBalance", account=1, currency=1, entered=[5 * 10**18, 0])],
    "engine": [record("EngineStatus", cash_count=1)],
    "ledger": [record("LedgerHead", position_count=1, event_count=2)],
    "ledger_instruments": [record("LedgerInstrument")],
    "ledger_events": [
        record("LedgerEvent", account=1, strategy=1, instrument=1, kind=KIND["FUNDING"], state=STATE["BOOKED"], key=key_of_reference("S-1")),
        record("LedgerEvent", account=1, kind=KIND["DEPOSIT"], state=STATE["BOOKED"], key=key_of_reference("D-1")),
    ],
    "ledger_positions": [record("LedgerPosition", account=1, strategy=1, instrument=1, qty=[1050, 0], funding=[2**64 - 15 * 10**17, 2**64 - 1])],
}


def table(name: str) -> Any:
    return np.array([np.zeros((), TABLES[name][0].dtype), *TABLES[name]], TABLES[name][0].dtype)


def build(kind: str, **request: Any) -> Any:
    return ledger_entry.build({"kind": kind, "reference": "S-1"} | request, NAMES, table)


def words(kind: str, **request: Any) -> Change:
    return describe(table, ENUMS["ControlKind"].by_name["BOOK_ENTRY"], 0, 0, build(kind, **request).tobytes())


def test_command_line_when_it_lists_kinds_has_those_of_the_engine() -> None:
    assert set(cli.ENTRY_KINDS) == {kind.lower() for kind in FIELDS}


def test_amount_when_written_keeps_its_own_digits() -> None:
    body = build("funding", amount="-1.2500", **OF)
    assert (int(body["amount"]), int(body["amount_digits"])) == (-125, 2)
    assert (int(body["account"]), int(body["strategy"]), int(body["instrument"])) == (1, 1, 1)
    assert bytes(body["reference"]) == b"S-1"


def test_transfer_when_no_account_is_named_stays_in_its_own() -> None:
    body = build("transfer", qty="10.5", to_strategy="mm2", **OF)
    assert (int(body["qty"]), int(body["other"]), int(body["other_strategy"])) == (1050, 1, 2)
    assert int(build("transfer", qty="1", to_strategy="mm1", to_account="other", **OF)["other"]) == 2


def test_conversion_when_written_has_both_amounts_at_the_finer_ones_digits() -> None:
    body = build("conversion", account="main", currency="EUR", amount="10", to_currency="USD", to_amount="11.255")
    assert (int(body["other"]), int(body["amount"]), int(body["other_strategy"]), int(body["qty"]), int(body["amount_digits"])) == (2, 10000, 1, 11255, 3)
    assert (int(body["account"]), int(body["strategy"]), int(body["instrument"])) == (1, 0, 0)
    body = build("withdrawal", account="other", currency="USD", amount="2.50")
    assert (int(body["account"]), int(body["other"]), int(body["amount"]), int(body["amount_digits"]), int(body["qty"])) == (2, 1, 25, 1, 0)


def test_cross_when_written_names_who_buys() -> None:
    body = build("cross", qty="3", px="1.1", to_strategy="mm2", **OF)
    assert (int(body["qty"]), int(body["px"]), int(body["other"]), int(body["other_strategy"])) == (300, 110000, 0, 2)


def test_bust_when_written_names_its_reference_only() -> None:
    body = build("bust")
    assert body.tobytes() == record("LedgerEntry", kind=KIND["BUST"], reference="S-1").tobytes()


@pytest.mark.parametrize(
    ("kind", "request_of", "says"),
    [
        ("fill", {}, "allowed: funding, interest"),
        ("funding", {}, "funding needs amount"),
        ("funding", {"amount": "1", "px": "2"}, "px is not for funding, which takes amount"),
        ("funding", {"amount": "x"}, "'x' is not a plain decimal"),
        ("funding", {"amount": "1", "strategy": "nobody"}, "strategy was 'nobody'; there are mm1, mm2"),
        ("funding", {"amount": "1", "reference": "a b"}, "reference was 'a b'; allowed: 1 to 16"),
        ("dividend", {"amount": "1", "px": "1"}, "not both"),
        ("dividend", {"px": "1.123456"}, "px: 1.123456 is finer than 5 decimals"),
        ("split", {"ratio": "2"}, "write NEW:OLD"),
        ("split", {"ratio": "0:1"}, "write NEW:OLD"),
        ("transfer", {"qty": "1"}, "transfer needs to_strategy"),
        ("spin_off", {"ratio": "1:1"}, "spin_off needs new_symbol"),
        ("deposit", {"strategy": None, "symbol": None, "amount": "1"}, "deposit needs currency"),
        ("deposit", {"amount": "-1", "currency": "USD"}, "amount was '-1'; allowed: more than 0"),
        ("deposit", {"amount": "0", "currency": "USD"}, "amount was '0'; allowed: more than 0"),
        ("deposit", {"amount": "1", "currency": "GBP"}, "currency was 'GBP'; there are USD, EUR"),
        ("deposit", {"amount": "1e3", "currency": "USD"}, "amount: '1e3' is not a plain decimal"),
        ("deposit", {"amount": "1", "currency": "USD", "account": "nobody"}, "account was 'nobody'; there are main, other"),
        ("deposit", {"amount": "1", "currency": "USD", "to_amount": "2"}, "to_amount is not for deposit, which takes amount, currency"),
        ("conversion", {"amount": "1", "currency": "USD", "to_currency": "EUR"}, "conversion needs to_amount"),
        ("cross", {"qty": "1"}, "cross needs to_strategy"),
        ("cross", {"qty": "1", "to_strategy": "mm2", "to_account": "other"}, "to_account is not for cross"),
        ("bust", {"amount": "1"}, "amount is not for bust, which takes its reference only"),
    ],
)
def test_what_cannot_be_says_what_is_allowed(kind: str, request_of: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        build(kind, **(OF | request_of))


def test_entry_when_described_says_the_figure_now_and_what_is_asked() -> None:
    assert words("funding", amount="2.5", **OF) == Change("entry S-1: FUNDING of main/mm1/EUR/USD", "funding -1.5", "2.5 USD")
    assert words("dividend", px="0.5", **OF) == Change("entry S-1: DIVIDEND of main/mm1/EUR/USD", "income 0", "at 0.5")
    assert words("transfer", qty="4", to_strategy="mm2", **OF) == Change("entry S-1: TRANSFER of main/mm1/EUR/USD", "qty 10.5", "4 to main/mm2")
    assert words("split", ratio="3:2", qty="1", px="1.1", **OF).after == "3:2, what is below 1 paid at 1.1"
    assert words("spin_off", ratio="1:2", new_symbol="NEW", amount="0.25", **OF).after == "1:2 of NEW with 0.25 of the cost"
    assert words("cross", qty="4", px="1.2", to_strategy="mm2", **OF).after == "4 sold to mm2 at 1.2"
    assert words("deposit", account="main", currency="USD", amount="2.5") == Change("entry S-1: DEPOSIT of main", "balance 5 USD", "+2.5 USD")
    assert words("withdrawal", account="main", currency="EUR", amount="1") == Change("entry S-1: WITHDRAWAL of main", "balance 0 EUR", "-1 EUR")
    assert words("conversion", account="main", currency="USD", amount="1", to_currency="EUR", to_amount="0.9").after == "-1 USD, +0.9 EUR"
    assert words("bust", reference="D-1") == Change("entry D-1: DEPOSIT of main", "BOOKED", "BUSTED")
    assert words("bust") == Change("entry S-1: FUNDING of main/mm1/EUR/USD", "BOOKED", "BUSTED")
    assert words("bust", reference="S-2") == Change("entry S-2", "", "BUSTED"), "there is no such entry"


def test_entry_when_it_names_no_instrument_is_described_all_the_same() -> None:
    body = record("LedgerEntry", kind=KIND["FUNDING"], reference="S-1", instrument=9)
    assert ledger_entry.describe(table, body.tobytes()) == ("entry S-1: FUNDING", "", "")


def test_bust_when_its_reference_is_no_text_is_described_all_the_same() -> None:
    body = np.zeros(1, dtype("LedgerEntry"))[0]
    body["kind"], body["reference"] = ENUMS["LedgerEventKind"].by_name["BUST"], b"\xff" * 16  # of a journal that another program wrote
    assert ledger_entry.describe(table, body.tobytes())[1:] == ("", "BUSTED")


def test_refusal_when_the_ledger_gave_one_is_that_of_the_same_command() -> None:
    rows = [
        record("Break", seq=5, kind=BREAK["LEDGER_REFUSED"], theirs=RESULT["NOT_HELD"]),
        record("Break", seq=5, kind=BREAK["BAD_CONTROL"], theirs=77),
        record("Break", seq=6, kind=BREAK["BAD_CONTROL"], theirs=78),
    ]
    breaks = np.array(rows, dtype("Break"))
    assert "NOT_HELD: more than is held" in ledger_entry.refusal(breaks, 77)
    assert ledger_entry.refusal(breaks, 78) == ledger_entry.refusal(breaks, 79) == ""
