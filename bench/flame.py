"""A flame graph of the engine under steady traffic: where its core's time goes, function by function.

    a demo instance as in bench hot_path ─▶ perf record on the engine ─▶ perf script ─▶ stacks folded and counted ─▶ SVG (``bench all --report``)

Time that is sampled includes polling for nothing, since the engine spins; the loop's own functions say how much that is. Without perf, or where the kernel does
not let it sample, the notes say why and there is no graph.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from ringfence.bench import hot_path
from ringfence.bench.harness import Report, Row, parse, show
from ringfence.bench.host import PeerMissing
from ringfence.tools.demo import Demo

SECONDS, SECONDS_QUICK = 5.0, 1.0
RATE = 499  # samples a second
WIDTH, ROW, SHOWN = 1000.0, 17, 0.004  # frames narrower than this share of all samples are left out


def record(pid: int, seconds: float, folder: Path) -> str:
    """Sample a process and return what ``perf script`` says.

    Raises
    ------
    PeerMissing
        If perf is not installed or may not sample here.
    """
    perf, data = hot_path.tool("perf", "linux-perf"), str(folder / "perf.data")
    options = ["-q", "-F", str(RATE), "-e", "cpu-clock", "--call-graph", "dwarf,8192", "-p", str(pid), "-o", data]
    sampled = subprocess.run([perf, "record", *options, "--", "sleep", str(seconds)], capture_output=True, text=True, check=False, timeout=seconds + 60)
    if sampled.returncode:
        raise PeerMissing(f"perf record: {sampled.stderr.strip()[:300]}")
    shown = subprocess.run([perf, "script", "-i", data, "-F", "ip,sym"], capture_output=True, text=True, check=False, timeout=300)
    if shown.returncode or not shown.stdout.strip():
        raise PeerMissing(f"perf script: {shown.stderr.strip()[:300] or 'no sample was taken'}")
    return shown.stdout


def fold(script: str) -> Counter[str]:
    """Count samples by stack, outermost function first, joined by ``;``. Only what is below the engine's loop is kept where it is in the stack."""
    stacks: Counter[str] = Counter()
    for sample in script.split("\n\n"):
        names = [short(line.split(None, 1)[1]) for line in sample.splitlines() if len(line.split(None, 1)) == 2]
        if not names:
            continue
        names.reverse()
        begin = next((i for i, name in enumerate(names) if name in ("engine.loop", "engine.turn")), 0)
        stacks[";".join(names[begin:])] += 1
    return stacks


def short(symbol: str) -> str:
    """Return a function's name as its source has it: ``__pyx_f_9ringfence_4core_6engine_turn`` is ``engine.turn``."""
    name = symbol.split("+")[0].strip()
    if "ringfence" not in name:
        return name
    parts, rest = [], name[name.index("9ringfence") :]
    while rest and rest[0].isdigit():
        digits = len(rest) - len(rest.lstrip("0123456789"))
        size = int(rest[:digits])
        parts.append(rest[digits : digits + size])
        rest = rest[digits + size :].removeprefix("_")
    return f"{parts[-1]}.{rest}" if rest else ".".join(parts[-2:])


@dataclass
class Frame:
    """A function in its place, with the samples in and below it."""

    samples: int = 0
    below: dict[str, Frame] = field(default_factory=dict)


def svg(folded: Mapping[str, int]) -> str:
    """Return a flame graph: the outermost function at the top, width by share of samples.

    Raises
    ------
    ValueError
        If there is no sample.
    """
    root = Frame()
    for stack, count in folded.items():
        frame = root
        frame.samples += count
        for name in stack.split(";"):
            frame = frame.below.setdefault(name, Frame())
            frame.samples += count
    if not root.samples:
        raise ValueError("no samples to draw")
    boxes: list[str] = []
    depth = _draw(root, root.samples, 0.0, 0, boxes)
    height = ROW * (depth + 1)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height}" font-family="monospace" font-size="11">'
    return "\n".join([head, f'<rect width="{WIDTH:.0f}" height="{height}" fill="#ffffff"/>', *boxes, "</svg>", ""])


def _draw(frame: Frame, whole: int, x: float, level: int, boxes: list[str]) -> int:
    deepest = level
    for name, below in sorted(frame.below.items()):
        width = WIDTH * below.samples / whole
        if below.samples >= SHOWN * whole:
            colour = f"hsl({20 + sum(name.encode()) % 40},80%,{60 + level % 2 * 6}%)"
            said = escape(f"{name} {below.samples / whole:.1%}")
            text = escape(name[: int(width / 7)]) if width > 30 else ""
            y = ROW * level
            boxes.append(f'<g><title>{said}</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 1}" fill="{colour}"/>')
            boxes.append(f'<text x="{x + 3:.1f}" y="{y + 12}">{text}</text></g>')
            deepest = max(deepest, _draw(below, whole, x, level + 1, boxes))
        x += width
    return deepest


def main(argv: Sequence[str]) -> int:
    """Sample and print: the functions with most samples of their own, and with ``--json`` the folded stacks."""
    options = parse("flame", argv, __doc__, rounds=1)
    seconds = SECONDS_QUICK if options.quick else SECONDS
    folded: Counter[str] = Counter()
    notes = []
    with tempfile.TemporaryDirectory(prefix="rf-flame-") as folder:
        demo = Demo(Path(folder), "flame")
        try:
            hot_path.start(demo)
            folded = fold(record(hot_path.wait_for_traffic(demo), seconds, Path(folder)))
        except PeerMissing as e:
            notes.append(str(e))
        finally:
            demo.stop()
    own: Counter[str] = Counter()
    for stack, count in folded.items():
        own[stack.rsplit(";", 1)[-1]] += count
    rows = [Row(name, "-", "% of samples, own", 100 * count / own.total(), None) for name, count in own.most_common(20)]
    report = Report("flame", {}, rows, [*notes, f"{own.total()} samples of cpu-clock at {RATE}/s"])
    if options.as_json:
        print(json.dumps(json.loads(report.as_json()) | {"folded": dict(folded)}, indent=1))
        return 0
    return show(report, options)
