"""Kills that close positions: one market order a position, how often it is tried, which way it takes, and what is in its way."""

from __future__ import annotations

from typing import Any

import pytest
from kill_world import CANCEL, FLATTEN, SCOPES, assert_same_after_replay, cancelled, furnish, kill, long_position, orders, release, sold, state_of

from ringfence.ipc.schema import CONSTANTS, ENUMS

BIT = {name: value for name, (value, _) in CONSTANTS.items()}


@pytest.fixture
def m(machine: Any) -> Any:
    return furnish(machine)


@pytest.mark.parametrize("kind", ["FIRM", "ACCOUNT", "STRATEGY", "INSTRUMENT", "DESK", "BROKER"])
def test_kill_when_it_flattens_sends_one_market_order_a_position_that_passes_the_kill(m: Any, kind: str) -> None:
    long_position(m)
    kill(m, kind, *SCOPES[kind], options=CANCEL | FLATTEN)
    new = [c for c in m.commands if int(c["kind"]) == ENUMS["CommandKind"].by_name["NEW"]]
    assert cancelled(m) == [1]
    assert [(int(c["side"]), int(c["qty"]), int(c["ord_type"]), int(c["time_in_force"])) for c in new] == [
        (ENUMS["Side"].by_name["SELL"], 4000, ENUMS["OrdType"].by_name["MARKET"], ENUMS["TimeInForce"].by_name["IOC"])
    ]
    assert int(m.order(2)["client_id"]) >> 32 & BIT["FLATTEN_CLIENT_ID"]
    m.event("ACK", 2)
    m.fill(4000, exec_id="F2", order=2, cum_qty=4000)
    position = m.position()
    assert position is not None
    assert position["net_qty"] == 0
    m.timer(5)
    assert sold(m) == [], "it is flat"
    assert_same_after_replay(m)


def test_kill_when_it_flattens_a_short_position_buys(m: Any) -> None:
    m.new(1, side=2)
    m.event("ACK", 1)
    m.fill(3000, cum_qty=3000)
    kill(m, options=FLATTEN)
    new = [c for c in m.commands if int(c["kind"]) == ENUMS["CommandKind"].by_name["NEW"]]
    assert [(int(c["side"]), int(c["qty"])) for c in new] == [(ENUMS["Side"].by_name["BUY"], 3000)]


def test_kill_when_it_flattens_twice_never_turns_the_position_round(m: Any) -> None:
    long_position(m)
    kill(m, options=FLATTEN)
    assert sold(m) == [4000]
    kill(m, options=FLATTEN)
    assert sold(m) == [], "the first is on its way"
    m.event("ACK", 2)
    m.fill(1500, exec_id="F2", order=2, cum_qty=1500)
    kill(m, options=FLATTEN)
    assert sold(m) == []
    m.event("CANCELED", 2)
    kill(m, options=FLATTEN)
    assert sold(m) == [2500], "what the first did not get"


def test_kill_when_an_order_may_still_close_a_position_leaves_that_to_it_until_it_is_over(m: Any) -> None:
    long_position(m)
    m.new(2, side=2, qty=3000, px=200)
    m.event("ACK", 2)
    kill(m, options=CANCEL | FLATTEN)
    assert sold(m) == [1000]
    assert cancelled(m) == [1, 2]
    m.event("CANCELED", 2, 1)
    kill(m, options=FLATTEN)
    assert sold(m) == [3000]


def test_intent_when_its_client_id_is_one_of_the_engines_own_is_refused(m: Any) -> None:
    own = BIT["FLATTEN_CLIENT_ID"] << 32
    m.new(1)
    m.fill(10000, order=1, cum_qty=10000)
    m.new(own + 1, qty=5)
    assert m.deny() == "BAD_CLIENT_ID", "also before there is one"
    kill(m, options=CANCEL | FLATTEN)
    assert int(m.order(2)["client_id"]) == own + 1
    m.new(own + 1, qty=5)
    assert m.deny() == "BAD_CLIENT_ID"
    m.cancel(own + 1)
    assert m.sent() == ["CANCEL"], "a cancel passes always"


def test_kill_when_there_is_nothing_to_flatten_sends_nothing(m: Any) -> None:
    orders(m)
    kill(m, options=FLATTEN)
    assert m.sent() == []


def reason(m: Any) -> str:
    """Why the last try to close the first position sent nothing."""
    return ENUMS["DenyReason"].by_value.get(int(m.table("positions")[1]["flatten_reason"]), "")


def test_flatten_when_its_order_was_refused_tries_again_until_the_position_is_flat(m: Any) -> None:
    long_position(m)
    kill(m, options=CANCEL | FLATTEN)
    assert sold(m) == [4000]
    m.event("CANCELED", 1, 1)
    m.event("REJECTED", 2, ord_status="REJECTED")
    m.timer()
    assert sold(m) == [], "not at once"
    m.timer(1)
    assert sold(m) == [4000]
    m.timer(1)
    assert sold(m) == [], "it is on its way"
    m.fill(1500, exec_id="F2", order=3, cum_qty=1500)
    m.event("EXPIRED", 3)
    m.timer(2)
    assert sold(m) == [2500]
    m.fill(2500, exec_id="F3", order=4, cum_qty=2500)
    m.timer(60)
    assert sold(m) == []
    assert_same_after_replay(m)


def test_flatten_when_every_try_is_refused_waits_twice_as_long_each_time(m: Any) -> None:
    long_position(m)
    kill(m, options=FLATTEN)
    at = [0]
    for second in range(1, 300):
        m.event("REJECTED", int(m.status["order_count"]), ord_status="REJECTED")
        m.timer(1)
        at += [second] * len(sold(m))
    assert at == [0, 1, 3, 7, 15, 31, 63, 127, 255]
    for _ in range(36):
        m.timer(3600)
        m.event("REJECTED", int(m.status["order_count"]), ord_status="REJECTED")
    assert int(m.status["order_count"]) < 45, "a day and a half of refusals leave orders to others"


def test_flatten_when_it_fills_a_part_each_time_goes_on_at_the_first_pace(m: Any) -> None:
    m.instrument(1, qty_max=500)
    m.new(1, qty=500)
    m.fill(500, cum_qty=500)
    for k in range(2, 9):
        m.new(k, qty=500)
        m.fill(500, exec_id=f"B{k}", order=k, cum_qty=500)
    kill(m, options=FLATTEN)
    for second in range(8):
        assert sold(m) == [500], f"after {second} s"
        last = int(m.status["order_count"])
        m.fill(500, exec_id=f"S{last}", order=last, cum_qty=500)
        m.timer(1)
    assert sold(m) == []
    assert_same_after_replay(m)


def test_flatten_when_its_session_was_down_for_long_goes_out_within_a_second_of_its_return(m: Any) -> None:
    long_position(m)
    m.event("SESSION_DOWN")
    kill(m, options=FLATTEN)
    for _ in range(3600):
        m.timer(1)
    m.event("SESSION_UP")
    m.timer(1)
    assert sold(m) == [4000], "what sent nothing used no order, and is no reason to wait"


def second_venue(m: Any, up: bool = False) -> None:
    m.control("DEFINE_VENUE", body=m.record("Venue", id=2, name="other", status=1, durability=1))
    m.control("DEFINE_ROUTE", body=m.record("Route", id=2, account=1, venue=2, status=1))
    if up:
        m.event("SESSION_UP", venue=2)


def test_flatten_when_only_a_killed_venue_can_take_it_goes_there_whatever_row_stands_behind(m: Any) -> None:
    long_position(m)
    second_venue(m)
    kill(m, "VENUE", 1)
    kill(m, "STRATEGY", 1, options=FLATTEN)
    assert (sold(m), reason(m)) == ([4000], "NONE")
    assert int(m.order(2)["route"]) == 1
    assert int(m.order(2)["routes_skipped"]) == 1, "the one behind, which is down"
    assert_same_after_replay(m)


def test_flatten_when_another_venue_can_take_it_spares_the_killed_one(m: Any) -> None:
    long_position(m)
    second_venue(m, up=True)
    m.replayer.state.open_queue(2)
    kill(m, "VENUE", 1)
    kill(m, "STRATEGY", 1, options=FLATTEN)
    assert int(m.order(2)["venue"]) == 2
    assert reason(m) == "NONE"


def test_flatten_when_messages_are_limited_counts_its_own(m: Any) -> None:
    long_position(m)
    m.new(2, strategy=2, instrument=2, qty=500)
    m.fill(500, exec_id="F2", order=2, cum_qty=500)
    m.timer(5)
    m.limit("MESSAGE_RATE", 1, "VENUE", 1)
    kill(m, options=FLATTEN)
    assert sold(m) == [4000], "one a second"
    m.timer(1)
    assert sold(m) == [500]
    assert_same_after_replay(m)


def test_release_when_the_loss_of_the_day_is_still_there_leaves_the_scope_reducing(m: Any) -> None:
    m.currency()
    m.limit("DAILY_LOSS", 10, "STRATEGY", 1)
    long_position(m)
    m.mark(50, 50)
    assert state_of(m, "STRATEGY", 1, 0) == "REDUCING"
    kill(m, "STRATEGY", 1)
    release(m, "STRATEGY", 1)
    assert state_of(m, "STRATEGY", 1, 0) == "REDUCING", "the kill is over, the loss is not"
    m.new(8, qty=1)
    assert m.deny() == "LOSS"
    assert_same_after_replay(m)


def test_flatten_when_the_killed_venue_has_no_message_left_either_says_so(m: Any) -> None:
    long_position(m)
    m.limit("MESSAGE_RATE", 1, "VENUE", 1)
    m.new(9)
    m.event("ACK", 2)
    kill(m, "VENUE", 1, options=0)
    kill(m, "STRATEGY", 1, options=FLATTEN)
    assert (sold(m), reason(m)) == ([], "MESSAGE_RATE")


@pytest.mark.parametrize(("hinder", "free", "why"), [
    (lambda m: m.event("SESSION_DOWN"), lambda m: m.event("SESSION_UP"), "SESSION_DOWN"),
    (lambda m: m.control("DEFINE_ROUTE", body=m.record("Route", id=1, account=1, venue=1, status=1, strategy=2)),
     lambda m: m.control("DEFINE_ROUTE", body=m.record("Route", id=1, account=1, venue=1, status=1)), "NO_ROUTE"),
    (lambda m: (m.limit("MESSAGE_RATE", 1, "VENUE", 1), m.new(9), m.event("ACK", 2)), lambda m: m.limit("MESSAGE_RATE", 0, "VENUE", 1), "MESSAGE_RATE"),
], ids=["session down", "no route", "no message left"])  # fmt: skip
def test_flatten_when_it_finds_no_way_says_why_and_tries_again(m: Any, hinder: Any, free: Any, why: str) -> None:
    long_position(m)
    hinder(m)
    kill(m, options=FLATTEN)
    assert (sold(m), reason(m)) == ([], why)
    free(m)
    m.timer(2)
    assert (sold(m), reason(m)) == ([4000], "NONE")
    assert_same_after_replay(m)


def test_flatten_when_the_kill_is_released_meanwhile_tries_no_more_and_a_later_kill_begins_anew(m: Any) -> None:
    long_position(m)
    m.event("SESSION_DOWN")
    kill(m, options=FLATTEN)
    for _ in range(40):
        m.timer(1)
    release(m)
    m.event("SESSION_UP")
    m.timer(60)
    assert (sold(m), reason(m)) == ([], "")
    kill(m, options=FLATTEN)
    assert sold(m) == [4000]
    m.event("REJECTED", 2, ord_status="REJECTED")
    m.timer(1)
    assert sold(m) == [4000], "at the pace of a first try"


def test_flatten_when_a_replace_in_flight_may_make_a_closing_order_larger_counts_all_of_it(m: Any) -> None:
    long_position(m)
    m.event("CANCELED", 1)
    m.new(2, side=2, qty=1000, px=200)
    m.event("ACK", 2)
    m.replace(2, qty=4000, px=200)
    kill(m, options=FLATTEN)
    assert sold(m) == [], "3000 short if it is granted"
    m.timer(5)
    assert sold(m) == []


def test_kill_when_of_a_venue_cannot_flatten(m: Any) -> None:
    long_position(m)
    kill(m, "VENUE", 1, options=CANCEL | FLATTEN)
    assert m.breaks() == ["BAD_CONTROL"]
    assert (m.sent(), state_of(m, "VENUE", 1, 0)) == ([], "OPEN")
