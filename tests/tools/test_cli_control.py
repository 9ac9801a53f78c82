"""up, down and wait: on a synthetic instance, and on a process that stands in for a supervisor because it owns the region ``instance``."""

from __future__ import annotations

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
from ringfence.tools.errors import Refused

Capture = pytest.CaptureFixture[str]
OWNER = """
import signal, sys, threading
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import SectionSpec, Segment
done = threading.Event()
if "--deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: done.set())
specs = [SectionSpec("status", "InstanceStatus", 2), SectionSpec("components", "Component", 2)]
segment = Segment.create(sys.argv[1], "instance", specs, role=ENUMS["Role"].by_name["SUPERVISOR"], epoch=1, lock=False)
segment.section("status")[1]["mode"] = ENUMS["Mode"].by_name[sys.argv[2]]
print("up", flush=True)
done.wait(60)
if "--untidy" not in sys.argv:
    segment.unlink()
"""


class Owner:
    """A process that owns the region ``instance`` and ends on SIGTERM."""

    def __init__(self, name: str, mode: str, *flags: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", OWNER, name, mode, *flags], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "up\n"

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def owner(instance: str) -> Iterator[type[Owner]]:
    made: list[Owner] = []

    class Kept(Owner):
        def __init__(self, mode: str, *flags: str) -> None:
            super().__init__(instance, mode, *flags)
            made.append(self)

    yield Kept  # type: ignore[misc]
    for each in made:
        each.end()
    regions.unlink_stale(instance)


def run(capsys: Capture, *argv: str) -> tuple[int, str]:
    status = cli.main(argv)
    out, err = capsys.readouterr()
    return status, out + err


def test_down_when_the_supervisor_stops_says_so_and_nothing_is_left(owner: type[Owner], instance: str, capsys: Capture) -> None:
    process = owner("DEMO").process  # type: ignore[call-arg]
    assert run(capsys, "down", "--instance", instance) == (0, f"● {instance} stopped\n")
    assert process.wait(10) == 0


def test_down_when_the_supervisor_does_not_stop_exits_5(owner: type[Owner], instance: str, capsys: Capture) -> None:
    owner("DEMO", "--deaf")
    status, said = run(capsys, "down", "--instance", instance, "--timeout", "0.2")
    assert (status, "did not stop within 0.2 s" in said) == (5, True)


def test_down_when_regions_are_left_is_a_failure_that_names_them(owner: type[Owner], instance: str, capsys: Capture) -> None:
    owner("DEMO", "--untidy")
    status, said = run(capsys, "down", "--instance", instance)
    assert (status, "left regions instance" in said) == (1, True)


def test_down_when_live_and_nobody_can_confirm_is_refused_and_the_instance_lives(owner: type[Owner], instance: str, capsys: Capture) -> None:
    process = owner("LIVE").process  # type: ignore[call-arg]
    status, said = run(capsys, "down", "--instance", instance)
    assert (status, "add --yes" in said, process.poll()) == (4, True, None)
    assert run(capsys, "down", "--instance", instance, "--yes")[0] == 0


@pytest.mark.parametrize(("answer", "refused"), [("ld4", False), ("ld5", True), ("", True)])
def test_confirm_when_live_wants_the_instances_name(answer: str, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _prompt: answer)
    if refused:
        with pytest.raises(Refused, match="nothing was done"):
            control._confirm("ld4", "LIVE", yes=False)
    else:
        control._confirm("ld4", "LIVE", yes=False)


def test_down_when_the_supervisor_is_dead_exits_3(owner: type[Owner], instance: str, capsys: Capture) -> None:
    dead = owner("DEMO")  # type: ignore[call-arg]
    dead.end()
    status, said = run(capsys, "down", "--instance", instance)
    assert (status, "ringfence up" in said) == (3, True)


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


def test_up_when_the_configuration_is_wrong_exits_2_and_names_the_key(tmp_path: Path, capsys: Capture) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text('[instance]\nname = "x"\ndata_dir = "d"\nmode = "live"\nprefix = "RF"\ncolour = "red"\n')
    for command in (("up", str(config)), ("up", str(config), "--detach"), ("config", "check", str(config))):
        status, said = run(capsys, *command)
        assert (status, "colour" in said or "instrument" in said) == (2, True), said


def test_config_show_when_printed_as_toml_reads_back_as_the_same_configuration(capsys: Capture) -> None:
    source = resources.files("ringfence.tools.examples") / "demo.toml"
    status, said = run(capsys, "config", "show", str(source))
    shown = tomllib.loads(said)
    assert status == 0
    assert [i["symbol"] for i in shown["instruments"]] == ["EUR/USD", "USD/JPY"]
    assert shown["venues"][0]["session"]["target_comp_id"] == "SIM"
