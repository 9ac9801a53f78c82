"""``[feed]`` of a configuration: tick files, FIX market data sessions, pace. Checked whole; every mistake names the key, its value and what is allowed.

Data flow: TOML tables -> ``feed_config`` -> FeedConfig -> specs.py -> the feed's own spec (gateways/feed_spec.py).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ringfence.gateways.feed_spec import DEPTH_MAX, FOLLOW, MAX
from ringfence.gateways.fix.config import BEGIN_STRINGS
from ringfence.gateways.ticks import FORMATS
from ringfence.tools.config_model import NAME, NAME_ALLOWED
from ringfence.tools.session_config import COMP_ID, TlsConfig, credentials, tls
from ringfence.tools.toml_table import Table

PACKAGE_FILE = "package:"
SESSIONS_MAX = 16


@dataclass(frozen=True)
class TicksConfig:
    """``[[feed.ticks]]``: one tick file of one instrument."""

    instrument: int
    path: Path
    format: str


@dataclass(frozen=True)
class FeedSessionConfig:
    """``[[feed.session]]``: one FIX market data session. ``symbols``: instrument row -> the venue's symbol."""

    name: str
    host: str
    port: int
    sender_comp_id: str
    target_comp_id: str
    begin_string: str
    heartbeat_s: int
    depth: int
    trades: bool
    symbols: dict[int, str]
    reconnect_min_ms: int = 500
    reconnect_max_ms: int = 30_000
    username: str = ""
    password_file: str = ""
    password_env: str = ""
    tls: TlsConfig | None = None


@dataclass(frozen=True)
class FeedConfig:
    """``[feed]``: plays tick files at ``speed`` times real time, a mark per instrument at most every ``mark_ms``.

    ``speed`` "max" and "follow" are what gateways/feed_spec.py says.
    ``tick_slots`` of the market data ring: how far a reader may fall behind before it loses ticks. ``stale_ms``: a quote that nothing follows for
    longer is flagged, 0 never.
    """

    speed: float | str
    loop: bool
    mark_ms: int
    stale_ms: int
    tick_slots: int
    ticks: tuple[TicksConfig, ...]
    sessions: tuple[FeedSessionConfig, ...] = ()


def feed_config(t: Table, base: Path, instruments: dict[str, int]) -> FeedConfig:
    """Check the table; ``base`` is what relative files are relative to, ``instruments`` symbol -> row. Raises ConfigError."""
    taken: set[int] = set()
    sessions = tuple(_session(entry, base, instruments, taken) for entry in t.tables("session", 0, SESSIONS_MAX))
    if len({s.name for s in sessions}) != len(sessions):
        raise t.error("session", [s.name for s in sessions], "sessions without a name twice")
    ticks = tuple(_ticks(entry, base, instruments, taken) for entry in t.tables("ticks", 0 if sessions else 1, len(instruments)))
    config = FeedConfig(
        t.choice("speed", (MAX, FOLLOW)) if t.values.get("speed") in (MAX, FOLLOW) else t.number("speed", 0.001, 1e6, 1.0),
        t.flag("loop", True),
        t.whole("mark_ms", 1, 3_600_000, 1000),
        t.whole("stale_ms", 0, 86_400_000, 5000),
        t.power_of_two("tick_slots", 16, 1 << 24, 65_536),
        ticks,
        sessions,
    )
    t.finish()
    return config


def _instrument(entry: Table, key: str, symbol: str, instruments: dict[str, int], taken: set[int]) -> int:
    if symbol not in instruments:
        raise entry.error(key, symbol, f"an instrument of this configuration: {', '.join(instruments)}")
    if instruments[symbol] in taken:
        raise entry.error(key, symbol, "an instrument without a tick file or session so far")
    taken.add(instruments[symbol])
    return instruments[symbol]


def _ticks(entry: Table, base: Path, instruments: dict[str, int], taken: set[int]) -> TicksConfig:
    symbol = entry.choice("instrument", tuple(instruments))
    text = entry.text("file", allowed=f'a tick file; relative to this file, or "{PACKAGE_FILE}NAME" for one that comes with Ringfence')
    path = _package_file(text) if text.startswith(PACKAGE_FILE) else Path(os.path.abspath(base / Path(text).expanduser()))
    if not path.is_file():
        raise entry.error("file", text, f"a file that exists ({path} does not)")
    config = TicksConfig(_instrument(entry, "instrument", symbol, instruments, taken), path, entry.choice("format", FORMATS))
    entry.finish()
    return config


def _package_file(text: str) -> Path:
    return Path(str(resources.files("ringfence.gateways.data").joinpath(Path(text.removeprefix(PACKAGE_FILE)).name)))


def _waits(entry: Table) -> tuple[int, int]:
    """Read the waits between attempts to connect [ms]; in seconds in the file, as of an order session."""
    least, most = (round(1000 * entry.number(key, 0.01, 3600, default)) for key, default in (("reconnect_min_s", 0.5), ("reconnect_max_s", 30.0)))
    if most < least:
        raise entry.error("reconnect_max_s", most / 1000, f"at least reconnect_min_s, which is {least / 1000:g}")
    return least, most


def _session(entry: Table, base: Path, instruments: dict[str, int], taken: set[int]) -> FeedSessionConfig:
    symbols = {}
    begin_string = entry.choice("begin_string", BEGIN_STRINGS, "FIX.4.4")
    for text in entry.words("symbols"):
        ours, _, theirs = text.partition("=")
        symbols[_instrument(entry, "symbols", ours, instruments, taken)] = theirs or ours
    if not symbols or len(set(symbols.values())) != len(symbols):
        raise entry.error("symbols", list(symbols.values()), 'at least one instrument, each "SYMBOL" or "SYMBOL=the venue\'s", no name of the venue twice')
    least, most = _waits(entry)
    config = FeedSessionConfig(
        entry.text("name", pattern=NAME, allowed=NAME_ALLOWED),
        entry.text("host", pattern=r"[A-Za-z0-9.:_-]{1,253}", allowed="a host name or address"),
        entry.whole("port", 1, 65_535),
        entry.text("sender_comp_id", **COMP_ID),
        entry.text("target_comp_id", **COMP_ID),
        begin_string,
        entry.whole("heartbeat_s", 1, 3_600, 30),
        entry.whole("depth", 1, DEPTH_MAX, 1),
        entry.flag("trades", True),
        symbols,
        reconnect_min_ms=least,
        reconnect_max_ms=most,
        **credentials(entry, base, begin_string),
        tls=tls(entry.table("tls"), base, "initiator") if "tls" in entry.values else None,
    )
    entry.known.append("tls")
    entry.finish()
    return config
