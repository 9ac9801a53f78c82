"""The command line as a user meets it: output, exit codes, streams; most in this process, the rest as real commands."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_instance import S, Synthetic

from ringfence.ipc import regions
from ringfence.ipc.schema import LAYOUT_HASH
from ringfence.tools import cli

Capture = pytest.CaptureFixture[str]
COMMAND = (sys.executable, "-m", "ringfence.tools.cli")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z|\d\d:\d\d:\d\d\.\d{6}")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RINGFENCE_INSTANCE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ringfence.tools.commands.show.SAMPLE_S", 0.002)


def run(capsys: Capture, *argv: str) -> tuple[int, str, str]:
    try:
        status = cli.main(argv)
    except SystemExit as e:
        status = int(e.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def test_orders_when_printed_as_a_table_is_as_ever(synthetic: Synthetic, capsys: Capture) -> None:
    status, out, err = run(capsys, "orders", "--instance", synthetic.name)
    assert (status, err) == (0, "")
    header, *lines = out.splitlines()
    assert re.fullmatch(rf"ringfence {synthetic.name}  DEMO  v\S+ abi \d+  up 01:02:0\d  hb \S+  seq 18,450,122  {TIME.pattern}", header)
    assert [re.sub(r"1m3\ds", "AGE", line) for line in lines] == [
        "ID  CLORD             ACCT  STRAT  SYM     SIDE  TYPE   TIF  PX       QTY        CUM      LEAVES     STATE             VENUE_ID  AGE    FLAGS",
        "1   RF9IT-0000001-00  acc1  mm1    EURUSD  BUY   LIMIT  DAY  1.08765  1,000,000  0        1,000,000  NEW               V1        AGE  -",
        "2   RF9IT-0000002-00  acc1  mm2    EURUSD  SELL  LIMIT  DAY  1.08760  1,000,000  400,000  600,000    PARTIALLY_FILLED  V2        AGE  -",
    ]


def test_orders_when_printed_as_json_has_the_envelope_and_strings_for_big_numbers(synthetic: Synthetic, capsys: Capture) -> None:
    status, out, _ = run(capsys, "--json", "--instance", synthetic.name, "orders", "--filter", "sym=eurusd", "--strategy", "mm2")
    found = json.loads(out)
    assert (status, found["schema"], found["instance"], found["stale"], len(found["rows"])) == (0, "rf.orders/1", synthetic.name, False, 1)
    row = found["rows"][0]
    assert {k: row[k] for k in ("id", "client_id", "px", "qty", "cum", "leaves", "avg_px", "state", "flags", "reason")} == {
        "id": "2",
        "client_id": "1002",
        "px": "1.08760",
        "qty": "1000000",
        "cum": "400000",
        "leaves": "600000",
        "avg_px": "1.0876000",
        "state": "PARTIALLY_FILLED",
        "flags": None,
        "reason": None,
    }
    assert row["age"].isdigit()
    assert found["ts_ns"].isdigit()


@pytest.mark.parametrize(
    "command", ["status", "orders", "positions", "pos", "cash", "fills", "rings", "latency", "lat", "sessions", "counters", "breaks", "margin", "market"]
)
@pytest.mark.parametrize("output", ["table", "wide", "json", "ndjson", "csv", "prom"])
def test_view_when_asked_in_each_format_is_printed(command: str, output: str, synthetic: Synthetic, capsys: Capture) -> None:
    status, out, err = run(capsys, command, "-o", output, "--instance", synthetic.name)
    assert (status, err) == (0, "")
    assert out.endswith("\n")
    if output in {"json", "ndjson"}:
        assert json.loads(out)["schema"].startswith("rf.")
        assert (out.count("\n") == 1) == (output == "ndjson")


def test_watch_when_frames_are_counted_in_json_is_one_object_per_line(synthetic: Synthetic, capsys: Capture) -> None:
    status, out, _ = run(capsys, "rings", "--json", "-w", "0.01", "-n", "3", "--instance", synthetic.name)
    frames = [json.loads(line) for line in out.splitlines()]
    assert (status, len(frames)) == (0, 3)
    assert [int(f["ts_ns"]) for f in frames] == sorted({int(f["ts_ns"]) for f in frames})
    assert all(r["in_rate"] is None or r["in_rate"] == 0 for f in frames for r in f["rows"])


def test_watch_when_the_latency_window_moves_shows_each_window(synthetic: Synthetic, capsys: Capture) -> None:
    synthetic.engine_metrics.record("intent_accept", 1_000)
    _, out, _ = run(capsys, "lat", "intent", "--json", "-w", "0.01", "-n", "2", "--instance", synthetic.name)
    assert [json.loads(line)["rows"][0]["n"] for line in out.splitlines()] == [1, 0]


def test_header_when_the_heartbeat_is_old_says_stale_and_json_too(synthetic: Synthetic, capsys: Capture) -> None:
    synthetic.beat(4 * S)
    assert re.match(r"STALE 4\.\ds  ", run(capsys, "orders", "--instance", synthetic.name)[1])
    assert json.loads(run(capsys, "orders", "--json", "--instance", synthetic.name)[1])["stale"] is True


def test_output_when_not_a_terminal_has_no_escape_codes(synthetic: Synthetic, capsys: Capture) -> None:
    assert "\x1b" not in run(capsys, "status", "-w", "0.01", "-n", "2", "--instance", synthetic.name)[1]


@pytest.mark.parametrize(("term", "no_color", "expected"), [("xterm", None, True), ("xterm", "1", False), ("dumb", None, False)])
def test_options_when_on_a_terminal_colour_follows_the_environment(term: str, no_color: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert cli.options(cli.parser().parse_args(["status"])).colour is expected
    assert cli.options(cli.parser().parse_args(["status", "--no-color"])).colour is False


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["orders", "--instance", "nosuch"], 3, "is not running"),
        (["orders", "--instance", "no/such"], 3, "instance name was 'no/such'"),
        (["orders", "--sort", "colour"], 2, "columns: ID, CLORD"),
        (["orders", "--filter", "px"], 2, "not understood"),
        (["rings", "--account", "acc1"], 2, "--account does not apply to rings"),
        (["orders", "12x"], 2, "order id was '12x'"),
        (["status", "-n", "0"], 2, "-n was 0"),
        (["status", "-w", "0"], 2, "--watch was 0"),
        (["fills", "--last", "0"], 2, "--last was 0"),
        (["status", "-w", "0.01", "--timeout", "0.05"], 5, "--timeout"),
        (["journal", "stat", "no/such/dir"], 1, "no such journal directory"),
        (["nosuch"], 2, "invalid choice"),
        ([], 2, "COMMAND"),
        (["orders", "-o", "xml"], 2, "invalid choice: 'xml'"),
    ],
)
def test_exit_code_when_something_is_wrong_is_the_documented_one_and_stderr_says_why(
    argv: list[str], code: int, said: str, synthetic: Synthetic, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGFENCE_INSTANCE", synthetic.name)
    status, _, err = run(capsys, *argv)
    assert (status, said in err) == (code, True), err


def test_exit_code_when_the_layout_is_another_builds_is_3_and_names_both(synthetic: Synthetic, capsys: Capture) -> None:
    synthetic.state.superblock["layout_hash"] = LAYOUT_HASH ^ 1
    status, _, err = run(capsys, "orders", "--instance", synthetic.name)
    assert status == 3
    assert f"{LAYOUT_HASH:016x}" in err
    assert f"{LAYOUT_HASH ^ 1:016x}" in err


def test_exit_code_when_every_writer_is_dead_shows_what_is_left_and_is_3(synthetic: Synthetic, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "owner_alive", lambda _block: False)
    status, out, err = run(capsys, "status", "--instance", synthetic.name)
    assert (status, "not running" in err, "ringfence up" in out) == (3, True, True)


def test_instance_when_one_runs_it_is_found_without_a_name(synthetic: Synthetic, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.tools.views.instance.live_instances", lambda: [synthetic.name])
    assert json.loads(run(capsys, "status", "--json")[1])["instance"] == synthetic.name


def test_status_when_json_carries_what_the_header_says(synthetic: Synthetic, capsys: Capture) -> None:
    found = json.loads(run(capsys, "status", "--json", "--instance", synthetic.name)[1])
    assert (found["mode"], found["seq"], found["data_dir"]) == ("DEMO", "18450122", "/nowhere/data")
    assert {r["component"] for r in found["rows"]} == {"supervisor", "engine", "gw.sim", "sidecar"}


def test_help_when_asked_needs_no_numpy_and_names_every_command() -> None:
    script = """
import sys
from ringfence.tools import cli
try:
    cli.main(["--help"])
except SystemExit:
    pass
assert not {"numpy", "rich"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert all(re.search(rf"^    {c.name}\b", done.stdout, re.MULTILINE) for c in cli.COMMANDS)


def test_command_when_its_reader_closes_the_pipe_ends_quietly(synthetic: Synthetic) -> None:
    script = f"{sys.executable} -m ringfence.tools.cli status -w 0.01 -n 300 --instance {synthetic.name} | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)


def test_watch_when_interrupted_exits_130_without_a_traceback(synthetic: Synthetic) -> None:
    child = subprocess.Popen([*COMMAND, "status", "-w", "0.05", "--instance", synthetic.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        first = child.stdout.readline()  # the header, or before it that the heartbeat is old: a second after `synthetic` was made it is
        assert synthetic.name in first or first.startswith("STALE")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
    finally:
        child.kill()
        child.wait()
    assert (child.returncode, err) == (130, "")


def test_watch_when_the_instance_goes_away_exits_3(synthetic: Synthetic) -> None:
    child = subprocess.Popen([*COMMAND, "status", "-w", "0.05", "--instance", synthetic.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        synthetic.close()
        _, err = child.communicate(timeout=30)
    finally:
        child.kill()
        child.wait()
    assert (child.returncode, "is not running" in err) == (3, True)


def test_doctor_when_run_prints_a_fix_for_each_refusal_and_does_not_keep_what_it_tried(capsys: Capture) -> None:
    before = (os.sched_getaffinity(0), os.sched_getscheduler(0))
    status, out, _ = run(capsys, "doctor", "--json")
    rows = {r["check"]: r for r in json.loads(out)["rows"]}
    assert {"shm", "cores", "mlock", "realtime", "pinning", "thp", "clock", "governor", "disk"} <= rows.keys()
    assert status == (1 if any(r["health"] == "bad" for r in rows.values()) else 0)
    assert all(r["fix"] for name in ("mlock", "realtime", "pinning") if (r := rows[name])["health"] != "ok")
    assert (os.sched_getaffinity(0), os.sched_getscheduler(0)) == before


def test_version_when_json_names_the_layout(capsys: Capture) -> None:
    status, out, _ = run(capsys, "version", "--json")
    assert (status, json.loads(out)["layout_hash"]) == (0, f"{LAYOUT_HASH:016x}")


@pytest.mark.parametrize(
    ("line", "expected"), [("ringfence jour", "journal"), ("rf journal st", "stat"), ("rf orders --a", "--all"), ("rf --inst", "--instance")]
)
def test_completion_when_loaded_into_bash_completes(line: str, expected: str) -> None:
    words = line.split()
    script = (
        f"source <({sys.executable} -m ringfence.tools.cli completion bash); COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
        "_ringfence; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert expected in done.stdout.split(), done.stderr


@pytest.mark.parametrize(
    ("isolated", "mine", "moved_to"),
    [("2-3,5", {0, 1, 2, 3}, {0, 1}), ("2-3", {0, 1}, None), ("", {0, 1}, None), ("2", {2}, {0, 1, 3}), ("0-3", {2}, None)],
)
def test_isolated_cores_when_the_command_would_run_on_one_it_moves_and_says_so(
    isolated: str, mine: set[int], moved_to: set[int] | None, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "isolated").write_text(isolated + "\n")
    asked: list[set[int]] = []
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(mine))
    monkeypatch.setattr(os, "sched_setaffinity", lambda _pid, cores: asked.append(set(cores)))
    cli._leave_isolated_cores(str(tmp_path / "isolated"))
    assert asked == ([] if moved_to is None else [moved_to])
    assert ("moved from isolated cores" in capsys.readouterr().err) == (moved_to is not None)


def test_reading_when_every_view_is_shown_changes_no_byte_of_the_regions(synthetic: Synthetic, capsys: Capture) -> None:
    before = {p.name: p.read_bytes() for p in Path("/dev/shm").glob(f"rf.{synthetic.name}.*")}
    for command in ("status", "orders", "positions", "fills", "rings", "latency", "sessions", "counters", "breaks", "margin", "market"):
        assert run(capsys, command, "--instance", synthetic.name)[0] == 0
    assert {p.name: p.read_bytes() for p in Path("/dev/shm").glob(f"rf.{synthetic.name}.*")} == before


def test_sort_when_the_column_follows_a_minus_descends(synthetic: Synthetic, capsys: Capture) -> None:
    status, out, err = run(capsys, "orders", "--sort", "-px", "--json", "--instance", synthetic.name)
    assert (status, err) == (0, "")
    assert [row["id"] for row in json.loads(out)["rows"]] == ["1", "2"]
