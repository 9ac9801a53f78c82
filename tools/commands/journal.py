"""The commands that read journal files: ``journal stat|dump|tail|verify|audit``, ``replay`` and the life of an order.

Journal files are only ever opened for reading. Exit 7 means that the journal contradicts itself or its checkpoints; a torn last frame is no contradiction:
it is said, and the rest counts.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace

from ringfence.tools import render
from ringfence.tools.errors import NotRunning
from ringfence.tools.journal import JournalReader
from ringfence.tools.journal_records import Follower
from ringfence.tools.views import journal as pictures
from ringfence.tools.views.instance import Instance, choose

DIFFERENT = 7
FOLLOW_S = 0.05


def _instance(args: argparse.Namespace) -> Instance | None:
    """Return the running instance, when no directory was given or one happens to run."""
    try:
        return Instance(choose(args.instance))
    except NotRunning:
        if getattr(args, "dir", None) is None:
            raise
        return None


def _print(args: argparse.Namespace, view: render.View, rows: list[render.Row], footer: list[str], instance: str) -> None:
    opts: render.Options = args.options
    frame = render.Frame(view, render.choose(view, rows, opts), instance, time.time_ns(), footer=[] if opts.quiet else footer)
    print(render.render(frame, opts))


def stat(args: argparse.Namespace) -> int:
    instance = _instance(args)
    reader = JournalReader(pictures.directory(args.dir, instance))
    theirs = instance if args.dir is None else None
    rows = pictures.segments(reader, theirs)
    _print(args, pictures.SEGMENTS, rows, pictures.notes(reader, theirs), instance.name if instance is not None else "")
    return 0


def dump(args: argparse.Namespace) -> int:
    instance = _instance(args) if args.dir is None else None
    reader = JournalReader(pictures.directory(args.dir, instance))
    _print(args, pictures.FRAMES, pictures.frames(reader, args.first, args.last), [], instance.name if instance is not None else "")
    return 0


def tail(args: argparse.Namespace) -> int:
    """Print the last frames, and with ``-f`` every frame that is written after them until Ctrl-C; JSON is one object per line."""
    instance = _instance(args) if args.dir is None else None
    name = instance.name if instance is not None else ""
    directory = pictures.directory(args.dir, instance)
    reader = JournalReader(directory)
    follower = Follower(directory, max(reader.first_seq, reader.segments()[-1].last_seq + 1 - args.lines))
    opts: render.Options = args.options
    while True:
        rows = render.choose(pictures.FRAMES, (pictures.frame_row(f) for f in follower.poll()), opts)
        if opts.output in {"json", "ndjson"}:
            for row in rows:
                print(json.dumps({c.key: render.plain(c, row.get(c.key)) for c in pictures.FRAMES.columns}, separators=(",", ":")), flush=True)
        elif rows:
            print(render.render(render.Frame(pictures.FRAMES, rows, name, time.time_ns()), opts), flush=True)
            opts = replace(opts, header=False)
        if follower.at_end:
            if not args.follow:
                return 0
            time.sleep(FOLLOW_S)


def verify(args: argparse.Namespace) -> int:
    """Read every byte of every segment; exit 7 at any defect but a torn tail."""
    instance = _instance(args) if args.dir is None else None
    reader = JournalReader(pictures.directory(args.dir, instance))
    found = reader.verify()
    if args.options.output in {"json", "ndjson"}:
        defects = [{"kind": d.kind.value, "segment": d.segment, "offset": str(d.offset), "seq": str(d.seq), "detail": d.detail} for d in found.defects]
        head = {"schema": "rf.journal_verify/1", "ts_ns": str(time.time_ns()), "directory": str(reader.directory), "ok": found.fatal is None}
        print(json.dumps({**head, "segments": len(found.segments), "frames": found.frames, "last_seq": str(found.last_seq), "rows": defects}))
    else:
        for defect in found.defects:
            print(f"{'▲' if defect is found.torn else '✖'} {defect.error()}")
        if found.fatal is None:
            print(f"● {found.frames:,} frames in {len(found.segments)} segments, last sequence {found.last_seq:,}: every checksum and sequence holds")
    return DIFFERENT if found.fatal is not None else 0


def audit(args: argparse.Namespace) -> int:
    """Replay every frame against the independent oracle; exit 7 when an invariant does not hold."""
    from ringfence.tools import audit as auditing

    instance = _instance(args) if args.dir is None else None
    return auditing.command(pictures.directory(args.dir, instance), as_json=args.options.output in {"json", "ndjson"})


def life(args: argparse.Namespace) -> int:
    """Print the life of one order from the journal of the running instance."""
    order_id = pictures.parse_order_id(args.id)
    with Instance(choose(args.instance)) as instance:
        reader = JournalReader(pictures.directory(None, instance))
        rows = pictures.life(reader, order_id)
        _print(args, pictures.LIFE, rows, pictures.how(rows), instance.name)
    return 0


def replay(args: argparse.Namespace) -> int:
    """Rebuild the state; with ``--diff`` find where two histories part, with ``--order`` tell the life of one order."""
    if args.order is not None:
        reader = JournalReader(pictures.directory(args.dir, None))
        rows = pictures.life(reader, pictures.parse_order_id(args.order), args.until)
        _print(args, pictures.LIFE, rows, pictures.how(rows), "")
        return 0
    from ringfence.tools import replay_command

    return replay_command.run(args)
