"""Trades on positions of the ledger: rules 1, 2, 4, 5 and 6 of docs/ledger.md, in integers.

    event ──▶ ledger_events ──Trade──▶ trade: close lots in the method's order ──▶ open one with what is left
                                       move_lots: lots with cost and sequence from one position to another

State is (quantity, cost) per lot, both signed; unit cost is derived. What a close takes out is ``cost * k / n``, half-even, the last close takes all, so that a
flat position has cost exactly 0. Proceeds of a close over several lots are split by cumulative rounding. At every step, to the last unit:

    cost - realized - moved = flow        (flow: sum of what was paid for quantities; the same of the base figures, at the rates of their moments)

Overflow is refused before anything is written: ``bound`` grows by the size of every amount and no figure can pass it, so one comparison guards them all; it
shrinks to what was realized when the position is flat. Tables are the caller's. Rejected: checks at each addition, with undo of the lots already closed.
"""

from libc.stdint cimport uint32_t, uint64_t

from ringfence.core.lots cimport LedgerTables, by_rank, first_to_go, insert_lot, lot_to_spare, new_lot, rank_of, remove_lot
from ringfence.core.wide cimport (
    rf_wide_abs, rf_wide_from, rf_wide_is_figure, rf_wide_load, rf_wide_opposed, rf_wide_part, rf_wide_product, rf_wide_ratio, rf_wide_store,
    wide_t,
)
from ringfence.ipc.records cimport (
    RF_LEDGER_DAILY, RF_LEDGER_INVERSE, RF_LEDGER_METHOD_WAC, RF_LEDGER_RESULT_BAD_EVENT, RF_LEDGER_RESULT_BOOKED,
    RF_LEDGER_RESULT_NO_ROW, RF_LEDGER_RESULT_NOT_HELD, RF_LEDGER_RESULT_OVERFLOW, LedgerClosing, LedgerEvent, LedgerInstrument, LedgerPick,
    LedgerPosition, Lot,
)


cdef int value_of(const LedgerInstrument *i, wide_t qty, wide_t px, wide_t *out) noexcept nogil:
    cdef wide_t value, divisor
    if i.flags & RF_LEDGER_INVERSE:
        if px <= 0 or not rf_wide_ratio(-qty, rf_wide_load(i.factor), px, &value):
            return 0
    else:
        divisor = rf_wide_load(i.divisor)
        if not rf_wide_product(qty, px, &value):
            return 0
        if divisor == 1:
            if not rf_wide_product(value, rf_wide_load(i.factor), &value):
                return 0
        elif not rf_wide_ratio(value, rf_wide_load(i.factor), divisor, &value):
            return 0
    if not rf_wide_is_figure(value):
        return 0
    out[0] = value
    return 1


cdef int in_base(const LedgerEvent *e, wide_t value, wide_t *out) noexcept nogil:
    if e.fx == 1 and e.fx_digits == 0:  # settled in the reporting currency
        out[0] = value
        return 1
    return rf_wide_ratio(value, rf_wide_from(e.fx), power_of_ten(e.fx_digits), out)


cdef int unit_value(const LedgerInstrument *i, wide_t cost, wide_t qty, wide_t *out) noexcept nogil:
    if qty < 0:
        cost = -cost
        qty = -qty
    return rf_wide_ratio(cost, power_of_ten(i.qty_digits), qty, out)


cdef uint32_t picked_lot(const LedgerTables *t, uint32_t position, const LedgerPick *pick) noexcept nogil:
    cdef uint32_t row = t.positions[position].first_lot
    while row and t.events[t.lots[row].event].key != pick.key:
        row = t.lots[row].next
    return row


cdef wide_t open_of(const LedgerTables *t, uint32_t position, uint64_t key) noexcept nogil:
    """What is open of a fill: transfers and spin-offs can bring several lots of one."""
    cdef uint32_t row = t.positions[position].first_lot
    cdef wide_t total = 0
    while row:
        if t.events[t.lots[row].event].key == key:
            total += rf_wide_abs(rf_wide_load(t.lots[row].qty))
        row = t.lots[row].next
    return total


cdef int names_its_lots(const LedgerTables *t, uint32_t position, const Trade *x) noexcept nogil:
    cdef const LedgerPosition *p = &t.positions[position]
    cdef uint32_t i, j
    cdef wide_t held = rf_wide_load(p.qty), total = 0, part, closing
    if held == 0 or x.qty == 0 or (held > 0) == (x.qty > 0):
        return OPENS
    closing = rf_wide_abs(x.qty) if rf_wide_abs(x.qty) < rf_wide_abs(held) else rf_wide_abs(held)
    if x.pick_count == 0:
        return NAMED if p.lot_count == 1 or closing == rf_wide_abs(held) else SHORT_OF_NAMES
    for i in range(x.first_pick, x.first_pick + x.pick_count):
        part = rf_wide_load(t.picks[i].qty)
        if part <= 0 or part > open_of(t, position, t.picks[i].key):
            return 0
        for j in range(x.first_pick, i):
            if t.picks[j].key == t.picks[i].key:
                return 0
        total += part
    if total < closing:
        return SHORT_OF_NAMES
    return NAMED if total == closing else 0


cdef void say_closing(LedgerTables *t, uint32_t position, uint64_t seq, uint64_t lot_seq, uint32_t lot_event, wide_t qty, wide_t realized) noexcept nogil:
    cdef LedgerClosing *c
    if t.closing_count >= t.closing_rows:
        return
    c = &t.closings[t.closing_count]
    t.closing_count += 1
    c.seq = seq
    c.lot_seq = lot_seq
    c.lot_event = lot_event
    c.position = position
    rf_wide_store(c.qty, qty)
    rf_wide_store(c.realized, realized)


cdef inline void close_lot(LedgerTables *t, uint32_t position, uint32_t row, wide_t k, wide_t *cost, wide_t *cost_base) noexcept nogil:
    """Take ``k`` units and their share of the cost out of a lot; an empty one is freed."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef Lot *lot = &t.lots[row]
    cdef wide_t qty = rf_wide_load(lot.qty), n = rf_wide_abs(qty)
    cost[0] = rf_wide_part(rf_wide_load(lot.cost), k, n)
    cost_base[0] = rf_wide_load(lot.cost_base)
    if cost_base[0] != 0:
        cost_base[0] = rf_wide_part(cost_base[0], k, n)
        rf_wide_store(p.cost_base, rf_wide_load(p.cost_base) - cost_base[0])
        rf_wide_store(lot.cost_base, rf_wide_load(lot.cost_base) - cost_base[0])
    rf_wide_store(p.cost, rf_wide_load(p.cost) - cost[0])
    rf_wide_store(p.qty, rf_wide_load(p.qty) - (k if qty > 0 else -k))
    if k == n:
        remove_lot(t, position, row)
        return
    rf_wide_store(lot.qty, qty - (k if qty > 0 else -k))
    rf_wide_store(lot.cost, rf_wide_load(lot.cost) - cost[0])


cdef void close_lots(
    LedgerTables *t, uint32_t position, const LedgerEvent *e, const Trade *x, wide_t closing, wide_t proceeds, wide_t proceeds_base,
) noexcept nogil:
    """Close ``closing`` units; ``proceeds`` are what is paid for them (negative: received), fee included."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef wide_t left = closing, done = 0, told = 0, told_base = 0, k, piece, piece_base, cost, cost_base, realized, price_part, picked = 0
    cdef uint32_t row, pick = x.first_pick, lot_event
    cdef uint64_t lot_seq
    while left > 0:
        if x.pick_count:
            if picked == 0:
                picked = rf_wide_load(t.picks[pick].qty)
            row = picked_lot(t, position, &t.picks[pick])
        else:
            row = first_to_go(p)
        k = rf_wide_abs(rf_wide_load(t.lots[row].qty))
        if k > left:
            k = left
        if x.pick_count:
            if k > picked:
                k = picked
            picked -= k
            if picked == 0:
                pick += 1
        left -= k
        done += k
        if left == 0:
            piece = proceeds - told
        elif x.unit != 0 and x.fee == 0:
            piece = (k if x.qty > 0 else -k) * x.unit
        else:
            piece = rf_wide_part(proceeds, done, closing) - told
        told += piece
        lot_seq = t.lots[row].seq
        lot_event = t.lots[row].event
        close_lot(t, position, row, k, &cost, &cost_base)
        realized = -piece - cost
        rf_wide_store(p.realized, rf_wide_load(p.realized) + realized)
        if e.fx != 0:
            piece_base = proceeds_base - told_base if left == 0 else rf_wide_part(proceeds_base, done, closing) - told_base
            told_base += piece_base
            price_part = 0
            in_base(e, realized, &price_part)
            rf_wide_store(p.realized_base, rf_wide_load(p.realized_base) - piece_base - cost_base)
            rf_wide_store(p.realized_fx, rf_wide_load(p.realized_fx) - piece_base - cost_base - price_part)
        if t.closings != NULL and not t.replaying:
            say_closing(t, position, x.seq, lot_seq, lot_event, k, realized)


cdef int receive_lot(LedgerTables *t, uint32_t target, uint64_t seq, uint32_t event, wide_t qty, wide_t cost, wide_t cost_base, wide_t rank) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[target]
    cdef uint32_t row
    cdef Lot *lot
    if p.method == RF_LEDGER_METHOD_WAC and p.first_lot:
        row = p.first_lot
    else:
        row = new_lot(t)
        if row == 0:
            return RF_LEDGER_RESULT_NO_ROW
        lot = &t.lots[row]
        lot.seq = seq
        lot.event = event
        rf_wide_store(lot.rank, rank)
        insert_lot(t, target, row)
    lot = &t.lots[row]
    rf_wide_store(lot.qty, rf_wide_load(lot.qty) + qty)
    rf_wide_store(lot.cost, rf_wide_load(lot.cost) + cost)
    rf_wide_store(p.qty, rf_wide_load(p.qty) + qty)
    rf_wide_store(p.cost, rf_wide_load(p.cost) + cost)
    if cost_base != 0:
        rf_wide_store(lot.cost_base, rf_wide_load(lot.cost_base) + cost_base)
        rf_wide_store(p.cost_base, rf_wide_load(p.cost_base) + cost_base)
    return RF_LEDGER_RESULT_BOOKED


cdef int opening_rank(const LedgerTables *t, const LedgerPosition *p, const Trade *x, wide_t opening, wide_t cost, wide_t *rank) noexcept nogil:
    """Rank of the lot that a trade opens: by the price when there is no fee in it, so that equal prices make equal ranks."""
    cdef const LedgerInstrument *i = &t.instruments[p.instrument]
    cdef wide_t unit
    if x.fee == 0:
        if not value_of(i, power_of_ten(i.qty_digits), x.px, &unit):
            return 0
    elif not unit_value(i, cost, opening, &unit):
        return 0
    rank[0] = rank_of(p, unit, x.qty < 0)
    return 1


cdef void flatten_bound(LedgerPosition *p) noexcept nogil:
    """What the figures of a flat position can still reach."""
    cdef wide_t bound = rf_wide_abs(rf_wide_load(p.realized)) + rf_wide_abs(rf_wide_load(p.realized_base))
    rf_wide_store(p.bound, bound + rf_wide_abs(rf_wide_load(p.moved)) + rf_wide_abs(rf_wide_load(p.moved_base)))


cdef int trade(LedgerTables *t, uint32_t position, const LedgerEvent *e, const Trade *x) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[position]
    cdef wide_t held = rf_wide_load(p.qty), total = x.value + x.fee, total_base = 0, after = held + x.qty
    cdef wide_t bound = rf_wide_load(p.bound) + rf_wide_abs(x.value), proceeds, proceeds_base, rank = 0
    cdef int opens = held == 0 or not rf_wide_opposed(held, x.qty), flips = not opens and after != 0 and rf_wide_opposed(after, held)
    if x.qty == 0:
        return RF_LEDGER_RESULT_BAD_EVENT
    if x.fee != 0:
        bound += rf_wide_abs(x.fee)
    if not rf_wide_is_figure(bound) or not rf_wide_is_figure(after):
        return RF_LEDGER_RESULT_OVERFLOW
    if e.fx != 0:
        if not in_base(e, total, &total_base) or not rf_wide_is_figure(total_base) or not rf_wide_is_figure(bound + rf_wide_abs(total_base)):
            return RF_LEDGER_RESULT_OVERFLOW
        bound += rf_wide_abs(total_base)
    proceeds = total
    proceeds_base = total_base
    if opens:
        if not (p.method == RF_LEDGER_METHOD_WAC and p.first_lot) and not lot_to_spare(t):
            return RF_LEDGER_RESULT_NO_ROW
        if by_rank(p) and not opening_rank(t, p, x, x.qty, total, &rank):
            return RF_LEDGER_RESULT_OVERFLOW
    elif flips:
        proceeds = -held * x.unit if x.unit != 0 else rf_wide_part(x.value, rf_wide_abs(held), rf_wide_abs(x.qty))
        if x.fee != 0:
            proceeds += rf_wide_part(x.fee, rf_wide_abs(held), rf_wide_abs(x.qty))
        if e.fx != 0:
            in_base(e, proceeds, &proceeds_base)
        if by_rank(p) and not opening_rank(t, p, x, after, total - proceeds, &rank):
            return RF_LEDGER_RESULT_OVERFLOW
    if e.fx == 0:
        p.base_unknown = 1
    rf_wide_store(p.bound, bound)
    rf_wide_store(p.flow, rf_wide_load(p.flow) + total)
    p.trades += 1
    if opens:
        return receive_lot(t, position, x.seq, x.event, x.qty, total, total_base, rank)
    close_lots(t, position, e, x, rf_wide_abs(held) if flips else rf_wide_abs(x.qty), proceeds, proceeds_base)
    if after == 0:
        flatten_bound(p)
    if flips:
        return receive_lot(t, position, x.seq, x.event, after, total - proceeds, total_base - proceeds_base, rank)
    return RF_LEDGER_RESULT_BOOKED


cdef void move_base(LedgerTables *t, LedgerPosition *p, LedgerPosition *to, wide_t cost_base) noexcept nogil:
    if t.instruments[p.instrument].flags & RF_LEDGER_DAILY:  # nothing was paid for it, and the figure says what settlements paid
        return
    rf_wide_store(p.moved_base, rf_wide_load(p.moved_base) - cost_base)
    rf_wide_store(to.moved_base, rf_wide_load(to.moved_base) + cost_base)


cdef int move_lots(LedgerTables *t, uint32_t source, uint32_t target, wide_t qty) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[source]
    cdef LedgerPosition *to = &t.positions[target]
    cdef wide_t held = rf_wide_load(p.qty), left = rf_wide_abs(qty), k, cost, cost_base, rank
    cdef uint32_t row
    cdef Lot lot
    if qty == 0 or (qty > 0) != (held > 0) or left > rf_wide_abs(held):
        return RF_LEDGER_RESULT_NOT_HELD
    if rf_wide_load(to.qty) != 0 and (rf_wide_load(to.qty) > 0) != (qty > 0):
        return RF_LEDGER_RESULT_BAD_EVENT
    if not rf_wide_is_figure(rf_wide_abs(rf_wide_load(to.qty)) + left) or not rf_wide_is_figure(rf_wide_load(to.bound) + rf_wide_load(p.bound)):
        return RF_LEDGER_RESULT_OVERFLOW
    if not lot_to_spare(t):
        return RF_LEDGER_RESULT_NO_ROW
    while left > 0:
        row = first_to_go(p)
        lot = t.lots[row]
        k = rf_wide_abs(rf_wide_load(lot.qty))
        if k > left:
            k = left
        left -= k
        close_lot(t, source, row, k, &cost, &cost_base)
        rf_wide_store(p.moved, rf_wide_load(p.moved) - cost)
        rf_wide_store(to.moved, rf_wide_load(to.moved) + cost)
        move_base(t, p, to, cost_base)
        rf_wide_store(to.bound, rf_wide_load(to.bound) + rf_wide_abs(cost) + rf_wide_abs(cost_base))
        rank = rf_wide_load(lot.rank)
        if by_rank(to) and to.method != p.method:
            unit_value(&t.instruments[to.instrument], cost, k if qty > 0 else -k, &rank)
            rank = rank_of(to, rank, qty < 0)
        receive_lot(t, target, lot.seq, lot.event, k if qty > 0 else -k, cost, cost_base, rank)
    if rf_wide_load(p.qty) == 0:
        flatten_bound(p)
    if p.base_unknown:
        to.base_unknown = 1
    return RF_LEDGER_RESULT_BOOKED
