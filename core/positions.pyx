"""Positions: signed quantity, total cost and realized PnL per (account, strategy, instrument), by weighted average cost.

State is (quantity, cost), both signed: a short has negative cost. Unit cost is derived, never stored. A trade against the position takes
``cost * k / n`` out (half-even, 128 bits), the last close takes all, so a flat position has cost exactly 0 and conservation is exact
at every step. A trade through zero is a close and an open. Figures are in price x quantity scale and do not contain the contract multiplier.
Strategy 0 is suspense (S3). Written by the engine alone, in the state region.

A bust or correction is not a reversing trade: the position is computed again from its surviving executions in the order in which they were
booked, a corrected one in its original place. That walks the execution table, off the common path (some milliseconds when the table is large).
Only when that table overflowed, so that fills were booked without a row, a reversing trade keeps the quantity right, and a break says so.
What can fail: an overflow or a full table changes nothing; the caller raises a break. Rejected: an average price in the state (drifts by rounding).
"""

from libc.stdint cimport INT64_MIN, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.dedupe cimport add_position, find_position
from ringfence.core.fixed cimport rf_add, rf_sub, rf_wide_add_product, rf_wide_share, rf_wide_sub
from ringfence.core.reservations cimport revalue
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_EXECUTION_BOOKED, RF_EXECUTION_HELD, RF_SIDE_BUY, Execution, Position,
)


cdef inline int close_leg(Position *p, int64_t signed_qty, int64_t px) noexcept nogil:
    """Take ``signed_qty`` (against the position, at most all of it) out: cost leaves in proportion, the difference is realized."""
    cdef uint64_t out_lo
    cdef int64_t out_hi, n, k
    n = p.net_qty if p.net_qty > 0 else -p.net_qty
    k = signed_qty if signed_qty > 0 else -signed_qty
    rf_wide_share(p.cost_lo, p.cost_hi, k, n, &out_lo, &out_hi)
    if not rf_wide_sub(&p.cost_lo, &p.cost_hi, out_lo, out_hi):
        return 0
    if not rf_wide_add_product(&p.realized_lo, &p.realized_hi, -signed_qty, px) or not rf_wide_sub(&p.realized_lo, &p.realized_hi, out_lo, out_hi):
        return 0
    return rf_add(p.net_qty, signed_qty, &p.net_qty)


cdef int trade(Position *p, int64_t signed_qty, int64_t px) noexcept nogil:
    cdef int64_t closing, opening = signed_qty, absolute_px
    if signed_qty == INT64_MIN or px == INT64_MIN or p.net_qty == INT64_MIN:
        return 0
    absolute_px = px if px > 0 else -px
    if p.net_qty != 0 and (p.net_qty > 0) != (signed_qty > 0):
        closing = signed_qty
        if (signed_qty > 0 and signed_qty > -p.net_qty) or (signed_qty < 0 and -signed_qty > p.net_qty):
            closing = -p.net_qty
        opening = signed_qty - closing
        if not close_leg(p, closing, px):
            return 0
    if opening != 0 and (not rf_wide_add_product(&p.cost_lo, &p.cost_hi, opening, px) or not rf_add(p.net_qty, opening, &p.net_qty)):
        return 0
    if signed_qty > 0:
        if not rf_add(p.bought_qty, signed_qty, &p.bought_qty) or not rf_wide_add_product(&p.traded_lo, &p.traded_hi, signed_qty, absolute_px):
            return 0
    elif not rf_sub(p.sold_qty, signed_qty, &p.sold_qty) or not rf_wide_add_product(&p.traded_lo, &p.traded_hi, -signed_qty, absolute_px):
        return 0
    p.last_px = px
    p.fills += 1
    return 1


cdef int apply_trade(Position *p, int64_t signed_qty, int64_t px) noexcept nogil:
    cdef Position trial = p[0]
    if not trade(&trial, signed_qty, px):
        return BOOK_OVERFLOW
    p[0] = trial
    return BOOKED


cdef int book(EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t signed_qty, int64_t px) noexcept nogil:
    cdef uint64_t row = find_position(s, account, strategy, instrument)
    cdef Position *p
    cdef int result
    if row == 0:
        row = s.engine.position_count + 1
        if row >= s.position_rows or not add_position(s, account, strategy, instrument, row):
            return BOOK_NO_ROW
        s.engine.position_count = row
        p = &s.positions[row]
        p.instrument = instrument
        p.account = account
        p.strategy = strategy
    p = &s.positions[row]
    result = apply_trade(p, signed_qty, px)
    if result == BOOKED:
        p.updated_ns = s.engine.engine_ns
        p.updated_seq = s.engine.seq
        p.flatten_tries = 0
        if s.engine.counting:
            revalue(s, row)
    return result


cdef int trade_fits(const EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t signed_qty, int64_t px) noexcept nogil:
    cdef uint64_t row = find_position(s, account, strategy, instrument)
    cdef Position trial
    if row == 0:
        return 1
    trial = s.positions[row]
    return trade(&trial, signed_qty, px)


cdef void take_over(Position *p, const Position *figures) noexcept nogil:
    """The figures of another computation of the same position; what the scopes count of it stays until ``revalue``."""
    p.net_qty = figures.net_qty
    p.bought_qty = figures.bought_qty
    p.sold_qty = figures.sold_qty
    p.cost_lo = figures.cost_lo
    p.cost_hi = figures.cost_hi
    p.realized_lo = figures.realized_lo
    p.realized_hi = figures.realized_hi
    p.traded_lo = figures.traded_lo
    p.traded_hi = figures.traded_hi
    p.last_px = figures.last_px
    p.fills = figures.fills


cdef int reverse(Position *p, int64_t out_qty, int64_t out_px, int64_t in_qty, int64_t in_px) noexcept nogil:
    cdef Position trial = p[0]
    if not trade(&trial, -out_qty, out_px) or (in_qty != 0 and not trade(&trial, in_qty, in_px)):
        return BOOK_OVERFLOW
    p[0] = trial
    return BOOK_REVERSED


cdef int recompute(
    EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t out_qty, int64_t out_px, int64_t in_qty, int64_t in_px,
) noexcept nogil:
    cdef uint64_t row = find_position(s, account, strategy, instrument), i
    cdef Position trial
    cdef int64_t expected
    cdef int result
    cdef const Execution *x
    if row == 0:
        return BOOK_NO_ROW
    memset(&trial, 0, sizeof(Position))
    for i in range(1, s.engine.execution_count + 1):
        x = &s.executions[i]
        if x.instrument != instrument or x.account != account or x.strategy != strategy or x.corrects or x.state == RF_EXECUTION_HELD:
            continue
        while x.corrected_by:
            x = &s.executions[x.corrected_by]
        if x.state != RF_EXECUTION_BOOKED:
            continue
        if not trade(&trial, x.last_qty if x.side == RF_SIDE_BUY else -x.last_qty, x.last_px):
            return BOOK_OVERFLOW
    if s.engine.execution_count + 1 >= s.execution_rows:
        if not rf_sub(s.positions[row].net_qty, out_qty, &expected) or not rf_add(expected, in_qty, &expected) or trial.net_qty != expected:
            result = reverse(&s.positions[row], out_qty, out_px, in_qty, in_px)
            if s.engine.counting:
                revalue(s, row)
            return result
    take_over(&s.positions[row], &trial)
    s.positions[row].updated_ns = s.engine.engine_ns
    s.positions[row].updated_seq = s.engine.seq
    if s.engine.counting:
        revalue(s, row)
    return BOOKED
