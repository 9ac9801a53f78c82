"""Region ``kill``: the out-of-band kill words of an instance, row 1 the firm's, row 1 + v that of venue v.

    operator ──set_word──▶ kill: words (KillWord) ──▶ engine (every turn), gateways (every turn and before each new order)

Made by the supervisor before it starts anybody, mode 0660, so that whoever is in its group may write (group ``rf-ops`` where the host has one that the
supervisor is in, else the supervisor's own). Nobody has to answer for a word to work: not the engine, not the gateway, not the supervisor. A supervisor that
takes over a dead one keeps the words as they are (those of another build, which it cannot read, count as a kill of the firm), and a clean stop keeps the
region while any word is set, so that no restart releases a kill.

What can fail: no such region, a name that no venue has, no right to write; each is an error for the one who asks. Two operators who write at once: the
word itself is one store, so a kill is never half; who and why may be the other's; of one who kills and one who clears the kill stays. Setting is one's own
right; clearing is a command of the control socket (four eyes), which calls ``clear_word`` when the engine has released the kill.
Rejected: a file (its reader needs a system call a turn), a signal to the gateway (does not outlive it), a word in a region that the supervisor writes.
"""

from __future__ import annotations

import grp
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ringfence.ipc.errors import IpcError, LayoutMismatch, RegionMissing
from ringfence.ipc.regions import SHM_DIR, shm_name, unlink_dead
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.ipc.segment import Segment
from ringfence.tools.errors import Refused

REGION = "kill"
OPERATORS_GROUP = "rf-ops"
ROWS: int = CONSTANTS["VENUES_MAX"][0] + 2
SECTIONS = (("words", "KillWord", ROWS),)
CLEAR: int = CONSTANTS["KILL_CLEAR"][0]
KILLED = 0
_REASON_BYTES = next(f for f in RECORDS["KillWord"].fields if f.name == "reason").size
_MODE = 0o660


@dataclass(frozen=True)
class Word:
    """One kill word. ``venue`` is empty for the firm's; ``set_ns`` is when it last changed [ns since 1970], 0: never."""

    venue: str
    killed: bool
    set_ns: int
    uid: int
    reason: str


def take_region(instance: str, epoch: int, log: logging.Logger) -> Segment:
    """Make the region, all clear, or take over a dead supervisor's with its words; for the supervisor alone. Words of another build kill the firm.

    Raises
    ------
    RegionExists
        If its writer is alive.
    """
    role = ENUMS["Role"].by_name["SUPERVISOR"]
    try:
        region = Segment.adopt(instance, REGION, role=role, epoch=epoch, sections=SECTIONS, shared=True)
    except LayoutMismatch as e:
        log.critical("the kill words of another build cannot be read (%s): the firm is killed until its release is approved", e)
        unlink_dead(instance, REGION)
        region = _make(instance, role, epoch)
        set_word(instance, None, "words of another build were found and could not be read", os.getuid())
    except RegionMissing:
        region = _make(instance, role, epoch)
    set_now = [row for row in range(1, ROWS) if int(region.section("words")[row]["word"]) != CLEAR]
    if set_now:
        log.critical("kill words are set (rows %s): no new orders there until they are cleared", ", ".join(map(str, set_now)))
    return region


def _make(instance: str, role: int, epoch: int) -> Segment:
    region = Segment.create(instance, REGION, SECTIONS, role=role, epoch=epoch)
    region.section("words")["word"] = CLEAR
    path = SHM_DIR / shm_name(instance, REGION)[1:]
    try:
        group = grp.getgrnam(OPERATORS_GROUP).gr_gid
    except KeyError:
        group = -1
    if group in os.getgroups():
        os.chown(path, -1, group)
    os.chmod(path, _MODE)
    return region


def attach_or_killed(instance: str, log: logging.Logger) -> Segment:
    """The words for the engine; without the region some that kill: it fails closed."""
    try:
        return Segment.attach(instance, REGION, shared=True)
    except IpcError as e:
        log.critical("no kill words (%s): everything is killed; start the instance again", e)
        return Segment.create_memfd(REGION, SECTIONS, role=ENUMS["Role"].by_name["ENGINE"], epoch=0)


def any_set(region: Segment) -> bool:
    """Whether a word kills."""
    return bool((region.section("words")["word"][1:] != CLEAR).any())


def set_word(instance: str, venue: str | None, reason: str, uid: int) -> None:
    """Kill a venue, or with None the whole firm: no new orders, open ones are cancelled. Works without any process of the instance.

    Raises
    ------
    IpcError
        If there is no such region, or the caller may not write it.
    Refused
        If no venue has the name.
    """
    with _target(instance, venue) as target:
        now = time.time_ns()
        target["word"] = now  # first what counts; never the same twice, so that the engine sees one that is set while it is set
        _say(target, reason, uid, now)
        if int(target["word"][0]) == CLEAR:  # an older one was taken back meanwhile
            target["word"] = time.time_ns()


def clear_word(instance: str, venue: str | None, reason: str, uid: int, found_ns: int | None = None) -> None:
    """Take the word back; what the engine has killed stays so until it is released. Raises as ``set_word``.

    With ``found_ns``, only one that was set at that time. Who clears looks once more at when it was set after clearing it, who sets whether it is set after
    saying when: one of two who meet sees the other, and it stays set.
    """
    with _target(instance, venue) as target:
        found = int(target["set_ns"][0]) if found_ns is None else found_ns
        if int(target["set_ns"][0]) != found:
            return
        target["word"] = CLEAR
        if int(target["set_ns"][0]) != found:
            target["word"] = time.time_ns()
            return
        _say(target, reason, uid, time.time_ns())


def read_words(instance: str) -> list[Word]:
    """The firm's word and that of each venue that the engine knows, in the order of rows; a venue without a name has its row's number.

    Raises
    ------
    IpcError
        If there is no such region.
    """
    names = _venues(instance)
    with Segment.attach(instance, REGION, shared=True) as region:
        rows = region.section("words").copy()
    shown = range(2, ROWS) if not names else (1 + row for row in sorted(names))
    return [_word(rows[1], ""), *(_word(rows[k], names.get(k - 1, str(k - 1))) for k in shown if names or int(rows[k]["word"]) != CLEAR)]


def _word(row: Any, venue: str) -> Word:
    return Word(venue, int(row["word"]) != CLEAR, int(row["set_ns"]), int(row["uid"]), bytes(row["reason"]).decode("ascii", "replace"))


@contextmanager
def _target(instance: str, venue: str | None) -> Iterator[Any]:
    row = 1 if venue is None else 1 + _row_of(instance, venue)
    with Segment.attach(instance, REGION, writable=True, shared=True) as region:
        yield region.section("words")[row : row + 1]


def _say(target: Any, reason: str, uid: int, now: int) -> None:
    target["reason"], target["uid"], target["set_ns"] = reason.encode("ascii", "replace")[:_REASON_BYTES], uid, now


def _row_of(instance: str, venue: str) -> int:
    """Row of a venue by its name, or by its number, for the case that the engine's tables are not there."""
    names = _venues(instance)
    for row, name in names.items():
        if name == venue:
            return row
    if venue.isdecimal() and 0 < int(venue) < ROWS - 1:
        return int(venue)
    raise Refused(f"no venue {venue!r}; there are {', '.join(names.values()) or 'none (no tables): give its row number, or kill the firm'}")


def _venues(instance: str) -> dict[int, str]:
    """Row to name, from the engine's tables, which outlive the engine; empty without them."""
    try:
        with Segment.attach(instance, "state") as state:
            rows = state.section("venues").copy()
    except (IpcError, KeyError):
        return {}
    return {k: bytes(rows[k]["name"]).decode("ascii", "replace") for k in range(1, len(rows)) if rows[k]["name"]}
