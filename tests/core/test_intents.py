"""Every field of an intent is checked, and every reason to deny one is reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringfence.core.state import Limits
from ringfence.ipc.schema import CONSTANTS, ENUMS

Machine = Any
DENY = ENUMS["DenyReason"].by_name
REVISIONS_MAX = CONSTANTS["REVISIONS_MAX"][0]
TINY = {"orders": 4, "executions": 32, "positions": 4, "breaks": 8, "instruments": 2, "accounts": 2, "venues": 2, "strategies": 3, "routes": 2}
BIG = 2**62


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"side": 0}, "BAD_SIDE"),
        ({"side": 3}, "BAD_SIDE"),
        ({"side": 255}, "BAD_SIDE"),
        ({"ord_type": 0}, "BAD_ORD_TYPE"),
        ({"ord_type": 9}, "BAD_ORD_TYPE"),
        ({"ord_type": 1}, "BAD_ORD_TYPE"),
        ({"ord_type": 3, "px": 0}, "BAD_PRICE"),
        ({"ord_type": 2, "stop_px": 5}, "BAD_ORD_TYPE"),
        ({"ord_type": 4}, "BAD_PRICE"),
        ({"px": 0}, "BAD_PRICE"),
        ({"px": -5}, "BAD_PRICE"),
        ({"px": -(2**63)}, "BAD_PRICE"),
        ({"px": 103}, "BAD_PRICE"),
        ({"time_in_force": 0}, "BAD_TIME_IN_FORCE"),
        ({"time_in_force": 8}, "BAD_TIME_IN_FORCE"),
        ({"time_in_force": 7}, "BAD_TIME_IN_FORCE"),
        ({"qty": 0}, "BAD_QTY"),
        ({"qty": -10}, "BAD_QTY"),
        ({"qty": 15}, "BAD_QTY"),
        ({"qty": 10}, "BAD_QTY"),
        ({"qty": 2000}, "BAD_QTY"),
        ({"display_qty": -10}, "BAD_QTY"),
        ({"display_qty": 200}, "BAD_QTY"),
        ({"display_qty": 5}, "BAD_QTY"),
        ({"client_id": 0}, "BAD_CLIENT_ID"),
        ({"instrument": 0}, "UNKNOWN_INSTRUMENT"),
        ({"instrument": 2}, "UNKNOWN_INSTRUMENT"),
        ({"instrument": 2**32 - 1}, "UNKNOWN_INSTRUMENT"),
        ({"account": 2}, "UNKNOWN_ACCOUNT"),
        ({"account": 65535}, "UNKNOWN_ACCOUNT"),
        ({"route": 2}, "NO_ROUTE"),
        ({"route": 65535}, "NO_ROUTE"),
        ({"kind": 0}, "BAD_KIND"),
        ({"kind": 5}, "BAD_KIND"),
        ({"epoch": 6}, "STALE"),
    ],
)
def test_new_when_a_field_is_wrong_is_denied_with_its_reason(machine: Machine, fields: dict[str, int], reason: str) -> None:
    m = machine
    m.instrument(1, tick=5, lot=10, qty_min=20, qty_max=1000)
    m.new(**({"client_id": 1, "qty": 100} | fields))
    assert m.deny() == reason
    assert m.commands == []
    assert int(m.status["order_count"]) == 0
    assert m.replayed().tables() == m.tables()


@pytest.mark.parametrize(
    "fields",
    [
        {"ord_type": 1, "px": 0},
        {"ord_type": 3, "px": 0, "stop_px": 105},
        {"ord_type": 4, "stop_px": 105},
        {"side": 5},
        {"time_in_force": 7, "expire_ns": 2 * 10**18},
        {"display_qty": 10},
        {"account": 1, "route": 1},
    ],
)
def test_new_when_every_field_is_right_is_sent_as_asked(machine: Machine, fields: dict[str, int]) -> None:
    machine.new(1, **fields)
    assert machine.told() == ["ACCEPTED"]
    (c,) = machine.commands
    for name in set(fields) - {"account", "route"}:
        assert int(c[name]) == fields[name], name


def halted(m: Machine, table: str, **fields: Any) -> None:
    m.control("DEFINE_" + table.upper(), body=m.record(table.title(), **fields))


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda m: m.instrument(1, status=2), "UNKNOWN_INSTRUMENT"),
        (lambda m: halted(m, "account", id=1, status=2), "UNKNOWN_ACCOUNT"),
        (lambda m: halted(m, "route", id=1, account=1, venue=1, status=2), "NO_ROUTE"),
        (lambda m: halted(m, "venue", id=1, status=2), "NO_ROUTE"),
        (lambda m: halted(m, "route", id=1, account=0, venue=1, status=1), "UNKNOWN_ACCOUNT"),
        (lambda m: m.event("SESSION_DOWN"), "SESSION_DOWN"),
        (lambda m: m.observe("GATEWAY_STALLED", 1), "GATEWAY_STALLED"),
        (lambda m: m.observe("STRATEGY_STALLED", 1), "STRATEGY_STALLED"),
        (lambda m: m.observe("JOURNAL_PRESSURE"), "JOURNAL_PRESSURE"),
        (lambda m: m.observe("JOURNAL_HEALTH", value=1), "JOURNAL_LATE"),
        (lambda m: m.observe("JOURNAL_HEALTH", value=2), "TRADING_HALTED"),
        (lambda m: m.control("HALT"), "TRADING_HALTED"),
        (lambda m: m.control("DIVERGENCE"), "TRADING_HALTED"),
        (lambda m: m.control("SET_STRATEGY", strategy=1, status=4), "STRATEGY_DISABLED"),
        (lambda m: m.control("SET_STRATEGY", strategy=1, status=3), "STRATEGY_DISABLED"),
        (lambda m: m.control("STRATEGY_DETACH", strategy=1), "STRATEGY_DISABLED"),
        (lambda m: m.observe("STRATEGY_POISONED", 1), "STRATEGY_DISABLED"),
    ],
)
def test_new_when_the_way_is_closed_is_denied_and_open_again_later(machine: Machine, prepare: Callable[[Any], None], reason: str) -> None:
    prepare(machine)
    machine.new(1)
    assert machine.deny() == reason
    assert machine.commands == []


@pytest.mark.parametrize(
    ("close", "reopen"),
    [
        (("GATEWAY_STALLED", 1), ("GATEWAY_READY", 1)),
        (("STRATEGY_STALLED", 1), ("STRATEGY_READY", 1)),
        (("JOURNAL_PRESSURE", 0), ("JOURNAL_CLEAR", 0)),
    ],
)
def test_cancel_when_new_risk_is_closed_passes_and_new_passes_after(machine: Machine, close: tuple[str, int], reopen: tuple[str, int]) -> None:
    m = machine
    m.new(1)
    m.observe(*close)
    m.replace(1, qty=5)
    assert m.deny() in ("GATEWAY_STALLED", "STRATEGY_STALLED", "JOURNAL_PRESSURE")
    m.cancel(1)
    assert m.sent() == ["CANCEL"]
    m.observe(*reopen)
    m.new(2)
    assert m.told() == ["ACCEPTED"]


def test_new_when_the_client_id_was_seen_answers_with_the_order_and_sends_nothing(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.fill(300)
    m.new(1)
    assert m.told() == ["DUPLICATE"]
    assert (int(m.events[0]["cum_qty"]), int(m.events[0]["order_id"])) == (300, 1)
    assert m.commands == []
    assert int(m.status["duplicates"]) == 1


@pytest.mark.parametrize("field", ["px", "qty", "side", "ord_type", "time_in_force", "display_qty", "stop_px", "expire_ns", "account", "instrument", "route"])
def test_new_when_the_client_id_was_seen_with_other_terms_is_denied_and_leaves_the_order(machine: Machine, field: str) -> None:
    m = machine
    m.new(1)
    before = m.order().tobytes()
    m.new(1, **{field: 5})
    assert m.deny() == "DUPLICATE_TERMS"
    assert m.order().tobytes() == before


def test_new_when_two_strategies_use_one_client_id_they_are_two_orders(machine: Machine) -> None:
    machine.new(1, strategy=1)
    machine.new(1, strategy=2)
    assert int(machine.status["order_count"]) == 2


def test_client_id_when_the_order_is_another_strategys_it_is_not_found(machine: Machine) -> None:
    machine.new(1, strategy=1)
    machine.cancel(1, strategy=2)
    assert machine.deny() == "UNKNOWN_ORDER"


@pytest.mark.parametrize(
    ("age_s", "limit_s", "reason"),
    [(0, 1, None), (0.9, 1, None), (2, 1, "STALE"), (2, 0, None), (-5, 1, "STALE"), (None, 1, "STALE"), (None, 0, None)],
)
def test_new_when_it_is_older_than_the_limit_is_stale(machine: Machine, age_s: float | None, limit_s: int, reason: str | None) -> None:
    m = machine
    m.control("DEFINE_STRATEGY", body=m.record("Strategy", id=1, name=b"s1", status=1, max_age_ns=limit_s * 10**9))
    m.now += 100 * 10**9
    m.new(1, created_ns=0 if age_s is None else m.now - int(age_s * 10**9))
    assert (m.deny() if reason else m.told()) == (reason or ["ACCEPTED"])


def test_new_when_it_was_issued_before_recovery_is_stale_and_cancels_pass(machine: Machine) -> None:
    m = machine
    m.new(1)
    before = m.now
    m.start(epoch=2)
    m.new(2, created_ns=before)
    assert m.deny() == "STALE"
    m.cancel(1, created_ns=before)
    assert m.sent() == ["CANCEL"]


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        ("CANCEL", {"client_id": 9}, "UNKNOWN_ORDER"),
        ("CANCEL", {"client_id": 0}, "BAD_CLIENT_ID"),
        ("REPLACE", {"client_id": 9}, "UNKNOWN_ORDER"),
        ("REPLACE", {"client_id": 0}, "BAD_CLIENT_ID"),
        ("REPLACE", {"qty": 0}, "BAD_QTY"),
        ("REPLACE", {"qty": 5, "px": -1}, "BAD_PRICE"),
        ("REPLACE", {"qty": 5, "stop_px": 7}, "BAD_ORD_TYPE"),
        ("REPLACE", {"qty": 5, "side": 2}, "BAD_SIDE"),
        ("REPLACE", {"qty": 5, "ord_type": 1}, "BAD_ORD_TYPE"),
        ("REPLACE", {"qty": 5, "time_in_force": 4}, "BAD_TIME_IN_FORCE"),
        ("REPLACE", {"qty": 5, "instrument": 3}, "UNKNOWN_INSTRUMENT"),
    ],
)
def test_request_when_a_field_is_wrong_is_denied_and_leaves_the_order(machine: Machine, kind: str, fields: dict[str, int], reason: str) -> None:
    m = machine
    m.new(1)
    before = m.order().tobytes()
    m.intent(kind, **({"client_id": 1} | fields))
    assert m.deny() == reason
    assert m.order().tobytes() == before


def test_replace_when_the_price_is_left_0_keeps_the_orders(machine: Machine) -> None:
    m = machine
    m.new(1, px=123)
    m.replace(1, qty=50)
    assert (int(m.commands[0]["px"]), int(m.commands[0]["qty"])) == (123, 50)


@pytest.mark.parametrize("kind", ["CANCEL", "REPLACE"])
def test_request_when_the_order_is_done_is_denied(machine: Machine, kind: str) -> None:
    m = machine
    m.new(1)
    m.event("CANCELED", 1)
    m.intent(kind, 1, qty=5)
    assert m.deny() == "ORDER_DONE"


@pytest.mark.parametrize("kind", ["CANCEL", "REPLACE"])
def test_request_when_too_many_are_in_flight_is_denied_but_for_a_first_cancel(make_machine: Callable[..., Machine], kind: str) -> None:
    m = make_machine(Limits(**TINY))
    m.new(1)
    for qty in range(5, 5 + TINY["orders"]):
        m.intent(kind, 1, qty=qty)
        assert m.sent() == [kind]
    m.intent(kind, 1, qty=50)
    assert m.deny() == "REQUEST_PENDING"
    if kind == "REPLACE":
        m.cancel(1)
        assert m.sent() == ["CANCEL"]
    m.event("CANCEL_REJECT", 1, 1)
    assert m.replayed().tables() == m.tables()


def test_request_when_the_chain_is_used_up_replaces_stop_before_cancels(machine: Machine) -> None:
    m = machine
    m.new(1)
    denied = None
    for _ in range(REVISIONS_MAX):
        m.replace(1, qty=5)
        if m.told() == ["DENIED"]:
            denied = m.deny()
            break
        m.event("CANCEL_REJECT", 1, int(m.order()["revision"]))
    assert denied == "TOO_MANY_REVISIONS"
    m.cancel(1)
    assert m.sent() == ["CANCEL"]
    for _ in range(REVISIONS_MAX):
        m.event("CANCEL_REJECT", 1, int(m.order()["revision"]))
        m.cancel(1)
        if m.told() == ["DENIED"]:
            break
    assert m.deny() == "TOO_MANY_REVISIONS"
    assert int(m.order()["revision"]) == REVISIONS_MAX


def test_new_when_the_order_table_is_full_is_denied(make_machine: Callable[..., Machine]) -> None:
    m = make_machine(Limits(**TINY))
    for n in range(1, 6):
        m.new(n)
    assert m.deny() == "ORDERS_FULL"
    assert int(m.status["order_count"]) == 4


def test_new_when_the_execution_table_is_nearly_full_is_denied(make_machine: Callable[..., Machine]) -> None:
    m = make_machine(Limits(**TINY))
    m.new(1)
    for n in range(30):
        m.fill(1, exec_id=f"E{n}")
    m.new(2)
    assert m.deny() == "EXECUTIONS_FULL"


def test_new_when_the_position_cannot_hold_it_is_denied(machine: Machine) -> None:
    m = machine
    m.instrument(1, qty_max=2**63 - 1)
    m.new(1, qty=BIG)
    m.fill(BIG)
    m.new(2, qty=BIG)
    assert m.deny() == "OVERFLOW"
    m.new(3, qty=BIG - 1)
    assert m.told() == ["ACCEPTED"]


def test_new_when_the_notional_cannot_be_held_is_denied(machine: Machine) -> None:
    m = machine
    m.instrument(1, qty_max=2**63 - 1)
    for n in range(1, 9):
        side = 1 + n % 2
        m.new(n, qty=2**62, px=2**62, side=side)
        if m.told() == ["DENIED"]:
            break
        m.fill(2**62, px=2**62, exec_id=f"E{n}", order=n)
        m.position()
    assert m.deny() == "OVERFLOW"
    assert set(m.breaks()) <= {"LEDGER_REFUSED"}  # 2^124 in 18 decimals


@pytest.mark.parametrize(("side", "qty", "allowed"), [(2, 300, True), (2, 301, False), (1, 1, False)])
def test_new_when_only_reducing_is_allowed_counts_what_is_open(machine: Machine, side: int, qty: int, allowed: bool) -> None:
    m = machine
    m.new(1, qty=500)
    m.fill(500)
    m.new(2, qty=200, side=2)
    m.control("SET_STRATEGY", strategy=1, status=2)
    m.new(3, qty=qty, side=side)
    assert m.told() == (["ACCEPTED"] if allowed else ["DENIED"])


def test_cancel_when_the_stalled_gateways_queue_is_bounded_is_denied_in_the_end(make_machine: Callable[..., Machine]) -> None:
    m = make_machine(Limits(**TINY))
    m.new(1)
    m.observe("GATEWAY_STALLED", 1)
    for n in range(4):
        m.cancel(1)
        assert m.sent() == ["CANCEL"], n
        m.event("CANCEL_REJECT", 1, int(m.order()["revision"]))
    m.cancel(1)
    assert m.deny() == "GATEWAY_STALLED"


def test_intent_when_it_comes_from_no_strategy_row_changes_no_order(machine: Machine) -> None:
    machine.new(1, strategy=3)
    assert int(machine.status["order_count"]) == 0
    assert int(machine.status["denies"]) == 1


@pytest.mark.parametrize(
    ("venue", "intent", "reason"),
    [
        ({"ord_types": 1 << 2}, {}, "NONE"),
        ({"ord_types": 1 << 1}, {}, "NOT_SUPPORTED"),
        ({"time_in_forces": 1 << 1}, {}, "NONE"),
        ({"time_in_forces": 1 << 4}, {}, "NOT_SUPPORTED"),
        ({}, {"instructions": 1}, "NOT_SUPPORTED"),
        ({"instructions": 1}, {"instructions": 1}, "NONE"),
        ({"instructions": 1}, {"instructions": 4}, "NOT_SUPPORTED"),
        ({"instructions": 257}, {"instructions": 256}, "NOT_SUPPORTED"),  # mass cancel is the venue's, not an order's
        ({"instructions": 1}, {"instructions": 1, "time_in_force": 4}, "INCONSISTENT"),
        ({"instructions": 1}, {"instructions": 1, "ord_type": 1, "px": 0}, "INCONSISTENT"),
    ],
)
def test_new_when_the_venue_does_not_map_what_it_asks_for_is_not_supported(
    machine: Machine, venue: dict[str, int], intent: dict[str, int], reason: str
) -> None:
    m = machine
    m.control("DEFINE_VENUE", body=m.record("Venue", id=1, name="sim", status=1, durability=1, **venue))
    event = m.new(1, **intent)
    assert ENUMS["DenyReason"].by_value[int(event["reason"])] == reason
    assert m.sent() == (["NEW"] if reason == "NONE" else [])


def test_new_when_sent_again_with_other_instructions_has_other_terms(machine: Machine) -> None:
    m = machine
    m.control("DEFINE_VENUE", body=m.record("Venue", id=1, name="sim", status=1, durability=1, instructions=1))
    m.new(1, instructions=1)
    assert int(m.commands[0]["instructions"]) == 1
    m.new(1)
    assert m.deny() == "DUPLICATE_TERMS"


def test_deny_reasons_when_all_tests_here_have_run_none_is_left_out() -> None:
    """Every DenyReason appears in a test of the core: a new one needs its own."""
    from pathlib import Path

    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert not [name for name in DENY if name != "NONE" and f'"{name}"' not in text]


# ---- what a replace and a second cancel may do ------------------------------------------------------------------------------


def test_new_when_only_reducing_is_allowed_counts_a_replace_in_flight(machine: Machine) -> None:
    m = machine
    m.new(1, qty=500)
    m.fill(500)
    m.control("SET_STRATEGY", strategy=1, status=2)
    m.new(2, qty=200, side=2)
    m.event("ACK", 2)
    m.replace(2, qty=500)
    assert m.sent() == ["REPLACE"]
    m.new(3, qty=300, side=2)
    assert m.deny() == "STRATEGY_DISABLED"


@pytest.mark.parametrize(
    ("halted", "reason"), [("INSTRUMENT", "UNKNOWN_INSTRUMENT"), ("ACCOUNT", "UNKNOWN_ACCOUNT"), ("VENUE", "NO_ROUTE"), ("ROUTE", "NO_ROUTE")]
)
def test_replace_when_an_operator_halted_its_row_is_denied_and_cancels_pass(machine: Machine, halted: str, reason: str) -> None:
    m = machine
    m.new(1, qty=500)
    m.event("ACK", 1)
    image = m.table(halted.lower() + "s")[1].copy()
    image["status"] = 2
    m.control("DEFINE_" + halted, body=image)
    m.replace(1, qty=1000)
    assert m.deny() == reason
    m.cancel(1)
    assert m.sent() == ["CANCEL"]


def test_replace_when_it_asks_for_less_than_is_displayed_shows_all(machine: Machine) -> None:
    m = machine
    m.new(1, qty=500, display_qty=400)
    m.replace(1, qty=300)
    assert (int(m.commands[0]["qty"]), int(m.commands[0]["display_qty"])) == (300, 0)


@pytest.mark.parametrize(("venue", "account", "level"), [(1, 0, 1), (1, 2, 2), (2, 0, 2), (2, 1, 2), (2, 3, 3), (0, 0, 1)])
def test_new_when_the_account_has_a_durability_it_raises_the_venues_only(machine: Machine, venue: int, account: int, level: int) -> None:
    m = machine
    m.control("DEFINE_VENUE", body=m.record("Venue", id=1, name="sim", status=1, durability=venue))
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, durability=account))
    m.new(1)
    assert int(m.commands[0]["durability"]) == level


def test_s13_when_a_cancel_was_not_answered_in_time_cancel_all_sends_another(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("ACK", 1)
    m.cancel(1)
    m.timer(29)
    m.intent("CANCEL_ALL", 0)
    assert m.sent() == []
    m.timer(2)
    m.intent("CANCEL_ALL", 0)
    assert m.sent() == ["CANCEL"]
    assert int(m.order()["pending_count"]) == 2
    m.event("CANCEL_REJECT", 1, 1)
    assert m.state_of()[0] == "PENDING_CANCEL"
    m.event("CANCELED", 1, 2)
    assert m.state_of()[0] == "CANCELED"


def test_cancel_all_when_a_stalled_gateway_takes_no_more_says_so(make_machine: Callable[..., Machine]) -> None:
    m = make_machine(Limits(**TINY))
    m.new(1)
    m.observe("GATEWAY_STALLED", 1)
    for _ in range(4):
        m.intent("CANCEL_ALL", 0)
        assert m.sent() == ["CANCEL"]
        m.event("CANCEL_REJECT", 1, int(m.order()["revision"]))
    m.intent("CANCEL_ALL", 0)
    assert m.deny() == "GATEWAY_STALLED"
