"""A short run of the kill harness, and proof that it would see a loss."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from instance_under_load import assert_equal_books

from .harness import BREAKS, DENIED, Harness, Plan


@pytest.mark.timeout(600)
def test_instance_when_processes_are_killed_at_random_keeps_its_books(tmp_path: Path, instance: str) -> None:
    harness = Harness(tmp_path, instance, Plan(kills=12, seed=4, all_at_once=0.15))
    try:
        harness.run()
        print(harness.summary())
        assert harness.tally.all_at_once + sum(harness.tally.kills.values()) >= 12
        assert min(harness.tally.open_orders) > 0, "orders rest at each blow"
        record = harness.running.record_path
        lines = record.read_text().splitlines(keepends=True)
        lost = max(k for k, line in enumerate(lines) if json.loads(line)["type"] == "fill")
        record.write_text("".join(lines[:lost] + lines[lost + 1 :]))
        with pytest.raises(AssertionError):
            assert_equal_books(harness.running, *harness.ledgers, denied=DENIED, tolerated=BREAKS)
    finally:
        harness.close()


def test_harness_when_a_component_has_no_process_yet_waits_for_one(tmp_path: Path, instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal to pid 0 would be one to this test and all that it belongs to."""
    harness = Harness(tmp_path, instance, Plan(kills=1, seed=1))
    pids = iter([{"engine": 0}, {"engine": 0}, {"engine": 77}])
    monkeypatch.setattr(harness.running, "note_pids", lambda: next(pids))
    assert harness.pid_of("engine") == 77
