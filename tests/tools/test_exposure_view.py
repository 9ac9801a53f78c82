"""Exposure by asset and value date, and calendars, as a running instance shows them, held against the ledger's store."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from journal_by_hand import JournalByHand, record
from ledger_journal import Journal
from running_instance import Running

from ringfence.ipc.schema import ENUMS
from ringfence.tools import cli, control_client
from ringfence.tools.errors import UsageError
from ringfence.tools.ledger_state import unnamed, wide
from ringfence.tools.ledger_store import open_store
from ringfence.tools.ledger_writer import LedgerWriter
from ringfence.tools.views import exposure
from ringfence.tools.views.tables import Replayed

ENTRY, METHOD = ENUMS["LedgerEventKind"].by_name, ENUMS["LedgerMethod"].by_name
KIND = {name.lower(): number for name, number in ENUMS["InstrumentKind"].by_name.items()}


def source(j: JournalByHand) -> Any:
    return Replayed(j.replayer.state)


def currencies(j: JournalByHand, **rates: int) -> None:
    for row, (code, rate) in enumerate(rates.items(), 1):
        j.control("DEFINE_CURRENCY", record("Currency", id=row, code=code, rate=rate, is_firm=int(row == 1), status=1))


def define(j: JournalByHand, **fields: Any) -> None:
    terms = {"tick": 1, "lot": 1, "qty_max": 10**12, "multiplier": 1, "price_digits": 4, "status": 1, "base": "EUR", "quote": "USD"} | fields
    j.control("DEFINE_INSTRUMENT", record("Instrument", id=1, symbol="EUR/USD", **terms))


def roll(j: JournalByHand, day: int) -> None:
    j.control("ROLL_DAY", record("DayStart", day=day), day=day)


def sums(rows: list[Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(r[n] for n in ("asset", "value_day", "amount", *names)) for r in rows]


@pytest.fixture
def spot(tmp_path: Path) -> JournalByHand:
    """Bought 100 EUR at 1.1 on Friday, sold 40 at 1.2 on Monday."""
    j = JournalByHand(tmp_path, kind=KIND["fx_spot"], settle_days=2)
    j.new(1, "BUY", 1000, 11000)
    j.fill(1, 100, 11000, "E1")
    roll(j, 20260105)
    j.new(2, "SELL", 1000, 12000)
    j.fill(2, 40, 12000, "E2")
    return j


def test_exposure_is_two_legs_by_value_date_in_the_firms_currency(spot: JournalByHand) -> None:
    currencies(spot, USD=10**9, EUR=1_250_000_000)
    rows = exposure.exposure(source(spot))
    assert sums(rows, "value", "rate", "note") == [
        ("EUR", "2026-01-06", 100, 125, Decimal("1.25"), None),
        ("EUR", "2026-01-07", -40, -50, Decimal("1.25"), None),
        ("USD", "2026-01-06", -110, -110, 1, None),
        ("USD", "2026-01-07", 48, 48, 1, None),
    ]
    assert exposure.totals(source(spot), rows) == ["net 13.00, gross 175.00 USD (gross without USD)"]
    roll(spot, 20260106)
    assert sums(exposure.exposure(source(spot)))[:2] == [("EUR", "settled", 100), ("EUR", "2026-01-07", -40)]


def test_exposure_without_a_rate_has_no_number_and_says_so(spot: JournalByHand) -> None:
    currencies(spot, USD=10**9, EUR=0)
    rows = exposure.exposure(source(spot))
    assert sums(rows[:2], "value", "note") == [("EUR", "2026-01-06", 100, None, "▲ no rate"), ("EUR", "2026-01-07", -40, None, "▲ no rate")]
    assert exposure.totals(source(spot), rows)[0].startswith("▲ 2 row(s) have no rate")
    spot.mark(12000, 12200)
    assert sums(exposure.exposure(source(spot))[:1], "value", "rate") == [("EUR", "2026-01-06", 100, 121, Decimal("1.21"))], "the mid of its instrument"


@pytest.mark.parametrize(("by", "key"), [("account", "main"), ("strategy", "mm1"), ("instrument", "EUR/USD"), ("broker", "-")])
def test_exposure_by_one_more_key_names_it(spot: JournalByHand, by: str, key: str) -> None:
    rows = exposure.exposure(source(spot), by)
    assert {r["key"] for r in rows} == {key}
    assert len(rows) == 4
    assert exposure.view(by).columns[0].key == "key"


def test_exposure_of_an_inverse_contract_is_the_other_way_round(tmp_path: Path) -> None:
    j = JournalByHand(tmp_path, kind=KIND["perpetual"], inverse=1, multiplier=100, base="BTC", quote="USD")
    j.new(1, "BUY", 1000, 500_000_000)
    j.fill(1, 5, 500_000_000, "E1")  # 500 USD at 50,000
    assert sums(exposure.exposure(source(j))) == [("BTC", "settled", Decimal("0.01")), ("USD", "settled", -500)]


def test_exposure_of_a_forward_is_on_its_last_day(tmp_path: Path) -> None:
    j = JournalByHand(tmp_path, kind=KIND["fx_forward"], last_day=20260401, multiplier=10)
    j.new(1, "SELL", 1000, 11000)
    j.fill(1, 5, 11000, "E1")
    assert sums(exposure.exposure(source(j))) == [("EUR", "2026-04-01", -50), ("USD", "2026-04-01", 55)]


def test_exposure_while_a_position_is_written_is_marked_stale(spot: JournalByHand) -> None:
    spot.replayer.state.table("value_dates")[1]["qty"][0] += 1
    assert all(r.get("stale") for r in exposure.exposure(source(spot)))


def in_the_store(data: Path, path: Path) -> dict[tuple[str, str], Decimal]:
    """Sums by asset and value date of the ledger's store."""
    store = open_store(str(path))
    writer = LedgerWriter(data / "journal", store)
    writer.begin()
    writer.catch_up()
    writer.close()
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in store.query("SELECT asset, value_day, amount FROM exposure"):
        found[row["asset"], str(row["value_day"])] += Decimal(row["amount"])
    store.close()
    return {key: amount for key, amount in found.items() if amount}


def name_lot(made: Journal, rng: random.Random, reference: str) -> None:
    """Say of some close that waits from which lot it took what it could have; it may be refused."""
    table = made.replayer.state.table
    waits, fills = unnamed(table), int(table("engine")[1]["execution_count"])
    for close in waits[:1]:
        qty = min(abs(wide(close["qty"])), rng.choice([10, 50]))
        about = {"account": 1, "strategy": 1, "instrument": 1, "ratio_num": int(close["key"]), "ratio_den": rng.randint(1, fills), "qty": qty}
        made.control("BOOK_ENTRY", record("LedgerEntry", kind=ENTRY["NAME_LOT"], reference=reference, **about), operator_name="ops", reason="client")


def split(made: Journal, reference: str) -> None:
    about = {"account": 1, "strategy": 1, "instrument": 1, "ratio_num": 2, "ratio_den": 1}
    made.control("BOOK_ENTRY", record("LedgerEntry", kind=ENTRY["SPLIT"], reference=reference, **about), operator_name="ops", reason="notice")


@pytest.mark.parametrize(("seed", "method"), [*((n, "WAC") for n in range(4)), *((n, "SPEC") for n in range(6))])
def test_exposure_is_that_of_the_store_whatever_was_busted_corrected_and_rolled(tmp_path: Path, seed: int, method: str) -> None:
    rng = random.Random(seed)
    made = Journal(tmp_path, instrument={"kind": KIND["fx_spot"], "settle_days": 2})
    made.control("DEFINE_ACCOUNT", record("Account", id=1, name="main", code="ACC1", status=1, method=METHOD[method]))
    currencies(made, USD=10**9, EUR=10**9)
    days, orders = [20260105, 20260106, 20260107, 20260108, 20260109, 20260112], {side: made.order(side) for side in ("BUY", "SELL")}
    names: dict[str, str] = {}
    for n in range(60):
        what = rng.random()
        if method == "SPEC":
            name_lot(made, rng, f"N{n}")
        if n % 20 == 19:
            split(made, f"S{n}")
        if what < 0.6 or not names:
            side = rng.choice(["BUY", "SELL"] if method != "SPEC" else ["BUY", "BUY", "SELL"])
            names[made.trade(orders[side], side, rng.randint(1, 50), rng.randint(10900, 11100))] = side
        elif what < 0.7:
            made.bust(orders[side := names.pop(name := rng.choice(sorted(names)))], name)
        elif what < 0.8:
            side = names.pop(name := rng.choice(sorted(names)))
            names[made.correct(orders[side], name, rng.randint(1, 50), rng.randint(10900, 11100))] = side
        elif what < 0.9 and days:
            roll(made, days.pop(0))
        else:
            day = rng.choice([20260107, 20260108, 20260109, 20260113])
            body = record("HolidayChange", currency=rng.randint(1, 2), count=1, is_holiday=rng.randint(0, 1), days=[day] + [0] * 14)
            made.control("DEFINE_HOLIDAYS", body)
    made.write()
    today = f"{int(made.replayer.state.table('engine')[1]['day']):08}"
    wanted: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for (asset, day), amount in in_the_store(tmp_path, tmp_path / "ledger.db").items():
        wanted[asset, day if day.replace("-", "") > today else "settled"] += amount
    shown = {(r["asset"], r["value_day"]): r["amount"] for r in exposure.exposure(source(made))}
    assert shown == {key: amount for key, amount in wanted.items() if amount}


def test_calendar_shows_holidays_and_value_dates(spot: JournalByHand) -> None:
    currencies(spot, USD=10**9, EUR=10**9)
    spot.control("DEFINE_HOLIDAYS", record("HolidayChange", currency=2, count=2, is_holiday=1, days=[20260106, 20251225] + [0] * 13))
    assert exposure.holidays(source(spot), "EUR", "2026-01-01") == [{"currency": "EUR", "day": "2026-01-06", "weekday": "Tue"}]
    assert exposure.holidays(source(spot), "USD", "2026-01-01") == []
    (row,) = exposure.value_dates(source(spot), 20260105)
    assert row == {"symbol": "EUR/USD", "kind": "fx_spot", "settle_days": 2, "last_day": None, "trade_day": "2026-01-05", "value_day": "2026-01-08"}
    assert exposure.value_dates(source(spot), 20260105, "GBP/USD") == []
    with pytest.raises(UsageError, match="'CHF' is no currency and no symbol; currencies: USD, EUR; symbols: EUR/USD"):
        exposure.holidays(source(spot), "CHF", "")


def test_holidays_of_a_live_instance_come_and_go_with_its_file(tmp_path: Path, instance: str, capsys: pytest.CaptureFixture[str]) -> None:
    running = Running(tmp_path, instance)
    try:
        assert running.up() == 0, running.logs()
        base = running.config.read_text() + '\n[firm]\ncurrency = "USD"\n[[currency]]\ncode = "EUR"\nrate = "1.1"\n'
        path = running.config.with_name("changed.toml")

        def show(*argv: str) -> Any:
            assert cli.main([*argv, "--json", "--instance", running.name]) == 0
            return json.loads(capsys.readouterr().out)

        def send(text: str) -> Any:
            path.write_text(text)
            return control_client.request(running.name, {"op": "reload", "config": str(path)})

        assert send(base)["refused"] == 0
        (open_day,) = show("calendar", "EUR/USD", "--day", "2026-06-08")["rows"]
        assert (open_day["trade_day"], open_day["value_day"]) == ("2026-06-08", "2026-06-10")
        closed = '[[holidays]]\ncurrency = "EUR"\ndays = ["2026-06-09", "2026-12-25"]\n[[holidays]]\ncurrency = "USD"\ndays = ["2026-06-11"]\n'
        answer = send(base + closed)
        assert (answer["changes"], answer["refused"]) == (2, 0)
        assert show("calendar", "EUR/USD", "--day", "2026-06-08")["rows"][0]["value_day"] == "2026-06-12"
        assert [r["day"] for r in show("calendar", "EUR", "--day", "2026-01-01")["rows"]] == ["2026-06-09", "2026-12-25"]
        assert send(base)["changes"] == 2
        assert show("calendar", "USD", "--day", "2026-01-01")["rows"] == []
        assert show("exposure", "--by", "account")["rows"] == []
        assert cli.main(["audit", "--all", "--instance", running.name]) == 0
        assert "settles on 2026-06-11" in capsys.readouterr().out
        assert running.down() == []
    finally:
        running.close()
