"""FIX market data messages of 4.2 and 4.4, both ways: MarketDataRequest(V), Snapshot(W), IncrementalRefresh(X), RequestReject(Y).

The only file that knows their tags.

    feed:  ``request`` ──V──▶ venue        ``decode`` ◀──W, X, Y── venue
    venue: ``decode_request`` ◀──V         ``snapshot``, ``refresh``, ``reject`` ──W, X, Y──▶

Amounts travel as text and become integers scaled by the instrument's digits in ``scaled``, exactly or not at all. A message here has passed the session's
dictionary, so its groups are whole; what it means is still the peer's word, and is checked where it is used (gateways/market_book.py, market_session.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ringfence.gateways.errors import FixError
from ringfence.gateways.fix.codec import decimal_text, decimal_value, parse, timestamp_ns, timestamp_text

BID, OFFER, TRADE = b"0", b"1", b"2"
NEW, CHANGE, DELETE = b"0", b"1", b"2"
SNAPSHOT_ONLY, SUBSCRIBE, UNSUBSCRIBE = b"0", b"1", b"2"
UNKNOWN_SYMBOL, DUPLICATE_ID, TOO_MANY, BAD_SUBSCRIPTION, BAD_DEPTH, BAD_UPDATE, BAD_ENTRY = b"0", b"1", b"2", b"4", b"5", b"6", b"8"
"""MDReqRejReason(281)."""
SCALED_MAX = 1 << 62


class Entry(NamedTuple):
    """One entry of a W or X; ``action`` is NEW in a W. Empty: not there."""

    action: bytes
    kind: bytes
    symbol: bytes
    entry_id: bytes = b""
    ref_id: bytes = b""
    px: bytes = b""
    qty: bytes = b""
    source_ns: int = 0


class Refresh(NamedTuple):
    """A W (``snapshot``: all there is of ``symbol``) or an X."""

    request_id: bytes
    snapshot: bool
    symbol: bytes
    entries: tuple[Entry, ...]


class Rejected(NamedTuple):
    """A Y, or a BusinessMessageReject(j) of a V: its MDReqID, when it says that, is BusinessRejectRefID(379)."""

    request_id: bytes
    reason: bytes
    text: bytes


class Request(NamedTuple):
    """A V; ``update`` is MDUpdateType(265), empty when it is not said."""

    request_id: bytes
    subscription: bytes
    depth: bytes
    update: bytes
    kinds: tuple[bytes, ...]
    symbols: tuple[bytes, ...]


def scaled(text: bytes, digits: int) -> int | None:
    """Return a FIX float times ``10**digits``; None when it is none, is finer than that, or beyond 2^62."""
    try:
        mantissa, places = decimal_value(text)
    except FixError:
        return None
    if places > digits:
        return None
    value: int = mantissa * 10 ** (digits - places)
    return value if abs(value) < SCALED_MAX else None


def decode(message: bytes) -> Refresh | Rejected | None:
    """Return what a W, X, Y, or a j about a V, says; None for any other message.

    An entry of an X without Symbol(55) is about the symbol of the entry before it, or about its ids alone. The time of an entry is MDEntryDate(272) and
    MDEntryTime(273), else that of the message.
    """
    fields = parse(message)
    first = dict(reversed(fields))
    kind, sent_ns = first[35], _time(first.get(52, b""))
    if kind == b"Y":
        return Rejected(first.get(262, b""), first.get(281, b""), first.get(58, b""))
    if kind == b"j" and first.get(372) == b"V":
        return Rejected(first.get(379, b""), first.get(380, b""), first.get(58, b""))
    if kind not in (b"W", b"X"):
        return None
    starts = 269 if kind == b"W" else 279
    groups: list[dict[int, bytes]] = []
    for tag, value in fields:
        if tag == starts:
            groups.append({})
        if groups:
            groups[-1].setdefault(tag, value)
    symbol = first.get(55, b"") if kind == b"W" else b""
    entries = []
    for g in groups:
        symbol = g.get(55, symbol)
        stamp = _time(g.get(272, b"") + b"-" + g[273]) if 273 in g and 272 in g else 0
        action = g.get(279, NEW)
        entries.append(Entry(action, g.get(269, b""), symbol, g.get(278, b""), g.get(280, b""), g.get(270, b""), g.get(271, b""), stamp or sent_ns))
    return Refresh(first.get(262, b""), kind == b"W", first.get(55, b"") if kind == b"W" else b"", tuple(entries))


def _time(text: bytes) -> int:
    try:
        return timestamp_ns(text)
    except FixError:
        return 0


def decode_request(message: bytes) -> Request | None:
    """Return what a V asks for; None for any other message."""
    fields = parse(message)
    if (35, b"V") not in fields:
        return None
    first = dict(reversed(fields))
    request_id, subscription, depth, update = (first.get(tag, b"") for tag in (262, 263, 264, 265))
    kinds, symbols = (tuple(v for t, v in fields if t == tag) for tag in (269, 55))
    return Request(request_id, subscription, depth, update, kinds, symbols)


# ---- bodies


def _join(pairs: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(b"%d=%s\x01" % pair for pair in pairs if pair[1])


def request(request_id: bytes, symbol: bytes, depth: int, trades: bool, subscription: bytes = SUBSCRIBE) -> bytes:
    """Return the body of a V for one symbol: snapshot and incremental updates of ``depth`` levels of each side."""
    kinds = (BID, OFFER, TRADE) if trades else (BID, OFFER)
    head = ((262, request_id), (263, subscription), (264, b"%d" % depth), (265, b"1"))
    return _join((*head, (267, b"%d" % len(kinds)), *((269, k) for k in kinds), (146, b"1"), (55, symbol)))


def snapshot(request_id: bytes, symbol: bytes, levels: Sequence[tuple[bytes, int, int]], digits: tuple[int, int], now_ns: int) -> bytes:
    """Return the body of a W. ``levels``: MDEntryType, price, quantity; ``digits`` of both."""
    stamp = timestamp_text(now_ns)
    out = [(262, request_id), (55, symbol), (268, b"%d" % len(levels))]
    for kind, px, qty in levels:
        out += [(269, kind), (270, decimal_text(px, digits[0])), (271, decimal_text(qty, digits[1])), (272, stamp[:8]), (273, stamp[9:])]
    return _join(out)


def refresh(request_id: bytes, symbol: bytes, changes: Sequence[tuple[bytes, bytes, int, int]], digits: tuple[int, int], now_ns: int) -> bytes:
    """Return the body of an X. ``changes``: MDUpdateAction, MDEntryType, price, quantity (not sent for DELETE)."""
    stamp = timestamp_text(now_ns)
    out = [(262, request_id), (268, b"%d" % len(changes))]
    for action, kind, px, qty in changes:
        size = b"" if action == DELETE else decimal_text(qty, digits[1])
        out += [(279, action), (269, kind), (55, symbol), (270, decimal_text(px, digits[0])), (271, size), (272, stamp[:8]), (273, stamp[9:])]
    return _join(out)


def reject(request_id: bytes, reason: bytes, text: str) -> bytes:
    """Return the body of a Y."""
    return _join(((262, request_id), (281, reason), (58, text.encode("latin-1", "replace"))))
