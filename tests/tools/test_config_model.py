"""The firm's model in configuration: what it says is what the tables hold, what is wrong names the key, and the same file again changes nothing."""

from __future__ import annotations

import copy
import os
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from firm_config import FIRM

from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS
from ringfence.tools import definitions
from ringfence.tools.config import Config, parse
from ringfence.tools.errors import ConfigError

FILE = Path("firm.toml")
LIMITS = Limits(orders=64, executions=64, positions=16, breaks=64)


@pytest.fixture
def values() -> dict[str, Any]:
    return tomllib.loads(FIRM)


def configured(config: Config, engine: Replayer | None = None, before: Config | None = None) -> tuple[Replayer, list[Any]]:
    """An engine that has applied what the configuration publishes, and the commands."""
    replayer = engine or Replayer(LIMITS)
    state = replayer.state
    commands = definitions.changes(config, state.table, state.table("engine")[1], before)
    for row in commands:
        head = np.zeros(1, dtype("FileFrame"))
        head[0]["seq"], head[0]["kind"], head[0]["payload_bytes"] = replayer.seq + 1, ENUMS["FrameKind"].by_name["CONTROL"], dtype("Control").itemsize
        head[0]["length"], head[0]["engine_ns"] = 64 + dtype("Control").itemsize, replayer.seq + 1
        replayer.apply(head.tobytes() + np.array([row]).tobytes())
    assert int(state.table("engine")[1]["break_count"]) == 0, "a command of the configuration was refused"
    return replayer, commands


def limit_of(engine: Replayer, kind: str, a: int, b: int, rule: str) -> int:
    for s in engine.state.table("scopes")[1 : int(engine.state.table("engine")[1]["scope_count"]) + 1]:
        if (int(s["kind"]), int(s["a"]), int(s["b"])) == (ENUMS["ScopeKind"].by_name[kind], a, b):
            return int(s["limits"][ENUMS["RiskRule"].by_name[rule]])
    return 0


def test_model_when_published_is_in_the_tables(values: dict[str, Any]) -> None:
    engine, _ = configured(parse(values, FILE))
    table = engine.state.table
    assert [(c["code"], int(c["rate"]), int(c["is_firm"])) for c in table("currencies")[1:3]] == [(b"USD", 10**9, 1), (b"EUR", 1_082_500_000, 0)]
    assert (table("accounts")[1]["broker"], table("accounts")[2]["broker"]) == (1, 0)
    assert (table("strategies")[1]["desk_row"], table("strategies")[1]["deadman_ns"]) == (1, 500_000_000)
    assert int(table("venues")[1]["cancel_on_disconnect"]) == 1
    spot, future = table("instruments")[1], table("instruments")[2]
    assert (int(spot["margin_ppm"]), int(spot["kind"]), int(spot["settle_days"])) == (35_000, 1, 2)
    assert (int(future["kind"]), int(future["last_day"]), int(future["restricted"]), int(future["locate_required"])) == (6, 20261218, 1, 1)
    assert (int(spot["mark_side"]), int(spot["daily"]), int(future["mark_side"]), int(future["daily"])) == (1, 0, 3, 1)
    assert (future["band_px"].tolist(), future["band_tick"].tolist()) == ([10_000, 50_000, 0], [10, 50, 0])
    route = table("routes")[1]
    assert [int(route[n]) for n in ("strategy", "side", "qty_min", "qty_max", "from_s", "until_s")] == [1, 1, 1_000_000, 5_000_000, 27_000, 75_630]
    grants = table("permissions")
    assert [(g["name"], int(g["strategy"])) for g in grants[1:4]] == [(b"makers", 1), (b"makers", 2), (b"index", 1)]
    assert (int(grants[1]["accounts"][0]), int(grants[1]["venues"][0]), int(grants[1]["instruments"][0])) == (2, 1, 2)
    assert (int(grants[1]["ord_types"]), int(grants[1]["time_in_forces"]), int(grants[1]["flags"])) == (1 << 2, 1 << 1 | 1 << 4, 0)
    assert (int(grants[3]["accounts"][0]), int(grants[3]["instruments"][0]), int(grants[3]["flags"])) == (1, 4, 1)
    assert limit_of(engine, "FIRM", 0, 0, "MAX_NOTIONAL") == 10_000_005_000
    assert limit_of(engine, "ACCOUNT_INSTRUMENT", 1, 1, "MAX_POSITION") == 5_000_000
    assert limit_of(engine, "STRATEGY", 1, 0, "REFERENCE_AGE") == 5_000_000_000
    assert (limit_of(engine, "FIRM", 0, 0, "COLLAR"), limit_of(engine, "FIRM", 0, 0, "SELF_MATCH")) == (25_000, 2)
    assert limit_of(engine, "VENUE", 1, 0, "MESSAGE_RATE") == 100
    operators = table("operators")
    assert [(int(o["uid"]), int(o["role"])) for o in operators[1:3]] == [(os.getuid(), 4), (4001, 3)]
    assert operators[2]["public_key"].hex().endswith("01")


def test_changes_when_the_same_file_is_read_again_are_none(values: dict[str, Any]) -> None:
    config = parse(values, FILE)
    engine, first = configured(config)
    assert len(first) > 30
    assert configured(config, engine)[1] == []
    assert configured(config, engine, config)[1] == []


def test_changes_when_one_limit_differs_are_that_limit_by_the_name_config(values: dict[str, Any]) -> None:
    engine, _ = configured(parse(values, FILE))
    values["limit"][0]["value"] = "900000"
    _, commands = configured(parse(values, FILE), engine)
    assert [int(c["kind"]) for c in commands] == [ENUMS["ControlKind"].by_name["SET_LIMIT"]]
    assert commands[0]["operator_name"] == b"config"
    assert limit_of(engine, "FIRM", 0, 0, "MAX_NOTIONAL") == 9_000_000_000


def test_changes_when_a_limit_left_the_file_lift_it_at_a_reload_only(values: dict[str, Any]) -> None:
    before = parse(values, FILE)
    engine, _ = configured(before)
    del values["limit"][0]
    config = parse(values, FILE)
    assert configured(config, engine)[1] == [], "a start leaves what the file does not speak of"
    configured(config, engine, before)
    assert limit_of(engine, "FIRM", 0, 0, "MAX_NOTIONAL") == 0


def test_changes_when_a_grant_moves_in_the_file_are_none_and_when_it_leaves_it_is_emptied(values: dict[str, Any]) -> None:
    engine, _ = configured(parse(values, FILE))
    values["permission"].reverse()
    assert configured(parse(values, FILE), engine)[1] == []
    values["permission"] = values["permission"][1:]
    _, commands = configured(parse(values, FILE), engine)
    assert len(commands) == 1
    row = engine.state.table("permissions")[3]
    assert not row["accounts"].any() and not row["instruments"].any() and int(row["ord_types"]) == 0
    assert configured(parse(values, FILE), engine)[1] == []


def test_changes_when_an_operator_leaves_the_file_halt_him(values: dict[str, Any]) -> None:
    engine, _ = configured(parse(values, FILE))
    del values["operator"]
    configured(parse(values, FILE), engine)
    assert int(engine.state.table("operators")[2]["status"]) == ENUMS["Status"].by_name["HALTED"]


def test_holidays_when_the_file_changes_follow_it_in_both_directions(values: dict[str, Any]) -> None:
    days = [f"2026-{month:02}-{day:02}" for month in (1, 2) for day in range(1, 21)]
    values["holidays"] = [
        {"currency": "USD", "days": days[:20]},
        {"currency": "USD", "days": [*days[15:], "2035-03-19"]},
        {"currency": "EUR", "days": ["2024-01-01"]},
    ]
    engine, commands = configured(parse(values, FILE))
    calendars = engine.state.table("calendars")

    def said() -> list[set[str]]:
        return [{f"{str(d)[:4]}-{str(d)[4:6]}-{str(d)[6:]}" for d in definitions.holidays_of(calendars[row])} for row in (1, 2)]

    assert said() == [{*days, "2035-03-19"}, {"2024-01-01"}]
    assert sum(int(c["kind"]) == ENUMS["ControlKind"].by_name["DEFINE_HOLIDAYS"] for c in commands) == 4, "15 days a command"
    assert configured(parse(values, FILE), engine)[1] == []
    values["holidays"] = [{"currency": "USD", "days": [days[3], "2026-12-25"]}]
    _, commands = configured(parse(values, FILE), engine)
    assert said() == [{days[3], "2026-12-25"}, set()]
    assert len(commands) == 5


def test_model_when_nothing_is_said_grants_everything_and_warns(values: dict[str, Any]) -> None:
    for key in ("permission", "limit", "operator", "desk", "currency", "firm"):
        del values[key]
    config = parse(values, FILE)
    assert [(p.name, p.strategy, p.accounts, p.short) for p in config.permissions] == [("everything", 0, (0,), True)]
    assert [d.name for d in config.desks] == ["fx"], "desks that strategies name are made"
    assert [w.split(":")[0] for w in config.warnings] == ["no [[permission]]", "no [[limit]]", "fewer than two operators of role risk or admin"]
    engine, _ = configured(config)
    assert int(engine.state.table("engine")[1]["first_permission"]) == 1


@pytest.mark.parametrize(
    ("path", "value", "key", "allowed"),
    [
        ("currency.0.rate", "-1", "currency[1].rate was '-1'", "a positive decimal"),
        ("currency.0.code", "USD", "currency[1].code was 'USD'", "a code of its own"),
        ("holidays", [{"currency": "CHF", "days": ["2026-12-25"]}], "holidays[1].currency was 'CHF'", '"USD", "EUR"'),
        ("holidays", [{"currency": "USD", "days": ["2026-02-30"]}], "holidays[1].days was '2026-02-30'", "a date such as"),
        ("holidays", [{"currency": "USD", "days": ["25.12.2026"]}], "holidays[1].days was '25.12.2026'", "a date such as"),
        ("holidays", [{"currency": "USD", "days": ["2035-03-20"]}], "holidays[1].days was '2035-03-20'", "from 2024-01-01 to 2035-03-19"),
        ("holidays", [{"currency": "USD", "days": ["2023-12-31"]}], "holidays[1].days was '2023-12-31'", "from 2024-01-01 to 2035-03-19"),
        ("holidays", [{"currency": "USD"}], "holidays[1].days was []", "a list of dates"),
        ("firm.currency", "", "firm.currency", "the code of the firm's currency"),
        ("account.0.broker", "nobody", "account[1].broker was 'nobody'", '"prime"'),
        ("account.1.currency", "CHF", "account[2].currency was 'CHF'", "a currency with a rate"),
        ("instrument.1.quote", "CHF", "instrument[2].quote was 'CHF'", "MAX_NOTIONAL of firm is counted in the firm's"),
        ("instrument.0.margin", "3.5", "instrument[1].margin was '3.5'", "a share with a percent sign"),
        ("instrument.0.kind", "bond", "instrument[1].kind was 'bond'", '"fx_spot"'),
        ("instrument.0.last_day", "2026-12-18", "instrument[1].last_day was 20261218", "only fx_forward, fx_ndf, future"),
        ("instrument.1.last_day", "2026-13-18", "instrument[2].last_day was '2026-13-18'", "a date such as"),
        ("instrument.0.inverse", True, "instrument[1].inverse was True", "only contracts"),
        ("instrument.1.bands.1.from", "1000", "instrument[2].bands[2].from was 10000", "more than the band before it"),
        ("strategy.0.desk", "rates", "strategy[1].desk was 'rates'", '"fx"'),
        ("route.0.side", "long", "route[1].side was 'long'", '"any", "buy", "sell", "sell_short"'),
        ("route.0.from", "25:00", "route[1].from was '25:00'", "a time of the UTC day"),
        ("route.0.qty_max", "1000", "route[1].qty_max was 1000", "at least qty_min"),
        ("route.1.qty_min", "5", "route[2].qty_min was '5'", "no such key without an instrument"),
        ("route.0.strategy", "mm9", "route[1].strategy was 'mm9'", '"*", "mm1", "mm2"'),
        ("permission.0.strategies", ["mm1", "mm9"], "permission[1].strategies was 'mm9'", '"*", "mm1", "mm2"'),
        ("permission.0.ord_types", "iceberg", "permission[1].ord_types was 'iceberg'", '"limit"'),
        ("permission.1.name", "makers", "permission.name was 'makers'", "a name of its own"),
        ("limit.0.scope", "house", "limit[1].scope was 'house'", "account:NAME/SYMBOL"),
        ("limit.0.scope", "account:nobody", "limit[1].scope was 'account:nobody'", "there are main, hedge"),
        ("limit.0.rule", "MAX_NOTION", "limit[1].rule was 'MAX_NOTION'", "MAX_NOTIONAL"),
        ("limit.0.rule", "TICK", "limit[1].rule was 'TICK'", "is no rule that has a limit"),
        ("limit.0.rule", "SHORT_SALE", "limit[1].rule was 'SHORT_SALE'", "it can at account/instrument"),
        ("limit.0.value", "1e6", "limit[1].value was '1e6'", "an amount of the firm's currency"),
        ("limit.2.value", "5", "limit[3].value was '5'", "a duration with its unit"),
        ("limit.3.value", "0.025", "limit[4].value was '0.025'", "a share with a percent sign"),
        ("limit.3.rule", "MAX_NOTIONAL", "limit[4].value was '2.5%'", "an amount"),
        ("operator.0.role", "boss", "operator[1].role was 'boss'", '"viewer", "trader", "risk", "admin"'),
        ("operator.0.user", "root", "operator[1].user was 'root'", "uid or user, not both"),
        ("operator.0.public_key", "abc", "operator[1].public_key was 'abc'", "32 bytes of an Ed25519 public key"),
        ("operator.0.uid", os.getuid(), "operator[1].role was 'risk'", '"admin", active'),
    ],
)
def test_model_when_a_key_is_wrong_names_it_and_what_is_allowed(values: dict[str, Any], path: str, value: object, key: str, allowed: str) -> None:
    out = copy.deepcopy(values)
    at: Any = out
    *parents, last = path.split(".")
    for part in parents:
        at = at[int(part)] if part.isdigit() else at[part]
    at[last] = value
    with pytest.raises(ConfigError) as error:
        parse(out, FILE)
    assert key in str(error.value) and allowed in str(error.value), str(error.value)
