"""The FIX benchmark keeps working: it compares every result with the peers' before it measures."""

from __future__ import annotations

import json
import re

import pytest

from ringfence.bench import fix, fix_counts
from ringfence.bench.host import PeerMissing

ALLOCATOR = re.compile(
    r"\b(malloc|calloc|realloc|free|posix_memalign|aligned_alloc|mmap|brk)\b|Py(Object|Mem)_(Raw)?(Malloc|Calloc|Realloc|Free)|_PyObject_(GC_)?New"
)


def test_fix_when_quick_reports_both_ways_against_both_peers(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("simplefix")
    pytest.importorskip("quickfix")
    assert fix.main(["--quick", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["bench"] == "fix"
    ways, peers = ("encode NewOrderSingle", "parse ExecutionReport"), ("simplefix", "quickfix")
    expected = {(way, peer) for way in ways for peer in peers} | {("parse and validate ExecutionReport", "quickfix")}
    assert {(r["name"].split(",")[0], r["peer"]) for r in report["rows"]} == expected
    assert len(report["rows"]) == 10
    assert any("simplefix cannot validate" in note for note in report["notes"])
    assert all(r["ours"] > 0 and r["theirs"] > 0 for r in report["rows"])


def test_fix_when_a_peer_is_missing_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise PeerMissing("simplefix: not installed; pip install simplefix")

    monkeypatch.setattr(fix, "simplefix_calls", missing)
    assert fix.main(["--quick", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [r["theirs"] for r in report["rows"] if r["peer"] == "simplefix"] == [None] * 4
    assert any("pip install simplefix" in note for note in report["notes"])


def test_fix_when_a_peer_reads_something_else_is_an_error() -> None:
    with fix.ours() as loops, pytest.raises(RuntimeError, match="encodes"):
        fix.check(loops, "liar", lambda i: b"", lambda i: {})


@pytest.mark.parametrize("function", ["parse", "check", "receive", "encode"])
def test_loop_when_it_runs_allocates_nothing_per_message(function: str) -> None:
    try:
        counts = fix_counts.count(function, 10)
    except fix.harness.PeerMissing as missing:
        pytest.skip(str(missing))
    messages = 10 * fix.VARIANTS
    assert counts.instructions > 100 * messages, "the loop was not collected"
    assert sum(counts.own.values()) == counts.instructions
    allocating = {name: cost for name, cost in counts.own.items() if ALLOCATOR.search(name)}
    assert sum(allocating.values()) < messages, f"allocators executed more than the loop's own result needs, for {messages} messages: {allocating}"


def test_own_costs_when_a_callee_costs_more_counts_each_function_for_itself() -> None:
    profile = "fn=(1) loop\n1 10\ncfn=(2) malloc\ncalls=3 0\n+1 200\n* 5\nfn=(2)\n1 200\nfn=(1)\n-4 1\ntotals: 216\n"
    assert fix_counts.own_costs(profile) == {"loop": 16, "malloc": 200}
