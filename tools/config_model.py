"""The firm's model in a configuration: currencies, brokers, accounts, desks, strategies, instruments, routes, grants, limits and operators.

    TOML tables ──read──▶ frozen rows with ids and scaled integers ──definitions──▶ DEFINE_*, SET_PERMISSION, SET_LIMIT

Part of ``config``, which reads the rest and ties both together. A row's id is its position in the file, but for what has a name of its own in the engine's
tables: grants (name and strategy) and operators (uid) keep their rows wherever they stand. The firm's currency is row 1 of currencies and is not in the file.
What is not said is filled in so that an instance without a model trades as its owner wants: see ``complete``. What can fail: ConfigError with the key.
"""

from __future__ import annotations

import base64
import binascii
import os
import pwd
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ringfence.core.rules import RULES
from ringfence.gateways.decimals import text_to_scaled
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools import parameters, rule_values
from ringfence.tools.toml_table import Table

NAME = r"[A-Za-z0-9_-]{1,16}"
NAME_ALLOWED = "1 to 16 letters, digits, '_' and '-'"
DURABILITIES = ("async", "local", "replicated")
COST_METHODS = tuple(name.lower() for name in ENUMS["LedgerMethod"].by_name)
CODE = r"[!-~]{1,7}"
CODE_ALLOWED = "1 to 7 ASCII characters"
MARKS = tuple(n.lower() for n in ENUMS["MarkSide"].by_name)
VARIATION_MARGINS = ("none", "daily")
KINDS = tuple(n.lower() for n in ENUMS["InstrumentKind"].by_name)
DATED = ("fx_forward", "fx_ndf", "future")
ROLES = tuple(n.lower() for n in ENUMS["OperatorRole"].by_name)
SIDES = {"any": 0} | {n.lower(): v for n, v in ENUMS["Side"].by_name.items()}
RATE_DIGITS = 9
BANDS_MAX = 3
DAY = r"\d{4}-\d\d-\d\d"
DAY_ALLOWED = 'a date such as "2026-12-18"'
HOLIDAY_TABLES_MAX = 4096
CALENDAR_DAYS = 4096
HOLIDAYS_FROM = date.fromisoformat(str(CONSTANTS["CALENDAR_BEGINS"][0]))
HOLIDAYS_UNTIL = HOLIDAYS_FROM + timedelta(CALENDAR_DAYS - 1)
EVERYTHING = "everything"
_SETTLE_DAYS = {"fx_spot": 2, "fx_forward": 2, "fx_ndf": 2, "equity": 1}

Ids = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class CurrencyConfig:
    """``[[currency]]``; ``rate``: units of the firm's currency for one of it, 10^-9; 0: not known. Row 1 is the firm's own. ``holidays`` are YYYYMMDD."""

    id: int
    code: str
    rate: int
    is_firm: bool
    status: str
    holidays: tuple[int, ...] = ()


@dataclass(frozen=True)
class BrokerConfig:
    """``[[broker]]``."""

    id: int
    name: str
    status: str


@dataclass(frozen=True)
class DeskConfig:
    """``[[desk]]``; without any, the desks that strategies name."""

    id: int
    name: str
    status: str


@dataclass(frozen=True)
class InstrumentConfig:
    """``[[instrument]]``; amounts are scaled by its digits, ``margin_ppm`` is in millionths, ``last_day`` YYYYMMDD or 0."""

    id: int
    symbol: str
    base: str
    quote: str
    price_digits: int
    qty_digits: int
    tick: int
    lot: int
    qty_min: int
    qty_max: int
    multiplier: int
    status: str
    kind: str
    inverse: bool
    margin_ppm: int
    last_day: int
    settle_days: int
    restricted: bool
    locate_required: bool
    mark: str
    variation_margin: str
    bands: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class AccountConfig:
    """``[[account]]``; ``durability`` "" takes the instance's; ``broker`` is a row, 0: none; ``cost_method`` is a LedgerMethod in small letters."""

    id: int
    name: str
    code: str
    currency: str
    durability: str
    status: str
    broker: int
    cost_method: str


@dataclass(frozen=True)
class StrategyConfig:
    """``[[strategy]]``; with a ``command`` the supervisor starts it; ``desk_row`` is 0 without a desk; ``parameters``: name to decimal text."""

    id: int
    name: str
    desk: str
    uid: int
    max_age_ms: int
    cancel_on_detach: bool
    status: str
    core: int
    command: tuple[str, ...]
    deadman_ms: int
    parameters: Mapping[str, str]
    desk_row: int = 0


@dataclass(frozen=True)
class RouteConfig:
    """``[[route]]``; rows of instrument, account and strategy are 0 for any, times are seconds of the UTC day (equal: always)."""

    id: int
    name: str
    instrument: int
    account: int
    venue: int
    status: str
    strategy: int
    side: int
    qty_min: int
    qty_max: int
    from_s: int
    until_s: int


@dataclass(frozen=True)
class PermissionConfig:
    """One grant to one strategy (0: every one); sets of rows or enum values, ``(0,)``: any."""

    name: str
    strategy: int
    accounts: tuple[int, ...]
    venues: tuple[int, ...]
    instruments: tuple[int, ...]
    ord_types: tuple[int, ...]
    time_in_forces: tuple[int, ...]
    short: bool


@dataclass(frozen=True)
class LimitConfig:
    """``[[limit]]``: a rule's value at a scope, in the rule's unit."""

    scope: str
    kind: int
    a: int
    b: int
    rule: str
    value: int


@dataclass(frozen=True)
class OperatorConfig:
    """``[[operator]]``; ``public_key`` is 32 bytes or empty."""

    name: str
    uid: int
    role: str
    public_key: bytes
    status: str


def status(t: Table) -> str:
    """Key ``status`` of a row."""
    return t.choice("status", ("active", "halted"), "active")


def _named(t: Table) -> str:
    return t.text("name", pattern=NAME, allowed=NAME_ALLOWED)


def read_currencies(top: Table, rows: int) -> tuple[CurrencyConfig, ...]:
    """``[firm]`` and ``[[currency]]``."""
    firm = top.table("firm")
    code = firm.text("currency", "", pattern=CODE, allowed=CODE_ALLOWED)
    firm.finish()
    tables = top.tables("currency", 0, rows - 1)
    if tables and not code:
        raise top.error("firm.currency", firm.values.get("currency", ""), "the code of the firm's currency, which every rate is to")
    out = [CurrencyConfig(1, code, 10**RATE_DIGITS, True, "active")] if code else []
    for t in tables:
        row = CurrencyConfig(
            len(out) + 1, t.text("code", pattern=CODE, allowed=CODE_ALLOWED), t.amount("rate", RATE_DIGITS), False, t.choice("status", ("active",), "active")
        )
        if row.code in (c.code for c in out):
            raise t.error("code", row.code, "a code of its own; the firm's currency has rate 1 and no table")
        t.finish()
        out.append(row)
    closed = _holidays(top, [c.code for c in out])
    return tuple(replace(c, holidays=closed.get(c.code, ())) for c in out)


def _holidays(top: Table, codes: list[str]) -> dict[str, tuple[int, ...]]:
    """``[[holidays]]``: days by currency; several tables of one currency add up, so that a year can have its own."""
    found: dict[str, set[int]] = {}
    for t in top.tables("holidays", 0, HOLIDAY_TABLES_MAX):
        code = t.text("currency", pattern=CODE, allowed=CODE_ALLOWED)
        if code not in codes:
            raise t.error("currency", code, ", ".join(f'"{c}"' for c in codes) or "the code of [firm] currency or of a [[currency]]")
        days = found.setdefault(code, set())
        texts = t.words("days")
        if not texts:
            raise t.error("days", list(texts), f'a list of dates, such as ["{HOLIDAYS_FROM}"]')
        for text in texts:
            day = _day_of(t, "days", text)
            if not HOLIDAYS_FROM <= date(day // 10_000, day // 100 % 100, day % 100) <= HOLIDAYS_UNTIL:
                raise t.error("days", text, f"days from {HOLIDAYS_FROM} to {HOLIDAYS_UNTIL}")
            days.add(day)
        t.finish()
    return {code: tuple(sorted(days)) for code, days in found.items()}


def read_broker(row: int, t: Table) -> BrokerConfig:
    """One ``[[broker]]``."""
    config = BrokerConfig(row, _named(t), status(t))
    t.finish()
    return config


def read_desk(row: int, t: Table) -> DeskConfig:
    """One ``[[desk]]``."""
    config = DeskConfig(row, t.text("name", pattern=r"[!-~]{1,23}", allowed="1 to 23 ASCII characters without a space"), status(t))
    t.finish()
    return config


def read_instrument(row: int, t: Table) -> InstrumentConfig:
    """One ``[[instrument]]``."""
    price_digits, qty_digits = t.whole("price_digits", 0, 12), t.whole("qty_digits", 0, 12)
    lot = t.amount("lot", qty_digits)
    kind = t.choice("kind", KINDS, "fx_spot")
    config = InstrumentConfig(
        id=row,
        symbol=t.text("symbol", pattern=r"[!-~]{1,23}", allowed="1 to 23 ASCII characters without a space, as in Symbol(55)"),
        base=t.text("base", pattern=CODE, allowed=CODE_ALLOWED),
        quote=t.text("quote", pattern=CODE, allowed=CODE_ALLOWED),
        price_digits=price_digits,
        qty_digits=qty_digits,
        tick=t.amount("tick", price_digits),
        lot=lot,
        qty_min=t.amount("qty_min", qty_digits),
        qty_max=t.amount("qty_max", qty_digits),
        multiplier=t.whole("multiplier", 1, 1 << 31, 1),
        status=status(t),
        kind=kind,
        inverse=t.flag("inverse", False),
        margin_ppm=percent(t, "margin"),
        last_day=_date(t, "last_day"),
        settle_days=t.whole("settle_days", 0, 30, _SETTLE_DAYS.get(kind, 0)),
        restricted=t.flag("restricted", False),
        locate_required=t.flag("locate_required", False),
        mark=t.choice("mark", MARKS, MARKS[0]),
        variation_margin=t.choice("variation_margin", VARIATION_MARGINS, VARIATION_MARGINS[0]),
        bands=_bands(t, price_digits),
    )
    if config.qty_min > config.qty_max:
        raise t.error("qty_max", config.qty_max, f"at least qty_min, which is {config.qty_min} (both in 10^-{qty_digits})")
    if config.qty_min % lot or config.qty_max % lot:
        name = "qty_min" if config.qty_min % lot else "qty_max"
        raise t.error(name, getattr(config, name), f"a multiple of lot, which is {lot} (both in 10^-{qty_digits})")
    if config.last_day and kind not in DATED:
        raise t.error("last_day", config.last_day, f"no such key for a {kind}; only {', '.join(DATED)} end on a day")
    if config.variation_margin == "daily" and kind != "future":
        raise t.error("variation_margin", "daily", f"none for a {kind}; only futures are settled every day")
    if config.inverse and kind not in ("perpetual", "future"):
        raise t.error("inverse", True, f"false for a {kind}; only contracts (perpetual, future) are settled in their base currency")
    t.finish()
    return config


def percent(t: Table, key: str) -> int:
    """A share in millionths, 0 when it is not there."""
    allowed = 'a share with a percent sign and at most 4 decimals, such as "3.5%"'
    text = t.text(key, "0%", pattern=r"\d{1,6}(\.\d{1,4})?%", allowed=allowed)
    value = int(text_to_scaled(text[:-1], 4))
    if value >= 1 << 32:
        raise t.error(key, text, f"less than {(1 << 32) // 10_000}%")
    return value


def _date(t: Table, key: str) -> int:
    text = t.text(key, "", pattern=DAY, allowed=DAY_ALLOWED)
    return _day_of(t, key, text) if text else 0


def _day_of(t: Table, key: str, text: str) -> int:
    try:
        day = date.fromisoformat(text if re.fullmatch(DAY, text) else "")
    except ValueError as e:
        raise t.error(key, text, DAY_ALLOWED) from e
    return day.year * 10_000 + day.month * 100 + day.day


def _bands(t: Table, digits: int) -> tuple[tuple[int, int], ...]:
    """Rising prices from which another tick counts."""
    out: list[tuple[int, int]] = []
    for entry in t.tables("bands", 0, BANDS_MAX):
        out.append((entry.amount("from", digits), entry.amount("tick", digits)))
        if len(out) > 1 and out[-1][0] <= out[-2][0]:
            raise entry.error("from", out[-1][0], f"more than the band before it, which begins at {out[-2][0]} (both in 10^-{digits})")
        entry.finish()
    return tuple(out)


def read_account(row: int, t: Table, brokers: Mapping[str, int]) -> AccountConfig:
    """One ``[[account]]``."""
    name = _named(t)
    config = AccountConfig(
        id=row,
        name=name,
        code=t.text("code", name, pattern=r"[!-~]{1,23}", allowed="1 to 23 ASCII characters without a space, as in Account(1)"),
        currency=t.text("currency", pattern=CODE, allowed=CODE_ALLOWED),
        durability=t.choice("durability", DURABILITIES, ""),
        status=status(t),
        broker=({"": 0} | dict(brokers))[t.choice("broker", tuple(brokers), "")],
        cost_method=t.choice("cost_method", COST_METHODS, "wac"),
    )
    t.finish()
    return config


def read_strategy(row: int, t: Table) -> StrategyConfig:
    """One ``[[strategy]]``."""
    config = StrategyConfig(
        id=row,
        name=_named(t),
        desk=t.text("desk", "", pattern=r"[!-~]{1,23}", allowed="1 to 23 ASCII characters without a space"),
        uid=t.whole("uid", 0, (1 << 32) - 2, os.getuid()),
        max_age_ms=t.whole("max_age_ms", 0, 86_400_000, 0),
        cancel_on_detach=t.flag("cancel_on_detach", True),
        status=t.choice("status", ("enabled", "reduce_only", "cancel_only", "disabled"), "enabled"),
        core=t.whole("core", 0, (os.cpu_count() or 1) - 1, -1),
        command=t.words("command"),
        deadman_ms=t.whole("deadman_ms", 0, 86_400_000, 0),
        parameters=_parameters(t.table("parameters")),
    )
    t.finish()
    return config


def _parameters(t: Table) -> dict[str, str]:
    """Name to value as it is written: a whole number, or a decimal in quotes."""
    for name, value in t.values.items():
        if not re.fullmatch(parameters.NAME, name):
            raise t.error(name, value, f"names: {parameters.NAME_ALLOWED}")
        allowed = f"{parameters.VALUE_ALLOWED}; in quotes when it is not a whole number"
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise t.error(name, value, allowed)
        try:
            parameters.scaled(str(value))
        except ValueError as e:
            raise t.error(name, value, f"{allowed} ({e})") from e
    return {name: str(value) for name, value in t.values.items()}


def desks_of(top: Table, rows: int, strategies: tuple[StrategyConfig, ...]) -> tuple[DeskConfig, ...]:
    """The desks: those of the file, or, without any, those that strategies name, in that order."""
    tables = top.tables("desk", 0, rows)
    if not tables:
        return tuple(DeskConfig(k, name, "active") for k, name in enumerate(dict.fromkeys(s.desk for s in strategies if s.desk), 1))
    desks = tuple(read_desk(k, t) for k, t in enumerate(tables, 1))
    known = [d.name for d in desks]
    for s in strategies:
        if s.desk and s.desk not in known:
            raise top.error(f"strategy[{s.id}].desk", s.desk, ", ".join(f'"{d}"' for d in known))
    return desks


def read_route(row: int, t: Table, ids: Ids, instruments: tuple[InstrumentConfig, ...]) -> RouteConfig:
    """One ``[[route]]``."""

    def reference(name: str, table: str) -> int:
        choices = {"*": 0, **ids[table]}
        return choices[t.choice(name, tuple(choices), "*")]

    instrument = reference("instrument", "instruments")
    sizes = {}
    for key in ("qty_min", "qty_max"):
        if key in t.values and instrument == 0:
            raise t.error(key, t.values[key], "no such key without an instrument: quantities are in an instrument's scale")
        sizes[key] = t.amount(key, instruments[instrument - 1].qty_digits, 0) if key in t.values else int(t.whole(key, 0, 0, 0))
    config = RouteConfig(
        id=row,
        instrument=instrument,
        account=reference("account", "accounts"),
        venue=ids["venues"][t.choice("venue", tuple(ids["venues"]))],
        name=t.text("name", f"route{row}", pattern=NAME, allowed=NAME_ALLOWED),
        status=status(t),
        strategy=reference("strategy", "strategies"),
        side=SIDES[t.choice("side", tuple(SIDES), "any")],
        from_s=_time(t, "from"),
        until_s=_time(t, "until"),
        **sizes,
    )
    if config.qty_max and config.qty_min > config.qty_max:
        raise t.error("qty_max", config.qty_max, f"at least qty_min, which is {config.qty_min}")
    t.finish()
    return config


def _time(t: Table, key: str) -> int:
    text = t.text(key, "00:00", pattern=r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", allowed='a time of the UTC day, such as "07:30" or "21:00:00"')
    h, m, s = (*map(int, text.split(":")), 0)[:3]
    return h * 3600 + m * 60 + s


def read_permission(t: Table, k: int, ids: Ids) -> list[PermissionConfig]:
    """One ``[[permission]]``: a grant to each of its strategies."""

    def members(key: str, known: Mapping[str, int]) -> tuple[int, ...]:
        value = t.words_or_any(key, ("*",))
        for name in value:
            if name != "*" and name not in known:
                raise t.error(key, name, ", ".join(f'"{n}"' for n in ("*", *known)))
        return (0,) if "*" in value else tuple(sorted({known[name] for name in value}))

    def lower(enum: str) -> dict[str, int]:
        return {n.lower(): v for n, v in ENUMS[enum].by_name.items()}

    name = t.text("name", f"permission{k}", pattern=NAME, allowed=NAME_ALLOWED)
    strategies = members("strategies", ids["strategies"])
    sets = {table: members(table, ids[table]) for table in ("accounts", "venues", "instruments")}
    ord_types, time_in_forces = members("ord_types", lower("OrdType")), members("time_in_forces", lower("TimeInForce"))
    short = t.flag("short", False)
    t.finish()
    return [PermissionConfig(name, s, ord_types=ord_types, time_in_forces=time_in_forces, short=short, **sets) for s in strategies]


def everything() -> PermissionConfig:
    """The grant of an instance that has no ``[[permission]]``."""
    return PermissionConfig(EVERYTHING, 0, (0,), (0,), (0,), (0,), (0,), True)


def read_limit(t: Table, ids: Ids, instruments: tuple[InstrumentConfig, ...]) -> LimitConfig:
    """One ``[[limit]]``."""
    scope = t.text("scope", allowed=rule_values.SCOPE_ALLOWED)
    try:
        kind, a, b = rule_values.parse_scope(scope, ids)
    except ValueError as e:
        raise t.error("scope", scope, str(e)) from e
    name = t.text("rule", allowed="a rule of docs/controls.md that has a limit")
    try:
        rule = rule_values.find_rule(name, kind)
    except ValueError as e:
        raise t.error("rule", name, str(e)) from e
    text = t.text("value", allowed=rule_values.allowed_value(rule))
    symbol = b or (a if kind == rule_values.KIND["INSTRUMENT"] else 0)
    digits = {i.qty_digits for i in instruments if symbol in (0, i.id)}
    if rule.unit == "qty" and len(digits) > 1:
        raise t.error("scope", scope, "a scope with an instrument: the instruments have different qty_digits, so a quantity of all of them says nothing")
    scale = digits.pop()
    try:
        value = rule_values.parse_value(rule, text, scale)
    except ValueError as e:
        raise t.error("value", text, f"{rule_values.allowed_value(rule, scale)} ({rule.name})") from e
    t.finish()
    return LimitConfig(scope, kind, a, b, rule.name, value)


def read_operator(t: Table) -> OperatorConfig:
    """One ``[[operator]]``."""
    name = t.text("name", pattern=NAME, allowed=NAME_ALLOWED)
    if "uid" in t.values and "user" in t.values:
        raise t.error("user", t.values["user"], "uid or user, not both")
    if "user" in t.values:
        user = t.text("user", allowed="a user of this host")
        try:
            uid = pwd.getpwnam(user).pw_uid
        except KeyError as e:
            raise t.error("user", user, "a user of this host, or its number as uid") from e
        t.known.append("uid")
    else:
        uid = t.whole("uid", 0, (1 << 32) - 2)
        t.known.append("user")
    config = OperatorConfig(name, uid, t.choice("role", ROLES), _key(t), status(t))
    t.finish()
    return config


def _key(t: Table) -> bytes:
    allowed = "32 bytes of an Ed25519 public key, in hexadecimal or base64"
    text = t.text("public_key", "", allowed=allowed)
    try:
        raw = bytes.fromhex(text) if re.fullmatch(r"[0-9A-Fa-f]{64}", text) else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as e:
        raise t.error("public_key", text, allowed) from e
    if len(raw) not in (0, 32):
        raise t.error("public_key", text, allowed)
    return raw


def operators_of(top: Table, rows: int, owner: int, owner_name: str) -> tuple[OperatorConfig, ...]:
    """The operators; who runs the instance is an ADMIN, whether the file names him or not."""
    out = [read_operator(t) for t in top.tables("operator", 0, rows - 1)]
    for k, o in enumerate(out):
        if o.uid in (x.uid for x in out[:k]):
            raise top.error(f"operator[{k + 1}].uid", o.uid, "a uid of its own: the engine knows operators by it")
        if o.uid == owner and (o.role, o.status) != ("admin", "active"):
            raise top.error(f"operator[{k + 1}].role", o.role, '"admin", active: the instance runs as this user, whose commands configure it')
    if owner not in (o.uid for o in out):
        out.insert(0, OperatorConfig(owner_name[:16], owner, "admin", b"", "active"))
    return tuple(out)


def needs_rates(limits: tuple[LimitConfig, ...]) -> LimitConfig | None:
    """The first limit that is counted in money, or against what an account has, if any."""
    return next((limit for limit in limits if RULES[limit.rule].unit == "amount" or limit.rule == "FREE_MARGIN"), None)


def any_element() -> int:
    """What stands for every element in a PermissionChange."""
    return CONSTANTS["ANY"][0]
