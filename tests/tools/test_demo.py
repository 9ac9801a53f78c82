"""What the demo's checks say of a journal and a venue record that agree, and of ones that do not; then the demo itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from journal_by_hand import JournalByHand

from ringfence.gateways.venue.record import RecordWriter
from ringfence.tools import demo_checks
from ringfence.tools.render import Options


def venue_order(writer: RecordWriter, number: int, name: str, side: str, qty: int) -> None:
    amounts = {"qty": str(qty), "cum_qty": "0", "leaves_qty": str(qty), "px": "1.1000", "stop_px": None}
    terms = {"ord_type": "2", "tif": "0", "account": "ACC1", "symbol": "EUR/USD", "side": side, "status": "0"}
    writer.write("order", order_id=f"V{number}", cl_ord_ids=[name], **terms, **amounts)


def venue_fill(writer: RecordWriter, number: int, name: str, side: str, qty: int, px: str, exec_id: str, cum: int, leaves: int) -> None:
    amounts = {"qty": str(qty), "px": px, "cum_qty": str(cum), "leaves_qty": str(leaves)}
    terms = {"account": "ACC1", "symbol": "EUR/USD", "side": side, "status": "1" if leaves else "2"}
    writer.write("fill", exec_id=exec_id, order_id=f"V{number}", cl_ord_id=name, **terms, **amounts, ts_ns=1)


@pytest.fixture
def traded(tmp_path: Path) -> JournalByHand:
    """Return a journal of two orders: one buy filled in two parts, one sell partly filled; not written yet, without checkpoint."""
    made = JournalByHand(tmp_path)
    made.mark(11000, 11002)
    made.new(1, "BUY", 1000, 11002)
    made.event("ACK", 1)
    made.fill(1, 400, 11002, "X1")
    made.fill(1, 600, 11001, "X2")
    made.new(2, "SELL", 500, 11003)
    made.event("ACK", 2)
    made.fill(2, 300, 11003, "X3")
    return made


@pytest.fixture
def record(tmp_path: Path, traded: JournalByHand) -> Path:
    path = tmp_path / "venue.ndjson"
    one, two = traded.cl_ord_id(1), traded.cl_ord_id(2)
    with RecordWriter(path) as writer:
        writer.write("start", run=1, ts_ns=1)
        venue_order(writer, 1, one, "1", 1000)
        venue_fill(writer, 1, one, "1", 400, "1.1002", "X1", 400, 600)
        venue_fill(writer, 1, one, "1", 600, "1.1001", "X2", 1000, 0)
        venue_order(writer, 2, two, "2", 500)
        venue_fill(writer, 2, two, "2", 300, "1.1003", "X3", 300, 200)
    return path


def summary_of(outcome: demo_checks.Outcome) -> dict[str, Any]:
    return demo_checks.summary(outcome, {}, 0.5, 20, None)


def test_check_when_all_agree_holds_and_counts(traded: JournalByHand, record: Path, tmp_path: Path) -> None:
    traded.checkpoint()
    traded.write()
    outcome = demo_checks.check(tmp_path, record, [])
    found = summary_of(outcome)
    assert (outcome.ok, outcome.differences) == (True, [])
    assert {k: found[k] for k in ("intents", "orders", "fills", "rejects", "journal_frames", "replay_equal", "positions_equal", "open_orders")} == {
        "intents": 2,
        "orders": 2,
        "fills": 3,
        "rejects": 0,
        "journal_frames": traded.seq,
        "replay_equal": True,
        "positions_equal": True,
        "open_orders": 1,
    }
    assert found["pnl"] == [{"strategy": "mm1", "ccy": "USD", "realized": "0.0480", "unrealized": "-0.0280"}]
    json.dumps(found)


def test_check_when_the_engine_did_not_stop_cleanly_says_so(traded: JournalByHand, record: Path, tmp_path: Path) -> None:
    traded.write()
    outcome = demo_checks.check(tmp_path, record, [])
    assert (outcome.ok, outcome.replay_equal, "no checkpoint" in outcome.differences[0]) == (False, False, True)


def test_check_when_frames_follow_the_last_checkpoint_replay_is_not_equal(traded: JournalByHand, record: Path, tmp_path: Path) -> None:
    traded.checkpoint()
    traded.mark(11001, 11003)
    traded.write()
    assert demo_checks.check(tmp_path, record, []).replay_equal is False


def test_check_when_the_checkpoint_has_another_hash_replay_is_not_equal(traded: JournalByHand, record: Path, tmp_path: Path) -> None:
    traded.checkpoint(state_hash=1)
    traded.write()
    outcome = demo_checks.check(tmp_path, record, [])
    assert (outcome.ok, outcome.replay_equal) == (False, False)
    assert "replay" in outcome.differences[0]


@pytest.mark.parametrize(
    ("old", "new", "equal", "said"),
    [
        ('"exec_id":"X3"', '"exec_id":"X4"', True, "fill missing here: 1 x exec X4"),
        ('"qty":"300","px":"1.1003"', '"qty":"200","px":"1.1003"', False, "position ACC1 EUR/USD: ours 700, the venue's fills sum to 800"),
        ('"qty":"300","px":"1.1003"', '"qty":"300","px":"1.1004"', True, "px 1.1004"),
        ('"cum_qty":"300","leaves_qty":"200"', '"cum_qty":"300","leaves_qty":"0"', True, "order 2 (V2): cum 300 leaves 200, the venue has 300 and 0"),
    ],
)
def test_check_when_the_venue_has_it_otherwise_names_the_difference(
    old: str, new: str, equal: bool, said: str, traded: JournalByHand, record: Path, tmp_path: Path
) -> None:
    traded.checkpoint()
    traded.write()
    text = record.read_text()
    assert text.count(old) == 1
    record.write_text(text.replace(old, new))
    outcome = demo_checks.check(tmp_path, record, [])
    assert (outcome.ok, outcome.replay_equal, outcome.positions_equal) == (False, True, equal)
    assert any(said in d for d in outcome.differences), outcome.differences


def test_check_when_something_was_left_behind_does_not_hold(traded: JournalByHand, record: Path, tmp_path: Path) -> None:
    traded.checkpoint()
    traded.write()
    outcome = demo_checks.check(tmp_path, record, ["process 12"])
    assert (outcome.ok, outcome.differences) == (False, ["left behind: process 12"])


def test_check_when_there_is_no_journal_says_so_instead_of_raising(tmp_path: Path, record: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    outcome = demo_checks.check(tmp_path / "elsewhere", record, [])
    assert (outcome.ok, outcome.differences[0].startswith("replay: ")) == (False, True)


def test_check_when_the_database_lacks_the_journal_is_not_ok(traded: JournalByHand, record: Path, tmp_path: Path) -> None:
    traded.checkpoint()
    traded.write()
    outcome = demo_checks.check(tmp_path, record, [], tmp_path / "ledger.db")
    assert (outcome.ok, outcome.replay_equal, outcome.ledger_equal) == (False, True, False)
    assert outcome.differences[0].startswith("ledger in the database: ")
    assert "✖ the ledger in the database differs" in "\n".join(demo_checks.text(summary_of(outcome), Options()))


def test_text_when_a_check_fails_shows_it_with_its_glyph(traded: JournalByHand, record: Path, tmp_path: Path) -> None:
    traded.checkpoint()
    traded.write()
    good = "\n".join(demo_checks.text(summary_of(demo_checks.check(tmp_path, record, [])), Options()))
    bad = "\n".join(demo_checks.text(summary_of(demo_checks.check(tmp_path, record, ["process 12"])), Options()))
    assert good.count("●") == 3
    assert "✖ differences:\n  left behind: process 12" in bad
    assert len(good.split("next:\n")[1].splitlines()) == 3


def shared_memory() -> set[str]:
    return {p.name for p in Path("/dev/shm").glob("rf.demo*")}


def test_demo_when_run_trades_and_every_check_holds(tmp_path: Path) -> None:
    """The whole system: six processes, real ticks, a FIX session, journal, replay."""
    command = [sys.executable, "-m", "ringfence.tools.cli", "demo", "--for", "5", "--check", "--json", "--keep", str(tmp_path / "kept")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        out, err = child.communicate(timeout=90)
    assert child.returncode == 0, out + err
    found = json.loads(out)
    assert (found["replay_equal"], found["positions_equal"], found["ledger_equal"], found["differences"]) == (True, True, True, [])
    assert found["fills"] == found["venue_fills"] > 0
    assert min(found["intents"], found["orders"], found["journal_frames"]) > 0
    assert {"tick→intent", "intent→accept", "accept→out", "tick→wire(sim)", "accept→wire(sim)", "wire→ack(sim)", "fill→position"} <= found["latency_ns"].keys()
    assert not {n for n in shared_memory() if n.startswith(f"rf.demo{child.pid}.")}
    replayed = subprocess.run(
        [sys.executable, "-m", "ringfence.tools.cli", "replay", found["kept"], "--verify", "--json"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (replayed.returncode, json.loads(replayed.stdout)["state_hash"]) == (0, found["state_hash"])
    again = subprocess.run([*command], capture_output=True, text=True, timeout=60, check=False)
    assert (again.returncode, "holds a journal already" in again.stderr) == (4, True)


def test_demo_when_interrupted_stops_cleanly_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ringfence.tools.cli", "demo", "--for", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline()]
        while lines[-1] and not lines[-1].startswith("t="):
            lines.append(child.stdout.readline())
        os.killpg(child.pid, signal.SIGINT)
        rest = child.communicate(timeout=60)[0]
    assert child.returncode == 130, "".join(lines) + rest
    assert rest.count("●") == 4
    assert not {n for n in shared_memory() if n.startswith(f"rf.demo{child.pid}.")}


def test_demo_when_interrupted_while_it_starts_is_no_false_alarm() -> None:
    command = [sys.executable, "-m", "ringfence.tools.cli", "demo", "--for", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        name = first.split()[1].rstrip(":")
        until = time.monotonic() + 20
        while f"rf.{name}.instance" not in shared_memory() and time.monotonic() < until:
            time.sleep(0.001)
        os.killpg(child.pid, signal.SIGINT)
        rest = child.communicate(timeout=60)[0]
    assert child.returncode == 130, first + rest
    assert not {n for n in shared_memory() if n.startswith(f"rf.{name}.")}
