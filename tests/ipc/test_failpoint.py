"""Failpoints: nothing in a normal build; in the test build they act at the nth passage, once, as the plan says, which may change while processes run."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from ringfence.ipc import failpoint


def python(build: Path, directory: Path, code: str, plan: str | None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(build), "RF_FAILPOINT_DIR": str(directory)}
    if plan is not None:
        environment["RF_FAILPOINT"] = plan
    head = "from ringfence.ipc.failpoint import COMPILED, due, planted, reached\nassert COMPILED\n"
    return subprocess.run([sys.executable, "-c", head + code], env=environment, capture_output=True, text=True, check=False, timeout=30)


def test_reached_when_build_is_normal_does_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RF_FAILPOINT", "D2:1:kill")
    monkeypatch.setenv("RF_FAILPOINT_DIR", str(tmp_path))
    monkeypatch.setenv("RF_PLANTED_BUG", "cursor")
    failpoint.reached("D2")
    assert not failpoint.COMPILED
    assert not failpoint.due("D2")
    assert not failpoint.planted("cursor")
    assert list(tmp_path.iterdir()) == []


def test_reached_when_nth_passage_comes_kills_and_leaves_its_pid(failpoint_build: Path, tmp_path: Path) -> None:
    code = "for n in range(5):\n    print(n, due('D2'), flush=True)\n    reached('D2')"
    done = python(failpoint_build, tmp_path, code, "D1:1:kill,D2:3:kill")
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split("\n")[:-1] == ["0 False", "1 False", "2 True"]
    assert int((tmp_path / "D2").read_text()) > 0
    assert python(failpoint_build, tmp_path, code, "D2:3:kill").returncode == 0, "a restarted process does not do it again"


def test_reached_when_an_error_is_planned_raises_it_once(failpoint_build: Path, tmp_path: Path) -> None:
    code = "for n in range(3):\n    try:\n        reached('D3')\n    except OSError as e:\n        print(n, e.errno)"
    assert python(failpoint_build, tmp_path, code, "D3:2:error:28").stdout == "1 28\n"


def test_planted_when_named_in_a_list_is_true(failpoint_build: Path, tmp_path: Path) -> None:
    code = "import os\nos.environ['RF_PLANTED_BUG'] = 'dedupe,cursor'\nos.putenv('RF_PLANTED_BUG', 'dedupe,cursor')\nprint(planted('cursor'), planted('curs'))"
    assert python(failpoint_build, tmp_path, code, "").stdout == "True False\n"


def test_plan_when_rewritten_counts_anew(failpoint_build: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan"
    file.write_bytes(bytes(4096))
    environment = {**os.environ, "PYTHONPATH": str(failpoint_build), "RF_FAILPOINT_DIR": str(tmp_path)}
    code = """
import sys
from ringfence.ipc.failpoint import reached
for line in sys.stdin:
    try:
        reached("D3")
        print("passed", flush=True)
    except OSError as e:
        print(e.errno, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None

        def passage() -> str:
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        assert passage() == "passed"
        for generation, number in ((1, 5), (2, 28)):
            with file.open("r+b") as f, mmap.mmap(f.fileno(), 4096) as mapped:
                mapped[8:40] = f"D3:2:error:{number}".encode().ljust(32, b"\0")
                mapped[:8] = struct.pack("<Q", generation)
            (tmp_path / "D3").unlink(missing_ok=True)
            assert [passage(), passage(), passage()] == ["passed", str(number), "passed"]
        process.stdin.close()
