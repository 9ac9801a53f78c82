"""Definitions by the rules: which image of a row allows more than the row does, so that a second operator must agree first.

    DEFINE_* body ──▶ the last image of its row that was applied (Model.images) ──▶ allows more, or not

Written from docs/operations.md (new rows), docs/architecture.md (Authority) and docs/configuration.md. A row that is new allows nothing while it is closed.
Reads the Model alone; nothing here fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation.oracle_model import Model
from ringfence.tools.simulation.oracle_records import picker

ACTIVE = ENUMS["Status"].by_name["ACTIVE"]
DISABLED = ENUMS["StrategyStatus"].by_name["DISABLED"]
ROLE = ENUMS["OperatorRole"].by_name
Image = dict[str, Any]
_FIELDS = {
    "DEFINE_INSTRUMENT": (
        "Instrument",
        *("base", "quote", "qty_min", "qty_max", "multiplier", "id", "status", "kind", "margin_ppm", "last_day", "inverse", "restricted", "locate_required"),
    ),
    "DEFINE_ACCOUNT": ("Account", "code", "id", "status", "broker"),
    "DEFINE_VENUE": ("Venue", "id", "status", "cancel_on_disconnect"),
    "DEFINE_STRATEGY": ("Strategy", "max_age_ns", "uid", "id", "status", "cancel_on_detach", "desk_row", "deadman_ns"),
    "DEFINE_CURRENCY": ("Currency", "rate", "id"),
    "DEFINE_OPERATOR": ("Operator", "name", "public_key", "uid", "id", "role", "status"),
    "DEFINE_ROUTE": ("Route", "id"),
    "DEFINE_BROKER": ("Broker", "id"),
    "DEFINE_DESK": ("Desk", "id"),
}
_PICK = {what: (names, picker(record, *names)) for what, (record, *names) in _FIELDS.items()}


def image_of(what: str, body: bytes) -> Image:
    names, pick = _PICK[what]
    return dict(zip(names, pick.unpack_from(body), strict=True))


def place_of(what: str, body: bytes) -> tuple[str, int]:
    """The row that an image is of."""
    return what, int(image_of(what, body)["id"])


def note(m: Model, what: str, body: bytes, added: bool) -> None:
    """An image was applied; ``added``: by one person to an instance that trades, so that a new strategy waits for a second one."""
    place = place_of(what, body)
    image = image_of(what, body)
    if what == "DEFINE_STRATEGY" and added and place not in m.images:
        m.strategies[place[1]].unapproved = True
    if what == "DEFINE_OPERATOR" and image["status"] == ACTIVE:
        m.highest_role[place[1]] = max(m.highest_role.get(place[1], 0), image["role"])
    m.images[place] = body


def allows_more(m: Model, what: str, body: bytes, uid: int) -> bool:
    """Whether an image would allow more than its row does now."""
    new = image_of(what, body)
    known = m.images.get(place_of(what, body))
    old = image_of(what, known) if known is not None else None
    judge = _JUDGES.get(what)
    return judge is not None and judge(m, old, new, uid)


def _bound_moved_out(before: int, after: int) -> bool:
    """0 is no bound."""
    return before != 0 and (after == 0 or after > before)


def _opened(old: Image | None, new: Image) -> bool:
    return bool(new["status"] == ACTIVE and (old is None or old["status"] != ACTIVE))


def _instrument(_m: Model, old: Image | None, new: Image, _uid: int) -> bool:
    if old is None or _opened(old, new):
        return bool(new["status"] == ACTIVE)
    freed = any(old[flag] and not new[flag] for flag in ("restricted", "locate_required"))
    wider = any(_bound_moved_out(old[n], new[n]) for n in ("qty_max", "last_day")) or any(new[n] < old[n] for n in ("qty_min", "margin_ppm"))
    return freed or wider or any(old[n] != new[n] for n in ("base", "quote", "multiplier", "kind", "inverse"))


def _account(_m: Model, old: Image | None, new: Image, _uid: int) -> bool:
    return _opened(old, new) or (old is not None and (old["code"], old["broker"]) != (new["code"], new["broker"]))


def _venue(_m: Model, old: Image | None, new: Image, _uid: int) -> bool:
    return _opened(old, new) or (old is not None and bool(old["cancel_on_disconnect"]) and not new["cancel_on_disconnect"])


def _strategy(_m: Model, old: Image | None, new: Image, _uid: int) -> bool:
    if old is None:
        return bool(new["status"] < DISABLED)
    kept = bool(old["cancel_on_detach"]) and not new["cancel_on_detach"]
    return kept or (old["desk_row"], old["uid"]) != (new["desk_row"], new["uid"]) or any(_bound_moved_out(old[n], new[n]) for n in ("max_age_ns", "deadman_ns"))


def _currency(_m: Model, old: Image | None, new: Image, _uid: int) -> bool:
    if old is None:
        return bool(new["rate"] and new["id"] != 1)  # row 1 is the firm's own
    return bool(new["rate"] and new["rate"] != old["rate"] and (old["rate"] == 0 or new["rate"] < old["rate"]))


def _operator(m: Model, old: Image | None, new: Image, uid: int) -> bool:
    others = (row for row, (known, _, _) in m.operators.items() if known != uid)
    if new["status"] != ACTIVE or new["role"] < ROLE["TRADER"] or all(m.highest_role.get(row, 0) < ROLE["RISK"] for row in others):
        return False
    if old is None or _opened(old, new):
        return True
    return bool(new["role"] > old["role"] or any(old[n] != new[n] for n in ("uid", "public_key", "name")))


_JUDGES: dict[str, Callable[[Model, Image | None, Image, int], bool]] = {
    "DEFINE_INSTRUMENT": _instrument,
    "DEFINE_ACCOUNT": _account,
    "DEFINE_VENUE": _venue,
    "DEFINE_STRATEGY": _strategy,
    "DEFINE_CURRENCY": _currency,
    "DEFINE_OPERATOR": _operator,
}
