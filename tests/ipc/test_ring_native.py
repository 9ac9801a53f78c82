"""ring.h in plain C: edges, deaths at every pair of steps, and races of two threads under the sanitizers; and proof that they can fail.

``-fno-builtin-memcpy`` matters: gcc writes the copy of a slot out in line, where ThreadSanitizer does not see it, and then finds nothing wrong with a
ring without any release.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

STARTS = [0, 2**32 - 6, 2**63 - 6]
CAPACITIES = [1, 2, 4, 16]
# seqlock.h is only included: its fence is what ThreadSanitizer cannot model, hence -Wno-tsan
THREAD = ("-fsanitize=thread", "-Wno-tsan", "-fno-builtin-memcpy")
ADDRESS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
Build = Callable[..., Path]
PACKAGES = {THREAD: "libtsan2", ADDRESS: "libasan8 libubsan1"}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Compile the driver once for each set of flags; skip where the sanitizer cannot run, and say why."""
    directory = tmp_path_factory.mktemp("driver")
    here = Path(__file__).resolve().parent
    made: dict[tuple[str, ...], Path] = {}

    def can_run(flags: tuple[str, ...]) -> str:
        source = directory / "empty.c"
        source.write_text("int main(void) { return 0; }\n")
        try:
            subprocess.run(["gcc", *flags, str(source), "-o", str(directory / "empty")], capture_output=True, check=True, text=True)
            subprocess.run([str(directory / "empty")], capture_output=True, check=True, text=True)
        except FileNotFoundError:
            return "no gcc on this host: apt-get install gcc"
        except subprocess.CalledProcessError as error:
            return f"{flags[0]} does not run on this host (apt-get install {PACKAGES.get(flags, 'gcc')}?): {error.stderr.strip()[-200:]}"
        return ""

    def act(flags: tuple[str, ...], *more: str) -> Path:
        key = (*flags, *more)
        if key not in made:
            if reason := can_run(flags):
                pytest.skip(reason)
            program = directory / f"driver{len(made)}"
            command = ["gcc", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-O2", "-g", *key, f"-I{here.parent.parent / 'ipc'}"]
            done = subprocess.run(
                [*command, str(here / "native" / "ring_driver.c"), "-o", str(program), "-pthread"], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            made[key] = program
        return made[key]

    return act


def run(program: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("capacity", CAPACITIES)
def test_ring_when_full_empty_or_batched_keeps_its_edges(build: Build, capacity: int, start: int) -> None:
    done = run(build(ADDRESS), "edges", capacity, start)
    assert (done.returncode, done.stdout) == (0, f"edges of {capacity} slots\n"), done.stderr


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(("capacity", "batch"), [(1, 1), (2, 1), (2, 2), (4, 3), (4, 4), (16, 1), (16, 16)])
def test_ring_when_both_sides_die_at_any_pair_of_steps_nothing_is_lost_or_twice(build: Build, capacity: int, batch: int, start: int) -> None:
    done = run(build(ADDRESS), "deaths", capacity, start, batch)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(" worlds\n")


@pytest.mark.parametrize(
    ("capacity", "messages", "start", "deaths_every"),
    [(1, 100_000, 0, 0), (2, 100_000, 2**32 - 100, 50), (64, 500_000, 2**63 - 1000, 0), (64, 300_000, 2**63 - 1000, 300), (1024, 500_000, 0, 0)],
)
def test_ring_when_two_threads_race_is_clean_under_thread_sanitizer(build: Build, capacity: int, messages: int, start: int, deaths_every: int) -> None:
    done = run(build(THREAD), "race", capacity, start, messages, deaths_every)
    assert (done.returncode, done.stdout) == (0, f"{messages} messages\n"), done.stderr[-3000:]


def test_ring_when_its_stores_are_relaxed_thread_sanitizer_says_so(build: Build) -> None:
    done = run(build(THREAD, "-DBROKEN"), "race", 64, 0, 100_000, 0)
    assert done.returncode == 66, done.stdout
    assert "ThreadSanitizer: data race" in done.stderr
    assert "rf_ring_take" in done.stderr


def test_ring_when_compiled_as_cpp_delivers_the_same(compile_and_run: Callable[..., str], native: Path) -> None:
    assert compile_and_run(native / "ring_driver.c", "race", 64, 2**32 - 10, 1_000_000, 0, language="c++") == "1000000 messages\n"
