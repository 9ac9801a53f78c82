"""Fixtures that every part's tests share: a private instance name, and proof that a session leaves no shared memory behind."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from ledger_stores import alter, cluster, home, refusal, store
from synthetic_instance import Synthetic

__all__ = ["alter", "cluster", "home", "refusal", "store"]  # fixtures
SHM = Path("/dev/shm")
_numbers = itertools.count(1)
settings.register_profile(
    "ci", derandomize=True
)  # there the change is judged, and what a new search finds in old code is not of it; elsewhere each run searches anew
if os.environ.get("CI"):
    settings.load_profile("ci")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored, and so would have every process that a test interrupts
os.environ.setdefault("RINGFENCE_CODE_CACHE", str(Path(__file__).resolve().parent.parent / "build" / "code"))  # strategies compiled by tests


def _left(prefix: str) -> list[str]:
    return sorted(p.name for p in SHM.glob(f"rf.{prefix}*"))


@pytest.fixture
def instance() -> Iterator[str]:
    """Return an instance name that no other test uses; afterwards its regions must be gone (and are removed either way)."""
    name = f"t{os.getpid()}n{next(_numbers)}"
    yield name
    left = [p for p in _left(name) if p.split(".")[1] == name]
    for region in left:
        (SHM / region).unlink(missing_ok=True)
    assert not left, f"the test left regions in /dev/shm: {left}"


@pytest.fixture(scope="session", autouse=True)
def nothing_left_in_shared_memory() -> Iterator[None]:
    """Fail the session when a region named after this process is still in /dev/shm at its end."""
    yield
    left = _left(f"t{os.getpid()}")
    assert not left, f"tests left regions in /dev/shm: {left}"


@pytest.fixture(scope="session")
def failpoint_build() -> Path:
    """Return the directory of the test build, made anew when a source changed; it goes on PYTHONPATH of child processes."""
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([root / ".ci" / "failpoint-build"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "build" / "failpoints"


@pytest.fixture
def synthetic(instance: str) -> Iterator[Synthetic]:
    """Return a running instance made by hand (synthetic_instance.py); it is removed afterwards."""
    made = Synthetic(instance)
    yield made
    made.close()
