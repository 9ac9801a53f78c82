"""A start goes on from what is there, and is refused when a part of the past is missing that would be counted anew."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance_under_load import Load, assert_nothing_left, settle
from running_instance import Running

from ringfence.gateways.fix.store import MessageStore
from ringfence.tools import config as configuration
from ringfence.tools import history
from ringfence.tools.errors import Refused
from ringfence.tools.supervisor import Options


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Running:
    """An instance that has traded and was stopped, and its venue too."""
    made = Running(tmp_path_factory.mktemp("past"), f"t{os.getpid()}past")
    try:
        made.start_venue()
        assert made.up() == 0, made.logs()
        made.wait_session_up()
        load = Load(made)
        load.step(6)
        settle(made, load)
        load.close()
        assert_nothing_left(made)
    finally:
        made.close()
    return made


@pytest.fixture
def traded(past: Running, tmp_path: Path) -> Iterator[Running]:
    """A copy of it to go on from; its venue does not run."""
    made = past.copy(tmp_path)
    yield made
    made.close()


def refusal(running: Running, options: Options | None = None) -> str:
    running.said.clear()
    assert running.up(options) == 4, running.logs()
    return "\n".join(running.said)


def test_up_when_journal_is_gone_is_refused_and_a_new_history_needs_another_prefix(traded: Running) -> None:
    journal = traded.data / "journal"
    shutil.move(journal, traded.directory / "lost")
    assert "is empty, but this instance has traded before" in refusal(traded)
    assert "ClOrdIDs that begin with T1" in refusal(traded, Options(new_history=True))
    (traded.data / "run" / history.NAME).unlink()
    assert "is empty, but this instance has traded before" in refusal(traded), "the session store knows it too"
    assert "ClOrdIDs that begin with T1" in refusal(traded, Options(new_history=True)), "so do its messages"
    traded.change('prefix = "T1"', 'prefix = "T2"')
    (traded.directory / "venue.store").unlink()  # the counterparty has agreed to begin anew
    traded.start_venue()
    assert traded.up(Options(new_history=True)) == 0, traded.logs()
    traded.wait_session_up()
    again = Load(traded, first=9000)
    again.step(6)
    settle(traded, again)
    again.close()
    assert_nothing_left(traded)
    ids = [name for order in traded.record().orders.values() for name in order.cl_ord_ids]
    assert len(ids) == len(set(ids))
    assert {name[:2] for name in ids} == {"T1", "T2"}
    assert (traded.data / "sessions" / "sim.store.old.1").exists()


def test_up_when_a_session_store_is_gone_is_refused_until_a_new_session_was_agreed(traded: Running) -> None:
    store = traded.data / "sessions" / "sim.store"
    store.unlink()
    assert "sim.store is missing, but the instance has traded with sim" in refusal(traded)
    (traded.data / "run" / history.NAME).unlink()
    assert "sim.store is missing, but the instance has traded with sim" in refusal(traded), "the journal knows it too"
    assert not store.exists(), "a refused start makes none"
    assert "no venue 'other'" in refusal(traded, Options(new_sessions=("sim", "other")))
    store.unlink()
    (traded.directory / "venue.store").unlink()
    traded.start_venue()
    sent = int(traded.replay().replayer.state.table("venues")[1]["output_seq"])
    assert traded.up(Options(new_sessions=("sim",))) == 0, traded.logs()
    traded.wait_session_up()
    assert f"nothing up to output {sent} is sent again" in "\n".join(traded.said)
    again = Load(traded, first=9000)
    again.step(6)
    settle(traded, again)
    again.close()
    assert_nothing_left(traded)
    ids = [name for order in traded.record().orders.values() for name in order.cl_ord_ids]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("lost", ["epoch", "run"])
def test_up_when_run_directory_or_epoch_is_gone_goes_on_with_a_higher_epoch(traded: Running, lost: str) -> None:
    traded.start_venue()
    before = max(int(f) for f in [(traded.data / "run" / "epoch").read_text()])
    assert traded.up() == 0, traded.logs()
    assert_nothing_left(traded)
    if lost == "run":
        shutil.rmtree(traded.data / "run")
    else:
        (traded.data / "run" / "epoch").write_text("1\n")
    assert traded.up() == 0, traded.logs()
    traded.wait_session_up()
    assert int(traded.engine_row()["epoch"]) == before + 2
    assert int((traded.data / "run" / "epoch").read_text()) == before + 2
    assert_nothing_left(traded)


def test_up_when_epoch_file_is_damaged_is_refused(traded: Running) -> None:
    (traded.data / "run" / "epoch").write_text("x\n")
    assert "holds no number" in refusal(traded)


def test_up_when_new_history_is_asked_beside_a_journal_is_refused(traded: Running) -> None:
    assert "is not empty; move it away first" in refusal(traded, Options(new_history=True))


def test_note_when_prefix_was_used_on_a_later_day_keeps_that_day(tmp_path: Path, instance: str) -> None:
    running = Running(tmp_path, instance)
    running.change("timer_ms = 50", 'timer_ms = 50\nday = "2026-01-05"')
    config = configuration.load(running.config)
    config.run_dir.mkdir(parents=True)
    history.write_durably(config.run_dir / history.NAME, '{"prefixes": {"T1": 20260106}, "venues": {}}')
    history.note(config)
    assert history.read(config) == {"prefixes": {"T1": 20260106}, "venues": {"sim": 20260105}}
    with pytest.raises(Refused, match=r"choose an instance\.prefix"):
        history.check(config, print, new_history=True)


def test_fronts_when_store_has_orders_are_those_of_their_cl_ord_ids(tmp_path: Path) -> None:
    path = tmp_path / "s.store"
    store = MessageStore(path, "FIX.4.2:A->B")
    store.append(b"8=FIX.4.2\x0135=D\x0111=RF9IQ-0000A1F-00\x0141=XX9IQ-0000A1F-00\x01")
    store.append(b"8=FIX.4.2\x0135=D\x0111=something else\x01")
    store.close()
    assert history.cl_ord_id_fronts(path) == {"RF9IQ"}
