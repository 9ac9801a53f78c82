"""Scopes as the oracle has them: what an order or a position belongs to.

    (strategy, account, venue, instrument) ─▶ scopes_of: the scopes of an order, in the order in which controls look at them

Plain tuples; owns nothing, nothing here fails. Brokers, desks and currencies are not in simulated runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.ipc.schema import ENUMS

Scope = tuple[int, int, int]  # ScopeKind, row of its object, row of the second object of a pair
KIND = ENUMS["ScopeKind"].by_name


def scopes_of(strategy: int, account: int, venue: int, instrument: int) -> Iterator[Scope]:
    """Firm, account, venue, strategy, instrument, then the pairs; of a position the venue is 0."""
    yield KIND["FIRM"], 0, 0
    yield KIND["ACCOUNT"], account, 0
    yield KIND["VENUE"], venue, 0
    yield KIND["STRATEGY"], strategy, 0
    yield KIND["INSTRUMENT"], instrument, 0
    yield KIND["ACCOUNT_INSTRUMENT"], account, instrument
    yield KIND["STRATEGY_INSTRUMENT"], strategy, instrument


def holds(scope: Scope, account: int, strategy: int, instrument: int, venue: int) -> bool:
    """Whether the scope covers what these four name."""
    return scope in scopes_of(strategy, account, venue, instrument)
