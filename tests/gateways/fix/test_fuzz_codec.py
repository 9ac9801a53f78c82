"""Runs fuzz_codec.c: the codec's C under AddressSanitizer and UBSan."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
INCLUDE = HERE.parents[2] / "gateways" / "fix"


def test_codec_when_fuzzed_under_sanitizers_has_no_fault(tmp_path: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler; apt-get install gcc")
    program = tmp_path / "fuzz_codec"
    flags = ["-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    built = subprocess.run([compiler, *flags, f"-I{INCLUDE}", "-o", program, HERE / "fuzz_codec.c"], capture_output=True, text=True, check=False)
    if "cannot find -lasan" in built.stderr or "libasan" in built.stderr:
        pytest.skip("no sanitizer runtime for this compiler")
    assert built.returncode == 0, built.stderr
    run = subprocess.run([program, "400000", "20261121"], capture_output=True, text=True, check=False, timeout=100)
    assert run.returncode == 0, run.stderr
    assert all(int(count) > 1000 for count in run.stdout.split()), f"one kind of answer was hardly met: {run.stdout}"
