"""Fees in a third currency: what trades pay from balances that are not those they settle in.

    commission (bookkeeping) ──fee_px, other_instrument──▶ LedgerEvent ──booked, corrected, busted──▶ paid, paid_base of the account's balance in that currency

The position has the fee as an expense at the rates of the moment (``fees_elsewhere``), but its money came from another balance. So the amount is ``paid``
there, and its worth leaves that balance and comes to the one that the trade settles in (``paid_base`` of both, which cancel): what the expense took is then
right in each currency. What a trade pays follows the content in force: a correction changes it, a bust takes it out, an assignment moves it to its account.
Trades in suspense without an account pay when they are assigned. Written by the engine alone. What can fail: a full table or a sum that does not fit; then the
fee is an expense of no balance (its event names no currency any more), and break FEE_UNVALUED says so.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t
from libc.string cimport memset

from ringfence.core.breaks cimport raise_break
from ringfence.core.cash cimport add_paid, can_pay
from ringfence.core.ledger_index cimport find_event, in_force
from ringfence.core.ledger_trades cimport in_base, power_of_ten
from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport rf_wide_is_figure, rf_wide_load, rf_wide_narrow, rf_wide_quotient
from ringfence.ipc.records cimport (
    RF_BREAK_KIND_FEE_UNVALUED, RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_EVENT_STATE_BOOKED, RF_LEDGER_EVENT_STATE_HELD, RF_LEDGER_FEE_ELSEWHERE,
    RF_LEDGER_MONEY_DIGITS, LedgerEvent, Order, VenueEvent,
)

cdef enum:
    SAID_DIGITS = 9          # of an amount in a break


cdef void payment_of(const EngineState *s, uint32_t row, Payment *p) noexcept nogil:
    cdef const LedgerEvent *root = &s.ledger.events[row]
    cdef const LedgerEvent *e = in_force(&s.ledger, row)
    memset(p, 0, sizeof(Payment))
    p.row = row
    if row == 0 or root.kind != RF_LEDGER_EVENT_KIND_FILL or root.account == 0:
        return
    if root.state != RF_LEDGER_EVENT_STATE_BOOKED and root.state != RF_LEDGER_EVENT_STATE_HELD:  # a close that waits for its lots has paid its fee
        return
    if e.fee_kind != RF_LEDGER_FEE_ELSEWHERE or e.other_instrument == 0:
        return
    p.account = root.account
    p.currency = <uint16_t>e.other_instrument
    p.settle = <uint16_t>s.ledger.instruments[root.instrument].settle_asset
    p.amount = rf_wide_load(e.fee_px)
    p.known = e.fx != 0 and in_base(e, rf_wide_load(e.fee), &p.base) and rf_wide_is_figure(p.base)
    if not p.known:
        p.base = 0


cdef void paid_before(const EngineState *s, const LedgerEvent *e, Payment *p) noexcept nogil:
    cdef uint32_t row = find_event(&s.ledger, e.ref_key)
    payment_of(s, s.ledger.events[row].root if s.ledger.events[row].root else row, p)


cdef void follow_payment(EngineState *s, Order *order, const VenueEvent *event, const Payment *before) noexcept nogil:
    cdef uint32_t row = before.row if before.row else s.ledger.head.event_count
    cdef Payment now
    cdef int64_t said = 0
    payment_of(s, row, &now)
    if now.currency == before.currency and now.amount == before.amount and now.base == before.base and now.known == before.known:
        return
    if before.currency:
        add_paid(s, before.account, before.currency, before.settle, -before.amount, -before.base, before.known, -1)
    if now.currency == 0:
        return
    if can_pay(s, now.account, now.currency, now.settle, now.amount, now.base):
        add_paid(s, now.account, now.currency, now.settle, now.amount, now.base, now.known, 1)
        return
    s.ledger.events[s.ledger.events[row].newest if s.ledger.events[row].newest else row].other_instrument = 0
    rf_wide_narrow(rf_wide_quotient(now.amount, power_of_ten(RF_LEDGER_MONEY_DIGITS - SAID_DIGITS)), &said)
    raise_break(s, RF_BREAK_KIND_FEE_UNVALUED, order, event, said, SAID_DIGITS)
