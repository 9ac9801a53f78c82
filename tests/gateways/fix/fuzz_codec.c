/* Mutated messages through codec.h under AddressSanitizer and UBSan: fuzz_codec COUNT SEED.
 *
 * Every message lies in a heap block of exactly its size, so that one byte read too far is seen. BodyLength and CheckSum are mostly made right after the
 * mutation, so that the parser goes deep. Exit 0: no fault, and every answer was possible (skips move forward, an incomplete message skips nothing).
 */
#include <stdio.h>
#include <stdlib.h>

#include "codec.h"

static uint64_t state;

static uint32_t below(uint32_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16) % n;
}

static const char *const seeds[] = {
    "35=8|34=7|49=B|52=20231114-22:13:20.123|56=A|6=10.5|11=RF9IQ-0000A1F-00|14=50|17=E1|20=0|31=1.50|32=50|37=V1|38=100|39=1|54=1|55=X|60=20231114-22:13:20|",
    "35=B|34=2|95=5|96=a|b=c|58=x|",
    "35=A|34=1|98=0|108=30|93=3|89=a|b|",
    "35=0|",
};

static size_t mutate(unsigned char *body, size_t n) {
    static const char likely[] = "0123456789=\1.-8:";
    for (uint32_t k = below(4); k; k--) {
        size_t at = below((uint32_t)n);
        switch (below(4)) {
        case 0:
            body[at] = (unsigned char)below(256);
            break;
        case 1:
            memmove(body + at + 1, body + at, n - at);
            body[at] = (unsigned char)likely[below(16)];
            n++;
            break;
        case 2:
            if (n > 6) memmove(body + at, body + at + 1, --n - at);
            break;
        default:
            body[at] = (unsigned char)likely[below(16)];
        }
    }
    return n;
}

/* A message, or the beginning of one, in a block of its own. */
static unsigned char *make(size_t *size) {
    unsigned char body[512], *message, *cut;
    char text[64];
    const char *seed = seeds[below(4)];
    size_t n = 0, head, total;
    for (; seed[n]; n++) body[n] = seed[n] == '|' ? RF_FIX_SOH : (unsigned char)seed[n];
    n = mutate(body, n);
    head = (size_t)snprintf(text, sizeof text, "8=FIX.4.2%c9=%zu%c", RF_FIX_SOH, below(50) ? n : n + below(9), RF_FIX_SOH);
    total = head + n + 7;
    message = malloc(total);
    memcpy(message, text, head);
    memcpy(message + head, body, n);
    snprintf(text, sizeof text, "10=%03u%c", below(50) ? rf_fix_checksum(message, head + n) : below(256), RF_FIX_SOH);
    memcpy(message + head + n, text, 7);
    *size = total;
    if (below(20)) return message;
    *size = below((uint32_t)total) + 1;
    cut = malloc(*size);
    memcpy(cut, message, *size);
    free(message);
    return cut;
}

static void read_values(const rf_fix_message_t *m) {
    int64_t mantissa;
    uint64_t value;
    uint8_t digits;
    for (uint32_t i = 0; i < m->count; i++) {
        uint32_t n = m->fields[i].len;
        unsigned char *copy = malloc(n ? n : 1);
        memcpy(copy, m->bytes + m->fields[i].at, n);
        rf_fix_decimal(copy, n, &mantissa, &digits);
        rf_fix_timestamp(copy, n, &value);
        rf_fix_uint(copy, n, &value);
        free(copy);
    }
}

int main(int argc, char **argv) {
    static rf_fix_message_t m;
    uint64_t counts[4] = {0};
    if (argc != 3) return 2;
    state = strtoull(argv[2], NULL, 10) | 1;
    for (uint64_t left = strtoull(argv[1], NULL, 10); left; left--) {
        size_t size, skip;
        unsigned char *message = make(&size);
        int found = rf_fix_parse(message, size, &m, &skip);
        counts[found]++;
        if (found == RF_FIX_OK) read_values(&m);
        if (skip > size || (skip == 0) != (found == RF_FIX_INCOMPLETE)) {
            fprintf(stderr, "answer %d skips %zu of %zu bytes\n", found, skip, size);
            return 1;
        }
        free(message);
    }
    printf("%llu %llu %llu\n", (unsigned long long)counts[RF_FIX_OK], (unsigned long long)counts[RF_FIX_GARBLED], (unsigned long long)counts[RF_FIX_INCOMPLETE]);
    return 0;
}
