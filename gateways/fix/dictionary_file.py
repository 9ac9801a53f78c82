"""Read a data dictionary: ``dictionaries/FIX42.toml`` and ``FIX44.toml`` as fields, messages and groups.

Data flow: the TOML's lists of names -> ``Declaration`` (components expanded, names resolved to tags), from which ``dictionary.pyx`` builds the
tables of the validator and ``tags.py`` the names that people read. The files say their own notation at the top.
Failure: ``FixError`` names the file, the message and the word that is wrong.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ringfence.gateways.errors import FixError

FOLDER = Path(__file__).resolve().parent / "dictionaries"
FILES = {"FIX.4.2": FOLDER / "FIX42.toml", "FIX.4.4": FOLDER / "FIX44.toml"}
USER_TAGS_FROM = 5000

AMOUNTS = ("FLOAT", "PRICE", "PRICEOFFSET", "QTY", "AMT", "PERCENTAGE")
TEXTS = ("STRING", "DATA", "EXCHANGE", "CURRENCY", "COUNTRY")
COUNTS = ("LENGTH", "SEQNUM", "NUMINGROUP")
DATES = ("UTCDATE", "UTCDATEONLY", "LOCALMKTDATE")
TYPES = frozenset(
    (*AMOUNTS, *TEXTS, *COUNTS, *DATES, "INT", "DAYOFMONTH", "CHAR", "BOOLEAN", "MULTIPLEVALUESTRING", "UTCTIMESTAMP", "UTCTIMEONLY", "MONTHYEAR")
)


@dataclass(frozen=True)
class Field:
    """One field: tag, name, FIX data type, and the values of an enumeration with their names (empty: any value of the type)."""

    tag: int
    name: str
    type: str
    values: Mapping[bytes, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """A field's place in a message or group: its tag, whether it must be there, and the members of the group that it counts."""

    tag: int
    required: bool
    group: tuple[Member, ...] = ()


@dataclass(frozen=True)
class Message:
    """A message type: MsgType(35), name, and what its body may hold, in the order of the specification."""

    msg_type: bytes
    name: str
    members: tuple[Member, ...]

    @property
    def required(self) -> frozenset[int]:
        """Tags that the body must have."""
        return frozenset(m.tag for m in self.members if m.required)

    @property
    def tags(self) -> frozenset[int]:
        """Every tag that the body may have, those inside groups included."""
        return frozenset(tags_of(self.members))

    @property
    def groups(self) -> dict[int, frozenset[int]]:
        """Count tag of each outer group -> every tag inside, nested counts and their members included."""
        return {m.tag: frozenset(tags_of(m.group)) for m in self.members if m.group}


@dataclass(frozen=True)
class Declaration:
    """A dictionary as its file says it: BeginString(8), fields by tag, header, trailer, messages by MsgType(35)."""

    begin_string: str
    fields: dict[int, Field]
    header: tuple[Member, ...]
    trailer: tuple[Member, ...]
    messages: dict[bytes, Message]


def tags_of(members: tuple[Member, ...]) -> Iterator[int]:
    """Yield the members' tags, depth first."""
    for member in members:
        yield member.tag
        yield from tags_of(member.group)


def declared(begin_string: str) -> Declaration:
    """Return the dictionary of a BeginString(8).

    Raises
    ------
    FixError
        There is none for this version, or its file is wrong.
    """
    if begin_string not in FILES:
        raise FixError(f"no data dictionary for BeginString(8) {begin_string!r}; there are {', '.join(FILES)}")
    return read(FILES[begin_string])


@cache
def read(path: Path) -> Declaration:
    """Read one dictionary file; the same file is read once per process."""
    data = tomllib.loads(path.read_text(encoding="ascii"))
    fields = {int(tag): _field(path, int(tag), text) for tag, text in data["fields"].items()}
    by_name = {f.name: f.tag for f in fields.values()}
    if len(by_name) != len(fields):
        raise FixError(f"{path.name}: two fields have the same name")
    lists = _Lists(path, by_name, data["components"])
    messages = {}
    for key, text in data["messages"].items():
        name, _, members = text.partition("\n")
        msg_type = key.encode("ascii")
        messages[msg_type] = Message(msg_type, name, lists.members(members, f"message {name}({key})"))
    return Declaration(data["begin_string"], fields, lists.members(data["header"], "header"), lists.members(data["trailer"], "trailer"), messages)


def _field(path: Path, tag: int, text: str) -> Field:
    name, kind, *values = text.split()
    if kind not in TYPES:
        raise FixError(f"{path.name}: field {tag} {name}: type {kind!r} is none of FIX")
    pairs = [value.rpartition("=") for value in values]
    return Field(tag, name, kind, {value.encode("ascii"): label for value, _, label in pairs})


class _Lists:
    """Reads the lists of field names of one file."""

    def __init__(self, path: Path, by_name: Mapping[str, int], components: Mapping[str, str]) -> None:
        self.path, self.by_name, self.components = path, by_name, components

    def members(self, text: str, where: str) -> tuple[Member, ...]:
        words = text.replace("(", " ( ").replace(")", " ) ").split()[::-1]
        found = self._until_close(words, where, required=True)
        if words:
            raise FixError(f"{self.path.name}: {where}: a ')' too many")
        return found

    def _until_close(self, words: list[str], where: str, *, required: bool) -> tuple[Member, ...]:
        """Take words (last first) up to the ')' of this level; `required` False: inside a component that may be left out."""
        found: list[Member] = []
        while words and words[-1] != ")":
            word = words.pop()
            name, must = word.rstrip("!").lstrip("@"), word.endswith("!") and required
            if word.startswith("@"):
                if name not in self.components:
                    raise FixError(f"{self.path.name}: {where}: no component {name!r}")
                inner = self.components[name].replace("(", " ( ").replace(")", " ) ").split()[::-1]
                found += self._until_close(inner, f"{where}, component {name}", required=must)
                continue
            if name not in self.by_name:
                raise FixError(f"{self.path.name}: {where}: no field {name!r}")
            group: tuple[Member, ...] = ()
            if words and words[-1] == "(":
                words.pop()
                group = self._until_close(words, f"{where}, group {name}", required=True)
                if not words or not group:
                    raise FixError(f"{self.path.name}: {where}: group {name} is empty or has no ')'")
                words.pop()
            found.append(Member(self.by_name[name], must, group))
        seen: set[int] = set()
        for member in found:
            if member.tag in seen:
                raise FixError(f"{self.path.name}: {where}: tag {member.tag} stands twice")
            seen.add(member.tag)
        return tuple(found)
