"""How a state comes back: the journal into fresh tables, and every ring from where the journal has it.

    journal files ──▶ chunks of good frames ──Replayer──▶ state        its source positions ──▶ where each ring is read on
    session stores' marks ──▶ emit_above ──▶ outputs that no gateway has yet stay in the ports' queues

The engine process and the simulator recover with these functions; what they wrap (processes and regions here, memory there) is theirs.
What can fail: JournalCorrupt, ReplayDiffers and JournalError of the reader; a torn tail too, since the sidecar has cut it before anybody recovers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ringfence.core.replay import Replayer
from ringfence.core.state import Limits, State
from ringfence.ipc import failpoint
from ringfence.ipc.link import Link
from ringfence.tools.defects import Defect
from ringfence.tools.journal import JournalReader
from ringfence.tools.replay import apply_chunk, limits_in


def recover(directory: Path, state: State, emitted: dict[int, int], beat: Callable[[], None] = lambda: None) -> tuple[Replayer, Limits | None]:
    """Replay the journal in ``directory`` into an empty state.

    Parameters
    ----------
    emitted : dict of int to int
        Venue row to the last ``output_seq`` that its gateway has.
    beat : callable
        Called now and then: recovery may take long.

    Returns
    -------
    tuple
        The replayer, and the table sizes of the last START (None in an empty journal).
    """
    replayer = Replayer(state=state, emit_above=emitted)
    recorded: Limits | None = None
    for item in JournalReader(directory).chunks():
        if isinstance(item, Defect):
            raise item.error()
        recorded = limits_in(item) or recorded
        apply_chunk(replayer, item)
        beat()
    return replayer, recorded


def resume_position(link: Link, taken: int) -> int | None:
    """Where to go on in a peer's ring: what the journal says when it is ahead of the released tail, else None (the tail)."""
    tail = link.inbound_position
    if failpoint.planted("cursor"):
        return None
    return taken if tail < taken <= tail + link.waiting else None
