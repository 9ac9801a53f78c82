"""The commands that read journal files: ``journal stat|dump|verify|audit``, ``replay`` and the life of an order.

Journal files are only ever opened for reading. Exit 7 means that the journal contradicts itself or its checkpoints; a torn last frame is no contradiction:
it is said, and the rest counts.
"""

from __future__ import annotations

import argparse
import json
import time

from ringfence.tools import render
from ringfence.tools.errors import NotRunning
from ringfence.tools.journal import JournalReader
from ringfence.tools.views import journal as pictures
from ringfence.tools.views.instance import Instance, choose

DIFFERENT = 7


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
    rows = pictures.segments(reader, instance if args.dir is None else None)
    _print(args, pictures.SEGMENTS, rows, [str(reader.directory)], instance.name if instance is not None else "")
    return 0


def dump(args: argparse.Namespace) -> int:
    instance = _instance(args) if args.dir is None else None
    reader = JournalReader(pictures.directory(args.dir, instance))
    _print(args, pictures.FRAMES, pictures.frames(reader, args.first, args.last), [], instance.name if instance is not None else "")
    return 0


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
        _print(args, pictures.LIFE, pictures.life(reader, order_id), [], instance.name)
    return 0


def replay(args: argparse.Namespace) -> int:
    """Rebuild the state; with ``--verify`` exit 7 at the first checkpoint whose hash differs, or at a defect in the files."""
    from ringfence.tools import replay as replaying

    return replaying.command(pictures.directory(args.dir, None), verify=args.verify, as_json=args.options.output in {"json", "ndjson"})
