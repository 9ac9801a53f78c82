"""``ringfence kill`` when nobody answers: the word is set all the same, what was done and what not is said, and the exit code tells them apart."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from synthetic_instance import Synthetic, value

from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import CONSTANTS
from ringfence.ipc.segment import Segment
from ringfence.tools import cli, kill_words
from ringfence.tools.commands import kill
from ringfence.tools.control import control_path
from ringfence.tools.views.instance import Instance

CLEAR = CONSTANTS["KILL_CLEAR"][0]
S = 1_000_000_000
Capture = pytest.CaptureFixture[str]


class Killable(Synthetic):
    """The synthetic instance with kill words, counted tables, and a gateway that says whether it obeys."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.words = kill_words.take_region(name, 1, logging.getLogger("test"))
        self.engine = self.state.section("engine")[1]
        for count, n in (("instrument_count", 2), ("account_count", 1), ("venue_count", 1), ("strategy_count", 2)):
            self.engine[count] = n
        self.engine["order_count"] = 2
        self.state.section("scopes")[1]["kind"] = value("ScopeKind", "FIRM")
        self.state.section("scopes")[2]["kind"], self.state.section("scopes")[2]["a"] = value("ScopeKind", "VENUE"), 1
        self.engine["scope_count"] = 2
        self.gateway: Metrics = self.metrics("gw.sim2", ["killed", "kill_cancels"], [], "GATEWAY")

    def taken(self) -> None:
        """What an engine that lives does: the firm is killed and nothing is open."""
        self.state.section("scopes")[1]["state"] = value("ScopeState", "KILLED")
        self.state.section("orders")["ord_status"][1:3] = value("OrdStatus", "CANCELED")

    def killed(self) -> list[int]:
        return [row for row in range(1, kill_words.ROWS) if int(self.words.section("words")[row]["word"]) != CLEAR]

    def close(self) -> None:
        self.words.unlink()
        super().close()


@pytest.fixture
def made(instance: str) -> Iterator[Killable]:
    """Its supervisor's socket is gone: the data directory is nowhere."""
    killable = Killable(instance)
    yield killable
    killable.close()


def run(capsys: Capture, made: Killable, *argv: str) -> tuple[int, str]:
    status = cli.main(["kill", *argv, "--instance", made.name, "--timeout", "0.2", "--reason", "a test"])
    out, err = capsys.readouterr()
    return status, out + err


def test_kill_when_the_socket_is_gone_sets_the_word_and_proves_it_by_the_tables(made: Killable, capsys: Capture) -> None:
    made.taken()
    status, said = run(capsys, made, "firm")
    assert (status, made.killed()) == (0, [1]), said
    assert "the supervisor has not taken the command" in said
    assert kill_words.read_words(made.name)[0].reason == "a test"


def test_kill_when_the_supervisor_is_dead_sets_the_word_of_a_venue(made: Killable, capsys: Capture) -> None:
    made.instance.unlink()
    status, said = run(capsys, made, "venue:sim")
    assert (status, made.killed()) == (6, [2]), said
    assert "2 orders of venue:sim are not confirmed as over: 1, 2" in said
    assert "the engine has not taken the kill" in said


def test_kill_when_the_supervisor_hangs_does_not_wait_for_it(made: Killable, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill, "ANSWER_S", 0.05)
    made.instance.section("status")[1]["data_dir"] = str(tmp_path).encode()
    control_path(tmp_path).parent.mkdir()
    made.taken()
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(control_path(tmp_path)))
        hung.listen(4)
        status = cli.main(["kill", "firm", "--instance", made.name, "--reason", "a test", "--json"])
        found = json.loads(capsys.readouterr().out)
    assert (status, made.killed(), found["word"], found["killed"]) == (0, [1], True, True)
    assert "no answer within 0.05 s" in found["unanswered"]


@pytest.mark.parametrize(("reopen_s", "least", "most"), [(60.0, 1, 1), (0.05, 3, 11)])
def test_kill_when_it_waits_for_its_proof_maps_the_instance_once_in_a_while(
    made: Killable, capsys: Capture, monkeypatch: pytest.MonkeyPatch, reopen_s: float, least: int, most: int
) -> None:
    opened: list[str] = []

    class Counted(Instance):
        def __init__(self, name: str) -> None:
            opened.append(name)
            super().__init__(name)

    monkeypatch.setattr(kill, "Instance", Counted)
    monkeypatch.setattr(kill, "REOPEN_S", reopen_s, raising=False)
    status, said = cli.main(["kill", "firm", "--instance", made.name, "--timeout", "0.5", "--reason", "a test"]), capsys.readouterr().out
    assert status == 6, said
    assert least <= len(opened) <= most


def test_kill_when_the_engine_stops_beating_while_it_waits_notices(made: Killable, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopping(Instance):
        def renew(self) -> None:
            super().renew()
            made.beat(5 * S)

    monkeypatch.setattr(kill, "Instance", Stopping)
    status, said = run(capsys, made, "firm")
    assert (status, made.killed()) == (6, [1]), said
    assert "the engine has not beaten for 5" in said


def test_kill_when_the_engine_is_silent_says_so_and_which_gateways_obey(made: Killable, capsys: Capture) -> None:
    made.taken()
    made.beat(5 * S)
    made.gateway.set("killed", 1)
    made.gateway.set("kill_cancels", 12)
    status, said = run(capsys, made, "firm")
    assert (status, made.killed()) == (6, [1]), said
    assert "the engine has not beaten for 5" in said
    assert "gw.sim2 sends no new orders and has sent 12 cancels by itself" in said
    assert "gw.sim has not said that it obeys" in said


def test_kill_when_of_another_scope_and_nobody_answers_names_the_words_there_are(made: Killable, capsys: Capture) -> None:
    status, said = run(capsys, made, "strategy:mm1")
    assert (status, made.killed()) == (3, []), said
    assert "ringfence kill venue:sim or firm" in said
    status, said = run(capsys, made, "firm", "--flatten")
    assert (status, made.killed()) == (3, []), said
    assert "no --flatten" in said


def test_kill_when_neither_word_nor_supervisor_can_be_reached_says_both(made: Killable, capsys: Capture) -> None:
    made.words.unlink()
    status, said = run(capsys, made, "firm")
    assert status == 3
    assert "nobody answers" in said
    assert "nor could the out-of-band word be set" in said


@pytest.mark.parametrize(("role", "uid"), [("VIEWER", os.getuid()), ("ADMIN", os.getuid() + 1)], ids=["viewer", "stranger"])
def test_kill_when_the_table_says_that_one_may_not_sets_no_word(made: Killable, capsys: Capture, role: str, uid: int) -> None:
    row = made.state.section("operators")[1]
    row["id"], row["uid"], row["role"], row["status"] = 1, uid, value("OperatorRole", role), value("Status", "ACTIVE")
    made.engine["operator_count"] = 1
    status, said = run(capsys, made, "firm")
    assert (status, made.killed()) == (4, []), said
    assert "a kill needs trader" in said


def test_kill_when_a_venue_should_be_flattened_is_refused(made: Killable, capsys: Capture) -> None:
    status, said = run(capsys, made, "venue:sim", "--flatten")
    assert (status, made.killed()) == (2, []), said
    assert "positions are of no venue" in said


def test_kill_when_there_are_no_tables_takes_the_row_of_a_venue(made: Killable, capsys: Capture) -> None:
    made.state.unlink()
    status, said = run(capsys, made, "venue:3")
    assert (status, made.killed()) == (6, [4]), said


def test_proof_when_positions_are_not_flat_lists_them_with_what_is_in_the_way(made: Killable) -> None:
    from ringfence.tools.views import proof

    positions = made.state.section("positions")
    positions[1]["flatten_reason"] = value("DenyReason", "SESSION_DOWN")
    positions[2]["strategy"] = 0
    with Segment.attach(made.name, "state") as state:
        firm = proof.not_flat(state, (value("ScopeKind", "FIRM"), 0, 0))
        assert firm == ["mm2 acc1 EURUSD -400000 (SESSION_DOWN)", "suspense acc1 USDJPY 500000 (ringfence assign: nothing closes what is in suspense)"]
        assert proof.not_flat(state, (value("ScopeKind", "STRATEGY"), 2, 0)) == firm[:1]
        assert proof.not_flat(state, (value("ScopeKind", "VENUE"), 1, 0)) == []
        made.state.section("scopes")[1]["state"] = value("ScopeState", "KILLED")
        assert proof.unflattened(state, {}) == []
        made.state.section("scopes")[1]["kill_options"] = CONSTANTS["KILL_FLATTEN"][0]
        assert proof.unflattened(state, {}) == [f"firm: not flat yet: {', '.join(firm)}"]
