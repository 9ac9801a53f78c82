/* Time in nanoseconds of CLOCK_REALTIME, from the CPU's own counter where that can be trusted.
 *
 *     ns = base_ns + ((counter - base_tsc) * mult >> shift)        the product in 128 bits
 *
 * The counter is the TSC (x86-64 with constant_tsc and nonstop_tsc) or CNTVCT_EL0 (aarch64, constant by architecture); anything else
 * reads clock_gettime. rf_clock_t is private to one thread: it remembers the last answer and never goes below it, so that
 * a recalibration, a step of the wall clock or a counter that is behind on another socket stalls time and never turns it back.
 * No lfence: an error of a few ns against a pipeline drain per stamp.
 */
#ifndef RF_CLOCK_H
#define RF_CLOCK_H
#include <stdint.h>
#include <time.h>

enum rf_clock_kind { RF_CLOCK_TSC = 1, RF_CLOCK_GETTIME = 2 };

typedef struct {
    uint64_t base_tsc;
    uint64_t base_ns;
    uint64_t mult;
    uint64_t last; /* last answer */
    uint32_t shift;
    uint32_t source; /* rf_clock_kind */
} rf_clock_t;

#if defined(__x86_64__)
#define RF_CLOCK_HAS_COUNTER 1
static inline uint64_t rf_clock_counter(void) { return __builtin_ia32_rdtsc(); }
#elif defined(__aarch64__)
#define RF_CLOCK_HAS_COUNTER 1
static inline uint64_t rf_clock_counter(void) {
    uint64_t v;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
    return v;
}
#else
#define RF_CLOCK_HAS_COUNTER 0
static inline uint64_t rf_clock_counter(void) { return 0; }
#endif

static inline uint64_t rf_clock_system(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What the counter says, without the floor of the last answer. */
static inline uint64_t rf_clock_convert(const rf_clock_t *c, uint64_t counter) {
    uint64_t ticks = counter > c->base_tsc ? counter - c->base_tsc : 0;
    return c->base_ns + (uint64_t)(((unsigned __int128)ticks * c->mult) >> c->shift);
}

static inline uint64_t rf_clock_now(rf_clock_t *c) {
    uint64_t now = c->source == RF_CLOCK_TSC ? rf_clock_convert(c, rf_clock_counter()) : rf_clock_system(CLOCK_REALTIME);
    if (now < c->last) return c->last;
    c->last = now;
    return now;
}

/* A counter value and the system clock's at the same moment: the tightest of `tries`. *width is the counter's advance around it. */
static inline void rf_clock_sample(clockid_t id, int tries, uint64_t *counter, uint64_t *ns, uint64_t *width) {
    *counter = *ns = 0;
    *width = UINT64_MAX;
    while (tries--) {
        uint64_t before = rf_clock_counter(), at = rf_clock_system(id), after = rf_clock_counter();
        if (after - before < *width) {
            *width = after - before;
            *counter = before + (after - before) / 2;
            *ns = at;
        }
    }
}
#endif
