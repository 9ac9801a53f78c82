"""The hot path is C: no line of a ``nogil`` function in ``core`` touches Python, as Cython's own annotation says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOT = [
    *("apply", "bookkeeping", "breaks", "checks", "clordid", "controls", "dedupe", "engine", "executions", "intents", "ledger_events", "ledger_trades", "lots"),
    *("orders", "ports", "positions", "reservations", "routes", "state", "venue_events"),
]
LINE = re.compile(r'<pre class="cython line score-(\d+)"[^>]*>.*?<span class="">\s*(\d+)</span>', re.DOTALL)
DIRECTIVES = "language_level=3,boundscheck=False,wraparound=False,initializedcheck=False,nonecheck=False,cdivision=True"


def nogil_bodies(text: str) -> dict[int, str]:
    """Return line number -> function for every body line of a ``noexcept nogil`` function."""
    lines, found = text.splitlines(), {}
    at = 0
    while at < len(lines):
        if not re.match(r"cdef .*\(", lines[at]):
            at += 1
            continue
        end_of_head = at
        while not lines[end_of_head].rstrip().endswith(":") and end_of_head + 1 < len(lines):
            end_of_head += 1
        nogil, end = lines[end_of_head].rstrip().endswith("noexcept nogil:"), end_of_head + 1
        while end < len(lines) and (not lines[end].strip() or lines[end].startswith(" ")):
            if nogil and lines[end].strip():
                found[end + 1] = lines[at]
            end += 1
        at = end
    return found


def source_of(module: str) -> Path:
    return ROOT / "src/ringfence/core" / f"{module}.pyx"


def annotate(module: str, into: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cython", "-a", "-X", DIRECTIVES, "-I", str(ROOT / "src"), "-o", str(into / f"{module}.c"), str(source_of(module))]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT / "src", env=os.environ | {"PYTHONPATH": str(ROOT / "src")})


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """Cython's own annotation of every module, two at a time: where it is, and what each run said."""
    into = tmp_path_factory.mktemp("annotated")
    with ThreadPoolExecutor(2) as pool:
        return into, {module: pool.submit(annotate, module, into) for module in HOT}


@pytest.mark.parametrize("module", HOT)
def test_hot_path_when_annotated_has_no_python_in_nogil_functions(module: str, annotated: Any) -> None:
    into, runs = annotated
    source, run = source_of(module), runs[module].result()
    assert run.returncode == 0, run.stderr
    assert "performance hint" not in run.stdout + run.stderr, run.stdout + run.stderr
    scores = {int(line): int(score) for score, line in LINE.findall((into / f"{module}.html").read_text())}
    bodies = nogil_bodies(source.read_text())
    assert bodies, f"{module} has no nogil function: take it out of HOT"
    assert set(bodies) <= set(scores), "the annotation's format changed: mend LINE"
    text = source.read_text().splitlines()
    python = [f"{module}.pyx:{n} (score {scores[n]}): {text[n - 1].strip()}" for n in bodies if scores[n]]
    assert not python, "\n".join(python)
