"""up, down, wait, strategy, checkpoint and config: on a synthetic instance, and one life of a real one."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from synthetic_instance import Synthetic, value

from ringfence.ipc import regions
from ringfence.tools import cli
from ringfence.tools.commands import control
from ringfence.tools.commands.host import toml_lines
from ringfence.tools.errors import Refused

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *argv: str) -> tuple[int, str]:
    status = cli.main(argv)
    out, err = capsys.readouterr()
    return status, out + err


@pytest.fixture
def config(instance: str, tmp_path: Path) -> Iterator[Path]:
    """Return the configuration of an instance whose venue is down; whatever still runs of it afterwards is stopped."""
    example = tomllib.loads((resources.files("ringfence.tools.examples") / "demo.toml").read_text())
    del example["feed"]
    example["instance"] |= {"name": instance, "data_dir": "data", "mode": "paper"}
    example["limits"] = {"orders": 1024, "executions": 1024}
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        example["venue"][0]["session"]["port"] = taken.getsockname()[1]
        path = tmp_path / "paper.toml"
        path.write_text("\n".join(toml_lines(example)))
        yield path
        if any(r.alive for r in regions.list_regions(instance)):
            cli.main(["down", "--instance", instance, "--yes"])


def test_up_and_down_when_the_venue_is_away_run_an_instance_that_waits_for_it(config: Path, instance: str, capsys: Capture) -> None:
    """One life of a real instance: up, refused twice, watched, restricted, checkpointed, down, replayed."""
    status, said = run(capsys, "up", str(config), "--detach")
    assert (status, f"● {instance} is running (paper)" in said) == (0, True), said
    status, said = run(capsys, "up", str(config), "--detach")
    assert (status, "already running" in said) == (4, True), said
    status, said = run(capsys, "wait", "ready", "--instance", instance, "--timeout", "0.3")
    assert (status, "session FIX.4.2:RINGFENCE->SIM" in said) == (5, True), said
    found = json.loads(run(capsys, "status", "--json", "--instance", instance)[1])
    assert found["mode"] == "PAPER"
    assert {(r["component"], r["state"]) for r in found["rows"]} >= {("supervisor", "running"), ("engine", "running"), ("sidecar", "running")}
    assert run(capsys, "strategy", "mm1", "disabled", "--reason", "bad quotes", "--instance", instance)[0] == 0
    status, said = run(capsys, "strategy", "nosuch", "disabled", "--reason", "x", "--instance", instance)
    assert (status != 0, "nosuch" in said) == (True, True), said
    assert run(capsys, "cancel", "sim", "--reason", "end of day", "--instance", instance)[0] == 0
    for words, expected in (
        (("cancel", "nowhere"), "no name 'nowhere' in venues"),
        (("resolve", "1", "canceled"), "there is no order 1"),
        (("assign", "X1", "--to", "mm1"), "no booked execution 'X1'"),
        (("dk", "=5", "D"), "no booked execution '5'"),
    ):
        status, said = run(capsys, *words, "--reason", "x", "--instance", instance)
        assert (status, expected in said) == (4, True), said
    assert run(capsys, "checkpoint", "--instance", instance) == (0, f"● {instance}: checkpoint journaled\n")
    assert run(capsys, "down", "--instance", instance) == (0, f"● {instance} stopped\n")
    assert regions.list_regions(instance) == []
    data = str(config.parent / "data")
    assert json.loads(run(capsys, "replay", data, "--verify", "--json")[1])["checkpoints_verified"] >= 2
    commands = json.loads(run(capsys, "journal", "dump", data, "--filter", "event=SET_STRATEGY", "--json")[1])["rows"]
    assert [r["detail"].endswith("bad quotes") for r in commands] == [True]
    assert run(capsys, "down", "--instance", instance)[0] == 3


def test_down_when_live_and_nobody_can_confirm_is_refused(synthetic: Synthetic, capsys: Capture) -> None:
    synthetic.instance.section("status")[1]["mode"] = value("Mode", "LIVE")
    status, said = run(capsys, "down", "--instance", synthetic.name)
    assert (status, "add --yes" in said) == (4, True)


@pytest.mark.parametrize(("answer", "refused"), [("ld4", False), ("ld5", True), ("", True)])
def test_confirm_when_live_wants_the_instances_name(answer: str, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _prompt: answer)
    if refused:
        with pytest.raises(Refused, match="nothing was done"):
            control._confirm("ld4", "LIVE", yes=False)
    else:
        control._confirm("ld4", "LIVE", yes=False)


def test_wait_when_everything_runs_returns_at_once(synthetic: Synthetic, capsys: Capture) -> None:
    assert run(capsys, "wait", "ready", "--instance", synthetic.name) == (0, f"● {synthetic.name} is ready\n")


def test_wait_when_a_session_comes_up_meanwhile_returns(synthetic: Synthetic, capsys: Capture) -> None:
    synthetic.gateway_metrics.set("session_state", value("SessionState", "LOGGING_ON"))
    waiter = subprocess.Popen(
        [sys.executable, "-m", "ringfence.tools.cli", "wait", "ready", "--instance", synthetic.name, "--timeout", "20"], stdout=subprocess.PIPE
    )
    try:
        until = time.monotonic() + 0.5
        while time.monotonic() < until and waiter.poll() is None:
            synthetic.beat()
        assert waiter.poll() is None
        synthetic.gateway_metrics.set("session_state", value("SessionState", "UP"))
        while waiter.poll() is None:
            synthetic.beat()
    finally:
        waiter.kill()
        waiter.communicate()
    assert waiter.returncode == 0


@pytest.mark.parametrize(("state", "said"), [("STARTING", "gw.sim starting"), ("FAILED", "gw.sim failed")])
def test_wait_when_something_never_runs_exits_5_and_names_it(state: str, said: str, synthetic: Synthetic, capsys: Capture) -> None:
    synthetic.instance.section("components")[2]["state"] = value("ProcessState", state)
    status, text = run(capsys, "wait", "ready", "--instance", synthetic.name, "--timeout", "0.1")
    assert (status, said in text) == (5, True)


def test_wait_when_a_process_runs_and_does_not_beat_exits_5_and_says_so(synthetic: Synthetic, capsys: Capture) -> None:
    synthetic.beat(3_000_000_000)
    status, text = run(capsys, "wait", "ready", "--instance", synthetic.name, "--timeout", "0.1")
    assert (status, "engine running, no heartbeat for 3." in text) == (5, True)


def test_up_when_the_configuration_is_wrong_exits_2_and_names_the_key(tmp_path: Path, capsys: Capture) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text('[instance]\nname = "x"\ndata_dir = "d"\nmode = "live"\nprefix = "RF"\ncolour = "red"\n')
    for command in (("up", str(config)), ("up", str(config), "--detach"), ("config", "check", str(config))):
        status, said = run(capsys, *command)
        assert (status, "colour" in said or "instrument" in said) == (2, True), said


def test_up_when_the_data_directory_cannot_be_made_says_which_and_why(tmp_path: Path, capsys: Capture) -> None:
    text = resources.files("ringfence.tools.examples").joinpath("demo.toml").read_text()
    (tmp_path / "a-file").write_text("")
    (tmp_path / "c.toml").write_text(text.replace('data_dir = "demo-data"', 'data_dir = "a-file/data"'))
    assert cli.main(["up", str(tmp_path / "c.toml")]) == 1
    assert f"ringfence: {tmp_path / 'a-file'}" in capsys.readouterr().err


def test_config_show_when_printed_as_toml_reads_back_as_the_same_configuration(capsys: Capture) -> None:
    source = resources.files("ringfence.tools.examples") / "demo.toml"
    status, said = run(capsys, "config", "show", str(source))
    shown = tomllib.loads(said)
    assert status == 0
    assert [i["symbol"] for i in shown["instruments"]] == ["EUR/USD", "USD/JPY"]
    assert shown["venues"][0]["session"]["target_comp_id"] == "SIM"
