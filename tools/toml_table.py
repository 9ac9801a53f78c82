"""Read one TOML table key by key; whatever is wrong raises ConfigError with the key's path, the value and what is allowed.

    TOML file ──tomllib──▶ dict ──Table──▶ typed values (config.py)

Each ``take`` removes its key; ``finish`` refuses what is left over and names the closest key that exists, so that a mistyped key is never
silently a default. Amounts are decimal text converted exactly; a TOML float is refused, since 0.00001 is not a binary number.
Rejected: a schema library (its messages name its own types, not the operator's keys).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from ringfence.gateways.decimals import text_to_scaled
from ringfence.tools.errors import ConfigError

REQUIRED = object()


class Table:
    """A TOML table under reading.

    Parameters
    ----------
    values : dict
        The table.
    path : str
        Its key path; "" at the top.
    source : str
        The file, for messages.
    """

    def __init__(self, values: dict[str, Any], path: str, source: str) -> None:
        self.values, self.path, self.source = dict(values), path, source
        self.known: list[str] = []

    def key(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def error(self, name: str, value: object, allowed: str) -> ConfigError:
        return ConfigError(self.key(name), value, allowed, self.source)

    def _take(self, name: str, default: Any, allowed: str) -> Any:
        self.known.append(name)
        if name in self.values:
            return self.values.pop(name)
        if default is REQUIRED:
            raise self.error(name, ConfigError.MISSING, allowed)
        return default

    def text(self, name: str, default: Any = REQUIRED, *, pattern: str = r"[ -~]{1,200}", allowed: str = "text of 1 to 200 ASCII characters") -> str:
        value = self._take(name, default, allowed)
        if not isinstance(value, str) or (value != default and not re.fullmatch(pattern, value)):
            raise self.error(name, value, allowed)
        return value

    def choice(self, name: str, choices: Sequence[str], default: Any = REQUIRED) -> str:
        allowed = ", ".join(f'"{c}"' for c in choices)
        value = self._take(name, default, allowed)
        if value != default and value not in choices:
            raise self.error(name, value, allowed)
        return str(value)

    def whole(self, name: str, low: int, high: int, default: Any = REQUIRED) -> int:
        allowed = f"a whole number from {low} to {high}"
        value = self._take(name, default, allowed)
        if isinstance(value, bool) or not isinstance(value, int) or not (low <= value <= high or value == default):
            raise self.error(name, value, allowed)
        return value

    def power_of_two(self, name: str, low: int, high: int, default: int) -> int:
        value = self._take(name, default, "")
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high or value & (value - 1):
            raise self.error(name, value, f"a power of two from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float, default: float) -> float:
        value = self._take(name, default, "")
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.error(name, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self._take(name, default, "true, false")
        if not isinstance(value, bool):
            raise self.error(name, value, "true, false")
        return value

    def amount(self, name: str, digits: int, default: Any = REQUIRED) -> int:
        """A positive decimal as a scaled integer; text, or a whole number of units."""
        allowed = f'a positive decimal in quotes with at most {digits} decimals, such as "{_sample(digits)}"'
        value = self._take(name, default, allowed)
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise self.error(name, value, allowed)
        try:
            scaled = text_to_scaled(str(value), digits)
        except ValueError as e:
            raise self.error(name, value, f"{allowed} ({e})") from e
        if scaled <= 0:
            raise self.error(name, value, allowed)
        return scaled

    def words(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self._take(name, default, "")
        if value != default and not (isinstance(value, list) and value and all(isinstance(v, str) and v for v in value)):
            raise self.error(name, value, 'a list of words, such as ["one", "two"]')
        return tuple(value)

    def words_or_any(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A word or a list of words."""
        if isinstance(self.values.get(name), str):
            return (self.text(name),)
        return self.words(name, default)

    def table(self, name: str, required: bool = False) -> Table:
        value = self._take(name, REQUIRED if required else {}, f"a table [{self.key(name)}]")
        if not isinstance(value, dict):
            raise self.error(name, value, f"a table [{self.key(name)}]")
        return Table(value, self.key(name), self.source)

    def tables(self, name: str, low: int, high: int) -> list[Table]:
        allowed = f"{low} to {high} tables [[{self.key(name)}]]"
        value = self._take(name, REQUIRED if low else [], allowed)
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            raise self.error(name, value, allowed)
        if not low <= len(value) <= high:
            raise self.error(name, f"{len(value)} tables", allowed)
        return [Table(v, f"{self.key(name)}[{k}]", self.source) for k, v in enumerate(value, 1)]

    def finish(self) -> None:
        """Refuse the keys that nobody took."""
        for name, value in self.values.items():
            close = difflib.get_close_matches(name, self.known, 1, 0.6)
            hint = f'no such key; did you mean "{close[0]}"? (keys here: ' if close else "no such key (keys here: "
            raise self.error(name, value, f"{hint}{', '.join(sorted(self.known))})")


def _sample(digits: int) -> str:
    return "0." + "0" * (digits - 1) + "1" if digits else "1"
