"""Components, sessions and rings of a running instance: who is alive, which session is up, how full each ring is.

Data flow: region ``instance`` (the supervisor's Component rows), superblocks (pid, heartbeat), links (``to.PEER``, ``from.PEER``), ``metrics.COMPONENT`` ->
rows. A ring's depth is read from two cursors that move meanwhile: the consumer's first, so it is never negative. A strategy's intent ring is a
sealed memfd that only the engine maps, so its depth is unknown here; what the engine took of it is known. Liveness is the process (pid and start time),
never the heartbeat alone.
"""

from __future__ import annotations

from typing import Any

from ringfence.ipc.link import published as slots_published
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.regions import process_start_ticks
from ringfence.tools.render import Column, Row, View
from ringfence.tools.views.instance import HEARTBEAT_MAX_NS, Instance, age, label, named

STATUS = View(
    "status",
    (
        Column("health", "", "glyph"),
        Column("component", "COMPONENT"),
        Column("pid", "PID", "id"),
        Column("core", "CORE"),
        Column("state", "STATE"),
        Column("hb_age", "HB_AGE", "ns"),
        Column("loop_max", "LOOP_MAX", "ns"),
        Column("restarts", "RST", "count"),
        Column("note", "NOTE"),
        Column("started_ns", "STARTED", "time", wide=True),
        Column("exit_code", "EXIT", "count", wide=True),
    ),
    ("component",),
)
RINGS = View(
    "rings",
    (
        Column("ring", "RING"),
        Column("producer", "PROD"),
        Column("consumer", "CONS"),
        Column("depth", "DEPTH", "count"),
        Column("capacity", "CAP", "count"),
        Column("use_pct", "USE%", "pct"),
        Column("hwm_pct", "HWM%", "pct"),
        Column("in_rate", "IN/s", "rate"),
        Column("out_rate", "OUT/s", "rate"),
        Column("full", "FULL", "count"),
        Column("lag_max", "LAG_MAX", "ns"),
        Column("age", "AGE", "ns"),
        Column("published", "PUBLISHED", "count", wide=True),
        Column("taken", "TAKEN", "count", wide=True),
    ),
    ("ring",),
)
SESSIONS = View(
    "sessions",
    (
        Column("health", "", "glyph"),
        Column("session", "SESSION"),
        Column("venue", "VENUE"),
        Column("role", "ROLE"),
        Column("state", "STATE"),
        Column("in_seq", "IN_SEQ", "id"),
        Column("out_seq", "OUT_SEQ", "id"),
        Column("exp_gap", "EXP_GAP", "count"),
        Column("hb_rx", "HB_RX", "ns"),
        Column("test", "TEST", "count"),
        Column("rtt", "RTT", "ns"),
        Column("reconnects", "RECON", "count"),
        Column("msg_rate", "MSG/s", "rate"),
        Column("rejects", "REJ", "count"),
        Column("last", "LAST", "ns"),
        Column("stalled", "STALLED", wide=True),
        Column("durability", "DURABILITY", wide=True),
    ),
    ("session",),
)
_NOTES = {
    "intents": "intents",
    "denies": "denied",
    "messages_in": "messages in",
    "messages_out": "out",
    "persisted": "frames synced",
    "divergences": "divergences",
    "behind": "frames behind",
    "verified": "checkpoints verified",
    "snapshots": "snapshots",
    "ticks": "ticks",
    "batches": "batches booked",
    "store_away": "attempts without the store",
}
_DURABILITY = {1: "async", 2: "local", 3: "replicated"}


def heartbeat_regions(component: str) -> tuple[str, ...]:
    """Return the regions that ``component`` writes and beats in."""
    own = {"engine": ("state", "to.sidecar"), "feed": ("market", "from.feed"), "supervisor": ("instance", "from.control")}
    return (f"metrics.{component}", *own.get(component, (f"from.{component}",)))


def health(alive: bool | None, state: str | None, beat: int | None) -> str:
    """Return ok, warn, bad or idle for a process: dead or failed is bad, not beating or not yet running is a warning, stopped is idle."""
    if state in {None, "STOPPED"}:
        return "idle"
    if state == "FAILED" or alive is False:
        return "bad"
    if state != "RUNNING" or (beat is not None and beat > HEARTBEAT_MAX_NS):
        return "warn"
    return "ok"


def _alive(component: Any) -> bool | None:
    """Whether the very process of a Component row lives; None when it has none."""
    pid, ticks = int(component["pid"]), int(component["start_ticks_lo"])
    if pid == 0:
        return None
    now = process_start_ticks(pid)
    return now is not None and (ticks == 0 or now & 0xFFFFFFFF == ticks)


def status(instance: Instance) -> list[Row]:
    """Return one row per component that the supervisor knows, itself first."""
    out: list[Row] = []
    own, rows = instance.region("instance"), instance.rows("instance", "Component")
    if own is not None:
        block, mine = own.superblock, instance.status
        state = named("ProcessState", mine["state"]) if mine is not None else named("ProcessState", block["process_state"])
        beat, here = instance.heartbeat_age("instance"), instance.found["instance"].alive
        out.append(_status_row("supervisor", int(block["writer_pid"]), state, beat, health(here, state, beat), "" if here else "dead"))
        out[0]["started_ns"] = int(mine["started_ns"]) or None if mine is not None else None
    for r in rows if rows is not None else ():
        name = label(r["name"])
        if not name or name == "supervisor":
            continue
        state, alive, beat = named("ProcessState", r["state"]), _alive(r), instance.heartbeat_age(*heartbeat_regions(name))
        shown = "dead" if alive is False and state in {"STARTING", "RECOVERING", "RUNNING", "STOPPING"} else ""
        metrics = instance.metrics(name)
        row = _status_row(name, int(r["pid"]), state, beat, health(alive, state, beat), shown or label(r["note"]) or _counted(metrics))
        core = int(r["core"])
        worst = metrics.histograms().get("loop") if metrics is not None else None
        out.append(
            row
            | {
                "core": f"c{core}" if core >= 0 else None,
                "loop_max": int(worst.max) if worst is not None and worst.count else None,
                "restarts": int(r["restarts"]),
                "started_ns": int(r["started_ns"]) or None,
                "exit_code": int(r["exit_code"]) if state in {"STOPPED", "FAILED"} else None,
            }
        )
    return out


def _counted(metrics: Metrics | None) -> str:
    """Return a component's main counters in words; "" when it has none."""
    counters = metrics.counters() if metrics is not None else {}
    return ", ".join(f"{counters[n]:,} {words}" for n, words in _NOTES.items() if n in counters)


def _status_row(name: str, pid: int, state: str | None, beat: int | None, glyph: str, note: str) -> Row:
    word = state.lower() if state else None
    return {"health": glyph, "component": name, "pid": pid or None, "core": None, "state": word, "hb_age": beat, "note": note or None}


def next_step(instance: Instance, rows: list[Row]) -> str:
    """Return the last line of the status screen: the next thing to do."""
    bad = [str(r["component"]) for r in rows if r["health"] == "bad"]
    waiting = [str(r["component"]) for r in rows if r["health"] == "warn"]
    if not instance.alive:
        return "✖ not running: these regions are left from a crash; recover: ringfence up CONFIG.toml"
    if bad:
        return f"✖ {len(bad)} down: {', '.join(bad)}; logs: {instance.data_dir or 'DATA'}/logs"
    down = [str(r["session"]) for r in sessions(instance) if r["state"] != "UP"]
    if waiting:
        return f"▲ {len(waiting)} not ready: {', '.join(waiting)}; rf wait ready"
    if down:
        return f"▲ {len(down)} session(s) not logged on: {', '.join(down)}; rf sessions"
    return "● all running; rf lat, rf orders, rf pos"


def rings(instance: Instance) -> list[Row]:
    """Return one row per ring that can be seen, without rates (``with_rates`` adds them from an earlier picture)."""
    out = []
    peers = sorted({n.split(".", 1)[1] for n in instance.found if n.startswith(("to.", "from."))})
    for peer in peers:
        out += _ring(instance, peer, f"to.{peer}", f"from.{peer}", "engine", peer)
        out += _ring(instance, peer, f"from.{peer}", f"to.{peer}", peer, "engine")
    return out


def _position(instance: Instance, region: str, section: str) -> int | None:
    segment = instance.region(region)
    if segment is None or section not in {s.name for s in segment.sections}:
        return None
    return int(segment.section(section)[0]["position"])


def _ring(instance: Instance, peer: str, mine: str, theirs: str, producer: str, consumer: str) -> list[Row]:
    """Return the row of the ring whose slots are in region ``mine`` and whose consumer's cursor is in ``theirs``; none when there is no such ring."""
    segment = instance.region(mine)
    slots = next((s for s in segment.sections if s.name == "slots"), None) if segment is not None else None
    taken = _position(instance, theirs, "tail")  # before the head: a depth is then never negative
    published = slots_published(segment) if segment is not None and slots is not None else None
    if slots is None and not (producer.startswith("strat.") and taken is not None):
        return []
    depth = max(0, published - taken) if published is not None and taken is not None else None
    capacity = int(slots.count) if slots is not None else None
    region = theirs if consumer == "engine" else mine.replace("to.", "from.", 1)
    beat = instance.engine_age if consumer == "engine" else instance.heartbeat_age(region, f"metrics.{peer}")
    metrics = instance.metrics("engine" if producer == "engine" else peer)
    counters = metrics.counters() if metrics is not None else {}
    return [
        {
            "ring": f"{'to' if producer == 'engine' else 'from'}.{peer}",
            "producer": producer,
            "consumer": consumer,
            "depth": depth,
            "capacity": capacity,
            "use_pct": 100 * depth / capacity if depth is not None and capacity else None,
            "hwm_pct": None,
            "full": counters.get("journal_full") if peer == "sidecar" else counters.get("ring_full") if producer == peer else None,
            "lag_max": None,
            "age": beat,
            "published": published,
            "taken": taken,
        }
    ]


def with_rates(rows: list[Row], earlier: list[Row], seconds: float, counts: dict[str, str], key: str) -> list[Row]:
    """Return ``rows`` with rates: each ``counts[rate column]`` names the count of which the change per second is taken; None where it cannot be known."""
    before = {r[key]: r for r in earlier}
    out = []
    for r in rows:
        was = before.get(r[key], {})
        rates = {rate: (r[n] - was[n]) / seconds if r.get(n) is not None and was.get(n) is not None and seconds > 0 else None for rate, n in counts.items()}
        out.append(r | rates)
    return out


def sessions(instance: Instance) -> list[Row]:
    """Return one row per venue: its state as the engine applied it, its numbers as its gateway counts them."""
    table = instance.table("venues")
    out: list[Row] = []
    for r in table[1:] if table is not None else ():
        name = label(r["name"])
        if not name:
            continue
        metrics = instance.metrics(f"gw.{name}")
        counts = metrics.counters() if metrics is not None else {}
        state = named("SessionState", counts.get("session_state", 0)) or named("SessionState", r["session_state"]) or "DOWN"
        expected, seen = counts.get("next_in"), counts.get("highest_in")
        messages = [counts[n] for n in ("messages_in", "messages_out") if n in counts]
        out.append(
            {
                "health": "ok" if state == "UP" else "warn" if int(r["session_ups"]) == 0 or state != "DOWN" else "bad",
                "session": label(r["session"]) or name,
                "venue": name,
                "role": "initiator",
                "state": state,
                "in_seq": expected,
                "out_seq": counts.get("next_out"),
                "exp_gap": max(0, seen - expected + 1) if seen is not None and expected is not None else None,
                "hb_rx": age(instance.now_ns, counts.get("last_received_ns", 0)),
                "test": counts.get("test_requests"),
                "rtt": counts.get("rtt_ns") or None,
                "reconnects": counts.get("reconnects"),
                "rejects": counts.get("rejects"),
                "last": age(instance.now_ns, r["changed_ns"]),
                "stalled": "yes" if int(r["stalled"]) else "no",
                "durability": _DURABILITY.get(int(r["durability"])),
                "messages": sum(messages) if messages else None,
            }
        )
    return out
