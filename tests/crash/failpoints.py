"""The kill matrix as a table: every failpoint of the source, which process dies there, how it is reached, and what must hold after it.

One row per id (``test_failpoints.py`` holds the table against the source text). ``by`` is the stimulus that leads a process there; ``actions`` are
those that make sense: a place without a way to fail has no ``error``.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """A row. ``nth``: at which passage it acts; ``first``: a plan for another point that leads here."""

    id: str
    process: str
    where: str
    holds: str
    by: str = "load"
    nth: int = 3
    first: str = ""
    actions: tuple[str, ...] = ("kill", "stop")
    commit: str = "fdatasync"  # [journal] commit of the instance


BOTH = ("kill", "stop")
NO_SPACE = f"error:{errno.ENOSPC}"  # tried again until there is space
DISK_ERROR = f"error:{errno.EIO}"  # the journal is suspect: no writer goes on before people have looked
ONCE = "re-read from its ring, applied once"
SAME = "the journal has it: replay gives the same state, outputs with the same ids, none sent again"
NEVER = "the frame never existed: the input is re-read from its ring, once"
UNSENT = "stored and perhaps not sent: never sent again as new; the order is Unknown until the venue has answered"
RESENT = "the venue sends it again, booked once"
NO_RESET = "no sequence number starts anew"
PREFIX = "the files are a valid prefix, the ring has the rest; nothing is written twice"
ONE_CANCEL = "every open order is cancelled, each by one message"
KILL = ("kill",)

MATRIX = (
    Point("S1", "strategy", "before the slot", "the intent never existed", by="strategy"),
    Point("S2", "strategy", "half of the slot", "the intent never existed", by="strategy"),
    Point("S3", "strategy", "slot filled, not published", "the intent never existed", by="strategy"),
    Point("S4", "strategy", "published", "taken once, also after the death of its sender", by="strategy"),
    Point("S5", "strategy", "an event read, its slot not given back", "its orders follow its policy; the tables have what it did not see", by="strategy"),
    Point("E1", "engine", "intent copied from its ring, not journaled", ONCE),
    Point("E2", "engine", "half of a frame", NEVER, nth=5),
    Point("E3", "engine", "frame whole, not published", NEVER, nth=5),
    Point("E4", "engine", "published, not applied", SAME, nth=5),
    Point("E5", "engine", "half applied: position booked, execution not remembered", SAME, nth=1),
    Point("E6", "engine", "order made, command not written", SAME),
    Point("E7", "engine", "applied and sent on, its slot not given back", SAME),
    Point("E8", "shadow", "half a snapshot", "the snapshot before is used", by="snapshot", nth=1),
    Point("E9", "shadow", "snapshot whole, not named", "the snapshot before is used", by="snapshot", nth=1),
    Point("E10", "engine", "timer: filled, not journaled", NEVER, nth=1),
    Point("E11", "engine", "command of an operator: filled, not journaled", ONCE, by="operator", nth=1),
    Point("E12", "engine", "some of all open orders cancelled", SAME + "; the rest is cancelled too", by="sweep", nth=2),
    Point("E13", "engine", "in recovery: replayed, not configured", "a second death in one recovery: the next one begins anew", first="E4:5:kill", nth=1),
    Point("E14", "engine", "in recovery: configured, not running", "the same", first="E7:2:kill", nth=1),
    Point("E15", "engine", "report copied from its ring, not journaled", ONCE),
    Point("E16", "engine", "report applied, its slot not given back", SAME),
    Point("G1", "gw.sim", "command read, not stored", "sent, once"),
    Point("G2", "gw.sim", "command stored, nothing written", UNSENT),
    Point("G3", "gw.sim", "half of the bytes written", UNSENT),
    Point("G4", "gw.sim", "written, not noted", "the venue has it, its answer is taken"),
    Point("G5", "gw.sim", "bytes read, not parsed", RESENT),
    Point("G6", "gw.sim", "parsed, not handed to the engine", RESENT),
    Point("G7", "gw.sim", "handed to the engine, its number not stored", RESENT + " (the second is a duplicate)"),
    Point("G8", "gw.sim", "logon answered, session not up", NO_RESET, by="kill gw.sim", nth=1),
    Point("G9", "gw.sim", "inside a resend", NO_RESET + "; no order goes out again", first="G2:3:kill", nth=1),
    Point("G10", "gw.sim", "mid reset by an operator: record whole, header old", "both numbers are new", by="store", nth=1, actions=KILL),
    Point("G11", "gw.sim", "restarted: store read, its mark not told", "a second death in one recovery", first="G4:2:kill", nth=1),
    Point("G12", "gw.sim", "kill switch: a cancel composed, not stored", ONE_CANCEL, by="word"),
    Point("G13", "gw.sim", "kill switch: a cancel stored, nothing written", ONE_CANCEL, by="word"),
    Point("D1", "sidecar", "batch taken, not written", PREFIX, nth=2),
    Point("D2", "sidecar", "half of a batch written", PREFIX, nth=2, actions=(*BOTH, NO_SPACE, DISK_ERROR)),
    Point("D3", "sidecar", "written, not synced", PREFIX, nth=2, actions=(*BOTH, DISK_ERROR)),
    Point("D4", "sidecar", "synced, its mark not stored", PREFIX, nth=2),
    Point("D5", "sidecar", "mid roll: new segment made, not named", PREFIX, by="roll", nth=1, actions=(*BOTH, NO_SPACE, DISK_ERROR)),
    Point("D9", "sidecar", "half of the blocks of a direct write", PREFIX, nth=2, actions=(*BOTH, DISK_ERROR), commit="direct"),
    Point("D8", "sidecar", "mark stored, slots not given back", PREFIX, nth=2),
    Point("U1", "supervisor", "epoch raised in a file beside, not named", "the next start has a higher epoch than any before", by="up", nth=1, actions=KILL),
    Point("U2", "supervisor", "epoch on disk, nothing started", "the same", by="up", nth=1, actions=KILL),
    Point("U3", "supervisor", "ring handed to the engine, attach not published", "the strategy attaches anew, with a new ring", by="attach", nth=1),
    Point("U4", "supervisor", "a dead process not started again yet", "the next one recovers all", by="kill engine", nth=1),
    Point("U5", "supervisor", "attach published, strategy not answered", "the strategy attaches anew, with a new ring", by="attach", nth=1),
    Point("U6", "supervisor", "operator's command published, operator not answered", "taken once; the operator is told that it may be", by="operate", nth=1),
    Point("U7", "supervisor", "in the middle of taking down", "the next start stops the rest and recovers", by="down", nth=3, actions=KILL),
)
"""All points. Not there: D6, D7 (copies to a database), T1 to T3 (a standby), which are no part of this version."""

BY_ID = {p.id: p for p in MATRIX}
