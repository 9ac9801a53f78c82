/* Single-producer many-reader broadcast ring over shared memory: market data. Readers never write, so a slow one costs nobody anything.
 *
 *      producer's memory, read-only for all others
 *      ┌──────────────┬───────┬───────┬───────┐
 *      │ head         │ slot 0│ slot 1│  ...  │      64-byte slots, each starting with its sequence word
 *      └──────────────┴───────┴───────┴───────┘
 *
 * Positions count from 0 and never wrap (2^63). The sequence word of the slot for position p is p + 1 once the slot is whole, (p + 1) | BUSY while
 * it is being written, and p + 1 - capacity (or 0 in the first lap) before. The producer never waits: a reader that is more than a lap behind finds a higher
 * word, goes on at the oldest slot that will stay for a while, and knows exactly how many it lost: the distance that it jumped.
 * A slot is copied between two looks at its word, as under a sequence lock: a copy that the producer overran is thrown away, never used.
 *
 * Every reader touches one cache line a message; head is for late joiners, readers that lost slots and observers and is stored with each slot, on a line of its own.
 * Rejected: a cursor for each reader (the producer would wait, or fetch their lines), a lossy jump to the newest slot (it would lose up to a lap more).
 *
 * Bounds: claim, publish and take are O(1), nothing here blocks, allocates or makes a system call. Failure: a word that cannot be is GARBAGE; the
 * reader stops reading. rf_broadcast_t is private to a process; geometry comes from the creator's section directory, not from the slots.
 */
#ifndef RF_BROADCAST_H
#define RF_BROADCAST_H
#include <stdint.h>
#include <string.h>

#include "ring.h"

#define RF_BROADCAST_BUSY 0x8000000000000000ull

enum { RF_BROADCAST_LOST = 5, RF_BROADCAST_SLOT_BYTES = 64 }; /* LOST follows enum rf_ring_result */

typedef struct {
    unsigned char *slots;
    uint64_t *head;    /* the producer's: slots published */
    uint64_t mask;     /* capacity - 1 */
    uint64_t position; /* own next position */
    uint64_t lost;     /* reader: slots lost so far */
} rf_broadcast_t;

static inline void rf_broadcast_open(rf_broadcast_t *b, void *slots, uint64_t *head, uint64_t capacity, uint64_t position) {
    b->slots = (unsigned char *)slots;
    b->head = head;
    b->mask = capacity - 1;
    b->position = position;
    b->lost = 0;
}

static inline uint64_t *rf_broadcast_slot(const rf_broadcast_t *b, uint64_t position) {
    return (uint64_t *)(b->slots + (position & b->mask) * RF_BROADCAST_SLOT_BYTES);
}

/* ---- producer -------------------------------------------------------------------------------------------------- */

/* The next slot, marked busy before any byte of it changes. The caller fills everything but the first word, then publishes. */
static inline void *rf_broadcast_claim(rf_broadcast_t *b) {
    uint64_t *slot = rf_broadcast_slot(b, b->position);
    __atomic_store_n(slot, (b->position + 1) | RF_BROADCAST_BUSY, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    return slot;
}

static inline void rf_broadcast_publish(rf_broadcast_t *b) {
    uint64_t p = b->position++;
    __atomic_store_n(rf_broadcast_slot(b, p), p + 1, __ATOMIC_RELEASE);
    __atomic_store_n(b->head, p + 1, __ATOMIC_RELEASE);
}

/* Go on as the producer after a death: behind head, and behind a slot that was whole but not yet in head. A slot that was busy is written anew. */
static inline void rf_broadcast_resume(rf_broadcast_t *b, void *slots, uint64_t *head, uint64_t capacity) {
    rf_broadcast_open(b, slots, head, capacity, *head);
    if (*rf_broadcast_slot(b, b->position) == b->position + 1) b->position++;
    __atomic_store_n(head, b->position, __ATOMIC_RELEASE);
}

/* ---- reader ---------------------------------------------------------------------------------------------------- */

/* Copy the next slot (n bytes, at most 64, first word included) and step over it. OK; EMPTY: nothing new; LOST: the copy is not valid, *lost slots were
 * overwritten before they were read, the next take goes on behind them; GARBAGE. */
static inline int rf_broadcast_take(rf_broadcast_t *b, void *copy, uint64_t n, uint64_t *lost) {
    uint64_t *slot = rf_broadcast_slot(b, b->position);
    uint64_t word = __atomic_load_n(slot, __ATOMIC_ACQUIRE), due = b->position + 1;
    if (__builtin_expect(word == due, 1)) {
        memcpy(copy, slot, n);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        word = __atomic_load_n(slot, __ATOMIC_RELAXED);
        if (__builtin_expect(word == due, 1)) {
            b->position++;
            return RF_RING_OK;
        }
    }
    uint64_t at = word & ~RF_BROADCAST_BUSY;
    if (at <= due) { /* of a lap ago, or this one half written */
        uint64_t before = b->position > b->mask ? b->position - b->mask : 0;
        return at == before || (at == due && word != due) ? RF_RING_EMPTY : RF_RING_GARBAGE;
    }
    if ((at - due) & b->mask) return RF_RING_GARBAGE; /* a word of another slot */
    /* A lap or more behind. A quarter of the ring stays ahead of the producer, so that the next take is not overrun at once. Where the producer is
     * says head, up to a lap ahead of the word found here; a head that does not fit the word is not believed. */
    uint64_t newest = at - 1, head = __atomic_load_n(b->head, __ATOMIC_ACQUIRE);
    if (head - newest <= b->mask + 1) newest = head;
    uint64_t oldest = newest > b->mask ? newest - b->mask : 0;
    uint64_t next = oldest + ((b->mask + 1) >> 2);
    *lost = next - b->position;
    b->lost += *lost;
    b->position = next;
    return RF_BROADCAST_LOST;
}

/* Where a late joiner begins: the next slot to be published. */
static inline uint64_t rf_broadcast_newest(const uint64_t *head) { return __atomic_load_n(head, __ATOMIC_ACQUIRE); }
#endif
