"""What the feed is told: one JSON object, checked whole before anything starts.

    {"instance": "demo", "epoch": 3, "speed": 10, "loop": true, "mark_every_ms": 1000,
     "ticks": [{"symbol": "EUR/USD", "instrument": 1, "price_digits": 5, "qty_digits": 0, "file": "eurusd_ticks.csv", "format": "histdata"}],
     "sessions": [{"name": "md1", "host": "127.0.0.1", "port": 9879, "sender_comp_id": "RF", "target_comp_id": "MD", "begin_string": "FIX.4.4", "depth": 5,
                   "instruments": [{"symbol": "USD/JPY", "instrument": 2, "price_digits": 3, "qty_digits": 0}]}]}

Further keys: rings and rows (ring_slots, tick_slots, rows), stale_ms, core, component, idle, and of a session heartbeat_s, trades, reconnect_min_ms,
reconnect_max_ms, store, username, password_file, password_env, and tls (an object, fields of gateways/fix/tls.py). The password itself is
never in it. ``speed`` is a number, or "max" (as fast as this process can), or "follow" (as fast as the readers that have a row in
``market.readers``). An instrument has one source.
An unknown key, a wrong type or a value out of range is a ``SpecError`` that names the key, the value and what is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from ringfence.gateways.fix.tls import TlsConfig
from ringfence.gateways.keys import Keys, SpecError, tick_file
from ringfence.gateways.ticks import FORMATS
from ringfence.ipc.broadcast import TICKS_MIN

MAX, FOLLOW = "max", "follow"
DEPTH_MAX = 50


@dataclass(frozen=True)
class TapeSpec:
    """One instrument and its tick file; ``instrument`` is the row in the engine's table and in ``quotes`` of region ``market``."""

    symbol: str
    instrument: int
    price_digits: int
    file: Path
    format: str
    qty_digits: int = 0


@dataclass(frozen=True)
class SubscriptionSpec:
    """One instrument of a session, under the symbol that the venue knows it by."""

    symbol: str
    instrument: int
    price_digits: int
    qty_digits: int = 0


@dataclass(frozen=True)
class SessionSpec:
    """One FIX market data session.

    ``depth``: levels of each side that are kept and published, 1 for the top alone. ``password_file``, ``password_env``: where Password(554) is read when
    the feed starts, as of an order session. ``tls`` None: plain TCP.
    """

    name: str
    host: str
    port: int
    sender_comp_id: str
    target_comp_id: str
    instruments: tuple[SubscriptionSpec, ...]
    begin_string: str = "FIX.4.4"
    heartbeat_s: int = 30
    depth: int = 1
    trades: bool = True
    reconnect_min_ns: int = 500_000_000
    reconnect_max_ns: int = 30_000_000_000
    store: Path | None = None
    username: str = ""
    password_file: str = ""
    password_env: str = ""
    tls: TlsConfig | None = None


@dataclass(frozen=True)
class FeedSpec:
    """What a feed is told; times in nanoseconds. ``rows`` of the table of latest quotes: 0, just enough; ``speed`` a Fraction, "max" or "follow"."""

    instance: str
    epoch: int
    tapes: tuple[TapeSpec, ...]
    component: str = "feed"
    speed: Fraction | str = Fraction(1)
    loop: bool = True
    mark_every_ns: int = 1_000_000_000
    stale_ns: int = 5_000_000_000
    ring_slots: int = 1_024
    tick_slots: int = 65_536
    rows: int = 0
    core: int = -1
    sessions: tuple[SessionSpec, ...] = ()

    @property
    def instruments(self) -> list[int]:
        """Rows of every instrument that has a source."""
        return [t.instrument for t in self.tapes] + [i.instrument for s in self.sessions for i in s.instruments]


def feed_spec(raw: Any, folder: Path) -> FeedSpec:
    """Check a decoded JSON object.

    Raises
    ------
    SpecError
        Naming the key, its value and what is allowed.
    """
    keys = Keys(raw, "feed")
    taken: set[int] = set()
    tapes = tuple(_tape(item, folder, taken) for item in keys.items("ticks", empty=keys.has("sessions")))
    sessions = tuple(_session(item, folder, taken) for item in keys.items("sessions", empty=True)) if keys.has("sessions") else ()
    if len({s.name for s in sessions}) != len(sessions):
        raise keys.fail("sessions", "a list without repeated names: name and store belong to one session")
    if not taken:
        raise keys.fail("ticks", "a list with at least one entry, or sessions must be")
    slots, tick_slots = keys.integer("ring_slots", 2, 1 << 20, 1_024), keys.integer("tick_slots", TICKS_MIN, 1 << 24, 65_536)
    for name, value in (("ring_slots", slots), ("tick_slots", tick_slots)):
        if value & (value - 1):
            raise keys.fail(name, "a power of two")
    spec = FeedSpec(
        instance=keys.text("instance"),
        epoch=keys.integer("epoch", 0, (1 << 63) - 1),
        tapes=tapes,
        sessions=sessions,
        component=keys.text("component", "feed"),
        speed=_speed(keys),
        loop=keys.flag("loop", True),
        mark_every_ns=keys.integer("mark_every_ms", 1, 3_600_000, 1_000) * 1_000_000,
        stale_ns=keys.integer("stale_ms", 0, 86_400_000, 5_000) * 1_000_000,
        ring_slots=slots,
        tick_slots=tick_slots,
        rows=keys.integer("rows", 0, 1 << 20, 0),
        core=keys.integer("core", -1, 4_095, -1),
    )
    keys.get("idle", "")  # every process is told; a feed that sleeps between ticks has no use for it
    keys.done()
    return spec


def _speed(keys: Keys) -> Fraction | str:
    if keys.get("speed", Decimal(1)) in (MAX, FOLLOW):
        return str(keys.get("speed"))
    if not (speed := Fraction(keys.number("speed", Decimal(1)))):
        raise keys.fail("speed", "above 0")
    return speed


def _instrument(item: Keys, taken: set[int]) -> dict[str, Any]:
    row = item.integer("instrument", 1, (1 << 20) - 1)
    if row in taken:
        raise item.fail("instrument", "an instrument without a source so far")
    taken.add(row)
    digits = {name: item.integer(name, 0, 12, default) for name, default in (("price_digits", None), ("qty_digits", 0))}
    return {"symbol": item.text("symbol"), "instrument": row, **digits}


def _tape(item: Keys, folder: Path, taken: set[int]) -> TapeSpec:
    tape = TapeSpec(file=tick_file(item, "file", folder), format=item.choice("format", FORMATS), **_instrument(item, taken))
    item.done()
    return tape


def _session(item: Keys, folder: Path, taken: set[int]) -> SessionSpec:
    instruments = []
    for entry in item.items("instruments"):
        instruments.append(SubscriptionSpec(**_instrument(entry, taken)))
        entry.done()
    if len({i.symbol for i in instruments}) != len(instruments):
        raise item.fail("instruments", "a list without repeated symbols")
    wait = [item.integer(name, 10, 3_600_000, default) for name, default in (("reconnect_min_ms", 500), ("reconnect_max_ms", 30_000))]
    if wait[0] > wait[1]:
        raise item.fail("reconnect_max_ms", f"at least reconnect_min_ms, {wait[0]}")
    store = item.text("store", "")
    begin_string = item.choice("begin_string", ("FIX.4.2", "FIX.4.4"), "FIX.4.4")
    secrets = {key: item.text(key, "") for key in ("username", "password_file", "password_env")}
    for key, value in secrets.items():
        if value and begin_string == "FIX.4.2":
            raise item.fail(key, "nothing: a Logon of FIX.4.2 has neither Username(553) nor Password(554)")
    session = SessionSpec(
        name=item.text("name"),
        host=item.text("host"),
        port=item.integer("port", 1, 65_535),
        sender_comp_id=item.text("sender_comp_id"),
        target_comp_id=item.text("target_comp_id"),
        instruments=tuple(instruments),
        begin_string=begin_string,
        heartbeat_s=item.integer("heartbeat_s", 1, 3_600, 30),
        depth=item.integer("depth", 1, DEPTH_MAX, 1),
        trades=item.flag("trades", True),
        reconnect_min_ns=wait[0] * 1_000_000,
        reconnect_max_ns=wait[1] * 1_000_000,
        store=folder / store if store else None,
        tls=_tls(Keys(item.get("tls"), f"{item.where}.tls")) if item.has("tls") else None,
        **secrets,
    )
    item.done()
    return session


def _tls(keys: Keys) -> TlsConfig:
    config = TlsConfig(
        **{name: keys.text(name, "") for name in ("ca_file", "certificate", "key", "server_name")}, verify=keys.flag("verify", True)
    )  # fmt: skip
    keys.done()
    return config


__all__ = ["DEPTH_MAX", "FOLLOW", "MAX", "FeedSpec", "SessionSpec", "SpecError", "SubscriptionSpec", "TapeSpec", "feed_spec"]
