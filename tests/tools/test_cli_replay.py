"""ringfence replay: up to a place, from a snapshot, the life of an order, and where two histories part."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_by_hand import START_NS, STEP_NS, JournalByHand

from ringfence.core.replay import Replayer
from ringfence.tools import cli, snapshot
from ringfence.tools.errors import UsageError
from ringfence.tools.journal import Chunk, JournalReader
from ringfence.tools.replay import apply_chunk, cut, limits_in, replay
from ringfence.tools.replay_command import nanoseconds, words
from ringfence.tools.replay_diff import journals

Capture = pytest.CaptureFixture[str]


def orders(data: Path, qty: int = 500, marks: int = 5) -> JournalByHand:
    made = JournalByHand(data)
    made.new(41, "BUY", 1000, 11002)
    made.new(42, "SELL", qty, 11003)
    made.event("ACK", 2)
    made.fill(1, 400, 11002, "X1")
    for k in range(marks):
        made.mark(11000 + k, 11002 + k)
    made.fill(1, 600, 11001, "X2")
    made.checkpoint()
    made.event("SESSION_DOWN")
    return made


@pytest.fixture
def written(tmp_path: Path) -> JournalByHand:
    made = orders(tmp_path / "a")
    made.write()
    return made


def run(capsys: Capture, *argv: object) -> tuple[int, dict[str, Any], str]:
    status = cli.main([*map(str, argv), "--json"])
    out, err = capsys.readouterr()
    return status, json.loads(out) if out else {}, err


def state_at(directory: Path, seq: int) -> Replayer:
    """The state after ``seq``, by nothing but the reader and the core."""
    chunk = next(JournalReader(directory).chunks())
    assert isinstance(chunk, Chunk)
    limits = limits_in(chunk)
    assert limits is not None
    replayer = Replayer(limits)
    apply_chunk(replayer, cut(chunk, seq))
    return replayer


def test_until_when_any_sequence_is_asked_gives_the_state_after_it(written: JournalByHand, capsys: Capture) -> None:
    for seq in range(1, written.seq + 3):
        status, out, _ = run(capsys, "replay", written.directory, "--until", seq)
        assert (status, out["seq"]) == (0, str(min(seq, written.seq)))
        assert out["state_hash"] == f"{state_at(written.directory, seq).state_hash():016x}"


def test_at_when_a_time_is_asked_ends_with_the_last_frame_at_or_before_it(written: JournalByHand, capsys: Capture) -> None:
    for seq, extra in ((12, 0), (12, STEP_NS - 1), (12, STEP_NS), (1, -1)):
        ns = START_NS + seq * STEP_NS + extra
        text = f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09d}Z"
        status, out, _ = run(capsys, "replay", written.directory, "--at", text)
        assert (status, out["seq"]) == (0, str(seq + (extra >= STEP_NS) - (extra < 0)))


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-01-02T10:00:00Z", 1767348000 * 10**9),
        ("2026-01-02T10:00:00", 1767348000 * 10**9),
        ("2026-01-02T12:00:00.5+02:00", 1767348000 * 10**9 + 500_000_000),
        ("2026-01-02T10:00:00.000000001Z", 1767348000 * 10**9 + 1),
    ],
)
def test_nanoseconds_when_a_time_is_given_is_exact(text: str, ns: int) -> None:
    assert nanoseconds(text) == ns


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "12"])
def test_nanoseconds_when_it_is_no_time_says_what_is(text: str) -> None:
    with pytest.raises(UsageError, match="allowed: an ISO time"):
        nanoseconds(text)


def test_from_snapshot_when_there_is_one_not_later_the_rest_is_replayed(written: JournalByHand, capsys: Capture) -> None:
    for seq in (11, 14, written.seq):
        snapshot.write(written.directory.parent / "snapshots", state_at(written.directory, seq), "byhand")
    for until, left in ((13, 2), (14, 0), (16, 2), (written.seq, 0)):
        status, out, _ = run(capsys, "replay", written.directory, "--from-snapshot", "--until", until)
        assert (status, out["frames"], out["from_snapshot"]) == (0, left, True)
        assert out["state_hash"] == f"{state_at(written.directory, until).state_hash():016x}"
    damaged = snapshot.snapshot_path(written.directory.parent / "snapshots", 14)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    status, out, err = run(capsys, "replay", written.directory, "--from-snapshot", "--until", 15)
    assert (status, out["frames"], "SHA-256" in err) == (0, 4, True)


def test_order_when_asked_tells_what_each_frame_changed(written: JournalByHand, capsys: Capture) -> None:
    status, out, _ = run(capsys, "replay", written.directory, "--order", 1)
    assert status == 0
    assert [(r["seq"], r["event"]) for r in out["rows"]] == [("9", "intent new"), ("12", "venue fill"), ("18", "venue fill")]
    changed = [r["changed"] for r in out["rows"]]
    assert changed[0] is None
    assert "ord_status PENDING_NEW→PARTIALLY_FILLED" in changed[1]
    assert "cum_qty 0→400" in changed[1]
    assert "leaves_qty 600→0" in changed[2]
    assert len(run(capsys, "replay", written.directory, "--order", 1, "--until", 12)[1]["rows"]) == 2


def test_diff_when_journals_are_equal_exits_0(written: JournalByHand, tmp_path: Path, capsys: Capture) -> None:
    orders(tmp_path / "b").write(segment_bytes=4096)  # cut into other segments
    assert run(capsys, "replay", written.directory, "--diff", tmp_path / "b")[:1] == (0,)


def test_diff_when_an_input_differs_names_it_and_the_rows_it_made(written: JournalByHand, tmp_path: Path, capsys: Capture) -> None:
    orders(tmp_path / "b", qty=700).write()
    status, out, _ = run(capsys, "replay", written.directory, "--diff", tmp_path / "b")
    found = out["difference"]
    assert (status, found["seq"], found["what"], found["equal_until"]) == (7, "10", "frame", "9")
    assert "qty 500 ≠ 700" in found["ours"]
    assert {"table": "orders", "row": 2, "field": "qty", "ours": "500", "theirs": "700"} in found["rows"]
    assert cli.main(["replay", str(written.directory), "--diff", str(tmp_path / "b")]) == 7
    assert "orders[2].qty  ours 500  theirs 700" in capsys.readouterr().out


def test_diff_when_one_goes_on_says_where_the_other_ends(written: JournalByHand, tmp_path: Path, capsys: Capture) -> None:
    longer = orders(tmp_path / "b")
    longer.mark(1, 3)
    longer.write()
    found = run(capsys, "replay", written.directory, "--diff", tmp_path / "b")[1]["difference"]
    assert (found["what"], found["seq"], found["ours"]) == ("end", str(longer.seq), f"ends with sequence {written.seq}")


def test_diff_when_only_a_hash_differs_says_which_one_this_build_has(tmp_path: Path, capsys: Capture) -> None:
    paths = []
    for name, state_hash in (("a", None), ("b", 1)):
        made = JournalByHand(tmp_path / name)
        made.mark(1, 3)
        made.checkpoint(state_hash)
        paths.append(made.write())
    found = run(capsys, "replay", paths[0], "--diff", paths[1])[1]["difference"]
    assert (found["what"], found["seq"]) == ("hash", str(made.seq))
    assert found["ours"].endswith("(so does this build)")
    assert found["theirs"] == "state hash 0000000000000001"


@settings(max_examples=20, deadline=None)
@given(marks=st.integers(1, 60), at=st.integers(0, 59), change=st.integers(1, 9), cuts=st.sampled_from([4096, 8192, 65536]))
def test_diff_when_one_mark_of_many_differs_finds_it(tmp_path_factory: pytest.TempPathFactory, marks: int, at: int, change: int, cuts: int) -> None:
    data = tmp_path_factory.mktemp("two")
    at %= marks
    paths = []
    for name, extra in (("a", 0), ("b", change)):
        made = JournalByHand(data / name)
        first = made.seq + 1
        for k in range(marks):
            made.mark(10_000 + (extra if k == at else 0), 20_000)
        paths.append(made.write(segment_bytes=cuts if extra else 4096))
    found = journals(paths[0], paths[1], words)
    assert found is not None
    assert (found.seq, found.what) == (first + at, "frame")


def test_hashes_when_recorded_hold_and_a_changed_one_is_found(written: JournalByHand, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "hashes.json"
    status, out, _ = run(capsys, "replay", written.directory, "--record-hashes", file, "--every", 4)
    recorded = json.loads(file.read_text())
    assert (status, out["hashes"], [int(seq) for seq, _, _ in recorded["hashes"]]) == (0, 5, [4, 8, 12, 16, 20])
    assert [h for _, h, _ in recorded["hashes"]] == [f"{state_at(written.directory, seq).state_hash():016x}" for seq in (4, 8, 12, 16, 20)]
    assert run(capsys, "replay", written.directory, "--diff", file)[0] == 0
    recorded["hashes"][2][1] = "0" * 16
    file.write_text(json.dumps(recorded))
    found = run(capsys, "replay", written.directory, "--diff", file)[1]["difference"]
    assert (found["what"], found["seq"], found["equal_until"]) == ("hash", "12", "8")
    assert cli.main(["replay", str(written.directory), "--diff", str(file)]) == 7
    assert "--every 1 --from 9 --until 12" in capsys.readouterr().out


def test_hashes_when_every_frame_was_recorded_show_what_the_frame_did(written: JournalByHand, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "hashes.json"
    run(capsys, "replay", written.directory, "--record-hashes", file, "--every", 1, "--from", 9, "--until", 13)
    recorded = json.loads(file.read_text())
    assert [int(seq) for seq, _, _ in recorded["hashes"]] == [9, 10, 11, 12, 13]
    recorded["hashes"][3][1] = "0" * 16
    file.write_text(json.dumps(recorded))
    found = run(capsys, "replay", written.directory, "--diff", file)[1]["difference"]
    assert (found["seq"], "FILL" in found["ours"]) == ("12", True)
    assert {"table": "orders", "row": 1, "field": "cum_qty", "before": "0", "after": "400"} in found["rows"]


def test_hashes_when_of_another_journal_logic_or_no_record_are_told_apart(written: JournalByHand, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "hashes.json"
    other = orders(tmp_path / "b", qty=700)
    other.write()
    run(capsys, "replay", other.directory, "--record-hashes", file, "--every", 5)
    found = run(capsys, "replay", written.directory, "--diff", file)[1]["difference"]
    assert (found["what"], found["seq"]) == ("hash", "10") or "of another journal" in found["theirs"]
    recorded = json.loads(file.read_text())
    file.write_text(json.dumps(recorded | {"logic": recorded["logic"] + 1}))
    status, _, err = run(capsys, "replay", written.directory, "--diff", file)
    assert (status, "hashes need not be equal" in err) == (4, True)
    file.write_text("{}")
    status, _, err = run(capsys, "replay", written.directory, "--diff", file)
    assert (status, "--record-hashes" in err) == (2, True)


def test_replay_when_cut_and_gone_on_is_the_whole(written: JournalByHand) -> None:
    """Every place to begin with and every place to end: the same state as in one go."""
    for first in range(1, written.seq + 1):
        for until in range(first, written.seq + 1):
            begun = state_at(written.directory, first)
            result = replay(written.directory, until=until, begin=lambda begun=begun: begun)
            assert (result.seq, result.frames) == (until, until - first)
            assert result.state_hash == state_at(written.directory, until).state_hash()
