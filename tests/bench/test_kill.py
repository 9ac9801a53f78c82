"""The kill benchmark with few orders: it proves by itself that nothing is open and that no new order left."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.timeout(120)
def test_kill_when_run_with_few_orders_every_run_cancels_them_all() -> None:
    command = [sys.executable, "-m", "ringfence.bench", "kill", "--quick", "--orders", "100", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert run.returncode == 0, run.stderr
    rows = [(row["name"], row["metric"], row["ours"]) for row in json.loads(run.stdout)["rows"]]
    runs = dict.fromkeys(name for name, _, _ in rows)
    assert len(runs) == 4
    assert [ours for _, metric, ours in rows if metric == "open orders"] == [100] * 4
    assert all(ours > 0 for _, metric, ours in rows if "empty" in metric)
