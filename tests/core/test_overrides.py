"""Overrides that overlap, and commands that cannot be: no loosened limit outlives its time, and what failed is no change."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.ipc.schema import ENUMS

RISK_A, RISK_B = 1001, 1002
SECOND = 1_000_000_000


@pytest.fixture
def m(machine: Any) -> Any:
    machine.currency()
    for row, uid in enumerate((RISK_A, RISK_B), 1):
        body = machine.record("Operator", id=row, name=f"op{uid}", uid=uid, role=ENUMS["OperatorRole"].by_name["RISK"], status=1)
        machine.control("DEFINE_OPERATOR", body=body)
    machine.limit("MAX_QTY", 100, operator_uid=RISK_A, operator_name="config")
    machine.new(1, qty=1)
    return machine


def override(m: Any, value: int, seconds: int) -> None:
    m.limit("MAX_QTY", value, operator_uid=RISK_A, expires_ns=m.now + seconds * SECOND)
    m.control("APPROVE", body=m.record("Decision", proposal=int(m.status["proposals"])), operator_uid=RISK_B)
    assert limit_of(m) == value


def limit_of(m: Any) -> int:
    return int(m.scope()["limits"][ENUMS["RiskRule"].by_name["MAX_QTY"]])


@pytest.mark.parametrize(("first", "second"), [(30, 60), (60, 30), (30, 30)])
def test_overrides_when_they_overlap_give_back_the_limit_before_both(m: Any, first: int, second: int) -> None:
    override(m, 200, first)
    override(m, 300, second)
    m.timer(31)
    m.timer(31)
    assert limit_of(m) == 100
    assert m.replayed().tables() == m.tables()


def test_audit_digest_when_a_permitted_command_cannot_be_stays(m: Any) -> None:
    before = int(m.status["audit_digest"]), int(m.status["audit_entries"])
    m.control("SET_STRATEGY", strategy=1, status=99, operator_uid=RISK_A)
    m.kill("ACCOUNT", 999, operator_uid=RISK_A)
    assert m.breaks()[-2:] == ["BAD_CONTROL", "BAD_CONTROL"]
    assert (int(m.status["audit_digest"]), int(m.status["audit_entries"])) == before
