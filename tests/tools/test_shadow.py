"""The shadow with a real instance: it verifies, writes the snapshots that recovery begins with, survives its own end, and halts new risk when it differs."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from instance_under_load import Load, settle
from journal_by_hand import LIMITS, JournalByHand
from running_instance import Running

from ringfence.ipc.errors import RegionMissing
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools import cli, config, control_client, snapshot
from ringfence.tools.journal import JournalReader
from ringfence.tools.shadow import Shadow

DIVERGED = CONSTANTS["RESTRICT_DIVERGENCE"][0]
WINDOW_ROWS = 256  # of core/engine.pyx
LOG = logging.getLogger("test-shadow")


def up(running: Running) -> None:
    running.change("timer_ms = 50", "timer_ms = 50\ncheckpoint_ms = 50")
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()


def counters(running: Running) -> Counter[str]:
    """Of the shadow; none while it is being started."""
    try:
        metrics = Metrics.attach(running.name, "shadow")
    except RegionMissing:
        return Counter()
    try:
        return Counter(metrics.counters())
    finally:
        metrics.close()


@pytest.fixture
def running(tmp_path: Path, instance: str) -> Iterator[Running]:
    made = Running(tmp_path, instance, shadow=True)
    yield made
    made.close()


def test_shadow_when_killed_goes_on_from_its_snapshot_and_the_next_start_begins_with_one(running: Running) -> None:
    running.change("[shadow]\n", "[shadow]\nsnapshot_every_s = 1\n")
    up(running)
    load = Load(running)
    load.step(60)
    settle(running, load)
    running.until("a snapshot", lambda: counters(running)["snapshots"] and counters(running)["verified"] > 2)
    running.wait_restarted("shadow", running.kill("shadow"))
    load.step(30)
    settle(running, load)
    load.close()
    running.until("verified again", lambda: counters(running)["verified"] > 2)
    assert counters(running)["divergences"] == 0
    assert "recovering from snapshot" in (running.data / "logs" / "shadow.log").read_text()
    assert running.down() == []
    newest, result = snapshot.newest_snapshot_seqs(running.data / "snapshots")[0], running.replay()
    assert newest == result.seq, "the last snapshot is not of the journal's end"
    before = len((running.data / "logs" / "engine.log").read_text())
    assert running.up() == 0, running.logs()
    log = (running.data / "logs" / "engine.log").read_text()[before:]
    assert f"recovering from snapshot {newest:020d}.rfs" in log
    assert f"recovered to sequence {newest}, state hash {result.state_hash:016x}" in log
    assert running.down() == []


class Followed:
    """A shadow in the test's own process, so that its tables can be damaged."""

    def __init__(self, running: Running) -> None:
        read = config.load(running.config)
        spec: dict[str, Any] = {"instance": running.name, "epoch": 1, "limits": asdict(read.limits), "snapshot_every_s": 3600, "keep": 3}
        spec |= {"journal_dir": read.journal_dir, "snapshot_dir": read.snapshot_dir, "divergence_dir": read.divergence_dir}
        self.running = running
        self.shadow = Shadow(spec, LOG)
        self.shadow.begin()

    def until(self, what: str, probe: Any) -> None:
        def turned() -> Any:
            self.shadow.turn()
            return probe()

        self.running.until(what, turned)

    def close(self) -> None:
        self.shadow.metrics.segment.unlink()
        self.shadow.close()


@pytest.fixture
def followed(tmp_path: Path, instance: str) -> Iterator[Followed]:
    running = Running(tmp_path, instance)
    made = None
    try:
        up(running)
        made = Followed(running)
        yield made
    finally:
        if made is not None:
            made.close()
        running.close()


def test_shadow_when_a_row_differs_halts_new_orders_keeps_both_rows_and_begins_again_after_resume(
    followed: Followed, capsys: pytest.CaptureFixture[str]
) -> None:
    running, shadow = followed.running, followed.shadow
    load = Load(running)
    load.step(9)
    settle(running, load)
    followed.until("verified", lambda: shadow.replayer.seq > 20 and shadow.replayer.checkpoints > 2)
    assert shadow.divergence is None
    shadow.replayer.state.table("orders")[2]["px"] += 1
    followed.until("a divergence", lambda: shadow.divergence)
    found = shadow.divergence
    followed.until("its report", lambda: found.kept)
    assert int(running.engine_row()["restrictions"]) & DIVERGED
    report = json.loads((found.directory / "report.json").read_text())
    px = int(running.orders()[1]["px"])
    assert report["exact"]
    assert report["rows_differing"] == [{"table": "orders", "row": 2, "field": "px", "engine": str(px), "shadow": str(px + 1)}]
    assert int(np.load(found.directory / "engine.npz")["orders"][1]["px"]) == px
    assert _kinds(running, "breaks", "BreakKind") == ["DIVERGENCE"]

    resting = load.strategy.buy("EUR/USD", 1000, "0.5", client_id=5000)
    load.sent.append(5000)
    running.until("the denial", lambda: (load.read(), load.denied.get(5000))[1])
    assert load.denied == {5000: "TRADING_HALTED"}
    open_before = int(running.engine_row()["open_orders"])
    assert resting and open_before
    load.sweep()
    running.until("cancels", lambda: int(running.engine_row()["open_orders"]) == 0)

    assert cli.main(["resume", "--instance", running.name, "--reason", "the shadow's memory was at fault"]) == 0
    assert "new risk is taken" in capsys.readouterr().out
    followed.until("the shadow to begin again", lambda: shadow.divergence is None and shadow.replayer.checkpoints > 2)
    load.strategy.buy("EUR/USD", 1000, "0.5", client_id=5001)
    load.sent.append(5001)
    running.until("the order", lambda: int(running.engine_row()["open_orders"]) == 1)
    assert int(running.engine_row()["restrictions"]) == 0
    commands = [f.payload for f in JournalReader(running.data / "journal").frames() if int(f.head["kind"]) == ENUMS["FrameKind"].by_name["CONTROL"]]
    said = [(ENUMS["ControlKind"].by_value[int(c["kind"])], bytes(c["reason"]).decode(), int(c["operator_uid"])) for c in commands]
    assert ("RESUME", "the shadow's memory was at fault", os.getuid()) in said
    load.close()


def test_shadow_when_the_row_is_in_a_later_window_finds_it_within_one_cycle(followed: Followed) -> None:
    running, shadow = followed.running, followed.shadow
    load = Load(running)
    load.step(300)
    settle(running, load)
    followed.until("all orders", lambda: int(shadow.replayer.state.table("engine")[1]["order_count"]) == 300)
    state, before = shadow.replayer.state, shadow.replayer.checkpoints
    cycle = max(state.used_rows(name) for name in ("orders", "requests", "executions")) // WINDOW_ROWS + 1
    assert cycle >= 2
    state.table("orders")[300]["qty"] += 1
    followed.until("a divergence", lambda: shadow.divergence)
    assert shadow.divergence is not None
    found = shadow.divergence.difference
    assert shadow.replayer.checkpoints - before <= cycle + 1
    assert found.first_row <= 300 < found.first_row + found.rows
    load.close()


def test_shadow_when_a_difference_was_raised_before_does_not_raise_it_again(tmp_path: Path, instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = JournalByHand(tmp_path)
    journal.new(1, "BUY", 100, 10_000)
    right = journal.checkpoint()
    journal.new(2, "BUY", 100, 10_000)
    journal.checkpoint(state_hash=right ^ 1)
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(control_client, "request", lambda _instance, payload: asked.append(payload))
    spec = {"instance": instance, "epoch": 1, "limits": asdict(LIMITS), "snapshot_every_s": 3600, "keep": 3, "journal_dir": journal.write()}
    spec |= {"snapshot_dir": tmp_path / "snapshots", "divergence_dir": tmp_path / "divergence"}
    for _ in range(2):  # the second as after a restart
        shadow = Shadow(spec, LOG)
        monkeypatch.setattr(shadow, "durable_seq", lambda: journal.seq)
        shadow.begin()
        while shadow.turn():
            shadow.snapshot_due = 0.0
            assert shadow.divergence is not None
            shadow.divergence.compare_until = 0.0
        shadow.turn()
        shadow.turn()
        assert shadow.replayer.seq == journal.seq
        assert shadow.metrics.counters()["divergences"] == 1
        assert shadow.replayer.checkpoints == 2
        shadow.metrics.segment.unlink()
        shadow.close()
    assert [(a["op"], a["seq"], a["engine_hash"]) for a in asked] == [("divergence", journal.seq, right ^ 1)]
    report = json.loads((tmp_path / "divergence" / f"{journal.seq:020d}" / "report.json").read_text())
    assert report["exact"] is False
    assert snapshot.newest_snapshot_seqs(tmp_path / "snapshots") == []


def test_halt_when_commanded_denies_new_orders_until_resume(followed: Followed, capsys: pytest.CaptureFixture[str]) -> None:
    running = followed.running
    load = Load(running)
    assert cli.main(["halt", "--instance", running.name, "--reason", "fire drill"]) == 0
    load.step(1)
    running.until("the denial", lambda: (load.read(), load.denied)[1])
    assert set(load.denied.values()) == {"TRADING_HALTED"}
    assert cli.main(["status", "--instance", running.name]) == 0
    assert "new risk is restricted: operator" in capsys.readouterr().out
    assert cli.main(["resume", "--instance", running.name, "--reason", "drill is over"]) == 0
    load.step(2)
    settle(running, load)
    assert len(running.orders()) == 2
    assert control_client.status(running.name)["state"] == "RUNNING"
    load.close()


def _kinds(running: Running, table: str, enum: str) -> list[str]:
    rows = running.sections("state", table)[1 : int(running.engine_row()["break_count"]) + 1]
    return [ENUMS[enum].by_value[int(r["kind"])] for r in rows]
