"""The layering of docs/architecture.md, read from the import, cimport and include lines themselves."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "ipc": {"ipc"},
    "core": {"core", "ipc"},
    "gateways": {"gateways", "ipc"},
    "strategies": {"strategies", "gateways", "ipc"},
    "tools": {"tools", "backtest", "strategies", "core", "gateways", "ipc", "strategy"},
    "backtest": {"backtest", "strategies", "tools", "core", "gateways", "ipc", "strategy"},
    "bench": {"bench", "backtest", "strategies", "tools", "core", "gateways", "ipc", "strategy"},
}
FACADE = {
    "__init__": {"strategies"},
    "strategy": {"gateways", "strategies"},
    "journal": {"tools"},
}  # src/ringfence/*.py: what a user imports, and the part it may re-export
FROM = re.compile(r"^\s*from\s+(\.*[\w.]*)\s+c?import\s+(.+)")
IMPORT = re.compile(r"^\s*c?import\s+([\w., ]+)")
HEADER = re.compile(r'^\s*(?:cdef extern from|#\s*include)\s+"([\w./]+\.h)"')


def imported_parts(text: str, package: tuple[str, ...]) -> set[str]:
    """Return the parts of ringfence (``ipc``, ``core`` ...) that a module in ``package`` (its folders under ringfence) names in ``text``."""
    parts: set[str] = set()
    for line in (full.split("#")[0] for full in text.splitlines()):
        if m := FROM.match(line):
            source, names = m.groups()
            if source.startswith("."):
                up = len(source) - len(source.lstrip("."))
                base = ["ringfence", *package]
                source = ".".join([*base[: len(base) - up + 1], *filter(None, [source.lstrip(".")])])
            if source == "ringfence":
                parts |= {re.split(r"\s", n.strip(" ()"))[0] for n in names.split(",")} - {"__version__", ""}
            elif source.startswith("ringfence."):
                parts.add(source.split(".")[1])
        elif m := IMPORT.match(line):
            parts |= {n.strip().split(".")[1] for n in m.group(1).split(",") if n.strip().startswith("ringfence.")}
    return parts


def sources(part: str) -> list[Path]:
    return [p for p in sorted((ROOT / part).rglob("*")) if p.suffix in {".py", ".pyi", ".pyx", ".pxd"} and "__pycache__" not in p.parts]


@pytest.mark.parametrize(
    ("line", "package", "expected"),
    [
        ("from ringfence.core.engine cimport Engine", ("ipc",), {"core"}),
        ("    import ringfence.tools.cli as cli", ("core",), {"tools"}),
        ("from ringfence import core, __version__", ("ipc",), {"core"}),
        ("from ..core import engine", ("ipc",), {"core"}),
        ("from .. import core", ("ipc",), {"core"}),
        ("from .ring cimport rf_ring_t", ("ipc",), {"ipc"}),
        ("from . import ring", ("ipc",), {"ipc"}),
        ("from ...core.state import State", ("gateways", "fix"), {"core"}),
        ("cimport numpy, ringfence.core.state", ("gateways",), {"core"}),
        ("# from ringfence.core import x", ("ipc",), set()),
        ("import os", ("ipc",), set()),
    ],
)
def test_imported_parts_when_given_each_form_of_import_finds_the_part(line: str, package: tuple[str, ...], expected: set[str]) -> None:
    assert imported_parts(line, package) == expected


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_layers_when_a_part_imports_another_it_is_below_it(part: str) -> None:
    assert sources(part), f"no sources in {part}/"
    wrong = [
        f"{path.relative_to(ROOT)} imports ringfence.{other}"
        for path in sources(part)
        for other in sorted(imported_parts(path.read_text(), path.relative_to(ROOT).parent.parts) - MAY_IMPORT[part])
    ]
    assert not wrong, "\n".join(wrong)


def test_layers_when_the_facade_re_exports_it_names_only_its_own_part() -> None:
    for path in (ROOT / "src/ringfence").glob("*.py*"):
        parts = imported_parts(path.read_text(), ())
        assert parts <= FACADE.get(path.stem, set()), f"{path.relative_to(ROOT)} imports {parts}"


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_layers_when_a_c_header_is_included_it_is_the_parts_own_or_of_ipc(part: str) -> None:
    wrong = []
    for path in [*sources(part), *(ROOT / part).rglob("*.h")]:
        for line in path.read_text().splitlines():
            if m := HEADER.match(line):
                found = [d / m.group(1) for d in (path.parent, ROOT / "ipc", ROOT) if (d / m.group(1)).is_file()]
                homes = {p.resolve().relative_to(ROOT).parts[0] for p in found[:1]}
                if not homes <= {part, "ipc"}:
                    wrong.append(f"{path.relative_to(ROOT)} includes {m.group(1)} of {homes}")
    assert not wrong, "\n".join(wrong)


def test_layers_when_every_module_is_imported_nothing_happens() -> None:
    """No import prints, starts a thread, installs a signal handler or makes shared memory."""
    modules = sorted(
        "ringfence." + ".".join(p.relative_to(ROOT).with_suffix("").parts)
        for part in ("ipc", "core", "gateways", "strategies", "tools", "backtest")
        for p in sources(part)
        if p.suffix in {".py", ".pyx"} and p.stem not in {"__init__", "__main__"} and "examples" not in p.parts
    )
    script = f"""
import importlib, os, signal, threading
handlers = {{s: signal.getsignal(s) for s in signal.valid_signals()}}
for name in {modules!r}:
    importlib.import_module(name)
assert threading.active_count() == 1, threading.enumerate()
changed = [s for s, h in handlers.items() if signal.getsignal(s) is not h and signal.getsignal(s) != h]
assert not changed, changed
shared = [line.split()[-1] for line in open("/proc/self/maps") if "/dev/shm/rf." in line]
assert not shared, shared
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr + done.stdout
