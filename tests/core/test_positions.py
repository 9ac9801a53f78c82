"""Positions with figures near the limits of their types, against exact rationals."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Machine = Any
FILLS = st.lists(st.tuples(st.booleans(), st.integers(1, 10**15), st.integers(1, 10**12)), min_size=1, max_size=25)


def trading(make_machine: Callable[..., Machine]) -> Machine:
    """A machine with one buy and one sell order large enough for any fill."""
    m = make_machine()
    m.instrument(1, qty_max=2**63 - 1)
    m.new(1, side=1, qty=2**60)
    m.new(2, side=2, qty=2**60)
    return m


@given(FILLS)
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_position_when_traded_both_ways_equals_exact_average_cost(make_machine: Callable[..., Machine], fills: list[tuple[bool, int, int]]) -> None:
    m = trading(make_machine)
    net, cost, realized, paid, traded = 0, 0, 0, 0, 0
    for n, (buy, qty, px) in enumerate(fills):
        m.fill(qty, px=px, exec_id=f"E{n}", order=1 if buy else 2)
        q = qty if buy else -qty
        paid += q * px
        traded += qty * px
        if net * q < 0:
            k = min(qty, abs(net))
            out = round(Fraction(cost * k, abs(net)))
            realized += (k if net > 0 else -k) * px - out
            cost -= out
            net += k if q > 0 else -k
            q = (qty - k) if q > 0 else -(qty - k)
        net += q
        cost += q * px
        found = m.position()
        assert (found["net_qty"], found["cost"], found["realized"], found["traded"]) == (net, cost, realized, traded)
        assert found["realized"] - found["cost"] == -paid, "conservation: realized - cost is the cash, exactly"
        assert found["bought_qty"] - found["sold_qty"] == net
        assert found["cost"] == 0 or net != 0, "flat means no cost"


def test_position_when_flipped_the_rest_opens_at_the_fills_price(make_machine: Callable[..., Machine]) -> None:
    m = trading(make_machine)
    m.fill(10, px=100, exec_id="A", order=1)
    m.fill(25, px=120, exec_id="B", order=2)
    assert m.position() == {"net_qty": -15, "bought_qty": 10, "sold_qty": 25, "fills": 2, "cost": -15 * 120, "realized": 10 * 20, "traded": 1000 + 3000}


def test_position_when_a_third_leaves_the_cost_is_conserved(make_machine: Callable[..., Machine]) -> None:
    m = trading(make_machine)
    m.fill(3, px=100, exec_id="A", order=1)
    m.fill(4, px=101, exec_id="B", order=1)  # cost 704 over 7: a unit cost that does not terminate
    costs = []
    for n in range(7):
        m.fill(1, px=100, exec_id=f"S{n}", order=2)
        costs.append(m.position()["cost"])
    assert costs[-1] == 0
    assert m.position()["realized"] == 700 - 704


@pytest.mark.parametrize("px", [-500, 0])
def test_position_when_the_price_is_negative_or_zero_it_is_booked(make_machine: Callable[..., Machine], px: int) -> None:
    m = trading(make_machine)
    m.fill(10, px=px, exec_id="A", order=1)
    m.fill(10, px=100, exec_id="B", order=2)
    assert m.position()["realized"] == 10 * 100 - 10 * px
    assert m.breaks() == []


def test_position_when_a_figure_overflows_it_does_not_move_and_a_break_says_so(make_machine: Callable[..., Machine]) -> None:
    m = make_machine()
    m.instrument(1, qty_max=2**63 - 1)
    for n in (1, 2, 3):
        m.new(n, qty=2**62 + 2**61 if n == 1 else 2**61)
    m.fill(2**62 + 2**61, px=1, exec_id="A", order=1)
    m.fill(2**61 - 1, px=1, exec_id="B", order=2)
    before = m.position()
    m.fill(2**61, px=1, exec_id="C", order=3)
    assert m.position() == before
    assert m.breaks() == ["OVERFLOW"]
    assert m.state_of(3)[2] == 2**61, "the order has it"
