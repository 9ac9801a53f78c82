"""Configuration, observations, marks and timers."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.ipc.schema import CONSTANTS, ENUMS

Machine = Any


@pytest.mark.parametrize(
    ("table", "record", "fields"),
    [
        ("INSTRUMENT", "Instrument", {"id": 0, "symbol": "X", "tick": 1, "lot": 1, "status": 1}),
        ("INSTRUMENT", "Instrument", {"id": 5, "symbol": "X", "tick": 1, "lot": 1, "status": 1}),
        ("INSTRUMENT", "Instrument", {"id": 2, "symbol": "X", "tick": 0, "lot": 1, "status": 1}),
        ("INSTRUMENT", "Instrument", {"id": 2, "symbol": "X", "tick": 1, "lot": -1, "status": 1}),
        ("INSTRUMENT", "Instrument", {"id": 2, "symbol": "X", "tick": 1, "lot": 1, "status": 0}),
        ("INSTRUMENT", "Instrument", {"id": 2, "symbol": "X", "tick": 1, "lot": 1, "status": 1, "price_digits": 19}),
        ("INSTRUMENT", "Instrument", {"id": 2, "symbol": "", "tick": 1, "lot": 1, "status": 1}),
        ("ACCOUNT", "Account", {"id": 5, "status": 1}),
        ("ACCOUNT", "Account", {"id": 2, "status": 3}),
        ("ACCOUNT", "Account", {"id": 2, "status": 1, "durability": 4}),
        ("VENUE", "Venue", {"id": 3, "status": 1}),
        ("VENUE", "Venue", {"id": 0, "status": 1}),
        ("STRATEGY", "Strategy", {"id": 5, "status": 1}),
        ("STRATEGY", "Strategy", {"id": 2, "status": 6}),
        ("ROUTE", "Route", {"id": 5, "venue": 1, "status": 1}),
        ("ROUTE", "Route", {"id": 2, "venue": 0, "status": 1}),
    ],
)
def test_define_when_the_row_cannot_be_changes_nothing_and_says_so(machine: Machine, table: str, record: str, fields: dict[str, Any]) -> None:
    m = machine
    before = {name: m.table(name).tobytes() for name in ("instruments", "accounts", "venues", "strategies", "routes")}
    m.control("DEFINE_" + table, body=m.record(record, **fields))
    assert {name: m.table(name).tobytes() for name in before} == before
    assert m.breaks() == ["BAD_CONTROL"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("START", {"day": 0, "prefix": "RF"}),
        ("START", {"day": 20261301, "prefix": "RF"}),
        ("START", {"day": 20260102, "prefix": "R"}),
        ("STRATEGY_ATTACH", {"strategy": 9}),
        ("STRATEGY_DETACH", {"strategy": 0}),
        ("SET_STRATEGY", {"strategy": 1, "status": 0}),
        ("SET_STRATEGY", {"strategy": 1, "status": 6}),
    ],
)
def test_command_when_it_cannot_be_changes_nothing_and_says_so(machine: Machine, kind: str, fields: dict[str, Any]) -> None:
    machine.control(kind, **fields)
    assert machine.breaks() == ["BAD_CONTROL"]
    assert machine.status["prefix"] == b"RF"


def test_command_when_its_kind_is_unknown_says_so(machine: Machine) -> None:
    machine.frame("CONTROL", machine.record("Control", kind=99))
    assert machine.breaks() == ["BAD_CONTROL"]


def test_define_when_a_row_is_defined_again_what_the_engine_keeps_stays(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.mark(99, 101)
    m.control("DEFINE_VENUE", body=m.record("Venue", id=1, name="renamed", status=1))
    m.instrument(1, tick=5)
    venue, instrument = m.table("venues")[1], m.table("instruments")[1]
    assert (bytes(venue["name"]), int(venue["output_seq"]), int(venue["session_state"])) == (b"renamed", 1, ENUMS["SessionState"].by_name["UP"])
    assert (int(instrument["tick"]), int(instrument["bid"])) == (5, 99)


def test_detach_when_the_policy_says_so_cancels_open_orders(machine: Machine) -> None:
    m = machine
    m.control("DEFINE_STRATEGY", body=m.record("Strategy", id=1, name="s1", status=1, cancel_on_detach=1))
    m.new(1)
    m.new(2)
    m.control("STRATEGY_DETACH", strategy=1)
    assert m.sent() == ["CANCEL", "CANCEL"]
    m.new(3, strategy=2)
    m.control("STRATEGY_DETACH", strategy=2)
    assert m.commands == []


def test_attach_when_the_strategy_was_poisoned_it_needs_an_operator(machine: Machine) -> None:
    m = machine
    m.observe("STRATEGY_POISONED", 1)
    m.control("STRATEGY_ATTACH", strategy=1, epoch=7)
    m.new(1)
    assert m.deny() == "STRATEGY_DISABLED"
    m.control("SET_STRATEGY", strategy=1, status=1)
    m.new(1)
    assert m.told() == ["ACCEPTED"]


@pytest.mark.parametrize("instrument", [0, 2, 2**32 - 1])
def test_mark_when_the_instrument_is_unknown_is_ignored(machine: Machine, instrument: int) -> None:
    before = machine.table("instruments").tobytes()
    machine.mark(1, 2, instrument)
    assert machine.table("instruments").tobytes() == before


def test_gateway_ready_when_orders_are_in_doubt_asks_for_them(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("ACK", 1)
    m.observe("GATEWAY_STALLED", 1)
    m.event("SESSION_DOWN")
    m.event("SESSION_UP")
    assert m.commands == [], "nothing more for a gateway that does not drain its ring"
    m.observe("GATEWAY_READY", 1)
    assert m.sent() == ["STATUS"]


@pytest.mark.parametrize("kind", ["GATEWAY_STALLED", "GATEWAY_READY", "STRATEGY_STALLED", "STRATEGY_READY", "STRATEGY_POISONED"])
def test_observation_when_the_peer_cannot_be_changes_no_row(machine: Machine, kind: str) -> None:
    names = ("venues", "strategies", "orders")
    before = [machine.table(n).tobytes() for n in names]
    machine.observe(kind, 60000)
    assert [machine.table(n).tobytes() for n in names] == before


def test_venue_event_when_the_venue_row_cannot_be_is_a_break(machine: Machine) -> None:
    machine.event("SESSION_UP", venue=2)
    machine.event("ACK", 0, venue=0, cl_ord_id="x")
    assert machine.breaks() == ["UNKNOWN_ORDER", "UNKNOWN_ORDER"]


@pytest.mark.parametrize("kind", [0, 24, 200])
def test_venue_event_when_its_kind_is_unknown_is_a_break(machine: Machine, kind: int) -> None:
    m = machine
    m.new(1)
    m.frame("VENUE_EVENT", m.record("VenueEvent", kind=kind, venue=1, cl_ord_id=m.cl_ord_id(1)), source=1)
    assert m.breaks() == ["UNEXPECTED_TRANSITION"]
    assert m.state_of()[0] == "PENDING_NEW"


def test_routes_when_two_fit_the_first_active_is_taken(machine: Machine) -> None:
    m = machine
    m.instrument(2, "USDJPY")
    m.control("DEFINE_VENUE", body=m.record("Venue", id=2, name="other", status=1))
    m.control("DEFINE_ROUTE", body=m.record("Route", id=1, instrument=2, account=1, venue=2, status=1))
    m.control("DEFINE_ROUTE", body=m.record("Route", id=2, account=1, venue=1, status=1))
    m.new(1, instrument=1)
    assert int(m.order(1)["route"]) == 2
    m.new(2, instrument=2, route=1)
    assert m.deny() == "SESSION_DOWN", "an intent that names its route is never moved to another"
    m.new(3, instrument=2, route=2)
    assert int(m.order(2)["venue"]) == 1


def test_day_code_when_a_day_starts_equals_the_calendars(machine: Machine) -> None:
    from ringfence.core.clordid import day_code

    for day in (20260102, 20261231, 20280229, 20280301, 20881231):
        machine.start(day=day)
        assert int(machine.status["day_code"]) == day_code(day)
    machine.start(day=20270101)  # a clock that went back does not take the trading day with it
    assert int(machine.status["day"]) == 20881231


def test_roll_when_a_day_begins_orders_are_carried_and_day_orders_are_asked_for(machine: Machine) -> None:
    m = machine
    for client_id, time_in_force in ((1, "DAY"), (2, "GTC"), (3, "DAY")):
        m.new(client_id, time_in_force=ENUMS["TimeInForce"].by_name[time_in_force])
        m.event("ACK", client_id)
    before = m.cl_ord_id(2)
    m.sent()
    m.control("ROLL_DAY", day=20260103)
    assert m.sent() == ["STATUS", "STATUS"]
    assert [int(m.order(row)["flags"]) & CONSTANTS["ORDER_UNVERIFIED"][0] for row in (1, 2, 3)] == [1, 0, 1]
    assert [m.state_of(row)[0] for row in (1, 2, 3)] == ["NEW", "NEW", "NEW"]
    assert (int(m.status["day"]), int(m.status["rolls"])) == (20260103, 1)
    assert int(m.table("strategies")[1]["orders"]) == 0
    m.new(4)
    assert m.cl_ord_id(4)[2:5] != before[2:5]
    assert int(m.order(4)["order_id"]) == 4
    m.event("EXPIRED", 1)
    m.fill(10, order=2)
    assert [m.state_of(row)[0] for row in (1, 2)] == ["EXPIRED", "PARTIALLY_FILLED"]
    assert m.breaks() == []
    m.control("ROLL_DAY", day=20260103)
    assert m.breaks() == ["BAD_CONTROL"]
    assert int(m.status["rolls"]) == 1
    m.start(day=20260105)
    assert (int(m.status["rolls"]), int(m.table("strategies")[1]["orders"])) == (2, 0)


def test_skip_outputs_when_the_journal_lost_its_end_no_id_is_used_again_and_new_risk_is_halted(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("ACK", 1)
    m.cancel(1)
    before = int(m.table("venues")[1]["output_seq"])
    sent = [m.cl_ord_id(1, rev) for rev in (0, 1)]
    m.control("SKIP_OUTPUTS", body=m.record("OrderAction", venue=1, order_id=3))
    assert m.breaks() == ["OUTPUTS_LOST"]
    assert int(m.table("venues")[1]["output_seq"]) == before + 3
    m.new(2)
    assert m.deny() == "TRADING_HALTED"
    m.cancel(1)
    assert [bytes(c["cl_ord_id"]).decode() for c in m.commands if int(c["kind"]) == ENUMS["CommandKind"].by_name["CANCEL"]][-1] == m.cl_ord_id(1, 5)
    m.control("RESUME")
    m.new(3)
    assert bytes(m.commands[-1]["cl_ord_id"]).decode() == m.cl_ord_id(5) not in sent
    for order in (2, 3, 4):  # one that was sent and lost: its fill is a fact, of nobody we know
        m.event("FILL", cl_ord_id=m.cl_ord_id(order), exec_id=f"L{order}", last_qty=1, last_px=100, symbol="EURUSD", side=1)
    assert m.breaks()[1:] == ["UNKNOWN_ORDER"] * 3
    m.timer(60)
    assert m.replayed().tables() == m.tables()
    m.control("SKIP_OUTPUTS", body=m.record("OrderAction", venue=1, order_id=10**6))
    assert m.breaks()[-1] == "BAD_CONTROL"


def test_skip_outputs_when_other_venues_took_order_ids_between_skips_to_the_last_that_was_sent(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.control("SKIP_OUTPUTS", body=m.record("OrderAction", venue=1, order_id=2, execution=9))
    assert int(m.status["order_count"]) == 9
    m.control("SKIP_OUTPUTS", body=m.record("OrderAction", venue=1, order_id=2, execution=10))
    assert int(m.status["order_count"]) == 11
    m.control("SKIP_OUTPUTS", body=m.record("OrderAction", venue=1, order_id=1, execution=10**6))
    assert (int(m.status["order_count"]), m.breaks()[-1]) == (11, "BAD_CONTROL")


def test_skip_outputs_when_a_finished_order_comes_back_its_revisions_were_skipped_too(machine: Machine) -> None:
    m = machine
    m.new(1, qty=10)
    m.fill(10)
    m.control("SKIP_OUTPUTS", body=m.record("OrderAction", venue=1, order_id=3))
    m.event("BUST", 1, exec_id="B1", exec_ref_id="E1")
    m.cancel(1)
    assert bytes(m.commands[-1]["cl_ord_id"]).decode() == m.cl_ord_id(1, 4)


def test_cancel_reject_when_the_venue_says_that_the_order_is_over_its_status_answer_ends_it(machine: Machine) -> None:
    """R8: too late and no fill: the venue has ended the order and we have not heard it."""
    m = machine
    m.new(1)
    m.event("ACK", 1)
    m.cancel(1)
    m.event("CANCEL_REJECT", 1, 1, cxl_rej_response_to=1, text_code=1)
    assert m.sent() == ["STATUS"]
    m.event("STATUS", 1, ord_status="CANCELED")
    assert m.state_of()[0] == "CANCELED"
    assert m.breaks() == []


def test_status_when_it_says_that_the_order_is_not_known_is_no_proof_that_the_venue_has_it(machine: Machine) -> None:
    """Sent again from before the session went down, it would keep an unacknowledged order from becoming Unknown (S6)."""
    m = machine
    m.new(1)
    m.event("STATUS", 1, ord_status="REJECTED", flags=1)
    m.event("SESSION_DOWN")
    assert m.state_of()[0] == "UNKNOWN"


def test_start_when_there_are_orders_their_prefix_stays(machine: Machine) -> None:
    m = machine
    m.start(prefix="R1")
    m.start(prefix="RF")
    assert m.breaks() == []
    m.new(1)
    old = m.cl_ord_id(1)
    m.start(20260103, prefix="XX", epoch=2)
    assert m.breaks() == ["BAD_CONTROL"]
    m.event("ACK", cl_ord_id=old)
    assert m.state_of()[0] == "NEW"
    m.start(20260103, epoch=2)
    assert int(m.status["epoch"]) == 2


@pytest.mark.parametrize("digits", [{"price_digits": 4}, {"qty_digits": 2}])
def test_define_when_an_instrument_is_used_its_scale_stays(machine: Machine, digits: dict[str, int]) -> None:
    m = machine
    m.instrument(2, "GBPUSD")
    m.new(1)
    m.fill(100)
    m.instrument(1, **digits)
    assert m.breaks() == ["BAD_CONTROL"]
    assert (int(m.table("instruments")[1]["price_digits"]), int(m.table("instruments")[1]["qty_digits"])) == (2, 0)
    m.instrument(2, "GBPUSD", **digits)
    m.instrument(1, tick=5)
    assert m.breaks() == ["BAD_CONTROL"]
    assert int(m.table("instruments")[1]["tick"]) == 5


def test_roll_when_the_day_is_more_than_a_month_ahead_is_refused(machine: Any) -> None:
    day = int(machine.status["day"])
    before = int(machine.status["break_count"])
    machine.control("ROLL_DAY", day=20881231)
    assert (int(machine.status["day"]), int(machine.status["break_count"])) == (day, before + 1)
