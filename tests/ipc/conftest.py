"""An instance name of its own for every test, and proof that no region of it stays behind."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringfence.ipc import regions

_numbers = itertools.count()


@pytest.fixture
def instance() -> Iterator[str]:
    """Name an instance for one test; its regions are unlinked afterwards."""
    name = f"t{os.getpid()}_{next(_numbers)}"
    yield name
    for region in regions.list_regions(name):
        (regions.SHM_DIR / f"{regions.PREFIX}{name}.{region.name}").unlink()


NATIVE = Path(__file__).resolve().parent / "native"
IPC = Path(__file__).resolve().parent.parent.parent / "ipc"


@pytest.fixture
def compile_and_run(tmp_path: Path) -> Callable[..., str]:
    """Compile a C source against ipc/ with warnings as errors, run it, return what it prints."""

    def act(source: Path, *arguments: object, flags: tuple[str, ...] = (), language: str = "c") -> str:
        compiler = shutil.which("g++" if language == "c++" else "gcc")
        if compiler is None:
            pytest.skip("no C compiler on this host: apt-get install gcc g++")
        program = tmp_path / source.stem
        command = [compiler, "-x", language, "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-O2", "-g", *flags]
        built = subprocess.run([*command, f"-I{IPC}", str(source), "-o", str(program), "-pthread"], capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr
        done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, timeout=110, check=False)
        assert done.returncode == 0, done.stderr or f"exit {done.returncode}"
        return done.stdout

    return act


@pytest.fixture
def native() -> Path:
    """Folder of the native checks."""
    return NATIVE
