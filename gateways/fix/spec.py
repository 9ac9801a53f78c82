"""What a gateway process is told: one JSON object, checked when it is read; every message names key and value."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.profile import Profile
from ringfence.gateways.fix.profile import load as load_profile
from ringfence.gateways.fix.schedule import Schedule
from ringfence.gateways.fix.tls import TlsConfig


@dataclass(frozen=True)
class GatewaySpec:
    """What a gateway process is told, one JSON object: who it is, where it connects or listens, where it keeps its store.

    Parameters
    ----------
    instance, component, venue : str
        Instance name, component name (``gw.VENUE``) and venue name; regions are ``from.gw.VENUE`` and ``to.gw.VENUE``.
    venue_id, epoch : int
        Row in ``venues``; epoch of the instance.
    addresses : tuple of str
        ``host:port`` (IPv6 in brackets): where acceptors listen, tried in this order; of an acceptor, the one where it listens.
    session : dict
        Fields of ``SessionConfig`` by name; no password.
    store : str
        File of the session's message store.
    tls : dict, optional
        Fields of ``TlsConfig`` by name; none: plain TCP.
    schedule : dict, optional
        Fields of ``Schedule`` by name; none: always open.
    custom_tags : dict
        Tag to ``[name, type]``: what the venue uses beyond the data dictionary.
    password_file, password_env : str
        Where Password(554) is read when the process starts: a file that nobody else may read, or an environment variable. Both empty: none.
    fix_profile : str
        The venue's dialect: a name of ``ringfence.gateways.fix.profile.names`` or the absolute path of a file.
    symbols : tuple of str
        Our symbols, which the dialect may name otherwise.
    reconnect_min_s, reconnect_max_s : float
        Back-off between connection attempts [s], doubling.
    messages_per_s, burst, cancel_reserve : int
        Message budget of the session: rate [messages/s] (0: none), how many may go at once, and how many of these only cancels and the like may use.
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
    addresses: tuple[str, ...]
    session: dict[str, Any]
    store: str
    tls: dict[str, Any] | None = None
    schedule: dict[str, Any] | None = None
    custom_tags: dict[str, list[str]] = field(default_factory=dict)
    password_file: str = ""
    password_env: str = ""
    fix_profile: str = "default"
    symbols: tuple[str, ...] = field(default=())
    reconnect_min_s: float = 0.5
    reconnect_max_s: float = 30.0
    messages_per_s: int = 0
    burst: int = 1
    cancel_reserve: int = 0
    durability: str = "async"
    idle: str = ""
    core: int = -1
    ring_slots: int = 4096

    def __post_init__(self) -> None:
        if not self.addresses:
            raise SessionError("addresses was empty; use at least one host:port")
        for address in self.addresses:
            split_address(address)
        if not 0 < self.reconnect_min_s <= self.reconnect_max_s:
            raise SessionError(f"reconnect_min_s was {self.reconnect_min_s!r}; use more than 0 and at most reconnect_max_s, {self.reconnect_max_s!r}")
        if not 0 <= self.messages_per_s <= 1_000_000:
            raise SessionError(f"messages_per_s was {self.messages_per_s!r}; use 0 (no limit) to 1000000")
        if not 0 <= self.cancel_reserve < self.burst <= 100_000:
            raise SessionError(f"burst was {self.burst!r}, cancel_reserve {self.cancel_reserve!r}; use a burst of 1 to 100000 and a smaller reserve")
        if self.durability not in ("async", "local", "replicated"):
            raise SessionError(f"durability was {self.durability!r}; use async, local or replicated")
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
        _check_keys(f"gateway spec {path}", values, GatewaySpec)
        return GatewaySpec(**values)

    def config(self) -> SessionConfig:
        """The session's settings, with its password.

        Raises
        ------
        SessionError
            A setting is not allowed, or the password cannot be read.
        """
        _check_keys("session", self.session, SessionConfig)
        settings: dict[str, Any] = {**self.session, "password": read_password(self.password_file, self.password_env)}
        return SessionConfig(**settings)

    def windows(self) -> Schedule | None:
        """When the session is open, None for always.

        Raises
        ------
        SessionError
            A value is not allowed.
        """
        if self.schedule is None:
            return None
        _check_keys("schedule", self.schedule, Schedule)
        return Schedule(**{**self.schedule, "days": tuple(self.schedule.get("days", ()))})

    def custom_fields(self) -> dict[int, tuple[str, str]]:
        """``custom_tags`` as the dictionary takes them."""
        return {int(tag): (name, kind) for tag, (name, kind) in self.custom_tags.items()}

    def tls_config(self) -> TlsConfig | None:
        """What TLS needs, None for plain TCP.

        Raises
        ------
        TlsError
            A file cannot be read.
        """
        if self.tls is None:
            return None
        _check_keys("tls", self.tls, TlsConfig)
        return TlsConfig(**self.tls)

    def profile(self) -> Profile:
        """The venue's dialect in the session's version."""
        return load_profile(self.fix_profile, str(self.session.get("begin_string", "FIX.4.2")))


def read_password(file: str, env: str) -> str:
    """Return a session's password from the environment variable ``env``, or from a file that nobody else may read; both empty: none.

    Raises
    ------
    SessionError
        It is not there, or others may read it.
    """
    if env:
        value = os.environ.get(env, "")
        if not value:
            raise SessionError(f"password_env: the environment has no {env}; set it for the process that starts the instance")
        return value
    if not file:
        return ""
    try:
        mode = Path(file).stat().st_mode
        value = Path(file).read_text(encoding="ascii").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SessionError(f"password_file {file}: cannot be read as ASCII text: {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SessionError(f"password_file {file}: others may read it (mode {stat.S_IMODE(mode):o}); chmod 600 it")
    if not value:
        raise SessionError(f"password_file {file}: it is empty; write the password into it")
    return value


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port``; an IPv6 address stands in brackets."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SessionError(f"addresses: {text!r} is no host:port with a port from 1 to 65535")
    return host.strip("[]"), int(port)


def _check_keys(what: str, values: Any, kind: type) -> None:
    if not isinstance(values, dict):
        raise SessionError(f"{what}: {values!r} is no object with keys")
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(values) - set(known))
    missing = sorted(n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING and n not in values)
    if unknown or missing:
        raise SessionError(f"{what}: unknown keys {unknown}, missing keys {missing}; known are {sorted(known)}")
