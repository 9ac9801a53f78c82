"""Stop orders under limits: their stop price is within the collar, and self-match prevention knows what they will trade at once they trigger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from limit_world import BUY, SELL, WORLD, accepted, furnish, limit

from ringfence.ipc.schema import ENUMS

Machine = Any
MARKET, LIMIT, STOP, STOP_LIMIT = (ENUMS["OrdType"].by_name[n] for n in ("MARKET", "LIMIT", "STOP", "STOP_LIMIT"))
REJECT, CANCEL_RESTING = 1, 2


@pytest.mark.parametrize("choice", [1, 2, 3])
@pytest.mark.parametrize(
    ("side", "ord_type", "stop_px", "px", "passes"),
    [
        (BUY, STOP, 110, 0, True),
        (BUY, STOP, 111, 0, False),
        (BUY, STOP, 50, 0, True),
        (SELL, STOP, 90, 0, True),
        (SELL, STOP, 89, 0, False),
        (SELL, STOP, 150, 0, True),
        (BUY, STOP_LIMIT, 111, 105, False),
        (BUY, STOP_LIMIT, 105, 111, False),
        (BUY, STOP_LIMIT, 105, 110, True),
        (SELL, STOP_LIMIT, 89, 95, False),
        (SELL, STOP_LIMIT, 95, 89, False),
        (SELL, STOP_LIMIT, 95, 90, True),
    ],
)
def test_collar_when_a_stop_price_is_beyond_it_refuses(
    make_machine: Callable[..., Machine], choice: int, side: int, ord_type: int, stop_px: int, px: int, passes: bool
) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "COLLAR", 100_000)
    limit(m, "FIRM", "COLLAR_REFERENCE", choice)
    m.mark(100, 100, last=100)
    m.new(1, side=side, ord_type=ord_type, stop_px=stop_px, px=px, qty=1)
    assert accepted(m) == passes
    if not passes:
        assert m.deny() == "COLLAR"


def test_collar_when_a_replace_moves_the_stop_price_beyond_it_refuses(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "COLLAR", 100_000)
    m.mark(100, 100)
    m.new(1, side=BUY, ord_type=STOP, stop_px=105, px=0, qty=1)
    m.event("ACK", 1)
    m.replace(1, qty=1, stop_px=111)
    assert m.deny() == "COLLAR"
    m.replace(1, qty=1, stop_px=110)
    assert accepted(m)


# A stop sale of 95 down to 90 that rests while the market is at 100, or at 95 and below; and the same upside down.
@pytest.mark.parametrize("ord_type", [STOP, STOP_LIMIT])
@pytest.mark.parametrize(
    ("market", "ask_px", "meets"),
    [
        (100, 100, False),  # the stop is asleep: what trades at 100 is not it
        (100, 96, False),
        (100, 95, True),  # it would trigger at 95 and trade with this
        (100, 91, True),
        (100, 0, False),  # a market order takes what is there now
        (95, 96, True),  # it has triggered
        (93, 0, True),
        (0, 96, True),  # nobody knows where the market is
    ],
)
def test_self_match_when_a_stop_order_rests_counts_it_from_its_stop_price_on(
    make_machine: Callable[..., Machine], ord_type: int, market: int, ask_px: int, meets: bool
) -> None:
    def mirrored(px: int) -> int:
        return 200 - px if px else 0

    for other, side, at in ((SELL, BUY, int), (BUY, SELL, mirrored)):
        m = furnish(make_machine(WORLD))
        limit(m, "FIRM", "SELF_MATCH", REJECT)
        if market:
            m.mark(at(market), at(market))
        m.new(1, strategy=2, side=other, ord_type=ord_type, stop_px=at(95), px=at(90) if ord_type == STOP_LIMIT else 0, qty=10)
        m.new(1, side=side, ord_type=LIMIT if ask_px else MARKET, px=at(ask_px), qty=10)
        if not meets:
            assert accepted(m)
            continue
        assert m.deny() == "SELF_MATCH"


@pytest.mark.parametrize(
    ("age_s", "last_s", "meets"),
    [
        (9, None, False),
        (11, None, True),
        (3600, None, True),
        (12, 2, False),  # a trade since says where the market is
        (12, 11, True),
    ],
)
def test_self_match_when_nobody_has_seen_the_market_of_late_takes_no_stop_order_for_asleep(
    make_machine: Callable[..., Machine], age_s: int, last_s: int | None, meets: bool
) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "SELF_MATCH", REJECT)
    m.mark(100, 100)
    m.new(1, strategy=2, side=SELL, ord_type=STOP, stop_px=95, px=0, qty=10)
    for second in range(age_s, 0, -1):
        if second == last_s:
            m.mark(0, 0, last=100)
        m.timer(1)
    m.new(1, side=BUY, px=96, qty=10)
    if meets:
        assert m.deny() == "SELF_MATCH"
    else:
        assert accepted(m)


def test_self_match_when_a_stop_limit_order_cannot_reach_the_price_passes(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "SELF_MATCH", REJECT)
    m.mark(93, 93)
    m.new(1, strategy=2, side=SELL, ord_type=STOP_LIMIT, stop_px=95, px=90, qty=10)
    m.new(1, side=BUY, px=89, qty=10)
    assert accepted(m)
    m.new(2, side=BUY, px=90, qty=10)
    assert m.deny() == "SELF_MATCH"


@pytest.mark.parametrize(("other", "far", "side"), [(SELL, 110, BUY), (BUY, 90, SELL)])
def test_self_match_when_a_market_order_waits_meets_it_at_any_price(make_machine: Callable[..., Machine], other: int, far: int, side: int) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "SELF_MATCH", REJECT)
    m.mark(100, 100)
    m.new(1, strategy=2, side=other, ord_type=MARKET, px=0, qty=10)
    m.new(2, strategy=2, side=other, px=far, qty=10)
    m.new(1, side=side, px=100, qty=10)
    assert m.deny() == "SELF_MATCH"
    m.event("CANCELED", 1)
    m.new(2, side=side, px=100, qty=10)
    assert accepted(m)
    m.new(3, side=side, px=far, qty=10)
    assert m.deny() == "SELF_MATCH"


def test_self_match_when_a_triggered_stop_is_met_cancels_it(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "SELF_MATCH", CANCEL_RESTING)
    m.mark(93, 93)
    m.new(1, strategy=2, side=SELL, ord_type=STOP_LIMIT, stop_px=95, px=94, qty=10)
    m.new(1, side=BUY, px=94, qty=10)
    assert m.sent() == ["CANCEL", "NEW"]
    assert m.replayed().tables() == m.tables()


def test_self_match_when_stops_were_open_before_the_first_limit_knows_them(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    m.mark(93, 93)
    m.new(1, strategy=2, side=SELL, ord_type=STOP_LIMIT, stop_px=95, px=94, qty=10)
    limit(m, "FIRM", "SELF_MATCH", REJECT)
    m.new(1, side=BUY, px=94, qty=10)
    assert m.deny() == "SELF_MATCH"


@pytest.mark.parametrize(("other", "side", "sign"), [(SELL, BUY, 1), (BUY, SELL, -1)])
def test_self_match_when_stops_rest_among_limit_orders_measures_each_by_its_own(make_machine: Callable[..., Machine], other: int, side: int, sign: int) -> None:
    m = furnish(make_machine(WORLD))
    limit(m, "FIRM", "SELF_MATCH", REJECT)
    m.mark(100, 100)
    m.new(1, strategy=2, side=other, px=100 + 12 * sign, qty=10)
    m.new(2, strategy=2, side=other, ord_type=STOP, stop_px=100 - 20 * sign, px=0, qty=10)
    m.new(3, strategy=2, side=other, px=100 + 10 * sign, qty=10)
    m.new(4, strategy=2, side=other, ord_type=STOP, stop_px=100 - 30 * sign, px=0, qty=10)
    for n, (away, passes) in enumerate([(9, True), (10, False), (-19, True), (-20, False)]):
        m.new(10 + n, side=side, px=100 + away * sign, qty=10)
        assert accepted(m) == passes, away
    m.event("CANCELED", 3)
    m.new(20, side=side, px=100 + 11 * sign, qty=10)
    assert accepted(m)
    m.event("CANCELED", 2)
    m.new(21, side=side, px=100 - 20 * sign, qty=10)
    assert accepted(m)
    m.event("CANCELED", 1)
    m.new(5, strategy=2, side=other, px=100 + 15 * sign, qty=10)
    assert accepted(m)
    for n, (away, passes) in enumerate([(14, True), (15, False)]):
        m.new(30 + n, side=side, px=100 + away * sign, qty=10)
        assert accepted(m) == passes, away
    m.new(22, side=side, px=100 - 30 * sign, qty=10)
    assert m.deny() == "SELF_MATCH"
    assert m.replayed().tables() == m.tables()
