"""State and simulation depend on their inputs alone: no clock, randomness, identity, hash order, thread or float in the code that decides.

    core/*.pyx, *.pxd ──names and literals, comments and docstrings left out──▶ FORBIDDEN
    core/*.py, tools/simulation/*.py ──syntax tree──▶ calls, imports, loops over sets, floats

C text inside ``cdef extern from *`` blocks counts as code. What may differ has a row in ``EXCEPTIONS`` with its reason; a row that is not needed any more
fails.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CYTHON = sorted(p for p in (ROOT / "core").iterdir() if p.suffix in {".pyx", ".pxd"})
CORE_PYTHON = sorted((ROOT / "core").glob("*.py"))
SIMULATION = sorted((ROOT / "tools" / "simulation").glob("*.py"))

FORBIDDEN = {
    "clock": re.compile(r"\b(?:time|datetime)\s*\.\s*\w+\s*\(|\b(?:perf_counter|monotonic|gettimeofday|clock_gettime|rdtscp?|clock_now|rf_clock_\w+)\b"),
    "randomness": re.compile(r"\b(?:random|urandom|getrandom|secrets|uuid\w*|rand|srand|arc4random)\b"),
    "identity": re.compile(r"(?<![\w.])(?:id|hash)\s*\("),
    "thread": re.compile(r"\b(?:threading|pthread\w*|prange|asyncio|concurrent|multiprocessing)\b"),
    "set order": re.compile(r"\bin\s+(?:set|frozenset)\s*\(|\bin\s+\{|\b(?:list|tuple|iter|next)\s*\(\s*(?:set|frozenset)\s*\("),
    "float": re.compile(r"\b(?:double|float|float32|float64|float32_t|float64_t|long\s+double)\b|(?<![\w.])(?:\d+\.\d+|\d+\.(?!\w)|\d+[eE][-+]?\d+)"),
}

EXCEPTIONS = {
    ("tools/simulation/runs.py", "clock"): "says how long a run took; no run sees it",
    ("tools/simulation/runs.py", "thread"): "runs of many seeds in processes of their own; a run has one thread",
    ("core/engine.pyx", "clock"): "the loop reads the clock once an input and journals what it read: the reading is an input",
    ("core/engine.pxd", "clock"): "declares that reading",
    ("core/journaled.pxd", "clock"): "does that reading",
    ("core/ports.pyx", "clock"): "stamps commands as a live engine publishes them: for latency accounting, outside the state, 0 in a replay",
    ("core/state.pxd", "clock"): "declares that stamp's clock",
}

CLOCKS = {"time", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "time_ns", "process_time", "now", "utcnow", "today"}
UNORDERED_SAFE = {"sorted", "len", "sum", "min", "max", "any", "all", "set", "frozenset"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_of(text: str) -> str:
    """Cython source without comments and strings, but with the C text of extern blocks; line numbers stay."""
    parts, at = [], 0
    pattern = re.compile(r'(?P<string>[rbRB]{0,2}"""(?:.|\n)*?"""|[rbRB]{0,2}"(?:\\.|[^"\\\n])*"|[rbRB]{0,2}\'(?:\\.|[^\'\\\n])*\')|(?P<comment>#[^\n]*)')
    for m in pattern.finditer(text):
        parts.append(text[at : m.start()])
        at = m.end()
        verbatim = m["string"] and re.search(r"cdef extern from [^\n]*:\s*$", text[: m.start()])
        parts.append(re.sub(r"/\*(?:.|\n)*?\*/", _lines, m[0]) if verbatim else _lines(m))
    return "".join(parts) + text[at:]


def _lines(m: re.Match[str]) -> str:
    return "\n" * m[0].count("\n")


def cython_findings(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(code_of(path.read_text()).splitlines(), 1):
        for rule, pattern in FORBIDDEN.items():
            if m := pattern.search(line):
                yield rule, f"{name_of(path)}:{number}: {m[0].strip()}"


# ---- Python -----------------------------------------------------------------------------------------------------------------


def _called(node: ast.AST) -> str:
    """``a.b`` or ``b`` of a call, else empty."""
    if not isinstance(node, ast.Call):
        return ""
    f = node.func
    if isinstance(f, ast.Attribute):
        return f"{f.value.id if isinstance(f.value, ast.Name) else '?'}.{f.attr}"
    return f.id if isinstance(f, ast.Name) else ""


def _is_set(node: ast.AST, known: set[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp) or _called(node) in {"set", "frozenset"}:
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return _is_set(node.left, known) or _is_set(node.right, known)
    return (isinstance(node, ast.Name) and node.id in known) or (isinstance(node, ast.Attribute) and node.attr in known)


def _sets_in(tree: ast.AST) -> set[str]:
    """Names and attributes that hold a set, by what is assigned to them or by their annotation."""
    known: set[str] = set()
    for node in ast.walk(tree):
        pairs: list[tuple[ast.AST, bool]] = []
        if isinstance(node, ast.Assign):
            pairs = [(t, _is_set(node.value, set())) for t in node.targets]
        elif isinstance(node, ast.AnnAssign):
            pairs = [(node.target, bool(re.match(r"(?:set|frozenset)\b", ast.unparse(node.annotation))))]
        elif isinstance(node, ast.arg) and node.annotation is not None and re.match(r"(?:set|frozenset)\b", ast.unparse(node.annotation)):
            known.add(node.arg)
        for target, holds in pairs:
            if holds and isinstance(target, ast.Name):
                known.add(target.id)
            elif holds and isinstance(target, ast.Attribute):
                known.add(target.attr)
    return known


def _loops(tree: ast.AST) -> Iterator[ast.expr]:
    """Everything that is iterated over in an order that may matter."""
    ordered_away = {id(a) for n in ast.walk(tree) if _called(n) in UNORDERED_SAFE and isinstance(n, ast.Call) for a in n.args}
    for node in ast.walk(tree):
        if isinstance(node, ast.For):
            yield node.iter
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp) and id(node) not in ordered_away:
            yield from (g.iter for g in node.generators)
        elif isinstance(node, ast.Call) and _called(node) in {"list", "tuple", "iter", "enumerate", "dict.fromkeys"} and node.args:
            yield node.args[0]


def python_findings(text: str, name: str, *, floats: bool) -> Iterator[tuple[str, str]]:
    tree = ast.parse(text)
    known = _sets_in(tree)
    for node in _loops(tree):
        if _is_set(node, known):
            yield "set order", f"{name}:{node.lineno}: {ast.unparse(node)}"
    for node in ast.walk(tree):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        called = _called(node)
        module, _, function = called.rpartition(".")
        if function in CLOCKS and module in {"", "time", "datetime", "date", "clock"}:
            yield "clock", f"{where}: {called}"
        if called in {"id", "hash"}:
            yield "identity", f"{where}: {called}"
        if (module == "random" and function != "Random") or function in {"urandom", "getrandom", "uuid1", "uuid4", "token_bytes", "SystemRandom"}:
            yield "randomness", f"{where}: {called}"
        if called in {"random.Random", "Random"} and isinstance(node, ast.Call) and not node.args:
            yield "randomness", f"{where}: {called} without a seed"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for banned in sorted({"threading", "asyncio", "uuid", "secrets", "concurrent.futures"} & set(names)):
                yield "thread" if banned in {"threading", "asyncio", "concurrent.futures"} else "randomness", f"{where}: import {banned}"
        if floats and isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield "float", f"{where}: {node.value}"
        if floats and (called == "float" or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))):
            yield "float", f"{where}: {ast.unparse(node)}"


def findings(path: Path) -> list[tuple[str, str]]:
    if path.suffix != ".py":
        return list(cython_findings(path))
    return list(python_findings(path.read_text(), name_of(path), floats=path in CORE_PYTHON))


@pytest.mark.parametrize("path", [*CYTHON, *CORE_PYTHON, *SIMULATION], ids=name_of)
def test_deciding_code_when_read_names_nothing_that_may_differ(path: Path) -> None:
    found = findings(path)
    bad = [text for rule, text in found if (name_of(path), rule) not in EXCEPTIONS]
    assert not bad, "\n".join(bad)
    unused = [rule for (name, rule) in EXCEPTIONS if name == name_of(path) and rule not in {r for r, _ in found}]
    assert not unused, f"no longer needed: {unused}"


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("clock", "    now = rf_clock_now(&s.clock)"),
        ("clock", "    t = time.time()"),
        ("randomness", "    x = rand() % 3"),
        ("identity", "    h = hash(key)"),
        ("thread", "    for i in prange(n):"),
        ("set order", "    for x in set(rows):"),
        ("float", "    cdef double px"),
        ("float", "    x = y * 1.5"),
        ("float", "    x = y * 1e9"),
    ],
)
def test_guard_when_cython_breaks_a_rule_finds_it(rule: str, line: str) -> None:
    assert FORBIDDEN[rule].search(code_of(f'"""Doc with double."""\n{line}  # a double comment\n'))


def test_guard_when_c_text_has_a_float_finds_it_and_not_in_comments() -> None:
    source = 'cdef extern from *:\n    """\n    /* no double here */ static double half(double x) { return x / 2; }\n    """\n'
    assert FORBIDDEN["float"].search(code_of(source))
    assert not FORBIDDEN["float"].search(code_of(source.replace("static double half(double x) { return x / 2; }", "")))


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("clock", "import time\nx = time.perf_counter()"),
        ("randomness", "import random\nx = random.random()"),
        ("randomness", "import random\nx = random.Random()"),
        ("identity", "x = id(y)"),
        ("set order", "for x in {1, 2}: pass"),
        ("set order", "seen = set()\nfor x in seen: pass"),
        ("set order", "def f(a: set[int]):\n    return [x for x in a]"),
        ("set order", "x = list(set(y) | set(z))"),
        ("thread", "import threading"),
        ("float", "x = 1 / 2"),
        ("float", "x = 0.5"),
    ],
)
def test_guard_when_python_breaks_a_rule_finds_it(rule: str, source: str) -> None:
    assert rule in {r for r, _ in python_findings(source, "x.py", floats=True)}


@pytest.mark.parametrize(
    "source",
    ["import random\nx = random.Random(7)", "for x in sorted({2, 1}): pass", "x = any(y for y in {1, 2})", "x = 1 // 2", "def identify(x): return x.id"],
)
def test_guard_when_python_keeps_the_rules_finds_nothing(source: str) -> None:
    assert not list(python_findings(source, "x.py", floats=True))
