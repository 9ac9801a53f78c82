"""Cash: what an account has in each currency besides what its positions paid.

    DEPOSIT, WITHDRAWAL, CONVERSION (cash_entries) ──add_cash──▶ entered, entered_base      fees in a third currency (cash_fees) ──add_paid──▶ paid, paid_base
    balance of account and currency = entered - paid + sum of ledger_legs.cash_of over the positions of the account that settle in it

What positions paid is in their own figures and stands nowhere else, so a balance cannot disagree with the ledger. A row is made by the first amount and stays;
rows of an account hang on ``Account.first_cash``, newest first. The figure in the firm's currency is kept beside each sum at the rate of its moment, and goes
out again, when the entry is busted, as it came in; what came without a rate is counted in ``base_unknown`` and has no figure there.

Table ``cash`` is in region ``state``, CASH_OF_ACCOUNT rows for each row of accounts, written by the engine alone. Money has 18 decimals. What can fail: a full
table and a sum beyond 125 bits are LedgerResults, found before anything is written. A balance may be negative: that is debt, which margin accounts have, and
no venue asks us first. Rejected: the balance itself as a stored figure (busts of fills would have to find it), one row per entry (they are ledger events).
"""

from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memset

from ringfence.core.equity cimport weigh_cash
from ringfence.core.ledger_trades cimport power_of_ten
from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport rf_wide_from, rf_wide_is_figure, rf_wide_load, rf_wide_ratio, rf_wide_store, wide_t
from ringfence.ipc.records cimport RF_LEDGER_RESULT_BOOKED, RF_LEDGER_RESULT_NO_ROW, RF_LEDGER_RESULT_OVERFLOW, CashBalance, Currency

cdef enum:
    RATE_DIGITS = 9          # of Currency.rate


cdef uint32_t find_cash(const EngineState *s, uint16_t account, uint16_t currency) noexcept nogil:
    cdef uint32_t row = s.accounts[account].first_cash
    while row and s.cash[row].currency != currency:
        row = s.cash[row].next_of_account
    return row


cdef uint32_t find_or_add_cash(EngineState *s, uint16_t account, uint16_t currency) noexcept nogil:
    cdef uint32_t row = find_cash(s, account, currency)
    cdef CashBalance *c
    if row or s.engine.cash_count + 1 >= s.cash_rows:
        return row
    row = s.engine.cash_count + 1
    s.engine.cash_count = row
    c = &s.cash[row]
    memset(c, 0, sizeof(CashBalance))
    c.account = account
    c.currency = currency
    c.next_of_account = s.accounts[account].first_cash
    s.accounts[account].first_cash = row
    return row


cdef int has_balances(const EngineState *s, uint16_t currency) noexcept nogil:
    cdef uint32_t row
    for row in range(1, s.engine.cash_count + 1):
        if s.cash[row].currency == currency:
            return 1
    return 0


cdef int worth_of(const EngineState *s, uint16_t currency, wide_t amount, wide_t *base) noexcept nogil:
    cdef const Currency *c = &s.currencies[currency]
    base[0] = 0
    if c.is_firm:
        base[0] = amount
        return 1
    if c.rate <= 0:
        return 0
    if not rf_wide_ratio(amount, rf_wide_from(c.rate), power_of_ten(RATE_DIGITS), base) or not rf_wide_is_figure(base[0]):
        base[0] = 0
        return -1
    return 1


cdef int can_add_cash(const EngineState *s, uint16_t account, uint16_t currency, wide_t amount, wide_t base, uint32_t rows) noexcept nogil:
    cdef uint32_t row = find_cash(s, account, currency)
    cdef const CashBalance *c = &s.cash[row]  # row 0 is empty
    if row == 0:
        rows += 1
    if s.engine.cash_count + rows >= s.cash_rows:
        return RF_LEDGER_RESULT_NO_ROW
    if not rf_wide_is_figure(rf_wide_load(c.entered) + amount) or not rf_wide_is_figure(rf_wide_load(c.entered_base) + base):
        return RF_LEDGER_RESULT_OVERFLOW
    return RF_LEDGER_RESULT_BOOKED


cdef inline void settle_row(EngineState *s, CashBalance *c, int known, int entries) noexcept nogil:
    """What follows every change of a balance."""
    c.entries += <uint32_t>entries
    if not known:
        c.base_unknown += <uint32_t>entries
    c.updated_seq = s.engine.seq
    weigh_cash(s, <uint32_t>(c - s.cash))


cdef void add_cash(EngineState *s, uint16_t account, uint16_t currency, wide_t amount, wide_t base, int known, int entries) noexcept nogil:
    cdef CashBalance *c = &s.cash[find_or_add_cash(s, account, currency)]
    rf_wide_store(c.entered, rf_wide_load(c.entered) + amount)
    rf_wide_store(c.entered_base, rf_wide_load(c.entered_base) + base)
    settle_row(s, c, known, entries)


cdef int can_pay(const EngineState *s, uint16_t account, uint16_t currency, uint16_t settle, wide_t amount, wide_t base) noexcept nogil:
    cdef uint32_t row = find_cash(s, account, currency), other = find_cash(s, account, settle) if settle else 0
    cdef uint32_t rows = (1 if row == 0 else 0) + (1 if other == 0 and settle else 0)
    return (
        s.engine.cash_count + rows < s.cash_rows and rf_wide_is_figure(rf_wide_load(s.cash[row].paid) + amount)
        and rf_wide_is_figure(rf_wide_load(s.cash[row].paid_base) + base) and rf_wide_is_figure(rf_wide_load(s.cash[other].paid_base) - base)
    )


cdef void add_paid(
    EngineState *s, uint16_t account, uint16_t currency, uint16_t settle, wide_t amount, wide_t base, int known, int entries,
) noexcept nogil:
    cdef CashBalance *c = &s.cash[find_or_add_cash(s, account, currency)]
    rf_wide_store(c.paid, rf_wide_load(c.paid) + amount)
    rf_wide_store(c.paid_base, rf_wide_load(c.paid_base) + base)
    settle_row(s, c, known, entries)
    if settle:
        c = &s.cash[find_or_add_cash(s, account, settle)]
        rf_wide_store(c.paid_base, rf_wide_load(c.paid_base) - base)
        settle_row(s, c, 1, 0)
