"""One TOML file becomes one frozen ``Config``; a wrong one raises ConfigError before anything starts.

    instance.toml ──load──▶ Config ──▶ supervisor ──▶ one spec file per process; engine ──▶ journaled DEFINE_* rows

Nothing else in an instance reads configuration. Row ids are positions in the file, counted from 1: they become table rows that the journal refers to, so
rows keep their order for the life of a journal (append new ones, set ``status = "halted"`` on old ones); the engine refuses a file that
renumbers them. Prices and quantities are decimal text, converted exactly with the instrument's digits. Cross references are checked here.
The reference page is docs/configuration.md, a complete commented file is tools/examples/demo.toml.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ringfence.core.clordid import encode_out_of_band
from ringfence.gateways.errors import SessionError
from ringfence.ipc.schema import CONSTANTS
from ringfence.tools import config_model as model
from ringfence.tools import margin_schedule, session_config
from ringfence.tools.config_model import (
    DURABILITIES,
    NAME,
    NAME_ALLOWED,
    AccountConfig,
    BrokerConfig,
    CurrencyConfig,
    DeskConfig,
    InstrumentConfig,
    LimitConfig,
    OperatorConfig,
    PermissionConfig,
    RouteConfig,
    StrategyConfig,
)
from ringfence.tools.errors import ConfigError
from ringfence.tools.feed_config import FeedConfig, feed_config
from ringfence.tools.ledger_store import FILE_NAME
from ringfence.tools.margin_schedule import MarginConfig
from ringfence.tools.session_config import SessionConfig
from ringfence.tools.toml_table import Table
from ringfence.tools.trading_day import parse_roll

SOCKET_PATH_MAX = 107
_SOCKET_NAME = "/run/control.sock"


@dataclass(frozen=True)
class InstanceConfig:
    """``[instance]``; ``day`` is YYYYMMDD and stays, 0: by ``roll``, which is when the trading day changes."""

    name: str
    data_dir: Path
    mode: str
    idle: str
    durability: str
    timer_ms: int
    checkpoint_ms: int
    prefix: str
    day: int
    roll: str


@dataclass(frozen=True)
class CoresConfig:
    """``[cores]``; -1: not pinned."""

    engine: int
    sidecar: int
    feed: int


@dataclass(frozen=True)
class RingsConfig:
    """``[rings]``: slots, powers of two."""

    journal: int
    commands: int
    venue_events: int
    intents: int
    strategy_events: int
    control: int
    marks: int


@dataclass(frozen=True)
class LimitsConfig:
    """``[limits]``: rows of the engine's tables."""

    orders: int
    executions: int
    positions: int
    breaks: int
    instruments: int
    accounts: int
    venues: int
    strategies: int
    routes: int
    brokers: int
    desks: int
    currencies: int
    permissions: int
    operators: int
    proposals: int
    scopes: int
    lots: int
    margin_rates: int
    parameters: int


@dataclass(frozen=True)
class JournalConfig:
    """``[journal]``: ``sync_ms`` is the longest time between two syncs at durability async; at local it syncs at once.

    A frame that is not durable after ``reduce_ms`` closes new risk but for reducing, after ``halt_ms`` all of it (0: never); so does a disk with less than
    ``reserve_bytes`` free. ``commit`` is how writes are made durable; ``compress``, ``keep_days`` and ``keep_bytes`` are for closed segments (0: all are kept).
    """

    segment_bytes: int
    sync_ms: int
    reduce_ms: int
    halt_ms: int
    reserve_bytes: int
    commit: str
    compress: bool
    keep_days: int
    keep_bytes: int


@dataclass(frozen=True)
class SupervisorConfig:
    """``[supervisor]``: how often a process that died is started again, and after which wait (it doubles from the first to the last)."""

    restarts_max: int
    restart_window_s: int
    restart_wait_ms: int
    restart_wait_max_ms: int


@dataclass(frozen=True)
class ShadowConfig:
    """``[shadow]``: a second engine that checks the live one and writes snapshots, every ``snapshot_every_s``; the newest ``keep`` stay."""

    enabled: bool
    snapshot_every_s: int
    keep: int


@dataclass(frozen=True)
class LedgerConfig:
    """``[ledger]``: a process that books the journal into a store, a file or a PostgreSQL URL (docs/ledger.md)."""

    enabled: bool
    store: str


@dataclass(frozen=True)
class VenueConfig:
    """``[[venue]]`` and its session."""

    id: int
    name: str
    durability: str
    core: int
    status: str
    cancel_on_disconnect: bool
    session: SessionConfig


@dataclass(frozen=True)
class Config:
    """A checked instance configuration."""

    source: Path
    digest: int
    instance: InstanceConfig
    cores: CoresConfig
    rings: RingsConfig
    limits: LimitsConfig
    journal: JournalConfig
    supervisor: SupervisorConfig
    shadow: ShadowConfig
    ledger: LedgerConfig
    instruments: tuple[InstrumentConfig, ...]
    accounts: tuple[AccountConfig, ...]
    venues: tuple[VenueConfig, ...]
    strategies: tuple[StrategyConfig, ...]
    routes: tuple[RouteConfig, ...]
    feed: FeedConfig | None
    currencies: tuple[CurrencyConfig, ...]
    brokers: tuple[BrokerConfig, ...]
    desks: tuple[DeskConfig, ...]
    permissions: tuple[PermissionConfig, ...]
    model_limits: tuple[LimitConfig, ...]
    operators: tuple[OperatorConfig, ...]
    margins: tuple[MarginConfig, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed and should be thought about."""
        out = []
        if [p.name for p in self.permissions] == [model.EVERYTHING]:
            out.append('no [[permission]]: one grant, "everything", lets every strategy trade everything; write what each may trade')
        if not self.model_limits:
            out.append("no [[limit]]: no pre-trade limit is set; begin with MAX_NOTIONAL, COLLAR and DAILY_LOSS of the firm")
        if len([o for o in self.operators if o.status == "active" and o.role in ("risk", "admin")]) < 2:
            out.append("fewer than two operators of role risk or admin: nobody can approve a looser limit or the release of a kill")
        return tuple(out)

    @property
    def journal_dir(self) -> Path:
        return self.instance.data_dir / "journal"

    @property
    def snapshot_dir(self) -> Path:
        return self.instance.data_dir / "snapshots"

    @property
    def divergence_dir(self) -> Path:
        return self.instance.data_dir / "divergence"

    @property
    def run_dir(self) -> Path:
        return self.instance.data_dir / "run"

    @property
    def log_dir(self) -> Path:
        return self.instance.data_dir / "logs"

    @property
    def highest_durability(self) -> str:
        """The highest level of any order: above async orders wait for a sync, so that the sidecar should not delay one."""
        levels = {self.instance.durability, *(a.durability for a in self.accounts), *(v.durability for v in self.venues)}
        return max(levels - {""}, key=DURABILITIES.index)


def load(path: Path | str, origin: Path | None = None) -> Config:
    """Read and check a configuration file.

    Parameters
    ----------
    origin : Path, optional
        Where a copy came from: relative paths in it are relative to that file.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not TOML, or a key is missing, unknown, wrong or contradicts another.
    """
    source = Path(path)
    try:
        raw = source.read_bytes()
        values = tomllib.loads(raw.decode())
    except OSError as e:
        raise ConfigError("file", str(path), f"a readable TOML file ({e.strerror})") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigError("file", str(path), f"valid TOML ({e})") from e
    return parse(values, (origin or source).resolve(), hashlib.sha256(raw).digest())


def parse(values: dict[str, Any], source: Path, digest: bytes = b"") -> Config:
    """Check an already decoded configuration; relative paths in it are relative to ``source``'s directory."""
    top = Table(values, "", source.name)
    instance = _instance(top.table("instance", required=True), source.parent)
    limits = _limits(top.table("limits"))
    cores, rings, journal = _cores(top.table("cores")), _rings(top.table("rings")), _journal(top.table("journal"))
    supervisor, shadow = _supervisor(top.table("supervisor")), _shadow(top.table("shadow"))
    ledger = _ledger(top.table("ledger"), "ledger" in values, instance, source)
    currencies = model.read_currencies(top, limits.currencies)
    brokers = tuple(model.read_broker(k, t) for k, t in enumerate(top.tables("broker", 0, limits.brokers), 1))
    instruments = tuple(model.read_instrument(k, t) for k, t in enumerate(top.tables("instrument", 1, limits.instruments), 1))
    of_brokers = {b.name: b.id for b in brokers}
    accounts = tuple(model.read_account(k, t, of_brokers) for k, t in enumerate(top.tables("account", 1, limits.accounts), 1))
    venues = tuple(_venue(k, t, instance, source.parent) for k, t in enumerate(top.tables("venue", 1, limits.venues), 1))
    strategies = tuple(model.read_strategy(k, t) for k, t in enumerate(top.tables("strategy", 0, limits.strategies), 1))
    if (given := sum(len(s.parameters) for s in strategies)) > limits.parameters:
        raise top.error("strategy.parameters", f"{given} values", f"at most {limits.parameters} (limits.parameters)")
    desks = model.desks_of(top, limits.desks, strategies)
    rows_of_desks = {"": 0} | {d.name: d.id for d in desks}
    strategies = tuple(replace(s, desk_row=rows_of_desks[s.desk]) for s in strategies)
    _unique(top, "instrument", "symbol", [i.symbol for i in instruments])
    for name, rows in (("account", accounts), ("venue", venues), ("strategy", strategies), ("broker", brokers), ("desk", desks)):
        _unique(top, name, "name", [r.name for r in rows])
    _check_symbols(top, venues, [i.symbol for i in instruments])
    ids = {"instruments": {i.symbol: i.id for i in instruments}, "currencies": {c.code: c.id for c in currencies}}
    for table, named in (("accounts", accounts), ("venues", venues), ("strategies", strategies), ("brokers", brokers), ("desks", desks)):
        ids[table] = {r.name: r.id for r in named}
    routes = tuple(model.read_route(k, t, ids, instruments) for k, t in enumerate(top.tables("route", 1, limits.routes), 1))
    permissions = _permissions(top, limits, ids)
    model_limits = _model_limits(top, limits, ids, instruments)
    _check_rates(top, model_limits, currencies, instruments, accounts)
    operators = model.operators_of(top, limits.operators, os.getuid(), _owner())
    margins = _margins(top, limits, ids)
    feed = feed_config(top.table("feed"), source.parent, ids["instruments"]) if "feed" in values else None
    top.known.append("feed")
    top.finish()
    number = int.from_bytes(digest[:8], "little")
    base = (source, number, instance, cores, rings, limits, journal, supervisor, shadow, ledger, instruments, accounts, venues, strategies, routes, feed)
    return Config(*base, currencies, brokers, desks, permissions, model_limits, operators, margins)


def _permissions(top: Table, limits: LimitsConfig, ids: model.Ids) -> tuple[PermissionConfig, ...]:
    out = [p for k, t in enumerate(top.tables("permission", 0, limits.permissions), 1) for p in model.read_permission(t, k, ids)]
    for k, p in enumerate(out):
        if (p.name, p.strategy) in ((x.name, x.strategy) for x in out[:k]):
            raise top.error("permission.name", p.name, "a name of its own for each grant to a strategy")
    if len(out) > limits.permissions:
        raise top.error("permission", f"{len(out)} grants", f"at most {limits.permissions} (limits.permissions); a grant to two strategies counts twice")
    return tuple(out) or (model.everything(),)


def _model_limits(top: Table, limits: LimitsConfig, ids: model.Ids, instruments: tuple[InstrumentConfig, ...]) -> tuple[LimitConfig, ...]:
    out: list[LimitConfig] = []
    for t in top.tables("limit", 0, limits.scopes):
        row = model.read_limit(t, ids, instruments)
        if (row.kind, row.a, row.b, row.rule) in ((x.kind, x.a, x.b, x.rule) for x in out):
            raise t.error("rule", row.rule, f"a rule once a scope; {row.scope} has it already")
        out.append(row)
    return tuple(out)


def _margins(top: Table, limits: LimitsConfig, ids: model.Ids) -> tuple[MarginConfig, ...]:
    out: list[MarginConfig] = []
    for t in top.tables("margin", 0, limits.margin_rates):
        if not ids["currencies"]:
            raise t.error("rate", t.values.get("rate", ""), "no such table without [firm] currency: margin is a part of an amount in it")
        row = margin_schedule.read(t, ids)
        if row.key in (x.key for x in out):
            raise t.error(
                "rate", margin_schedule.share_text(row.rate_ppm), "one table for each broker or account and what it is for; this one is there already"
            )
        out.append(row)
    return tuple(out)


def _check_rates(
    top: Table,
    limits: tuple[LimitConfig, ...],
    currencies: tuple[CurrencyConfig, ...],
    instruments: tuple[InstrumentConfig, ...],
    accounts: tuple[AccountConfig, ...],
) -> None:
    """A limit in money can only be checked when every currency has a rate."""
    first, known = model.needs_rates(limits), {c.code for c in currencies}
    if first is None:
        return
    for key, row, code in [("instrument", i.id, i.quote) for i in instruments] + [("account", a.id, a.currency) for a in accounts]:
        if code not in known:
            key = f"{key}[{row}].{'quote' if key == 'instrument' else 'currency'}"
            raise top.error(key, code, f"a currency with a rate ([firm] currency or [[currency]]): {first.rule} of {first.scope} is counted in the firm's")


def _owner() -> str:
    """Login name of who runs the instance; the number as text when it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _instance(t: Table, base: Path) -> InstanceConfig:
    name = t.text("name", pattern=r"[A-Za-z0-9_-]{1,31}", allowed="1 to 31 letters, digits, '_' and '-'")
    text = t.text("data_dir", allowed="a directory; a relative one is relative to this file")
    data_dir = Path(os.path.abspath(base / Path(text).expanduser()))
    longest = SOCKET_PATH_MAX - len(_SOCKET_NAME)
    if len(os.fsencode(data_dir)) > longest:
        raise t.error("data_dir", str(data_dir), f"a path of at most {longest} bytes (it holds a Unix socket)")
    config = InstanceConfig(
        name=name,
        data_dir=data_dir,
        mode=t.choice("mode", ("live", "paper", "demo")),
        idle=t.choice("idle", ("auto", "spin", "yield", "backoff"), "auto"),
        durability=t.choice("durability", DURABILITIES, "async"),
        timer_ms=t.whole("timer_ms", 1, 60_000, 100),
        checkpoint_ms=t.whole("checkpoint_ms", 0, 3_600_000, 1000),
        prefix=t.text("prefix", pattern=r"[0-9A-V]{2}", allowed="2 characters of 0-9 and A-V, unique among instances that share a FIX session"),
        day=_day(t),
        roll=_roll(t),
    )
    t.finish()
    return config


def _day(t: Table) -> int:
    allowed = '"auto" (by roll) or a date such as "2026-01-31"'
    text = t.text("day", "auto", pattern=r"(20\d\d|21[0-7]\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", allowed=allowed)
    return 0 if text == "auto" else int(text.replace("-", ""))


def _roll(t: Table) -> str:
    text = t.text("roll", "00:00 UTC")
    try:
        parse_roll(text)
    except ValueError as e:
        raise t.error("roll", text, 'HH:MM ZONE, such as "17:00 America/New_York"') from e
    return text


def _cores(t: Table) -> CoresConfig:
    high = (os.cpu_count() or 1) - 1
    config = CoresConfig(*(t.whole(name, 0, high, -1) for name in ("engine", "sidecar", "feed")))
    t.finish()
    return config


def _rings(t: Table) -> RingsConfig:
    config = RingsConfig(
        journal=t.power_of_two("journal", 64, 1 << 22, 1 << 15),
        commands=t.power_of_two("commands", 16, 1 << 20, 1 << 12),
        venue_events=t.power_of_two("venue_events", 16, 1 << 20, 1 << 12),
        intents=t.power_of_two("intents", 16, 1 << 20, 1 << 10),
        strategy_events=t.power_of_two("strategy_events", 16, 1 << 20, 1 << 13),
        control=t.power_of_two("control", 16, 1 << 16, 1 << 8),
        marks=t.power_of_two("marks", 16, 1 << 20, 1 << 10),
    )
    t.finish()
    return config


def _limits(t: Table) -> LimitsConfig:
    positions = t.whole("positions", 16, 1 << 24, 1 << 12)
    config = LimitsConfig(
        orders=t.whole("orders", 16, 1 << 28, 1 << 17),
        executions=t.whole("executions", 16, 1 << 28, 1 << 18),
        positions=positions,
        breaks=t.whole("breaks", 16, 1 << 20, 1 << 12),
        instruments=t.whole("instruments", 1, CONSTANTS["INSTRUMENTS_MAX"][0] - 1, 256),
        accounts=t.whole("accounts", 1, CONSTANTS["ACCOUNTS_MAX"][0], 64),
        venues=t.whole("venues", 1, CONSTANTS["VENUES_MAX"][0], 16),
        strategies=t.whole("strategies", 1, CONSTANTS["STRATEGIES_MAX"][0], 64),
        routes=t.whole("routes", 1, 1 << 14, 256),
        brokers=t.whole("brokers", 1, 1 << 12, 16),
        desks=t.whole("desks", 1, 1 << 12, 32),
        currencies=t.whole("currencies", 1, 1 << 12, 32),
        permissions=t.whole("permissions", 1, 1 << 14, 64),
        operators=t.whole("operators", 1, 1 << 12, 32),
        proposals=t.whole("proposals", 16, 1 << 16, 256),
        scopes=t.whole("scopes", 64, 1 << 24, 1 << 12),
        lots=t.whole("lots", positions + 1, 1 << 28, max(1 << 16, 2 * positions)),
        margin_rates=t.whole("margin_rates", 1, 1 << 14, 256),
        parameters=t.whole("parameters", 1, CONSTANTS["PARAMETERS_MAX"][0], 256),
    )
    t.finish()
    return config


def _journal(t: Table) -> JournalConfig:
    config = JournalConfig(
        segment_bytes=t.whole("segment_mib", 1, 4096, 64) << 20,
        sync_ms=t.whole("sync_ms", 0, 10_000, 5),
        reduce_ms=t.whole("reduce_ms", 0, 600_000, 250),
        halt_ms=t.whole("halt_ms", 0, 600_000, 2000),
        reserve_bytes=t.whole("reserve_mib", 0, 1 << 20, 256) << 20,
        commit=t.choice("commit", ("auto", "fdatasync", "direct"), "auto"),
        compress=t.flag("compress", False),
        keep_days=t.whole("keep_days", 0, 36_500, 0),
        keep_bytes=t.whole("keep_mib", 0, 1 << 30, 0) << 20,
    )
    t.finish()
    return config


def _supervisor(t: Table) -> SupervisorConfig:
    config = SupervisorConfig(
        restarts_max=t.whole("restarts_max", 0, 1_000_000, 5),
        restart_window_s=t.whole("restart_window_s", 1, 86_400, 60),
        restart_wait_ms=t.whole("restart_wait_ms", 0, 60_000, 100),
        restart_wait_max_ms=t.whole("restart_wait_max_ms", 0, 600_000, 2_000),
    )
    t.finish()
    return config


def _shadow(t: Table) -> ShadowConfig:
    config = ShadowConfig(
        enabled=t.flag("enabled", True),
        snapshot_every_s=t.whole("snapshot_every_s", 1, 86_400, 300),
        keep=t.whole("keep", 1, 1000, 3),
    )
    t.finish()
    return config


def _ledger(t: Table, named: bool, instance: InstanceConfig, source: Path) -> LedgerConfig:
    enabled, store = t.flag("enabled", named), t.text("store", "")
    t.finish()
    if "://" not in store:
        store = str(source.parent / store if store else instance.data_dir / FILE_NAME)
    elif not store.startswith(("postgresql://", "postgres://")) or urlsplit(store).password:
        allowed = "a file, or postgresql://USER@HOST/DATABASE#SCHEMA without a password: libpq finds that in PGPASSFILE, and this file is copied"
        raise t.error("store", re.sub(r"://[^@/]*@", "://...@", store), allowed)
    return LedgerConfig(enabled, store)


def _venue(row: int, t: Table, instance: InstanceConfig, base: Path) -> VenueConfig:
    session = session_config.read(t.table("session", required=True), base, len(encode_out_of_band(instance.prefix, 1, 1, 0)))
    config = VenueConfig(
        id=row,
        name=t.text("name", pattern=NAME, allowed=NAME_ALLOWED),
        durability=t.choice("durability", DURABILITIES, instance.durability),
        core=t.whole("core", 0, (os.cpu_count() or 1) - 1, -1),
        status=model.status(t),
        cancel_on_disconnect=t.flag("cancel_on_disconnect", False),
        session=session,
    )
    t.finish()
    return config


def _check_symbols(top: Table, venues: tuple[VenueConfig, ...], symbols: list[str]) -> None:
    for k, venue in enumerate(venues, 1):
        try:
            venue.session.dialect.symbols(symbols)
        except SessionError as e:
            raise top.error(f"venue[{k}].session.fix_profile", venue.session.fix_profile, f"a dialect that names each instrument otherwise ({e})") from e


def _unique(top: Table, table: str, key: str, names: list[str]) -> None:
    for k, name in enumerate(names):
        if name in names[:k]:
            raise top.error(f"{table}[{k + 1}].{key}", name, f"a {key} of its own; {table}[{names.index(name) + 1}] has this one")
