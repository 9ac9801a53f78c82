"""The ring loops of ring_loops.pyx compiled by numba: the same messages, the same checks, the same waiting; measured by bench/ring.py.

Messages are 64 bytes: the sequence word and seven words that carry the number, each verified. Rings are built over the sections of two regions, one of each
side, as ``ipc.link`` does it. What can fail: RuntimeError when a message is wrong; ImportError that names the extra without numba.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from ringfence.ipc import njit as nb
from ringfence.ipc.segment import Segment

WORDS = 8
RELEASE_EVERY = 32
HEAD_LAG_MAX = 8
_SENDS = {"produce": 1, "consume": 0, "ping": 1, "pong": 1}
_TAKES = {"produce": 0, "consume": 1, "ping": 2, "pong": 1}  # 1: before it sends, 2: after it


@numba.njit(**nb.INLINE)  # type: ignore[untyped-decorator]
def _send(ring: Any, n: int) -> bool:
    slot, result = nb.ring_claim(ring)
    while slot == 0:
        if result == nb.GARBAGE:
            return False
        nb.pause()
        slot, result = nb.ring_claim(ring)
    for i in range(1, WORDS):
        nb.store_plain(slot + 8 * i, n + i)
    nb.ring_publish(ring)
    return True


@numba.njit(**nb.INLINE)  # type: ignore[untyped-decorator]
def _take(ring: Any, n: int) -> bool:
    state = nb.ring_poll(ring)
    while state != nb.OK:
        if state == nb.GARBAGE:
            return False
        nb.ring_release(ring)
        nb.pause()
        state = nb.ring_poll(ring)
    slot, wrong = nb.ring_slot(ring, ring.position), 0
    for i in range(1, WORDS):
        wrong |= nb.load_plain(slot + 8 * i) ^ (n + i)
    ring.position += 1
    ring.pending += 1
    if ring.pending >= RELEASE_EVERY:
        nb.ring_release(ring)
    return wrong == 0


@numba.njit(**nb.OPTIONS)  # type: ignore[untyped-decorator]
def _run(outbound: int, inbound: int, count: int, sends: int, takes: int) -> int:
    """The number of the first message that was wrong; ``count``: none was."""
    out, into = nb.ring_at(outbound), nb.ring_at(inbound)
    for n in range(count):
        if takes == 1 and not _take(into, n):
            return n
        if sends == 1 and not _send(out, n):
            return n
        if takes == 2 and not _take(into, n):
            return n
    nb.ring_release(into)
    if sends == 1:
        nb.ring_settle(out)
    return count


def _ring(slots: Any, head: Any, tail: Any) -> Any:
    """An rf_ring_t at position 0."""
    ring = np.zeros(10, "u8")
    ring[:5] = slots.ctypes.data, head.ctypes.data, tail.ctypes.data, len(slots) - 1, slots.itemsize
    ring[9] = min(HEAD_LAG_MAX, len(slots))
    return ring


def run(mine: Segment, theirs: Segment, side: str, count: int) -> None:
    """Run one side of the pair, as ``ring_loops.run``; ``mine`` is the region that this process writes. ``count`` 0 only compiles.

    Raises
    ------
    RuntimeError
        If a message arrives with wrong content, or the ring holds garbage.
    """

    def cursor(segment: Segment, name: str) -> Any:
        return segment.section(name)["position"]

    out = _ring(mine.section("slots"), cursor(mine, "head"), cursor(theirs, "tail"))
    into = _ring(theirs.section("slots"), cursor(theirs, "head"), cursor(mine, "tail"))
    n = _run(out.ctypes.data, into.ctypes.data, count, _SENDS[side], _TAKES[side])
    if n != count:
        raise RuntimeError(f"{side}: message {n} of {count} was wrong")
