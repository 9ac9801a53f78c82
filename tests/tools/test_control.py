"""The control socket: who may ask what, answers that are true, and clients that misbehave."""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_instance import Running

from ringfence.gateways.strategy import Strategy
from ringfence.ipc.handover import receive
from ringfence.ipc.regions import SHM_DIR, list_regions
from ringfence.ipc.segment import Segment
from ringfence.tools import control, control_client
from ringfence.tools.errors import NotRunning, OutcomeUnknown, Refused, UsageError


@pytest.fixture
def running(tmp_path: Path, instance: str) -> Iterator[Running]:
    made = Running(tmp_path, instance)
    assert made.up() == 0, made.logs()
    yield made
    made.close()


def send(running: Running, data: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(control.control_path(running.data)))
        sock.sendall(data)
        return receive(sock)[0]


def test_agent_when_clients_misbehave_answers_and_goes_on(running: Running) -> None:
    path = control.control_path(running.data)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert send(running, b'{"op":"explode"}\n')["code"] == UsageError.exit_code
    assert "known are attach" in str(send(running, b'{"op":"explode"}\n')["error"])
    assert send(running, b"not json\n")["code"] == Refused.exit_code
    assert send(running, b"[1]\n")["code"] == Refused.exit_code
    assert send(running, b"x" * 70000)["code"] == Refused.exit_code
    assert send(running, b"[" * 50000 + b"\n")["code"] == Refused.exit_code
    assert send(running, rb'{"op":"set_strategy","strategy":"s1","status":"enabled","reason":"\ud800"}' + b"\n")["code"] == UsageError.exit_code
    silent = [socket.socket(socket.AF_UNIX) for _ in range(5)]
    for sock in silent:
        sock.connect(str(path))
    silent[0].sendall(b'{"op":')
    silent[1].close()
    assert running.status()["state"] == "RUNNING"
    assert send(running, b'{"op":"set_strategy","strategy":"s1","status":"POISONED","reason":"x"}\n')["code"] == UsageError.exit_code
    for sock in silent:
        sock.close()
    assert running.down() == []


def test_agent_when_engine_does_not_move_says_that_the_outcome_is_unknown(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = running.note_pids()
    os.kill(pids["engine"], signal.SIGSTOP)
    with pytest.raises(OutcomeUnknown, match="published, but not taken by the engine in time"):
        control_client.checkpoint(running.name)
    os.kill(pids["engine"], signal.SIGCONT)
    control_client.checkpoint(running.name)
    assert running.down() == []
    assert running.replay().checkpoints_verified >= 3


def test_agent_when_the_kill_words_are_gone_still_has_the_engine_kill(running: Running) -> None:
    (SHM_DIR / f"rf.{running.name}.kill").unlink()
    assert control_client.operate(running.name, "kill", "a test", scope="firm")["outcome"] == "applied"
    assert int(running.engine_row()["killed_scopes"]) == 1
    assert "the command goes to the engine alone" in (running.data / "logs" / "supervisor.log").read_text()
    running.down()


def test_agent_when_control_ring_is_full_refuses(running: Running) -> None:
    pids = running.note_pids()
    os.kill(pids["engine"], signal.SIGSTOP)
    line = b'{"op":"set_strategy","strategy":"s1","status":"enabled","reason":"fill the ring"}\n'
    socks = []
    for k in range(1, 65):
        socks.append(socket.socket(socket.AF_UNIX))
        socks[-1].connect(str(control.control_path(running.data)))
        socks[-1].sendall(line)
        running.until("its turn", lambda n=k: _published(running) >= n)
    with pytest.raises(Refused, match="the control ring is full: the engine does not take commands"):
        control_client.set_strategy(running.name, "s1", "enabled", "one too many")
    os.kill(pids["engine"], signal.SIGCONT)
    for sock in socks:
        sock.close()
    running.until("the engine", lambda: _taken(running) == 64)
    assert running.down() == []


def test_detach_when_control_ring_is_full_is_published_later(running: Running) -> None:
    strategy = Strategy.attach("s1", running.name)
    running.until("its attach", lambda: _taken(running) == 1)
    pid = running.note_pids()["engine"]
    os.kill(pid, signal.SIGSTOP)
    line = b'{"op":"set_strategy","strategy":"s2","status":"enabled","reason":"fill the ring"}\n'
    socks = []
    for k in range(2, 66):
        socks.append(socket.socket(socket.AF_UNIX))
        socks[-1].connect(str(control.control_path(running.data)))
        socks[-1].sendall(line)
        running.until("its turn", lambda n=k: _published(running) >= n)
    strategy.close()
    assert running.status()["strategies"] == {}
    os.kill(pid, signal.SIGCONT)
    for sock in socks:
        sock.close()
    running.until("its detach", lambda: _taken(running) == 66, timeout_s=10)
    with Segment.attach(running.name, "state") as state:
        assert int(state.section("strategies")[1]["attached"]) == 0
    assert running.down() == []


def _published(running: Running) -> int:
    with Segment.attach(running.name, "from.control") as region:
        return int(region.section("head")[0]["position"])


def _taken(running: Running) -> int:
    with Segment.attach(running.name, "to.control") as region:
        return int(region.section("tail")[0]["position"])


def test_attach_when_engine_is_restarted_keeps_the_ring(running: Running) -> None:
    with Strategy.attach("s1", running.name) as strategy:
        pid = running.kill("engine")
        running.wait_restarted("engine", pid)
        order = strategy.buy("EUR/USD", 1000, "1.0")
        answer = next(e for e in strategy.events(timeout=30) if e.client_id == order.client_id)
        assert answer.kind == "DENIED"  # the session is down: the engine reads the old ring and answers in it
        assert running.status()["strategies"]["s1"]["epoch"] == 1
    assert running.down() == []


def test_client_when_supervisor_is_dead_says_how_to_recover(running: Running) -> None:
    running.kill("supervisor")
    running.until("its death", lambda: not any(r.alive for r in list_regions(running.name) if r.name == "instance"))
    with pytest.raises(NotRunning, match=r"its supervisor \(process \d+\) is dead; recover with ringfence up"):
        running.status()
