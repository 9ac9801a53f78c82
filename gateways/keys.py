"""Typed access to the JSON specification of a process: every mistake names the key, its value and what is allowed.

A spec is read whole before anything starts, so that a process either runs as told or says in one line why not. Numbers with a point stay decimal.
Each getter marks its key as known; ``done`` refuses the others, since a misspelt key that is ignored is a setting that silently is not there.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ringfence.gateways.data import data_file
from ringfence.gateways.errors import GatewayError


class SpecError(GatewayError):
    """The specification of a process is wrong; names key, value and what is allowed."""


class Keys:
    """Typed access to one JSON object; remembers what was read, so that an unknown key can be named."""

    def __init__(self, raw: Any, where: str) -> None:
        if not isinstance(raw, dict):
            raise SpecError(f"{where}: {raw!r} must be an object with keys")
        self.raw, self.where, self.read = raw, where, set[str]()

    def fail(self, key: str, allowed: str) -> SpecError:
        return SpecError(f"{self.where}.{key}: {self.raw.get(key)!r} is not allowed; it must be {allowed}")

    def has(self, key: str) -> bool:
        return key in self.raw

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        if key not in self.raw and default is None:
            raise SpecError(f"{self.where}.{key}: missing; add it")
        return self.raw.get(key, default)

    def text(self, key: str, default: str | None = None) -> str:
        value = self.get(key, default)
        if not isinstance(value, str) or not (value or default == "") or not value.isprintable() or not value.isascii():
            raise self.fail(key, "printable ASCII text")
        return value

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.fail(key, f"an integer from {low} to {high}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, "true or false")
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        value = self.get(key, default)
        if value not in allowed:
            raise self.fail(key, "one of " + ", ".join(allowed))
        return str(value)

    def number(self, key: str, default: Decimal | None = None) -> Decimal:
        value = self.get(key, default)
        try:
            number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("nan")
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite() or number < 0:
            raise self.fail(key, "a number, 0 or more")
        return number

    def span(self, key: str, default: int, scale: int = 1, low: int = 0) -> tuple[int, int]:
        """A number, or [least, most]; times ``scale``, as integers."""
        value = self.get(key, default)
        pair = value if isinstance(value, list) else [value, value]
        try:
            numbers = [Decimal(str(v)) * scale for v in pair if not isinstance(v, bool)]
        except InvalidOperation:
            numbers = []
        if len(numbers) != 2 or not all(n.is_finite() and n == int(n) for n in numbers) or not low <= numbers[0] <= numbers[1]:
            raise self.fail(key, f"a number or [least, most], from {low}")
        return int(numbers[0]), int(numbers[1])

    def items(self, key: str, empty: bool = False) -> list[Keys]:
        value = self.get(key)
        if not isinstance(value, list) or not (value or empty):
            raise self.fail(key, "a list with at least one entry")
        return [Keys(raw, f"{self.where}.{key}[{i}]") for i, raw in enumerate(value)]

    def done(self) -> None:
        """Raise for keys that nobody asked for."""
        unknown = sorted(set(self.raw) - self.read)
        if unknown:
            raise SpecError(f"{self.where}.{unknown[0]}: unknown key (value {self.raw[unknown[0]]!r}); known are {', '.join(sorted(self.read))}")


def load_json(path: Path) -> Any:
    """Read a JSON file; numbers with a point stay decimal."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as e:
        raise SpecError(f"{path}: cannot read: {e.strerror}") from e
    except ValueError as e:
        raise SpecError(f"{path}: not JSON: {e}") from e


def tick_file(keys: Keys, key: str, folder: Path) -> Path:
    """A tick file: a path (relative ones from the spec's folder), or the name of one that ships with the package."""
    name = keys.text(key)
    path = Path(name) if Path(name).is_absolute() else folder / name
    if path.is_file():
        return path
    try:
        return data_file(name)
    except FileNotFoundError as e:
        raise keys.fail(key, f"a tick file; {path} does not exist and {e}") from e
