"""Snapshot files: a state as it was after one journal sequence, so that recovery replays the tail only. The format is docs/recovery.md.

    Replayer (shadow, replay) ──write──▶ N.rfs.new ──sync, read back, compare──▶ N.rfs ──load──▶ tables of a recovering engine

A snapshot is a cache of the journal and never its substitute: whatever is wrong with one is a reason to use an older one or none. It is bound to its
history by the CRC of the last frame in it, so that one of a history that a host crash took back is not mistaken for this one's.

The four indexes are stored slot by slot: where a key stands decides whether a later one finds a free slot, so a rebuilt index would not be the same state.

What can fail: ``SnapshotUnusable`` names what is wrong with a file; OSError of the disk while writing leaves the older files as they were. Memory: the
compressed file while loading; a second set of tables while the file just written is read back.
Rejected: forking the engine to dump it (copies page tables while orders wait), pickles (a format that nobody can check).
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

from ringfence.core.replay import Replayer
from ringfence.core.state import Limits, State, state_sections
from ringfence.ipc import failpoint
from ringfence.ipc.schema import CONSTANTS, LAYOUT_HASH
from ringfence.tools.errors import ToolError
from ringfence.tools.frames import crc32c

FORMAT = 1
MAGIC = b"RFSNAP\r\n"
KEEP = 3
LOGIC = CONSTANTS["LOGIC_VERSION"][0]
_PREFIX = struct.Struct("<8sIII")  # magic, format, header bytes, CRC32C of the header
_HEADER_MAX = 1 << 20
_DIGEST_BYTES = 32
_LEVEL = 1
_SLOTS = ("HashSlot", "LedgerSlot")
_INDEXES = tuple(name for name, record, _ in state_sections(Limits()) if record in _SLOTS)
_TABLES = tuple(name for name, record, _ in state_sections(Limits()) if record not in _SLOTS)
_SOURCE = np.dtype([("kind", "<u4"), ("source", "<u4"), ("epoch", "<u8"), ("position", "<u8")])
_WRITE_BYTES = 1 << 20


class SnapshotUnusable(ToolError):
    """A snapshot file that cannot be used; the message says why. Recovery takes an older one then."""


@dataclass(frozen=True)
class Header:
    """What a snapshot says of itself; ``frame_crc`` is that of the journal frame ``seq``, ``output_seq`` by venue row."""

    path: Path
    instance: str
    seq: int
    engine_ns: int
    state_hash: int
    frame_crc: int
    layout_hash: int
    logic: int
    limits: Limits
    output_seq: dict[int, int]
    sections: tuple[dict[str, Any], ...]
    body_at: int


def snapshot_path(directory: Path, seq: int) -> Path:
    return directory / f"{seq:020d}.rfs"


def newest_snapshot_seqs(directory: Path) -> list[int]:
    """Sequences of the snapshot files in ``directory``, newest first; [] when there is no such directory."""
    if not directory.is_dir():
        return []
    return sorted((int(p.stem) for p in directory.glob("*.rfs") if p.stem.isdigit()), reverse=True)


# ---- writing ---------------------------------------------------------------------------------------------------------


def write(directory: Path, replayer: Replayer, instance: str, keep: int = KEEP) -> Path:
    """Write a snapshot of a replayer that has applied file frames, verify it from the disk and remove all but the newest ``keep``.

    Returns
    -------
    Path
        Of the file; under this name there is never one that was not verified.

    Raises
    ------
    OSError
        From the disk.
    SnapshotUnusable
        If what was read back is not what was written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for left in directory.glob("*.rfs.new"):
        left.unlink(missing_ok=True)
    path = snapshot_path(directory, replayer.seq)
    fresh = path.with_suffix(".rfs.new")
    _write_file(fresh, replayer, instance)
    header = read_header(fresh)
    again = load(header, State.in_memory(header.limits))
    if again.sources() != replayer.sources():
        raise SnapshotUnusable(f"{fresh}: read back with other ring positions than were written")
    failpoint.reached("E9")
    fresh.rename(path)
    _sync_directory(directory)
    for seq in newest_snapshot_seqs(directory)[keep:]:
        snapshot_path(directory, seq).unlink(missing_ok=True)
    return path


def _write_file(path: Path, replayer: Replayer, instance: str) -> None:
    state = replayer.state
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    sections, bodies = [], []
    for name, raw in _contents(replayer):
        packed = compressor.compress(raw)
        sections.append({"name": name, "bytes": len(raw), "compressed": len(packed)})
        bodies.append(packed)
    engine = state.table("engine")[1]
    described = {
        "instance": instance,
        "seq": replayer.seq,
        "engine_ns": int(engine["engine_ns"]),
        "state_hash": f"{replayer.state_hash():016x}",
        "frame_crc": f"{replayer.frame_crc:08x}",
        "layout_hash": f"{LAYOUT_HASH:016x}",
        "logic": LOGIC,
        "limits": asdict(state.limits),
        "output_seq": {str(row): seq for row, seq in replayer.output_seq.items()},
        "sections": sections,
    }
    header = json.dumps(described, separators=(",", ":")).encode()
    digest = hashlib.sha256()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        for body in (_PREFIX.pack(MAGIC, FORMAT, len(header), crc32c(header)), header, *bodies):
            digest.update(body)
            _write_all(fd, body)
        failpoint.reached("E8")
        _write_all(fd, digest.digest())
        os.fsync(fd)
    finally:
        os.close(fd)


def _contents(replayer: Replayer) -> list[tuple[str, Any]]:
    """Name and bytes of each section: used rows of the tables, used slots of the indexes (their numbers, then the slots), positions in the source rings."""
    state = replayer.state
    out: list[tuple[str, Any]] = [(name, _bytes(state.table(name)[1 : state.used_rows(name) + 1])) for name in _TABLES]
    for name in _INDEXES:
        slots = state.table(name)
        used = np.flatnonzero(slots["row"])
        out.append((name, used.astype("<u8").tobytes() + slots[used].tobytes()))
    rows = [(kind, source, epoch, position) for (kind, source), (epoch, position) in replayer.sources().items()]
    return [*out, ("sources", np.array(rows, _SOURCE).tobytes())]


def _bytes(rows: Any) -> Any:
    """The memory of contiguous rows, not a copy."""
    return memoryview(rows.view(np.uint8).reshape(-1)) if len(rows) else b""


def _write_all(fd: int, data: Any) -> None:
    view = memoryview(data)
    while view.nbytes:
        view = view[os.write(fd, view[:_WRITE_BYTES]) :]


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_header(path: Path) -> Header:
    """Return what a snapshot says of itself; of the file only the header is read and checked.

    Raises
    ------
    SnapshotUnusable
        If it is no snapshot, cut, damaged, or of another layout or logic.
    """
    try:
        with path.open("rb") as file:
            prefix = file.read(_PREFIX.size)
            magic, form, size, crc = _PREFIX.unpack(prefix) if len(prefix) == _PREFIX.size else (b"", 0, 0, 0)
            if magic != MAGIC or form != FORMAT or size > _HEADER_MAX:
                raise SnapshotUnusable(f"{path}: no snapshot of format {FORMAT}")
            text = file.read(size)
    except OSError as e:
        raise SnapshotUnusable(f"{path}: {e.strerror}") from e
    if len(text) != size or crc32c(text) != crc:
        raise SnapshotUnusable(f"{path}: CRC32C of its header does not hold")
    values = json.loads(text)
    header = Header(
        path=path,
        instance=values["instance"],
        seq=values["seq"],
        engine_ns=values["engine_ns"],
        state_hash=int(values["state_hash"], 16),
        frame_crc=int(values["frame_crc"], 16),
        layout_hash=int(values["layout_hash"], 16),
        logic=values["logic"],
        limits=Limits(**values["limits"]),
        output_seq={int(row): seq for row, seq in values["output_seq"].items()},
        sections=tuple(values["sections"]),
        body_at=_PREFIX.size + size,
    )
    if header.layout_hash != LAYOUT_HASH:
        raise SnapshotUnusable(f"{path}: record layout {header.layout_hash:016x}, this build has {LAYOUT_HASH:016x}")
    if header.logic != LOGIC:
        raise SnapshotUnusable(f"{path}: logic version {header.logic}, this build has {LOGIC}")
    return header


def load(header: Header, state: State, emit_above: dict[int, int] | None = None) -> Replayer:
    """Load a snapshot into an empty state with tables of the same sizes and return the replayer that goes on from it.

    Raises
    ------
    SnapshotUnusable
        At any wrong byte, or if the tables' hash is not the recorded one; the state is empty again then.
    """
    if state.limits != header.limits:
        raise SnapshotUnusable(f"{header.path}: made with other table sizes ({_differences(header.limits, state.limits)})")
    try:
        whole = header.path.read_bytes()
    except OSError as e:
        raise SnapshotUnusable(f"{header.path}: {e.strerror}") from e
    if hashlib.sha256(memoryview(whole)[:-_DIGEST_BYTES]).digest() != whole[-_DIGEST_BYTES:]:
        raise SnapshotUnusable(f"{header.path}: its SHA-256 does not hold, bytes were changed or lost")
    sources = _fill(header, memoryview(whole), state)
    replayer = Replayer(state=state, emit_above=emit_above, sources=sources, frame_crc=header.frame_crc)
    if state.seq != header.seq or replayer.state_hash() != header.state_hash:
        found = replayer.state_hash()
        state.clear()
        raise SnapshotUnusable(f"{header.path}: state hash {header.state_hash:016x} is recorded, its tables have {found:016x}")
    return replayer


def _fill(header: Header, whole: memoryview, state: State) -> dict[tuple[int, int], tuple[int, int]]:
    """Unpack every section into its place; the bytes are known to be those that were written."""
    at, sources = header.body_at, {}
    unpack = zstandard.ZstdDecompressor()
    for section in header.sections:
        name, size, packed = section["name"], section["bytes"], whole[at : at + section["compressed"]]
        at += section["compressed"]
        if not size:
            continue
        if name in _TABLES:
            rows = state.table(name)
            with unpack.stream_reader(packed) as reader:
                target = _bytes(rows[1:])[:size]
                while target.nbytes:
                    target = target[reader.readinto(target) :]
        else:
            raw = unpack.decompress(packed, max_output_size=size)
            if name in _INDEXES:
                slots = state.table(name)
                used = size // (8 + slots.dtype.itemsize)
                numbers = np.frombuffer(raw, "<u8", used)
                slots.view(np.uint8).reshape(len(slots), -1)[numbers] = np.frombuffer(raw, np.uint8)[8 * used :].reshape(used, -1)
            else:
                rows = np.frombuffer(raw, _SOURCE)
                sources = {(int(r["kind"]), int(r["source"])): (int(r["epoch"]), int(r["position"])) for r in rows}
    return sources


def _differences(recorded: Limits, wanted: Limits) -> str:
    pairs = [(name, getattr(recorded, name), getattr(wanted, name)) for name in recorded.__dataclass_fields__]
    return ", ".join(f"{name} {was}, now {now}" for name, was, now in pairs if was != now)
