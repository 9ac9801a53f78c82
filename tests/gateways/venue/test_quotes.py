"""Where the venue's quotes come from."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ringfence.gateways.ticks import TickError
from ringfence.gateways.venue.quotes import LOOK_NS, POLL_NS, InstanceQuotes, open_quotes
from ringfence.gateways.venue.spec import VenueSpec, venue_spec
from ringfence.ipc.broadcast import market_sections
from ringfence.ipc.errors import IpcError
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.ipc.seqlock import write_consistent

ROLE = ENUMS["Role"].by_name
NOW = 5_000_000_000


def spec_of(quotes: dict[str, object], digits: int = 5) -> VenueSpec:
    symbols = [{"symbol": "EUR/USD", "price_digits": digits}]
    return venue_spec({"port": 0, "sender_comp_id": "S", "target_comp_id": "T", "symbols": symbols, "quotes": quotes}, Path())


@pytest.fixture
def regions(instance: str) -> Iterator[tuple[Segment, Segment]]:
    state = Segment.create(instance, "state", [("engine", "EngineStatus", 2), ("instruments", "Instrument", 4)], role=ROLE["ENGINE"], epoch=1)
    state.section("engine")[1]["instrument_count"] = 2
    for row, symbol in ((1, b"USD/JPY"), (2, b"EUR/USD")):
        state.section("instruments")[row]["symbol"], state.section("instruments")[row]["price_digits"] = symbol, 5
    quotes = Segment.create(instance, "market", market_sections(16, 3), role=ROLE["FEED"], epoch=1)
    yield state, quotes
    for segment in (state, quotes):
        segment.unlink()
        segment.close()


def publish(quotes: Segment, bid: int, ask: int) -> None:
    row = quotes.section("quotes")[2:3]
    write_consistent(row, {"bid": bid, "ask": ask, "count": int(row[0]["count"]) + 1})


def test_instance_quotes_when_a_row_was_left_locked_by_a_dead_feed_goes_on(instance: str, regions: tuple[Segment, Segment]) -> None:
    source = open_quotes(spec_of({"instance": instance}), NOW)
    publish(regions[1], 112_000, 112_010)
    regions[1].section("quotes")[2]["version"] += 1
    assert list(source.take(NOW)) == []
    regions[1].section("quotes")[2]["version"] += 1
    assert list(source.take(NOW + 1)) == [("EUR/USD", 112_000, 112_010)]
    source.close()


def test_quotes_when_some_symbols_have_files_takes_the_others_from_the_instance(instance: str, regions: tuple[Segment, Segment]) -> None:
    symbols = [{"symbol": "EUR/USD", "price_digits": 5}, {"symbol": "USD/JPY", "price_digits": 3}]
    quotes = {"instance": instance, "ticks": [{"symbol": "USD/JPY", "file": "usdjpy_ticks.csv", "format": "truefx"}]}
    spec = venue_spec({"port": 0, "sender_comp_id": "S", "target_comp_id": "T", "symbols": symbols, "quotes": quotes}, Path())
    source = open_quotes(spec, NOW)
    publish(regions[1], 112_000, 112_010)
    write_consistent(regions[1].section("quotes")[1:2], {"bid": 5, "ask": 6, "count": 1})  # what the instance says of a symbol with a file
    assert sorted(source.take(NOW)) == [("EUR/USD", 112_000, 112_010), ("USD/JPY", 86_655, 86_728)]
    assert list(source.take(NOW + 1)) == [] and source.wait_ns(NOW + 1) == POLL_NS
    source.close()


def test_instance_quotes_when_the_feed_publishes_gives_each_new_one_once(instance: str, regions: tuple[Segment, Segment]) -> None:
    source = open_quotes(spec_of({"instance": instance}), NOW)
    assert list(source.take(NOW)) == []
    publish(regions[1], 112_000, 112_010)
    assert list(source.take(NOW + 1)) == [("EUR/USD", 112_000, 112_010)]
    assert list(source.take(NOW + 2)) == [] and source.wait_ns(NOW + 2) == POLL_NS
    publish(regions[1], 112_000, 112_010)
    assert list(source.take(NOW + 3)) == [("EUR/USD", 112_000, 112_010)]
    publish(regions[1], 0, 112_010)
    assert list(source.take(NOW + 4)) == [], "a quote without a bid is not traded on"
    source.close()


def test_instance_quotes_when_the_instance_comes_later_or_again_are_found(instance: str, regions: tuple[Segment, Segment]) -> None:
    absent = InstanceQuotes(spec_of({"instance": f"{instance}x"}))
    assert list(absent.take(NOW)) == [] and absent.wait_ns(NOW) == LOOK_NS
    source = InstanceQuotes(spec_of({"instance": instance}))
    publish(regions[1], 1, 2)
    assert list(source.take(NOW)) == [("EUR/USD", 1, 2)]
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    writer = int(regions[1].superblock["writer_pid"])
    regions[1].superblock["writer_pid"] = int(child.stdout)
    publish(regions[1], 3, 4)
    assert list(source.take(NOW + LOOK_NS)) == [("EUR/USD", 3, 4)]
    regions[1].superblock["writer_pid"] = writer
    source.close()


def test_instance_quotes_when_the_scales_differ_is_refused(instance: str, regions: tuple[Segment, Segment]) -> None:
    source = InstanceQuotes(spec_of({"instance": instance}, digits=3))
    with pytest.raises(IpcError, match="EUR/USD: the instance has 5 price digits, the venue 3; make them equal"):
        list(source.take(NOW))


def test_tick_quotes_when_their_time_has_come_are_given_in_order() -> None:
    ticks = [{"symbol": "EUR/USD", "file": "eurusd_ticks.csv", "format": "histdata"}]
    source = open_quotes(spec_of({"ticks": ticks, "speed": 2, "loop": False}), NOW)
    assert list(source.take(NOW)) == [("EUR/USD", 112_120, 112_172)]
    assert source.wait_ns(NOW) == 10_382_000_000 // 2
    assert len(list(source.take(NOW + 10**14))) == 9_499
    assert source.wait_ns(NOW + 10**14) == LOOK_NS
    source.close()


def test_tick_quotes_when_the_file_is_columns_skips_sides_that_nobody_quotes_and_wants_quotes(tmp_path: Path) -> None:
    quotes = np.array([(1, 5, 6), (2, 0, 6), (3, 4, 6)], dtype=[("ns", "i8"), ("bid", "i8"), ("ask", "i8")])
    np.save(tmp_path / "t.npy", quotes)
    ticks = {"symbol": "EUR/USD", "file": str(tmp_path / "t.npy"), "format": "numpy"}
    source = open_quotes(spec_of({"ticks": [ticks], "loop": False}), NOW)
    assert list(source.take(NOW + 10)) == [("EUR/USD", 5, 6), ("EUR/USD", 4, 6)]
    np.savez(tmp_path / "t.npz", trades=np.array([(1, 5)], dtype=[("ns", "i8"), ("px", "i8")]))
    with pytest.raises(TickError, match="a venue trades on quotes"):
        open_quotes(spec_of({"ticks": [ticks | {"file": str(tmp_path / "t.npz")}]}), NOW)
