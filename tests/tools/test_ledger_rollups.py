"""Figures in the firm's currency and sums of many positions: a store's views, the engine's tables and a slow model say the same. One suite, both databases."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from journal_by_hand import record, value
from ledger_firm import EUR_USD, USD_JPY, Firm, firm
from ledger_stores import write

from ringfence.tools import cli, ledger_reports, ledger_rollups, ledger_statement, ledger_verify
from ringfence.tools.ledger_sqlite import half_even
from ringfence.tools.ledger_store import NOW, Moment, Store
from ringfence.tools.views import pnl as live
from ringfence.tools.views.tables import Replayed

Open = Callable[..., Store]
Rows = list[dict[str, Any]]
UNIT = 10**18


def totals(store: Store) -> set[Decimal]:
    return {Decimal(r["total"]) for r in store.query("SELECT * FROM trial_balance_totals")}


def known(rows: Rows, names: tuple[str, ...]) -> Rows:
    return [{name: row[name] for name in ("group", "currency", "positions", *names)} for row in rows]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_store_when_rates_move_agrees_with_the_engine_and_its_identities_are_zero(store: Open, tmp_path: Path, seed: int) -> None:
    made, s = firm(tmp_path, seed), store("firm")
    write(made.write(), s, rows=64)
    found = ledger_verify.verify(made.directory, s)
    assert found.differences == []
    rows = ledger_reports.identity(s)
    assert len(rows) == found.positions > 4
    assert {(r["difference"], r["equity_difference"]) for r in rows} == {(0, 0)}
    for row in ledger_reports.pnl(s):
        with localcontext(prec=80):
            assert row["base_known"] == 1
            assert row["realized_base"] == row["realized_price"] + row["realized_fx"]
            assert row["unrealized_base"] == row["unrealized_price"] + row["unrealized_fx"]
            rate = made.replayer.state.table("currencies")
            per_unit = {r["code"].decode(): Fraction(int(r["rate"]), 10**9) for r in rate[1:4]}[row["currency"]]
            assert row["total_base"] * UNIT == half_even((total := Fraction(row["total"]) * UNIT * per_unit).numerator, total.denominator)
            parts = row["realized_base"] + row["unrealized_base"] + row["income_base"] - row["fees_base"] + row["fx_on_cash"]
            assert parts == row["total_base"]


def test_store_when_a_yen_position_is_traded_at_moving_rates_splits_price_from_fx(store: Open, tmp_path: Path) -> None:
    made, s = Firm(tmp_path), store("yen")
    made.rate(2, "JPY", 10_000_000)  # 0.01
    made.deal(USD_JPY, 1, 1, 1, "BUY", 10, 100_000)  # cost 1,000 yen: 10 dollars
    made.rate(2, "JPY", 8_000_000)
    made.deal(USD_JPY, 1, 1, 1, "SELL", 4, 125_000, commission=5, comm_type=3)  # 500 yen: 4 dollars for what cost 4; the fee 0.04
    made.rate(2, "JPY", 5_000_000)
    made.mark_of(USD_JPY, 200_000, 200_000)  # 1,200 yen: 6 dollars for what cost 6
    write(made.write(), s)
    (row,) = ledger_reports.pnl(s)
    dollars = {
        **{"realized_base": "0", "realized_price": "0.8", "realized_fx": "-0.8", "fees_base": "0.04", "income_base": "0"},
        **{"unrealized_base": "0", "unrealized_price": "3", "unrealized_fx": "-3", "fx_on_cash": "3.515", "total_base": "3.475"},
    }  # 505 less 1,000 yen that cost 6.04 dollars are worth 2.525 now
    assert {name: row[name] for name in dollars} == {name: Decimal(text) for name, text in dollars.items()}
    (position,) = ledger_reports.positions(s)
    assert (position["cost_base"], position["realized_base"], position["base_known"]) == (6, 0, 1)
    entries = ledger_reports.explain(s, position)
    assert [(e["cost_base"], e["realized_base"], e["realized_fx"], e["fees_base"]) for e in entries] == [
        (10, 0, 0, 0),
        (-4, 0, Decimal("-0.8"), Decimal("0.04")),
    ]
    assert ledger_verify.verify(made.directory, s).differences == []


def test_store_when_a_rate_is_missing_says_so_and_gives_no_number(store: Open, tmp_path: Path) -> None:
    made, s = firm(tmp_path, 4, btc_rate=False), store("unknown")
    write(made.write(), s)
    assert ledger_verify.verify(made.directory, s).differences == []
    rows = ledger_reports.pnl(s)
    unknown = [row for row in rows if not row["base_known"]]
    assert {row["currency"] for row in unknown} == {"BTC"}
    for row in unknown:
        assert row["total"] is not None
        assert [row[name] for name in ledger_rollups.BASE_FIGURES] == [None] * len(ledger_rollups.BASE_FIGURES)
    by_desk = ledger_rollups.pnl(s, "desk", base=True)
    assert {row["total_base"] for row in by_desk} == {None}
    assert sum(row["unknown"] for row in by_desk) == len(unknown)
    by_currency = {row["group"]: row["total_base"] for row in ledger_rollups.pnl(s, "currency", base=True)}
    assert by_currency["BTC"] is None
    assert by_currency["JPY"] is not None
    assert "a rate or a mark is missing for position" in ledger_reports.total_line(rows)
    for entry in ledger_reports.explain(s, unknown[0]):
        assert entry["cost_base"] is None


@pytest.mark.parametrize("seed", [5, 6])
def test_rollups_when_a_store_and_the_engine_are_asked_say_the_same_by_every_key(store: Open, tmp_path: Path, seed: int) -> None:
    made, s = firm(tmp_path, seed, only_funding=seed == 5), store("rollups")
    write(made.write(), s)
    engine = Replayed(made.replayer.state)
    for by in ledger_rollups.KEYS if seed == 5 else set(ledger_rollups.KEYS) - {"venue"}:  # what a bust changes of an entry is the venue's in a store
        for base in (False, True):
            stored, running = ledger_rollups.pnl(s, by, base=base), live.pnl(engine, by, base=base)
            names = ledger_rollups.BASE_FIGURES if base else ledger_rollups.FIGURES
            if by == "venue":  # of tables that hold no history only what no cost method changes
                names = ("total_base",) if base else ("fees", "total")
                stored, running = ([row for row in rows if any(row[n] for n in names)] for rows in (stored, running))
                stored, running = ([row | {"positions": 0, "unknown": 0} for row in rows] for rows in (stored, running))
                if base:  # each part is rounded once
                    for row in (*stored, *running):
                        row["total_base"] = round(row["total_base"], 16)
            assert known(stored, names) == known(running, names), by
            assert {row["group"] for row in stored} <= {row["group"] for row in running}
    whole = ledger_reports.pnl(s)
    for by in ledger_rollups.KEYS:
        with localcontext(prec=80):
            for currency in ("USD", "JPY"):
                total = sum(r["total"] for r in ledger_rollups.pnl(s, by, base=False) if r["currency"] == currency)
                assert total == sum(r["total"] for r in whole if r["currency"] == currency), by
    per_position = live.pnl(engine, None, base=False)
    for row, other in zip(whole, per_position, strict=True):
        for name in (
            "position",
            "account",
            "strategy",
            "symbol",
            "currency",
            "qty",
            "mark",
            "base_known",
            *ledger_rollups.FIGURES,
            *ledger_rollups.BASE_FIGURES,
        ):
            assert row[name] == other[name], name


def test_rollups_when_positions_and_exposure_are_summed_add_up_to_what_is_not(store: Open, tmp_path: Path) -> None:
    made, s = firm(tmp_path, 7), store("sums")
    write(made.write(), s)
    with localcontext(prec=80):
        for by in ledger_rollups.KEYS:
            cash = sum(r["cash"] for r in ledger_rollups.positions(s, by) if r["currency"] == "USD")
            assert cash == sum(r["cash"] for r in ledger_reports.positions(s) if r["currency"] == "USD"), by
            for asset in ("EUR", "JPY", "USD"):
                wanted = sum(r["amount"] for r in ledger_reports.exposure(s) if r["asset"] == asset)
                assert sum(r["amount"] for r in ledger_rollups.exposure(s, by) if r["asset"] == asset) == wanted, (by, asset)
    yen = next(r for r in ledger_rollups.exposure(s, "currency") if r["asset"] == "JPY")
    rate = int(made.replayer.state.table("currencies")[2]["rate"])
    assert abs(yen["amount_base"] - yen["amount"] * rate / 10**9) < Decimal("1e-17")
    euro = next(r for r in ledger_rollups.exposure(s, "currency") if r["asset"] == "EUR")
    assert euro["amount_base"] is None, "there is no rate of it"


def test_rollups_when_an_account_goes_to_another_broker_are_by_that_of_the_moment(store: Open, tmp_path: Path) -> None:
    made, s = Firm(tmp_path), store("brokers")
    made.deal(EUR_USD, 1, 1, 1, "BUY", 10, 11_000)
    made.control("DEFINE_ACCOUNT", record("Account", id=1, name="main", code="ACC1", status=1, broker=2, method=value("LedgerMethod", "FIFO")))
    made.deal(EUR_USD, 1, 1, 1, "BUY", 10, 11_000)
    write(made.write(), s, rows=1)
    seen = []
    for moment in (Moment(seq=s.heads()[0].last_seq), NOW):
        s.as_of(moment)
        seen.append([r["group"] for r in ledger_rollups.positions(s, "broker")])
    assert seen == [["alpha"], ["beta"]]


@pytest.mark.parametrize(("side", "mark"), [("MID", "1.10015"), ("SIDE", "1.1"), ("LAST", "1.11")])
def test_pnl_when_an_instrument_is_marked_otherwise_is_at_that_price(store: Open, tmp_path: Path, side: str, mark: str) -> None:
    made, s = Firm(tmp_path, instrument={"mark_side": value("MarkSide", side)}), store("side")
    by_venue = {"sim": Decimal("1.1"), "ecn": Decimal("1.1")}  # the position's mark also for the part of it that was sold
    made.deal(EUR_USD, 1, 1, 1, "BUY", 10, 10_000)
    made.frame("MARK", record("Mark", bid=11_000, ask=11_003, last=11_100, instrument=1))
    made.deal(EUR_USD, 1, 1, 2, "SELL", 4, 10_000)
    made.deal(EUR_USD, 1, 2, 1, "SELL", 10, 10_000)
    write(made.write(), s)
    for rows in (ledger_reports.pnl(s), live.pnl(Replayed(made.replayer.state), None, base=False)):
        assert [row["mark"] for row in rows] == [Decimal(mark), Decimal("1.1003") if side == "SIDE" else Decimal(mark)]
    parts = s.query("SELECT venue, exact_decimal(exact_mul(px_twice, 5), 5) AS mark FROM priced_parts WHERE part = 'venue' AND strategy = 'mm1'")
    assert side != "SIDE" or {r["venue"]: Decimal(r["mark"]) for r in parts} == by_venue


def test_statement_when_rates_are_known_has_what_the_day_brought_in_the_firms_currency(store: Open, tmp_path: Path) -> None:
    made, s = Firm(tmp_path), store("statement")
    made.deal(USD_JPY, 1, 1, 1, "BUY", 10, 100_000)
    for instrument, px in ((USD_JPY, 100_000), (EUR_USD, 11_000)):
        made.mark_of(instrument, px, px)
    made.deal(EUR_USD, 1, 2, 1, "BUY", 100, 11_000)
    made.next_day(20260105)
    made.rate(2, "JPY", 8_000_000)
    made.deal(USD_JPY, 1, 1, 1, "SELL", 5, 150_000, commission=10, comm_type=3)
    made.deal(EUR_USD, 1, 2, 1, "SELL", 100, 11_500)
    write(made.write(), s, rows=1)  # each trade's batch has the marks and rates of its moment
    found = ledger_statement.build(s, "main", "2026-01-05")
    yen, euro, total = found.firm
    assert (yen["realized_base"], yen["realized_price"], yen["realized_fx"]) == (Decimal("2.55"), 2, Decimal("0.55"))
    assert (euro["realized_base"], euro["total_base"], yen["fees_base"]) == (5, 5, Decimal("0.08"))
    for name in ledger_rollups.BASE_FIGURES:
        assert total[name] == yen[name] + euro[name]
    assert (total["strategy"], total["unknown"], [c.currency for c in found.curves]) == ("Total", 0, ["USD"])
    assert found.curves[0].points[-1][1] == total["realized_base"]
    assert [t["fee"] for t in found.trades] == [10, None]
    page = ledger_statement.as_html(found)
    assert "class=total" in page
    assert "7.55" in page
    unknown = Firm(tmp_path / "unknown")
    unknown.rate(2, "JPY", 0)
    unknown.deal(USD_JPY, 1, 1, 1, "BUY", 10, 100_000)
    other = store("lacks")
    write(unknown.write(), other)
    found = ledger_statement.build(other, "main", "2026-01-02")
    assert [(row["realized_base"], row["total_base"], row["unknown"]) for row in found.firm] == [(None, None, 1)] * 2
    assert [c.currency for c in found.curves] == ["JPY"]


def test_entries_and_commissions_when_they_are_booked_are_in_the_history(store: Open, tmp_path: Path) -> None:
    made, s = Firm(tmp_path), store("amounts")
    made.deal(EUR_USD, 1, 1, 1, "BUY", 10, 11_000, commission=25, comm_type=3, comm_digits=2, comm_currency="USD")
    made.deal(EUR_USD, 1, 1, 1, "BUY", 10, 11_000, commission=2, comm_type=3, comm_currency="EUR")
    made.deal(EUR_USD, 1, 1, 1, "BUY", 10, 11_000, commission=100, comm_type=3, comm_currency="JPY")
    made.entry("FUNDING", "F-1", amount=-1250, amount_digits=3)
    write(made.write(), s)
    rows = ledger_reports.fills(s, history=True)
    assert [(r["fee"], r["fee_asset"], r["fee_kind"], r["fee_currency"]) for r in rows] == [
        (Decimal("0.25"), "USD", "EXPENSE", "USD"),
        (Decimal(2), "EUR", "BASE", "EUR"),
        (Decimal("0.69"), "USD", "ELSEWHERE", "JPY"),
        (Decimal(0), None, None, None),
    ]
    assert [(r["amount"], r["currency"]) for r in rows][-1] == (Decimal("-1.25"), "USD")
    assert [r["fee"] for r in ledger_reports.fills(s, history=False)] == [Decimal("0.25"), 2, Decimal("0.69")]


def test_identity_when_a_row_was_altered_is_off_and_verify_says_where(store: Open, tmp_path: Path, alter: Callable[[Store, str], None]) -> None:
    """A row that still balances: only the causes of EQUITY, or what was paid, tell."""
    made, s = Firm(tmp_path), store("altered")
    made.deal(EUR_USD, 1, 1, 1, "BUY", 1, 11_000)
    made.deal(EUR_USD, 1, 1, 1, "SELL", 1, 11_500)
    write(made.write(), s)
    alter(s, "UPDATE postings SET cash = cash + 1, equity = equity - 1 WHERE seq = (SELECT min(seq) FROM postings)")
    (row,) = ledger_reports.identity(s)
    assert (row["difference"], row["equity_difference"]) == (-Decimal(1).scaleb(-18), -Decimal(1).scaleb(-18))
    assert totals(s) == {0}, "each row balances"
    found = ledger_verify.verify(made.directory, s).differences
    for text in ("position 1: equity is -1 in the store, 0 by the journal", "difference of the master identity", "equity_difference of the master identity"):
        assert any(text in line for line in found), (text, found)


def test_commands_when_sums_are_asked_for_print_them(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.ipc.stop.install", lambda: None)
    made = firm(tmp_path, 8)
    made.write()

    def rows(*words: str) -> Rows:
        assert cli.main(["ledger", *words, "--data", str(tmp_path), "--json"]) == 0
        found: Rows = json.loads(capsys.readouterr().out)["rows"]
        return found

    assert cli.main(["ledger", "write", "--data", str(tmp_path)]) == 0
    capsys.readouterr()
    with localcontext(prec=80):
        total = sum(Decimal(row["total_base"]) for row in rows("pnl", "--base"))
        for by in ("desk", "broker", "account"):
            assert abs(sum(Decimal(row["total_base"]) for row in rows("pnl", "--by", by, "--base")) - total) == 0
    assert {row["group"] for row in rows("positions", "--by", "venue")} >= {"sim", "ecn"}
    assert {row["asset"] for row in rows("exposure", "--by", "currency")} >= {"EUR", "USD", "JPY"}
    assert {row["difference"] for row in rows("identity")} == {"0"}
    assert cli.main(["ledger", "identity", "--data", str(tmp_path)]) == 0
    assert "both sides agree" in capsys.readouterr().out
    assert cli.main(["ledger", "pnl", "--base", "--data", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"total {total:f} USD" in out
    assert "fx on the cash of accounts, with deposits and conversions: " in out


def test_command_when_keys_are_named_are_those_of_the_rollups() -> None:
    assert cli.ROLLUP_KEYS == ledger_rollups.KEYS


def spot(made: Firm, row: int, symbol: str, digits: int) -> None:
    """An instrument of the firm that settles two days after the trade."""
    base, quote = symbol.split("/")
    terms = {"tick": 1, "lot": 1, "qty_max": 10**12, "multiplier": 1, "status": 1, "settle_days": 2}
    made.control("DEFINE_INSTRUMENT", record("Instrument", id=row, symbol=symbol, base=base, quote=quote, price_digits=digits, **terms))


def test_rollups_when_one_trade_of_a_position_had_no_rate_none_of_its_venues_is_known(store: Open, tmp_path: Path) -> None:
    made, s = Firm(tmp_path), store("venues")
    made.rate(2, "JPY", 0)
    made.deal(USD_JPY, 1, 1, 1, "BUY", 10, 100_000)
    made.deal(USD_JPY, 1, 1, 2, "BUY", 10, 100_000)
    made.rate(2, "JPY", 10_000_000)
    made.deal(USD_JPY, 1, 1, 2, "SELL", 10, 120_000)
    made.mark_of(USD_JPY, 200_000, 200_000)
    write(made.write(), s)
    assert [(r["group"], r["total_base"]) for r in ledger_rollups.pnl(s, "venue", base=True)] == [("ecn", None), ("sim", None)]


def test_pnl_when_money_without_a_rate_is_settled_before_the_trade_it_belongs_to_is_unknown_on_every_value_date(store: Open, tmp_path: Path) -> None:
    made, s = Firm(tmp_path), store("dates")
    spot(made, USD_JPY, "USD/JPY", 3)
    made.rate(2, "JPY", 0)
    made.deal(USD_JPY, 1, 1, 1, "BUY", 10, 100_000)
    made.entry("FUNDING", "F1", instrument=USD_JPY, amount=50_000, amount_digits=2)
    made.rate(2, "JPY", 10_000_000)
    made.mark_of(USD_JPY, 200_000, 200_000)
    write(made.write(), s)
    for day in (None, "2026-01-02"):
        s.as_of(Moment(value_day=day))
        assert [(r["base_known"], r["total_base"]) for r in ledger_reports.pnl(s)] == [(0, None)]
        assert [r["fx_on_cash"] for r in ledger_reports.cash(s) if r["currency"] == "JPY"] == [None]


def test_cash_when_a_fee_belongs_to_a_trade_that_is_not_settled_is_paid_with_it(store: Open, tmp_path: Path) -> None:
    made, s = Firm(tmp_path), store("fee")
    spot(made, EUR_USD, "EUR/USD", 4)
    made.deal(EUR_USD, 1, 1, 1, "BUY", 10, 11_000, commission=100_000, comm_type=3, comm_digits=2, comm_currency="JPY")
    write(made.write(), s)
    s.as_of(Moment(value_day="2026-01-02"))
    assert all(r["balance"] == r["fx_on_cash"] == 0 for r in ledger_reports.cash(s))
    s.as_of(NOW)
    assert {r["currency"]: r["balance"] for r in ledger_reports.cash(s)} == {"USD": Decimal(-11), "JPY": Decimal(-1000)}


def test_statement_when_units_are_transferred_is_on_that_of_both_accounts(store: Open, tmp_path: Path) -> None:
    made, s = Firm(tmp_path), store("transfer")
    made.deal(EUR_USD, 1, 1, 1, "BUY", 10, 11_000)
    made.entry("TRANSFER", "T1", instrument=EUR_USD, qty=5, other=2, other_strategy=2)
    write(made.write(), s)
    for account, other in (("main", "other/mm2"), ("other", "main/mm1")):
        text = ledger_statement.as_text(ledger_statement.build(s, account, "2026-01-02"))
        assert "TRANSFER" in text
        assert other in text


def test_history_when_a_correction_names_no_commission_says_in_what_it_was_paid(store: Open, tmp_path: Path) -> None:
    made, s = Firm(tmp_path), store("currency")
    deal = made.deal(EUR_USD, 1, 1, 1, "BUY", 10, 11_000, commission=5, comm_type=3, comm_digits=2, comm_currency="JPY")
    made.report("CORRECT", deal, "C1", exec_ref_id=deal.exec_id, last_qty=11, last_px=11_000)
    write(made.write(), s)
    assert [r["fee_currency"] for r in s.query("SELECT fee_currency FROM fills")] == ["JPY"]


def test_command_when_an_account_is_chosen_totals_what_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Firm(tmp_path)
    made.deal(EUR_USD, 1, 1, 1, "BUY", 10, 10_000)
    made.deal(EUR_USD, 2, 2, 1, "BUY", 10, 10_000)
    made.mark_of(EUR_USD, 12_000, 12_000)
    made.write()
    assert cli.main(["ledger", "write", "--data", str(tmp_path)]) == 0
    capsys.readouterr()
    for words, total in (([], 4), (["--account", "other"], 2), (["--filter", "account=main"], 2)):
        assert cli.main(["ledger", "pnl", "--base", "--data", str(tmp_path), *words]) == 0
        said = capsys.readouterr().out
        assert re.search(rf"^total {total}(\.0+)? USD", said, re.MULTILINE), said
        assert ("fx on the cash" in said) == ("--filter" not in words)
