"""What each child process of an instance is told: its module, its spec as one JSON object, and where it runs.

    Config ──▶ [ChildPlan] ──supervisor──▶ DATA/run/COMPONENT.json, python -m MODULE --spec FILE

Pure but for one look at regions that outlived their process: a gateway takes up its old ring with the size it has, since a ring can only be
resized after a clean stop. The spec's keys are those of the process's own reader (gateways/fix/spec.py, gateways/feed.py, tools/sidecar.py,
tools/engine_process.py, tools/shadow.py, tools/ledger_writer.py).
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ringfence.gateways.fix.config import SessionConfig as SessionSettings
from ringfence.ipc.errors import RegionMissing
from ringfence.ipc.segment import Segment
from ringfence.tools.config import Config, VenueConfig
from ringfence.tools.feed_config import FeedConfig
from ringfence.tools.session_config import SessionConfig

SIDECAR_DRAIN_S = 10
SHADOW_STOP_S = 30  # it writes a snapshot
LEDGER_STOP_S = 15  # it books what is left
SETTINGS = tuple(f.name for f in fields(SessionSettings) if f.name != "password")
"""What the session itself takes; the password does not travel in a file."""


@dataclass(frozen=True)
class ChildPlan:
    """One process to run. ``region`` is where it says its state; ``order`` is its place in the order of stopping."""

    name: str
    role: str
    command: tuple[str, ...]
    region: str
    order: int
    stop_s: float
    core: int = -1
    essential: bool = False
    restart: bool = True
    spec: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


def plans(config: Config, epoch: int, copy: Path) -> list[ChildPlan]:
    """Return the processes of an instance in the order of starting; ``copy`` is the configuration that they read."""
    name, idle = config.instance.name, config.instance.idle
    common = {"instance": name, "epoch": epoch, "idle": idle}

    def module(module_name: str, component: str) -> tuple[str, ...]:
        return (sys.executable, "-m", module_name, "--spec", str(config.run_dir / f"{component}.json"))

    sidecar = ChildPlan(
        "sidecar",
        "SIDECAR",
        module("ringfence.tools.sidecar", "sidecar"),
        "from.sidecar",
        order=5,
        stop_s=SIDECAR_DRAIN_S + 5,
        core=config.cores.sidecar,
        essential=True,
        spec={
            **common,
            "journal_dir": str(config.journal_dir),
            "segment_bytes": config.journal.segment_bytes,
            "sync_ms": config.journal.sync_ms if config.highest_durability == "async" else 0,
            "reserve_bytes": config.journal.reserve_bytes,
            "commit": config.journal.commit,
            "compress": config.journal.compress,
            "keep_days": config.journal.keep_days,
            "keep_bytes": config.journal.keep_bytes,
            "core": config.cores.sidecar,
            "drain_s": SIDECAR_DRAIN_S,
        },
    )
    engine = ChildPlan(
        "engine",
        "ENGINE",
        module("ringfence.tools.engine_process", "engine"),
        "state",
        order=4,
        stop_s=10,
        core=config.cores.engine,
        essential=True,
        spec={**common, "config": str(copy), "config_source": str(config.source), "core": config.cores.engine},
    )
    out = [sidecar, engine, *(_gateway(config, k, common, module) for k in range(len(config.venues)))]
    if config.feed:
        out.append(_feed(config, config.feed, common, module))
    if config.shadow.enabled:
        out.append(_shadow(config, common, module))
    if config.ledger.enabled:
        out.append(_ledger(config, common, module))
    return out


def strategy_plans(config: Config) -> list[ChildPlan]:
    """The strategies that the configuration starts; they come when the engine runs."""
    out = []
    for s in config.strategies:
        if s.command:
            path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
            sources = [v.session.password_env for v in config.venues] + [f.password_env for f in (config.feed.sessions if config.feed else ())]
            secrets = {name: "" for name in sources if name}  # a session's password is that of its own process alone
            environment = secrets | {"RINGFENCE_INSTANCE": config.instance.name, "RINGFENCE_STRATEGY": s.name, "PATH": path}
            if modules := os.environ.get("PYTHONPATH"):  # it runs in the configuration's directory, not in ours
                environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in modules.split(os.pathsep))
            out.append(ChildPlan(f"strat.{s.name}", "STRATEGY", s.command, "", order=1, stop_s=5, core=s.core, environment=environment))
    return out


def expected_regions(config: Config) -> set[str]:
    """Names of all regions that the instance's processes own; one whose process is just being started again is not a leftover."""
    gateways = [f"gw.{v.name}" for v in config.venues]
    peers = ["sidecar", "control", *gateways, *(["feed"] if config.feed else [])]
    links = {f"{side}.{peer}" for peer in peers for side in ("to", "from")} | {f"to.strat.{s.name}" for s in config.strategies}
    links |= {f"metrics.intents.{s.id}" for s in config.strategies}
    metrics = {f"metrics.{c}" for c in ("engine", "sidecar", "feed", "shadow", "ledger", *gateways)}
    return links | metrics | {"instance", "kill", "state", "market", "market.readers"}


def _gateway(config: Config, k: int, common: dict[str, Any], module: Any) -> ChildPlan:
    venue = config.venues[k]
    component = f"gw.{venue.name}"
    s = venue.session
    spec = {
        **common,
        "idle": "" if common["idle"] == "auto" else common["idle"],
        "component": component,
        "venue": venue.name,
        "venue_id": venue.id,
        "addresses": list(s.addresses),
        "session": _session(s),
        "tls": asdict(s.tls) if s.tls else None,
        "schedule": asdict(s.schedule) if s.schedule else None,
        "custom_tags": s.custom_tags,
        "password_file": s.password_file,
        "password_env": s.password_env,
        "fix_profile": s.fix_profile,
        "symbols": [i.symbol for i in config.instruments],
        "reconnect_min_s": s.reconnect_min_s,
        "reconnect_max_s": s.reconnect_max_s,
        "messages_per_s": s.messages_per_s,
        "burst": s.burst,
        "cancel_reserve": s.cancel_reserve,
        "store": str(store_path(config, venue)),
        "durability": config.highest_durability,
        "core": venue.core,
        "ring_slots": slots_of(config.instance.name, f"from.{component}") or config.rings.venue_events,
    }
    return ChildPlan(component, "GATEWAY", module("ringfence.gateways.fix", component), f"from.{component}", order=2, stop_s=5, core=venue.core, spec=spec)


def store_path(config: Config, venue: VenueConfig) -> Path:
    """File of a venue's session store."""
    return config.instance.data_dir / "sessions" / f"{venue.name}.store"


def session_identity(venue: VenueConfig) -> str:
    """What the store of a venue's session must belong to."""
    return str(SessionSettings(**_session(venue.session)).identity)


def _session(s: SessionConfig) -> dict[str, Any]:
    """The settings that the session itself takes, by their names there."""
    return {name: getattr(s, name) for name in SETTINGS}


def _feed(config: Config, feed: FeedConfig, common: dict[str, Any], module: Any) -> ChildPlan:
    rows = {i.id: i for i in config.instruments}

    def instrument(row: int, symbol: str = "") -> dict[str, Any]:
        own = rows[row]
        return {"symbol": symbol or own.symbol, "instrument": row, "price_digits": own.price_digits, "qty_digits": own.qty_digits}

    sessions = []
    for s in feed.sessions:
        told = {f.name: getattr(s, f.name) for f in fields(s) if f.name not in ("symbols", "tls")} | ({"tls": asdict(s.tls)} if s.tls else {})
        store = str(config.instance.data_dir / "sessions" / f"feed.{s.name}.store")
        sessions.append({**told, "store": store, "instruments": [instrument(row, symbol) for row, symbol in s.symbols.items()]})
    spec = {
        **common,
        "component": "feed",
        "ticks": [{**instrument(t.instrument), "file": str(t.path), "format": t.format} for t in feed.ticks],
        "sessions": sessions,
        "speed": feed.speed,
        "loop": feed.loop,
        "mark_every_ms": feed.mark_ms,
        "stale_ms": feed.stale_ms,
        "ring_slots": slots_of(config.instance.name, "from.feed") or config.rings.marks,
        "tick_slots": feed.tick_slots,
        "rows": config.limits.instruments + 1,
        "core": config.cores.feed,
    }
    return ChildPlan("feed", "FEED", module("ringfence.gateways.feed", "feed"), "from.feed", order=3, stop_s=3, core=config.cores.feed, spec=spec)


def _shadow(config: Config, common: dict[str, Any], module: Any) -> ChildPlan:
    """Stopped after the sidecar: it reads the journal to its end, and its last snapshot is what the next start begins with."""
    spec = {
        **common,
        "limits": asdict(config.limits),
        "journal_dir": str(config.journal_dir),
        "snapshot_dir": str(config.snapshot_dir),
        "divergence_dir": str(config.divergence_dir),
        "snapshot_every_s": config.shadow.snapshot_every_s,
        "keep": config.shadow.keep,
    }
    return ChildPlan("shadow", "SHADOW", module("ringfence.tools.shadow", "shadow"), "metrics.shadow", order=6, stop_s=SHADOW_STOP_S, spec=spec)


def _ledger(config: Config, common: dict[str, Any], module: Any) -> ChildPlan:
    """Stopped after the sidecar, like the shadow: it books the journal to its end. Nobody waits for it."""
    spec = {**common, "journal_dir": str(config.journal_dir), "store": config.ledger.store}
    return ChildPlan("ledger", "LEDGER", module("ringfence.tools.ledger_writer", "ledger"), "metrics.ledger", order=6, stop_s=LEDGER_STOP_S, spec=spec)


def slots_of(instance: str, region: str) -> int:
    """Slots of a region's ring; 0 when there is no such region."""
    try:
        with Segment.attach(instance, region) as segment:
            return next((s.count for s in segment.sections if s.name == "slots"), 0)
    except RegionMissing:
        return 0
