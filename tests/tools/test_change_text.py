"""Commands in words: what they are about, what holds of it now, what they ask for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from journal_by_hand import record

from ringfence.core.rules import RULES
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.tools.action_text import ACTIONS
from ringfence.tools.change_text import DEFINED, Change, describe, of_proposal

KIND, SCOPE = ENUMS["ControlKind"].by_name, ENUMS["ScopeKind"].by_name


class Tables:
    """One instrument with two decimals of quantity, one strategy, the firm's scope with a MAX_QTY of 10.00, and what is proposed."""

    def __init__(self) -> None:
        firm = record("Scope", kind=SCOPE["FIRM"], state=1)
        firm["limits"][RULES["MAX_QTY"].number] = 1000
        self.rows: dict[str, list[Any]] = {
            "instruments": [record("Instrument", id=1, symbol="EUR/USD", qty_digits=2, qty_max=100, status=1, bid=5)],
            "strategies": [record("Strategy", id=1, name="mm1", status=4)],
            "operators": [record("Operator", id=1, name="alice", role=2, public_key=b"\1\2")],
            "scopes": [firm],
        }

    def __call__(self, name: str) -> Any:
        rows = self.rows.get(name, [])
        if name == "engine":
            return np.array([record("EngineStatus"), record("EngineStatus", scope_count=1, proposal_count=len(self.rows.get("proposals", [])))])
        of = {
            "instruments": "Instrument",
            "strategies": "Strategy",
            "scopes": "Scope",
            "proposals": "Proposal",
            "operators": "Operator",
            "permissions": "Permission",
        }
        names = {table: rec for rec, table, _ in DEFINED.values()} | of
        return np.array([np.zeros((), dtype(names[name])), *rows], dtype(names[name]))


@pytest.fixture
def tables() -> Tables:
    return Tables()


def words(tables: Tables, kind: str, body: Any = None, strategy: int = 0, status: int = 0) -> Change:
    return describe(tables, KIND[kind], strategy, status, body.tobytes() if body is not None else b"")


def test_limit_when_described_is_in_the_unit_of_its_rule_and_instrument(tables: Tables) -> None:
    body = record("LimitChange", kind=SCOPE["FIRM"], rule=RULES["MAX_QTY"].number, value=2550)
    assert words(tables, "SET_LIMIT", body) == Change("MAX_QTY of firm", "10.00", "25.50")
    assert words(tables, "SET_LIMIT", record("LimitChange", kind=SCOPE["FIRM"], rule=63)).what == "rule 63 of firm"


def test_kill_and_release_when_described_say_the_state_of_the_scope(tables: Tables) -> None:
    assert words(tables, "KILL", record("KillOrder", kind=SCOPE["FIRM"])) == Change("firm", "OPEN", "KILLED")
    assert words(tables, "RELEASE", record("KillOrder", kind=SCOPE["INSTRUMENT"], a=1)) == Change("instrument:EUR/USD", "OPEN", "OPEN")


def test_definition_when_described_says_the_fields_that_would_change_and_no_other(tables: Tables) -> None:
    image = record("Instrument", id=1, symbol="EUR/USD", qty_digits=2, qty_max=200, status=2)
    assert words(tables, "DEFINE_INSTRUMENT", image) == Change("instrument EUR/USD", "qty_max=100 status=ACTIVE", "qty_max=200 status=HALTED")
    key = record("Operator", id=1, name="alice", role=3, public_key=b"\1\3")
    assert words(tables, "DEFINE_OPERATOR", key) == Change("operator alice", "public_key=0102 role=TRADER", "public_key=0103 role=RISK")
    assert words(tables, "DEFINE_STRATEGY", record("Strategy", id=1, name="mm1", status=1)) == Change("strategy mm1"), "its status is the operators'"


def test_definition_when_its_row_is_new_or_beyond_the_table_has_no_before(tables: Tables) -> None:
    assert words(tables, "DEFINE_STRATEGY", record("Strategy", id=2, name="new", status=4)).what == "strategy new"
    tables.rows["strategies"].append(record("Strategy"))
    assert words(tables, "DEFINE_STRATEGY", record("Strategy", id=2, name="new", status=4)) == Change("strategy new", "", "name=new status=DISABLED")


def test_strategy_and_grant_when_described_name_them(tables: Tables) -> None:
    assert words(tables, "SET_STRATEGY", strategy=1, status=1) == Change("strategy:mm1", "DISABLED", "ENABLED")
    tables.rows["permissions"] = [record("Permission", id=1, name="desk", strategy=1, instruments=[2, *[0] * 63])]
    part = ENUMS["PermissionPart"].by_name
    change = {"permission": 1, "part": part["INSTRUMENT"], "value": 1}
    what = "permission 1 (desk, strategy:mm1): INSTRUMENT instrument:EUR/USD"
    assert words(tables, "SET_PERMISSION", record("PermissionChange", grant=0, **change)) == Change(what, "granted", "")
    change["value"] = CONSTANTS["ANY"][0]
    assert words(tables, "SET_PERMISSION", record("PermissionChange", grant=1, **change)).before == "", "one instrument is not any"
    change |= {"part": part["ORD_TYPE"], "value": 2}
    assert words(tables, "SET_PERMISSION", record("PermissionChange", grant=1, **change)).what == "permission 1 (desk, strategy:mm1): ORD_TYPE LIMIT"


def test_action_when_described_names_what_it_is_about_and_its_state(tables: Tables) -> None:
    assert words(tables, "HALT") == Change("new risk", "taken", "halted: OPERATOR")
    assert words(tables, "STRATEGY_ATTACH", strategy=1) == Change("process of strategy:mm1", "detached", "attached")
    assert words(tables, "DONT_KNOW", record("OrderAction", execution=5, dk_reason=ord("A"))) == Change("execution 5", "", "refused to its venue, code A")
    holidays = {"currency": 1, "count": 2, "days": [20260106, 20261225] + [0] * 13}
    closed, opened = "does not settle on 2026-01-06 2026-12-25", "settles on 2026-01-06 2026-12-25"
    assert words(tables, "DEFINE_HOLIDAYS", record("HolidayChange", is_holiday=1, **holidays)) == Change("currency #1", opened, closed)
    assert words(tables, "DEFINE_HOLIDAYS", record("HolidayChange", is_holiday=0, **holidays)) == Change("currency #1", closed, opened)
    assert describe(tables, KIND["ROLL_DAY"], 0, 0, b"", 20260103) == Change("trading day", "0", "20260103")
    assert words(tables, "CHECKPOINT") == Change("")


def test_decision_when_described_says_what_was_proposed(tables: Tables) -> None:
    body = record("LimitChange", kind=SCOPE["FIRM"], rule=RULES["MAX_QTY"].number, value=2000)
    row = record("Proposal", id=7, kind=KIND["SET_LIMIT"], body=body.tobytes())
    assert of_proposal(tables, row) == Change("MAX_QTY of firm", "10.00", "20.00")
    tables.rows["proposals"] = [row]
    assert words(tables, "APPROVE", record("Decision", proposal=7)) == Change("proposal 7: MAX_QTY of firm", "10.00", "20.00")
    assert words(tables, "WITHDRAW", record("Decision", proposal=8)) == Change("proposal 8")


def test_margin_rate_when_described_is_named_by_what_it_is_about(tables: Tables) -> None:
    image = record("MarginRate", id=1, broker=3, instrument=1, rate_ppm=50_000, status=1)
    assert words(tables, "DEFINE_MARGIN", image).what == "margin broker:#3 instrument:EUR/USD"
    tables.rows["margin_rates"] = [image]
    lower = record("MarginRate", id=1, broker=3, instrument=1, rate_ppm=40_000, status=1)
    assert words(tables, "DEFINE_MARGIN", lower) == Change("margin broker:#3 instrument:EUR/USD", "rate_ppm=50000", "rate_ppm=40000")
    assert words(tables, "DEFINE_MARGIN", record("MarginRate", id=9)).what == "margin everything"


def test_definitions_when_listed_are_all_that_there_are() -> None:
    assert set(DEFINED) | {k for k in ACTIONS if k.startswith("DEFINE_")} == {k for k in KIND if k.startswith("DEFINE_")}
    assert all(RECORDS[rec].fields for rec, _, _ in DEFINED.values())
