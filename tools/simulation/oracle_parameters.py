"""Live parameters by the rules: which SET_PARAMETER can be, and what every row must hold then.

    SET_PARAMETER body ─▶ set_parameter(): Model.parameters      table parameters ──against──▶ Model ─▶ texts of differences (I21, oracle_governed)

Written from docs/operations.md and docs/records.md. Nothing here fails: what cannot be is False.
"""

from __future__ import annotations

import re
from typing import Any

from ringfence.tools.simulation import oracle_records
from ringfence.tools.simulation.oracle_model import Model
from ringfence.tools.simulation.oracle_records import BIT

_CHANGE = oracle_records.picker("ParameterChange", "value", "name", "strategy", "digits", "is_configured")
_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]{0,30}\0+")


def set_parameter(m: Model, body: bytes) -> bool:
    """One SET_PARAMETER."""
    value, name, strategy, digits, is_configured = _CHANGE.unpack_from(body)
    key = strategy, name
    if strategy not in m.strategies or digits > BIT["PARAMETER_DIGITS_MAX"] or is_configured > 1 or not _NAME.fullmatch(name):
        return False
    if key not in m.parameters and len(m.parameters) + 1 >= m.capacity.get("parameters", 1 << 32):
        return False
    _, _, changes, configured = m.parameters.get(key, (0, 0, 0, (0, 0)))
    m.parameters[key] = value, digits, changes + 1, (value, digits + 1) if is_configured else configured
    return True


def differences(m: Model, rows: Any) -> list[str]:
    """What of the used rows is not as the commands made it."""
    theirs = {
        (int(r["strategy"]), bytes(r["name"]).ljust(32, b"\0")): (
            *(int(r["value"]), int(r["digits"]), int(r["changes"])),
            (int(r["configured"]), int(r["configured_digits"])),
        )
        for r in rows
    }
    unlike = sorted(key for key in theirs.keys() | m.parameters.keys() if theirs.get(key) != m.parameters.get(key))
    out = [f"parameter {key} is {theirs.get(key)}, by the rules {m.parameters.get(key)}" for key in unlike]
    return out + [
        f"parameter row {k} was begun {int(r['begun'])} times and set {int(r['changes'])}" for k, r in enumerate(rows, 1) if r["begun"] != r["changes"]
    ]
