"""The commands that show a running instance: one frame, or a watch.

Data flow: ``views`` rows -> ``Frame`` -> ``render`` -> stdout. Each frame attaches anew, so a watch goes on over a restart of the instance. Rates need two
readings: the first frame takes the earlier one ``SAMPLE_S`` before. Regions left by a crash are shown (headed STALE) and the command exits 3.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

from ringfence import __version__
from ringfence.ipc.histogram import Histogram
from ringfence.ipc.schema import LAYOUT_VERSION
from ringfence.tools import latency_export, ledger_names, ledger_reports, ledger_rollups, render
from ringfence.tools.errors import NotRunning, TimedOut, UsageError
from ringfence.tools.render import Frame, Options, Row
from ringfence.tools.views import books, processes, proof, risk, tables
from ringfence.tools.views import cash as balances
from ringfence.tools.views import latency as stages
from ringfence.tools.views import market as ticks
from ringfence.tools.views import pnl as profits
from ringfence.tools.views.instance import Instance, age, choose

SAMPLE_S = 0.2
CLEAR = "\x1b[H\x1b[J"
Picture = Callable[[Instance, Options], Frame]


def show(args: argparse.Namespace, picture: Picture, sample: Callable[[Instance], object] | None = None, sample_s: float | None = None) -> int:
    """Print frames of ``picture`` until ``-n`` are done; ``sample`` takes the earlier reading that rates need, ``sample_s`` before (default 0.2 s).

    Returns
    -------
    int
        0, or 3 when the regions shown belong to no live process.
    """
    opts: Options = args.options
    if args.frames is not None and args.frames < 1:
        raise UsageError(f"-n was {args.frames}; allowed: 1 or more")
    if args.watch is not None and args.watch <= 0:
        raise UsageError(f"--watch was {args.watch:g}; allowed: more than 0 seconds")
    watching = args.watch is not None or (args.frames or 1) > 1
    wanted = args.frames if args.frames is not None else None if watching else 1
    interval = args.watch or 1.0
    redraw = watching and opts.output in {"table", "wide"} and sys.stdout.isatty()
    name, shown, before, alive = choose(args.instance), 0, None, True
    deadline = time.monotonic() + args.timeout if args.timeout is not None else None
    if sample is not None:
        with Instance(name) as instance:
            sample(instance)
        time.sleep(SAMPLE_S if sample_s is None else sample_s)
    due = time.monotonic()
    while True:
        with Instance(name) as instance:
            frame, alive = picture(instance, opts), instance.alive
        text = render.render(frame, opts, watching=watching, before=before)
        print(CLEAR + text if redraw else text, end="\n\n" if watching and not redraw and opts.output in {"table", "wide"} else "\n", flush=True)
        shown, before = shown + 1, frame
        if wanted is not None and shown >= wanted:
            break
        if deadline is not None and time.monotonic() >= deadline:
            raise TimedOut(f"stopped after {args.timeout:g} s and {shown} frames (--timeout)")
        due = max(due + interval, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
    if not alive:
        raise NotRunning(f"instance {name!r} is not running: what is shown was left by processes that died; recover it: ringfence up CONFIG.toml")
    return 0


def status(args: argparse.Namespace) -> int:
    def picture(instance: Instance, opts: Options) -> Frame:
        rows = processes.status(instance)
        engine, row = instance.engine, instance.status
        kills, pending = risk.killed(instance), int(engine["pending_proposals"]) if engine is not None else 0
        notes = [f"✖ {', '.join(kills)}; rf risk"] if kills else []
        notes += _unfinished(instance)
        notes += [f"▲ {doubt}" for doubt in risk.doubts(instance)]
        notes += [f"▲ {pending} change(s) wait for a second operator; rf proposals"] if pending else []
        frame = instance.frame(processes.STATUS, rows, opts, [*notes, processes.next_step(instance, rows)])
        beat = instance.engine_age
        up = age(instance.now_ns, row["started_ns"]) if row is not None else None
        frame.extra = {
            "mode": instance.mode or None,
            "version": __version__,
            "abi": LAYOUT_VERSION,
            "uptime_ns": str(up) if up is not None else None,
            "heartbeat_age_ns": str(beat) if beat is not None else None,
            "seq": str(int(engine["seq"])) if engine is not None else None,
            "restrictions": instance.restrictions,
            "kills": kills,
            "breaks_without_row": str(tables.breaks_without_row(instance)),
            "pending_proposals": pending,
            "trading_day": int(engine["day"]) if engine is not None else None,
            "data_dir": instance.data_dir,
        }
        return frame

    return show(args, picture)


def _unfinished(instance: Instance) -> list[str]:
    """What needs people and is not in a row: positions that a kill has yet to close, breaks that found no row."""
    state, lost = instance.region("state"), tables.breaks_without_row(instance)
    notes = [f"▲ {words}" for words in proof.unflattened(state, risk.names_by_row(instance))] if state is not None else []
    return notes + ([tables.breaks_full_text(lost)] if lost else [])


def orders(args: argparse.Namespace) -> int:
    if args.id is None:
        return show(args, lambda i, o: i.frame(tables.ORDERS, tables.orders(i, every=args.all), o))
    from ringfence.tools.commands import journal

    return journal.life(args)


def positions(args: argparse.Namespace) -> int:
    return show(args, lambda i, o: i.frame(tables.POSITIONS, tables.positions(i), o))


def pnl(args: argparse.Namespace) -> int:
    view = (ledger_rollups.PNL_BASE if args.base else ledger_rollups.PNL) if args.by else ledger_reports.PNL_BASE if args.base else ledger_reports.PNL
    return show(args, lambda i, o: i.frame(view, profits.pnl(i, args.by, base=args.base), o))


def cash(args: argparse.Namespace) -> int:
    def picture(instance: Instance, opts: Options) -> Frame:
        wanted = dict(opts.select).get("account")
        found = [row for row in balances.lines(instance) if wanted in (None, row["account"])]
        frame = instance.frame(balances.CASH, balances.cash(instance), opts, [] if opts.quiet else balances.in_words(found))
        frame.extra = {"results": [{k: f"{v:f}" if isinstance(v, Decimal) else v for k, v in row.items()} for row in found]}
        return frame

    return show(args, picture)


def lots(args: argparse.Namespace) -> int:
    return show(args, lambda i, o: i.frame(books.LOTS, tables.lots(i), o))


def unnamed(args: argparse.Namespace) -> int:
    """Closes under SPEC that wait for the names of their lots."""
    return show(args, lambda i, o: i.frame(ledger_names.UNNAMED, ledger_names.rows(i.table, tables.Names(i)), o))


def fills(args: argparse.Namespace) -> int:
    if args.last is not None and args.last < 1:
        raise UsageError(f"--last was {args.last}; allowed: 1 or more")

    def picture(instance: Instance, opts: Options) -> Frame:
        count = args.last or (50 if opts.output in {"table", "wide"} and not (opts.filter or opts.select or opts.sort) else None)
        return instance.frame(tables.FILLS, tables.fills(instance, count), opts)

    return show(args, picture)


def breaks(args: argparse.Namespace) -> int:
    def picture(instance: Instance, opts: Options) -> Frame:
        lost = tables.breaks_without_row(instance)
        frame = instance.frame(tables.BREAKS, tables.breaks(instance), opts, [tables.breaks_full_text(lost)] if lost else [])
        frame.extra = {"without_row": str(lost)}
        return frame

    return show(args, picture)


class Rates:
    """The earlier reading of a view, and rates from it.

    Parameters
    ----------
    read : callable
        Rows of an instance.
    counts : dict
        Rate column -> count column.
    key : str
        Column that identifies a row.
    """

    def __init__(self, read: Callable[[Instance], list[Row]], counts: dict[str, str], key: str) -> None:
        self._read, self._counts, self._key = read, counts, key
        self._rows: list[Row] = []
        self._at_ns = 0

    def __call__(self, instance: Instance) -> list[Row]:
        """Read; return the rows with their rates since the reading before."""
        rows = self._read(instance)
        out = processes.with_rates(rows, self._rows, (instance.now_ns - self._at_ns) / 1e9, self._counts, self._key)
        self._rows, self._at_ns = rows, instance.now_ns
        return out


def rings(args: argparse.Namespace) -> int:
    rates = Rates(processes.rings, {"in_rate": "published", "out_rate": "taken"}, "ring")
    return show(args, lambda i, o: i.frame(processes.RINGS, rates(i), o), rates)


def market(args: argparse.Namespace) -> int:
    if args.readers:
        return show(args, lambda i, o: i.frame(ticks.READERS, ticks.readers(i), o))
    rates = Rates(ticks.market, {"rate": "quotes"}, "symbol")
    return show(args, lambda i, o: i.frame(ticks.MARKET, rates(i), o), rates)


def sessions(args: argparse.Namespace) -> int:
    rates = Rates(processes.sessions, {"msg_rate": "messages"}, "session")
    return show(args, lambda i, o: i.frame(processes.SESSIONS, rates(i), o), rates)


def counters(args: argparse.Namespace) -> int:
    rates = Rates(stages.counters, {"rate": "value"}, "label")
    return show(args, lambda i, o: i.frame(stages.COUNTERS, rates(i), o), rates)


def latency(args: argparse.Namespace) -> int:
    """Stages: since start, of a window of ``--window`` seconds, or in a watch of each frame's; ``--export`` writes the same to a file."""
    opts: Options = args.options
    strategy, last = dict(opts.select).get("strategy"), cast("dict[str, Any]", {})
    if args.export:
        latency_export.check_format(args.export[0])
    if args.window is not None and args.window <= 0:
        raise UsageError(f"--window was {args.window:g}; allowed: more than 0 seconds")

    def read(instance: Instance) -> dict[stages.Stage, Histogram]:
        found = stages.by_stage(instance)
        if strategy is not None and strategy not in {s.strategy for s in found}:
            known = ", ".join(sorted({s.strategy for s in found if s.strategy})) or "none"
            raise UsageError(f"--strategy {strategy!r} has no stages; there are those of: {known} (a strategy has some once it has attached)")
        return stages.chosen(found, tuple(args.stage), strategy)

    def sample(instance: Instance) -> None:
        last.update(before=read(instance), at_ns=instance.now_ns)

    def picture(instance: Instance, opts: Options) -> Frame:
        now, begin_ns = read(instance), instance.started_ns
        found, what = now, "since start"
        if "before" in last:
            found, begin_ns = stages.window(now, last["before"]), last["at_ns"]
            what = f"window {(instance.now_ns - begin_ns) / 1e9:.3g}s"
        last.update(before=now, at_ns=instance.now_ns)
        frame = instance.frame(stages.LATENCY, stages.latency(found), opts, [f"{what}; {stages.NOTE}"] if not opts.quiet else [])
        frame.extra = {"window": what}
        if args.export:
            kept = {str(row["stage"]) for row in frame.rows}
            latency_export.write(args.export[0], args.export[1], {s: h for s, h in found.items() if s.name in kept}, begin_ns, instance.now_ns, instance.name)
        return frame

    return show(args, picture, sample if args.window is not None else None, args.window)
