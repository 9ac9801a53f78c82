/* ring.h driven by plain C, for ThreadSanitizer, AddressSanitizer and UndefinedBehaviorSanitizer; compiled and run by test_ring_native.py.
 *
 *     ring_driver edges  CAPACITY START                  one thread: full, empty, batches of every size, words that cannot be
 *     ring_driver deaths CAPACITY START BATCH            one thread: producer and consumer die at every pair of steps, each followed by a successor
 *     ring_driver race   CAPACITY START MESSAGES EVERY   two threads; with EVERY > 0 either dies at random, up to 2 * EVERY steps apart
 *
 * Positions begin at START, so that laps cross 2^32 and 2^63; message n travels at position START + n. A step is a store to shared memory: every
 * __atomic_store_n of ring.h and every word that the producer writes into a slot. A death is a longjmp out of the code before that store; the successor
 * has what is in shared memory and, for the consumer, what it has applied (its journal).
 * -DBROKEN makes every release store relaxed: ThreadSanitizer must report it. Exit 0: every message whole, once, in order.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static __thread uint64_t steps_to_death, steps_done; /* 0: no death */
static __thread jmp_buf death;
static __thread struct world *producing; /* whose sequence words are counted */
static void store_comes(const void *place);

#define __atomic_store_n(place, value, order) (store_comes(place), __atomic_store_n(place, value, order))
#ifdef BROKEN
#undef __ATOMIC_RELEASE
#define __ATOMIC_RELEASE __ATOMIC_RELAXED
#endif
#include "idle.h"
#include "ring.h"
#include "seqlock.h"

enum { WORDS = 8, SLOT_BYTES = WORDS * 8 };

typedef struct world {
    unsigned char *slots;
    uint64_t *head, *tail; /* alone on their lines, as in a region */
    uint64_t capacity, start, messages, batch;
    uint64_t issued;  /* producer's: sequence words stored, by its own count */
    uint64_t applied; /* consumer's: messages in its journal */
} world_t;

static inline void step(void) {
    steps_done++;
    if (steps_to_death && --steps_to_death == 0) longjmp(death, 1);
}

static void store_comes(const void *place) {
    step();
    if (!producing) return;
    uint64_t offset = (uint64_t)((const unsigned char *)place - producing->slots); /* huge below the slots */
    producing->issued += offset < producing->capacity * SLOT_BYTES;
}

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: not %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

static void world_open(world_t *w, uint64_t capacity, uint64_t start) {
    memset(w, 0, sizeof *w);
    w->capacity = capacity;
    w->start = start;
    w->slots = (unsigned char *)calloc(capacity, SLOT_BYTES);
    w->head = (uint64_t *)calloc(16, 8);
    w->tail = (uint64_t *)calloc(16, 8);
    CHECK(w->slots && w->head && w->tail);
}

/* Memory as the laps before START left it. */
static void world_begin(world_t *w) {
    memset(w->slots, 0, w->capacity * SLOT_BYTES);
    for (uint64_t p = w->start; w->start && p < w->start + w->capacity; p++) {
        uint64_t word = p + 1 - w->capacity;
        memcpy(w->slots + (p & (w->capacity - 1)) * SLOT_BYTES, &word, sizeof word);
    }
    *w->head = *w->tail = w->start;
    w->issued = w->applied = 0;
}

static void world_close(world_t *w) {
    free(w->slots);
    free(w->head);
    free(w->tail);
}

/* ---- the two sides -------------------------------------------------------------------------------------------------- */

/* A producer's life begins: first or successor. What its predecessor published is all there is. */
static void produce_from_here(world_t *w, rf_ring_t *ring) {
    CHECK(rf_ring_resume_producer(ring, w->slots, w->head, w->tail, w->capacity, SLOT_BYTES) == RF_RING_OK);
    uint64_t published = ring->position - w->start;
    CHECK(published == w->issued);
}

/* Send one batch, as much of it as there is room for; returns how many. */
static uint64_t produce(world_t *w, rf_ring_t *ring) {
    uint64_t sent = ring->position - w->start, filled = 0;
    int result = RF_RING_OK;
    for (; filled < w->batch && sent + filled < w->messages; filled++) {
        uint64_t *slot = (uint64_t *)rf_ring_claim(ring, filled, &result);
        if (!slot) break;
        for (uint64_t i = 1; i < WORDS; i++) {
            step();
            slot[i] = (sent + filled) * 31 + i;
        }
    }
    CHECK(result != RF_RING_GARBAGE);
    rf_ring_publish(ring, filled);
    return filled;
}

/* A consumer's life begins: it goes on where its journal ends, which may be ahead of tail. */
static void consume_from_here(world_t *w, rf_ring_t *ring) {
    CHECK(rf_ring_resume_consumer(ring, w->slots, w->head, w->tail, w->capacity, SLOT_BYTES) == RF_RING_OK);
    uint64_t journal = w->start + w->applied;
    CHECK(ring->position <= journal);
    if (journal > ring->position) rf_ring_skip_to(ring, journal);
}

/* Take what is there, at most `most`, and give the room back; returns how many. */
static uint64_t consume(world_t *w, rf_ring_t *ring, uint64_t most) {
    uint64_t taken = 0, copy[WORDS];
    while (taken < most && w->applied < w->messages) {
        int state = rf_ring_take(ring, copy, sizeof copy);
        if (state == RF_RING_EMPTY) break;
        CHECK(state == RF_RING_OK);
        CHECK(copy[0] == w->start + w->applied + 1);
        for (uint64_t i = 1; i < WORDS; i++) CHECK(copy[i] == w->applied * 31 + i);
        step();
        w->applied++;
        step();
        taken++;
    }
    rf_ring_release(ring);
    return taken;
}

/* ---- edges ------------------------------------------------------------------------------------------------------------ */

static void edges(world_t *w) {
    rf_ring_t p, c;
    int result = 0;
    uint64_t n = w->capacity;
    w->messages = 1 << 30;
    for (uint64_t batch = 1; batch <= n; batch++) {
        world_begin(w);
        produce_from_here(w, &p);
        consume_from_here(w, &c);
        w->batch = batch;
        for (int lap = 0; lap < 3; lap++) {
            CHECK(rf_ring_poll(&c) == RF_RING_EMPTY);
            uint64_t filled = 0, more;
            while ((more = produce(w, &p)) > 0) filled += more;
            CHECK(filled == n);
            CHECK(!rf_ring_claim(&p, 0, &result) && result == RF_RING_FULL);
            CHECK(rf_ring_room(&p, 1) == 0);
            uint64_t copy[WORDS];
            CHECK(rf_ring_take(&c, copy, sizeof copy) == RF_RING_OK && copy[0] == c.position);
            CHECK(!rf_ring_claim(&p, 0, &result) && result == RF_RING_FULL); /* taken is not yet released */
            rf_ring_release(&c);
            CHECK(rf_ring_room(&p, 1) == 1);
            CHECK(rf_ring_claim(&p, 0, &result) && !rf_ring_claim(&p, 1, &result) && result == RF_RING_FULL);
            w->applied = c.position - w->start;
            CHECK(consume(w, &c, n) == n - 1);
            CHECK(p.position - *w->head < p.lag_max); /* head is never a lap behind */
        }
        rf_ring_settle(&p);
        CHECK(*w->head == p.position && *w->tail == c.position);
    }
    uint64_t *word = (uint64_t *)rf_ring_slot(&c, c.position), good = *word;
    const uint64_t bad[] = {good + 1, good - 1, good + 2 * n, ~(uint64_t)0, 1, 0};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        *word = bad[i];
        CHECK(rf_ring_poll(&c) == (bad[i] == c.position + 1 ? RF_RING_OK : RF_RING_GARBAGE)); /* with capacity 1 the next word is good + 1 */
    }
    *word = good;
    *w->tail = p.position + 1; /* a tail ahead of head, and one that goes back */
    p.remote = p.position - n;
    CHECK(rf_ring_room(&p, 1) == -1 && !rf_ring_claim(&p, 0, &result) && result == RF_RING_GARBAGE);
    CHECK(rf_ring_resume_producer(&p, w->slots, w->head, w->tail, n, SLOT_BYTES) == RF_RING_GARBAGE);
    *w->head = p.position + n + 1;
    *w->tail = c.position;
    CHECK(rf_ring_resume_consumer(&c, w->slots, w->head, w->tail, n, SLOT_BYTES) == RF_RING_GARBAGE);
    printf("edges of %llu slots\n", (unsigned long long)n);
}

/* ---- lives and deaths ---------------------------------------------------------------------------------------------------- */

typedef struct {
    rf_ring_t ring;
    uint64_t steps_to_death, steps, deaths;
    int producer, alive;
} life_t;

static life_t life_of(int producer, uint64_t steps) {
    life_t l;
    memset(&l, 0, sizeof l);
    l.producer = producer;
    l.steps_to_death = steps;
    return l;
}

/* One turn of a side, until it has nothing to do or dies. Returns how many messages moved; a death counts as one. */
static uint64_t turn(world_t *w, life_t *l, uint64_t most) {
    uint64_t moved;
    if (setjmp(death)) {
        steps_to_death = 0;
        l->alive = 0;
        l->deaths++;
        return 1;
    }
    producing = l->producer ? w : NULL;
    steps_done = 0;
    steps_to_death = l->steps_to_death;
    if (!l->alive) {
        if (l->producer) produce_from_here(w, &l->ring);
        else consume_from_here(w, &l->ring);
        l->alive = 1;
    }
    moved = l->producer ? produce(w, &l->ring) : consume(w, &l->ring, most);
    l->steps_to_death = steps_to_death;
    l->steps += steps_done;
    steps_to_death = 0;
    return moved;
}

/* Both sides by turns until all is applied; the successor of a side that died dies `again` steps on, twice. */
static void live(world_t *w, life_t *p, life_t *c, uint64_t again) {
    unsigned idle = 0;
    world_begin(w);
    while (w->applied < w->messages) {
        uint64_t deaths = p->deaths + c->deaths, moved = turn(w, p, 0);
        if (p->deaths + c->deaths > deaths) p->steps_to_death = p->deaths < 3 ? again : 0;
        deaths = p->deaths + c->deaths;
        moved += turn(w, c, 1 + again % 3);
        if (p->deaths + c->deaths > deaths) c->steps_to_death = c->deaths < 3 ? again : 0;
        idle = moved ? 0 : idle + 1;
        CHECK(idle < 3); /* nobody waits for ever */
    }
    CHECK(w->issued == w->messages);
}

static void deaths(world_t *w) {
    life_t p = life_of(1, 0), c = life_of(0, 0);
    uint64_t worlds = 0, both = 0;
    w->messages = 2 * w->capacity + 3;
    live(w, &p, &c, 0);
    const uint64_t steps_of_producer = p.steps, steps_of_consumer = c.steps;
    for (uint64_t i = 0; i <= steps_of_producer; i++) {
        for (uint64_t j = 0; j <= steps_of_consumer; j++) {
            p = life_of(1, i);
            c = life_of(0, j);
            live(w, &p, &c, 1 + (i + j) % 11);
            both += p.deaths && c.deaths; /* a death of one may spare the other its last steps */
            worlds++;
        }
    }
    CHECK(both > w->messages * w->messages && both * 2 > worlds);
    printf("%llu worlds\n", (unsigned long long)worlds);
}

/* ---- two threads ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    world_t *world;
    life_t life;
    uint64_t every, random;
} side_t;

static uint64_t draw(side_t *s) { /* xorshift */
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random;
}

static void *run_side(void *argument) {
    side_t *s = (side_t *)argument;
    world_t *w = s->world;
    while (s->life.producer ? w->issued < w->messages : w->applied < w->messages) {
        if (s->every && !s->life.steps_to_death) s->life.steps_to_death = 1 + draw(s) % (2 * s->every);
        if (turn(w, &s->life, 7) == 0) sched_yield();
        if (!s->life.alive) s->life.steps_to_death = 0;
    }
    return NULL;
}

static void race(world_t *w, uint64_t every) {
    side_t p = {w, life_of(1, 0), every, 88172645463325252}, c = {w, life_of(0, 0), every, 362436069};
    pthread_t producer, consumer;
    world_begin(w);
    CHECK(!pthread_create(&producer, NULL, run_side, &p) && !pthread_create(&consumer, NULL, run_side, &c));
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    CHECK(w->issued == w->messages && w->applied == w->messages);
    CHECK(!every || (p.life.deaths > 10 && c.life.deaths > 10));
    printf("%llu messages\n", (unsigned long long)w->messages);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    world_t w;
    world_open(&w, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (!strcmp(argv[1], "edges")) {
        edges(&w);
    } else if (!strcmp(argv[1], "deaths") && argc == 5) {
        w.batch = strtoull(argv[4], NULL, 10);
        deaths(&w);
    } else if (!strcmp(argv[1], "race") && argc == 6) {
        w.messages = strtoull(argv[4], NULL, 10);
        w.batch = w.capacity < 5 ? w.capacity : 5;
        race(&w, strtoull(argv[5], NULL, 10));
    } else {
        return 2;
    }
    world_close(&w);
    return 0;
}
