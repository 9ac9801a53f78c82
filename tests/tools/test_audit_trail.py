"""``ringfence audit``: who changed what and how it ended, and that a changed entry is found, in the journal and in an export."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from journal_by_hand import START_NS, STEP_NS, JournalByHand, record, value

from ringfence.ipc.schema import CONSTANTS
from ringfence.tools import snapshot
from ringfence.tools.audit_trail import Entry, Trail, first_difference, sealed
from ringfence.tools.cli import main
from ringfence.tools.errors import ToolError
from ringfence.tools.replay import ReplayDiffers
from ringfence.tools.views.tables import cl_ord_id

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


def test_trail_when_a_stranger_cancels_everything_says_that_he_was_refused(tmp_path: Path) -> None:
    journal = build(tmp_path)
    journal.event("ACK", 1)
    for uid in (4242, RISK_A):
        journal.control("MASS_CANCEL", record("OrderAction", venue=1), operator_uid=uid, reason="all of it")
    journal.checkpoint()
    journal.write()
    assert [(e.uid, e.outcome) for e in entries(journal) if e.kind == "MASS_CANCEL"] == [(4242, "refused"), (RISK_A, "applied")]


def test_trail_when_a_mass_cancel_reached_some_orders_calls_it_applied(tmp_path: Path) -> None:
    """The engine counts it with the refused, since some could not be asked for."""
    journal = JournalByHand(tmp_path)
    for k in (1, 2):
        journal.new(k, "BUY", 1, 11000)
    day = int(journal.replayer.state.table("engine")[1]["day_code"])
    for revision in range(1, CONSTANTS["REVISIONS_MAX"][0] + 1):  # until the first has none left
        journal.frame("INTENT", record("Intent", kind=value("IntentKind", "CANCEL"), client_id=1, epoch=7, created_ns=START_NS), source=1)
        journal.event("CANCEL_REJECT", cl_ord_id=cl_ord_id("RF", day, 1, revision), text_code=3)
    journal.control("MASS_CANCEL", record("OrderAction", venue=1), reason="all of it")
    journal.write()
    (entry,) = [e for e in entries(journal) if e.kind == "MASS_CANCEL"]
    assert (entry.outcome, int(journal.replayer.state.table("engine")[1]["controls_refused"])) == ("applied", 1)


def test_trail_when_a_command_that_was_done_raises_a_break_without_a_row_calls_it_applied(tmp_path: Path) -> None:
    journal = JournalByHand(tmp_path)
    for k in range(1, 30):
        journal.new(k, "BUY", 1, 11000)
    journal.event("SESSION_DOWN")
    for order in range(1, 30):
        body = record("OrderAction", order_id=order, ord_status=value("OrdStatus", "FILLED"))
        journal.control("RESOLVE_ORDER", body, reason="the venue said so by phone")
    assert int(journal.replayer.state.table("engine")[1]["break_count"]) > 16
    journal.write()
    assert {e.outcome for e in entries(journal) if e.kind == "RESOLVE_ORDER"} == {"applied"}


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


# ---- what the engine does by itself ----------------------------------------------------------------------------------------------


def lasting(journal: JournalByHand, qty: int, frames: int) -> None:
    """An override that ends so many frames later."""
    until = START_NS + (journal.seq + frames) * STEP_NS
    body = record("LimitChange", rule=value("RiskRule", "OPEN_ORDERS"), kind=value("ScopeKind", "FIRM"), value=qty, expires_ns=until)
    journal.control("SET_LIMIT", body, operator_uid=RISK_A, operator_name="a", reason="for a while")


def observe(journal: JournalByHand, kind: str, peer: int) -> None:
    journal.frame("OBSERVATION", record("Observation", kind=value("ObservationKind", kind), peer=peer, value=1))


def automatic(journal: JournalByHand) -> list[tuple[str, str, str, str, str]]:
    journal.checkpoint()
    journal.write()
    return [(e.kind, e.what, e.before, e.after, e.reason) for e in entries(journal) if e.outcome == "automatic"]


def test_override_when_it_ends_is_an_entry_with_what_it_gave_back(tmp_path: Path) -> None:
    journal = build(tmp_path)
    lasting(journal, 50, 3)
    journal.mark(10, 11)
    for _ in range(3):
        journal.frame("TIMER", record("Timer"))
    assert automatic(journal) == [("OVERRIDE_END", "override 2: OPEN_ORDERS of firm", "50", "200", "its time was over")]


def test_kill_when_nobody_commanded_it_is_an_entry_with_its_cause(tmp_path: Path) -> None:
    journal = build(tmp_path)
    body = record("LimitChange", rule=value("RiskRule", "REJECT_LIMIT"), kind=value("ScopeKind", "STRATEGY"), a=1, value=1)
    journal.control("SET_LIMIT", body, operator_uid=RISK_A, operator_name="a", reason="careful")
    set_limit(journal, 900, "waits")
    journal.event("REJECTED", 1)
    observe(journal, "KILL_WORD", 0)
    observe(journal, "STRATEGY_SILENT", 1)
    observe(journal, "STRATEGY_POISONED", 1)
    assert automatic(journal) == [
        ("KILL", "strategy:mm1", "OPEN", "KILLED", "REJECT_LIMIT"),
        ("KILL", "firm", "OPEN", "KILLED", "kill word"),
        ("PROPOSAL_END", "proposal 2: OPEN_ORDERS of firm to 900", "PENDING", "WITHDRAWN", "kill word"),
        ("SET_STRATEGY", "strategy:mm1", "ENABLED", "CANCEL_ONLY", "dead-man's switch"),
        ("SET_STRATEGY", "strategy:mm1", "CANCEL_ONLY", "POISONED", "garbage in its ring"),
    ]


def test_command_when_it_causes_more_than_it_says_has_an_entry_for_each(tmp_path: Path) -> None:
    journal = build(tmp_path)
    set_limit(journal, 900, "waits")
    body = record("KillOrder", kind=value("ScopeKind", "FIRM"), options=1)
    journal.control("KILL", body, operator_uid=RISK_A, operator_name="a", reason="stop")
    journal.checkpoint()
    journal.write()
    last = entries(journal)[-2:]
    assert [(e.part, e.kind, e.operator, e.outcome) for e in last] == [(0, "KILL", "a", "applied"), (1, "PROPOSAL_END", "engine", "automatic")]
    assert last[0].seq == last[1].seq


def test_command_of_any_kind_says_what_was_and_what_is(tmp_path: Path) -> None:
    journal = build(tmp_path)
    by = {"operator_uid": RISK_A, "operator_name": "a", "reason": "because"}
    journal.control("HALT", **by)
    journal.control("RESUME", **by)
    journal.control("APPROVE", record("Decision", proposal=2), operator_uid=RISK_B, operator_name="b", reason="yes")
    grant = {"permission": 1, "name": "g", "grant": 1}
    journal.control("SET_PERMISSION", record("PermissionChange", part=value("PermissionPart", "STRATEGY"), value=1, **grant), **by)
    journal.control("SET_PERMISSION", record("PermissionChange", part=value("PermissionPart", "ACCOUNT"), value=1, **(grant | {"grant": 0})), **by)
    journal.event("SESSION_DOWN")
    over = record("OrderAction", order_id=1, ord_status=value("OrdStatus", "FILLED"))
    journal.control("RESOLVE_ORDER", over, **by)
    journal.control("APPROVE", record("Decision", proposal=3), operator_uid=RISK_B, operator_name="b", reason="yes")
    journal.event("FILL", last_qty=5, last_px=11000, exec_id="X1", venue_order_id="V9", symbol="EUR/USD", side=1)
    journal.control("ASSIGN_EXECUTION", record("OrderAction", execution=1, strategy=1), **by)
    journal.control("APPROVE", record("Decision", proposal=4), operator_uid=RISK_B, operator_name="b", reason="yes")
    journal.control("STRATEGY_DETACH", strategy=1, epoch=1)
    journal.control("ROLL_DAY", record("DayStart", day=20260103), day=20260103, **by)
    journal.checkpoint()
    journal.write()
    assert [(e.what, e.before, e.after, e.outcome) for e in entries(journal)[-11:]] == [
        ("new risk", "taken", "halted: OPERATOR", "applied"),
        ("new risk to taken", "halted: OPERATOR", "halted: OPERATOR", "proposed 2"),
        ("proposal 2: new risk", "halted: OPERATOR", "taken", "applied"),
        ("permission 1 (g): STRATEGY strategy:mm1", "", "granted", "applied"),
        ("permission 1 (g, strategy:mm1): ACCOUNT account:main", "", "", "applied"),
        ("order 1 to FILLED", "UNKNOWN", "UNKNOWN", "proposed 3"),
        ("proposal 3: order 1", "UNKNOWN", "FILLED", "applied"),
        ("execution 1 to strategy:mm1", "suspense", "suspense", "proposed 4"),
        ("proposal 4: execution 1", "suspense", "strategy:mm1", "applied"),
        ("process of strategy:mm1", "attached", "detached", "applied"),
        ("trading day to 20260103", "20260102", "20260102", "proposed 5"),
    ]


# ---- what an entry's hash covers -------------------------------------------------------------------------------------------------


def by_the_docs(row: dict[str, Any]) -> str:
    """The recipe of docs/journal.md, written without the tool."""
    text = {name: str(content) for name, content in row.items() if name != "hash"}
    text["signed"] = "yes" if text["signed"] else ""
    return hashlib.sha256(json.dumps(text, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def test_hash_of_an_exported_entry_can_be_computed_from_the_entry(journal: JournalByHand, tmp_path: Path, capsys: Any) -> None:
    rows = exported(journal, tmp_path / "trail.json", capsys)
    assert [r["hash"] for r in rows] == [by_the_docs(r) for r in rows]
    assert main(["audit", str(journal.directory), "--csv", str(tmp_path / "trail.csv")]) == 0
    with (tmp_path / "trail.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["hash"] for line in lines] == [r["hash"] for r in rows] == [by_the_docs(line) for line in lines]
    for field in ("operator", "reason", "request_id", "before", "after", "part"):
        assert by_the_docs(rows[-1] | {field: "another"}) != rows[-1]["hash"], field


def other(journal: JournalByHand, **changed: Any) -> None:
    """Commands of kinds that change no limit, one of them refused."""
    who = {"operator_uid": RISK_A, "operator_name": "a", "reason": "because", "request_id": 5} | changed
    journal.control("HALT", **who)
    journal.control("MASS_CANCEL", record("OrderAction", venue=1), **who)
    journal.control("APPROVE", record("Decision", proposal=99), **who)
    journal.control("CHECKPOINT", **who)


@pytest.mark.parametrize("changed", [{"reason": "because."}, {"operator_name": "b"}, {"request_id": 6}], ids=lambda c: next(iter(c)))
def test_journal_when_a_field_that_decides_nothing_was_changed_fails_at_the_next_checkpoint(tmp_path: Path, changed: dict[str, Any]) -> None:
    honest, forged = build(tmp_path / "honest"), build(tmp_path / "forged")
    other(honest)
    other(forged, **changed)
    forged.checkpoint(honest.checkpoint())
    forged.write()
    with pytest.raises(ReplayDiffers):
        entries(forged)


# ---- the end of the journal ------------------------------------------------------------------------------------------------------


def test_verify_when_entries_come_after_the_last_checkpoint_says_so(tmp_path: Path, capsys: Any) -> None:
    journal = build(tmp_path)
    journal.checkpoint()
    set_limit(journal, 10, "late")
    journal.write()
    assert main(["audit", str(journal.directory), "--verify"]) == 0
    assert "1 entry after the last checkpoint" in capsys.readouterr().out


def test_verify_when_the_tail_was_cut_off_between_two_frames_is_found_by_a_snapshot_that_covers_it(tmp_path: Path, capsys: Any) -> None:
    journal = build(tmp_path)
    journal.checkpoint()
    journal.write()
    snapshot.write(tmp_path / "snapshots", journal.replayer, "byhand")
    assert main(["audit", str(journal.directory), "--verify"]) == 0
    for path in journal.directory.glob("*.rfj"):
        path.unlink()
    cut = build(tmp_path)
    cut._slots.pop()
    cut.write()
    capsys.readouterr()
    assert main(["audit", str(cut.directory), "--verify"]) == 7
    assert "was cut off" in capsys.readouterr().out
    assert main(["--json", "audit", str(cut.directory), "--verify"]) == 7
    assert "was cut off" in json.loads(capsys.readouterr().out)["cut"]


def test_verify_when_the_last_frame_is_torn_says_so_in_json_too(journal: JournalByHand, capsys: Any) -> None:
    path = max(journal.directory.glob("*.rfj"))
    raw = bytearray(path.read_bytes())
    end = len(raw.rstrip(b"\0"))
    raw[end - 8 : end] = bytes(8)
    path.write_bytes(raw)
    main(["--json", "audit", str(journal.directory), "--verify"])
    assert json.loads(capsys.readouterr().out)["torn"]
