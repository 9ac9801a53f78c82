"""The ring benchmark does not rot: a tiny run prints one JSON object of the agreed shape."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ringfence.bench import __main__ as dispatcher
from ringfence.bench.harness import Row, interleave


def test_ring_bench_when_run_quickly_prints_one_json_object() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "ringfence.bench", "ring", "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["bench"] == "ring"
    assert {"cpu", "cores", "kernel", "governor"} <= found["machine"].keys()
    assert found["floor"]["cache_line_round_trip_ns"] > 0
    assert {(r["peer"], r["metric"]) for r in found["rows"]} >= {
        ("Boost.Lockfree spsc_queue", "messages/s"),
        ("multiprocessing.Queue", "messages/s"),
        ("bare cache line", "ns round trip"),
    }
    for row in found["rows"]:
        assert row.keys() >= {"name", "peer", "metric", "ours", "theirs", "ratio"}
        assert row["ours"] > 0
        if row["theirs"] is not None:
            assert row["ratio"] == pytest.approx(row["ours"] / row["theirs"])
        else:
            assert any(row["peer"] in note for note in found["notes"])


def test_bench_when_name_is_unknown_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatcher.main(["nonsense"]) == 2
    assert "ring" in capsys.readouterr().err


def test_interleave_when_rounds_differ_takes_medians_in_turn() -> None:
    order: list[str] = []
    figures = iter([5.0, 1.0, 3.0])

    def a() -> dict[str, float]:
        order.append("a")
        return {"x": next(figures)}

    def b() -> dict[str, float]:
        order.append("b")
        return {"x": 7.0}

    assert interleave({"a": a, "b": b}, 3) == {"a": {"x": 3.0}, "b": {"x": 7.0}}
    assert order == ["a", "b"] * 3


def test_row_when_peer_is_missing_has_no_ratio() -> None:
    assert (Row("n", "p", "ns", 2.0, None).ratio, Row("n", "p", "ns", 2.0, 4.0).ratio) == (None, 0.5)
