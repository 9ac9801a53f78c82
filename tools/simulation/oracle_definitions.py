"""Definitions by the rules: what a row image makes of the objects that a firm trades with, and when it allows more than the row did.

    DEFINE_* body ─▶ define(): instruments, accounts, venues, strategies, routes, operators of the Model       widens(): whether a second operator must agree

Written from core/definitions' own words: an object that is opened, or whose bounds are taken back, allows more; what describes the market, chooses among what
is granted or only groups does not. The last image of each row is kept, to compare the next with. Reads and writes the Model alone; nothing here fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation import oracle_margin, oracle_records
from ringfence.tools.simulation.oracle_model import Instrument, Model, Route, Strategy, Venue
from ringfence.tools.simulation.oracle_records import BIT, text_of

ACTIVE = ENUMS["Status"].by_name["ACTIVE"]
STATUSES = ENUMS["Status"].by_value
STRATEGY_STATUS = ENUMS["StrategyStatus"]
ROLE = ENUMS["OperatorRole"]
DIGITS_MAX = 18
_RECORDS = {f"DEFINE_{name.upper()}": name for name in ("Currency", "Broker", "Desk", "Instrument", "Account", "Venue", "Strategy", "Route", "Operator")}
_RECORDS["DEFINE_MARGIN"] = "MarginRate"
KINDS = frozenset(_RECORDS)


def row_of(what: str, body: bytes) -> int:
    """The row that an image is of."""
    return int(field_of(what, body, "id"))


def field_of(what: str, body: bytes, name: str) -> Any:
    """A field of an image."""
    (value,) = oracle_records.picker(_RECORDS[what], name).unpack_from(body)
    return value


def define(m: Model, what: str, body: bytes) -> bool:
    """Put the image into its row; False when it cannot be."""
    done = _DEFINE.get(what, _beside_orders)(m, body)
    if done:
        m.images[what, row_of(what, body)] = body
    return done


def is_in_currency(m: Model, instrument: int, currency: int) -> bool:
    """Whether an instrument is traded for the currency, or quoted in it."""
    image, money = m.images.get(("DEFINE_INSTRUMENT", instrument)), m.images.get(("DEFINE_CURRENCY", currency))
    if image is None or money is None:
        return False
    code = text_of(field_of("DEFINE_CURRENCY", money, "code"))
    return code in [text_of(field_of("DEFINE_INSTRUMENT", image, side)) for side in ("base", "quote")]


def is_new(m: Model, what: str, body: bytes) -> bool:
    return (what, row_of(what, body)) not in m.images


def _instrument(m: Model, body: bytes) -> bool:
    symbol, tick, lot, qty_min, qty_max, row, price_digits, qty_digits, status = oracle_records.INSTRUMENT.unpack_from(body)
    if not 0 < row < m.capacity.get("instruments", 1 << 32) or tick <= 0 or lot <= 0 or status not in STATUSES or not text_of(symbol):
        return False
    if max(price_digits, qty_digits) > DIGITS_MAX or qty_min < 0 or qty_max < 0:
        return False
    known = m.instruments.get(row)
    if known is not None and (known.price_digits, known.qty_digits) != (price_digits, qty_digits) and _is_used(m, row):
        return False
    m.instruments[row] = Instrument(text_of(symbol), tick, lot, qty_min, qty_max, price_digits, qty_digits, status == ACTIVE)
    return True


def _is_used(m: Model, instrument: int) -> bool:
    return any(o.instrument == instrument for o in m.orders) or any(x.position[2] == instrument for x in m.execution_rows)


def _account(m: Model, body: bytes) -> bool:
    row, status, durability = oracle_records.ACCOUNT.unpack_from(body)
    if not 0 < row < m.capacity.get("accounts", 1 << 32) or status not in STATUSES or durability > BIT["DURABILITY_REPLICATED"]:
        return False
    m.accounts[row] = status == ACTIVE
    return True


def _venue(m: Model, body: bytes) -> bool:
    row, status, durability, ord_types, time_in_forces, instructions = oracle_records.VENUE.unpack_from(body)
    if not 0 < row < m.capacity.get("venues", 1 << 32) or status not in STATUSES or durability > BIT["DURABILITY_REPLICATED"]:
        return False
    v = m.venues.setdefault(row, Venue(False, 0, 0, 0))
    v.active, v.ord_types, v.time_in_forces, v.instructions = status == ACTIVE, ord_types, time_in_forces, instructions
    return True


def _strategy(m: Model, body: bytes) -> bool:
    max_age_ns, row, status, cancel_on_detach = oracle_records.STRATEGY.unpack_from(body)
    if not 0 < row < m.capacity.get("strategies", 1 << 32) or status not in STRATEGY_STATUS.by_value:
        return False
    s = m.strategies.setdefault(row, Strategy(max_age_ns, status, cancel_on_detach != 0))
    s.max_age_ns, s.cancel_on_detach = max_age_ns, cancel_on_detach != 0
    return True


def _route(m: Model, body: bytes) -> bool:
    instrument, account, venue, row, status = oracle_records.ROUTE.unpack_from(body)
    if not 0 < row < m.capacity.get("routes", 1 << 32) or not venue or status not in STATUSES or venue >= m.capacity.get("venues", 1 << 32):
        return False
    m.routes[row] = Route(instrument, account, venue, status == ACTIVE)
    return True


def _operator(m: Model, body: bytes) -> bool:
    uid, row, role, status = oracle_records.OPERATOR.unpack_from(body)
    if not 0 < row < m.capacity.get("operators", 1 << 32) or status not in STATUSES or role not in ROLE.by_value:
        return False
    if any(known == uid or _shares_key(m, other, body) for other, (known, _, _) in m.operators.items() if other != row):
        return False
    m.operators[row] = uid, role, status == ACTIVE
    if status == ACTIVE:
        m.highest_roles[row] = max(m.highest_roles.get(row, 0), role)
    return True


def _shares_key(m: Model, other: int, body: bytes) -> bool:
    key = field_of("DEFINE_OPERATOR", body, "public_key")
    return bool(key.strip(b"\0")) and key == field_of("DEFINE_OPERATOR", m.images["DEFINE_OPERATOR", other], "public_key")


def _beside_orders(_m: Model, _body: bytes) -> bool:
    """What these define the oracle does not follow: a run has none but the firm's currency, and two that no instrument is in."""
    return True


_DEFINE: dict[str, Callable[[Model, bytes], bool]] = {
    "DEFINE_INSTRUMENT": _instrument,
    "DEFINE_ACCOUNT": _account,
    "DEFINE_VENUE": _venue,
    "DEFINE_STRATEGY": _strategy,
    "DEFINE_ROUTE": _route,
    "DEFINE_OPERATOR": _operator,
    "DEFINE_MARGIN": oracle_margin.can_be,
}


# ---- what allows more ------------------------------------------------------------------------------------------------------------

# Fields that a second operator must agree to: any change; a change away from set; a bound that moves out (0 is none); one that gets lower.
_ANY_CHANGE = {
    "DEFINE_INSTRUMENT": ("multiplier", "kind", "inverse", "base", "quote", "symbol", "price_digits", "qty_digits"),
    "DEFINE_ACCOUNT": ("broker", "code"),
    "DEFINE_STRATEGY": ("desk_row", "uid"),
}
_TAKEN_BACK = {
    "DEFINE_INSTRUMENT": ("restricted", "locate_required"),
    "DEFINE_VENUE": ("cancel_on_disconnect",),
    "DEFINE_STRATEGY": ("cancel_on_detach",),
}
_BOUNDS = {"DEFINE_INSTRUMENT": ("qty_max", "last_day"), "DEFINE_STRATEGY": ("max_age_ns", "deadman_ns")}
_OWN_RATE = {"DEFINE_INSTRUMENT": ("margin_ppm",)}
_LOWER = {"DEFINE_INSTRUMENT": ("qty_min",), "DEFINE_ACCOUNT": ("durability",), "DEFINE_VENUE": ("durability",)}
_OPENED = frozenset({"DEFINE_INSTRUMENT", "DEFINE_ACCOUNT", "DEFINE_VENUE"})


def widens(m: Model, what: str, body: bytes, uid: int) -> bool:
    """Whether the image allows more than its row does now; ``uid`` is who asks."""
    if what == "DEFINE_OPERATOR":
        return _widens_operator(m, body, uid)
    if what == "DEFINE_CURRENCY":
        return _widens_currency(m, body)
    if what == "DEFINE_MARGIN":
        return oracle_margin.lowers(m, body)
    before = m.images.get((what, row_of(what, body)))
    if before is None:
        if what == "DEFINE_STRATEGY":
            return bool(field_of(what, body, "status") < STRATEGY_STATUS.by_name["DISABLED"])
        return what in _OPENED and field_of(what, body, "status") == ACTIVE
    if what in _OPENED and field_of(what, body, "status") == ACTIVE != field_of(what, before, "status"):
        return True

    def pairs(table: Mapping[str, tuple[str, ...]]) -> list[tuple[Any, Any]]:
        return [(field_of(what, before, name), field_of(what, body, name)) for name in table.get(what, ())]

    if any(oracle_margin.lowers_own(m, old, new) for old, new in pairs(_OWN_RATE)):
        return True
    changed = any(old != new for old, new in pairs(_ANY_CHANGE)) or any(old and not new for old, new in pairs(_TAKEN_BACK))
    return changed or any(old and (not new or new > old) for old, new in pairs(_BOUNDS)) or any(new < old for old, new in pairs(_LOWER))


def _widens_currency(m: Model, body: bytes) -> bool:
    row, rate = row_of("DEFINE_CURRENCY", body), field_of("DEFINE_CURRENCY", body, "rate")
    before = m.images.get(("DEFINE_CURRENCY", row))
    if before is None:
        return bool(rate) and row != 1
    old = field_of("DEFINE_CURRENCY", before, "rate")
    if field_of("DEFINE_CURRENCY", before, "code") != field_of("DEFINE_CURRENCY", body, "code"):
        return True
    return bool(rate) and rate != old and (not old or rate < old or _weighs(m))


def _weighs(m: Model) -> bool:
    """Whether equity is judged: a FREE_MARGIN limit was set once."""
    return any(rule == "FREE_MARGIN" for _, rule in m.limits)


def _widens_operator(m: Model, body: bytes, uid: int) -> bool:
    """Not while there never was another who could approve."""
    of, row, role, status = oracle_records.OPERATOR.unpack_from(body)
    if is_alone(m, uid):
        return False
    known = m.operators.get(row)
    if known is not None and of != known[0]:
        return True
    before = m.images.get(("DEFINE_OPERATOR", row))
    if before is not None and any(field_of("DEFINE_OPERATOR", before, name) != field_of("DEFINE_OPERATOR", body, name) for name in ("public_key", "name")):
        return True
    return status == ACTIVE and role >= ROLE.by_name["TRADER"] and (known is None or not known[2] or role > known[1])


def is_alone(m: Model, uid: int) -> bool:
    """Whether there never was another who could approve."""
    return not any(known != uid and m.highest_roles.get(r, 0) >= ROLE.by_name["RISK"] for r, (known, _, _) in m.operators.items())
