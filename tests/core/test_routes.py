"""Routes: conditions, fallbacks that never change what is asked, what is noted, against a slow model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.core import explain
from ringfence.core.errors import CoreError
from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS

REASON = ENUMS["DenyReason"].by_value
LIMITS = Limits(orders=64, executions=64, positions=16, breaks=64, instruments=4, accounts=4, venues=3, strategies=4, routes=8, scopes=64)
SECOND = 1_000_000_000
DAY_S = 86_400


@pytest.fixture
def firm(make_machine: Any) -> Any:
    """Three venues that are up, two accounts, two instruments; route 1 is for nobody, so that tests begin at 2."""
    return make_firm(make_machine)


def make_firm(make_machine: Any) -> Any:
    m = make_machine(LIMITS)
    m.instrument(2, "USDJPY")
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=2, name="hedge", status=1))
    for row in (2, 3):
        m.control("DEFINE_VENUE", body=m.record("Venue", id=row, name=f"v{row}", status=1, durability=1))
        m.replayer.state.open_queue(row)
        m.event("SESSION_UP", venue=row)
    m.control("DEFINE_ROUTE", body=m.record("Route", id=1, account=1, venue=1, status=2))
    return m


def route(m: Any, row: int, **fields: Any) -> None:
    m.control("DEFINE_ROUTE", body=m.record("Route", **({"id": row, "account": 1, "venue": 1, "status": 1} | fields)))
    assert not m.breaks(), "the route was refused"


def taken(m: Any, client_id: int, **fields: Any) -> int:
    """Row of the route that a new order took; 0 when it was denied."""
    before = int(m.status["order_count"])
    m.new(client_id, **fields)
    made = int(m.status["order_count"])
    return int(m.order(made)["route"]) if made > before else 0


@pytest.mark.parametrize(
    ("condition", "fits", "does_not"),
    [
        ({"instrument": 2}, {"instrument": 2}, {"instrument": 1}),
        ({"account": 2}, {"account": 2}, {"account": 1}),
        ({"strategy": 2}, {"strategy": 2}, {"strategy": 1}),
        ({"side": 1}, {"side": 1}, {"side": 2}),
        ({"side": 2}, {"side": 5}, {"side": 1}),
        ({"side": 5}, {"side": 5}, {"side": 2}),
        ({"qty_min": 100}, {"qty": 100}, {"qty": 99}),
        ({"qty_max": 100}, {"qty": 100}, {"qty": 101}),
    ],
)
def test_route_when_a_condition_is_not_met_is_passed_over(firm: Any, condition: dict[str, int], fits: dict[str, int], does_not: dict[str, int]) -> None:
    route(firm, 2, **condition)
    route(firm, 3, account=0 if "account" in condition else 1)
    assert taken(firm, 1, **fits) == 2
    assert taken(firm, 2, **does_not) == 3
    assert int(firm.order(2)["routes_skipped"]) == 0, "one that does not fit is not skipped"


@pytest.mark.parametrize(
    ("from_s", "until_s", "at", "fits"),
    [
        (3600, 7200, 3600, True),
        (3600, 7200, 7199, True),
        (3600, 7200, 7200, False),
        (3600, 7200, 3599, False),
        (79_200, 3600, 79_200, True),
        (79_200, 3600, 0, True),
        (79_200, 3600, 3600, False),
        (0, 0, 40_000, True),
        (3600, 86_400, 86_399, True),
    ],
)
def test_route_when_time_of_day_is_at_the_edge_counts_from_and_not_until(firm: Any, from_s: int, until_s: int, at: int, fits: bool) -> None:
    route(firm, 2, from_s=from_s, until_s=until_s)
    firm.now = (20_000 * DAY_S + at) * SECOND
    assert taken(firm, 1) == (2 if fits else 0)
    assert fits or firm.deny() == "NO_ROUTE"


@pytest.mark.parametrize(
    ("reason", "block"),
    [
        ("SESSION_DOWN", lambda m: m.event("SESSION_DOWN", venue=2)),
        ("GATEWAY_STALLED", lambda m: m.observe("GATEWAY_STALLED", peer=2)),
        ("NOT_SUPPORTED", lambda m: m.control("DEFINE_VENUE", body=m.record("Venue", id=2, name="v2", status=1, durability=1, ord_types=1 << 1))),
        ("NOT_SUPPORTED", lambda m: m.control("DEFINE_VENUE", body=m.record("Venue", id=2, name="v2", status=1, durability=1, time_in_forces=1 << 4))),
        ("UNKNOWN_ACCOUNT", lambda m: m.control("DEFINE_ACCOUNT", body=m.record("Account", id=2, name="hedge", status=2))),
    ],
)
def test_route_when_it_cannot_take_the_order_is_skipped_and_noted(firm: Any, reason: str, block: Any) -> None:
    route(firm, 2, venue=2, account=2)
    route(firm, 3, venue=3)
    block(firm)
    assert taken(firm, 1) == 3
    order = firm.order(1)
    assert (int(order["venue"]), int(order["account"])) == (3, 1)
    assert (int(order["routes_skipped"]), REASON[int(order["skip_reason"])]) == (1, reason)
    assert (int(order["ord_type"]), int(order["time_in_force"])) == (2, 1), "a fallback never changes what is asked"
    rows = firm.table("routes")
    assert [(int(r["chosen"]), int(r["skipped"])) for r in rows[2:4]] == [(0, 1), (1, 0)]


@pytest.mark.parametrize("scope", ["killed", "budget"])
def test_route_when_its_venue_is_killed_or_out_of_messages_is_skipped(firm: Any, scope: str) -> None:
    route(firm, 2, venue=2)
    route(firm, 3, venue=3)
    row = firm.table("scopes")[int(firm.table("venues")[2]["scope"])]
    if scope == "killed":
        row["state"] = ENUMS["ScopeState"].by_name["KILLED"]
    else:
        row["message_interval"], row["message_tat"] = SECOND, firm.now + 3 * SECOND
        row["limits"][ENUMS["RiskRule"].by_name["MESSAGE_BURST"]] = 3
    assert taken(firm, 1) == 3
    assert REASON[int(firm.order(1)["skip_reason"])] == ("KILLED" if scope == "killed" else "MESSAGE_RATE")
    if scope == "budget":  # a burst of three, one kept for cancels: one message may be 1 s early, not 2 s
        row["limits"][ENUMS["RiskRule"].by_name["CANCEL_RESERVE"]] = 1
        row["message_tat"] = firm.now + SECOND
        assert taken(firm, 2) == 2


def test_route_when_all_that_fit_are_blocked_gives_the_reason_of_the_last(firm: Any) -> None:
    route(firm, 2, venue=2)
    route(firm, 3, venue=3)
    firm.event("SESSION_DOWN", venue=2)
    firm.observe("GATEWAY_STALLED", peer=3)
    assert taken(firm, 1) == 0
    assert firm.deny() == "GATEWAY_STALLED"
    assert [int(r["skipped"]) for r in firm.table("routes")[2:4]] == [1, 1]


def test_route_when_the_intent_names_one_is_that_or_none(firm: Any) -> None:
    route(firm, 2, venue=2)
    route(firm, 3, venue=3)
    assert taken(firm, 1, route=3) == 3
    firm.event("SESSION_DOWN", venue=3)
    assert taken(firm, 2, route=3) == 0
    assert firm.deny() == "SESSION_DOWN"
    assert taken(firm, 3, route=9) == 0
    assert firm.deny() == "NO_ROUTE"


def test_replace_and_cancel_when_the_route_would_go_elsewhere_now_stay_with_their_venue(firm: Any) -> None:
    route(firm, 2, venue=2, qty_max=10_000)
    route(firm, 3, venue=3)
    assert taken(firm, 1) == 2
    firm.event("ACK", 1, venue=2)
    firm.replace(1, qty=20_000)
    assert (int(firm.order(1)["venue"]), int(firm.order(1)["replace_revision"])) == (2, 1)
    firm.cancel(1)
    assert (int(firm.order(1)["venue"]), int(firm.order(1)["cancel_revision"])) == (2, 2)


def test_explain_when_a_row_is_not_defined_says_so(firm: Any) -> None:
    with pytest.raises(CoreError, match="route 9 or strategy 1 is not defined"):
        explain.route(firm.replayer.state, 9, 1, firm.record("Intent").tobytes())
    with pytest.raises(CoreError, match="an intent has 128 bytes, these were 3"):
        explain.route(firm.replayer.state, 1, 1, b"abc")


ROW = st.fixed_dictionaries(
    {
        "instrument": st.sampled_from((0, 1, 2)),
        "account": st.sampled_from((0, 1, 2)),
        "strategy": st.sampled_from((0, 1, 2)),
        "side": st.sampled_from((0, 1, 2, 5)),
        "venue": st.sampled_from((1, 2, 3)),
        "status": st.sampled_from((1, 1, 1, 2)),
        "qty_min": st.sampled_from((0, 0, 50)),
        "qty_max": st.sampled_from((0, 0, 100)),
        "from_s": st.sampled_from((0, 30_000)),
        "until_s": st.sampled_from((0, 60_000)),
    }
)
ASK = st.fixed_dictionaries(
    {
        "strategy": st.sampled_from((1, 2)),
        "instrument": st.sampled_from((1, 2)),
        "account": st.sampled_from((0, 1, 2)),
        "side": st.sampled_from((1, 2, 5)),
        "qty": st.sampled_from((49, 50, 100, 101)),
        "second": st.sampled_from((0, 29_999, 30_000, 59_999, 60_000)),
    }
)


def expected(rows: list[dict[str, int]], down: set[int], ask: dict[str, int]) -> tuple[int, int]:
    """Route and skips by the rules, one at a time."""
    skips = 0
    for k, r in enumerate(rows, 2):
        sides = {0: {1, 2, 5}, 2: {2, 5}}.get(r["side"], {r["side"]})
        timed = r["from_s"] == r["until_s"] or (
            r["from_s"] <= ask["second"] < r["until_s"] if r["from_s"] < r["until_s"] else not r["until_s"] <= ask["second"] < r["from_s"]
        )
        fits = (
            r["status"] == 1
            and all(r[n] in (0, ask[n]) for n in ("instrument", "strategy"))
            and (r["account"] == 0 or ask["account"] in (0, r["account"]))
            and ask["side"] in sides
            and r["qty_min"] <= ask["qty"] <= (r["qty_max"] or 10**9)
            and timed
        )
        if fits and r["venue"] not in down and (ask["account"] or r["account"]):
            return k, skips
        skips += fits
    return 0, skips


@given(st.lists(ROW, min_size=1, max_size=7), st.sets(st.sampled_from((1, 2, 3))), st.lists(ASK, min_size=1, max_size=6))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_route_when_rows_and_intents_are_random_equals_the_model(make_machine: Any, rows: list[dict[str, int]], down: set[int], asks: list[Any]) -> None:
    m = make_firm(make_machine)
    for k, row in enumerate(rows, 2):
        route(m, k, **row)
    for venue in down:
        m.event("SESSION_DOWN", venue=venue)
    for client, ask in enumerate(asks, 1):
        m.now = (20_000 * DAY_S + client * DAY_S + ask["second"]) * SECOND
        fields = {n: v for n, v in ask.items() if n != "second"}
        before = [int(r["skipped"]) for r in m.table("routes")]
        found = taken(m, client, **fields)
        skipped = sum(int(r["skipped"]) for r in m.table("routes")) - sum(before)
        assert (found, skipped) == expected(rows, down, ask)
        if found:
            assert int(m.order(int(m.status["order_count"]))["routes_skipped"]) == skipped
    assert m.replayed().replayer.state_hash() == m.replayer.state_hash()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rate=st.integers(1, 5), burst=st.integers(0, 4), reserve=st.integers(0, 4), gaps=st.lists(st.integers(0, SECOND), min_size=1, max_size=6))
def test_route_when_its_venue_would_refuse_the_rate_is_skipped_and_else_taken(make_machine: Any, rate: int, burst: int, reserve: int, gaps: list[int]) -> None:
    """The route asks what the check would say: without the way out by venue 2 the same order is refused with MESSAGE_RATE, and never otherwise."""
    machines = [make_firm(make_machine) for _ in range(2)]
    for m, way_out in zip(machines, ("ACTIVE", "HALTED"), strict=True):
        m.currency()
        route(m, 2)
        route(m, 3, venue=2, status=ENUMS["Status"].by_name[way_out])
        for rule, value in (("MESSAGE_RATE", rate), ("MESSAGE_BURST", burst), ("CANCEL_RESERVE", reserve)):
            m.limit(rule, value, "VENUE", 1)
    both, alone = machines
    for client_id, gap in enumerate(gaps, 1):
        taken_now = taken(alone, client_id)
        assert taken_now or REASON[int(alone.events[-1]["reason"])] == "MESSAGE_RATE"
        assert taken(both, client_id) == (2 if taken_now else 3)
        for m in machines:
            m.now += gap
