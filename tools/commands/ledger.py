"""Commands that book event files without an instance: ``ledger book`` and ``ledger exposure``.

FILE.json ──▶ tools.ledger_case ──▶ tools.ledger_book (core's ledger) ──▶ one JSON object, or text      FILE.json ──▶ tools.ledger_exposure ──▶ the same
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ringfence.tools import ledger_book, ledger_case, ledger_exposure

WIDTH = 24


def _lines(body: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """An object as indented text; what is empty is left out."""
    for name, value in body.items():
        head = "  " * depth + str(name)
        if isinstance(value, Mapping):
            if value:
                yield head
                yield from _lines(value, depth + 1)
        elif isinstance(value, list):
            if value:
                yield head
                yield from ("  " * (depth + 1) + _row(item) for item in value)
        else:
            yield f"{head:{WIDTH}}  {'?' if value is None else value}"


def _row(item: Any) -> str:
    values = [f"{k} {v}" for k, v in item.items() if v is not None] if isinstance(item, Mapping) else ["-" if v is None else str(v) for v in item]
    return "  ".join(values)


def _print(args: argparse.Namespace, cases: list[dict[str, Any]], report: Callable[[dict[str, Any], str], dict[str, Any]]) -> int:
    """Print one report as an object, several as an object by case."""
    path = Path(args.file)
    found: dict[str, dict[str, Any]] = {}
    for at, raw in enumerate(cases, 1):
        name = str(raw.get("id") or at)
        found[name] = report(raw, f"{path}: case {name}" if raw.get("id") else str(path))
    if args.options.output in {"json", "ndjson"}:
        indent = None if args.options.output == "ndjson" else 1
        print(json.dumps(next(iter(found.values())) if len(found) == 1 else found, indent=indent))
    elif len(found) == 1:
        print("\n".join(_lines(next(iter(found.values())))))
    else:
        print("\n".join(_lines(found)))
    return 0


def book(args: argparse.Namespace) -> int:
    """Book the events of a file; without ``--case`` all cases that list the method."""
    method = args.method.upper()
    cases = ledger_case.load(Path(args.file), args.case)
    if not args.case and len(cases) > 1:
        cases = [c for c in cases if method in c.get("methods", [method])]
    return _print(args, cases, lambda raw, source: ledger_book.report(ledger_case.Case(raw, source), method))


def exposure(args: argparse.Namespace) -> int:
    """Sum the asset legs of the fills of a file; without a file, of the store."""
    if args.file is None:
        from ringfence.tools.commands import ledger_store

        return ledger_store.exposure(args)
    return _print(args, ledger_case.load(Path(args.file), args.case, ledger_exposure.LISTS), ledger_exposure.report)
