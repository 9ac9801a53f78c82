/* Counters and log-bucket histograms in shared memory. One writer; readers copy at any time without stopping it.
 *
 * Buckets: values below 64 have one each; above, every power of two is split in 32, so a value is known to 1/32. 1376 buckets reach
 * 2^47 ns (39 hours); what is larger counts in the last. Index without a branch on the size: shift = exponent - 5 (at least 0),
 * index = 32 * shift + (value >> shift).
 * Every word is stored relaxed and whole, so readers see old or new values, never torn ones; they count by the buckets, not by `count`.
 */
#ifndef RF_METRICS_H
#define RF_METRICS_H
#include <stdint.h>

#include "records.h"

#define RF_HISTOGRAM_VALUE_MAX ((1ull << 47) - 1)
enum { RF_HISTOGRAM_SUB_BITS = 5, RF_HISTOGRAM_VALUE_BITS = 47, RF_HISTOGRAM_BUCKETS = (47 - 5 + 1) * 32 };

typedef struct {
    rf_histogram_header_t *header;
    uint64_t *buckets;
} rf_histogram_t;

static inline void rf_word_add(uint64_t *word, uint64_t n) {
    __atomic_store_n(word, __atomic_load_n(word, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED); /* one writer: no locked instruction */
}
static inline void rf_counter_add(uint64_t *counter, uint64_t n) { rf_word_add(counter, n); }
static inline void rf_counter_set(uint64_t *counter, uint64_t value) { __atomic_store_n(counter, value, __ATOMIC_RELAXED); }

static inline uint32_t rf_histogram_index(uint64_t value) {
    if (value >> RF_HISTOGRAM_VALUE_BITS) return RF_HISTOGRAM_BUCKETS - 1;
    uint32_t exponent = 63u - (uint32_t)__builtin_clzll(value | 32u);
    uint32_t shift = exponent - RF_HISTOGRAM_SUB_BITS;
    return (shift << RF_HISTOGRAM_SUB_BITS) + (uint32_t)(value >> shift);
}

static inline void rf_histogram_record(rf_histogram_t *h, uint64_t value) {
    rf_histogram_header_t *head = h->header;
    rf_word_add(&h->buckets[rf_histogram_index(value)], 1);
    if (value > head->max) __atomic_store_n(&head->max, value, __ATOMIC_RELAXED);
    if (value < head->min || head->count == 0) __atomic_store_n(&head->min, value, __ATOMIC_RELAXED);
    rf_word_add(&head->sum, value);
    rf_word_add(&head->count, 1);
}

/* Record end - begin: 0 when the clocks of two processes make it negative, and at most what the buckets hold: stamps that are wrong spoil no sum. */
static inline void rf_histogram_record_span(rf_histogram_t *h, uint64_t begin, uint64_t end) {
    uint64_t span = end > begin ? end - begin : 0;
    rf_histogram_record(h, span < RF_HISTOGRAM_VALUE_MAX ? span : RF_HISTOGRAM_VALUE_MAX);
}
#endif
