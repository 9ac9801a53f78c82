"""A configuration file for an instance that runs: what it changes as journaled commands, or why it has to wait for a restart.

    file ──config.load──▶ Config ──needs_restart──▶ definitions.changes against the live tables ──▶ [Control] for the control agent

All is checked before the first command is published: a file with an error, or with one key that processes would have to be started for, changes nothing.
The engine judges each command again, by the operator whose it is; what allows more becomes a proposal. New rows (currencies, brokers, desks, accounts,
instruments, strategies, at the end of their tables) come closed, then their limits and grants, then what opens them, which a second operator approves. What
needs a process or a region that is made at a start is refused by name: a venue (its gateway), a strategy with a command. Pure but for reading the file.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import config as configuration
from ringfence.tools import definitions
from ringfence.tools.config import Config
from ringfence.tools.config_model import DURABILITIES
from ringfence.tools.errors import ConfigError, Refused
from ringfence.tools.operator_actions import refused_by_engine

LIVE = frozenset(("source", "digest", "currencies", "brokers", "desks", "accounts", "routes", "permissions", "model_limits", "operators", "margins"))
"""Parts of a Config that may change in any way; the rest of its parts may not, but for the fields of ``LIVE_FIELDS``."""
LIVE_FIELDS = {
    "instruments": (
        *("tick", "lot", "qty_min", "qty_max", "status", "margin_ppm", "last_day"),
        *("settle_days", "restricted", "locate_required", "mark", "bands"),
    ),
    "venues": ("status", "cancel_on_disconnect"),
    "strategies": ("desk", "desk_row", "max_age_ms", "cancel_on_detach", "deadman_ms", "parameters"),
}
APPENDED = ("instruments", "strategies")
"""Parts of which rows may come behind those that run."""
_PENDING = ENUMS["ProposalState"].by_name["PENDING"]
_WORD = {"instruments": "instrument", "venues": "venue", "strategies": "strategy"}
_RESTART = "until the instance is restarted (ringfence down, up)"


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


def outcome(state: Segment, requests: range, before: int) -> dict[str, Any]:
    """What the engine made of the commands of a reload.

    Parameters
    ----------
    state : Segment
        The engine's region, after it took them.
    requests : range
        Their request ids, at most ``operator_actions.REQUESTS``.
    before : int
        Highest id of a proposal before them.

    Returns
    -------
    dict
        ``proposed``: ids that wait for a second operator; ``refused``: how many the engine could not do.
    """
    engine = state.section("engine")[1]
    proposals = state.section("proposals")[1 : int(engine["proposal_count"]) + 1]
    refused = sum(refused_by_engine(state, request) for request in requests)
    waiting = sorted(int(p["id"]) for p in proposals if int(p["id"]) > before and int(p["state"]) == _PENDING)
    return {"proposed": waiting, "refused": refused}


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
        word = _WORD[part]
        if len(after) < len(before) or (len(after) > len(before) and part not in APPENDED):
            _refuse_count(config, part, before, after)
        for old, new in zip(before, after, strict=False):
            _refuse(config, f"{word}[{old.id}]", replace(old, **{n: getattr(new, n) for n in rows}), new)
    for s in config.strategies[len(running.strategies) :]:
        if s.command:
            raise ConfigError(f"strategy[{s.id}].command", list(s.command), f"none {_RESTART}: without it, start the program yourself", config.source.name)
    if DURABILITIES.index(config.highest_durability) > DURABILITIES.index(running.highest_durability):
        key = next(f"account[{a.id}].durability" for a in config.accounts if a.durability == config.highest_durability)
        raise ConfigError(
            key, config.highest_durability, f"at most {running.highest_durability!r} {_RESTART}: the sidecar syncs for no more", config.source.name
        )


def _refuse_count(config: Config, part: str, before: Any, after: Any) -> None:
    """Name the row that may not come or go."""
    word, known = _WORD[part], {row.id for row in before}
    if len(after) < len(before):
        raise ConfigError(word, f"{len(after)} tables", f"{len(before)} tables {_RESTART}; halt or disable what is not used any more", config.source.name)
    new = next(row for row in after if row.id not in known)
    raise ConfigError(f"{word}[{new.id}]", f"new, {new.name!r}", f"{len(before)} tables {_RESTART}: its gateway and rings are made then", config.source.name)


def _refuse(config: Config, key: str, before: Any, after: Any) -> None:
    """Name the first field that differs."""
    if before == after:
        return
    if before is not None and after is not None and hasattr(after, "__dataclass_fields__"):
        name = next(f.name for f in fields(after) if getattr(before, f.name) != getattr(after, f.name))
        return _refuse(config, f"{key}.{name}", getattr(before, name), getattr(after, name))
    raise ConfigError(key, after, f"{before!r} {_RESTART}", config.source.name)
