"""What the session case tests share: times, the Logon's body, and readers of what a session did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.gateways.fix.test_session import SECOND, START, Side

from ringfence.gateways.fix.codec import encode, parse, timestamp_text

LOGON = ((98, 0), (108, 30))
EARLIER = timestamp_text(START - SECOND)
LATER = timestamp_text(START + SECOND)
Make = Callable[..., Side]


def apps(side: Side) -> list[bytes]:
    """ClOrdIDs of the application messages delivered."""
    return [dict(parse(e[1]))[11] for e in side.events if e[0] == "app"]


def whole(side: Side, msg_type: bytes, *body: tuple[int, Any], time: object = None) -> bytes:
    """Message 2 of the counterparty."""
    config = side.config
    header = [(34, 2), (49, config.target_comp_id), (52, time or timestamp_text(START)), (56, config.sender_comp_id)]
    return encode(msg_type, [*header, *body], config.begin_string.encode())  # type: ignore[list-item]


def heartbeat(side: Side) -> bytes:
    return whole(side, b"0")


def reject_of(messages: list[dict[int, bytes]]) -> tuple[bytes | None, ...]:
    """45, 58, 371, 372, 373 of the first message, which is a Reject."""
    assert messages[0][35] == b"3"
    return tuple(messages[0].get(t) for t in (45, 58, 371, 372, 373))
