"""Signed commands in the engine: numbers are spent once and rise, times end, and a replay comes to the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS, RECORDS

SECOND = 1_000_000_000
ALICE, BOB, KEYLESS, VIEWER = 1001, 1002, 1003, 1004
MAX_QTY = ENUMS["RiskRule"].by_name["MAX_QTY"]
LATER = 1 << 62


def test_signature_when_behind_a_body_fills_it_to_the_end() -> None:
    assert 64 + dtype("Signature").itemsize == dtype("Control")["body"].itemsize
    small = ("LimitChange", "KillOrder", "Decision", "OrderAction")
    assert all(dtype(name).itemsize == 64 for name in small)
    assert RECORDS["Signature"].offsets["number"] == 0


@pytest.fixture
def m(machine: Any) -> Any:
    return with_operators(machine)


def with_operators(machine: Any) -> Any:
    machine.currency()
    for row, (uid, role) in enumerate(((ALICE, "RISK"), (BOB, "RISK"), (KEYLESS, "ADMIN"), (VIEWER, "VIEWER")), 1):
        key = b"" if uid == KEYLESS else b"\0" * 31 + bytes([row])
        fields = {"name": f"op{uid}", "uid": uid, "role": ENUMS["OperatorRole"].by_name[role], "status": 1, "public_key": key}
        machine.control("DEFINE_OPERATOR", body=machine.record("Operator", id=row, **fields))
    machine.new(1, qty=1)
    return machine


def sign(m: Any, value: int, number: int, uid: int = ALICE, not_after_ns: int = LATER, kind: str = "SET_LIMIT") -> bool:
    """Whether the engine took it: a MAX_QTY of the firm with a signature behind it."""
    limit = m.record("LimitChange", rule=MAX_QTY, value=value, kind=ENUMS["ScopeKind"].by_name["FIRM"])
    tail = m.record("Signature", number=number, not_after_ns=not_after_ns, signature="s", words="set_limit")
    before = int(m.status["break_count"])
    m.control(kind, body=np.frombuffer(limit.tobytes() + tail.tobytes(), np.uint8), operator_uid=uid)
    return int(m.status["break_count"]) == before


def limit_of(m: Any) -> int:
    return int(m.scope()["limits"][MAX_QTY])


def last_request(m: Any, row: int = 1) -> int:
    return int(m.table("operators")[row]["last_request"])


def test_signed_command_when_its_number_is_new_is_applied_and_the_number_is_spent(m: Any) -> None:
    assert sign(m, 50, 7)
    assert (limit_of(m), last_request(m)) == (50, 7)


def test_signed_command_when_its_number_is_not_higher_changes_nothing(m: Any) -> None:
    assert sign(m, 50, 7)
    assert not sign(m, 40, 7)
    assert not sign(m, 40, 6)
    assert (limit_of(m), last_request(m)) == (50, 7)
    assert sign(m, 40, 8)
    assert limit_of(m) == 40


def test_signed_command_when_its_time_is_over_changes_nothing_and_spends_nothing(m: Any) -> None:
    assert not sign(m, 50, 7, not_after_ns=m.now)
    assert last_request(m) == 0
    assert sign(m, 50, 7, not_after_ns=m.now + SECOND)


def test_signed_command_when_the_operator_has_no_key_or_is_unknown_changes_nothing(m: Any) -> None:
    assert not sign(m, 50, 7, uid=KEYLESS)
    assert not sign(m, 50, 7, uid=9)
    assert limit_of(m) == 0


def test_signed_command_when_the_role_forbids_it_is_refused_and_its_number_spent(m: Any) -> None:
    assert not sign(m, 50, 7, uid=VIEWER)
    assert (limit_of(m), last_request(m, 4)) == (0, 7)


def test_signed_command_when_it_loosens_waits_for_another_operator(m: Any) -> None:
    assert sign(m, 50, 1)
    assert sign(m, 60, 2)
    assert limit_of(m) == 50
    m.control("APPROVE", body=m.record("Decision", proposal=1), operator_uid=ALICE)
    assert limit_of(m) == 50, "her signature and her login are one person"
    m.control("APPROVE", body=m.record("Decision", proposal=1), operator_uid=BOB)
    assert limit_of(m) == 60


def test_number_when_the_operator_is_defined_again_with_another_key_stays_spent(m: Any) -> None:
    assert sign(m, 50, 7)
    fields = {"name": "op1001", "uid": ALICE, "role": ENUMS["OperatorRole"].by_name["RISK"], "status": 1, "public_key": b"another"}
    m.control("DEFINE_OPERATOR", body=m.record("Operator", id=1, **fields))
    assert not sign(m, 40, 7)
    assert sign(m, 40, 8)


def test_signed_command_when_no_operator_is_defined_is_refused(machine: Any) -> None:
    machine.currency()
    assert not sign(machine, 50, 1)


def test_row_image_when_it_looks_signed_is_none(machine: Any) -> None:
    instrument = machine.record("Instrument", id=2, symbol="GBP/USD", base="GBP", quote="USD", tick=1, lot=1, qty_max=9, multiplier=1, status=1)
    raw = instrument.tobytes()
    assert any(raw[64:72]), "bytes of the image lie where a signature's number would"
    machine.control("DEFINE_INSTRUMENT", body=np.frombuffer(raw, np.uint8))
    assert int(machine.status["instrument_count"]) == 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from((ALICE, BOB, KEYLESS)), st.integers(1, 6), st.integers(-1, 2)), max_size=20))
def test_numbers_when_commands_come_in_any_order_rise_as_a_slow_model_says(make_machine: Any, commands: list[tuple[int, int, int]]) -> None:
    machine = with_operators(make_machine())
    last = {ALICE: 0, BOB: 0}
    for k, (uid, number, seconds) in enumerate(commands):
        until = machine.now + 1000 + seconds * SECOND
        right = uid in last and number > last[uid] and seconds >= 0
        assert sign(machine, 1000 - k, number, uid, until) == right
        if right:
            last[uid] = number
    assert [last_request(machine, row) for row in (1, 2, 3)] == [last[ALICE], last[BOB], 0]
    assert machine.replayed().tables() == machine.tables()
