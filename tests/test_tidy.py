"""House rules that no linter knows: what must not stand in the sources, and how long things may be."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("core", "ipc", "gateways", "strategies", "tools", "backtest", "bench", "tests", "docs", "src", ".ci")
CODE = {".py", ".pyi", ".pyx", ".pxd", ".h", ".c", ".cpp"}
TEXT = CODE | {".md", ".toml", ".cfg", ".in", ".json", ""}
GENERATED = {"ipc/records.h", "ipc/records.pxd", "docs/records.md"}
FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 100
ONE_CONCEPT = {"ipc/schema.py": "every record, one field per line", "gateways/fix/session.pyx": "the FIX session state machine"}
PYTHON_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)

FORBIDDEN = {
    "a path of somebody's machine": (TEXT, re.compile(r"(?<![\w.$}])/(?:work|root|home/\w+|opt/\w+|farm)/")),
    "unfinished work": (CODE, re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK|NotImplemented" + r"Error)\b")),
    "an except without a type": ({".py", ".pyx"}, re.compile(r"^\s*except\s*:")),
    "an import of a part without its package (a second copy of the module)": (
        {".py", ".pyi", ".pyx", ".pxd"},
        re.compile(r"^\s*(?:from|c?import)\s+(?:core|ipc|gateways|tools|bench)(?:\.|\s+c?import\b|\s*$)"),
    ),
    "a print left behind": ({".pyx", ".pxd"}, re.compile(r"^\s*print\(")),
    "a tab": ({".py", ".pyi", ".pyx", ".pxd", ".md"}, re.compile(r"\t")),
}


def files(kinds: set[str]) -> list[Path]:
    """Return the project's own files of these suffixes, links and build output left out."""
    top = [p for p in ROOT.iterdir() if p.is_file()]
    nested = [p for part in PARTS for p in (ROOT / part).rglob("*") if p.is_file()]
    own = (p for p in [*top, *nested] if p.suffix in kinds and not {"__pycache__", ".git"} & set(p.parts) and not p.name.startswith("."))
    return sorted(p for p in own if p.resolve() == p and not any(part.endswith(".egg-info") for part in p.parts))


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_tidy_when_every_line_is_read_none_holds(rule: str) -> None:
    kinds, pattern = FORBIDDEN[rule]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in files(kinds)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, f"{rule}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("a path of somebody's machine", "open('/" + "work/x')"),
        ("a path of somebody's machine", "#!/" + "opt/tool/bin/python"),
        ("unfinished work", "x = 1  # TO" + "DO later"),
        ("an except without a type", "    except:"),
        ("an import of a part without its package (a second copy of the module)", "from tools.cli import main"),
        ("an import of a part without its package (a second copy of the module)", "import core"),
        ("a print left behind", "    print(x)"),
        ("a tab", "\tx"),
    ],
)
def test_tidy_when_a_line_breaks_the_rule_it_is_found(rule: str, line: str) -> None:
    assert FORBIDDEN[rule][1].search(line)


@pytest.mark.parametrize(
    "line", ["from ringfence.tools import cli", "except ValueError:", "    from core_dump import x", "DATA/run/control.sock", "import tools_x"]
)
def test_tidy_when_a_line_keeps_the_rules_none_matches(line: str) -> None:
    assert not [rule for rule, (_, pattern) in FORBIDDEN.items() if pattern.search(line)]


def broad_handlers(text: str) -> list[int]:
    """Return the lines of ``except Exception`` and ``except BaseException`` whose block does not raise."""
    found, lines = [], text.splitlines()
    for at, line in enumerate(lines):
        m = re.match(r"^(\s*)except\s+\(?(?:Base)?Exception\b", line)
        if not m:
            continue
        block = []
        for inner in lines[at + 1 :]:
            if inner.strip() and len(inner) - len(inner.lstrip()) <= len(m.group(1)):
                break
            block.append(inner.strip())
        if not any(b.split(" ")[0] == "raise" for b in block):
            found.append(at + 1)
    return found


def test_tidy_when_an_except_is_broad_it_raises_again() -> None:
    swallowed = [f"{p.relative_to(ROOT)}:{n}" for p in files({".py", ".pyx"}) for n in broad_handlers(p.read_text())]
    assert not swallowed, f"except Exception without raise: {swallowed}"
    assert broad_handlers("try:\n    x\nexcept Exception as e:\n    log(e)\nelse:\n    raise\n") == [3]
    assert broad_handlers("try:\n    x\nexcept BaseException:\n    undo()\n    raise\n") == []


def test_tidy_when_files_are_measured_none_is_too_long() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text(errors="replace").splitlines()) for p in files(CODE)}
    long = {name: n for name, n in lengths.items() if n > FILE_LINES_MAX and name not in GENERATED | ONE_CONCEPT.keys()}
    assert not long, f"more than {FILE_LINES_MAX} lines, is it one concept? {long}"


def functions(path: Path) -> list[tuple[str, int]]:
    """Return ``(name, lines)`` of every function; Cython's are read by indentation."""
    text = path.read_text()
    if path.suffix == ".py":
        return [(n.name, (n.end_lineno or n.lineno) - n.lineno + 1) for n in ast.walk(ast.parse(text)) if isinstance(n, PYTHON_FUNCTION)]
    found: list[tuple[str, int]] = []
    lines = text.splitlines()
    for at, line in enumerate(lines):
        m = re.match(r"^(\s*)(?:def|cdef|cpdef)\b[^=]*?(\w+)\(", line)
        if not m or not re.search(r":\s*(#.*)?$", line):
            continue
        end = at + 1
        while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > len(m.group(1))):
            end += 1
        found.append((m.group(2), end - at))
    return found


def test_tidy_when_functions_are_measured_none_is_too_long() -> None:
    long = [f"{p.relative_to(ROOT)}: {name} has {n}" for p in files({".py", ".pyx"}) for name, n in functions(p) if n > FUNCTION_LINES_MAX]
    assert not long, f"more than {FUNCTION_LINES_MAX} lines:\n" + "\n".join(long)


def test_tidy_when_a_module_has_code_it_starts_by_saying_what_it_is() -> None:
    mute = []
    for path in files({".py", ".pyx"}):
        text = path.read_text()
        if text.strip() and not re.match(r'^(?:#[^\n]*\n)*\s*[rR]?"""', text):
            mute.append(str(path.relative_to(ROOT)))
    assert not mute, f"no docstring at the top of: {mute}"


def test_tidy_when_a_page_links_to_a_file_of_ours_it_exists() -> None:
    broken = []
    for page in files({".md"}):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert not broken, "\n".join(broken)
