"""The gate of the hot paths: what grew fails, what shrank is said, another compiler is not judged. The count itself is the step `.ci/counts`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ringfence.bench import counts
from ringfence.bench.host import PeerMissing


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    found = {"new intent": 1000.0, "ack": 500.0}
    monkeypatch.setattr(counts, "count", lambda: found)
    monkeypatch.setattr(counts, "BASELINE", tmp_path / "baseline.json")
    assert counts.main(["--update"]) == 0
    return found


def test_counts_when_a_path_grew_by_more_than_five_percent_fails_and_says_which(counted: dict[str, float], capsys: pytest.CaptureFixture[str]) -> None:
    assert counts.main([]) == 0
    counted["ack"] = 524.0
    assert counts.main([]) == 0
    counted["ack"] = 526.0
    capsys.readouterr()
    assert counts.main([]) == 1
    said = capsys.readouterr()
    assert [line for line in said.out.splitlines() if "GREW" in line] == [line for line in said.out.splitlines() if line.startswith("ack")]
    assert "counts --update" in said.err


def test_counts_when_a_path_shrank_or_is_new_says_so(counted: dict[str, float], capsys: pytest.CaptureFixture[str]) -> None:
    counted["ack"] = 400.0
    assert counts.main([]) == 0
    assert "shrank: --update" in capsys.readouterr().out
    counted["fill"] = 1.0
    assert counts.main([]) == 1
    assert "NEW: --update" in capsys.readouterr().out


def test_counts_when_the_baseline_is_of_another_build_does_not_judge(counted: dict[str, float], capsys: pytest.CaptureFixture[str]) -> None:
    kept = json.loads(counts.BASELINE.read_text())
    counts.BASELINE.write_text(json.dumps(kept | {"build": "gcc 3, vax"}))
    counted["ack"] = 5_000.0
    assert counts.main([]) == 0
    assert "not judged: the baseline is of gcc 3, vax" in capsys.readouterr().err


def test_counts_when_there_is_no_valgrind_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing() -> dict[str, float]:
        raise PeerMissing("no valgrind; apt-get install valgrind")

    monkeypatch.setattr(counts, "count", missing)
    assert counts.main([]) == 0
    assert "not measured: no valgrind" in capsys.readouterr().out


def test_baseline_when_checked_in_has_every_path() -> None:
    assert json.loads(counts.BASELINE.read_text())["instructions"].keys() == counts.STEPS.keys()


def test_drive_when_run_does_every_loop_without_an_error() -> None:
    counts.drive()


def test_inclusive_when_wrappers_have_the_name_too_takes_the_largest() -> None:
    table = """
 1,234 (10.0%)  build/cython/engine_loops.c:__pyx_f_9ringfence_5bench_12engine_loops_step_fill [x.so]
 9,000 (20.0%)  fix_loops.c:__pyx_pw_9ringfence_5bench_9fix_loops_5Loops_5encode [x.so]
 8,000 (20.0%)  fix_loops.c:__pyx_pf_9ringfence_5bench_9fix_loops_5Loops_4encode [x.so]
 9,999 (20.0%)  unicodeobject.c:PyUnicode_encode [python]
"""
    assert counts.inclusive(table, r"_step_fill") == 1234
    assert counts.inclusive(table, r"Loops_\d*encode") == 9000
    with pytest.raises(RuntimeError, match="step_ack"):
        counts.inclusive(table, "_step_ack")
