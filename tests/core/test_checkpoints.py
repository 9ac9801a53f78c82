"""Checkpoints over a window: they follow one another over all rows, replay checks each, and a row that differs is found within one round."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from engine_rig import Rig, record

from ringfence.core.engine import Engine
from ringfence.core.errors import CoreError, StateMismatch
from ringfence.ipc.layout import dtype


def windows(rig: Rig) -> list[tuple[int, int]]:
    found = [np.frombuffer(f[64:128], dtype("Checkpoint"))[0] for f, kind in zip(rig.frames, rig.kinds(), strict=True) if kind == "CHECKPOINT"]
    return [(int(c["first_row"]), int(c["rows"])) for c in found]


def test_engine_when_time_has_come_checkpoints_go_over_all_rows_in_windows(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(checkpoint_ns=1, window_rows=3)
    for client_id in range(1, 9):
        rig.intent("NEW", client_id)
        rig.pump()
    del rig.frames[:]
    for _ in range(4):
        rig.feed.send(record("Mark", instrument=1, bid=99, ask=101))
        rig.pump()
    assert len(set(windows(rig))) == 3, "8 orders are three windows of 3 rows"
    assert {first for first, _ in windows(rig)} == {1, 4, 7}


def test_engine_when_checkpoints_are_periodic_replay_checks_each(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(checkpoint_ns=1, window_rows=2)
    for client_id in range(1, 9):
        rig.intent("NEW", client_id)
        rig.pump()
    replayer = rig.check_replay()
    assert replayer.checkpoints == len(windows(rig)) > 8
    assert replayer.other_logic == 0


def test_engine_when_nothing_was_applied_since_writes_no_checkpoint(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(checkpoint_ns=1)
    rig.pump()
    n = len(rig.frames)
    for _ in range(20):
        rig.pump()
    assert len(rig.frames) == n


def test_replay_when_a_row_in_a_window_differs_is_seen_within_one_cycle(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(checkpoint_ns=1, window_rows=3)
    for client_id in range(1, 9):
        rig.intent("NEW", client_id)
        rig.pump()
    replayer = rig.check_replay()
    replayer.state.table("orders")[8]["px"] += 1
    seen = len(rig.frames)
    for _ in range(4):
        rig.feed.send(record("Mark", instrument=1, bid=99, ask=101))
        rig.pump()
    with pytest.raises(StateMismatch, match="rows 7 to 9") as caught:
        for frame in rig.frames[seen:]:
            replayer.apply(frame)
    assert (caught.value.first_row, caught.value.rows) == (7, 3)


def test_engine_when_a_window_has_no_rows_is_refused(rig: Rig) -> None:
    journal, _ = rig.link("other", "JournalSlot", 64, None, 0)
    with pytest.raises(CoreError, match="window_rows"):
        Engine(rig.state, rig.clock, rig.metrics, journal=journal, window_rows=0)
