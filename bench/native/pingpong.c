/* The floor: one cache line goes back and forth between two cores. No queue can be faster than this.
 * BATCH 1 bounces one word; BATCH 2 fills and verifies the whole 64 bytes of the line each way, which is what a message needs; BATCH 3 does that with a line
 * for each direction, as any pair of queues has: a writer then has no line that it has just read, and must take it from the reader that polls it. */
#include "driver.h"

static inline void put(message_t *line, uint64_t n, uint64_t word, uint64_t batch) {
    if (batch > 1) fill(line, n);
    __atomic_store_n(&line->words[0], word, __ATOMIC_RELEASE);
}

static inline void get(const message_t *line, uint64_t n, uint64_t word, uint64_t batch) {
    while (__atomic_load_n(&line->words[0], __ATOMIC_ACQUIRE) != word) wait_turn();
    if (batch > 1) check(line, n);
}

enum { APART = 4 }; /* lines between the two, so that no prefetcher takes them for one */

static void ping(void *memory, uint64_t count, uint64_t batch) {
    message_t *there = (message_t *)memory, *back = there + (batch > 2 ? APART : 0);
    for (uint64_t n = 0; n < count; n++) {
        put(there, n, 2 * n + 1, batch);
        get(back, n, 2 * n + 2, batch);
    }
}

static void pong(void *memory, uint64_t count, uint64_t batch) {
    message_t *there = (message_t *)memory, *back = there + (batch > 2 ? APART : 0);
    for (uint64_t n = 0; n < count; n++) {
        get(there, n, 2 * n + 1, batch);
        put(back, n, 2 * n + 2, batch);
    }
}

int main(int argc, char **argv) { return run_driver(argc, argv, shared_memory(4096), NULL, NULL, ping, pong); }
