"""Errors of the gateways.

GatewayError
├── FixError
│   ├── GarbledMessage   bytes that are no FIX message; a session ignores them, they consume no number
│   └── SessionError     a session was asked for something that its state does not allow
└── StoreCorrupt         a session store is damaged before its end: refused, never repaired silently
"""

from __future__ import annotations


class GatewayError(Exception):
    """Base of every error that a gateway raises."""


class FixError(GatewayError):
    """A FIX value, message or session is wrong."""


class GarbledMessage(FixError):
    """Bytes that are no whole FIX message: framing, BodyLength(9), CheckSum(10) or a tag is wrong."""


class SessionError(FixError):
    """The session's state or configuration does not allow the request."""


class StoreCorrupt(GatewayError):
    """A message store is damaged somewhere before its last record, or is not a store of this layout."""
