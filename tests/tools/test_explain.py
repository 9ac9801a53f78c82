"""The dry run of an intent says what the engine then does, names every refusal, and touches nothing; the views show what the tables hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ringfence.tools import explain
from ringfence.tools.errors import UsageError
from ringfence.tools.scenario_config import setup
from ringfence.tools.scenario_file import parse
from ringfence.tools.scenario_machine import Machine
from ringfence.tools.views import risk
from ringfence.tools.views.tables import Replayed

CONFIG: dict[str, Any] = {
    "firm": "USD",
    "instruments": [{"symbol": "EUR/USD", "base": "EUR", "quote": "USD", "price_digits": 4, "qty_digits": 0}],
    "accounts": [{"name": "main", "broker": "prime"}],
    "venues": ["v1", "v2"],
    "strategies": [{"name": "mm1", "desk": "fx"}, {"name": "mm2"}],
    "routes": [
        {"name": "sells", "account": "main", "venue": "v1", "side": "sell"},
        {"name": "first", "account": "main", "venue": "v1"},
        {"name": "second", "account": "main", "venue": "v2"},
    ],
    "permissions": [{"strategies": "mm1", "ord_types": "limit", "time_in_forces": ["day", "ioc"]}],
    "limits": [
        {"scope": "account:main", "rule": "MAX_NOTIONAL", "value": "2000"},
        {"scope": "firm", "rule": "MAX_QTY", "value": "3000"},
        {"scope": "strategy:mm1", "rule": "OPEN_ORDERS", "value": "1"},
    ],
}
WORDS = "BUY 1000 EUR/USD @ 1.1 strategy=mm1"


@pytest.fixture
def machine(tmp_path: Path) -> Any:
    made = Machine(setup(parse("x", json.dumps({"config": CONFIG}).encode())), tmp_path)
    yield made
    made.close()


def ask(machine: Any, text: str) -> explain.Answer:
    before = machine.replayer.state_hash()
    state = explain.copy_of(machine.table)
    strategy, intent = explain.parse(text, state)
    answer = explain.run(state, strategy, intent, machine.now + 1000)
    assert machine.replayer.state_hash() == before, "a dry run changes nothing"
    return answer


def test_explain_when_it_would_pass_names_route_and_checks(machine: Any) -> None:
    answer = ask(machine, WORDS)
    assert (answer.accepted, answer.route, answer.account, answer.venue, answer.refusals) == (True, "first", "main", "v1", [])
    assert {"PERMISSION", "MAX_NOTIONAL", "MAX_QTY", "OPEN_ORDERS"} <= set(answer.passed)
    assert [(r["route"], r["fits"], r["why"], r["chosen"]) for r in answer.routes] == [
        ("sells", "no", "side", "no"),
        ("first", "yes", None, "yes"),
        ("second", "yes", None, "no"),
    ]


def test_explain_when_several_checks_would_refuse_names_all_of_them_with_their_scopes(machine: Any) -> None:
    answer = ask(machine, "BUY 4000 EUR/USD @ 1.1 strategy=mm1 tif=gtc")
    assert not answer.accepted and not answer.unlooked
    assert [(r.reason, r.rules, r.scopes) for r in answer.refusals] == [
        ("NOT_PERMITTED", ["PERMISSION"], []),
        ("MAX_QTY", ["MAX_QTY"], ["firm"]),
        ("MAX_NOTIONAL", ["MAX_NOTIONAL"], ["account:main"]),
    ]


def test_explain_when_a_session_is_down_says_why_and_takes_the_next(machine: Any) -> None:
    machine.disconnect(machine.at("v1"))
    answer = ask(machine, WORDS)
    assert (answer.accepted, answer.route) == (True, "second")
    assert [(r["route"], r["why"]) for r in answer.routes][1] == ("first", "SESSION_DOWN")
    named = ask(machine, f"{WORDS} route=first")
    assert [r.reason for r in named.refusals] == ["SESSION_DOWN"]


def test_explain_when_the_terms_are_wrong_stops_there(machine: Any) -> None:
    answer = ask(machine, f"{WORDS} tif=gtd")
    assert ([r.reason for r in answer.refusals], answer.unlooked) == (["BAD_TIME_IN_FORCE"], True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("BUY", "the intent was 'BUY'"),
        ("BUY 1000 EUR/USD @ 1.1", "needs strategy=NAME"),
        ("HOLD 1000 EUR/USD strategy=mm1", "'HOLD' is no Side"),
        ("BUY 1000.5 EUR/USD strategy=mm1", "quantity was '1000.5'"),
        ("BUY 1000 GBP strategy=mm1", "there is no 'GBP' in instruments; there are EUR/USD"),
        ("BUY 1000 EUR/USD strategy=mm9", "there is no 'mm9' in strategies; there are mm1, mm2"),
        ("BUY 1000 EUR/USD strategy=mm1 size=5", "unknown word 'size'"),
    ],
)
def test_explain_when_the_text_is_no_intent_says_what_is_allowed(machine: Any, text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        explain.parse(text, explain.copy_of(machine.table))
    assert message in str(error.value)


def test_risk_when_orders_work_shows_use_hits_and_kills(machine: Any) -> None:
    from ringfence.tools.scenario_actions import do

    lines = [
        {"intent": {"client_id": 1, "op": "new", "side": "buy", "qty": "1000", "price": "1.1", "type": "limit", "tif": "day", "strategy": "mm1"}},
        {"intent": {"client_id": 2, "op": "new", "side": "buy", "qty": "1000", "price": "1.2", "type": "limit", "tif": "day", "strategy": "mm1"}},
        {"operator": {"kill": "desk:fx"}},
    ]
    for step in parse("x", "\n".join(map(json.dumps, lines)).encode()).steps:
        do(machine, step)
    source = Replayed(machine.replayer.state)
    rows = {(r["scope"], r["rule"]): r for r in risk.risk(source)}
    assert rows["account:main", "MAX_NOTIONAL"]["max"] == "2000"
    row = rows["strategy:mm1", "OPEN_ORDERS"]
    assert (row["used"], row["max"], row["use_pct"], row["hits"], row["health"]) == ("1", "1", 100.0, 1, "warn")
    assert row["last_reject"] is not None
    assert rows["desk:fx", "KILL_SWITCH"]["state"] == "KILLED"
    assert risk.killed(source) == ["desk:fx killed"]
    assert [r["scope"] for r in risk.risk(source, "account:")] == ["account:main"]
    assert risk.permissions(source) == [
        {
            "id": 1,
            "name": "permission1",
            "strategy": "mm1",
            "accounts": "*",
            "venues": "*",
            "instruments": "*",
            "ord_types": "LIMIT",
            "time_in_forces": "DAY,IOC",
            "short": "no",
        }
    ]
