"""An instance name of its own for every test, and proof that no region of it stays behind."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from ringfence.ipc import regions

_numbers = itertools.count()


@pytest.fixture
def instance() -> Iterator[str]:
    """Name an instance for one test; its regions are unlinked afterwards."""
    name = f"t{os.getpid()}_{next(_numbers)}"
    yield name
    for region in regions.list_regions(name):
        (regions.SHM_DIR / f"{regions.PREFIX}{name}.{region.name}").unlink()
