"""The simulated disk: what was synced outlives a crash of the host, and nothing else is promised."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.tools.simulation.disk import PAGE, Armed, ProcessDied, SimulatedDisk

SIZE = 4 * PAGE
WRITES = st.lists(st.tuples(st.integers(0, SIZE - 600), st.integers(1, 600), st.booleans()), min_size=1, max_size=12)


def opened(directory: Path) -> int:
    path = directory / "file"
    path.write_bytes(b"\0" * SIZE)
    return os.open(path, os.O_RDWR)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WRITES, st.integers(0, 10**6), st.booleans())
def test_crash_when_pages_were_synced_they_are_as_they_were(tmp_path: Path, writes: list[tuple[int, int, bool]], seed: int, ordered: bool) -> None:
    disk, fd = SimulatedDisk(), opened(tmp_path)
    durable = bytes(SIZE)
    dirty: set[int] = set()
    for number, (at, size, sync) in enumerate(writes, 1):
        assert disk.write(fd, memoryview(bytes([number]) * size), at) == size
        dirty |= {at // PAGE, (at + size - 1) // PAGE}
        if sync:
            disk.sync(fd)
            durable, dirty = os.pread(fd, SIZE, 0), set()
    before = os.pread(fd, SIZE, 0)
    lost = disk.crash(tmp_path, Random(seed), ordered=ordered)
    after = os.pread(fd, SIZE, 0)
    os.close(fd)
    assert lost <= len(dirty)
    for page in range(SIZE // PAGE):
        part = slice(page * PAGE, (page + 1) * PAGE)
        if page not in dirty:
            assert after[part] == durable[part]
        elif after[part] not in (before[part], durable[part]):  # scrambled: only from the first byte on that was being changed
            same = next(k for k in range(PAGE) if before[part][k] != durable[part][k])
            assert after[part][:same] == durable[part][:same]


def test_crash_when_nothing_was_synced_every_fate_of_a_page_is_drawn(tmp_path: Path) -> None:
    fates = set()
    for seed in range(40):
        disk, fd = SimulatedDisk(), opened(tmp_path)
        disk.write(fd, memoryview(b"x" * PAGE), 0)
        disk.crash(tmp_path, Random(seed), ordered=False)
        page = os.pread(fd, PAGE, 0)
        os.close(fd)
        fates.add({bytes(PAGE): "dropped", b"x" * PAGE: "kept"}.get(page, "scrambled"))
    assert fates == {"dropped", "kept", "scrambled"}


def test_write_when_it_is_torn_some_bytes_are_there_and_the_process_is_dead(tmp_path: Path) -> None:
    disk, fd = SimulatedDisk(), opened(tmp_path)
    disk.fail(Armed("write", kept=3, dies=True))
    with pytest.raises(ProcessDied):
        disk.write(fd, memoryview(b"abcdef"), 0)
    assert os.pread(fd, 6, 0) == b"abc\0\0\0"
    assert disk.write(fd, memoryview(b"abcdef"), 0) == 6  # once
    os.close(fd)


def test_write_when_the_disk_is_full_it_fails_until_it_is_mended(tmp_path: Path) -> None:
    disk, fd = SimulatedDisk(), opened(tmp_path)
    disk.full = True
    for _ in range(2):
        with pytest.raises(OSError) as caught:
            disk.write(fd, memoryview(b"a"), 0)
        assert caught.value.errno == errno.ENOSPC
    disk.mend()
    assert disk.write(fd, memoryview(b"a"), 0) == 1
    os.close(fd)
