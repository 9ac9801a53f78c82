"""What every benchmark shares: arguments, the machine's description, native peers, rounds, the table and the JSON object.

A benchmark measures ours and each peer in the same run, in interleaved rounds (ours, peer, ours, peer ...), so that a frequency change or
a noisy neighbour hits both; it reports medians. A round during which the floor moved is void and run again, and the notes say how many were. The noise
floor of the host (floor.py) is measured before and after each benchmark and stands beside its figures. Peers that a host lacks are named with the
reason and the command that installs them, never silently left out. ``--quick`` runs with tiny input: the test suite uses it to keep benchmarks from
rotting, its figures mean nothing. Output is a table, or with ``--json`` exactly one object::

    {"bench": ..., "machine": {...}, "noise": {"before": {...}, "after": {...}}, "floor": {...}, "rows": [...], "notes": [...]}

A row is ``{"name", "peer", "metric", "ours", "theirs", "ratio"}``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median

from ringfence.bench import floor
from ringfence.bench.host import machine


@dataclass(frozen=True)
class Options:
    """Arguments that all benchmarks take."""

    as_json: bool
    quick: bool
    rounds: int
    before: Mapping[str, float] = field(default_factory=dict)  # the noise floor when the benchmark began


@dataclass(frozen=True)
class Row:
    """One comparison. ``ratio`` is ours / theirs: above 1 is good for a rate, below 1 for a time. None: the peer is missing."""

    name: str
    peer: str
    metric: str
    ours: float
    theirs: float | None
    ratio: float | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ratio", self.ours / self.theirs if self.theirs else None)


@dataclass(frozen=True)
class Report:
    """Everything that one benchmark found; ``floor`` is the physical limit that it measured in the same run."""

    bench: str
    floor: Mapping[str, float]
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    noise: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # the host's, "before" and "after"

    def as_json(self) -> str:
        """Return the one JSON object."""
        rows = [asdict(row) for row in self.rows]
        found = {"bench": self.bench, "machine": machine(), "noise": {when: dict(n) for when, n in self.noise.items()}, "floor": dict(self.floor)}
        return json.dumps({**found, "rows": rows, "notes": list(self.notes)}, indent=1)

    def as_table(self) -> str:
        """Return the table with ratios, the floor, the machine and the notes."""
        head = ("what", "peer", "metric", "ours", "theirs", "ratio")
        body = [(r.name, r.peer, r.metric, _figure(r.ours), _figure(r.theirs), "-" if r.ratio is None else f"{r.ratio:.2f}x") for r in self.rows]
        widths = [max(len(line[i]) for line in (head, *body)) for i in range(len(head))]
        lines = ["  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))) for line in (head, *body)]
        lines += ["", "floor    " + ", ".join(f"{k} {_figure(v)}" for k, v in self.floor.items())] if self.floor else [""]
        lines += [f"{when:9}" + ", ".join(f"{k} {_figure(v)}" for k, v in noise.items()) for when, noise in self.noise.items()]
        described = machine()
        lines.append("machine  " + ", ".join(f"{k} {v}" for k, v in described.items()))
        return "\n".join(lines + [f"note     {note}" for note in self.notes])


def parse(bench: str, argv: Sequence[str], doc: str | None, rounds: int = 7) -> Options:
    """Parse the arguments that all benchmarks take; exits with 2 on others."""
    parser = argparse.ArgumentParser(prog=f"python -m ringfence.bench {bench}", description=(doc or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--quick", action="store_true", help="tiny input: checks that the benchmark works, its figures mean nothing")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"interleaved rounds, the median counts (default {rounds})")
    arguments = parser.parse_args(argv)
    if arguments.rounds < 1:
        parser.error(f"--rounds was {arguments.rounds}, at least 1 is needed")
    return Options(arguments.json, arguments.quick, 1 if arguments.quick else arguments.rounds, floor.measure(quick=arguments.quick))


def show(report: Report, options: Options) -> int:
    """Print the report as asked, with the noise floor before and after it; return the exit code."""
    after = floor.measure(quick=options.quick)
    notes = [*report.notes, *floor.moved(options.before, after)]
    report = replace(report, notes=notes, noise={"before": options.before, "after": floor.since(options.before, after)})
    print(report.as_json() if options.as_json else report.as_table())
    return 0


class Rounds(dict[str, dict[str, float]]):
    """Medians by measure and figure, and how many rounds they are of; ``void`` were thrown away because the floor moved."""

    def __init__(self, medians: Mapping[str, dict[str, float]], kept: int, void: int, *, noisy: bool) -> None:
        super().__init__(medians)
        self.kept, self.void, self.noisy = kept, void, noisy

    @property
    def note(self) -> str:
        """A line for the report's notes."""
        if self.noisy:
            return f"rounds: the floor moved in {self.void} of {self.kept}, all are counted: the host is too noisy to throw them away"
        return f"rounds: {self.kept}, {self.void} void because the floor moved during them"


def interleave(measures: Mapping[str, Callable[[], Mapping[str, float]]], rounds: int, steady: Callable[[], float | None] | None = None) -> Rounds:
    """Run every measure once per round, in turn, and return the median of each figure by measure.

    Parameters
    ----------
    steady : callable, optional
        The floor, measured before and after each round (``floor.ping``). When it moved by more than ``floor.MOVED``, the round is void and another is run,
        up to twice ``rounds``; when most are void, all are kept, and ``noisy`` says so.
    """
    good: list[Mapping[str, Mapping[str, float]]] = []
    void: list[Mapping[str, Mapping[str, float]]] = []
    before = steady() if steady is not None else None
    while len(good) < rounds and len(good) + len(void) < 2 * rounds:
        found = {name: measure() for name, measure in measures.items()}
        after = steady() if steady is not None else None
        (good if floor.is_steady(before, after) else void).append(found)
        before = after
    noisy = 2 * len(good) < rounds
    counted = [*good, *void] if noisy else good
    medians = {name: {key: float(median(r[name][key] for r in counted)) for key in counted[0][name]} for name in measures}
    return Rounds(medians, len(counted), len(void), noisy=noisy)


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
