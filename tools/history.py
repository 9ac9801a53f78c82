"""What an instance's own files say of its past, looked at before anything starts: no ClOrdID twice, no sequence number anew by accident.

    DATA/journal, DATA/sessions/*.store, DATA/run/history.json ──check──▶ go on | Refused, with what to do
    supervisor, each time the instance runs ──note──▶ DATA/run/history.json: last trading day of each ClOrdID prefix, venues whose session was used

The journal counts the order ids, the session store the sequence numbers. A start without one of them would count from 1 again: ClOrdIDs that the venue
has seen today, a session that answers "MsgSeqNum too low". So a start is refused when the journal is empty although the instance has traded (says the
history, or a session store), and when a store is missing that the journal or the history knows. Restoring the file is the cure. What cannot be restored is
given up by name: ``--new-history`` begins an empty journal, ``--new-session VENUE`` an empty store.

A new history counts orders from 1. Its ClOrdIDs differ from all before because prefix and trading day are in each of them: it is refused while the
configured prefix was used on this or a later trading day. The old stores and snapshots are moved aside: they belong to outputs that the new engine
never computed. A new session's mark is what the journal computed for the venue: nothing before it is sent again.

Not known here: a data directory that is gone altogether. Its successor needs another ``instance.prefix`` on the same day (docs/operations.md).
Rejected: the instance epoch in each ClOrdID (a restart an hour is 16 bits in seven years, and needs a file that can be lost just the same).
"""

from __future__ import annotations

import json
import mmap
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from ringfence.core.clordid import day_code, encode_cl_ord_id
from ringfence.gateways.errors import GatewayError
from ringfence.gateways.fix.store import MessageStore
from ringfence.ipc.schema import ENUMS
from ringfence.tools.config import Config, VenueConfig
from ringfence.tools.errors import Refused
from ringfence.tools.journal import JournalReader
from ringfence.tools.replay import replay
from ringfence.tools.segments import segment_indexes
from ringfence.tools.specs import session_identity, store_path
from ringfence.tools.trading_day import trading_day

Say = Callable[[str], None]
NAME = "history.json"
CL_ORD_ID = re.compile(rb"\x0111=([0-9A-V]{5})-")
_VENUE_EVENT = ENUMS["FrameKind"].by_name["VENUE_EVENT"]


def check(config: Config, say: Say, new_history: bool = False, new_sessions: tuple[str, ...] = ()) -> None:
    """Refuse a start that would count anew what must go on; with the options do what they say.

    Raises
    ------
    Refused
        If a file is missing, or an option would lose what is there.
    """
    known = read(config)
    if new_history:
        _begin_history(config, known, say)
        return
    stores = {v.name: store_path(config, v) for v in config.venues}
    lost = [v for v in config.venues if not stores[v.name].exists() and v.name not in new_sessions]
    if not segment_indexes(config.journal_dir):
        traded = bool(known["prefixes"]) or any(path.exists() and cl_ord_id_fronts(path) for path in stores.values())
        if traded:
            raise Refused(
                f"the journal directory {config.journal_dir} is empty, but this instance has traded before: restore the .rfj files from a copy; "
                "if there is none, agree with each counterparty that the sessions start anew, choose an instance.prefix that was not used today, and run "
                "ringfence up --new-history"
            )
        return
    for venue in lost:
        if venue.name in known["venues"] or _in_journal(config, venue):
            raise Refused(
                f"the session store {stores[venue.name]} is missing, but the instance has traded with {venue.name}: its sequence numbers would start at 1 "
                f"and the session be refused; restore the file, or agree on a reset with the counterparty and run ringfence up --new-session {venue.name}"
            )
    for name in new_sessions:
        _begin_session(config, name, say)


def read(config: Config) -> dict[str, dict[str, int]]:
    """What was noted: ``prefixes`` (prefix to last trading day) and ``venues`` (name to the last trading day of its session); empty when nothing was."""
    try:
        noted = json.loads((config.run_dir / NAME).read_text())
        return {part: {str(k): int(v) for k, v in noted[part].items()} for part in ("prefixes", "venues")}
    except FileNotFoundError:
        return {"prefixes": {}, "venues": {}}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise Refused(f"{config.run_dir / NAME} cannot be read ({e}): restore it, or remove it when journal and session stores are complete") from e


def note(config: Config) -> None:
    """Note that the instance runs: durable before a strategy may send."""
    known, day = read(config), today(config)
    known["prefixes"][config.instance.prefix] = max(day, known["prefixes"].get(config.instance.prefix, 0))
    known["venues"] |= {v.name: day for v in config.venues}
    write_durably(config.run_dir / NAME, json.dumps(known, indent=1) + "\n")


def today(config: Config) -> int:
    return config.instance.day or trading_day(config.instance.roll, time.time_ns())


def write_durably(path: Path, text: str, between: Callable[[], None] = lambda: None) -> None:
    """Replace a small file: either the old text or the new one is there, whatever happens. ``between``: called before the new one takes its name."""
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    between()
    fresh.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def cl_ord_id_fronts(path: Path) -> set[str]:
    """Prefix and day code of every ClOrdID in a session store."""
    if not path.stat().st_size:
        return set()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return {match[1].decode() for match in CL_ORD_ID.finditer(mapped)}


def _in_journal(config: Config, venue: VenueConfig) -> bool:
    """Whether the journal has an event of this venue's session; the way to know when the history was lost as well."""
    frames = JournalReader(config.journal_dir).frames()
    return any(int(f.head["kind"]) == _VENUE_EVENT and int(f.head["source"]) == venue.id for f in frames)


def _begin_history(config: Config, known: dict[str, dict[str, int]], say: Say) -> None:
    if segment_indexes(config.journal_dir):
        raise Refused(f"--new-history: the journal directory {config.journal_dir} is not empty; move it away first, the whole history of the instance is in it")
    prefix, day = config.instance.prefix, today(config)
    stores = [path for v in config.venues if (path := store_path(config, v)).exists()]
    front = encode_cl_ord_id(prefix, day_code(day), 1, 0)[:5]
    used = {front for path in stores for front in cl_ord_id_fronts(path)}
    if known["prefixes"].get(prefix, 0) >= day or front in used:
        raise Refused(
            f"--new-history: ClOrdIDs that begin with {front} were used on trading day {day} already, and the new history would use the same ones again; "
            "choose an instance.prefix that was not used on this day"
        )
    for path in [*stores, config.instance.data_dir / "snapshots"]:
        _move_aside(path, say)


def _begin_session(config: Config, name: str, say: Say) -> None:
    """An empty store whose mark is what the journal computed: all of it counts as given to the session that is gone."""
    venue = next((v for v in config.venues if v.name == name), None)
    if venue is None:
        raise Refused(f"--new-session: there is no venue {name!r}; configured are {', '.join(v.name for v in config.venues)}")
    path = store_path(config, venue)
    _move_aside(path, say)
    mark = 0
    if segment_indexes(config.journal_dir):
        state = replay(config.journal_dir).replayer.state
        if venue.id <= int(state.table("engine")[1]["venue_count"]):
            mark = int(state.table("venues")[venue.id]["output_seq"])
    try:
        store = MessageStore(path, session_identity(venue))
    except GatewayError as e:
        raise Refused(f"--new-session: {e}") from e
    store.set_mark(mark)
    store.close()
    say(f"▲ session {name}: numbers start at 1, nothing up to output {mark} is sent again; the counterparty must have reset the session too")


def _move_aside(path: Path, say: Say) -> None:
    if not path.exists():
        return
    number = 1
    while (aside := path.with_name(f"{path.name}.old.{number}")).exists():
        number += 1
    path.rename(aside)
    say(f"▲ {path} is kept as {aside.name}")
