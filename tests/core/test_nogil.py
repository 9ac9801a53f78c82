"""The hot path is C: no line of a ``nogil`` function in ``core`` touches Python, as the annotation says that Cython wrote when the modules were built."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOT = [
    *("apply", "bookkeeping", "breaks", "checks", "clordid", "controls", "dedupe", "engine", "executions", "intents", "ledger_events", "ledger_trades", "lots"),
    *("orders", "ports", "positions", "reservations", "routes", "state", "venue_events"),
]
LINE = re.compile(r'<pre class="cython line score-(\d+)"[^>]*>.*?<span class="">\s*(\d+)</span>', re.DOTALL)


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


def page_of(module: str) -> tuple[str, str]:
    """The source, and the page that the build wrote beside the module's C."""
    source = ROOT / "core" / f"{module}.pyx"
    page = ROOT / "build/cython/src/ringfence/core" / f"{module}.html"
    assert page.is_file(), f"{page} is missing: touch core/*.pyx, then python setup.py build_ext --inplace"
    assert page.stat().st_mtime >= source.stat().st_mtime, f"{source} is newer than its build: python setup.py build_ext --inplace"
    return source.read_text(), page.read_text()


@pytest.mark.parametrize("module", HOT)
def test_hot_path_when_annotated_has_no_python_in_nogil_functions(module: str) -> None:
    text, page = page_of(module)
    assert "__Pyx_ErrOccurredWithGIL" not in page, f"{module} takes the GIL to look for an exception: say noexcept"
    scores = {int(line): int(score) for score, line in LINE.findall(page)}
    bodies = nogil_bodies(text)
    assert bodies, f"{module} has no nogil function: take it out of HOT"
    assert set(bodies) <= set(scores), "the annotation's format changed: mend LINE"
    lines = text.splitlines()
    python = [f"{module}.pyx:{n} (score {scores[n]}): {lines[n - 1].strip()}" for n in bodies if scores[n]]
    assert not python, "\n".join(python)
