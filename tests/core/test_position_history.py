"""Busts far and near in positions of thousands of executions equal positions that never had what was busted: plain rational average cost."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

import pytest

from ringfence.core.state import Limits

Machine = Any
LIMITS = Limits(
    orders=64,
    executions=8192,
    positions=16,
    breaks=512,
    instruments=4,
    accounts=4,
    venues=2,
    strategies=4,
    routes=4,
    scopes=64,
    lots=8192,
)
FILLS = 3000
NEAR, FAR = 40, 2600


class Books:
    """What each strategy traded, in the order in which it was booked."""

    def __init__(self) -> None:
        self.trades: dict[int, list[list[int]]] = {1: [], 2: []}  # signed quantity, price

    def figures(self, strategy: int) -> tuple[int, int, int]:
        net = cost = realized = 0
        for qty, px in self.trades[strategy]:
            left = qty
            if net * left < 0:
                closing = left if abs(left) <= abs(net) else -net
                out = round(Fraction(cost * abs(closing), abs(net)))
                cost, realized, net, left = cost - out, realized - closing * px - out, net + closing, left - closing
            net, cost = net + left, cost + left * px
        return net, cost, realized


def traded(m: Machine, books: Books, draw: Random) -> list[tuple[int, int]]:
    """Two orders a strategy, and fills of them in turn: (strategy, index in its trades) by number of the ExecID."""
    for row, (strategy, side) in enumerate([(1, 1), (1, 2), (2, 1), (2, 2)], 1):
        m.new(row, strategy=strategy, side=side, qty=10**6, px=100)
        m.event("ACK", row)
    where = []
    for number in range(FILLS):
        row = draw.randrange(1, 5)
        strategy, sign = (row + 1) // 2, 1 if row % 2 else -1
        qty, px = draw.randrange(1, 30), draw.randrange(90, 111)
        m.fill(qty, px=px, exec_id=f"E{number}", order=row)
        where.append((strategy, len(books.trades[strategy])))
        books.trades[strategy].append([sign * qty, px])
        if number % 500 == 0:
            m.timer(1)
    return where


def row_of(books: Books, strategy: int, index: int) -> int:
    return 2 * strategy - (1 if books.trades[strategy][index][0] > 0 else 0)


def holds(m: Machine, books: Books) -> None:
    for strategy in (1, 2):
        p = m.position(strategy)
        assert (p["net_qty"], p["cost"], p["realized"]) == books.figures(strategy)


@pytest.mark.parametrize("seed", [1, 2])
def test_busts_and_corrections_near_and_far_give_what_a_history_without_them_gives(make_machine: Any, seed: int) -> None:
    m, books, draw = make_machine(LIMITS), Books(), Random(seed)
    where = traded(m, books, draw)
    gone: set[int] = set()
    for step in range(40):
        back = draw.choice((NEAR, NEAR, NEAR, 1200, FAR))
        number = len(where) - 1 - draw.randrange(back)
        if number in gone:
            continue
        strategy, index = where[number]
        row, trade = row_of(books, strategy, index), books.trades[strategy][index]
        gone.add(number)
        if step % 3 == 0:
            qty, px = draw.randrange(1, 30), draw.randrange(90, 111)
            m.event("CORRECT", row, exec_id=f"C{number}", exec_ref_id=f"E{number}", last_qty=qty, last_px=px)
            trade[:] = [qty if trade[0] > 0 else -qty, px]
        else:
            m.event("BUST", row, exec_id=f"B{number}", exec_ref_id=f"E{number}")
            trade[:] = [0, 0]
        holds(m, books)
    assert m.breaks() == []


def test_a_second_bust_of_a_correction_far_back_forgets_what_was_kept_behind_it(make_machine: Any) -> None:
    m, books, draw = make_machine(LIMITS), Books(), Random(3)
    where = traded(m, books, draw)
    strategy, index = where[50]
    row = row_of(books, strategy, index)
    sign = 1 if books.trades[strategy][index][0] > 0 else -1
    late = next(n for n in range(FILLS - 1, 0, -1) if where[n][0] == strategy)
    m.event("BUST", row_of(books, *where[late]), exec_id="BL", exec_ref_id=f"E{late}")  # figures are kept now
    books.trades[strategy][where[late][1]][:] = [0, 0]
    holds(m, books)
    for version, (qty, px) in enumerate([(7, 95), (11, 107)]):
        ref = f"C{version - 1}" if version else "E50"
        m.event("CORRECT", row, exec_id=f"C{version}", exec_ref_id=ref, last_qty=qty, last_px=px)
        books.trades[strategy][index][:] = [sign * qty, px]
        holds(m, books)
    m.event("BUST", row, exec_id="BC", exec_ref_id="C1")
    books.trades[strategy][index][:] = [0, 0]
    holds(m, books)
    assert m.replayed().tables() == m.tables()
