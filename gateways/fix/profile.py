"""What a venue's FIX differs in, as data: one TOML file a venue, every mistake named by key, value and what is allowed.

    profiles/default.toml ◀──overlays── profiles/NAME.toml or the operator's own file ──load──▶ Profile ──▶ dialect.pyx, one flat C struct

A venue's file states only what differs from ``default.toml``; a table named after a BeginString holds for that version only. Nothing here is code: what a file
cannot say is refused, and an order that needs what the venue has not is answered, never changed into another one.
Rejected: classes per venue (a dialect must be readable by who certifies it), defaults in Python (the file shows them).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from ringfence.gateways.errors import SessionError
from ringfence.gateways.keys import Keys, SpecError
from ringfence.ipc.schema import CONSTANTS, ENUMS

BEGIN_STRINGS = ("FIX.4.2", "FIX.4.4")
ORD_TYPES = tuple(n.lower() for n in ENUMS["OrdType"].by_name)
TIME_IN_FORCES = tuple(n.lower() for n in ENUMS["TimeInForce"].by_name)
CONSTANT_TYPES = ("D", "F", "G", "H", "Q", "q", "AF")
CONSTANT_BYTES_MAX = 120
ID_BYTES_MAX = 24  # of Symbol(55) in our records
SEPARATOR = "/"
POST_ONLY = CONSTANTS["INSTRUCTION_POST_ONLY"][0]
MASS_CANCEL = CONSTANTS["INSTRUCTION_MASS_CANCEL"][0]
_FIELD = re.compile(r"([1-9]\d{0,5})=([!-~]{1,32})")


@dataclass(frozen=True)
class Profile:
    """A venue's dialect of one FIX version; the meaning of each field is beside its key in ``profiles/default.toml``."""

    name: str
    begin_string: str
    about: str
    ord_types: tuple[str, ...]
    time_in_forces: tuple[str, ...]
    expire: str
    post_only: str
    display_qty: int
    max_age_s: int
    cl_ord_id_max: int
    symbol_tag: int
    separator: str
    names: tuple[tuple[str, str], ...]
    account: bool
    handl_inst: str
    order_id: bool
    cancel_qty: bool
    time_places: int
    constants: tuple[tuple[str, tuple[str, ...]], ...]
    status: str
    mass_cancel: bool
    dont_know: bool

    @property
    def ord_types_mask(self) -> int:
        """Bit ``1 << OrdType`` of each order type taken."""
        return sum(1 << ENUMS["OrdType"].by_name[n.upper()] for n in self.ord_types)

    @property
    def time_in_forces_mask(self) -> int:
        """Bit ``1 << TimeInForce`` of each time in force taken."""
        return sum(1 << ENUMS["TimeInForce"].by_name[n.upper()] for n in self.time_in_forces)

    @property
    def instructions_mask(self) -> int:
        """``INSTRUCTION_*`` bits that the venue has."""
        return (POST_ONLY if self.post_only else 0) | (MASS_CANCEL if self.mass_cancel else 0)

    def symbol(self, ours: str) -> str:
        """The venue's text for one of our symbols."""
        for name, theirs in self.names:
            if name == ours:
                return theirs
        return ours if self.separator == "keep" else ours.replace(SEPARATOR, self.separator)

    def symbols(self, ours: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """Pairs of our symbol and the venue's; empty when all are the same.

        Raises
        ------
        SessionError
            Two of ours are one at the venue, or its text is too long.
        """
        pairs = tuple((s, self.symbol(s)) for s in ours)
        seen: dict[str, str] = {}
        for own, theirs in pairs:
            if theirs in seen:
                raise SessionError(
                    f"fix_profile {self.name}: {seen[theirs]!r} and {own!r} are both {theirs!r} at the venue; give one another name in [symbol.names]"
                )
            if not 0 < len(theirs) <= ID_BYTES_MAX:
                raise SessionError(f"fix_profile {self.name}: {own!r} is {theirs!r} at the venue; use 1 to {ID_BYTES_MAX} characters")
            seen[theirs] = own
        return pairs if any(own != theirs for own, theirs in pairs) else ()

    def check_ids(self, length: int) -> None:
        """Refuse a venue whose ClOrdID(11) is shorter than ours.

        Raises
        ------
        SessionError
            It is.
        """
        if length > self.cl_ord_id_max:
            raise SessionError(
                f"fix_profile {self.name}: ids.cl_ord_id_max is {self.cl_ord_id_max}, our ClOrdIDs have {length} characters; this venue cannot be used"
            )


def names() -> tuple[str, ...]:
    """Names of the dialects that come with Ringfence."""
    return tuple(sorted(p.name.removesuffix(".toml") for p in resources.files("ringfence.gateways.fix.profiles").iterdir() if p.name.endswith(".toml")))


def load(profile: str = "default", begin_string: str = "FIX.4.2", base: Path | None = None) -> Profile:
    """Read a dialect.

    Parameters
    ----------
    profile : str
        A name that comes with Ringfence (``names()``), or the path of a file that ends in ``.toml``.
    begin_string : str
        The version that the session speaks.
    base : Path, optional
        Directory that a relative path is relative to.

    Raises
    ------
    SessionError
        There is no such dialect, it does not exist in this version, or a key of its file is unknown or wrong.
    """
    try:
        raw = merge(_versioned(_read("default", None), begin_string), _versioned(_read(profile, base), begin_string))
        return _profile(Path(profile).stem if profile.endswith(".toml") else profile, begin_string, raw)
    except SpecError as error:
        raise SessionError(str(error)) from error


def _read(profile: str, base: Path | None) -> dict[str, Any]:
    if profile.endswith(".toml"):
        path = (base or Path()) / Path(profile).expanduser()
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SessionError(f"fix_profile {profile}: cannot read {path}: {error}") from error
    elif profile in names():
        text = resources.files("ringfence.gateways.fix.profiles").joinpath(f"{profile}.toml").read_text(encoding="utf-8")
    else:
        raise SessionError(f"fix_profile was {profile!r}; use {', '.join(names())} or the path of a .toml file")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SessionError(f"fix_profile {profile}: not valid TOML: {error}") from error


def _versioned(raw: dict[str, Any], begin_string: str) -> dict[str, Any]:
    """The file with the table of its version laid over it."""
    own = raw.get(begin_string, {})
    if not isinstance(own, dict):
        raise SpecError(f'profile."{begin_string}": {own!r} is not allowed; it must be a table')
    return merge({k: v for k, v in raw.items() if k not in BEGIN_STRINGS}, own)


def merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Lay one table over another; tables inside are merged, everything else is replaced."""
    out = dict(under)
    for key, value in over.items():
        out[key] = merge(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


def _profile(name: str, begin_string: str, raw: dict[str, Any]) -> Profile:
    keys = Keys(raw, f"fix_profile {name}")
    versions = _words(keys, "begin_strings", BEGIN_STRINGS)
    if begin_string not in versions:
        raise SessionError(f"fix_profile {name}: begin_strings is {', '.join(versions)}; the session's begin_string {begin_string} is not among them")
    part = {table: Keys(keys.get(table), f"fix_profile {name}.{table}") for table in ("orders", "ids", "symbol", "tags", "constants", "requests")}
    orders, symbol, tags, requests = part["orders"], part["symbol"], part["tags"], part["requests"]
    own_names = Keys(symbol.get("names", {}), f"{symbol.where}.names")
    out = Profile(
        name=name,
        begin_string=begin_string,
        about=keys.text("about"),
        ord_types=_words(orders, "ord_types", ORD_TYPES),
        time_in_forces=_words(orders, "time_in_forces", TIME_IN_FORCES),
        expire=orders.choice("expire", ("time", "date")),
        post_only=_field(orders, "post_only", orders.text("post_only", ""), empty=True),
        display_qty=_one_of(orders, "display_qty", (0, 111, 210, 1138)),
        max_age_s=orders.integer("max_age_s", 0, 86_400),
        cl_ord_id_max=part["ids"].integer("cl_ord_id_max", 1, 255),
        symbol_tag=_one_of(symbol, "tag", (55, 48)),
        separator=symbol.choice("separator", ("keep", "", "-", ".", "_")),
        names=tuple((ours, own_names.text(ours)) for ours in own_names.raw),
        account=tags.flag("account", True),
        handl_inst=tags.choice("handl_inst", ("", "1", "2", "3")),
        order_id=tags.flag("order_id", True),
        cancel_qty=tags.flag("cancel_qty", True),
        time_places=_one_of(tags, "time_places", (0, 3, 6, 9)),
        constants=_constants(part["constants"]),
        status=requests.choice("status", ("H", "AF", "none")),
        mass_cancel=requests.flag("mass_cancel", False),
        dont_know=requests.flag("dont_know", True),
    )
    for table in (keys, own_names, *part.values()):
        table.done()
    _check_version(keys, out)
    return out


def _check_version(keys: Keys, p: Profile) -> None:
    """What FIX 4.2 has not, or cannot be without."""
    if p.begin_string != "FIX.4.2":
        return
    for wrong, what in (
        (p.status == "AF", 'requests.status: "AF" (OrderMassStatusRequest)'),
        (p.mass_cancel, "requests.mass_cancel: true (OrderMassCancelRequest)"),
        (p.display_qty == 1138, "orders.display_qty: 1138 (DisplayQty)"),
    ):
        if wrong:
            raise SpecError(f'{keys.where}.{what} is not in FIX.4.2; say it under ["FIX.4.4"]')
    if not p.handl_inst:
        raise SpecError(f"{keys.where}.tags.handl_inst: '' is not allowed; FIX.4.2 requires HandlInst(21): 1, 2 or 3")


def _words(keys: Keys, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    value = keys.get(key)
    if not isinstance(value, list) or not value or any(v not in allowed for v in value) or len(set(value)) != len(value):
        raise keys.fail(key, "a list of some of " + ", ".join(allowed))
    return tuple(value)


def _one_of(keys: Keys, key: str, allowed: tuple[int, ...]) -> int:
    value = keys.get(key)
    if isinstance(value, bool) or value not in allowed:
        raise keys.fail(key, "one of " + ", ".join(map(str, allowed)))
    return int(value)


def _field(keys: Keys, key: str, text: Any, empty: bool = False) -> str:
    if not isinstance(text, str) or not (_FIELD.fullmatch(text) or (empty and not text)):
        raise keys.fail(key, 'a field such as "18=6": tag, "=", 1 to 32 characters' + (', or ""' if empty else ""))
    return text


def _constants(keys: Keys) -> tuple[tuple[str, tuple[str, ...]], ...]:
    out = []
    for msg_type in keys.raw:
        if msg_type not in CONSTANT_TYPES:
            raise SpecError(f"{keys.where}.{msg_type}: no message that we send; use {', '.join(CONSTANT_TYPES)}")
        value = keys.get(msg_type)
        if not isinstance(value, list):
            raise keys.fail(msg_type, 'a list of fields such as ["22=8"]')
        texts = tuple(_field(keys, msg_type, text) for text in value)
        if sum(len(t) + 1 for t in texts) > CONSTANT_BYTES_MAX:
            raise keys.fail(msg_type, f"at most {CONSTANT_BYTES_MAX} characters in all, separators included")
        out.append((msg_type, texts))
    return tuple(out)
