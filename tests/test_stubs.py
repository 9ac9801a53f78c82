"""Every stub says what its compiled module has: each name, method and property in a .pyi exists at run time, and no public function is missing from it."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
STUBS = sorted(p for part in ("ipc", "core", "gateways", "strategies", "tools", "backtest", "bench") for p in (ROOT / part).rglob("*.pyi"))


def module_of(stub: Path) -> ModuleType:
    return importlib.import_module("ringfence." + ".".join(stub.relative_to(ROOT).with_suffix("").parts))


def names(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """Return what a stub's module or class body declares, by name."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
        elif isinstance(node, ast.Assign):
            found |= {t.id: node for t in node.targets if isinstance(t, ast.Name)}
    return found


@pytest.mark.parametrize("stub", STUBS, ids=lambda p: str(p.relative_to(ROOT)))
def test_stub_when_compared_with_its_module_declares_only_what_is_there(stub: Path) -> None:
    module = module_of(stub)
    aliases = {"T", "Self"}
    for name, node in names(ast.parse(stub.read_text()).body).items():
        if name in aliases or isinstance(node, ast.Assign):
            continue
        assert hasattr(module, name), f"{module.__name__} has no {name}"
        if isinstance(node, ast.ClassDef):
            missing = [m for m in names(node.body) if not hasattr(getattr(module, name), m) and m not in getattr(getattr(module, name), "__annotations__", {})]
            missing = [m for m in missing if not isinstance(names(node.body)[m], ast.AnnAssign)]
            assert not missing, f"{module.__name__}.{name} has no {missing}"


@pytest.mark.parametrize("stub", STUBS, ids=lambda p: str(p.relative_to(ROOT)))
def test_stub_when_compared_with_its_module_leaves_no_public_function_out(stub: Path) -> None:
    module = module_of(stub)
    declared = names(ast.parse(stub.read_text()).body)
    imported = {a.asname or a.name for n in ast.walk(ast.parse(stub.read_text())) if isinstance(n, ast.ImportFrom) for a in n.names}
    for name, value in vars(module).items():
        own = getattr(value, "__module__", None) == module.__name__
        if name.startswith("_") or not own or not (inspect.isclass(value) or callable(value)):
            continue
        assert name in declared or name in imported, f"{stub.relative_to(ROOT)} does not declare {name}"
        if inspect.isclass(value) and name in declared:
            node = declared[name]
            assert isinstance(node, ast.ClassDef)
            bases = {b.id for b in node.bases if isinstance(b, ast.Name)}
            public = {m for m in vars(value) if not m.startswith("_")}
            if not bases & {"IntEnum", "NamedTuple", "Exception"}:
                assert not public - names(node.body).keys(), f"{stub.relative_to(ROOT)}: {name} lacks {public - names(node.body).keys()}"
