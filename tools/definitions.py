"""The journaled form of a configuration: START and DEFINE_* commands, and what may not change any more.

    Config ──▶ row images ──compared with the replayed tables──▶ Control records, only for what differs

The journal refers to rows by number, and orders and positions are in the scales of their instrument. So a configuration that renumbers rows
or changes scales is refused with the key, the value and what the journal has. Rows that the file no longer has are halted, never removed:
their orders still need them.
Pure functions over records; the engine process puts the commands through its own control ring.
"""

from __future__ import annotations

import getpass
import os
import pwd
from collections.abc import Callable
from typing import Any

import numpy as np

from ringfence.gateways.fix.profile import Profile
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.tools.config import DURABILITIES, Config, LimitsConfig
from ringfence.tools.errors import ConfigError

Rows = Callable[[str], Any]
_CONTROL = ENUMS["ControlKind"].by_name
_STATUS = ENUMS["Status"].by_name
_STRATEGY_STATUS = ENUMS["StrategyStatus"].by_name
_DURABILITY = {"": 0} | {level: CONSTANTS[f"DURABILITY_{level.upper()}"][0] for level in DURABILITIES}
_TABLES = (
    ("instruments", "Instrument", "instrument", ("symbol", "base", "quote", "price_digits", "qty_digits", "multiplier")),
    ("accounts", "Account", "account", ("name",)),
    ("venues", "Venue", "venue", ("name",)),
    ("strategies", "Strategy", "strategy", ("name",)),
    ("routes", "Route", "route", ()),
)
_COUNTS = {"orders": "order_count", "executions": "execution_count", "positions": "position_count", "breaks": "break_count"}
_HEADROOM = 8  # of a table that may still be enlarged, at least 1/8 is free


def images(config: Config) -> dict[str, list[dict[str, Any]]]:
    """The configured fields of every row, by table; row ids are ``id``."""
    return {
        "instruments": [
            {n: getattr(i, n) for n in ("id", "symbol", "base", "quote", "tick", "lot", "qty_min", "qty_max", "multiplier", "price_digits", "qty_digits")}
            | {"status": _STATUS[i.status.upper()]}
            for i in config.instruments
        ],
        "accounts": [
            {"id": a.id, "name": a.name, "code": a.code, "currency": a.currency, "durability": _DURABILITY[a.durability], "status": _STATUS[a.status.upper()]}
            for a in config.accounts
        ],
        "venues": [
            {"id": v.id, "name": v.name, "session": v.session.text, "durability": _DURABILITY[v.durability], "status": _STATUS[v.status.upper()]}
            | _capabilities(v.session.dialect)
            for v in config.venues
        ],
        "strategies": [
            {"id": s.id, "name": s.name, "desk": s.desk, "uid": s.uid, "max_age_ns": s.max_age_ms * 1_000_000, "cancel_on_detach": int(s.cancel_on_detach)}
            for s in config.strategies
        ],
        "routes": [
            {"id": r.id, "name": r.name, "instrument": r.instrument, "account": r.account, "venue": r.venue, "status": _STATUS[r.status.upper()]}
            for r in config.routes
        ],
    }


def _capabilities(dialect: Profile) -> dict[str, int]:
    """What the venue's profile maps, so that the engine denies the rest with a reason instead of sending it to be refused."""
    return {"ord_types": dialect.ord_types_mask, "time_in_forces": dialect.time_in_forces_mask, "instructions": dialect.instructions_mask}


def command(kind: str, reason: str, **fields: Any) -> Any:
    """A Control record by this process's user; ``body`` may be a record."""
    out = np.zeros(1, dtype("Control"))
    row = out[0]
    row["kind"], row["operator_uid"], row["reason"] = _CONTROL[kind], os.getuid(), reason.encode()[:55]
    row["operator_name"] = user_name(os.getuid()).encode()[:23]
    body = fields.pop("body", None)
    for name, value in fields.items():
        row[name] = value
    if body is not None:
        raw, at = body.tobytes(), RECORDS["Control"].offsets["body"]
        out.view(np.uint8)[at : at + len(raw)] = np.frombuffer(raw, np.uint8)
    return row


def user_name(uid: int) -> str:
    """Login name of a uid; the number as text when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name if uid != os.getuid() else getpass.getuser()
    except (KeyError, OSError):
        return str(uid)


def start(config: Config, epoch: int, day: int) -> Any:
    """The START command of an engine: epoch, trading day [YYYYMMDD], ClOrdID prefix and table sizes."""
    sizes = np.zeros(1, dtype("TableRows"))
    for name in LimitsConfig.__dataclass_fields__:
        sizes[0][name] = getattr(config.limits, name)
    return command("START", "engine start", epoch=epoch, day=day, prefix=config.instance.prefix.encode(), body=sizes[0])


def skip_outputs(venue: int, count: int, last_order: int) -> Any:
    """The command that skips the numbers of outputs which a gateway has and the journal lost; ``last_order`` is the last order_id that it has sent."""
    body = np.zeros(1, dtype("OrderAction"))
    body[0]["venue"], body[0]["order_id"], body[0]["execution"] = venue, count, last_order
    return command("SKIP_OUTPUTS", "the journal lost its end", body=body[0])


def roll_day(day: int, reason: str) -> Any:
    """The command that begins a trading day [YYYYMMDD]."""
    return command("ROLL_DAY", reason, day=day)


def changes(config: Config, rows: Rows, counts: Any) -> list[Any]:
    """Return the commands that turn the replayed tables into the configured ones.

    Parameters
    ----------
    rows : callable
        Table name to its rows.
    counts : record EngineStatus
        How many rows of each table are in use.

    Raises
    ------
    ConfigError
        If the file renumbers rows or changes what orders and positions depend on.
    """
    out: list[Any] = []
    wanted = images(config)
    for table, record, key, fixed in _TABLES:
        used = int(counts[f"{key}_count"])
        have = rows(table)
        for image in wanted[table]:
            row = have[image["id"]]
            if image["id"] <= used:
                _refuse_renumbering(config, key, image, row, fixed)
            if image["id"] > used or any(_plain(row[n]) != v for n, v in image.items()):
                out.append(_define(config, record, key, image))
        for row_id in range(len(wanted[table]) + 1, used + 1):
            out += _halt(record, key, have[row_id])
    return out


def check_sizes(config: Config, recorded: Any, counts: Any) -> None:
    """Refuse table sizes with which a replay would decide otherwise than the live engine did.

    Raises
    ------
    ConfigError
        If a table shrinks, or grows although it may have been full.
    """
    for name in LimitsConfig.__dataclass_fields__:
        now, before = getattr(config.limits, name), int(getattr(recorded, name))
        if now < before:
            raise ConfigError(f"limits.{name}", now, f"{before} or more: the journal was written with {before}", config.source.name)
        if now > before and name in _COUNTS and int(counts[_COUNTS[name]]) > before - before // _HEADROOM:
            raise ConfigError(f"limits.{name}", now, f"{before}: that table is nearly full and the journal depends on its size", config.source.name)


def _refuse_renumbering(config: Config, key: str, image: dict[str, Any], row: Any, fixed: tuple[str, ...]) -> None:
    for name in fixed:
        if (was := _plain(row[name])) != image[name]:
            rule = "rows keep their order and scale for the life of a journal; append new ones, halt old ones"
            raise ConfigError(f"{key}[{image['id']}].{name}", image[name], f"{was!r}, as in the journal ({rule})", config.source.name)


def _define(config: Config, record: str, key: str, image: dict[str, Any]) -> Any:
    body = np.zeros(1, dtype(record))
    for name, value in image.items():
        body[0][name] = value.encode() if isinstance(value, str) else value
    if key == "strategy":
        body[0]["status"] = _STRATEGY_STATUS[config.strategies[image["id"] - 1].status.upper()]
    return command(f"DEFINE_{record.upper()}", "configuration", body=body[0])


def _halt(record: str, key: str, row: Any) -> list[Any]:
    """Commands that halt a row which the configuration no longer has; none when it is halted already."""
    if key == "strategy":
        if int(row["status"]) == _STRATEGY_STATUS["DISABLED"]:
            return []
        return [command("SET_STRATEGY", "not configured any more", strategy=int(row["id"]), status=_STRATEGY_STATUS["DISABLED"])]
    if int(row["status"]) == _STATUS["HALTED"]:
        return []
    body = np.array([row], dtype(record))
    body[0]["status"] = _STATUS["HALTED"]
    return [command(f"DEFINE_{record.upper()}", "not configured any more", body=body[0])]


def _plain(value: Any) -> Any:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else int(value)
