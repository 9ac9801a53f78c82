/* What a polling loop does when a turn found nothing. The choice is the instance's `idle` setting.
 *
 *     spin     pause and poll again: lowest latency, one core per process
 *     yield    sched_yield: several polling processes share a core
 *     backoff  spin, then yield, then sleep 1 us, 2 us, 4 us ... up to the cap: a laptop stays cool; the cap bounds the wake-up delay
 *
 * rf_idle(work) with work > 0 starts again from the beginning. Only yield and backoff make system calls, and only on idle turns.
 */
#ifndef RF_IDLE_H
#define RF_IDLE_H
#include <sched.h>
#include <stdint.h>
#include <time.h>

enum rf_idle_kind { RF_IDLE_SPIN = 1, RF_IDLE_YIELD = 2, RF_IDLE_BACKOFF = 3 };
enum { RF_IDLE_SPINS_MAX = 200, RF_IDLE_YIELDS_MAX = 50 };

typedef struct {
    int kind;
    uint32_t turns; /* idle turns in a row */
    uint32_t sleep_ns;
    uint32_t sleep_ns_max;
} rf_idle_t;

static inline void rf_idle_open(rf_idle_t *i, int kind) {
    i->kind = kind;
    i->turns = 0;
    i->sleep_ns = 0;
    i->sleep_ns_max = 200000;
}

static inline void rf_cpu_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#else
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
#endif
}

static inline void rf_idle(rf_idle_t *i, int work) {
    if (work > 0) {
        i->turns = 0;
        i->sleep_ns = 0;
        return;
    }
    if (i->kind == RF_IDLE_SPIN || (i->kind == RF_IDLE_BACKOFF && i->turns < RF_IDLE_SPINS_MAX)) {
        i->turns++;
        rf_cpu_relax();
    } else if (i->kind == RF_IDLE_YIELD || i->turns < RF_IDLE_SPINS_MAX + RF_IDLE_YIELDS_MAX) {
        i->turns++;
        sched_yield();
    } else {
        i->sleep_ns = i->sleep_ns ? i->sleep_ns * 2 : 1000;
        if (i->sleep_ns > i->sleep_ns_max) i->sleep_ns = i->sleep_ns_max;
        struct timespec t = {0, (long)i->sleep_ns};
        nanosleep(&t, 0); /* cut short by a signal: the loop looks at its stop flag then */
    }
}
#endif
