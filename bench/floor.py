"""The noise floor of the host: what no benchmark here can be below, and how much of the cores somebody else takes.

    ping_ns                    a cache line there and back between two cores (bench/native/pingpong.c): two cross-core hops
    clock_ns, record_ns        one reading of our clock, one record in a histogram
    hiccup_*_ns                gaps of a thread that does nothing but read the clock, 100 ms: interrupts, the scheduler, the hypervisor
    load_1min, steal_pct       the kernel's own words; steal is of the time between the two measurements

Measured before and after every benchmark, and the ping around every round (harness.interleave). Without a C compiler there is no ping, and no round is judged.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ringfence.bench.floor_loops import clock_ns, hiccups, record_ns
from ringfence.bench.host import PeerMissing, compile_native, run_native, two_cores
from ringfence.ipc.clock import Clock
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import ENUMS

MOVED = 1.5  # a ping so many times another: the floor moved
TRIPS, TRIPS_ROUND, TRIPS_QUICK = 200_000, 50_000, 1_000
READINGS, READINGS_QUICK = 1_000_000, 1_000
HICCUP_NS, HICCUP_NS_QUICK = 100_000_000, 1_000_000
_HISTOGRAMS = ("hiccup", "record")
_serial = 0


def measure(*, quick: bool = False) -> dict[str, float]:
    """Return the floor now; what this host cannot measure is left out."""
    global _serial
    _serial += 1
    clock = Clock.calibrate(0.001 if quick else 0.02)
    readings = READINGS_QUICK if quick else READINGS
    metrics = Metrics.create(f"floor{os.getpid()}x{_serial}", "floor", (), _HISTOGRAMS, role=ENUMS["Role"].by_name["VENUE"], epoch=1)
    try:
        hiccups(clock, metrics, "hiccup", HICCUP_NS_QUICK if quick else HICCUP_NS)
        gaps = metrics.histograms()["hiccup"]
        found = {"clock_ns": clock_ns(clock, readings), "record_ns": record_ns(clock, metrics, "record", readings)}
    finally:
        metrics.segment.unlink()
    found |= {"hiccup_p99_99_ns": float(gaps.percentile(99.99)), "hiccup_max_ns": float(gaps.max), "load_1min": os.getloadavg()[0]}
    ticks, stolen = _cpu_ticks()
    found |= {"cpu_ticks": float(ticks), "steal_ticks": float(stolen)}
    trip = ping(TRIPS_QUICK if quick else TRIPS)
    return found if trip is None else {"ping_ns": trip, **found}


def ping(trips: int = TRIPS_ROUND) -> float | None:
    """Return a cache line's way there and back between two cores [ns]; None without a C compiler."""
    try:
        return run_native(compile_native("pingpong.c"), "round_trip", trips, *two_cores())["round_trip_ns"]
    except PeerMissing:
        return None


def is_steady(before: float | None, after: float | None) -> bool:
    """Say whether two pings are of the same floor; without them nothing speaks against it."""
    return before is None or after is None or max(before, after) <= MOVED * min(before, after)


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return ``after`` with the share of time that the hypervisor took in between [%] in place of the kernel's counts."""
    found = {k: v for k, v in after.items() if not k.endswith("_ticks")}
    passed = after["cpu_ticks"] - before.get("cpu_ticks", after["cpu_ticks"])
    return found | {"steal_pct": 100 * (after["steal_ticks"] - before.get("steal_ticks", 0.0)) / passed if passed else 0.0}


def moved(before: Mapping[str, float], after: Mapping[str, float]) -> list[str]:
    """Return a note when the floor after is not that before."""
    if is_steady(before.get("ping_ns"), after.get("ping_ns")):
        return []
    return [f"the floor moved: a cache line took {before['ping_ns']:.0f} ns there and back before, {after['ping_ns']:.0f} ns after; do not trust these figures"]


def _cpu_ticks() -> tuple[int, int]:
    """Clock ticks of all cores so far, and those that the hypervisor took."""
    values = [int(v) for v in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return sum(values[:8]), values[7]
