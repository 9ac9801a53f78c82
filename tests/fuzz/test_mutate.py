"""A short run of the mutation runner; the long one is a command of its own (README.md)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def runner() -> ModuleType:
    path = Path(__file__).resolve().parent / "mutate.py"
    spec = importlib.util.spec_from_file_location("mutate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutate"] = module
    spec.loader.exec_module(module)
    return module


def test_mutate_when_run_shortly_finds_nothing_and_meets_every_kind() -> None:
    counts = runner().run(3000, 20261126)
    assert counts.messages == 3000
    assert counts.accepted > 500
    assert counts.garbled > 100
    assert counts.faults > 100
    assert counts.logged_on > 2900, "the session was hardly ever logged on, so the messages met nothing of it"
    assert counts.rss_kib < 8192, "1500 messages made memory grow"
