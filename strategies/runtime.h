/* What runs under a strategy, whatever it is written in: market data and events in, intents out, timers, parameters, positions.
 *
 *      region `market` (broadcast) ──take_tick───▶ ┐
 *      ring in `to.strat.NAME` ─────take_event───▶ ├─▶ the strategy ──send──▶ ring in its memfd
 *      clock, table `parameters` ───attend───────▶ ┘
 *
 * One turn is: ticks (at most RF_RUNTIME_BATCH), events (the same), attend. runtime.pyx does it for Python, compiled.py has the same functions
 * for numba on the same struct, a strategy in C calls them itself. tests/strategies holds the three against each other.
 *
 * Who owns what: rf_runtime_t is private to one process and thread, but for `stop`, which anyone of the process may set. Its pointers lead into
 * regions that the engine and the feed write (mapped read-only), into the own memfd (slots, head, tail, heartbeat), and into private arrays that the
 * maker of the struct allocates before the first turn. Nothing here allocates, blocks or makes a system call but rf_clock_now on a host without a counter.
 *
 * What can fail: a full intent ring (send returns 0, counted in `refused`), ticks or events that were lost (told, exactly, before the next one), a ring
 * whose words cannot be (RF_TAKEN_GARBAGE: stop). An engine that starts again empties its tables: what is read from them is not taken while it does,
 * and asked for again in the next turns. A row that is being written is left for the next look. An amount that its field cannot hold (account 65537) is not
 * cut to another one: it becomes the field's highest, which names nothing, so the engine refuses it.
 */
#ifndef RF_RUNTIME_H
#define RF_RUNTIME_H
#include <stdint.h>
#include <string.h>

#include "broadcast.h"
#include "clock.h"
#include "crc32c.h"
#include "idle.h"
#include "records.h"
#include "ring.h"
#include "seqlock.h"

enum { RF_RUNTIME_BATCH = 16, RF_WATCHED_MAX = 32, RF_RUNTIME_COPIES_MAX = 1000 };
enum { RF_ATTEND_NS = 1000000, RF_LOSS_CHECK_NS = 50000000 };
enum { RF_ATTEND_TURNS = 256 }; /* where the clock stands, it may have been set back: look at its calibration all the same */
#define RF_TIMER_NS_MAX (1ll << 61) /* decades: the sum with any time fits */

/* What take_tick and take_event say. The first four are enum TickKind. */
enum rf_taken {
    RF_TAKEN_NOTHING = 0,
    RF_TAKEN_QUOTE = 1,
    RF_TAKEN_TRADE = 2,
    RF_TAKEN_BOOK = 3,
    RF_TAKEN_RESET = 4,
    RF_TAKEN_FILL = 5,
    RF_TAKEN_REJECT = 6, /* DENIED, REJECTED, CANCEL_REJECTED */
    RF_TAKEN_EVENT = 7,  /* any other event */
    RF_TAKEN_TIMER = 8,
    RF_TAKEN_LOST_TICKS = 9,   /* `lost` of them */
    RF_TAKEN_LOST_EVENTS = 10, /* `lost` of them */
    RF_TAKEN_SKIPPED = 11,     /* a tick that nobody here wants */
    RF_TAKEN_GARBAGE = 12
};

/* One parameter that the strategy has declared, and what the table said of it last. */
typedef struct {
    char name[32];
    uint64_t row;     /* in table parameters; 0: it has none yet */
    uint64_t changes; /* of the row, as taken; 0: never */
    int64_t value;    /* 10^-digits */
    uint64_t digits;
    uint64_t offset; /* for whoever applies it */
    uint64_t changed; /* 1: taken and not applied yet */
    uint64_t is_float;
} rf_watched_t;

typedef struct {
    uint64_t stop; /* 1: end; set by anyone of this process */
    rf_broadcast_t market; /* slots NULL: there is no market data */
    rf_ring_t events;
    rf_ring_t intents;
    rf_clock_t *clock;
    uint64_t origin_ns; /* published_ns of the tick that is being worked on, else 0 */
    uint64_t next_client_id;
    uint64_t *heartbeat;
    uint64_t *read_mark; /* position of market data taken, for who paces a replay or looks for lag */
    const unsigned char *wanted; /* by instrument row: 1, its ticks are wanted */
    int64_t *net_qty;            /* by instrument row: over all accounts, as of the last event taken */
    int64_t *net_of_account;     /* [account * instruments + instrument] */
    uint64_t instruments;        /* rows of the three */
    uint64_t accounts;
    const int64_t *tick_sizes; /* by instrument row; scales of an instrument stay for good, so a copy does */
    const int64_t *lot_sizes;
    uint32_t epoch; /* of the intent ring */
    uint32_t strategy;
    uint64_t last_output_seq;
    uint64_t unseen_output_seq; /* the table's at the last look with an empty ring */
    uint64_t timer_every_ns;    /* 0: none */
    uint64_t timer_due_ns;
    uint64_t attend_due_ns;
    uint64_t loss_check_due_ns;
    uint64_t lost; /* with RF_TAKEN_LOST_* */
    /* The engine's tables. */
    const rf_superblock_t *life;
    const rf_engine_status_t *engine;
    const rf_strategy_t *own;
    const rf_position_t *positions;
    uint64_t position_rows;
    const rf_parameter_t *parameters; /* NULL: the instance has none */
    uint64_t parameter_rows;
    uint64_t parameters_known; /* rows looked through */
    const rf_quote_t *quotes;  /* the feed's latest of each instrument; NULL: there is no market data */
    uint64_t quote_rows;
    uint64_t positions_due; /* 1: events were lost while the tables could not be read */
    uint64_t watched_count;
    const rf_clock_calibration_t *calibration; /* NULL: the clock is somebody else's business */
    uint64_t calibration_version;
    uint64_t idle;     /* address of rf_runtime_idle, for code that is compiled elsewhere */
    uint64_t callback; /* what is running: enum rf_taken, for messages */
    uint64_t garbage;  /* 1: a ring cannot be read or written any more */
    /* Counters since the start. */
    uint64_t turns;
    uint64_t ticks;
    uint64_t ticks_lost;
    uint64_t events_taken;
    uint64_t events_lost;
    uint64_t sent;
    uint64_t refused; /* the intent ring was full */
    uint64_t parameters_refused; /* a fraction for an int */
    rf_idle_t idling;
    rf_quote_tick_t tick; /* the one in hand; a trade or a book delta by its kind */
    rf_strategy_event_t event;
    rf_watched_t watched[RF_WATCHED_MAX];
} rf_runtime_t;

static inline uint64_t rf_runtime_now(rf_runtime_t *r) { return rf_clock_now(r->clock); }

/* The engine is emptying and filling its tables. */
static inline int rf_runtime_rebuilding(const rf_runtime_t *r) {
    uint32_t state = __atomic_load_n(&r->life->process_state, __ATOMIC_ACQUIRE);
    return state == RF_PROCESS_STATE_STARTING || state == RF_PROCESS_STATE_RECOVERING;
}

static inline void rf_runtime_idle(rf_runtime_t *r, int64_t work) { rf_idle(&r->idling, work > 0); }

/* ---- market data ----------------------------------------------------------------------------------------------------- */

/* The next tick into r->tick. RF_TAKEN_QUOTE to RF_TAKEN_RESET, SKIPPED, LOST_TICKS, NOTHING or GARBAGE. */
static inline int rf_runtime_take_tick(rf_runtime_t *r) {
    r->origin_ns = 0;
    if (!r->market.slots) return RF_TAKEN_NOTHING;
    uint64_t lost = 0;
    int result = rf_broadcast_take(&r->market, &r->tick, sizeof r->tick, &lost);
    if (result == RF_RING_OK) {
        if (r->tick.instrument >= r->instruments || !r->wanted[r->tick.instrument] || r->tick.kind - 1u >= RF_TICK_KIND_MAX) return RF_TAKEN_SKIPPED;
        r->ticks++;
        r->origin_ns = r->tick.published_ns;
        return r->tick.kind;
    }
    if (result == RF_RING_EMPTY) return RF_TAKEN_NOTHING;
    if (result == RF_BROADCAST_LOST) {
        r->lost = lost;
        r->ticks_lost += lost;
        return RF_TAKEN_LOST_TICKS;
    }
    r->garbage = 1;
    return RF_TAKEN_GARBAGE;
}

/* The latest top of book of an instrument, whether or not its ticks are wanted; all 0 (and published_ns 0) when there is none. */
static inline rf_quote_t rf_runtime_quote(const rf_runtime_t *r, int64_t instrument) {
    rf_quote_t q;
    if ((uint64_t)instrument >= r->quote_rows || !rf_seqlock_copy(&r->quotes[instrument], &q, sizeof q, RF_RUNTIME_COPIES_MAX)) memset(&q, 0, sizeof q);
    return q;
}

/* ---- positions ------------------------------------------------------------------------------------------------------- */

static inline void rf_runtime_set_net(rf_runtime_t *r, uint64_t account, uint64_t instrument, int64_t net_qty) {
    if (account >= r->accounts || instrument >= r->instruments) return;
    int64_t *of_account = &r->net_of_account[account * r->instruments + instrument];
    r->net_qty[instrument] = (int64_t)((uint64_t)r->net_qty[instrument] + (uint64_t)net_qty - (uint64_t)*of_account);
    *of_account = net_qty;
}

/* Take the positions from the table: at the start, and after events were lost. 0: the engine is being started again, ask later. */
static inline int rf_runtime_read_positions(rf_runtime_t *r) {
    if (rf_runtime_rebuilding(r)) return 0;
    uint64_t life = __atomic_load_n(&r->life->epoch, __ATOMIC_ACQUIRE), count = __atomic_load_n(&r->engine->position_count, __ATOMIC_ACQUIRE);
    if (count + 1 > r->position_rows) return 0;
    for (uint64_t row = 1; row <= count; row++) {
        const rf_position_t *p = &r->positions[row];
        if (p->strategy != r->strategy) continue;
        rf_runtime_set_net(r, p->account, p->instrument, __atomic_load_n(&p->net_qty, __ATOMIC_RELAXED));
    }
    return !rf_runtime_rebuilding(r) && __atomic_load_n(&r->life->epoch, __ATOMIC_ACQUIRE) == life;
}

/* ---- events ---------------------------------------------------------------------------------------------------------- */

static inline int rf_runtime_lose_events(rf_runtime_t *r, uint64_t count) {
    r->lost = count;
    r->events_lost += count;
    r->positions_due = !rf_runtime_read_positions(r);
    return RF_TAKEN_LOST_EVENTS;
}

/* The next event into r->event. RF_TAKEN_FILL, REJECT or EVENT; LOST_EVENTS (the event itself comes next), NOTHING or GARBAGE. */
static inline int rf_runtime_take_event(rf_runtime_t *r) {
    int result = rf_ring_take(&r->events, &r->event, sizeof r->event);
    if (result == RF_RING_EMPTY) return RF_TAKEN_NOTHING;
    if (result != RF_RING_OK) {
        r->garbage = 1;
        return RF_TAKEN_GARBAGE;
    }
    const rf_strategy_event_t *e = &r->event;
    if (e->output_seq > r->last_output_seq + 1) { /* leave it in the ring until the loss is told */
        uint64_t lost = e->output_seq - r->last_output_seq - 1;
        r->events.position--;
        r->events.pending--;
        r->last_output_seq = e->output_seq - 1;
        return rf_runtime_lose_events(r, lost);
    }
    if (e->output_seq > r->last_output_seq) r->last_output_seq = e->output_seq;
    r->unseen_output_seq = UINT64_MAX;
    r->events_taken++;
    if (e->order_id) rf_runtime_set_net(r, e->account, e->instrument, e->net_qty);
    if (e->kind == RF_EVENT_KIND_FILL) return RF_TAKEN_FILL;
    return e->kind == RF_EVENT_KIND_DENIED || e->kind == RF_EVENT_KIND_REJECTED || e->kind == RF_EVENT_KIND_CANCEL_REJECTED ? RF_TAKEN_REJECT : RF_TAKEN_EVENT;
}

/* The order of this event is over. A refused request about an order (DENIED without side) ends nothing. */
static inline int rf_event_done(const rf_strategy_event_t *e) {
    const uint64_t over = 1u << RF_ORD_STATUS_FILLED | 1u << RF_ORD_STATUS_DONE_FOR_DAY | 1u << RF_ORD_STATUS_CANCELED | 1u << RF_ORD_STATUS_REJECTED |
                          1u << RF_ORD_STATUS_CALCULATED | 1u << RF_ORD_STATUS_EXPIRED | 1u << RF_ORD_STATUS_DENIED;
    return e->ord_status < 64 && (over >> e->ord_status & 1) && (e->kind != RF_EVENT_KIND_DENIED || e->side);
}

/* Events that the engine dropped and that no later event has shown yet: told when the table is ahead of an empty ring twice in a row. */
static inline int rf_runtime_check_loss(rf_runtime_t *r) {
    if (rf_runtime_rebuilding(r)) return RF_TAKEN_NOTHING;
    uint64_t emitted = __atomic_load_n(&r->own->output_seq, __ATOMIC_ACQUIRE);
    if (emitted > r->last_output_seq && emitted == r->unseen_output_seq && rf_ring_poll(&r->events) == RF_RING_EMPTY) {
        uint64_t lost = emitted - r->last_output_seq;
        r->last_output_seq = emitted;
        return rf_runtime_lose_events(r, lost);
    }
    r->unseen_output_seq = emitted;
    return RF_TAKEN_NOTHING;
}

/* ---- parameters ------------------------------------------------------------------------------------------------------ */

/* One change of a row, whole, into w. 0: there is nothing new, or the engine is writing it (see core/parameters.pyx for the order of its stores). */
static inline int rf_runtime_read_parameter(const rf_runtime_t *r, const rf_parameter_t *p, rf_watched_t *w) {
    uint64_t changes = __atomic_load_n(&p->changes, __ATOMIC_ACQUIRE);
    if (!changes || changes == w->changes) return 0;
    int64_t value = __atomic_load_n(&p->value, __ATOMIC_RELAXED);
    uint64_t digits = __atomic_load_n(&p->digits, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&p->begun, __ATOMIC_RELAXED) != (uint32_t)changes || digits > RF_PARAMETER_DIGITS_MAX || rf_runtime_rebuilding(r)) return 0;
    w->value = value;
    w->digits = digits;
    w->changes = changes;
    w->changed = 1;
    return 1;
}

/* Take what has changed in the table into r->watched; whoever runs the strategy applies what is marked `changed`. Returns how many are. */
static inline uint64_t rf_runtime_read_parameters(rf_runtime_t *r) {
    if (!r->parameters || !r->watched_count || rf_runtime_rebuilding(r)) return 0;
    uint64_t count = __atomic_load_n(&r->engine->parameter_count, __ATOMIC_ACQUIRE), changed = 0;
    if (count + 1 > r->parameter_rows) return 0;
    for (uint64_t row = r->parameters_known + 1; row <= count; row++)
        for (uint64_t i = 0; i < r->watched_count; i++)
            if (r->parameters[row].strategy == r->strategy && !memcmp(r->parameters[row].name, r->watched[i].name, sizeof r->watched[i].name))
                r->watched[i].row = row;
    r->parameters_known = count;
    for (uint64_t i = 0; i < r->watched_count; i++) {
        rf_watched_t *w = &r->watched[i];
        if (!w->row || w->row > count) continue;
        changed += (uint64_t)rf_runtime_read_parameter(r, &r->parameters[w->row], w);
    }
    return changed;
}

/* ---- the rest of a turn ---------------------------------------------------------------------------------------------- */

static inline void rf_runtime_follow_clock(rf_runtime_t *r) {
    rf_clock_calibration_t c;
    if (!r->calibration || rf_seqlock_read_begin(&r->calibration->version) == r->calibration_version) return;
    if (!rf_seqlock_copy(r->calibration, &c, sizeof c, RF_RUNTIME_COPIES_MAX) || (c.source != RF_CLOCK_TSC && c.source != RF_CLOCK_GETTIME)) return;
    r->calibration_version = c.version;
    r->clock->base_tsc = c.base_tsc;
    r->clock->base_ns = c.base_ns;
    r->clock->mult = c.mult;
    r->clock->shift = c.shift;
    r->clock->source = c.source;
}

/* The end of a turn that did `work`: room for the engine, a sign of life, and what is due by the clock. RF_TAKEN_TIMER: the strategy's timer is due (its
 * time is *now); LOST_EVENTS; else NOTHING. */
static inline int rf_runtime_attend(rf_runtime_t *r, uint64_t work, uint64_t *now) {
    r->origin_ns = 0;
    r->turns++;
    rf_ring_release(&r->events);
    if (r->read_mark && work) __atomic_store_n(r->read_mark, r->market.position, __ATOMIC_RELEASE);
    *now = rf_runtime_now(r);
    __atomic_store_n(r->heartbeat, *now, __ATOMIC_RELEASE);
    if (!work) rf_ring_settle(&r->intents);
    if (*now >= r->attend_due_ns || r->turns % RF_ATTEND_TURNS == 0) {
        r->attend_due_ns = *now + RF_ATTEND_NS;
        rf_runtime_follow_clock(r);
        (void)rf_runtime_read_parameters(r);
        if (r->positions_due) r->positions_due = !rf_runtime_read_positions(r);
    }
    if (r->timer_every_ns && *now >= r->timer_due_ns) {
        r->timer_due_ns += r->timer_every_ns;
        if (r->timer_due_ns <= *now) r->timer_due_ns = *now + r->timer_every_ns; /* turns that took longer are not made up for */
        return RF_TAKEN_TIMER;
    }
    if (*now < r->loss_check_due_ns) return RF_TAKEN_NOTHING;
    r->loss_check_due_ns = *now + RF_LOSS_CHECK_NS;
    return rf_runtime_check_loss(r);
}

/* 0 and below: no timer. */
static inline void rf_runtime_set_timer(rf_runtime_t *r, int64_t every_ns) {
    r->timer_every_ns = every_ns <= 0 ? 0 : every_ns > RF_TIMER_NS_MAX ? (uint64_t)RF_TIMER_NS_MAX : (uint64_t)every_ns;
    r->timer_due_ns = rf_runtime_now(r) + r->timer_every_ns;
}

/* ---- intents --------------------------------------------------------------------------------------------------------- */

/* A number for a field that holds 0 to `most`; what does not fit becomes `most`, which means nothing there. */
static inline uint32_t rf_runtime_narrow(int64_t value, uint32_t most) { return value < 0 || value > most ? most : (uint32_t)value; }

/* The slot of the next intent, empty but for `kind` and the stamps; NULL when the ring is full or garbage. */
static inline rf_intent_t *rf_runtime_begin(rf_runtime_t *r, uint8_t kind) {
    int result = 0;
    rf_intent_t *i = (rf_intent_t *)rf_ring_claim(&r->intents, 0, &result);
    if (!i) {
        r->refused++;
        if (result == RF_RING_GARBAGE) r->garbage = 1;
        return NULL;
    }
    memset((unsigned char *)i + 8, 0, sizeof *i - 8);
    i->kind = kind;
    i->created_ns = rf_runtime_now(r);
    i->origin_ns = r->origin_ns;
    i->epoch = r->epoch;
    return i;
}

static inline void rf_runtime_publish(rf_runtime_t *r, rf_intent_t *i) {
    i->crc = rf_crc32c(0, (unsigned char *)i + 8, sizeof *i - 12);
    rf_ring_publish(&r->intents, 1);
    r->sent++;
}

/* Ask for a new order. Returns its client_id; 0: the ring is full, nothing was sent. A type of its own for market orders, not a price of 0: a price that
 * came out as 0 by mistake must be refused. */
static inline uint64_t rf_runtime_send(rf_runtime_t *r, int64_t side, int64_t instrument, int64_t qty, int64_t px, uint8_t ord_type, int64_t time_in_force,
                                       int64_t account, int64_t instructions, uint64_t expire_ns) {
    rf_intent_t *i = rf_runtime_begin(r, RF_INTENT_KIND_NEW);
    if (!i) return 0;
    uint64_t client_id = r->next_client_id++;
    i->client_id = client_id;
    i->side = (uint8_t)rf_runtime_narrow(side, UINT8_MAX);
    i->ord_type = ord_type;
    i->time_in_force = (uint8_t)rf_runtime_narrow(time_in_force, UINT8_MAX);
    i->instrument = rf_runtime_narrow(instrument, UINT32_MAX);
    i->account = (uint16_t)rf_runtime_narrow(account, UINT16_MAX);
    i->instructions = rf_runtime_narrow(instructions, UINT32_MAX);
    i->expire_ns = expire_ns;
    i->qty = qty;
    i->px = px;
    rf_runtime_publish(r, i);
    return client_id;
}

/* 1: asked; 0: the ring is full. */
static inline int rf_runtime_cancel(rf_runtime_t *r, uint64_t client_id) {
    rf_intent_t *i = rf_runtime_begin(r, RF_INTENT_KIND_CANCEL);
    if (!i) return 0;
    i->client_id = client_id;
    rf_runtime_publish(r, i);
    return 1;
}

/* `qty` is the new total, filled part included; a price of 0 keeps the order's. */
static inline int rf_runtime_replace(rf_runtime_t *r, uint64_t client_id, int64_t qty, int64_t px) {
    rf_intent_t *i = rf_runtime_begin(r, RF_INTENT_KIND_REPLACE);
    if (!i) return 0;
    i->client_id = client_id;
    i->qty = qty;
    i->px = px;
    rf_runtime_publish(r, i);
    return 1;
}

/* Every open order of this strategy; of one instrument when it is not 0. */
static inline int rf_runtime_cancel_all(rf_runtime_t *r, int64_t instrument) {
    rf_intent_t *i = rf_runtime_begin(r, RF_INTENT_KIND_CANCEL_ALL);
    if (!i) return 0;
    i->instrument = rf_runtime_narrow(instrument, UINT32_MAX);
    rf_runtime_publish(r, i);
    return 1;
}

static inline int64_t rf_runtime_position(const rf_runtime_t *r, int64_t instrument) {
    return (uint64_t)instrument < r->instruments ? r->net_qty[instrument] : 0;
}

/* The smallest step of the price (below the first band); 0: there is no such instrument. */
static inline int64_t rf_runtime_tick_size(const rf_runtime_t *r, int64_t instrument) {
    return (uint64_t)instrument < r->instruments ? r->tick_sizes[instrument] : 0;
}

static inline uint64_t rf_runtime_open_orders(const rf_runtime_t *r) { return __atomic_load_n(&r->own->open_orders, __ATOMIC_ACQUIRE); }
#endif
