"""What each kind of ledger event does to the figures of its positions.

    event row (content in force) ──apply──▶ ledger_trades: lots, cost, realized
                                       └──▶ fees, funding, income, variation margin, ranks

A kind reads the event and the state only, so that a recomputation can apply it again. What can fail is a LedgerResult. A fill without a fee from lots,
funding, income, a settlement and a return of capital then have changed nothing; kinds of several steps may have done some: their caller recomputes.
"""

from libc.stdint cimport uint8_t, uint32_t

from ringfence.core.ledger_index cimport in_force
from ringfence.core.ledger_legs cimport unrealized_at
from ringfence.core.ledger_trades cimport (
    accumulate, accumulate_base, add_fee, apply_fill, in_base, move_base, move_lots, receive_lot, trade_at, unit_value, value_of,
)
from ringfence.core.lots cimport LedgerTables, make_room, rank_of, rebuild_heap, remove_lot, spare_lots
from ringfence.core.wide cimport (
    rf_wide_abs, rf_wide_from, rf_wide_is_figure, rf_wide_load, rf_wide_part, rf_wide_ratio, rf_wide_store, wide_t,
)
from ringfence.ipc.records cimport (
    RF_LEDGER_DAILY, RF_LEDGER_EVENT_KIND_CROSS, RF_LEDGER_EVENT_KIND_DIVIDEND, RF_LEDGER_EVENT_KIND_EXPIRE, RF_LEDGER_EVENT_KIND_FILL,
    RF_LEDGER_EVENT_KIND_FUNDING, RF_LEDGER_EVENT_KIND_INTEREST, RF_LEDGER_EVENT_KIND_NAME_LOT, RF_LEDGER_EVENT_KIND_RETURN_OF_CAPITAL,
    RF_LEDGER_EVENT_KIND_SETTLE, RF_LEDGER_EVENT_KIND_SPIN_OFF, RF_LEDGER_EVENT_KIND_SPLIT, RF_LEDGER_EVENT_KIND_TRANSFER,
    RF_LEDGER_INVERSE, RF_LEDGER_RESULT_BAD_EVENT, RF_LEDGER_RESULT_BAD_PRICE, RF_LEDGER_RESULT_BOOKED, RF_LEDGER_RESULT_NOT_HELD,
    RF_LEDGER_RESULT_NO_ROW, RF_LEDGER_RESULT_OVERFLOW, LedgerEvent, LedgerInstrument, LedgerPosition, Lot,
)


cdef int apply_income(LedgerTables *t, uint32_t row, const LedgerEvent *e) noexcept nogil:
    """Funding, interest and dividends: cash, by an amount, a price per unit or a rate on the value."""
    cdef LedgerPosition *p = &t.positions[t.events[row].position]
    cdef const LedgerInstrument *i = &t.instruments[p.instrument]
    cdef wide_t amount = rf_wide_load(e.amount), base = 0
    cdef uint8_t unknown = p.base_unknown
    cdef int kind = t.events[row].kind
    if not e.amount_given:
        amount = 0
        if rf_wide_load(p.qty) != 0 and not value_of(i, rf_wide_load(p.qty), rf_wide_load(e.px), &amount):
            return RF_LEDGER_RESULT_BAD_PRICE
        if kind == RF_LEDGER_EVENT_KIND_FUNDING:
            if not rf_wide_ratio(amount, rf_wide_from(e.ratio_num), rf_wide_from(e.ratio_den), &amount):
                return RF_LEDGER_RESULT_BAD_EVENT
            if not i.flags & RF_LEDGER_INVERSE:
                amount = -amount
    if not accumulate_base(p, p.income_base, e, amount, &base):
        return RF_LEDGER_RESULT_OVERFLOW
    if not accumulate(&p.funding[0] if kind == RF_LEDGER_EVENT_KIND_FUNDING else &p.income[0], amount):
        accumulate(p.income_base, -base)
        p.base_unknown = unknown
        return RF_LEDGER_RESULT_OVERFLOW
    return RF_LEDGER_RESULT_BOOKED


cdef int apply_return_of_capital(LedgerTables *t, uint32_t row, const LedgerEvent *e) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[t.events[row].position]
    cdef const LedgerInstrument *i = &t.instruments[p.instrument]
    cdef wide_t qty = rf_wide_load(p.qty), total, total_base = 0, piece, told = 0, told_base = 0, done = 0
    cdef uint32_t at = p.first_lot
    cdef Lot *lot
    if qty == 0:
        return RF_LEDGER_RESULT_BOOKED
    if i.flags & RF_LEDGER_INVERSE:
        return RF_LEDGER_RESULT_BAD_EVENT
    if not value_of(i, qty, rf_wide_load(e.px), &total):
        return RF_LEDGER_RESULT_OVERFLOW
    if e.fx != 0 and (not in_base(e, total, &total_base) or not rf_wide_is_figure(total_base)):
        return RF_LEDGER_RESULT_OVERFLOW
    if not accumulate(p.bound, rf_wide_abs(total) + rf_wide_abs(total_base)):
        return RF_LEDGER_RESULT_OVERFLOW
    if e.fx == 0:
        p.base_unknown = 1
    while at:
        lot = &t.lots[at]
        done += rf_wide_abs(rf_wide_load(lot.qty))
        piece = rf_wide_part(total, done, rf_wide_abs(qty)) - told
        told += piece
        rf_wide_store(lot.cost, rf_wide_load(lot.cost) - piece)
        piece = rf_wide_part(total_base, done, rf_wide_abs(qty)) - told_base
        told_base += piece
        rf_wide_store(lot.cost_base, rf_wide_load(lot.cost_base) - piece)
        at = lot.next
    rf_wide_store(p.cost, rf_wide_load(p.cost) - total)
    rf_wide_store(p.cost_base, rf_wide_load(p.cost_base) - total_base)
    rf_wide_store(p.flow, rf_wide_load(p.flow) - total)
    rank_anew(t, t.events[row].position)
    return RF_LEDGER_RESULT_BOOKED


cdef void rank_anew(LedgerTables *t, uint32_t position) noexcept nogil:
    """Ranks from cost and quantity as they are now, after an event that changed the cost or the quantity of all lots."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef uint32_t at = p.first_lot
    cdef wide_t rank
    if p.heap == 0:
        return
    while at:
        rank = 0
        unit_value(&t.instruments[p.instrument], rf_wide_load(t.lots[at].cost), rf_wide_load(t.lots[at].qty), &rank)
        rf_wide_store(t.lots[at].rank, rank_of(p, rank, rf_wide_load(t.lots[at].qty) < 0))
        at = t.lots[at].next
    rebuild_heap(t, position)


cdef void drop_empty_lots(LedgerTables *t, uint32_t position) noexcept nogil:
    """A lot whose quantity a split rounded to 0 leaves its cost to its neighbour, the last one to what is realized."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef uint32_t at = p.first_lot, after, heir
    cdef Lot *lot
    p.heap = 0
    while at:
        lot = &t.lots[at]
        after = lot.next
        if rf_wide_load(lot.qty) == 0:
            heir = lot.next if lot.next else lot.prev
            if heir:
                rf_wide_store(t.lots[heir].cost, rf_wide_load(t.lots[heir].cost) + rf_wide_load(lot.cost))
                rf_wide_store(t.lots[heir].cost_base, rf_wide_load(t.lots[heir].cost_base) + rf_wide_load(lot.cost_base))
            else:
                rf_wide_store(p.realized, rf_wide_load(p.realized) - rf_wide_load(lot.cost))
                rf_wide_store(p.realized_base, rf_wide_load(p.realized_base) - rf_wide_load(lot.cost_base))
                rf_wide_store(p.cost, 0)
                rf_wide_store(p.cost_base, 0)
            remove_lot(t, position, at)
        at = after
    rebuild_heap(t, position)


cdef int apply_split(LedgerTables *t, uint32_t row, const LedgerEvent *e) noexcept nogil:
    cdef uint32_t position = t.events[row].position
    cdef LedgerPosition *p = &t.positions[position]
    cdef wide_t qty = rf_wide_load(p.qty), num = rf_wide_from(e.ratio_num), den = rf_wide_from(e.ratio_den), total, after = 0
    cdef wide_t done = 0, told = 0, unit, value, check = 0
    cdef uint32_t at = p.first_lot
    cdef Lot *lot
    if num <= 0 or den <= 0:
        return RF_LEDGER_RESULT_BAD_EVENT
    if qty == 0:
        return RF_LEDGER_RESULT_BOOKED
    if not rf_wide_ratio(qty, num, den, &total) or not rf_wide_is_figure(total):
        return RF_LEDGER_RESULT_OVERFLOW
    while at:
        lot = &t.lots[at]
        done += rf_wide_load(lot.qty)
        rf_wide_ratio(done, num, den, &after)
        if not rf_wide_ratio(after, den, num, &check) or check != done:
            t.head.inexact += 1
        rf_wide_store(lot.qty, after - told)
        told = after
        at = lot.next
    rf_wide_store(p.qty, total)
    drop_empty_lots(t, position)
    rank_anew(t, position)
    unit = rf_wide_load(e.qty)
    if rf_wide_load(e.px) != 0 and unit > 0 and total % unit != 0:
        return trade_at(t, position, row, e, -(total % unit), rf_wide_load(e.px), &value)
    return RF_LEDGER_RESULT_BOOKED


cdef int apply_spin_off(LedgerTables *t, uint32_t row, const LedgerEvent *e) noexcept nogil:
    """Each lot leaves a part of its cost to a lot of the new instrument, with its own sequence."""
    cdef uint32_t position = t.events[row].position, child = t.events[row].other_position
    cdef LedgerPosition *p = &t.positions[position]
    cdef LedgerPosition *c = &t.positions[child]
    cdef wide_t num = rf_wide_from(e.ratio_num), den = rf_wide_from(e.ratio_den), share = rf_wide_from(e.share_num), whole = rf_wide_from(e.share_den)
    cdef wide_t qty = rf_wide_load(p.qty), done = 0, told = 0, after = 0, cost, cost_base, rank = 0, bound
    cdef uint32_t at
    cdef Lot *lot
    if num <= 0 or den <= 0 or whole <= 0 or share < 0 or share > whole:
        return RF_LEDGER_RESULT_BAD_EVENT
    if t.instruments[p.instrument].settle_asset != t.instruments[c.instrument].settle_asset:
        return RF_LEDGER_RESULT_BAD_EVENT
    if qty == 0:
        return RF_LEDGER_RESULT_BOOKED
    if rf_wide_load(c.qty) != 0 and (rf_wide_load(c.qty) > 0) != (qty > 0):
        return RF_LEDGER_RESULT_BAD_EVENT
    bound = rf_wide_load(c.bound) + rf_wide_load(p.bound)
    if not rf_wide_is_figure(bound):
        return RF_LEDGER_RESULT_OVERFLOW
    while spare_lots(t) < p.lot_count:  # all at once: dust that is merged on the way could be the lot at hand
        if not make_room(t):
            return RF_LEDGER_RESULT_NO_ROW
    at = p.first_lot
    rf_wide_store(c.bound, bound)
    while at:
        lot = &t.lots[at]
        done += rf_wide_load(lot.qty)
        if not rf_wide_ratio(done, num, den, &after):
            return RF_LEDGER_RESULT_OVERFLOW
        if after != told:
            cost = rf_wide_part(rf_wide_load(lot.cost), share, whole)
            cost_base = rf_wide_part(rf_wide_load(lot.cost_base), share, whole)
            unit_value(&t.instruments[c.instrument], cost, after - told, &rank)
            if receive_lot(t, child, lot.seq, lot.event, after - told, cost, cost_base, rank) != RF_LEDGER_RESULT_BOOKED:
                return RF_LEDGER_RESULT_NO_ROW
            rf_wide_store(lot.cost, rf_wide_load(lot.cost) - cost)
            rf_wide_store(lot.cost_base, rf_wide_load(lot.cost_base) - cost_base)
            rf_wide_store(p.cost, rf_wide_load(p.cost) - cost)
            rf_wide_store(p.cost_base, rf_wide_load(p.cost_base) - cost_base)
            rf_wide_store(p.moved, rf_wide_load(p.moved) - cost)
            rf_wide_store(c.moved, rf_wide_load(c.moved) + cost)
            move_base(t, p, c, cost_base)
            told = after
        at = lot.next
    if p.base_unknown:
        c.base_unknown = 1
    rank_anew(t, position)
    rank_anew(t, child)
    return RF_LEDGER_RESULT_BOOKED


cdef int apply_transfer(LedgerTables *t, uint32_t row, const LedgerEvent *e) noexcept nogil:
    cdef uint32_t source = t.events[row].position
    cdef LedgerPosition *p = &t.positions[source]
    cdef wide_t qty = rf_wide_load(e.qty), fee = rf_wide_load(e.fee), value
    cdef int result
    if rf_wide_load(p.qty) < 0:
        qty = -qty
    if fee != 0 and rf_wide_abs(qty) + fee > rf_wide_load(p.qty):
        return RF_LEDGER_RESULT_NOT_HELD
    result = move_lots(t, source, t.events[row].other_position, qty)
    if result == RF_LEDGER_RESULT_BOOKED and fee != 0:
        result = trade_at(t, source, row, e, -fee, rf_wide_load(e.fee_px), &value)
        if result == RF_LEDGER_RESULT_BOOKED and not add_fee(p, e, -value):
            result = RF_LEDGER_RESULT_OVERFLOW
    return result


cdef inline int settle_to(const LedgerTables *t, LedgerPosition *p, const LedgerEvent *e, wide_t due) noexcept nogil:
    """Let settlements have paid so much in all; 0: it does not fit."""
    cdef wide_t base
    if not rf_wide_is_figure(due):
        return 0
    if t.instruments[p.instrument].flags & RF_LEDGER_DAILY and not accumulate_base(p, p.moved_base, e, due - rf_wide_load(p.settled), &base):
        return 0
    rf_wide_store(p.settled, due)
    return 1


cdef int apply_price(LedgerTables *t, uint32_t row, const LedgerEvent *e) noexcept nogil:
    """Rewards, settlements, expiries and crosses: what is booked at a price that no venue traded."""
    cdef uint32_t position = t.events[row].position
    cdef LedgerPosition *p = &t.positions[position]
    cdef wide_t px = rf_wide_load(e.px), value, base = 0, due
    cdef int result, kind = t.events[row].kind
    if kind == RF_LEDGER_EVENT_KIND_SETTLE:
        if not unrealized_at(t, position, px, &value):
            return RF_LEDGER_RESULT_BAD_PRICE
        due = rf_wide_load(p.realized) + value
        return RF_LEDGER_RESULT_BOOKED if settle_to(t, p, e, due) else RF_LEDGER_RESULT_OVERFLOW
    if kind == RF_LEDGER_EVENT_KIND_EXPIRE:
        result = RF_LEDGER_RESULT_BOOKED
        if rf_wide_load(p.qty) != 0:
            result = trade_at(t, position, row, e, -rf_wide_load(p.qty), px, &value)
        if result == RF_LEDGER_RESULT_BOOKED and t.instruments[p.instrument].flags & RF_LEDGER_DAILY:
            if not settle_to(t, p, e, rf_wide_load(p.realized)):  # the last settlement: what was not paid yet
                result = RF_LEDGER_RESULT_OVERFLOW
        return result
    result = trade_at(t, position, row, e, rf_wide_load(e.qty), px, &value)
    if result != RF_LEDGER_RESULT_BOOKED or kind == RF_LEDGER_EVENT_KIND_CROSS:
        return result
    if not accumulate_base(p, p.income_base, e, value, &base) or not accumulate(p.income, value):
        return RF_LEDGER_RESULT_OVERFLOW
    return RF_LEDGER_RESULT_BOOKED


cdef int apply(LedgerTables *t, uint32_t row) noexcept nogil:
    cdef int kind = t.events[row].kind
    cdef const LedgerEvent *e
    if kind == RF_LEDGER_EVENT_KIND_FILL:
        return apply_fill(t, row)
    e = in_force(t, row)
    if kind == RF_LEDGER_EVENT_KIND_FUNDING or kind == RF_LEDGER_EVENT_KIND_INTEREST or kind == RF_LEDGER_EVENT_KIND_DIVIDEND:
        return apply_income(t, row, e)
    if kind == RF_LEDGER_EVENT_KIND_SPLIT:
        return apply_split(t, row, e)
    if kind == RF_LEDGER_EVENT_KIND_SPIN_OFF:
        return apply_spin_off(t, row, e)
    if kind == RF_LEDGER_EVENT_KIND_RETURN_OF_CAPITAL:
        return apply_return_of_capital(t, row, e)
    if kind == RF_LEDGER_EVENT_KIND_TRANSFER:
        return apply_transfer(t, row, e)
    if kind == RF_LEDGER_EVENT_KIND_NAME_LOT:
        return RF_LEDGER_RESULT_BOOKED  # its close has it (core/ledger_names.pyx)
    return apply_price(t, row, e)
