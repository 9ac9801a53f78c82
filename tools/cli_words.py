"""What the command line's table of commands is written with: commands, their arguments, and the types of those.

cli.py: COMMANDS of these words ──▶ argparse        Pure; a type raises ValueError or ArgumentTypeError, which argparse turns into a usage error.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Argument:
    """Arguments of one ``add_argument`` call."""

    flags: tuple[str, ...]
    settings: dict[str, object]


def arg(*flags: str, **settings: object) -> Argument:
    return Argument(flags, settings)


@dataclass(frozen=True)
class Command:
    """A command: ``run`` is ``module:function`` under ``ringfence.tools``, called with the parsed arguments, returns the exit code."""

    name: str
    help: str
    run: str = ""
    arguments: tuple[Argument, ...] = ()
    aliases: tuple[str, ...] = ()
    parts: tuple[Command, ...] = ()


def day(text: str) -> str:
    """A calendar date, as YYYY-MM-DD."""
    return date.fromisoformat(text).isoformat()


def positive(text: str) -> float:
    """A number above 0."""
    if not 0 < float(text) < 1e9:
        raise argparse.ArgumentTypeError(f"was {text}; allowed: more than 0")
    return float(text)


def count(text: str) -> int:
    """A number from 1 on."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"was {text}; allowed: 1 or more")
    return int(text)
