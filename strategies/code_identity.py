"""What the machine code of a class depends on, as bytes: equal only when the code would be the same.

    functions of the class ──walk──▶ bytecode, constants, names, places ──▶ digest
                              └─ every global, closure, module attribute and function that they can reach, by value

numba freezes what a function reads from outside into its code: numbers, arrays, tuples, other functions. So all of that is walked, by value as it is in this
process, and no file is read: a file that was edited after it was loaded, or data that a module loaded at import, cannot make two different codes one.
What is installed or Python's own counts by its name and version. What cannot be described exactly (an object, a module without a file, a function made by
exec or in a notebook) is told as such: such code is not kept on disk, since another process could not know it again.
"""

from __future__ import annotations

import enum
import hashlib
import inspect
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

_INSTALLED = tuple(str(Path(sysconfig.get_paths()[n]).resolve()) for n in ("stdlib", "platstdlib", "purelib", "platlib"))
_OURS = "ringfence"
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))
_CODE = (
    *("co_name", "co_filename", "co_firstlineno", "co_flags", "co_argcount", "co_posonlyargcount", "co_kwonlyargcount"),
    *("co_names", "co_varnames", "co_freevars", "co_cellvars", "co_code", "co_linetable", "co_exceptiontable"),
)
_unknown: dict[int, tuple[Any, int]] = {}
"""Objects without a description, kept for good, so that each has a number of its own in this process."""


class Identity:
    """A digest that grows by what is described to it.

    Attributes
    ----------
    keepable : bool
        Everything so far could be described exactly, and would be found again in another process.
    """

    def __init__(self) -> None:
        self._hash, self._seen = hashlib.sha256(), dict[int, Any]()
        self._reached: set[tuple[int, tuple[str, ...]]] = set()
        self.keepable = True

    def add(self, value: Any) -> None:
        """Describe a value and all that it refers to. Values are kept until the end, so that none takes the place of another."""
        if isinstance(value, _PLAIN):
            self._tell(type(value).__name__, repr(value))
        elif id(value) in self._seen:
            self._tell("again", list(self._seen).index(id(value)))
        else:
            self._seen[id(value)] = value
            self._add_object(value)

    def digest(self) -> str:
        """Return what was described, as 64 hexadecimal digits."""
        return self._hash.hexdigest()

    def _tell(self, *words: Any) -> None:
        text = repr(words).encode()
        self._hash.update(b"%d:" % len(text) + text)

    def _each(self, kind: str, values: Iterable[Any]) -> None:
        values = list(values)
        self._tell(kind, len(values))
        for value in values:
            self.add(value)

    def _add_object(self, value: Any) -> None:
        if isinstance(value, enum.Enum):
            self._tell("member", type(value).__qualname__, value.name, repr(value.value))
        elif isinstance(value, (tuple, list, frozenset)):
            self._each(type(value).__name__, sorted(value, key=repr) if isinstance(value, frozenset) else value)
        elif isinstance(value, np.generic | np.ndarray) and not value.dtype.hasobject:
            self._tell("array", str(value.dtype), value.shape, value.tobytes())
        elif isinstance(value, CodeType):
            self._tell("code", *(getattr(value, name, None) for name in _CODE))
            self._each("constants", value.co_consts)
        elif isinstance(value, FunctionType):
            self._add_function(value)
        elif isinstance(inner := getattr(value, "py_func", None), FunctionType):  # compiled by the user: numba.njit
            self._tell("compiled", sorted(value.targetoptions.items()))
            self.add(inner)
        elif isinstance(value, ModuleType) or getattr(value, "__module__", None) is not None or isinstance(value, BuiltinFunctionType):
            self._add_named(value)
        else:
            self._unknown(value)

    def _unknown(self, value: Any) -> None:
        _unknown.setdefault(id(value), (value, len(_unknown)))
        self._tell("unknown", type(value).__qualname__, _unknown[id(value)][1])
        self.keepable = False

    def _add_function(self, function: FunctionType) -> None:
        module = sys.modules.get(function.__module__)
        self._tell("function", function.__module__, function.__qualname__)
        if module is None or vars(module) is not function.__globals__ or getattr(module, "__file__", None) is None:
            self.keepable = False  # exec, a notebook, or a module that another one has replaced
        self.add(function.__code__)
        self._each("defaults", (*(function.__defaults__ or ()), *sorted((function.__kwdefaults__ or {}).items())))
        self._each("closure", [cell.cell_contents if not _is_empty(cell) else None for cell in function.__closure__ or ()])
        names = names_in(function.__code__)
        for name in names:
            if name in function.__globals__:
                self._tell("global", name)
                self._add_reached(function.__globals__[name], names)

    def _add_reached(self, value: Any, names: tuple[str, ...]) -> None:
        """A global; of a module of the user's, also what the function's names can reach in it."""
        self.add(value)
        if not isinstance(value, ModuleType) or _version_of(value) or (id(value), names) in self._reached:
            return
        self._reached.add((id(value), names))
        for name in names:
            if name in vars(value):
                self._tell("attribute", name)
                self._add_reached(vars(value)[name], names)

    def _add_named(self, value: Any) -> None:
        """A module, or a class, function or object of one that is known by its name and version."""
        module = value if isinstance(value, ModuleType) else sys.modules.get(str(getattr(value, "__module__", None) or "builtins"))
        version = _version_of(module) if module is not None else ""
        name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
        if version and name:
            self._tell("installed", getattr(module, "__name__", ""), name, version)
        elif isinstance(value, ModuleType):
            self._tell("module", value.__name__)
        elif isinstance(value, enum.EnumType):
            members: list[Any] = list(value)
            self._tell("enum", value.__qualname__, [(m.name, repr(m.value)) for m in members])
        elif inspect.isclass(value) and issubclass(value, tuple) and hasattr(value, "_fields"):
            self._tell("named tuple", value.__module__, value.__qualname__, value._fields)
        else:
            self._unknown(value)


def _is_empty(cell: Any) -> bool:
    try:
        return cell.cell_contents is None
    except ValueError:  # not assigned yet
        return True


def names_in(code: CodeType) -> tuple[str, ...]:
    """Names of globals and attributes that a function uses, those of functions inside it too."""
    found = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= dict.fromkeys(names_in(constant))
    return tuple(found)


def _version_of(module: ModuleType) -> str:
    """The version of what a module comes with, when that is Python, an installed package or Ringfence; "" for the user's own files."""
    top = module.__name__.partition(".")[0]
    file = getattr(module, "__file__", None)
    if top == _OURS or top in sys.stdlib_module_names or (file is None and top in sys.builtin_module_names):
        return sys.version
    if file is None or not str(Path(file).resolve()).startswith(_INSTALLED):
        return ""
    names = _distributions().get(top) or [top]
    try:
        return " ".join(f"{name} {metadata.version(name)}" for name in sorted(set(names)))
    except metadata.PackageNotFoundError:
        return ""


@cache
def _distributions() -> Any:
    return metadata.packages_distributions()
