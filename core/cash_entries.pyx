"""Deposits, withdrawals and conversions: entries of the ledger that move money of an account and no position.

    LedgerEntry ──cash_event_of: amounts to 18 digits, worth at the rate of now──▶ LedgerEvent ──move_cash──▶ balances (cash)
                                                                                     └── busted: the same figures out again

A balance is a sum, so a bust needs no recomputation: the event's own amounts leave as they came, in the firm's currency too. ``amount`` is what comes to or
leaves ``other_instrument`` (a row of currencies), of a conversion what is sold; ``qty`` is what is bought of currency ``other_account``; ``px`` is the worth in
the firm's currency, known where ``fx`` is not 0.
A conversion makes nobody richer when it is booked: both sides come in at one worth, that of the side in the firm's currency, else of what is sold, else of what
is bought, at the rate of now. What the deal was better or worse than the rate then shows as fx result of the balances: deposits alone are no result.
Written by the engine alone. What can fail is a LedgerResult, and then nothing has changed. Rejected: a worth for each side by its own rate (the difference
would be in no line of the result).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t

from ringfence.core.cash cimport add_cash, can_add_cash, find_cash, worth_of
from ringfence.core.equity cimport can_spare
from ringfence.core.ledger_trades cimport power_of_ten
from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport rf_wide_from, rf_wide_is_figure, rf_wide_load, rf_wide_product, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_LEDGER_EVENT_KIND_CONVERSION, RF_LEDGER_EVENT_KIND_DEPOSIT, RF_LEDGER_EVENT_KIND_WITHDRAWAL, RF_LEDGER_MONEY_DIGITS, RF_LEDGER_RESULT_BAD_EVENT,
    RF_LEDGER_RESULT_BOOKED, RF_LEDGER_RESULT_NO_INSTRUMENT, RF_LEDGER_RESULT_NO_MARGIN, RF_LEDGER_RESULT_OVERFLOW, LedgerEntry, LedgerEvent,
)


cdef inline int is_currency(const EngineState *s, uint16_t row) noexcept nogil:
    return 0 < row <= s.engine.currency_count and s.currencies[row].id != 0


cdef inline int in_money(int64_t amount, uint8_t digits, wide_t *out) noexcept nogil:
    return rf_wide_product(rf_wide_from(amount), power_of_ten(RF_LEDGER_MONEY_DIGITS - digits), out) and rf_wide_is_figure(out[0])


cdef int worth_of_conversion(const EngineState *s, const LedgerEntry *entry, wide_t sold, wide_t bought, wide_t *base) noexcept nogil:
    if s.currencies[entry.other_strategy].is_firm or (s.currencies[entry.other].rate <= 0 and not s.currencies[entry.other].is_firm):
        return worth_of(s, entry.other_strategy, bought, base)
    return worth_of(s, entry.other, sold, base)


cdef int cash_event_of(const EngineState *s, const LedgerEntry *entry, LedgerEvent *e) noexcept nogil:
    cdef wide_t amount, bought = 0, base = 0
    cdef int known
    if entry.amount <= 0 or entry.strategy or entry.instrument:
        return RF_LEDGER_RESULT_BAD_EVENT
    if not (0 < entry.account <= s.engine.account_count and s.accounts[entry.account].id) or not is_currency(s, entry.other):
        return RF_LEDGER_RESULT_NO_INSTRUMENT
    if not in_money(entry.amount, entry.amount_digits, &amount):
        return RF_LEDGER_RESULT_OVERFLOW
    if entry.kind == RF_LEDGER_EVENT_KIND_CONVERSION:
        if not is_currency(s, entry.other_strategy):
            return RF_LEDGER_RESULT_NO_INSTRUMENT
        if entry.other == entry.other_strategy:
            return RF_LEDGER_RESULT_BAD_EVENT
        if not in_money(entry.qty, entry.amount_digits, &bought):
            return RF_LEDGER_RESULT_OVERFLOW
        known = worth_of_conversion(s, entry, amount, bought, &base)
    else:
        known = worth_of(s, entry.other, amount, &base)
    if known < 0:
        return RF_LEDGER_RESULT_OVERFLOW
    if entry.kind == RF_LEDGER_EVENT_KIND_DEPOSIT:
        amount = -amount
        base = -base
    e.account = entry.account
    e.other_instrument = entry.other
    e.other_account = entry.other_strategy
    e.fx = known
    e.fx_digits = 0
    e.amount_given = 1
    rf_wide_store(e.amount, -amount)
    rf_wide_store(e.px, -base)
    rf_wide_store(e.qty, bought)
    if entry.kind == RF_LEDGER_EVENT_KIND_WITHDRAWAL and not can_spare(s, entry.account, entry.other, amount):
        return RF_LEDGER_RESULT_NO_MARGIN
    return can_move(s, e, 1)


cdef inline wide_t signed(const uint64_t *figure, int sign) noexcept nogil:
    return rf_wide_load(figure) if sign > 0 else -rf_wide_load(figure)


cdef int can_move(const EngineState *s, const LedgerEvent *e, int sign) noexcept nogil:
    cdef wide_t amount = signed(e.amount, sign), base = signed(e.px, sign)
    cdef uint16_t currency = <uint16_t>e.other_instrument
    cdef int result
    if e.other_account == 0:
        return can_add_cash(s, e.account, currency, amount, base, 0)
    result = can_add_cash(s, e.account, e.other_account, signed(e.qty, sign), -base, 0)
    if result != RF_LEDGER_RESULT_BOOKED:
        return result
    return can_add_cash(s, e.account, currency, amount, base, 1 if find_cash(s, e.account, e.other_account) == 0 else 0)


cdef int can_take_back(const EngineState *s, const LedgerEvent *e) noexcept nogil:
    return can_move(s, e, -1)


cdef void move_cash(EngineState *s, const LedgerEvent *e, int taken_back) noexcept nogil:
    cdef int sign = -1 if taken_back else 1
    cdef wide_t base = signed(e.px, sign)
    add_cash(s, e.account, <uint16_t>e.other_instrument, signed(e.amount, sign), base, e.fx != 0, sign)
    if e.other_account:
        add_cash(s, e.account, e.other_account, signed(e.qty, sign), -base, e.fx != 0, sign)
