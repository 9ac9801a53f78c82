"""What the ledger's store is told of each input: every trade with its result, also those that the engine's ledger refused or was never asked for."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from journal_by_hand import record, value
from ledger_journal import LIMITS, Journal, suspense

from ringfence.core.errors import CoreError
from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.tools import ledger_verify
from ringfence.tools.errors import StoreError
from ringfence.tools.ledger_feed import WITHOUT_ROW, Feed
from ringfence.tools.ledger_rows import CHANGE, POSTING
from ringfence.tools.ledger_store import NOW, Moment, Store, open_store
from ringfence.tools.ledger_writer import LedgerWriter

LARGE = 2**61


def booked(made: Journal, rows: int = 8) -> Store:
    """The journal in a store, verified."""
    store = open_store(str(made.data / "ledger.db"))
    writer = LedgerWriter(made.write(), store, rows=rows)
    writer.catch_up()
    writer.close()
    assert ledger_verify.verify(made.directory, store).differences == []
    return store


def history(store: Store) -> list[tuple[str, str, str]]:
    return [(r["exec_id"], r["kind"], r["result"]) for r in store.query("SELECT * FROM fill_history ORDER BY seq, execution")]


def fills(store: Store) -> dict[str, str]:
    return {r["exec_id"]: r["status"] for r in store.query("SELECT * FROM fills")}


def large(data: Path) -> tuple[Journal, int]:
    """A journal in which two units of a price of 1 fit, and LARGE of LARGE do not."""
    made = Journal(data, instrument={"price_digits": 0, "qty_max": 2**62})
    return made, made.order("BUY", 2**62)


def fill(made: Journal, order: int, qty: int, px: int, name: str) -> None:
    made.event("FILL", order, last_qty=qty, last_px=px, last_px_digits=0, exec_id=name)


def test_feed_when_the_symbol_is_not_known_says_so_and_what_became_of_it(tmp_path: Path) -> None:
    made = Journal(tmp_path)
    unknown: dict[str, Any] = {"symbol": "AAA/BBB", "side": value("Side", "BUY"), "venue_order_id": "V1"}
    for name in ("U1", "U2"):
        made.event("FILL", last_qty=70, last_px=11050, exec_id=name, **unknown)
    made.event("CORRECT", last_qty=60, last_px=11050, exec_id="U3", exec_ref_id="U1", **unknown)
    made.event("BUST", exec_id="U4", exec_ref_id="U2", **unknown)
    made.trade(made.order("BUY"), "BUY", 5, 11000)
    store = booked(made)
    assert history(store) == [
        ("U1", "FILL", "NOT_BOOKED"),
        ("U2", "FILL", "NOT_BOOKED"),
        ("U3", "CORRECT", "NOT_BOOKED"),
        ("U2", "BUST", "BOOKED"),
        ("X1", "FILL", "BOOKED"),
    ]
    assert fills(store) == {"U3": "REFUSED", "U2": "BUSTED", "X1": "BOOKED"}
    assert ledger_verify.verify(made.directory, store).refused == 1, "U3; U2 was taken back"
    store.close()


def test_feed_when_the_ledger_refuses_a_trade_says_why_until_it_is_busted(tmp_path: Path) -> None:
    made, order = large(tmp_path)
    fill(made, order, LARGE, LARGE, "L1")
    fill(made, order, 2, 1, "L2")
    made.event("BUST", order, exec_id="L3", exec_ref_id="L1")
    store = booked(made)
    assert history(store) == [("L1", "FILL", "OVERFLOW"), ("L2", "FILL", "BOOKED"), ("L1", "BUST", "BOOKED")]
    head = made.replayer.state.table("ledger")[1]
    assert (int(head["refused"]), int(head["refusal"])) == (1, value("LedgerResult", "OVERFLOW"))
    assert fills(store) == {"L1": "BUSTED", "L2": "BOOKED"}
    store.close()


def test_feed_when_the_ledger_refuses_a_correction_the_trade_is_refused_until_its_bust(tmp_path: Path) -> None:
    made, order = large(tmp_path)
    fill(made, order, 2, 1, "L1")
    made.event("CORRECT", order, last_qty=LARGE, last_px=LARGE, last_px_digits=0, exec_id="L2", exec_ref_id="L1")
    corrected = made.seq
    made.event("BUST", order, exec_id="L3", exec_ref_id="L2")
    store = booked(made)
    assert history(store) == [("L1", "FILL", "BOOKED"), ("L2", "CORRECT", "OVERFLOW"), ("L1", "BUST", "BOOKED")]
    store.as_of(Moment(seq=corrected))
    assert fills(store) == {"L2": "REFUSED"}, "the ledger has what was before the correction"
    assert store.query("SELECT qty FROM positions") == [{"qty": "2"}]
    store.as_of(NOW)
    assert fills(store) == {"L1": "BUSTED"}
    assert store.query("SELECT qty FROM positions") == [{"qty": "0"}]
    store.close()


def test_feed_when_a_correction_brings_in_a_refused_trade_it_is_booked(tmp_path: Path) -> None:
    made, order = large(tmp_path)
    fill(made, order, LARGE, LARGE, "L1")
    made.event("CORRECT", order, last_qty=LARGE - 1, last_px=LARGE, last_px_digits=0, exec_id="L2", exec_ref_id="L1")
    made.event("CORRECT", order, last_qty=3, last_px=1, last_px_digits=0, exec_id="L3", exec_ref_id="L2")
    store = booked(made)
    assert history(store) == [("L1", "FILL", "OVERFLOW"), ("L2", "FILL", "OVERFLOW"), ("L3", "FILL", "BOOKED")]
    assert fills(store) == {"L3": "BOOKED"}
    assert store.query("SELECT qty FROM positions") == [{"qty": "3"}]
    assert ledger_verify.verify(made.directory, store).differences == []
    store.close()


@pytest.mark.parametrize(
    ("reports", "lacking", "compared"), [(0, 0, {"1", "2", "3"}), (1, 2, {"3"}), (2, 0, {"1", "2", "3"})], ids=["none", "refused", "then busted"]
)
def test_verify_when_a_trade_is_refused_leaves_out_only_its_position_and_what_is_tied_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reports: int, lacking: int, compared: set[str]
) -> None:
    made, order = large(tmp_path)
    made.control("DEFINE_STRATEGY", record("Strategy", id=2, name="mm2", status=1))
    fill(made, order, 40, 1, "S1")
    entry(made, "TRANSFER", "T-1", approved=False, qty=4, other=1, other_strategy=2)
    made.event("FILL", last_qty=70, last_px=1, last_px_digits=0, exec_id="N1", symbol="EUR/USD", side=value("Side", "BUY"), venue_order_id="V9")
    if reports > 0:
        fill(made, order, LARGE, LARGE, "L1")
    if reports > 1:
        made.event("BUST", order, exec_id="L2", exec_ref_id="L1")
    store = booked(made)
    assert ledger_verify.verify(made.directory, store).lacking == lacking
    real = ledger_verify.rebuilt

    def wrong(*args: Any, **options: Any) -> Any:
        """The engine's positions would have other quantities than the ledger."""
        for books, batch in real(*args, **options):
            if batch is not None and batch.head.last_seq == made.seq:
                books.state.table("positions")[1:]["net_qty"] += 1
            yield books, batch

    monkeypatch.setattr(ledger_verify, "rebuilt", wrong)
    found = ledger_verify.verify(made.directory, store)
    assert {d.split(":")[1].removeprefix(" position ") for d in found.differences if ": quantity" in d} == compared
    store.close()


def test_feed_when_the_execution_table_is_full_names_every_trade_by_an_identity_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger_journal.LIMITS", dataclasses.replace(LIMITS, executions=2))
    made = Journal(tmp_path)
    order = made.order("BUY")
    for qty in range(1, 7):
        made.trade(order, "BUY", qty, 11000)
    made.event("FILL", last_qty=9, last_px=11050, exec_id="U1", symbol="AAA/BBB", side=value("Side", "SELL"))
    store = booked(made)
    found = store.query("SELECT execution, exec_id, result, side, qty FROM fill_history ORDER BY seq")
    names = [f"X{n}" for n in range(1, 7)]
    assert [r["exec_id"] for r in found] == [*names, "U1"]
    assert [int(r["execution"]) for r in found[:2]] == [1, 2]
    assert all(int(r["execution"]) >= WITHOUT_ROW for r in found[2:])
    assert len({r["execution"] for r in found}) == len(found)
    assert [r["result"] for r in found] == ["BOOKED"] * 4 + ["NO_ROW"] * 2 + ["NOT_BOOKED"]
    assert store.query("SELECT qty FROM positions") == [{"qty": "10"}]
    assert ledger_verify.verify(made.directory, store).lacking == 1
    store.close()


def test_feed_when_a_trade_leaves_suspense_keeps_the_day_on_which_it_settles(tmp_path: Path) -> None:
    made = Journal(tmp_path, instrument={"settle_days": 2})
    steps = suspense(made)
    next(steps)  # on Friday the 2nd: settles on Tuesday the 6th
    made.next_day(20260105)
    next(steps)
    store = booked(made)
    found = [(r["kind"], r["strategy"], str(r["day"]), str(r["value_day"])) for r in store.query("SELECT * FROM fill_history ORDER BY seq, execution")]
    assert found == [
        ("FILL", "suspense", "2026-01-02", "2026-01-06"),
        ("BUST", "suspense", "2026-01-05", "2026-01-06"),
        ("FILL", "mm1", "2026-01-05", "2026-01-06"),
    ]
    store.close()


def test_feed_when_a_refused_trade_is_corrected_later_settles_as_of_the_day_on_which_it_could_be_booked(tmp_path: Path) -> None:
    made = Journal(tmp_path, instrument={"price_digits": 0, "qty_max": 2**62, "settle_days": 2})
    order = made.order("BUY", 2**62)
    fill(made, order, LARGE, LARGE, "L1")  # on Friday the 2nd: settles on Tuesday the 6th
    made.next_day(20260105)
    made.event("CORRECT", order, last_qty=LARGE - 1, last_px=LARGE, last_px_digits=0, exec_id="L2", exec_ref_id="L1")
    made.event("CORRECT", order, last_qty=3, last_px=1, last_px_digits=0, exec_id="L3", exec_ref_id="L2")
    store = booked(made)
    found = [(r["result"], str(r["day"]), str(r["trade_day"]), str(r["value_day"])) for r in store.query("SELECT * FROM fill_history ORDER BY seq")]
    assert found == [
        ("OVERFLOW", "2026-01-02", "2026-01-02", "2026-01-06"),
        ("OVERFLOW", "2026-01-05", "2026-01-02", "2026-01-06"),
        ("BOOKED", "2026-01-05", "2026-01-02", "2026-01-07"),
    ]
    assert [str(r["value_day"]) for r in store.query("SELECT value_day FROM postings")] == ["2026-01-07"]
    store.close()


BIG = {"amount": 2**62, "amount_digits": 0}
BIG_THAT_FIT = 9


def propose(made: Journal, kind: str, reference: str, **fields: Any) -> int:
    """The command of one operator; the number of its proposal where it takes another."""
    where = {} if kind == "BUST" else {"account": 1, "strategy": 1, "instrument": 1}
    body = record("LedgerEntry", kind=value("LedgerEventKind", kind), reference=reference, **(where | fields))
    made.control("BOOK_ENTRY", body, operator_uid=1001, operator_name="ops", reason="statement")
    return int(made.replayer.state.table("engine")[1]["proposals"])


def approve(made: Journal, proposal: int) -> None:
    made.control("APPROVE", record("Decision", proposal=proposal), operator_uid=1002, operator_name="ann", reason="seen")


def entry(made: Journal, kind: str, reference: str, *, approved: bool, **fields: Any) -> None:
    """Book an entry: by one alone, or proposed by one and approved by another."""
    proposal = propose(made, kind, reference, **fields)
    if approved:
        approve(made, proposal)


@pytest.fixture(params=["direct", "approved"])
def approved(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "approved")


def with_operators(made: Journal, approved: bool) -> Journal:
    """Two of role risk: then each entry takes both."""
    for row, uid in ((1, 1001), (2, 1002)) if approved else ():
        made.control("DEFINE_OPERATOR", record("Operator", id=row, uid=uid, name=f"op{uid}", role=value("OperatorRole", "RISK"), status=1))
    return made


def test_feed_when_the_ledger_refuses_an_entry_says_which_by_its_reference(tmp_path: Path, approved: bool) -> None:
    made = with_operators(Journal(tmp_path), approved)
    made.trade(made.order("BUY"), "BUY", 10, 11000)
    for n in range(BIG_THAT_FIT - 1):
        entry(made, "FUNDING", f"BIG{n}", approved=approved, **BIG)
    numbers = [propose(made, "FUNDING", name, **BIG) for name in ("LAST", "ONE-TOO-MANY")]  # each fits, not both
    for number in numbers if approved else ():
        approve(made, number)
    entry(made, "BUST", "NEVER-BOOKED", approved=False)
    store = booked(made)
    assert history(store)[-2:] == [("LAST", "FUNDING", "BOOKED"), ("ONE-TOO-MANY", "FUNDING", "OVERFLOW")]
    found = ledger_verify.verify(made.directory, store)
    assert (found.refused, found.lacking) == (1, 0), "neither the ledger nor the position has it"
    store.close()


def test_feed_when_entries_are_booked_has_each_by_its_kind_and_reference(tmp_path: Path, approved: bool) -> None:
    made = with_operators(Journal(tmp_path), approved)
    made.control("DEFINE_STRATEGY", record("Strategy", id=2, name="mm2", status=1))
    buy, sell = made.order("BUY"), made.order("SELL")
    made.trade(buy, "BUY", 10, 11000)
    made.trade(buy, "BUY", 20, 12000)
    for kind, reference, fields in (
        ("FUNDING", "F-1", {"amount": -125, "amount_digits": 2}),
        ("DIVIDEND", "D-1", {"px": 100}),
        ("TRANSFER", "T-1-16-CHARS-NOT", {"qty": 5, "other": 1, "other_strategy": 2}),
        ("SPLIT", "S-1", {"ratio_num": 2, "ratio_den": 1}),
        ("REWARD", "R-1", {"qty": 3, "px": 11000}),
        ("BUST", "D-1", {}),
        ("FUNDING", "F-1", {"amount": -125, "amount_digits": 2}),  # once more: books nothing
    ):
        entry(made, kind, reference, approved=approved, **fields)
    made.trade(sell, "SELL", 40, 12500)
    made.bust(buy, "X1")  # reaches the position that lots were transferred to
    store = booked(made)
    assert [name[:2] for name in history(store)] == [
        *(("X1", "FILL"), ("X2", "FILL"), ("F-1", "FUNDING"), ("D-1", "DIVIDEND"), ("T-1-16-CHARS-NOT", "TRANSFER"), ("S-1", "SPLIT"), ("R-1", "REWARD")),
        *(("D-1", "BUST"), ("X3", "FILL"), ("X1", "BUST")),
    ]
    assert fills(store) == {"X1": "BUSTED", "X2": "BOOKED", "X3": "BOOKED"}, "what is no trade is no fill"
    figures = [(r["qty"], r["funding"], r["income"]) for r in store.query("SELECT * FROM positions ORDER BY position")]
    assert figures == [("-7", "-1.25", "3.3"), ("5", "0", "0")]
    sides = {r["kind"]: r["side"] for r in store.query("SELECT kind, side FROM fill_history WHERE kind NOT IN ('FILL', 'BUST')")}
    assert set(sides.values()) == {None}
    store.close()


def test_feed_when_a_method_changes_the_view_has_that_of_the_moment(tmp_path: Path) -> None:
    made, method = Journal(tmp_path), {name: value("LedgerMethod", name) for name in ("LIFO", "FIFO")}
    buy, sell = made.order("BUY"), made.order("SELL")
    made.control("DEFINE_ACCOUNT", record("Account", id=1, name="main", code="ACC1", status=1, method=method["LIFO"]))
    made.trade(buy, "BUY", 10, 11000)
    made.trade(sell, "SELL", 10, 11000)
    flat = made.seq
    made.control("DEFINE_ACCOUNT", record("Account", id=1, name="main", code="ACC1", status=1, method=method["FIFO"]))
    made.trade(buy, "BUY", 10, 11000)
    store = booked(made)
    seen = []
    for moment in (Moment(seq=flat), Moment(ns=made.engine_ns(flat + 1)), NOW):
        store.as_of(moment)
        seen.append(store.query("SELECT method FROM positions")[0]["method"])
    assert seen == ["LIFO", "LIFO", "FIFO"], "it takes the new one when it trades"
    assert [r["method"] for r in store.query("SELECT method FROM methods ORDER BY seq")] == ["LIFO", "FIFO"]
    store.close()


def test_feed_when_it_is_made_for_a_replay_that_has_begun_or_twice_refuses(tmp_path: Path) -> None:
    begun = Journal(tmp_path).replayer
    with pytest.raises(CoreError, match="begins with an empty replay"):
        Feed(begun)
    feed = Feed(Replayer(Limits()))
    with pytest.raises(CoreError, match="and once"):
        feed.__init__(feed.replayer)  # type: ignore[misc]
    with pytest.raises(CoreError, match="give more than"):
        feed.apply(b"", 0, 0, np.zeros(feed.room, POSTING), 0, np.zeros(feed.change_room, CHANGE), 0)
    with pytest.raises(IndexError):
        feed.cash(1)


def test_replay_when_its_feed_is_gone_books_on(tmp_path: Path) -> None:
    replayer = Replayer(LIMITS)
    feed = Feed(replayer)
    del feed
    made = Journal(tmp_path)
    made.trade(made.order("BUY"), "BUY", 3, 11000)
    for slot in made._slots:
        replayer.apply(slot)
    assert replayer.state_hash() == made.replayer.state_hash()


def test_books_when_postings_would_not_balance_store_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Journal(tmp_path)
    made.trade(made.order("BUY"), "BUY", 3, 11000)
    store = open_store(str(tmp_path / "ledger.db"))
    writer = LedgerWriter(made.write(), store)
    writer.begin()
    writer.turn()
    assert writer.books is not None and writer.books.feed.balanced

    monkeypatch.setattr(writer.books, "feed", SimpleNamespace(balanced=False, replayer=writer.books.feed.replayer))
    with pytest.raises(StoreError, match="do not balance"):
        writer.books.cut()
    writer.close()
    assert store.query("SELECT count(*) AS n FROM postings") == [{"n": 0}]
    store.close()


def test_store_when_a_fill_is_booked_shows_the_price_at_which_the_position_is_worth_its_cost(tmp_path: Path) -> None:
    from ringfence.tools import ledger_reports

    made = Journal(tmp_path, instrument={"multiplier": 50})
    made.trade(made.order("BUY"), "BUY", 3, 11000)
    store = booked(made)
    (position,) = ledger_reports.positions(store)
    assert (position["unit_cost"], position["cost"]) == (Decimal("1.1"), Decimal("165"))
    store.close()
