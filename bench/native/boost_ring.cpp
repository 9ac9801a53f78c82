// Boost.Lockfree's spsc_queue under the native driver: fixed capacity, so that it may live in shared memory.
// BATCH 1 uses push(value) and pop(value); a larger one its range calls, which move its indices once per batch.
#include "driver.h"

#include <boost/lockfree/spsc_queue.hpp>
#include <new>

using queue_t = boost::lockfree::spsc_queue<message_t, boost::lockfree::capacity<SLOTS>>;

struct alignas(128) memory_t {
    queue_t to;
    alignas(128) queue_t back;
};

static inline void send_one(queue_t &queue, uint64_t n) {
    message_t m;
    m.words[0] = n + 1;
    fill(&m, n);
    while (!queue.push(m)) wait_turn();
}

static inline void take_one(queue_t &queue, uint64_t n) {
    message_t m;
    while (!queue.pop(m)) wait_turn();
    check(&m, n);
}

static void producer(void *memory, uint64_t count, uint64_t batch) {
    queue_t &queue = static_cast<memory_t *>(memory)->to;
    if (batch == 1) {
        for (uint64_t n = 0; n < count; n++) send_one(queue, n);
        return;
    }
    message_t block[BATCH_MAX];
    for (uint64_t n = 0; n < count; n += batch) {
        for (uint64_t i = 0; i < batch; i++) {
            block[i].words[0] = n + i + 1;
            fill(&block[i], n + i);
        }
        for (uint64_t sent = 0; sent < batch; wait_turn()) sent += queue.push(block + sent, batch - sent);
    }
}

static void consumer(void *memory, uint64_t count, uint64_t batch) {
    queue_t &queue = static_cast<memory_t *>(memory)->to;
    if (batch == 1) {
        for (uint64_t n = 0; n < count; n++) take_one(queue, n);
        return;
    }
    message_t block[BATCH_MAX];
    for (uint64_t n = 0; n < count;) {
        uint64_t taken = queue.pop(block, batch);
        for (uint64_t i = 0; i < taken; i++) check(&block[i], n + i);
        n += taken;
        if (!taken) wait_turn();
    }
}

static void ping(void *memory, uint64_t count, uint64_t) {
    memory_t *both = static_cast<memory_t *>(memory);
    for (uint64_t n = 0; n < count; n++) {
        send_one(both->to, n);
        take_one(both->back, n);
    }
}

static void pong(void *memory, uint64_t count, uint64_t) {
    memory_t *both = static_cast<memory_t *>(memory);
    for (uint64_t n = 0; n < count; n++) {
        take_one(both->to, n);
        send_one(both->back, n);
    }
}

int main(int argc, char **argv) {
    memory_t *memory = new (shared_memory(sizeof(memory_t))) memory_t;
    return run_driver(argc, argv, memory, producer, consumer, ping, pong);
}
