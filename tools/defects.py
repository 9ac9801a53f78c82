"""What can be wrong with a journal, and where: the recovery table of docs/journal.md as code.

Reader and writer both ask here, so that what the writer repairs is exactly what the reader calls torn. Only a torn tail of the last segment may be cut;
everything else means that bytes changed, files were mixed, or a superseded engine wrote, and is refused with the place and what to do. Pure functions, no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ringfence.ipc.schema import LAYOUT_HASH
from ringfence.tools.errors import JournalCorrupt
from ringfence.tools.frames import Scan, ScanState
from ringfence.tools.segments import SegmentInfo


class DefectKind(StrEnum):
    """What is wrong at one place of a journal; only TORN may be repaired."""

    TORN = "torn"
    CORRUPT = "corrupt"
    SEQUENCE = "sequence"
    EPOCH = "epoch"
    HEADER = "header"
    LAYOUT = "layout"
    CHAIN = "chain"
    MISSING = "missing"


@dataclass(frozen=True)
class Defect:
    """One defect: where (segment file, byte, the sequence expected there) and what."""

    kind: DefectKind
    segment: int
    path: Path
    offset: int
    seq: int
    detail: str

    def error(self) -> JournalCorrupt:
        return JournalCorrupt(f"{self.kind}: {self.detail}", self.segment, self.path, self.offset, self.seq)


def place_defect(info: SegmentInfo, index: int, *, instance: str, next_seq: int, digest: bytes) -> Defect | None:
    """Check a header against its file name and the segment before it; "", 0 and b"" leave that part out."""
    path = info.path
    if info.layout_hash != LAYOUT_HASH:
        detail = f"written with layout 0x{info.layout_hash:016x}, this build has 0x{LAYOUT_HASH:016x}: read it with the build that wrote it"
        return Defect(DefectKind.LAYOUT, index, path, 0, info.first_seq, detail)
    if info.index != index:
        return Defect(DefectKind.HEADER, index, path, 0, next_seq, f"header says segment {info.index}: files were renamed or swapped; restore their names")
    if instance and info.instance != instance:
        detail = f"header says instance {info.instance!r}, this journal belongs to {instance!r}: files of two journals were mixed"
        return Defect(DefectKind.HEADER, index, path, 0, next_seq, detail)
    if next_seq and info.first_seq != next_seq:
        detail = f"begins with sequence {info.first_seq}, the segment before it calls for {next_seq}: restore the journal from a copy"
        return Defect(DefectKind.SEQUENCE, index, path, 0, next_seq, detail)
    if digest and info.previous_sha256 != digest:
        detail = f"the segment before it has SHA-256 {digest.hex()}, recorded was {info.previous_sha256.hex()}: it was changed after it was closed"
        return Defect(DefectKind.CHAIN, index, path, 0, info.first_seq, detail)
    return None


def frame_defect(info: SegmentInfo, found: Scan, last: bool) -> Defect:
    seq = found.last_seq + 1
    if found.state == ScanState.TORN and last:
        kind, detail = DefectKind.TORN, "the last frame is cut or damaged and nothing valid follows: the writer died here"
    elif found.state == ScanState.TORN:
        kind, detail = DefectKind.CORRUPT, "damaged bytes after the last good frame of a closed segment: restore it from a copy"
    elif found.state == ScanState.CORRUPT:
        kind, detail = DefectKind.CORRUPT, f"damaged frame; a valid one follows at offset {found.found}: restore the segment from a copy"
    elif found.state == ScanState.SEQUENCE:
        word = "repeated or going back" if found.found < seq else "missing frames"
        kind, detail = DefectKind.SEQUENCE, f"{word}: found sequence {found.found}: restore the segment from a copy"
    else:
        kind, detail = DefectKind.EPOCH, f"instance epoch fell from {found.last_epoch} to {found.found}: a superseded engine wrote here"
    return Defect(kind, info.index, info.path, found.offset, seq, detail)
