"""``journal audit``: a good history holds, and a changed one is refused with the invariant's number and exit code 7."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journal_by_hand import JournalByHand, record, value

from ringfence.ipc.layout import dtype
from ringfence.tools import audit
from ringfence.tools.cli import main
from ringfence.tools.errors import JournalError
from ringfence.tools.simulation import oracle_book


@pytest.fixture
def journal(tmp_path: Path) -> JournalByHand:
    by_hand = JournalByHand(tmp_path)
    fill_in(by_hand)
    return by_hand


def fill_in(journal: JournalByHand) -> None:
    journal.new(1, "BUY", 100, 11000)
    journal.fill(1, 40, 10999, "E1")
    journal.fill(1, 20, 11000, "E2")
    journal.write()


def test_audit_when_the_history_is_good_holds(journal: JournalByHand, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "audit", str(journal.directory)]) == 0
    assert f"{journal.seq} frames" in capsys.readouterr().out
    found = audit.audit(journal.directory)
    assert (found.seq, found.violations) == (journal.seq, [])
    assert found.state_hash == journal.replayer.state_hash()


def test_audit_when_the_rules_are_broken_names_invariant_and_sequence(
    journal: JournalByHand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real: Callable[..., bool] = oracle_book.fill

    def forgets_the_second(m: Any, e: Any, o: Any) -> bool:
        return True if e.exec_id == b"E2" else real(m, e, o)

    monkeypatch.setattr(oracle_book, "fill", forgets_the_second)
    assert main(["--json", "journal", "audit", str(journal.directory)]) == 7
    shown = json.loads(capsys.readouterr().out)
    assert not shown["ok"]
    assert {"I5", "I6"} <= {row["invariant"] for row in shown["rows"]}
    assert {int(row["seq"]) for row in shown["rows"]} == {journal.seq}


@pytest.mark.parametrize(("rule", "uncovered"), [("MAX_QTY", []), ("COLLAR", ["COLLAR of FIRM"])])
def test_audit_when_a_control_was_in_force_that_it_does_not_follow_says_which(
    tmp_path: Path, rule: str, uncovered: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    journal = JournalByHand(tmp_path)
    journal.control("SET_LIMIT", body=record("LimitChange", kind=value("ScopeKind", "FIRM"), rule=value("RiskRule", rule), value=50))
    if not uncovered:
        journal.new(1, "BUY", 60, 11000)  # refused, which the audit works out too
    journal.write()
    assert audit.audit(journal.directory).uncovered == uncovered
    assert main(["journal", "audit", str(journal.directory)]) == 0
    assert ("COLLAR of FIRM" in capsys.readouterr().out) == bool(uncovered)


def test_audit_when_an_input_was_taken_twice_finds_i10(journal: JournalByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    real = audit.Oracle.frame

    def twice(self: audit.Oracle, head: bytes, payload: bytes) -> None:
        raw = np.frombuffer(head, dtype("FileFrame"), 1).copy()
        raw["source_position"] = 5
        seen.append(head)
        real(self, raw.tobytes(), payload)

    monkeypatch.setattr(audit.Oracle, "frame", twice)
    assert {v.invariant for v in audit.audit(journal.directory).violations} == {"I10"}
    assert len(seen) < journal.seq


def test_audit_when_there_is_no_history_says_what_is_needed(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    with pytest.raises(JournalError, match="START"):
        audit.audit(tmp_path / "journal")
