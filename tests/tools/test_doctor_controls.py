"""What ``ringfence doctor`` finds in an instance's controls: a picture where all is well, and for each check one where it is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journal_by_hand import record
from synthetic_instance import Synthetic

from ringfence.core.rules import RULES
from ringfence.ipc.schema import ENUMS
from ringfence.tools import cli
from ringfence.tools.doctor_controls import CHECKS, WANTED, Picture

OWNER, ALICE, BOB = 1000, 7001, 7002
ROLE, SCOPE = ENUMS["OperatorRole"].by_name, ENUMS["ScopeKind"].by_name


def operator(row: int, name: str, uid: int, role: str = "RISK", **fields: Any) -> Any:
    return record("Operator", **{"id": row, "name": name, "uid": uid, "role": ROLE[role], "status": 1} | fields)


def scope(kind: str, a: int = 0, b: int = 0, rules: tuple[str, ...] = WANTED) -> Any:
    return record("Scope", kind=SCOPE[kind], a=a, b=b, limited=sum(1 << RULES[r].number for r in rules))


def grant(strategy: int, element: int = 1, name: str = "makers") -> Any:
    bit = 1 << element
    row = record("Permission", id=1, strategy=strategy, name=name, ord_types=bit, time_in_forces=bit)
    for part in ("accounts", "venues", "instruments"):
        row[part][0] = bit
    return row


def good() -> Picture:
    strategies = [record("Strategy", id=k, name=f"mm{k}", status=1, uid=OWNER) for k in (1, 2)]
    instruments = [record("Instrument", id=k, symbol=f"I{k}", status=1) for k in (1, 2)]
    tables = {
        "operators": [operator(1, "owner", OWNER, "ADMIN"), operator(2, "alice", ALICE, public_key=b"a" * 32), operator(3, "bob", BOB, public_key=b"b" * 32)],
        "permissions": [grant(1)],
        "strategies": strategies,
        "scopes": [scope("FIRM")],
        "instruments": instruments,
        "accounts": [record("Account", id=1, name="main", status=1, broker=1)],
        "venues": [record("Venue", id=1, name="ecn", status=1)],
    }
    return Picture(tables, OWNER)


def found(name: str, picture: Picture) -> list[str]:
    return [f"{f.detail} | {f.fix}" for f in next(c for c in CHECKS if c.name == name).find(picture)]


def with_(**tables: list[Any]) -> Picture:
    return replace(good(), tables=good().tables | tables)


def test_checks_when_all_is_well_find_nothing(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch(mode=0o600)
    picture = replace(good(), secrets=(("private key", key),))
    assert [(c.name, found(c.name, picture)) for c in CHECKS] == [(c.name, []) for c in CHECKS]
    assert all(c.well for c in CHECKS)


def test_operators_when_only_the_owner_is_one_are_too_few() -> None:
    for rows in ([], [operator(1, "owner", OWNER, "ADMIN")], [operator(1, "owner", OWNER, "ADMIN"), operator(2, "alice", ALICE, status=2)]):
        assert "no operator but who runs the instance" in found("operators", with_(operators=rows))[0]


@pytest.mark.parametrize("other", [operator(2, "alice", ALICE, "TRADER"), operator(2, "alice", ALICE, status=2)])
def test_second_person_when_nobody_else_has_the_role_names_who_is_alone(other: Any) -> None:
    lines = found("second person", with_(operators=[operator(1, "owner", OWNER, "ADMIN"), other]))
    assert len(lines) == 1 and "operator owner: nobody else may approve" in lines[0] and 'role "risk"' in lines[0]


@pytest.mark.parametrize(
    ("fields", "what"), [({"uid": ALICE}, "uid"), ({"name": "alice"}, "name"), ({"public_key": b"a" * 32}, "public key"), ({"public_key": b""}, "")]
)
def test_one_person_when_two_operators_share_what_tells_them_apart_is_found(fields: dict[str, Any], what: str) -> None:
    given = {"name": "bob", "uid": BOB, "public_key": b"b" * 32} | fields
    lines = found("one person", with_(operators=[operator(1, "alice", ALICE, public_key=b"a" * 32), operator(2, **given)]))
    assert [f"have one {what}:" in line for line in lines] == ([True] if what else [])


def test_one_person_when_a_strategy_runs_as_an_operator_is_found() -> None:
    strategies = [record("Strategy", id=1, name="mm1", status=1, uid=ALICE)]
    assert "strategy mm1 runs as uid 7001, which is operator alice" in found("one person", with_(strategies=strategies))[0]


def test_grants_when_there_are_none_or_one_of_everything_are_found() -> None:
    empty = record("Permission", id=1, strategy=1, name="emptied")
    assert "no grant: every new order is denied" in found("grants", with_(permissions=[empty]))[0]
    assert found("grants", with_(permissions=[], strategies=[])) == []
    assert "grant everything: every strategy may trade everything everywhere, because" in found("grants", with_(permissions=[grant(0, 0, "everything")]))[0]
    assert found("grants", with_(permissions=[grant(1, 0), grant(0, 1)])) == []


@pytest.mark.parametrize("rule", WANTED)
def test_limits_when_one_is_absent_for_a_strategy_names_it(rule: str) -> None:
    others = tuple(r for r in WANTED if r != rule)
    lines = found("limits", with_(scopes=[scope("FIRM", rules=others), scope("STRATEGY", 1)]))
    assert len(lines) == 1 and f"strategy mm2 has no {rule}," in lines[0] and f"limits set {rule} strategy:mm2" in lines[0]


@pytest.mark.parametrize(
    "scopes",
    [
        [scope("STRATEGY", 1)],
        [scope("DESK", 1)],
        [scope("INSTRUMENT", 1), scope("INSTRUMENT", 2)],
        [scope("INSTRUMENT", 1), scope("STRATEGY_INSTRUMENT", 1, 2)],
        [scope("ACCOUNT", 1)],
        [scope("BROKER", 1)],
        [scope("VENUE", 1)],
        [scope("FIRM", rules=("MAX_QTY",)), scope("VENUE", 1, rules=("MAX_NOTIONAL", "COLLAR"))],
    ],
)
def test_limits_when_every_order_of_a_strategy_meets_them_somewhere_are_enough(scopes: list[Any]) -> None:
    strategies = [record("Strategy", id=1, name="mm1", status=1, uid=OWNER, desk_row=1), record("Strategy", id=2, name="off", status=4)]
    assert found("limits", with_(scopes=scopes, strategies=strategies)) == []


@pytest.mark.parametrize("scopes", [[scope("INSTRUMENT", 1)], [scope("STRATEGY_INSTRUMENT", 1, 2)], [scope("STRATEGY", 2)], [scope("DESK", 1)]])
def test_limits_when_some_orders_of_a_strategy_meet_none_are_absent(scopes: list[Any]) -> None:
    assert any("strategy mm1 has no MAX_QTY, MAX_NOTIONAL, COLLAR" in line for line in found("limits", with_(scopes=scopes)))


def test_margin_when_an_account_is_bounded_and_has_nothing_to_hold_names_what_it_lacks() -> None:
    bounded, cash = scope("ACCOUNT", 1, rules=("FREE_MARGIN", *WANTED)), [record("CashBalance", account=1, entered=[10**18, 0])]
    lines = found("margin", with_(scopes=[bounded]))
    assert len(lines) == 2 and "account main is bounded by FREE_MARGIN and has no cash" in lines[0] and "[[margin]]" in lines[1]
    assert len(found("margin", with_(scopes=[bounded], cash=cash))) == 1
    assert found("margin", with_(scopes=[bounded], cash=[record("CashBalance", account=1, paid=[5, 0])])) == lines, "a fee is no money to trade with"
    rates = [record("MarginRate", id=1, broker=1, status=1)]
    assert found("margin", with_(scopes=[bounded], cash=cash, margin_rates=rates)) == []
    for other in (record("MarginRate", id=1, broker=2, status=1), record("MarginRate", id=1, status=2), record("MarginRate", id=1, account=2, status=1)):
        assert "no rate" in found("margin", with_(scopes=[bounded], cash=cash, margin_rates=[other]))[0].replace(
            "nothing it trades has a margin rate", "no rate"
        )
    for place in (scope("FIRM"), scope("BROKER", 1), bounded):
        place["limits"][RULES["MARGIN_RATE"].number] = 50_000
        assert found("margin", with_(scopes=[place, scope("FIRM", rules=("FREE_MARGIN",))], cash=cash)) == []
    assert found("margin", with_(scopes=[scope("ACCOUNT", 2, rules=("FREE_MARGIN",))])) == [], "another account's limit"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_keys_when_others_may_touch_the_file_are_found(tmp_path: Path, mode: int) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    key.chmod(mode)
    line = found("keys", replace(good(), secrets=(("private key", key), ("password", tmp_path / "gone"))))
    assert f"has mode {mode:04o}" in line[0] and f"chmod 600 {key}" in line[0]
    assert "No such file" in line[1]


def test_doctor_when_an_instance_and_a_key_are_there_has_a_row_for_each_check(synthetic: Synthetic, tmp_path: Path, capsys: Any) -> None:
    key = tmp_path / "alice.pem"
    key.touch(mode=0o644)
    cli.main(["doctor", str(key), "--json"])
    rows = [r for r in json.loads(capsys.readouterr().out)["rows"] if r["check"] == "keys" or r["check"].endswith(f" {synthetic.name}")]
    assert {f"{c.name} {synthetic.name}" for c in CHECKS} <= {r["check"] for r in rows}
    assert next(r for r in rows if r["check"] == "keys")["health"] == "warn"
    assert all(r["fix"] for r in rows if r["health"] == "warn")


def test_tables_when_counted_are_the_rows_in_use_of_the_engine(synthetic: Synthetic) -> None:
    from ringfence.tools.doctor_controls import tables_of
    from ringfence.tools.views.instance import Instance

    synthetic.state.section("engine")[1]["strategy_count"] = 2
    with Instance(synthetic.name) as instance:
        assert [bytes(r["name"]) for r in np.atleast_1d(tables_of(instance)["strategies"])] == [b"mm1", b"mm2"]
