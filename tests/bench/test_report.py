"""The page: every mark of the template is filled, a benchmark that failed has its reason in place, charts are whole SVG."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ringfence.bench import __main__ as dispatcher
from ringfence.bench import charts, flame, report

ROW = {"name": "n", "peer": "p", "metric": "messages/s", "ours": 2_000.0, "theirs": 1_000.0, "ratio": 2.0}
NOISE = {"before": {"ping_ns": 70.0, "clock_ns": 12.0}, "after": {"ping_ns": 71.0, "steal_pct": 0.5}}


def result(name: str, **further: Any) -> dict[str, Any]:
    made = {
        "bench": name,
        "machine": {"cpu": "x"},
        "noise": NOISE,
        "floor": {},
        "rows": [ROW],
        "notes": ["a note"],
        "date": "2026-01-01 00:00 UTC",
        "seconds": 1.0,
    }
    return made | further


def test_page_when_everything_was_measured_fills_every_mark(tmp_path: Path) -> None:
    found = {name: result(name) for name in dispatcher.BENCHES}
    stage_rows = [
        ROW | {"name": f"{layout}, {rate} ticks/s, {stage}", "metric": metric, "theirs": None, "ratio": None}
        for layout in ("two processes", "tick apart", "command apart", "a process each")
        for rate in ("10,000", "100,000")
        for stage in ("due→tick", "due→wire")
        for metric in ("p50 ns", "p99 ns", "p99.9 ns")
    ]
    found["tick_to_order"] = result("tick_to_order", rows=stage_rows, floor={"two_hops_ns": 70.0})
    sizes = {"private": 2**20, "mapped": 2**21}
    found["memory"] = result("memory", rows=[{"process": "engine", "first": sizes, "last": sizes, "slope": 2048.0}])
    found["flame"] = result("flame", folded={"engine.turn;engine.take_intent": 3, "engine.turn": 1})
    text = report.page(report.TEMPLATE.read_text(encoding="utf-8"), found, tmp_path / "images")
    assert "{{" not in text
    assert "was not" not in text
    assert "| due→wire | 2,000 | 2,000 | 2,000 | 2,000 | 2,000 | 2,000 |" in text
    assert "| engine | 1.0 MiB | 1.0 MiB | 2 | 2.0 MiB | 2.0 MiB |" in text
    shown = {path.name for path in (tmp_path / "images").iterdir()}
    assert {f"performance-{name}.svg" for name in ("ring", "ipc", "fix", "stages", "orders", "commit", "flame")} == shown
    assert all(f"(images/{name})" in text for name in shown)
    for path in (tmp_path / "images").iterdir():
        ElementTree.fromstring(path.read_text(encoding="utf-8"))


def test_page_when_a_benchmark_failed_or_is_missing_says_why_in_its_place(tmp_path: Path) -> None:
    text = report.page("{{table ring}}\n{{chart ring}}\n{{table fix}}\n{{flame}}", {"fix": result("fix", error="no compiler")}, tmp_path)
    assert text.splitlines() == ["*`ring` was not run.*", "", "*`fix` was not measured: no compiler*", "*No flame graph: it was not run*"]
    with pytest.raises(ValueError, match="means nothing"):
        report.page("{{tabel ring}}", {}, tmp_path)


def test_all_when_one_fails_keeps_the_reason_and_ends_with_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run_one(name: str, *, quick: bool) -> dict[str, Any]:
        assert not quick
        return result(name) if name == "ring" else {"bench": name, "error": "it broke", "date": "-", "seconds": 0.0}

    monkeypatch.setattr(report, "run_one", run_one)
    page = tmp_path / "page.md"
    arguments = ["--results", str(tmp_path / "results"), "--report", str(page)]
    assert report.main(arguments, ("ring", "fix")) == 1
    assert "it broke" in capsys.readouterr().out
    assert json.loads((tmp_path / "results" / "fix.json").read_text())["error"] == "it broke"
    assert "`fix` was not measured: it broke" in page.read_text()
    assert report.main([*arguments, "--only", "ring"], ("ring", "fix")) == 0
    assert report.main([*arguments, "--pages"], ("ring", "fix")) == 0


def test_run_one_when_a_benchmark_prints_no_object_has_its_last_words() -> None:
    assert report.run_one("nonsense", quick=True)["error"].split()[0] in {"usage:", "hot_path"}


def test_bars_when_values_are_far_apart_are_logarithmic_and_say_so() -> None:
    near, far = charts.bars("t", "ns", [("a & b", 1.0, 0), ("c", 2.0, 1)]), charts.bars("t", "ns", [("a", 1.0, 0), ("b", 1e6, 1)])
    assert ("logarithmic" in near, "logarithmic" in far) == (False, True)
    assert "a &amp; b" in near
    with pytest.raises(ValueError, match="no positive value"):
        charts.bars("t", "ns", [("a", 0.0, 0)])


def test_flame_when_stacks_are_folded_has_short_names_from_the_loop_on() -> None:
    script = """
\t7f00 __pyx_f_9ringfence_4core_6engine_take_intent+0x10
\t7f01 __pyx_f_9ringfence_4core_6engine_turn
\t7f02 PyEval_EvalFrame

\t7f01 __pyx_f_9ringfence_4core_6engine_turn
\t7f02 PyEval_EvalFrame

"""
    folded = flame.fold(script)
    assert folded == {"engine.turn;engine.take_intent": 1, "engine.turn": 1}
    drawn = flame.svg(folded)
    ElementTree.fromstring(drawn)
    assert "engine.take_intent 50.0%" in drawn
    with pytest.raises(ValueError, match="no samples"):
        flame.svg({})
