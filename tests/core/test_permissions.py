"""Grants: bit sets that multiply, lists per strategy, against a slow model; an instance without any is not looked at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.core import explain
from ringfence.core.state import Limits
from ringfence.ipc.schema import CONSTANTS, ENUMS

PART = ENUMS["PermissionPart"].by_name
ANY = CONSTANTS["ANY"][0]
LIMITS = Limits(orders=64, executions=64, positions=16, breaks=64, instruments=130, accounts=70, venues=2, strategies=4, routes=4, permissions=4)
ELEMENTS = {"ACCOUNT": 70, "VENUE": 2, "INSTRUMENT": 130, "ORD_TYPE": 4, "TIME_IN_FORCE": 7}


@pytest.fixture
def firm(make_machine: Any) -> Any:
    m = make_machine(LIMITS)
    for row in range(2, 131):
        m.instrument(row, f"I{row}")
    for row in range(2, 71):
        m.control("DEFINE_ACCOUNT", body=m.record("Account", id=row, name=f"a{row}", status=1))
    m.control("DEFINE_VENUE", body=m.record("Venue", id=2, name="two", status=1, durability=1))
    return m


def change(m: Any, permission: int, part: str, value: int, grant: int = 1, name: str = "") -> None:
    body = m.record("PermissionChange", permission=permission, part=PART[part], value=value, grant=grant, name=name)
    m.control("SET_PERMISSION", body=body)


def may(m: Any, strategy: int = 1, account: int = 1, venue: int = 1, **fields: int) -> bool:
    values = {"instrument": 1, "side": 1, "ord_type": 2, "time_in_force": 1} | fields
    return bool(explain.permitted(m.replayer.state, strategy, account, venue, m.record("Intent", **values).tobytes()))


def grant_all(m: Any, permission: int = 1, strategy: int = ANY, leave: str = "") -> None:
    change(m, permission, "STRATEGY", strategy)
    for part in ELEMENTS:
        if part != leave:
            change(m, permission, part, ANY)


def test_permitted_when_there_is_no_grant_at_all_is_everything(firm: Any) -> None:
    assert may(firm) and may(firm, side=5)


@pytest.mark.parametrize("part", ELEMENTS)
def test_permitted_when_one_set_is_empty_is_nothing(firm: Any, part: str) -> None:
    grant_all(firm, leave=part)
    assert not may(firm)
    change(firm, 1, part, ANY)
    assert may(firm)


@pytest.mark.parametrize(
    ("part", "field", "inside", "outside"),
    [
        ("ACCOUNT", "account", 70, 6),
        ("ACCOUNT", "account", 64, 1),
        ("VENUE", "venue", 2, 1),
        ("INSTRUMENT", "instrument", 130, 2),
        ("INSTRUMENT", "instrument", 63, 127),
        ("ORD_TYPE", "ord_type", 1, 2),
        ("TIME_IN_FORCE", "time_in_force", 7, 6),
    ],
)
def test_permitted_when_a_set_has_one_element_is_that_alone(firm: Any, part: str, field: str, inside: int, outside: int) -> None:
    grant_all(firm, leave=part)
    change(firm, 1, part, inside)
    assert may(firm, **{field: inside}) and not may(firm, **{field: outside})
    change(firm, 1, part, inside, grant=0)
    assert not may(firm, **{field: inside})


def test_permitted_when_a_sale_is_short_needs_its_own_grant(firm: Any) -> None:
    grant_all(firm)
    assert may(firm, side=2) and not may(firm, side=5)
    change(firm, 1, "SHORT", 0)
    assert may(firm, side=5)


def test_permitted_when_two_grants_cover_a_half_each_is_nothing(firm: Any) -> None:
    grant_all(firm, 1, leave="ACCOUNT")
    grant_all(firm, 2, leave="VENUE")
    change(firm, 1, "VENUE", ANY, grant=0)
    change(firm, 1, "ACCOUNT", 1)
    change(firm, 2, "ACCOUNT", ANY, grant=0)
    change(firm, 2, "VENUE", 1)
    assert not may(firm)


def test_permitted_when_a_grant_moves_to_another_strategy_leaves_the_first(firm: Any) -> None:
    grant_all(firm, 1, strategy=1)
    grant_all(firm, 2, strategy=1)
    assert may(firm, 1) and not may(firm, 2)
    change(firm, 2, "STRATEGY", 2)
    change(firm, 1, "STRATEGY", ANY, grant=0)
    assert not may(firm, 1) and may(firm, 2)


def test_change_when_it_names_what_cannot_be_changes_nothing(firm: Any) -> None:
    grant_all(firm)
    before = firm.table("permissions").tobytes()
    wrong = [(0, "ACCOUNT", 1), (5, "STRATEGY", 1), (3, "ACCOUNT", 1), (1, "ACCOUNT", 71), (1, "VENUE", 3), (1, "INSTRUMENT", 131), (1, "ORD_TYPE", 5)]
    wrong += [(1, "TIME_IN_FORCE", 8), (1, "STRATEGY", 3), (1, "ACCOUNT", 0)]
    for row, part, value in wrong:
        change(firm, row, part, value)
        assert firm.breaks()[-1] == "BAD_CONTROL", (row, part, value)
    assert len(firm.breaks()) == len(wrong)
    assert firm.table("permissions").tobytes() == before


def test_loosening_when_a_change_grants_is_told_from_one_that_takes(firm: Any) -> None:
    def more(permission: int, part: str, value: int, grant: int = 1) -> bool:
        body = firm.record("PermissionChange", permission=permission, part=PART[part], value=value, grant=grant)
        return bool(explain.grants_more(firm.replayer.state, body.tobytes()))

    assert not more(1, "STRATEGY", 1), "a new grant is empty"
    grant_all(firm, 1, strategy=1, leave="ACCOUNT")
    change(firm, 1, "ACCOUNT", 2)
    assert more(1, "ACCOUNT", 1) and more(1, "ACCOUNT", ANY) and more(1, "SHORT", 0)
    assert not more(1, "ACCOUNT", 2), "it has that already"
    assert not more(1, "VENUE", 1), "it has all of them"
    assert not more(1, "ACCOUNT", 2, grant=0)
    assert more(1, "STRATEGY", 2), "another strategy gets all that it has"


GRANT = st.fixed_dictionaries(
    {"strategy": st.sampled_from((1, 2, ANY)), "short": st.booleans()} | {part: st.sets(st.integers(0, top), max_size=3) for part, top in ELEMENTS.items()}
)


@given(st.lists(GRANT, min_size=1, max_size=4), st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_permitted_when_grants_are_random_equals_the_model(make_machine: Any, grants: list[dict[str, Any]], data: st.DataObject) -> None:
    m = make_machine(LIMITS)
    for row in range(2, 131):
        m.instrument(row, f"I{row}")
    for row in range(2, 71):
        m.control("DEFINE_ACCOUNT", body=m.record("Account", id=row, name=f"a{row}", status=1))
    m.control("DEFINE_VENUE", body=m.record("Venue", id=2, name="two", status=1, durability=1))
    for row, grant in enumerate(grants, 1):
        change(m, row, "STRATEGY", grant["strategy"])
        for part in ELEMENTS:
            for element in grant[part]:
                change(m, row, part, element or ANY)
        if grant["short"]:
            change(m, row, "SHORT", 0)
    for _ in range(20):
        strategy, side = data.draw(st.sampled_from((1, 2))), data.draw(st.sampled_from((1, 2, 5)))
        asked = {part: data.draw(st.sampled_from(sorted({*(e for g in grants for e in g[part] if e), 1, top}))) for part, top in ELEMENTS.items()}
        expected = any(g["strategy"] in (strategy, ANY) and all(0 in g[p] or asked[p] in g[p] for p in ELEMENTS) and (side != 5 or g["short"]) for g in grants)
        fields = {"instrument": asked["INSTRUMENT"], "ord_type": asked["ORD_TYPE"], "time_in_force": asked["TIME_IN_FORCE"], "side": side}
        assert may(m, strategy, asked["ACCOUNT"], asked["VENUE"], **fields) == expected


def test_replace_when_its_instrument_came_on_the_restricted_list_is_refused_and_a_cancel_passes(machine: Any) -> None:
    machine.new(1)
    machine.event("ACK", 1)
    machine.instrument(restricted=1)
    machine.replace(1, qty=9000)
    assert machine.deny() == "RESTRICTED"
    machine.cancel(1)
    assert int(machine.order(1)["cancel_revision"]) == 1
