"""ring.h under ThreadSanitizer and as C++: two threads race over millions of messages, every word checked."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

CASES = [(1, 100_000, 0), (2, 200_000, 2**32 - 100), (64, 1_500_000, 2**63 - 1000), (1024, 1_500_000, 0)]


def has_thread_sanitizer(tmp_path: Path) -> bool:
    source = tmp_path / "empty.c"
    source.write_text("int main(void) { return 0; }\n")
    try:
        done = subprocess.run(["gcc", "-fsanitize=thread", str(source), "-o", str(tmp_path / "empty")], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


@pytest.mark.parametrize(("capacity", "messages", "start"), CASES)
def test_ring_when_two_threads_race_is_clean_under_thread_sanitizer(
    compile_and_run: Callable[..., str], native: Path, tmp_path: Path, capacity: int, messages: int, start: int
) -> None:
    if not has_thread_sanitizer(tmp_path):
        pytest.skip("gcc has no ThreadSanitizer runtime on this host: apt-get install libtsan2")
    # seqlock.h is only included: its fence is what ThreadSanitizer cannot model, hence -Wno-tsan
    out = compile_and_run(native / "ring_tsan.c", capacity, messages, start, flags=("-fsanitize=thread", "-Wno-tsan"))
    assert out == f"{messages} messages\n"


def test_ring_when_compiled_as_cpp_delivers_the_same(compile_and_run: Callable[..., str], native: Path) -> None:
    assert compile_and_run(native / "ring_tsan.c", 64, 1_000_000, 2**32 - 10, language="c++") == "1000000 messages\n"
