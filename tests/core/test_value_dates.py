"""Value dates: when trades settle by the calendars of their currencies, and what positions traded by value date.

Dates of the market are data; a model that counts days one by one, and sums trades by day, is held against random lives.
The machine's instrument has two price digits, no quantity digits and multiplier 1, so a price of 100 is 1.00 and money is 10^-18.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.core.errors import CoreError
from ringfence.core.state import Limits
from ringfence.core.value_dates import value_day
from ringfence.ipc.schema import ENUMS
from ringfence.tools.ledger_state import by_owner, dates_of, disagreements, unnamed, wide

CENT = 10**16
KIND = {name.lower(): value for name, value in ENUMS["InstrumentKind"].by_name.items()}
CODES = ("USD", "EUR", "GBP", "JPY", "CAD", "MXN", "SEK")
CLOSED = {
    "USD": (20240101, 20240527, 20240619, 20240704, 20241128, 20241225, 20250101, 20250619, 20261126),
    "EUR": (20240329, 20240401, 20240501, 20241225, 20241226, 20250101),
    "GBP": (20240329, 20240401, 20240506, 20240527, 20241225, 20241226, 20250101),
    "JPY": (20240429, 20240503, 20240506),
    "CAD": (20240701, 20241225),
    "SEK": (20241224, 20241225, 20241226, 20241231, 20250101, 20250620),
}


def holidays(m: Any, row: int, some_days: tuple[int, ...], taken: int = 1, **fields: Any) -> bool:
    """Whether the engine took them."""
    before = int(m.status["controls_refused"])
    for k in range(0, len(some_days), 15):
        some = [*some_days[k : k + 15], *[0] * 15][:15]
        values = {"currency": row, "count": len(some_days[k : k + 15]), "is_holiday": taken, "days": some} | fields
        m.control("DEFINE_HOLIDAYS", body=m.record("HolidayChange", **values))
    return int(m.status["controls_refused"]) == before


def world(make: Callable[..., Any], day: int, limits: Limits | None = None, *, closed: dict[str, tuple[int, ...]] = CLOSED) -> Any:
    """A machine with currencies and their calendars."""
    m = make(limits, day=day) if limits else make(day=day)
    for row, code in enumerate(CODES, 1):
        m.currency(code, row, 10**9 if row == 1 else 2 * 10**9)
        assert holidays(m, row, closed[code]) if closed.get(code) else True
    return m


def define(m: Any, row: int = 1, *, base: str = "EUR", quote: str = "USD", kind: str = "fx_spot", **fields: Any) -> None:
    values = {"tick": 1, "lot": 1, "qty_max": 10**12, "multiplier": 1, "price_digits": 2, "status": 1, "settle_days": 2} | fields
    body = m.record("Instrument", id=row, symbol=f"I{row}", base=base, quote=quote, kind=KIND[kind], **values)
    m.control("DEFINE_INSTRUMENT", body=body)


def trade(m: Any, size: int, px: int = 100, strategy: int = 1, instrument: int = 1) -> int:
    """An order that is filled at once; the row of the order."""
    n = int(m.status["order_count"]) + 1
    m.new(n, strategy=strategy, instrument=instrument, qty=abs(size), px=px, side=1 if size > 0 else 2)
    m.fill(abs(size), px=px, exec_id=f"E{n}", order=n)
    return n


def last_event(m: Any) -> Any:
    return m.table("ledger_events")[int(m.table("ledger")[1]["event_count"])]


def roll(m: Any, day: int) -> None:
    m.control("ROLL_DAY", day=day)


def name_lot(m: Any, reference: str, close: Any, lot: int, qty: int) -> None:
    """Say that a close, a row of ``ledger_events``, took units of a fill; it may be refused."""
    where = {n: int(close[n]) for n in ("account", "strategy", "instrument")}
    kind = ENUMS["LedgerEventKind"].by_name["NAME_LOT"]
    body = m.record("LedgerEntry", kind=kind, reference=reference, ratio_num=int(close["key"]), ratio_den=lot, qty=qty, **where)
    m.control("BOOK_ENTRY", body=body, operator_name="ops", reason="statement")


def ladder(m: Any, strategy: int = 1, instrument: int = 1, account: int = 1) -> dict[int, tuple[int, int]]:
    """Quantity and flow [hundredths] by value date; rows of nothing are left out."""
    p = by_owner(m.table)[account, strategy, instrument]
    found = {int(d["value_day"]): (wide(d["qty"]), wide(d["flow"]) // CENT) for d in dates_of(m.table, p)}
    return {day: sums for day, sums in found.items() if any(sums)}


def same_as_replay(m: Any) -> None:
    assert disagreements(m.table) == []
    assert m.replayed().replayer.state.state_hash() == m.replayer.state.state_hash()


# ---- the market's dates --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pair", "settle_days", "traded", "settles", "why"),
    [
        ("EUR/USD", 2, 20240610, 20240612, "two days"),
        ("EUR/USD", 2, 20240613, 20240617, "over a weekend"),
        ("EUR/USD", 2, 20240618, 20240620, "Juneteenth in between does not count"),
        ("EUR/USD", 2, 20240617, 20240620, "but nothing settles on it"),
        ("EUR/USD", 2, 20240702, 20240705, "Independence Day"),
        ("GBP/EUR", 2, 20240702, 20240705, "nor does a pair without USD"),
        ("EUR/USD", 2, 20240703, 20240705, "on the other side of it"),
        ("MXN/USD", 2, 20240618, 20240621, "against MXN the holidays of USD count"),
        ("USD/MXN", 2, 20240618, 20240621, "on either side"),
        ("GBP/USD", 2, 20240503, 20240508, "the early May holiday of GBP counts"),
        ("EUR/USD", 2, 20240503, 20240507, "but not for EUR"),
        ("EUR/GBP", 2, 20240503, 20240508, "the later of the two"),
        ("USD/JPY", 2, 20240502, 20240508, "Golden Week"),
        ("EUR/USD", 2, 20240327, 20240402, "Easter"),
        ("USD/CAD", 1, 20240628, 20240702, "one day, and Canada Day"),
        ("USD/CAD", 1, 20240703, 20240705, "one day, and Independence Day"),
        ("USD/SEK", 2, 20241223, 20241230, "three days of Christmas"),
        ("EUR/USD", 2, 20241231, 20250103, "over the end of a year"),
        ("USD/SEK", 2, 20250617, 20250623, "USD closed on the 19th, SEK on the 20th"),
        ("EUR/USD", 2, 20240227, 20240229, "a leap day"),
        ("EUR/USD", 2, 20240228, 20240301, "behind it"),
        ("EUR/USD", 0, 20240615, 20240615, "on the day itself, a Saturday too"),
        ("EUR/USD", 2, 20461231, 20470102, "beyond the calendar only weekends are known"),
    ],
)
def test_value_date_of_a_pair_is_the_markets(make_machine: Callable[..., Any], pair: str, settle_days: int, traded: int, settles: int, why: str) -> None:
    m = world(make_machine, traded)
    base, quote = pair.split("/")
    define(m, base=base, quote=quote, settle_days=settle_days)
    trade(m, 5)
    assert int(last_event(m)["value_day"]) == settles, why
    assert ladder(m) == {settles if settles > traded else 0: (5, 500)}
    same_as_replay(m)


@pytest.mark.parametrize(
    ("kind", "fields", "traded", "settles"),
    [
        ("fx_forward", {"last_day": 20240920}, 20240610, 20240920),
        ("fx_forward", {"last_day": 0}, 20240610, 20240612),
        ("fx_ndf", {"last_day": 20240920, "settle_days": 2}, 20240610, 20240920),
        ("future", {"last_day": 20240920, "settle_days": 0}, 20240610, 20240920),
        ("future", {"last_day": 20240703, "settle_days": 1}, 20240610, 20240705),
        ("future", {"last_day": 20240628, "settle_days": 2}, 20240610, 20240702),
        ("perpetual", {"settle_days": 0}, 20240615, 20240615),
        ("crypto_spot", {"settle_days": 0}, 20240616, 20240616),
        ("equity", {"base": "AAPL", "settle_days": 1}, 20240703, 20240705),
        ("equity", {"base": "AAPL", "settle_days": 1}, 20240705, 20240708),
        ("equity", {"base": "AAPL", "settle_days": 2}, 20240618, 20240621),
    ],
)
def test_value_date_follows_the_kind(make_machine: Callable[..., Any], kind: str, fields: dict[str, Any], traded: int, settles: int) -> None:
    m = world(make_machine, traded)
    define(m, kind=kind, **fields)
    trade(m, 5)
    assert int(last_event(m)["value_day"]) == settles
    same_as_replay(m)


@pytest.mark.parametrize("kind", ["fx_spot", "crypto_spot", "perpetual", "equity", "fx_forward", "fx_ndf", "future"])
def test_last_day_is_taken_of_kinds_that_end_on_one(make_machine: Callable[..., Any], kind: str) -> None:
    m = world(make_machine, 20240610)
    define(m, kind=kind, last_day=20240920)
    assert (m.breaks() == []) == (kind in ("fx_forward", "fx_ndf", "future"))


@pytest.mark.parametrize(
    "fields", [{"last_day": 7}, {"last_day": 20240230}, {"last_day": 19991231}, {"last_day": 0xFFFFFFFF}, {"last_day": 100000101}, {"settle_days": 31}]
)
def test_last_day_that_is_no_date_and_too_many_days_are_refused(make_machine: Callable[..., Any], fields: dict[str, int]) -> None:
    m = world(make_machine, 20240610)
    define(m, kind="future", last_day=20240920, settle_days=30)
    before = m.table("instruments").tobytes()
    define(m, kind="future", **({"last_day": 20240920} | fields))
    assert m.breaks() == ["BAD_CONTROL"]
    assert m.table("instruments").tobytes() == before


def test_value_date_is_that_of_the_calendar_at_the_trade(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610)
    define(m)
    trade(m, 5)
    assert holidays(m, 2, (20240612,))
    trade(m, 7)
    assert holidays(m, 2, (20240612,), 0)
    trade(m, 1)
    assert ladder(m) == {20240612: (6, 600), 20240613: (7, 700)}
    same_as_replay(m)


@pytest.mark.parametrize(
    ("day", "fields"),
    [
        (20240612, {"currency": 0}),
        (20240612, {"currency": 8}),
        (20240612, {"count": 0}),
        (20240612, {"count": 16}),
        (20240612, {"is_holiday": 2}),
        (20240612, {"days": [20240612, 20240613, *[0] * 13]}),
        (20231231, {}),
        (20350320, {}),
        (20240230, {}),
        (20241301, {}),
        (20240100, {}),
        (0, {}),
        (0xFFFFFFFF, {}),
    ],
)
def test_holidays_that_cannot_be_are_refused_and_change_nothing(make_machine: Callable[..., Any], day: int, fields: dict[str, Any]) -> None:
    m = world(make_machine, 20240610)
    before = m.table("calendars").tobytes()
    assert not holidays(m, 2, (day,), **fields)
    assert m.table("calendars").tobytes() == before
    assert m.breaks()[-1] == "BAD_CONTROL"


def test_holidays_when_taken_back_leave_an_empty_calendar(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610, closed={})
    days = (20240101, 20240229, 20350319)
    assert holidays(m, 2, days)
    assert (int(m.table("calendars")[2]["currency"]), int(m.table("calendars")[2]["holidays"].astype(bool).sum())) == (2, 2)
    assert holidays(m, 2, days, 0)
    assert (int(m.table("calendars")[2]["currency"]), int(m.table("calendars")[2]["holidays"].sum())) == (0, 0)


def test_value_day_for_a_view_is_that_of_any_day(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610)
    define(m)
    assert [value_day(m.replayer.state, 1, day) for day in (20240610, 20240618, 20241231)] == [20240612, 20240620, 20250103]
    with pytest.raises(CoreError, match=r"instrument 9 is not in 1\.\.4"):
        value_day(m.replayer.state, 9, 20240610)


# ---- busts, corrections, suspense, entries ------------------------------------------------------------------------------------------


def test_bust_and_correction_are_of_the_day_of_their_fill(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610)
    define(m)
    first = trade(m, 5)
    roll(m, 20240611)
    second = trade(m, 3, 110)
    m.event("CORRECT", first, exec_id="C1", exec_ref_id="E1", last_qty=4, last_px=120)
    assert int(last_event(m)["value_day"]) == 20240612
    assert ladder(m) == {20240612: (4, 480), 20240613: (3, 330)}
    m.event("BUST", second, exec_id="B1", exec_ref_id="E2")
    assert int(last_event(m)["value_day"]) == 20240613
    assert ladder(m) == {20240612: (4, 480)}
    roll(m, 20240612)
    assert ladder(m) == {0: (4, 480)}
    m.event("BUST", first, exec_id="B2", exec_ref_id="C1")
    assert ladder(m) == {}
    same_as_replay(m)


def test_correction_before_its_fill_settles_with_it(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610)
    define(m)
    m.new(1, qty=10)
    m.event("CORRECT", 1, exec_id="C1", exec_ref_id="E1", last_qty=8, last_px=110)
    m.fill(10, exec_id="E1")
    assert ladder(m) == {20240612: (8, 880)}
    same_as_replay(m)


def test_assignment_out_of_suspense_keeps_the_value_date(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610)
    define(m)
    m.event("FILL", last_qty=5, last_px=100, exec_id="X1", venue_order_id="V9", symbol="I1", side=1)
    (suspense,) = by_owner(m.table)
    assert ladder(m, *suspense[1:], suspense[0]) == {20240612: (5, 500)}
    roll(m, 20240611)
    m.control("ASSIGN_EXECUTION", body=m.record("OrderAction", execution=1, strategy=1))
    assert (ladder(m, *suspense[1:], suspense[0]), ladder(m, account=suspense[0])) == ({}, {20240612: (5, 500)})
    same_as_replay(m)


def entry(m: Any, kind: str, reference: str, **fields: Any) -> None:
    where = {} if kind == "BUST" else {"account": 1, "strategy": 1, "instrument": 1}
    body = m.record("LedgerEntry", kind=ENUMS["LedgerEventKind"].by_name[kind], reference=reference, **(where | fields))
    before = int(m.status["controls_refused"])
    m.control("BOOK_ENTRY", body=body)
    assert int(m.status["controls_refused"]) == before


def test_entries_settle_at_once_on_both_sides_and_their_bust_takes_it_back(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610)
    define(m)
    trade(m, 5)
    entry(m, "TRANSFER", "T1", qty=2, other=1, other_strategy=2)
    assert (ladder(m), ladder(m, 2)) == ({0: (-2, 0), 20240612: (5, 500)}, {0: (2, 0)})
    entry(m, "REWARD", "R1", qty=1, px=100)
    assert ladder(m) == {0: (-1, 100), 20240612: (5, 500)}
    entry(m, "BUST", "T1")
    assert (ladder(m), ladder(m, 2)) == ({0: (1, 100), 20240612: (5, 500)}, {})
    same_as_replay(m)


def test_cross_between_strategies_settles_as_a_trade_on_both_sides(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610)
    define(m)
    trade(m, 5)
    entry(m, "CROSS", "X1", qty=2, px=110, other_strategy=2)
    assert (ladder(m), ladder(m, 2)) == ({20240612: (3, 280)}, {20240612: (2, 220)})
    entry(m, "BUST", "X1")
    assert (ladder(m), ladder(m, 2)) == ({20240612: (5, 500)}, {})
    same_as_replay(m)


def test_bust_of_a_fill_behind_a_transfer_brings_every_tied_position_to_its_figures(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610)
    define(m)
    first = trade(m, 5)
    trade(m, 3)
    entry(m, "TRANSFER", "T1", qty=4, other=1, other_strategy=2)
    m.event("BUST", first, exec_id="B1", exec_ref_id="E1")  # what is left cannot be moved: the transfer is left out
    assert disagreements(m.table) == []
    assert sum(qty for qty, _ in ladder(m).values()) == 3
    assert sum(qty for qty, _ in ladder(m, 2).values()) == 0
    same_as_replay(m)


# ---- the table ------------------------------------------------------------------------------------------------------------------------

FEW = Limits(orders=256, executions=512, positions=2, breaks=64, instruments=4, accounts=4, venues=2, strategies=4, routes=4, lots=512, scopes=64)


def test_full_table_puts_a_day_with_its_neighbour_and_says_so(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610, FEW)
    define(m)
    day, found = date(2024, 6, 10), {}
    for step in range(30):
        define(m, kind="future", last_day=int(f"{day + timedelta(step + 1):%Y%m%d}"), settle_days=0)
        trade(m, step + 1)
        assert disagreements(m.table) == []
        found = ladder(m)
    assert len(found) == 8 * FEW.positions - FEW.positions
    assert found[max(found)][0] == sum(range(len(found), 31)), "the rest is with the last day that has a row"
    assert set(m.breaks()) == {"TABLE_FULL"}
    assert int(m.table("breaks")[1]["ours"]) == int(f"{day + timedelta(len(found) + 1):%Y%m%d}")
    trade(m, 2, strategy=2)
    assert sum(qty for qty, _ in ladder(m, 2).values()) == 2, "the first row of every position is kept for it"
    roll(m, 20240630)
    assert len(ladder(m)) == 1
    trade(m, 1)
    assert disagreements(m.table) == []
    same_as_replay(m)


def test_days_that_have_come_are_one_row_and_the_others_are_used_again(make_machine: Callable[..., Any]) -> None:
    m = world(make_machine, 20240610)
    define(m)
    for day in (20240611, 20240612, 20240613, 20240614, 20240617):
        trade(m, 1)
        roll(m, day)
    assert int(m.status["value_date_count"]) == 3, "settled, and two days ahead"
    assert ladder(m) == {0: (4, 400), 20240618: (1, 100)}
    same_as_replay(m)


# ---- against a model ----------------------------------------------------------------------------------------------------------------------

DAYS = [int(f"{date(2024, 12, 16) + timedelta(n):%Y%m%d}") for n in range(24)]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), st.integers(1, 2), st.integers(1, 3), st.sampled_from([-7, -3, 2, 5]), st.integers(90, 110)),
        st.tuples(st.just("fill"), st.integers(1, 2), st.integers(1, 3), st.sampled_from([-7, -3, 2, 5]), st.integers(90, 110)),
        st.tuples(st.just("bust"), st.integers(0, 40)),
        st.tuples(st.just("correct"), st.integers(0, 40), st.integers(1, 9), st.integers(90, 110)),
        st.tuples(st.just("name"), st.integers(0, 9), st.integers(0, 40), st.integers(1, 7)),
        st.tuples(st.just("roll"), st.integers(1, 3)),
        st.tuples(st.just("holiday"), st.integers(1, 3), st.sampled_from(DAYS), st.integers(0, 1)),
    ),
    min_size=12,
    max_size=40,
)
PAIRS = {1: ("EUR", "USD", "fx_spot"), 2: ("EUR", "GBP", "fx_spot"), 3: ("AAPL", "USD", "equity")}


def settled_on(pair: tuple[str, str, str], day: int, closed: dict[str, set[int]]) -> int:
    """Two days later, one day at a time: each currency counts its own, USD of a pair none, and all must be open in the end."""
    base, quote, kind = pair
    start = date(day // 10000, day // 100 % 100, day % 100)

    def is_open(code: str, at: date) -> bool:
        return at.weekday() < 5 and int(f"{at:%Y%m%d}") not in closed[code]

    ends = []
    for code in (c for c in (base, quote) if kind == "equity" or c != "USD"):
        at, left = start, 2
        while left:
            at += timedelta(1)
            left -= is_open(code, at)
        ends.append(at)
    at = max(ends)
    while not all(is_open(code, at) for code in {base, quote} | ({"USD"} if kind == "fx_spot" else set())):
        at += timedelta(1)
    return int(f"{at:%Y%m%d}")


@pytest.mark.parametrize("method", ["WAC", "HIFO", "SPEC"])
def test_random_lives_have_the_dates_and_sums_of_the_model(make_machine: Callable[..., Any], method: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(STEPS)
    def one(steps: list[Any]) -> None:
        m = world(make_machine, DAYS[0], Limits(orders=64, executions=256, positions=8, breaks=64, instruments=4, accounts=4, venues=2, strategies=4, routes=4))
        m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, method=ENUMS["LedgerMethod"].by_name[method]))
        for row, (base, quote, kind) in PAIRS.items():
            define(m, row, base=base, quote=quote, kind=kind)
        closed = defaultdict(set, {code: set(days) for code, days in CLOSED.items()})
        facts: list[dict[str, Any]] = []
        today = 0
        for n, step in enumerate(steps):
            if step[0] == "fill":
                _, strategy, row, size, px = step
                if method == "SPEC":  # all in one, and long, so that there are lots to name
                    strategy, row, size = 1, 1, 4 if size == -7 else size
                order = trade(m, size, px, strategy, row)
                at = settled_on(PAIRS[row], DAYS[today], closed)
                assert int(last_event(m)["value_day"]) == at
                key = int(last_event(m)["key"])
                facts.append({"owner": (1, strategy, row), "order": order, "size": size, "px": px, "day": at, "id": f"E{order}", "row": key})
            elif step[0] == "roll":
                today = min(today + (1 if method == "SPEC" else step[1]), len(DAYS) - 1)
                roll(m, DAYS[today])
            elif step[0] == "holiday":
                code = CODES[step[1] - 1]
                assert holidays(m, step[1], (step[2],), step[3])
                (closed[code].add if step[3] else closed[code].discard)(step[2])
            elif step[0] == "name":
                waiting = unnamed(m.table)
                if len(waiting) and facts:
                    close = waiting[step[1] % len(waiting)]
                    name_lot(m, f"N{n}", close, facts[step[2] % len(facts)]["row"], min(step[3], abs(wide(close["qty"]))))
            elif facts and (fact := facts[step[1] % len(facts)])["size"]:
                if step[0] == "bust":
                    m.event("BUST", fact["order"], exec_id=f"B{n}", exec_ref_id=fact["id"])
                    fact["size"] = 0
                else:
                    m.event("CORRECT", fact["order"], exec_id=f"C{n}", exec_ref_id=fact["id"], last_qty=step[2], last_px=step[3])
                    fact |= {"id": f"C{n}", "size": step[2] if fact["size"] > 0 else -step[2], "px": step[3]}
            assert not (found := disagreements(m.table)), "\n".join(found)
            waits = {int(e["key"]) for e in unnamed(m.table)}
            for owner in by_owner(m.table):
                wanted: dict[int, tuple[int, int]] = {}
                for fact in facts:
                    if fact["owner"] == owner and fact["size"] and fact["row"] not in waits:
                        day = fact["day"] if fact["day"] > DAYS[today] else 0
                        qty, flow = wanted.get(day, (0, 0))
                        wanted[day] = qty + fact["size"], flow + fact["size"] * fact["px"]
                assert ladder(m, owner[1], owner[2]) == {day: sums for day, sums in wanted.items() if any(sums)}
        same_as_replay(m)

    one()
