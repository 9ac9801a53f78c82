"""A full table of breaks is seen: on the screens, by the doctor, and in the supervisor's log."""

from __future__ import annotations

import json
import logging

import pytest
from synthetic_instance import Synthetic

from ringfence.tools import cli, doctor_controls, supervisor
from ringfence.tools.doctor_controls import CHECKS, Picture
from ringfence.tools.views.instance import Instance

ROWS = 7  # of the synthetic instance's table
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def full(synthetic: Synthetic) -> Synthetic:
    synthetic.state.section("engine")[1]["break_count"] = ROWS + 5
    synthetic.state.section("breaks")["seq"][1:] = range(1, ROWS + 1)
    return synthetic


def test_screens_when_breaks_have_no_row_say_so(full: Synthetic, capsys: Capture) -> None:
    for words in ("breaks", "status"):
        cli.main([words, "--instance", full.name])
        assert "the table of breaks is full: 5 between the first and the newest have no row" in capsys.readouterr().out
    cli.main(["breaks", "--instance", full.name, "--json"])
    assert json.loads(capsys.readouterr().out)["without_row"] == "5"
    full.state.section("engine")[1]["break_count"] = ROWS
    cli.main(["breaks", "--instance", full.name])
    assert "full" not in capsys.readouterr().out


def test_supervisor_when_the_table_gets_full_pages_once(synthetic: Synthetic, caplog: pytest.LogCaptureFixture) -> None:
    said: list[str] = []
    watch = supervisor.BreaksWatch(synthetic.name, said.append, logging.getLogger("test"))
    synthetic.state.section("engine")[1]["break_count"] = ROWS
    watch.look(1.0)
    assert said == [], "full is not too full"
    synthetic.engine_metrics.add("breaks_without_row", 3)
    watch.look(1.5)
    assert said == [], "once a second"
    for now in (2.5, 3.5, 4.5):
        watch.look(now)
    assert len(said) == 1
    assert caplog.records[0].levelno == logging.CRITICAL
    assert caplog.records[0].message.startswith("PAGE: 3 breaks have no row")


def test_supervisor_when_there_are_no_metrics_says_nothing(instance: str) -> None:
    said: list[str] = []
    supervisor.BreaksWatch(instance, said.append, logging.getLogger("test")).look(1.0)
    assert said == []


@pytest.mark.parametrize(("raised", "said"), [(30, ""), (40, "raise limits.breaks"), (60, "stays as it is"), (64, "only the first and the newest")])
def test_doctor_when_the_table_fills_up_warns_while_it_may_still_be_enlarged(raised: int, said: str) -> None:
    (check,) = [c for c in CHECKS if c.name == "breaks"]
    found = [f"{f.detail} {f.fix}" for f in check.find(Picture({}, breaks=(raised, 64)))]
    assert bool(found) == bool(said)
    assert not found or said in found[0]


def test_doctor_when_it_looks_at_an_instance_counts_its_breaks(full: Synthetic) -> None:
    with Instance(full.name) as instance:
        assert doctor_controls.breaks_of(instance) == (ROWS + 5, ROWS)
