"""The ledger in a database: what the trades add up to, exactly once, as of any moment, and equal to the journal to the last unit. One suite, both databases."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journal_by_hand import record
from ledger_journal import LIMITS, Journal, random_journal, suspense
from ledger_stores import write

from ringfence.core.replay import Replayer
from ringfence.ipc.schema import ENUMS
from ringfence.tools import ledger_store, ledger_verify
from ringfence.tools.errors import StoreDiffers
from ringfence.tools.ledger_store import NOW, Moment, Store
from ringfence.tools.ledger_writer import LedgerWriter

Open = Callable[..., Store]
TABLES = (*ledger_store.SMALL_TABLES, "postings", "executions")


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(ledger_verify.plain(v) for v in r.values()) for r in store.query(sql))


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(store, f"SELECT * FROM {table}") for table in TABLES if table != "marks"}


def held(store: Store, moment: Moment = NOW, strategy: str = "mm1") -> tuple[Decimal, Decimal]:
    """Quantity and cash of a strategy, as a view gives them."""
    store.as_of(moment)
    found = [r for r in store.query("SELECT * FROM positions") if r["strategy"] == strategy]
    store.as_of(NOW)
    return (Decimal(found[0]["qty"]), Decimal(found[0]["cash"])) if found else (Decimal(0), Decimal(0))


def totals(store: Store) -> set[Decimal]:
    return {Decimal(r["total"]) for r in store.query("SELECT * FROM trial_balance_totals")}


def test_store_when_random_trades_are_booked_has_what_they_add_up_to_and_agrees_with_the_journal(store: Open, tmp_path: Path) -> None:
    made, s = random_journal(tmp_path, 1), store("random")
    write(made.write(), s)
    assert held(s) == made.figures()
    assert totals(s) == {Decimal(0)}
    found = ledger_verify.verify(made.directory, s)
    assert (found.differences, found.last_seq, found.refused) == ([], made.seq, 0)
    assert found.executions == s.query("SELECT count(*) AS n FROM executions")[0]["n"] > 100
    alive = sum(t.alive for t in made.trades.values())
    assert s.query("SELECT count(*) AS n FROM fills WHERE status <> 'BUSTED'")[0]["n"] == alive


def test_store_when_accounts_have_cost_methods_and_reports_commissions_has_the_engines_figures(store: Open, tmp_path: Path) -> None:
    """Last in first out, with fees in money, in what is traded and in neither; a correction with a fee of its own, a bust; then, flat, first in first out."""
    made, s = Journal(tmp_path), store("methods")
    method = ENUMS["LedgerMethod"].by_name
    usd, eur = {"comm_type": 3, "comm_currency": "USD"}, {"comm_type": 3, "comm_currency": "EUR"}
    for row, (code, rate) in enumerate([("USD", 10**9), ("EUR", 1_250_000_000), ("CHF", 1_100_000_000)], 1):
        made.control("DEFINE_CURRENCY", record("Currency", id=row, code=code, rate=rate, is_firm=rate == 10**9, status=1))
    made.control("DEFINE_ACCOUNT", record("Account", id=1, name="main", code="ACC1", status=1, method=method["LIFO"]))
    buy, sell = made.order("BUY"), made.order("SELL")
    made.fill(buy, 100, 11000, "E1", commission=125, comm_digits=2, **usd)
    made.fill(buy, 100, 12000, "E2", commission=2, **eur)
    made.fill(sell, 50, 13000, "E3", commission=3, comm_type=3, comm_currency="CHF")
    made.event("CORRECT", buy, last_qty=100, last_px=11500, exec_id="C1", exec_ref_id="E1", commission=4, **usd)
    made.event("BUST", sell, exec_id="B1", exec_ref_id="E3")
    made.fill(sell, 198, 12500, "E4")
    made.control("DEFINE_ACCOUNT", record("Account", id=1, name="main", code="ACC1", status=1, method=method["FIFO"]))
    made.fill(buy, 10, 11000, "E5")
    made.fill(buy, 10, 12000, "E6")
    made.fill(sell, 5, 13000, "E7")
    write(made.write(), s)
    assert ledger_verify.verify(made.directory, s).differences == []
    (position,) = s.query("SELECT * FROM positions")
    assert (Decimal(position["qty"]), Decimal(position["cost"]), Decimal(position["fees"])) == (15, Decimal("17.5"), Decimal("6.4"))
    assert totals(s) == {Decimal(0)}


def test_store_when_a_future_is_settled_every_day_has_the_cash_that_settlements_paid(store: Open, tmp_path: Path) -> None:
    future = {"kind": ENUMS["InstrumentKind"].by_name["FUTURE"], "daily": 1}
    made, s = Journal(tmp_path, instrument=future), store("daily")
    buy, sell = made.order("BUY"), made.order("SELL")
    made.fill(buy, 100, 11000, "E1")
    for number, px in enumerate((11200, 11100)):
        body = record("LedgerEntry", kind=ENUMS["LedgerEventKind"].by_name["SETTLE"], reference=f"S{number}", account=1, strategy=1, instrument=1, px=px)
        made.control("BOOK_ENTRY", body, operator_name="ops", reason="settlement")
        made.fill(sell, 20, 11300, f"E{number + 2}")
    write(made.write(), s)
    assert ledger_verify.verify(made.directory, s).differences == []
    (position,) = s.query("SELECT * FROM positions")
    paid = [Decimal(str(r["cash"])) for r in s.query("SELECT exact_decimal(cash, 18) AS cash FROM postings ORDER BY seq")]
    assert paid == [0, 2, 0, Decimal("-0.6"), 0], "100 by 0.02; then 80 by -0.01 and 20 by 0.01 that were sold; a fill pays nothing"
    assert (Decimal(position["cash"]), Decimal(position["realized"])) == (Decimal("1.4"), Decimal("1.2"))
    assert totals(s) == {Decimal(0)}


def test_store_when_money_is_entered_has_the_balances_of_the_journal(store: Open, tmp_path: Path) -> None:
    """A deposit, a conversion, a fee in a third currency, a cross, a withdrawal that is busted: balances, what they are worth, and as of before."""
    made, s = Journal(tmp_path), store("cash")
    for row, (code, rate) in enumerate([("CHF", 10**9), ("USD", 800_000_000), ("GBP", 1_250_000_000)], 1):
        made.control("DEFINE_CURRENCY", record("Currency", id=row, code=code, rate=rate, is_firm=rate == 10**9, status=1))
    made.control("DEFINE_STRATEGY", record("Strategy", id=2, name="mm2", status=1))

    def enter(kind: str, reference: str, **fields: int) -> int:
        body = record("LedgerEntry", kind=ENUMS["LedgerEventKind"].by_name[kind], reference=reference, **({} if kind == "BUST" else {"account": 1} | fields))
        made.control("BOOK_ENTRY", body, operator_name="ops", reason="statement")
        return made.seq

    deposited = enter("DEPOSIT", "D1", amount=100_000, amount_digits=2, other=1)
    enter("CONVERSION", "C1", amount=800, qty=1000, other=1, other_strategy=2)
    made.fill(made.order("BUY"), 100, 11000, "E1", commission=4, comm_type=3, comm_currency="GBP")
    enter("CROSS", "X1", strategy=1, instrument=1, qty=40, px=12000, other_strategy=2)
    withdrawn = enter("WITHDRAWAL", "W1", amount=50, other=2)
    enter("BUST", "W1")
    made.control("DEFINE_CURRENCY", record("Currency", id=2, code="USD", rate=900_000_000, status=1))
    made.mark(11000, 11000)
    write(made.write(), s)
    found = ledger_verify.verify(made.directory, s)
    assert (found.differences, found.balances) == ([], 3)
    rows = {r["currency"]: {name: Decimal(str(r[name])) for name in ("entered", "positions", "fees", "balance", "worth", "fx_on_cash")} for r in cash_rows(s)}
    assert {c: (r["entered"], r["positions"], r["fees"], r["balance"], r["worth"]) for c, r in rows.items()} == {
        "CHF": (200, 0, 0, 200, 200),
        "USD": (1000, -110, 0, 890, 801),
        "GBP": (0, 0, 4, -4, -5),
    }
    assert {c: r["fx_on_cash"] for c, r in rows.items()} == {"CHF": 0, "USD": 89, "GBP": 0}, "890 USD came at 0.80 and are worth 0.90"
    assert totals(s) == {Decimal(0)}
    venue = {r["asset"]: Decimal(str(r["balance"])) for r in s.query("SELECT * FROM trial_balance WHERE ledger_account = 'VENUE'")}
    assert venue == {"CHF": 200, "USD": 890, "GBP": -4}, "the trial balance has the balances"
    s.as_of(Moment(seq=withdrawn))
    assert {r["currency"]: Decimal(str(r["balance"])) for r in cash_rows(s)} == {"CHF": 200, "USD": 840, "GBP": -4}
    s.as_of(Moment(seq=deposited))
    assert [(r["currency"], Decimal(str(r["balance"]))) for r in cash_rows(s)] == [("CHF", 1000)]
    s.as_of(NOW)
    history = [
        (r["kind"], r["exec_id"], None if r["amount"] is None else Decimal(str(r["amount"])), r["currency"])
        for r in s.query("SELECT * FROM fill_history ORDER BY seq, execution")
    ]
    assert history[:2] == [("DEPOSIT", "D1", 1000, "CHF"), ("CONVERSION", "C1", -800, "CHF")]
    assert {r["strategy"] for r in s.query("SELECT strategy FROM fill_history WHERE kind IN ('DEPOSIT', 'CONVERSION')")} == {"-"}, "money is no strategy's"
    assert [h[:2] for h in history[3:]] == [("CROSS", "X1"), ("CROSS", "X1"), ("WITHDRAWAL", "W1"), ("BUST", "W1")]


def cash_rows(s: Store) -> list[dict[str, object]]:
    return s.query("SELECT * FROM cash ORDER BY currency")


def test_store_when_it_is_written_in_many_batches_by_many_writers_has_the_same_rows(store: Open, tmp_path: Path) -> None:
    made = random_journal(tmp_path, 3, 120)
    directory, once, often = made.write(), store("once"), store("often")
    write(directory, once)
    while write_some(directory, often, rows=24):
        pass
    assert len(often.heads()) > 3
    assert everything(often) == everything(once)
    assert ledger_verify.verify(directory, often).differences == []
    assert write(directory, often).batches == 0, "a writer that starts again booked something"


def write_some(directory: Path, store: Store, rows: int) -> bool:
    """One batch by a new writer; whether there was one."""
    writer = LedgerWriter(directory, store, rows=rows)
    writer.begin()
    moved = True
    while moved and not writer.batches:
        moved = writer.turn()
    if not moved:
        writer.finish()
    writer.close()
    return moved


def test_store_when_asked_as_of_a_sequence_or_a_time_says_what_was_so_then(store: Open, tmp_path: Path) -> None:
    made, s = random_journal(tmp_path, 4, 60), store("asof")
    write(made.write(), s)
    for seq, qty, cash in made.states[::7]:
        assert held(s, Moment(seq=seq)) == (qty, cash), f"as of sequence {seq}"
        assert held(s, Moment(ns=made.engine_ns(seq))) == (qty, cash), f"as of the time of sequence {seq}"
    assert held(s, Moment(seq=made.states[0][0] - 1)) == (0, 0)


def test_store_when_asked_as_of_a_value_date_counts_what_is_settled_by_then_with_its_corrections(store: Open, tmp_path: Path) -> None:
    made, s = Journal(tmp_path, instrument={"settle_days": 2}), store("value")
    order = made.order("BUY")
    first = made.trade(order, "BUY", 100, 11000)  # on Friday the 2nd: settles on Tuesday the 6th
    made.next_day(20260105)
    made.trade(order, "BUY", 10, 11000)
    made.correct(order, first, 90, 11000)  # booked on the 5th, about a trade of the 2nd
    write(made.write(), s)
    assert held(s, Moment(value_day="2026-01-05")) == (0, 0)
    assert held(s, Moment(value_day="2026-01-06")) == (90, Decimal("-99"))
    assert held(s, Moment(seq=made.states[0][0], value_day="2026-01-06")) == (100, Decimal("-110")), "what was known on Friday"
    assert held(s, Moment(value_day="2026-01-07")) == (100, Decimal("-110"))
    assert [tuple(map(str, r.values())) for r in s.query("SELECT asset, value_day, amount FROM exposure WHERE asset = 'EUR' ORDER BY value_day")] == [
        ("EUR", "2026-01-06", "90"),
        ("EUR", "2026-01-07", "10"),
    ]
    assert [str(r["day"]) for r in s.query("SELECT day FROM days ORDER BY day")] == ["2026-01-02", "2026-01-05"]
    assert ledger_verify.verify(made.directory, s).differences == []


def test_store_when_an_execution_leaves_suspense_its_quantity_moves_and_nothing_is_lost(store: Open, tmp_path: Path) -> None:
    made, s = Journal(tmp_path), store("suspense")
    order = made.order("BUY")
    made.trade(order, "BUY", 30, 11000)
    in_suspense, assigned = suspense(made)
    write(made.write(), s)
    assert held(s, Moment(seq=in_suspense), "suspense")[0] == 70
    assert held(s, Moment(seq=in_suspense))[0] == 30
    assert (held(s, Moment(seq=assigned), "suspense"), held(s)) == ((0, 0), made.figures())
    assert ledger_verify.verify(made.directory, s).differences == []


def test_store_when_a_mark_is_there_the_pnl_adds_up_to_the_last_unit(store: Open, tmp_path: Path) -> None:
    made, s = Journal(tmp_path), store("marks")
    order = made.order("BUY")
    made.trade(order, "BUY", 3, 11000)
    made.trade(order, "BUY", 4, 11001)
    made.trade(made.order("SELL"), "SELL", 2, 11003)
    assert made.seq
    made.mark(11010, 11013)
    write(made.write(), s)
    (pnl,) = s.query("SELECT * FROM pnl")
    assert Decimal(pnl["mark"]) == Decimal("1.10115")
    qty, cash = made.figures()
    assert Decimal(pnl["total"]) == cash + qty * Decimal("1.10115")


def test_store_when_amounts_need_128_bits_they_are_exact_and_what_does_not_fit_is_refused_and_said(store: Open, tmp_path: Path) -> None:
    made, s = Journal(tmp_path, instrument={"price_digits": 6, "qty_digits": 12, "base": "WEI", "qty_max": 2**62, "lot": 1}), store("wide")
    order = made.order("BUY", 2**62)
    qty, px = 9 * 10**17 + 7, 123_456_789_012_345
    made.event("FILL", order, last_qty=qty, last_qty_digits=12, last_px=px, last_px_digits=6, exec_id="W1")
    write(made.write(), s)
    (found,) = s.query("SELECT cost, cash, units FROM postings")
    assert {name: int(v) for name, v in found.items()} == {"cost": qty * px, "cash": -qty * px, "units": qty}
    (shown,) = s.query("SELECT cost FROM positions")
    assert Decimal(shown["cost"]) == Decimal(f"{qty * px}e-18")

    large, t = Journal(tmp_path / "large", instrument={"price_digits": 0, "qty_max": 2**62}), store("large")
    order = large.order("BUY", 2**62)
    large.event("FILL", order, last_qty=2**61, last_px=2**61, last_px_digits=0, exec_id="L1")
    write(large.write(), t)
    assert [r["result"] for r in t.query("SELECT result FROM fill_history")] == ["OVERFLOW"]
    assert t.query("SELECT * FROM postings") == []
    assert ledger_verify.verify(large.directory, t).refused == 1


def test_writer_when_the_journal_is_shorter_or_another_than_what_is_booked_refuses(store: Open, tmp_path: Path) -> None:
    made, s = random_journal(tmp_path / "a", 5, 30), store("short")
    write(made.write(), s)
    shorter, other = random_journal(tmp_path / "b", 5, 20), random_journal(tmp_path / "c", 6, 40)
    with pytest.raises(StoreDiffers, match="has booked up to sequence"):
        write(shorter.write(), s)
    with pytest.raises(StoreDiffers, match=r"has another .*journal_head"):
        write(other.write(), s)


def test_store_when_two_writers_are_at_work_one_is_refused(store: Open, tmp_path: Path) -> None:
    made, first = random_journal(tmp_path, 7, 40), store("two")
    directory, second = made.write(), store("two")
    late = LedgerWriter(directory, second, rows=16)  # its batches are others
    late.begin()
    write(directory, first)
    with pytest.raises(StoreDiffers, match="another writer is at work"):
        late.catch_up()
    late.close()
    assert ledger_verify.verify(directory, first).differences == []


def test_store_when_a_row_was_altered_verify_names_it(store: Open, alter: Callable[[Store, str], None], tmp_path: Path) -> None:
    made, s = random_journal(tmp_path, 8, 30), store("altered")
    write(made.write(), s)
    (row,) = s.query("SELECT seq, cost FROM postings ORDER BY seq LIMIT 1")
    alter(s, f"UPDATE postings SET cost = '{int(row['cost']) + 1}', equity = '-1' WHERE seq = {row['seq']}")
    found = ledger_verify.verify(made.directory, s).differences
    assert any("the store has postings" in d and f"'cost': {int(row['cost']) + 1}" in d for d in found), found
    assert any("position 1: cost is" in d for d in found), found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE accounts SET name = 'other'", "accounts: the store has"),
        ("UPDATE methods SET method = 'HIFO'", "method is HIFO in the store, WAC by the journal"),
        ("UPDATE valuations SET factor = '1'", "valuations: the store lacks"),
        ("DELETE FROM venues", "venues: the store lacks"),
        ("UPDATE executions SET result = 5 WHERE seq = (SELECT min(seq) FROM executions)", "1 bookings are refused in the store, 0 by the journal"),
    ],
)
def test_store_when_a_name_or_a_result_was_altered_verify_names_it(
    store: Open, alter: Callable[[Store, str], None], tmp_path: Path, change: str, said: str
) -> None:
    made, s = random_journal(tmp_path, 8, 10), store("named")
    write(made.write(), s)
    alter(s, change)
    found = ledger_verify.verify(made.directory, s).differences
    assert any(said in d for d in found), found


def test_verify_when_the_running_engine_has_another_figure_or_lot_says_which(tmp_path: Path, store: Open) -> None:
    made, s = Journal(tmp_path), store("engine")
    made.trade(made.order("BUY"), "BUY", 3, 11000)
    write(made.write(), s)
    engine = made.replayer.state.table
    found = ledger_verify.verify(made.directory, s, engine)
    assert (found.live, found.differences) == (1, [])
    engine("lots")[1]["cost"][0] += 1
    assert ledger_verify.verify(made.directory, s, engine).differences == ["position 1: the engine has 1 lots, the journal gives 1, and they are not the same"]
    engine("lots")[1]["cost"][0] -= 1
    engine("ledger_positions")[1]["fees"][0] = 7
    assert ledger_verify.verify(made.directory, s, engine).differences == ["position 1: fees is 7 in the engine, 0 by the journal (whole numbers)"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (0, []),
        (1, ["position 2 is in the journal's books and not in the engine"]),
        (2, ["position 2 is in the journal's books and not in the engine", "position 1: qty is 3 in the engine, 7 by the journal (whole numbers)"]),
    ],
    ids=["none", "the second position", "a fill too"],
)
def test_verify_when_the_running_engine_missed_inputs_names_the_positions(store: Open, tmp_path: Path, inputs: int, said: list[str]) -> None:
    made, s = Journal(tmp_path), store("missed")
    order = made.order("BUY")
    made.trade(order, "BUY", 3, 11000)
    made.trade(order, "BUY", 4, 11000)
    made.event("FILL", last_qty=70, last_px=11000, exec_id="N1", symbol="EUR/USD", side=1, venue_order_id="V9")
    made.order("SELL")
    write(made.write(), s)
    engine = Replayer(LIMITS)
    for slot in made._slots[: -1 - inputs]:
        engine.apply(slot)
    engine.state.table("engine")[1]["seq"] = made.seq
    found = ledger_verify.verify(made.directory, s, engine.state.table)
    assert [d for d in found.differences if ": qty is" in d or " is in the journal" in d] == said
    assert bool(found.differences) == bool(said)


def test_verify_when_the_engine_goes_on_meanwhile_compares_what_it_left_alone(store: Open, tmp_path: Path) -> None:
    made, s = Journal(tmp_path), store("goes_on")
    made.trade(made.order("BUY"), "BUY", 3, 11000)
    made.event("FILL", last_qty=70, last_px=11000, exec_id="N1", symbol="EUR/USD", side=1, venue_order_id="V9")
    order = made.order("SELL")
    made.trade(order, "SELL", 1, 11000)
    write(made.write(), s)
    engine, rest = Replayer(LIMITS), list(made._slots)
    for slot in rest[:-1]:
        engine.apply(slot)
    reads = iter(("first", "second"))

    def moving(name: str) -> Any:
        if name == "engine" and next(reads) == "second":
            engine.apply(rest[-1])
        return engine.state.table(name)

    found = ledger_verify.verify(made.directory, s, moving)
    assert (found.running, found.live, found.differences) == (2, 1, [])
    late = Journal(tmp_path / "late")
    late.trade(late.order("BUY"), "BUY", 3, 11000)
    short, t = late.write(), store("late")
    write(short, t)
    late.trade(1, "BUY", 3, 11000)  # the sidecar has not written it yet
    found = ledger_verify.verify(short, t, late.replayer.state.table)
    assert (found.running, found.live, found.differences) == (1, 0, [])


def test_verify_when_a_writer_is_at_work_compares_the_store_as_it_was_at_the_beginning(store: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, s, beside = random_journal(tmp_path, 12, 60), store("busy"), store("busy")
    writer = LedgerWriter(made.write(), beside, rows=16)
    while not writer.batches:
        writer.turn()
    writer.settle()
    real = ledger_verify.rebuilt

    def goes_on(*args: Any, **options: Any) -> Any:
        for at, item in enumerate(real(*args, **options)):
            if at == 0:
                writer.catch_up()
            yield item

    monkeypatch.setattr(ledger_verify, "rebuilt", goes_on)
    found = ledger_verify.verify(made.directory, s)
    writer.close()
    assert (found.differences, found.batches) == ([], 1)
    monkeypatch.undo()
    assert ledger_verify.verify(made.directory, s).batches == len(s.heads()) > 1


def test_store_when_a_row_is_to_be_changed_or_removed_it_refuses(store: Open, refusal: type[Exception], tmp_path: Path) -> None:
    made, s = random_journal(tmp_path, 9, 10), store("grow")
    write(made.write(), s)
    for sql in ("UPDATE postings SET cost = 0", "DELETE FROM executions", "DELETE FROM batches"):
        with pytest.raises(refusal):
            s.query(sql)


def test_store_when_a_migration_was_another_text_is_refused(store: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, s = random_journal(tmp_path, 10, 10), store("migrated")
    write(made.write(), s)
    real = ledger_store.migrations

    def changed(database: str) -> list[ledger_store.Migration]:
        return [m._replace(text=m.text + "-- edited") if m.number == 1 else m for m in real(database)]

    monkeypatch.setattr(ledger_store, "migrations", changed)
    with pytest.raises(StoreDiffers, match="0001_tables was applied with another text"):
        write(made.directory, s)


def test_posting_tuples_when_amounts_are_negative_or_wide_gives_whole_numbers() -> None:
    from ringfence.tools.ledger_rows import POSTING

    row = np.zeros(1, POSTING)
    for k, amount in enumerate((-1, 2**100, -(2**100), 0, 2**64 - 1, -(2**63), 5)):
        row[0]["amounts"][2 * k : 2 * k + 2] = (amount & (2**64 - 1), (amount >> 64) & (2**64 - 1))
    (found,) = ledger_store.posting_tuples(row)
    assert found[9:16] == (-1, 2**100, -(2**100), 0, 2**64 - 1, -(2**63), 5)
    assert found[4] == "2000-01-01"
