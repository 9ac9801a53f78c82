"""A disk that fails under the real processes: the C library's calls are answered by tests/tools/failing_disk.c, on journal files only.

A sidecar alone loses nothing, whatever call fails; a whole instance stops new orders with the right reason, lets cancels and executions
pass, and goes on by itself when space is back. After a failed sync nothing is written any more.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from engine_side import EngineSide, assert_journal_is
from running_instance import Running

from ringfence.ipc.errors import RingFull
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import CONSTANTS
from ringfence.ipc.segment import Segment
from ringfence.strategy import Event, Strategy
from ringfence.tools.journal import JournalReader

Slots = Callable[..., np.ndarray]
FULL, SUSPECT = (CONSTANTS[f"RESTRICT_JOURNAL_{name}"][0] for name in ("FULL", "SUSPECT"))


class Shim:
    """The preloaded library and its switch."""

    def __init__(self, directory: Path) -> None:
        compiler = shutil.which("gcc")
        if compiler is None:
            pytest.skip("no gcc to build the failing disk with")
        self.library, self.switch = directory / "failing_disk.so", directory / "disk_fails"
        source = Path(__file__).with_name("failing_disk.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", self.library, source, "-ldl"], check=True)

    def environment(self, rule: str) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "FAILING_DISK": rule,
            "FAILING_DISK_FILE": "/journal/",
            "FAILING_DISK_SWITCH": str(self.switch),
        }

    def on(self) -> None:
        self.switch.touch()

    def off(self) -> None:
        self.switch.unlink()

    @property
    def faults(self) -> int:
        count = Path(f"{self.switch}.count")
        return count.stat().st_size if count.exists() else 0


@pytest.fixture
def shim(tmp_path: Path) -> Shim:
    return Shim(tmp_path)


# ---- the sidecar alone


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize(("call", "commit"), [("write", "fdatasync"), ("write", "direct"), ("allocate", "fdatasync")])
def test_sidecar_when_the_disk_is_full_for_a_while_keeps_the_ring_and_goes_on(
    engine: Callable[..., EngineSide],
    journal_slots: Slots,
    tmp_path: Path,
    shim: Shim,
    call: str,
    commit: str,
    code: int,
) -> None:
    side = engine(slots=64, segment_bytes=8192, commit=commit)
    side.start(**shim.environment(f"{call}:1:{code}:always"))
    slots = journal_slots(1, 200)
    side.send(slots[:10])
    side.wait_persisted(10)
    shim.on()
    link, sent = side.connect(), 10
    end = time.monotonic() + 20
    while sent < 200 and not shim.faults:
        assert time.monotonic() < end, side.log
        try:
            link.send(slots[sent])
            sent += 1
        except RingFull:
            time.sleep(0.001)
    mark = Segment.attach(side.instance, "from.sidecar").section("mark")
    side.until(lambda: int(mark[0]["condition"]) == FULL)
    assert Metrics.attach(side.instance, "sidecar").counters()["suspect"] == 0
    shim.off()
    side.send(slots[sent:])
    side.wait_persisted(200)
    side.until(lambda: int(mark[0]["condition"]) == 0)
    assert_journal_is(tmp_path / "journal", slots)


@pytest.mark.parametrize(("rule", "commit"), [("write:1:short:always", "fdatasync"), ("write:1:short", "direct"), ("sync:1:20ms:always", "fdatasync")])
def test_sidecar_when_writes_are_short_or_syncs_slow_only_takes_longer(
    engine: Callable[..., EngineSide],
    journal_slots: Slots,
    tmp_path: Path,
    shim: Shim,
    rule: str,
    commit: str,
) -> None:
    side = engine(slots=64, commit=commit)
    side.start(**shim.environment(rule))
    slots = journal_slots(1, 100)
    side.send(slots[:10])
    side.wait_persisted(10)
    shim.on()
    side.send(slots[10:])
    side.wait_persisted(100)
    assert shim.faults
    assert_journal_is(tmp_path / "journal", slots)


@pytest.mark.parametrize(("call", "commit"), [("write", "fdatasync"), ("write", "direct"), ("sync", "fdatasync")])
def test_sidecar_when_a_call_fails_never_tries_again(
    engine: Callable[..., EngineSide],
    journal_slots: Slots,
    tmp_path: Path,
    shim: Shim,
    call: str,
    commit: str,
) -> None:
    side = engine(slots=64, commit=commit)
    process = side.start(**shim.environment(f"{call}:1:{errno.EIO}:always"))
    slots = journal_slots(1, 40)
    side.send(slots[:10])
    side.wait_persisted(10)
    shim.on()
    side.send(slots[10:])
    mark = Segment.attach(side.instance, "from.sidecar").section("mark")
    side.until(lambda: int(mark[0]["condition"]) == SUSPECT)
    faults = shim.faults
    assert faults == 1
    shim.off()  # the next sync would be called good: it must not be asked for
    beat = int(Segment.attach(side.instance, "from.sidecar").superblock["heartbeat_ns"])
    side.until(lambda: int(Segment.attach(side.instance, "from.sidecar").superblock["heartbeat_ns"]) > beat + 100_000_000)
    assert (int(mark[0]["condition"]), side.connect().their_mark, process.poll()) == (SUSPECT, 10, None)
    process.terminate()
    assert process.wait(30) == 1
    assert side.start().wait(30) == 4
    (tmp_path / "journal" / "SUSPECT").unlink()
    side.start()
    side.wait_persisted(40)
    assert_journal_is(tmp_path / "journal", slots)


# ---- a whole instance


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shim: Shim) -> Iterator[Callable[[str], Running]]:
    made: list[Running] = []

    def start(rule: str) -> Running:
        run = Running(tmp_path, f"fd{os.getpid()}")
        made.append(run)
        run.change("reduce_ms = 10000", 'reduce_ms = 10000\ncommit = "fdatasync"\nreserve_mib = 0')
        run.start_venue()
        with monkeypatch.context() as patched:
            for name, value in shim.environment(rule).items():
                patched.setenv(name, value)
            assert run.up() == 0, run.logs()
        run.wait_session_up()
        return run

    yield start
    for run in made:
        run.close()


def await_event(strategy: Strategy, client_id: int, kinds: set[str]) -> Event:
    for event in strategy.events(timeout=20):
        if event.client_id == client_id and event.kind in kinds:
            return event
    raise AssertionError(f"order {client_id} had none of {kinds}")


def restrictions(run: Running) -> int:
    return int(run.engine_row()["restrictions"])


def test_instance_when_the_disk_is_full_stops_new_orders_lets_cancels_pass_and_resumes(running: Callable[[str], Running], shim: Shim) -> None:
    run = running(f"write:1:{errno.ENOSPC}:always")
    with Strategy.attach("s1", run.name) as strategy:
        resting = strategy.buy("EUR/USD", 1000, "0.5")
        await_event(strategy, resting.client_id, {"ACK"})
        shim.on()
        run.until("the halt", lambda: restrictions(run) & FULL)
        denied = strategy.buy("EUR/USD", 1000, "0.5")
        assert await_event(strategy, denied.client_id, {"DENIED", "ACCEPTED"}).reason == "TRADING_HALTED"
        strategy.cancel(resting)
        await_event(strategy, resting.client_id, {"CANCELED"})
        shim.off()
        run.until("the end of the halt", lambda: not restrictions(run))
        again = strategy.buy("EUR/USD", 1000, "1.5", tif="IOC")
        await_event(strategy, again.client_id, {"FILL"})
        seq = int(run.engine_row()["seq"])
    run.down()
    result = JournalReader(run.data / "journal").verify()
    assert result.defects == ()
    assert result.last_seq >= seq
    assert "there is space for the journal again" in (run.data / "logs" / "sidecar.log").read_text()


def test_instance_when_a_sync_fails_stops_new_orders_for_good_and_lets_cancels_pass(running: Callable[[str], Running], shim: Shim) -> None:
    run = running(f"sync:1:{errno.EIO}")
    with Strategy.attach("s1", run.name) as strategy:
        resting = strategy.buy("EUR/USD", 1000, "0.5")
        await_event(strategy, resting.client_id, {"ACK"})
        shim.on()
        run.until("the halt", lambda: restrictions(run) & SUSPECT)
        denied = strategy.buy("EUR/USD", 1000, "0.5")
        assert await_event(strategy, denied.client_id, {"DENIED", "ACCEPTED"}).reason == "TRADING_HALTED"
        strategy.cancel(resting)
        await_event(strategy, resting.client_id, {"CANCELED"})
        assert shim.faults == 1
        assert restrictions(run) & SUSPECT
        assert (run.data / "journal" / "SUSPECT").exists()
