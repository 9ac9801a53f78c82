"""Machine code that is kept on disk: what makes it another, what another process finds, and files that are broken."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba", reason="numba is not installed: pip install 'ringfence[numba]'")
import numba

from ringfence.strategies import compiled
from ringfence.strategies.code_cache import VARIABLE, digest_of, folder, keep
from ringfence.strategies.model import declaration
from ringfence.strategies.runner import load

SOURCE = """
import json
import os

import numba
import numpy as np

import helper_{n}
import ringfence

TABLE = np.array([1, 2, 3])
FROM_OUTSIDE = int(os.environ.get("TEST_FROM_OUTSIDE", "1"))
SETTINGS = json.loads("{{}}")

@numba.njit
def scaled(x):
    return x * FROM_OUTSIDE

@ringfence.strategy(nopython=True)
class Small:
    bid: int = 0

    def on_start(self):
        self.bid = self.first()

    def first(self):
        return SETTINGS.get("first", 3)

    def on_quote(self, quote):
        self.bid = scaled(quote.bid) + TABLE[0] + helper_{n}.LIMIT + self.more(quote)

    def more(self, quote):
        return quote.ask
"""
RUN = """
import logging, sys, time
from pathlib import Path
logging.basicConfig(level="WARNING", format="%(message)s")
from ringfence.strategies.compiled import compile_strategy
from ringfence.strategies.model import declaration
from ringfence.strategies.runner import load
print(compile_strategy(declaration(load(Path(sys.argv[1]))))[1])
"""


class Files:
    """A strategy and the module that it imports, in a directory of their own."""

    def __init__(self, folder: Path) -> None:
        self.n = folder.name.replace("-", "_")
        self.file, self.helper = folder / "small.py", folder / f"helper_{self.n}.py"
        self.file.write_text(SOURCE.format(n=self.n))
        self.helper.write_text("LIMIT = 1\n")

    def digest(self) -> tuple[str, bool]:
        """Of the class as a process that starts now would load it."""
        sys.modules.pop(self.helper.stem, None)
        return digest_of(declaration(load(self.file)))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a file that changes within a second is read again
    return Files(tmp_path)


def test_digest_when_nothing_changes_is_the_same_in_every_process(files: Files) -> None:
    code = "import sys; from pathlib import Path; from ringfence.strategies.code_cache import digest_of; from ringfence.strategies.model import declaration"
    code += "; from ringfence.strategies.runner import load; print(*digest_of(declaration(load(Path(sys.argv[1])))))"
    said = {
        subprocess.run(
            [sys.executable, "-c", code, str(files.file)], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    assert said.pop().split()[1] == "True"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.more(quote)", "self.more(quote) + 1"),
        ("return quote.ask", "return quote.bid"),  # the same bytecode with another name
        ("x * FROM_OUTSIDE", "x + FROM_OUTSIDE"),
        ("[1, 2, 3]", "[2, 2, 3]"),
        ("bid: int = 0", "bid: int = 1"),
        ("@numba.njit\n", "@numba.njit(fastmath=True)\n"),
    ],
)
def test_digest_when_what_is_compiled_changes_is_another(files: Files, old: str, new: str) -> None:
    before = files.digest()
    files.file.write_text(files.file.read_text().replace(old, new))
    after = files.digest()
    assert before[0] != after[0] and before[1] and after[1]


def test_digest_when_a_value_comes_from_outside_counts_it(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files.digest()[0]
    monkeypatch.setenv("TEST_FROM_OUTSIDE", "2")
    other = files.digest()[0]
    monkeypatch.delenv("TEST_FROM_OUTSIDE")
    files.helper.write_text("LIMIT = 2\n")
    assert len({before, other, files.digest()[0]}) == 3


def test_digest_when_the_file_is_edited_after_it_was_loaded_is_that_of_what_was_loaded(files: Files) -> None:
    loaded = declaration(load(files.file))
    before = digest_of(loaded)
    files.file.write_text(files.file.read_text().replace("return quote.ask", "return quote.bid"))
    assert digest_of(loaded) == before
    assert files.digest()[0] != before[0]


def test_digest_when_a_class_has_no_file_is_not_to_be_kept() -> None:
    names: dict[str, Any] = {"__name__": "nowhere"}
    text = "import ringfence\n@ringfence.strategy(nopython=True)\nclass Cell:\n    n: int = 0\n    def on_quote(self, quote):\n        self.n += {}\n"
    exec(text.format("1"), names)
    one, kept = digest_of(declaration(names["Cell"]))
    exec(text.format("2"), names)
    assert not kept
    assert digest_of(declaration(names["Cell"]))[0] != one


def test_digest_when_a_global_cannot_be_described_is_not_to_be_kept(files: Files) -> None:
    files.file.write_text(files.file.read_text().replace("TABLE = np.array([1, 2, 3])", "TABLE = {0: 1}"))
    first, again = files.digest(), files.digest()
    assert not first[1] and first[0] != again[0]


def calls_of(run: Any) -> set[str]:
    """What the loop's machine code calls outside itself, but for instructions; the two ways into it are left out."""
    functions = re.findall(r"^define [^\n]*?@\"?([\w.$]+)\"?\([^\n]*\{\n(.*?)^\}", "\n".join(run.inspect_llvm().values()), re.MULTILINE | re.DOTALL)
    bodies = {name: body for name, body in functions if not name.startswith(("_ZN7cpython", "cfunc."))}
    called = {name for body in bodies.values() for name in re.findall(r"(?:call|invoke)[^@\n]*@\"?([\w.$]+)\"?\(", body)}
    assert "llvm.readcyclecounter" in called
    return {name for name in called - bodies.keys() if not name.startswith("llvm.")}


@pytest.mark.timeout(300)
def test_code_when_it_is_made_calls_no_interpreter_and_no_allocator_and_another_process_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maker = Path(__file__).resolve().parents[2] / "tools" / "examples" / "maker.py"
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(compiled, "_compiled", {})
    run, found = compiled.compile_strategy(declaration(load(maker)))
    assert not found
    assert calls_of(run) <= {"clock_gettime"}  # of hosts whose counter cannot be trusted
    done = subprocess.run([sys.executable, "-c", RUN, str(maker)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_code_when_its_files_are_broken_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    def hits() -> int:
        made = numba.njit(_twice)
        assert keep(made, "f" * 64) == tmp_path
        made.compile("int64(int64)")
        assert made(4) == 8
        return sum(made.stats.cache_hits.values())

    assert (hits(), hits()) == (0, 1)
    for pattern in ("*.nbc", "*.nbi"):
        for file in tmp_path.glob(pattern):
            file.write_bytes(file.read_bytes()[:50])
        caplog.clear()
        assert (hits(), hits()) == (0, 1), pattern
        assert "is made anew" in caplog.text


def _twice(x: int) -> int:
    return 2 * x


def test_folder_when_others_may_write_it_or_there_is_no_home_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "open"))
    assert folder() is None
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine"))
    assert folder() == tmp_path / "mine"
    monkeypatch.delenv(VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless(*_: Any) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert folder() is None
