"""Kill switches in the engine: what is refused, what is cancelled and when again, what is flattened, who else kills, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest
from kill_world import CANCEL, FLATTEN, SCOPES, assert_same_after_replay, cancelled, furnish, kill, long_position, orders, release, sold, state_of

from ringfence.ipc.schema import CONSTANTS, ENUMS

BIT = {name: value for name, (value, _) in CONSTANTS.items()}
SECOND = 1_000_000_000
OTHERS = ("DESK", "STRATEGY", "INSTRUMENT", "ACCOUNT_INSTRUMENT", "STRATEGY_INSTRUMENT")  # scopes that order 3 (strategy 2, instrument 2) is not in
OWNER, RISK, SECOND_RISK, TRADER = 1000, 1001, 1002, 1003


@pytest.fixture
def m(machine: Any) -> Any:
    return furnish(machine)


# ---- every scope


@pytest.mark.parametrize("kind", SCOPES)
def test_kill_when_of_a_scope_refuses_new_risk_and_cancels_what_is_open_of_it_alone(m: Any, kind: str) -> None:
    orders(m)
    kill(m, kind, *SCOPES[kind])
    assert cancelled(m) == ([1, 2] if kind in OTHERS else [1, 2, 3])
    assert state_of(m, kind, *SCOPES[kind]) == "KILLED"
    assert int(m.scope(kind, *SCOPES[kind])["kill_seq"]) == m.seq
    m.new(4)
    assert m.deny() == "KILLED"
    m.replace(1, qty=20000, px=101)
    assert m.deny() == "KILLED"
    m.new(5, strategy=2, instrument=2)
    if kind in OTHERS:
        assert m.told() == ["ACCEPTED"]
    else:
        assert m.deny() == "KILLED"
    for row in (1, 2, 3)[: 2 if kind in OTHERS else 3]:
        m.event("CANCELED", row, 1)
        assert m.state_of(row)[0] == "CANCELED"
    assert_same_after_replay(m)


@pytest.mark.parametrize("kind", SCOPES)
def test_release_when_no_operator_is_defined_lifts_the_kill_at_once(m: Any, kind: str) -> None:
    kill(m, kind, *SCOPES[kind])
    m.new(1)
    assert m.deny() == "KILLED"
    release(m, kind, *SCOPES[kind])
    assert state_of(m, kind, *SCOPES[kind]) == "OPEN"
    assert int(m.status["killed_scopes"]) == 0
    m.new(2)
    assert m.told() == ["ACCEPTED"]
    assert m.breaks() == []


def test_kill_when_it_does_not_cancel_leaves_open_orders_and_a_cancel_passes(m: Any) -> None:
    orders(m)
    kill(m, options=0)
    assert cancelled(m) == []
    m.timer(5)
    assert cancelled(m) == []
    m.cancel(1)
    assert cancelled(m) == [1]


def test_kill_when_given_twice_counts_once_and_adds_its_options(m: Any) -> None:
    orders(m)
    kill(m, options=0)
    first = int(m.scope("FIRM", 0, 0)["kill_seq"])
    kill(m)
    assert cancelled(m) == [1, 2, 3]
    assert (int(m.status["killed_scopes"]), int(m.scope("FIRM", 0, 0)["kill_seq"])) == (1, first)
    release(m)
    assert int(m.status["killed_scopes"]) == 0


@pytest.mark.parametrize(("kind", "a", "b"), [("VENUE", 7, 0), ("FIRM", 1, 0), ("ACCOUNT_INSTRUMENT", 1, 0), ("STRATEGY", 0, 0), ("INSTRUMENT", 1, 1)])
def test_kill_when_the_scope_cannot_be_changes_nothing(m: Any, kind: str, a: int, b: int) -> None:
    orders(m)
    kill(m, kind, a, b)
    assert m.breaks() == ["BAD_CONTROL"]
    assert cancelled(m) == []
    m.new(4)
    assert m.told() == ["ACCEPTED"]


def test_kill_when_its_options_are_unknown_changes_nothing(m: Any) -> None:
    orders(m)
    kill(m, options=128)
    assert m.breaks() == ["BAD_CONTROL"]
    assert cancelled(m) == []


def test_release_when_nothing_is_killed_is_refused(m: Any) -> None:
    release(m)
    assert m.breaks() == ["BAD_CONTROL"]


def test_kill_and_release_when_refused_make_no_row_for_their_scope(m: Any) -> None:
    before = int(m.status["scope_count"])
    release(m, "ACCOUNT_INSTRUMENT", 1, 2)
    kill(m, "STRATEGY_INSTRUMENT", 2, 2, options=128)
    assert m.breaks() == ["BAD_CONTROL", "BAD_CONTROL"]
    assert int(m.status["scope_count"]) == before, "the table of scopes is for what holds something"


# ---- until the list is empty


def test_kill_when_a_cancel_was_refused_asks_again_after_a_second(m: Any) -> None:
    orders(m)
    kill(m)
    m.event("CANCEL_REJECT", 1, 1, text_code=3)
    m.timer()
    assert cancelled(m) == [], "not at once"
    m.timer(1)
    assert cancelled(m) == [1], "the others await an answer"
    m.event("CANCELED", 1, 2)
    m.timer(2)
    assert cancelled(m) == []


def test_kill_when_an_order_is_filled_and_only_its_cancel_is_unanswered_does_not_ask_again(m: Any) -> None:
    orders(m)
    m.cancel(1)
    m.fill(10000, order=1, cum_qty=10000)
    kill(m)
    assert cancelled(m) == [2, 3]
    m.timer(60)
    assert cancelled(m) == [2, 3], "theirs are overdue"
    assert int(m.order(1)["revision"]) == 1


def test_kill_when_the_session_is_down_asks_once_it_is_up_and_uses_up_no_revisions_meanwhile(m: Any) -> None:
    orders(m)
    m.event("SESSION_DOWN")
    kill(m)
    for _ in range(50):
        m.timer(1)
        assert cancelled(m) == []
    assert int(m.order(1)["revision"]) == 0
    m.event("SESSION_UP")
    m.timer(1)
    assert cancelled(m) == [1, 2, 3]


def test_kill_when_a_venue_refuses_for_ever_still_asks_after_a_night(m: Any) -> None:
    orders(m)
    kill(m)
    asked = 1
    m.event("CANCEL_REJECT", 1, asked, text_code=3)
    for _ in range(3600):
        m.timer(10)
        if cancelled(m) and 1 in cancelled(m):
            asked = int(m.order(1)["revision"])
            m.event("CANCEL_REJECT", 1, asked, text_code=3)
    assert asked > 100
    assert asked < BIT["REVISIONS_MAX"], "ten hours of refusals leave revisions"
    m.timer(200)
    assert 1 in cancelled(m)


def test_kill_when_the_gateway_is_stalled_cancels_all_the_same_or_later(m: Any) -> None:
    orders(m)
    m.observe("GATEWAY_STALLED", 1)
    kill(m)
    now = cancelled(m)
    m.observe("GATEWAY_READY", 1)
    m.timer(2)
    assert sorted(now + cancelled(m)) == [1, 2, 3]


# ---- a clock that was set back


def test_sweep_when_engine_time_stands_still_goes_on_by_the_timer(m: Any) -> None:
    long_position(m)
    kill(m, options=CANCEL | FLATTEN)
    asked, flattened = [], []
    m.event("CANCEL_REJECT", 1, 1, text_code=3)
    m.event("REJECTED", 2, ord_status="REJECTED")
    still = m.now + SECOND // 2
    for _ in range(31):
        m.now = still - 1000
        m.timer()
        asked += cancelled(m)
        flattened += sold(m)
    assert int(m.status["engine_ns"]) == still
    assert (asked, flattened) == ([1], [4000])
    m.timer(30)
    assert_same_after_replay(m)


def test_sweep_when_engine_time_stands_still_for_hours_leaves_revisions(m: Any) -> None:
    orders(m)
    kill(m)
    still, asked = m.now, 1
    for _ in range(8000):
        m.now = still
        if int(m.order(1)["cancel_revision"]):
            m.event("CANCEL_REJECT", 1, asked, text_code=3)
            m.now = still
        m.timer()
        asked = int(m.order(1)["revision"])
    assert 30 < asked < 120


# ---- who else kills


def test_reject_limit_when_the_venue_refuses_too_many_in_a_row_kills_the_scope(m: Any) -> None:
    m.limit("REJECT_LIMIT", 3, "STRATEGY", 1)
    m.new(9)
    m.event("ACK", 1)
    for k in (1, 2):
        m.new(k)
        m.event("REJECTED", int(m.status["order_count"]), ord_status="REJECTED")
    assert state_of(m, "STRATEGY", 1, 0) == "OPEN"
    m.new(3)
    m.event("REJECTED", int(m.status["order_count"]), ord_status="REJECTED")
    assert state_of(m, "STRATEGY", 1, 0) == "KILLED"
    assert cancelled(m) == [1]
    m.new(4)
    assert m.deny() == "KILLED"
    m.new(5, strategy=2)
    assert m.told() == ["ACCEPTED"]
    release(m, "STRATEGY", 1)
    m.new(6)
    assert m.told() == ["ACCEPTED"], "and it counts from zero again"


def test_reject_limit_when_an_ack_comes_between_counts_anew(m: Any) -> None:
    m.limit("REJECT_LIMIT", 2, "VENUE", 1)
    for k in range(1, 9, 2):
        m.new(k)
        m.event("REJECTED", int(m.status["order_count"]), ord_status="REJECTED")
        m.new(k + 1)
        m.event("ACK", int(m.status["order_count"]))
    assert state_of(m, "VENUE", 1, 0) == "OPEN"


def test_reject_limit_when_the_engines_own_flattening_is_refused_does_not_count(m: Any) -> None:
    m.limit("REJECT_LIMIT", 2)
    long_position(m)
    kill(m, "STRATEGY", 1, options=FLATTEN)
    for _ in range(4):
        m.event("REJECTED", int(m.status["order_count"]), ord_status="REJECTED")
        m.timer(30)
    assert sold(m) == [4000]
    assert state_of(m, "FIRM", 0, 0) == "OPEN", "one strategy that cannot be closed is no reason to stop the firm"
    assert int(m.scope("FIRM", 0, 0)["rejects"]) == 0


def test_reject_limit_when_the_engines_own_flattening_is_acked_counts_on(m: Any) -> None:
    m.limit("REJECT_LIMIT", 2)
    long_position(m)
    m.new(5, strategy=2)
    m.event("REJECTED", 2, ord_status="REJECTED")
    kill(m, "STRATEGY", 1, options=FLATTEN)
    m.event("ACK", 3)
    m.new(6, strategy=2)
    m.event("REJECTED", 4, ord_status="REJECTED")
    assert state_of(m, "FIRM", 0, 0) == "KILLED", "what the engine sends says nothing of what the strategies send"


@pytest.mark.parametrize(("peer", "kind"), [(0, "FIRM"), (1, "VENUE")])
def test_kill_word_when_seen_kills_and_cancels_and_stays_when_it_is_cleared(m: Any, peer: int, kind: str) -> None:
    orders(m)
    m.observe("KILL_WORD", peer, 1)
    assert cancelled(m) == [1, 2, 3]
    assert state_of(m, kind, *SCOPES[kind]) == "KILLED"
    m.observe("KILL_WORD", peer, 0)
    m.new(4)
    assert m.deny() == "KILLED"
    assert_same_after_replay(m)


def test_kill_word_when_of_no_venue_changes_nothing(m: Any) -> None:
    orders(m)
    m.observe("KILL_WORD", 9, 1)
    assert m.sent() == []


def test_kill_word_when_a_gateway_cancels_too_both_ends_agree(m: Any) -> None:
    orders(m)
    m.observe("KILL_WORD", 1, 1)
    out = BIT["REVISION_OUT_OF_BAND"]
    m.event("CANCELED", 1, out)
    m.event("CANCEL_REJECT", 1, 1, text_code=1)
    m.event("CANCELED", 2, 1)
    m.event("CANCEL_REJECT", 2, out, text_code=1)
    assert [m.state_of(row)[0] for row in (1, 2)] == ["CANCELED", "CANCELED"]
    assert m.breaks() == []


def test_strategy_when_silent_is_cancel_only_and_its_orders_are_cancelled(m: Any) -> None:
    orders(m)
    m.observe("STRATEGY_SILENT", 1, 10**9)
    assert cancelled(m) == [1, 2]
    assert (int(m.table("strategies")[1]["status"]), int(m.table("strategies")[1]["silent"])) == (ENUMS["StrategyStatus"].by_name["CANCEL_ONLY"], 1)
    m.new(4)
    assert m.deny() != "NONE"
    m.new(5, strategy=2, instrument=2)
    assert m.told() == ["ACCEPTED"]
    m.event("CANCEL_REJECT", 1, 1, text_code=3)
    m.timer(1)
    assert cancelled(m) == [1], "asked again like a killed one"
    m.control("STRATEGY_ATTACH", strategy=1, epoch=8, pid=2)
    assert int(m.table("strategies")[1]["silent"]) == 1, "a restart is not a person's decision"
    assert int(m.table("strategies")[1]["status"]) == ENUMS["StrategyStatus"].by_name["CANCEL_ONLY"], "an operator frees it"


def test_strategy_when_silent_with_the_session_down_is_cancelled_once_it_is_up(m: Any) -> None:
    orders(m)
    m.event("SESSION_DOWN")
    m.observe("STRATEGY_SILENT", 1, 10**9)
    assert cancelled(m) == []
    m.event("SESSION_UP")
    m.timer(1)
    assert cancelled(m) == [1, 2]


@pytest.mark.parametrize("wanted", [0, 1])
def test_session_when_it_comes_back_cancels_if_the_venue_says_so(m: Any, wanted: int) -> None:
    m.control("DEFINE_VENUE", body=m.record("Venue", id=1, name="sim", status=1, durability=1, cancel_on_disconnect=wanted))
    orders(m)
    m.event("SESSION_DOWN")
    assert cancelled(m) == []
    m.event("SESSION_UP")
    assert cancelled(m) == ([1, 2, 3] if wanted else [])
    m.new(4)
    assert m.told() == ["ACCEPTED"], "it is no kill"


# ---- operators


@pytest.fixture
def governed(m: Any) -> Any:
    """The machine with operators, after its first orders."""
    for row, (uid, role) in enumerate(((OWNER, "ADMIN"), (RISK, "RISK"), (SECOND_RISK, "RISK"), (TRADER, "TRADER")), 1):
        body = m.record("Operator", id=row, uid=uid, name=f"op{row}", role=ENUMS["OperatorRole"].by_name[role], status=1)
        m.control("DEFINE_OPERATOR", body=body, operator_uid=OWNER)
    m.new(1)
    return m


def decide(m: Any, command: str, proposal: int, uid: int) -> None:
    m.control(command, body=m.record("Decision", proposal=proposal), operator_uid=uid)


def test_kill_when_there_are_operators_needs_one_and_its_release_two(governed: Any) -> None:
    m = governed
    kill(m, uid=TRADER)
    assert state_of(m, "FIRM", 0, 0) == "KILLED"
    release(m, uid=RISK)
    assert state_of(m, "FIRM", 0, 0) == "KILLED"
    decide(m, "APPROVE", 1, RISK)
    assert state_of(m, "FIRM", 0, 0) == "KILLED", "nobody approves his own"
    decide(m, "APPROVE", 1, SECOND_RISK)
    assert state_of(m, "FIRM", 0, 0) == "OPEN"


@pytest.mark.parametrize("by_word", [False, True], ids=["command", "word"])
def test_kill_when_its_release_is_pending_withdraws_it(governed: Any, by_word: bool) -> None:
    m = governed
    kill(m, uid=TRADER)
    release(m, uid=RISK)
    if by_word:
        m.observe("KILL_WORD", 0, 1)
    else:
        kill(m, uid=TRADER)
    decide(m, "APPROVE", 1, SECOND_RISK)
    assert state_of(m, "FIRM", 0, 0) == "KILLED"
    release(m, uid=RISK)
    decide(m, "APPROVE", 2, SECOND_RISK)
    assert state_of(m, "FIRM", 0, 0) == "OPEN"
    assert_same_after_replay(m)


def test_kill_when_of_a_stranger_changes_nothing(governed: Any) -> None:
    kill(governed, uid=4242)
    assert state_of(governed, "FIRM", 0, 0) == "OPEN"
    assert "BAD_CONTROL" in governed.breaks()


def test_kill_word_when_applied_is_part_of_the_audit_digest(governed: Any) -> None:
    before, entries = int(governed.status["audit_digest"]), int(governed.status["audit_entries"])
    governed.observe("KILL_WORD", 0, 1)
    assert int(governed.status["audit_digest"]) != before
    assert int(governed.status["audit_entries"]) == entries + 1
