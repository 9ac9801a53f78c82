"""The first line of a scenario, what it may say and what is taken when it does not.

Keys are those of the configuration file (docs/configuration.md) as far as a scenario needs them; a number or a list of names stands for tables with
defaults. What is not said is fitted to the file: the scales to the finest figure used, the symbol, account code, BeginString and the clock's start to what
the venue's messages name, so that an excerpt of a production log runs as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix.config import BEGIN_STRINGS
from ringfence.gateways.fix.profile import Profile, load
from ringfence.ipc.schema import ENUMS
from ringfence.tools.scenario_words import (
    DIGITS_MAX,
    SIDES,
    STRATEGY_STATUS,
    Check,
    NoSuchName,
    Scenario,
    Value,
    Wrong,
    boolean,
    integer,
    keys,
    number,
    one_of,
    text,
    timestamp,
)

ROWS_MAX = 32
SECOND = 1_000_000_000
DAY = 20260102
PRICE_TAGS = {31, 44, 99, 140, 202}
QTY_TAGS = {14, 32, 38, 84, 110, 111, 151, 210, 424, 425}
TIME_TAGS = {52, 60, 122}


@dataclass(frozen=True)
class InstrumentSpec:
    """One instrument; ``None`` scales are fitted."""

    symbol: str
    price_digits: int
    qty_digits: int
    values: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Setup:
    """What a machine is made of, complete."""

    begin_string: str
    day: int
    start_ns: int
    prefix: str
    timer_ms: int
    heartbeat_s: int
    instruments: list[InstrumentSpec]
    accounts: list[dict[str, Value]]
    venues: list[dict[str, Value]]
    strategies: list[dict[str, Value]]
    routes: list[dict[str, Value]]
    currencies: dict[str, Value]  # the firm's first
    brokers: list[str]
    desks: list[str]
    limits: list[dict[str, Value]]
    permissions: list[dict[str, Value]]


def _digits(value: Value) -> int:
    """Decimals, or a power of ten that says them: 5 or 100000."""
    digits = integer(value)
    if digits > DIGITS_MAX and str(digits).rstrip("0") == "1":
        digits = len(str(digits)) - 1
    if digits > DIGITS_MAX:
        raise Wrong(f"{digits} decimals; 0 to {DIGITS_MAX}")
    return digits


def _day(value: Value) -> int:
    day = integer(value.replace("-", "") if isinstance(value, str) else value)
    try:
        datetime(day // 10000, day // 100 % 100, day % 100, tzinfo=UTC)
    except ValueError:
        raise Wrong(f"{value!r} is no day; write 20260102") from None
    if not 2000 <= day // 10000 < 2089:
        raise Wrong(f"{value!r} is outside of 2000 to 2088")
    return day


def _prefix(value: Value) -> str:
    if len(text(value)) != 2 or not value.isalnum():
        raise Wrong(f"{value!r}: two letters or digits")
    return str(value)


def _begin_string(value: Value) -> str:
    if value not in BEGIN_STRINGS:
        raise Wrong(f"{value!r} is not one of {', '.join(BEGIN_STRINGS)}")
    return str(value)


def _few(value: Value) -> int:
    n = integer(value)
    if not 1 <= n <= ROWS_MAX:
        raise Wrong(f"{n}: 1 to {ROWS_MAX}")
    return n


def _name(value: Value) -> str:
    if not 0 < len(text(value)) <= 23:
        raise Wrong(f"{value!r}: 1 to 23 characters")
    return str(value)


def _list(value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise Wrong(f"a list, was {value!r}")
    return value


def _percent(value: Value) -> int:
    """Millionths of a share with a percent sign."""
    if not text(value).endswith("%") or (share := number(value[:-1]) * 10_000) != int(share) or not 0 <= share < 1 << 32:
        raise Wrong(f'{value!r} is no share; write "3.5%", with at most 4 decimals')
    return int(share)


def _second(value: Value) -> int:
    """Seconds of the UTC day of HH:MM or HH:MM:SS."""
    parts = text(value).split(":")
    if len(parts) not in (2, 3) or not all(p.isdecimal() and len(p) == 2 for p in parts) or int(parts[0]) > 23 or any(int(p) > 59 for p in parts[1:]):
        raise Wrong(f'{value!r} is no time of the day; write "07:30" or "21:00:00"')
    h, m, s = (*map(int, parts), 0)[:3]
    return h * 3600 + m * 60 + s


def _rates(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise Wrong(f"an object of codes and rates, was {value!r}")
    return {_name(code)[:7]: number(rate) for code, rate in value.items()}


INSTRUMENT: dict[str, Check] = {
    "symbol": _name,
    "name": _name,
    "price_digits": _digits,
    "price_scale": _digits,
    "qty_digits": _digits,
    "qty_scale": _digits,
    "price_decimals": _digits,
    "qty_decimals": _digits,
    "tick": number,
    "tick_size": number,
    "lot": number,
    "lot_size": number,
    "qty_min": number,
    "qty_max": number,
    "multiplier": integer,
    "base": text,
    "quote": text,
    "kind": one_of({n.lower(): n for n in ENUMS["InstrumentKind"].by_name}, "kind"),
    "inverse": boolean,
    "margin": _percent,
    "last_day": _day,
    "restricted": boolean,
    "locate_required": boolean,
    "bands": lambda value: [keys(band, {"from": number, "tick": number}, "bands") for band in _list(value)],
    "status": one_of({"active": 1, "halted": 2}, "status"),
}
ACCOUNT: dict[str, Check] = {"name": _name, "code": _name, "currency": text, "broker": _name}
VENUE: dict[str, Check] = {"name": _name, "profile": text}
LIMIT: dict[str, Check] = {"scope": text, "rule": text, "value": text}
SETS = ("strategies", "accounts", "venues", "instruments", "ord_types", "time_in_forces")
PERMISSION: dict[str, Check] = {name: lambda value: value for name in SETS} | {"short": boolean, "name": _name}
STRATEGY: dict[str, Check] = {
    "name": _name,
    "max_age_ms": integer,
    "cancel_on_detach": boolean,
    "status": one_of(STRATEGY_STATUS, "status"),
    "desk": _name,
}
ROUTE: dict[str, Check] = {"name": _name, "instrument": text, "account": text, "venue": text, "strategy": text, "qty_min": number, "qty_max": number}
ROUTE |= {"side": one_of({"any": 0} | {n: ENUMS["Side"].by_name[v] for n, v in SIDES.items()}, "side"), "from": _second, "until": _second}


def _table(allowed: dict[str, Check], key: str, prefix: str) -> Check:
    """A number (so many with names made of ``prefix``), a name, or a list of names and tables."""

    def check(value: Value) -> list[dict[str, Value]]:
        if isinstance(value, int) and not isinstance(value, bool):
            return [{key: f"{prefix}{i}"} for i in range(1, _few(value) + 1)]
        entries = value if isinstance(value, list) else [value]
        if isinstance(value, dict) and value and all(isinstance(v, dict) for v in value.values()):
            entries = [{key: name} | row for name, row in value.items()]
        _few(len(entries))
        out = [{key: _name(v)} if isinstance(v, str) else keys(v, allowed, prefix) for v in entries]
        for i, row in enumerate(out, 1):
            if key not in row:
                row[key] = row.pop("name") if "name" in row else f"{prefix}{i}"
        names = [row[key] for row in out]
        if len(set(names)) != len(names):
            raise Wrong(f"{key} {next(n for n in names if names.count(n) > 1)!r} stands twice")
        return out

    return check


CONFIG: dict[str, Check] = {
    "instruments": _table(INSTRUMENT, "symbol", "SYM"),
    "accounts": _table(ACCOUNT, "name", "account"),
    "venues": _table(VENUE, "name", "venue"),
    "strategies": _table(STRATEGY, "name", "s"),
    "routes": _table(ROUTE, "name", "route"),
    "begin_string": _begin_string,
    "day": _day,
    "start": timestamp,
    "prefix": _prefix,
    "timer_ms": integer,
    "heartbeat_s": integer,
    "price_digits": _digits,
    "price_scale": _digits,
    "qty_digits": _digits,
    "qty_scale": _digits,
    "max_age_ms": integer,
    "profile": text,
    "firm": text,
    "currencies": _rates,
    "limits": lambda value: [keys(row, LIMIT, "limits") for row in _list(value)],
    "permissions": lambda value: [keys(row, PERMISSION, "permissions") for row in _list(value)],
}
ALIASES = {
    "price_scale": "price_digits",
    "price_decimals": "price_digits",
    "qty_scale": "qty_digits",
    "qty_decimals": "qty_digits",
    "tick_size": "tick",
    "lot_size": "lot",
}
SINGULAR = {"instrument": "instruments", "account": "accounts", "venue": "venues", "strategy": "strategies", "route": "routes"}


def check_config(value: Value) -> dict[str, Value]:
    allowed = CONFIG | {one: CONFIG[many] for one, many in SINGULAR.items()}
    out = keys(value, allowed, "config")
    for one, many in SINGULAR.items():
        if one in out:
            if many in out:
                raise Wrong(f"config has {one} and {many}; one of them is enough")
            out[many] = out.pop(one)
    for row in [out, *out.get("instruments", [])]:
        for alias, name in ALIASES.items():
            if alias in row:
                if name in row:
                    raise Wrong(f"config has {alias} and {name}, which are one thing")
                row[name] = row.pop(alias)
    if out.get("timer_ms") == 0:
        raise Wrong("config.timer_ms 0: without timers no limit ever fires; 1 or more")
    return out


# ---- fitting -----------------------------------------------------------------------------------------------------------


def decimals(value: Value) -> int:
    """Decimals that a figure needs; 0 for what is none."""
    try:
        exponent = Decimal(value).normalize().as_tuple().exponent
    except (ArithmeticError, TypeError, ValueError):
        return 0
    return min(max(-exponent, 0), DIGITS_MAX) if isinstance(exponent, int) else 0


def _bodies(scenario: Scenario) -> Iterator[tuple[int, str]]:
    """Fields of the venue's messages, then of what is expected to be sent."""
    for step in scenario.steps:
        if step.kind == "venue":
            yield from step.value
    for step in scenario.steps:
        if step.kind == "expect" and "sent" in step.value:
            yield from step.value["sent"]


def _figures(scenario: Scenario, kind: str) -> Iterator[Value]:
    tags = PRICE_TAGS if kind == "price" else QTY_TAGS
    names = ("price", "stop_price") if kind == "price" else ("qty", "display_qty", "cum", "leaves", "net", "bought", "sold")
    yield from (content for tag, content in _bodies(scenario) if tag in tags)
    for step in scenario.steps:
        if step.kind == "mark" and kind == "price":
            yield from (step.value[n] for n in ("bid", "ask", "last") if n in step.value)
        if step.kind in ("intent", "expect"):
            for part in (step.value, *(step.value.get(p, {}) for p in ("position", "suspense"))):
                yield from (part[n] for n in names if part.get(n) is not None)


def _first(fields: Iterable[tuple[int, str]], tag: int) -> str:
    return next((content for t, content in fields if t == tag and content), "")


def _known_time(content: str) -> int:
    try:
        return timestamp(content)
    except Wrong:
        return 0


def _start_ns(scenario: Scenario, day: int) -> int:
    """The clock starts behind every time that the venue names: it reports what has been."""
    at_nine = timestamp(f"{day}-09:00:00")
    named = max((_known_time(content) for tag, content in _bodies(scenario) if tag in TIME_TAGS), default=0)
    return max(at_nine, named)


def _symbol(scenario: Scenario) -> str:
    for step in scenario.steps:
        if step.kind == "intent" and "instrument" in step.value:
            return str(step.value["instrument"])
    return _first(_bodies(scenario), 55)[:23] or "EURUSD"


def _instruments(scenario: Scenario) -> list[InstrumentSpec]:
    config = scenario.config
    fitted = {what: config.get(f"{what}_digits", max(map(decimals, _figures(scenario, what)), default=0)) for what in ("price", "qty")}
    out = []
    for row in config.get("instruments", [{"symbol": _symbol(scenario)}]):
        digits = {}
        for what, steps in (("price", ("tick",)), ("qty", ("lot", "qty_min", "qty_max"))):
            digits[what] = row.get(f"{what}_digits", max(fitted[what], *(decimals(row.get(s, 0)) for s in steps)))
        out.append(InstrumentSpec(row["symbol"], digits["price"], digits["qty"], row))
    return out


def _routes(config: dict[str, Value], accounts: list[dict[str, Value]], venues: list[dict[str, Value]]) -> list[dict[str, Value]]:
    if "routes" in config:
        return list(config["routes"])
    single = len(accounts) == 1
    return [{"name": v["name"] if single else f"{a['name']}@{v['name']}", "account": a["name"], "venue": v["name"]} for a in accounts for v in venues]


def _profile(name: str, begin_string: str, path: str) -> Profile:
    """A venue's dialect; without a name that of the specification, with post-only orders as ExecInst(18)=6."""
    try:
        if name:
            return load(name, begin_string, Path(path).parent)
        return replace(load("default", begin_string), post_only="18=6")
    except SessionError as e:
        raise Wrong(str(e)) from None


def setup(scenario: Scenario) -> Setup:
    """Complete the configuration of a scenario.

    Raises
    ------
    Wrong
        A venue's profile cannot be had.
    """
    config = scenario.config
    accounts = [{"code": row["name"]} | row for row in config.get("accounts", [])]
    if not accounts:
        accounts = [{"name": "main", "code": _first(_bodies(scenario), 1)[:23] or "ACC1"}]
    venues = config.get("venues", [{"name": "venue"}])
    begin = config.get("begin_string") or _first(_bodies(scenario), 8)
    begin = begin if begin in BEGIN_STRINGS else BEGIN_STRINGS[0]
    venues = [row | {"profile": _profile(row.get("profile", config.get("profile", "")), begin, scenario.path)} for row in venues]
    day = config.get("day", DAY)
    start_ns = config.get("start") or _start_ns(scenario, day)
    age = {"max_age_ms": config.get("max_age_ms", 0)}
    return Setup(
        begin_string=begin,
        day=day,
        start_ns=start_ns,
        prefix=config.get("prefix", "RF"),
        timer_ms=config.get("timer_ms", 100),
        heartbeat_s=config.get("heartbeat_s", 30),
        instruments=_instruments(scenario),
        accounts=accounts,
        venues=venues,
        strategies=[age | row for row in config.get("strategies", [{"name": "s1"}])],
        routes=_routes(config, accounts, venues),
        currencies=({config["firm"]: Decimal(1)} if config.get("firm") else {}) | config.get("currencies", {}),
        brokers=list(dict.fromkeys(row["broker"] for row in accounts if "broker" in row)),
        desks=list(dict.fromkeys(row["desk"] for row in config.get("strategies", []) if "desk" in row)),
        limits=config.get("limits", []),
        permissions=config.get("permissions", []),
    )


def row_of(rows: list[Any], name: str, what: str, key: Callable[[Any], str] = lambda r: str(r["name"])) -> int:
    """Return the row number (from 1) of a name; the first row when the name is empty.

    Raises
    ------
    NoSuchName
        There is no such row; the message names those there are.
    """
    for i, row in enumerate(rows, 1):
        if not name or key(row) == name:
            return i
    raise NoSuchName(f"no {what} {name!r}; there are {', '.join(key(r) for r in rows)}")
