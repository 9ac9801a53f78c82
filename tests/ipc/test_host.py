"""Host requests: granted or refused, never an exception, and a refusal says what would grant it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest

from ringfence.ipc import host


@pytest.fixture
def affinity() -> Iterator[set[int]]:
    before = os.sched_getaffinity(0)
    yield before
    os.sched_setaffinity(0, before)


def test_pin_when_core_is_allowed_runs_there_only(affinity: set[int]) -> None:
    core = min(affinity)
    assert host.pin(core)
    assert os.sched_getaffinity(0) == {core}


def test_pin_when_core_does_not_exist_is_refused_with_a_command(affinity: set[int]) -> None:
    refused = host.pin(100_000)
    assert not refused
    assert "taskset" in str(refused)
    assert os.sched_getaffinity(0) == affinity


def test_pin_when_negative_asks_for_nothing(affinity: set[int]) -> None:
    assert host.pin(-1)
    assert os.sched_getaffinity(0) == affinity


def test_lock_memory_when_limit_is_low_and_no_capability_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_has_capability", lambda bit: False)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (65536, 65536))
    refused = host.lock_memory()
    assert isinstance(refused, host.Refused)
    assert ("64 KiB" in refused.reason, "cap_ipc_lock" in refused.fix) == (True, True)


def test_realtime_when_kernel_refuses_names_the_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    refused = host.realtime(10)
    assert isinstance(refused, host.Refused)
    assert "cap_sys_nice" in refused.fix
    assert host.realtime(0)


@pytest.mark.parametrize(("count", "idle"), [(1, "BACKOFF"), (2, "BACKOFF"), (4, "YIELD"), (8, "SPIN")])
def test_default_idle_when_cores_are_few_does_not_spin(monkeypatch: pytest.MonkeyPatch, count: int, idle: str) -> None:
    monkeypatch.setattr(host, "cores", lambda: list(range(count)))
    assert host.default_idle().name == idle
