"""Exposure of a file of fills, and settlements of non-deliverable forwards: exact, and independent of any cost method.

    fills ──legs──▶ two per fill: linear (+q·mult base, −q·mult·px quote); inverse (+q·mult/px base, −q·mult quote)
          ──▶ sums by asset, strategy, account, venue, value date ──marks──▶ reporting currency

The engine has the same sums at hand per position: quantity and ``flow``. Here they are fractions, because a file may name any key. What can fail:
``UsageError`` for what a file says wrongly; a missing mark gives no number (null), never 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ringfence.tools.errors import UsageError
from ringfence.tools.ledger_case import Case
from ringfence.tools.ledger_numbers import exact, fixed, half_even, parse

LISTS = ("exposure_cases", "ndf_cases")  # of a file
KEYS = {"by_strategy": "strategy", "by_acct": "acct", "by_venue": "venue", "by_value_date": "value_date"}
REPORTING = "USD"
Sums = dict[str, Fraction]


def _add(sums: Sums, asset: str, amount: Fraction) -> None:
    sums[asset] = sums.get(asset, Fraction(0)) + amount


def _texts(sums: Sums) -> dict[str, str]:
    return {asset: exact(amount) for asset, amount in sorted(sums.items())}


def exposure(raw: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return the sums of one case as text.

    Raises
    ------
    UsageError
        If a field is missing or wrong; the message names it.
    """
    fills = raw.get("fills", raw.get("events"))
    if not isinstance(fills, list):
        raise UsageError(f"{source}: fills is {'missing' if fills is None else 'no list'}; allowed: a list of fills")
    case = Case({"instruments": raw.get("instruments"), "events": [{"type": "fill"} | f if isinstance(f, dict) else f for f in fills]}, source)
    reporting = str(raw.get("reporting") or REPORTING)
    marks = _marks(raw.get("marks_" + reporting.lower(), (raw.get("marks") or {}).get("fx")) or {}, source) | {reporting: Fraction(1)}
    by_asset: Sums = {}
    by_key: dict[str, dict[str, Sums]] = {name: {} for name in KEYS}
    for e in case.entries:
        i = e.instrument
        if e.kind != "FILL" or i is None or e.qty is None or e.px is None:
            continue
        if i.inverse and e.px <= 0:
            raise UsageError(f"{source}: event {e.seq} ({e.id}): px was {e.raw['px']!r}; allowed: above zero for an inverse contract")
        units, quote = e.side * e.qty * i.multiplier, str(raw["instruments"][i.name].get("quote") or i.settle)
        legs = ((i.base, units / e.px), (quote, -units)) if i.inverse else ((i.base, units), (quote, -units * e.px))
        for asset, amount in legs:
            _add(by_asset, asset, amount)
            for name, key in KEYS.items():
                if e.raw.get(key) is not None:
                    _add(by_key[name].setdefault(str(e.raw[key]), {}), asset, amount)
    valued = {asset: amount * marks[asset] if asset in marks else None for asset, amount in by_asset.items()}
    known = [v for v in valued.values() if v is not None]
    complete = len(known) == len(valued)
    suffix = reporting.lower()
    gross = sum((abs(v) for asset, v in valued.items() if v is not None and asset != reporting), Fraction(0))
    report: dict[str, Any] = {
        "by_asset": _texts(by_asset),
        f"by_asset_{suffix}": {asset: None if v is None else exact(v) for asset, v in sorted(valued.items())},
        f"gross_{suffix}": exact(gross) if complete else None,
        f"pnl_{suffix}": exact(sum(known, Fraction(0))) if complete else None,
    }
    for name, groups in by_key.items():
        if groups or name != "by_value_date":
            report[name] = {key: _texts(sums) for key, sums in sorted(groups.items())}
    return report


def _marks(raw: Mapping[str, Any], source: str) -> dict[str, Fraction]:
    found = {}
    for asset, text in raw.items():
        try:
            found[asset] = parse(text)
        except ValueError as error:
            raise UsageError(f"{source}: mark of {asset} was {text!r}; allowed: {error}") from None
    return found


def forward(raw: Mapping[str, Any], source: str) -> dict[str, str]:
    """Return the settlement of a non-deliverable forward, ``N·(1 − agreed/fixing)``, exact and at the money digits.

    Raises
    ------
    UsageError
        If a number is missing, or the fixing is not above zero.
    """
    numbers = {}
    for name in ("notional_settle", "agreed", "fixing"):
        try:
            numbers[name] = parse(raw.get(name))
        except ValueError as error:
            raise UsageError(f"{source}: {name} was {raw.get(name)!r}; allowed: {error}") from None
    if numbers["fixing"] <= 0:
        raise UsageError(f"{source}: fixing was {raw['fixing']!r}; allowed: above zero")
    settlement = numbers["notional_settle"] * (1 - numbers["agreed"] / numbers["fixing"])
    digits = int(raw.get("money_dp", 2))
    return {"settlement": exact(settlement), "settlement_rounded": fixed(half_even(settlement * 10**digits), digits)}


def report(raw: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return what ``ringfence ledger exposure`` prints for one case."""
    return dict(forward(raw, source)) if "notional_settle" in raw else exposure(raw, source)
