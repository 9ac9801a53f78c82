"""Trades on positions of the ledger: rules 1, 2, 4, 5 and 6 of docs/ledger.md, in integers.

    event ──▶ ledger_events ──Trade──▶ trade: close lots in the method's order ──▶ open one with what is left
                                       move_lots: lots with cost and sequence from one position to another

State is (quantity, cost) per lot, both signed; unit cost is derived. What a close takes out is ``cost * k / n``, half-even, the last close takes all, so that a
flat position has cost exactly 0. Proceeds of a close over several lots are split by cumulative rounding. At every step, to the last unit:

    cost - realized - moved = flow        (flow: sum of what was paid for quantities; the same of the base figures, at the rates of their moments)

Overflow is refused before anything is written: ``bound`` grows by the size of every amount and no figure can pass it, so one comparison guards them all; it
shrinks to what was realized when the position is flat. Tables are the caller's. Rejected: checks at each addition, with undo of the lots already closed.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.ledger_index cimport in_force
from ringfence.core.lots cimport LedgerTables, by_rank, first_to_go, insert_lot, lot_to_spare, new_lot, rank_of, remove_lot
from ringfence.core.wide cimport (
    rf_wide_abs, rf_wide_are_figures, rf_wide_from, rf_wide_is_figure, rf_wide_load, rf_wide_opposed, rf_wide_part, rf_wide_partial, rf_wide_product,
    rf_wide_ratio, rf_wide_store, wide_t,
)
from ringfence.ipc.records cimport (
    RF_LEDGER_DAILY, RF_LEDGER_FEE_BASE, RF_LEDGER_FEE_CAPITALIZE, RF_LEDGER_FEE_ELSEWHERE, RF_LEDGER_FEE_HELD, RF_LEDGER_INVERSE, RF_LEDGER_METHOD_SPEC,
    RF_LEDGER_METHOD_WAC, RF_LEDGER_RESULT_AMBIGUOUS, RF_LEDGER_RESULT_BAD_EVENT, RF_LEDGER_RESULT_BAD_PRICE, RF_LEDGER_RESULT_BOOKED,
    RF_LEDGER_RESULT_NO_ROW, RF_LEDGER_RESULT_NOT_HELD, RF_LEDGER_RESULT_OVERFLOW, LedgerClosing, LedgerEvent, LedgerInstrument, LedgerPick,
    LedgerPosition, Lot,
)

# What a close has told of its lots so far.
ctypedef struct Pieces:
    wide_t closing               # units in all
    wide_t proceeds              # in all
    wide_t done
    wide_t told
    wide_t price                 # what the lots realized, each by the rate of the event


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
    if at_par(e):
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


cdef void say_closing(LedgerTables *t, uint32_t position, uint32_t event, const Lot *lot, wide_t qty, wide_t realized) noexcept nogil:
    cdef LedgerClosing *c
    if t.closing_count >= t.closing_rows:
        return
    c = &t.closings[t.closing_count]
    t.closing_count += 1
    c.seq = t.events[event].seq
    c.lot_seq = lot.seq
    c.lot_event = lot.event
    c.position = position
    rf_wide_store(c.qty, qty)
    rf_wide_store(c.realized, realized)


cdef inline void close_lot(LedgerTables *t, uint32_t position, uint32_t row, wide_t k, wide_t *cost, wide_t *cost_base) noexcept nogil:
    """Take ``k`` units and their share of the cost out of a lot; an empty one is freed. The figures of the position are the caller's to change."""
    cdef Lot *lot = &t.lots[row]
    cdef wide_t qty = rf_wide_load(lot.qty), n = rf_wide_abs(qty)
    cost[0] = rf_wide_load(lot.cost)
    cost_base[0] = rf_wide_load(lot.cost_base)
    if k == n:
        remove_lot(t, position, row)
        return
    rf_wide_store(lot.qty, qty - k if qty > 0 else qty + k)
    cost[0] = rf_wide_part(cost[0], k, n)
    rf_wide_store(lot.cost, rf_wide_load(lot.cost) - cost[0])
    if cost_base[0] != 0:
        cost_base[0] = rf_wide_part(cost_base[0], k, n)
        rf_wide_store(lot.cost_base, rf_wide_load(lot.cost_base) - cost_base[0])


cdef void tell_piece(
    LedgerTables *t, uint32_t position, const LedgerEvent *e, const Trade *x, const Lot *lot, wide_t k, wide_t cost, Pieces *told,
) noexcept nogil:
    """What a close realizes of one of its lots, by its part of the proceeds; ``lot`` as it was."""
    cdef wide_t piece, realized, price = 0
    told.done += k
    if told.done == told.closing:
        piece = told.proceeds - told.told
    elif x.unit != 0 and x.fee == 0:
        piece = (k if x.qty > 0 else -k) * x.unit
    else:
        piece = rf_wide_part(told.proceeds, told.done, told.closing) - told.told
    told.told += piece
    realized = -piece - cost
    if e.fx != 0:
        in_base(e, realized, &price)
        told.price += price
    if t.closings != NULL and not t.replaying:
        say_closing(t, position, x.event, lot, k, realized)


cdef inline void realize(
    LedgerPosition *p, const LedgerEvent *e, wide_t proceeds, wide_t cost, wide_t proceeds_base, wide_t cost_base, wide_t price,
) noexcept nogil:
    """Enter what a close took out of a position and what came of it; ``price``: what it realized, at the rate of the event."""
    rf_wide_store(p.cost, rf_wide_load(p.cost) - cost)
    rf_wide_store(p.realized, rf_wide_load(p.realized) - proceeds - cost)
    if cost_base != 0:
        rf_wide_store(p.cost_base, rf_wide_load(p.cost_base) - cost_base)
    if e.fx != 0:
        rf_wide_store(p.realized_base, rf_wide_load(p.realized_base) - proceeds_base - cost_base)
        rf_wide_store(p.realized_fx, rf_wide_load(p.realized_fx) - proceeds_base - cost_base - price)


cdef void close_lots(
    LedgerTables *t, uint32_t position, const LedgerEvent *e, const Trade *x, wide_t closing, wide_t proceeds, wide_t proceeds_base,
) noexcept nogil:
    """Close ``closing`` units; ``proceeds`` are what is paid for them (negative: received), fee included.

    What each lot realizes is computed only where somebody reads it: the closings, and a rate, by which each is rounded. Else the sum is enough.
    """
    cdef LedgerPosition *p = &t.positions[position]
    cdef wide_t left = closing, k, cost, cost_base, all_cost = 0, all_cost_base = 0, picked = 0
    cdef uint32_t row, pick = x.first_pick
    cdef int by_piece = not at_par(e) and e.fx != 0 or t.closings != NULL and not t.replaying
    cdef Pieces told
    cdef Lot lot
    if by_piece:
        memset(&told, 0, sizeof(Pieces))
        told.closing = closing
        told.proceeds = proceeds
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
        if by_piece:
            lot = t.lots[row]
        close_lot(t, position, row, k, &cost, &cost_base)
        all_cost += cost
        all_cost_base += cost_base
        if by_piece:
            tell_piece(t, position, e, x, &lot, k, cost, &told)
    realize(p, e, proceeds, all_cost, proceeds_base, all_cost_base, told.price if by_piece else -proceeds - all_cost)


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


cdef inline int close_within(LedgerTables *t, uint32_t position, const LedgerEvent *e, const Trade *x, wide_t proceeds, wide_t proceeds_base) noexcept nogil:
    """Close out of the one lot that goes first, when it is larger than the trade, as most are: 1; else 0, and nothing has changed."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef Lot *lot = &t.lots[first_to_go(p)]
    cdef wide_t qty = rf_wide_load(lot.qty), left = qty + x.qty, k = x.qty, cost, cost_base, price = 0
    if left == 0 or rf_wide_opposed(left, qty):
        return 0
    rf_wide_store(lot.qty, left)
    if qty > 0:
        k = -k
    else:
        qty = -qty
    cost = rf_wide_partial(rf_wide_load(lot.cost), k, qty)
    rf_wide_store(lot.cost, rf_wide_load(lot.cost) - cost)
    cost_base = rf_wide_load(lot.cost_base)
    if cost_base != 0:
        cost_base = rf_wide_partial(cost_base, k, qty)
        rf_wide_store(lot.cost_base, rf_wide_load(lot.cost_base) - cost_base)
    if e.fx != 0:
        in_base(e, -proceeds - cost, &price)
    realize(p, e, proceeds, cost, proceeds_base, cost_base, price)
    if t.closings != NULL and not t.replaying:
        say_closing(t, position, x.event, lot, k, -proceeds - cost)
    return 1


cdef inline void enter_trade(LedgerPosition *p, const LedgerEvent *e, wide_t total, wide_t bound) noexcept nogil:
    """Enter what every trade adds to; nothing of it can be refused any more."""
    rf_wide_store(p.bound, bound)
    rf_wide_store(p.flow, rf_wide_load(p.flow) + total)
    p.trades += 1
    if e.fx == 0:
        p.base_unknown = 1


cdef int flip(LedgerTables *t, uint32_t position, const LedgerEvent *e, const Trade *x, wide_t total, wide_t total_base, wide_t bound) noexcept nogil:
    """Close all that is held and open a lot with what is left."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef wide_t held = rf_wide_load(p.qty), closing = rf_wide_abs(held), proceeds, proceeds_base = 0, rank = 0
    if x.unit != 0:
        proceeds = -held * x.unit
    else:
        proceeds = rf_wide_part(x.value, closing, rf_wide_abs(x.qty))
    if x.fee != 0:
        proceeds += rf_wide_part(x.fee, closing, rf_wide_abs(x.qty))
    if e.fx != 0:
        proceeds_base = total_base
        in_base(e, proceeds, &proceeds_base)
    if by_rank(p) and not opening_rank(t, p, x, held + x.qty, total - proceeds, &rank):
        return RF_LEDGER_RESULT_OVERFLOW
    enter_trade(p, e, total, bound)
    rf_wide_store(p.qty, 0)
    close_lots(t, position, e, x, closing, proceeds, proceeds_base)
    return receive_lot(t, position, t.events[x.event].seq, x.event, held + x.qty, total - proceeds, total_base - proceeds_base, rank)


cdef int open_lot(LedgerTables *t, uint32_t position, const LedgerEvent *e, const Trade *x, wide_t total, wide_t total_base, wide_t bound) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[position]
    cdef wide_t rank = 0
    if not lot_to_spare(t):
        return RF_LEDGER_RESULT_NO_ROW
    if by_rank(p) and not opening_rank(t, p, x, x.qty, total, &rank):
        return RF_LEDGER_RESULT_OVERFLOW
    enter_trade(p, e, total, bound)
    return receive_lot(t, position, t.events[x.event].seq, x.event, x.qty, total, total_base, rank)


cdef inline int trade(LedgerTables *t, uint32_t position, const LedgerEvent *e, const Trade *x) noexcept nogil:
    """Book a trade, of more than nothing: against the position it closes lots in the order of the method, what is left opens one."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef wide_t held = rf_wide_load(p.qty), total = x.value, total_base = 0, after = held + x.qty
    cdef wide_t bound = rf_wide_load(p.bound) + rf_wide_abs(x.value)
    cdef Lot *pool
    if x.fee != 0:
        total += x.fee
        bound += rf_wide_abs(x.fee)
    if not rf_wide_are_figures(bound, after):
        return RF_LEDGER_RESULT_OVERFLOW
    if e.fx != 0:
        if not in_base(e, total, &total_base) or not rf_wide_is_figure(total_base) or not rf_wide_is_figure(bound + rf_wide_abs(total_base)):
            return RF_LEDGER_RESULT_OVERFLOW
        bound += rf_wide_abs(total_base)
    if held != 0 and rf_wide_opposed(held, x.qty):
        if after != 0 and rf_wide_opposed(held, after):
            return flip(t, position, e, x, total, total_base, bound)
        enter_trade(p, e, total, bound)
        rf_wide_store(p.qty, after)
        if x.pick_count or not close_within(t, position, e, x, total, total_base):
            close_lots(t, position, e, x, rf_wide_abs(x.qty), total, total_base)
            if after == 0:
                flatten_bound(p)
        return RF_LEDGER_RESULT_BOOKED
    if p.method != RF_LEDGER_METHOD_WAC or p.first_lot == 0:
        return open_lot(t, position, e, x, total, total_base, bound)
    enter_trade(p, e, total, bound)
    pool = &t.lots[p.first_lot]
    rf_wide_store(p.qty, after)
    rf_wide_store(pool.qty, after)
    rf_wide_store(p.cost, rf_wide_load(p.cost) + total)
    rf_wide_store(pool.cost, rf_wide_load(pool.cost) + total)
    if total_base != 0:
        rf_wide_store(p.cost_base, rf_wide_load(p.cost_base) + total_base)
        rf_wide_store(pool.cost_base, rf_wide_load(pool.cost_base) + total_base)
    return RF_LEDGER_RESULT_BOOKED


cdef int add_fee_at(LedgerPosition *p, const LedgerEvent *e, wide_t value) noexcept nogil:
    cdef wide_t base = 0
    if not in_base(e, value, &base) or not accumulate(p.fees_base, base):
        return 0
    if not accumulate(p.fees, value):
        accumulate(p.fees_base, -base)
        return 0
    return 1


cdef int trade_at(LedgerTables *t, uint32_t position, uint32_t row, const LedgerEvent *e, wide_t qty, wide_t px, wide_t *value) noexcept nogil:
    """A trade without fee at a price; its value is handed back."""
    cdef const LedgerInstrument *i = &t.instruments[t.positions[position].instrument]
    cdef Trade x
    if not value_of(i, qty, px, value):
        return RF_LEDGER_RESULT_BAD_PRICE if i.flags & RF_LEDGER_INVERSE and px <= 0 else RF_LEDGER_RESULT_OVERFLOW
    if qty == 0:
        return RF_LEDGER_RESULT_BAD_EVENT
    memset(&x, 0, sizeof(Trade))
    x.qty = qty
    x.value = value[0]
    x.unit = exact_unit(i, px)
    x.px = px
    x.event = row
    return trade(t, position, e, &x)


cdef int apply_fill(LedgerTables *t, uint32_t row) noexcept nogil:
    cdef const LedgerEvent *root = &t.events[row]
    cdef const LedgerEvent *e = in_force(t, row)
    cdef uint32_t position = root.position
    cdef LedgerPosition *p = &t.positions[position]
    cdef const LedgerInstrument *i = &t.instruments[p.instrument]
    cdef wide_t px = rf_wide_load(e.px), fee, value, fee_value = 0
    cdef uint8_t unknown = p.base_unknown
    cdef Trade x, after_fee
    cdef int result, names
    x.qty = rf_wide_load(e.qty)
    x.px = px
    x.fee = 0
    x.unit = exact_unit(i, px)
    x.event = row
    x.pick_count = 0
    if i.flags & RF_LEDGER_INVERSE and px <= 0:
        return RF_LEDGER_RESULT_BAD_PRICE
    if x.unit != 0:
        if not rf_wide_product(x.qty, x.unit, &x.value) or not rf_wide_is_figure(x.value):
            return RF_LEDGER_RESULT_OVERFLOW
    elif not value_of(i, x.qty, px, &x.value):
        return RF_LEDGER_RESULT_OVERFLOW
    if p.method == RF_LEDGER_METHOD_SPEC:
        x.pick_count = e.pick_count
        x.first_pick = e.first_pick
        after_fee = x
        if e.fee_kind == RF_LEDGER_FEE_BASE:
            after_fee.qty -= rf_wide_load(e.fee)
        names = names_its_lots(t, position, &after_fee)
        if row == t.watched:
            t.verdict = names
        if names != NAMED and names != OPENS:
            return RF_LEDGER_RESULT_AMBIGUOUS
    if e.fee_kind:
        fee = rf_wide_load(e.fee)
        fee_value = fee
        if e.fee_kind == RF_LEDGER_FEE_CAPITALIZE:
            x.fee = fee
            fee_value = 0
        elif e.fee_kind == RF_LEDGER_FEE_BASE:
            if i.flags & RF_LEDGER_INVERSE:
                return RF_LEDGER_RESULT_BAD_EVENT
            if not value_of(i, fee, px, &value):
                return RF_LEDGER_RESULT_OVERFLOW
            fee_value = value
            x.qty -= fee
            x.value -= fee_value
        elif e.fee_kind == RF_LEDGER_FEE_HELD:
            result = trade_at(t, root.other_position, row, e, -fee, rf_wide_load(e.fee_px), &value)
            if result != RF_LEDGER_RESULT_BOOKED:
                return result
            fee_value = -value
        if fee_value != 0 and not add_fee(p, e, fee_value):
            return RF_LEDGER_RESULT_OVERFLOW
        if e.fee_kind == RF_LEDGER_FEE_ELSEWHERE and not accumulate(p.fees_elsewhere, fee_value):
            add_fee(p, e, -fee_value)
            p.base_unknown = unknown
            return RF_LEDGER_RESULT_OVERFLOW
    if x.qty == 0:  # the fee may have been all of it
        return RF_LEDGER_RESULT_BOOKED if e.fee_kind else RF_LEDGER_RESULT_BAD_EVENT
    result = trade(t, position, e, &x)
    if result != RF_LEDGER_RESULT_BOOKED and fee_value != 0:
        add_fee(p, e, -fee_value)
        p.base_unknown = unknown
        if e.fee_kind == RF_LEDGER_FEE_ELSEWHERE:
            accumulate(p.fees_elsewhere, -fee_value)
    return result


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
        rf_wide_store(p.qty, rf_wide_load(p.qty) - (k if qty > 0 else -k))
        rf_wide_store(p.cost, rf_wide_load(p.cost) - cost)
        rf_wide_store(p.cost_base, rf_wide_load(p.cost_base) - cost_base)
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
