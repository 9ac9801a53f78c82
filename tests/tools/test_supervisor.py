"""The supervisor with real processes: up, refusals, configuration changes, strategies, down; nothing is left afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_instance import Running

from ringfence.ipc.regions import list_regions
from ringfence.ipc.schema import ENUMS
from ringfence.strategy import Strategy, StrategyRefused
from ringfence.tools import control_client, supervisor
from ringfence.tools.errors import ConfigError, NotRunning, Refused, ToolError
from ringfence.tools.journal import JournalReader
from ringfence.tools.segments import HEADER_BYTES, segment_path

CONTROL = ENUMS["ControlKind"].by_name


@pytest.fixture
def running(tmp_path: Path, instance: str) -> Iterator[Running]:
    made = Running(tmp_path, instance)
    yield made
    made.close()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Running:
    """An instance that has run once; tests go on from a copy of it."""
    made = Running(tmp_path_factory.mktemp("stopped"), f"t{os.getpid()}stopped")
    try:
        assert made.up() == 0, made.logs()
        assert made.down() == []
    finally:
        made.close()
    return made


@pytest.fixture
def ran(stopped: Running, tmp_path: Path) -> Iterator[Running]:
    made = stopped.copy(tmp_path)
    yield made
    made.close()


def commands(running: Running) -> list[str]:
    kinds = ENUMS["ControlKind"].by_value
    frames = JournalReader(running.data / "journal").frames()
    return [kinds[int(f.payload["kind"])] for f in frames if int(f.head["kind"]) == ENUMS["FrameKind"].by_name["CONTROL"]]


def test_up_when_configuration_is_good_runs_and_down_leaves_nothing(running: Running) -> None:
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    status = running.status()
    assert status["state"] == "RUNNING"
    assert {c["name"]: c["state"] for c in status["components"]} == {"sidecar": "RUNNING", "engine": "RUNNING", "gw.sim": "RUNNING"}
    assert {r.name for r in list_regions(running.name)} == {
        *("instance", "kill", "state", "to.control", "from.control", "to.sidecar", "from.sidecar", "to.gw.sim", "from.gw.sim", "to.strat.s1", "to.strat.s2"),
        *("metrics.engine", "metrics.sidecar", "metrics.gw.sim"),
    }
    assert all(r.alive for r in list_regions(running.name))
    assert running.down() == []
    assert list_regions(running.name) == []
    assert not (running.data / "run" / "control.sock").exists()
    result = running.replay()
    assert result.checkpoints_verified >= 1
    assert result.torn is None


def test_down_when_nothing_runs_says_so(running: Running) -> None:
    with pytest.raises(NotRunning, match="is not running; start it with ringfence up"):
        running.down()


def test_up_when_instance_runs_already_is_refused(running: Running, tmp_path: Path) -> None:
    assert running.up() == 0, running.logs()
    assert supervisor.up(running.config, detach=True, say=running.said.append) == 4
    assert "is already running (process" in running.said[-1]
    (tmp_path / "other").mkdir()
    other = Running(tmp_path / "other", running.name)
    with pytest.raises(Refused, match="give this one another name"):
        supervisor.up(other.config)
    assert running.status()["state"] == "RUNNING"
    assert running.down() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_when_in_foreground_stops_cleanly_on_a_signal(running: Running, number: signal.Signals) -> None:
    code = f"import sys; from ringfence.tools.supervisor import up; sys.exit(up({str(running.config)!r}))"
    process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "is running (demo)" in process.stdout.readline()
    process.send_signal(number)
    rest = process.stdout.read()
    process.stdout.close()
    assert process.wait(30) == 0
    assert f"{running.name} is down" in rest
    assert list_regions(running.name) == []


def test_up_when_a_key_is_wrong_starts_nothing(running: Running) -> None:
    running.change('prefix = "T1"', 'prefix = "t1"')
    with pytest.raises(ConfigError, match=r"instance.prefix was 't1'"):
        running.up()
    assert list_regions(running.name) == []
    assert not running.data.exists()


def test_up_when_venue_is_down_runs_and_logs_on_later(running: Running) -> None:
    assert running.up() == 0, running.logs()
    running.until("a message about the venue", lambda: f"127.0.0.1:{running.port}" in (running.data / "logs" / "gw.sim.log").read_text())
    assert running.venue_row()["session_ups"] == 0
    running.start_venue()
    running.wait_session_up()
    assert running.down() == []


def test_up_when_nothing_changed_journals_only_the_start(ran: Running) -> None:
    assert ran.up() == 0, ran.logs()
    assert ran.down() == []
    assert commands(ran) == [
        *("START", "DEFINE_INSTRUMENT", "DEFINE_ACCOUNT", "DEFINE_VENUE", "DEFINE_STRATEGY", "DEFINE_STRATEGY", "DEFINE_ROUTE"),
        *["SET_PERMISSION"] * 7,
        *("DEFINE_OPERATOR", "START"),
    ]


def test_up_when_rows_are_added_and_dropped_journals_the_difference(ran: Running) -> None:
    before = len(commands(ran))
    ran.change('[[strategy]]\nname = "s2"\n', "")
    ran.add('[[account]]\nname = "second"\ncurrency = "EUR"\n')
    ran.change('qty_max = "1000000"', 'qty_max = "2000000"')
    assert ran.up() == 0, ran.logs()
    assert ran.down() == []
    assert commands(ran)[before:] == ["START", "DEFINE_INSTRUMENT", "DEFINE_ACCOUNT", "SET_STRATEGY"]
    state = ran.replay().replayer.state
    assert int(state.table("instruments")[1]["qty_max"]) == 2_000_000
    assert int(state.table("strategies")[2]["status"]) == ENUMS["StrategyStatus"].by_name["DISABLED"]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('symbol = "EUR/USD"', 'symbol = "EURUSD"', "instrument[1].symbol"),
        ("price_digits = 6", "price_digits = 7", "instrument[1].price_digits"),
        ('name = "s1"', 'name = "s3"', "strategy[1].name"),
        ("orders = 8192", "orders = 4096", "limits.orders"),
    ],
)
def test_up_when_configuration_contradicts_the_journal_is_refused(ran: Running, old: str, new: str, key: str) -> None:
    seq = ran.replay().seq
    ran.change(old, new)
    assert ran.up() == 2
    assert any(f"{key} was" in line and "journal" in line for line in ran.said), ran.said
    ran.until("end", lambda: list_regions(ran.name) == [])
    assert ran.replay().seq == seq


def test_up_when_journal_is_corrupt_exits_7_and_names_the_place(ran: Running) -> None:
    with open(segment_path(ran.data / "journal", 1), "r+b") as file:
        file.seek(HEADER_BYTES + 100)
        file.write(b"\xaa\xbb")
    assert ran.up() == 7
    assert any(f"segment 1, offset {HEADER_BYTES}, sequence 1" in line for line in ran.said), ran.said
    ran.until("end", lambda: list_regions(ran.name) == [])


def test_attach_when_strategy_is_unknown_or_taken_is_refused(running: Running) -> None:
    assert running.up() == 0, running.logs()
    with pytest.raises(StrategyRefused, match=r"no strategy 'nobody' is configured; there are s1, s2"):
        Strategy.attach("nobody", running.name)
    code = f"import signal; from ringfence.strategy import Strategy; s = Strategy.attach('s1', {running.name!r}); print('there', flush=True); signal.pause()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "there\n"
    with pytest.raises(StrategyRefused, match=f"process {holder.pid} has it"):
        Strategy.attach("s1", running.name)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with Strategy.attach("s1", running.name) as strategy:
        assert strategy.attachment.epoch == 2
    with Strategy.attach("s1", running.name) as again:  # given back by close, though this process lives on
        assert again.attachment.epoch == 3
    assert running.down() == []
    kinds = commands(running)
    assert kinds.count("STRATEGY_ATTACH") == 3
    assert "STRATEGY_DETACH" in kinds


def test_attach_when_uid_is_another_is_refused(running: Running) -> None:
    running.change('name = "s1"', f'name = "s1"\nuid = {os.getuid() + 1}')
    assert running.up() == 0, running.logs()
    with pytest.raises(StrategyRefused, match=r"may not attach, configured is uid \d+ \(key strategy.uid\)"):
        Strategy.attach("s1", running.name)
    assert running.down() == []


def test_set_strategy_when_asked_is_journaled_with_who_and_why(running: Running) -> None:
    assert running.up() == 0, running.logs()
    control_client.set_strategy(running.name, "s1", "cancel_only", "bad quotes")
    control_client.checkpoint(running.name)
    with pytest.raises(ToolError, match="a reason is needed"):
        control_client.set_strategy(running.name, "s1", "enabled", " ")
    with pytest.raises(Refused, match="no strategy 'x'"):
        control_client.set_strategy(running.name, "x", "enabled", "because")
    assert running.down() == []
    last = [f.payload for f in JournalReader(running.data / "journal").frames() if int(f.head["kind"]) == ENUMS["FrameKind"].by_name["CONTROL"]][-2]
    assert int(last["kind"]) == CONTROL["SET_STRATEGY"]
    assert bytes(last["reason"]) == b"bad quotes"
    assert (int(last["operator_uid"]), bytes(last["operator_name"]) != b"") == (os.getuid(), True)
    result = running.replay()
    assert result.checkpoints_verified >= 2
    assert int(result.replayer.state.table("strategies")[1]["status"]) == ENUMS["StrategyStatus"].by_name["CANCEL_ONLY"]


def test_up_when_a_strategy_has_a_command_starts_and_stops_it(running: Running) -> None:
    code = (
        "import os, signal, sys; from ringfence.strategy import Strategy; "
        "s = Strategy.attach(os.environ['RINGFENCE_STRATEGY']); open('attached', 'w').write(s.name); signal.pause()"
    )
    running.change('name = "s1"', f'name = "s1"\ncommand = ["python", "-c", """{code}"""]')
    assert running.up() == 0, running.logs()
    running.until("attach of s1", (running.directory / "attached").exists)
    assert "s1" in running.status()["strategies"]
    assert running.down() == []


def test_up_when_a_strategy_command_is_missing_runs_without_it(running: Running) -> None:
    running.change('name = "s1"', 'name = "s1"\ncommand = ["no-such-command"]')
    assert running.up() == 0, running.logs()
    assert any("strat.s1: cannot start no-such-command" in line for line in running.said), running.said
    assert running.down() == []
