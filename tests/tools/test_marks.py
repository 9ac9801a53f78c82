"""The mark of a position: by its instrument's setting, else the next price that there is, flagged; screen and store say the same figure."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from journal_by_hand import record
from ledger_journal import Journal

from ringfence.ipc.schema import ENUMS
from ringfence.tools import ledger_reports, ledger_verify
from ringfence.tools.ledger_store import NOW, Moment, Store
from ringfence.tools.ledger_writer import LedgerWriter
from ringfence.tools.marks import mark_of
from ringfence.tools.views import tables

SIDE = ENUMS["MarkSide"].by_name
LONG, SHORT = 10, -10
BOTH = {"bid": 100, "ask": 103, "last": 110}


@pytest.mark.parametrize(
    ("side", "qty", "prices", "wanted"),
    [
        ("MID", LONG, BOTH, ("101.5", "MID")),
        ("SIDE", LONG, BOTH, ("100", "BID")),
        ("SIDE", SHORT, BOTH, ("103", "ASK")),
        ("LAST", LONG, BOTH, ("110", "LAST")),
        ("MID", LONG, BOTH | {"ask": 0}, ("110", "LAST for MID")),
        ("MID", LONG, {"bid": 0, "ask": 103, "last": 0}, ("103", "ASK for MID")),
        ("SIDE", SHORT, BOTH | {"ask": 0}, ("110", "LAST for ASK")),
        ("SIDE", SHORT, {"bid": 100, "ask": 0, "last": 0}, ("100", "BID for ASK")),
        ("LAST", SHORT, BOTH | {"last": 0}, ("101.5", "MID for LAST")),
        ("LAST", SHORT, {"bid": 0, "ask": 103, "last": 0}, ("103", "ASK for LAST")),
    ],
)
def test_mark_is_what_the_setting_asks_for_or_the_next_there_is(side: str, qty: int, prices: dict[str, int], wanted: tuple[str, str]) -> None:
    found = mark_of(prices | {"mark_side": SIDE[side]}, qty)
    assert found is not None
    assert (found.decimal(0), found.text) == (Decimal(wanted[0]), wanted[1])


@pytest.mark.parametrize("side", SIDE)
def test_mark_when_there_is_no_price_is_none(side: str) -> None:
    assert mark_of({"bid": 0, "ask": 0, "last": 0, "mark_side": SIDE[side]}, LONG) is None


def booked(made: Journal, store: Store) -> Store:
    writer = LedgerWriter(made.write(), store)
    writer.begin()
    writer.catch_up()
    writer.close()
    return store


def two_positions(tmp_path: Path, side: str) -> Journal:
    """mm1 is long 1,000 and mm2 short 333."""
    made = Journal(tmp_path, instrument={"mark_side": SIDE[side]})
    made.control("DEFINE_STRATEGY", record("Strategy", id=2, name="mm2", status=1))
    made.trade(made.order("BUY"), "BUY", 1000, 11000)
    made.event("FILL", last_qty=333, last_px=11050, exec_id="S1", symbol="EUR/USD", side=ENUMS["Side"].by_name["SELL"], venue_order_id="V9")
    made.control("ASSIGN_EXECUTION", record("OrderAction", execution=2, strategy=2), operator_name="ops")
    return made


@pytest.mark.parametrize("side", SIDE)
@pytest.mark.parametrize("prices", [(11001, 11004, 11010), (11001, 0, 0), (0, 0, 0), (11001, 11004, 0), (0, 11004, 10990)])
def test_screen_and_store_give_the_same_unrealized(store: Callable[..., Store], tmp_path: Path, side: str, prices: tuple[int, int, int]) -> None:
    made = two_positions(tmp_path, side)
    made.mark(prices[0], prices[1], last=prices[2])
    s = booked(made, store("marks"))
    screen = {r["strategy"]: (r["mark"], r["mark_from"], r["upnl"]) for r in tables.positions(tables.Replayed(made.replayer.state))}
    stored = {r["strategy"]: (r["mark"], r["mark_from"], r["unrealized"]) for r in ledger_reports.pnl(s)}
    assert stored.pop("suspense")[2] == 0 == screen.pop("(suspense)")[2]
    assert stored == screen
    assert (screen["mm1"][2] is None) == (not any(prices))
    assert ledger_verify.verify(made.directory, s).differences == []


def test_view_and_function_agree_on_every_setting_sign_and_set_of_prices(store: Callable[..., Store], tmp_path: Path) -> None:
    """Rows of marks are put in by hand, one a sequence, behind what the writer wrote."""
    made = two_positions(tmp_path, "MID")
    s: Any = booked(made, store("views"))
    for seq, (side, bid, ask, last) in enumerate(product(SIDE.values(), (0, 10998), (0, 11001), (0, 11007)), 10_000):
        s.connection.execute(f"INSERT INTO marks VALUES ({seq}, {seq}, 1, {bid}, {ask}, {last}, {side})")
        s.as_of(Moment(seq=seq))
        for row in ledger_reports.pnl(s):
            found = mark_of({"bid": bid, "ask": ask, "last": last, "mark_side": side}, int(row["qty"]))
            assert (row["mark"], row["mark_from"]) == ((found.decimal(4), found.text) if found else (None, None))
    s.as_of(NOW)


def test_setting_that_changes_counts_from_then_on(store: Callable[..., Store], tmp_path: Path) -> None:
    made = two_positions(tmp_path, "MID")
    made.mark(11001, 11004, last=11010)
    s = booked(made, store("changed"))
    then = made.seq
    row = made.replayer.state.table("instruments")[1].copy()
    row["mark_side"] = SIDE["LAST"]
    made.control("DEFINE_INSTRUMENT", row)
    booked(made, s)
    assert {r["mark_from"] for r in ledger_reports.pnl(s)} == {"LAST"}
    s.as_of(Moment(seq=then))
    assert {r["mark_from"] for r in ledger_reports.pnl(s)} == {"MID"}
