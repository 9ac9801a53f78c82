"""Operators of a live instance: limits and kills from the command line, four eyes, two who race, and the audit trail of all that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import command_line
import pytest
from instance_under_load import Load, settle
from running_instance import Running

from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.tools import audit_trail, frames, kill_words
from ringfence.tools.errors import JournalCorrupt
from ringfence.tools.journal import JournalReader
from ringfence.tools.ledger_state import wide
from ringfence.tools.segments import segment_path

SECOND = 65_001  # uid of a second operator; only root can speak as another
MAX_QTY = ENUMS["RiskRule"].by_name["MAX_QTY"]
OPERATOR = f'\n[[operator]]\nname = "second"\nuid = {SECOND}\nrole = "risk"\n'
AS_SECOND = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setegid(0)
os.seteuid(int(sys.argv[2]))
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
    sock.settimeout(10)
    sock.connect("control.sock")
    sock.sendall(sys.argv[3].encode() + b"\\n")
    print(sock.makefile().readline())
"""


def cli(running: Running, *words: str) -> subprocess.CompletedProcess[str]:
    return command_line.run(running.name, *words)


def as_second(running: Running, **request: Any) -> dict[str, Any]:
    """What the control agent answers the second operator."""
    run_dir = running.data / "run"
    run_dir.chmod(0o711)
    (run_dir / "control.sock").chmod(0o666)
    command = [sys.executable, "-S", "-c", AS_SECOND, str(run_dir), str(SECOND), json.dumps(request)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def firm(running: Running) -> Any:
    return running.sections("state", "scopes")[1]


def later_day(running: Running) -> str:
    """Two days after the trading day: one that has not begun anywhere."""
    day = datetime.strptime(str(int(running.sections("state", "engine")[1]["day"])), "%Y%m%d")
    return (day + timedelta(days=2)).strftime("%Y-%m-%d")


@pytest.fixture
def desk(running: Running) -> Running:
    if os.getuid():
        pytest.skip("only root can speak as a second operator")
    running.add(OPERATOR)
    running.start_venue()
    assert running.up() == 0, running.logs()
    running.wait_session_up()
    load = Load(running)
    load.step(5)
    settle(running, load)
    load.close()
    return running


def test_kill_when_a_viewer_asks_for_it_is_refused_and_sets_no_word(running: Running) -> None:
    if os.getuid():
        pytest.skip("only root can speak as a second operator")
    running.add(OPERATOR.replace('"risk"', '"viewer"'))
    assert running.up() == 0, running.logs()
    for scope in ("firm", "venue:sim"):
        assert as_second(running, op="kill", scope=scope, reason="let us see")["code"] == 4
    assert [w.venue for w in kill_words.read_words(running.name) if w.killed] == []
    assert int(running.engine_row()["killed_scopes"]) == 0
    assert int(running.engine_row()["controls_refused"]) == 2, "the journal knows who asked"
    running.down()


def test_limit_when_two_operators_agree_is_looser_and_one_alone_only_makes_it_tighter(desk: Running) -> None:
    assert cli(desk, "limits", "set", "MAX_QTY", "firm", "5000", "--reason", "a test").returncode == 0
    assert int(firm(desk)["limits"][MAX_QTY]) == 5000
    done = cli(desk, "limits", "set", "MAX_QTY", "firm", "9000", "--reason", "more", "--json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "proposed")
    proposal = int(json.loads(done.stdout)["proposal"])
    assert cli(desk, "approve", str(proposal), "--reason", "mine").returncode == 4
    assert int(firm(desk)["limits"][MAX_QTY]) == 5000
    assert as_second(desk, op="approve", proposal=proposal, reason="agreed")["outcome"] == "applied"
    assert int(firm(desk)["limits"][MAX_QTY]) == 9000
    assert "MAX_QTY" in cli(desk, "risk").stdout
    assert "APPROVED" in cli(desk, "proposals").stdout
    assert cli(desk, "limits", "set", "MAX_QTY", "nowhere", "1", "--reason", "x").returncode == 2
    trail = cli(desk, "audit", "--json")
    rows = json.loads(trail.stdout)["rows"]
    assert [(r["kind"], r["outcome"]) for r in rows if r["what"].startswith(("MAX_QTY", "proposal"))] == [
        ("SET_LIMIT", "applied"),
        ("SET_LIMIT", f"proposed {proposal}"),
        ("APPROVE", "refused"),
        ("APPROVE", "applied"),
    ]
    export = desk.directory / "trail.json"
    export.write_text(trail.stdout)
    desk.down()
    check_trail(desk, export)


def check_trail(running: Running, export: Path) -> None:
    """The export stands for itself and for the journal; one changed figure in either is found."""
    trail = audit_trail.Trail(running.data / "journal")
    entries = list(trail.entries())
    whole = {"rows": [audit_trail.asdict(e) for e in entries]}
    export.write_text(json.dumps(whole))
    assert audit_trail.first_difference(entries, export) == ""
    k = next(i for i, e in enumerate(entries) if e.kind == "SET_LIMIT")
    whole["rows"][k]["after"] = "999999"
    export.write_text(json.dumps(whole))
    assert f"entry {k + 1} of" in audit_trail.first_difference(entries, export)
    forge(running.data / "journal", entries[k].seq)
    with pytest.raises(JournalCorrupt):
        list(audit_trail.Trail(running.data / "journal").entries())


def forge(directory: Path, seq: int) -> None:
    """Change a limit in the journal and mend the frame's checksum."""
    frame = next(f for f in JournalReader(directory).frames() if int(f.head["seq"]) == seq)
    path = segment_path(directory, frame.segment)
    data = bytearray(path.read_bytes())
    at, size = frame.offset, int(frame.head["length"])
    body = at + 64 + RECORDS["Control"].offsets["body"]
    data[body : body + 8] = (7777).to_bytes(8, "little")
    data[at + 4 : at + 8] = bytes(4)
    data[at + 4 : at + 8] = frames.crc32c(bytes(data[at : at + size])).to_bytes(4, "little")
    path.write_bytes(data)


def test_kill_when_commanded_empties_the_list_and_only_two_release_it(desk: Running) -> None:
    load = Load(desk, first=1000)
    load.step(20)
    done = cli(desk, "kill", "firm", "--reason", "bad quotes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["unconfirmed"] == []
    assert [w.killed for w in kill_words.read_words(desk.name) if not w.venue] == [True]
    load.strategy.buy("EUR/USD", 1000, "0.5", client_id=5000)
    desk.until("the refusal", lambda: (load.read(), 5000 in load.denied)[1])
    assert load.denied[5000] == "KILLED"
    released = cli(desk, "resume", "firm", "--reason", "mended", "--json")
    proposal = int(json.loads(released.stdout)["proposal"])
    assert as_second(desk, op="approve", proposal=proposal, reason="agreed")["outcome"] == "applied"
    assert [w.killed for w in kill_words.read_words(desk.name) if not w.venue] == [False]
    load.strategy.buy("EUR/USD", 1000, "0.5", client_id=5001)
    desk.until("the order", lambda: load.strategy.order(5001) is not None)
    load.close()
    assert cli(desk, "halt", "--reason", "a drill").returncode == 0
    for words, done in ((("resume",), "new risk is taken"), (("roll", "--day", later_day(desk)), "trading day")):
        asked = cli(desk, *words, "--reason", "alone")
        assert (asked.returncode, "proposed as" in asked.stdout, done in asked.stdout) == (0, True, False), asked.stdout + asked.stderr
        proposal = int(desk.sections("state", "engine")[1]["proposals"])
        assert as_second(desk, op="approve", proposal=proposal, reason="agreed")["outcome"] == "applied"
    engine = desk.sections("state", "engine")[1]
    assert (int(engine["restrictions"]), int(engine["rolls"])) == (0, 1)


def test_kill_when_it_races_with_a_release_wins_and_replays_the_same(desk: Running) -> None:
    assert cli(desk, "kill", "strategy:s1", "--reason", "first").returncode == 0
    asked = json.loads(cli(desk, "resume", "strategy:s1", "--reason", "loosen", "--json").stdout)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    kill = [sys.executable, "-m", "ringfence.tools.cli", "kill", "strategy:s1", "--reason", "again", "--instance", desk.name]
    racing = subprocess.Popen(kill, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    approved = as_second(desk, op="approve", proposal=int(asked["proposal"]), reason="agreed")
    assert racing.wait(30) == 0
    assert approved.get("outcome") == "applied" or approved["code"] == 4
    scopes = desk.sections("state", "scopes")
    killed = [int(r["state"]) for r in scopes if int(r["kind"]) == ENUMS["ScopeKind"].by_name["STRATEGY"] and int(r["a"]) == 1]
    assert killed == [ENUMS["ScopeState"].by_name["KILLED"]], "whichever came first, the kill stands"
    desk.down()
    assert desk.replay().torn is None


def test_entry_when_two_operators_agree_is_booked_once_and_one_who_has_not_what_he_moves_is_told_why(desk: Running) -> None:
    held = next(p for p in desk.sections("state", "ledger_positions")[1:] if int(p["trades"]) and int(p["strategy"]))
    strategy = bytes(desk.sections("state", "strategies")[int(held["strategy"])]["name"]).decode()
    of = ("--account", "main", "--strategy", strategy, "--symbol", "EUR/USD", "--reason", "statement of May")
    asked = cli(desk, "ledger", "entry", "funding", "--reference", "F-1", "--amount", "-12.345", *of, "--json")
    assert asked.returncode == 0, asked.stderr
    proposal = int(json.loads(asked.stdout)["proposal"])
    assert f"entry F-1: FUNDING of main/{strategy}/EUR/USD" in (shown := cli(desk, "proposals").stdout), shown
    assert cli(desk, "approve", str(proposal), "--reason", "mine").returncode == 4
    assert as_second(desk, op="approve", proposal=proposal, reason="agreed")["outcome"] == "applied"
    booked = next(p for p in desk.sections("state", "ledger_positions")[1:] if int(p["strategy"]) == int(held["strategy"]))
    assert wide(booked["funding"]) == -12_345 * 10**15
    again = cli(desk, "ledger", "entry", "funding", "--reference", "F-1", "--amount", "-12.345", *of)
    assert (again.returncode, "DUPLICATE" in again.stderr) == (4, True), again.stderr
    most = str(10**12)
    moved = cli(desk, "ledger", "entry", "transfer", "--reference", "T-1", "--qty", most, "--to-strategy", "s2" if strategy == "s1" else "s1", *of)
    assert (moved.returncode, "NOT_HELD" in moved.stderr) == (4, True), moved.stderr
    assert cli(desk, "ledger", "entry", "funding", "--reference", "F-2", "--px", "1", *of).returncode == 2
    rows = json.loads(cli(desk, "audit", "--json").stdout)["rows"]
    trail = [(r["before"], r["after"], r["outcome"]) for r in rows if "entry F-1" in r["what"]]
    assert trail == [
        ("funding 0", "funding 0", f"proposed {proposal}"),
        ("funding 0", "funding 0", "refused"),
        ("funding 0", "-12.345 USD", "applied"),
        ("funding -12.345", "funding -12.345", "refused"),
    ]
    desk.down()
    assert desk.replay().torn is None


def test_method_when_two_operators_agree_is_the_position_s_and_an_open_one_keeps_its_own(desk: Running) -> None:
    positions = desk.sections("state", "ledger_positions")[1:]
    held = next(p for p in positions if int(p["trades"]) and int(p["strategy"]))
    names = [bytes(s["name"]).decode() for s in desk.sections("state", "strategies")[1:3]]
    strategy = names[int(held["strategy"]) - 1]
    of = ("--account", "main", "--symbol", "EUR/USD", "--reason", "year end")
    if wide(held["qty"]):
        refused = cli(desk, "ledger", "method", "fifo", "--strategy", strategy, *of)
        assert (refused.returncode, "NOT_FLAT" in refused.stderr) == (4, True), refused.stderr
        assert cli(desk, "ledger", "entry", "expire", "--reference", "X-1", "--strategy", strategy, "--px", "1", *of).returncode == 0
        assert as_second(desk, op="approve", proposal=int(desk.sections("state", "engine")[1]["proposals"]), reason="agreed")["outcome"] == "applied"
    asked = cli(desk, "ledger", "method", "fifo", "--strategy", strategy, *of, "--json")
    assert asked.returncode == 0, asked.stderr
    proposal = int(json.loads(asked.stdout)["proposal"])
    assert f"method of main/{strategy}/EUR/USD" in (shown := cli(desk, "proposals").stdout), shown
    assert as_second(desk, op="approve", proposal=proposal, reason="agreed")["outcome"] == "applied"
    row = next(p for p in desk.sections("state", "ledger_positions")[1:] if int(p["strategy"]) == int(held["strategy"]))
    assert int(row["own_method"]) == int(row["method"]) == ENUMS["LedgerMethod"].by_name["FIFO"]
    rows = json.loads(cli(desk, "audit", "--json").stdout)["rows"]
    assert ("WAC, its account's", "FIFO", "applied") in [(r["before"], r["after"], r["outcome"]) for r in rows if "method of main" in r["what"]]
    assert cli(desk, "ledger", "unnamed").returncode == 0
    desk.down()
    assert desk.replay().torn is None


def test_money_when_two_operators_agree_is_in_the_balance_and_its_bust_takes_it_out(running: Running) -> None:
    if os.getuid():
        pytest.skip("only root can speak as a second operator")
    running.add(OPERATOR + '\n[firm]\ncurrency = "USD"\n[[currency]]\ncode = "EUR"\nrate = "1.25"\n')
    running.start_venue()
    assert running.up() == 0, running.logs()

    def enter(*words: str) -> None:
        asked = cli(running, "ledger", "entry", *words, "--reason", "statement of May", "--json")
        assert asked.returncode == 0, asked.stderr
        assert as_second(running, op="approve", proposal=int(json.loads(asked.stdout)["proposal"]), reason="agreed")["outcome"] == "applied"

    enter("deposit", "--reference", "W-1", "--account", "main", "--currency", "EUR", "--amount", "100.5")
    enter("conversion", "--reference", "C-1", "--account", "main", "--currency", "EUR", "--amount", "40", "--to-currency", "USD", "--to-amount", "52.25")
    enter("withdrawal", "--reference", "W-2", "--account", "main", "--currency", "USD", "--amount", "1")
    enter("bust", "--reference", "W-2")
    shown = json.loads(cli(running, "cash", "--account", "main", "--json").stdout)
    names = ("currency", "entered", "positions", "fees", "balance", "base_currency", "worth", "fx_on_cash")
    found = sorted([row[name] for name in names] for row in shown["rows"])
    assert found == [["EUR", "60.5", "0", "0", "60.5", "USD", "75.625", "2.25"], ["USD", "52.25", "0", "0", "52.25", "USD", "52.25", "0"]], (
        "40 EUR, 50 USD at the rate, were sold for 52.25: that is what they were worth when they left"
    )
    assert shown["results"] == [{"account": "main", "currency": "USD", "price": "0", "fx_on_positions": "0", "fx_on_cash": "2.25"}]
    nothing = cli(running, "ledger", "entry", "deposit", "--reference", "W-3", "--account", "main", "--currency", "XYZ", "--amount", "1", "--reason", "x")
    assert (nothing.returncode, "there are USD, EUR" in nothing.stderr) == (2, True), nothing.stderr
    rows = json.loads(cli(running, "audit", "--json").stdout)["rows"]
    trail = [(r["before"], r["after"], r["outcome"].partition(" ")[0]) for r in rows if "entry W-1: DEPOSIT of main" in r["what"]]
    assert trail == [("balance 0 EUR", "balance 0 EUR", "proposed"), ("balance 0 EUR", "+100.5 EUR", "applied")]
    running.down()
    assert running.replay().torn is None


def test_operator_when_he_is_none_is_told_who_may(desk: Running) -> None:
    answer = as_second(desk, op="set_limit", rule="MAX_QTY", scope="firm", value="1", reason="may I")
    assert answer["outcome"] == "applied"
    stranger = {"op": "kill", "scope": "firm", "reason": "x"}
    run_dir = desk.data / "run"
    command = [sys.executable, "-S", "-c", AS_SECOND, str(run_dir), str(SECOND + 1), json.dumps(stranger)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    answer = json.loads(done.stdout)
    assert (answer["ok"], answer["code"]) == (False, 4)
    assert "is no operator of this instance" in answer["error"]
