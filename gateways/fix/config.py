"""Settings of a FIX session and of the process that runs one; checked when they are made, every message names key and value."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

from ringfence.gateways.errors import SessionError

BEGIN_STRINGS = ("FIX.4.2", "FIX.4.4")
ROLES = ("initiator", "acceptor")
COMP_ID_BYTES_MAX = 64


@dataclass(frozen=True)
class SessionConfig:
    """Identity and habits of a session.

    Parameters
    ----------
    sender_comp_id, target_comp_id : str
        SenderCompID(49) and TargetCompID(56) of what we send; the counterparty's messages carry them the other way round.
    role : str
        ``initiator`` connects and logs on first, ``acceptor`` answers.
    heartbeat_s : int
        HeartBtInt(108) [s]; an acceptor takes the initiator's. 0: no heartbeats.
    reset_on_logon : bool
        Both sequence numbers start at 1 on every logon; an initiator says so with ResetSeqNumFlag(141)=Y.
    check_latency : bool
        Refuse messages whose SendingTime(52) is more than ``latency_s_max`` away from our clock.
    latency_s_max, logon_s_max, logout_s_max : int
        Limits [s]: SendingTime, wait for a Logon, wait for a Logout.

    Raises
    ------
    SessionError
        A value is not allowed; the message names it.
    """

    sender_comp_id: str
    target_comp_id: str
    role: str = "initiator"
    begin_string: str = "FIX.4.2"
    heartbeat_s: int = 30
    reset_on_logon: bool = False
    check_latency: bool = True
    latency_s_max: int = 120
    logon_s_max: int = 10
    logout_s_max: int = 2

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise SessionError(f"role was {self.role!r}; use one of {', '.join(ROLES)}")
        if self.begin_string not in BEGIN_STRINGS:
            raise SessionError(f"begin_string was {self.begin_string!r}; use one of {', '.join(BEGIN_STRINGS)}")
        for name in ("sender_comp_id", "target_comp_id"):
            value = getattr(self, name)
            if not 0 < len(value) <= COMP_ID_BYTES_MAX or not value.isascii() or not value.isprintable():
                raise SessionError(f"{name} was {value!r}; use 1 to {COMP_ID_BYTES_MAX} printable ASCII characters")
        for name in ("heartbeat_s", "latency_s_max", "logon_s_max", "logout_s_max"):
            if not 0 <= getattr(self, name) <= 86400:
                raise SessionError(f"{name} was {getattr(self, name)!r}; use 0 to 86400 seconds")

    @property
    def identity(self) -> str:
        """What the message store is bound to."""
        return f"{self.begin_string}:{self.sender_comp_id}->{self.target_comp_id}"


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

    def session(self) -> SessionConfig:
        """The session's settings."""
        return SessionConfig(
            sender_comp_id=self.sender_comp_id,
            target_comp_id=self.target_comp_id,
            begin_string=self.begin_string,
            heartbeat_s=self.heartbeat_s,
            reset_on_logon=self.reset_on_logon,
        )
