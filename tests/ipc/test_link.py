"""Links: both rings between two regions, and their positions after a writer is gone."""

from __future__ import annotations

import numpy as np
import pytest

from ringfence.ipc.errors import RingFull
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

ENGINE = ENUMS["Role"].by_name["ENGINE"]
SLOTS = 8


def pair(instance: str, slots: int = SLOTS) -> tuple[Link, Link]:
    """Return (sender, receiver) of intents over two regions, each side with the other's read-only."""
    to = Segment.create(instance, "to.x", link_sections("Intent", slots), role=ENGINE, epoch=1)
    back = Segment.create(instance, "from.x", link_sections(None), role=ENGINE, epoch=1)
    return Link(to, Segment.attach(instance, "from.x")), Link(back, Segment.attach(instance, "to.x"))


def intent(client_id: int) -> np.ndarray:
    row = np.zeros(1, dtype("Intent"))
    row["client_id"] = client_id
    return row


def test_link_when_slots_are_sent_delivers_them_in_order_with_sequence_words(instance: str) -> None:
    sender, receiver = pair(instance)
    for n in range(3 * SLOTS):
        assert sender.send(intent(n + 1)) == n
        got = receiver.receive()
        assert (int(got["slot_seq"]), int(got["client_id"])) == (n + 1, n + 1)
    assert receiver.receive() is None


def test_link_when_reader_does_not_move_raises_full_and_recovers(instance: str) -> None:
    sender, receiver = pair(instance)
    for n in range(SLOTS):
        sender.send(intent(n + 1))
    with pytest.raises(RingFull, match="try again"):
        sender.send(intent(99))
    assert (sender.depth, receiver.waiting, sender.capacity) == (SLOTS, SLOTS, SLOTS)
    assert int(receiver.receive()["client_id"]) == 1
    sender.send(intent(99))
