# Balances of accounts, one row for each of their currencies.
from libc.stdint cimport uint16_t, uint32_t

from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport wide_t

# The row of an account's balance in a currency, 0: it has none.
cdef uint32_t find_cash(const EngineState *s, uint16_t account, uint16_t currency) noexcept nogil
# The same, made when there is none; 0: the table is full.
cdef uint32_t find_or_add_cash(EngineState *s, uint16_t account, uint16_t currency) noexcept nogil
# Whether an account has a balance in a currency, be it 0.
cdef int has_balances(const EngineState *s, uint16_t currency) noexcept nogil
# What an amount is worth in the firm's currency at the rate of now: 1; 0: there is no rate; -1: it does not fit.
cdef int worth_of(const EngineState *s, uint16_t currency, wide_t amount, wide_t *base) noexcept nogil
# Whether add_cash can be done, with `rows` further rows besides; else a LedgerResult.
cdef int can_add_cash(const EngineState *s, uint16_t account, uint16_t currency, wide_t amount, wide_t base, uint32_t rows) noexcept nogil
# An amount, its figure in the firm's currency (`known`: there is one), and one entry more or less: what can_add_cash has allowed.
cdef void add_cash(EngineState *s, uint16_t account, uint16_t currency, wide_t amount, wide_t base, int known, int entries) noexcept nogil
# Whether add_paid can be done.
cdef int can_pay(const EngineState *s, uint16_t account, uint16_t currency, uint16_t settle, wide_t amount, wide_t base) noexcept nogil
# A fee in `currency` of a trade that settles in `settle` (0: no currency), and one entry more or less.
cdef void add_paid(
    EngineState *s, uint16_t account, uint16_t currency, uint16_t settle, wide_t amount, wide_t base, int known, int entries,
) noexcept nogil
