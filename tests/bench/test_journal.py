"""The benchmark of the journal runs, and compares the same bytes."""

import json
import subprocess
import sys
from pathlib import Path


def test_bench_when_quick_reports_every_size_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ringfence.bench", "journal", "--quick", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert {row["name"].partition(",")[0] for row in report["rows"]} == {f"batches of {name}" for name in ("1 frame", "64 KiB", "1 MiB")}
    assert all(row["ours"] > 0 and row["theirs"] > 0 for row in report["rows"])
    assert list(tmp_path.iterdir()) == []
