"""The engine benchmark does not rot: a tiny run prints one JSON object, and every message of it was really taken."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ringfence.bench.engine import Stage, inclusive


def test_engine_bench_when_run_quickly_prints_one_json_object() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "ringfence.bench", "engine", "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["bench"] == "engine"
    assert found["floor"]["copy_ns"] > 0
    assert {(r["name"], r["metric"]) for r in found["rows"]} >= {(n, m) for n in ("new intent", "ack", "fill") for m in ("ns per message", "instructions")}
    counted = [r for r in found["rows"] if r["metric"] == "instructions"]
    assert all(r["ours"] > 0 for r in counted) or any("valgrind" in note for note in found["notes"])


def test_engine_bench_when_it_measures_the_engine_really_books() -> None:
    stage = Stage(100)
    try:
        for kind in ("intent", "ack", "fill"):
            assert stage.measure(kind, 100) > 0
        state = stage.engine.state
        assert int(state.table("engine")[1]["order_count"]) == int(state.table("engine")[1]["fills"]) == 100
        assert int(state.table("engine")[1]["break_count"]) == 0
        assert int(state.table("positions")[1]["net_qty"]) == 0
    finally:
        stage.close()


def test_engine_bench_when_a_table_is_full_it_refuses_the_figure() -> None:
    stage = Stage(10)
    try:
        with pytest.raises(RuntimeError, match="table of 12 rows"):
            stage.measure("ack", 5000)
        with pytest.raises(RuntimeError, match="refused"):
            stage.measure("intent", 50)
    finally:
        stage.close()


def test_inclusive_when_a_function_is_not_there_says_so() -> None:
    table = "1,234 (10.0%)  build/cython/engine_loops.c:__pyx_f_9ringfence_5bench_12engine_loops_step_fill [x.so]\n"
    assert inclusive(table, "step_fill") == 1234
    with pytest.raises(RuntimeError, match="step_ack"):
        inclusive(table, "step_ack")
