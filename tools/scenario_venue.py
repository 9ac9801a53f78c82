"""The venue's end of a scenario's FIX session: numbers, Logon, heartbeats, test requests, gap fills. It knows nothing of orders.

    a body from the file ──header, number, checksum──▶ outbox ──▶ our session        our session's output ──▶ take ──▶ answers

It keeps what it sent, so that a ResendRequest gets application messages again with PossDupFlag(43) and OrigSendingTime(122) and gap fills for the rest. A
message that it sends while nobody is connected takes its number and comes with the gap fill of the next Logon: that is how executions are missed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

Fields = list[tuple[int, str]]
HEADER = (35, 34, 43, 49, 50, 52, 56, 57, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145, 369)
FILLED_IN = {8, 9, 10, 49, 56}
ADMINISTRATIVE = {"0", "1", "2", "3", "4", "5", "A"}
_MESSAGE = re.compile(rb"8=FIX.*?\x0110=\d{3}\x01", re.DOTALL)


def fix_time(ns: int) -> str:
    """A UTCTimestamp with milliseconds."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)
    return f"{moment:%Y%m%d-%H:%M:%S}.{moment.microsecond // 1000:03d}"


def split(data: bytes) -> list[Fields]:
    """Return the fields of every message in ``data``, which our session wrote: no data fields, no garbage."""
    out = []
    for raw in _MESSAGE.findall(data):
        pairs = (f.partition("=") for f in raw.decode("latin-1").split("\x01") if f)
        out.append([(int(tag), content) for tag, _, content in pairs])
    return out


def first(fields: Fields, tag: int) -> str:
    return next((content for t, content in fields if t == tag), "")


def readable(fields: Fields) -> str:
    """A message as a scenario writes it: without BeginString, BodyLength and CheckSum."""
    return "|".join(f"{tag}={content}" for tag, content in fields if tag not in (8, 9, 10))


def encode(begin_string: str, fields: Fields) -> bytes:
    """A whole message: 8, 9, ``fields``, 10."""
    body = "".join(f"{tag}={content}\x01" for tag, content in fields).encode("latin-1")
    message = f"8={begin_string}\x019={len(body)}\x01".encode() + body
    return message + f"10={sum(message) % 256:03d}\x01".encode()


class Counterparty:
    """A venue that answers as a FIX engine does.

    Parameters
    ----------
    begin_string, sender, target : str
        As in the header of what the venue sends.
    heartbeat_s : int
        Its HeartBtInt(108) [s].
    """

    def __init__(self, begin_string: str, sender: str, target: str, heartbeat_s: int) -> None:
        self.begin_string, self.sender, self.target, self.heartbeat_s = begin_string, sender, target, heartbeat_s
        self.next_out = 1
        self.next_in = 1
        self.logged_on = False
        self.closed = False
        self.outbox: list[Fields] = []
        self._kept: dict[int, Fields] = {}
        self._orders_at: list[int] = []
        self._asked_at = 0  # of this connection: highest number that came before others and made us ask
        self._last_out_ns = 0

    # ---- out

    def send(self, fields: Fields, now_ns: int) -> None:
        """Send a body of the file: header tags go to the header, the rest stays in its order."""
        given = {tag: content for tag, content in fields if tag in HEADER}
        dup = given.get(43) == "Y"
        seq = int(given[34]) if given.get(34, "").isdecimal() else self.next_out
        head = given | {34: str(seq), 49: self.sender, 52: given.get(52) or fix_time(now_ns), 56: self.target}
        if dup and not head.get(122):
            head[122] = head[52]
        message = [(tag, head[tag]) for tag in HEADER if tag in head]
        message += [(tag, content) for tag, content in fields if tag not in HEADER and tag not in FILLED_IN]
        self._put(message, seq, now_ns)

    def _put(self, message: Fields, seq: int, now_ns: int) -> None:
        if seq >= self.next_out:
            self._kept[seq] = message
            self.next_out = seq + 1
            if first(message, 35) == "4" and first(message, 36).isdecimal():
                self.next_out = max(self.next_out, int(first(message, 36)))
        if self.logged_on or first(message, 35) == "A":
            self.outbox.append(message)
            self._last_out_ns = now_ns

    def _admin(self, kind: str, now_ns: int, *body: tuple[int, str]) -> None:
        self.send([(35, kind), *body], now_ns)

    def beat(self, now_ns: int) -> None:
        """Heartbeat when one is due."""
        if self.logged_on and self.heartbeat_s and now_ns - self._last_out_ns >= self.heartbeat_s * 1_000_000_000:
            self._admin("0", now_ns)

    # ---- in

    def connected(self) -> None:
        self.logged_on = self.closed = False
        self.outbox.clear()

    def lose(self, count: int) -> None:
        """The last ``count`` application messages that came never did."""
        if count and self._orders_at:
            self.next_in = self._orders_at[-count:][0]

    def take(self, message: Fields, now_ns: int) -> None:
        """Deal with one message of our session."""
        kind, seq = first(message, 35), int(first(message, 34))
        if kind == "A":
            self._on_logon(message, seq, now_ns)
            return
        if kind == "4" and (seq <= self.next_in or first(message, 123) != "Y"):
            self.next_in = max(self.next_in, int(first(message, 36) or 0))
            return
        if seq == self.next_in:
            self.next_in += 1
        elif seq > max(self.next_in, self._asked_at) and kind not in "25":
            self._ask(seq, now_ns)
        if kind not in ADMINISTRATIVE and first(message, 43) != "Y":
            self._orders_at.append(seq)
        if kind == "2":
            self._resend(int(first(message, 7)), int(first(message, 16)), now_ns)
        elif kind == "1":
            self._admin("0", now_ns, (112, first(message, 112)))
        elif kind == "5":
            self._admin("5", now_ns)
            self.logged_on = False
            self.closed = True

    def _on_logon(self, message: Fields, seq: int, now_ns: int) -> None:
        body = [(98, "0"), (108, str(self.heartbeat_s))]
        if first(message, 141) == "Y":
            self.next_out = self.next_in = 1
            self._kept.clear()
            body.append((141, "Y"))
        self.logged_on = True
        self._asked_at = 0
        self._admin("A", now_ns, *body)
        if seq > self.next_in:
            self._ask(seq, now_ns)
        else:
            self.next_in = seq + 1

    def _ask(self, seq: int, now_ns: int) -> None:
        """A message came before others: it is not taken, all from the first missing one on are asked for again. Once for each that comes so."""
        self._asked_at = seq
        self._admin("2", now_ns, (7, str(self.next_in)), (16, "0"))

    def _resend(self, begin: int, end: int, now_ns: int) -> None:
        last = self.next_out - 1 if end == 0 or end >= self.next_out else end
        at = begin
        for seq in sorted(n for n in self._kept if begin <= n <= last):
            message = self._kept[seq]
            if first(message, 35) in ADMINISTRATIVE and first(message, 35) != "3":
                continue
            if at < seq:
                self._fill(at, seq, now_ns)
            at = seq + 1
            head = dict(message) | {43: "Y", 122: first(message, 122) or first(message, 52), 52: fix_time(now_ns)}
            again = [(tag, head[tag]) for tag in HEADER if tag in head]
            self.outbox.append(again + [f for f in message if f[0] not in HEADER])
        if at <= last:
            self._fill(at, last + 1, now_ns)

    def _fill(self, seq: int, next_seq: int, now_ns: int) -> None:
        now = fix_time(now_ns)
        head = [(35, "4"), (34, str(seq)), (43, "Y"), (49, self.sender), (52, now), (56, self.target), (122, now)]
        self.outbox.append([*head, (36, str(next_seq)), (123, "Y")])
