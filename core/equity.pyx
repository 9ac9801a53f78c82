"""Equity: what an account has, as FREE_MARGIN sees it: its money, and its positions at the reference price, in 10^-4 of the firm's currency.

    ledger_positions ──cash, value at the price, at the rate of now──▶ equity_of ──difference──▶ Scope.equity of firm, broker and account
    cash (deposits, withdrawals, fees paid elsewhere) ──weigh_cash──────difference─────────────▶

A position adds what it paid and received and, where trades move cash, what is held at the price; of a margined contract its profit instead of its value. That
is the ledger's own account of it: cost methods, transfers, splits and fees of any kind are in it to the unit, and a trade that the ledger lacks has neither
happened in cash nor in what is held. Each position and balance keeps what it added (``Position.equity``, ``CashBalance.value``), so that a change is a
difference and no sum needs a walk. Nothing is counted before the first FREE_MARGIN limit (``EngineStatus.weighing``).
What cannot be told (no rate, no price, a figure beyond 63 bits) adds 0 to equity and 1 to ``unvalued`` of its scopes, which then refuse what does not reduce;
a balance to ``untold``, which FREE_MARGIN alone asks for, since no other rule rests on money.
Written by the engine alone. Nothing here fails. Rejected: equity from the risk position's average cost, which transfers of lots would make wrong.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t

from ringfence.core.amounts cimport RF_AMOUNT_MOST
from ringfence.core.ledger_index cimport find_position
from ringfence.core.ledger_legs cimport cash_of, unrealized_at
from ringfence.core.ledger_trades cimport value_of
from ringfence.core.scopes cimport count_untold_of, rf_saturate
from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport rf_wide_from, rf_wide_is_figure, rf_wide_load, rf_wide_narrow, rf_wide_ratio, wide_t
from ringfence.ipc.records cimport (
    RF_FIRM_SCOPE, RF_LEDGER_DAILY, RF_LEDGER_MARGIN, RF_RISK_RULE_FREE_MARGIN, CashBalance, LedgerInstrument, LedgerPosition, Position, Scope,
)

cdef extern from *:
    """
    /* money (10^-18) times rate (10^-9) in 10^-4 of the firm's currency */
    #define RF_MONEY_TO_AMOUNT ((rf_wide_t)100000000000ll * 1000000000000ll)
    """
    const wide_t RF_MONEY_TO_AMOUNT


cdef int in_firm_money(const EngineState *s, uint32_t currency, wide_t money, int64_t *out) noexcept nogil:
    """Money of a currency at its rate of now; 0 when there is none, or it does not fit."""
    cdef int64_t rate = s.currencies[currency].rate if currency else 0
    cdef wide_t amount
    out[0] = 0
    if money == 0:
        return 1
    if rate <= 0 or not rf_wide_is_figure(money) or not rf_wide_ratio(money, rf_wide_from(rate), RF_MONEY_TO_AMOUNT, &amount):
        return 0
    if not rf_wide_narrow(amount, out) or not -RF_AMOUNT_MOST <= out[0] <= RF_AMOUNT_MOST:
        out[0] = 0
        return 0
    return 1


cdef int equity_of(const EngineState *s, const Position *p, int64_t px, int64_t *out) noexcept nogil:
    cdef uint32_t row = find_position(&s.ledger, p.account, p.strategy, p.instrument)
    cdef const LedgerPosition *held = &s.ledger.positions[row]
    cdef const LedgerInstrument *i = &s.ledger.instruments[p.instrument]
    cdef wide_t total, worth = 0, qty
    out[0] = 0
    if row == 0:
        return 1
    qty = rf_wide_load(held.qty)
    total = cash_of(&s.ledger, held)
    if qty != 0 and px <= 0:
        return 0
    if i.flags & RF_LEDGER_MARGIN:
        if i.flags & RF_LEDGER_DAILY:  # what the next settlement pays is there already
            total += rf_wide_load(held.realized) - rf_wide_load(held.settled)
        if not unrealized_at(&s.ledger, row, rf_wide_from(px), &worth):
            return 0
    elif qty != 0 and not value_of(i, qty, rf_wide_from(px), &worth):
        return 0
    return in_firm_money(s, i.settle_asset, total + worth, out)


# ---- balances --------------------------------------------------------------------------------------------------------------------

cdef inline void weigh_in(EngineState *s, uint32_t scope, int64_t more, int untold) noexcept nogil:
    if scope:
        rf_saturate(&s.scopes[scope].equity, more)
        count_untold_of(&s.scopes[scope], untold)


cdef void weigh_cash(EngineState *s, uint32_t row) noexcept nogil:
    cdef CashBalance *b = &s.cash[row]
    cdef int64_t value, more
    cdef int told, untold
    if not s.engine.weighing:
        return
    told = in_firm_money(s, b.currency, rf_wide_load(b.entered) - rf_wide_load(b.paid), &value)
    more = value - b.value
    untold = (not told) - <int>b.unvalued
    if more == 0 and untold == 0:
        return
    weigh_in(s, RF_FIRM_SCOPE, more, untold)
    weigh_in(s, s.brokers[s.accounts[b.account].broker].scope, more, untold)
    weigh_in(s, s.accounts[b.account].scope, more, untold)
    b.value = value
    b.unvalued = not told


cdef void weigh_all_cash(EngineState *s) noexcept nogil:
    cdef uint32_t row
    for row in range(1, s.engine.cash_count + 1):
        s.cash[row].value = 0
        s.cash[row].unvalued = 0
        weigh_cash(s, row)


cdef inline int is_enough(const Scope *scope, int64_t taken) noexcept nogil:
    cdef int64_t share = scope.limits[<int>RF_RISK_RULE_FREE_MARGIN]
    cdef int64_t left = scope.equity - taken
    return share == 0 or (scope.unvalued == 0 and scope.untold == 0 and left >= 0 and (scope.margin == 0 or not rf_lacks_equity(scope.margin, left, share)))


cdef int can_spare(const EngineState *s, uint16_t account, uint16_t currency, wide_t amount) noexcept nogil:
    cdef uint32_t broker = s.brokers[s.accounts[account].broker].scope, own = s.accounts[account].scope
    cdef int64_t taken
    if not s.engine.weighing:
        return 1
    if not in_firm_money(s, currency, amount, &taken):  # nobody can say what is left
        return (
            s.scopes[<int>RF_FIRM_SCOPE].limits[<int>RF_RISK_RULE_FREE_MARGIN] == 0 and s.scopes[broker].limits[<int>RF_RISK_RULE_FREE_MARGIN] == 0
            and s.scopes[own].limits[<int>RF_RISK_RULE_FREE_MARGIN] == 0
        )
    return is_enough(&s.scopes[<int>RF_FIRM_SCOPE], taken) and is_enough(&s.scopes[broker], taken) and is_enough(&s.scopes[own], taken)
