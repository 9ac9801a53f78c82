"""Pictures of a journal directory: segments, frames in words, and the life of one order.

Data flow: segment files -> ``JournalReader`` -> rows; the life of an order also replays the state up to each frame that concerns it, since the journal holds
inputs only: what they did is re-derived. Nothing here needs a running instance; a live one only adds how far the files lag behind the engine.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.core.replay import Replayer
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.tools import frames as framing
from ringfence.tools.errors import ToolError, UsageError
from ringfence.tools.journal import PAYLOADS, Chunk, JournalFrame, JournalReader
from ringfence.tools.render import Column, Row, View
from ringfence.tools.replay import END, cut, replay
from ringfence.tools.segments import COMPRESSED
from ringfence.tools.table_differences import text
from ringfence.tools.views.instance import Instance, label, named
from ringfence.tools.views.risk import passed
from ringfence.tools.views.tables import Names, base32, order_of, scaled

_FRAME, _INTENT, _EVENT = (ENUMS[n].by_name for n in ("FrameKind", "IntentKind", "VenueEventKind"))

SEGMENTS = View(
    "journal",
    (
        Column("segment", "SEGMENT"),
        Column("first", "FIRST", "id"),
        Column("last", "LAST", "id"),
        Column("bytes", "BYTES", "count"),
        Column("crc", "CRC"),
        Column("fsync_lag", "FSYNC_LAG", "count"),
        Column("sink", "SINK"),
        Column("lag", "LAG", "ns"),
        Column("file_bytes", "FILE_BYTES", "count", wide=True),
        Column("created_ns", "CREATED", "time", wide=True),
    ),
    ("segment",),
)
FRAMES = View(
    "frames",
    (
        Column("seq", "SEQ", "id"),
        Column("time_ns", "TIME", "time"),
        Column("kind", "KIND"),
        Column("source", "SOURCE", "id"),
        Column("position", "POSITION", "id"),
        Column("event", "EVENT"),
        Column("id", "ID"),
        Column("detail", "DETAIL"),
        Column("epoch", "EPOCH", "id", wide=True),
        Column("segment", "SEGMENT", "id", wide=True),
        Column("offset", "OFFSET", "id", wide=True),
    ),
    ("seq",),
)
LIFE = View(
    "order",
    (
        Column("seq", "SEQ", "id"),
        Column("time_ns", "TIME", "time"),
        Column("event", "EVENT"),
        Column("state", "STATE"),
        Column("cum", "CUM", "qty"),
        Column("leaves", "LEAVES", "qty"),
        Column("px", "PX", "px"),
        Column("by", "BY"),
        Column("dt", "DT", "ns"),
        Column("detail", "DETAIL", wide=True),
        Column("changed", "CHANGED", wide=True),
        Column("route", "ROUTE", wide=True),
        Column("routes_skipped", "SKIPPED", "count", wide=True),
        Column("skip_reason", "SKIP_REASON", wide=True),
        Column("checks", "CHECKS", wide=True),
    ),
    ("seq",),
)
_SOURCES = {"INTENT": "intent", "VENUE_EVENT": "venue", "CONTROL": "command", "OBSERVATION": "engine", "TIMER": "engine"}
_PREFIXES = {"INTENT": "strat.", "VENUE_EVENT": "gw."}
_BOOKKEEPING = {"updated_ns", "updated_seq", "terms_hash", "next_open", "prev_open"}


def directory(given: str | None, instance: Instance | None) -> Path:
    """Return the directory that holds the ``.rfj`` files: ``given``, its ``journal`` folder, or the running instance's.

    Raises
    ------
    UsageError
        If none was given and no instance names one.
    ToolError
        If a given directory holds no segment: a mistyped one must not pass as a journal that holds.
    """
    data = given or (instance.data_dir if instance is not None else None)
    if data is None:
        raise UsageError("no journal directory given, and no running instance names one: rf journal stat DIR")
    path = Path(data)
    path = path / "journal" if (path / "journal").is_dir() else path
    if given is not None and path.is_dir() and not any(path.glob("*.rfj")):
        raise ToolError(f"{path}: holds no journal segment; give the directory with the .rfj files, or the data directory above it")
    return path


def segments(reader: JournalReader, instance: Instance | None) -> list[Row]:
    """Return one row per segment; FSYNC_LAG counts frames that the engine has journaled and no ``fdatasync`` covers yet."""
    lag = None
    if instance is not None and (engine := instance.engine) is not None:
        mark = instance.region("from.sidecar")
        if mark is not None:
            lag = max(0, int(engine["seq"]) - int(mark.section("mark")[0]["position"]))
    found = reader.segments()
    return [
        {
            "segment": s.path.name,
            "first": s.first_seq,
            "last": s.last_seq if s.last_seq >= s.first_seq else None,
            "bytes": s.used_bytes,
            "crc": "open" if s is found[-1] else "zstd" if s.path.suffix == COMPRESSED else "chained",
            "fsync_lag": lag if s is found[-1] else None,
            "sink": None,
            "lag": None,
            "file_bytes": s.file_bytes,
            "created_ns": s.created_ns,
        }
        for s in found
    ]


def notes(reader: JournalReader, instance: Instance | None) -> list[str]:
    """Return lines below the segments: the directory, where its history begins, and how a running sidecar commits."""
    lines = [str(reader.directory)]
    if reader.first_seq > 1:
        lines.append(f"history begins at sequence {reader.first_seq:,}: what was before it was retired, a snapshot covers it")
    if instance is not None and (sidecar := instance.metrics("sidecar")) is not None:
        found = sidecar.counters()
        ways = [f"{name} {found[key] / 1e6:.3f} ms" for name, key in (("fdatasync", "fdatasync_ns"), ("O_DIRECT|O_DSYNC", "direct_ns")) if found.get(key)]
        lines.append(f"commits with {'O_DIRECT|O_DSYNC' if found.get('direct') else 'fdatasync'}" + (f"; measured at start: {', '.join(ways)}" if ways else ""))
    return lines


def frames(reader: JournalReader, first: int, last: int | None) -> list[Row]:
    """Return the frames from sequence ``first`` to ``last`` in words."""
    out = []
    for frame in reader.frames(max(first, reader.first_seq)):
        if last is not None and int(frame.head["seq"]) > last:
            break
        out.append(frame_row(frame))
    return out


def frame_row(frame: JournalFrame) -> Row:
    """Return one frame in words."""
    head, kind = frame.head, named("FrameKind", frame.head["kind"])
    event, key, detail = describe(kind, frame.payload)
    return {
        "seq": int(head["seq"]),
        "time_ns": int(head["engine_ns"]) or None,
        "kind": kind,
        "source": int(head["source"]),
        "position": int(head["source_position"]) or None,
        "event": event,
        "id": key,
        "detail": detail,
        "epoch": int(head["source_epoch"]),
        "segment": frame.segment,
        "offset": frame.offset,
    }


def _amount(payload: Any, name: str) -> Decimal:
    return scaled(payload[name], int(payload[f"{name}_digits"]))


def describe(kind: str | None, p: Any) -> tuple[str | None, str | None, str | None]:
    """Return ``(event, id, detail)`` of a frame's payload in words; amounts of intents are integers, since their scale is the instrument's."""
    match kind:
        case "INTENT":
            terms = [
                named("Side", p["side"]),
                named("OrdType", p["ord_type"]),
                f"qty={int(p['qty'])}",
                f"px={int(p['px'])}",
                f"instrument={int(p['instrument'])}",
            ]
            return named("IntentKind", p["kind"]), str(int(p["client_id"])), " ".join(str(t) for t in terms if t)
        case "VENUE_EVENT":
            event = named("VenueEventKind", p["kind"])
            parts = [named("OrdStatus", p["ord_status"]) or "", label(p["text"])]
            if event in {"FILL", "BUST", "CORRECT"}:
                parts.insert(0, f"{_amount(p, 'last_qty'):f} @ {_amount(p, 'last_px'):f} exec {label(p['exec_id'])}")
            return event, label(p["cl_ord_id"]) or None, " ".join(x for x in parts if x) or None
        case "CONTROL":
            return named("ControlKind", p["kind"]), None, " ".join(x for x in (label(p["operator_name"]), label(p["reason"])) if x) or None
        case "MARK":
            return "MARK", None, f"instrument={int(p['instrument'])} bid={int(p['bid'])} ask={int(p['ask'])}"
        case "OBSERVATION":
            return named("ObservationKind", p["kind"]), None, f"peer={int(p['peer'])} value={int(p['value'])}"
        case "CHECKPOINT":
            return "CHECKPOINT", None, f"state_hash={int(p['state_hash']):016x}"
    return kind, None, None


def parse_order_id(text: str) -> int:
    """Return the order id that ``text`` names: a number, or a ClOrdID of ours.

    Raises
    ------
    UsageError
        If it is neither.
    """
    found = int(text) if text.isdigit() else order_of(text)
    if not found:
        raise UsageError(f"order id was {text!r}; allowed: a number such as 1743, or a ClOrdID such as RF9IQ-0000A1F-00")
    return found


def _offsets(chunk: Chunk) -> Any:
    """Return the byte offset of each frame of a chunk."""
    numbers = np.empty(chunk.frames, np.uint64)
    framing.offsets(chunk.buffer, chunk.start, chunk.end, numbers)
    return numbers.astype(np.int64)


def _gather(buffer: memoryview, at: Any, width: int) -> Any:
    """Return ``width`` bytes from each offset in ``at``, shape (n, width)."""
    return np.frombuffer(buffer, np.uint8)[at[:, None] + np.arange(width)]


def _candidates(chunk: Chunk, order: Any) -> Any:
    """Return the offsets of the frames that may concern ``order``: its intents and venue events, and what hits many (sessions, commands, timers)."""
    at = _offsets(chunk)
    head, intent, event = dtype("FileFrame"), RECORDS["Intent"].offsets, RECORDS["VenueEvent"].offsets
    body = at + head.itemsize
    kind = _gather(chunk.buffer, at + RECORDS["FileFrame"].offsets["kind"], 2).copy().view("<u2")[:, 0]
    source = _gather(chunk.buffer, at + RECORDS["FileFrame"].offsets["source"], 2).copy().view("<u2")[:, 0]
    keep = np.isin(kind, [_FRAME["CONTROL"], _FRAME["OBSERVATION"], _FRAME["TIMER"]])
    mine = np.flatnonzero((kind == _FRAME["INTENT"]) & (source == order["strategy"]))
    if len(mine):
        client = _gather(chunk.buffer, body[mine] + intent["client_id"], 8).copy().view("<u8")[:, 0]
        every = _gather(chunk.buffer, body[mine] + intent["kind"], 1)[:, 0] == _INTENT["CANCEL_ALL"]
        keep[mine] = (client == order["client_id"]) | every
    events = np.flatnonzero(kind == _FRAME["VENUE_EVENT"])
    if len(events):
        key = np.frombuffer(base32(int(order["order_id"]), 7).encode(), np.uint8)
        named_here = [(_gather(chunk.buffer, body[events] + event[f] + 6, 7) == key).all(axis=1) for f in ("cl_ord_id", "orig_cl_ord_id")]
        sessions = np.isin(_gather(chunk.buffer, body[events] + event["kind"], 1)[:, 0], [_EVENT["SESSION_UP"], _EVENT["SESSION_DOWN"]])
        keep[events] = named_here[0] | named_here[1] | sessions
    return at[keep]


def last_checkpoint(reader: JournalReader) -> tuple[int, int] | None:
    """Return ``(sequence, state hash)`` of the journal's last checkpoint frame; None when there is none."""
    found = None
    for item in reader.chunks(reader.first_seq, chain=False):
        if not isinstance(item, Chunk) or not item.frames:
            continue
        at = _offsets(item)
        kinds = _gather(item.buffer, at + RECORDS["FileFrame"].offsets["kind"], 2).copy().view("<u2")[:, 0]
        hits = np.flatnonzero(kinds == _FRAME["CHECKPOINT"])
        if len(hits):
            offset = int(at[hits[-1]])
            head = np.frombuffer(item.buffer, dtype("FileFrame"), 1, offset)[0]
            payload = np.frombuffer(item.buffer, dtype("Checkpoint"), 1, offset + head.dtype.itemsize)[0]
            found = int(head["seq"]), int(payload["state_hash"])
    return found


def life(reader: JournalReader, order_id: int, until: int | None = None) -> list[Row]:
    """Return one row per journal frame that concerned the order, up to sequence ``until``, with the order's state after it and what it changed.

    Raises
    ------
    ToolError
        If the journal has no such order.
    JournalCorrupt
        If the journal cannot be read as far as needed.
    """
    last = END if until is None else until
    final = replay(reader.directory, verify=False, until=last).replayer
    count = int(final.state.table("engine")[1]["order_count"])
    if order_id > count:
        raise ToolError(f"order {order_id} is not in {reader.directory}: it knows orders 1 to {count}; rf orders --all lists them")
    order = final.state.table("orders")[order_id].copy()
    names = Names(final.state)
    replayer, rows = Replayer(final.state.limits), list[Row]()
    for item in reader.chunks(chain=False):
        if not isinstance(item, Chunk):
            continue
        item, at = cut(item, last), item.start
        for offset in _candidates(item, order).tolist():
            head = np.frombuffer(item.buffer, dtype("FileFrame"), 1, offset)[0]
            payload = np.frombuffer(item.buffer, PAYLOADS[int(head["kind"])], 1, offset + head.dtype.itemsize)[0]
            replayer.apply_buffer(item.buffer, at, offset)
            before = replayer.state.table("orders")[order_id].copy()
            at = offset + int(head["length"])
            replayer.apply_buffer(item.buffer, offset, at)
            now = replayer.state.table("orders")[order_id]
            changed = _changed(before, now)
            if int(now["order_id"]) and (changed or not int(before["order_id"]) or _names_order(payload, order_id, order)):
                rows.append(_life_row(head, payload, now, names, rows[-1] if rows else None) | {"changed": changed})
        replayer.apply_buffer(item.buffer, at, item.end)
    return rows


def _changed(before: Any, now: Any) -> str | None:
    """The fields of an order that a frame changed; of its first frame, which sets them all, nothing."""
    if not int(before["order_id"]):
        return None
    names = [n for n in now.dtype.names if before[n].tobytes() != now[n].tobytes() and n not in _BOOKKEEPING]
    return ", ".join(f"{n} {_field(n, before[n])}→{_field(n, now[n])}" for n in names) or None


def _field(name: str, value: Any) -> str:
    return (named("OrdStatus", value) or "-") if name in {"ord_status", "base_status"} else text(value)


def _names_order(payload: Any, order_id: int, order: Any) -> bool:
    fields = payload.dtype.names or ()
    if "client_id" in fields:
        return int(payload["client_id"]) == int(order["client_id"])
    return order_id in {order_of(label(payload[f])) for f in ("cl_ord_id", "orig_cl_ord_id") if f in fields}


def _life_row(head: Any, payload: Any, order: Any, names: Names, before: Row | None) -> Row:
    kind = named("FrameKind", head["kind"])
    event, _, detail = describe(kind, payload)
    price_digits, qty_digits = names.digits(order["instrument"])
    at = int(head["engine_ns"])
    source, by = _SOURCES[kind or ""], label(payload["operator_name"]) if kind == "CONTROL" else None
    if kind in {"INTENT", "VENUE_EVENT"}:
        by = names.strategy(head["source"]) if kind == "INTENT" else names.venue(head["source"])
    px = int(order["px"])
    return {
        "seq": int(head["seq"]),
        "time_ns": at or None,
        "event": f"{source} {(event or '?').lower().replace('_', ' ')}",
        "state": named("OrdStatus", order["ord_status"]),
        "cum": scaled(order["cum_qty"], qty_digits),
        "leaves": scaled(order["leaves_qty"], qty_digits),
        "px": scaled(px, price_digits) if px else None,
        "by": f"{_PREFIXES.get(kind or '', '')}{by}" if by else None,
        "dt": at - int(before["time_ns"]) if before and before["time_ns"] else None,
        "detail": detail,
        "route": names.route(order["route"]),
        "routes_skipped": int(order["routes_skipped"]),
        "skip_reason": named("DenyReason", order["skip_reason"]),
        "checks": " ".join(passed(order["checks"])) or None,
    }


def how(rows: list[Row]) -> list[str]:
    """The route of an order and the checks that it passed, in words, for below its life."""
    if not rows:
        return []
    last = rows[-1]
    skips = f", {last['routes_skipped']} skipped (the last: {last['skip_reason']})" if last["routes_skipped"] else ""
    lines = [f"○ route {last['route']}{skips}"] if last["route"] else []
    return lines + ([f"○ checks passed: {str(last['checks']).replace(' ', ', ')}"] if last["checks"] else [])
