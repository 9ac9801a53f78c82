"""The memory benchmark on a real instance with few events, and its verdicts on made-up series."""

from __future__ import annotations

import json
import subprocess
import sys

from ringfence.bench.memory import Sample, findings

MIB = 2**20


def series(private: list[int], maps: list[int] | None = None, files: list[int] | None = None) -> list[Sample]:
    return [Sample(1_000_000 * (n + 1), p, 0, maps[n] if maps else 50, files[n] if files else 10) for n, p in enumerate(private)]


def test_memory_when_a_process_leaks_it_is_named_and_a_first_step_is_not_a_leak() -> None:
    leaking = series([10 * MIB + n * MIB // 2 for n in range(20)])
    warming = series([10 * MIB, 20 * MIB, 30 * MIB, 40 * MIB, *[40 * MIB] * 16])
    once = series([10 * MIB] * 10 + [13 * MIB] * 10)
    mapping = series([10 * MIB] * 20, maps=[50 + n for n in range(20)])
    opening = series([10 * MIB] * 20, files=[5 + n // 2 for n in range(20)])
    reading = series([10 * MIB] * 20, files=[5] * 19 + [6])
    lagging = series([10 * MIB] * 20, files=[4] * 10 + [5] * 10)
    two = series([10 * MIB] * 20, files=[4] * 10 + [6] * 10)
    named = {"leaking": leaking, "warming": warming, "once": once, "mapping": mapping, "opening": opening, "reading": reading}
    rows = {r.process: r.grows for r in findings(named)}
    assert rows["leaking"] == ["private memory by 512 KiB a million events"]
    assert rows["warming"] == rows["once"] == []
    assert rows["mapping"] == ["mappings from 54 to 69"]
    assert rows["opening"] == ["open files from 7 to 13"]
    assert rows["reading"] == []
    writing = series([10 * MIB] * 12 + [(10 + n) * MIB for n in range(6)] + [10 * MIB] * 2)
    assert [r.grows for r in findings({"shadow": writing})] == [[]]
    assert [r.grows for r in findings({"engine": lagging, "shadow": lagging})] == [["open files from 4 to 5"], []]
    assert [r.grows for r in findings({"shadow": two})] == [["open files from 4 to 6"]]


def test_memory_when_an_instance_runs_every_process_is_watched_and_keeps_no_frame() -> None:
    """In so short a run buffers still reach their size, so the verdict is for longer ones; who kept 200 bytes of each frame would be above this bound."""
    command = [sys.executable, "-m", "ringfence.bench", "memory", "--events", "300000", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    report = json.loads(run.stdout)
    watched = {row["process"]: row for row in report["rows"]}
    assert {"supervisor", "engine", "sidecar", "feed"} <= set(watched)
    assert any(name.startswith("gw.") for name in watched)
    grown = {name: row["last"]["private"] - row["first"]["private"] for name, row in watched.items()}
    assert {name: more for name, more in grown.items() if more > 48 * MIB} == {}
    assert run.returncode == any(row["grows"] for row in watched.values()), run.stderr
