"""The bench's loops over the market data ring: one producer and three readers, every tick checked, every loss counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ringfence.bench.broadcast_loops import consume, produce
from ringfence.ipc.broadcast import Listener, Publisher, market_sections
from ringfence.ipc.clock import Clock
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

YIELD = 2


@pytest.mark.parametrize(("slots", "rows"), [(64, True), (64, False), (8192, True)])
def test_loops_when_three_readers_follow_taken_and_lost_are_all_there_was(slots: int, rows: bool) -> None:
    count = 200_000
    segment = Segment.create_memfd("market", market_sections(slots, 2), role=ENUMS["Role"].by_name["FEED"], epoch=1)
    publisher, listeners = Publisher(segment), [Listener(segment, 0) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(consume, listener, count, YIELD) for listener in listeners]
        assert produce(publisher, Clock.calibrate(0.002), count, rows=rows) > 0
        assert [sum(reader.result()) for reader in readers] == [count] * 3
    assert [listener.lost for listener in listeners] == [reader.result()[1] for reader in readers]
    assert int(segment.section("quotes")[1]["count"]) == (count if rows else 0)


def test_loops_when_content_is_wrong_the_reader_says_so() -> None:
    segment = Segment.create_memfd("market", market_sections(64, 2), role=ENUMS["Role"].by_name["FEED"], epoch=1)
    produce(Publisher(segment), Clock.calibrate(0.002), 10, 1_000)
    segment.section("ticks")["ask"][4] += 1
    with pytest.raises(RuntimeError, match="position 4: wrong content"):
        consume(Listener(segment, 0), 10)
