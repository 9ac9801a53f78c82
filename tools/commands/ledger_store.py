"""Commands about the ledger's store: ``ledger write|positions|lots|pnl|identity|fills|statement|explain|verify|rebuild`` and more, ``exposure`` without a file.

    --data DIR (default: the running instance's)──▶ journal      --store WHERE (default: ledger.db in the data directory) ──▶ Store ──▶ rows, as of --as-of

All but write and rebuild only read. Exit 7: verify found a difference, or writer and store contradict each other.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ringfence.ipc import stop
from ringfence.tools import ledger_reports as reports
from ringfence.tools import ledger_rollups as rollups
from ringfence.tools import ledger_statement, render
from ringfence.tools.errors import NotRunning, UsageError
from ringfence.tools.ledger_store import FILE_NAME, Moment, Store, open_store
from ringfence.tools.ledger_verify import Verification
from ringfence.tools.ledger_verify import verify as compare
from ringfence.tools.ledger_writer import LedgerWriter, Patience, follow, instance_of
from ringfence.tools.process import start_logging
from ringfence.tools.replay_command import nanoseconds
from ringfence.tools.views import journal as pictures
from ringfence.tools.views.cash import CASH
from ringfence.tools.views.instance import Instance, choose, live_instances

DIFFERENT = 7
INTERRUPTED = 130


def _directory(args: argparse.Namespace) -> Path:
    """The journal's directory: below --data, else the running instance's."""
    if args.data is not None:
        return pictures.directory(args.data, None)
    with Instance(choose(args.instance)) as instance:
        return pictures.directory(None, instance)


def _where(args: argparse.Namespace) -> str:
    return str(args.store) if args.store is not None else str(_directory(args).parent / FILE_NAME)


def _open(args: argparse.Namespace, *, make: bool = False) -> Store:
    """The store, as of the moment that the command asks for.

    Raises
    ------
    NotRunning
        If there is none yet.
    """
    where = _where(args)
    missing = f"there is no ledger yet; book the journal: ringfence ledger write{f' --data {args.data}' if args.data else ''}"
    if not make and "://" not in where and not Path(where).exists():
        raise NotRunning(f"{where}: {missing}")
    store = open_store(where)
    if not make:
        if store.book() is None:
            store.close()
            raise NotRunning(f"{store.where}: {missing}")
        store.as_of(_moment(args))
    return store


def _moment(args: argparse.Namespace) -> Moment:
    at = getattr(args, "as_of", None)
    value_day = getattr(args, "value_date", None)
    if at is None:
        return Moment(value_day=value_day)
    return Moment(seq=int(at), value_day=value_day) if at.isdigit() else Moment(ns=nanoseconds(at), value_day=value_day)


def _print(args: argparse.Namespace, store: Store, view: render.View, rows: list[render.Row], footer: list[str] | None = None) -> None:
    opts: render.Options = args.options
    book = store.book()
    notes = [] if opts.quiet else footer or []
    frame = render.Frame(view, render.choose(view, rows, opts), book.instance if book else "", time.time_ns(), footer=notes)
    print(render.render(frame, opts))


def _table(args: argparse.Namespace, view: render.View, read: Callable[[Store], list[render.Row]]) -> int:
    with closing(_open(args)) as store:
        _print(args, store, view, read(store))
    return 0


def positions(args: argparse.Namespace) -> int:
    """Print the positions, or their sums by a key."""
    if args.by:
        return _table(args, rollups.POSITIONS, lambda store: rollups.positions(store, args.by))
    return _table(args, reports.POSITIONS, reports.positions)


def pnl(args: argparse.Namespace) -> int:
    """Print realized and unrealized PnL, of positions or summed by a key, with a total where they are in the firm's currency."""
    with closing(_open(args)) as store:
        if args.by:
            view, rows = rollups.PNL_BASE if args.base else rollups.PNL, rollups.pnl(store, args.by, base=args.base)
        else:
            view, rows = reports.PNL_BASE if args.base else reports.PNL, reports.pnl(store)
        _print(args, store, view, rows, _totals(args, store, view, rows) if args.base else None)
    return 0


def _totals(args: argparse.Namespace, store: Store, view: render.View, rows: list[render.Row]) -> list[str]:
    """The lines below PnL in the firm's currency: of the positions that are shown, and of their accounts' cash where all of an account's positions are."""
    opts: render.Options = args.options
    partial = bool(opts.select or opts.filter.strip())
    if args.by:
        return [] if partial else [reports.total_line(reports.pnl(store)), reports.cash_line(reports.cash(store))]
    lines = [reports.total_line(render.choose(view, rows, opts))]
    if not opts.filter.strip() and all(key == "account" for key, _ in opts.select):
        lines.append(reports.cash_line([r for r in reports.cash(store) if all(r["account"] == name for _, name in opts.select)]))
    return lines


def identity(args: argparse.Namespace) -> int:
    """Print both sides of the master identity; exit 7 when they differ."""
    with closing(_open(args)) as store:
        rows = reports.identity(store)
        wrong = [f"position {r['position']} is off by {r['difference'] or r['equity_difference']:f}" for r in rows if r["difference"] or r["equity_difference"]]
        _print(args, store, reports.IDENTITY, rows, [f"✖ {w}" for w in wrong] or ["● both sides agree in every position, to the last unit"])
    return DIFFERENT if wrong else 0


def exposure(args: argparse.Namespace) -> int:
    """Print exposure by asset and value date, or by asset and a key."""
    if args.by:
        return _table(args, rollups.EXPOSURE, lambda store: rollups.exposure(store, args.by))
    return _table(args, reports.EXPOSURE, reports.exposure)


def lots(args: argparse.Namespace) -> int:
    """Print the open lots, by a replay of the journal."""
    if getattr(args, "value_date", None):
        raise UsageError("--value-date does not apply to lots: they are what is held, settled or not")
    return _table(args, reports.LOTS, lambda _: reports.lots(_directory(args), _moment(args)))


def cash(args: argparse.Namespace) -> int:
    """Print the balances of accounts."""
    return _table(args, CASH, reports.cash)


def trial_balance(args: argparse.Namespace) -> int:
    """Print the balances of the ledger's accounts; exit 7 when an asset does not add up to zero."""
    with closing(_open(args)) as store:
        rows, wrong = reports.trial_balance(store)
        _print(args, store, reports.TRIAL_BALANCE, rows, [f"✖ {w}" for w in wrong] or ["● every asset adds up to zero"])
    return DIFFERENT if wrong else 0


def explain(args: argparse.Namespace) -> int:
    """Print every entry behind a position."""
    with closing(_open(args)) as store:
        position = reports.find_position(store, args.position)
        rows = reports.explain(store, position)
        name = f"{position['account']}/{position['strategy']}/{position['symbol']}"
        figures = f"qty {position['qty']:f}, cost {position['cost']:f}, realized {position['realized']:f} {position['currency']}"
        _print(args, store, reports.ENTRIES, rows, [f"{name}: {len(rows)} entries add up to {figures}"])
    return 0


def statement(args: argparse.Namespace) -> int:
    """Print or write the statement of one account and trading day."""
    if args.account is None:
        raise UsageError("say whose statement: --account NAME")
    with closing(_open(args)) as store:
        made = ledger_statement.build(store, args.account, args.day)
    if args.html is not None:
        Path(args.html).write_text(ledger_statement.as_html(made))
        print(f"{args.html}: {len(made.positions)} positions, {len(made.trades)} trades")
    elif args.options.output in {"json", "ndjson"}:
        print(json.dumps(ledger_statement.as_json(made), indent=None if args.options.output == "ndjson" else 2))
    elif args.options.output == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows(ledger_statement.as_rows(made))
    else:
        print(ledger_statement.as_text(made))
    return 0


def _is_of(instance: Instance, directory: Path) -> bool:
    """Whether a journal is that of the instance that runs under this name, and no copy or older one."""
    return instance.data_dir is not None and Path(instance.data_dir).resolve() == directory.parent.resolve()


def _live(directory: Path) -> Instance | None:
    """The running instance whose journal this is."""
    name = instance_of(directory)
    if name not in live_instances():
        return None
    instance = Instance(name)
    if _is_of(instance, directory) and instance.table("ledger") is not None:
        return instance
    instance.close()
    return None


def _bounding(directory: Path) -> str:
    """Instance whose durable mark bounds what may be booked, now or when it is started; empty when its name is in use by one on other data."""
    name = instance_of(directory)
    if name not in live_instances():
        return name
    with Instance(name) as instance:
        return "" if instance.data_dir is not None and not _is_of(instance, directory) else name


def verify(args: argparse.Namespace) -> int:
    """Compare store and running engine with a cold rebuild from the journal; exit 7 at a difference."""
    directory = _directory(args)
    with closing(_open(args)) as store:
        live = _live(directory)
        try:
            found = compare(directory, store, live.table if live is not None else None)
        finally:
            if live is not None:
                live.close()
    if args.options.output in {"json", "ndjson"}:
        numbers = {n: getattr(found, n) for n in ("batches", "postings", "executions", "positions", "refused", "waiting", "lacking", "running", "live")}
        ends = {"last_seq": str(found.last_seq), "journal_seq": str(found.journal_seq)}
        print(json.dumps({"schema": "rf.ledger_verify/1", "ok": not found.differences, **numbers, **ends, "differences": found.differences}))
    else:
        for text in found.differences:
            print(f"✖ {text}")
        if not found.differences:
            counted = f"{found.postings:,} postings of {found.executions:,} executions in {found.batches:,} batches, {found.positions:,} positions"
            print(f"● {counted}: the store is what the journal gives, to the last unit, up to sequence {found.last_seq:,}")
        print(_about_engine(found))
        if found.refused:
            print(f"▲ {found.refused} reports or entries are not booked: refused, or of an unknown instrument (ringfence ledger fills --history)")
        if found.waiting:
            print(f"○ {found.waiting} closes wait for the names of their lots (ringfence ledger unnamed)")
        if found.lacking:
            print(f"▲ {found.lacking} positions are not held against the engine's: some of their trades, or of positions tied to them, the ledger refused")
        if found.journal_seq > found.last_seq:
            print(f"○ the journal goes on to sequence {found.journal_seq:,}; ringfence ledger write books it")
    return DIFFERENT if found.differences else 0


def _about_engine(found: Verification) -> str:
    """What was compared of the running engine; what was not can be asked for again."""
    if found.running is None:
        return "○ no engine runs on this journal: none was compared"
    glyph = "●" if found.live == found.running else "▲"
    return f"{glyph} {found.live:,} of {found.running:,} positions of the running engine were compared, with their lots"


def write(args: argparse.Namespace) -> int:
    """Book what the journal has (exit 130: interrupted); with --follow go on until Ctrl-C or SIGTERM (exit 0)."""
    directory = _directory(args)
    with closing(_open(args, make=True)) as store:
        return _write(args, directory, store)


def rebuild(args: argparse.Namespace) -> int:
    """Empty the store and book the whole journal again."""
    directory = _directory(args)
    if not args.yes:
        raise UsageError(f"this removes all that is in {_where(args)} and books {directory} anew; say so with --yes")
    with closing(_open(args, make=True)) as store:
        store.clear()
        return _write(args, directory, store)


def _write(args: argparse.Namespace, directory: Path, store: Store) -> int:
    stop.install()
    writer = LedgerWriter(directory, store, instance=_bounding(directory), patience=Patience(stop.wait))
    with closing(writer):
        if getattr(args, "follow", False):
            start_logging("ledger")
            return follow(writer)
        logging.getLogger("ringfence").addHandler(logging.NullHandler())
        writer.begin()
        seq = writer.catch_up(stop.requested)
    if not args.options.quiet:
        print(f"● {store.where}: booked up to sequence {seq:,} of {directory}, {writer.batches} new batches")
    if stop.requested():
        print("▲ interrupted; the next write goes on behind the last batch", file=sys.stderr)
        return INTERRUPTED
    return 0


def fills(args: argparse.Namespace) -> int:
    """Print each trade with what is in force of it; with --history every change of it."""
    return _table(args, reports.HISTORY if args.history else reports.FILLS, lambda store: reports.fills(store, history=args.history))
