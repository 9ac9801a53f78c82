"""Margin schedules outside the engine: ``[[margin]]`` of a configuration, rows of ``margin_rates`` in words, and what a row makes of an amount.

    [[margin]] ──read──▶ MarginConfig ──image──▶ DEFINE_MARGIN          row of margin_rates ──about, rates_text──▶ words of changes and views

A row of the file keeps its row in the engine's table by what it is about (broker or account, instrument, kind or currency), wherever it stands: its rates may
change, what it is about may not. Precedence and steps are the engine's (core/margin.pyx). Pure. What can fail: ConfigError with the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.config_model import KINDS, percent
from ringfence.tools.toml_table import Table

STEPS = 3
RATE_MOST = 10**9
AMOUNT_DIGITS = CONSTANTS["AMOUNT_DIGITS"][0]
KEY = ("broker", "account", "currency", "instrument", "kind")
"""Fields of a MarginRate that say what it is about."""
_KIND = ENUMS["InstrumentKind"].by_name
_NAMED = {"account": ("accounts", "name"), "broker": ("brokers", "name"), "instrument": ("instruments", "symbol"), "currency": ("currencies", "code")}
_TABLES = {"broker": "brokers", "account": "accounts", "instrument": "instruments", "currency": "currencies"}


@dataclass(frozen=True)
class MarginConfig:
    """``[[margin]]``; rows of what it is about, 0 for any; ``steps`` are pairs of an amount [10^-4 of the firm's currency] and a rate [millionths]."""

    broker: int
    account: int
    currency: int
    instrument: int
    kind: int
    rate_ppm: int
    steps: tuple[tuple[int, int], ...]
    status: str

    @property
    def key(self) -> tuple[int, ...]:
        """What it is about, in the order of ``KEY``."""
        return tuple(getattr(self, name) for name in KEY)


def read(t: Table, ids: Mapping[str, Mapping[str, int]]) -> MarginConfig:
    """One ``[[margin]]``."""

    def row(name: str) -> int:
        known = ids[_TABLES[name]]
        return known[t.choice(name, tuple(known))] if name in t.values else int(t.whole(name, 0, 0, 0))

    whose = [name for name in ("broker", "account") if name in t.values]
    if len(whose) > 1:
        raise t.error("account", t.values["account"], "no such key beside broker: an account has its broker")
    about = [name for name in ("instrument", "kind", "currency") if name in t.values]
    if len(about) > 1:
        raise t.error(about[1], t.values[about[1]], f"no such key beside {about[0]}: a row is for an instrument, a kind, a currency or everything")
    rows = {name: row(name) for name in ("broker", "account", "instrument", "currency")}
    kind = _KIND[t.choice("kind", KINDS).upper()] if "kind" in t.values else int(t.whole("kind", 0, 0, 0))
    rate = _rate(t)
    steps: list[tuple[int, int]] = []
    for tier in t.tables("tier", 0, STEPS):
        steps.append((tier.amount("above", AMOUNT_DIGITS), _rate(tier)))
        if len(steps) > 1 and steps[-1][0] <= steps[-2][0]:
            raise tier.error("above", tier_text(steps[-1][0]), f"more than the tier before it, which begins above {tier_text(steps[-2][0])}")
        tier.finish()
    config = MarginConfig(**rows, kind=kind, rate_ppm=rate, steps=tuple(steps), status=t.choice("status", ("active", "halted"), "active"))
    t.finish()
    return config


def _rate(t: Table) -> int:
    if "rate" not in t.values:
        t.text("rate", allowed='a share with a percent sign and at most 4 decimals, such as "3.5%"')
    text, rate = t.values["rate"], percent(t, "rate")
    if rate > RATE_MOST:
        raise t.error("rate", text, f"at most {RATE_MOST // 10_000}%")
    return rate


def image(row: int, config: MarginConfig) -> dict[str, Any]:
    """The configured fields of its row."""
    steps = [*config.steps, *[(0, 0)] * (STEPS - len(config.steps))]
    fields = {name: getattr(config, name) for name in KEY}
    status = ENUMS["Status"].by_name[config.status.upper()]
    return {"id": row, **fields, "rate_ppm": config.rate_ppm, "above": [a for a, _ in steps], "step_ppm": [p for _, p in steps], "status": status}


# ---- words -----------------------------------------------------------------------------------------------------------------------


def about(image: Any, name_of: Callable[[str, str, int], str]) -> str:
    """What a MarginRate is about, such as ``broker:prime kind:perpetual``; ``everything`` when it is about all.

    Parameters
    ----------
    image : record MarginRate
    name_of : callable
        Table, column and row to a name.
    """
    words = [f"{name}:{name_of(*_NAMED[name], int(image[name]))}" for name in ("account", "broker", "instrument") if int(image[name])]
    if int(image["kind"]):
        words.append(f"kind:{ENUMS['InstrumentKind'].by_value.get(int(image['kind']), '?').lower()}")
    if int(image["currency"]):
        words.append(f"currency:{name_of(*_NAMED['currency'], int(image['currency']))}")
    return " ".join(words) or "everything"


def rates_text(image: Any) -> str:
    """Its rates, such as ``5%, above 1000000 10%``."""
    steps = [(int(a), int(p)) for a, p in zip(image["above"], image["step_ppm"], strict=True) if int(a)]
    return ", ".join([share_text(int(image["rate_ppm"])), *(f"above {tier_text(a)} {share_text(p)}" for a, p in steps)])


def share_text(ppm: int) -> str:
    """A share in millionths, in percent."""
    return f"{Decimal(ppm).scaleb(-4).normalize():f}%"


def tier_text(amount: int) -> str:
    """An amount of the firm's currency without zeros behind."""
    exact = Decimal(amount).scaleb(-AMOUNT_DIGITS)
    return f"{exact:f}" if amount % 10**AMOUNT_DIGITS else f"{exact:.0f}"


# ---- amounts ---------------------------------------------------------------------------------------------------------------------


def margin_of(row: Any, amount: int) -> int:
    """Margin [10^-4] of a position's amount [10^-4] by a MarginRate: each part at the rate of its step, rounded up."""
    edges = [0, *(int(a) for a in row["above"] if int(a))]
    rates = [int(row["rate_ppm"]), *(int(p) for p in row["step_ppm"])]
    out = 0
    for k, edge in enumerate(edges):
        top = edges[k + 1] if k + 1 < len(edges) else amount
        out += -(-max(min(amount, top) - edge, 0) * rates[k] // 10**6)
    return out
