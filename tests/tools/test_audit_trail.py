"""``ringfence audit``: who changed what and how it ended, and that a changed entry is found, in the journal and in an export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from journal_by_hand import JournalByHand, record, value

from ringfence.tools.audit_trail import Entry, Trail, first_difference, sealed
from ringfence.tools.cli import main
from ringfence.tools.errors import ToolError
from ringfence.tools.replay import ReplayDiffers

RISK_A, RISK_B = 1001, 1002


def build(data: Path, limit: int = 100) -> JournalByHand:
    journal = JournalByHand(data)
    for row, uid in enumerate((RISK_A, RISK_B), 1):
        journal.control("DEFINE_OPERATOR", record("Operator", id=row, name=f"op{uid}", uid=uid, role=value("OperatorRole", "RISK"), status=1))
    journal.new(1, "BUY", 1, 11000)
    set_limit(journal, limit, "first")
    set_limit(journal, 200, "more room")
    journal.control("APPROVE", record("Decision", proposal=1), operator_uid=RISK_A, operator_name="a")
    journal.control("APPROVE", record("Decision", proposal=1), operator_uid=RISK_B, operator_name="b")
    return journal


def set_limit(journal: JournalByHand, qty: int, reason: str) -> None:
    body = record("LimitChange", rule=value("RiskRule", "OPEN_ORDERS"), kind=value("ScopeKind", "FIRM"), value=qty)
    journal.control("SET_LIMIT", body, operator_uid=RISK_A, operator_name="a", reason=reason)


@pytest.fixture
def journal(tmp_path: Path) -> JournalByHand:
    by_hand = build(tmp_path)
    by_hand.checkpoint()
    by_hand.write()
    return by_hand


def entries(journal: JournalByHand) -> list[Entry]:
    return list(Trail(journal.directory).entries())


def exported(journal: JournalByHand, path: Path, capsys: Any) -> list[dict[str, Any]]:
    assert main(["--json", "audit", str(journal.directory), "--all"]) == 0
    text = capsys.readouterr().out
    path.write_text(text)
    rows: list[dict[str, Any]] = json.loads(text)["rows"]
    return rows


def test_trail_when_read_says_who_changed_what_and_how_it_ended(journal: JournalByHand) -> None:
    last = entries(journal)[-4:]
    assert [(e.kind, e.uid, e.role, e.outcome) for e in last] == [
        ("SET_LIMIT", RISK_A, "RISK", "applied"),
        ("SET_LIMIT", RISK_A, "RISK", "proposed 1"),
        ("APPROVE", RISK_A, "RISK", "refused"),
        ("APPROVE", RISK_B, "RISK", "applied"),
    ]
    assert last[1].reason == "more room"
    assert last[1].before == last[1].after, "a proposal changes nothing"
    assert [e.what for e in last[1:]] == ["OPEN_ORDERS of firm to 200", *["proposal 1: OPEN_ORDERS of firm"] * 2], "what was asked is said all the same"
    assert [(e.before, e.after) for e in last[2:]] == [("100", "100"), ("100", "200")]
    assert [e.previous for e in last[1:]] == [e.hash for e in last[:-1]]


def test_export_when_nothing_was_changed_agrees(journal: JournalByHand, tmp_path: Path, capsys: Any) -> None:
    exported(journal, tmp_path / "trail.json", capsys)
    assert first_difference(entries(journal), tmp_path / "trail.json") == ""


def test_export_when_it_is_filtered_stands_entry_by_entry(journal: JournalByHand, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "trail.json"
    assert main(["audit", str(journal.directory), "--kind", "SET_LIMIT", "--json"]) == 0
    export = json.loads(capsys.readouterr().out)
    assert 0 < len(export["rows"]) < export["entries"] and not export["whole"]
    path.write_text(json.dumps(export))
    assert first_difference(entries(journal), path) == ""
    export["rows"][-1]["reason"] = "another"
    path.write_text(json.dumps(export))
    assert "was changed after it was exported" in first_difference(entries(journal), path)


def test_export_when_an_entry_was_changed_is_named_even_with_its_chain_mended(journal: JournalByHand, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "trail.json"
    rows = exported(journal, path, capsys)
    place = next(i for i, r in enumerate(rows) if r["reason"] == "more room")
    rows[place]["reason"] = "none"
    path.write_text(json.dumps({"rows": rows}))
    assert f"(sequence {rows[place]['seq']}) was changed" in first_difference(entries(journal), path)
    mended, previous = [], ""
    for row in rows:
        mended.append(sealed(Entry(**row), previous))
        previous = mended[-1].hash
    path.write_text(json.dumps({"rows": [vars(e) for e in mended]}))
    assert f"sequence {rows[place]['seq']}: reason" in first_difference(entries(journal), path)
    assert main(["audit", str(journal.directory), "--against", str(path)]) == 7


def test_journal_when_a_command_was_changed_with_its_crc_mended_fails_at_the_next_checkpoint(tmp_path: Path) -> None:
    honest = build(tmp_path / "honest")
    anchor = honest.checkpoint()
    forged = build(tmp_path / "forged", limit=101)
    forged.checkpoint(anchor)
    forged.write()
    with pytest.raises(ReplayDiffers):
        entries(forged)


def test_export_when_it_is_none_says_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(ToolError, match="ringfence audit --json"):
        first_difference([], tmp_path / "x.json")
