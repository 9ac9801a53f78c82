"""Definitions: instruments, currencies, brokers, accounts, venues, desks, strategies, routes, operators, margin rates: from the row image in the command.

The fields that configure are taken, what the engine keeps in the row (sequence numbers, counts, session state) stays, so a row may be defined again at any
time. The digits of an instrument, which every figure counts in, stay for good once it is used; its multiplier and currencies once the ledger has
booked it. Every object has its scope from its definition on; the firm's
is row 1. An instrument finds its currencies by their codes, whichever of them was defined first, and its step to amounts of the firm's currency with them.

    DEFINE_* body ──▶ row ──▶ scope, and for instruments and currencies the amount factor
                  └─widens─▶ core/authority: whether a second operator must agree first

What allows more is told from the row as it is (``widens``): an object is opened, or what bounds its orders is taken back. A row that is new may be put in by
one person as long as it is closed (halted, a strategy disabled, a currency without a rate, an operator halted): nothing trades on it until two have opened it.
Not looser: what describes the market (tick, lot, bands), routes (they choose among what is granted), brokers and desks (they only group).

What can fail: an image that names what cannot be, or a full scope table; the command then changes nothing and raises BAD_CONTROL.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from ringfence.core.amounts cimport set_factor
from ringfence.core.bookkeeping cimport can_value, keep_valuation
from ringfence.core.calendar cimport is_date
from ringfence.core.cash cimport has_balances
from ringfence.core.margin cimport define_margin, lowers_margin, lowers_own_rate
from ringfence.core.scopes cimport scope_of
from ringfence.core.state cimport EngineState, currency_of
from ringfence.core.value_dates cimport date_instrument, is_dealt_for_a_day
from ringfence.ipc.records cimport (
    RF_CONTROL_KIND_DEFINE_ACCOUNT, RF_CONTROL_KIND_DEFINE_BROKER, RF_CONTROL_KIND_DEFINE_CURRENCY, RF_CONTROL_KIND_DEFINE_DESK,
    RF_CONTROL_KIND_DEFINE_INSTRUMENT, RF_CONTROL_KIND_DEFINE_MARGIN, RF_CONTROL_KIND_DEFINE_OPERATOR, RF_CONTROL_KIND_DEFINE_ROUTE,
    RF_CONTROL_KIND_DEFINE_STRATEGY, RF_CONTROL_KIND_DEFINE_VENUE, RF_DURABILITY_REPLICATED, RF_INSTRUMENT_KIND_FUTURE, RF_INSTRUMENT_KIND_MAX,
    RF_LEDGER_METHOD_MAX, RF_LEDGER_METHOD_WAC, RF_MARK_SIDE_MAX, RF_MARK_SIDE_MID, RF_OPERATOR_ROLE_MAX, RF_SCOPE_KIND_ACCOUNT,
    RF_SCOPE_KIND_BROKER,
    RF_SCOPE_KIND_CURRENCY, RF_SCOPE_KIND_DESK, RF_SCOPE_KIND_FIRM, RF_SCOPE_KIND_INSTRUMENT, RF_SCOPE_KIND_STRATEGY, RF_SCOPE_KIND_VENUE,
    RF_OPERATOR_ROLE_RISK, RF_OPERATOR_ROLE_TRADER, RF_SESSION_STATE_DOWN, RF_SIDE_SELL_SHORT, RF_STATUS_ACTIVE, RF_STATUS_MAX,
    RF_STRATEGY_STATUS_DISABLED, RF_STRATEGY_STATUS_MAX, Account, Broker, Currency, Desk, Instrument, MarginRate, Operator, Route, Strategy, Venue,
)

cdef enum:
    DIGITS_MAX = 18
    DAY_S = 86400
    SETTLE_DAYS_MOST = 30


cdef inline int valid_status(uint8_t status) noexcept nogil:
    return 0 < status <= RF_STATUS_MAX


cdef inline int scope_room(const EngineState *s, uint32_t scope) noexcept nogil:
    """1 when the object has a scope, or the table has a row for one and the firm."""
    return scope != 0 or s.engine.scope_count + 2 < s.scope_rows


# ---- what instruments and currencies have of each other -----------------------------------------------------------------------

cdef void relate(EngineState *s, Instrument *instrument) noexcept nogil:
    instrument.base_currency = currency_of(s, instrument.base)
    instrument.quote_currency = currency_of(s, instrument.quote)
    set_factor(instrument, s.currencies[instrument.quote_currency].rate if instrument.quote_currency else 0)
    keep_valuation(s, instrument)
    date_instrument(s, instrument)


cdef int define_currency(EngineState *s, const Currency *image) noexcept nogil:
    cdef Currency *row
    cdef uint32_t i
    if image.id == 0 or image.id >= s.currency_rows or not valid_status(image.status) or image.code[0] == 0 or image.rate < 0:
        return 0
    if not scope_room(s, s.currencies[image.id].scope):
        return 0
    if currency_of(s, image.code) not in (0, image.id):
        return 0
    row = &s.currencies[image.id]
    if memcmp(row.code, image.code, sizeof(row.code)) != 0 and has_balances(s, image.id):
        return 0  # what accounts have in it would be of another
    memcpy(row.code, image.code, sizeof(row.code))
    row.rate = image.rate
    row.is_firm = image.is_firm != 0
    row.changed_ns = s.engine.engine_ns
    row.id = image.id
    row.status = image.status
    if image.id > s.engine.currency_count:
        s.engine.currency_count = image.id
    row.scope = scope_of(s, RF_SCOPE_KIND_CURRENCY, image.id, 0)
    for i in range(1, s.engine.instrument_count + 1):
        if s.instruments[i].id:
            relate(s, &s.instruments[i])
    return 1


cdef int define_broker(EngineState *s, const Broker *image) noexcept nogil:
    cdef Broker *row
    if image.id == 0 or image.id >= s.broker_rows or not valid_status(image.status) or not scope_room(s, s.brokers[image.id].scope):
        return 0
    row = &s.brokers[image.id]
    memcpy(row.name, image.name, sizeof(row.name))
    row.id = image.id
    row.status = image.status
    if image.id > s.engine.broker_count:
        s.engine.broker_count = image.id
    row.scope = scope_of(s, RF_SCOPE_KIND_BROKER, image.id, 0)
    return 1


cdef int define_desk(EngineState *s, const Desk *image) noexcept nogil:
    cdef Desk *row
    if image.id == 0 or image.id >= s.desk_rows or not valid_status(image.status) or not scope_room(s, s.desks[image.id].scope):
        return 0
    row = &s.desks[image.id]
    memcpy(row.name, image.name, sizeof(row.name))
    row.id = image.id
    row.status = image.status
    if image.id > s.engine.desk_count:
        s.engine.desk_count = image.id
    row.scope = scope_of(s, RF_SCOPE_KIND_DESK, image.id, 0)
    return 1


cdef int same_key(const Operator *row, const Operator *image) noexcept nogil:
    """1 when both have one public key: two names of one person would be two people who agree."""
    cdef int i
    cdef uint8_t bits = 0
    for i in range(<int>sizeof(image.public_key)):
        bits |= <uint8_t>image.public_key[i]
    return bits != 0 and memcmp(row.public_key, image.public_key, sizeof(row.public_key)) == 0


cdef int define_operator(EngineState *s, const Operator *image) noexcept nogil:
    cdef Operator *row
    cdef uint32_t i
    if image.id == 0 or image.id >= s.operator_rows or not valid_status(image.status) or image.role == 0 or image.role > RF_OPERATOR_ROLE_MAX:
        return 0
    for i in range(1, s.engine.operator_count + 1):
        if i != image.id and s.operators[i].id and (s.operators[i].uid == image.uid or same_key(&s.operators[i], image)):
            return 0
    row = &s.operators[image.id]
    memcpy(row.name, image.name, sizeof(row.name))
    memcpy(row.public_key, image.public_key, sizeof(row.public_key))
    row.uid = image.uid
    row.role = image.role
    row.id = image.id
    row.status = image.status
    if image.status == RF_STATUS_ACTIVE and image.role > row.role_max:
        row.role_max = image.role
    if image.id > s.engine.operator_count:
        s.engine.operator_count = image.id
    return 1


# ---- instruments, accounts, venues, strategies, routes --------------------------------------------------------------------------

cdef int is_used(const EngineState *s, uint32_t instrument) noexcept nogil:
    cdef uint64_t i
    for i in range(1, s.engine.order_count + 1):
        if s.orders[i].instrument == instrument:
            return 1
    for i in range(1, s.engine.execution_count + 1):
        if s.executions[i].instrument == instrument:
            return 1
    return 0


cdef int valid_bands(const Instrument *image) noexcept nogil:
    """Rising prices with a tick each, then zeros."""
    cdef int i
    for i in range(3):
        if image.band_px[i] == 0 and image.band_tick[i] == 0:
            continue
        if image.band_px[i] <= (image.band_px[i - 1] if i else 0) or image.band_tick[i] <= 0 or (i and image.band_px[i - 1] == 0):
            return 0
    return 1


cdef int valid_settlement(const Instrument *image) noexcept nogil:
    """Days within bounds; a last day, which must be a date, of what ends on one."""
    if image.settle_days > SETTLE_DAYS_MOST:
        return 0
    if image.last_day == 0:
        return 1
    return is_date(image.last_day) and (image.kind == RF_INSTRUMENT_KIND_FUTURE or is_dealt_for_a_day(image))


cdef int define_instrument(EngineState *s, const Instrument *image) noexcept nogil:
    cdef Instrument *row
    if image.id == 0 or image.id >= s.instrument_rows or image.tick <= 0 or image.lot <= 0 or not valid_status(image.status):
        return 0
    if image.price_digits > DIGITS_MAX or image.qty_digits > DIGITS_MAX or image.qty_min < 0 or image.qty_max < 0 or image.symbol[0] == 0:
        return 0
    if image.kind > RF_INSTRUMENT_KIND_MAX or image.multiplier < 0 or not valid_bands(image) or not scope_room(s, s.instruments[image.id].scope):
        return 0
    if not valid_settlement(image):
        return 0
    if image.mark_side > RF_MARK_SIDE_MAX or (image.daily and image.kind != RF_INSTRUMENT_KIND_FUTURE) or not can_value(s, image):
        return 0
    row = &s.instruments[image.id]
    if (row.price_digits != image.price_digits or row.qty_digits != image.qty_digits) and is_used(s, image.id):
        return 0
    memcpy(row.symbol, image.symbol, sizeof(row.symbol))
    memcpy(row.base, image.base, sizeof(row.base))
    memcpy(row.quote, image.quote, sizeof(row.quote))
    row.tick = image.tick
    row.lot = image.lot
    row.qty_min = image.qty_min
    row.qty_max = image.qty_max
    row.multiplier = image.multiplier
    row.id = image.id
    row.price_digits = image.price_digits
    row.qty_digits = image.qty_digits
    row.status = image.status
    row.kind = image.kind
    row.margin_ppm = image.margin_ppm
    row.last_day = image.last_day
    row.inverse = image.inverse != 0
    row.settle_days = image.settle_days
    row.restricted = image.restricted != 0
    row.locate_required = image.locate_required != 0
    row.mark_side = image.mark_side if image.mark_side else RF_MARK_SIDE_MID
    row.daily = image.daily != 0
    memcpy(row.band_px, image.band_px, sizeof(row.band_px))
    memcpy(row.band_tick, image.band_tick, sizeof(row.band_tick))
    if image.id > s.engine.instrument_count:
        s.engine.instrument_count = image.id
    row.scope = scope_of(s, RF_SCOPE_KIND_INSTRUMENT, image.id, 0)
    relate(s, row)
    return 1


cdef int define_account(EngineState *s, const Account *image) noexcept nogil:
    cdef Account *row
    if image.id == 0 or image.id >= s.account_rows or not valid_status(image.status) or image.durability > RF_DURABILITY_REPLICATED:
        return 0
    if image.broker > s.engine.broker_count or image.method > RF_LEDGER_METHOD_MAX or not scope_room(s, s.accounts[image.id].scope):
        return 0
    row = &s.accounts[image.id]
    memcpy(row.name, image.name, sizeof(row.name))
    memcpy(row.code, image.code, sizeof(row.code))
    memcpy(row.currency, image.currency, sizeof(row.currency))
    row.id = image.id
    row.status = image.status
    row.durability = image.durability
    row.broker = image.broker
    row.method = image.method if image.method else RF_LEDGER_METHOD_WAC
    if image.id > s.engine.account_count:
        s.engine.account_count = image.id
    row.scope = scope_of(s, RF_SCOPE_KIND_ACCOUNT, image.id, 0)
    return 1


cdef int define_venue(EngineState *s, const Venue *image) noexcept nogil:
    cdef Venue *row
    if image.id == 0 or image.id >= s.venue_rows or not valid_status(image.status) or image.durability > RF_DURABILITY_REPLICATED:
        return 0
    if not scope_room(s, s.venues[image.id].scope):
        return 0
    row = &s.venues[image.id]
    memcpy(row.name, image.name, sizeof(row.name))
    memcpy(row.session, image.session, sizeof(row.session))
    row.id = image.id
    row.status = image.status
    row.durability = image.durability
    row.ord_types = image.ord_types
    row.time_in_forces = image.time_in_forces
    row.instructions = image.instructions
    row.cancel_on_disconnect = image.cancel_on_disconnect != 0
    if row.session_state == 0:
        row.session_state = RF_SESSION_STATE_DOWN
    if image.id > s.engine.venue_count:
        s.engine.venue_count = image.id
    row.scope = scope_of(s, RF_SCOPE_KIND_VENUE, image.id, 0)
    return 1


cdef int define_strategy(EngineState *s, const Strategy *image) noexcept nogil:
    cdef Strategy *row
    if image.id == 0 or image.id >= s.strategy_rows or image.status == 0 or image.status > RF_STRATEGY_STATUS_MAX:
        return 0
    if image.desk_row > s.engine.desk_count or not scope_room(s, s.strategies[image.id].scope):
        return 0
    row = &s.strategies[image.id]
    memcpy(row.name, image.name, sizeof(row.name))
    memcpy(row.desk, image.desk, sizeof(row.desk))
    row.desk_row = image.desk_row
    row.max_age_ns = image.max_age_ns
    row.deadman_ns = image.deadman_ns
    row.uid = image.uid
    row.cancel_on_detach = image.cancel_on_detach != 0
    if row.id == 0:
        row.status = image.status
    row.id = image.id
    if image.id > s.engine.strategy_count:
        s.engine.strategy_count = image.id
    row.scope = scope_of(s, RF_SCOPE_KIND_STRATEGY, image.id, 0)
    return 1


cdef int define_route(EngineState *s, const Route *image) noexcept nogil:
    cdef Route *row
    if image.id == 0 or image.id >= s.route_rows or image.venue == 0 or image.venue >= s.venue_rows or not valid_status(image.status):
        return 0
    if image.strategy >= s.strategy_rows or image.side > RF_SIDE_SELL_SHORT or image.qty_min < 0 or image.qty_max < 0:
        return 0
    if image.from_s >= DAY_S or image.until_s > DAY_S:
        return 0
    row = &s.routes[image.id]
    row.instrument = image.instrument
    row.account = image.account
    row.venue = image.venue
    row.strategy = image.strategy
    row.side = image.side
    row.qty_min = image.qty_min
    row.qty_max = image.qty_max
    row.from_s = image.from_s
    row.until_s = image.until_s
    row.id = image.id
    row.status = image.status
    memcpy(row.name, image.name, sizeof(row.name))
    if image.id > s.engine.route_count:
        s.engine.route_count = image.id
    return 1


# ---- what allows more -----------------------------------------------------------------------------------------------------------

cdef inline int opens(uint32_t known, uint8_t before, uint8_t after) noexcept nogil:
    return after == RF_STATUS_ACTIVE and (known == 0 or before != RF_STATUS_ACTIVE)


cdef inline int beyond(int64_t before, int64_t after) noexcept nogil:
    """A bound that moved out; 0 is none."""
    return before != after and before != 0 and (after == 0 or after > before)


cdef int widens_instrument(const EngineState *s, const Instrument *row, const Instrument *image) noexcept nogil:
    if row.id == 0:
        return image.status == RF_STATUS_ACTIVE
    if opens(row.id, row.status, image.status) or (row.restricted and not image.restricted) or (row.locate_required and not image.locate_required):
        return 1
    if beyond(row.qty_max, image.qty_max) or image.qty_min < row.qty_min or beyond(row.last_day, image.last_day) or lowers_own_rate(s, row.margin_ppm, image.margin_ppm):
        return 1
    # what an order's amount follows from, what quantities of limits are counted in, and what grants and limits of the row are about
    if row.multiplier != image.multiplier or row.kind != image.kind or row.inverse != (image.inverse != 0):
        return 1
    if row.price_digits != image.price_digits or row.qty_digits != image.qty_digits or memcmp(row.symbol, image.symbol, sizeof(row.symbol)) != 0:
        return 1
    return memcmp(row.base, image.base, sizeof(row.base)) != 0 or memcmp(row.quote, image.quote, sizeof(row.quote)) != 0


cdef int widens_account(const Account *row, const Account *image) noexcept nogil:
    if opens(row.id, row.status, image.status):
        return 1
    if row.id == 0:
        return 0
    return row.broker != image.broker or memcmp(row.code, image.code, sizeof(row.code)) != 0 or image.durability < row.durability


cdef int widens_venue(const Venue *row, const Venue *image) noexcept nogil:
    if opens(row.id, row.status, image.status):
        return 1
    return row.id != 0 and ((row.cancel_on_disconnect and not image.cancel_on_disconnect) or image.durability < row.durability)


cdef int widens_currency(const EngineState *s, const Currency *row, const Currency *image) noexcept nogil:
    """A rate where there was none, a lower one, or a row that is of another currency from now on: amounts get smaller.

    Where equity is judged a higher rate allows more, too: whoever has money in the currency has more of it.
    """
    if row.id == 0:
        return image.rate != 0 and image.id != 1
    if memcmp(row.code, image.code, sizeof(row.code)) != 0:
        return 1
    return image.rate != row.rate and image.rate != 0 and (row.rate == 0 or image.rate < row.rate or s.engine.weighing != 0)


cdef int widens_strategy(const Strategy *row, const Strategy *image) noexcept nogil:
    if row.id == 0:
        return image.status < RF_STRATEGY_STATUS_DISABLED
    if row.desk_row != image.desk_row or row.uid != image.uid or (row.cancel_on_detach and not image.cancel_on_detach):
        return 1
    return beyond(<int64_t>row.max_age_ns, <int64_t>image.max_age_ns) or beyond(<int64_t>row.deadman_ns, <int64_t>image.deadman_ns)


cdef int is_alone(const EngineState *s, uint32_t uid) noexcept nogil:
    """One who was halted since still counts, or halting him would be the way around him."""
    cdef uint32_t i
    for i in range(1, s.engine.operator_count + 1):
        if s.operators[i].uid != uid and s.operators[i].role_max >= RF_OPERATOR_ROLE_RISK:
            return 0
    return 1


cdef int widens_operator(const EngineState *s, const Operator *image, uint32_t uid) noexcept nogil:
    cdef const Operator *row = &s.operators[image.id]
    if is_alone(s, uid):
        return 0
    if row.id and (image.uid != row.uid or is_other(row, image)):  # whoever it is of must stay so, also while halted: the row remembers who could approve
        return 1
    if image.status != RF_STATUS_ACTIVE or image.role < RF_OPERATOR_ROLE_TRADER:
        return 0
    return opens(row.id, row.status, image.status) or image.role > row.role


cdef inline int is_other(const Operator *row, const Operator *image) noexcept nogil:
    return memcmp(row.public_key, image.public_key, sizeof(row.public_key)) != 0 or memcmp(row.name, image.name, sizeof(row.name)) != 0


cdef int widens(const EngineState *s, uint8_t kind, const char *body, uint32_t uid) noexcept nogil:
    cdef uint32_t row = row_of(kind, body)
    if kind == RF_CONTROL_KIND_DEFINE_INSTRUMENT and row < s.instrument_rows:
        return widens_instrument(s, &s.instruments[row], <const Instrument*>body)
    if kind == RF_CONTROL_KIND_DEFINE_ACCOUNT and row < s.account_rows:
        return widens_account(&s.accounts[row], <const Account*>body)
    if kind == RF_CONTROL_KIND_DEFINE_VENUE and row < s.venue_rows:
        return widens_venue(&s.venues[row], <const Venue*>body)
    if kind == RF_CONTROL_KIND_DEFINE_STRATEGY and row < s.strategy_rows:
        return widens_strategy(&s.strategies[row], <const Strategy*>body)
    if kind == RF_CONTROL_KIND_DEFINE_CURRENCY and row < s.currency_rows:
        return widens_currency(s, &s.currencies[row], <const Currency*>body)
    if kind == RF_CONTROL_KIND_DEFINE_MARGIN and row < s.margin_rate_rows:
        return lowers_margin(s, <const MarginRate*>body)
    return kind == RF_CONTROL_KIND_DEFINE_OPERATOR and row < s.operator_rows and widens_operator(s, <const Operator*>body, uid)


# ---- one entry ------------------------------------------------------------------------------------------------------------------

cdef int is_definition(uint8_t kind) noexcept nogil:
    if RF_CONTROL_KIND_DEFINE_INSTRUMENT <= kind <= RF_CONTROL_KIND_DEFINE_ROUTE:
        return 1
    return RF_CONTROL_KIND_DEFINE_CURRENCY <= kind <= RF_CONTROL_KIND_DEFINE_OPERATOR or kind == RF_CONTROL_KIND_DEFINE_MARGIN


cdef uint32_t row_of(uint8_t kind, const char *body) noexcept nogil:
    if kind == RF_CONTROL_KIND_DEFINE_INSTRUMENT:
        return (<const Instrument*>body).id
    if kind == RF_CONTROL_KIND_DEFINE_ACCOUNT:
        return (<const Account*>body).id
    if kind == RF_CONTROL_KIND_DEFINE_VENUE:
        return (<const Venue*>body).id
    if kind == RF_CONTROL_KIND_DEFINE_STRATEGY:
        return (<const Strategy*>body).id
    if kind == RF_CONTROL_KIND_DEFINE_ROUTE:
        return (<const Route*>body).id
    if kind == RF_CONTROL_KIND_DEFINE_CURRENCY:
        return (<const Currency*>body).id
    if kind == RF_CONTROL_KIND_DEFINE_BROKER:
        return (<const Broker*>body).id
    if kind == RF_CONTROL_KIND_DEFINE_DESK:
        return (<const Desk*>body).id
    if kind == RF_CONTROL_KIND_DEFINE_MARGIN:
        return (<const MarginRate*>body).id
    return (<const Operator*>body).id


cdef int define(EngineState *s, uint8_t kind, const char *body) noexcept nogil:
    scope_of(s, RF_SCOPE_KIND_FIRM, 0, 0)
    if kind == RF_CONTROL_KIND_DEFINE_INSTRUMENT:
        return define_instrument(s, <const Instrument*>body)
    if kind == RF_CONTROL_KIND_DEFINE_ACCOUNT:
        return define_account(s, <const Account*>body)
    if kind == RF_CONTROL_KIND_DEFINE_VENUE:
        return define_venue(s, <const Venue*>body)
    if kind == RF_CONTROL_KIND_DEFINE_STRATEGY:
        return define_strategy(s, <const Strategy*>body)
    if kind == RF_CONTROL_KIND_DEFINE_ROUTE:
        return define_route(s, <const Route*>body)
    if kind == RF_CONTROL_KIND_DEFINE_CURRENCY:
        return define_currency(s, <const Currency*>body)
    if kind == RF_CONTROL_KIND_DEFINE_BROKER:
        return define_broker(s, <const Broker*>body)
    if kind == RF_CONTROL_KIND_DEFINE_DESK:
        return define_desk(s, <const Desk*>body)
    if kind == RF_CONTROL_KIND_DEFINE_MARGIN:
        return define_margin(s, <const MarginRate*>body)
    return define_operator(s, <const Operator*>body) if kind == RF_CONTROL_KIND_DEFINE_OPERATOR else 0
