"""The recovery table of docs/journal.md, each row with its damage: the page and what a reader finds cannot drift apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ringfence.tools.errors import JournalCorrupt
from ringfence.tools.journal import JournalReader
from ringfence.tools.journal_archive import ANCHOR_NAME, Rules, archive
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.segments import HEADER_BYTES, segment_path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "journal.md"
FRAMES = 40
Frames = Callable[..., bytes]
EVERYTHING = Rules(keep_bytes=1)


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage made by a test does not move: look again at once."""
    monkeypatch.setattr("ringfence.tools.journal._SETTLE_S", 0)


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def last_frame(directory: Path) -> tuple[Path, int, int]:
    """File, offset and length of the journal's last frame."""
    frame = list(JournalReader(directory).frames())[-1]
    return segment_path(directory, frame.segment), frame.offset, int(frame.head["length"])


def nothing(_directory: Path, _frames: Frames) -> None:
    """A journal that was closed as it should be; its last segment ends in zeros."""


def damage_last(directory: Path, _frames: Frames) -> None:
    path, offset, _ = last_frame(directory)
    overwrite(path, offset + 20, b"\xff\xfe")


def litter(directory: Path, _frames: Frames) -> None:
    path, offset, length = last_frame(directory)
    overwrite(path, offset + length + 64, b"\x5a" * 32)


def lose_header(directory: Path, _frames: Frames) -> None:
    path = segment_path(directory, JournalReader(directory).segments()[-1].index + 1)
    path.write_bytes(b"\x11" * HEADER_BYTES + bytes(4096 - HEADER_BYTES))


def damage_middle(directory: Path, _frames: Frames) -> None:
    overwrite(segment_path(directory, 1), HEADER_BYTES + 20, b"\xff\xfe")


def damage_length(directory: Path, _frames: Frames) -> None:
    overwrite(segment_path(directory, 1), HEADER_BYTES, b"\xf8\xff\x00\x00")


def append(directory: Path, data: bytes) -> None:
    path, offset, length = last_frame(directory)
    assert path.stat().st_size >= offset + length + len(data), "the last segment has no room for it"
    overwrite(path, offset + length, data)


def skip_a_sequence(directory: Path, frames: Frames) -> None:
    append(directory, frames(FRAMES + 2, 1))


def fall_back_an_epoch(directory: Path, frames: Frames) -> None:
    append(directory, frames(FRAMES + 1, 1, epoch=2) + frames(FRAMES + 2, 1, epoch=1))


def litter_closed(directory: Path, _frames: Frames) -> None:
    last = [f for f in JournalReader(directory).frames() if f.segment == 1][-1]
    overwrite(segment_path(directory, 1), last.offset + int(last.head["length"]), b"\x5a" * 8)


def damage_header(directory: Path, _frames: Frames) -> None:
    overwrite(segment_path(directory, 2), 40, b"\xff")


def forge(directory: Path, frames: Frames) -> None:
    overwrite(segment_path(directory, 1), HEADER_BYTES, frames(1, 1, seed=99))


def lose_file(directory: Path, _frames: Frames) -> None:
    segment_path(directory, 1).unlink()


def damage_compressed(directory: Path, _frames: Frames) -> None:
    archive(directory, Rules(compress=True), 0, 0)
    path = next(iter(sorted(directory.glob("*.zst"))))
    overwrite(path, path.stat().st_size // 2, b"\xff\xff\xff\xff")


def damage_anchor(directory: Path, _frames: Frames) -> None:
    archive(directory, EVERYTHING, FRAMES, 0)
    (directory / ANCHOR_NAME).write_text("{")


def lose_all_but_the_anchor(directory: Path, _frames: Frames) -> None:
    archive(directory, EVERYTHING, FRAMES, 0)
    for path in directory.glob("*.rfj*"):
        path.unlink()


Damage = Callable[[Path, Frames], None]
ROWS: dict[str, tuple[Damage, str]] = {
    "zeros after the last frame": (nothing, ""),
    "last frame cut or damaged, in the last segment, nothing valid after it": (damage_last, "TORN"),
    "nonzero bytes after the last frame of the last segment, nothing valid among them": (litter, "TORN"),
    "last segment without a good header and without a valid frame": (lose_header, "TORN"),
    "damaged frame with a valid one anywhere after it": (damage_middle, "CORRUPT"),
    "damaged length": (damage_length, "CORRUPT"),
    "valid frame with another sequence than the next": (skip_a_sequence, "SEQUENCE"),
    "valid frame of a lower instance epoch": (fall_back_an_epoch, "EPOCH"),
    "damage after the last frame of a closed segment": (litter_closed, "CORRUPT"),
    "header damaged, index not that of the file name, other instance": (damage_header, "HEADER"),
    "SHA-256 of the previous file is not the recorded one": (forge, "CHAIN"),
    "a file is missing in the row": (lose_file, "MISSING"),
    "compressed segment damaged": (damage_compressed, "HEADER"),
    "`RETIRED` damaged": (damage_anchor, "CORRUPT"),
    "`RETIRED` and no segment after it": (lose_all_but_the_anchor, "MISSING"),
    "layout hash of another build": (nothing, "LAYOUT"),
}


def first_defect(directory: Path) -> str:
    """What a reader calls the damage, whether it goes on to report more or refuses at once."""
    try:
        defect = JournalReader(directory).verify().defects[0]
    except JournalCorrupt as e:
        return e.detail.partition(":")[0].upper()
    assert f"segment {defect.segment}, offset {defect.offset}, sequence {defect.seq}: {defect.kind}: " in str(defect.error())
    return defect.kind.name


def test_page_when_read_has_the_rows_that_are_tested_here() -> None:
    table = PAGE.read_text().split("## What a reader or a restarted writer finds")[1].split("\n\n")[1]
    assert [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:]] == list(ROWS)


@pytest.mark.parametrize("found", ROWS)
def test_journal_when_damaged_is_called_what_the_table_says(
    write_journal: Callable[..., Path], journal_frames: Frames, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    damage, kind = ROWS[found]
    directory = write_journal(FRAMES, segment_bytes=8192)
    damage(directory, journal_frames)
    if kind == "LAYOUT":
        monkeypatch.setattr("ringfence.tools.defects.LAYOUT_HASH", 0x1234)
    if kind in ("", "TORN"):
        assert [d.kind.name for d in JournalReader(directory).verify().defects] == ([kind] if kind else [])
        with JournalWriter(directory, "test", segment_bytes=8192) as writer:
            assert writer.next_seq == (FRAMES if damage is damage_last else FRAMES + 1)
        assert bool(list(directory.glob("*.broken*"))) == (kind == "TORN")
        return
    assert first_defect(directory) == kind
    with pytest.raises(JournalCorrupt):
        JournalWriter(directory, "test", segment_bytes=8192)
