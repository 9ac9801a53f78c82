"""``[venue.session]``: one FIX session as the operator writes it, checked key by key.

    TOML table ──read──▶ SessionConfig ──specs.py──▶ the gateway's spec file ──▶ gateways/fix/spec.py

The password is never in the configuration, nor in the spec file: both say where it is, the gateway process reads it there when it starts.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix import profile as profiles
from ringfence.gateways.fix.config import BEGIN_STRINGS, ON_REFUSAL, PROFILES, ROLES, TOO_HIGH
from ringfence.gateways.fix.dictionary_file import TYPES
from ringfence.gateways.fix.profile import Profile
from ringfence.gateways.fix.schedule import DAYS, Schedule
from ringfence.tools.toml_table import REQUIRED, Table

# In the order of RF_FIX_CHECK_* in validation.h: the first is 1, the next 2, then 4 ...
CHECKS = ("required", "unknown", "empty", "repeated", "order", "types", "values", "groups", "user_tags", "msg_type")
ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):(\d{1,5})")
COMP_ID: dict[str, Any] = {"pattern": r"[!-<>-~]{1,24}", "allowed": "1 to 24 ASCII characters without a space or '='"}
FIELD_TYPES = tuple(sorted(TYPES))


@dataclass(frozen=True)
class TlsConfig:
    """``[venue.session.tls]`` and ``[feed.session.tls]``: names are those of ``gateways/fix/tls.py``."""

    ca_file: str
    certificate: str
    key: str
    server_name: str
    verify: bool


@dataclass(frozen=True)
class ScheduleConfig:
    """``[venue.session.schedule]``: names are those of ``gateways/fix/schedule.py``."""

    time_zone: str
    start: str
    end: str
    start_day: str
    end_day: str
    days: tuple[str, ...]
    reset: bool


@dataclass(frozen=True)
class SessionConfig:
    """``[venue.session]``: one FIX session."""

    begin_string: str
    sender_comp_id: str
    target_comp_id: str
    addresses: tuple[str, ...]
    role: str = "initiator"
    profile: str = "compatible"
    fix_profile: str = "default"
    heartbeat_s: int = 30
    username: str = ""
    password_file: str = ""
    password_env: str = ""
    reset_on_logon: bool = False
    reset_on_logout: bool = False
    reset_on_disconnect: bool = False
    next_expected: bool = False
    too_high: str = "queue"
    resend_chunk: int = 0
    check_latency: bool = True
    latency_s_max: int = 120
    logon_s_max: int = 10
    logout_s_max: int = 2
    order_max_age_s: int = 0
    disconnect_on_error: bool = False
    on_too_low: str = "retry"
    on_refused_logon: str = "retry"
    failures_max: int = 0
    checks_off: tuple[str, ...] = ()
    custom_tags: dict[str, list[str]] = field(default_factory=dict)
    reconnect_min_s: float = 0.5
    reconnect_max_s: float = 30.0
    messages_per_s: int = 0
    burst: int = 1
    cancel_reserve: int = 0
    tls: TlsConfig | None = None
    schedule: ScheduleConfig | None = None

    @property
    def text(self) -> str:
        """Name of the session in tables and messages."""
        return f"{self.begin_string}:{self.sender_comp_id}->{self.target_comp_id}"

    @property
    def checks(self) -> int:
        """Sum of the RF_FIX_CHECK_* that stay on."""
        return sum(1 << k for k, name in enumerate(CHECKS) if name not in self.checks_off)

    @property
    def dialect(self) -> Profile:
        """The venue's profile in this session's version."""
        return profiles.load(self.fix_profile, self.begin_string)


def read(t: Table, base: Path, cl_ord_id_bytes: int) -> SessionConfig:
    """Read a ``[venue.session]`` table; relative paths in it are relative to ``base``."""
    role = t.choice("role", ROLES, "initiator")
    begin_string = t.choice("begin_string", BEGIN_STRINGS, "FIX.4.2")
    fix_profile, dialect = _dialect(t, base, begin_string, cl_ord_id_bytes)
    messages_per_s, burst, cancel_reserve = _budget(t)
    config = SessionConfig(
        begin_string=begin_string,
        sender_comp_id=t.text("sender_comp_id", **COMP_ID),
        target_comp_id=t.text("target_comp_id", **COMP_ID),
        addresses=_addresses(t, role),
        role=role,
        profile=t.choice("profile", PROFILES, "compatible"),
        fix_profile=fix_profile,
        heartbeat_s=t.whole("heartbeat_s", 1, 3600, 30),
        **credentials(t, base, begin_string),
        reset_on_logon=t.flag("reset_on_logon", False),
        reset_on_logout=t.flag("reset_on_logout", False),
        reset_on_disconnect=t.flag("reset_on_disconnect", False),
        next_expected=_next_expected(t, begin_string),
        too_high=t.choice("too_high", TOO_HIGH, "queue"),
        resend_chunk=t.whole("resend_chunk", 0, 100_000, 0),
        check_latency=t.flag("check_latency", True),
        latency_s_max=t.whole("latency_s_max", 1, 86_400, 120),
        logon_s_max=t.whole("logon_s_max", 1, 3600, 10),
        logout_s_max=t.whole("logout_s_max", 1, 3600, 2),
        order_max_age_s=t.whole("order_max_age_s", 0, 86_400, dialect.max_age_s),
        disconnect_on_error=t.flag("disconnect_on_error", False),
        on_too_low=t.choice("on_too_low", ON_REFUSAL, "retry"),
        on_refused_logon=t.choice("on_refused_logon", ON_REFUSAL, "retry"),
        failures_max=t.whole("failures_max", 0, 1_000_000, 0),
        checks_off=_checks_off(t),
        custom_tags=_custom_tags(t.table("custom_tags")),
        reconnect_min_s=t.number("reconnect_min_s", 0.01, 3600, 0.5),
        reconnect_max_s=t.number("reconnect_max_s", 0.01, 3600, 30),
        messages_per_s=messages_per_s,
        burst=burst,
        cancel_reserve=cancel_reserve,
        tls=tls(t.table("tls"), base, role) if "tls" in t.values else None,
        schedule=_schedule(t.table("schedule")) if "schedule" in t.values else None,
    )
    t.known += ["tls", "schedule"]
    if config.reconnect_max_s < config.reconnect_min_s:
        raise t.error("reconnect_max_s", config.reconnect_max_s, f"at least reconnect_min_s, which is {config.reconnect_min_s:g}")
    t.finish()
    return config


def _dialect(t: Table, base: Path, begin_string: str, cl_ord_id_bytes: int) -> tuple[str, Profile]:
    """Name or absolute path of the dialect, and the dialect."""
    text = t.text("fix_profile", "default", allowed=f"{', '.join(profiles.names())}, or a .toml file (relative to this file)")
    name = os.path.abspath(base / Path(text).expanduser()) if text.endswith(".toml") else text
    try:
        dialect = profiles.load(name, begin_string)
        dialect.check_ids(cl_ord_id_bytes)
    except SessionError as e:
        raise t.error("fix_profile", text, f"a dialect that this session can use ({e})") from e
    return name, dialect


def _addresses(t: Table, role: str) -> tuple[str, ...]:
    """``host`` and ``port``, or ``addresses``: the first, then those to fail over to. An acceptor listens on one."""
    if "addresses" not in t.values:
        t.known.append("addresses")
        host = t.text("host", "127.0.0.1" if role == "acceptor" else REQUIRED, pattern=r"[A-Za-z0-9.:_-]{1,253}", allowed="a host name or address")
        port = t.whole("port", 1, 65535)
        return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}",)
    allowed = 'one to eight texts "host:port", tried in this order'
    for key in ("host", "port"):
        if key in t.values:
            raise t.error(key, t.values[key], "nothing: addresses says where to connect")
    texts = t.words("addresses")
    for text in texts:
        found = ADDRESS.fullmatch(text)
        if not found or not 0 < int(found[2]) < 65536 or len(texts) > 8 or len(set(texts)) != len(texts):
            raise t.error("addresses", list(texts), allowed)
    if role == "acceptor" and len(texts) > 1:
        raise t.error("addresses", list(texts), "one address: an acceptor listens on one")
    return texts


def credentials(t: Table, base: Path, begin_string: str) -> dict[str, str]:
    """Read where Username(553) and Password(554) are, of any session; FIX 4.2 has neither. Raises ConfigError."""
    if "password" in t.values:
        raise t.error("password", "(hidden)", "nothing: put it into a file and name that with password_file, or use password_env")
    username = t.text("username", "", pattern=r"[!-~]{1,64}", allowed="1 to 64 ASCII characters without a space")
    path = t.text("password_file", "", allowed="a file with the password alone; relative to this file")
    variable = t.text("password_env", "", pattern=r"[A-Za-z_][A-Za-z0-9_]{0,63}", allowed="the name of an environment variable")
    if path and variable:
        raise t.error("password_env", variable, "nothing: password_file says where the password is")
    for key, value in (("username", username), ("password_file", path), ("password_env", variable)):
        if value and begin_string == "FIX.4.2":
            raise t.error(key, value, "nothing: Logon has Username(553) and Password(554) from FIX.4.4 on")
    return {"username": username, "password_file": os.path.abspath(base / Path(path).expanduser()) if path else "", "password_env": variable}


def _budget(t: Table) -> tuple[int, int, int]:
    """The venue's message limit as we keep it: a rate, what may go at once (default: a tenth of a second's worth), and what of that is for cancels."""
    rate = t.whole("messages_per_s", 0, 1_000_000, 0)
    burst = t.whole("burst", 1, 100_000, max(1, rate // 10))
    reserve = t.whole("cancel_reserve", 0, 100_000, burst // 5 if rate else 0)
    if reserve >= burst:
        raise t.error("cancel_reserve", reserve, f"less than burst, which is {burst}")
    return rate, burst, reserve


def _next_expected(t: Table, begin_string: str) -> bool:
    value = t.flag("next_expected", False)
    if value and begin_string == "FIX.4.2":
        raise t.error("next_expected", value, "false: Logon has NextExpectedMsgSeqNum(789) from FIX.4.4 on")
    return value


def _checks_off(t: Table) -> tuple[str, ...]:
    words = t.words("checks_off")
    for word in words:
        if word not in CHECKS:
            raise t.error("checks_off", list(words), f"a list of some of {', '.join(CHECKS)}")
    return words


def _custom_tags(t: Table) -> dict[str, list[str]]:
    """``5000 = ["StrategyTag", "STRING"]``: tags that the venue uses beyond the dictionary."""
    out: dict[str, list[str]] = {}
    for tag, value in t.values.items():
        good = isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value) and re.fullmatch(r"[A-Za-z]\w{0,63}", value[0])
        if not re.fullmatch(r"[1-9]\d{0,5}", tag) or not good or value[1] not in FIELD_TYPES:
            raise t.error(tag, value, f'TAG = ["Name", "TYPE"] with a type of {", ".join(FIELD_TYPES)}')
        out[tag] = list(value)
    return out


def tls(t: Table, base: Path, role: str) -> TlsConfig:
    """Read the table ``tls`` of any session. Raises ConfigError."""

    def path(name: str, required: bool) -> str:
        text = t.text(name, REQUIRED if required else "", allowed="a file; a relative one is relative to this file")
        full = os.path.abspath(base / Path(text).expanduser()) if text else ""
        if full and not Path(full).is_file():
            raise t.error(name, text, f"a file that exists ({full} does not)")
        return full

    config = TlsConfig(
        ca_file=path("ca_file", False),
        certificate=path("certificate", role == "acceptor"),
        key=path("key", role == "acceptor"),
        server_name=t.text("server_name", "", pattern=r"[A-Za-z0-9.:_-]{1,253}", allowed="the name in the venue's certificate"),
        verify=t.flag("verify", True),
    )
    if bool(config.certificate) != bool(config.key):
        missing = "key" if config.certificate else "certificate"
        raise t.error(missing, "", "a file: certificate and key go together")
    t.finish()
    return config


def _schedule(t: Table) -> ScheduleConfig:
    clock: dict[str, Any] = {"pattern": r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d", "allowed": 'a local time "HH:MM:SS"'}
    config = ScheduleConfig(
        time_zone=t.text("time_zone", "UTC", pattern=r"[A-Za-z0-9_+/-]{1,64}", allowed='a time zone such as "America/New_York"'),
        start=t.text("start", **clock),
        end=t.text("end", **clock),
        start_day=t.choice("start_day", DAYS, ""),
        end_day=t.choice("end_day", DAYS, ""),
        days=t.words("days"),
        reset=t.flag("reset", True),
    )
    try:
        Schedule(**asdict(config))
    except SessionError as e:
        raise t.error(str(e).split(" ", 1)[0], getattr(config, str(e).split(" ", 1)[0], ""), str(e)) from e
    t.finish()
    return config
