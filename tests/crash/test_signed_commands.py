"""Signed commands on a live instance: two operators without an account on the host, repetitions before and after a crash, and the audit of all that."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_instance import Running

from ringfence.ipc.schema import ENUMS
from ringfence.tools import audit_trail, kill_words, signed
from ringfence.tools.cli import main

ALICE, BOB = 71_001, 71_002
MAX_QTY = ENUMS["RiskRule"].by_name["MAX_QTY"]
OPERATORS = """
[[operator]]
name = "alice"
uid = {alice_uid}
role = "risk"
public_key = "{alice}"
[[operator]]
name = "bob"
uid = {bob_uid}
role = "risk"
public_key = "{bob}"
[[limit]]
scope = "firm"
rule = "MAX_QTY"
value = "1000"
"""


class Remote:
    """Two operators on their own machine, and somebody who brings what they sign."""

    def __init__(self, running: Running, tmp_path: Path) -> None:
        self.running, self.directory, self.count = running, tmp_path, 0

    def sign(self, operator: str, *command: str, instance: str = "", **flags: str) -> Path:
        self.count += 1
        out = self.directory / f"{self.count}.json"
        given = {"key": str(self.directory / f"{operator}.pem"), "as": operator, "out": str(out)} | flags
        words = [word for name, value in given.items() for word in (f"--{name}", value)]
        assert main(["--instance", instance or self.running.name, "sign", *words, *command, "--reason", "from afar"]) == 0
        return out

    def submit(self, file: Path) -> int:
        return main(["--instance", self.running.name, "--json", "submit", str(file)])


@pytest.fixture
def running(tmp_path: Path, instance: str) -> Iterator[Running]:
    made = Running(tmp_path, instance)
    keys = {name: signed.keygen(tmp_path / f"{name}.pem").hex() for name in ("alice", "bob")}
    made.add(OPERATORS.format(alice_uid=ALICE, bob_uid=BOB, **keys))
    assert made.up() == 0, made.logs()
    yield made
    made.close()


@pytest.fixture
def remote(running: Running, tmp_path: Path) -> Remote:
    return Remote(running, tmp_path)


def limit(running: Running) -> int:
    return int(running.sections("state", "scopes")[1]["limits"][MAX_QTY])


def answer(capsys: Any) -> dict[str, Any]:
    return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))


def test_limit_when_two_operators_sign_is_looser_and_one_of_them_alone_cannot(running: Running, remote: Remote, capsys: Any) -> None:
    assert remote.submit(remote.sign("alice", "limits", "set", "MAX_QTY", "firm", "5000")) == 0
    said = answer(capsys)
    assert (said["outcome"], limit(running)) == ("proposed", 1000)
    assert remote.submit(remote.sign("alice", "approve", str(said["proposal"]))) == 4
    assert limit(running) == 1000
    assert remote.submit(remote.sign("bob", "approve", str(said["proposal"]))) == 0
    assert (answer(capsys)["outcome"], limit(running)) == ("applied", 5000)
    assert running.down() == []
    trail = audit_trail.Trail(running.data / "journal")
    mine = [(e.operator, e.uid, e.kind, e.outcome, e.signed) for e in trail.entries() if e.signed]
    assert mine == [
        ("alice", ALICE, "SET_LIMIT", "proposed 1", "signed"),
        ("alice", ALICE, "APPROVE", "refused", "signed"),
        ("bob", BOB, "APPROVE", "applied", "signed"),
    ]
    assert trail.forged == trail.unchecked == []


def test_kill_when_signed_is_in_the_word_and_brought_again_is_refused_even_after_a_crash(running: Running, remote: Remote, capsys: Any) -> None:
    killed = remote.sign("alice", "kill", "firm")
    assert remote.submit(killed) == 0
    assert next(w for w in kill_words.read_words(running.name) if not w.venue).killed
    assert remote.submit(killed) == 46
    assert "is not above" in capsys.readouterr().err
    running.wait_restarted("engine", running.kill("engine"))
    assert remote.submit(killed) == 46


def test_refusals_when_asked_of_an_agent_exit_with_their_codes(running: Running, remote: Remote) -> None:
    assert remote.submit(remote.sign("alice", "halt", instance="other")) == 44
    assert remote.submit(remote.sign("bob", "halt", key=str(remote.directory / "alice.pem"))) == 43
    assert remote.submit(remote.sign("alice", "halt", **{"as": "mallory"})) == 41
    assert remote.submit(remote.sign("alice", "halt", number="5")) == 0
    assert remote.submit(remote.sign("alice", "resume", number="5")) == 46
    late = remote.sign("alice", "resume", valid="1ms")
    assert remote.submit(late) == 45
    owner = next(bytes(o["name"]).decode() for o in running.sections("state", "operators")[1:] if int(o["uid"]) == os.getuid())
    assert remote.submit(remote.sign("alice", "resume", **{"as": owner})) == 42


def test_strategy_when_two_envelopes_cross_is_as_the_later_number_says(running: Running, remote: Remote) -> None:
    first, second = (remote.sign("alice", "strategy", "s1", status) for status in ("disabled", "cancel_only"))
    assert remote.submit(second) == 0
    assert remote.submit(first) == 46, "an older command does not overrule a newer one that overtook it"
    status = int(running.sections("state", "strategies")[1]["status"])
    assert ENUMS["StrategyStatus"].by_value[status] == "CANCEL_ONLY"
