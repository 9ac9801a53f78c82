"""``ringfence ledger`` over a store: what it prints, as of when, what it adds up to, and what is wrong with bad arguments."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from journal_by_hand import record
from ledger_journal import Journal, random_journal
from synthetic_instance import Synthetic

from ringfence.ipc.schema import ENUMS
from ringfence.tools import cli, ledger_statement
from ringfence.tools.ledger_store import NOW, Moment, Store, open_store
from ringfence.tools.ledger_writer import LedgerWriter

Capture = pytest.CaptureFixture[str]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def signals_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write in this process must not take Ctrl-C away from the tests."""
    monkeypatch.setattr("ringfence.ipc.stop.install", lambda: None)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = random_journal(tmp_path, 21, 40)
    made.next_day(20260105)
    made.trade(1, "BUY", 100, 11000)
    made.mark(11010, 11012)
    made.write()
    return made


@pytest.fixture
def run(capsys: Capture, journal: Journal) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = cli.main(["ledger", *map(str, words), "--data", str(journal.data)])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def rows(run: Run, *words: object) -> list[dict[str, Any]]:
    status, out, err = run(*words, "--json")
    assert status == 0, err
    return json.loads(out)["rows"]  # type: ignore[no-any-return]


def test_ledger_write_when_run_twice_books_once_and_the_views_add_up(run: Run, journal: Journal) -> None:
    assert run("write")[0] == 0
    assert "0 new batches" in run("write")[1]
    qty, cash = journal.figures()
    (position,) = rows(run, "positions")
    assert (Decimal(position["qty"]), Decimal(position["cash"])) == (qty, cash)
    (pnl,) = rows(run, "pnl")
    assert Decimal(pnl["total"]) == cash + qty * Decimal("1.1011")
    assert {r["asset"]: Decimal(r["amount"]) for r in rows(run, "exposure") if r["value_day"] == "2026-01-05"} == {"EUR": 100, "USD": -110}
    assert sum(Decimal(r["qty"]) for r in rows(run, "lots")) == qty
    balance = rows(run, "trial-balance")
    assert sum(Decimal(r["debit"] or 0) - Decimal(r["credit"] or 0) for r in balance if r["asset"] == "USD") == 0
    status, out, _ = run("verify")
    assert (status, "no engine runs on this journal" in out) == (0, True)


def test_ledger_cash_and_statement_when_money_was_entered_say_what_there_is(run: Run, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    for row, (code, rate) in enumerate([("USD", 10**9), ("CHF", 1_100_000_000)], 1):
        journal.control("DEFINE_CURRENCY", record("Currency", id=row, code=code, rate=rate, is_firm=rate == 10**9, status=1))
    for number, (kind, amount, currency) in enumerate([("DEPOSIT", 50_000, 1), ("WITHDRAWAL", 20_000, 1), ("DEPOSIT", 1_000, 2)]):
        body = {"kind": ENUMS["LedgerEventKind"].by_name[kind], "account": 1, "amount": amount, "amount_digits": 1, "other": currency}
        journal.control("BOOK_ENTRY", record("LedgerEntry", reference=f"S{number}", **body), operator_name="ops", reason="statement")
    journal.write()
    assert run("write")[0] == 0
    traded = journal.figures()[1]
    usd, chf = sorted(rows(run, "cash"), key=lambda r: r["currency"], reverse=True)
    assert [Decimal(usd[name]) for name in ("entered", "positions", "fees", "balance")] == [3000, traded, 0, 3000 + traded]
    assert [Decimal(chf[name]) for name in ("entered", "balance", "worth", "fx_on_cash")] == [100, 100, 110, 0]
    assert (usd["worth"], usd["fx_on_cash"]) == (usd["balance"], None), "some trades came before there was a rate"
    status, out, _ = run("statement", "--account", "main", "--day", "2026-01-05", "--json")
    money = {r["currency"]: {k: Decimal(v) for k, v in r.items() if k != "currency"} for r in json.loads(out)["money"]}
    assert status == 0
    assert [money["USD"][name] for name in ("entered", "traded", "elsewhere")] == [3000, -110, 0]
    assert money["USD"]["opening"] + money["USD"]["change"] == money["USD"]["closing"] == 3000 + traded
    assert [money["CHF"][name] for name in ("opening", "entered", "closing")] == [0, 100, 100]


def test_ledger_write_when_interrupted_says_where_the_next_one_goes_on(run: Run, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = itertools.count()
    with monkeypatch.context() as m:
        m.setattr("ringfence.ipc.stop.requested", lambda: next(asked) > 8)
        m.setattr("ringfence.tools.follow.PIECE_BYTES", 1 << 11)
        status, _, err = run("write")
    assert (status, "goes on behind the last batch" in err) == (130, True)
    store = open_store(str(journal.data / "ledger.db"))
    booked, last_seq = store.query("SELECT count(*) AS n FROM postings")[0]["n"], store.heads()[-1].last_seq
    store.close()
    assert (booked > 0, 0 < last_seq < journal.seq) == (True, True), "what was booked is stored, and no more"
    assert run("write")[0] == 0
    assert run("verify")[0] == 0


@pytest.mark.parametrize("same", [True, False])
def test_ledger_write_when_an_instance_of_that_name_runs_on_other_data_books_all_the_same(
    run: Run, journal: Journal, synthetic: Synthetic, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    monkeypatch.setattr("ringfence.tools.commands.ledger_store.instance_of", lambda _: synthetic.name)
    synthetic.instance.section("status")[1]["data_dir"] = str(journal.data if same else journal.data / "other").encode()
    mark = synthetic.from_sidecar.section("mark")[0]  # type: ignore[attr-defined]
    mark["position"] = durable = journal.states[5][0]
    assert run("write")[0] == 0
    store = open_store(str(journal.data / "ledger.db"))
    assert store.heads()[-1].last_seq == (durable if same else journal.seq)
    store.close()


def test_ledger_views_when_asked_as_of_say_what_was_so_then(run: Run, journal: Journal) -> None:
    run("write")
    seq, qty, _ = journal.states[10]
    for word in (str(seq), f"2026-01-02T10:00:00.{seq * 1000:09d}"):
        assert Decimal(rows(run, "positions", "--as-of", word)[0]["qty"]) == qty
        assert sum(Decimal(r["qty"]) for r in rows(run, "lots", "--as-of", word)) == qty
    assert Decimal(rows(run, "positions", "--value-date", "2026-01-02")[0]["qty"]) == journal.states[-2][1]


def test_ledger_explain_when_a_position_is_named_lists_every_entry_up_to_its_figures(run: Run, journal: Journal) -> None:
    run("write")
    (position,) = rows(run, "positions")
    entries = rows(run, "explain", "main/mm1/EUR/USD")
    for name in ("qty", "cost", "realized"):
        assert Decimal(entries[-1][f"{name}_after"]) == Decimal(position[name])
    history = rows(run, "fills", "--history")
    assert [(e["seq"], e["exec_id"]) for e in entries] == [(h["seq"], h["exec_id"]) for h in history]
    status, _, err = run("explain", "main/mm2/EUR/USD")
    assert (status, "1 main/mm1/EUR/USD" in err) == (2, True)


def test_ledger_statement_when_a_day_is_named_opens_with_the_day_before_and_closes_with_its_changes(run: Run, journal: Journal, tmp_path: Path) -> None:
    run("write")
    status, out, _ = run("statement", "--account", "main", "--day", "2026-01-05", "--json")
    found = json.loads(out)
    (position,), (money,) = found["positions"], found["money"]
    before, after = journal.states[-2], journal.states[-1]
    assert [Decimal(position[name]) for name in ("opening", "change", "closing")] == [before[1], 100, after[1]]
    assert [Decimal(money[name]) for name in ("opening", "change", "closing")] == [before[2], after[2] - before[2], after[2]]
    assert [t["kind"] for t in found["trades"]] == ["FILL"]
    assert (status, found["rests_on"]["last_seq"]) == (0, journal.seq)
    sections = {row[0] for row in csv.reader(io.StringIO(run("statement", "--account", "main", "--day", "2026-01-05", "--csv")[1]))}
    assert sections == {"positions", "money", "firm", "trades"}
    page = tmp_path / "statement.html"
    assert run("statement", "--account", "main", "--day", "2026-01-02", "--html", page)[0] == 0
    text = page.read_text()
    assert "<svg" in text and "class=busted" in text and "http" not in text
    assert "Nothing was booked" in ledger_statement.plot([])
    status, _, err = run("statement", "--account", "nobody", "--day", "2026-01-05")
    assert (status, "the store has: main" in err) == (2, True)


def test_ledger_statement_when_money_is_finer_than_cents_has_the_instruments_digits(capsys: Capture, tmp_path: Path) -> None:
    made = Journal(tmp_path / "inverse", instrument={"inverse": 1, "price_digits": 1, "base": "BTC"})
    made.fill(made.order("BUY"), 100, 300005, "A", last_px_digits=1)
    made.mark(310000, 310010)
    made.write()
    data = ("--data", str(made.data))
    assert cli.main(["ledger", "write", *data]) == 0
    capsys.readouterr()
    assert cli.main(["ledger", "statement", "--account", "main", "--day", "2026-01-02", *data]) == 0
    text = capsys.readouterr().out
    for shown in ("31,000.50", "30,000.5 ", "-0.00333328", "0.00010752", "0.00000000"):
        assert shown in text, text


def test_ledger_rebuild_when_confirmed_books_anew(run: Run) -> None:
    run("write")
    before = rows(run, "positions")
    status, _, err = run("rebuild")
    assert (status, "--yes" in err) == (2, True)
    assert run("rebuild", "--yes")[0] == 0
    assert rows(run, "positions") == before
    assert run("verify")[0] == 0


def test_ledger_views_when_there_is_no_store_say_what_makes_one(run: Run, journal: Journal) -> None:
    status, _, err = run("positions")
    assert (status, f"ringfence ledger write --data {journal.data}" in err) == (3, True)
    open_store(str(journal.data / "ledger.db")).close()
    assert run("positions")[0] == 3, "a store without tables"


def test_ledger_verify_when_a_row_was_altered_exits_7(run: Run, journal: Journal) -> None:
    run("write")
    store = open_store(str(journal.data / "ledger.db"))
    store.connection.execute("DROP TRIGGER postings_no_update")  # type: ignore[attr-defined]
    store.connection.execute("UPDATE postings SET units = units + 1 WHERE seq = (SELECT min(seq) FROM postings)")  # type: ignore[attr-defined]
    store.close()
    status, out, _ = run("verify", "--json")
    assert (status, json.loads(out)["ok"]) == (7, False)
    assert run("verify")[0] == 7


def test_writer_when_an_instance_runs_books_only_what_the_disk_has(synthetic: Synthetic, journal: Journal) -> None:
    mark = synthetic.from_sidecar.section("mark")[0]  # type: ignore[attr-defined]
    mark["position"] = journal.states[5][0]
    store: Store = open_store(str(journal.data / "durable.db"))
    writer = LedgerWriter(journal.directory, store, instance=synthetic.name)
    assert writer.catch_up() == journal.states[5][0]
    mark["position"] = journal.seq
    assert writer.catch_up() == journal.seq
    writer.close()
    for moment, wanted in ((Moment(seq=journal.states[5][0]), journal.states[5][1]), (NOW, journal.states[-1][1])):
        store.as_of(moment)
        assert Decimal(store.query("SELECT qty FROM positions")[0]["qty"]) == wanted
    store.close()
