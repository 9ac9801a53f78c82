"""The ledger's writer beside a trading instance: killed, it is started again and the books are whole; the instance does not notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from instance_under_load import Load, assert_equal_books, settle
from running_instance import Running

from ringfence.ipc.metrics import Metrics
from ringfence.tools import cli, ledger_verify
from ringfence.tools.ledger_store import open_store
from ringfence.tools.views import processes
from ringfence.tools.views.instance import Instance

KILLS = 3


def test_ledger_writer_when_it_is_killed_at_work_is_started_again_and_books_everything_once(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    running.add("[ledger]\n")
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    engine = running.note_pids()["engine"]
    where = str(running.data / "ledger.db")
    load = Load(running)
    for _ in range(KILLS):
        load.step(20)
        running.wait_restarted("ledger", running.kill("ledger"))
    settle(running, load)
    running.until("the writer at work", lambda: Metrics.attach(running.name, "ledger").counters()["sequence"] > 0)
    assert running.note_pids()["engine"] == engine
    capsys.readouterr()
    assert cli.main(["ledger", "verify", "--data", str(running.data), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["live"] > 0, "no position of the running engine was compared"
    load.close()
    assert running.down() == []
    store = open_store(where)
    whole = ledger_verify.verify(running.data / "journal", store)
    assert (whole.differences, whole.last_seq) == ([], whole.journal_seq), "a clean stop books to the end"
    assert whole.executions > 0
    store.close()
    assert_equal_books(running, load)


def test_ledger_writer_when_its_store_cannot_be_is_given_up_and_the_instance_trades_on(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipes.db").write_text("no database, but long enough to be looked at as one" * 100)
    running.add(f'[ledger]\nstore = "{tmp_path / "recipes.db"}"\n')
    running.change("[rings]", "[supervisor]\nrestarts_max = 1\nrestart_wait_ms = 10\n[rings]")
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    running.until("the end of the writer", lambda: next(c for c in running.status()["components"] if c["name"] == "ledger")["state"] == "FAILED")
    assert "no store of ours" in (running.data / "logs" / "ledger.log").read_text()
    for word in ("status", "doctor"):
        capsys.readouterr()
        cli.main([word, "--instance", running.name])
        assert "ledger" in capsys.readouterr().out, word
    load = Load(running)
    load.step(10)
    settle(running, load)
    assert_equal_books(running, load)
    load.close()


def test_ledger_writer_when_its_server_is_away_is_not_shown_as_running_and_stops_when_asked(running: Running, tmp_path: Path) -> None:
    running.add(f'[ledger]\nstore = "postgresql://rf@/firm?host={tmp_path}"\n')
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()

    def shown() -> dict[str, object]:
        with Instance(running.name) as instance:
            row = next(r for r in processes.status(instance) if r["component"] == "ledger")
            metrics = instance.metrics("ledger")
            return row if metrics is not None and metrics.counters()["store_away"] > 1 else {}

    row = running.until("attempts without the store", shown)
    assert (row["state"], row["health"], "attempts without the store" in str(row["note"])) == ("starting", "warn", True)
    log = (running.data / "logs" / "ledger.log").read_text()
    assert log.count("trying again") == 1, log
    assert cli.main(["wait", "ready", "--timeout", "5", "--instance", running.name]) == 0, "trading does not wait for the store"
    assert running.down() == []
    assert "asked to stop" in (running.data / "logs" / "ledger.log").read_text()
