"""The audit trail: every command that people, or the configuration, gave an instance, with what it changed, from the journal.

    DATA/journal/*.rfj ──JournalReader──▶ frame ──Replayer (the engine's own code)──▶ tables before and after ──▶ Entry ──SHA-256 chain──▶ rows, CSV, JSON

An entry is one CONTROL frame: who (uid, name, role), when, what, before and after, the reason given, and the outcome that the engine came to: applied,
proposed, refused; or, behind it or on its own, what the engine changed by itself (automatic: kills, ends of overrides and proposals, ``audit_automatic``).
Its hash covers all of it and the hash before it (docs/journal.md has the recipe), so that an exported trail stands for itself: ``--against`` finds the first
entry in which two differ.
Of a signed command the signature is verified with the key that the table had then, and its words compared with what was journaled (``signed_proof``).
The journal's own anchors are checked on the way: CRC of every frame, SHA-256 of every closed segment, and the state hash at every checkpoint, which covers
``audit_digest`` and ``command_digest``. So a frame that was changed with its CRC mended, in whatever field, is found by the segment's hash, or, in the last
segment, at the next checkpoint; ``unanchored`` counts the entries behind the last one. A tail that was cut off is found by a snapshot that covers more.

What fails: JournalCorrupt and ReplayDiffers as a replay (exit 7). Whole history: from START on. Memory: the tables and the entries.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.core.authority import ROLES
from ringfence.core.errors import ReplayError, StateMismatch
from ringfence.core.replay import Replayer
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS
from ringfence.tools import signed_proof
from ringfence.tools.action_text import ACTIONS
from ringfence.tools.audit import history_limits
from ringfence.tools.audit_automatic import Governed
from ringfence.tools.change_text import BODY_BYTES, DEFINED, SCOPED, Change, describe
from ringfence.tools.defects import Defect
from ringfence.tools.errors import JournalCorrupt, ToolError
from ringfence.tools.journal import JournalReader
from ringfence.tools.replay import ReplayDiffers
from ringfence.tools.snapshot import newest_snapshot_seqs

DIFFERENT = 7
HEAD_BYTES = 64
_FRAME = ENUMS["FrameKind"].by_name
_KIND = ENUMS["ControlKind"].by_value
_ROLE = ENUMS["OperatorRole"].by_value
_STATES = frozenset((*SCOPED, "SET_STRATEGY", "SET_PERMISSION", *ACTIONS)) - {"DONT_KNOW", "MASS_CANCEL"}  # of these the tables say what holds afterwards
_ASKED = frozenset(("SET_LIMIT", "SET_LOCATE", "SET_STRATEGY", "SET_PERMISSION", *ACTIONS, *DEFINED))  # of these, what was asked when it was not done
_WORD = ENUMS["ObservationKind"].by_name["KILL_WORD"]


@dataclass(frozen=True)
class Entry:
    """One command, or one change of the engine's own (operator "engine").

    ``part``: 0 for the command of the frame, then 1, 2 ... for what came of itself. ``signed``: "", or what ``signed_proof`` says of its signature.
    ``hash``: SHA-256 over ``previous`` and the other fields, in hexadecimal.
    """

    seq: int
    part: int
    engine_ns: int
    uid: int
    operator: str
    role: str
    kind: str
    what: str
    before: str
    after: str
    reason: str
    request_id: int
    outcome: str
    signed: str = ""
    previous: str = ""
    hash: str = ""


def sealed(entry: Entry, previous: str) -> Entry:
    """The entry with its place in the chain. Whether it was signed is covered; what a machine could say of the signature depends on its libraries."""
    values = {name: str(content) for name, content in asdict(entry).items() if name != "hash"}
    values |= {"previous": previous, "signed": "yes" if entry.signed else ""}
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return replace(entry, previous=previous, hash=digest)


class Trail:
    """Replays a journal and yields its entries in order.

    Raises
    ------
    JournalCorrupt, ReplayDiffers
        Where the journal contradicts itself, after the entries before it.
    """

    def __init__(self, directory: Path | str) -> None:
        self.reader = JournalReader(directory)
        self.replayer = Replayer(history_limits(self.reader))
        self.frames = 0
        self.torn: Defect | None = None
        self.forged: list[str] = []
        self.unchecked: list[str] = []
        self.unanchored = 0  # entries since the last checkpoint
        self.anchor = 0  # its sequence
        self.governed = Governed(self._table)

    def entries(self) -> Iterator[Entry]:
        previous = ""
        for entry in self._found():
            entry = sealed(entry, previous)
            previous = entry.hash
            self.unanchored += 1
            yield entry

    def cut_off(self) -> str:
        """Why the journal must have gone on behind its last frame; "" when nothing says so. To be asked after the entries."""
        known = max(newest_snapshot_seqs(self.reader.directory.parent / "snapshots"), default=0)
        if known <= self.replayer.seq:
            return ""
        end = f"the journal was cut off: it ends at sequence {self.replayer.seq:,}"
        return f"{end}, and a snapshot beside it covers {known:,}; restore the last segment from a copy"

    def _found(self) -> Iterator[Entry]:
        for item in self.reader.chunks():
            if isinstance(item, Defect):
                self.torn = item
                return
            at = item.start
            while at < item.end:
                end = at + (int.from_bytes(item.buffer[at : at + 4], "little") + 7 & ~7)
                head = np.frombuffer(item.buffer, dtype("FileFrame"), 1, at)[0]
                control = None
                if int(head["kind"]) == _FRAME["CONTROL"]:
                    control = np.frombuffer(item.buffer, dtype("Control"), 1, at + HEAD_BYTES)[0].copy()
                asked = self._look(control) if control is not None else Change("")
                engine = self._status()
                signature = self._proof(head, control, item.segment.instance) if control is not None else ""
                try:
                    self.replayer.apply_buffer(item.buffer, at, end)
                except ReplayError as e:
                    kind = ReplayDiffers if isinstance(e, StateMismatch) else JournalCorrupt
                    raise kind(str(e), item.segment.index, item.segment.path, at, self.replayer.seq + 1) from e
                self.frames += 1
                if control is not None:
                    yield self._entry(head, control, asked, engine, signature)
                yield from self._automatic(head, item.buffer, at + HEAD_BYTES, asked, control is not None)
                if int(head["kind"]) == _FRAME["CHECKPOINT"]:
                    self.anchor, self.unanchored = int(head["seq"]), 0
                at = end

    def _automatic(self, head: Any, buffer: Any, at: int, asked: Change, commanded: bool) -> Iterator[Entry]:
        """What the engine changed by itself in a frame."""
        is_word = int(head["kind"]) == _FRAME["OBSERVATION"] and int(np.frombuffer(buffer, dtype("Observation"), 1, at)[0]["kind"]) == _WORD
        proposal, _, own = asked.what.partition(": ") if asked.what.startswith("proposal ") else ("", "", asked.what)
        for part, change in enumerate(self.governed.changes("kill word" if is_word else "", own, proposal), 1):
            yield Entry(
                seq=int(head["seq"]),
                part=part,
                engine_ns=int(head["engine_ns"]),
                uid=0,
                operator="engine",
                role="",
                kind=change.kind,
                what=change.what,
                before=change.before,
                after=change.after,
                reason=change.reason,
                request_id=0,
                outcome="automatic",
            )

    # ---- what the tables say

    def _table(self, name: str) -> Any:
        return self.replayer.state.table(name)

    def _status(self) -> tuple[int, int, int]:
        """Commands refused so far, proposals made, and outputs to gateways."""
        engine = self._table("engine")[1]
        return int(engine["controls_refused"]), int(engine["proposals"]), int(self._table("venues")["output_seq"].sum())

    def _look(self, c: Any) -> Change:
        """What the command is about, the value of it now, and what it asks for."""
        return describe(self._table, int(c["kind"]), int(c["strategy"]), int(c["status"]), c.tobytes()[-BODY_BYTES:], int(c["day"]))

    def _role(self, uid: int) -> str:
        for row in self._table("operators")[1 : int(self._table("engine")[1]["operator_count"]) + 1]:
            if int(row["uid"]) == uid and int(row["id"]):
                return _ROLE.get(int(row["role"]), "")
        return ""

    def _proof(self, head: Any, c: Any, instance: str) -> str:
        """What its signature is worth; what is not right is kept for the command's end."""
        if _KIND.get(int(c["kind"]), "?") not in ROLES:
            return ""
        verdict, why = signed_proof.proof(c, instance, self.replayer.state, int(head["engine_ns"]))
        if verdict in (signed_proof.FORGED, signed_proof.UNCHECKED):
            (self.forged if verdict == signed_proof.FORGED else self.unchecked).append(f"sequence {int(head['seq'])}: {why}")
        return verdict

    def _entry(self, head: Any, c: Any, asked: Change, engine: tuple[int, int, int], signature: str) -> Entry:
        kind = _KIND.get(int(c["kind"]), f"CONTROL_{int(c['kind'])}")
        refusals, proposals, sent = self._status()
        refused = refusals > engine[0] and sent == engine[2]  # a mass cancel that could not ask for all of its orders did ask for some
        proposed = proposals > engine[1] and self._pending(proposals)
        after = self._look(c).before if kind in _STATES else asked.before if kind == "WITHDRAW" else asked.after
        return Entry(
            signed=signature,
            part=0,
            seq=int(head["seq"]),
            engine_ns=int(head["engine_ns"]),
            uid=int(c["operator_uid"]),
            operator=bytes(c["operator_name"]).decode("ascii", "replace"),
            role=self._role(int(c["operator_uid"])),
            kind=kind,
            what=f"{asked.what} to {asked.after}" if (refused or proposed) and asked.after and kind in _ASKED else asked.what,
            before=asked.before,
            after=asked.before if refused or proposed else after,
            reason=bytes(c["reason"]).decode("ascii", "replace"),
            request_id=int(c["request_id"]),
            outcome="refused" if refused else f"proposed {proposals}" if proposed else "applied",
        )

    def _pending(self, proposal: int) -> bool:
        rows = self._table("proposals")[1 : int(self._table("engine")[1]["proposal_count"]) + 1]
        pending = ENUMS["ProposalState"].by_name["PENDING"]
        return any(int(r["id"]) == proposal and int(r["state"]) == pending for r in rows)


def first_difference(ours: list[Entry], path: Path) -> str:
    """Compare with an exported trail (JSON of this command); what differs first, "" when nothing does.

    A whole export (``whole`` true) must be one chain without a gap; of a filtered one each entry stands for itself.

    Raises
    ------
    ToolError
        If the file is no export.
    """
    try:
        export = json.loads(path.read_text())
        theirs, whole = [Entry(**row) for row in export["rows"]], bool(export.get("whole", True))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise ToolError(f"{path}: not an exported audit trail ({e}); make one with ringfence audit --json") from e
    known, previous = {(e.seq, e.part): e for e in ours}, ""
    for k, entry in enumerate(theirs):
        if sealed(entry, previous if whole else entry.previous) != entry:
            return f"entry {k + 1} of {path} (sequence {entry.seq}) was changed after it was exported: its hash does not cover it"
        previous = entry.hash
        mine = known.get((entry.seq, entry.part))
        if mine is None:
            return f"entry {k + 1} of {path} (sequence {entry.seq}) is not in the journal"
        if mine != replace(entry, signed=mine.signed):
            fields = [name for name in asdict(mine) if getattr(mine, name) != getattr(entry, name)]
            return f"entry {k + 1}, sequence {mine.seq}: {', '.join(fields)} differ; the journal says {mine.what or mine.kind} {mine.after!r}"
    return ""


def write_csv(entries: list[Entry], path: Path) -> None:
    """One line an entry, with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(Entry.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(asdict(e) for e in entries)
