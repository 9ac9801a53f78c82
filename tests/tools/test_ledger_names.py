"""Names of lots as people write them, in words, on the list of what waits, and what the store makes of a close before and after."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from journal_by_hand import JournalByHand, record
from ledger_journal import Journal

from ringfence.ipc.schema import ENUMS
from ringfence.tools import ledger_entry, ledger_names, ledger_verify
from ringfence.tools.change_text import describe
from ringfence.tools.ledger_store import Moment, Store
from ringfence.tools.ledger_writer import LedgerWriter
from ringfence.tools.views import tables

NAMES = {"accounts": {"main": 1}, "strategies": {"mm1": 1}, "instruments": {"EUR/USD": 1}}
BOOK_ENTRY = ENUMS["ControlKind"].by_name["BOOK_ENTRY"]


def traded(made: Any) -> Any:
    """Under SPEC: two lots of 100 at 1.1 and 1.2, and a close of 100 at 1.3 that names none: executions 1, 2 and 3."""
    method = ENUMS["LedgerMethod"].by_name["SPEC"]
    made.control("DEFINE_ACCOUNT", record("Account", id=1, name="main", code="ACC1", status=1, method=method))
    for n, (side, px) in enumerate([("BUY", 11000), ("BUY", 12000), ("SELL", 13000)], 1):
        made.new(n, side, 100, px)
        made.fill(n, 100, px, f"E{n}")
    return made


@pytest.fixture
def made(tmp_path: Path) -> JournalByHand:
    return traded(JournalByHand(tmp_path))  # type: ignore[no-any-return]


def request(**fields: Any) -> dict[str, Any]:
    return {"kind": "name_lot", "reference": "N-1", "execution": "3", "lot": "2", "qty": "40"} | fields


def name(made: Any, **fields: Any) -> None:
    body = ledger_entry.build(request(**fields), NAMES, made.replayer.state.table)
    made.control("BOOK_ENTRY", body, operator_name="ops", reason="instruction of the client")


def test_name_when_written_is_of_the_close_s_position(made: JournalByHand) -> None:
    body = ledger_entry.build(request(), NAMES, made.replayer.state.table)
    assert [int(body[n]) for n in ("account", "strategy", "instrument", "ratio_num", "ratio_den", "qty")] == [1, 1, 1, 3, 2, 40]
    words = describe(made.replayer.state.table, BOOK_ENTRY, 0, 0, body.tobytes())
    assert (words.what, words.after) == ("entry N-1: NAME_LOT of main/mm1/EUR/USD", "40 of execution 3 from the lot of execution 2")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"execution": "9"}, "execution was '9'; give the row of an execution, 1 to 3"),
        ({"lot": "E2"}, "lot was 'E2'"),
        ({"lot": None}, "name_lot needs lot"),
        ({"qty": "1.5"}, "qty: "),
        ({"px": "1.2"}, "px is not for name_lot"),
        ({"kind": "funding", "lot": "2"}, "execution is not for funding|lot is not for funding|qty is not for funding"),
    ],
)
def test_name_when_a_value_is_wrong_says_what_is_allowed(made: JournalByHand, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ledger_entry.build(request(**fields), NAMES, made.replayer.state.table)


def test_list_has_what_waits_and_how_much_of_it_is_named(made: JournalByHand) -> None:
    def rows() -> list[dict[str, Any]]:
        source = tables.Replayed(made.replayer.state)
        return ledger_names.rows(source.table, tables.Names(source))

    name(made)
    (row,) = rows()
    assert (row["execution"], row["symbol"], row["side"], row["qty"], row["named"]) == (3, "EUR/USD", "SELL", Decimal(100), Decimal(40))
    assert (row["account"], row["strategy"], row["px"], row["exec_id"]) == ("main", "mm1", Decimal("1.3"), "E3")
    name(made, reference="N-2", lot="1", qty="60")
    assert rows() == []


def test_store_when_a_close_waits_says_so_and_has_it_from_the_name_that_completes_it(store: Callable[..., Store], tmp_path: Path) -> None:
    made, s = traded(Journal(tmp_path)), store("names")
    name(made)
    before = made.seq
    name(made, reference="N-2", lot="1", qty="60")
    writer = LedgerWriter(made.write(), s)
    writer.begin()
    writer.catch_up()
    writer.close()

    def seen() -> tuple[Any, ...]:
        (fill,) = s.query("SELECT * FROM fills WHERE exec_id = 'E3'")
        (position,) = s.query("SELECT qty, realized FROM positions")
        return fill["status"], Decimal(position["qty"]), Decimal(position["realized"])

    assert seen() == ("BOOKED", 100, 40 * Decimal("0.1") + 60 * Decimal("0.2"))
    s.as_of(Moment(seq=before))
    assert seen() == ("UNNAMED", 200, 0)
    assert ledger_verify.verify(made.directory, s).differences == []
    names = [(r["exec_id"], r["kind"], r["result"]) for r in s.query("SELECT * FROM fill_history WHERE kind = 'NAME_LOT' ORDER BY seq")]
    assert names == [("N-1", "NAME_LOT", "BOOKED"), ("N-2", "NAME_LOT", "BOOKED")]


def test_store_when_a_name_is_taken_back_says_that_the_close_waits_again(store: Callable[..., Store], tmp_path: Path) -> None:
    made, s = traded(Journal(tmp_path)), store("back")
    name(made, qty="100")
    bust = record("LedgerEntry", kind=ENUMS["LedgerEventKind"].by_name["BUST"], reference="N-1")
    made.control("BOOK_ENTRY", bust, operator_name="ops", reason="the other lot")
    writer = LedgerWriter(made.write(), s)
    writer.begin()
    writer.catch_up()
    writer.close()
    assert [r["status"] for r in s.query("SELECT status FROM fills WHERE exec_id = 'E3'")] == ["UNNAMED"]
    assert ledger_verify.verify(made.directory, s).differences == []
