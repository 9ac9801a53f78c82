"""The oracle and the engine over every scenario: two independent readings of the rules that must agree after every frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.core.replay import Replayer
from ringfence.tools import scenario
from ringfence.tools.scenario_engine import LIMITS
from ringfence.tools.simulation.oracle import Oracle, Violation

SCENARIOS = sorted((Path(__file__).resolve().parents[1] / "scenarios").glob("*.ndjson"))
HEAD = 64


def judge(journal: list[bytes], *, checked: bool = True) -> tuple[Oracle, Replayer, list[Violation]]:
    oracle, replayer = Oracle(), Replayer(LIMITS)
    found: list[Violation] = []
    for frame in journal:
        replayer.apply(frame)
        oracle.frame(frame[:HEAD], frame[HEAD:])
        if checked:
            found += oracle.check_step(replayer.state)
    return oracle, replayer, found + oracle.check_all(replayer.state)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda p: p.stem)
def test_oracle_when_a_scenario_is_replayed_finds_no_violation(path: Path) -> None:
    result = scenario.run_file(path)
    assert result.ok
    _, _, found = judge(result.journal)
    assert not found, "\n".join(map(str, found))
