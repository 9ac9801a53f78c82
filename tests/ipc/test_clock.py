"""The calibrated clock: close to the system's, never back, the same in every process that follows it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ringfence.ipc.clock import Clock
from ringfence.ipc.errors import IpcError, LayoutMismatch
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.ipc.seqlock import write_consistent

SUPERVISOR = ENUMS["Role"].by_name["SUPERVISOR"]
SECOND = 1_000_000_000


@pytest.fixture
def region(instance: str) -> Iterator[Segment]:
    with Segment.create(instance, "instance", [("clock", "ClockCalibration", 2)], role=SUPERVISOR, epoch=1) as segment:
        yield segment


@pytest.mark.parametrize("use_counter", [True, False])
def test_clock_when_calibrated_agrees_with_the_system_clock(use_counter: bool) -> None:
    clock = Clock.calibrate(use_counter=use_counter)
    before = time.time_ns()
    now = clock.now_ns()
    assert before - SECOND // 10 <= now <= time.time_ns() + SECOND // 10


def test_clock_when_counter_is_refused_reads_clock_gettime() -> None:
    assert Clock.calibrate(use_counter=False).source == "CLOCK_GETTIME"


def test_clock_when_asked_many_times_never_goes_back() -> None:
    clock = Clock.calibrate()
    stamps = []
    for n in range(20_000):
        if n % 1000 == 0:
            clock.recalibrate()
        stamps.append(clock.now_ns())
    assert stamps == sorted(stamps)


def test_clock_when_nothing_is_published_refuses_to_attach(region: Segment) -> None:
    with pytest.raises(IpcError, match="no calibration"):
        Clock.attach(region)


def test_clock_when_section_is_missing_names_what_is_needed(instance: str) -> None:
    other = Segment.create(instance, "other", [("clock", "ClockCalibration", 1)], role=SUPERVISOR, epoch=1)
    with pytest.raises(LayoutMismatch, match="ClockCalibration"):
        Clock.attach(other)


def test_clock_when_published_is_followed_and_refreshed(region: Segment, instance: str) -> None:
    owner = Clock.calibrate()
    owner.publish(region)
    follower = Clock.attach(Segment.attach(instance, "instance"))
    assert follower.source == owner.source
    assert follower.refresh() is False
    owner.recalibrate()
    owner.publish(region)
    assert follower.refresh() is True
    assert abs(follower.now_ns() - owner.now_ns()) < SECOND // 10
    with pytest.raises(IpcError, match="only its owner"):
        follower.recalibrate()


def test_clock_when_calibration_is_set_back_holds_the_last_answer(region: Segment) -> None:
    owner = Clock.calibrate(use_counter=True)
    if owner.source != "TSC":
        pytest.skip("no trusted CPU counter on this host: the calibration is not used")
    owner.publish(region)
    follower = Clock.attach(region)
    last = follower.now_ns()
    base = int(region.section("clock")["base_ns"][1])
    write_consistent(region.section("clock")[1:2], {"base_ns": base - 3600 * SECOND})
    follower.refresh()
    assert follower.now_ns() == last


def test_clock_when_segment_is_read_only_refuses_to_publish(region: Segment, instance: str) -> None:
    with pytest.raises(PermissionError, match="supervisor"):
        Clock.calibrate(use_counter=False).publish(Segment.attach(instance, "instance"))
