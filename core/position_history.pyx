"""The executions of each position, so that a bust walks those of its own position and not the table, and not from the first when it is of late.

    executions, by row ──chain_executions: at timers, and before each use──▶ histories[position].first ─▶ next_of_position ─▶ ... ─▶ last
                                                                                        └── kept: figures 1,024 executions before the newest, of the last walk

A row keeps its account, strategy and instrument for good, so chaining it once is enough; one whose position has no row (held for a fill that never came) is in
none. What a bust or correction changes lies at the place of the first of its chain of corrections: figures that were kept before that row still hold, later
ones are forgotten. So a bust costs the executions since the kept figures, one further back costs all of its position's once.

All of it is private memory of the process, as large as the tables, and no part of the state: a restarted or restored engine chains anew. Nothing can fail;
what does not fit is told to the caller, and the figures that were kept stay. Rejected: the chain as fields of the rows (the hot path would write them, for what
happens a few times a day), figures kept at many places (two walks of a whole position in one day are rare).
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.dedupe cimport find_position
from ringfence.core.positions cimport trade
from ringfence.core.state cimport EngineState, PositionHistory
from ringfence.ipc.records cimport RF_EXECUTION_BOOKED, RF_EXECUTION_HELD, RF_SIDE_BUY, Execution, Position


cdef void chain_executions(EngineState *s, uint64_t most) noexcept nogil:
    cdef uint64_t row, position, end = s.engine.execution_count
    cdef const Execution *x
    cdef PositionHistory *h
    if s.chained > end:  # tables of another moment were put in the place of these
        memset(s.histories, 0, s.position_rows * sizeof(PositionHistory))
        s.chained = 0
    if end - s.chained > most:
        end = s.chained + most
    for row in range(s.chained + 1, end + 1):
        x = &s.executions[row]
        s.next_of_position[row] = 0
        position = find_position(s, x.account, x.strategy, x.instrument)
        if position == 0:
            continue
        h = &s.histories[position]
        if h.last:
            s.next_of_position[h.last] = <uint32_t>row
        else:
            h.first = <uint32_t>row
        h.last = <uint32_t>row
        h.count += 1
    s.chained = end


cdef int trade_again(Position *trial, const EngineState *s, uint64_t row) noexcept nogil:
    cdef const Execution *x = &s.executions[row]
    while x.corrected_by:
        x = &s.executions[x.corrected_by]
    return x.state != RF_EXECUTION_BOOKED or trade(trial, x.last_qty if x.side == RF_SIDE_BUY else -x.last_qty, x.last_px)


cdef int from_executions(EngineState *s, uint64_t position, uint64_t changed, Position *trial) noexcept nogil:
    cdef PositionHistory *h = &s.histories[position]
    cdef uint64_t at, count = 0
    chain_executions(s, ~<uint64_t>0)
    while s.executions[changed].corrects:
        changed = s.executions[changed].corrects
    if h.kept_row == 0 or h.kept_row >= changed:
        memset(&h.kept, 0, sizeof(Position))
        h.kept_row = 0
        h.kept_count = 0
    h.passed_row = 0
    trial[0] = h.kept
    count = h.kept_count
    at = s.next_of_position[h.kept_row] if h.kept_row else h.first
    while at:
        if s.executions[at].corrects == 0 and s.executions[at].state != RF_EXECUTION_HELD and not trade_again(trial, s, at):
            return 0
        count += 1
        if count + KEPT_BEHIND == h.count:
            h.passed = trial[0]
            h.passed_row = at
        at = s.next_of_position[at]
    return 1


cdef void keep(EngineState *s, uint64_t position) noexcept nogil:
    cdef PositionHistory *h = &s.histories[position]
    if h.passed_row:
        h.kept = h.passed
        h.kept_row = h.passed_row
        h.kept_count = h.count - KEPT_BEHIND
    h.passed_row = 0


cdef void forget(EngineState *s, uint64_t position) noexcept nogil:
    s.histories[position].kept_row = 0
