/* Ours under the native driver: ring.h between two processes, message built in the slot, read in place.
 * The consumer releases once per 32 messages, or when it has found the ring empty for 64 turns. */
#include "driver.h"
#include "ring.h"

typedef struct {
    uint64_t head[16], tail[16];
    message_t slots[SLOTS];
} __attribute__((aligned(128))) half_t;

typedef struct {
    half_t to, back;
} memory_t;

enum { RELEASE_EVERY = 32, TURNS = 64 };

static rf_ring_t open_ring(half_t *h) {
    rf_ring_t ring;
    rf_ring_open(&ring, h->slots, h->head, h->tail, SLOTS, sizeof(message_t), 0);
    return ring;
}

static inline message_t *claim(rf_ring_t *ring, uint64_t ahead) {
    int result;
    message_t *slot;
    while (!(slot = (message_t *)rf_ring_claim(ring, ahead, &result))) {
        if (result == RF_RING_GARBAGE) _exit(3);
        wait_turn();
    }
    return slot;
}

/* Wait for the next slot: watch its sequence word alone for a while, then look for garbage and give slots back, and watch again. */
static inline void await_slot(rf_ring_t *ring) {
    const uint64_t *word = (const uint64_t *)rf_ring_slot(ring, ring->position), whole = ring->position + 1;
    for (;;) {
        for (int turn = 0; turn < TURNS; turn++) {
            if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == whole) return;
            wait_turn();
        }
        if (rf_ring_poll(ring) == RF_RING_GARBAGE) _exit(3);
        rf_ring_release(ring);
    }
}

static inline void send_one(rf_ring_t *ring, uint64_t n) {
    fill(claim(ring, 0), n);
    rf_ring_publish(ring, 1);
}

static inline void take_one(rf_ring_t *ring, uint64_t n, uint64_t release_every) {
    await_slot(ring);
    check((const message_t *)rf_ring_front(ring), n);
    rf_ring_advance(ring);
    if (ring->pending >= release_every) rf_ring_release(ring);
}

static void producer(void *memory, uint64_t count, uint64_t batch) {
    rf_ring_t ring = open_ring(&((memory_t *)memory)->to);
    if (batch == 1) {
        for (uint64_t n = 0; n < count; n++) send_one(&ring, n);
        return;
    }
    for (uint64_t n = 0; n < count; n += batch) {
        for (uint64_t i = 0; i < batch; i++) fill(claim(&ring, i), n + i);
        rf_ring_publish(&ring, batch);
    }
}

static void consumer(void *memory, uint64_t count, uint64_t batch) {
    (void)batch;
    rf_ring_t ring = open_ring(&((memory_t *)memory)->to);
    for (uint64_t n = 0; n < count; n++) take_one(&ring, n, RELEASE_EVERY);
    rf_ring_release(&ring);
}

static void ping(void *memory, uint64_t count, uint64_t batch) {
    (void)batch;
    rf_ring_t out = open_ring(&((memory_t *)memory)->to), in = open_ring(&((memory_t *)memory)->back);
    for (uint64_t n = 0; n < count; n++) {
        send_one(&out, n);
        take_one(&in, n, RELEASE_EVERY);
    }
}

static void pong(void *memory, uint64_t count, uint64_t batch) {
    (void)batch;
    rf_ring_t in = open_ring(&((memory_t *)memory)->to), out = open_ring(&((memory_t *)memory)->back);
    for (uint64_t n = 0; n < count; n++) {
        take_one(&in, n, RELEASE_EVERY);
        send_one(&out, n);
    }
}

int main(int argc, char **argv) { return run_driver(argc, argv, shared_memory(sizeof(memory_t)), producer, consumer, ping, pong); }
