"""The journaled form of a configuration: START and DEFINE_* commands, and what may not change any more.

    Config ──▶ row images ──compared with the replayed tables──▶ Control records, only for what differs

The journal refers to rows by number, and orders and positions are in the scales of their instrument. So a configuration that renumbers rows
or changes scales is refused with the key, the value and what the journal has. Rows that the file no longer has are halted, never removed:
their orders still need them.

What allows more waits in the engine for a second operator (``core/definitions.widens``), and whole images wait. So a changed row is sent twice when it does
both: first with what is tighter, then as the file has it. A new row of an instance that trades comes closed, then its limits, then what opens it.
Pure functions over records; the engine process puts the commands through its own control ring.
"""

from __future__ import annotations

import getpass
import os
import pwd
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np

from ringfence.core.rules import RULES
from ringfence.gateways.fix.profile import Profile
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.tools import margin_schedule, parameters
from ringfence.tools.config import Config, LimitsConfig
from ringfence.tools.config_model import DURABILITIES, HOLIDAYS_FROM, InstrumentConfig, PermissionConfig
from ringfence.tools.errors import ConfigError
from ringfence.tools.rule_values import Place
from ringfence.tools.trading_day import begins

Rows = Callable[[str], Any]
_CONTROL = ENUMS["ControlKind"].by_name
_STATUS = ENUMS["Status"].by_name
_STRATEGY_STATUS = ENUMS["StrategyStatus"].by_name
_DURABILITY = {"": 0} | {level: CONSTANTS[f"DURABILITY_{level.upper()}"][0] for level in DURABILITIES}
_METHOD = ENUMS["LedgerMethod"].by_name
_KIND = ENUMS["InstrumentKind"].by_name
_MARK = ENUMS["MarkSide"].by_name
_ROLE = ENUMS["OperatorRole"].by_name
_BANDS = 3
_FIRST = (
    ("currencies", "Currency", "currency", ("code",)),
    ("brokers", "Broker", "broker", ("name",)),
    ("desks", "Desk", "desk", ("name",)),
    ("instruments", "Instrument", "instrument", ("symbol", "base", "quote", "price_digits", "qty_digits", "multiplier", "kind", "inverse", "daily")),
    ("accounts", "Account", "account", ("name",)),
    ("venues", "Venue", "venue", ("name",)),
    ("strategies", "Strategy", "strategy", ("name",)),
    ("routes", "Route", "route", ()),
)
Looser = Callable[[Any, Any], bool]


def _less(before: Any, after: Any) -> bool:
    return bool(after < before)


def _beyond(before: Any, after: Any) -> bool:
    return bool(before != 0 and (after == 0 or after > before))


def _other(before: Any, after: Any) -> bool:
    return bool(before != after)


LOOSER: dict[str, dict[str, Looser]] = {
    "currencies": {"code": _other, "rate": lambda before, after: bool(after and (not before or after < before))},
    "instruments": dict.fromkeys(("status", "restricted", "locate_required", "qty_min", "margin_ppm"), _less) | dict.fromkeys(("qty_max", "last_day"), _beyond),
    "accounts": {"status": _less, "broker": _other, "code": _other, "durability": _less},
    "venues": dict.fromkeys(("status", "cancel_on_disconnect", "durability"), _less),
    "strategies": dict.fromkeys(("max_age_ns", "deadman_ns"), _beyond) | dict.fromkeys(("desk", "desk_row", "uid"), _other) | {"cancel_on_detach": _less},
    "operators": {"status": _less, "role": lambda before, after: bool(after > before), "uid": _other, "public_key": _other, "name": _other},
}
"""Fields of which a change may allow more, and when it does, given the value before and after; the rule is the engine's, this only splits images."""
CLOSED: dict[str, dict[str, int]] = {
    "currencies": {"rate": 0},
    "instruments": {"status": _STATUS["HALTED"]},
    "accounts": {"status": _STATUS["HALTED"]},
    "venues": {"status": _STATUS["HALTED"]},
    "strategies": {"status": _STRATEGY_STATUS["DISABLED"]},
    "operators": {"status": _STATUS["HALTED"]},
    "margin_rates": {"status": _STATUS["HALTED"]},
}
"""What a new row is before it may be traded on."""
_COUNTS = {
    "orders": ("order_count",),
    "executions": ("execution_count",),
    "positions": ("position_count",),
    "breaks": ("break_count",),
    "scopes": ("scope_count", "scope_set_count"),
    "proposals": ("proposal_count",),
    "permissions": ("permission_count",),
    "operators": ("operator_count",),
    "margin_rates": ("margin_rate_count",),
    "parameters": ("parameter_count",),
    "accounts": ("cash_count",),
}
"""Tables that refuse something when they are full, so that what the engine decides depends on their size."""
_LEDGER_COUNTS = {"executions": ("event_count", "pick_count"), "lots": ("lot_count",)}
"""The same of the ledger's head."""
_ROWS = {
    "scope_set_count": CONSTANTS["SETS_OF_SCOPE"][0],
    "event_count": 2,
    "cash_count": CONSTANTS["CASH_OF_ACCOUNT"][0],
}  # for each that the setting names; of other tables as many
CONFIGURATION = "config"  # operator_name of what a configuration file sets
_DAYS_OF_CHANGE = 15  # of a HolidayChange
_HEADROOM = 8  # of a table that may still be enlarged, at least 1/8 is free


def images(config: Config) -> dict[str, list[dict[str, Any]]]:
    """The configured fields of every row, by table; row ids are ``id``. A list is an array of the record."""
    status = {"active": _STATUS["ACTIVE"], "halted": _STATUS["HALTED"]}
    return {
        "currencies": [{"id": c.id, "code": c.code, "rate": c.rate, "is_firm": int(c.is_firm), "status": status[c.status]} for c in config.currencies],
        "brokers": [{"id": b.id, "name": b.name, "status": status[b.status]} for b in config.brokers],
        "desks": [{"id": d.id, "name": d.name, "status": status[d.status]} for d in config.desks],
        "instruments": [_instrument(i) | {"status": status[i.status]} for i in config.instruments],
        "accounts": [
            {"id": a.id, "name": a.name, "code": a.code, "currency": a.currency, "durability": _DURABILITY[a.durability], "broker": a.broker}
            | {"method": _METHOD[a.cost_method.upper()]}
            | {"status": status[a.status]}
            for a in config.accounts
        ],
        "venues": [
            {"id": v.id, "name": v.name, "session": v.session.text, "durability": _DURABILITY[v.durability], "status": status[v.status]}
            | {"cancel_on_disconnect": int(v.cancel_on_disconnect)}
            | _capabilities(v.session.dialect)
            for v in config.venues
        ],
        "strategies": [
            {"id": s.id, "name": s.name, "desk": s.desk, "uid": s.uid, "max_age_ns": s.max_age_ms * 1_000_000, "cancel_on_detach": int(s.cancel_on_detach)}
            | {"deadman_ns": s.deadman_ms * 1_000_000, "desk_row": s.desk_row, "status": _STRATEGY_STATUS[s.status.upper()]}
            for s in config.strategies
        ],
        "routes": [
            {n: getattr(r, n) for n in ("id", "name", "instrument", "account", "venue", "strategy", "side", "qty_min", "qty_max", "from_s", "until_s")}
            | {"status": status[r.status]}
            for r in config.routes
        ],
    }


def _instrument(i: InstrumentConfig) -> dict[str, Any]:
    names = ("id", "symbol", "base", "quote", "tick", "lot", "qty_min", "qty_max", "multiplier", "price_digits", "qty_digits", "margin_ppm", "last_day")
    flags = {n: int(getattr(i, n)) for n in ("inverse", "settle_days", "restricted", "locate_required")}
    flags |= {"mark_side": _MARK[i.mark.upper()], "daily": int(i.variation_margin == "daily")}
    bands = [*i.bands, *[(0, 0)] * (_BANDS - len(i.bands))]
    arrays = {"band_px": [px for px, _ in bands], "band_tick": [tick for _, tick in bands]}
    return {n: getattr(i, n) for n in names} | flags | arrays | {"kind": _KIND[i.kind.upper()]}


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
    """The START command of an engine: epoch, trading day [YYYYMMDD], when the schedule has that begin, ClOrdID prefix and table sizes."""
    sizes = np.zeros(1, dtype("TableRows"))
    for name in LimitsConfig.__dataclass_fields__:
        sizes[0][name] = getattr(config.limits, name)
    sizes[0]["day_begins_ns"] = begins(config.instance.roll, day)
    return command("START", "engine start", epoch=epoch, day=day, prefix=config.instance.prefix.encode(), body=sizes[0])


def skip_outputs(venue: int, count: int, last_order: int) -> Any:
    """The command that skips the numbers of outputs which a gateway has and the journal lost; ``last_order`` is the last order_id that it has sent."""
    body = np.zeros(1, dtype("OrderAction"))
    body[0]["venue"], body[0]["order_id"], body[0]["execution"] = venue, count, last_order
    return command("SKIP_OUTPUTS", "the journal lost its end", body=body[0])


def roll_day(day: int, reason: str, begins_ns: int = 0) -> Any:
    """The command that begins a trading day [YYYYMMDD]; ``begins_ns``: when the schedule has it begin, 0 when there is none."""
    body = np.zeros(1, dtype("DayStart"))
    body[0]["day"], body[0]["begins_ns"] = day, begins_ns
    return command("ROLL_DAY", reason, day=day, body=body[0])


def changes(config: Config, rows: Rows, counts: Any, before: Config | None = None) -> list[Any]:
    """Return the commands that turn the tables into the configured ones, in an order in which each may be applied.

    Parameters
    ----------
    rows : callable
        Table name to its rows.
    counts : record EngineStatus
        How many rows of each table are in use.
    before : Config, optional
        The configuration in force: its limits that the new one no longer has are lifted. Without it only what the new one says is set, so that
        what operators have set since stays.

    Raises
    ------
    ConfigError
        If the file renumbers rows or changes what orders and positions depend on.
    """
    out: list[Any] = []
    opens: list[Any] = []
    staged = before is not None or bool(int(counts["intents"]) or int(counts["order_count"]))
    wanted = images(config)
    for table, record, key, fixed in _FIRST:
        used = int(counts[f"{key}_count"])
        have = rows(table)
        for image in wanted[table]:
            row = have[image["id"]] if image["id"] <= used else None
            if row is not None:
                _refuse_renumbering(config, key, image, row, fixed)
            first, then = _steps(table, record, image, row, staged)
            out += first
            opens += then
            if table == "strategies" and row is not None and int(row["unapproved"]):
                opens += _enable(image)
        for row_id in range(len(wanted[table]) + 1, used + 1):
            out += _halt(record, key, have[row_id])
    later = [*_holidays(config, rows), *_parameters(config, rows, counts), *_permissions(config, rows, counts), *_limits(config, rows, counts, before)]
    closed, opened = _margins(config, rows, counts, staged)
    first, then = _operators(config, rows, counts, staged)
    proposed = _proposed(rows, counts)
    return [c for c in (*out, *closed, *later, *first, *opens, *opened, *then) if _asked(c) not in proposed]


def _steps(table: str, record: str, image: dict[str, Any], row: Any, staged: bool) -> tuple[list[Any], list[Any]]:
    """The commands that bring a row to an image: what one person may, and what then waits for a second one."""
    kind, looser = _kind(record), LOOSER.get(table, {})
    if row is None:
        closed = CLOSED.get(table, {})
        if not staged or not closed or all(image[n] == v for n, v in closed.items()) or (table == "currencies" and image["id"] == 1):
            return [_define(record, image)], []
        then = _enable(image) if table == "strategies" else [_define(record, image)]
        return [_define(record, image | closed)], then
    have = {n: bytes(row[n]) if isinstance(value, bytes) else _plain(row[n]) for n, value in image.items()}
    if table == "strategies":
        have["status"] = image["status"]  # that of an existing strategy is the operators'
    if have == image:
        return [], []
    if not staged:
        return [_define(record, image)], []
    tight = image | {n: have[n] for n, is_looser in looser.items() if is_looser(have[n], image[n])}
    out = [_as_config(kind, _body_of(record, tight))] if tight != have else []
    return out, [_define(record, image)] if tight != image else []


def _enable(image: dict[str, Any]) -> list[Any]:
    """Have a strategy begin that one person has added: a second one must agree."""
    if image["status"] == _STRATEGY_STATUS["DISABLED"]:
        return []
    out = command("SET_STRATEGY", "configuration", strategy=image["id"], status=image["status"])
    out["operator_name"] = CONFIGURATION.encode()
    return [out]


def _body(row: Any) -> bytes:
    at = RECORDS["Control"].offsets["body"]
    return bytes(row.tobytes()[at : at + 256])


def _asked(c: Any) -> tuple[int, int, int, bytes]:
    return int(c["kind"]), int(c["strategy"]), int(c["status"]), _body(c)


def _proposed(rows: Rows, counts: Any) -> set[tuple[int, int, int, bytes]]:
    """What waits for a second operator already: asked once, not at every start."""
    at = RECORDS["Proposal"].offsets["body"]
    table = rows("proposals")[1 : int(counts["proposal_count"]) + 1]
    pending = [p for p in table if int(p["state"]) == ENUMS["ProposalState"].by_name["PENDING"]]
    return {(int(p["kind"]), int(p["strategy"]), int(p["status"]), p.tobytes()[at : at + 256]) for p in pending}


def _holidays(config: Config, rows: Rows) -> list[Any]:
    """The days of each currency that the file has and its calendar has not, and the other way around."""
    table = rows("calendars")
    out: list[Any] = []
    for c in config.currencies:
        known, wanted = holidays_of(table[c.id]), set(c.holidays)
        out += [*_holiday_changes(c.id, sorted(wanted - known), 1), *_holiday_changes(c.id, sorted(known - wanted), 0)]
    return out


def holidays_of(calendar: Any) -> set[int]:
    """The days [YYYYMMDD] of a row of ``calendars``."""
    bits = np.unpackbits(calendar["holidays"].astype("<u8").view(np.uint8), bitorder="little")
    return {int((HOLIDAYS_FROM + timedelta(int(n))).strftime("%Y%m%d")) for n in np.flatnonzero(bits)}


def _holiday_changes(currency: int, days: list[int], is_holiday: int) -> list[Any]:
    out = []
    for k in range(0, len(days), _DAYS_OF_CHANGE):
        body, some = np.zeros(1, dtype("HolidayChange")), days[k : k + _DAYS_OF_CHANGE]
        body[0]["currency"], body[0]["count"], body[0]["is_holiday"] = currency, len(some), is_holiday
        body[0]["days"][: len(some)] = some
        out.append(_as_config("DEFINE_HOLIDAYS", body[0]))
    return out


def _parameters(config: Config, rows: Rows, counts: Any) -> list[Any]:
    """What the file says of strategies' parameters and did not say before; one that it does not name any more keeps its value."""
    used = rows("parameters")[1 : int(counts["parameter_count"]) + 1]
    return [_as_config("SET_PARAMETER", body) for s in config.strategies for body in parameters.configured(used, s.id, s.parameters)]


def _permissions(config: Config, rows: Rows, counts: Any) -> list[Any]:
    """Grants keep the row of their name and strategy; one that is not configured any more is emptied. Withdrawals go before what is granted."""
    table, used = rows("permissions"), int(counts["permission_count"])
    known = {(_plain(p["name"]), int(p["strategy"])): int(p["id"]) for p in table[1 : used + 1] if int(p["id"])}
    takes: list[Any] = []
    gives: list[Any] = []
    for grant in config.permissions:
        row = known.pop((grant.name, grant.strategy), 0)
        if row == 0:
            used = row = used + 1
            gives += grant_changes(row, grant)
            continue
        have = _elements(table[row])
        for part, wanted in _wanted(grant).items():
            takes += [_permission(row, part, element, 0) for element in sorted(have[part] - wanted)]
            gives += [_permission(row, part, element, 1) for element in sorted(wanted - have[part])]
    for row in known.values():
        if any(_elements(table[row]).values()):
            takes.append(_permission(row, "STRATEGY", int(table[row]["strategy"]), 0))
    return takes + gives


def grant_changes(row: int, grant: PermissionConfig) -> list[Any]:
    """The commands that make a grant in a row that has none."""
    made = [_permission(row, "STRATEGY", grant.strategy, 1, grant.name)]
    return made + [_permission(row, part, element, 1) for part, elements in _wanted(grant).items() for element in sorted(elements)]


_PARTS = {"ACCOUNT": "accounts", "VENUE": "venues", "INSTRUMENT": "instruments", "ORD_TYPE": "ord_types", "TIME_IN_FORCE": "time_in_forces", "SHORT": "flags"}


def _wanted(grant: PermissionConfig) -> dict[str, set[int]]:
    out = {part: set(getattr(grant, name)) for part, name in _PARTS.items() if part != "SHORT"}
    return out | {"SHORT": {0} if grant.short else set()}


def _elements(row: Any) -> dict[str, set[int]]:
    """Elements of a grant's sets as configuration writes them: 0 is any."""
    out = {}
    for part, name in _PARTS.items():
        words = np.atleast_1d(row[name])
        width = words.dtype.itemsize * 8
        out[part] = {k * width + bit for k, word in enumerate(words) for bit in range(width) if int(word) >> bit & 1}
    return out


def _permission(row: int, part: str, element: int, grant: int, name: str = "") -> Any:
    body = np.zeros(1, dtype("PermissionChange"))
    body[0]["permission"], body[0]["part"], body[0]["grant"] = row, ENUMS["PermissionPart"].by_name[part], grant
    body[0]["value"], body[0]["name"] = element or CONSTANTS["ANY"][0], name.encode()
    return _as_config("SET_PERMISSION", body[0])


def _as_config(kind: str, body: Any) -> Any:
    out = command(kind, "configuration", body=body)
    out["operator_name"] = CONFIGURATION.encode()
    return out


def _limits(config: Config, rows: Rows, counts: Any, before: Config | None) -> list[Any]:
    scopes = {(int(s["kind"]), int(s["a"]), int(s["b"])): s["limits"] for s in rows("scopes")[1 : int(counts["scope_count"]) + 1]}
    wanted = {(x.kind, x.a, x.b, x.rule): x.value for x in config.model_limits}
    lifted = {(x.kind, x.a, x.b, x.rule): 0 for x in before.model_limits} if before else {}
    out = []
    for (kind, a, b, rule), value in (lifted | wanted).items():
        if int(scopes[kind, a, b][RULES[rule].number] if (kind, a, b) in scopes else 0) != value:
            out.append(limit_change(rule, (kind, a, b), value))
    return out


def limit_change(rule: str, scope: Place, value: int) -> Any:
    """The command that sets a limit of a scope, in the rule's unit; a locate is the limit of SHORT_SALE."""
    body = np.zeros(1, dtype("LimitChange"))
    body[0]["kind"], body[0]["a"], body[0]["b"] = scope
    body[0]["value"], body[0]["rule"] = value, RULES[rule].number
    return _as_config("SET_LOCATE" if rule == "SHORT_SALE" else "SET_LIMIT", body[0])


def _operators(config: Config, rows: Rows, counts: Any, staged: bool) -> tuple[list[Any], list[Any]]:
    """Operators keep the row of their uid; one that is not configured any more is halted. The owner's row comes first: the rest is judged by it."""
    table, used = rows("operators"), int(counts["operator_count"])
    known = {int(o["uid"]): int(o["id"]) for o in table[1 : used + 1]}
    out: list[Any] = []
    opens: list[Any] = []
    for o in config.operators:
        found = known.pop(o.uid, 0)
        if found == 0:
            used += 1
        image = {"id": found or used, "name": o.name, "uid": o.uid, "role": _ROLE[o.role.upper()], "status": _STATUS[o.status.upper()]}
        first, then = _steps("operators", "Operator", image | {"public_key": o.public_key.rstrip(b"\0")}, table[found] if found else None, staged)
        out += first
        opens += then
    return out + [c for row in known.values() for c in _halt("Operator", "operator", table[row])], opens


def _margins(config: Config, rows: Rows, counts: Any, staged: bool) -> tuple[list[Any], list[Any]]:
    """Rows of the schedule keep the row of what they are about; one that is not configured any more is halted. Whether a rate falls the engine judges.

    A new one takes a halted row, then a row that was never used, then one that would be halted now: a full table changes in place.
    """
    table, used = rows("margin_rates"), int(counts["margin_rate_count"])
    known = {tuple(int(r[n]) for n in margin_schedule.KEY): int(r["id"]) for r in table[1 : used + 1] if int(r["id"])}
    kept = {m.key for m in config.margins}
    left = [row for key, row in known.items() if key not in kept]
    halted = [row for row in left if int(table[row]["status"]) == _STATUS["HALTED"]]
    free = halted + list(range(used + 1, len(table))) + [row for row in left if row not in halted]
    taken: set[int] = set()
    out: list[Any] = []
    opens: list[Any] = []
    for m in config.margins:
        row = known.get(m.key, 0)
        if row == 0:
            if not free:
                raise ConfigError("margin", f"{len(config.margins)} tables", f"at most {len(table) - 1}, as limits.margin_rates says", config.source.name)
            row = free.pop(0)
        taken.add(row)
        image = margin_schedule.image(row, m)
        first, then = _steps("margin_rates", "MarginRate", image, table[row] if row <= used else None, staged)
        out += first
        opens += then
    for c in (c for row in left if row not in taken for c in _halt("MarginRate", "margin", table[row])):
        c["operator_name"] = CONFIGURATION.encode()  # a row less can be a lower rate, which the first configuration may set alone
        out.append(c)
    return out, opens


def check_sizes(config: Config, recorded: Any, table: Rows) -> None:
    """Refuse table sizes with which a replay would decide otherwise than the live engine did; ``table`` gives the recovered state's.

    Raises
    ------
    ConfigError
        If a table shrinks, or grows although it may have been full.
    """
    counts, ledger = table("engine")[1], table("ledger")[1]
    for name in LimitsConfig.__dataclass_fields__:
        now, before = getattr(config.limits, name), int(getattr(recorded, name))
        if now < before:
            raise ConfigError(f"limits.{name}", now, f"{before} or more: the journal was written with {before}", config.source.name)
        filled = [(c, counts) for c in _COUNTS.get(name, ())] + [(c, ledger) for c in _LEDGER_COUNTS.get(name, ())]
        used = max((-(-int(head[c]) // _ROWS.get(c, 1)) for c, head in filled), default=0)
        if now > before and used > before - before // _HEADROOM:
            raise ConfigError(f"limits.{name}", now, f"{before}: that table is nearly full and the journal depends on its size", config.source.name)


def _refuse_renumbering(config: Config, key: str, image: dict[str, Any], row: Any, fixed: tuple[str, ...]) -> None:
    for name in fixed:
        if (was := _plain(row[name])) != image[name]:
            rule = "rows keep their order and scale for the life of a journal; append new ones, halt old ones"
            raise ConfigError(f"{key}[{image['id']}].{name}", image[name], f"{was!r}, as in the journal ({rule})", config.source.name)


def _body_of(record: str, image: dict[str, Any]) -> Any:
    body = np.zeros(1, dtype(record))
    for name, value in image.items():
        body[0][name] = value.encode() if isinstance(value, str) else value
    return body[0]


def _kind(record: str) -> str:
    return "DEFINE_MARGIN" if record == "MarginRate" else f"DEFINE_{record.upper()}"


def _define(record: str, image: dict[str, Any]) -> Any:
    return _as_config(_kind(record), _body_of(record, image))


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
    return [command(_kind(record), "not configured any more", body=body[0])]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [int(v) for v in value]
    return value.decode("ascii", "replace") if isinstance(value, bytes) else int(value)
