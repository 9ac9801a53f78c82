"""The recovery benchmark does not rot: a tiny journal, every recovery ends in the journal's own state."""

import json
from pathlib import Path

from ringfence.bench import recovery
from ringfence.tools.replay import replay


def test_recovery_bench_when_quick_measures_every_way_back(capsys):
    assert recovery.main(["--quick", "--events", "3000", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {r["metric"] for r in rows} == {"s", "CPU s", "events a s", "events a CPU s", "CPU ns an event"}
    assert sum(r["name"].startswith("snapshot of") and r["metric"] == "s" for r in rows) == len(recovery.AGES)


def test_made_journal_when_replayed_has_every_order_filled_or_cancelled(tmp_path: Path):
    made = recovery.make(tmp_path, 3000)
    result = replay(made.journal)
    engine = result.replayer.state.table("engine")[1]
    assert (result.state_hash, result.seq) == (made.state_hash, made.frames)
    assert result.checkpoints_verified > 50
    assert [int(engine[n]) for n in ("open_orders", "denies", "break_count")] == [0, 0, 0]
    assert int(engine["fills"]) * 2 == int(engine["order_count"])
