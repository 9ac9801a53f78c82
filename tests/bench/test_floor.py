"""The noise floor: what it measures, and that rounds during which it moved do not count."""

from __future__ import annotations

import os

from ringfence.bench import floor
from ringfence.bench.harness import Options, Report, Row, interleave
from ringfence.ipc.regions import list_regions


def rounds_of(pings: list[float | None], wanted: int) -> tuple[object, int]:
    readings, runs = iter(pings), iter(range(1, 100))
    ran = 0

    def measure() -> dict[str, float]:
        nonlocal ran
        ran += 1
        return {"x": float(next(runs))}

    return interleave({"a": measure}, wanted, lambda: next(readings)), ran


def test_interleave_when_the_floor_moved_during_a_round_that_round_is_void() -> None:
    found, ran = rounds_of([100, 100, 300, 310, 300], 3)
    assert (found["a"]["x"], found.kept, found.void, found.noisy, ran) == (3.0, 3, 1, False, 4)  # type: ignore[index,attr-defined]
    assert "3, 1 void" in found.note  # type: ignore[attr-defined]


def test_interleave_when_the_floor_never_stands_still_all_rounds_count_and_it_says_so() -> None:
    found, ran = rounds_of([100, 300, 100, 300, 100, 300, 100], 3)
    assert (found.kept, found.void, found.noisy, ran) == (6, 6, True, 6)  # type: ignore[attr-defined]
    assert "too noisy" in found.note  # type: ignore[attr-defined]


def test_interleave_when_there_is_no_ping_judges_no_round() -> None:
    found, ran = rounds_of([None, None, None], 2)
    assert (found.kept, found.void, ran) == (2, 0, 2)  # type: ignore[attr-defined]


def test_floor_when_measured_has_every_figure_and_leaves_no_region() -> None:
    found = floor.measure(quick=True)
    assert {"clock_ns", "record_ns", "hiccup_p99_99_ns", "hiccup_max_ns", "load_1min"} <= found.keys()
    assert found["clock_ns"] > 0 < found["hiccup_max_ns"]
    assert [r for r in list_regions() if r.instance.startswith(f"floor{os.getpid()}x")] == []
    later = floor.since({"cpu_ticks": 0.0, "steal_ticks": 0.0}, found | {"cpu_ticks": 200.0, "steal_ticks": 5.0})
    assert later["steal_pct"] == 2.5
    assert not any(key.endswith("_ticks") for key in later)


def test_report_when_the_floor_moved_warns() -> None:
    assert floor.moved({"ping_ns": 100.0}, {"ping_ns": 149.0}) == []
    assert "do not trust" in floor.moved({"ping_ns": 100.0}, {"ping_ns": 200.0})[0]
    assert floor.moved({}, {"ping_ns": 200.0}) == []
    report = Report("x", {}, [Row("n", "p", "ns", 1.0, 2.0)], noise={"before": {"ping_ns": 1.0}, "after": {}})
    assert "before   ping_ns 1.00" in report.as_table()
    assert Options(True, True, 1).before == {}
