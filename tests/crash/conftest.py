"""The instance that the crash tests kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("instance_under_load", "running_instance")

from running_instance import Running  # noqa: E402


@pytest.fixture
def running(tmp_path: Path, instance: str) -> Iterator[Running]:
    made = Running(tmp_path, instance)
    yield made
    made.close()
