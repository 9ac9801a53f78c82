"""Restrictions of new risk by the rules, and an order in doubt that people say is over.

    HALT, DIVERGENCE, RESUME, JOURNAL_HEALTH ─▶ restrict(): Model.restrictions, halts      RESOLVE_ORDER ─▶ resolve(): the order

Reads and writes the Model alone; nothing here fails: what cannot be is False.
"""

from __future__ import annotations

from ringfence.tools.simulation.oracle_model import Model, Order, by_quantity, end_cancels, settle
from ringfence.tools.simulation.oracle_records import BIT
from ringfence.tools.simulation.oracle_rules import STATUS

PEOPLE_LIFT = BIT["RESTRICT_OPERATOR"] | BIT["RESTRICT_DIVERGENCE"]
RESOLVED = {"CANCELED", "REJECTED", "EXPIRED", "DONE_FOR_DAY", "FILLED", "NEW"}


def restrict(m: Model, bits: int) -> None:
    """Put these RESTRICT_* bits in force."""
    halting = ~BIT["RESTRICT_JOURNAL_SLOW"]
    if bits & halting and not m.restrictions & halting:
        m.halts.append((m.seq, 0))
    elif not bits & halting and m.restrictions & halting:
        m.halts[-1] = m.halts[-1][0], m.seq
    m.restrictions = bits


def in_doubt(m: Model, order: int, status: int) -> Order | None:
    """The order, when it is in doubt and may be said to have ended so."""
    o = m.orders[order - 1] if 0 < order <= len(m.orders) else None
    return o if o is not None and STATUS.get(status, "") in RESOLVED and (o.base == "UNKNOWN" or o.unverified) else None


def resolve(m: Model, order: int, status: int) -> bool:
    """S6: an operator says how an order in doubt ended, or that it works."""
    o, said = in_doubt(m, order, status), STATUS.get(status, "")
    if o is None:
        return False
    o.base = by_quantity(o) if said == "NEW" else said
    o.unverified = False
    o.acked = True
    if said != "NEW":
        end_cancels(m, o)
    settle(m, o)
    return True
