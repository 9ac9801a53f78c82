/* The market data region of an instance, seen from its one producer: the broadcast ring and, beside it, the latest of each instrument.
 *
 *      region `market`, written by the feed, read-only for all others
 *      head     RingCursor          slots published
 *      ticks    QuoteTick[2^n]      the ring (broadcast.h); TradeTick and BookDelta are other readings of the same 64 bytes
 *      quotes   Quote[rows]         row = instrument, under a sequence lock: for late joiners, collars, marks and views
 *
 * The row is written before the slot is published. Whoever begins at head and then reads a row therefore misses nothing: what the row does not have
 * yet comes as a slot, and slots below the row's `position` are already in it. A producer that dies in between leaves a row whose position is one
 * too high: rf_market_resume puts that right. One that dies inside a row leaves some of the old and some of the new: nothing of it is kept, it is stale.
 *
 * What a slot means for the row: QUOTE replaces the top of book, and counts unless it is only told that it went stale; TRADE is the last trade; RESET empties the
 * top and makes it stale; BOOK leaves it alone (the QUOTE that follows says what the top is now). TICK_GAP counts a gap.
 * TICK_CROSSED is decided here, so that all sources mean the same by it.
 *
 * Bounds: O(1), no call, no allocation. A slot of an instrument without a row or of no kind is refused: 0.
 */
#ifndef RF_MARKET_H
#define RF_MARKET_H
#include <stdint.h>
#include <string.h>

#include "broadcast.h"
#include "records.h"
#include "seqlock.h"

typedef struct {
    rf_broadcast_t ring;
    rf_quote_t *quotes;
    uint64_t rows; /* of quotes; 0: there is no such table */
} rf_market_t;

/* A row that was half written says nothing any more; what it counted stays. */
static inline void rf_market_void(rf_quote_t *row, uint64_t instrument) {
    rf_quote_t empty = {.version = row->version, .count = row->count, .gaps = row->gaps, .position = row->position};
    empty.instrument = (uint32_t)instrument;
    empty.flags = RF_TICK_STALE;
    *row = empty;
}

static inline void rf_market_resume(rf_market_t *m, void *slots, uint64_t *head, uint64_t capacity, rf_quote_t *quotes, uint64_t rows) {
    rf_broadcast_resume(&m->ring, slots, head, capacity);
    m->quotes = quotes;
    m->rows = rows;
    for (uint64_t i = 0; i < rows; i++) {
        int torn = quotes[i].version & 1;
        if (!torn && quotes[i].position <= m->ring.position) continue;
        rf_seqlock_write_begin(&quotes[i].version);
        if (torn) rf_market_void(&quotes[i], i);
        if (quotes[i].position > m->ring.position) quotes[i].position = m->ring.position;
        rf_seqlock_write_end(&quotes[i].version);
    }
}

static inline void rf_market_note_quote(rf_quote_t *row, const rf_quote_tick_t *t) {
    if (!(t->flags & RF_TICK_STALE)) {
        row->bid = t->bid;
        row->ask = t->ask;
        row->bid_qty = t->bid_qty;
        row->ask_qty = t->ask_qty;
        row->source_ns = t->source_ns;
        row->published_ns = t->published_ns;
        row->count++;
    }
    row->flags = t->flags & ~RF_TICK_MORE;
}

static inline void rf_market_note_trade(rf_quote_t *row, const rf_trade_tick_t *t) {
    row->last = t->px;
    row->last_qty = t->qty;
    row->last_source_ns = t->source_ns;
}

static inline void rf_market_note_reset(rf_quote_t *row) {
    row->bid = row->ask = row->bid_qty = row->ask_qty = 0;
    row->flags = RF_TICK_STALE;
}

/* Publish one slot: everything but its first word is copied from `tick`. Returns the position after it, 0 when it is refused. */
static inline uint64_t rf_market_publish(rf_market_t *m, const rf_quote_tick_t *tick) {
    rf_quote_tick_t t = *tick;
    if (!t.kind || t.kind > RF_TICK_KIND_MAX || (m->rows && t.instrument >= m->rows)) return 0;
    if (t.kind == RF_TICK_KIND_QUOTE && t.bid > t.ask && t.bid > 0 && t.ask > 0) t.flags |= RF_TICK_CROSSED;
    if (m->rows) {
        rf_quote_t *row = m->quotes + t.instrument;
        rf_seqlock_write_begin(&row->version);
        if (t.kind == RF_TICK_KIND_QUOTE) rf_market_note_quote(row, &t);
        else if (t.kind == RF_TICK_KIND_TRADE) rf_market_note_trade(row, (const rf_trade_tick_t *)&t);
        else if (t.kind == RF_TICK_KIND_RESET) rf_market_note_reset(row);
        row->instrument = t.instrument;
        row->gaps += (t.flags & RF_TICK_GAP) != 0;
        row->position = m->ring.position + 1;
        rf_seqlock_write_end(&row->version);
    }
    unsigned char *slot = (unsigned char *)rf_broadcast_claim(&m->ring);
    memcpy(slot + 8, (const unsigned char *)&t + 8, RF_BROADCAST_SLOT_BYTES - 8);
    rf_broadcast_publish(&m->ring);
    return m->ring.position;
}
#endif
