"""The oracle's own world: orders, requests in flight, executions, positions and configuration, as plain Python objects.

    oracle_controls ─▶ configuration, day, restrictions ┐
    oracle_intents  ─▶ orders, requests ────────────────┤─▶ Model ─▶ oracle_compare (against the engine's tables)
    oracle_reports  ─▶ orders, executions, positions ───┘

Owned by one ``Oracle``; written by the three modules above, one frame at a time. Nothing here fails: what the rules refuse is a reason, what contradicts is
left to the comparison. Rejected: the engine's own structure (linked lists, free lists, digests); an oracle that works the same way errs the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ringfence.tools.simulation.oracle_rules import BY_QUANTITY, DONE, FILLED_OR_KEEP, KEEP, OVER, TABLE, Reference, fits64, fits128, reference, shared
from ringfence.tools.simulation.oracle_scopes import Scope, scopes_of

REVISIONS_MAX = 1022  # two base-32 digits of a ClOrdID; the last is a gateway's own
REVISIONS_FOR_CANCELS = 64  # of them are kept for cancels (S13)
OUT_OF_BAND = 1023  # the revision of a cancel that a gateway sends by itself
LIMIT_NS = 30_000_000_000  # a request unanswered for this long is overdue (S17)
CANCEL, REPLACE = 1, 2
SECOND_NS = 1_000_000_000


@dataclass(slots=True)
class Request:
    """One cancel or replace in flight."""

    kind: int
    revision: int
    since_ns: int
    px: int = 0
    stop_px: int = 0
    qty: int = 0


@dataclass(slots=True)
class Order:
    """What the rules say of one order through its ClOrdID chain."""

    row: int
    client_id: int
    terms: tuple[int, ...]
    strategy: int
    account: int
    venue: int
    route: int
    instrument: int
    side: int
    ord_type: int
    time_in_force: int
    px: int
    stop_px: int
    qty: int
    display_qty: int
    day: int
    created_seq: int
    base: str = "PENDING_NEW"
    shown: str = "PENDING_NEW"
    cum: int = 0
    notional: int = 0
    revision: int = 0
    live: int = 0
    requests: dict[int, Request] = field(default_factory=dict)
    acked: bool = False
    unverified: bool = False
    asked: int = 0  # number of its venue's session in which a status request went out
    unknown_since: int = 0  # engine time at which it became Unknown
    first_px: int = 0  # of an order without a price: that at which it was taken
    updated_ns: int = 0  # engine time of its last change; of an Unknown one, when it became so
    transact_ns: int = 0
    venue_order_id: bytes = b""
    lost: bool = False  # a number that is passed over: its order was lost with the journal's end, its row stays empty
    fell_by: int = 0  # sequence of the last bust, correction or split: only those may lower CumQty (I4)

    @property
    def leaves(self) -> int:
        return 0 if self.base in DONE else max(self.qty - self.cum, 0)

    @property
    def over(self) -> bool:
        return self.shown in DONE

    def newest(self, kind: int) -> int:
        found = 0
        for r in self.requests.values():
            if r.kind == kind and r.revision > found:
                found = r.revision
        return found

    @property
    def reserved(self) -> int:
        """What may still trade: LeavesQty, or more when a replace in flight asks for more."""
        asked = max((r.qty for r in self.requests.values() if r.kind == REPLACE), default=0)
        return max(asked - self.cum if asked else 0, self.leaves)


BOOKED, BUSTED, CORRECTED, HELD, ASSIGNED = "booked", "busted", "corrected", "held", "assigned"
PositionKey = tuple[int, int, int]  # account, strategy, instrument
ExecutionKey = tuple[int, int, int, int, bytes, bytes]  # venue, account, order, side, ExecID, OrderID when no order is known (S2)


@dataclass(slots=True)
class Execution:
    """One version of a reported trade; ``successor`` is the one that stands in its place (S11)."""

    key: ExecutionKey
    px: int
    qty: int
    state: str
    position: PositionKey
    order: Order | None
    row: int
    successor: Execution | None = None
    first: bool = True  # not itself a correction
    seq: int = 0

    def living(self) -> Execution:
        x = self
        while x.successor is not None:
            x = x.successor
        return x


@dataclass(slots=True)
class Entry:
    """An entry of the ledger; ``said`` are its figures by name, amounts with ``digits``."""

    kind: str
    position: PositionKey
    said: dict[str, int]
    digits: int
    seq: int = 0
    busted: bool = False
    moves: list[Move] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Move:
    """Money that an entry brings to a balance [10^-18], and what it is worth in the firm's currency then; None: there was no rate."""

    account: int
    currency: int
    amount: int
    worth: int | None


@dataclass(slots=True)
class Position:
    """Sums that need no order of trades, and the weighted average cost as long as nothing was taken back (ledger rules)."""

    row: int
    net: int = 0
    bought: int = 0
    sold: int = 0
    signed_notional: int = 0
    traded: int = 0
    fills: int = 0
    last_px: int = 0
    cost: int = 0
    realized: int = 0
    exact: bool = True  # cost and realized are up to date; a bust or correction makes them wait for a full check
    flatten_ns: int = 0  # engine time of the last try to close it by a kill,
    flatten_tries: int = 0  # and how many

    def trade(self, signed: int, px: int) -> None:
        self.net += signed
        self.bought += max(signed, 0)
        self.sold += max(-signed, 0)
        self.signed_notional += signed * px
        self.traded += abs(signed * px)
        self.fills += 1
        self.last_px = px

    def undo(self, signed: int, px: int) -> None:
        self.net -= signed
        self.bought -= max(signed, 0)
        self.sold -= max(-signed, 0)
        self.signed_notional -= signed * px
        self.traded -= abs(signed * px)
        self.fills -= 1
        self.exact = False


def average(net: int, cost: int, realized: int, signed: int, px: int) -> tuple[int, int]:
    """Weighted average cost: return cost and realized PnL after a trade; what closes takes its share of the cost out, half to even."""
    if net and (net > 0) != (signed > 0):
        closing = signed if abs(signed) <= abs(net) else -net
        out = shared(cost, abs(closing), abs(net))
        cost -= out
        realized += -closing * px - out
        signed -= closing
    return cost + signed * px, realized


@dataclass(slots=True)
class Instrument:
    symbol: bytes
    tick: int
    lot: int
    qty_min: int
    qty_max: int
    price_digits: int
    qty_digits: int
    active: bool


@dataclass(slots=True)
class Venue:
    active: bool
    ord_types: int
    time_in_forces: int
    instructions: int
    up: bool = False
    stalled: bool = False
    queued: int = 0  # commands since it was seen stalled
    sessions: int = 1  # changes of its session so far


@dataclass(slots=True)
class Strategy:
    max_age_ns: int
    status: int
    cancel_on_detach: bool
    attached: bool = False
    epoch: int = 0
    stalled: bool = False
    silent: bool = False
    unapproved: bool = False  # one person has added it to an instance that trades, or two have let it do a little after it was poisoned
    open: dict[int, Order] = field(default_factory=dict)  # oldest first; an order that comes back is last


@dataclass(slots=True)
class Route:
    instrument: int
    account: int
    venue: int
    active: bool


@dataclass(slots=True)
class Kill:
    """A kill in force: since which sequence, KILL_* bits."""

    seq: int
    options: int


@dataclass(slots=True)
class Proposal:
    """A loosening that waits for a second operator, or a change that ends by itself; ``expires_ns`` is when it does."""

    number: int
    proposer: int
    kind: str
    body: bytes
    of_strategy: tuple[int, int]
    expires_ns: int
    state: str
    before: int
    made_seq: int
    after: int = 0  # what an override sets
    layer: int = 0  # sequence at which an override came into force
    agreed: bool = False  # its value holds whatever it stands on


@dataclass(slots=True)
class Grant:
    """What a strategy, or with 0 each, may trade: sets that multiply; ANY in a set is every element."""

    strategy: int
    sets: dict[str, set[int]] = field(default_factory=lambda: {n: set() for n in ("accounts", "venues", "instruments", "ord_types", "time_in_forces")})
    short: bool = False


@dataclass(slots=True)
class Model:
    """Everything; ``touched`` and ``moved`` collect what changed since the last comparison."""

    capacity: dict[str, int] = field(default_factory=lambda: {"orders": 1 << 62, "executions": 1 << 62, "positions": 1 << 62})
    seq: int = 0
    now: int = 0
    prefix: bytes = b""
    day: int = 0
    day_code: int = 0
    started_ns: int = 0
    day_lead_s: int = 0  # so long before the end of its date, in UTC, the schedule has a day begin; 0: not known
    timers: list[int] = field(default_factory=list)  # engine times
    journal_pressure: bool = False
    restrictions: int = 0
    halts: list[tuple[int, int]] = field(default_factory=list)  # sequences of HALT and of its end
    mass_cancels: int = 0
    operators: dict[int, tuple[int, int, bool]] = field(default_factory=dict)  # row: uid, role, active
    highest_roles: dict[int, int] = field(default_factory=dict)  # of each operator while active
    images: dict[tuple[str, int], bytes] = field(default_factory=dict)  # last definition of each row
    kills: dict[Scope, Kill] = field(default_factory=dict)
    killed: list[tuple[Scope, int, int]] = field(default_factory=list)  # every kill: sequences of its begin and, or 0, of its release
    proposals: list[Proposal] = field(default_factory=list)
    made: int = 0  # proposals and overrides so far
    flattened: int = 0
    swept_ns: int = 0  # engine time of the last timer frame,
    stood: int = 0  # timer frames since it last moved,
    looked_ns: int = 0  # and of the last look for positions that a kill has yet to close
    grants: dict[int, Grant] = field(default_factory=dict)
    regranted: dict[int, int] = field(default_factory=dict)  # sequence at which a grant was last given to somebody, or taken from
    limits: dict[tuple[Scope, str], int] = field(default_factory=dict)
    uncovered: set[str] = field(default_factory=set)  # limits and kills that the oracle does not follow
    marked: bool = False  # there is market data
    counting: bool = False  # since the first limit or kill
    emptied: dict[tuple[Scope, str], int] = field(default_factory=dict)  # engine time at which the bucket of a message rate is empty
    turnover: dict[Scope, int] = field(default_factory=dict)
    instruments: dict[int, Instrument] = field(default_factory=dict)
    accounts: dict[int, bool] = field(default_factory=dict)
    venues: dict[int, Venue] = field(default_factory=dict)
    strategies: dict[int, Strategy] = field(default_factory=dict)
    routes: dict[int, Route] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)  # row - 1
    by_client: dict[tuple[int, int], Order] = field(default_factory=dict)
    by_venue_id: dict[tuple[int, bytes], list[Order]] = field(default_factory=dict)
    executions: dict[ExecutionKey, Execution] = field(default_factory=dict)
    execution_rows: list[Execution] = field(default_factory=list)  # by row - 1
    positions: dict[PositionKey, Position] = field(default_factory=dict)
    entries: dict[bytes, Entry] = field(default_factory=dict)  # of the ledger, by reference, as they came
    cash: dict[tuple[int, int], tuple[int, int, int, int]] = field(default_factory=dict)
    """Account and currency: entered, entered_base [10^-18], entries, and those without a rate."""
    parameters: dict[tuple[int, bytes], tuple[int, int, int, tuple[int, int]]] = field(default_factory=dict)
    """Strategy and name (32 bytes): value, digits, changes, and what a configuration last set, with digits plus 1."""
    methods: dict[PositionKey, int] = field(default_factory=dict)  # cost methods of their own
    pending: int = 0
    intents: int = 0
    denies: int = 0
    duplicates: int = 0
    fills: int = 0
    duplicate_fills: int = 0
    breaks: int = 0
    reasons: dict[int, str] = field(default_factory=dict)  # sequence of a refused intent: why
    touched: dict[int, Order] = field(default_factory=dict)
    moved: dict[PositionKey, Position] = field(default_factory=dict)

    # ---- lookups

    def find(self, text: bytes, venue: int) -> tuple[Order, int] | None:
        """The order and revision that a ClOrdID of ours names."""
        r: Reference | None = reference(text, self.prefix)
        if r is None or not 0 < r.order <= len(self.orders):
            return None
        o = self.orders[r.order - 1]
        return (o, r.revision) if o.day == r.day and o.venue == venue and (r.revision <= o.revision or r.revision == OUT_OF_BAND) else None

    def position(self, key: PositionKey) -> Position | None:
        """The position of a key, made when there is room for it."""
        p = self.positions.get(key)
        if p is None and len(self.positions) + 1 < self.capacity["positions"]:
            p = self.positions[key] = Position(len(self.positions) + 1)
        if p is not None:
            self.moved[key] = p
        return p


# ---- an order's status ---------------------------------------------------------------------------------------------------------


def by_quantity(o: Order) -> str:
    return "FILLED" if o.cum >= o.qty else "PARTIALLY_FILLED" if o.cum > 0 else "NEW"


def advance(m: Model, o: Order, event: str, fact: str) -> None:
    """Move the base status by the table; what has no row is a break and applied as a fact where quantities allow (S22)."""
    result = TABLE[event].get(o.base)
    if result is None:
        m.breaks += 1
        result = KEEP if o.base == "FILLED" and fact not in (KEEP, BY_QUANTITY, FILLED_OR_KEEP) else fact
    if result == BY_QUANTITY:
        o.base = by_quantity(o)
    elif result == FILLED_OR_KEEP:
        o.base = "FILLED" if o.cum >= o.qty else o.base
    elif result != KEEP:
        o.base = result


def settle(m: Model, o: Order) -> None:
    """What follows from base status and requests: what is shown (R5), what is in flight, what is open."""
    if o.base in OVER and o.requests:
        m.pending -= len(o.requests)
        o.requests = {}
    if o.base == "UNKNOWN":
        o.unknown_since = o.unknown_since or m.now
    else:
        o.unknown_since = 0
    o.updated_ns = o.unknown_since or m.now
    o.shown = o.base
    if o.base != "UNKNOWN" and (o.base == "FILLED" or o.base not in DONE):
        kinds = {r.kind for r in o.requests.values()}
        o.shown = "PENDING_CANCEL" if CANCEL in kinds else "PENDING_REPLACE" if kinds else o.base
    open_orders = m.strategies[o.strategy].open
    if o.shown in DONE:
        open_orders.pop(o.row, None)
    else:
        open_orders.setdefault(o.row, o)
    m.touched[o.row] = o


# ---- requests in flight ----------------------------------------------------------------------------------------------------------


def room(m: Model, o: Order, kind: int) -> bool:
    """A first cancel always has room in its chain; everything else leaves some of chain and table to cancels (S13)."""
    if kind == CANCEL and not o.newest(CANCEL):
        return o.revision < REVISIONS_MAX
    return o.revision < REVISIONS_MAX - REVISIONS_FOR_CANCELS and m.pending < m.capacity["orders"] - 1


def may_cancel(m: Model, o: Order) -> bool:
    """A gateway that does not drain takes cancels as long as they can be kept for it."""
    venue = m.venues[o.venue]
    return not venue.stalled or venue.queued < m.capacity["orders"] - 1


def sent(m: Model, o: Order, *rates: str) -> None:
    """A message of the order goes out: in every scope of it that has one of these rates it stays in a bucket that empties at the rate."""
    for scope in scopes_of(o.strategy, o.account, o.venue, o.instrument) if m.counting else ():
        for rate in rates:
            if per_second := m.limits.get((scope, rate), 0):
                m.emptied[scope, rate] = max(m.emptied.get((scope, rate), 0), m.now) - (-SECOND_NS // per_second)


def ask(m: Model, o: Order, kind: int, px: int = 0, stop_px: int = 0, qty: int = 0) -> None:
    o.revision += 1
    o.requests[o.revision] = Request(kind, o.revision, m.now, px, stop_px, qty)
    m.pending += 1
    m.venues[o.venue].queued += 1
    sent(m, o, *(("MESSAGE_RATE",) if kind == CANCEL else ("MESSAGE_RATE", "REPLACE_RATE")))
    settle(m, o)


def end(m: Model, o: Order, revision: int) -> None:
    if o.requests.pop(revision, None) is not None:
        m.pending -= 1


def end_cancels(m: Model, o: Order) -> None:
    for revision in [r.revision for r in o.requests.values() if r.kind == CANCEL]:
        end(m, o, revision)


def cancel_open(m: Model, strategy: int, instrument: int = 0, account: int = 0, venue: int = 0) -> int:
    """Cancel what is open and is not being cancelled already; return how many could not be asked for."""
    left = 0
    for o in list(m.strategies[strategy].open.values()):
        if (instrument and o.instrument != instrument) or (account and o.account != account) or (venue and o.venue != venue):
            continue
        if any(r.kind == CANCEL and m.now - r.since_ns < LIMIT_NS for r in o.requests.values()):
            continue
        if room(m, o, CANCEL) and may_cancel(m, o):
            ask(m, o, CANCEL)
        else:
            left += 1
    return left


def ask_status(m: Model, o: Order) -> None:
    venue = m.venues[o.venue]
    if venue.up and not venue.stalled:
        o.asked = venue.sessions


def trade_fits(p: Position | None, signed: int, px: int) -> bool:
    """Whether a position could take the trade: every figure in 64 or 128 bits."""
    if p is None or (abs(p.net) + abs(signed) < 1 << 61 and p.bought + p.sold + abs(signed) < 1 << 61 and p.traded + abs(signed * px) < 1 << 123):
        return True
    cost, realized = average(p.net, p.cost, p.realized, signed, px)
    narrow = fits64(p.net + signed) and fits64(p.bought + max(signed, 0)) and fits64(p.sold + max(-signed, 0))
    return narrow and fits128(cost) and fits128(realized) and fits128(p.traded + abs(signed * px))
