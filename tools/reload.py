"""A configuration file for an instance that runs: what it changes as journaled commands, or why it has to wait for a restart.

    file ──config.load──▶ Config ──needs_restart──▶ definitions.changes against the live tables ──▶ [Control] for the control agent

All is checked before the first command is published: a file with an error, or with one key that processes would have to be started for, changes nothing.
The engine judges each command again, by the operator whose it is; what allows more becomes a proposal. Pure but for reading the file.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ringfence.ipc.segment import Segment
from ringfence.tools import config as configuration
from ringfence.tools import definitions
from ringfence.tools.config import Config
from ringfence.tools.errors import ConfigError, Refused

LIVE = frozenset(("source", "digest", "currencies", "brokers", "desks", "accounts", "routes", "permissions", "model_limits", "operators"))
"""Parts of a Config that may change in any way; the rest of its parts may not, but for the fields of ``LIVE_FIELDS``."""
LIVE_FIELDS = {
    "instruments": ("tick", "lot", "qty_min", "qty_max", "status", "margin_ppm", "last_day", "settle_days", "restricted", "locate_required", "bands"),
    "venues": ("status", "cancel_on_disconnect"),
    "strategies": ("desk", "desk_row", "max_age_ms", "cancel_on_detach", "deadman_ms"),
}


def prepare(running: Config, path: Path, state: Segment) -> tuple[Config, list[Any]]:
    """Return the new configuration and the commands that bring it about.

    Parameters
    ----------
    running : Config
        The one in force.
    path : Path
        The file; beside the running one, since both mean paths relative to themselves.
    state : Segment
        The engine's region, for looking only.

    Raises
    ------
    ConfigError
        If the file is wrong, or changes what needs a restart or can never change.
    Refused
        If it lies elsewhere than the running one.
    """
    if path.resolve().parent != running.source.parent:
        raise Refused(f"{path} is not in {running.source.parent}, where the running configuration is: relative paths would mean something else")
    config = configuration.load(path)
    needs_restart(running, config)
    return config, definitions.changes(config, state.section, state.section("engine")[1], running)


def needs_restart(running: Config, config: Config) -> None:
    """Refuse what processes would have to be started, stopped or told again for.

    Raises
    ------
    ConfigError
        With the first such key, what the file says and what runs.
    """
    for part in (f.name for f in fields(Config) if f.name not in LIVE):
        before, after = getattr(running, part), getattr(config, part)
        rows = LIVE_FIELDS.get(part)
        if rows is None:
            _refuse(config, part, before, after)
            continue
        word = {"instruments": "instrument", "venues": "venue", "strategies": "strategy"}[part]
        if len(before) != len(after):
            raise ConfigError(word, f"{len(after)} tables", f"{len(before)} tables until the instance is restarted (ringfence down, up)", config.source.name)
        for old, new in zip(before, after, strict=True):
            _refuse(config, f"{word}[{old.id}]", replace(old, **{n: getattr(new, n) for n in rows}), new)


def _refuse(config: Config, key: str, before: Any, after: Any) -> None:
    """Name the first field that differs."""
    if before == after:
        return
    if before is not None and after is not None and hasattr(after, "__dataclass_fields__"):
        name = next(f.name for f in fields(after) if getattr(before, f.name) != getattr(after, f.name))
        return _refuse(config, f"{key}.{name}", getattr(before, name), getattr(after, name))
    raise ConfigError(key, after, f"{before!r} until the instance is restarted (ringfence down, up)", config.source.name)
