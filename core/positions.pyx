"""Positions: signed quantity, total cost and realized PnL per (account, strategy, instrument), by weighted average cost.

State is (quantity, cost), both signed: a short has negative cost. Unit cost is derived, never stored. A trade against the position takes
``cost * k / n`` out (half-even, 128 bits), the last close takes all, so a flat position has cost exactly 0 and conservation is exact
at every step. A trade through zero is a close and an open. Figures are in price x quantity scale and do not contain the contract multiplier.
Strategy 0 is suspense (S3). Written by the engine alone, in the state region.

An entry of the ledger that changes a quantity or a cost does the same to the position by average cost (``apply_entry``). What a bust or correction does is in
``position_recompute``. What can fail: an overflow or a full table changes nothing; the caller raises a break. Rejected: an average price in the state (drifts
by rounding).
"""

from libc.stdint cimport INT64_MIN, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.dedupe cimport add_position, find_position
from ringfence.core.fixed cimport rf_add, rf_sub, rf_wide_add, rf_wide_add_product, rf_wide_share, rf_wide_sub
from ringfence.core.reservations cimport keep_day_profit, revalue, revalue_traded, revalue_unjudged
from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport rf_wide_from, rf_wide_load, rf_wide_narrow, rf_wide_part, rf_wide_ratio, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_LEDGER_EVENT_KIND_CROSS, RF_LEDGER_EVENT_KIND_EXPIRE, RF_LEDGER_EVENT_KIND_RETURN_OF_CAPITAL, RF_LEDGER_EVENT_KIND_REWARD, RF_LEDGER_EVENT_KIND_SPIN_OFF,
    RF_LEDGER_EVENT_KIND_SPLIT, RF_LEDGER_EVENT_KIND_TRANSFER, LedgerEvent, Position,
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


cdef int exchange(Position *p, int64_t signed_qty, int64_t px) noexcept nogil:
    """Quantity, cost and what is realized; a trade through zero closes and opens."""
    cdef int64_t closing, opening = signed_qty
    if signed_qty == INT64_MIN or px == INT64_MIN or p.net_qty == INT64_MIN:
        return 0
    if p.net_qty != 0 and (p.net_qty > 0) != (signed_qty > 0):
        closing = signed_qty
        if (signed_qty > 0 and signed_qty > -p.net_qty) or (signed_qty < 0 and -signed_qty > p.net_qty):
            closing = -p.net_qty
        opening = signed_qty - closing
        if not close_leg(p, closing, px):
            return 0
    return opening == 0 or (rf_wide_add_product(&p.cost_lo, &p.cost_hi, opening, px) and rf_add(p.net_qty, opening, &p.net_qty))


cdef int trade(Position *p, int64_t signed_qty, int64_t px) noexcept nogil:
    cdef int64_t absolute_px
    if not exchange(p, signed_qty, px):
        return 0
    absolute_px = px if px > 0 else -px
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


cdef uint64_t find_or_add(EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil:
    cdef uint64_t row = find_position(s, account, strategy, instrument)
    cdef Position *p
    if row:
        return row
    row = s.engine.position_count + 1
    if row >= s.position_rows or not add_position(s, account, strategy, instrument, row):
        return 0
    s.engine.position_count = row
    p = &s.positions[row]
    p.instrument = instrument
    p.account = account
    p.strategy = strategy
    return row


cdef void stamp(EngineState *s, uint64_t row) noexcept nogil:
    s.positions[row].updated_ns = s.engine.engine_ns
    s.positions[row].updated_seq = s.engine.seq
    if s.engine.counting:
        revalue(s, row)


cdef void stamp_unjudged(EngineState *s, uint64_t row, int moved) noexcept nogil:
    s.positions[row].updated_ns = s.engine.engine_ns
    s.positions[row].updated_seq = s.engine.seq
    if s.engine.counting:
        if moved:
            keep_day_profit(s, row)
        revalue_unjudged(s, row)


cdef int book(EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t signed_qty, int64_t px) noexcept nogil:
    cdef uint64_t row = find_or_add(s, account, strategy, instrument)
    cdef int result
    if row == 0:
        return BOOK_NO_ROW
    result = apply_trade(&s.positions[row], signed_qty, px)
    if result == BOOKED:
        s.positions[row].flatten_tries = 0
        s.positions[row].updated_ns = s.engine.engine_ns
        s.positions[row].updated_seq = s.engine.seq
        if s.engine.counting:
            revalue_traded(s, row)
    return result


cdef int trade_fits(const EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t signed_qty, int64_t px) noexcept nogil:
    cdef uint64_t row = find_position(s, account, strategy, instrument)
    cdef Position trial
    if row == 0:
        return 1
    trial = s.positions[row]
    return trade(&trial, signed_qty, px)


cdef void take_over(Position *p, const Position *figures) noexcept nogil:
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


# ---- entries --------------------------------------------------------------------------------------------------------------------

cdef int changes_position(uint8_t kind) noexcept nogil:
    return (
        kind == RF_LEDGER_EVENT_KIND_TRANSFER or kind == RF_LEDGER_EVENT_KIND_SPLIT or kind == RF_LEDGER_EVENT_KIND_REWARD
        or kind == RF_LEDGER_EVENT_KIND_SPIN_OFF or kind == RF_LEDGER_EVENT_KIND_EXPIRE or kind == RF_LEDGER_EVENT_KIND_RETURN_OF_CAPITAL
        or kind == RF_LEDGER_EVENT_KIND_CROSS
    )


cdef inline int64_t narrow(const uint64_t *figure) noexcept nogil:
    """A figure of an entry, which came as 64 bits."""
    return <int64_t>figure[0]


cdef inline int opposed(int64_t a, int64_t b) noexcept nogil:
    return (a > 0 and b < 0) or (a < 0 and b > 0)


cdef int move_cost(Position *p, Position *to, wide_t cost) noexcept nogil:
    cdef uint64_t words[2]
    rf_wide_store(words, cost)
    return (
        rf_wide_sub(&p.cost_lo, &p.cost_hi, words[0], <int64_t>words[1]) and rf_wide_add(&to.cost_lo, &to.cost_hi, words[0], <int64_t>words[1])
    )


cdef inline wide_t cost_of(const Position *p) noexcept nogil:
    cdef uint64_t words[2]
    words[0], words[1] = p.cost_lo, <uint64_t>p.cost_hi
    return rf_wide_load(words)


cdef int transfer(Position *p, Position *to, int64_t qty, int64_t fee, int64_t fee_px) noexcept nogil:
    """Units leave with their part of the cost; nothing is realized but by a fee in units, which go at a price."""
    cdef int64_t moved = -qty if p.net_qty < 0 else qty
    cdef wide_t cost
    if qty <= 0 or p.net_qty == INT64_MIN or qty > (p.net_qty if p.net_qty > 0 else -p.net_qty) or opposed(to.net_qty, moved):
        return BOOK_NOT_HELD
    if fee and fee > p.net_qty - qty:
        return BOOK_NOT_HELD
    cost = rf_wide_part(cost_of(p), rf_wide_from(qty), rf_wide_from(p.net_qty if p.net_qty > 0 else -p.net_qty))
    if not move_cost(p, to, cost) or not rf_sub(p.net_qty, moved, &p.net_qty) or not rf_add(to.net_qty, moved, &to.net_qty):
        return BOOK_OVERFLOW
    if to.last_px == 0:
        to.last_px = p.last_px
    return BOOKED if fee == 0 or exchange(p, -fee, fee_px) else BOOK_OVERFLOW


cdef int split(Position *p, const LedgerEvent *e) noexcept nogil:
    """New units for old ones at the same cost; what is below the unit is sold at the price in lieu."""
    cdef wide_t total
    cdef int64_t unit = narrow(e.qty), px = narrow(e.px)
    if not rf_wide_ratio(rf_wide_from(p.net_qty), rf_wide_from(e.ratio_num), rf_wide_from(e.ratio_den), &total):
        return BOOK_OVERFLOW
    if not rf_wide_narrow(total, &p.net_qty):
        return BOOK_OVERFLOW
    if p.net_qty == 0:  # nothing is left of it: the last lot's cost is lost
        if not rf_wide_sub(&p.realized_lo, &p.realized_hi, p.cost_lo, p.cost_hi):
            return BOOK_OVERFLOW
        p.cost_lo = 0
        p.cost_hi = 0
    if rf_wide_ratio(rf_wide_from(p.last_px), rf_wide_from(e.ratio_den), rf_wide_from(e.ratio_num), &total) and rf_wide_narrow(total, &p.last_px):
        if px != 0 and unit > 0 and p.net_qty % unit:
            return BOOKED if exchange(p, -(p.net_qty % unit), px) else BOOK_OVERFLOW
        return BOOKED
    return BOOK_OVERFLOW


cdef int spin_off(Position *p, Position *child, const LedgerEvent *e) noexcept nogil:
    cdef wide_t total
    cdef int64_t received
    if not rf_wide_ratio(rf_wide_from(p.net_qty), rf_wide_from(e.ratio_num), rf_wide_from(e.ratio_den), &total) or not rf_wide_narrow(total, &received):
        return BOOK_OVERFLOW
    if opposed(child.net_qty, received):
        return BOOK_NOT_HELD
    if received == 0:
        return BOOKED
    if not move_cost(p, child, rf_wide_part(cost_of(p), rf_wide_from(e.share_num), rf_wide_from(e.share_den))):
        return BOOK_OVERFLOW
    return BOOKED if rf_add(child.net_qty, received, &child.net_qty) else BOOK_OVERFLOW


cdef int cross(Position *p, int64_t signed_qty, int64_t px) noexcept nogil:
    """One half of it: a trade, but no turnover. A position without any price has that of the cross from then on."""
    if not exchange(p, signed_qty, px):
        return BOOK_OVERFLOW
    if p.last_px == 0:
        p.last_px = px
    return BOOKED


cdef int apply_entry(const LedgerEvent *e, Position *p, Position *other) noexcept nogil:
    cdef int fits = 1
    if e.kind == RF_LEDGER_EVENT_KIND_TRANSFER:
        return transfer(p, other, narrow(e.qty), narrow(e.fee), narrow(e.fee_px))
    if e.kind == RF_LEDGER_EVENT_KIND_SPLIT:
        return split(p, e)
    if e.kind == RF_LEDGER_EVENT_KIND_SPIN_OFF:
        return spin_off(p, other, e)
    if e.kind == RF_LEDGER_EVENT_KIND_CROSS:
        return cross(p, narrow(e.qty), narrow(e.px))
    if e.kind == RF_LEDGER_EVENT_KIND_REWARD:
        fits = exchange(p, narrow(e.qty), narrow(e.px))
    elif e.kind == RF_LEDGER_EVENT_KIND_EXPIRE:
        fits = p.net_qty == 0 or exchange(p, -p.net_qty, narrow(e.px))
    elif e.kind == RF_LEDGER_EVENT_KIND_RETURN_OF_CAPITAL:
        fits = p.net_qty != INT64_MIN and rf_wide_add_product(&p.cost_lo, &p.cost_hi, -p.net_qty, narrow(e.px))
    return BOOKED if fits else BOOK_OVERFLOW
