"""Machine code of strategies on disk: a second start compiles nothing.

    digest of everything that the code depends on ──▶ CACHE/DIGEST.nbi, .nbc (numba's own files)

The digest covers the class's file, the values of its module's plain globals, every other file of the user's that it imports,
this package's own sources, the record layout, and the versions of Python, numba and llvmlite; numba adds the CPU. So a stale entry is never found,
and nothing is ever invalidated.
The files are pickles, that is, code: the directory must belong to this user and be writable by nobody else, else nothing is kept and
everything is compiled.
Rejected: numba's cache=True (its stamp is the file of the function, which is ours, not the strategy's; and it would hash dispatchers, which differ
in every process).
Where: RINGFENCE_CODE_CACHE, else $XDG_CACHE_HOME/ringfence/code, else ~/.cache/ringfence/code. Removing it is harmless.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
import stat
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

import llvmlite
import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile

from ringfence.ipc import njit
from ringfence.ipc.schema import RECORDS
from ringfence.strategies import compiled_runtime, runtime
from ringfence.strategies.model import Declaration

VARIABLE = "RINGFENCE_CODE_CACHE"
log = logging.getLogger("ringfence.strategies")


def folder() -> Path | None:
    """Return the directory, made when it is missing; None (and a warning) when it is not this user's alone."""
    base = os.environ.get(VARIABLE)
    path = Path(base) if base else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringfence" / "code"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as e:
        log.warning("compiled code is not kept: %s", e)
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        log.warning("compiled code is not kept: %s must be a directory of this user that nobody else may write (chmod 700)", path)
        return None
    return path


def _bytes_of(path: Any) -> bytes:
    try:
        return Path(path).read_bytes() if path else b""
    except OSError:
        return b""


def _imported(first: Any) -> list[str]:
    """Sources of the modules that a module uses, and those use, which are neither Python's, nor installed, nor ours."""
    apart = (
        *(str(Path(sysconfig.get_paths()[n]).resolve()) for n in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(str(Path(str(m.__file__)).resolve().parent) for m in (njit, compiled_runtime)),
    )
    seen: set[str] = set()
    waiting = [first]
    while waiting:
        module = waiting.pop()
        file = getattr(module, "__file__", None)
        if file is None or (path := str(Path(file).resolve())) in seen or path.startswith(apart):
            continue
        seen.add(path)
        for value in vars(module).values():
            used = value if isinstance(value, ModuleType) else sys.modules.get(str(getattr(value, "__module__", "")))
            if used is not None:
                waiting.append(used)
    return sorted(seen)


def digest_of(declared: Declaration) -> str:
    """Return the name of the machine code of a class: equal only when it would be the same."""
    h = hashlib.sha256()
    module = sys.modules.get(declared.cls.__module__)
    source = inspect.getsourcefile(declared.cls) if module is not None and hasattr(module, "__file__") else None
    plain = {n: v for n, v in vars(module or object).items() if isinstance(v, (bool, int, float, str, tuple)) and not n.startswith("__")}
    parts: list[Any] = [declared.cls.__qualname__, declared.fields, sorted(declared.constants.items()), sorted(plain.items(), key=str)]
    parts += [sys.version, numba.__version__, llvmlite.__version__, sorted((n, tuple(r.offsets.items())) for n, r in RECORDS.items()), runtime.layout()]
    for part in parts:
        h.update(repr(part).encode())
    for function in (*declared.callbacks.values(), *declared.methods.values()):
        h.update(function.__code__.co_code + repr(function.__code__.co_consts).encode())
    ours = [njit.__file__, compiled_runtime.__file__, str(Path(__file__).with_name("compiled.py"))]
    for path in (source, *ours, *_imported(module)):
        h.update(_bytes_of(path) + b"\0")
    return h.hexdigest()


class _Packing(CompileResultCacheImpl):  # type: ignore[misc]
    """How numba packs a result, without its rules of where to; the directory is there already."""

    @property
    def locator(self) -> Any:
        return self

    def ensure_cache_path(self) -> None:
        return


class _Kept(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function in our directory, under our name."""

    def __init__(self, function: Any, path: Path, digest: str) -> None:
        self._name, self._py_func, self._digest = f"ringfence:{digest[:16]}", function, digest
        self._impl = _Packing.__new__(_Packing)
        self._cache_path = str(path)
        self._cache_file = IndexDataCacheFile(cache_path=str(path), filename_base=digest[:40], source_stamp=digest)
        self.enable()

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return sig, codegen.magic_tuple(), self._digest


def keep(dispatcher: Any, digest: str) -> Path | None:
    """Have a function's code looked up on disk before it is compiled, and kept there after. Returns the directory; None: nothing is kept."""
    path = folder()
    if path is not None:
        dispatcher._cache = _Kept(dispatcher.py_func, path, digest)
    return path
