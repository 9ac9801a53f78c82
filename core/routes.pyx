"""Routes: from (instrument, account) to a venue; the first active row that fits is taken, or the one that the intent names.

The table is in the state region, written by the engine alone from DEFINE_ROUTE commands. A route's instrument 0 and account 0 mean any;
an intent without an account takes the route's. Liveness of the venue's session is not looked at here: an order is never moved
to another venue because one is down, it is denied with the reason. What can fail: NO_ROUTE or UNKNOWN_ACCOUNT, both denials.
A scan of a few rows in one or two cache lines each; rejected: an index (its upkeep costs more than it saves below some hundred routes).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_DENY_REASON_NO_ROUTE, RF_DENY_REASON_NONE, RF_DENY_REASON_UNKNOWN_ACCOUNT, RF_STATUS_ACTIVE, Intent, Route,
)


cdef inline int fits(const EngineState *s, const Route *r, const Intent *intent) noexcept nogil:
    return (
        r.status == RF_STATUS_ACTIVE
        and (r.instrument == 0 or r.instrument == intent.instrument)
        and (r.account == 0 or intent.account == 0 or r.account == intent.account)
        and 0 < r.venue <= s.engine.venue_count
        and s.venues[r.venue].status == RF_STATUS_ACTIVE
    )


cdef uint8_t pick_route(const EngineState *s, const Intent *intent, uint16_t *route, uint16_t *account, uint16_t *venue) noexcept nogil:
    cdef uint32_t i, first = 1, last = s.engine.route_count
    cdef uint16_t row
    if intent.account > s.engine.account_count:
        return RF_DENY_REASON_UNKNOWN_ACCOUNT
    if intent.route > s.engine.route_count:
        return RF_DENY_REASON_NO_ROUTE
    if intent.route:
        first = intent.route
        last = intent.route
    for i in range(first, last + 1):
        if not fits(s, &s.routes[i], intent):
            continue
        row = intent.account if intent.account else s.routes[i].account
        if row == 0 or row > s.engine.account_count or s.accounts[row].status != RF_STATUS_ACTIVE:
            return RF_DENY_REASON_UNKNOWN_ACCOUNT
        route[0] = <uint16_t>i
        account[0] = row
        venue[0] = s.routes[i].venue
        return RF_DENY_REASON_NONE
    return RF_DENY_REASON_NO_ROUTE
