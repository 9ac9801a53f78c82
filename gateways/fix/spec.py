"""What a gateway process is told: one JSON object, checked when it is read; every message names key and value."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.profile import Profile
from ringfence.gateways.fix.profile import load as load_profile


@dataclass(frozen=True)
class GatewaySpec:
    """What a gateway process is told, one JSON object: who it is, where it connects, where it keeps its store.

    Parameters
    ----------
    instance, component, venue : str
        Instance name, component name (``gw.VENUE``) and venue name; regions are ``from.gw.VENUE`` and ``to.gw.VENUE``.
    venue_id, epoch : int
        Row in ``venues``; epoch of the instance.
    host, port : str, int
        Where the acceptor listens.
    store : str
        File of the session's message store.
    reconnect_min_s, reconnect_max_s : float
        Back-off between connection attempts [s], doubling.
    durability : str
        ``async`` or ``local``; each command carries its own, this one decides whether the sidecar's region is needed.
    idle : str
        ``spin``, ``yield``, ``backoff`` or ``""`` (chosen by the number of cores).
    core : int
        Core to run on, -1: any.
    ring_slots : int
        Slots towards the engine, a power of two.
    fix_profile : str
        The venue's dialect: a name of ``ringfence.gateways.fix.profile.names`` or the absolute path of a file.
    symbols : tuple of str
        Our symbols, which the dialect may name otherwise.

    Raises
    ------
    SessionError
        A key is unknown, missing or not allowed; the message names it.
    """

    instance: str
    component: str
    venue: str
    venue_id: int
    epoch: int
    host: str
    port: int
    sender_comp_id: str
    target_comp_id: str
    store: str
    begin_string: str = "FIX.4.2"
    heartbeat_s: int = 30
    reset_on_logon: bool = False
    reconnect_min_s: float = 0.5
    reconnect_max_s: float = 30.0
    durability: str = "async"
    idle: str = ""
    core: int = -1
    ring_slots: int = 4096
    fix_profile: str = "default"
    symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise SessionError(f"port was {self.port!r}; use 1 to 65535")
        if not 0 < self.reconnect_min_s <= self.reconnect_max_s:
            raise SessionError(f"reconnect_min_s was {self.reconnect_min_s!r}; use more than 0 and at most reconnect_max_s, {self.reconnect_max_s!r}")
        if self.durability not in ("async", "local"):
            raise SessionError(f"durability was {self.durability!r}; use async or local")
        if self.idle not in ("", "spin", "yield", "backoff"):
            raise SessionError(f"idle was {self.idle!r}; use spin, yield, backoff or nothing")
        if self.ring_slots < 2 or self.ring_slots & (self.ring_slots - 1):
            raise SessionError(f"ring_slots was {self.ring_slots!r}; use a power of two")

    @staticmethod
    def load(path: str | Path) -> GatewaySpec:
        """Read a JSON file."""
        try:
            values = json.loads(Path(path).read_text())
        except (OSError, ValueError) as error:
            raise SessionError(f"cannot read gateway spec {path}: {error}") from error
        known = {f.name: f for f in fields(GatewaySpec)}
        unknown = sorted(set(values) - set(known))
        missing = sorted(name for name, f in known.items() if f.default is MISSING and name not in values)
        if unknown or missing:
            raise SessionError(f"gateway spec {path}: unknown keys {unknown}, missing keys {missing}; known are {sorted(known)}")
        return GatewaySpec(**values)

    def profile(self) -> Profile:
        """The venue's dialect."""
        return load_profile(self.fix_profile, self.begin_string)

    def session(self) -> SessionConfig:
        """The session's settings."""
        return SessionConfig(
            sender_comp_id=self.sender_comp_id,
            target_comp_id=self.target_comp_id,
            begin_string=self.begin_string,
            heartbeat_s=self.heartbeat_s,
            reset_on_logon=self.reset_on_logon,
        )
