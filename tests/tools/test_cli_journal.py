"""journal stat, dump, verify, replay and the life of an order, on journals written by hand."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from journal_by_hand import JournalByHand
from synthetic_instance import Synthetic

from ringfence.tools import cli
from ringfence.tools.errors import ToolError
from ringfence.tools.journal import JournalReader
from ringfence.tools.views import journal as pictures

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def written(tmp_path: Path) -> JournalByHand:
    """Return a journal of two orders of one strategy, written, with a checkpoint at its end."""
    made = JournalByHand(tmp_path)
    made.new(41, "BUY", 1000, 11002)
    made.new(42, "SELL", 500, 11003)
    made.event("ACK", 2)
    made.fill(1, 400, 11002, "X1")
    made.event("ACK", 1)
    made.mark(11000, 11002)
    made.fill(1, 600, 11001, "X2")
    made.event("SESSION_DOWN")
    made.checkpoint()
    made.write()
    return made


def run(capsys: Capture, *argv: str) -> tuple[int, str, str]:
    status = cli.main(argv)
    out, err = capsys.readouterr()
    return status, out, err


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x40
    path.write_bytes(data)


def test_stat_when_given_the_data_directory_finds_the_segments(written: JournalByHand, capsys: Capture) -> None:
    status, out, _ = run(capsys, "journal", "stat", str(written.directory.parent), "--json")
    row = json.loads(out)["rows"][0]
    assert (status, row["first"], row["last"], row["crc"]) == (0, "1", str(written.seq), "open")


def test_dump_when_a_range_is_asked_prints_those_frames_in_words(written: JournalByHand, capsys: Capture) -> None:
    status, out, _ = run(capsys, "journal", "dump", str(written.directory), "--from", "9", "--to", "12", "--json")
    rows = json.loads(out)["rows"]
    assert status == 0
    assert [(r["seq"], r["kind"], r["event"], r["id"]) for r in rows] == [
        ("9", "INTENT", "NEW", "41"),
        ("10", "INTENT", "NEW", "42"),
        ("11", "VENUE_EVENT", "ACK", written.cl_ord_id(2)),
        ("12", "VENUE_EVENT", "FILL", written.cl_ord_id(1)),
    ]
    assert rows[3]["detail"] == "400 @ 1.1002 exec X1"


def test_dump_when_filtered_keeps_matching_frames(written: JournalByHand, capsys: Capture) -> None:
    _, out, _ = run(capsys, "journal", "dump", str(written.directory), "--filter", "event=FILL", "-H")
    assert [line.split()[0] for line in out.splitlines()] == ["12", "15"]


def test_verify_when_whole_exits_0_and_says_how_much(written: JournalByHand, capsys: Capture) -> None:
    status, out, _ = run(capsys, "journal", "verify", str(written.directory))
    assert (status, f"{written.seq:,} frames in 1 segments" in out) == (0, True)


def test_verify_when_a_byte_is_flipped_exits_7_and_names_segment_offset_and_sequence(written: JournalByHand, capsys: Capture) -> None:
    row = pictures.frames(JournalReader(written.directory), 12, 12)[0]
    segment = written.directory / "0000000001.rfj"
    flip(segment, row["offset"] + 80)
    status, out, _ = run(capsys, "journal", "verify", str(written.directory))
    assert status == 7
    assert f"offset {row['offset']}" in out
    assert "sequence 12" in out
    assert str(segment) in out
    found = json.loads(run(capsys, "journal", "verify", str(written.directory), "--json")[1])
    assert (found["ok"], found["rows"][0]["seq"]) == (False, "12")


def test_replay_when_verified_prints_frames_and_hash(written: JournalByHand, capsys: Capture) -> None:
    status, out, _ = run(capsys, "replay", str(written.directory), "--verify")
    assert status == 0
    assert f"{written.seq:,} frames" in out
    assert f"{written.replayer.state_hash():016x}" in out


def test_replay_when_a_byte_is_flipped_exits_7(written: JournalByHand, capsys: Capture) -> None:
    row = pictures.frames(JournalReader(written.directory), 9, 9)[0]
    flip(written.directory / "0000000001.rfj", row["offset"] + 100)
    status, _, err = run(capsys, "replay", str(written.directory.parent), "--verify")
    assert (status, "sequence 9" in err) == (7, True)


def test_replay_when_a_checkpoint_differs_exits_7(tmp_path: Path, capsys: Capture) -> None:
    made = JournalByHand(tmp_path)
    made.checkpoint(state_hash=1)
    made.write()
    assert run(capsys, "replay", str(tmp_path), "--verify")[0] == 7


def test_life_when_an_order_lived_has_one_row_per_frame_that_concerned_it(written: JournalByHand) -> None:
    rows = pictures.life(JournalReader(written.directory), 1)
    assert [(r["seq"], r["event"], r["state"], r["cum"], r["leaves"], r["by"]) for r in rows] == [
        (9, "intent new", "PENDING_NEW", Decimal(0), Decimal(1000), "strat.mm1"),
        (12, "venue fill", "PARTIALLY_FILLED", Decimal(400), Decimal(600), "gw.sim"),
        (13, "venue ack", "PARTIALLY_FILLED", Decimal(400), Decimal(600), "gw.sim"),
        (15, "venue fill", "FILLED", Decimal(1000), Decimal(0), "gw.sim"),
    ]
    assert [r["dt"] for r in rows] == [None, 3000, 1000, 2000]


def test_life_when_the_session_went_down_an_open_order_shows_it(written: JournalByHand) -> None:
    rows = pictures.life(JournalReader(written.directory), 2)
    assert [r["event"] for r in rows] == ["intent new", "venue ack", "venue session down"]


def test_life_when_the_order_does_not_exist_says_which_do(written: JournalByHand) -> None:
    with pytest.raises(ToolError, match="orders 1 to 2"):
        pictures.life(JournalReader(written.directory), 3)


def test_orders_when_an_id_is_given_the_life_comes_from_the_instances_journal(written: JournalByHand, synthetic: Synthetic, capsys: Capture) -> None:
    synthetic.instance.section("status")[1]["data_dir"] = str(written.directory.parent).encode()
    for given in ("1", written.cl_ord_id(1)):
        status, out, _ = run(capsys, "orders", given, "--instance", synthetic.name, "-H")
        assert (status, [line.split()[0] for line in out.splitlines()]) == (0, ["9", "12", "13", "15"])


def test_stat_when_the_instance_runs_counts_what_no_sync_covers(written: JournalByHand, synthetic: Synthetic, capsys: Capture) -> None:
    synthetic.instance.section("status")[1]["data_dir"] = str(written.directory.parent).encode()
    synthetic.from_sidecar.section("mark")[0]["position"] = 18_450_100
    _, out, _ = run(capsys, "journal", "stat", "--instance", synthetic.name, "--json")
    assert json.loads(out)["rows"][0]["fsync_lag"] == 22


def test_last_checkpoint_when_there_are_two_is_the_later_and_none_without(tmp_path: Path) -> None:
    made = JournalByHand(tmp_path / "two")
    made.checkpoint()
    made.mark(1, 2)
    state_hash = made.checkpoint()
    assert pictures.last_checkpoint(JournalReader(made.write())) == (made.seq, state_hash)
    assert pictures.last_checkpoint(JournalReader(JournalByHand(tmp_path / "bare").write())) is None


def test_dump_when_a_venue_sends_control_characters_keeps_them_from_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    made = JournalByHand(tmp_path)
    made.new(41, "BUY", 1000, 11002)
    made.event("REJECTED", 1, text="no\x1b[2J\nroute")
    made.write()
    _, out, _ = run(capsys, "journal", "dump", str(made.directory), "--from", str(made.seq), "-H")
    assert len(out.splitlines()) == 1
    assert "no·[2J·route" in out


@pytest.mark.parametrize("command", [("replay", "--verify"), ("journal", "verify"), ("journal", "stat")])
def test_command_when_the_directory_holds_no_segment_fails(command: tuple[str, ...], tmp_path: Path, capsys: Capture) -> None:
    status, out, err = run(capsys, *command, str(tmp_path))
    assert (status, out) == (1, "")
    assert f"{tmp_path}: holds no journal segment" in err
