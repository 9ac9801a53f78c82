"""Commands of the control agent, observations of the engine about its peers, marks, and the passing of time.

What a command configures is in ``definitions``, whether it may be in ``authority``, what a trading day is in ``day``. The ClOrdID prefix, by which reports
find their orders, stays for good once it is used. A command that cannot be changes nothing and raises BAD_CONTROL; who asked learns it from
``EngineStatus.refused``, which is never full.

A mark that cannot be (negative, crossed, or so high that the least quantity has no amount) is journaled like any other, counted and not taken: the old one
stays, and its age with it. A timer tick looks at a bounded number of orders in turn for a request that was not answered in time (S17), or a status request
(S16): it stays as it is and raises a break. What an operator does to orders and executions is in ``actions``.
Decisions that depend on a peer's pace (stalled, poisoned, journal pressure) are taken here, from journaled observations, so that they replay.
Rejected: reading configuration from files in the engine (a replay would need the same files).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.actions cimport do_action
from ringfence.core.amounts cimport RF_AMOUNT_MOST, amount_of
from ringfence.core.audit cimport audit, audit_command, audit_strategy
from ringfence.core.authority cimport (
    command, command_of_day, command_of_word, expire, is_controlled, may_command, start_day, take_number, withdraw_resume,
)
from ringfence.core.breaks cimport raise_break
from ringfence.core.day cimport set_day, valid_day
from ringfence.core.kill cimport silence, sweep_kills
from ringfence.core.orders cimport cancel_open, is_terminal, report_overdue
from ringfence.core.position_history cimport CHAINED_EACH, chain_executions
from ringfence.core.reservations cimport revalue_instrument
from ringfence.core.state cimport EngineState
from ringfence.core.venue_events cimport ask_for_status
from ringfence.ipc.records cimport (
    RF_BREAK_KIND_BAD_CONTROL, RF_BREAK_KIND_DIVERGENCE, RF_BREAK_KIND_OUTPUTS_LOST, RF_CONTROL_KIND_CHECKPOINT, RF_CONTROL_KIND_DIVERGENCE,
    RF_CONTROL_KIND_HALT, RF_CONTROL_KIND_ROLL_DAY, RF_CONTROL_KIND_SKIP_OUTPUTS, RF_CONTROL_KIND_START,
    RF_CONTROL_KIND_STRATEGY_ATTACH, RF_CONTROL_KIND_STRATEGY_DETACH, RF_OBSERVATION_KIND_GATEWAY_READY, RF_OBSERVATION_KIND_GATEWAY_STALLED,
    RF_OBSERVATION_KIND_JOURNAL_CLEAR, RF_OBSERVATION_KIND_JOURNAL_HEALTH, RF_OBSERVATION_KIND_JOURNAL_PRESSURE, RF_OBSERVATION_KIND_KILL_WORD,
    RF_OBSERVATION_KIND_STRATEGY_POISONED, RF_OBSERVATION_KIND_STRATEGY_READY, RF_OBSERVATION_KIND_STRATEGY_SILENT, RF_OBSERVATION_KIND_STRATEGY_STALLED,
    RF_ORDER_STATUS_ASKED, RF_ORD_STATUS_UNKNOWN, RF_RESTRICT_DIVERGENCE, RF_RESTRICT_OPERATOR, RF_STRATEGY_STATUS_POISONED, Checkpoint, Control,
    Instrument, Mark, Observation, Order, OrderAction, Strategy, Timer,
)

cdef extern from *:
    const int64_t PRICE_MOST "((int64_t)1 << 62)"    # so that two of them can be added

cdef enum:
    SWEPT_PER_TICK = 64
    JOURNAL_RESTRICTIONS = 15     # RESTRICT_JOURNAL_*
    REVISIONS_SKIPPED_TO = 958    # at most: an order can still be cancelled 64 times
    REQUEST_WORDS = 16            # of 64 request ids


cdef int start(EngineState *s, const Control *c) noexcept nogil:
    if not valid_day(c.day) or c.prefix[0] == 0 or c.prefix[1] == 0:
        return 0
    if s.engine.order_count and (c.prefix[0] != s.engine.prefix[0] or c.prefix[1] != s.engine.prefix[1]):
        return 0
    s.engine.epoch = c.epoch
    if s.engine.day == 0:
        set_day(s, c.day)
    if not start_day(s, c):
        raise_break(s, RF_BREAK_KIND_BAD_CONTROL, NULL, NULL, c.kind, <long long>c.request_id)
    memset(s.engine.prefix, 0, sizeof(s.engine.prefix))
    s.engine.prefix[0] = c.prefix[0]
    s.engine.prefix[1] = c.prefix[1]
    s.engine.started_ns = s.engine.engine_ns
    return 1


cdef int strategy_command(EngineState *s, const Control *c) noexcept nogil:
    cdef Strategy *strategy
    if c.strategy == 0 or c.strategy > s.engine.strategy_count:
        return 0
    strategy = &s.strategies[c.strategy]
    if c.kind == RF_CONTROL_KIND_STRATEGY_ATTACH:
        strategy.attached = 1
        strategy.epoch = c.epoch
        strategy.pid = c.pid
        strategy.stalled = 0
    else:
        leave(s, c.strategy)
    return 1


cdef void leave(EngineState *s, uint16_t row) noexcept nogil:
    """The strategy's process is gone or its ring is not read any more; its open orders are cancelled when its policy says so."""
    cdef Strategy *strategy = &s.strategies[row]
    strategy.attached = 0
    strategy.pid = 0
    strategy.stalled = 0
    if strategy.cancel_on_detach:
        cancel_open(s, row, 0, 0, 0)


cdef int skip_outputs(EngineState *s, const OrderAction *a) noexcept nogil:
    """The journal's end was lost with the host's memory, and the gateway has sent up to ``order_id`` outputs more than this state knows.

    Whatever they were, none of their numbers is used again: output_seq, order ids (rows that stay empty) and revisions go on behind them. Order ids are
    shared by all venues, so more of them may be gone than this gateway has sent: ``execution`` is the last that it has. What the venue reports of lost orders
    goes to suspense. New risk is halted until people have looked.
    """
    cdef uint64_t count = a.order_id, row, last = s.engine.order_count + a.order_id
    cdef Order *o
    if last < a.execution:
        last = a.execution
    if a.venue == 0 or a.venue > s.engine.venue_count or count == 0 or count >= s.order_rows or last >= s.order_rows:
        return 0
    for row in range(1, s.engine.order_count + 1):  # finished ones too: in what was lost one may have come back
        o = &s.orders[row]
        if o.venue == a.venue and o.revision < REVISIONS_SKIPPED_TO:
            o.revision = <uint16_t>(o.revision + count if o.revision + count < REVISIONS_SKIPPED_TO else REVISIONS_SKIPPED_TO)
    s.venues[a.venue].output_seq += count
    s.engine.order_count = last
    s.engine.mass_cancels += <uint32_t>count
    s.engine.restrictions |= RF_RESTRICT_OPERATOR
    withdraw_resume(s, 0)
    raise_break(s, RF_BREAK_KIND_OUTPUTS_LOST, NULL, NULL, <long long>s.venues[a.venue].output_seq, <long long>count)
    return 1


cdef int restrict(EngineState *s, const Control *c) noexcept nogil:
    """Halt new risk for the whole instance; what the journal's health restricts follows the journal alone."""
    cdef const Checkpoint *found = <const Checkpoint*>c.body
    cdef uint32_t before = s.engine.restrictions
    if c.kind == RF_CONTROL_KIND_HALT:
        s.engine.restrictions |= RF_RESTRICT_OPERATOR
    else:
        s.engine.restrictions |= RF_RESTRICT_DIVERGENCE
        raise_break(s, RF_BREAK_KIND_DIVERGENCE, NULL, NULL, <long long>found.state_hash, <long long>found.inputs)
    audit(s, c.operator_uid, c.kind, 0, before, s.engine.restrictions)
    withdraw_resume(s, c.operator_uid)
    return 1


cdef inline void note_outcome(EngineState *s, uint64_t request_id, int done) noexcept nogil:
    """Keep what became of a command for the one who asked, in a place that it always has."""
    cdef uint64_t bit = <uint64_t>1 << (request_id & 63)
    s.engine.controls_refused += not done
    if request_id == 0:
        return
    if done:
        s.engine.refused[request_id // 64 % REQUEST_WORDS] &= ~bit
    else:
        s.engine.refused[request_id // 64 % REQUEST_WORDS] |= bit


cdef void apply_control(EngineState *s, const Control *c) noexcept nogil:
    cdef int done = 0
    s.intent_ns = 0
    s.origin_ns = 0
    audit_command(s, c)
    if not take_number(s, c) or not may_command(s, c):
        done = 0
    elif c.kind == RF_CONTROL_KIND_START:
        done = start(s, c)
    elif c.kind == RF_CONTROL_KIND_STRATEGY_ATTACH or c.kind == RF_CONTROL_KIND_STRATEGY_DETACH:
        done = strategy_command(s, c)
    elif c.kind == RF_CONTROL_KIND_CHECKPOINT:
        done = 1
    elif c.kind == RF_CONTROL_KIND_ROLL_DAY:
        done = command_of_day(s, c)
    elif is_controlled(c.kind):
        done = command(s, c)
    elif c.kind == RF_CONTROL_KIND_SKIP_OUTPUTS:
        done = skip_outputs(s, <const OrderAction*>c.body)
    elif c.kind == RF_CONTROL_KIND_HALT or c.kind == RF_CONTROL_KIND_DIVERGENCE:
        done = restrict(s, c)
    else:
        done = do_action(s, c.kind, <const OrderAction*>c.body)
    note_outcome(s, c.request_id, done)
    if not done:
        raise_break(s, RF_BREAK_KIND_BAD_CONTROL, NULL, NULL, c.kind, <long long>c.request_id)


cdef void apply_observation(EngineState *s, const Observation *o) noexcept nogil:
    cdef uint8_t kind = o.kind
    s.intent_ns = 0
    s.origin_ns = 0
    if kind == RF_OBSERVATION_KIND_JOURNAL_PRESSURE or kind == RF_OBSERVATION_KIND_JOURNAL_CLEAR:
        s.engine.journal_pressure = kind == RF_OBSERVATION_KIND_JOURNAL_PRESSURE
    elif kind == RF_OBSERVATION_KIND_JOURNAL_HEALTH:
        s.engine.restrictions = (s.engine.restrictions & ~<uint32_t>JOURNAL_RESTRICTIONS) | (<uint32_t>o.value & JOURNAL_RESTRICTIONS)
    elif kind == RF_OBSERVATION_KIND_GATEWAY_STALLED and o.peer <= s.engine.venue_count:
        s.venues[o.peer].stalled = 1
        s.venues[o.peer].stalled_seq = s.venues[o.peer].output_seq
    elif kind == RF_OBSERVATION_KIND_GATEWAY_READY and o.peer <= s.engine.venue_count:
        s.venues[o.peer].stalled = 0
        ask_for_status(s, o.peer, 0)
    elif kind == RF_OBSERVATION_KIND_STRATEGY_STALLED and o.peer <= s.engine.strategy_count:
        s.strategies[o.peer].stalled = 1
    elif kind == RF_OBSERVATION_KIND_STRATEGY_READY and o.peer <= s.engine.strategy_count:
        s.strategies[o.peer].stalled = 0
    elif kind == RF_OBSERVATION_KIND_KILL_WORD and o.value == 1 and o.peer <= s.engine.venue_count:
        command_of_word(s, o.peer)
    elif kind == RF_OBSERVATION_KIND_STRATEGY_SILENT and 0 < o.peer <= s.engine.strategy_count:
        silence(s, o.peer)
    elif kind == RF_OBSERVATION_KIND_STRATEGY_POISONED and 0 < o.peer <= s.engine.strategy_count:
        audit_strategy(s, o.peer, s.strategies[o.peer].status, RF_STRATEGY_STATUS_POISONED)
        s.strategies[o.peer].status = RF_STRATEGY_STATUS_POISONED
        leave(s, o.peer)


cdef int may_mark(const Instrument *i, const Mark *m) noexcept nogil:
    """A mark that can be: nothing here trades at a price below 0 or in a crossed market, and the least quantity has an amount at its highest price."""
    cdef int64_t highest = m.ask if m.ask > m.bid else m.bid, least = i.lot if i.lot > i.qty_min else i.qty_min, amount
    if m.bid < 0 or m.ask < 0 or m.last < 0 or (m.ask and m.bid > m.ask):
        return 0
    if m.last > highest:
        highest = m.last
    if highest > PRICE_MOST:
        return 0
    return i.amount_factor == 0 or highest == 0 or (amount_of(i, highest, least if least > 1 else 1, &amount) and amount <= RF_AMOUNT_MOST)


cdef void apply_mark(EngineState *s, const Mark *m) noexcept nogil:
    cdef Instrument *i = &s.instruments[m.instrument if m.instrument <= s.engine.instrument_count else 0]
    if i.id == 0:
        return
    if not may_mark(i, m):
        i.marks_refused += 1
        s.engine.marks_refused += 1
        return
    i.bid = m.bid
    i.ask = m.ask
    i.mark_ns = s.engine.engine_ns
    if m.last:
        i.last = m.last
        i.last_ns = s.engine.engine_ns
    if s.engine.counting:
        revalue_instrument(s, m.instrument)


cdef void apply_timer(EngineState *s, const Timer *t) noexcept nogil:
    cdef Order *o
    cdef int _i
    chain_executions(s, CHAINED_EACH)
    expire(s)
    sweep_kills(s)
    for _i in range(SWEPT_PER_TICK):
        if s.engine.order_count == 0:
            return
        s.engine.swept = s.engine.swept % s.engine.order_count + 1
        o = &s.orders[s.engine.swept]
        if (o.first_request or o.flags & RF_ORDER_STATUS_ASKED or o.base_status == RF_ORD_STATUS_UNKNOWN) and not is_terminal(o.ord_status):
            report_overdue(s, o)
