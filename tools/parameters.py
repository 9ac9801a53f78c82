"""Live parameters as people write them and in words: ``[[strategy]] parameters``, ``ringfence parameters set``, ``audit``.

    text ──scaled──▶ (value, digits) ──change──▶ ParameterChange ──▶ SET_PARAMETER (core/parameters.pyx judges)
    ParameterChange + tables as they are ──describe──▶ (what, before, after)

A value is a plain decimal; the decimals that were written are kept ("0.50" has two), because a strategy that counts in hundredths and one that counts in units
read the same row. ``configured`` is the rule by which a configuration sets a value: when the row is new, or when the file says something else than the
configuration before it did. So a value that an operator has set lives through restarts, and a changed file wins. What can fail: ``ValueError`` that says what
is allowed. Pure; whoever calls owns the tables. Rejected: a TOML float (0.1 is not a binary number, and its decimals would be lost).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ringfence.gateways.decimals import text_to_scaled, to_text
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS
from ringfence.tools.rule_values import Names

Request = dict[str, Any]
Tables = Callable[[str], Any]
NAME = r"[A-Za-z_][A-Za-z0-9_]{0,30}"
NAME_ALLOWED = "a letter or '_', then up to 30 letters, digits and '_'"
DIGITS_MAX = CONSTANTS["PARAMETER_DIGITS_MAX"][0]
VALUE_ALLOWED = f"a plain decimal with at most {DIGITS_MAX} decimals, such as 100000 or 0.25"


def scaled(text: str) -> tuple[int, int]:
    """Return (value, digits) of a decimal as it is written: "0.50" is (50, 2).

    Raises
    ------
    ValueError
        If it is no plain decimal, has too many decimals, or does not fit in 64 bits.
    """
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text) or (digits := len(text.partition(".")[2])) > DIGITS_MAX:
        raise ValueError(f"{text!r} is not {VALUE_ALLOWED}")
    return text_to_scaled(text, digits), digits


def change(strategy: int, name: str, text: str, *, configured: bool = False) -> Any:
    """The body of a SET_PARAMETER: a strategy's row, the name and the value as text; ``configured`` when a configuration says so.

    Raises
    ------
    ValueError
        If name or value are not allowed.
    """
    if not re.fullmatch(NAME, name):
        raise ValueError(f"parameter was {name!r}; allowed: {NAME_ALLOWED}")
    body = np.zeros(1, dtype("ParameterChange"))[0]
    body["value"], body["digits"] = scaled(text)
    body["name"], body["strategy"], body["is_configured"] = name.encode(), strategy, int(configured)
    return body


def build(request: Request, names: Names) -> Any:
    """Return the ParameterChange that an operator's request asks for.

    Raises
    ------
    ValueError
        A value is not allowed or names nothing; the message says what is.
    """
    known, strategy = names["strategies"], request.get("strategy")
    if strategy not in known:
        raise ValueError(f"strategy was {strategy!r}; there are {', '.join(known) or 'none'}")
    return change(known[str(strategy)], str(request.get("parameter", "")), str(request.get("value", "")))


def configured(rows: Any, strategy: int, wanted: Mapping[str, str]) -> list[Any]:
    """The ParameterChanges that a configuration makes for one strategy.

    Parameters
    ----------
    rows : ndarray of Parameter
        The rows in use.
    wanted : mapping
        Name to value as text, checked.
    """
    kept = {row["name"]: (int(row["configured"]), int(row["configured_digits"]) - 1) for row in rows if int(row["strategy"]) == strategy}
    return [change(strategy, name, text, configured=True) for name, text in wanted.items() if kept.get(name.encode()) != scaled(text)]


def text_of(row: Any) -> str:
    """The value of a Parameter or ParameterChange."""
    return to_text(int(row["value"]), int(row["digits"]))


def describe(table: Tables, body: bytes) -> tuple[str, str, str]:
    """Whose parameter, what it is now ("": not set), and what it becomes."""
    c = np.frombuffer(body.ljust(dtype("ParameterChange").itemsize, b"\0"), dtype("ParameterChange"), 1)[0]
    strategies, rows = table("strategies"), table("parameters")
    strategy = int(c["strategy"])
    found = rows[(rows["strategy"] == strategy) & (rows["name"] == c["name"])] if strategy else rows[:0]
    name = bytes(strategies[strategy]["name"]).decode("ascii", "replace") if 0 < strategy < len(strategies) else ""
    return f"{bytes(c['name']).decode('ascii', 'replace')} of strategy:{name or f'#{strategy}'}", text_of(found[0]) if len(found) else "", text_of(c)
