"""The scenarios of the controls: for each check one that passes at the limit and one that rejects just beyond, with its documented reject code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ringfence.core.replay import Replayer
from ringfence.core.rules import CHECKS, Rule
from ringfence.tools import scenario
from ringfence.tools.scenario_engine import LIMITS
from ringfence.tools.scenario_file import parse
from ringfence.tools.scenario_words import BadScenario

CONTROLS = Path(__file__).resolve().parent.parent / "scenarios" / "controls"
FILES = sorted(CONTROLS.glob("*.ndjson"))
NEW = '{"intent": {"client_id": 1, "op": "new", "side": "buy", "qty": "100", "price": "1.00"}}'


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_control_scenario_holds_and_replays(path: Path) -> None:
    result = scenario.run_file(path)
    assert scenario.report(result) == ""
    journal = b"".join(result.journal)
    replayer = Replayer(LIMITS)
    replayer.apply_buffer(journal, 0, len(journal))
    assert replayer.state_hash() == result.state_hash


@pytest.mark.parametrize("rule", CHECKS, ids=lambda r: r.name)
def test_check_has_a_scenario_that_passes_and_one_that_rejects_with_its_code(rule: Rule) -> None:
    slug = rule.name.lower().replace("_", "-")
    passes, rejects = ([p for p in FILES if re.match(rf"C{rule.number:02d}[a-z]-{slug}-{word}$", p.stem)] for word in ("passes", "rejects"))
    assert passes and rejects, f"no pair of scenarios for {rule.name}"
    for path in rejects:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        codes = {line["expect"]["denied"] for line in lines if isinstance(line.get("expect", {}).get("denied"), str)}
        assert codes and codes <= set(rule.reasons), path.stem
    for path in (*passes, *rejects):
        first = json.loads(path.read_text().splitlines()[0])
        assert first["comment"].startswith(f"{path.stem[:4]}: {rule.name}: ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"config": {"limits": [{"scope": "firm", "rule": "TICK", "value": "1"}]}}', "is no rule that has a limit"),
        ('{"config": {"limits": [{"scope": "house", "rule": "MAX_QTY", "value": "1"}]}}', "is no scope"),
        ('{"config": {"limits": [{"scope": "firm", "rule": "MAX_QTY"}]}}', "'value' is missing"),
        ('{"config": {"permissions": [{"ord_types": "iceberg"}]}}', "permissions[1].ord_types was 'iceberg'"),
    ],
)
def test_model_when_a_scenario_names_what_cannot_be_says_so(line: str, message: str) -> None:
    result = scenario.run(parse("x", f"{line}\n{NEW}".encode()))
    assert isinstance(result.error, BadScenario)
    assert message in str(result.error)


def test_config_when_a_share_has_no_percent_sign_is_refused_with_its_line() -> None:
    with pytest.raises(BadScenario, match=r"x:1: config.*'3.5' is no share"):
        parse("x", b'{"config": {"instruments": [{"symbol": "A", "margin": "3.5"}]}}')
