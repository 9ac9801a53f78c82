"""Kill switches by the rules: which orders a kill, or a strategy's silence, cancels and when again, and how a kill closes positions.

    KILL, RELEASE (oracle_authority), KILL_WORD, TIMER frames ─▶ Model.kills, requests, orders that flatten

Written from docs/operations.md, docs/controls.md and the issue's words: a kill holds from its input on; an open order of the scope is asked to be cancelled
at once when its session is up, and again by the timer, at most once a second and less often with every eighth request; a position that it flattens is asked
to be closed until it is flat, after one, two, four seconds and so on, from the beginning after each trade, and what found no way is tried again each second.
While engine time stands still, every 16th timer frame stands for a second. Reads and writes the Model alone; nothing here fails.
"""

from __future__ import annotations

from collections.abc import Container

from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.simulation import oracle_proposals
from ringfence.tools.simulation.oracle_limits import venue_refusal
from ringfence.tools.simulation.oracle_model import (
    CANCEL,
    LIMIT_NS,
    REPLACE,
    Kill,
    Model,
    Order,
    Strategy,
    ask,
    may_cancel,
    room,
    sent,
    settle,
)
from ringfence.tools.simulation.oracle_scopes import BESIDE, KIND, Scope, holds

MARKET, IOC = ENUMS["OrdType"].by_name["MARKET"], ENUMS["TimeInForce"].by_name["IOC"]
BUY, SELL = ENUMS["Side"].by_name["BUY"], ENUMS["Side"].by_name["SELL"]
ENABLED, REDUCE_ONLY, CANCEL_ONLY = (ENUMS["StrategyStatus"].by_name[name] for name in ("ENABLED", "REDUCE_ONLY", "CANCEL_ONLY"))
CANCELS, FLATTENS = CONSTANTS["KILL_CANCEL"][0], CONSTANTS["KILL_FLATTEN"][0]
FLATTEN_CLIENT_ID = CONSTANTS["FLATTEN_CLIENT_ID"][0]
AGAIN_NS = 1_000_000_000
TICKS_STOOD = 16
LONGEST_S = 4096


# ---- scopes ----------------------------------------------------------------------------------------------------------------------


def exists(m: Model, scope: Scope) -> bool:
    """Whether there is something that the scope is about."""
    kind, a, b = scope
    if kind == KIND["FIRM"]:
        return (a, b) == (0, 0)
    if kind == KIND["ACCOUNT_INSTRUMENT"]:
        return a in m.accounts and b in m.instruments
    if kind == KIND["STRATEGY_INSTRUMENT"]:
        return a in m.strategies and b in m.instruments
    rows: dict[int, Container[int]] = {KIND["ACCOUNT"]: m.accounts, KIND["VENUE"]: m.venues, KIND["STRATEGY"]: m.strategies, KIND["INSTRUMENT"]: m.instruments}
    return b == 0 and (a in rows.get(kind, ()) or (BESIDE.get(kind, ""), a) in m.images)


def flattens(o: Order) -> bool:
    """Whether the engine made the order itself, to close a position."""
    return o.client_id >> 32 == FLATTEN_CLIENT_ID


# ---- the switch ------------------------------------------------------------------------------------------------------------------


def kill(m: Model, scope: Scope, options: int) -> bool:
    """Block, and cancel or flatten as asked; what is asked again adds to it."""
    if not exists(m, scope) or options & ~(CANCELS | FLATTENS) or (scope[0] == KIND["VENUE"] and options & FLATTENS):
        return False
    m.counting = True
    oracle_proposals.withdraw_on(m, scope)
    if scope[0] in BESIDE:
        m.uncovered.add("KILL_SWITCH of a broker, desk or currency")
    known = m.kills.get(scope)
    if known is None:
        m.kills[scope] = Kill(m.seq, options)
        m.killed.append((scope, m.seq, 0))
    else:
        known.options |= options
    if options & CANCELS:
        for _, s in sorted(m.strategies.items()):
            for o in list(s.open.values()):
                if holds(scope, o.account, o.strategy, o.instrument, o.venue):
                    _cancel(m, o)
    if options & FLATTENS:
        _flatten(m, [scope], now=True)
    return True


def release(m: Model, scope: Scope) -> bool:
    """Lift it."""
    lifted = m.kills.pop(scope, None)
    if lifted is None:
        return False
    for (account, strategy, instrument), p in m.positions.items() if lifted.options & FLATTENS else ():
        if holds(scope, account, strategy, instrument, 0):
            p.flatten_ns = p.flatten_tries = 0
    at = max(k for k, entry in enumerate(m.killed) if entry[0] == scope)
    m.killed[at] = (scope, m.killed[at][1], m.seq)
    return True


def word(m: Model, venue: int) -> Scope:
    """The out-of-band word of a venue, or of the firm (0), was found set; the scope that it kills."""
    scope = (KIND["VENUE"], venue, 0) if venue else (KIND["FIRM"], 0, 0)
    kill(m, scope, CANCELS)
    return scope


def silence(m: Model, s: Strategy) -> None:
    """A strategy whose heartbeat is too old: it may only cancel, and its open orders are cancelled, now and until they are over."""
    if s.status in (ENABLED, REDUCE_ONLY):
        s.status = CANCEL_ONLY
    s.silent = True
    for o in list(s.open.values()):
        _cancel(m, o)


def _cancel(m: Model, o: Order) -> None:
    if not o.leaves and not o.newest(REPLACE):
        return  # filled: it waits for an answer only
    awaited = any(r.kind == CANCEL and m.now - r.since_ns < LIMIT_NS for r in o.requests.values())
    if m.venues[o.venue].up and not awaited and room(m, o, CANCEL) and may_cancel(m, o):
        ask(m, o, CANCEL)


def timer(m: Model) -> None:
    """What is still open of a scope that was killed with cancels, or of a silent strategy, is asked for again; positions are closed likewise."""
    m.stood = m.stood + 1 if m.now == m.swept_ns else 0
    m.swept_ns = m.now
    wanted = [scope for scope, k in m.kills.items() if k.options & CANCELS]
    for _, s in sorted(m.strategies.items()):
        for o in list(s.open.values()) if wanted or s.silent else ():
            if _due(m, o.updated_ns, 1 + o.revision // 8) and (s.silent or any(holds(scope, o.account, o.strategy, o.instrument, o.venue) for scope in wanted)):
                _cancel(m, o)
    if m.kills and _due(m, m.looked_ns, 1):
        m.looked_ns = m.now
        _flatten(m, [scope for scope, k in m.kills.items() if k.options & FLATTENS], now=False)


def _due(m: Model, since_ns: int, times: int) -> bool:
    return m.now - since_ns >= AGAIN_NS * times or (m.stood > 0 and m.stood % (TICKS_STOOD * times) == 0)


def _flatten(m: Model, scopes: list[Scope], *, now: bool) -> None:
    """One market order a position of these scopes, of what is not being closed already."""
    for (account, strategy, instrument), p in list(m.positions.items()):
        if not p.net or not strategy or not any(holds(scope, account, strategy, instrument, 0) for scope in scopes):
            continue
        side = SELL if p.net > 0 else BUY
        closing = (o for o in m.strategies[strategy].open.values() if (o.account, o.instrument) == (account, instrument) and (o.side == BUY) == (side == BUY))
        most = m.instruments[instrument].qty_max
        qty = abs(p.net) - sum(o.reserved for o in closing)
        qty = min(qty, most) if most else qty
        if qty <= 0 or not (now or p.flatten_tries == 0 or _due(m, p.flatten_ns, min(2 ** (p.flatten_tries - 1), LONGEST_S))):
            continue
        found = _way_out(m, account, instrument)
        if found is None or len(m.orders) + 1 >= m.capacity["orders"]:
            continue
        p.flatten_ns = m.now
        p.flatten_tries += 1
        m.flattened += 1
        client_id = FLATTEN_CLIENT_ID << 32 | m.flattened
        terms = (0, 0, qty, 0, 0, instrument, account, 0, side, MARKET, IOC, 0)
        o = Order(
            *(len(m.orders) + 1, client_id, terms, strategy, account, found[1], found[0], instrument, side, MARKET, IOC, 0, 0, qty, 0),
            day=m.day_code,
            created_seq=m.seq,
            first_px=p.last_px,
        )
        m.orders.append(o)
        m.by_client[strategy, client_id] = o
        m.venues[o.venue].queued += 1
        sent(m, o, "MESSAGE_RATE")
        settle(m, o)


def _way_out(m: Model, account: int, instrument: int) -> tuple[int, int] | None:
    """Route and venue of an order that closes: the first that fits, takes it and has a message left, where a kill is no hindrance if there is none else."""
    killed = None
    for row, r in sorted(m.routes.items()):
        venue = m.venues.get(r.venue)
        if not r.active or r.instrument not in (0, instrument) or r.account not in (0, account) or venue is None or not venue.active:
            continue
        takes = not (venue.ord_types and not venue.ord_types >> MARKET & 1) and not (venue.time_in_forces and not venue.time_in_forces >> IOC & 1)
        open_ = m.accounts.get(account, False) and takes and venue.up and not venue.stalled and venue_refusal(m, r.venue) != "MESSAGE_RATE"
        if open_ and (KIND["VENUE"], r.venue, 0) not in m.kills:
            return row, r.venue
        killed = killed or ((row, r.venue) if open_ else None)
    return killed
