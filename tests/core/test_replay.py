"""Replay stops where the journal cannot be trusted, and says where."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest

from ringfence.core.errors import CoreError, ReplayError, StateMismatch
from ringfence.core.replay import Replayer
from ringfence.core.state import State
from ringfence.ipc.schema import ENUMS, RECORDS

Machine = Any
FRAME = ENUMS["FrameKind"].by_name
AT = RECORDS["FileFrame"].offsets


@pytest.fixture
def journal(make_machine: Callable[..., Machine]) -> Machine:
    m = make_machine()
    m.new(1)
    m.fill(100)
    m.cancel(1)
    return m


def checkpoint(m: Machine, state_hash: int) -> None:
    m.frame("CHECKPOINT", m.record("Checkpoint", state_hash=state_hash, inputs=int(m.status["inputs"])))


def patched(m: Machine, frame: int, field: str, form: str, value: int) -> bytes:
    data = bytearray(m.journal)
    struct.pack_into(form, data, m.offsets[frame] + AT[field], value)
    return bytes(data)


def test_replay_when_run_twice_gives_the_same_bytes(journal: Machine) -> None:
    first, second = journal.replayed(), journal.replayed()
    assert first.tables() == second.tables() == journal.tables()
    assert first.replayer.output_seq == journal.replayer.output_seq == {1: 2}


def test_replay_when_frames_are_given_one_by_one_or_by_offsets_it_is_the_same(journal: Machine) -> None:
    one = Replayer(journal.limits)
    ends = [*journal.offsets[1:], len(journal.journal)]
    for start, end in zip(journal.offsets, ends, strict=True):
        one.apply(bytes(journal.journal[start:end]))
    many = Replayer(journal.limits)
    assert many.apply_many(bytes(journal.journal), journal.offsets) == len(journal.offsets)
    assert one.state_hash() == many.state_hash() == journal.replayer.state_hash()


def test_replay_when_the_buffer_comes_in_pieces_goes_on(journal: Machine) -> None:
    replayer, cut = Replayer(journal.limits), journal.offsets[5]
    data = bytes(journal.journal)
    assert replayer.apply_buffer(data, 0, cut) == 5
    assert replayer.apply_buffer(data, cut, len(data)) == len(journal.offsets) - 5
    assert replayer.state_hash() == journal.replayer.state_hash()


def test_replay_when_a_checkpoint_agrees_goes_on(journal: Machine) -> None:
    checkpoint(journal, journal.replayer.state_hash())
    journal.new(2)
    assert journal.replayed().tables() == journal.tables()


def test_replay_when_a_checkpoint_is_of_another_logic_says_so_and_goes_on(journal: Machine) -> None:
    journal.frame("CHECKPOINT", journal.record("Checkpoint", state_hash=1, logic=99))
    journal.new(2)
    again = journal.replayed()
    assert (again.replayer.other_logic, again.replayer.checkpoints) == (1, 0)
    assert again.tables() == journal.tables()


@pytest.mark.parametrize("table", ["engine", "instruments", "accounts", "venues", "strategies", "routes"])
def test_window_hash_when_a_short_table_differs_differs_in_every_window(journal: Machine, table: str) -> None:
    state = journal.replayer.state
    before = [state.window_hash(first, 2) for first in (1, 3, 100, 2**64 - 1)]
    state.table(table).view("u1")[state.table(table).dtype.itemsize + 9] ^= 1
    assert all(a != b for a, b in zip(before, [state.window_hash(first, 2) for first in (1, 3, 100, 2**64 - 1)], strict=True))


def test_window_hash_when_a_long_row_differs_differs_in_its_window_only(journal: Machine) -> None:
    for k in range(2, 7):
        journal.new(k)
    state = journal.replayer.state
    before = {first: state.window_hash(first, 2) for first in (1, 3, 5, 7)}
    state.table("orders")[4]["px"] += 1
    assert {first for first in before if state.window_hash(first, 2) != before[first]} == {3}
    assert state.window_hash(1, 2**64 - 1) == state.state_hash()


def test_window_hash_when_it_begins_at_row_0_is_refused(journal: Machine) -> None:
    with pytest.raises(CoreError, match="row 1"):
        journal.replayer.state.window_hash(0, 2)


def test_timer_when_it_finds_an_overdue_request_does_not_carry_the_stamps_of_the_input_before(make_machine: Callable[..., Machine]) -> None:
    """Outputs depend on the journal alone: after a snapshot there is no input before."""
    m = make_machine()
    m.new(1)
    m.event("ACK", 1)
    m.event("SESSION_DOWN")
    m.event("SESSION_UP")
    m.new(2, origin_ns=123)
    m.timer(1000)
    asked = [(int(c["intent_ns"]), int(c["origin_ns"])) for c in m.commands]
    assert all(stamps == (0, 0) for stamps in asked)


def test_replay_when_a_checkpoint_differs_stops_before_it(journal: Machine) -> None:
    good = journal.replayer.state_hash()
    with pytest.raises(StateMismatch) as caught:
        checkpoint(journal, good ^ 1)
    assert (caught.value.expected, caught.value.found, caught.value.seq) == (good ^ 1, good, journal.seq + 1)
    assert f"{good:016x}" in str(caught.value)


@pytest.mark.parametrize(
    ("field", "form", "value", "problem"),
    [
        ("seq", "<Q", 99, "sequence 99, expected 4"),
        ("seq", "<Q", 3, "sequence 3, expected 4"),
        ("engine_ns", "<Q", 1, "older"),
        ("kind", "<H", 0, "kind or payload size"),
        ("kind", "<H", 8, "kind or payload size"),
        ("kind", "<H", 65535, "kind or payload size"),
        ("payload_bytes", "<I", 320, "kind or payload size"),
        ("payload_bytes", "<I", 2**32 - 1, "cut off"),
        ("source", "<H", 600, "source 600"),
        ("length", "<I", 0, "cut off"),
        ("length", "<I", 63, "cut off"),
        ("length", "<I", 2**31, "cut off"),
    ],
)
def test_replay_when_a_frame_is_wrong_stops_after_the_last_good_one(journal: Machine, field: str, form: str, value: int, problem: str) -> None:
    data = patched(journal, 3, field, form, value)
    replayer = Replayer(journal.limits)
    with pytest.raises(ReplayError, match=problem) as caught:
        replayer.apply_buffer(data, 0, len(data))
    assert replayer.seq == caught.value.seq == 3


@pytest.mark.parametrize("cut", [1, 63, 64, 65, 191])
def test_replay_when_the_last_frame_is_cut_stops_before_it(journal: Machine, cut: int) -> None:
    data = bytes(journal.journal[: journal.offsets[-1] + cut])
    replayer = Replayer(journal.limits)
    with pytest.raises(ReplayError, match="cut off"):
        replayer.apply_buffer(data, 0, len(data))
    assert replayer.seq == len(journal.offsets) - 1


@pytest.mark.parametrize("data", [b"", b"x", bytes(63)])
def test_replay_when_a_frame_has_no_head_raises(data: bytes) -> None:
    with pytest.raises(ReplayError, match="cut off"):
        Replayer().apply(data)


def test_replay_when_the_range_is_outside_the_buffer_raises(journal: Machine) -> None:
    with pytest.raises(CoreError, match="outside of the buffer"):
        Replayer(journal.limits).apply_buffer(b"abc", 0, 4)


def test_replay_when_the_state_is_not_empty_is_refused(journal: Machine) -> None:
    with pytest.raises(CoreError, match="empty state"):
        Replayer(state=journal.replayer.state)


def test_replay_when_outputs_above_a_mark_are_wanted_keeps_those_only(journal: Machine) -> None:
    replayer = Replayer(journal.limits, emit_above={1: 1})
    replayer.apply_buffer(bytes(journal.journal), 0, len(journal.journal))
    assert [int(c["output_seq"]) for c in replayer.state.take_queue(1)] == [2]


def test_replay_when_a_given_state_is_used_it_holds_the_tables(journal: Machine) -> None:
    state = State.in_memory(journal.limits)
    Replayer(state=state).apply_buffer(bytes(journal.journal), 0, len(journal.journal))
    assert state.state_hash() == journal.replayer.state_hash()
    assert state.seq == journal.seq


def test_source_position_when_asked_is_the_last_of_that_peer(make_machine: Callable[..., Machine]) -> None:
    m = make_machine()
    m.frame("TIMER", m.record("Timer"), position=0)
    m.frame("INTENT", m.record("Intent"), source=1, position=41)
    m.frame("INTENT", m.record("Intent"), source=2, position=7)
    assert m.replayer.source_position(FRAME["INTENT"], 1) == (3, 41)
    assert m.replayer.source_position(FRAME["INTENT"], 2) == (3, 7)
    assert m.replayer.source_position(FRAME["INTENT"], 3) == (0, 0)
    with pytest.raises(CoreError):
        m.replayer.source_position(99, 0)
