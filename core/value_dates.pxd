# When trades settle, and what each position of the ledger traded by value date.
from libc.stdint cimport uint32_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_INSTRUMENT_KIND_FX_FORWARD, RF_INSTRUMENT_KIND_FX_NDF, RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_EVENT_STATE_BOOKED, HolidayChange, Instrument,
    LedgerEvent, LedgerPosition, ValueDate,
)

# Whether a kind settles on its last day, which each trade of it is dealt for.
cdef inline int is_dealt_for_a_day(const Instrument *i) noexcept nogil:
    return i.kind == RF_INSTRUMENT_KIND_FX_FORWARD or i.kind == RF_INSTRUMENT_KIND_FX_NDF

# Note when a trade of now settles: after a definition.
cdef void date_instrument(const EngineState *s, Instrument *i) noexcept nogil
# The same for all of them: after the day or a calendar has changed.
cdef void date_instruments(EngineState *s) noexcept nogil
# YYYYMMDD on which a trade of now in an instrument (a row) settles; of one that is not known it is the trading day.
cdef inline uint32_t value_day_of(const EngineState *s, uint32_t instrument) noexcept nogil:
    return s.instruments[instrument].value_day if s.instruments[instrument].value_day else s.engine.day

# keep_dates, whatever was booked.
cdef void keep_every_date(EngineState *s) noexcept nogil
# After the ledger has booked an event: the sums by value date of every position that it changed become those of the positions again.
# A position with one row, of the day of a fill, has its own figures there: most of what settles at once.
cdef inline void keep_dates(EngineState *s) noexcept nogil:
    cdef const LedgerEvent *e = &s.ledger.events[s.ledger.head.event_count]
    cdef const LedgerPosition *p = &s.ledger.positions[e.position]
    cdef ValueDate *d = &s.value_dates[p.first_date]
    if (
        p.first_date and d.next == 0 and d.value_day == (e.value_day if e.value_day > s.engine.day else 0)
        and e.state == RF_LEDGER_EVENT_STATE_BOOKED and e.kind == RF_LEDGER_EVENT_KIND_FILL and not (e.root | e.newest | e.other_position)
    ):
        d.qty[0] = p.qty[0]
        d.qty[1] = p.qty[1]
        d.flow[0] = p.flow[0]
        d.flow[1] = p.flow[1]
    else:
        keep_every_date(s)

# The trade that was booked last waits for the names of its lots: it is in no row.
cdef inline void leave_undated(EngineState *s) noexcept nogil:
    s.ledger.events[s.ledger.head.event_count].undated = 1

# What has come due by the trading day that begins is settled.
cdef void settle_dates(EngineState *s) noexcept nogil
# Change the holidays of a currency; 0: they cannot be, and nothing was changed.
cdef int define_holidays(EngineState *s, const HolidayChange *change) noexcept nogil
