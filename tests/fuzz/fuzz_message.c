/* Coverage-guided target: a body of a message through the codec and the validator of both versions.
 *
 * LLVMFuzzerTestOneInput is libFuzzer's entry (clang -fsanitize=fuzzer). With gcc (-fsanitize-coverage=trace-pc) the main below guides itself: an input
 * that reaches a new edge, or an edge clearly more often, is kept and mutated further. The input is what stands between BodyLength(9) and CheckSum(10);
 * both are made right, so that it goes deep. RF_FIX_TABLES names the two blocks of tables, separated by ':' (tables.py writes them).
 *
 * fuzz_message SECONDS|COUNTx SEED CORPUS: prints executions, edges met, inputs kept, and messages that were whole, and valid in either version.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "validation.h"

enum { INPUT_MAX = 2048, INPUTS_MAX = 8192, EDGES = 1 << 16 };

static const rf_fix_dictionary_t *rules[2];
static uint64_t whole, valid;

#define UNTRACED __attribute__((no_sanitize_coverage))

static void *contents(const char *path, size_t *n) {
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = NULL;
    size_t room = 0, got;
    *n = 0;
    if (!file) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    do {
        if (*n == room) bytes = realloc(bytes, room = room ? 2 * room : 65536);
        if (!bytes) exit(2);
        got = fread(bytes + *n, 1, room - *n, file);
        *n += got;
    } while (got);
    fclose(file);
    bytes = realloc(bytes, *n ? *n : 1); /* one byte read too far is seen */
    if (!bytes) exit(2);
    return bytes;
}

int LLVMFuzzerTestOneInput(const unsigned char *body, size_t n) {
    static rf_fix_message_t m;
    rf_fix_fault_t fault;
    char front[32], back[8];
    size_t size;
    if (!rules[0]) {
        char *paths = getenv("RF_FIX_TABLES"), *second = paths ? strchr(paths, ':') : NULL;
        if (!second) {
            fprintf(stderr, "RF_FIX_TABLES must name two files of tables: FIRST:SECOND\n");
            exit(2);
        }
        *second = 0;
        rules[0] = contents(paths, &size);
        rules[1] = contents(second + 1, &size);
    }
    if (n > INPUT_MAX) return 0;
    size_t head = (size_t)snprintf(front, sizeof front, "8=FIX.4.2%c9=%zu%c", RF_FIX_SOH, n, RF_FIX_SOH), total = head + n + 7;
    unsigned char *message = malloc(total); /* of exactly its size: one byte read too far is seen */
    if (!message) exit(2);
    memcpy(message, front, head);
    memcpy(message + head, body, n);
    snprintf(back, sizeof back, "10=%03u%c", rf_fix_checksum(message, head + n) & 255u, RF_FIX_SOH);
    memcpy(message + head + n, back, 7);
    if (rf_fix_parse(message, total, &m, &size) == RF_FIX_OK) {
        int fine = 0;
        for (int i = 0; i < 2; i++) fine |= rf_fix_validate(rules[i], RF_FIX_CHECK_ALL, &m, &fault);
        whole++;
        valid += (uint64_t)fine;
    }
    if (size > total) abort();
    free(message);
    return 0;
}

#ifndef RF_LIBFUZZER
typedef struct {
    size_t n;
    unsigned char bytes[INPUT_MAX];
} input_t;

static input_t *inputs;
static uint32_t input_count, edge_count;
static uint8_t hits[EDGES], met[EDGES]; /* of this input; the classes of counts met so far, one bit each */
static uint32_t touched[EDGES], touched_count;
static uintptr_t last;
static uint64_t state;

/* The compiler calls this at every edge. */
UNTRACED void __sanitizer_cov_trace_pc(void) {
    uintptr_t pc = (uintptr_t)__builtin_return_address(0) - (uintptr_t)&LLVMFuzzerTestOneInput; /* the same wherever the program is loaded */
    uint32_t edge = (uint32_t)((pc ^ last << 1) * 0x9E3779B1u) >> 16;
    last = pc;
    if (!hits[edge]) touched[touched_count++] = edge;
    if (hits[edge] < 255) hits[edge]++;
}

UNTRACED static uint32_t below(uint32_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16) % n;
}

/* Whether the last input met something new: an edge, or a class (1, 2, 3, 4-7, 8-15 ...) of how often. */
UNTRACED static int is_new(void) {
    int found = 0;
    for (uint32_t i = 0; i < touched_count; i++) {
        uint32_t edge = touched[i], n = hits[edge], class = n < 4 ? n - 1 : 1u + (31u - (uint32_t)__builtin_clz(n));
        uint8_t bit = (uint8_t)(1u << (class > 7 ? 7 : class));
        if (!met[edge]) edge_count++;
        if (!(met[edge] & bit)) found = 1;
        met[edge] |= bit;
        hits[edge] = 0;
    }
    touched_count = 0;
    return found;
}

UNTRACED static void mutate(input_t *in) {
    static const char likely[] = "0123456789=\1\1.-8:YN w";
    for (uint32_t k = 1 + below(5); k; k--) {
        const input_t *other = &inputs[below(input_count)];
        size_t at = in->n ? below((uint32_t)in->n) : 0, left = in->n - at, n = 1 + below(24), from = other->n ? below((uint32_t)other->n) : 0;
        switch (below(5)) {
        case 0:
            if (in->n) in->bytes[at] = (unsigned char)below(256);
            break;
        case 1:
            if (in->n) in->bytes[at] = (unsigned char)likely[below(sizeof likely - 1)];
            break;
        case 2:
            if (n > left) n = left;
            memmove(in->bytes + at, in->bytes + at + n, left - n);
            in->n -= n;
            break;
        default: /* a piece of another input */
            if (n > other->n - from) n = other->n - from;
            if (in->n + n > INPUT_MAX) break;
            memmove(in->bytes + at + n, in->bytes + at, left);
            memcpy(in->bytes + at, other->bytes + from, n);
            in->n += n;
        }
    }
}

UNTRACED static void try_input(const input_t *in) {
    last = 0;
    LLVMFuzzerTestOneInput(in->bytes, in->n);
    if (is_new() && input_count < INPUTS_MAX) inputs[input_count++] = *in;
}

UNTRACED int main(int argc, char **argv) {
    static input_t in;
    size_t n;
    if (argc != 4) return 2;
    char *unit;
    uint64_t limit = strtoull(argv[1], &unit, 10), done = 0;
    time_t end = *unit == 'x' ? 0 : time(NULL) + (time_t)limit;
    state = strtoull(argv[2], NULL, 10) | 1;
    inputs = calloc(INPUTS_MAX, sizeof *inputs);
    unsigned char *corpus = contents(argv[3], &n);
    if (!inputs) return 2;
    for (size_t i = 0, comment = 0; i < n; i++) {
        if (!in.n && corpus[i] == '#') comment = 1;
        if (corpus[i] != '\n') {
            if (!comment && in.n < INPUT_MAX) in.bytes[in.n++] = corpus[i] == '|' ? RF_FIX_SOH : corpus[i];
            continue;
        }
        if (in.n) try_input(&in), done++;
        in.n = comment = 0;
    }
    free(corpus);
    while (input_count && (end ? done % 1024 || time(NULL) < end : done < limit)) {
        in = inputs[below(input_count)];
        mutate(&in);
        try_input(&in);
        done++;
    }
    printf("%llu %u %u %llu %llu\n", (unsigned long long)done, edge_count, input_count, (unsigned long long)whole, (unsigned long long)valid);
    return input_count ? 0 : 1;
}
#endif
