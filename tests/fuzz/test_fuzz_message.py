"""A short run of the coverage-guided target fuzz_message.c; the long one is a command of its own (README.md)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SANITIZED = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fsanitize-coverage=trace-pc"]


def test_message_when_fuzzed_by_coverage_has_no_fault_and_finds_new_inputs(tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc; apt-get install gcc")
    subprocess.run([sys.executable, HERE / "tables.py", tmp_path], check=True, timeout=60)
    program = tmp_path / "fuzz_message"
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", *SANITIZED, f"-I{HERE.parents[1] / 'gateways' / 'fix'}"]
    built = subprocess.run([compiler, *flags, "-o", program, HERE / "fuzz_message.c"], capture_output=True, text=True, check=False)
    if "cannot find -lasan" in built.stderr or "libasan" in built.stderr:
        pytest.skip("no sanitizer runtime for this compiler")
    assert built.returncode == 0, built.stderr
    environment = {**os.environ, "RF_FIX_TABLES": f"{tmp_path / 'FIX.4.2'}:{tmp_path / 'FIX.4.4'}"}
    command = [program, "50000x", "20261126", tmp_path / "corpus"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=100)
    assert run.returncode == 0, run.stderr
    executions, edges, kept, whole, valid = map(int, run.stdout.split())
    assert executions == 50000
    assert edges > 200
    assert kept > 100, "nothing new was found beyond the corpus: coverage does not guide"
    assert whole > 5000
    assert valid > 30
