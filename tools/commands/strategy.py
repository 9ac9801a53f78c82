"""The command ``run``: arguments to ``ringfence.strategies.runner``. Exit codes are the runner's. What ``backtest`` has in common with it is here, too."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from ringfence.ipc.host import Idle
from ringfence.tools.errors import UsageError


def run(args: argparse.Namespace) -> int:
    """Run a strategy of a file until it is stopped.

    Raises
    ------
    UsageError
        If no strategy is named, or a setting is not NAME=VALUE.
    """
    from ringfence.strategies import runner

    name = args.name or os.environ.get("RINGFENCE_STRATEGY")
    if not name:
        raise UsageError("--name is missing, and RINGFENCE_STRATEGY is not set")
    settings = settings_in(args.settings)
    idle = Idle[args.idle.upper()] if args.idle else None
    return runner.run(*file_and_class(args.file), name, instance=args.instance, mode=args.mode, settings=settings, idle=idle)


def file_and_class(text: str) -> tuple[Path, str | None]:
    """What ``FILE.py[:CLASS]`` says."""
    file, _, class_name = text.rpartition(":") if ".py:" in text else (text, "", "")
    return Path(file), class_name or None


def settings_in(texts: Sequence[str]) -> dict[str, str]:
    """What each ``NAME=VALUE`` says.

    Raises
    ------
    UsageError
        If one is not of that form.
    """
    settings: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise UsageError(f"--set {text!r} is not NAME=VALUE")
        settings[key] = value
    return settings
