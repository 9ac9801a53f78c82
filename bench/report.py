"""``python -m ringfence.bench all``: run every benchmark, keep its results, write the page with tables and charts.

    each benchmark, a process of its own, --json ─▶ bench/results/NAME.json ─▶ page template (bench/performance_page.md) ─▶ docs/performance.md
                                                                           └▶ charts.py ─▶ images/performance-NAME.svg beside the page

The page's words are the template's; ``{{...}}`` marks what is put in: ``{{table NAME}}``, ``{{stages LAYOUT}}``, ``{{chart NAME}}``, ``{{noise}}``,
``{{machine}}``. A benchmark that fails, or that was not run, has its reason in the place of its table, and the command then ends with 1: nothing is left out
silently. ``--pages`` writes the page from the results that are there, ``--only`` runs some. Quick results go to a temporary directory: they mean nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringfence.bench.charts import bars, figure

TEMPLATE = Path(__file__).resolve().parent / "performance_page.md"
RESULTS = Path(__file__).resolve().parent / "results"
SECONDS_MAX = 3600
QUICK_ARGUMENTS = {"memory": ("--events", "20000"), "counts": (), "kill": ("--quick", "--orders", "50")}
MARK = re.compile(r"\{\{(\w+)(?: ([^}]*))?\}\}")
Found = Mapping[str, Any]


@dataclass(frozen=True)
class Chart:
    """One chart: from which benchmark, which rows (by a part of their metric) become bars, labelled how."""

    bench: str
    title: str
    unit: str
    bars: Callable[[Sequence[Found]], list[tuple[str, float, int]]]


def run_one(name: str, *, quick: bool) -> dict[str, Any]:
    """Run a benchmark in a process of its own; return its object with ``date`` and ``seconds``, or ``error``."""
    arguments = QUICK_ARGUMENTS.get(name, ("--quick",)) if quick else ()
    begin = time.monotonic()
    try:
        command = [sys.executable, "-m", "ringfence.bench", name, "--json", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
        found = dict(json.loads(ran.stdout))
    except subprocess.TimeoutExpired:
        found = {"bench": name, "error": f"it did not end within {SECONDS_MAX} s"}
    except ValueError:
        found = {"bench": name, "error": (ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"])[-1]}
    return found | {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "seconds": round(time.monotonic() - begin, 1), "quick": quick}


# ---- what is put into the page ------------------------------------------------------------------------------------------------


def table(found: Found) -> str:
    """Return a benchmark's rows as a Markdown table, with its notes and date below."""
    rows = found["rows"]
    if rows and "process" in rows[0]:
        return _processes(found)
    compared = any(r["theirs"] is not None for r in rows)
    lines = ["| what | peer | metric | ours | theirs | ratio |", "|---|---|---|---|---|---|"] if compared else ["| what | metric | |", "|---|---|---|"]
    for r in rows:
        theirs = figure(r["theirs"]) if r["theirs"] is not None else "-"
        ratio = f"{r['ratio']:.2f}" if r["ratio"] is not None else "-"
        cells = (r["name"], r["peer"], r["metric"], figure(r["ours"]), theirs, ratio) if compared else (r["name"], r["metric"], figure(r["ours"]))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _below(found)])


def _processes(found: Found) -> str:
    """The table of bench memory: what each process has at the beginning and at the end."""
    lines = ["| process | private then | now | KiB a million events | mapped then | now |", "|---|---|---|---|---|---|"]
    for r in found["rows"]:
        sizes = [f"{r[when][kind] / 2**20:.1f} MiB" for kind in ("private", "mapped") for when in ("first", "last")]
        lines.append(f"| {r['process']} | {sizes[0]} | {sizes[1]} | {r['slope'] / 1024:.0f} | {sizes[2]} | {sizes[3]} |")
    return "\n".join([*lines, "", _below(found)])


def stages(found: Found, layout: str) -> str:
    """Return the stages of one layout of tick_to_order: a line for each stage, p50, p99 and p99.9 for each rate."""
    cells: dict[str, dict[str, float]] = {}
    rates: list[str] = []
    for r in found["rows"]:
        name, rate, stage = r["name"].rsplit(", ", 2)
        if name == layout:
            rates += [rate] if rate not in rates else []
            cells.setdefault(stage, {})[f"{rate} {r['metric']}"] = r["ours"]
    if not cells:
        return f"No layout {layout!r} was measured."
    metrics = ("p50 ns", "p99 ns", "p99.9 ns")
    lines = ["| stage | " + " | ".join(f"{rate} {m.removesuffix(' ns')}" for rate in rates for m in metrics) + " |", "|---" * (1 + len(rates) * 3) + "|"]
    lines += [f"| {stage} | " + " | ".join(figure(row[f"{rate} {m}"]) for rate in rates for m in metrics) + " |" for stage, row in cells.items()]
    floor = ", ".join(f"{k.removesuffix('_ns').replace('_', ' ')} {figure(v)} ns" for k, v in found["floor"].items())
    return "\n".join([*lines, "", f"Floor in the same run: {floor or 'not measured'}."])


def _below(found: Found) -> str:
    noise, lines = found.get("noise", {}), [f"*{note}*  " for note in found.get("notes", ())]
    if noise.get("before"):
        pings = [f"{n['ping_ns']:.0f} ns" if "ping_ns" in n else "-" for n in (noise["before"], noise["after"])]
        floor = f"; cache line there and back {pings[0]} before, {pings[1]} after; stolen {noise['after'].get('steal_pct', 0.0):.1f} %"
    else:
        floor = ""
    return "\n".join([*lines, f"*`python -m ringfence.bench {found['bench']}`, {found['date']}, {found['seconds']:.0f} s{floor}*"])


def noise(results: Mapping[str, Found]) -> str:
    """Return the noise floor before each benchmark as a table."""
    lines = [
        "| before | ping [ns] | clock [ns] | record [ns] | hiccup p99.99 [ns] | max [ns] | load | stolen during [%] |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in results.items():
        n = found.get("noise", {})
        if n.get("before"):
            keys = ("ping_ns", "clock_ns", "record_ns", "hiccup_p99_99_ns", "hiccup_max_ns", "load_1min")
            cells = [figure(n["before"][k]) if k in n["before"] else "-" for k in keys]
            lines.append(f"| {name} | " + " | ".join(cells) + f" | {n['after'].get('steal_pct', 0.0):.2f} |")
    return "\n".join(lines)


def machine(results: Mapping[str, Found]) -> str:
    """Return the machine card of the newest result."""
    described: Mapping[str, Any] = next((found["machine"] for found in reversed(list(results.values())) if "machine" in found), {})
    return "\n".join(["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in described.items())])


def _against(metric: str) -> Callable[[Sequence[Found]], list[tuple[str, float, int]]]:
    def pick(rows: Sequence[Found]) -> list[tuple[str, float, int]]:
        found: dict[str, tuple[str, float, int]] = {}
        for r in rows:
            if metric in r["metric"] and r["theirs"] is not None:
                found.setdefault(r["name"], (f"ours: {r['name']}", r["ours"], 0))
                found[f"{r['name']} {r['peer']}"] = (r["peer"], r["theirs"], 1)
        return list(found.values())

    return pick


def _parts(layout: str, rate: str) -> Callable[[Sequence[Found]], list[tuple[str, float, int]]]:
    def pick(rows: Sequence[Found]) -> list[tuple[str, float, int]]:
        metrics = ("p50 ns", "p99 ns", "p99.9 ns")
        named = [r for r in rows if r["name"].startswith(f"{layout}, {rate}, ")]
        return [(f"{r['name'].rsplit(', ', 1)[1]} {r['metric'].removesuffix(' ns')}", r["ours"], metrics.index(r["metric"])) for r in named]

    return pick


CHARTS = {
    "ring": Chart("ring", "Ring between two processes, throughput", "messages/s", _against("messages/s")),
    "ipc": Chart("ipc", "Python to Python, one way", "messages/s", _against("messages/s")),
    "fix": Chart("fix", "FIX codec", "messages/s", _against("messages/s")),
    "stages": Chart("tick_to_order", "Tick to send(), two processes, 100,000 ticks/s", "ns", _parts("two processes", "100,000 ticks/s")),
    "orders": Chart("orders", "Orders through risk and execution", "per s", _against("/s")),
    "commit": Chart("commit", "Durable commits, one after another", "per s", _against("/s")),
}


def page(template: str, results: Mapping[str, Found], images: Path) -> str:
    """Return the page: the template with every mark replaced; charts are written into ``images``.

    Raises
    ------
    ValueError
        If the template has a mark that means nothing.
    """

    def lacking(bench: str) -> str | None:
        found = results.get(bench)
        return f"*`{bench}` was not run.*" if found is None else f"*`{bench}` was not measured: {found['error']}*" if "error" in found else None

    def put(mark: re.Match[str]) -> str:
        kind, what = mark[1], mark[2] or ""
        if kind == "table":
            return lacking(what) or table(results[what])
        if kind == "stages":
            return lacking("tick_to_order") or stages(results["tick_to_order"], what)
        if kind == "chart" and what in CHARTS:
            return chart(CHARTS[what], what, results, images) if lacking(CHARTS[what].bench) is None else ""
        if kind == "noise":
            return noise(results)
        if kind == "machine":
            return machine(results)
        raise ValueError(f"the template has {mark[0]}, which means nothing")

    return MARK.sub(put, template)


def chart(drawn: Chart, name: str, results: Mapping[str, Found], images: Path) -> str:
    """Write one chart; return the line that shows it, or nothing when there is nothing to draw."""
    values = drawn.bars(results[drawn.bench]["rows"])
    if not any(value > 0 for _, value, _ in values):
        return ""
    images.mkdir(parents=True, exist_ok=True)
    file = images / f"performance-{name}.svg"
    file.write_text(bars(drawn.title, drawn.unit, values), encoding="utf-8")
    return f"![{drawn.title}](images/{file.name})"


def read_results(folder: Path, names: Sequence[str]) -> dict[str, Found]:
    """Return the results that are kept, in the order of ``names``."""
    return {name: json.loads(path.read_text()) for name in names if (path := folder / f"{name}.json").exists()}


def main(argv: Sequence[str], names: Sequence[str]) -> int:
    """Run, keep, write; 1 when a benchmark failed.

    Parameters
    ----------
    names : sequence of str
        All benchmarks, in the order in which they run.
    """
    parser = argparse.ArgumentParser(prog="python -m ringfence.bench all", description="Run every benchmark and write the page")
    parser.add_argument("--report", type=Path, metavar="FILE.md", help="write the page there, charts into images/ beside it")
    parser.add_argument(
        "--only", action="append", default=[], choices=names, metavar="BENCH", help="run this one only; repeatable. The page has the kept results of all"
    )
    parser.add_argument("--pages", action="store_true", help="run nothing: the page from the results that are kept")
    parser.add_argument("--quick", action="store_true", help="tiny input, results are not kept: checks that everything works")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help=f"where results are kept (default {RESULTS.name}/ beside the benchmarks)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="rf-results-") as scratch:
        folder = Path(scratch) if options.quick else options.results
        folder.mkdir(parents=True, exist_ok=True)
        failed = []
        for name in () if options.pages else options.only or names:
            found = run_one(name, quick=options.quick)
            (folder / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            failed += [name] if "error" in found else []
            print(f"{name:14}{found['seconds']:>8.1f} s  {found.get('error', 'done')}", flush=True)
        if options.report:
            options.report.write_text(
                page(TEMPLATE.read_text(encoding="utf-8"), read_results(folder, names), options.report.parent / "images"), encoding="utf-8"
            )
            print(f"page: {options.report}")
    return int(bool(failed))
