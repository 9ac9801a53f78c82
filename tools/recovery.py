"""How a state comes back: a snapshot, then the journal's tail into its tables, and every ring from where the journal has it.

    DATA/snapshots ──newest that fits──▶ tables ◀──tail──Replayer◀── journal files      its source positions ──▶ where each ring is read on
    session stores' marks ──▶ emit_above ──▶ outputs that no gateway has yet stay in the ports' queues

The engine process, the shadow and the simulator recover with these functions; what they wrap (processes and regions here, memory there) is theirs.
A snapshot is used when it is whole, of this layout, logic, instance and these table sizes, when the journal holds the very frame that it ends with, and when no
gateway lacks an output from before it (that output would not be computed again). Any other is refused with a line in the log and the next older one is
tried; with none left the whole journal is replayed, from an empty state. So it is with a snapshot of memory that was wrong when it was written: the first
checkpoint behind it does not hold.

What can fail: JournalCorrupt, ReplayDiffers and JournalError of the reader; a torn tail too, since the sidecar has cut it before anybody recovers.
Whoever follows a journal that is being written (``live``) takes what is there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ringfence.core.replay import Replayer
from ringfence.core.state import Limits, State
from ringfence.ipc import failpoint
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link
from ringfence.tools import frames, snapshot
from ringfence.tools.defects import Defect
from ringfence.tools.errors import JournalCorrupt, JournalError
from ringfence.tools.journal import Chunk, JournalReader
from ringfence.tools.replay import ReplayDiffers, apply_chunk, limits_in
from ringfence.tools.snapshot import Header, SnapshotUnusable

_log = logging.getLogger("ringfence")


def recover(
    directory: Path,
    state: State,
    emitted: dict[int, int],
    beat: Callable[[], None] = lambda: None,
    *,
    snapshots: Path | None = None,
    instance: str = "",
    live: bool = False,
) -> tuple[Replayer, Limits | None]:
    """Bring the state of the journal in ``directory`` into an empty one.

    Parameters
    ----------
    emitted : dict of int to int
        Venue row to the last ``output_seq`` that its gateway has.
    beat : callable
        Called now and then: recovery may take long.
    snapshots : Path, optional
        Directory of snapshots to begin from; None: replay everything.
    instance : str
        Whose snapshots count.
    live : bool
        The journal is being written: a torn tail is a frame in the making and ends it.

    Returns
    -------
    tuple
        The replayer, and the table sizes of the last START (None in an empty journal).
    """
    reader = JournalReader(directory)
    wrong: set[int] = set()
    while True:
        replayer, recorded = _from_snapshot(reader, state, emitted, snapshots, instance, wrong) if snapshots is not None else (None, None)
        begun = replayer.seq if replayer is not None else 0
        replayer = replayer or Replayer(state=state, emit_above=emitted)
        try:
            return replayer, _replay_tail(reader, replayer, live, beat) or recorded
        except ReplayDiffers as e:
            if not begun:
                raise
            _log.error("the journal's tail does not fit snapshot %d, an older one or the whole journal is used: %s", begun, e)
            wrong.add(begun)
            state.clear()


def _replay_tail(reader: JournalReader, replayer: Replayer, live: bool, beat: Callable[[], None]) -> Limits | None:
    """Replay what is later than the replayer's state; return the table sizes of the last START in it."""
    recorded: Limits | None = None
    for item in reader.chunks(replayer.seq + 1, chain=not live):
        if isinstance(item, Defect):
            if live:
                break
            raise item.error()
        item = after(replayer, item)
        recorded = limits_in(item) or recorded
        apply_chunk(replayer, item)
        beat()
    return recorded


def lost_outputs(state: State, emitted: dict[int, int]) -> dict[int, int]:
    """How many outputs of each venue row its gateway has that this state never computed: the journal's end went with the host's memory."""
    rows = state.table("venues")
    return {row: above - int(rows[row]["output_seq"]) for row, above in emitted.items() if above > int(rows[row]["output_seq"])}


def after(replayer: Replayer, chunk: Chunk) -> Chunk:
    """The frames of a chunk that are later than the replayer's state."""
    start = replayer.skip(chunk.buffer, chunk.start, chunk.end) if chunk.first_seq <= replayer.seq else chunk.start
    if start == chunk.start:
        return chunk
    left = chunk.first_seq + chunk.frames - 1 - replayer.seq
    return chunk._replace(start=start, first_seq=replayer.seq + 1, frames=max(0, left))


def _from_snapshot(
    reader: JournalReader, state: State, emitted: Mapping[int, int], directory: Path, instance: str, wrong: set[int]
) -> tuple[Replayer | None, Limits | None]:
    """Load the newest snapshot that can be used, none of the ``wrong`` ones; ``(None, None)`` when none can."""
    for seq in (s for s in snapshot.newest_snapshot_seqs(directory) if s not in wrong):
        try:
            header = snapshot.read_header(snapshot.snapshot_path(directory, seq))
            _check_fits(header, emitted, instance)
            _check_history(header, reader)
            replayer = snapshot.load(header, state, emit_above=dict(emitted))
        except JournalCorrupt:
            raise
        except (SnapshotUnusable, JournalError) as e:
            _log.warning("snapshot refused, an older one or the whole journal is used: %s", e)
            continue
        _log.info("recovering from snapshot %s, state hash %016x", header.path.name, header.state_hash)
        return replayer, header.limits
    return None, None


def _check_fits(header: Header, emitted: Mapping[int, int], instance: str) -> None:
    if header.instance != instance:
        raise SnapshotUnusable(f"{header.path}: of instance {header.instance!r}, this is {instance!r}")
    for row, last in emitted.items():
        computed = header.output_seq.get(row, 0)
        if computed > last:
            raise SnapshotUnusable(f"{header.path}: the gateway of venue {row} has outputs up to {last}, those up to {computed} were computed before it")


def _check_history(header: Header, reader: JournalReader) -> None:
    """The journal must hold the frame that the snapshot ends with: after a host crash it may be shorter, or have gone on otherwise."""
    try:
        item = next(reader.chunks(header.seq, chain=False), None)
    except JournalCorrupt:
        raise
    except JournalError:  # retired up to that frame, which a snapshot had to cover first: what comes right after it must be there
        item = next(reader.chunks(header.seq + 1, chain=False), None)
        if isinstance(item, Chunk) and item.first_seq == header.seq + 1:
            return
    if not isinstance(item, Chunk) or not item.first_seq <= header.seq < item.first_seq + item.frames:
        raise SnapshotUnusable(f"{header.path}: the journal does not hold its frame {header.seq}")
    if frame_crc(item, header.seq) != header.frame_crc:
        raise SnapshotUnusable(f"{header.path}: the journal has another frame {header.seq}; the snapshot is of a history that was lost")


def frame_crc(chunk: Chunk, seq: int) -> int:
    """CRC32C of the frame ``seq`` of a chunk, as it stands in the file."""
    at = np.empty(chunk.frames, np.uint64)
    frames.offsets(chunk.buffer, chunk.start, chunk.end, at)
    return int(np.frombuffer(chunk.buffer, dtype("FileFrame"), 1, int(at[seq - chunk.first_seq]))[0]["crc"])


def resume_position(link: Link, taken: int) -> int | None:
    """Where to go on in a peer's ring: what the journal says when it is ahead of the released tail, else None (the tail)."""
    tail = link.inbound_position
    if failpoint.planted("cursor"):
        return None
    return taken if tail < taken <= tail + link.waiting else None
