"""The benchmark of checks does not rot: a quick run counts, and every order of it passed with all limits set."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from ringfence.bench.checks import ALONE, SETTINGS
from ringfence.bench.engine import Stage
from ringfence.core.rules import RULES


def test_checks_bench_when_run_quickly_prints_one_json_object() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "ringfence.bench", "checks", "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["bench"] == "checks"
    assert any(r["name"] == "all in every scope, new intent" and r["ours"] > 0 for r in found["rows"]) or any("valgrind" in note for note in found["notes"])


def test_checks_bench_when_every_limit_is_set_orders_really_pass_all_of_them() -> None:
    stage = Stage(100, (*ALONE, *SETTINGS))
    try:
        assert stage.measure("intent", 100) > 0
        state = stage.engine.state
        assert int(state.table("engine")[1]["break_count"]) == 0, "a limit was refused"
        firm = state.table("scopes")[1]
        assert {r.name for r in RULES.values() if "FIRM" in r.scopes and int(firm["limits"][r.number]) == 0} <= {
            "CANCEL_RESERVE",
            "COLLAR_REFERENCE",
            "REJECT_LIMIT",
        }
        assert int(firm["open_orders"]) == 100
    finally:
        stage.close()
