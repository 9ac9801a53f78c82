"""CRC32C: hardware and table agree, and both give the published check value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def test_crc32c_when_computed_by_instruction_or_table_gives_the_check_value(compile_and_run: Callable[..., str], native: Path) -> None:
    _, fast, portable = compile_and_run(native / "crc32c_check.c").split()
    assert (fast, portable) == ("E3069283", "E3069283")
