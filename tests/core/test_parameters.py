"""Live parameters: a number of a strategy by name, set by one person at once, kept with what a configuration last said, the same in every replay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.core.state import Limits
from ringfence.ipc.schema import CONSTANTS

RISK, TRADER, VIEWER = 1001, 1002, 1003
Row = tuple[bytes, int, int, int, int, int]


def change(m: Any, name: str | bytes = "qty", value: int = 1, *, digits: int = 0, strategy: int = 1, configured: int = 0, uid: int = 0) -> bool:
    """Command it; whether it was taken."""
    before = int(m.status["break_count"]), int(m.status["controls_refused"])
    raw = name.encode() if isinstance(name, str) else name
    body = m.record("ParameterChange", value=value, digits=digits, strategy=strategy, is_configured=configured)
    data = body.tobytes()
    at = body.dtype.fields["name"][1]
    body = np.frombuffer(data[:at] + raw.ljust(32, b"\0") + data[at + 32 :], body.dtype)[0]
    m.control("SET_PARAMETER", body=body, operator_uid=uid, operator_name="ops", reason="calm")
    after = int(m.status["break_count"]), int(m.status["controls_refused"])
    assert after in (before, (before[0] + 1, before[1] + 1)), "what is refused is a break, and counted"
    return after == before


def rows(m: Any) -> list[Row]:
    used = m.table("parameters")[1 : int(m.status["parameter_count"]) + 1]
    assert all(int(r["begun"]) == int(r["changes"]) for r in used)
    fields = ("value", "digits", "changes", "configured", "configured_digits")
    return [(bytes(r["name"]), *(int(r[f]) for f in fields)) for r in used]  # type: ignore[misc]


def same_as_replay(m: Any) -> None:
    other = m.replayed()
    assert other.replayer.state.state_hash() == m.replayer.state.state_hash()
    assert rows(other) == rows(m)


def test_first_set_takes_a_row_and_the_next_changes_it(machine: Any) -> None:
    m = machine
    assert change(m, "qty", 100_000)
    assert change(m, "edge", -25, digits=2)
    assert change(m, "qty", 7, strategy=2)
    assert change(m, "qty", 200_000)
    assert rows(m) == [(b"qty", 200_000, 0, 2, 0, 0), (b"edge", -25, 2, 1, 0, 0), (b"qty", 7, 0, 1, 0, 0)]
    assert [int(s) for s in m.table("parameters")["strategy"][1:4]] == [1, 1, 2]
    same_as_replay(m)


def test_what_a_configuration_set_is_kept_beside_what_holds(machine: Any) -> None:
    m = machine
    assert change(m, "edge", 50, digits=2, configured=1)
    assert change(m, "edge", 7, digits=1)
    assert rows(m) == [(b"edge", 7, 1, 2, 50, 3)]
    assert change(m, "edge", 60, digits=2, configured=1)
    assert rows(m) == [(b"edge", 60, 2, 3, 60, 3)]
    same_as_replay(m)


@pytest.mark.parametrize("name", ["a", "_", "qty_2", "A" * 31, "x" * 30 + "9"])
def test_names_that_are_identifiers_are_taken(machine: Any, name: str) -> None:
    assert change(machine, name)
    assert rows(machine)[0][0] == name.encode()


@pytest.mark.parametrize("name", ["", "1st", "a b", "a-b", "x" * 32, b"a\0b", b"\xe9", b"a\xff", b"\0a", "a."])
def test_names_that_are_none_are_refused(machine: Any, name: str | bytes) -> None:
    assert not change(machine, name)
    assert rows(machine) == []


@pytest.mark.parametrize("wrong", [{"digits": 13}, {"digits": 255}, {"strategy": 0}, {"strategy": 3}, {"strategy": 65535}, {"configured": 2}])
def test_what_cannot_be_is_refused_and_changes_nothing(machine: Any, wrong: dict[str, int]) -> None:
    assert change(machine, "qty", 5)
    digest = int(machine.status["audit_digest"])
    assert not change(machine, **{"value": 9, **wrong})
    assert rows(machine) == [(b"qty", 5, 0, 1, 0, 0)]
    assert int(machine.status["audit_digest"]) == digest
    same_as_replay(machine)


def test_full_table_refuses_new_names_and_takes_known_ones(make_machine: Any) -> None:
    m = make_machine(Limits(orders=64, executions=64, positions=4, breaks=32, instruments=2, accounts=2, venues=2, strategies=3, routes=2, parameters=2))
    assert change(m, "a") and change(m, "b")
    assert not change(m, "c")
    assert change(m, "a", 9)
    assert [r[:2] for r in rows(m)] == [(b"a", 9), (b"b", 1)]
    same_as_replay(m)


def test_one_trader_suffices_and_a_viewer_may_not(machine: Any) -> None:
    m = machine
    for row, (uid, role) in enumerate([(RISK, 3), (TRADER, 2), (VIEWER, 1)], 1):
        m.control("DEFINE_OPERATOR", body=m.record("Operator", id=row, uid=uid, name=f"op{row}", role=role, status=1))
    m.new(1)
    assert change(m, "qty", 5, uid=TRADER) and change(m, "qty", 6, uid=RISK)
    assert not change(m, "qty", 7, uid=VIEWER) and not change(m, "qty", 7, uid=9)
    assert rows(m) == [(b"qty", 6, 0, 2, 0, 0)]
    assert int(m.status["proposals"]) == 0
    same_as_replay(m)


def test_audit_digest_tells_value_decimals_name_and_what_was_before(make_machine: Any) -> None:
    def digest(*commands: dict[str, Any]) -> int:
        m = make_machine()
        for c in commands:
            assert change(m, **c)
        return int(m.status["audit_digest"])

    one = {"name": "qty", "value": 5}
    found = [digest(one), digest(one | {"value": 6}), digest(one | {"digits": 1}), digest(one, {"name": "edge", "value": 5}), digest(one, one), digest()]
    assert len(set(found)) == len(found)


NAMES = ("qty", "edge", "skew_1", "9lives", "")
CHANGES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "value": st.one_of(st.integers(-3, 3), st.integers(-(1 << 63), (1 << 63) - 1)),
        "digits": st.integers(0, CONSTANTS["PARAMETER_DIGITS_MAX"][0] + 1),
        "strategy": st.integers(0, 3),
        "configured": st.integers(0, 1),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commands=st.lists(CHANGES, max_size=30))
def test_table_is_what_a_dictionary_says(make_machine: Any, commands: list[dict[str, Any]]) -> None:
    m = make_machine(Limits(orders=64, executions=64, positions=4, breaks=32, instruments=2, accounts=2, venues=2, strategies=3, routes=2, parameters=4))
    model: dict[tuple[int, str], tuple[int, int, int, int, int]] = {}
    for c in commands:
        key = c["strategy"], c["name"]
        can = c["strategy"] in (1, 2) and c["name"] in NAMES[:3] and c["digits"] <= 12 and (key in model or len(model) < 4)
        assert change(m, **c) == can
        if can:
            _, _, changes, *configured = model.get(key, (0, 0, 0, 0, 0))
            kept = (c["value"], c["digits"] + 1) if c["configured"] else (configured[0], configured[1])
            model[key] = c["value"], c["digits"], changes + 1, *kept
    assert rows(m) == [(name.encode(), *figures) for (_, name), figures in model.items()]
    same_as_replay(m)
