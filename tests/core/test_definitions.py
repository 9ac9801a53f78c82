"""Definitions on an instance that trades: what allows more waits for a second operator, what allows less is done; the tools split images likewise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.ipc.schema import ENUMS
from ringfence.tools.definitions import LOOSER

OWNER, ALICE, BOB = 1000, 1001, 1002
ROLE, STATUS, STRATEGY = ENUMS["OperatorRole"].by_name, ENUMS["Status"].by_name, ENUMS["StrategyStatus"].by_name
FUTURE = ENUMS["InstrumentKind"].by_name["FUTURE"]
STATE = {v: n for n, v in ENUMS["ProposalState"].by_name.items()}
ACTIVE, HALTED = STATUS["ACTIVE"], STATUS["HALTED"]
OPERATORS = {OWNER: "ADMIN", ALICE: "RISK", BOB: "RISK"}


@pytest.fixture
def m(machine: Any) -> Any:
    machine.currency()
    for row, (uid, role) in enumerate(OPERATORS.items(), 1):
        machine.control("DEFINE_OPERATOR", body=operator(machine, row, uid, role))
    machine.new(1, qty=1)
    return machine


def operator(m: Any, row: int, uid: int, role: str = "RISK", **fields: Any) -> Any:
    return m.record("Operator", **{"id": row, "uid": uid, "name": f"op{uid}", "role": ROLE[role], "status": ACTIVE} | fields)


def image(m: Any, table: str, row: int, **fields: Any) -> Any:
    """The row as it is, with these fields."""
    out = m.table(table)[row].copy()
    for name, value in fields.items():
        out[name] = value
    return out


def define(m: Any, record: str, body: Any, uid: int = OWNER) -> str:
    """What became of a definition: done, proposed or refused."""
    breaks, proposals = int(m.status["break_count"]), int(m.status["proposals"])
    m.control(f"DEFINE_{record.upper()}", body=body, operator_uid=uid, operator_name="owner")
    if int(m.status["break_count"]) > breaks:
        return "refused"
    return "proposed" if int(m.status["proposals"]) > proposals else "done"


def decide(m: Any, proposal: int, uid: int, what: str = "APPROVE") -> bool:
    before = int(m.status["break_count"])
    m.control(what, body=m.record("Decision", proposal=proposal), operator_uid=uid)
    return int(m.status["break_count"]) == before


def states(m: Any) -> list[str]:
    return [STATE[int(r["state"])] for r in m.table("proposals")[1 : int(m.status["proposal_count"]) + 1]]


TABLES = {"instruments": "Instrument", "accounts": "Account", "venues": "Venue", "strategies": "Strategy", "currencies": "Currency"}
LOOSE: list[tuple[str, dict[str, int], dict[str, int]]] = [
    ("instruments", {"status": HALTED}, {"status": ACTIVE}),
    ("instruments", {"restricted": 1}, {"restricted": 0}),
    ("instruments", {"locate_required": 1}, {"locate_required": 0}),
    ("instruments", {"qty_max": 10}, {"qty_max": 11}),
    ("instruments", {"qty_max": 10}, {"qty_max": 0}),
    ("instruments", {"qty_min": 2}, {"qty_min": 1}),
    ("instruments", {"margin_ppm": 2}, {"margin_ppm": 1}),
    ("instruments", {"last_day": 20260101, "kind": FUTURE}, {"last_day": 20260102, "kind": FUTURE}),
    ("accounts", {"status": HALTED}, {"status": ACTIVE}),
    ("accounts", {"code": b"a"}, {"code": b"b"}),  # type: ignore[dict-item]
    ("venues", {"status": HALTED}, {"status": ACTIVE}),
    ("venues", {"cancel_on_disconnect": 1}, {"cancel_on_disconnect": 0}),
    ("strategies", {"max_age_ns": 5}, {"max_age_ns": 6}),
    ("strategies", {"max_age_ns": 5}, {"max_age_ns": 0}),
    ("strategies", {"deadman_ns": 5}, {"deadman_ns": 6}),
    ("strategies", {"cancel_on_detach": 1}, {"cancel_on_detach": 0}),
    ("strategies", {"uid": 5}, {"uid": 6}),
    ("currencies", {"rate": 5}, {"rate": 4}),
]


@pytest.mark.parametrize(("table", "before", "after"), LOOSE)
def test_definition_when_it_allows_more_waits_for_another_and_the_way_back_does_not(m: Any, table: str, before: dict[str, int], after: dict[str, int]) -> None:
    record, row = TABLES[table], 1
    m.control(f"DEFINE_{record.upper()}", body=image(m, table, row, **before), operator_uid=OWNER)
    while (waiting := states(m)) and waiting[-1] == "PENDING":
        assert decide(m, len(waiting), ALICE)
    known, held = len(states(m)), m.table(table)[row].copy()
    assert define(m, record, image(m, table, row, **after)) == "proposed"
    assert all(m.table(table)[row][n] == held[n] for n in after), "nothing of it holds before it is approved"
    assert not decide(m, known + 1, OWNER), "nobody agrees with himself"
    assert decide(m, known + 1, BOB)
    assert all(m.table(table)[row][n] == v for n, v in after.items())
    symmetric = {"uid", "code"} & after.keys()
    assert define(m, record, image(m, table, row, **before)) == ("proposed" if symmetric else "done")


@pytest.mark.parametrize(
    ("record", "table", "fields", "closed", "opened"),
    [
        ("Instrument", "instruments", {"symbol": b"NEW", "tick": 1, "lot": 1}, {"status": HALTED}, {"status": ACTIVE}),
        ("Account", "accounts", {"name": b"new"}, {"status": HALTED}, {"status": ACTIVE}),
        ("Venue", "venues", {"name": b"new"}, {"status": HALTED}, {"status": ACTIVE}),
        ("Currency", "currencies", {"code": b"JPY", "status": ACTIVE}, {"rate": 0}, {"rate": 9}),
        ("Operator", "operators", {"uid": 1009, "name": b"new", "role": ROLE["TRADER"]}, {"status": HALTED}, {"status": ACTIVE}),
    ],
)
def test_row_when_new_may_be_put_in_closed_by_one_and_is_opened_by_two(
    m: Any, record: str, table: str, fields: dict[str, Any], closed: dict[str, int], opened: dict[str, int]
) -> None:
    row = int(m.status[f"{table.removesuffix('s') if table != 'currencies' else 'currency'}_count"]) + 1
    assert define(m, record, m.record(record, id=row, **fields, **opened)) == "proposed"
    assert int(m.table(table)[row]["id"]) == 0
    assert define(m, record, m.record(record, id=row, **fields, **closed)) == "done"
    assert states(m) == ["WITHDRAWN"], "a later image of a row withdraws what waits for it"
    assert define(m, record, m.record(record, id=row, **fields, **opened)) == "proposed"
    assert decide(m, 2, ALICE)
    assert all(m.table(table)[row][n] == v for n, v in opened.items())


def test_strategy_when_one_person_has_added_it_trades_only_after_a_second_one_agreed(m: Any) -> None:
    row = int(m.status["strategy_count"]) + 1
    assert define(m, "Strategy", m.record("Strategy", id=row, name=b"new", status=STRATEGY["ENABLED"])) == "proposed"
    assert define(m, "Strategy", m.record("Strategy", id=row, name=b"new", status=STRATEGY["DISABLED"])) == "done"
    assert int(m.table("strategies")[row]["unapproved"]) == 1
    for status in ("ENABLED", "REDUCE_ONLY", "CANCEL_ONLY"):
        m.control("SET_STRATEGY", strategy=row, status=STRATEGY[status], operator_uid=ALICE)
    assert int(m.table("strategies")[row]["status"]) == STRATEGY["DISABLED"]
    assert decide(m, 2, BOB)
    assert (int(m.table("strategies")[row]["status"]), int(m.table("strategies")[row]["unapproved"])) == (STRATEGY["ENABLED"], 0)
    m.control("SET_STRATEGY", strategy=row, status=STRATEGY["DISABLED"], operator_uid=ALICE)
    m.control("SET_STRATEGY", strategy=row, status=STRATEGY["ENABLED"], operator_uid=ALICE)
    assert int(m.table("strategies")[row]["status"]) == STRATEGY["ENABLED"], "what two have let loose, one may stop and start"


def test_operator_when_nobody_could_approve_is_added_by_one_and_after_that_by_two(machine: Any) -> None:
    m = machine
    m.currency()
    m.control("DEFINE_OPERATOR", body=operator(m, 1, OWNER, "ADMIN"))
    m.new(1, qty=1)
    assert define(m, "Operator", operator(m, 2, ALICE)) == "done", "the second person has to come from somewhere"
    assert define(m, "Operator", operator(m, 3, BOB)) == "proposed"
    assert define(m, "Operator", operator(m, 2, ALICE, status=HALTED)) == "done"
    assert define(m, "Operator", operator(m, 3, BOB)) == "proposed", "halting the other one is no way around him"


@pytest.mark.parametrize("fields", [{"role": ROLE["ADMIN"]}, {"public_key": b"k" * 32}, {"uid": 1009}, {"name": b"alice2"}])
def test_operator_when_changed_into_more_or_another_waits(m: Any, fields: dict[str, Any]) -> None:
    assert define(m, "Operator", image(m, "operators", 2, **fields)) == "proposed"


def test_proposal_when_the_row_was_tightened_since_is_withdrawn(m: Any) -> None:
    define(m, "Instrument", image(m, "instruments", 1, qty_max=100))
    now = int(m.table("instruments")[1]["qty_max"])
    assert define(m, "Instrument", image(m, "instruments", 1, qty_max=now + 1)) == "proposed"
    assert define(m, "Instrument", image(m, "instruments", 1, restricted=1)) == "done"
    assert states(m)[-1] == "WITHDRAWN" and not decide(m, len(states(m)), ALICE)
    assert int(m.table("instruments")[1]["restricted"]) == 1


def test_definition_when_it_loosens_is_in_the_audit_digest_once_it_is_applied(m: Any) -> None:
    now = int(m.table("instruments")[1]["qty_max"])
    entries = int(m.status["audit_entries"])
    define(m, "Instrument", image(m, "instruments", 1, qty_max=now + 1))
    assert int(m.status["audit_entries"]) == entries
    assert decide(m, 1, ALICE)
    assert int(m.status["audit_entries"]) == entries + 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), table=st.sampled_from(("instruments", "accounts", "venues", "strategies")))
def test_tools_when_they_split_an_image_judge_like_the_engine(m: Any, data: Any, table: str) -> None:
    """The same single field, drawn twice: the tools call it looser exactly when the engine makes it a proposal."""
    name = data.draw(st.sampled_from(sorted(LOOSER[table].keys() - {"desk", "desk_row", "broker", "code", "qty_min", "qty_max"})))
    flags = ("restricted", "locate_required", "cancel_on_disconnect", "cancel_on_detach")
    values = st.integers(1, 2) if name == "status" else st.integers(0, 1) if name in flags else st.integers(0, 3)
    if name == "status" and table == "strategies":
        return
    if name == "last_day":
        values = st.sampled_from([0, 20260101, 20260102, 20260103])
    before, after = data.draw(values), data.draw(values)
    record, dated = TABLES[table], {"kind": FUTURE} if name == "last_day" else {}
    m.limit("MARGIN_RATE", 10, operator_uid=OWNER)
    m.control(f"DEFINE_{record.upper()}", body=image(m, table, 1, **{name: before}, **dated), operator_uid=OWNER)
    waiting = states(m)
    if waiting and waiting[-1] == "PENDING":
        assert decide(m, int(m.status["proposals"]), ALICE)
    expected = "proposed" if LOOSER[table][name](before, after) else "done"
    assert define(m, record, image(m, table, 1, **{name: after})) == expected
