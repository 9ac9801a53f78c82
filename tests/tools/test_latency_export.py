"""Stages exported and read back: by HdrHistogram's own library, by a decoder of our own here, and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_instance import Synthetic

from ringfence.ipc.histogram import BUCKETS, Histogram, bucket_index
from ringfence.tools.cli import main
from ringfence.tools.errors import UsageError
from ringfence.tools.latency_export import encode, write
from ringfence.tools.views.latency import Stage

HDR = pytest.importorskip("hdrh.histogram", reason="hdrhistogram is not installed: pip install 'ringfence[test]'")


def histogram_of(values: list[int]) -> Histogram:
    counts = [0] * BUCKETS
    for value in values:
        counts[bucket_index(value)] += 1
    return Histogram.from_counts(counts, sum(values), max(values, default=0), min(values, default=0))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 300), st.integers(0, 2**40)), min_size=1, max_size=60))
def test_hdr_when_read_back_by_its_own_library_has_our_counts_at_our_values(values: list[int]) -> None:
    theirs = HDR.HdrHistogram.decode(encode(histogram_of(values)))
    assert theirs.get_total_count() == len(values)
    found = [item.value_iterated_to for item in theirs.get_recorded_iterator() for _ in range(item.count_added_in_this_iter_step)]
    assert all(value <= read <= value + value / 16 for value, read in zip(sorted(values), found, strict=True))


def test_hdr_when_counts_are_known_places_each_where_its_bucket_ends() -> None:
    theirs = HDR.HdrHistogram.decode(encode(histogram_of([0, 7, 7, 1_000, 1_000_000])))
    assert [theirs.get_count_at_value(v) for v in (0, 7, 8, 1_000, 1_007)] == [1, 2, 0, 0, 1]  # a bucket of ours is 992 to 1,007
    assert theirs.get_max_value() == pytest.approx(1_000_000, rel=1 / 32)


def test_latency_when_exported_as_hdr_the_log_reader_finds_every_stage(synthetic: Synthetic, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hdrh.log import HistogramLogReader

    for span in (1_000, 2_000, 1_000_000):
        synthetic.engine_metrics.record("intent_accept", span)
    synthetic.gateway_metrics.record("wire_ack", 300_000)
    file = tmp_path / "stages.hlog"
    assert main(["latency", "--export", "hdr", str(file), "--instance", synthetic.name]) == 0
    assert "intent→accept" in capsys.readouterr().out
    reader = HistogramLogReader(str(file), HDR.HdrHistogram(1, 2**47 - 1, 2))
    found = {}
    while (h := reader.get_next_interval_histogram()) is not None:
        found[h.get_tag()] = (h.get_total_count(), h.get_value_at_percentile(50))
    assert found.keys() == {"intent→accept", "wire→ack(sim)"}
    assert found["intent→accept"] == (3, pytest.approx(2_000, rel=1 / 32))


def test_latency_when_exported_as_json_has_buckets_that_sum_up(synthetic: Synthetic, tmp_path: Path) -> None:
    own = synthetic.metrics("intents.1", [], ["intent_accept"], "ENGINE")
    for span in (10, 10, 5_000):
        own.record("intent_accept", span)
    file = tmp_path / "stages.json"
    assert main(["latency", "intent", "--strategy", "mm1", "--export", "json", str(file), "--instance", synthetic.name]) == 0
    (stage,) = json.loads(file.read_text())["stages"]
    assert (stage["stage"], stage["strategy"], stage["n"], stage["ns"]["max"]) == ("intent→accept", "mm1", 3, 5_000)
    assert sum(count for _, _, count in stage["buckets"]) == 3
    assert all(low <= high for low, high, _ in stage["buckets"])


def test_latency_when_windowed_shows_what_came_in_the_window(synthetic: Synthetic, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic.engine_metrics.record("intent_accept", 1_000)
    assert main(["latency", "intent", "--window", "0.01", "--json", "--instance", synthetic.name]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [r["n"] for r in found["rows"]] == [0]
    assert found["window"].startswith("window 0.0")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--export", "xml", "f"], "export format was 'xml'; allowed: json, hdr"),
        (["--window", "0"], "--window was 0; allowed: more than 0 seconds"),
        (["--strategy", "nobody"], "--strategy 'nobody' has no stages"),
    ],
)
def test_latency_when_called_wrongly_says_what_is_allowed(synthetic: Synthetic, capsys: pytest.CaptureFixture[str], flags: list[str], said: str) -> None:
    assert main(["latency", *flags, "--instance", synthetic.name]) == 2
    assert said in capsys.readouterr().err


def test_export_when_the_file_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        write("json", str(tmp_path / "nowhere" / "f"), {Stage("a→b"): histogram_of([1])}, 0, 1, "x")
