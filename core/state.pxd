# The engine's tables as C sees them: pointers into one region or one anonymous mapping, and where outputs go.
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp

from ringfence.ipc.records cimport (
    Account, Break, Broker, Calendar, CashBalance, Currency, Desk, EngineStatus, Execution, HashSlot, Instrument, MarginRate, Operator, Order, Parameter,
    Permission, Position, Proposal, Request, Route, Scope, ScopeSet, Strategy, ValueDate, Venue,
)
from ringfence.core.lots cimport LedgerTables
from ringfence.ipc.clock cimport rf_clock_t
from ringfence.ipc.ring cimport rf_ring_t

# Where the outputs to one peer go. `queue` holds what a full ring could not take (gateways only), oldest at queue_first.
ctypedef struct Port:
    rf_ring_t *ring              # NULL: no link
    unsigned char *queue         # NULL: outputs that do not fit are dropped and counted
    uint64_t queue_mask
    uint64_t queue_first
    uint64_t queue_next
    uint64_t emit_above          # an output numbered so or less is counted only: the peer has it
    uint64_t slot_bytes
    uint64_t sent                # into the ring
    uint64_t queued              # ever put into the queue
    uint64_t dropped             # did not fit and could not be queued
    int opened                   # PORT_*: where the output being filled will go
    rf_clock_t *clock            # stamps commands as they go out, for latency accounting alone; NULL in a replay: they carry 0

ctypedef struct PositionHistory:  # the executions of one position; private to the process, built from the rows when it is asked for
    Position kept                # figures after the executions up to kept_row
    Position passed              # the same of the walk under way, which may not hold
    uint64_t kept_row            # 0: none are kept
    uint64_t passed_row
    uint64_t kept_count          # executions up to there
    uint64_t count
    uint32_t first               # rows of executions
    uint32_t last

ctypedef struct EngineState:
    EngineStatus *engine
    Instrument *instruments
    Account *accounts
    Venue *venues
    Strategy *strategies
    Route *routes
    Broker *brokers
    Desk *desks
    Currency *currencies
    Permission *permissions
    Operator *operators
    Proposal *proposals
    Scope *scopes
    ScopeSet *scope_sets
    CashBalance *cash
    Calendar *calendars          # by currency row
    ValueDate *value_dates
    MarginRate *margin_rates
    Parameter *parameters
    Order *orders
    Request *requests
    Execution *executions
    Position *positions
    Break *breaks
    LedgerTables ledger          # books what positions trade; no legs, no closings
    HashSlot *by_client_id
    HashSlot *by_execution
    HashSlot *by_position
    HashSlot *by_venue_order_id
    HashSlot *by_content         # content digest -> newest order of that content
    HashSlot *by_scope           # (kind, a, b) -> row in scopes
    HashSlot *by_scope_set       # (strategy, account, venue, instrument) -> row in scope_sets
    uint32_t instrument_rows     # rows of each table, row 0 included
    uint32_t account_rows
    uint32_t venue_rows
    uint32_t strategy_rows
    uint32_t route_rows
    uint32_t broker_rows
    uint32_t desk_rows
    uint32_t currency_rows
    uint32_t permission_rows
    uint32_t operator_rows
    uint32_t proposal_rows
    uint32_t scope_rows
    uint32_t scope_set_rows
    uint32_t cash_rows
    uint32_t value_date_rows
    uint32_t margin_rate_rows
    uint32_t parameter_rows
    uint32_t order_rows
    uint32_t request_rows
    uint32_t execution_rows
    uint32_t position_rows
    uint32_t break_rows
    uint64_t client_mask
    uint64_t execution_mask
    uint64_t position_mask
    uint64_t venue_order_mask
    uint64_t content_mask
    uint64_t scope_mask
    uint64_t scope_set_mask
    uint64_t intent_ns           # stamps of the input being applied, carried to the commands that it causes
    uint64_t origin_ns
    Port *gateways               # by venue row
    Port *strategy_ports         # by strategy row
    uint64_t overflowed          # outputs that did not fit in a ring since the engine last looked
    Position *trials             # copies that positions are computed again in, a row each; outside the state
    PositionHistory *histories   # by position row; outside the state
    uint32_t *next_of_position   # by execution row: the next one of the same position; outside the state
    uint64_t chained             # executions that are in histories
    unsigned char *scratch       # where an output that is only counted is written

# 64-bit hash over the used rows of every table; independent of addresses. Indexes are left out: they follow from the rows.
cdef uint64_t state_hash(const EngineState *s) noexcept nogil
# The same over the short tables and rows first to first + rows - 1 of the long ones (orders, requests, executions, positions, breaks): a bounded price.
cdef uint64_t window_hash(const EngineState *s, uint64_t first, uint64_t rows) noexcept nogil
# Breaks that have a row.
cdef uint64_t breaks_kept(const EngineState *s) noexcept nogil
# The row of a currency's code (8 bytes, zero-padded), 0 when it has none.
cdef inline uint16_t currency_of(const EngineState *s, const char *code) noexcept nogil:
    cdef uint32_t i
    for i in range(1, s.engine.currency_count + 1):
        if code[0] and memcmp(s.currencies[i].code, code, 8) == 0:
            return <uint16_t>i
    return 0

# Rows of the longest of the long tables.
cdef uint64_t longest_table(const EngineState *s) noexcept nogil

cdef class State:
    cdef EngineState c
    cdef readonly object limits
    cdef object segment
    cdef dict places
    cdef void *memory
    cdef size_t memory_bytes
    cdef void *port_memory
    cdef size_t port_bytes
    cdef void *at(self, str name) except NULL
    cdef point(self)
    cdef point_ledger(self)
    cdef make_ports(self)
    cdef Port *port(self, uint32_t row, int of_strategy) except NULL
