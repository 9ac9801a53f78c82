"""numba sees the same bytes as C: a compiled function fills ring records, the ring hands them over, numpy reads the same values."""

from __future__ import annotations

import numpy as np
import pytest

from ringfence.ipc.layout import dtype, numba_type
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.ipc.segment import Segment

numba = pytest.importorskip("numba", reason="numba is not installed: pip install 'ringfence[numba]'")
STRATEGY, ENGINE = ENUMS["Role"].by_name["STRATEGY"], ENUMS["Role"].by_name["ENGINE"]


@pytest.mark.parametrize("name", RECORDS)
def test_numba_record_when_derived_has_the_schemas_offsets(name: str) -> None:
    record = numba_type(name)
    assert record.size == RECORDS[name].size
    for field, offset in RECORDS[name].offsets.items():
        assert record.offset(field) == offset, field


def test_numba_when_it_writes_and_reads_ring_slots_agrees_with_the_ring() -> None:
    @numba.njit
    def fill(intents, count):
        for i in range(count):
            intents[i].client_id = i + 1
            intents[i].px = -(i + 7)
            intents[i].qty = (i + 1) << 40
            intents[i].instrument = 3
            intents[i].kind = 1
            intents[i].crc = 0xFFFFFFFF

    @numba.njit
    def total(intents):
        s = 0
        for i in range(len(intents)):
            s += intents[i].px + intents[i].client_id + intents[i].slot_seq
        return s

    intents = np.zeros(64, dtype("Intent"))
    fill(intents, 64)
    sections = link_sections("Intent", 64)
    ours = Segment.create_memfd("from.strat.nb", sections, role=STRATEGY, epoch=1)
    theirs = Segment.create_memfd("to.strat.nb", link_sections(None), role=ENGINE, epoch=1)
    sender, receiver = Link(ours, theirs), Link(theirs, ours)
    for i in range(64):
        sender.send(intents[i : i + 1])
    assert total(ours.section("slots")) == sum(-(i + 7) + (i + 1) + (i + 1) for i in range(64))
    for i in range(64):
        got = receiver.receive()
        assert (got["client_id"], got["px"], got["qty"], got["instrument"], got["kind"], got["crc"]) == (i + 1, -(i + 7), (i + 1) << 40, 3, 1, 0xFFFFFFFF)
