"""The tables of ``validation.h`` as bytes: one block, offsets from its start.

Data flow: ``Declaration`` and the venue's own fields -> ``tables`` -> a block that ``dictionary.pyx`` hands to C. The layouts below are those of the
header's structs; equal groups of different messages share a node.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ringfence.gateways.errors import FixError
from ringfence.gateways.fix.dictionary_file import AMOUNTS, COUNTS, DATES, TEXTS, Declaration, Field, Member, tags_of

DIRECT_TAGS = 1024
NODE_MEMBERS_MAX = 511
GROUPS_MAX = 63
GROUP_DEPTH_MAX = 6
HEADER = struct.Struct(f"=12I2H{DIRECT_TAGS}H")
SPEC = struct.Struct("=I4B2I2Q")
NODE = struct.Struct("=3I4H")
PAIR = struct.Struct("=2I")
SPEC_SECTIONS = {"header": 0, "body": 1, "trailer": 2}
CLASSES = {
    **dict.fromkeys(TEXTS, 0),
    "INT": 1,
    **dict.fromkeys(COUNTS, 2),
    **dict.fromkeys(AMOUNTS, 3),
    "CHAR": 4,
    "BOOLEAN": 5,
    "MULTIPLEVALUESTRING": 6,
    "UTCTIMESTAMP": 7,
    "UTCTIMEONLY": 8,
    **dict.fromkeys(DATES, 9),
    "MONTHYEAR": 10,
    "DAYOFMONTH": 11,
}


def packed(msg_type: bytes) -> int:
    """Return MsgType(35) as ``rf_fix_message_t`` packs it: the first character in the low byte."""
    return int.from_bytes(msg_type, "little")


def tables(declaration: Declaration, custom: Mapping[int, Field]) -> bytes:
    """Return the block of a dictionary; ``custom`` fields may stand in the body of every message.

    Raises
    ------
    FixError
        A custom tag stands in the header or trailer already.
    """
    return _Builder(declaration, custom).block()


class _Builder:
    def __init__(self, declaration: Declaration, custom: Mapping[int, Field]) -> None:
        self.declaration, self.custom = declaration, custom
        self.fields = {**declaration.fields, **custom}
        self.slots = {tag: at for at, tag in enumerate(sorted(self.fields), 1)}
        header, trailer = set(tags_of(declaration.header)), set(tags_of(declaration.trailer))
        if wrong := sorted((header | trailer) & custom.keys()):
            raise FixError(f"custom tags {wrong} are fields of the header or trailer")
        self.sections = {tag: "header" if tag in header else "trailer" if tag in trailer else "body" for tag in self.fields}
        self.nodes: list[bytes] = []
        self.entries: list[int] = []
        self.tags: list[int] = []
        self.children: list[int] = []
        self.values: list[bytes] = []
        self.shared: dict[tuple[Member, ...], int] = {}

    def block(self) -> bytes:
        """Build every table and put them one behind the other, each aligned to 16 bytes."""
        d = self.declaration
        header, trailer = self.node(d.header), self.node(d.trailer)
        msg_types = {packed(m.msg_type): self.node(self._with_custom(m.members)) for m in d.messages.values()}
        far_tags = {tag: slot for tag, slot in self.slots.items() if tag >= DIRECT_TAGS}
        specs = b"".join([bytes(SPEC.size), *(self.spec(tag) for tag in sorted(self.fields))])
        far, far_mask = hashed(far_tags)
        types, type_mask = hashed(msg_types)
        numbers = struct.Struct(f"={len(self.entries)}H").pack(*self.entries), struct.Struct(f"={len(self.tags)}I").pack(*self.tags)
        children = struct.Struct(f"={len(self.children)}H").pack(*self.children)
        parts = [far, types, specs, b"".join(self.nodes), *numbers, children, b"".join(self.values)]
        offsets, body = [], b""
        start = -(-HEADER.size // 16) * 16
        for part in parts:
            offsets.append(start + len(body))
            body += part + bytes(-len(part) % 16)
        direct = [self.slots.get(tag, 0) for tag in range(DIRECT_TAGS)]
        head = HEADER.pack(start + len(body), len(self.slots) + 1, far_mask, type_mask, *offsets, header, trailer, *direct)
        return head.ljust(start, b"\0") + body

    def _with_custom(self, members: tuple[Member, ...]) -> tuple[Member, ...]:
        have = {m.tag for m in members}
        return members + tuple(Member(tag, required=False) for tag in sorted(self.custom) if tag not in have)

    def node(self, members: tuple[Member, ...], depth: int = 0) -> int:
        """Add the table of a body or group, its groups first; return its index."""
        if members in self.shared:
            return self.shared[members]
        ordered = sorted(members, key=lambda m: not m.required)
        groups = [m for m in members if m.group]
        if len(members) > NODE_MEMBERS_MAX or len(groups) > GROUPS_MAX or depth > GROUP_DEPTH_MAX:
            raise FixError(f"{len(members)} fields and {len(groups)} groups at depth {depth}: the validator's tables hold {NODE_MEMBERS_MAX} and {GROUPS_MAX}")
        children = [self.node(m.group, depth + 1) for m in groups]
        child_of = {m.tag: at for at, m in enumerate(groups, 1)}
        entries = [0] * (len(self.slots) + 1)
        for ordinal, m in enumerate(ordered, 1):
            entries[self.slots[m.tag]] = ordinal | child_of.get(m.tag, 0) << 10
        required = [m.tag for m in ordered if m.required]
        at = (len(self.entries), len(self.tags), len(self.children))
        first = self.slots[members[0].tag] if members else 0
        self.nodes.append(NODE.pack(*at, first, len(required), len(members) // 64 + 1, 0))
        self.entries += entries
        self.tags += required
        self.children += children
        self.shared[members] = len(self.nodes) - 1
        return self.shared[members]

    def spec(self, tag: int) -> bytes:
        """Return one field's type, section and values."""
        f = self.fields[tag]
        single, first = 0, len(self.values)
        for value in f.values:
            if len(value) == 1:
                single |= 1 << value[0]
            else:
                self.values.append(struct.pack("=16s", value))
        count = len(self.values) - first
        section = SPEC_SECTIONS[self.sections[tag]]
        return SPEC.pack(tag, CLASSES[f.type], section, tag in self.custom, bool(f.values), first, count, single & (1 << 64) - 1, single >> 64)


def hashed(items: Mapping[int, int]) -> tuple[bytes, int]:
    """Return an open-addressed table of ``key -> value`` at most half full, as ``rf_fix_hashed`` reads it, and its mask."""
    size = 1 << max(2, (2 * len(items)).bit_length())
    table = [(0, 0)] * size
    for key, value in items.items():
        at = (key * 0x9E3779B1 & 0xFFFFFFFF) >> 16 & size - 1
        while table[at][0]:
            at = at + 1 & size - 1
        table[at] = (key, value)
    return b"".join(PAIR.pack(*pair) for pair in table), size - 1
