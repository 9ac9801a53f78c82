/* broadcast.h and market.h driven by plain C; compiled and run by test_broadcast.py.
 *
 *     broadcast_driver deaths CAPACITY MESSAGES        the producer dies before each of its stores in turn; a successor goes on
 *     broadcast_driver killed CAPACITY MESSAGES        the producer is killed behind each of its instructions; a successor goes on
 *     broadcast_driver lapped CAPACITY MESSAGES        a reader is stopped behind each of its instructions while the producer writes MESSAGES more
 *     broadcast_driver race   CAPACITY MESSAGES SLOW   one producer that never waits, three readers, the second SLOW and the third four times as slow
 *     broadcast_driver paced  CAPACITY MESSAGES        one producer that waits for three readers: for ThreadSanitizer
 *
 * Message n travels at position n and carries n in every word. A death is a longjmp out of the code before an atomic store, or, of `killed`, the end of a
 * process that is traced instruction by instruction; the successor has what is in
 * shared memory. Exit 0: what every reader got is whole, in order, at the position that it says, and what it lost is what is missing, to the last one.
 * Exit 77: this host does not let a process trace its child.
 * ThreadSanitizer models neither fences nor copies that are thrown away, so it says nothing of `race`. A producer that is never a lap ahead
 * throws nothing away: there it proves that what a reader takes is ordered behind what was published. With -DBROKEN every store is relaxed, and it must say so.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t steps_to_death; /* 0: no death */
static jmp_buf death;

static void store_comes(void) {
    if (steps_to_death && --steps_to_death == 0) longjmp(death, 1);
}

#ifdef BROKEN
#define __atomic_store_n(place, value, order) __atomic_store_n(place, value, __ATOMIC_RELAXED)
#else
#define __atomic_store_n(place, value, order) (store_comes(), __atomic_store_n(place, value, order))
#endif
#include "market.h"

enum { ROWS = 3, READERS = 3, CANNOT_TRACE = 77 };

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: not %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

/* What processes share: the region, and what a stopped reader says of its turn. */
typedef struct {
    uint64_t head, state, lost;
    volatile uint64_t begun, done; /* of the work of a traced child */
    rf_broadcast_t reader;
    rf_quote_tick_t copy;
    rf_quote_t rows[ROWS];
    rf_quote_tick_t slots[];
} world_t;

static world_t *world;
static uint64_t capacity, messages, world_bytes;

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
    memset(world, 0, world_bytes);
    rf_broadcast_open(&reader, world->slots, &world->head, capacity, 0);
    rf_market_resume(&market, world->slots, &world->head, capacity, world->rows, ROWS);
    steps_to_death = before_store;
    if (setjmp(death)) steps_to_death = 0;
    rf_market_resume(&market, world->slots, &world->head, capacity, world->rows, ROWS);
    for (int i = 0; i < ROWS; i++) CHECK(!(world->rows[i].version & 1) && world->rows[i].position <= market.ring.position);
    while (market.ring.position < messages) {
        rf_quote_tick_t t = tick(market.ring.position), copy;
        CHECK(rf_market_publish(&market, &t) == t.published_ns + 1);
        CHECK(world->rows[t.instrument].position == t.published_ns + 1 && world->rows[t.instrument].bid == t.bid);
        int state = rf_broadcast_take(&reader, &copy, sizeof(copy), &jump);
        CHECK(state == RF_RING_OK || state == RF_BROADCAST_LOST);
        if (state == RF_RING_OK) check(&copy, reader.position - 1);
        else lost += jump;
    }
    steps_to_death = 0;
    CHECK(lost == 0 && world->head == messages);
}

static uint64_t deaths(void) {
    uint64_t worlds = 0;
    for (uint64_t at = 1; at <= messages * 5; at++, worlds++) one_death(at);
    return worlds;
}

/* ---- instruction by instruction ---------------------------------------------------------------------------------- */

/* One instruction of the child; 0: its work is done. */
static int stepped(pid_t child) {
    int status;
    CHECK(!ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) && waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    return !world->done;
}

/* A child that does `work` and is stopped before its first instruction. */
static pid_t traced(void (*work)(void)) {
    int status;
    world->begun = world->done = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) _exit(CANNOT_TRACE);
        raise(SIGSTOP);
        world->begun = 1;
        work();
        world->done = 1;
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) exit(WEXITSTATUS(status));
    while (!world->begun) stepped(child);
    return child;
}

static void ended(pid_t child) {
    int status;
    CHECK(!ptrace(PTRACE_CONT, child, NULL, NULL) && waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status));
}

static void publish_one(void) {
    rf_market_t market;
    rf_quote_tick_t t = tick(messages);
    rf_market_resume(&market, world->slots, &world->head, capacity, world->rows, ROWS);
    rf_market_publish(&market, &t);
}

/* The row of a successor says what the predecessor said before, or what it was about to say, or nothing; never some of each. */
static void check_row(const rf_quote_t *row) {
    int64_t now = (int64_t)messages, before = now - (ROWS - 1), said = row->bid;
    CHECK(!(row->version & 1) && row->instrument == 1 + messages % (ROWS - 1));
    CHECK(said == before || said == now || (said == 0 && row->flags & RF_TICK_STALE));
    CHECK(row->ask == said && row->bid_qty == said && row->ask_qty == said && (int64_t)row->source_ns == said && (int64_t)row->published_ns == said);
}

/* The producer is killed behind each instruction of one more message: a successor in a copy of what it left goes on with another. */
static uint64_t killed(void) {
    world_t *left = world, *copy = malloc(world_bytes);
    rf_market_t market;
    rf_broadcast_t reader;
    uint64_t worlds = 0, lost, first = messages - capacity / 2;
    CHECK(copy && messages >= capacity);
    rf_market_resume(&market, world->slots, &world->head, capacity, world->rows, ROWS);
    for (uint64_t n = 0; n < messages; n++) {
        rf_quote_tick_t t = tick(n);
        CHECK(rf_market_publish(&market, &t) == n + 1);
    }
    pid_t child = traced(publish_one);
    for (; stepped(child); worlds++) {
        memcpy(copy, left, world_bytes);
        world = copy;
        rf_market_resume(&market, world->slots, &world->head, capacity, world->rows, ROWS);
        CHECK(market.ring.position == messages || market.ring.position == messages + 1);
        check_row(&world->rows[1 + messages % (ROWS - 1)]);
        rf_quote_tick_t t = tick(market.ring.position), taken;
        CHECK(rf_market_publish(&market, &t) == t.published_ns + 1);
        rf_broadcast_open(&reader, world->slots, &world->head, capacity, first);
        while (reader.position < market.ring.position) {
            CHECK(rf_broadcast_take(&reader, &taken, sizeof(taken), &lost) == RF_RING_OK);
            check(&taken, reader.position - 1);
        }
        CHECK(rf_broadcast_take(&reader, &taken, sizeof(taken), &lost) == RF_RING_EMPTY && !reader.lost);
        world = left;
    }
    ended(child);
    free(copy);
    return worlds;
}

static void take_one(void) { world->state = (uint64_t)rf_broadcast_take(&world->reader, &world->copy, sizeof(world->copy), &world->lost); }

static void publish_many(rf_market_t *market, uint64_t n) {
    while (n--) {
        rf_quote_tick_t t = tick(market->ring.position);
        CHECK(rf_market_publish(market, &t) == t.published_ns + 1);
    }
}

/* A reader is stopped behind each instruction of a take, `messages` more are published, and it goes on; then it takes all that is there. */
static uint64_t lapped(void) {
    for (uint64_t steps = 0;; steps++) {
        rf_market_t market;
        uint64_t more = steps;
        memset(world, 0, world_bytes);
        rf_market_resume(&market, world->slots, &world->head, capacity, world->rows, ROWS);
        publish_many(&market, capacity + 3);
        rf_broadcast_open(&world->reader, world->slots, &world->head, capacity, 3);
        pid_t child = traced(take_one);
        while (more && stepped(child)) more--;
        publish_many(&market, messages);
        ended(child);
        uint64_t taken = world->state == RF_RING_OK, lost = world->reader.lost, jump;
        CHECK(taken || (world->state == RF_BROADCAST_LOST && lost == world->lost));
        if (taken) check(&world->copy, 3);
        for (;;) {
            int state = rf_broadcast_take(&world->reader, &world->copy, sizeof(world->copy), &jump);
            if (state == RF_RING_EMPTY) break;
            CHECK(state == RF_RING_OK || state == RF_BROADCAST_LOST);
            if (state == RF_RING_OK) check(&world->copy, world->reader.position - 1), taken++;
            else lost += jump;
        }
        CHECK(3 + taken + lost == world->head && world->reader.lost == lost && world->reader.position == world->head);
        if (more) return steps;
    }
}

/* ---- race ------------------------------------------------------------------------------------------------------ */

typedef struct {
    pthread_t thread;
    uint64_t pause, taken, lost;
    uint64_t cursor; /* next position, for a producer that waits */
} reader_t;

static reader_t readers[READERS];
static int waits;

/* Wait until every reader has taken what message n would overwrite. */
static void make_room(uint64_t n) {
    for (int i = 0; waits && i < READERS; i++)
        while (n - __atomic_load_n(&readers[i].cursor, __ATOMIC_ACQUIRE) >= capacity) sched_yield();
}

static void *produce(void *unused) {
    rf_market_t market;
    (void)unused;
    rf_market_resume(&market, world->slots, &world->head, capacity, world->rows, ROWS);
    for (uint64_t n = 0; n < messages; n++) {
        rf_quote_tick_t t = tick(n);
        make_room(n);
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
    rf_broadcast_open(&ring, world->slots, &world->head, capacity, 0);
    while (ring.position < messages) {
        switch (rf_broadcast_take(&ring, &copy, sizeof(copy), &lost)) {
        case RF_RING_OK:
            check(&copy, ring.position - 1);
            r->taken++;
            __atomic_store_n(&r->cursor, ring.position, __ATOMIC_RELEASE);
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
    pthread_t producer;
    readers[1].pause = slow;
    readers[2].pause = 4 * slow;
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
    world_bytes = sizeof(world_t) + capacity * sizeof(rf_quote_tick_t);
    world = mmap(NULL, world_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(world != MAP_FAILED);
    switch (argv[1][0]) {
    case 'd': printf("%llu worlds\n", (unsigned long long)deaths()); break;
    case 'k': printf("%llu worlds\n", (unsigned long long)killed()); break;
    case 'l': printf("%llu worlds\n", (unsigned long long)lapped()); break;
    default:
        waits = argv[1][0] == 'p';
        race(argc > 4 ? strtoull(argv[4], NULL, 10) : 0);
    }
    return 0;
}
