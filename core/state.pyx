"""The engine's tables in memory, their sizes, and the hash that proves two of them equal.

Tables live in the region ``state`` (written by the engine alone, read by everybody) or in anonymous memory (replay, tests);
``EngineState`` is nothing but pointers to them, so both are the same to the code. Row 0 of each table is unused; rows are taken
in order and never given back, so the used rows of a table are ``1..count``. The four indexes are open-addressing tables of
HashSlots over the rows.

The hash folds 64-bit words in four independent multiply-rotate lanes: about memory speed, no lookup, the same on every
machine. It covers used rows only, so that tables of another size give the same hash, and not the indexes, which follow from the rows.
Ports (where outputs go) belong to a state but are not part of it: they are private memory of the process.

What can fail: a section that is missing or too small is refused at attach; memory that cannot be had raises MemoryError.
Rejected: hashing on every input (each order touches 384 bytes, the hash is for checkpoints), cryptographic hashes (ten times slower).
"""

from libc.stdint cimport uint32_t, uint64_t, uintptr_t
from libc.string cimport memset
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE, mmap, munmap

from ringfence.core.lots cimport LedgerTables
from ringfence.ipc.records cimport (
    LedgerCheckpoint, LedgerEvent, LedgerHead, LedgerInstrument, LedgerPick, LedgerPosition, Lot, OrderCommand, StrategyEvent,
)
from ringfence.core.errors import CoreError
from ringfence.ipc.schema import CONSTANTS, RECORDS

from dataclasses import dataclass

LEDGER_CHECKPOINT_EVENTS = CONSTANTS["LEDGER_CHECKPOINT_EVENTS"][0]

_TABLES = {
    "engine": ("EngineStatus", None),
    "instruments": ("Instrument", "instruments"),
    "accounts": ("Account", "accounts"),
    "venues": ("Venue", "venues"),
    "strategies": ("Strategy", "strategies"),
    "routes": ("Route", "routes"),
    "brokers": ("Broker", "brokers"),
    "desks": ("Desk", "desks"),
    "currencies": ("Currency", "currencies"),
    "permissions": ("Permission", "permissions"),
    "operators": ("Operator", "operators"),
    "proposals": ("Proposal", "proposals"),
    "scopes": ("Scope", "scopes"),
    "orders": ("Order", "orders"),
    "executions": ("Execution", "executions"),
    "positions": ("Position", "positions"),
    "breaks": ("Break", "breaks"),
    "ledger": ("LedgerHead", None),
    "margin_rates": ("MarginRate", "margin_rates"),
    "lots": ("Lot", "lots"),
    "parameters": ("Parameter", "parameters"),
}
# Sized after another table: twice the orders, so that every order can have a cancel in flight whatever else is (orders.request_room);
# four scope sets a scope, which is enough while most accounts are one strategy's own; when they run out first, orders of new ones are refused (SCOPES_FULL);
# sixteen currencies an account, eight value dates a position: what comes beyond is refused, or counted with its neighbour (core/value_dates.pyx);
# an event of the ledger for each execution and for a bust of it, and a checkpoint for each 64 of those, so that none is ever dropped.
_DERIVED = {
    "requests": ("Request", "orders", 2, 1), "scope_sets": ("ScopeSet", "scopes", CONSTANTS["SETS_OF_SCOPE"][0], 1),
    "cash": ("CashBalance", "accounts", CONSTANTS["CASH_OF_ACCOUNT"][0], 1), "calendars": ("Calendar", "currencies", 1, 1),
    "value_dates": ("ValueDate", "positions", CONSTANTS["DATES_OF_POSITION"][0], 1),
    "ledger_instruments": ("LedgerInstrument", "instruments", 1, 1),
    "ledger_positions": ("LedgerPosition", "positions", 1, 1), "ledger_events": ("LedgerEvent", "executions", 2, 1),
    "ledger_picks": ("LedgerPick", "executions", 1, 1), "ledger_checkpoints": ("LedgerCheckpoint", "executions", 1, LEDGER_CHECKPOINT_EVENTS // 2),
}
_INDEXES = {
    "by_client_id": "orders", "by_execution": "executions", "by_position": "positions", "by_venue_order_id": "orders", "by_content": "orders",
    "by_scope": "scopes", "by_scope_set": "scope_sets",
}
_LEDGER_INDEXES = ("by_ledger_position", "by_ledger_key")

cdef extern from *:
    """
    /* One row into four lanes; bytes is a multiple of 32. */
    static inline void rf_hash_row(uint64_t lane[4], const void *row, uint64_t bytes) {
        static const uint64_t factor[4] = {0x9E3779B97F4A7C15ull, 0xC2B2AE3D27D4EB4Full, 0x165667B19E3779F9ull, 0xD6E8FEB86659FD93ull};
        const unsigned char *p = (const unsigned char *)row;
        for (uint64_t at = 0; at < bytes; at += 32) {
            for (int i = 0; i < 4; i++) {
                uint64_t word;
                memcpy(&word, p + at + 8 * i, 8);
                uint64_t v = (lane[i] ^ word) * factor[i];
                lane[i] = (v << 29 | v >> 35) + factor[3 - i];
            }
        }
    }
    """
    void rf_hash_row(uint64_t *lane, const void *row, uint64_t bytes) noexcept nogil


@dataclass(frozen=True)
class Limits:
    """Rows that each table can hold; a full table is a counted refusal or a break, never a grow.

    Raises
    ------
    CoreError
        If a figure is not positive or too large for the ids that name its rows.
    """

    orders: int = 65536
    executions: int = 131072
    positions: int = 4096
    breaks: int = 4096
    instruments: int = 256
    accounts: int = 64
    venues: int = 16
    strategies: int = 64
    routes: int = 256
    brokers: int = 16
    desks: int = 32
    currencies: int = 32
    permissions: int = 64
    operators: int = 32
    proposals: int = 256
    scopes: int = 4096
    lots: int = 65536
    margin_rates: int = 256
    parameters: int = 256

    def __post_init__(self) -> None:
        tops = {"routes": 65534, "permissions": 65534, "brokers": 65534, "desks": 65534, "currencies": 65534, "operators": 65534, "margin_rates": 65534}
        tops["parameters"] = CONSTANTS["PARAMETERS_MAX"][0]
        tops |= {name: CONSTANTS[f"{name.upper()}_MAX"][0] for name in ("venues", "strategies", "accounts")}
        tops["instruments"] = CONSTANTS["INSTRUMENTS_MAX"][0] - 1
        for name in self.__dataclass_fields__:
            value, top = getattr(self, name), tops.get(name, 1 << 30)
            if not 1 <= value <= top:
                raise CoreError(f"limits.{name} was {value}; allowed are 1 to {top}")
        if self.lots <= self.positions:
            raise CoreError(f"limits.lots was {self.lots}; allowed are more than the {self.positions} positions, so that merged lots make room")


def _slots(int rows):
    """Return the slots of an index over ``rows`` rows: a power of two, at most half full."""
    cdef int n = 16
    while n < 2 * rows:
        n *= 2
    return n


def _derived_rows(name, rows):
    """Rows of a derived table, row 0 included, where the one that it is sized after has ``rows`` without it."""
    _, _, times, each = _DERIVED[name]
    return times * rows // each + (1 if each == 1 else 2)


def state_sections(limits):
    """Return ``[(section name, record name, rows)]`` of the region ``state``, row 0 included."""
    out = [(name, record, 2 if field is None else getattr(limits, field) + 1) for name, (record, field) in _TABLES.items()]
    out += [(name, record, _derived_rows(name, getattr(limits, field))) for name, (record, field, *_) in _DERIVED.items()]
    rows = {name: n for name, _, n in out}
    out += [(name, "HashSlot", _slots(rows[table])) for name, table in _INDEXES.items()]
    return out + [(name, "LedgerSlot", _slots(max(rows["ledger_events"], rows["ledger_positions"]))) for name in _LEDGER_INDEXES]


cdef extern from "<sys/mman.h>":
    int madvise(void *address, size_t bytes, int advice) noexcept nogil
    int MADV_HUGEPAGE
    int MADV_POPULATE_WRITE

cdef enum:
    HEAD_ROWS = 32           # sizes of the ledger's tables, at the beginning of its head
    HEAD_HASHED = 160        # what follows them
    HUGE_FROM = 268435456    # tables of so many bytes are worth huge pages: a replay of millions of orders touches them at random


cdef uint64_t hash_rows(uint64_t h, const unsigned char *rows, uint64_t stride, uint64_t first, uint64_t end, uint64_t used) noexcept nogil:
    """Fold rows ``first`` to ``end - 1`` of a table of which ``used`` rows are in use."""
    cdef uint64_t lane[4]
    cdef uint64_t i
    for i in range(4):
        lane[i] = h + i
    for i in range(first, end if end <= used else used + 1):
        rf_hash_row(lane, rows + i * stride, stride)
    h = lane[0]
    for i in range(1, 4):
        h = (h ^ (h >> 32)) * <uint64_t>0x9E3779B97F4A7C15 + lane[i]
    h = (h ^ used) * <uint64_t>0xD6E8FEB86659FD93
    return h ^ (h >> 29)


cdef inline uint64_t hash_table(uint64_t h, const unsigned char *rows, uint64_t stride, uint64_t used) noexcept nogil:
    return hash_rows(h, rows, stride, 1, used + 1, used)


cdef uint64_t breaks_kept(const EngineState *s) noexcept nogil:
    return s.engine.break_count if s.engine.break_count < s.break_rows else s.break_rows - 1


cdef uint64_t short_hash(const EngineState *s) noexcept nogil:
    cdef const EngineStatus *e = s.engine
    cdef uint64_t h = hash_table(1, <const unsigned char*>(s.engine - 1), sizeof(EngineStatus), 1)
    h = hash_table(h, <const unsigned char*>s.instruments, sizeof(Instrument), e.instrument_count)
    h = hash_table(h, <const unsigned char*>s.accounts, sizeof(Account), e.account_count)
    h = hash_table(h, <const unsigned char*>s.venues, sizeof(Venue), e.venue_count)
    h = hash_table(h, <const unsigned char*>s.strategies, sizeof(Strategy), e.strategy_count)
    h = hash_table(h, <const unsigned char*>s.routes, sizeof(Route), e.route_count)
    h = hash_table(h, <const unsigned char*>s.brokers, sizeof(Broker), e.broker_count)
    h = hash_table(h, <const unsigned char*>s.desks, sizeof(Desk), e.desk_count)
    h = hash_table(h, <const unsigned char*>s.currencies, sizeof(Currency), e.currency_count)
    h = hash_table(h, <const unsigned char*>s.calendars, sizeof(Calendar), e.currency_count)
    h = hash_table(h, <const unsigned char*>s.margin_rates, sizeof(MarginRate), e.margin_rate_count)
    h = hash_table(h, <const unsigned char*>s.parameters, sizeof(Parameter), e.parameter_count)
    h = hash_table(h, <const unsigned char*>s.permissions, sizeof(Permission), e.permission_count)
    h = hash_table(h, (<const unsigned char*>s.ledger.head) + HEAD_ROWS - HEAD_HASHED, HEAD_HASHED, 1)
    h = hash_table(h, <const unsigned char*>s.ledger.instruments, sizeof(LedgerInstrument), e.instrument_count)
    return hash_table(h, <const unsigned char*>s.operators, sizeof(Operator), e.operator_count)


cdef uint64_t window_hash(const EngineState *s, uint64_t first, uint64_t rows) noexcept nogil:
    cdef const EngineStatus *e = s.engine
    cdef uint64_t end = first + rows if rows <= ~first else ~<uint64_t>0  # a window beyond every row there can be
    cdef const LedgerTables *t = &s.ledger
    cdef uint64_t h = short_hash(s)
    h = hash_rows(h, <const unsigned char*>t.positions, sizeof(LedgerPosition), first, end, t.head.position_count)
    h = hash_rows(h, <const unsigned char*>t.lots, sizeof(Lot), first, end, t.head.lot_count)
    h = hash_rows(h, <const unsigned char*>t.events, sizeof(LedgerEvent), first, end, t.head.event_count)
    h = hash_rows(h, <const unsigned char*>t.picks, sizeof(LedgerPick), first, end, t.head.pick_count)
    h = hash_rows(h, <const unsigned char*>t.checkpoints, sizeof(LedgerCheckpoint), first, end, t.head.checkpoint_count)
    h = hash_rows(h, <const unsigned char*>s.orders, sizeof(Order), first, end, e.order_count)
    h = hash_rows(h, <const unsigned char*>s.requests, sizeof(Request), first, end, e.request_count)
    h = hash_rows(h, <const unsigned char*>s.executions, sizeof(Execution), first, end, e.execution_count)
    h = hash_rows(h, <const unsigned char*>s.positions, sizeof(Position), first, end, e.position_count)
    h = hash_rows(h, <const unsigned char*>s.proposals, sizeof(Proposal), first, end, e.proposal_count)
    h = hash_rows(h, <const unsigned char*>s.scopes, sizeof(Scope), first, end, e.scope_count)
    h = hash_rows(h, <const unsigned char*>s.scope_sets, sizeof(ScopeSet), first, end, e.scope_set_count)
    h = hash_rows(h, <const unsigned char*>s.cash, sizeof(CashBalance), first, end, e.cash_count)
    h = hash_rows(h, <const unsigned char*>s.value_dates, sizeof(ValueDate), first, end, e.value_date_count)
    return hash_rows(h, <const unsigned char*>s.breaks, sizeof(Break), first, end, breaks_kept(s))


cdef uint64_t state_hash(const EngineState *s) noexcept nogil:
    return window_hash(s, 1, ~<uint64_t>0)


cdef uint64_t longest_table(const EngineState *s) noexcept nogil:
    cdef const EngineStatus *e = s.engine
    cdef uint64_t n = e.order_count
    n = e.request_count if e.request_count > n else n
    n = e.execution_count if e.execution_count > n else n
    n = e.position_count if e.position_count > n else n
    n = e.proposal_count if e.proposal_count > n else n
    n = e.scope_count if e.scope_count > n else n
    n = e.scope_set_count if e.scope_set_count > n else n
    n = e.cash_count if e.cash_count > n else n
    n = e.value_date_count if e.value_date_count > n else n
    n = s.ledger.head.pick_count if s.ledger.head.pick_count > n else n
    n = s.ledger.head.lot_count if s.ledger.head.lot_count > n else n
    n = s.ledger.head.event_count if s.ledger.head.event_count > n else n
    n = s.ledger.head.checkpoint_count if s.ledger.head.checkpoint_count > n else n
    return breaks_kept(s) if breaks_kept(s) > n else n


cdef class State:
    """Every table of one engine.

    Make one with ``State.in_memory`` (replay, tests) or ``State.in_segment`` (the live engine). ``table`` gives numpy views; they stay
    valid while the state lives.
    """

    def __cinit__(self):
        memset(&self.c, 0, sizeof(EngineState))
        self.places = {}

    @staticmethod
    def in_memory(limits, *, touched=False):
        """Return an empty state in anonymous memory; ``touched`` has all of its pages now, so that a process that stays does not grow.

        Raises
        ------
        MemoryError
            If the system has not enough address space for the tables.
        """
        cdef State self = State()
        cdef size_t total = 0
        self.limits = limits
        layout = []
        for name, record, rows in state_sections(limits):
            layout.append((name, record, rows, total))
            total += (RECORDS[record].size * rows + 4095) & ~4095
        self.memory = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if self.memory == MAP_FAILED:
            self.memory = NULL
            raise MemoryError(f"no {total} bytes for the tables; lower the [limits] of the configuration")
        if total >= HUGE_FROM:
            madvise(self.memory, total, MADV_HUGEPAGE)  # a kernel without them says no, and nothing is lost
        if touched:
            madvise(self.memory, total, MADV_POPULATE_WRITE)  # an old kernel says no: the pages come when they are used
        self.memory_bytes = total
        self.places = {name: (<uintptr_t>self.memory + offset, record, rows) for name, record, rows, offset in layout}
        self.point()
        return self

    @staticmethod
    def in_segment(segment):
        """Return the state whose tables are the sections of a region opened for writing; it keeps the region open.

        Raises
        ------
        CoreError
            If a section is missing, too small or of another record.
        """
        cdef State self = State()
        self.segment = segment
        rows_of = {}
        for name, record, _ in state_sections(Limits()):
            try:
                view = segment.section(name)
            except KeyError:
                raise CoreError(f"region has no section {name}: create it from state_sections(limits)") from None
            if view.dtype.itemsize != RECORDS[record].size or len(view) < 2:
                raise CoreError(f"section {name} has {len(view)} rows of {view.dtype.itemsize} bytes, expected {RECORDS[record].size} a row")
            rows_of[name] = len(view)
            self.places[name] = (<uintptr_t>view.__array_interface__["data"][0], record, len(view))
        for name, (_, of, *_) in _DERIVED.items():
            needed = _derived_rows(name, rows_of[of] - 1)
            if rows_of[name] != needed:
                raise CoreError(f"section {name} has {rows_of[name]} rows; {needed} are needed for {rows_of[of] - 1} {of}")
        slots = _slots(max(rows_of["ledger_events"], rows_of["ledger_positions"]))
        for name in _LEDGER_INDEXES:
            if rows_of[name] != slots:
                raise CoreError(f"section {name} has {rows_of[name]} slots; {slots} are needed")
        for name in _INDEXES:
            if rows_of[name] & (rows_of[name] - 1) or rows_of[name] < 2 * rows_of[_INDEXES[name]]:
                raise CoreError(f"section {name} has {rows_of[name]} slots; a power of two of at least {2 * rows_of[_INDEXES[name]]} is needed")
        self.limits = Limits(**{field: rows_of[name] - 1 for name, (_, field) in _TABLES.items() if field is not None})
        self.point()
        return self

    cdef void *at(self, str name) except NULL:
        return <void*><uintptr_t>self.places[name][0]

    cdef point(self):
        cdef EngineState *c = &self.c
        rows = {name: place[2] for name, place in self.places.items()}
        c.engine = (<EngineStatus*>self.at("engine")) + 1
        c.instruments = <Instrument*>self.at("instruments")
        c.accounts = <Account*>self.at("accounts")
        c.venues = <Venue*>self.at("venues")
        c.strategies = <Strategy*>self.at("strategies")
        c.routes = <Route*>self.at("routes")
        c.brokers = <Broker*>self.at("brokers")
        c.desks = <Desk*>self.at("desks")
        c.currencies = <Currency*>self.at("currencies")
        c.permissions = <Permission*>self.at("permissions")
        c.operators = <Operator*>self.at("operators")
        c.proposals = <Proposal*>self.at("proposals")
        c.scopes = <Scope*>self.at("scopes")
        c.scope_sets = <ScopeSet*>self.at("scope_sets")
        c.cash = <CashBalance*>self.at("cash")
        c.calendars = <Calendar*>self.at("calendars")
        c.value_dates = <ValueDate*>self.at("value_dates")
        c.margin_rates = <MarginRate*>self.at("margin_rates")
        c.parameters = <Parameter*>self.at("parameters")
        c.orders = <Order*>self.at("orders")
        c.requests = <Request*>self.at("requests")
        c.executions = <Execution*>self.at("executions")
        c.positions = <Position*>self.at("positions")
        c.breaks = <Break*>self.at("breaks")
        c.by_client_id = <HashSlot*>self.at("by_client_id")
        c.by_execution = <HashSlot*>self.at("by_execution")
        c.by_position = <HashSlot*>self.at("by_position")
        c.by_venue_order_id = <HashSlot*>self.at("by_venue_order_id")
        c.by_content = <HashSlot*>self.at("by_content")
        c.by_scope = <HashSlot*>self.at("by_scope")
        c.by_scope_set = <HashSlot*>self.at("by_scope_set")
        c.instrument_rows, c.account_rows, c.venue_rows = rows["instruments"], rows["accounts"], rows["venues"]
        c.strategy_rows, c.route_rows, c.order_rows = rows["strategies"], rows["routes"], rows["orders"]
        c.request_rows, c.scope_set_rows = rows["requests"], rows["scope_sets"]
        c.broker_rows, c.desk_rows, c.currency_rows = rows["brokers"], rows["desks"], rows["currencies"]
        c.permission_rows, c.operator_rows = rows["permissions"], rows["operators"]
        c.cash_rows, c.value_date_rows, c.margin_rate_rows = rows["cash"], rows["value_dates"], rows["margin_rates"]
        c.proposal_rows, c.scope_rows, c.parameter_rows = rows["proposals"], rows["scopes"], rows["parameters"]
        c.execution_rows, c.position_rows, c.break_rows = rows["executions"], rows["positions"], rows["breaks"]
        c.client_mask, c.execution_mask = rows["by_client_id"] - 1, rows["by_execution"] - 1
        c.position_mask, c.venue_order_mask = rows["by_position"] - 1, rows["by_venue_order_id"] - 1
        c.content_mask, c.scope_mask, c.scope_set_mask = rows["by_content"] - 1, rows["by_scope"] - 1, rows["by_scope_set"] - 1
        self.point_ledger()
        self.make_ports()

    cdef point_ledger(self):
        cdef LedgerTables *t = &self.c.ledger
        rows = {name: place[2] for name, place in self.places.items()}
        t.head = (<LedgerHead*>self.at("ledger")) + 1
        t.instruments = <LedgerInstrument*>self.at("ledger_instruments")
        t.positions = <LedgerPosition*>self.at("ledger_positions")
        t.lots = <Lot*>self.at("lots")
        t.events = <LedgerEvent*>self.at("ledger_events")
        t.picks = <LedgerPick*>self.at("ledger_picks")
        t.checkpoints = <LedgerCheckpoint*>self.at("ledger_checkpoints")
        t.by_position = <uint32_t*>self.at("by_ledger_position")
        t.by_key = <uint32_t*>self.at("by_ledger_key")
        t.head.instrument_rows, t.head.position_rows, t.head.lot_rows = rows["ledger_instruments"], rows["ledger_positions"], rows["lots"]
        t.head.event_rows, t.head.pick_rows, t.head.checkpoint_rows = rows["ledger_events"], rows["ledger_picks"], rows["ledger_checkpoints"]
        t.head.slots = rows["by_ledger_key"]
        t.hold_unnamed = 1

    def clear(self):
        """Empty every table and index again, and what was queued for gateways."""
        for name in self.places:
            memset(self.at(name), 0, self.places[name][2] * RECORDS[self.places[name][1]].size)
        self.point_ledger()
        self.c.chained = 0
        memset(self.c.histories, 0, self.c.position_rows * sizeof(PositionHistory))
        for row in range(1, self.limits.venues + 1):
            self.take_queue(row)

    cdef make_ports(self):
        cdef size_t ports = (self.c.venue_rows + self.c.strategy_rows) * sizeof(Port)
        cdef uint32_t i
        cdef size_t histories = self.c.position_rows * sizeof(PositionHistory) + self.c.execution_rows * sizeof(uint32_t)
        self.port_bytes = ports + self.c.position_rows * sizeof(Position) + histories + 4096
        self.port_memory = mmap(NULL, self.port_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if self.port_memory == MAP_FAILED:
            self.port_memory = NULL
            raise MemoryError("no memory for the output ports and copies of positions")
        madvise(self.port_memory, self.port_bytes, MADV_POPULATE_WRITE)
        self.c.gateways = <Port*>self.port_memory
        self.c.strategy_ports = self.c.gateways + self.c.venue_rows
        self.c.trials = <Position*>(self.c.strategy_ports + self.c.strategy_rows)
        self.c.histories = <PositionHistory*>(self.c.trials + self.c.position_rows)
        self.c.next_of_position = <uint32_t*>(self.c.histories + self.c.position_rows)
        self.c.chained = 0
        self.c.scratch = <unsigned char*>self.port_memory + self.port_bytes - 512
        for i in range(self.c.venue_rows):
            self.c.gateways[i].slot_bytes = sizeof(OrderCommand)
        for i in range(self.c.strategy_rows):
            self.c.strategy_ports[i].slot_bytes = sizeof(StrategyEvent)

    cdef Port *port(self, uint32_t row, int of_strategy) except NULL:
        cdef uint32_t rows = self.c.strategy_rows if of_strategy else self.c.venue_rows
        if not 0 < row < rows:
            raise CoreError(f"{'strategy' if of_strategy else 'venue'} row {row} was outside 1 to {rows - 1}")
        return &self.c.strategy_ports[row] if of_strategy else &self.c.gateways[row]

    def open_queue(self, uint32_t row, *, strategy=False):
        """Give a port its private queue for what a full ring, or no ring, cannot take; a gateway (``row`` of venues) needs one to be connected.

        Its bound for a gateway: one input emits at most one command an order, and while the port is stalled only cancels are taken, as many as
        there are order rows (``DenyReason.GATEWAY_STALLED`` after that). Pages are touched when first used: never while the gateway keeps up.

        Raises
        ------
        MemoryError
            If the address space for it cannot be had.
        """
        cdef Port *port = self.port(row, strategy)
        cdef uint64_t slots = _slots(self.c.order_rows)
        if port.queue != NULL:
            return
        memory = <uintptr_t>mmap(NULL, slots * port.slot_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if memory == <uintptr_t>MAP_FAILED:
            raise MemoryError(f"no memory for {slots} queued outputs of row {row}")
        port.queue = <unsigned char*><uintptr_t>memory
        port.queue_mask = slots - 1

    def take_queue(self, uint32_t row, *, strategy=False):
        """Return the queued outputs of a port as a numpy array (a copy), oldest first, and empty the queue."""
        import numpy
        from ringfence.ipc.layout import dtype

        cdef Port *port = self.port(row, strategy)
        cdef bytearray out = bytearray()
        cdef unsigned char *at
        while port.queue_first != port.queue_next:
            at = port.queue + (port.queue_first & port.queue_mask) * port.slot_bytes
            out += (<char*>at)[:port.slot_bytes]
            port.queue_first += 1
        return numpy.frombuffer(out, dtype("StrategyEvent" if strategy else "OrderCommand"))

    def __dealloc__(self):
        cdef uint32_t i
        if self.port_memory != NULL:
            for i in range(self.c.venue_rows + self.c.strategy_rows):  # the strategies' ports follow the gateways'
                if self.c.gateways[i].queue != NULL:
                    munmap(self.c.gateways[i].queue, (self.c.gateways[i].queue_mask + 1) * self.c.gateways[i].slot_bytes)
            munmap(self.port_memory, self.port_bytes)
        if self.memory != NULL:
            munmap(self.memory, self.memory_bytes)

    @property
    def seq(self):
        """Journal sequence of the last frame applied."""
        return self.c.engine.seq

    def state_hash(self):
        """Return the 64-bit hash over the used rows of all tables; equal state, equal hash, on every machine."""
        cdef uint64_t h
        with nogil:
            h = state_hash(&self.c)
        return h

    def window_hash(self, uint64_t first, uint64_t rows):
        """Return the hash that a checkpoint of this window holds: the short tables, and rows from ``first`` (1 or more) of the long ones."""
        cdef uint64_t h
        if first == 0:
            raise CoreError("a window begins at row 1 or later; row 0 of each table is unused")
        with nogil:
            h = window_hash(&self.c, first, rows)
        return h

    def used_rows(self, str name):
        """Return how many rows of a table are in use: 1 to this number.

        Raises
        ------
        CoreError
            If it is an index, or no table.
        """
        cdef const EngineStatus *e = self.c.engine
        counts = {
            "engine": 1, "instruments": e.instrument_count, "accounts": e.account_count, "venues": e.venue_count, "strategies": e.strategy_count,
            "routes": e.route_count, "brokers": e.broker_count, "desks": e.desk_count, "currencies": e.currency_count,
            "permissions": e.permission_count, "operators": e.operator_count, "proposals": e.proposal_count, "scopes": e.scope_count,
            "scope_sets": e.scope_set_count,
            "cash": e.cash_count, "calendars": e.currency_count, "value_dates": e.value_date_count, "margin_rates": e.margin_rate_count,
            "parameters": e.parameter_count,
            "orders": e.order_count, "requests": e.request_count, "executions": e.execution_count,
            "positions": e.position_count, "breaks": breaks_kept(&self.c),
            "ledger": 1, "ledger_instruments": e.instrument_count, "ledger_positions": self.c.ledger.head.position_count,
            "lots": self.c.ledger.head.lot_count, "ledger_events": self.c.ledger.head.event_count, "ledger_picks": self.c.ledger.head.pick_count,
            "ledger_checkpoints": self.c.ledger.head.checkpoint_count,
        }
        if name not in counts:
            raise CoreError(f"no table {name!r}; there are {', '.join(counts)}")
        return counts[name]

    def table(self, str name):
        """Return a table or index as a numpy array of its record, row 0 included; live memory, not a copy.

        Raises
        ------
        CoreError
            If there is no such table.
        """
        import numpy
        from ringfence.ipc.layout import dtype

        if name not in self.places:
            raise CoreError(f"no table {name!r}; there are {', '.join(self.places)}")
        address, record, rows = self.places[name]
        return numpy.asarray(_Memory(self, address, rows * RECORDS[record].size)).view(dtype(record))

    def output_seq(self, uint32_t venue):
        """Return the number of the last output to a gateway."""
        if not 0 < venue < self.c.venue_rows:
            raise CoreError(f"venue row {venue} was outside 1 to {self.c.venue_rows - 1}")
        return self.c.venues[venue].output_seq


class _Memory:
    """Bytes of a state for numpy, which then keeps the state alive."""

    def __init__(self, state, address, size):
        self.state = state
        self.__array_interface__ = {"version": 3, "shape": (size,), "typestr": "|u1", "data": (address, False)}
