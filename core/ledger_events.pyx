"""The ledger's inputs: every kind of event, and what busts and corrections do to what is already booked.

    LedgerEvent ──▶ book ──▶ apply (by kind) ──▶ ledger_trades: lots, cost, realized
                     │                      └──▶ fees, funding, income, variation margin
                     ├── bust, correction: the event's content in force changes, its positions are booked anew from their checkpoint
                     └──▶ legs of the double entry: the difference of the figures before and after, so that they sum to zero whatever was booked

A bust is not a reversing trade (rule 8): the state afterwards is that of a replay without it. Each position chains its events; a recomputation begins at the
newest checkpoint before the change and books what follows once more, in sequence order. A checkpoint is a position with at most one lot (flat, a pool, one
fill), taken every LEDGER_CHECKPOINT_EVENTS events when there is such a moment. Positions tied by a transfer, a spin-off or a fee paid from lots are recomputed
together, from their first event. A bust or correction before its fill is HELD under the identity that it waits for; a bust is final; a correction of a
correction refers to its identity and is applied on top. Of the same identity twice, the first stands.

Who owns what: all tables are the caller's memory, this module is their only writer. What can fail is a LedgerResult; then no figure has changed. Only in a
recomputation an event that was right when it came can be impossible (a transfer of what was busted, lots that are no more): it is left out, the position says
so (POSITION_SKIPPED). Rejected: whole-ledger snapshots (copying them costs more than the events that they save).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.core.dedupe cimport mix
from ringfence.core.ledger_trades cimport (
    FIGURE_BITS, Trade, accumulate, exact_unit, flatten_bound, in_base, move_lots, receive_lot, trade, unit_value, value_of,
)
from ringfence.core.lots cimport LedgerTables, insert_lot, new_lot, rank_of, rebuild_heap, remove_lot, remove_lots
from ringfence.core.wide cimport (
    rf_wide_abs, rf_wide_from, rf_wide_load, rf_wide_part, rf_wide_product, rf_wide_ratio, rf_wide_store, rf_wide_sum, wide_t,
)
from ringfence.ipc.records cimport (
    RF_LEDGER_CASH, RF_LEDGER_CHECKPOINT_EVENTS, RF_LEDGER_DAILY, RF_LEDGER_EVENT_KIND_BUST, RF_LEDGER_EVENT_KIND_CORRECT, RF_LEDGER_EVENT_KIND_DIVIDEND,
    RF_LEDGER_EVENT_KIND_EXPIRE, RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_EVENT_KIND_FUNDING, RF_LEDGER_EVENT_KIND_INTEREST, RF_LEDGER_EVENT_KIND_MAX,
    RF_LEDGER_EVENT_KIND_RETURN_OF_CAPITAL, RF_LEDGER_EVENT_KIND_REWARD, RF_LEDGER_EVENT_KIND_SETTLE, RF_LEDGER_EVENT_KIND_SPIN_OFF,
    RF_LEDGER_EVENT_KIND_SPLIT, RF_LEDGER_EVENT_KIND_TRANSFER, RF_LEDGER_EVENT_STATE_APPLIED, RF_LEDGER_EVENT_STATE_BOOKED,
    RF_LEDGER_EVENT_STATE_BUSTED, RF_LEDGER_EVENT_STATE_HELD, RF_LEDGER_EVENT_STATE_REPLACED, RF_LEDGER_FEE_BASE, RF_LEDGER_FEE_CAPITALIZE,
    RF_LEDGER_FEE_ELSEWHERE, RF_LEDGER_FEE_HELD, RF_LEDGER_FEE_MAX, RF_LEDGER_GIVEN_AMOUNT, RF_LEDGER_GIVEN_FEE, RF_LEDGER_GIVEN_FX,
    RF_LEDGER_GIVEN_PICKS, RF_LEDGER_GIVEN_PX, RF_LEDGER_GIVEN_QTY, RF_LEDGER_GIVEN_SIDE, RF_LEDGER_INVERSE, RF_LEDGER_LEG_ACCOUNT_EQUITY,
    RF_LEDGER_LEG_ACCOUNT_FEE, RF_LEDGER_LEG_ACCOUNT_INCOME, RF_LEDGER_LEG_ACCOUNT_PNL, RF_LEDGER_LEG_ACCOUNT_POSITION, RF_LEDGER_LEG_ACCOUNT_VENUE,
    RF_LEDGER_MARGIN, RF_LEDGER_METHOD_FIFO, RF_LEDGER_METHOD_MAX, RF_LEDGER_RESULT_BAD_EVENT, RF_LEDGER_RESULT_BAD_PRICE, RF_LEDGER_RESULT_BOOKED,
    RF_LEDGER_RESULT_CONFLICT, RF_LEDGER_RESULT_DUPLICATE, RF_LEDGER_RESULT_HELD, RF_LEDGER_RESULT_NOT_FLAT, RF_LEDGER_RESULT_NO_INSTRUMENT,
    RF_LEDGER_RESULT_NO_ROW, RF_LEDGER_RESULT_OVERFLOW, LedgerCheckpoint, LedgerEvent, LedgerInstrument, LedgerLeg, LedgerPosition, Lot,
)


# ---- indexes: open addressing, never more than half full

cdef inline uint32_t position_slot(const LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil:
    cdef uint32_t mask = t.head.slots - 1, slot, row
    cdef const LedgerPosition *p
    slot = <uint32_t>(mix(mix(account, instrument), strategy) >> 7) & mask
    while True:
        row = t.by_position[slot]
        if row == 0:
            return slot
        p = &t.positions[row]
        if p.instrument == instrument and p.account == account and p.strategy == strategy:
            return slot
        slot = (slot + 1) & mask


cdef inline uint32_t key_slot(const LedgerTables *t, uint64_t key) noexcept nogil:
    """The slot of an identity, or of what waits for it, or a free one."""
    cdef uint32_t mask = t.head.slots - 1, slot = <uint32_t>(mix(key, 1) >> 7) & mask, row
    cdef const LedgerEvent *e
    while True:
        row = t.by_key[slot]
        if row == 0:
            return slot
        e = &t.events[row]
        if e.key == key or (e.state == RF_LEDGER_EVENT_STATE_HELD and e.ref_key == key):
            return slot
        slot = (slot + 1) & mask


cdef uint32_t find_position(const LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil:
    return t.by_position[position_slot(t, account, strategy, instrument)]


cdef uint32_t find_event(const LedgerTables *t, uint64_t key) noexcept nogil:
    cdef uint32_t row = t.by_key[key_slot(t, key)] if key else 0
    return row if row and t.events[row].key == key else 0


cdef uint32_t find_or_add(LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument, uint8_t method) noexcept nogil:
    cdef uint32_t slot = position_slot(t, account, strategy, instrument), row = t.by_position[slot]
    cdef LedgerPosition *p
    if row:
        return row
    row = t.head.position_count + 1
    if row >= t.head.position_rows:
        return 0
    t.head.position_count = row
    t.by_position[slot] = row
    p = &t.positions[row]
    memset(p, 0, sizeof(LedgerPosition))
    p.instrument = instrument
    p.account = account
    p.strategy = strategy
    p.method = method if method else RF_LEDGER_METHOD_FIFO
    return row


cdef void drop_positions_above(LedgerTables *t, uint32_t count) noexcept nogil:
    """Take back the positions that a refused event has made; they were the last to enter the index."""
    cdef LedgerPosition *p
    while t.head.position_count > count:
        p = &t.positions[t.head.position_count]
        t.by_position[position_slot(t, p.account, p.strategy, p.instrument)] = 0
        memset(p, 0, sizeof(LedgerPosition))
        t.head.position_count -= 1


cdef int set_method(LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument, int method) noexcept nogil:
    cdef uint32_t row
    if method < 1 or method > RF_LEDGER_METHOD_MAX:
        return RF_LEDGER_RESULT_BAD_EVENT
    row = find_or_add(t, account, strategy, instrument, <uint8_t>method)
    if row == 0:
        return RF_LEDGER_RESULT_NO_ROW
    if rf_wide_load(t.positions[row].qty) != 0:
        return RF_LEDGER_RESULT_NOT_FLAT
    t.positions[row].method = <uint8_t>method
    return RF_LEDGER_RESULT_BOOKED


# ---- figures

cdef const LedgerEvent *in_force(const LedgerTables *t, uint32_t row) noexcept nogil:
    return &t.events[t.events[row].newest if t.events[row].newest else row]


cdef int unrealized_at(const LedgerTables *t, uint32_t position, wide_t px, wide_t *out) noexcept nogil:
    cdef const LedgerPosition *p = &t.positions[position]
    cdef wide_t qty = rf_wide_load(p.qty), value = 0
    if qty != 0 and not value_of(&t.instruments[p.instrument], qty, px, &value):
        return 0
    out[0] = value - rf_wide_load(p.cost)
    return 1


cdef wide_t cash_of(const LedgerTables *t, const LedgerPosition *p) noexcept nogil:
    cdef uint32_t flags = t.instruments[p.instrument].flags
    cdef wide_t rest = rf_wide_load(p.funding) + rf_wide_load(p.income) - rf_wide_load(p.fees) + rf_wide_load(p.fees_elsewhere)
    if flags & RF_LEDGER_DAILY:
        return rest + rf_wide_load(p.settled)
    if flags & RF_LEDGER_MARGIN:
        return rest + rf_wide_load(p.realized)
    if flags & RF_LEDGER_CASH:
        return rest + rf_wide_load(p.flow)
    return rest - rf_wide_load(p.flow)


# ---- legs

cdef void touch(LedgerTables *t, uint32_t position) noexcept nogil:
    """Remember the figures of a position before this booking changes them."""
    cdef uint32_t at
    if t.legs == NULL or position == 0:
        return
    for at in range(t.touched_count):
        if t.touched[at] == position:
            return
    t.before[t.touched_count] = t.positions[position]
    t.touched[t.touched_count] = position
    t.touched_count += 1


cdef void say_leg(LedgerTables *t, uint64_t seq, uint32_t position, int account, wide_t amount, int units, int correction) noexcept nogil:
    cdef const LedgerPosition *p = &t.positions[position]
    cdef const LedgerInstrument *i = &t.instruments[p.instrument]
    cdef LedgerLeg *leg
    if amount == 0 or t.leg_count >= t.leg_rows:
        return
    leg = &t.legs[t.leg_count]
    t.leg_count += 1
    memset(leg, 0, sizeof(LedgerLeg))
    leg.seq = seq
    rf_wide_store(leg.amount, amount)
    leg.asset = i.base_asset if units else i.settle_asset
    leg.digits = i.qty_digits if units else i.money_digits
    leg.instrument = p.instrument
    leg.position = position
    leg.account = p.account
    leg.strategy = p.strategy
    leg.leg_account = <uint8_t>account
    leg.units = <uint8_t>units
    leg.correction = <uint8_t>correction


cdef void say_legs(LedgerTables *t, uint64_t seq, int correction) noexcept nogil:
    cdef uint32_t at, row
    cdef const LedgerPosition *p
    cdef const LedgerPosition *b
    cdef wide_t cost, realized, fees, income, cash, units
    for at in range(t.touched_count):
        row = t.touched[at]
        p = &t.positions[row]
        b = &t.before[at]
        cash = cash_of(t, p) - cash_of(t, b)
        fees = rf_wide_load(p.fees) - rf_wide_load(b.fees)
        income = rf_wide_load(p.funding) + rf_wide_load(p.income) - rf_wide_load(b.funding) - rf_wide_load(b.income)
        cost = 0
        realized = 0
        units = 0
        if not t.instruments[p.instrument].flags & RF_LEDGER_CASH:
            cost = rf_wide_load(p.cost) - rf_wide_load(b.cost)
            realized = rf_wide_load(p.realized) - rf_wide_load(b.realized)
            units = rf_wide_load(p.qty) - rf_wide_load(b.qty)
        say_leg(t, seq, row, RF_LEDGER_LEG_ACCOUNT_POSITION, cost, 0, correction)
        say_leg(t, seq, row, RF_LEDGER_LEG_ACCOUNT_VENUE, cash, 0, correction)
        say_leg(t, seq, row, RF_LEDGER_LEG_ACCOUNT_FEE, fees, 0, correction)
        say_leg(t, seq, row, RF_LEDGER_LEG_ACCOUNT_PNL, -realized, 0, correction)
        say_leg(t, seq, row, RF_LEDGER_LEG_ACCOUNT_INCOME, -income, 0, correction)
        say_leg(t, seq, row, RF_LEDGER_LEG_ACCOUNT_EQUITY, -(cost + cash + fees - realized - income), 0, correction)
        say_leg(t, seq, row, RF_LEDGER_LEG_ACCOUNT_POSITION, units, 1, correction)
        say_leg(t, seq, row, RF_LEDGER_LEG_ACCOUNT_EQUITY, -units, 1, correction)


# ---- kinds of events

cdef inline int add_fee(LedgerPosition *p, const LedgerEvent *e, wide_t value) noexcept nogil:
    cdef wide_t base = 0
    if e.fx != 0 and not in_base(e, value, &base):
        return 0
    if not accumulate(p.fees, value):
        return 0
    if not accumulate(p.fees_base, base):
        accumulate(p.fees, -value)
        return 0
    return 1


cdef inline int trade_at(LedgerTables *t, uint32_t position, uint32_t row, const LedgerEvent *e, wide_t qty, wide_t px, wide_t *value) noexcept nogil:
    """A trade without fee at a price; its value is handed back."""
    cdef const LedgerInstrument *i = &t.instruments[t.positions[position].instrument]
    cdef Trade x
    if not value_of(i, qty, px, value):
        return RF_LEDGER_RESULT_BAD_PRICE if i.flags & RF_LEDGER_INVERSE and px <= 0 else RF_LEDGER_RESULT_OVERFLOW
    memset(&x, 0, sizeof(Trade))
    x.qty = qty
    x.value = value[0]
    x.unit = exact_unit(i, px)
    x.px = px
    x.seq = t.events[row].seq
    x.event = row
    return trade(t, position, e, &x)


cdef int apply_fill(LedgerTables *t, uint32_t row) noexcept nogil:
    cdef const LedgerEvent *root = &t.events[row]
    cdef const LedgerEvent *e = in_force(t, row)
    cdef LedgerPosition *p = &t.positions[root.position]
    cdef const LedgerInstrument *i = &t.instruments[p.instrument]
    cdef wide_t px = rf_wide_load(e.px), fee = 0, fee_value = 0
    cdef Trade x
    cdef int result
    x.qty = rf_wide_load(e.qty)
    x.px = px
    x.fee = 0
    x.unit = exact_unit(i, px)
    x.seq = root.seq
    x.event = row
    x.first_pick = e.first_pick
    x.pick_count = e.pick_count
    if i.flags & RF_LEDGER_INVERSE and px <= 0:
        return RF_LEDGER_RESULT_BAD_PRICE
    if not value_of(i, x.qty, px, &x.value):
        return RF_LEDGER_RESULT_OVERFLOW
    if e.fee_kind:
        fee = rf_wide_load(e.fee)
        fee_value = fee
        if e.fee_kind == RF_LEDGER_FEE_CAPITALIZE:
            x.fee = fee
            fee_value = 0
        elif e.fee_kind == RF_LEDGER_FEE_BASE:
            if i.flags & RF_LEDGER_INVERSE:
                return RF_LEDGER_RESULT_BAD_EVENT
            if not value_of(i, fee, px, &fee_value):
                return RF_LEDGER_RESULT_OVERFLOW
            x.qty -= fee
            x.value -= fee_value
        elif e.fee_kind == RF_LEDGER_FEE_HELD:
            result = trade_at(t, root.other_position, row, e, -fee, rf_wide_load(e.fee_px), &fee_value)
            if result != RF_LEDGER_RESULT_BOOKED:
                return result
            fee_value = -fee_value
        if fee_value != 0 and not add_fee(p, e, fee_value):
            return RF_LEDGER_RESULT_OVERFLOW
        if e.fee_kind == RF_LEDGER_FEE_ELSEWHERE and not accumulate(p.fees_elsewhere, fee_value):
            add_fee(p, e, -fee_value)
            return RF_LEDGER_RESULT_OVERFLOW
        if x.qty == 0:
            return RF_LEDGER_RESULT_BOOKED
    result = trade(t, root.position, e, &x)
    if result != RF_LEDGER_RESULT_BOOKED and fee_value != 0:
        add_fee(p, e, -fee_value)
        if e.fee_kind == RF_LEDGER_FEE_ELSEWHERE:
            accumulate(p.fees_elsewhere, -fee_value)
    return result


cdef int apply_income(LedgerTables *t, uint32_t row, const LedgerEvent *e) noexcept nogil:
    """Funding, interest and dividends: cash, by an amount, a price per unit or a rate on the value."""
    cdef LedgerPosition *p = &t.positions[t.events[row].position]
    cdef const LedgerInstrument *i = &t.instruments[p.instrument]
    cdef wide_t amount = rf_wide_load(e.amount), base = 0
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
    if e.fx != 0 and not in_base(e, amount, &base):
        return RF_LEDGER_RESULT_OVERFLOW
    if not accumulate(p.income_base, base):
        return RF_LEDGER_RESULT_OVERFLOW
    if not accumulate(&p.funding[0] if kind == RF_LEDGER_EVENT_KIND_FUNDING else &p.income[0], amount):
        accumulate(p.income_base, -base)
        return RF_LEDGER_RESULT_OVERFLOW
    return RF_LEDGER_RESULT_BOOKED


cdef int apply_return_of_capital(LedgerTables *t, uint32_t row, const LedgerEvent *e) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[t.events[row].position]
    cdef const LedgerInstrument *i = &t.instruments[p.instrument]
    cdef wide_t qty = rf_wide_load(p.qty), total, piece, told = 0, done = 0
    cdef uint32_t at = p.first_lot
    cdef Lot *lot
    if qty == 0:
        return RF_LEDGER_RESULT_BOOKED
    if i.flags & RF_LEDGER_INVERSE:
        return RF_LEDGER_RESULT_BAD_EVENT
    if not value_of(i, qty, rf_wide_load(e.px), &total):
        return RF_LEDGER_RESULT_OVERFLOW
    if not accumulate(p.bound, rf_wide_abs(total)):
        return RF_LEDGER_RESULT_OVERFLOW
    while at:
        lot = &t.lots[at]
        done += rf_wide_abs(rf_wide_load(lot.qty))
        piece = rf_wide_part(total, done, rf_wide_abs(qty)) - told
        told += piece
        rf_wide_store(lot.cost, rf_wide_load(lot.cost) - piece)
        at = lot.next
    rf_wide_store(p.cost, rf_wide_load(p.cost) - total)
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
    if not rf_wide_ratio(qty, num, den, &total) or rf_wide_abs(total) >> FIGURE_BITS:
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
    cdef uint32_t at = p.first_lot
    cdef Lot *lot
    if num <= 0 or den <= 0 or whole <= 0 or share < 0 or share > whole:
        return RF_LEDGER_RESULT_BAD_EVENT
    if t.instruments[p.instrument].settle_asset != t.instruments[c.instrument].settle_asset:
        return RF_LEDGER_RESULT_BAD_EVENT
    if rf_wide_load(c.qty) != 0 and (rf_wide_load(c.qty) > 0) != (qty > 0):
        return RF_LEDGER_RESULT_BAD_EVENT
    if not rf_wide_sum(rf_wide_load(c.bound), rf_wide_load(p.bound), &bound) or rf_wide_abs(bound) >> FIGURE_BITS:
        return RF_LEDGER_RESULT_OVERFLOW
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
    result = move_lots(t, source, t.events[row].other_position, qty)
    if result == RF_LEDGER_RESULT_BOOKED and fee != 0:
        result = trade_at(t, source, row, e, -fee, rf_wide_load(e.fee_px), &value)
        if result == RF_LEDGER_RESULT_BOOKED and not add_fee(p, e, -value):
            result = RF_LEDGER_RESULT_OVERFLOW
    return result


cdef int apply_price(LedgerTables *t, uint32_t row, const LedgerEvent *e) noexcept nogil:
    """Rewards, settlements and expiries: what is booked at a price that no venue traded."""
    cdef uint32_t position = t.events[row].position
    cdef LedgerPosition *p = &t.positions[position]
    cdef wide_t px = rf_wide_load(e.px), value, base = 0, due
    cdef int result, kind = t.events[row].kind
    if kind == RF_LEDGER_EVENT_KIND_SETTLE:
        if not unrealized_at(t, position, px, &value):
            return RF_LEDGER_RESULT_BAD_PRICE
        due = rf_wide_load(p.realized) + value
        if rf_wide_abs(due) >> FIGURE_BITS:
            return RF_LEDGER_RESULT_OVERFLOW
        rf_wide_store(p.settled, due)
        return RF_LEDGER_RESULT_BOOKED
    if kind == RF_LEDGER_EVENT_KIND_EXPIRE:
        if rf_wide_load(p.qty) == 0:
            return RF_LEDGER_RESULT_BOOKED
        return trade_at(t, position, row, e, -rf_wide_load(p.qty), px, &value)
    result = trade_at(t, position, row, e, rf_wide_load(e.qty), px, &value)
    if result != RF_LEDGER_RESULT_BOOKED:
        return result
    if e.fx != 0 and not in_base(e, value, &base):
        return RF_LEDGER_RESULT_OVERFLOW
    return RF_LEDGER_RESULT_BOOKED if accumulate(p.income, value) and accumulate(p.income_base, base) else RF_LEDGER_RESULT_OVERFLOW


cdef int apply(LedgerTables *t, uint32_t row) noexcept nogil:
    cdef const LedgerEvent *e = in_force(t, row)
    cdef int kind = t.events[row].kind
    if kind == RF_LEDGER_EVENT_KIND_FILL:
        return apply_fill(t, row)
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
    return apply_price(t, row, e)


# ---- chains and checkpoints

cdef inline uint32_t next_event(const LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil:
    cdef const LedgerEvent *e = &t.events[row]
    return e.next_of_position if e.position == position else e.next_of_other


cdef void chain(LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil:
    """Put an event at its place (by row, which rises with the sequence) among those of a position."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef uint32_t at = 0, after = 0
    if p.last_event == 0 or p.last_event < row:
        at = p.last_event
        p.last_event = row
    else:
        after = p.first_event
        while after and after < row:
            at = after
            after = next_event(t, position, at)
    if at == 0:
        p.first_event = row
    elif t.events[at].position == position:
        t.events[at].next_of_position = row
    else:
        t.events[at].next_of_other = row
    if t.events[row].position == position:
        t.events[row].next_of_position = after
    else:
        t.events[row].next_of_other = after


cdef inline void link_event(LedgerTables *t, uint32_t row) noexcept nogil:
    cdef LedgerEvent *e = &t.events[row]
    chain(t, e.position, row)
    if e.other_position:
        chain(t, e.other_position, row)
        t.positions[e.position].flags |= POSITION_LINKED
        t.positions[e.other_position].flags |= POSITION_LINKED


cdef void save_checkpoint(LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil:
    """Row 0 of the checkpoints heads the list of those that were dropped."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef uint32_t at = t.checkpoints[0].previous
    cdef LedgerCheckpoint *c
    p.since_checkpoint = 0
    if at:
        t.checkpoints[0].previous = t.checkpoints[at].previous
    elif t.head.checkpoint_count + 1 < t.head.checkpoint_rows:
        t.head.checkpoint_count += 1
        at = t.head.checkpoint_count
    else:
        t.head.checkpoints_dropped += 1
        return
    c = &t.checkpoints[at]
    memset(c, 0, sizeof(LedgerCheckpoint))
    memcpy(c.position, p, sizeof(LedgerPosition))
    if p.first_lot:
        memcpy(c.lot, &t.lots[p.first_lot], sizeof(Lot))
    c.event = row
    c.previous = p.checkpoint
    p.checkpoint = at


cdef inline void after_event(LedgerTables *t, uint32_t position, uint32_t row, uint64_t seq) noexcept nogil:
    cdef LedgerPosition *p = &t.positions[position]
    p.updated_seq = seq
    p.since_checkpoint += 1
    if p.since_checkpoint >= RF_LEDGER_CHECKPOINT_EVENTS and p.lot_count <= 1 and not p.flags & POSITION_LINKED:
        save_checkpoint(t, position, row)


cdef uint32_t go_back(LedgerTables *t, uint32_t position, uint32_t row, int alone) noexcept nogil:
    """Bring a position to its newest checkpoint before an event, or to nothing; return its next event."""
    cdef LedgerPosition *p = &t.positions[position]
    cdef LedgerPosition now = p[0]
    cdef LedgerCheckpoint *c
    cdef uint32_t at, lot
    remove_lots(t, position)
    while p.checkpoint and (not alone or t.checkpoints[p.checkpoint].event >= row):
        at = p.checkpoint
        p.checkpoint = t.checkpoints[at].previous
        t.checkpoints[at].previous = t.checkpoints[0].previous
        t.checkpoints[0].previous = at
    now.checkpoint = p.checkpoint
    memset(p, 0, sizeof(LedgerPosition))
    at = now.first_event
    if now.checkpoint:
        c = &t.checkpoints[now.checkpoint]
        memcpy(p, c.position, sizeof(LedgerPosition))
        at = next_event(t, position, c.event)
        if p.lot_count:
            lot = new_lot(t)
            memcpy(&t.lots[lot], c.lot, sizeof(Lot))
            t.lots[lot].next = 0
            t.lots[lot].prev = 0
            t.lots[lot].child = 0
            t.lots[lot].sibling = 0
            p.first_lot = 0
            p.last_lot = 0
            p.heap = 0
            p.lot_count = 0
            insert_lot(t, position, lot)
        p.since_checkpoint = 0
    p.instrument = now.instrument
    p.account = now.account
    p.strategy = now.strategy
    p.method = now.method
    p.checkpoint = now.checkpoint
    p.first_event = now.first_event
    p.last_event = now.last_event
    p.stamp = now.stamp
    p.next_of_family = now.next_of_family
    p.flags = now.flags & POSITION_LINKED
    p.mark_px[0] = now.mark_px[0]
    p.mark_px[1] = now.mark_px[1]
    p.marked_seq = now.marked_seq
    return at


cdef inline uint32_t join_family(LedgerTables *t, uint32_t last, uint32_t position) noexcept nogil:
    """Add a position, once, behind the last one of the family; return the last one."""
    if position == 0 or t.positions[position].stamp == t.head.stamp:
        return last
    t.positions[position].stamp = t.head.stamp
    t.positions[position].next_of_family = 0
    if last:
        t.positions[last].next_of_family = position
    return position


cdef uint32_t family_of(LedgerTables *t, uint32_t position, uint32_t other) noexcept nogil:
    """Stamp and list the positions that events tie to these two; return the first."""
    cdef uint32_t last, at, row
    t.head.stamp += 1
    last = join_family(t, 0, position)
    last = join_family(t, last, other)
    at = position
    while at:
        row = t.positions[at].first_event if t.positions[at].flags & POSITION_LINKED else 0
        while row:
            last = join_family(t, last, t.events[row].position)
            last = join_family(t, last, t.events[row].other_position)
            row = next_event(t, at, row)
        at = t.positions[at].next_of_family
    return position


cdef int book_anew(LedgerTables *t, uint32_t row) noexcept nogil:
    cdef LedgerEvent *e = &t.events[row]
    cdef int result
    if e.state == RF_LEDGER_EVENT_STATE_BUSTED:
        return RF_LEDGER_RESULT_BOOKED
    t.head.recomputed += 1
    result = apply(t, row)
    if result != RF_LEDGER_RESULT_BOOKED:
        t.positions[e.position].flags |= POSITION_SKIPPED
    return result


cdef int recompute(LedgerTables *t, uint32_t position, uint32_t other, uint32_t changed) noexcept nogil:
    """Book the events of these positions, and of those tied to them, once more: what follows their checkpoints before row ``changed``.

    OVERFLOW when a figure did not fit (the caller then undoes the change and recomputes), else BOOKED.
    """
    cdef uint32_t first = family_of(t, position, other), at = first, row = 0, last = t.head.event_count
    cdef int alone = t.positions[first].next_of_family == 0, result = RF_LEDGER_RESULT_BOOKED, was = t.replaying
    t.replaying = 1
    while at:
        touch(t, at)
        row = go_back(t, at, changed, alone)
        at = t.positions[at].next_of_family
    if alone:
        while row:
            if book_anew(t, row) == RF_LEDGER_RESULT_OVERFLOW:
                result = RF_LEDGER_RESULT_OVERFLOW
            after_event(t, first, row, t.events[row].seq)
            row = next_event(t, first, row)
    else:
        for row in range(1, last + 1):
            if t.events[row].position and t.positions[t.events[row].position].stamp == t.head.stamp:
                if book_anew(t, row) == RF_LEDGER_RESULT_OVERFLOW:
                    result = RF_LEDGER_RESULT_OVERFLOW
                t.positions[t.events[row].position].updated_seq = t.events[row].seq
                if t.events[row].other_position:
                    t.positions[t.events[row].other_position].updated_seq = t.events[row].seq
    t.replaying = was
    return result


# ---- busts, corrections and the way in

cdef void take_over(LedgerEvent *c, const LedgerEvent *e) noexcept nogil:
    """Fill in what a correction leaves as it was."""
    cdef wide_t size
    if not c.given & RF_LEDGER_GIVEN_QTY:
        size = rf_wide_abs(rf_wide_load(e.qty))
    else:
        size = rf_wide_abs(rf_wide_load(c.qty))
    if not c.given & RF_LEDGER_GIVEN_SIDE:
        rf_wide_store(c.qty, size if rf_wide_load(e.qty) >= 0 else -size)
    else:
        rf_wide_store(c.qty, size if rf_wide_load(c.qty) >= 0 else -size)
    if not c.given & RF_LEDGER_GIVEN_PX:
        memcpy(c.px, e.px, sizeof(c.px))
    if not c.given & RF_LEDGER_GIVEN_FEE:
        memcpy(c.fee, e.fee, sizeof(c.fee))
        memcpy(c.fee_px, e.fee_px, sizeof(c.fee_px))
        c.fee_kind = e.fee_kind
        c.other_instrument = e.other_instrument
    if not c.given & RF_LEDGER_GIVEN_FX:
        c.fx = e.fx
        c.fx_digits = e.fx_digits
    if not c.given & RF_LEDGER_GIVEN_AMOUNT:
        memcpy(c.amount, e.amount, sizeof(c.amount))
        c.amount_given = e.amount_given
    if not c.given & RF_LEDGER_GIVEN_PICKS:
        c.first_pick = e.first_pick
        c.pick_count = e.pick_count
    c.ratio_num = e.ratio_num
    c.ratio_den = e.ratio_den
    c.share_num = e.share_num
    c.share_den = e.share_den
    c.kind = RF_LEDGER_EVENT_KIND_CORRECT
    c.instrument = e.instrument
    c.account = e.account
    c.strategy = e.strategy
    c.other_account = e.other_account


cdef int refer(LedgerTables *t, uint32_t row, uint32_t named) noexcept nogil:
    """Let a bust or correction in ``row`` act on the event that it names."""
    cdef LedgerEvent *e = &t.events[row]
    cdef uint32_t at = t.events[named].root if t.events[named].root else named, other
    cdef LedgerEvent *root = &t.events[at]
    cdef uint32_t newest = root.newest
    cdef int state = root.state, result
    if t.events[named].kind == RF_LEDGER_EVENT_KIND_BUST or root.position == 0:
        return RF_LEDGER_RESULT_BAD_EVENT
    e.root = at
    e.state = RF_LEDGER_EVENT_STATE_APPLIED
    if root.state == RF_LEDGER_EVENT_STATE_BUSTED:
        return RF_LEDGER_RESULT_BOOKED
    if e.kind == RF_LEDGER_EVENT_KIND_BUST:
        root.state = RF_LEDGER_EVENT_STATE_BUSTED
    else:
        take_over(e, in_force(t, at))
        if e.fee_kind == RF_LEDGER_FEE_HELD and root.other_position == 0:
            other = find_position(t, root.account, root.strategy, e.other_instrument)
            if other == 0 or other == root.position:
                return RF_LEDGER_RESULT_BAD_EVENT
            root.other_position = other
            chain(t, other, at)
            t.positions[root.position].flags |= POSITION_LINKED
            t.positions[other].flags |= POSITION_LINKED
        root.newest = row
    result = recompute(t, root.position, root.other_position, at)
    if result != RF_LEDGER_RESULT_BOOKED:
        root.newest = newest
        root.state = <uint8_t>state
        recompute(t, root.position, root.other_position, at)
        return result
    if newest and e.kind == RF_LEDGER_EVENT_KIND_CORRECT:
        t.events[newest].state = RF_LEDGER_EVENT_STATE_REPLACED
    return RF_LEDGER_RESULT_BOOKED


cdef void let_waiting_act(LedgerTables *t, uint32_t row, uint32_t waiting) noexcept nogil:
    """Busts and corrections that came before the event in ``row``, oldest first, and those that in turn waited for them."""
    cdef uint32_t after, behind
    while waiting:
        after = t.events[waiting].next_of_position
        behind = t.events[waiting].next_of_other
        t.events[waiting].next_of_position = 0
        t.events[waiting].next_of_other = 0
        t.head.held -= 1
        if refer(t, waiting, row) != RF_LEDGER_RESULT_BOOKED:
            t.events[waiting].state = RF_LEDGER_EVENT_STATE_REPLACED
            t.head.refused += 1
        let_waiting_act(t, waiting, behind)
        waiting = after


cdef void hold(LedgerTables *t, uint32_t row, uint32_t waiting) noexcept nogil:
    """Keep a bust or correction until its event comes.

    The slot of an identity holds the event that has it, or the first of those that wait for it, linked through ``next_of_position``; what waits for an
    event that is itself held hangs on its ``next_of_other``.
    """
    cdef LedgerEvent *e = &t.events[row]
    cdef uint32_t slot, at
    e.state = RF_LEDGER_EVENT_STATE_HELD
    t.head.held += 1
    if e.key:
        e.next_of_other = waiting
        t.by_key[key_slot(t, e.key)] = row
    slot = key_slot(t, e.ref_key)
    at = t.by_key[slot]
    if at == 0:
        t.by_key[slot] = row
        return
    if t.events[at].key == e.ref_key:
        if t.events[at].next_of_other == 0:
            t.events[at].next_of_other = row
            return
        at = t.events[at].next_of_other
    while t.events[at].next_of_position:
        at = t.events[at].next_of_position
    t.events[at].next_of_position = row


cdef int book_reference(LedgerTables *t, uint32_t row, uint32_t waiting) noexcept nogil:
    cdef LedgerEvent *e = &t.events[row]
    cdef uint32_t named = t.by_key[key_slot(t, e.ref_key)]
    cdef int result
    if e.ref_key == 0 or e.ref_key == e.key:
        return RF_LEDGER_RESULT_BAD_EVENT
    if named == 0 or t.events[named].state == RF_LEDGER_EVENT_STATE_HELD:
        t.head.event_count = row
        hold(t, row, waiting)
        return RF_LEDGER_RESULT_HELD
    result = refer(t, row, named)
    if result != RF_LEDGER_RESULT_BOOKED:
        return result
    t.head.event_count = row
    if e.key:
        t.by_key[key_slot(t, e.key)] = row
        let_waiting_act(t, row, waiting)
    return RF_LEDGER_RESULT_BOOKED


cdef int book_event(LedgerTables *t, uint32_t row, uint32_t waiting) noexcept nogil:
    cdef LedgerEvent *e = &t.events[row]
    cdef uint32_t positions = t.head.position_count, position, other = 0
    cdef int result, ties = e.kind == RF_LEDGER_EVENT_KIND_TRANSFER or e.kind == RF_LEDGER_EVENT_KIND_SPIN_OFF or e.fee_kind == RF_LEDGER_FEE_HELD
    if ties and e.kind != RF_LEDGER_EVENT_KIND_TRANSFER and not (
        e.other_instrument < t.head.instrument_rows and t.instruments[e.other_instrument].defined and e.other_instrument != e.instrument
    ):
        return RF_LEDGER_RESULT_NO_INSTRUMENT
    if e.kind == RF_LEDGER_EVENT_KIND_TRANSFER and e.other_account == e.account:
        return RF_LEDGER_RESULT_BAD_EVENT
    position = find_or_add(t, e.account, e.strategy, e.instrument, e.method)
    if ties and position:
        other = find_or_add(
            t, e.other_account if e.kind == RF_LEDGER_EVENT_KIND_TRANSFER else e.account, e.strategy,
            e.instrument if e.kind == RF_LEDGER_EVENT_KIND_TRANSFER else e.other_instrument, e.method,
        )
    if position == 0 or (ties and other == 0):
        drop_positions_above(t, positions)
        return RF_LEDGER_RESULT_NO_ROW
    e.position = position
    e.other_position = other
    e.state = RF_LEDGER_EVENT_STATE_BOOKED
    touch(t, position)
    touch(t, other)
    result = apply(t, row)
    if result != RF_LEDGER_RESULT_BOOKED:
        if ties or e.kind == RF_LEDGER_EVENT_KIND_SPLIT or e.kind == RF_LEDGER_EVENT_KIND_REWARD:
            recompute(t, position, other, row)
        drop_positions_above(t, positions)
        return result
    t.head.event_count = row
    link_event(t, row)
    after_event(t, position, row, e.seq)
    if other:
        after_event(t, other, row, e.seq)
    if e.key:
        t.by_key[key_slot(t, e.key)] = row
        let_waiting_act(t, row, waiting)
    return RF_LEDGER_RESULT_BOOKED


cdef int book(LedgerTables *t, const LedgerEvent *source) noexcept nogil:
    cdef uint32_t row = t.head.event_count + 1, known, waiting = 0
    cdef LedgerEvent *e
    cdef int result, correction
    t.closing_count = 0
    t.leg_count = 0
    t.touched_count = 0
    if source.key:
        known = t.by_key[key_slot(t, source.key)]
        if known and t.events[known].key == source.key:
            if t.events[known].content == source.content:
                t.head.duplicates += 1
                return RF_LEDGER_RESULT_DUPLICATE
            t.head.conflicts += 1
            return RF_LEDGER_RESULT_CONFLICT
        waiting = known
    if row >= t.head.event_rows:
        t.head.refused += 1
        return RF_LEDGER_RESULT_NO_ROW
    e = &t.events[row]
    e[0] = source[0]
    e.root = 0
    e.newest = 0
    e.position = 0
    e.other_position = 0
    e.next_of_position = 0
    e.next_of_other = 0
    if e.kind == 0 or e.kind > RF_LEDGER_EVENT_KIND_MAX or e.seq <= t.head.last_seq or e.fee_kind > RF_LEDGER_FEE_MAX or e.method > RF_LEDGER_METHOD_MAX:
        result = RF_LEDGER_RESULT_BAD_EVENT
    elif e.kind == RF_LEDGER_EVENT_KIND_BUST or e.kind == RF_LEDGER_EVENT_KIND_CORRECT:
        result = book_reference(t, row, waiting)
    elif e.instrument >= t.head.instrument_rows or not t.instruments[e.instrument].defined:
        result = RF_LEDGER_RESULT_NO_INSTRUMENT
    else:
        result = book_event(t, row, waiting)
    if result != RF_LEDGER_RESULT_BOOKED and result != RF_LEDGER_RESULT_HELD:
        memset(e, 0, sizeof(LedgerEvent))
        t.head.refused += 1
        t.touched_count = 0
        return result
    t.head.last_seq = source.seq
    correction = e.kind == RF_LEDGER_EVENT_KIND_BUST or e.kind == RF_LEDGER_EVENT_KIND_CORRECT
    if t.legs != NULL:
        say_legs(t, source.seq, correction)
    return result
