"""A strategy class from a file, and its parameters from the command line: what ``FILE.py[:CLASS]`` and ``--set NAME=VALUE`` mean.

FILE.py ──import──▶ module ──▶ the one class with @ringfence.strategy, or the one named

Runs the file's own code; its directory is on the path meanwhile, as of a script. What can fail: UsageError for a file that cannot be read, has no such class
or several; what the file itself raises comes out as UsageError with file and line.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ringfence.strategies.model import ATTRIBUTE, declaration
from ringfence.tools.errors import UsageError


def load_class(text: str) -> type:
    """Return the strategy class that ``FILE.py[:CLASS]`` names.

    Raises
    ------
    UsageError
        If there is no such file or class, several and none is named, or the file's code raises.
    """
    name, _, wanted = text.partition(":") if ".py:" in text else (text, "", "")
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"{path}: no such file; a strategy is FILE.py or FILE.py:CLASS")
    module = _import(path)
    found = {n: c for n, c in vars(module).items() if isinstance(c, type) and ATTRIBUTE in vars(c)}
    if wanted:
        if wanted not in found:
            raise UsageError(f"{path}: no class {wanted} with @ringfence.strategy; there are {', '.join(found) or 'none'}")
        return found[wanted]
    if len(found) != 1:
        raise UsageError(f"{path}: {', '.join(found) or 'no class'} with @ringfence.strategy; name one: {path}:CLASS")
    return next(iter(found.values()))


def _import(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    sys.modules[path.stem] = module  # annotations of its classes are looked up there
    try:
        spec.loader.exec_module(module)
    except Exception as e:
        own = [f for f in traceback.extract_tb(e.__traceback__) if f.filename == str(path)]
        place = f"{path}:{own[-1].lineno}" if own else str(path)
        raise UsageError(f"{place}: {type(e).__name__}: {e}") from e
    finally:
        sys.path.remove(folder)
    return module


def settings(strategy: type, given: Sequence[str]) -> dict[str, int | float]:
    """Return what ``NAME=VALUE`` texts set of a class's parameters.

    Raises
    ------
    UsageError
        If one is not of that form.
    ParameterRefused
        If there is no such parameter, or it cannot have the value.
    """
    out: dict[str, int | float] = {}
    for text in given:
        name, equal, value = text.partition("=")
        if not equal:
            raise UsageError(f"--set was {text!r}; allowed: NAME=VALUE")
        out[name] = declaration(strategy).field(name).from_text(value)
    return out
