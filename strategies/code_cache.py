"""Machine code of strategies on disk: a second start compiles nothing.

    digest of everything that the code depends on ──▶ CACHE/DIGEST.nbi, .nbc (numba's own files)

The digest covers what the compiled methods are and all that they can reach outside themselves, by value (``code_identity.py``), this package's own
sources, the record layout, and the versions of Python, numba and llvmlite; numba adds the CPU. So a stale entry is never found, and nothing is ever
invalidated. A class that no other process could know again (made by exec, or in a notebook) is compiled and not kept.
The files are pickles, that is, code: the directory must belong to this user and be writable by nobody else, else nothing is kept and
everything is compiled. A file that cannot be read is dropped and made anew; one that cannot be written is a warning.
Rejected: numba's cache=True (its stamp is the file of the function, which is ours, not the strategy's; and it would hash dispatchers, which differ
in every process).
Where: RINGFENCE_CODE_CACHE, else $XDG_CACHE_HOME/ringfence/code, else ~/.cache/ringfence/code. Removing it is harmless.
"""

from __future__ import annotations

import logging
import os
import pickle
import stat
import sys
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile

from ringfence.ipc import njit
from ringfence.ipc.schema import RECORDS
from ringfence.strategies import compiled_runtime, latest, runtime
from ringfence.strategies.code_identity import Identity, names_in
from ringfence.strategies.model import STARTS, Declaration

VARIABLE = "RINGFENCE_CODE_CACHE"
BROKEN = (EOFError, pickle.UnpicklingError, ValueError, LookupError, TypeError, AttributeError, ImportError, RuntimeError)
"""What unpickling makes of a file that was cut or belongs to something else."""
log = logging.getLogger("ringfence.strategies")


def folder() -> Path | None:
    """Return the directory, made when it is missing; None (and a warning) when it is not this user's alone."""
    base = os.environ.get(VARIABLE)
    try:
        path = Path(base) if base else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringfence" / "code"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except (OSError, RuntimeError) as e:  # RuntimeError: this user has no home
        log.warning("compiled code is not kept: %s", e)
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        log.warning("compiled code is not kept: %s must be a directory of this user that nobody else may write (chmod 700)", path)
        return None
    return path


def _compiled_functions(declared: Declaration) -> dict[str, Any]:
    """The functions of a class that are compiled: callbacks, and the methods that they call."""
    found: dict[str, Any] = {}
    waiting = [name for name in declared.callbacks if name not in STARTS]
    while waiting:
        name = waiting.pop()
        function = declared.callbacks.get(name) or declared.methods.get(name)
        if function is not None and name not in found:
            found[name] = function
            waiting += names_in(function.__code__)
    return dict(sorted(found.items()))


def digest_of(declared: Declaration) -> tuple[str, bool]:
    """Return the name of the machine code of a class, equal only when it would be the same, and whether another process may find it by that."""
    made = Identity()
    made.add((declared.cls.__module__, declared.cls.__qualname__, repr(declared.fields), tuple(sorted(declared.constants.items()))))
    for name, function in _compiled_functions(declared).items():
        made.add(name)
        made.add(function)
    layouts = sorted((n, tuple(r.offsets.items())) for n, r in RECORDS.items())
    made.add((sys.version, numba.__version__, llvmlite.__version__, np.__version__, repr(layouts), repr(runtime.layout())))
    ours = [njit.__file__, compiled_runtime.__file__, latest.__file__, *(str(Path(__file__).with_name(f"{n}.py")) for n in ("compiled", "checked_compiler"))]
    made.add(tuple(Path(path).read_bytes() for path in ours))
    return made.digest(), made.keepable


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

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except BROKEN as e:
            log.warning("kept code %s cannot be read and is made anew: %s: %s", self._digest[:16], type(e).__name__, e)
            Path(self._cache_file._index_path).unlink(missing_ok=True)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as e:
            log.warning("compiled code is not kept: %s", e)


def keep(dispatcher: Any, digest: str) -> Path | None:
    """Have a function's code looked up on disk before it is compiled, and kept there after. Returns the directory; None: nothing is kept."""
    path = folder()
    if path is not None:
        dispatcher._cache = _Kept(dispatcher.py_func, path, digest)
    return path
