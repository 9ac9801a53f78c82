"""Live parameters as people write them: values with their decimals, what a configuration sets and when, words of the audit, and one life of a real instance."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from firm_config import FIRM
from journal_by_hand import record
from running_instance import Running

from ringfence.ipc.schema import ENUMS
from ringfence.tools import cli, control_client, definitions, parameters
from ringfence.tools.change_text import Change, describe
from ringfence.tools.config import parse
from ringfence.tools.errors import ConfigError, UsageError
from ringfence.tools.views import parameters as views

FILE = Path("firm.toml")
NAMES = {"strategies": {"mm1": 1, "mm2": 2}}
ASKED = {"strategy": "mm2", "parameter": "edge", "value": "0.50"}


@pytest.mark.parametrize(
    ("text", "value", "digits"),
    [("100000", 100_000, 0), ("0.50", 50, 2), ("-0.25", -25, 2), ("+3", 3, 0), ("0.000000000001", 1, 12), (str((1 << 63) - 1), (1 << 63) - 1, 0)],
)
def test_value_when_written_keeps_its_decimals(text: str, value: int, digits: int) -> None:
    assert parameters.scaled(text) == (value, digits)
    assert parameters.text_of(parameters.change(1, "x", text)) == text.removeprefix("+")


@pytest.mark.parametrize("text", ["", "1e5", "1.", ".5", "0x1", "1_000", "nan", "٣", "0.0000000000001", str(1 << 63), "1.5\n"])
def test_value_when_it_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parameters.scaled(text)


def test_request_when_it_names_what_there_is_is_a_record() -> None:
    body = parameters.build(ASKED, NAMES)
    assert (int(body["strategy"]), bytes(body["name"]), int(body["value"]), int(body["digits"]), int(body["is_configured"])) == (2, b"edge", 50, 2, 0)


@pytest.mark.parametrize(("key", "value"), [("strategy", "x"), ("strategy", None), ("parameter", "1st"), ("parameter", ""), ("parameter", "x" * 32)])
def test_request_when_a_name_is_wrong_says_what_is_allowed(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{key} was"):
        parameters.build(ASKED | {key: value}, NAMES)


def test_change_when_described_has_what_was_before() -> None:
    rows = {
        "strategies": [record("Strategy", id=1, name="mm1"), record("Strategy", id=2, name="mm2")],
        "parameters": [record("Parameter", strategy=1, name="edge", value=3), record("Parameter", strategy=2, name="edge", value=25, digits=2)],
    }

    def table(name: str) -> Any:
        return np.array([np.zeros((), rows[name][0].dtype), *rows[name]], rows[name][0].dtype)

    def words(body: Any) -> Change:
        return describe(table, ENUMS["ControlKind"].by_name["SET_PARAMETER"], 0, 0, body.tobytes())

    assert words(parameters.build(ASKED, NAMES)) == Change("edge of strategy:mm2", "0.25", "0.50")
    assert words(parameters.build(ASKED | {"parameter": "qty"}, NAMES)) == Change("qty of strategy:mm2", "", "0.50")
    assert words(record("ParameterChange", strategy=9, name="edge", value=1)) == Change("edge of strategy:#9", "", "1")
    assert words(record("ParameterChange", strategy=0, name="", value=1)).before == ""


# ---- configuration


@pytest.fixture
def values() -> dict[str, Any]:
    return tomllib.loads(FIRM)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"qty": 1.5}, "strategy[1].parameters.qty was 1.5"),
        ({"qty": True}, "strategy[1].parameters.qty was True"),
        ({"qty": "1e5"}, "strategy[1].parameters.qty was '1e5'"),
        ({"qty": 1 << 63}, "strategy[1].parameters.qty was"),
        ({"1st": 1}, "strategy[1].parameters.1st was 1"),
        ({f"p{k}": k for k in range(257)}, "strategy.parameters was '257 values'"),
        (7, "strategy[1].parameters was 7"),
    ],
)
def test_configuration_when_a_parameter_is_wrong_names_it(values: dict[str, Any], given: Any, key: str) -> None:
    values["strategy"][0]["parameters"] = given
    with pytest.raises(ConfigError) as error:
        parse(values, FILE)
    assert key in str(error.value)


def test_changes_when_a_person_has_set_a_value_leave_it_until_the_file_says_another(values: dict[str, Any]) -> None:
    """By the rows that an engine would hold: kept over a restart, and over a reload of a file that says what it said."""

    def asked(**given: Any) -> list[str]:
        values["strategy"][0]["parameters"] = given
        found = parameters.configured(np.array(rows), 1, parse(values, FILE).strategies[0].parameters)
        return [f"{bytes(b['name']).decode()}={parameters.text_of(b)}" for b in found if int(b["is_configured"])]

    rows = [record("Parameter", strategy=2, name="qty", value=5, configured=5, configured_digits=1)]
    assert asked(qty=5, edge="0.50") == ["qty=5", "edge=0.50"], "that of another strategy is another"
    rows += [record("Parameter", strategy=1, name="qty", value=9, configured=5, configured_digits=1), record("Parameter", strategy=1, name="edge", value=50)]
    assert asked(qty=5) == []
    assert asked(qty=6) == ["qty=6"]
    assert asked(qty="5.0") == ["qty=5.0"], "other decimals are another value to who reads them"
    assert asked(edge=0) == ["edge=0"], "one that only people have set so far"
    assert asked() == []


def test_a_life_of_a_live_instance_sets_keeps_and_reloads(tmp_path: Path, instance: str, capsys: pytest.CaptureFixture[str]) -> None:
    running = Running(tmp_path, instance)

    def run(*argv: str) -> tuple[int, str]:
        status = cli.main([*argv, "--instance", running.name])
        out, err = capsys.readouterr()
        return status, out + err

    def shown() -> dict[str, str]:
        return {f"{r['strategy']}.{r['name']}": r["value"] for r in json.loads(run("parameters", "--json")[1])["rows"]}

    try:
        text = running.config.read_text().replace("[[strategy]]\n", '[[strategy]]\nparameters = { qty = 100000, edge = "0.50" }\n', 1)
        running.config.write_text(text)
        name = tomllib.loads(text)["strategy"][0]["name"]
        assert running.up() == 0, running.logs()
        assert shown() == {f"{name}.qty": "100000", f"{name}.edge": "0.50"}
        status, said = run("parameters", "set", name, "qty", "250000", "--reason", "calm market")
        assert (status, f"qty of {name} is 250000" in said) == (0, True), said
        assert run("parameters", "set", name, "skew", "-1.5", "--reason", "trend")[0] == 0
        for wrong in (("parameters", "set", name, "qty"), ("parameters", "set", name, "qty", "1e9", "--reason", "x")):
            status, said = run(*wrong)
            assert status == 2, said
        wanted = {f"{name}.qty": "250000", f"{name}.edge": "0.50", f"{name}.skew": "-1.5"}
        assert shown() == wanted
        assert running.down() == []
        assert running.up() == 0, running.logs()
        assert shown() == wanted, "what a person has set lives through a restart"
        changed = running.config.with_name("changed.toml")
        changed.write_text(text.replace("qty = 100000", "qty = 120000"))
        answer = control_client.request(running.name, {"op": "reload", "config": str(changed)})
        assert (answer["changes"], answer["refused"]) == (1, 0)
        assert shown() == wanted | {f"{name}.qty": "120000"}, "a file that says another value wins"
        trail = run("audit")[1]
        assert f"qty of strategy:{name}" in trail and "250000" in trail and "calm market" in trail
        assert running.down() == []
    finally:
        running.close()


def test_view_when_there_is_no_engine_has_no_rows() -> None:
    class Nothing:
        engine = None
        now_ns = 0

        def table(self, _name: str) -> None:
            return None

    assert views.parameters(Nothing()) == []


def test_signed_words_when_a_word_is_missing_say_so(tmp_path: Path) -> None:
    from ringfence.tools.commands.authority import parameter_asked

    asked = cli.parser().parse_args(["parameters", "set", "mm1", "qty", "5", "--reason", "r"])
    assert parameter_asked(asked) == {"strategy": "mm1", "parameter": "qty", "value": "5"}
    with pytest.raises(UsageError, match="needs STRATEGY NAME VALUE and --reason"):
        parameter_asked(cli.parser().parse_args(["parameters", "set", "mm1", "qty", "5"]))


def test_definitions_when_the_engine_has_nothing_set_all_that_the_file_says(values: dict[str, Any]) -> None:
    values["strategy"][0]["parameters"] = {"qty": 5}
    config = parse(values, FILE)
    from ringfence.core.replay import Replayer
    from ringfence.core.state import Limits

    state = Replayer(Limits(orders=64, executions=64, positions=16, breaks=64)).state
    commands = definitions.changes(config, state.table, state.table("engine")[1])
    kinds = [ENUMS["ControlKind"].by_value[int(c["kind"])] for c in commands]
    assert kinds.count("SET_PARAMETER") == 1
    assert kinds.index("SET_PARAMETER") > max(k for k, kind in enumerate(kinds) if kind == "DEFINE_STRATEGY")
