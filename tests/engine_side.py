"""The engine's end of the journal ring and sidecar processes to talk to, for tests of the sidecar."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.ipc.errors import RegionMissing, RingFull
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.regions import unlink_stale
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import frames
from ringfence.tools.journal import JournalReader

ROLE = ENUMS["Role"].by_name


class EngineSide:
    """The engine's end of the journal ring, and a sidecar process to talk to."""

    def __init__(self, tmp_path: Path, name: str, slots: int, segment_bytes: int = 65536, sync_ms: int = 2, **more: Any) -> None:
        self.instance, self.tmp_path = name, tmp_path
        self.region = Segment.create(name, "to.sidecar", link_sections("JournalSlot", slots), role=ROLE["ENGINE"], epoch=1)
        self.spec = tmp_path / "sidecar.json"
        spec = {"instance": name, "epoch": 1, "journal_dir": str(tmp_path / "journal"), "segment_bytes": segment_bytes, "sync_ms": sync_ms, "reserve_bytes": 0}
        self.spec.write_text(json.dumps({**spec, "commit": "fdatasync", **more, "idle": "backoff", "core": -1, "drain_s": 5}))
        self.processes: list[subprocess.Popen[bytes]] = []
        self.link: Link | None = None

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        log = (self.tmp_path / "sidecar.log").open("ab")
        command = [sys.executable, "-m", "ringfence.tools.sidecar", "--spec", str(self.spec)]
        process = subprocess.Popen(command, stderr=log, env={**os.environ, **environment})
        self.processes.append(process)
        return process

    @property
    def log(self) -> str:
        return (self.tmp_path / "sidecar.log").read_text()

    def connect(self) -> Link:
        def theirs() -> Segment | None:
            try:
                return Segment.attach(self.instance, "from.sidecar")
            except RegionMissing:
                return None

        if self.link is None:
            self.link = Link(self.region, self.until(theirs))
        return self.link

    def until(self, probe: Callable[[], object], timeout_s: float = 20.0) -> object:
        end = time.monotonic() + timeout_s
        while not (found := probe()):
            assert time.monotonic() < end, self.log
            time.sleep(0.002)
        return found

    def send(self, slots: np.ndarray) -> None:
        link = self.connect()
        for slot in slots:
            end = time.monotonic() + 20
            while True:
                try:
                    link.send(slot)
                    break
                except RingFull:
                    assert time.monotonic() < end, self.log
                    time.sleep(0.0005)

    def wait_persisted(self, seq: int) -> None:
        self.until(lambda: self.connect().their_mark >= seq)

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.region.unlink()
        unlink_stale(self.instance)


def assert_journal_is(directory: Path, slots: np.ndarray) -> None:
    result = JournalReader(directory).verify()
    assert result.defects == ()
    got = b"".join(bytes(c.buffer[c.start : c.end]) for c in JournalReader(directory).chunks())  # type: ignore[union-attr]
    assert got == frames.encode(slots)
