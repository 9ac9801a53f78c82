"""The echo application of interoperability tests: orders, security definitions and emails come back, anything else is refused.

NewOrderSingle(D), SecurityDefinition(d) and Email(C) return with the same body through the session's send path: a header of our own, further header fields
kept, PossDupFlag(43) and OrigSendingTime(122) left out. Header and body are put in ascending order of tags, a repeating group stays behind its count in the
order it came in, values are byte for byte what came. Anything else is answered by BusinessMessageReject(j) with BusinessRejectReason(380) 3.
An order with PossResend(97)=Y whose ClOrdID(11) this session has seen is dropped; the memory ends with the connection and holds at most ``SEEN_MAX``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ringfence.gateways.fix.codec import parse

Field = tuple[int, bytes]
Groups = Mapping[int, frozenset[int]]
"""Tag of a group's count -> every tag inside the group, those of nested groups included."""

ECHOED = frozenset((b"D", b"d", b"C"))
SEEN_MAX = 100_000
SET_BY_SESSION = frozenset((8, 9, 35, 34, 49, 52, 56, 10, 43, 122))
HEADER = frozenset((50, 57, 90, 91, 97, 115, 116, 128, 129, 142, 143, 144, 145, 212, 213, 347, 369, 370, 627, 628, 629, 630))
TRAILER = (93, 89)
HOPS: Groups = {627: frozenset((628, 629, 630))}
REVERSED = {115: 128, 116: 129, 144: 145, 128: 115, 129: 116, 145: 144}


def arranged(fields: Iterable[Field], groups: Groups) -> list[Field]:
    """Return the fields ascending by tag; the fields of a group move with its count, in the order they came in."""
    blocks: list[list[Field]] = []
    inside: frozenset[int] = frozenset()
    for tag, value in fields:
        if tag in inside:
            blocks[-1].append((tag, value))
            continue
        blocks.append([(tag, value)])
        inside = groups.get(tag, frozenset())
    blocks.sort(key=lambda block: block[0][0])
    return [item for block in blocks for item in block]


def text(fields: Iterable[Field]) -> bytes:
    return b"".join(b"%d=%s\x01" % item for item in fields)


def echo(fields: list[Field], groups: Groups) -> tuple[bytes, bytes]:
    """Return further header fields and the body of a message that comes back."""
    header = arranged((f for f in fields if f[0] in HEADER), HOPS)
    body = arranged((f for f in fields if f[0] not in HEADER and f[0] not in SET_BY_SESSION and f[0] not in TRAILER), groups)
    signature = [f for tag in TRAILER for f in fields if f[0] == tag]
    return text(header), text([*body, *signature])


def refusal(fields: list[Field]) -> tuple[bytes, bytes, bytes]:
    """Return BusinessMessageReject(j): MsgType, routing header with the two directions exchanged, body."""
    values = dict(reversed(fields))
    header = sorted((REVERSED[tag], value) for tag, value in values.items() if tag in REVERSED and value)
    body = ((45, values[34]), (58, b"Unsupported Message Type"), (372, values[35]), (380, b"3"))
    return b"j", text(header), text(body)


class Echo:
    """The application of one session.

    Parameters
    ----------
    groups : callable
        Gives the groups of a MsgType(35).
    """

    def __init__(self, groups: Callable[[bytes], Groups]) -> None:
        self.groups = groups
        self.seen: dict[bytes, None] = {}

    def answer(self, message: bytes, poss_dup: bool) -> tuple[bytes, bytes, bytes] | None:
        """Return what goes back, or None for a repeated order, a Reject(3) or a BusinessMessageReject(j)."""
        fields = parse(message)
        msg_type = fields[2][1]
        if msg_type in (b"3", b"j"):
            return None  # a refusal of a refusal would go on for ever
        if msg_type not in ECHOED:
            return refusal(fields)
        values = dict(reversed(fields))
        if msg_type == b"D" and values.get(97) == b"Y" and values.get(11) in self.seen:
            return None
        return msg_type, *echo(fields, self.groups(msg_type))

    def answered(self, message: bytes) -> None:
        """Remember the ClOrdID of an order."""
        values = dict(reversed(parse(message)))
        if values[35] == b"D":
            self.seen[values.get(11, b"")] = None
            if len(self.seen) > SEEN_MAX:
                del self.seen[next(iter(self.seen))]

    def disconnected(self) -> None:
        """Forget: a new connection may send an old ClOrdID again."""
        self.seen.clear()
