"""Which kill words a release takes back: those that it found in force, and none that somebody has set since."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import engine_rig
import pytest
from engine_rig import Rig, record

from ringfence.ipc.schema import ENUMS
from ringfence.tools import kill_words
from ringfence.tools.authority import released_words, words_in_force

FIRM = ENUMS["ScopeKind"].by_name["FIRM"]
STATE = ENUMS["ScopeState"].by_value


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An engine that polls the words of its instance."""
    region = kill_words.take_region(f"t{os.getpid()}c{engine_rig.serial + 1}", 1, logging.getLogger("test"))
    made = Rig(kill=region)
    try:
        yield made.configure()
    finally:
        made.close()
        region.unlink()


def firm(rig: Rig) -> str:
    return STATE[int(rig.state.table("scopes")[1]["state"])]


def in_force(rig: Rig) -> dict[str, int]:
    return words_in_force(rig.segments[0], kill_words.read_words(rig.instance))


def released(rig: Rig, before: dict[str, int]) -> list[str]:
    return released_words(rig.segments[0], kill_words.read_words(rig.instance), before)


def release(rig: Rig) -> None:
    rig.control("RELEASE", record("KillOrder", kind=FIRM))
    rig.pump()


def kill(rig: Rig, why: str) -> None:
    kill_words.set_word(rig.instance, None, why, 1)


def test_word_when_its_kill_is_released_is_taken_back(rig: Rig) -> None:
    kill(rig, "first")
    rig.pump()
    before = in_force(rig)
    assert (firm(rig), list(before)) == ("KILLED", [""])
    release(rig)
    assert (firm(rig), released(rig, before)) == ("OPEN", [""])


def test_word_when_it_is_set_again_before_it_was_taken_back_kills_again_and_stays(rig: Rig) -> None:
    kill(rig, "first")
    rig.pump()
    before = in_force(rig)
    release(rig)
    kill(rig, "second: stop now")
    assert released(rig, before) == [], "the engine has not even seen it"
    rig.pump()
    assert (firm(rig), released(rig, before)) == ("KILLED", [])


def test_word_when_the_engine_had_not_seen_it_is_not_taken_back_by_an_approval_of_something_else(rig: Rig) -> None:
    kill(rig, "the engine hangs")
    before = in_force(rig)
    assert (firm(rig), before, released(rig, before)) == ("OPEN", {}, [])


def test_word_when_it_is_cleared_and_set_between_two_turns_kills(rig: Rig) -> None:
    kill(rig, "first")
    rig.pump()
    release(rig)
    kill_words.clear_word(rig.instance, None, "released", 0)
    kill(rig, "second")
    rig.pump()
    assert firm(rig) == "KILLED"
