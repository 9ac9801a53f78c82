# Trades on positions of the ledger: value, opening, closing, moving of lots. Every function answers a LedgerResult; all but BOOKED changed nothing.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.core.lots cimport LedgerTables
from ringfence.core.wide cimport rf_wide_are_figures, rf_wide_load, rf_wide_product, rf_wide_store, wide_t
from ringfence.ipc.records cimport RF_LEDGER_INVERSE, LedgerEvent, LedgerInstrument, LedgerPosition

# One change of quantity. `unit` is the exact value of one unit of quantity, 0 when it is not exact and `value` is divided instead.
ctypedef struct Trade:
    wide_t qty                   # signed
    wide_t value                 # of the whole quantity, signed like it (but for negative prices): what is paid
    wide_t fee                   # that goes into cost and proceeds
    wide_t unit
    wide_t px
    uint32_t event               # its row
    uint32_t pick_count          # of SPEC
    uint32_t first_pick          # where there are any

cdef inline wide_t power_of_ten(uint32_t digits) noexcept nogil:
    cdef wide_t power = 1
    while digits:
        power *= 10
        digits -= 1
    return power

# qty * V(px), half-even: 1, or 0 when it is no figure (2^125) or an inverse contract has no price above zero.
cdef int value_of(const LedgerInstrument *i, wide_t qty, wide_t px, wide_t *out) noexcept nogil
# Value of one unit of quantity when it is exact, else 0.
cdef inline wide_t exact_unit(const LedgerInstrument *i, wide_t px) noexcept nogil:
    cdef wide_t unit = 0
    if i.flags & RF_LEDGER_INVERSE or i.divisor[0] != 1 or i.divisor[1] != 0:
        return 0
    rf_wide_product(px, rf_wide_load(i.factor), &unit)
    return unit

# Whether an event is settled in the reporting currency.
cdef inline int at_par(const LedgerEvent *e) noexcept nogil:
    return e.fx == 1 and e.fx_digits == 0

# value in the reporting currency at the event's rate: 1, or 0 when it does not fit.
cdef int in_base(const LedgerEvent *e, wide_t value, wide_t *out) noexcept nogil

# What names_its_lots answers; 0: they are wrong.
cdef enum:
    NAMED = 1                    # they are there, each once, and add up to what is closed; or there are none, and it closes all or there is one lot
    SHORT_OF_NAMES = 2           # those that there are do not reach what is closed
    OPENS = 3                    # nothing is closed

cdef int names_its_lots(const LedgerTables *t, uint32_t position, const Trade *x) noexcept nogil
# Book the fill in a row, or what corrections have made of it.
cdef int apply_fill(LedgerTables *t, uint32_t row) noexcept nogil
# Book a trade without fee at a price, for the event in a row; its value is handed back.
cdef int trade_at(LedgerTables *t, uint32_t position, uint32_t row, const LedgerEvent *e, wide_t qty, wide_t px, wide_t *value) noexcept nogil
# Note a base cost that moves with lots from one position to another.
cdef void move_base(LedgerTables *t, LedgerPosition *p, LedgerPosition *to, wide_t cost_base) noexcept nogil
# Take `qty` (with the position's sign, at most all of it) with its lots and cost to another position of the same instrument.
cdef int move_lots(LedgerTables *t, uint32_t source, uint32_t target, wide_t qty) noexcept nogil
# Give a position a lot that comes with cost and sequence; the target is flat or has the same sign.
cdef int receive_lot(LedgerTables *t, uint32_t target, uint64_t seq, uint32_t event, wide_t qty, wide_t cost, wide_t cost_base, wide_t rank) noexcept nogil
# Tighten the bound of a flat position.
cdef void flatten_bound(LedgerPosition *p) noexcept nogil
# Unit value for ranks: cost of one whole unit, from a quantity and its cost.
cdef int unit_value(const LedgerInstrument *i, wide_t cost, wide_t qty, wide_t *out) noexcept nogil
# Add an amount, itself a figure, to one of a table: 1, or 0 when the sum would be none.
cdef inline int accumulate(uint64_t *figure, wide_t amount) noexcept nogil:
    cdef wide_t total = rf_wide_load(figure) + amount
    if not rf_wide_are_figures(amount, total):
        return 0
    rf_wide_store(figure, total)
    return 1
# Add the value at the event's rate to a figure in the reporting currency; without a rate those figures say nothing from now on. 0: it does not fit.
cdef inline int accumulate_base(LedgerPosition *p, uint64_t *figure, const LedgerEvent *e, wide_t value, wide_t *base) noexcept nogil:
    base[0] = 0
    if e.fx == 0:
        p.base_unknown |= value != 0
        return 1
    return in_base(e, value, base) and accumulate(figure, base[0])
# Expense a fee of this value, at the event's rate: 1, or 0 when a figure would not fit and nothing has changed.
cdef int add_fee_at(LedgerPosition *p, const LedgerEvent *e, wide_t value) noexcept nogil
# Expense a fee of this value; without a rate the figures in the reporting currency say nothing from then on.
cdef inline int add_fee(LedgerPosition *p, const LedgerEvent *e, wide_t value) noexcept nogil:
    if e.fx:
        return add_fee_at(p, e, value)
    if not accumulate(p.fees, value):
        return 0
    p.base_unknown |= value != 0
    return 1
