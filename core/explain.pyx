"""Decisions seen from Python: what the engine's own functions say about an intent or a change, on tables that are the caller's alone.

    State (a copy in memory) + bytes of a record ──▶ the functions of routes and permissions ──▶ plain values, for ``route explain`` and tests

Nothing here changes a table, and the engine calls nothing of it. What can fail: bytes of another length, rows out of range (CoreError).
"""

from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcpy

from ringfence.core.permissions cimport grants_more as _grants_more
from ringfence.core.permissions cimport permitted as _permitted
from ringfence.core.routes cimport (
    MISFIT_ACCOUNT, MISFIT_HALTED, MISFIT_INSTRUMENT, MISFIT_NONE, MISFIT_QTY, MISFIT_SIDE, MISFIT_STRATEGY, MISFIT_TIME, blocked, misfit,
)
from ringfence.core.state cimport State
from ringfence.ipc.records cimport RF_DENY_REASON_NONE, Intent, PermissionChange

from ringfence.core.errors import CoreError

_MISFITS = {
    MISFIT_HALTED: "halted", MISFIT_INSTRUMENT: "instrument", MISFIT_ACCOUNT: "account", MISFIT_STRATEGY: "strategy", MISFIT_SIDE: "side",
    MISFIT_QTY: "quantity", MISFIT_TIME: "time of day",
}


cdef Intent intent_of(const unsigned char[::1] raw) except *:
    cdef Intent intent
    if raw.shape[0] != sizeof(Intent):
        raise CoreError(f"an intent has {sizeof(Intent)} bytes, these were {raw.shape[0]}")
    memcpy(&intent, &raw[0], sizeof(Intent))
    return intent


def route(State state not None, uint16_t row, uint16_t strategy, const unsigned char[::1] intent not None):
    """Return why a route does not fit an intent ("" when it does), and the DenyReason of why it cannot take it now (0: it can).

    Raises
    ------
    CoreError
        If there is no such route or strategy, or the bytes are no intent.
    """
    cdef Intent i = intent_of(intent)
    cdef uint8_t reason
    cdef int why
    if not 0 < row <= state.c.engine.route_count or not 0 < strategy <= state.c.engine.strategy_count:
        raise CoreError(f"route {row} or strategy {strategy} is not defined")
    why = misfit(&state.c, row, strategy, &i)
    if why != MISFIT_NONE:
        return _MISFITS[why], 0
    reason = blocked(&state.c, row, &i)
    return "", 0 if reason == RF_DENY_REASON_NONE else reason


def permitted(State state not None, uint16_t strategy, uint16_t account, uint16_t venue, const unsigned char[::1] intent not None):
    """Return whether a grant covers an intent at an account and venue.

    Raises
    ------
    CoreError
        If a row is not defined, or the bytes are no intent.
    """
    cdef Intent i = intent_of(intent)
    if strategy > state.c.engine.strategy_count or account > state.c.engine.account_count or venue > state.c.engine.venue_count:
        raise CoreError(f"strategy {strategy}, account {account} or venue {venue} is not defined")
    return _permitted(&state.c, strategy, account, venue, &i) != 0


def grants_more(State state not None, const unsigned char[::1] change not None):
    """Return whether a PermissionChange would let anybody do more than now.

    Raises
    ------
    CoreError
        If the bytes are no PermissionChange.
    """
    cdef PermissionChange c
    if change.shape[0] != sizeof(PermissionChange):
        raise CoreError(f"a change has {sizeof(PermissionChange)} bytes, these were {change.shape[0]}")
    memcpy(&c, &change[0], sizeof(c))
    return _grants_more(&state.c, &c) != 0
