"""The command ``simulate``: whole instances on a virtual clock, with faults drawn from seeds (docs/simulation.md).

Exit 0: every invariant held in every run. 7: one did not; the report says which, where, under which faults, and the command that does it again. 2: a wrong argument.
Progress is on standard error when that is a terminal. Ctrl-C ends the row of runs and prints the summary of those that are done (exit 130); with ``--record`` the same
command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator

from ringfence.tools.errors import UsageError
from ringfence.tools.simulation import faults, runs
from ringfence.tools.simulation.runs import Outcome, Plan, Totals
from ringfence.tools.simulation.shrink import Shrinker

SCHEMA = "rf.simulate/1"
DIFFERENT = 7
INTERRUPTED = 130


def run(args: argparse.Namespace) -> int:
    """Run every seed; print failures as they come, then the summary."""
    plans = _plans(args)
    done = {}
    if args.record:
        done = runs.recorded(args.record, args.events, args.faults)
    failures = [outcome for plan in plans if (outcome := done.get(plan.seed)) is not None and not outcome.ok]
    totals = Totals()
    for plan in plans:
        if plan.seed in done:
            totals.add(done[plan.seed])
    todo = [plan for plan in plans if plan.seed not in done]
    interrupted, begin = False, time.monotonic()
    try:
        for outcome in _shown(runs.run_all(todo, args.jobs), len(todo), quiet=args.options.quiet):
            if args.record:
                runs.append(args.record, outcome)
            totals.add(outcome)
            if args.options.output == "ndjson":
                print(json.dumps(outcome.as_json()), flush=True)
            if outcome.ok:
                continue
            failures.append(Shrinker(outcome, lambda plan: next(runs.run_all([plan], 1))).shrink() if args.shrink else outcome)
            if not _machine_readable(args):
                print(report(failures[-1]), flush=True)
            if args.first:
                break
    except KeyboardInterrupt:
        interrupted = True
    _print_summary(args, totals, failures, time.monotonic() - begin)
    return INTERRUPTED if interrupted else DIFFERENT if failures else 0


def _plans(args: argparse.Namespace) -> list[Plan]:
    """What the arguments ask for."""
    first, _, last = args.seed.partition("..")
    try:
        seeds = range(int(first), int(last or first) + 1)
    except ValueError:
        raise UsageError(f"--seed {args.seed!r} is neither N nor A..B") from None
    if not seeds or args.events < 1 or args.jobs < 1:
        raise UsageError("--seed A..B needs A <= B, --events and --jobs at least 1")
    schedule = None
    try:
        faults.names(args.faults)
        if args.schedule is not None:
            schedule = tuple(filter(None, args.schedule.split(",")))
            for text in schedule:
                faults.names(faults.Fault.parse(text).kind)
    except (ValueError, IndexError) as e:
        raise UsageError(f"faults: {e}") from e
    if schedule is not None and (len(seeds) > 1 or args.record):
        raise UsageError("--schedule belongs to one seed, and is not recorded")
    return [Plan(seed, args.events, args.faults, schedule) for seed in seeds]


def _machine_readable(args: argparse.Namespace) -> bool:
    return args.options.output in {"json", "ndjson"}


def _shown(outcomes: Iterator[Outcome], total: int, *, quiet: bool) -> Iterator[Outcome]:
    """Pass outcomes on, with a line of progress on a terminal."""
    show = sys.stderr.isatty() and not quiet
    for count, outcome in enumerate(outcomes, 1):
        if show:
            print(f"\r{count}/{total} runs, seed {outcome.plan.seed} ", end="\n" if count == total else "", file=sys.stderr, flush=True)
        yield outcome


def report(outcome: Outcome) -> str:
    """What broke, where, under which faults, and how to see it again."""
    plan = outcome.plan
    schedule = [str(fault) for fault in plan.faults()]
    lines = [
        f"seed {plan.seed}: {outcome.invariant} broke at event {outcome.event}, {outcome.virtual_ns / 1e9:.6f} s",
        f"  {outcome.text}",
        f"  faults, {len(schedule)} (event:class[:target][:amount]): {' '.join(schedule) or 'none'}",
        f"  again: {plan.command()}",
    ]
    return "\n".join(lines)


def _print_summary(args: argparse.Namespace, totals: Totals, failures: list[Outcome], elapsed_s: float) -> None:
    if args.options.output == "json":
        named = [f.as_json() | {"faults": [str(x) for x in f.plan.faults()], "again": f.plan.command()} for f in failures]
        print(json.dumps({"schema": SCHEMA, "failures": named, "summary": totals.as_json()}, indent=1))
        return
    if args.options.output == "ndjson":
        print(json.dumps({"summary": totals.as_json()}))
        return
    if args.options.quiet:
        return
    fired = totals.as_json()["fired"]
    per_event = f", {totals.seconds / totals.events * 1e6:.0f} us an event" if totals.events else ""
    print(f"{totals.runs} runs, {totals.events} events, {totals.virtual_ns / 1e9:.0f} s of virtual time in {elapsed_s:.1f} s{per_event}")
    print(f"{totals.frames} frames, {totals.orders} orders, {totals.trades} trades, {totals.recoveries} recoveries")
    print("faults: " + (", ".join(f"{kind} {count}" for kind, count in fired.items() if count) or "none"))
    print("failed: " + ", ".join(f"{name} {count}" for name, count in sorted(totals.failed.items())) if failures else "every invariant held")
