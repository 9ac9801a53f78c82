"""SPEC in the engine: closes that wait for the names of their lots; names that add up, cannot be, are taken back; against the model in fractions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import ledger_model as model
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.core.ledger import Ledger, bytes_needed
from ringfence.core.ledger import Limits as LedgerLimits
from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS
from ringfence.tools.ledger_state import by_owner, disagreements, lots_of, unnamed, wide

CENT = 10**16
KIND, METHOD = ENUMS["LedgerEventKind"].by_name, ENUMS["LedgerMethod"].by_name
RESULT, REFUSED = ENUMS["LedgerResult"].by_value, ENUMS["BreakKind"].by_name["LEDGER_REFUSED"]


def position(m: Any) -> Any:
    return by_owner(m.table)[1, 1, 1]


def figures(m: Any) -> tuple[int, float, float]:
    """Quantity; cost and what is realized, in hundredths."""
    p = position(m)
    return wide(p["qty"]), wide(p["cost"]) / CENT, wide(p["realized"]) / CENT


def waiting(m: Any) -> list[int]:
    """Rows of the executions whose lots are not named."""
    return [int(e["key"]) for e in unnamed(m.table)]


def entry(m: Any, kind: str, reference: str, **fields: int) -> str:
    """Command an entry; "" when it was taken, else why not."""
    before = int(m.status["break_count"])
    where = {} if kind == "BUST" else {"account": 1, "strategy": 1, "instrument": 1}
    body = m.record("LedgerEntry", kind=KIND[kind], reference=reference, **(where | fields))
    m.control("BOOK_ENTRY", body=body, operator_name="ops", reason="statement")
    found = m.table("breaks")[before + 1 : int(m.status["break_count"]) + 1]
    return RESULT[int(found[0]["theirs"])] if len(found) else ""


def name(m: Any, reference: str, close: int, lot: int, qty: int, **fields: int) -> str:
    """Say that a close took units from the lot of a fill; both are rows of executions."""
    return entry(m, "NAME_LOT", reference, ratio_num=close, ratio_den=lot, qty=qty, **fields)


def traded(m: Any, *trades: tuple[int, int]) -> Any:
    for size, px in trades:
        n = int(m.status["order_count"]) + 1
        m.new(n, qty=abs(size), px=px, side=1 if size > 0 else 2)
        m.fill(abs(size), px=px, exec_id=f"E{n}", order=n)
    return m


def same_as_replay(m: Any) -> None:
    assert disagreements(m.table) == []
    assert m.replayed().replayer.state.state_hash() == m.replayer.state.state_hash()


def spec(m: Any) -> Any:
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, method=METHOD["SPEC"]))
    return m


@pytest.fixture
def m(machine: Any) -> Any:
    """Two lots under SPEC, 10 at 1.00 and 10 at 1.20, and a close of 10 at 1.50 that names none."""
    return traded(spec(machine), (10, 100), (10, 120), (-10, 150))


def test_close_that_names_no_lots_waits_and_the_position_of_the_risk_checks_has_it(m: Any) -> None:
    assert m.breaks() == ["LEDGER_REFUSED"]
    assert RESULT[int(m.table("breaks")[1]["theirs"])] == "AMBIGUOUS"
    assert (figures(m), waiting(m), m.position()["net_qty"]) == ((20, 2200, 0), [3], 10)
    same_as_replay(m)


@pytest.mark.parametrize("trades", [[(10, 100), (-4, 150)], [(10, 100), (10, 120), (-20, 150)], [(10, 100), (10, 120), (-25, 150)]])
def test_close_that_is_clear_needs_no_names(machine: Any, trades: list[tuple[int, int]]) -> None:
    m = traded(spec(machine), *trades)
    assert (m.breaks(), waiting(m)) == ([], [])


def test_close_is_booked_when_its_names_add_up(m: Any) -> None:
    assert name(m, "N1", 3, 2, 6) == ""
    assert (figures(m), waiting(m)) == ((20, 2200, 0), [3]), "six of ten are named"
    assert name(m, "N2", 3, 1, 4) == ""
    assert (figures(m), waiting(m)) == ((10, 1080, 6 * 30 + 4 * 50), [])
    assert [wide(lot["qty"]) for lot in lots_of(m.table, position(m))] == [6, 4]
    same_as_replay(m)


def test_close_is_booked_at_its_own_place(m: Any) -> None:
    """A fill that came between close and names is not among what could be named, and what followed is what it would have been."""
    traded(m, (-5, 160), (7, 130))
    assert waiting(m) == [3, 4]
    assert name(m, "N1", 3, 5, 10) == "AMBIGUOUS", "that lot was opened later"
    assert name(m, "N2", 3, 2, 10) == ""
    assert waiting(m) == [], "with one lot left the second close is clear"
    assert figures(m) == (12, 5 * 100 + 7 * 130, 10 * 30 + 5 * 60)
    same_as_replay(m)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"close": 3, "lot": 1, "qty": 11}, "AMBIGUOUS"),
        ({"close": 3, "lot": 3, "qty": 10}, "BAD_EVENT"),
        ({"close": 2, "lot": 1, "qty": 10}, "AMBIGUOUS"),  # it opened a lot
        ({"close": 9, "lot": 1, "qty": 10}, "BAD_EVENT"),
        ({"close": 3, "lot": 2**32 - 1, "qty": 10}, "BAD_EVENT"),
        ({"close": 3, "lot": 1, "qty": 0}, "BAD_EVENT"),
        ({"close": 3, "lot": 1, "qty": 10, "strategy": 2}, "NOT_HELD"),
    ],
)
def test_name_that_cannot_be_is_refused_and_nothing_has_changed(m: Any, fields: dict[str, int], why: str) -> None:
    ignored = ("engine", "breaks", "ledger", "ledger_positions", "ledger_checkpoints")
    before = {key: data for key, data in m.tables().items() if key not in ignored}
    assert name(m, "N1", **fields) == why
    assert {key: data for key, data in m.tables().items() if key not in ignored} == before
    assert (figures(m), waiting(m)) == ((20, 2200, 0), [3])
    same_as_replay(m)


def test_name_of_another_method_is_refused(machine: Any) -> None:
    m = traded(machine, (10, 100), (10, 120), (-10, 150))
    assert name(m, "N1", 3, 2, 10) == "BAD_EVENT"


def test_name_beyond_a_complete_set_is_refused(m: Any) -> None:
    name(m, "N1", 3, 2, 10)
    assert name(m, "N2", 3, 1, 1) == "AMBIGUOUS"
    assert figures(m) == (10, 1000, 300)


def test_same_name_again_is_a_duplicate(m: Any) -> None:
    assert name(m, "N1", 3, 2, 6) == ""
    assert name(m, "N1", 3, 2, 6) == "DUPLICATE"
    assert name(m, "N1", 3, 2, 5) == "CONFLICT"


def test_name_taken_back_lets_the_close_wait_and_be_named_anew(m: Any) -> None:
    name(m, "N1", 3, 2, 10)
    assert entry(m, "BUST", "N1") == "AMBIGUOUS", "the bust was taken, and the break is of the close"
    assert (figures(m), waiting(m)) == ((20, 2200, 0), [3])
    assert name(m, "N2", 3, 1, 10) == ""
    assert (figures(m), waiting(m)) == ((10, 1200, 500), [])
    same_as_replay(m)


def test_clear_close_can_be_named_otherwise(machine: Any) -> None:
    """It took the only lot there was; a fill that is corrected to before it makes two, of which one is named."""
    m = traded(spec(machine), (10, 100), (-4, 150), (10, 120))
    assert name(m, "N1", 2, 1, 4) == ""
    assert figures(m) == (16, 600 + 1200, 200)
    same_as_replay(m)


def test_bust_and_correction_of_what_waits_are_as_of_any_fill(m: Any) -> None:
    m.event("CORRECT", 3, exec_id="C1", exec_ref_id="E3", last_qty=8, last_px=150)
    assert waiting(m) == [3]
    assert name(m, "N1", 4, 2, 8) == "", "the correction's row names the same close"
    assert figures(m) == (12, 1000 + 240, 240)
    m.event("BUST", 3, exec_id="B1", exec_ref_id="C1")
    assert (figures(m), waiting(m)) == ((20, 2200, 0), [])
    assert int(m.table("ledger")[1]["held"]) == 0
    same_as_replay(m)


@pytest.mark.parametrize(("qty", "waits"), [(12, [3]), (10, [])])
def test_correction_that_lets_another_close_wait_says_so(machine: Any, qty: int, waits: list[int]) -> None:
    """The close of all was clear; with more in the first lot it is not."""
    m = traded(spec(machine), (10, 100), (10, 120), (-20, 150))
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=qty, last_px=101)
    told = [(int(b["ours"]), RESULT[int(b["theirs"])]) for b in m.table("breaks")[1 : int(m.status["break_count"]) + 1] if b["kind"] == REFUSED]
    assert (waiting(m), told) == (waits, [(close, "AMBIGUOUS") for close in waits])
    same_as_replay(m)


def test_correction_of_a_close_that_lets_it_wait_says_so_once(machine: Any) -> None:
    m = traded(spec(machine), (10, 100), (10, 120), (-20, 150))
    for n, qty in enumerate((19, 18)):
        m.event("CORRECT", 3, exec_id=f"C{n + 1}", exec_ref_id=f"C{n}" if n else "E3", last_qty=qty, last_px=150)
        assert (waiting(m), m.breaks().count("LEDGER_REFUSED")) == ([3], 1)
    same_as_replay(m)


def test_bust_of_a_name_says_that_the_close_waits_again(m: Any) -> None:
    name(m, "N1", 3, 2, 10)
    assert entry(m, "BUST", "N1") == "AMBIGUOUS", "the bust was taken, and the break is of the close"
    assert m.breaks() == ["LEDGER_REFUSED"] * 2
    assert waiting(m) == [3]


def test_bust_of_a_lot_makes_the_close_clear(m: Any) -> None:
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    assert (figures(m), waiting(m)) == ((0, 0, 300), [])
    same_as_replay(m)


def test_bust_of_a_named_lot_lets_the_close_wait(machine: Any) -> None:
    m = traded(spec(machine), (10, 100), (10, 120), (10, 130), (-10, 150))
    name(m, "N1", 4, 2, 10)
    m.event("BUST", 2, exec_id="B1", exec_ref_id="E2")
    assert (figures(m), waiting(m)) == ((20, 2300, 0), [4])
    same_as_replay(m)


def test_position_with_a_close_that_waits_keeps_its_method(m: Any) -> None:
    traded(m, (-20, 150))
    assert figures(m)[0] == 0
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, method=METHOD["FIFO"]))
    m.control("SET_METHOD", body=m.record("MethodChange", account=1, strategy=1, instrument=1, method=METHOD["FIFO"]))
    assert m.breaks()[-2:] == ["LEDGER_REFUSED", "BAD_CONTROL"]
    traded(m, (5, 100))
    assert int(position(m)["method"]) == METHOD["SPEC"]


def test_full_table_of_picks_refuses(make_machine: Any) -> None:
    m = spec(make_machine(Limits(orders=16, executions=3, positions=4, breaks=64, instruments=2, accounts=2, venues=2, strategies=3, routes=2, lots=8)))
    traded(m, (10, 100), (10, 120), (-10, 150))
    assert name(m, "N1", 3, 2, 4) == ""
    assert name(m, "N2", 3, 1, 6) == "NO_ROW"
    assert (figures(m), waiting(m)) == ((20, 2200, 0), [3])


# ---- against the model in fractions, and the ledger of files

Trade = tuple[int, int, list[tuple[int, int]]]
"""Signed quantity, price, and the lots that a close takes: row of their fill, quantity."""


def lives(r: Random) -> tuple[list[Trade], model.Held]:
    """Trades at random, each close that is not clear with lots drawn at random; and what the model makes of them."""
    book = model.Book("SPEC", [model.Instrument(1, 0, 2)], 18)
    held, trades = book.held(1, 1), list[Trade]()
    for row in range(1, r.randint(4, 16)):
        size, px = r.choice([-7, -4, -3, -2, 2, 3, 5, 8]), r.randint(90, 110)
        names: list[tuple[int, int]] = []
        if held.qty * size < 0 and len(held.lots) > 1 and abs(size) < abs(held.qty):
            left = abs(size)
            for lot in r.sample(held.lots, len(held.lots)):
                if take := min(left, int(abs(lot.qty)), r.randint(1, 9)):
                    names.append((lot.key, take))
                    left -= take
            if left:  # the draws were too small: all of it from the newest
                names, left = [], abs(size)
                for lot in reversed(held.lots):
                    if take := min(left, int(abs(lot.qty))):
                        names.append((lot.key, take))
                        left -= take
        book.book({"kind": "FILL", "seq": row, "key": row, "account": 1, "instrument": 1, "qty": size, "px": px, "picks": names})
        trades.append((size, px, names))
    return trades, held


class Teller:
    """Names that are given late, in any order; now and then one is taken back and given again."""

    def __init__(self, m: Any, r: Random) -> None:
        self.m, self.r, self.count = m, r, 0
        self.due: list[tuple[int, int, int]] = []

    def tell(self) -> None:
        close, lot, qty = self.due.pop(self.r.randrange(len(self.due)))
        for again in (self.r.random() < 0.3, False):
            self.count += 1
            said = name(self.m, f"N{self.count}", close, lot, qty)
            if said == "AMBIGUOUS":  # a lot that is not there until an earlier close has its names
                self.due.append((close, lot, qty))
                return
            assert said == ""
            if not again:
                return
            assert entry(self.m, "BUST", f"N{self.count}") in ("", "AMBIGUOUS"), "taken, and closes that wait again say so"


def test_names_in_any_order_end_where_the_model_and_the_ledger_of_files_are(make_machine: Callable[..., Any]) -> None:
    @settings(max_examples=120, deadline=None)
    @given(st.integers(0, 2**32))
    def one(seed: int) -> None:
        r = Random(seed)
        trades, truth = lives(r)
        m = spec(
            make_machine(Limits(orders=64, executions=512, positions=4, breaks=4096, instruments=2, accounts=2, venues=2, strategies=3, routes=2, lots=64))
        )
        teller = Teller(m, r)
        file = Ledger(bytearray(bytes_needed(FILE)), FILE, method="SPEC")
        file.define(1, qty_digits=0, px_digits=2, money_digits=18, settle_asset=1, base_asset=2)
        for row, (size, px, names) in enumerate(trades, 1):
            traded(m, (size, px))
            teller.due += [(row, lot, qty) for lot, qty in names]
            while teller.due and r.random() < 0.5:
                teller.tell()
            file.book("FILL", seq=row, key=row, instrument=1, qty=size, px=px, picks=names)
            assert disagreements(m.table) == []
        while teller.due:
            teller.tell()
        assert waiting(m) == []
        p, f = position(m), file.position(1)
        assert [wide(p[figure]) for figure in ("qty", "cost", "realized", "flow")] == [f.qty, f.cost, f.realized, f.flow]
        assert wide(p["qty"]) == truth.qty
        assert abs(Fraction(wide(p["realized"]), 10**18) - truth.realized) < Fraction(len(trades), 10**18)
        lots = [(int(m.table("ledger_events")[int(lot["event"])]["key"]), wide(lot["qty"])) for lot in lots_of(m.table, p)]
        assert lots == [(lot.key, lot.qty) for lot in truth.lots]
        same_as_replay(m)

    one()


FILE = LedgerLimits(instruments=2, positions=4, lots=64, events=64, picks=256, checkpoints=8)
