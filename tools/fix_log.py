"""FIX logs made readable: finds messages in any text, names their tags and values by the data dictionary, marks what is wrong.

    bytes ──messages──▶ Message (fields, defects) ──oneline | block | as_json──▶ text

A message begins at ``8=FIX`` wherever it stands in a line (log prefixes are skipped), its fields end with SOH, ``|`` or ``^A``, and it ends behind
``10=nnn`` or with its line. Length and checksum are recomputed with SOH in place; a defect is told beside the message, which is printed all the same.
One line is held at a time, at most ``LINE_BYTES_MAX`` of it: memory does not grow with the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ringfence.gateways.errors import FixError
from ringfence.gateways.fix import dictionary

LINE_BYTES_MAX = 1 << 20
_START = re.compile(rb"8=FIX[^\x01|^]{1,8}(\x01|\||\^A)9=")
_TAG = re.compile(rb"-?[0-9]{1,18}")
_ADMIN = frozenset((b"0", b"1", b"2", b"4", b"5", b"A"))
_REJECTS = frozenset((b"3", b"j", b"9"))
_EXECUTIONS = frozenset((b"8", b"r", b"Q"))
COLOURS = {"admin": "90", "order": "36", "execution": "32", "reject": "31"}


@dataclass(frozen=True)
class Message:
    """A message of a log: fields in their order, what is wrong with it, and its kind."""

    fields: tuple[tuple[int, bytes], ...]
    defects: tuple[str, ...]

    def value(self, tag: int) -> bytes:
        return next((v for t, v in self.fields if t == tag), b"")

    @property
    def kind(self) -> str:
        """``admin``, ``order`` (every other request or report), ``execution`` or ``reject``."""
        msg_type = self.value(35)
        if msg_type in _REJECTS or (msg_type == b"8" and self.value(150) == b"8"):
            return "reject"
        return "admin" if msg_type in _ADMIN else "execution" if msg_type in _EXECUTIONS else "order"


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Split a stream into lines; an overlong one is cut."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > LINE_BYTES_MAX:
            yield rest
            rest = b""
    if rest:
        yield rest


def messages(line: bytes) -> Iterator[Message]:
    """Return the messages in a line."""
    at = 0
    while found := _START.search(line, at):
        separator = found[1]
        following = _START.search(line, found.end())
        limit = following.start() if following else len(line)
        trailer = re.compile(re.escape(separator) + rb"10=([^\x01|^\r\n ]*)(" + re.escape(separator) + rb")?").search(line, found.end(), limit)
        end = trailer.end() if trailer else limit
        yield _message(line[found.start() : end].rstrip(b"\r\n "), separator)
        at = end


def _message(raw: bytes, separator: bytes) -> Message:
    fields: list[tuple[int, bytes]] = []
    defects: list[str] = []
    for part in raw.removesuffix(separator).split(separator):
        tag, equals, value = part.partition(b"=")
        if equals and _TAG.fullmatch(tag):
            fields.append((int(tag), value))
        else:
            defects.append(f"not tag=value: {part[:40].decode('latin-1')!r}")
    wire = b"".join(b"%d=%s\x01" % f for f in fields)
    defects += _framing(wire, dict(reversed(fields)))
    known = _dictionary(dict(fields).get(8, b""))
    if known is None:
        defects.append("no dictionary for this BeginString(8)")
    else:
        kind = known.messages.get(dict(reversed(fields)).get(35, b""))
        if kind is None:
            defects.append("unknown MsgType(35)")
        unknown = sorted({t for t, _ in fields if t not in known.fields})
        defects += [f"unknown tag {t}" for t in unknown]
    return Message(tuple(fields), tuple(defects))


def _framing(wire: bytes, values: dict[int, bytes]) -> list[str]:
    """Return what is wrong with BodyLength(9) and CheckSum(10)."""
    head = re.match(rb"8=[^\x01]*\x019=[^\x01]*\x01", wire)
    trailer = wire.rfind(b"\x0110=") + 1
    if head is None or not trailer or 10 not in values:
        return ["not whole: CheckSum(10) is missing"]
    out = []
    length, checksum = trailer - head.end(), sum(wire[:trailer]) % 256
    if values[9] != b"%d" % length:
        out.append(f"BodyLength(9) is {_printable(values[9])}, should be {length}")
    if values[10] != b"%03d" % checksum:
        out.append(f"CheckSum(10) is {_printable(values[10])}, should be {checksum:03d}")
    return out


def _dictionary(begin_string: bytes) -> dictionary.Dictionary | None:
    try:
        return dictionary.load(begin_string.decode("latin-1"))
    except FixError:
        return None


def _printable(value: bytes) -> str:
    """Return the text of a value; what a terminal would obey is a dot."""
    return "".join(c if c.isprintable() else "." for c in value.decode("latin-1"))


def named(message: Message) -> list[tuple[int, str, str, str]]:
    """Return tag, name, value and the value's name (empty where there is none) of every field."""
    known = _dictionary(message.value(8))
    out = []
    for tag, raw in message.fields:
        field = known.fields.get(tag) if known is not None else None
        value = _printable(raw)
        meaning = field.values.get(raw, "") if field is not None else ""
        if tag == 35 and known is not None and raw in known.messages:
            meaning = known.messages[raw].name
        out.append((tag, field.name if field is not None else str(tag), value, meaning))
    return out


def _title(message: Message) -> str:
    fields = named(message)
    name = next((meaning or value for tag, _, value, meaning in fields if tag == 35), "no MsgType(35)")
    values = {tag: value for tag, _, value, _ in reversed(fields)}
    route = f"{values.get(49, '?')} -> {values.get(56, '?')}"
    return f"{values.get(52, '-')} {route} #{values.get(34, '?')} {name}"


def _painted(text: str, message: Message, colour: bool) -> str:
    return f"\x1b[{COLOURS[message.kind]}m{text}\x1b[0m" if colour else text


def oneline(message: Message, colour: bool) -> str:
    """Return the message on one line: when, who, number, type, then the fields of body and header that say more."""
    told = (8, 9, 10, 34, 35, 49, 52, 56)
    parts = [f"{name}={value}" + (f"({meaning})" if meaning else "") for tag, name, value, meaning in named(message) if tag not in told]
    defects = "".join(f" ▲ {d}" for d in message.defects)
    return _painted(" ".join([_title(message), *parts]), message, colour) + defects


def block(message: Message, colour: bool) -> str:
    """Return the message as a title and one indented line a field."""
    rows = [f"  {tag:>5} {name:<24} {value}" + (f"  {meaning}" if meaning else "") for tag, name, value, meaning in named(message)]
    return "\n".join([_painted(_title(message), message, colour), *(f"  ▲ {d}" for d in message.defects), *rows, ""])


def as_json(message: Message) -> dict[str, Any]:
    """Return the message for one line of NDJSON; fields are a list, since groups repeat tags."""
    fields = [{"tag": tag, "name": name, "value": value, **({"meaning": meaning} if meaning else {})} for tag, name, value, meaning in named(message)]
    kind = next((f.get("meaning", "") for f in fields if f["tag"] == 35), "")
    return {
        "schema": "rf.fix_message/1",
        "msg_type": message.value(35).decode("latin-1"),
        "name": kind,
        "kind": message.kind,
        "defects": list(message.defects),
        "fields": fields,
    }
