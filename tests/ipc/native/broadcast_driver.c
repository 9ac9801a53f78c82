/* broadcast.h and market.h driven by plain C; compiled and run by test_broadcast.py.
 *
 *     broadcast_driver deaths CAPACITY MESSAGES        the producer dies before each of its stores in turn; a successor goes on
 *     broadcast_driver race   CAPACITY MESSAGES SLOW   one producer that never waits, three readers, the second SLOW and the third four times as slow
 *
 * Message n travels at position n and carries n in every word. A death is a longjmp out of the code before an atomic store; the successor has what is in
 * shared memory. Exit 0: what every reader got is whole, in order, at the position that it says, and what it lost is what is missing, to the last one.
 * ThreadSanitizer has no say here: it models neither fences nor copies that are thrown away.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t steps_to_death; /* 0: no death */
static jmp_buf death;

static void store_comes(void) {
    if (steps_to_death && --steps_to_death == 0) longjmp(death, 1);
}

#define __atomic_store_n(place, value, order) (store_comes(), __atomic_store_n(place, value, order))
#include "market.h"

enum { ROWS = 3, READERS = 3 };

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: not %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

static rf_quote_tick_t *slots;
static uint64_t head, capacity, messages;
static rf_quote_t rows[ROWS];

static rf_quote_tick_t tick(uint64_t n) {
    rf_quote_tick_t t = {0};
    t.published_ns = t.source_ns = n;
    t.bid = t.ask = t.bid_qty = t.ask_qty = (int64_t)n;
    t.instrument = 1 + (uint32_t)(n % (ROWS - 1));
    t.kind = RF_TICK_KIND_QUOTE;
    return t;
}

static void check(const rf_quote_tick_t *t, uint64_t position) {
    uint64_t n = t->published_ns;
    CHECK(t->slot_seq == position + 1);
    CHECK(n == position && t->source_ns == n && t->bid == (int64_t)n && t->ask == (int64_t)n && t->bid_qty == (int64_t)n && t->ask_qty == (int64_t)n);
    CHECK(t->instrument == 1 + n % (ROWS - 1));
}

/* ---- deaths ---------------------------------------------------------------------------------------------------- */

static void one_death(uint64_t before_store) {
    rf_market_t market;
    rf_broadcast_t reader;
    volatile uint64_t lost = 0;
    uint64_t jump;
    memset(slots, 0, capacity * sizeof(*slots));
    memset(rows, 0, sizeof(rows));
    head = 0;
    rf_broadcast_open(&reader, slots, &head, capacity, 0);
    rf_market_resume(&market, slots, &head, capacity, rows, ROWS);
    steps_to_death = before_store;
    if (setjmp(death)) steps_to_death = 0;
    rf_market_resume(&market, slots, &head, capacity, rows, ROWS);
    for (int i = 0; i < ROWS; i++) CHECK(!(rows[i].version & 1) && rows[i].position <= market.ring.position);
    while (market.ring.position < messages) {
        rf_quote_tick_t t = tick(market.ring.position), copy;
        CHECK(rf_market_publish(&market, &t) == t.published_ns + 1);
        CHECK(rows[t.instrument].position == t.published_ns + 1 && rows[t.instrument].bid == t.bid);
        int state = rf_broadcast_take(&reader, &copy, sizeof(copy), &jump);
        CHECK(state == RF_RING_OK || state == RF_BROADCAST_LOST);
        if (state == RF_RING_OK) check(&copy, reader.position - 1);
        else lost += jump;
    }
    steps_to_death = 0;
    CHECK(lost == 0 && head == messages);
}

static uint64_t deaths(void) {
    uint64_t worlds = 0;
    for (uint64_t at = 1; at <= messages * 5; at++, worlds++) one_death(at);
    return worlds;
}

/* ---- race ------------------------------------------------------------------------------------------------------ */

typedef struct {
    pthread_t thread;
    uint64_t pause, taken, lost;
} reader_t;

static void *produce(void *unused) {
    rf_market_t market;
    (void)unused;
    rf_market_resume(&market, slots, &head, capacity, rows, ROWS);
    for (uint64_t n = 0; n < messages; n++) {
        rf_quote_tick_t t = tick(n);
        CHECK(rf_market_publish(&market, &t) == n + 1);
        if (n % 256 == 0) sched_yield();
    }
    return NULL;
}

static void *consume(void *argument) {
    reader_t *r = argument;
    rf_broadcast_t ring;
    rf_quote_tick_t copy;
    uint64_t lost;
    rf_broadcast_open(&ring, slots, &head, capacity, 0);
    while (ring.position < messages) {
        switch (rf_broadcast_take(&ring, &copy, sizeof(copy), &lost)) {
        case RF_RING_OK:
            check(&copy, ring.position - 1);
            r->taken++;
            for (uint64_t i = 0; i < r->pause; i++) __asm__ volatile("" ::: "memory");
            break;
        case RF_RING_EMPTY: sched_yield(); break;
        case RF_BROADCAST_LOST: r->lost += lost; break;
        default: CHECK(!"garbage");
        }
    }
    CHECK(ring.lost == r->lost && ring.position == messages);
    return NULL;
}

static void race(uint64_t slow) {
    reader_t readers[READERS] = {{.pause = 0}, {.pause = slow}, {.pause = 4 * slow}};
    pthread_t producer;
    for (int i = 0; i < READERS; i++) CHECK(!pthread_create(&readers[i].thread, NULL, consume, &readers[i]));
    CHECK(!pthread_create(&producer, NULL, produce, NULL));
    pthread_join(producer, NULL);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        CHECK(readers[i].taken + readers[i].lost == messages);
        printf("%llu ", (unsigned long long)readers[i].lost);
    }
    printf("lost\n");
}

int main(int argc, char **argv) {
    CHECK(argc >= 4);
    capacity = strtoull(argv[2], NULL, 10);
    messages = strtoull(argv[3], NULL, 10);
    slots = calloc(capacity, sizeof(*slots));
    CHECK(slots);
    if (argv[1][0] == 'd') printf("%llu worlds\n", (unsigned long long)deaths());
    else race(strtoull(argv[4], NULL, 10));
    free(slots);
    return 0;
}
