"""The message budget of a session: a rate that holds in every window, a reserve for cancels, and no order in a cancel's way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from tests.gateways.fix.peer import Engine, Venue, until
from tests.gateways.fix.test_kill_switch import Tables, counters, kill, until_done, up

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix.spec import GatewaySpec
from ringfence.ipc.metrics import Metrics

Make = Callable[..., tuple[Engine, Venue]]


@pytest.fixture
def make(instance: str, tmp_path: Path) -> Iterator[Make]:
    opened: list[Engine | Venue] = []

    def factory(rate: int, burst: int, reserve: int) -> tuple[Engine, Venue]:
        venue = Venue(tmp_path)
        engine = Engine(instance, tmp_path, venue.port, messages_per_s=rate, burst=burst, cancel_reserve=reserve)
        opened.extend((engine, venue))
        engine.start()
        up(engine, venue)
        return engine, venue

    yield factory
    for one in opened:
        one.close()


def sent_ms(venue: Venue) -> list[int]:
    """SendingTime(52) of each application message [ms]."""
    times = [datetime.strptime(m[52].decode() + "+0000", "%Y%m%d-%H:%M:%S.%f%z") for m in venue.messages]
    return [round(t.timestamp() * 1000) for t in times]


def assert_within(times: list[int], rate: int, burst: int) -> None:
    """In no window are there more messages than the burst and what the rate gives."""
    for i in range(len(times)):
        for j in range(i, len(times)):
            assert j - i + 1 <= burst + (times[j] - times[i] + 1) * rate / 1000 + 1e-9, f"messages {i} to {j}"


def test_gateway_when_orders_exceed_the_budget_sends_them_later_and_in_order(make: Make) -> None:
    engine, venue = make(200, 10, 2)
    for _ in range(60):
        engine.command("NEW")
    until(lambda: len(venue.orders()) == 60, venue.pump, what="all orders")
    assert [m[11] for m in venue.orders()] == [b"C%d" % k for k in range(1, 61)]
    assert_within(sent_ms(venue), 200, 10)
    assert sent_ms(venue)[-1] - sent_ms(venue)[0] >= 50 * 5 - 5
    assert counters(engine)["throttled"] > 30
    metrics = Metrics.attach(engine.instance, "gw.v")
    assert metrics.histograms()["throttle_wait"].count > 30
    metrics.close()


def test_gateway_when_the_budget_of_orders_is_used_up_a_cancel_goes_out_at_once_and_the_order_before_it_is_answered(make: Make) -> None:
    engine, venue = make(1, 10, 5)
    engine.command("NEW", order_id=1)
    engine.command("REPLACE", order_id=2, orig_cl_ord_id=b"A")
    engine.command("CANCEL", order_id=3, orig_cl_ord_id=b"B")
    engine.command("NEW", order_id=4)
    until(lambda: venue.messages, venue.pump, engine.poll, what="the cancel")
    until(lambda: engine.kinds().count("NOT_SENT") == 2, venue.pump, engine.poll, what="two answers")
    assert [m[11] for m in venue.messages] == [b"C3"]
    assert [bytes(e["cl_ord_id"]) for e in engine.events if e["text"][:3] == b"the"] == [b"C1", b"C2"]
    assert venue.orders() == [], "the last one waits: no cancel is behind it"


def test_gateway_when_an_order_was_answered_not_sent_its_cancel_is_too(make: Make) -> None:
    engine, venue = make(1, 10, 5)
    engine.command("NEW", order_id=1)
    engine.command("CANCEL", order_id=1, orig_cl_ord_id=b"C1")
    engine.command("CANCEL", order_id=2, orig_cl_ord_id=b"B")
    until(lambda: venue.messages, venue.pump, engine.poll, what="the other cancel")
    assert [m[11] for m in venue.messages] == [b"C3"]
    until(lambda: engine.kinds().count("NOT_SENT") == 2, engine.poll, what="two answers")


def test_gateway_when_an_order_has_waited_long_enough_is_answered(make: Make) -> None:
    engine, venue = make(1, 20, 5)
    for _ in range(4):
        engine.command("CANCEL", orig_cl_ord_id=b"X")  # from the reserve: orders get their share again 5 s later
    engine.command("NEW", order_id=1)
    until(lambda: "NOT_SENT" in engine.kinds(), venue.pump, engine.poll, what="the answer")
    assert venue.orders() == []
    assert bytes(engine.events[-1]["text"]) == b"not within the session's message budget in time"


def test_gateway_when_the_reserve_is_used_up_cancels_wait_and_none_is_lost(make: Make) -> None:
    engine, venue = make(100, 10, 5)
    for k in range(40):
        engine.command("CANCEL", order_id=k + 1, orig_cl_ord_id=b"X")
    until(lambda: len(venue.messages) == 40, venue.pump, engine.poll, what="all cancels")
    assert [m[11] for m in venue.messages] == [b"C%d" % k for k in range(1, 41)]
    assert_within(sent_ms(venue), 100, 10)


def test_gateway_when_killed_cancels_as_fast_as_the_budget_allows(make: Make) -> None:
    engine, venue = make(500, 20, 5)
    tables = Tables(engine.instance)
    try:
        for row in range(1, 201):
            tables.order(row)
        kill(engine)
        until_done(engine, venue)
        times = sent_ms(venue)
        assert len(times) == 200
        assert_within(times, 500, 20)
        assert times[-1] - times[0] < 3 * 200 * 2, "and not much slower than the rate"
    finally:
        tables.close()


@pytest.mark.parametrize("wrong", [{"messages_per_s": -1}, {"burst": 0}, {"burst": 5, "cancel_reserve": 5}, {"cancel_reserve": -1}])
def test_spec_when_the_budget_is_not_allowed_says_which_key(wrong: dict[str, int]) -> None:
    with pytest.raises(SessionError, match=next(iter(wrong))):
        GatewaySpec("i", "gw.v", "v", 1, 1, ("localhost:1",), {}, "s", **{"messages_per_s": 10, **wrong})  # type: ignore[arg-type]
