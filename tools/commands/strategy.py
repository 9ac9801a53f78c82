"""The command ``run``: arguments to ``ringfence.strategies.runner``. Exit codes are the runner's."""

from __future__ import annotations

import argparse
import os
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
    settings: dict[str, str] = {}
    for text in args.settings:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise UsageError(f"--set {text!r} is not NAME=VALUE")
        settings[key] = value
    file, _, class_name = args.file.rpartition(":") if ".py:" in args.file else (args.file, "", "")
    idle = Idle[args.idle.upper()] if args.idle else None
    return runner.run(Path(file), class_name or None, name, instance=args.instance, mode=args.mode, settings=settings, idle=idle)
