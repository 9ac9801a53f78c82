"""The data dictionaries as Python sees them: read from ``dictionaries/*.toml``, checked, components put in their places.

    FIX42.toml, FIX44.toml ──declared──▶ Declaration: fields, messages, header, trailer ──dictionary.pyx──▶ flat tables for the validator

The files are our own declaration of the two versions; a venue's custom tags come from its configuration and may stand in any message.
What can fail: a file that contradicts itself (an undeclared field, a tag or member twice, an unknown type) raises FixError with name and place.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from ringfence.gateways.errors import FixError

FILES = {"FIX.4.2": "FIX42.toml", "FIX.4.4": "FIX44.toml"}
TYPES = {
    "TEXT": ("STRING", "DATA", "CURRENCY", "EXCHANGE", "COUNTRY"),
    "CHAR": ("CHAR",),
    "INT": ("INT", "LENGTH", "SEQNUM", "NUMINGROUP"),
    "FLOAT": ("FLOAT", "PRICE", "PRICEOFFSET", "QTY", "AMT", "PERCENTAGE"),
    "BOOLEAN": ("BOOLEAN",),
    "TIMESTAMP": ("UTCTIMESTAMP",),
    "TIME": ("UTCTIMEONLY",),
    "DATE": ("UTCDATE", "UTCDATEONLY", "LOCALMKTDATE"),
    "MONTH": ("MONTHYEAR",),
    "DAY": ("DAYOFMONTH",),
    "MULTIPLE": ("MULTIPLEVALUESTRING",),
}
CLASS_OF = {name: kind for kind, names in TYPES.items() for name in names}
VALUE_BYTES_MAX = 16
TAG_MAX = 999_999_999
_TOKEN = re.compile(r"@?\w+|[!()]|(\S)")


@dataclass(frozen=True)
class Field:
    """A field: ``type`` as the specification names it; ``values`` maps an enumerated value to its name, empty when any value goes."""

    tag: int
    name: str
    type: str
    values: dict[bytes, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """A field's place in a header, message or group; ``group`` holds the members that a count counts, its delimiter first."""

    tag: int
    required: bool
    group: tuple[Member, ...] = ()


def tags_of(members: tuple[Member, ...]) -> Iterator[int]:
    """Every tag of these members and of their groups."""
    for m in members:
        yield m.tag
        yield from tags_of(m.group)


@dataclass(frozen=True)
class Message:
    """A message type; ``members`` is its body."""

    msg_type: bytes
    name: str
    members: tuple[Member, ...]

    @property
    def groups(self) -> dict[int, frozenset[int]]:
        """Tag of a group's count to every tag inside it, those of nested groups included."""
        out: dict[int, frozenset[int]] = {}

        def visit(members: tuple[Member, ...]) -> None:
            for m in members:
                if m.group:
                    out[m.tag] = frozenset(tags_of(m.group))
                    visit(m.group)

        visit(self.members)
        return out


@dataclass(frozen=True)
class Declaration:
    """One FIX version."""

    begin_string: str
    fields: dict[int, Field]
    messages: dict[bytes, Message]
    header: tuple[Member, ...]
    trailer: tuple[Member, ...]
    custom: frozenset[int] = frozenset()


class _Reader:
    """Turns the texts of one file into members."""

    def __init__(self, source: str, data: Mapping[str, Any]) -> None:
        self.source = source
        self.components: dict[str, str] = data.get("components", {})
        self.fields = {f.tag: f for f in (self.field(tag, text) for tag, text in data["fields"].items())}
        self.tags = {f.name: f.tag for f in self.fields.values()}
        if len(self.tags) != len(self.fields):
            raise FixError(f"{source}: two tags share a name; rename one")

    def field(self, tag: str, text: str) -> Field:
        name, kind, *values = text.split()
        if kind not in CLASS_OF:
            raise FixError(f"{self.source}: field {tag} has type {kind!r}; use one of {', '.join(sorted(CLASS_OF))}")
        pairs = [v.partition("=") for v in values]
        if any(not label or len(value) > VALUE_BYTES_MAX for value, _, label in pairs):
            raise FixError(f"{self.source}: field {tag} ({name}): each value is VALUE=Name, of at most {VALUE_BYTES_MAX} characters")
        return Field(int(tag), name, kind, {value.encode("ascii"): label for value, _, label in pairs})

    def members(self, text: str, place: str) -> tuple[Member, ...]:
        tokens = [m[0] for m in _TOKEN.finditer(text)]
        out, at = self._sequence(tokens, 0, place, True)
        if at != len(tokens):
            raise FixError(f"{self.source}: {place}: a ')' without its '('")
        return out

    def _sequence(self, tokens: list[str], at: int, place: str, required: bool) -> tuple[tuple[Member, ...], int]:
        """Members up to the closing parenthesis; ``required`` False takes the mark from all, as in a component that is optional."""
        out: list[Member] = []
        while at < len(tokens) and tokens[at] != ")":
            name = tokens[at]
            must = at + 1 < len(tokens) and tokens[at + 1] == "!"
            at += 2 if must else 1
            if name.startswith("@"):
                out += self._component(name[1:], place, required and must)
                continue
            if name not in self.tags:
                raise FixError(f"{self.source}: {place}: {name!r} is not a declared field")
            group: tuple[Member, ...] = ()
            if at < len(tokens) and tokens[at] == "(":
                group, at = self._sequence(tokens, at + 1, f"{place}.{name}", True)
                at += 1
            out.append(Member(self.tags[name], required and must, group))
        repeated = {m.tag for i, m in enumerate(out) if m.tag in {o.tag for o in out[:i]}}
        if repeated:
            raise FixError(f"{self.source}: {place}: {sorted(repeated)} stand there twice")
        return tuple(out), at

    def _component(self, name: str, place: str, required: bool) -> tuple[Member, ...]:
        if name not in self.components:
            raise FixError(f"{self.source}: {place}: {name!r} is not a declared component")
        tokens = [m[0] for m in _TOKEN.finditer(self.components[name])]
        return self._sequence(tokens, 0, f"{place}.{name}", required)[0]


@cache
def _version(begin_string: str) -> Declaration:
    if begin_string not in FILES:
        raise FixError(f"no data dictionary for BeginString(8) {begin_string!r}; there are {', '.join(FILES)}")
    source = FILES[begin_string]
    text = resources.files("ringfence.gateways.fix").joinpath("dictionaries", source).read_text(encoding="utf-8")
    data = tomllib.loads(text)
    reader = _Reader(source, data)
    messages = {}
    for msg_type, line in data["messages"].items():
        name, _, members = line.partition(":")
        messages[msg_type.encode()] = Message(msg_type.encode(), name.strip(), reader.members(members, name.strip()))
    header, trailer = reader.members(data["header"], "header"), reader.members(data["trailer"], "trailer")
    return Declaration(data["begin_string"], reader.fields, messages, header, trailer)


def declared(begin_string: str, custom: Mapping[int, tuple[str, str]] | None = None) -> Declaration:
    """Return a version's declaration, with a venue's custom tags.

    Parameters
    ----------
    begin_string : str
        ``FIX.4.2`` or ``FIX.4.4``.
    custom : mapping of int to (str, str), optional
        Tag to name and type of fields that may stand in any message; a tag that the version has is declared anew, without enumeration.

    Raises
    ------
    FixError
        No such version, or a custom tag that cannot be; the message names it.
    """
    base = _version(begin_string)
    if not custom:
        return base
    fields = dict(base.fields)
    for tag, (name, kind) in custom.items():
        if not 0 < tag <= TAG_MAX or kind not in CLASS_OF or not name.isidentifier():
            raise FixError(f"custom tag {tag}: name {name!r}, type {kind!r}; use a tag from 1 to {TAG_MAX}, a word and one of {', '.join(sorted(CLASS_OF))}")
        fields[tag] = Field(tag, name, kind)
    return Declaration(base.begin_string, fields, base.messages, base.header, base.trailer, frozenset(custom))
