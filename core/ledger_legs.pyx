"""What a booking did, as legs of a double entry: the difference of the figures of every position that it touched.

    touch (before) ──▶ the booking ──▶ say_legs (after - before) ──▶ LedgerLeg rows: POSITION, VENUE, FEE, PNL, INCOME, EQUITY, money and units

Because legs are differences, those of a booking sum to zero per asset whatever it was, a recomputation of many fills too. EQUITY is the contra of what no
cash pays for: quantities, the cost of margined positions, cost that moved by transfer or spin-off. Where the caller wants no legs, ``touch`` does nothing.
The scratch rows are the caller's, as many as there are positions, eight legs for each: nothing here can fail.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.ledger_trades cimport value_of
from ringfence.core.lots cimport LedgerTables
from ringfence.core.wide cimport rf_wide_load, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_LEDGER_CASH, RF_LEDGER_DAILY, RF_LEDGER_LEG_ACCOUNT_EQUITY, RF_LEDGER_LEG_ACCOUNT_FEE, RF_LEDGER_LEG_ACCOUNT_INCOME, RF_LEDGER_LEG_ACCOUNT_PNL,
    RF_LEDGER_LEG_ACCOUNT_POSITION, RF_LEDGER_LEG_ACCOUNT_VENUE, RF_LEDGER_MARGIN, LedgerInstrument, LedgerLeg, LedgerPosition,
)


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


cdef void touch(LedgerTables *t, uint32_t position) noexcept nogil:
    """Remember the figures of a position before this booking, or the first of those that are kept, changes them."""
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
    t.leg_count = 0
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
