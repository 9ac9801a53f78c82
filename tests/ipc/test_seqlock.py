"""The sequence lock: readers see whole records only, and give up on a writer that died inside."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.ipc.seqlock import read_consistent, write_consistent

ROLE = ENUMS["Role"].by_name["FEED"]
WRITER = """
import sys
from ringfence.ipc.segment import Segment
from ringfence.ipc.seqlock import write_consistent
rows = Segment.attach(sys.argv[1], "quotes", writable=True).section("quotes")[1:2]
for n in range(1, 60001):
    write_consistent(rows, {"bid": n, "ask": 2 * n, "source_ns": 3 * n, "count": n})
"""


def test_read_consistent_when_writer_is_busy_never_sees_a_torn_record(instance: str) -> None:
    segment = Segment.create(instance, "quotes", [("quotes", "Quote", 2)], role=ROLE, epoch=1)
    row = Segment.attach(instance, "quotes").section("quotes")[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    seen = set()
    with subprocess.Popen([sys.executable, "-c", WRITER, instance], env=environment) as writer:
        while writer.poll() is None:
            q = read_consistent(row)
            n = int(q["bid"])
            seen.add(n)
            assert (int(q["ask"]), int(q["source_ns"]), int(q["count"]), int(q["version"])) == (2 * n, 3 * n, n, 2 * n)
    assert writer.returncode == 0
    assert int(read_consistent(row)["bid"]) == 60_000
    assert len(seen) > 1
    assert segment.writable


def test_read_consistent_when_writer_died_inside_times_out_and_the_next_writer_mends_it(instance: str) -> None:
    segment = Segment.create(instance, "quotes", [("quotes", "Quote", 2)], role=ROLE, epoch=1)
    rows = segment.section("quotes")
    rows["version"][1] = 7
    with pytest.raises(TimeoutError, match="stays odd"):
        read_consistent(rows[1])
    write_consistent(rows[1:2], {"bid": 5})
    assert (int(read_consistent(rows[1])["bid"]), int(rows["version"][1])) == (5, 8)
