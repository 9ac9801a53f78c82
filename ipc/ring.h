/* Single-producer single-consumer ring over shared memory. Shared by Cython, the native header and the ThreadSanitizer driver.
 *
 *      producer's memory                              consumer's memory
 *      ┌──────────────┬───────┬───────┬───────┐       ┌──────────────┐
 *      │ head         │ slot 0│ slot 1│  ...  │       │ tail         │      each cursor alone on 128 bytes
 *      └──────────────┴───────┴───────┴───────┘       └──────────────┘
 *
 * Who writes what: the producer writes slots and head, the consumer writes tail. The two live in different segments, so
 * that neither side can map the other's cursor writable. Positions count from 0 and never wrap (2^64). The first word of
 * the slot for position p is its sequence word: p + 1 once the slot is whole (stored last, release), p + 1 - capacity or
 * (first lap only) 0 before that. Every other value is garbage.
 *
 * Why a word in the slot and not only head: the consumer then touches one cache line per 64-byte message, which is the
 * ping-pong floor. head is for observers and for re-attach, so it may lag: it is stored once in 8 publishes, and by rf_ring_settle on an
 * idle turn; the exact position is found by walking the sequence words on from it (rf_ring_walk; never more than a lap behind). Storing it every time costs 40 %
 * of the throughput (bench/native/ours_ring.c), because stores that alternate between lines do not merge.
 * Rejected: head/tail only (one more line transfer a message), seq_cst stores (an mfence each), prefetchw, non-temporal stores.
 *
 * Bounds: claim and take are O(1); nothing here blocks, allocates, logs or makes a system call.
 * Failure: a cursor or sequence word that cannot be is RF_RING_GARBAGE; the owner quarantines the ring. rf_ring_t is private
 * to a process and never shared: geometry (slots, capacity, slot size) comes from the creator, not from the shared bytes.
 */
#ifndef RF_RING_H
#define RF_RING_H
#include <stdint.h>
#include <string.h>

enum rf_ring_result { RF_RING_OK = 1, RF_RING_EMPTY = 2, RF_RING_FULL = 3, RF_RING_GARBAGE = 4 };

typedef struct {
    unsigned char *slots;
    uint64_t *head;      /* producer's; NULL where the consumer may not trust or see it */
    uint64_t *tail;      /* consumer's */
    uint64_t mask;       /* capacity - 1 */
    uint64_t slot_bytes; /* multiple of 64 */
    uint64_t position;   /* own next position */
    uint64_t remote;     /* producer: last tail seen; spares the transfer of its line while there is room */
    uint64_t pending;    /* consumer: taken, not yet released to the producer */
    uint64_t settled;    /* producer: value of *head */
    uint64_t lag_max;    /* producer: head is stored when it lags this much; at most capacity, or the walk would miss overwritten slots */
} rf_ring_t;

enum { RF_RING_HEAD_LAG_MAX = 8 };

static inline void rf_ring_open(rf_ring_t *r, void *slots, uint64_t *head, uint64_t *tail, uint64_t capacity, uint64_t slot_bytes, uint64_t position) {
    r->slots = (unsigned char *)slots;
    r->head = head;
    r->tail = tail;
    r->mask = capacity - 1;
    r->slot_bytes = slot_bytes;
    r->position = position;
    r->remote = position > capacity ? position - capacity : 0; /* full until the first look at tail */
    r->pending = 0;
    r->settled = position;
    r->lag_max = RF_RING_HEAD_LAG_MAX;
    if (capacity < r->lag_max) r->lag_max = capacity;
}

static inline unsigned char *rf_ring_slot(const rf_ring_t *r, uint64_t position) { return r->slots + (position & r->mask) * r->slot_bytes; }

/* ---- producer -------------------------------------------------------------------------------------------------- */

/* Free slots, from the cached tail while that shows at least `want`. Garbage in tail: -1. */
static inline int64_t rf_ring_room(rf_ring_t *r, uint64_t want) {
    uint64_t capacity = r->mask + 1, free_slots = capacity - (r->position - r->remote);
    if (free_slots >= want) return (int64_t)free_slots;
    uint64_t tail = __atomic_load_n(r->tail, __ATOMIC_ACQUIRE);
    if (r->position - tail > capacity || tail < r->remote) return -1;
    r->remote = tail;
    return (int64_t)(capacity - (r->position - tail));
}

/* Slot to fill `ahead` places after the next one (0 for the next), or NULL with *result FULL or GARBAGE.
 * The caller fills everything but the first word, then publishes. */
static inline void *rf_ring_claim(rf_ring_t *r, uint64_t ahead, int *result) {
    int64_t room = rf_ring_room(r, ahead + 1);
    if (__builtin_expect(room <= (int64_t)ahead, 0)) {
        *result = room < 0 ? RF_RING_GARBAGE : RF_RING_FULL;
        return NULL;
    }
    *result = RF_RING_OK;
    return rf_ring_slot(r, r->position + ahead);
}

/* Make head exact; for idle turns and slow paths. */
static inline void rf_ring_settle(rf_ring_t *r) {
    if (r->settled == r->position) return;
    r->settled = r->position;
    __atomic_store_n(r->head, r->position, __ATOMIC_RELEASE);
}

/* Publish `n` claimed slots, in order. Head is looked at after each: a batch that ran more than a lap ahead of it would overwrite the slots that
 * the walk of a successor starts from. */
static inline void rf_ring_publish(rf_ring_t *r, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) {
        uint64_t p = r->position++;
        __atomic_store_n((uint64_t *)rf_ring_slot(r, p), p + 1, __ATOMIC_RELEASE);
        if (r->position - r->settled >= r->lag_max) rf_ring_settle(r);
    }
}

/* ---- consumer -------------------------------------------------------------------------------------------------- */

/* State of the next slot: OK (whole), EMPTY or GARBAGE. */
static inline int rf_ring_poll(const rf_ring_t *r) {
    uint64_t word = __atomic_load_n((uint64_t *)rf_ring_slot(r, r->position), __ATOMIC_ACQUIRE);
    if (word == r->position + 1) return RF_RING_OK;
    uint64_t before = r->position > r->mask ? r->position - r->mask : 0; /* the word of one lap ago */
    return word == before ? RF_RING_EMPTY : RF_RING_GARBAGE;
}

/* The next slot in place: valid only when poll said OK, until it is released, and only where the producer is trusted. */
static inline const void *rf_ring_front(const rf_ring_t *r) { return rf_ring_slot(r, r->position); }

/* Step over the front slot; the producer sees the room at the next release. */
static inline void rf_ring_advance(rf_ring_t *r) {
    r->position++;
    r->pending++;
}

/* Give the stepped-over slots back to the producer. */
static inline void rf_ring_release(rf_ring_t *r) {
    if (r->pending) {
        __atomic_store_n(r->tail, r->position, __ATOMIC_RELEASE);
        r->pending = 0;
    }
}

/* Copy the next slot once (n bytes, first word included) and step over it; the copy is what the caller validates. */
static inline int rf_ring_take(rf_ring_t *r, void *copy, uint64_t n) {
    int state = rf_ring_poll(r);
    if (state != RF_RING_OK) return state;
    memcpy(copy, rf_ring_slot(r, r->position), n);
    rf_ring_advance(r);
    return RF_RING_OK;
}

/* ---- after a death ---------------------------------------------------------------------------------------------- */

/* First position at or after this one that is not published, at most one lap on. */
static inline uint64_t rf_ring_walk(const rf_ring_t *r, uint64_t position) {
    for (uint64_t n = 0; n <= r->mask; n++) {
        if (__atomic_load_n((uint64_t *)rf_ring_slot(r, position), __ATOMIC_ACQUIRE) != position + 1) break;
        position++;
    }
    return position;
}

/* Go on as the producer of a ring whose producer is gone: after its last whole slot. GARBAGE: head and tail are of different lives. */
static inline int rf_ring_resume_producer(rf_ring_t *r, void *slots, uint64_t *head, uint64_t *tail, uint64_t capacity, uint64_t slot_bytes) {
    rf_ring_open(r, slots, head, tail, capacity, slot_bytes, *head);
    uint64_t position = rf_ring_walk(r, *head);
    rf_ring_open(r, slots, head, tail, capacity, slot_bytes, position);
    __atomic_store_n(head, position, __ATOMIC_RELEASE);
    return position - __atomic_load_n(tail, __ATOMIC_ACQUIRE) <= capacity ? RF_RING_OK : RF_RING_GARBAGE;
}

/* Go on as the consumer, whose successor continues at tail, while the producer may run. Without a head (an untrusted producer's) nothing is compared. */
static inline int rf_ring_resume_consumer(rf_ring_t *r, void *slots, uint64_t *head, uint64_t *tail, uint64_t capacity, uint64_t slot_bytes) {
    uint64_t position = *tail;
    rf_ring_open(r, slots, head, tail, capacity, slot_bytes, position);
    if (!head) return RF_RING_OK;
    uint64_t published = __atomic_load_n(head, __ATOMIC_ACQUIRE); /* before the walk, which then is not behind it */
    if (published > rf_ring_walk(r, position)) return RF_RING_GARBAGE;
    if (position) {
        uint64_t last = __atomic_load_n((uint64_t *)rf_ring_slot(r, position - 1), __ATOMIC_ACQUIRE);
        if (last != position && last != position + capacity) return RF_RING_GARBAGE;
    }
    return rf_ring_poll(r) == RF_RING_GARBAGE ? RF_RING_GARBAGE : RF_RING_OK;
}

/* The consumer's own record says that it has taken everything before `position`, which is ahead of tail: go on there, and give the room back. */
static inline void rf_ring_skip_to(rf_ring_t *r, uint64_t position) {
    r->position = position;
    r->pending = 1;
}
#endif
