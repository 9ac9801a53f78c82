"""The FIX benchmark keeps working: it compares every result with the peers' before it measures."""

from __future__ import annotations

import json

import pytest

from ringfence.bench import fix


def test_fix_when_quick_reports_both_ways_against_both_peers(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("simplefix")
    pytest.importorskip("quickfix")
    assert fix.main(["--quick", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["bench"] == "fix"
    ways, peers = ("encode NewOrderSingle", "parse ExecutionReport"), ("simplefix", "quickfix")
    assert {(r["name"].split(",")[0], r["peer"]) for r in report["rows"]} == {(way, peer) for way in ways for peer in peers}
    assert len(report["rows"]) == 8
    assert all(r["ours"] > 0 and r["theirs"] > 0 for r in report["rows"])


def test_fix_when_a_peer_is_missing_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise fix.harness.PeerMissing("simplefix: not installed; pip install simplefix")

    monkeypatch.setattr(fix, "simplefix_calls", missing)
    assert fix.main(["--quick", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [r["theirs"] for r in report["rows"] if r["peer"] == "simplefix"] == [None] * 4
    assert any("pip install simplefix" in note for note in report["notes"])


def test_fix_when_a_peer_reads_something_else_is_an_error() -> None:
    with fix.ours() as loops, pytest.raises(RuntimeError, match="encodes"):
        fix.check(loops, "liar", lambda i: b"", lambda i: {})
