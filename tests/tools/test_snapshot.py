"""Snapshots: what was written comes back byte by byte, any other byte is seen, and a snapshot with the journal's tail is the whole replay (I12)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_by_hand import LIMITS, JournalByHand

from ringfence.core.replay import Replayer
from ringfence.core.state import Limits, State, state_sections
from ringfence.tools import snapshot
from ringfence.tools.errors import JournalCorrupt
from ringfence.tools.journal import Chunk, JournalReader
from ringfence.tools.recovery import recover
from ringfence.tools.segments import segment_path
from ringfence.tools.snapshot import SnapshotUnusable, newest_snapshot_seqs

NAME = "byhand"
SECTIONS = tuple(name for name, _, _ in state_sections(LIMITS))


def tables(state: State) -> dict[str, bytes]:
    return {name: state.table(name).tobytes() for name in SECTIONS}


def replayed(directory: Path, until: int) -> Replayer:
    """A fresh state with the journal's frames up to a sequence, one by one."""
    replayer = Replayer(LIMITS)
    for item in JournalReader(directory).chunks():
        assert isinstance(item, Chunk)
        for frame in JournalReader(directory).frames():
            if int(frame.head["seq"]) <= until:
                replayer.apply_buffer(item.buffer, frame.offset, frame.offset + int(frame.head["length"]))
    return replayer


def busy(data: Path) -> JournalByHand:
    """A small journal with orders in every phase, a break, cancels and a checkpoint of everything."""
    j = JournalByHand(data)
    for k in range(1, 6):
        j.new(k, "BUY" if k % 2 else "SELL", 1_000 * k, 11_000 + k)
    j.event("ACK", 1, venue_order_id="V1", qty=1_000, leaves_qty=1_000, cum_qty=0)
    j.fill(1, 400, 11_001, "E1")
    j.fill(1, 400, 11_001, "E1")
    j.fill(2, 2_000, 11_002, "E2")
    j.fill(1, 900, 11_001, "E3")
    j.mark(11_000, 11_002)
    j.checkpoint()
    j.event("SESSION_DOWN")
    j.event("SESSION_UP")
    j.new(9, "BUY", 50, 11_000)
    return j


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return busy(tmp_path).write()


@pytest.fixture
def written(journal: Path, tmp_path: Path) -> Path:
    """One snapshot, of the middle of the journal."""
    return snapshot.write(tmp_path / "snapshots", replayed(journal, 14), NAME)


def load(path: Path) -> Replayer:
    header = snapshot.read_header(path)
    return snapshot.load(header, State.in_memory(header.limits))


def recovered(journal: Path, emitted: dict[int, int] | None = None, limits: Limits = LIMITS) -> Replayer:
    marks = {1: 0} if emitted is None else emitted
    return recover(journal, State.in_memory(limits), marks, snapshots=journal.parent / "snapshots", instance=NAME)[0]


def test_load_when_written_gives_every_byte_back(written: Path, journal: Path) -> None:
    before, after = replayed(journal, 14), load(written)
    assert tables(after.state) == tables(before.state)
    assert (after.sources(), after.output_seq, after.frame_crc) == (before.sources(), before.output_seq, before.frame_crc)
    assert len(after.sources()) == 3


def test_recover_when_a_snapshot_is_of_any_sequence_ends_like_the_whole_replay(journal: Path, tmp_path: Path) -> None:
    whole = replayed(journal, 10**9)
    for seq in range(1, whole.seq + 1):
        directory = tmp_path / str(seq)
        snapshot.write(directory, replayed(journal, seq), NAME)
        state = State.in_memory(LIMITS)
        found, recorded = recover(journal, state, {}, snapshots=directory, instance=NAME)
        assert tables(state) == tables(whole.state), seq
        assert (found.sources(), found.frame_crc, recorded) == (whole.sources(), whole.frame_crc, LIMITS)


STEPS = st.lists(st.tuples(st.sampled_from(("new", "fill", "accept", "mark", "down", "up")), st.integers(1, 8), st.integers(1, 900)), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, share=st.floats(0, 1))
def test_recover_when_journals_are_random_snapshot_and_tail_are_the_whole(steps: list[tuple[str, int, int]], share: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        j = JournalByHand(Path(name))
        for k, (what, number, qty) in enumerate(steps):
            step(j, k, what, number, qty)
        journal = j.write()
        snapshot.write(Path(name) / "snapshots", replayed(journal, 1 + int(share * (j.seq - 1))), NAME)
        found = recovered(journal, {})
        assert tables(found.state) == tables(j.replayer.state)


def step(j: JournalByHand, k: int, what: str, number: int, qty: int) -> None:
    if what == "new":
        j.new(number, "BUY" if qty % 2 else "SELL", qty, 11_000)
    elif what == "fill":
        j.fill(number, qty, 11_000, f"E{qty % 7}")
    elif what == "accept":
        j.event("ACK", number, venue_order_id=f"V{number}", qty=qty, leaves_qty=qty, cum_qty=0)
    elif what == "mark":
        j.mark(11_000 - k, 11_000 + k)
    else:
        j.event(f"SESSION_{what.upper()}")


def test_recover_when_outputs_are_not_emitted_keeps_them_like_the_whole_replay(journal: Path, tmp_path: Path) -> None:
    """The first order's command is in the gateway, the others are not: what is queued for it does not depend on the snapshot."""
    snapshot.write(tmp_path / "snapshots", replayed(journal, 9), NAME)
    emitted = replayed(journal, 9).output_seq
    whole = recover(journal, State.in_memory(LIMITS), emitted)[0]
    found = recovered(journal, emitted)
    assert found.state.take_queue(1).tobytes() == whole.state.take_queue(1).tobytes()
    assert found.output_seq[1] > emitted[1]


def test_recover_when_a_gateway_lacks_outputs_from_before_the_snapshot_takes_an_older_one(
    journal: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for seq in (9, 14):
        snapshot.write(tmp_path / "snapshots", replayed(journal, seq), NAME)
    found = recovered(journal, {1: replayed(journal, 9).output_seq[1]})
    assert tables(found.state) == tables(replayed(journal, 10**9).state)
    assert len(found.state.take_queue(1)) == found.output_seq[1] - replayed(journal, 9).output_seq[1]
    assert "00014.rfs: the gateway of venue 1 has outputs up to 1" in caplog.text
    assert "refused" in caplog.text


def test_load_when_any_byte_is_another_refuses_and_leaves_the_state_empty(written: Path) -> None:
    state = State.in_memory(LIMITS)
    empty = tables(state)
    with written.open("r+b", buffering=0) as file:
        for at in range(written.stat().st_size):
            good = os.pread(file.fileno(), 1, at)
            os.pwrite(file.fileno(), bytes([good[0] ^ 1 << at % 8]), at)
            with pytest.raises(SnapshotUnusable):
                snapshot.load(snapshot.read_header(written), state)
            os.pwrite(file.fileno(), good, at)
    assert tables(state) == empty
    assert load(written).seq == 14


def test_load_when_cut_anywhere_refuses(written: Path) -> None:
    state = State.in_memory(LIMITS)
    for length in reversed(range(written.stat().st_size)):
        os.truncate(written, length)
        with pytest.raises(SnapshotUnusable):
            snapshot.load(snapshot.read_header(written), state)


def test_load_when_the_hash_is_another_refuses_and_empties_the_state(written: Path, journal: Path) -> None:
    header = snapshot.read_header(written)
    lying = snapshot.Header(**{**vars(header), "state_hash": header.state_hash ^ 1})
    state = State.in_memory(LIMITS)
    empty = tables(state)
    with pytest.raises(SnapshotUnusable, match="state hash"):
        snapshot.load(lying, state)
    assert tables(state) == empty


@pytest.mark.parametrize("damage", ["flip", "cut", "beyond", "other_history", "sizes", "instance"])
def test_recover_when_the_newest_snapshot_cannot_be_used_takes_the_older(damage: str, journal: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every reason to refuse the newer one is said, and the older one or the whole journal gives the same state."""
    directory = tmp_path / "snapshots"
    snapshot.write(directory, replayed(journal, 9), NAME)
    path = snapshot.write(directory, replayed(journal, 14), "other" if damage == "instance" else NAME)
    limits = LIMITS
    if damage == "flip":
        data = bytearray(path.read_bytes())
        data[-100] ^= 4
        path.write_bytes(data)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    elif damage == "beyond":
        longer = busy(tmp_path / "longer")
        longer.mark(1, 2)
        path.unlink()
        snapshot.write(directory, replayed(longer.write(), longer.seq), NAME)
    elif damage == "other_history":
        other = JournalByHand(tmp_path / "other")
        for k in range(10):
            other.mark(10_000 + k, 10_001 + k)
        other.write()
        snapshot.write(directory, replayed(other.directory, 14), NAME)
    elif damage == "sizes":
        limits = Limits(**{**vars(LIMITS), "orders": 128})
    found = recovered(journal, {}, limits)
    whole = Replayer(limits)
    recover(journal, whole.state, {})
    assert tables(found.state) == tables(whole.state)
    assert caplog.text.count("snapshot refused") == (2 if damage == "sizes" else 1)


def test_recover_when_a_snapshot_is_of_wrong_memory_the_next_checkpoint_shows_it_and_an_older_one_is_used(
    journal: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The shadow's memory was damaged and no window had covered the row yet: such a snapshot is whole in itself, and still no way to the state."""
    directory = tmp_path / "snapshots"
    snapshot.write(directory, replayed(journal, 9), NAME)
    damaged = replayed(journal, 14)
    damaged.state.table("orders")[1]["px"] += 1
    snapshot.write(directory, damaged, NAME)
    emitted = {1: int(damaged.state.table("venues")[1]["output_seq"])}
    found = recovered(journal, emitted)
    assert "does not fit snapshot 14" in caplog.text
    whole = recover(journal, State.in_memory(LIMITS), emitted)[0]
    assert tables(found.state) == tables(whole.state)
    assert found.state.take_queue(1).tobytes() == whole.state.take_queue(1).tobytes()


def test_recover_when_no_snapshot_can_be_used_and_the_first_segment_is_gone_refuses(journal: Path, written: Path) -> None:
    written.write_bytes(b"damaged")
    segment_path(journal, 1).rename(segment_path(journal, 2))
    with pytest.raises(JournalCorrupt, match="missing"):
        recovered(journal, {})


def test_write_when_one_is_left_half_removes_it_and_keeps_the_newest(journal: Path, tmp_path: Path) -> None:
    directory = tmp_path / "snapshots"
    directory.mkdir()
    (directory / "00000000000000000007.rfs.new").write_bytes(b"half")
    for seq in range(9, 14):
        snapshot.write(directory, replayed(journal, seq), NAME, keep=2)
    assert newest_snapshot_seqs(directory) == [13, 12]
    assert sorted(p.name for p in directory.iterdir()) == [f"{n:020d}.rfs" for n in (12, 13)]


def test_write_when_the_disk_is_full_leaves_the_older_ones(journal: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int, _data: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshot.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        snapshot.write(written.parent, replayed(journal, 15), NAME)
    assert newest_snapshot_seqs(written.parent) == [14]
    assert load(written).seq == 14


def test_newest_snapshot_seqs_when_there_is_no_directory_is_empty(tmp_path: Path) -> None:
    assert newest_snapshot_seqs(tmp_path / "none") == []


def test_read_header_when_layout_or_logic_is_of_another_build_refuses(written: Path) -> None:
    import json

    whole = written.read_bytes()
    prefix = snapshot._PREFIX.unpack(whole[: snapshot._PREFIX.size])
    text = json.loads(whole[snapshot._PREFIX.size : snapshot._PREFIX.size + prefix[2]])
    for key, value, said in (("layout_hash", "0" * 16, "record layout"), ("logic", 99, "logic version 99")):
        header = json.dumps({**text, key: value}).encode()
        written.write_bytes(snapshot._PREFIX.pack(snapshot.MAGIC, 1, len(header), snapshot.crc32c(header)) + header)
        with pytest.raises(SnapshotUnusable, match=said):
            snapshot.read_header(written)


def test_snapshot_when_the_free_list_of_requests_is_used_is_whole(tmp_path: Path) -> None:
    """Rows of a free list hold links that later requests depend on."""
    j = JournalByHand(tmp_path)
    j.new(1, "BUY", 100, 11_000)
    path = snapshot.write(tmp_path / "s", _from_files(j), NAME)
    assert np.array_equal(load(path).state.table("requests"), j.replayer.state.table("requests"))


def _from_files(j: JournalByHand) -> Replayer:
    return replayed(j.write(), j.seq)
