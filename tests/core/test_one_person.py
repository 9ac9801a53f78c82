"""What one person alone can do to allow more: nothing. Each test is a way round the second operator that there was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringfence.core.state import Limits
from ringfence.ipc.schema import CONSTANTS, ENUMS

OWNER, RISK_A, RISK_B, TRADER = 1000, 1001, 1002, 1003
SECOND = 1_000_000_000
DAY_NS = 86_400 * SECOND
MIDNIGHT = 1_767_312_000 * SECOND  # 2026-01-02, UTC
STATUS = ENUMS["StrategyStatus"].by_name
STATE = ENUMS["ProposalState"].by_value
ROLES = {OWNER: "ADMIN", RISK_A: "RISK", RISK_B: "RISK", TRADER: "TRADER"}


def operator(m: Any, row: int, uid: int, role: str = "RISK", status: int = 1, by: int = OWNER, **fields: Any) -> None:
    body = m.record("Operator", id=row, name=f"op{row}", uid=uid, role=ENUMS["OperatorRole"].by_name[role], status=status, **fields)
    m.control("DEFINE_OPERATOR", body=body, operator_uid=by)


def govern(m: Any) -> Any:
    m.currency()
    for row, (uid, role) in enumerate(ROLES.items(), 1):
        operator(m, row, uid, role)
    m.limit("MAX_QTY", 100, operator_uid=OWNER, operator_name="config")
    m.new(1, qty=1)
    return m


@pytest.fixture
def m(machine: Any) -> Any:
    return govern(machine)


def instrument(m: Any, row: int, symbol: str, **fields: Any) -> None:
    values = {"tick": 1, "lot": 1, "qty_max": 10**12, "multiplier": 1, "price_digits": 2, "qty_digits": 0, "status": 2} | fields
    m.control("DEFINE_INSTRUMENT", body=m.record("Instrument", id=row, symbol=symbol, base="EUR", quote="USD", **values), operator_uid=OWNER)


def limit_of(m: Any, rule: str = "MAX_QTY", *scope: Any) -> int:
    return int(m.scope(*scope)["limits"][ENUMS["RiskRule"].by_name[rule]])


def proposals(m: Any) -> list[str]:
    rows = sorted(m.table("proposals")[1 : int(m.status["proposal_count"]) + 1], key=lambda r: int(r["id"]))
    return [STATE[int(r["state"])] for r in rows]


def decide(m: Any, what: str = "APPROVE", proposal: int = 0, uid: int = RISK_B) -> str:
    before = int(m.status["break_count"])
    m.control(what, body=m.record("Decision", proposal=proposal or int(m.status["proposals"])), operator_uid=uid)
    return "refused" if int(m.status["break_count"]) > before else "done"


def status_of(m: Any, strategy: int = 1) -> int:
    return int(m.table("strategies")[strategy]["status"])


# ---- locates -------------------------------------------------------------------------------------------------------------------


def test_locate_when_it_is_the_first_waits_for_another_and_when_it_is_taken_back_does_not(m: Any) -> None:
    instrument(m, 1, "EURUSD", status=1, locate_required=1)
    m.limit("SHORT_SALE", 500, "ACCOUNT_INSTRUMENT", 1, 1, operator_uid=RISK_A)
    assert proposals(m) == ["PENDING"], "0 is no locate: the first one allows what was refused"
    m.new(2, side=5, qty=1)
    assert m.deny() == "NO_LOCATE"
    assert decide(m) == "done"
    m.new(3, side=5, qty=1)
    assert m.told() == ["ACCEPTED"]
    m.limit("SHORT_SALE", 600, "ACCOUNT_INSTRUMENT", 1, 1, operator_uid=RISK_A)
    assert limit_of(m, "SHORT_SALE", "ACCOUNT_INSTRUMENT", 1, 1) == 500
    m.limit("SHORT_SALE", 0, "ACCOUNT_INSTRUMENT", 1, 1, operator_uid=RISK_A)
    assert limit_of(m, "SHORT_SALE", "ACCOUNT_INSTRUMENT", 1, 1) == 0, "a lender who recalls does not wait for two people"


def test_locate_when_none_is_required_is_a_limit_whose_end_waits_for_another(m: Any) -> None:
    m.limit("SHORT_SALE", 500, "ACCOUNT_INSTRUMENT", 1, 1, operator_uid=RISK_A)
    assert decide(m) == "done"
    m.limit("SHORT_SALE", 0, "ACCOUNT_INSTRUMENT", 1, 1, operator_uid=RISK_A)
    assert limit_of(m, "SHORT_SALE", "ACCOUNT_INSTRUMENT", 1, 1) == 500


# ---- strategies ----------------------------------------------------------------------------------------------------------------


def test_strategy_when_it_was_silent_and_is_restarted_still_waits_for_another(m: Any) -> None:
    m.observe("STRATEGY_SILENT", peer=1, value=10**10)
    m.control("STRATEGY_DETACH", strategy=1, epoch=7)
    m.control("STRATEGY_ATTACH", strategy=1, epoch=8, pid=2)
    m.control("SET_STRATEGY", strategy=1, status=STATUS["ENABLED"], operator_uid=TRADER)
    assert (status_of(m), proposals(m)) == (STATUS["CANCEL_ONLY"], ["PENDING"])
    assert decide(m) == "done"
    assert status_of(m) == STATUS["ENABLED"]


def test_strategy_when_it_repeated_itself_and_something_else_filled_late_still_waits_for_another(m: Any) -> None:
    m.limit("REPEATED_EXECUTION", 1, operator_uid=RISK_A)
    m.new(2, qty=7)
    late = int(m.status["order_count"])
    m.new(3, qty=10)
    m.fill(10, order=int(m.status["order_count"]), cum_qty=10)
    m.new(4, qty=10)
    assert (m.deny(), status_of(m)) == ("REPEATED_EXECUTION", STATUS["DISABLED"])
    m.limit("REPEATED_EXECUTION", 1, "STRATEGY", 1, operator_uid=RISK_A)
    m.fill(7, order=late, exec_id="E2", cum_qty=7)
    m.limit("REPEATED_EXECUTION", 5, operator_uid=RISK_A)
    assert decide(m) == "done"
    m.limit("REPEATED_EXECUTION", 5, "STRATEGY", 1, operator_uid=RISK_A)
    assert decide(m) == "done"
    m.control("SET_STRATEGY", strategy=1, status=STATUS["ENABLED"], operator_uid=TRADER)
    assert status_of(m) == STATUS["DISABLED"]
    assert decide(m) == "done"
    assert status_of(m) == STATUS["ENABLED"]


def repeating(m: Any, times: int = 1) -> None:
    """Strategy 1 has executed one content as often as it may."""
    m.limit("REPEATED_EXECUTION", 2, operator_uid=RISK_A)
    for k in range(times):
        m.new(20 + k, qty=10)
        m.fill(10, order=int(m.status["order_count"]), exec_id=f"R{k}", cum_qty=10)


@pytest.mark.parametrize("status", ["ENABLED", "REDUCE_ONLY"])
def test_strategy_when_one_person_sets_it_on_the_way_to_its_repeated_execution_counts_on(m: Any, status: str) -> None:
    repeating(m)
    m.control("SET_STRATEGY", strategy=1, status=STATUS[status], operator_uid=TRADER)
    m.control("SET_STRATEGY", strategy=1, status=STATUS["ENABLED"], operator_uid=TRADER)
    assert status_of(m) == STATUS["ENABLED"]
    m.new(30, qty=10)
    m.fill(10, order=int(m.status["order_count"]), exec_id="R9", cum_qty=10)
    m.new(31, qty=10)
    assert (m.deny(), status_of(m)) == ("REPEATED_EXECUTION", STATUS["DISABLED"])


def test_strategy_when_it_repeats_itself_and_is_not_disabled_yet_is_not_enabled_by_one_person(m: Any) -> None:
    repeating(m, 2)
    m.control("SET_STRATEGY", strategy=1, status=STATUS["ENABLED"], operator_uid=TRADER)
    assert proposals(m) == ["PENDING"], "it would forget what has been counted"
    m.control("SET_STRATEGY", strategy=1, status=STATUS["REDUCE_ONLY"], operator_uid=TRADER)
    assert status_of(m) == STATUS["REDUCE_ONLY"], "less risk is immediate"
    m.control("SET_STRATEGY", strategy=1, status=STATUS["ENABLED"], operator_uid=TRADER)
    assert (status_of(m), proposals(m)) == (STATUS["REDUCE_ONLY"], ["PENDING", "PENDING"])
    assert decide(m) == "done"
    m.new(32, qty=10)
    assert m.told() == ["ACCEPTED"]


# ---- proposals that have moved on ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "status"), [("RISK", 2), ("TRADER", 1)], ids=["halted", "demoted"])
def test_approval_when_the_proposer_is_no_longer_who_he_was_is_refused(m: Any, role: str, status: int) -> None:
    m.limit("MAX_QTY", 200, operator_uid=RISK_A)
    operator(m, 2, RISK_A, role, status)
    assert decide(m) == "refused"
    assert limit_of(m) == 100


@pytest.mark.parametrize(
    ("killed", "limited"),
    [
        (("FIRM", 0, 0), ("STRATEGY", 1, 0)),
        (("ACCOUNT", 1, 0), ("ACCOUNT_INSTRUMENT", 1, 1)),
        (("INSTRUMENT", 1, 0), ("STRATEGY_INSTRUMENT", 1, 1)),
        (("CURRENCY", 1, 0), ("INSTRUMENT", 1, 0)),
        (("CURRENCY", 1, 0), ("ACCOUNT_INSTRUMENT", 1, 1)),
    ],
)
def test_approval_when_a_scope_around_was_killed_is_refused(m: Any, killed: Any, limited: Any) -> None:
    m.limit("MAX_QTY", 50, *limited, operator_uid=RISK_A)
    m.limit("MAX_QTY", 80, *limited, operator_uid=RISK_A)
    m.kill(*killed, operator_uid=TRADER)
    assert proposals(m) == ["WITHDRAWN"]
    assert decide(m) == "refused"


def test_approval_when_the_strategy_was_disabled_by_its_own_kill_since_is_refused(m: Any) -> None:
    m.limit("REJECT_LIMIT", 1, "STRATEGY", 1, operator_uid=RISK_A)
    m.limit("MAX_QTY", 50, "STRATEGY", 1, operator_uid=RISK_A)
    m.new(2, qty=1)
    row = int(m.status["order_count"])
    m.limit("MAX_QTY", 80, "STRATEGY", 1, operator_uid=RISK_A)
    m.event("REJECTED", row)
    assert ENUMS["ScopeState"].by_value[int(m.scope("STRATEGY", 1)["state"])] == "KILLED"
    assert decide(m) == "refused", "the strategy killed itself: nobody agreed to more for that one"


def test_approval_of_a_strategy_that_was_held_back_further_since_is_refused(m: Any) -> None:
    m.observe("STRATEGY_SILENT", peer=1, value=10**10)
    m.control("SET_STRATEGY", strategy=1, status=STATUS["ENABLED"], operator_uid=TRADER)
    m.control("SET_STRATEGY", strategy=1, status=STATUS["DISABLED"], operator_uid=RISK_A)
    assert decide(m) == "refused"
    assert status_of(m) == STATUS["DISABLED"]


def test_approval_of_a_strategy_that_went_silent_since_is_refused(m: Any) -> None:
    m.limit("REPEATED_EXECUTION", 1, operator_uid=RISK_A)
    m.new(2, qty=10)
    m.fill(10, order=2, cum_qty=10)
    m.new(3, qty=10)
    assert m.deny() == "REPEATED_EXECUTION"
    m.control("SET_STRATEGY", strategy=1, status=STATUS["ENABLED"], operator_uid=TRADER)
    m.observe("STRATEGY_SILENT", peer=1, value=10**10)
    assert decide(m) == "refused", "agreed was to free one that repeats itself, not one that does not answer"
    assert status_of(m) == STATUS["DISABLED"]


def test_release_when_nothing_is_killed_is_no_proposal(m: Any) -> None:
    m.kill("STRATEGY", 1, 0, 0, "RELEASE", operator_uid=RISK_A)
    assert (proposals(m), m.breaks()) == ([], ["BAD_CONTROL"])


def test_approval_of_a_release_when_the_scope_is_held_back_by_something_else_since_is_refused(m: Any) -> None:
    m.kill("STRATEGY", 1, operator_uid=TRADER)
    m.kill("STRATEGY", 1, 0, 0, "RELEASE", operator_uid=RISK_A)
    m.kill("STRATEGY", 1, 0, 0, "RELEASE", operator_uid=RISK_A)
    assert decide(m, proposal=1) == "done"
    m.limit("DAILY_LOSS", 1, "STRATEGY", 1, operator_uid=RISK_A)
    m.fill(1, px=200, order=1, cum_qty=1)
    m.mark(100, 100)
    assert ENUMS["ScopeState"].by_value[int(m.scope("STRATEGY", 1)["state"])] == "REDUCING"
    assert decide(m, proposal=2) == "refused", "agreed was to end a kill, not to lose more"


def grant(m: Any, part: str, value: int, grant: int = 1, permission: int = 1, uid: int = RISK_A) -> None:
    body = m.record("PermissionChange", permission=permission, part=ENUMS["PermissionPart"].by_name[part], value=value, grant=grant, name="g")
    m.control("SET_PERMISSION", body=body, operator_uid=uid)


def test_approval_of_a_grant_that_was_given_to_another_since_is_refused(m: Any) -> None:
    grant(m, "STRATEGY", 1)
    grant(m, "ACCOUNT", 1)
    grant(m, "STRATEGY", CONSTANTS["ANY"][0])
    assert decide(m) == "refused", "agreed was that strategy 1 may, not everybody"


# ---- overrides -----------------------------------------------------------------------------------------------------------------


def override(m: Any, value: int, seconds: int, uid: int = RISK_A) -> None:
    m.limit("MAX_QTY", value, operator_uid=uid, expires_ns=m.now + seconds * SECOND)


def test_override_when_somebody_sets_a_little_less_meanwhile_does_not_stay_above_what_it_replaced(m: Any) -> None:
    override(m, 200, 60)
    assert decide(m) == "done"
    m.limit("MAX_QTY", 199, operator_uid=RISK_A)
    assert limit_of(m) == 199
    m.timer(61)
    assert limit_of(m) == 100, "199 was allowed for a minute, not for ever"


def test_override_when_somebody_tightens_below_what_it_replaced_does_not_loosen_at_its_end(m: Any) -> None:
    override(m, 200, 60)
    assert decide(m) == "done"
    m.limit("MAX_QTY", 40, operator_uid=RISK_A)
    m.limit("MAX_QTY", 200, operator_uid=RISK_A)
    m.timer(61)
    assert limit_of(m) == 40


def test_override_when_two_agreed_to_its_very_value_for_good_does_not_take_it_back(m: Any) -> None:
    override(m, 80, 60)
    m.limit("MAX_QTY", 120, operator_uid=RISK_A)
    assert decide(m) == "done"
    m.limit("MAX_QTY", 80, operator_uid=RISK_A)
    m.timer(61)
    assert limit_of(m) == 80, "80 is the last word of people, not the override's"


def test_override_of_one_person_on_top_of_an_approved_one_ends_with_it(m: Any) -> None:
    override(m, 200, 30)
    assert decide(m) == "done"
    override(m, 150, 3600)
    m.timer(31)
    assert limit_of(m) == 100, "150 was less than 200 was; it never was approved by itself"
    m.timer(3600)
    assert limit_of(m) == 100
    assert m.replayed().tables() == m.tables()


# ---- halts and divergences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["HALT", "DIVERGENCE"])
def test_resume_waits_for_another_and_a_later_halt_withdraws_it(m: Any, kind: str) -> None:
    m.control(kind, operator_uid=TRADER)
    m.control("RESUME", operator_uid=RISK_A)
    assert int(m.status["restrictions"]) and proposals(m) == ["PENDING"]
    m.control(kind, operator_uid=TRADER)
    assert decide(m) == "refused"
    m.control("RESUME", operator_uid=RISK_A)
    assert decide(m) == "done"
    assert int(m.status["restrictions"]) == 0


def test_resume_by_who_is_alone_on_the_instance_is_done(machine: Any) -> None:
    operator(machine, 1, OWNER, "ADMIN")
    machine.control("HALT", operator_uid=OWNER)
    machine.control("RESUME", operator_uid=OWNER)
    assert int(machine.status["restrictions"]) == 0


# ---- orders in doubt -----------------------------------------------------------------------------------------------------------


def in_doubt(m: Any) -> int:
    m.limit("OPEN_ORDERS", 2, operator_uid=RISK_A)
    m.new(2, qty=5)
    m.event("SESSION_DOWN")
    assert m.state_of(2)[0] == "UNKNOWN"
    return 2


@pytest.mark.parametrize("status", ["CANCELED", "FILLED", "EXPIRED", "REJECTED", "DONE_FOR_DAY"])
def test_order_in_doubt_when_it_is_said_to_be_over_waits_for_another(m: Any, status: str) -> None:
    order = in_doubt(m)
    body = m.record("OrderAction", order_id=order, ord_status=ENUMS["OrdStatus"].by_name[status])
    m.control("RESOLVE_ORDER", body=body, operator_uid=TRADER)
    assert (m.state_of(order)[0], proposals(m), int(m.scope()["open_orders"])) == ("UNKNOWN", ["PENDING"], 2)
    decide(m)
    assert (m.state_of(order)[0], int(m.scope()["open_orders"]), proposals(m)) == (status, 1, ["APPROVED"])


def test_order_in_doubt_when_it_is_said_to_work_needs_nobody_and_one_that_traded_since_is_another_question(m: Any) -> None:
    order = in_doubt(m)
    over = m.record("OrderAction", order_id=order, ord_status=ENUMS["OrdStatus"].by_name["CANCELED"])
    m.control("RESOLVE_ORDER", body=over, operator_uid=TRADER)
    m.event("SESSION_UP")
    m.control("RESOLVE_ORDER", body=m.record("OrderAction", order_id=order, ord_status=ENUMS["OrdStatus"].by_name["NEW"]), operator_uid=TRADER)
    assert m.state_of(order)[0] == "NEW"
    m.event("SESSION_DOWN")
    m.fill(2, order=order, cum_qty=2)
    assert decide(m) == "refused"


# ---- the trading day -----------------------------------------------------------------------------------------------------------


def schedule(m: Any, day: int, begins_ns: int, what: str = "ROLL_DAY", uid: int = OWNER) -> None:
    if what == "START":
        m.control("START", day=day, prefix="RF", epoch=1, body=m.record("TableRows", day_begins_ns=begins_ns), operator_uid=uid)
    else:
        m.control("ROLL_DAY", day=day, body=m.record("DayStart", begins_ns=begins_ns, day=day), operator_uid=uid)


@pytest.fixture
def evening(make_machine: Callable[..., Any]) -> Any:
    """2026-01-02, which began at 22:00 UTC the day before; it is noon."""
    m = make_machine(configure=False)
    m.now = MIDNIGHT + DAY_NS // 2
    schedule(m, 20260102, MIDNIGHT - 7200 * SECOND, "START")
    m.instrument()
    for kind, body in (
        ("DEFINE_ACCOUNT", m.record("Account", id=1, name="main", code="ACC1", status=1)),
        ("DEFINE_VENUE", m.record("Venue", id=1, name="sim", status=1, durability=1)),
        ("DEFINE_STRATEGY", m.record("Strategy", id=1, name="s1", status=1)),
        ("DEFINE_ROUTE", m.record("Route", id=1, account=1, venue=1, status=1)),
    ):
        m.control(kind, body=body)
    m.control("STRATEGY_ATTACH", strategy=1, epoch=7, pid=1)
    m.event("SESSION_UP")
    return govern(m)


def day(m: Any) -> int:
    return int(m.status["day"])


def test_roll_when_the_schedule_has_it_is_done_and_before_its_time_waits_for_another(evening: Any) -> None:
    m = evening
    next_day = MIDNIGHT + DAY_NS - 7200 * SECOND
    schedule(m, 20260103, next_day)
    assert (day(m), proposals(m)) == (20260102, ["PENDING"])
    assert decide(m, "WITHDRAW", uid=OWNER) == "done"
    m.now = next_day
    schedule(m, 20260104, next_day)
    assert day(m) == 20260102, "the day after the next has not begun"
    schedule(m, 20260103, next_day)
    assert day(m) == 20260103
    schedule(m, 20260104, next_day + DAY_NS)
    assert day(m) == 20260103
    assert decide(m) == "done"
    assert day(m) == 20260104
    assert m.replayed().tables() == m.tables()


def assert_an_earlier_time_takes_two(m: Any, early: int) -> None:
    schedule(m, 20260102, early - DAY_NS, "START")
    m.now = early
    schedule(m, 20260103, early)
    assert (day(m), proposals(m)) == (20260102, ["PENDING"])
    assert decide(m) == "done"
    assert day(m) == 20260103
    m.now = early + DAY_NS
    schedule(m, 20260104, early + DAY_NS)
    assert day(m) == 20260104, "the new time is agreed to"


def test_roll_when_the_time_of_the_schedule_was_moved_by_one_person_waits_for_another(evening: Any) -> None:
    assert_an_earlier_time_takes_two(evening, evening.now + SECOND)


def test_start_when_it_names_a_later_day_than_the_schedule_has_waits_for_another(evening: Any) -> None:
    m = evening
    schedule(m, 20260105, MIDNIGHT - 7200 * SECOND, "START")
    assert (day(m), proposals(m)) == (20260102, ["PENDING"])
    assert decide(m) == "done"
    assert day(m) == 20260105
    m.now = MIDNIGHT + 8 * DAY_NS
    schedule(m, 20260110, MIDNIGHT + 8 * DAY_NS - 7200 * SECOND, "START")
    assert day(m) == 20260110, "after any pause the day that it is begins at the start"


def test_roll_that_waits_when_the_day_has_begun_meanwhile_is_refused(evening: Any) -> None:
    m = evening
    next_day = MIDNIGHT + DAY_NS - 7200 * SECOND
    m.now = next_day - 60 * SECOND
    schedule(m, 20260104, next_day)
    m.now = next_day
    schedule(m, 20260103, next_day)
    assert decide(m) == "refused"
    assert day(m) == 20260103


def test_schedule_when_the_first_is_given_to_an_instance_that_trades_waits_for_another(m: Any) -> None:
    """It was rolled by hand so far, by two each time."""
    m.now = MIDNIGHT + DAY_NS // 2
    assert_an_earlier_time_takes_two(m, m.now + SECOND)


# ---- the table of proposals ----------------------------------------------------------------------------------------------------


def test_proposals_of_one_operator_leave_room_for_the_others(make_machine: Callable[..., Any]) -> None:
    m = govern(
        make_machine(Limits(orders=64, executions=256, positions=16, breaks=64, instruments=4, accounts=4, venues=2, strategies=4, routes=4, proposals=8))
    )
    for value in range(200, 220):
        m.limit("MAX_QTY", value, operator_uid=RISK_A)
    for row in range(20):
        m.limit("OPEN_ORDERS", 90 - row, "STRATEGY", 1, operator_uid=RISK_A, expires_ns=m.now + 10**6 * SECOND)
    assert len(proposals(m)) == 4, "half of what the others leave"
    m.limit("MAX_QTY", 300, operator_uid=RISK_B)
    assert decide(m, uid=OWNER) == "done"
    m.limit("MAX_QTY", 50, operator_uid=RISK_A)
    m.kill(operator_uid=RISK_A)
    assert limit_of(m) == 50, "what is tighter needs no row"
    m.now += 901 * SECOND
    m.limit("MAX_QTY", 400, operator_uid=RISK_A)
    assert proposals(m)[-1] == "PENDING", "old ones are over by themselves"


def test_proposal_of_an_image_when_its_proposer_may_hold_no_more_leaves_the_one_of_another(make_machine: Callable[..., Any]) -> None:
    m = govern(
        make_machine(Limits(orders=64, executions=256, positions=16, breaks=64, instruments=4, accounts=4, venues=2, strategies=4, routes=4, proposals=8))
    )
    wider = m.record("Account", id=1, name="main", code="ACC2", status=1)
    m.control("DEFINE_ACCOUNT", body=wider, operator_uid=RISK_B)
    for value in range(200, 204):
        m.limit("MAX_QTY", value, operator_uid=RISK_A)
    assert proposals(m) == ["PENDING"] * 5
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC3", status=1), operator_uid=RISK_A)
    assert proposals(m) == ["PENDING"] * 5, "what is refused changes nothing"
    for code in ("ACC4", "ACC5"):
        m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code=code, status=1), operator_uid=RISK_B)
    assert proposals(m).count("PENDING") == 5, "a later image of one's own takes the place of the earlier"


# ---- definitions ---------------------------------------------------------------------------------------------------------------


def test_operator_rows_when_uids_are_moved_about_never_make_one_person_alone(machine: Any) -> None:
    machine.currency()
    operator(machine, 1, TRADER, "TRADER")
    operator(machine, 2, RISK_B, "RISK", by=TRADER)
    machine.new(1, qty=1)
    operator(machine, 1, 4321, "TRADER", status=2, by=TRADER)
    operator(machine, 2, TRADER, "RISK", status=2, by=TRADER)
    operator(machine, 3, 4322, "ADMIN", by=TRADER)
    rows = machine.table("operators")
    assert [int(r["uid"]) for r in rows[1:3]] == [TRADER, RISK_B]
    assert int(rows[3]["id"]) == 0


def test_operator_when_his_key_is_that_of_another_is_refused(machine: Any) -> None:
    operator(machine, 1, OWNER, "ADMIN", public_key=b"k" * 32)
    operator(machine, 2, RISK_B, "RISK", public_key=b"k" * 32)
    assert machine.breaks() == ["BAD_CONTROL"]


@pytest.mark.parametrize("fields", [{"qty_digits": 2}, {"price_digits": 4}, {"symbol": "USDJPY"}], ids=lambda f: next(iter(f)))
def test_instrument_when_its_limits_would_mean_something_else_waits_for_another(m: Any, fields: Any) -> None:
    instrument(m, 2, "GBPUSD")
    instrument(m, 2, **({"symbol": "GBPUSD"} | fields))
    assert proposals(m) == ["PENDING"]


def test_currency_when_it_takes_the_name_of_another_waits_for_another(m: Any) -> None:
    m.currency("XAU", 2, 0)
    m.control("DEFINE_CURRENCY", body=m.record("Currency", id=2, code="EUR", rate=0, status=1), operator_uid=OWNER)
    assert proposals(m) == ["PENDING"]


def test_account_when_less_is_written_before_it_trades_waits_for_another(m: Any) -> None:
    for durability in (2, 1):
        m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="main", code="ACC1", status=1, durability=durability), operator_uid=OWNER)
    assert proposals(m) == ["PENDING"]


# ---- executions in suspense ----------------------------------------------------------------------------------------------------


def test_execution_in_suspense_when_it_is_assigned_waits_for_another(m: Any) -> None:
    m.event("FILL", last_qty=5, last_px=100, exec_id="X1", venue_order_id="V9", symbol="EURUSD", side=1)
    row = int(m.status["execution_count"])
    m.control("ASSIGN_EXECUTION", body=m.record("OrderAction", execution=row, strategy=1), operator_uid=TRADER)
    assert (m.position(1), proposals(m)) == (None, ["PENDING"])
    assert decide(m) == "done"
    assert m.position(1)["net_qty"] == 5


def test_execution_in_suspense_when_it_was_corrected_since_it_was_proposed_is_another_question(m: Any) -> None:
    m.event("FILL", last_qty=5, last_px=100, exec_id="X1", venue_order_id="V9", symbol="EURUSD", side=1)
    row = int(m.status["execution_count"])
    m.control("ASSIGN_EXECUTION", body=m.record("OrderAction", execution=row, strategy=1), operator_uid=TRADER)
    m.event("CORRECT", last_qty=9, last_px=100, exec_id="X2", exec_ref_id="X1", venue_order_id="V9", symbol="EURUSD", side=1)
    assert decide(m) == "refused", "agreed was to 5, not to 9"
    assert m.position(1) is None


def test_execution_in_suspense_when_another_proposal_assigned_it_is_decided(m: Any) -> None:
    m.event("FILL", last_qty=5, last_px=100, exec_id="X1", venue_order_id="V9", symbol="EURUSD", side=1)
    row = int(m.status["execution_count"])
    for strategy in (1, 2):
        m.control("ASSIGN_EXECUTION", body=m.record("OrderAction", execution=row, strategy=strategy), operator_uid=TRADER)
    assert decide(m, proposal=2) == "done"
    first, second = (p for p in m.table("proposals")[1:3])
    assert (int(first["before"]), int(second["before"])) == (-row, -row), "nobody's"
    assert int(first["after"]) != int(second["after"]), "whose it is to be"
    assert decide(m, proposal=1) == "refused"
    assert (m.position(1), m.position(2)["net_qty"]) == (None, 5)
