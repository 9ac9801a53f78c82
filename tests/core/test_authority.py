"""Who may command what: roles, four eyes, expiry, overrides, and kills that win, in the engine's own state."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.core.authority import ROLES
from ringfence.core.rules import RULES, loosens
from ringfence.ipc.schema import ENUMS

SECOND = 1_000_000_000
OWNER, RISK_A, RISK_B, TRADER, VIEWER, NOBODY = 1000, 1001, 1002, 1003, 1004, 1999
STATE = {v: n for n, v in ENUMS["ProposalState"].by_name.items()}


@pytest.fixture
def m(machine: Any) -> Any:
    machine.currency()
    roles = {OWNER: "ADMIN", RISK_A: "RISK", RISK_B: "RISK", TRADER: "TRADER", VIEWER: "VIEWER"}
    for row, (uid, role) in enumerate(roles.items(), 1):
        body = machine.record("Operator", id=row, name=f"op{uid}", uid=uid, role=ENUMS["OperatorRole"].by_name[role], status=1)
        machine.control("DEFINE_OPERATOR", body=body)
    machine.limit("MAX_QTY", 100, operator_uid=OWNER, operator_name="config")
    machine.new(1, qty=1)
    return machine


def limit_of(m: Any, rule: str = "MAX_QTY", *scope: Any) -> int:
    return int(m.scope(*scope)["limits"][ENUMS["RiskRule"].by_name[rule]])


def proposals(m: Any) -> list[str]:
    rows = sorted(m.table("proposals")[1 : int(m.status["proposal_count"]) + 1], key=lambda r: int(r["id"]))
    return [STATE[int(r["state"])] for r in rows]


def decide(m: Any, what: str, proposal: int, uid: int) -> str:
    before = int(m.status["break_count"])
    m.control(what, body=m.record("Decision", proposal=proposal), operator_uid=uid)
    return "refused" if int(m.status["break_count"]) > before else "done"


def test_limit_when_it_tightens_is_in_force_at_once_and_when_it_loosens_waits_for_another(m: Any) -> None:
    m.limit("MAX_QTY", 50, operator_uid=RISK_A)
    assert limit_of(m) == 50
    m.limit("MAX_QTY", 200, operator_uid=RISK_A)
    assert (limit_of(m), proposals(m)) == (50, ["PENDING"])
    assert decide(m, "APPROVE", 1, RISK_A) == "refused", "nobody agrees with himself"
    assert decide(m, "APPROVE", 1, TRADER) == "refused"
    assert decide(m, "APPROVE", 1, NOBODY) == "refused"
    assert decide(m, "APPROVE", 1, RISK_B) == "done"
    assert (limit_of(m), proposals(m)) == (200, ["APPROVED"])
    assert decide(m, "APPROVE", 1, OWNER) == "refused", "decided is decided"


def test_limit_when_it_is_taken_away_is_a_loosening_and_one_more_rule_is_none(m: Any) -> None:
    m.limit("COLLAR", 1000, operator_uid=RISK_A)
    assert limit_of(m, "COLLAR") == 1000
    m.limit("MAX_QTY", 0, operator_uid=RISK_A)
    assert (limit_of(m), proposals(m)) == (100, ["PENDING"])


def test_proposal_when_its_time_is_over_does_not_count(m: Any) -> None:
    m.limit("MAX_QTY", 200, operator_uid=RISK_A)
    m.now += 900 * SECOND - 10_000
    m.timer()
    assert proposals(m) == ["PENDING"]
    m.now += 20_000
    assert decide(m, "APPROVE", 1, RISK_B) == "refused", "noticed at the command, before any timer"
    assert (limit_of(m), proposals(m)) == (100, ["EXPIRED"])


def test_proposal_when_withdrawn_is_over(m: Any) -> None:
    m.limit("MAX_QTY", 200, operator_uid=RISK_A)
    assert decide(m, "WITHDRAW", 1, TRADER) == "refused", "another's proposal is refused by a risk officer alone"
    assert decide(m, "WITHDRAW", 1, RISK_A) == "done"
    assert decide(m, "APPROVE", 1, RISK_B) == "refused"
    assert (limit_of(m), proposals(m)) == (100, ["WITHDRAWN"])


def test_override_when_its_time_is_over_gives_back_what_it_replaced(m: Any) -> None:
    m.limit("MAX_QTY", 200, operator_uid=RISK_A, expires_ns=m.now + 60 * SECOND)
    assert decide(m, "APPROVE", 1, RISK_B) == "done"
    assert (limit_of(m), proposals(m)) == (200, ["RUNNING"])
    m.limit("COLLAR", 5, operator_uid=RISK_A, expires_ns=m.now + 30 * SECOND)
    assert (limit_of(m, "COLLAR"), proposals(m)) == (5, ["RUNNING", "RUNNING"])
    m.timer(31)
    assert (limit_of(m), limit_of(m, "COLLAR"), proposals(m)) == (200, 0, ["RUNNING", "EXPIRED"])
    m.timer(30)
    assert (limit_of(m), proposals(m)) == (100, ["EXPIRED", "EXPIRED"])


def test_override_when_another_command_changed_the_limit_since_leaves_it(m: Any) -> None:
    m.limit("MAX_QTY", 80, operator_uid=RISK_A, expires_ns=m.now + 60 * SECOND)
    m.limit("MAX_QTY", 40, operator_uid=RISK_B)
    m.timer(61)
    assert limit_of(m) == 40


def test_kill_when_a_release_or_a_looser_limit_waits_withdraws_it(m: Any) -> None:
    m.kill(operator_uid=TRADER)
    m.kill(what="RELEASE", operator_uid=RISK_A)
    m.limit("MAX_QTY", 200, operator_uid=RISK_A)
    assert proposals(m) == ["PENDING", "PENDING"]
    m.kill(operator_uid=TRADER)
    assert proposals(m) == ["WITHDRAWN", "WITHDRAWN"]
    assert decide(m, "APPROVE", 1, RISK_B) == "refused"
    m.kill("STRATEGY", 1, operator_uid=TRADER)
    m.observe("STRATEGY_SILENT", peer=1, value=10**10)
    m.control("SET_STRATEGY", strategy=1, status=1, operator_uid=TRADER)
    m.kill("STRATEGY", 1, operator_uid=TRADER)
    assert proposals(m)[2:] == ["WITHDRAWN"]
    m.control("SET_STRATEGY", strategy=1, status=1, operator_uid=TRADER)
    assert decide(m, "APPROVE", 4, RISK_B) == "done"
    m.kill("STRATEGY", 1, what="RELEASE", operator_uid=RISK_A)
    assert decide(m, "APPROVE", 5, RISK_B) == "done"
    m.new(2, qty=1)
    assert m.deny() == "KILLED"
    m.kill(what="RELEASE", operator_uid=RISK_A)
    assert decide(m, "APPROVE", 6, RISK_B) == "done"
    m.new(3, qty=1)
    assert m.told() == ["ACCEPTED"]


@pytest.mark.parametrize("uid", [OWNER, RISK_A, TRADER, VIEWER, NOBODY])
@pytest.mark.parametrize("kind", list(ROLES))
def test_role_when_it_is_too_low_changes_nothing_but_a_break(m: Any, kind: str, uid: int) -> None:
    rank = {OWNER: 4, RISK_A: 3, TRADER: 2, VIEWER: 1, NOBODY: 0}[uid]
    allowed = rank >= ENUMS["OperatorRole"].by_name[ROLES[kind]]
    names = ("scopes", "strategies", "proposals", "orders", "permissions")
    before = [m.table(name).tobytes() for name in names] + [int(m.status["restrictions"])]
    m.control(kind, body=m.record("Decision", proposal=77), status=1, strategy=1, operator_uid=uid)
    after = [m.table(name).tobytes() for name in names] + [int(m.status["restrictions"])]
    if not allowed:
        assert (m.breaks()[-1:], after) == (["BAD_CONTROL"], before)
    elif kind in ("HALT", "SET_STRATEGY"):
        assert m.breaks() == []


def test_configuration_when_the_instance_has_never_traded_is_taken_as_it_is_and_later_waits(make_machine: Any) -> None:
    m = make_machine()
    for row, uid in enumerate((OWNER, RISK_A), 1):
        body = m.record("Operator", id=row, name="x", uid=uid, role=ENUMS["OperatorRole"].by_name["ADMIN"], status=1)
        m.control("DEFINE_OPERATOR", body=body)
    for value in (10, 20):
        m.limit("MAX_QTY", value, operator_uid=OWNER, operator_name="config")
    assert limit_of(m) == 20
    m.new(1, qty=1)
    m.limit("MAX_QTY", 30, operator_uid=OWNER, operator_name="config")
    assert (limit_of(m), proposals(m)) == (20, ["PENDING"])


@pytest.mark.parametrize(("limit", "people"), [(0, 1), (2, 1), (1, 2)], ids=["no limit", "below it", "reached"])
def test_strategy_when_disabled_is_enabled_by_two_only_if_it_repeats_itself(m: Any, limit: int, people: int) -> None:
    """Full executions are counted in every instance that counts; only a limit on them makes a disabled strategy one that repeats itself."""
    status = ENUMS["StrategyStatus"].by_name
    m.limit("REPEATED_EXECUTION", limit, operator_uid=RISK_A)
    m.new(2, qty=10)
    m.fill(10, order=2, cum_qty=10)
    m.control("SET_STRATEGY", strategy=1, status=status["DISABLED"], operator_uid=TRADER)
    m.control("SET_STRATEGY", strategy=1, status=status["ENABLED"], operator_uid=TRADER)
    assert int(m.table("strategies")[1]["status"]) == (status["ENABLED"] if people == 1 else status["DISABLED"])
    assert proposals(m) == ["PENDING"] * (people - 1)


def test_strategy_when_it_was_poisoned_or_silent_is_set_free_by_two(m: Any) -> None:
    status = ENUMS["StrategyStatus"].by_name
    m.control("SET_STRATEGY", strategy=1, status=status["DISABLED"], operator_uid=TRADER)
    m.control("SET_STRATEGY", strategy=1, status=status["ENABLED"], operator_uid=TRADER)
    assert int(m.table("strategies")[1]["status"]) == status["ENABLED"], "what a trader disabled a trader enables"
    m.observe("STRATEGY_SILENT", peer=1, value=10**10)
    assert int(m.table("strategies")[1]["status"]) == status["CANCEL_ONLY"]
    m.control("SET_STRATEGY", strategy=1, status=status["ENABLED"], operator_uid=TRADER)
    assert (int(m.table("strategies")[1]["status"]), proposals(m)) == (status["CANCEL_ONLY"], ["PENDING"])
    assert decide(m, "APPROVE", 1, RISK_A) == "done"
    assert int(m.table("strategies")[1]["status"]) == status["ENABLED"]


def test_proposals_when_the_table_is_full_of_pending_ones_refuses_and_uses_decided_rows_again(make_machine: Any) -> None:
    from ringfence.core.state import Limits

    m = make_machine(Limits(orders=64, executions=256, positions=16, breaks=64, instruments=4, accounts=4, venues=2, strategies=4, routes=4, proposals=3))
    body = m.record("Operator", id=1, name="x", uid=OWNER, role=ENUMS["OperatorRole"].by_name["ADMIN"], status=1)
    m.control("DEFINE_OPERATOR", body=body)
    m.new(1, qty=1)
    m.limit("MAX_QTY", 10, operator_uid=OWNER)
    for value in (11, 12, 13, 14):
        m.limit("MAX_QTY", value, operator_uid=OWNER)
    assert (proposals(m), m.breaks()) == (["PENDING", "PENDING"], ["BAD_CONTROL"] * 2)
    assert decide(m, "WITHDRAW", 1, OWNER) == "done"
    m.limit("MAX_QTY", 15, operator_uid=OWNER)
    assert decide(m, "WITHDRAW", 2, OWNER) == "done"
    m.limit("MAX_QTY", 16, operator_uid=OWNER)
    assert [int(r["id"]) for r in m.table("proposals")[1:4]] == [4, 2, 3]


def test_audit_digest_when_anything_was_changed_differs_and_a_replay_has_the_same(m: Any) -> None:
    digest = int(m.status["audit_digest"])
    m.limit("MAX_QTY", 50, operator_uid=RISK_A)
    changed = int(m.status["audit_digest"])
    assert changed != digest
    m.limit("MAX_QTY", 49, operator_uid=NOBODY)
    assert int(m.status["audit_digest"]) == changed, "what was refused changed nothing"
    assert m.replayed().tables() == m.tables()


@pytest.mark.parametrize("name", [r.name for r in RULES.values() if r.scopes])
def test_loosening_when_judged_by_the_engine_and_by_the_table_is_the_same(m: Any, name: str) -> None:
    rule = RULES[name]
    kind = "FIRM" if "FIRM" in rule.scopes else rule.scopes[0]
    scope = {"FIRM": (0, 0), "ACCOUNT": (1, 0), "INSTRUMENT": (1, 0), "ACCOUNT_INSTRUMENT": (1, 1)}[kind]
    for before, after in ((0, 2), (2, 1), (2, 3), (2, 0), (2, 2)):
        n = len(proposals(m))
        m.limit(name, before, kind, *scope, operator_uid=RISK_A)
        if limit_of(m, name, kind, *scope) != before:
            decide(m, "APPROVE", int(m.status["proposals"]), RISK_B)
            n += 1
        m.limit(name, after, kind, *scope, operator_uid=RISK_A)
        assert (len(proposals(m)) > n) == loosens(rule, before, after), (before, after)
        if len(proposals(m)) > n:
            decide(m, "WITHDRAW", int(m.status["proposals"]), RISK_A)


def test_approval_when_the_limit_was_changed_since_the_proposal_is_refused(m: Any) -> None:
    m.limit("MAX_QTY", 120, operator_uid=RISK_A)
    m.limit("MAX_QTY", 1, operator_uid=OWNER)
    assert decide(m, "APPROVE", 1, RISK_B) == "refused", "nobody agreed to go from 1 to 120"
    assert limit_of(m) == 1


def test_approval_when_the_scope_killed_itself_since_the_proposal_is_refused(m: Any) -> None:
    m.limit("DAILY_LOSS", 1, "STRATEGY", 1, operator_uid=RISK_A)
    m.limit("REJECT_LIMIT", 1, "STRATEGY", 1, operator_uid=RISK_A)
    m.mark(100, 100)
    m.new(2, px=100, qty=100)
    m.new(3, px=100, qty=7)
    row = int(m.status["order_count"])
    m.event("ACK", row - 1)
    m.fill(100, 100, order=row - 1)
    m.mark(50, 50)
    states = ENUMS["ScopeState"].by_value
    assert states[int(m.scope("STRATEGY", 1)["state"])] == "REDUCING"
    m.kill("STRATEGY", 1, what="RELEASE", operator_uid=RISK_A)
    m.event("REJECTED", row)
    assert states[int(m.scope("STRATEGY", 1)["state"])] == "KILLED"
    assert decide(m, "APPROVE", 1, RISK_B) == "refused", "the kill is newer than what was agreed to"
    assert states[int(m.scope("STRATEGY", 1)["state"])] == "KILLED"


@pytest.mark.parametrize(("rule", "value"), [("NEW_BURST", 1000), ("REPLACE_BURST", 2), ("MESSAGE_BURST", 1000), ("COLLAR_REFERENCE", 1)])
def test_setting_whose_zero_is_a_value_when_it_is_left_waits_for_another(m: Any, rule: str, value: int) -> None:
    m.limit(rule, value, operator_uid=RISK_A)
    assert limit_of(m, rule) == 0
    assert decide(m, "APPROVE", 1, RISK_B) == "done"
    assert limit_of(m, rule) == value
    if rule != "COLLAR_REFERENCE":
        m.limit(rule, 0, operator_uid=RISK_A)
        assert limit_of(m, rule) == 0, "the least burst is the tightest"


def test_margin_rate_when_it_falls_below_what_it_inherited_waits_for_another(m: Any) -> None:
    m.limit("MARGIN_RATE", 500_000, operator_uid=RISK_A)
    m.limit("MARGIN_RATE", 1, "ACCOUNT", 1, operator_uid=RISK_A)
    assert limit_of(m, "MARGIN_RATE", "ACCOUNT", 1) == 0
    m.limit("MARGIN_RATE", 600_000, "ACCOUNT", 1, operator_uid=RISK_A)
    assert limit_of(m, "MARGIN_RATE", "ACCOUNT", 1) == 600_000
    m.limit("MARGIN_RATE", 0, "ACCOUNT", 1, operator_uid=RISK_A)
    assert limit_of(m, "MARGIN_RATE", "ACCOUNT", 1) == 600_000, "the firm's rate is lower"
