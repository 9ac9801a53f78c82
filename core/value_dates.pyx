"""Value dates: when a trade settles, and what each position of the ledger traded for which day.

    definitions, day, DEFINE_HOLIDAYS ──▶ date_instruments: calendars, trading day ──▶ Instrument.value_day ──a fill──▶ LedgerEvent.value_day
    ledger_events.book ──▶ keep_dates: figures of the position less its rows ──▶ the row of the event's day       roll_day ──▶ settle_dates

A trade settles ``settle_days`` business days after the trading day, by the calendar of each of its currencies; the latest counts, and all must be open on it.
For pairs of the foreign exchange the market's convention holds (londonfx.co.uk/valdates.html, which ObjectLab Kit follows
too): USD has to be open on the value date, also of a pair without USD, but its holidays in between do not count, except against ARS, CLP and MXN. With 0
settle days it settles on the trading day, whatever day that is (crypto). A dated contract settles by its last day: forwards on it, as that is the date they
are dealt for, futures ``settle_days`` business days after it, as that is the last on which they trade.
A date counts as it was known when the trade was booked, and stays with the event; a bust or correction has the day of its fill. What is no trade (an internal
cross is one) settles at once.

Rows of ``value_dates`` are a list per position of the ledger, by rising day; days that have come are one row, day 0. They sum to the position's quantity and
flow, always, to the unit. A booking's difference is of its day. After a recomputation (a bust, a correction, a name) a trade that is in or out now, or is
another, moves its own quantity and flow in its own day, so that a replay gives the same rows; what is left, the effect of entries, is settled, as it was
when they were booked. A close that begins to wait for names because of it is a break LEDGER_REFUSED, as if it had just come. As many rows as there can be positions are kept for the first row of each; when there is none left for another day, that day's figures go
into a neighbour's and a break TABLE_FULL says so. Written by the engine alone. What can fail: nothing; a flow beyond 2^127 would wrap, in the sum too.
Rejected: rows by account and asset (an instrument's multiplier and currencies say the rest), a date computed for each fill (300 instructions of 3,100, by
``bench engine``).
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from ringfence.core.breaks cimport raise_break
from ringfence.core.calendar cimport business_days_after, date_of, days_since_2000, has_day, is_business_day, mark_holiday
from ringfence.core.ledger_index cimport find_event, in_force
from ringfence.core.ledger_recompute cimport next_event
from ringfence.core.ledger_trades cimport value_of
from ringfence.core.state cimport EngineState, State, currency_of
from ringfence.core.wide cimport rf_wide_load, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_BREAK_KIND_LEDGER_REFUSED, RF_BREAK_KIND_TABLE_FULL, RF_INSTRUMENT_KIND_FX_SPOT,
    RF_LEDGER_EVENT_KIND_CROSS, RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_EVENT_KIND_NAME_LOT, RF_LEDGER_EVENT_STATE_BOOKED, RF_LEDGER_EVENT_STATE_HELD,
    RF_LEDGER_FEE_BASE, RF_LEDGER_RESULT_AMBIGUOUS, Calendar, HolidayChange, Instrument, LedgerEvent, LedgerInstrument, LedgerPosition, ValueDate,
)

from ringfence.core.errors import CoreError

cdef enum:
    DAYS_OF_CHANGE = 15

cdef const char *USD = b"USD\0\0\0\0\0"
cdef const char *COUNT_USD = b"ARS\0\0\0\0\0CLP\0\0\0\0\0MXN\0\0\0\0\0"


# ---- when a trade settles ------------------------------------------------------------------------------------------------------

cdef inline int counts_usd(const char *code) noexcept nogil:
    """Whether holidays of USD between trade and value date count against this currency."""
    return memcmp(code, COUNT_USD, 8) == 0 or memcmp(code, COUNT_USD + 8, 8) == 0 or memcmp(code, COUNT_USD + 16, 8) == 0


cdef uint32_t usd_of(const EngineState *s, const Instrument *i) noexcept nogil:
    """The row of USD; 0 when no currency is."""
    if memcmp(i.quote, USD, 8) == 0:
        return i.quote_currency
    return i.base_currency if memcmp(i.base, USD, 8) == 0 else currency_of(s, USD)


cdef uint32_t settles_on(const EngineState *s, const Instrument *i, uint32_t day) noexcept nogil:
    """The value date of what is traded, or trades last, on a day; both are days since 2000-01-01."""
    cdef const Calendar *base = &s.calendars[i.base_currency]    # row 0 has no holidays: of what is no currency, weekends count
    cdef const Calendar *quote = &s.calendars[i.quote_currency]
    cdef uint32_t usd = 0, last = day, other
    cdef int all_count = 1
    if i.kind == RF_INSTRUMENT_KIND_FX_SPOT or is_dealt_for_a_day(i):
        usd = usd_of(s, i)
        all_count = usd == 0 or counts_usd(i.base) or counts_usd(i.quote)
    if all_count or i.base_currency != usd:
        last = business_days_after(base, day, i.settle_days)
    if all_count or i.quote_currency != usd:
        other = business_days_after(quote, day, i.settle_days)
        last = other if other > last else last
    while not (is_business_day(base, last) and is_business_day(quote, last) and is_business_day(&s.calendars[usd], last)):
        last += 1
    return last


cdef uint32_t value_day_on(const EngineState *s, const Instrument *i, uint32_t day) noexcept nogil:
    """The value date of a trade on a trading day."""
    cdef uint32_t counts_from = i.last_day if i.last_day else day
    if i.settle_days == 0 or (i.last_day and is_dealt_for_a_day(i)):
        return counts_from
    return date_of(settles_on(s, i, days_since_2000(counts_from)))


cdef void date_instrument(const EngineState *s, Instrument *i) noexcept nogil:
    i.value_day = value_day_on(s, i, s.engine.day)


cdef void date_instruments(EngineState *s) noexcept nogil:
    cdef uint32_t row
    for row in range(1, s.engine.instrument_count + 1):
        if s.instruments[row].id:
            date_instrument(s, &s.instruments[row])


def value_day(State state not None, uint32_t instrument, uint32_t day):
    """Return when a trade of a day would settle, by the calendars that the tables have now.

    Parameters
    ----------
    instrument : int
        A row.
    day : int
        Trading day [YYYYMMDD].

    Returns
    -------
    int
        YYYYMMDD.

    Raises
    ------
    CoreError
        If there is no such row.
    """
    if not 0 < instrument < state.c.instrument_rows:
        raise CoreError(f"instrument {instrument} is not in 1..{state.c.instrument_rows - 1}")
    return value_day_on(&state.c, &state.c.instruments[instrument], day)


# ---- rows of a position ----------------------------------------------------------------------------------------------------------

cdef uint32_t free_row(EngineState *s, uint32_t spare) noexcept nogil:
    """A zeroed row; 0 when only ``spare`` ones are left."""
    cdef uint32_t row = s.engine.free_value_date
    if row:
        s.engine.free_value_date = s.value_dates[row].next
        s.value_dates[row].next = 0
    elif s.engine.value_date_count + 1 + spare < s.value_date_rows:
        s.engine.value_date_count += 1
        row = s.engine.value_date_count
    return row


cdef uint32_t add_day(EngineState *s, uint32_t position, uint32_t day, uint32_t before) noexcept nogil:
    """The row of a day that a position has none for, behind row ``before`` (0: first), or that of a neighbour."""
    cdef LedgerPosition *p = &s.ledger.positions[position]
    cdef uint32_t row = free_row(s, s.ledger.head.position_rows - 1 if p.first_date else 0)
    cdef ValueDate *d = &s.value_dates[row]
    if row == 0:
        raise_break(s, RF_BREAK_KIND_TABLE_FULL, NULL, NULL, day, 0)
        return before if before else p.first_date
    d.position = position
    d.value_day = day
    if before:
        d.next = s.value_dates[before].next
        s.value_dates[before].next = row
    else:
        d.next = p.first_date
        p.first_date = row
    return row


cdef uint32_t row_of_day(EngineState *s, uint32_t position, uint32_t day) noexcept nogil:
    """The row of a position for a day to come, made if need be."""
    cdef uint32_t row = s.ledger.positions[position].first_date, before = 0
    while row and s.value_dates[row].value_day < day:
        before = row
        row = s.value_dates[row].next
    return row if row and s.value_dates[row].value_day == day else add_day(s, position, day, before)


cdef void keep_position(EngineState *s, uint32_t position, uint32_t value_day) noexcept nogil:
    """Bring the sum of a position's rows to its figures; what they lack is of this day."""
    cdef const LedgerPosition *p = &s.ledger.positions[position]
    cdef wide_t qty = rf_wide_load(p.qty), flow = rf_wide_load(p.flow)
    cdef uint32_t day = value_day if value_day > s.engine.day else 0, row = p.first_date, found = 0, before = 0
    cdef ValueDate *d
    while row:
        d = &s.value_dates[row]
        qty -= rf_wide_load(d.qty)
        flow -= rf_wide_load(d.flow)
        if d.value_day == day:
            found = row
        elif d.value_day < day:
            before = row
        row = d.next
    if found == 0:
        if qty == 0 and flow == 0 and p.first_date:
            return
        found = add_day(s, position, day, before)
    d = &s.value_dates[found]
    rf_wide_store(d.qty, rf_wide_load(d.qty) + qty)
    rf_wide_store(d.flow, rf_wide_load(d.flow) + flow)


cdef void move_own(EngineState *s, uint32_t position, const LedgerEvent *e, uint32_t value_day, int sign) noexcept nogil:
    """Bring what a trade (``e``: its content) itself does to quantity and flow into the row of its day, or (-1) out of it."""
    cdef const LedgerInstrument *i = &s.ledger.instruments[s.ledger.positions[position].instrument]
    cdef wide_t qty = rf_wide_load(e.qty), flow = 0, fee = 0, fee_value = 0
    cdef uint32_t row
    if value_day <= s.engine.day:
        return  # what has settled is what is left
    value_of(i, qty, rf_wide_load(e.px), &flow)
    if e.fee_kind == RF_LEDGER_FEE_BASE:
        fee = rf_wide_load(e.fee)
        value_of(i, fee, rf_wide_load(e.px), &fee_value)
    row = row_of_day(s, position, value_day)
    rf_wide_store(s.value_dates[row].qty, rf_wide_load(s.value_dates[row].qty) + sign * (qty - fee))
    rf_wide_store(s.value_dates[row].flow, rf_wide_load(s.value_dates[row].flow) + sign * (flow - fee_value))


cdef void say_waits(EngineState *s, const LedgerEvent *close) noexcept nogil:
    raise_break(s, RF_BREAK_KIND_LEDGER_REFUSED, NULL, NULL, <int64_t>close.key, RF_LEDGER_RESULT_AMBIGUOUS)


cdef void follow_change(EngineState *s, uint32_t row) noexcept nogil:
    """A trade that was busted or corrected: out of its day as it was, into it as it is; one that waited is brought in with those that wait no more."""
    cdef LedgerEvent *e = &s.ledger.events[row]
    if e.kind == RF_LEDGER_EVENT_KIND_CROSS:
        move_own(s, e.position, e, e.value_day, -1)
        move_own(s, (e + 1).position, e + 1, e.value_day, -1)
    elif e.kind == RF_LEDGER_EVENT_KIND_FILL and not e.undated:
        move_own(s, e.position, &s.ledger.events[s.ledger.former], e.value_day, -1)
        if e.state == RF_LEDGER_EVENT_STATE_BOOKED:
            move_own(s, e.position, in_force(&s.ledger, row), e.value_day, 1)
        elif e.state == RF_LEDGER_EVENT_STATE_HELD:
            e.undated = 1
            say_waits(s, e)


cdef void follow_waiting(EngineState *s, uint32_t position, uint32_t row) noexcept nogil:
    """Bring trades of a position that do not wait any more, from ``row`` on, into their days, and take those that do now out of theirs."""
    cdef LedgerEvent *e
    while row:
        e = &s.ledger.events[row]
        if e.kind == RF_LEDGER_EVENT_KIND_FILL:
            if e.undated and e.state == RF_LEDGER_EVENT_STATE_BOOKED:
                move_own(s, position, in_force(&s.ledger, row), e.value_day, 1)
                e.undated = 0
            elif e.state == RF_LEDGER_EVENT_STATE_HELD and not e.undated:
                move_own(s, position, in_force(&s.ledger, row), e.value_day, -1)
                e.undated = 1
                say_waits(s, e)
        row = next_event(&s.ledger, position, row)


cdef void keep_family(EngineState *s, uint32_t position, uint32_t changed) noexcept nogil:
    """Dates of a position and those tied to it, which the ledger has just computed again from row ``changed`` on; what no trade did is settled."""
    cdef uint32_t at = position
    while at:
        if s.ledger.held_changes:
            follow_waiting(s, at, changed if at == position else s.ledger.positions[at].first_event)
        keep_position(s, at, 0)
        at = s.ledger.positions[at].next_of_family


cdef void keep_every_date(EngineState *s) noexcept nogil:
    cdef uint32_t row = s.ledger.head.event_count, changed
    cdef const LedgerEvent *e = &s.ledger.events[row]
    cdef int is_name = e.kind == RF_LEDGER_EVENT_KIND_NAME_LOT
    if e.root == 0 and not is_name:
        if e.kind == RF_LEDGER_EVENT_KIND_CROSS:  # the other half is the row before
            keep_position(s, s.ledger.events[row - 1].position, e.value_day)
        if e.position:
            keep_position(s, e.position, e.value_day)
        if e.other_position:
            keep_position(s, e.other_position, e.value_day)
        return
    changed = row if is_name else e.root
    if s.ledger.events[changed].kind == RF_LEDGER_EVENT_KIND_NAME_LOT:
        changed = find_event(&s.ledger, s.ledger.events[changed].ref_key)
    elif s.ledger.former:
        follow_change(s, changed)
    e = &s.ledger.events[changed]
    if e.kind == RF_LEDGER_EVENT_KIND_CROSS:
        keep_family(s, (e + 1).position, changed + 1)
    keep_family(s, e.position, changed)
    s.ledger.held_changes = 0


cdef void settle_position(EngineState *s, LedgerPosition *p) noexcept nogil:
    cdef ValueDate *settled = &s.value_dates[p.first_date]
    cdef ValueDate *d
    cdef uint32_t row
    if p.first_date == 0 or settled.value_day > s.engine.day:
        return
    settled.value_day = 0
    row = settled.next
    while row and s.value_dates[row].value_day <= s.engine.day:
        d = &s.value_dates[row]
        rf_wide_store(settled.qty, rf_wide_load(settled.qty) + rf_wide_load(d.qty))
        rf_wide_store(settled.flow, rf_wide_load(settled.flow) + rf_wide_load(d.flow))
        settled.next = d.next
        memset(d, 0, sizeof(ValueDate))
        d.next = s.engine.free_value_date
        s.engine.free_value_date = row
        row = settled.next


cdef void settle_dates(EngineState *s) noexcept nogil:
    cdef uint32_t position
    for position in range(1, s.ledger.head.position_count + 1):
        settle_position(s, &s.ledger.positions[position])


# ---- holidays --------------------------------------------------------------------------------------------------------------------

cdef int can_be(const EngineState *s, const HolidayChange *change) noexcept nogil:
    cdef uint32_t i
    if change.currency == 0 or change.currency > s.engine.currency_count or s.currencies[change.currency].id == 0 or change.is_holiday > 1:
        return 0
    if change.count == 0 or change.count > DAYS_OF_CHANGE:
        return 0
    for i in range(change.count):
        if not has_day(change.days[i]):
            return 0
    for i in range(change.count, DAYS_OF_CHANGE):
        if change.days[i]:
            return 0
    return 1


cdef int define_holidays(EngineState *s, const HolidayChange *change) noexcept nogil:
    cdef Calendar *c
    cdef uint64_t any = 0
    cdef uint32_t i
    if not can_be(s, change):
        return 0
    c = &s.calendars[change.currency]
    for i in range(change.count):
        mark_holiday(c, change.days[i], change.is_holiday)
    for i in range(64):
        any |= c.holidays[i]
    c.changed_ns = s.engine.engine_ns
    c.currency = change.currency if any else 0
    date_instruments(s)
    return 1
