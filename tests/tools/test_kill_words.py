"""The kill words as operators write them: who may, what is refused, and what a new supervisor finds."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

import pytest

from ringfence.ipc.errors import IpcError, RegionCorrupt, RegionExists, RegionMissing
from ringfence.ipc.regions import SHM_DIR
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.ipc.segment import Segment
from ringfence.tools import kill_words
from ringfence.tools.errors import Refused
from ringfence.tools.kill_words import ROWS, Word, clear_word, read_words, set_word

log = logging.getLogger("test")
CLEAR = CONSTANTS["KILL_CLEAR"][0]


@pytest.fixture
def region(instance: str) -> Iterator[Segment]:
    made = kill_words.take_region(instance, 1, log)
    yield made
    made.unlink()


@pytest.fixture
def venues(instance: str, region: Segment) -> Iterator[Segment]:
    """The engine's table of venues."""
    state = Segment.create(instance, "state", [("venues", "Venue", 4)], role=ENUMS["Role"].by_name["ENGINE"], epoch=1)
    state.section("venues")[1:3]["name"] = [b"one", b"two"]
    yield state
    state.unlink()


def killed(region: Segment) -> list[int]:
    return [row for row in range(1, ROWS) if int(region.section("words")[row]["word"]) != CLEAR]


def test_words_when_made_are_clear(instance: str, region: Segment, venues: Segment) -> None:
    assert killed(region) == []
    assert not kill_words.any_set(region)
    assert read_words(instance) == [Word("", False, 0, 0, ""), Word("one", False, 0, 0, ""), Word("two", False, 0, 0, "")]


def test_word_when_set_and_cleared_says_who_when_and_why(instance: str, region: Segment, venues: Segment) -> None:
    set_word(instance, "two", "fat finger", 1234)
    assert killed(region) == [3]
    assert kill_words.any_set(region)
    (word,) = [w for w in read_words(instance) if w.killed]
    assert (word.venue, word.uid, word.reason) == ("two", 1234, "fat finger")
    assert word.set_ns > 1_700_000_000 * 10**9
    set_word(instance, None, "x" * 500, 7)
    assert killed(region) == [1, 3]
    clear_word(instance, "two", "over", 8)
    clear_word(instance, None, "over", 8)
    assert killed(region) == []
    assert [(w.uid, w.reason) for w in read_words(instance)] == [(8, "over"), (0, ""), (8, "over")]


def test_word_when_it_was_set_again_since_it_was_looked_at_is_not_cleared(instance: str, region: Segment, venues: Segment) -> None:
    set_word(instance, None, "first", 1)
    (seen,) = [w for w in read_words(instance) if w.killed]
    set_word(instance, None, "second", 2)
    clear_word(instance, None, "released", 3, seen.set_ns)
    assert killed(region) == [1]
    assert read_words(instance)[0].reason == "second"
    clear_word(instance, None, "released", 3, read_words(instance)[0].set_ns)
    assert killed(region) == []


class Meanwhile(str):
    """A reason at whose writing somebody else acts: between the word and what is behind it."""

    def __new__(cls, text: str, act: Callable[[], object]) -> Self:
        made = super().__new__(cls, text)
        made.act = act
        return made

    act: Callable[[], object]

    def encode(self, *how: str) -> bytes:
        self.act()
        return super().encode(*how)


def test_word_when_an_older_one_is_cleared_while_it_is_set_kills(instance: str, region: Segment, venues: Segment) -> None:
    set_word(instance, None, "first", 1)
    seen = read_words(instance)[0].set_ns
    set_word(instance, None, Meanwhile("second", lambda: clear_word(instance, None, "released", 3, seen)), 2)
    assert killed(region) == [1], "who kills was not there yet when the release was done"


def test_word_when_no_venue_has_the_name_is_refused_and_names_those_there_are(instance: str, region: Segment, venues: Segment) -> None:
    with pytest.raises(Refused, match="one, two"):
        set_word(instance, "three", "", 0)
    with pytest.raises(Refused):
        set_word(instance, "99", "", 0)
    assert killed(region) == []


def test_word_when_there_are_no_tables_can_be_set_by_row_or_for_the_firm(instance: str, region: Segment) -> None:
    with pytest.raises(Refused, match="row number"):
        set_word(instance, "one", "", 0)
    set_word(instance, "2", "the engine is gone", 1)
    set_word(instance, None, "the engine is gone", 1)
    assert killed(region) == [1, 3]
    assert [(w.venue, w.killed) for w in read_words(instance)] == [("", True), ("2", True)]


def test_word_when_there_is_no_region_is_an_error(instance: str) -> None:
    with pytest.raises(RegionMissing):
        set_word(instance, None, "", 0)
    with pytest.raises(RegionMissing):
        read_words(instance)
    words = kill_words.attach_or_killed(instance, log)
    assert killed(words) == list(range(1, ROWS)), "for the engine everything is killed then"


def test_region_when_its_supervisor_is_dead_is_taken_over_with_its_words(instance: str) -> None:
    code = (
        "import logging\nfrom ringfence.tools import kill_words\n"
        f"kill_words.take_region({instance!r}, 1, logging.getLogger())\nkill_words.set_word({instance!r}, None, 'before', 5)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with kill_words.take_region(instance, 2, log) as region:
        assert killed(region) == [1]
        assert read_words(instance)[0].reason == "before"
        assert int(region.superblock["epoch"]) == 2
        assert (SHM_DIR / f"rf.{instance}.kill").stat().st_mode & 0o777 == 0o660
        region.unlink()


def test_region_when_another_build_left_it_is_made_anew_and_kills_the_firm(instance: str) -> None:
    """Nobody can read what was set there, and a restart must not release a kill."""
    code = f"import logging\nfrom ringfence.tools import kill_words\nkill_words.take_region({instance!r}, 1, logging.getLogger())"
    subprocess.run([sys.executable, "-c", code], check=True)
    path = SHM_DIR / f"rf.{instance}.kill"
    raw = bytearray(path.read_bytes())
    at = RECORDS["Superblock"].offsets["layout_hash"]
    raw[at : at + 8] = b"otherone"
    with path.open("r+b") as file:
        file.write(raw)
    with kill_words.take_region(instance, 2, log) as region:
        assert killed(region) == [1]
        assert "another build" in read_words(instance)[0].reason
        region.unlink()


def test_region_when_its_supervisor_lives_is_not_taken_over(instance: str, region: Segment) -> None:
    with pytest.raises(RegionExists):
        kill_words.take_region(instance, 2, log)


def test_region_when_everybody_may_write_it_is_refused(instance: str, region: Segment) -> None:
    (SHM_DIR / f"rf.{instance}.kill").chmod(0o666)
    with pytest.raises(RegionCorrupt, match="others could write"):
        set_word(instance, None, "", 0)
    assert killed(kill_words.attach_or_killed(instance, log)) == list(range(1, ROWS))


def test_region_when_a_group_may_write_another_one_it_is_still_refused(instance: str, region: Segment) -> None:
    with pytest.raises(RegionCorrupt):
        Segment.attach(instance, "kill")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_region_when_a_stranger_asks_may_not_be_opened_and_its_group_may(instance: str, region: Segment) -> None:
    os.chown(SHM_DIR / f"rf.{instance}.kill", 0, 4242)
    outcomes = []
    for groups in ([], [4242]):
        pid = os.fork()
        if pid == 0:
            os.setgroups(groups)
            os.setgid(65534)
            os.setuid(65534)
            try:
                set_word(instance, None, "from the group", 65534)
                os._exit(0)
            except IpcError:
                os._exit(3)
            finally:
                os._exit(9)
        outcomes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    assert outcomes == [3, 0]
    assert killed(region) == [1]


def test_words_when_many_write_at_once_are_never_half(instance: str, region: Segment, venues: Segment) -> None:
    def write(k: int) -> None:
        for n in range(200):
            (set_word if (n + k) % 2 else clear_word)(instance, "one", f"writer {k}", k)

    threads = [threading.Thread(target=write, args=(k,)) for k in range(3)]
    begun = time.time_ns()
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        word = int(region.section("words")[2]["word"])
        assert word == CLEAR or begun <= word <= time.time_ns()
    for t in threads:
        t.join()
