"""Frames: what encode writes scan reads, and every single damage is told apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.tools import frames
from ringfence.tools.frames import ScanState


def reference_crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def starts(data: bytes) -> list[int]:
    out, at = [], 0
    while at < len(data):
        out.append(at)
        at += int.from_bytes(data[at : at + 4], "little")
    return out


def test_encode_when_slots_are_good_writes_length_crc_and_payload(journal_slots: Callable[..., np.ndarray]) -> None:
    slots = journal_slots(1, 6)
    data = frames.encode(slots)
    for k, at in enumerate(starts(data)):
        length = int.from_bytes(data[at : at + 4], "little")
        assert length % 8 == 0
        whole = data[at : at + 4] + bytes(4) + data[at + 8 : at + length]
        assert int.from_bytes(data[at + 4 : at + 8], "little") == reference_crc32c(whole)
        raw = slots[k : k + 1].tobytes()
        assert data[at + 8 : at + 48] == raw[8:48]
        assert data[at + 64 : at + length] == raw[64:length]


@pytest.mark.parametrize(("field", "value"), [(38, 0), (38, 99), (40, 63), (40, 1 << 20)])
def test_encode_when_kind_or_size_is_impossible_raises(journal_slots: Callable[..., np.ndarray], field: int, value: int) -> None:
    slots = journal_slots(1, 3)
    raw = slots.view(np.uint8).reshape(3, -1)
    width = 2 if field == 38 else 4
    raw[1, field : field + width] = np.frombuffer(value.to_bytes(width, "little"), np.uint8)
    with pytest.raises(ValueError, match="slot 1 has an impossible kind"):
        frames.encode(slots)


def test_scan_when_zeros_follow_is_clean(journal_frames: Callable[..., bytes]) -> None:
    data = journal_frames(5, 9)
    found = frames.scan(data + bytes(4096), 0, 5)
    assert (found.state, found.offset, found.frames, found.last_seq, found.last_epoch) == (ScanState.CLEAN, len(data), 9, 13, 1)


def test_scan_when_truncated_at_every_byte_keeps_whole_frames(journal_frames: Callable[..., bytes]) -> None:
    data = journal_frames(1, 7)
    bounds = [*starts(data), len(data)]
    for cut in range(len(data) + 1):
        whole = sum(1 for b in bounds[1:] if b <= cut)
        for tail in (b"", bytes(64)):
            found = frames.scan(data[:cut] + tail, 0, 1)
            torn = cut not in bounds and any(data[bounds[whole] : cut])
            assert (found.frames, found.offset) == (whole, bounds[whole]), cut
            assert found.state == (ScanState.TORN if torn else ScanState.CLEAN), cut


def test_scan_when_any_bit_flips_names_the_frame_and_never_passes(journal_frames: Callable[..., bytes]) -> None:
    data = journal_frames(1, 6)
    bounds = [*starts(data), len(data)]
    buffer = bytearray(data + bytes(256))
    for at in range(len(data)):
        frame = max(k for k, b in enumerate(bounds[:-1]) if b <= at)
        for bit in range(8):
            buffer[at] ^= 1 << bit
            found = frames.scan(buffer, 0, 1)
            buffer[at] ^= 1 << bit
            assert found.offset == bounds[frame], (at, bit)
            assert found.state == (ScanState.TORN if frame == 5 else ScanState.CORRUPT), (at, bit)
            if found.state == ScanState.CORRUPT:
                assert found.found == bounds[frame + 1]


def test_scan_when_a_byte_after_the_end_is_set_is_torn_there(journal_frames: Callable[..., bytes]) -> None:
    data = journal_frames(1, 3)
    for distance in (0, 1, 7, 8, 100, 255):
        buffer = bytearray(data + bytes(256))
        buffer[len(data) + distance] = 1
        found = frames.scan(buffer, 0, 1)
        assert (found.state, found.offset, found.last_seq) == (ScanState.TORN, len(data), 3)


@pytest.mark.parametrize(("order", "bad", "found_seq"), [((1, 2, 4), 2, 4), ((1, 2, 2, 3), 2, 2), ((1, 2, 1), 2, 1), ((2, 3), 0, 2)])
def test_scan_when_sequence_is_not_dense_says_what_it_found(journal_frames: Callable[..., bytes], order: tuple[int, ...], bad: int, found_seq: int) -> None:
    parts = [journal_frames(seq, 1) for seq in order]
    found = frames.scan(b"".join(parts), 0, 1)
    assert (found.state, found.found, found.offset) == (ScanState.SEQUENCE, found_seq, sum(map(len, parts[:bad])))


def test_scan_when_epoch_falls_says_so(journal_frames: Callable[..., bytes]) -> None:
    first = journal_frames(1, 2, epoch=3) + journal_frames(3, 2, epoch=4)
    found = frames.scan(first + journal_frames(5, 1, epoch=3), 0, 1, 3)
    assert (found.state, found.found, found.offset, found.last_epoch) == (ScanState.EPOCH, 3, len(first), 4)


def test_scan_when_tail_is_not_wanted_stops_at_the_zero_length(journal_frames: Callable[..., bytes]) -> None:
    data = journal_frames(1, 2)
    buffer = data + bytes(64) + journal_frames(3, 1)
    assert frames.scan(buffer, 0, 1, whole_tail=False).state == ScanState.CLEAN
    assert frames.scan(buffer, 0, 1).state == ScanState.CORRUPT


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=600), keep=st.integers(0, 5))
def test_scan_when_junk_follows_finds_exactly_the_good_frames(journal_frames: Callable[..., bytes], junk: bytes, keep: int) -> None:
    data = journal_frames(1, 5)
    end = [*starts(data), len(data)][keep]
    found = frames.scan(data[:end] + junk, 0, 1)
    assert (found.frames, found.offset) == (keep, end)
    assert found.state == (ScanState.TORN if any(junk) else ScanState.CLEAN)


def test_offsets_and_fit_when_room_is_short_return_whole_frames(journal_frames: Callable[..., bytes]) -> None:
    data = journal_frames(1, 6)
    expected = starts(data)
    numbers = np.zeros(6, np.uint64)
    assert frames.offsets(data, 0, len(data), numbers) == 6
    assert numbers.tolist() == expected
    bounds = [*expected, len(data)]
    for room in range(0, len(data) + 64, 8):
        n = sum(1 for b in bounds[1:] if b <= room)
        assert frames.fit(data, 0, len(data), room) == (bounds[n], n, n)


def test_fit_when_bytes_are_not_frames_raises() -> None:
    with pytest.raises(ValueError, match="no whole frame at byte 0"):
        frames.fit(bytes(128), 0, 128, 128)


def test_crc32c_when_continued_equals_the_whole() -> None:
    data = bytes(range(256)) * 3
    assert frames.crc32c(data) == reference_crc32c(data)
    assert frames.crc32c(data[100:], frames.crc32c(data[:100])) == frames.crc32c(data)
