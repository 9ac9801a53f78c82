"""Kill words and signs of life, as the engine's loop sees them: each change is one observation, in the journal before the next input."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from engine_rig import ENGINE, FRAME, Rig, record

from ringfence.core.engine import Engine
from ringfence.core.errors import CoreError
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment

CLEAR = CONSTANTS["KILL_CLEAR"][0]
ROWS = CONSTANTS["VENUES_MAX"][0] + 2
MS = 1_000_000
LIMIT = 50 * MS


@pytest.fixture
def words() -> Iterator[Segment]:
    with Segment.create_memfd("kill", [("words", "KillWord", ROWS)], role=ENGINE, epoch=1) as region:
        region.section("words")["word"] = CLEAR
        yield region


@pytest.fixture
def rig(words: Segment) -> Iterator[Rig]:
    made = Rig(kill=words)
    try:
        yield made.configure()
    finally:
        made.close()


@pytest.fixture
def ticking() -> Iterator[Rig]:
    """A timer frame every turn, a strategy with a dead-man limit and one without."""
    made = Rig(timer_ns=1)
    try:
        made.configure()
        made.control("DEFINE_STRATEGY", record("Strategy", id=1, name="s1", status=1, cancel_on_detach=1, deadman_ns=LIMIT))
        made.pump()
        yield made
    finally:
        made.close()


def seen(rig: Rig, kind: str) -> list[tuple[int, int]]:
    """Peer and value of every observation of a kind."""
    rig.read_journal()
    out = []
    for f in rig.frames:
        if np.frombuffer(f[:64], dtype("Frame"))[0]["kind"] == FRAME["OBSERVATION"]:
            o = np.frombuffer(f[64:128], dtype("Observation"))[0]
            if int(o["kind"]) == ENUMS["ObservationKind"].by_name[kind]:
                out.append((int(o["peer"]), int(o["value"])))
    return out


def put(words: Segment, row: int, word: int) -> None:
    words.section("words")[row : row + 1]["word"] = word


@pytest.mark.parametrize(("row", "peer"), [(1, 0), (2, 1)], ids=["firm", "venue"])
def test_loop_when_a_kill_word_changes_journals_it_once_and_a_replay_is_the_same(rig: Rig, words: Segment, row: int, peer: int) -> None:
    rig.pump()
    assert seen(rig, "KILL_WORD") == []
    put(words, row, 0)
    for _ in range(5):
        rig.pump()
    assert seen(rig, "KILL_WORD") == [(peer, 1)]
    put(words, row, 7)
    for _ in range(5):
        rig.pump()
    assert seen(rig, "KILL_WORD") == [(peer, 1), (peer, 1)], "another value that kills is another kill: somebody may have released the first"
    put(words, row, CLEAR)
    rig.pump()
    assert seen(rig, "KILL_WORD") == [(peer, 1), (peer, 1), (peer, 0)]
    rig.check_replay()


def test_loop_when_a_kill_word_is_set_journals_it_before_an_intent_that_waited(rig: Rig, words: Segment) -> None:
    before = len(rig.frames)
    rig.intent("NEW", 1)
    put(words, 1, 0)
    rig.engine.poll()
    rig.read_journal()
    assert rig.kinds()[before:] == ["OBSERVATION", "INTENT"], "one turn"


def test_loop_when_the_word_of_an_unknown_venue_is_set_journals_nothing(rig: Rig, words: Segment) -> None:
    put(words, 3, 0)
    put(words, ROWS - 1, 0)
    rig.pump()
    assert seen(rig, "KILL_WORD") == []


def test_loop_when_the_journal_ring_is_full_takes_nothing_before_the_kill(words: Segment) -> None:
    rig = Rig(kill=words, journal_slots=16)
    try:
        rig.configure()
        for k in range(40):
            rig.event("ACK", b"X%d" % k)
        while rig.engine.poll():
            pass
        rig.intent("NEW", 1)
        put(words, 1, 0)
        rig.engine.poll()
        rig.pump()
        assert "OBSERVATION" in rig.kinds()
        if "INTENT" in rig.kinds():
            assert rig.kinds().index("OBSERVATION") < rig.kinds().index("INTENT")
        assert (0, 1) in seen(rig, "KILL_WORD")
    finally:
        rig.close()


def test_engine_when_the_kill_region_is_of_another_size_is_refused() -> None:
    with Segment.create_memfd("kill", [("words", "KillWord", 2)], role=ENGINE, epoch=1) as small:
        rig = Rig()
        try:
            with pytest.raises(CoreError, match="words"):
                Engine(rig.state, rig.clock, rig.metrics, journal=rig.link("other", "JournalSlot", 16, None, 0)[0], kill=small)
        finally:
            rig.close()


# ---- the dead-man's switch


def beat(rig: Rig, at_ns: int) -> None:
    rig.stack[0].heartbeat(at_ns)


def live(rig: Rig, duration_ns: int, sign: Callable[[], int] | None = None) -> None:
    """Turn for a while; ``sign`` is what the strategy stores meanwhile."""
    end = rig.clock.now_ns() + duration_ns
    while rig.clock.now_ns() < end:
        if sign is not None:
            beat(rig, sign())
        rig.engine.poll()
        rig.read_journal()


def test_loop_when_a_strategy_shows_life_journals_no_silence(ticking: Rig) -> None:
    live(ticking, 3 * LIMIT, ticking.clock.now_ns)
    assert seen(ticking, "STRATEGY_SILENT") == []


def test_loop_when_a_strategy_is_silent_journals_it_once_until_it_shows_life(ticking: Rig) -> None:
    beat(ticking, ticking.clock.now_ns())
    live(ticking, 3 * LIMIT)
    ((peer, age),) = seen(ticking, "STRATEGY_SILENT")
    assert peer == 1
    assert LIMIT < age < 3 * LIMIT
    ticking.check_replay()
    live(ticking, LIMIT // 2, ticking.clock.now_ns)
    assert len(seen(ticking, "STRATEGY_SILENT")) == 1


@pytest.mark.parametrize("absurd", [0, 1, 2**64 - 1, 1 << 63], ids=hex)
def test_loop_when_a_heartbeat_cannot_be_takes_it_for_silence(ticking: Rig, absurd: int) -> None:
    live(ticking, 3 * LIMIT, lambda: absurd)
    assert [peer for peer, _ in seen(ticking, "STRATEGY_SILENT")] == [1]


def test_loop_when_a_heartbeat_lies_ahead_of_the_clock_takes_it_for_silence(ticking: Rig) -> None:
    live(ticking, 3 * LIMIT, lambda: ticking.clock.now_ns() + 60_000 * MS)
    assert [peer for peer, _ in seen(ticking, "STRATEGY_SILENT")] == [1]


def test_loop_when_a_silent_strategy_is_set_free_and_still_shows_no_life_holds_it_back_again(ticking: Rig) -> None:
    live(ticking, 2 * LIMIT)
    assert len(seen(ticking, "STRATEGY_SILENT")) == 1
    status = ENUMS["StrategyStatus"].by_name
    ticking.control("SET_STRATEGY", strategy=1, status=status["ENABLED"])
    live(ticking, 2 * LIMIT)
    assert len(seen(ticking, "STRATEGY_SILENT")) == 2
    assert int(ticking.state.table("strategies")[1]["status"]) == status["CANCEL_ONLY"]
    ticking.check_replay()


def test_loop_when_a_strategy_attaches_again_begins_anew(ticking: Rig) -> None:
    live(ticking, 2 * LIMIT)
    assert len(seen(ticking, "STRATEGY_SILENT")) == 1
    ticking.attach(1, 6)
    live(ticking, LIMIT // 2)
    assert len(seen(ticking, "STRATEGY_SILENT")) == 1
    live(ticking, 2 * LIMIT)
    assert len(seen(ticking, "STRATEGY_SILENT")) == 2
