/* A strategy in C, in 30 lines: keeps one bid at the touch. cc -O2 quoter.c -o quoter, after: python -m ringfence.tools.c_header > ringfence.h */
#define _GNU_SOURCE
#include "ringfence.h"

int main(int count, char **words) {
    char error[512];
    rf_join_t *joined = rf_join(count > 1 ? words[1] : "mm1", NULL, error, sizeof error);
    if (!joined) return fprintf(stderr, "%s\n", error), 3;
    rf_runtime_t *r = &joined->runtime;
    uint64_t order = 0, fills = 0, until = rf_runtime_now(r) + 1000000000ull * (count > 2 ? strtoull(words[2], NULL, 10) : 3600), now = 0;
    int64_t px = 0;
    while (now < until && !r->garbage) {
        uint64_t work = 0;
        if (rf_runtime_take_tick(r) == RF_TAKEN_QUOTE && ++work && !(r->tick.flags & RF_TICK_STALE) && r->tick.bid > 0) {
            if (!order) order = rf_runtime_send(r, RF_SIDE_BUY, r->tick.instrument, 1000, r->tick.bid, RF_ORD_TYPE_LIMIT, RF_TIME_IN_FORCE_DAY, 0, 0, 0);
            else if (px != r->tick.bid) rf_runtime_replace(r, order, 1000, r->tick.bid);
            px = r->tick.bid;
        }
        int taken = rf_runtime_take_event(r);
        if (taken == RF_TAKEN_FILL) fills++;
        if (taken >= RF_TAKEN_FILL && taken <= RF_TAKEN_EVENT && rf_event_done(&r->event) && r->event.client_id == order) order = 0;
        work += taken != RF_TAKEN_NOTHING;
        rf_runtime_attend(r, work, &now);
        rf_runtime_idle(r, (int64_t)work);
    }
    rf_runtime_cancel_all(r, 0);
    printf("%llu ticks, %llu events, %llu intents, %llu fills\n", (unsigned long long)r->ticks, (unsigned long long)r->events_taken, (unsigned long long)r->sent, (unsigned long long)fills);
    rf_leave(joined);
    return 0;
}
