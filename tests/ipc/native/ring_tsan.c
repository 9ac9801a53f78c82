/* Two threads race over ring.h; built with -fsanitize=thread by test_ring_native.py, and once more as C++.
 *
 *     ring_tsan CAPACITY MESSAGES START
 *
 * Positions begin at START, so that laps cross 2^32 and 2^63. The producer sends in batches of 1 to 5, the consumer verifies every word of every
 * message and releases now and then. Exit 0: all arrived whole and in order. ThreadSanitizer adds its own verdict.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "idle.h"
#include "ring.h"
#include "seqlock.h"

enum { WORDS = 8 };

typedef struct {
    unsigned char *slots;
    uint64_t head, tail, capacity, messages, start;
    int failed;
} race_t;

static void *produce(void *argument) {
    race_t *r = (race_t *)argument;
    rf_ring_t ring;
    rf_ring_open(&ring, r->slots, &r->head, &r->tail, r->capacity, WORDS * 8, r->start);
    uint64_t sent = 0;
    while (sent < r->messages) {
        uint64_t batch = 1 + sent % 5, filled = 0;
        int result = RF_RING_OK;
        for (; filled < batch && sent + filled < r->messages; filled++) {
            uint64_t *slot = (uint64_t *)rf_ring_claim(&ring, filled, &result);
            if (!slot) break;
            for (uint64_t i = 1; i < WORDS; i++) slot[i] = (sent + filled) * 31 + i;
        }
        if (result == RF_RING_GARBAGE) {
            r->failed = 1;
            return NULL;
        }
        if (filled == 0) sched_yield();
        rf_ring_publish(&ring, filled);
        sent += filled;
    }
    rf_ring_settle(&ring);
    return NULL;
}

static void *consume(void *argument) {
    race_t *r = (race_t *)argument;
    rf_ring_t ring;
    rf_ring_open(&ring, r->slots, &r->head, &r->tail, r->capacity, WORDS * 8, r->start);
    for (uint64_t n = 0; n < r->messages;) {
        uint64_t copy[WORDS];
        int state = rf_ring_take(&ring, copy, sizeof copy);
        if (state == RF_RING_EMPTY) {
            rf_ring_release(&ring);
            sched_yield();
            continue;
        }
        uint64_t wrong = state == RF_RING_GARBAGE || copy[0] != r->start + n + 1;
        for (uint64_t i = 1; i < WORDS; i++) wrong |= copy[i] != n * 31 + i;
        if (wrong) {
            fprintf(stderr, "message %llu: state %d, word %llu\n", (unsigned long long)n, state, (unsigned long long)copy[0]);
            exit(1);
        }
        if (++n % 7 == 0) rf_ring_release(&ring);
    }
    rf_ring_release(&ring);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    race_t r;
    memset(&r, 0, sizeof r);
    r.capacity = strtoull(argv[1], NULL, 10);
    r.messages = strtoull(argv[2], NULL, 10);
    r.start = strtoull(argv[3], NULL, 10);
    r.head = r.tail = r.start;
    r.slots = (unsigned char *)calloc(r.capacity, WORDS * 8);
    for (uint64_t p = r.start; r.start && p < r.start + r.capacity; p++) { /* what the lap before START left */
        uint64_t word = p + 1 - r.capacity;
        memcpy(r.slots + (p & (r.capacity - 1)) * WORDS * 8, &word, sizeof word);
    }
    pthread_t producer, consumer;
    if (pthread_create(&producer, NULL, produce, &r) || pthread_create(&consumer, NULL, consume, &r)) return 2;
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    free(r.slots);
    if (r.failed || r.head != r.start + r.messages || r.tail != r.head) return 1;
    printf("%llu messages\n", (unsigned long long)r.messages);
    return 0;
}
